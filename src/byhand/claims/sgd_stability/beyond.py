"""Claims beyond the sheets: mini-batches and shuffled epochs."""

from __future__ import annotations

import math
from fractions import Fraction as Q
from itertools import combinations, permutations, product

import sympy as sp
from scipy.optimize import brentq

from byhand import sgd_stability as sgd
from byhand.claims.sgd_stability._exact import (
    ETA,
    PAIR,
    H,
    average,
    curvature_symbols,
    moments_of,
    plain_moment,
    same,
)
from byhand.claims.sgd_stability.intervals import real_roots
from byhand.evidence import by, case, claim, holds, prove, slip


def plain_batches(h, size: int, replacement: bool) -> list:
    draws = product(h, repeat=size) if replacement else combinations(h, size)
    return [average(batch) for batch in draws]


@claim(
    "beyond-3.variance-*",
    r"the variance $\rho_B$ of a batch's curvature, for $H$",
    cases=[
        case(f"{name}-{size}", f"$B={size}$, {name} replacement", size=size, replacement=how)
        for size in (1, 2, 3, 4)
        for name, how in (("with", True), ("without", False))
    ],
    answer=True,
)
def batch_variance(h=H, size=2, replacement=True):
    yield by.closed_form(
        "the formula", lambda: sgd.batch_variance(h, size, replacement=replacement)
    )
    yield by.enumeration("every batch", lambda: moments_of(plain_batches(h, size, replacement))[1])
    yield slip(
        "the standard deviation goes down by √B, the variance by B",
        lambda: float(moments_of(h)[1]) / math.sqrt(size) if size > 1 else 0.0,
    )


@claim(
    "beyond-3.batch-*",
    r"the variance of a batch's curvature: $\rho/B$, times $(3-B)/2$ without replacement",
    cases=[
        case(f"{name}-{size}", f"$B={size}$, {name} replacement", size=size, replacement=how)
        for size, name, how in ((2, "with", True), (2, "without", False), (3, "with", True))
    ],
    for_all="$h_1$, $h_2$, $h_3$",
)
def batch_variance_for_all(size=2, replacement=True):
    h = curvature_symbols(3)

    def proved():
        batches = sgd.batch_curvatures(h, size, replacement=replacement)
        found = sgd.mean_and_variance(batches).variance
        formula = sgd.batch_variance(h, size, replacement=replacement)
        return prove(same(found, formula), altered=[same(found, formula + h[0] ** 2)])

    def coefficients():
        """The variance of all batches, and ρ: each coefficient of a product hᵢhⱼ has one ratio."""
        found = sp.Poly(moments_of(plain_batches(h, size, replacement))[1], *h)
        rho = sp.Poly(moments_of(h)[1], *h)
        ratio = sp.Rational(1, size) * (1 if replacement else sp.Rational(3 - size, 2))
        return holds((found - ratio * rho).is_zero, "it is ρ times", ratio)

    yield by.prover("Z3, of the package's batches", proved)
    yield by.algebra("coefficients of plain batches", coefficients)


@claim(
    "beyond-3.threshold",
    r"$\mathbb E\,w^2(2)$ at $\eta=2h/(h^2+\rho/B)$, $B=1,\dots,6$, for $h_n \in \{1, 3\}$",
)
def threshold(h=PAIR, sizes=range(1, 7)):
    mean, variance, _ = moments_of([Q(x) for x in h])

    def every_batch():
        found = []
        for size in sizes:
            end = 2 * mean / (mean**2 + variance / size)
            found.append(plain_moment(plain_batches([Q(x) for x in h], size, True), end, 2, 2))
        return found

    yield by.enumeration("every sequence of batches", every_batch)
    yield by.hand("it keeps its value", lambda: [1] * len(sizes))


@claim("beyond-3.sure-two", r"the almost-sure end for $h_n\in\{1,3\}$ and $B=2$", answer=True)
def sure_two(h=PAIR):
    def bisected():
        return sgd.almost_sure_set(sgd.batch_curvatures(h, 2, replacement=True))[-1][1]

    yield by.recursion("bisection", bisected)
    yield by.algebra(
        "the largest root of a quartic",
        lambda: float(real_roots(plain_batches([Q(x) for x in h], 2, True))[-1]),
    )
    yield slip("the batch (1, 3) is counted once", lambda: float(real_roots((1, 2, 3))[-1]))


@claim("beyond-3.sure-rises", r"first interval's end, for $h_n\in\{1,9\}$ and $B=2$", answer=True)
def sure_rises(h=(1, 9)):
    def bisected():
        return sgd.almost_sure_set(sgd.batch_curvatures(h, 2, replacement=True))[0][1]

    yield by.recursion("bisection", bisected)
    yield by.algebra(
        "the smallest root of a quartic",
        lambda: float(real_roots(plain_batches([Q(x) for x in h], 2, True))[0]),
    )
    yield slip("this is the end in the mean", lambda: float(sgd.mean_threshold(h)))


def first_end(h, size: int) -> float:
    """Return where the package's first interval ends, for batches with replacement."""
    return sgd.almost_sure_set(sgd.batch_curvatures(h, size, replacement=True))[0][1]


def first_zero(h, size: int, low: float, high: float) -> float:
    """Return where q is zero, from the binomial number of the second curvature in a batch."""

    def q(eta: float) -> float:
        curvatures = [h[0] + (h[1] - h[0]) * k / size for k in range(size + 1)]
        return math.fsum(
            math.comb(size, k) / 2**size * math.log(abs(1 - eta * x) or 1e-300)
            for k, x in enumerate(curvatures)
        )

    return brentq(q, low, high, xtol=1e-15)


