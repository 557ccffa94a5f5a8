"""SymPy's formulas in Z3's language: what is proved is what the code computed, not a copy of it."""

from __future__ import annotations

from typing import Any

import sympy as sp


class Translator:
    """Translates formulas over the same symbols, and notes what they divide by.

    It knows rational numbers, real and integer symbols, sums, products, powers with integer or
    half-integer exponents, ``Abs``, ``Max``, ``Min``, ``floor``, ``ceiling``, ``Mod``,
    ``Piecewise``, relations, and what joins them: ``And``, ``Or``, ``Not``, ``Implies``,
    ``Equivalent``. Of anything else, exponentials among it, it says that it cannot.
    """

    def __init__(self, z3: Any) -> None:
        self.z3 = z3
        self.symbols: dict[sp.Symbol, Any] = {}
        self.divisors: list[sp.Expr] = []
        self.roots: dict[sp.Expr, Any] = {}
        self.floors: dict[sp.Expr, Any] = {}
        self.sides: list[Any] = []
        """What roots and floors are: r ≥ 0 and r² = x; k ≤ x < k + 1."""

    def __call__(self, formula: Any) -> Any:
        """Return a formula as Z3's.

        Raises
        ------
        ValueError
            If it has a part that Z3 does not decide.
        """
        formula = sp.sympify(formula)
        if formula in (sp.true, sp.false):
            return self.z3.BoolVal(bool(formula))
        if formula.is_Symbol:
            return self._symbol(formula)
        if formula.is_Integer:
            return self.z3.IntVal(int(formula))
        if formula.is_Rational:
            return self.z3.RealVal(str(formula))
        if formula.is_Pow:
            return self._power(formula)
        if isinstance(formula, sp.Piecewise):
            return self._piecewise(formula)
        if isinstance(formula, sp.floor):
            return self._floor(formula.args[0])
        if isinstance(formula, sp.ceiling):
            return -self._floor(-formula.args[0])
        if isinstance(formula, sp.Mod):
            return self(
                formula.args[0] - formula.args[1] * sp.floor(formula.args[0] / formula.args[1])
            )
        rule = getattr(self, f"_{type(formula).__name__}", None)
        if rule is None:
            raise ValueError(f"no prover here decides {formula}")
        return rule(*(self(argument) for argument in formula.args))

    def _symbol(self, symbol: sp.Symbol) -> Any:
        for sign in ("positive", "negative", "nonnegative", "nonpositive", "nonzero"):
            if getattr(symbol, f"is_{sign}"):
                raise ValueError(f"{symbol} is assumed to be {sign}: say so in given=… instead")
        if symbol not in self.symbols:
            sort = self.z3.Int if symbol.is_integer else self.z3.Real
            self.symbols[symbol] = sort(symbol.name)
        return self.symbols[symbol]

    def _power(self, power: sp.Pow) -> Any:
        base, exponent = power.args
        if not (2 * exponent).is_Integer:
            raise ValueError(f"no prover here decides {power}")
        value = self._root(base) if exponent.q == 2 else self(base)
        product = self._fold(lambda a, b: a * b, [value] * abs(exponent.p))
        if exponent > 0:
            return product
        self.divisors.append(base)
        return 1 / self._real(product)

    def _root(self, base: sp.Expr) -> Any:
        if base not in self.roots:
            root = self.z3.Real(f"root {len(self.roots) + 1}")
            self.roots[base] = root
            self.sides += [root >= 0, root * root == self(base)]
        return self.roots[base]

    def _floor(self, value: sp.Expr) -> Any:
        """Return the integer k with k ≤ p/q < k + 1, told without a division."""
        if value not in self.floors:
            p, q = sp.fraction(sp.together(value))
            k = self.floors[value] = self.z3.Int(f"floor {len(self.floors) + 1}")
            if not q.is_Integer:
                self.divisors.append(q)
            p, q = self(p), self(q)
            above, below = k * q <= p, p < k * q + q
            if_negative = self.z3.And(k * q >= p, p > k * q + q)
            self.sides += [self.z3.If(q > 0, self.z3.And(above, below), if_negative)]
        return self.floors[value]

    def _piecewise(self, pieces: sp.Piecewise) -> Any:
        if pieces.args[-1][1] != sp.true:
            raise ValueError(f"{pieces} has no last piece, for all that is left")
        *first, (value, _) = pieces.args
        value = self(value)
        for piece, condition in reversed(first):
            value = self.z3.If(self(condition), self(piece), value)
        return value

    def _Add(self, *terms):  # noqa: N802
        return self._fold(lambda a, b: a + b, terms)

    def _Mul(self, *factors):  # noqa: N802
        return self._fold(lambda a, b: a * b, factors)

    def _Abs(self, x):  # noqa: N802
        return self.z3.If(x >= 0, x, -x)

    def _Max(self, *values):  # noqa: N802
        return self._fold(lambda a, b: self.z3.If(a >= b, a, b), values)

    def _Min(self, *values):  # noqa: N802
        return self._fold(lambda a, b: self.z3.If(a <= b, a, b), values)

    def _And(self, *parts):  # noqa: N802
        return self.z3.And(*parts)

    def _Or(self, *parts):  # noqa: N802
        return self.z3.Or(*parts)

    def _Not(self, part):  # noqa: N802
        return self.z3.Not(part)

    def _Implies(self, given, then):  # noqa: N802
        return self.z3.Implies(given, then)

    def _Equivalent(self, *parts):  # noqa: N802
        return self.z3.And(*(parts[0] == part for part in parts[1:]))

    def _Equality(self, a, b):  # noqa: N802
        return a == b

    def _Unequality(self, a, b):  # noqa: N802
        return a != b

    def _StrictLessThan(self, a, b):  # noqa: N802
        return a < b

    def _LessThan(self, a, b):  # noqa: N802
        return a <= b

    def _StrictGreaterThan(self, a, b):  # noqa: N802
        return a > b

    def _GreaterThan(self, a, b):  # noqa: N802
        return a >= b

    def _real(self, x: Any) -> Any:
        return self.z3.ToReal(x) if self.z3.is_int(x) else x

    @staticmethod
    def _fold(rule, values):
        first, *rest = values
        for value in rest:
            first = rule(first, value)
        return first
