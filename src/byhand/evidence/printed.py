"""What a sheet printed, held against a result to the digits that were printed."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from byhand.evidence import setting
from byhand.evidence.comparing import (
    TRUTH,
    Estimate,
    Holds,
    Tolerance,
    as_array,
    as_fraction,
    compare,
    is_exact,
)
from byhand.evidence.declaring import ClaimError, Sheet

_DECIMAL = r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
NUMBER = re.compile(rf"(?<![\w.])[-+]?(?:\d+/\d+|{_DECIMAL})(?!\.?\w)")

WAYS = ["exact", "rounded", "cut off"]
"""How printed digits may agree with a number."""


def hold_to_word(
    where: str, result: Any, sheet: Sheet, value: Any, tolerance: Tolerance
) -> str | None:
    """Hold the sheet to its word; return how its digits agree, if it printed digits.

    Parameters
    ----------
    where
        The claim, in words.
    result
        What the routes found.
    sheet
        What the sheet prints, and what the claim says of it.
    value
        What the sheet's formula or words amount to, or None if it prints numbers.
    tolerance
        For the floats of the result.

    Raises
    ------
    ClaimError
        If the sheet differs and there is no erratum, or it agrees and there is one.
    """

    def agreement_of(text: str) -> str | None:
        if value is None:
            return agreement(where, result, text)
        return "value" if compare(result, value, tolerance).agree else None

    text, read_as = sheet.text, sheet.read_as
    garbled = len(read(text)) != len(read(read_as or text))
    if read_as is not None and value is None and not garbled and agreement_of(text):
        raise ClaimError(f"{where}: the sheet's {text} agrees as it stands; drop read_as")
    found = agreement_of(text if read_as is None else read_as)
    shown = setting.text(result)
    if found and sheet.erratum:
        raise ClaimError(f"{where}: the sheet's {text} agrees with {shown}; drop erratum")
    if not found and not sheet.erratum:
        raise ClaimError(
            f"{where}: the sheet has {read_as or text} but the routes give {shown}; "
            "say what went wrong in erratum=…"
        )
    return found if found in ("rounded", "cut off") else None


def agreement(where: str, result: Any, printed: str) -> str | None:
    """Return in which of the ``WAYS`` the printed digits agree with a result, or None.

    Raises
    ------
    ValueError
        If as many numbers were not printed as the result has entries.
    """
    if isinstance(result, str):
        return "exact" if result == printed else None
    if isinstance(result, TRUTH | Holds):
        raise ValueError(f"{where}: say whether the sheet holds it true, with a value of its own")
    if isinstance(result, Estimate):
        result = result.value
    numbers, values = read(printed), list(as_array(result).flat)
    if len(numbers) != len(values):
        raise ValueError(f"{where}: sheet={printed!r} must hold {len(values)} numbers")
    ways = [digits_agree(*pair) for pair in zip(values, numbers, strict=True)]
    return None if None in ways else max(ways, key=WAYS.index)


def read(printed: str) -> list[str]:
    """Return the numbers that were printed.

    Examples
    --------
    >>> read("(0.66, −13/5)")
    ['0.66', '-13/5']
    """
    return NUMBER.findall(printed.replace("−", "-"))


def digits_agree(value: Any, printed: str) -> str | None:
    """Return how the digits of one printed number agree with a value, or None.

    Examples
    --------
    >>> [digits_agree(Fraction(2, 3), text) for text in ("2/3", "0.67", "0.66", "0.65")]
    ['exact', 'rounded', 'cut off', None]
    """
    exact, shown = as_fraction(value), Fraction(printed)
    if exact == shown:
        return "exact"
    if "/" in printed:
        noise = 0 if is_exact(value) else abs(shown) * Fraction(1, 10**12)
        return "exact" if abs(exact - shown) <= noise else None
    unit = Fraction(10) ** int(Decimal(printed).as_tuple().exponent)
    if abs(exact - shown) <= unit / 2:
        return "rounded"
    if shown * exact >= 0 and 0 <= abs(exact) - abs(shown) < unit:
        return "cut off"
    return None
