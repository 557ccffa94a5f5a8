"""Step sizes that are learned while they are used (D3.1, D3.2), and the best single step (E2.2)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import (
    as_float,
    floats,
    integer,
    non_negative,
    norm,
    samples,
    scaled,
    still_finite,
    together,
    vector,
)
from byhand.backpropagation.tracing import Traced
from byhand.hypergradients.losses import Loss, starting_point, traceable
from byhand.hypergradients.sweeps import record_run, sweep


class Run(NamedTuple):
    """What :func:`tuned_descent` found: one entry per step."""

    losses: np.ndarray
    """L(w(0)) … L(w(k)), shape (k + 1,); nan from where the run diverged."""
    etas: np.ndarray
    """η₁ … η_k."""
    alphas: np.ndarray
    """α₁ … α_k, the step sizes of the step size."""


@np.errstate(over="ignore", invalid="ignore")
def tuned_descent(
    loss: Loss, w0: Any, eta: float, alpha: float = 0.0, gamma: float = 0.0, steps: int = 100
) -> Run:
    """Descend the loss, and with it the step size, and with that the step size's step size.

    Equations ch4-tune-eta and ch4-tune-alpha, with g(s) = ∇L(w(s)), in the order in which they
    are applied at step s:

    - α_s = α_{s−1} + γ (g(s−1)·g(s−2)) (g(s−2)·g(s−3)), from step 3 on;
    - η_s = η_{s−1} + α_s g(s−1)·g(s−2), from step 2 on;
    - w(s) = w(s−1) − η_s g(s−1).

    With γ = 0 the rule is that of Baydin et al.; with α = γ = 0 it is plain gradient descent.
    It evaluates one gradient per step, whatever α and γ are. A run whose iterate or step size
    is no longer finite stops there.

    Parameters
    ----------
    loss
        L.
    w0
        w(0), shape (d,).
    eta, alpha, gamma
        η₁, α₁ and γ, each finite and at least 0. (η_s may turn negative in the course of a run:
        the rule does not forbid it.)
    steps
        k, at least 1.

    Raises
    ------
    ValueError
        If w0 is not a finite vector of the loss's size, its loss is not finite, or a number is
        out of its range.

    Notes
    -----
    A. G. Baydin, R. Cornish, D. Martínez Rubio, M. Schmidt and F. Wood, "Online learning rate
    adaptation with hypergradient descent", ICLR 2018; K. Chandra, A. Xie, J. Ragan-Kelley and
    E. Meijer, "Gradient descent: the ultimate optimizer", NeurIPS 2022, for the tower of them.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> tuned_descent(quadratic([[2]], [0]), [1], 0.125, 0.0625, steps=3).etas.tolist()
    [0.125, 0.3125, 0.365234375]
    """
    eta, alpha, gamma = _rates(eta=eta, alpha=alpha, gamma=gamma)
    steps = integer("steps", steps, 1)
    w = _floats(loss, w0)
    losses, table = np.full(steps + 1, np.nan), np.full((2, steps), np.nan)
    losses[0] = loss.value(w)
    still_finite("the loss", losses[0], f"at w0 = {w}")
    g1 = slope = previous = None  # g(s−2), and the products of neighboring gradients so far
    for s in range(steps):
        g = loss.gradient(w)
        if g1 is not None:
            previous, slope = slope, g @ g1
            if previous is not None:
                alpha = alpha + gamma * slope * previous
            eta = eta + alpha * slope
        table[:, s] = eta, alpha
        w, g1 = w - eta * g, g
        value = loss.value(w)
        if not (np.isfinite(value) and np.isfinite(eta)):
            break
        losses[s + 1] = value
    return Run(losses, *table)


@np.errstate(over="ignore", invalid="ignore")
def windowed_descent(
    loss: Loss, w0: Any, eta: float, alpha: float, window: int, budget: int
) -> tuple[float, int]:
    """Descend with a step size that is updated only after each ``window`` of steps (D3.5).

    The update follows the total hypergradient of the window, ∑_s ∂L(end)/∂η_s over its steps.
    A window costs ``window`` gradients and, for a window above 1, as many Hessian-vector
    products less one; both count as one evaluation. The run ends when the budget does.

    Parameters
    ----------
    loss, w0, eta, alpha
        As for :func:`tuned_descent`.
    window
        Steps per update, at least 1.
    budget
        Evaluations, at least ``2·window``.

    Returns
    -------
    loss, updates
        The last loss (nan if the run diverged) and how often η was updated.

    Raises
    ------
    ValueError
        As :func:`tuned_descent`, or if ``window`` is below 1 or the budget below 2·``window``.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> windowed_descent(quadratic([[1]], [0]), [1.0], 0.1, 0.1, window=2, budget=9)[1]
    3
    """
    window, budget = integer("window", window), integer("budget", budget)
    if window < 1 or budget < 2 * window:
        raise ValueError(
            f"needs window ≥ 1 and budget ≥ 2·window, got window {window} and budget {budget}"
        )
    eta, alpha = _rates(eta=eta, alpha=alpha)
    w, updates = _floats(loss, w0), 0
    g, steps = np.array(loss.gradient(w)), [loss] * window
    for _ in range(budget // (2 * window - 1)):
        etas, slopes = [eta] * window, [None] * window
        w, record = record_run(w, etas, steps, g)
        g = np.array(loss.gradient(w))
        sweep(g, record, etas, steps, slopes, 0)
        eta = eta - alpha * sum(reversed(slopes))
        updates += 1
    value = loss.value(w)
    return float(value) if np.isfinite(value) else math.nan, updates


def _rates(**rates: Any) -> list[float]:
    return [as_float(name, non_negative(name, rate)) for name, rate in rates.items()]


def _floats(loss: Loss, w0: Any) -> np.ndarray:
    """Return w0 as floats: what these runs decide by is not exact."""
    return starting_point(loss, floats("w0", vector("w0", w0)))


def one_step_parabola(X: Any, t: Any, w0: Any) -> tuple[Any, Any, Any]:
    """Return c₀, c₁, c₂ of L₁(η) = c₀ + c₁η + c₂η², Equation ch4-parabola.

    L₁(η) is the loss (1/n)‖Xw − t‖² after one gradient step of size η from w0. Fractions stay
    fractions.

    Parameters
    ----------
    X
        Shape (n, d).
    t
        Shape (n,).
    w0
        Shape (d,).

    Raises
    ------
    ValueError
        If the shapes do not fit or an entry is not finite.

    Examples
    --------
    >>> [float(c) for c in one_step_parabola([[2.0]], [2.0], [0.0])]
    [4.0, -64.0, 256.0]
    """
    X, t = samples(X, t)
    n = len(t)
    with np.errstate(over="ignore", invalid="ignore"):
        X, a, g = _residual_and_pull(X, t, w0)
        c = X @ g
        parabola = a @ a / n, -4 * (g @ g) / n**2, 4 * (c @ c) / n**3
    if not isinstance(a, Traced):
        still_finite("the parabola", np.array(parabola), f"for w0 = {w0}")
    return parabola


def _residual_and_pull(X: np.ndarray, t: np.ndarray, w0: Any) -> tuple:
    """Return X, a = Xw₀ − t and Xᵀa, all exact or all floats."""
    w0 = traceable("w0", w0)
    if w0.shape != X.shape[1:]:
        raise ValueError(f"w0 must have shape {X.shape[1:]}, got {w0.shape}")
    if not isinstance(w0, Traced):
        X, t, w0 = together(X=X, t=t, w0=w0)
    a = X @ w0 - t
    return X, a, X.T @ a


def best_step(X: Any, t: Any, w0: Any) -> Any:
    """Return the η that minimizes the loss after one step, Equation ch4-best-step.

    η* = (n/2) ‖Xᵀa‖² / ‖XXᵀa‖² with a = Xw₀ − t.

    Raises
    ------
    ValueError
        As :func:`one_step_parabola`, or if Xᵀa = 0: w0 is then a minimum already, the loss after
        the step does not depend on η, and every step size is optimal. Of floating-point numbers,
        an Xᵀa no larger than its own rounding error counts as 0.

    Notes
    -----
    The exact line search of A. Cauchy's method of steepest descent (1847).

    Examples
    --------
    >>> float(best_step([[2.0]], [2.0], [0.0]))
    0.125
    """
    X, t = samples(X, t)
    with np.errstate(over="ignore", invalid="ignore"):
        X, a, g = _residual_and_pull(X, t, w0)
    still_finite("Xw0 − t", a, f"for w0 = {w0}")
    if a.dtype == float:
        return _best_of_floats(X, a, norm(X) * norm(np.asarray(w0, dtype=float)) + norm(t))
    c = X @ g
    if not (g != 0).any():
        raise ValueError(EVERY_STEP)
    return (g @ g) * len(a) / (2 * (c @ c))


EVERY_STEP = "Xᵀa = 0: w0 minimizes the loss, so every step size is optimal"


def _best_of_floats(X: np.ndarray, a: np.ndarray, size: float) -> float:
    """Return (n/2)·(‖Xᵀa‖/‖XXᵀa‖)², where X and a have a size that their squares may not have."""
    X, exponent = scaled(X)
    g = X.T @ a
    if norm(g) <= np.finfo(float).eps * sum(X.shape) * norm(X) * size:  # rounding alone
        raise ValueError(EVERY_STEP)
    g, _ = scaled(g)
    with np.errstate(over="ignore"):
        ratio = np.ldexp(norm(g) / norm(X @ g), -exponent)
        return as_float("the best step", ratio * (ratio * len(a) / 2))
