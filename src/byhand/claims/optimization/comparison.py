"""Claims of C-compare: what is said of four optimizers, and in which sense it is true."""

from __future__ import annotations

from fractions import Fraction as Q
from itertools import pairwise, product

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.claims.optimization._written_out import NAMES, path, whole
from byhand.evidence import Estimate, by, case, claim, holds, once, prove, sheet
from byhand.linear_algebra import complex_step

ETA, BETA, H, W, G1, G2 = sp.symbols("eta beta h w g1 g2", real=True)


def last_moves(optimizer, gradients):
    """Return the moves of the package over symbols for the gradients of one parameter."""
    columns = [np.array([g]) for g in gradients]
    points = opt.replay(optimizer, columns, opt.exact([0])).params[:, 0]
    return [b - a for a, b in pairwise(points)]


def exact_four(eta=Q(1, 10)):
    """Return the four optimizers of problem C, exact and with ε = 0."""
    return {
        "SGD": opt.gradient_descent(eta),
        "momentum": opt.heavy_ball(eta, Q(9, 10), rate="inside"),
        "RMSProp": opt.rmsprop(eta, Q(9, 10), 0, epsilon_inside=True),
        "Adam": opt.adam(eta, Q(9, 10), Q(99, 100), 0),
    }


# -- SGD -----------------------------------------------------------------------------------------


@claim(
    "C-compare.memory",
    "the derivative of the second step in the first gradient, at 1 and 2",
    components=NAMES,
)
def memory():
    def package():
        found = []
        for optimizer in exact_four().values():
            second = last_moves(optimizer, (G1, G2))[1]
            found.append(float(sp.diff(second, G1).subs({G1: 1, G2: 2})))
        return found

    def differences():
        """Complex steps through each method written out, without ε."""

        def second(name, g):
            if name == "SGD":
                return -0.1 * 2
            if name == "momentum":
                return -0.1 * (0.9 * g + 2)
            if name == "RMSProp":
                return -0.1 * 2 / np.sqrt(0.09 * g**2 + 0.1 * 4)
            m, v = (0.9 * g + 2) / 1.9, (0.99 * g**2 + 4) / 1.99
            return -0.1 * m / np.sqrt(v)

        return [complex_step(lambda g, name=name: second(name, g) + 0 * g, 1.0) for name in NAMES]

    yield by.algebra("the package's second step, of symbols", package)
    yield by.differences("complex steps through the methods written out", differences)


@claim(
    "C-compare.current-only",
    "SGD's step depends on the current gradient only",
    for_all="$g_1$, $g_2$, $\\eta$",
)
def current_only():
    def proved():
        second = last_moves(opt.gradient_descent(ETA), (G1, G2))[1]
        alone = last_moves(opt.gradient_descent(ETA), (G2,))[0]
        return prove(
            sp.Eq(second, alone, evaluate=False),
            altered=[sp.Eq(second, alone + G1, evaluate=False)],
        )

    def two_pasts():
        rng = np.random.default_rng(21)
        pasts = rng.normal(size=(2, 20)) * [[1], [5]]
        pasts[:, -1] = 3.0
        moved = {}
        for name, optimizer in opt.four_optimizers(0.1).items():
            runs = [opt.replay(optimizer, one, 0.0).params for one in pasts]
            moved[name] = abs((runs[0][-1] - runs[0][-2]) - (runs[1][-1] - runs[1][-2]))
        others = min(moved[name] for name in NAMES[1:])
        return holds(
            moved["SGD"] < 1e-15 and others > 1e-3,
            f"two pasts move SGD's step by 0, the others' by {others:.3f} or more",
        )

    yield by.prover("Z3, of the package's descent", proved)
    yield by.experiment("two pasts", two_pasts)
    yield sheet("sgd uses the current gradient only", lambda: True)


KAPPAS = (10, 100, 1000)
"""Condition numbers."""


def needed(points):
    """Return the first step at which the error is below 10⁻⁶."""
    below = np.linalg.norm(points, axis=1) < 1e-6
    return int(np.argmax(below)) if below.any() else np.inf


def tuned_runs(kappa):
    """Return the steps that the package's tuned descent and heavy ball need from (1, 1)."""
    gradient = opt.quadratic(np.diag([1, 1 / kappa])).gradient
    found = []
    for tune in (opt.tune_gradient_descent, opt.tune_heavy_ball):
        eta, beta, _ = tune(1 / kappa, 1)
        ball = opt.heavy_ball(eta, beta, rate="inside")
        found.append(needed(opt.run(ball, gradient, [1, 1], 9 * kappa).params))
    return found


def tuned_by_hand(kappa):
    """Return the same from the recursion of each coordinate, with the formulas' constants."""
    h, root = np.array([1, 1 / kappa]), kappa**0.5
    constants = [(2 / (1 + 1 / kappa), 0.0)]
    constants += [(4 / (1 + 1 / root) ** 2, ((root - 1) / (root + 1)) ** 2)]
    found = []
    for eta, beta in constants:
        before, now, t = np.ones(2), np.ones(2), 0
        while np.linalg.norm(now) >= 1e-6:
            before, now, t = now, (1 + beta - eta * h) * now - beta * before, t + 1
        found.append(t)
    return found


@claim(
    "C-compare.steps-*",
    "steps to an error of $10^{-6}$, each method with its best constants",
    cases=[case(str(k), rf"$\kappa = {k}$", kappa=k) for k in (1, *KAPPAS)],
    components=["SGD", "momentum"],
)
def steps_needed(kappa=100):
    yield by.experiment("the package's runs", lambda: tuned_runs(kappa))
    yield by.recursion("the recursion of each coordinate", lambda: tuned_by_hand(kappa))


@claim(
    "C-compare.slow",
    r"tuned SGD needs over 5 times momentum's steps for $\kappa = 100$, over 15 times for 1000",
)
def slow():
    def measured():
        ratios = [a / b for a, b in (tuned_runs(100), tuned_runs(1000))]
        return holds(ratios[0] > 5 and ratios[1] > 15, f"{ratios[0]:.1f} and {ratios[1]:.1f} times")

    def by_factors():
        """Steps per digit are −1 over the logarithms of the factors."""
        ratios = []
        for kappa in (100, 1000):
            root = kappa**0.5
            logs = np.log([(kappa - 1) / (kappa + 1), (root - 1) / (root + 1)])
            ratios.append(logs[1] / logs[0])
        return holds(
            ratios[0] > 5 and ratios[1] > 15,
            f"{ratios[0]:.1f} and {ratios[1]:.1f} times, per digit",
        )

    yield by.experiment("the package's runs", measured)
    yield by.closed_form("the factors per step", by_factors)
    yield sheet("converges slowly", lambda: True)


@claim(
    "C-compare.faster",
    r"tuned momentum needs fewer steps than tuned SGD for $\kappa = 10, 100, 1000$",
)
def faster():
    def measured():
        least = min(a / b for a, b in map(tuned_runs, KAPPAS))
        return holds(least > 1, f"by a factor of {least:.2f} at least")

    def by_hand():
        least = min(a / b for a, b in map(tuned_by_hand, KAPPAS))
        return holds(least > 1, f"by a factor of {least:.2f} at least")

    yield by.experiment("the package's runs", measured)
    yield by.recursion("the recursion of each coordinate", by_hand)
    yield sheet("(of momentum) to smooth and accelerate. It becomes faster", lambda: True)