@claim(
    "beyond-3.sure-falls",
    r"almost-sure ends for $h_n\in\{1,3\}$ fall with $B\le8$, above $2/h$",
)
def sure_falls(h=PAIR, sizes=range(1, 9)):
    def bisected():
        ends = [first_end(h, size) for size in sizes]
        gaps = [a - b for a, b in zip(ends, [*ends[1:], 1.0], strict=True)]
        return holds(min(gaps) > 0, f"each is lower by {min(gaps):.4f} or more")

    def of_the_binomial():
        ends = [first_zero(h, size, 1.01, 1.6) for size in sizes]
        gaps = [a - b for a, b in zip(ends, [*ends[1:], 1.0], strict=True)]
        return holds(min(gaps) > 0, f"each is lower by {min(gaps):.4f} or more")

    yield by.recursion("bisection", bisected)
    yield by.algebra("zeros of q, from the binomial law of a batch", of_the_binomial)


@claim(
    "beyond-3.sure-overshoots",
    r"the first interval's end for $h_n\in\{1,9\}$ and $B=1, \dots, 8$; $2/h = 0.4$",
    components=[f"$B={size}$" for size in range(1, 9)],
)
def sure_overshoots(h=(1, 9), sizes=range(1, 9)):
    def of_the_binomial():
        """Between the pole before the first hill that rises above 0, and that hill."""
        before = (1 / 9, 1 / 5, 3 / 11, 1 / 3, 5 / 13, 3 / 7, 7 / 15, 1 / 3)
        after = (0.6, 0.5, 0.6, 0.5, 0.5, 0.5, 0.6, 0.49)
        return [first_zero(h, *each) for each in zip(sizes, before, after, strict=True)]

    yield by.recursion("bisection", lambda: [first_end(h, size) for size in sizes])
    yield by.algebra("zeros of q, from the binomial law of a batch", of_the_binomial)


@claim(
    "beyond-3.sure-limit.*",
    r"the first interval's end for $B=400$ with replacement",
    cases=[
        case("narrow", r"$h_n\in\{1,3\}$", h=(1, 3)),
        case("wide", r"$h_n\in\{1,9\}$", h=(1, 9)),
    ],
)
def sure_limit(h=PAIR, size=400):
    mean, variance, _ = moments_of([Q(x) for x in h])

    def of_the_binomial():
        return first_zero(h, size, float(2 / mean), float(2 / mean) * 1.01)

    yield by.closed_form(
        "2/h + 2ρ/(h³B)",
        lambda: float(2 / mean + 2 * variance / (mean**3 * size)),
        rtol=1e-4,
        because="terms of the order 1/B² are left out",
    )
    yield by.algebra("a zero of q, from the binomial law of a batch", of_the_binomial)


@claim("beyond-3.full-batch", r"all three ends, for $H$ and $B=N$ without replacement")
def full_batch(h=H):
    def package():
        full = sgd.batch_curvatures(h, len(h), replacement=False)
        last = sgd.almost_sure_set(full)[0][1]
        return [sgd.mean_threshold(full), sgd.mean_square_threshold(full), last]

    yield by.recursion("the package's three ends", package)
    yield by.hand("2/h = 32/17, three times", lambda: [Q(32, 17)] * 3)


# -- shuffled epochs -----------------------------------------------------------------------------


@claim("beyond-3.shuffled", r"$w$ after a shuffled epoch, for $H$ and $\eta=4/5$", answer=True)
def shuffled(h=H, eta=ETA):
    def every_order():
        (end,) = {sgd.run(h, eta, order)[-1] for order in permutations(range(len(h)))}
        return end

    yield by.closed_form("the product of all factors", lambda: sgd.epoch_factor(h, eta))
    yield by.enumeration("each of the 24 orders", every_order)
    yield slip("this is the mean after four independent draws", lambda: (1 - eta * average(h)) ** 4)


@claim("beyond-3.shuffled-example", r"the same for $h_n\in\{1,3\}$ and $\eta=6/5$", answer=True)
def shuffled_example(h=PAIR, eta=Q(6, 5)):
    def every_order():
        (end,) = {sgd.run(h, eta, order)[-1] for order in permutations(range(len(h)))}
        return end

    yield by.enumeration("both orders", every_order)
    yield by.hand("−1/5 times −13/5", lambda: Q(13, 25))


@claim(
    "beyond-3.any-order",
    r"$w$ after an epoch in the order 3, 1, 2 is $w(0)\prod(1-\eta h_n)$",
    for_all=r"$h_1$, $h_2$, $h_3$, $\eta$ and $w(0)$",
)
def any_order():
    h, (eta, w) = curvature_symbols(3), sp.symbols("eta w", real=True)

    def proved():
        end = sgd.run(h, eta, [2, 0, 1], w)[-1]
        product_of_all = w * sgd.epoch_factor(h, eta)
        return prove(same(end, product_of_all), altered=[same(end, product_of_all + w)])

    def every_order():
        ends = {sp.expand(sgd.run(h, eta, order, w)[-1]) for order in permutations(range(3))}
        return holds(len(ends) == 1, f"{len(ends)} result of six orders")

    yield by.prover("Z3, of the package's steps", proved)
    yield by.enumeration("all six orders, expanded", every_order)
