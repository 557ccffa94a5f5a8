"""Claims of D2.9: how the three notions are related."""

from __future__ import annotations

import math
from fractions import Fraction as Q

import numpy as np
import sympy as sp
from scipy.stats import binom

from byhand import sgd_stability as sgd
from byhand.claims.sgd_stability._exact import (
    PAIR,
    any_mean_and_variance,
    curvature_symbols,
    plain_moment,
    same,
)
from byhand.evidence import by, case, claim, holds, prove, slip


@claim(
    "D2.9.example-*",
    r"the factors of $\mathbb E\,w$ and of $\mathbb E\,w^2$, and $\prod m_n$",
    cases=[
        case("a", r"$1, 3$ at $\eta=\frac65$", h=(1, 3), eta=Q(6, 5)),
        case("b", r"$1, 3$ at $\eta=\frac9{10}$", h=(1, 3), eta=Q(9, 10)),
        case("c", r"$1, 9$ at $\eta=\frac38$", h=(1, 9), eta=Q(3, 8)),
        case("d", r"$1, 1, 28$ at $\eta=\frac1{10}$", h=(1, 1, 28), eta=Q(1, 10)),
    ],
    components=[r"$\mathbb E\,w$", r"$\mathbb E\,w^2$", r"$\prod m_n$"],
)
def examples(h=PAIR, eta=Q(6, 5)):
    def formulas():
        factors = (sgd.mean_factor, sgd.square_factor, sgd.epoch_factor)
        return [factor(h, eta) for factor in factors]

    def plain():
        """Each sample once: sums and the product of what a step makes of w = 1."""
        steps = [1 - eta * x for x in h]
        return [plain_moment(h, eta, 1, 1), plain_moment(h, eta, 2, 1), math.prod(steps)]

    yield by.closed_form("the package's three factors", formulas)
    yield by.enumeration("one step of each sample", plain)


@claim(
    "D2.9.mean-below",
    r"$(1-\eta h)^2 \le g(\eta)$, with equality if and only if $\eta\rho = 0$",
    for_all=r"$h$, $\rho\ge0$ and $\eta$",
)
def mean_below():
    (_, rho, pair), eta = any_mean_and_variance(), sp.Symbol("eta", real=True)

    def proved():
        mean, square = sgd.mean_factor(pair, eta), sgd.square_factor(pair, eta)
        statement = (mean**2 <= square) & sp.Equivalent(same(mean**2, square), same(eta * rho, 0))
        return prove(statement, altered=[mean**2 < square])

    def difference():
        h = curvature_symbols(3)
        mean = sum(h) / 3
        square = sum((1 - eta * x) ** 2 for x in h) / 3
        off = sp.expand(square - (1 - eta * mean) ** 2)
        variance = sp.expand(sum((x - mean) ** 2 for x in h) / 3)
        return holds(sp.expand(off - eta**2 * variance) == 0, "the difference is", off)

    yield by.prover("Z3", proved)
    yield by.algebra("the difference is η²ρ", difference)


@claim(
    "D2.9.jensen.*",
    r"$\prod m_n^2 \le g^N$, that is $q \le \frac12\log g$",
    cases=[case("2", "$N=2$", n=2), case("3", "$N=3$", n=3)],
    for_all=r"$\eta h_1, \dots, \eta h_N$",
)
def jensen(n=3):
    """Only the products ηhₙ matter, so η = 1."""

    def proved():
        h = curvature_symbols(n)
        product, square = sgd.epoch_factor(h, 1), sgd.square_factor(h, 1)
        return prove(product**2 <= square**n, altered=[product**2 < square**n])

    def random_sets():
        """The two rates of the package, for sets of up to seven curvatures."""
        rng = np.random.default_rng(6)
        sets = [c for c in rng.normal(1, 1, size=(60, n + 4)) if c.mean() > 0]
        rates = [sgd.growth_rates(c, s) for c in sets for s in np.linspace(0.05, 4, 20)]
        gap = min(square - path for _, square, path in rates)
        return holds(gap > 0, f"the gap is at least {gap:.2e} in {len(rates)} cases")

    yield by.prover("Z3, of the package's factors", proved)
    yield by.experiment("the package's rates for random sets", random_sets)


@claim(
    "D2.9.equality",
    r"$\prod m_n^2 = g^N$ if and only if $|m_1| = |m_2|$, for $N=2$",
    for_all=r"$h_1$, $h_2$ and $\eta$",
)
def equality():
    h, eta = curvature_symbols(2), sp.Symbol("eta", real=True)

    def proved():
        product, square = sgd.epoch_factor(h, eta), sgd.square_factor(h, eta)
        equal = same(product**2, square**2)
        sizes = [sp.Abs(1 - eta * x) for x in h]
        return prove(
            sp.Equivalent(equal, same(*sizes)),
            altered=[sp.Equivalent(equal, same(1 - eta * h[0], 1 - eta * h[1]))],
        )

    def factored():
        """g² − m₁²m₂² = (m₁² − m₂²)²/4."""
        a, b = sp.symbols("m1 m2")
        off = sp.factor(((a**2 + b**2) / 2) ** 2 - (a * b) ** 2)
        return holds(sp.expand(off - (a**2 - b**2) ** 2 / 4) == 0, "the difference is", off)

    yield by.prover("Z3, of the package's factors", proved)
    yield by.algebra("the difference factored", factored)


