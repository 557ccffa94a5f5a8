"""Claims of B3.2: small and random first weights."""

from __future__ import annotations

from fractions import Fraction as Q
from itertools import product

import numpy as np
import scipy
import sympy as sp

from byhand.backpropagation import grad, hvp, relu, sigmoid, value_and_grad
from byhand.backpropagation.counting import count_operations
from byhand.backpropagation.networks import (
    XOR,
    critical_point_of_identical_units,
    depth_profile,
    initial_parameters,
    last_where,
    squared_error,
)
from byhand.backpropagation.sweeps import record
from byhand.evidence import Estimate, by, case, claim, holds, once, prove, sheet, slip

# -- reason 1: large weights saturate ------------------------------------------------------------

SPREADS = (0.1, 1.0, 10.0)


def outputs(spread, n=100, samples=20_000):
    """Draw outputs of a unit with weights ±s, where the sums z have the standard deviation s√n."""
    rng = np.random.default_rng(32)
    weights = spread / np.sqrt(n) * rng.choice([-1.0, 1.0], size=n)
    return sigmoid(rng.normal(size=(samples, n)) @ weights)


def estimate(sample):
    """Return the mean of a sample and its standard error."""
    return Estimate(np.mean(sample), np.std(sample) / np.sqrt(len(sample)))


def tail(side, spread=10.0):
    """Integrate the density of z over the inputs with σ(z) < 0.01, or > 0.99."""
    density = scipy.stats.norm(scale=spread).pdf
    ends = (-np.inf, -np.log(99)) if side == "low" else (np.log(99), np.inf)
    return scipy.integrate.quad(density, *ends, epsabs=0, epsrel=1e-13)[0]


@claim(
    "B3.2.near-*",
    "share of inputs at an end, where $z$ has the standard deviation 10",
    cases=[
        case("0", r"$\sigma(z) < 0.01$", side="low"),
        case("1", r"$\sigma(z) > 0.99$", side="high"),
    ],
    answer=True,
)
def near(side="low"):
    def drawn():
        y = outputs(10.0)
        return estimate(1.0 * (y < 0.01 if side == "low" else y > 0.99))

    yield by.closed_form("Φ(−log 99/10)", lambda: scipy.stats.norm.cdf(-np.log(99) / 10))
    yield by.algebra(
        "the density integrated", lambda: tail(side), rtol=1e-11, because="SciPy's quadrature"
    )
    yield by.sampling("20 000 inputs", drawn)


@claim("B3.2.both-ends", r"large weights saturate $\sigma$ at 0 as often as at 1")
def both_ends():
    def integrated():
        low, high = tail("low"), tail("high")
        return holds(abs(low - high) < 1e-12 and low > 0.3, low, high)

    def drawn():
        y = outputs(10.0)
        surplus = estimate(1.0 * (y > 0.99) - 1.0 * (y < 0.01))
        low = np.mean(y < 0.01)
        return holds(abs(surplus.value) < 4 * surplus.standard_error and low > 0.3, float(low))

    yield by.algebra("the density integrated over both tails", integrated)
    yield by.experiment("20 000 inputs", drawn)
    yield sheet(
        "σ(z) get close to 1",
        lambda: tail("high") > 2 * tail("low"),
        erratum="large weights make |z| large, not z: half of the saturated units sit near 0",
    )


@claim(
    "B3.2.slope-*",
    r"mean of $\sigma'(z)$ by the standard deviation of $z$",
    cases=[case(f"{s:g}", f"standard deviation {s:g}", spread=s) for s in SPREADS],
)
def mean_slope(spread=1.0):
    def integrated():
        nodes = np.linspace(-9, 9, 20001)
        density = np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
        return scipy.integrate.simpson(density / (4 * np.cosh(spread * nodes / 2) ** 2), x=nodes)

    def drawn():
        y = outputs(spread)
        return estimate(y * (1 - y))

    yield by.closed_form("the integral, by Simpson's rule", integrated)
    yield by.sampling("20 000 inputs", drawn)


