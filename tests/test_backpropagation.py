"""Chapter 5: reverse mode, dual numbers, graphs and networks, against independent oracles."""

import copy
import itertools
import math
import operator
import warnings
from collections import Counter
from fractions import Fraction
from types import SimpleNamespace
from typing import NamedTuple

import autograd
import autograd.numpy as anp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.optimize
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from byhand.backpropagation import (
    derivative,
    figures,
    grad,
    hvp,
    jacobian,
    jvp,
    relu,
    rules,
    sigmoid,
    softplus,
    sweeps,
    tracing,
    value_and_grad,
    vjp,
)
from byhand.backpropagation.counting import count_operations
from byhand.backpropagation.figures import draw_graph, step_text, steps_of
from byhand.backpropagation.graph import layout, trace_graph
from byhand.backpropagation.networks import (
    SCHEMES,
    XOR,
    critical_point_of_identical_units,
    cross_entropy,
    cross_entropy_gradient,
    depth_profile,
    initial_parameters,
    initial_weights,
    make_units_identical,
    multilayer,
    neuron_gradient,
    neuron_loss,
    squared_error,
    train,
    two_layer_loss,
    unpack,
)
from byhand.backpropagation.rules import ELEMENTWISE, _keywords, fit, scatter
from byhand.backpropagation.sweeps import _as_type_of, adjoints, record
from byhand.backpropagation.tracing import COMPOSITES, RULES, zeros_like
from byhand.convolutional_networks import average_pool, cross_correlate
from byhand.hypergradients import peak_bytes
from byhand.optimization import gradient_descent

mpl.use("Agg")
F32 = np.float32
laws = settings(derandomize=True, deadline=None, max_examples=40)


def random(*shape, seed=0, low=0.2, high=0.9):
    """Return numbers in (low, high), inside the domain of every elementwise function."""
    return np.random.default_rng(seed).uniform(low, high, size=shape)


# -- the rules, one by one -------------------------------------------------------------------------

ONE_ARGUMENT = [f for f, (_, *rules) in ELEMENTWISE.items() if len(rules) == 1]
TWO_ARGUMENTS = [f for f, (_, *rules) in ELEMENTWISE.items() if len(rules) == 2]
name_of = operator.attrgetter("__name__")


@pytest.mark.parametrize("function", ONE_ARGUMENT, ids=name_of)
def test_elementwise_rule_against_complex_step(function):
    x = random(3, 5)
    slope = 1.0 if function in (np.abs, relu) else function(x + 1e-30j).imag / 1e-30
    np.testing.assert_allclose(derivative(function)(x), slope * np.ones_like(x), rtol=1e-13)
    np.testing.assert_allclose(grad(lambda x: np.sum(function(x)))(x), slope, rtol=1e-13)


def test_elementwise_rules_against_sympy():
    x = sympy.Symbol("x")
    pairs = {
        np.sin: sympy.sin, np.cos: sympy.cos, np.tan: sympy.tan, np.arcsin: sympy.asin,
        np.arccos: sympy.acos, np.arctan: sympy.atan, np.sinh: sympy.sinh, np.cosh: sympy.cosh,
        np.tanh: sympy.tanh, np.exp: sympy.exp, np.log: sympy.log, np.sqrt: sympy.sqrt,
        np.expm1: lambda x: sympy.exp(x) - 1, np.log1p: lambda x: sympy.log(1 + x),
        np.log2: lambda x: sympy.log(x, 2), np.log10: lambda x: sympy.log(x, 10),
        np.square: lambda x: x**2, np.reciprocal: lambda x: 1 / x,
        sigmoid: lambda x: 1 / (1 + sympy.exp(-x)),
    }  # fmt: skip
    for function, symbolic in pairs.items():
        for order in (1, 2, 3):
            f = function
            for _ in range(order):
                f = derivative(f)
            expected = float(sympy.diff(symbolic(x), x, order).subs(x, sympy.Rational(37, 100)))
            assert f(0.37) == pytest.approx(expected, rel=1e-12, abs=0), (function, order)


BROADCASTS = [((3, 5), (3, 5)), ((3, 5), (5,)), ((3, 1), (1, 5)), ((2, 3, 5), (3, 1)), ((), (4,))]


@pytest.mark.parametrize("shapes", BROADCASTS, ids=str)
@pytest.mark.parametrize("function", TWO_ARGUMENTS, ids=name_of)
def test_two_argument_rules_broadcast(function, shapes):
    a, b = random(*shapes[0], seed=1), random(*shapes[1], seed=2)
    weights = random(*np.broadcast_shapes(*shapes), seed=3)

    def total(numpy):
        f = getattr(numpy, function.__name__)
        return lambda a, b: numpy.sum(weights * f(a, b))

    ours = grad(lambda pair: total(np)(*pair))((a, b))
    for i in (0, 1):
        theirs = autograd.grad(total(anp), i)(a, b)
        assert np.shape(ours[i]) == shapes[i]
        np.testing.assert_allclose(ours[i], theirs, rtol=1e-12)
    _, tangent = jvp(lambda pair: total(np)(*pair), (a, b), (np.ones_like(a), np.ones_like(b)))
    assert tangent == pytest.approx(np.sum(ours[0]) + np.sum(ours[1]), rel=1e-12)


MAPS = {
    "sum": lambda x: np.sum(x),
    "sum axis": lambda x: np.sum(x, axis=1),
    "sum two axes": lambda x: np.sum(x, axis=(0, -1)),
    "sum keepdims": lambda x: np.sum(x, axis=-1, keepdims=True),
    "method sum": lambda x: x.sum(0),
    "add.reduce": lambda x: np.add.reduce(x, axis=1),
    "mean": lambda x: np.mean(x, axis=(0, 2)),
    "method mean": lambda x: x.mean(),
    "max": lambda x: np.max(x, axis=1),
    "min": lambda x: np.min(x, axis=(0, 2), keepdims=True),
    "cumsum": lambda x: np.cumsum(x, axis=2),
    "cumsum flat": lambda x: np.cumsum(np.ravel(x)),
    "cumsum of all": lambda x: np.cumsum(x),
    "reshape": lambda x: x.reshape(5, -1),
    "reshape F": lambda x: np.reshape(x, (6, 5), order="F"),
    "transpose": lambda x: np.transpose(x, (2, 0, 1)),
    "transpose from the end": lambda x: np.transpose(x, (-1, 0, 1)),
    "T": lambda x: x[0].T,
    "swapaxes": lambda x: np.swapaxes(x, 0, 2),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "broadcast": lambda x: np.broadcast_to(x[:, :1], (7, 2, 4, 5)),
    "squeeze": lambda x: np.squeeze(x[:, :1], axis=1),
    "expand": lambda x: np.expand_dims(x, 1),
    "slice": lambda x: x[:, ::-2, 1:4],
    "ellipsis": lambda x: x[..., None, 2],
    "fancy": lambda x: x[[0, 1, 1, 0], [2, 2, 2, 0]],
    "mask": lambda x: x[np.arange(30).reshape(2, 3, 5) % 3 == 0],
    "scatter": lambda x: scatter(
        x, x[:1], indices=[np.array([3, 3]), slice(1, 2)], shape=(4, 3, 5)
    ),
    "concatenate": lambda x: np.concatenate([x, 2 * x[:, :1], np.ones((2, 2, 5))], axis=1),
    "stack": lambda x: np.stack([x[0], x[1] ** 2, x[0]], axis=-1),
    "where": lambda x: np.where(np.arange(5) < 2, x, x * x),
    "clip": lambda x: np.clip(x, 0.4, 0.6),
    "pad": lambda x: np.pad(x, ((0, 0), (1, 2), (0, 1))),
    "pad edge": lambda x: np.pad(x[0], 1, mode="edge"),
    "flip roll": lambda x: np.roll(np.flip(x, 1), 2, axis=2),
    "rot90": lambda x: np.rot90(x[0]),
    "tile repeat": lambda x: np.repeat(np.tile(x, (1, 2, 1)), 2, axis=0),
    "take": lambda x: np.take(x, [4, 0, 0], axis=2),
    "windows": lambda x: sliding_window_view(x, (2, 3), axis=(1, 2)),
    "diag": lambda x: np.diag(x[0, 0]),
    "triangles": lambda x: np.tril(x[0]) + np.triu(x[1]),
    "trace": lambda x: np.trace(x[0] @ x[1].T),
    "traces": lambda x: np.trace(x, 1),
    "mean keepdims": lambda x: np.mean(x, axis=1, keepdims=True),
    "norm keepdims": lambda x: np.linalg.norm(x, axis=1, keepdims=True),
    "norm by name": lambda x: np.linalg.norm(x[0, 0], 2) * np.linalg.norm(x, 2, axis=1),
    "sort": lambda x: np.sort(x),
    "sort axis": lambda x: np.sort(x, axis=1),
    "concatenate flat": lambda x: np.concatenate([x, x[0] ** 2], axis=None),
    "squeeze all": lambda x: np.squeeze(x[:1, :, 2:3]),
    "dot number": lambda x: np.dot(x[0, 0, 0], x) + np.dot(x, x[1, 1, 1]),
    "clip one side": lambda x: np.clip(x, None, 0.6) * np.clip(x, 0.4, None),
    "clip by name": lambda x: np.clip(x, min=0.4, max=0.6) * np.clip(x, max=0.5),
    "matmul": lambda x: x[0] @ x[1].T,
    "matmul batch": lambda x: x @ np.arange(40.0).reshape(2, 5, 4),
    "matmul batch right": lambda x: np.arange(8.0).reshape(4, 2) @ x[:, 0],
    "matmul broadcast": lambda x: x @ x[0].T,
    "matrix vector": lambda x: x @ x[0, 0],
    "vector matrix": lambda x: x[0, :, 0] @ x,
    "inner": lambda x: x[0, 0] @ x[1, 2],
    "dot outer": lambda x: np.outer(np.dot(x[0], x[0, 1]), x[1, :, 2]),
    "norm": lambda x: np.linalg.norm(x, axis=1),
    "logsumexp": lambda x: np.log(np.sum(np.exp(x), axis=2)),
    "inv": lambda x: np.linalg.inv(x[0] @ x[0].T + np.eye(3)),
    "det": lambda x: np.linalg.det(x[0] @ x[0].T),
    "solve": lambda x: np.linalg.solve(x[0] @ x[0].T + np.eye(3), x[1]),
    "solve vector": lambda x: np.linalg.solve(x[0, :, :3] + np.eye(3), x[1, :, 0]),
    "inv batch": lambda x: np.linalg.inv(x[:, :, :3] + np.eye(3)),
    "det batch": lambda x: np.linalg.det(x[:, :, :3] + np.eye(3)),
    "solve batch": lambda x: np.linalg.solve(x[:, :, :3] + np.eye(3), x[0]),
    "solve batch vector": lambda x: np.linalg.solve(x[:, :, :3] + np.eye(3), x[0, :, 0]),
    "power of a variable": lambda x: x[0] ** x[1],
    "where on a variable": lambda x: np.where(x > 0.5, x * x, x) * np.where(x, 1.0, 2.0),
}


