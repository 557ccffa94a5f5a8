"""Claims beyond the sheets: how fast methods converge that see gradients alone."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp
from scipy.optimize import linprog

from byhand import optimization as opt
from byhand.evidence import by, case, claim, holds, prove

METHODS = {
    "gradient": (opt.tune_gradient_descent, opt.heavy_ball_matrix),
    "nesterov": (opt.tune_nesterov, opt.nesterov_matrix),
    "heavy": (opt.tune_heavy_ball, opt.heavy_ball_matrix),
}


@claim(
    "beyond-2.factor-*",
    r"the error's factor per step for $\kappa = 100$",
    cases=[
        case("gradient", "gradient descent", method="gradient"),
        case("nesterov", "Nesterov", method="nesterov"),
        case("heavy", "heavy ball", method="heavy"),
    ],
)
def factors(method="gradient", kappa=100):
    def package():
        return METHODS[method][0](1.0, float(kappa)).factor

    def formula():
        root = sp.sqrt(kappa)
        return {
            "gradient": sp.Rational(kappa - 1, kappa + 1),
            "nesterov": 1 - 1 / root,
            "heavy": (root - 1) / (root + 1),
        }[method]

    def worst():
        tune, matrix = METHODS[method]
        rate, momentum, _ = tune(1.0, float(kappa))
        curvatures = np.geomspace(1, kappa, 400)
        return max(opt.spectral_radius(matrix(h, rate, momentum)) for h in curvatures)

    yield by.closed_form("the package's tuning", package)
    yield by.algebra("the formula, exactly", formula)
    yield by.recursion(
        "eigenvalues at 400 curvatures",
        worst,
        rtol=1e-7,
        because="at an end of the interval roots are double: eigenvalues have half the digits",
    )


@claim(
    "beyond-2.digit-*",
    r"steps for one more decimal digit, over $\kappa$ or $\sqrt\kappa$, as $\kappa \to \infty$",
    cases=[
        case("gradient", r"gradient descent, over $\kappa$", method="gradient"),
        case("nesterov", r"Nesterov, over $\sqrt\kappa$", method="nesterov"),
        case("heavy", r"heavy ball, over $\sqrt\kappa$", method="heavy"),
    ],
)
def steps_for_a_digit(method="gradient"):
    def limit():
        r = sp.Symbol("r", positive=True)  # √κ
        factor, scale = {
            "gradient": ((r**2 - 1) / (r**2 + 1), r**2),
            "nesterov": (1 - 1 / r, r),
            "heavy": ((r - 1) / (r + 1), r),
        }[method]
        return float(sp.limit(-sp.log(10) / sp.log(factor) / scale, r, sp.oo))

    def package(kappa=1e8):
        factor = METHODS[method][0](1.0, kappa).factor
        return -np.log(10) / np.log(factor) / (kappa if method == "gradient" else kappa**0.5)

    yield by.algebra("the limit of the formula", limit)
    yield by.closed_form(
        "the package's tuning at a condition number of a hundred millions",
        package,
        rtol=1e-4,
        because="the next term is about one over twice the root",
    )


SMALL, LARGE, H = sp.symbols("m M h", real=True)
ROOTS = [SMALL > 0, LARGE > SMALL]
INSIDE = [H >= SMALL**2, H <= LARGE**2]
"""Curvatures h between μ = m² and L = M²."""


@claim(
    "beyond-2.polyak",
    r"with Polyak's constants both roots have modulus $\sqrt\beta$ exactly for $\mu \le h \le L$",
    for_all=r"$0 < \mu < L$ and $h$",
)
def polyak():
    def proved():
        """Of the package's matrix: its roots are complex, or double, where trace² ≤ 4 det."""
        rate, momentum = sp.symbols("eta beta", real=True)
        matrix = opt.heavy_ball_matrix(H, rate, momentum)
        known = [
            sp.Eq(rate * (LARGE + SMALL) ** 2, 4),
            sp.Eq(momentum * (LARGE + SMALL) ** 2, (LARGE - SMALL) ** 2),
        ]
        trace, determinant = matrix[0, 0] + matrix[1, 1], -matrix[0, 1] * matrix[1, 0]
        return prove(
            sp.Equivalent(trace**2 <= 4 * determinant, sp.And(*INSIDE)), given=[*ROOTS, *known]
        )

    def tuned():
        """The package's constants: the factor is √β at the ends and between, and more outside."""
        rate, momentum, factor = opt.tune_heavy_ball(1.0, 9.0)
        inside = opt.heavy_ball_factor(np.linspace(1, 9, 50), rate, momentum)
        outside = opt.heavy_ball_factor([0.9, 9.1], rate, momentum)
        right = np.abs(inside - factor).max() < 1e-7 < outside.min() - factor
        return holds(right, f"{factor} within [1, 9], {outside.min():.3f} or more outside")

    yield by.prover("Z3, of the package's matrix", proved)
    yield by.closed_form("the package's constants at 52 curvatures", tuned)


