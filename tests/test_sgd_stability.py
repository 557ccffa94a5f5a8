"""The SGD stability module against brute force, SymPy, SciPy and the step loop."""

import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise, permutations, product

import matplotlib.pyplot as plt
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, ks_2samp

from byhand import sgd_stability as sgd
from byhand.backpropagation import grad, hvp, jacobian
from byhand.hypergradients import peak_bytes
from byhand.linear_algebra import power_iteration
from byhand.sgd_stability import dynamics, edge, figures, law, thresholds

lawful = settings(derandomize=True, deadline=None, max_examples=40)
fractions = st.fractions(-3, 6, max_denominator=7)
curvatures = st.lists(fractions, min_size=1, max_size=4).filter(lambda h: sum(h) > 0)
ordinary = st.floats(-3, 10).map(lambda x: round(x, 12))
floats = st.lists(ordinary, min_size=1, max_size=7).filter(lambda h: sum(h) > 0.1)
step_sizes = st.fractions(0, 4, max_denominator=9)


def every_run(h, eta, t):
    """Return w(t) for every sequence of draws, multiplied out here."""
    return [math.prod(1 - eta * x for x in xs) for xs in product(h, repeat=t)]


def average(values):
    return sum(values) / Fraction(len(values))


# -- exact recursions and the law ----------------------------------------------------------------


@lawful
@given(curvatures, step_sizes, st.integers(0, 4))
def test_law_and_moments_agree_with_every_sequence_of_draws(h, eta, t):
    runs = every_run(h, eta, t)
    law = sgd.exact_law(h, eta, t)
    assert law == {w: Fraction(k, len(runs)) for w, k in Counter(runs).items()}
    for power in (1, 2, 3):
        moment = average([w**power for w in runs])
        assert sgd.moment_recursion(h, eta, power, t)[-1] == moment
        assert sum(p * w**power for w, p in law.items()) == moment
    assert sgd.mean_factor(h, eta) ** t == average(runs)
    assert sgd.square_factor(h, eta) ** t == average([w**2 for w in runs])


@lawful
@given(curvatures, step_sizes, st.lists(st.integers(0, 3), max_size=6))
def test_run_multiplies_by_the_factors_it_drew(h, eta, draws):
    draws = [n % len(h) for n in draws]
    w = sgd.run(h, eta, draws, w0=Fraction(-2, 3))
    m = sgd.factors(h, eta)
    assert w[-1] == Fraction(-2, 3) * math.prod(m[n] for n in draws)
    assert len(w) == len(draws) + 1


def test_symbols_pass_through():
    e, *h = sp.symbols("e a b c", positive=True)
    mean, variance = sgd.mean_and_variance(h)
    assert sp.simplify(sum(x**2 for x in h) / 3 - mean**2 - variance) == 0
    direct = sum((1 - e * x) ** 2 for x in h) / 3
    assert sp.simplify(direct - sgd.square_factor(h, e)) == 0
    assert sp.simplify(sgd.mean_threshold(h) - 6 / sum(h)) == 0
    edge = sgd.mean_square_threshold(h)
    assert sp.simplify(sgd.square_factor(h, edge) - 1) == 0


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("t", [0, 1, 4, 7])
def test_draw_counts_are_all_compositions_once(n, t):
    rows = sgd.draw_counts(n, t).tolist()
    expected = [list(c) for c in product(range(t + 1), repeat=n) if sum(c) == t]
    assert rows == expected


@lawful
@given(curvatures, step_sizes, st.integers(0, 5))
def test_log_law_is_the_exact_law(h, eta, t):
    exact = sgd.exact_law(h, eta, t)
    law = sgd.log_law(h, eta, t)
    values = law.sign * np.exp(law.log_abs)
    merged = Counter()
    for w, p in zip(values, np.exp(law.log_probability), strict=True):
        nearest = min(exact, key=lambda v: abs(float(v) - w))
        assert float(nearest) == pytest.approx(w, rel=1e-12, abs=1e-12)
        merged[nearest] += p
    for w, p in exact.items():
        assert merged[w] == pytest.approx(float(p), rel=1e-12, abs=0)


def test_log_law_of_a_long_run_has_the_moments_of_the_closed_form():
    h, eta, t = [1, 2, 5], 0.45, 900
    law = sgd.log_law(h, eta, t)
    growth = math.log(float(sgd.square_factor(h, Fraction(9, 20))))
    assert sgd.log_moment(law, 2) / t == pytest.approx(growth, rel=1e-11, abs=0)
    q = np.exp(law.log_probability) @ law.log_abs / t
    assert q == pytest.approx(sgd.lyapunov_exponent(h, eta), rel=1e-11, abs=0)
    assert np.exp(law.log_probability).sum() == pytest.approx(1, rel=1e-11, abs=0)


# -- the growth rate and its set -----------------------------------------------------------------


@lawful
@given(curvatures, step_sizes)
def test_exponent_is_the_logarithm_of_the_exact_product(h, eta):
    size = abs(math.prod(1 - eta * x for x in h))
    q = sgd.lyapunov_exponent(h, eta)
    if size == 0:
        assert q == -math.inf
    else:
        assert len(h) * q == pytest.approx(math.log(size), rel=1e-12, abs=1e-13)
    assert abs(sgd.epoch_factor(h, eta)) == size


@lawful
@given(curvatures, step_sizes)
def test_mean_square_rate_bounds_the_other_two(h, eta):
    g, mean, q = sgd.square_factor(h, eta), sgd.mean_factor(h, eta), sgd.lyapunov_exponent(h, eta)
    assert mean**2 <= g
    assert q == -math.inf or 2 * q <= math.log(g) + 1e-12


def real_root_intervals(h):
    """Return where |∏(1 − ηhₙ)| < 1 on η > 0, from the exact real roots of p ± 1."""
    x = sp.symbols("x")
    p = sp.prod([1 - x * sp.Rational(v.numerator, v.denominator) for v in h])
    roots = {r for s in (1, -1) for r in sp.real_roots(sp.Poly(p - s, x)) if r > 0}
    cuts = [0.0, *sorted(float(r) for r in roots)]
    return [(a, b) for a, b in pairwise(cuts) if abs(float(p.subs(x, (a + b) / 2))) < 1]


@pytest.mark.parametrize(
    "h",
    [[1], [1, 3], [1, 9], [1, 1, 28], [1, 8, 64, 512], [-1, 3], [0, 2], [-2, 0, 5], [1, 2, 3, 5, 7],
     [2, 2, 2], [1, 6], [1, 5], [-1, -1, 1, 30]],
)  # fmt: skip
def test_almost_sure_set_against_exact_roots(h):
    h = [Fraction(x) for x in h]
    found = sgd.almost_sure_set(h)
    assert np.array(found) == pytest.approx(np.array(real_root_intervals(h)), rel=1e-12, abs=0)


