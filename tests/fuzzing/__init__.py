"""Generated calls of public functions, and what may come of them.

A *generator* draws the arguments of a call, as exact numbers, and knows a second route to the
result. The call is then made with the same numbers in some other form (lists, integers, fractions,
small floats, views that are read-only or not contiguous), or with one argument spoiled. Either the
result is right, or the error names the argument and was raised by the book's own code. Arguments
stay as they are, results share no memory with them, and nothing warns.
"""

from __future__ import annotations

import copy
import pathlib
import random
import re
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np

import byhand

SOURCE = str(pathlib.Path(byhand.__file__).parent)


class Sides(tuple):
    """Positive integers, as a shape has them."""


class Pair(Sides):
    """Two of them; where they are equal, one integer may stand for both."""


@dataclass
class Call:
    """A call that is to be made, and what is known of its result.

    The type of an argument says what it may be changed into: an ``int`` stays an integer,
    ``Sides`` and a ``Pair`` a few of them, a ``Fraction`` is any real number, a list (of lists …)
    of fractions any array; everything else is handed over as it is.
    """

    arguments: dict[str, Any]
    check: Callable[[Any, bool], None]
    """Is given the result, and whether all numbers were given as exact ones."""
    refusal: str | None = None
    """A pattern of the messages with which these arguments, though well formed, may be refused."""
    exact: bool = True
    """Whether fractions are among the numbers that the function takes."""
    names: dict[str, str] = field(default_factory=dict)
    """Patterns by which messages name arguments, where it is not by the name itself."""
    also: dict[str, Callable[[Any], bool]] = field(default_factory=dict)
    """What else an argument may be, as None; the call is then not judged."""
    any_shape: frozenset = frozenset()
    """Arguments that may have any shape, as the point at which a given function is taken."""
    through: Callable | None = None
    """How the function is used with the arguments, where it is not just called with them."""
    whole: bool = True
    """Whether integers are taken for exact numbers, in arrays too."""
    spoils: dict[str, list] = field(default_factory=dict)
    """What arguments must not be, where their type does not say it."""


Generator = Callable[[random.Random], Call]
GENERATORS: dict[str, Generator] = {}
"""Name of a function, as ``linear_algebra.power_iteration``, → what generates its calls."""
NOT_CALLED: dict[str, str] = {}
"""Name of what is public and has no generator → why."""


def generates(package: ModuleType) -> Callable[[Generator], Generator]:
    """Register a generator for the function of a subpackage that has its name."""

    def register(generator: Generator) -> Generator:
        GENERATORS[_name(package, generator.__name__)] = generator
        return generator

    return register


def named(package: ModuleType, name: str, generator: Generator) -> None:
    """Register a generator that was made, for the function of this name."""
    GENERATORS[_name(package, name)] = generator


def not_called(package: ModuleType, why: str, *names: str) -> None:
    """Say why public names have no generators."""
    NOT_CALLED.update((_name(package, name), why) for name in names)


def public_names(package: ModuleType) -> set[str]:
    return {_name(package, name) for name in package.__all__}


def _name(package: ModuleType, name: str) -> str:
    return f"{package.__name__.removeprefix('byhand.')}.{name}"


# -- drawing exact numbers -----------------------------------------------------------------------


def number(rng: random.Random, least: float = -4, most: float = 4) -> Fraction:
    """Draw a fraction that every type of floats can hold: an integer, half or quarter."""
    parts = rng.choice([1, 1, 2, 4])
    return Fraction(rng.randint(round(least * parts), round(most * parts)), parts)


def vector(rng: random.Random, n: int, least: float = -4, most: float = 4) -> list[Fraction]:
    return [number(rng, least, most) for _ in range(n)]


def matrix(rng: random.Random, m: int, n: int) -> list[list[Fraction]]:
    return [vector(rng, n) for _ in range(m)]


def absolute(values: Any) -> Any:
    return _mapped(abs, values)


