"""Numbers that count the arithmetic done with them: the price of a derivative without a clock.

Chapter 5, sections B3.2 and D5. An array of dtype object carries them through NumPy, and so
through both sweeps.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import partialmethod
from typing import Any

import numpy as np

from byhand import _checks


class Counted:
    """A float that enters each operation it takes part in into a tally."""

    __slots__ = ("tally", "value")

    def __init__(self, value: float, tally: Counter):
        self.value = value
        self.tally = tally

    def __repr__(self) -> str:
        return f"Counted({self.value!r})"

    def __float__(self) -> float:
        return float(self.value)

    def __gt__(self, other) -> bool:
        return self.value > _number(other)

    def __ge__(self, other) -> bool:
        return self.value >= _number(other)

    def __pow__(self, n):
        n = _number(n)
        if n != int(n):
            self.tally["functions"] += 1
        else:  # products one by one, and a division where n < 0
            self.tally["multiplications"] += max(abs(int(n)) - 1, 0) + (n < 0)
        return Counted(self.value**n, self.tally)

    def __neg__(self):
        return Counted(-self.value, self.tally)


def _number(x: Any) -> float:
    return x.value if isinstance(x, Counted) else x


def _operate(self: Counted, kind: str, compute: Callable, *others: Any) -> Counted:
    self.tally[kind] += 1
    return Counted(compute(self.value, *map(_number, others)), self.tally)


for _name, _kind, _compute in [
    ("__add__", "additions", lambda a, b: a + b),
    ("__radd__", "additions", lambda a, b: b + a),
    ("__sub__", "additions", lambda a, b: a - b),
    ("__rsub__", "additions", lambda a, b: b - a),
    ("__mul__", "multiplications", lambda a, b: a * b),
    ("__rmul__", "multiplications", lambda a, b: b * a),
    ("__truediv__", "multiplications", lambda a, b: a / b),
    ("__rtruediv__", "multiplications", lambda a, b: b / a),
    # NumPy calls these for arrays of objects.
    ("exp", "functions", math.exp),
    ("sin", "functions", math.sin),
    ("cos", "functions", math.cos),
    ("tanh", "functions", math.tanh),
]:
    setattr(Counted, _name, partialmethod(_operate, _kind, _compute))


def count_operations(f: Callable, *args: Any) -> Counter:
    """Return how many additions, multiplications and functions f does with the args' entries.

    Subtractions count as additions, divisions as multiplications, changes of sign not at all. The
    power xⁿ counts as |n| − 1 products and, if n < 0, a division; with a broken n as a function.

    Parameters
    ----------
    f
        A function of arrays, or of tuples and lists of arrays.
    *args
        Its arguments.

    Raises
    ------
    TypeError, ValueError
        If an argument is not made of finite numbers.

    Examples
    --------
    >>> count = count_operations(lambda A, x: A @ x, np.ones((2, 3)), np.ones(3))
    >>> count["multiplications"], count["additions"]
    (6, 4)
    """
    tally: Counter = Counter()
    f(*(_counted(a, tally) for a in args))
    return tally


def _counted(a: Any, tally: Counter) -> Any:
    if isinstance(a, (tuple, list)):
        return type(a)(_counted(part, tally) for part in a)
    a = _checks.floats("an argument of f", a)
    entries = [Counted(float(entry), tally) for entry in a.flat]
    return np.reshape(entries, a.shape)[()]  # a number stays one
