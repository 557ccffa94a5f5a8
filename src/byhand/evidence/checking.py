"""``check``: the line in a notebook that runs a claim, and answers a reader.

While the book is built a disagreement raises, and ends the build. In a reader's hands a wrong
value is no error but is told kindly: what it is, and what it agrees with instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.answers import judging as answers
from byhand.answers.judging import Verdict
from byhand.answers.rules import UnreadError, form, place, places, sentence, words
from byhand.evidence import printed, setting
from byhand.evidence.comparing import (
    TRUTH,
    Comparison,
    Estimate,
    Holds,
    Tolerance,
    as_array,
    as_fraction,
    compare,
    is_enclosure,
    normal,
    shape,
)
from byhand.evidence.declaring import RTOL, Claim, ClaimError, find, find_loaded, load
from byhand.evidence.entry import entry_of
from byhand.evidence.keying import key_of
from byhand.evidence.running import OF_A_READER, Outcome, run, strict
from byhand.evidence.showing import show
from byhand.problems import BEYOND, PROBLEMS


def check(id: str, value: Any = None, **inputs: Any) -> None:
    """Run a claim, all of its routes, and show what came out.

    Parameters
    ----------
    id
        The id of a claim, of one of its cases, or of a problem for all its claims.
    value
        What you found. It is compared with the result, and is never one of the two routes that
        the claim needs. A string holds numbers as you would print them.
    **inputs
        Your own values of the claim's inputs: its routes are run on them.

    Raises
    ------
    ClaimError
        While the book is built: if anything disagrees. Always: if there is no such claim.

    Examples
    --------
    >>> from fractions import Fraction
    >>> check("D2.2.closed-form", Fraction(1, 3))
    ✗ D2.2.closed-form: not this value.
    """
    claims = _claims_of(id)
    if len(claims) > 1 and (value is not None or inputs):
        raise ClaimError(f"{id} has {len(claims)} claims; give a value or inputs to one of them")
    for claim, ids in claims:
        if inputs and len(ids) > 1:
            ids = [claim.id]  # no case of the book's
        values = _values(id, ids, value)
        entries = [_entry(claim, *pair, inputs) for pair in zip(ids, values, strict=True)]
        if found := [entry for entry in entries if entry is not None]:
            show(found, claim.statement if len(ids) > 1 else None)


def _claims_of(id: str) -> list[tuple[Claim, list[str]]]:
    """Return the claims that are meant, each with the ids of its cases that are meant."""
    if id in PROBLEMS or id in BEYOND:
        claims = load((PROBLEMS | BEYOND)[id])
        of_problem = [(each, list(each.ids)) for each in claims if each.problem == id]
        if of_problem and find_loaded(id) is None:
            return of_problem
    return [find(id)]


def _values(id: str, ids: list[str], value: Any) -> list[Any]:
    """Give each case its part of the value."""
    if value is None or len(ids) == 1:
        return [value] * len(ids)
    if not _has_entries(value) or len(value) != len(ids):
        raise ClaimError(f"{id} has {len(ids)} cases, {', '.join(ids)}: give a value for each")
    return list(value)


def _has_entries(value: Any) -> bool:
    """Return whether a value is made of others; in a list these may differ in shape."""
    return isinstance(value, list | tuple) or np.ndim(value) > 0


def _entry(claim: Claim, id: str, value: Any, inputs: dict[str, Any]) -> dict | None:
    """Run one case; in a reader's hands, say kindly what is wrong and return None."""
    try:
        outcome = run(claim, id, inputs)
        entry = entry_of(outcome)
        if value is not None:
            entry["witness"] = _witness(outcome, value)
    except Exception as error:
        if strict():
            raise
        said = str(error).removeprefix(f"{claim.chapter}: claim {id}: ")
        if inputs and not isinstance(error, ClaimError | ValueError):
            said = f"it cannot be computed with these inputs: {said or type(error).__name__}"
        print(f"✗ {id}: {said}")
        return None
    return entry


def _witness(outcome: Outcome, value: Any) -> dict[str, Any]:
    found = judge(outcome, value)
    if strict() and found.verdict != "right":
        raise ClaimError(
            f"{outcome.where}: this cell gives {value}, but the routes "
            f"{setting.text(outcome.result)}: {found.words}"
        )
    try:
        data = setting.as_data(value)
    except (TypeError, ValueError, AttributeError):  # of lists whose entries differ in length
        data = setting.as_data(str(value))
    return {"verdict": found.verdict, "words": found.words, "value": data}


# -- a reader's value ----------------------------------------------------------------------------


def judge(outcome: Outcome, value: Any) -> Verdict:
    """Say of a value what a reader wants to know: whether it is right, and if not, what it is.

    The right value is not given away.
    """
    if found := _typed(outcome, value) or _sheets_formula(outcome, value):
        return found
    try:
        value = _read(outcome.result, value)
        found = _agreement(outcome, outcome.result, value)
    except ValueError as error:
        why = str(error).partition("route ")[2] or error
        return Verdict("unread", words("unread", why=why))
    if found == "exact":
        return Verdict("right", words("right"))
    if found is not None:
        return Verdict("rounded", words("rounded"))
    return _known_slip(outcome, value) or Verdict("wrong", _what_differs(outcome, value))


def _typed(outcome: Outcome, value: Any) -> Verdict | None:
    """Judge a text, or texts, of what a problem asks for, as the page does."""
    key = key_of(outcome) if _is_text(value) else None
    if key is None or (not key["shape"] and not isinstance(value, str)):
        return None
    try:
        return answers.judge(key, answers.texts_of(key, value))
    except UnreadError as error:
        return Verdict("wrong", str(error))


