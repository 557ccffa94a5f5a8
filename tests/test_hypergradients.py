"""Chapter 4: every derivative against oracles that do not know its formula."""

from fractions import Fraction

import autograd
import autograd.numpy as anp
import matplotlib.pyplot as plt
import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand import hypergradients as hg
from byhand.backpropagation import derivative, grad
from byhand.hypergradients import figures, sweeps
from byhand.hypergradients.losses import _from_a_cache_line
from byhand.linear_algebra import central_difference, complex_step

exact = np.vectorize(Fraction, otypes=[object])
laws = settings(derandomize=True, deadline=None, max_examples=40)
fractions = st.fractions(min_value=-2, max_value=2, max_denominator=8)
steps_of_size = st.fractions(min_value=0, max_value=1, max_denominator=8)


def random_quartic(seed, d=5, m=3):
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((d, d)), rng.standard_normal((m, d))
    A, B = A @ A.T / 8 + np.diag(np.arange(d) - 1.0), B / 2
    return hg.quartic(A, B), 0.3 * rng.standard_normal(d), rng.uniform(0.01, 0.1, 7), A, B


def wrong_order(loss, w0, etas):
    """Like hypergradients_by_products, with each factor multiplied to the left: a planted fault."""
    w = hg.trajectory(loss, w0, etas)
    last, product, result = loss.gradient(w[-1]), np.eye(len(w0)), []
    for s in reversed(range(len(etas))):
        result.append(-(last @ product @ loss.gradient(w[s])))
        product = (np.eye(len(w0)) - etas[s] * hg.hessian(loss, w[s])) @ product
    return np.array(result[::-1])


# -- losses ------------------------------------------------------------------------------------


def losses():
    rng = np.random.default_rng(0)
    A, B, X = rng.standard_normal((5, 5)), rng.standard_normal((3, 5)), rng.standard_normal((7, 5))
    net, start = hg.terrain_network(units=2, spacing=100)
    yield "quadratic", hg.quadratic(A + A.T, rng.standard_normal(5)), rng.standard_normal(5)
    yield "quartic", hg.quartic(A + A.T, B), rng.standard_normal(5)
    yield "least_squares", hg.least_squares(X, rng.standard_normal(7)), rng.standard_normal(5)
    yield "network", net, start + 0.1 * rng.standard_normal(start.size)
    f = lambda w: np.sum(np.log(1 + np.exp(X @ w)))  # noqa: E731
    yield "from_function", hg.from_function(f), rng.standard_normal(5)


def test_a_network_answers_at_the_point_that_it_is_given():
    """It remembers the last point: one that is written over since is another point."""
    net, w = hg.terrain_network(units=2, spacing=100)
    at_w, moved = net.gradient(w), w + 0.1
    assert net.value(moved) != net.value(w)
    w += 0.1
    assert net.gradient(w).tolist() == net.gradient(moved).tolist() != at_w.tolist()
    assert net.hvp(w, w).tolist() == hg.terrain_network(2, 100)[0].hvp(moved, moved).tolist()


