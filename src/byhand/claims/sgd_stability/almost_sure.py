"""Claims of D2.9: when almost every path converges, stops, or wanders."""

from __future__ import annotations

import math
from fractions import Fraction as Q
from itertools import product

import numpy as np
import sympy as sp
from scipy.stats import binom

from byhand import sgd_stability as sgd
from byhand.claims.sgd_stability._exact import PAIR, H, average
from byhand.evidence import Estimate, by, case, claim, holds, sheet, slip


def chance_above(eta, t: int, log10_level: float) -> float:
    """Return the chance of |w(t)| ≥ 10^level for curvatures 1 and 3, from the law."""
    law = sgd.log_law(PAIR, float(eta), t)
    high = law.log_abs >= log10_level * math.log(10)
    return np.exp(law.log_probability)[high].sum()


def chance_below(eta, t: int, log10_level: float) -> float:
    """Return the chance of |w(t)| < 10^level, added up: one minus a chance has few digits."""
    law = sgd.log_law(PAIR, float(eta), t)
    low = law.log_abs < log10_level * math.log(10)
    return np.exp(law.log_probability)[low].sum()


def threes_needed(eta, t: int, log10_level: float) -> int:
    """Return how many draws of the curvature 3 it takes for |w(t)| ≥ 10^level."""
    one, three = (math.log10(abs(1 - eta * x)) for x in PAIR)
    return math.ceil((log10_level - t * one) / (three - one))


def chance_by_binomial(eta, t: int, log10_level: float) -> float:
    """Return the same from SciPy's binomial distribution of the number of threes."""
    return binom.sf(threes_needed(eta, t, log10_level) - 1, t, 0.5)


ROUNDED = {"rtol": 1e-8, "because": "logarithms of factorials, up to 10⁶!, are rounded"}


# -- if and only if ------------------------------------------------------------------------------


@claim(
    "D2.9.*",
    r"a chance after 400 steps, for $h_n \in \{1, 3\}$",
    cases=[
        case("below", r"$|w|\ge10^{-3}$ at $\eta=\frac65$, $q<0$", eta=Q(6, 5), level=-3),
        case("above", r"$|w|\ge10^3$ at $\eta=\frac32$, $q>0$", eta=Q(3, 2), level=3),
    ],
)
def after_400_steps(eta=Q(6, 5), level=-3, t=400):
    yield by.enumeration("the law of draw counts", lambda: chance_above(eta, t, level))
    yield by.closed_form(
        "the binomial distribution", lambda: chance_by_binomial(eta, t, level), **ROUNDED
    )


_RNG = np.random.default_rng(20)
SETS = [(_RNG.normal(1, 1.5, size=n), _RNG.uniform(0.1, 3)) for n in (1, 2, 3, 4, 5) * 24]
SETS = [(h, eta) for h, eta in SETS if h.mean() > 0.1]
"""Random curvatures, some of them negative, and a step size for each."""

CLEAR = 0.1
"""Rates q closer to 0 than this are left out: 20,000 steps would not show their sign."""


def last_size(h, eta, steps: int = 20_000, seed: int = 0) -> float:
    """Return log|w| after many plain steps of one path."""
    draws = np.random.default_rng(seed).integers(len(h), size=steps)
    return float(np.log(np.abs(1 - eta * np.asarray(h)[draws])).sum())


WHY_NO_PROVER = (
    "q is a sum of logarithms, and almost surely speaks of infinitely many draws: no prover "
    "decides that. The theorem is proved in the text; here random curvatures and step sizes are "
    "tried"
)
TRIED = ": sets of up to five with |q| > 0.1, 20,000 steps each."


@claim(
    "D2.9.if",
    r"if $q(\eta) < 0$, then $w(t)\to0$ almost surely",
    for_all=r"curvatures with a positive mean and $\eta$",
    evidence="sampled",
    because=WHY_NO_PROVER + TRIED,
)
def if_negative():
    def long_paths():
        stable = [(h, eta) for h, eta in SETS if sgd.lyapunov_exponent(h, eta) < -CLEAR]
        logs = [last_size(h, eta) for h, eta in stable]
        return holds(max(logs) < -500, f"{len(logs)} paths end below e to the {max(logs):.0f}")

    def supermartingale():
        """Ville's bound on |w(s)| ≥ 10⁻³ at any s ≥ 20,000, at the best power p."""
        bounds = []
        for h, eta in SETS:
            logs = np.log(np.abs(1 - eta * h))
            if logs.mean() < -CLEAR:
                powers = np.geomspace(1e-3, 1, 60)
                phi = np.array([np.mean(np.exp(p * logs)) for p in powers])
                bounds.append(np.min(20_000 * np.log(phi) + 3 * powers * math.log(10)))
        return holds(
            max(bounds) < -20, f"{len(bounds)} bounds are below e to the {max(bounds):.0f}"
        )

    yield by.experiment("a long path of each random set", long_paths)
    yield by.closed_form("Ville's inequality for each random set", supermartingale)
    yield sheet("The condition that must be hold is q(η) < 0 because than …", lambda: True)


