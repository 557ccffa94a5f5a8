"""Smoothness: how far a function is from its tangent plane, and how fast its gradient turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from byhand._checks import derivative_of, floats, numbers, still_finite, together


def linearization_error(value: Callable, gradient: Callable, x: Any, y: Any) -> Any:
    """Return f(x) − f(y) − ∇f(y)ᵀ(x − y), the left side of Equation ch2-smooth.

    Parameters
    ----------
    value, gradient
        f and ∇f, for points of shape (…, d).
    x, y
        Points of shape (…, d). The tangent plane is taken at y.

    Returns
    -------
    number or numpy.ndarray
        Of shape (…,).

    Raises
    ------
    ValueError
        If the points have different shapes or are not finite.

    Examples
    --------
    >>> linearization_error(lambda x: (x**2).sum(-1), lambda x: 2 * x, [3.0], [1.0]).item()
    4.0
    """
    x, y = _two_points(x, y)
    with np.errstate(over="ignore", invalid="ignore"):
        slope = derivative_of("gradient", gradient(y.copy()), y.shape, "at y")
        error = value(x.copy()) - value(y.copy()) - (slope * (x - y)).sum(axis=-1)
    still_finite("the error", error, f"between x = {x} and y = {y}")
    return error


def gradient_variation(gradient: Callable, x: Any, y: Any) -> np.ndarray:
    """Return ‖∇f(x) − ∇f(y)‖/‖x − y‖, which is at most β for a β-smooth f.

    Parameters
    ----------
    gradient
        ∇f, for points of shape (…, d).
    x, y
        Points of shape (…, d), nowhere equal.

    Returns
    -------
    numpy.ndarray
        Of shape (…,): each entry is a lower bound of every β that fits.

    Raises
    ------
    ValueError
        If a point of x equals that of y, or the points have different shapes or are not finite.

    Examples
    --------
    >>> gradient_variation(lambda x: 3 * x, [1.0, 2.0], [0.0, 0.0]).round(12).item()
    3.0
    """
    x, y = _two_points(x, y)
    with np.errstate(over="ignore"):
        steps = floats("x − y", x - y)
    if (steps == 0).all(axis=-1).any():
        raise ValueError("x and y must be different points")
    with np.errstate(over="ignore"):
        slopes = (derivative_of("gradient", gradient(p.copy()), p.shape, f"at {p}") for p in (x, y))
        changes = floats("∇f(x) − ∇f(y)", next(slopes) - next(slopes))
    (rise, up), (distance, along) = _scaled_norms(changes), _scaled_norms(steps)
    return np.ldexp(rise / distance, up - along)


def _two_points(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = together(x=numbers("x", x), y=numbers("y", y))
    if x.shape != y.shape or x.ndim == 0:
        raise ValueError(f"x and y must have one shape (…, d), got {x.shape} and {y.shape}")
    return x, y


def _scaled_norms(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return n and e with ‖x‖ = n·2ᵉ along the last axis: no square over- or underflows."""
    exponents = np.frexp(np.abs(x).max(axis=-1))[1]
    return np.linalg.norm(np.ldexp(x, -exponents[..., None]), axis=-1), exponents
