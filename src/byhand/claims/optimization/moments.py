"""Claims of A2 and B2.2.2: Adam's moments, for constant, drifting and random gradients."""

from __future__ import annotations

from fractions import Fraction as Q
from itertools import pairwise, product

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.evidence import by, case, claim, holds, once, prove, sheet, slip

RHO, G = sp.symbols("rho g", real=True)


def states(gradients, beta1=Q(9, 10), beta2=Q(99, 100)):
    """Return Adam's states over gradients of one parameter, exactly."""
    optimizer = opt.adam(Q(1, 10), beta1, beta2, 1)
    return opt.replay(optimizer, [np.array([g]) for g in gradients], opt.exact([0])).states


def weights(beta, t):
    """Return the weights of g₁ … g_t in the average."""
    return [(1 - beta) * beta ** (t - i) for i in range(1, t + 1)]


# -- A2: a constant gradient ---------------------------------------------------------------------


@claim(
    "A2.step",
    r"from $(1 - \rho_1^{t-1})\,\hat g$ one update leads to $(1 - \rho_1^t)\,\hat g$",
    for_all=r"$\rho_1$, $\hat g$ and the power $p = \rho_1^{t-1}$",
)
def induction_step():
    def proved():
        """The package's update, from a state that holds the hypothesis."""
        p, v = sp.symbols("p v", real=True)
        zero, m = np.array([sp.S.Zero]), np.array([(1 - p) * G])
        state = opt.AdamState(1, m, np.array([v]), m, m, (m, np.array([v])))
        updated = opt.adam(Q(1, 10), RHO, Q(1, 2), 1).update(np.array([G]), state, zero)[1].m[0]
        claimed, wrong = (1 - RHO * p) * G, (1 - RHO) * G
        return prove(
            sp.Eq(updated, claimed, evaluate=False), altered=[sp.Eq(updated, wrong, evaluate=False)]
        )

    def summed():
        """The geometric sum, for a power of any length."""
        t, k = sp.symbols("t k", integer=True, positive=True)
        rho = sp.Symbol("rho", positive=True)
        total = sp.summation(rho**k, (k, 0, t - 1)).args[-1][0]
        return holds(sp.simplify((1 - rho) * total - (1 - rho**t)) == 0, "the difference is 0")

    yield by.prover("Z3, of the package's Adam", proved)
    yield by.algebra("the geometric sum", summed)


@claim("A2.constant", r"$\hat s_t$ for $t = 1 … 12$ and $\hat g = \frac53$", answer="vector")
def constant(rho=Q(3, 7), g=Q(5, 3), steps=12):
    yield by.recursion(
        "the package's Adam, in fractions",
        lambda: [state.m_hat[0] for state in states([g] * steps, rho)[1:]],
    )
    yield by.closed_form(
        "weights that add up to their divisor",
        lambda: [sum(w * g for w in weights(rho, t)) / (1 - rho**t) for t in range(1, steps + 1)],
    )
    yield sheet("ŝ_t = ĝ", lambda: [g] * steps)
    yield slip(
        "that is s_t, without the correction",
        lambda: [(1 - rho**t) * g for t in range(1, steps + 1)],
    )


@claim("A2.s5", "$s_5$", answer="formula")
def fifth(t=5):
    yield by.recursion(
        "the package's Adam, of symbols", lambda: sp.expand(states([G] * t, RHO)[-1].m[0])
    )
    yield by.algebra("a geometric sum", lambda: sp.expand(sum(weights(RHO, t)) * G))
    yield slip("that is what is left of the start", lambda: RHO**t * G)


