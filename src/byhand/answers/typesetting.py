"""What was understood of a reader's texts, as LaTeX: the same as on the page."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from typing import Any

from byhand.answers import reading
from byhand.answers.rules import RULES, UnreadError

PLAIN = re.compile(r"[-+]?[\d.]+")
"""A number that is set as it is typed."""

LONG, DIGITS = re.compile(r"\.\d{7}"), 6
"""A right answer with so many digits is shown with a few."""

SUM, PRODUCT, POWER, ATOM = range(1, 5)
"""How tightly a part holds together; a looser one stands in parentheses."""


def understood(symbols: Sequence[str], shape: Sequence[int], texts: Sequence[str]) -> str:
    r"""Return the LaTeX of the texts of a form, or nothing where it would say nothing new.

    Parameters
    ----------
    symbols
        The names that may be typed.
    shape
        That of the entries, as the data of ``byhand.answers.asking`` have it.
    texts
        One for each entry; a text that is not understood is an empty box.

    Examples
    --------
    >>> understood(["eta"], [], ["sqrt(eta)/2"])
    '\\frac{\\sqrt{\\eta}}{2}'
    >>> understood([], [2], ["-3/5", ""])
    '\\left(-\\frac{3}{5},\\; \\square\\right)'
    """
    reads = [_read(text, symbols) for text in texts]
    if all(read is None or PLAIN.fullmatch(read) for read in reads):
        return ""
    return arranged([r"\square" if read is None else latex(read) for read in reads], shape)


def _read(text: str, symbols: Sequence[str]) -> str | None:
    try:
        return reading.plain(text, list(symbols))
    except UnreadError:
        return None


def right_answer(data: dict[str, Any]) -> str:
    """Return the LaTeX of what is right, to some digits where it is no exact number.

    Parameters
    ----------
    data
        What is asked for, as ``byhand.answers.asking`` describes it.
    """
    texts = data["right"][0]
    if data["kind"] == "choice":
        return rf"\text{{{texts[0]}}}"
    reads = [reading.plain(_short(text), data["symbols"]) for text in texts]
    return arranged([latex(read) for read in reads], data["shape"])


def _short(text: str) -> str:
    return f"{float(text):.{DIGITS}g}" if LONG.search(text) else text


def arranged(entries: Sequence[str], shape: Sequence[int]) -> str:
    """Return the LaTeX of a number, a vector or a matrix."""
    if not shape:
        return entries[0]
    if len(shape) == 1:
        return r"\left(" + r",\; ".join(entries) + r"\right)"
    rows = [entries[i : i + shape[1]] for i in range(0, len(entries), shape[1])]
    body = r"\\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{pmatrix}}{body}\end{{pmatrix}}"


def latex(read: str) -> str:
    r"""Return the LaTeX of a text in the plain notation.

    Examples
    --------
    >>> latex("-(t-y)*y^(2)")
    '-(t-y)\\,y^{2}'
    """
    return _set(reading.tree(read))[0]


def _set(node: ast.AST) -> tuple[str, int]:
    """Return the LaTeX of a part, and how tightly it holds together."""
    if isinstance(node, ast.Constant):
        return _number(node.value)
    if isinstance(node, ast.Name):
        return _name(reading.name_of(node)), ATOM
    if isinstance(node, ast.UnaryOp):
        inner = _at_least(PRODUCT, node.operand)
        return (f"-{inner}", SUM) if isinstance(node.op, ast.USub) else (inner, PRODUCT)
    if isinstance(node, ast.Call):
        return _applied(reading.name_of(node.func), _set(node.args[0])[0]), ATOM
    if isinstance(node.op, ast.Div):
        return _fraction(node.left, _set(node.right)[0])
    if isinstance(node.op, ast.Pow):
        return f"{_at_least(ATOM, node.left)}^{{{_set(node.right)[0]}}}", POWER
    if isinstance(node.op, ast.Mult):
        return _product(node.left, node.right)
    sign = "+" if isinstance(node.op, ast.Add) else "-"
    return f"{_set(node.left)[0]}{sign}{_at_least(PRODUCT, node.right)}", SUM


def _at_least(bond: int, node: ast.AST) -> str:
    text, own = _set(node)
    return text if own >= bond else _enclosed(text)


def _enclosed(text: str) -> str:
    return rf"\left({text}\right)" if r"\frac" in text else f"({text})"


def _fraction(above: ast.AST, below: str) -> tuple[str, int]:
    """Return a fraction; a sign in front of what is above stands in front of it."""
    if isinstance(above, ast.UnaryOp) and isinstance(above.op, ast.USub):
        return rf"-\frac{{{_set(above.operand)[0]}}}{{{below}}}", SUM
    return rf"\frac{{{_set(above)[0]}}}{{{below}}}", PRODUCT


def _product(left: ast.AST, right: ast.AST) -> tuple[str, int]:
    """Return two factors side by side; a sign in front of the first is that of the product."""
    first, bond = _set(left)
    if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add | ast.Sub):
        first, bond = _enclosed(first), PRODUCT
    bond = min(bond, PRODUCT)
    second = _at_least(PRODUCT, right)
    if second.startswith(("(", r"\left(")):
        return first + second, bond
    sign = r"\cdot " if re.match(r"\d|\\frac", second) else r"\,"
    return first + sign + second, bond


def _number(value: float) -> tuple[str, int]:
    if not math.isfinite(value):
        return r"\infty", ATOM
    digits, _, exponent = repr(value).removesuffix(".0").partition("e")
    if not exponent:
        return digits, ATOM
    return rf"{digits}\cdot 10^{{{int(exponent)}}}", PRODUCT


def _name(name: str) -> str:
    start, *below = name.split("_")
    letter = rf"\{start}" if start in RULES["latexNames"] else start
    if len(start) > 1 and letter == start:
        letter = rf"\mathrm{{{start}}}"
    if below and below[0] in ("tilde", "hat"):
        return rf"\{below[0]}{{{letter}}}"
    return f"{letter}_{{{','.join(below)}}}" if below else letter


def _applied(name: str, inside: str) -> str:
    if name == "sqrt":
        return rf"\sqrt{{{inside}}}"
    if name == "abs":
        return rf"\left|{inside}\right|"
    if name == "norm":
        return rf"\left\Vert {inside}\right\Vert"
    return rf"\{name}{_enclosed(inside)}"
