"""Results as text and as mathematics."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from numbers import Number, Rational
from typing import Any

import numpy as np

from byhand.evidence.comparing import (
    TRUTH,
    Estimate,
    Holds,
    as_array,
    is_enclosure,
    middle_and_radius,
)

MAX_DIGITS = 24
"""A longer integer or fraction is shown as a decimal; it is compared exactly all the same."""

MAX_ENTRIES = 6
"""A longer array is shown by its first entries in text."""

MAX_SIDE = 8
"""A matrix or vector with more rows or columns is shown by its first entries."""

MAX_PLACES = 6
"""So many digits of a float are shown in an array: nobody reads lists of twelve-digit numbers."""

MAX_WIDTH = 4
"""In a matrix with more columns there are two digits fewer."""

MAX_NARROW = 36
"""So many letters fit on a phone. A longer formula is set so that it may be broken over lines."""

MAX_LATEX = 300
"""An expression that is longer in LaTeX is told by its number of terms."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


# -- text ----------------------------------------------------------------------------------------


def text(value: Any, digits: Any = 12) -> str:
    """Return a value as short text: up to six entries, floats to twelve digits or fewer."""
    if isinstance(value, Estimate):
        means, errors = np.ravel(value.value), np.ravel(value.standard_error)
        shown = [f"{m:.6g} ± {e:.2g}" for m, e in zip(means, errors, strict=True)]
        return _joined(shown, np.ndim(value.value))
    if isinstance(value, Holds):
        return f"{value.truth} ({effect_text(value.effect)})"
    if isinstance(value, str | TRUTH):
        return str(value)
    if is_enclosure(value):
        middle, radius = middle_and_radius(value)
        return f"{middle:.12g} ± {radius:.2g}"
    return _joined(_texts(value, digits), as_array(value).ndim)


def _texts(value: Any, digits: Any) -> list[str]:
    entries = as_array(value)
    places = np.broadcast_to(digits, entries.shape)
    return [number(x, int(n)) for x, n in zip(entries.flat, places.flat, strict=True)]


def _joined(shown: list[str], dimensions: int) -> str:
    if dimensions == 0:
        return shown[0]
    more = [f"… ({len(shown)} in all)"] if len(shown) > MAX_ENTRIES else []
    return "[" + ", ".join(shown[:MAX_ENTRIES] + more) + "]"


def number(x: Any, digits: int = 12) -> str:
    """Return one number as text."""
    if isinstance(x, float | complex | np.inexact):
        return f"{x:.{digits}g}"
    if hasattr(x, "free_symbols") and not isinstance(x, Number):
        return expression(x)
    shown = str(x)
    if len(shown) > MAX_DIGITS and isinstance(x, Rational):
        decimal = Decimal(int(x.numerator)) / Decimal(int(x.denominator))  # a float may overflow
        return f"{decimal:.12g} (exactly, {len(shown)} characters)"
    return shown


def scientific(x: float) -> str:
    """Return a small number as it is written by hand, which no line breaks.

    Examples
    --------
    >>> scientific(2.22e-16).split("\N{NO-BREAK SPACE}")
    ['2', '×', '10⁻¹⁶']
    """
    mantissa, exponent = f"{x:.0e}".split("e")
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return power if mantissa == "1" else "\N{NO-BREAK SPACE}".join([mantissa, "×", power])


def expression(x: Any) -> str:
    """Return an expression or relation of SymPy as it is written by hand in one line.

    A symbol that is named ``sqrt_x`` is the root of x, one that is named ``u'x`` a derivative.

    Examples
    --------
    >>> import sympy
    >>> h, root, slope = sympy.symbols("h sqrt_rho u1'x")
    >>> expression(sympy.Eq(slope, 2 * h / (h**2 + root**2)))
    '∂u₁/∂x = 2·h/(h² + ρ)'
    """
    shown = re.sub(r"\*\*(\d+)\b", lambda m: m[1].translate(_SUPERSCRIPTS), _in_words(x))
    shown = re.sub(r"sqrt\((\w+)\)", r"√\1", shown).replace("sqrt(", "√(")
    for sign, written in {"**": "^", "*": "·", ">=": "≥", "<=": "≤", " & ": " and "}.items():
        shown = shown.replace(sign, written)
    return shown


