"""Running a claim: one route after another, each under the tracer, then compared.

What a claim shows of itself by running is in its :class:`Outcome`. Whether the functions that its
routes share are trusted is a question about the whole book: see ``byhand.evidence.anchoring``.
"""

from __future__ import annotations

import copy
import itertools
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from byhand.evidence import setting, source
from byhand.evidence.comparing import (
    TRUTH,
    Comparison,
    Estimate,
    Holds,
    Tolerance,
    as_array,
    compare,
    is_enclosure,
    is_exact,
    normal,
    shape,
)
from byhand.evidence.declaring import EVIDENCE, Claim, ClaimError, Route, Sheet, Slip
from byhand.evidence.printed import hold_to_word
from byhand.evidence.proving import Proof, ProverMissingError
from byhand.evidence.tracing import name_of, tracing

DIGITS = 12
"""How many digits of a float are shown where the routes agree to more."""


BUDGET = 60
"""Seconds of the processor that the routes of one result may take while the book is built."""

OF_A_READER = Tolerance(0.0, 1e-12)
"""With inputs that a reader chose a result may be 0, which rounding hides from a relative bound."""

WAS_PROVED = Holds(True, "proved when the book was built; no prover is installed here", proof="")
"""What a prover's route comes to where there is no prover, as on Binder."""


def strict() -> bool:
    """Return whether a disagreement must raise: while the book is built."""
    return bool(os.environ.get("BYHAND_BUILD"))


@dataclass
class Ran:
    """A route that has been run."""

    route: Route
    value: Any
    functions: frozenset[str]
    seconds: float

    @property
    def tolerance(self) -> Tolerance:
        return Tolerance(self.route.rtol, self.route.floor)


@dataclass
class Outcome:
    """What came out of running a claim, for one case or for a reader's own inputs."""

    claim: Claim
    id: str
    label: str | None
    inputs: dict[str, Any]
    given: frozenset[str] = frozenset()
    """Names of the inputs that a reader gave."""

    routes: list[Ran] = field(default_factory=list)
    setup: frozenset[str] = frozenset()
    comparisons: list[Comparison] = field(default_factory=list)
    quoted: Sheet | None = None
    sheet_value: Any = None
    sheet_digits: str | None = None
    slips: list[tuple[str, Any]] = field(default_factory=list)
    evidence: str = ""

    @property
    def where(self) -> str:
        return f"{self.claim.chapter}: claim {self.id}"

    @property
    def result(self) -> Any:
        """The value of the first route in the author's order."""
        return self.routes[0].value

    @property
    def digits(self) -> Any:
        """How many digits of each entry of the result the other routes confirm.

        Estimates confirm few, and count only where no other route does.
        """
        others = self.comparisons[: len(self.routes) - 1]
        others = [c for c in others if c.unit != "standard errors"] or others
        others = [c.entries for c in others]
        off = np.maximum.reduce([np.broadcast_to(o, shape(self.result)) for o in others])
        with np.errstate(divide="ignore"):
            agreed = np.floor(-np.log10(2 * np.asarray(off, dtype=float)))
        return np.clip(np.nan_to_num(agreed, posinf=DIGITS), 1, DIGITS).astype(int)

    @property
    def verdict(self) -> str:
        if self.quoted is None:
            return "verified"
        return "corrected" if self.quoted.erratum else "confirmed"


