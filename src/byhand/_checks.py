"""What functions require of their arguments, said in the same words in every chapter.

A check takes the argument's name first. It returns the argument as it is computed with, where
that may differ from what was given.
"""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np


class NonFiniteError(ValueError):
    """A number is infinite or not a number, as after an optimizer has diverged."""


# -- one value -----------------------------------------------------------------------------------


def integer(name: str, value: Any, least: int) -> int:
    """Return an integer that is not too small."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


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


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Require a value that exists."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}")


# -- arrays --------------------------------------------------------------------------------------


def numbers(
    name: str, values: Any, *, allow_complex: bool = False, copy: bool | None = True
) -> np.ndarray:
    """Return a finite, non-empty array: floats, or objects that compute exactly.

    It is a new one, unless ``copy`` is None and the values are such an array already.
    """
    array = np.array(values, copy=copy)
    if array.dtype.kind in "biu":
        array = array.astype(float)
    if array.dtype.kind not in ("fcO" if allow_complex else "fO"):
        kind = "numbers" if allow_complex else "real numbers"
        raise TypeError(f"{name} must be {kind}, got {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    finite(name, array)
    return array


def finite(name: str, array: np.ndarray) -> None:
    """Require finite entries; exact and symbolic ones are."""
    if array.dtype.kind == "O":
        all_finite = all(map(_is_finite, array.flat))
    else:
        all_finite = np.isfinite(array).all()
    if not all_finite:
        raise NonFiniteError(f"{name} must be finite, got {array}")


def vector(name: str, values: Any, **options: Any) -> np.ndarray:
    """Return a vector of finite numbers; the options are those of :func:`numbers`."""
    array = numbers(name, values, **options)
    if array.ndim != 1:
        raise ValueError(f"{name} must be a vector, got shape {array.shape}")
    return array


def square(name: str, matrix: Any) -> np.ndarray:
    """Return a square matrix of finite numbers."""
    matrix = numbers(name, matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must be a square matrix, got shape {matrix.shape}")
    return matrix


def symmetric(name: str, matrix: Any) -> np.ndarray:
    """Return a symmetric matrix of finite numbers."""
    matrix = square(name, matrix)
    if not (matrix == matrix.T).all():
        raise ValueError(f"{name} must be symmetric, got\n{matrix}")
    return matrix


def samples(X: Any, t: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs X of shape (n, d), one sample per row, and targets t of shape (n,)."""
    X, t = numbers("X", X), numbers("t", t)
    if X.ndim != 2 or t.shape != X.shape[:1]:
        raise ValueError(f"X must have shape (n, d) and t (n,), got {X.shape} and {t.shape}")
    return X, t


def _is_finite(x: Any) -> bool:
    try:
        return math.isfinite(x)
    except OverflowError:  # an exact number too large for a float
        return True
    except TypeError:
        if hasattr(x, "free_symbols") and x.free_symbols:
            return True
        raise TypeError(f"a real number is required, got {x!r}") from None