def wells_gradient(x):
    """Return the gradient of the quartic of B2.1, written out."""
    a, b = x[..., 0], x[..., 1]
    return np.stack([6 * a - 3 * b + 12 * a**2 + 4 * a**3, 4 * b - 3 * a], axis=-1)


def many_starts():
    return np.stack(np.meshgrid(np.linspace(-4, 1.5, 23), np.linspace(-3, 2, 21)), axis=-1)


def in_the_shallow_well(ends):
    return int((np.linalg.norm(ends, axis=-1) < 0.3).sum())


def told_wells(counts):
    """Say whether all fall into the shallow well, Adam from more starts than SGD than momentum."""
    right = all(n["Adam"] > n["SGD"] > n["momentum"] > 0 < n["RMSProp"] for n in counts)
    words = "; ".join(", ".join(f"{name} {n[name]}" for name in NAMES) for n in counts)
    return right, f"of 483 starts: {words}"


@claim(
    "C-compare.local-minima",
    "all four fall into local minima, Adam from more of 483 starts than SGD and momentum from "
    "fewer, at rates from 0.005 to 0.03",
)
def local_minima():
    def package():
        counts = [
            {
                name: in_the_shallow_well(
                    opt.run(one, opt.two_wells().gradient, many_starts(), 1500).params[-1]
                )
                for name, one in opt.four_optimizers(eta).items()
            }
            for eta in (0.005, 0.02)
        ]
        return holds(*told_wells(counts))

    def written_out():
        grid = np.array([[-4 + i / 4, -3 + j / 4] for i in range(23) for j in range(21)])
        counts = []
        for eta in (0.01, 0.03):
            ends = {n: path(n, wells_gradient, grid, eta, 2000, (2000,)) for n in NAMES}
            near = {n: np.hypot(*np.moveaxis(end[2000], -1, 0)) < 0.3 for n, end in ends.items()}
            counts.append({n: int(hits.sum()) for n, hits in near.items()})
        right = all(0 < n["momentum"] < n["SGD"] < n["Adam"] and n["RMSProp"] for n in counts)
        words = [" < ".join(map(str, sorted(n.values()))) for n in counts]
        return holds(right, f"of 483 starts: {'; '.join(words)}")

    yield by.experiment("1500 steps of the package's at 0.005 and 0.02", package)
    yield by.recursion("2000 steps written out, at 0.01 and 0.03", written_out)
    yield sheet("(of SGD) may fall into local minima", lambda: True)


# -- momentum ------------------------------------------------------------------------------------


@claim(
    "C-compare.variance",
    r"momentum's stationary variance is "
    r"$\frac{\eta\sigma^2(1+\beta)}{h(1-\beta)(2(1+\beta)-\eta h)}$",
    for_all=r"$0 \le \beta < 1$, $0 < \eta h < 2(1+\beta)$ and $\sigma$",
)
def variance():
    a, b, c, s, v = sp.symbols("a b c s v", real=True)

    def package_map():
        """Return (w, v) after an update of the package with gradient hw + n, of symbols."""
        n = sp.Symbol("n", real=True)
        ball = opt.heavy_ball(ETA, BETA, rate="inside")
        state = opt.HeavyBallState(np.array([v]))
        w, state = ball.update(np.array([H * W + n]), state, np.array([W]))
        return w[0], state.velocity[0], n

    def moments(first, second, n):
        """Return the mean of a product, for E w² = a, E wv = b, E v² = c and E n² = s."""
        product_ = sp.Poly(sp.expand(first * second), W, v, n)
        means = {(2, 0, 0): a, (1, 1, 0): b, (0, 2, 0): c, (0, 0, 2): s}
        return sum(coefficient * means.get(k, 0) for k, coefficient in product_.terms())

    def proved():
        w, velocity, n = package_map()
        stationary = [
            sp.Eq(a, moments(w, w, n)),
            sp.Eq(b, moments(w, velocity, n)),
            sp.Eq(c, moments(velocity, velocity, n)),
        ]
        region = [BETA >= 0, BETA < 1, ETA > 0, H > 0, ETA * H < 2 * (1 + BETA)]
        claimed = sp.Eq(a * H * (1 - BETA) * (2 * (1 + BETA) - ETA * H), ETA * s * (1 + BETA))
        return prove(claimed, given=[*stationary, *region])

    def solved():
        """The three equations solved by elimination, with the update written out."""
        eta, beta, h = sp.symbols("eta beta h")
        equations = [
            (1 - eta * h) ** 2 * a + 2 * beta * (1 - eta * h) * b + beta**2 * c + eta**2 * s - a,
            -eta * h * (1 - eta * h) * a
            + beta * (1 - 2 * eta * h) * b
            + beta**2 * c
            + eta**2 * s
            - b,
            eta**2 * h**2 * a - 2 * beta * eta * h * b + beta**2 * c + eta**2 * s - c,
        ]
        found = sp.solve(equations, [a, b, c], dict=True)[0][a]
        claimed = eta * s * (1 + beta) / (h * (1 - beta) * (2 * (1 + beta) - eta * h))
        return holds(sp.simplify(found - claimed) == 0, "the one solution")

    yield by.prover("Z3, of the package's update", proved)
    yield by.algebra("three linear equations", solved)


def mean_of(samples):
    """Return the mean of independent samples with its standard error."""
    return Estimate(samples.mean(), samples.std() / len(samples) ** 0.5)


def scattered(name, seed):
    """Estimate E[w²] after 150 steps of the package on ½w² with noise of variance 1."""
    noise = np.random.default_rng(seed)
    optimizer = opt.four_optimizers(0.1)[name]
    run = opt.run(optimizer, lambda w: w + noise.normal(size=w.shape), np.zeros(20000), 150)
    return mean_of(run.params[-1] ** 2)


@claim(
    "C-compare.scatter-*",
    r"the stationary variance at $\eta = 0.1$, $h = \sigma = 1$",
    cases=[
        case("sgd", "SGD", method="SGD", beta=0, seed=1),
        case(
            "momentum",
            "momentum, about ten times as large",
            method="momentum",
            beta=Q(9, 10),
            seed=2,
        ),
    ],
)
def scatter(method="SGD", beta=0, seed=1):
    def formula(eta=Q(1, 10)):
        return eta * (1 + beta) / ((1 - beta) * (2 * (1 + beta) - eta))

    def recursion():
        """The covariance of (w, v), step by step."""
        b = float(beta)
        M, noise = np.array([[0.9, b], [-0.1, b]]), 0.01 * np.ones((2, 2))
        covariance = np.zeros((2, 2))
        for _ in range(2000):
            covariance = M @ covariance @ M.T + noise
        return covariance[0, 0]

    yield by.closed_form("the formula", formula)
    yield by.recursion("the covariance, step by step", recursion)
    yield by.sampling("20 000 runs of the package", lambda: scattered(method, seed))


