"""Claims of E3.3: receptive fields, theoretical and effective."""

from collections import Counter
from fractions import Fraction as Q
from itertools import product
from math import comb

import numpy as np
import sympy as sp

from byhand import convolutional_networks as cn
from byhand.backpropagation import relu
from byhand.claims.convolutional_networks import _plain as plain
from byhand.convolutional_networks import AveragePool, Conv, MaxPool
from byhand.evidence import Estimate, by, case, claim, holds, once, prove, sheet, slip

LAYERS = (Conv(1, 5), MaxPool(2), Conv(1, 5))
SIDE = (1, 64, 64)

# -- E3.3: the field of a neuron -----------------------------------------------------------------


def box(mask):
    """Return height and width of the smallest box around the marked pixels."""
    return [int(np.ptp(np.flatnonzero(mask.any(axis=k)))) + 1 for k in (1, 0)]


def recursion_of(layers):
    return [cn.receptive_fields(layers, SIDE)[-1].size] * 2


def reach_of(layers, neuron=(3, 4)):
    return box(cn.reached(layers, SIDE, neuron)[0])


def sum_of(layers):
    """Return 1 + Σ (k − 1) d · (the strides before), along both axes."""
    size, jump = 1, 1
    for layer in layers:
        size += (layer.size - 1) * getattr(layer, "dilation", 1) * jump
        jump *= layer.stride or layer.size
    return [size] * 2


def gradient_of(layers, neuron=(3, 4), images=60, seed=7):
    """Return the box around all pixels at which one of the gradients is not zero."""
    rng = np.random.default_rng(seed)
    gradients = [cn.input_gradient(layers, SIDE, neuron, rng)[0] for _ in range(images)]
    return box(np.any(gradients, axis=0))


@claim("E3.3.pooled", "field after the pooling", answer=True)
def pooled_field():
    yield by.recursion("the recursion", lambda: recursion_of(LAYERS[:2]))
    yield by.enumeration("pixels that reach the neuron", lambda: reach_of(LAYERS[:2]))
    yield by.experiment("the tape's gradients", lambda: gradient_of(LAYERS[:2]))
    yield sheet("6 × 6")
    yield slip("the pooling looks at two neurons: it widens the field", lambda: [5, 5])


@once
def pooled_places():
    """Return the columns of the image that five neighbors after the pooling depend on."""
    return [cn.reached(LAYERS[:2], SIDE, (3, j))[0].any(axis=0) for j in range(5)]


@claim("E3.3.jump", "pixels from one of these fields to the next")
def jump():
    def by_reach():
        first, second, *_ = (np.flatnonzero(place)[0] for place in pooled_places())
        return int(second - first)

    yield by.recursion("the recursion", lambda: cn.receptive_fields(LAYERS, SIDE)[2].jump)
    yield by.enumeration("pixels that reach the neurons", by_reach)
    yield sheet("2")


@claim("E3.3.overlap", "pixels that neighboring fields share")
def overlap():
    def by_recursion():
        field = cn.receptive_fields(LAYERS, SIDE)[2]
        return field.size - field.jump

    def by_reach():
        first, second, *_ = pooled_places()
        return int((first & second).sum())

    yield by.recursion("the recursion", by_recursion)
    yield by.enumeration("pixels that reach both neurons", by_reach)
    yield sheet("4")


@claim("E3.3.width", "width of five of them side by side")
def width():
    def by_recursion():
        field = cn.receptive_fields(LAYERS, SIDE)[2]
        return field.size + 4 * field.jump

    yield by.recursion("the recursion", by_recursion)
    yield by.enumeration(
        "pixels that reach one of the neurons",
        lambda: int(np.any(pooled_places(), axis=0).sum()),
    )
    yield sheet("14")