@claim(
    "B3.2.large-vanish",
    r"the slope of $\sigma$ is smaller at the $z$ of larger absolute value",
    for_all=r"$z$, of either sign, as $\sigma(-z) = 1 - \sigma(z)$",
)
def large_vanish():
    y, u = sp.symbols("y u", real=True)

    def proved():
        falls = y * (1 - y) > u * (1 - u)
        return prove(falls, given=[y >= sp.Rational(1, 2), u > y])

    def on_a_grid():
        slopes = [grad(sigmoid)(z) for z in np.linspace(0, 30, 301)]
        mirrored = [grad(sigmoid)(-z) for z in np.linspace(0, 30, 301)]
        off = np.abs(np.subtract(slopes, mirrored)).max()
        return holds(np.all(np.diff(slopes) < 0) and off < 1e-15, slopes[-1])

    yield by.prover("Z3", proved)
    yield by.autodiff("reverse mode on a grid", on_a_grid)
    yield sheet("Small weights can avoid … vanishing gradient", outputs_vanish)


def outputs_vanish():
    """Return whether the mean slope falls with the weights."""
    means = [np.mean(y * (1 - y)) for y in map(outputs, SPREADS)]
    return bool(np.all(np.diff(means) < 0))


# -- small is not enough -------------------------------------------------------------------------

FACTORS = {
    ("Xavier", "ReLU"): Q(1, 2),
    ("He", "ReLU"): Q(1),
    ("Xavier", "linear"): Q(1),
    ("He", "linear"): Q(2),
}


@once
def profiles(scheme, activation):
    """Return 500 profiles of five layers of 32 units: the last forward, the first backward."""
    rng = np.random.default_rng({"Xavier": 33, "He": 39}[scheme])
    found = [depth_profile(scheme, activation, rng, 5, 32, 4) for _ in range(500)]
    return [p.forward[-1] for p in found], [p.backward[0] for p in found]


SCHEMES = [
    case("Xavier", "Xavier, ReLU", scheme="Xavier"),
    case("He", "He, ReLU", scheme="He"),
    case("linear-Xavier", "Xavier, linear", scheme="Xavier", activation="linear"),
    case("linear-He", "He, linear", scheme="He", activation="linear"),
]


@claim(
    "B3.2.forward-*",
    "mean square of the last activations of five layers, from inputs of mean square 1",
    cases=SCHEMES,
)
def forward(scheme="He", activation="ReLU"):
    yield by.recursion("the factor, five times", lambda: float(FACTORS[scheme, activation] ** 5))
    yield by.sampling("500 networks", lambda: estimate(profiles(scheme, activation)[0]))


@claim(
    "B3.2.backward-*",
    "mean square of the adjoints of the first sums $z$, from top adjoints of mean square 1",
    cases=SCHEMES,
)
def backward(scheme="He", activation="ReLU"):
    def compounded():
        top = Q(1, 2) if activation == "ReLU" else 1
        return float(FACTORS[scheme, activation] ** 4 * top)

    yield by.recursion("the factor, four times, and the top activation", compounded)
    yield by.sampling("500 networks", lambda: estimate(profiles(scheme, activation)[1]))


@claim(
    "B3.2.factor",
    r"mean of $\mathrm{ReLU}(\sum_i \pm w_i h_i)^2$ over all signs: $\frac12 \sum_i w_i^2 h_i^2$",
    for_all="$w_i$, $h_i$ and numbers of them",
)
def factor():
    def proved():
        """One more input adds its square to the mean of z², and half of z² is that of z > 0."""
        z, w, h = sp.symbols("z w h", real=True)
        halves = sp.Max(z, 0) ** 2 + sp.Max(-z, 0) ** 2
        grown = ((z + w * h) ** 2 + (z - w * h) ** 2) / 2

        def equal(part):
            return sp.And(
                sp.Eq(halves / 2, part * z**2, evaluate=False),
                sp.Eq(sp.expand(grown), z**2 + w**2 * h**2, evaluate=False),
            )

        return prove(equal(sp.Rational(1, 2)), altered=[equal(1)])

    def enumerated():
        """All signs of up to eight weights, no two alike, in fractions."""
        off = 0
        for n in range(1, 9):
            terms = [Q(k * k - 5, k) for k in range(1, n + 1)]
            sums = [np.dot(signs, terms) for signs in product((1, -1), repeat=n)]
            mean = sum(relu(z) ** 2 for z in sums) / len(sums)
            off += mean != sum(term**2 for term in terms) / 2
        return holds(off == 0, "sizes that differ", off)

    yield by.prover("Z3, of one more input", proved)
    yield by.enumeration("all signs of up to eight weights", enumerated)


