"""What each problem asks: ``asked.toml``, and what an answer to it is compared with.

An answer is compared with *data*, which are made of the claim: the build hands them to the page,
``check`` has them of the claim that it has just run. They have these fields:

========= =======================================================================================
id        id of the claim, or of the problem where its steps are asked for
kind      ``number vector matrix formula choice`` or ``steps``
shape     shape of the entries that are asked for one by one; empty for one field
symbols   for formulas: the names that may be typed
points    for formulas: name → value, at each point; a complex number is ``[re, im]``
right     list of alternatives, each the texts of its entries, in the plain notation
rtol      relative tolerance of the value, where it is no exact fraction
floor     the absolute one
slips     list of ``{"words", "texts"}``; the sheet's comes first
choices   for a choice: its words
========= =======================================================================================
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from byhand.answers import reading
from byhand.answers.rules import words
from byhand.problems import problem_of

POINTS = 16
"""At so many points formulas are compared; every other one is moved off the real numbers."""

REAL, POSITIVE, UNIT, INTEGER = "real", "positive", "unit", "integer"


@dataclass(frozen=True)
class Asked:
    """One thing that a problem asks for."""

    claim: str
    label: str
    symbols: dict[str, str]
    complex: bool = True
    typed: str = ""
    """How the symbols are typed, in Markdown, where it needs saying."""

    components: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    """A formula or a choice that the claim says in words or at a point: its texts."""

    at: dict[str, Any] | None = None
    """Where the formula has the value of the claim's result."""

    slips: tuple[tuple[str, ...], ...] = ()
    """Sentence and texts of usual wrong formulas; the sentence ``sheet`` is the claim's erratum."""

    choices: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    either: bool = False
    """Whether the entries of the claim's result are alternatives, each of them right."""

    @property
    def problem(self) -> str:
        return problem_of(self.claim)


@cache
def asked() -> dict[str, Asked]:
    """Return what is asked for, by the id of the claim, in the order of asked.toml."""
    table = tomllib.loads(Path(__file__).with_name("asked.toml").read_text("utf-8"))
    found = [
        Asked(
            **{
                "claim": _id(problem, name),
                "symbols": {},
                **{k: _frozen(v) for k, v in one.items()},
            }
        )
        for problem, fields in table.items()
        for name, one in fields.items()
    ]
    return {each.claim: each for each in found}


def _id(problem: str, name: str) -> str:
    """Return a claim's id: ``steps``, and a claim that is called as its problem, have its id."""
    return problem if name in ("", "steps") else f"{problem}.{name}"


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def of_problem(problem: str) -> list[Asked]:
    """Return what a problem asks for."""
    return [each for each in asked().values() if each.problem == problem]


# -- the points of a formula ---------------------------------------------------------------------


def points(one: Asked) -> list[dict[str, Any]]:
    """Return the points at which a formula is compared: seeded, of the problem's domain."""
    dice = random.Random(one.claim)
    return [_point(one, dice, off_axis=one.complex and i % 2 == 1) for i in range(POINTS)]


def _point(one: Asked, dice: random.Random, *, off_axis: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, domain in one.symbols.items():
        kind, *shape = domain.split()
        if kind == "=":
            found[name] = _as_data(
                reading.evaluate(reading.plain(domain[1:], list(found)), _values(found))
            )
        elif kind == "identity":
            found[name] = np.eye(int(shape[0])).tolist()
        elif kind == "matrix":
            rows, columns = map(int, shape)
            found[name] = [[_number(REAL, dice) for _ in range(columns)] for _ in range(rows)]
        elif kind == "symmetric":
            square = np.array(
                [[_number(REAL, dice) for _ in range(int(shape[0]))] for _ in range(int(shape[0]))]
            )
            found[name] = (square + square.T).tolist()
        elif kind == "vector":
            found[name] = [[_number(REAL, dice)] for _ in range(int(shape[0]))]
        else:
            value = _number(kind, dice)
            moved = off_axis and kind != INTEGER
            found[name] = [value, dice.randint(8, 24) / 64] if moved else value
    return found


def _number(kind: str, dice: random.Random) -> float:
    if kind == INTEGER:
        return dice.randint(2, 7)
    if kind == UNIT:
        return dice.randint(6, 58) / 64
    size = dice.randint(16, 128) / 64
    return size if kind == POSITIVE else size * dice.choice([-1, 1])


def _values(point: dict[str, Any]) -> dict[str, Any]:
    """Return a point with its complex numbers."""
    return {name: as_value(value) for name, value in point.items()}


def as_value(data: Any) -> Any:
    """Return a number or a matrix of a point."""
    if not isinstance(data, list):
        return complex(data)
    return np.array(data, dtype=complex) if isinstance(data[0], list) else complex(*data)


def _as_data(value: Any) -> Any:
    if np.ndim(value):
        return np.real(value).tolist()
    return [value.real, value.imag]


# -- the data ------------------------------------------------------------------------------------


def data_of_steps(one: Asked) -> dict[str, Any]:
    """Return the data of a list of steps, which no claim is behind."""
    return _complete(one, kind="steps", shape=[len(one.steps)])


def data_of(one: Asked, result: Any, **known: Any) -> dict[str, Any]:
    """Return the data of what is asked for.

    Parameters
    ----------
    one
        What is asked for.
    result
        The claim's: a word, a truth value, or texts in an array.
    known
        What else the claim has: ``rtol``, ``floor``, ``exact``, ``slips``, ``choices``,
        ``erratum``.
    """
    erratum = known.get("erratum")
    if one.choices or known.get("choices"):
        right = one.right or (result,)
        slips = [_slip(said, texts, erratum) for said, *texts in one.slips] or known["slips"]
        choices = one.choices or known["choices"]
        return _complete(
            one, kind="choice", right=[list(right)], slips=slips, choices=list(choices)
        )
    if one.symbols:
        return _formula(one, result, known)
    texts = np.asarray(result, dtype=str)
    alternatives = list(texts) if one.either else [texts]
    shape = list(alternatives[0].shape)
    return _complete(
        one, kind=("number", "vector", "matrix")[len(shape)], shape=shape,
        right=[each.ravel().tolist() for each in alternatives],
        rtol=known["rtol"], floor=known["floor"], slips=known["slips"],
    )  # fmt: skip


def _formula(one: Asked, result: Any, known: dict[str, Any]) -> dict[str, Any]:
    texts = list(one.right) or np.ravel(np.asarray(result, dtype=str)).tolist()
    slips = [_slip(said, texts, known.get("erratum")) for said, *texts in one.slips]
    if not one.right:
        slips = known["slips"] + slips
    shape = [] if len(texts) == 1 else list(np.shape(result)) if not one.right else [len(texts)]
    return _complete(
        one, kind="formula", shape=shape, right=[texts], slips=slips,
        symbols=list(one.symbols), points=points(one), rtol=1e-9, floor=1e-9,
    )  # fmt: skip


def _slip(said: str, texts: list[str], erratum: str | None) -> dict[str, Any]:
    said = words("sheet", erratum=erratum) if said == "sheet" else said
    return {"words": said, "texts": list(texts)}


def _complete(one: Asked, **fields: Any) -> dict[str, Any]:
    lists = ("shape", "symbols", "points", "right", "slips", "choices")
    return {"id": one.claim, **{name: [] for name in lists}, "rtol": 0.0, "floor": 0.0} | fields
