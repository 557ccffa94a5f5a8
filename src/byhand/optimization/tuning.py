"""The best constant learning rate and momentum for quadratics, Equation ch2-tuned."""

from __future__ import annotations

from typing import Any, NamedTuple

from byhand._checks import as_float


class Tuning(NamedTuple):
    """A constant learning rate and momentum, and the factor by which they shrink the error."""

    learning_rate: float
    momentum: float
    factor: float


def tune_gradient_descent(smallest: float, largest: float) -> Tuning:
    """Return the best constant learning rate for curvatures in [μ, L]: η = 2/(L + μ).

    Equation ch2-tuned; the error's factor is (κ − 1)/(κ + 1) with κ = L/μ.

    Raises
    ------
    ValueError
        Unless 0 < μ ≤ L.

    Examples
    --------
    >>> tune_gradient_descent(1.0, 9.0)
    Tuning(learning_rate=0.2, momentum=0.0, factor=0.8)
    """
    mu, L = _curvatures(smallest, largest)
    half = mu + (L - mu) / 2
    return _tuning(1 / half, 0.0, (L - mu) / 2 / half)


def tune_heavy_ball(smallest: float, largest: float) -> Tuning:
    """Return Polyak's learning rate 4/(√L + √μ)² and momentum for curvatures in [μ, L].

    Equation ch2-tuned; the error's factor is √β = (√κ − 1)/(√κ + 1).

    Raises
    ------
    ValueError
        Unless 0 < μ ≤ L.

    Examples
    --------
    >>> tune_heavy_ball(1.0, 9.0)
    Tuning(learning_rate=0.25, momentum=0.25, factor=0.5)
    """
    mu, L = _curvatures(smallest, largest)
    roots, factor = _roots(mu, L)
    return _tuning((2 / roots) * (2 / roots), factor**2, factor)


def tune_nesterov(smallest: float, largest: float) -> Tuning:
    """Return Nesterov's learning rate 1/L and momentum (√κ − 1)/(√κ + 1).

    Equation ch2-tuned; the error's factor on a quadratic is 1 − 1/√κ.

    Raises
    ------
    ValueError
        Unless 0 < μ ≤ L.

    Examples
    --------
    >>> tune_nesterov(1.0, 4.0)
    Tuning(learning_rate=0.25, momentum=0.3333333333333333, factor=0.5)
    """
    mu, L = _curvatures(smallest, largest)
    roots, momentum = _roots(mu, L)
    return _tuning(1 / L, momentum, (L - mu) / roots / L**0.5)


def _roots(mu: float, L: float) -> tuple[float, float]:
    """Return √L + √μ and (√κ − 1)/(√κ + 1); √L − √μ = (L − μ)/(√L + √μ) does not cancel."""
    roots = L**0.5 + mu**0.5
    return roots, (L - mu) / roots / roots


def _tuning(*values: float) -> Tuning:
    """Return a tuning whose numbers are finite: of the smallest curvatures, 1/L is not."""
    names = Tuning._fields
    return Tuning(*(as_float(f"the {name}", x) for name, x in zip(names, values, strict=True)))


def _curvatures(smallest: Any, largest: Any) -> tuple[float, float]:
    smallest, largest = as_float("smallest", smallest), as_float("largest", largest)
    if not 0 < smallest <= largest:
        raise ValueError(f"curvatures must satisfy 0 < μ ≤ L, got {smallest} and {largest}")
    return smallest, largest
