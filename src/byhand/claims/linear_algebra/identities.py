"""Claims of B1.2: five derivatives in numerator layout, at an example and for all values."""

from __future__ import annotations

import numpy as np
import sympy as sp

from byhand import linear_algebra as la
from byhand.backpropagation import jacobian
from byhand.claims.linear_algebra._exact import (
    adjugate,
    derivatives,
    equal,
    first_differences,
    freed,
    symbols,
    unknown,
    vanishes,
)
from byhand.evidence import by, case, claim, holds, prove, sheet, slip

A = ((1, 2, 0), (3, -1, 4))
X, Y, Z = (2, 1, 4), (2, -1), (1, 2)
"""The example: A x has two entries, x three; x is the value of x_of at z. B1.2iv has another y."""


def exact(numbers) -> np.ndarray:
    return np.array(numbers, dtype=object)


def x_of(z):
    return np.stack([z[0] * z[1], z[0], z[1] ** 2])


def y_of(z):
    return np.stack([z[0], z[1], 1 + 0 * z[0]])


# -- B1.2i: a constant matrix times a vector -----------------------------------------------------


@claim("B1.2i.jacobian", r"$\partial(Ax)/\partial x$ in the example", answer=True)
def matrix_times_vector(A=A, x=X):
    yield by.algebra(
        "SymPy's derivatives of the entries",
        lambda: la.symbolic_jacobian(lambda x: exact(A) @ x, exact(x)),
    )
    yield by.differences(
        "differences, exact for a linear map", lambda: first_differences(lambda x: exact(A) @ x, x)
    )
    yield sheet("∂y/∂x = A", lambda: A)
    yield slip("this is the transpose, as in denominator layout", lambda: np.transpose(A))
    yield slip("this is y = Ax itself", lambda: np.array(A) @ np.array(x))


@claim(
    "B1.2i.general",
    r"$A(x + h) - Ax = Ah$, so that $\partial(Ax)/\partial x = A$",
    for_all=r"$A$ of shape $2\times3$ and all $x$, $h$",
)
def matrix_times_any_vector():
    def proved():
        A, x, h = symbols("a", 2, 3), symbols("x", 3), symbols("h", 3)
        increment = A @ (x + h) - A @ x
        return prove(equal(increment, A @ h), altered=[equal(increment, A[:, ::-1] @ h)])

    def entry_by_entry():
        a = [sp.symbols(f"a{i}:3") for i in "pq"]
        x = sp.symbols("x:3")
        y = [sum(a[i][k] * x[k] for k in range(3)) for i in range(2)]
        agree = [sp.diff(y[i], x[j]) == a[i][j] for i in range(2) for j in range(3)]
        return holds(
            all(agree), f"{sum(agree)} of {len(agree)} partial derivatives are the entries"
        )

    yield by.prover("Z3", proved)
    yield by.algebra("each partial derivative of the sums", entry_by_entry)


# -- B1.2ii: a vector that depends on another ----------------------------------------------------


@claim("B1.2ii.example", r"$\partial(A\,x(z))/\partial z$ in the example", answer=True)
def chain_at_the_example(A=A, z=Z):
    def y(z):
        return exact(A) @ x_of(z)

    yield by.algebra("SymPy's derivatives", lambda: la.symbolic_jacobian(y, exact(z)))
    yield by.differences("differences, exact for polynomials", lambda: first_differences(y, z))
    yield by.autodiff(
        "reverse mode", lambda: jacobian(lambda z: np.array(A) @ x_of(z))(np.array(z, dtype=float))
    )
    yield slip("the derivative of x is missing", lambda: A)
    yield slip("this is ∂x/∂z; A is missing", lambda: [[z[1], z[0]], [1, 0], [0, 2 * z[1]]])


