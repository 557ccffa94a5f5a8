"""The one door through which numbers enter: what is required of arguments, and what they become.

Every public function passes each number and array that it is given through one of the converters
below, *once*, and computes with what came back, never with what was given::

    eta = positive("learning_rate", learning_rate)      # not: positive(…); use learning_rate
    A = square("A", A)

The argument's name comes first; errors read ``name must be …, got …``. What is no number at all
(a string, None, a truth value, a masked array) is a TypeError; a number that will not do, or a
wrong shape, a ValueError; and one that is not finite a :class:`NonFiniteError`, which is one.

**Type and exactness.** They are decided here alone, by these rules.

* NumPy's scalars are what they hold: ``np.int64(3)`` is the integer 3, ``np.float32(0.1)`` the
  float 0.10000000149011612. A zero-dimensional array is its entry.
* One number (:func:`real` and its kin) becomes a Python int, Fraction or float. Fractions stay
  exact. Ints do too, and cannot wrap, but ``1 / 3`` is a float: :func:`exactly` makes a Fraction.
* An array (:func:`numbers` and its kin) is exact throughout, or float64 throughout. Arrays and
  lists of integers become float64, unless ``exact=True`` asks for fractions, or ``integers=True``
  for int64, of those that fit, and of truth values, which then count. Arrays of objects
  stay exact: their integers and fractions become Fractions (an int would turn into a float where
  it is divided), SymPy's expressions and decimals stay what they are. One float among rational
  numbers makes all of them floats, and so does, by :func:`together`, one in another argument.
* float16, float32 and longdouble become float64, once, here; complex64 complex128. Where
  ``small=True`` says so, float16 and float32 stay, because they are meant.
* :func:`floats` makes float64 of everything, for what LAPACK computes.

**References.** The arrays returned are new ones; nothing that the caller does to his changes
them, nor the other way round. With ``copy=None`` an array that needs no conversion comes back as
a *read-only view*, for reading within the call only: keep or return a copy of it.

**Overflow.** :func:`norm` and :func:`scaled` keep squares in range. A run whose numbers turn
infinite or nan on the way raises :class:`NonFiniteError`, by :func:`still_finite`, and so do all
results that should be finite; only functions whose docstring says where they put ∞ or nan (as
products of random factors do: ±∞, never nan) return them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from numbers import Integral, Rational
from typing import Any

import numpy as np

DOUBLE = np.dtype(float)
"""The type of nearly all arrays, which asks for no conversion."""


class NonFiniteError(ValueError):
    """A number is infinite or not a number, as after an optimizer has diverged."""


# -- one value -----------------------------------------------------------------------------------


def integer(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """Return an integer that is neither too small nor too large."""
    if type(value) is not int:  # which is asked quickly
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise TypeError(f"{name} must be an integer, got {value!r}")
        value = int(value)
    if least is not None and value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}")
    return value


def pair(name: str, value: Any, least: int = 1) -> tuple[int, int]:
    """Return an integer twice, or a pair of integers, as of a shape's height and width."""
    first, second = twice(name, value)
    return integer(name, first, least), integer(name, second, least)


def twice(name: str, value: Any) -> tuple:
    """Return a pair as it is, and anything else twice."""
    both = _sequence(value)
    if both is None:
        return value, value
    if len(both) != 2:
        raise ValueError(f"{name} must be a number or a pair, got {value!r}")
    return both


def shape(name: str, value: Any, *lengths: int) -> tuple[int, ...]:
    """Return positive integers, as a shape, of which there may be so many."""
    numbers = _sequence(value)
    if numbers is None:
        raise TypeError(f"{name} must be a tuple of integers, as (5, 5), got {value!r}")
    if not numbers or (lengths and len(numbers) not in lengths):
        wanted = " or ".join(map(str, lengths)) or "at least 1"
        raise ValueError(f"{name} must hold {wanted} integers, got {value!r}")
    return tuple(integer(f"each number in {name}", n, 1) for n in numbers)


