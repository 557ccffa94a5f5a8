"""Claims of C-gradients: the true gradients of network C, and two updates with them."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand.backpropagation import grad, jacobian
from byhand.backpropagation.networks import two_layer_loss
from byhand.evidence import by, case, claim, holds, prove, slip
from byhand.linear_algebra import central_difference
from byhand.optimization import adam, gradient_descent, heavy_ball, rmsprop, run

START = (Q(1, 2), Q(0), Q(3, 10), Q(0))
GIVEN = (Q(-6, 5), Q(-3, 5), Q(-2), Q(-1))
PARAMETERS = ("w1", "b1", "w2", "b2")


def start():
    """Return the starting point as an array of fractions."""
    return np.array(START, dtype=object)


def loss(p):
    """Return the package's loss of network C for x = 2 and y = 5."""
    return two_layer_loss(p, 2, 5)


def active(p, x=2):
    """Return the output where both ReLUs are active."""
    w1, b1, w2, b2 = p
    return w2 * (w1 * x + b1) + b2


def backward(p):
    """Return the four adjoints as the text finds them, where both ReLUs are active."""
    h, error = p[0] * 2 + p[1], active(p) - 5
    return np.array([error * p[2] * 2, error * p[2], error * h, error])


def differentiated(p):
    """Return the gradient at p by SymPy, from the output where both ReLUs are active."""
    symbols = sp.symbols("w1 b1 w2 b2")
    at = dict(zip(symbols, p, strict=True))
    value = (active(symbols) - 5) ** 2 / 2
    return [value.diff(one).subs(at) for one in symbols]


# -- the gradients -------------------------------------------------------------------------------


LABEL = r"$\partial L/\partial {}$, for which {:g} was given"
WEIGHTS = [
    case("1", LABEL.format("w_1", -1.2), k=0),
    case("2", LABEL.format("w_2", -2), k=2),
]
BIASES = [
    case("1", LABEL.format("b_1", -0.6), k=1),
    case("2", LABEL.format("b_2", -1), k=3),
]


@claim("C-gradients.w*", "for a weight", cases=WEIGHTS, answer=True)
def by_weight(k=0):
    yield by.autodiff("reverse mode", lambda: grad(loss)(start())[k])
    yield by.autodiff("forward mode", lambda: jacobian(loss, mode="forward")(start())[k])
    yield by.hand("on paper", lambda: {0: Q("-2.82"), 2: Q("-4.7")}[k])
    yield by.algebra("SymPy, both ReLUs active", lambda: differentiated(START)[k])
    yield slip(
        "the sign: the prediction is too low, so the loss falls", lambda: -backward(START)[k]
    )
    if k == 0:
        yield slip("the factor w₂ is missing", lambda: backward(START)[0] / START[2])
        yield slip("the factor x is missing", lambda: backward(START)[0] / 2)


@claim("C-gradients.b*", "for a bias", cases=BIASES, answer=True)
def by_bias(k=1):
    yield by.autodiff("reverse mode", lambda: grad(loss)(start())[k])
    yield by.autodiff("forward mode", lambda: jacobian(loss, mode="forward")(start())[k])
    yield by.hand("on paper", lambda: {1: Q("-1.41"), 3: Q("-4.7")}[k])
    yield by.algebra("SymPy, both ReLUs active", lambda: differentiated(START)[k])
    yield slip(
        "the sign: the prediction is too low, so the loss falls", lambda: -backward(START)[k]
    )
    if k == 1:
        yield slip("the factor w₂ is missing", lambda: backward(START)[1] / START[2])


@claim("C-gradients.differences", "all four, by differences", components=PARAMETERS)
def by_differences():
    def differences():
        return central_difference(loss, np.array(START, dtype=float))

    yield by.autodiff("reverse mode", lambda: grad(loss)(np.array(START, dtype=float)))
    yield by.differences(
        "central differences", differences, rtol=1e-8, because="differences of doubles"
    )
    yield by.algebra("SymPy, both ReLUs active", lambda: differentiated(START))


@claim(
    "C-gradients.not-of-c",
    "no target makes the given gradient the network's",
    for_all="targets $y$",
)
def not_of_c():
    def proved():
        """What the reverse sweep finds at the start, for a target y that is a symbol."""
        y, w1, b1, w2, b2 = sp.symbols("y w1 b1 w2 b2", real=True)
        point = (w1, b1, w2, b2)
        value = (active(point) - y) ** 2 / 2
        at = dict(zip(point, map(sp.Rational, map(str, START)), strict=True))
        found = [value.diff(one).subs(at) for one in point]

        def differs(given):
            pairs = zip(found, given, strict=True)
            return sp.Not(
                sp.And(*(sp.Eq(g, sp.Rational(str(h)), evaluate=False) for g, h in pairs))
            )

        return prove(differs(GIVEN), altered=[differs((*GIVEN[:3], -2))])

    def searched():
        """The gradient as a function of the target is a line: its point nearest to the given."""
        at = np.array(START, dtype=float)
        ends = [grad(lambda p, t=t: two_layer_loss(p, 2.0, t))(at) for t in (0.0, 1.0)]
        along, off = ends[1] - ends[0], np.array(GIVEN, dtype=float) - ends[0]
        rest = off - along * (off @ along) / (along @ along)
        return holds(np.linalg.norm(rest) > 0.1, float(np.linalg.norm(rest)))

    yield by.prover("Z3", proved)
    yield by.autodiff("the nearest gradient by the reverse sweep", searched)


