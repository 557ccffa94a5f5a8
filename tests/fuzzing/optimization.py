"""Calls of :mod:`byhand.optimization`; the second routes are the textbook's, exact or mpmath's."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction

import mpmath
import numpy as np
import sympy

from byhand import optimization as opt
from fuzzing import (
    Call,
    absolute,
    agrees,
    all_close,
    beyond,
    close,
    entries,
    generates,
    holds_nothing,
    identity,
    is_complex,
    matrix,
    named,
    not_called,
    number,
    power_of_two,
    product,
    solved,
    symmetric_matrix,
    times,
    transposed,
    vector,
)

not_called(
    opt,
    "a record, which computes nothing",
    "AdamState",
    "HeavyBallState",
    "NesterovState",
    "NoState",
    "Objective",
    "Optimizer",
    "RMSPropState",
    "Trajectory",
    "Tuning",
)
not_called(opt, "an error", "NonFiniteError")

TINY = Fraction(1, 2**30)
MIXED = "exact parameters need"
"""Exact parameters beside floats are refused."""


def rate(rng: random.Random) -> Fraction:
    return number(rng, 0.25, 2) or Fraction(1, 4)


def decay_of(rng: random.Random) -> Fraction:
    return rng.choice([*(Fraction(k, 4) for k in (0, 0, 1, 2, 3)), 1 - TINY, 1 - Fraction(1, 2**9)])


def in_rows(x: list) -> list:
    return x if isinstance(x[0], list) else [x]


def largest(A: list) -> Fraction:
    return max(map(abs, entries(A)))


# -- optimizers, one coordinate at a time --------------------------------------------------------

Slope = Callable[[int, Fraction], Fraction]
"""(step, point) ↦ gradient."""


def descent(w, slope: Slope, steps: int, learning_rate, momentum=0, penalty=0, decay=0) -> list:
    """Return the points of the heavy ball, of its velocity written out as a sum."""
    points, gradients = [w], []
    for t in range(steps):
        gradients.append(slope(t, points[-1]) + 2 * penalty * points[-1])
        velocity = sum(momentum ** (t - s) * g for s, g in enumerate(gradients))
        points.append((1 - decay) * points[-1] - learning_rate * velocity)
    return points


def extrapolated(y, slope: Slope, steps: int, learning_rate, momentum) -> list:
    """Return Nesterov's points y, of the points x that gradient steps reach."""
    points, x = [y], y
    for t in range(steps):
        before, x = x, points[-1] - learning_rate * slope(t, points[-1])
        points.append(x + momentum * (x - before))
    return points


def adaptive(w, slope: Slope, steps: int, learning_rate, beta1, beta2, epsilon, more) -> list:
    """Return Adam's points, or RMSProp's, of moments written out as sums, to fifty digits."""
    inside, corrected, initial, decay = more
    points, gradients = [w], []
    for t in range(1, steps + 1):
        gradients.append(slope(t - 1, points[-1]))
        m = sum((1 - beta1) * beta1 ** (t - s) * g for s, g in enumerate(gradients, 1))
        v = sum((1 - beta2) * beta2 ** (t - s) * g * g for s, g in enumerate(gradients, 1))
        v += beta2**t * initial
        if corrected:
            m, v = m / (1 - beta1**t), v / (1 - beta2**t)
        scale = root(v + epsilon) if inside else root(v) + epsilon
        if scale == 0:
            raise ZeroDivisionError
        points.append((1 - decay) * points[-1] - learning_rate * m / scale)
    return points


def root(x: Fraction) -> Fraction:
    with mpmath.workdps(50):
        return rational(mpmath.sqrt(mpmath.mpf(x.numerator) / x.denominator))


def rational(x: mpmath.mpf) -> Fraction:
    sign, mantissa, exponent, _ = x._mpf_
    return (-1) ** sign * Fraction(int(mantissa)) * Fraction(2) ** exponent