@claim(
    "B3.2.adjoint-*",
    r"mean over all signs of the weights $w_{ij}$ of ReLU units and of their adjoints $\pm1$",
    for_all=r"$w_{ij}$, $h_i$ with all $z_j \ne 0$, and numbers of inputs and units",
    cases=[
        case("factor", r"$\mathbb E\,\bar h_i^2 = \frac12 \sum_j w_{ij}^2$", mixed=False),
        case("mixed", r"$\mathbb E\,\bar h_i \bar h_k = 0$ for $i \ne k$", mixed=True),
    ],
)
def adjoint_factor(mixed=False):
    def proved():
        """One unit, which passes w² or w v on where z > 0; all other inputs make the rest of z."""
        w, v, h, g, rest = sp.symbols("w v h g rest", real=True)
        flips = [(rest + w * h + s * v * g, w * s * v if mixed else w**2) for s in (1, -1)]
        terms = [
            sp.Piecewise((part, side * z > 0), (0, True)) for z, part in flips for side in (1, -1)
        ]
        expected = 0 if mixed else w**2 / 2
        return prove(
            sp.Eq(sum(terms) / 4, expected, evaluate=False),
            given=[sp.Ne(z, 0) for z, _ in flips],
        )

    def enumerated():
        """The reverse sweep, for all signs of two or three inputs' weights into two units."""
        off, tried = 0, 0
        for h in (np.array([Q(1), Q(3)]), np.array([Q(1), Q(5), Q(-2)])):
            sizes = np.array([Q(3 * k + 2, 4) for k in range(2 * len(h))]).reshape((-1, 2))
            found = []
            for signs in product((1, -1), repeat=sizes.size + 2):
                W, top = sizes * np.reshape(signs[:-2], sizes.shape), np.array(signs[-2:])
                bar = grad(lambda h, W=W, top=top: np.sum(top * relu(h @ W)))(h)
                found.append(bar[0] * bar[1 if mixed else 0])
            off += np.mean(found) != (0 if mixed else np.sum(sizes[0] ** 2) / 2)
            tried += len(found)
        return holds(off == 0, f"{tried} sweeps")

    yield by.prover("Z3, of one unit and its other signs", proved)
    yield by.enumeration("the reverse sweep, with all signs", enumerated)


VALUES = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "ReLU": lambda z: z * (z > 0),
    "linear": lambda z: z,
}
SLOPES = {
    "sigmoid": lambda h: h * (1 - h),
    "tanh": lambda h: 1 - h**2,
    "ReLU": lambda h: 1.0 * (h > 0),
    "linear": np.ones_like,
}
"""Activations, and their slopes by the activations' values."""


def by_hand(scale, activation, seed, depth=20, width=100, samples=50):
    """Return mean squares forward and backward, by layer, of a network written out with NumPy.

    The weights have the variance scale/width.
    """
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(width, width)) * np.sqrt(scale / width) for _ in range(depth)]
    layers = [rng.normal(size=(samples, width))]
    for W in weights:
        layers.append(VALUES[activation](layers[-1] @ W))
    bar, bars = rng.choice([-1.0, 1.0], size=(samples, width)), []
    for W, h in zip(weights[::-1], layers[:0:-1], strict=True):
        bar = bar * SLOPES[activation](h)
        bars.insert(0, np.mean(bar**2))
        bar = bar @ W.T
    return np.array([np.mean(h**2) for h in layers[1:]]), np.array(bars)


def wide_limit(scale, activation, depth=20):
    """Return the last mean square forward and the first backward, in the limit of wide layers.

    There the sums are normal: the activations' mean square becomes the mean of φ(z)², and the
    adjoints' is multiplied by that of φ'(z)². The weights have the variance scale/width.
    """
    nodes = np.linspace(-9, 9, 4001)
    density = np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi) * (nodes[1] - nodes[0])
    q, slopes = 1.0, []
    for _ in range(depth):
        h = VALUES[activation](np.sqrt(scale * q) * nodes)
        q = np.sum(h**2 * density)
        slopes.append(np.sum(SLOPES[activation](h) ** 2 * density))
    return q, scale ** (depth - 1) * np.prod(slopes)


def verdict(mean_square):
    """Return what a signal of mean square 1 does, by the gray band of the explorer."""
    return "shrink" if mean_square < 0.1 else "grow" if mean_square > 10 else "stay"