def real(name: str, value: Any) -> Any:
    """Return a finite real number as a Python int, Fraction or float; symbols as they are."""
    return _require(name, value, "be finite", lambda _: True)


def exactly(name: str, value: Any) -> Any:
    """Return a finite real number, integers as fractions: a quotient of them stays exact."""
    value = real(name, value)
    return Fraction(value) if isinstance(value, int) else value


def positive(name: str, value: Any) -> Any:
    """Return a finite number > 0."""
    return _require(name, value, "be positive and finite", lambda x: x > 0)


def non_negative(name: str, value: Any) -> Any:
    """Return a finite number ≥ 0."""
    return _require(name, value, "be at least 0 and finite", lambda x: x >= 0)


def decay_rate(name: str, value: Any) -> Any:
    """Return a number with 0 ≤ number < 1."""
    return _require(name, value, "lie in [0, 1)", lambda x: (x >= 0) & (x < 1))


def as_float(name: str, value: Any) -> float:
    """Return a finite number as a float, where no exact one would be of use."""
    value = real(name, value)
    try:
        result = float(value)
    except (TypeError, OverflowError):  # a symbol, or an exact number out of range
        result = math.inf
    if math.isinf(result):
        raise ValueError(f"{name} must fit a float, got {value}")
    return result


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return a word that exists."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}")
    return value