@claim("E3.3.field", "field after the second convolution", answer=True)
def field():
    yield by.recursion("the recursion", lambda: recursion_of(LAYERS))
    yield by.enumeration("pixels that reach the neuron", lambda: reach_of(LAYERS))
    yield by.experiment("the tape's gradients", lambda: gradient_of(LAYERS))
    yield sheet("14 × 14")
    yield slip(
        "after the pooling, neighboring neurons are two pixels apart",
        lambda: [5 + 1 + 4 * 1] * 2,
    )
    yield slip("fields are counted in pixels of the input, not of the last image", lambda: [5, 5])


@claim("E3.3.average", "pixels with a gradient: average pooling, one image")
def average(shape=(1, 14, 14)):
    def by_the_tape():
        layers = [Conv(1, 5), AveragePool(2), Conv(1, 5)]
        gradient = cn.input_gradient(layers, shape, (0, 0), np.random.default_rng(0))
        return int(np.count_nonzero(gradient))

    yield by.autodiff("the tape", by_the_tape)
    yield by.enumeration(
        "pixels that reach the neuron", lambda: int(cn.reached(LAYERS, shape, (0, 0))[0].sum())
    )
    yield by.hand("5 + 1 + 2 · 4 along each axis", lambda: (5 + 1 + 2 * 4) ** 2)


@claim("E3.3.winners", "pixels with a gradient: max pooling, one image")
def winners(shape=(1, 14, 14)):
    def by_the_tape():
        gradient = cn.input_gradient(LAYERS, shape, (0, 0), np.random.default_rng(0))
        return int(np.count_nonzero(gradient))

    def under_the_filter():
        """Mark the 25 pixels under the filter around each winner of the pooling."""
        rng = np.random.default_rng(0)
        params = cn.initialize(LAYERS, shape, rng)
        x, w = rng.normal(size=shape)[0], params[0][0][0, 0]
        hidden = plain.cross_correlate(x, w).astype(float)
        seen = np.zeros(x.shape, dtype=bool)
        for i, j in product(range(0, 10, 2), repeat=2):
            a, b = divmod(int(np.argmax(hidden[i : i + 2, j : j + 2])), 2)
            seen[i + a : i + a + 5, j + b : j + b + 5] = True
        return int(seen.sum())

    yield by.autodiff("the tape", by_the_tape)
    yield by.enumeration("pixels under the filter around winners", under_the_filter)


# -- what changes it -----------------------------------------------------------------------------

VARIANTS = {
    "one more convolution": (*LAYERS, Conv(1, 5)),
    "one layer less": LAYERS[:2],
    "first stride 2": (Conv(1, 5, stride=2), *LAYERS[1:]),
    "pooling with stride 1": (LAYERS[0], MaxPool(2, stride=1), LAYERS[2]),
    "filters 3×3": (Conv(1, 3), MaxPool(2), Conv(1, 3)),
    "pooling 3×3": (LAYERS[0], MaxPool(3), LAYERS[2]),
    "dilation 2 at the end": (*LAYERS[:2], Conv(1, 5, dilation=2)),
    "last stride 2": (*LAYERS[:2], Conv(1, 5, stride=2)),
    "padding 2": (Conv(1, 5, padding=2), LAYERS[1], Conv(1, 5, padding=2)),
    "average pooling": (LAYERS[0], AveragePool(2), LAYERS[2]),
}
"""The network with one thing changed."""
INSIDE = {"last stride 2": (3, 3), "padding 2": (12, 12)}
"""Neurons whose fields lie inside of the image, where (3, 4) would not do."""


@claim(
    "E3.3.changed.*",
    r"what changes the field of $14\times14$",
    cases=[case(name.replace(" ", "-").replace("×", "x"), name, variant=name) for name in VARIANTS],
)
def changed(variant="one layer less"):
    yield by.recursion("the recursion", lambda: recursion_of(VARIANTS[variant]))
    yield by.closed_form("the sum over layers", lambda: sum_of(VARIANTS[variant]))
    yield by.enumeration(
        "pixels that reach the neuron",
        lambda: reach_of(VARIANTS[variant], INSIDE.get(variant, (3, 4))),
    )
    yield by.experiment(
        "the tape's gradients",
        lambda: gradient_of(VARIANTS[variant], INSIDE.get(variant, (3, 4))),
    )


