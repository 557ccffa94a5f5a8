"""Comparing two results, entry by entry.

Floats agree to a relative tolerance in each entry; exact numbers, words and truth values agree
exactly with their like; a Monte Carlo estimate agrees within so many standard errors that the
whole book is unlikely to fail by chance; what an enclosure holds agrees with it.
"""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Number, Rational
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

TRUTH = bool | np.bool_

FALSE_ALARMS = 0.01
"""The chance, at most, that any Monte Carlo claim of the book fails on a right program.

Seeds are fixed, so a claim that has passed will pass again; the chance is that of a new seed.
"""

COMPARISONS = 200
"""How many comparisons with Monte Carlo estimates the book may make; the build counts them."""

STANDARD_ERRORS = round(-NormalDist().inv_cdf(FALSE_ALARMS / COMPARISONS / 2), 2)
"""How many standard errors an estimate may be off: each comparison has its part of the chance."""


class Estimate(NamedTuple):
    """A Monte Carlo estimate: a mean and the standard error of that mean, or arrays of them.

    The mean of many draws is normal; of a few, or of a law with heavy tails, it is not.
    """

    value: Any
    standard_error: Any


class Holds(NamedTuple):
    """Whether a statement holds, and the size of the effect that says so."""

    truth: bool
    effect: Any
    proof: Any = None
    """The proof that it holds for all values, if one was made: ``byhand.evidence.proving``."""

    def __bool__(self) -> bool:
        return self.truth


def holds(truth: Any, *effect: Any) -> Holds:
    """Return the value of a route to a claim in words: whether it holds, by how much.

    Parameters
    ----------
    truth
        Whether the statement holds, one truth value.
    effect
        What was measured or found: a number, a formula of SymPy, a few words with numbers, or
        several of these in a row. It is shown, formulas as mathematics; so they are not to be
        printed into the words.

    Examples
    --------
    >>> holds(0.23 < 1, 0.23)
    Holds(truth=True, effect=0.23, proof=None)
    >>> holds(True, "zeros", 0, 2)
    Holds(truth=True, effect=('zeros', 0, 2), proof=None)
    """
    if type(truth).__name__ in ("BooleanTrue", "BooleanFalse") or _is_zero_d_truth(truth):
        truth = bool(truth)
    if not isinstance(truth, TRUTH):
        raise TypeError(f"truth must be one truth value, got {truth!r}")
    if not effect or any(part is None or isinstance(part, TRUTH) for part in effect):
        raise TypeError(f"effect must be a number or words, got {effect!r}")
    if printed := [part for part in effect if isinstance(part, str) and "**" in part]:
        raise TypeError(
            f"effect has a formula printed into its words, {printed[0]!r}: give the formula "
            "itself, holds(…, 'words', formula)"
        )
    return Holds(bool(truth), effect if len(effect) > 1 else effect[0])


class Tolerance(NamedTuple):
    """How far a float may be off: ``floor + rtol·|x|`` in each entry."""

    rtol: float
    floor: float = 0.0

    def __str__(self) -> str:
        parts = [f"{self.rtol:.0e} relative"] * (self.rtol > 0)
        parts += [f"{self.floor:.0e} absolute"] * (self.floor > 0)
        return " plus ".join(parts) or "exact"

    def looser(self, other: Tolerance) -> Tolerance:
        return Tolerance(max(self.rtol, other.rtol), max(self.floor, other.floor))


class Comparison(NamedTuple):
    """How two results compare."""

    agree: bool
    deviation: float
    """The largest, in the unit: relative to the entry, absolute, or in standard errors."""

    unit: str
    tolerance: str
    why: str = ""
    """If they do not agree: what differs, in words."""

    entries: Any = 0.0
    """The relative deviation of each entry."""

    chances: int = 0
    """How many entries were compared with a Monte Carlo estimate."""


# -- one result ----------------------------------------------------------------------------------


def normal(where: str, name: str, value: Any) -> Any:
    """Return a route's value in the form in which it is compared.

    Raises
    ------
    ValueError
        If there is nothing to compare, or something that has no one meaning.
    """
    if isinstance(value, np.ma.MaskedArray) or value is np.ma.masked:
        raise ValueError(f"{where}: route {name} is masked; say what the masked entries are")
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if type(value).__name__ in ("BooleanTrue", "BooleanFalse"):
        return bool(value)
    if isinstance(value, str | TRUTH | Holds) or is_enclosure(value):
        return value
    if isinstance(value, Estimate):
        return _normal_estimate(where, name, value)
    if value is None or isinstance(value, dict | set | frozenset) or callable(value):
        raise ValueError(f"{where}: route {name} returns {value!r}; numbers or words are compared")
    entries = as_array(value)
    if entries.size == 0:
        raise ValueError(f"{where}: route {name} is empty, so there is nothing to compare")
    if any(entry is np.ma.masked for entry in entries.flat):
        raise ValueError(f"{where}: route {name} is masked; say what the masked entries are")
    if any(isinstance(entry, TRUTH) or _is_zero_d_truth(entry) for entry in entries.flat):
        raise ValueError(f"{where}: route {name} is many truth values; say whether all() hold")
    if odd := [x for x in entries.flat if not isinstance(x, Number | str) and not _is_symbolic(x)]:
        raise ValueError(f"{where}: route {name} must be numbers of one shape, got {odd[0]!r}")
    return value


