"""Claims on how to check a derivative: five routes, best steps, what each route costs."""

from __future__ import annotations

import numpy as np
import sympy as sp
from scipy.optimize import minimize_scalar

from byhand import linear_algebra as la
from byhand.backpropagation import grad
from byhand.evidence import by, case, claim, holds, prove, slip
from byhand.linear_algebra.figures import demonstration, slope

EPSILON = 2.0**-52

ROUNDING = "a dozen operations, each rounded to 10⁻¹⁶"

# -- one derivative, five routes -----------------------------------------------------------------


def by_logarithm(x):
    s, c = np.sin(x), np.cos(x)
    cubes = s**3 + c**3
    return np.exp(x) * cubes**-0.5 * (1 - 3 * s * c * (s - c) / (2 * cubes))


@claim("beyond-1.four-routes", "$f'(3/2)$, to rounding", answer=True)
def four_routes(x=1.5):
    loose = {"rtol": 4e-15, "because": ROUNDING}
    yield by.algebra("SymPy", lambda: slope(1, x), **loose)
    yield by.hand("the logarithm differentiated", lambda: by_logarithm(x), **loose)
    yield by.autodiff("reverse mode", lambda: grad(demonstration)(x), **loose)
    yield by.differences("complex step", lambda: la.complex_step(demonstration, x), **loose)


@claim("beyond-1.central-difference", "$f'(3/2)$, to nine digits")
def by_central_difference(x=1.5):
    yield by.hand("the logarithm differentiated", lambda: by_logarithm(x))
    yield by.differences(
        "central difference",
        lambda: la.central_difference(demonstration, x),
        rtol=1e-9,
        because="a central difference has about ten digits",
    )


# -- the step of a central difference ------------------------------------------------------------


def error_bound(h, delta, M):
    """Return E(h) = h²M/6 + δ/h."""
    return h**2 * M / 6 + delta / h


def at_the_minimum(delta, M):
    """Return the positive h at which E'(h) = 0, and E there, by SymPy."""
    h = sp.Symbol("h", positive=True)
    bound = error_bound(h, sp.Rational(delta), sp.Rational(M))
    (best,) = sp.solve(sp.diff(bound, h), h)
    return best, bound.subs(h, best)


STEPS = [
    case("1", r"$\delta = 2^{-52}$, $M = 1$", delta=EPSILON, M=1),
    case("7", r"$\delta = 10^{-8}$, $M = 7$", delta=1e-8, M=7),
]


@claim("beyond-1.optimal-step", "the best step $h^*$", cases=STEPS, answer=True)
def optimal_step(delta=EPSILON, M=1):
    def searched():
        found = minimize_scalar(
            lambda u: error_bound(np.exp(u), delta, M), bracket=(-15, -10), tol=1e-12
        )
        return np.exp(found.x)

    yield by.closed_form("the formula", lambda: (3 * delta / M) ** (1 / 3))
    yield by.algebra(
        "the zero of the bound's derivative", lambda: float(at_the_minimum(delta, M)[0])
    )
    yield by.experiment(
        "a search for the least bound",
        searched,
        rtol=1e-7,
        because="at a minimum half of the digits of the argument are lost",
    )
    yield slip("one half of the difference was forgotten", lambda: (6 * delta / M) ** (1 / 3))
    yield slip("that is the best step of a one-sided difference", lambda: 2 * np.sqrt(delta / M))


@claim("beyond-1.least-error", "the least bound $E(h^*)$", cases=STEPS, answer=True)
def least_error(delta=EPSILON, M=1):
    yield by.closed_form("the formula", lambda: (3 * delta) ** (2 / 3) * M ** (1 / 3) / 2)
    yield by.algebra(
        "the bound at the zero of its derivative", lambda: float(at_the_minimum(delta, M)[1])
    )
    yield slip("only the truncation is counted", lambda: (3 * delta) ** (2 / 3) * M ** (1 / 3) / 6)


@claim(
    "beyond-1.least-bound",
    r"$E(h) \ge \frac12Mh^{*2}$, with equality at $h = h^*$ alone, where $h^{*3} = 3\delta/M$",
    for_all=r"$h, h^*, M > 0$",
)
def least_bound():
    h, best, M = sp.symbols("h h* M", real=True)

    def factored():
        """The difference is M (h − h*)² (h + 2h*)/(6h), in which nothing else is 0 or negative."""
        gap = sp.factor(h**2 * M / 6 + best**3 * M / (3 * h) - best**2 * M / 2)
        rest = sp.cancel(gap / ((h - best) ** 2 * M / (6 * h)))
        return holds(sp.expand(rest - h - 2 * best) == 0, "the difference is", gap)

    def proved():
        bound, least = error_bound(h, best**3 * M / 3, M), M * best**2 / 2
        only_there = sp.Equivalent(sp.Eq(bound, least), sp.Eq(h, best))
        return prove(
            sp.And(bound >= least, only_there),
            given=[h > 0, best > 0, M > 0],
            altered=[sp.Implies(sp.Ne(h, best), bound > least * sp.Rational(11, 10))],
        )

    yield by.prover("Z3", proved)
    yield by.algebra("the difference factored", factored)


