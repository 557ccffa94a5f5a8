"""A reader's text as a number or a formula.

``ast.parse`` of Python parses it, and only what stands in ``rules.json`` is evaluated: a text can
do nothing but be a value. The page's checker, ``_ext/book/answers.mjs``, does the same with
math.js; a test runs both over one table. Everything is a complex number or a matrix; columns are
n × 1.
"""

from __future__ import annotations

import ast
import cmath
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from byhand.answers import latex
from byhand.answers.rules import RULES, UnreadError, words

TOKEN = re.compile(RULES["token"].replace("(?<", "(?P<"))
PREFIX = "n_"
"""Stands before each name while it is parsed: ``lambda`` is a word of Python's."""

NAN = complex("nan")
POWERS = range(-4, 5)
"""Those of a matrix."""

PAIRS = {"|": "abs", "‖": "norm"}


def plain(text: str, names: Sequence[str] = ()) -> str:
    """Return a text in the plain notation, with every sign of multiplication.

    Parameters
    ----------
    text
        What was typed: plainly, or in LaTeX.
    names
        The symbols that it may have.

    Raises
    ------
    UnreadError
        If it is no formula of these symbols.

    Examples
    --------
    >>> plain("√21/4"), plain("2ηh²", ["eta", "h"]), plain(r"1-\\beta^{t}", ["beta", "t"])
    ('sqrt(21)/4', '2*eta*h^(2)', '1-beta^(t)')
    """
    if not text.strip():
        raise UnreadError(words("empty"))
    if "\\" in text or "{" in text:
        text = latex.plain(text)
    return _Joined(_spelled(text), list(names)).read()


def _spelled(text: str) -> str:
    """Return a text with letters of ASCII where rules.json has them."""
    for kind, written in (("superscripts", "^({})"), ("subscripts", "_{}")):
        letters = RULES[kind]
        for run in re.findall(f"[{''.join(letters)}]+", text):
            text = text.replace(run, written.format("".join(letters[letter] for letter in run)), 1)
    for letter, spelled in RULES["letters"].items():
        text = text.replace(letter, spelled)
    return re.sub(r"\s+_", "_", text)


class _Joined:
    """Joins the tokens of a text, and puts in the signs of multiplication that were left out."""

    def __init__(self, text: str, names: list[str]) -> None:
        self.text, self.names = text, names
        self.parts: list[str] = []
        self.opened: list[tuple[str, str]] = []
        self.before = "start"  # or "value", "sign", "open", "function", "number"
        self.root = False

    def read(self) -> str:
        position = 0
        while match := re.compile(r"\s*").match(self.text, position):
            position = match.end()
            if position == len(self.text):
                break
            found = TOKEN.match(self.text, position)
            if found is None:
                self.refuse("letter", letter=self.text[position])
            position = found.end()
            if found["number"]:
                self.number(found["number"])
            elif found["name"]:
                self.name(found["name"])
            else:
                self.sign(found["sign"])
        if self.before == "function":
            self.refuse("function", name=self.parts[-1])
        if self.before in ("start", "sign"):
            self.refuse("end")
        if self.opened:
            self.refuse("open")
        return "".join(self.parts)

    def refuse(self, key: str, **named: Any) -> None:
        why, read = words(key, **named), "".join(self.parts)
        raise UnreadError(words("after", why=why, read=read) if read else why)

    def value(self, text: str, kind: str = "value") -> None:
        if self.before == "function":
            self.refuse("function", name=self.parts[-1])
        if self.before in ("value", "number"):
            self.parts.append("*")
        self.parts.append(f"sqrt({text})" if self.root else text)
        self.root, self.before = False, kind

    def number(self, text: str) -> None:
        if self.before == "number":
            self.refuse("mixed", number=text)
        self.value(text, "number")

    def name(self, text: str) -> None:
        text = RULES["aliases"].get(text, text)
        if text in RULES["functions"] and text not in self.names:
            if self.before == "function":
                self.refuse("function", name=self.parts[-1])
            if self.before in ("value", "number"):
                self.parts.append("*")
            self.parts.append(text)
            self.before = "function"
        else:
            for each in self.known(text):
                self.value(each)

    def known(self, text: str) -> list[str]:
        """Return the symbols that a name is: itself, or a product written without signs."""
        special = ["T"] if self.names else []
        allowed = [*self.names, *(c for c in RULES["constants"] if c not in self.names), *special]
        for one in (text, re.sub(r"^([A-Za-z]+)([0-9]+)$", r"\1_\2", text)):
            if one in allowed:
                return [one]
        longest = sorted(allowed, key=lambda name: (-len(name), name))
        product = "|".join(map(re.escape, longest))
        if re.fullmatch(f"(?:{product})+", text):
            return re.findall(product, text)
        if not self.names:
            self.refuse("onlyNumbers")
        known = words("known", names=", ".join(self.names))
        self.refuse("name", name=text, known=known)
        raise AssertionError

    def sign(self, sign: str) -> None:
        after_value = self.before in ("value", "number")
        if sign in (",", ";"):
            self.refuse("comma")
        if sign in PAIRS:
            self.bar(sign, after_value)
        elif sign == "√":
            if after_value:
                self.parts.append("*")
            self.root, self.before = True, "sign"
        elif sign == "(":
            self.open("(")
        elif sign == ")":
            self.close(after_value)
        elif sign == "'":
            if not after_value:
                self.refuse("operand", sign=sign)
            self.parts.append("^T")
            self.before = "value"
        else:
            if self.before == "function":
                self.refuse("function", name=self.parts[-1])
            if not after_value and sign not in "+-":
                self.refuse("operand", sign=sign)
            self.parts.append("^" if sign == "**" else sign)
            self.before = "sign"

    def open(self, sign: str) -> None:
        if self.before in ("value", "number"):
            self.parts.append("*")
        if self.root:
            self.parts.append("sqrt")
        both = sign in PAIRS and self.before == "function"  # log|x|
        self.parts.append(("(" if both else "") + PAIRS.get(sign, "") + "(")
        self.opened.append((sign, "))" if both else ")"))
        self.root, self.before = False, "start"

    def close(self, after_value: bool) -> None:
        if not self.opened:
            self.refuse("closed")
        if not after_value:
            self.refuse("operand", sign=")")
        self.end("(")

    def bar(self, sign: str, after_value: bool) -> None:
        if after_value and any(sign == opened for opened, _ in self.opened):
            self.end(sign)
        else:
            self.open(sign)

    def end(self, sign: str) -> None:
        opened, ending = self.opened.pop()
        if opened != sign:
            self.refuse("open")
        self.parts.append(ending)
        self.before = "value"