@pytest.mark.parametrize("name", MAPS)
def test_array_functions_both_ways(name):
    """Forward against complex step or differences; reverse by ⟨u, Jv⟩ = ⟨Jᵀu, v⟩."""
    f, x, v = MAPS[name], random(2, 3, 5, seed=4), random(2, 3, 5, seed=5) - 0.5
    y, tangent = jvp(f, x, v)
    np.testing.assert_array_equal(y, f(x))
    h = 1e-6
    np.testing.assert_allclose(tangent, (f(x + h * v) - f(x - h * v)) / (2 * h), atol=2e-8)
    value, pullback = vjp(f, x)
    u = random(*np.shape(value), seed=6)[()]
    assert np.sum(u * tangent) == pytest.approx(np.sum(pullback(u) * v), rel=1e-12, abs=0)
    assert np.shape(pullback(u)) == x.shape


@pytest.mark.parametrize("name", MAPS)
def test_second_derivatives_of_array_functions(name):
    """The Hessian agrees with a difference of slopes, and in all four orders of nesting."""
    x, v, w = (random(2, 3, 5, seed=k) for k in (7, 8, 9))

    def f(x):
        return np.sum(np.sin(MAPS[name](x)))

    def slope(x):
        return jvp(f, x, v)[1]

    forward_over_forward = jvp(slope, x, w)[1]
    quotient = (slope(x + 1e-6 * w) - slope(x - 1e-6 * w)) / 2e-6
    assert forward_over_forward == pytest.approx(quotient, rel=1e-6, abs=1e-6)
    assert np.sum(w * grad(slope)(x)) == pytest.approx(forward_over_forward, rel=1e-9, abs=0)
    assert np.sum(v * hvp(f, x, w)) == pytest.approx(forward_over_forward, rel=1e-9, abs=0)
    reverse_over_reverse = grad(lambda x: np.sum(v * grad(f)(x)))(x)
    assert np.sum(w * reverse_over_reverse) == pytest.approx(forward_over_forward, rel=1e-9, abs=0)


def _with_factor(rules, i):
    """Return a rule, or the i-th of several, that is wrong by a factor."""
    if i is None:
        return lambda *args, **kwargs: (
            [1.5 * part for part in parts]
            if isinstance(parts := rules(*args, **kwargs), list)
            else 1.5 * parts
        )
    return [
        (lambda *args, rule=rule, **kwargs: 1.5 * rule(*args, **kwargs)) if k == i else rule
        for k, rule in enumerate(rules)
    ]


def _users(function):
    """Return programs that are to use a function."""
    if function in ELEMENTWISE:
        other = random(2, 3, 5, seed=12)
        return {
            1: [function],
            2: [lambda x: function(x, other), lambda x: function(other, x)],
            3: [
                lambda x: function(other > 0.5, x, other),
                lambda x: function(other > 0.5, other, x),
            ],
        }[len(ELEMENTWISE[function]) - 1]
    return MAPS.values()


def _agree(f):
    """Compare both sweeps with a difference quotient."""
    x, v = random(2, 3, 5, seed=4), random(2, 3, 5, seed=5) - 0.5
    u = random(*np.shape(f(x)), seed=6)[()]
    quotient = np.sum(u * (f(x + 1e-6 * v) - f(x - 1e-6 * v))) / 2e-6
    swept = np.sum(vjp(f, x)[1](u) * v), np.sum(u * jvp(f, x, v)[1])
    return np.allclose(swept, quotient, rtol=1e-6, atol=1e-7)


FACTORS = [
    (function, sweep, None if rule.joint else i)
    for function, rule in RULES.items()
    for sweep in ("pulls", "pushes")
    for i in range(1 if rule.joint else len(rule.pulls))
    if rule.joint or rule.pulls[i] is not None
]


@pytest.mark.parametrize(
    ("function", "sweep", "i"),
    FACTORS,
    ids=[f"{name_of(f)}-{sweep}-{i}" for f, sweep, i in FACTORS],
)
def test_a_factor_in_any_rule_is_noticed(function, sweep, i, monkeypatch):
    """Each rule of the table is used by a program whose check fails when the rule is wrong."""
    rule = RULES[function]
    wrong = rule._replace(**{sweep: _with_factor(getattr(rule, sweep), i)})
    for f in _users(function):
        with monkeypatch.context() as patch:
            patch.setitem(RULES, function, wrong)
            noticed = not _agree(f)
        if noticed:
            assert _agree(f)
            return
    raise AssertionError("no program noticed")


PLANTED = {
    "x² gives x: overwritten instead of added": (
        *(np.multiply, 1, lambda c, y, a, b: 0 * c),
        lambda x: x * x,
    ),
    "wrong sign": (np.subtract, 1, lambda c, y, a, b: c, lambda x: 1 - x),
    "derivative taken at y": (np.sin, 0, lambda c, y, x: c * np.cos(y), np.sin),
    "factor lost": (np.square, 0, lambda c, y, x: c * x, np.square),
    "sigmoid as if of y": (sigmoid, 0, lambda c, y, x: c * x * (1 - x), sigmoid),
    "operand not transposed": (
        *(np.matmul, 0, lambda g, y, a, b: g @ b),
        lambda x: x @ np.arange(9.0).reshape(3, 3),
    ),
    "axes not inverted": (
        *(np.transpose, 0, lambda g, y, x, axes=None: np.transpose(g, axes)),
        lambda x: np.transpose(x[:, None] * np.ones((3, 1)), (2, 0, 1)),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_caught(name, monkeypatch):
    """The same check passes with the table's rule and fails with a wrong one."""
    function, i, wrong, f = PLANTED[name]
    x = random(3, 3, seed=10)
    weights = random(*f(x).shape, seed=11)

    def flat(entries):
        return float(np.sum(weights * f(np.reshape(entries, (3, 3)))))

    def agrees():
        ours = grad(lambda x: np.sum(weights * f(x)))(x)
        numeric = scipy.optimize.approx_fprime(x.ravel(), flat, 1e-7)
        return np.allclose(ours.ravel(), numeric, atol=1e-5)

    assert agrees()
    rule = RULES[function]
    pulls = [wrong if k == i else pull for k, pull in enumerate(rule.pulls)]
    monkeypatch.setitem(RULES, function, rule._replace(pulls=pulls))
    assert not agrees()


def test_exponents_of_few_bits_do_not_wrap():
    least = np.array([-128], dtype=np.int8)
    slope = grad(lambda x: np.sum(x**least))(np.array([1.5]))
    assert slope[0] == pytest.approx(-128 * 1.5**-129, rel=1e-13, abs=0)


def test_the_power_0_is_flat_at_any_base():
    bases = np.array([1e200, 0.0, -3.0])
    assert grad(lambda x: np.sum(x ** np.zeros(3)))(bases).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("base", "at", "slope"), [(0.5, 2.0, math.log(0.5) / 4), (0, 0.0, 0), (3, 0.0, math.log(3))]
)
def test_a_power_of_a_number_has_a_slope_in_its_exponent(base, at, slope):
    for number in (base, float(base)):
        assert grad(lambda x, a=number: a**x)(at) == pytest.approx(slope, rel=1e-14, abs=0)


# -- the sweeps ------------------------------------------------------------------------------------


def test_fan_out():
    assert grad(lambda x: x * x)(3.0) == 6
    assert derivative(lambda x: x * x)(3.0) == 6

    def f(a):
        b = a + a
        c = b + b
        return c * b

    assert grad(f)(3.0) == 48
    assert grad(lambda x: sum([x] * 100))(1.0) == 100


def test_repeated_pullbacks_do_not_double():
    x = np.array([1.0, 2.0])
    y, pullback = vjp(lambda x: x * x, x)
    first, second = pullback(np.ones(2)), pullback(np.ones(2))
    np.testing.assert_array_equal(first, second)
    x[:] = 100
    np.testing.assert_array_equal(pullback(np.ones(2)), [2, 4])
    np.testing.assert_array_equal(y, [1, 4])


@pytest.mark.parametrize("sweep", [grad, derivative], ids=name_of)
def test_graphs_are_deep(sweep):
    def chain(x):
        for _ in range(100_000):
            x = x + 1e-5 * x
        return x

    assert sweep(chain)(1.0) == pytest.approx((1 + 1e-5) ** 100_000, rel=1e-9, abs=0)


def test_exponentially_many_paths():
    def f(x):
        for _ in range(60):
            x = x + x
        return x

    assert grad(f)(1.0) == 2**60


def test_perturbations_are_not_confused():
    for outer in (grad, derivative):
        for inner in (grad, derivative):
            assert outer(lambda x, d=inner: x * d(lambda y: x + y)(1.0))(1.0) == 1
            assert outer(lambda x, d=inner: x * d(lambda y: x * y)(2.0))(3.0) == 6


@given(st.floats(-2, 2), st.integers(1, 5))
@laws
def test_higher_derivatives(x, order):
    f = np.sin
    for k in range(order):
        f = (grad if k % 2 else derivative)(f)
    assert f(x) == pytest.approx(math.sin(x + order * math.pi / 2), abs=1e-12)


SMOOTH = st.sampled_from([np.sin, np.tanh, np.exp, sigmoid, np.arctan, np.square, np.expm1])


@given(st.lists(SMOOTH, min_size=1, max_size=4), st.floats(-1, 1))
@laws
def test_chain_rule_for_any_composition(functions, x):
    def f(x):
        for function in functions:
            x = function(x) / 3
        return x

    def chain_rule(x):
        slope = 1.0
        for function in functions:
            slope *= derivative(function)(x) / 3
            x = function(x) / 3
        return slope

    routes = [derivative(f)(x), grad(f)(x), chain_rule(x), f(x + 1e-40j).imag / 1e-40]
    np.testing.assert_allclose(routes, routes[0], rtol=1e-12, atol=1e-70)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10**6))
@laws
def test_dot_product_law(m, n, seed):
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(5, n)), rng.normal(size=(m, 5))
    x, v, u = rng.normal(size=n), rng.normal(size=n), rng.normal(size=m)

    def f(x):
        return B @ np.tanh(A @ x) + x[0] * x[-1]

    pulled, pushed = vjp(f, x)[1](u), jvp(f, x, v)[1]
    assert u @ pushed == pytest.approx(pulled @ v, rel=1e-9, abs=1e-9)
    J = B @ np.diag(1 - np.tanh(A @ x) ** 2) @ A
    J[:, 0] += x[-1]
    J[:, -1] += x[0]
    for mode in ("reverse", "forward"):
        np.testing.assert_allclose(jacobian(f, mode)(x), J, rtol=1e-9, atol=1e-12)


def test_exact_numbers_stay_exact():
    start = (Fraction(1, 2), Fraction(0), Fraction(3, 10), Fraction(0))
    expected = [Fraction(-282, 100), Fraction(-141, 100), Fraction(-47, 10), Fraction(-47, 10)]
    found = grad(two_layer_loss)(start, 2, 5)
    assert list(found) == expected
    assert all(type(part) is Fraction for part in found)
    array = np.array(start, dtype=object)
    assert grad(lambda p: two_layer_loss(p, 2, 5))(array).tolist() == expected
    assert derivative(lambda x: x**3 / 7)(Fraction(2)) == Fraction(12, 7)


def test_integers_that_join_fractions_do_not_make_floats_of_them():
    x = np.array([Fraction(1, 3), Fraction(-2, 3)], dtype=object)
    programs = [
        lambda x: np.pad(x, (1, 0)) ** 3 / 4,
        lambda x: np.where(x > 0, x, 0) / 4 + x,
        lambda x: np.concatenate([x, [1, 2]]) ** -1,
        lambda x: relu(x) / 4 + np.max(x) / 2,
        lambda x: np.tril(np.outer(x, x)) / 2,
        lambda x: np.stack([x[1], x[1]]) / 3,
    ]
    for f in programs:
        slopes = grad(lambda x, f=f: np.sum(f(x)))(x)
        assert [type(slope) for slope in slopes] == [Fraction, Fraction]
        assert type(jvp(lambda x, f=f: np.sum(f(x)), x, x)[1]) is Fraction
        exact = grad(lambda x, f=f: np.sum(f(x)))(x.astype(float))
        np.testing.assert_allclose(slopes.astype(float), exact, rtol=1e-14)