@pytest.mark.parametrize(("name", "loss", "w"), list(losses()))
def test_gradients_and_hessian_vector_products(name, loss, w):
    v = np.random.default_rng(1).standard_normal(w.size)
    np.testing.assert_allclose(loss.gradient(w), central_difference(loss.value, w), atol=1e-7)
    by_difference = central_difference(loss.gradient, w) @ v
    np.testing.assert_allclose(loss.hvp(w, v), by_difference, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(hg.hessian(loss, w) @ v, loss.hvp(w, v), atol=1e-12)
    assert loss.size in (None, w.size)


def test_network_against_its_definition():
    net, w = hg.terrain_network(units=3, spacing=80, seed=2)
    heights = plt.matplotlib.cbook.get_sample_data("jacksboro_fault_dem.npz")["elevation"]
    heights = heights[::80, ::80].astype(float)
    y = (heights - heights.mean()) / heights.std()
    w = w + np.linspace(-0.2, 0.4, w.size)
    total = 0.0
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            place = np.array([2 * i / (y.shape[0] - 1) - 1, 2 * j / (y.shape[1] - 1) - 1])
            hidden = [np.tanh(w[2 * u : 2 * u + 2] @ place + w[6 + u]) for u in range(3)]
            total += (w[9:12] @ hidden + w[12] - y[i, j]) ** 2 / 2
    assert net.value(w) == pytest.approx(total / y.size, rel=1e-12, abs=0)


def test_counters():
    loss, calls = hg.counted(hg.quadratic([[2]], [0]))
    hg.hypergradients(loss, [1], [0.1] * 9)
    assert (calls["gradient"], calls["hvp"], calls["value"]) == (10, 8, 0)
    n, d = 7, 5
    linear = hg.least_squares(np.ones((n, d)), np.ones(n))
    assert hg.multiplications(linear.gradient, np.ones(d)) == 2 * n * d + d
    assert hg.multiplications(lambda x: x**3 / 2, np.ones(4)) == 12


# -- D3.1 to D3.4 ------------------------------------------------------------------------------


def test_all_routes_on_the_quartic():
    loss, w0, etas, A, B = random_quartic(1)
    last = lambda steps: hg.final_loss(loss, w0, steps)  # noqa: E731
    sweep = hg.hypergradients(loss, w0, etas)
    np.testing.assert_allclose(sweep, hg.hypergradients_by_products(loss, w0, etas), rtol=1e-12)
    np.testing.assert_allclose(sweep, grad(last)(etas), rtol=1e-12)
    np.testing.assert_allclose(sweep, complex_step(last, etas), rtol=1e-12)
    np.testing.assert_allclose(sweep, central_difference(last, etas), rtol=1e-6)

    def run(steps):  # autograd, from the definition of the loss alone
        value = lambda w: anp.dot(w, anp.dot(A, w)) / 2 + anp.sum(anp.dot(B, w) ** 4) / 4  # noqa: E731
        w = w0
        for eta in steps:
            w = w - eta * autograd.grad(value)(w)
        return value(w)

    np.testing.assert_allclose(sweep, autograd.grad(run)(etas), rtol=1e-12)


def test_wrong_order_is_caught_by_the_quartic_and_not_by_a_quadratic():
    loss, w0, etas, *_ = random_quartic(1)
    sweep = hg.hypergradients(loss, w0, etas)
    wrong = wrong_order(loss, w0, etas)
    assert np.abs(wrong - sweep).max() > 1e-4 * np.abs(sweep).max()
    np.testing.assert_allclose(wrong[-2:], sweep[-2:], rtol=1e-12)  # too few factors to see it
    fixed = hg.quadratic([[2, 1], [1, 3]], [1, 0])
    np.testing.assert_allclose(
        wrong_order(fixed, [1, 1], [0.2, 0.3, 0.1]),
        hg.hypergradients(fixed, [1, 1], [0.2, 0.3, 0.1]),
    )


@pytest.mark.parametrize(
    "fault",
    [
        lambda loss, w0, etas: -hg.hypergradients(loss, w0, etas),
        lambda loss, w0, etas: hg.hypergradients(loss, w0, np.roll(etas, 1)),
        lambda loss, w0, etas: np.roll(hg.hypergradients(loss, w0, etas), 1),
        lambda loss, w0, etas: hg.hypergradients(loss._replace(hvp=lambda w, v: 0 * v), w0, etas),
    ],
    ids=["sign", "step sizes shifted", "results shifted", "no Hessian"],
)
def test_planted_faults_are_caught(fault):
    loss, w0, etas, *_ = random_quartic(1)
    right = grad(lambda steps: hg.final_loss(loss, w0, steps))(etas)
    assert np.abs(fault(loss, w0, etas) - right).max() > 1e-3 * np.abs(right).max()


@laws
@given(
    st.lists(fractions, min_size=2, max_size=2),
    st.lists(steps_of_size, min_size=1, max_size=4),
    st.integers(1, 4),
)
def test_exact_on_fractions(w0, etas, every):
    loss = hg.quadratic(exact([[2, 1], [1, 3]]), exact([1, -1]))
    w0, etas = exact(w0), exact(etas)
    sweep = hg.hypergradients(loss, w0, etas)
    assert all(isinstance(x, Fraction) for x in sweep)
    assert list(sweep) == list(hg.hypergradients_by_products(loss, w0, etas))
    assert list(sweep) == list(grad(lambda e: hg.final_loss(loss, w0, e))(etas))
    every = min(every, len(etas))
    assert list(sweep) == list(hg.checkpointed_hypergradients(loss, w0, etas, every))


@pytest.mark.parametrize("k", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("every", [None, 1, 2, 3])
def test_checkpoints_of_any_length(k, every):
    loss, w0, etas, *_ = random_quartic(2)
    if every is not None and every > k:
        with pytest.raises(ValueError, match=f"from 1 to the number of steps, {k}"):
            hg.checkpointed_hypergradients(loss, w0, etas[:k], every)
    else:
        sweep = hg.hypergradients(loss, w0, etas[:k])
        other = hg.checkpointed_hypergradients(loss, w0, etas[:k], every)
        np.testing.assert_allclose(other, sweep, rtol=1e-14)


def test_batches():
    rng = np.random.default_rng(3)
    X, t, w0 = rng.standard_normal((10, 3)), rng.standard_normal(10), np.ones(3)
    whole = hg.least_squares(X, t)
    batches = [hg.least_squares(X[i : i + 2], t[i : i + 2]) for i in range(0, 10, 2)]
    etas = rng.uniform(0.01, 0.1, 5)
    right = complex_step(lambda e: hg.final_loss(whole, w0, e, batches), etas)
    np.testing.assert_allclose(hg.hypergradients(whole, w0, etas, batches), right, rtol=1e-12)
    other = hg.checkpointed_hypergradients(whole, w0, etas, 2, batches)
    np.testing.assert_allclose(other, right, rtol=1e-12)
    ignored = hg.hypergradients(whole, w0, etas)
    assert np.abs(ignored - right).max() > 1e-3


def test_memory_grows_as_promised():
    d, curvature = 20_000, np.linspace(0.1, 1, 20_000)
    loss = hg.Loss(
        lambda w: w @ (curvature * w) / 2, lambda w: curvature * w, lambda w, v: curvature * v
    )

    def vectors(route, k):
        return round(hg.peak_bytes(route, loss, np.ones(d), np.full(k, 0.5)) / (8 * d))

    assert vectors(hg.final_loss, 64) == vectors(hg.final_loss, 4)
    assert vectors(hg.hypergradients, 64) - vectors(hg.hypergradients, 16) == 2 * 48
    assert (
        vectors(hg.checkpointed_hypergradients, 64) - vectors(hg.checkpointed_hypergradients, 16)
        == 3 * 4
    )
    from_gradients = hg.hypergradients_from_gradients
    assert vectors(from_gradients, 64) - vectors(from_gradients, 16) == 48
    forward = lambda loss, w, etas: hg.forward_hypergradient(loss, w, etas[0], len(etas))  # noqa: E731
    assert vectors(forward, 64) == vectors(forward, 4)


# -- forward mode and the best constant step ---------------------------------------------------


def test_gradients_alone_lead_back_exactly():
    loss, w0, etas, *_ = random_quartic(3)
    found = hg.hypergradients_from_gradients(loss, w0, etas)
    np.testing.assert_allclose(found, hg.hypergradients(loss, w0, etas), rtol=1e-12)
    loss = hg.quartic(exact([[0, 1], [1, 2]]), exact([[1, 0]]))
    run = loss, exact([0, 2]), exact(["1/2", "1", "1/3"])
    batches = [hg.quadratic(exact([[2, 1], [1, 3]]), exact([1, 0])), loss, loss]
    for more in ({}, {"batches": batches}):
        found, stored = (
            hg.hypergradients_from_gradients(*run, **more),
            hg.hypergradients(*run, **more),
        )
        assert found.tolist() == stored.tolist()


@pytest.mark.parametrize("start", [[4, 2], [0, 2], [-5, 0], [Fraction(1, 1000), 0]])
@pytest.mark.parametrize("etas", [["1/2"] * 4, ["1/100", "8", "8", "8"], ["20", "1/8", "1/8"]])
def test_gradients_alone_keep_what_would_be_lost_on_the_way_back(start, etas):
    loss = hg.quartic(exact([[0, 1], [1, 2]]), exact([[1, 0], [0, "1/4"]]))
    run = exact(start), exact(etas)
    right = hg.hypergradients(loss, *run).astype(float)
    for floats in ([x.astype(float) for x in run], [x.astype(complex) for x in run]):
        found = hg.hypergradients_from_gradients(loss, *floats)
        np.testing.assert_allclose(found, right, rtol=1e-12)


def test_gradients_alone_keep_an_entry_that_is_small_beside_the_others():
    fast, slow = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    large = hg.quartic([[1e6, 0], [0, 0]], slow)  # the first entry grows, and the second bends
    small = hg.quartic([[1e-6, 0], [0, 0]], fast * 1e-12 + slow)
    run = large, [1.0, 0.5], np.array([0.2, 1.0, 1.0, 1.0, 0.3]), [large] * 4 + [small]
    right = hg.hypergradients(*run)
    np.testing.assert_allclose(hg.hypergradients_from_gradients(*run), right, rtol=1e-13)


def test_gradients_alone_keep_few_iterates_of_a_run_that_does_not_grow():
    there_and_back = hg.Loss(lambda w: w @ w / 2, np.copy, lambda w, v: np.copy(v))

    def vectors(k):  # the sign turns at each step of size 2
        run = there_and_back, np.ones(20_000), np.full(k, 2.0)
        return hg.peak_bytes(hg.hypergradients_from_gradients, *run) / (8 * 20_000)

    assert 576 <= vectors(640) - vectors(64) <= 576 * 33 / 32


@laws
@given(st.lists(fractions, min_size=2, max_size=2), steps_of_size, st.integers(1, 5))
def test_forward_mode_is_the_sum_of_the_sweep(w0, eta, k):
    loss = hg.quadratic(exact([[2, 1], [1, 3]]), exact([1, -1]))
    sweep = hg.hypergradients(loss, exact(w0), exact([eta] * k))
    forward = hg.forward_hypergradient(loss, exact(w0), eta, k)
    assert forward == sweep.sum()
    assert len(set(sweep)) == 1  # on a quadratic equal steps count equally


@pytest.mark.parametrize(
    ("loss_of_a_step", "steps", "kept"), [(16, 9, 1), (16, 10, 2), (64.5, 7, 7)]
)
def test_an_iterate_is_kept_where_the_losses_add_up(monkeypatch, loss_of_a_step, steps, kept):
    loss = hg.quadratic([[1.0]], [0.0])
    frozen = []
    monkeypatch.setattr(sweeps, "_loss_of_a_step_back", lambda *_: loss_of_a_step * sweeps.EPS)
    monkeypatch.setattr(sweeps, "_frozen", lambda w: frozen.append(w) or w)
    hg.hypergradients_from_gradients(loss, [1.0], [0.1] * steps)
    assert len(frozen) == 3 * steps - 1 - kept  # forth, adjoints, and back where none was kept


def test_only_a_run_of_floats_is_measured(monkeypatch):
    monkeypatch.setattr(sweeps, "_loss_of_a_step_back", None)
    found = hg.hypergradients_from_gradients
    exactly = hg.quadratic(exact([[2]]), exact([0]))
    assert found(exactly, exact([1]), [Fraction(1, 4)]).tolist() == [-2]
    w = sympy.Symbol("w", real=True)
    assert sympy.expand(found(exactly, [w], [Fraction(1, 4)])[0]) == -2 * w**2
    of_floats = found(hg.quadratic([[2.0]], [0.0]), [1.0], [w])[0]
    assert [float(of_floats.subs(w, at)) for at in (0, 1)] == [-4.0, 4.0]


def test_what_a_step_back_loses_is_relative_to_the_largest_value_so_far():
    w, found, size = np.array([2.0, 1.0]), np.array([2.0, 1.25]), np.array([8.0, 0.5])
    lost = sweeps._loss_of_a_step_back(w, found, size)
    assert lost == 0.25 / 0.5 + sweeps.EPS * 1 / 0.5


def test_forward_mode_against_dual_numbers():
    loss, w0, *_ = random_quartic(4)
    run = lambda eta: hg.final_loss(loss, w0, [eta] * 9)  # noqa: E731
    assert hg.forward_hypergradient(loss, w0, 0.05, 9) == pytest.approx(
        derivative(run)(0.05), rel=1e-12
    )


@pytest.mark.parametrize("k", [1, 2, 3, 8, 40])
def test_best_constant_step_against_mpmath(k):
    low, high, w0 = 0.5, 3.0, (2.0, 1.0)
    found = hg.best_constant_step(
        hg.quadratic(np.diag([low, high]), [0, 0]), np.array(w0), k, 1 / high, 1 / low
    )
    with mpmath.workdps(40):
        slope = lambda e: sum(  # noqa: E731
            -(h**2) * w**2 * (1 - e * h) ** (2 * k - 1)
            for h, w in zip((low, high), w0, strict=True)
        )
        root = mpmath.findroot(
            slope,
            (1 / mpmath.mpf(high), 1 / mpmath.mpf(low)),
            solver="bisect",
            maxsteps=200,
            verify=False,
        )
    assert found == pytest.approx(float(root), rel=1e-12, abs=0)


def test_best_constant_step_needs_a_bracket():
    with pytest.raises(ValueError, match="must be ≤ 0 at low"):
        hg.best_constant_step(hg.quadratic([[2]], [0]), [1.0], 3, 0.6, 0.7)


# -- D3.2: step sizes that are learned ---------------------------------------------------------


def test_tuned_descent_follows_its_own_gradients():
    loss, w0, *_ = random_quartic(5)
    run = hg.tuned_descent(loss, w0, 0.02, 0.01, 0.005, steps=4)

    def loss_after(k, eta1, alphas):
        w, before, eta = w0, None, eta1
        for s in range(k):
            g = loss.gradient(w)
            if s:
                eta = eta + alphas[s - 1] * (g @ before)
            w, before = w - eta * g, g
        return loss.value(w)

    # η₂ = η₁ − α₂ ∂L(w(1))/∂η₁, and α₃ = α₂ − γ ∂L(w(2))/∂α₂
    slope = grad(lambda eta: loss_after(1, eta, []))(0.02)
    assert run.etas[1] == pytest.approx(0.02 - 0.01 * slope, rel=1e-12, abs=0)
    slope = grad(lambda alpha: loss_after(2, 0.02, [alpha]))(0.01)
    assert run.alphas[2] == pytest.approx(0.01 - 0.005 * slope, rel=1e-12, abs=0)
    assert run.alphas[1] == 0.01
    assert run.losses[4] == pytest.approx(loss_after(4, 0.02, run.alphas[1:]), rel=1e-12, abs=0)


def test_tuned_descent_without_tuning_is_gradient_descent():
    loss, w0, *_ = random_quartic(5)
    run = hg.tuned_descent(loss, w0, 0.02, steps=6)
    path = hg.trajectory(loss, w0, [0.02] * 6)
    np.testing.assert_array_equal(run.losses, [loss.value(w) for w in path])


def test_a_run_that_diverges_ends_in_nan():
    run = hg.tuned_descent(random_quartic(5)[0], np.ones(5), 100.0, steps=30)
    lost = np.flatnonzero(np.isnan(run.losses))
    assert lost.tolist() == list(range(lost[0], 31))
    assert np.isfinite(run.losses[: lost[0]]).all()
    assert np.isfinite(run.etas[: lost[0]]).all()
    assert np.isnan(run.etas[lost[0] :]).all()


def test_a_step_size_that_diverges_ends_a_run_before_its_loss():
    slope = hg.Loss(lambda w: w[0], lambda w: np.array([1e155]), lambda w, v: 0 * v, 1)
    run = hg.tuned_descent(slope, [0.0], 1e-300, alpha=1e10, steps=5)
    assert np.isfinite(run.losses).tolist() == [True, True, False, False, False, False]
    assert not np.isinf(run.losses).any()


def test_a_run_has_a_hundred_steps_if_nothing_is_said():
    assert len(hg.tuned_descent(QUAD, [1.0, 2.0], 0.1).losses) == 101


def test_windows_of_a_run_that_diverges_end_in_nan():
    beyond, updates = hg.windowed_descent(hg.quartic([[1]], [[1]]), [10.0], 10.0, 0.0, 1, 9)
    assert np.isnan(beyond)
    assert updates == 9
    straight = hg.Loss(lambda w: w[0], lambda w: np.array([1e308]), lambda w, v: 0 * v, 1)
    assert np.isnan(hg.windowed_descent(straight, [0.0], 1.0, 0.0, 1, 9)[0])  # the loss is −∞


@pytest.mark.parametrize("window", [1, 2, 3])
def test_windows_follow_the_forward_hypergradient(window):
    loss, w0, *_ = random_quartic(6)
    budget = 2 * (2 * window - 1)
    found, updates = hg.windowed_descent(loss, w0, 0.02, 0.01, window, budget)
    eta = 0.02 - 0.01 * hg.forward_hypergradient(loss, w0, 0.02, window)
    etas = [0.02] * window + [eta] * window
    assert updates == 2
    assert found == pytest.approx(hg.final_loss(loss, w0, etas), rel=1e-12, abs=0)


# -- D3.5: noisy quadratics --------------------------------------------------------------------

NOISY = (np.array([1.0, 0.2, 0.05]), np.array([1.0, 0.0, 0.3]), np.array([1.0, 4.0, 20.0]))


def test_noisy_moments_by_enumeration():
    h, c, m = (part[:1] for part in (exact([2]), exact([9]), exact([5])))
    etas = exact(["1/3", "1/4"])
    second = 0
    for first, kick1, kick2 in np.ndindex(2, 2, 2):  # w² = 5: ±√5; noise ±3 has variance 9
        signs = [1 - 2 * i for i in (first, kick1, kick2)]
        w = signs[0] * np.sqrt(5)
        for eta, sign in zip((1 / 3, 1 / 4), signs[1:], strict=True):
            w = w - eta * (2 * w + 3 * sign)
        second += w**2 / 8
    assert float(hg.noisy_moments(h, c, m, etas)[-1, 0]) == pytest.approx(second, rel=1e-12, abs=0)


def test_greedy_minimizes_the_next_loss():
    greedy = hg.greedy_schedule(*NOISY, 4)
    for s in range(4):
        ahead = lambda eta: hg.last_expected_loss(*NOISY, [*greedy[:s], eta])  # noqa: B023, E731
        assert abs(complex_step(ahead, greedy[s])) < 1e-12
        assert ahead(greedy[s]) < min(ahead(0.9 * greedy[s]), ahead(1.1 * greedy[s]))


def test_schedule_hypergradients():
    etas = np.array([0.5, 0.3, 0.9, 0.1, 0.7])
    right = complex_step(lambda e: hg.last_expected_loss(*NOISY, e), etas)
    np.testing.assert_allclose(hg.schedule_hypergradients(*NOISY, etas), right, rtol=1e-12)


def test_farsighted_beats_greedy_and_respects_its_ceiling():
    greedy = hg.greedy_schedule(*NOISY, 30)
    farsighted = hg.farsighted_schedule(*NOISY, 30, ceiling=1.0)
    assert hg.last_expected_loss(*NOISY, farsighted) < 0.7 * hg.last_expected_loss(*NOISY, greedy)
    assert farsighted.max() <= 1.0
    slope = hg.schedule_hypergradients(*NOISY, farsighted)
    inside = farsighted < 1.0
    assert np.abs(slope[inside]).max() < 1e-5
    assert np.all(slope[~inside] <= 0)  # larger would be better where the ceiling holds


@laws
@given(
    *[st.fractions(min_value=Fraction(1, 8), max_value=4, max_denominator=8)] * 3, st.integers(1, 6)
)
def test_greed_is_optimal_in_one_dimension(h, c, m, k):
    greedy = hg.greedy_schedule([h], [c], [m], k)
    last = hg.noisy_moments([h], [c], [m], greedy)[-1, 0]
    assert last == 1 / (1 / m + k * h**2 / c)
    assert not any(hg.schedule_hypergradients([h], [c], [m], greedy))


# -- E2.1: reversible dynamics -----------------------------------------------------------------


@laws
@given(
    st.integers(-(10**12), 10**12),
    st.integers(0, 10**9),
    st.fractions(min_value=Fraction(1, 50), max_value=50, max_denominator=50),
)
def test_multiplication_can_be_undone(x, buffer, ratio):
    there = hg.multiply_exactly(x, ratio, buffer)
    assert hg.multiply_exactly(there[0], 1 / ratio, there[1]) == (x, buffer)
    assert abs(there[0] - x * ratio) <= ratio.numerator
    assert there[1] >= 0


def test_reversible_heavy_ball():
    def gradient(w):
        return np.array([0.5, 2.0, 4.0]) * (w - 0.3) + w**3

    step, start = (gradient, 0.05, Fraction(9, 10)), hg.start_reversible([1.0, -1.0, 0.5])
    state, w, v = start, np.array([1.0, -1.0, 0.5]), np.zeros(3)
    for _ in range(300):
        state = hg.heavy_ball_step(state, *step)
        v = 0.9 * v - 0.05 * gradient(w)
        w = w + v
    np.testing.assert_allclose(state.position(), w, atol=1e-9)
    assert state.buffer_bits() / 900 == pytest.approx(np.log2(10 / 9), rel=0.1, abs=0)
    forgetful = state._replace(buffer=0 * state.buffer)
    for _ in range(300):
        state = hg.undo_heavy_ball_step(state, *step)
        forgetful = hg.undo_heavy_ball_step(forgetful, *step)
    for part, first in zip(state, start, strict=True):
        assert list(part) == list(first)
    assert list(forgetful.w) != list(start.w)  # the buffer is what makes it exact


def test_hypergradients_of_a_reversed_run():
    loss, w0, etas, *_ = random_quartic(8)

    def heavy_ball(etas):
        w, v = w0, 0 * w0
        for eta in etas:
            v = 0.75 * v - eta * loss.gradient(w)
            w = w + v
        return loss.value(w)

    found = hg.reversible_hypergradients(loss, w0, etas, Fraction(3, 4))
    np.testing.assert_allclose(found, grad(heavy_ball)(etas), rtol=1e-9)
    counting, calls = hg.counted(loss)
    hg.reversible_hypergradients(counting, w0, etas, Fraction(3, 4))
    assert (calls["gradient"], calls["hvp"]) == (2 * len(etas) + 1, len(etas))


# -- E2.2 --------------------------------------------------------------------------------------


@laws
@given(
    st.lists(fractions, min_size=6, max_size=6),
    st.lists(fractions, min_size=3, max_size=3),
    st.lists(fractions, min_size=2, max_size=2),
    steps_of_size,
)
def test_parabola_and_best_step(X, t, w0, eta):
    X, t, w0 = exact(X).reshape(3, 2), exact(t), exact(w0)
    loss = hg.least_squares(X, t)
    after = lambda e: hg.final_loss(loss, w0, exact([e]))  # noqa: E731
    c0, c1, c2 = hg.one_step_parabola(X, t, w0)
    assert after(eta) == c0 + c1 * eta + c2 * eta**2
    assert c2 >= 0
    if not any(loss.gradient(w0)):
        assert c1 == c2 == 0
        with pytest.raises(ValueError, match="every step size is optimal"):
            hg.best_step(X, t, w0)
    else:
        best = hg.best_step(X, t, w0)
        assert after(best) <= min(after(eta), after(best * Fraction(9, 10)))
        assert loss.gradient(w0 - best * loss.gradient(w0)) @ loss.gradient(w0) == 0


def test_best_step_at_a_minimum_in_floating_point():
    rng = np.random.default_rng(7)
    X, t = rng.standard_normal((7, 3)), rng.standard_normal(7)
    for target in (t, X @ np.ones(3)):  # with a residual, and without
        with pytest.raises(ValueError, match="every step size is optimal"):
            hg.best_step(X, target, np.linalg.lstsq(X, target)[0])
    near = np.linalg.lstsq(X, t)[0] + 1e-9
    assert 0 < hg.best_step(X, t, near) < 100


# -- functions that overwrite, and runs that diverge -------------------------------------------


ROUTES = [
    hg.trajectory,
    hg.final_loss,
    hg.hypergradients,
    hg.checkpointed_hypergradients,
    hg.hypergradients_from_gradients,
    hg.hypergradients_by_products,
    lambda loss, w0, etas: hg.forward_hypergradient(loss, w0, etas[0], len(etas)),
]


def overwriting(argument, call):
    """Return w², of whose derivatives one overwrites what it is given, at its call so far."""
    calls = []

    def at_its_call(name, array):
        calls.append(name)
        if name == argument and calls.count(name) == call:
            array *= 2

    def gradient(w):
        at_its_call("the gradient's w", w)
        return 2 * w

    def hvp(w, v):
        at_its_call("the product's w", w)
        at_its_call("the product's v", v)
        return 2 * v

    return hg.Loss(lambda w: w @ w, gradient, hvp, 1), calls


def with_a_buffer():
    """Return w², whose derivatives are all written into one array."""
    buffer = np.empty(1)

    def into_buffer(v):
        buffer[:] = 2 * v
        return buffer

    return hg.Loss(lambda w: w @ w, into_buffer, lambda w, v: into_buffer(v), 1)


@pytest.mark.parametrize("call", range(1, 8))
@pytest.mark.parametrize("argument", ["the gradient's w", "the product's w", "the product's v"])
@pytest.mark.parametrize("route", ROUTES)
def test_no_function_overwrites_what_a_run_needs(route, argument, call):
    start, (loss, calls) = np.array([1.0]), overwriting(argument, call)
    try:
        route(loss, start, [0.1, 0.2, 0.3])
    except ValueError as error:
        assert "read-only" in str(error)  # noqa: PT017 -- not every route calls so often
    else:
        assert calls.count(argument) < call or argument == "the product's v"
    assert start == 1


@pytest.mark.parametrize("route", ROUTES)
def test_no_function_changes_a_run(route):
    start = np.array([1.0])
    plain = hg.Loss(lambda w: w @ w, lambda w: 2 * w, lambda w, v: 2 * v, 1)
    expected = route(plain, start, [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(route(with_a_buffer(), start, [0.1, 0.2, 0.3]), expected)


def test_a_trajectory_is_the_callers_own():
    start = np.array([1.0, 2.0])
    path = hg.trajectory(hg.quadratic(np.eye(2), [0, 0]), start, [0.5])
    path[0][:] = 7
    path[1] += 1
    assert start.tolist() == [1.0, 2.0]


DIVERGING = ["w", "the last loss", *["the hypergradient"] * 5]


@pytest.mark.parametrize(("route", "name"), [*zip(ROUTES, DIVERGING, strict=True)])
def test_a_run_that_diverges_is_an_error(route, name):
    loss = hg.quartic([[1.0]], [[1.0]])
    with pytest.raises(ValueError, match=rf"^({name}s?|w) must stay finite"):
        route(loss, [10.0], [10.0] * 9)


# -- numbers of any kind and size --------------------------------------------------------------

THIRD = Fraction(1, 3)
QUAD = hg.quadratic([[2, 1], [1, 3]], [1, 0])
START = hg.start_reversible([1.0, 2.0])


@pytest.mark.parametrize("in_floats", ["loss", "w0", "etas"])
@pytest.mark.parametrize("route", ROUTES)
def test_a_fraction_beside_a_float_is_one(route, in_floats):
    exactly = {"loss": exact([[2, 1], [1, 3]]), "w0": exact([1, "1/3"]), "etas": exact(["1/8"] * 3)}
    given = exactly | {in_floats: exactly[in_floats].astype(float)}
    result = route(hg.quadratic(given["loss"], exact([1, 0])), given["w0"], given["etas"])
    expected = route(hg.quadratic(exactly["loss"], exact([1, 0])), exactly["w0"], exactly["etas"])
    assert np.array(result).dtype == float
    assert np.array(expected).dtype == object
    np.testing.assert_allclose(result, np.array(expected).astype(float), rtol=1e-14)


def test_a_loss_from_a_function_has_its_value_and_derivatives():
    loss, w = hg.from_function(lambda w: np.sum(w**3)), np.array([1.0, 2.0])
    assert loss.value(w) == 9
    assert loss.gradient(w).tolist() == [3, 12]
    assert loss.hvp(w, w).tolist() == [6, 24]


@pytest.mark.parametrize("number", [float, Fraction])
def test_a_loss_knows_of_how_many_parameters_it_is(number):
    A, one = exact([[2, 1], [1, 3]]), exact([1, 0])
    A, one = (A, one) if number is Fraction else (A.astype(float), one.astype(float))
    for loss in (hg.quadratic(A, one), hg.least_squares(A, one), hg.quartic(A, A)):
        with pytest.raises(ValueError, match="the loss has 2 parameters, so w0 needs as many"):
            hg.final_loss(loss, [1, 2, 3], [number(1)])


def test_a_parabola_of_fractions_at_floats_is_one_of_floats():
    X, t = exact([[2, 1], [1, 3]]), exact([1, 0])
    found = hg.one_step_parabola(X, t, [1.0, 2.0])
    assert [type(c) for c in found] == [np.float64] * 3
    assert found == pytest.approx([float(c) for c in hg.one_step_parabola(X, t, exact([1, 2]))])


def test_what_is_out_of_range_is_named_and_warns_of_nothing():
    X, huge = np.array([[1e200, -1e200], [1e200, 1e200]]), [1e200, 1e200]
    for function in (hg.one_step_parabola, hg.best_step):
        with pytest.raises(ValueError, match="w0 = "):
            function(X, [1.0, 1.0], huge)
        with pytest.raises(ValueError, match="w0 must"):
            function(X, [1.0, 1.0], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="the moments must stay finite"):
        hg.noisy_moments([1.0, 1e-200], [1.0, 1.0], [1.0, 1.0], [1e200, 1.0])


def test_numbers_in_fixed_point_are_integers_of_any_length():
    state = hg.start_reversible([1e-3, 2.0])
    assert state.w.dtype == object
    assert all(type(entry) is int for entry in state.w)


def test_losses_of_fractions_are_floats_at_floats():
    fits = hg.least_squares([[THIRD, Fraction(1)]], [THIRD])
    quartic = hg.quartic([[THIRD]], [[THIRD]])
    for loss, d in ((fits, 2), (quartic, 1)):
        w = np.full(d, 1e100)
        assert loss.gradient(w).dtype == loss.hvp(w, w).dtype == float
        assert loss.gradient(exact([1] * d)).dtype == object
        with pytest.raises(ValueError, match="the last loss must stay finite"):
            hg.final_loss(loss, w * 1e100, [THIRD])


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1.0, 1e100, 1e150])
def test_steps_and_schedules_do_not_see_the_scale(scale):
    X, t = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0])
    step = hg.best_step(X, t, [1.0, 1.0])
    assert hg.best_step(X * scale, t, np.ones(2) / scale) / step * scale**2 == pytest.approx(1)
    h, c, m = np.array([1.0, 4.0]), np.array([1.0, 2.0]), np.array([3.0, 1.0])
    for schedule in (hg.greedy_schedule, hg.farsighted_schedule):
        plain = schedule(h, c, m, 3)
        np.testing.assert_allclose(schedule(h, c * scale, m * scale, 3), plain, rtol=1e-5)
        steep = schedule(h * scale, c, m / scale**2, 3) * scale
        np.testing.assert_allclose(steep, plain, rtol=1e-5)
    loss = hg.quadratic(np.diag([1.0, 3.0]) * scale, [0.0, 0.0])
    best = hg.best_constant_step(loss, np.ones(2), 3, 1 / 3 / scale, 1 / scale)
    plain = hg.best_constant_step(hg.quadratic(np.diag([1, 3]), [0, 0]), np.ones(2), 3, 1 / 3, 1.0)
    assert best * scale == pytest.approx(plain, rel=1e-12, abs=0)