@claim("A2.recursion", r"$\hat s_2 … \hat s_5$ for the gradients 1, 4, −2, 3, 5")
def recursion(rho=Q(3, 7), gradients=(1, 4, -2, 3, 5)):
    def weighted(t):
        pairs = zip(weights(rho, t), gradients[:t], strict=True)
        return sum(w * g for w, g in pairs) / (1 - rho**t)

    def printed():
        """The sheet's recursion, from ŝ₁ on."""
        s = [Q(gradients[0])]
        for t, g in enumerate(gradients[1:], start=2):
            s.append((rho * (1 - rho ** (t - 1)) * s[-1] + (1 - rho) * g) / (1 - rho**t))
        return s[1:]

    yield by.recursion(
        "the package's Adam, in fractions",
        lambda: [state.m_hat[0] for state in states(map(Q, gradients), rho)[2:]],
    )
    yield by.closed_form("weighted means", lambda: [weighted(t) for t in range(2, 6)])
    yield sheet("ŝ_t = (ρ(1 − ρᵗ⁻¹)ŝ_{t−1} + (1 − ρ)ĝ)/(1 − ρᵗ)", printed)


@claim("A2.base", r"$\hat s_0 = s_0/(1-\rho_1^0)$ is undefined")
def base(rho=Q(3, 7)):
    def in_fractions():
        try:
            Q(0) / (1 - rho**0)
        except ZeroDivisionError as error:
            return holds(True, str(error).replace("Fraction", "").strip("()"))
        return holds(False, "a number")

    def in_symbols():
        value = sp.Integer(0) / (1 - RHO**0)
        return holds(value is sp.nan, "not a number")

    yield by.recursion("fractions", in_fractions)
    yield by.algebra("SymPy", in_symbols)
    yield sheet(
        "ŝ₁ = (ρ(1 − ρ⁰)ŝ₀ + …)/(1 − ρ)",
        lambda: False,
        erratum="The base case uses ŝ₀, which is 0/0; starting from s₁ avoids it.",
    )


@claim("A2.last-line", r"$s_1$ over $\hat g$, for $\rho_1 = 3/7$")
def last_line(rho=Q(3, 7), g=Q(-2)):
    yield by.recursion("the package's Adam", lambda: states([g], rho)[1].m[0] / g)
    yield by.closed_form("the weight of the newest gradient", lambda: 1 - rho)
    yield sheet(
        "s₁ = ĝ",
        lambda: Q(1),
        erratum="The last line drops the hats: ŝ₁ = ĝ and ŝ_t = ĝ are meant.",
    )


# -- B2.2.2: unbiased, in which sense ------------------------------------------------------------


@claim("B2.2.2.weights", "the sum of the weights after 25 steps", answer=True)
def total_weight(beta=Q(9, 10), t=25):
    yield by.recursion(
        "the package's Adam, of gradients 1", lambda: states([Q(1)] * t, beta)[-1].m[0]
    )
    yield by.enumeration("added up", lambda: sum(weights(beta, t)))
    yield by.closed_form("a geometric sum", lambda: 1 - beta**t)
    yield sheet(
        "Σ_{i=0}^t",
        lambda: sum((1 - beta) * beta ** (t - i) for i in range(t + 1)),
        erratum="The sum starts at i = 1: there is no g₀, and with it the weights exceed 1 − β₁ᵗ.",
    )


def written_out(t):
    """Return m_t as the sheet prints it."""
    g = sp.symbols("g1:4", real=True)
    first, second = (1 - RHO) * g[0], (1 - RHO) * g[1]
    return [
        first,
        RHO * first + second,
        RHO**2 * first + RHO * second + (1 - RHO) * g[2],
    ][t - 1]


@claim(
    "B2.2.2.m*",
    "the first moments written out",
    cases=[
        case("1", "$m_1$", t=1, sheet="(1 − β)g₁"),
        case("2", "$m_2$", t=2, sheet="β(1 − β)g₁ + (1 − β)g₂"),
        case("3", "$m_3$", t=3, sheet="β²(1 − β)g₁ + β(1 − β)g₂ + (1 − β)g₃"),
    ],
    answer="formula",
)
def first_moments(t=1):
    def unrolled():
        g = sp.symbols("g1:4", real=True)[:t]
        return sp.expand(sum(w * one for w, one in zip(weights(RHO, t), g, strict=True)))

    def package():
        return sp.expand(states(sp.symbols("g1:4", real=True)[:t], RHO)[-1].m[0])

    yield by.recursion("the package's Adam, of symbols", package)
    yield by.closed_form("the weights", unrolled)
    yield sheet(lambda: sp.expand(written_out(t)))