@claim(
    "B3.2.depth-*",
    "what signals do on their way through twenty layers of 100 units: stay within a factor of ten "
    "of the mean square 1 they start with, shrink or grow",
    components=["activations, forward", "adjoints, backward"],
    cases=[
        case(
            f"{activation}-{scheme}",
            f"{activation}, {scheme}",
            activation=activation,
            scheme=scheme,
        )
        for activation in ("linear", "ReLU", "tanh", "sigmoid")
        for scheme in ("Xavier", "He")
    ],
)
def through_twenty_layers(activation="ReLU", scheme="He"):
    def measured():
        """The medians of nine networks: one of them may be off by a factor of ten."""
        found = [depth_profile(scheme, activation, np.random.default_rng(60 + k)) for k in range(9)]
        ends = [(p.forward[-1], p.backward[0]) for p in found]
        return list(map(verdict, np.median(ends, axis=0)))

    def infinitely_wide():
        ends = wide_limit({"Xavier": 1, "He": 2}[scheme], activation)
        return [("shrink", "stay", "grow")[np.searchsorted([0.1, 10], end)] for end in ends]

    yield by.experiment("the depth profiles of nine networks", measured)
    yield by.recursion("the limit of wide layers", infinitely_wide)


@claim(
    "B3.2.too-small",
    "too small weights make the gradient vanish as well, with sigmoid, tanh and ReLU units",
)
def too_small():
    def measured():
        found = [
            depth_profile("too small", name, np.random.default_rng(34)).backward
            for name in ("sigmoid", "tanh", "ReLU")
        ]
        worst = max(bars[0] / bars[-1] for bars in found)
        return holds(worst < 1e-6, worst)

    def written_out():
        found = [by_hand(1 / 4, name, 35)[1] for name in ("sigmoid", "tanh", "ReLU")]
        worst = max(bars[0] / bars[-1] for bars in found)
        return holds(worst < 1e-6, worst)

    yield by.experiment("the depth profile", measured)
    yield by.recursion("another network, its backward pass written out", written_out)


@claim(
    "B3.2.tanh-start",
    "in twenty tanh layers Xavier's activations fall below a twentieth of the inputs' mean square, "
    "while He's stay above a quarter",
)
def tanh_start():
    def measured():
        rng = np.random.default_rng(36)
        found = [depth_profile(name, "tanh", rng).forward[-1] for name in ("Xavier", "He")]
        xavier, he = found
        return holds(xavier < 0.05 and he > 0.25, float(xavier), float(he))

    def infinitely_wide():
        xavier, he = wide_limit(1, "tanh")[0], wide_limit(2, "tanh")[0]
        return holds(xavier < 0.05 and he > 0.25, float(xavier), float(he))

    yield by.experiment("the depth profile", measured)
    yield by.recursion("the limit of wide layers", infinitely_wide)


@claim(
    "B3.2.tanh-adjoints",
    "on their way back through twenty tanh layers the adjoints shrink below a twentieth of their "
    "mean square with Xavier's weights, and grow with He's",
)
def tanh_adjoints():
    def measured():
        rng = np.random.default_rng(37)
        found = [depth_profile(name, "tanh", rng).backward for name in ("Xavier", "He")]
        xavier, he = (bars[0] / bars[-1] for bars in found)
        return holds(xavier < 0.05 and 2 < he < 6, float(xavier), float(he))

    def written_out():
        found = [by_hand(variance, "tanh", 38)[1] for variance in (1, 2)]
        xavier, he = (bars[0] / bars[-1] for bars in found)
        return holds(xavier < 0.05 and 2 < he < 6, float(xavier), float(he))

    yield by.experiment("the depth profile", measured)
    yield by.recursion("other networks, their backward pass written out", written_out)


@claim(
    "B3.2.tanh-settled.*",
    "once tanh's activations have settled, a layer multiplies the mean square of the adjoints by "
    "more than 1",
    cases=[
        case("3-2", "variance $1.5/n$", scale=1.5),
        case("2", "variance $2/n$, He's", scale=2),
        case("4", "variance $4/n$", scale=4),
    ],
)
def tanh_settled(scale=2):
    def infinitely_wide():
        """Forty layers and forty-one, in the limit: what the one more does."""
        found = [wide_limit(scale, "tanh", depth)[1] for depth in (40, 41)]
        return holds(found[1] > found[0], float(found[1] / found[0]))

    def written_out():
        """The mean factor of forty layers behind the first twenty."""
        bars = by_hand(scale, "tanh", 41, depth=61)[1]
        factor = (bars[20] / bars[60]) ** (1 / 40)
        return holds(factor > 1, float(factor))

    yield by.recursion("the limit of wide layers", infinitely_wide)
    yield by.experiment("a network of 100 units a layer, written out", written_out)


