"""The exact law of w(t), and samples of it (chapter 3, problems D2.2 to D2.9).

Factors commute, so w(t) depends only on how often each n was drawn: the sum over all N^t draws
becomes a sum over draw counts (equation ch3-law), and a path can be sampled without walking it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln, logsumexp, xlogy

from byhand._checks import integer
from byhand.sgd_stability.dynamics import check_real, factors

MAX_COUNTS = 5_000_000
"""More draw counts than this do not fit into memory comfortably."""


class LogSample(NamedTuple):
    """Values w = sign·exp(log_abs), which may be far too small or large for a float."""

    sign: np.ndarray
    log_abs: np.ndarray


class LogLaw(NamedTuple):
    """Values w = sign·exp(log_abs) and the logarithms of their probabilities."""

    sign: np.ndarray
    log_abs: np.ndarray
    log_probability: np.ndarray


def draw_counts(n: int, t: int) -> np.ndarray:
    """Return every way in which t draws can fall on n indices.

    Returns
    -------
    ndarray of int, shape (C(t + n − 1, n − 1), n)
        Rows that sum to t, in lexicographic order.

    Raises
    ------
    TypeError, ValueError
        If n < 1 or t < 0, or there are more than ``MAX_COUNTS`` rows.

    Examples
    --------
    >>> draw_counts(2, 3).tolist()
    [[0, 3], [1, 2], [2, 1], [3, 0]]
    """
    integer("n", n, 1)
    integer("t", t, 0)
    if (rows := math.comb(t + n - 1, n - 1)) > MAX_COUNTS:
        raise ValueError(
            f"{t} draws of {n} indices have {rows} counts, more than {MAX_COUNTS}: "
            "take fewer steps or fewer distinct curvatures, or sample"
        )
    columns, rest = [], np.array([t])
    for _ in range(n - 1):
        choices = rest + 1
        first = np.repeat(np.cumsum(choices) - choices, choices)
        column = np.arange(choices.sum()) - first
        columns = [np.repeat(earlier, choices) for earlier in columns] + [column]
        rest = np.repeat(rest, choices) - column
    return np.stack([*columns, rest], axis=1)


def exact_law(h: Sequence, eta: Any, t: int, w0: Any = 1) -> dict:
    """Return the law of w(t) as {value: probability}: equation ch3-law, term by term.

    The probabilities are fractions; so are the values, if h, η and w(0) are exact.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is required, or there are too many draw counts.

    Examples
    --------
    >>> for w, p in exact_law([1, 3], Fraction(6, 5), 2).items():
    ...     print(w, p)
    169/25 1/4
    13/25 1/2
    1/25 1/4
    """
    steps = Counter(factors(h, eta))
    law: Counter = Counter()
    for row in draw_counts(len(steps), t).tolist():
        w, ways = check_real("w(0)", w0), math.factorial(t)
        for (m, multiplicity), count in zip(steps.items(), row, strict=True):
            w *= m**count
            ways = ways // math.factorial(count) * multiplicity**count
        law[w] += Fraction(ways, len(h) ** t)
    return dict(law)


def log_law(h: Sequence, eta: Any, t: int) -> LogLaw:
    """Return the law of w(t)/w(0) in logarithms, for long runs: equation ch3-law.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is required, or there are too many draw counts.

    Examples
    --------
    >>> law = log_law([1, 3], 1.2, 1000)
    >>> len(law.sign), round(float(np.exp(law.log_probability).sum()), 9)
    (1001, 1.0)
    """
    m, p = _distinct_factors(h, eta)
    counts = draw_counts(len(m), t)
    log_ways = gammaln(t + 1) - gammaln(counts + 1).sum(axis=1)
    return LogLaw(*_signed_logs(counts, m), log_ways + counts @ np.log(p))


def log_moment(law: LogLaw, power: float) -> float:
    """Return log E|w|^p from the law of w, by log-sum-exp: nothing over- or underflows.

    Raises
    ------
    TypeError, ValueError
        If the power is not a positive real number.

    Examples
    --------
    >>> round(log_moment(log_law([1, 3], 1.2, 1000), 2) / 1000, 9), round(math.log(3.4), 9)
    (1.223775432, 1.223775432)
    """
    if not check_real("the power", power) > 0:
        raise ValueError(f"the power must be positive, got {power}")
    return float(logsumexp(law.log_probability + power * law.log_abs))


def simulate(h: Sequence, eta: Any, t: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Return w(t)/w(0) of many paths by walking them all, one step at a time (ch3-step).

    The definition, at t·paths random numbers. :func:`sample` has the same law, is faster, and
    does not turn to 0 or ∞ where w leaves the range of floats.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is required.

    Examples
    --------
    >>> simulate([2, 2], 0.25, 3, 2, np.random.default_rng(0))
    array([0.125, 0.125])
    """
    integer("t", t, 0)
    w = np.ones(integer("paths", paths, 1))
    m = np.array(factors(h, eta), dtype=float)
    for _ in range(t):
        w *= m[rng.integers(len(m), size=paths)]
    return w