@claim(
    "B1.2ii.*",
    r"$\partial(A\,x(z))/\partial z = A\,\partial x/\partial z$",
    cases=[
        case("vector", "$z$ of two entries", entries=2),
        case("scalar", "a number $z$", entries=1),
    ],
    for_all=r"$A$ of shape $2\times3$ and all differentiable $x(z)$",
)
def chain(entries=2):
    def proved():
        z = list(symbols("z", entries))
        A, x = symbols("a", 2, 3), unknown("x", (3,), z)
        left, slope = freed(derivatives(A @ x, z)), freed(derivatives(x, z))
        return prove(equal(left, A @ slope), altered=[equal(left, A[:, ::-1] @ slope)])

    def first_order():
        """x(z + tw) = x + t Dw + …, put into A x: the factor of t is A D w."""
        t, a = sp.Symbol("t"), sp.Matrix(2, 3, sp.symbols("a:6"))
        x, D = sp.Matrix(sp.symbols("x:3")), sp.Matrix(3, entries, sp.symbols(f"d:{3 * entries}"))
        w = sp.Matrix(sp.symbols(f"w:{entries}"))
        moved = (a * (x + t * D * w)).applyfunc(lambda entry: sp.expand(entry).coeff(t, 1))
        return holds(vanishes(moved - a * D * w), "the factor of the step is A D w")

    yield by.prover("SymPy's rules for unknown functions, then Z3", proved)
    yield by.algebra("the terms of first order in a step", first_order)
    yield sheet("∂y/∂z = A ∂x/∂z", lambda: True)


@claim("B1.2ii.component", r"$\partial y_1/\partial z$ in the example, one component")
def one_component(A=A, z=Z):
    def first(z):
        return (exact(A) @ x_of(z))[0]

    def written_out(z):
        return A[0][0] * z[0] * z[1] + A[0][1] * z[0] + A[0][2] * z[1] ** 2

    def whole():
        return exact(A) @ exact([[z[1], z[0]], [1, 0], [0, 2 * z[1]]])

    yield by.algebra("SymPy's derivatives", lambda: la.symbolic_jacobian(first, exact(z)))
    yield by.differences(
        "differences, exact for polynomials", lambda: first_differences(written_out, z)
    )
    yield sheet(
        "∂yᵢ/∂z = A ∂x/∂z",
        whole,
        erratum="the middle of (4) lacks the index: ∂yᵢ/∂z is row i of A ∂x/∂z",
    )


@claim(
    "B1.2ii.both",
    r"$\partial(A\,x)/\partial z = (\partial A/\partial z)\,x + A\,\partial x/\partial z$",
    for_all=r"differentiable $A(z)$ of shape $2\times3$ and $x(z)$ of a number $z$",
)
def both_depend():
    def proved():
        z = list(symbols("z", 1))
        A, x = unknown("a", (2, 3), z), unknown("x", (3,), z)
        dA, dx = freed(derivatives(A, z))[..., 0], freed(derivatives(x, z))[..., 0]
        left, A, x = freed(derivatives(A @ x, z)), freed(A), freed(x)
        return prove(equal(left, dA @ x + A @ dx), altered=[equal(left, A @ dx)])

    def first_order():
        t, A, S = (
            sp.Symbol("t"),
            sp.Matrix(2, 3, sp.symbols("a:6")),
            sp.Matrix(2, 3, sp.symbols("s:6")),
        )
        x, d = sp.Matrix(sp.symbols("x:3")), sp.Matrix(sp.symbols("d:3"))
        moved = ((A + t * S) * (x + t * d)).applyfunc(lambda entry: sp.expand(entry).coeff(t, 1))
        return holds(
            vanishes(moved - S * x - A * d), "the factor of the step is the sum of both terms"
        )

    yield by.prover("SymPy's rules for unknown functions, then Z3", proved)
    yield by.algebra("the terms of first order in a step", first_order)


# -- B1.2iii: a bilinear form --------------------------------------------------------------------


def form(y, A, x):
    """Return yᵀAx by plain loops."""
    return sum(y[i] * A[i][j] * x[j] for i in range(len(y)) for j in range(len(x)))


