"""For which η each kind of convergence holds (chapter 3, problems D2.3, D2.6, D2.9 and beyond)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from byhand._bisection import last_where
from byhand._checks import integer
from byhand.sgd_stability.dynamics import (
    check_curvatures,
    factors,
    lyapunov_exponent,
    mean_and_variance,
)


class BestSteps(NamedTuple):
    """The step sizes of fastest convergence, for each of the three kinds."""

    mean: Any
    mean_square: Any
    almost_sure: tuple


def mean_threshold(h: Sequence) -> Any:
    """Return 2/h: E w(t) → 0 for 0 < η < 2/h and no other η, if E w(0) ≠ 0 (ch3-mean-range).

    Raises
    ------
    TypeError, ValueError
        If h is not what is required.

    Examples
    --------
    >>> print(mean_threshold([1, 3]))
    1
    """
    return 2 / mean_and_variance(h).mean


def mean_square_threshold(h: Sequence) -> Any:
    """Return 2h/(h² + ρ): E w²(t) → 0 for 0 < η < 2h/(h² + ρ) only (ch3-square-range).

    Raises
    ------
    TypeError, ValueError
        If h is not what is required.

    Examples
    --------
    >>> print(mean_square_threshold([1, 3]))
    4/5
    """
    mean, variance = mean_and_variance(h)
    return 2 * mean / (mean**2 + variance)


def best_steps(h: Sequence) -> BestSteps:
    """Return the η of fastest convergence: 1/h, h/(h² + ρ), and every 1/h_n with h_n > 0.

    The first is the zero of the factor in ch3-mean, the second equation ch3-square-best. At
    η = 1/h_n the first draw of n ends the run at w = 0, so that q(η) = −∞.

    Raises
    ------
    TypeError, ValueError
        If h is not what is required.

    Examples
    --------
    >>> best = best_steps([1, 3])
    >>> print(best.mean, best.mean_square, *best.almost_sure)
    1/2 2/5 1/3 1
    """
    mean, variance = mean_and_variance(h)
    return BestSteps(1 / mean, mean / (mean**2 + variance), _kill_steps(check_curvatures(h)))


def almost_sure_set(h: Sequence) -> list[tuple[float, float]]:
    """Return the open intervals of η > 0 in which q(η) < 0, so that w(t) → 0 almost surely.

    Between neighboring poles 1/h_n the function q is strictly concave (ch3-concave). So every
    interval holds a pole, the first one begins at 0, and bisection finds every end.

    Returns
    -------
    list of (float, float)
        At most as many intervals as there are distinct positive curvatures, in increasing order.

    Raises
    ------
    TypeError, ValueError
        If h is not what is required.

    Examples
    --------
    >>> [(round(a, 4), round(b, 4)) for a, b in almost_sure_set([1, 3])]
    [(0.0, 1.3333)]
    >>> [(round(a, 4), round(b, 4)) for a, b in almost_sure_set([1, 9])]
    [(0.0, 0.2616), (0.8495, 1.1111)]
    """
    exact = check_curvatures(h)
    poles = [float(pole) for pole in _kill_steps(exact)]
    curvatures, times = np.unique(np.array(exact, dtype=float), return_counts=True)

    def stable(eta: float) -> bool:
        steps = np.abs(1 - eta * curvatures)
        return not np.all(steps) or float(times @ np.log(steps)) < 0

    def rising(eta: float) -> bool:
        steps = 1 - eta * curvatures
        return bool(np.all(steps)) and float(times @ (curvatures / steps)) < 0

    ends = [0.0]
    for left, right in pairwise(poles):
        peak = last_where(rising, left, right)
        if not stable(peak):
            ends += [last_where(stable, left, peak), last_where(stable, right, peak)]
    beyond = 2 * poles[-1]
    while stable(beyond):
        beyond *= 2
    ends.append(last_where(stable, poles[-1], beyond))
    return list(zip(ends[::2], ends[1::2], strict=True))


def tail_index(h: Sequence, eta: Any) -> float:
    """Return the κ > 0 with (1/N) Σ |1 − ηh_n|^κ = 1 (ch3-tail), for an η with q(η) < 0.

    |w(t)|^κ is then a martingale, and P(max_t |w(t)| ≥ x·|w(0)|) ≤ x^(−κ). Infinite if no
    factor is larger than 1. E w² converges to 0 exactly when κ > 2.

    Raises
    ------
    TypeError, ValueError
        If h or η is not what is required, or q(η) ≥ 0, for which there is no such κ.

    References
    ----------
    Kesten: Random difference equations and renewal theory for products of random matrices,
    Acta Math. 131, 1973.

    Examples
    --------
    >>> round(tail_index([1, 3], 1.2), 4), tail_index([1, 3], 0.5)
    (0.4159, inf)
    """
    steps = [abs(float(m)) for m in factors(h, eta)]
    q = lyapunov_exponent(h, eta)
    if not q < 0:
        raise ValueError(f"a tail index needs q(η) < 0, got q = {q:g} at η = {float(eta):g}")
    if max(steps) <= 1:
        return math.inf

    def excess(power: float) -> float:
        """Return Σ (|m_n|^power − 1), without cancellation where κ is close to 0."""
        return math.fsum(math.expm1(power * math.log(m)) if m else -1.0 for m in steps)

    high = 1.0
    while excess(high) <= 0:
        high *= 2
    low = high / 2
    while excess(low) >= 0:
        low /= 2
    return brentq(excess, low, high, xtol=low * 1e-15)


def batch_curvatures(h: Sequence, size: int, *, replacement: bool) -> list:
    """Return the curvature of every equally likely mini-batch, the mean of its B entries.

    The N^B ordered batches with replacement, or the C(N, B) batches without. SGD with
    mini-batches is SGD with these curvatures.

    Raises
    ------
    TypeError, ValueError
        If h is not what is required, or the batch size is not within 1 … N (without
        replacement) or 1 … (with replacement).

    Examples
    --------
    >>> print(*batch_curvatures([1, 3, 5], 2, replacement=False))
    2 3 4
    """
    h = check_curvatures(h)
    _check_batch_size(size, len(h), replacement)
    batches = product(h, repeat=size) if replacement else combinations(h, size)
    return [sum(batch) / size for batch in batches]


def batch_variance(h: Sequence, size: int, *, replacement: bool) -> Any:
    """Return the variance of a mini-batch's curvature: equation ch3-batch.

    ρ/B with replacement; ρ/B · (N − B)/(N − 1) without.

    Raises
    ------
    TypeError, ValueError
        As in :func:`batch_curvatures`.

    Examples
    --------
    >>> print(batch_variance([1, 3, 5], 2, replacement=False))
    2/3
    """
    n = len(check_curvatures(h))
    _check_batch_size(size, n, replacement)
    variance = mean_and_variance(h).variance / size
    if replacement:
        return variance
    return variance * Fraction(n - size, n - 1) if n > 1 else variance


def _check_batch_size(size: int, n: int, replacement: bool) -> None:
    integer("the batch size", size, 1)
    if not replacement and size > n:
        raise ValueError(f"without replacement the batch size must be ≤ N = {n}, got {size}")


def _kill_steps(h: tuple) -> tuple:
    """Return the step sizes 1/h_n > 0 at which one factor is 0, in increasing order."""
    return tuple(sorted({1 / x for x in h if x > 0}))
