"""Claims of D2.1 to D2.3: the mean of w(t), its law, and where the mean converges."""

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
    plain_moment,
    same,
)
from byhand.evidence import Estimate, by, case, claim, holds, prove, sheet, slip

# -- D2.1: a recursion for the mean --------------------------------------------------------------


@claim("D2.1.factor", r"$\mathbb E\,w(5)\,/\,\mathbb E\,w(4)$ for $H$ and $\eta=4/5$", answer=True)
def factor_of_the_mean(h=H, eta=ETA):
    yield by.closed_form("the package's factor", lambda: sgd.mean_factor(h, eta))
    yield by.enumeration(
        "every sequence of draws", lambda: plain_moment(h, eta, 1, 5) / plain_moment(h, eta, 1, 4)
    )
    yield sheet("E[w(t−1)] − ηh E[w(t−1)]", lambda: 1 - eta * average(h))
    yield slip("the curvatures are added up, not averaged", lambda: 1 - eta * sum(h))
    yield slip("η is missing", lambda: 1 - average(h))


@claim(
    "D2.1.recursion",
    r"$\mathbb E\,w(3) = (1-\eta h)\,\mathbb E\,w(2)$, averaged over every sequence of draws",
    for_all=r"$h_1$, $h_2$, $h_3$ and $\eta$",
)
def recursion_of_the_mean():
    h, eta = curvature_symbols(3), sp.Symbol("eta", real=True)

    def proved():
        before, after = (average(every_run(h, eta, t)) for t in (2, 3))
        statement = same(after, sgd.mean_factor(h, eta) * before)
        return prove(statement, altered=[same(after, before)])

    def grouped_by_the_last_draw():
        """Each run of two steps goes on in three ways: (1 − ηh₁) + (1 − ηh₂) + (1 − ηh₃)."""
        x = sp.symbols("x1:4")
        steps = [1 - eta * one for one in x]
        before = sum(a * b for a, b in product(steps, repeat=2)) / 9
        after = sum(a * b * c for a, b, c in product(steps, repeat=3)) / 27
        quotient = sp.cancel(after / before)
        return holds(sp.expand(quotient - 1 + eta * sum(x) / 3) == 0, "the quotient is", quotient)

    yield by.prover("Z3, of the package's steps", proved)
    yield by.algebra("the quotient of two averages", grouped_by_the_last_draw)
    yield sheet("E[w(t−1)] − ηh E[w(t−1)]", lambda: True)


# -- D2.2: closed form, law and fastest step -----------------------------------------------------


@claim("D2.2.closed-form", r"$\mathbb E\,w(6)$ for $H$ and $\eta=4/5$", answer=True)
def closed_form(h=H, eta=ETA, t=6):
    yield by.recursion("recursion", lambda: sgd.moment_recursion(h, eta, 1, t)[-1])
    yield by.enumeration(
        "draw counts", lambda: sum(p * w for w, p in sgd.exact_law(h, eta, t).items())
    )
    yield by.closed_form("closed form", lambda: (1 - eta * sum(h) / len(h)) ** t)
    yield sheet("(1 − ηh)^t E[w(0)]", lambda: (1 - eta * sum(h) / len(h)) ** t)
    yield slip("η is missing from the factor", lambda: (1 - sum(h) / len(h)) ** t)
    yield slip("this is after one step too few", lambda: (1 - eta * sum(h) / len(h)) ** (t - 1))


@claim(
    "D2.2.general",
    r"$\mathbb E\,w(3) = (1-\eta h)^3$ for $w(0)=1$",
    for_all=r"$h_1$, $h_2$, $h_3$ and $\eta$",
)
def closed_form_for_all(t=3):
    h, eta = curvature_symbols(3), sp.Symbol("eta", real=True)

    def proved():
        power = sgd.mean_factor(h, eta) ** t
        mean = sgd.moment_recursion(h, eta, 1, t)[-1]
        return prove(same(mean, power), altered=[same(mean, sgd.mean_factor(h, eta) ** (t - 1))])

    def every_draw():
        """All 27 products of three factors, added up and factored."""
        found = sp.factor(plain_moment(h, eta, 1, t))
        return holds(sp.expand(found - (1 - eta * sum(h) / 3) ** t) == 0, "factored:", found)

    yield by.prover("Z3, of the package's recursion", proved)
    yield by.enumeration("every sequence of draws, with symbols", every_draw)


