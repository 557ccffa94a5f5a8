"""Claims of C-compare on SGD: what it remembers, how slow it is, which minima it falls into."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.claims.optimization._symbolic import ETA, G1, G2, last_moves
from byhand.claims.optimization._written_out import NAMES, path
from byhand.evidence import by, case, claim, holds, prove, sheet
from byhand.linear_algebra import complex_step


def exact_four(eta=Q(1, 10)):
    """Return the four optimizers of problem C, exact and with ε = 0."""
    return {
        "SGD": opt.gradient_descent(eta),
        "momentum": opt.heavy_ball(eta, Q(9, 10), rate="inside"),
        "RMSProp": opt.rmsprop(eta, Q(9, 10), 0, epsilon_inside=True),
        "Adam": opt.adam(eta, Q(9, 10), Q(99, 100), 0),
    }


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
    "fewer, at four rates from 0.005 to 0.03",
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
