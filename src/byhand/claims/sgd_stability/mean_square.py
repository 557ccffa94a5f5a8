"""Claims of D2.4 to D2.7: the mean square, its factor g, and where it converges."""

from __future__ import annotations

from fractions import Fraction as Q
from itertools import product

import numpy as np
import sympy as sp

from byhand import sgd_stability as sgd
from byhand.claims.sgd_stability._exact import (
    ETA,
    PAIR,
    H,
    any_mean_and_variance,
    average,
    curvature_symbols,
    every_run,
    moments_of,
    plain_moment,
    same,
)
from byhand.evidence import Estimate, by, case, claim, holds, prove, sheet, slip

# -- D2.4: a recursion for the mean square -------------------------------------------------------


@claim("D2.4.factor", r"$g(\eta)$ for $H$ and $\eta=4/5$", answer=True)
def factor_of_the_square(h=H, eta=ETA):
    def quotient():
        return plain_moment(h, eta, 2, 4) / plain_moment(h, eta, 2, 3)

    yield by.closed_form("the package's factor", lambda: sgd.square_factor(h, eta))
    yield by.enumeration("every sequence of draws: one step's growth", quotient)
    yield sheet("(1 − ηh)² + η²ρ", lambda: (1 - eta * average(h)) ** 2 + eta**2 * moments_of(h)[1])
    yield slip("this is the square of the mean's factor", lambda: (1 - eta * average(h)) ** 2)
    yield slip(
        "the variance is divided by N − 1",
        lambda: (1 - eta * average(h)) ** 2 + eta**2 * moments_of(h)[1] * len(h) / (len(h) - 1),
    )


@claim(
    "D2.4.second-moment",
    r"$\frac1N\sum_n h_n^2 = h^2 + \rho$",
    for_all="$h_1$, $h_2$, $h_3$",
)
def second_moment():
    h = curvature_symbols(3)

    def proved():
        mean, variance = sgd.mean_and_variance(h)
        squares = average([x**2 for x in h])
        return prove(same(squares, mean**2 + variance), altered=[same(squares, mean**2)])

    def expanded():
        mean, variance, squares = moments_of(h)
        return holds(sp.expand(squares - mean**2 - variance) == 0, "the difference expands to 0")

    yield by.prover("Z3", proved)
    yield by.algebra("the definition of the variance multiplied out", expanded)
    yield sheet("h² + ρ", lambda: True)


@claim(
    "D2.4.*",
    r"the factor $\frac1N\sum_n(1-\eta h_n)^2$",
    cases=[
        case("expanded", r"$1 - 2\eta h + \eta^2(h^2+\rho)$", form="expanded"),
        case("two-terms", r"$(1-\eta h)^2 + \eta^2\rho$", form="two terms"),
    ],
    for_all=r"$h_1$, $h_2$, $h_3$ and $\eta$",
)
def forms_of_the_factor(form="expanded"):
    h, eta = curvature_symbols(3), sp.Symbol("eta", real=True)

    def proved():
        """The average over samples is the formula; without the variance it is not."""
        mean, variance = sgd.mean_and_variance(h)
        if form == "expanded":
            formula = 1 - 2 * eta * mean + eta**2 * (mean**2 + variance)
        else:
            formula = (1 - eta * mean) ** 2 + eta**2 * variance
        found = average([m**2 for m in sgd.factors(h, eta)])
        return prove(same(found, formula), altered=[same(found, formula - eta**2 * variance)])

    def averaged():
        """The coefficients of η², η and 1 are h² + ρ, −2h and 1."""
        mean, variance, _ = moments_of(h)
        found = sp.Poly(average([(1 - eta * x) ** 2 for x in h]), eta).all_coeffs()
        wanted = [mean**2 + variance, -2 * mean, 1]
        agree = [sp.expand(a - b) == 0 for a, b in zip(found, wanted, strict=True)]
        return holds(all(agree), f"{sum(agree)} of 3 coefficients agree")

    yield by.prover("Z3, of the package's factors, squared and averaged", proved)
    yield by.algebra("coefficients of the average over samples", averaged)
    yield sheet({"expanded": "1 − 2ηh + η²(h² + ρ)"}.get(form, "(1 − ηh)² + η²ρ"), lambda: True)