@claim("C-compare.smooth", r"the variance of $(1-\beta)u$ over $\sigma^2$")
def smooth(beta=Q(9, 10)):
    def sampled():
        rng = np.random.default_rng(3)
        outside = opt.heavy_ball(1.0, 0.9, rate="outside", velocity="subtracted")
        run = opt.replay(outside, rng.normal(size=(150, 20000)), np.zeros(20000))
        return mean_of((0.1 * run.states[-1].velocity) ** 2)

    def weights():
        """The weights (1 − β)βᵏ, squared and added up."""
        k = sp.Symbol("k", integer=True, nonnegative=True)
        b = sp.Rational(beta)
        return sp.summation(((1 - b) * b**k) ** 2, (k, 0, sp.oo))

    yield by.closed_form("(1 − β)/(1 + β)", lambda: (1 - beta) / (1 + beta))
    yield by.algebra("weights squared and added up", weights)
    yield by.sampling("20 000 runs of the package", sampled)
    yield sheet("smooth", lambda: Q(1, 19))


@claim("C-compare.overshoot-momentum", r"momentum overshoots on $\frac12w^2$ with $\eta = 0.1$")
def overshoot_momentum():
    def run():
        ball = opt.four_optimizers(0.1)["momentum"]
        least = opt.run(ball, opt.quadratic([[1.0]]).gradient, [1.0], 200).params.min()
        return holds(least < 0, f"from 1 to {least:.3f}")

    def roots():
        """The recursion solved with its complex roots r e^{±iφ}."""
        r, phi = 0.9**0.5, np.arccos(0.9 / 0.9**0.5)
        t = np.arange(200)
        path = r**t * (np.cos(phi * t) + (0.9 / r - np.cos(phi)) / np.sin(phi) * np.sin(phi * t))
        return holds(path.min() < 0, f"from 1 to {path.min():.3f}")

    yield by.experiment("the package's run", run)
    yield by.closed_form("an oscillation", roots)
    yield sheet("chances are there for overshooting", lambda: True)


@claim(
    "C-compare.overshoot-sgd",
    "SGD's step does not pass the minimum",
    for_all=r"$\frac12hw^2$ with $w > 0$ and $0 \le \eta h \le 1$",
)
def overshoot_sgd():
    def proved():
        slope = opt.quadratic(np.array([[H]])).gradient(np.array([W]))
        after = W + last_moves(opt.gradient_descent(ETA), [slope[0]])[0]
        return prove(after >= 0, given=[W > 0, ETA * H <= 1])

    def run():
        least = min(
            opt.run(
                opt.gradient_descent(eta), opt.quadratic([[1.0]]).gradient, [1.0], 100
            ).params.min()
            for eta in (0.1, 0.5, 1.0)
        )
        return holds(least >= 0, f"from 1 to {least:.0e}")

    yield by.prover("Z3, of the package's descent", proved)
    yield by.experiment("three rates", run)


# -- RMSProp -------------------------------------------------------------------------------------


def rms_move(g, s, beta=BETA):
    """Return the package's move for a gradient g from a mean square s, with ε = 0."""
    optimizer = opt.rmsprop(ETA, beta, 0, epsilon_inside=True)
    state = opt.RMSPropState(np.array([s]), np.array([s]))
    return optimizer.update(np.array([g]), state, opt.exact([0]))[0][0]


SQUARE = sp.Symbol("s", real=True)
DECAY = [BETA >= 0, BETA < 1]


@claim(
    "C-compare.per-parameter",
    r"a parameter's steps do not depend on its gradients' scale $c$, for $\varepsilon = 0$",
    for_all=r"$c > 0$ and gradients that are not 0",
)
def per_parameter():
    c = sp.Symbol("c", real=True)

    def proved():
        plain = opt.rmsprop(Q(1, 10), Q(9, 10), 0, epsilon_inside=True)
        moves, scaled = last_moves(plain, (G1, G2)), last_moves(plain, (c * G1, c * G2))
        same = [sp.Eq(a, b, evaluate=False) for a, b in zip(moves, scaled, strict=True)]
        return prove(sp.And(*same), given=[c > 0, sp.Ne(G1, 0), sp.Ne(G2, 0)])

    def to_the_bit():
        gradients = np.random.default_rng(22).normal(size=(50, 2))
        plain = opt.rmsprop(0.1, 0.9, 0, epsilon_inside=True)
        one, other = (
            opt.replay(plain, gradients * scale, [0.0, 0.0]).params for scale in ([1, 1], [1, 1024])
        )
        return holds(np.array_equal(one, other), "not a bit changes for c = 1024")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.experiment("50 gradients", to_the_bit)
    yield sheet("scales learning rate per parameter", lambda: True)


@claim(
    "C-compare.larger-gradient",
    "a larger latest gradient lengthens the step and lowers the rate",
    for_all=r"$g' > g > 0$, $s > 0$, $\eta > 0$ and $\beta$ in $(0, 1)$",
)
def larger_gradient():
    def proved():
        g, more = G1, G2
        step, longer = -rms_move(g, SQUARE), -rms_move(more, SQUARE)
        lower = longer * g < step * more  # the rate is the step over the gradient
        return prove(
            sp.And(longer > step, lower),
            given=[g > 0, more > g, SQUARE > 0, ETA > 0, BETA > 0, BETA < 1],
        )

    def measured():
        sizes = np.array([0.5, 1, 2, 10, 100])
        plain = opt.rmsprop(0.1, 0.9, 0, epsilon_inside=True)
        steps = [-np.diff(opt.replay(plain, [1.0] * 20 + [x], 0.0).params)[-1] for x in sizes]
        rates = steps / sizes
        right = (np.diff(steps) > 0).all() and (np.diff(rates) < 0).all()
        return holds(right, f"steps from {steps[0]:.3f} to {steps[-1]:.3f}")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.experiment("gradients 0.5 to 100 after twenty ones", measured)
    yield sheet(
        "scales down steps if gradients are larger",
        lambda: False,
        erratum="Right if a step is the rate η/√s, which larger gradients scale down; the step "
        "taken, rate times gradient, does not shrink.",
    )


@claim(
    "C-compare.rmsprop-bound",
    r"RMSProp's step is at most $\eta/\sqrt{1-\beta}$",
    for_all=r"$g \ne 0$, $s \ge 0$, $\eta > 0$ and $0 \le \beta < 1$",
)
def rmsprop_bound():
    def proved():
        squared = rms_move(G1, SQUARE) ** 2
        return prove(
            squared * (1 - BETA) <= ETA**2,
            given=[sp.Ne(G1, 0), SQUARE >= 0, *DECAY],
            altered=[squared * (1 - BETA) <= ETA**2 / 2],
        )

    def measured():
        rng = np.random.default_rng(23)
        plain = opt.rmsprop(1.0, 0.9, 0, epsilon_inside=True)
        wild = rng.normal(size=(400, 50)) * 10.0 ** rng.integers(-6, 7, size=(400, 50))
        longest = np.abs(np.diff(opt.replay(plain, wild, np.zeros(50)).params, axis=0)).max()
        return holds(longest <= 10**0.5 * (1 + 1e-12), f"at most {longest:.3f} η for β = 0.9")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.experiment("20 000 gradients of very different size", measured)


def bowl_gradient(kappa):
    return lambda w: w * np.array([1, 1 / kappa])