@claim(
    "D2.9.ends",
    r"$|\prod m_n| < 1$ where $0 < \eta < 2h/(h^2+\rho)$, for $N=2$",
    for_all=r"$h_1$, $h_2$ with a positive mean, and $\eta$",
)
def ends():
    h, eta = curvature_symbols(2), sp.Symbol("eta", real=True)

    def proved():
        size = sp.Abs(sgd.epoch_factor(h, eta))
        return prove(size < 1, given=[sum(h) > 0, eta > 0, eta < sgd.mean_square_threshold(h)])

    def random_sets():
        """The package's first interval holds the threshold, for sets of four."""
        rng = np.random.default_rng(6)
        sets = [c for c in rng.normal(1, 1, size=(200, 4)) if c.mean() > 0]
        shares = [sgd.mean_square_threshold(c) / sgd.almost_sure_set(c)[0][1] for c in sets]
        return holds(max(shares) < 1, f"it is at most {max(shares):.4f} of the interval's end")

    yield by.prover("Z3, of the package's product and threshold", proved)
    yield by.experiment("random sets of four", random_sets)


@claim(
    "D2.9.mean-end",
    r"$2h/(h^2+\rho) \le 2/h$, with equality if and only if $\rho = 0$",
    for_all=r"$h > 0$ and $\rho\ge0$",
)
def mean_end():
    mean, rho, pair = any_mean_and_variance()

    def proved():
        square, first = sgd.mean_square_threshold(pair), sgd.mean_threshold(pair)
        statement = (square <= first) & sp.Equivalent(same(square, first), same(rho, 0))
        return prove(statement, given=[mean > 0])

    def quotient():
        h, rho = sp.symbols("h rho", positive=True)
        share = sp.cancel((2 * h / (h**2 + rho)) / (2 / h))
        return holds(sp.cancel(share - h**2 / (h**2 + rho)) == 0, "their quotient is", share)

    yield by.prover("Z3, of the package's thresholds", proved)
    yield by.algebra("the quotient of the two ends", quotient)


@claim("D2.9.touch", r"$q$ and $\frac12\log g$ at $\eta=\frac12$, for $h_n \in \{1, 3\}$")
def touch(h=PAIR, eta=Q(1, 2)):
    yield by.closed_form("the package's rates", lambda: sgd.growth_rates(h, eta)[:0:-1])

    def of_exact_factors():
        steps = [sp.Rational(str(1 - Q(eta) * x)) for x in h]
        sizes = [sp.Abs(sp.prod(steps)), sum(step**2 for step in steps) / len(h)]
        return [
            float((sp.log(sizes[0]) / len(h)).evalf(30)),
            float((sp.log(sizes[1]) / 2).evalf(30)),
        ]

    yield by.algebra("logarithms of the exact factors", of_exact_factors)
    yield by.hand("−log 2, twice", lambda: [-math.log(2)] * 2)


@claim(
    "D2.9.coincide.*",
    r"both ends, mean square and first interval",
    cases=[
        case("two", r"$h_n\in\{0,2\}$", h=(0, 2), c=2),
        case("three", r"$h_n\in\{0,0,5\}$", h=(0, 0, 5), c=5),
    ],
)
def coincide(h=(0, 2), c=2):
    yield by.recursion(
        "the formula, and bisection",
        lambda: [sgd.mean_square_threshold(h), sgd.almost_sure_set(h)[0][1]],
    )
    yield by.hand("2/c, twice", lambda: [Q(2, c)] * 2)


@claim(
    "D2.9.only-then",
    r"$|\prod m_n| = 1$ at $\eta = 2h/(h^2+\rho)$ if and only if $h_1 = h_2$, or one of them is 0",
    for_all=r"$h_1$, $h_2$ with a positive mean",
)
def only_then():
    h = curvature_symbols(2)

    def proved():
        size = sp.Abs(sgd.epoch_factor(h, sgd.mean_square_threshold(h)))
        kinds = [same(h[0], h[1]), same(h[0], 0), same(h[1], 0)]
        return prove(
            sp.Equivalent(same(size, 1), sp.Or(*kinds)),
            given=[sum(h) > 0],
            altered=[sp.Equivalent(same(size, 1), kinds[0])],
        )

    def factored():
        """1 − p = 2ab(a + b)…: the numerators of 1 − p and 1 + p."""
        a, b = h
        eta = 2 * (a + b) / (a**2 + b**2)
        p = (1 - eta * a) * (1 - eta * b)
        square = sp.factor(1 - p**2)
        zeros = sp.factor_list(sp.numer(square))[1]
        return holds({a, b, a - b} <= {factor for factor, _ in zeros}, "one minus p² is", square)

    yield by.prover("Z3, of the package's product and threshold", proved)
    yield by.algebra("one minus the square, factored", factored)


@claim(
    "D2.9.mean-far",
    r"the median of $\log_{10}|w(400)|$ for $1, 1, 28$ at $\eta=\frac1{10}$",
    answer=True,
)
def mean_says_nothing(h=(1, 1, 28), eta=Q(1, 10), t=400):
    """The factors are 0.9, 0.9 and −1.8."""

    def from_the_law():
        law = sgd.log_law(h, float(eta), t)
        order = np.argsort(law.log_abs)
        below = np.cumsum(np.exp(law.log_probability[order]))
        return law.log_abs[order][np.searchsorted(below, 0.5)] / math.log(10)

    def from_the_binomial():
        draws = binom.median(t, 1 / 3)
        return draws * math.log10(1.8) + (t - draws) * math.log10(0.9)

    yield by.enumeration("the law", from_the_law)
    yield by.closed_form("the median number of draws of 28", from_the_binomial)
    yield slip("this is t·q", lambda: t * (math.log10(1.8) + 2 * math.log10(0.9)) / 3)
