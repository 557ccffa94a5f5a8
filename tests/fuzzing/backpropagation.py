"""Calls of :mod:`byhand.backpropagation`; the second route is mpmath's arithmetic.

The slopes of elementwise functions are formulas, at numbers of any size. Programs are drawn, each
operation with what it does to a list of numbers; their derivatives are differences, with 60 digits.
"""

from __future__ import annotations

import itertools
import operator
import random
from collections.abc import Callable
from fractions import Fraction
from numbers import Rational
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp

from byhand import backpropagation as bp
from fuzzing import Call, generates, number, power_of_two, times, vector

NO_FUNCTIONS = [None, 3, "sin"]
NO_VALUES = [lambda x: None, lambda x: "1", lambda x: {}, lambda x: True, lambda x: [1.0]]


def precise(x: Fraction):
    return mp.mpf(int(x.numerator)) / int(x.denominator)


def agrees(
    found: Any, expected, tolerance: float, scale=0, exact: bool = False, dtype: Any = None
) -> None:
    """Require a number that is right to so many units in the last place, of itself or a scale.

    The last place is that of its own type or of another, with which it was computed.
    """
    if isinstance(found, Rational):
        assert abs(precise(Fraction(found)) - expected) <= mp.mpf(10) ** -24 * (1 + abs(expected))
        return
    assert not exact, f"{found!r} is not exact"
    kind = np.finfo(np.asarray(found).dtype if dtype in (None, np.dtype(object)) else dtype)
    if abs(expected) >= float(kind.max) * (1 - 8 * float(kind.eps)):
        assert abs(found) > float(kind.max) / 2
        assert (found > 0) == (expected > 0)
        return
    assert np.isfinite(found), f"{found} for {mp.nstr(expected, 17)}"
    allowed = tolerance * float(kind.eps) * max(abs(expected), scale)
    allowed += 8 * mp.mpf(float(kind.smallest_subnormal))
    assert abs(mp.mpf(float(found)) - expected) <= allowed, f"{found} for {mp.nstr(expected, 17)}"


# -- functions of one number -----------------------------------------------------------------------


def numeric(value: Any) -> bool:
    """Say whether functions of each entry take a value: ±∞, nan and complex numbers are some."""
    if isinstance(value, np.ma.MaskedArray):
        return False
    array = np.asarray(value)
    return array.dtype.kind in "fc" or (
        array.dtype.kind == "O" and all(isinstance(x, float | complex) for x in array.flat)
    )


def complex_too(value: Any) -> bool:
    """Say whether a value holds complex numbers, which all sweeps take."""
    plain = type(value) in (complex, np.ndarray)
    return plain and any(isinstance(x, complex) for x in np.asarray(value).flat)


class Elementwise(NamedTuple):
    f: Callable
    slope: Callable
    domain: Callable = lambda x: True
    rational: bool = False