# -- reason 2: what a large weight costs ---------------------------------------------------------

SCALES = (1e-3, 1.0, 1e3)


def scaled():
    """Return parameters of a 2-16-1 network at three scales."""
    first = initial_parameters(np.random.default_rng(35), [2, 16, 1])
    return [scale * first for scale in SCALES]


def xor_loss(p):
    """Return the loss of that network on exclusive or."""
    return squared_error(p, *XOR, [2, 16, 1])


@claim("B3.2.cost", "a loss and gradient cost the same, however large the weights")
def cost():
    def counted():
        counts = [count_operations(value_and_grad(xor_loss), p) for p in scaled()]
        return holds(counts[0] == counts[1] == counts[2], f"{sum(counts[0].values())} operations")

    def recorded():
        """The operations that the sweep will run through, and the bytes that it keeps for them."""
        rng = np.random.default_rng(40)
        W, b, v = rng.normal(size=(2, 16)), rng.normal(size=16), rng.normal(size=16)

        def kept(scale):
            def loss(W):
                residual = np.tanh(np.array(INPUTS) @ W + b) @ v - np.array(TARGETS)
                return np.sum(residual * residual)

            nodes = record(loss, scale * W)[0]
            return [(rule and rule.compute, np.asarray(value).nbytes) for rule, value, *_ in nodes]

        tapes = [kept(scale) for scale in SCALES]
        size = sum(size for _, size in tapes[0])
        return holds(tapes[0] == tapes[1] == tapes[2], f"{len(tapes[0])} records of {size} bytes")

    yield by.experiment("numbers that count", counted)
    yield by.recursion("the record", recorded)
    yield sheet(
        "process power bigger weights require",
        lambda: len({sum(count_operations(xor_loss, p).values()) for p in scaled()}) > 1,
        erratum="magnitude does not change the number of operations or bytes",
    )


ENDS = {
    "upper-end": (lambda z: 1 - sigmoid(z) > 0, 0, 100, 53),
    "lower-end": (lambda z: sigmoid(z) > 0, 0, -1000, -1075),
    "stable-end": (lambda z: sigmoid(z) * sigmoid(-z) > 0, 0, 1000, 1075),
    "overflow": (lambda z: np.exp(z) < np.inf, 0, 1000, 1024),
}


@claim(
    "B3.2.*",
    "where doubles give up",
    cases=[
        case("upper-end", r"largest $z$ at which $1 - \sigma(z)$ is not 0", of="upper-end"),
        case("lower-end", r"smallest $z$ at which $\sigma(z)$ is not 0", of="lower-end"),
        case(
            "stable-end", r"largest $z$ at which $\sigma(z)\,\sigma(-z)$ is not 0", of="stable-end"
        ),
        case("overflow", "largest $z$ at which $e^z$ does not overflow", of="overflow"),
    ],
)
def ends(of="upper-end"):
    def bisected():
        survives, inside, outside, _ = ENDS[of]
        with np.errstate(over="ignore"):
            return last_where(survives, inside, outside)

    yield by.experiment("bisection", bisected)
    yield by.closed_form("a power of 2", lambda: ENDS[of][3] * np.log(2))


# -- reasons 3 and 4: what randomness breaks -----------------------------------------------------


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


SIZES = (2, 2, 1)
INPUTS, TARGETS = ((0, 0), (0, 1), (1, 0), (1, 1)), (0, 1, 1, 0)


def error(p):
    """Return the package's mean squared error of two tanh units on exclusive or."""
    return squared_error(p, *XOR, SIZES)


def plain_error(p, penalty=0.0):
    """Return the same by plain sums, of any numbers that NumPy's tanh takes."""
    return exclusive_or(p, np.tanh) / 4 + penalty * sum(each**2 for each in p)


