"""Momentum on a quadratic: the matrix of an update, and the factor of the error per step."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand._checks import (
    as_float,
    decay_rate,
    exactly,
    floats,
    numbers,
    positive,
    square,
    still_finite,
    together,
)


def heavy_ball_matrix(curvature: Any, learning_rate: Any, momentum: Any) -> np.ndarray:
    """Return the matrix of one heavy-ball update, Equation ch2-companion.

    On f(w) = ½hw² the update takes (wᵗ, wᵗ⁻¹) to (wᵗ⁺¹, wᵗ).

    Parameters
    ----------
    curvature
        h, an eigenvalue of the Hessian.
    learning_rate
        η > 0.
    momentum
        β in [0, 1).

    Returns
    -------
    numpy.ndarray
        [[1 + β − ηh, −β], [1, 0]].

    Raises
    ------
    ValueError
        If η ≤ 0 or β ∉ [0, 1).

    Examples
    --------
    >>> heavy_ball_matrix(1.0, 0.5, 0.25).tolist()
    [[0.75, -0.25], [1.0, 0.0]]
    """
    h, eta, beta = _constants(curvature, learning_rate, momentum)
    with np.errstate(over="ignore"):
        return _matrix([[1 + beta - eta * h, -beta], [1, 0]])


def nesterov_matrix(curvature: Any, learning_rate: Any, momentum: Any) -> np.ndarray:
    """Return the matrix of one Nesterov update, which takes (yᵗ, yᵗ⁻¹) to (yᵗ⁺¹, yᵗ).

    Parameters and errors are those of :func:`heavy_ball_matrix`.

    Returns
    -------
    numpy.ndarray
        [[(1 + β)(1 − ηh), −β(1 − ηh)], [1, 0]].

    Examples
    --------
    >>> nesterov_matrix(1.0, 0.5, 0.25).tolist()
    [[0.625, -0.125], [1.0, 0.0]]
    """
    h, eta, beta = _constants(curvature, learning_rate, momentum)
    with np.errstate(over="ignore", invalid="ignore"):
        shrink = 1 - eta * h
        return _matrix([[(1 + beta) * shrink, -beta * shrink], [1, 0]])


def _constants(curvature: Any, learning_rate: Any, momentum: Any) -> list:
    """Return h, η and β, all exact or all floats."""
    positive("learning_rate", learning_rate), decay_rate("momentum", momentum)
    given = {"curvature": curvature, "learning_rate": learning_rate, "momentum": momentum}
    arrays = {name: numbers(name, exactly(name, x)) for name, x in given.items()}
    return [x[()] for x in together(**arrays)]


def _matrix(rows: list) -> np.ndarray:
    return numbers("the matrix", np.array(rows, dtype=object))


def spectral_radius(matrix: Any) -> float:
    """Return the largest modulus of an eigenvalue: the error's factor per step, in the long run.

    Parameters
    ----------
    matrix
        Of shape (d, d).

    Raises
    ------
    ValueError
        If the matrix is not square and finite.

    Examples
    --------
    >>> spectral_radius([[1.0, 5.0], [0.0, -3.0]])
    3.0
    """
    matrix = floats("matrix", square("matrix", matrix))
    with np.errstate(over="ignore"):
        return as_float("the spectral radius", np.abs(np.linalg.eigvals(matrix)).max())


def heavy_ball_factor(curvature: Any, learning_rate: Any, momentum: Any) -> np.ndarray:
    """Return the spectral radius of :func:`heavy_ball_matrix` in closed form.

    Equation ch2-radius: √β where (1 + β − ηh)² < 4β, else (|1 + β − ηh| + √(…² − 4β))/2.

    Parameters
    ----------
    curvature, learning_rate, momentum
        h, η and β: numbers or arrays that broadcast.

    Returns
    -------
    numpy.ndarray
        Below 1 exactly where heavy ball converges.

    Raises
    ------
    ValueError
        If an entry is not finite, η ≤ 0 or β ∉ [0, 1).

    Examples
    --------
    >>> heavy_ball_factor(1.0, 0.5, [0.25, 0.0]).tolist()
    [0.5, 0.5]
    """
    h, eta = floats("curvature", curvature), floats("learning_rate", learning_rate)
    beta = floats("momentum", momentum)
    if (eta <= 0).any() or not ((beta >= 0) & (beta < 1)).all():
        raise ValueError("learning_rate must be positive and momentum lie in [0, 1)")
    shapes = h.shape, eta.shape, beta.shape
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(
            f"curvature, learning_rate and momentum must have shapes that broadcast, got {shapes}"
        ) from None
    root = np.sqrt(beta)
    with np.errstate(over="ignore"):
        trace = np.abs(1 + beta - eta * h)
    still_finite("1 + β − ηh", trace, f"for h = {h} and η = {eta}")
    below, above = trace - 2 * root, trace + 2 * root  # their product is the discriminant
    real_root = trace / 2 + np.sqrt(np.maximum(below, 0)) * np.sqrt(above) / 2
    return np.maximum(root, real_root)  # the first is larger where below < 0
