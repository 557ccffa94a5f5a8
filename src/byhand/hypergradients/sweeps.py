"""Derivatives of the last loss in the step sizes of a whole run (sections D3.1 to D3.4, E2.1).

A run is w(s) = w(s−1) − η_s ∇L(w(s−1)), s = 1 … k, and ``etas[s − 1]`` is η_s. Where each step
descends the loss of its own mini-batch, ``batches`` holds that loss for each step, and the loss
whose end value is differentiated stays the first argument.
"""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from byhand._checks import integer, sequence, still_finite, together
from byhand.backpropagation.tracing import Traced
from byhand.hypergradients.losses import (
    Loss,
    hessian,
    identity_like,
    starting_point,
    step_sizes,
)

EPS, TINY = float(np.finfo(float).eps), float(np.finfo(float).tiny)

_in_silence = np.errstate(over="ignore", invalid="ignore")
"""What overflows on the way is an error at the end."""


@_in_silence
def trajectory(
    loss: Loss, w0: Any, etas: Any, batches: Sequence[Loss] | None = None
) -> list[np.ndarray]:
    """Return w(0), …, w(k) of the run w(s) = w(s−1) − η_s ∇L(w(s−1)), Equation ch4-run.

    Parameters
    ----------
    loss
        L.
    w0
        w(0), shape (d,).
    etas
        η₁ … η_k, each at least 0. Traced values (of :mod:`byhand.backpropagation`) pass
        through, so a run can be differentiated by automatic differentiation.
    batches
        The loss that each step descends, if it is not L.

    Raises
    ------
    ValueError
        If w0 or ``etas`` is empty, of the wrong shape or not finite, a step size is negative,
        or ``batches`` has not one loss for each step; or, as a NonFiniteError, if the run
        diverges: what it ends in is not finite.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> [w.tolist() for w in trajectory(quadratic([[2]], [0]), [1], [0.25, 0.5])]
    [[1.0], [0.5], [0.0]]
    """
    w, etas, steps = _checked(loss, w0, etas, batches)
    iterates = [w]
    for eta, step in zip(etas, steps, strict=True):
        w = _frozen(w - eta * step.gradient(w))
        iterates.append(w)
    _still_finite("w", w)
    return [_own(w) for w in iterates]


@_in_silence
def final_loss(loss: Loss, w0: Any, etas: Any, batches: Sequence[Loss] | None = None) -> Any:
    """Return L(w(k)) after the run, Equation ch4-run, holding one iterate at a time.

    Parameters and errors are those of :func:`trajectory`.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> final_loss(quadratic([[2]], [0]), [1], [0.25]).item()
    0.25
    """
    w, etas, steps = _checked(loss, w0, etas, batches)
    for eta, step in zip(etas, steps, strict=True):
        w = _frozen(w - eta * step.gradient(w))
    value = loss.value(w)
    _still_finite("the last loss", value)
    return value


@_in_silence
def hypergradients(
    loss: Loss, w0: Any, etas: Any, batches: Sequence[Loss] | None = None
) -> np.ndarray:
    """Return ∂L(w(k))/∂η_s for all s by one reverse sweep, Equation ch4-sweep.

    It takes k + 1 gradients and k − 1 Hessian-vector products, and holds 2k vectors: each
    iterate and its gradient. :func:`hypergradients_from_gradients` holds half as many.

    Parameters and errors are those of :func:`trajectory`.

    Returns
    -------
    numpy.ndarray
        Shape (k,); entry s − 1 is ∂L(w(k))/∂η_s.

    Notes
    -----
    D. Maclaurin, D. Duvenaud and R. P. Adams, "Gradient-based hyperparameter optimization
    through reversible learning", ICML 2015.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> hypergradients(quadratic([[2]], [0]), [1], [0.25, 0.25])
    array([-0.5, -0.5])
    """
    w, etas, steps = _checked(loss, w0, etas, batches)
    result = [None] * len(etas)
    w, record = record_run(w, etas, steps)
    sweep(_own(loss.gradient(w)), record, etas, steps, result, 0)
    return _finite_array(result)


