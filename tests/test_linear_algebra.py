"""Chapter 1: the derivative checkers, the formulas that they check, and power iteration."""

import inspect
import tracemalloc
from fractions import Fraction

import autograd
import autograd.numpy as anp
import matplotlib.pyplot as plt
import mpmath
import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand._checks import NonFiniteError
from byhand.backpropagation import jacobian
from byhand.evidence.comparing import Tolerance, compare
from byhand.linear_algebra import (
    central_difference,
    complex_step,
    contraction_coefficient,
    figures,
    implicit_jacobian,
    implicit_vjp,
    inverse_derivative,
    power_iteration,
    symbolic_jacobian,
)

laws = settings(derandomize=True, deadline=None, max_examples=30)
seeds = st.integers(0, 2**32 - 1)
lengths = st.sampled_from([1, 2, 3, 5, 7])
CHECKERS = [central_difference, complex_step]
FUNCTIONS = {
    "exp": (np.exp, mpmath.exp),
    "sin": (np.sin, mpmath.sin),
    "log(2 + x^2)": (lambda x: np.log(2 + x * x), lambda x: mpmath.log(2 + x * x)),
    "1/(1 + x^2)": (lambda x: 1 / (1 + x * x), lambda x: 1 / (1 + x * x)),
    "x^3 - x": (lambda x: x**3 - x, lambda x: x**3 - x),
}


def rng_of(seed):
    return np.random.default_rng(seed)


def well_conditioned(rng, n):
    """Return a matrix whose eigenvalues stay away from zero, unsymmetric."""
    return rng.normal(size=(n, n)) / np.sqrt(n) + 4 * np.eye(n)


def stochastic(rng, n):
    return rng.dirichlet(np.full(n, 0.5), size=n)


# -- numerical derivatives ---------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("x", [-1.3, 0.0, 0.4, 3.0, 40.0])
def test_scalar_derivatives_against_mpmath(name, x):
    f, precise = FUNCTIONS[name]
    with mpmath.workdps(40):
        expected = float(mpmath.diff(precise, mpmath.mpf(x)))
    assert complex_step(f, x) == pytest.approx(expected, rel=1e-13, abs=1e-16)
    # The functions vary over a length of 1 wherever x is, so the step must not grow with x.
    h = None if abs(x) < 5 else 1e-5
    scale = max(abs(f(x)), abs(expected), 1e-3)
    assert central_difference(f, x, h) == pytest.approx(expected, abs=1e-8 * scale)


@laws
@given(seed=seeds, m=lengths, n=lengths, p=lengths)
def test_jacobians_of_arrays_against_autograd(seed, m, n, p):
    rng = rng_of(seed)
    A, x = rng.normal(size=(m, n)), rng.normal(size=(n, p))
    expected = autograd.jacobian(lambda x: anp.dot(A, anp.tanh(x)) ** 2)(x)
    assert expected.shape == (m, p, n, p)
    for checker, rtol in zip(CHECKERS, (1e-7, 1e-12), strict=True):
        found = checker(lambda x: (A @ np.tanh(x)) ** 2, x)
        assert found.shape == (m, p, n, p)
        np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * (1 + abs(expected).max()))


def test_central_difference_agrees_with_scipy():
    x = np.array([0.3, -1.2, 2.0])
    f = scipy.optimize.rosen
    expected = scipy.optimize.rosen_der(x)
    forward = scipy.optimize.approx_fprime(x, f)
    found = central_difference(f, x)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    assert abs(found - expected).max() < abs(forward - expected).max() / 100


@pytest.mark.parametrize("checker", CHECKERS)
def test_shapes_follow_the_numerator_layout(checker):
    x = np.linspace(0.1, 0.6, 6).reshape(2, 3)
    assert np.shape(checker(np.exp, 2.0)) == ()
    assert checker(lambda x: (x * x).sum(), x).shape == (2, 3)
    assert checker(lambda t: x * t, 1.5).shape == (2, 3)
    assert checker(lambda x: np.outer(x, x[0] ** 2), x[:, 0]).shape == (2, 1, 2)
    assert checker(lambda x: x.sum(axis=0), x).shape == (3, 2, 3)
    assert checker(lambda x: x[0] * x[1], [1, 2]).shape == (2,)


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_function_may_write_into_its_argument(checker):
    def destructive(x):
        x *= x
        return x.sum()

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(checker(destructive, x), [2, 4, 6], rtol=1e-9)
    np.testing.assert_array_equal(x, [1, 2, 3])