def arrivals(outside):
    """Return how many steps each run needs to stay inside, for masks of shape (steps + 1, runs)."""
    last = outside.shape[0] - 1 - np.argmax(outside[::-1], axis=0)
    return np.where(outside.any(axis=0), last + 1, 0)


def fewest_by_the_package(name, kappa, distance):
    """Return the least number of steps, over 16 rates, to stay near 0."""
    gradient, found = opt.quadratic(np.diag([1, 1 / kappa])).gradient, []
    for eta in np.logspace(-3.5, 0.25, 16):
        points = opt.run(opt.four_optimizers(eta)[name], gradient, [1, 1], 1500).params
        outside = np.flatnonzero(np.abs(points).max(axis=1) >= distance)
        found.append(int(outside[-1]) + 1)  # 1501 if it has not arrived
    return min(found)


def fewest_written_out(name, kappa, distance, steps=2000):
    """Return the same over three finer grids of rates, for longer."""
    found = []
    for count in (16, 23, 40):
        rates = np.logspace(-3.5, 0.25, count)[:, None]
        points = whole(name, bowl_gradient(kappa), np.ones((count, 2)), rates, steps)
        outside = ~(np.abs(points).max(axis=-1) < distance)
        found.append(int(arrivals(outside).min()))
    return found


@claim(
    "C-compare.fast",
    r"to 0.1 for $\kappa = 1000$ RMSProp needs under a tenth of SGD's steps",
)
def fast():
    def measured():
        few, many = (fewest_by_the_package(name, 1000, 0.1) for name in ("RMSProp", "SGD"))
        return holds(10 * few < many, f"{few} against {many}")

    def bounded():
        """SGD's factor in the flat direction is at least 1 − 2/κ for every rate that converges."""
        few = max(fewest_written_out("RMSProp", 1000, 0.1))
        many = np.log(0.1) / np.log(1 - 2 / 1000)
        return holds(10 * few < many, f"{few} on the worst of three grids, against {many:.0f}")

    yield by.experiment("the best of 16 rates, by the package", measured)
    yield by.closed_form("a bound for SGD, RMSProp written out", bounded)
    yield sheet("it is fast", lambda: True)


@claim(
    "C-compare.not-fast",
    r"to 0.001 for $\kappa = 10$ it needs over four times SGD's steps",
)
def not_fast():
    def measured():
        many, few = (fewest_by_the_package(name, 10, 0.001) for name in ("RMSProp", "SGD"))
        return holds(many > 4 * few, f"{many} against {few}")

    def bounded():
        """Within 0.001 it stays for η < 0.002 only, and a step is at most η/√(1 − β)."""
        few, many = max(fewest_written_out("SGD", 10, 0.001)), 0.999 / (0.002 * 10**0.5)
        return holds(many > 4 * few, f"at least {many:.0f} against {few}")

    yield by.experiment("the best of 16 rates, by the package", measured)
    yield by.closed_form("a bound for RMSProp, SGD written out", bounded)


@claim(
    "C-compare.overshoot-rmsprop",
    "RMSProp's first step passes the minimum",
    for_all=r"$\frac12hw^2$ with $h > 0$ and $0 < |w| < \eta/\sqrt{1-\beta}$",
)
def overshoot_rmsprop():
    def proved():
        after = W + rms_move(H * W, sp.S.Zero)
        return prove(
            W * after < 0,
            given=[H > 0, *DECAY, ETA > 0, sp.Ne(W, 0), W**2 * (1 - BETA) < ETA**2],
        )

    def run():
        plain = opt.four_optimizers(0.1)["RMSProp"]
        after = opt.run(plain, opt.quadratic([[1.0]]).gradient, [0.1], 1).params[-1, 0]
        return holds(after < 0, f"from 0.1 to {after:.3f}")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.experiment("one step from 0.1", run)
    yield sheet(
        "no chance of overshooting",
        lambda: False,
        erratum="The first step is η/√(1 − β) whatever the gradient, and in the long run every "
        "step overshoots.",
    )


CURVATURES = [case(str(h), f"$h = {h}$", h=h) for h in (0.3, 1, 20)]


def alternating(h, steps=3000):
    plain = opt.rmsprop(0.1, 0.9, 0, epsilon_inside=True)
    return opt.run(plain, opt.quadratic([[float(h)]]).gradient, [1.0], steps).params[:, 0]


@claim(
    "C-compare.two-cycle",
    r"the two-cycle's half-width $\eta/2$ for curvatures 0.3, 1 and 20",
    components=["$h = 0.3$", "$h = 1$", "$h = 20$"],
)
def two_cycle():
    def balanced():
        """From a to −a the step is η, as s = h²a²."""
        a = sp.Symbol("a", positive=True)
        return [sp.solve(sp.Eq(2 * a, sp.Rational(1, 10)), a)[0]] * 3

    yield by.experiment(
        "3000 steps of the package's", lambda: [abs(alternating(h)[-1]) for h in (0.3, 1, 20)]
    )
    yield by.algebra("the balance of a step", balanced)


@claim("C-compare.every-step", "in these runs every one of the last 1000 steps overshoots")
def every_step():
    def package():
        ends = [alternating(h)[-1001:] for h in (0.3, 1, 20)]
        flips = [int((e[1:] * e[:-1] < 0).sum()) for e in ends]
        return holds(flips == [1000] * 3, f"{min(flips)} of 1000")

    def written_out():
        h, eta = np.array([0.3, 1, 20]), 0.1
        w, s, flips = np.ones(3), np.zeros(3), np.zeros(3, dtype=int)
        for t in range(6000):
            s = 0.9 * s + 0.1 * (h * w) ** 2
            after = w - eta * h * w / np.sqrt(s)
            flips += (after * w < 0) & (t >= 5000)
            w = after
        return holds((flips == 1000).all(), f"{flips.min()} of 1000, after 5000 others")

    yield by.experiment("3000 steps of the package's", package)
    yield by.recursion("6000 steps written out", written_out)


@claim(
    "C-compare.two-cycle-attracts",
    r"the two-cycle attracts nearby runs: both multipliers are below 1 in modulus",
    for_all=r"$0 < \beta < 1$",
)
def two_cycle_attracts():
    def linearized():
        """Trace and determinant of the package's update, mirrored, at w = η/2 and s = h²η²/4."""
        state = opt.RMSPropState(np.array([SQUARE]), np.array([SQUARE]))
        optimizer = opt.rmsprop(ETA, BETA, 0, epsilon_inside=True)
        after, new = optimizer.update(np.array([H * W]), state, np.array([W]))
        both = sp.Matrix([-after[0], new.s[0]])
        eta, h = sp.symbols("eta h", positive=True)
        at = {W: ETA / 2, SQUARE: H**2 * ETA**2 / 4}
        jacobian = both.jacobian([W, SQUARE]).subs(at).subs({ETA: eta, H: h})
        return sp.simplify(jacobian.trace()), sp.simplify(jacobian.det())

    def proved():
        """Their product is β < 1; real ones are below 1 if |τ| + √(τ² − 4β) < 2."""
        trace, determinant = linearized()
        root = sp.sqrt(sp.Max(trace**2 - 4 * determinant, 0))
        return prove(sp.And(sp.Abs(trace) + root < 2, determinant < 1), given=[BETA > 0, BETA < 1])

    def measured():
        """A run from 1 % beside the cycle, for five decay rates: how far after 4000 steps?"""
        off = []
        for beta in (0.1, 0.5, 0.9, 0.95, 0.99):
            w, s = 0.0505, 0.0025 * 1.01
            for _ in range(4000):
                s = beta * s + (1 - beta) * w * w
                w -= 0.1 * w / s**0.5
            off.append(abs(abs(w) - 0.05))
        return holds(max(off) < 1e-9, f"within {max(off):.0e} after 4000 steps")

    yield by.prover("Z3, of the package's update linearized", proved)
    yield by.recursion("five decay rates", measured)