def walk(rng: random.Random):
    """Draw a start of some shape and as many gradients as there are steps."""
    shape, steps = rng.choice([(), (1,), (2,), (2, 1)]), rng.randint(1, 3)
    scale, other = power_of_two(rng), power_of_two(rng)

    def point(shape):
        return [point(shape[1:]) for _ in range(shape[0])] if shape else number(rng)

    start, gradients = point(shape), [point(shape) for _ in range(steps)]
    return times(other, start), times(scale, gradients), scale


def along(textbook: Callable, start, gradients: list) -> tuple[list, list]:
    """Return the points of every coordinate, and the sizes of what they are sums of."""
    columns = [list(entries([w])) for w in entries([start])]
    slopes = list(zip(*(entries([g]) for g in gradients), strict=True))
    points, sizes = [], []
    for (w,), g in zip(columns, slopes, strict=True):
        points.append(textbook(w, lambda t, _, g=g: g[t], len(g)))
        sizes.append(textbook(-abs(w), lambda t, _, g=g: abs(g[t]), len(g)))
    return points, sizes


def stepping(hyper: dict, textbook: Callable, rng, make: Callable | None = None, fixed=None):
    """Return the call of an optimizer that is then fed gradients.

    ``fixed`` are arguments that are no numbers, ``make`` is how an optimizer comes about.
    """
    start, gradients, scale = walk(rng)
    if "learning_rate" in hyper and rng.random() < 0.5:
        hyper["learning_rate"] /= scale

    def through(function, start, gradients, **hyper):
        optimizer = make(function, **hyper) if make else function(**hyper, **(fixed or {}))
        return opt.replay(optimizer, gradients, start).params

    refusal = [MIXED]
    try:
        points, sizes = along(lambda *walk: textbook(*walk, **hyper), start, gradients)
        refusal.append(beyond(max(abs(x) for size in sizes for x in size), MIXED))
    except ZeroDivisionError:
        refusal.append("every gradient of a parameter has been 0 and epsilon is 0")

    def check(found, exact):
        assert found.shape == np.shape([start] * (len(gradients) + 1))
        found = found.reshape(len(found), -1).T
        assert not exact or found.dtype == object
        for row, expected, size in zip(found, points, sizes, strict=True):
            for x, value, scale in zip(row, expected, size, strict=True):
                if found.dtype == object:
                    exactly(x, value)
                else:
                    close(float(x), value, 1e-14, max(map(abs, size)) or scale)

    names = {"start": r"start|gradient", "gradients": r"gradients?\b"}
    return Call(
        {"start": start, "gradients": gradients, **hyper},
        check,
        "|".join(refusal),
        names=names,
        also={"gradients": holds_nothing},
        through=through,
        whole=False,
    )


def exactly(found, expected: Fraction) -> None:
    """Require an exact number: the fraction, or SymPy's with the same fifty digits."""
    if isinstance(found, int | Fraction):
        assert abs(found - expected) <= abs(expected) / 10**45
        return
    assert not found.has(sympy.Float)
    off = abs(found.evalf(60) - sympy.Rational(expected.numerator, expected.denominator))
    assert off <= max(1, abs(expected)) * sympy.Rational(1, 10**40)


@generates(opt)
def gradient_descent(rng):
    return stepping({"learning_rate": rate(rng)}, descent, rng)


@generates(opt)
def heavy_ball(rng):
    fixed = {"rate": rng.choice(["inside", "outside"])}
    fixed["velocity"] = rng.choice(["added", "subtracted"])
    hyper = {"learning_rate": rate(rng), "momentum": decay_of(rng)}
    return stepping(hyper, descent, rng, fixed=fixed)


@generates(opt)
def nesterov(rng):
    hyper = {"learning_rate": rate(rng), "momentum": decay_of(rng)}
    return stepping(hyper, extrapolated, rng)


