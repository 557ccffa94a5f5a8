"""Claims of B2.1: the critical points of a quartic, and descent on it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.claims.linear_algebra._exact import first_differences
from byhand.evidence import by, case, claim, holds, prove, sheet, slip

X1, X2 = X = sp.symbols("x1 x2", real=True)
F = 3 * X1**2 - 3 * X1 * X2 + 2 * X2**2 + 4 * X1**3 + X1**4
"""The quartic, as the problem states it."""

ROOTS = [sp.S.Zero, (sp.sqrt(21) - 6) / 4, -(sp.sqrt(21) + 6) / 4]
"""x₁ of the three critical points, in the order of the sheet."""

STARTS = [(0.2, 0.0), (-0.4, -0.3), (-3.0, -2.0)]
"""Starts from which Newton's method finds the three."""

KINDS = ("minimum", "saddle point", "maximum")

GRADIENT = "(6x₁ − 3x₂ + 12x₁² + 4x₁³, 4x₂ − 3x₁)"


def symbols():
    return np.array(X, dtype=object)


@claim("B2.1.gradient", r"$\nabla f$", answer="formula", components=["first", "second"])
def gradient():
    def differences():
        """A central difference of a polynomial of degree 4, extrapolated, is exact."""
        return list(first_differences(lambda x: F.subs(dict(zip(X, x, strict=True))), X))

    yield by.algebra("SymPy's derivatives", lambda: [sp.diff(F, one) for one in X])
    yield by.closed_form(
        "the package's gradient", lambda: list(opt.two_wells().gradient(symbols()))
    )
    yield by.differences("extrapolated differences, exact for this degree", differences)
    yield sheet(GRADIENT, lambda: [6 * X1 - 3 * X2 + 12 * X1**2 + 4 * X1**3, 4 * X2 - 3 * X1])
    yield slip("−3x₁x₂ counts for x₁ alone", lambda: [sp.diff(F, X1), 4 * X2])


@claim("B2.1.hessian", "the Hessian", answer="formula")
def hessian():
    def differences():
        gradient = [sp.diff(F, one) for one in X]
        return first_differences(
            lambda x: [g.subs(dict(zip(X, x, strict=True))) for g in gradient], X
        )

    first = 6 + 24 * X1 + 12 * X1**2
    yield by.closed_form("the package's Hessian", lambda: opt.two_wells().hessian(symbols()))
    yield by.differences("extrapolated differences of the gradient", differences)
    yield by.algebra("SymPy's", lambda: sp.hessian(F, X))
    yield sheet("6 + 24x₁ + 12x₁², −3, 4", lambda: [[first, -3], [-3, 4]])


@claim("B2.1.degree", r"the degree of the system $\nabla f = 0$")
def degree():
    def differences():
        """The first difference that vanishes is one beyond the degree."""
        samples = [opt.two_wells().gradient([k, 0])[0] for k in range(12)]
        return next(n for n in range(9) if not np.diff(samples, n + 1).any())

    yield by.algebra("SymPy's", lambda: sp.Poly(sp.diff(F, X1), *X).total_degree())
    yield by.differences("differences of the package's gradient", differences)
    yield sheet(
        "the linear system ∇f = 0",
        lambda: 1,
        erratum="The system is called linear; its first equation is cubic.",
    )


@claim(
    "B2.1.reduced", r"what is left of the first equation on $x_2 = \frac34x_1$", answer="formula"
)
def reduced():
    yield by.algebra("substituted", lambda: sp.diff(F, X1).subs(X2, 3 * X1 / 4))
    yield by.enumeration(
        "a product over the three points", lambda: 4 * sp.prod([X1 - root for root in ROOTS])
    )
    yield sheet(
        "x₁(6 − 9/4 + 12x₁ + 4x₁²)",
        lambda: X1 * (6 - sp.Rational(9, 4) + 12 * X1 + 4 * X1**2),
    )
    yield slip("−3x₂ is left out", lambda: X1 * (6 + 12 * X1 + 4 * X1**2))


# -- the points and their kinds ------------------------------------------------------------------


def printed(i):
    """Return a point as the sheet prints it."""
    r = sp.sqrt(21)
    second = [0, 3 * (r - 6) / 16, -3 * (r + 6) / 16][i]
    return [second if i == 2 else ROOTS[i], second]