def _in_words(x: Any) -> str:
    """Return SymPy's own text, with Greek letters and subscripts."""
    from sympy.printing.pretty.pretty_symbology import pretty_symbol
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):
        def _print_Symbol(self, symbol):  # noqa: N802
            above, prime, below = map(pretty_symbol, symbol.name.partition("'"))
            return f"∂{above}/∂{below}" if prime else above.replace("*", "∗")

        def _print_Relational(self, relation):  # noqa: N802
            sign = {"==": "=", "!=": "≠"}.get(relation.rel_op, relation.rel_op)
            return f"{self._print(relation.lhs)} {sign} {self._print(relation.rhs)}"

    return Printer().doprint(_with_roots(x))


def _with_roots(x: Any) -> Any:
    """Return an expression with √x for symbols that are named ``sqrt_x``."""
    import sympy

    roots = {
        s: sympy.sqrt(sympy.Symbol(s.name.removeprefix("sqrt_"), nonnegative=True))
        for s in getattr(x, "free_symbols", ())
        if s.name.startswith("sqrt_")
    }
    return x.xreplace(roots) if roots else x


def parts_of(effect: Any) -> tuple:
    """Return the parts of an effect: words, and what is set as mathematics between them."""
    return effect if isinstance(effect, tuple) else (effect,)


def effect_text(effect: Any) -> str:
    """Return the effect behind a truth value as text."""
    parts = parts_of(effect)
    return _listed(parts, [text(part, MAX_PLACES) for part in parts])


def effect_markdown(effect: Any) -> str:
    """Return the effect behind a truth value as Markdown, its formulas as mathematics."""
    parts = parts_of(effect)
    shown = [p if isinstance(p, str) else f"${latex(p, MAX_PLACES)}$" for p in parts]
    return _listed(parts, shown)


def _listed(parts: Iterable[Any], shown: Iterable[str]) -> str:
    """Join what is shown of an effect's parts: a comma between two that are no words."""
    line, before = "", None
    for part, one in zip(parts, shown, strict=True):
        between = "" if before is None else " " if isinstance(part, str) else ", "
        line += (" " if isinstance(before, str) and between else between) + one
        before = part
    return line


# -- mathematics ---------------------------------------------------------------------------------


def latex(value: Any, digits: Any = 12) -> str | None:
    r"""Return a value in LaTeX, or None if it is words.

    Examples
    --------
    >>> from fractions import Fraction
    >>> latex([Fraction(13, 5), 0.25])
    '\\left(\\tfrac{13}{5},\\ 0.25\\right)'
    """
    if isinstance(value, Holds | str | TRUTH):
        return None
    if is_enclosure(value):
        middle, radius = middle_and_radius(value)
        return rf"{_float(middle, 12)} \pm {_float(radius, 2)}"
    if isinstance(value, Estimate):
        return _arranged(_estimates_latex(value), np.shape(value.value))
    entries = entries_latex(value, digits)
    return _arranged(entries, as_array(value).shape)


def _estimates_latex(value: Estimate) -> list[str]:
    pairs = zip(np.ravel(value.value), np.ravel(value.standard_error), strict=True)
    return [rf"{_float(float(m), 6)} \pm {_float(float(e), 2)}" for m, e in pairs]


def entries_latex(value: Any, digits: Any = 12) -> list[str]:
    """Return the entries of a number or array in LaTeX, in reading order."""
    entries = as_array(value)
    places = np.broadcast_to(digits, entries.shape)
    return [number_latex(x, int(n)) for x, n in zip(entries.flat, places.flat, strict=True)]


def number_latex(x: Any, digits: int = 12) -> str:
    """Return one number or expression in LaTeX."""
    if isinstance(x, str):
        return rf"\text{{{x}}}"
    if isinstance(x, Rational):
        if len(str(x)) > MAX_DIGITS:
            return _power(f"{Decimal(int(x.numerator)) / Decimal(int(x.denominator)):.12g}")
        sign = "-" if x < 0 else ""
        p, q = abs(int(x.numerator)), int(x.denominator)
        return f"{sign}{p}" if q == 1 else rf"{sign}\tfrac{{{p}}}{{{q}}}"
    if isinstance(x, complex | np.complexfloating):
        sign = "-" if x.imag < 0 else "+"
        return f"{_float(x.real, digits)} {sign} {_float(abs(x.imag), digits)}i"
    if isinstance(x, Number) and not hasattr(x, "free_symbols"):
        return _float(float(x), digits)
    return expression_latex(x)


