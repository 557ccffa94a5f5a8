"""Claims on the derivative as a linear map, and of B1.1: the Jacobian of a gradient."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import sympy as sp

from byhand import linear_algebra as la
from byhand.backpropagation import grad, jacobian
from byhand.claims.linear_algebra._exact import first_differences, psi, second_differences
from byhand.evidence import by, case, claim, exhaust, holds, prove, sheet, slip

# -- the derivative as a linear map --------------------------------------------------------------


@claim("beyond-1.linear-map", r"the derivative of $(x_1x_2,\, x_2 + x_3^2)$ at $(1, 2, 3)$")
def linear_map(x=(1, 2, 3)):
    def f(x):
        return np.stack([x[0] * x[1], x[1] + x[2] ** 2])

    yield by.algebra(
        "SymPy's derivatives of the entries",
        lambda: la.symbolic_jacobian(f, np.array(x, dtype=object)),
    )
    yield by.differences(
        "differences, exact for quadratics",
        lambda: first_differences(lambda x: np.array([x[0] * x[1], x[1] + x[2] * x[2]]), x),
    )
    yield slip(
        "rows and columns are exchanged: that is denominator layout",
        lambda: [[x[1], 0], [x[0], 1], [0, 2 * x[2]]],
    )


@claim(
    "beyond-1.remainder",
    r"$f(x + h) - f(x) - Jh = (h_1h_2,\, h_3^2)$ for $f(x) = (x_1x_2,\, x_2 + x_3^2)$",
    for_all="$x$ and $h$",
)
def remainder():
    x, h = np.array(sp.symbols("x:3", real=True)), np.array(sp.symbols("h:3", real=True))

    def f(x):
        return np.stack([x[0] * x[1], x[1] + x[2] ** 2])

    def proved():
        rest = f(x + h) - f(x) - la.symbolic_jacobian(f, x) @ h
        quadratic = sp.And(sp.Eq(rest[0], h[0] * h[1]), sp.Eq(rest[1], h[2] ** 2))
        altered = sp.And(sp.Eq(rest[0], h[0] * h[1]), sp.Eq(rest[1], 2 * h[2] ** 2))
        return prove(quadratic, altered=[altered])

    def by_degree():
        """In f(x + th) the coefficient of t is J h, and that of t² all that it leaves."""
        t = sp.Symbol("t")
        a, b, c = x + t * h
        entries = [sp.expand(a * b), sp.expand(b + c**2)]
        linear = [entry.coeff(t, 1) for entry in entries]
        by_hand = [x[1] * h[0] + x[0] * h[1], h[1] + 2 * x[2] * h[2]]
        quadratic = [entry.coeff(t, 2) for entry in entries] == [h[0] * h[1], h[2] ** 2]
        agree = quadratic and all(map(sp.Eq, map(sp.expand, linear), by_hand))
        return holds(agree, "the coefficients of t and t² in f(x + th)")

    yield by.prover("Z3", proved)
    yield by.algebra("expanded in powers of the step", by_degree)


# -- B1.1: the Jacobian of a gradient ------------------------------------------------------------


def gradient_of_psi(p):
    u, v, z = p
    return np.stack([2 * u * v, u**2 + z**3, 3 * v * z**2])


@claim("B1.1.jacobian", r"the Jacobian of $f = \nabla\psi$ at $(1, 2, -1)$", answer=True)
def jacobian_of_gradient(p=(1, 2, -1)):
    def at(names):
        return dict(zip(names, p, strict=True))

    def hessian():
        names = sp.symbols("u v z")
        return sp.hessian(psi(*names), names).subs(at(names)).tolist()

    def third_derivatives():
        names = sp.symbols("u v z")
        slopes = [sp.diff(psi(*names), name) for name in names]
        return [sp.hessian(slope, names).subs(at(names)).tolist() for slope in slopes]

    yield by.autodiff(
        "reverse mode through the gradient",
        lambda: jacobian(gradient_of_psi)(np.array(p, dtype=float)),
    )
    yield by.algebra("SymPy's Hessian of ψ", hessian)
    yield by.differences(
        "second differences of ψ, exact for its degree", lambda: second_differences(psi, p)
    )
    yield sheet(
        "equivalent to the Hessian matrix of our function f",
        third_derivatives,
        erratum="it is the Hessian of ψ, as the note after it, f = ∇ψ, shows; f has three Hessians",
    )
    yield slip("the mixed derivatives are missing", lambda: np.diag(np.diag(hessian())))


@claim("B1.1.entries", r"the entries of that Jacobian, as (2) orders its derivatives")
def entries_of_the_jacobian(p=(1, 2, -1)):
    def printed():
        u, v, z = names = sp.symbols("u v z")
        at = dict(zip(names, p, strict=True))
        # As printed, by xⱼ first.
        return [[sp.diff(psi(u, v, z), j, i).subs(at) for j in names] for i in names]

    yield by.algebra(
        "the gradient differentiated",
        lambda: la.symbolic_jacobian(gradient_of_psi, np.array(p, dtype=object)),
    )
    yield by.differences(
        "second differences of ψ, exact for its degree", lambda: second_differences(psi, p)
    )
    yield sheet("(2): ∂y/∂xᵢ∂xⱼ in row i, column j", printed)


@claim("B1.1.mixed", r"$\partial^2\psi/\partial u\,\partial v$ at $(1, 2, -1)$")
def mixed(p=(1, 2, -1)):
    def second_difference():
        (u, v, z), h = p, sp.Symbol("h", positive=True)

        def value(a, b):
            return a**2 * b + b * z**3

        corners = value(u + h, v + h) - value(u + h, v) - value(u, v + h) + value(u, v)
        return sp.limit(corners / h**2, h, 0)

    yield by.differences("the limit of the second difference", second_difference)
    yield by.autodiff(
        "reverse mode through the gradient",
        lambda: jacobian(gradient_of_psi)(np.array(p, dtype=float))[0, 1],
    )


DEGREE = 4


@claim(
    "B1.1.symmetric",
    "$J = J^T$",
    for_all=rf"polynomials $\psi(u, v, z)$ of degree at most {DEGREE}",
)
def symmetric():
    point = np.array(sp.symbols("u v z", real=True))

    def jacobian_of_gradient(turn=0):
        """By SymPy, of the gradient of the general polynomial; ``turn`` makes it none."""

        def general(x):
            monomials = sorted(sp.itermonomials(list(x), DEGREE), key=str)
            return sum(sp.Symbol(f"c{k}", real=True) * m for k, m in enumerate(monomials))

        def gradient(x):
            slopes = la.symbolic_jacobian(general, x)
            return slopes + turn * np.array([x[1], 0, 0])

        return la.symbolic_jacobian(gradient, point)

    def equal_to_its_transpose(J):
        return sp.And(
            *(sp.Eq(J[i, j], J[j, i], evaluate=False) for i, j in ((0, 1), (0, 2), (1, 2)))
        )

    def proved():
        return prove(
            equal_to_its_transpose(jacobian_of_gradient()),
            altered=[equal_to_its_transpose(jacobian_of_gradient(turn=1))],
        )

    def derivative(term, i):
        factor, powers = term
        lowered = tuple(max(p - (k == i), 0) for k, p in enumerate(powers))
        return factor * powers[i], lowered

    def of_monomials():
        """A derivative of uᵃvᵇzᶜ is a factor and another monomial; sums follow by linearity."""

        def commute(one, last=None):
            (i, j), powers = one
            first = derivative(derivative((1, powers), i), j)
            second = derivative(derivative((1, powers), j), i if last is None else (i, j)[last])
            return first == second or first[0] == second[0] == 0

        exponents = [e for e in product(range(DEGREE + 1), repeat=3) if sum(e) <= DEGREE]
        cases = list(product(combinations(range(3), 2), exponents))
        return exhaust(commute, cases, altered=lambda one: commute(one, last=1))

    yield by.prover("Z3, of the general polynomial", proved)
    yield by.enumeration("every monomial, by its exponents", of_monomials)


# -- Peano's function ----------------------------------------------------------------------------


def peano(x, y):
    """Return g(x, y), off the origin."""
    return x * y * (x**2 - y**2) / (x**2 + y**2)


@claim(
    "B1.1.peano-slope-*",
    r"difference quotients of Peano's function are off by at most $|h|$",
    cases=[
        case("x", r"$g(h, s)/h$ from $-s$", by_what="x"),
        case("y", r"$g(s, h)/h$ from $s$", by_what="y"),
    ],
    for_all=r"$h \ne 0$ and all points of the axis",
)
def peano_slopes(by_what="x"):
    def quotient(h, s):
        return (peano(h, s) if by_what == "x" else peano(s, h)) / h

    def proved():
        h, s = sp.symbols("h s", real=True)
        off = sp.Abs(quotient(h, s) - (-s if by_what == "x" else s))
        return prove(off <= sp.Abs(h), given=[sp.Ne(h, 0)], altered=[off <= sp.Abs(h) / 2])

    def factored():
        """Of h, s > 0; a change of sign changes the quotient's sign alone."""
        h, s = sp.symbols("h s", positive=True)
        product = h * s * (h**2 - s**2) / (h**2 + s**2)
        quotient = product / h if by_what == "x" else -product / h
        off = quotient + s if by_what == "x" else s - quotient
        room = sp.factor(h - off)
        return holds(sp.cancel(room * (h**2 + s**2) / (h * (h - s) ** 2)) == 1, "left are", room)

    yield by.prover("Z3", proved)
    yield by.algebra("the room below the bound factored", factored)


