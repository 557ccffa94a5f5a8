"""Claims of chapter 2, Optimization."""

from fractions import Fraction as Q

import sympy as sp

from byhand import optimization as opt
from byhand.evidence import by, case, claim, slip

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
