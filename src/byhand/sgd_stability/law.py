"""The exact law of w(t), and samples of it (chapter 3, problems D2.2 to D2.9).

Factors commute, so w(t) depends only on how often each n was drawn: the sum over all N^t draws
becomes a sum over draw counts (equation ch3-law), and a path can be sampled without walking it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln, logsumexp, xlogy

from byhand._checks import NonFiniteError, as_float, generator, integer, positive
from byhand.sgd_stability.dynamics import check_real, factors, to_float

MAX_COUNTS = 5_000_000
"""More draw counts than this do not fit into memory comfortably."""

MAX_STEPS = 2**62
"""Longer runs have draw counts that do not fit into NumPy's integers."""


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
    n, t = integer("n", n, 1), integer("t", t, 0, MAX_STEPS)
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

    The probabilities are fractions; so are the values, if h, η and w(0) are exact. Values of
    floats are products of the factors, rounded once, to ±∞ or 0 beyond the range of floats.

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
    t, start = integer("t", t, 0), check_real("w(0)", w0)
    steps = Counter(factors(h, eta))
    in_floats = any(isinstance(x, float) for x in (*steps, start))
    exact = Fraction if in_floats else _itself
    law: Counter = Counter()
    for row in draw_counts(len(steps), t).tolist():
        w = exact(start) * math.prod(map(pow, map(exact, steps), row))
        ways = math.factorial(t) // math.prod(map(math.factorial, row))
        ways *= math.prod(map(pow, steps.values(), row))
        law[to_float(w) if in_floats else w] += Fraction(ways, len(h) ** t)
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
    m, times = _distinct_factors(h, eta)
    counts = draw_counts(len(m), t)
    log_ways = gammaln(t + 1) - gammaln(counts + 1).sum(axis=1)
    return LogLaw(*_signed_logs(counts, m), log_ways + counts @ np.log(times / len(h)))


def log_moment(law: LogLaw, power: float) -> float:
    """Return log E|w|^p from the law of w, by log-sum-exp: nothing over- or underflows.

    Raises
    ------
    TypeError, ValueError
        If the power is not a positive real number, or the law holds nan or +∞ or arrays of
        different shapes.

    Examples
    --------
    >>> round(log_moment(log_law([1, 3], 1.2, 1000), 2) / 1000, 9), round(math.log(3.4), 9)
    (1.223775432, 1.223775432)
    """
    power = as_float("the power", positive("the power", power))
    log_abs = _logarithms("law.log_abs", law.log_abs)
    chances = _logarithms("law.log_probability", law.log_probability, log_abs.shape)
    with np.errstate(over="ignore"):
        return float(logsumexp(chances + power * log_abs))