def _is_text(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_text, value))
    return isinstance(value, str)


def _sheets_formula(outcome: Outcome, value: Any) -> Verdict | None:
    quoted = outcome.quoted
    formula = quoted is not None and outcome.sheet_value is not None
    if not (formula and isinstance(value, str) and value.strip() == quoted.text):
        return None
    if quoted.erratum:
        return Verdict("slip", sentence(words("sheet", erratum=quoted.erratum)))
    return Verdict("unread", "this is the sheet's formula, and it is right; give its value.")


def _read(result: Any, value: Any) -> Any:
    """Return the value as it is compared; a string holds what the result is made of."""
    if isinstance(value, str) and not isinstance(result, str):
        if not isinstance(result, TRUTH | Holds) and _symbols(result):
            return _read_formula(result, value)
        numbers = printed.read(value)
        if not numbers:
            raise ValueError(f"there is no number in {value!r}")
        count = int(np.prod(shape(result)))
        if len(numbers) != count:
            return np.array(numbers)
        return np.array(numbers).reshape(shape(result))
    return normal("", "of your value", value)


def _symbols(result: Any) -> dict[str, Any]:
    entries = [] if is_enclosure(result) or isinstance(result, Estimate) else as_array(result).flat
    return {s.name: s for x in entries for s in getattr(x, "free_symbols", ())}


def _read_formula(result: Any, text: str) -> Any:
    import sympy

    try:
        return sympy.sympify(text.replace("^", "**"), locals=_symbols(result))
    except (sympy.SympifyError, TypeError, SyntaxError, AttributeError):
        raise ValueError(f"{text!r} is no formula") from None


def _agreement(outcome: Outcome, right: Any, value: Any) -> str | None:
    """Return "exact", or "rounded" where as many digits agree as were given, or None."""
    if isinstance(right, TRUTH | Holds) and isinstance(value, TRUTH | Holds):
        return "exact" if bool(right) == bool(value) else None
    if isinstance(right, str):
        same = isinstance(value, str) and value.strip().casefold() == right.casefold()
        return "exact" if same else None
    if _printed(value):
        return _digits(right, [str(text) for text in np.ravel(value)], value)
    if _compared(outcome, right, value).agree:
        return "exact"
    entries = np.ravel(as_array(value)) if not isinstance(value, Holds | Estimate) else []
    if len(entries) and all(isinstance(x, float | np.floating) for x in entries):
        found = _digits(right, [repr(float(x)) for x in entries], value)
        return "rounded" if found else None
    return None


def _printed(value: Any) -> bool:
    """Return whether a value was read from a string, so that its digits are known."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "U"


def _digits(right: Any, texts: list[str], value: Any) -> str | None:
    if isinstance(right, Estimate):
        right = right.value
    if np.shape(value) != shape(right) or is_enclosure(right) or _symbols(right):
        return None
    pairs = zip(np.ravel(as_array(right)), texts, strict=True)
    try:
        ways = [printed.digits_agree(x, text) for x, text in pairs]
    except (TypeError, ValueError, OverflowError):  # complex, infinite
        return None
    if None in ways:
        return None
    if set(ways) == {"exact"}:
        return "exact"
    rounded = (text for text, way in zip(texts, ways, strict=True) if way != "exact")
    return "rounded" if all(map(answers.has_two_digits, rounded)) else None


def _compared(outcome: Outcome, right: Any, value: Any) -> Comparison:
    tolerance = Tolerance(RTOL)
    for ran in outcome.routes:
        tolerance = tolerance.looser(ran.tolerance)
    if outcome.given:
        tolerance = tolerance.looser(OF_A_READER)
    return compare(right, value, tolerance)


def _known_slip(outcome: Outcome, value: Any) -> Verdict | None:
    quoted = outcome.quoted
    if quoted is not None and quoted.erratum and _is_the_sheets(outcome, value):
        return Verdict("slip", sentence(words("sheet", erratum=quoted.erratum)))
    for said, wrong in outcome.slips:
        if _agreement(outcome, normal("", "of a slip", wrong), value):
            return Verdict("slip", sentence(said))
    return None


def _is_the_sheets(outcome: Outcome, value: Any) -> bool:
    quoted = outcome.quoted
    if outcome.sheet_value is not None:
        return _agreement(outcome, outcome.sheet_value, value) is not None
    if isinstance(value, str):
        return value == quoted.text
    numbers = printed.read(quoted.read_as or quoted.text)
    mine = [as_fraction(float(x)) if _printed(value) else x for x in np.ravel(as_array(value))]
    if len(numbers) != len(mine):
        return False
    return all(printed.digits_agree(*pair) for pair in zip(mine, numbers, strict=True))


def _what_differs(outcome: Outcome, value: Any) -> str:
    right = outcome.result
    if isinstance(right, str | TRUTH | Holds) or isinstance(value, str | TRUTH | Holds):
        return words("choice")
    if np.shape(value) != shape(right):
        return words("shape", wanted=form(shape(right)), this=form(np.shape(value)))
    if shape(right) == () or is_enclosure(right):
        return words("number")
    off = [
        index
        for index in np.ndindex(shape(right))
        if not _agreement(outcome, _part(right, index), _part(value, index))
    ]
    if len(off) == int(np.prod(shape(right))):
        return words("none")
    if len(off) > 1:
        return words("several", count=len(off), all=int(np.prod(shape(right))), places=places(off))
    return words("one", place=place(off[0])) if off else words("number")


def _part(value: Any, index: tuple[int, ...]) -> Any:
    if isinstance(value, Estimate):
        return Estimate(value.value[index], value.standard_error[index])
    part = as_array(value)[index]
    return np.array(part) if _printed(value) else part
