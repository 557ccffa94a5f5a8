"""The functions that the chapter minimizes, each with its gradient and its Hessian.

The last axis of a point holds its coordinates, so that each function also takes a whole grid of
points. Polynomials keep fractions and symbols exact; integers become floats, before a power of
them can wrap around. What the range of floats does not hold, on the way to it either, is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import (
    DOUBLE,
    exactly,
    floats,
    numbers,
    positive,
    samples,
    still_finite,
    symmetric,
    together,
)


class Objective(NamedTuple):
    """A function of points of shape (…, d), its gradient (…, d) and its Hessian (…, d, d)."""

    value: Callable[[Any], Any]
    gradient: Callable[[Any], np.ndarray]
    hessian: Callable[[Any], np.ndarray]


class Formulas(NamedTuple):
    """A function of points (…, d) that nobody has looked at, its gradient and Hessian.

    The losses of :mod:`byhand.hypergradients` are made of them too.
    """

    value: Callable[[Any], Any]
    gradient: Callable[[Any], Any]
    hvp: Callable[[Any, Any], Any]
    """(x, v) ↦ ∇²f(x) v, for vectors v of shape (…, d), without the matrix."""


def of_quadratic(A: Any, b: Any) -> Formulas:
    """Return ½ xᵀAx − bᵀx for a symmetric A, with its derivatives."""
    return Formulas(
        value=lambda x: (x * (x @ A - 2 * b)).sum(axis=-1) / 2,
        gradient=lambda x: x @ A - b,
        hvp=lambda x, v: v @ A,
    )


def of_least_squares(X: Any, t: Any) -> Formulas:
    """Return (1/n)‖Xw − t‖² with its derivatives, each by two products with X."""
    n = len(t)

    def twice_the_mean(total):  # one multiplication of floats; fractions and decimals stay exact
        return total * (2 / n) if X.dtype == float else 2 * total / n

    return Formulas(
        value=lambda w: ((w @ X.T - t) ** 2).sum(axis=-1) / n,
        gradient=lambda w: twice_the_mean((w @ X.T - t) @ X),
        hvp=lambda w, v: twice_the_mean(v @ X.T @ X),
    )


def quadratic(A: Any, b: Any = None) -> Objective:
    """Return f(x) = ½ xᵀAx − bᵀx for a symmetric matrix A.

    Parameters
    ----------
    A
        The Hessian, of shape (d, d), symmetric.
    b
        Of shape (d,); zero if omitted.

    Raises
    ------
    ValueError
        If A is not square and symmetric, or b does not fit it.

    Examples
    --------
    >>> f = quadratic([[2.0, 0.0], [0.0, 6.0]], [2.0, 0.0])
    >>> f.value([1.0, 1.0]).item(), f.gradient([1.0, 1.0]).tolist()
    (2.0, [0.0, 6.0])
    """
    A = symmetric("A", A)
    b = np.zeros_like(A[0]) if b is None else numbers("b", b)
    if b.shape != A[0].shape:
        raise ValueError(f"b must have shape {A[0].shape}, got {b.shape}")

    return _of_formulas(of_quadratic, len(b), A=A, b=b)


def least_squares(X: Any, t: Any) -> Objective:
    """Return L(w) = (1/n)‖Xw − t‖², Equation ch2-least-squares.

    Parameters
    ----------
    X
        One sample per row, of shape (n, d).
    t
        Targets, of shape (n,).

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> loss = least_squares([[2.0, 1.0]], [2.0])
    >>> loss.value([0.0, 0.0]).item(), loss.gradient([0.0, 0.0]).tolist()
    (4.0, [-8.0, -4.0])
    """
    X, t = samples(X, t)
    return _of_formulas(of_least_squares, X.shape[1], X=X, t=t)


def two_wells() -> Objective:
    """Return f(x₁, x₂) = 3x₁² − 3x₁x₂ + 2x₂² + 4x₁³ + x₁⁴, Equation ch2-two-wells.

    Examples
    --------
    >>> two_wells().gradient([1, 1]).tolist(), two_wells().hessian([0, 0]).tolist()
    ([19.0, 1.0], [[6.0, -3.0], [-3.0, 4.0]])
    """

    def value(x):
        a, b = _pair(x)
        return 3 * a**2 - 3 * a * b + 2 * b**2 + 4 * a**3 + a**4

    def gradient(x):
        a, b = _pair(x)
        return np.stack([6 * a - 3 * b + 12 * a**2 + 4 * a**3, 4 * b - 3 * a], axis=-1)

    def hessian(x):
        a, _ = _pair(x)
        return _symmetric(6 + 24 * a + 12 * a**2, -3, 4)

    return _objective(2, value, gradient, hessian)


def ripples() -> Objective:
    """Return f(x, y) = 2x² + 2y² − 17 y cos(0.2πx) − xy, Equation ch2-ripples.

    Examples
    --------
    >>> ripples().gradient([0.0, 0.0]).tolist(), ripples().hessian([0.0, 0.0]).tolist()
    ([0.0, -17.0], [[4.0, -1.0], [-1.0, 4.0]])
    """
    k = 0.2 * np.pi

    def value(p):
        x, y = _pair(p)
        return 2 * x**2 + 2 * y**2 - 17 * y * np.cos(k * x) - x * y

    def gradient(p):
        x, y = _pair(p)
        first = 4 * x + 17 * k * y * np.sin(k * x) - y
        return np.stack([first, 4 * y - 17 * np.cos(k * x) - x], axis=-1)

    def hessian(p):
        x, y = _pair(p)
        xx = 4 + 17 * k**2 * y * np.cos(k * x)
        return _symmetric(xx, 17 * k * np.sin(k * x) - 1, 4)

    return _objective(2, value, gradient, hessian, in_floats=True)


def rosenbrock(steepness: float = 100.0) -> Objective:
    """Return Rosenbrock's curved valley f(x, y) = (1 − x)² + c (y − x²)².

    Its one critical point is the minimum (1, 1), at the end of a bent, nearly flat valley.

    Parameters
    ----------
    steepness
        c > 0, how steep the valley's walls are.

    Raises
    ------
    ValueError
        If c is not positive and finite.

    References
    ----------
    H. H. Rosenbrock, An automatic method for finding the greatest or least value of a
    function, 1960.

    Examples
    --------
    >>> rosenbrock().gradient([1.0, 1.0]).tolist(), float(rosenbrock().value([0.0, 0.0]))
    ([0.0, 0.0], 1.0)
    """
    c = numbers("steepness", exactly("steepness", positive("steepness", steepness)))

    def value(p, c):
        x, y = _pair(p)
        return (1 - x) ** 2 + c * (y - x**2) ** 2

    def gradient(p, c):
        x, y = _pair(p)
        climb = 2 * c * (y - x**2)
        return np.stack([2 * (x - 1) - 2 * x * climb, climb], axis=-1)

    def hessian(p, c):
        x, y = _pair(p)
        return _symmetric(2 - 4 * c * (y - 3 * x**2), -4 * c * x, 2 * c)

    return _objective(2, value, gradient, hessian, steepness=c)


def _of_formulas(formulas: Callable, d: int, **constants: np.ndarray) -> Objective:
    """Return the objective of formulas in these constants whose Hessian is the same everywhere."""
    return _objective(
        d,
        lambda x, *given: formulas(*given).value(x),
        lambda x, *given: formulas(*given).gradient(x),
        lambda x, *given: _repeated(formulas(*given).hvp(x, identity_like(given[0][0])), x),
        **constants,
    )


def _objective(
    d: int,
    value: Callable,
    gradient: Callable,
    hessian: Callable,
    in_floats: bool = False,
    **constants: np.ndarray,
) -> Objective:
    """Return an objective of formulas in points and constants that compute with one another."""
    doubles = all(constant.dtype is DOUBLE for constant in constants.values())

    def at_points(name: str, formula: Callable) -> Callable:
        def evaluate(x):
            x, others = _points(x, d), constants.values()
            if in_floats and x.dtype.kind == "O":
                x = floats("the point", x)
            if constants and not (doubles and x.dtype is DOUBLE):
                x, *others = together(point=x, **constants)
            with np.errstate(over="ignore", invalid="ignore"):
                result = formula(x, *others)
            still_finite(name, result, lambda: f"at the point {x}")
            return result

        return evaluate

    return Objective(
        at_points("the value", value),
        at_points("gradient", gradient),
        at_points("hessian", hessian),
    )


def _pair(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split points of shape (…, 2) into their coordinates."""
    return point[..., 0], point[..., 1]


def _points(x: Any, coordinates: int) -> np.ndarray:
    """Return points of shape (…, d); complex ones pass, for derivatives by complex steps."""
    x = numbers("the point", x, allow_complex=True, copy=None)
    if x.ndim == 0 or x.shape[-1] != coordinates:
        raise ValueError(f"a point must have {coordinates} coordinates, got shape {x.shape}")
    return x


def _repeated(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return a matrix once for every point."""
    return np.array(np.broadcast_to(matrix, (*points.shape[:-1], *matrix.shape)))


def identity_like(w: np.ndarray) -> np.ndarray:
    """Return the identity matrix of w's size, with integer entries where w's are exact."""
    return np.eye(w.size, dtype=int).astype(object if w.dtype == object else float)


def _symmetric(xx: Any, xy: Any, yy: Any) -> np.ndarray:
    """Return matrices [[xx, xy], [xy, yy]] along the last two axes; xy and yy may be constants."""
    xy, yy = xy + 0 * xx, yy + 0 * xx
    rows = np.stack([xx, xy], axis=-1), np.stack([xy, yy], axis=-1)
    return np.stack(rows, axis=-2)