@claim(
    "C-gradients.one-entry",
    r"$\bar b_2$ that goes with the given $\bar w_1$, $\bar b_1$ and $\bar w_2$",
)
def one_entry():
    def from_ratios():
        """w̄₂ = h·ŷ̄ with h = 1, so b̄₂ = ŷ̄ is −2; and w̄₁ = 2·w₂·ŷ̄ and b̄₁ = w₂·ŷ̄ fit."""
        h, errors = START[0] * 2 + START[1], (GIVEN[0] / (2 * START[2]), GIVEN[1] / START[2])
        (error,) = {*errors, GIVEN[2] / h}
        return error

    def solved():
        y = sp.Symbol("y")
        w1, b1, w2, b2 = sp.symbols("w1 b1 w2 b2")
        at = dict(zip((w1, b1, w2, b2), START, strict=True))
        value = (active((w1, b1, w2, b2)) - y) ** 2 / 2
        equations = [
            value.diff(one).subs(at) - g for one, g in zip((w1, b1, w2), GIVEN, strict=False)
        ]
        (target,) = sp.solve(equations, y).values()
        return grad(lambda p: two_layer_loss(p, 2, Q(int(target.p), int(target.q))))(start())[3]

    yield by.closed_form("ratios", from_ratios)
    yield by.autodiff("the reverse sweep for the target that fits the three", solved)


# -- two updates ---------------------------------------------------------------------------------


def written_out(method):
    """Return the two points that a method reaches, its updates and the gradients written out."""
    p0 = start() if method in ("sgd", "momentum") else np.array(START, dtype=float)
    g1 = backward(p0)
    first = {
        "sgd": lambda: g1 / 10,
        "momentum": lambda: g1 / 10,
        "rmsprop": lambda: 0.1 * g1 / np.sqrt(0.1 * g1**2 + 1e-8),
        "adam": lambda: 0.1 * np.sign(g1),
    }
    p1 = p0 - first[method]()
    g2 = backward(p1)
    second = {
        "sgd": lambda: g2 / 10,
        "momentum": lambda: (9 * g1 / 10 + g2) / 10,
        "rmsprop": lambda: 0.1 * g2 / np.sqrt(0.09 * g1**2 + 0.1 * g2**2 + 1e-8),
        "adam": lambda: 0.1 * (0.09 * g1 + 0.1 * g2) / 0.19
        / np.sqrt((0.0099 * g1**2 + 0.01 * g2**2) / 0.0199),
    }  # fmt: skip
    return p1, p1 - second[method]()


def optimized(method):
    """Return the points that the package's optimizer reaches on the reverse sweep's gradients."""
    optimizers = {
        "sgd": lambda: (gradient_descent(Q(1, 10)), start()),
        "momentum": lambda: (
            heavy_ball(Q(1, 10), Q(9, 10), rate="inside", velocity="subtracted"),
            start(),
        ),
        "rmsprop": lambda: (
            rmsprop(0.1, 0.9, 1e-8, epsilon_inside=True),
            np.array(START, dtype=float),
        ),
        "adam": lambda: (adam(0.1, 0.9, 0.99, 1e-18), np.array(START, dtype=float)),
    }
    optimizer, p0 = optimizers[method]()
    return run(optimizer, grad(loss), p0, 2).params


METHODS = [
    case("sgd", "gradient descent", method="sgd"),
    case("momentum", "momentum", method="momentum"),
    case("rmsprop", "RMSProp", method="rmsprop"),
    case("adam", "Adam", method="adam"),
]


@claim(
    "C-gradients.*",
    "parameters after two updates with the true gradients",
    cases=METHODS,
    answer=True,
    components=PARAMETERS,
)
def two_updates(method="sgd"):
    yield by.recursion("the optimizer, on reverse mode's gradients", lambda: optimized(method)[-1])
    yield by.hand("both updates written out", lambda: written_out(method)[1])
    yield slip("only one update", lambda: written_out(method)[0])


@claim("C-gradients.overshoot", "with the true gradients, momentum overshoots within two updates")
def overshoot():
    def on_paper():
        output = active(written_out("momentum")[1])
        return holds(output > 5, float(output))

    def by_the_gradient():
        """b̄₂ = ŷ − y is positive at the end."""
        slope = grad(loss)(optimized("momentum")[-1])[3]
        return holds(slope > 0, float(slope + 5))

    yield by.hand("both updates written out", on_paper)
    yield by.autodiff("the sign of the gradient for the last bias", by_the_gradient)