ELEMENTWISE = [
    Elementwise(np.sin, mp.cos),
    Elementwise(np.cos, lambda x: -mp.sin(x)),
    Elementwise(np.tan, lambda x: mp.sec(x) ** 2),
    Elementwise(np.exp, mp.exp),
    Elementwise(np.expm1, mp.exp),
    Elementwise(np.log, lambda x: 1 / x, lambda x: x > 0),
    Elementwise(np.log1p, lambda x: 1 / (1 + x), lambda x: x > -1),
    Elementwise(np.log2, lambda x: 1 / x / mp.ln2, lambda x: x > 0),
    Elementwise(np.log10, lambda x: 1 / x / mp.ln10, lambda x: x > 0),
    Elementwise(np.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), lambda x: x > 0),
    Elementwise(np.sinh, mp.cosh),
    Elementwise(np.cosh, mp.sinh),
    Elementwise(np.tanh, lambda x: mp.sech(x) ** 2),
    Elementwise(np.arctan, lambda x: 1 / (1 + x * x)),
    Elementwise(np.arcsin, lambda x: 1 / mp.sqrt(1 - x * x), lambda x: abs(x) < 1),
    Elementwise(np.arccos, lambda x: -1 / mp.sqrt(1 - x * x), lambda x: abs(x) < 1),
    Elementwise(np.abs, mp.sign, rational=True),
    Elementwise(np.square, lambda x: 2 * x, rational=True),
    Elementwise(lambda x: 1 / x, lambda x: -1 / x**2, lambda x: x != 0, rational=True),
    Elementwise(np.reciprocal, lambda x: -1 / x**2, lambda x: x != 0),
    Elementwise(lambda x: x**3 - x, lambda x: 3 * x**2 - 1, rational=True),
    Elementwise(lambda x: x**-2, lambda x: -2 / x**3, lambda x: x != 0, rational=True),
    Elementwise(lambda x: x**2.5, lambda x: 2.5 * x * mp.sqrt(x), lambda x: x > 0),
    Elementwise(lambda x: 2.0**x, lambda x: mp.ln2 * mp.mpf(2) ** x),
    Elementwise(lambda x: np.logaddexp(x, 1.0), lambda x: 1 / (1 + mp.exp(1 - x))),
    Elementwise(bp.sigmoid, lambda x: 1 / (2 + mp.exp(x) + mp.exp(-x))),
    Elementwise(bp.softplus, lambda x: 1 / (1 + mp.exp(-x))),
    Elementwise(bp.relu, lambda x: mp.mpf(x > 0), rational=True),
    Elementwise(lambda x: np.maximum(x, 1), lambda x: mp.mpf(x > 1), lambda x: x != 1),
    Elementwise(
        lambda x: np.where(x < 1, x, np.sqrt(x)), lambda x: 1 if x < 1 else 0.5 / mp.sqrt(x)
    ),
]


def argument(rng: random.Random) -> Any:
    """Draw a number or a vector: of any scale, often one where functions saturate."""
    scale = rng.choice([power_of_two(rng), Fraction(1, 4), Fraction(16), Fraction(80)])
    return times(scale, vector(rng, rng.randint(1, 3)) if rng.random() < 0.5 else number(rng))


def entries(x: Any) -> list:
    return x if isinstance(x, list) else [x]


def are_entries(found: Any, x: Any, expected: Callable, exact: bool) -> None:
    """Require a function of each entry of x, almost to the last digit."""
    assert np.shape(found) == np.shape(x)
    for y, a in zip(np.asarray(found).flat, entries(x), strict=True):
        with mp.workdps(60):
            agrees(y, expected(precise(a)), 16, exact=exact)


def values_of(expected: Callable, rational: bool = False):
    """Return a generator for a function of each entry, which has a value everywhere."""

    def generator(rng):
        x = argument(rng)
        return Call(
            {"x": x},
            lambda found, exact: are_entries(found, x, expected, exact and rational),
            "must fit a float",
            also={"x": numeric},
            any_shape=frozenset({"x"}),
            whole=False,
        )

    return generator


for _name, _generator in {
    "relu": values_of(lambda x: max(x, 0), rational=True),
    "sigmoid": values_of(lambda x: 1 / (1 + mp.exp(-x))),
    "softplus": values_of(lambda x: mp.log1p(mp.exp(x)) if x < 99 else x + mp.exp(-x)),
}.items():
    _generator.__name__ = _name
    generates(bp)(_generator)


def of_array(f: Callable, types: list) -> Callable:
    """Return a function, without warnings, of an array or a list, that notes of what type."""

    def g(x):
        x = np.stack(x) if isinstance(x, list) else x
        types[:] = [x.dtype]
        with np.errstate(all="ignore"):
            return f(x)

    return g