@claim(
    "D2.4.recursion",
    r"$\mathbb E\,w^2(3) = g(\eta)\,\mathbb E\,w^2(2)$, averaged over every sequence of draws",
    for_all=r"$h_1$, $h_2$ and $\eta$",
)
def recursion_of_the_square():
    h, eta = curvature_symbols(2), sp.Symbol("eta", real=True)

    def proved():
        before, after = (average([w**2 for w in every_run(h, eta, t)]) for t in (2, 3))
        statement = same(after, sgd.square_factor(h, eta) * before)
        return prove(statement, altered=[same(after, sgd.mean_factor(h, eta) ** 2 * before)])

    def in_fractions(t=5):
        """Four curvatures, five steps: 1024 products of squares."""
        squares = [average([w**2 for w in every_run(H, ETA, s)]) for s in (t - 1, t)]
        factor = (1 - ETA * average(H)) ** 2 + ETA**2 * moments_of(H)[1]
        return holds(squares[1] == factor * squares[0], "for H, both sides are", squares[1])

    yield by.prover("Z3, of the package's steps", proved)
    yield by.enumeration("every sequence of draws from H, in fractions", in_fractions)
    yield sheet("(1 − 2ηh + η²(h² + ρ)) E[w²(t−1)]", lambda: True)


# -- D2.5: closed form and fastest step ----------------------------------------------------------


@claim("D2.5.closed-form", r"$\mathbb E\,w^2(6)$ for $H$ and $\eta=4/5$", answer=True)
def closed_form(h=H, eta=ETA, t=6):
    def formula():
        mean, variance, _ = moments_of(h)
        return ((1 - eta * mean) ** 2 + eta**2 * variance) ** t

    yield by.recursion("recursion", lambda: sgd.moment_recursion(h, eta, 2, t)[-1])
    yield by.enumeration(
        "draw counts", lambda: sum(p * w**2 for w, p in sgd.exact_law(h, eta, t).items())
    )
    yield by.closed_form("a power of the package's factor", lambda: sgd.square_factor(h, eta) ** t)
    yield sheet("((1 − ηh)² + η²ρ)^t E[w²(0)]", formula)
    yield slip("this is the square of the mean", lambda: (1 - eta * average(h)) ** (2 * t))
    yield slip(
        "η is not squared before ρ",
        lambda: ((1 - eta * average(h)) ** 2 + eta * moments_of(h)[1]) ** t,
    )


@claim("D2.5.slope", r"$g'(\eta) = -2h + 2\eta(h^2+\rho)$", for_all=r"$h_1$, $h_2$, $h_3$, $\eta$")
def slope():
    h, eta = curvature_symbols(3), sp.Symbol("eta", real=True)

    def proved():
        mean, variance = sgd.mean_and_variance(h)
        found = sp.diff(sgd.square_factor(h, eta), eta)
        formula = -2 * mean + 2 * eta * (mean**2 + variance)
        return prove(same(found, formula), altered=[same(found, formula + 2 * mean)])

    def by_chain_rule():
        """Sample by sample, −2hₙ(1 − ηhₙ)."""
        mean, variance, _ = moments_of(h)
        found = average([-2 * x * (1 - eta * x) for x in h])
        off = sp.expand(found + 2 * mean - 2 * eta * (mean**2 + variance))
        return holds(off == 0, "the difference expands to", off)

    yield by.prover("SymPy's derivative of the package's factor, then Z3", proved)
    yield by.algebra("the chain rule for each sample", by_chain_rule)
    yield sheet("−2h + 2η(h² + ρ)", lambda: True)


