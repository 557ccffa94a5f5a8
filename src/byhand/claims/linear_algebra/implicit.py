"""Claims beyond the sheets: what is given by an equation is differentiated through it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import sympy as sp

from byhand import linear_algebra as la
from byhand.backpropagation import grad, jacobian
from byhand.evidence import by, claim, slip

# -- a circle ------------------------------------------------------------------------------------


@claim("beyond-1.circle", "$y'$ on $x^2 + y^2 = 25$ at $(3, 4)$")
def circle(x=3, y=4):
    def solved():
        t = sp.Symbol("t")
        return [[sp.diff(sp.sqrt(x**2 + y**2 - t**2), t).subs(t, x)]]

    yield by.closed_form("the theorem", lambda: la.implicit_jacobian([[2 * x]], [[2 * y]]))
    yield by.algebra("the square root differentiated", solved)
    yield slip("the quotient is upside down", lambda: [[sp.Rational(-y, x)]])


# -- ridge regression ----------------------------------------------------------------------------

X = ((1, -1), (1, 0), (1, 1), (1, 3))
TARGETS = (1, 3, 2, 6)


@claim("beyond-1.ridge", r"$\partial\ell/\partial\rho$ of ridge regression at $\rho = 0.2$")
def ridge(X=X, t=TARGETS, new=(1, 2), t_new=4, rho=Fraction(1, 5)):
    n, width = len(X), len(new)

    def adjoint():
        M, targets, row = np.array(X), np.array(t), np.array([new])
        F_w = M.T @ M / n + float(rho) * np.eye(width)
        w = np.linalg.solve(F_w, M.T @ targets / n)
        return la.implicit_vjp(2 * (row @ w - t_new) @ row, w[:, None], F_w)[0]

    def rational_function():
        """The weights as rational functions of ρ, differentiated."""
        r = sp.Symbol("r")
        M = sp.Matrix(X)
        w = (M.T * M / n + r * sp.eye(width)).LUsolve(M.T * sp.Matrix(t) / n)
        return sp.diff(((sp.Matrix([new]) * w)[0] - t_new) ** 2, r).subs(r, sp.Rational(rho))

    def trained():
        M, targets, row = np.array(X, dtype=float), np.array(t, dtype=float), np.array(new)

        def loss(r):
            w = np.zeros(width)
            for _ in range(400):
                w = w - 0.3 * (M.T @ (M @ w - targets) / n + r * w)
            return (row @ w - t_new) ** 2

        return grad(loss)(float(rho))

    yield by.closed_form("one solve with the adjoint", adjoint)
    yield by.algebra("the weights as functions of the regularization", rational_function)
    yield by.autodiff("reverse mode through 400 steps of training", trained)


# -- a fixed point -------------------------------------------------------------------------------


@claim(
    "beyond-1.fixed-point",
    r"$\partial y/\partial x = (I - DW)^{-1}D$ for the $W$ and $x$ of the text",
)
def fixed_point(W=((0.2, -0.3), (0.4, 0.1)), x=(0.5, -1.0)):
    def settle(x):
        y = 0 * x
        for _ in range(80):
            y = np.tanh(np.array(W) @ y + x)
        return y

    def implicit():
        """The fixed point by Newton's method, and the theorem there."""
        y, one = np.zeros(len(x)), np.eye(len(x))
        for _ in range(12):
            settled = np.tanh(np.array(W) @ y + x)
            D = np.diag(1 - settled**2)
            y = y - np.linalg.solve(one - D @ W, y - settled)
        D = np.diag(1 - y**2)
        return la.implicit_jacobian(-D, one - D @ W)

    yield by.closed_form("the theorem", implicit)
    yield by.autodiff("reverse mode through 80 iterations", lambda: jacobian(settle)(np.array(x)))
    yield by.differences("complex step through them", lambda: la.complex_step(settle, np.array(x)))


@claim("beyond-1.adjoint", r"$\partial y_1/\partial x$ at that fixed point, by one solve")
def adjoint(W=((0.2, -0.3), (0.4, 0.1)), x=(0.5, -1.0)):
    def by_one_solve():
        """At the fixed point, found by iteration."""
        y = np.zeros(len(x))
        for _ in range(80):
            y = np.tanh(np.array(W) @ y + x)
        D = np.diag(1 - y**2)
        return la.implicit_vjp(np.array([1, 0]), -D, np.eye(len(x)) - D @ np.array(W))

    def settled(x):
        y = 0 * x
        for _ in range(80):
            y = np.tanh(np.array(W) @ y + x)
        return y[0]

    yield by.closed_form("one solve with the adjoint", by_one_solve)
    yield by.autodiff("reverse mode through 80 iterations", lambda: grad(settled)(np.array(x)))


# -- backpropagation -----------------------------------------------------------------------------


@claim("beyond-1.backpropagation", "the gradient of $v_4$ at $(2, 3)$", answer=True)
def backpropagation(x=(2, 3)):
    def program(x):
        v1 = x[0] * x[1]
        v2 = v1 * v1
        v3 = v1 + x[0]
        return v2 * v3

    def back_substitution():
        v1 = x[0] * x[1]
        v2, v3 = v1**2, v1 + x[0]
        F_v = [[1, 0, 0, 0], [-2 * v1, 1, 0, 0], [-1, 0, 1, 0], [0, -v3, -v2, 1]]
        F_x = [[-x[1], -x[0]], [0, 0], [-1, 0], [0, 0]]
        adjoint = [0, 0, 0, 1]
        for j in (2, 1, 0):
            adjoint[j] = -sum(adjoint[i] * F_v[i][j] for i in range(j + 1, 4))
        return [-sum(adjoint[i] * F_x[i][k] for i in range(4)) for k in (0, 1)]

    def expanded():
        a, b = sp.symbols("a b")
        polynomial = sp.expand(program((a, b)))
        return [sp.diff(polynomial, s).subs({a: x[0], b: x[1]}) for s in (a, b)]

    def one_way():
        v2 = (x[0] * x[1]) ** 2
        return [v2 * x[1] + v2, v2 * x[0]]

    yield by.recursion("back substitution", back_substitution)
    yield by.algebra("multiplied out and differentiated", expanded)
    yield by.autodiff("reverse mode", lambda: grad(program)(np.array(x, dtype=float)))
    yield slip("only the way through $v_3$ is counted", one_way)
