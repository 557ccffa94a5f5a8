"""Calls of :mod:`byhand.convolutional_networks`; the second routes are loops over all indices."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from byhand import convolutional_networks as cn
from byhand.convolutional_networks import AveragePool, Conv, Dense, MaxPool
from fuzzing import (
    Call,
    Pair,
    Sides,
    close,
    generates,
    is_complex,
    matrix,
    not_called,
    number,
    power_of_two,
    times,
    vector,
)

not_called(
    cn,
    "a record, which computes nothing",
    *("AveragePool", "Conv", "Count", "Dense", "Field", "Geometry", "MaxPool", "StepCount"),
)

WRONG_PADDINGS = ["half", -1, 1.5, None, True, (1, 2, 3), ((1, 2, 3), 1), ((0, -1), 0), np.ones(())]
REFUSAL = r"the filter covers|FFT rounds|may overflow int64|must stay finite"
NAMES = {"filter_size": "the filter's size", "a": r"\bA\b"}
NO_FUNCTIONS = [None, 3, "relu"]
NO_GENERATORS = [None, 0, random.Random(0)]


# -- where a filter lies ---------------------------------------------------------------------------


def pads_of(padding: Any, size: int, taps: int, stride: int, dilation: int, axis: int) -> tuple:
    """Return how many zeros lie before and after one axis of an image."""
    extent = (taps - 1) * dilation + 1
    if padding == "same":
        total = next(n for n in range(99) if places(size + n, extent, stride) == -(-size // stride))
        return total // 2, total - total // 2
    side = {"valid": 0, "full": extent - 1}[padding] if isinstance(padding, str) else padding
    side = side[axis] if isinstance(side, tuple) else side
    return side if isinstance(side, tuple) else (side, side)


def places(size: int, extent: int, stride: int) -> int:
    return len(range(0, size - extent + 1, stride))


def axis_of(padding, size, taps, stride, dilation, axis, more=0):
    """Return pads, and the pixels under the taps at each place; outside there are those of pads."""
    pads = pads_of(padding, size, taps, stride, dilation, axis)
    outputs = places(size + sum(pads), (taps - 1) * dilation + 1, stride) + more
    pixels = [[p * stride + a * dilation - pads[0] for a in range(taps)] for p in range(outputs)]
    return pads, pixels


def axes_of(sizes, taps, padding, stride, dilation):
    both = zip(sizes, taps, stride, dilation, strict=True)
    return [axis_of(padding, *of_axis, axis) for axis, of_axis in enumerate(both)]


def terms(sizes, *options):
    """Return the output's sizes, and (place, tap, pixel) of all products of a cross-correlation."""
    (_, rows), (_, columns) = axes_of(sizes, *options)
    inside = [
        [(p, a, m) for p, row in enumerate(pixels) for a, m in enumerate(row) if 0 <= m < size]
        for pixels, size in zip((rows, columns), sizes, strict=True)
    ]
    products = [tuple(zip(*both, strict=True)) for both in itertools.product(*inside)]
    return (len(rows), len(columns)), products


def any_padding(rng: random.Random, taps: tuple) -> Any:
    pads = tuple(tuple(rng.randint(0, 2) for _ in range(2)) for _ in range(2))
    some = ["valid", "full", rng.randint(0, 2), pads, (pads[0][0], pads[1])]
    return rng.choice(some + ["same"] * 4)


def pair(rng: random.Random, most: int) -> Pair:
    return Pair(rng.choice([(n, n) for n in range(1, most + 1)] + [(1, most), (most, 1)]))


def window(rng: random.Random) -> tuple[dict, tuple, tuple]:
    """Draw options, the sizes of an image, and the taps of a filter that fits on it."""
    taps, dilation = pair(rng, 3), pair(rng, 2)
    extents = [(k - 1) * d + 1 for k, d in zip(taps, dilation, strict=True)]
    size = Pair(e + rng.randint(0, 2) for e in extents)
    options = {"stride": pair(rng, 2), "dilation": dilation}
    return {"padding": any_padding(rng, taps), **options}, size, taps


@generates(cn)
def geometry(rng):
    options, size, taps = window(rng)

    def check(found, exact):
        pads, pixels = zip(*axes_of(size, taps, **options), strict=True)
        outputs = tuple(map(len, pixels))
        assert found == (pads, options["stride"], options["dilation"], outputs)
        assert all(type(n) is int for n in [*found.output, *found.stride, *found.dilation])

    arguments = {"size": size, "filter_size": taps, **options}
    return Call(arguments, check, REFUSAL, names=NAMES, spoils={"padding": WRONG_PADDINGS})


