"""Heavy ball run backwards to the last bit, and what that costs in memory (section E2.1)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from numbers import Rational
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import as_float, floats, integer, non_negative, still_finite, vector
from byhand.hypergradients.losses import Loss, starting_point, step_sizes

BITS = 40
"""Binary places of the fixed-point numbers: a state x is stored as the integer round(x·2⁴⁰)."""


class Reversible(NamedTuple):
    """The state of a reversible run: integers of Python, as many bits as they need."""

    w: np.ndarray
    v: np.ndarray
    buffer: np.ndarray
    """One integer per parameter, of the bits that the multiplications by β would have lost."""

    def buffer_bits(self) -> int:
        """Return the bits that the buffer holds, over all parameters."""
        return sum(int(x).bit_length() for x in self.buffer)

    def position(self) -> np.ndarray:
        """Return w as floating-point numbers."""
        return np.array([entry / 2**BITS for entry in self.w])


def multiply_exactly(x: Any, ratio: Fraction, buffer: Any) -> tuple[Any, Any]:
    """Return integers close to (x·ratio, buffer/ratio) from which both can be recovered.

    To go back, multiply by 1/ratio. For a ratio n/d below 1 the buffer takes up the remainder of
    x modulo d, and gives n's share of it back to x: it grows by log₂(d/n) bits.

    Parameters
    ----------
    x, buffer
        Integers, or arrays of Python's integers; the buffer is at least 0.
    ratio
        A positive fraction.

    Raises
    ------
    ValueError
        If the ratio is not positive.
    TypeError
        If the ratio is not a fraction: a float is not the ratio that it looks like.

    Notes
    -----
    Algorithm 3 of D. Maclaurin, D. Duvenaud and R. P. Adams, "Gradient-based hyperparameter
    optimization through reversible learning", ICML 2015.

    Examples
    --------
    >>> x, buffer = multiply_exactly(12345, Fraction(9, 10), 0)
    >>> x, buffer
    (11111, 0)
    >>> multiply_exactly(x, 1 / Fraction(9, 10), buffer)
    (12345, 0)
    """
    ratio = _positive_fraction("ratio", ratio)
    x, buffer = _integers("x", x), _integers("buffer", buffer, least=0)
    n, d = ratio.numerator, ratio.denominator
    buffer = buffer * d + x % d
    return x // d * n + buffer % n, buffer // n


def start_reversible(w0: Any) -> Reversible:
    """Return the state of a run that starts at w0 (shape (d,)) with velocity 0."""
    fixed = _fixed(vector("w0", w0))
    return Reversible(fixed, 0 * fixed, 0 * fixed)


def heavy_ball_step(
    state: Reversible, gradient: Callable, eta: float, beta: Fraction
) -> Reversible:
    """Take v ← βv − η∇L(w), w ← w + v in fixed point, losing no bit (Equation ch4-heavy-ball).

    Parameters
    ----------
    state
        Of :func:`start_reversible` or of an earlier step.
    gradient
        w ↦ ∇L(w) on arrays of floating-point numbers, shape (d,).
    eta
        η, finite and at least 0.
    beta
        β, a positive fraction.

    Raises
    ------
    ValueError
        If η or β is out of its range.
    TypeError
        If β is not a fraction.

    Examples
    --------
    >>> state = start_reversible([1.0, -2.0])
    >>> later = heavy_ball_step(state, lambda w: w, 0.25, Fraction(9, 10))
    >>> later.position().tolist()
    [0.75, -1.5]
    """
    beta = _positive_fraction("beta", beta)
    v, buffer = multiply_exactly(state.v, beta, state.buffer)
    v = v - _push(eta, gradient, state)
    return Reversible(state.w + v, v, buffer)


def undo_heavy_ball_step(
    state: Reversible, gradient: Callable, eta: float, beta: Fraction
) -> Reversible:
    """Take the step back: the state before, to the last bit.

    Parameters and errors are those of :func:`heavy_ball_step`.

    Examples
    --------
    >>> state = start_reversible([1.0, -2.0])
    >>> step = (lambda w: w**3, 0.01, Fraction(9, 10))
    >>> undo_heavy_ball_step(heavy_ball_step(state, *step), *step).position().tolist()
    [1.0, -2.0]
    """
    beta = _positive_fraction("beta", beta)
    earlier = state._replace(w=state.w - state.v)
    v = state.v + _push(eta, gradient, earlier)
    v, buffer = multiply_exactly(v, 1 / beta, state.buffer)
    return Reversible(earlier.w, v, buffer)


@np.errstate(over="ignore", invalid="ignore")
def reversible_hypergradients(loss: Loss, w0: Any, etas: Any, beta: Fraction) -> np.ndarray:
    """Return ∂L(w(k))/∂η_s of a heavy-ball run for all s, storing no iterate of it.

    The run starts at rest and is taken forth by :func:`heavy_ball_step` and back by
    :func:`undo_heavy_ball_step`. Equation ch4-reversed-sweep is carried along on the way back; it
    sees each iterate as the run did, to the last bit. It takes 2k + 1 gradients and k
    Hessian-vector products, and holds, beside its state, the bits of the buffer:
    log₂(1/β) for each parameter and step.

    Parameters
    ----------
    loss
        L, evaluated at floating-point numbers.
    w0
        w(0), shape (d,).
    etas
        η₁ … η_k, each finite and at least 0.
    beta
        β, a positive fraction, at most 1.

    Returns
    -------
    numpy.ndarray
        Shape (k,), as :func:`~byhand.hypergradients.hypergradients`. They are those of the run in
        fixed point, whose iterates are off by a few times 2⁻⁴⁰.

    Raises
    ------
    ValueError
        If w0 or a number is out of its range, or the run diverges.
    TypeError
        If β is not a fraction.

    Notes
    -----
    Algorithm 2 of D. Maclaurin, D. Duvenaud and R. P. Adams, "Gradient-based hyperparameter
    optimization through reversible learning", ICML 2015.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> reversible_hypergradients(quadratic([[2]], [0]), [1], [0.25, 0.25], Fraction(1, 2)).tolist()
    [-0.0, -0.0]
    """
    state = start_reversible(starting_point(loss, w0))
    etas = floats("etas", step_sizes(etas))
    for eta in etas:
        state = heavy_ball_step(state, loss.gradient, eta, beta)
    adjoint = np.array(loss.gradient(state.position()))
    velocity_adjoint, result = 0.0, []
    for eta in reversed(etas):
        velocity_adjoint = velocity_adjoint + adjoint
        w = state._replace(w=state.w - state.v).position()
        g = np.array(loss.gradient(w))
        state = undo_heavy_ball_step(state, lambda _, g=g: g, eta, beta)
        result.append(-(velocity_adjoint @ g))
        adjoint = adjoint - eta * loss.hvp(w, velocity_adjoint)
        velocity_adjoint = float(beta) * velocity_adjoint
    result = np.array(result[::-1])
    still_finite("the hypergradients", result, "at the end of the run")
    return result


def _push(eta: Any, gradient: Callable, state: Reversible) -> np.ndarray:
    """Return η∇L(w) in fixed point."""
    eta = as_float("eta", non_negative("eta", eta))
    slope = floats("gradient", gradient(state.position()))
    if slope.shape != state.w.shape:
        raise ValueError(f"gradient must return shape {state.w.shape}, got {slope.shape}")
    with np.errstate(over="ignore"):
        push = eta * slope
    still_finite("η∇L(w)", push, f"at w = {state.position()}")
    return _fixed(push)


def _positive_fraction(name: str, value: Any) -> Fraction:
    if not isinstance(value, Rational):
        raise TypeError(f"{name} must be a Fraction, got {value!r}")
    if value <= 0:
        raise ValueError(f"{name} must be positive, got {value}")
    return Fraction(int(value.numerator), int(value.denominator))


def _integers(name: str, x: Any, least: int | None = None) -> Any:
    """Return an integer, or an array of integers, as Python's own, which cannot wrap."""
    if np.ndim(x) == 0:
        return integer(name, x, least)
    x = np.asarray(x)
    entries = np.empty(x.shape, dtype=object)
    entries.flat = [integer(name, entry, least) for entry in x.flat]
    return entries


def _fixed(x: np.ndarray) -> np.ndarray:
    return np.array([round(Fraction(entry) * 2**BITS) for entry in x], dtype=object)
