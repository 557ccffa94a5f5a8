"""The recursion, its factors and its moments (chapter 3, problems D2.1 to D2.8)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import NonFiniteError, as_float, exactly, integer, sequence


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

    Floats over- and underflow only in what is returned, to ±∞ and 0, never on the way: a run
    that comes back into their range is right again.

    Raises
    ------
    TypeError, ValueError
        If h, η, w(0) or an index is not what is required.

    Examples
    --------
    >>> print(*run([1, 3], Fraction(6, 5), [0, 1, 0]))
    1 -1/5 13/25 -13/125
    """
    w = check_real("w(0)", w0)
    h, eta = curvatures_and_step(h, eta, beside=w)
    draws = [_index(n, len(h)) for n in sequence("draws", draws)]
    if isinstance(eta, float) and not any(map(symbolic, (*h, w))):
        _finite_factors(h, eta)
        return _floats_along(w, draws, lambda w, n: w - eta * h[n] * w)
    iterates = [w]
    for n in draws:
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
    h, eta = curvatures_and_step(h, eta)
    return _finite_factors(h, eta)


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
    values = check_curvatures(h)
    mean, variance = moments(as_fractions(values))
    return MeanAndVariance(
        rounded_like(values, mean),
        rounded_like(values, variance, "the variance of h"),
    )


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
    h, eta = curvatures_and_step(h, eta)
    step, *values = as_fractions((eta, *h))
    return rounded_like((eta, *h), 1 - step * moments(values)[0], "the factor 1 − ηh")


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
    h, eta = curvatures_and_step(h, eta)
    step, *values = as_fractions((eta, *h))
    return rounded_like((eta, *h), _square_factor(values, step), "g(η)")


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

    Returns
    -------
    list
        t + 1 moments. Floats that leave the range of floats are ±∞ or 0 while they are out of
        it, as 32³⁰⁰ = 10^451.5 is: fractions have no range, and :func:`log_moment` takes
        logarithms.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is required.

    Examples
    --------
    >>> print(*moment_recursion([1, 3], Fraction(6, 5), 2, 2))
    1 17/5 289/25
    """
    power, t = integer("power", power, 1), integer("t", t, 0)
    h, eta = curvatures_and_step(h, eta)
    steps = _finite_factors(h, eta)
    moment = check_real("the initial moment", initial)
    numbers = (*steps, moment)
    if any(isinstance(x, float) for x in numbers) and not any(map(symbolic, numbers)):
        factor = sum(Fraction(m) ** power for m in steps) / len(steps)
        mantissa, exponent = _split(factor)
        return _floats_along(moment, range(t), lambda moment, _: moment * mantissa, shift=exponent)
    moments = [moment]
    for _ in range(t):
        moments.append(sum(m**power * moments[-1] for m in steps) / len(steps))
    return moments


def epoch_factor(h: Sequence, eta: Any) -> Any:
    """Return ∏(1 − ηh_n), by which a pass that draws every n exactly once multiplies w.

    A product of floats is rounded once, to ±∞ or 0 where it is out of their range.
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
    steps = factors(h, eta)
    if all(isinstance(m, float) for m in steps):
        return to_float(math.prod(map(Fraction, steps)))
    return math.prod(steps)


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
    logs = log_factors(h, eta)
    return math.fsum(logs) / len(logs)


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
    h, eta = curvatures_and_step(h, eta)
    step, *values = as_fractions((eta, *h))
    mean = _log_abs(1 - step * moments(values)[0])
    square = _log_abs(_square_factor(values, step))
    return mean, square / 2, lyapunov_exponent(h, eta)


# -- the range and the digits of floats ----------------------------------------------------------
# Floats are fractions, too. What can be said in a few products of them is computed exactly and
# rounded once, so that neither cancellation nor overflow on the way can show.


def as_fractions(values: tuple) -> tuple:
    """Return fractions and floats as the fractions that they are; all as it is with symbols."""
    return values if any(map(symbolic, values)) else tuple(map(Fraction, values))


def moments(h: tuple) -> tuple:
    """Return mean and variance of curvatures."""
    mean = sum(h) / len(h)
    return mean, sum((x - mean) ** 2 for x in h) / len(h)


def rounded_like(given: tuple, value: Any, name: str = "the result") -> Any:
    """Return a value as a float if floats were given, as it is otherwise.

    The name is for a value that may be beyond the floats though all that was given is not.
    """
    if not isinstance(value, Fraction) or not any(isinstance(x, float) for x in given):
        return value
    result = to_float(value)
    if math.isinf(result):
        raise NonFiniteError(f"{name} must fit a float, got {result} from {given}")
    return result