@_in_silence
def hypergradients_from_gradients(
    loss: Loss, w0: Any, etas: Any, batches: Sequence[Loss] | None = None
) -> np.ndarray:
    """Return what :func:`hypergradients` returns, holding k vectors: the gradients alone.

    On the way back each iterate is computed again, w(s−1) = w(s) + η_s g(s−1), from the gradient
    that was kept (Equation ch4-step-back): no further gradient is evaluated. Of fractions the way
    back is exact. Of floats each step back adds a rounding error of the size of w(s), in which a
    much smaller w(s−1) would be lost. The run measures these errors as it goes forth. Where they
    would add up to 2⁻⁴⁶ of the largest value that an entry has had so far, it keeps the iterate
    too: one in 32 steps at most as long as no entry outgrows that value, and in the worst case
    all of them, as where a run grows a hundredfold at each step.

    Parameters and errors are those of :func:`trajectory`.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> hypergradients_from_gradients(quadratic([[2]], [0]), [1], [0.25, 0.25])
    array([-0.5, -0.5])
    """
    w, etas, steps = _checked(loss, w0, etas, batches)
    gradients, kept, result = [], {}, [None] * len(etas)
    size, lost = np.maximum(abs(w), TINY) if _in_floats(etas[0] * w) else None, 0.0
    for s, (eta, step) in enumerate(zip(etas, steps, strict=True)):
        g = _own(step.gradient(w))
        gradients.append(g)
        later = _frozen(w - eta * g)
        if size is not None:
            lost += _loss_of_a_step_back(w, later + eta * g, size)
            if not lost <= 64 * EPS:
                kept[s], size, lost = w, np.maximum(abs(later), size), 0.0
        w = later
    del later, size
    adjoint = _own(loss.gradient(w))
    for s in reversed(range(len(etas))):
        g = gradients.pop()
        w = kept.pop(s) if s in kept else _frozen(w + etas[s] * g)
        adjoint = sweep(adjoint, [(w, g)], etas, steps, result, s)
    return _finite_array(result)


def _loss_of_a_step_back(w: np.ndarray, found: np.ndarray, size: np.ndarray) -> float:
    """Return how far from w, relative to size, the step that found this may end.

    From an iterate that is itself a little off it ends that much further off, and its sum is
    rounded to another number, by at most EPS·|w|.
    """
    found -= w
    return (abs(found) / size).max() + EPS * (abs(w) / size).max()


@_in_silence
def checkpointed_hypergradients(
    loss: Loss,
    w0: Any,
    etas: Any,
    every: int | None = None,
    batches: Sequence[Loss] | None = None,
) -> np.ndarray:
    """Return what :func:`hypergradients` returns, holding k/``every`` + 2·``every`` vectors.

    The first pass stores only every ``every``-th iterate (by default ⌈√k⌉, which makes the
    memory O(√k)); the reverse sweep recomputes each segment when it gets there. The price is
    k further gradients.

    Parameters
    ----------
    loss, w0, etas, batches
        As for :func:`trajectory`.
    every
        The length of a segment, from 1 to k.

    Raises
    ------
    ValueError
        As :func:`trajectory`, or if ``every`` is not from 1 to k.

    Notes
    -----
    A. Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse
    automatic differentiation", Optimization Methods and Software 1 (1992), 35–54; T. Chen et
    al., "Training deep nets with sublinear memory cost", 2016, for the two-level scheme.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> checkpointed_hypergradients(quadratic([[2]], [0]), [1], [0.25, 0.25])
    array([-0.5, -0.5])
    """
    w, etas, steps = _checked(loss, w0, etas, batches)
    k = len(etas)
    every = math.isqrt(k - 1) + 1 if every is None else integer("every", every)
    if not 1 <= every <= k:
        raise ValueError(f"every must be from 1 to the number of steps, {k}, got {every}")
    checkpoints = []
    for s in range(k):
        if s % every == 0:
            checkpoints.append(w)
        w = _frozen(w - etas[s] * steps[s].gradient(w))
    adjoint, result = _own(loss.gradient(w)), [None] * k
    for start in reversed(range(0, k, every)):
        part = slice(start, start + every)
        _, record = record_run(checkpoints.pop(), etas[part], steps[part])
        adjoint = sweep(adjoint, record, etas, steps, result, start)
    return _finite_array(result)


@_in_silence
def hypergradients_by_products(loss: Loss, w0: Any, etas: Any) -> np.ndarray:
    """Return ∂L(w(k))/∂η_s for all s with explicit matrices, Equation ch4-distant as written.

    Each factor I − η ∇²L is formed, d Hessian-vector products each, and multiplied to the
    right of the product so far: the slow route that the others are checked against.

    Parameters and errors are those of :func:`trajectory`.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> hypergradients_by_products(quadratic([[2]], [0]), [1], [0.25, 0.25])
    array([-0.5, -0.5])
    """
    w, etas, _ = _checked(loss, w0, etas, None)
    identity, w = identity_like(w), trajectory(loss, w, etas)
    for iterate in w:
        _frozen(iterate)
    last, product = _own(loss.gradient(w[-1])), identity
    result = [-(last @ loss.gradient(w[-2]))]
    for s in reversed(range(1, len(etas))):
        product = product @ (identity - etas[s] * hessian(loss, w[s]))
        result.append(-(last @ (product @ loss.gradient(w[s - 1]))))
    return _finite_array(result[::-1])


