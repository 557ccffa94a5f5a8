"""What is said of a reader's answer: the same, in the same words, as on the page."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import hypot, isfinite
from typing import Any, NamedTuple

import numpy as np

from byhand.answers import asking, reading
from byhand.answers.rules import RULES, UnreadError, form, place, places, sentence, words

RTOL = 1e-12
"""For numbers that are typed as expressions, as √21/4."""


class Verdict(NamedTuple):
    """What is said of a value: one word for a program, one sentence for a reader."""

    verdict: str
    words: str


class Number(NamedTuple):
    """A number as it was typed: its value and, if it is a decimal, its digits."""

    value: Fraction
    kind: str
    text: str


def judge(data: dict[str, Any], texts: list[str]) -> Verdict:
    """Say of a reader's texts, one for each field, whether they are right, or else what they are.

    Parameters
    ----------
    data
        What is asked for, as ``byhand.answers.asking`` describes it.
    texts
        One text for each field, in reading order; for steps ``"x"`` where one is ticked.
    """
    kind = data["kind"]
    if kind == "steps":
        return _ticked(texts)
    if kind == "choice":
        return _chosen(data, texts[0])
    try:
        given = [_read(data, i, text) for i, text in enumerate(texts)]
    except UnreadError as error:
        return Verdict("unread", str(error))
    return _compared(data, given)


def _ticked(texts: list[str]) -> Verdict:
    done = sum(map(bool, texts))
    if done == len(texts):
        return Verdict("right", words("steps"))
    return Verdict("unread", words("some", count=done, all=len(texts)))


def _chosen(data: dict[str, Any], text: str) -> Verdict:
    if not text.strip():
        return Verdict("unread", words("unread", why=words("unchosen")))
    chosen = _same_word(data["choices"], text)
    if chosen is None:
        why = words("word", word=text, choices=", ".join(data["choices"]))
        return Verdict("unread", words("unread", why=why))
    if chosen in data["right"][0]:
        return Verdict("right", words("right"))
    for slip in data["slips"]:
        if chosen in slip["texts"]:
            return Verdict("slip", sentence(slip["words"]))
    return Verdict("wrong", words("choice"))


def _same_word(choices: list[str], text: str) -> str | None:
    return next((each for each in choices if each.casefold() == text.strip().casefold()), None)


# -- reading -------------------------------------------------------------------------------------


def _read(data: dict[str, Any], i: int, text: str) -> Any:
    """Return the number of a field, or a formula's values at all points."""
    try:
        if data["kind"] == "formula":
            return formula(data, text)
        return number(text)
    except UnreadError as error:
        if len(data["right"][0]) == 1:
            raise UnreadError(words("unread", why=error)) from None
        raise UnreadError(words("unreadEntry", place=place(_index(data, i)), why=error)) from None


def formula(data: dict[str, Any], text: str) -> list[Any]:
    """Return a formula's values at all points."""
    read = reading.plain(text, data["symbols"])
    return [
        reading.evaluate(read, {name: asking.as_value(value) for name, value in point.items()})
        for point in data["points"]
    ]


def number(text: str) -> Number:
    """Return a number that was typed.

    Examples
    --------
    >>> number("−13/5").value, number("2.60").kind
    (Fraction(-13, 5), 'decimal')
    """
    read = reading.plain(text)
    if re.fullmatch(RULES["decimal"], read) and _moderate(read):
        return Number(Fraction(read), "decimal", read)
    if re.fullmatch(RULES["fraction"], read) and Fraction(read.partition("/")[2]):
        return Number(Fraction(read), "fraction", read)
    value = reading.evaluate(read)
    if np.ndim(value) or not isfinite(value.real):
        raise UnreadError(words("infinite"))
    if abs(value.imag) > RTOL * hypot(value.real, value.imag):
        raise UnreadError(words("complex"))
    return Number(Fraction(f"{value.real:.17g}"), "expression", read)


def _moderate(decimal: str) -> bool:
    """Return whether the exponent of a decimal is one that can be worked with."""
    exponent = re.split("[eE]", decimal)[1:]
    return not exponent or abs(int(exponent[0])) <= 300


# -- comparing -----------------------------------------------------------------------------------


def _compared(data: dict[str, Any], given: list[Any]) -> Verdict:
    ways = [_ways(data, given, texts) for texts in data["right"]]
    for verdict in ("right", "rounded"):
        accepted = {"right"} if verdict == "right" else {"right", "rounded"}
        if any(set(each) <= accepted for each in ways):
            return Verdict(verdict, words(verdict))
    for slip in data["slips"]:
        if None not in _ways(data, given, slip["texts"]):
            return Verdict("slip", sentence(slip["words"]))
    return Verdict("wrong", _what_differs(data, given, min(ways, key=lambda way: way.count(None))))