@pytest.mark.parametrize(("checker", "per_entry"), [(central_difference, 2), (complex_step, 1)])
def test_number_of_evaluations(checker, per_entry):
    calls = []
    checker(lambda x: calls.append(x) or np.outer(x, x), np.ones(7))
    assert len(calls) == 7 * per_entry


@laws
@given(seed=seeds, h=st.floats(1e-3, 1.0))
def test_central_difference_is_exact_for_quadratics_and_off_by_h_squared_for_cubics(seed, h):
    a, b, c, x = rng_of(seed).normal(size=4)
    quadratic = central_difference(lambda x: a * x**2 + b * x + c, x, h)
    assert quadratic == pytest.approx(2 * a * x + b, abs=1e-11)
    assert central_difference(lambda x: x**3, x, h) - 3 * x**2 == pytest.approx(h**2, abs=1e-11)


def test_complex_step_is_off_by_minus_h_squared_for_cubics():
    assert complex_step(lambda x: x**3, 2.0, 0.1) - 12 == pytest.approx(-0.01, abs=1e-14)


def test_a_one_sided_difference_would_fail_the_test_of_order():
    def forward(f, x, h):
        return (f(x + h) - f(x)) / h

    assert abs(forward(lambda x: x**3, 1.0, 1e-3) - 3 - 1e-6) > 1e-3


@pytest.mark.parametrize("x", [1e-8, 1.0, 1e8, -1e12])
def test_the_default_step_scales_with_x(x):
    assert central_difference(lambda t: t * t, x) == pytest.approx(2 * x, rel=1e-7, abs=1e-10)


def test_the_default_step_beats_steps_much_longer_and_much_shorter_ones():
    def error(h):
        points = np.linspace(0.5, 2.5, 41)
        return np.median([abs(central_difference(np.exp, x, h) / np.exp(x) - 1) for x in points])

    default = error(None)
    assert default < 1e-10
    assert error(9e-3) > 1000 * default
    assert error(9e-10) > 100 * default


def test_complex_step_error_is_flat():
    errors = [abs(complex_step(np.exp, 1.0, 10.0**-k) / np.e - 1) for k in range(9, 300, 10)]
    assert max(errors) < 4e-16


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros((0, 3)), ValueError, r"at least one entry, got shape \(0, 3\)"),
        (np.array([1.0, np.nan]), ValueError, "x must be finite, got"),
        (np.inf, ValueError, "x must be finite"),
        (1 + 1j, TypeError, "x must be a real number or array, got complex128"),
        ("one", TypeError, "x must be a real number or array"),
        (np.array([True]), TypeError, "got bool"),
        (np.array([Fraction(1, 2)], dtype=object), TypeError, "got object"),
    ],
)
def test_bad_points(checker, x, error, message):
    with pytest.raises(error, match=message):
        checker(np.sin, x)


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("h", [0, -1e-3, np.nan, np.inf])
def test_bad_steps(checker, h):
    with pytest.raises(ValueError, match="step h must be positive and finite, got"):
        checker(np.sin, 1.0, h)


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("h", [1j, [1e-3, 1e-3], True, "1"])
def test_steps_that_are_no_numbers(checker, h):
    with pytest.raises(TypeError, match="step h must be a real number, got"):
        checker(np.sin, 1.0, h)


def test_a_step_lost_in_rounding():
    with pytest.raises(ValueError, match="lost in rounding"):
        central_difference(np.sin, np.array([1.0, 1e9]), 1e-8)


def test_bad_values():
    with pytest.raises(ValueError, match="f must be finite near x"):
        central_difference(lambda x: np.where(x > 1, np.inf, x), 1.0)
    with pytest.raises(ValueError, match="f must be finite near x"):
        complex_step(lambda x: x * np.nan, 1.0)
    with pytest.raises(TypeError, match="f must return real values, got complex128"):
        central_difference(lambda x: x + 0j, 1.0)
    with pytest.raises(TypeError, match="f must return numbers"):
        central_difference(lambda x: None, 1.0)
    with pytest.raises(TypeError, match="drops the imaginary part"):
        complex_step(lambda x: np.linalg.norm(x), np.ones(3))
    with pytest.raises(ValueError, match=r"keep its shape near x, got \(2,\) and \(1,\)"):
        central_difference(lambda x: np.ones(2 if x > 1 else 1), 1.0)
    with pytest.raises(ValueError, match="keep its shape near x"):
        complex_step(lambda x: x[: 1 + (x[0].imag > 0)], np.ones(3))