@claim("D2.2.law", "the values of $w(4)$ and their probabilities, for $H$ and $\\eta=4/5$")
def law(h=H, eta=ETA, t=4):
    def from_every_run():
        runs = every_run(h, eta, t)
        values = sorted(set(runs))
        return [values, [Q(runs.count(w), len(runs)) for w in values]]

    def from_counts():
        found = sgd.exact_law(h, eta, t)
        return [sorted(found), [found[w] for w in sorted(found)]]

    yield by.closed_form("multinomial draw counts", from_counts)
    yield by.enumeration("every sequence of draws", from_every_run)


@claim("D2.2.monte-carlo", r"$\mathbb E\,w(5)$ for $h_n \in \{1, 3\}$, $\eta=9/10$")
def sampled_mean(h=PAIR, eta=Q(9, 10), t=5, paths=10**6, seed=1):
    def million_paths():
        w = sgd.sample(h, float(eta), t, paths, np.random.default_rng(seed))
        return Estimate(*sgd.sample_mean(w, 1))

    yield by.enumeration("every sequence of draws", lambda: plain_moment(h, eta, 1, t))
    yield by.sampling("a million paths", million_paths)


@claim("D2.2.best", r"the best $\eta$ for $\mathbb E\,w$, for $h_n \in \{1, 3\}$", answer=True)
def best_step(h=PAIR):
    def search():
        """The smallest modulus of E w(5) on a grid."""
        grid = [Q(k, 120) for k in range(1, 180)]
        return min(grid, key=lambda eta: abs(plain_moment(h, eta, 1, 5)))

    yield by.closed_form("1/h", lambda: sgd.best_steps(h).mean)
    yield by.enumeration("search on a grid", search)
    yield sheet("η = 1/h", lambda: Q(len(h), sum(h)))
    yield slip("this is the end of the range, 2/h", lambda: Q(2 * len(h), sum(h)))
    yield slip("this is the best step in mean square", lambda: sgd.best_steps(h).mean_square)


@claim(
    "D2.2.best-general",
    r"$1 - \eta h = 0$ if and only if $\eta = 1/h$",
    for_all=r"$h > 0$ and $\eta$",
)
def best_step_of_all():
    (mean, _, pair), eta = any_mean_and_variance(), sp.Symbol("eta", real=True)

    def proved():
        zero = same(sgd.mean_factor(pair, eta), 0)
        best, end = sgd.best_steps(pair).mean, sgd.mean_threshold(pair)
        return prove(
            sp.Equivalent(zero, same(eta, best)),
            given=[mean > 0],
            altered=[sp.Equivalent(zero, same(eta, end))],
        )

    def solved():
        zeros = sp.solve(1 - eta * mean, eta)
        return holds(zeros == [1 / mean], "the one zero is", *zeros)

    yield by.prover("Z3", proved)
    yield by.algebra("the zero of a linear function", solved)


@claim("D2.2.only-the-mean", r"at $\eta=1/h$: $\mathbb E\,w(1)$, and the sizes of $w(1)$")
def only_the_mean(h=PAIR):
    def every_draw():
        runs = every_run(h, sgd.best_steps(h).mean, 1)
        return [average(runs), *{abs(w) for w in runs}]

    yield by.enumeration("each of the two draws", every_draw)
    yield by.hand("0 and one half", lambda: [0, Q(1, 2)])


# -- D2.3: which step sizes converge in the mean -------------------------------------------------


