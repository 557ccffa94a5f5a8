"""Averages over every sequence of draws, and symbols for curvatures."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction as Q
from itertools import product
from typing import Any

import sympy as sp

from byhand import sgd_stability as sgd

H = (Q(1, 2), Q(1), Q(3), Q(-1, 4))
"""The chapter's four curvatures, one of them negative: h = 17/16, ρ = 371/256."""

PAIR = (1, 3)
"""The running example: h = 2, ρ = 1."""

ETA = Q(4, 5)
"""A step size for H."""


def every_run(h: Sequence, eta: Any, t: int) -> list:
    """Return w(t) for each of the N^t sequences of draws, from w(0) = 1."""
    return [sgd.run(h, eta, draws)[-1] for draws in product(range(len(h)), repeat=t)]


def average(values: Sequence) -> Any:
    return sum(values) / len(values)


def moments_of(h: Sequence) -> tuple:
    """Return the mean, the variance by its definition, and the mean of the squares."""
    mean = average(h)
    return mean, average([(x - mean) ** 2 for x in h]), average([x * x for x in h])


def plain_moment(h: Sequence, eta: Any, power: int, t: int) -> Any:
    """Return E w(t)^p as a sum over every sequence of draws, multiplied out by plain loops."""
    total = 0
    for curvatures in product(h, repeat=t):
        w = 1
        for x in curvatures:
            w = w - eta * x * w
        total += w**power
    return total / Q(len(h) ** t)


def curvature_symbols(n: int) -> tuple[sp.Symbol, ...]:
    return sp.symbols(f"h1:{n + 1}", real=True)


def any_mean_and_variance() -> tuple[sp.Symbol, sp.Expr, tuple[sp.Expr, sp.Expr]]:
    """Return h, ρ and two curvatures, h ± √ρ, with this mean and this variance.

    What depends on h and ρ alone is proved by them for any number of curvatures.
    """
    mean, root = sp.symbols("h sqrt_rho", real=True)
    return mean, root**2, (mean - root, mean + root)


def same(left: Any, right: Any) -> sp.Eq:
    """State that two formulas are equal, for a prover to decide."""
    return sp.Eq(left, right, evaluate=False)
