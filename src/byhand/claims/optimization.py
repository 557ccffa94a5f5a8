"""Claims of chapter 2, Optimization."""

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.evidence import by, case, claim, holds, prove, slip

# -- D1: a smooth function stays between two parabolas -------------------------------------------


@claim(
    "D1.tight",
    r"on $\frac\beta2\|x\|^2$ a step from $y$ gains exactly "
    r"$\eta(1-\frac{\beta\eta}2)\|\nabla f(y)\|^2$",
    for_all=r"$\beta$, $\eta$ and $y \in \mathbb R^2$",
)
def tight():
    beta, eta, y1, y2 = sp.symbols("beta eta y1 y2", real=True)
    y = np.array([y1, y2])

    def formula(half=2):
        return eta * (1 - beta * eta / half) * beta**2 * (y1**2 + y2**2)

    def proved():
        bowl = opt.quadratic(np.array([[beta, sp.S.Zero], [sp.S.Zero, beta]]))
        gain = bowl.value(y) - bowl.value(y - eta * bowl.gradient(y))
        return prove(sp.Eq(gain, formula()), altered=[sp.Eq(gain, formula(half=1))])

    def expanded():
        """Along the gradient f is multiplied by (1 − βη)²."""
        square = y1**2 + y2**2
        gain = beta / 2 * square * (1 - (1 - beta * eta) ** 2)
        claimed = (eta - beta * eta**2 / 2) * beta**2 * square
        return holds(sp.expand(gain - claimed) == 0, "the difference is 0")

    yield by.prover("Z3, of the package's quadratic", proved)
    yield by.algebra("multiplied out", expanded)


# -- B2.1: critical points of a quartic ----------------------------------------------------------


@claim(
    "B2.1.deep",
    "the value at the third point is the least of all",
    for_all="$x_1, x_2$",
)
def deep():
    """The point is a root of 15 + 48 x + 16 x², the value a number of Q(√21)."""
    x1, x2 = sp.symbols("x1 x2", real=True)

    def proved():
        f = opt.two_wells().value(np.array([x1, x2]))
        third = (-6 - sp.sqrt(21)) / 4
        lowest = sp.expand(f.subs({x1: third, x2: 3 * third / 4}))
        return prove(f >= lowest, altered=[f >= lowest + sp.Rational(1, 10**6)])

    def among_critical_points():
        """A polynomial that grows in all directions has its minimum at a critical point."""
        f = x1 * (x1 * (3 + x1 * (4 + x1)) - 3 * x2) + 2 * x2**2
        points = opt.critical_points(f, [x1, x2])
        values = [sp.N(f.subs({x1: a, x2: b}), 30) for a, b in points]
        third = points[values.index(min(values))]
        is_third = abs(sp.N(third[0] + (6 + sp.sqrt(21)) / 4, 30)) < 1e-25
        return holds(len(points) == 3 and is_third, f"{min(values):.12f}")

    yield by.prover("Z3", proved)
    yield by.algebra("the least of all critical values", among_critical_points)


# -- A1: heavy ball on a small regression --------------------------------------------------------

X, Y = [[2, -1], [-1, 3]], [3, 1]


@claim(
    "A1.w*",
    "the iterates, for $\\alpha=0.2$, $\\beta=0.8$",
    cases=[
        case("1", "$w^1$", t=1, sheet="1 1"),
        case("2", "$w^2$", t=2, sheet="2 0.8"),
        case("3", "$w^3$", t=3, sheet="2.6 1.04"),
    ],
    answer=True,
    components=["$w_1$", "$w_2$"],
)
def iterates(alpha=Q(1, 5), beta=Q(4, 5), t=3):
    def package(alpha):
        loss = opt.least_squares(opt.exact(X).T, opt.exact(Y))
        ball = opt.heavy_ball(alpha, beta, rate="inside")
        return opt.run(ball, loss.gradient, opt.exact([1, 0]), t).params[t]

    def powers():
        """The step is affine in (w, v), so t steps are a power of one matrix."""
        M, b = sp.Matrix(X) * sp.Matrix(X).T, sp.Matrix(X) * sp.Matrix(Y)
        v = sp.Matrix.hstack(-alpha * M, beta * sp.eye(2), alpha * b)
        w = sp.Matrix.hstack(sp.eye(2), sp.zeros(2), sp.zeros(2, 1)) + v
        step = sp.Matrix.vstack(w, v, sp.Matrix([[0, 0, 0, 0, 1]]))
        return list((step**t * sp.Matrix([1, 0, 0, 0, 1]))[:2])

    yield by.recursion("the package's heavy ball, in fractions", lambda: package(alpha))
    yield by.algebra("a power of the update matrix", powers)
    yield slip("the loss is a mean: its gradient is divided by B", lambda: package(2 * alpha))
