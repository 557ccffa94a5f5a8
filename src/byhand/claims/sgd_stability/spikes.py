"""Claims of D2.9: what a practitioner sees between the thresholds."""

from __future__ import annotations

import math
from fractions import Fraction as Q

import mpmath
import numpy as np
from mpmath import iv
from scipy.stats import binom

from byhand import sgd_stability as sgd
from byhand.claims.sgd_stability._exact import PAIR
from byhand.claims.sgd_stability.almost_sure import chance_above, threes_needed
from byhand.claims.sgd_stability.intervals import sign_change
from byhand.evidence import Estimate, by, case, claim, holds, once, slip

STEP = 1.2


@once
def highest_points():
    """Return the logarithm of the highest point of each of 20,000 plain runs of 300 steps."""
    draws = np.random.default_rng(9).integers(2, size=(20_000, 300))
    logs = np.log(np.abs(1 - STEP * np.array(PAIR)))[draws].cumsum(axis=1)
    return np.maximum(logs.max(axis=1), 0.0)


def share_above(level: float) -> Estimate:
    spiked = highest_points() >= math.log(level)
    return Estimate(spiked.mean(), spiked.std() / math.sqrt(spiked.size))


@claim("D2.9.tail-index", r"$\kappa$ at $\eta=\frac65$, for $h_n \in \{1, 3\}$", answer=True)
def tail_index(h=PAIR, eta=Q(6, 5)):
    def newton():
        sizes = [mpmath.mpf(abs(1 - eta * x).numerator) / abs(1 - eta * x).denominator for x in h]
        return float(mpmath.findroot(lambda k: sum(m**k for m in sizes) / len(h) - 1, 0.5))

    def enclosed():
        sizes = [abs(1 - eta * x) for x in h]
        logs = [iv.log(iv.mpf(m.numerator) / m.denominator) for m in sizes]
        return sign_change(lambda k: sum(iv.exp(k * log) for log in logs) / len(h) - 1, newton())

    yield by.recursion("Brent's method", lambda: sgd.tail_index(h, eta))
    yield by.algebra("a change of sign, enclosed", enclosed)
    yield slip("0 always solves the equation", lambda: 0.0)
    yield slip("this is 2, the power of the mean square", lambda: 2.0)


@claim("D2.9.golden", r"$\kappa$ for $h_n \in \{1, 4\}$ at $\eta=\frac34$", answer=True)
def golden(h=(1, 4), eta=Q(3, 4)):
    """The factors are ¼ and −2: with x = 2^κ, x⁻² + x = 2, and x is the golden ratio."""

    def enclosed():
        return iv.log((1 + iv.sqrt(iv.mpf(5))) / 2) / iv.log(iv.mpf(2))

    yield by.recursion("Brent's method", lambda: sgd.tail_index(h, eta))
    yield by.algebra("log₂ of the golden ratio, enclosed", enclosed)
    yield slip("this is the golden ratio itself", lambda: (1 + math.sqrt(5)) / 2)


@claim(
    "D2.9.ladder.*",
    r"the chance to reach $2^k$ times the start, for $h_n \in \{1, 4\}$ at $\eta=\frac34$",
    cases=[
        case("1", "$k=1$", k=1),
        case("3", "$k=3$", k=3),
        case("10", "$k=10$", k=10),
    ],
    answer=True,
)
def ladder(k=3, h=(1, 4), eta=Q(3, 4)):
    """log₂|w| goes up by 1 or down by 2, so no level is jumped over."""

    def gamblers_ruin():
        """The chance x to come up by 1 ever solves x = ½ + ½x³, and k steps up are xᵏ."""
        x = min(root for root in np.roots([1, 0, -2, 1]).real if root > 0)
        return x**k

    yield by.closed_form("powers of the golden ratio", lambda: ((math.sqrt(5) - 1) / 2) ** k)
    yield by.recursion(
        "the law carried forward for 600 steps",
        lambda: sgd.peak_probability(h, eta, 2**k, 600),
        rtol=1e-10,
        because="hundreds of sums of rounded probabilities; later than that none gets there",
    )
    yield by.algebra("the cubic equation of a first passage", gamblers_ruin)
    yield slip("the chance of k steps up in a row", lambda: 0.5**k)


@claim(
    "D2.9.spikes", r"the chance to reach 1000 times the start within 300 steps, at $\eta=\frac65$"
)
def spikes(h=PAIR, eta=STEP):
    yield by.recursion("the law carried forward", lambda: sgd.peak_probability(h, eta, 1000, 300))
    yield by.sampling("20,000 runs", lambda: share_above(1000))


LEVELS = (10, 1000, 10**5)


def chance_backwards(level: float, h, eta, steps: int = 300) -> float:
    """Return the chance to reach a level, as a function of where a run is, from the end back."""
    down, up = (math.log(abs(1 - eta * x)) for x in h)
    chance = np.zeros(steps + 1)
    for taken in range(steps, -1, -1):
        threes = np.arange(taken + 1)
        if taken < steps:
            chance = (chance[:-1] + chance[1:]) / 2
        chance[threes * up + (taken - threes) * down >= math.log(level)] = 1.0
    return float(chance[0])