@lawful
@given(floats)
def test_almost_sure_set_is_where_the_exponent_is_negative(h):
    intervals = sgd.almost_sure_set(h)
    assert intervals[0][0] == 0
    assert len(intervals) <= len({x for x in h if x > 0})
    assert intervals[0][1] * max(h) > 1 - 1e-12
    assert intervals[0][1] >= sgd.mean_square_threshold(h) * (1 - 1e-12)
    for a, b in intervals:
        assert any(a < float(1 / Fraction(x)) < b for x in h if x > 0)
    ends = np.ravel(intervals)
    grid = np.linspace(0, 1.3 * ends[-1], 201)[1:]
    for eta in grid:
        if np.abs(ends - eta).min() > 1e-9 * ends[-1]:
            inside = any(a < eta < b for a, b in intervals)
            assert inside == (sgd.lyapunov_exponent(h, eta) < 0)


@pytest.mark.parametrize("size", [5, 6, 8, 9])
def test_an_interval_that_is_narrower_than_the_floats_still_holds_its_pole(size):
    """One batch in 2ᴮ has the curvature 1; about η = 1 it takes |1 − η| < e^(−c·2ᴮ)."""
    batches = sgd.batch_curvatures([1, 9], size, replacement=True)
    intervals = sgd.almost_sure_set(batches)
    poles = sgd.best_steps(batches).almost_sure
    assert all(any(a < pole < b for pole in poles) for a, b in intervals)
    (about_one,) = [(a, b) for a, b in intervals if a < 1 < b]
    assert size < 8 or about_one == (math.nextafter(1, 0), math.nextafter(1, 2))


@pytest.mark.parametrize(("h", "end"), [([1], 2.0), ([0, 2], 1.0), ([4, 4, 0], 0.5), ([2], 1.0)])
def test_an_end_at_which_q_is_zero_is_that_float(h, end):
    assert sgd.almost_sure_set(h) == [(0.0, end)]


def test_two_curvatures_split_beyond_the_ratio_three_plus_two_root_two():
    ratio = 3 + 2 * math.sqrt(2)
    assert len(sgd.almost_sure_set([1, ratio * (1 - 1e-9)])) == 1
    assert len(sgd.almost_sure_set([1, ratio * (1 + 1e-9)])) == 2


@lawful
@given(curvatures)
def test_best_steps_beat_their_neighbors(h):
    best = sgd.best_steps(h)
    assert sgd.mean_factor(h, best.mean) == 0
    g = sgd.square_factor(h, best.mean_square)
    for nudge in (Fraction(99, 100), Fraction(101, 100)):
        assert sgd.square_factor(h, best.mean_square * nudge) > g
    assert all(sgd.lyapunov_exponent(h, eta) == -math.inf for eta in best.almost_sure)
    assert sgd.mean_square_threshold(h) == 2 * best.mean_square


@pytest.mark.parametrize(("h", "eta"), [([1, 3], 1.2), ([1, 3], 0.9), ([1, 2, 5], 0.45)])
def test_tail_index_makes_the_moment_one(h, eta):
    kappa = sgd.tail_index(h, eta)
    m = np.abs(1 - eta * np.array(h, dtype=float))
    assert np.mean(m**kappa) == pytest.approx(1, abs=1e-13)
    assert (kappa > 2) == (sgd.square_factor(h, eta) < 1)


@pytest.mark.parametrize("below", [1e-6, 1e-9, 1e-12, 1e-15])
def test_tail_index_just_below_the_critical_step(below):
    """There κ = −2q/v to first order, v the variance of log|m|: an oracle where κ is tiny."""
    h, eta = [1, 3], 4 / 3 - below
    logs = np.log(np.abs([1 - eta, 1 - 3 * eta]))
    first_order = -2 * sgd.lyapunov_exponent(h, eta) / np.var(logs)
    assert sgd.tail_index(h, eta) == pytest.approx(first_order, rel=1e-2 if below < 1e-14 else 1e-4)


@lawful
@given(curvatures, step_sizes)
def test_growth_rates_are_the_logarithms_of_the_exact_factors(h, eta):
    rates = sgd.growth_rates(h, eta)
    m = [1 - eta * x for x in h]
    exact = [average(m) ** 2, average([x * x for x in m]), math.prod(m) ** 2]
    for rate, factor, scale in zip(rates, exact, (2, 2, 2 * len(h)), strict=True):
        if factor == 0:
            assert rate == -math.inf
        else:
            assert scale * rate == pytest.approx(math.log(factor), rel=1e-12, abs=1e-13)


# -- batches -------------------------------------------------------------------------------------


@lawful
@given(curvatures, st.integers(1, 3), st.booleans())
def test_batch_variance_is_that_of_every_batch(h, size, replacement):
    size = size if replacement else min(size, len(h))
    batches = sgd.batch_curvatures(h, size, replacement=replacement)
    assert len(batches) == (len(h) ** size if replacement else math.comb(len(h), size))
    mean, variance = sgd.mean_and_variance(batches)
    assert mean == sgd.mean_and_variance(h).mean
    assert variance == sgd.batch_variance(h, size, replacement=replacement)


def test_a_shuffled_epoch_multiplies_by_the_same_number_in_every_order():
    h, eta = [Fraction(1, 2), 1, 3, Fraction(-1, 4)], Fraction(4, 5)
    ends = {sgd.run(h, eta, order)[-1] for order in permutations(range(4))}
    assert ends == {sgd.epoch_factor(h, eta)}


# -- samples -------------------------------------------------------------------------------------

SAMPLED = [
    ([1, 1.5, 4, 10], 0.3, 60, "in groups"),
    ([1, 1, 1, 3], 0.8, 40, "in groups, unequal chances"),
    ([1, 3], 1.2, 50, "in groups, two factors"),
    ([1, 2, 5, 7], 0.2, 30, "in groups, a factor that is zero"),
    ([1, 1.5, 4, 10], 0.8, 7, "in groups, negative factors in both pairs"),
    ([1, 2, 3, 5, 7, 11], 0.15, 50, "path by path"),
]


def keys(w):
    """Return log|w| rounded, so that equal products compare as equal, with −∞ far down."""
    return np.round(np.maximum(w.log_abs, -1e6), 6)


def logs(w):
    with np.errstate(divide="ignore"):
        return sgd.LogSample(np.sign(w), np.log(np.abs(w)))


@pytest.mark.parametrize(
    ("h", "eta", "t"), [row[:3] for row in SAMPLED], ids=[r[3] for r in SAMPLED]
)
def test_sample_has_the_law_of_the_step_loop(h, eta, t):
    paths = 40_000
    fast = sgd.sample(h, eta, t, paths, np.random.default_rng(1))
    walked = logs(sgd.simulate(h, eta, t, paths, np.random.default_rng(2)))
    assert ks_2samp(keys(fast), keys(walked)).pvalue > 1e-3
    for sign in (-1, 0, 1):
        a, b = np.mean(fast.sign == sign), np.mean(walked.sign == sign)
        pooled = (a + b) / 2
        assert abs(a - b) <= 4 * math.sqrt(2 * pooled * (1 - pooled) / paths)