@claim("E3.3.by-layers", "the number of layers can affect the field")
def by_layers(names=("one more convolution", "one layer less")):
    def by_recursion():
        found = [recursion_of(VARIANTS[name])[0] for name in names]
        return holds(14 not in found, "widths:", *found)

    def by_reach():
        found = [reach_of(VARIANTS[name])[0] for name in names]
        return holds(14 not in found, "widths:", *found)

    yield by.recursion("the recursion", by_recursion)
    yield by.enumeration("pixels that reach the neuron", by_reach)
    yield sheet("number of layers … can affect receptive field size", lambda: True)


@claim("E3.3.by-stride", "the stride of the filter can affect the field")
def by_stride(names=("first stride 2", "pooling with stride 1")):
    def by_recursion():
        found = [recursion_of(VARIANTS[name])[0] for name in names]
        return holds(14 not in found, "widths:", *found)

    def by_reach():
        found = [reach_of(VARIANTS[name])[0] for name in names]
        return holds(14 not in found, "widths:", *found)

    yield by.recursion("the recursion", by_recursion)
    yield by.enumeration("pixels that reach the neuron", by_reach)
    yield sheet("stride of filter can affect receptive field size", lambda: True)


# -- E3.3: the effective receptive field ---------------------------------------------------------


def variance(profile):
    middle = Q(len(profile) - 1, 2)
    return sum(p * (i - middle) ** 2 for i, p in enumerate(profile))


@claim(
    "E3.3.variance.*",
    r"$\sigma^2$ of the squared gradient, for filters of size 3",
    cases=[case(str(depth), f"depth {depth}", depth=depth) for depth in (2, 4, 8)],
    answer=True,
)
def effective_variance(depth=4, k=3):
    def every_path():
        """All choices of a tap in each layer."""
        ends = Counter(map(sum, product(range(k), repeat=depth)))
        paths = [Q(ends[i], k**depth) for i in range(depth * (k - 1) + 1)]
        return variance(paths)

    yield by.closed_form("the formula L(k² − 1)/12", lambda: Q(depth * (k**2 - 1), 12))
    yield by.recursion("path counts", lambda: variance(cn.energy_profile([k] * depth)))
    yield by.enumeration("every path", every_path)
    yield slip("this is the variance of one layer", lambda: Q(k**2 - 1, 12))


@once
def squared_gradients(depth=6, channels=8, draws=400, seed=3):
    """Return the squared gradients of random networks, by the tape: one field for each draw."""
    rng = np.random.default_rng(seed)
    return cn.gradient_energy(depth, rng, channels=channels, draws=draws)


@claim("E3.3.monte-carlo", r"$\sigma^2$ for $L = 6$, by 400 random networks")
def effective_monte_carlo(depth=6, k=3):
    def by_the_tape():
        energy = squared_gradients(depth)
        place = np.arange(depth * (k - 1) + 1) - depth * (k - 1) / 2
        moments = (energy * (place**2 + place[:, None] ** 2)).sum(axis=(1, 2)) / 2 / 2**depth
        return Estimate(moments.mean(), moments.std(ddof=1) / np.sqrt(len(moments)))

    yield by.closed_form("the formula L(k² − 1)/12", lambda: Q(depth * (k**2 - 1), 12))
    yield by.sampling("the tape's gradients of 400 networks", by_the_tape)
    yield slip("this is the width of the whole field", lambda: 1 + depth * (k - 1))


