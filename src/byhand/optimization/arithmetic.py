"""Exact arithmetic beside floats, and floats whose squares neither over- nor underflow."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import as_float, floats


def exact(values: Any) -> np.ndarray:
    """Return numbers as an array of fractions, each float read as the decimal that it prints as.

    Parameters
    ----------
    values
        A number or nested list of integers, floats, fractions or strings such as ``"1/3"``.

    Returns
    -------
    numpy.ndarray
        The same shape, of :class:`fractions.Fraction`.

    Examples
    --------
    >>> exact([0.1, 2, "1/3"])
    array([Fraction(1, 10), Fraction(2, 1), Fraction(1, 3)], dtype=object)
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError("values must not be masked, got a masked array")
    array = np.array(values, dtype=object)
    return like(array, [_fraction(x) for x in array.flat])


def fitted(params: np.ndarray, *numbers: Any) -> list[Any]:
    """Return numbers as floats for float parameters, unchanged for exact ones."""
    if params.dtype.kind == "f":
        return [x if type(x) is float else as_float("a hyperparameter", x) for x in numbers]
    for x in numbers:
        if isinstance(x, float):
            raise TypeError(f"exact parameters need exact hyperparameters, got the float {x}")
    return list(numbers)


def like(array: np.ndarray, entries: list) -> np.ndarray:
    """Return exact entries as an array of a shape, of no dimension too."""
    result = np.empty(array.shape, dtype=object)
    result.flat = entries
    return result


def _fraction(x: Any) -> Fraction:
    try:
        return Fraction(str(x))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"values must be finite rational numbers, got {x!r}") from None


# -- squares and roots ---------------------------------------------------------------------------

NEVER = -(2**30)
"""The exponent of a scaled zero: below that of every other number."""


class Scaled(NamedTuple):
    """Floats value · 2^exponent, entry by entry, with 1/2 ≤ \\|value\\| < 1 or value = 0.

    The square of a float has twice its exponent, so it may leave the floats where its root would
    be one again: g = 10²⁰⁰ has the root mean square 10²⁰⁰, but g² overflows. A power of two
    changes no rounding, so the digits are those of plain floats wherever these suffice.
    """

    value: np.ndarray
    exponent: np.ndarray

    __array_ufunc__ = None

    def __add__(self, other: Scaled) -> Scaled:
        common = np.maximum(self.exponent, other.exponent)
        return _normal(_shifted(self, -common) + _shifted(other, -common), common)

    def __mul__(self, factor: float) -> Scaled:
        return _normal(self.value * factor, self.exponent)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Scaled:
        if isinstance(other, Scaled):
            return _normal(self.value / other.value, self.exponent - other.exponent)
        return _normal(self.value / other, self.exponent)

    def __pow__(self, power: int) -> Scaled:
        return _normal(self.value**power, self.exponent * power)


def scaled_if_needed(squared: tuple, *others: Any) -> list[Any]:
    """Return numbers, all of them scaled if the square of one of the first might need it.

    Exact numbers have no range, and so need no scale.
    """
    numbers = [*squared, *others]
    if not any(isinstance(x, Scaled) for x in numbers) and all(map(_is_roomy, squared)):
        return numbers
    return [to_scaled(x) for x in numbers]


def to_scaled(x: Any) -> Any:
    """Return floats as scaled ones."""
    return x if isinstance(x, Scaled) else _normal(np.asarray(x), 0)


def _is_roomy(x: Any) -> bool:
    """Return whether numbers are exact, or floats whose squares are far from the range's ends."""
    x = np.asarray(x)
    if x.dtype.kind == "O":
        return True
    size = np.abs(x)
    if size.size < 16:  # of so few NumPy's own sums take longer
        return all(1e-100 < one < 1e100 or one == 0 for one in size.ravel().tolist())
    least = size.min() or size.min(where=size > 0, initial=np.inf)
    return bool(least > 1e-100 and size.max() < 1e100)


def plain(x: Any) -> np.ndarray:
    """Return scaled floats as floats, infinite or 0 where these do not reach; others as arrays."""
    if not isinstance(x, Scaled):
        return np.asarray(x)
    with np.errstate(over="ignore", under="ignore"):
        return _shifted(x, 0)


def root(x: Any) -> Any:
    """Return square roots; of exact numbers, exact ones (SymPy's where a root is irrational)."""
    if isinstance(x, Scaled):
        odd = x.exponent % 2
        return _normal(np.sqrt(np.ldexp(x.value, odd)), (x.exponent - odd) // 2)
    array = np.asarray(x)
    if array.dtype.kind == "f":
        return np.sqrt(array)
    return like(array, [_exact_root(entry) for entry in array.flat])


def is_zero(x: Any) -> np.ndarray:
    """Return which entries are 0."""
    return (x.value if isinstance(x, Scaled) else np.asarray(x)) == 0


def _normal(value: np.ndarray, exponent: Any) -> Scaled:
    """Return value · 2^exponent with its value in the range that :class:`Scaled` promises."""
    value, more = np.frexp(value)
    return Scaled(value, np.where(value == 0, NEVER, more + exponent))


def _shifted(x: Scaled, by: Any) -> np.ndarray:
    return np.ldexp(x.value, x.exponent + by)


def _exact_root(x: Any) -> Any:
    if hasattr(x, "sqrt"):  # decimal.Decimal
        return x.sqrt()
    if isinstance(x, int | Fraction) and x >= 0:
        parts = math.isqrt(x.numerator), math.isqrt(x.denominator)
        if parts[0] ** 2 == x.numerator and parts[1] ** 2 == x.denominator:
            return Fraction(*parts)
    import sympy  # here, because it takes a second to import

    return sympy.sqrt(sympy.sympify(x))


# -- linear systems ----------------------------------------------------------------------------


def solve(A: np.ndarray, b: np.ndarray, name: str) -> np.ndarray:
    """Solve Ax = b for A (…, d, d) and b (…, d), exactly if the entries are exact."""
    if A.dtype.kind == b.dtype.kind == "O":
        systems = zip(A.reshape(-1, *A.shape[-2:]), b.reshape(-1, b.shape[-1]), strict=True)
        return np.stack([_solve_exactly(*system, name) for system in systems]).reshape(b.shape)
    A, b = floats(name, A), floats("the right side", b)
    if (np.linalg.cond(A) * np.finfo(float).eps >= 1).any():
        raise ValueError(f"{name} must not be singular, got\n{A}")
    return np.linalg.solve(A, b[..., None])[..., 0]


def _solve_exactly(A: np.ndarray, b: np.ndarray, name: str) -> np.ndarray:
    """Gauss and Jordan's elimination of one system of exact numbers."""
    rows = [[*row, right] for row, right in zip(A.tolist(), b.tolist(), strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k] != 0), None)
        if pivot is None:
            raise ValueError(f"{name} must not be singular, got\n{A}")
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(len(rows)):
            if i != k:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return np.array([row[-1] for row in rows])
