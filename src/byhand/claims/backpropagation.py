"""Claims of chapter 5, Backpropagation."""

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand.backpropagation import grad, relu, sigmoid
from byhand.evidence import by, case, claim, holds, prove, sheet, slip
from byhand.linear_algebra import complex_step

# -- B3.1: where the gradient vanishes -----------------------------------------------------------


@claim(
    "B3.1.largest",
    r"$|\partial L/\partial z| = y(1-y)^2 \le \frac4{27}$ for target 1",
    for_all="$0 < y < 1$",
)
def largest():
    y = sp.Symbol("y", real=True)
    slope = y * (1 - y) ** 2

    def proved():
        return prove(
            slope <= sp.Rational(4, 27), given=[y > 0, y < 1], altered=[slope < sp.Rational(4, 27)]
        )

    def touched():
        """4/27 − y(1 − y)² = (1/3 − y)²(4/3 − y): a double zero at 1/3, and no other below 4/3."""
        gap = sp.Rational(4, 27) - slope
        rest = (sp.Rational(1, 3) - y) ** 2 * (sp.Rational(4, 3) - y)
        return holds(sp.expand(gap - rest) == 0, "touched at y = 1/3")

    def searched():
        """The sweep's slopes over a fine grid of z, and at the z of y = 1/3."""

        def loss(z):
            return (sigmoid(z) - 1.0) ** 2 / 2

        grid = [abs(grad(loss)(z)) for z in np.linspace(-8, 8, 401)]
        top = abs(grad(loss)(-np.log(2)))
        return holds(max(grid) <= 4 / 27 and abs(top - 4 / 27) < 1e-15, f"{top:.12f}")

    yield by.prover("Z3", proved)
    yield by.algebra("the difference factored", touched)
    yield by.autodiff("reverse mode on a grid", searched)


# -- B3.2: identical units -----------------------------------------------------------------------


def exclusive_or(p, activation):
    """Return the loss of weights w₁₁ w₁₂ w₂₁ w₂₂, biases b₁ b₂, v₁ v₂ and c, by plain sums."""
    total = 0
    for (x1, x2), t in zip([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], strict=True):
        units = [activation(p[k] * x1 + p[2 + k] * x2 + p[4 + k]) for k in (0, 1)]
        total = total + (units[0] * p[6] + units[1] * p[7] + p[8] - t) ** 2
    return total


@claim(
    "B3.2.twins",
    "hidden units that start identical get identical gradients",
    for_all=r"weights of a 2-2-1 network; the activation $z^3$ by the prover, any by algebra",
)
def twins():
    def slopes(activation, shift=0):
        """Return pairs of partial derivatives, of the one unit's numbers and of the other's."""
        p, (w1, w2, b, v, c) = sp.symbols("p0:9"), sp.symbols("w1 w2 b v c", real=True)
        identical = dict(zip(p, (w1, w1, w2, w2, b, b, v, v + shift, c), strict=True))
        loss = exclusive_or(p, activation)
        found = [sp.diff(loss, s).subs(identical).doit() for s in p[:8]]
        return list(zip(found[::2], found[1::2], strict=True))

    def proved():
        def equal(shift):
            pairs = slopes(lambda z: z**3, shift)
            return sp.And(*(sp.Eq(*map(sp.expand, pair), evaluate=False) for pair in pairs))

        return prove(equal(0), altered=[equal(1)])

    def of_any_activation():
        differences = [sp.simplify(one - other) for one, other in slopes(sp.Function("a"))]
        return holds(differences == [0] * 4, "four differences, all 0")

    def by_the_tape():
        inputs, targets = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])

        def loss(p):
            residual = relu(inputs @ p[:4].reshape((2, 2)) + p[4:6]) @ p[6:8] + p[8] - targets
            return np.sum(residual * residual)

        off = 0
        for seed in range(60):
            a = [Q(int(n), 3) for n in np.random.default_rng(seed).integers(-9, 10, 5)]
            start = np.array([a[0], a[0], a[1], a[1], a[2], a[2], a[3], a[3], a[4]])
            found = grad(loss)(start)
            off += np.count_nonzero(found[:8:2] != found[1:8:2])
        return holds(off == 0, f"{off} of 240 pairs differ, in fractions, for ReLU")

    yield by.prover("Z3", proved)
    yield by.algebra("SymPy, of an unknown activation", of_any_activation)
    yield by.autodiff("the reverse sweep in fractions, at 60 points", by_the_tape)


# -- D4.1: a derivative by the rules of calculus -------------------------------------------------


def program(x):
    """Run the chapter's function line by line, as problem D4.2 writes it."""
    a = np.exp(x)
    b = a**2
    c = a + b
    return np.exp(c) + np.sin(c)


@claim(
    "D4.1.at*",
    "$f'(x)$",
    cases=[
        case("-1", "$x = -1$", x=-1.0),
        case("0", "$x = 0$", x=0.0),
        case("0.5", r"$x = \frac12$", x=0.5),
        case("1", "$x = 1$", x=1.0),
    ],
    answer=True,
)
def calculus(x=0.5):
    def by_sympy():
        t = sp.Symbol("t", real=True)
        c = sp.exp(t) + sp.exp(t) ** 2
        return float(sp.diff(sp.exp(c) + sp.sin(c), t).subs(t, sp.Rational(x)).evalf(30))

    def inner(x):
        return np.exp(x) + np.exp(x) ** 2

    yield by.algebra("SymPy, to thirty digits", by_sympy)
    yield by.autodiff("reverse mode", lambda: grad(program)(x))
    yield by.differences("complex step", lambda: complex_step(program, x))
    yield sheet(
        "(exp(x) + 2 exp(x)²)(cos(…) + exp(…))",
        lambda: (np.exp(x) + 2 * np.exp(x) ** 2) * (np.cos(inner(x)) + np.exp(inner(x))),
    )
    yield slip("the inner derivative is missing", lambda: np.cos(inner(x)) + np.exp(inner(x)))
    yield slip(
        "the derivative of sin is cos",
        lambda: (np.exp(x) + 2 * np.exp(x) ** 2) * (np.exp(inner(x)) - np.sin(inner(x))),
    )
