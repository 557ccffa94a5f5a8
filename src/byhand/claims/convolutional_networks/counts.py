"""Claims of E3.2: neurons, parameters, connections and multiply–adds."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction as Q
from math import log2, prod

import numpy as np
import sympy as sp

from byhand import convolutional_networks as cn
from byhand.backpropagation.counting import Counted
from byhand.claims.convolutional_networks import _plain as plain
from byhand.convolutional_networks import AveragePool, Conv, Dense, MaxPool
from byhand.evidence import by, case, claim, holds, once, prove, sheet, slip

KEPT = Conv(1, 3, padding=1)
NETWORK = (KEPT, MaxPool(2), KEPT, MaxPool(2), KEPT)
LENET = (
    Conv(6, 5, padding=2, bias=True),
    AveragePool(2),
    Conv(16, 5, bias=True),
    AveragePool(2),
    *(Dense((units,), bias=True) for units in (120, 84, 10)),
)
BODY, HEAD = slice(4), slice(4, None)
"""LeNet without its fully connected layers, and these."""


def network(kind, side=32):
    """Return the problem's network, or its fully connected twin, and the shape of its input."""
    shape = (1, side, side)
    return (list(NETWORK) if kind == "conv" else cn.dense_twin(NETWORK, shape)), shape


def lenet(kind="conv"):
    shape = (1, 28, 28)
    return (list(LENET) if kind == "conv" else cn.dense_twin(LENET, shape)), shape


def specified(of, field, layers=slice(None)):
    """Return what the specification says of some layers together."""
    return cn.total(cn.count(*of)[layers], field)


@once
def arrays(of, side):
    """Return the shapes of all parameters and outputs of a network that has run."""
    layers, shape = lenet(of) if side == 28 else network(of, side)
    params = cn.initialize(layers, shape, np.random.default_rng(0))
    outputs = cn.forward(layers, params, np.zeros((1, *shape)))
    return [[p.shape for p in ps] for ps in params], [y.shape[1:] for y in outputs]


def sizes(of, side, layers=slice(None)):
    """Return how many numbers the parameters of each layer are, in arrays."""
    return [sum(map(prod, shapes)) for shapes in arrays(of, side)[0][layers]]


# -- neurons and parameters ----------------------------------------------------------------------

AREAS = "32×32 + 16×16 + 16×16 + 8×8 + 8×8"


@claim("E3.2.neurons", "neurons, convolutional", answer=True)
def convolutional_neurons():
    yield by.closed_form("the specification", lambda: specified(network("conv"), "neurons"))
    yield by.enumeration("the outputs of an image", lambda: sum(map(prod, arrays("conv", 32)[1])))
    yield by.hand("areas", lambda: sum(side**2 for side in (32, 16, 16, 8, 8)))
    yield sheet(AREAS, lambda: 32**2 + 16**2 + 16**2 + 8**2 + 8**2)
    yield slip(
        "the input's pixels are not neurons: no layer computes them",
        lambda: 32**2 + specified(network("conv"), "neurons"),
    )
    yield slip(
        "the outputs of the poolings are neurons too", lambda: sum(n**2 for n in (32, 16, 8))
    )


@claim("E3.2.dense-neurons", "neurons, fully connected", answer=True)
def dense_neurons():
    yield by.closed_form("the specification", lambda: specified(network("dense"), "neurons"))
    yield by.enumeration("the outputs of an image", lambda: sum(map(prod, arrays("dense", 32)[1])))
    yield by.hand("areas", lambda: 32**2 + 2 * 16**2 + 2 * 8**2)
    yield sheet(AREAS, lambda: 32**2 + 16**2 + 16**2 + 8**2 + 8**2)
    yield slip(
        "the outputs of the poolings are neurons too", lambda: sum(n**2 for n in (32, 16, 8))
    )


