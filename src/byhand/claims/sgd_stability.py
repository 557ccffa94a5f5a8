"""Claims of chapter 3, SGD stability."""

import math
from fractions import Fraction as Q
from itertools import product

import numpy as np
import sympy as sp

from byhand import sgd_stability as sgd
from byhand.evidence import Estimate, by, case, claim, holds, prove, sheet, slip

H = (Q(1, 2), Q(1), Q(3), Q(-1, 4))
"""The chapter's four curvatures, one of them negative."""


# -- D2.2: closed form and fastest step ----------------------------------------------------------


@claim("D2.2.closed-form", r"$\mathbb E\,w(6)$ for $H$ and $\eta=4/5$", answer=True)
def closed_form(h=H, eta=Q(4, 5), t=6):
    yield by.recursion("recursion", lambda: sgd.moment_recursion(h, eta, 1, t)[-1])
    yield by.enumeration(
        "draw counts", lambda: sum(p * w for w, p in sgd.exact_law(h, eta, t).items())
    )
    yield by.closed_form("closed form", lambda: (1 - eta * sum(h) / len(h)) ** t)
    yield sheet("(1 − ηh)^t E[w(0)]", lambda: (1 - eta * sum(h) / len(h)) ** t)
    yield slip("η is missing from the factor", lambda: (1 - sum(h) / len(h)) ** t)


# -- D2.5 and D2.6: in mean square ---------------------------------------------------------------


@claim("D2.5.monte-carlo", r"$\mathbb E\,w^2(4)$ at the best $\eta$, for $h_n \in \{1, 3\}$")
def best_mean_square(eta=Q(2, 5), t=4, paths=10**6, seed=2):
    def sampled():
        sample = sgd.sample([1, 3], eta, t, paths, np.random.default_rng(seed))
        return Estimate(*sgd.sample_mean(sample, 2))

    def every_draw():
        return sum(
            Q(math.prod((1 - eta * h) ** 2 for h in draws), 2**t)
            for draws in product([1, 3], repeat=t)
        )

    yield by.enumeration("every draw", every_draw)
    yield by.sampling("a million paths", sampled)
    yield slip("this is the square of the mean", lambda: (1 - 2 * eta) ** (2 * t))


@claim(
    "D2.6.range",
    r"$g(\eta) = 1 - 2\eta h + \eta^2(h^2 + \rho) < 1$ if and only if $0 < \eta < 2h/(h^2 + \rho)$",
    for_all=r"$h > 0$, $\rho \ge 0$ and $\eta$",
)
def mean_square_range():
    """Two curvatures h ± √ρ have the mean h and the variance ρ."""
    h, root, eta = sp.symbols("h sqrt_rho eta", real=True)
    rho = root**2

    def proved():
        g = ((1 - eta * (h - root)) ** 2 + (1 - eta * (h + root)) ** 2) / 2
        inside = (eta > 0) & (eta < 2 * h / (h**2 + rho))
        return prove(sp.Equivalent(g < 1, inside), given=[h > 0])

    def by_signs():
        """g − 1 = η(η(h² + ρ) − 2h) is negative where its two factors have opposite signs."""
        g = (1 - eta * h) ** 2 + eta**2 * rho
        factors = sp.factor_list(sp.expand(g - 1), eta)[1]
        zeros = sp.roots(sp.Poly(sp.expand(g - 1), eta))
        right = sp.simplify(max(zeros, key=sp.count_ops) - 2 * h / (h**2 + rho)) == 0
        return holds(right and len(factors) == 2, "zeros", *zeros)

    def in_fractions():
        """The package's factor and end at many pairs of curvatures, on both sides of the end."""
        pairs = [(Q(a), Q(b)) for a in range(-3, 6) for b in range(-3, 6) if a + b > 0]
        wrong = 0
        for pair in pairs:
            end = sgd.mean_square_threshold(pair)
            steps = [Q(0), end / 9, end * Q(999, 1000), end, end * Q(1001, 1000)]
            below = [sgd.square_factor(pair, step) < 1 for step in steps]
            wrong += below != [False, True, True, False, False]
        return holds(wrong == 0, f"{wrong} of {len(pairs)} pairs of curvatures differ")

    yield by.prover("Z3", proved)
    yield by.algebra("zeros of the parabola", by_signs)
    yield by.enumeration("the package's end, in fractions", in_fractions)
    yield sheet("0 < η < 2h/(h² + ρ)", lambda: True)


# -- D2.8: the growth rate of a single path ------------------------------------------------------

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
def growth_rate(eta=Q(6, 5), h=(1, 3)):
    def of_the_law(t=60):
        """E log|w(t)| = t q, over all draw counts."""
        law = sgd.log_law(h, eta, t)
        return float(np.exp(law.log_probability) @ law.log_abs) / t

    def by_plain_steps(t=400, paths=4000):
        """Paths that step with the definition, w ← w − η hₙ w; logarithms of their moduli."""
        rng = np.random.default_rng(7)
        curvatures = np.array(h, dtype=float)
        logs = np.zeros(paths)
        for _ in range(t):
            w = 1 - float(eta) * curvatures[rng.integers(len(h), size=paths)]
            logs += np.log(np.abs(w))
        return Estimate(logs.mean() / t, logs.std(ddof=1) / math.sqrt(paths) / t)

    yield by.closed_form("the formula", lambda: sgd.lyapunov_exponent(h, eta))
    yield by.algebra(
        "the logarithm of the product, to thirty digits",
        lambda: (
            float(sp.log(sp.Abs(sp.prod([1 - sp.Rational(eta) * x for x in h]))).evalf(30)) / len(h)
        ),
    )
    yield by.enumeration(
        "the exact law", of_the_law, rtol=1e-9, because="sixty rounded logarithms of factorials"
    )
    yield by.sampling("4000 paths, stepped one by one", by_plain_steps)
    yield sheet(lambda: complex(np.mean(np.log([complex(1 - eta * x) for x in h]))))
    yield slip("this is the logarithm of the mean factor", lambda: math.log(abs(1 - 2 * eta)))