def test_adjoints_and_directions_take_the_type_of_what_they_belong_to():
    matrix, halves = 2 * np.eye(2), np.array([Fraction(1, 2)] * 2, dtype=object)
    _, pullback = vjp(np.linalg.inv, matrix)
    for adjoint in (np.ones((2, 2), np.float16), np.ones((2, 2), np.int8)):
        np.testing.assert_allclose(pullback(adjoint), np.full((2, 2), -0.25))
    assert vjp(np.square, np.ones(2))[1](halves).dtype == float
    assert jvp(np.square, np.ones(2), halves)[1].dtype == float
    assert jvp(np.square, halves, np.ones(2))[1].dtype == float
    assert jvp(np.square, halves, np.ones(2, np.float16))[1].dtype == float
    assert jvp(np.square, halves, halves)[1].tolist() == [Fraction(1, 2)] * 2


def test_a_base_that_is_a_number_of_python_leaves_the_type():
    for base, x in itertools.product((2, 2.0), (F32(0.25), np.full(3, 0.25, F32))):
        twice = derivative(derivative(lambda x, a=base: a**x))
        assert twice(x).dtype == F32
        np.testing.assert_allclose(twice(x), math.log(2) ** 2 * 2**0.25, rtol=1e-6)
    assert derivative(lambda x: 0**x)(1.0) == 0
    with pytest.raises(ValueError, match="not determined"):
        derivative(lambda x: (-2) ** np.stack([x, x])[0])(2.0)


def test_activations_of_any_number():
    assert relu(3) == 3
    assert type(relu(np.int8(-3))) is int
    assert type(relu(Fraction(-1, 3))) in (int, Fraction)
    assert type(derivative(relu)(Fraction(1, 3))) is Fraction
    assert relu([1, -2]).tolist() == [1.0, 0.0]
    assert sigmoid(Fraction(-40)) == sigmoid(-40.0)
    assert softplus(np.array([Fraction(-40)], dtype=object)).tolist() == [softplus(-40.0)]
    second = math.tanh(1.25) / (2 * math.cosh(1.25)) ** 2
    assert derivative(derivative(sigmoid))(Fraction(-5, 2)) == pytest.approx(
        second, rel=1e-14, abs=0
    )
    assert derivative(sigmoid)(Fraction(40)) == pytest.approx(math.exp(-40), rel=1e-14, abs=0)
    assert sigmoid([-np.inf, np.inf]).tolist() == [0, 1]
    assert np.isnan(softplus(np.nan))
    assert sigmoid(np.zeros(0)).shape == (0,)
    assert sigmoid(np.ones(2, np.float32)).dtype == np.float32


@pytest.mark.parametrize("singular", [np.ones((2, 2)), np.diag([0.0, 2, 3]), np.zeros((2, 2))])
def test_the_determinant_of_a_singular_matrix_has_a_derivative(singular):
    minors = [
        [
            (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(singular, i, 0), j, 1))
            for j in range(len(singular))
        ]
        for i in range(len(singular))
    ]
    np.testing.assert_allclose(grad(np.linalg.det)(singular), minors, atol=1e-14)
    _, moved = jvp(np.linalg.det, singular, np.ones_like(singular))
    assert moved == pytest.approx(np.sum(minors), abs=1e-14)


def test_a_jacobian_where_the_value_is_infinite():
    with np.errstate(divide="ignore"):
        for mode in ("reverse", "forward"):
            assert jacobian(lambda x: 1 / x, mode)(np.zeros(1)).tolist() == [[-np.inf]]


def test_a_forward_jacobian_takes_one_direction_at_a_time():
    x = np.ones(1000)
    assert peak_bytes(lambda: jacobian(np.sum, "forward")(x)) < 100 * x.nbytes


def test_trees_of_parameters():
    params = {"layers": [(np.ones((2, 3)), 1.0), (np.ones((3, 5)), 2.0)], "scale": 3.0}

    def loss(p):
        (W, b), (V, c) = p["layers"]
        return p["scale"] * np.sum((np.ones(2) @ W + b) @ V + c)

    value, gradient = value_and_grad(loss)(params)
    assert value == 3 * (45 + 10)
    assert gradient["scale"] == 55
    np.testing.assert_array_equal(gradient["layers"][1][0], np.full((3, 5), 9.0))
    assert gradient["layers"][0][1] == 45


def test_complex_step_through_the_reverse_sweep():
    x, v = random(5, seed=1), random(5, seed=2)

    def f(x):
        return np.sum(np.exp(np.sin(x) * x[::-1]))

    by_step = grad(f)(x + 1e-30j * v).imag / 1e-30
    np.testing.assert_allclose(hvp(f, x, v), by_step, rtol=1e-13)


def test_constants_have_no_derivative():
    assert grad(lambda x: 3.0)(2.0) == 0
    assert derivative(lambda x: 3.0)(2.0) == 0
    assert grad(lambda x: np.sign(x) * 2 + np.floor(x))(1.5) == 0
    np.testing.assert_array_equal(grad(lambda x: x[0] * 1.0)(np.ones((2,))), [1, 0])
    np.testing.assert_array_equal(jvp(lambda x: np.ones(3), np.ones(2), np.ones(2))[1], np.zeros(3))


def test_kinks():
    for sweep in (grad, derivative):
        assert sweep(relu)(0.0) == 0
        assert sweep(np.abs)(0.0) == 0
        assert sweep(lambda x: np.maximum(x, 0))(0.0) == 0.5
        assert sweep(lambda x: np.maximum(x, x))(1.0) == 1
    shares = grad(lambda x: np.max(x))(np.array([2.0, 1.0, 2.0]))
    np.testing.assert_array_equal(shares, [0.5, 0, 0.5])
    assert grad(lambda x: x**0)(0.0) == 0
    assert grad(lambda x: x**2)(0.0) == 0


def saturated_loss(z, t):
    """The cross-entropy of a logistic neuron, −t log σ(z) − (1 − t) log(1 − σ(z))."""
    return t * softplus(-z) + (1 - t) * softplus(z)


CANCELLING = [  # a function, where, and its derivative, in which nothing is left of 1 − 1
    (sigmoid, 40.0, math.exp(-40)),
    (sigmoid, -40.0, math.exp(-40)),
    (np.tanh, 20.0, 4 * math.exp(-40)),
    (np.tanh, -20.0, 4 * math.exp(-40)),
    (softplus, -40.0, math.exp(-40)),
    (lambda z: saturated_loss(z, 0), 37.0, 1.0),
    (lambda z: saturated_loss(z, 1), 37.0, -math.exp(-37)),
    (lambda z: saturated_loss(z, 1), -740.0, -1.0),
    (lambda z: saturated_loss(z, 1), -750.0, -1.0),
    (lambda z: np.logaddexp(0, z), -40.0, math.exp(-40)),
    (np.arcsin, 1 - 2.0**-40, 1 / math.sqrt(2.0**-39 - 2.0**-80)),
    (np.arctan, 1e200, 0.0),
    (np.arctan, 1e150, 1e-300),
    (np.arctan, -1e155, 1e-310),
]


@pytest.mark.parametrize("k", range(len(CANCELLING)))
def test_nothing_cancels(k):
    f, x, slope = CANCELLING[k]
    for sweep in (grad, derivative):
        assert sweep(f)(x) == pytest.approx(slope, rel=1e-14, abs=0)


def test_a_small_slope_times_a_large_adjoint_is_in_range():
    slope = grad(lambda x: 1e300 * np.arctan(x))(1e160)
    assert slope == pytest.approx(1e-20, rel=1e-14, abs=0)


def test_hand_written_gradient_of_a_saturated_neuron():
    w, x = np.ones(1), np.array([40.0])
    by_hand = neuron_gradient(w, 0.0, x, 0.0)
    assert by_hand[1] == pytest.approx(math.exp(-40), rel=1e-14, abs=0)
    by_sweep = grad(lambda w: neuron_loss(w, 0.0, x, 0.0))(w)
    np.testing.assert_allclose(by_hand[0], by_sweep, rtol=1e-14)


KINKS = [  # as the table in byhand.backpropagation.rules has them
    (relu, 0.0, 0),
    (np.abs, 0.0, 0),
    (lambda x: relu(x) - relu(-x), 0.0, 0),
    (lambda x: np.maximum(x, 0), 0.0, 0.5),
    (lambda x: np.minimum(x, 0), 0.0, 0.5),
    (lambda x: np.clip(x, 0, 1), 0.0, 0.5),
    (lambda x: np.clip(x, None, 1), 1.0, 0.5),
    (lambda x: np.max(np.stack([x, x, -x])), 0.0, 1 / 3),
    (lambda x: np.min(np.stack([x, x])), 2.0, 1),
    (lambda x: np.sort(np.stack([2 * x, x]))[0], 0.0, 2),
    (lambda x: np.linalg.norm(np.stack([x, 2 * x])), 0.0, 0),
    (lambda x: np.where(x < 1, x, np.sqrt(x)), 0.0, 1),
    (lambda x: np.where(x > 0, np.log(x), x), 0.0, 1),
    (np.sqrt, 0.0, math.inf),
    (lambda x: np.sqrt(x * x), 0.0, 0),
    (np.floor, 1.0, 0),
    (np.sign, 0.0, 0),
    (lambda x: 0.0**x, 1.0, 0),
    (lambda x: np.sum(np.zeros(2) ** x), 0.0, 0),
]


@pytest.mark.parametrize("k", range(len(KINKS)))
def test_both_sweeps_keep_the_stated_convention(k):
    f, x, slope = KINKS[k]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that f itself divides by 0 is no matter here
        for sweep in (grad, derivative):
            assert sweep(f)(x) == pytest.approx(slope)


def test_what_the_sweep_needs_is_kept():
    def f(x):
        c = np.ones(1)
        for _ in range(2):
            x = x * c
            c *= 3
        return np.sum(x)

    assert grad(f)(1.0) == derivative(f)(1.0) == 3
    A = np.array([[2.0, 3.0], [5.0, 7.0]])
    _, pullback = vjp(lambda x: A @ x, np.ones(2))
    A[:] = 0
    assert pullback(np.array([1.0, 0.0])).tolist() == [2, 3]
    index = np.array([1, 1])
    _, pullback = vjp(lambda x: x[index], np.arange(3.0))
    index[:] = 0
    assert pullback(np.ones(2)).tolist() == [0, 2, 0]


_OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("operate", [*_OPERATORS, operator.matmul])
def test_operators_keep_their_operands_and_refuse_what_leaked(operate):
    x, A = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 3.0], [5.0, 7.0]])
    expected = vjp(lambda x: operate(x, A.copy()), x)[1](np.ones((2, 2)))
    _, pullback = vjp(lambda x: operate(x, A), x)
    _, by_both = vjp(lambda p: operate(p[0], p[1]), (x, A))
    A[:] = 0
    assert pullback(np.ones((2, 2))).tolist() == expected.tolist()
    assert by_both(np.ones((2, 2)))[0].tolist() == expected.tolist()
    kept = []
    grad(lambda x: np.sum(kept.append(x) or x))(x)
    for other in (A, x.tolist(), kept[0]):
        with pytest.raises(ValueError, match="leaked from a sweep that has ended"):
            operate(kept[0], other)
    if operate is not operator.matmul:
        for operands in ((kept[0], 2.0), (2.0, kept[0])):
            with pytest.raises(ValueError, match="leaked from a sweep that has ended"):
                operate(*operands)
    with pytest.raises(ValueError, match="leaked from a sweep that has ended"):
        grad(lambda x: np.sum(operate(kept[0], x)) + np.sum(operate(kept[0], 2 * kept[0])))(x)


