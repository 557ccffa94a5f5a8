"""Calls of :mod:`byhand.hypergradients`; the second routes are exact.

Derivatives in step sizes come out of tangents here, one for each step, and not out of a sweep back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from byhand import hypergradients as hg
from fuzzing import (
    Call,
    absolute,
    agrees,
    beyond,
    entries,
    generates,
    is_complex,
    matrix,
    named,
    not_called,
    number,
    power_of_two,
    product,
    symmetric_matrix,
    times,
    transposed,
    vector,
)

not_called(hg, "a record, which computes nothing", "Loss", "Reversible", "Run")
not_called(hg, "it tells of a call, and takes no numbers", "counted", "peak_bytes")
not_called(hg, "counting is that of byhand.backpropagation", "multiplications")
not_called(hg, "its derivatives are those of byhand.backpropagation", "from_function")


# -- losses --------------------------------------------------------------------------------------


class Plain(NamedTuple):
    """L(w) = ½wᵀAw − bᵀw + c + ¼Σ(Bw)⁴ of fractions, every matrix written out."""

    A: list
    b: list
    c: Fraction
    B: list

    def value(self, w):
        image = applied(self.A, w)
        fourth = sum(x**4 for x in applied(self.B, w)) / 4
        return dot(w, image) / 2 - dot(self.b, w) + self.c + fourth

    def gradient(self, w):
        cubes = [x**3 for x in applied(self.B, w)]
        parts = zip(applied(self.A, w), self.b, applied(transposed(self.B), cubes), strict=True)
        return [x - y + z for x, y, z in parts]

    def hvp(self, w, v):
        both = zip(applied(self.B, w), applied(self.B, v), strict=True)
        bent = applied(transposed(self.B), [3 * x * x * y for x, y in both])
        return [x + y for x, y in zip(applied(self.A, v), bent, strict=True)]

    def absolute(self) -> Plain:
        """Return the loss whose terms all have one sign, where w is positive."""
        return Plain(absolute(self.A), [-abs(x) for x in self.b], abs(self.c), absolute(self.B))


def applied(A: list, v: list) -> list:
    return [row[0] for row in product(A, [[x] for x in v])]


def dot(v: list, w: list):
    return sum(x * y for x, y in zip(v, w, strict=True))


def quadratic_problem(rng, d, scale, size):
    A, b = times(scale, symmetric_matrix(rng, d)), times(scale * size, vector(rng, d))
    return "quadratic", {"A": A, "b": b}, Plain(A, b, Fraction(0), [[Fraction(0)] * d])


def least_squares_problem(rng, d, scale, size):
    n = rng.randint(1, 3)
    X, t = matrix(rng, n, d), times(size, vector(rng, n))
    share = Fraction(2, n)
    A = times(share, product(transposed(X), X))
    b = times(share, applied(transposed(X), t))
    return "least_squares", {"X": X, "t": t}, Plain(A, b, dot(t, t) / n, [[Fraction(0)] * d])


def quartic_problem(rng, d, scale, size):
    A, B = symmetric_matrix(rng, d), matrix(rng, rng.randint(1, 2), d)
    return "quartic", {"A": A, "B": B}, Plain(A, [Fraction(0)] * d, Fraction(0), B)


PROBLEMS = [quadratic_problem, least_squares_problem, quartic_problem]


def drawn(rng: random.Random, kinds: list = PROBLEMS, small: bool = False):
    """Draw a loss, the numbers that it is made of, and the scales of η and of its points."""
    kind = rng.choice(kinds)
    size = Fraction(1) if small or kind is quartic_problem else power_of_two(rng)
    scale = rng.choice([Fraction(1), 1 / size]) if kind is quadratic_problem else Fraction(1)
    name, numbers, plain = kind(rng, rng.randint(1, 3), scale, size)
    return name, numbers, plain, 1 / scale, size


def evaluated(kind: Callable):
    """Return a generator for a loss, which is then evaluated at a point."""

    def generator(rng):
        most = [Fraction(2) ** 2000]
        while beyond(max(most)):
            _, numbers, plain, _, size = drawn(rng, [kind])
            d = len(plain.b)
            w, v = times(size, vector(rng, d)), vector(rng, d)
            most = [part(plain.absolute(), absolute([w, v])) for part in PARTS]
        exact_points = rng.random() < 0.5

        def through(function, **numbers):
            loss, points = function(**numbers), [np.array(x, dtype=object) for x in (w, v)]
            x, y = points if exact_points else (p.astype(float) for p in points)
            assert loss.size == d
            return loss.value(x), loss.gradient(x), loss.hvp(x, y), hg.hessian(loss, x)

        expected = [plain.value(w), plain.gradient(w), plain.hvp(w, v)]

        def check(found, exact):
            rows = [plain.hvp(w, [Fraction(i == j) for i in range(d)]) for j in range(d)]
            for part, route, size in zip(found, [*expected, transposed(rows)], most, strict=True):
                agrees(part, route, exact and exact_points, 1e-14, size)

        return Call(numbers, check, through=through, whole=False)

    return generator


PARTS = [
    lambda plain, points: plain.value(points[0]),
    lambda plain, points: max(plain.gradient(points[0])),
    lambda plain, points: max(plain.hvp(*points)),
    lambda plain, points: max(plain.hvp(points[0], [1] * len(points[0]))),
]

for _problem in PROBLEMS:
    named(hg, _problem.__name__.removesuffix("_problem"), evaluated(_problem))


@generates(hg)
def hessian(rng):
    name, numbers, plain, _, size = drawn(rng)
    d = len(plain.b)
    w = times(size, vector(rng, d))
    loss = getattr(hg, name)(**numbers)

    def check(found, exact):
        columns = [plain.hvp(w, [Fraction(i == j) for i in range(d)]) for j in range(d)]
        most = PARTS[3](plain.absolute(), absolute([w]))
        agrees(found, transposed(columns), exact, 1e-14, most)

    return Call(
        {"w": w},
        check,
        also={"w": is_complex},
        through=lambda hessian, w: hessian(loss, w),
        whole=False,
    )


# -- runs ----------------------------------------------------------------------------------------


def walked(plains: list, w: list, etas: list) -> list:
    points = [w]
    for plain, eta in zip(plains, etas, strict=True):
        slope = plain.gradient(points[-1])
        points.append([x - eta * g for x, g in zip(points[-1], slope, strict=True)])
    return points


def derivatives(end: Plain, plains: list, w: list, etas: list) -> list:
    """Return ∂L(w(k))/∂η_s for all s: the tangent of each is carried to the end."""
    points = walked(plains, w, etas)
    result = []
    for s in range(len(etas)):
        tangent = [-g for g in plains[s].gradient(points[s])]
        for r in range(s + 1, len(etas)):
            bent = plains[r].hvp(points[r], tangent)
            tangent = [x - etas[r] * y for x, y in zip(tangent, bent, strict=True)]
        result.append(dot(end.gradient(points[-1]), tangent))
    return result


def of_run(route: Callable, batches: bool = False, more: Callable | None = None):
    """Return a generator for a function of a run, whose second route is given."""

    def generator(rng):
        name, numbers, plain, pace, size = drawn(rng)
        d, k = len(plain.b), rng.randint(1, 4)
        w0 = times(size, vector(rng, d))
        etas = times(pace / 4, vector(rng, k, 0, 2))
        plains, losses = [plain] * k, [getattr(hg, name)(**numbers)]
        given = {"w0": w0, "etas": etas}
        if batches and rng.random() < 0.4:
            b = times(size / pace, vector(rng, d))
            batch = hg.quadratic(plain.A, b), Plain(plain.A, b, Fraction(0), [[Fraction(0)] * d])
            plains = [rng.choice([plain, batch[1]]) for _ in range(k)]
            given["batches"] = tuple(losses[0] if p is plain else batch[0] for p in plains)
        given |= more(rng, k) if more else {}
        expected = route(plain, plains, w0, etas)
        one_sign = [p.absolute() for p in plains]
        most = route(plain.absolute(), one_sign, absolute(w0), [-eta for eta in etas])
        most = max(map(abs, entries([most])))

        def through(function, batches=None, **given):
            given |= {"batches": batches} if batches else {}
            return function(losses[0], **given)

        def check(found, exact):
            agrees(np.array(found), expected, exact, 1e-13, most)

        return Call(
            given,
            check,
            beyond(most),
            names={"etas": "etas|step sizes"},
            also={"every": lambda every: every is None, "w0": is_complex, "etas": is_complex},
            through=through,
            whole=False,
        )

    return generator


named(hg, "trajectory", of_run(lambda end, *run: walked(*run), batches=True))
named(hg, "final_loss", of_run(lambda end, *run: end.value(walked(*run)[-1]), batches=True))
named(hg, "hypergradients", of_run(derivatives, batches=True))
named(hg, "hypergradients_from_gradients", of_run(derivatives, batches=True))
named(hg, "hypergradients_by_products", of_run(derivatives))
named(
    hg,
    "checkpointed_hypergradients",
    of_run(derivatives, batches=True, more=lambda rng, k: {"every": rng.randint(1, k)}),
)


@generates(hg)
def forward_hypergradient(rng):
    name, numbers, plain, pace, size = drawn(rng)
    w0, steps = times(size, vector(rng, len(plain.b))), rng.randint(1, 4)
    eta = pace * number(rng, 0, 1)
    loss = getattr(hg, name)(**numbers)

    def total(plain, w, eta):
        return sum(derivatives(plain, [plain] * steps, w, [eta] * steps))

    most = abs(total(plain.absolute(), absolute(w0), -eta))

    def check(found, exact):
        agrees(found, total(plain, w0, eta), exact, 1e-13, most)

    return Call(
        {"w0": w0, "eta": eta, "steps": steps},
        check,
        beyond(most),
        names={"eta": "eta|step size"},
        also={"w0": is_complex, "eta": lambda eta: type(eta) is complex},
        through=lambda function, **given: function(loss, **given),
        whole=False,
    )


@generates(hg)
def tuned_descent(rng):
    name, numbers, plain, _, _ = drawn(rng, [quadratic_problem, quartic_problem], small=True)
    steps, w0 = rng.randint(1, 4), vector(rng, len(plain.b))
    eta, alpha, gamma = (number(rng, 0, 1) / 2**k for k in (4, 8, 20))
    loss = getattr(hg, name)(**numbers)

    def check(found, exact):
        points, slopes, products, step, pace = [w0], [], [], eta, alpha
        for s in range(steps):
            slopes.append(plain.gradient(points[-1]))
            if s >= 1:
                products.append(dot(slopes[-1], slopes[-2]))
            if s >= 2:
                pace += gamma * products[-1] * products[-2]
            if s >= 1:
                step += pace * products[-1]
            points.append([x - step * g for x, g in zip(points[-1], slopes[-1], strict=True)])
            if max(map(abs, points[-1])) > 10**9 or abs(step) > 10**9:
                return  # it diverges, and so does its rounding
            size = 1 + max(map(abs, [*points[-1], *points[-2], step]))
            agrees(found.etas[s], step, False, 1e-6, size)
            agrees(found.losses[s + 1], plain.value(points[-1]), False, 1e-6, size**8)

    arguments = {"w0": w0, "eta": eta, "alpha": alpha, "gamma": gamma, "steps": steps}
    return Call(
        arguments,
        check,
        also={"w0": is_complex},
        through=lambda function, **given: function(loss, **given),
    )


@generates(hg)
def windowed_descent(rng):
    name, numbers, plain, _, _ = drawn(rng, [quadratic_problem], small=True)
    w0, window = vector(rng, len(plain.b)), rng.randint(1, 3)
    eta, alpha = number(rng, 0, 1) / 16, number(rng, 0, 1) / 256
    budget = (2 * window - 1) * rng.randint(2, 3) + 1
    loss = getattr(hg, name)(**numbers)

    def check(found, exact):
        w, step = w0, eta
        for _ in range(budget // (2 * window - 1)):
            total = sum(derivatives(plain, [plain] * window, w, [step] * window))
            w = walked([plain] * window, w, [step] * window)[-1]
            step -= alpha * total
        assert found[1] == budget // (2 * window - 1)
        size = (1 + abs(step)) * (1 + max(map(abs, w)))
        agrees(found[0], plain.value(w), False, 1e-6, size**4)

    arguments = {"w0": w0, "eta": eta, "alpha": alpha, "window": window, "budget": budget}
    return Call(
        arguments,
        check,
        also={"w0": is_complex},
        through=lambda function, **given: function(loss, **given),
    )


# -- one step ------------------------------------------------------------------------------------


def one_step(rng):
    """Draw a least-squares problem, and L₁(η) = c₀ + c₁η + c₂η², from its values at −1, 0, 1."""
    n, d, scale, size = rng.randint(1, 3), rng.randint(1, 3), power_of_two(rng), Fraction(1)
    X, t, w0 = matrix(rng, n, d), vector(rng, n), vector(rng, d)
    across = transposed(X)

    def loss_after(eta):
        a = [x - y for x, y in zip(applied(X, w0), t, strict=True)]
        step = times(Fraction(2, n) * eta, applied(across, a))
        w1 = [x - y for x, y in zip(w0, step, strict=True)]
        return sum((x - y) ** 2 for x, y in zip(applied(X, w1), t, strict=True)) / n

    below, at, above = map(loss_after, (-1, 0, 1))
    parabola = at, (above - below) / 2, (above + below) / 2 - at
    size = power_of_two(rng) if scale == 1 else 1 / scale
    arguments = {"X": times(scale, X), "t": times(scale * size, t), "w0": times(size, w0)}
    return arguments, parabola, scale, size


@generates(hg)
def one_step_parabola(rng):
    arguments, parabola, scale, size = one_step(rng)
    n, d = np.shape(arguments["X"])
    scales = [(scale * size) ** 2 * scale ** (2 * k) for k in range(3)]
    sizes = [s * (4 * 16 * n * d * d) ** (k + 2) for k, s in enumerate(scales)]

    def check(found, exact):
        for c, route, by, most in zip(found, parabola, scales, sizes, strict=True):
            agrees(c, by * route, exact, 1e-15, most)

    refusal = beyond(max(sizes))
    return Call(arguments, check, refusal, also={"w0": is_complex}, whole=False)


@generates(hg)
def best_step(rng):
    arguments, (_, slope, curvature), scale, _ = one_step(rng)

    def check(found, exact):
        agrees(found, -slope / (2 * curvature) / scale**2, exact, 1e-12, None)

    every = "every step size is optimal"
    refusal = beyond(-slope / (2 * curvature) / scale**2) if curvature else every
    return Call(arguments, check, refusal, also={"w0": is_complex}, whole=False)


# -- noisy quadratics ----------------------------------------------------------------------------


def noisy(rng, k: int, d: int | None = None):
    d = d or rng.randint(1, 3)
    h, scale = vector(rng, d, 0.25, 4), power_of_two(rng)
    h = [x or Fraction(1, 4) for x in h]
    c, m = (times(scale, vector(rng, d, 0, 4)) for _ in range(2))
    etas = times(Fraction(1, 4), vector(rng, k, 0, 3))
    return {"curvatures": h, "noise": c, "start": m}, etas, scale


def second_moments(h, c, m, etas) -> list:
    """Return E[w(k)²] of each direction, written out as a sum over the steps."""
    result = []
    for a, v, start in zip(h, c, m, strict=True):
        total, shrink = Fraction(0), Fraction(1)
        for eta in reversed(etas):
            total += eta**2 * v * shrink
            shrink *= (1 - eta * a) ** 2
        result.append(total + shrink * start)
    return result


def expected_loss(h, c, m, etas) -> Fraction:
    return dot(h, second_moments(h, c, m, etas)) / 2


def of_schedule(route: Callable):
    def generator(rng):
        arguments, etas, scale = noisy(rng, rng.randint(1, 4))

        def check(found, exact):
            agrees(found, route(*arguments.values(), etas), exact, 1e-13, scale * 10**4)

        return Call(
            arguments | {"etas": etas},
            check,
            names={"etas": "etas|step sizes"},
            also={"etas": is_complex},
            whole=False,
        )

    return generator


def in_parabolas(h, c, m, etas) -> list:
    """Return derivatives of the loss, which is a parabola in each step size."""
    result = []
    for s in range(len(etas)):
        ends = (expected_loss(h, c, m, [*etas[:s], etas[s] + by, *etas[s + 1 :]]) for by in (1, -1))
        above, below = ends
        result.append((above - below) / 2)
    return result


named(
    hg,
    "noisy_moments",
    of_schedule(
        lambda h, c, m, etas: [second_moments(h, c, m, etas[:k]) for k in range(len(etas) + 1)]
    ),
)
named(hg, "last_expected_loss", of_schedule(expected_loss))
named(hg, "schedule_hypergradients", of_schedule(in_parabolas))


@generates(hg)
def greedy_schedule(rng):
    steps = rng.randint(1, 3)
    arguments, _, _ = noisy(rng, 1)
    h, c, m = arguments.values()
    etas = []
    for _ in range(steps):
        below, at, above = (expected_loss(h, c, m, [*etas, x]) for x in (-1, 0, 1))
        if above + below == 2 * at:
            break
        etas.append((below - above) / 2 / (above + below - 2 * at))

    def check(found, exact):
        assert not exact or len(found) == len(etas)  # floats may miss a minimum by rounding
        agrees(found[: len(etas)], etas, exact, 1e-11, Fraction(1))

    refusal = "every step size is optimal" if len(etas) < steps else None
    return Call(arguments | {"steps": steps}, check, refusal, whole=False)


@generates(hg)
def farsighted_schedule(rng):
    arguments, _, scale = noisy(rng, 1, d=rng.randint(1, 2))
    steps, ceiling = rng.randint(1, 3), number(rng, 0.25, 1) or Fraction(1, 4)
    h, c, m = arguments.values()

    def check(found, exact):
        assert found.dtype == float
        assert found.shape == (steps,)
        etas = [Fraction(float(x)) for x in found]
        assert all(0 <= eta <= ceiling for eta in etas)
        steepest = scale * 100
        for eta, slope in zip(etas, in_parabolas(h, c, m, etas), strict=True):
            assert slope <= steepest / 10**4 or eta == 0
            assert slope >= -steepest / 10**4 or eta == ceiling

    return Call(
        arguments | {"steps": steps, "ceiling": ceiling},
        check,
        also={"ceiling": lambda ceiling: ceiling is None},
    )


@generates(hg)
def best_constant_step(rng):
    def slope(eta):
        return sum(derivatives(plain, [plain] * steps, w0, [eta] * steps))

    for _ in range(8):  # most pairs of step sizes are not on both sides of a minimum
        name, numbers, plain, _, _ = drawn(rng, [quadratic_problem], small=True)
        w0, steps = vector(rng, len(plain.b)), rng.randint(1, 3)
        low, high = number(rng, 0, 0.5), number(rng, 1, 3)
        if brackets := slope(low) <= 0 <= slope(high):
            break
    loss = getattr(hg, name)(**numbers)

    def check(found, exact):
        assert type(found) is float
        assert low <= found <= high
        near = Fraction(1, 10**6)
        around = [slope(Fraction(found) + by) for by in (-near, 0, near)]
        assert around[0] <= 0 <= around[2] or abs(around[1]) < abs(around[0]) + Fraction(1, 10**6)

    return Call(
        {"w0": w0, "steps": steps, "low": low, "high": high},
        check,
        None if brackets else "the hypergradient must be",
        also={"w0": is_complex},
        through=lambda function, **given: function(loss, **given),
    )


# -- reversible runs -----------------------------------------------------------------------------

ONE = Fraction(2) ** 40


HALF = Fraction(1, 2)


def some_fraction(rng) -> Fraction:
    return rng.choice(
        [Fraction(9, 10), Fraction(1, 2), Fraction(7, 3), Fraction(10**20 - 1, 10**20)]
    )


def fits(x) -> bool:
    return np.ndim(x) == 1 or (type(x) is int and x == -1)


@generates(hg)
def multiply_exactly(rng):
    ratio, x, buffer = some_fraction(rng), rng.randint(-(2**62), 2**62), rng.randint(0, 2**62)

    def check(found, exact):
        y, rest = found
        assert type(y) is int
        assert type(rest) is int
        assert abs(y - x * ratio) <= ratio.numerator + 1
        assert hg.multiply_exactly(y, 1 / ratio, rest) == (x, buffer)

    return Call(
        {"x": x, "buffer": buffer},
        check,
        also={"x": fits, "buffer": lambda buffer: fits(buffer) and np.ndim(buffer)},
        through=lambda function, x, buffer: function(x, ratio, buffer),
    )


@generates(hg)
def start_reversible(rng):
    w0 = times(power_of_two(rng), vector(rng, rng.randint(1, 3)))

    def check(state, exact):
        for w, route, v, buffer in zip(state.w, w0, state.v, state.buffer, strict=True):
            assert type(w) is int
            assert w == round(route * ONE)
            assert v == buffer == 0
        agrees(state.position(), w0, False, 1e-15, max([*map(abs, w0), Fraction(1, 1000)]))

    return Call({"w0": w0}, check)


def stepped(back: bool):
    """Return a generator for a step forth, or for the step back after one."""

    def generator(rng):
        w0, beta, eta = vector(rng, 2), some_fraction(rng), number(rng, 0, 1)
        c = number(rng)
        start = hg.start_reversible(w0)

        def slope(w):
            return w * float(c)

        def through(function, eta):
            later = hg.heavy_ball_step(start, slope, eta if back else Fraction(1, 2), beta)
            return function(later, slope, eta, beta), later

        def check(found, exact):
            state, later = found
            if back:
                assert all((a == b).all() for a, b in zip(state, start, strict=True))
                return
            for w, v, before, velocity in zip(state.w, state.v, later.w, later.v, strict=True):
                push = eta * c * Fraction(int(before))
                assert abs(v - (beta * int(velocity) - push)) <= beta.numerator + 2
                assert w == before + v

        return Call({"eta": eta}, check, through=through)

    return generator


named(hg, "heavy_ball_step", stepped(back=False))
named(hg, "undo_heavy_ball_step", stepped(back=True))


def heavy_ball_derivatives(A, w, etas, beta) -> tuple:
    """Return ∂L(w(k))/∂η_s of heavy ball on ½wᵀAw, and a bound of them, by tangents."""
    points, v = [w], [0] * len(w)
    for eta in etas:
        v = [beta * y - eta * g for y, g in zip(v, applied(A, points[-1]), strict=True)]
        points.append([x + y for x, y in zip(points[-1], v, strict=True)])
    result, bound = [], Fraction(1, 10**3)
    for s in range(len(etas)):
        tangent = velocity = [-g for g in applied(A, points[s])]
        for eta in etas[s + 1 :]:
            bent = applied(A, tangent)
            velocity = [beta * y - eta * g for y, g in zip(velocity, bent, strict=True)]
            tangent = [x + y for x, y in zip(tangent, velocity, strict=True)]
        last = applied(A, points[-1])
        result.append(dot(last, tangent))
        bound += dot(absolute(last), absolute(tangent))
    return result, bound


@generates(hg)
def reversible_hypergradients(rng):
    w0, k = vector(rng, 2), rng.randint(1, 5)
    etas, beta = times(Fraction(1, 4), vector(rng, k, 0, 2)), rng.choice([Fraction(9, 10), HALF])
    A = [[Fraction(2), HALF], [HALF, Fraction(1)]]

    def check(found, exact):
        expected, bound = heavy_ball_derivatives(A, w0, etas, beta)
        agrees(np.array(found), expected, False, 1e-9, bound)

    return Call(
        {"w0": w0, "etas": etas},
        check,
        names={"etas": "etas|step sizes|eta"},
        through=lambda function, **given: function(
            hg.quadratic(A, [Fraction(0)] * 2), **given, beta=beta
        ),
        whole=False,
    )


# -- a network -----------------------------------------------------------------------


@generates(hg)
def terrain_network(rng):
    units, spacing, seed = rng.randint(1, 3), rng.randint(90, 200), rng.randint(0, 9)

    def check(found, exact):
        loss, w = found
        assert loss.size == w.size == 4 * units + 1
        by_rules, v = hg.from_function(loss.value), np.ones(w.size)
        np.testing.assert_allclose(loss.gradient(w), by_rules.gradient(w), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(loss.hvp(w, v), by_rules.hvp(w, v), rtol=1e-9, atol=1e-11)

    return Call({"units": units, "spacing": spacing, "seed": seed}, check)
