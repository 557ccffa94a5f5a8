"""The recursion, its factors and its moments (chapter 3, problems D2.1 to D2.8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import integer


class MeanAndVariance(NamedTuple):
    """Mean h and population variance ρ of the curvatures."""

    mean: Any
    variance: Any


def run(h: Sequence, eta: Any, draws: Sequence[int], w0: Any = 1) -> list:
    """Return w(0) … w(t) for given draws: equation ch3-step, one step at a time.

    Parameters
    ----------
    h
        The N curvatures, with positive mean.
    eta
        Step size η ≥ 0.
    draws
        t indices n(1) … n(t), counted from 0.
    w0
        Starting point w(0).

    Raises
    ------
    TypeError, ValueError
        If h, η, w(0) or an index is not what is required.

    Examples
    --------
    >>> print(*run([1, 3], Fraction(6, 5), [0, 1, 0]))
    1 -1/5 13/25 -13/125
    """
    h, eta = check_curvatures(h), check_step_size(eta)
    iterates = [check_real("w(0)", w0)]
    for n in draws:
        if not (isinstance(n, Integral) and 0 <= n < len(h)):
            raise ValueError(f"a draw must be an index from 0 to {len(h) - 1}, got {n!r}")
        iterates.append(iterates[-1] - eta * h[n] * iterates[-1])
    return iterates


def factors(h: Sequence, eta: Any) -> tuple:
    """Return the factors m_n = 1 − ηh_n, one of which multiplies w at each step.

    Raises
    ------
    TypeError, ValueError
        If h or η is not what is required.

    Examples
    --------
    >>> print(*factors([1, 3], Fraction(6, 5)))
    -1/5 -13/5
    """
    h, eta = check_curvatures(h), check_step_size(eta)
    return tuple(1 - eta * x for x in h)


def mean_and_variance(h: Sequence) -> MeanAndVariance:
    """Return the curvatures' mean h and population variance ρ = (1/N) Σ (h_n − h)².

    Raises
    ------
    TypeError, ValueError
        If h is empty, has an entry that is no finite real number, or has a mean ≤ 0.

    Examples
    --------
    >>> print(*mean_and_variance([1, 3]))
    2 1
    """
    h = check_curvatures(h)
    mean = sum(h) / len(h)
    return MeanAndVariance(mean, sum((x - mean) ** 2 for x in h) / len(h))


def mean_factor(h: Sequence, eta: Any) -> Any:
    """Return 1 − ηh, by which one step multiplies E w: equation ch3-mean.

    Raises
    ------
    TypeError, ValueError
        If h or η is not what is required.

    Examples
    --------
    >>> print(mean_factor([1, 3], Fraction(6, 5)))
    -7/5
    """
    return 1 - check_step_size(eta) * mean_and_variance(h).mean


def square_factor(h: Sequence, eta: Any) -> Any:
    """Return g(η) = (1 − ηh)² + η²ρ, by which one step multiplies E w²: equation ch3-square.

    Raises
    ------
    TypeError, ValueError
        If h or η is not what is required.

    Examples
    --------
    >>> print(square_factor([1, 3], Fraction(6, 5)))
    17/5
    """
    mean, variance = mean_and_variance(h)
    return (1 - check_step_size(eta) * mean) ** 2 + eta**2 * variance


def moment_recursion(h: Sequence, eta: Any, power: int, t: int, initial: Any = 1) -> list:
    """Return E wᵖ at times 0 … t by the recursion E wᵖ(t) = (1/N) Σ (1 − ηh_n)ᵖ · E wᵖ(t−1).

    Equations ch3-mean (p = 1) and ch3-square (p = 2) before the average is worked out.

    Parameters
    ----------
    h, eta
        Curvatures and step size.
    power
        p ≥ 1.
    t
        Number of steps, ≥ 0.
    initial
        E wᵖ(0).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is required.

    Examples
    --------
    >>> print(*moment_recursion([1, 3], Fraction(6, 5), 2, 2))
    1 17/5 289/25
    """
    integer("power", power, 1)
    integer("t", t, 0)
    steps = factors(h, eta)
    moments = [check_real("the initial moment", initial)]
    for _ in range(t):
        moments.append(sum(m**power * moments[-1] for m in steps) / len(steps))
    return moments


def epoch_factor(h: Sequence, eta: Any) -> Any:
    """Return ∏(1 − ηh_n), by which a pass that draws every n exactly once multiplies w.

    Its size is e^(N·q), so that q(η) < 0 can be decided exactly: equation ch3-epoch.

    Raises
    ------
    TypeError, ValueError
        If h or η is not what is required.

    Examples
    --------
    >>> print(epoch_factor([1, 3], Fraction(4, 3)))
    1
    """
    return math.prod(factors(h, eta))


def lyapunov_exponent(h: Sequence, eta: Any) -> float:
    """Return q(η) = (1/N) Σ log|1 − ηh_n|, or −∞ if a factor is 0: equation ch3-q.

    Almost surely (1/t) log|w(t)| → q(η), if w(0) ≠ 0. Natural logarithm, per step.

    Raises
    ------
    TypeError, ValueError
        If h or η is not what is required.

    References
    ----------
    Furstenberg, Kesten: Products of random matrices, Ann. Math. Statist. 31, 1960.

    Examples
    --------
    >>> round(lyapunov_exponent([1, 3], 1.2), 4), lyapunov_exponent([1, 3], 1)
    (-0.327, -inf)
    """
    steps = factors(h, eta)
    return math.fsum(math.log(abs(m)) for m in steps) / len(steps) if all(steps) else -math.inf


def growth_rates(h: Sequence, eta: Any) -> tuple[float, float, float]:
    """Return log|1 − ηh|, ½ log g(η) and q(η): how |E w|, √(E w²) and a single path grow.

    Natural logarithms, per step; −∞ for what is zero after one step or in finite time. Equations
    ch3-mean, ch3-square and ch3-q on one scale, on which ch3-jensen orders them.

    Raises
    ------
    TypeError, ValueError
        If h or η is not what is required.

    Examples
    --------
    >>> [round(rate, 3) for rate in growth_rates([1, 3], 1.2)]
    [0.336, 0.612, -0.327]
    """
    mean, square = abs(mean_factor(h, eta)), square_factor(h, eta)
    return (
        math.log(mean) if mean > 0 else -math.inf,
        math.log(square) / 2 if square > 0 else -math.inf,
        lyapunov_exponent(h, eta),
    )


# -- what is required of the arguments -----------------------------------------------------------


def check_curvatures(h: Sequence) -> tuple:
    """Return the curvatures as a tuple of fractions, floats or symbols."""
    if np.ndim(h) != 1:
        raise ValueError(
            f"the curvatures h must be a one-dimensional sequence, got {np.ndim(h)} dimensions"
        )
    if len(h) == 0:
        raise ValueError("h must hold at least one curvature, got none")
    values = tuple(check_real(f"curvature h[{i}]", x) for i, x in enumerate(h))
    if not any(map(_symbolic, values)) and not sum(values) > 0:
        raise ValueError(
            f"the curvatures must be positive on average, or f has no minimum; "
            f"got mean {float(sum(values) / len(values)):g}"
        )
    return values


def check_step_size(eta: Any) -> Any:
    """Return the step size, exact if it was."""
    eta = check_real("the step size η", eta)
    if not _symbolic(eta) and eta < 0:
        raise ValueError(f"the step size η must be at least 0, got {float(eta):g}")
    return eta


def check_real(name: str, x: Any) -> Any:
    """Return x as a Fraction, a float, or the symbolic expression it is."""
    if _symbolic(x):
        return x
    if isinstance(x, Rational) and not isinstance(x, bool):
        return Fraction(x.numerator, x.denominator)
    if isinstance(x, bool) or not isinstance(x, Real):
        raise TypeError(f"{name} must be a real number, got {x!r}")
    if not math.isfinite(x):
        raise ValueError(f"{name} must be finite, got {x}")
    return float(x)


def _symbolic(x: Any) -> bool:
    return bool(getattr(x, "free_symbols", False))
