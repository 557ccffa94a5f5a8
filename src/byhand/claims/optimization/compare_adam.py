"""Claims of C-compare on Adam: what it combines, when it slows down, how smooth it is."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.claims.optimization._symbolic import G1, G2, last_moves
from byhand.claims.optimization._written_out import NAMES, whole
from byhand.evidence import Estimate, by, case, claim, holds, prove, sheet

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
    yield by.algebra("the correlation of neighboring steps", correlation)
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