@generates(opt)
def rmsprop(rng):
    inside = rng.random() < 0.5
    hyper = {"learning_rate": rate(rng), "decay": decay_of(rng), "epsilon": small(rng)}
    hyper["initial"] = number(rng, 0, 2)

    def textbook(*walk, learning_rate, decay, epsilon, initial):
        more = inside, False, initial, 0
        return adaptive(*walk, learning_rate, Fraction(0), decay, epsilon, more)

    return stepping(hyper, textbook, rng, fixed={"epsilon_inside": inside})


def small(rng: random.Random) -> Fraction:
    return rng.choice([Fraction(0), TINY, Fraction(1, 4)])


def moments(rng: random.Random) -> dict:
    hyper = {"learning_rate": rate(rng), "beta1": decay_of(rng), "beta2": decay_of(rng)}
    return hyper | {"epsilon": small(rng)}


@generates(opt)
def adam(rng):
    inside = rng.random() < 0.5

    def textbook(*walk, **hyper):
        return adaptive(*walk, *hyper.values(), (inside, True, 0, 0))

    return stepping(moments(rng), textbook, rng, fixed={"epsilon_inside": inside})


@generates(opt)
def adamw(rng):
    def textbook(*walk, decay, **hyper):
        return adaptive(*walk, *hyper.values(), (False, True, 0, decay))

    return stepping(moments(rng) | {"decay": decay_of(rng)}, textbook, rng)


@generates(opt)
def l2_penalty(rng):
    eta, beta = rate(rng), decay_of(rng)
    inner = opt.heavy_ball(eta, beta, rate="inside")

    def textbook(*walk, strength):
        return descent(*walk, eta, beta, penalty=strength)

    hyper = {"strength": number(rng, 0, 2)}
    return stepping(hyper, textbook, rng, make=lambda function, **h: function(inner, **h))


@generates(opt)
def weight_decay(rng):
    eta, beta = rate(rng), decay_of(rng)
    inner = opt.heavy_ball(eta, beta, rate="outside")

    def textbook(*walk, decay):
        return descent(*walk, eta, beta, decay=decay)

    hyper = {"decay": decay_of(rng)}
    return stepping(hyper, textbook, rng, make=lambda function, **h: function(inner, **h))


@generates(opt)
def replay(rng):
    eta, beta = rate(rng), decay_of(rng)
    optimizer = opt.nesterov(eta, beta)
    call = stepping({}, lambda *walk: extrapolated(*walk, eta, beta), rng)
    call.through = lambda function, **given: function(optimizer, **given).params
    return call


FOUR = {  # the numbers of problem C, where they are no dyadic fractions as the floats that they are
    "SGD": descent,
    "momentum": lambda *walk: descent(*walk, Fraction(0.9)),
    "RMSProp": lambda *walk: adaptive(
        *walk, Fraction(0), Fraction(0.9), Fraction(1e-8), (True, False, 0, 0)
    ),
    "Adam": lambda *walk: adaptive(
        *walk, Fraction(0.9), Fraction(0.99), Fraction(1e-8), (False, True, 0, 0)
    ),
}


@generates(opt)
def four_optimizers(rng):
    name = rng.choice(list(FOUR))

    def textbook(*walk, learning_rate):
        return FOUR[name](*walk, learning_rate)

    hyper = {"learning_rate": rate(rng)}
    return stepping(hyper, textbook, rng, make=lambda function, **h: function(**h)[name])


def beside(c: Fraction) -> Callable:
    """Return x ↦ c·x for exact arrays and for floats."""
    return lambda x: x * (c if x.dtype == object else float(c))


@generates(opt)
def run(rng):
    c, eta, start = number(rng), rate(rng), times(power_of_two(rng), vector(rng, 2))
    steps = rng.choice([0, 1, 2, 5])

    def check(found, exact):
        assert found.params.shape == (steps + 1, 2)
        for t, point in enumerate(found.params):
            size = (1 + abs(eta * c)) ** t * largest(start)
            agrees(point, times((1 - eta * c) ** t, start), exact, 1e-15 * (t + 1), size)

    arguments = {"start": start, "steps": steps}
    optimizer, slope = opt.gradient_descent(eta), beside(c)
    return Call(
        arguments,
        check,
        through=lambda run, **given: run(optimizer, slope, **given),
        any_shape=frozenset({"start"}),
        whole=False,
    )