# -- values --------------------------------------------------------------------------------------


def evaluate(read: str, symbols: Mapping[str, Any] | None = None) -> Any:
    """Return the value of a text in the plain notation: a complex number, or a matrix.

    A value that is not finite is nan.

    Raises
    ------
    UnreadError
        If the shapes do not fit.

    Examples
    --------
    >>> evaluate("2*w^2", {"w": 3})
    (18+0j)
    """
    return _tidy(_value(tree(read), symbols or {}))


def tree(read: str) -> ast.AST:
    """Return the tree of a text in the plain notation; its numbers are floats."""
    spelled = re.sub(r"(?<![\w.])(?=[A-Za-z])", PREFIX, read).replace("^", "**")
    spelled = re.sub(r"(?<![\w.])(?<![eE][-+])(\d+)(?![\w.])", r"\1.", spelled)
    return ast.parse(spelled, mode="eval").body


def name_of(node: ast.Name) -> str:
    """Return the name that stands in a tree."""
    return node.id.removeprefix(PREFIX)


def _tidy(value: Any) -> Any:
    """Return a number for a matrix of one entry, and nan for what is not finite."""
    value = np.asarray(value, dtype=complex)
    value = value.reshape(()) if value.size == 1 else value
    return value if value.ndim else (complex(value) if np.isfinite(value) else NAN)


def _value(node: ast.AST, symbols: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return complex(node.value)
    if isinstance(node, ast.Name):
        return _symbol(name_of(node), symbols)
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, symbols)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.Call):
        return _call(name_of(node.func), _value(node.args[0], symbols))
    left = _value(node.left, symbols)
    if isinstance(node.op, ast.Pow):
        if (
            isinstance(node.right, ast.Name)
            and node.right.id == f"{PREFIX}T"
            and "T" not in symbols
        ):
            return np.transpose(left)
        return _power(left, _value(node.right, symbols))
    return OPERATIONS[type(node.op)](left, _value(node.right, symbols))


def _symbol(name: str, symbols: Mapping[str, Any]) -> Any:
    if name in symbols:
        value = np.asarray(symbols[name], dtype=complex)
        return value if value.ndim else complex(value)
    if name == "T":
        raise UnreadError(words("transposed"))
    return complex({"pi": cmath.pi, "e": cmath.e}[name])


def _plus(left: Any, right: Any) -> Any:
    if np.shape(left) != np.shape(right):
        raise UnreadError(words("sum", left=_size(left), right=_size(right)))
    return left + right


def _times(left: Any, right: Any) -> Any:
    if not np.ndim(left) or not np.ndim(right):
        return left * right
    if left.shape[1] == 1 and right.shape in (left.shape, left.shape[:1] * 2):  # a · b, a · M
        left = left.T
    if left.shape[1] != right.shape[0]:
        raise UnreadError(words("product", left=_size(left), right=_size(right)))
    product = left @ right
    return complex(product[0, 0]) if product.shape == (1, 1) else product


def _over(left: Any, right: Any) -> Any:
    if np.ndim(right):
        raise UnreadError(words("division", left=_size(left), right=_size(right)))
    try:
        return left / right
    except ZeroDivisionError:
        return left * NAN


def _power(left: Any, right: Any) -> Any:
    if np.ndim(left):
        if left.shape[0] != left.shape[1] or np.ndim(right) or right not in POWERS:
            raise UnreadError(words("power", left=_size(left)))
        return np.linalg.matrix_power(left, int(right.real))
    if np.ndim(right):
        raise UnreadError(words("power", left=_size(left)))
    return _finite(pow, left, right)


def _call(name: str, value: Any) -> Any:
    if name == "norm":
        return complex(np.sqrt((np.abs(value) ** 2).sum()))
    if np.ndim(value):
        raise UnreadError(words("argument", name=name, left=_size(value)))
    return _finite(FUNCTIONS[name], value)


def _finite(function: Callable, *values: complex) -> complex:
    try:
        return complex(function(*values))
    except (ZeroDivisionError, OverflowError, ValueError):
        return NAN


def _size(value: Any) -> str:
    return words("size", " × ".join(map(str, value.shape))) if np.ndim(value) else "number"


FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "sqrt": cmath.sqrt,
    "exp": cmath.exp,
    "log": cmath.log,
    "sin": cmath.sin,
    "cos": cmath.cos,
    "tan": cmath.tan,
    "sinh": cmath.sinh,
    "cosh": cmath.cosh,
    "tanh": cmath.tanh,
    "abs": abs,
    "sigma": lambda z: 1 / (1 + cmath.exp(-z)),
}

OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: _plus,
    ast.Sub: lambda left, right: _plus(left, -right),
    ast.Mult: _times,
    ast.Div: _over,
}