@claim("B1.2iii.x", r"$\partial(y^TAx)/\partial x$ in the example", answer=True)
def form_by_x(A=A, x=X, y=Y):
    yield by.algebra(
        "SymPy's derivatives",
        lambda: la.symbolic_jacobian(lambda x: exact(y) @ exact(A) @ x, exact(x)),
    )
    yield by.differences(
        "differences of the double sum", lambda: first_differences(lambda x: form(y, A, x), x)
    )
    yield sheet("yᵀA", lambda: np.array(y) @ np.array(A))
    yield slip("this is Ax, the derivative by y", lambda: np.array(A) @ np.array(x))


@claim("B1.2iii.y", r"$\partial(y^TAx)/\partial y$ in the example", answer=True)
def form_by_y(A=A, x=X, y=Y):
    yield by.algebra(
        "SymPy's derivatives",
        lambda: la.symbolic_jacobian(lambda y: y @ exact(A) @ exact(x), exact(y)),
    )
    yield by.differences(
        "differences of the double sum", lambda: first_differences(lambda y: form(y, A, x), y)
    )
    yield sheet("xᵀAᵀ", lambda: np.array(x) @ np.array(A).T)
    yield slip("this is yᵀA, the derivative by x", lambda: np.array(y) @ np.array(A))


@claim("B1.2iii.matrix", r"$\partial(y^TAx)/\partial A$ in the example")
def form_by_matrix(A=A, x=X, y=Y):
    yield by.algebra(
        "SymPy's derivatives",
        lambda: la.symbolic_jacobian(lambda A: exact(y) @ A @ exact(x), exact(A)),
    )
    yield by.differences(
        "differences of the double sum", lambda: first_differences(lambda A: form(y, A, x), A)
    )
    yield slip("this is the transpose", lambda: np.outer(x, y))


@claim(
    "B1.2iii.increment-*",
    "the increment of the form, in numerator layout",
    cases=[
        case("x", r"by $x$: $(y^TA)\,h$", by_what="x"),
        case("y", r"by $y$: $(x^TA^T)\,h$", by_what="y"),
        case("matrix", r"by $A$: $\sum_{ij} y_ix_j\,h_{ij}$", by_what="A"),
    ],
    for_all=r"$A$ of shape $2\times3$ and all $x$, $y$ and steps",
)
def increments(by_what="x"):
    def proved():
        A, x, y = symbols("a", 2, 3), symbols("x", 3), symbols("y", 2)
        h = {"x": symbols("h", 3), "y": symbols("h", 2), "A": symbols("h", 2, 3)}[by_what]
        moved = {
            "x": lambda: y @ A @ (x + h),
            "y": lambda: (y + h) @ A @ x,
            "A": lambda: y @ (A + h) @ x,
        }
        by_hand = {
            "x": lambda h: y @ A @ h,
            "y": lambda h: x @ A.T @ h,
            "A": lambda h: np.sum(np.outer(y, x) * h),
        }[by_what]
        increment = moved[by_what]() - y @ A @ x
        right, wrong = by_hand(h), by_hand(h[..., ::-1])
        return prove(equal(increment, right), altered=[equal(increment, wrong)])

    def entry_by_entry():
        A = [sp.symbols(f"{row}:3") for row in "ab"]
        x, y = sp.symbols("x:3"), sp.symbols("y:2")
        alpha = form(y, A, x)
        by_hand = {
            "x": [(x[j], sum(y[i] * A[i][j] for i in range(2))) for j in range(3)],
            "y": [(y[i], sum(A[i][j] * x[j] for j in range(3))) for i in range(2)],
            "A": [(A[i][j], y[i] * x[j]) for i in range(2) for j in range(3)],
        }[by_what]
        agree = [sp.expand(sp.diff(alpha, by) - value) == 0 for by, value in by_hand]
        return holds(
            all(agree), f"{sum(agree)} of {len(agree)} partial derivatives are the factors"
        )

    yield by.prover("Z3", proved)
    yield by.algebra("each partial derivative of the double sum", entry_by_entry)