@_in_silence
def forward_hypergradient(loss: Loss, w0: Any, eta: Any, steps: int) -> Any:
    """Return dL(w(k))/dη for one η shared by all k steps, Equation ch4-forward.

    The tangent dw(s)/dη moves forward together with w(s): 2 gradients' worth of work per step,
    and two vectors held however long the run is.

    Parameters
    ----------
    loss
        L.
    w0
        w(0), shape (d,).
    eta
        η, at least 0.
    steps
        k, at least 1.

    Raises
    ------
    ValueError
        If w0 is not a finite vector, η is negative or k is below 1.

    Notes
    -----
    L. Franceschi, M. Donini, P. Frasconi and M. Pontil, "Forward and reverse gradient-based
    hyperparameter optimization", ICML 2017.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> forward_hypergradient(quadratic([[2]], [0]), [1], 0.25, 2).item()
    -1.0
    """
    w, etas, _ = _checked(loss, w0, [eta] * integer("steps", steps, 1), None)
    tangent = _frozen(0 * w)
    for eta in etas:
        g = _own(loss.gradient(w))
        tangent = _frozen(tangent - g - eta * loss.hvp(w, tangent))
        w = _frozen(w - eta * g)
    result = loss.gradient(w) @ tangent
    _still_finite("the hypergradient", result)
    return result


def peak_bytes(function: Callable, *arguments: Any) -> int:
    """Return the most memory that a call holds at one time, in bytes, as the allocator sees it.

    Examples
    --------
    >>> peak_bytes(np.zeros, 1_000_000) // 1_000_000
    8
    """
    tracemalloc.start()
    try:
        function(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def record_run(w: Any, etas: Sequence, steps: Sequence[Loss], g: Any = None) -> tuple[Any, list]:
    """Run the steps; return the last iterate, and each step's starting point and gradient.

    ``g`` is the first gradient, where it is known.
    """
    record = []
    for eta, step in zip(etas, steps, strict=True):
        if g is None:
            g = _own(step.gradient(w))
        record.append((w, g))
        w, g = _frozen(w - eta * g), None
    return w, record


def sweep(adjoint, record, etas, steps, result, start) -> Any:
    """Pull the adjoint of the last iterate back over a recorded segment that begins at start.

    Writes the derivative in each of its step sizes into ``result``.
    """
    for s in reversed(range(start, start + len(record))):
        w, g = record.pop()
        result[s] = -(adjoint @ g)
        if s:
            adjoint = adjoint - etas[s] * steps[s].hvp(w, _frozen(adjoint))
    return adjoint


def _frozen(w: Any) -> Any:
    """Return an array that a caller's function cannot overwrite while the run needs it."""
    if isinstance(w, np.ndarray):
        w.setflags(write=False)
    return w


def _in_floats(w: Any) -> bool:
    return isinstance(w, np.ndarray) and w.dtype.kind in "fc"


def _own(g: Any) -> Any:
    """Return a copy of what a caller's function may change later, or has been given read-only."""
    return g.copy() if isinstance(g, np.ndarray) else g


def _finite_array(values: list) -> np.ndarray:
    _still_finite("the hypergradients", values := np.array(values))
    return values


def _still_finite(name: str, value: Any) -> None:
    """Require that a run has not diverged; exact, symbolic and traced numbers pass."""
    if not isinstance(value, Traced) and getattr(value, "dtype", np.dtype(object)).kind in "fc":
        still_finite(name, value, "at the end of the run")


def _checked(loss: Loss, w0: Any, etas: Any, batches: Sequence[Loss] | None) -> tuple:
    """Return w(0) and the step sizes, which compute with one another, and each step's loss."""
    etas = step_sizes(etas)
    batches = batches if batches is None else sequence("batches", batches)
    steps = [loss] * len(etas) if batches is None else batches
    if len(steps) != len(etas):
        raise ValueError(f"{len(etas)} steps need as many batches, got {len(steps)}")
    w0 = starting_point(loss, w0)
    for batch in {id(batch): batch for batch in batches or ()}.values():
        w0 = starting_point(batch, w0)
    if isinstance(w0, np.ndarray) and isinstance(etas, np.ndarray):
        w0, etas = together(w0=w0, etas=etas)
    return w0, etas, steps