def power_of_two(rng: random.Random) -> Fraction:
    """Draw a scale: mostly 1, sometimes one whose square is no float."""
    return Fraction(2) ** rng.choice([0, 0, 0, 0, 20, -20, 600, -600, 900, -900])


def times(scale: Fraction, values: Any) -> Any:
    return [times(scale, x) for x in values] if isinstance(values, list) else scale * values


# -- exact linear algebra ------------------------------------------------------------------------


def solved(A: list, B: list) -> list | None:
    """Return A⁻¹B in fractions by Gauss and Jordan, None where A is singular."""
    n = len(A)
    rows = [[*a, *b] for a, b in zip(A, B, strict=True)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(n):
            if i != k:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[n:] for row in rows]


def identity(n: int) -> list:
    return [[Fraction(i == j) for j in range(n)] for i in range(n)]


def product(A: list, B: list) -> list:
    return [
        [sum(x * y for x, y in zip(a, b, strict=True)) for b in zip(*B, strict=True)] for a in A
    ]


def transposed(A: list) -> list:
    return [list(column) for column in zip(*A, strict=True)]


def symmetric_matrix(rng: random.Random, n: int) -> list:
    half = matrix(rng, n, n)
    return [[half[i][j] + half[j][i] for j in range(n)] for i in range(n)]


# -- one number in many forms --------------------------------------------------------------------


def reformed(rng: random.Random, value: Any, call: Call) -> tuple[Any, bool]:
    """Return an argument in another form of equal value, and whether that form is exact."""
    if isinstance(value, Fraction):
        return _one_of(rng, _scalar_forms(value, call.exact, call.whole))
    if isinstance(value, list):
        return _one_of(rng, _array_forms(value, call.exact, call.whole))
    if isinstance(value, Sides):
        return rng.choice(_forms_of_sides(value)), True
    if type(value) is int:
        kinds = [t for t in (np.int64, np.int16, np.uint8) if value in range(*_range(t))]
        return rng.choice([int, *kinds])(value), True
    return value, True


def _range(integers: type) -> tuple[int, int]:
    return int(np.iinfo(integers).min), int(np.iinfo(integers).max) + 1


def _one_of(rng: random.Random, forms: list[Callable[[], tuple[Any, bool]]]) -> tuple[Any, bool]:
    return rng.choice(forms)()


def _scalar_forms(x: Fraction, exact: bool, whole: bool) -> list:
    forms = [lambda: (float(x), False), lambda: (np.float64(x), False)]
    forms.append(lambda: (np.array(float(x)), False))
    if _fits(x, np.float32):
        forms.append(lambda: (np.float32(x), False))
    if exact:
        forms.append(lambda: (x, True))
    if x.denominator == 1 and abs(x) < 2**63:
        forms += [lambda: (int(x), whole), lambda: (np.int64(int(x)), whole)]
    return forms


def _array_forms(values: list, exact: bool, whole: bool) -> list:
    every = list(entries(values))
    floats = np.array(_mapped(float, values))

    def strided():
        wide = np.zeros((*floats.shape[:-1], 2 * floats.shape[-1]))
        wide[..., ::2] = floats
        return wide[..., ::2], False

    def read_only():
        array = floats.copy()
        array.flags.writeable = False
        return array, False

    forms = [
        lambda: (floats, False),
        lambda: (np.asfortranarray(floats), False),
        lambda: (floats.tolist(), False),
        lambda: (floats.astype(">f8"), False),
        lambda: (floats[::-1].copy()[::-1], False),
        strided,
        read_only,
    ]
    small = [t for t in (np.float16, np.float32) if all(_fits(x, t) for x in every)]
    forms += [lambda t=t: (floats.astype(t), False) for t in small]
    if exact:
        forms.append(lambda: (_mapped(Fraction, values), True))
        forms.append(lambda: (np.array(values, dtype=object), True))
    if all(x.denominator == 1 and abs(x) < 2**63 for x in every):
        integers = np.array(_mapped(int, values))
        least = np.min_scalar_type(min(integers.min(), ~integers.max()))
        forms += [lambda t=t: (integers.astype(t), whole) for t in (np.int64, least)]
        if exact:
            forms.append(lambda: (_mapped(int, values), whole))
    return forms