def test_results_belong_to_the_caller():
    x = np.ones(3)
    a, b = grad(lambda p: np.sum(p[0] + p[1]))((x, x))
    value, slope = jvp(lambda x: x, x, x)
    same, pullback = vjp(lambda x: x, x)
    seed = np.ones(3)
    pulled, jacobi = pullback(seed), jacobian(lambda x: x)(x)
    constant = np.ones(3)
    from_outside, _ = vjp(lambda x: constant, x)
    results = [x, a, b, value, slope, same, seed, pulled, jacobi, constant, from_outside]
    for one, other in itertools.combinations(results, 2):
        assert not np.shares_memory(one, other)
    assert all(result.flags.writeable for result in results)
    assert grad(lambda x: copy.deepcopy(x) ** 2)(3.0) == 6
    assert grad(lambda x: copy.copy(x) * x.copy())(3.0) == 6


@pytest.mark.parametrize("sweep", [grad, derivative])
def test_a_value_kept_from_another_sweep_is_named(sweep):
    kept = {}

    def f(x):
        return kept.setdefault("square", x * x) * x

    assert sweep(f)(2.0) == 12
    with pytest.raises(ValueError, match="leaked from a sweep that has ended"):
        sweep(f)(2.0)
    with pytest.raises(TypeError, match="is its return missing"):
        sweep(lambda x: None)(2.0)


def test_types_are_those_of_x():
    exact = np.array([Fraction(1, 3), Fraction(2)], dtype=object)
    assert grad(lambda x: np.sum(np.pad(x, 1) ** 2))(exact).tolist() == [Fraction(2, 3), 4]
    for mode in ("reverse", "forward"):
        found = jacobian(lambda x: x * x, mode)(exact)
        assert found.tolist() == [[Fraction(2, 3), 0], [0, 4]]
        assert {type(entry) for entry in found.flat} == {Fraction}
        for dtype in (np.float16, np.float32):
            assert jacobian(lambda x: np.tanh(x) * x, mode)(np.ones(2, dtype)).dtype == dtype
    assert grad(lambda x: x**4)(2**20) == 2.0**62
    assert grad(lambda x: np.sum(x * np.array([2**62]) * 4))(np.ones(1)).tolist() == [2.0**64]


@pytest.mark.parametrize("n", [16, 64])
def test_a_sweep_costs_what_the_function_costs(n):
    """Programs whose naive sweep needs n² additions: each reading fills an array of n zeros."""

    def loop(x):
        total = 0
        for i in range(n):
            total = total + x[i] * x[i]
        return total

    def pieces(x):
        return np.sum(np.concatenate([x[i : i + 1] * x[i] for i in range(n)]))

    def windows(x):
        return np.sum(sliding_window_view(x, 2) ** 2)

    for f in (loop, pieces, windows):
        of_f = sum(count_operations(f, np.arange(1.0, n + 1)).values())
        of_sweep = sum(count_operations(grad(f), np.arange(1.0, n + 1)).values())
        assert of_sweep <= 5 * of_f


def test_values_decide_branches():
    def f(x):
        return x * x if x > 1 else -x

    assert grad(f)(2.0) == 4
    assert derivative(f)(0.5) == -1


def test_truth_is_that_of_the_value():
    for sweep in (grad, derivative):
        assert sweep(lambda x: x * x if x else -x)(3.0) == 6
        assert sweep(lambda x: x * x if x else -x)(0.0) == -1


def test_sigmoid_does_not_overflow():
    z = np.array([-1000.0, -30.0, 0.0, 30.0, 1000.0])
    np.testing.assert_allclose(sigmoid(z), [0, math.exp(-30), 0.5, 1, 1], rtol=1e-12)


BAD_CALLS = [
    (lambda: grad(lambda x: x)(np.ones(2)), ValueError, r"scalar value, got shape \(2,\)"),
    (lambda: grad(_assign)(np.ones(2)), TypeError, r"cannot assign to x\[0\].*np.where"),
    (lambda: grad(_assign_plain)(np.ones(2)), (TypeError, ValueError), "array element|np.stack"),
    (lambda: grad(_add_in_place)(np.ones(2)), TypeError, r"in place \(as in a \+= x\)"),
    (lambda: grad(lambda x: math.exp(x))(1.0), TypeError, "use NumPy's functions"),
    (lambda: grad(lambda x: np.array([x, x])[0])(1.0), TypeError, "np.stack"),
    (lambda: grad(lambda x: np.linalg.svd(x)[0])(np.eye(2)), TypeError, "no derivative rule.*svd"),
    (lambda: grad(lambda x: np.gcd(x, 2))(1.0), TypeError, "no derivative rule.*gcd"),
    (lambda: grad(lambda x: np.multiply.outer(x, x))(1.0), TypeError, "multiply.outer"),
    (lambda: grad(lambda x: np.sum(a=x))(np.ones(2)), TypeError, "by position"),
    (lambda: grad(lambda x: x)("text"), TypeError, "x must be numbers, got <U4"),
    (lambda: jvp(np.sin, np.ones(2), np.ones(3)), ValueError, r"needs shape \(2,\), got \(3,\)"),
    (lambda: vjp(np.sin, np.ones(2))[1](1.0), ValueError, r"needs shape \(2,\), got \(\)"),
    (lambda: jacobian(np.sin, "sideways"), ValueError, "mode must be"),
    (lambda: grad(lambda x: np.linalg.norm(x, ord=1))(np.ones(2)), TypeError, "Euclidean"),
    (
        lambda: grad(lambda x: np.linalg.norm(x, 2, axis=(0, 1)))(np.ones((2, 2))),
        *(TypeError, "Euclidean"),
    ),
    (
        lambda: grad(lambda x: np.sum(np.pad(x, 1, mode="mean")))(np.ones(2)),
        *(TypeError, "zeros or copies entries, got 'mean'"),
    ),
    (lambda: grad(lambda x: x if x else -x)(np.ones(2)), ValueError, "ambiguous"),
    (lambda: grad(relu)(np.nan), ValueError, "x must be finite, got nan"),
    (lambda: grad(np.sum)(np.ma.array([1.0, 2.0], mask=[0, 1])), TypeError, "x must not be masked"),
    (
        lambda: grad(lambda x: np.sum(x * np.ma.ones(2)))(np.ones(2)),
        *(TypeError, "must be a plain array, got a MaskedArray"),
    ),
    (lambda: grad(abs)(np.array(False)), TypeError, "x must be numbers, got bool"),
    (lambda: grad(lambda x: [x])(1.0), TypeError, "got a list; use np.stack"),
    (lambda: grad(3)(1.0), TypeError, "f must be a function, got 3"),
    (lambda: grad(np.sum)(np.ones(0)), ValueError, "x must not be empty"),
    (lambda: jacobian(np.sin, "forward")(np.ones(0)), ValueError, "x must not be empty"),
    (lambda: jacobian(np.sin)((1.0, 2.0)), TypeError, "x must be one array, got a tuple"),
    (lambda: grad(np.sum)([]), ValueError, r"x must not be empty, got \[\]"),
    (lambda: grad(len)({}), ValueError, "x must not be empty"),
    (lambda: jvp(np.stack, [], []), ValueError, "x must not be empty"),
    (lambda: jvp(np.stack, [1.0, 2.0], [1.0]), ValueError, "v must be built like x"),
    (lambda: jvp(np.stack, [1.0], np.ma.ones(1)), ValueError, "v must be built like x"),
    (lambda: jvp(lambda x: x["a"], {"a": 1.0}, {"b": 1.0}), ValueError, "v must be built like x"),
    (lambda: vjp(np.sin, np.ones(2))[1]([[1.0], 2.0]), ValueError, "the adjoint must be an array"),
    (lambda: jacobian(lambda x: [x], "forward")(1.0), TypeError, "got a list; use np.stack"),
    (lambda: relu("1"), TypeError, "x must be numbers, got <U1"),
    (lambda: sigmoid(None), TypeError, "x must be numbers, got the entry None"),
    (lambda: softplus(np.array([True])), TypeError, "x must be numbers, got bool"),
    (lambda: relu([1.0, relu]), TypeError, "x must be numbers, got the entry"),
    (lambda: sigmoid(np.ma.ones(2)), TypeError, "x must not be masked"),
    (lambda: grad(lambda x: np.sqrt(x) - np.sqrt(x))(0.0), ValueError, "∞ − ∞"),
    (lambda: derivative(lambda x: np.sqrt(x) - np.sqrt(x))(0.0), ValueError, "∞ − ∞"),
]


def _assign(x):
    x[0] = 1.0
    return np.sum(x)


def _assign_plain(x):
    y = np.zeros(2)
    y[0] = x[0]
    return np.sum(y)


def _add_in_place(x):
    y = np.zeros(2)
    y += x
    return np.sum(y)


@pytest.mark.parametrize("k", range(len(BAD_CALLS)))
def test_bad_calls_say_what_is_wrong(k):
    call, error, message = BAD_CALLS[k]
    with pytest.raises(error, match=message):
        call()


def test_assignment_into_a_plain_array_names_the_way_out():
    with pytest.raises(ValueError, match="array element") as caught:
        grad(_assign_plain)(np.ones(2))
    assert "np.stack" in str(caught.value.__cause__)


def test_fit_undoes_broadcasting():
    for small, large in [((), (2, 3)), ((3, 1), (2, 3, 5)), ((1, 1), (1, 5)), ((2, 3), (2, 3))]:
        x, g = random(*small), random(*large, seed=1)
        assert np.shape(fit(g, small)) == small
        # The transpose of broadcasting: ⟨g, spread x⟩ = ⟨fit g, x⟩.
        assert np.sum(g * x) == pytest.approx(np.sum(fit(g, small) * x))


# -- short cuts ------------------------------------------------------------------------------------


@pytest.fixture
def without_add(monkeypatch):
    """Take np.add, by which sums and scattered parts are added up slowly, from the rules."""
    monkeypatch.setattr(rules, "np", SimpleNamespace(**vars(np) | {"add": None}))


@pytest.mark.parametrize("rows", [1, 1024])
def test_the_adjoint_of_a_bias_is_added_up_by_blas(rows, without_add):
    assert fit(np.ones((rows, 2)), (2,)).tolist() == [rows, rows]


def test_a_long_adjoint_of_a_bias_is_added_up_as_well():
    assert fit(np.ones((1025, 2)), (2,)).tolist() == [1025, 1025]


INDICES = [1, np.int64(1), slice(1, 3), ..., None, (1, 2), (..., 1), (None, slice(2), 1)]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_what_numbers_and_slices_pick_is_put_back_at_once(index, without_add):
    x = random(3, 4)
    whole = scatter(x[index], 2 * x[index], indices=[index, index], shape=x.shape)
    expected = np.zeros_like(x)
    expected[index] = 3 * x[index]
    np.testing.assert_allclose(whole, expected, rtol=1e-15)


