"""Newton and Raphson's steps, in exact numbers or floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from byhand._checks import derivative_of, function, integer, numbers, positive, still_finite
from byhand.optimization.arithmetic import fitted, solve


def newton_raphson(
    gradient: Callable, hessian: Callable, start: Any, steps: int, damping: Any = 1
) -> np.ndarray:
    """Take Newton-Raphson steps x ← x − α H(x)⁻¹ ∇f(x), Equation ch2-newton.

    Parameters
    ----------
    gradient, hessian
        ∇f and H, for points of shape (…, d).
    start
        Of shape (…, d): one start, or many side by side.
    steps
        How many steps to take.
    damping
        α > 0; 1 is the full step.

    Returns
    -------
    numpy.ndarray
        Of shape (steps + 1, …, d), exact if the start and the derivatives are.

    Raises
    ------
    ValueError
        If α ≤ 0, steps is negative, a derivative has the wrong shape, or a Hessian on the way is
        singular.
    NonFiniteError
        If a gradient, a Hessian or a point on the way is not finite: the message names the step.

    Examples
    --------
    >>> points = newton_raphson(lambda x: x**2 - 2, lambda x: 2 * x[..., None], [1.0], 5)
    >>> points[-1].round(12).item()
    1.414213562373
    """
    damping = positive("damping", damping)
    function("gradient", gradient), function("hessian", hessian)
    points = [numbers("start", start)]
    if points[0].ndim == 0:
        raise ValueError("start must have shape (…, d), got shape ()")
    for step in range(1, integer("steps", steps, 0) + 1):
        x = points[-1]
        (alpha,) = fitted(x, damping)
        g = derivative_of("gradient", gradient(x.copy()), x.shape, f"at step {step}")
        H = derivative_of("hessian", hessian(x.copy()), (*x.shape, x.shape[-1]), f"at step {step}")
        with np.errstate(over="ignore"):
            points.append(x - alpha * solve(H, g, "the Hessian"))
        still_finite("the point", points[-1], f"after step {step}")
    return np.stack(points)
