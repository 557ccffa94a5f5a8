"""Claims of chapter 1, Linear algebra."""

from fractions import Fraction as Q
from itertools import combinations, product

import numpy as np
import sympy as sp

from byhand import linear_algebra as la
from byhand.evidence import by, claim, exhaust, holds, prove, slip

# -- beyond the sheets: the step of a central difference -----------------------------------------


@claim(
    "beyond-1.least-bound",
    r"$E(h) \ge \frac12 M h^{*2}$, where $h^{*3} = 3\delta/M$",
    for_all=r"$h, h^*, M > 0$",
)
def least_bound():
    h, best, M = sp.symbols("h h* M", real=True)
    delta = best**3 * M / 3

    def factored():
        """The difference is M (h − h*)² (h + 2h*)/(6h), in which nothing is negative."""
        gap = sp.factor(h**2 * M / 6 + delta / h - best**2 * M / 2)
        rest = sp.cancel(gap / ((h - best) ** 2 * M / (6 * h)))
        return holds(sp.expand(rest - h - 2 * best) == 0, "the difference is", gap)

    def proved():
        bound = M * (h**2 / 6 + best**3 / (3 * h))
        return prove(
            sp.Ge(bound, best**2 * M / 2),
            given=[h > 0, best > 0, M > 0],
            altered=[sp.Ge(bound, best**2 * M * Q(11, 20))],
        )

    yield by.prover("Z3", proved)
    yield by.algebra("the difference factored", factored)


# -- B1.1: the Jacobian of a gradient ------------------------------------------------------------

DEGREE = 4


@claim(
    "B1.1.symmetric",
    "$J = J^T$",
    for_all=rf"polynomials $\psi(u, v, z)$ of degree {DEGREE}",
)
def symmetric():
    point = np.array(sp.symbols("u v z", real=True))

    def jacobian_of_gradient(turn=0):
        """By SymPy, of the gradient of the general polynomial; ``turn`` makes it none."""

        def psi(x):
            monomials = sorted(sp.itermonomials(list(x), DEGREE), key=str)
            return sum(sp.Symbol(f"c{k}", real=True) * m for k, m in enumerate(monomials))

        def gradient(x):
            slopes = la.symbolic_jacobian(psi, x)
            return slopes + turn * np.array([x[1], 0, 0])

        return la.symbolic_jacobian(gradient, point)

    def equal_to_its_transpose(J):
        return sp.And(
            *(sp.Eq(J[i, j], J[j, i], evaluate=False) for i, j in ((0, 1), (0, 2), (1, 2)))
        )

    def proved():
        return prove(
            equal_to_its_transpose(jacobian_of_gradient()),
            altered=[equal_to_its_transpose(jacobian_of_gradient(turn=1))],
        )

    def derivative(term, i):
        factor, powers = term
        lowered = tuple(max(p - (k == i), 0) for k, p in enumerate(powers))
        return factor * powers[i], lowered

    def of_monomials():
        """A derivative of uᵃvᵇzᶜ is a factor and another monomial; sums follow by linearity."""

        def commute(case, order=(0, 1)):
            (i, j), e = case
            one = derivative(derivative((1, e), i), j)
            other = derivative(derivative((1, e), j), (j, i)[order[1]])
            return one == other or one[0] == other[0] == 0

        exponents = [e for e in product(range(DEGREE + 1), repeat=3) if sum(e) <= DEGREE]
        cases = list(product(combinations(range(3), 2), exponents))
        return exhaust(commute, cases, altered=lambda case: commute(case, (0, 0)))

    yield by.prover("Z3, of the general polynomial", proved)
    yield by.enumeration("every monomial, by its exponents", of_monomials)


# -- B1.3: how fast a chain forgets --------------------------------------------------------------

P = np.array([[6, 4, 0], [0, 5, 5], [7, 0, 3]]) / 10
"""The chapter's chain."""


def in_fractions(P):
    return [[Q(p).limit_denominator(1000) for p in row] for row in P.tolist()]


@claim("B1.3.delta", r"$\delta(P)$", answer=True)
def delta(P=P):
    def over_signs():
        """‖d‖₁ is the largest sᵀd over signs s, so δ is half the largest max − min of Ps."""
        spreads = []
        for signs in product((1, -1), repeat=len(P)):
            image = [sum(p * s for p, s in zip(row, signs, strict=True)) for row in in_fractions(P)]
            spreads.append(max(image) - min(image))
        return max(spreads) / 2

    def least_overlap():
        return min(sum(map(min, a, b)) for a, b in combinations(in_fractions(P), 2))

    yield by.enumeration("all signs", over_signs)
    yield by.closed_form("half the largest distance of rows", lambda: la.contraction_coefficient(P))
    yield by.hand("one minus the least overlap of rows", lambda: 1 - least_overlap())
    yield slip("this is the least overlap, what two rows share", least_overlap)
    yield slip("the half before the sum of moduli is missing", lambda: 2 * (1 - least_overlap()))
