"""What a claim is: a generator of routes, registered under its id.

A claim is a small function whose parameters are the inputs, with their defaults, and which yields
routes, each a computation that has not run yet::

    @claim("D2.2.closed-form", r"$\\mathbb E\\,w(6)$ for $H$ and $\\eta=4/5$", answer=True)
    def closed_form(h=H, eta=Q(4, 5), t=6):
        yield by.recursion("recursion", lambda: sgd.moment_recursion(h, eta, 1, t)[-1])
        yield by.enumeration("draw counts", lambda: mean_of(sgd.exact_law(h, eta, t)))
        yield sheet("(1 − ηh)^t E[w(0)]", lambda: (1 - eta * mean(h)) ** t)
        yield slip("η forgotten", lambda: (1 - mean(h)) ** t)

Each route is run as soon as it is yielded, so a loop may yield routes. Claims live in
``byhand.claims``, in a module for each chapter.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from byhand.problems import BEYOND, CHAPTERS, PROBLEMS, chapter_of, problem_of

METHODS = (
    *("enumeration", "recursion", "closed form", "computer algebra", "prover"),
    *("automatic differentiation", "differences", "sampling", "experiment", "hand"),
)
"""By what means a route may work."""

EVIDENCE = ("proved", "exact", "enclosed", "computed", "measured", "sampled")
"""Kinds of evidence, the strongest first."""

ANSWERS = ("number", "vector", "matrix", "formula", "choice")
"""Forms in which a reader may be asked for an answer."""

RTOL = 1e-12
"""The relative tolerance of a float, in each entry, unless a route gives its reason for another."""


class ClaimError(AssertionError):
    """Routes disagree or are not independent, or a sheet's value is not what the claim says."""


# -- what a claim yields -------------------------------------------------------------------------


@dataclass(frozen=True)
class Route:
    """A way to a result, which has not been gone yet."""

    name: str
    method: str
    thunk: Callable[[], Any]
    rtol: float = RTOL
    floor: float = 0.0
    because: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.thunk):
            raise TypeError(f"route {self.name} must be computed by a lambda, got {self.thunk!r}")
        if "$" in self.name:
            raise ValueError(f"route {self.name} must be named in words, without formulas")
        if not (0 <= self.rtol < 1 and 0 <= self.floor < float("inf")):
            raise ValueError(
                f"route {self.name} needs 0 ≤ rtol < 1 and a finite floor ≥ 0, "
                f"got {self.rtol} and {self.floor}"
            )
        if (self.rtol > RTOL or self.floor > 0) and not self.because:
            raise ValueError(
                f"route {self.name} is looser than {RTOL:.0e} relative: say why in because=…"
            )