@generates(opt)
def final_losses(rng):
    c, start, steps = number(rng, 0.25, 2), number(rng), rng.randint(0, 3)
    rates, noise, seed = [rate(rng) for _ in range(2)], rng.choice([0, 1]) * rate(rng), 3
    pushes = [Fraction(x) for x in np.random.default_rng(seed).normal(0, float(noise), steps)]
    objective = opt.quadratic([[c]])

    def check(found, exact):
        assert set(found) == set(FOUR)
        for name, losses in found.items():
            assert losses.shape == (2,)
            for loss, eta in zip(losses, rates, strict=True):
                walk = start, lambda t, w: c * w + pushes[t], steps
                points = FOUR[name](*walk, eta)
                close(float(loss), c * points[-1] ** 2 / 2, 1e-7, max(1, *map(abs, points)) ** 2)

    arguments = {"start": [start], "steps": steps, "rates": rates, "noise": noise, "seed": seed}
    return Call(
        arguments,
        check,
        any_shape=frozenset({"start"}),
        names={"start": "start|point", "rates": "rates|learning_rate"},
        through=lambda function, **given: function(objective, **given),
    )


@generates(opt)
def working_ranges(rng):
    n, target = rng.randint(2, 5), number(rng, 1, 3)
    least, factor = power_of_two(rng), Fraction(2) ** rng.randint(1, 3)
    rates, losses = [least * factor**k for k in range(n)], vector(rng, n)

    def check(found, exact):
        decades = math.log10(factor) * sum(loss <= target for loss in losses)
        assert abs(found["A"] - decades) <= 0.5001e-3

    return Call(
        {"rates": rates, "losses": losses, "target": target},
        check,
        names={"losses": r"losses|loss for each"},
        also={"losses": lambda x: "inf" in repr(x)},
        through=lambda f, rates, losses, target: f(rates, {"A": losses}, target),
    )


# -- objectives ----------------------------------------------------------------------------------


def points_of(rng: random.Random, d: int):
    """Draw one point, or a few in a row."""
    return vector(rng, d) if rng.random() < 0.5 else matrix(rng, rng.randint(1, 3), d)


def evaluated(
    rng, arguments: dict, d: int, expected: Callable, sizes: Callable, in_floats: bool = False
) -> Call:
    """Return the call of a function that returns an objective, which is then evaluated.

    ``expected`` returns its value, gradient and Hessian at a point, ``sizes`` what they are
    sums of.
    """
    scale = power_of_two(rng)
    x = times(scale, points_of(rng, d))
    rows = in_rows(x)
    routes = [expected(row) for row in rows]
    size = [max(x) for x in zip(*(sizes(list(map(abs, row))) for row in rows), strict=True)]

    def through(function, x, **given):
        objective = function(**given)
        return objective.value(x), objective.gradient(x), objective.hessian(x)

    def check(found, exact):
        for k, part in enumerate(found):
            assert np.asarray(part).dtype == float or not in_floats
            route = [at_one[k] for at_one in routes]
            route = route if rows is x else route[0]
            agrees(part, route, exact and not in_floats, 1e-13, size[k])

    return Call(
        {**arguments, "x": x},
        check,
        beyond(max(size)),
        names={"x": "point"},
        any_shape=frozenset({"x"}),
        also={"x": is_complex, "b": lambda b: b is None},
        through=through,
        whole=False,
    )