def test_the_slope_of_tanh_asks_nothing_where_numbers_are_plain_floats(monkeypatch):
    monkeypatch.setattr(rules, "_sech2", None)
    x = random(5)
    slope = grad(lambda x: np.sum(np.tanh(x)))(x)
    np.testing.assert_allclose(slope, 1 / np.cosh(x) ** 2, rtol=1e-15)


def test_traced_matrices_are_turned_without_a_look_at_their_axes(monkeypatch):
    monkeypatch.delitem(COMPOSITES, np.swapaxes)
    A = random(3, 3)
    found = grad(lambda A: np.trace(grad(lambda A: np.trace(A @ A @ A))(A)))(A)
    np.testing.assert_allclose(found, 6 * A.T, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, F32, float, object])
def test_the_largest_share_an_adjoint_of_their_type(dtype):
    (pull,), g, x = RULES[np.max].pulls, np.ones(2, dtype), np.ones((2, 3), dtype)
    assert pull(g, g, x, axis=1).dtype == dtype


def test_the_keywords_of_a_rule_are_read_from_it():
    assert _keywords(RULES[np.sum].pushes[0]) == {"axis", "keepdims"}
    assert _keywords(RULES[np.cumsum].pulls[0]) == {"axis"}


# -- graphs ----------------------------------------------------------------------------------------


def nested_exponentials(x):
    a = np.exp(x)
    b = a**2
    c = a + b
    d = np.exp(c)
    e = np.sin(c)
    return d + e


def test_graph_knows_values_adjoints_and_partials():
    graph = trace_graph(nested_exponentials, 0.3, "xabcdef")
    assert graph.formulas == ("x", "exp(x)", "a²", "a + b", "exp(c)", "sin(c)", "d + e")
    x = sympy.Symbol("x")
    a = sympy.exp(x)
    exact = float((sympy.exp(a + a**2) + sympy.sin(a + a**2)).diff(x).subs(x, 0.3))
    assert graph.adjoints[0] == pytest.approx(exact, rel=1e-13, abs=0)
    # Each adjoint is the sum over the uses of its value.
    for k in range(6):
        total = sum(graph.adjoints[e.target] * e.partial for e in graph.edges if e.source == k)
        assert graph.adjoints[k] == pytest.approx(total, rel=1e-13, abs=0)


def test_layout_separates_boxes_and_layers():
    graph = trace_graph(nested_exponentials, 0.3, "xabcdef")
    place = layout(graph, width=2.0, height=1.0, gap=(0.5, 0.5))
    for i, (x, y) in enumerate(place.centers):
        for u, v in place.centers[:i]:
            assert abs(x - u) >= 2 or abs(y - v) >= 1
    for edge, route in zip(graph.edges, place.routes, strict=True):
        assert place.centers[edge.source][1] < place.centers[edge.target][1]
        assert tuple(route[0]) == place.centers[edge.source]
        assert tuple(route[-1]) == place.centers[edge.target]


def test_inputs_stand_side_by_side_in_their_order():
    graph = trace_graph(lambda p: two_layer_loss(p, 2.0, 5.0), (0.5, 0.0, 0.3, 0.0), range(13))
    inputs = layout(graph, width=2.0, height=1.0, gap=(0.5, 0.5)).centers[:4]
    assert inputs == sorted(inputs)
    assert {y for _, y in inputs} == {0.5}


def test_explorer_steps():
    graph = trace_graph(nested_exponentials, 0.3, "xabcdef")
    assert steps_of(graph) == 13
    assert step_text(graph, 3).startswith("c = a + b")
    assert step_text(graph, 12).startswith("ā = c̄·∂c/∂a + b̄·∂b/∂a = ")
    plt.close(draw_graph(graph, 12))
    with pytest.raises(ValueError, match="step must lie in 0 … 13, got 14"):
        step_text(graph, 14)


@pytest.mark.parametrize(
    ("f", "x", "names", "message"),
    [
        (np.exp, 1.0, "xab", "computes 2 values, inputs included, got 3 names"),
        (lambda x: (np.exp(x), x)[1], 1.0, "xa", "must be the last"),
        (lambda x: np.sum(x), np.ones(2), "xa", r"scalars can be drawn, got shape \(2,\)"),
    ],
)
def test_graphs_refuse(f, x, names, message):
    with pytest.raises(ValueError, match=message):
        trace_graph(f, x, names)


def test_layout_refuses_unconnected_graphs():
    with pytest.raises(ValueError, match="connected, got 2 parts"):
        layout(trace_graph(lambda p: p[0] * 2.0, (1.0, 1.0), "xyf"), 1, 1, (1, 1))


def test_every_figure_can_be_drawn():
    profile = depth_profile("zero", "ReLU", np.random.default_rng(0), depth=20)
    drawn = [
        figures.draw_saturation(),
        figures.draw_depth_profile(lambda *_: profile, "zero", "ReLU"),
        figures.draw_xor_losses(np.linalg.norm, random(2001, 9), [random(2001, 9)]),
        figures.draw_prices({"forward": [1, 2, 3], "reverse": [3, 2, 1]}, [(1, 2)] * 3),
        figures.draw_training(np.geomspace(1, 0.1, 12), per_epoch=4),
        figures.draw_mistakes(random(3, 8, 8), [1, 2, 3], [4, 5, 6]),
    ]
    for figure in drawn:
        figure.canvas.draw()
        plt.close(figure)
    lines = drawn[1].axes[0].lines
    assert all(line.get_ydata().min() >= 1e-20 for line in lines)  # zeros lie on the edge


# -- counting --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "kind", "count"),
    [
        *((3, "multiplications", 2), (-1, "multiplications", 1), (-2, "multiplications", 2)),
        *((1, "multiplications", 0), (2.5, "functions", 1), (-0.5, "functions", 1)),
    ],
)
def test_a_power_counts_as_what_it_takes(n, kind, count):
    assert +count_operations(lambda x: x**n, np.array([2.0])) == +Counter({kind: count})


def test_what_is_counted_is_finite_numbers():
    with pytest.raises(ValueError, match=r"^an argument of f must be finite"):
        count_operations(np.sum, np.array([1.0, np.nan]))


def test_counts_of_a_jacobian():
    n, k, m = 3, 4, 2
    A, B = random(k, n, seed=1), random(m, k, seed=2)

    def count(mode):
        def run(A, B, x):
            return jacobian(lambda x: B @ np.sin(A @ x), mode)(x)

        return count_operations(run, A, B, random(n))["multiplications"]

    value = k * n + m * k
    assert count("forward") == n * (2 * value + k)
    assert count("reverse") == value + m * (value + k)


def test_operations_are_counted_in_lists_and_tuples_and_one_after_the_other():
    def work(pair):
        (a, b), c = pair
        return (a * b + c) ** 0.5 + np.sin(a) ** 0.5 + (b * c) ** 3 + c**0

    count = count_operations(work, ([2.0, 3.0], 4.0))
    assert dict(count) == {"multiplications": 4, "additions": 4, "functions": 3}
    a, b, c = 2.0, 3.0, 4.0
    kept = []
    count_operations(lambda pair: kept.append(work(pair)), ([a, b], c))
    assert float(kept[0]) == work(([a, b], c))


def test_counted_numbers_are_ordered_as_their_values():
    kept = []
    count_operations(lambda pair: kept.extend([*pair]), (2.0, 2.0))
    two, other = kept
    assert (two > 2, two >= 2, two > 1, two >= 3) == (False, True, True, False)
    assert two >= other


def test_a_layer_deep_profile_draws_a_sign_for_each_output():
    profile = depth_profile("He", "ReLU", np.random.default_rng(0))
    assert len(profile.forward) == len(profile.backward) == 20
    rng = np.random.default_rng(2)
    few = depth_profile("He", "tanh", rng, depth=3, width=4, samples=5)
    assert rng.bit_generator.state == _after_drawing(2, 3, 4, 5)
    assert len(few.forward) == 3


def test_a_profile_is_that_of_two_sweeps_by_hand():
    found = depth_profile("constant", "ReLU", np.random.default_rng(4), 2, 4, samples=6)
    rng, W = np.random.default_rng(4), np.full((4, 4), 0.5)
    X, signs = rng.normal(size=(6, 4)), rng.choice([-1.0, 1.0], size=(6, 4))
    first = np.maximum(X @ W, 0)
    second = first @ W  # which is not negative
    at_second = signs * (second > 0)
    at_first = at_second @ W.T * (first > 0)
    np.testing.assert_allclose(found.forward, [np.mean(h**2) for h in (first, second)], rtol=1e-14)
    adjoints = [np.mean(bar**2) for bar in (at_first, at_second)]
    np.testing.assert_allclose(found.backward, adjoints, rtol=1e-14)


def _after_drawing(seed, depth, width, samples):
    """Return where a generator is after weights, samples and signs."""
    rng = np.random.default_rng(seed)
    for _ in range(depth):
        initial_weights(rng, "He", width, width)
    rng.normal(size=(samples, width))
    rng.choice([-1.0, 1.0], size=(samples, width))
    return rng.bit_generator.state


def test_counted_numbers_compute():
    tally = count_operations(lambda x: np.testing.assert_allclose(
        np.array([float(y) for y in 1 - np.tanh(x) * 2 / 3 - x]), 1 - np.tanh(0.5) * 2 / 3 - 0.5
    ), np.full(3, 0.5))  # fmt: skip
    assert tally == {"functions": 3, "multiplications": 6, "additions": 6}


A_ROW = np.linspace(-1, 1, 20)
A_SQUARE = np.linspace(-1, 1, 36).reshape(6, 6)
PROGRAMS = {
    "a neuron": (lambda w: neuron_loss(w, 0.3, A_ROW[:5], 0.8, 0.7), A_ROW[5:10]),
    "a network": (lambda p: squared_error(p, *XOR, (2, 2, 1)), A_ROW[:9]),
    "a surface": (lambda w: w[0] ** 4 - 4 * w[0] * w[1] + w[1] ** 4, A_ROW[:2]),
    "a polynomial": (lambda w: ((w @ w - 1) ** 2 + w[0] * w[1]) / 2, A_ROW[:5]),
    "a loop over entries": (lambda x: sum(x[i] * x[i + 1] for i in range(19)), A_ROW),
    "pieces put together": (lambda x: np.sum(np.concatenate([x[:9], np.sin(x[9:])]) ** 2), A_ROW),
    "a filter's image": (lambda x: np.sum(cross_correlate(x, A_SQUARE[:3, :3]) ** 2), A_SQUARE),
    "a filter": (lambda w: np.sum(cross_correlate(A_SQUARE, w) ** 2), A_SQUARE[:3, :3]),
    "mean pooling": (lambda x: np.sum(average_pool(x, 2) ** 2), A_SQUARE),
    "largest entries": (lambda x: np.sum(np.max(x.reshape(6, 2, 3), axis=2) ** 2), A_SQUARE),
    "gradient descent": (lambda w: _after_ten_steps(w), A_ROW[:2]),
}


def _after_ten_steps(w):
    for _ in range(10):
        w = w - 0.1 * (w**3 - w)
    return w @ w


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_gradient_is_cheap_in_the_programs_of_the_book(name):
    program, point = PROGRAMS[name]
    value = count_operations(program, point).total()
    both = count_operations(value_and_grad(program), point).total()
    assert value < both <= 5 * value