@claim(
    "B2.1.point-*",
    "the critical points",
    cases=[
        case("1", "point 1", i=0, sheet="(0, 0)"),
        case("2", "point 2", i=1, sheet="(¼(√21 − 6), 3/16(√21 − 6))"),
        case(
            "3",
            "point 3",
            i=2,
            sheet="(3/16(−√21 − 6), 3/16(−√21 − 6))",
            erratum="The first coordinate prints 3/16 for 1/4; the next lines have it right.",
        ),
    ],
    answer="vector",
    components=["$x_1$", "$x_2$"],
)
def points(i=0):
    def newton():
        f = opt.two_wells()
        return opt.newton_raphson(f.gradient, f.hessian, STARTS[i], 12)[-1]

    yield by.algebra("a Gröbner basis", lambda: list(opt.critical_points(F, X)[(2, 1, 0)[i]]))
    yield by.hand("the quadratic formula", lambda: [ROOTS[i], 3 * ROOTS[i] / 4])
    yield by.recursion(
        "Newton's method",
        newton,
        floor=1e-15,
        because="the point 0 is reached up to what rounding leaves of 1",
    )
    yield sheet(lambda: printed(i))


@claim(
    "B2.1.determinant-*",
    "$D$ at the points",
    cases=[case(str(i + 1), f"point {i + 1}", i=i) for i in range(3)],
)
def determinants(i=0):
    def by_hand():
        return [sp.Integer(15), 42 - 12 * sp.sqrt(21), 42 + 12 * sp.sqrt(21)][i]

    def package():
        H = opt.two_wells().hessian(np.array([ROOTS[i], 3 * ROOTS[i] / 4]))
        return sp.expand(H[0, 0] * H[1, 1] - H[0, 1] * H[1, 0])

    yield by.hand("reduced by the quadratic equation", by_hand)
    yield by.algebra("SymPy's", lambda: sp.expand(sp.hessian(F, X).subs(X1, ROOTS[i]).det()))
    yield by.enumeration("two products of the package's Hessian", package)


def kind_by_signs(i):
    """Say what point i is, by the signs of D and f₁₁."""
    H = sp.hessian(F, X).subs(X1, ROOTS[i])
    if H.det() < 0:
        return "saddle point"
    return "minimum" if H[0, 0] > 0 else "maximum"


def kind_by_eigenvalues(i):
    root = float(ROOTS[i])
    return opt.classify(opt.two_wells().hessian([root, 0.75 * root]))


@claim(
    "B2.1.kind-*",
    "what the points are",
    cases=[
        case("1", "point 1", i=0, sheet="minimum"),
        case("2", "point 2", i=1, sheet="saddle point"),
        case("3", "point 3", i=2, sheet="minimum"),
    ],
    answer="choice",
    choices=KINDS,
)
def kinds(i=0):
    yield by.algebra("signs of the determinant and of its corner", lambda: kind_by_signs(i))
    yield by.recursion("signs of LAPACK's eigenvalues", lambda: kind_by_eigenvalues(i))


@claim("B2.1.saddles", "number of saddle points", answer=True)
def saddles():
    def by_signs():
        return [kind_by_signs(i) for i in range(3)].count("saddle point")

    def by_eigenvalues():
        return [kind_by_eigenvalues(i) for i in range(3)].count("saddle point")

    yield by.algebra("signs of the determinants", by_signs)
    yield by.recursion("signs of LAPACK's eigenvalues", by_eigenvalues)
    yield sheet(
        "three “saddle points”",
        lambda: 3,
        erratum="All critical points are announced as saddle points; only the second is one.",
    )


# -- the lower minimum ---------------------------------------------------------------------------


@claim(
    "B2.1.square",
    r"$f = 2(x_2 - \frac34x_1)^2 + \frac{15}8x_1^2 + 4x_1^3 + x_1^4$",
    for_all="$x_1, x_2$",
)
def square():
    def completed(last=1):
        on_the_line = sp.Rational(15, 8) * X1**2 + 4 * X1**3 + last * X1**4
        return 2 * (X2 - sp.Rational(3, 4) * X1) ** 2 + on_the_line

    def proved():
        f = opt.two_wells().value(symbols())
        return prove(sp.Eq(f, completed()), altered=[sp.Eq(f, completed(last=2))])

    def collected():
        """What is left when the square is taken away does not contain x₂."""
        rest = sp.expand(F - 2 * (X2 - sp.Rational(3, 4) * X1) ** 2)
        right = rest == sp.Rational(15, 8) * X1**2 + 4 * X1**3 + X1**4
        return holds(right, "what is left", rest)

    yield by.prover("Z3, of the package's quartic", proved)
    yield by.algebra("the square taken away", collected)


@claim("B2.1.deep", "the value at the third point is the least of all", for_all="$x_1, x_2$")
def deep():
    """The point is a root of 15 + 48 x + 16 x², the value a number of Q(√21)."""

    def proved():
        f = opt.two_wells().value(symbols())
        lowest = sp.expand(f.subs({X1: ROOTS[2], X2: 3 * ROOTS[2] / 4}))
        return prove(f >= lowest, altered=[f >= lowest + sp.Rational(1, 10**6)])

    def among_critical_points():
        """A polynomial that grows in all directions has its minimum at a critical point."""
        points = opt.critical_points(F, X)
        values = [sp.N(F.subs({X1: a, X2: b}), 30) for a, b in points]
        third = points[values.index(min(values))]
        is_third = abs(sp.N(third[0] + (6 + sp.sqrt(21)) / 4, 30)) < 1e-25
        return holds(len(points) == 3 and is_third, f"{min(values):.12f}")

    yield by.prover("Z3", proved)
    yield by.algebra("the least of all critical values", among_critical_points)