def sample_paths(h: Sequence, eta: Any, t: int, paths: int, rng: np.random.Generator) -> LogSample:
    """Return w(0)/w(0) … w(t)/w(0) along many paths, as sign and log|w|.

    Returns
    -------
    LogSample
        Arrays of shape (paths, t + 1). log|w| is −∞ and the sign 0 once a factor was 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is required.

    Examples
    --------
    >>> w = sample_paths([2, 2], 1.5, 2, 1, np.random.default_rng(0))
    >>> w.sign * np.exp(w.log_abs)
    array([[ 1., -2.,  4.]])
    """
    integer("t", t, 0)
    integer("paths", paths, 1)
    m = np.array(factors(h, eta), dtype=float)
    draws = rng.integers(len(m), size=(paths, t))
    (_, signs), (_, logs) = (table.T for table in _powers(m, 1))
    sign, log_abs = np.ones((paths, t + 1), dtype=np.int8), np.zeros((paths, t + 1))
    np.cumprod(signs[draws], axis=1, out=sign[:, 1:])
    np.cumsum(logs[draws], axis=1, out=log_abs[:, 1:])
    return LogSample(sign, log_abs)


def sample(h: Sequence, eta: Any, t: int, paths: int, rng: np.random.Generator) -> LogSample:
    """Return w(t)/w(0) of independent paths, from their draw counts instead of their steps.

    The counts of one path are Multinomial(t; 1/N, …, 1/N) (equation ch3-law). For up to four
    distinct curvatures and many paths not even these are drawn path by path: how *many* paths
    have a given count is multinomial as well.

    Returns
    -------
    LogSample
        Arrays of shape (paths,).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is required.

    Examples
    --------
    >>> w = sample([1, 3], 1.2, 1000, 10**5, np.random.default_rng(0))
    >>> round(float(w.log_abs.mean()) / 1000, 3)
    -0.327
    """
    integer("t", t, 0)
    integer("paths", paths, 1)
    m, p = _distinct_factors(h, eta)
    if len(m) <= 4 and t**1.5 <= paths:
        return _sample_in_groups(m, p, t, paths, rng)
    return LogSample(*_signed_logs(rng.multinomial(t, p, size=paths), m))


def sample_mean(w: LogSample, power: int) -> tuple[float, float]:
    """Return the sample mean of wᵖ and the standard error that the sample claims for it.

    Raises
    ------
    TypeError, ValueError
        If the power is no integer ≥ 1, or there are fewer than two paths.

    Examples
    --------
    >>> sample_mean(LogSample(np.array([1, -1, 1, -1]), np.zeros(4)), 2)
    (1.0, 0.0)
    """
    integer("power", power, 1)
    integer("the number of paths", np.size(w.log_abs), 2)
    values = w.sign**power * np.exp(power * w.log_abs)
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))