def test_the_imaginary_step_is_short_beside_small_entries():
    steps = []
    complex_step(
        lambda x: steps.append(x.imag.max()) or 1 + x.sum(), [0.5, -1e-10, 1e-11, 0.0, -1e-305]
    )
    assert steps == pytest.approx([1e-20, 1e-20, 1e-21, 1e-20, 1e-308], rel=1e-12, abs=0)
    assert complex_step(np.sqrt, 1e-30) == pytest.approx(5e14, rel=1e-12, abs=0)


@pytest.mark.parametrize("f", [np.log, np.sqrt, lambda x: x**0.3])
def test_a_branch_cut_is_seen_by_the_imaginary_part_that_does_not_grow(f):
    with pytest.raises(
        ValueError, match=r"f must be analytic at x, and real for real x, got .*2e-20i"
    ):
        complex_step(f, -2.0)


def test_an_imaginary_part_that_grows_out_of_proportion_is_no_branch_cut_where_the_step_is_long():
    found = complex_step(lambda x: (x - 1) + (x - 1) ** 3, 1.0, 0.1)
    assert found == pytest.approx(1 - 0.1**2, rel=1e-14, abs=0)


def test_differences_and_derivatives_beyond_the_range_of_floats():
    wide = central_difference(lambda x: 1.5e307 * x, 0.0, 10)
    assert wide == pytest.approx(
        1.5e307, rel=1e-15, abs=0
    )  # where the difference itself is too large
    with pytest.raises(NonFiniteError, match="the difference quotient of f must be finite"):
        central_difference(lambda x: 1e308 * np.sign(x), 0.0, 1e-3)
    with pytest.raises(NonFiniteError, match="the derivative must fit a float, got inf"):
        complex_step(lambda x: (x * 1e160) * 1e160, 0.0)
    with pytest.raises(ValueError, match="x must stay in the range of floats by h = "):
        central_difference(np.tanh, 1.7e308, 1e308)


def test_what_the_complex_step_cannot_see():
    """Documented: a part of f that is not analytic counts as a constant."""
    assert complex_step(lambda x: x * np.abs(x), 3.0) == pytest.approx(3.0)
    assert central_difference(lambda x: x * np.abs(x), 3.0) == pytest.approx(6.0)


# -- SymPy, and all routes ---------------------------------------------------------------------


def test_symbolic_jacobian_is_exact():
    x = np.array([[1, 2, 3], [4, 5, 7]])
    found = symbolic_jacobian(lambda x: x @ x.T / (1 + x[0, 0]), x)
    assert found.shape == (2, 2, 2, 3)
    # d/dx00 of (x00² + x01² + x02²)/(1 + x00) at 1, 2, 3
    assert found[0, 0, 0, 0] == sp.Rational(2, 2) - sp.Rational(14, 4)
    assert found[1, 1, 0, 1] == 0


def test_symbolic_jacobian_at_symbols_is_the_formula():
    x0, x1, u = sp.symbols("x0 x1 u", real=True)
    found = symbolic_jacobian(lambda x: np.stack([x[0] * x[1], u * x[0]]), np.array([x1, x0]))
    assert found.tolist() == [[x0, x1], [u, 0]]  # the names of the symbols do not matter
    assert symbolic_jacobian(lambda x: u * x, 2) == u


def test_symbolic_jacobian_keeps_fractions_and_takes_numbers():
    assert symbolic_jacobian(lambda x: x**2, Fraction(1, 3)) == sp.Rational(2, 3)
    assert symbolic_jacobian(sp.exp, 0.0) == 1.0
    with pytest.raises(ValueError, match="x must not be empty"):
        symbolic_jacobian(lambda x: x, [])


def test_symbolic_jacobian_knows_that_its_symbols_are_real():
    assert symbolic_jacobian(sp.Abs, -3) == -1


@pytest.mark.parametrize(("f", "x"), [(sp.sqrt, 0), (sp.sqrt, -1), (sp.log, 0)])
def test_symbolic_jacobian_refuses_what_is_no_finite_real_number(f, x):
    with pytest.raises(
        NonFiniteError, match=f"f must have a finite real derivative at x = {x}, got"
    ):
        symbolic_jacobian(f, x)


