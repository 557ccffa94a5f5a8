"""Values that remember how they were computed: tape variables and dual numbers.

A function written with NumPy runs on both unchanged. NumPy hands every call that meets one of
them to ``__array_ufunc__`` or ``__array_function__``, and the operators ``+ - * / ** @ []`` come
here directly; :func:`apply` then looks the function up in the table of derivative rules
(:mod:`byhand.backpropagation.rules`). Chapter 5, sections D4.3 and D5, derives both sweeps.

Derivatives of derivatives nest: the value inside a dual number or a variable may itself be one.
Each call of :func:`~byhand.backpropagation.grad` or
:func:`~byhand.backpropagation.derivative` draws a new level, an inner call a higher one, and
operations belong to the highest level among their arguments; all others are constants to it. So
the perturbations of nested calls cannot be confused.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import ONE_THREAD


class Rule(NamedTuple):
    """What the two sweeps know of one function.

    ``compute(*args)`` gives its value y. ``pulls[i](g, y, *args)`` turns the adjoint of y into
    the part of the adjoint of argument i that flows through y; ``pushes[i](t, y, *args)`` turns
    a perturbation of argument i into one of y. ``None`` marks an argument without derivative.

    A function of any number of arguments, ``joint``, has one rule for all of them, or its price
    would grow with the square of their number: ``pulls(g, y, args)`` gives the parts of all
    arguments, ``pushes(tangents, y, args)`` the sum of what all perturbations (None where there
    is none) do to y. In an ``elementwise`` rule the adjoint meets a slope as a factor. ``keywords``
    are those that the rules know of.
    """

    compute: Callable
    pulls: Any
    pushes: Any
    elementwise: bool = False
    joint: bool = False
    keywords: frozenset[str] = frozenset()


RULES: dict[Callable, Rule] = {}
"""NumPy function → its derivative rules. Filled in :mod:`byhand.backpropagation.rules`."""

COMPOSITES: dict[Callable, Callable] = {}
"""NumPy function → the same written with functions that have rules."""

CONSTANTS: set[Callable] = set()
"""NumPy functions that are locally constant, or ask for a property: they see values only."""

DOUBLE = np.dtype(float)
"""The type of nearly all arrays, for which nothing has to be asked."""

OPEN: set[int] = set()
"""The levels of the sweeps whose function is still running."""

_levels = itertools.count()


class Sweep:
    """A context that draws the level of a new sweep, and closes it when the function has run."""

    __slots__ = ("level",)

    def __enter__(self) -> int:
        self.level = next(_levels)
        OPEN.add(self.level)
        return self.level

    def __exit__(self, *_) -> None:
        OPEN.discard(self.level)


def require_open(x: Traced) -> None:
    """Refuse a value that has outlived its sweep.

    Raises
    ------
    ValueError
        If the function that x was computed in has returned.
    """
    if x.level not in OPEN:
        raise ValueError(
            f"a {type(x).__name__} leaked from a sweep that has ended, and was met again: "
            "a list, a dictionary or a global variable that a differentiated function fills keeps "
            "recorded values; let the function return them instead"
        )


class Traced:
    """What variables and dual numbers share: they behave as read-only NumPy arrays."""

    __slots__ = ("level", "value")

    # -- as an array ---------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        return np.size(self.value)

    @property
    def dtype(self) -> np.dtype:
        return getattr(self.value, "dtype", np.dtype(object))

    @property
    def T(self):  # noqa: N802 -- NumPy's name
        return np.transpose(self)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(plain(self))

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        return apply(operator.getitem, (self,), {"index": _kept_index(index)})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def copy(self):
        """Return the value itself: nothing can change it, and a copy of its record is another."""
        return self

    def __copy__(self):
        return self

    def __deepcopy__(self, _memo):
        return self

    def __reduce__(self):
        raise TypeError(f"a {type(self).__name__} cannot be pickled: it belongs to a running sweep")

    # -- what would lose the derivative, or falsify it -------------------------------------------

    def __setitem__(self, index, _value):
        raise TypeError(
            f"cannot assign to x[{index!r}]: a {type(self).__name__} is read-only, because the "
            "sweeps need the values as they were; build a new array with np.where, np.stack or "
            "np.concatenate"
        )

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            f"a {type(self).__name__} inside np.array(…), np.asarray(…) or an assignment into a "
            "plain array would lose its derivative; use np.stack or np.concatenate"
        )

    def __float__(self):
        raise TypeError(
            f"float(…) would lose the derivative of a {type(self).__name__}: use NumPy's functions "
            "instead of those of math, and np.stack instead of assigning into a plain array"
        )

    __int__ = __complex__ = __float__

    # -- NumPy's protocols ---------------------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *args, **kwargs):
        if method == "__call__" and not kwargs:
            if len(args) == 1 and self.level in OPEN and (rule := RULES.get(ufunc)):
                return self._apply(rule, args, kwargs)
            return apply(ufunc, args, kwargs)
        if "out" in kwargs:
            raise TypeError(
                f"cannot write a {type(self).__name__} into a plain array: {ufunc.__name__} in "
                "place (as in a += x) or with out=…; write a = a + x"
            )
        if method == "reduce" and ufunc is np.add:
            return apply(np.sum, args, {"axis": 0} | kwargs)
        if method != "__call__":
            raise TypeError(f"no derivative rule for numpy.{ufunc.__name__}.{method}")
        return apply(ufunc, args, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        if function is np.where and len(args) == 1:  # which asks for the places of non-zeros
            function = np.nonzero
        return apply(function, args, kwargs)


def apply(function: Callable, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Evaluate a function of traced values, at the highest level among them.

    Raises
    ------
    TypeError
        If the table has no rule for the function, or the rule does not know an argument of it.
    ValueError
        If a value has outlived the sweep that it was computed in.
    """
    rule = RULES.get(function)
    if rule is None:
        return _apply_without_rule(function, args, kwargs)
    top = None
    for a in args:
        if isinstance(a, Traced) and (top is None or a.level > top.level):
            top = a
    if top is None:
        raise TypeError(f"{function.__name__}: pass traced arrays by position, not by keyword")
    if kwargs and not rule.keywords.issuperset(kwargs):
        unknown = ", ".join(sorted(set(kwargs) - rule.keywords))
        known = ", ".join(sorted(rule.keywords)) or "none"
        raise TypeError(
            f"the derivative rule of {_full_name(function)} knows no {unknown}; "
            f"its keywords: {known}"
        )
    if top.level not in OPEN:
        require_open(top)
    return top._apply(rule, args, kwargs)