def generator(name: str, rng: Any) -> np.random.Generator:
    """Return a source of random numbers; a seed alone would give all callers the same ones."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{name} must be a numpy.random.Generator, as default_rng(0), got {rng!r}")
    return rng


def sequence(name: str, values: Any) -> list:
    """Return what there is one of after the other as a list."""
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be masked, got a masked array")
    try:
        return list(values)
    except TypeError:
        raise TypeError(f"{name} must be a sequence, got {_some(values)}") from None


def function(name: str, f: Any) -> Callable:
    """Return something to call."""
    if not callable(f):
        raise TypeError(f"{name} must be a function, got {f!r}")
    return f


# -- arrays --------------------------------------------------------------------------------------


def numbers(
    name: str,
    values: Any,
    *,
    exact: bool = False,
    integers: bool = False,
    small: bool = False,
    allow_complex: bool = False,
    allow_limits: bool = False,
    copy: bool | None = True,
) -> np.ndarray:
    """Return a finite, non-empty array, by the rules for arrays at the top of this module.

    With ``allow_limits`` it may be empty, and hold ±∞ and nan.
    """
    array = _as_array(name, values, exact or integers)
    if integers:
        array = _int64_where_it_fits(array, listed=not hasattr(values, "dtype"))
    if array.dtype is DOUBLE or (integers and array.dtype == np.int64):
        new = array
    elif array.dtype.kind == "O":
        new = _exact_or_float(name, array, allow_complex)
    elif array.dtype.kind in "iu" and exact:
        new = _fractions(array)
    elif array.dtype.kind in ("iufc" if allow_complex else "iuf"):
        with np.errstate(over="ignore"):  # a longdouble out of range is reported below
            new = array.astype(_wide(array.dtype, small), copy=False)
    else:
        raise TypeError(f"{name} must be {_kind(allow_complex)}, got {array.dtype}")
    if new.size == 0 and not allow_limits:
        raise ValueError(f"{name} must not be empty, got shape {new.shape}")
    if not allow_limits:
        finite(name, new)
    if copy is None:
        new = new.view()
        new.flags.writeable = False
        return new
    return new.copy() if new is array else new


def floats(name: str, values: Any, **options: Any) -> np.ndarray:
    """Return a finite, non-empty array of float64, also where the numbers given are exact."""
    array = numbers(name, values, **options)
    if array.dtype.kind != "O":
        return array
    try:
        array = array.astype(float)
    except (TypeError, OverflowError):
        raise ValueError(f"{name} must hold numbers that fit a float, got {array}") from None
    finite(name, array)
    return array


def elements(name: str, values: Any, *, exact: bool = True) -> Any:
    """Return what a function acts on entry by entry: a number, or an array of any shape.

    It may be empty, complex and hold ±∞ and nan. Unless ``exact``, rational numbers become floats.
    """
    kind = type(values)
    if kind is float or kind is np.float64 or (kind is np.ndarray and values.dtype == float):
        return values
    if isinstance(values, Integral | Fraction) and kind is not bool:
        return _python_number(values) if exact else as_float(name, values)
    options = {"small": True, "allow_complex": True, "allow_limits": True, "copy": None}
    array = numbers(name, values, **options)
    return (array if exact or not rational(array) else floats(name, array))[()]


def together(**arrays: Any) -> list:
    """Return arrays given by name, exact all or none.

    Beside floats, rational numbers become floats; beside fractions, integers become fractions.
    """
    kinds = {a.dtype.kind for a in arrays.values()}
    if kinds & set("fc"):
        return [floats(name, a) if rational(a) else a for name, a in arrays.items()]
    if "O" in kinds:
        return [_fractions(a) if a.dtype.kind == "i" else a for a in arrays.values()]
    return list(arrays.values())


def finite(name: str, array: np.ndarray) -> None:
    """Require finite entries; exact and symbolic ones are."""
    if not all_finite(array):
        raise NonFiniteError(f"{name} must be finite, got {array}")


def still_finite(name: str, value: Any, when: str | Callable[[], str]) -> None:
    """Require that a number or array on the way of a run is finite, as its start was."""
    array = np.asarray(value)
    if not all_finite(array):
        when = when() if callable(when) else when
        raise NonFiniteError(f"{name} must stay finite, got {array} {when}")


def numbers_of(name: str, values: Any, when: str) -> np.ndarray:
    """Return, for reading, the numbers that a function returned on the way of a run."""
    try:
        return numbers(name, values, copy=None)
    except NonFiniteError:
        raise NonFiniteError(f"{name} must stay finite, got {values} {when}") from None


def derivative_of(name: str, values: Any, shape: tuple, when: str) -> np.ndarray:
    """Return a derivative that fits the point that it was taken at."""
    values = numbers_of(name, values, when)
    if values.shape != shape:
        raise ValueError(f"{name} must return shape {shape}, got {values.shape}")
    return values


def vector(name: str, values: Any, **options: Any) -> np.ndarray:
    """Return a vector of finite numbers; the options are those of :func:`numbers`."""
    array = numbers(name, values, **options)
    if array.ndim != 1:
        raise ValueError(f"{name} must be a vector, got shape {array.shape}")
    return array


def square(name: str, matrix: Any, **options: Any) -> np.ndarray:
    """Return a square matrix of finite numbers; the options are those of :func:`numbers`."""
    matrix = numbers(name, matrix, **options)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must be a square matrix, got shape {matrix.shape}")
    return matrix


def rounding(given: Any) -> float:
    """Return ε of the float type that an argument came in, of float64 where it came in none."""
    dtype = getattr(given, "dtype", np.dtype(float))
    return float(np.finfo(dtype if dtype.kind == "f" else float).eps)


def symmetric(name: str, matrix: Any, **options: Any) -> np.ndarray:
    """Return a symmetric matrix of finite numbers.

    Floats need be symmetric only to rounding, as Q D Qᵀ is: the difference of two entries that
    should agree may be 4nε times the largest entry, ε being that of the type given. What is
    returned is symmetric to the last bit.
    """
    epsilon = rounding(matrix)
    matrix = square(name, matrix, **options)
    if (matrix == matrix.T).all():
        return matrix
    if matrix.dtype.kind != "O":
        halves = matrix / 2
        tolerance = 4 * len(matrix) * max(epsilon, np.finfo(matrix.dtype).eps)
        if abs(halves - halves.T).max() <= tolerance * abs(halves).max():
            return halves + halves.T
    raise ValueError(f"{name} must be symmetric, got\n{matrix}")


def samples(X: Any, t: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs X of shape (n, d), one sample per row, and targets t of shape (n,)."""
    X, t = together(X=numbers("X", X, **options), t=numbers("t", t, **options))
    if X.ndim != 2 or t.shape != X.shape[:1]:
        raise ValueError(f"X must have shape (n, d) and t (n,), got {X.shape} and {t.shape}")
    return X, t