class _By:
    """Makes routes; the attribute is the method, and is said of the route wherever it is shown.

    Every method takes the route's name, a function without arguments that computes its result,
    and for results in floats ``rtol=`` and ``floor=``: two routes a and b agree if in each entry
    ``|a − b| ≤ floor + rtol·max(|a|, |b|)``, where each bound is the looser one of the two
    routes. A bound that is looser than ``RTOL`` needs its reason, ``because=``.
    """

    def enumeration(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """Every case of a finite number, or plain loops."""
        return Route(name, "enumeration", thunk, **tolerance)

    def recursion(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """Step by step, as an algorithm runs."""
        return Route(name, "recursion", thunk, **tolerance)

    def closed_form(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """A formula evaluated."""
        return Route(name, "closed form", thunk, **tolerance)

    def algebra(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """Computer algebra, or a solver of equations."""
        return Route(name, "computer algebra", thunk, **tolerance)

    def prover(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """A decision procedure: what it returns is a proof."""
        return Route(name, "prover", thunk, **tolerance)

    def autodiff(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """Automatic differentiation, forward or reverse."""
        return Route(name, "automatic differentiation", thunk, **tolerance)

    def differences(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """Finite differences or complex steps."""
        return Route(name, "differences", thunk, **tolerance)

    def sampling(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """Random draws; returns an :class:`Estimate`."""
        return Route(name, "sampling", thunk, **tolerance)

    def experiment(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """A program is run, and what it does is measured."""
        return Route(name, "experiment", thunk, **tolerance)

    def hand(self, name: str, thunk: Callable, **tolerance: Any) -> Route:
        """A value that the text derives by hand, written down."""
        return Route(name, "hand", thunk, **tolerance)


by = _By()


@dataclass(frozen=True)
class Sheet:
    """What the sheet has; never a route."""

    text: str | None = None
    thunk: Callable[[], Any] | None = None
    erratum: str | None = None
    read_as: str | None = None


def sheet(
    text: str | Callable | None = None,
    thunk: Callable[[], Any] | None = None,
    *,
    erratum: str | None = None,
    read_as: str | None = None,
) -> Sheet:
    """Quote the sheet: to the digits that it prints, or with what its words or formula amount to.

    Parameters
    ----------
    text
        What the sheet prints. May be left to the cases, which then quote it one by one.
    thunk
        Computes the value of the sheet's formula, or whether it holds the statement to be true.
        Without it, ``text`` holds the numbers of the result, each printed digit of which must be
        right, rounded or cut off.
    erratum
        What went wrong in the sheet, in one sentence. Required if its value differs from the
        result, forbidden if it agrees.
    read_as
        Where the scan garbled a character of ``text``: the reading that the result supports.
    """
    if callable(text):
        text, thunk = None, text
    return Sheet(text, thunk, erratum, read_as)


@dataclass(frozen=True)
class Slip:
    """A usual wrong answer, computed, and the sentence that a reader is told who gives it."""

    words: str
    thunk: Callable[[], Any]


def slip(words: str, thunk: Callable[[], Any]) -> Slip:
    """Name a usual wrong answer: what went wrong, in one sentence, and the value it leads to."""
    return Slip(words, thunk)


# -- cases and claims ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """The same routes at other inputs."""

    name: str
    label: str | None
    inputs: dict[str, Any]
    sheet: Sheet


def case(
    name: str,
    label: str | None = None,
    *,
    sheet: str | None = None,
    erratum: str | None = None,
    read_as: str | None = None,
    **inputs: Any,
) -> Case:
    """Declare one case of a claim: a row of its table, with an id of its own.

    Parameters
    ----------
    name
        Takes the place of the ``*`` in the claim's id, or follows it after a dot.
    label
        What this case is about, in Markdown: the head of its row.
    sheet, erratum, read_as
        As for :func:`sheet`, for this case.
    **inputs
        Values of the claim's parameters; the others keep their defaults.
    """
    return Case(name, label, inputs, Sheet(sheet, None, erratum, read_as))


@dataclass(frozen=True)
class Claim:
    """A registered claim."""

    id: str
    statement: str
    routes: Callable[..., Iterator]
    cases: tuple[Case, ...] = ()
    pattern: str = ""
    answer: str | bool = False
    choices: tuple[str, ...] = ()
    evidence: str | None = None
    because: str | None = None
    for_all: str | None = None
    components: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        return problem_of(self.id)

    @property
    def chapter(self) -> str:
        return chapter_of(self.id)

    @property
    def ids(self) -> dict[str, Case | None]:
        """Id → case, for each result of the claim; a claim without cases has one, its own."""
        return {self.id_of(each): each for each in self.cases} or {self.id: None}

    def id_of(self, one: Case) -> str:
        if "*" in self.pattern:
            return self.pattern.replace("*", one.name)
        return f"{self.id}.{one.name}"


def claim(
    id: str,
    statement: str,
    *,
    cases: Sequence[Case] = (),
    answer: str | bool = False,
    choices: Sequence[str] = (),
    evidence: str | None = None,
    because: str | None = None,
    for_all: str | None = None,
    components: Sequence[str] = (),
) -> Callable[[Callable], Callable]:
    """Register a generator function as a claim.

    Parameters
    ----------
    id
        A problem's id, a dot and a name: ``"A1.w3"``. Results beyond the sheets start with
        ``"beyond-2."`` in chapter 2, and so on. A ``*`` stands for the name of a case: the cases
        of ``"A1.w*"`` are ``A1.w1``, ``A1.w2``; the claim itself is called ``A1.w``.
    statement
        What is claimed, in a few words; Markdown with ``$…$`` for maths. It heads the table of
        the cases.
    cases
        The same routes at other inputs; without them the claim is about the parameters' defaults.
    answer, choices
        Whether a problem asks for this result, and in which form if not the value's own: one of
        ``ANSWERS``. For a choice, all words to choose from.
    evidence, because
        The kind of evidence, one of ``EVIDENCE``. It is found from what ran, and a kind that is
        named must be that one. ``"sampled"`` has to be named, ``because`` no prover decides the
        statement: say what was done instead, and for which sizes.
    for_all
        The quantifier of a statement about all, in Markdown: ``"all $h>0$ and $\\eta$"``.
    components
        Names of the result's entries, for the columns of a table.

    Raises
    ------
    ValueError
        If the id is no problem's or taken, or the arguments contradict each other.
    """
    name = id.replace("*", "").rstrip(".-") if "*" in id else id
    _check_declaration(id, name, cases, answer, choices, evidence, because, for_all)

    def register(function: Callable) -> Callable:
        if not inspect.isgeneratorfunction(function):
            raise ValueError(f"claim {name}: {function.__name__} must yield its routes")
        parameters = inspect.signature(function).parameters.values()
        if lacking := [p.name for p in parameters if p.default is p.empty]:
            raise ValueError(f"claim {name}: inputs need defaults: {', '.join(lacking)}")
        defaults = {p.name: p.default for p in parameters}
        for one in cases:
            if unknown := one.inputs.keys() - defaults.keys():
                raise ValueError(f"claim {name}: case {one.name} gives {', '.join(unknown)}")
        _register(
            Claim(
                name, statement, function, tuple(cases), id, answer, tuple(choices),
                evidence, because, for_all, tuple(components), defaults,
            )
        )  # fmt: skip
        return function

    return register


def _check_declaration(id, name, cases, answer, choices, evidence, because, for_all) -> None:
    problem_of(name)
    if evidence not in (None, *EVIDENCE):
        raise ValueError(f"claim {name}: evidence must be one of {EVIDENCE}, got {evidence!r}")
    if (evidence == "sampled") != (because is not None):
        raise ValueError(f"claim {name}: evidence is 'sampled' because=…; give both or neither")
    if evidence == "sampled" and for_all is None:
        raise ValueError(f"claim {name}: sampled from what? Say for_all=…")
    if answer not in (True, False, *ANSWERS):
        raise ValueError(f"claim {name}: answer must be one of {ANSWERS}, got {answer!r}")
    if (answer == "choice") != bool(choices):
        raise ValueError(f"claim {name}: answer='choice' goes with choices=…")
    if "*" in id and not cases:
        raise ValueError(f"claim {name}: its id has a * but there are no cases")
    if len({one.name for one in cases}) < len(cases):
        raise ValueError(f"claim {name}: two cases have one name")


# -- the registry --------------------------------------------------------------------------------

REGISTRY: dict[str, Claim] = {}
"""Id → claim, for the claims of the chapters that have been loaded."""


def _register(new: Claim) -> None:
    here = new.routes.__module__
    expected = module_of(new.chapter)
    if here.startswith("byhand.claims.") and not f"{here}.".startswith(f"{expected}."):
        raise ValueError(f"claim {new.id} belongs into {expected}, not {here}")
    for id in {new.id, *new.ids}:
        holder = find_loaded(id)
        same = holder and holder.routes.__qualname__ == new.routes.__qualname__
        if holder and not (same and holder.routes.__module__ == here):
            raise ValueError(f"claim id {id} is taken, by {holder.routes.__qualname__} in {here}")
    REGISTRY[new.id] = new


def find_loaded(id: str) -> Claim | None:
    return REGISTRY.get(id) or next((c for c in REGISTRY.values() if id in c.ids), None)


def module_of(chapter: str) -> str:
    """Return the name of the module that holds a chapter's claims.

    Examples
    --------
    >>> module_of("02_optimization")
    'byhand.claims.optimization'
    """
    return f"byhand.claims.{chapter.partition('_')[2]}"


def load(chapter: str) -> list[Claim]:
    """Import a chapter's claims, from all its modules; return them in the order of the book."""
    name = module_of(chapter)
    if importlib.util.find_spec(name) is not None:
        module = importlib.import_module(name)
        for part in pkgutil.iter_modules(getattr(module, "__path__", [])):
            importlib.import_module(f"{name}.{part.name}")
    order = {problem: position for position, problem in enumerate((*PROBLEMS, *BEYOND))}
    claims = [each for each in REGISTRY.values() if each.chapter == chapter]
    return sorted(claims, key=lambda each: order[each.problem])


def load_all() -> list[Claim]:
    """Import the claims of all chapters, in the order of the book."""
    return [each for chapter in CHAPTERS for each in load(chapter)]


def find(id: str) -> tuple[Claim, list[str]]:
    """Return the claim of an id, and the ids of the cases that are meant: one, or all.

    Raises
    ------
    ClaimError
        If there is no such claim.
    """
    chapter = chapter_of(id)
    load(chapter)
    found = find_loaded(id)
    if found is None:
        near = [each for each in all_ids(chapter) if problem_of(each) == problem_of(id)]
        known = f"; {problem_of(id)} has {', '.join(near)}" if near else ""
        raise ClaimError(f"{chapter}: there is no claim {id}{known}")
    return found, [id] if id in found.ids else list(found.ids)


def all_ids(chapter: str) -> list[str]:
    """Return the ids of all results that a chapter claims."""
    return [id for each in load(chapter) for id in each.ids]