@claim(
    "D2.9.power-law",
    r"in 300 steps at $\eta=\frac65$ the chance to reach $x=10,10^3,10^5$ is at most $x^{-\kappa}$",
)
def upper_bound(h=PAIR, eta=STEP):
    def forward():
        kappa = sgd.tail_index(h, eta)
        shares = [sgd.peak_probability(h, eta, x, 300) * x**kappa for x in LEVELS]
        return holds(max(shares) <= 1, f"it is at most {max(shares):.3f} of the bound")

    def backward():
        kappa = sgd.tail_index(h, eta)
        shares = [chance_backwards(x, h, eta) * x**kappa for x in LEVELS]
        return holds(max(shares) <= 1, f"it is at most {max(shares):.3f} of the bound")

    yield by.recursion("the law carried forward", forward)
    yield by.enumeration("chances carried backward from the last step", backward)


@claim(
    "D2.9.power-law-lower",
    r"in 300 steps at $\eta=\frac65$ the chance to reach $x=10,10^3,10^5$ is at least "
    r"$(2.6\,x)^{-\kappa}$",
)
def lower_bound(h=PAIR, eta=STEP):
    def forward():
        kappa = sgd.tail_index(h, eta)
        shares = [sgd.peak_probability(h, eta, x, 300) * (2.6 * x) ** kappa for x in LEVELS]
        return holds(min(shares) >= 1, f"it is at least {min(shares):.3f} times the bound")

    def backward():
        kappa = sgd.tail_index(h, eta)
        shares = [chance_backwards(x, h, eta) * (2.6 * x) ** kappa for x in LEVELS]
        return holds(min(shares) >= 1, f"it is at least {min(shares):.3f} times the bound")

    yield by.recursion("the law carried forward", forward)
    yield by.enumeration("chances carried backward from the last step", backward)


@claim(
    "D2.9.one-in",
    r"one run in how many reaches $10^3$ and $10^5$ times its start, at $\eta=\frac65$",
    components=["$10^3$", "$10^5$"],
)
def one_in(h=PAIR, eta=STEP):
    yield by.recursion(
        "the law carried forward",
        lambda: [round(1 / sgd.peak_probability(h, eta, x, 300)) for x in (1000, 10**5)],
    )
    yield by.enumeration(
        "chances carried backward from the last step",
        lambda: [round(1 / chance_backwards(x, h, eta)) for x in (1000, 10**5)],
    )


@claim(
    "D2.9.most-runs", r"the chance of $|w(100)|<|w(0)|$ at $\eta=\frac65$, for $h_n \in \{1, 3\}$"
)
def most_runs(t=100):
    yield by.enumeration("the law of draw counts", lambda: 1 - chance_above(STEP, t, 0))
    yield by.closed_form(
        "the binomial distribution", lambda: binom.cdf(threes_needed(STEP, t, 0) - 1, t, 0.5)
    )


@claim(
    "D2.9.median",
    r"the median of $\log_{10}|w(100)|$ at $\eta=\frac65$, for $h_n \in \{1, 3\}$",
    answer=True,
)
def median(h=PAIR, t=100):
    def of_samples():
        w = sgd.sample(h, STEP, t, 10**5, np.random.default_rng(3))
        return np.median(w.log_abs) / math.log(10)

    def half_of_each():
        return t / 2 * math.log10(math.prod(abs(1 - STEP * x) for x in h))

    yield by.closed_form("fifty draws of each", half_of_each)
    yield by.experiment("a hundred thousand paths", of_samples)
    yield slip("this is half the logarithm of the mean square", lambda: t / 2 * math.log10(3.4))


@claim(
    "D2.9.lottery",
    r"of $10^6$ paths, the worst ten make over half of the sum of $w^2(100)$, at $\eta=\frac65$",
)
def lottery(h=PAIR, eta=STEP, t=100, paths=10**6):
    def in_samples():
        """The median over eleven samples."""
        rng = np.random.default_rng(15)
        shares = []
        for _ in range(11):
            logs = 2 * np.sort(sgd.sample(h, eta, t, paths, rng).log_abs)
            weights = np.exp(logs - logs[-1])
            shares.append(weights[-10:].sum() / weights.sum())
        return holds(np.median(shares) > 0.5, f"the median share is {np.median(shares):.2f}")

    def in_expected_counts():
        """Paths are dealt to the values of the law as often as is expected, the largest first."""
        law = sgd.log_law(h, eta, t)
        order = np.argsort(-law.log_abs)
        counts = paths * np.exp(law.log_probability[order])
        before = np.cumsum(counts) - counts
        weights = np.exp(2 * (law.log_abs[order] - law.log_abs[order][before < 10][-1]))
        among = np.clip(10 - before, 0, counts)
        seen = np.cumsum(counts) >= 1
        share = (among * weights)[seen].sum() / (counts * weights)[seen].sum()
        return holds(share > 0.5, f"their share is {share:.2f}")

    yield by.experiment("eleven samples", in_samples)
    yield by.enumeration("expected counts of the law", in_expected_counts)