@claim(
    "beyond-2.descent",
    r"no rate $\eta$ has $|1 - \eta h| < \frac{\kappa-1}{\kappa+1}$ at both ends",
    for_all=r"$0 < \mu < L$ and $\eta$",
)
def descent():
    mu, L, eta = sp.symbols("mu L eta", real=True)

    def proved():
        """The factors at the ends out of the package's matrix, with β = 0."""
        ends = [opt.heavy_ball_matrix(h, eta, Q(0))[0, 0] for h in (mu, L)]
        worst = sp.Max(*map(sp.Abs, ends))
        return prove(worst * (L + mu) >= L - mu, given=[mu > 0, mu < L])

    def balanced():
        rate, _, factor = opt.tune_gradient_descent(1.0, 9.0)
        rates = np.linspace(0.001, 0.4, 2000)
        least = np.maximum(np.abs(1 - rates), np.abs(1 - 9 * rates)).min()
        return holds(abs(1 - rate) <= factor <= least, f"{factor} against {least:.4f}")

    yield by.prover("Z3, of the package's matrix", proved)
    yield by.closed_form("2000 rates for curvatures in [1, 9]", balanced)


@claim("beyond-2.lower-bound", r"the best worst-case factor after 1 … 5 steps for $\kappa = 20$")
def lower_bound(kappa=20):
    def program(t):
        """The least max |p|, p(0) = 1, of degree t on a fine grid of curvatures."""
        h = np.cos(np.linspace(0, np.pi, 2001)) * (kappa - 1) / 2 + (kappa + 1) / 2
        powers, one = (h[:, None] / kappa) ** np.arange(1, t + 1), np.ones(2001)
        rows = np.vstack([np.c_[powers, -one], np.c_[-powers, -one]])
        free = [(None, None)] * (t + 1)
        return linprog(np.r_[np.zeros(t), 1], A_ub=rows, b_ub=np.r_[-one, one], bounds=free).fun

    def chebyshev(t):
        """1/T_t at (κ + 1)/(κ − 1), by the recursion of T."""
        x = Q(kappa + 1, kappa - 1)
        before, now = Q(1), x
        for _ in range(t - 1):
            before, now = now, 2 * x * now - before
        return 1 / now

    def powers(t):
        q = (kappa**0.5 - 1) / (kappa**0.5 + 1)
        return 2 / (q**t + q**-t)

    yield by.recursion("Chebyshev's polynomials", lambda: [chebyshev(t) for t in range(1, 6)])
    yield by.closed_form("powers of q", lambda: [powers(t) for t in range(1, 6)])
    yield by.algebra(
        "a linear program",
        lambda: [program(t) for t in range(1, 6)],
        rtol=1e-5,
        because="it bounds the polynomial on a grid of 2001 curvatures only",
    )


@claim(
    "beyond-2.worst-start",
    r"the least $\|p(H)e_0\|^2$ over all polynomials of degree 3, for $\kappa = 20$",
)
def worst_start(kappa=20, t=3):
    """The problem that the proof constructs: t + 1 curvatures, and a start of length 1."""
    turns = np.cos(np.pi * np.arange(t + 1) / t) * (kappa - 1) / 2 + (kappa + 1) / 2
    weights = [np.prod([o / (o - h) for o in turns if o != h]) for h in turns]
    start = np.sqrt(np.abs(weights) / np.abs(weights).sum())

    def least_squares():
        """p(H)e₀ = e₀ − Σ cₖ Hᵏe₀, so the best p is a projection."""
        powers = (turns[:, None] / kappa) ** np.arange(1, t + 1) * start[:, None]
        rest = start - powers @ np.linalg.lstsq(powers, start, rcond=None)[0]
        return rest @ rest

    def normal_equations():
        """The same best p, from products of the vectors Hᵏe₀."""
        vectors = (turns / kappa) ** np.arange(1, t + 1)[:, None] * start
        rest = start - np.linalg.solve(vectors @ vectors.T, vectors @ start) @ vectors
        return rest @ rest

    def formula():
        q = (kappa**0.5 - 1) / (kappa**0.5 + 1)
        return (2 / (q**t + q**-t)) ** 2

    yield by.closed_form("the square of the bound", formula)
    yield by.algebra("a projection, by singular values", least_squares)
    yield by.recursion("normal equations", normal_equations, rtol=1e-9, because=SQUARED)