def test_sample_has_the_law_of_a_thousand_steps():
    h, eta, t, paths = [1, 1.5, 4, 10], 0.3, 1000, 100_000
    fast = sgd.sample(h, eta, t, paths, np.random.default_rng(1))
    walked = logs(sgd.simulate(h, eta, t, 20_000, np.random.default_rng(2)))
    assert ks_2samp(keys(fast), keys(walked)).pvalue > 1e-3


@pytest.mark.parametrize("h", [[1, 3], [1, 2, 5], [1, 2, 5, 8], [1, 2, 3, 5, 7]])
def test_sample_against_the_exact_distribution_function(h):
    eta, t, paths = 0.3, 25, 60_000
    law = sgd.log_law(h, eta, t)
    w = sgd.sample(h, eta, t, paths, np.random.default_rng(3))
    values = np.round(law.log_abs, 6)
    places = np.unique(values)
    exact = [np.exp(law.log_probability)[values <= x].sum() for x in places]
    found = np.searchsorted(np.sort(keys(w)), places, side="right") / paths
    allowed = math.sqrt(math.log(2 / 1e-3) / (2 * paths))  # Dvoretzky, Kiefer, Wolfowitz, Massart
    assert np.abs(found - exact).max() < allowed
    # The same paths, had they taken one step less, would not pass.
    late = np.searchsorted(
        np.sort(keys(sgd.sample(h, eta, t - 1, paths, np.random.default_rng(3)))), places, "right"
    )
    assert np.abs(late / paths - exact).max() > allowed
    assert np.mean(w.sign < 0) == pytest.approx(
        np.exp(law.log_probability)[law.sign < 0].sum(), abs=4 * 0.5 / math.sqrt(paths)
    )


@pytest.mark.parametrize(
    ("h", "eta", "t"),
    [([1, 1.5, 4, 10], 0.3, 59), ([1, 1.5, 4, 10], 0.31, 60), ([1, 1, 1.5, 4, 10], 0.3, 60),
     ([1, 1.5, 4, 9.5], 0.3, 60)],
    ids=["a step short", "another step size", "unequal chances", "another curvature"],
)  # fmt: skip
def test_the_kolmogorov_smirnov_check_catches_a_wrong_law(h, eta, t):
    wrong = sgd.sample(h, eta, t, 40_000, np.random.default_rng(1))
    walked = logs(sgd.simulate([1, 1.5, 4, 10], 0.3, 60, 40_000, np.random.default_rng(2)))
    assert ks_2samp(keys(wrong), keys(walked)).pvalue < 1e-3