@claim("D2.5.curvature", r"$g''(\eta) = 2(h^2+\rho)$", for_all=r"$h_1$, $h_2$, $h_3$ and $\eta$")
def curvature():
    h, (eta, s) = curvature_symbols(3), sp.symbols("eta s", real=True)

    def proved():
        mean, variance = sgd.mean_and_variance(h)
        found = sp.diff(sgd.square_factor(h, eta), eta, 2)
        return prove(
            same(found, 2 * (mean**2 + variance)), altered=[same(found, mean**2 + variance)]
        )

    def second_difference():
        """Exact for a parabola, whatever the step s."""
        at = [average([(1 - e * x) ** 2 for x in h]) for e in (eta + s, eta, eta - s)]
        found = sp.cancel((at[0] - 2 * at[1] + at[2]) / s**2)
        return holds(
            sp.expand(found - 2 * moments_of(h)[2]) == 0, "the second difference is", found
        )

    yield by.prover("SymPy's derivative of the package's factor, then Z3", proved)
    yield by.differences("the second difference of a parabola", second_difference)
    yield sheet("2(h² + ρ)", lambda: True)


@claim("D2.5.best", r"the best $\eta$ for $\mathbb E\,w^2$, for $h_n \in \{1, 3\}$", answer=True)
def best_step(h=PAIR):
    def search():
        grid = [Q(k, 120) for k in range(1, 180)]
        return min(grid, key=lambda eta: plain_moment(h, eta, 2, 3))

    yield by.closed_form("h/(h² + ρ)", lambda: sgd.best_steps(h).mean_square)
    yield by.enumeration("search on a grid", search)
    yield sheet("η = h/(h² + ρ)", lambda: Q(sum(h), sum(x * x for x in h)))
    yield slip("this is the best step for the mean", lambda: Q(len(h), sum(h)))
    yield slip("this is the end of the range", lambda: sgd.mean_square_threshold(h))


@claim("D2.5.best-rate", r"$g$ at the best $\eta$, for $h_n \in \{1, 3\}$", answer=True)
def best_rate(h=PAIR):
    def formula():
        mean, variance = sgd.mean_and_variance(h)
        return variance / (mean**2 + variance)

    yield by.closed_form("ρ/(h² + ρ)", formula)
    yield by.enumeration(
        "one step of each sample",
        lambda: plain_moment(h, sgd.best_steps(h).mean_square, 2, 1),
    )
    yield slip("this is g at 1/h", lambda: sgd.square_factor(h, sgd.best_steps(h).mean))


@claim(
    "D2.5.best-general",
    r"$g(\eta) > \rho/(h^2+\rho)$ if and only if $\eta \ne h/(h^2+\rho)$",
    for_all=r"$h > 0$, $\rho \ge 0$ and $\eta$",
)
def best_step_of_all():
    (mean, rho, pair), eta = any_mean_and_variance(), sp.Symbol("eta", real=True)

    def proved():
        best = sgd.best_steps(pair).mean_square
        above = sgd.square_factor(pair, eta) > rho / (mean**2 + rho)
        return prove(
            sp.Equivalent(above, sp.Ne(eta, best, evaluate=False)),
            given=[mean > 0],
            altered=[sp.Equivalent(above, sp.Ne(eta, 2 * best, evaluate=False))],
        )

    def completed_square():
        """g(η) − ρ/(h² + ρ) = (h² + ρ)(η − h/(h² + ρ))²."""
        g = (1 - eta * mean) ** 2 + eta**2 * rho
        factored = sp.factor(g - rho / (mean**2 + rho))
        square = (mean**2 + rho) * (eta - mean / (mean**2 + rho)) ** 2
        return holds(sp.cancel(factored - square) == 0, "the difference is", factored)

    yield by.prover("Z3, of the package's factor and best step", proved)
    yield by.algebra("the square completed", completed_square)