@generates(bp)
def derivative(rng):
    x, rule = argument(rng), rng.choice(ELEMENTWISE)
    while not all(rule.domain(a) for a in entries(x)):
        x = argument(rng)

    twice = rng.random() < 0.4 and all(1 / 8 < abs(a) < 64 and a != 1 for a in entries(x))

    def check(found, exact):
        exact = exact and rule.rational and isinstance(x, list)  # integers become floats
        are_entries(found, x, second_slope if twice else rule.slope, exact)

    def second_slope(a):
        h = mp.mpf(10) ** -30
        with mp.workdps(120):
            return (rule.slope(a + h) - rule.slope(a - h)) / (2 * h)

    return Call(
        {"f": of_array(rule.f, []), "x": x},
        check,
        also={"x": complex_too},
        exact=rule.rational or rule.f in (bp.sigmoid, bp.softplus),
        any_shape=frozenset({"x"}),
        whole=False,
        through=lambda derivative, f, x: derivative(derivative(f) if twice else f)(x),
        spoils={"f": NO_FUNCTIONS + NO_VALUES[:2]},
    )


# -- programs --------------------------------------------------------------------------------------


class KinkError(Exception):
    """Two numbers that are compared are too close to each other for a difference."""


def less(a, b) -> bool:
    if abs(a - b) < 1e-2:
        raise KinkError
    return a < b


def each(function: Callable) -> Callable:
    return lambda *lists: [function(*entries) for entries in zip(*lists, strict=True)]


def largest(a: list):
    first = a[0]
    for x in a[1:]:
        first = x if less(first, x) else first
    return first


def in_order(a: list) -> list:
    for x, y in itertools.combinations(a, 2):
        less(x, y)
    return sorted(a)


def dot(a: list, b: list):
    return sum(map(operator.mul, a, b))


def length(a: list):
    square = dot(a, a)
    return mp.sqrt(square) if less(0, square) else 0


def weights(n: int) -> np.ndarray:
    return np.arange(n)[:, None] - 2 * np.arange(n) + 1


def with_square(a):
    """Return 1 + aaᵀ, whose inverse and determinant have short formulas."""
    return np.eye(len(a)) + np.outer(a, a)