def _forms_of_sides(sides: Sides) -> list:
    forms = [tuple(sides), list(sides), np.array(sides), tuple(map(np.int16, sides))]
    alone = [sides[0], np.int8(sides[0])]
    return forms + alone * (isinstance(sides, Pair) and sides[0] == sides[1])


def _fits(x: Fraction, small: type) -> bool:
    return abs(x) <= np.finfo(small).max and float(small(float(x))) == x


def _mapped(f: Callable, values: Any) -> Any:
    return [_mapped(f, x) for x in values] if isinstance(values, list) else f(values)


def entries(values: Any):
    if isinstance(values, list):
        for x in values:
            yield from entries(x)
    else:
        yield values


# -- what is no such number ----------------------------------------------------------------------


def spoiled(rng: random.Random, value: Any, any_shape: bool = False) -> Any:
    """Return what an argument must not be: of no such type or shape, or not finite."""
    if isinstance(value, Sides):
        bad = list(value)
        bad[rng.randrange(len(bad))] = rng.choice([0, -1, 1.5, "1", None, True, np.nan, [1, 2]])
        return rng.choice([bad, tuple(bad), None, 1.5, "ab", (), {}, True, np.ones(()), a_function])
    if type(value) is int:
        return rng.choice([1.5, "1", None, True, -1, 1j, np.nan, np.inf, [1, 2], np.array([1, 2])])
    if isinstance(value, Fraction):
        bad = [np.nan, np.inf, -np.inf, np.float32("nan"), "1", True, np.True_, np.array(False), 1j]
        bad += [np.ma.masked, np.ma.array(1.0), None, np.datetime64(1, "s"), a_function]
        return rng.choice(bad if any_shape else [*bad, [1.0, 2.0], np.ones(2)])
    floats = np.array(_mapped(float, value))
    infinite = floats.copy()
    infinite.flat[rng.randrange(floats.size)] = rng.choice([np.nan, np.inf, -np.inf])
    objects = floats.astype(object)
    objects.flat[rng.randrange(floats.size)] = rng.choice([None, "1", np.nan, a_function, 1j])
    bad = [infinite, infinite.tolist(), objects, floats > 0, floats.astype(complex), None, "1"]
    bad += [floats.astype(str), np.ma.array(floats), np.ma.masked_greater(floats, 0), [], {}, True]
    bad += [floats[..., :0], np.zeros(floats.shape, "M8[s]")]
    return rng.choice(
        bad if any_shape else [*bad, floats[None], np.array(1.0), [[1.0], [1.0, 2.0]]]
    )


def holds_nothing(x: Any) -> bool:
    """Return whether something is empty, as arguments may be that are gone through."""
    return x.size == 0 if isinstance(x, np.ndarray) else isinstance(x, list | dict) and not x


def is_complex(x: Any) -> bool:
    """Return whether an array is complex, as points may be at which a derivative is wanted."""
    return isinstance(x, np.ndarray) and (x.dtype.kind == "c" or 1j in x.ravel().tolist())


def a_function(*_):
    """A function where a number should be."""


# -- the call itself -----------------------------------------------------------------------------


def perform(function: Callable, call: Call, rng: random.Random) -> str:
    """Make a call, in one of its forms or spoiled; return which of the outcomes it had."""
    forms = {k: reformed(rng, v, call) for k, v in call.arguments.items()}
    given = {k: form for k, (form, _) in forms.items()}
    bad = None
    kinds = (int, Fraction, list, Sides, Pair)
    changeable = [k for k, v in call.arguments.items() if type(v) in kinds or k in call.spoils]
    if changeable and rng.random() < 0.4:
        bad = rng.choice(changeable)
        if bad in call.spoils:
            given[bad] = rng.choice(call.spoils[bad])
        else:
            given[bad] = spoiled(rng, call.arguments[bad], bad in call.any_shape)
        if bad in call.also and call.also[bad](given[bad]):
            return "left out"
    before = {k: _snapshot(v) for k, v in given.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = call.through(function, **given) if call.through else function(**given)
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError) as error:
        return _refused(error, call, bad)
    finally:
        after = {k: _snapshot(v) for k, v in given.items()}
        assert before == after, f"an argument was changed: {before} became {after}"
    assert bad is None, f"{bad} = {given[bad]!r} passed and gave {result!r}"
    for part in _arrays(result):
        for name, value in given.items():
            shared = isinstance(value, np.ndarray) and np.shares_memory(part, value)
            assert not shared, f"the result shares its memory with {name}"
    call.check(result, all(was_exact for _, was_exact in forms.values()))
    return "right"