def run(
    claim: Claim,
    id: str | None = None,
    inputs: dict[str, Any] | None = None,
    ran: Mapping[str, Ran] = MappingProxyType({}),
) -> Outcome:
    """Run a claim and compare its routes.

    Parameters
    ----------
    claim
        The claim.
    id
        The id of one of its results; the claim's own if it has no cases.
    inputs
        A reader's own values of the claim's parameters; 0.1 is 1/10 where the claim's own value is
        exact. The sheet is then left out of it.
    ran
        Routes, by name, that have been run already and need not be run again.

    Raises
    ------
    ClaimError
        If two routes disagree or are one, or the sheet's value is not what the claim says.
    ValueError
        If a route returns nothing that can be compared, or the inputs are not the claim's.
    """
    id = id or next(iter(claim.ids))
    case = claim.ids.get(id)
    given = dict(inputs or {})
    if unknown := given.keys() - claim.defaults.keys():
        has = ", ".join(claim.defaults) or "none"
        raise ValueError(f"claim {id} has no input {', '.join(sorted(unknown))}; its inputs: {has}")
    own = claim.defaults | (case.inputs if case else {})
    values = own | {name: _in_kind_of(own[name], value) for name, value in given.items()}
    outcome = Outcome(claim, id, case.label if case else None, values, frozenset(given))
    sheet = _run_routes(outcome, ran)
    _refuse_slowness(outcome)
    _refuse_dependence(outcome)
    _compare_routes(outcome)
    if not outcome.given:
        _compare_sheet(outcome, _merged(outcome, case.sheet if case else Sheet(), sheet))
        _compare_slips(outcome)
    outcome.evidence = _evidence(outcome)
    return outcome


def _in_kind_of(own: Any, given: Any) -> Any:
    """Return an input; where our own is exact, a float as the decimal that it prints as."""
    if isinstance(given, float) and math.isfinite(given) and _is_fraction(own):
        return Fraction(str(given))
    if isinstance(given, list | tuple) and isinstance(own, list | tuple) and own:
        return type(given)(_in_kind_of(own[0], entry) for entry in given)
    return given


def _is_fraction(value: Any) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


# -- the routes one by one -----------------------------------------------------------------------


def _run_routes(outcome: Outcome, ran: Mapping[str, Ran]) -> Sheet | None:
    """Run each route as soon as it is yielded; what the claim does in between is set-up."""
    sheet, setup = None, set()
    steps = outcome.claim.routes(**copy.deepcopy(outcome.inputs))
    while True:
        with tracing() as names:
            step = next(steps, None)
        setup |= names
        if step is None:
            break
        if isinstance(step, Route):
            outcome.routes.append(ran.get(step.name) or _run_route(outcome, step))
        elif isinstance(step, Sheet):
            if sheet is not None:
                raise ValueError(f"{outcome.where} quotes the sheet twice")
            sheet = step
            if step.thunk is not None:
                outcome.sheet_value = normal(outcome.where, "of the sheet", step.thunk())
        elif isinstance(step, Slip):
            outcome.slips.append((step.words, step.thunk()))
        else:
            raise TypeError(f"{outcome.where} yields {step!r}; a claim yields by.…, sheet or slip")
    own = f"{outcome.claim.routes.__module__}.{outcome.claim.routes.__qualname__}"
    outcome.setup = frozenset(setup - {own})
    return sheet


def _run_route(outcome: Outcome, route: Route) -> Ran:
    start = time.process_time()
    with tracing() as names:
        value = _value_of(outcome, route)
    seconds = time.process_time() - start
    value = normal(outcome.where, route.name, value)
    if isinstance(value, TRUTH):
        raise ClaimError(
            f"{outcome.where}: route {route.name} says {value} and nothing of how much: "
            "return holds(…, effect)"
        )
    if isinstance(value, Holds) and not value:
        raise ClaimError(
            f"{outcome.where}: by {route.name}, it does not hold that {outcome.claim.statement} "
            f"({setting.effect_text(value.effect)})"
        )
    own = getattr(route.thunk, "__code__", None)
    if own is not None and own.co_name == "<lambda>":
        names.discard(name_of(own))  # its source is shown; two routes of one lambda are refused
    return Ran(route, value, frozenset(names), seconds)


