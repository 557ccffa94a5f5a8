"""Claims of B3.1: the gradient of a regularized neuron, and where it vanishes."""

from __future__ import annotations

import numpy as np
import sympy as sp

from byhand.backpropagation import grad, jvp, sigmoid, softplus
from byhand.backpropagation.networks import neuron_gradient, neuron_loss
from byhand.backpropagation.tracing import RULES
from byhand.claims.backpropagation._formula import all_same, formulas, same
from byhand.evidence import by, case, claim, holds, prove, sheet, slip
from byhand.linear_algebra import complex_step

W, X = (0.5, -1.0, 2.0, 0.25, -0.75), (1.0, 0.5, -0.25, 2.0, -1.5)


def slope_at(w, b, x):
    """Return y and σ′(z) by their definitions."""
    z = sum(one * other for one, other in zip(w, x, strict=True)) + b
    return 1 / (1 + np.exp(-z)), np.exp(-z) / (1 + np.exp(-z)) ** 2


# -- the gradient, in numbers --------------------------------------------------------------------


@claim("B3.1.dy-dw", r"$\partial y/\partial w$")
def output_by_weights(w=W, b=0.3, x=X):
    def output(w):
        return 1 / (1 + np.exp(-(w @ np.array(x) + b)))

    yield by.autodiff(
        "reverse mode", lambda: grad(lambda v: sigmoid(v @ np.array(x) + b))(np.array(w))
    )
    yield by.differences("complex step", lambda: complex_step(output, np.array(w)))
    yield sheet("σ(z)(1 − σ(z))x", lambda: slope_at(w, b, x)[1] * np.array(x))


BY_WEIGHTS = [
    case("L", r"$\partial L/\partial w$, without the penalty", penalty=0.0),
    case("Lreg", r"$\partial L_{reg}/\partial w$", penalty=0.7),
]

BY_BIAS = [
    case("L", r"$\partial L/\partial b$, without the penalty", penalty=0.0),
    case("Lreg", r"$\partial L_{reg}/\partial b$", penalty=0.7),
]


@claim("B3.1.d*-dw", "the derivatives by the weights", cases=BY_WEIGHTS, answer=True)
def loss_by_weights(w=W, b=0.3, x=X, t=0.8, penalty=0.7):
    def loss(w):
        y = 1 / (1 + np.exp(-(w @ np.array(x) + b)))
        return (y - t) ** 2 / 2 + penalty * (w @ w) / 2

    def delta():
        y, slope = slope_at(w, b, x)
        return (y - t) * slope

    def weighted(factor, shrinking):
        return factor * np.array(x) + shrinking * np.array(w)

    yield by.closed_form(
        "the formula", lambda: neuron_gradient(np.array(w), b, np.array(x), t, penalty)[0]
    )
    yield by.autodiff(
        "reverse mode", lambda: grad(neuron_loss)(np.array(w), b, np.array(x), t, penalty)
    )
    yield by.differences("complex step", lambda: complex_step(loss, np.array(w)))
    printed = "(y − t)σ(z)(1 − σ(z))x" + (" + λw" if penalty else "")
    yield sheet(printed, lambda: weighted(delta(), penalty))
    yield slip(
        "the derivative of σ is missing", lambda: weighted(slope_at(w, b, x)[0] - t, penalty)
    )
    yield slip("the sign: the loss falls with y below t", lambda: weighted(-delta(), penalty))
    if penalty:
        yield slip("the penalty is missing", lambda: weighted(delta(), 0))
        yield slip(
            "the penalty counts twice: it has the factor 1/2",
            lambda: weighted(delta(), 2 * penalty),
        )


@claim("B3.1.d*-db", "the derivatives by the bias", cases=BY_BIAS, answer=True)
def loss_by_bias(w=W, b=0.3, x=X, t=0.8, penalty=0.7):
    def loss(b):
        y = 1 / (1 + np.exp(-(np.dot(w, x) + b)))
        return (y - t) ** 2 / 2 + penalty * np.dot(w, w) / 2

    def delta():
        y, slope = slope_at(w, b, x)
        return (y - t) * slope

    yield by.closed_form(
        "the formula", lambda: neuron_gradient(np.array(w), b, np.array(x), t, penalty)[1]
    )
    yield by.autodiff(
        "reverse mode",
        lambda: grad(lambda b: neuron_loss(np.array(w), b, np.array(x), t, penalty))(b),
    )
    yield by.differences("complex step", lambda: complex_step(loss, b))
    yield sheet("(y − t)σ(z)(1 − σ(z))", lambda: delta())
    yield slip("the derivative of σ is missing", lambda: slope_at(w, b, x)[0] - t)
    if penalty:
        yield slip("the bias is not penalized", lambda: delta() + penalty * b)


