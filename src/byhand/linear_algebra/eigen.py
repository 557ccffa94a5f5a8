"""Eigenvectors by repeated multiplication, and how fast a Markov chain forgets its start.

Derived in ``chapters/01_linear_algebra.ipynb``, problem B1.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from byhand._checks import (
    NonFiniteError,
    as_float,
    floats,
    integer,
    norm,
    numbers,
    positive,
    rounding,
    scaled,
    square,
)


class Eigenpair(NamedTuple):
    """What :func:`power_iteration` found, and how well it fits."""

    value: float
    """The eigenvalue λ, as the Rayleigh quotient vᵀAv."""
    vector: np.ndarray
    """The eigenvector v, of Euclidean length 1."""
    residual: float
    """‖Av − λv‖."""
    steps: int
    """Multiplications by A."""


def power_iteration(
    A: np.ndarray | Callable[[np.ndarray], np.ndarray],
    start: np.ndarray | None = None,
    *,
    tolerance: float = 1e-12,
    max_steps: int = 100_000,
) -> Eigenpair:
    """Return the eigenpair of largest modulus by v ← Av/‖Av‖, Equation ch1-power.

    The distance to the eigenvector shrinks like |λ₂/λ₁|ᵏ. What is returned is an eigenpair to
    the stated tolerance. It may be another one where that fits to the tolerance already: if the
    part of ``start`` along the dominant one, times the relative distance of the two eigenvalues,
    is about as small as ``tolerance``.

    Parameters
    ----------
    A
        Shape (n, n), or a function that returns ``A @ v``, as a Hessian-vector product does.
        Pass ``A.T`` for a left eigenvector.
    start
        Shape (n,), not zero. By default a normal random vector of a fixed seed; needed where
        ``A`` is a function.
    tolerance
        It stops when ‖Av − λv‖ ≤ tolerance·‖Av‖.
    max_steps
        The largest number of multiplications by ``A``.

    Returns
    -------
    Eigenpair
        ``value``, ``vector``, ``residual`` and ``steps``.

    Raises
    ------
    ValueError
        If ``A`` is not square or not finite, ``A @ v`` is of another shape than ``v``,
        ``start`` is missing, zero, or of another shape, or ``tolerance`` or ``max_steps`` is
        not positive and finite.
    RuntimeError
        If ``max_steps`` do not suffice: two eigenvalues share the largest modulus (a pair of
        complex ones, λ and −λ), or nearly so.

    Notes
    -----
    R. von Mises and H. Pollaczek-Geiringer, "Praktische Verfahren der Gleichungsauflösung",
    ZAMM 9 (1929), 152–164.

    Examples
    --------
    >>> pair = power_iteration(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> print(round(pair.value, 12), np.abs(pair.vector).round(6))
    3.0 [0.707107 0.707107]
    """
    tolerance = as_float("tolerance", positive("tolerance", tolerance))
    max_steps = integer("max_steps", max_steps, 1)
    multiply, v, exponent = _operator(A, start)
    for step in range(1, max_steps + 1):
        w = numbers("A @ v", multiply(v.copy()))  # a copy: A may write into what it is given
        if w.shape != v.shape:
            raise ValueError(f"A @ v must have the shape {v.shape} of v, got {w.shape}")
        w, more = scaled(floats("A @ v", w))
        length = norm(w)
        value = float(v @ w)
        residual = norm(w - value * v)
        if residual <= tolerance * length:
            return Eigenpair(
                _in_range("the eigenvalue", value, exponent + more),
                v,
                _in_range("the residual", residual, exponent + more),
                step,
            )
        v = w / length
    raise RuntimeError(
        f"no eigenpair after {max_steps} steps, "
        f"residual {_in_range('the residual', residual, exponent + more):.1e}: "
        "two eigenvalues share the largest modulus, or nearly so"
    )


def contraction_coefficient(P: np.ndarray) -> float:
    """Return Dobrushin's coefficient of a row-stochastic matrix, Equation ch1-dobrushin.

    It is δ = ½ maxᵢⱼ ‖Pᵢ − Pⱼ‖₁ over pairs of rows, and the smallest number for which
    ‖pᵀP − qᵀP‖₁ ≤ δ‖p − q‖₁ for all probability vectors p, q.

    Parameters
    ----------
    P
        Shape (n, n); entries ≥ 0, each row adds up to 1.

    Returns
    -------
    float
        Between 0 (all rows alike) and 1 (two rows that share no state).

    Raises
    ------
    ValueError
        If ``P`` is not a row-stochastic matrix.

    Notes
    -----
    R. L. Dobrushin, "Central limit theorem for nonstationary Markov chains I", Theory of
    Probability and its Applications 1 (1956), 65–80.

    Examples
    --------
    >>> contraction_coefficient(np.array([[0.75, 0.25], [0.5, 0.5]]))
    0.25
    """
    epsilon = rounding(P)
    P = floats("P", square("P", P))
    tolerance = max(1e-12, len(P) * epsilon)
    if np.any(P < 0) or not np.allclose(P.sum(axis=1), 1, rtol=0, atol=tolerance):
        raise ValueError(f"P must have entries ≥ 0 and rows that add up to 1, got {P}")
    distances = [np.abs(P[i:] - P[i]).sum(axis=1).max() for i in range(len(P))]
    return min(float(max(distances) / 2), 1.0)  # rows add up to 1 but for rounding


def _operator(A, start) -> tuple[Callable, np.ndarray, int]:
    """Return v ↦ Av/2ᵉ, a start of length 1, and e."""
    exponent = 0
    if callable(A):
        if start is None:
            raise ValueError("start is needed where A is a function: its size is not known")
        multiply, n = A, np.size(start)
    else:
        A, exponent = scaled(floats("A", square("A", A)))
        multiply, n = A.__matmul__, len(A)
        if start is None:
            start = np.random.default_rng(0).normal(size=n)
    v, _ = scaled(floats("start", start))
    if v.shape != (n,) or not v.any():
        raise ValueError(f"start must be a vector of {n} finite entries, not all zero, got {start}")
    return multiply, v / norm(v), exponent


def _in_range(name: str, value: float, exponent: int) -> float:
    """Return value·2ᵉ."""
    with np.errstate(over="ignore"):
        result = float(np.ldexp(value, exponent))
    if not np.isfinite(result):
        raise NonFiniteError(f"{name} must fit a float, got {value}·2^{exponent}")
    return result
