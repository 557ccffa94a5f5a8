"""Layers as data: shapes, neurons, parameters and arithmetic follow from a specification.

Chapter 6, section E3.2. A network is a list of layers; a shape is (channels, height, width), or
(units,) after a fully connected layer. Its convolutions are cross-correlations, as in the usual
libraries.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from byhand import _checks
from byhand._checks import integer, numbers, still_finite, together
from byhand.backpropagation.tracing import Traced
from byhand.convolutional_networks.layout import Padding, geometry
from byhand.convolutional_networks.operations import cross_correlate
from byhand.convolutional_networks.pooling import average_pool, max_pool


class Conv(NamedTuple):
    """A convolutional layer of ``channels`` filters of ``size`` × ``size`` taps."""

    channels: int
    size: int
    padding: Padding = "valid"
    stride: int = 1
    dilation: int = 1
    bias: bool = False


class MaxPool(NamedTuple):
    """Max pooling over ``size`` × ``size`` windows, one beside the other if no stride is given."""

    size: int
    stride: int | None = None


class AveragePool(NamedTuple):
    """Average pooling, otherwise as :class:`MaxPool`."""

    size: int
    stride: int | None = None


class Dense(NamedTuple):
    """A fully connected layer whose output has the given shape."""

    shape: tuple[int, ...]
    bias: bool = False


Layer = Conv | MaxPool | AveragePool | Dense


class Count(NamedTuple):
    """What one layer holds and does, for one sample."""

    layer: Layer
    shape: tuple[int, ...]
    neurons: int
    """Outputs, not inputs; each output is one neuron."""
    parameters: int
    connections: int
    """Pairs of an input and an output that a trainable weight joins, padding not included."""
    multiply_adds: int
    """Of the forward pass as a matrix product, which multiplies the zeros of the padding too."""


class StepCount(NamedTuple):
    """Multiply–adds of one step of gradient descent on one sample, by part."""

    forward: int
    filter_gradients: int
    input_gradients: int
    update: int


def output_shape(layer: Layer, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of a layer's output.

    Raises
    ------
    TypeError, ValueError
        If the layer is none of the four, or does not fit the shape.

    Examples
    --------
    >>> output_shape(Conv(6, 5), (1, 32, 32)), output_shape(MaxPool(2), (6, 28, 28))
    ((6, 28, 28), (6, 14, 14))
    """
    shape, layer = _checks.shape("shape", shape), _layer(layer)
    if isinstance(layer, Dense):
        return layer.shape
    size = spatial(layer, shape).output
    return (layer.channels if isinstance(layer, Conv) else shape[0], *size)


def spatial(layer: Layer, shape: Sequence[int]):
    """Return the :class:`~byhand.convolutional_networks.Geometry` of a layer.

    Examples
    --------
    >>> spatial(MaxPool(2), (1, 8, 8)).stride
    (2, 2)
    """
    shape, layer = _checks.shape("shape", shape), _layer(layer)
    if isinstance(layer, Dense):
        raise TypeError(f"layer must be Conv, MaxPool or AveragePool, got {layer}")
    if len(shape) != 3:
        raise ValueError(f"{layer} needs an input shape (channels, height, width), got {shape}")
    size = (layer.size, layer.size)
    if isinstance(layer, Conv):
        return geometry(shape[1:], size, layer.padding, layer.stride, layer.dilation)
    return geometry(shape[1:], size, "valid", layer.size if layer.stride is None else layer.stride)