# What is done to one or two arrays, and the same to lists of numbers.
RATIONAL = [
    (lambda a: -a, each(operator.neg)),
    (lambda a: a * a, each(lambda x: x * x)),
    (lambda a: a**3 / 4, each(lambda x: x**3 / 4)),
    (lambda a: a / (1 + a * a), each(lambda x: x / (1 + x * x))),
    (lambda a: 1 / (2 + a**2), each(lambda x: 1 / (2 + x**2))),
    (np.cumsum, lambda a: [*itertools.accumulate(a)]),
    (lambda a: a[::-1], lambda a: a[::-1]),
    (lambda a: np.roll(a, 1), lambda a: a[-1:] + a[:-1]),
    (lambda a: np.concatenate([a[1:], a[:1]]), lambda a: a[1:] + a[:1]),
    (lambda a: a[np.zeros(len(a), int)] - a, lambda a: [a[0] - x for x in a]),
    (lambda a: np.stack([a[i] for i in range(len(a))]), lambda a: a),
    (lambda a: np.sum(a) - a, lambda a: [sum(a) - x for x in a]),
    (lambda a: np.mean(a) * a, lambda a: [sum(a) / len(a) * x for x in a]),
    (lambda a: weights(len(a)) @ a, lambda a: [dot(row, a) for row in weights(len(a)).tolist()]),
    (lambda a: np.outer(a, a) @ a, lambda a: [x * dot(a, a) for x in a]),
    (lambda a: np.reshape(np.tile(a, 2), (2, -1))[1] + a, each(lambda x: 2 * x)),
    (lambda a: np.reshape(np.repeat(a, 2), (-1, 2)).T[0], lambda a: a),
    (lambda a: np.pad(a, (1, 0))[:-1], lambda a: [0 * a[0], *a[:-1]]),
    (
        lambda a: np.tril(np.outer(a, a)).sum(axis=1),
        lambda a: [x * y for x, y in zip(a, itertools.accumulate(a), strict=True)],
    ),
    (lambda a: bp.relu(a), each(lambda x: x if less(0, x) else 0 * x)),
    (np.abs, each(lambda x: x if less(0, x) else -x)),
    (np.sort, in_order),
    (lambda a: np.max(a) - a, lambda a: [largest(a) - x for x in a]),
    (
        lambda a: np.clip(a, -1, 2),
        each(lambda x: -1 + 0 * x if less(x, -1) else 2 + 0 * x if less(2, x) else x),
    ),
    (lambda a, b: a + b, each(operator.add)),
    (lambda a, b: a - b, each(operator.sub)),
    (lambda a, b: a * b, each(operator.mul)),
    (lambda a, b: a @ np.outer(a, b), lambda a, b: [dot(a, a) * y for y in b]),
    (lambda a, b: a @ b - a, lambda a, b: [dot(a, b) - x for x in a]),
    (lambda a, b: np.maximum(a, b), each(lambda x, y: y if less(x, y) else x)),
    (lambda a, b: np.minimum(a, b), each(lambda x, y: x if less(x, y) else y)),
    (lambda a, b: np.where(a < b, a, 2 * b), each(lambda x, y: x if less(x, y) else 2 * y)),
]
OTHERS = [
    (np.sin, each(mp.sin)),
    (np.tanh, each(mp.tanh)),
    (np.arctan, each(mp.atan)),
    (lambda a: np.exp(a) / 4, each(lambda x: mp.exp(x) / 4)),
    (lambda a: np.log1p(a * a), each(lambda x: mp.log(1 + x * x))),
    (lambda a: np.sqrt(1 + a * a), each(lambda x: mp.sqrt(1 + x * x))),
    (lambda a: bp.sigmoid(a), each(lambda x: 1 / (1 + mp.exp(-x)))),
    (lambda a: bp.softplus(a), each(lambda x: mp.log(1 + mp.exp(x)))),
    (lambda a, b: np.logaddexp(a, b), each(lambda x, y: mp.log(mp.exp(x) + mp.exp(y)))),
    (lambda a, b: (1 + a * a) ** (b / 4), each(lambda x, y: (1 + x * x) ** (y / 4))),
    (lambda a: np.linalg.norm(a) - a, lambda a: [length(a) - x for x in a]),
    (lambda a: np.linalg.solve(with_square(a), a), lambda a: [x / (1 + dot(a, a)) for x in a]),
    (lambda a: np.linalg.inv(with_square(a)) @ a, lambda a: [x / (1 + dot(a, a)) for x in a]),
    (lambda a: np.linalg.det(with_square(a)) - a, lambda a: [1 + dot(a, a) - x for x in a]),
]


class Program(NamedTuple):
    """A function of a vector: operations, each with the numbers of the earlier values it takes."""

    steps: list
    x: list

    def on_array(self, x: Any) -> Any:
        values = [x]
        for (operation, _), places in self.steps:
            values.append(operation(*(values[k] for k in places)))
        return values[-1]

    def on_list(self, x: list) -> list:
        values = [x]
        for (_, operation), places in self.steps:
            values.append(operation(*(values[k] for k in places)))
        return values[-1]


def program(rng: random.Random) -> tuple[Program, bool]:
    """Draw a program whose values are not large, and say whether it is rational."""
    rational, n = rng.random() < 0.5, rng.randint(1, 3)
    x = [number(rng) + Fraction(4097 * (k + 1), 2**16) for k in range(n)]
    drawn = Program([], x)
    while len(drawn.steps) < 4:
        operation = rng.choice(RATIONAL if rational else RATIONAL + OTHERS)
        takes = operation[0].__code__.co_argcount if hasattr(operation[0], "__code__") else 1
        places = [rng.randint(0, len(drawn.steps)) for _ in range(takes - 1)]
        drawn.steps.append((operation, [len(drawn.steps), *places]))
        try:
            values = drawn.on_list([precise(a) for a in x])
        except KinkError:
            values = [99]
        if max(map(abs, values)) > 8:
            drawn.steps.pop()
            if rng.random() < 0.2:
                break
    return drawn, rational


