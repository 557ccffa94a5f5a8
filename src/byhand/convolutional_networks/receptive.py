"""Receptive fields: what part of the input a neuron sees, and how much of it matters.

Chapter 6, section E3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from byhand import _checks
from byhand._checks import function, integer, scaled
from byhand.backpropagation import vjp
from byhand.convolutional_networks.layers import Conv, Layer, forward, initialize, shapes, spatial
from byhand.convolutional_networks.operations import transposed_cross_correlate


class Field(NamedTuple):
    """The receptive field of a layer's neurons along one axis, in pixels of the input."""

    size: int
    """How many pixels a neuron's field spans, those in the padding included."""
    jump: int
    """How far the fields of two neighboring neurons are apart."""
    start: int
    """Where the field of neuron 0 begins; negative in the padding."""


def receptive_fields(layers: Sequence[Layer], shape: Sequence[int]) -> list[Field]:
    """Return the field of every layer, the input's own first, Equation ch6-receptive-field.

    Parameters
    ----------
    layers
        Convolutions and poolings.
    shape
        That of the input, (channels, height, width); it matters only for "same" padding.

    Returns
    -------
    list of Field
        Along the vertical axis, which is also the horizontal one if input and padding are square.

    Raises
    ------
    TypeError, ValueError
        If a layer is fully connected, or does not fit.

    Notes
    -----
    A. Araujo, W. Norris, J. Sim, *Computing receptive fields of convolutional neural networks*,
    Distill, 2019.

    Examples
    --------
    >>> receptive_fields([Conv(1, 5), Conv(1, 3, stride=2)], (1, 32, 32))[-1]
    Field(size=7, jump=2, start=0)
    """
    fields = [Field(1, 1, 0)]
    for layer, before in zip(layers, shapes(layers, shape)[:-1], strict=True):
        ((above, _), _), (stride, _), (dilation, _), _ = spatial(layer, before)
        size, jump, start = fields[-1]
        wider = (int(layer.size) - 1) * dilation * jump
        fields.append(Field(size + wider, jump * stride, start - above * jump))
    return fields


def reached(
    layers: Sequence[Layer], shape: Sequence[int], neuron: Sequence[int]
) -> list[np.ndarray]:
    """Mark what one neuron of the last layer depends on, in the input and after every layer.

    Goes backwards through the layers themselves: each marks the inputs of its marked outputs,
    by its adjoint with all weights 1.

    Parameters
    ----------
    layers, shape
        As for :func:`receptive_fields`.
    neuron
        Row and column in the last layer.

    Returns
    -------
    list of ndarray of bool, shapes (height, width)
        The input first.

    Raises
    ------
    TypeError, ValueError
        If there is no such neuron, or a layer is fully connected or does not fit.

    Examples
    --------
    >>> reached([Conv(1, 3, dilation=2)], (1, 1 + 4, 1 + 4), (0, 0))[0].astype(int)[0]
    array([1, 0, 1, 0, 1])
    """
    all_shapes = shapes(layers, shape)
    mask = np.zeros(all_shapes[-1][1:], dtype=bool)
    mask[_neuron(neuron, all_shapes[-1])] = True
    masks = [mask]
    for layer, before in zip(reversed(layers), all_shapes[-2::-1], strict=True):
        layout = spatial(layer, before)
        paths = transposed_cross_correlate(
            masks[-1],
            np.ones((layer.size, layer.size), dtype=bool),
            size=before[1:],
            padding=layout.pads,
            stride=layout.stride,
            dilation=layout.dilation,
        )
        masks.append(paths > 0)
    return masks[::-1]


def input_gradient(
    layers: Sequence[Layer],
    shape: Sequence[int],
    neuron: Sequence[int],
    rng: np.random.Generator,
    activation: Callable = lambda z: z,
) -> np.ndarray:
    """Return ∂(one neuron)/∂(input), for random weights and a random input, by chapter 5's tape.

    The neuron lies in channel 0 of the last layer.

    Returns
    -------
    ndarray of the given shape, (channels, height, width)

    Examples
    --------
    >>> g = input_gradient([Conv(1, 3)], (1, 5, 5), (0, 2), np.random.default_rng(0))
    >>> (g[0] != 0).astype(int)[:, 2:].tolist()
    [[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]]
    """
    neuron = _neuron(neuron, shapes(layers, shape)[-1])
    function("activation", activation)
    params = initialize(layers, shape, rng)
    x = rng.normal(size=(1, *shape))
    value, pullback = vjp(lambda x: forward(layers, params, x, activation)[-1], x)
    seed = np.zeros(value.shape)
    seed[(0, 0, *neuron)] = 1
    return pullback(seed)[0]


