"""The data that answers are compared with, of a claim that has been run."""

from __future__ import annotations

from fractions import Fraction
from numbers import Rational
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.answers.asking import asked, data_of
from byhand.answers.rules import words
from byhand.evidence import printed
from byhand.evidence.comparing import TRUTH, Estimate, Holds, as_array, shape

if TYPE_CHECKING:
    from byhand.evidence.running import Outcome


def key_of(outcome: Outcome) -> dict[str, Any] | None:
    """Return the data of a claim's answer, or None if no problem asks for it."""
    one = asked().get(outcome.id)
    if one is None or outcome.given:
        return None
    erratum = outcome.quoted.erratum if outcome.quoted else None
    if one.right:  # the claim says it in words, or at a point
        return data_of(one, None, slips=[], erratum=erratum)
    printed_numbers = isinstance(outcome.result, str) and not outcome.claim.choices
    return data_of(
        one,
        printed.read(outcome.result) if printed_numbers else texts(outcome.result),
        rtol=0.0 if _is_exact(outcome.result) else 1e-12,
        floor=max(ran.route.floor for ran in outcome.routes),
        slips=_slips(outcome),
        choices=outcome.claim.choices,
        erratum=erratum,
    )


def texts(value: Any) -> Any:
    """Return a value in the notation that readers type: a text, or an array of texts."""
    if isinstance(value, str | TRUTH | Holds):
        return str(value)
    if isinstance(value, Estimate):
        value = value.value
    entries = [_text(x) for x in as_array(value).flat]
    return np.array(entries, dtype=str).reshape(shape(value)) if shape(value) else entries[0]


def _text(x: Any) -> str:
    if isinstance(x, Rational):
        return str(Fraction(int(x.numerator), int(x.denominator)))
    return str(x).replace("**", "^") if hasattr(x, "free_symbols") else repr(float(x))


def _is_exact(value: Any) -> bool:
    if isinstance(value, str | TRUTH | Holds | Estimate):
        return False
    return all(isinstance(x, Rational) or hasattr(x, "free_symbols") for x in as_array(value).flat)


def _slips(outcome: Outcome) -> list[dict[str, Any]]:
    """Return what the sheet has, if that is wrong, and the usual wrong answers."""
    found = [] if (sheet := _of_the_sheet(outcome)) is None else [sheet]
    for said, value in outcome.slips:
        if shape(value) == shape(outcome.result):
            found.append({"words": said, "texts": np.ravel(texts(value)).tolist()})
    return found


def _of_the_sheet(outcome: Outcome) -> dict[str, Any] | None:
    quoted, result = outcome.quoted, outcome.result
    if quoted is None or not quoted.erratum or isinstance(result, str | TRUTH | Holds):
        return None
    if outcome.sheet_value is not None:
        if isinstance(outcome.sheet_value, str | TRUTH | Holds):
            return None
        numbers = np.ravel(texts(outcome.sheet_value)).tolist()
    else:
        numbers = printed.read(quoted.read_as or quoted.text)
    if len(numbers) != int(np.prod(shape(result), dtype=int)):
        return None
    return {"words": words("sheet", erratum=quoted.erratum), "texts": numbers}