# -- networks --------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.floats(0, 3))
@laws
def test_neuron_gradient(seed, penalty):
    rng = np.random.default_rng(seed)
    w, b, x, t = rng.normal(size=5), rng.normal(), rng.normal(size=5), rng.random()
    gw, gb = neuron_gradient(w, b, x, t, penalty)
    hw, hb = grad(lambda p: neuron_loss(*p, x, t, penalty))((w, b))
    np.testing.assert_allclose(gw, hw, rtol=1e-10, atol=1e-14)
    assert gb == pytest.approx(hb, rel=1e-10, abs=1e-14)


def test_network_against_autograd_and_by_hand():
    sizes = [4, 7, 5, 3]
    rng = np.random.default_rng(0)
    params = initial_parameters(rng, sizes)
    X, labels = rng.normal(size=(11, 4)), rng.integers(0, 3, size=11)

    def theirs(params):
        h = X
        layers = unpack(params, sizes)
        for W, b in layers[:-1]:
            h = anp.tanh(anp.dot(h, W) + b)
        scores = anp.dot(h, layers[-1][0]) + layers[-1][1]
        log_total = anp.log(anp.sum(anp.exp(scores), axis=1))
        return anp.mean(log_total - scores[np.arange(11), labels])

    ours = grad(cross_entropy)(params, X, labels, sizes)
    np.testing.assert_allclose(ours, autograd.grad(theirs)(params), rtol=1e-11, atol=1e-14)
    by_hand = cross_entropy_gradient(params, X, labels, sizes)
    np.testing.assert_allclose(ours, by_hand, rtol=1e-11, atol=1e-14)
    numeric = scipy.optimize.approx_fprime(params, cross_entropy, 1e-7, X, labels, sizes)
    np.testing.assert_allclose(ours, numeric, atol=1e-6)
    assert cross_entropy(1e3 * params, X, labels, sizes) < np.inf


def test_identical_units_are_trapped_in_a_saddle():
    sizes, start = [2, 2, 1], np.random.default_rng(1).normal(size=9)
    trap = critical_point_of_identical_units(start, *XOR, sizes, 1e-3)

    def loss(p):
        return squared_error(p, *XOR, sizes, 1e-3)

    assert np.abs(gradient_by_complex_step(loss, trap)).max() < 1e-10
    eigenvalues = np.linalg.eigvalsh(jacobian(grad(loss))(trap))
    assert eigenvalues[0] < -1e-3 < 1e-3 < eigenvalues[1]


def gradient_by_complex_step(f, x):
    """Return a gradient by the complex step."""
    return np.array([f(x + 1e-30j * unit).imag / 1e-30 for unit in np.eye(len(x))])


def test_identical_units_stay_identical():
    sizes = [2, 3, 1]
    params = make_units_identical(np.random.default_rng(0).normal(size=13), sizes)
    for _ in range(50):
        params = params - 0.1 * grad(squared_error)(params, *XOR, sizes)
    (W, b), (V, _) = unpack(params, sizes)
    for spread in (np.ptp(W, axis=1), np.ptp(b), np.ptp(V)):
        assert np.all(spread < 1e-13)
    free = np.random.default_rng(0).normal(size=13)
    (W, _), _ = unpack(free - 0.1 * grad(squared_error)(free, *XOR, sizes), sizes)
    assert np.ptp(W, axis=1).min() > 0.1


def test_depth_profile_of_he_keeps_the_mean_square():
    rng = np.random.default_rng(0)
    profiles = [depth_profile("He", "ReLU", rng, depth=5, width=32, samples=8) for _ in range(300)]
    mean = np.mean([p.forward for p in profiles], axis=0)
    np.testing.assert_allclose(mean, 1, atol=0.08)


def test_initial_weights_have_their_spread():
    rng = np.random.default_rng(0)
    for scheme, variance in zip(SCHEMES, [0, 0, 1 / 800, 1 / 200, 2 / 300, 8 / 300], strict=True):
        W = initial_weights(rng, scheme, 300, 100)
        assert W.shape == (300, 100)
        assert np.var(W) == pytest.approx(variance, rel=0.03, abs=0)


def test_multilayer_is_what_its_layers_are():
    params = random(13)
    (W, b), (V, c) = unpack(params, [2, 3, 1])
    X = random(5, 2, seed=1)
    np.testing.assert_allclose(multilayer(params, X, [2, 3, 1]), np.tanh(X @ W + b) @ V + c)


CLASSIFIER = (np.zeros(6), np.ones((2, 2)))  # parameters and samples


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unpack(np.zeros(12), [2, 3, 1]), r"need 13 parameters, got shape \(12,\)"),
        (lambda: initial_weights(None, "tiny", 2, 2), "scheme must be one of"),
        (lambda: depth_profile("He", "cubic", None), "activation must be one of"),
        (lambda: make_units_identical(np.zeros(3), [2, 1]), "one hidden layer"),
        (
            lambda: squared_error(np.zeros(9), np.ones((4, 2)), np.ones(4), [2, 2, 1]),
            r"targets must have the outputs' shape \(4, 1\), got \(4,\)",
        ),
        (lambda: cross_entropy(*CLASSIFIER, [0, -1], [2, 2]), "labels must lie in 0 … 1, got -1"),
        (lambda: cross_entropy_gradient(*CLASSIFIER, [0, 2], [2, 2]), "in 0 … 1, got 2"),
        (lambda: cross_entropy(*CLASSIFIER, [0], [2, 2]), r"shape \(2,\), got \(1,\)"),
        (lambda: depth_profile("He", "ReLU", np.random.default_rng(0), depth=0), "depth must be"),
        (
            lambda: train(None, np.zeros(1), np.zeros((3, 1)), None, gradient_descent(1), None,
                          epochs=1, batch=4),
            r"1 ≤ batch ≤ 3 samples and epochs ≥ 1, got 4 and 1",
        ),
    ],
)  # fmt: skip
def test_networks_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_seed_is_no_generator():
    for call in (
        lambda: initial_weights(0, "He", 2, 2),
        lambda: initial_parameters(0, [2, 2]),
        lambda: depth_profile("He", "ReLU", 0),
        lambda: train(None, np.zeros(1), np.ones((3, 1)), None, None, 0, epochs=1, batch=1),
    ):
        with pytest.raises(TypeError, match="rng must be"):
            call()
    with pytest.raises(TypeError, match="labels must be integers"):
        cross_entropy(*CLASSIFIER, [0.0, 1.0], [2, 2])


def test_empty_outputs_have_a_jacobian():
    for mode in ("reverse", "forward"):
        assert jacobian(lambda x: x[:0], mode)(np.ones(2)).shape == (0, 2)
    assert grad(lambda x: x @ [1.0, 2.0])(np.ones(2)).tolist() == [1, 2]
    assert grad(lambda x: np.sum(np.concatenate([[1.0], x])))(np.ones(2)).tolist() == [1, 1]


# -- what no other test looks at ------------------------------------------------------------------


def test_the_gradient_by_hand_knows_biases_and_scores_of_any_size():
    rng = np.random.default_rng(5)
    sizes = [3, 4, 3]
    params = rng.normal(size=4 * 4 + 5 * 3)
    X, labels = rng.normal(size=(6, 3)), [0, 1, 2, 0, 1, 2]
    expected = grad(cross_entropy)(params, X, labels, sizes)
    found = cross_entropy_gradient(params, X, labels, sizes)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)
    far = np.array([[1.0, 0.0], [3000.0, 0.0]])  # no exponential of their difference is above 0
    params = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    found = cross_entropy_gradient(params, far, [0, 1], [2, 2])
    np.testing.assert_allclose(found, [749.75, -749.75, 0, 0, 0, 0], rtol=1e-14)


@pytest.mark.parametrize("function", [cross_entropy, cross_entropy_gradient])
def test_classes_are_counted_by_the_last_layer(function):
    with pytest.raises(ValueError, match="labels must lie in 0 … 2, got 4"):
        function(np.zeros(3 * 5 + 6 * 3), np.ones((2, 2)), [0, 4], [2, 5, 3])


def test_the_squared_error_is_the_mean_square_of_what_is_off_and_its_penalty():
    rng = np.random.default_rng(2)
    sizes, params, X = [2, 3, 2], rng.normal(size=17), rng.normal(size=(5, 2))
    targets = rng.normal(size=(5, 2))
    (V, a), (W, b) = unpack(params, sizes)
    off = np.tanh(X @ V + a) @ W + b - targets
    assert squared_error(params, X, targets, sizes) == pytest.approx(
        (off**2).mean(), rel=1e-14, abs=0
    )
    penalized = squared_error(params, X, targets, sizes, 0.5)
    assert penalized == pytest.approx((off**2).mean() + 0.5 * (params**2).sum(), rel=1e-14, abs=0)


def test_options_of_a_function_are_handed_on():
    assert grad(lambda x, times=1.0: times * x * x)(2.0, times=3.0) == 12


@pytest.mark.parametrize("x", [np.zeros(2), [np.zeros(2), np.ones(3)], np.zeros(2, np.float32)])
def test_infinite_slopes_that_cancel_are_refused_in_any_type(x):
    def f(x):
        first = x[0] if isinstance(x, list) else x
        return np.sum(np.sqrt(first) - np.sqrt(first))

    with (
        np.errstate(divide="ignore", invalid="ignore"),
        pytest.raises(ValueError, match="the derivative is not determined"),
    ):
        grad(f)(x)


def test_what_is_pushed_forward_is_named():
    with pytest.raises(TypeError, match=r"^f must be"):
        jvp(None, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"^v must be finite"):
        jvp(np.sin, 1.0, np.inf)


# -- what a planted fault survived ---------------------------------------------------------------

COMPLEX = [0.3 + 0.4j, -0.3 + 0.4j, 0.6 - 0.2j, 2.5 + 0.3j, -2.5 + 0.3j]
HOLOMORPHIC = [f for f in ONE_ARGUMENT if f not in (np.abs, relu)]


@pytest.mark.parametrize("function", HOLOMORPHIC, ids=name_of)
def test_an_elementwise_rule_holds_at_complex_numbers(function):
    z, h = np.array(COMPLEX), 1e-3
    # Richardson's: differences along both axes, of which one cancels the other's error.
    real = (function(z + h) - function(z - h)) / (2 * h)
    imaginary = (function(z + h * 1j) - function(z - h * 1j)) / (2j * h)
    slope = (real + imaginary) / 2
    np.testing.assert_allclose(derivative(function)(z), slope, rtol=1e-8)
    holomorphic = [grad(function)(one) for one in z]
    np.testing.assert_allclose(holomorphic, slope, rtol=1e-8)


