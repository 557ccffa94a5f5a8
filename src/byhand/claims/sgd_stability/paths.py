"""Claims of D2.8: the growth rate of a single path."""

from __future__ import annotations

import math
from fractions import Fraction as Q
from itertools import product

import numpy as np
from mpmath import iv

from byhand import sgd_stability as sgd
from byhand.claims.sgd_stability._exact import PAIR, H, average
from byhand.evidence import Estimate, by, case, claim, sheet, slip

PRINTED = "(1/N) Σ log(1 − ηhₙ)"
NO_BARS = "the absolute values are missing: log(1 − ηhₙ) is undefined for ηhₙ > 1"


@claim(
    "D2.8.q.*",
    r"$q(\eta)$ for $h_n \in \{1, 3\}$",
    cases=[
        case("1-5", r"$\eta = \frac15$", eta=Q(1, 5), sheet=PRINTED),
        case("9-10", r"$\eta = \frac9{10}$", eta=Q(9, 10)),
        case("6-5", r"$\eta = \frac65$", eta=Q(6, 5), sheet=PRINTED, erratum=NO_BARS),
        case("3-2", r"$\eta = \frac32$", eta=Q(3, 2)),
    ],
    answer=True,
)
def growth_rate(eta=Q(6, 5), h=PAIR):
    def of_the_law(t=60):
        """E log|w(t)| = t q, over all draw counts."""
        law = sgd.log_law(h, eta, t)
        return float(np.exp(law.log_probability) @ law.log_abs) / t

    def enclosed():
        """The logarithm of the size of the product, in intervals."""
        size = abs(math.prod(1 - Q(eta) * x for x in h))
        return iv.log(iv.mpf(size.numerator) / size.denominator) / len(h)

    yield by.closed_form("the formula", lambda: sgd.lyapunov_exponent(h, eta))
    yield by.algebra("the logarithm of the exact product, enclosed", enclosed)
    yield by.enumeration(
        "the exact law", of_the_law, rtol=1e-9, because="sixty rounded logarithms of factorials"
    )
    yield sheet(lambda: complex(np.mean(np.log([complex(1 - eta * x) for x in h]))))
    yield slip("this is the logarithm of the mean factor", lambda: math.log(abs(1 - 2 * eta)))
    yield slip(
        "this is the rate of the root mean square",
        lambda: math.log(float((1 - 2 * eta) ** 2 + eta**2)) / 2,
    )


@claim(
    "D2.8.walk.*",
    r"$\frac1t\log|w(t)|$ of a path, for $h_n \in \{1, 3\}$",
    cases=[
        case("9-10", r"$\eta = \frac9{10}$", eta=Q(9, 10)),
        case("6-5", r"$\eta = \frac65$", eta=Q(6, 5), seed=8),
    ],
)
def growth_of_paths(eta=Q(6, 5), h=PAIR, t=400, paths=4000, seed=7):
    def by_plain_steps():
        """Paths that step with the definition, w ← w − η hₙ w; logarithms of their moduli."""
        rng = np.random.default_rng(seed)
        curvatures = np.array(h, dtype=float)
        logs = np.zeros(paths)
        for _ in range(t):
            w = 1 - float(eta) * curvatures[rng.integers(len(h), size=paths)]
            logs += np.log(np.abs(w))
        return Estimate(logs.mean() / t, logs.std(ddof=1) / math.sqrt(paths) / t)

    yield by.closed_form("q", lambda: sgd.lyapunov_exponent(h, eta))
    yield by.sampling("4000 paths of 400 steps", by_plain_steps)


@claim(
    "D2.8.sign",
    r"the chance of $w(10)<0$ at $\eta=\frac9{10}$, for $h_n \in \{1, 3\}$ and $w(0)=1$",
    answer=True,
)
def negative(h=PAIR, eta=Q(9, 10), t=10):
    yield by.enumeration(
        "draw counts", lambda: sum(p for w, p in sgd.exact_law(h, eta, t).items() if w < 0)
    )
    yield by.closed_form(
        "odd numbers of threes", lambda: sum(Q(math.comb(t, k), 2**t) for k in range(1, t, 2))
    )
    yield sheet(
        "log(w(t))",
        lambda: 0,
        erratum="log w(t) needs w(t) > 0, which no step size with a negative factor guarantees; "
        "|w(t)| is meant",
    )
    yield slip("this is the chance that all draws are threes", lambda: Q(1, 2**t))