@claim("D2.5.monte-carlo", r"$\mathbb E\,w^2(4)$ at the best $\eta$, for $h_n \in \{1, 3\}$")
def best_mean_square(eta=Q(2, 5), t=4, paths=10**6, seed=2):
    def sampled():
        sample = sgd.sample([1, 3], eta, t, paths, np.random.default_rng(seed))
        return Estimate(*sgd.sample_mean(sample, 2))

    yield by.enumeration("every sequence of draws", lambda: plain_moment(PAIR, eta, 2, t))
    yield by.sampling("a million paths", sampled)
    yield slip("this is the square of the mean", lambda: (1 - 2 * eta) ** (2 * t))


# -- D2.6: which step sizes converge in mean square ----------------------------------------------


@claim("D2.6.end", r"the end of the range in mean square, for $H$", answer=True)
def end_in_mean_square(h=H):
    def solved():
        x = sp.Symbol("x", real=True)
        g = sum((1 - x * sp.Rational(str(one))) ** 2 for one in h) / len(h)
        return max(sp.roots(sp.Poly(g - 1, x)))

    yield by.closed_form("2h/(h² + ρ)", lambda: sgd.mean_square_threshold(h))
    yield by.algebra("the larger zero of g − 1", solved)
    yield sheet("0 < η < 2h/(h² + ρ)", lambda: 2 * average(h) / moments_of(h)[2])
    yield slip("this is the end for the mean, 2/h", lambda: 2 / average(h))
    yield slip("this is the best step, h/(h² + ρ)", lambda: average(h) / moments_of(h)[2])


@claim(
    "D2.6.range",
    r"$g(\eta) < 1$ if and only if $0 < \eta < 2h/(h^2 + \rho)$",
    for_all=r"$h > 0$, $\rho \ge 0$ and $\eta$",
)
def mean_square_range():
    def proved():
        (mean, _, pair), eta = any_mean_and_variance(), sp.Symbol("eta", real=True)
        inside = (eta > 0) & (eta < sgd.mean_square_threshold(pair))
        wide = (eta > 0) & (eta < sgd.mean_threshold(pair))
        shrinks = sgd.square_factor(pair, eta) < 1
        return prove(
            sp.Equivalent(shrinks, inside),
            given=[mean > 0],
            altered=[sp.Equivalent(shrinks, wide)],
        )

    def by_signs():
        """g − 1 = η(η(h² + ρ) − 2h): the zeros of its two factors, in h > 0 and ρ > 0."""
        mean, rho, eta = sp.symbols("h rho eta", positive=True)
        excess = sp.expand((1 - eta * mean) ** 2 + eta**2 * rho - 1)
        zeros = sp.roots(sp.Poly(excess, eta))
        opens_up = sp.Poly(excess, eta).LC()
        right = set(zeros) == {0, 2 * mean / (mean**2 + rho)} and opens_up.is_positive
        return holds(right, "zeros", *zeros)

    yield by.prover("Z3, of the package's factor and threshold", proved)
    yield by.algebra("zeros of the parabola, which opens upwards", by_signs)
    yield sheet("0 < η < 2h/(h² + ρ)", lambda: True)


@claim("D2.6.boundary", r"$\mathbb E\,w^2(7)$ at both ends, for $h_n \in \{1, 3\}$, $w(0)=1$")
def boundary(h=PAIR):
    def from_counts():
        laws = [sgd.exact_law(h, eta, 7) for eta in (0, sgd.mean_square_threshold(h))]
        return [sum(p * w**2 for w, p in law.items()) for law in laws]

    yield by.enumeration("draw counts", from_counts)
    yield by.hand("it keeps its value", lambda: [1, 1])


@claim("D2.6.lowest", r"the smallest value of $g$ for $h=2$ and $\rho=0,1,4$")
def lowest(sets=((2, 2), (1, 3), (0, 4))):
    def search():
        grid = [Q(k, 120) for k in range(1, 180)]
        return [min(sgd.square_factor(h, eta) for eta in grid) for h in sets]

    def vertex():
        moments = [moments_of([Q(x) for x in h]) for h in sets]
        return [variance / (mean**2 + variance) for mean, variance, _ in moments]

    yield by.closed_form("at the vertex, ρ/(h² + ρ)", vertex)
    yield by.enumeration("search on a grid", search)