# -- Adam ----------------------------------------------------------------------------------------

BETAS = sp.symbols("beta_1 beta_2", real=True)


@claim(
    "C-compare.combination",
    r"$m$ is $(1-\beta_1)$ times momentum's velocity",
    for_all=r"$\beta_1$ and gradients, in three steps",
)
def combination():
    g = sp.symbols("g1:4", real=True)

    def proved():
        columns = [np.array([one]) for one in g]
        adam = opt.adam(Q(1, 10), BETAS[0], Q(99, 100), 1)
        m = opt.replay(adam, columns, opt.exact([0])).states[-1].m[0]
        ball = opt.heavy_ball(Q(1, 10), BETAS[0], rate="outside", velocity="subtracted")
        u = opt.replay(ball, columns, opt.exact([0])).states[-1].velocity[0]
        return prove(
            sp.Eq(m, (1 - BETAS[0]) * u, evaluate=False),
            altered=[sp.Eq(m, u, evaluate=False)],
        )

    def on_the_sheets_gradients():
        g1, g2 = np.array([-1.2, -0.6, -2, -1]), np.array([-0.8, -0.4, -1.5, -0.5])
        m = opt.replay(opt.adam(0.1, 0.9, 0.99), [g1, g2], np.zeros(4)).states[-1].m
        off = np.abs(m - 0.1 * (0.9 * g1 + g2)).max()
        return holds(off < 1e-15, f"off by {off:.0e}")

    yield by.prover("Z3, of the package's two", proved)
    yield by.recursion("the sheet's gradients, written out", on_the_sheets_gradients)
    yield sheet("combines momentum and RMSprop", lambda: True)


@claim(
    "C-compare.combination-rmsprop",
    r"$\beta_1 = 0$ leaves RMSProp with a corrected $s$",
    for_all=r"gradients that are not 0, in two steps",
)
def combination_rmsprop():
    def proved():
        adam = opt.adam(Q(1, 10), Q(0), Q(9, 10), 0)
        plain = opt.rmsprop(Q(1, 10), Q(9, 10), 0, epsilon_inside=True)
        moves, uncorrected = last_moves(adam, (G1, G2)), last_moves(plain, (G1, G2))
        corrections = [sp.sqrt(1 - sp.Rational(9, 10) ** t) for t in (1, 2)]
        same = [
            sp.Eq(a, b * c, evaluate=False)
            for a, b, c in zip(moves, uncorrected, corrections, strict=True)
        ]
        return prove(
            sp.And(*same),
            given=[sp.Ne(G1, 0), sp.Ne(G2, 0)],
            altered=[sp.Eq(moves[1], uncorrected[1], evaluate=False)],
        )

    def written_out():
        g1, g2 = np.array([-1.2, -0.6, -2, -1]), np.array([-0.8, -0.4, -1.5, -0.5])
        points = opt.replay(opt.adam(0.1, 0.0, 0.99, 0), [g1, g2], np.zeros(4)).params
        moves = [g1 / np.abs(g1), g2 / np.sqrt((0.99 * g1**2 + g2**2) / 1.99)]
        off = np.abs(points[1:] + 0.1 * np.cumsum(moves, axis=0)).max()
        return holds(off < 1e-14, f"off by {off:.0e}")

    yield by.prover("Z3, of the package's two", proved)
    yield by.recursion("the sheet's gradients, written out", written_out)


def last_step(name, gradients):
    """Return the length of the package's last step over η, for given gradients."""
    points = opt.replay(opt.four_optimizers(0.1)[name], gradients, 0.0).params
    return abs(points[-1] - points[-2]) / 0.1


@claim("C-compare.slows-down", r"when gradients alternate, Adam's step over $\eta$")
def slows_down():
    yield by.experiment(
        "400 gradients ±1 through the package",
        lambda: last_step("Adam", np.resize([1.0, -1.0], 400)),
        rtol=1e-6,
        because="ε = 10⁻⁸ takes a share of 10⁻⁸ off the step",
    )
    yield by.closed_form("(1 − β₁)/(1 + β₁)", lambda: Q(1, 10) / Q(19, 10))


@claim("C-compare.slows-down-words", "it slows down then, and RMSProp does not")
def slows_down_words():
    def package():
        ratio = last_step("Adam", np.resize([1.0, -1.0], 401)) / last_step(
            "RMSProp", np.resize([1.0, -1.0], 401)
        )
        return holds(ratio < 0.06, f"its step is {ratio:.4f} of RMSProp's")

    def written_out():
        gradients = iter(np.resize([1.0, -1.0], 400))
        adam = whole("Adam", lambda w: next(gradients), 0.0, 0.1, 400)
        gradients = iter(np.resize([1.0, -1.0], 400))
        rmsprop = whole("RMSProp", lambda w: next(gradients), 0.0, 0.1, 400)
        ratio = abs(np.diff(adam)[-1] / np.diff(rmsprop)[-1])
        return holds(ratio < 0.06, f"its step is {ratio:.4f} of RMSProp's")

    yield by.experiment("the package's", package)
    yield by.recursion("both written out", written_out)
    yield sheet("slows down if requires", lambda: True)


def roughness(points):
    """Return Σ‖Δₜ − Δₜ₋₁‖²/Σ‖Δₜ‖² from step 100 on."""
    steps = np.diff(points[100:], axis=0)
    return (np.diff(steps, axis=0) ** 2).sum() / (steps**2).sum()


@claim(
    "C-compare.roughness-*",
    r"$\sum\|\Delta_t - \Delta_{t-1}\|^2 / \sum\|\Delta_t\|^2$ of the steps under noise",
    cases=[
        case("sgd", "SGD", method="SGD", seed=31),
        case("momentum", "momentum", method="momentum", seed=32),
    ],
)
def roughness_of(method="SGD", seed=31):
    def correlation():
        """2 − 2 times the correlation: Δₜ = βΔₜ₋₁ − ηn has E Δ² = v and E ΔₜΔₜ₋₁ = c."""
        b = sp.Rational(9, 10) if method == "momentum" else sp.S.Zero
        v, c = sp.symbols("v c")
        found = sp.solve([b**2 * v + sp.Rational(1, 100) - v, b * v - c], [v, c])
        return 2 - 2 * found[c] / found[v]

    def sampled():
        """Both sums over 20 000 runs, and the ratio's standard error by the delta method."""
        noise = np.random.default_rng(seed).normal(size=(150, 20000))
        moves = np.diff(
            opt.replay(opt.four_optimizers(0.1)[method], noise, np.zeros(20000)).params, axis=0
        )
        top, bottom = (moves[-1] - moves[-2]) ** 2, moves[-1] ** 2
        ratio = top.mean() / bottom.mean()
        return Estimate(ratio, (top - ratio * bottom).std() / bottom.mean() / 20000**0.5)

    yield by.closed_form("2(1 − β)", lambda: 2 * (1 - (Q(9, 10) if method == "momentum" else 0)))
    yield by.algebra("the correlation of neighbouring steps", correlation)
    yield by.sampling("20 000 runs of the package", sampled)