@claim(
    "D2.9.only-if",
    r"if $q(\eta) > 0$, then $|w(t)|\to\infty$ almost surely",
    for_all=r"curvatures with a positive mean and $\eta$",
    evidence="sampled",
    because=WHY_NO_PROVER + TRIED,
)
def only_if_negative():
    def long_paths():
        unstable = [(h, eta) for h, eta in SETS if sgd.lyapunov_exponent(h, eta) > CLEAR]
        logs = [last_size(h, eta) for h, eta in unstable]
        return holds(min(logs) > 500, f"{len(logs)} paths end above e to the {min(logs):.0f}")

    def supermartingale():
        """The same inequality for |w|^−p bounds |w(s)| ≤ 10³ at any s ≥ 20,000."""
        bounds = []
        for h, eta in SETS:
            logs = np.log(np.abs(1 - eta * h))
            if logs.mean() > CLEAR:
                powers = np.geomspace(1e-3, 1, 60)
                phi = np.array([np.mean(np.exp(-p * logs)) for p in powers])
                bounds.append(np.min(20_000 * np.log(phi) + 3 * powers * math.log(10)))
        return holds(
            max(bounds) < -20, f"{len(bounds)} bounds are below e to the {max(bounds):.0f}"
        )

    yield by.experiment("a long path of each random set", long_paths)
    yield by.closed_form("Ville's inequality for each random set", supermartingale)


@claim(
    "D2.9.iff.*",
    r"the chance of $|w(t)| < 10^{-3}$ after $10^2$, $10^4$, $10^6$ steps, for $h_n \in \{1, 3\}$",
    cases=[
        case("negative", r"$\eta=\frac65$, $q<0$", eta=Q(6, 5)),
        case("zero", r"$\eta=\frac43$, $q=0$", eta=Q(4, 3)),
        case("positive", r"$\eta=\frac32$, $q>0$", eta=Q(3, 2)),
    ],
    components=["$10^2$", "$10^4$", "$10^6$"],
)
def limits(eta=Q(6, 5), times=(10**2, 10**4, 10**6)):
    yield by.enumeration(
        "the law of draw counts", lambda: [chance_below(eta, t, -3) for t in times]
    )
    yield by.closed_form(
        "the binomial distribution",
        lambda: [binom.cdf(threes_needed(eta, t, -3) - 1, t, 0.5) for t in times],
        **ROUNDED,
    )


@claim(
    "D2.9.for-good",
    r"$\mathbb P(|w(s)|\ge10^{-3}\text{ for some }s\ge600) < 0.001$ at $\eta=\frac65$",
)
def for_good(h=PAIR, eta=1.2, t=600):
    def by_ville(p=0.2):
        phi = np.mean(np.abs(1 - eta * np.array(h)) ** p)
        bound = phi**t * 1e-3**-p
        return holds(bound < 0.001, f"the bound is {bound:.1e}")

    def by_the_law():
        """Each value of the law after 600 steps, with the martingale's bound from there on."""
        law = sgd.log_law(h, eta, t)
        kappa = sgd.tail_index(h, eta)
        later = np.exp(np.minimum(kappa * (law.log_abs + 3 * math.log(10)), 0))
        bound = np.exp(law.log_probability) @ later
        return holds(bound < 0.001, f"the bound is {bound:.1e}")

    def a_thousand_runs():
        w = sgd.sample_paths(h, eta, 2000, 1000, np.random.default_rng(5))
        late = (w.log_abs[:, t:].max(axis=1) >= -3 * math.log(10)).sum()
        return holds(late <= 3, f"{late} of a thousand runs are")

    yield by.closed_form("Ville's inequality", by_ville)
    yield by.enumeration("the law, and the martingale from there on", by_the_law)
    yield by.experiment("a thousand runs of 2000 steps", a_thousand_runs)


# -- at q = 0 ------------------------------------------------------------------------------------


@claim("D2.9.product", r"$\prod m_n$ at $\eta=\frac43$, for $h_n \in \{1, 3\}$: $q=0$", answer=True)
def product_of_factors(h=PAIR, eta=Q(4, 3)):
    yield by.closed_form("the package's product", lambda: sgd.epoch_factor(h, eta))
    yield by.recursion(
        "a run that draws each once", lambda: sgd.run(h, eta, list(range(len(h))))[-1]
    )
    yield by.hand("−1/3 times −3", lambda: Q(-1, 3) * -3)