def _value_of(outcome: Outcome, route: Route) -> Any:
    """Go the route; a proof that fails or cannot be made is told with the claim and the route."""
    try:
        value = route.thunk()
    except ProverMissingError as missing:
        if strict():
            raise
        if outcome.given:
            raise ClaimError(f"your own inputs need a proof of their own, and {missing}") from None
        return WAS_PROVED
    except ClaimError as refusal:
        raise ClaimError(f"{outcome.where}: route {route.name}: {refusal}") from None
    proof = getattr(value, "proof", None)
    if proof is not None and not isinstance(proof, Proof):
        raise ClaimError(
            f"{outcome.where}: route {route.name} calls {proof!r} a proof: return prove(…) or "
            "exhaust(…)"
        )
    if proof is not None and proof.decided and route.method != "prover":
        raise ClaimError(
            f"{outcome.where}: route {route.name} is a proof by {proof.prover} and says that it "
            f"works by {route.method}: make it by.prover"
        )
    if route.method == "prover" and proof is None:
        raise ClaimError(
            f"{outcome.where}: route {route.name} is by.prover and made no proof: return prove(…)"
        )
    if proof is not None and not outcome.claim.for_all:
        raise ClaimError(
            f"{outcome.where}: route {route.name} is a proof for all, and the claim does not say "
            "of what: for_all=…"
        )
    return value


def _refuse_slowness(outcome: Outcome) -> None:
    """Refuse a claim that takes long, in a build alone: a reader may have a slow machine."""
    seconds = sum(ran.seconds for ran in outcome.routes)
    if strict() and seconds > BUDGET:
        slowest = max(outcome.routes, key=lambda ran: ran.seconds)
        raise ClaimError(
            f"{outcome.where} takes {seconds:.0f} s of the processor, {BUDGET} s are allowed: "
            f"make route {slowest.route.name} shorter, or keep what it computes with @once"
        )


# -- whether they are routes at all --------------------------------------------------------------


def _refuse_dependence(outcome: Outcome) -> None:
    """Refuse what a claim's own routes show: one route, one method, values made elsewhere."""
    where, routes = outcome.where, [ran.route for ran in outcome.routes]
    names = [route.name for route in routes]
    if len(routes) < 2:
        raise ClaimError(f"{where} needs at least two routes, got {names}")
    if len(set(names)) < len(names):
        raise ClaimError(f"{where}: two routes have one name, among {names}")
    methods = {route.method for route in routes}
    if len(methods) == 1:
        raise ClaimError(
            f"{where}: routes {_and(names)} all work by {routes[0].method}; "
            "add one that works by another method"
        )
    if methods == {"hand", "closed form"}:
        hand = next(route.name for route in routes if route.method == "hand")
        raise ClaimError(
            f"{where}: the hand value of route {hand} has a closed form as its only partner, "
            "which it may have been copied from; add a route by another method"
        )
    for ran in outcome.routes:
        _refuse_borrowed(outcome, ran)
    for first, second in itertools.combinations(outcome.routes, 2):
        if first.value is second.value and isinstance(first.value, np.ndarray | list):
            raise ClaimError(
                f"{where}: routes {first.route.name} and {second.route.name} return the same "
                "object; compute each of them"
            )
        if getattr(first.route.thunk, "__code__", 1) is getattr(second.route.thunk, "__code__", 2):
            raise ClaimError(
                f"{where}: routes {first.route.name} and {second.route.name} are one function, "
                f"{source.source_of(first.route.thunk)}; write each of them out"
            )


def _refuse_borrowed(outcome: Outcome, ran: Ran) -> None:
    """Refuse a route that computes nothing, unless it is the text's own result by hand."""
    name, thunk = ran.route.name, ran.route.thunk
    if ran.route.method == "hand":
        return
    if source.is_literal(thunk):
        raise ClaimError(
            f"{outcome.where}: route {name} is the constant {source.source_of(thunk)}, "
            "which cannot fail; a value that the text derives is by.hand"
        )
    if source.is_bare_name(thunk):
        ran_before = f", which ran {_and(sorted(outcome.setup))}" if outcome.setup else ""
        raise ClaimError(
            f"{outcome.where}: route {name} is {source.source_of(thunk)}, made in the set-up"
            f"{ran_before}; move the computation into the route's lambda"
        )


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


