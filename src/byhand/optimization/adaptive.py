"""RMSProp and Adam, whose steps adapt to the size of the gradients."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import decay_rate, non_negative, positive
from byhand.optimization.arithmetic import fitted, is_zero, plain, root, scaled_if_needed
from byhand.optimization.optimizer import Optimizer, made_of


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
    >>> from byhand.optimization import replay
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

    return made_of(init, update)


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
    >>> from byhand.optimization import replay
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

    return made_of(init, update)


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
