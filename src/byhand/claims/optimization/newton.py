"""Claims of B2.2.1: Newton's method, and the critical points that it may find."""

from __future__ import annotations

import numpy as np
import sympy as sp
from mpmath import iv

from byhand import optimization as opt
from byhand.evidence import by, case, claim, holds, once, prove, sheet, slip
from byhand.linear_algebra import complex_step

X, Y = sp.symbols("x y", real=True)
F = 2 * X**2 + 2 * Y**2 - 17 * Y * sp.cos(sp.pi * X / 5) - X * Y
"""The function of B2.2.1, as the problem states it."""

POINTS = ((-7.3, 1.9), (-3.1, -5.2), (0.4, 6.6), (2.7, -0.8), (5.5, 3.3), (7.9, -7.1))
"""Where the derivatives are compared: an error that vanishes at the origin shows there."""

REACH = 46
"""No critical point has a larger |x|."""


# -- the derivatives -----------------------------------------------------------------------------


@claim("B2.2.1.gradient", r"$\nabla f$ at six points")
def gradient(points=POINTS):
    def differentiated():
        formula = sp.lambdify((X, Y), [F.diff(X), F.diff(Y)])
        return [formula(*p) for p in points]

    def complex_steps():
        return [complex_step(opt.ripples().value, p) for p in points]

    def printed():
        a, c = np.transpose(points)
        k = 0.2 * np.pi
        first = 4 * a + 3.4 * np.pi * np.sin(k * a) - c
        return np.stack([first, 4 * c - 17 * np.cos(k * a) - a], axis=-1)

    yield by.closed_form("the package's", lambda: opt.ripples().gradient(points))
    yield by.algebra("SymPy's derivatives", differentiated)
    yield by.differences("complex steps of the value", complex_steps)
    yield sheet(
        "(4x + 3.4π sin(0.2πx) − y, 4y − 17cos(0.2πx) − x)",
        printed,
        erratum="The factor y of the sine term is missing; at (0, 0), where the sheet uses it, "
        "the term is zero.",
    )


@claim("B2.2.1.hessian", "the Hessian at six points")
def hessian(points=POINTS):
    def differentiated():
        formula = sp.lambdify((X, Y), sp.hessian(F, (X, Y)).tolist())
        return [formula(*p) for p in points]

    def complex_steps():
        return [complex_step(opt.ripples().gradient, p) for p in points]

    def printed():
        k, matrices = 0.2 * np.pi, []
        for a, c in points:
            off = 3.4 * np.pi * np.sin(k * a) - 1
            matrices.append([[4 + 0.68 * np.pi**2 * c * np.cos(k * a), off], [off, 4]])
        return matrices

    yield by.closed_form("the package's", lambda: opt.ripples().hessian(points))
    yield by.algebra("SymPy's derivatives", differentiated)
    yield by.differences("complex steps of the gradient", complex_steps)
    yield sheet("4 + 0.68π²y cos(0.2πx), 3.4π sin(0.2πx) − 1, 4", printed)


# -- the step from the origin --------------------------------------------------------------------


def at_origin():
    """Return gradient and Hessian at the origin, by SymPy."""
    origin = {X: 0, Y: 0}
    return sp.Matrix([F.diff(X), F.diff(Y)]).subs(origin), sp.hessian(F, (X, Y)).subs(origin)


@claim("B2.2.1.gradient-0", r"$\nabla f(0, 0)$", answer=True)
def gradient_at_origin():
    yield by.algebra("SymPy's", lambda: list(at_origin()[0]))
    yield by.closed_form("the package's", lambda: opt.ripples().gradient([0.0, 0.0]))
    yield sheet("(0, −17)")
    yield slip("the factor y of the sine term is missing, and cos 0 = 0", lambda: [0, 0])


@claim("B2.2.1.hessian-0", "$H(0, 0)$", answer=True)
def hessian_at_origin():
    yield by.algebra("SymPy's", lambda: at_origin()[1])
    yield by.closed_form("the package's", lambda: opt.ripples().hessian([0.0, 0.0]))
    yield sheet("4 −1 −1 4")


@claim("B2.2.1.inverse", "$H(0, 0)^{-1}$", answer=True)
def inverse_at_origin():
    def adjugate():
        (a, b), (c, d) = opt.exact(opt.ripples().hessian([0.0, 0.0]))
        return opt.exact([[d, -b], [-c, a]]) / (a * d - b * c)

    yield by.algebra("SymPy's", lambda: at_origin()[1].inv())
    yield by.closed_form("the adjugate over the determinant", adjugate)
    yield sheet("4/15 1/15 1/15 4/15")


@claim("B2.2.1.step", "the point after one step", answer="vector", components=["$x$", "$y$"])
def step():
    def solved(sign=-1):
        g, H = at_origin()
        return list(sign * H.LUsolve(g))

    def newton():
        f = opt.ripples()
        return opt.newton_raphson(f.gradient, f.hessian, [0.0, 0.0], 1)[-1]

    def vertex():
        """The critical point of the second-order Taylor polynomial."""
        (g, H), p = at_origin(), sp.Matrix([X, Y])
        model = (g.T * p)[0] + (p.T * H * p)[0] / 2
        found = sp.solve([model.diff(X), model.diff(Y)], [X, Y])
        return [found[X], found[Y]]

    yield by.algebra("SymPy solves for the step", solved)
    yield by.recursion("the package's Newton step", newton)
    yield by.algebra("where the Taylor polynomial is stationary", vertex)
    yield sheet("17/15, 68/15")
    yield slip("the step goes up the gradient: a minus sign is missing", lambda: solved(1))
    yield slip("H is multiplied by, not divided by", lambda: list(-at_origin()[1] * at_origin()[0]))


# -- all critical points -------------------------------------------------------------------------


