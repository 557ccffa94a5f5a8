"""Tests of byhand.optimization: independent oracles, laws, planted faults, bad input."""

import re
from contextlib import nullcontext
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import autograd
import autograd.numpy as anp
import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from book import inputs
from byhand import optimization as opt
from byhand.linear_algebra import complex_step
from byhand.optimization import arithmetic, exact, figures

law = settings(derandomize=True, deadline=None, max_examples=40)
SHAPES = [(), (1,), (2,), (1, 2, 3, 5, 7)]
rates = st.floats(1e-3, 1.0)
decays = st.floats(0.0, 0.99)
seeds = st.integers(0, 10**6)

OPTIMIZERS = {
    "gradient_descent": opt.gradient_descent(0.1),
    "heavy_ball": opt.heavy_ball(0.1, 0.9, rate="inside"),
    "nesterov": opt.nesterov(0.1, 0.9),
    "rmsprop": opt.rmsprop(0.1, epsilon_inside=True),
    "adam": opt.adam(0.1),
    "adamw": opt.adamw(0.1, decay=0.01),
    "l2_penalty": opt.l2_penalty(opt.adam(0.1), 0.3),
}


def gradients_of(seed, steps, shape):
    return np.random.default_rng(seed).normal(size=(steps, *shape))


# -- what every optimizer does -----------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_optimizer_keeps_the_shape_and_leaves_its_arguments_alone(optimizer, shape):
    start, gradient = np.ones(shape), np.full(shape, 0.5)
    state = optimizer.init(start)
    once = optimizer.update(gradient, state, start)
    again = optimizer.update(gradient, state, start)
    assert once[0].shape == shape
    assert np.array_equal(once[0], again[0])
    assert np.array_equal(start, np.ones(shape))
    assert np.array_equal(gradient, np.full(shape, 0.5))


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_each_parameter_is_updated_by_itself(optimizer):
    gradients = gradients_of(1, 6, (3, 5))
    whole = opt.replay(optimizer, gradients, np.ones((3, 5))).params
    part = opt.replay(optimizer, gradients[:, 2, 1], 1.0).params
    np.testing.assert_allclose(whole[:, 2, 1], part, rtol=1e-14)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_run_equals_replay_of_the_gradients_it_met(optimizer):
    f = opt.rosenbrock(3.0)
    path = opt.run(optimizer, f.gradient, [0.3, -0.4], 7)
    replayed = opt.replay(optimizer, f.gradient(path.params[:-1]), [0.3, -0.4])
    np.testing.assert_allclose(replayed.params, path.params, rtol=1e-13)
    assert len(path.states) == len(path.params) == 8


@pytest.mark.parametrize("start", [[0.3, -0.4], [Fraction(3, 10), Fraction(-2, 5)], 2.0])
@pytest.mark.parametrize("name", ["gradient_descent", "heavy_ball", "nesterov", "adam", "adamw"])
def test_a_run_is_what_its_updates_make_to_the_bit(name, start):
    """The updates of a run skip looking at what the run has looked at, and nothing else."""
    optimizer = OPTIMIZERS[name]
    if isinstance(start, list) and isinstance(start[0], Fraction):
        optimizer = opt.heavy_ball(Fraction(1, 10), Fraction(9, 10), rate="inside")
    params = np.array(start)
    gradients = [3 * params**2 - 1, -params, 0 * params]
    path = opt.replay(optimizer, gradients, start)
    state = optimizer.init(params)
    for step, gradient in enumerate(gradients, start=1):
        params, state = optimizer.update(gradient, state, params)
        assert path.params[step].tolist() == params.tolist()
        assert type(path.states[step]) is type(state)
        assert repr(path.states[step]) == repr(state)


def test_squares_need_room_for_every_entry_that_is_not_zero():
    for size in (1, 3, 100):
        plain = np.linspace(1.0, 2.0, size)
        assert arithmetic.scaled_if_needed((plain,))[0] is plain
        assert not isinstance(arithmetic.scaled_if_needed((0 * plain,))[0], arithmetic.Scaled)
        for lost in (1e-101, 1e101, np.inf, np.nan):
            for rest in (plain, 0 * plain):
                numbers = rest.copy()
                numbers[-1] = lost
                scaled = arithmetic.scaled_if_needed((numbers,))[0]
                assert isinstance(scaled, arithmetic.Scaled), (size, lost)


@pytest.mark.parametrize("name", ["gradient_descent", "heavy_ball", "nesterov", "adam"])
def test_an_optimizer_finds_the_minimum_that_scipy_finds(name):
    f = opt.quadratic([[3.0, 1.0], [1.0, 2.0]], [1.0, -2.0])
    optimizer = {**OPTIMIZERS, "adam": opt.adam(0.01)}[name]
    found = opt.run(optimizer, f.gradient, [2.0, 2.0], 3000).params[-1]
    np.testing.assert_allclose(found, minimize(f.value, [0, 0], jac=f.gradient).x, atol=1e-5)


# -- against the formulas, written down again --------------------------------------------------