@claim("D2.9.return", r"the chance of $|w|=|w(0)|$ again by step 10, at $\eta=\frac43$")
def returns(h=PAIR, eta=Q(4, 3), t=10):
    def every_sequence():
        back = [
            1 in [abs(w) for w in sgd.run(h, eta, draws)[1:]] for draws in product((0, 1), repeat=t)
        ]
        return Q(sum(back), len(back))

    yield by.enumeration("every sequence of draws", every_sequence)
    yield by.closed_form(
        "one minus the central binomial probability",
        lambda: 1 - Q(math.comb(t, t // 2), 2**t),
    )


@claim("D2.9.height", r"the chance of $|w|\ge3^9$ by step 1000, at $\eta=\frac43$")
def height(h=PAIR, eta=Q(4, 3), level=9, t=1000):
    def reflected():
        """The simple random walk S: P(S_t ≥ k) + P(S_t > k), with k = level."""
        up = binom.sf((t + level - 1) // 2, t, 0.5)
        return up + binom.sf((t + level) // 2, t, 0.5)

    yield by.recursion(
        "the law carried forward",
        lambda: sgd.peak_probability(h, eta, 3**level, t),
        rtol=1e-11,
        because="a thousand sums of rounded probabilities",
    )
    yield by.closed_form("the reflection principle", reflected)


@claim("D2.9.unit-factors", r"the sizes of $w(8)$ for $h_n\in\{0,2\}$, $\eta=1$: also $q=0$")
def unit_factors(h=(0, 2), eta=1, t=8):
    yield by.enumeration("draw counts", lambda: sorted({abs(w) for w in sgd.exact_law(h, eta, t)}))
    yield by.hand("all factors are 1 or −1", lambda: [1])


# -- the fastest steps ---------------------------------------------------------------------------


@claim("D2.9.fastest", r"the almost surely fastest $\eta$, for $H$", answer=True)
def fastest(h=H):
    def poles():
        """The positive zeros of the product of all factors."""
        x = sp.Symbol("x")
        p = sp.prod([1 - x * sp.Rational(str(one)) for one in h])
        return sorted(root for root in sp.roots(sp.Poly(p, x)) if root > 0)

    yield by.closed_form("every 1/hₙ > 0", lambda: list(sgd.best_steps(h).almost_sure))
    yield by.algebra("zeros of the product of all factors", poles)
    yield slip("a negative step is none", lambda: sorted(1 / x for x in h))
    yield slip("this is the best step for the mean alone", lambda: [1 / average(h)])


@claim(
    "D2.9.stopping-time.*",
    r"the chance that $w(t) \ne 0$ for $t = 1, 2, 3$ at $\eta = \frac13$",
    cases=[
        case("two", r"$h_n \in \{1, 3\}$", h=(1, 3)),
        case("four", r"$h_n \in \{\frac12, 1, 3, -\frac14\}$", h=H),
        case("twice", r"$h_n \in \{3, 3, 1\}$", h=(3, 3, 1)),
    ],
    components=["$t = 1$", "$t = 2$", "$t = 3$"],
)
def stopping_time(h=PAIR, eta=Q(1, 3)):
    def by_counts():
        laws = [sgd.exact_law(h, eta, t) for t in (1, 2, 3)]
        return [sum(p for w, p in law.items() if w != 0) for law in laws]

    def geometric():
        missed = 1 - Q(sum(eta * x == 1 for x in h), len(h))
        return [missed**t for t in (1, 2, 3)]

    yield by.enumeration("draw counts", by_counts)
    yield by.closed_form("powers of the chance to miss the pole", geometric)


@claim(
    "D2.9.mean-time",
    r"the mean number of steps until $w=0$, for $H$ at $\eta=\frac13$",
    answer=True,
)
def mean_stopping_time(h=H, eta=Q(1, 3)):
    def simulated(paths=40_000):
        """Steps of plain draws until the factor is 0."""
        rng = np.random.default_rng(13)
        draws = rng.integers(len(h), size=(paths, 200))
        ends = np.array([1 - eta * x == 0 for x in h])[draws]
        assert ends.any(axis=1).all()
        steps = ends.argmax(axis=1) + 1
        return Estimate(steps.mean(), steps.std(ddof=1) / math.sqrt(paths))

    def summed():
        """E T is the sum of the chances to be still on the way, P(T > t), t = 0, 1, 2, …"""
        t = sp.Symbol("t", integer=True)
        on_the_way = sgd.exact_law(h, eta, 1)
        missed = sp.Rational(str(sum(p for w, p in on_the_way.items() if w != 0)))
        return sp.summation(missed**t, (t, 0, sp.oo))

    yield by.algebra("the sum of a geometric series", summed)
    yield by.sampling("40,000 runs", simulated)
    yield slip("this is the chance to end in one step", lambda: Q(1, len(h)))
    yield slip("the step that ends the run is not counted", lambda: len(h) - 1)