@generates(opt)
def quadratic(rng):
    d, scale = rng.randint(1, 3), power_of_two(rng)
    A = times(scale, symmetric_matrix(rng, d))
    b = times(scale, vector(rng, d))

    def expected(x, A=A, b=b, sign=1):
        image = [row[0] for row in product(A, [[c] for c in x])]
        value = sum(c * (y / 2 - sign * z) for c, y, z in zip(x, image, b, strict=True))
        return value, [y - sign * z for y, z in zip(image, b, strict=True)], A

    def sizes(x):
        value, gradient, _ = expected(x, absolute(A), absolute(b), -1)
        return value, max(gradient), largest(A)

    arguments = {"A": A, "b": b}
    return evaluated(rng, arguments, d, expected, sizes)


@generates(opt)
def least_squares(rng):
    n, d, scale = rng.randint(1, 3), rng.randint(1, 3), power_of_two(rng)
    X, t = times(scale, matrix(rng, n, d)), vector(rng, n)

    def expected(w, X=X, t=t, sign=1):
        a = [row[0] - sign * y for row, y in zip(product(X, [[c] for c in w]), t, strict=True)]
        across = transposed(X)
        gradient = [2 * row[0] / n for row in product(across, [[x] for x in a])]
        return sum(x * x for x in a) / n, gradient, times(Fraction(2, n), product(across, X))

    def sizes(w):
        value, gradient, hessian = expected(w, absolute(X), absolute(t), -1)
        return value, max(gradient) * n, max(entries(hessian)) * n

    return evaluated(rng, {"X": X, "t": t}, d, expected, sizes)


def compiled(f: sympy.Expr, variables: tuple) -> tuple[Callable, Callable]:
    """Return value, gradient and Hessian of a polynomial, and the same of absolute terms."""
    slopes = [sympy.diff(f, v) for v in variables[:2]]
    forms = [f, slopes, [[sympy.diff(s, v) for v in variables[:2]] for s in slopes]]

    def at(form, x, size: bool):
        if isinstance(form, list):
            return [at(part, x, size) for part in form]
        terms = sympy.Poly(form, *variables).terms()
        return sum(
            (abs(c) if size else c) * math.prod(v**k for v, k in zip(x, powers, strict=True))
            for powers, c in ((p, Fraction(int(c))) for p, c in terms)
        )

    def expected(x):
        return [at(form, x, False) for form in forms]

    def sizes(x):
        return [max(entries([at(form, x, True)])) for form in forms]

    return expected, sizes


a, b, c = sympy.symbols("a b c")
TWO_WELLS = compiled(3 * a**2 - 3 * a * b + 2 * b**2 + 4 * a**3 + a**4, (a, b))
ROSENBROCK = compiled(sympy.expand((1 - a) ** 2 + c * (b - a**2) ** 2), (a, b, c))


@generates(opt)
def two_wells(rng):
    return evaluated(rng, {}, 2, *TWO_WELLS)


@generates(opt)
def rosenbrock(rng):
    steepness = rate(rng)
    expected, sizes = ROSENBROCK
    return evaluated(
        rng,
        {"steepness": steepness},
        2,
        lambda x: expected([*x, steepness]),
        lambda x: sizes([*x, steepness]),
    )


@generates(opt)
def ripples(rng):
    def expected(p, size=False):
        with mpmath.workdps(800):
            x, y = (mpmath.mpf(v.numerator) / v.denominator for v in p)
            k = mpmath.mpf(0.2 * math.pi)
            cos, sin = (1, 1) if size else (mpmath.cos(k * x), mpmath.sin(k * x))
            sign = -1 if size else 1
            value = 2 * x**2 + 2 * y**2 - sign * 17 * y * cos - sign * x * y
            first = 4 * x + 17 * k * y * sin - sign * y
            gradient = [first, 4 * y - sign * 17 * cos - sign * x]
            mixed = 17 * k * sin - sign
            hessian = [[4 + 17 * k**2 * y * cos, mixed], [mixed, mpmath.mpf(4)]]
            parts = [[value], gradient, [*hessian[0], *hessian[1]]]
            fractions = [[rational(mpmath.mpf(x)) for x in part] for part in parts]
        value, gradient, h = fractions
        return value[0], gradient, [h[:2], h[2:]]

    def sizes(p):
        value, gradient, hessian = expected(p, size=True)
        wave = 1 + 17 * abs(p[0])  # the cosine's argument is rounded once
        return value * wave, max(gradient) * wave, max(entries(hessian)) * wave

    return evaluated(rng, {}, 2, expected, sizes, in_floats=True)