def _refused(error: Exception, call: Call, bad: str | None) -> str:
    """Judge an error: it is the book's own, and is foreseen or names what was spoiled."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    assert last.filename.startswith(SOURCE), f"a foreign error, {type(error).__name__}: {error}"
    if call.refusal and re.search(call.refusal, str(error)):
        return "refused"
    assert bad is not None, f"refused: {error}"
    name = call.names.get(bad, rf"(?<!\w){bad}(?!\w)")
    assert re.search(name, str(error)), f"{bad} is not named: {error}"
    return "named"


def _snapshot(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, repr(value.tolist()), value.flags.writeable)
    return repr(copy.copy(value)) if isinstance(value, list | dict) else None


def _arrays(result: Any):
    if isinstance(result, np.ndarray):
        yield result
    elif isinstance(result, tuple | list):
        for part in result:
            yield from _arrays(part)
    elif isinstance(result, dict):
        yield from _arrays(list(result.values()))


# -- comparing -----------------------------------------------------------------------------------


def close(found: Any, expected: Fraction, tolerance: float, scale: Any = None) -> None:
    """Require a float that is right to a tolerance, relative to itself or to a given scale."""
    assert isinstance(found, float | np.floating), f"{found!r} is no float"
    assert np.isfinite(found), f"{found} for {to_float(expected)}"
    error = abs(Fraction(float(found)) - expected)
    allowed = Fraction(tolerance) * abs(expected if scale is None else scale)
    allowed += Fraction(2) ** -1074 * 8  # what underflows has no more digits
    assert error <= allowed, f"{found} for {to_float(expected)}, off by {to_float(error)}"


def all_close(found: Any, expected: Any, tolerance: float, scale: Any = None) -> None:
    """Require an array of floats of the right shape and, to a tolerance, values."""
    expected = np.array(expected, dtype=object)
    assert isinstance(found, np.ndarray | np.floating), f"{found!r} is no array"
    assert found.dtype == float
    assert found.shape == expected.shape
    for f, e in zip(found.flat, expected.flat, strict=True):
        close(f, e, tolerance, scale)


def beyond(size: Fraction, otherwise: str | None = None) -> str | None:
    """Return the refusals that are foreseen of results that may be out of the range of floats."""
    overflow = "must stay finite|must fit a float|must be finite"
    return overflow if size > Fraction(2) ** 1000 else otherwise


def agrees(found: Any, expected: Any, exact: bool, tolerance: float, scale: Any) -> None:
    """Require numbers of the right shape: exact ones as such, floats to a tolerance."""
    found, expected = np.asarray(found), np.array(expected, dtype=object)
    assert found.shape == expected.shape
    assert found.dtype == (object if exact else found.dtype)
    for f, e in zip(found.flat, expected.flat, strict=True):
        if isinstance(f, int | Fraction):
            assert f == e
        else:
            assert not exact, f"{f!r} is not exact"
            close(f, e, tolerance, scale)


def same(found: Any, expected: Fraction, exact: bool) -> None:
    """Require the exact value where exact numbers were given, else the float closest to it."""
    if exact:
        assert isinstance(found, int | Fraction), f"{found!r} is not exact"
        assert found == expected
    else:
        assert isinstance(found, float), f"{found!r} is no float"
        assert found == to_float(expected), f"{found} for {to_float(expected)}"


def to_float(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return np.inf if x > 0 else -np.inf