def test_symbolic_jacobian_reads_no_words():
    with pytest.raises(TypeError, match="f must return expressions or numbers, got 'x'"):
        symbolic_jacobian(lambda x: "x", 1)


def test_symbolic_jacobian_of_nothing_is_exact_too():
    found = symbolic_jacobian(lambda x: x[:0], np.array([1, 2]))
    assert found.shape == (0, 2)
    assert found.dtype == object


def derivative_routes(f, x):
    """Return the Jacobian by SymPy, differences, complex step and reverse mode."""
    return {
        "symbolic": symbolic_jacobian(f, x),
        "central_difference": central_difference(f, x),
        "complex_step": complex_step(f, x),
        "reverse_mode": jacobian(f)(x),
    }


@laws
@given(seed=seeds, m=lengths, n=lengths)
def test_all_routes_agree(seed, m, n):
    rng = rng_of(seed)
    A, x = rng.normal(size=(m, n)), rng.normal(size=n)
    routes = derivative_routes(lambda x: (A @ x) / (2 + x @ x), x)
    expected = A / (2 + x @ x) - np.outer(A @ x, 2 * x) / (2 + x @ x) ** 2
    assert len(routes) == 4
    for route in routes.values():
        np.testing.assert_allclose(route, expected, rtol=0, atol=1e-9)


def disagreeing(value, routes):
    """Return the names of the routes that do not come to a value."""
    return [
        name
        for name, other in routes.items()
        if not compare(value, other, Tolerance(rtol=1e-9)).agree
    ]


FAULTS = {
    "sign": lambda A, x, y: -y @ A,
    "transposed": lambda A, x, y: A @ x,
    "column": lambda A, x, y: (y @ A)[:, None],
    "factor": lambda A, x, y: 2 * y @ A,
    "one entry": lambda A, x, y: y @ A + 1e-6 * np.eye(3)[0],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_routes_catch_planted_faults(fault):
    rng = rng_of(0)
    A, x, y = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=2)
    routes = derivative_routes(lambda x: y @ A @ x, x)
    assert disagreeing(y @ A, routes) == []
    assert disagreeing(FAULTS[fault](A, x, y), routes) == list(routes)


def test_a_program_that_is_not_analytic_is_caught_by_the_other_routes():
    x = np.array([1.0, 2.0, 3.0])
    by_step = complex_step(lambda x: x.conj() @ x + x[0], x)
    others = {"differences": central_difference(lambda x: x.conj() @ x + x[0], x)}
    assert disagreeing(by_step, others) == ["differences"]


# -- the identities of B1.1 and B1.2 -----------------------------------------------------------


@laws
@given(seed=seeds, n=lengths)
def test_the_jacobian_of_a_gradient_is_the_symmetric_hessian(seed, n):
    rng = rng_of(seed)
    Q, x = rng.normal(size=(n, n)), rng.normal(size=n)
    psi = lambda x: anp.sum(anp.sin(anp.dot(Q, x)))  # noqa: E731 -- as in the text
    J = complex_step(lambda x: Q.T @ np.cos(Q @ x), x)
    np.testing.assert_allclose(J, autograd.hessian(psi)(x), rtol=0, atol=1e-10)
    np.testing.assert_allclose(J, J.T, rtol=0, atol=1e-12)


