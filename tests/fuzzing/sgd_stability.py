"""Calls of :mod:`byhand.sgd_stability`; the second routes are exact, or mpmath's."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from fractions import Fraction

import mpmath
import numpy as np

from byhand import sgd_stability as sgd
from fuzzing import (
    Call,
    close,
    generates,
    named,
    not_called,
    number,
    power_of_two,
    same,
    times,
    to_float,
)

not_called(sgd, "a record, which computes nothing", "LogLaw", "LogSample")

NAMES = {
    "h": r"\bh\b|h\[\d\]",
    "eta": "step size η",
    "w0": r"w\(0\)",
    "initial": "initial moment",
    "size": "batch size",
    "level": "level",
    "power": "power",
}
OUT_OF_RANGE = "must fit a float"


def curvatures(rng: random.Random, most: int = 4) -> list[Fraction]:
    h = [number(rng, -2, 6) for _ in range(rng.randint(1, most))]
    return h if sum(h) > 0 else [x + 7 for x in h]


def problem(rng: random.Random, most: int = 4):
    """Draw curvatures of some scale, a step size of the inverse scale, and the factors."""
    h, eta, scale = curvatures(rng, most), number(rng, 0, 2), power_of_two(rng)
    h, eta = times(scale, h), eta / rng.choice([scale] * 9 + [Fraction(1)])
    return {"h": h, "eta": eta}, [1 - eta * x for x in h]


def mean(values: list) -> Fraction:
    return sum(values) / Fraction(len(values))


def variance(values: list) -> Fraction:
    return mean([(x - mean(values)) ** 2 for x in values])


def log(x: Fraction) -> float:
    """Return log|x| to the last digit."""
    if x == 0:
        return -math.inf
    with mpmath.workdps(40):
        return float(mpmath.log(mpmath.mpf(abs(x.numerator)) / x.denominator))


def near(found: float, expected: float, tolerance: float = 1e-12, scale: float = 1.0) -> None:
    assert isinstance(found, float), f"{found!r} is no float"
    assert found == expected or abs(found - expected) <= tolerance * max(scale, abs(expected)), (
        f"{found} for {expected}"
    )


def call(arguments: dict, check, **more) -> Call:
    return Call(arguments, check, OUT_OF_RANGE, names=NAMES, **more)


def of_curvatures(expected):
    """Return a generator for a function of h whose floats are rounded once."""

    def generator(rng):
        h = times(power_of_two(rng), curvatures(rng))
        return call({"h": h}, lambda found, exact: same(found, expected(h), exact))

    return generator


named(sgd, "mean_threshold", of_curvatures(lambda h: 2 / mean(h)))
named(
    sgd,
    "mean_square_threshold",
    of_curvatures(lambda h: 2 * mean(h) / (mean(h) ** 2 + variance(h))),
)


@generates(sgd)
def mean_and_variance(rng):
    h = times(power_of_two(rng), curvatures(rng))

    def check(found, exact):
        same(found.mean, mean(h), exact)
        same(found.variance, variance(h), exact)

    return call({"h": h}, check)


@generates(sgd)
def best_steps(rng):
    h = times(power_of_two(rng), curvatures(rng))

    def check(found, exact):
        same(found.mean, 1 / mean(h), exact)
        same(found.mean_square, mean(h) / (mean(h) ** 2 + variance(h)), exact)
        for step, x in zip(found.almost_sure, sorted({1 / x for x in h if x > 0}), strict=True):
            same(step, x, exact)

    return call({"h": h}, check)


@generates(sgd)
def factors(rng):
    arguments, steps = problem(rng)

    def check(found, exact):
        for m, expected in zip(found, steps, strict=True):
            same(m, expected, exact)

    return call(arguments, check)


def of_factors(expected):
    """Return a generator for a function of h and η whose floats are rounded once."""

    def generator(rng):
        arguments, steps = problem(rng)
        return call(arguments, lambda found, exact: same(found, expected(steps), exact))

    return generator


named(sgd, "mean_factor", of_factors(mean))
named(sgd, "square_factor", of_factors(lambda steps: mean([m * m for m in steps])))
named(sgd, "epoch_factor", of_factors(lambda steps: math.prod(steps, start=Fraction(1))))


@generates(sgd)
def growth_rates(rng):
    arguments, steps = problem(rng)

    def check(found, exact):
        logs = [log(m) for m in steps]
        expected = (log(mean(steps)), log(mean([m * m for m in steps])) / 2, sum(logs) / len(logs))
        for a, b in zip(found, expected, strict=True):
            near(a, b)

    return call(arguments, check)


@generates(sgd)
def lyapunov_exponent(rng):
    arguments, steps = problem(rng)
    return call(arguments, lambda q, _: near(q, sum(map(log, steps)) / len(steps)))


@generates(sgd)
def tail_index(rng):
    for _ in range(30):  # most problems diverge; κ is for those that do not
        arguments, steps = problem(rng)
        if abs(math.prod(steps)) < 1:
            break

    def check(kappa, exact):
        assert isinstance(kappa, float)
        assert kappa > 0
        if max(map(abs, steps)) <= 1:
            assert kappa == math.inf
        else:
            with mpmath.workdps(700):  # a factor may be 1 + 2⁻⁹⁰⁰
                powers = [abs(mpmath.mpf(m.numerator) / m.denominator) for m in steps]
                below, above = (
                    mpmath.fsum(m ** (kappa * mpmath.mpf(1 + side)) for m in powers) - len(steps)
                    for side in (-1e-11, 1e-11)
                )
            assert below < 0 < above, (kappa, below, above)

    result = call(arguments, check)
    result.refusal = r"tail index needs q\(η\) < 0|" + OUT_OF_RANGE
    return result


@generates(sgd)
def almost_sure_set(rng):
    h = times(power_of_two(rng), curvatures(rng))

    def check(found, exact):
        ends = [end for interval in found for end in interval]
        assert all(type(end) is float for end in ends)
        assert ends == sorted(ends)
        assert ends[0] == 0
        poles = sorted({1 / x for x in h if x > 0})
        assert all(any(a < p < b for a, b in found) for p in poles)
        for end in ends[1:]:  # what is stable on one side is not on the other
            signs = {
                math.prod((1 - Fraction(end) * side * x for x in h), start=Fraction(1)) ** 2 < 1
                for side in (1 - Fraction(1, 10**6), 1 + Fraction(1, 10**6))
            }
            assert len(signs) == 2, (end, h)

    return call({"h": h}, check)


@generates(sgd)
def batch_variance(rng):
    h, size = times(power_of_two(rng), curvatures(rng)), rng.randint(1, 3)
    replacement = rng.random() < 0.5
    batches = every_batch(h, size, replacement)
    result = call(
        {"h": h, "size": size, "replacement": replacement},
        lambda found, exact: same(found, variance(batches), exact),
    )
    result.refusal += "|without replacement the batch size must be"
    return result


@generates(sgd)
def batch_curvatures(rng):
    h, size = times(power_of_two(rng), curvatures(rng)), rng.randint(1, 3)
    replacement = rng.random() < 0.5
    batches = every_batch(h, size, replacement)

    def check(found, exact):
        for x, expected in zip(found, batches, strict=True):
            same(x, expected, exact)

    result = call({"h": h, "size": size, "replacement": replacement}, check)
    result.refusal += "|without replacement the batch size must be"
    return result


def every_batch(h: list, size: int, replacement: bool) -> list:
    ways = itertools.product(h, repeat=size) if replacement else itertools.combinations(h, size)
    return [mean(list(batch)) for batch in ways]


# -- several dimensions --------------------------------------------------------------------------

TURN = [[3, 4], [-4, 3]]
"""Five times a rotation: turned by it, a diagonal matrix gets 25 times its eigenvalues."""


def turned(diagonal: list) -> list[list[Fraction]]:
    d = range(len(diagonal))
    if len(diagonal) == 1:
        return [[25 * diagonal[0]]]
    return [[sum(TURN[i][k] * diagonal[k] * TURN[j][k] for k in d) for j in d] for i in d]


def samples_of_one_basis(rng: random.Random) -> tuple[list, list]:
    """Draw curvatures along one or two axes, shape (d, N), and the turned matrices of them."""
    n = rng.randint(1, 3)
    axes = [[number(rng, 0, 4) for _ in range(n)] for _ in range(rng.randint(1, 2))]
    axes = [axis if sum(axis) > 0 else [x + 1 for x in axis] for axis in axes]
    scale = power_of_two(rng)
    axes = times(scale, axes)
    return axes, [turned(list(one)) for one in zip(*axes, strict=True)]


@generates(sgd)
def operator_threshold(rng):
    axes, H = samples_of_one_basis(rng)
    ends = [2 * mean(h) / mean([x * x for x in h]) / 25 for h in axes]

    def check(found, exact):
        close(found, min(ends), 1e-11)

    result = call({"H": H}, check)
    result.refusal += "|positive definite"
    return result


@generates(sgd)
def second_moment_operator(rng):
    _, H = samples_of_one_basis(rng)
    eta = number(rng, 0, 2)
    d = range(len(H[0]))
    steps = [[[(i == j) - eta * one[i][j] for j in d] for i in d] for one in H]
    expected = [
        [mean([a[i][k] * a[j][m] for a in steps]) for k in d for m in d] for i in d for j in d
    ]
    largest = max((1 + eta * max(map(max, one))) ** 2 for one in H)

    def check(found, exact):
        for row, wanted in zip(found, expected, strict=True):
            for x, y in zip(row, wanted, strict=True):
                if exact:
                    assert x == y
                else:
                    close(x, y, 1e-14, largest)

    result = call({"H": H, "eta": eta}, check)
    result.refusal += "|operator must be finite"
    return result


@generates(sgd)
def rank_one_hessians(rng):
    n, p = rng.randint(1, 3), rng.randint(1, 4)
    J = times(power_of_two(rng), [[number(rng) for _ in range(p)] for _ in range(n)])
    products = [[sum(x * y for x, y in zip(a, b, strict=True)) for b in J] for a in J]
    largest = max(map(max, products))

    def check(found, exact):
        """The traces of gaᵀ and gbᵀ, and of their products, are dot products of the rows."""
        assert found.shape[0] == n
        for a in range(n):
            close(np.trace(found[a]), products[a][a], 1e-10, largest)

    result = call({"J": J}, check)
    result.refusal += "|J must be a matrix and not 0|Hessians of J must be finite"
    return result


@generates(sgd)
def run(rng):
    arguments, steps = problem(rng)
    w0 = number(rng)
    draws = [rng.randrange(len(steps)) for _ in range(rng.choice([0, 1, 5, 5, 40, 300]))]

    def check(found, exact):
        assert len(found) == len(draws) + 1
        w = w0
        error = Fraction(1, 2**52)
        for n, x in itertools.zip_longest([None, *draws], found):
            if n is not None:
                w *= steps[n]
                error += Fraction(1, 2**51) * (1 + abs((1 - steps[n]) / (steps[n] or 1)))
            along(x, w, exact, error)

    arguments |= {"draws": tuple(draws), "w0": w0}
    return call(arguments, check)


def along(x, expected: Fraction, exact: bool, tolerance) -> None:
    """Require one iterate: out of the range of floats it is ±∞."""
    if exact:
        assert x == expected
    elif math.isinf(to_float(expected)) or math.isinf(x):
        assert abs(expected) * (1 + tolerance) >= Fraction(2) ** 1023
        assert abs(x) > 1e307
        assert (x > 0) == (expected > 0)
    else:
        close(x, expected, tolerance)


@generates(sgd)
def moment_recursion(rng):
    arguments, steps = problem(rng)
    power, t, initial = rng.randint(1, 4), rng.choice([0, 1, 5, 5, 300]), number(rng)

    def check(found, exact):
        assert len(found) == t + 1
        factor = mean([m**power for m in steps])
        for k in {0, 1, t // 2, t} & {*range(t + 1)}:
            along(found[k], initial * factor**k, exact, Fraction(k + 1, 2**51))

    arguments |= {"power": power, "t": t, "initial": initial}
    return call(arguments, check)


@generates(sgd)
def draw_counts(rng):
    n, t = rng.randint(1, 4), rng.randint(0, 5)

    def check(found, exact):
        ways = [row for row in itertools.product(range(t + 1), repeat=n) if sum(row) == t]
        assert found.dtype.kind == "i"
        assert found.tolist() == [list(row) for row in ways]

    return Call({"n": n, "t": t}, check)


def law_of(steps: list, t: int, start: Fraction) -> Counter:
    law = Counter({start: Fraction(1)})
    for _ in range(t):
        after: Counter = Counter()
        for w, chance in law.items():
            for m in steps:
                after[w * m] += chance / len(steps)
        law = after
    return law


@generates(sgd)
def exact_law(rng):
    arguments, steps = problem(rng, 3)
    t, w0 = rng.randint(0, 4), number(rng)

    def check(found, exact):
        expected: Counter = Counter()
        for w, chance in law_of(steps, t, w0).items():
            expected[w if exact else to_float(w)] += chance
        assert all(isinstance(p, Fraction) for p in found.values())
        assert dict(found) == dict(expected)

    return call(arguments | {"t": t, "w0": w0}, check)


@generates(sgd)
def log_law(rng):
    arguments, steps = problem(rng, 3)
    t = rng.randint(0, 4)

    def check(found, exact):
        assert not any(np.isnan(part).any() for part in found)
        law: Counter = Counter()
        for sign, size, chance in zip(*found, strict=True):
            law[int(sign), round(float(size), 9)] += math.exp(chance)
        expected: Counter = Counter()
        for w, chance in law_of(steps, t, Fraction(1)).items():
            expected[(w > 0) - (w < 0), round(log(w), 9)] += float(chance)
        assert abs(sum(law.values()) - 1) < 1e-12
        for key, chance in expected.items():
            close_by = sum(
                p
                for (s, x), p in law.items()
                if s == key[0] and math.isclose(x, key[1], abs_tol=1e-8)
            )
            assert abs(close_by - chance) < 1e-12

    return call(arguments | {"t": t}, check)


@generates(sgd)
def log_moment(rng):
    _, steps = problem(rng, 3)
    law = law_of(steps, rng.randint(0, 3), Fraction(1))
    logs = np.array([log(w) for w in law])
    record = sgd.LogLaw(np.ones(len(law)), logs, np.log([float(p) for p in law.values()]))
    power = number(rng, 1, 4)

    def check(found, exact):
        with mpmath.workdps(40):
            terms = [
                mpmath.mpf(p.numerator) / p.denominator * mpmath.power(abs(_mp(w)), _mp(power))
                for w, p in law.items()
            ]
            total = mpmath.fsum(terms)
            near(found, float(mpmath.log(total)) if total else -math.inf)

    return Call({"law": record, "power": power}, check, names=NAMES)


def _mp(x: Fraction):
    return mpmath.mpf(x.numerator) / x.denominator


def seeded(rng: random.Random) -> np.random.Generator:
    return np.random.default_rng(rng.randrange(2**32))


def within(sign, log_abs, steps: list, t: int) -> None:
    """Require that paths of t steps stay between the powers of the extreme factors."""
    assert not np.isnan(log_abs).any()
    assert ((sign == 0) == (log_abs == -np.inf)).all()
    assert np.isin(sign, (-1, 0, 1)).all()
    logs = [log(m) for m in steps]
    least = min([x for x in logs if x > -math.inf], default=0.0)
    alive = log_abs[log_abs > -np.inf]
    assert (alive <= t * max(logs, default=0) + 1e-9).all() or t == 0
    assert (alive >= t * least - 1e-9).all()


@generates(sgd)
def sample(rng):
    arguments, steps = problem(rng)
    t, paths = rng.randint(0, 6), rng.choice([1, 3, 50])

    def check(found, exact):
        assert found.sign.shape == found.log_abs.shape == (paths,)
        within(*found, steps, t)
        possible = {
            (int((w > 0) - (w < 0)), round(log(w), 6)) for w in law_of(steps, t, Fraction(1))
        }
        for s, x in zip(found.sign, found.log_abs, strict=True):
            assert any(s == a and (x == b or abs(x - b) < 1e-5) for a, b in possible)

    return call(arguments | {"t": t, "paths": paths, "rng": seeded(rng)}, check)


@generates(sgd)
def sample_paths(rng):
    arguments, steps = problem(rng)
    t, paths = rng.randint(0, 6), rng.choice([1, 3, 20])

    def check(found, exact):
        assert found.sign.shape == found.log_abs.shape == (paths, t + 1)
        assert (found.sign[:, 0] == 1).all()
        assert (found.log_abs[:, 0] == 0).all()
        for s in range(1, t + 1):
            within(found.sign[:, s], found.log_abs[:, s], steps, s)

    return call(arguments | {"t": t, "paths": paths, "rng": seeded(rng)}, check)


@generates(sgd)
def simulate(rng):
    arguments, steps = problem(rng)
    t, paths = rng.randint(0, 6), rng.choice([1, 3, 20])

    def check(found, exact):
        assert found.dtype == float
        assert found.shape == (paths,)
        possible = [to_float(w) for w in law_of(steps, t, Fraction(1))]
        for w in found:
            assert any(math.isclose(w, x, rel_tol=1e-13) for x in possible)

    return call(arguments | {"t": t, "paths": paths, "rng": seeded(rng)}, check)


@generates(sgd)
def sample_mean(rng):
    values = [number(rng) for _ in range(rng.randint(2, 6))]
    power = rng.randint(1, 3)
    record = sgd.LogSample(
        np.array([(w > 0) - (w < 0) for w in values]), np.array([log(w) for w in values])
    )

    def check(found, exact):
        powers = [w**power for w in values]
        size = float(max(map(abs, powers))) or 1.0
        near(found[0], float(mean(powers)), 1e-13, size)
        n = len(values)
        error = math.sqrt(variance(powers) * n / (n - 1) / n)
        near(found[1], error, 1e-7, size)

    return Call({"w": record, "power": power}, check, names=NAMES)


@generates(sgd)
def peak_probability(rng):
    arguments, steps = problem(rng, 3)
    level, t = number(rng, 1, 9), rng.randint(0, 5)

    def check(found, exact):
        alive, reached = Counter({Fraction(1): Fraction(1)}), Fraction(0)
        for s in range(t + 1):
            reached += sum(p for w, p in alive.items() if abs(w) >= level)
            alive = Counter({w: p for w, p in alive.items() if abs(w) < level})
            after: Counter = Counter()
            for w, chance in alive.items() if s < t else ():
                for m in steps:
                    after[w * m] += chance / len(steps)
            alive = after
        near(found, float(reached), 1e-13)

    return call(arguments | {"level": level, "t": t}, check)