@claim(
    "B1.2iii.same",
    r"$(x + h)^TQ(x + h) - x^TQx = x^T(Q + Q^T)\,h + h^TQh$",
    for_all=r"$Q$ of shape $3\times3$ and all $x$, $h$",
)
def same_vector_twice():
    def proved():
        Q, x, h = symbols("q", 3, 3), symbols("x", 3), symbols("h", 3)
        increment = (x + h) @ Q @ (x + h) - x @ Q @ x
        right, wrong = x @ (Q + Q.T) @ h + h @ Q @ h, 2 * x @ Q @ h + h @ Q @ h
        return prove(equal(increment, right), altered=[equal(increment, wrong)])

    def entry_by_entry():
        Q, x = [sp.symbols(f"{row}:3") for row in "abc"], sp.symbols("x:3")
        alpha = form(x, Q, x)
        slopes = [sum(x[i] * (Q[i][j] + Q[j][i]) for i in range(3)) for j in range(3)]
        agree = [sp.expand(sp.diff(alpha, x[j]) - slopes[j]) == 0 for j in range(3)]
        return holds(all(agree), f"{sum(agree)} of {len(agree)} partial derivatives agree")

    yield by.prover("Z3", proved)
    yield by.algebra("each partial derivative of the double sum", entry_by_entry)


@claim("B1.2iii.quotient", r"$y^TAh/\lVert h\rVert$ has no limit as $h\to0$, in the example")
def quotient(A=A, y=Y):
    def along_the_axes():
        r = sp.Symbol("r", positive=True)
        row = sp.Matrix([y]) * sp.Matrix(A)
        slopes = [
            sp.limit((row * (r * sp.eye(row.cols)[:, j]))[0] / r, r, 0) for j in range(row.cols)
        ]
        gap = max(slopes) - min(slopes)
        return holds(gap > 0, f"limits {', '.join(map(str, slopes))} along the axes")

    def around():
        """Steps of five lengths down to 10⁻¹², each in many directions."""
        rng = np.random.default_rng(12)
        spreads = []
        for length in 10.0 ** -np.arange(0, 13, 3):
            h = rng.normal(size=(200, len(A[0])))
            h *= length / np.linalg.norm(h, axis=1, keepdims=True)
            spreads.append(np.ptp([form(y, A, one) / length for one in h]))
        return holds(min(spreads) > 1, f"spread {min(spreads):.1f} or more at every length")

    yield by.algebra("limits along the axes", along_the_axes)
    yield by.experiment("200 directions at five lengths", around)
    yield sheet(
        "lim yᵀAh/h = yᵀA",
        lambda: False,
        erratum="(5), (6) divide by a vector; the derivative is the map h ↦ yᵀAh",
    )


# -- B1.2iv: an inner product of two functions ---------------------------------------------------


@claim("B1.2iv.example", r"$\partial(y^Tx)/\partial z$ in the example", answer=True)
def inner_product_at_the_example(z=Z):
    def alpha(z):
        return y_of(z) @ x_of(z)

    def multiplied_out(z):
        return z[0] ** 2 * z[1] + z[0] * z[1] + z[1] ** 2

    def rows():
        x, y = x_of(exact(z)), y_of(exact(z))
        dx, dy = exact([[z[1], z[0]], [1, 0], [0, 2 * z[1]]]), exact([[1, 0], [0, 1], [0, 0]])
        return y, dx, x, dy

    def printed():
        y, dx, x, dy = rows()
        return y @ dx + x @ dy

    def one_term():
        y, dx, _, _ = rows()
        return y @ dx

    yield by.algebra("SymPy's derivatives", lambda: la.symbolic_jacobian(alpha, exact(z)))
    yield by.differences(
        "differences, exact for polynomials", lambda: first_differences(multiplied_out, z)
    )
    yield sheet("yᵀ ∂x/∂z + xᵀ ∂y/∂z", printed)
    yield slip("the term with ∂y/∂z is missing", one_term)