@claim("B2.1.steepest", "the largest curvature at the deep minimum")
def steepest():
    def eigenvalues():
        root = float(ROOTS[2])
        return np.linalg.eigvalsh(opt.two_wells().hessian([root, 0.75 * root]))[-1]

    def radicals():
        """Half the trace, and a root of the discriminant."""
        trace = 10 + 24 * ROOTS[2] + 12 * ROOTS[2] ** 2
        return trace / 2 + sp.sqrt(trace**2 / 4 - (42 + 12 * sp.sqrt(21)))

    yield by.recursion("LAPACK's", eigenvalues)
    yield by.closed_form("in radicals", lambda: float(radicals()))


def one_step(eta):
    """Return where a step of the package's descent leads from (x₁, x₂)."""
    descent = opt.gradient_descent(eta)
    return descent.update(opt.two_wells().gradient(symbols()), descent.init(symbols()), symbols())[
        0
    ]


@claim(
    "B2.1.overflow",
    r"a step with $\eta = 0.07$ makes $|x_1|$ over 90 times as large, and it stays the larger one",
    for_all=r"$|x_1| \ge 20$ and $|x_2| \le |x_1|$",
)
def overflow():
    def proved():
        a, b = one_step(Fraction(7, 100))
        grows = sp.And(sp.Abs(a) > 90 * sp.Abs(X1), sp.Abs(b) <= sp.Abs(a))
        return prove(grows, given=[sp.Abs(X1) >= 20, sp.Abs(X2) <= sp.Abs(X1)])

    def in_fractions():
        """From the third point on, written out, until it leaves the floats."""
        x, y, sizes = Fraction(-4), Fraction(0), []
        for _ in range(9):
            first, second = 6 * x - 3 * y + 12 * x**2 + 4 * x**3, 4 * y - 3 * x
            x, y = x - first * 7 / 100, y - second * 7 / 100
            sizes.append(abs(x))
        factors = [b / a for a, b in pairwise(sizes[2:])]
        right = sizes[2] > 20 and min(factors) > 90 and sizes[-1] > 1e308
        return holds(right, f"by {float(factors[0]):.0f} first, beyond the floats after 9 steps")

    yield by.prover("Z3, of the package's step", proved)
    yield by.recursion("from (−4, 0), in fractions", in_fractions)


SQUARES = [(-0.25, 1.9), (-3.2, 0.6), (0.9, -1.6), (-0.7, -1.5)]
"""The starts of the figure."""


def descended(x, y, eta, steps):
    """Return the last two points of descent, written out."""
    before = x, y
    for _ in range(steps):
        before = x, y
        x, y = (
            x - eta * (6 * x - 3 * y + 12 * x**2 + 4 * x**3),
            y - eta * (4 * y - 3 * x),
        )
    return before, (x, y)


@claim(
    "B2.1.in-the-well-*",
    "how many of the figure's four descents rest in the deep well",
    cases=[case(str(eta), rf"$\eta = {eta}$", eta=eta) for eta in (0.005, 0.02, 0.05, 0.07, 0.08)],
)
def in_the_well(eta=0.02):
    deep = float(ROOTS[2]), 0.75 * float(ROOTS[2])

    def package():
        descent, f = opt.gradient_descent(eta), opt.two_wells()
        ends = opt.run(descent, f.gradient, SQUARES, 3000).params[-2:]
        return int((np.abs(ends - deep).max(axis=(0, 2)) < 1e-6).sum())

    def written_out():
        ends = [descended(*start, eta, 4000) for start in SQUARES]
        return sum(np.abs(np.array(end) - deep).max() < 1e-6 for end in ends)

    yield by.experiment("3000 steps of the package's", package)
    yield by.recursion("4000 steps written out", lambda: int(written_out()))


@claim("B2.1.far", "$x_1$ after three steps of descent with $\\eta = 0.07$ from $(-4, 0)$")
def far(eta=Fraction(7, 100)):
    def package():
        descent = opt.gradient_descent(eta)
        return opt.run(descent, opt.two_wells().gradient, opt.exact([-4, 0]), 3).params[-1][0]

    def differentiated():
        """The step as a polynomial map, out of f itself."""
        step = sp.Matrix(X) - sp.Rational(eta) * sp.Matrix([F.diff(v) for v in X])
        point = sp.Matrix([-4, 0])
        for _ in range(3):
            point = step.subs(dict(zip(X, point, strict=True)))
        return point[0]

    yield by.recursion("the package's descent, in fractions", package)
    yield by.algebra("f differentiated, the step composed", differentiated)
