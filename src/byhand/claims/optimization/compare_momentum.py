"""Claims of C-compare on momentum: what it smooths, and where it overshoots."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.claims.optimization._symbolic import BETA, ETA, H, W, last_moves
from byhand.evidence import Estimate, by, case, claim, holds, prove, sheet


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