SQUARED = "normal equations square the condition of vectors that are nearly alike"


# -- off the quadratics --------------------------------------------------------------------------


def slope(x):
    """Return f′ of Lessard, Recht and Packard's function."""
    return np.where(x < 1, 25 * x, np.where(x < 2, x + 24, 25 * x - 24))


def polyak_run(start, steps):
    rate, momentum, _ = opt.tune_heavy_ball(1.0, 25.0)
    return opt.run(opt.heavy_ball(rate, momentum, rate="inside"), slope, start, steps).params


def exact_cycle():
    """Return a ≥ 2 and b, c < 1 of which each update leads to the next."""
    a, b, c = sp.symbols("a b c")

    def step(now, before, gradient):
        return now - gradient / 9 + sp.Rational(4, 9) * (now - before)

    equations = [
        step(a, c, 25 * a - 24) - b,
        step(b, a, 25 * b) - c,
        step(c, b, 25 * c) - a,
    ]
    found = sp.solve(equations, [a, b, c])
    return found[a], found[b], found[c]


@claim("beyond-2.cycle", "the three points between which heavy ball cycles")
def cycle():
    yield by.experiment(
        "300 steps of the package's from 3.3", lambda: np.sort(polyak_run([3.3], 300)[-3:, 0])
    )
    yield by.algebra("three linear equations", lambda: sorted(exact_cycle()))


@claim(
    "beyond-2.no-convergence",
    "heavy ball with Polyak's tuning does not converge from 3.3 on this convex function",
)
def no_convergence():
    def run():
        tail = polyak_run([3.3], 600)[-300:, 0]
        spread = np.ptp(tail)
        return holds(spread > 3, f"its last 300 points are spread over {spread:.3f}")

    def attracted():
        """The cycle lies where the curvature is 25; there the distance shrinks by 2/3 a step."""
        a, b, c = exact_cycle()
        now = before = Q(33, 10)
        points = []
        for _ in range(60):
            curved = 25 * now if now < 1 else now + 24 if now < 2 else 25 * now - 24
            now, before = now - curved / 9 + Q(4, 9) * (now - before), now
            points.append(now)
        off = max(min(abs(float(p - x)) for x in (a, b, c)) for p in points[-3:])
        right = a >= 2 and max(b, c) < 1 and off < 1e-6
        return holds(bool(right), f"{off:.0e} from the cycle after 60 steps")

    yield by.experiment("600 steps of the package's", run)
    yield by.algebra("the exact cycle, and a run in fractions that meets it", attracted)


@claim(
    "beyond-2.cycle-attracts",
    "of 1001 starts in $[-5, 5]$, how many heavy ball brings to the minimum",
)
def attracts():
    starts = np.linspace(-5, 5, 1001)

    def package():
        return int((np.abs(polyak_run(starts, 2000)[-1]) < 1e-6).sum())

    def written_out():
        now, before = starts.copy(), starts.copy()
        for _ in range(2000):
            now, before = now - slope(now) / 9 + 4 / 9 * (now - before), now
        return int((np.abs(now) < 1e-6).sum())

    yield by.experiment("the package's", package)
    yield by.recursion("the update written out", written_out)


@claim("beyond-2.nesterov", "Nesterov's method reaches the minimum from all 1001 starts")
def nesterov():
    starts = np.linspace(-5, 5, 1001)

    def package():
        rate, momentum, _ = opt.tune_nesterov(1.0, 25.0)
        last = opt.run(opt.nesterov(rate, momentum), slope, starts, 400).params[-1]
        return holds(np.abs(last).max() < 1e-9, f"within {np.abs(last).max():.0e} of it")

    def written_out():
        y, x = starts.copy(), starts.copy()
        for _ in range(400):
            reached = y - slope(y) / 25
            y, x = reached + 2 / 3 * (reached - x), reached
        return holds(np.abs(y).max() < 1e-9, f"within {np.abs(y).max():.0e} of it")

    yield by.experiment("the package's", package)
    yield by.recursion("the update written out", written_out)