# -- the gradient, for all numbers ---------------------------------------------------------------

ALL = "$w$ and $x$ of two entries, $b$, $t$ and $λ$"


def symbolic():
    """Return w and x of two entries, b, t and λ as formulas."""
    w1, w2, x1, x2, b, t, lam = formulas("w1 w2 x1 x2 b t λ")
    return np.array([w1, w2]), np.array([x1, x2]), b, t, lam


def written_out():
    """Return SymPy's symbols and the loss written out in them."""
    w1, w2, x1, x2, b, t, lam = symbols = sp.symbols("w1 w2 x1 x2 b t λ", real=True)
    y = 1 / (1 + sp.exp(-(w1 * x1 + w2 * x2 + b)))
    return symbols, (y - t) ** 2 / 2 + lam * (w1**2 + w2**2) / 2, (y - t) * y * (1 - y)


@claim("B3.1.symbolic-w", r"$\partial L_{reg}/\partial w = \delta x + \lambda w$", for_all=ALL)
def weights_for_all():
    def proved():
        w, x, b, t, lam = symbolic()
        swept = grad(neuron_loss)(w, b, x, t, lam)
        y = 1 / (1 + np.exp(-(w[0] * x[0] + w[1] * x[1] + b)))
        by_hand = (y - t) * y * (1 - y) * x + lam * w
        return prove(all_same(swept, by_hand), altered=[all_same(swept, by_hand - lam * w)])

    def differentiated():
        (w1, w2, x1, x2, *_, lam), loss, delta = written_out()
        found = [loss.diff(w1) - delta * x1 - lam * w1, loss.diff(w2) - delta * x2 - lam * w2]
        return holds([sp.simplify(each) for each in found] == [0, 0], "both differences are 0")

    yield by.prover("Z3, of the reverse sweep", proved)
    yield by.algebra("SymPy differentiates", differentiated)

    def printed():
        (w1, *_, lam), loss, _ = written_out()
        without = loss.subs(lam, 0)
        return sp.simplify(loss.diff(w1) - without.diff(w1) - lam * (w1**2 / 2).diff(w1)) == 0

    yield sheet("∂L/∂w + λ ∂R/∂w", printed)


@claim("B3.1.symbolic-b", r"$\partial L_{reg}/\partial b = \delta$", for_all=ALL)
def bias_for_all():
    def proved():
        w, x, b, t, lam = symbolic()
        swept = grad(lambda b: neuron_loss(w, b, x, t, lam))(b)
        y = 1 / (1 + np.exp(-(w[0] * x[0] + w[1] * x[1] + b)))
        by_hand = (y - t) * y * (1 - y)
        return prove(same(swept, by_hand), altered=[same(swept, by_hand + lam * b)])

    def differentiated():
        symbols, loss, delta = written_out()
        return holds(sp.simplify(loss.diff(symbols[4]) - delta) == 0, "the difference is 0")

    yield by.prover("Z3, of the reverse sweep", proved)
    yield by.algebra("SymPy differentiates", differentiated)


@claim("B3.1.dR-dw", r"$\partial R/\partial w$")
def penalty_by_weights():
    def pushed():
        w = np.array(sp.symbols("w1 w2", real=True))
        units = np.eye(2, dtype=int).astype(object)
        return [jvp(lambda w: w @ w / 2, w, unit)[1] for unit in units]

    def differentiated():
        w1, w2 = sp.symbols("w1 w2", real=True)
        return [((w1**2 + w2**2) / 2).diff(each) for each in (w1, w2)]

    yield by.autodiff("forward mode on symbols", pushed)
    yield by.algebra("SymPy differentiates", differentiated)
    yield sheet("w", lambda: sp.symbols("w1 w2", real=True))


@claim("B3.1.dR-db", r"$\partial R/\partial b$")
def penalty_by_bias(w=W, b=0.3, x=X, t=0.8):
    def swept(penalty):
        return grad(lambda b: neuron_loss(np.array(w), b, np.array(x), t, penalty))(b)

    def differentiated():
        (*_, b, _, lam), loss, _ = written_out()
        return sp.simplify(loss.diff(lam).diff(b))

    yield by.autodiff("what a penalty adds to the reverse sweep", lambda: swept(0.7) - swept(0))
    yield by.algebra("SymPy differentiates", differentiated)
    yield sheet("0")


