"""A network as one function of one vector, which is what an optimizer moves.

Chapter 6, *A network is trained*: the layers of
:mod:`byhand.convolutional_networks.layers` with ReLUs between them, for the reverse sweep of
chapter 5 and the optimizers of chapter 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand._checks import numbers, together
from byhand.backpropagation import relu
from byhand.backpropagation.tracing import Traced
from byhand.convolutional_networks.layers import (
    AveragePool,
    Layer,
    MaxPool,
    checked_array,
    checked_layers,
    forward,
    parameter_shapes,
    shapes,
)


def pack(params: Sequence[Sequence[Any]]) -> np.ndarray:
    """Return all parameters of a network as one vector, layer by layer, weights before biases.

    Parameters
    ----------
    params
        As :func:`~byhand.convolutional_networks.initialize` returns them.

    Raises
    ------
    TypeError, ValueError
        If they are no finite arrays of numbers, some for each layer.

    Examples
    --------
    >>> pack([(np.eye(2), np.zeros(2)), ()])
    array([1., 0., 0., 1., 0., 0.])
    """
    if not isinstance(params, list | tuple) or not all(isinstance(p, list | tuple) for p in params):
        raise TypeError(f"params must be a list with the arrays of every layer, got {params!r}")
    arrays = [array for layer in params for array in layer]
    checked = {f"array {k} of params": checked_array("params", a) for k, a in enumerate(arrays)}
    return np.concatenate([np.ravel(array) for array in together(**checked)] or [np.zeros(0)])


def unpack(vector: Any, layers: Sequence[Layer], shape: Sequence[int]) -> list[tuple[Any, ...]]:
    """Cut a vector into the parameters of every layer: the inverse of :func:`pack`.

    Parameters
    ----------
    vector
        As long as the network has parameters; may be a traced value of chapter 5.
    layers, shape
        The network, and the shape of one input.

    Raises
    ------
    TypeError, ValueError
        If the vector has another length or holds no finite numbers, or the layers do not fit.

    Examples
    --------
    >>> from byhand.convolutional_networks import Dense
    >>> [[w.shape for w in p] for p in unpack(np.zeros(8), [Dense((2,), bias=True)], (3,))]
    [[(2, 3), (2,)]]
    """
    needed = list(map(parameter_shapes, layers, shapes(layers, shape)[:-1]))
    total = sum(math.prod(part) for parts in needed for part in parts)
    if not isinstance(vector, Traced):
        vector = numbers("vector", vector, small=True, allow_complex=True, allow_limits=not total)
    if np.shape(vector) != (total,):
        raise ValueError(
            f"vector must hold the {total} parameters that the layers need, "
            f"got shape {np.shape(vector)}"
        )
    params, start = [], 0
    for parts in needed:
        arrays = []
        for part in parts:
            arrays.append(np.reshape(vector[start : start + math.prod(part)], part))
            start += math.prod(part)
        params.append(tuple(arrays))
    return params


def scores(vector: Any, layers: Sequence[Layer], x: Any) -> Any:
    """Return the outputs of a network with a ReLU behind every layer with weights but the last.

    Parameters
    ----------
    vector
        The parameters, as :func:`pack` returns them; may be a traced value of chapter 5.
    layers
        The network; its last layer has weights.
    x
        A batch of inputs, shape (batch, channels, height, width).

    Returns
    -------
    array of shape (batch, …)

    Raises
    ------
    TypeError, ValueError
        If layers, vector and inputs do not fit together.

    Examples
    --------
    >>> from byhand.convolutional_networks import Dense
    >>> scores(np.array([1.0, -1.0, 2.0]), [Dense((2,)), Dense((1,))], np.ones((1, 1)))
    Traceback (most recent call last):
    ...
    ValueError: vector must hold the 4 parameters that the layers need, got shape (3,)
    >>> scores(np.array([1.0, -1.0, 2.0, 5.0]), [Dense((2,)), Dense((1,))], np.ones((1, 1)))
    array([[2.]])
    """
    layers, x = checked_layers(layers), checked_array("x", x)
    if not layers or isinstance(layers[-1], MaxPool | AveragePool):
        raise ValueError(f"layers must end with one that has weights, got {layers}")
    if np.ndim(x) < 2:
        raise ValueError(f"x must be a batch of inputs, got shape {np.shape(x)}")
    params = unpack(vector, layers, np.shape(x)[1:])
    hidden = forward(layers[:-1], params[:-1], x, relu)
    return forward(layers[-1:], params[-1:], hidden[-1] if hidden else x)[-1]