# -- arithmetic in range -------------------------------------------------------------------------


def scaled(x: np.ndarray) -> tuple[np.ndarray, int]:
    """Return y and e with x = y·2ᵉ and largest |y| in [½, 1), exact but for what underflows.

    Squares and products of y's entries cannot overflow, and underflow only where they are
    negligible beside the largest.
    """
    exponent = int(np.frexp(np.abs(x).max(initial=0.0))[1])
    return np.ldexp(x, -exponent), exponent


def norm(x: np.ndarray) -> float:
    """Return the Euclidean norm of all entries; ∞ only if it is out of range itself."""
    y, exponent = scaled(np.asarray(x, dtype=float))
    with np.errstate(over="ignore"):
        return float(np.ldexp(np.linalg.norm(y), exponent))


# -- what is a number ----------------------------------------------------------------------------


def _require(name: str, value: Any, requirement: str, holds: Callable) -> Any:
    number = _python_number(value)
    if number is None:
        raise TypeError(f"{name} must be a real number, got {_some(value)}")
    if not _is_finite(number):
        raise NonFiniteError(f"{name} must {requirement}, got {number}")
    truth = holds(number)
    if _symbolic(number):
        truth = truth is True or getattr(truth, "free_symbols", truth)  # undecided: let it pass
    if not truth:
        raise ValueError(f"{name} must {requirement}, got {number}")
    return number


def _python_number(x: Any) -> Any:
    """Return a real number as Python's own or as what else computes exactly; None if it is none."""
    if isinstance(x, np.ndarray) and x.ndim == 0 and not isinstance(x, np.ma.MaskedArray):
        x = x[()]
    if isinstance(x, bool):
        return None
    if type(x) in (int, float, Fraction):
        return x
    if isinstance(x, Integral):
        return int(x)
    if isinstance(x, Rational):
        return Fraction(int(x.numerator), int(x.denominator))
    if isinstance(x, float | np.floating) or getattr(x, "is_Float", False):
        with np.errstate(over="ignore"):
            return float(x)
    if _symbolic(x):
        return x
    if isinstance(x, str | bytes | complex | np.generic | np.ndarray):
        return None
    try:
        math.isfinite(x)  # as decimals, SymPy's √2 and mpmath's numbers are
    except OverflowError:
        return x
    except (TypeError, ValueError):
        return None
    return x


ONE_THREAD = 2**13
"""Of so many numbers BLAS forms a sum in one thread: it waits for no other on a busy processor."""


def all_finite(array: np.ndarray) -> bool:
    """Return whether all entries are finite; exact and symbolic ones are."""
    # The sum of squares is quicker, and is finite only if all entries are.
    quick = array.size <= ONE_THREAD and array.dtype is DOUBLE
    if quick and math.isfinite(np.vdot(array, array)):
        return True
    if array.dtype.kind == "O":
        return all(map(_is_finite, array.flat))
    return bool(np.isfinite(array).all())


def _is_finite(x: Any) -> bool:
    try:
        return math.isfinite(x)
    except OverflowError:  # an exact number too large for a float
        return True
    except TypeError:
        if _symbolic(x):
            return True
        if isinstance(x, complex):
            return math.isfinite(x.real) and math.isfinite(x.imag)
        raise TypeError(f"a real number is required, got {x!r}") from None