# -- convolution and cross-correlation -------------------------------------------------------------


def tensor(rng: random.Random, *shape: int) -> list:
    if not shape:
        return number(rng)
    return [tensor(rng, *shape[1:]) for _ in range(shape[0])]


def taken(kinds: str = "bc", axes: int = 99) -> Callable[[Any], bool]:
    """Return what says whether an array is taken after all.

    It may hold truth values, which count, or complex numbers, or be a batch, of more axes.
    """

    def holds(value):
        if type(value) is not np.ndarray or value.size == 0 or value.ndim < 2:
            return False
        if value.dtype.kind == "c" or any(isinstance(x, complex) for x in value.flat):
            return "c" in kinds
        return value.dtype.kind in kinds or value.ndim > axes

    return holds


def entries_are(found: Any, expected: np.ndarray, exact: bool, tolerance=0.0, scale=None) -> None:
    """Require exact entries where exact numbers were given, else floats to a tolerance."""
    assert isinstance(found, np.ndarray)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    for x, e in zip(found.ravel().tolist(), expected.flat, strict=True):
        if exact or found.dtype == object:
            assert isinstance(x, int | Fraction), f"{x!r} is not exact"
            assert x == e, f"{x} for {e}"
        else:
            close(x, Fraction(e), tolerance, scale)


class Layers:
    """The images, filters and outputs of one convolution, with or without channels and a batch."""

    def __init__(self, rng: random.Random):
        self.options, self.size, self.taps = window(rng)
        plain = rng.random() < 0.5
        outputs, channels = rng.choice([(1, 2), (2, 1), (2, 2)])
        batch = rng.choice([(), (), (1,), (2,)])
        self.out, self.terms = terms(self.size, self.taps, *self.options.values())
        self.filters = tuple(self.taps) if plain else (outputs, channels, *self.taps)
        self.images = (*batch, *((channels,) * (not plain)), *self.size)
        self.outputs = (*batch, *((outputs,) * (not plain)), *self.out)
        self.fits = min(self.out) > 0

    def products(self):
        """Yield the indices of y, w and x of all terms of y = Σ w x."""
        plain = len(self.filters) == 2
        batches = np.ndindex(*self.images[: len(self.images) - (2 if plain else 3)])
        pairs = [((), (), ())]
        if not plain:
            pairs = [((o,), (o, c), (c,)) for o, c in np.ndindex(*self.filters[:2])]
        for b, (o, oc, c), (i, a, m) in itertools.product(batches, pairs, self.terms):
            yield (*b, *o, *i), (*oc, *a), (*b, *c, *m)

    def summed(self, what: str, y: Any = None, w: Any = None, x: Any = None) -> np.ndarray:
        """Return y or one of its adjoints: the sum over all terms of two of the factors."""
        y, w, x = (None if a is None else np.array(a, dtype=object) for a in (y, w, x))
        shape = {"y": self.outputs, "w": self.filters, "x": self.images}[what]
        total = np.full(shape, Fraction(0), dtype=object)
        for i, j, k in self.products():
            if what == "y":
                total[i] += w[j] * x[k]
            elif what == "w":
                total[j] += y[i] * x[k]
            else:
                total[k] += y[i] * w[j]
        return total


def correlation(rng: random.Random, what: str, turned: bool = False) -> Call:
    """Return a call whose result is a sum of products, of two of what y = Σ w x has."""
    layers = Layers(rng)
    while not layers.fits and what != "y":
        layers = Layers(rng)
    shapes = {"y": layers.outputs, "w": layers.filters, "x": layers.images}
    given = {k: times(power_of_two(rng), tensor(rng, *shapes[k])) for k in "ywx" if k != what}
    arguments = given | layers.options
    largest = math.prod(max(abs(e) for e in np.array(a, dtype=object).flat) for a in given.values())
    method = "gemm"
    if what == "y":
        method = arguments["method"] = rng.choice(["auto", "gemm", "fft"])
    elif what == "x":
        arguments["size"] = Sides(layers.size)
    else:
        arguments["shape"] = Sides(layers.filters)

    def check(found, exact):
        if turned:
            given["w"] = np.array(given["w"], dtype=object)[..., ::-1, ::-1]
        tolerance = 0.0
        if method == "fft":
            tolerance = 200 * float(np.finfo(found.dtype).eps)
        entries_are(found, layers.summed(what, **given), exact, tolerance, 100 * largest)

    also = {k: taken(axes=99 if k == "w" else len(shapes[k])) for k in "ywx"}
    spoils = {"padding": WRONG_PADDINGS, "method": ["x", None, 1]}
    return Call(arguments, check, REFUSAL, also=also, spoils=spoils)