@once
def paths():
    """Return all paths of eight gradients 3/2 ± 1 that change with probability 1/10, and weights.

    Each gradient has mean 3/2 and second moment 13/4; neighbors are strongly dependent.
    """
    gradients = [tuple(Q(3, 2) + sign for sign in signs) for signs in product((-1, 1), repeat=8)]
    probabilities = []
    for path in gradients:
        changes = sum(a != b for a, b in pairwise(path))
        probabilities.append(Q(1, 2) * Q(1, 10) ** changes * Q(9, 10) ** (7 - changes))
    return gradients, probabilities


def mean_over_paths(moment):
    """Return the mean of a moment of the package's Adam over all paths."""
    gradients, probabilities = paths()
    columns = np.array(gradients).T
    optimizer = opt.adam(Q(1, 10), Q(9, 10), Q(99, 100), 1)
    state = opt.replay(optimizer, columns.astype(float), np.zeros(columns.shape[1])).states[-1]
    return np.array(probabilities).astype(float) @ getattr(state, moment)


@claim(
    "B2.2.2.m-unbiased", r"$\mathbb E[\hat m_8]$ with dependent gradients of mean 3/2", answer=True
)
def unbiased():
    yield by.enumeration("all 256 paths, by the package's Adam", lambda: mean_over_paths("m_hat"))
    yield by.closed_form("linearity", lambda: Q(3, 2))
    yield sheet("E[m̃] = E[g]", lambda: Q(3, 2))


@claim("B2.2.2.m-biased", r"$\mathbb E[m_8]$ without the correction", answer=True)
def biased(beta=Q(9, 10)):
    yield by.enumeration("all 256 paths, by the package's Adam", lambda: mean_over_paths("m"))
    yield by.closed_form("linearity", lambda: Q(3, 2) * sum(weights(beta, 8)))
    yield sheet("E[g](1 − β₁ᵗ)", lambda: Q(3, 2) * (1 - beta**8))


@claim("B2.2.2.v-unbiased", r"$\mathbb E[\hat v_8] = \mathbb E[g^2]$", answer=True)
def second_moment():
    yield by.enumeration("all 256 paths, by the package's Adam", lambda: mean_over_paths("v_hat"))
    yield by.closed_form("linearity", lambda: (Q(1, 2) ** 2 + Q(5, 2) ** 2) / 2)
    yield sheet("analogous for v_t", lambda: Q(13, 4))
    yield slip("that is the variance", lambda: Q(1))


@claim("B2.2.2.root", r"$\sqrt{\mathbb E[g^2]} - \mathbb E\sqrt{\hat v_2}$ for two draws of 1 or 2")
def root():
    def package():
        draws = np.array(list(product((1.0, 2.0), repeat=2)))
        v_hat = opt.replay(opt.adam(0.1, 0.9, 0.99), draws.T, np.zeros(4)).states[-1].v_hat
        return 2.5**0.5 - np.sqrt(v_hat).mean()

    def exactly():
        roots = [sp.sqrt(sp.Rational(99 * a**2 + 100 * b**2, 199)) for a in (1, 2) for b in (1, 2)]
        return float((sp.sqrt(sp.Rational(5, 2)) - sum(roots) / 4).evalf(30))

    yield by.enumeration("all four draws, by the package's Adam", package)
    yield by.algebra("in radicals", exactly)


@claim("B2.2.2.drift", r"the lag for $\delta = 1/8$ after 25 steps", answer=True)
def drift(beta=Q(9, 10), delta=Q(1, 8), t=25):
    def package():
        means = [Q(3, 2) + delta * i for i in range(1, t + 1)]
        return states(means, beta)[-1].m_hat[0] - means[-1]

    def by_age(correct=True):
        """δ times the mean age of the gradients in the average."""
        age = beta / (1 - beta) - (t * beta**t / (1 - beta**t) if correct else 0)
        return -delta * age

    yield by.recursion("the package's Adam, in fractions", package)
    yield by.closed_form("the mean age", by_age)
    yield slip("this is the lag in the long run", lambda: by_age(correct=False))
