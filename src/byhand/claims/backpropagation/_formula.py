"""Formulas that the chapter's sweeps run on: SymPy's, with NumPy's names for the functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from byhand.backpropagation.tracing import Traced

EXP, SIN, COS, TANH = sp.symbols("exp sin cos tanh", cls=sp.Function)
"""Functions of which nothing is known: only the derivative rules say what is done with them."""


class Formula:
    """An expression of SymPy that NumPy's ``exp``, ``sin``, ``cos`` and ``tanh`` accept."""

    def __init__(self, expression: Any):
        self.expression = sp.sympify(_bare(expression))

    def __repr__(self) -> str:
        return f"Formula({self.expression})"

    def __float__(self) -> float:
        return float(self.expression)

    @property
    def free_symbols(self) -> set:
        return self.expression.free_symbols

    def __add__(self, other):
        return _joined(self, other, lambda a, b: a + b)

    def __sub__(self, other):
        return _joined(self, other, lambda a, b: a - b)

    def __rsub__(self, other):
        return _joined(self, other, lambda a, b: b - a)

    def __mul__(self, other):
        return _joined(self, other, lambda a, b: a * b)

    def __truediv__(self, other):
        return _joined(self, other, lambda a, b: a / b)

    def __rtruediv__(self, other):
        return _joined(self, other, lambda a, b: b / a)

    def __pow__(self, other):
        return _joined(self, other, lambda a, b: a**b)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return Formula(-self.expression)

    def exp(self):
        return Formula(EXP(self.expression))

    def sin(self):
        return Formula(SIN(self.expression))

    def cos(self):
        return Formula(COS(self.expression))

    def tanh(self):
        return Formula(TANH(self.expression))


def _bare(x: Any) -> Any:
    return x.expression if isinstance(x, Formula) else x


def _joined(a: Formula, b: Any, operation) -> Any:
    if isinstance(b, np.ndarray | Traced):
        return NotImplemented
    return Formula(operation(a.expression, sp.sympify(_bare(b))))


def formulas(names: str) -> np.ndarray:
    """Return real symbols to run a program on."""
    found = sp.symbols(names, real=True, seq=True)
    new = np.empty(len(found), dtype=object)
    new[:] = [Formula(one) for one in found]
    return new


def known(x: Any) -> sp.Expr:
    """Return the expression with SymPy's own functions, which it can differentiate."""
    expression = sp.sympify(_bare(x))
    for unknown, function in ((EXP, sp.exp), (SIN, sp.sin), (COS, sp.cos), (TANH, sp.tanh)):
        expression = expression.replace(unknown, function)
    return expression


def same(left: Any, right: Any) -> sp.Basic:
    """State that two formulas are equal, whatever numbers the functions in them are.

    Both sides are multiplied by what they divide by.
    """
    (p, q), (r, s) = (sp.fraction(sp.together(_freed(each))) for each in (left, right))
    return sp.Eq(sp.expand(p * s), sp.expand(r * q), evaluate=False)


def all_same(left: Any, right: Any) -> sp.Basic:
    """State that two arrays of formulas are equal in each entry."""
    return sp.And(*(same(a, b) for a, b in zip(np.ravel(left), np.ravel(right), strict=True)))


def _freed(x: Any) -> sp.Expr:
    expression = sp.sympify(_bare(x))
    applied = expression.atoms(sp.core.function.AppliedUndef)
    return expression.xreplace({one: sp.Symbol(str(one), real=True) for one in applied})


class Pair:
    """A dual number as the problem has it: a polynomial in ε, cut off at ε²."""

    def __init__(self, value, tangent):
        self.value, self.tangent = value, tangent

    def __add__(self, other):
        return Pair(self.value + other.value, self.tangent + other.tangent)

    def __mul__(self, other):
        cross = self.tangent * other.value + self.value * other.tangent
        return Pair(self.value * other.value, cross)