def moved(f: Callable, x: list, *directions: list) -> Any:
    """Return the derivative of f along each of the directions in turn, by central differences."""
    if not directions:
        return np.array(f(x), dtype=object)
    *others, v = directions
    h = mp.mpf(10) ** -15
    ahead, behind = ([a + side * b for a, b in zip(x, v, strict=True)] for side in (h, -h))
    return (moved(f, ahead, *others) - moved(f, behind, *others)) / (2 * h)


def units(n: int) -> list:
    return [[int(i == k) for i in range(n)] for k in range(n)]


def of_program(rng: random.Random, through: Callable, expected: Callable, scalar=False, **more):
    """Return a call for a program, whose result is a list of arrays."""
    drawn, rational = program(rng)
    types: list = []
    f = of_array(lambda x: np.sum(drawn.on_array(x)) if scalar else drawn.on_array(x), types)
    x = [precise(a) for a in drawn.x]
    v = vector(rng, len(drawn.x))

    def g(x):
        return sum(drawn.on_list(x)) if scalar else drawn.on_list(x)

    @mp.workdps(60)
    def check(found, exact):
        wanted = expected(g, x, [precise(a) for a in v])
        for ours, theirs in zip(found, wanted, strict=True):
            assert np.shape(ours) == np.shape(theirs)
            objects = getattr(ours, "dtype", None) == np.dtype(object)
            assert not objects or all(isinstance(a, Rational) for a in np.ravel(ours))
            for a, b in zip(np.asarray(ours).flat, np.ravel(theirs), strict=True):
                agrees(a, b, 2.0**14, 1, exact and rational, types[0])

    return Call(
        {"f": f, "x": drawn.x, "v": v},
        check,
        r"x must be one array, got a list",
        also={"x": complex_too, "v": complex_too, "g": complex_too},
        exact=rational,
        any_shape=frozenset({"x"}),
        whole=False,
        through=through,
        spoils={"f": NO_FUNCTIONS + NO_VALUES},
        **more,
    )


def gradient(f: Callable, x: list) -> np.ndarray:
    return np.array([moved(f, x, unit) for unit in units(len(x))])


def without(call: Call, *names: str) -> Call:
    for name in names:
        del call.arguments[name]
    return call


@generates(bp)
def grad(rng):
    call = of_program(
        rng, lambda grad, f, x: [grad(f)(x)], lambda f, x, v: [gradient(f, x)], scalar=True
    )
    return without(call, "v")


@generates(bp)
def value_and_grad(rng):
    call = of_program(
        rng,
        lambda value_and_grad, f, x: value_and_grad(f)(x),
        lambda f, x, v: [f(x), gradient(f, x)],
        scalar=True,
    )
    return without(call, "v")


@generates(bp)
def jvp(rng):
    call = of_program(
        rng,
        lambda jvp, f, x, v: jvp(f, x, v),
        lambda f, x, v: [moved(f, x), moved(f, x, v)],
    )
    call.spoils["f"] = NO_FUNCTIONS + NO_VALUES[:2]  # it may return a tree
    return call


@generates(bp)
def vjp(rng):
    def through(vjp, f, x, g):
        y, pullback = vjp(f, x)
        return y, pullback(g)

    call = of_program(
        rng,
        through,
        lambda f, x, v: [moved(f, x), gradient(lambda x: dot(f(x), v), x)],
        names={"g": "the adjoint"},
    )
    call.arguments["g"] = call.arguments["v"]
    return without(call, "v")


@generates(bp)
def jacobian(rng):
    mode = rng.choice(["reverse", "forward"])
    call = of_program(
        rng, lambda jacobian, f, mode, x: [jacobian(f, mode)(x)], lambda f, x, v: [gradient(f, x).T]
    )
    call.arguments["mode"] = mode
    call.spoils["mode"] = [None, 1, "backward"]
    return without(call, "v")


@generates(bp)
def hvp(rng):
    return of_program(
        rng,
        lambda hvp, f, x, v: [hvp(f, x, v)],
        lambda f, x, v: [np.array([moved(f, x, unit, v) for unit in units(len(x))])],
        scalar=True,
    )