@claim("B1.2iv.terms", r"$\partial(y^Tx)/\partial z_1$ in the example, as a sum over $k$")
def term_by_term(z=Z):
    def summed():
        x, y = (z[0] * z[1], z[0], z[1] ** 2), (z[0], z[1], 1)
        dx, dy = (z[1], 1, 0), (1, 0, 0)
        return sum(dy[k] * x[k] + y[k] * dx[k] for k in range(3))

    def multiplied_out():
        a, b = sp.symbols("a b")
        alpha = sp.expand(sp.Matrix([a, b, 1]).dot(sp.Matrix([a * b, a, b**2])))
        return sp.diff(alpha, a).subs({a: z[0], b: z[1]})

    yield by.algebra("multiplied out and differentiated", multiplied_out)
    yield by.differences(
        "differences, exact for polynomials",
        lambda: first_differences(lambda z: y_of(z) @ x_of(z), z)[0],
    )
    yield sheet("(7), (8): ∂y₁/∂z x₁ + y₁ ∂x₁/∂z + …", summed)


@claim(
    "B1.2iv.gradient",
    r"$\partial(y^Tx)/\partial z = y^T\,\partial x/\partial z + x^T\,\partial y/\partial z$",
    for_all="differentiable $x(z)$, $y(z)$ of three entries, $z$ of two",
)
def inner_product():
    def proved():
        z = list(symbols("z", 2))
        x, y = unknown("x", (3,), z), unknown("y", (3,), z)
        dx, dy = freed(derivatives(x, z)), freed(derivatives(y, z))
        left, x, y = freed(derivatives(np.array(y @ x), z)), freed(x), freed(y)
        return prove(equal(left, y @ dx + x @ dy), altered=[equal(left, y @ dx - x @ dy)])

    def first_order():
        t = sp.Symbol("t")
        x, y, dx, dy = (sp.Matrix(sp.symbols(f"{name}:3")) for name in ("x", "y", "u", "v"))
        moved = sp.expand((y + t * dy).dot(x + t * dx)).coeff(t, 1)
        return holds(
            vanishes(moved - y.dot(dx) - x.dot(dy)), "the factor of the step is the sum of both"
        )

    yield by.prover("SymPy's rules for unknown functions, then Z3", proved)
    yield by.algebra("the terms of first order in a step", first_order)


@claim(
    "B1.2iv.norm",
    r"$\partial(x^Tx)/\partial z = 2x^T\,\partial x/\partial z$",
    for_all="differentiable $x(z)$ of three entries, $z$ of two",
)
def squared_norm():
    def proved():
        z = list(symbols("z", 2))
        x = unknown("x", (3,), z)
        slope, left = freed(derivatives(x, z)), freed(derivatives(np.array(x @ x), z))
        x = freed(x)
        return prove(equal(left, 2 * x @ slope), altered=[equal(left, x @ slope)])

    def first_order():
        t, x, d = sp.Symbol("t"), sp.Matrix(sp.symbols("x:3")), sp.Matrix(sp.symbols("d:3"))
        moved = sp.expand((x + t * d).dot(x + t * d)).coeff(t, 1)
        return holds(vanishes(moved - 2 * x.dot(d)), "the factor of the step is twice the product")

    yield by.prover("SymPy's rules for unknown functions, then Z3", proved)
    yield by.algebra("the terms of first order in a step", first_order)


# -- B1.2v: the inverse of a matrix --------------------------------------------------------------

M, DM = ((1, 3), (1, 2)), ((0, 1), (0, 0))
"""M(α) = ((1, α), (1, 2)) at α = 3, and its derivative."""