@claim(
    "B2.2.1.within",
    f"$|x| < {REACH}$ at a critical point",
    for_all=r"$x$, $y$, $\sin kx$ and $\cos kx$ in $[-1, 1]$, and $\pi < 3.1416$",
)
def within():
    def proved():
        """SymPy's derivatives, with sine, cosine and π as numbers of which bounds are known."""
        s, c, pi = sp.symbols("s c p", real=True)
        known = {sp.sin(sp.pi * X / 5): s, sp.cos(sp.pi * X / 5): c, sp.pi: pi}
        first, second = (sp.expand(F.diff(v)).subs(known) for v in (X, Y))
        given = [sp.Eq(first, 0), sp.Eq(second, 0), sp.Abs(s) <= 1, sp.Abs(c) <= 1]
        bounds = [pi > 3, pi < sp.Rational(31416, 10000)]
        return prove(sp.Abs(X) < REACH, given=[*given, *bounds])

    def estimated():
        """|4x| = |y| |1 − 3.4π sin kx| ≤ ¼(17 + |x|)(1 + 3.4π), solved for |x|."""
        a = (1 + 3.4 * np.pi) / 4
        return holds(17 * a / (4 - a) < REACH, f"|x| is at most {17 * a / (4 - a):.3f}")

    yield by.prover("Z3, of SymPy's derivatives", proved)
    yield by.closed_form("the estimate solved for the largest x", estimated)


def rest(x):
    """Return r(x) and r′(x) for x in an interval: the first component where the second is 0."""
    k = iv.pi / 5
    sine, cosine = iv.sin(k * x), iv.cos(k * x)
    y, slope = (17 * cosine + x) / 4, (1 - 17 * k * sine) / 4
    bend = 17 * k * (slope * sine + k * y * cosine)
    return 4 * x + 17 * k * y * sine - y, 4 + bend - slope


@once
def isolated():
    """Return an interval around each critical point's x, in ascending order.

    In an interval that is left out r has no zero; in one that is kept r is monotone, so it has one
    if its sign changes and none if not. Halving goes on until one or the other is certain.
    """
    found, to_do = [], [(-REACH, REACH)]
    while to_do:
        low, high = to_do.pop()
        value, slope = rest(iv.mpf([low, high]))
        if 0 not in value:
            continue
        middle = (low + high) / 2
        if 0 in slope:
            to_do += [(middle, high), (low, middle)]
            continue
        ends = [rest(iv.mpf(end))[0] for end in (low, high)]
        if (ends[0] < 0) == (ends[1] < 0):
            continue
        while high - low > 1e-12:
            middle = (low + high) / 2
            at_middle = rest(iv.mpf(middle))[0]
            if 0 in at_middle:
                break
            low, high = (low, middle) if (at_middle < 0) != (ends[0] < 0) else (middle, high)
        found.append((low, high))
    return found


@once
def found_by_newton():
    """Return the critical points that Newton's method reaches from a grid, in ascending order."""
    f = opt.ripples()
    x, y = np.meshgrid(np.linspace(-46, 46, 93), np.linspace(-16, 16, 33))
    starts = np.stack([x.ravel(), y.ravel()], axis=-1)
    ends = opt.newton_raphson(f.gradient, f.hessian, starts, 200)[-1]
    ends = ends[np.linalg.norm(f.gradient(ends), axis=-1) < 1e-9]
    first = np.unique(ends.round(6), axis=0, return_index=True)[1]
    return ends[first]


@claim("B2.2.1.count", "number of critical points")
def count():
    yield by.enumeration("interval arithmetic over all x", lambda: len(isolated()))
    yield by.recursion("Newton's method from 3069 starts", lambda: len(found_by_newton()))


@claim(
    "B2.2.1.x-*",
    "$x$ at the critical points",
    cases=[case(str(i + 1), f"point {i + 1}", i=i) for i in range(7)],
)
def enclosed(i=0):
    yield by.enumeration("interval arithmetic", lambda: iv.mpf(list(isolated()[i])))
    yield by.recursion("Newton's method", lambda: found_by_newton()[i][0])


@claim("B2.2.1.minima", "which of them are minima")
def minima():
    def by_intervals():
        """f_yy = 4 > 0, so it is the determinant that decides; r′ is the determinant over 4."""
        return [i + 1 for i, ends in enumerate(isolated()) if rest(iv.mpf(list(ends)))[1] > 0]

    def by_eigenvalues():
        matrices = opt.ripples().hessian(found_by_newton())
        return [i + 1 for i, H in enumerate(matrices) if opt.classify(H) == "minimum"]

    yield by.enumeration("the determinant, in interval arithmetic", by_intervals)
    yield by.recursion("the package's eigenvalues", by_eigenvalues)


@claim("B2.2.1.limit", "where Newton's steps from the origin end: the lowest minimum")
def limit():
    def newton():
        f = opt.ripples()
        return opt.newton_raphson(f.gradient, f.hessian, [0.0, 0.0], 12)[-1]

    def lowest():
        """The value at each isolated point, as an interval."""
        points = []
        for ends in isolated():
            x = iv.mpf(list(ends))
            cosine = iv.cos(iv.pi / 5 * x)
            y = (17 * cosine + x) / 4
            points.append((2 * x**2 + 2 * y**2 - 17 * y * cosine - x * y, x, y))
        least = min(points, key=lambda point: point[0].mid)
        apart = all(least[0] < other[0] for other in points if other is not least)
        return [float(least[1].mid), float(least[2].mid)] if apart else "not decided"

    yield by.recursion("twelve steps of Newton's method", newton)
    yield by.enumeration(
        "the lowest of all, in interval arithmetic",
        lowest,
        rtol=1e-11,
        because="the intervals are 10⁻¹² wide",
    )