def expression_latex(x: Any) -> str:
    """Return an expression or relation of SymPy in LaTeX; of a long one, how long it is."""
    import sympy  # a second to import, and few claims are symbolic

    x = _with_roots(x)
    names = {s: _name_latex(s.name) for s in x.free_symbols if re.search(r"['*]", s.name)}
    shown = sympy.latex(x, symbol_names=names)
    if letters(shown) > MAX_NARROW:
        if isinstance(x, sympy.Expr):
            above, below = (sympy.latex(part, symbol_names=names) for part in sympy.fraction(x))
            high = below != "1" and max(letters(above), letters(below)) < MAX_NARROW
            shown = shown if below == "1" or high else f"({above}) / ({below})"
        shown = shown.replace(r"\left(", "(").replace(r"\right)", ")")
    terms = len(sympy.Add.make_args(x))
    return shown if len(shown) <= MAX_LATEX else rf"\text{{an expression of {terms} terms}}"


def letters(latex: str) -> int:
    """Return about how many letters wide a formula is."""
    return len(re.sub(r"\\[A-Za-z]+ ?|[{}^_ ]", "", latex))


def _name_latex(name: str) -> str:
    """Return a symbol's name in LaTeX: ``h*`` with its star, ``u'x`` as a derivative."""
    import sympy

    above, prime, below = name.partition("'")
    if prime:
        return rf"\partial {_name_latex(above)} / \partial {_name_latex(below)}"
    return f"{name[:-1]}^{{*}}" if name.endswith("*") else sympy.latex(sympy.Symbol(name))


def _float(x: float, digits: int) -> str:
    if math.isinf(x):
        return r"\infty" if x > 0 else r"-\infty"
    return r"\text{nan}" if math.isnan(x) else _power(f"{x:.{digits}g}")


def _power(decimal: str) -> str:
    mantissa, e, exponent = decimal.partition("e")
    if not e:
        return decimal
    power = rf"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa}\cdot {power}"


def _arranged(entries: list[str], shape: tuple[int, ...]) -> str:
    """Set entries as a number, as a vector in a row, or as a matrix; more axes as a row."""
    if shape == ():
        return entries[0]
    if len(shape) == 2 and max(shape) <= MAX_SIDE:
        rows = [" & ".join(row) for row in _rows(entries, shape[1])]
        return r"\begin{pmatrix}" + r" \\ ".join(rows) + r"\end{pmatrix}"
    shown = entries[:MAX_ENTRIES] + [r"\dots"] * (len(entries) > MAX_ENTRIES)
    return r"\left(" + r",\ ".join(shown) + r"\right)"


def _rows(entries: list[str], width: int) -> Iterator[list[str]]:
    return (entries[i : i + width] for i in range(0, len(entries), width))


# -- data ----------------------------------------------------------------------------------------


def as_data(value: Any, digits: Any = 12) -> dict[str, Any]:
    """Return what a page needs to show a value: text, LaTeX, shape, and the first entries."""
    words = isinstance(value, str | TRUTH | Holds)
    shape = () if words or is_enclosure(value) else _shape(value)
    if shape:
        wide = len(shape) > 1 and shape[-1] > MAX_WIDTH
        digits = np.minimum(digits, MAX_PLACES - 2 * wide)
    return {
        "text": text(value, digits),
        "latex": latex(value, digits),
        "truth": bool(value) if isinstance(value, TRUTH | Holds) else None,
        "effect": effect_markdown(value.effect) if isinstance(value, Holds) else None,
        "shape": list(shape),
        "entries": [] if words else _entries(value, digits)[: MAX_SIDE**2],
    }


def _entries(value: Any, digits: Any) -> list[str]:
    if isinstance(value, Estimate):
        return _estimates_latex(value)
    return [latex(value)] if is_enclosure(value) else entries_latex(value, digits)


def _shape(value: Any) -> tuple[int, ...]:
    return np.shape(value.value) if isinstance(value, Estimate) else as_array(value).shape


def has_floats(value: Any) -> bool:
    """Return whether a result is made of floats, to which a tolerance applies."""
    if isinstance(value, str | TRUTH | Holds | Estimate) or is_enclosure(value):
        return False
    return any(isinstance(x, float | complex | np.inexact) for x in as_array(value).flat)
