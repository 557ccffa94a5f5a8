"""Claims of B2.2.1: Newton's method, and the critical points that it may find."""

from __future__ import annotations

import numpy as np
import sympy as sp
from mpmath import iv
from scipy.optimize import minimize_scalar

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


# -- the answer, as formulas ---------------------------------------------------------------------


def through_exponentials():
    """Return ∇f and H: with cos kx = (u + 1/u)/2, u = e^{ikx}, f is rational and ∂u/∂x = iku."""
    u = sp.Symbol("u")
    f = 2 * X**2 + 2 * Y**2 - 17 * Y * (u + 1 / u) / 2 - X * Y

    def along_x(g):
        return g.diff(X) + g.diff(u) * sp.I * sp.pi / 5 * u

    def back(g):
        return sp.expand(g.subs(u, sp.exp(sp.I * sp.pi * X / 5)).rewrite(sp.cos))

    first, second = along_x(f), f.diff(Y)
    mixed = along_x(second)
    matrix = [[along_x(first), mixed], [mixed, second.diff(Y)]]
    return [back(first), back(second)], [[back(g) for g in row] for row in matrix]


@claim(
    "B2.2.1.formula-gradient",
    r"$\nabla f$ for every $(x, y)$",
    answer="formula",
    components=["first", "second"],
)
def gradient_formula():
    sine, cosine = sp.sin(sp.pi * X / 5), sp.cos(sp.pi * X / 5)

    def by_hand(factor=Y):
        return [4 * X + 17 * sp.pi / 5 * factor * sine - Y, 4 * Y - 17 * cosine - X]

    yield by.algebra("SymPy's derivatives", lambda: [F.diff(X), F.diff(Y)])
    yield by.closed_form("through exponentials", lambda: through_exponentials()[0])
    yield by.hand("the product rule and the chain rule", by_hand)
    yield slip("the factor y of the sine term is missing", lambda: by_hand(factor=1))


@claim("B2.2.1.formula-hessian", "$H$ for every $(x, y)$", answer="formula")
def hessian_formula():
    def by_hand():
        off = 17 * sp.pi / 5 * sp.sin(sp.pi * X / 5) - 1
        corner = 4 + 17 * sp.pi**2 / 25 * Y * sp.cos(sp.pi * X / 5)
        return [[corner, off], [off, sp.Integer(4)]]

    yield by.algebra("SymPy's derivatives", lambda: sp.hessian(F, (X, Y)))
    yield by.closed_form("through exponentials", lambda: through_exponentials()[1])
    yield by.hand("the product rule and the chain rule", by_hand)


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
        if 0 in ends[0] or 0 in ends[1]:
            raise ArithmeticError(f"the sign of r at {low} or at {high} is not certain")
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


# -- what can be predicted -----------------------------------------------------------------------

HALF = 0.5
"""γ is taken over the square of this half-width around a critical point."""


def turn_squared(p, q, columns):
    """Return ‖p h₁ + q h₂‖² + 2q²‖h₁‖², for the columns of H(ζ)⁻¹, p = f_xxx and q = f_xxy."""
    (a, c), (b, d) = columns
    return (p * a + q * b) ** 2 + (p * c + q * d) ** 2 + 2 * q**2 * (a**2 + c**2)


@once
def radius_in_intervals(i):
    """Return an interval around min(½, 2/(3γ)) for point i.

    γ² is convex in y, so it is largest at an end of y. There x is halved wherever γ² may exceed
    the largest value seen by more than a ten-thousandth.
    """
    k, x = iv.pi / 5, iv.mpf(list(isolated()[i]))
    sine, cosine = iv.sin(k * x), iv.cos(k * x)
    y = (17 * cosine + x) / 4
    xx, xy = 4 + 17 * k**2 * y * cosine, 17 * k * sine - 1
    det = 4 * xx - xy**2
    columns = (4 / det, -xy / det), (-xy / det, xx / det)

    def turn(at, end):
        p, q = -17 * k**3 * end * iv.sin(k * at), 17 * k**2 * iv.cos(k * at)
        return turn_squared(p, q, columns)

    left, right = (x - HALF).a, (x + HALF).b
    to_do = [(iv.mpf([left, right]), y + sign * HALF) for sign in (-1, 1)]
    seen = kept = iv.mpf(0)
    while to_do:
        at, end = to_do.pop()
        middle = turn(iv.mpf(at.mid), end)
        seen = middle if middle.a > seen.a else seen
        whole = turn(at, end)
        if whole.b > seen.b * (1 + 1e-4):
            to_do += [(iv.mpf([at.a, at.mid]), end), (iv.mpf([at.mid, at.b]), end)]
        elif whole.b > kept.b:
            kept = whole
    gamma = iv.sqrt(iv.mpf([seen.a, max(kept.b, seen.b)]))
    radius = 2 / (3 * gamma)
    return iv.mpf([min(radius.a, HALF), min(radius.b, HALF)])


