"""Gradient descent, heavy ball in its four conventions, and Nesterov's momentum."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from byhand._checks import decay_rate, one_of, positive
from byhand.optimization.arithmetic import fitted
from byhand.optimization.optimizer import Optimizer, made_of


class NoState(NamedTuple):
    """Gradient descent remembers nothing."""


class HeavyBallState(NamedTuple):
    """The velocity, of the parameters' shape, in the convention of its optimizer."""

    velocity: np.ndarray


class NesterovState(NamedTuple):
    """The last point that a gradient step reached, before it was extrapolated, and its velocity."""

    reached: np.ndarray
    velocity: np.ndarray


def gradient_descent(learning_rate: Any) -> Optimizer:
    """Gradient descent, Equation ch2-gd: θ ← θ − η g.

    With the gradient of a random mini-batch the same update is stochastic gradient descent.

    Parameters
    ----------
    learning_rate
        η > 0.

    Raises
    ------
    ValueError
        If η ≤ 0.

    Examples
    --------
    >>> from byhand.optimization import replay
    >>> replay(gradient_descent(0.1), [[-1.2], [-0.8]], [0.5]).params[-1].round(12).tolist()
    [0.7]
    """
    learning_rate = positive("learning_rate", learning_rate)

    def init(_params):
        return NoState()

    def update(gradient, state, params):
        (eta,) = fitted(params, learning_rate)
        return params - eta * gradient, state

    return made_of(init, update)


def heavy_ball(
    learning_rate: Any, momentum: Any, *, rate: str, velocity: str = "added"
) -> Optimizer:
    """Heavy-ball momentum, Equation ch2-heavy-ball, in each of its four conventions.

    =============  ======================  ======================
    rate           ``velocity="added"``    ``"subtracted"``
    =============  ======================  ======================
    ``"inside"``   v ← βv − ηg, θ ← θ + v  v ← βv + ηg, θ ← θ − v
    ``"outside"``  v ← βv − g, θ ← θ + ηv  v ← βv + g, θ ← θ − ηv
    =============  ======================  ======================

    With a constant learning rate all four visit the same points. When the rate changes on the
    way, ``"inside"`` still carries the old rate in its velocity and ``"outside"`` does not.

    Parameters
    ----------
    learning_rate
        η > 0.
    momentum
        β in [0, 1).
    rate
        Whether η multiplies the gradient as it enters the velocity, or the whole velocity.
    velocity
        Whether the velocity points downhill and is added, or uphill and is subtracted.

    Raises
    ------
    ValueError
        If η ≤ 0, β ∉ [0, 1), or a convention is unknown.

    References
    ----------
    B. T. Polyak, Some methods of speeding up the convergence of iteration methods, 1964.

    Examples
    --------
    >>> from byhand.optimization import replay
    >>> optimizer = heavy_ball(0.1, 0.9, rate="inside", velocity="subtracted")
    >>> path = replay(optimizer, [[-1.2], [-0.8]], [0.5])
    >>> path.states[-1].velocity.round(12).tolist(), path.params[-1].round(12).tolist()
    ([-0.188], [0.808])
    """
    learning_rate = positive("learning_rate", learning_rate)
    momentum = decay_rate("momentum", momentum)
    one_of("rate", rate, ("inside", "outside"))
    one_of("velocity", velocity, ("added", "subtracted"))
    sign = -1 if velocity == "added" else 1

    def init(params):
        return HeavyBallState(np.zeros_like(params))

    def update(gradient, state, params):
        eta, beta = fitted(params, learning_rate, momentum)
        inner, outer = (eta, 1) if rate == "inside" else (1, eta)
        v = beta * state.velocity + sign * inner * gradient
        return params - sign * outer * v, HeavyBallState(v)

    return made_of(init, update)


def nesterov(learning_rate: Any, momentum: Any) -> Optimizer:
    """Nesterov's momentum, Equation ch2-nesterov: x ← y − η g(y), y ← x + β (x − x_before).

    The parameters are the extrapolated points y, where the gradient is taken; the state holds
    the points x that the gradient steps reach. Both sequences have the same limit.

    Parameters
    ----------
    learning_rate
        η > 0.
    momentum
        β in [0, 1), the same at every step.

    Raises
    ------
    ValueError
        If η ≤ 0 or β ∉ [0, 1).

    References
    ----------
    Y. Nesterov, Introductory Lectures on Convex Optimization, 2004, Section 2.2.

    Examples
    --------
    >>> from byhand.optimization import run
    >>> path = run(nesterov(0.25, 0.5), lambda y: 2 * y, [8.0], 2)
    >>> path.params.ravel().tolist(), path.states[-1].reached.tolist()
    ([8.0, 2.0, -0.5], [1.0])
    """
    learning_rate = positive("learning_rate", learning_rate)
    momentum = decay_rate("momentum", momentum)

    def init(params):
        return NesterovState(params, np.zeros_like(params))

    def update(gradient, state, params):
        eta, beta = fitted(params, learning_rate, momentum)
        velocity = beta * state.velocity - eta * gradient  # x − x_before, of gradients alone
        reached = params - eta * gradient
        return reached + beta * velocity, NesterovState(reached, velocity)

    return made_of(init, update)