def shapes(layers: Sequence[Layer], shape: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the shape of the input and of every layer's output.

    Examples
    --------
    >>> shapes([Conv(1, 3, "same"), MaxPool(2)], (1, 32, 32))
    [(1, 32, 32), (1, 32, 32), (1, 16, 16)]
    """
    result = [_checks.shape("shape", shape)]
    for layer in checked_layers(layers):
        result.append(output_shape(layer, result[-1]))
    return result


def count(layers: Sequence[Layer], shape: Sequence[int]) -> list[Count]:
    """Count what every layer holds and does, Equation ch6-counts.

    Parameters
    ----------
    layers
        The network.
    shape
        That of one input, (channels, height, width).

    Returns
    -------
    list of Count, one for each layer

    Raises
    ------
    TypeError, ValueError
        If a layer does not fit the output of the one before.

    Examples
    --------
    >>> [(c.neurons, c.parameters) for c in count([Conv(1, 3, "same"), MaxPool(2)], (1, 32, 32))]
    [(1024, 9), (256, 0)]
    """
    steps = itertools.pairwise(shapes(layers, shape))
    layers = checked_layers(layers)
    return [
        Count(layer, after, math.prod(after), *_weights(layer, before, after))
        for layer, (before, after) in zip(layers, steps, strict=True)
    ]


def total(counts: Sequence[Count], field: str) -> int:
    """Return the sum of one field over all layers.

    Examples
    --------
    >>> total(count([Conv(1, 3, "same"), MaxPool(2)], (1, 32, 32)), "neurons")
    1280
    """
    _checks.one_of("field", field, Count._fields[2:])
    if not isinstance(counts, list | tuple) or not all(isinstance(c, Count) for c in counts):
        raise TypeError(f"counts must be a list of Count, as count returns it, got {counts!r}")
    return sum(getattr(c, field) for c in counts)


def dense_twin(layers: Sequence[Layer], shape: Sequence[int]) -> list[Layer]:
    """Replace each convolution by a fully connected layer of the same input and output.

    Examples
    --------
    >>> dense_twin([Conv(1, 3, "same"), MaxPool(2)], (1, 32, 32))
    [Dense(shape=(1, 32, 32), bias=False), MaxPool(size=2, stride=None)]
    """
    return [
        Dense(after, layer.bias) if isinstance(layer, Conv) else layer
        for layer, after in zip(layers, shapes(layers, shape)[1:], strict=True)
    ]


def step_multiply_adds(layers: Sequence[Layer], shape: Sequence[int]) -> StepCount:
    """Count the multiply–adds of one step of gradient descent, Equation ch6-step-cost.

    A product of two matrices in the forward pass becomes two of the same size in the backward
    pass, one for the weights and one for the input; the first layer's input needs no gradient.

    Examples
    --------
    >>> step_multiply_adds([Dense((3,)), Dense((2,))], (5,))
    StepCount(forward=21, filter_gradients=21, input_gradients=6, update=21)
    """
    counts = count(layers, shape)
    forward = total(counts, "multiply_adds")
    first = next((c.multiply_adds for c in counts if c.parameters), 0)
    return StepCount(forward, forward, forward - first, total(counts, "parameters"))


def initialize(
    layers: Sequence[Layer], shape: Sequence[int], rng: np.random.Generator
) -> list[tuple[np.ndarray, ...]]:
    """Return random parameters for every layer: (w,), (w, b) or ().

    Weights are normal with variance 2/(inputs of a neuron), biases zero (He et al., *Delving deep
    into rectifiers*, 2015).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> params = initialize([Conv(6, 5, bias=True), MaxPool(2)], (1, 32, 32), rng)
    >>> [[array.shape for array in layer] for layer in params]
    [[(6, 1, 5, 5), (6,)], []]
    """
    _checks.generator("rng", rng)
    params = []
    for layer, before in zip(checked_layers(layers), shapes(layers, shape)[:-1], strict=True):
        needed = parameter_shapes(layer, before)
        weights = [rng.normal(scale=math.sqrt(2 / math.prod(w[1:])), size=w) for w in needed[:1]]
        params.append((*weights, *map(np.zeros, needed[1:])))
    return params


def forward(
    layers: Sequence[Layer],
    params: Sequence[Sequence[Any]],
    x: Any,
    activation: Callable = lambda z: z,
) -> list[Any]:
    """Run a network; return the output of every layer.

    Parameters
    ----------
    layers, params
        The network, and its parameters as :func:`initialize` returns them.
    x
        A batch of inputs, shape (batch, channels, height, width). Inputs and parameters may be
        traced values of chapter 5.
    activation
        Applied to the output of every layer with weights.

    Returns
    -------
    list of arrays of shape (batch, …), one for each layer
        Floats, or fractions for fractions. Integers become floats.

    Raises
    ------
    TypeError, ValueError
        If layers, parameters and inputs do not fit together, or an output is not finite.

    Examples
    --------
    >>> network = [Conv(1, 3, "same"), MaxPool(2)]
    >>> params = initialize(network, (1, 8, 8), np.random.default_rng(0))
    >>> [y.shape for y in forward(network, params, np.zeros((5, 1, 8, 8)))]
    [(5, 1, 8, 8), (5, 1, 4, 4)]
    """
    layers, x = checked_layers(layers), checked_array("x", x)
    _checks.function("activation", activation)
    if not isinstance(params, list | tuple) or len(params) != len(layers):
        raise ValueError(f"params must be a list with one entry for each of {len(layers)} layers")
    outputs = []
    for layer, parameters in zip(layers, params, strict=True):
        x = _apply(layer, parameters, x)
        x = activation(x) if isinstance(layer, Conv | Dense) else x
        outputs.append(x)
    return outputs


def _apply(layer: Layer, parameters: Sequence[Any], x: Any) -> Any:
    if np.ndim(x) < 2 or (not isinstance(layer, Dense) and np.ndim(x) != 4):
        raise ValueError(f"x must be a batch of inputs of {layer}, got shape {np.shape(x)}")
    if isinstance(layer, MaxPool | AveragePool) and len(parameters):
        raise ValueError(f"params must have no arrays for {layer}, got {len(parameters)}")
    if isinstance(layer, MaxPool):
        return max_pool(x, layer.size, layer.stride)
    if isinstance(layer, AveragePool):
        return average_pool(x, layer.size, layer.stride)
    w, bias = _parameters(layer, parameters, np.shape(x)[1:])
    if isinstance(layer, Conv):
        options = {"padding": layer.padding, "stride": layer.stride, "dilation": layer.dilation}
        return _shifted(cross_correlate(x, w, **options), bias)
    # A fully connected layer is a convolution whose images have a single pixel.
    x, w = np.reshape(x, (len(x), -1, 1, 1)), np.reshape(w, (*np.shape(w), 1, 1))
    return np.reshape(_shifted(cross_correlate(x, w), bias), (len(x), *layer.shape))


def _parameters(layer: Conv | Dense, parameters: Sequence[Any], shape: tuple) -> tuple[Any, Any]:
    """Return the weights, and the bias if there is one, of the shapes that a layer needs."""
    needed = parameter_shapes(layer, shape)
    found = [checked_array("params", array) for array in parameters]
    if [np.shape(array) for array in found] != needed:
        got = [np.shape(array) for array in found]
        raise ValueError(f"params must have the shapes {needed} for {layer} of x, got {got}")
    return found[0], found[1] if layer.bias else None


def _shifted(y: Any, bias: Any) -> Any:
    """Add a bias to every channel."""
    if bias is None:
        return y
    y, bias = together(y=y, bias=bias)
    with np.errstate(over="ignore"):
        y = y + np.reshape(bias, (-1, 1, 1))
    if not isinstance(y, Traced):
        still_finite("the output", y, "when the bias was added")
    return y


def parameter_shapes(layer: Layer, before: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the shapes of a layer's weights, outputs first, and of its bias, if it has them."""
    if isinstance(layer, MaxPool | AveragePool):
        return []
    if isinstance(layer, Dense):
        weights = math.prod(layer.shape), math.prod(before)
    else:
        weights = layer.channels, before[0], layer.size, layer.size
    return [weights, weights[:1]] if layer.bias else [weights]


def _weights(layer: Layer, before: tuple, after: tuple) -> tuple[int, int, int]:
    """Return parameters, connections and multiply–adds of a layer."""
    if isinstance(layer, MaxPool | AveragePool):
        return 0, 0, 0
    inputs, outputs = math.prod(before), math.prod(after)
    if isinstance(layer, Dense):
        return inputs * outputs + layer.bias * outputs, inputs * outputs, inputs * outputs
    channels = before[0] * after[0]
    taps = channels * layer.size**2
    layout = spatial(layer, before)
    inside = [
        sum(
            0 <= i * layout.stride[axis] + a * layout.dilation[axis] - layout.pads[axis][0] < n
            for i in range(layout.output[axis])
            for a in range(layer.size)
        )
        for axis, n in enumerate(before[1:])
    ]
    return (
        taps + layer.bias * after[0],
        channels * math.prod(inside),
        taps * math.prod(after[1:]),
    )


# -- checks ----------------------------------------------------------------------------------------


def checked_layers(layers: Any) -> list[Layer]:
    """Return a network whose layers have been checked."""
    if isinstance(layers, Layer) or not isinstance(layers, list | tuple):
        raise TypeError(f"layers must be a list of layers, got {layers!r}")
    return [_layer(layer) for layer in layers]


def _layer(layer: Any) -> Layer:
    """Return a layer of Python's integers; its padding is left to ``geometry``."""
    if not isinstance(layer, Layer):
        raise TypeError(f"layer must be Conv, MaxPool, AveragePool or Dense, got {layer!r}")
    fields = layer._asdict()
    for name in fields.keys() & {"channels", "size", "stride", "dilation"}:
        if name != "stride" or isinstance(layer, Conv) or layer.stride is not None:
            fields[name] = integer(f"the layer's {name}", fields[name], 1)
    if "shape" in fields:
        fields["shape"] = _checks.shape("the layer's shape", layer.shape)
    if "bias" in fields and not isinstance(layer.bias, bool | np.bool_):
        raise TypeError(f"the layer's bias must be True or False, got {layer.bias!r}")
    return type(layer)(**fields)


def checked_array(name: str, values: Any) -> Any:
    """Return a finite array of floats or fractions; traced values as they are."""
    if isinstance(values, Traced):
        return values
    return numbers(name, values, small=True, allow_complex=True, copy=None)
