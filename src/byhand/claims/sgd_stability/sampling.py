"""Claims of D2.6 on simulation: what a million paths show of a mean square, and what not."""

from __future__ import annotations

import math
from fractions import Fraction as Q

import numpy as np
from scipy.stats import binom

from byhand import sgd_stability as sgd
from byhand.claims.sgd_stability._exact import PAIR
from byhand.evidence import by, claim, holds, once, slip

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


@claim("D2.6.paths-needed", r"$\log_{10}$ of the paths for a standard error of 100 %", answer=True)
def paths_needed(h=PAIR, eta=STEP, t=T):
    def by_recursion():
        fourth, second = (sgd.moment_recursion(h, eta, p, t)[-1] for p in (4, 2))
        return math.log10(fourth / second**2 - 1)

    def by_the_law():
        law = sgd.log_law(h, float(eta), t)
        fourth, second = (sgd.log_moment(law, p) for p in (4, 2))
        return (fourth - 2 * second) / math.log(10)

    yield by.recursion("fourth and second moment, in fractions", by_recursion)
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
