"""What the optimizers require of their arguments, and arithmetic that keeps exact numbers exact."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np


class NonFiniteError(ValueError):
    """A number is infinite or not a number, as after an optimizer has diverged."""


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


def parameters(values: Any, name: str = "parameters") -> np.ndarray:
    """Return a new, finite, non-empty array: floats, or objects that compute exactly."""
    array = np.array(values)
    if array.dtype.kind in "iub":
        array = array.astype(float)
    if array.dtype.kind not in "fO":
        raise TypeError(f"{name} must be real numbers, got {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    if not _all_finite(array):
        raise NonFiniteError(f"{name} must be finite, got {array}")
    return array


def matched(gradient: Any, params: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and parameters as arrays of one shape."""
    params, gradient = parameters(params), parameters(gradient, "gradient")
    if gradient.shape != params.shape:
        raise ValueError(
            f"gradient must have the parameters' shape {params.shape}, got {gradient.shape}"
        )
    return gradient, params


def positive(name: str, value: Any) -> None:
    """Require value > 0, and finite."""
    if not (value > 0 and _is_finite(value)):
        raise ValueError(f"{name} must be positive and finite, got {value}")


def non_negative(name: str, value: Any) -> None:
    """Require value ≥ 0, and finite."""
    if not (value >= 0 and _is_finite(value)):
        raise ValueError(f"{name} must be at least 0 and finite, got {value}")


def decay_rate(name: str, value: Any) -> None:
    """Require 0 ≤ value < 1."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {value}")


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Require a convention that exists."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}")


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


def _all_finite(array: np.ndarray) -> bool:
    if array.dtype.kind == "f":
        return bool(np.isfinite(array).all())
    return all(map(_is_finite, array.flat))


def _is_finite(x: Any) -> bool:
    try:
        return math.isfinite(x)
    except OverflowError:  # an exact number too large for a float
        return True
    except TypeError:
        if hasattr(x, "free_symbols") and x.free_symbols:
            return True
        raise TypeError(f"a real number is required, got {x!r}") from None
