"""Experiments with the four optimizers that the chapter compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand._checks import (
    NonFiniteError,
    as_float,
    floats,
    integer,
    non_negative,
    numbers,
    positive,
    real,
    sequence,
    vector,
)
from byhand.optimization.adaptive import adam, rmsprop
from byhand.optimization.momentum import gradient_descent, heavy_ball
from byhand.optimization.objectives import Objective
from byhand.optimization.optimizer import Optimizer, run

BEYOND = 1e50
"""A run that goes farther is lost, while a loss of the fourth degree can still be computed."""


def four_optimizers(learning_rate: Any) -> dict[str, Optimizer]:
    """Return SGD, momentum, RMSProp and Adam with the hyperparameters of problem C.

    Parameters
    ----------
    learning_rate
        η > 0, the same for all four.

    Returns
    -------
    dict
        Name → optimizer. β = 0.9 for momentum and RMSProp, β₁ = 0.9 and β₂ = 0.99 for Adam.

    Examples
    --------
    >>> list(four_optimizers(0.1))
    ['SGD', 'momentum', 'RMSProp', 'Adam']
    """
    return {
        "SGD": gradient_descent(learning_rate),
        "momentum": heavy_ball(learning_rate, 0.9, rate="inside"),
        "RMSProp": rmsprop(learning_rate, 0.9, epsilon_inside=True),
        "Adam": adam(learning_rate, 0.9, 0.99),
    }


def final_losses(
    objective: Objective,
    start: Any,
    steps: int,
    rates: Sequence[float],
    noise: float = 0.0,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Return the mean loss of each of the four optimizers after some steps, for each rate.

    Parameters
    ----------
    objective
        What to minimize.
    start
        Of shape (d,), or (runs, d) for many runs with noise of their own, side by side.
    steps
        Updates in each run.
    rates
        The learning rates to try.
    noise
        Standard deviation of the Gaussian noise on each component of each gradient.
    seed
        Of the noise; every rate and every optimizer meets the same noise.

    Returns
    -------
    dict
        Name → array with an entry for each rate: infinite where a run went beyond 10⁵⁰
        or its loss left the floats.

    Raises
    ------
    ValueError
        If the noise is negative or a rate not positive.

    Examples
    --------
    >>> from byhand.optimization import quadratic
    >>> losses = final_losses(quadratic([[1.0]]), [1.0], 3, [0.5, 1.0])
    >>> losses["SGD"].tolist()
    [0.0078125, 0.0]
    """
    noise, seed = as_float("noise", non_negative("noise", noise)), integer("seed", seed, 0)
    start = floats("start", start)
    rates = [as_float("rates", positive("rates", rate)) for rate in vector("rates", rates)]
    rates = np.reshape(rates, (-1, *[1] * start.ndim))
    return {
        name: _final_losses(optimizer, objective, start, steps, rates, noise, seed)
        for name, optimizer in four_optimizers(1.0).items()
    }


def _final_losses(optimizer, objective, start, steps, rates, noise, seed) -> np.ndarray:
    """Run an optimizer at all rates side by side; where that fails, at one rate after another."""
    try:
        with np.errstate(over="ignore"):
            return _side_by_side(optimizer, objective, start, steps, rates, noise, seed)
    except NonFiniteError:
        if len(rates) == 1:
            return np.array([np.inf])
        one_by_one = [
            _final_losses(optimizer, objective, start, steps, rate[None], noise, seed)
            for rate in rates
        ]
        return np.concatenate(one_by_one)


def _side_by_side(optimizer, objective, start, steps, rates, noise, seed) -> np.ndarray:
    """With θ = ηφ, φ takes steps of rate 1 where θ takes steps of rate η."""
    rng = np.random.default_rng(seed)
    inner = tuple(range(1, rates.ndim))
    lost = False

    def point(scaled):
        nonlocal lost
        theta = rates * scaled
        lost = lost | (np.abs(theta) > BEYOND).any(axis=inner, keepdims=True)
        return np.where(lost, start, theta)

    def gradient(scaled):
        exact = objective.gradient(point(scaled))
        return exact + rng.normal(0, noise, start.shape) if noise else exact

    last = point(run(optimizer, gradient, start / rates, steps).params[-1])
    means = objective.value(last).reshape(len(rates), -1).mean(axis=1)
    return np.where(lost.ravel() | ~np.isfinite(means), np.inf, means)


def working_ranges(
    rates: Sequence[float], losses: dict[str, np.ndarray], target: float
) -> dict[str, float]:
    """Return how many decades of learning rates reach the target, for each optimizer.

    Parameters
    ----------
    rates
        Evenly spaced on a logarithmic scale, ascending, at least two.
    losses
        Name → the loss that each rate reached, as :func:`final_losses` returns them; infinite
        where there is none.
    target
        The loss to reach, > 0.

    Raises
    ------
    ValueError
        If there are fewer than two rates, not as many losses, or the rates are not so spaced.

    Examples
    --------
    >>> working_ranges([0.01, 0.1, 1.0, 10.0], {"SGD": [1, 1e-5, 1e-6, 1]}, target=1e-3)
    {'SGD': 2.0}
    """
    target, rates = positive("target", target), floats("rates", vector("rates", rates))
    losses = {name: _losses(loss) for name, loss in losses.items()}
    lengths = {len(loss) for loss in losses.values()}
    if rates.size < 2 or lengths != {rates.size}:
        raise ValueError(f"need two rates and a loss for each, got {rates.size} and {lengths}")
    if not (rates > 0).all():
        raise ValueError(f"rates must be positive, got {rates}")
    gaps = np.diff(np.log10(rates))
    spacing = gaps.mean()
    if not (np.abs(gaps - spacing) < 0.01 * spacing).all():
        raise ValueError(f"rates must ascend evenly on a logarithmic scale, got {rates}")
    return {
        name: round(float(spacing * sum(entry <= target for entry in loss)), 3)
        for name, loss in losses.items()
    }


def _losses(values: Any) -> list:
    """Return losses as numbers, of which some may be infinite."""
    return [
        x if isinstance(x, float | np.floating) and x == np.inf else real("losses", x)
        for x in sequence("losses", values)
    ]


def loss_rises(objective: Objective, path: np.ndarray) -> int:
    """Return at how many steps of a path the loss goes up.

    Parameters
    ----------
    objective
        The loss.
    path
        Points of shape (steps + 1, d).

    Examples
    --------
    >>> from byhand.optimization import quadratic
    >>> loss_rises(quadratic([[1.0]]), np.array([[3.0], [1.0], [-2.0], [-1.0]]))
    1
    """
    path = numbers("path", path)
    if path.ndim != 2:
        raise ValueError(f"path must have shape (steps + 1, d), got {path.shape}")
    return int(np.count_nonzero(np.diff(objective.value(path)) > 0))
