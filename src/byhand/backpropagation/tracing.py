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
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Rule(NamedTuple):
    """What the two sweeps know of one function.

    ``compute(*args)`` gives its value y. ``pulls[i](g, y, *args)`` turns the adjoint of y into
    the part of the adjoint of argument i that flows through y; ``pushes[i](t, y, *args)`` turns
    a perturbation of argument i into one of y. ``None`` marks an argument without derivative.
    """

    compute: Callable
    pulls: Sequence[Callable | None]
    pushes: Sequence[Callable | None]


RULES: dict[Callable, Rule] = {}
"""NumPy function → its derivative rules. Filled in :mod:`byhand.backpropagation.rules`."""

COMPOSITES: dict[Callable, Callable] = {}
"""NumPy function → the same written with functions that have rules."""

CONSTANTS: set[Callable] = set()
"""NumPy functions that are locally constant, or ask for a property: they see values only."""

new_level = itertools.count().__next__


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
        return apply(operator.getitem, (self,), {"index": index})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

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
        return apply(function, args, kwargs)


def apply(function: Callable, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Evaluate a function of traced values, at the highest level among them.

    Raises
    ------
    TypeError
        If the table has no rule for the function.
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
    return top._apply(rule, args, kwargs)


def _apply_without_rule(function: Callable, args: Sequence[Any], kwargs: dict) -> Any:
    if function in COMPOSITES:
        return COMPOSITES[function](*args, **kwargs)
    if function in CONSTANTS:
        return function(*map(plain, args), **kwargs)
    name = f"{getattr(function, '__module__', None) or 'numpy'}.{function.__name__}"
    raise TypeError(f"no derivative rule for {name}; the rules are in byhand.backpropagation.rules")


def plain(x: Any) -> Any:
    """Return the number or array at the bottom of a traced value."""
    while isinstance(x, Traced):
        x = x.value
    return x


def primitive(function: Callable) -> Callable:
    """Let a function of the package be traced as NumPy's are."""

    @functools.wraps(function)
    def dispatching(*args, **kwargs):
        if any(isinstance(a, Traced) for a in args):
            return apply(dispatching, args, kwargs)
        return function(*args, **kwargs)

    return dispatching


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
            if isinstance(a, Traced) and a.level == level:
                parents.append((len(values), a.index))
                a = a.value
            values.append(a)
        y = rule.compute(*values, **kwargs) if kwargs else rule.compute(*values)
        tape.append((rule, y, values, kwargs, parents))
        return Variable(y, level, tape, len(tape) - 1)


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
        level = self.level
        moved = [i for i, a in enumerate(args) if isinstance(a, Traced) and a.level == level]
        values = [a.value if i in moved else a for i, a in enumerate(args)]
        y = rule.compute(*values, **kwargs)
        parts = [
            push(args[i].tangent, y, *values, **kwargs) for i in moved if (push := rule.pushes[i])
        ]
        tangent = functools.reduce(operator.add, parts) if parts else 0 * y
        if np.shape(tangent) != np.shape(y):
            tangent = np.broadcast_to(tangent, np.shape(y))
        return Dual(y, level, tangent)


# -- operators and methods -----------------------------------------------------------------------


def _binary(function: Callable) -> tuple[Callable, Callable]:
    def forward(self, other):
        return apply(function, (self, other), {})

    def reflected(self, other):
        return apply(function, (other, self), {})

    return forward, reflected


def _unary(function: Callable) -> Callable:
    return lambda self: apply(function, (self,), {})


def _method(function: Callable) -> Callable:
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


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

for _name, _function in {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}.items():
    setattr(Traced, f"__{_name}__", _binary(_function)[0])

for _name, _function in {"neg": np.negative, "pos": np.positive, "abs": np.abs}.items():
    setattr(Traced, f"__{_name}__", _unary(_function))

for _name in ["sum", "mean", "max", "min", "swapaxes", "ravel", "squeeze", "dot", "cumsum"]:
    setattr(Traced, _name, _method(getattr(np, _name)))


def _one_or_many(function: Callable) -> Callable:
    """Let ``x.reshape(2, 3)`` mean ``x.reshape((2, 3))``, as NumPy does."""

    def method(self, *items):
        return function(self, items[0] if len(items) == 1 else items or None)

    return method


Traced.reshape = _one_or_many(np.reshape)
Traced.transpose = _one_or_many(np.transpose)