@generates(opt)
def loss_rises(rng):
    scale, d = max(Fraction(1, 2**20), power_of_two(rng)), rng.randint(1, 2)
    path = times(scale, matrix(rng, rng.randint(1, 5), d))
    objective = opt.quadratic(times(Fraction(2), identity(d)))
    losses = [sum(x * x for x in row) for row in path]

    def check(found, exact):
        assert type(found) is int
        assert found == sum(later > earlier for earlier, later in itertools.pairwise(losses))

    return Call(
        {"path": path},
        check,
        beyond(max(losses)),
        names={"path": "path|point"},
        through=lambda function, path: function(objective, path),
    )


# -- analysis ------------------------------------------------------------------------------------


def two_points(rng: random.Random):
    scale, d = power_of_two(rng), rng.randint(1, 3)
    n = rng.choice([0, 0, 2])
    shape = (lambda: matrix(rng, n, d)) if n else (lambda: vector(rng, d))
    return times(scale, shape()), times(scale, shape())


@generates(opt)
def linearization_error(rng):
    x, y = two_points(rng)
    c = number(rng)

    def check(found, exact):
        pairs = zip(in_rows(x), in_rows(y), strict=True)
        expected = [sum(c * (u - v) ** 2 for u, v in zip(*pair, strict=True)) for pair in pairs]
        expected = expected if in_rows(x) is x else expected[0]
        agrees(found, expected, exact, 1e-13, 10 * abs(c) * most**2)

    times_c, slope = beside(c), beside(2 * c)
    most = largest([x, y])
    return Call(
        {"x": x, "y": y},
        check,
        beyond(most**2),
        names={"x": r"\bx\b", "y": r"\by\b"},
        through=lambda f, x, y: f(lambda p: (times_c(p) * p).sum(axis=-1), slope, x, y),
        whole=False,
    )


@generates(opt)
def gradient_variation(rng):
    x, y = two_points(rng)
    c = rng.choice([1, Fraction(2) ** 80]) * rate(rng)
    equal = any(p == q for p, q in zip(in_rows(x), in_rows(y), strict=True))

    def check(found, exact):
        all_close(found, np.full(np.shape(x)[:-1], c, dtype=object), 1e-14)

    slope = beside(c)
    most = largest([x, y])
    return Call(
        {"x": x, "y": y},
        check,
        "x and y must be different" if equal else beyond(most * c),
        names={"x": r"\bx\b", "y": r"\by\b"},
        through=lambda f, x, y: f(slope, x, y),
        whole=False,
    )


@generates(opt)
def classify(rng):
    d = rng.randint(1, 3)
    H = symmetric_matrix(rng, d)
    polynomial = sympy.Matrix(d, d, [sympy.Rational(x) for x in entries(H)]).charpoly().all_coeffs()
    zeros = next(k for k, c in enumerate(reversed(polynomial)) if c != 0)
    signs = [c > 0 for c in polynomial if c != 0]
    flipped = [(c > 0) == (k % 2 == 0) for k, c in enumerate(polynomial) if c != 0]
    positive, negative = (
        sum(p != q for p, q in itertools.pairwise(s)) for s in (signs, flipped)
    )  # Descartes: every root is real
    kind = (
        "saddle point"
        if positive and negative
        else "undecided"
        if zeros
        else ("minimum" if positive else "maximum")
    )

    def check(found, exact):
        assert found == kind

    arguments = {"hessian": times(power_of_two(rng), H), "tolerance": TINY}
    return Call(arguments, check)