def _apply_without_rule(function: Callable, args: Sequence[Any], kwargs: dict) -> Any:
    composite = COMPOSITES.get(function)
    if composite is not None:
        try:
            return composite(*args, **kwargs)
        except TypeError:
            _require_signature(function, composite, args, kwargs)
            raise
    if function in CONSTANTS:
        for a in args:
            if isinstance(a, Traced):
                require_open(a)
        return function(*map(plain, args), **kwargs)
    name = _full_name(function)
    raise TypeError(f"no derivative rule for {name}; the rules are in byhand.backpropagation.rules")


def _require_signature(function: Callable, composite: Callable, args, kwargs) -> None:
    """Say so if what went wrong is that the rule does not know an argument."""
    signature = inspect.signature(composite)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        message = f"{_full_name(function)} of a traced array takes {signature}: {error}"
        raise TypeError(message) from None


def _full_name(function: Callable) -> str:
    return f"{getattr(function, '__module__', None) or 'numpy'}.{function.__name__}"


def plain(x: Any) -> Any:
    """Return the number or array at the bottom of a traced value."""
    while isinstance(x, Traced):
        x = x.value
    return x


def exact(y: Any) -> Any:
    """Return what an operation gives, integers among exact numbers as fractions.

    They come from zeros that a rule fills in and from a program's constants, and would become
    floats where they are divided.
    """
    if type(y) is np.ndarray:
        return _with_fractions(y) if y.dtype.char == "O" else y
    return Fraction(y) if type(y) is int else y


_with_fractions = np.frompyfunc(lambda x: Fraction(x) if type(x) is int else x, 1, 1)