@claim("C-compare.roughness-adam", "Adam's steps have nearly momentum's ratio, 0.2")
def roughness_of_adam():
    def package():
        noise = np.random.default_rng(33).normal(size=(400, 4000))
        found = roughness(
            opt.replay(opt.four_optimizers(0.1)["Adam"], noise, np.zeros(4000)).params
        )
        return holds(0.18 < found < 0.22, f"{found:.3f}")

    def written_out():
        rng = np.random.default_rng(34)
        points = whole("Adam", lambda w: rng.normal(size=2000), np.zeros(2000), 0.1, 900)
        steps = np.diff(points[300:], axis=0)
        found = ((steps[1:] - steps[:-1]) ** 2).mean() / (steps**2).mean()
        return holds(0.18 < found < 0.22, f"{found:.3f}")

    yield by.experiment("the package's", package)
    yield by.recursion("Adam written out, for longer", written_out)


@claim("C-compare.smoother", "Adam's and momentum's steps are smoother than SGD's and RMSProp's")
def smoother():
    def package():
        rng, ratios = np.random.default_rng(24), []
        noise = rng.normal(size=(300, 4000))
        alone = {
            name: roughness(opt.replay(one, noise, np.zeros(4000)).params)
            for name, one in opt.four_optimizers(0.1).items()
        }
        bowl = {
            name: roughness(
                opt.run(one, lambda w: w + rng.normal(size=4000), np.zeros(4000), 300).params
            )
            for name, one in opt.four_optimizers(0.1).items()
        }
        for found in (alone, bowl):
            rough = min(found["SGD"], found["RMSProp"])
            ratios.append(rough / max(found["Adam"], found["momentum"]))
        return holds(min(ratios) > 6, f"at least {min(ratios):.1f} times")

    def written_out():
        """On a steeper bowl, with a smaller rate and other noise, and for longer."""
        rng, found = np.random.default_rng(25), {}
        for name in NAMES:
            points = whole(name, lambda w: 3 * w + rng.normal(size=1000), np.zeros(1000), 0.03, 600)
            steps = np.diff(points[100:], axis=0)
            found[name] = (np.diff(steps, axis=0) ** 2).mean() / (steps**2).mean()
        ratio = min(found["SGD"], found["RMSProp"]) / max(found["Adam"], found["momentum"])
        return holds(ratio > 6, f"{ratio:.1f} times")

    yield by.experiment("noise alone, and noise on a bowl, by the package", package)
    yield by.recursion("another bowl, the four written out", written_out)
    yield sheet("it is smoother", lambda: True)


# -- stable by which measure? --------------------------------------------------------------------

TURN = np.array([[1, -1], [1, 1]]) / 2**0.5
RATES = np.logspace(-4, 2, 49)
LENGTHS, TARGETS = (300, 1000, 3000), (1e-2, 1e-4, 1e-6)
PROBLEMS = tuple(product(KAPPAS, ("aligned", "rotated")))


def bowl(kappa, axes):
    """Return Hessian and start, which weighs both directions equally."""
    Q_ = TURN if axes == "rotated" else np.eye(2)
    A = Q_ @ np.diag([1, 1 / kappa]) @ Q_.T
    return (A + A.T) / 2, Q_ @ [1, kappa**0.5]


@once
def losses_of_the_package():
    """Return (κ, axes, steps) → name → the loss over its start, for each rate."""
    found = {}
    for (kappa, axes), steps in product(PROBLEMS, LENGTHS):
        A, start = bowl(kappa, axes)
        f = opt.quadratic(A)
        losses = opt.final_losses(f, start, steps, RATES)
        found[kappa, axes, steps] = {n: loss / f.value(start) for n, loss in losses.items()}
    return found


@once
def losses_written_out():
    """Return the same from the four methods written out, at half as many rates."""
    found, rates = {}, RATES[::2, None]
    for kappa, axes in PROBLEMS:
        half, root = (1 + 1 / kappa) / 2, kappa**0.5
        A, start = np.array([[half, 1 - half], [1 - half, half]]), np.array([1 - root, 1 + root])
        start = start / 2**0.5
        if axes == "aligned":
            A, start = np.diag([1, 1 / kappa]), np.array([1, root])
        points = {
            n: path(n, lambda w, A=A: w @ A, start, rates, LENGTHS[-1], LENGTHS) for n in NAMES
        }
        for steps in LENGTHS:
            losses = {n: np.einsum("ri,ij,rj->r", p[steps], A, p[steps]) for n, p in points.items()}
            found[kappa, axes, steps] = {
                n: loss / (start @ A @ start) for n, loss in losses.items()
            }
    return found


def decades_by_the_package(setting, target):
    return opt.working_ranges(RATES, losses_of_the_package()[setting], target)


def decades_written_out(setting, target):
    """Count the rates that work; a lost run's NaN is below no target."""
    losses = losses_written_out()[setting]
    return {name: np.count_nonzero(loss <= target) / 4 for name, loss in losses.items()}


def lead(decades, name):
    """Return by how many decades a method's range is wider than each other one's."""
    return decades[name] - max(found for other, found in decades.items() if other != name)


@claim(
    "C-compare.range",
    r"for $\kappa = 100, 1000$ and 300 to 3000 steps Adam reaches a hundredth of the loss at the "
    "most learning rates",
)
def widest():
    settings = [(k, axes, steps) for (k, axes), steps in product(PROBLEMS, LENGTHS) if k > 10]

    def package():
        least = min(lead(decades_by_the_package(one, 1e-2), "Adam") for one in settings)
        return holds(least > 0.5, f"by {least:.2f} decades at least, in 300 to 3000 steps")

    def written_out():
        found = [decades_written_out(one, 1e-2) for one in settings]
        least = min(d["Adam"] - max(d["SGD"], d["momentum"], d["RMSProp"]) for d in found)
        return holds(least > 0.4, f"by {least:.2f} decades at least, on a coarser grid")

    yield by.experiment("the package's, at 49 rates", package)
    yield by.recursion("the four written out, at 25 rates", written_out)


@claim(
    "C-compare.range-turns",
    r"for $\kappa = 10, 100$ momentum reaches a millionth at the most rates from 1000 steps on",
)
def turns():
    settings = [(k, a, s) for (k, a), s in product(PROBLEMS, LENGTHS) if k < 1000 <= s]

    def package():
        least = min(lead(decades_by_the_package(one, 1e-6), "momentum") for one in settings)
        return holds(least > 0.4, f"by {least:.2f} decades at least")

    def written_out():
        found = [decades_written_out(one, 1e-6) for one in settings]
        least = min(d["momentum"] - max(d["SGD"], d["Adam"], d["RMSProp"]) for d in found)
        return holds(least >= 0.25, f"by {least:.2f} decades at least, on a coarser grid")

    yield by.experiment("the package's, at 49 rates", package)
    yield by.recursion("the four written out, at 25 rates", written_out)