@generates(opt)
def critical_points(rng):
    x, y = sympy.symbols("x y")
    zeros = sorted({number(rng) for _ in range(rng.randint(1, 3))})
    slope = math.prod((x - sympy.Rational(z) for z in zeros), start=sympy.Integer(1))
    at, tilt, variables = sympy.Rational(number(rng)), sympy.Rational(rate(rng)), (x, y)
    f = sympy.integrate(sympy.expand(slope), x) + tilt * (y - at * x) ** 2
    f += at * tilt * (2 * y * x - at * x**2)  # = ∫ slope + tilt · y²

    def check(found, exact):
        assert found == [(sympy.Rational(z), 0) for z in zeros]

    def through(function, f_or_bad):
        good = isinstance(f_or_bad, int | np.integer) and f_or_bad is not True and f_or_bad == 1
        return function(f if good else f_or_bad, variables)

    return Call({"f_or_bad": 1}, check, through=through, names={"f_or_bad": r"\bf\b"})


@generates(opt)
def newton_raphson(rng):
    d, scale, steps = rng.randint(1, 3), power_of_two(rng), rng.randint(0, 3)
    A, start, damping = symmetric_matrix(rng, d), times(scale, points_of(rng, d)), rate(rng)
    inverse = solved(A, identity(d))
    condition = float(d * d * largest(A) * largest(inverse)) if inverse else 0
    f = opt.quadratic(A)

    def check(found, exact):
        assert found.shape == (steps + 1, *np.shape(start))
        for t, points in enumerate(found):
            size = (1 + damping) ** t * largest(start)
            agrees(points, times((1 - damping) ** t, start), exact, 1e-15 * condition, size)

    return Call(
        {"start": start, "steps": steps, "damping": damping},
        check,
        MIXED if inverse else f"the Hessian must not be singular|{MIXED}",
        names={"start": "start|point"},
        any_shape=frozenset({"start"}),
        through=lambda function, **given: function(f.gradient, f.hessian, **given),
        whole=False,
    )


@generates(opt)
def minimum_norm_solution(rng):
    n, d, scale = rng.randint(1, 3), rng.randint(1, 4), power_of_two(rng)
    X, t, start = matrix(rng, n, d), vector(rng, n), vector(rng, d)
    gram = product(X, transposed(X))
    inverse = solved(gram, identity(n))

    def check(found, exact):
        residual = [[y - z[0]] for y, z in zip(t, product(X, [[w] for w in start]), strict=True)]
        weights = product(inverse, residual)
        step = [x[0] for x in product(transposed(X), weights)]
        condition = float(n * n * largest(gram) * largest(inverse))
        size = largest([start, step]) + largest(X) * largest(inverse) * largest(residual) * n
        expected = [other * (s + w) for s, w in zip(start, step, strict=True)]
        agrees(found, expected, exact, 1e-14 * condition, other * size)

    other = power_of_two(rng) if scale == 1 else 1 / scale
    arguments = {
        "X": times(scale, X),
        "t": times(scale * other, t),
        "start": times(other, start),
    }
    return Call(
        arguments,
        check,
        None if inverse else "XXᵀ must not be singular",
        also={"start": lambda start: start is None},
        whole=False,
    )


def matrix_call(rng, expected: Callable) -> Call:
    scale = power_of_two(rng)
    h, eta, beta = scale * number(rng), rate(rng), decay_of(rng)
    eta /= rng.choice([1, scale])

    def check(found, exact):
        agrees(found, expected(h, eta, beta), exact, 1e-15, 4 * (1 + abs(eta * h)))

    arguments = {"curvature": h, "learning_rate": eta, "momentum": beta}
    return Call(arguments, check, beyond(abs(eta * h)))


@generates(opt)
def heavy_ball_matrix(rng):
    return matrix_call(rng, lambda h, eta, beta: [[1 + beta - eta * h, -beta], [1, 0]])


