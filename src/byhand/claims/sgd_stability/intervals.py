"""Claims of D2.9: the set of step sizes at which almost every path converges."""

from __future__ import annotations

import math
from fractions import Fraction as Q

import numpy as np
import sympy as sp
from mpmath import iv

from byhand import sgd_stability as sgd
from byhand.claims.sgd_stability._exact import (
    PAIR,
    any_mean_and_variance,
    curvature_symbols,
    moments_of,
    same,
)
from byhand.evidence import by, case, claim, holds, prove, slip


def sign_change(f, near: float, width: float = 1e-14):
    """Return an interval about ``near`` at whose ends f has, for certain, different signs."""
    low, high = iv.mpf(near) * (1 - width), iv.mpf(near) * (1 + width)
    left, right = f(low), f(high)
    if not (left < 0 < right or left > 0 > right):
        raise ValueError(f"no change of sign is seen about {near}")
    return iv.mpf([low.a, high.b])


def real_roots(h, values=(1, -1)) -> list:
    """Return the positive η with ∏(1 − ηhₙ) among the values, exactly."""
    x = sp.Symbol("x")
    p = sp.expand(sp.prod([1 - x * sp.Rational(str(one)) for one in h]))
    roots = {root for value in values for root in sp.real_roots(sp.Poly(p - value, x))}
    return sorted(root for root in roots if root > 0)


# -- two curvatures ------------------------------------------------------------------------------


@claim("D2.9.running-example", r"the end of the set for $h_n\in\{1,3\}$", answer=True)
def running_example(h=PAIR):
    def formula():
        mean, variance, _ = moments_of([Q(x) for x in h])
        return 2 * mean / (mean**2 - variance)

    yield by.closed_form("2h/(h² − ρ)", formula)
    yield by.recursion("bisection", lambda: sgd.almost_sure_set(h)[0][1])
    yield by.algebra("the largest root of the product", lambda: real_roots(h)[-1])
    yield slip("this is the end in the mean", lambda: sgd.mean_threshold(h))
    yield slip("this is the end in mean square", lambda: sgd.mean_square_threshold(h))


@claim(
    "D2.9.two-curvatures",
    r"$(1-\eta h_1)(1-\eta h_2) < 1$ if and only if $0 < \eta < 2h/(h^2-\rho)$",
    for_all=r"$h_1, h_2 > 0$ and $\eta$",
)
def two_curvatures():
    (a, b), eta = curvature_symbols(2), sp.Symbol("eta", real=True)

    def proved():
        mean, variance = sgd.mean_and_variance((a, b))
        end = 2 * mean / (mean**2 - variance)
        below = sgd.epoch_factor((a, b), eta) < 1
        wrong = (eta > 0) & (eta < sgd.mean_threshold((a, b)))
        return prove(
            sp.Equivalent(below, (eta > 0) & (eta < end)),
            given=[a > 0, b > 0],
            altered=[sp.Equivalent(below, wrong)],
        )

    def solved():
        """h² − ρ is the product of the two, 2h their sum."""
        a, b = sp.symbols("a b", positive=True)
        ends = sp.solve(sp.Eq((1 - eta * a) * (1 - eta * b), 1), eta)
        return holds(set(ends) == {0, (a + b) / (a * b)}, "the ends are", *ends)

    yield by.prover("Z3, of the package's product", proved)
    yield by.algebra("a quadratic equation", solved)


@claim(
    "D2.9.hill",
    r"$(1-\eta h_1)(1-\eta h_2) > -1$ for all $\eta$ if and only if $\rho < h^2/2$",
    for_all=r"$h > 0$ and $0 \le \rho < h^2$",
)
def hill():
    """The product of the two factors is lowest at η = h/(h² − ρ), between the poles."""
    (mean, rho, pair), eta = any_mean_and_variance(), sp.Symbol("eta", real=True)
    given = [mean > 0, rho < mean**2]

    def proved():
        """Below the bound it is so at every η; from the bound on it is not at one."""
        lowest = sgd.epoch_factor(pair, mean / (mean**2 - rho))
        above = sgd.epoch_factor(pair, eta) > -1

        def split_from(bound):
            return sp.Implies(rho < bound, above) & sp.Implies(rho >= bound, lowest <= -1)

        return prove(
            split_from(mean**2 / 2),
            given=given,
            altered=[split_from(mean**2 / 3), split_from(2 * mean**2 / 3)],
        )

    def vertex():
        """The square completed: the lowest value exceeds −1 by (h² − 2ρ)/(h² − ρ)."""
        p = sp.expand((1 - eta * pair[0]) * (1 - eta * pair[1]))
        (place,) = sp.solve(sp.diff(p, eta), eta)
        lowest = sp.factor(p.subs(eta, place))
        square = (mean**2 - rho) * (eta - place) ** 2
        excess = (mean**2 - 2 * rho) / (mean**2 - rho)
        right = sp.cancel(p - square - lowest) == 0 and sp.cancel(lowest + 1 - excess) == 0
        return holds(right, "the lowest value is", lowest)

    yield by.prover("Z3, of the package's product", proved)
    yield by.algebra("the vertex of the parabola", vertex)