@claim(
    "E3.3.tap-variance",
    r"a tap that is uniform on $0, \dots, k-1$ has the variance $(k^2-1)/12$",
    for_all=r"$k\ge1$",
)
def tap_variance():
    def proved():
        """By induction the sums of i and of i² are as written; the rest is algebra."""
        k = sp.Symbol("k", real=True)

        def first(k):
            return k * (k - 1) / 2

        def second(k):
            return k * (k - 1) * (2 * k - 1) / 6

        sums = plain.equal(
            [
                first(sp.Integer(0)),
                second(sp.Integer(0)),
                first(k + 1) - first(k),
                second(k + 1) - second(k),
            ],
            [0, 0, k, k**2],
        )
        found = second(k) / k - (first(k) / k) ** 2
        wrong = sp.And(sums, sp.Eq(found, (k**2 + 1) / 12, evaluate=False))
        right = sp.And(sums, sp.Eq(found, (k**2 - 1) / 12, evaluate=False))
        return prove(right, given=[k >= 1], altered=[wrong])

    def profiles():
        agree = [variance(cn.energy_profile([k])) == Q(k**2 - 1, 12) for k in range(1, 31)]
        return holds(all(agree), "sizes of the package's profile that agree", sum(agree))

    yield by.prover("Z3, with both sums by induction", proved)
    yield by.enumeration("the package's profiles for k up to 30", profiles)


@claim("E3.3.paths", "the profile for $L=6$")
def path_counts(depth=6):
    def trinomials():
        """Choose i layers that step by two, and of the others those that step by one."""
        counts = [
            sum(comb(depth, i) * comb(depth - i, m - 2 * i) for i in range(m // 2 + 1))
            for m in range(2 * depth + 1)
        ]
        return [Q(c, 3**depth) for c in counts]

    yield by.recursion("path counts", lambda: cn.energy_profile([3] * depth))
    yield by.closed_form("trinomial coefficients", trinomials)


def width_by_adjoints(depth, rectified, seed, channels=8, draws=60):
    """Return the spread of the squared gradients of random networks, without the tape."""
    rng, side, energy = np.random.default_rng(seed), 1 + 2 * depth, 0
    for _ in range(draws):
        params = cn.initialize([Conv(channels, 3)] * depth, (1, side, side), rng)
        x, masks = rng.normal(size=(1, 1, side, side)), []
        for (w,) in params:
            x = cn.cross_correlate(x, w)
            masks.append(x > 0 if rectified else np.ones(x.shape))
            x = x * masks[-1]
        g = np.zeros(x.shape)
        g[0, 0] = 1
        for (w,), mask in zip(reversed(params), reversed(masks), strict=True):
            rows = g.shape[-1] + 2
            g = cn.transposed_cross_correlate(g * mask, w, size=(rows, rows))
        energy = energy + g[0, 0] ** 2
    place = np.arange(side) - depth
    moments = (energy * (place**2 + place[:, None] ** 2)).sum() / 2 / energy.sum()
    return float(np.sqrt(moments))


@claim(
    "E3.3.effective.*",
    "from depth 4 to 16 the effective width doubles, up to a tenth, while the theoretical one "
    "grows from 9 to 33",
    cases=[
        case("linear", "without activations", rectified=False),
        case("relu", "with ReLUs", rectified=True),
    ],
)
def effective_width(rectified=False):
    def by_the_tape():
        rng, activation = np.random.default_rng(8), relu if rectified else lambda z: z
        options = {"channels": 8, "activation": activation, "draws": 60}
        narrow, wide = (cn.gradient_energy(depth, rng, **options) for depth in (4, 16))
        ratio = cn.spread(wide.mean(axis=0)) / cn.spread(narrow.mean(axis=0))
        return holds(abs(ratio - 2) < 0.2, "times as wide:", ratio)

    def by_adjoints():
        narrow, wide = (width_by_adjoints(depth, rectified, seed=9) for depth in (4, 16))
        return holds(abs(wide / narrow - 2) < 0.2, "times as wide:", wide / narrow)

    yield by.experiment("the tape's gradients of 60 networks", by_the_tape)
    yield by.sampling("other networks, back through their adjoints", by_adjoints)