@pytest.mark.parametrize(
    ("function", "z", "value", "slope"),
    [
        (sigmoid, 800 + 0.3j, 1, 0),
        (sigmoid, -800 + 0.3j, 0, 0),
        (softplus, 800 + 0.3j, 800 + 0.3j, 1),
        (softplus, -800 + 0.3j, 0, 0),
        (np.tanh, 800 + 0.3j, 1, 0),
        (np.tanh, -800 + 0.3j, -1, 0),
        (np.arctan, 1e10j, math.pi / 2, -1e-20),
    ],
)
def test_far_complex_numbers_overflow_nothing(function, z, value, slope):
    assert function(z) == pytest.approx(value, rel=1e-9, abs=1e-9)
    assert derivative(function)(z) == pytest.approx(slope, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("sweep", [grad, derivative], ids=name_of)
def test_a_size_falls_where_numbers_are_negative_and_keeps_what_is_none(sweep):
    assert sweep(np.abs)(-2.0) == -1
    for function in (np.abs, lambda x: np.maximum(x, 1.0), lambda x: np.max(np.stack([x, -x]))):
        assert np.isnan(sweep(lambda x, f=function: f(np.nan * x))(1.0))
    with pytest.raises(TypeError, match="no derivative at complex"):
        sweep(np.abs)(1 + 1j)


REAL = {
    "max",
    "min",
    "clip",
    "clip one side",
    "clip by name",
    "where on a variable",
    "sort",
    "sort axis",
}


@pytest.mark.parametrize("name", [name for name in MAPS if name not in REAL and "norm" not in name])
def test_array_functions_take_complex_numbers(name):
    """The derivative along i·v is i times that along v, and both sweeps know it."""
    f, x = MAPS[name], random(2, 3, 5, seed=4) + 0.3j * random(2, 3, 5, seed=6)
    v, h = random(2, 3, 5, seed=5) - 0.5, 1e-6
    value, tangent = jvp(f, x, v + 0j)
    np.testing.assert_allclose(tangent, (f(x + h * v) - f(x - h * v)) / (2 * h), atol=5e-8)
    along_i = (f(x + 1j * h * v) - f(x - 1j * h * v)) / (2j * h)
    np.testing.assert_allclose(tangent, along_i, atol=5e-8)
    u = random(*np.shape(value), seed=6)[()] + 0j
    assert np.sum(u * tangent) == pytest.approx(np.sum(vjp(f, x)[1](u) * v), rel=1e-9)


def test_the_complex_norm_is_the_root_of_a_sum_of_squares():
    x = np.array([[3 + 1e-30j, 4.0], [5.0, 12.0]])
    lengths, pullback = vjp(lambda x: np.linalg.norm(x, axis=1, keepdims=True), x)
    np.testing.assert_allclose(lengths, [[5], [13]], rtol=1e-15)
    slope = pullback(np.ones((2, 1)))
    np.testing.assert_allclose(slope.real, [[0.6, 0.8], [5 / 13, 12 / 13]], rtol=1e-15)
    assert slope[0, 0].imag == pytest.approx(1e-30 * 16 / 125, rel=1e-14, abs=0)
    assert slope[1].imag.tolist() == [0, 0]


def test_the_norm_of_all_entries_points_along_them():
    x = random(2, 3, 5)
    np.testing.assert_allclose(grad(np.linalg.norm)(x), x / np.linalg.norm(x), rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_a_norm_is_found_where_its_squares_are_out_of_range(scale):
    value, slope = value_and_grad(np.linalg.norm)(scale * np.array([3.0, 4.0]))
    assert value == pytest.approx(5 * scale, rel=1e-15, abs=0)
    np.testing.assert_allclose(slope, [0.6, 0.8], rtol=1e-15)


@pytest.mark.parametrize("sweep", [grad, derivative], ids=name_of)
def test_a_norm_of_zeros_or_of_nothing_has_no_slope_of_any_order(sweep):
    assert sweep(lambda x: np.linalg.norm(np.stack([x, x])[:0]) + x)(2.0) == 1
    assert sweep(sweep(lambda x: np.linalg.norm(np.stack([x, 2 * x]))))(0.0) == 0


def test_the_mean_of_halves_does_not_overflow_with_their_sum():
    x = np.full(100, 1000, np.float16)
    mean, slope = value_and_grad(np.mean)(x)
    assert mean == 1000
    assert slope.tolist() == [np.float16(0.01)] * 100


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_a_mean_of_fractions_is_exact_along_any_axis(axis):
    x = np.array([[Fraction(1, 3), Fraction(2)], [Fraction(-5, 7), Fraction(1, 2)]])
    y, pullback = vjp(lambda x: np.mean(x * x, axis=axis, keepdims=True), x)
    count = 4 if axis == (0, 1) else 2
    assert np.array_equal(y, np.sum(x * x, axis=axis, keepdims=True) / count)
    assert np.array_equal(pullback(y**0), 2 * x / count)


def test_equal_entries_are_sorted_in_their_order():
    x, w = np.repeat([1.0, 0.0], 50), np.arange(100.0)
    assert np.array_equal(grad(lambda x: np.sum(w * np.sort(x)))(x), np.roll(w, 50))


@pytest.mark.parametrize("x", [np.ones((2, 2)), np.ones((2, 2, 2))])
def test_a_norm_of_matrices_other_than_frobenius_has_no_rule(x):
    for arguments in ({"ord": 2}, {"ord": 2, "axis": (0, 1)}, {"ord": 1, "axis": 0}):
        with pytest.raises(TypeError, match="only the Euclidean norm"):
            grad(lambda x, given=arguments: np.sum(np.linalg.norm(x, **given)))(x)


def test_a_pulled_back_adjoint_takes_the_type_of_the_value():
    x = np.ones(2, np.float32)
    assert vjp(lambda x: x * x, x)[1]([1.0, 2.0]).dtype == np.float32
    with pytest.raises(TypeError, match=r"^f must be"):
        jacobian(3, "forward")(x)


COUNTED = {
    "tanh": lambda x: np.sum(np.tanh(x) ** 2),
    "sigmoid": lambda x: np.sum(sigmoid(x) ** 2),
    "relu": lambda x: np.sum(relu(x) ** 2),
    "exp sin cos": lambda x: np.sum(np.exp(np.sin(x)) * np.cos(x)),
    "largest": lambda x: np.max(x * x),
    "power": lambda x: np.sum(x**3 / (1 + x**2)),
}


@pytest.mark.parametrize("name", COUNTED)
def test_a_gradient_of_counted_numbers_has_the_right_values(name):
    f, x, kept = COUNTED[name], np.array([-0.7, 0.4, 1.3]), []
    count_operations(lambda x: kept.extend(grad(f)(x)), x)
    np.testing.assert_allclose([float(entry) for entry in kept], grad(f)(x), rtol=1e-12)


def test_a_graph_names_a_function_without_what_marks_it_as_private():
    graph = trace_graph(lambda x: relu(np.mean(x)), 2.0, ["x", "a", "f"])
    assert graph.formulas == ("x", "average(x)", "ReLU(a)")


def test_a_profile_has_twenty_layers_of_a_hundred_units_and_fifty_inputs():
    rng = np.random.default_rng(3)
    depth_profile("He", "ReLU", rng)
    assert rng.bit_generator.state == _after_drawing(3, 20, 100, 50)


def test_a_penalty_of_one_counts():
    params = np.arange(9.0)
    penalized = squared_error(params, *XOR, [2, 2, 1], 1)
    assert penalized == squared_error(params, *XOR, [2, 2, 1]) + np.sum(params**2)


def test_a_pass_takes_whole_batches_of_different_samples():
    seen = []

    def record(params, X, labels):
        assert np.array_equal(X[:, 0], labels)
        seen.append(X[:, 0].tolist())
        return 0.0, np.ones(1)

    X = np.arange(5.0)[:, None]
    run = train(
        record,
        np.zeros(1),
        X,
        X[:, 0],
        gradient_descent(0.5),
        np.random.default_rng(0),
        epochs=3,
        batch=2,
    )
    assert [len(batch) for batch in seen] == [2] * 6
    assert all(len(set(seen[2 * i] + seen[2 * i + 1])) == 4 for i in range(3))
    assert run.params.tolist() == [-3.0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_product_of_zero_and_infinity_is_found_in_any_of_several_inputs(order):
    x = [np.zeros(2), np.ones(2)]

    def f(x):
        first, second = (x[i] for i in order)
        return np.sum(np.sqrt(first * first)) + np.sum(second)

    found = grad(f)([x[i] for i in order])
    assert [found[i].tolist() for i in order] == [[0, 0], [1, 1]]


def test_no_derivative_is_asked_for_where_the_value_is_infinite():
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan(grad(lambda x: np.sqrt(x) - np.sqrt(x) + 1 / x)(0.0))


def test_a_sweep_lets_go_of_the_adjoints_that_it_has_passed_on():
    x = np.ones(10_000)

    def chain(x):
        for _ in range(50):
            x = np.sin(x)
        return x

    _, pullback = vjp(chain, x)
    assert peak_bytes(lambda: pullback(x)) < 10 * x.nbytes


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("x", [np.array([1.0, 2.0]), np.array(1.0), np.float32([1, 2])])
def test_numbers_that_are_not_finite_are_refused_in_any_array(bad, x):
    for sweep in (grad(np.sum), lambda x: jvp(np.sum, np.ones(np.shape(x)), x)):
        with pytest.raises(ValueError, match="must be finite"):
            sweep(x * bad)


@pytest.mark.parametrize(
    ("at", "value", "found"),
    [
        (np.array([np.inf, 1.0]), 0.0, np.ndarray),
        (Fraction(1, 3), 0, Fraction),
        (np.float64(np.inf), 0.0, np.float64),
    ],
)
def test_a_zero_has_the_type_of_what_it_belongs_to(at, value, found):
    zero = zeros_like(at)
    assert type(zero) is found
    assert np.all(zero == value)
    assert np.shape(zero) == np.shape(at)


@pytest.mark.parametrize(
    ("x", "derivative", "dtype"),
    [
        (np.ones(2, F32), np.ones(2), F32),
        (np.ones(2), np.ones(2, F32), float),
        (np.array([Fraction(1), 1]), np.ones(2, F32), float),
        (np.array([Fraction(1), 1]), np.array([Fraction(1, 3), 2]), object),
        (np.ones(2), np.array([Fraction(1, 3), 2]), float),
        (np.array([Fraction(1), 1]), np.array([Fraction(1, 3), 0.5]), float),
        (np.float64(1), Fraction(1, 3), object),
        (F32(1), np.float64(0.25), F32),
        (Fraction(1), F32(0.25), float),
        (1.0, np.array(0.25), float),
        (Fraction(1, 3), np.array(Fraction(1, 2)), object),
    ],
)
def test_a_derivative_is_a_float_beside_floats_and_stays_exact_beside_fractions(
    x, derivative, dtype
):
    found = _as_type_of(x, derivative)
    assert np.asarray(found).dtype == dtype
    assert np.shape(found) == np.shape(derivative)
    assert not isinstance(found, np.ndarray) or found.ndim
    assert np.allclose(np.asarray(found, float), np.asarray(derivative, float))


def test_a_derivative_is_copied_unless_it_is_seen_for_the_first_time():
    x, whole = np.ones(2), np.ones(4)
    seen = set()
    assert _as_type_of(x, whole, seen) is whole
    for again in (
        _as_type_of(x, whole, seen),
        _as_type_of(x, whole),
        _as_type_of(x, whole[:2], seen),
    ):
        assert not np.shares_memory(again, whole)


class Pair(NamedTuple):
    w: np.ndarray
    b: float


def test_named_tuples_are_parameters_as_well():
    found = grad(lambda p: np.sum(p.w * p.w) * p.b)(Pair(np.array([1.0, 2.0]), 3.0))
    assert type(found) is Pair
    assert found.w.tolist() == [6, 12]
    assert found.b == 5


@pytest.mark.parametrize("v", [[(1.0,), 2.0], [2.0, (1.0, 1.0)], [(1.0, 1.0)]])
def test_a_direction_is_built_as_the_point_to_the_last_leaf(v):
    with pytest.raises(ValueError, match="v must be built like x"):
        jvp(lambda p: p[0][0] * p[1], [(1.0, 2.0), 3.0], v)


def test_a_direction_may_be_an_array_of_numbers():
    assert jvp(lambda p: p[0] * p[1], [2.0, 3.0], np.array([1.0, 1.0])) == (6, 5)


def test_a_value_that_does_not_move_is_returned_with_zeros():
    value, tangent = jvp(lambda x: np.array([3.0, 4.0]), 1.0, 1.0)
    assert value.tolist() == [3, 4]
    assert tangent.tolist() == [0, 0]
    value, tangent = jvp(lambda x: x + np.array([3.0, 4.0]), 1.0, 1.0)
    assert value.tolist() == [4, 5]
    assert tangent.tolist() == [1, 1]
    assert jvp(lambda x: x * [3.0, 4.0], 1.0, 1.0)[1].tolist() == [3, 4]
    assert derivative(lambda x: np.floor(x) * 2.0)(1.5) == 0


@pytest.mark.parametrize("sweep", [grad, derivative], ids=name_of)
@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.exp(x, where=True), "knows no where"),
        (lambda x: np.add(x, x, dtype=float), "knows no dtype"),
        (lambda x: np.multiply.reduce(np.stack([x, x])), r"no derivative rule for .*reduce"),
        (lambda x: np.add.accumulate(np.stack([x, x])), r"no derivative rule for .*accumulate"),
        (lambda x: np.mean(x, where=True), "mean of a traced array takes"),
        (lambda x: np.squeeze(x, axes=0), "squeeze"),
    ],
)
def test_what_no_rule_knows_is_said(sweep, f, message):
    with pytest.raises(TypeError, match=message):
        sweep(f)(1.0)