@claim(
    "B1.1.peano-mixed-*",
    r"$g(h, k)/(hk)$ is near its limit, the mixed derivative at the origin",
    cases=[
        case("xy", r"first $h \to 0$: within $2h^2/k^2$ of $-1$", first="x"),
        case("yx", r"first $k \to 0$: within $2k^2/h^2$ of $1$", first="y"),
    ],
    for_all=r"$h, k \ne 0$",
)
def peano_mixed(first="x"):
    h, k = sp.symbols("h k", real=True)
    small, large, limit = (h, k, -1) if first == "x" else (k, h, 1)

    def proved():
        off = sp.Abs(peano(h, k) / (h * k) - limit)
        bound = small**2 / large**2
        return prove(off <= 2 * bound, given=[sp.Ne(h, 0), sp.Ne(k, 0)], altered=[off <= bound])

    def factored():
        """The distance is 2 small²/(small² + large²), and large² is less than that sum."""
        quotient = (h**2 - k**2) / (h**2 + k**2)
        distance = sp.factor((quotient - limit) * (1 if first == "x" else -1))
        expected = 2 * small**2 / (small**2 + large**2)
        return holds(sp.cancel(distance - expected) == 0, "the distance is", distance)

    yield by.prover("Z3", proved)
    yield by.algebra("the distance factored", factored)