@laws
@given(seed=seeds, n=lengths)
def test_inverse_derivative_against_the_complex_step(seed, n):
    rng = rng_of(seed)
    A, dA = well_conditioned(rng, n), rng.normal(size=(n, n))
    found = inverse_derivative(A, dA)
    expected = complex_step(lambda t: np.linalg.inv(A + t * dA), 0.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    symmetric = inverse_derivative(A + A.T, dA + dA.T)
    np.testing.assert_allclose(symmetric, symmetric.T, rtol=0, atol=1e-13)


def test_inverse_derivative_against_exact_fractions():
    t = sp.Symbol("t")
    A = sp.Matrix([[2, t, 1], [0, 3, t**2], [t, 1, 1]])
    at = {t: sp.Rational(1, 2)}
    expected = np.array(A.inv().diff(t).subs(at), dtype=float)
    values, slopes = (np.array(M.subs(at), dtype=float) for M in (A, A.diff(t)))
    np.testing.assert_allclose(inverse_derivative(values, slopes), expected, rtol=1e-12)
    inverse = np.linalg.inv(values)
    for wrong in (inverse @ slopes @ inverse, -inverse @ inverse @ slopes, -slopes @ inverse**2):
        assert abs(wrong - expected).max() > 0.01


@pytest.mark.parametrize(
    ("A", "dA", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 3)), r"A must be a square matrix, got shape \(2, 3\)"),
        (np.ones((2, 2)), np.ones((2, 2)), "A must be invertible, got condition number"),
        (np.eye(2), np.eye(3), r"dA must have shape \(2, 2\), as A, got \(3, 3\)"),
        (np.eye(2), np.full((2, 2), np.nan), "dA must be finite, got"),
        (np.zeros((0, 0)), np.zeros((0, 0)), r"A must not be empty, got shape \(0, 0\)"),
    ],
)
def test_inverse_derivative_refuses(A, dA, message):
    with pytest.raises(ValueError, match=message):
        inverse_derivative(A, dA)