# -- where the gradient vanishes -----------------------------------------------------------------


@claim("B3.1.saturated", r"$\partial L/\partial z$ at $z = -20$, with target 1")
def saturated(z=-20.0):
    def squared(z):
        return (sigmoid(z) - 1.0) ** 2 / 2

    yield by.autodiff("reverse mode", lambda: grad(squared)(z))
    yield by.closed_form(
        "−exp(−2z)/(1 + exp(−z))³", lambda: -np.exp(-2 * z) / (1 + np.exp(-z)) ** 3
    )


@claim(
    "B3.1.cross-entropy",
    r"$\partial L_{ce}/\partial z = y - t$",
    for_all="$z$ and $t$",
)
def cross_entropy():
    def by_its_definition():
        """The derivative by y, times σ′ as the reverse sweep finds it."""
        z, t = formulas("z t")
        y, slope = sigmoid(z), grad(sigmoid)(z)
        found = (y - t) / (y * (1 - y)) * slope
        return prove(same(found, y - t), altered=[same(found, (y - t) * slope)])

    def differentiated():
        z, t = sp.symbols("z t", real=True)
        y = 1 / (1 + sp.exp(-z))
        slope = (-t * sp.log(y) - (1 - t) * sp.log(1 - y)).diff(z)
        return holds(sp.simplify(slope - y + t) == 0, "the difference is 0")

    def in_doubles():
        points = [(z, t) for z in np.linspace(-40, 40, 81) for t in (0.0, 0.3, 1.0)]
        found = [grad(lambda z, t: t * softplus(-z) + (1 - t) * softplus(z))(*p) for p in points]
        expected = [np.exp(z) / (1 + np.exp(z)) - t for z, t in points]
        off = np.abs(np.subtract(found, expected)).max()
        return holds(off < 1e-15, off)

    yield by.prover("Z3, of the reverse sweep's slope", by_its_definition)
    yield by.algebra("SymPy differentiates", differentiated)
    yield by.autodiff("the program with softplus, at 243 points", in_doubles)


@claim("B3.1.slope", r"$\sigma'(40)$, which $\sigma(1 - \sigma)$ in doubles makes 0")
def slope_kept(z=40.0):
    def to_fifty_digits():
        return float((1 / (sp.exp(z) + 2 + sp.exp(-z))).evalf(50))

    yield by.autodiff("reverse mode", lambda: grad(sigmoid)(z))
    yield by.closed_form("σ(z)σ(−z)", lambda: sigmoid(z) * sigmoid(-z))
    yield by.algebra("SymPy, to fifty digits", to_fifty_digits)
    yield slip("1 − σ(z) has canceled to 0", lambda: sigmoid(z) * (1 - sigmoid(z)))


@claim(
    "B3.1.largest",
    r"$|\partial L/\partial z| = y(1-y)^2 \le \frac4{27}$ for target 1",
    for_all="$0 < y < 1$",
)
def largest():
    y, most = sp.Symbol("y", real=True), sp.Rational(4, 27)

    def proved():
        """The loss's slope at y, through the rule by which the sweep passes the sigmoid."""
        bar = grad(lambda y: (y - 1) ** 2 / 2)(y)
        slope = -RULES[sigmoid].pulls[0](bar, y, None)
        return prove(slope <= most, given=[y > 0, y < 1], altered=[slope < most])

    def touched():
        """4/27 − y(1 − y)² = (1/3 − y)²(4/3 − y): a double zero at 1/3, and no other below 4/3."""
        gap = most - y * (1 - y) ** 2
        rest = (sp.Rational(1, 3) - y) ** 2 * (sp.Rational(4, 3) - y)
        return holds(sp.expand(gap - rest) == 0, "touched at y = 1/3")

    def searched():
        """The sweep's slopes over a fine grid of z, and at the z of y = 1/3."""

        def loss(z):
            return (sigmoid(z) - 1.0) ** 2 / 2

        grid = [abs(grad(loss)(z)) for z in np.linspace(-8, 8, 401)]
        top = abs(grad(loss)(-np.log(2)))
        return holds(max(grid) <= 4 / 27 and abs(top - 4 / 27) < 1e-15, f"{top:.12f}")

    yield by.prover("Z3, of the sweep's rules", proved)
    yield by.algebra("the difference factored", touched)
    yield by.autodiff("reverse mode on a grid", searched)
