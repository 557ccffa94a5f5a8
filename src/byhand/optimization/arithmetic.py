"""Exact arithmetic beside floats: fractions in, and fractions through every update."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np


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
    array = np.array(values, dtype=object)
    fractions = [Fraction(str(x)) for x in array.flat]
    return np.array(fractions, dtype=object).reshape(array.shape)


def fitted(params: np.ndarray, *numbers: Any) -> list[Any]:
    """Return numbers as floats for float parameters, unchanged for exact ones."""
    if params.dtype.kind == "f":
        return [float(x) for x in numbers]
    for x in numbers:
        if isinstance(x, float):
            raise TypeError(f"exact parameters need exact hyperparameters, got the float {x}")
    return list(numbers)


def root(array: np.ndarray) -> np.ndarray:
    """Return square roots; of exact numbers, exact ones (SymPy's where a root is irrational)."""
    if array.dtype.kind == "f":
        return np.sqrt(array)
    roots = [_exact_root(x) for x in array.flat]
    return np.array(roots, dtype=object).reshape(array.shape)


def _exact_root(x: Any) -> Any:
    if hasattr(x, "sqrt"):  # decimal.Decimal
        return x.sqrt()
    if isinstance(x, Fraction) and x >= 0:
        parts = math.isqrt(x.numerator), math.isqrt(x.denominator)
        if parts[0] ** 2 == x.numerator and parts[1] ** 2 == x.denominator:
            return Fraction(*parts)
    import sympy  # here, because it takes a second to import

    return sympy.sqrt(sympy.sympify(x))
