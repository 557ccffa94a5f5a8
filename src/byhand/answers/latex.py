"""LaTeX as a reader types it, in the plain notation: pylatexenc parses it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pylatexenc.latexnodes.parsers import LatexGeneralNodesParser
from pylatexenc.latexwalker import (
    LatexCharsNode,
    LatexGroupNode,
    LatexMacroNode,
    LatexNode,
    LatexSpecialsNode,
    LatexWalker,
    LatexWalkerParseError,
)

from byhand.answers.rules import RULES, UnreadError, words

FRACTIONS = ("frac", "dfrac", "tfrac")


def plain(text: str) -> str:
    r"""Return a formula in LaTeX in the plain notation.

    Raises
    ------
    UnreadError
        If it is not complete, or has a command that means nothing here.

    Examples
    --------
    >>> plain(r"\frac{\sqrt{21}}{4} - \beta^{t}")
    '((sqrt(21))/(4))- beta ^(t)'
    """
    try:
        walker = LatexWalker(text.strip().strip("$"), tolerant_parsing=False)
        return _joined(walker.parse_content(LatexGeneralNodesParser())[0])
    except LatexWalkerParseError:
        raise UnreadError(words("latex")) from None


def _joined(nodes: Iterable[LatexNode]) -> str:
    read = ""
    for node in nodes:
        if isinstance(node, LatexGroupNode) and read.rstrip().endswith("_"):
            read = read.rstrip() + _joined(node.nodelist)
        else:
            read += _of(node)
    return read


def _of(node: LatexNode) -> str:
    if isinstance(node, LatexCharsNode):
        return re.sub(r"([_^])(\w)", r"\1\2 ", re.sub(r"\s", "", node.chars))
    if isinstance(node, LatexGroupNode):
        return f"({_joined(node.nodelist)})"
    if isinstance(node, LatexSpecialsNode):
        return "" if node.specials_chars == "~" else node.specials_chars
    if isinstance(node, LatexMacroNode):
        return _macro(node)
    raise UnreadError(words("latex"))


def _macro(node: LatexMacroNode) -> str:
    name = node.macroname
    arguments = list(node.nodeargd.argnlist or []) if node.nodeargd else []
    given = [_bare(each) for each in arguments if each is not None]
    if name in FRACTIONS and len(given) == 2:
        return f"(({given[0]})/({given[1]}))"
    if name == "sqrt" and given:
        return f"(({given[1]})^(1/({given[0]})))" if len(given) == 2 else f"sqrt({given[0]})"
    if name in RULES["latexAccents"] and given:
        return f" {given[0].strip()}{RULES['latexAccents'][name]} "
    if name in RULES["latexTransparent"] and given:
        return "".join(given)
    if name in RULES["latexNames"]:
        return f" {name} "
    if name in RULES["latex"]:
        return RULES["latex"][name] + "".join(given)
    raise UnreadError(words("command", name=name))


def _bare(node: LatexNode) -> str:
    """Return an argument without its braces."""
    return _joined(node.nodelist) if isinstance(node, LatexGroupNode) else _of(node).strip()
