"""Derivatives of things that are defined by an equation: inverses, solutions, fixed points.

Derived in ``chapters/01_linear_algebra.ipynb``, problem B1.2v and *Beyond the sheets*.
"""

from __future__ import annotations

import numpy as np

from byhand._checks import numbers, square


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
    A, dA = _invertible("A", A), numbers("dA", dA)
    if dA.shape != A.shape:
        raise ValueError(f"dA must have shape {A.shape}, as A, got {dA.shape}")
    left = np.linalg.solve(A, dA)
    return -np.linalg.solve(A.T, left.T).T


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
    F_y, F_x = _equation(F_x, F_y)
    return -np.linalg.solve(F_y, F_x)


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
    F_y, F_x = _equation(F_x, F_y)
    v = numbers("v", v)
    if v.shape != F_y.shape[:1]:
        raise ValueError(f"v must have shape {F_y.shape[:1]}, got {v.shape}")
    return -np.linalg.solve(F_y.T, v) @ F_x


def _equation(F_x, F_y) -> tuple[np.ndarray, np.ndarray]:
    """Return F_y and F_x as arrays that fit each other."""
    F_y, F_x = _invertible("F_y", F_y), numbers("F_x", F_x)
    if F_x.ndim != 2 or len(F_x) != len(F_y):
        raise ValueError(f"F_x must have shape ({len(F_y)}, p), got {F_x.shape}")
    return F_y, F_x


def _invertible(name: str, matrix) -> np.ndarray:
    """Return a square matrix of floats that is invertible to working precision."""
    matrix = square(name, matrix).astype(float)
    condition = np.linalg.cond(matrix)
    if not condition < 1 / np.finfo(float).eps:
        raise ValueError(f"{name} must be invertible, got condition number {condition:.1e}")
    return matrix
