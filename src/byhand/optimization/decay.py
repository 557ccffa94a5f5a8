"""A penalty on the parameters, and weight decay beside the optimizer's step."""

from __future__ import annotations

from typing import Any

from byhand._checks import decay_rate, non_negative
from byhand.optimization.adaptive import adam
from byhand.optimization.arithmetic import fitted
from byhand.optimization.optimizer import Optimizer, made_of


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
    >>> from byhand.optimization import gradient_descent, replay
    >>> replay(l2_penalty(gradient_descent(0.1), 0.5), [[1.0]], [2.0]).params[-1].tolist()
    [1.7]
    """
    strength = non_negative("strength", strength)

    def update(gradient, state, params):
        (lam,) = fitted(params, strength)
        return optimizer.update(gradient + 2 * lam * params, state, params)

    return made_of(optimizer.init, update)


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
    >>> from byhand.optimization import gradient_descent, replay
    >>> replay(weight_decay(gradient_descent(0.1), 0.1), [[1.0]], [2.0]).params[-1].tolist()
    [1.7]
    """
    decay = decay_rate("decay", decay)

    def update(gradient, state, params):
        stepped, state = optimizer.update(gradient, state, params)
        (lam,) = fitted(params, decay)
        return stepped - lam * params, state

    return made_of(optimizer.init, update)


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
    >>> from byhand.optimization import replay
    >>> replay(adamw(0.1, decay=0.5), [[-3.0]], [2.0]).params[-1].round(6).tolist()
    [1.1]
    """
    return weight_decay(adam(learning_rate, beta1, beta2, epsilon), decay)