@generates(cn)
def cross_correlate(rng):
    return correlation(rng, "y")


@generates(cn)
def convolve(rng):
    return correlation(rng, "y", turned=True)


@generates(cn)
def transposed_cross_correlate(rng):
    return correlation(rng, "x")


@generates(cn)
def filter_gradient(rng):
    return correlation(rng, "w")


@generates(cn)
def circular_convolve(rng):
    taps, stride = rng.choice([(1, 1), (3, 1), (1, 3), (3, 3)]), pair(rng, 2)
    size = tuple(k + rng.randint(0, 2) for k in taps)
    x, w = tensor(rng, *rng.choice([(), (2,)]), *size), tensor(rng, *taps)

    def check(found, exact):
        image, kernel = np.array(x, dtype=object), np.array(w, dtype=object)
        rows, columns = (range(0, n, s) for n, s in zip(size, stride, strict=True))
        y = np.full((*image.shape[:-2], len(rows), len(columns)), Fraction(0), dtype=object)
        for (i, m), (j, n) in itertools.product(enumerate(rows), enumerate(columns)):
            for a, b in np.ndindex(*taps):
                pixel = (m + taps[0] // 2 - a) % size[0], (n + taps[1] // 2 - b) % size[1]
                y[..., i, j] += kernel[a, b] * image[..., pixel[0], pixel[1]]
        entries_are(found, y, exact)

    also = {"w": taken(), "x": taken(axes=np.ndim(x))}
    return Call({"x": x, "w": w, "stride": stride}, check, REFUSAL, also=also)


@generates(cn)
def flip(rng):
    w = times(power_of_two(rng), tensor(rng, *rng.choice([(2, 3), (1, 2, 3, 1)])))

    def check(found, exact):
        entries_are(found, np.array(w, dtype=object)[..., ::-1, ::-1], exact)

    return Call({"w": w}, check, also={"w": taken(axes=2)})


# -- pooling ---------------------------------------------------------------------------------------


def pooling(rng: random.Random, reduce=None, share=None) -> Call:
    """Return a call that reduces windows of x, or that shares a g among the entries of each."""
    size, stride = pair(rng, 3), rng.choice([None, pair(rng, 2)])
    sides = Sides(k + rng.randint(0, 3) for k in size)
    batch = Sides(rng.choice([(), (), (2,)]))
    steps = size if stride is None else stride
    out, products = terms(sides, size, "valid", steps, (1, 1))
    scale = power_of_two(rng)
    x, g = times(scale, tensor(rng, *batch, *sides)), times(scale, tensor(rng, *batch, *out))
    cells = list(itertools.product(np.ndindex(*batch), np.ndindex(*out)))

    def check(found, exact):
        image, adjoint = np.array(x, dtype=object), np.array(g, dtype=object)
        shape = (*batch, *out) if reduce else image.shape
        expected = np.full(shape, Fraction(0), dtype=object)
        for b, place in cells:
            window = [(*b, *pixel) for i, _, pixel in products if i == place]
            values = [image[k] for k in window]
            if reduce:
                expected[(*b, *place)] = reduce(values)
                continue
            for k, part in zip(window, share(values), strict=True):
                expected[k] += part * adjoint[(*b, *place)]
        tolerance = 8 * float(np.finfo(found.dtype).eps) if found.dtype.kind == "f" else 0.0
        entries_are(found, expected, exact, tolerance, 4 * scale * (1 if reduce else 9))

    arguments = {"x": x, "g": g, "shape": Sides((*batch, *sides)), "size": size, "stride": stride}
    if stride is None:
        del arguments["stride"]
    also = {"stride": lambda s: s is None, "g": taken(), "x": taken("b", np.ndim(x))}
    return Call(arguments, check, REFUSAL + r"|must have shape", also=also, whole=False)


def taking(call: Call, *names: str, **more: Any) -> Call:
    """Return a call with some of its arguments."""
    call.arguments = {k: v for k, v in call.arguments.items() if k in names}
    vars(call).update(more)
    return call


@generates(cn)
def max_pool(rng):
    return taking(pooling(rng, reduce=max), "x", "size", "stride", whole=True)


@generates(cn)
def average_pool(rng):
    call = taking(pooling(rng, reduce=lambda v: sum(v) / len(v)), "x", "size", "stride")
    call.also["x"] = taken(axes=np.ndim(call.arguments["x"]))
    return call


@generates(cn)
def max_pool_gradient(rng):
    def share(values):
        wins = [v == max(values) for v in values]
        return [Fraction(w, sum(wins)) for w in wins]

    return taking(pooling(rng, share=share), "x", "g", "size", "stride")


@generates(cn)
def average_pool_gradient(rng):
    def share(values):
        return [Fraction(1, len(values))] * len(values)

    return taking(pooling(rng, share=share), "g", "shape", "size", "stride")


# -- networks --------------------------------------------------------------------------------------

NO_LAYERS = [
    *(None, 1, "Conv", ["Conv"], [None], Conv(1, 1), [3], {Conv(1, 1)}),
    *([Conv(1.5, 1)], [Conv(0, 1)], [Conv(1, 1, "half")], [Conv(1, 1, -1)], [Conv(1, True)]),
    *([Conv(1, 1, stride=0)], [Conv(1, 1, dilation=None)], [Conv(1, 1, bias="no")], [MaxPool(0)]),
    *([MaxPool(1, "1")], [AveragePool(np.nan)], [AveragePool(1, 1.5)], [Dense(3)], [Dense((0,))]),
]
NO_NEURONS = [(-1, 0), (0.5, 0), (99, 0), (0, 0, 0, 0), None, 3, "abc", [[0, 0]], (np.nan, 0)]
ABOUT_LAYERS = {"layers": r"layer|padding", "layer": r"layer|padding"}
UNFIT = r"the filter covers|needs an input|must stay finite"


def options_of(layer) -> tuple:
    if isinstance(layer, Conv):
        return layer.padding, layer.stride, layer.dilation
    return "valid", layer.stride or layer.size, 1


def plane(layer, shape):
    """Return the terms of a layer with windows, those of one channel."""
    padding, stride, dilation = options_of(layer)
    return terms(shape[1:], (layer.size,) * 2, padding, (stride,) * 2, (dilation,) * 2)


def after(layer, shape: tuple) -> tuple:
    """Return the shape of a layer's output."""
    if isinstance(layer, Dense):
        return layer.shape
    return (layer.channels if isinstance(layer, Conv) else shape[0], *plane(layer, shape)[0])


def network(rng: random.Random, dense: bool = True, most: int = 6, depth: int = 3):
    """Draw layers that fit, and the shapes between them."""
    shape = Sides((rng.randint(1, 2), rng.randint(4, most), rng.randint(4, most)))
    layers, shapes = [], [tuple(shape)]
    for _ in range(rng.randint(1, depth)):
        size, stride, bias = rng.randint(1, 3), rng.randint(1, 2), rng.random() < 0.5
        pad = any_padding(rng, (size, size))
        layer = rng.choice(
            [
                Conv(rng.randint(1, 2), size, pad, stride, rng.randint(1, 2), bias),
                Conv(rng.randint(1, 2), size, bias=bias),
                MaxPool(size, rng.choice([None, stride])),
                AveragePool(size, rng.choice([None, stride])),
                Dense((rng.randint(1, 3),) if rng.random() < 0.5 else (2, 4, 3), bias),
            ][: 5 if dense else 4]
        )
        if len(shapes[-1]) == 3 and min(after(layer, shapes[-1])) > 0:
            layers.append(layer)
            shapes.append(after(layer, shapes[-1]))
    return layers, shape, shapes


def of_network(drawn: tuple, check, spoils: dict | None = None, **more: Any) -> Call:
    """Return a call with layers, a shape and more, for a check of (found, layers, shapes)."""
    layers, shape, shapes = drawn
    return Call(
        {"layers": tuple(layers), "shape": shape, **more},
        lambda found, exact: check(found, layers, shapes),
        UNFIT,
        names=ABOUT_LAYERS,
        spoils={"layers": NO_LAYERS} | (spoils or {}),
    )


def integers(found: Any) -> bool:
    """Say whether all numbers are Python's integers."""
    return all(map(integers, found)) if isinstance(found, list | tuple) else type(found) is int


@generates(cn)
def shapes(rng):
    def check(found, layers, shapes):
        assert found == shapes
        assert integers(found)

    return of_network(network(rng), check)


def one_layer(rng: random.Random, dense: bool):
    layers, shape, _ = network(rng, dense)
    while not layers:
        layers, shape, _ = network(rng, dense)
    spoils = {"layer": [x[0] for x in NO_LAYERS if isinstance(x, list)] + [None, 1, "Conv"]}
    return layers[0], shape, {"names": ABOUT_LAYERS, "spoils": spoils}


@generates(cn)
def output_shape(rng):
    layer, shape, words = one_layer(rng, dense=True)

    def check(found, exact):
        assert found == after(layer, shape)
        assert integers(found)

    return Call({"layer": layer, "shape": shape}, check, UNFIT, **words)


@generates(cn)
def spatial(rng):
    layer, shape, words = one_layer(rng, dense=False)
    if len(shape) != 3:
        shape = Sides((1, 5, 5))

    def check(found, exact):
        assert found.output == plane(layer, shape)[0]
        assert integers(found)

    return Call({"layer": layer, "shape": shape}, check, UNFIT, **words)


def counted(layer, before: tuple, behind: tuple) -> tuple:
    """Return neurons, parameters, connections and multiply–adds, each counted one by one."""
    neurons = len(list(np.ndindex(*behind)))
    if isinstance(layer, MaxPool | AveragePool):
        return neurons, 0, 0, 0
    if isinstance(layer, Dense):
        pairs = len(list(np.ndindex(*before, *behind)))
        return neurons, pairs + layer.bias * neurons, pairs, pairs
    weights = len(list(np.ndindex(layer.channels, before[0], layer.size, layer.size)))
    joined = layer.channels * before[0] * len(plane(layer, before)[1])
    places = len(list(np.ndindex(*behind[1:])))
    return neurons, weights + layer.bias * layer.channels, joined, weights * places


def all_counted(layers: list, shapes: list) -> list:
    both = itertools.pairwise(shapes)
    return [counted(x, *pair) for x, pair in zip(layers, both, strict=True)]


@generates(cn)
def count(rng):
    def check(found, layers, shapes):
        assert [tuple(c)[2:] for c in found] == all_counted(layers, shapes)
        assert [c.shape for c in found] == shapes[1:]

    return of_network(network(rng), check)


@generates(cn)
def step_multiply_adds(rng):
    def check(found, layers, shapes):
        rows = all_counted(layers, shapes)
        costs = [cost for _, parameters, _, cost in rows if parameters]
        assert found == (sum(costs), sum(costs), sum(costs[1:]), sum(row[1] for row in rows))

    return of_network(network(rng), check)


@generates(cn)
def total(rng):
    layers, shape, shapes = network(rng)
    field = rng.choice(["neurons", "parameters", "connections", "multiply_adds"])

    def check(found, exact):
        k = ["neurons", "parameters", "connections", "multiply_adds"].index(field)
        assert found == sum(row[k] for row in all_counted(layers, shapes))

    spoils = {"counts": [None, 3, [1], [None]], "field": ["layer", "shape", "x", None, 1]}
    return Call({"counts": tuple(cn.count(layers, shape)), "field": field}, check, spoils=spoils)


@generates(cn)
def dense_twin(rng):
    def check(found, layers, shapes):
        for twin, layer, shape in zip(found, layers, shapes[1:], strict=True):
            assert twin == (Dense(shape, layer.bias) if isinstance(layer, Conv) else layer)

    return of_network(network(rng), check)


def weight_shape(layer, before: tuple) -> tuple:
    if isinstance(layer, Dense):
        return math.prod(layer.shape), math.prod(before)
    return layer.channels, before[0], layer.size, layer.size


@generates(cn)
def initialize(rng):
    def check(found, layers, shapes):
        for arrays, layer, before in zip(found, layers, shapes[:-1], strict=True):
            if isinstance(layer, MaxPool | AveragePool):
                assert arrays == ()
                continue
            w, *bias = arrays
            assert w.shape == weight_shape(layer, before)
            assert 0 < abs(w).max() < 7 * math.sqrt(2 / math.prod(w.shape[1:]))
            assert len(bias) == layer.bias
            assert not bias or (bias[0] == np.zeros(len(w))).all()

    source = np.random.default_rng(rng.randrange(2**32))
    return of_network(network(rng), check, {"rng": NO_GENERATORS}, rng=source)


def run(layers: list, params: list, x: np.ndarray, activation) -> list:
    """Return the outputs of all layers for one input, by loops over all their connections."""
    outputs = []
    for layer, arrays in zip(layers, params, strict=True):
        y = np.full(after(layer, x.shape), Fraction(0), dtype=object)
        if isinstance(layer, MaxPool | AveragePool):
            for c, place in itertools.product(range(len(x)), np.ndindex(*y.shape[1:])):
                values = [x[(c, *m)] for i, _, m in plane(layer, x.shape)[1] if i == place]
                largest = isinstance(layer, MaxPool)
                y[(c, *place)] = (
                    max(values, key=np.real) if largest else sum(values) / Fraction(len(values))
                )
            x = y
        else:
            w, *bias = arrays
            if isinstance(layer, Dense):
                inputs = x.ravel()
                y = np.array([sum(a * b for a, b in zip(row, inputs, strict=True)) for row in w])
                y = (y + bias[0] if bias else y).reshape(layer.shape)
            else:
                for o, c, (i, a, m) in itertools.product(
                    range(len(y)), range(len(x)), plane(layer, x.shape)[1]
                ):
                    y[(o, *i)] += w[(o, c, *a)] * x[(c, *m)]
                y = y + np.reshape(bias[0], (-1, 1, 1)) if bias else y
            x = np.array([activation(z) for z in y.flat] + [None], dtype=object)[:-1]
            x = x.reshape(y.shape)
        outputs.append(x)
    return outputs


def square(z):
    return z * z


def parameters(rng: random.Random, layers: list, shapes: list) -> list:
    """Draw a list of exact arrays for every layer, weights before biases."""
    params = []
    for layer, before in zip(layers, shapes[:-1], strict=True):
        w = () if isinstance(layer, MaxPool | AveragePool) else weight_shape(layer, before)
        sizes = [w, w[:1]][: 1 + layer.bias] if w else []
        params.append([np.array(tensor(rng, *size), dtype=object) for size in sizes])
    return params


def joined(params: list) -> list:
    return [entry for arrays in params for array in arrays for entry in array.flat]


@generates(cn)
def forward(rng):
    layers, shape, shapes = network(rng, most=4)
    params = parameters(rng, layers, shapes)
    in_floats = rng.random() < 0.5
    x, activation = tensor(rng, rng.randint(1, 2), *shape), rng.choice([square, lambda z: z])
    given = [[a.astype(float) if in_floats else a for a in arrays] for arrays in params]

    def check(found, exact):
        rows = [run(layers, params, np.array(one, dtype=object), activation) for one in x]
        eps = 0.0  # of the smallest type on the way
        for y, *expected in zip(found, *rows, strict=True):
            largest = max(abs(e) for one in expected for e in one.flat)
            eps = max(eps, float(np.finfo(y.dtype).eps) if y.dtype.kind == "f" else 0.0)
            weighty = any(isinstance(layer, Conv | Dense) for layer in layers)
            exactly = exact and not (in_floats and weighty)
            entries_are(y, np.array(expected), exactly, 2**8 * eps, largest + 1)

    return Call(
        {"layers": tuple(layers), "params": tuple(given), "x": x, "activation": activation},
        check,
        UNFIT,
        names=ABOUT_LAYERS,
        also={"x": taken("c", np.ndim(x))},
        whole=False,
        spoils={
            "layers": [one for one in NO_LAYERS if not isinstance(one, list)],
            "params": [None, 3, [*given, []], [[1.0, 2.0, 3.0]] * len(layers)],
            "activation": NO_FUNCTIONS,
        },
    )


@generates(cn)
def pack(rng):
    layers, _, shapes = network(rng)
    params = parameters(rng, layers, shapes)
    forms = [lambda a: a] * rng.choice([1, 9])
    forms += [lambda a, t=t: a.astype(t) for t in (float, np.float32, np.float16)]
    given = [tuple(rng.choice(forms)(array) for array in arrays) for arrays in params]
    in_fractions = [array.dtype == object for arrays in given for array in arrays]

    def check(found, exact):
        expected = np.array([*joined(params), None], dtype=object)[:-1]
        entries_are(found, expected, all(in_fractions) and in_fractions != [])
        assert (found.dtype == object) == (all(in_fractions) and in_fractions != [])

    no_arrays = [np.nan, "w", None, True, np.ma.array([1.0]), [[1.0], [1.0, 2.0]], []]
    wrong = [None, 3, "abc", {}, {1.0}, [3], [None], ["w"], *([[array]] for array in no_arrays)]
    return Call({"params": tuple(given)}, check, spoils={"params": wrong})


def weighty_network(rng: random.Random, **options: Any) -> tuple:
    """Draw a network that ends with weights, and its parameters."""
    layers: list = []
    while not layers or isinstance(layers[-1], MaxPool | AveragePool):
        layers, shape, shapes = network(rng, **options)
    return layers, shape, shapes, parameters(rng, layers, shapes)


@generates(cn)
def unpack(rng):
    layers, shape, _, params = weighty_network(rng)
    scale = power_of_two(rng)

    def check(found, exact):
        assert [len(arrays) for arrays in found] == [len(arrays) for arrays in params]
        for arrays, expected in zip(found, params, strict=True):
            for array, one in zip(arrays, expected, strict=True):
                entries_are(array, scale * one, exact)

    return Call(
        {"vector": times(scale, joined(params)), "layers": tuple(layers), "shape": shape},
        check,
        UNFIT,
        names=ABOUT_LAYERS,
        also={"vector": is_complex},
        whole=False,
        spoils={"layers": NO_LAYERS},
    )


@generates(cn)
def scores(rng):
    layers, shape, _, params = weighty_network(rng, most=4)
    x, last, eps = tensor(rng, rng.randint(1, 2), *shape), len(layers) - 1, [0.0]

    def run_through(function, **given):
        types = [getattr(given[name], "dtype", None) for name in ("vector", "x")]
        small = [t for t in types if t in (np.float16, np.float32)]
        eps[0] = max(float(np.finfo(t).eps) for t in [*small, float])
        return function(**given)

    def check(found, exact):
        rows = []
        for one in x:
            hidden = run(layers[:last], params[:last], np.array(one, dtype=object), relu)
            before = hidden[-1] if hidden else np.array(one, dtype=object)
            rows.append(hidden + run(layers[last:], params[last:], before, lambda z: z))
        largest = max(abs(e) for outputs in rows for y in outputs for e in y.flat)
        expected = np.array([outputs[-1] for outputs in rows])
        entries_are(found, expected, exact, 2**8 * eps[0], largest + 1)

    no_scores = [[], [MaxPool(1)], [*layers, AveragePool(1)]]
    return Call(
        {"vector": joined(params), "layers": tuple(layers), "x": x},
        check,
        UNFIT,
        names=ABOUT_LAYERS,
        also={"x": taken("c", np.ndim(x)), "vector": is_complex},
        through=run_through,
        whole=False,
        spoils={"layers": NO_LAYERS + no_scores},
    )


def relu(z):
    return max(z, 0)


# -- what a neuron sees ----------------------------------------------------------------------------


def looks_at(layer, before: tuple, axis: int) -> list[list]:
    """Return what each place along an axis looks at, and one place more, in the padding as well."""
    padding, stride, dilation = options_of(layer)
    return axis_of(padding, before[1 + axis], layer.size, stride, dilation, axis, more=1)[1]


@generates(cn)
def receptive_fields(rng):
    def check(found, layers, shapes):
        assert found[0] == (1, 1, 0)
        for k in range(1, len(layers) + 1):
            fields = [{0}, {1}]
            for layer, before in zip(layers[k - 1 :: -1], shapes[k - 1 :: -1], strict=True):
                first, second, *_ = looks_at(layer, before, 0)
                step = second[0] - first[0]
                fields = [{p * step + m for p in field for m in first} for field in fields]
            first, second = fields
            expected = max(first) - min(first) + 1, min(second) - min(first), min(first)
            assert found[k] == expected

    return of_network(network(rng, dense=False), check)


@generates(cn)
def reached(rng):
    drawn = network(rng, dense=False)
    neuron = tuple(rng.randrange(n) for n in drawn[2][-1][1:])

    def check(found, layers, shapes):
        seen = [[{i} for i in neuron]]
        for layer, before in zip(layers[::-1], shapes[-2::-1], strict=True):
            seen.append(
                [
                    {m for p in seen[-1][axis] for m in looks_at(layer, before, axis)[p]}
                    & {*range(before[1 + axis])}
                    for axis in (0, 1)
                ]
            )
        for mask, (rows, columns), size in zip(found[::-1], seen, shapes[::-1], strict=True):
            assert mask.dtype == bool
            assert mask.shape == size[1:]
            assert {*zip(*np.nonzero(mask), strict=True)} == {*itertools.product(rows, columns)}

    return of_network(drawn, check, {"neuron": NO_NEURONS}, neuron=neuron)


def slopes(layers: list, shape: tuple, place: tuple, source, activation, pixels) -> list:
    """Return the slopes of a neuron at some pixels: loops over all connections, a complex step."""
    params = cn.initialize(layers, shape, source)
    x = source.normal(size=shape).astype(object)
    found = []
    for k in pixels:
        moved = x.copy()
        moved[k] += 1e-30j
        found.append(run(layers, params, moved, activation)[-1][(0, *place)].imag / 1e-30)
    return found


@generates(cn)
def input_gradient(rng):
    drawn = layers, shape, shapes = network(rng, most=4, depth=2)
    if not layers:
        return input_gradient(rng)
    neuron = tuple(rng.randrange(n) for n in shapes[-1][1:])
    seed, activation = rng.randrange(2**32), rng.choice([square, lambda z: z])
    pixels = rng.sample([*np.ndindex(*shape)], 3)

    def check(found, layers, shapes):
        assert found.shape == shape
        source = np.random.default_rng(seed)
        expected = slopes(layers, shape, neuron, source, activation, pixels)
        np.testing.assert_allclose([found[k] for k in pixels], expected, rtol=1e-9, atol=1e-11)

    spoils = {"neuron": NO_NEURONS, "rng": NO_GENERATORS, "activation": NO_FUNCTIONS}
    source = np.random.default_rng(seed)
    more = {"neuron": neuron, "rng": source, "activation": activation}
    return of_network(drawn, check, spoils, **more)


@generates(cn)
def gradient_energy(rng):
    depth, size, channels, draws = (rng.randint(1, n) for n in (2, 3, 2, 2))
    seed, activation = rng.randrange(2**32), rng.choice([square, lambda z: z])

    def check(found, exact):
        side, source = 1 + depth * (size - 1), np.random.default_rng(seed)
        assert found.shape == (draws, side, side)
        stack, pixels = [Conv(channels, size)] * depth, [(0, 0, 0), (0, side // 2, side - 1)]
        for one in found:
            roots = slopes(stack, (1, side, side), (0, 0), source, activation, pixels)
            expected = [root**2 for root in roots]
            np.testing.assert_allclose([one[k[1:]] for k in pixels], expected, 1e-9, 1e-11)

    arguments = {"depth": depth, "size": size, "channels": channels, "draws": draws}
    arguments |= {"rng": np.random.default_rng(seed), "activation": activation}
    return Call(arguments, check, spoils={"rng": NO_GENERATORS, "activation": NO_FUNCTIONS})


@generates(cn)
def energy_profile(rng):
    sizes = Sides(rng.randint(1, 4) for _ in range(rng.randint(1, 4)))

    def check(found, exact):
        paths = Counter(map(sum, itertools.product(*map(range, sizes))))
        assert found == [Fraction(paths[k], paths.total()) for k in range(len(paths))]

    return Call({"sizes": sizes}, check)


@generates(cn)
def spread(rng):
    n = rng.randint(1, 4)
    energy = times(power_of_two(rng), [vector(rng, n, 0, 4) for _ in range(n)])

    def check(found, exact):
        place = [Fraction(2 * k + 1 - n, 2) ** 2 for k in range(n)]
        mass = sum(map(sum, energy))
        moment = sum(
            e * (place[i] + place[j]) for i, row in enumerate(energy) for j, e in enumerate(row)
        )
        with mpmath.workdps(40):
            mean = moment / (2 * mass)
            root = mpmath.sqrt(mpmath.mpf(mean.numerator) / mean.denominator)
            assert type(found) is float
            assert abs(found - root) <= 1e-15 * n * root

    return Call({"energy": energy}, check, "zero everywhere")


# -- recovery --------------------------------------------------------------------------------------


@generates(cn)
def matrix_of(rng):
    shape = Sides(rng.randint(1, 3) for _ in range(rng.randint(1, 3)))
    pixels = math.prod(shape)
    weights = [[rng.randint(-3, 3) for _ in range(pixels)] for _ in range(rng.randint(1, 3))]

    def operation(x):
        return x.reshape(len(x), -1) @ np.array(weights).T

    def check(found, exact):
        assert found.tolist() == weights

    wrong = [None, 3, "abc", lambda x: None, lambda x: 3, lambda x: x[:0]]
    return Call({"operation": operation, "shape": shape}, check, spoils={"operation": wrong})


@generates(cn)
def binary_solutions(rng):
    m, n = rng.randint(1, 3), rng.randint(1, 5)
    scale = Fraction(2) ** rng.choice([0, 0, 0, 60, 70])
    a = [[scale * rng.choice([0, 0, 1, -1, 2]) for _ in range(n)] for _ in range(m)]
    hidden = [rng.randint(0, 1) for _ in range(n)]
    b = [sum(x * y for x, y in zip(row, hidden, strict=True)) for row in a]
    if rng.random() < 0.3:
        b[0] += scale

    def check(found, exact):
        expected = [
            x
            for x in itertools.product((0, 1), repeat=n)
            if [sum(p * q for p, q in zip(row, x, strict=True)) for row in a] == b
        ]
        assert [tuple(x.tolist()) for x in found] == expected

    return Call({"a": a, "b": b}, check, names=NAMES | {"b": r"\bb\b"})


@generates(cn)
def parts(rng):
    a = [[rng.choice([0, 0, 1]) * x for x in row] for row in matrix(rng, rng.randint(1, 4), 3)]

    def check(found, exact):
        names = [*range(len(a)), *(~j for j in range(3))]
        label = {k: {k} for k in names}
        for i, row in enumerate(a):
            for j in (j for j, x in enumerate(row) if x):
                merged = label[i] | label[~j]
                label.update(dict.fromkeys(merged, merged))
        expected = {frozenset(part) for part in label.values()}
        assert {frozenset([*r.tolist(), *(~c).tolist()]) for r, c in found} == expected
        assert len(found) == len(expected)

    return Call({"a": a}, check, names=NAMES, also={"a": taken()})
