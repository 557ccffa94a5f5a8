"""Claims of D2.6 on simulation: what a million paths show of a mean square, and what not."""

from __future__ import annotations

import math
from fractions import Fraction as Q
from itertools import combinations

import numpy as np
import sympy as sp
from mpmath import iv
from scipy.stats import binom

from byhand import sgd_stability as sgd
from byhand.claims.sgd_stability._exact import PAIR, curvature_symbols, plain_moment, same
from byhand.evidence import by, case, claim, holds, once, prove, slip

T, STEP = 100, Q(6, 5)
"""A hundred steps with h_n ∈ {1, 3} at η = 6/5, half as large again as the threshold."""


@once
def five_samples():
    """Return mean and standard error of w² in five samples of a million paths."""
    rng = np.random.default_rng(0)
    samples = [sgd.sample(PAIR, float(STEP), T, 10**6, rng) for _ in range(5)]
    return [sgd.sample_mean(w, 2) for w in samples]


@claim("D2.6.exact", r"$\log_{10}\mathbb E\,w^2(100)$ at $\eta=6/5$", answer=True)
def exact_size(h=PAIR, eta=STEP, t=T):
    def log_sum_exp():
        return sgd.log_moment(sgd.log_law(h, float(eta), t), 2) / math.log(10)

    yield by.closed_form("t·log g", lambda: t * math.log10(sgd.square_factor(h, eta)))
    yield by.recursion(
        "a hundred steps, in fractions",
        lambda: math.log10(sgd.moment_recursion(h, eta, 2, t)[-1]),
    )
    yield by.enumeration("the law, by log-sum-exp", log_sum_exp)
    yield slip("this is the square of the mean", lambda: 2 * t * math.log10(7 / 5))


@claim(
    "D2.6.too-few",
    r"the mean of $w^2(100)$ over $10^6$ paths is below $10^{36}$, with probability over 0.99",
)
def too_few(h=PAIR, eta=STEP, t=T, paths=10**6):
    def of_the_law():
        """The chance that any of the paths exceeds 10¹⁸; if none does, the mean is at most 10³⁶."""
        law = sgd.log_law(h, float(eta), t)
        beyond = law.log_abs > 18 * math.log(10)
        chance = paths * np.exp(law.log_probability[beyond]).sum()
        return holds(chance < 0.01, f"the chance of a larger mean is at most {chance:.1e}")

    def of_samples():
        largest = max(mean + 1000 * error for mean, error in five_samples())
        return holds(
            largest < 1e36,
            f"in five samples, mean and a thousand standard errors are at most {largest:.0e}",
        )

    yield by.enumeration("the law of one path", of_the_law)
    yield by.experiment("five times a million paths", of_samples)


@claim("D2.6.rare", "the chance of 99 or more threes in 100 draws")
def rare(h=PAIR, eta=STEP, t=T):
    def from_the_law():
        law = sgd.log_law(h, float(eta), t)
        return np.exp(law.log_probability[np.argsort(law.log_abs)[-2:]]).sum()

    yield by.enumeration("the two largest values of the law", from_the_law)
    yield by.hand("101 of all sequences", lambda: (t + 1) / 2**t)
    yield by.closed_form(
        "SciPy's binomial distribution",
        lambda: binom.sf(t - 2, t, 0.5),
        rtol=1e-11,
        because="SciPy evaluates it by an incomplete beta function",
    )


@claim("D2.6.tilted", "the tilted law's share of 99 or more threes in 100 draws")
def tilted_share(h=PAIR, eta=STEP, t=T):
    def from_the_law():
        """The probabilities times w², divided by their sum, at the two largest values."""
        law = sgd.log_law(h, float(eta), t)
        share = np.exp(law.log_probability + 2 * law.log_abs - sgd.log_moment(law, 2))
        return share[np.argsort(law.log_abs)[-2:]].sum()

    def binomial():
        """Threes are drawn with the probability 169/170."""
        three = Q(169, 170)
        return three**t + t * (1 - three) * three ** (t - 1)

    yield by.hand("the binomial law of 169/170", binomial)
    yield by.enumeration(
        "the law, multiplied by w²",
        from_the_law,
        rtol=1e-10,
        because="a hundred rounded logarithms of factorials",
    )