@claim("B3.2.zero", "the gradient at zeros: only the last bias has one", answer=True)
def zero():
    def differentiated():
        p = sp.symbols("p0:9", real=True)
        loss = exclusive_or(p, sp.tanh) / 4
        at = dict.fromkeys(p, 0)
        return [float(loss.diff(one).subs(at)) for one in p]

    yield by.autodiff("reverse mode", lambda: grad(error)(np.zeros(9)))
    yield by.algebra("SymPy differentiates", differentiated)
    yield slip("the factor 2 of the square is missing", lambda: [0.0] * 8 + [-0.5])


def pooled(targets):
    """Return the squared error of the best rising fit, by pooling neighbors out of order."""
    blocks = []
    for t in targets:
        blocks.append([Q(t)])
        while len(blocks) > 1 and sum(blocks[-2]) * len(blocks[-1]) >= sum(blocks[-1]) * len(
            blocks[-2]
        ):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return sum((t - sum(block) / len(block)) ** 2 for block in blocks for t in block) / 4


def bounded(targets):
    """Return the same by the formula max over starts of min over ends of the mean between them."""
    n = len(targets)

    def mean(a, b):
        return Q(sum(targets[a : b + 1]), b + 1 - a)

    fit = [max(min(mean(a, b) for b in range(i, n)) for a in range(i + 1)) for i in range(n)]
    return sum((t - f) ** 2 for t, f in zip(targets, fit, strict=True)) / 4


@claim("B3.2.floor", "lower bound of the error with identical units, approached but not reached")
def floor():
    def by_angles():
        angles = np.linspace(0.01, 2 * np.pi + 0.01, 1000)
        orders = {tuple(np.argsort(np.array(INPUTS) @ [np.cos(a), np.sin(a)])) for a in angles}
        return min(pooled([TARGETS[k] for k in order]) for order in orders)

    def by_directions():
        """One direction between any two neighbors of those that tie: the axes and the diagonals."""
        directions = [d for d in product((-2, -1, 1, 2), repeat=2) if abs(d[0]) != abs(d[1])]
        orders = [sorted(range(4), key=lambda k: np.dot(INPUTS[k], d)) for d in directions]
        return min(bounded([TARGETS[k] for k in order]) for order in orders)

    def steep():
        return plain_error([500.0, 500, 500, 500, -250, -250, 1 / 6, 1 / 6, 1 / 3])

    yield by.enumeration("best rising fits, by pooling", by_angles)
    yield by.enumeration("best rising fits, by the formula of maxima and minima", by_directions)
    yield by.experiment("a steep unit", steep)


# -- the trap ------------------------------------------------------------------------------------

PENALTY = 1e-3


STARTS = np.random.default_rng(5).normal(size=(16, 9))
"""Sixteen random starts."""


def penalized(p):
    """Return the package's loss with the penalty."""
    return squared_error(p, *XOR, SIZES, PENALTY)


@once
def trap():
    """Return the point where the twins are stuck, and the package's Hessian there."""
    point = critical_point_of_identical_units(STARTS[0], *XOR, SIZES, PENALTY)
    return point, np.array([hvp(penalized, point, unit) for unit in np.eye(9)])


@once
def plain_trap():
    """Return the same point and Hessian by SymPy, from the loss written out, by Newton's method."""
    p = sp.symbols("p0:9", real=True)
    loss = exclusive_or(p, sp.tanh) / 4 + PENALTY * sum(each**2 for each in p)
    slope = sp.lambdify([p], [loss.diff(each) for each in p])
    hessian = sp.lambdify([p], sp.hessian(loss, p))
    point = np.array([-1.65, -1.65, 1.92, 1.92, 1.77, 1.77, -0.36, -0.36, 1.04])
    for _ in range(20):
        point = point - np.linalg.solve(hessian(point), slope(point))
    return point, np.array(hessian(point))


@claim("B3.2.curvature", "least eigenvalue of the Hessian at the trap")
def curvature():
    rounding = {"rtol": 1e-9, "because": "a point found by Newton's method, to its last digits"}
    yield by.autodiff(
        "Hessian–vector products", lambda: np.linalg.eigvalsh(trap()[1])[0], **rounding
    )
    yield by.algebra(
        "SymPy's Hessian, at a trap of its own",
        lambda: np.linalg.eigvalsh(plain_trap()[1])[0],
        **rounding,
    )