def _symbolic(x: Any) -> bool:
    return bool(getattr(x, "free_symbols", False))


# -- what an array becomes -----------------------------------------------------------------------


def _as_array(name: str, values: Any, exact: bool) -> np.ndarray:
    """Return an array of what was given, without a loss: integers in lists may be long."""
    if type(values) is np.ndarray:
        return values
    if _masked(values):
        raise TypeError(f"{name} must not be masked, got a masked array: fill it or take a part")
    try:
        array = np.asarray(values)
        if exact and array.dtype.kind in "iuf" and not hasattr(values, "dtype"):
            array = np.array(values, dtype=object)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be an array of numbers, got {_some(values)}") from error
    if array.dtype.kind == "O" and not exact and not hasattr(values, "dtype"):
        array = _floats_of_long_integers(name, array)
    return array


def _floats_of_long_integers(name: str, array: np.ndarray) -> np.ndarray:
    """Return the floats that a list of integers stands for, of which one exceeds 64 bits."""
    if not all(type(x) is int for x in array.flat):
        return array
    try:
        return array.astype(float)
    except OverflowError:
        raise ValueError(f"{name} must hold numbers that fit a float, got {array}") from None


def _exact_or_float(name: str, array: np.ndarray, allow_complex: bool) -> np.ndarray:
    """Return exact objects; or floats, where a float or complex number is among rational ones."""
    entries = [_array_entry(name, x, allow_complex) for x in array.flat]
    types = {type(x) for x in entries}
    new = np.empty(array.size, dtype=object)
    new[:] = entries
    if types & {float, complex} and types <= {float, complex, Fraction}:
        try:
            new = new.astype(complex if complex in types else float)
        except OverflowError:
            raise ValueError(f"{name} must hold numbers that fit a float, got {array}") from None
    return new.reshape(array.shape)


def _array_entry(name: str, x: Any, allow_complex: bool) -> Any:
    number = _python_number(x)
    if number is None and allow_complex and isinstance(x, complex | np.complexfloating):
        return complex(x)
    if number is None:
        raise TypeError(f"{name} must be {_kind(allow_complex)}, got the entry {_some(x)}")
    return Fraction(number) if type(number) is int else number


def _int64_where_it_fits(array: np.ndarray, listed: bool) -> np.ndarray:
    """Return integers and truth values as int64; integers out of its range as objects."""
    if array.dtype.kind == "u" and array.max(initial=0) >= 2**63:
        return array.astype(object)
    integers = listed and all(type(x) is int and abs(x) < 2**63 for x in array.flat)
    return array.astype(np.int64) if array.dtype.kind in "biu" or integers else array


def rational(array: Any) -> bool:
    """Return whether an array is one of fractions, that floats beside it would make floats."""
    objects = type(array) is np.ndarray and array.dtype == object
    return objects and {type(x) for x in array.flat} <= {int, Fraction}


def _fractions(array: np.ndarray) -> np.ndarray:
    new = np.empty(array.shape, dtype=object)
    new.ravel()[:] = [Fraction(x) for x in array.ravel().tolist()]
    return new


def _wide(dtype: np.dtype, small: bool) -> np.dtype:
    """Return the type that numbers of a type are computed in."""
    if dtype.kind == "c":
        return np.dtype(complex)
    return dtype if small and dtype in (np.float16, np.float32) else np.dtype(float)


def _sequence(value: Any) -> tuple | None:
    """Return what is in a tuple, a list or an array; None for anything else."""
    return tuple(value) if isinstance(value, (tuple, list)) or np.ndim(value) else None


def _masked(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return any(_masked(x) for x in values)
    return isinstance(values, np.ma.MaskedArray)


def _kind(allow_complex: bool) -> str:
    return "numbers" if allow_complex else "real numbers"


def _some(x: Any) -> str:
    """Return a value as one short line."""
    text = " ".join(repr(x).split())
    return text if len(text) <= 60 else text[:57] + "…"