def test_pairs_left_unshuffled_would_be_caught():
    h, eta, t = [1, 1.5, 4, 10], 0.3, 60
    rng = np.random.default_rng(1)
    m = np.log(np.abs(sgd.factors(h, eta)))
    first = np.sort(rng.binomial(t // 2, 0.5, size=40_000))  # sorted against sorted
    third = np.sort(rng.binomial(t // 2, 0.5, size=40_000))
    unshuffled = first * (m[0] - m[1]) + third * (m[2] - m[3]) + t // 2 * (m[1] + m[3])
    walked = logs(sgd.simulate(h, eta, t, 40_000, np.random.default_rng(2)))
    assert ks_2samp(unshuffled, walked.log_abs).pvalue < 1e-9


def test_sample_order_is_random():
    w = sgd.sample([1, 2, 5, 8], 0.3, 100, 20_000, np.random.default_rng(0)).log_abs
    neighbors = np.corrcoef(w[:-1], w[1:])[0, 1]
    halves = ks_2samp(np.round(w[:10_000], 6), np.round(w[10_000:], 6)).pvalue
    assert abs(neighbors) < 4 / math.sqrt(len(w))
    assert halves > 1e-3


def test_samples_repeat_with_their_seed():
    a, b = (sgd.sample([1, 3], 1.2, 30, 500, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(a.log_abs, b.log_abs)
    assert np.array_equal(a.sign, b.sign)


def test_sample_paths_are_the_paths_of_their_draws():
    h, eta, t = [1, 2, 5], 0.5, 7
    w = sgd.sample_paths(h, eta, t, 3, np.random.default_rng(6))
    draws = np.random.default_rng(6).integers(3, size=(3, t))
    for i in range(3):
        expected = sgd.run(h, eta, draws[i])
        assert w.sign[i] * np.exp(w.log_abs[i]) == pytest.approx(expected, rel=1e-12, abs=0)


def test_sample_mean_and_standard_error():
    values = np.array([1.0, -2.0, 4.0, 0.5])
    w = sgd.LogSample(np.sign(values), np.log(np.abs(values)))
    mean, error = sgd.sample_mean(w, 1)
    assert (mean, error) == pytest.approx((values.mean(), values.std(ddof=1) / 2))
    assert sgd.sample_mean(w, 2)[0] == pytest.approx((values**2).mean())


def test_monte_carlo_agrees_where_it_can_and_fails_where_it_cannot():
    rng = np.random.default_rng(0)
    early = sgd.sample([1, 3], 1.2, 3, 10**5, rng)
    mean, error = sgd.sample_mean(early, 2)
    assert abs(mean - 3.4**3) < 4 * error
    late = sgd.sample([1, 3], 1.2, 100, 10**5, rng)
    mean, error = sgd.sample_mean(late, 2)
    assert mean + 1000 * error < 1e-15 * 3.4**100


# -- first passage -------------------------------------------------------------------------------


def test_peak_probability_against_every_sequence_of_draws():
    h, eta, t = [1, 3, 4], Fraction(6, 5), 6
    for level in (1.0, 1.5, 2.6, 10, 40):
        peaks = [
            max(abs(w) for w in sgd.run(h, eta, draws)) for draws in product(range(3), repeat=t)
        ]
        expected = np.mean([peak >= Fraction(level) * (1 - Fraction(1, 10**9)) for peak in peaks])
        assert sgd.peak_probability(h, eta, level, t) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("height", [1, 2, 5, 9])
def test_peak_probability_at_the_critical_step_is_the_reflection_principle(height):
    t = 200
    k = np.arange(t + 1)
    place = 2 * k - t
    pmf = binom.pmf(k, t, 0.5)
    expected = pmf[place >= height].sum() + pmf[place > height].sum()
    found = sgd.peak_probability([1, 3], Fraction(4, 3), 3**height, t)
    assert found == pytest.approx(expected, rel=1e-10, abs=0)


def test_peak_probability_with_a_zero_factor():
    assert sgd.peak_probability([1, 3], 1, 2, 10) == pytest.approx(0.5)
    assert sgd.peak_probability([1, 3], 1, 4, 10) == pytest.approx(0.25)


@pytest.mark.parametrize("level", [1, 0.5, 0.0, -1.0, -2])
def test_a_level_at_or_below_the_start_is_reached_there(level):
    assert sgd.peak_probability([1, 3], 1.2, level, 3) == 1
    assert sgd.peak_probability([1, 3], 0.5, level, 2) == 1


# -- beyond the range and the digits of floats ---------------------------------------------------


BENDS = (
    1e-9,
    1e-5,
    -3e-4,
    -2e-3,
    4e-3,
    9e-3,
    -9e-3,
    9.9e-3,
    1e-2,
    -1e-2,
    1.1e-2,
    0.5,
    -0.5,
    3.0,
    -3.0,
)


def test_a_path_that_meets_a_factor_0_is_0_and_one_that_does_not_is_lost():
    w = sgd.simulate([1, 1e200], 1.0, 3, 200, np.random.default_rng(1))
    assert set(w.tolist()) == {0.0, -math.inf}


@pytest.mark.parametrize(
    ("factors", "t", "paths", "groups"), [(4, 4, 8, True), (4, 4, 7, False), (5, 1, 9, False)]
)
def test_many_paths_of_few_curvatures_are_drawn_in_groups(monkeypatch, factors, t, paths, groups):
    called = []
    monkeypatch.setattr(law, "_sample_in_groups", lambda *given: called.append(given))
    sgd.sample(range(1, factors + 1), 0.1, t, paths, np.random.default_rng(0))
    assert bool(called) == groups


def test_a_network_is_read_from_a_start_that_does_not_change():
    w = np.random.default_rng(3).normal(size=10)
    start = np.random.default_rng(0).normal(size=10)
    top = power_iteration(lambda v: hvp(edge.loss, w, v), start, tolerance=1e-4)
    assert edge.read(w).sharpness == top.value
    assert edge.loss(w, edge.X[:2], edge.Y[:2]) == pytest.approx(
        np.mean((edge.outputs(w) - edge.Y)[:2] ** 2) / 2, rel=1e-14, abs=0
    )


def test_directions_are_kept_down_to_a_millionth():
    assert sgd.rank_one_hessians(np.diag([1.0, 1e-6])).shape == (2, 1, 1)
    assert sgd.rank_one_hessians(np.diag([1.0, 1.1e-6])).shape == (2, 2, 2)


def test_stable_steps_of_curvatures_far_apart_warn_of_nothing():
    intervals = sgd.almost_sure_set([1e-290, 1e300])
    assert intervals[0][0] == 0
    assert all(a < b for a, b in intervals)


@pytest.mark.parametrize("x", BENDS)
def test_the_bend_of_the_exponential_keeps_its_digits(x):
    with mpmath.workdps(40):
        expected = float(mpmath.exp(mpmath.mpf(x)) - 1 - mpmath.mpf(x))
    assert thresholds._bend(x) == pytest.approx(expected, rel=1e-13, abs=0)


def test_a_tail_index_with_a_factor_that_is_zero_or_one():
    assert sgd.tail_index([1, 3], 1) == pytest.approx(1, rel=1e-14, abs=0)  # ½(0 + 2^κ) = 1
    assert sgd.tail_index([1, 1, 3], 1) == pytest.approx(math.log2(3), rel=1e-14, abs=0)
    assert sgd.tail_index([0, 1], Fraction(1, 2)) == math.inf  # none is larger than 1


MEANS = [
    *(
        ([1, -1, -1, 0], [0.25, 1.5, -0.5, -math.inf], shift, power)
        for shift in (400, -400, 0)
        for power in (1, 2, 3)
    ),
    ([1, 1, -1, 1], [709.9, 700.0, 709.0, -math.inf], 0, 1),  # exp(709.9) is no float
    ([1, -1, 1, 0], [355.1, 354.0, -3.0, -math.inf], 0, 2),
    ([1, 1, 1], [-400.0, -401.0, -400.5], 0, 1),  # the squares are none
    ([1, -1, 1], [-200.0, -201.0, -199.5], 0, 3),
    ([1, 1], [310.0, 310.0], 0, 1),
    ([1, -1, 0], [0.5, -2.0, -math.inf], 0, 1),
]


@pytest.mark.parametrize(("sign", "logs", "shift", "power"), MEANS)
def test_means_of_values_of_any_size(sign, logs, shift, power):
    with mpmath.workdps(40):
        values = [
            (s * mpmath.exp(mpmath.mpf(x) + mpmath.mpf(shift) / power)) ** power
            for s, x in zip(sign, logs, strict=True)
        ]
        mean = mpmath.fsum(values) / len(values)
        spread = mpmath.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
        exact = float(mean), float(mpmath.sqrt(spread / len(values)))
    found = sgd.sample_mean(sgd.LogSample(np.array(sign), np.array(logs) + shift / power), power)
    assert found == pytest.approx(exact, rel=1e-11 if shift else 1e-12)


def test_means_that_cancel_vanish_or_leave_the_floats():
    mean, error = sgd.sample_mean(sgd.LogSample(np.array([1, -1]), np.full(2, 400.0)), 1)
    assert mean == 0
    assert error == pytest.approx(math.exp(400), rel=1e-11, abs=0)
    nothing = sgd.LogSample(np.zeros(2, dtype=int), np.full(2, -np.inf))
    assert sgd.sample_mean(nothing, 1) == (0, 0)
    assert sgd.sample_mean(nothing, 3) == (0, 0)
    large = np.array([800.0, 801.0])
    assert sgd.sample_mean(sgd.LogSample(-np.ones(2), large), 1) == (-np.inf, np.inf)
    w = sgd.LogSample(np.array([1, 1, -1]), np.array([0.3, 1.7, 0.9]))
    assert sgd.sample_mean(w, 1)[0] == float(np.mean(w.sign * np.exp(w.log_abs)))


def test_long_runs_of_few_paths_have_the_signs_and_logarithms_of_their_counts():
    counts = np.array([[1001, 0, 4], [1000, 3, 1], [0, 2, 0]])  # more draws than entries
    sign, log_abs = law._signed_logs(counts, np.array([-1.5, 0.0, -0.25]))
    assert sign.tolist() == [-1, 0, 0]
    expected = [1001 * math.log(1.5) + 4 * math.log(0.25), -math.inf, -math.inf]
    assert log_abs == pytest.approx(expected, rel=1e-14, abs=0)
    sign, log_abs = law._signed_logs(counts, np.array([-1.5, -2.0, 0.25]))
    assert sign.tolist() == [-1, -1, 1]
    expected = [
        1001 * math.log(1.5) + 4 * math.log(0.25),
        1000 * math.log(1.5) + 3 * math.log(2) + math.log(0.25),
        2 * math.log(2),
    ]
    assert log_abs == pytest.approx(expected, rel=1e-14, abs=0)


def test_signs_are_bytes_and_multiply():
    h, eta = [3, -1], 1  # factors −2 and 2
    for paths, t in ((3, 1000), (3, 1001), (2000, 5)):
        w = sgd.sample(h, eta, t, paths, np.random.default_rng(5))
        assert w.log_abs == pytest.approx(np.full(paths, t * math.log(2)))
        assert w.sign.dtype == np.int8
        assert set(w.sign) == {-1, 1}
    alone = sgd.sample([3], 1, 1001, 2, np.random.default_rng(0))
    assert alone.sign.tolist() == [-1, -1]
    assert sgd.log_law([1, 3], 1, 4).sign.tolist().count(0) == 4  # all but 0⁰·(−2)⁴
    assert sgd.sample_paths(h, eta, 2, 2, np.random.default_rng(0)).sign.dtype == np.int8


TINY = Fraction(1, 10**20)


@pytest.mark.parametrize(
    "m",
    [
        *(1 + Fraction(1, 10**12), 1 - Fraction(1, 10**9), Fraction(-7, 3), Fraction(10**400, 7)),
        *(Fraction(3, 10**400), Fraction(1, 10**305), Fraction(1, 10**400), Fraction(10**400)),
        *(TINY, 1 - TINY, Fraction(7), Fraction(1)),
    ],
)
def test_logarithms_of_factors_of_any_size(m):
    eta = Fraction(1, 2)
    h = (1 - m) / eta, abs((1 - m) / eta) + 8  # its mean is positive
    with mpmath.workdps(60):
        exact = float(mpmath.log(abs(mpmath.mpf(m.numerator)) / m.denominator))
    assert dynamics.log_factors(h, eta)[0] == pytest.approx(exact, rel=1e-14, abs=0)


def test_growth_rates_of_tiny_steps_do_not_cancel():
    assert sgd.lyapunov_exponent([1.0, 3.0], 1e-20) == pytest.approx(-2e-20, rel=1e-14, abs=0)
    assert sgd.growth_rates([1.0, 3.0], 1e-20) == pytest.approx([-2e-20] * 3, rel=1e-14, abs=0)
    assert sgd.growth_rates([1, 1], TINY)[2] == pytest.approx(-1e-20, rel=1e-14, abs=0)
    assert sgd.lyapunov_exponent([1], 1 + 10**400) == pytest.approx(
        400 * math.log(10), rel=1e-14, abs=0
    )
    assert sgd.lyapunov_exponent([1.0, 3.0], 1.0) == -math.inf


def test_moments_and_runs_of_floats_are_those_of_their_fractions():
    h, eta = [1.0, 2.0, 4.5], 0.3
    m = [Fraction(x) for x in sgd.factors(h, eta)]
    for power, start in product((1, 2, 3), (2, 1.0, -3.0, 0.0)):
        factor = sum(x**power for x in m) / 3
        expected = [float(factor**s * Fraction(start)) for s in range(10)]
        found = sgd.moment_recursion(h, eta, power, 9, start)
        assert found == pytest.approx(expected, rel=1e-14, abs=0)
        assert all(isinstance(x, float) for x in found)
    found = sgd.moment_recursion([10**9, 1], 1e190, 2, 2, 5e-324)  # beyond the floats and back
    factor = sum(Fraction(1 - 1e190 * x) ** 2 for x in (1e9, 1.0)) / 2
    assert found[1] == pytest.approx(float(factor * Fraction(5e-324)), rel=1e-14, abs=0)
    assert found[2] == math.inf
    assert sgd.run([0.5, 5.0], 1.0, [0], w0=1e-200) == [1e-200, 0.5e-200]


def test_the_law_of_floats_is_rounded_once_and_that_of_a_symbol_is_exact():
    m = [Fraction(x) for x in sgd.factors([0.9, 1.3], 0.1)]
    found = sgd.exact_law([0.9, 1.3], 0.1, 2, 0.7)
    start = Fraction(0.7)
    expected = {
        float(start * m[0] ** 2): Fraction(1, 4),
        float(start * m[0] * m[1]): Fraction(1, 2),
        float(start * m[1] ** 2): Fraction(1, 4),
    }
    assert found == expected
    exact = sgd.exact_law([1, 3, 3], Fraction(3, 4), 4, Fraction(5, 2))
    found = sgd.exact_law([1.0, 3.0, 3.0], 0.75, 4, 2.5)
    assert found == {float(w): p for w, p in exact.items()}
    assert all(isinstance(w, float) for w in found)
    assert set(sgd.exact_law([1], 3, 2, 1e308)) == {math.inf}
    assert sgd.exact_law([1.0, 3.0], 1e200, 2)[math.inf] == 1
    w = sp.Symbol("w")
    assert sgd.exact_law([1, 3], Fraction(6, 5), 1, w) == {
        -w / 5: Fraction(1, 2),
        -13 * w / 5: Fraction(1, 2),
    }


def test_walks_that_leave_the_floats_end_at_zero_without_a_word():
    with np.errstate(all="raise"):
        w = sgd.simulate([1.0, 1e200], 1.0, 20, 500, np.random.default_rng(0))
        assert w.tolist() == [0.0] * 500
        up = sgd.simulate([1.0, 1e200], 0.5, 3, 500, np.random.default_rng(0))
        far_up = sgd.simulate([3e10, 3.1e10], 1.0, 400, 50, np.random.default_rng(3))
    assert not np.isnan(up).any()
    assert np.isinf(up).any()
    assert set(abs(far_up)) == {math.inf}
    far = sgd.LogLaw(np.ones(1), np.array([-1e300]), np.zeros(1))
    with np.errstate(all="raise", under="ignore"):
        assert sgd.log_moment(far, 1e10) == -math.inf
        assert sgd.log_moment(far._replace(log_abs=np.array([1e300])), 1e10) == math.inf


def test_an_operator_of_one_sample():
    T = sgd.second_moment_operator(np.array([[[2.0, 0.0], [0.0, 0.0]]]), 0.25)
    assert T.tolist() == np.diag([0.25, 0.5, 0.5, 1.0]).tolist()


def test_the_steps_that_end_a_run_of_symbols():
    a, b = sp.symbols("a b")
    assert sgd.best_steps([a, b]).almost_sure == (1 / a, 1 / b)


def test_the_almost_sure_set_of_steep_curvatures():
    [(_, right), *_] = sgd.almost_sure_set([1e300, 1e300])
    assert right == pytest.approx(2e-300)


def test_what_counts_as_too_many_batches_depends_on_the_replacement():
    with pytest.raises(ValueError, match="got 23 with 8388608"):
        sgd.batch_curvatures([1, 3], 23, replacement=True)
    assert len(sgd.batch_curvatures(range(1, 31), 29, replacement=False)) == 30
    assert len(sgd.batch_curvatures([1, 3], 12, replacement=True)) == 4096


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("h", "eta", "error", "message"),
    [
        ([], 1, ValueError, "at least one curvature, got none"),
        ([1, -2], 1, ValueError, "positive on average.*got mean -0.5"),
        ([0, 0], 1, ValueError, "positive on average"),
        ([1, math.nan], 1, ValueError, r"h\[1\] must be finite, got nan"),
        ([math.inf], 1, ValueError, r"h\[0\] must be finite"),
        ([[1, 2]], 1, ValueError, "one-dimensional.*got 2 dimensions"),
        (3, 1, ValueError, "one-dimensional.*got 0 dimensions"),
        ([1, 2j], 1, TypeError, r"h\[1\] must be a real number"),
        ([True, 1], 1, TypeError, r"h\[0\] must be a real number"),
        (["1"], 1, TypeError, "must be a real number, got '1'"),
        ([1, 2], -0.1, ValueError, "η must be at least 0, got -0.1"),
        ([1, 2], math.nan, ValueError, "η must be finite"),
        ([1, 2], "big", TypeError, "η must be a real number"),
    ],
)
def test_bad_curvatures_and_step_sizes_are_named(h, eta, error, message):
    rng = np.random.default_rng(0)
    calls = [
        lambda: sgd.factors(h, eta),
        lambda: sgd.run(h, eta, [0]),
        lambda: sgd.square_factor(h, eta),
        lambda: sgd.mean_factor(h, eta),
        lambda: sgd.lyapunov_exponent(h, eta),
        lambda: sgd.exact_law(h, eta, 2),
        lambda: sgd.log_law(h, eta, 2),
        lambda: sgd.sample(h, eta, 2, 5, rng),
        lambda: sgd.simulate(h, eta, 2, 5, rng),
        lambda: sgd.sample_paths(h, eta, 2, 5, rng),
        lambda: sgd.peak_probability(h, eta, 2, 2),
        lambda: sgd.tail_index(h, eta),
    ]
    for call in calls:
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize(
    "function",
    [sgd.mean_threshold, sgd.mean_square_threshold, sgd.best_steps, sgd.almost_sure_set],
)
def test_thresholds_need_a_minimum(function):
    with pytest.raises(ValueError, match="positive on average"):
        function([1, -2])
    with pytest.raises(ValueError, match="at least one"):
        function([])


def law_of(log_abs, log_probability):
    return sgd.LogLaw(np.ones(len(log_abs)), np.array(log_abs), np.array(log_probability))


def mean_of(sign, log_abs):
    return sgd.sample_mean(sgd.LogSample(np.array(sign), np.array(log_abs)), 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sgd.run([1, 3], 1, [2]), ValueError, "index from 0 to 1, got 2"),
        (lambda: sgd.run([1, 3], 1, [0.5]), ValueError, "index from 0 to 1, got 0.5"),
        (lambda: sgd.run([1, 3], 1, [0], "1"), TypeError, "w.0. must be a real number, got '1'"),
        (lambda: sgd.run([1, 3], 1, [0], math.inf), ValueError, "w.0. must be finite, got inf"),
        (lambda: sgd.moment_recursion([1], 1, 2, 1, math.nan), ValueError, "moment must be finite"),
        (lambda: sgd.exact_law([1, 3], 1, -1), ValueError, "t must be at least 0, got -1"),
        (lambda: sgd.exact_law([1, 3], 1, 2.0), TypeError, "t must be an integer, got 2.0"),
        (lambda: sgd.moment_recursion([1], 1, 0, 2), ValueError, "power must be at least 1, got 0"),
        (lambda: sgd.draw_counts(0, 2), ValueError, "n must be at least 1, got 0"),
        (lambda: sgd.draw_counts(4, 1000), ValueError, "167668501 counts, more than"),
        (lambda: sgd.log_moment(sgd.log_law([1], 1, 1), 0), ValueError, "power must be positive"),
        (lambda: sgd.sample([1], 1, 2, 0, None), ValueError, "paths must be at least 1, got 0"),
        (lambda: sgd.tail_index([1, 3], 1.5), ValueError, "needs q.*< 0, got q = 0.2798"),
        (lambda: sgd.tail_index([1, 3], 0), ValueError, "needs q.*< 0, got q = 0"),
        (lambda: sgd.batch_curvatures([1, 3], 3, replacement=False), ValueError, "≤ N = 2, got 3"),
        (lambda: sgd.batch_variance([1, 3], 0, replacement=True), ValueError, "at least 1, got 0"),
        (lambda: sgd.factors([[1], [1, 2]], 1), ValueError, "one-dimensional.*got 2 dimensions"),
        (lambda: sgd.exact_law([1], 1, 1, math.nan), ValueError, r"^w\(0\) must be"),
        (lambda: sgd.mean_threshold([[1, 2], [3]]), ValueError, "one-dim.*got 2 dimensions"),
        (lambda: sgd.exact_law([1], 1, 1, "1"), TypeError, r"^w\(0\) must be a real number"),
        (lambda: sgd.best_steps([5e-324, 1.0]), ValueError, "^1/h_n must fit a float"),
        (lambda: sgd.log_moment(law_of([np.nan], [0.0]), 1), ValueError, "^law.log_abs must be"),
        (lambda: sgd.log_moment(law_of([0.0], [np.nan]), 1), ValueError, "^law.log_probability mu"),
        (lambda: sgd.log_moment(law_of([0.0, 1], [0.0]), 1), ValueError, "have shape .2,., got .1"),
        (lambda: mean_of([1, 1], [np.nan, 0]), ValueError, "^w.log_abs must be logarithms"),
        (lambda: mean_of([1, np.nan], [0.0, 0]), ValueError, "^w.sign must be logarithms"),
        (lambda: mean_of([1, 2], [0.0, 0]), ValueError, "^w.sign must be −1, 0 or 1"),
        (lambda: mean_of([1], [0.0, 0]), ValueError, "^w.sign must have shape .2,., got .1,."),
    ],
)
def test_other_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# -- planted faults, and the words of figures ----------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        lambda mean, variance, eta: (1 - eta * mean) ** 2,
        lambda mean, variance, eta: (1 - eta * mean) ** 2 + eta * variance,
        lambda mean, variance, eta: (1 - eta * mean) ** 2 + eta**2 * variance * 2,
    ],
    ids=["no noise", "η instead of η²", "sample variance of two"],
)
def test_a_wrong_square_factor_fails_the_check_of_every_draw(wrong):
    h, eta = [1, 3], Fraction(1, 3)
    exact = average([w**2 for w in every_run(h, eta, 1)])
    assert sgd.square_factor(h, eta) == exact
    assert wrong(*sgd.mean_and_variance(h), eta) != exact


def test_the_description_of_a_frame_says_what_grows():
    words = figures.paths_alt(eta=1.2, spread=1.0)
    assert "the mean grows (+0.34" in words
    assert "the root mean square grows (+0.61" in words
    assert "almost every path shrinks (-0.33" in words
    assert "almost every path becomes exactly zero" in figures.paths_alt(eta=1.0, spread=1.0)
    assert "the mean keeps its size (+0.00" in figures.paths_alt(eta=1.0, spread=0.5)


def words_of(axes):
    return [text.get_text().strip() for text in axes.texts]


def test_the_headline_figure_names_every_threshold_and_every_best_step():
    _, bottom = figures.thresholds_figure([1, 9]).axes
    ends = [2 / 8.2, 0.4, *np.ravel(sgd.almost_sure_set([1, 9]))[[1, 3]]]
    best = [5 / 41, 0.2, 1 / 9, 1]
    assert sorted(words_of(bottom)) == sorted(f"{x:.3g}" for x in ends + best)
    plt.close("all")


@pytest.mark.parametrize(("eta", "curves"), [(1.2, 3), (1.0, 2), (0.5, 2)])
def test_a_frame_draws_a_line_of_each_finite_slope(eta, curves):
    top, _ = figures.paths_figure(eta, 1.0).axes
    slopes = [line.get_ydata()[1] / 100 for line in top.lines if len(line.get_xdata()) == 2]
    finite = [r / math.log(10) for r in sgd.growth_rates([1, 3], eta) if math.isfinite(r)]
    assert len(slopes) == curves
    assert sorted(slopes) == pytest.approx(sorted(finite))
    plt.close("all")


def test_exact_factors_beside_a_float_never_make_a_nan():
    """What the generated calls found: ∞ − ∞, and the sign of a fraction beyond the floats."""
    path = sgd.run([Fraction(17, 4), 5], 2, [1] * 400, 4.0)
    assert path[:3] == [4.0, -36.0, 324.0]
    assert path[-1] == np.inf
    assert path[-2] == -np.inf
    assert sgd.moment_recursion([Fraction(1), Fraction(3)], 400, 1, 200, 1.0)[-1] == np.inf
    assert sgd.moment_recursion([Fraction(-9), Fraction(99)], 400, 1, 101, 1.0)[-1] == -np.inf
    with pytest.raises(ValueError, match="the variance of h must fit a float, got inf"):
        sgd.mean_and_variance([1e200, 2e200])
    assert sgd.epoch_factor([1e200, -1.0, 1e200], 1e10) == np.inf


def test_numpy_integers_are_exact_and_small_floats_are_converted_once():
    assert (
        sgd.moment_recursion(np.array([1, 3]), Fraction(6, 5), 2, 40)[-1] == Fraction(17, 5) ** 40
    )
    mean, variance = sgd.mean_and_variance(np.array([2**40, 1]))
    assert mean == Fraction(2**40 + 1, 2)
    assert variance == Fraction(2**40 - 1, 2) ** 2
    assert sgd.factors([1, 3], np.float32(0.1)) == sgd.factors([1, 3], float(np.float32(0.1)))


def test_runs_and_moments_overflow_to_infinity():
    assert sgd.moment_recursion([1, 9], 1.0, 2, 300)[-1] == np.inf  # 32³⁰⁰ = 10^451.5
    assert sgd.run([1, 9], 2.0, [1] * 300)[-1] == np.inf
    assert sgd.run([1, 9], 2.0, [1] * 299)[-1] == -np.inf


def test_a_run_of_floats_comes_back_from_beyond_their_range():
    """Factors ½ and −4: 2¹²⁰⁰ and 2⁻¹¹⁰⁰ are met on the way, and no float is either."""
    up_and_down = sgd.run([0.5, 5.0], 1.0, [1] * 600 + [0] * 1000)
    assert up_and_down[600] == np.inf
    assert up_and_down[-1] == 2.0**200
    down_and_up = sgd.run([0.5, 5.0], 1.0, [0] * 1100 + [1] * 501, w0=3)
    assert down_and_up[1100] == 0
    assert down_and_up[-1] == -3 * 2.0**-98


def test_a_run_of_floats_from_a_symbol_is_an_expression():
    w = sp.Symbol("w")
    assert sgd.run([1, 3], 0.5, [1, 0], w0=w) == [w, -0.5 * w, -0.25 * w]
    assert sgd.run([w], 0.5, [0], w0=2.0)[-1] == 2.0 - 1.0 * w


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sgd.run([1e300], 1e300, [0]), r"the factor 1 − η·h\[0\] must fit a float"),
        (lambda: sgd.mean_factor([1e300], 1e300), "the factor 1 − ηh must fit a float, got -inf"),
        (lambda: sgd.square_factor([1e300], 1e10), r"g\(η\) must fit a float, got inf"),
        (lambda: sgd.mean_threshold([5e-324]), "2/h must fit a float, got inf"),
        (lambda: sgd.mean_square_threshold([5e-324]), r"2h/\(h² \+ ρ\) must fit a float, got inf"),
        (lambda: sgd.best_steps([5e-324]), "1/h must fit a float, got inf"),
        (lambda: sgd.batch_variance([1e200, 2e200], 1, replacement=True), "ρ/B must fit a float"),
    ],
)
def test_a_result_beyond_the_floats_is_refused_by_its_name(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_a_seed_is_no_generator_and_masked_curvatures_are_none():
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator"):
        sgd.simulate([1, 3], 0.1, 2, 3, rng=0)
    with pytest.raises(TypeError, match="curvatures h must not be masked"):
        sgd.mean_threshold(np.ma.array([1.0, 3.0], mask=[0, 1]))
    with pytest.raises(ValueError, match="power must fit a float"):
        sgd.sample_mean(sgd.LogSample(np.array([1, 1]), np.zeros(2)), 10**400)
    with pytest.raises(ValueError, match=r"power · log\|w\| must fit a float"):
        sgd.sample_mean(sgd.LogSample(np.array([1, 1]), np.full(2, 1e300)), 10**10)


# -- several dimensions, and the network ---------------------------------------------------------


def test_the_operator_is_the_average_over_samples():
    H = np.array([[[2, 1], [1, 1]], [[1, 0], [0, 3]], [[0, 2], [2, 5]]])
    M, eta = np.array([[1, 2], [2, 7]]), Fraction(1, 3)
    T = sgd.second_moment_operator(H, eta)
    steps = [np.eye(2, dtype=int) - eta * one for one in H]
    expected = sum(step @ M @ step for step in steps) / Fraction(3)
    assert (T @ M.ravel()).tolist() == expected.ravel().tolist()


@pytest.mark.parametrize("seed", range(4))
def test_at_the_end_of_the_range_the_largest_eigenvalue_is_one(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(6, 3))
    H = sgd.rank_one_hessians(rows)
    end = sgd.operator_threshold(H)
    eigenvalues = np.linalg.eigvalsh(sgd.second_moment_operator(H, end))
    assert eigenvalues[-1] == pytest.approx(1, rel=1e-12, abs=0)
    assert abs(eigenvalues[0]) < 1
    assert end < 2 / np.linalg.eigvalsh(H.mean(axis=0))[-1]


def test_hessians_of_gradients_keep_every_product_of_the_rows():
    J = np.random.default_rng(5).normal(size=(3, 8))
    H = sgd.rank_one_hessians(J)
    assert H.shape == (3, 3, 3)
    for a, b in product(range(3), repeat=2):
        assert np.trace(H[a] @ H[b]) == pytest.approx((J[a] @ J[b]) ** 2, rel=1e-12, abs=0)
    assert sgd.rank_one_hessians(np.array([[1.0, 0], [2, 0]])).shape == (2, 1, 1)
    more_rows_than_columns = sgd.rank_one_hessians(np.array([[1.0], [2.0], [3.0]]))
    assert more_rows_than_columns.ravel() == pytest.approx([1, 4, 9])


@pytest.mark.parametrize(("share", "rank"), [(1e-7, 1), (1e-5, 2)])
@pytest.mark.parametrize("scale", [1.0, 1e100, 1e-100])
def test_directions_below_a_millionth_of_the_longest_are_left_out(share, rank, scale):
    """A matrix of 60 × 60 entries near 1, whose longest singular value is 60 and not near 1."""
    one, other = np.ones(60), np.tile([1.0, -1.0], 30)
    J = scale * (np.outer(one, one) + share * np.outer(other, other))
    assert sgd.rank_one_hessians(J).shape == (60, rank, rank)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sgd.operator_threshold(np.eye(2)), r"H must have the shape \(N, d, d\), got"),
        (lambda: sgd.operator_threshold(np.array([[[0.0, 1], [2, 0]]])), r"H\[0\] must be symm"),
        (lambda: sgd.operator_threshold(np.zeros((1, 2, 2))), "must be positive definite"),
        (lambda: sgd.operator_threshold(np.array([[[1, 0], [0, -1]]])), "least eigenvalue is -5"),
        (lambda: sgd.rank_one_hessians(np.zeros((2, 2))), "must be a matrix and not 0"),
        (lambda: sgd.second_moment_operator(np.ones((1, 1, 1)), -1), "step size η must be at leas"),
    ],
)
def test_what_is_no_stack_of_hessians_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sgd.second_moment_operator(np.array([[[1e200]]]), 1.0), "operator must be finite"),
        (
            lambda: sgd.second_moment_operator(np.array([[[1e300, 0], [0, 1]]]), 1e10),
            "operator must be finite",
        ),
        (lambda: sgd.operator_threshold(np.array([[[1e-310]]])), "threshold must fit a float"),
        (lambda: sgd.rank_one_hessians(np.array([[1e200]])), "Hessians of J must be finite"),
    ],
)
def test_what_leaves_the_floats_is_refused_by_name_and_without_a_warning(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_sharpness_and_threshold_of_a_network_against_its_hessian_in_full():
    w = np.random.default_rng(2).normal(size=13)
    reading = edge.read(w, 7)
    hessian = jacobian(grad(edge.loss), mode="forward")(w)
    assert reading.sharpness == pytest.approx(
        np.abs(np.linalg.eigvalsh(hessian)).max(), rel=1e-6, abs=0
    )
    J = jacobian(edge.outputs)(w)[:, 0]
    residuals = (edge.outputs(w) - edge.Y)[:, 0]
    assert reading.loss == pytest.approx(np.mean(residuals**2) / 2)
    assert grad(edge.loss)(w) == pytest.approx(J.T @ residuals / 6)
    H = [np.outer(g, g) for g in J]
    v = np.linalg.svd(J)[2][0]
    end = sgd.mean_square_threshold([v @ one @ v for one in H])
    assert 0.2 * end < reading.threshold <= end
    assert reading.step == 7


def test_a_descent_takes_the_steps_of_its_gradients():
    w = np.random.default_rng(3).normal(size=13)
    after, readings = edge.descend(w, 0.1, 3, every=2)
    expected = w
    for _ in range(3):
        expected = expected - 0.1 * grad(edge.loss)(expected)
    assert after == pytest.approx(expected, rel=1e-12, abs=0)
    assert [reading.step for reading in readings] == [0, 2]
    after, _ = edge.descend(w, 0.1, 3, np.random.default_rng(1))
    rng, expected = np.random.default_rng(1), w
    for _ in range(3):
        n = rng.integers(6)
        expected = expected - 0.1 * grad(edge.loss)(expected, edge.X[[n]], edge.Y[[n]])
    assert after == pytest.approx(expected, rel=1e-12, abs=0)


def test_a_run_that_is_lost_ends_and_a_seed_is_no_generator():
    w = np.random.default_rng(3).normal(size=13)
    _, readings = edge.descend(w, 50.0, 400, every=100)
    assert len(readings) == 1
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator"):
        edge.descend(w, 0.1, 2, rng=0)
    with pytest.raises(ValueError, match="η must be positive"):
        edge.descend(w, 0.0, 2)


def test_the_picture_of_stopped_paths_has_three_that_stop():
    (axes,) = figures.stopped_figure([1, 3], 1.2, 100, 60, seed=4).axes
    level = [line for line in axes.lines if len(line.get_ydata()) == 2 and line.get_lw() == 2.5]
    assert len(level) == 3
    assert all(line.get_ydata()[0] >= 100 ** sgd.tail_index([1, 3], 1.2) for line in level)
    plt.close("all")


def test_the_picture_of_the_edge_divides_by_both_thresholds():
    before = [edge.Reading(0, 1.0, 2.0, 0.5), edge.Reading(50, 0.1, 4.0, 0.25)]
    after = [edge.Reading(0, 0.1, 4.0, 0.25), edge.Reading(50, 0.2, 1.0, 1.0)]
    top, bottom = figures.edge_figure(before, after, 0.5).axes
    mean, square = (line.get_ydata() for line in top.lines[:2])
    assert list(top.lines[0].get_xdata()) == [0, 50, 50, 100]
    assert list(mean) == [0.5, 1.0, 1.0, 0.25]
    assert list(square) == [1.0, 2.0, 2.0, 0.5]
    assert list(bottom.lines[0].get_ydata()) == [1.0, 0.1, 0.1, 0.2]
    plt.close("all")


def test_a_rate_beyond_the_picture_has_a_hollow_marker():
    _, bottom = figures.paths_figure(1.0, 1.0).axes
    faces = [line.get_markerfacecolor() for line in bottom.lines if line.get_marker() in "so^"]
    assert faces == ["C0", "C1", "w"]
    plt.close("all")


def test_each_of_four_factors_keeps_its_sign():
    w = sgd.sample([3, 0.5, 4, 0.25], 1.0, 1, 20_000, np.random.default_rng(0))
    found = set(zip(w.sign.tolist(), np.exp(w.log_abs).round(12).tolist(), strict=True))
    assert found == {(-1, 2.0), (1, 0.5), (-1, 3.0), (1, 0.75)}


def test_the_hessians_of_samples_take_no_basis_of_all_weights():
    J = np.random.default_rng(0).normal(size=(3, 2000))
    assert peak_bytes(lambda: sgd.rank_one_hessians(J)) < 20 * J.nbytes