@claim("B3.2.saddle", "identical units are stuck in a saddle point, not in a local minimum")
def saddle():
    def by_curvature():
        point, hessian = trap()
        least, *_, most = np.linalg.eigvalsh(hessian)
        still = np.abs(grad(penalized)(point)).max() < 1e-12
        return holds(still and least < -1e-3 < 1e-3 < most, float(least), float(most))

    def by_walking():
        """The plain loss falls where the twins part, on both sides, and rises where they do not."""
        point, hessian = plain_trap()
        here = plain_error(point, PENALTY)
        apart = np.linalg.eigh(hessian)[1][:, 0]
        swapped = apart[[1, 0, 3, 2, 5, 4, 7, 6, 8]]
        steps = [plain_error(point + s * apart, PENALTY) - here for s in (0.05, -0.05)]
        bias = np.eye(9)[8]
        rises = [plain_error(point + s * bias, PENALTY) - here for s in (0.05, -0.05)]
        parted = np.abs(apart + swapped).max() < 1e-6
        return holds(parted and max(steps) < 0 < min(rises), float(max(steps)), float(min(rises)))

    def is_a_minimum():
        return bool(np.linalg.eigvalsh(trap()[1])[0] >= 0)

    yield by.autodiff("gradient and Hessian of the package", by_curvature)
    yield by.experiment("steps from the trap, in the loss written out", by_walking)
    yield sheet(
        "getting stuck in a local minima",
        is_a_minimum,
        erratum="what randomness breaks is a symmetry; the trap without it is a saddle point",
    )


# -- sixteen random starts -----------------------------------------------------------------------


@once
def ends_of_descent(identical, steps=2000, rate=0.2):
    """Return the errors after gradient descent, written out: of 16 starts, or of four with twins.

    The starts run side by side: W has the shape (starts, 2, 2).
    """
    points = STARTS[:4, [0, 0, 2, 2, 4, 4, 6, 6, 8]] if identical else STARTS
    W, c = points[:, :4].reshape(-1, 2, 2).copy(), points[:, None, 4:6].copy()
    v, b = points[:, None, 6:8].copy(), points[:, 8:].copy()
    X, targets = np.array(INPUTS, dtype=float), np.array(TARGETS, dtype=float)
    for _ in range(steps):
        h = np.tanh(X @ W + c)
        bar = ((h * v).sum(axis=2) + b - targets) / 2
        bars = bar[:, :, None] * v * (1 - h**2)
        v -= rate * (bar[:, :, None] * h).sum(axis=1, keepdims=True)
        b -= rate * bar.sum(axis=1, keepdims=True)
        W -= rate * X.T @ bars
        c -= rate * bars.sum(axis=1, keepdims=True)
    ends = np.hstack([W.reshape(-1, 4), c[:, 0], v[:, 0], b])
    return np.array([plain_error(p) for p in ends])


@once
def by_bfgs(identical):
    """Return the errors that BFGS reaches on the loss written out, with SciPy's differences."""

    def loss(p):
        return plain_error(p[[0, 0, 2, 2, 4, 4, 6, 6, 8]] if identical else p)

    points = STARTS[:4] if identical else STARTS
    return np.array([scipy.optimize.minimize(loss, p).fun for p in points])


@claim("B3.2.converges", "most random starts solve XOR, and no start with twins does")
def converges():
    def descent():
        free, twins = ends_of_descent(False), ends_of_descent(True).min()
        return holds(np.mean(free < 0.01) > 0.5 and twins > 0.16, np.mean(free < 0.01), twins)

    def bfgs():
        free, twins = by_bfgs(False), by_bfgs(True).min()
        return holds(np.mean(free < 0.01) > 0.5 and twins > 0.16, np.mean(free < 0.01), twins)

    yield by.recursion("gradient descent", descent)
    yield by.experiment("BFGS", bfgs)
    yield sheet(
        "Randomness helps SGD converge",
        lambda: np.median(ends_of_descent(False)) < ends_of_descent(True).min(),
    )


@claim("B3.2.not-all", "some runs from random starts end on a plateau all the same")
def not_all():
    def descent():
        worst = ends_of_descent(False).max()
        return holds(worst > 0.1, worst)

    def bfgs():
        worst = by_bfgs(False).max()
        return holds(worst > 0.1, worst)

    yield by.recursion("gradient descent", descent)
    yield by.experiment("BFGS", bfgs)