def simulate(h: Sequence, eta: Any, t: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Return w(t)/w(0) of many paths by walking them all, one step at a time (ch3-step).

    The definition, at t·paths random numbers. :func:`sample` has the same law, is faster, and
    does not stay at 0 or ±∞ once w has left the range of floats.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is required.

    Examples
    --------
    >>> simulate([2, 2], 0.25, 3, 2, np.random.default_rng(0))
    array([0.125, 0.125])
    """
    t, rng = integer("t", t, 0), generator("rng", rng)
    w = np.ones(integer("paths", paths, 1))
    m = _float_factors(h, eta)
    ends = not m.all()
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(t):
            step = m[rng.integers(len(m), size=len(w))]
            w *= step
            if ends:
                w[step == 0] = 0  # and not nan, where w was infinite
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
    t, paths, rng = integer("t", t, 0), integer("paths", paths, 1), generator("rng", rng)
    m = _float_factors(h, eta)
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
    t, paths = integer("t", t, 0, MAX_STEPS), integer("paths", paths, 1)
    generator("rng", rng)
    m, times = _distinct_factors(h, eta)
    if len(m) <= 4 and t**1.5 <= paths:
        return _sample_in_groups(m, times, t, paths, rng)
    return LogSample(*_signed_logs(rng.multinomial(t, times / len(h), size=paths), m))


def sample_mean(w: LogSample, power: int) -> tuple[float, float]:
    """Return the sample mean of wᵖ and the standard error that the sample claims for it.

    Both are infinite, and not nan, where they exceed the range of floats.

    Raises
    ------
    TypeError, ValueError
        If the power is no integer ≥ 1, there are fewer than two paths, a sign is not −1, 0 or
        1, or a logarithm is nan or +∞.

    Examples
    --------
    >>> sample_mean(LogSample(np.array([1, -1, 1, -1]), np.zeros(4)), 2)
    (1.0, 0.0)
    """
    power = integer("power", power, 1)
    log_abs = _logarithms("w.log_abs", w.log_abs)
    sign = _signs("w.sign", w.sign, log_abs.shape)
    integer("the number of paths", log_abs.size, 2)
    with np.errstate(over="ignore"):
        logs = as_float("power", power) * log_abs
    largest = float(logs.max())
    if largest == math.inf:
        raise NonFiniteError(f"power · log|w| must fit a float, got {power} · {log_abs.max()}")
    if largest == -math.inf:
        return 0.0, 0.0
    values = sign**power * np.exp(logs - largest)
    mean, error = float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))
    return _times_exp(mean, largest), _times_exp(error, largest)


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
    t = integer("t", t, 0)
    m, times = _distinct_factors(h, eta)
    p = times / len(h)
    level = as_float("the level", level)
    log_level = math.log(max(level, 1)) * (1 - 1e-13)  # equality, but for rounding
    alive, reached = {(0,) * len(m): 1.0}, 0.0
    for _ in range(t + 1):
        counts = np.array(list(alive)).reshape(len(alive), len(m))
        high = _signed_logs(counts, m)[1] >= log_level
        reached += sum(compress(alive.values(), high))
        after: dict = Counter()
        for count, probability in compress(alive.items(), ~high):
            for i, chance in enumerate(p.tolist()):
                after[(*count[:i], count[i] + 1, *count[i + 1 :])] += probability * chance
        alive = after
    return reached


# -- helpers -------------------------------------------------------------------------------------


def _float_factors(h: Sequence, eta: Any) -> np.ndarray:
    return np.array(
        [as_float(f"the factor 1 − η·h[{i}]", m) for i, m in enumerate(factors(h, eta))]
    )


def _distinct_factors(h: Sequence, eta: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct factors and how often each occurs."""
    tally = Counter(_float_factors(h, eta).tolist())
    return np.array(list(tally)), np.array(list(tally.values()))


def _itself(x: Any) -> Any:
    return x


def _logarithms(name: str, values: Any, shape: tuple | None = None) -> np.ndarray:
    """Return logarithms as floats: −∞ is that of 0, but nan and +∞ are none of a number."""
    array = np.asarray(values)
    if isinstance(values, np.ma.MaskedArray) or array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be an array of real numbers, got {values!r}")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if array.size == 0 or not (array < np.inf).all():
        raise ValueError(f"{name} must be logarithms, not empty, nan or +∞, got {array}")
    return array.astype(float)


def _signs(name: str, values: Any, shape: tuple) -> np.ndarray:
    array = _logarithms(name, values, shape)
    if not np.isin(array, (-1, 0, 1)).all():
        raise ValueError(f"{name} must be −1, 0 or 1, got {array}")
    return array


def _times_exp(x: float, log_scale: float) -> float:
    """Return x·exp(log_scale), ±∞ beyond the largest float."""
    if x == 0:
        return x
    try:
        return math.copysign(math.exp(math.log(abs(x)) + log_scale), x)
    except OverflowError:
        return math.copysign(math.inf, x)


def _powers(m: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sign and logarithm of |mᵢᵏ| for k = 0 … t, one row for each factor."""
    counts = np.arange(t + 1)[:, None]
    signs, logs = zip(*(_signed_logs(counts, factor) for factor in m[:, None]), strict=True)
    return np.stack(signs), np.stack(logs)


def _signed_logs(counts: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sign and log|w| of w = ∏ mᵢ^countᵢ, one for each row of counts."""
    # One product of floats: how many factors are 0, how many are negative, and log|w| without 0s.
    table = np.stack([m == 0, m < 0, np.log(np.where(m == 0, 1, abs(m)))], axis=1)
    zeros, negative, log_abs = (counts.astype(float) @ table).T
    sign = np.where(zeros > 0, 0, 1 - 2 * (negative % 2)).astype(np.int8)
    return sign, np.where(zeros > 0, -np.inf, log_abs)


def _sample_in_groups(m, times, t, paths, rng) -> LogSample:
    """Sample for up to four factors: group the paths by how many draws fell on the first two.

    Within a group the two pairs are independent: each splits its draws binomially, and one of
    them is shuffled against the other. A permutation at the end makes the order random, too.
    """
    m = np.concatenate([m, np.ones(4 - len(m))])
    times = np.concatenate([times, np.zeros(4 - len(times), dtype=int)])
    signs, logs = _powers(m, t)
    log_factorials = gammaln(np.arange(t + 1) + 1.0)
    first, second = int(times[:2].sum()), int(times[2:].sum())

    def histogram(draws, one, other, size):
        return rng.multinomial(size, _binomial_pmf(draws, one, other, log_factorials))

    def pair(i, draws, size):
        """Return sign and log of mᵢᵏ·mᵢ₊₁^(draws − k), sorted by k, as often as k occurs."""
        often = histogram(draws, times[i], times[i + 1], size)
        sign = signs[i, : draws + 1] * signs[i + 1, draws::-1]
        log_abs = logs[i, : draws + 1] + logs[i + 1, draws::-1]
        return np.repeat(sign, often), np.repeat(log_abs, often)

    sign, log_abs = np.empty(paths, dtype=np.int8), np.empty(paths)
    sizes = histogram(t, first, second, paths)
    done = 0
    for draws in np.flatnonzero(sizes):
        group = slice(done, done := done + sizes[draws])
        sign[group], log_abs[group] = pair(0, draws, sizes[draws])
        if second > 0:
            order = rng.permutation(sizes[draws])
            other = pair(2, t - draws, sizes[draws])
            sign[group] *= other[0][order]
            log_abs[group] += other[1][order]
    order = rng.permutation(paths)
    return LogSample(sign[order], log_abs[order])


def _binomial_pmf(t: int, one: int, other: int, log_factorials: np.ndarray) -> np.ndarray:
    """Return P(0) … P(t) under Binomial(t, one/(one + other)), scaled to sum to 1."""
    k = np.arange(t + 1)
    log_ways = log_factorials[t] - log_factorials[: t + 1] - log_factorials[t::-1]
    both = one + other
    pmf = np.exp(log_ways + xlogy(k, one / both) + xlogy(t - k, other / both))
    return pmf / pmf.sum()
