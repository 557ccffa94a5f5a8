"""Optimizers as pairs of pure functions, and two ways to drive them.

An :class:`Optimizer` holds ``init(params) -> state`` and
``update(gradient, state, params) -> (new_params, new_state)``. Parameters are floats, or
fractions and other exact numbers: then the gradients and hyperparameters must be exact too, and
so is every iterate. Parameters and gradients are finite; what an update returns may not be, and
:func:`run` and :func:`replay` then raise a :class:`~byhand.optimization.NonFiniteError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import (
    decay_rate,
    function,
    integer,
    non_negative,
    numbers,
    numbers_of,
    one_of,
    positive,
    sequence,
    still_finite,
)
from byhand.optimization.arithmetic import fitted, is_zero, plain, root, scaled_if_needed


class Optimizer(NamedTuple):
    """A pair of pure functions: ``init(params)`` and ``update(gradient, state, params)``."""

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[np.ndarray, Any]]


class Trajectory(NamedTuple):
    """Parameters of shape (steps + 1, \\*shape), the start first, and as many states."""

    params: np.ndarray
    states: list


class NoState(NamedTuple):
    """Gradient descent remembers nothing."""


class HeavyBallState(NamedTuple):
    """The velocity, of the parameters' shape, in the convention of its optimizer."""

    velocity: np.ndarray


class NesterovState(NamedTuple):
    """The last point that a gradient step reached, before it was extrapolated, and its velocity."""

    reached: np.ndarray
    velocity: np.ndarray


class RMSPropState(NamedTuple):
    """The running mean square of the gradient, s, which is 0 or infinite where no float holds it.

    The next update takes it from ``scaled``, which holds it in any case.
    """

    s: np.ndarray
    scaled: Any


class AdamState(NamedTuple):
    """Number of updates, running moments, and the same with their bias corrected.

    A moment is 0 or infinite where no float holds it; the next update takes m and v from
    ``scaled``, which holds them in any case.
    """

    step: int
    m: np.ndarray
    v: np.ndarray
    m_hat: np.ndarray
    v_hat: np.ndarray
    scaled: tuple[Any, Any]


# -- driving an optimizer ----------------------------------------------------------------------


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
    >>> replay(gradient_descent(0.5), [[-2.0], [-1.0]], [0.0]).params.ravel().tolist()
    [0.0, 1.0, 1.5]
    """
    gradients = sequence("gradients", gradients)
    return _drive(optimizer, start, (lambda _params, g=g: g for g in gradients))


def _drive(optimizer: Optimizer, start: Any, gradients: Iterable[Callable]) -> Trajectory:
    params = numbers("start", start)
    state = optimizer.init(params)
    points, states = [params], [state]
    for step, gradient in enumerate(gradients, start=1):
        g = numbers_of("gradient", gradient(params.copy()), f"at step {step}")
        params, state = optimizer.update(g, state, params)
        still_finite("parameters", params, f"after step {step}")
        points.append(params)
        states.append(state)
    return Trajectory(np.stack(points), states)


def _optimizer(init: Callable, update: Callable) -> Optimizer:
    """Return an optimizer of functions that need not look at their arguments any more."""

    def checked_init(params):
        return init(numbers("parameters", params))

    def checked_update(gradient, state, params):
        gradient, params = _matched(gradient, params)
        with np.errstate(over="ignore", invalid="ignore"):
            params, state = update(gradient, state, params)
        return np.asarray(params), type(state)(*map(_as_array, state))

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


# -- gradient descent and momentum -------------------------------------------------------------


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
    >>> replay(gradient_descent(0.1), [[-1.2], [-0.8]], [0.5]).params[-1].round(12).tolist()
    [0.7]
    """
    learning_rate = positive("learning_rate", learning_rate)

    def init(_params):
        return NoState()

    def update(gradient, state, params):
        (eta,) = fitted(params, learning_rate)
        return params - eta * gradient, state

    return _optimizer(init, update)


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

    return _optimizer(init, update)


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

    return _optimizer(init, update)


# -- adaptive steps ----------------------------------------------------------------------------