def _ways(data: dict[str, Any], given: list[Any], texts: list[str]) -> list[str | None]:
    """Return how each entry agrees: "right", "rounded" or None."""
    if len(texts) != len(given):
        return [None] * len(given)
    if data["kind"] == "formula":
        pairs = zip(given, texts, strict=True)
        return ["right" if _same(data, mine, formula(data, text)) else None for mine, text in pairs]
    pairs = zip(given, texts, strict=True)
    return [agreement(mine, number(text), data) for mine, text in pairs]


def agreement(mine: Number, right: Number, data: dict[str, Any]) -> str | None:
    """Return how a number agrees with another: "right", "rounded" to its digits, or None."""
    off, size = abs(mine.value - right.value), abs(right.value)
    inexact = "expression" in (mine.kind, right.kind) or data["rtol"] > 0
    bound = max(Fraction(data["rtol"]), Fraction(RTOL)) * size + Fraction(data["floor"])
    if off == 0 or (inexact and off <= bound):
        return "right"
    if mine.kind == "decimal" and has_two_digits(mine.text):
        unit = Fraction(10) ** int(Decimal(mine.text).as_tuple().exponent)
        cut_off = mine.value * right.value >= 0 and 0 <= size - abs(mine.value) < unit
        if off <= unit / 2 or cut_off:
            return "rounded"
    return None


def has_two_digits(text: str) -> bool:
    """Return whether at least two significant digits of a number were given.

    Examples
    --------
    >>> [has_two_digits(text) for text in ("0.0021", "12", "0", "0.00", "3", "1e-10")]
    [True, True, False, False, False, False]
    """
    mantissa = re.split("[eE]", text)[0]
    return len(re.sub(r"\D", "", mantissa).lstrip("0")) >= 2


def _same(data: dict[str, Any], mine: list[Any], right: list[Any]) -> bool:
    return all(
        np.shape(a) == np.shape(b)
        and bool(np.all(np.abs(np.asarray(a) - b) <= data["floor"] + data["rtol"] * np.abs(b)))
        for a, b in zip(mine, right, strict=True)
    )


# -- what differs --------------------------------------------------------------------------------


def _index(data: dict[str, Any], i: int) -> tuple[int, ...]:
    return list(product(*map(range, data["shape"])))[i]


def _what_differs(data: dict[str, Any], given: list[Any], ways: list[str | None]) -> str:
    if len(ways) == 1:
        if data["kind"] != "formula":
            return words("number")
        right = formula(data, data["right"][0][0])[0]
        if np.shape(given[0][0]) != np.shape(right):
            return words("shape", wanted=form(np.shape(right)), this=form(np.shape(given[0][0])))
        return words("formula")
    off = [_index(data, i) for i, way in enumerate(ways) if way is None]
    if len(off) == len(ways):
        return words("none")
    if len(off) > 1:
        return words("several", count=len(off), all=len(ways), places=places(off))
    return words("one", place=place(off[0]))


# -- texts of a program --------------------------------------------------------------------------


def texts_of(data: dict[str, Any], value: Any) -> list[str]:
    """Return the texts of a value that a program gave: one string, or strings in lists.

    Raises
    ------
    UnreadError
        If there are not as many as fields.
    """
    count = int(np.prod(data["shape"], dtype=int))
    if not isinstance(value, str):
        texts = [str(each) for each in np.ravel(np.asarray(value, dtype=object))]
    elif count == 1:
        texts = [value]
    else:
        texts = _split(value, count)
    if len(texts) != count:
        this = form((len(texts),)) if len(texts) != 1 else form(())
        raise UnreadError(words("shape", wanted=form(tuple(data["shape"])), this=this))
    return texts


def _split(text: str, count: int) -> list[str]:
    """Return the entries of a list that is written as a text: ``(13/5, 1.04)``, ``2.6 1.04``."""
    inner = re.sub(r"^\s*\(\s*(.*?,.*)\)\s*$", r"\1", re.sub(r"[\[\]]", " ", text), flags=re.DOTALL)
    parts = [part.strip() for part in re.split(r"[,;\n]", inner) if part.strip()]
    return parts if len(parts) == count else inner.replace(",", " ").replace(";", " ").split()