@claim(
    "B2.2.1.radius-*",
    r"the radius, $\frac2{3\gamma}$ or $\frac12$, of a disc that Newton's method never leaves",
    cases=[case(str(i + 1), f"point {i + 1}", i=i) for i in range(7)],
)
def radius(i=0):
    def searched():
        """The package's third derivatives, by complex steps of its Hessian."""
        f, (x, y) = opt.ripples(), found_by_newton()[i]
        inverse = np.linalg.inv(f.hessian([x, y]))

        def turn(at, end):
            steps = np.array([[at + 1e-30j, end], [at, end + 1e-30j]])
            return ((inverse @ f.hessian(steps).imag / 1e-30) ** 2).sum()

        largest = 0.0
        for end in (y - HALF, y + HALF):
            grid = np.linspace(x - HALF, x + HALF, 101)
            best = max(grid, key=lambda at: turn(at, end))
            low, high = max(best - 0.01, x - HALF), min(best + 0.01, x + HALF)
            inner = minimize_scalar(lambda at: -turn(at, end), bounds=(low, high))  # noqa: B023
            largest = max(largest, turn(best, end), -inner.fun)
        return min(HALF, 2 / 3 / largest**0.5)

    yield by.enumeration("interval arithmetic over the square", lambda: radius_in_intervals(i))
    yield by.differences("complex steps of the package's Hessian, searched", searched)


@claim(
    "B2.2.1.closer",
    r"a step from $e$ ends within $\frac{\gamma e^2}{2(1-\gamma e)}$, less than $e$ exactly if "
    r"$e < \frac2{3\gamma}$",
    for_all=r"$\gamma > 0$ and $0 < e < 1/\gamma$, on $x - \frac\gamma2x^2$, where it is attained",
)
def closer():
    e, gamma = sp.symbols("e gamma", real=True)

    def package_step():
        """The package's step on the gradient x − γx²/2 for x > 0, from e."""
        return opt.newton_raphson(
            lambda x: x - gamma * x**2 / 2,
            lambda x: (1 - gamma * x)[..., None],
            np.array([e]),
            1,
        )[-1][0]

    def proved():
        bound = gamma * e**2 / (2 * (1 - gamma * e))
        after = sp.Abs(package_step())
        return prove(
            sp.And(sp.Eq(after, bound), sp.Equivalent(after < e, 3 * gamma * e < 2)),
            given=[gamma > 0, e > 0, gamma * e < 1],
        )

    def both_sides():
        """From a thousandth inside and outside of the radius, on the odd continuation."""
        ends = []
        for start in (0.999, 1.001):
            x = start * 2 / (3 * 0.7)
            for _ in range(30):
                x -= (x - 0.35 * x * abs(x)) / (1 - 0.7 * abs(x))
                if abs(x) > 1 / 0.7:
                    break
            ends.append(abs(x))
        return holds(ends[0] < 1e-9 and ends[1] > 1 / 0.7, "arrives from 0.999, lost from 1.001")

    yield by.prover("Z3, of the package's step", proved)
    yield by.recursion("two starts beside the radius", both_sides)


@once
def radii_on_a_grid():
    """Return min(½, 2/(3γ)) of each point, with the third derivatives written out."""
    k, found = np.pi / 5, []
    for x, y in found_by_newton():
        h = np.linalg.inv(opt.ripples().hessian([x, y]))
        at, end = np.linspace(x - HALF, x + HALF, 401), np.array([[y - HALF], [y + HALF]])
        p, q = -17 * k**3 * end * np.sin(k * at), 17 * k**2 * np.cos(k * at)
        gamma = np.sqrt(turn_squared(p, q, h.T).max())
        found.append(min(HALF, 2 / 3 / gamma))
    return found


def circle(center, radius, count):
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return center + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def written_out(points, steps):
    """Return where Newton's method goes, its linear systems solved by Cramer's rule."""
    (x, y), k = np.moveaxis(points, -1, 0), np.pi / 5
    with np.errstate(all="ignore"):
        for _ in range(steps):
            sine, cosine = np.sin(k * x), np.cos(k * x)
            g, h = 4 * x + 17 * k * y * sine - y, 4 * y - 17 * cosine - x
            xx, xy = 4 + 17 * k**2 * y * cosine, 17 * k * sine - 1
            det = 4 * xx - xy**2
            x, y = x - (4 * g - xy * h) / det, y - (xx * h - xy * g) / det
    return np.stack([x, y], axis=-1)


@once
def radii_in_intervals():
    """Return the middles of the intervals around the radii."""
    return [float(radius_in_intervals(i).mid) for i in range(7)]