def rmsprop(
    learning_rate: Any,
    decay: Any = 0.9,
    epsilon: Any = 1e-8,
    *,
    epsilon_inside: bool,
    initial: Any = 0,
) -> Optimizer:
    """RMSProp, Equation ch2-rmsprop: s ← βs + (1 − β)g², θ ← θ − ηg/√(s + ε).

    Parameters
    ----------
    learning_rate
        η > 0.
    decay
        β in [0, 1). A fraction is subtracted from 1 before it is rounded: with
        ``Fraction(9, 10)`` the weight of g² is the float 0.1, with ``0.9`` it is 1 − 0.9, which
        is 3·10⁻¹⁷ less.
    epsilon
        ε ≥ 0.
    epsilon_inside
        True: divide by √(s + ε), as the sheets do. False: divide by √s + ε.
    initial
        s before the first update, the same for every parameter.

    Raises
    ------
    ValueError
        If η ≤ 0, β ∉ [0, 1), ε < 0 or the initial s is negative.
    ZeroDivisionError
        If ε and s are both 0: a gradient that has always been zero gives no scale.

    References
    ----------
    T. Tieleman and G. Hinton, Lecture 6.5: RMSProp, Coursera, 2012.

    Examples
    --------
    >>> path = replay(rmsprop(0.1, epsilon_inside=True), [[-1.2]], [0.5])
    >>> path.states[-1].s.round(12).tolist(), path.params[-1].round(4).tolist()
    ([0.144], [0.8162])
    """
    learning_rate = positive("learning_rate", learning_rate)
    decay = decay_rate("decay", decay)
    epsilon = non_negative("epsilon", epsilon)
    initial = non_negative("initial", initial)

    def init(params):
        s = np.zeros_like(params) + fitted(params, initial)[0]
        return RMSPropState(s, s)

    def update(gradient, state, params):
        eta, beta, weight, eps = fitted(params, learning_rate, decay, 1 - decay, epsilon)
        g, s, eps = scaled_if_needed((gradient, state.scaled), eps)
        s = beta * s + weight * g**2
        step = eta * g / _scale(s, eps, epsilon_inside)
        return params - plain(step), RMSPropState(plain(s), s)

    return _optimizer(init, update)


def adam(
    learning_rate: Any = 0.001,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    epsilon: Any = 1e-8,
    *,
    epsilon_inside: bool = False,
) -> Optimizer:
    """Adam, Equation ch2-adam, with bias correction of both moments.

    m ← β₁m + (1 − β₁)g and v ← β₂v + (1 − β₂)g², then m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ)
    after t updates, and θ ← θ − η m̂/(√v̂ + ε).

    Parameters
    ----------
    learning_rate
        η > 0.
    beta1, beta2
        In [0, 1).
    epsilon
        ε ≥ 0.
    epsilon_inside
        False: divide by √v̂ + ε, as the authors do. True: divide by √(v̂ + ε).

    Raises
    ------
    ValueError
        If η ≤ 0, a β lies outside [0, 1), or ε < 0.
    ZeroDivisionError
        If ε and v̂ are both 0.

    References
    ----------
    D. P. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, ICLR 2015.

    Examples
    --------
    >>> path = replay(adam(0.1, beta2=0.99), [[-1.2], [-0.8]], [0.5])
    >>> path.params.ravel().round(4).tolist(), path.states[-1].m_hat.round(4).tolist()
    ([0.5, 0.6, 0.6971], [-0.9895])
    """
    learning_rate = positive("learning_rate", learning_rate)
    beta1 = decay_rate("beta1", beta1)
    beta2 = decay_rate("beta2", beta2)
    epsilon = non_negative("epsilon", epsilon)

    def init(params):
        zeros = np.zeros_like(params)
        return AdamState(0, zeros, zeros, zeros, zeros, (zeros, zeros))

    def update(gradient, state, params):
        t = state.step + 1
        eta, eps = fitted(params, learning_rate, epsilon)
        b1, w1, c1 = fitted(params, beta1, 1 - beta1, _total_weight(beta1, t))
        b2, w2, c2 = fitted(params, beta2, 1 - beta2, _total_weight(beta2, t))
        g, v, m, eps = scaled_if_needed((gradient, state.scaled[1]), state.scaled[0], eps)
        m = b1 * m + w1 * g
        v = b2 * v + w2 * g**2
        m_hat, v_hat = m / c1, v / c2
        step = eta * m_hat / _scale(v_hat, eps, epsilon_inside)
        moments = map(plain, (m, v, m_hat, v_hat))
        return params - plain(step), AdamState(t, *moments, (m, v))

    return _optimizer(init, update)