@claim("B1.1.peano-xy", r"$\partial_y\partial_xg(0,0)$ of Peano's function", answer=True)
def first_x_then_y():
    def limits():
        x, y = sp.symbols("x y", nonzero=True)
        slope = sp.limit(peano(x, y) / x, x, 0)
        return sp.limit(slope / y, y, 0)

    yield by.hand("the derivative of −y", lambda: -1)
    yield by.algebra("limits of limits", limits)
    yield by.differences("differences of differences", lambda: nested_differences(1e-12, 1e-3))
    yield slip("this is the other order", lambda: 1)


@claim("B1.1.peano-yx", r"$\partial_x\partial_yg(0,0)$ of Peano's function", answer=True)
def first_y_then_x():
    def limits():
        x, y = sp.symbols("x y", nonzero=True)
        slope = sp.limit(peano(x, y) / y, y, 0)
        return sp.limit(slope / x, x, 0)

    yield by.hand("the derivative of x", lambda: 1)
    yield by.algebra("limits of limits", limits)
    yield by.differences("differences of differences", lambda: nested_differences(1e-3, 1e-12))
    yield slip("this is the other order", lambda: -1)


def nested_differences(h, k):
    """Return Δ(h, k)/(hk) of Peano's function at the origin, where g is 0 on both axes."""
    return peano(h, k) / (h * k)


@claim(
    "B1.1.peano-remainder",
    r"$\lVert\nabla g(h) - Jh\rVert/\lVert h\rVert$ of Peano's function for $h = (s, s)$",
    components=["$s = 1$", "$s = 10^{-3}$", "$s = 10^{-6}$"],
)
def peano_remainder(powers=(0, -3, -6)):
    """J has the partial derivatives of ∇g at the origin, where ∇g is 0; s is a power of ten."""
    J = np.array([[0, -1], [1, 0]])

    def by_rules():
        x, y = sp.symbols("x y", real=True)
        slopes = [sp.diff(peano(x, y), one) for one in (x, y)]
        found = []
        for s in (sp.Integer(10) ** k for k in powers):
            rest = sp.Matrix([one.subs({x: s, y: s}) for one in slopes]) - sp.Matrix(J @ [s, s])
            found.append(rest.norm() / sp.Matrix([s, s]).norm())
        return found

    def by_sweeps():
        steps = [np.full(2, 10.0**k) for k in powers]
        rests = [grad(lambda p: peano(*p))(h) - J @ h for h in steps]
        return [np.linalg.norm(r) / np.linalg.norm(h) for r, h in zip(rests, steps, strict=True)]

    yield by.algebra("SymPy's derivatives", by_rules)
    yield by.autodiff("reverse mode", by_sweeps)
    yield slip("this is the length of the gradient alone", lambda: [1] * len(powers))


@claim(
    "B1.1.peano-direction",
    r"$\partial_y\partial_x g = c(3 - 2c^2)$ with $c = (x^2 - y^2)/(x^2 + y^2) = \cos2\theta$",
    for_all="points but the origin",
)
def peano_direction():
    def proved():
        x, y = sp.symbols("x y", real=True)
        c = (x**2 - y**2) / (x**2 + y**2)
        slope = sp.diff(peano(x, y), x, y)
        off_the_origin = x**2 + y**2 > 0
        altered = sp.Eq(slope, c * (3 - c**2))
        return prove(sp.Eq(slope, c * (3 - 2 * c**2)), given=[off_the_origin], altered=[altered])

    def in_polar_coordinates():
        r, t = sp.symbols("r theta", positive=True)
        g = r**2 * sp.sin(4 * t) / 4
        by_x = sp.cos(t) * sp.diff(g, r) - sp.sin(t) * sp.diff(g, t) / r
        by_y = sp.sin(t) * sp.diff(by_x, r) + sp.cos(t) * sp.diff(by_x, t) / r
        gap = by_y - sp.cos(2 * t) * (3 - 2 * sp.cos(2 * t) ** 2)
        return holds(sp.expand(gap.rewrite(sp.exp)) == 0, "the same in polar coordinates")

    yield by.prover("Z3", proved)
    yield by.algebra("in polar coordinates", in_polar_coordinates)