def adam_by_loops(gradients, theta, eta, b1, b2, eps, corrected=True):
    """Adam from Kingma and Ba's Algorithm 1, one scalar at a time."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        m_hat, v_hat = (m / (1 - b1**t), v / (1 - b2**t)) if corrected else (m, v)
        theta -= eta * m_hat / (v_hat**0.5 + eps)
    return theta


@law
@given(seeds, rates, decays, decays)
def test_adam_is_algorithm_1(seed, eta, b1, b2):
    gradients = gradients_of(seed, 8, ())
    path = opt.replay(opt.adam(eta, b1, b2, 1e-6), gradients, 0.7).params
    expected = adam_by_loops(gradients, 0.7, eta, b1, b2, 1e-6)
    assert path[-1] == pytest.approx(expected, rel=1e-9, abs=0)


def test_an_adam_without_bias_correction_is_caught():
    gradients = gradients_of(3, 8, ())
    right = opt.replay(opt.adam(0.1), gradients, 0.7).params[-1]
    assert adam_by_loops(gradients, 0.7, 0.1, 0.9, 0.999, 1e-8) == pytest.approx(
        right, rel=1e-12, abs=0
    )
    wrong = adam_by_loops(gradients, 0.7, 0.1, 0.9, 0.999, 1e-8, corrected=False)
    assert wrong != pytest.approx(right, rel=0.01, abs=0)


def test_adam_counts_updates_not_parameters():
    state = opt.replay(opt.adam(0.1), np.ones((4, 2, 3)), np.zeros((2, 3))).states[-1]
    assert state.step == 4


@law
@given(seeds, rates, decays)
def test_rmsprop_is_its_sum_written_out(seed, eta, beta):
    gradients = gradients_of(seed, 6, ())
    theta = 0.2
    for t in range(6):
        s = 0.25 * beta ** (t + 1) + sum(
            (1 - beta) * beta ** (t - i) * gradients[i] ** 2 for i in range(t + 1)
        )
        theta -= eta * gradients[t] / (s + 1e-4) ** 0.5
    optimizer = opt.rmsprop(eta, beta, 1e-4, epsilon_inside=True, initial=0.25)
    assert opt.replay(optimizer, gradients, 0.2).params[-1] == pytest.approx(
        theta, rel=1e-10, abs=0
    )


def test_the_position_of_epsilon_makes_the_difference_it_should():
    inside, outside = (
        opt.replay(opt.rmsprop(1.0, 0.0, 0.25, epsilon_inside=i), [[1.0]], [0.0]).params[-1, 0]
        for i in (True, False)
    )
    assert inside == pytest.approx(-1 / 1.25**0.5)
    assert outside == pytest.approx(-1 / 1.25)
    inside, outside = (
        opt.replay(opt.adam(1.0, 0, 0, 0.25, epsilon_inside=i), [[1.0]], [0.0]).params[-1, 0]
        for i in (True, False)
    )
    assert inside == pytest.approx(-1 / 1.25**0.5)
    assert outside == pytest.approx(-1 / 1.25)


@law
@given(seeds, decays)
def test_the_four_conventions_of_heavy_ball_visit_the_same_points(seed, beta):
    gradients = gradients_of(seed, 7, (3,))
    paths = {
        (rate, velocity): opt.replay(
            opt.heavy_ball(0.1, beta, rate=rate, velocity=velocity), gradients, np.zeros(3)
        )
        for rate in ("inside", "outside")
        for velocity in ("added", "subtracted")
    }
    reference = paths["inside", "added"]
    for path in paths.values():
        np.testing.assert_allclose(path.params, reference.params, rtol=0, atol=1e-13)
    v, u = reference.states[-1].velocity, paths["outside", "subtracted"].states[-1].velocity
    np.testing.assert_allclose(v, -0.1 * u, rtol=0, atol=1e-13)


def test_a_rate_that_changes_on_the_way_tells_inside_from_outside():
    def two_rates(rate):
        params, state = np.zeros(1), opt.heavy_ball(1.0, 0.5, rate=rate).init(np.zeros(1))
        for eta in (1.0, 0.1):
            update = opt.heavy_ball(eta, 0.5, rate=rate).update
            params, state = update(np.ones(1), state, params)
        return params[0]

    assert two_rates("inside") == pytest.approx(-1 - (0.5 + 0.1))
    assert two_rates("outside") == pytest.approx(-1 - 0.1 * 1.5)


def test_a_flipped_velocity_sign_is_caught():
    f = opt.quadratic([[1.0]])
    right = opt.run(opt.heavy_ball(0.1, 0.9, rate="inside"), f.gradient, [1.0], 200).params[-1]
    assert abs(right[0]) < 1e-3
    w, v = 1.0, 0.0
    for _ in range(200):  # v ← βv − ηg, but subtracted
        v = 0.9 * v - 0.1 * w
        w -= v
    assert abs(w) > 1e3


def test_nesterov_extrapolates_as_in_its_two_sequences():
    f = opt.rosenbrock(2.0)
    x, y = np.array([0.2, 0.5]), np.array([0.2, 0.5])
    for _ in range(9):
        x_new = y - 0.05 * f.gradient(y)
        y, x = x_new + 0.7 * (x_new - x), x_new
    path = opt.run(opt.nesterov(0.05, 0.7), f.gradient, [0.2, 0.5], 9)
    np.testing.assert_allclose(path.params[-1], y, rtol=1e-13)
    np.testing.assert_allclose(path.states[-1].reached, x, rtol=1e-13)


@law
@given(seeds, st.floats(0.0, 0.5))
def test_decay_and_penalty_agree_for_gradient_descent_and_not_for_adam(seed, decay):
    gradients = gradients_of(seed, 4, (3,))
    for optimizer, agree in [(opt.gradient_descent(0.1), True), (opt.adam(0.1), decay == 0)]:
        a = opt.replay(opt.weight_decay(optimizer, decay), gradients, np.ones(3)).params
        b = opt.replay(opt.l2_penalty(optimizer, decay / 0.2), gradients, np.ones(3)).params
        if agree:
            np.testing.assert_allclose(a, b, rtol=1e-12)
        elif decay > 0.01:
            assert not np.allclose(a, b, rtol=1e-4)


def test_adamw_is_adam_plus_the_shrinking_of_the_old_parameters():
    step = opt.replay(opt.adam(0.1), [[2.0, -3.0]], [5.0, 7.0]).params
    decayed = opt.replay(opt.adamw(0.1, decay=0.2), [[2.0, -3.0]], [5.0, 7.0]).params
    np.testing.assert_allclose(decayed[1], step[1] - 0.2 * step[0], rtol=1e-14)


@law
@given(seeds, st.integers(-20, 20))
def test_adaptive_steps_do_not_see_a_power_of_two(seed, power):
    gradients = gradients_of(seed, 5, (3,))
    for optimizer in (opt.rmsprop(0.1, 0.9, 0, epsilon_inside=True), opt.adam(0.1, epsilon=0)):
        a = opt.replay(optimizer, gradients, np.zeros(3)).params
        b = opt.replay(optimizer, gradients * 2.0**power, np.zeros(3)).params
        assert np.array_equal(a, b)


# -- exact arithmetic --------------------------------------------------------------------------


def test_fractions_stay_fractions_and_equal_the_floats():
    gradients = exact([[-1.2, -0.6, -2, -1], [-0.8, -0.4, -1.5, -0.5]])
    tenth, nine = Fraction(1, 10), Fraction(9, 10)
    pairs = [
        (opt.gradient_descent(tenth), opt.gradient_descent(0.1)),
        (
            opt.heavy_ball(tenth, nine, rate="outside"),
            opt.heavy_ball(0.1, 0.9, rate="outside"),
        ),
        (opt.nesterov(tenth, nine), opt.nesterov(0.1, 0.9)),
        (opt.weight_decay(opt.nesterov(tenth, nine), tenth), None),
    ]
    for exactly, roughly in pairs:
        path = opt.replay(exactly, gradients, exact([0.5, 0, 0.3, 0])).params
        assert all(isinstance(x, Fraction) for x in path.flat)
        if roughly:
            floats = opt.replay(roughly, gradients.astype(float), [0.5, 0, 0.3, 0]).params
            np.testing.assert_allclose(path.astype(float), floats, rtol=1e-14, atol=1e-16)


def test_exact_roots_are_rational_where_they_can_be():
    optimizer = opt.rmsprop(Fraction(1), Fraction(0), 0, epsilon_inside=True)
    path = opt.replay(optimizer, exact([["3/7"]]), exact([0])).params
    assert path[-1, 0] == Fraction(-1)
    assert isinstance(path[-1, 0], Fraction)
    optimizer = opt.rmsprop(Fraction(1), Fraction(1, 2), 0, epsilon_inside=True)
    path = opt.replay(optimizer, exact([["3/7"]]), exact([0])).params
    assert path[-1, 0] == -sympy.sqrt(2)


def test_decimals_compute_with_the_digits_of_their_context():
    optimizer = opt.rmsprop(Decimal("0.1"), Decimal("0.5"), Decimal(0), epsilon_inside=True)
    path = opt.replay(optimizer, [[Decimal(3)]], [Decimal(0)]).params
    assert float(path[-1, 0]) == pytest.approx(-0.1 * 2**0.5, rel=1e-15, abs=0)


def test_a_fraction_is_subtracted_from_one_before_it_is_rounded():
    for decay, weight in [(0.9, 1 - 0.9), (Fraction(9, 10), 0.1)]:
        state = opt.replay(opt.rmsprop(1.0, decay, epsilon_inside=True), [[1.0]], [0.0]).states[1]
        assert state.s[0] == weight


def test_exact_parameters_refuse_float_hyperparameters():
    with pytest.raises(TypeError, match=r"exact hyperparameters, got the float 0\.1"):
        opt.replay(opt.gradient_descent(0.1), exact([[1]]), exact([1]))


# -- the sheets' numbers -----------------------------------------------------------------------


def test_problem_a1_in_fractions():
    loss = opt.least_squares(exact([[2, -1], [-1, 3]]), exact([3, 1]))
    ball = opt.heavy_ball(Fraction(1, 5), Fraction(4, 5), rate="inside")
    path = opt.run(ball, loss.gradient, exact([1, 0]), 3)
    assert path.params[-1].tolist() == [Fraction(13, 5), Fraction(26, 25)]


def test_problem_e12_to_the_last_digit():
    loss = opt.least_squares([[2.0, 1.0]], [2.0])
    optimizer = opt.rmsprop(0.01, Fraction(9, 10), 0, epsilon_inside=False, initial=1e-10)
    path = opt.run(optimizer, loss.gradient, [0.0, 0.0], 200).params
    assert path[1].tolist() == [0.03162277660146144, 0.031622776600794406]
    assert path[102].tolist() == [0.666642600668602, 0.6666426006671113]
    assert path[200].tolist() == [0.6666666666671636, 0.6666666666656729]


# -- objectives --------------------------------------------------------------------------------

OBJECTIVES = {
    "two_wells": opt.two_wells(),
    "ripples": opt.ripples(),
    "rosenbrock": opt.rosenbrock(),
    "quadratic": opt.quadratic([[3.0, -1.0], [-1.0, 2.0]], [1.0, 4.0]),
    "least_squares": opt.least_squares([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]], [1.0, 0.0, 2.0]),
}


@pytest.mark.parametrize("f", OBJECTIVES.values(), ids=OBJECTIVES)
def test_gradient_and_hessian_are_the_complex_steps(f):
    for point in np.random.default_rng(0).normal(0, 2, size=(5, 2)):
        np.testing.assert_allclose(f.gradient(point), complex_step(f.value, point), rtol=1e-12)
        np.testing.assert_allclose(f.hessian(point), complex_step(f.gradient, point), rtol=1e-12)


def test_autograd_gives_the_gradient_of_the_ripples():
    def value(p):
        x, y = p
        return 2 * x**2 + 2 * y**2 - 17 * y * anp.cos(0.2 * anp.pi * x) - x * y

    points = np.random.default_rng(1).normal(0, 5, size=(5, 2))
    expected = [autograd.grad(value)(p) for p in points]
    np.testing.assert_allclose(opt.ripples().gradient(points), expected, rtol=1e-12)


def test_a_gradient_without_its_factor_y_is_caught():
    f, k = opt.ripples(), 0.2 * np.pi

    def as_printed(p):
        x, y = p
        return np.array([4 * x + 3.4 * np.pi * np.sin(k * x) - y, 4 * y - 17 * np.cos(k * x) - x])

    assert np.array_equal(as_printed([0.0, 0.0]), f.gradient([0.0, 0.0]))
    assert not np.allclose(as_printed([1.0, 2.0]), complex_step(f.value, np.array([1.0, 2.0])))


@pytest.mark.parametrize("f", OBJECTIVES.values(), ids=OBJECTIVES)
def test_an_objective_takes_a_grid_of_points(f):
    grid = np.random.default_rng(2).normal(size=(3, 5, 2))
    assert f.value(grid).shape == (3, 5)
    assert f.gradient(grid).shape == (3, 5, 2)
    assert f.hessian(grid).shape == (3, 5, 2, 2)
    np.testing.assert_allclose(f.gradient(grid)[2, 4], f.gradient(grid[2, 4]), rtol=1e-13)
    np.testing.assert_allclose(f.hessian(grid)[2, 4], f.hessian(grid[2, 4]), rtol=1e-13)


# -- analysis ----------------------------------------------------------------------------------


@law
@given(seeds)
def test_the_smoothness_bound_holds_with_beta_and_fails_with_less(seed):
    rng = np.random.default_rng(seed)
    S = rng.normal(size=(3, 3))
    f = opt.quadratic(S + S.T)
    values, vectors = np.linalg.eigh(S + S.T)
    worst = np.argmax(np.abs(values))
    x, y = rng.normal(size=(2, 50, 3))
    beta = abs(values[worst])
    error = np.abs(opt.linearization_error(f.value, f.gradient, x, y))
    assert (error <= beta / 2 * ((x - y) ** 2).sum(-1) * (1 + 1e-9)).all()
    assert (opt.gradient_variation(f.gradient, x, y) <= beta * (1 + 1e-9)).all()
    along = y + vectors[:, worst]
    error = np.abs(opt.linearization_error(f.value, f.gradient, along, y))
    assert (error > 0.99 * beta / 2 * ((along - y) ** 2).sum(-1)).all()


def test_critical_points_of_the_two_wells():
    x, y = sympy.symbols("x y", real=True)
    f = 3 * x**2 - 3 * x * y + 2 * y**2 + 4 * x**3 + x**4
    found = opt.critical_points(f, [x, y])
    root = sympy.sqrt(21)
    expected = [-(6 + root) / 4, (root - 6) / 4, 0]
    assert all(sympy.simplify(found[i][0] - expected[i]) == 0 for i in range(3))
    hessian = opt.two_wells().hessian
    kinds = [opt.classify(hessian([float(c) for c in point])) for point in found]
    assert kinds == ["minimum", "saddle point", "minimum"]


def test_classify_a_maximum_and_what_second_derivatives_cannot_decide():
    assert opt.classify([[-1.0, 0.5], [0.5, -1.0]]) == "maximum"
    assert (opt.classify([[2.0]]), opt.classify([[-2.0]])) == ("minimum", "maximum")
    assert opt.classify([[2.0, 0.0], [0.0, 1e-15]]) == "undecided"
    assert opt.classify(np.zeros((2, 2))) == "undecided"


@law
@given(seeds)
def test_newton_solves_a_quadratic_in_one_step_and_exactly_in_fractions(seed):
    rng = np.random.default_rng(seed)
    S = rng.integers(-5, 6, size=(3, 3))
    A, b = S + S.T + 40 * np.eye(3, dtype=int), rng.integers(-9, 10, size=3)
    f = opt.quadratic(exact(A.tolist()), exact(b.tolist()))
    found = opt.newton_raphson(f.gradient, f.hessian, exact([1, 2, 3]), 1)[-1]
    assert (f.gradient(found) == 0).all()
    np.testing.assert_allclose(found.astype(float), np.linalg.solve(A, b), rtol=1e-12)


def test_newton_takes_many_starts_side_by_side():
    f = opt.ripples()
    starts = np.random.default_rng(3).normal(size=(2, 3, 2))
    together = opt.newton_raphson(f.gradient, f.hessian, starts, 4)
    alone = opt.newton_raphson(f.gradient, f.hessian, starts[1, 2], 4)
    np.testing.assert_allclose(together[:, 1, 2], alone, rtol=1e-9)


def test_a_damped_newton_step_goes_part_of_the_way():
    f = opt.quadratic([[2.0]], [4.0])
    points = opt.newton_raphson(f.gradient, f.hessian, [0.0], 1, damping=0.25)
    assert points[-1, 0] == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "d"), [(1, 2), (2, 3), (3, 7), (2, 2)])
def test_the_minimum_norm_solution_is_the_pseudoinverse(n, d):
    rng = np.random.default_rng(n)
    X, t, w0 = rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=d)
    np.testing.assert_allclose(opt.minimum_norm_solution(X, t), np.linalg.pinv(X) @ t, rtol=1e-10)
    nearest = opt.minimum_norm_solution(X, t, w0)
    np.testing.assert_allclose(X @ nearest, t, rtol=1e-10)
    shortest_move = np.linalg.pinv(X) @ (t - X @ w0)
    np.testing.assert_allclose(nearest - w0, shortest_move, rtol=1e-9, atol=1e-12)


def test_the_minimum_norm_solution_is_exact_for_fractions():
    solution = opt.minimum_norm_solution(exact([[2, 1]]), exact([2]))
    assert solution.tolist() == [Fraction(4, 5), Fraction(2, 5)]


@law
@given(st.floats(0.01, 10), rates, decays)
def test_the_closed_form_of_heavy_balls_factor(h, eta, beta):
    matrix = opt.heavy_ball_matrix(h, eta, beta)
    radius = opt.spectral_radius(matrix)
    assert opt.heavy_ball_factor(h, eta, beta) == pytest.approx(radius, rel=1e-6, abs=1e-7)


@law
@given(st.floats(0.1, 5), rates, decays, seeds)
def test_the_matrices_take_the_steps_that_the_optimizers_take(h, eta, beta, seed):
    start = np.random.default_rng(seed).normal()
    f = opt.quadratic([[h]])
    for matrix, optimizer in [
        (opt.heavy_ball_matrix, opt.heavy_ball(eta, beta, rate="inside")),
        (opt.nesterov_matrix, opt.nesterov(eta, beta)),
    ]:
        path = opt.run(optimizer, f.gradient, [start], 4).params[:, 0]
        pair = matrix(h, eta, beta) @ path[[3, 2]]
        np.testing.assert_allclose(pair, path[[4, 3]], rtol=1e-9, atol=1e-9)


@law
@given(st.floats(1.01, 1e4))
def test_the_tunings_attain_their_factors_and_no_curvature_is_worse(kappa):
    curvatures = np.geomspace(1.0, kappa, 60)
    for tune, matrix in [
        (opt.tune_gradient_descent, opt.heavy_ball_matrix),
        (opt.tune_heavy_ball, opt.heavy_ball_matrix),
        (opt.tune_nesterov, opt.nesterov_matrix),
    ]:
        eta, beta, factor = tune(1.0, kappa)
        worst = max(opt.spectral_radius(matrix(h, eta, beta)) for h in curvatures)
        assert worst == pytest.approx(factor, abs=3e-7)


# -- the comparison ----------------------------------------------------------------------------


def test_final_losses_follow_the_closed_form_and_mark_divergence():
    rates = [0.5, 1.5, 2.5, 1e200]
    losses = opt.final_losses(opt.quadratic([[1.0]]), [1.0], 6, rates)
    assert set(losses) == set(opt.four_optimizers(1.0))
    expected = [(1 - eta) ** 12 / 2 for eta in rates[:3]]
    np.testing.assert_allclose(losses["SGD"][:3], expected, rtol=1e-12)
    assert losses["SGD"][3] == np.inf


EIGHTH = opt.Objective(
    lambda x: np.sum(np.asarray(x) ** 8, axis=-1), lambda x: 8 * np.asarray(x) ** 7, None
)


@pytest.mark.parametrize("objective", [opt.rosenbrock(), opt.two_wells(), EIGHTH])
@pytest.mark.parametrize("steps", [1, 4, 5, 6])
def test_a_rate_that_leaves_the_floats_changes_no_other(objective, steps):
    rates = [1e-3, 0.1, 1.0, 10.0, 1e30, 1e99]
    losses = opt.final_losses(objective, [1.0, 0.5], steps, rates)
    assert losses["SGD"][-1] == np.inf
    for i, rate in enumerate(rates):
        alone = opt.final_losses(objective, [1.0, 0.5], steps, [rate])
        for name, loss in losses.items():
            assert loss[i] == alone[name][0]
            if rate == 1e-3:  # a run that grows multiplies what rounding has left
                optimizer = opt.four_optimizers(rate)[name]
                end = opt.run(optimizer, objective.gradient, [1.0, 0.5], steps).params[-1]
                assert loss[i] == pytest.approx(float(objective.value(end)), rel=1e-9, abs=0)


def test_every_optimizer_meets_the_same_noise():
    f = opt.quadratic(np.eye(2))
    noisy = opt.final_losses(f, np.ones((50, 2)), 5, [0.1], noise=1.0, seed=4)
    again = opt.final_losses(f, np.ones((50, 2)), 5, [0.1], noise=1.0, seed=4)
    other = opt.final_losses(f, np.ones((50, 2)), 5, [0.1], noise=1.0, seed=5)
    assert {k: v.tolist() for k, v in noisy.items()} == {k: v.tolist() for k, v in again.items()}
    assert noisy["SGD"][0] != other["SGD"][0]
    once = opt.final_losses(f, np.ones((50, 2)), 1, [0.1], noise=1.0, seed=4)
    assert once["SGD"] == once["momentum"]  # whose first steps are the same


def test_only_gradient_descent_never_raises_the_loss():
    f = opt.quadratic(np.diag([1.0, 0.1]))
    rises = {
        name: opt.loss_rises(f, opt.run(o, f.gradient, [1.0, 1.0], 100).params)
        for name, o in opt.four_optimizers(0.5).items()
    }
    assert rises["SGD"] == 0
    assert min(rises["momentum"], rises["RMSProp"], rises["Adam"]) > 10


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [0, -0.1, np.nan, np.inf])
def test_a_learning_rate_must_be_positive(eta):
    for make in (
        opt.gradient_descent,
        lambda e: opt.heavy_ball(e, 0.9, rate="inside"),
        lambda e: opt.nesterov(e, 0.9),
        lambda e: opt.rmsprop(e, epsilon_inside=True),
        opt.adam,
        lambda e: opt.heavy_ball_matrix(1.0, e, 0.5),
    ):
        with pytest.raises(ValueError, match="learning_rate must be positive and finite"):
            make(eta)


@pytest.mark.parametrize("beta", [-0.1, 1, 1.5, np.nan])
def test_a_decay_rate_must_lie_in_0_1(beta):
    for make in (
        lambda b: opt.heavy_ball(0.1, b, rate="inside"),
        lambda b: opt.nesterov(0.1, b),
        lambda b: opt.rmsprop(0.1, b, epsilon_inside=True),
        lambda b: opt.adam(0.1, b),
        lambda b: opt.adam(0.1, 0.9, b),
        lambda b: opt.weight_decay(opt.adam(0.1), b),
        lambda b: opt.nesterov_matrix(1.0, 0.1, b),
    ):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\)"):
            make(beta)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_gradients_must_be_finite_and_fit(optimizer):
    with pytest.raises(ValueError, match=r"gradient must have the parameters' shape \(2,\), got"):
        opt.replay(optimizer, [[1.0, 2.0, 3.0]], [0.0, 0.0])
    with pytest.raises(opt.NonFiniteError, match=r"gradient must stay finite, got .* at step 1"):
        opt.replay(optimizer, [[1.0, np.nan]], [0.0, 0.0])
    with pytest.raises(ValueError, match="start must not be empty"):
        opt.replay(optimizer, [], [])
    with pytest.raises(TypeError, match="start must be real numbers"):
        opt.replay(optimizer, [[1.0]], [1j])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: opt.heavy_ball(0.1, 0.9, rate="both"), "rate must be one of"),
        (lambda: opt.heavy_ball(0.1, 0.9, rate="inside", velocity="up"), "velocity must be one"),
        (lambda: opt.adam(0.1, epsilon=-1e-8), "epsilon must be at least 0"),
        (lambda: opt.rmsprop(0.1, epsilon_inside=True, initial=-1), "initial must be at least 0"),
        (lambda: opt.l2_penalty(opt.adam(), -1.0), "strength must be at least 0"),
        (lambda: opt.run(opt.adam(), np.negative, [1.0], -1), "steps must be at least 0"),
        (lambda: opt.quadratic([[1.0, 2.0], [0.0, 1.0]]), "A must be symmetric"),
        (lambda: opt.quadratic(np.eye(2), [1.0]), r"b must have shape \(2,\), got \(1,\)"),
        (lambda: opt.least_squares(np.eye(2), [1.0]), r"X must have shape \(n, d\) and t"),
        (lambda: opt.rosenbrock(0.0), "steepness must be positive"),
        (lambda: opt.two_wells().gradient([1.0, 2.0, 3.0]), "must have 2 coordinates"),
        (lambda: opt.classify([[1.0, 2.0]]), "hessian must be a square matrix"),
        (lambda: opt.classify([[1.0, 2.0], [0.0, 1.0]]), "hessian must be symmetric"),
        (lambda: opt.spectral_radius([[1.0, 2.0]]), "matrix must be a square matrix"),
        (lambda: opt.tune_heavy_ball(2.0, 1.0), "0 < μ ≤ L, got 2.0 and 1.0"),
        (lambda: opt.gradient_variation(np.negative, [1.0], [1.0]), "different points"),
        (
            lambda: opt.linearization_error(np.sum, np.negative, [1.0], [1.0, 2.0]),
            "x and y must have one shape",
        ),
        (lambda: opt.minimum_norm_solution(np.ones((2, 3)), [1.0, 1.0]), "XXᵀ must not be"),
        (lambda: opt.minimum_norm_solution(np.eye(2), [1.0]), "X must have shape"),
        (
            lambda: opt.minimum_norm_solution([[1.0, 2.0]], [1.0], [1.0]),
            r"start must have shape \(2,\), got \(1,\)",
        ),
        (lambda: opt.critical_points(sympy.sin(sympy.Symbol("x")), [sympy.Symbol("x")]), "poly"),
        (lambda: opt.working_ranges([1.0], {"SGD": [1.0]}, 0.1), "need two rates"),
        (lambda: opt.working_ranges([1, 2], {"SGD": [1, 1]}, 0), "target must be positive"),
        (
            lambda: opt.final_losses(opt.two_wells(), [1.0, 1.0], 1, [0.1], noise=-1),
            "noise must be at least 0",
        ),
        (
            lambda: opt.newton_raphson(np.negative, lambda x: np.zeros((1, 1)), [1.0], 1),
            "the Hessian must not be singular",
        ),
        (
            lambda: opt.newton_raphson(
                np.negative, lambda x: exact([[1, 2], [2, 4]]), exact([1, 1]), 1
            ),
            "the Hessian must not be singular",
        ),
    ],
)
def test_bad_input_says_what_was_required(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_step_of_zero_over_zero_is_an_error():
    optimizer = opt.rmsprop(0.1, 0.9, 0, epsilon_inside=False)
    with pytest.raises(ZeroDivisionError, match="its step is 0/0"):
        opt.replay(optimizer, [[0.0]], [1.0])


# -- numbers of any size, type and exactness ------------------------------------------------------

ADAPTIVE = {
    "adam": lambda epsilon: opt.adam(0.1, epsilon=epsilon),
    "adam, ε inside": lambda epsilon: opt.adam(0.1, epsilon=epsilon, epsilon_inside=True),
    "rmsprop": lambda epsilon: opt.rmsprop(0.1, 0.9, epsilon, epsilon_inside=False),
    "rmsprop, ε inside": lambda epsilon: opt.rmsprop(0.1, 0.9, epsilon, epsilon_inside=True),
}


def in_high_precision(name, gradients, epsilon):
    """The adaptive optimizers with 50 digits and exponents without bound."""
    with mpmath.workdps(50):
        theta, m, v, eps = mpmath.mpf(1), mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(epsilon)
        b1, b2 = (0.9, 0.999) if "adam" in name else (0, 0.9)
        for t, g in enumerate(map(mpmath.mpf, gradients), start=1):
            m, v = b1 * m + mpmath.mpf(1 - b1) * g, b2 * v + mpmath.mpf(1 - b2) * g**2
            corrections = (1 - b1**t, 1 - b2**t) if "adam" in name else (1, 1)
            up, square = (x / mpmath.mpf(c) for x, c in zip((m, v), corrections, strict=True))
            theta -= (
                mpmath.mpf(0.1)
                * up
                / (mpmath.sqrt(square + eps) if "inside" in name else mpmath.sqrt(square) + eps)
            )
        return float(theta)


@pytest.mark.parametrize("name", ADAPTIVE)
@pytest.mark.parametrize("epsilon", [0, 1e-8, 1e-300])
@pytest.mark.parametrize(
    "gradients",
    [
        [1e200, 1.0, 1.0],
        [1e300, -1e300, 1e-300],
        [1e-170],
        [5e-324],
        [1e-200, 1e200, 1e-200, 3.0],
        [1e-310, 2e-310],
    ],
)
def test_adaptive_steps_for_gradients_of_any_size(name, epsilon, gradients):
    path = opt.replay(ADAPTIVE[name](epsilon), [[g] for g in gradients], [1.0]).params
    expected = in_high_precision(name, gradients, epsilon)
    assert path[-1, 0] == pytest.approx(expected, rel=1e-13, abs=0)


def test_adam_as_reported_for_small_types():
    f32 = np.array([[1e20], [1.0], [1.0]], np.float32)
    path = opt.replay(opt.adam(0.1), f32, np.ones(1, np.float32)).params.ravel()
    np.testing.assert_allclose(path, [1, 0.9, 0.833, 0.781], atol=5e-4)
    f16 = np.array([[1e-4]], np.float16)
    assert opt.replay(opt.adam(0.1), f16, [1.0]).params[-1, 0] == pytest.approx(
        0.9, rel=1e-4, abs=0
    )


def test_states_begin_in_the_shape_of_the_parameters():
    at = np.array([[3.0, 2.0], [1.0, 5.0]])
    (s, _) = opt.rmsprop(0.1, epsilon_inside=True, initial=0.5).init(at)
    assert s.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    step, *moments, _ = opt.adam(0.1).init(at)
    assert step == 0
    assert [one.tolist() for one in moments] == [[[0, 0], [0, 0]]] * 4

    assert opt.heavy_ball(0.1, 0.9, rate="inside").init(at).velocity.tolist() == [[0, 0], [0, 0]]
    reached, velocity = opt.nesterov(0.1, 0.9).init(at)
    assert (reached.tolist(), velocity.tolist()) == (at.tolist(), [[0, 0], [0, 0]])


@pytest.mark.parametrize("optimizer", [opt.adam(), opt.adamw(decay=0)])
def test_adam_takes_steps_of_a_thousandth_if_nothing_is_said(optimizer):
    assert opt.replay(optimizer, [[5.0]], [1.0]).params[1, 0] == pytest.approx(0.999, abs=1e-9)


def test_adamw_hands_its_parameters_to_adam():
    gradients = [[1e-3], [2.0], [-0.5], [1e-4]]
    hyper = 0.1, 0.8, 0.95, 1e-2
    found, right = (
        opt.replay(one, gradients, [1.0]).params
        for one in (opt.adamw(*hyper, decay=0), opt.adam(*hyper))
    )
    np.testing.assert_array_equal(found, right)


def test_working_ranges_count_what_meets_the_target_and_what_is_infinite_does_not():
    losses = {"A": [np.inf, 1e-3, np.float64("inf"), 2e-3], "B": [1e-3] * 4}
    found = opt.working_ranges([1.0, 2.0, 4.0, 8.0], losses, 1e-3)
    assert found == {"A": 0.301, "B": 1.204}


def test_the_valley_is_a_hundred_times_as_steep_if_nothing_is_said():
    assert opt.rosenbrock().hessian([0.0, 0.0]).tolist() == [[2, 0], [0, 200]]


def test_a_newton_step_beyond_the_floats_is_named_and_warns_of_nothing():
    for slopes, bends in (
        ([1e308, 1e308], np.diag([1e-10, 1e-10])),
        ([1e308, 1e308], [[1.0, 1 - 1e-10], [1 - 1e-10, 1.0]]),
    ):
        with pytest.raises(opt.NonFiniteError, match="the point must stay finite"):
            opt.newton_raphson(lambda x, g=slopes: g, lambda x, H=bends: H, [1.0, 2.0], 1, 1e10)


LARGE = 1e308


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (opt.heavy_ball_matrix, (LARGE, LARGE, 0.5), "must be finite"),
        (opt.nesterov_matrix, (LARGE, LARGE, 0.5), "must be finite"),
        (opt.nesterov_matrix, (LARGE, LARGE, 0.0), "must be finite"),
        (opt.gradient_variation, (np.sign, [1.0], [-1.0]), None),
        (opt.gradient_variation, (lambda x: LARGE * x, [1.0], [-1.0]), "∇f"),
        (opt.gradient_variation, (np.sign, [LARGE], [-LARGE]), "x − y"),
        (
            opt.linearization_error,
            (lambda x: (LARGE * x).sum(-1), lambda x: 0 * x + LARGE, [1.0], [-1.0]),
            "the error must stay finite",
        ),
    ],
)
def test_what_is_out_of_range_warns_of_nothing(function, arguments, named):
    with pytest.raises(ValueError, match=named) if named else nullcontext():
        function(*arguments)


def test_the_variation_of_a_gradient_is_scaled_at_each_point():
    x = np.array([[1e-200], [1e200]])
    found = opt.gradient_variation(lambda x: 3 * x, x, 0 * x)
    np.testing.assert_allclose(found, [3, 3], rtol=1e-15)


def test_an_exact_gradient_of_parameters_that_are_floats_becomes_floats():
    path = opt.replay(opt.gradient_descent(0.5), [[Fraction(1, 3)]], [1.0]).params
    assert path.dtype == float
    assert path[1, 0] == pytest.approx(5 / 6, rel=1e-15, abs=0)


def test_a_state_of_no_dimension_is_an_array():
    path = opt.replay(opt.adam(Fraction(1, 10), 0, 0, 1), [Fraction(3)], Fraction(1))
    assert all(isinstance(part, np.ndarray) for part in path.states[1][1:5])


def test_a_loss_that_stays_does_not_rise():
    path = np.array([[1.0], [-1.0], [2.0], [2.0], [0.0]])
    assert opt.loss_rises(opt.quadratic([[1.0]]), path) == 1


def test_the_nearest_solution_out_of_range_is_named_and_warns_of_nothing():
    X, huge = [[1e200, -1e200, 0.0], [1e200, 1e200, 1.0]], [1e200, 1e200, 0.0]
    with pytest.raises(ValueError, match="t − X·start must stay finite"):
        opt.minimum_norm_solution(X, [1.0, 1.0], huge)


def test_the_four_optimizers_have_the_parameters_of_problem_c():
    gradients = np.array([[1e-4], [2.0], [-0.5], [1e-3]])
    expected = {
        "SGD": opt.gradient_descent(0.1),
        "momentum": opt.heavy_ball(0.1, 0.9, rate="inside"),
        "RMSProp": opt.rmsprop(0.1, 0.9, 1e-8, epsilon_inside=True),
        "Adam": opt.adam(0.1, 0.9, 0.99, 1e-8),
    }
    for name, optimizer in opt.four_optimizers(0.1).items():
        found, right = (
            opt.replay(one, gradients, [1.0]).params for one in (optimizer, expected[name])
        )
        np.testing.assert_array_equal(found, right)


def test_noise_has_the_seed_0_if_none_is_said():
    arguments = opt.quadratic([[1.0]]), [1.0], 3, [0.1], 0.5
    said, unsaid, other = (opt.final_losses(*arguments, *s)["SGD"] for s in ([0], [], [1]))
    assert said == unsaid != other


def test_runs_side_by_side_are_those_of_a_plain_loop():
    f, start, noise = (
        opt.quadratic([[1.0, 0.5], [0.5, 2.0]]),
        np.array([[1.0, 2], [3, 4], [0, 1]]),
        0.5,
    )
    rates, expected = [0.1, 0.3], []
    for rate in rates:
        rng, w = np.random.default_rng(4), start
        for _ in range(5):
            w = w - rate * (f.gradient(w) + rng.normal(0, noise, (3, 2)))
        expected.append(f.value(w).mean())
    found = opt.final_losses(f, start, 5, rates, noise, seed=4)["SGD"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_run_that_went_far_is_lost_though_its_loss_is_a_number():
    found = opt.final_losses(opt.quadratic([[1.0]]), [1.0], 25, [0.5, 1e3])["SGD"]
    assert found.tolist() == [0.5 * 0.25**25, np.inf]


def test_a_rate_that_is_lost_takes_no_other_with_it():
    steep = opt.Objective(
        value=lambda x: np.cosh(x).sum(axis=-1), gradient=np.sinh, hessian=lambda x: np.cosh(x)
    )
    rates = [0.1, 1e3, 0.2]
    together = opt.final_losses(steep, [1.0], 5, rates, noise=0.1, seed=3)["SGD"]
    alone = [opt.final_losses(steep, [1.0], 5, [r], noise=0.1, seed=3)["SGD"][0] for r in rates]
    assert together.tolist() == alone
    assert np.isfinite(together).tolist() == [True, False, True]


def test_scaled_numbers_beyond_the_floats_are_infinite_or_0_without_a_warning():
    with np.errstate(all="raise"):
        large, small = (arithmetic.Scaled(np.array([0.5]), np.array([e])) for e in (5000, -5000))
        assert arithmetic.plain(large) == np.inf
        assert arithmetic.plain(small) == 0


def test_the_root_of_an_exact_0_is_exact():
    assert type(arithmetic.root(opt.exact([0]))[0]) is Fraction


def test_a_state_shows_moments_that_no_float_holds_as_infinite_and_goes_on():
    path = opt.replay(opt.adam(0.1), [[1e200], [1.0]], [1.0])
    assert path.states[1].v[0] == np.inf
    assert path.states[1].m_hat[0] == pytest.approx(1e200)
    assert np.isfinite(path.params).all()


@law
@given(seeds)
def test_scaled_numbers_round_as_floats_do(seed):
    a, b = np.random.default_rng(seed).normal(size=(2, 20))
    x, y = arithmetic.to_scaled(a), arithmetic.to_scaled(b)
    for ours, floats in [
        (x + y, a + b),
        (0.3 * x, 0.3 * a),
        (x / y, a / b),
        (x / 0.7, a / 0.7),
        (x**2, a**2),
        (arithmetic.root(y**2 + x**2), np.sqrt(b**2 + a**2)),
    ]:
        assert np.array_equal(arithmetic.plain(ours), floats)


def test_exact_parameters_stay_exact_in_any_shape():
    hyper = [Fraction(1, 10), Fraction(9, 10), Fraction(99, 100), 0]
    for optimizer in (opt.adam(*hyper), opt.rmsprop(hyper[0], hyper[1], 0, epsilon_inside=True)):
        alone = opt.replay(optimizer, [Fraction(1, 3)] * 2, Fraction(1)).params
        among = opt.replay(optimizer, [[[Fraction(1, 3)]]] * 2, [[Fraction(1)]]).params
        assert alone.tolist() == among.ravel().tolist()
    path = opt.replay(opt.adam(*hyper), [Fraction(1, 3)] * 2, Fraction(1))
    assert path.params.tolist() == [1, Fraction(9, 10), Fraction(4, 5)]
    assert all(state.m_hat.shape == () for state in path.states)


def test_a_numpy_scalar_is_no_exact_number():
    with pytest.raises(TypeError, match=r"exact hyperparameters, got the float 0\.5"):
        opt.replay(opt.gradient_descent(np.float32(0.5)), [[Fraction(1, 3)]], [Fraction(1)])
    with pytest.raises(TypeError, match="exact parameters need an exact gradient"):
        opt.replay(opt.gradient_descent(Fraction(1, 2)), [[0.5]], [Fraction(1)])
    exactly = opt.gradient_descent(Fraction(1, 2))
    assert opt.replay(exactly, [[Fraction(1, 3)]], [Fraction(1)]).params[-1, 0] == Fraction(5, 6)


def test_newton_is_exact_from_many_starts():
    f = opt.quadratic(exact([[2, 1], [1, 3]]), exact([1, 0]))
    points = opt.newton_raphson(f.gradient, f.hessian, exact([[1, 2], [3, 4]]), 1)
    assert points[-1].tolist() == [[Fraction(3, 5), Fraction(-1, 5)]] * 2


def test_integers_do_not_wrap_around():
    wells, big = opt.two_wells(), 10**5
    assert wells.value([big, 0]) == pytest.approx(
        big**4 + 4 * big**3 + 3 * big**2, rel=1e-15, abs=0
    )
    small = np.array([100, 3], dtype=np.int8)
    np.testing.assert_array_equal(wells.gradient(small), wells.gradient([100.0, 3.0]))
    np.testing.assert_array_equal(wells.hessian(small), wells.hessian([100.0, 3.0]))
    f = opt.rosenbrock(Fraction(100))
    assert f.value(exact([big, 0])) == (1 - big) ** 2 + 100 * Fraction(big) ** 4


def test_momentum_never_sees_the_decay():
    zeros, eta, beta, lam = [[Fraction(0)]] * 3, Fraction(1, 10), Fraction(9, 10), Fraction(1, 10)
    for optimizer in (
        opt.gradient_descent(eta),
        opt.nesterov(eta, beta),
        opt.heavy_ball(eta, beta, rate="inside"),
        opt.heavy_ball(eta, beta, rate="outside"),
        opt.rmsprop(eta, beta, Fraction(1, 100), epsilon_inside=False),
        opt.adam(eta, beta, beta, Fraction(1, 100)),
    ):
        path = opt.replay(opt.weight_decay(optimizer, lam), zeros, exact([1])).params.ravel()
        assert path.tolist() == [beta**t for t in range(4)]


def test_a_gradient_function_may_overwrite_its_argument():
    start, f = np.ones(2), opt.quadratic(np.eye(2))

    def overwriting(w):
        w *= 2
        return w / 2

    for optimizer in OPTIMIZERS.values():
        given = opt.run(optimizer, overwriting, start, 4).params
        np.testing.assert_array_equal(given, opt.run(optimizer, f.gradient, start, 4).params)
    newton = opt.newton_raphson(overwriting, f.hessian, start, 1)
    np.testing.assert_array_equal(newton[-1], [0, 0])
    assert start.tolist() == [1, 1]
    A = np.eye(2)
    f = opt.quadratic(A)
    f.hessian([0.0, 0.0])[:] = 5
    A[:] = 7
    assert f.hessian([0.0, 0.0]).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: opt.run(opt.gradient_descent(1e200), lambda w: w, [1.0], 3),
            "parameters must stay finite, got .* after step 2",
        ),
        (
            lambda: opt.run(opt.adam(0.1), lambda w: w + (np.nan if w < 0.85 else 0), [1.0], 9),
            "gradient must stay finite, got .* at step 3",
        ),
        (
            lambda: opt.newton_raphson(lambda w: np.nan * w, lambda w: np.eye(1), [1.0], 2),
            "gradient must stay finite, got .* at step 1",
        ),
        (
            lambda: opt.newton_raphson(lambda w: w, lambda w: np.inf * np.eye(1), [1.0], 2),
            "hessian must stay finite, got .* at step 1",
        ),
        (
            lambda: opt.newton_raphson(
                lambda w: 0 * w + 1e300, lambda w: 1e-10 * np.eye(1), [1.0], 2
            ),
            "the point must stay finite, got .* after step 1",
        ),
    ],
)
def test_a_run_that_leaves_the_floats_names_the_step(call, message):
    with pytest.raises(opt.NonFiniteError, match=message):
        call()


def test_symmetry_is_asked_for_up_to_rounding():
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    for scale in (1e-200, 1.0, 1e200):
        A = Q @ np.diag([1.0, 2.0, 3.0]) @ Q.T * scale
        A[0, 1] = np.nextafter(A[1, 0], np.inf)  # as a product may round, on some machine
        assert (A != A.T).any()
        assert opt.classify(A) == "minimum"
        np.testing.assert_allclose(opt.quadratic(A).hessian(np.zeros(3)), A, rtol=1e-13)
        with pytest.raises(ValueError, match="must be symmetric"):
            opt.quadratic(A + 1e-9 * scale * np.eye(3, k=1))
        with pytest.raises(ValueError, match="must be symmetric"):
            opt.classify(A + 1e-9 * scale * np.eye(3, k=1))


x, y, z = sympy.symbols("x y z")


@pytest.mark.parametrize(
    ("f", "variables", "expected"),
    [
        (x**4 - 6 * x**2 + 4 * x, [x], [[-1.8793852], [0.3472964], [1.5320889]]),
        (x**6 / 6 - x**2 / 2 + x, [x], [[-1.1673040]]),
        (x**3 + x, [x], []),
        (x + y**2, [x, y], []),
        # Two coordinates that no other one tells apart, so the solutions need x + y
        ((x**2 - 2) ** 2 + (y**2 - 2) ** 2, [x, y], sorted(
            [a, b] for a in (-(2**0.5), 0, 2**0.5) for b in (-(2**0.5), 0, 2**0.5)
        )),
        (
            x * y * z + x**2 + y**2 - z**3 + z,
            [x, y, z],
            [[-(11**0.5)] * 2 + [-2], [0, 0, -(3**-0.5)], [0, 0, 3**-0.5], [11**0.5] * 2 + [-2]],
        ),
    ],
)  # fmt: skip
def test_every_real_critical_point_is_found(f, variables, expected):
    points = opt.critical_points(f, variables)
    np.testing.assert_allclose(
        np.array([[float(c) for c in point] for point in points]).reshape(
            len(expected), len(variables)
        ),
        np.array(expected).reshape(len(expected), len(variables)),
        atol=1e-6,
    )
    for point in points:
        at = dict(zip(variables, (c.evalf(60) for c in point), strict=True))
        assert all(abs(sympy.diff(f, v).subs(at)) < 1e-45 for v in variables)


@pytest.mark.parametrize(
    ("f", "variables", "message"),
    [
        ((x - y) ** 2, [x, y], "must be finitely many"),
        (x**2, [x, y], "must be finitely many"),
        (sympy.Integer(3), [x], "must be finitely many"),
        ((x**2 + y**2 - 1) ** 2, [x, y], "must be finitely many"),
        (sympy.sqrt(2) * x**2, [x], "rational coefficients"),
        (y * x**2, [x], "rational coefficients"),
        (x**2, [], "must be a polynomial in"),
    ],
)
def test_critical_points_that_cannot_be_listed(f, variables, message):
    with pytest.raises(ValueError, match=message):
        opt.critical_points(f, variables)


@pytest.mark.parametrize("scale", [1e-200, 1e-170, 1.0, 1e170, 1e200])
def test_analysis_does_not_see_the_scale(scale):
    f = opt.quadratic(np.diag([3.0, 1.0]))
    ratio = opt.gradient_variation(f.gradient, [scale, 0.0], [0.0, 0.0])
    assert ratio == pytest.approx(3, rel=1e-14, abs=0)
    X, t = np.array([[2.0, 1.0, 0.0], [1.0, 0.0, 3.0]]), np.array([1.0, 2.0])
    scaled = opt.minimum_norm_solution(X * [[scale], [1 / scale]], t * [scale, 1 / scale])
    np.testing.assert_allclose(scaled, opt.minimum_norm_solution(X, t), rtol=1e-13)
    for tune in (opt.tune_gradient_descent, opt.tune_heavy_ball, opt.tune_nesterov):
        a, b = tune(1.0, 9.0), tune(scale, 9 * scale)
        assert b == pytest.approx((a[0] / scale, *a[1:]), rel=1e-13, abs=0)
    assert opt.heavy_ball_factor(1.0, 1e200, 0.5) == pytest.approx(1e200)
    assert opt.tune_gradient_descent(1e-200, 1e200).factor == 1
    close = opt.tune_nesterov(1.0, 1.0 + 2**-40)
    assert close.factor == pytest.approx(2**-41, rel=1e-12, abs=0)


def test_bias_correction_does_not_cancel():
    for below in (1e-3, 1e-9, 1e-12):  # the power of β in 1 − βᵗ is rounded, by up to 1e-4 of it
        optimizer = opt.adam(0.1, 1 - below, 1 - below)
        path = opt.replay(optimizer, [[3.0]] * 7, [1.0])
        for state in path.states[1:]:
            assert state.m_hat[0] == pytest.approx(3, rel=1e-15, abs=0)
            assert state.v_hat[0] == pytest.approx(9, rel=1e-15, abs=0)


def test_fractions_beside_floats_are_floats():
    half, third = Fraction(1, 2), Fraction(1, 3)
    for f, x in (
        (opt.quadratic([[half]], [1.0]), [0.5]),
        (opt.quadratic([[half]], [1.0]), [half]),
        (opt.quadratic([[half]]), [0.5]),
        (opt.least_squares([[half]], [1.0]), [half]),
        (opt.rosenbrock(half), [0.5, 0.25]),
        (opt.rosenbrock(0.5), [half, third]),
        (opt.ripples(), [half, third]),
    ):
        for result in (f.value(x), f.gradient(x), f.hessian(x)):
            assert np.asarray(result).dtype == float
    assert opt.ripples().value([Fraction(0), half]) == -8
    assert opt.minimum_norm_solution([[third]], [0.5]).dtype == float
    assert opt.minimum_norm_solution([[half]], [1], [third]).tolist() == [2.0]


def test_matrices_of_updates_are_exact_or_floats():
    for matrix in (opt.heavy_ball_matrix, opt.nesterov_matrix):
        exactly = matrix(3, 1, 0)
        assert all(type(x) is Fraction for x in exactly.flat)
        assert np.linalg.matrix_power(exactly, 101)[0, 0] == -(2**101)  # int64 would wrap
        assert matrix(Fraction(1, 2), 0.5, Fraction(1, 4)).dtype == float


def test_the_smallest_and_largest_floats():
    tiny, big = 5e-324, 1.7e308
    assert opt.classify([[big, big / 2], [big / 2, big]]) == "minimum"
    assert opt.spectral_radius([[tiny, 0], [0, tiny]]) == tiny
    assert opt.tune_gradient_descent(1e-308, 3e-308).factor == pytest.approx(0.5)
    assert opt.two_wells().value([10**5, 0]) == 100_004_000_030_000_000_000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: opt.two_wells().value([-1e120, 0]), "the value must stay finite, got nan"),
        (lambda: opt.two_wells().gradient([1e120, 0]), "gradient must stay finite"),
        (lambda: opt.rosenbrock().hessian([1e200, 0]), "hessian must stay finite"),
        (lambda: opt.loss_rises(opt.two_wells(), [[1e200, 0], [-1e120, 0]]), "must stay finite"),
        (lambda: opt.heavy_ball_matrix(1e200, 1e200, 0), "the matrix must be finite"),
        (lambda: opt.heavy_ball_factor(1e200, 1e200, 0), "1 \\+ β − ηh must stay finite"),
        (lambda: opt.spectral_radius(np.full((2, 2), 1.7e308)), "spectral radius must be finite"),
        (lambda: opt.tune_gradient_descent(5e-324, 5e-324), "the learning_rate must be finite"),
        (lambda: opt.gradient_variation(np.negative, [1e308], [-1e308]), "x − y must be finite"),
        (lambda: opt.minimum_norm_solution([[1e200]], [1], [1e200]), "t − X·start must stay"),
        (
            lambda: opt.linearization_error(lambda x: (x**4).sum(-1), np.negative, [1e90], [0.0]),
            "the error must stay finite",
        ),
        (
            lambda: opt.replay(opt.l2_penalty(opt.gradient_descent(1.0), 1e300), [[1.0]], [1e300]),
            "gradient must be finite",
        ),
        (
            lambda: opt.run(opt.gradient_descent(Fraction(10**400)), np.negative, [1.0], 1),
            "must fit a float",
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_results_out_of_range_are_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: opt.replay(opt.adam(), None, [1.0]), "gradients must be a sequence, got None"),
        (lambda: opt.replay(opt.adam(), np.array(1.0), [1.0]), "gradients must be a sequence"),
        (lambda: opt.replay(opt.adam(), np.ma.ones(1), 1.0), "gradients must not be masked"),
        (lambda: opt.replay(opt.adam(), [[1.0, [2.0]]], [1.0]), "gradient must be an array"),
        (lambda: opt.working_ranges([1, 2], {"A": [1, "1"]}, 1), "losses must be a real number"),
        (lambda: opt.working_ranges([1, 2], {"A": [1, np.nan]}, 1), "losses must be finite"),
        (lambda: opt.working_ranges([2, 1], {"A": [1, 1]}, 1), "rates must ascend evenly"),
        (lambda: opt.working_ranges([1, 2, 3], {"A": [1, 1, 1]}, 1), "rates must ascend evenly"),
        (lambda: opt.loss_rises(opt.two_wells(), [1.0, 1.0]), "path must have shape"),
        (lambda: opt.loss_rises(opt.two_wells(), [[1j, 1.0]]), "path must be real numbers"),
        (lambda: opt.critical_points("x**2", [x]), "f must be an expression of SymPy, got 'x"),
        (lambda: opt.critical_points(None, [x]), "f must be an expression of SymPy, got None"),
        (lambda: opt.heavy_ball_factor([1, 2], [1, 2, 3], 0), "must have shapes that broadcast"),
        (
            lambda: opt.linearization_error(np.sum, lambda p: p[:1], [1.0, 2.0], [0.0, 0.0]),
            r"gradient must return shape \(2,\), got \(1,\)",
        ),
        (
            lambda: opt.gradient_variation(lambda p: p[:1], [1.0, 2.0], [0.0, 0.0]),
            r"gradient must return shape \(2,\), got \(1,\)",
        ),
        (lambda: opt.gradient_descent(np.array([0.1, 0.2])), "learning_rate must be a real number"),
        (lambda: opt.adam(True), "learning_rate must be a real number"),
        (lambda: opt.run(opt.adam(), 3, [1.0], 1), "gradient must be a function"),
        (
            lambda: opt.replay(opt.adam(), [np.ma.ones(2)], [1.0, 1.0]),
            "gradient must not be masked",
        ),
        (lambda: opt.least_squares(np.ma.ones((2, 2)), [1.0, 1.0]), "X must not be masked"),
        (lambda: opt.two_wells().value(np.ma.ones(2)), "the point must not be masked"),
        (lambda: exact(np.ma.ones(2)), "values must not be masked"),
        (lambda: opt.newton_raphson(np.negative, np.eye, 1.0, 1), "start must have shape"),
        (
            lambda: opt.newton_raphson(lambda w: np.ones(3), lambda w: np.eye(2), [1.0, 1.0], 1),
            "gradient must return shape",
        ),
        (lambda: exact([0.5, np.nan]), "values must be finite rational numbers, got nan"),
        (lambda: opt.working_ranges([0, 1], {"SGD": [1, 1]}, 1), "rates must be positive"),
        (lambda: opt.final_losses(opt.two_wells(), [1, 1], 1, [0.1], seed=0.5), "seed must be an"),
    ],
)
def test_what_is_looked_at(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


# -- figures -----------------------------------------------------------------------------------


def test_the_figures_draw_without_a_warning():
    points = np.array([[0.13087, 4.26836], [-2.59019, -0.88825]])
    run = np.linspace([0.0, 0.0], [0.8, 0.4], 12)
    drawn = [
        figures.parabolas(),
        figures.two_wells_paths(0.02),
        figures.newton_map(points, ["minimum", "saddle point"], size=12),
        figures.newton_discs(np.repeat(points, 3, axis=0), ["minimum"] * 6, [0.5] * 6),
        figures.heavy_ball_explorer(0.3, 0.0),
        figures.usable_rates(10, 0.1),
        figures.moments(),
        figures.two_limits(run, run),
        figures.residuals(np.array([1.0, 0.1, 0.0]), np.array([1.0, 0.1, 0.01])),
        figures.steps_per_digit(),
        figures.four_paths(0.1),
        figures.widest_ranges({(10, 300, 1e-2): {"SGD": 1.0, "momentum": 2.5, "Adam": 2.5}}),
    ]
    for figure in drawn:
        figure.canvas.draw()
        assert figure.axes[0].get_xlabel()
        figures.plt.close(figure)


# -- the package's layout ----------------------------------------------------------------------

PACKAGE = Path(opt.__file__).parent
CHAPTER = inputs.ROOT / "chapters" / "02_optimization.ipynb"
LABEL = r"ch2-[a-z]+(?:-[a-z]+)*"


def contents():
    """The labels of equations beside each module in the package's docstring."""
    parts = re.split(r":mod:`~byhand\.optimization\.(\w+)`", opt.__doc__)
    return {
        name: set(re.findall(LABEL, text))
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_the_package_says_where_each_equation_is():
    modules = {path.stem: path.read_text("utf-8") for path in PACKAGE.glob("[a-z]*.py")}
    named = {name: set(re.findall(rf"Equation ({LABEL})", text)) for name, text in modules.items()}
    assert contents() == named
    labels = set(re.findall(rf"\(({LABEL})\)", CHAPTER.read_text("utf-8")))
    assert set().union(*named.values()) <= labels
    told = [label for found in named.values() for label in found]
    assert len(told) == len(set(told)) > 10


# -- what a planted fault survived ---------------------------------------------------------------


@pytest.mark.parametrize("made", [opt.adam, lambda: opt.adamw(decay=0.0)], ids=["adam", "adamw"])
def test_adam_starts_with_steps_of_a_thousandth(made):
    optimizer = made()
    step, _ = optimizer.update(np.array([2.0, -3.0]), optimizer.init(np.ones(2)), np.ones(2))
    assert step == pytest.approx([0.999, 1.001], rel=1e-9, abs=0)


def test_the_ripples_take_exact_points_as_floats():
    point, near = [[Fraction(1, 2), 3], [1, Fraction(1, 4)]], [[0.5, 3.0], [1.0, 0.25]]
    for name in ("value", "gradient", "hessian"):
        formula = getattr(opt.ripples(), name)
        assert np.array_equal(formula(point), formula(near))


@pytest.mark.parametrize("smallest", [[1, -0.25], [0.25, -1]])
def test_an_eigenvalue_on_the_tolerance_counts_as_zero(smallest):
    assert opt.classify(np.diag(smallest), tolerance=0.25) == "undecided"
    assert opt.classify(np.diag(smallest), tolerance=0.24) == "saddle point"


def test_a_start_whose_residual_leaves_the_floats_is_named_and_warns_of_nothing():
    with pytest.raises(ValueError, match=re.escape("t − X·start")):
        opt.minimum_norm_solution([[1e308, 1e308]], [0.0], start=[10.0, -10.0])


def test_a_spectral_radius_beyond_the_floats_is_named_and_warns_of_nothing():
    with pytest.raises(ValueError, match="spectral radius"):
        opt.spectral_radius([[1.5e308, -1.5e308], [1.5e308, 1.5e308]])