@claim("D2.6.paths-needed", r"$\log_{10}$ of the paths for a standard error of 100 %", answer=True)
def paths_needed(h=PAIR, eta=STEP, t=T):
    def by_recursion():
        fourth, second = (sgd.moment_recursion(h, eta, p, t)[-1] for p in (4, 2))
        return math.log10(fourth / second**2 - 1)

    def by_the_law():
        law = sgd.log_law(h, float(eta), t)
        fourth, second = (sgd.log_moment(law, p) for p in (4, 2))
        return (fourth - 2 * second) / math.log(10)

    def by_one_step():
        squares = [(1 - eta * x) ** 2 for x in h]
        ratio = len(h) * sum(m * m for m in squares) / sum(squares) ** 2
        return math.log10(ratio**t - 1)

    yield by.recursion("fourth and second moment, in fractions", by_recursion)
    yield by.closed_form("the ratio of the moments of one step, to the power of t", by_one_step)
    yield by.enumeration(
        "the law, by log-sum-exp",
        by_the_law,
        rtol=1e-11,
        because="logarithms of moments near 10¹¹⁰ are subtracted",
    )
    yield slip(
        "the variance is compared with E w², not with its square",
        lambda: t * math.log10(Q(169**2 + 1, 2 * 25**2) / Q(17, 5)),
    )


# -- how many paths it takes ---------------------------------------------------------------------

BEST = Q(2, 5)
"""The best step in mean square, where the tilted law draws 1 nine times in ten."""


@claim(
    "D2.6.rms-rate",
    r"$r$, per step, for the root mean square at $\eta=\frac25$, for $h_n \in \{1, 3\}$",
    answer=True,
)
def rms_rate(h=PAIR, eta=BEST):
    def tilted():
        squares = [(1 - eta * x) ** 2 for x in h]
        return len(h) * sum((m / sum(squares)) ** 2 for m in squares)

    def every_draw():
        """What one more step does to E w⁴/(E w²)²."""
        excess = [plain_moment(h, eta, 4, t) / plain_moment(h, eta, 2, t) ** 2 for t in (3, 4)]
        return excess[1] / excess[0]

    yield by.closed_form("squares of the tilted law", tilted)
    yield by.enumeration("fourth and second moment over every sequence of draws", every_draw)
    yield by.recursion(
        "fourth and second moment of the recursion",
        lambda: (
            sgd.moment_recursion(h, eta, 4, 1)[-1] / sgd.moment_recursion(h, eta, 2, 1)[-1] ** 2
        ),
    )
    yield slip("N is missing", lambda: tilted() / len(h))
    yield slip("this is the rate in probability", lambda: math.exp(relative_entropy(h, eta)))


@claim(
    "D2.6.rms-excess",
    r"$r \ge 1$, with equality if and only if all $|m_n|$ are equal",
    for_all=r"$\eta h_1$, $\eta h_2$, $\eta h_3$, not all of them 1",
)
def rms_excess():
    """Only the products ηhₙ matter, so η = 1."""

    def proved():
        h = curvature_symbols(3)
        fourth, second = (sgd.moment_recursion(h, 1, power, 1)[-1] for power in (4, 2))
        r = fourth / second**2
        sizes = [m**2 for m in sgd.factors(h, 1)]
        equal = same(sizes[0], sizes[1]) & same(sizes[1], sizes[2])
        return prove(
            (r >= 1) & sp.Equivalent(same(r, 1), equal),
            given=[sp.Or(*(sp.Ne(x, 1) for x in h))],
            altered=[sp.Equivalent(same(r, 1), same(sizes[0], sizes[1]))],
        )

    def sum_of_squares():
        """N Σ m⁴ − (Σ m²)² is the sum of (mᵢ² − mⱼ²)² over all pairs."""
        squares = [m**2 for m in sp.symbols("m1:4")]
        excess = 3 * sum(square**2 for square in squares) - sum(squares) ** 2
        pairs = sum((a - b) ** 2 for a, b in combinations(squares, 2))
        return holds(sp.expand(excess - pairs) == 0, "the excess is", pairs)

    yield by.prover("Z3, of the package's moments", proved)
    yield by.algebra("a sum of squares", sum_of_squares)