R = ((2, 1, 0), (0, 3, 1), (1, 1, 2))
E = ((0, 1, 0), (0, 0, 2), (1, 0, 0))
"""A matrix that is not symmetric, so that a transposed solve shows, and a direction."""


@claim("B1.2v.example", r"$\partial M^{-1}/\partial\alpha$ at $\alpha = 3$", answer=True)
def inverse_at_the_example(M=M, dM=DM):
    def of_the_entries():
        t = sp.Symbol("t")
        inverse = (sp.Matrix(M) + t * sp.Matrix(dM)).inv()
        return sp.diff(inverse, t).subs(t, 0).tolist()

    def printed():
        inverse = sp.Matrix(M).inv()
        return (-inverse * sp.Matrix(dM) * inverse).tolist()

    def wrong_order():
        return (-(sp.Matrix(M).inv() ** 2) * sp.Matrix(dM)).tolist()

    yield by.algebra("the entries of the inverse differentiated", of_the_entries)
    yield by.closed_form(
        "two solves with M",
        lambda: la.inverse_derivative(np.array(M, dtype=float), np.array(dM, dtype=float)),
        floor=1e-15,
        because="an entry that is 0 is left with rounding",
    )
    yield sheet("-A⁻¹ ∂A/∂α A⁻¹", printed)
    yield slip(
        "the factors are in another order: the inverses belong on the two sides", wrong_order
    )
    yield slip("the sign is missing", lambda: (-sp.Matrix(printed())).tolist())


@claim(
    "B1.2v.order",
    r"$-A^{-1}DA^{-1} = -A^{-2}D$ if and only if $AD = DA$",
    for_all=r"invertible $A$ and all $D$ of shape $2\times2$",
)
def order_of_the_factors():
    def proved():
        A, D = symbols("a", 2, 2), symbols("d", 2, 2)
        cofactors, determinant = adjugate(A)
        same = equal(cofactors @ D @ cofactors, cofactors @ cofactors @ D)
        commute = equal(A @ D, D @ A)
        return prove(
            sp.Equivalent(same, commute),
            given=[sp.Ne(determinant, 0)],
            altered=[sp.Equivalent(same, equal(A @ D, -D @ A))],
        )

    def solved():
        """All D that commute with A, put into the difference; and one that does not."""
        A = sp.Matrix(2, 2, sp.symbols("a:4"))
        unknowns = sp.symbols("d:4")
        D = sp.Matrix(2, 2, unknowns)
        (found,) = sp.linsolve(list(A * D - D * A), unknowns)
        commuting = sp.Matrix(2, 2, list(found))

        def gap(D):
            return (A.inv() * D * A.inv() - A.inv() ** 2 * D).applyfunc(sp.simplify)

        other = gap(sp.Matrix([[0, 1], [0, 0]]))
        truth = gap(commuting).is_zero_matrix and not other.is_zero_matrix
        return holds(truth, "zero for every D that commutes, not for a single 1")

    yield by.prover("Z3", proved)
    yield by.algebra("the matrices that commute, put in", solved)


def of_unknown_entries(names: str):
    """Return a 2×2 matrix of unknown functions of α, its derivative, its inverse and that's."""
    z = [sp.Symbol("alpha", real=True)]
    functions = {name: sp.Function(name)(*z) for name in sorted(set(names))}
    A = np.array([functions[name] for name in names], dtype=object).reshape(2, 2)
    cofactors, determinant = adjugate(A)
    slope = freed(derivatives(cofactors / determinant, z))[..., 0]
    dA, (A, inverse) = freed(derivatives(A, z))[..., 0], (freed(A), freed(cofactors / determinant))
    return A, dA, inverse, slope


def first_order_of_inverse(symmetric: bool = False):
    """Solve (A + tD)(B + tX) = I for X in first order: AX + DB = 0, without differentiating."""
    a, b, c, d = sp.symbols("a b c d")
    p, q, r, s = sp.symbols("p q r s")
    A = sp.Matrix([[a, b], [b if symmetric else c, d]])
    D = sp.Matrix([[p, q], [q if symmetric else r, s]])
    unknowns = sp.symbols("x:4")
    X = sp.Matrix(2, 2, unknowns)
    (found,) = sp.linsolve(list(A * X + D * A.inv()), unknowns)
    return A, D, sp.Matrix(2, 2, list(found))