def primitive(function: Callable) -> Callable:
    """Let a function of the package be traced as NumPy's are."""

    @functools.wraps(function)
    def dispatching(*args, **kwargs):
        for a in args:
            if isinstance(a, Traced):
                return apply(dispatching, args, kwargs)
        return function(*args, **kwargs)

    return dispatching


# -- operands that are not traced ------------------------------------------------------------------


_LISTED = (np.ndarray, list, tuple)


def _operand(a: Any) -> np.ndarray:
    """Return what NumPy takes for an array as a plain one.

    Raises
    ------
    TypeError
        If an array has a mask, or a product of its own.
    """
    if isinstance(a, np.ma.MaskedArray | np.matrix):
        kind = type(a).__name__
        raise TypeError(f"an operand of a traced value must be a plain array, got a {kind}")
    return np.asarray(a)


def _kept_index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(map(_kept_index, index))
    return np.array(index) if isinstance(index, (np.ndarray, list)) else index


# -- tape variables and dual numbers ---------------------------------------------------------------

Node = tuple[Rule | None, Any, Sequence[Any], dict[str, Any], Sequence[tuple[int, int]]]
"""One operation on a tape: its rule, its value, ``args``, ``kwargs``, and whence the args came.

The last entry pairs the position of an argument with its index on the tape. An input has no rule.
"""


class Variable(Traced):
    """A value on a tape. Every operation on it appends a ``Node``."""

    __slots__ = ("index", "tape")

    def __init__(self, value: Any, level: int, tape: list[Node], index: int):
        self.value = value
        self.level = level
        self.tape = tape
        self.index = index

    def _apply(self, rule: Rule, args: Sequence[Any], kwargs: dict[str, Any]) -> Variable:
        level, tape = self.level, self.tape
        values, parents = [], []
        for a in args:
            kind = type(a)
            if kind is Variable:
                if a.level == level:
                    parents.append((len(values), a.index))
                    a = a.value
            elif kind is np.ndarray:
                a = a.copy("K")  # the sweep comes later, and its owner may change it before
            elif isinstance(a, _LISTED) and not _is_setting(rule, len(values)):
                a = _operand(a).copy()
            values.append(a)
        y = rule.compute(*values, **kwargs)
        if type(y) is not np.ndarray or y.dtype is not DOUBLE:
            y = exact(y)
        tape.append((rule, y, values, kwargs, parents))
        return Variable(y, level, tape, len(tape) - 1)


def _on_tape(function: Callable) -> Callable:
    """Return a binary operator for the arguments that most programs have, fast."""

    def operate(self, other):
        kind, tape = type(other), self.tape
        if kind is Variable and other.tape is tape:
            b, parents = other.value, ((0, self.index), (1, other.index))
        elif kind is float or kind is int:
            b, parents = other, ((0, self.index),)
        elif kind is np.ndarray:
            b, parents = other.copy("K"), ((0, self.index),)
        else:
            return apply(function, (self, other), {})
        level = self.level
        if level not in OPEN:
            require_open(self)
        rule, a = RULES[function], self.value
        y = rule.compute(a, b)
        if type(y) is not np.ndarray or y.dtype is not DOUBLE:
            y = exact(y)
        tape.append((rule, y, (a, b), {}, parents))
        return Variable(y, level, tape, len(tape) - 1)

    return operate


class Dual(Traced):
    """A dual number x + ẋε with ε² = 0: a value and its perturbation (chapter 5, D5)."""

    __slots__ = ("tangent",)

    def __init__(self, value: Any, level: int, tangent: Any):
        self.value = value
        self.level = level
        self.tangent = tangent

    def __repr__(self) -> str:
        return f"Dual({self.value!r} + {self.tangent!r}ε)"

    def _apply(self, rule: Rule, args: Sequence[Any], kwargs: dict[str, Any]) -> Dual:
        values, tangents = [], []
        for a in args:
            moved = isinstance(a, Traced) and a.level == self.level
            tangents.append(a.tangent if moved else None)
            if moved:
                a = a.value
            elif isinstance(a, _LISTED) and not _is_setting(rule, len(values)):
                a = _operand(a)
            values.append(a)
        y = exact(rule.compute(*values, **kwargs))
        with silent():
            tangent = exact(_pushed(rule, tangents, y, values, kwargs))
        if tangent is None:
            tangent = zeros_like(y)
        elif np.shape(tangent) != np.shape(y):
            tangent = np.broadcast_to(tangent, np.shape(y))
        return Dual(y, self.level, tangent)