def test_sums_by_the_ufunc_run_along_the_first_axis():
    x, w = random(2, 3), np.arange(3.0)
    assert grad(lambda x: np.add.reduce(x) @ w)(x).tolist() == [w.tolist()] * 2


@pytest.mark.parametrize("sweep", [grad, derivative], ids=name_of)
def test_the_places_of_what_is_not_zero_are_constants(sweep):
    def f(x):
        entries = np.stack([x, 0 * x, 3 * x])
        (places,) = np.where(entries)
        assert places.tolist() == [0, 2]
        assert np.argmax(np.stack([entries, -entries]), axis=1).tolist() == [2, 1]
        return np.sum(entries[places])

    assert sweep(f)(2.25) == 4


def test_moved_axes_are_named_by_keyword_as_well():
    x, w = random(2, 3, 5), random(2, 5, 3)
    found = grad(lambda x: np.sum(w * np.moveaxis(x, source=1, destination=2)))(x)
    assert np.array_equal(found, w.swapaxes(1, 2))
    found = grad(lambda x: np.sum(np.expand_dims(x, axis=(0, 2)) * w[:, :, :1, None]))(x[0, 0, :2])
    assert found.shape == (2,)


# -- the short ways, and what must not take them ---------------------------------------------------


def never(*_, **__):
    raise AssertionError("plain floats need none of this")


def test_a_gradient_in_plain_floats_asks_nothing_of_its_numbers(monkeypatch):
    x = [random(3, 3), random(3, 3, seed=1)]

    def f(p):
        return np.sum(np.tanh(p[0] @ p[1]) * p[0])

    expected = value_and_grad(f)(x)
    for name in ("exact", "fit", "without_undetermined", "_as_type_of"):
        monkeypatch.setattr(sweeps, name, never)
    monkeypatch.setattr(sweeps._checks, "numbers", never)
    monkeypatch.setattr(np, "isnan", never)
    value, gradient = value_and_grad(f)(x)
    monkeypatch.undo()
    assert value == expected[0]
    assert np.array_equal(gradient, expected[1])


def test_operations_on_arrays_of_one_sweep_are_recorded_without_a_search(monkeypatch):
    x, A = random(3, 3), random(3, 3, seed=1)
    monkeypatch.setattr(tracing, "exact", never)
    monkeypatch.setattr(tracing, "apply", never)
    value, pullback = vjp(lambda x: np.sin(2.0 * x * x), x)
    np.testing.assert_allclose(pullback(A), 4 * x * np.cos(2 * x * x) * A, rtol=1e-15)
    monkeypatch.setattr(tracing.Variable, "_apply", never)
    value, pullback = vjp(lambda x: x * 2.0 * 3 * A * x, x)
    np.testing.assert_allclose(value, 6 * A * x * x, rtol=1e-15)
    np.testing.assert_allclose(pullback(A), 12 * A * x * A, rtol=1e-15)


def test_dual_numbers_of_one_sweep_multiply_without_a_search(monkeypatch):
    x = random(3, 3)
    monkeypatch.setattr(tracing, "apply", never)
    monkeypatch.setattr(np, "broadcast_to", never)
    np.testing.assert_allclose(derivative(lambda x: 2 * x * x * x)(x), 6 * x * x, rtol=1e-15)


def test_numbers_without_a_shape_need_no_fitting(monkeypatch):
    monkeypatch.setattr(sweeps, "fit", never)
    assert grad(lambda x: x * x)(Fraction(1, 2)) == 1


def test_what_is_recorded_lies_in_memory_as_it_did():
    A = random(4, 3).T
    for f in (lambda x: x @ A, lambda x: np.matmul(x, A)):
        tape, *_ = record(f, random(2, 3))
        recorded = tape[-1][2][1]
        assert recorded.flags.f_contiguous
        assert not np.shares_memory(recorded, A)


def test_an_adjoint_that_is_passed_on_is_none_unless_all_are_kept():
    tape, _, y = record(lambda x: np.sin(x * x), 2.0)
    passed = [pytest.approx(4 * math.cos(4), rel=1e-15, abs=0), None, None]
    assert adjoints(tape, y.index, 1.0) == passed
    kept = [passed[0], pytest.approx(math.cos(4), rel=1e-15, abs=0), 1.0]
    assert adjoints(tape, y.index, 1.0, keep=True) == kept


@pytest.mark.parametrize("dtype", [float, F32])
def test_an_adjoint_is_copied_once_on_its_way_in_and_never_on_its_way_out(dtype):
    x = np.ones(10_000, dtype)
    _, pullback = vjp(lambda x: x, x)
    assert peak_bytes(lambda: pullback(x)) < 1.5 * x.nbytes


def test_a_joint_rule_is_given_the_value(monkeypatch):
    def product(*parts):
        return math.prod(parts)

    rule = tracing.Rule(
        product,
        lambda g, y, parts: [g * (y / part) for part in parts],
        lambda tangents, y, parts: sum(
            t * (y / part) for t, part in zip(tangents, parts, strict=True) if t is not None
        ),
        joint=True,
    )
    monkeypatch.setitem(RULES, product, rule)

    def f(x):
        return tracing.apply(product, (x, 3.0, x * x), {})

    assert grad(f)(2.0) == 36
    assert derivative(f)(2.0) == 36


def test_an_adjoint_of_no_numbers_is_pulled_back_to_zeros():
    assert vjp(lambda x: x[:0], np.ones(2))[1](np.zeros(0)).tolist() == [0, 0]
    with pytest.raises(ValueError, match="the adjoint must be finite"):
        vjp(lambda x: x[:1], np.ones(2))[1](np.array([np.inf]))


def test_fractions_become_floats_before_they_meet_a_float():
    A, halves = np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([Fraction(1, 2)] * 2)
    pulled = vjp(lambda b: np.linalg.solve(A, b), np.ones(2))[1](halves)
    assert pulled.tolist() == [0.25, 0.0625]
    assert jvp(lambda b: np.linalg.solve(A, b), np.ones(2), halves)[1].tolist() == [0.1875, 0.125]


def test_a_parameter_without_influence_has_a_derivative_of_its_type():
    x = (np.ones(2), np.ones((2, 3), F32), Fraction(1, 3))
    _, unused, number = grad(lambda p: np.sum(p[0]))(x)
    assert unused.dtype == F32
    assert unused.tolist() == [[0, 0, 0]] * 2
    assert (type(number), number) == (Fraction, 0)


def test_a_direction_may_branch_as_the_point_does():
    point, along = [(1.0, 2.0), 3.0], [(1.0, np.array(1.0)), 2.0]
    assert jvp(lambda p: p[0][0] * p[0][1] * p[1], point, along) == (6, 13)


@pytest.mark.parametrize("sweep", [grad, derivative], ids=name_of)
def test_a_program_may_ask_for_the_type_of_its_numbers(sweep):
    seen = []

    def f(x):
        seen.append(x.dtype)
        return x * x

    for x in (Fraction(1, 3), 1.0, F32(1)):
        sweep(f)(x)
    assert seen == [object, float, F32]


@pytest.mark.parametrize("outer", [grad, derivative], ids=name_of)
@pytest.mark.parametrize("inner", [grad, derivative], ids=name_of)
def test_functions_of_two_levels_belong_to_the_inner_one(outer, inner):
    for join in (lambda x, y: np.logaddexp(x, y), lambda x, y: np.logaddexp(y, x)):
        mixed = outer(lambda x, j=join: inner(lambda y: j(x, y))(0.5))(0.25)
        share = sigmoid(0.25)
        assert mixed == pytest.approx(-share * (1 - share), rel=1e-14, abs=0)


@pytest.mark.parametrize("sweep", [grad, derivative], ids=name_of)
def test_a_function_refuses_what_leaked(sweep):
    kept = []
    sweep(lambda x: kept.append(x) or x)(1.0)
    with pytest.raises(ValueError, match="leaked from a sweep that has ended"):
        np.exp(kept[0])


@pytest.mark.parametrize("sweep", [vjp, lambda f, x: jvp(f, x, x)])
def test_an_integer_on_the_way_of_fractions_becomes_one(sweep):
    value, _ = sweep(lambda x: relu(-x) / 4 + x, Fraction(1, 3))
    assert (type(value), value) == (Fraction, Fraction(1, 3))


@pytest.mark.parametrize("sweep", [grad, derivative], ids=name_of)
def test_settings_by_position_stay_what_they_are(sweep):
    x = random(2, 3, 5)

    def f(t):
        rows = np.sum(t * x, (0, 2))
        return np.sum(np.reshape(np.broadcast_to(rows, (4, 3)), (2, 6)))

    assert sweep(f)(1.0) == pytest.approx(4 * np.sum(x), rel=1e-14, abs=0)


@pytest.mark.parametrize("sweep", [grad, derivative], ids=name_of)
def test_operands_with_a_mask_are_refused_and_lists_are_arrays(sweep):
    with pytest.raises(TypeError, match="must be a plain array, got a MaskedArray"):
        sweep(lambda x: np.sum(x * np.ma.ones(2)))(1.0)
    assert sweep(lambda x: np.sum(x * [3.0, 4.0]) + np.sum(np.where([True, False], x, 1)))(1.0) == 8


def test_a_choice_that_x_only_makes_does_not_move_with_it():
    for sweep in (grad, derivative):
        assert sweep(lambda x: np.where(x, 2.0, 3.0))(1.0) == 0


def test_an_entry_of_no_dimension_is_a_number():
    for value in (vjp(lambda x: x, np.array(2.0))[0], jvp(lambda x: x, np.array(2.0), 1.0)[0]):
        assert type(value) is np.float64


@pytest.mark.parametrize("result", [lambda x: x > 0, lambda x: "text"])
def test_what_is_no_number_has_no_derivative(result):
    for sweep in (grad, derivative):
        with pytest.raises(TypeError, match="f must return numbers, got"):
            sweep(result)(1.0)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_a_jacobian_of_matrices_has_an_entry_for_each_pair_of_theirs(mode):
    A, B, x = random(2, 3), random(4, 5, seed=1), random(3, 4, seed=2)
    found = jacobian(lambda x: A @ x @ B, mode)(x)
    np.testing.assert_allclose(found, np.einsum("ik,lj->ijkl", A, B), rtol=1e-14)