@laws
@given(seed=seeds, n=lengths, p=lengths)
def test_implicit_derivative_of_a_linear_system_and_its_adjoint(seed, n, p):
    rng = rng_of(seed)
    F_y, F_x, v = well_conditioned(rng, n), rng.normal(size=(n, p)), rng.normal(size=n)
    # F = F_y y + F_x x has the solution y = -F_y⁻¹ F_x x
    expected = complex_step(lambda x: -np.linalg.solve(F_y, F_x @ x), rng.normal(size=p))
    J = implicit_jacobian(F_x, F_y)
    np.testing.assert_allclose(J, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(implicit_vjp(v, F_x, F_y), v @ J, rtol=0, atol=1e-12)


def test_implicit_derivative_of_a_root():
    # y⁵ + y = x, solved by bisection
    def root(x):
        return scipy.optimize.brentq(lambda y: y**5 + y - x, -2, 3, xtol=1e-15)

    y = root(1.7)
    found = implicit_jacobian([[-1.0]], [[5 * y**4 + 1]])[0, 0]
    assert found == pytest.approx(central_difference(root, 1.7), rel=1e-8, abs=0)


def test_implicit_derivatives_refuse():
    with pytest.raises(ValueError, match="F_y must be invertible"):
        implicit_jacobian(np.ones((2, 1)), np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"F_x must have shape \(2, p\), got \(3, 1\)"):
        implicit_jacobian(np.ones((3, 1)), np.eye(2))
    with pytest.raises(ValueError, match=r"v must have shape \(2,\), got \(3,\)"):
        implicit_vjp(np.ones(3), np.ones((2, 1)), np.eye(2))


def test_the_condition_number_is_that_of_the_sum_norm():
    """The inverse's columns add up to 1e17, this matrix's to 1 and its rows to 2."""
    with pytest.raises(ValueError, match=r"A must be invertible, got condition number 1\.0e\+17"):
        inverse_derivative([[1.0, 1.0], [1e-17, 3e-17]], np.eye(2))


def test_columns_of_any_size_are_solved_for_side_by_side():
    found = implicit_jacobian([[1e300, 1e-300]], [[2.0]])
    np.testing.assert_allclose(found, [[-5e299, -5e-301]], rtol=1e-15)


@pytest.mark.parametrize(
    ("derivative", "name"),
    [
        (lambda: inverse_derivative([[1e-200]], [[1.0]]), "the derivative"),
        (lambda: implicit_jacobian([[1e200]], [[1e-200]]), "∂y/∂x"),
        (lambda: implicit_vjp([1e100], [[1e100]], [[1e-200]]), "vᵀ ∂y/∂x"),
    ],
)
def test_derivatives_that_fit_no_float_are_named(derivative, name):
    with pytest.raises(NonFiniteError, match=f"^{name} must fit floats, got"):
        derivative()


# -- eigenvectors ------------------------------------------------------------------------------


@laws
@given(seed=seeds, n=lengths)
def test_power_iteration_against_a_known_spectrum(seed, n):
    rng = rng_of(seed)
    Q = scipy.linalg.qr(rng.normal(size=(n, n)))[0]
    eigenvalues = np.array([-3.0, 2.0, 1.0, 0.5, -1.5, 0.0, 1.9])[:n]
    A = Q @ np.diag(eigenvalues) @ Q.T
    pair = power_iteration(A)
    assert pair.value == pytest.approx(-3, rel=1e-12, abs=0)
    assert abs(pair.vector @ Q[:, 0]) == pytest.approx(1, rel=1e-12, abs=0)
    assert np.linalg.norm(A @ pair.vector - pair.value * pair.vector) <= 4e-12
    assert pair.residual <= 1e-12 * 3.1


@laws
@given(seed=seeds, n=lengths, m=st.floats(0.5, 4))
def test_rows_that_add_up_have_the_eigenvector_of_ones(seed, n, m):
    A = m * stochastic(rng_of(seed), n) * 0.5 + m * 0.5 / n
    pair = power_iteration(A)
    assert pair.value == pytest.approx(m, rel=1e-10, abs=0)
    np.testing.assert_allclose(np.abs(pair.vector), 1 / np.sqrt(n), rtol=1e-9)


def test_power_iteration_takes_a_function_and_counts_its_steps():
    calls = []
    A = np.diag([4.0, 1.0, 2.0])
    pair = power_iteration(lambda v: calls.append(1) or A @ v, np.ones(3))
    assert pair.value == pytest.approx(4, rel=1e-14, abs=0)
    assert pair.steps == len(calls)
    # (2/4)^k ≤ 1e-12 takes 40 steps
    assert 35 <= pair.steps <= 45


def test_power_iteration_at_the_edges():
    assert power_iteration(np.zeros((3, 3))).value == 0
    nilpotent = power_iteration(np.array([[0.0, 1.0], [0.0, 0.0]]), [1.0, 1.0])
    assert nilpotent.value == 0
    np.testing.assert_allclose(nilpotent.vector, [1, 0])
    started_orthogonal = power_iteration(np.diag([3.0, 2.0]), [0.0, 1.0])
    assert started_orthogonal.value == 2
    started_nearly_so = power_iteration(np.diag([1.0, 1 + 1e-6]), [1.0, 1e-7])  # 10⁻¹³ apart
    assert started_nearly_so.value == pytest.approx(1, rel=1e-12, abs=0)
    assert power_iteration(np.array([[-5.0]])).value == -5


@pytest.mark.parametrize(
    "A", [[[0.0, -1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, -1.0]], np.roll(np.eye(3), 1, axis=0)]
)
def test_power_iteration_says_when_it_does_not_converge(A):
    with pytest.raises(RuntimeError, match="no eigenpair after 500 steps, residual"):
        power_iteration(np.array(A), max_steps=500)


# A quarter turn in every plane of two axes: orthogonal but for its length √3, and vᵀSv = 0.
S = np.array([[0, 1, 1, 1], [-1, 0, -1, 1], [-1, 1, 0, -1], [-1, -1, 1, 0]], dtype=float)


def test_power_iteration_multiplies_as_often_as_it_may():
    calls = []
    with pytest.raises(RuntimeError, match=r"after 7 steps, residual 1\.7e"):
        power_iteration(lambda v: calls.append(1) or S @ v, np.ones(4), max_steps=7)
    assert len(calls) == 7
    assert inspect.signature(power_iteration).parameters["max_steps"].default == 100_000


def test_power_iteration_starts_as_told_or_always_alike():
    A = np.diag([3.0, 2.9, -1.0])
    np.testing.assert_array_equal(power_iteration(A).vector, power_iteration(A).vector)
    pair = power_iteration(A, [0.0, 5.0, 0.0])
    np.testing.assert_array_equal(pair.vector, [0, 1, 0])
    assert pair.steps == 1


def test_what_power_iteration_finds_is_scaled_back():
    pair = power_iteration(lambda v: 2.0**20 * S @ v, np.ones(4), tolerance=2)
    assert pair.value == pytest.approx(0, abs=1e-9)
    assert pair.residual == pytest.approx(2**20 * np.sqrt(3), rel=1e-14, abs=0)
    with pytest.raises(NonFiniteError, match=r"^the eigenvalue must fit a float"):
        power_iteration(np.full((3, 3), 1e308))
    with pytest.raises(NonFiniteError, match=r"^the residual must fit a float"):
        power_iteration(1.7e308 * S, np.ones(4), tolerance=2)


@pytest.mark.parametrize(
    ("A", "options", "message"),
    [
        (np.ones((2, 3)), {}, r"A must be a square matrix, got shape \(2, 3\)"),
        (np.ones((0, 0)), {}, "A must not be empty"),
        (np.array([[np.inf]]), {}, "A must be finite"),
        (np.eye(2), {"start": np.ones(3)}, "start must be a vector of 2 finite entries"),
        (np.eye(2), {"start": np.zeros(2)}, "not all zero"),
        (np.eye(2), {"tolerance": 0}, "tolerance must be positive"),
        (np.eye(2), {"max_steps": 0}, "max_steps must be at least 1"),
        (lambda v: v, {}, "start is needed where A is a function"),
        (lambda v: v * np.nan, {"start": np.ones(2)}, "A @ v must be finite"),
        (lambda v: v[:1], {"start": np.ones(2)}, r"must have the shape \(2,\) of v, got \(1,\)"),
    ],
)
def test_power_iteration_refuses(A, options, message):
    with pytest.raises(ValueError, match=message):
        power_iteration(A, **options)


@laws
@given(seed=seeds, n=lengths)
def test_contraction_coefficient_is_the_smallest_constant(seed, n):
    rng = rng_of(seed)
    P, Q = stochastic(rng, n), stochastic(rng, n)
    delta = contraction_coefficient(P)
    p, q = rng.dirichlet(np.full(n, 0.3), size=(2, 200))
    before, after = np.abs(p - q).sum(axis=1), np.abs((p - q) @ P).sum(axis=1)
    assert np.all(after <= delta * before + 1e-12)
    overlap = min(np.minimum(a, b).sum() for a in P for b in P)
    assert delta == pytest.approx(1 - overlap, abs=1e-12)
    assert contraction_coefficient(P @ Q) <= delta * contraction_coefficient(Q) + 1e-12
    if n > 1:
        assert sorted(abs(np.linalg.eigvals(P)))[-2] <= delta + 1e-9


@pytest.mark.parametrize(
    "P", [np.array([[0.5, 0.6], [0.5, 0.5]]), np.array([[1.5, -0.5], [0, 1]]), np.eye(2).T * 2]
)
def test_contraction_coefficient_refuses(P):
    with pytest.raises(ValueError, match="entries ≥ 0 and rows that add up to 1"):
        contraction_coefficient(P)


def test_rows_may_be_rounded_as_their_type_is():
    thirds = np.full((3, 3), 1 / 3, dtype=np.float32)
    assert contraction_coefficient(thirds) == 0
    with pytest.raises(ValueError, match="rows that add up to 1"):
        contraction_coefficient(thirds.astype(float))
    assert contraction_coefficient(np.eye(2, dtype=int)) == 1
    with pytest.raises(ValueError, match="rows that add up to 1"):
        contraction_coefficient(np.array([[1, 1], [0, 1]]))
    assert contraction_coefficient([[0.75, 0.25], [0.5, 0.5]]) == 0.25
    assert contraction_coefficient((1 + 1e-13) * np.eye(2)) == 1


# -- figures -----------------------------------------------------------------------------------


def test_the_error_figure_shows_the_errors():
    steps = 10.0 ** np.arange(-1, -15, -1)
    figure = figures.error_against_step(np.exp, 1.0, np.e, np.e, steps)
    bound, central, complex_ = (line.get_ydata() for line in figure.axes[0].lines)
    assert np.all(central <= 2 * bound)
    np.testing.assert_allclose(central[:3] / central[1:4], 100, rtol=0.02)
    assert central.min() < 1e-9 < central[-1]
    assert np.all(complex_[9:] < 1e-15)
    plt.close(figure)


def test_the_window_shows_the_chord():
    figure = figures.through_a_window(-1)
    chord = figure.axes[0].lines[2]
    (x1, x2), (y1, y2) = ((data[0], data[-1]) for data in (chord.get_xdata(), chord.get_ydata()))
    f = figures.demonstration
    assert (y2 - y1) / (x2 - x1) == pytest.approx((f(1.6) - f(1.4)) / 0.2)
    plt.close(figure)


@pytest.mark.parametrize("exponent", [-1, -8, -15])
def test_the_chord_passes_through_its_ends_even_where_they_are_rounded(exponent):
    figure = figures.through_a_window(exponent)
    chord, ends = figure.axes[0].lines[2:4]
    slope, offset = np.polyfit(*chord.get_data(), 1)
    np.testing.assert_allclose(ends.get_ydata(), offset + slope * ends.get_xdata(), rtol=1e-9)
    plt.close(figure)


def test_the_map_and_the_chain():
    figure = figures.chain_on_the_triangle("mixing", 2)
    assert figure.axes[0].get_title(plt.rcParams["axes.titlelocation"]) == "mixing: 2 steps"
    path = figure.axes[0].lines[2].get_xydata()
    np.testing.assert_allclose(path[-1], np.array([0.372, 0.4035, 0.2245]) @ figures.CORNERS)
    plt.close(figure)
    plt.close(figures.mixed_derivative_map())


def test_the_linear_map_is_drawn_as_it_is():
    grids = figures.shapes_of_a_derivative()
    texts = [text.get_text().replace("−", "-") for text in grids.axes[0].texts]
    numbers = [int(text) for text in texts if text.lstrip("-").isdigit()]
    assert numbers == [2, 1, 0, 0, 1, 6, 1, -1, 2, 1, 11]
    plt.close(grids)


@pytest.mark.parametrize("side", [1.0, 0.1])
def test_a_square_comes_close_to_its_parallelogram(side):
    figure = figures.square_under_a_map(side)
    lines = figure.axes[1].lines
    bent, straight = (
        np.array([line.get_xydata() for line in lines if line.get_linestyle() == style][:5])
        for style in ("-", "--")
    )
    gap = np.abs(bent - straight).max()
    assert gap == pytest.approx(side / 8, rel=1e-3, abs=0)  # v²/2 at half a side, as u v/2 is
    plt.close(figure)


def test_only_two_directions_are_not_turned():
    values, vectors = np.linalg.eig(figures.TURNED)
    directions = np.degrees(np.arctan2(vectors[1], vectors[0])) % 180
    np.testing.assert_allclose(sorted(values), [1.5, 3])
    np.testing.assert_allclose(sorted(directions), [45, 180 - np.degrees(np.arctan(0.5))])
    plt.close(figures.vector_and_its_image(45))


def test_high_powers_of_negative_numbers_have_their_derivative():
    assert complex_step(lambda x: x**100, -1.0) == pytest.approx(-100, rel=1e-14, abs=0)


@pytest.mark.parametrize("n", [100, 101, 151, 197, 198, 199, -100, -151])
@pytest.mark.parametrize("x", [-1.01, 0.99])
def test_high_powers_have_their_derivative(n, x):
    assert complex_step(lambda x: x**n, x) == pytest.approx(n * x ** (n - 1), rel=1e-13, abs=0)


def test_powers_that_are_not_one_integer_have_their_derivative():
    found = complex_step(lambda x: x ** (101 + 0j), 1.01)
    assert found == pytest.approx(101 * 1.01**100, rel=1e-13, abs=0)
    found = complex_step(lambda x: x**100.5, 1.3)
    assert found == pytest.approx(100.5 * 1.3**99.5, rel=1e-13, abs=0)
    powers = np.array([100, 3, 151])
    found = complex_step(lambda x: x**powers, 1.01)
    np.testing.assert_allclose(found, powers * 1.01 ** (powers - 1), rtol=1e-13)


@pytest.mark.parametrize("n", [150, 3])
def test_powers_may_be_taken_in_place(n):
    def f(x):
        y = x + 0
        y **= n
        return y

    x = np.array([-1.01, 0.98])
    np.testing.assert_allclose(complex_step(f, x), np.diag(n * x ** (n - 1)), rtol=1e-13)


@pytest.mark.parametrize(
    ("n", "shown"), [(6, r"\[1\. 2\. 3\. 4\. 5\. 6\.\]"), (7, r"\[1\. 2\. \.\.\. 6\. 7\.\]")]
)
def test_a_long_array_is_told_by_its_ends(n, shown):
    with pytest.raises(ValueError, match=f"beside x = {shown}$"):
        central_difference(np.sum, np.arange(1.0, n + 1), h=1e-20)


def test_the_contraction_of_many_states_needs_memory_for_a_matrix_only():
    P = np.full((300, 300), 1 / 300)
    tracemalloc.start()
    try:
        contraction_coefficient(P)
        assert tracemalloc.get_traced_memory()[1] < 10 * P.nbytes
    finally:
        tracemalloc.stop()