def _is_setting(rule: Rule, i: int) -> bool:
    """Say whether argument i is an axis or a shape, not an operand."""
    return not rule.joint and i >= len(rule.pulls)


def _pushed(rule: Rule, tangents: list, y: Any, values: list, kwargs: dict) -> Any:
    """Add up what the perturbations of the arguments do to y; None if there are none."""
    if rule.joint:
        return rule.pushes(tangents, y, values, **kwargs)
    parts = []
    for i, t in enumerate(tangents):
        push = None if t is None else rule.pushes[i]
        if push is not None:
            part = push(t, y, *values, **kwargs)
            parts.append(without_undetermined(part, t, y) if rule.elementwise else part)
    return functools.reduce(operator.add, parts) if parts else None


# -- infinite slopes -------------------------------------------------------------------------------


def silent() -> np.errstate:
    """Let derivative rules divide by 0 and overflow without a warning: ±∞ is what they mean."""
    return np.errstate(all="ignore")


def has_nan(x: Any) -> bool:
    """Say whether a number that was computed with floats is not a number, in one cheap pass."""
    x = plain(x)
    if isinstance(x, np.ndarray) and x.dtype.kind in "fc":
        square = np.vdot(x, x) if x.size <= ONE_THREAD else np.nan  # nan if an entry is
        return bool(square != square and np.isnan(x).any())
    return isinstance(x, float | np.floating | np.complexfloating) and bool(x != x)


def without_undetermined(part: Any, c: Any, y: Any) -> Any:
    """Return the product of c and a slope of y, with 0 where it is 0·∞ or ∞·0."""
    if not has_nan(part):
        return part
    factor = plain(c)
    silenced = (factor == 0) | (np.isinf(factor) & ~np.isnan(plain(y)))
    return np.where(np.isnan(plain(part)) & silenced, 0, part)


def zeros_like(y: Any) -> Any:
    """Return 0 in the shape and type of y, also where y is infinite."""
    y = plain(y)
    return 0 * y if np.asarray(y).dtype.kind == "O" else np.zeros_like(y)[()]


# -- operators and methods -----------------------------------------------------------------------


def _binary(function: Callable) -> tuple[Callable, Callable]:
    def forward(self, other):
        if self.level in OPEN and (not isinstance(other, Traced) or other.level <= self.level):
            return self._apply(RULES[function], (self, other), {})
        return apply(function, (self, other), {})

    def reflected(self, other):  # which is not traced
        if self.level in OPEN:
            return self._apply(RULES[function], (other, self), {})
        return apply(function, (other, self), {})

    return forward, reflected


def _applied(self: Traced, function: Callable, *others: Any) -> Any:
    return apply(function, (self, *others), {})


for _name, _function in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "pow": np.power,
    "matmul": np.matmul,
}.items():
    _forward, _reflected = _binary(_function)
    setattr(Traced, f"__{_name}__", _forward)
    setattr(Traced, f"__r{_name}__", _reflected)
    setattr(Variable, f"__{_name}__", _on_tape(_function))

for _name, _function in {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}.items():
    setattr(Traced, f"__{_name}__", functools.partialmethod(_applied, _function))

for _name, _function in {"neg": np.negative, "pos": np.positive, "abs": np.abs}.items():
    setattr(Traced, f"__{_name}__", functools.partialmethod(_applied, _function))

for _name in [
    *("sum", "mean", "max", "min", "swapaxes", "ravel", "squeeze", "dot", "cumsum", "clip"),
    *("repeat", "take", "trace", "diagonal", "argmax", "argmin", "argsort"),
]:
    setattr(Traced, _name, functools.partialmethod(getattr(np, _name)))


def _one_or_many(function: Callable) -> Callable:
    """Let ``x.reshape(2, 3)`` mean ``x.reshape((2, 3))``, as NumPy does."""

    def method(self, *items):
        return function(self, items[0] if len(items) == 1 else items or None)

    return method


Traced.reshape = _one_or_many(np.reshape)
Traced.transpose = _one_or_many(np.transpose)