def to_float(x: Fraction) -> float:
    """Return the float closest to a fraction, ±∞ beyond the largest."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def log_factors(h: Sequence, eta: Any) -> list[float]:
    """Return log|1 − ηh_n|, −∞ where a factor is 0, without cancellation where ηh_n is small."""
    h, eta = curvatures_and_step(h, eta)
    steps = _finite_factors(h, eta)
    if isinstance(eta, float):
        return [math.log1p(-eta * x) if eta * x < 1 else _log_abs(1 - eta * x) for x in h]
    return [_log_abs(m) for m in steps]


def _log_abs(x: Any) -> float:
    """Return log|x| of a fraction or float, however large or close to 0 or 1 it is."""
    if x == 0:
        return -math.inf
    if symbolic(x):
        raise TypeError(f"the factors must be numbers, got {x}")
    x = abs(Fraction(x))
    if abs(x - 1) < Fraction(1, 2):
        return math.log1p(x - 1)
    y = to_float(x)
    if 1e-300 < y < math.inf:
        return math.log(y)
    return math.log(x.numerator) - math.log(x.denominator)


def _square_factor(h: tuple, eta: Any) -> Any:
    mean, variance = moments(h)
    return (1 - eta * mean) ** 2 + eta**2 * variance


def _finite_factors(h: tuple, eta: Any) -> tuple:
    steps = tuple(1 - eta * x for x in h)
    for i, m in enumerate(steps):
        if isinstance(m, float) and math.isinf(m):
            raise NonFiniteError(f"the factor 1 − η·h[{i}] must fit a float, got {m}")
    return steps


def _split(x: Any) -> tuple[float, int]:
    """Return the float y and the integer e for which y·2ᵉ = x, 0.5 ≤ |y| < 1 or y = 0."""
    x = Fraction(x)
    e = x.numerator.bit_length() - x.denominator.bit_length()
    y, more = math.frexp(x / Fraction(2) ** e)
    return y, e + more


def _floats_along(start: Any, way: Iterable, step: Callable, shift: int = 0) -> list[float]:
    """Return what start becomes step by step, and 2^shift times that; its exponent has no bounds.

    A step must be linear, so that it may be taken with the mantissa alone.
    """
    y, exponent = _split(start)
    results = [to_float(Fraction(start))]
    for n in way:
        y, more = math.frexp(step(y, n))
        exponent += more + shift
        try:
            results.append(math.ldexp(y, exponent))
        except OverflowError:
            results.append(math.copysign(math.inf, y))
    return results


# -- what is required of the arguments -----------------------------------------------------------


def check_curvatures(h: Sequence) -> tuple:
    """Return the curvatures as a tuple of fractions, of floats, or of symbols."""
    if isinstance(h, np.ma.MaskedArray):
        raise TypeError("the curvatures h must not be masked, got a masked array")
    try:
        dimensions = np.ndim(h)
    except ValueError:  # entries of different lengths
        dimensions = 2
    if dimensions != 1:
        raise ValueError(
            f"the curvatures h must be a one-dimensional sequence, got {dimensions} dimensions"
        )
    if len(h) == 0:
        raise ValueError("h must hold at least one curvature, got none")
    values = tuple(check_real(f"curvature h[{i}]", x) for i, x in enumerate(h))
    if any(map(symbolic, values)):
        return values
    if any(isinstance(x, float) for x in values):
        values = tuple(as_float(f"curvature h[{i}]", x) for i, x in enumerate(values))
    if not (total := sum(map(Fraction, values))) > 0:
        raise ValueError(
            f"the curvatures must be positive on average, or f has no minimum; "
            f"got mean {to_float(total / len(values)):g}"
        )
    return values


def check_step_size(eta: Any) -> Any:
    """Return the step size, exact if it was."""
    eta = check_real("the step size η", eta)
    if not symbolic(eta) and eta < 0:
        raise ValueError(f"the step size η must be at least 0, got {to_float(eta):g}")
    return eta


def check_real(name: str, x: Any) -> Any:
    """Return x as a Fraction, a float, or the symbolic expression it is."""
    x = exactly(name, x)
    if isinstance(x, Fraction | float) or symbolic(x):
        return x
    if isinstance(x, Real):  # mpmath's numbers
        return as_float(name, x)
    raise TypeError(f"{name} must be an integer, a fraction, a float or a symbol, got {x!r}")


def curvatures_and_step(h: Sequence, eta: Any, beside: Any = 0) -> tuple[tuple, Any]:
    """Return h and η: both exact, both floats, or with symbols among them as they are.

    They are floats, too, where what they are used beside is one.
    """
    h, eta = check_curvatures(h), check_step_size(eta)
    if any(map(symbolic, (*h, eta, beside))):
        return h, eta
    if any(isinstance(x, float) for x in (*h, eta, beside)):
        h = tuple(as_float(f"curvature h[{i}]", x) for i, x in enumerate(h))
        eta = as_float("the step size η", eta)
    return h, eta


def _index(n: Any, size: int) -> int:
    try:
        return integer("a draw", n, 0, size - 1)
    except (TypeError, ValueError):
        raise ValueError(f"a draw must be an index from 0 to {size - 1}, got {n!r}") from None


def symbolic(x: Any) -> bool:
    """Return whether x is an expression with symbols."""
    return bool(getattr(x, "free_symbols", ()))