@claim(
    "C-compare.range-momentum",
    "in every setting tried momentum's range is 1 to 1.5 decades wider than SGD's, if SGD has one",
)
def wider_than_sgd():
    settings = list(product((k for k in PROBLEMS), LENGTHS, TARGETS))

    def spread(found):
        gains = [d["momentum"] - d["SGD"] for d in found if d["SGD"] > 0]
        words = f"{min(gains):.2f} to {max(gains):.2f} decades in {len(gains)} settings"
        return min(gains) >= 1 and max(gains) <= 1.5, words

    def package():
        found = [decades_by_the_package((*problem, s), t) for problem, s, t in settings]
        return holds(*spread(found))

    def written_out():
        found = [decades_written_out((*problem, s), t) for problem, s, t in settings]
        gains = np.array([d["momentum"] - d["SGD"] for d in found if d["SGD"]])
        right = ((gains >= 1) & (gains <= 1.5)).all()
        return holds(right, f"{gains.mean():.2f} decades on average")

    yield by.experiment("the package's, at 49 rates", package)
    yield by.recursion("the four written out, at 25 rates", written_out)


@claim(
    "C-compare.tenth",
    "where SGD reaches a target, momentum does at a tenth of SGD's least rate, or at the next "
    "smaller rate of the grid",
)
def tenth():
    def package():
        found = []
        for losses in losses_of_the_package().values():
            for target in TARGETS:
                sgd, momentum = (RATES[losses[name] <= target] for name in NAMES[:2])
                if sgd.size:
                    found.append(sgd[0] / momentum[0])
        words = f"{min(found):.1f} to {max(found):.1f} times as small, in {len(found)} settings"
        return holds(min(found) > 9.9 and max(found) < 13.4, words)

    def written_out():
        rates, found = RATES[::2], []
        for losses, target in product(losses_written_out().values(), TARGETS):
            works = {name: np.flatnonzero(losses[name] <= target) for name in NAMES[:2]}
            if works["SGD"].size:
                found.append(rates[works["SGD"].min()] / rates[works["momentum"].min()])
        right = all(9.9 < one < 18 for one in found)
        return holds(right, f"{np.mean(found):.1f} times as small on average")

    yield by.experiment("the package's, at 49 rates", package)
    yield by.recursion("the four written out, at 25 rates", written_out)


def valley_gradient(p):
    x, y = p[..., 0], p[..., 1]
    climb = 200 * (y - x**2)
    return np.stack([2 * (x - 1) - 2 * x * climb, climb], axis=-1)


@claim(
    "C-compare.valley",
    "with its best rate momentum is ahead of Adam in the valley after 2000 and 3000 steps, from "
    "starts near $(-1, 1)$ and $(0, 1)$",
)
def valley():
    def package():
        rng, ratios = np.random.default_rng(26), []
        for x in (-1, 0):
            starts = [x, 1] + 0.1 * rng.normal(size=(20, 2))
            losses = opt.final_losses(opt.rosenbrock(), starts, 2000, np.logspace(-5, 1, 13))
            ratios.append(losses["Adam"].min() / losses["momentum"].min())
        return holds(min(ratios) > 10, f"its least loss is {min(ratios):.0f} times smaller")

    def written_out():
        """From other starts, at other rates, for longer."""
        rng, ratios = np.random.default_rng(27), []
        rates = np.logspace(-4.8, 0.8, 15)[:, None, None]
        for x in (-1, 0):
            starts = [x, 1] + 0.1 * rng.normal(size=(10, 2))
            found = {}
            for name in ("momentum", "Adam"):
                end = path(name, valley_gradient, starts, rates, 3000, (3000,))[3000]
                value = (1 - end[..., 0]) ** 2 + 100 * (end[..., 1] - end[..., 0] ** 2) ** 2
                found[name] = np.nanmin(value.mean(axis=1))
            ratios.append(found["Adam"] / found["momentum"])
        return holds(min(ratios) > 10, f"its least loss is {min(ratios):.0f} times smaller")

    yield by.experiment("2000 steps of the package's", package)
    yield by.recursion("3000 steps written out", written_out)


def weights_of_adam(t, beta1=0.9, beta2=0.99):
    """Return the weights aᵢ and bᵢ of g and g² in m̂ and v̂ after t steps."""
    age = np.arange(t)[::-1]
    return [(1 - beta) * beta**age / (1 - beta**t) for beta in (beta1, beta2)]


@claim("C-compare.adam-bound", r"Adam's longest possible step over $\eta$, $\sqrt{5.5}$")
def adam_bound():
    def series():
        """Σ aᵢ²/bᵢ is a geometric series with the quotient β₁²/β₂."""
        return float(sp.sqrt(sp.Rational(1, 100) * 100 / (1 - sp.Rational(81, 99))))

    def over_steps():
        bounds = []
        for t in range(1, 1500):
            a, b = weights_of_adam(t)
            bounds.append(np.sqrt((a**2 / b).sum()))
        return max(bounds)

    def attained():
        """Gradients in proportion to aᵢ/bᵢ, through the package."""
        a, b = weights_of_adam(1500)
        points = opt.replay(opt.adam(0.1, 0.9, 0.99, 0), a / b, 0.0).params
        return abs(points[-1] - points[-2]) / 0.1

    why = "after 1500 steps the bound is within 10⁻⁶ of its limit"
    yield by.closed_form("a geometric series", series)
    yield by.enumeration("the largest of 1500 bounds", over_steps, rtol=1e-6, because=why)
    yield by.experiment("attained by the package", attained, rtol=1e-6, because=why)


@claim(
    "C-compare.runaway",
    r"at $\eta = 10/h$ SGD and momentum grow exponentially, RMSProp and Adam do not",
)
def runaway():
    def package():
        f = opt.quadratic(np.diag([1, 0.1]))
        lost = opt.final_losses(f, [1.0, 1.0], 300, [10.0])
        least = min(lost["SGD"], lost["momentum"])[0]
        most = max(lost["RMSProp"], lost["Adam"])[0]
        return holds(least > 1e50 and most < 100, f"beyond 10⁵⁰ against {most:.1f}")

    def theory():
        """Factors per step above 1, against 300 steps of at most √10 η and √5.5 η."""
        sgd = abs(1 - 10)
        trace = abs(1 + 0.9 - 10)
        momentum = (trace + (trace**2 - 3.6) ** 0.5) / 2
        farthest = 1 + 300 * 10**0.5 * 10
        right = min(sgd, momentum) ** 300 > 1e50 and farthest < 1e4
        return holds(right, f"factors {sgd} and {momentum:.2f} per step, against {farthest:.0f}")

    yield by.experiment("300 steps of the package's", package)
    yield by.closed_form("the factors per step", theory)