BOUNDED = [
    case("exponential", "$e^x$ at 1", function="exp"),
    case("reciprocal", "$3 - 1/x$ at 1", function="reciprocal"),
    case("power", "$x^4$ at 1", function="power"),
]


@claim(
    "beyond-1.bound",
    r"the error of a central difference is at most $E(h) = h^2M/6 + \delta/h$, and nearly that",
    cases=BOUNDED,
)
def bound(function="exp"):
    f, slope_at_1, third = {
        "exp": (np.exp, np.e, lambda h: np.exp(1 + h)),
        "reciprocal": (lambda x: 3 - 1 / x, 1.0, lambda h: 6 / (1 - h) ** 4),
        "power": (lambda x: x**4, 4.0, lambda h: 24 * (1 + h)),
    }[function]
    steps = 10.0 ** np.linspace(-15, -1, 57)

    def in_floats():
        """The values are off by δ = ε|f| at most; the bound is nearly reached by truncation."""
        shares = []
        for h in steps:
            off = abs(la.central_difference(f, 1.0, h) - slope_at_1)
            shares.append(off / error_bound(h, EPSILON * f(1 + h), third(h)))
        return holds(0.99 < max(shares) <= 1, max(shares))

    def rounded_on_purpose():
        """In fifty digits, with values moved by δ in the worst way: both parts at their largest."""
        t = sp.Symbol("t")
        g, exact = {
            "exp": (sp.exp(t), sp.E),
            "reciprocal": (3 - 1 / t, sp.Integer(1)),
            "power": (t**4, sp.Integer(4)),
        }[function]
        shares = []
        for h in map(sp.Rational, steps):
            up, down = (g.subs(t, 1 + sign * h).evalf(50) for sign in (1, -1))
            ends = [abs(sp.diff(g, t, 3).subs(t, 1 + sign * h)).evalf(50) for sign in (1, -1)]
            moved = sp.Rational(EPSILON) * up
            off = (up - down + 2 * moved) / (2 * h) - exact.evalf(50)
            shares.append(float(abs(off) / (h**2 * max(ends) / 6 + moved / h)))
        return holds(0.99 < max(shares) <= 1, max(shares))

    yield by.experiment("in floats", in_floats)
    yield by.algebra("in fifty digits, with values moved by the most", rounded_on_purpose)


# -- truncation errors ---------------------------------------------------------------------------


def measured_coefficient(route, x):
    """Extrapolate (route(h) − f′)/h² at three steps to the step 0."""
    h = np.array([4e-3, 2e-3, 1e-3])
    errors = np.array([route(demonstration, x, step) for step in h]) - slope(1, x)
    q = errors / h**2
    first = (4 * q[1:] - q[:-1]) / 3
    return (16 * first[1] - first[0]) / 15


EXTRAPOLATED = {"rtol": 2e-6, "because": "rounding over h² = 10⁻⁶, then two extrapolations"}


@claim("beyond-1.central-error", "coefficient of $h^2$ in the error of $D_hf(3/2)$")
def central_error(x=1.5):
    yield by.algebra("a sixth of the third derivative", lambda: slope(3, x) / 6)
    yield by.experiment(
        "errors at three steps, extrapolated",
        lambda: measured_coefficient(la.central_difference, x),
        **EXTRAPOLATED,
    )
    yield slip("the sign is the complex step's", lambda: -slope(3, x) / 6)


@claim("beyond-1.complex-error", "coefficient of $h^2$ in the error of $C_hf(3/2)$")
def complex_error(x=1.5):
    yield by.algebra("minus a sixth of the third derivative", lambda: -slope(3, x) / 6)
    yield by.experiment(
        "errors at three steps, extrapolated",
        lambda: measured_coefficient(la.complex_step, x),
        **EXTRAPOLATED,
    )
    yield slip("the sign is the central difference's", lambda: slope(3, x) / 6)


# -- traps and prices ----------------------------------------------------------------------------


@claim(
    "beyond-1.trap",
    "what a complex step makes of $x|x|$, whose derivative is $2|x|$",
    cases=[
        case("minus-2", "at $-2$", x=-2.0),
        case("half", r"at $\frac12$", x=0.5),
        case("3", "at 3", x=3.0),
    ],
)
def trap(x=3.0):
    def expanded():
        """|x + ih| = √(x² + h²); the imaginary part of (x + ih)√(x² + h²) over h, at h = 0."""
        h = sp.Symbol("h", positive=True)
        return float(sp.limit(h * sp.sqrt(sp.Rational(x) ** 2 + h**2) / h, h, 0))

    yield by.differences("complex step", lambda: la.complex_step(lambda t: t * np.abs(t), x))
    yield by.algebra("its limit for short steps", expanded)
    yield slip("this is the derivative; the program is not analytic", lambda: 2 * abs(x))


@claim(
    "beyond-1.evaluations", "evaluations of a function of $n = 7$ inputs: differences, complex step"
)
def evaluations(n=7):
    def counted(route):
        calls = []

        def outer(x):
            calls.append(x)
            return np.outer(x, x)

        route(outer, np.linspace(0.1, 1, n))
        return len(calls)

    yield by.experiment(
        "calls counted", lambda: [counted(la.central_difference), counted(la.complex_step)]
    )
    yield by.hand("two or one for each input", lambda: [2 * n, n])
    yield slip("counted for each output as well", lambda: [2 * n**3, n**3])
