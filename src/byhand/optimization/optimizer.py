"""Optimizers as pairs of pure functions, and two ways to drive them.

An :class:`Optimizer` holds ``init(params) -> state`` and
``update(gradient, state, params) -> (new_params, new_state)``. Parameters are floats, or
fractions and other exact numbers: then the gradients and hyperparameters must be exact too, and
so is every iterate. Parameters and gradients are finite; what an update returns may not be, and
:func:`run` and :func:`replay` then raise a :class:`~byhand.optimization.NonFiniteError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import DOUBLE, function, integer, numbers, numbers_of, sequence, still_finite


class Optimizer(NamedTuple):
    """A pair of pure functions: ``init(params)`` and ``update(gradient, state, params)``."""

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[np.ndarray, Any]]


class Trajectory(NamedTuple):
    """Parameters of shape (steps + 1, \\*shape), the start first, and as many states."""

    params: np.ndarray
    states: list


def run(
    optimizer: Optimizer, gradient: Callable[[np.ndarray], Any], start: Any, steps: int
) -> Trajectory:
    """Minimize: let the optimizer take ``steps`` steps along the gradients that it meets.

    Parameters
    ----------
    optimizer
        For example ``gradient_descent(0.1)``.
    gradient
        The gradient of the objective, of an array of the shape of ``start``. It is given a copy.
    start
        Where to start, of any shape.
    steps
        How many updates to make.

    Returns
    -------
    Trajectory
        Of ``steps + 1`` points.

    Raises
    ------
    ValueError
        If ``steps`` is negative, or a gradient has the wrong shape.
    NonFiniteError
        If a gradient, or a point that is reached, is not finite: the message names the step.

    Examples
    --------
    >>> from byhand.optimization import gradient_descent
    >>> run(gradient_descent(0.25), lambda x: 2 * x, [8.0, 4.0], 2).params.tolist()
    [[8.0, 4.0], [4.0, 2.0], [2.0, 1.0]]
    """
    steps, gradient = integer("steps", steps, 0), function("gradient", gradient)
    return _drive(optimizer, start, (gradient for _ in range(steps)))


def replay(optimizer: Optimizer, gradients: Iterable[Any], start: Any) -> Trajectory:
    """Feed the optimizer gradients that are given, whatever point it has reached.

    Parameters
    ----------
    optimizer
        For example ``adam(0.1)``.
    gradients
        One gradient for each update, each of the shape of ``start``.
    start
        Where to start, of any shape.

    Returns
    -------
    Trajectory
        One point more than there are gradients.

    Raises
    ------
    ValueError
        If a gradient has the wrong shape.
    NonFiniteError
        As :func:`run`.

    Examples
    --------
    >>> from byhand.optimization import gradient_descent
    >>> replay(gradient_descent(0.5), [[-2.0], [-1.0]], [0.0]).params.ravel().tolist()
    [0.0, 1.0, 1.5]
    """
    gradients = sequence("gradients", gradients)
    return _drive(optimizer, start, (lambda _params, g=g: g for g in gradients))


def _drive(optimizer: Optimizer, start: Any, gradients: Iterable[Callable]) -> Trajectory:
    params = numbers("start", start)
    state = optimizer.init(params)
    points, states = [params], [state]
    of_matched = getattr(optimizer.update, "of_matched", None)
    for step, gradient in enumerate(gradients, start=1):
        g = numbers_of("gradient", gradient(params.copy()), f"at step {step}")
        # What has been looked at and fits is not looked at again: most of a step's time.
        matched = g.dtype is params.dtype is DOUBLE and g.shape == params.shape
        update = of_matched if matched and of_matched else optimizer.update
        params, state = update(g, state, params)
        still_finite("parameters", params, f"after step {step}")
        points.append(params)
        states.append(state)
    return Trajectory(np.stack(points), states)


def made_of(init: Callable, update: Callable) -> Optimizer:
    """Return an optimizer of functions that need not look at their arguments any more."""

    def checked_init(params):
        return init(numbers("parameters", params))

    def of_matched(gradient, state, params):
        with np.errstate(over="ignore"):
            params, state = update(gradient, state, params)
        return np.asarray(params), type(state)(*map(_as_array, state))

    def checked_update(gradient, state, params):
        gradient, params = _matched(gradient, params)
        return of_matched(gradient, state, params)

    checked_update.of_matched = of_matched
    return Optimizer(checked_init, checked_update)


def _matched(gradient: Any, params: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and parameters as arrays of one shape and one arithmetic."""
    params, gradient = numbers("parameters", params), numbers("gradient", gradient)
    if gradient.shape != params.shape:
        raise ValueError(
            f"gradient must have the parameters' shape {params.shape}, got {gradient.shape}"
        )
    if gradient.dtype != params.dtype:
        if params.dtype.kind == "O":
            raise TypeError(f"exact parameters need an exact gradient, got {gradient.dtype}")
        gradient = gradient.astype(float)
    return gradient, params


def _as_array(part: Any) -> Any:
    """Return a state's number as an array: exact arithmetic unwraps arrays of no dimension."""
    return part if isinstance(part, int | tuple) else np.asarray(part)
