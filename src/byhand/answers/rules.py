"""The rules of reading and the words of verdicts: data that the page's checker has as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RULES: dict[str, Any] = json.loads(
    Path(__file__).with_name("rules.json").read_text(encoding="utf-8")
)


class UnreadError(ValueError):
    """A reader's text is not understood; the message says why, and where it stopped."""


def words(key: str, *parts: Any, **named: Any) -> str:
    """Return the words for a reader that stand under a key.

    Examples
    --------
    >>> words("one", place="second entry")
    'the second entry differs.'
    """
    return RULES["words"][key].format(*parts, **named)


def sentence(said: str) -> str:
    """Return what is said of a slip with a full stop.

    Examples
    --------
    >>> sentence("the sign is missing")
    'the sign is missing.'
    """
    return said if said.endswith(".") else f"{said}."


def place(index: tuple[int, ...]) -> str:
    """Return the name of an entry, by its place in a vector or a matrix.

    Examples
    --------
    >>> place((1,)), place((0, 2))
    ('second entry', 'entry 1, 3')
    """
    ordinals = RULES["ordinals"]
    if len(index) == 1 and index[0] < len(ordinals):
        return words("ordinal", ordinal=ordinals[index[0]])
    return words("entry", index=", ".join(str(i + 1) for i in index))


def form(shape: tuple[int, ...]) -> str:
    """Return the name of a shape.

    Examples
    --------
    >>> form(()), form((2,)), form((2, 3))
    ('a number', 'a vector of 2 numbers', 'a matrix of shape 2 × 3')
    """
    if not shape:
        return words("scalar")
    if len(shape) == 1:
        return words("vector", shape[0])
    return words("matrix", " × ".join(map(str, shape)))


def places(indices: list[tuple[int, ...]]) -> str:
    """Return the places of the first six of several entries."""
    shown = "; ".join(", ".join(str(i + 1) for i in index) for index in indices[:6])
    return shown + ("; …" if len(indices) > 6 else "")