@claim("D2.3.end", r"the end of the range in the mean, for $H$", answer=True)
def end_in_the_mean(h=H):
    def solved():
        x = sp.Symbol("x", real=True)
        mean = sp.Rational(str(average(h)))
        return sp.solve_univariate_inequality(abs(1 - mean * x) < 1, x, relational=False).sup

    yield by.closed_form("2/h", lambda: sgd.mean_threshold(h))
    yield by.algebra("a solver of inequalities", solved)
    yield sheet("0 < η < 2/h", lambda: 2 / average(h))
    yield slip("this is the best step, 1/h", lambda: 1 / average(h))
    yield slip("2/h for the largest curvature, not for their mean", lambda: 2 / max(h))


@claim(
    "D2.3.range",
    r"$|1-\eta h| < 1$ if and only if $0 < \eta < 2/h$",
    for_all=r"$h > 0$ and $\eta$",
)
def range_in_the_mean():
    (mean, _, pair), eta = any_mean_and_variance(), sp.Symbol("eta", real=True)

    def proved():
        inside = (eta > 0) & (eta < sgd.mean_threshold(pair))
        shrinks = sp.Abs(sgd.mean_factor(pair, eta)) < 1
        return prove(sp.Equivalent(shrinks, inside), given=[mean > 0])

    def by_an_inequality_solver():
        """The two ends of |1 − z| < 1 in z = ηh."""
        z = sp.Symbol("z", real=True)
        found = sp.solve_univariate_inequality(abs(1 - z) < 1, z, relational=False)
        return holds(found == sp.Interval.open(0, 2), "z from", found.inf, "to", found.sup)

    yield by.prover("Z3", proved)
    yield by.algebra("a solver of inequalities", by_an_inequality_solver)
    yield sheet("0 < η < 2/h", lambda: True)


@claim(
    "D2.3.*",
    r"$\mathbb E\,w(0),\dots,\mathbb E\,w(6)$ for $h_n \in \{1, 3\}$",
    cases=[
        case("zero", r"$\eta=0$", eta=Q(0), stays=1),
        case("two", r"$\eta=2/h$", eta=Q(1), stays=-1),
    ],
)
def means_at_the_ends(h=PAIR, eta=Q(1), stays=-1):
    def from_counts():
        laws = [sgd.exact_law(h, eta, t) for t in range(7)]
        return [sum(p * w for w, p in law.items()) for law in laws]

    yield by.enumeration("draw counts", from_counts)
    yield by.hand("the same for ever, or alternating", lambda: [stays**t for t in range(7)])


@claim("D2.3.demand", r"$\mathbb E\,w(1000)$ is bounded and not 0, for $h_n\in\{1,3\}$")
def demand(h=PAIR, steps=(Q(0), Q(1))):
    def moments():
        sizes = [abs(sgd.moment_recursion(h, eta, 1, 1000)[-1]) for eta in steps]
        return holds(set(sizes) == {1}, "its sizes at the two ends are", *sizes)

    def powers():
        sizes = [abs((1 - eta * Q(sum(h), len(h))) ** 1000) for eta in steps]
        return holds(set(sizes) == {1}, "the sizes of the two powers are", *sizes)

    yield by.recursion("a thousand steps of the recursion", moments)
    yield by.closed_form("powers of the factor", powers)
    yield sheet(
        "lim |(1 − ηh)^t E[w(0)]| < ∞",
        lambda: False,
        erratum="η = 0 and η = 2/h meet the printed demand as well; convergence needs the limit 0",
    )


@claim(
    "D2.3.centered-start",
    r"$\mathbb E\,w(4)$ for $w(0)=\pm1$ by a fair coin, at $\eta=5$ and $\frac12$",
)
def centered_start(h=PAIR, steps=(5, Q(1, 2))):
    def both_starts(eta):
        laws = [sgd.exact_law(h, eta, 4, start) for start in (1, -1)]
        return sum(p * w for law in laws for w, p in law.items()) / 2

    yield by.recursion(
        "recursion from 0", lambda: [sgd.moment_recursion(h, eta, 1, 4, 0)[-1] for eta in steps]
    )
    yield by.enumeration("draw counts of both starts", lambda: [both_starts(eta) for eta in steps])