def peak_probability(h: Sequence, eta: Any, level: float, t: int) -> float:
    """Return the probability that |w(s)| ≥ level·|w(0)| at some time s ≤ t (for ch3-peak).

    Carries the probability of every draw count forward by one draw at a time, and takes out
    what has reached the level. Exact up to rounding; for few distinct curvatures.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is required.

    Examples
    --------
    >>> peak_probability([1, 3], 1.2, 5, 2), peak_probability([1, 3], 1.2, 5, 3)
    (0.25, 0.25)
    """
    integer("t", t, 0)
    m, p = _distinct_factors(h, eta)
    level = check_real("the level", level)
    log_level = math.log(level) * (1 - 1e-13) if level > 1 else 0.0  # equality, but for rounding
    alive, reached = {(0,) * len(m): 1.0}, 0.0
    for s in range(t + 1):
        counts = np.array(list(alive), dtype=int).reshape(-1, len(m))
        high = (_signed_logs(counts, m)[1] >= log_level).tolist()
        reached += sum(chance for chance, out in zip(alive.values(), high, strict=True) if out)
        if s == t:
            break
        after: dict = Counter()
        for (count, probability), out in zip(alive.items(), high, strict=True):
            for i in range(0 if out else len(m)):
                after[(*count[:i], count[i] + 1, *count[i + 1 :])] += probability * float(p[i])
        alive = after
    return reached


# -- helpers -------------------------------------------------------------------------------------


def _distinct_factors(h: Sequence, eta: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct factors and the probability of each."""
    tally = Counter(float(m) for m in factors(h, eta))
    return np.array(list(tally)), np.array(list(tally.values())) / len(h)


def _powers(m: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sign and logarithm of |mᵢᵏ| for k = 0 … t, one row for each factor."""
    k = np.arange(t + 1)
    signs = np.sign(m)[:, None] ** (k % 2 + 2 * (k > 0))  # 0⁰ = 1, and a parity for the rest
    return signs.astype(np.int8), xlogy(k, abs(m[:, None]))


def _signed_logs(counts: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sign and log|w| of w = ∏ mᵢ^countᵢ, one for each row of counts."""
    signs, logs = _powers(m, counts.max(initial=0))
    sign, log_abs = np.ones(len(counts), dtype=np.int8), np.zeros(len(counts))
    for i, count in enumerate(counts.T):
        sign *= signs[i, count]
        log_abs += logs[i, count]
    return sign, log_abs


def _sample_in_groups(m, p, t, paths, rng) -> LogSample:
    """Sample for up to four factors: group the paths by how many draws fell on the first two.

    Within a group the two pairs are independent: each splits its draws binomially, and one of
    them is shuffled against the other. A permutation at the end makes the order random, too.
    """
    m = np.concatenate([m, np.ones(4 - len(m))])
    p = np.concatenate([p, np.zeros(4 - len(p))])
    signs, logs = _powers(m, t)
    log_factorials = gammaln(np.arange(t + 1) + 1.0)
    first, second = p[:2].sum(), p[2:].sum()

    def histogram(draws, probability, size):
        return rng.multinomial(size, _binomial_pmf(draws, probability, log_factorials))

    def pair(i, draws, probability, size):
        """Return sign and log of mᵢᵏ·mᵢ₊₁^(draws − k), sorted by k, as often as k occurs."""
        times = histogram(draws, probability, size)
        sign = signs[i, : draws + 1] * signs[i + 1, draws::-1]
        log_abs = logs[i, : draws + 1] + logs[i + 1, draws::-1]
        return np.repeat(sign, times), np.repeat(log_abs, times)

    sign, log_abs = np.empty(paths, dtype=np.int8), np.empty(paths)
    sizes = histogram(t, first, paths)
    done = 0
    for draws in np.flatnonzero(sizes):
        group = slice(done, done := done + sizes[draws])
        sign[group], log_abs[group] = pair(0, draws, p[0] / first, sizes[draws])
        if second > 0:
            order = rng.permutation(sizes[draws])
            other = pair(2, t - draws, p[2] / second, sizes[draws])
            sign[group] *= other[0][order]
            log_abs[group] += other[1][order]
    order = rng.permutation(paths)
    return LogSample(sign[order], log_abs[order])


def _binomial_pmf(t: int, p: float, log_factorials: np.ndarray) -> np.ndarray:
    """Return the probabilities of 0 … t under Binomial(t, p), scaled to sum to 1."""
    k = np.arange(t + 1)
    log_ways = log_factorials[t] - log_factorials[: t + 1] - log_factorials[t::-1]
    pmf = np.exp(log_ways + xlogy(k, p) + xlogy(t - k, 1 - p))
    return pmf / pmf.sum()