@claim(
    "B1.2v.derivative",
    r"$\partial A^{-1}/\partial\alpha = -A^{-1}(\partial A/\partial\alpha)A^{-1}$",
    for_all=r"invertible, differentiable $A(\alpha)$ of shape $2\times2$",
)
def inverse():
    def proved():
        _, dA, B, slope = of_unknown_entries("abcd")
        right, wrong = -B @ dA @ B, -B @ B @ dA
        return prove(equal(slope, right), altered=[equal(slope, wrong)])

    def solved():
        A, D, X = first_order_of_inverse()
        gap = X + A.inv() * D * A.inv()
        return holds(gap.applyfunc(sp.simplify).is_zero_matrix, "the one solution of AX + DA⁻¹ = 0")

    yield by.prover("SymPy's rules for unknown functions, then Z3", proved)
    yield by.algebra("the equation of first order solved", solved)


@claim(
    "B1.2v.product",
    r"$(\partial A^{-1}/\partial\alpha)\,A + A^{-1}\,\partial A/\partial\alpha = 0$",
    for_all=r"invertible, differentiable $A(\alpha)$ of shape $2\times2$",
)
def product_of_inverse():
    def proved():
        A, dA, B, slope = of_unknown_entries("abcd")
        zero = np.zeros((2, 2), dtype=int)
        return prove(
            equal(slope @ A + B @ dA, zero),
            altered=[equal(slope @ A - B @ dA, zero)],
        )

    def solved():
        A, D, X = first_order_of_inverse()
        both = (X * A + A.inv() * D).applyfunc(sp.simplify)
        return holds(both.is_zero_matrix, "both terms cancel")

    yield by.prover("SymPy's rules for unknown functions, then Z3", proved)
    yield by.algebra("the equation of first order solved", solved)
    yield sheet("(11): their sum is 0", lambda: True)


@claim(
    "B1.2v.resolvent",
    r"$A_h^{-1} - A^{-1} = -A_h^{-1}(A_h - A)A^{-1}$",
    for_all=r"invertible $A$, $A_h$ of shape $2\times2$",
)
def resolvent():
    def proved():
        A, moved = symbols("a", 2, 2), symbols("b", 2, 2)
        (cofactors, d), (moved_cofactors, e) = adjugate(A), adjugate(moved)
        one, other = cofactors / d, moved_cofactors / e
        return prove(
            equal(other - one, -other @ (moved - A) @ one),
            altered=[equal(other - one, other @ (moved - A) @ one)],
        )

    def for_any_size():
        """With letters that do not commute: B_h for the inverse of A_h, B for that of A."""
        A, moved, B, moved_B = sp.symbols("A A_h B B_h", commutative=False)
        product = sp.expand(-moved_B * (moved - A) * B)
        found = product.subs(moved_B * moved, 1).subs(A * B, 1)
        return holds(sp.expand(found - moved_B + B) == 0, "matrices of any size", product)

    yield by.prover("Z3", proved)
    yield by.algebra("letters that do not commute", for_any_size)


@claim("B1.2v.direction", r"the rate of $(R + tE)^{-1}$ at $t = 0$, $-R^{-1}ER^{-1}$")
def direction(R=R, E=E):
    def of_the_entries():
        t = sp.Symbol("t")
        return sp.diff((sp.Matrix(R) + t * sp.Matrix(E)).inv(), t).subs(t, 0).tolist()

    loose = {"floor": 1e-15, "because": "an entry that is 0 is left with rounding"}
    yield by.algebra("the entries of the inverse differentiated", of_the_entries)
    yield by.closed_form(
        "two solves with R",
        lambda: la.inverse_derivative(np.array(R, dtype=float), np.array(E, dtype=float)),
        **loose,
    )
    yield by.differences(
        "complex step",
        lambda: la.complex_step(lambda t: np.linalg.inv(np.array(R) + t * np.array(E)), 0.0),
        **loose,
    )


