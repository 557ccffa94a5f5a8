"""A small network whose sharpness is measured while it is trained (chapter 3, beyond the sheets).

Six points of a parabola, one hidden layer of tanh, and the chapter's loss, the mean of
½(output − target)². The derivatives are those of chapter 5, the eigenvalue that of chapter 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from byhand._checks import generator, integer, positive
from byhand.backpropagation import hvp, jacobian, value_and_grad
from byhand.backpropagation.networks import multilayer
from byhand.linear_algebra import power_iteration
from byhand.sgd_stability.directions import operator_threshold, rank_one_hessians

X = np.linspace(-1, 1, 6)[:, None]
"""The inputs, shape (6, 1)."""

Y = 2 * X**2 - 1
"""The targets, shape (6, 1)."""


LOST = 1e6
"""A loss from which no run is expected to come back."""


def outputs(w: np.ndarray, x: np.ndarray = X) -> np.ndarray:
    """Return the network's outputs, shape (samples, 1), for w of shape (3·width + 1,)."""
    return multilayer(w, x, [1, len(w) // 3, 1])


def loss(w: np.ndarray, x: np.ndarray = X, y: np.ndarray = Y):
    """Return the mean of ½(output − target)².

    Examples
    --------
    >>> round(float(loss(np.zeros(4))), 12)
    0.3208
    """
    return np.mean((outputs(w, x) - y) ** 2) / 2


class Reading(NamedTuple):
    """What is measured on the way."""

    step: int
    loss: float
    sharpness: float
    """The largest eigenvalue of the loss's Hessian."""
    threshold: float
    """Where SGD with single samples loses its stability in mean square."""


def read(w: np.ndarray, step: int = 0) -> Reading:
    """Measure a network: sharpness by power iteration, the threshold by the operator of D2.6.

    The threshold takes (output's gradient)(output's gradient)ᵀ for a sample's Hessian, which it
    is where the loss is 0 (ch3-gauss-newton).
    """
    start = np.random.default_rng(0).normal(size=len(w))
    top = power_iteration(lambda v: hvp(loss, w, v), start, tolerance=1e-4)
    J = jacobian(outputs)(w)[:, 0]
    return Reading(step, float(loss(w)), top.value, operator_threshold(rank_one_hessians(J)))


def descend(
    w: np.ndarray,
    eta: float,
    steps: int,
    rng: np.random.Generator | None = None,
    *,
    every: int = 50,
) -> tuple[np.ndarray, list[Reading]]:
    """Train by gradient descent, or with a generator by SGD with one random sample a step.

    Returns
    -------
    tuple of ndarray and list of Reading
        The last parameters, and what was measured at the start and after ``every`` steps. A run
        ends early where its loss exceeds ``LOST``.

    Raises
    ------
    TypeError, ValueError
        If η, a number of steps or the generator is not what is required.

    Examples
    --------
    >>> w = np.array([1.0, 0.5, 1.0, 0.0])  # a single unit
    >>> w, readings = descend(w, 0.1, 100)
    >>> [reading.step for reading in readings], readings[-1].loss < readings[0].loss
    ([0, 50, 100], True)
    """
    eta, steps, every = positive("η", eta), integer("steps", steps, 0), integer("every", every, 1)
    if rng is not None:
        generator("rng", rng)
    step_loss, readings = value_and_grad(loss), [read(w)]
    for step in range(1, steps + 1):
        n = slice(None) if rng is None else [rng.integers(len(X))]
        value, gradient = step_loss(w, X[n], Y[n])
        if value > LOST:
            break
        w = w - eta * gradient
        if step % every == 0:
            readings.append(read(w, step))
    return w, readings
