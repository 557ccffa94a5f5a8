"""Derivatives of things that are defined by an equation: inverses, solutions, fixed points.

Derived in ``chapters/01_linear_algebra.ipynb``, problem B1.2v and *Beyond the sheets*.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from byhand._checks import NonFiniteError, floats, scaled, square, vector
from byhand.linear_algebra.numerical import EPSILON


def inverse_derivative(A: np.ndarray, dA: np.ndarray) -> np.ndarray:
    """Return the derivative of the inverse of ``A`` along ``dA``, Equation ch1-inverse.

    It is −A⁻¹ (dA) A⁻¹: with dA = ∂A/∂α it is ∂A⁻¹/∂α, and with any other matrix dA it is
    the directional derivative.

    Parameters
    ----------
    A
        Shape (n, n), invertible.
    dA
        Shape (n, n).

    Returns
    -------
    numpy.ndarray
        Shape (n, n).

    Raises
    ------
    ValueError
        If ``A`` is not square or is singular to working precision, if ``dA`` has another
        shape, or if one of them is not finite.

    Notes
    -----
    J. R. Magnus and H. Neudecker, *Matrix Differential Calculus with Applications in
    Statistics and Econometrics*, section 8.4.

    Examples
    --------
    >>> inverse_derivative(np.diag([2.0, 4.0]), np.array([[0.0, 8.0], [0.0, 16.0]])) + 0.0
    array([[ 0., -1.],
           [ 0., -1.]])
    """
    solve, e, n = _solver("A", A)
    dA, f = scaled(floats("dA", dA))
    if dA.shape != (n, n):
        raise ValueError(f"dA must have shape {(n, n)}, as A, got {dA.shape}")
    left = solve(dA)
    return _times_power("the derivative", -solve(left.T, transposed=True).T, f - 2 * e)


def implicit_jacobian(F_x: np.ndarray, F_y: np.ndarray) -> np.ndarray:
    """Return ∂y/∂x of the y(x) that solves F(x, y) = 0, Equation ch1-implicit.

    Parameters
    ----------
    F_x
        ∂F/∂x at the solution, shape (n, p).
    F_y
        ∂F/∂y at the solution, shape (n, n), invertible.

    Returns
    -------
    numpy.ndarray
        −F_y⁻¹ F_x, shape (n, p).

    Raises
    ------
    ValueError
        If ``F_y`` is not square or is singular to working precision, if ``F_x`` has not its
        number of rows, or if one of them is not finite.

    See Also
    --------
    implicit_vjp : a row vector times this matrix, at the price of one solve.

    Examples
    --------
    On the circle F = x² + y² − 25 at (3, 4):

    >>> implicit_jacobian([[2 * 3]], [[2 * 4]])
    array([[-0.75]])
    """
    solve, e, F_x, f = _equation(F_x, F_y)
    return _times_power("∂y/∂x", -solve(F_x), f - e)


def implicit_vjp(v: np.ndarray, F_x: np.ndarray, F_y: np.ndarray) -> np.ndarray:
    """Return vᵀ ∂y/∂x of the y(x) that solves F(x, y) = 0, Equation ch1-adjoint.

    It solves one transposed system, F_yᵀ λ = v, whatever the number p of inputs, and returns
    −λᵀ F_x.

    Parameters
    ----------
    v
        Shape (n,); the gradient with respect to y of what is to be differentiated.
    F_x, F_y
        As for :func:`implicit_jacobian`.

    Returns
    -------
    numpy.ndarray
        Shape (p,).

    Raises
    ------
    ValueError
        As :func:`implicit_jacobian`, or if ``v`` has not n finite entries.

    Examples
    --------
    >>> implicit_vjp([4.0], [[2 * 3]], [[2 * 4]])
    array([-3.])
    """
    solve, e, F_x, f = _equation(F_x, F_y)
    v, g = scaled(vector("v", floats("v", v)))
    if len(v) != len(F_x):
        raise ValueError(f"v must have shape {(len(F_x),)}, got {v.shape}")
    return _times_power("vᵀ ∂y/∂x", -solve(v, transposed=True) @ F_x, f + g - e)


# Matrices are scaled by powers of two, which is exact, so that nothing on the way to a result
# within the range of floats leaves that range.


def _equation(F_x, F_y) -> tuple:
    """Return what solves with F_y/2ᵉ, e, F_x/2ᶠ and the f of each of its columns."""
    solve, e, n = _solver("F_y", F_y)
    F_x = floats("F_x", F_x)
    if F_x.ndim != 2 or len(F_x) != n:
        raise ValueError(f"F_x must have shape ({n}, p), got {F_x.shape}")
    f = np.frexp(np.abs(F_x).max(axis=0))[1]
    return solve, e, np.ldexp(F_x, -f), f


def _solver(name: str, matrix) -> tuple:
    """Return b ↦ (matrix/2ᵉ)⁻¹ b, which factors once, e and n; or refuse what is singular."""
    matrix, exponent = scaled(floats(name, square(name, matrix)))
    factors, pivots, _ = lapack.dgetrf(matrix)
    reciprocal, _ = lapack.dgecon(factors, np.abs(matrix).sum(axis=0).max())
    if not reciprocal > EPSILON:
        condition = 1 / reciprocal if reciprocal else np.inf
        raise ValueError(f"{name} must be invertible, got condition number {condition:.1e}")

    def solve(b, transposed=False):
        return lapack.dgetrs(factors, pivots, b, trans=int(transposed))[0]

    return solve, exponent, len(matrix)


def _times_power(name: str, array: np.ndarray, exponent) -> np.ndarray:
    """Return array·2^exponent."""
    with np.errstate(over="ignore"):
        result = np.ldexp(array, exponent)
    if not np.isfinite(result).all():
        raise NonFiniteError(f"{name} must fit floats, got {result}")
    return result