@claim(
    "B1.2v.entries",
    r"$\partial(A^{-1})_{ij}/\partial a_{kl} = -(A^{-1})_{ik}(A^{-1})_{lj}$",
    for_all=r"invertible $A$ of shape $2\times2$",
)
def all_entries():
    def proved():
        A = symbols("a", 2, 2)
        cofactors, d = adjugate(A)
        B = cofactors / d
        slopes = derivatives(B, list(A.flat)).reshape(2, 2, 2, 2)
        right, wrong = -np.einsum("ik,lj->ijkl", B, B), -np.einsum("ij,kl->ijkl", B, B)
        return prove(equal(slopes, right), altered=[equal(slopes, wrong)])

    def larger(R=R):
        """All 81 of a 3×3 matrix of floats."""
        B = np.linalg.inv(np.array(R, dtype=float))
        found = la.complex_step(np.linalg.inv, np.array(R, dtype=float))
        worst = 0.0
        for i, j, k, m in np.ndindex(3, 3, 3, 3):
            worst = max(worst, abs(found[i, j, k, m] + B[i, k] * B[m, j]))
        return holds(worst < 1e-14, f"all 81 of a 3×3 matrix to {worst:.0e}")

    yield by.prover("Z3", proved)
    yield by.differences("complex steps for a 3×3 matrix", larger)


@claim(
    "B1.2v.symmetric",
    r"$\partial A^{-1}/\partial\alpha$ is symmetric if every $A(\alpha)$ is",
    for_all=r"invertible, differentiable, symmetric $A(\alpha)$ of shape $2\times2$",
)
def symmetric_inverse():
    def proved():
        *_, slope = of_unknown_entries("abbd")
        *_, other = of_unknown_entries("abcd")
        return prove(equal(slope, slope.T), altered=[equal(other, other.T)])

    def solved():
        _, _, X = first_order_of_inverse(symmetric=True)
        return holds(sp.simplify(X[0, 1] - X[1, 0]) == 0, "the solution's two entries agree")

    yield by.prover("SymPy's rules for unknown functions, then Z3", proved)
    yield by.algebra("the equation of first order solved", solved)


@claim(
    "B1.2v.tied",
    r"$\partial A^{-1}/\partial b = -A^{-1}EA^{-1}$, $b = a_{12} = a_{21}$, with two ones in $E$",
    for_all=r"invertible, symmetric $A$ of shape $2\times2$",
)
def tied():
    def proved():
        a, b, d = sp.symbols("a b d", real=True)
        A = np.array([[a, b], [b, d]], dtype=object)
        cofactors, determinant = adjugate(A)
        B = cofactors / determinant
        slope = derivatives(B, [b])[..., 0]
        both, one = np.array([[0, 1], [1, 0]]), np.array([[0, 1], [0, 0]])
        return prove(
            equal(slope, -B @ both @ B),
            altered=[equal(slope, -B @ one @ B)],
        )

    def measured(A=((2.0, 0.5), (0.5, 1.0))):
        def inverse(b):
            return np.linalg.inv(np.array([[A[0][0], 0], [0, A[1][1]]]) + b * np.eye(2)[::-1])

        found = la.complex_step(inverse, A[0][1])
        B = np.linalg.inv(np.array(A))
        one = B[:, :1] @ B[1:, :]
        gap = np.abs(found + one + one.T).max()
        return holds(
            gap < 1e-14,
            f"at an example to {gap:.0e}; with a single one off by {np.abs(found + one).max():.2f}",
        )

    yield by.prover("Z3", proved)
    yield by.differences("complex step at an example", measured)