@generates(opt)
def nesterov_matrix(rng):
    return matrix_call(
        rng, lambda h, eta, beta: [[(1 + beta) * (1 - eta * h), -beta * (1 - eta * h)], [1, 0]]
    )


@generates(opt)
def heavy_ball_factor(rng):
    n, scale = rng.randint(1, 3), power_of_two(rng)
    h, eta, beta = times(scale, vector(rng, n)), rate(rng), decay_of(rng)
    eta /= rng.choice([1, scale])
    drawn = [1 + beta - eta * x for x in h]

    def check(found, exact):
        assert found.dtype == float
        for factor, trace in zip(found, drawn, strict=True):
            expected = (abs(trace) + root(max(trace**2 - 4 * beta, Fraction(0)))) / 2
            if trace**2 < 4 * beta:
                expected = root(beta)
            gap = abs(trace**2 - 4 * beta)
            loss = 1 + (4 * beta + trace**2) / gap if gap else 1
            close(float(factor), expected, 1e-15 * float(min(loss, 10**6)), 1 + abs(trace))

    arguments = {"curvature": h, "learning_rate": eta, "momentum": beta}
    return Call(
        arguments,
        check,
        beyond(largest(drawn)),
        any_shape=frozenset({"curvature", "learning_rate", "momentum"}),
    )


@generates(opt)
def spectral_radius(rng):
    """Draw S T S⁻¹ for a triangular T and a triangular S of determinant 1."""
    n, scale = rng.randint(1, 4), power_of_two(rng)
    T = [[number(rng) if j >= i else Fraction(0) for j in range(n)] for i in range(n)]
    S = [
        [Fraction(rng.randint(-1, 1)) if j < i else Fraction(i == j) for j in range(n)]
        for i in range(n)
    ]
    A = product(product(S, T), solved(S, identity(n)))
    expected = max(abs(T[i][i]) for i in range(n))

    def check(found, exact):
        close(found, scale * expected, 1e-3 if n > 2 else 1e-6, scale * largest([*A, [1]]))

    return Call({"matrix": times(scale, A)}, check)


def tuned(formula: Callable):
    """Return a generator for a tuning that is a formula in √μ and √L."""

    def generator(rng):
        scale = power_of_two(rng)
        smallest = scale * rate(rng)
        gap = rng.choice([number(rng, 0, 4), TINY, Fraction(2) ** 80])

        def check(found, exact):
            with mpmath.workdps(60):
                roots = (
                    mpmath.sqrt(mpmath.mpf(x.numerator) / x.denominator)
                    for x in (smallest, smallest + scale * gap)
                )
                expected = [rational(mpmath.mpf(x)) for x in formula(*roots)]
            for a, b in zip(found, expected, strict=True):
                close(a, b, 1e-15)

        arguments = {"smallest": smallest, "largest": smallest + scale * gap}
        return Call(arguments, check, names=dict.fromkeys(arguments, "smallest|largest|curvatures"))

    return generator


named(
    opt,
    "tune_gradient_descent",
    tuned(lambda m, L: (2 / (L**2 + m**2), 0, (L**2 - m**2) / (L**2 + m**2))),
)
named(
    opt,
    "tune_heavy_ball",
    tuned(lambda m, L: (4 / (L + m) ** 2, ((L - m) / (L + m)) ** 2, (L - m) / (L + m))),
)
named(opt, "tune_nesterov", tuned(lambda m, L: (1 / L**2, (L - m) / (L + m), 1 - m / L)))


@generates(opt)
def exact(rng):
    values = rng.choice([number, lambda rng: vector(rng, 2), lambda rng: matrix(rng, 2, 2)])(rng)

    def check(found, was_exact):
        assert found.dtype == object
        assert found.shape == np.shape(values)
        for x, expected in zip(found.flat, entries([values]), strict=True):
            assert type(x) is Fraction
            assert x == expected

    return Call(
        {"values": values},
        check,
        any_shape=frozenset({"values"}),
        also={"values": lambda x: holds_nothing(x) or "'" in repr(x)},
    )