@claim(
    "D2.8.zero-factor",
    r"the chance of $w(12)\neq0$ at $\eta=\frac13$, where $q=-\infty$, for $h_n \in \{1, 3\}$",
)
def zero_factor(h=PAIR, eta=Q(1, 3), t=12):
    yield by.enumeration(
        "draw counts", lambda: sum(p for w, p in sgd.exact_law(h, eta, t).items() if w != 0)
    )
    yield by.hand("a one in each of the draws", lambda: Q(1, 2) ** t)


DRAWS = (1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1)
"""Thirteen draws, one more than twelve steps need."""


@claim("D2.8.terms", r"$\log w(12)-\log w(0)$ along a sequence of draws, $\eta=\frac15$")
def terms(h=PAIR, eta=Q(1, 5), draws=DRAWS):
    def logarithms(draws):
        return math.fsum(math.log(1 - eta * h[n]) for n in draws)

    yield by.recursion("the path, in fractions", lambda: math.log(sgd.run(h, eta, draws[:12])[-1]))
    yield by.closed_form("twelve logarithms", lambda: logarithms(draws[:12]))
    yield sheet(
        "Σ from n = 0 to t of log(1 − ηhₙ)",
        lambda: logarithms(draws),
        erratum="t steps give t factors, s = 1 … t, not t + 1; the index n also stands for a time "
        "here and for a sample elsewhere",
    )


@claim("D2.8.split", r"$\log w(12)-\log w(0)$ from the draw counts, $\eta=\frac15$")
def split(h=PAIR, eta=Q(1, 5), draws=DRAWS[:12]):
    counts = [draws.count(n) for n in range(len(h))]

    def counted():
        return sum(c * math.log(1 - eta * x) for c, x in zip(counts, h, strict=True))

    yield by.recursion("the path, in fractions", lambda: math.log(sgd.run(h, eta, draws)[-1]))
    yield by.enumeration("each logarithm times its count", counted)
    yield sheet(
        "Σ H_n(t′) · Σ log(1 − ηhₙ)",
        lambda: counts[0] * sum(math.log(1 - eta * x) for x in h),
        erratum="a product of two sums, in which the n of Hₙ is bound by neither (here n = 1); "
        "each count belongs inside the sum over n",
    )


def mean_share(n_samples: int, t: int = 5) -> Q:
    """Return the mean share of n = 1 among t draws, over every sequence of draws."""
    sequences = list(product(range(n_samples), repeat=t))
    return average([Q(draws.count(0), t) for draws in sequences])


def share_of_a_million(n_samples: int, seed: int) -> Estimate:
    hit = np.random.default_rng(seed).integers(n_samples, size=10**6) == 0
    return Estimate(hit.mean(), hit.std() / 1000)


@claim("D2.8.limit", "the share of the draws that give $n=1$, for $H$")
def limit(h=H):
    yield by.enumeration("mean over every sequence of five draws", lambda: mean_share(len(h)))
    yield by.sampling("a million draws", lambda: share_of_a_million(len(h), 10))
    yield sheet(
        "E[h_{n(t)}] = 1/N",
        lambda: Q(sum(x == h[0] for x in h), len(h)),
        read_as="E[H_n(t)] = 1/N",
    )


@claim("D2.8.count", "the share of the draws that give $n=1$, for the curvatures $1,1,4$")
def count(h=(1, 1, 4)):
    yield by.enumeration("mean over every sequence of five draws", lambda: mean_share(len(h)))
    yield by.sampling("a million draws", lambda: share_of_a_million(len(h), 11))
    yield sheet(
        "1^{δ(h_{n(t)} − h_n)}",
        lambda: Q(sum(x == h[0] for x in h), len(h)),
        read_as="δ(h_{n(t)} − h_n)",
        erratum="it compares curvatures instead of indices, so equal curvatures are counted "
        "together and the limit is then not 1/N",
    )


@claim(
    "D2.8.spread",
    r"the variance of $\frac1t\log|w(t)|$ after 60 steps at $\eta=\frac65$, for $h_n \in \{1, 3\}$",
)
def spread(h=PAIR, eta=Q(6, 5), t=60):
    """It is that of one logarithm over t: Chebyshev's inequality makes a law of large numbers."""

    def of_the_law():
        law = sgd.log_law(h, float(eta), t)
        chances, rates = np.exp(law.log_probability), law.log_abs / t
        return chances @ (rates - chances @ rates) ** 2

    def of_one_step():
        logs = [math.log(abs(1 - eta * x)) for x in h]
        return average([(one - average(logs)) ** 2 for one in logs]) / t

    yield by.closed_form("the variance of one logarithm, over t", of_one_step)
    yield by.enumeration(
        "the law after sixty steps",
        of_the_law,
        rtol=1e-9,
        because="sixty rounded logarithms of factorials",
    )