@claim("D2.6.nonnegative", r"$g(\eta) \ge 0$", for_all=r"$h$, $\rho \ge 0$ and $\eta$")
def nonnegative():
    (_, _, pair), eta = any_mean_and_variance(), sp.Symbol("eta", real=True)

    def proved():
        g = sp.expand(sgd.square_factor(pair, eta))
        return prove(g >= 0, altered=[g > 0])

    def least_value():
        """The least value over η is ρ/(h² + ρ), at the vertex of the parabola."""
        h = curvature_symbols(3)
        mean, variance, squares = moments_of(h)
        g = average([(1 - eta * x) ** 2 for x in h])
        least = sp.cancel(g.subs(eta, mean / squares))
        return holds(sp.cancel(least - variance / squares) == 0, "the least value is", least)

    yield by.prover("Z3", proved)
    yield by.algebra("the value at the vertex", least_value)


@claim(
    "D2.6.sign",
    r"$g(\eta) = 0$ if and only if $\rho = 0$ and $\eta h = 1$",
    for_all=r"$h$, $\rho \ge 0$ and $\eta$",
)
def sign():
    (mean, rho, pair), eta = any_mean_and_variance(), sp.Symbol("eta", real=True)

    def proved():
        zero, at_best = same(sgd.square_factor(pair, eta), 0), same(eta * mean, 1)
        return prove(
            sp.Equivalent(zero, at_best & same(rho, 0)), altered=[sp.Equivalent(zero, at_best)]
        )

    def in_fractions():
        """All triples of curvatures 1, 2, 3 and η = 1/3, 1/2, 1."""
        found = [
            (h, eta)
            for h in product((1, 2, 3), repeat=3)
            for eta in (Q(1, 3), Q(1, 2), Q(1))
            if sum((1 - eta * x) ** 2 for x in h) == 0
        ]
        right = all(eta * x == 1 for h, eta in found for x in h)
        return holds(right and len(found) == 3, f"{len(found)} of 81 cases are 0")

    yield by.prover("Z3", proved)
    yield by.enumeration("small triples, in fractions", in_fractions)
    yield sheet(
        "a sum of squares … is always positive",
        lambda: False,
        erratum="a sum of squares can be 0, here for ρ = 0 and η = 1/h; |g| = g all the same",
    )


@claim(
    "D2.6.inequality",
    r"which of $\eta=-1,-\frac13,0,\frac13,\frac45,1$ satisfy $g<1$ (1 = yes), for $h_n\in\{1,3\}$",
)
def inequality(h=PAIR, steps=(Q(-1), Q(-1, 3), Q(0), Q(1, 3), Q(4, 5), Q(1))):
    mean, _, squares = moments_of([Q(x) for x in h])
    yield by.enumeration(
        "the average over samples",
        lambda: [int(sum((1 - s * x) ** 2 for x in h) / len(h) < 1) for s in steps],
    )
    yield by.closed_form(
        "before the division", lambda: [int(s**2 * squares - 2 * s * mean < 0) for s in steps]
    )
    yield sheet(
        "η(h² + ρ) − 2h < 0",
        lambda: [int(s * squares - 2 * mean < 0) for s in steps],
        erratum="the line before the division by η is already divided; it should read "
        "η²(h² + ρ) − 2ηh < 0",
    )