@claim(
    "B2.2.1.arrives",
    "from 720 starts just inside each disc Newton's method arrives, and the first step already "
    "halves the distance",
)
def arrives():
    def package():
        f, first, last = opt.ripples(), [], []
        for center, r in zip(found_by_newton(), radii_on_a_grid(), strict=True):
            points = opt.newton_raphson(f.gradient, f.hessian, circle(center, 0.999 * r, 720), 12)
            off = np.linalg.norm(points - center, axis=-1).max(axis=1)
            first.append(off[1] / r)
            last.append(off[-1])
        right = max(first) < 0.5 and max(last) < 1e-12
        return holds(right, f"to {max(first):.2f} of the radius at most")

    def by_cramer():
        """From the points that interval arithmetic isolates, on circles of other starts."""
        worst, turn = 0.0, np.exp(2j * np.pi * np.arange(720) / 720)
        for ends, r in zip(isolated(), radii_in_intervals(), strict=True):
            x = sum(ends) / 2
            y = (17 * np.cos(np.pi / 5 * x) + x) / 4
            z = 0.999 * r * turn
            once_, twelve = (
                written_out(np.stack([x + z.real, y + z.imag], axis=-1), n) for n in (1, 12)
            )
            worst = max(worst, np.hypot(*(once_ - [x, y]).T).max() / r)
            if np.hypot(*(twelve - [x, y]).T).max() > 1e-11:
                return holds(False, "a start goes astray")
        return holds(worst < 0.5, f"to {worst:.2f} of the radius at most")

    yield by.experiment("the package's steps", package)
    yield by.recursion("Cramer's rule written out, around isolated points", by_cramer)


@claim(
    "B2.2.1.safe",
    "the largest disc that arrives is two to four times as wide as the predicted one",
)
def safe():
    def package():
        f, found = opt.ripples(), []
        for center, r in zip(found_by_newton(), radii_on_a_grid(), strict=True):
            for wide in r * 1.1 ** np.arange(20):
                starts = circle(center, wide, 720)
                ends = opt.newton_raphson(f.gradient, f.hessian, starts, 25)[-1]
                if np.linalg.norm(ends - center, axis=-1).max() > 1e-6:
                    found.append(wide / r)
                    break
        right = len(found) == 7 and min(found) >= 2 and max(found) <= 4
        return holds(right, f"{min(found):.1f} to {max(found):.1f} times")

    def by_cramer():
        """All circles of a point at once, each of 500 starts."""
        found, turn = [], np.exp(2j * np.pi * np.arange(500) / 500)
        for ends, r in zip(isolated(), radii_in_intervals(), strict=True):
            x = sum(ends) / 2
            y = (17 * np.cos(np.pi / 5 * x) + x) / 4
            times = np.arange(1, 5, 0.1)
            z = r * times[:, None] * turn
            last = written_out(np.stack([x + z.real, y + z.imag], axis=-1), 25) - [x, y]
            arrived = (np.hypot(last[..., 0], last[..., 1]) < 1e-6).all(axis=1)
            found.append(times[np.argmin(arrived)])
        return holds(min(found) >= 2 and max(found) <= 4, f"{min(found):.1f} to {max(found):.1f}")

    yield by.experiment("the package's, on circles of 720 starts", package)
    yield by.recursion("Cramer's rule, on circles of 500 starts", by_cramer)


# -- and what cannot -----------------------------------------------------------------------------

SINGULAR = -15 / (2.72 * np.pi**2)
"""y where det H = 15 + 2.72π² y vanishes on the line x = 0."""


@claim(
    "B2.2.1.thrown-*",
    r"how far to the side the step goes from $x = 0$, beside the line $\det H = 0$",
    cases=[case(name, f"{name} above", beside=float(name)) for name in ("0.1", "0.01", "0.001")],
)
def thrown(beside=0.1):
    def package():
        f = opt.ripples()
        start = [0.0, SINGULAR + beside]
        return opt.newton_raphson(f.gradient, f.hessian, start, 1)[-1][0]

    yield by.recursion(
        "the package's step", package, rtol=1e-9, because="det H loses three digits to cancellation"
    )
    yield by.closed_form("17 over the determinant", lambda: 17 / (2.72 * np.pi**2 * beside))


@claim(
    "B2.2.1.interleave",
    "starts on $x = 0$ less than 0.1 from that line lead to all seven points, with over 500 "
    "changes from one to another",
)
def interleave():
    def package():
        f, y = opt.ripples(), SINGULAR + np.linspace(-0.1, 0.1, 4000)
        starts = np.stack([np.zeros(4000), y], axis=-1)
        ends = opt.newton_raphson(f.gradient, f.hessian, starts, 200)[-1]
        distance = np.linalg.norm(ends[:, None] - found_by_newton(), axis=-1)
        which = distance.argmin(axis=1)[distance.min(axis=1) < 1e-6] + 1  # of those that arrive
        changes = np.count_nonzero(np.diff(which))
        return holds(set(which) >= set(range(1, 8)) and changes > 500, f"{changes} changes")

    def by_cramer():
        """The limits told apart by x alone, from the isolated points."""
        y = SINGULAR + np.linspace(-0.1, 0.1, 3000)
        x = written_out(np.stack([0 * y, y], axis=-1), 200)[:, 0]
        limits = [np.abs(x - sum(ends) / 2) < 1e-6 for ends in isolated()]
        names = sum(i * mask for i, mask in enumerate(limits, start=1))
        names = names[names > 0]
        changes = int((names[1:] != names[:-1]).sum())
        return holds(all(map(np.any, limits)) and changes > 500, f"{changes} changes")

    yield by.experiment("4000 starts, by the package", package)
    yield by.recursion("3000 starts, by Cramer's rule", by_cramer)