def _normal_estimate(where: str, name: str, value: Estimate) -> Estimate:
    mean, error = (np.asarray(part, dtype=float) for part in value)
    if mean.shape != error.shape or mean.size == 0:
        raise ValueError(
            f"{where}: route {name} needs a standard error for each mean, "
            f"got shapes {mean.shape} and {error.shape}"
        )
    return Estimate(*((x.item() for x in (mean, error)) if mean.ndim == 0 else (mean, error)))


def _is_zero_d_truth(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype == bool


def as_array(value: Any) -> np.ndarray:
    """Return a number or nested list of numbers as an array that keeps exact entries exact."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "tolist"):  # SymPy matrices and NumPy scalars
        value = value.tolist()
    return np.array(value, dtype=object)


def is_exact(value: Any) -> bool:
    """Return whether a result is made of integers, fractions and expressions without floats."""
    if isinstance(value, Estimate | Holds | str | TRUTH) or is_enclosure(value):
        return False
    return all(map(_is_exact_number, as_array(value).flat))


def _is_exact_number(x: Any) -> bool:
    if isinstance(x, Rational):
        return True
    return _is_symbolic(x) and not x.atoms(_sympy().Float)


def _is_symbolic(x: Any) -> bool:
    return hasattr(x, "free_symbols") and hasattr(x, "atoms")


def is_enclosure(value: Any) -> bool:
    """Return whether a result is an interval of mpmath's, ``iv``, which holds what is computed."""
    return type(value).__name__ == "ivmpf"


def shape(value: Any) -> tuple[int, ...]:
    """Return the shape of a result; words and truth values have that of a number."""
    if isinstance(value, str | TRUTH | Holds) or is_enclosure(value):
        return ()
    return np.shape(value.value) if isinstance(value, Estimate) else as_array(value).shape


# -- two results ---------------------------------------------------------------------------------


def compare(a: Any, b: Any, tolerance: Tolerance) -> Comparison:
    """Compare two normal values; ``tolerance`` is for floats alone."""
    for kind in (str, TRUTH | Holds):
        if isinstance(a, kind) or isinstance(b, kind):
            same = isinstance(a, kind) and isinstance(b, kind)
            same = same and (a == b if kind is str else bool(a) == bool(b))
            return _exactly(0.0 if same else np.inf)
    if shape(a) != shape(b):
        why = f"the shapes are {shape(a)} and {shape(b)}"
        return Comparison(False, np.inf, "exact", "exact", why)
    if isinstance(a, Estimate) or isinstance(b, Estimate):
        return _compare_estimates(a, b, tolerance)
    if is_enclosure(a) or is_enclosure(b):
        return _compare_enclosures(a, b, tolerance)
    x, y = as_array(a), as_array(b)
    if _all_words(x) or _all_words(y):
        return _exactly(0.0 if list(x.flat) == list(y.flat) else np.inf)
    if is_exact(x) and is_exact(y):
        return _exactly(max(map(_exact_distance, x.flat, y.flat)))
    return _compare_floats(x, y, tolerance)


def _all_words(entries: np.ndarray) -> bool:
    return all(isinstance(entry, str) for entry in entries.flat)


def _exactly(distance: float) -> Comparison:
    why = "" if distance == 0 else f"difference {distance:.3g}, allowed 0"
    return Comparison(distance == 0, distance, "exact", "exact", why)


def _compare_floats(x: np.ndarray, y: np.ndarray, tolerance: Tolerance) -> Comparison:
    with np.errstate(all="ignore"):
        x, y = _as_complex(x), _as_complex(y)
        same, scale = x == y, np.maximum(np.abs(x), np.abs(y))
        difference = np.where(same, 0.0, np.abs(x - y))
        allowed = tolerance.floor + tolerance.rtol * scale
        agree = same | (np.isfinite(difference) & (difference <= allowed))
        relative = np.where(same, 0.0, difference / np.where(scale > 0, scale, 1))
    relative = np.where(np.isfinite(relative), relative, np.inf)
    if not agree.all():
        return Comparison(
            False, float(relative.max()), "relative", str(tolerance),
            _first_difference(agree, difference, allowed), relative,
        )  # fmt: skip
    within = relative <= max(tolerance.rtol, np.finfo(float).eps)
    if within.all():
        return Comparison(True, float(relative.max()), "relative", str(tolerance), "", relative)
    deviation = float(difference[~within].max() if difference.ndim else difference)
    return Comparison(True, deviation, "absolute", str(tolerance), "", relative)


def _as_complex(entries: np.ndarray) -> np.ndarray:
    if entries.dtype != object:
        return entries.astype(complex)
    return np.array([_complex(entry) for entry in entries.flat]).reshape(entries.shape)


def _complex(x: Any) -> complex:
    """Return a number as floats; nan, which agrees with nothing, where they cannot hold it."""
    try:
        number = complex(x)
    except (OverflowError, TypeError):  # a long fraction; an expression with symbols
        return complex(math.nan)
    return number if number != 0 or x == 0 else complex(math.nan)


def _first_difference(agree: np.ndarray, difference: np.ndarray, allowed: np.ndarray) -> str:
    index = tuple(int(i) for i in np.argwhere(~agree)[0])
    place = f"entry {list(index)}: " if index else ""
    more = f", and {(~agree).sum() - 1} more" if (~agree).sum() > 1 else ""
    return f"{place}difference {difference[index]:.3g}, allowed {allowed[index]:.3g}{more}"


def _compare_estimates(a: Any, b: Any, rounding: Tolerance) -> Comparison:
    """Compare in standard errors, what rounding may add taken off."""
    (x, u), (y, v) = (p if isinstance(p, Estimate) else Estimate(_real(p), 0.0) for p in (a, b))
    tolerance = f"{STANDARD_ERRORS} standard errors"
    with np.errstate(all="ignore"):
        error = np.hypot(np.asarray(u, float), np.asarray(v, float))
        difference = np.abs(np.asarray(x, float) - np.asarray(y, float))
        scale = np.maximum(np.abs(np.asarray(x, float)), np.abs(np.asarray(y, float)))
        beyond = np.maximum(difference - rounding.floor - rounding.rtol * scale, 0)
        off = np.where(beyond == 0, 0.0, beyond / error)
    usable = np.isfinite(error) & np.isfinite(difference)
    agree = usable & (off <= STANDARD_ERRORS)
    chances = int(np.size(off))
    if agree.all():
        relative = difference / np.where(scale > 0, scale, 1)
        return Comparison(
            True, float(off.max()), "standard errors", tolerance, "", relative, chances
        )
    worst = float(np.where(usable, off, np.inf).max())
    allowed = np.where(usable, STANDARD_ERRORS * error, 0.0)
    why = _first_difference(np.asarray(agree), np.asarray(difference), np.asarray(allowed))
    return Comparison(False, worst, "standard errors", tolerance, why, chances=chances)


def _real(value: Any) -> np.ndarray:
    return as_array(value).astype(float)


def middle_and_radius(enclosure: Any) -> tuple[float, float]:
    return float(enclosure.mid), float(enclosure.delta) / 2


def _compare_enclosures(a: Any, b: Any, tolerance: Tolerance) -> Comparison:
    """Two enclosures agree if they have a point in common; a number agrees if it is inside.

    A float may be outside by the tolerance.
    """
    first, second = _interval(a, tolerance), _interval(b, tolerance)
    radius = max(middle_and_radius(one)[1] for one in (first, second))
    inside = f"inside, ± {radius:.0e}"
    difference = first - second
    if 0 in difference:
        return Comparison(True, 0.0, "exact", inside)
    off = min(abs(float(difference.a)), abs(float(difference.b)))
    return Comparison(False, off, "absolute", inside, f"they are {off:.3g} apart")


def _interval(value: Any, tolerance: Tolerance) -> Any:
    if is_enclosure(value):
        return value
    from mpmath import iv  # only for claims that enclose

    if is_exact(value):
        exact = as_fraction(value)
        interval = iv.mpf(exact.numerator) / exact.denominator
        off = 0.0 if isinstance(value, Rational) else abs(float(exact)) * 1e-38
    else:
        interval = iv.mpf(float(value))
        off = tolerance.floor + tolerance.rtol * abs(float(value))
    return interval + iv.mpf([-off, off])


def _exact_distance(x: Any, y: Any) -> float:
    """Return |x − y|: 0 only for equals, infinity where a float cannot hold the difference."""
    if isinstance(x, Rational) and isinstance(y, Rational):
        difference = as_fraction(x) - as_fraction(y)
    else:
        difference = _sympy().simplify(_sympy().sympify(x) - _sympy().sympify(y))
    if difference == 0:
        return 0.0
    try:
        distance = abs(complex(difference))
    except (TypeError, OverflowError):
        distance = np.inf
    return distance if distance > 0 else np.inf


def as_fraction(value: Any) -> Fraction:
    """Return a real number as a fraction; an expression's is good to forty digits."""
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    return Fraction(str(value.evalf(40))) if hasattr(value, "evalf") else Fraction(float(value))


def _sympy():
    import sympy  # a second to import, and few claims are symbolic

    return sympy