@claim(
    "D2.6.division",
    r"$g(\eta) < 1$ if and only if $\eta(h^2+\rho) - 2h < 0$",
    for_all=r"$h$, $\rho \ge 0$ and $\eta > 0$",
)
def division():
    (mean, rho, pair), eta = any_mean_and_variance(), sp.Symbol("eta", real=True)

    def proved():
        divided = eta * (mean**2 + rho) - 2 * mean < 0
        return prove(sp.Equivalent(sgd.square_factor(pair, eta) < 1, divided), given=[eta > 0])

    def factored():
        h = curvature_symbols(3)
        mean, _, squares = moments_of(h)
        excess = average([(1 - eta * x) ** 2 for x in h]) - 1
        quotient = sp.cancel(excess / eta)
        return holds(
            sp.expand(quotient - eta * squares + 2 * mean) == 0, "the other factor is", quotient
        )

    yield by.prover("Z3", proved)
    yield by.algebra("η divided out", factored)


# -- D2.7: the expected loss ---------------------------------------------------------------------


def plain_loss(w, h):
    """Return f(w), the average of the samples' losses."""
    return sum(Q(1, 2) * x * w**2 for x in h) / len(h)


@claim("D2.7.constant", r"$f(w) = \frac h2w^2$", for_all=r"$h_1$, $h_2$, $h_3$ and $w$")
def constant():
    h, w = curvature_symbols(3), sp.Symbol("w", real=True)

    def proved():
        mean = sgd.mean_and_variance(h).mean
        loss = sum(sp.Rational(1, 2) * x * w**2 for x in h) / 3
        return prove(same(loss, mean / 2 * w**2), altered=[same(loss, mean * w**2)])

    def at_points():
        """For H, f(w)/w² at three points."""
        shares = [plain_loss(w, H) / w**2 for w in (1, -2, Q(3, 7))]
        return holds(set(shares) == {average(H) / 2}, "for H the constant is", *set(shares))

    yield by.prover("Z3", proved)
    yield by.enumeration("three points, sample by sample", at_points)
    yield sheet("f(w) ∝ w²", lambda: True)


@claim("D2.7.loss", r"$\mathbb E\,f(w(5))$ for $H$ and $\eta=4/5$", answer=True)
def expected_loss(h=H, eta=ETA, t=5):
    yield by.closed_form("(h/2)·g^t", lambda: average(h) / 2 * sgd.square_factor(h, eta) ** t)
    yield by.enumeration(
        "the loss after every sequence of draws",
        lambda: average([plain_loss(w, h) for w in every_run(h, eta, t)]),
    )
    yield slip("this is E w², without the constant h/2", lambda: plain_moment(h, eta, 2, t))
    yield slip("this is the loss of the mean", lambda: plain_loss(plain_moment(h, eta, 1, t), h))


@claim(
    "D2.7.range",
    r"one step lowers the expected loss if and only if $0 < \eta < 2h/(h^2+\rho)$",
    for_all=r"$h_1$, $h_2$, $h_3$ with a positive mean, $\eta$ and $w(0)\ne0$",
)
def range_of_the_loss():
    h, (eta, w) = curvature_symbols(3), sp.symbols("eta w", real=True)

    def proved():
        def loss(w):
            return sum(sp.Rational(1, 2) * x * w**2 for x in h) / 3

        after = average([loss(sgd.run(h, eta, [n], w)[-1]) for n in range(3)])
        inside = (eta > 0) & (eta < sgd.mean_square_threshold(h))
        return prove(
            sp.Equivalent(after < loss(w), inside),
            given=[sum(h) > 0, sp.Ne(w, 0)],
        )

    def near_the_end(t=9):
        """E f(w(9)) − f(w(0)) for 1 and 3, below, at and above 4/5: its sign."""
        signs = []
        for eta in (Q(79, 100), Q(4, 5), Q(81, 100)):
            laws = sgd.exact_law(PAIR, eta, t).items()
            change = sum(p * plain_loss(w, PAIR) for w, p in laws) - plain_loss(1, PAIR)
            signs.append((change > 0) - (change < 0))
        return holds(signs == [-1, 0, 1], "signs of the change around 4/5:", *signs)

    yield by.prover("Z3, of the package's step and threshold", proved)
    yield by.enumeration("draw counts around the end, in fractions", near_the_end)
    yield sheet("0 < η < 2h/(h² + ρ)", lambda: True)
