"""How far a step size should look ahead: noisy quadratics and the best constant step (D3.5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize

from byhand._checks import (
    as_float,
    floats,
    integer,
    positive,
    scaled,
    still_finite,
    together,
    vector,
)
from byhand.hypergradients.losses import Loss, step_sizes
from byhand.hypergradients.sweeps import forward_hypergradient


def noisy_moments(curvatures: Any, noise: Any, start: Any, etas: Any) -> np.ndarray:
    """Return E[wᵢ²] before and after each step of SGD on a noisy quadratic, Equation ch4-noisy.

    The loss is ½ Σᵢ hᵢwᵢ²; the i-th entry of the stochastic gradient is hᵢwᵢ plus independent
    noise of mean 0 and variance cᵢ. Then E[wᵢ(s)²] = (1 − η_s hᵢ)² E[wᵢ(s−1)²] + η_s² cᵢ.

    Parameters
    ----------
    curvatures
        hᵢ > 0, shape (d,).
    noise
        cᵢ ≥ 0, shape (d,).
    start
        E[wᵢ(0)²] ≥ 0, shape (d,).
    etas
        η₁ … η_k, each at least 0.

    Returns
    -------
    numpy.ndarray
        Shape (k + 1, d).

    Raises
    ------
    ValueError
        If a shape does not fit or a number is out of its range.

    Notes
    -----
    Y. Wu, M. Ren, R. Liao and R. Grosse, "Understanding short-horizon bias in stochastic
    meta-optimization", ICLR 2018.

    Examples
    --------
    >>> noisy_moments([1.0], [1.0], [1.0], [0.5, 0.0]).ravel().tolist()
    [1.0, 0.5, 0.5]
    """
    return _moments(*_noisy_quadratic(curvatures, noise, start, etas))


def _moments(h: Any, c: Any, m: Any, etas: Any) -> np.ndarray:
    moments = [m]
    with np.errstate(over="ignore", invalid="ignore"):
        for eta in etas:
            moments.append((1 - eta * h) ** 2 * moments[-1] + eta**2 * c)
    moments = np.array(moments)
    still_finite("the moments", moments, f"for the step sizes {etas}")
    return moments


def greedy_schedule(curvatures: Any, noise: Any, start: Any, steps: int) -> np.ndarray:
    """Return the η_s that each minimize the expected loss after their own step alone.

    Equation ch4-greedy: η = Σ hᵢ²mᵢ / Σ hᵢ(hᵢ²mᵢ + cᵢ), where mᵢ = E[wᵢ²] before the step.
    Parameters are those of :func:`noisy_moments`.

    Raises
    ------
    ValueError
        As :func:`noisy_moments`, or if neither noise nor distance is left before some step:
        every step size is then optimal.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> [str(eta) for eta in greedy_schedule([F(1)], [F(1)], [F(1)], 3)]
    ['1/2', '1/3', '1/4']
    """
    h, c, m = _noisy_quadratic(curvatures, noise, start)
    if h.dtype == float:
        *problem, exponent = _in_units(h, c, m)
        return np.ldexp(_greedy(*problem, steps), -exponent)
    return _greedy(h, c, m, steps)


def _greedy(h: Any, c: Any, m: Any, steps: int) -> np.ndarray:
    etas = []
    for s in range(integer("steps", steps, 1)):
        steepness = np.sum(h * (h**2 * m + c))
        if steepness == 0:
            raise ValueError(
                f"without noise the minimum is reached before step {s + 1}: "
                "every step size is optimal there"
            )
        eta = np.sum(h**2 * m) / steepness
        m = (1 - eta * h) ** 2 * m + eta**2 * c
        etas.append(eta)
    return np.array(etas)


def schedule_hypergradients(curvatures: Any, noise: Any, start: Any, etas: Any) -> np.ndarray:
    """Return the derivatives of the last expected loss in η₁ … η_k, by one reverse sweep.

    The state that is swept over is mᵢ = E[wᵢ²] in place of w. Parameters and errors are those
    of :func:`noisy_moments`.

    Examples
    --------
    >>> schedule_hypergradients([1.0], [1.0], [1.0], [0.5, 0.5]).tolist()
    [0.0, 0.25]
    """
    h, c, m, etas = _noisy_quadratic(curvatures, noise, start, etas)
    moments = _moments(h, c, m, etas)
    adjoint, result = h / 2, []
    for eta, m in zip(etas[::-1], moments[-2::-1], strict=True):
        result.append(adjoint @ (2 * eta * c - 2 * h * (1 - eta * h) * m))
        adjoint = adjoint * (1 - eta * h) ** 2
    return np.array(result[::-1])


def farsighted_schedule(
    curvatures: Any, noise: Any, start: Any, steps: int, ceiling: float | None = None
) -> np.ndarray:
    """Return a schedule that minimizes the expected loss after the last step, locally.

    L-BFGS with exact hypergradients, started from the best constant among a few.

    Parameters
    ----------
    curvatures, noise, start
        As for :func:`noisy_moments`.
    steps
        k.
    ceiling
        The largest step size allowed; without one, the schedule may blow up the steep
        directions at first and remove them later by steps of 1/hᵢ.

    Raises
    ------
    ValueError
        As :func:`noisy_moments`, or if ``ceiling`` is not positive.

    Examples
    --------
    >>> farsighted_schedule([1.0], [1.0], [1.0], 3).round(4).tolist()
    [0.5, 0.3333, 0.25]
    """
    h, c, m = _noisy_quadratic(curvatures, noise, start)
    steps = integer("steps", steps, 1)
    ceiling = None if ceiling is None else as_float("ceiling", positive("ceiling", ceiling))
    *problem, unit = _in_units(floats("curvatures", h), floats("noise", c), floats("start", m))

    def objective(etas):
        return last_expected_loss(*problem, etas), schedule_hypergradients(*problem, etas)

    constants = [np.full(steps, eta) for eta in np.geomspace(0.01, 1, 5) / problem[0].max()]
    first = min(constants, key=lambda etas: objective(etas)[0])
    options = {"maxiter": 5000, "maxfun": 50_000, "ftol": 1e-15, "gtol": 1e-12}
    bounds = [(0, None if ceiling is None else np.ldexp(ceiling, unit))] * steps
    found = minimize(objective, first, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.ldexp(found.x, -unit)


def _in_units(h: np.ndarray, c: np.ndarray, m: np.ndarray) -> tuple:
    """Return a noisy quadratic of numbers near 1, whose step sizes are 2ᵉ times as large, and e.

    The squares of h are in range there, and a gradient that is small enough to end a search does
    not depend on the units of η and of w.
    """
    h, exponent = scaled(h)
    parts = [np.frexp(c)[1][c > 0] - 2 * exponent, np.frexp(m)[1][m > 0]]
    size = max([int(e) for part in parts for e in part], default=0)
    return h, np.ldexp(c, -2 * exponent - size), np.ldexp(m, -size), exponent


def last_expected_loss(curvatures: Any, noise: Any, start: Any, etas: Any) -> Any:
    """Return E[L(w(k))] = ½ Σ hᵢ E[wᵢ(k)²]; parameters as for :func:`noisy_moments`.

    Examples
    --------
    >>> float(last_expected_loss([1.0], [1.0], [1.0], [0.5, 0.0]))
    0.25
    """
    h, c, m, etas = _noisy_quadratic(curvatures, noise, start, etas)
    return h @ _moments(h, c, m, etas)[-1] / 2


def best_constant_step(loss: Loss, w0: Any, steps: int, low: float, high: float) -> float:
    """Return the constant η in (low, high) that minimizes the loss after ``steps`` steps.

    The zero of the forward-mode hypergradient, by bracketing. On a quadratic the loss is convex
    in η, and low = 1/λ_max, high = 1/λ_min bracket its minimum (section *Beyond the sheets*).

    Parameters
    ----------
    loss, w0, steps
        As for :func:`~byhand.hypergradients.forward_hypergradient`.
    low, high
        Step sizes at which the loss after the run falls and rises with η.

    Raises
    ------
    ValueError
        If the hypergradient has the same sign at both ends, or low is not below high.

    Examples
    --------
    >>> from byhand.hypergradients import quadratic
    >>> round(best_constant_step(quadratic([[2]], [0]), [1.0], 3, 0.4, 0.7), 6)
    0.5
    """
    low, high = as_float("low", low), as_float("high", high)
    if not low < high:
        raise ValueError(f"low must be below high, got {low} and {high}")

    def slope(eta):
        return float(forward_hypergradient(loss, w0, eta, steps))

    ends = slope(low), slope(high)
    if not ends[0] <= 0 <= ends[1]:
        raise ValueError(
            f"the hypergradient must be ≤ 0 at low = {low} and ≥ 0 at high = {high}, got {ends}"
        )
    return brentq(slope, low, high, xtol=1e-15 * max(abs(low), abs(high)), rtol=1e-14, maxiter=1000)


def _noisy_quadratic(curvatures: Any, noise: Any, start: Any, *etas: Any) -> list:
    """Return the arrays of a noisy quadratic and step sizes, if any, all exact or all floats."""
    h = vector("curvatures", curvatures)
    others = vector("noise", noise), vector("start", start)
    for name, array in zip(("noise", "start"), others, strict=True):
        if array.shape != h.shape:
            raise ValueError(f"{name} must have shape {h.shape}, as curvatures, got {array.shape}")
        if np.any(array < 0):
            raise ValueError(f"{name} must be at least 0, got {array.min()}")
    if np.any(h <= 0):
        raise ValueError(f"curvatures must be positive, got {h.min()}")
    arrays = {"curvatures": h, "noise": others[0], "start": others[1]}
    etas = [step_sizes(each) for each in etas]
    if not all(isinstance(each, np.ndarray) for each in etas):  # traced
        return [*together(**arrays), *etas]
    return together(**arrays, **dict(zip(["etas"], etas, strict=False)))