@claim(
    "D2.9.ratio",
    r"$\rho \ge h^2/2$ if and only if $h_2 \ge (3+2\sqrt2)\,h_1$",
    for_all=r"$0 < h_1 \le h_2$",
)
def ratio():
    a, b = curvature_symbols(2)

    def proved():
        mean, variance = sgd.mean_and_variance((a, b))
        wide = variance >= mean**2 / 2
        return prove(
            sp.Equivalent(wide, b >= (3 + 2 * sp.sqrt(2)) * a),
            given=[a > 0, a <= b],
            altered=[sp.Equivalent(wide, b >= 6 * a)],
        )

    def solved():
        c = sp.Symbol("c", positive=True)
        mean, variance = (1 + c) / 2, (1 - c) ** 2 / 4
        found = sp.solve(sp.Eq(variance, mean**2 / 2), c)
        return holds(max(found) == 3 + 2 * sp.sqrt(2), "equal at the ratios", *found)

    yield by.prover("Z3", proved)
    yield by.algebra("the quadratic equation of the ratio", solved)


CRITICAL = 3 + 2 * math.sqrt(2)


@claim("D2.9.when-split", r"the number of intervals for $h_2/h_1=3+2\sqrt2\mp10^{-6}$")
def when_split(ratios=(CRITICAL - 1e-6, CRITICAL + 1e-6)):
    yield by.recursion("bisection", lambda: [len(sgd.almost_sure_set([1, c])) for c in ratios])
    yield by.closed_form(
        "the height of the hill", lambda: [1 + int((c - 1) ** 2 >= 4 * c) for c in ratios]
    )


@claim(
    "D2.9.split.*",
    r"the ends of both intervals for $h_n\in\{1,9\}$, after 0",
    cases=[
        case("1", r"$\frac{5-\sqrt7}9$", index=1, value=-1),
        case("2", r"$\frac{5+\sqrt7}9$", index=2, value=-1),
        case("3", r"$\frac{10}9$", index=3, value=1),
    ],
    answer=True,
)
def split(h=(1, 9), index=1, value=-1):
    def bisected():
        return [end for interval in sgd.almost_sure_set(h) for end in interval][index]

    def enclosed():
        """The product minus its value changes sign."""
        near = float(real_roots(h)[index - 1])
        return sign_change(lambda eta: (1 - eta * h[0]) * (1 - eta * h[1]) - value, near)

    yield by.recursion("bisection", bisected)
    yield by.algebra("a change of sign, enclosed", enclosed)
    yield by.hand(
        "the quadratic formula",
        lambda: [(5 - math.sqrt(7)) / 9, (5 + math.sqrt(7)) / 9, 10 / 9][index - 1],
    )


@claim("D2.9.four-intervals", "the ends of the four intervals for $1,8,64,512$")
def four_intervals(h=(1, 8, 64, 512)):
    yield by.recursion("bisection", lambda: np.ravel(sgd.almost_sure_set(h)))
    yield by.algebra(
        "roots of p² = 1, isolated exactly",
        lambda: [0.0, *(float(root) for root in real_roots(h))],
    )


# -- the theorem on the set ----------------------------------------------------------------------


@claim(
    "D2.9.first-interval",
    r"$0 < \prod(1-\eta h_n) < 1$ on $0 < \eta < 1/\max h_n$",
    for_all=r"$h_1$, $h_2$, $h_3$ with a positive mean, negative ones among them",
)
def first_interval():
    h, eta = curvature_symbols(3), sp.Symbol("eta", real=True)

    def proved():
        p = sgd.epoch_factor(h, eta)
        before = [eta * x < 1 for x in h]
        return prove((p > 0) & (p < 1), given=[sum(h) > 0, eta > 0, *before])

    def by_the_logarithm():
        """log(1 − x) ≤ −x makes q ≤ −ηh < 0: by how much, for random sets."""
        rng = np.random.default_rng(12)
        sets = [c for c in rng.normal(1, 2, size=(300, 5)) if c.mean() > 0.01]
        shares = [
            sgd.lyapunov_exponent(c, s / c.max()) / (s / c.max() * c.mean())
            for c in sets
            for s in np.linspace(0.01, 0.999, 20)
        ]
        return holds(max(shares) <= -1, f"q is at most {max(shares):.4f} times ηh")

    yield by.prover("Z3, of the package's product", proved)
    yield by.experiment("log(1 − x) ≤ −x on random sets of five", by_the_logarithm)