def test_step_sizes_of_small_types_do_not_wrap():
    etas = np.array([200, 1], np.uint8)  # 2η is 400, and not 144
    found = hg.schedule_hypergradients([0.5], [1.0], [1.0], etas)
    np.testing.assert_array_equal(found, hg.schedule_hypergradients([0.5], [1.0], [1.0], [200, 1]))


def test_multiplication_is_exact_for_integers_of_any_type():
    ratio, big = Fraction(9, 10), 2**62
    expected = hg.multiply_exactly(big, ratio, big)
    assert hg.multiply_exactly(np.int64(big), ratio, np.int64(big)) == expected
    x, buffer = hg.multiply_exactly(np.array([big]), ratio, np.array([big]))
    assert (x[0], buffer[0]) == expected
    assert hg.multiply_exactly(x, 1 / ratio, buffer) == ([big], [big])


def test_reversible_runs_start_from_any_float_and_fraction():
    assert hg.start_reversible([1e308]).position().tolist() == [1e308]
    half_way = Fraction(2 * 10**20 + 1, 2**41)  # between two integers, and no float
    assert hg.start_reversible([half_way]).w.tolist() == [10**20]


HUGE = hg.quadratic([[1e200]], [0.0])
PLUS = hg.heavy_ball_step


@pytest.mark.parametrize(
    ("call", "message"),
    [
        *[
            (lambda route=route: route(HUGE, [1e100], [1e-10, 1.0]), "must stay finite")
            for route in ROUTES
        ],
        (lambda: hg.tuned_descent(HUGE, [1e200], 1.0), "the loss must stay finite, got inf at w0"),
        (lambda: hg.one_step_parabola([[1e150]], [1.0], [1.0]), "the parabola must stay finite"),
        (lambda: hg.best_step([[1e200]], [1.0], [1e200]), "Xw0 − t must stay finite"),
        (lambda: hg.best_step([[1e-160]], [1e-160], [0.0]), "the best step must be finite"),
        (lambda: hg.noisy_moments([1e200], [1], [1], [1e200]), "the moments must stay finite"),
        (
            lambda: PLUS(START, lambda w: w * np.nan, 0.1, Fraction(1, 2)),
            "gradient must be finite, got",
        ),
        (
            lambda: PLUS(START, lambda w: w[:1], 0.1, Fraction(1, 2)),
            r"gradient must return shape \(2,\), got \(1,\)",
        ),
        (lambda: PLUS(START, lambda w: 1e300 * w, 1e300, Fraction(1, 2)), "must stay finite"),
        (lambda: hg.multiply_exactly(1, Fraction(1, 2), -1), "buffer must be at least 0, got -1"),
        (lambda: hg.multiply_exactly(0.5, Fraction(1, 2), 1), "x must be an integer, got 0.5"),
        (lambda: hg.best_constant_step(QUAD, [1, 1], 3, 0.5, 0.5), "low must be below high"),
        (lambda: hg.hessian(QUAD, [1.0]), "the loss has 2 parameters, so w needs as many, got 1"),
        (lambda: hg.hessian(QUAD, [1.0, np.nan]), "w must be finite"),
        (lambda: hg.terrain_network(seed=0.5), "seed must be an integer, got 0.5"),
        (lambda: hg.trajectory(QUAD, [1, 1], [0.1], 3), "batches must be a sequence, got 3"),
        (lambda: hg.windowed_descent(QUAD, [1, 1j], 0.1, 0.1, 1, 9), "w0 must be real numbers"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_refused_by_name(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


# -- bad input ---------------------------------------------------------------------------------

BAD = [
    (lambda: hg.trajectory(QUAD, [1, 1], []), "etas must not be empty"),
    (lambda: hg.trajectory(QUAD, [1, 1], [-0.1]), "at least 0, got -0.1"),
    (lambda: hg.trajectory(QUAD, [1, 1], [0.1, np.inf]), r"etas must be finite, got \[0.1 inf\]"),
    (lambda: hg.final_loss(QUAD, [1, np.nan], [0.1]), "w0 must be finite, got"),
    (lambda: hg.hypergradients(QUAD, [1, 1, 1], [0.1]), "2 parameters, so w0 needs as many, got 3"),
    (lambda: hg.hypergradients(QUAD, [[1, 1]], [0.1]), r"w0 must be a vector, got shape \(1, 2\)"),
    (lambda: hg.hypergradients(QUAD, [1, 1], 0.1), r"etas must be a vector, got shape \(\)"),
    (lambda: hg.hypergradients(QUAD, [1, 1], [Fraction(1), np.nan]), "etas must be finite"),
    (lambda: hg.hypergradients(QUAD, [1, 1], exact(["-1/2"])), "at least 0, got -1/2"),
    (lambda: hg.hypergradients(QUAD, [1, 1], [0.1], []), "1 steps need as many batches, got 0"),
    (lambda: hg.checkpointed_hypergradients(QUAD, [1, 1], [0.1], 0), "every must be from 1"),
    (lambda: hg.forward_hypergradient(QUAD, [1, 1], 0.1, 0), "steps must be at least 1, got 0"),
    (lambda: hg.forward_hypergradient(QUAD, [1, 1], -0.1, 2), "at least 0, got -0.1"),
    (lambda: hg.tuned_descent(QUAD, [1, 1], -0.1), "eta must be at least 0 and finite, got -0.1"),
    (lambda: hg.tuned_descent(QUAD, [1, 1], 0.1, np.nan), "alpha must be .* finite, got nan"),
    (lambda: hg.tuned_descent(QUAD, [1, 1], 0.1, steps=0), "steps must be at least 1, got 0"),
    (lambda: hg.tuned_descent(QUAD, [1], 0.1), "w0 needs as many, got 1"),
    (lambda: hg.windowed_descent(QUAD, [1, 1], 0.1, 0.1, 0, 9), "window 0 and budget 9"),
    (lambda: hg.windowed_descent(QUAD, [1, 1], 0.1, 0.1, 5, 9), "window 5 and budget 9"),
    (lambda: hg.windowed_descent(QUAD, [1], 0.1, 0.1, 1, 9), "w0 needs as many, got 1"),
    (lambda: hg.windowed_descent(QUAD, [1, 1], -0.1, 0.1, 1, 9), "eta must be at least 0"),
    (lambda: hg.windowed_descent(QUAD, [1, 1], 0.1, np.inf, 1, 9), "alpha must be at least 0 and"),
    (lambda: hg.quadratic([[1, 2], [3, 4]], [0, 0]), "A must be symmetric"),
    (lambda: hg.quadratic([[1, 2]], [0, 0]), r"A must be a square matrix, got shape \(1, 2\)"),
    (lambda: hg.quadratic([[1]], [0, 0]), r"b must have shape \(1,\), got \(2,\)"),
    (lambda: hg.quartic([[1]], [[1, 2]]), r"B must have shape \(m, 1\), got \(1, 2\)"),
    (lambda: hg.least_squares([[1, 2]], [1, 2]), r"t \(n,\), got \(1, 2\) and \(2,\)"),
    (lambda: hg.least_squares([], []), "X must not be empty"),
    (lambda: hg.terrain_network(units=0), "units must be at least 1, got 0"),
    (lambda: hg.terrain_network(spacing=403), "spacing 403 leaves one sample"),
    (lambda: hg.noisy_moments([1.0, 0.0], [1, 1], [1, 1], [0.1]), "curvatures must be positive"),
    (lambda: hg.noisy_moments([1.0], [1, 1], [1], [0.1]), r"noise must have shape \(1,\)"),
    (lambda: hg.greedy_schedule([1.0], [-1], [1], 3), "noise must be at least 0, got -1"),
    (lambda: hg.greedy_schedule([1.0], [1], [1], 0), "steps must be at least 1, got 0"),
    (lambda: hg.greedy_schedule([2.0], [0], [1], 3), "minimum is reached before step 2"),
    (lambda: hg.farsighted_schedule([1.0], [1], [1], 3, ceiling=0), "ceiling must be positive"),
    (lambda: hg.farsighted_schedule([1.0], [1], [1], 0), "steps must be at least 1, got 0"),
    (lambda: hg.multiply_exactly(3, Fraction(-1, 2), 0), "ratio must be positive"),
    (lambda: hg.heavy_ball_step(START, abs, np.nan, Fraction(1, 2)), "eta must be at least 0"),
    (lambda: hg.heavy_ball_step(START, abs, 0.1, Fraction(0)), "beta must be positive, got 0"),
    (lambda: hg.undo_heavy_ball_step(START, abs, 0.1, Fraction(0)), "beta must be positive, got 0"),
    (lambda: hg.one_step_parabola([[1, 2]], [1], [1]), r"w0 must have shape \(2,\), got \(1,\)"),
    (lambda: hg.best_constant_step(QUAD, [1, 1], 3, np.nan, 1.0), "low must be finite, got nan"),
    (lambda: hg.best_step([[1.0, 0.0]], [1], [1, 5]), "every step size is optimal"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_says_what_was_required(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_kinds_are_refused():
    with pytest.raises(TypeError, match="X must be real numbers"):
        hg.least_squares([["a"]], [1])
    with pytest.raises(TypeError, match="w0 must be numbers"):
        hg.trajectory(QUAD, ["a", "b"], [0.1])
    with pytest.raises(TypeError, match=r"beta must be a Fraction, got 0\.9"):
        hg.heavy_ball_step(START, abs, 0.1, 0.9)


# -- figures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("forward", hg.final_loss),
        ("backward", hg.hypergradients),
        ("checkpointed", hg.checkpointed_hypergradients),
        ("gradients kept", hg.hypergradients_from_gradients),
    ],
)
def test_the_memory_that_figures_draw_is_what_a_run_holds(name, route):
    d, k = 20_000, 16
    loss = hg.Loss(lambda w: w @ w / 2, lambda w: 1 * w, lambda w, v: 1 * v, d)
    held = hg.peak_bytes(route, loss, np.ones(d), np.full(k, 0.5)) / (8 * d)
    assert round(held) == figures.VECTORS_HELD[name](k)


def test_figures_show_their_data():
    costs, memory = figures.costs_of_routes().axes
    assert [line.get_ydata()[0] for line in costs.lines] == [8, 201, 32]  # k = 4, d = 64
    assert [line.get_ydata()[-1] for line in memory.lines] == [259, 385, 3, 134]  # k = 128
    bits = figures.bits_held().axes[0].lines
    assert [line.get_ydata()[0] for line in bits[:4]] == [192, 64 * 11, 64 * 9, 64 * 10]
    assert bits[4].get_ydata()[-1] == pytest.approx(64 * 7 + 1024 * np.log2(10 / 9))
    fine, lost = [0.3, 0.2, 0.4], [0.3, 0.2, np.nan]
    forgiven = figures.forgiveness([0.1, 1, 10], lost, fine, fine, fine, lost).axes
    crosses = [[len(line.get_xdata()) for line in ax.lines[1::2]] for ax in forgiven]
    assert crosses == [[1, 0, 0], [0, 1]]
    sizes = figures.distances({"a": [2, -4], "b": [1, 1, 0.5]}).axes[0]
    np.testing.assert_array_equal(sizes.lines[0].get_xydata(), [[0, 1], [1, 2]])
    errors = figures.implicit_and_unrolled([1, 2], [0.1, 0.01], [0.2, 0.02]).axes[0]
    np.testing.assert_array_equal(errors.lines[1].get_xydata(), [[1, 0.2], [2, 0.02]])
    for tau in (1, 2, 3, 4):
        graph = figures.unrolled_run(tau).axes[0]
        marks = {text.get_text() for text in graph.texts}
        assert f"$-g({4 - tau})$" in marks
        assert {rf"$-\eta_{s}H({s - 1})$" in marks for s in range(6 - tau, 5)} <= {True}
        assert rf"$-\eta_{5 - tau}H({4 - tau})$" not in marks
    losses, steps = figures.horizons({"a": [1, 0.5]}, {"a": [0.1]}).axes
    np.testing.assert_array_equal(losses.lines[0].get_xydata(), [[0, 1], [1, 0.5]])
    np.testing.assert_array_equal(steps.lines[0].get_xydata(), [[1, 0.1]])  # η₁ makes w(1)
    best = figures.best_constants([1, 2], {"a": [1, 2], "b": [2, 1]}, 1, 4).axes[0]
    np.testing.assert_array_equal([line.get_ydata() for line in best.lines[:2]], [[1, 2], [2, 1]])
    assert [line.get_ydata()[0] for line in best.lines[2:]] == [1, 0.4, 0.25]
    at_minimum, elsewhere = (figures.parabola(0.58, name) for name in ("minimum", "generic"))
    texts = [{text.get_text() for text in f.axes[1].texts} for f in (at_minimum, elsewhere)]
    assert texts == [set(), {"η*"}]
    plt.close("all")


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5), (40, 40)])
def test_constants_of_losses_begin_at_a_cache_line(shape):
    given = np.asfortranarray(np.random.default_rng(0).normal(size=shape))
    for _ in range(8):
        kept = _from_a_cache_line(given)
        np.testing.assert_array_equal(kept, given)
        assert kept.ctypes.data % 64 == 0
        assert kept.flags.c_contiguous
        assert not np.shares_memory(kept, given)
    fractions = np.full(shape, Fraction(1, 3))
    assert _from_a_cache_line(fractions) is fractions


# -- what a planted fault survived ---------------------------------------------------------------


def test_every_batch_of_a_run_is_looked_at():
    plane, line = hg.quadratic(np.eye(2), [0.0, 0.0]), hg.quadratic([[1.0]], [0.0])
    with pytest.raises(ValueError, match="has 2 parameters"):
        hg.hypergradients(line, [1.0], [0.1, 0.1], [plane, line])


def test_a_windowed_run_that_diverged_ends_in_nan():
    far = hg.quadratic([[1.0]], [0.0])
    assert np.isnan(hg.windowed_descent(far, [1e150], 1e10, 0.0, window=1, budget=30)[0])


def test_step_sizes_bring_a_noisy_quadratic_into_their_arithmetic():
    assert hg.noisy_moments([1], [1], [1], [0.5]).dtype == float
    assert hg.noisy_moments([1], [1], [1], exact([0.5])).tolist() == [[1], [Fraction(1, 2)]]
