"""The solution of a linear system that gradient descent finds: the one nearest to its start."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand._checks import numbers, samples, still_finite, together
from byhand.optimization.arithmetic import solve


def minimum_norm_solution(X: Any, t: Any, start: Any = None) -> np.ndarray:
    """Return the solution of Xw = t nearest to ``start``, Equation ch2-minimum-norm.

    w = w₀ + Xᵀ(XXᵀ)⁻¹(t − Xw₀); for w₀ = 0 it is the solution of least norm.

    Parameters
    ----------
    X
        Of shape (n, d), with n linearly independent rows.
    t
        Of shape (n,).
    start
        w₀, of shape (d,); zero if omitted.

    Returns
    -------
    numpy.ndarray
        Of shape (d,), exact if all arguments are.

    Raises
    ------
    ValueError
        If the shapes do not fit or the rows of X are linearly dependent.

    Examples
    --------
    >>> minimum_norm_solution([[2.0, 1.0]], [2.0]).round(12).tolist()
    [0.8, 0.4]
    """
    X, t = samples(X, t)
    w0 = np.zeros_like(X[0]) if start is None else numbers("start", start)
    if w0.shape != X.shape[1:]:
        raise ValueError(f"start must have shape {X.shape[1:]}, got {w0.shape}")
    X, t, w0 = together(X=X, t=t, start=w0)
    with np.errstate(over="ignore", invalid="ignore"):
        residual = t - X @ w0
    still_finite("t − X·start", residual, f"for start = {w0}")
    if X.dtype.kind == "f":  # a solution does not see by what power of two its equation is scaled
        exponents = np.frexp(np.abs(X).max(axis=1))[1]
        X, residual = np.ldexp(X, -exponents[:, None]), np.ldexp(residual, -exponents)
    return w0 + X.T @ solve(X @ X.T, residual, "XXᵀ")
