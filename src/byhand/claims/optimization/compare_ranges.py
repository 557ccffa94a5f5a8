"""Claims of C-compare on the range of learning rates that work, and on speed in a valley."""

from __future__ import annotations

from itertools import product

import numpy as np

from byhand import optimization as opt
from byhand.claims.optimization._written_out import NAMES, path
from byhand.evidence import by, claim, holds, once

KAPPAS = (10, 100, 1000)
"""Condition numbers."""

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