@claim("E3.2.parameters", "parameters, convolutional", answer=True)
def parameters():
    yield by.closed_form("the specification", lambda: specified(network("conv"), "parameters"))
    yield by.enumeration("arrays that are drawn", lambda: sum(sizes("conv", 32)))
    yield by.hand("three filters", lambda: 3 * 3**2)
    yield sheet("3×3 + 3×3 + 3×3", lambda: 3 * 3 + 3 * 3 + 3 * 3)
    yield slip("the problem has no biases", lambda: 3 * (3**2 + 1))
    yield slip("all neurons of a channel share their weights", lambda: 9 * (32**2 + 16**2 + 8**2))


@claim("E3.2.dense-parameters", "parameters, fully connected", answer=True)
def dense_parameters():
    yield by.closed_form("the specification", lambda: specified(network("dense"), "parameters"))
    yield by.enumeration("arrays that are drawn", lambda: sum(sizes("dense", 32)))
    yield by.hand("powers of two", lambda: 2**20 + 2**16 + 2**12)
    yield sheet("(32×32)² + (16×16)² + (8×8)²", lambda: (32 * 32) ** 2 + 16**4 + 8**4)
    yield slip(
        "the layers keep their output's size: the poolings are still there",
        lambda: 32**2 * 16**2 + 16**2 * 8**2 + 8**4,
    )


@claim("E3.2.ratio", "the ratio of the parameters")
def ratio():
    def specified_ratio():
        dense, conv = (specified(network(kind), "parameters") for kind in ("dense", "conv"))
        return Q(dense, conv)

    yield by.closed_form("the specification", specified_ratio)
    yield by.enumeration(
        "arrays that are drawn", lambda: Q(sum(sizes("dense", 32)), sum(sizes("conv", 32)))
    )
    yield by.hand("powers of two over 27", lambda: Q(2**20 + 2**16 + 2**12, 27))


# -- locality and sharing ------------------------------------------------------------------------


def nonzeros(n):
    """Count the nonzero entries of a layer's matrix, by plain loops over outputs and taps."""
    ones, taps = np.ones((n, n), dtype=int), np.ones((3, 3), dtype=int)
    return int(sum(plain.cross_correlate(ones, taps, padding=((1, 1), (1, 1))).flat))


