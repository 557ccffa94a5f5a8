"""SGD on a quadratic of d dimensions: its second moments and their threshold.

Beyond the sheets, chapter 3. Sample n has the loss ½ wᵀHₙw with a symmetric matrix Hₙ, and a step
multiplies w by I − ηHₙ for a random n.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.linalg

from byhand._checks import NonFiniteError, finite, floats, numbers, scaled, symmetric
from byhand.sgd_stability.dynamics import check_step_size


def second_moment_operator(H: np.ndarray, eta: Any) -> np.ndarray:
    """Return T: M ↦ (1/N) Σ (I − ηHₙ) M (I − ηHₙ), which takes E wwᵀ a step on (ch3-operator).

    Parameters
    ----------
    H
        The samples' Hessians, shape (N, d, d), each symmetric; floats or fractions.
    eta
        Step size η ≥ 0.

    Returns
    -------
    ndarray, shape (d², d²)
        The matrix that takes ``M.ravel()`` to ``T(M).ravel()``. For d = 1 it is g(η).

    Raises
    ------
    TypeError, ValueError
        If H is no stack of symmetric matrices of numbers, or η is not what is required.

    Examples
    --------
    >>> second_moment_operator(np.array([[[1.0]], [[3.0]]]), 1.2).round(12)
    array([[3.4]])
    """
    H, eta = _hessians(H), check_step_size(eta)
    if isinstance(eta, float):
        H = floats("H", H)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = [np.eye(len(H[0]), dtype=int) - eta * one for one in H]
        T = sum(np.kron(step, step) for step in steps) / len(steps)
    finite("the operator", T)
    return T


def operator_threshold(H: np.ndarray) -> float:
    """Return the η below which E wwᵀ → 0, and no other η > 0: 1/λ_max of C against B.

    With the mean H̄, B(M) = H̄M + MH̄ and C(M) = (1/N) Σ HₙMHₙ, the operator is T = 1 − ηB + η²C.
    All three are symmetric, and the spectral radius of T is its largest eigenvalue, because T takes
    positive semidefinite matrices to such: it is below 1 where ηC < B (equation
    ch3-operator-range).

    Raises
    ------
    TypeError, ValueError
        If H is no stack of symmetric matrices of numbers, or their mean is not positive definite.

    References
    ----------
    L. Wu, C. Ma and W. E, How SGD selects the global minima in over-parameterized learning: a
    dynamical stability perspective, NeurIPS 2018.

    Examples
    --------
    >>> round(operator_threshold(np.array([[[1.0]], [[3.0]]])), 12)
    0.8
    """
    H, exponent = scaled(floats("H", _hessians(H)))
    mean, one = H.mean(axis=0), np.eye(len(H[0]))
    lowest = float(np.linalg.eigvalsh(mean)[0])
    if lowest <= 8 * len(mean) * np.finfo(float).eps:  # of the largest entry, about 1
        raise ValueError(
            f"the mean of H must be positive definite, its least eigenvalue is {lowest:.1e} "
            f"of the largest entry"
        )
    B = np.kron(mean, one) + np.kron(one, mean)
    C = sum(np.kron(each, each) for each in H) / len(H)
    with np.errstate(over="ignore"):
        end = float(np.ldexp(1 / scipy.linalg.eigvalsh(C, B)[-1], -exponent))
    if math.isinf(end):
        raise NonFiniteError(f"the threshold must fit a float, got {end}")
    return end


def rank_one_hessians(J: np.ndarray) -> np.ndarray:
    """Return the samples' Hessians gₙgₙᵀ for the rows gₙ of J, in a basis of the rows' space.

    These are the Hessians of ½(output − target)² where the loss of each sample is 0, for the
    gradients gₙ of the outputs (ch3-gauss-newton). Directions that are orthogonal to all rows,
    to a millionth of the longest, are left out: along them neither loss nor w changes.

    Parameters
    ----------
    J
        Shape (N, P), not 0.

    Returns
    -------
    ndarray, shape (N, r, r)
        r is the rank of J.

    Raises
    ------
    TypeError, ValueError
        If J is no matrix of real numbers, or 0.

    Examples
    --------
    >>> rank_one_hessians(np.array([[0.0, 3.0, 4.0]])).round(12)
    array([[[25.]]])
    """
    J, exponent = scaled(floats("J", J))
    if J.ndim != 2 or not J.any():
        raise ValueError(f"J must be a matrix and not 0, got shape {J.shape}")
    _, singular, directions = np.linalg.svd(J, full_matrices=False)  # not a basis of all weights
    rows = J @ directions[: np.sum(singular > 1e-6 * singular[0])].T
    with np.errstate(over="ignore"):
        H = np.ldexp(rows[:, :, None] * rows[:, None, :], 2 * exponent)
    finite("the Hessians of J", H)
    return H


def _hessians(H: Any) -> np.ndarray:
    H = numbers("H", H, exact=True)
    if H.ndim != 3:
        raise ValueError(f"H must have the shape (N, d, d), got {H.shape}")
    return np.stack([symmetric(f"H[{n}]", one) for n, one in enumerate(H)])