@claim(
    "C-compare.monotone",
    r"on $\frac12(x_1^2 + x_2^2/10)$ with $\eta = 0.1$ and $1$ only SGD never raises the loss",
)
def monotone():
    def package():
        f, least = opt.quadratic(np.diag([1.0, 0.1])), []
        for eta in (0.1, 1.0):
            rises = {
                name: opt.loss_rises(f, opt.run(one, f.gradient, [1.0, 1.0], 200).params)
                for name, one in opt.four_optimizers(eta).items()
            }
            least.append(-1 if rises["SGD"] else min(rises[n] for n in NAMES[1:]))
        return holds(min(least) > 50, f"the others at {min(least)} of 200 steps or more")

    def written_out():
        h, least = np.array([1, 0.1]), []
        for eta in (0.1, 1.0):
            rises = []
            for name in NAMES:
                points = whole(name, lambda w: h * w, np.ones(2), eta, 400)
                losses = (h * points**2).sum(axis=1)
                rises.append(int((losses[1:] > losses[:-1]).sum()))
            least.append(min(rises[1:]) if rises[0] == 0 else -1)
        return holds(min(least) > 100, f"the others at {min(least)} of 400 steps or more")

    yield by.experiment("200 steps of the package's", package)
    yield by.recursion("400 steps written out", written_out)


@claim(
    "C-compare.settling",
    r"on $\frac12w^2$ with $\eta = 0.01$ and $0.1$ neither RMSProp nor Adam has settled after 5000 "
    "steps",
)
def settling():
    def package():
        least = []
        for eta in (0.01, 0.1):
            for one in (opt.rmsprop(eta, epsilon_inside=True), opt.adam(eta, 0.9, 0.99)):
                run = opt.run(one, opt.quadratic([[1.0]]).gradient, [1.0], 5000)
                least.append(np.abs(run.params[3000:]).max() / eta)
        return holds(min(least) > 1 / 20, f"still {min(least):.2f} η away at times")

    def written_out():
        least = []
        for eta, name in product((0.01, 0.1), ("RMSProp", "Adam")):
            points = whole(name, lambda w: w, 1.0, eta, 12000)
            least.append(np.abs(points[8000:]).max() / eta)
        return holds(min(least) > 1 / 20, f"still {min(least):.2f} η away after 8000 steps")

    yield by.experiment("5000 steps of the package's", package)
    yield by.recursion("12 000 steps written out", written_out)


def best_under_noise(kappa, deviation):
    """Return name → the least mean loss of 200 runs of the package, over 22 rates."""
    f = opt.quadratic(np.diag([1, 1 / kappa]))
    losses = opt.final_losses(f, np.ones((200, 2)), 300, np.logspace(-3, 0.5, 22), noise=deviation)
    return {name: loss.min() for name, loss in losses.items()}


def best_written_out(kappa, deviation, steps, names=NAMES):
    """Return the same with other noise, of 100 runs, at 16 other rates."""
    rng, least = np.random.default_rng(28), {}
    rates, h = np.logspace(-3.2, 0.4, 16)[:, None, None], np.array([1, 1 / kappa])
    for name in names:

        def noisy(w):
            return h * w + deviation * rng.normal(size=(16, 100, 2))

        end = path(name, noisy, np.ones((16, 100, 2)), rates, steps, (steps,))[steps]
        least[name] = np.nanmin((h * end**2).sum(axis=-1).mean(axis=1)) / 2
    return least


@claim(
    "C-compare.noise",
    r"under noise of 0.3 and 1, tuned, the four end within a factor of two of one another for "
    r"$\kappa = 1, 10, 100$",
)
def noise():
    settings = list(product((1, 10, 100), (0.3, 1)))

    def package():
        found = [best_under_noise(*one).values() for one in settings]
        most = max(max(least) / min(least) for least in found)
        return holds(most < 2, f"within a factor of {most:.2f}")

    def written_out():
        found = [best_written_out(*one, steps=600) for one in settings]
        most = max(max(least[n] for n in NAMES) / min(least.values()) for least in found)
        return holds(most < 2, f"within a factor of {most:.2f}")

    yield by.experiment("300 steps of the package's", package)
    yield by.recursion("600 steps written out", written_out)


@claim(
    "C-compare.little-noise",
    r"under noise of 0.01, tuned, RMSProp ends over five times as high as momentum, for "
    r"$\kappa = 1$",
)
def little_noise():
    def package():
        least = best_under_noise(1, 0.01)
        ratio = least["RMSProp"] / least["momentum"]
        return holds(ratio > 5, f"{ratio:.1f} times after 300 steps")

    def written_out():
        least = best_written_out(1, 0.01, steps=1000, names=("momentum", "RMSProp"))
        return holds(least["RMSProp"] > 5 * least["momentum"], "after 1000 steps, too")

    yield by.experiment("300 steps of the package's", package)
    yield by.recursion("1000 steps written out", written_out)


# -- the sheet's answer --------------------------------------------------------------------------

SENSES = (
    "range of rates, to 1/100",
    "range of rates, to 1/10⁶",
    "no exponential growth",
    "a loss that never rises",
    "comes to rest",
)


@claim(
    "C-compare.most-stable",
    r"who is the most stable for $\kappa = 100$, by five meanings of the word",
    components=SENSES,
)
def most_stable(kappa=100, eta=0.1, steps=1000):
    def package():
        f, start = opt.quadratic(np.diag([1, 1 / kappa])), np.array([1, kappa**0.5])
        losses = opt.final_losses(f, start, steps, RATES)
        ranges = [
            opt.working_ranges(RATES, losses, target * f.value(start)) for target in (1e-2, 1e-6)
        ]
        widest = [max(NAMES, key=one.get) for one in ranges]
        beyond = opt.final_losses(f, start, steps, [10.0])
        bounded = [n for n in NAMES if beyond[n][0] < 1e6]
        paths = {
            n: opt.run(one, f.gradient, start, 20 * steps).params
            for n, one in opt.four_optimizers(eta).items()
        }
        falling = [n for n in NAMES if not opt.loss_rises(f, paths[n][: 2 * steps])]
        resting = [n for n in NAMES if np.abs(paths[n][-steps:]).max() < 1e-6]
        return [*widest, *map(", ".join, (bounded, falling, resting))]

    def written_out():
        """From another start, with other rates, and for twice as long."""
        h, start = np.array([1, 1 / kappa]), np.array([2.0, -20.0])
        rates = np.logspace(-4.1, 1.9, 37)[:, None]

        def loss(points):
            return (h * points**2).sum(axis=-1) / (h * start**2).sum()

        ends = {n: loss(path(n, lambda w: h * w, start, rates, 2000, (2000,))[2000]) for n in NAMES}
        widest = [max(NAMES, key=lambda n: (ends[n] <= target).sum()) for target in (1e-2, 1e-6)]
        bounded = [
            n
            for n in NAMES
            if np.abs(path(n, lambda w: h * w, start, 15.0, 400, (400,))[400]).max() < 1e4
        ]
        paths = {n: whole(n, lambda w: h * w, start, 0.15, 25000) for n in NAMES}
        falling = [n for n in NAMES if (np.diff(loss(paths[n][:1500])) <= 0).all()]
        resting = [n for n in NAMES if np.abs(paths[n][20000:]).max() < 1e-6]
        return [*widest, *map(", ".join, (bounded, falling, resting))]

    yield by.experiment("the package's four", package)
    yield by.recursion("the four written out", written_out)
    yield sheet(
        "Adam is the most stable",
        lambda: ["Adam"] * len(SENSES),
        erratum="In which sense is not said: by one of these meanings Adam alone is, by another it "
        "is with RMSProp, by three it is not.",
    )