# -- comparing -----------------------------------------------------------------------------------


def _compare_routes(outcome: Outcome) -> None:
    for first, second in itertools.combinations(outcome.routes, 2):
        tolerance = first.tolerance.looser(second.tolerance)
        if outcome.given:
            tolerance = tolerance.looser(OF_A_READER)
        found = compare(first.value, second.value, tolerance)
        if not found.agree:
            raise ClaimError(
                f"{outcome.where}: {first.route.name} gives {setting.text(first.value)} but "
                f"{second.route.name} gives {setting.text(second.value)} ({found.why})"
            )
        outcome.comparisons.append(found)


def _merged(outcome: Outcome, of_case: Sheet, of_claim: Sheet | None) -> Sheet | None:
    """Return the quotation, of which the case may give one part and the claim another."""
    merged = {}
    for part in ("text", "erratum", "read_as"):
        words = [getattr(s, part) for s in (of_case, of_claim) if s and getattr(s, part)]
        if len(words) > 1:
            raise ValueError(f"{outcome.where}: claim and case both give the sheet's {part}")
        merged[part] = words[0] if words else None
    if merged["text"] is None:
        if merged["erratum"] or merged["read_as"]:
            raise ValueError(f"{outcome.where} speaks of the sheet without quoting it")
        return None  # this case is not on the sheet
    return Sheet(**merged)


def _compare_sheet(outcome: Outcome, quoted: Sheet | None) -> None:
    """Hold the sheet to its word."""
    outcome.quoted = quoted
    if quoted is None:
        return
    outcome.sheet_digits = hold_to_word(
        outcome.where, outcome.result, quoted, outcome.sheet_value, outcome.routes[0].tolerance
    )


def _compare_slips(outcome: Outcome) -> None:
    for words, value in outcome.slips:
        value = normal(outcome.where, f"of the slip {words!r}", value)
        if compare(outcome.result, value, outcome.routes[0].tolerance).agree:
            raise ClaimError(
                f"{outcome.where}: the slip {words!r} leads to the right value, "
                f"{setting.text(value)}, so it cannot be told from it"
            )


# -- evidence ------------------------------------------------------------------------------------


def _evidence(outcome: Outcome) -> str:
    """Find the kind of evidence from what ran, and hold a kind that was named to it."""
    claim, where = outcome.claim, outcome.where
    found = _found_evidence([ran.value for ran in outcome.routes], outcome.routes)
    if claim.evidence == "sampled":
        if found == "proved":
            raise ClaimError(f"{where} is proved, not sampled; drop evidence and because")
        return "sampled"
    if claim.for_all and found != "proved":
        raise ClaimError(
            f"{where} speaks of all {claim.for_all} and is {found}: prove it, or say "
            "evidence='sampled' and why it is not proved"
        )
    if claim.evidence is not None and claim.evidence != found:
        raise ClaimError(f"{where} is declared {claim.evidence}, but by what ran it is {found}")
    assert found in EVIDENCE
    return found


def _found_evidence(values: list, routes: list[Ran]) -> str:
    if any(isinstance(value, Holds) and value.proof is not None for value in values):
        return "proved"
    if any(map(is_enclosure, values)):
        return "enclosed"
    methods = {ran.route.method for ran in routes}
    if any(isinstance(value, Estimate) for value in values) or "experiment" in methods:
        return "measured"
    if all(_is_exact_value(value) for value in values):
        return "exact"
    return "computed"


def _is_exact_value(value: Any) -> bool:
    if isinstance(value, Holds):
        return all(map(_is_exact_value, setting.parts_of(value.effect)))
    if isinstance(value, str) or (np.ndim(value) and _is_words(value)):
        return True
    return is_exact(value)


def _is_words(value: Any) -> bool:
    return all(isinstance(entry, str) for entry in as_array(value).flat)