@once
def unshared(side=32):
    """Count the connections of the three layers, pixel by pixel."""
    return [nonzeros(n) for n in (side, side // 2, side // 4)]


@claim("E3.2.local", "parameters if the weights are not shared")
def local():
    yield by.closed_form("the specification", lambda: specified(network("conv"), "connections"))
    yield by.enumeration("pixels under the taps, by plain loops", lambda: sum(unshared()))
    yield by.hand(
        "the square of 3n − 2, three times", lambda: sum((3 * n - 2) ** 2 for n in (32, 16, 8))
    )
    yield slip(
        "taps on the padding have no pixel to be joined to", lambda: 9 * (32**2 + 16**2 + 8**2)
    )


@claim(
    "E3.2.axis",
    r"three taps, padding 1: $3n-2$ connections along an axis",
    for_all=r"lengths $n\ge1$",
)
def axis():
    def proved():
        """Tap a meets pixel i + a − 1: count the i for which both are on the image."""
        n = sp.Symbol("n", integer=True)

        def places(a):
            return sp.Min(n - 1, n - a) - sp.Max(0, 1 - a) + 1

        total = sum(places(a) for a in range(3))
        return prove(
            sp.Eq(total, 3 * n - 2, evaluate=False),
            given=[n >= 1],
            altered=[sp.Eq(total, 3 * n - 1, evaluate=False)],
        )

    def bands():
        """The matrix has a diagonal of n entries, and two beside it of n − 1."""
        n = sp.Symbol("n")
        found = sp.expand(sum(n - abs(offset) for offset in (-1, 0, 1)))

        def measured(m):
            row = cn.matrix_of(lambda z: cn.convolve(z, [[1, 1, 1]], padding=(0, 1)), (1, m))
            return np.count_nonzero(row)

        agree = all(measured(m) == found.subs(n, m) for m in range(3, 9))
        return holds(agree and found == 3 * n - 2, "entries of the bands:", found)

    yield by.prover("Z3, in integers", proved)
    yield by.algebra("bands of the matrix", bands)


@claim(
    "E3.2.savings",
    "what locality and sharing divide the parameters by",
    components=("locality", "sharing"),
)
def savings():
    def by_specification():
        dense = specified(network("dense"), "parameters")
        joined, shared = (specified(network("conv"), f) for f in ("connections", "parameters"))
        return [Q(dense, joined), Q(joined, shared)]

    def by_counting():
        joined = sum(unshared())
        return [Q(sum(sizes("dense", 32)), joined), Q(joined, sum(sizes("conv", 32)))]

    yield by.closed_form("the specification", by_specification)
    yield by.enumeration("arrays and plain loops", by_counting)
    dense = 1024**2 + 256**2 + 64**2
    local = sum((3 * n - 2) ** 2 for n in (32, 16, 8))
    yield by.hand("squares of sides", lambda: [Q(dense, local), Q(local, 27)])
    yield slip("locality comes first", lambda: by_specification()[::-1])


@claim(
    "E3.2.growth",
    r"$P_\text{full}$, $P_\text{local}$, $P_\text{conv}$ for sides 8, 16, …, 512",
    components=("full", "local", "conv"),
)
def growth(sides=(8, 16, 32, 64, 128, 256, 512)):
    def at(side):
        dense, conv = network("dense", side), network("conv", side)
        return [
            specified(dense, "parameters"),
            specified(conv, "connections"),
            specified(conv, "parameters"),
        ]

    def layer_by_layer(side):
        at = side, side // 2, side // 4
        return [sum(n**4 for n in at), sum((3 * n - 2) ** 2 for n in at), sum(9 for _ in at)]

    yield by.closed_form(
        "the formulas",
        lambda: [[Q(273, 256) * n**4, Q(189, 16) * n**2 - 21 * n + 12, 27] for n in sides],
    )
    yield by.enumeration("the specification", lambda: [at(side) for side in sides])
    yield by.recursion("layer by layer", lambda: [layer_by_layer(side) for side in sides])


@claim(
    "E3.2.formulas",
    r"$n^4+(\frac n2)^4+(\frac n4)^4=\frac{273}{256}n^4$, and the connections of three layers "
    r"are $\frac{189}{16}n^2-21n+12$",
    for_all="$n$",
)
def formulas():
    def layers(n):
        at = n, n / 2, n / 4
        return sum(side**4 for side in at), sum((3 * side - 2) ** 2 for side in at)

    def written(n):
        return sp.Rational(273, 256) * n**4, sp.Rational(189, 16) * n**2 - 21 * n + 12

    def proved():
        n = sp.Symbol("n", real=True)
        full, joined = written(n)
        altered = plain.equal(layers(n), (full, joined + 1))
        return prove(plain.equal(layers(n), (full, joined)), altered=[altered])

    def expanded():
        """Collect the powers of n: each layer's side is half of the one before."""
        n, halves = sp.Symbol("n"), [sp.Rational(1, 2**layer) for layer in range(3)]
        full = sum(h**4 for h in halves) * n**4
        joined = 9 * sum(h**2 for h in halves) * n**2 - 12 * sum(halves) * n + 12
        right = (
            full == sp.Rational(273, 256) * n**4,
            joined == sp.Rational(189, 16) * n**2 - 21 * n + 12,
        )
        return holds(all(right), full, joined)

    yield by.prover("Z3", proved)
    yield by.algebra("powers expanded", expanded)


@claim(
    "E3.2.slopes",
    "their slopes on logarithmic axes, in the limit",
    components=("full", "local", "conv"),
)
def slopes():
    def limits():
        n = sp.Symbol("n", positive=True)
        curves = (
            sp.Rational(273, 256) * n**4,
            sp.Rational(189, 16) * n**2 - 21 * n + 12,
            sp.Integer(27),
        )
        return [sp.limit(n * sp.diff(sp.log(f), n), n, sp.oo) for f in curves]

    def measured():
        """From side 2¹⁵ to 2¹⁶, by the specification's numbers."""
        counts = []
        for side in (2**15, 2**16):
            dense, conv = network("dense", side), network("conv", side)
            pairs = (dense, "parameters"), (conv, "connections"), (conv, "parameters")
            counts.append([specified(of, field) for of, field in pairs])
        return [log2(Q(b, a)) for a, b in zip(*counts, strict=True)]

    yield by.algebra("limits", limits)
    yield by.differences(
        "the growth from side 2¹⁵ to 2¹⁶",
        measured,
        rtol=5e-5,
        because="the slope differs from its limit by about 1/n",
    )


# -- a network of real size ----------------------------------------------------------------------


def head_by_hand():
    return sum((a + 1) * b for a, b in [(400, 120), (120, 84), (84, 10)])


def body_by_hand(kind):
    """Return the parameters in front of the head."""
    if kind == "conv":
        return (25 + 1) * 6 + (6 * 25 + 1) * 16
    return (784 + 1) * 4704 + (1176 + 1) * 1600


@claim("E3.2.lenet", "parameters of LeNet")
def lenet_itself():
    yield by.closed_form("the specification", lambda: specified(lenet(), "parameters"))
    yield by.enumeration("arrays that are drawn", lambda: sum(sizes("conv", 28)))
    yield by.hand("layer by layer", lambda: head_by_hand() + body_by_hand("conv"))
    yield slip(
        "its neurons have biases", lambda: sum(prod(s[0]) for s in arrays("conv", 28)[0] if s)
    )


@claim("E3.2.lenet-twin", "parameters of its twin")
def lenet_twin():
    yield by.closed_form("the specification", lambda: specified(lenet("dense"), "parameters"))
    yield by.enumeration("arrays that are drawn", lambda: sum(sizes("dense", 28)))
    yield by.hand("layer by layer", lambda: head_by_hand() + body_by_hand("dense"))


@claim("E3.2.lenet-head", "of these, in the fully connected head of both")
def lenet_head():
    yield by.closed_form("the specification", lambda: specified(lenet(), "parameters", HEAD))
    yield by.enumeration("arrays that are drawn", lambda: sum(sizes("dense", 28, HEAD)))
    yield by.hand("layer by layer", head_by_hand)


@claim("E3.2.lenet-ratio", "ratio of the parameters without the head")
def lenet_ratio():
    def by_specification():
        dense, conv = (specified(lenet(kind), "parameters", BODY) for kind in ("dense", "conv"))
        return Q(dense, conv)

    yield by.closed_form("the specification", by_specification)
    yield by.enumeration(
        "arrays that are drawn",
        lambda: Q(sum(sizes("dense", 28, BODY)), sum(sizes("conv", 28, BODY))),
    )
    yield by.hand("layer by layer", lambda: Q(body_by_hand("dense"), body_by_hand("conv")))


# -- what a step costs ---------------------------------------------------------------------------

PARTS = ("forward", "filter gradients", "input gradients", "update")


def products(kind, side):
    """Return multiply–adds by part, from the shapes of the arrays that are multiplied."""
    shapes, outputs = arrays(kind, side)
    found = []
    for (w, *_), output in ((ps, y) for ps, y in zip(shapes, outputs, strict=True) if ps):
        places = prod(output) // w[0]  # a weight is used once for each place of an output channel
        found.append((prod(w) * places, prod(w)))
    forward = [one for one, _ in found]
    return [sum(forward), sum(forward), sum(forward[1:]), sum(size for _, size in found)]


def on_counting_numbers(kind, side):
    """Run all products of a step on numbers that count how often they are multiplied."""
    layers, shape = network(kind, side)
    params = cn.initialize(layers, shape, np.random.default_rng(1))
    shapes = cn.shapes(layers, shape)
    tally = Counter()
    lift = np.vectorize(lambda z: Counted(float(z), tally), otypes=[object])
    found = []
    for k, (layer, before, after) in enumerate(zip(layers, shapes, shapes[1:], strict=False)):
        if not params[k]:
            continue
        w, x, y = (lift(np.ones(s)) for s in (params[k][0].shape, (1, *before), (1, *after)))
        for product in products_of(layer, x, w, y, before, first=k == 0):
            tally.clear()
            product()
            found.append(tally["multiplications"])
    return [sum(found[part::4]) for part in range(4)]


def products_of(layer, x, w, y, before, first):
    """Return a layer's products: forward, for its weights, for its input, and the update."""
    if isinstance(layer, Dense):
        x, y = x.reshape(-1, 1), y.reshape(-1, 1)
        three = lambda: w @ x, lambda: y @ x.T, lambda: w.T @ y
    else:
        three = (
            lambda: cn.cross_correlate(x, w, padding=1),
            lambda: cn.filter_gradient(x, y, shape=w.shape, padding=1),
            lambda: cn.transposed_cross_correlate(y, w, size=before[1:], padding=1),
        )
    return (*three[:2], (lambda: None) if first else three[2], lambda: 0.1 * w)


def from_neurons(kind, *neurons):
    """Return the parts of a step of layers of so many neurons, each joined to 9 or to all."""
    layers = [9 * n if kind == "conv" else n * n for n in neurons]
    return [sum(layers), sum(layers), sum(layers[1:]), 27 if kind == "conv" else sum(layers)]


@claim(
    "E3.2.step-*-8",
    r"multiply–adds of a step, $8\times8$ input",
    cases=[
        case("conv", "convolutional", kind="conv"),
        case("dense", "fully connected", kind="dense"),
    ],
    components=PARTS,
)
def small_steps(kind="conv"):
    yield by.closed_form(
        "the specification", lambda: list(cn.step_multiply_adds(*network(kind, 8)))
    )
    yield by.experiment("numbers that count", lambda: on_counting_numbers(kind, 8))
    yield by.enumeration("the shapes of the arrays", lambda: products(kind, 8))
    yield by.hand("64, 16 and 4 neurons", lambda: from_neurons(kind, 64, 16, 4))
    yield slip(
        "nothing asks for the gradient of the first layer's input",
        lambda: [*products(kind, 8)[:2], products(kind, 8)[0], products(kind, 8)[3]],
    )


@claim("E3.2.step-conv", "multiply–adds of a step, convolutional, 32 pixels")
def convolutional_step():
    yield by.closed_form("the specification", lambda: sum(cn.step_multiply_adds(*network("conv"))))
    yield by.enumeration("the shapes of the arrays", lambda: sum(products("conv", 32)))
    yield by.hand("three times all layers but the first", lambda: 3 * 9 * 1344 - 9 * 1024 + 27)
    yield slip("the first layer's input needs no gradient", lambda: 3 * 9 * 1344 + 27)


@claim("E3.2.step-dense", "multiply–adds of a step, fully connected, 32 pixels")
def dense_step():
    yield by.closed_form("the specification", lambda: sum(cn.step_multiply_adds(*network("dense"))))
    yield by.enumeration("the shapes of the arrays", lambda: sum(products("dense", 32)))
    yield by.hand("in powers of two", lambda: 4 * (2**20 + 2**16 + 2**12) - 2**20)
    yield slip("the first layer's input needs no gradient", lambda: 4 * (2**20 + 2**16 + 2**12))


@claim("E3.2.step-ratio", "multiply–adds of a step: the ratio")
def step_ratio():
    def by_specification():
        dense, conv = (sum(cn.step_multiply_adds(*network(kind))) for kind in ("dense", "conv"))
        return Q(dense, conv)

    yield by.closed_form("the specification", by_specification)
    yield by.enumeration(
        "the shapes of the arrays", lambda: Q(sum(products("dense", 32)), sum(products("conv", 32)))
    )
    neurons = 1024, 256, 64
    yield by.hand(
        "1024, 256 and 64 neurons",
        lambda: Q(*(sum(from_neurons(kind, *neurons)) for kind in ("dense", "conv"))),
    )
    yield slip("this is the ratio of the parameters", lambda: Q(2**20 + 2**16 + 2**12, 27))


@claim("E3.2.slower", "the network with more parameters does more work in each step")
def slower():
    def by_specification():
        dense, conv = (sum(cn.step_multiply_adds(*network(kind))) for kind in ("dense", "conv"))
        return holds(dense > conv, "at 32 pixels, times as much:", Q(dense, conv))

    def on_numbers():
        dense, conv = (sum(on_counting_numbers(kind, 8)) for kind in ("dense", "conv"))
        return holds(dense > conv, "at 8 pixels, times as much:", Q(dense, conv))

    yield by.closed_form("the specification", by_specification)
    yield by.experiment("numbers that count", on_numbers)
    yield sheet("more trainable parameters can significantly prolong training time", lambda: True)


# -- whether the parameters cost the time --------------------------------------------------------


@claim(
    "E3.2.uses",
    "how often a weight is used in the forward pass, on average",
    components=("convolutional", "fully connected"),
)
def uses():
    def by_specification():
        pairs = (cn.count(*network(kind)) for kind in ("conv", "dense"))
        return [Q(cn.total(c, "multiply_adds"), cn.total(c, "parameters")) for c in pairs]

    yield by.closed_form("the specification", by_specification)
    yield by.enumeration(
        "the shapes of the arrays",
        lambda: [Q(products(kind, 32)[0], products(kind, 32)[3]) for kind in ("conv", "dense")],
    )
    yield by.hand("the mean of three areas", lambda: [Q(32**2 + 16**2 + 8**2, 3), 1])


@claim(
    "E3.2.not-parameters",
    "a locally connected network beside the convolutional one: the ratios of parameters, and of "
    "multiply–adds in a step",
    components=("parameters", "multiply–adds"),
)
def not_parameters():
    """It multiplies the zeros of the padding too, as the convolution does."""

    def by_specification():
        joined, shared = (specified(network("conv"), f) for f in ("connections", "parameters"))
        step = sum(cn.step_multiply_adds(*network("conv")))
        return [Q(joined, shared), Q(step - shared + joined, step)]

    def by_counting():
        *three, shared = products("conv", 32)
        joined = sum(unshared())
        return [Q(joined, shared), Q(sum(three) + joined, sum(three) + shared)]

    yield by.closed_form("the specification", by_specification)
    yield by.enumeration("plain loops, and the shapes of the arrays", by_counting)
    yield by.hand("with 3F − F₁ = 27 072", lambda: [Q(11436, 27), Q(27072 + 11436, 27072 + 27)])
    yield slip("the update has its price too", lambda: [Q(11436, 27), 1])


@claim(
    "E3.2.lenet-work",
    "LeNet's head: its shares",
    components=("parameters", "multiply–adds"),
)
def lenet_work():
    def by_specification():
        fields = "parameters", "multiply_adds"
        return [Q(specified(lenet(), f, HEAD), specified(lenet(), f)) for f in fields]

    def by_arrays():
        shapes, outputs = arrays("conv", 28)
        pairs = list(zip(shapes, outputs, strict=True))
        work = [prod(ps[0]) * (prod(y) // ps[0][0]) if ps else 0 for ps, y in pairs]
        counts = sizes("conv", 28), work
        return [Q(sum(each[HEAD]), sum(each)) for each in counts]

    def by_hand():
        head, biases = 400 * 120 + 120 * 84 + 84 * 10, 120 + 84 + 10
        body = 25 * 6 + 6 + 25 * 6 * 16 + 16
        work = 25 * 6 * 28**2 + 25 * 6 * 16 * 10**2
        return [Q(head + biases, head + biases + body), Q(head, head + work)]

    yield by.closed_form("the specification", by_specification)
    yield by.enumeration("the shapes of the arrays", by_arrays)
    yield by.hand("layer by layer", by_hand)
