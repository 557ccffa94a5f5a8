"""Results as text and as mathematics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from numbers import Number, Rational
from typing import Any

import numpy as np

from byhand.evidence.comparing import (
    TRUTH,
    Estimate,
    Holds,
    as_array,
    is_enclosure,
    middle_and_radius,
)

MAX_DIGITS = 24
"""A longer integer or fraction is shown as a decimal; it is compared exactly all the same."""

MAX_ENTRIES = 6
"""A longer array is shown by its first entries in text."""

MAX_SIDE = 8
"""A matrix or vector with more rows or columns is shown by its first entries."""


# -- text ----------------------------------------------------------------------------------------


def text(value: Any, digits: Any = 12) -> str:
    """Return a value as short text: up to six entries, floats to twelve digits or fewer."""
    if isinstance(value, Estimate):
        means, errors = np.ravel(value.value), np.ravel(value.standard_error)
        shown = [f"{m:.6g} ± {e:.2g}" for m, e in zip(means, errors, strict=True)]
        return _joined(shown, np.ndim(value.value))
    if isinstance(value, Holds):
        return f"{value.truth} ({text(value.effect)})"
    if isinstance(value, str | TRUTH):
        return str(value)
    if is_enclosure(value):
        middle, radius = middle_and_radius(value)
        return f"{middle:.12g} ± {radius:.2g}"
    return _joined(_texts(value, digits), as_array(value).ndim)


def _texts(value: Any, digits: Any) -> list[str]:
    entries = as_array(value)
    places = np.broadcast_to(digits, entries.shape)
    return [number(x, int(n)) for x, n in zip(entries.flat, places.flat, strict=True)]


def _joined(shown: list[str], dimensions: int) -> str:
    if dimensions == 0:
        return shown[0]
    more = [f"… ({len(shown)} in all)"] if len(shown) > MAX_ENTRIES else []
    return "[" + ", ".join(shown[:MAX_ENTRIES] + more) + "]"


def number(x: Any, digits: int = 12) -> str:
    """Return one number as text."""
    if isinstance(x, float | complex | np.inexact):
        return f"{x:.{digits}g}"
    shown = str(x)
    if len(shown) > MAX_DIGITS and isinstance(x, Rational):
        decimal = Decimal(int(x.numerator)) / Decimal(int(x.denominator))  # a float may overflow
        return f"{decimal:.12g} (exactly, {len(shown)} characters)"
    return shown


def scientific(x: float) -> str:
    """Return a small number as it is written by hand.

    Examples
    --------
    >>> scientific(2.22e-16)
    '2 × 10⁻¹⁶'
    """
    mantissa, exponent = f"{x:.0e}".split("e")
    superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} × 10{superscript}"


# -- mathematics ---------------------------------------------------------------------------------


def latex(value: Any, digits: Any = 12) -> str | None:
    r"""Return a value in LaTeX, or None if it is words.

    Examples
    --------
    >>> from fractions import Fraction
    >>> latex([Fraction(13, 5), 0.25])
    '\\left(\\tfrac{13}{5},\\ 0.25\\right)'
    """
    if isinstance(value, Holds | str | TRUTH):
        return None
    if is_enclosure(value):
        middle, radius = middle_and_radius(value)
        return rf"{_float(middle, 12)} \pm {_float(radius, 2)}"
    if isinstance(value, Estimate):
        means, errors = np.ravel(value.value), np.ravel(value.standard_error)
        pairs = zip(means, errors, strict=True)
        entries = [rf"{_float(float(m), 6)} \pm {_float(float(e), 2)}" for m, e in pairs]
        return _arranged(entries, np.shape(value.value))
    entries = entries_latex(value, digits)
    return _arranged(entries, as_array(value).shape)


def entries_latex(value: Any, digits: Any = 12) -> list[str]:
    """Return the entries of a number or array in LaTeX, in reading order."""
    entries = as_array(value)
    places = np.broadcast_to(digits, entries.shape)
    return [number_latex(x, int(n)) for x, n in zip(entries.flat, places.flat, strict=True)]


def number_latex(x: Any, digits: int = 12) -> str:
    """Return one number or expression in LaTeX."""
    if isinstance(x, str):
        return rf"\text{{{x}}}"
    if isinstance(x, Rational):
        if len(str(x)) > MAX_DIGITS:
            return _power(f"{Decimal(int(x.numerator)) / Decimal(int(x.denominator)):.12g}")
        sign = "-" if x < 0 else ""
        p, q = abs(int(x.numerator)), int(x.denominator)
        return f"{sign}{p}" if q == 1 else rf"{sign}\tfrac{{{p}}}{{{q}}}"
    if isinstance(x, complex | np.complexfloating):
        sign = "-" if x.imag < 0 else "+"
        return f"{_float(x.real, digits)} {sign} {_float(abs(x.imag), digits)}i"
    if isinstance(x, Number) and not hasattr(x, "free_symbols"):
        return _float(float(x), digits)
    import sympy  # a second to import, and few claims are symbolic

    return sympy.latex(x)


def _float(x: float, digits: int) -> str:
    if math.isinf(x):
        return r"\infty" if x > 0 else r"-\infty"
    return r"\text{nan}" if math.isnan(x) else _power(f"{x:.{digits}g}")


def _power(decimal: str) -> str:
    mantissa, e, exponent = decimal.partition("e")
    if not e:
        return decimal
    power = rf"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa}\cdot {power}"


def _arranged(entries: list[str], shape: tuple[int, ...]) -> str:
    """Set entries as a number, as a vector in a row, or as a matrix; more axes as a row."""
    if shape == ():
        return entries[0]
    if len(shape) == 2 and max(shape) <= MAX_SIDE:
        rows = [" & ".join(row) for row in _rows(entries, shape[1])]
        return r"\begin{pmatrix}" + r" \\ ".join(rows) + r"\end{pmatrix}"
    shown = entries[:MAX_ENTRIES] + [r"\dots"] * (len(entries) > MAX_ENTRIES)
    return r"\left(" + r",\ ".join(shown) + r"\right)"


def _rows(entries: list[str], width: int) -> Iterator[list[str]]:
    return (entries[i : i + width] for i in range(0, len(entries), width))


# -- data ----------------------------------------------------------------------------------------


def as_data(value: Any, digits: Any = 12) -> dict[str, Any]:
    """Return what a page needs to show a value: text, LaTeX, shape, and the first entries."""
    words = isinstance(value, str | TRUTH | Holds)
    entries = [] if words or isinstance(value, Estimate) or is_enclosure(value) else value
    return {
        "text": text(value, digits),
        "latex": latex(value, digits),
        "truth": bool(value) if isinstance(value, TRUTH | Holds) else None,
        "shape": [] if words or is_enclosure(value) else list(_shape(value)),
        "entries": entries_latex(entries, digits)[: MAX_SIDE**2] if np.size(entries) else [],
    }


def _shape(value: Any) -> tuple[int, ...]:
    return np.shape(value.value) if isinstance(value, Estimate) else as_array(value).shape


def has_floats(value: Any) -> bool:
    """Return whether a result is made of floats, to which a tolerance applies."""
    if isinstance(value, str | TRUTH | Holds | Estimate) or is_enclosure(value):
        return False
    return any(isinstance(x, float | complex | np.inexact) for x in as_array(value).flat)