def _total_weight(beta: Any, t: int) -> Any:
    """Return 1 − βᵗ; of a float near 1 without the power, whose rounding would be what is left."""
    return -math.expm1(t * math.log(beta)) if type(beta) is float and beta > 0.5 else 1 - beta**t


def _scale(mean_square: Any, epsilon: Any, inside: bool) -> Any:
    scale = root(mean_square + epsilon) if inside else root(mean_square) + epsilon
    if is_zero(scale).any():
        raise ZeroDivisionError(
            "every gradient of a parameter has been 0 and epsilon is 0, so its step is 0/0"
        )
    return scale


# -- weight decay ------------------------------------------------------------------------------


def l2_penalty(optimizer: Optimizer, strength: Any) -> Optimizer:
    """Add the penalty λ̃‖θ‖² to the loss, Equation ch2-penalty: g ← g + 2λ̃θ.

    The optimizer sees the penalty's gradient, so momentum and adaptive scales act on it.

    Parameters
    ----------
    optimizer
        The optimizer that sees the penalized gradient.
    strength
        λ̃ ≥ 0. (Where the penalty is written (λ/2)‖θ‖², λ̃ = λ/2.)

    Raises
    ------
    ValueError
        If λ̃ < 0.

    See Also
    --------
    weight_decay : shrinks the parameters beside the optimizer's step.

    Examples
    --------
    >>> replay(l2_penalty(gradient_descent(0.1), 0.5), [[1.0]], [2.0]).params[-1].tolist()
    [1.7]
    """
    strength = non_negative("strength", strength)

    def update(gradient, state, params):
        (lam,) = fitted(params, strength)
        return optimizer.update(gradient + 2 * lam * params, state, params)

    return _optimizer(optimizer.init, update)


def weight_decay(optimizer: Optimizer, decay: Any) -> Optimizer:
    """Decouple the decay from the gradient, Equation ch2-decay: θ ← (1 − λ)θ + the usual step.

    Parameters
    ----------
    optimizer
        The optimizer whose step is taken; it never sees the decay.
    decay
        λ in [0, 1), the share of each parameter that one update removes. (PyTorch's
        ``weight_decay`` is λ/η: it multiplies by the learning rate.)

    Raises
    ------
    ValueError
        If λ ∉ [0, 1).

    See Also
    --------
    l2_penalty : adds the decay to the gradient.

    Examples
    --------
    >>> replay(weight_decay(gradient_descent(0.1), 0.1), [[1.0]], [2.0]).params[-1].tolist()
    [1.7]
    """
    decay = decay_rate("decay", decay)

    def update(gradient, state, params):
        stepped, state = optimizer.update(gradient, state, params)
        (lam,) = fitted(params, decay)
        return stepped - lam * params, state

    return _optimizer(optimizer.init, update)


def adamw(
    learning_rate: Any = 0.001,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    epsilon: Any = 1e-8,
    *,
    decay: Any,
) -> Optimizer:
    """AdamW: :func:`adam` with decoupled :func:`weight_decay`, Equation ch2-decay.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon
        As for :func:`adam`.
    decay
        λ in [0, 1), the share of each parameter that one update removes.

    Raises
    ------
    ValueError
        As :func:`adam` and :func:`weight_decay` do.

    References
    ----------
    I. Loshchilov and F. Hutter, Decoupled Weight Decay Regularization, ICLR 2019.

    Examples
    --------
    >>> replay(adamw(0.1, decay=0.5), [[-3.0]], [2.0]).params[-1].round(6).tolist()
    [1.1]
    """
    return weight_decay(adam(learning_rate, beta1, beta2, epsilon), decay)
