"""For which η each kind of convergence holds (chapter 3, problems D2.3, D2.6, D2.9 and beyond)."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from byhand._bisection import last_where
from byhand._checks import as_float, integer
from byhand.sgd_stability.dynamics import (
    as_fractions,
    check_curvatures,
    check_step_size,
    log_factors,
    moments,
    rounded_like,
    symbolic,
)

MAX_BATCHES = 5_000_000
"""More mini-batches than this do not fit into memory comfortably."""


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
    h = check_curvatures(h)
    return rounded_like(h, 2 / moments(as_fractions(h))[0], "2/h")


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
    h = check_curvatures(h)
    mean, variance = moments(as_fractions(h))
    return rounded_like(h, 2 * mean / (mean**2 + variance), "2h/(h² + ρ)")


def best_steps(h: Sequence) -> BestSteps:
    """Return the η of fastest convergence: 1/h, h/(h² + ρ), and every 1/h_n with h_n > 0.

    The first is the zero of the factor in ch3-mean, the second equation ch3-square-best. At
    η = 1/h_n the first draw of n ends the run at w = 0, so that q(η) = −∞. Of symbols, whose sign
    is not known, all 1/h_n are returned.

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
    h = check_curvatures(h)
    mean, variance = moments(as_fractions(h))
    return BestSteps(
        rounded_like(h, 1 / mean, "1/h"),
        rounded_like(h, mean / (mean**2 + variance)),
        _kill_steps(h),
    )


def almost_sure_set(h: Sequence) -> list[tuple[float, float]]:
    """Return the open intervals of η > 0 in which q(η) < 0, so that w(t) → 0 almost surely.

    Between neighboring poles 1/h_n the function q is strictly concave (ch3-concave). So every
    interval holds a pole, the first one begins at 0, and bisection finds every end.

    Returns
    -------
    list of (float, float)
        At most as many intervals as there are distinct positive curvatures, in increasing order.
        Every float strictly between two ends is stable, and no other is: an interval about a
        pole that is narrower than the floats about it ends at the pole's two neighbors.

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
    exact = [as_float(f"curvature h[{i}]", x) for i, x in enumerate(check_curvatures(h))]
    poles = list(_kill_steps(tuple(exact)))
    if 1e8 * poles[-1] > sys.float_info.max:
        raise ValueError(f"the steps 1/h must be well within the range of floats, got {poles[-1]}")
    curvatures, times = np.unique(np.array(exact), return_counts=True)

    def stable(eta: float) -> bool:
        with np.errstate(over="ignore"):
            steps = np.abs(1 - eta * curvatures)
        return not np.all(steps) or float(times @ np.log(steps)) < 0

    def end(inside: float, outside: float) -> float:
        return math.nextafter(last_where(stable, inside, outside), outside)

    ends = [0.0]
    for left, right in pairwise(poles):
        peak = last_where(lambda eta: _rises(eta, curvatures, times), left, right)
        if not stable(peak):
            ends += [end(left, peak), end(right, peak)]
    ends.append(end(poles[-1], _doubled_while(stable, poles[-1])))
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
    logs = log_factors(h, eta)
    finite = [x for x in logs if x > -math.inf]
    total, zeros = math.fsum(finite), len(logs) - len(finite)
    if not (zeros or total < 0):
        raise ValueError(
            f"a tail index needs q(η) < 0, got q = {total / len(logs):g} "
            f"at η = {float(check_step_size(eta)):g}"
        )
    if max(logs) <= 0:
        return math.inf

    def excess(power: float) -> float:
        """Return Σ (|m_n|^power − 1), without cancellation where κ is close to 0."""
        return math.fsum(_bend(power * x) for x in finite) + power * total - zeros

    low, high = _bracket(excess)
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
    size = _batch_size(size, len(h), replacement)
    number = len(h) ** size if replacement else math.comb(len(h), size)
    if number > MAX_BATCHES:
        raise ValueError(
            f"the batch size must leave at most {MAX_BATCHES} batches, got {size} with {number}"
        )
    exact = as_fractions(h)
    batches = product(exact, repeat=size) if replacement else combinations(exact, size)
    return [rounded_like(h, sum(batch) / size) for batch in batches]


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
    h = check_curvatures(h)
    n, size = len(h), _batch_size(size, len(h), replacement)
    variance = moments(as_fractions(h))[1] / size
    if not replacement and n > 1:
        variance *= Fraction(n - size, n - 1)
    return rounded_like(h, variance, "ρ/B")


def _batch_size(size: Any, n: int, replacement: Any) -> int:
    size = integer("the batch size", size, 1)
    if not isinstance(replacement, bool | np.bool_):
        raise TypeError(f"replacement must be True or False, got {replacement!r}")
    if not replacement and size > n:
        raise ValueError(f"without replacement the batch size must be ≤ N = {n}, got {size}")
    return size


def _rises(eta: float, curvatures: np.ndarray, times: np.ndarray) -> bool:
    """Return whether q grows with η, of curvatures that occur so many times."""
    with np.errstate(over="ignore"):
        steps = 1 - eta * curvatures
    return bool(np.all(steps)) and float(times @ (curvatures / steps)) < 0


def _doubled_while(holds: Callable[[float], bool], x: float) -> float:
    while holds(x):
        x *= 2
    return x


def _bracket(rising: Callable[[float], float]) -> tuple[float, float]:
    """Return where a function is below and above 0 that is so near 0 and for large numbers."""
    high = _doubled_while(lambda x: rising(x) <= 0, 1.0)
    low = high
    while rising(low) >= 0:
        low /= 2
    return low, high


def _bend(x: float) -> float:
    """Return eˣ − 1 − x."""
    if abs(x) > 1e-2:
        return math.expm1(x) - x
    return x * x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6))))


def _kill_steps(h: tuple) -> tuple:
    """Return the step sizes 1/h_n > 0 at which one factor is 0, in increasing order.

    Of symbols no sign is known: all 1/h_n, in the order of h.
    """
    if any(map(symbolic, h)):
        return tuple(1 / x for x in h)
    steps = {1 / x for x in as_fractions(h) if x > 0}
    return tuple(sorted(rounded_like(h, step, "1/h_n") for step in steps))