def relative_entropy(h, eta) -> float:
    """Return D = Σ pₙ log(N pₙ) of the tilted draws."""
    squares = [float(1 - eta * x) ** 2 for x in h]
    return sum(m / sum(squares) * math.log(len(h) * m / sum(squares)) for m in squares)


@claim(
    "D2.6.probability-rate",
    r"$e^D$, per step, in probability at $\eta=\frac25$, for $h_n \in \{1, 3\}$",
    answer=True,
)
def probability_rate(h=PAIR, eta=BEST, t=60):
    def under_the_tilted_law():
        """The mean of log(w²/E w²)/t, where the law's probabilities are multiplied by w²."""
        law = sgd.log_law(h, eta, t)
        relative = 2 * law.log_abs - sgd.log_moment(law, 2)
        return math.exp(np.exp(law.log_probability + relative) @ relative / t)

    def by_hand():
        """The tilted law is (9/10, 1/10), and N = 2."""
        nine, ten = iv.mpf(9), iv.mpf(10)
        return 2 * (nine / ten) ** (nine / ten) * (1 / ten) ** (1 / ten)

    yield by.closed_form("the relative entropy", lambda: math.exp(relative_entropy(h, eta)))
    yield by.hand("powers of 9/10 and 1/10, enclosed", by_hand)
    yield by.enumeration(
        "the law after sixty steps, tilted",
        under_the_tilted_law,
        rtol=1e-9,
        because="sixty rounded logarithms of factorials",
    )
    yield slip("this is the rate in root mean square", lambda: 41 / 25)
    yield slip("N is missing", lambda: math.exp(relative_entropy(h, eta)) / 2)


def shares_seen(paths: int, samples: int, t: int = 80) -> np.ndarray:
    """Return samples' means of w²(t) over E w²(t), each over so many paths, dealt to the law."""
    law = sgd.log_law(PAIR, BEST, t)
    order = np.argsort(law.log_probability)  # the remainder falls on the last, most probable
    chances = np.exp(law.log_probability[order])
    relative = np.exp(2 * law.log_abs[order] - sgd.log_moment(law, 2))
    counts = np.random.default_rng(16).multinomial(paths, chances / chances.sum(), size=samples)
    return counts @ relative / paths


def share_expected(paths: int, t: int = 80) -> float:
    """Return the share of E w²(t) that is made by numbers of threes of which a path is expected."""
    one, three = ((1 - BEST * x) ** 2 for x in PAIR)
    seen = Q(0)
    for k in range(t + 1):
        chance = Q(math.comb(t, k), 2**t)
        if chance * paths >= 1:
            seen += chance * one ** (t - k) * three**k
    return float(seen / ((one + three) / 2) ** t)


@claim(
    "D2.6.seen.*",
    r"a mean of $w^2(80)$ at $\eta=\frac25$, in units of $\mathbb E\,w^2(80)$",
    cases=[
        case("few", r"over $1.3^{80}$ paths: below $\frac15$", growth=1.3, enough=False),
        case("enough", r"over $1.6^{80}$ paths: above $\frac45$", growth=1.6, enough=True),
    ],
)
def seen(growth=1.3, enough=False, t=80):
    def in_samples():
        """The median over 400 samples."""
        share = float(np.median(shares_seen(int(growth**t), 400)))
        return holds(share > 0.8 if enough else share < 0.2, f"the median is {share:.2f}")

    def in_expected_counts():
        share = share_expected(int(growth**t))
        return holds(share > 0.8 if enough else share < 0.2, f"the share is {share:.2f}")

    yield by.experiment("400 samples, dealt to the law", in_samples)
    yield by.enumeration("expected counts, in fractions", in_expected_counts)