@claim("D2.9.log-bound", r"$\log(1-x) \le -x$", for_all="$x < 1$")
def log_bound():
    x = sp.Symbol("x", real=True)

    def by_the_slope():
        """The gap log(1 − x) + x is 0 at 0; it rises before 0 and falls after."""
        gap = sp.log(1 - x) + x
        slope = sp.diff(gap, x)
        rises = sp.Implies(x < 0, slope > 0) & sp.Implies(x > 0, slope < 0)
        proof = prove(rises, given=[x < 1], altered=[slope <= 0])
        return proof if gap.subs(x, 0) == 0 else holds(False, "the gap at 0 is not 0")

    def on_a_grid():
        """From −10⁶ to 1 − 10⁻¹², by the logarithm's own rounding."""
        near_one = 1 - np.geomspace(1e-12, 1, 2000)
        points = np.concatenate([-np.geomspace(1e-12, 1e6, 2000), near_one])
        gap = np.log1p(-points) + points
        return holds(gap.max() <= 0, f"the gap is at most {gap.max():.0e}")

    yield by.prover("SymPy's derivative of the gap, then Z3", by_the_slope)
    yield by.experiment("a grid of 4000 points", on_a_grid)


@claim(
    "D2.9.concave",
    r"$q''(\eta) = -\frac1N\sum_n h_n^2/(1-\eta h_n)^2$",
    for_all=r"$h_1$, $h_2$, $h_3$ and $\eta$ for which no factor is 0",
)
def concave():
    h, eta = curvature_symbols(3), sp.Symbol("eta", real=True)

    def proved():
        q = sum(sp.log(m**2) / 2 for m in sgd.factors(h, eta)) / 3
        found = sp.together(sp.diff(q, eta, 2))
        formula = -sum(x**2 / (1 - eta * x) ** 2 for x in h) / 3
        return prove(
            same(found, formula),
            given=[sp.Ne(1 - eta * x, 0) for x in h],
            altered=[same(found, -formula)],
        )

    def by_the_product():
        """q = log(p²)/2N, so that q'' = (p''p − p'²)/(N p²)."""
        p = sp.prod([1 - eta * x for x in h])
        formula = -sum(x**2 / (1 - eta * x) ** 2 for x in h) / 3
        found = (sp.diff(p, eta, 2) * p - sp.diff(p, eta) ** 2) / (3 * p**2)
        return holds(sp.cancel(found - formula) == 0, "the difference cancels to 0")

    def by_differences(d=1e-4):
        """Second differences of the package's q, over the formula, at three step sizes."""
        ratios = []
        for step in (0.5, 1.2, 3.0):
            low, middle, high = (sgd.lyapunov_exponent(PAIR, step + k * d) for k in (-1, 0, 1))
            formula = -sum((x / (1 - step * x)) ** 2 for x in PAIR) / 2
            ratios.append((low - 2 * middle + high) / d**2 / formula)
        off = max(abs(ratio - 1) for ratio in ratios)
        return holds(off < 1e-5, f"for 1 and 3 they agree to {off:.0e}")

    yield by.prover("SymPy's derivative of the logarithms of the factors, then Z3", proved)
    yield by.algebra("through the product of all factors", by_the_product)
    yield by.differences("second differences of the package's q", by_differences)


_RNG = np.random.default_rng(14)
SETS = [np.round(_RNG.normal(1, 3, size=n), 2) for n in (1, 2, 3, 4, 5, 6) * 50]
SETS = [c for c in SETS if c.mean() > 0.01]
"""Random curvatures of two decimals, some of them negative."""


@claim(
    "D2.9.each-has-a-pole",
    r"each interval has a step $1/h_n$ in it, and there are at most as many as positive curvatures",
    for_all=r"curvatures with a positive mean",
    evidence="sampled",
    because="the ends are roots of polynomials of any degree; 300 sets of up to six are tried.",
)
def each_has_a_pole():
    def bisected():
        without, number = 0, 0
        for c in SETS:
            intervals = sgd.almost_sure_set(c)
            poles = {1 / x for x in c if x > 0}
            number += len(intervals)
            without += sum(not any(a < pole < b for pole in poles) for a, b in intervals)
            without += len(intervals) > len(poles)
        return holds(without == 0, f"all {number} intervals have one")

    def on_a_grid():
        """Runs of negative q on a fine grid that has the poles on it."""
        without, number = 0, 0
        for c in SETS[:60]:
            poles = np.array(sorted({1 / x for x in c if x > 0}))
            grid = np.unique(
                np.concatenate([np.geomspace(poles[0] / 9, 9 * poles[-1], 900), poles])
            )
            size = np.abs(1 - np.outer(grid, c)).prod(axis=1)
            starts = np.flatnonzero(np.diff(np.concatenate([[0], (size < 1).astype(int), [0]])))
            for a, b in starts.reshape(-1, 2):
                number += 1
                without += not np.isin(poles, grid[a:b]).any()
        return holds(without == 0, f"all {number} runs of a grid have one")

    yield by.recursion("bisection", bisected)
    yield by.enumeration("signs on a grid, of the plain product", on_a_grid)