def _neuron(neuron: Sequence[int], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the place of a neuron that exists."""
    if np.shape(neuron) != (len(shape) - 1,):
        raise ValueError(f"neuron must be a place in {shape[1:]}, got {neuron!r}")
    place = tuple(integer("each index in neuron", i, 0) for i in neuron)
    if not all(i < n for i, n in zip(place, shape[1:], strict=True)):
        raise ValueError(f"neuron: the last layer has {shape[1:]} neurons, not one at {place}")
    return place


# -- effective receptive fields --------------------------------------------------------------------


def energy_profile(sizes: Sequence[int]) -> list[Fraction]:
    """Return the expected squared gradient over one axis of the field, Equation ch6-energy.

    For a stack of stride-1 convolutions with independent weights of mean zero and equal variance
    within a layer, no activation. Sums to 1. Over two axes it is the product of the two profiles.

    Parameters
    ----------
    sizes
        Taps along the axis, one number for each layer.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer.

    Examples
    --------
    >>> [str(p) for p in energy_profile([3, 3])]
    ['1/9', '2/9', '1/3', '2/9', '1/9']
    """
    profile = [Fraction(1)]
    for size in _checks.shape("sizes", sizes):
        places = range(len(profile) + size - 1)
        profile = [sum(profile[max(0, i - size + 1) : i + 1]) / size for i in places]
    return profile


def spread(energy: np.ndarray) -> float:
    """Return the standard deviation of a map's mass about the map's middle, along one axis.

    Both axes of the map are averaged.

    Parameters
    ----------
    energy
        Shape (n, n), nonnegative, not all zero.

    Raises
    ------
    TypeError, ValueError
        If the map is none of that.

    Examples
    --------
    >>> spread(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    0.7071067811865476
    """
    energy, _ = scaled(_checks.floats("energy", _checks.square("energy", energy)))
    if not energy.min() >= 0 or not energy.any():
        raise ValueError("energy must be nonnegative and not zero everywhere")
    distance = np.arange(len(energy)) - (len(energy) - 1) / 2
    per_axis = energy.sum(axis=0) + energy.sum(axis=1)
    return float(np.sqrt(per_axis @ distance**2 / per_axis.sum()))


def gradient_energy(
    depth: int,
    rng: np.random.Generator,
    *,
    size: int = 3,
    channels: int = 1,
    activation: Callable = lambda z: z,
    draws: int = 1,
) -> np.ndarray:
    """Return the squared input gradient of a stack of convolutions, for random draws.

    W. Luo, Y. Li, R. Urtasun, R. Zemel, *Understanding the effective receptive field in deep
    convolutional neural networks*, NeurIPS 2016.

    Parameters
    ----------
    depth, size, channels
        That many layers of ``size`` × ``size`` filters with that many channels each.
    rng
        Draws weights and inputs.
    activation
        After every layer.
    draws
        How many networks.

    Returns
    -------
    ndarray, shape (draws, r, r)
        Over the theoretical field of r = 1 + depth (size − 1) pixels.

    Raises
    ------
    TypeError, ValueError
        If a number is not a positive integer, ``rng`` no generator or ``activation`` no function.

    Examples
    --------
    >>> gradient_energy(2, np.random.default_rng(0), draws=4).shape
    (4, 5, 5)
    """
    depth, size = integer("depth", depth, 1), integer("size", size, 1)
    channels, draws = integer("channels", channels, 1), integer("draws", draws, 1)
    side = 1 + depth * (size - 1)
    stack = [Conv(channels, size)] * depth
    return np.array(
        [
            input_gradient(stack, (1, side, side), (0, 0), rng, activation)[0] ** 2
            for _ in range(draws)
        ]
    )
