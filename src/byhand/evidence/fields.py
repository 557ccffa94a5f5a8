"""``answers``: the fields for a reader's own answers, in a notebook."""

from __future__ import annotations

from functools import cache
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.answers.asking import Asked, asked, data_of_steps, of_problem
from byhand.answers.judging import Verdict, judge
from byhand.answers.typesetting import right_answer, understood
from byhand.evidence.declaring import find
from byhand.evidence.keying import key_of
from byhand.evidence.opening import Page
from byhand.evidence.running import run
from byhand.problems import PROBLEMS

if TYPE_CHECKING:
    import ipywidgets

MARKS = {"right": "✓", "rounded": "✓", "wrong": "✗", "slip": "✗", "unread": "–"}


def answers(problem: str) -> ipywidgets.VBox:
    """Ask for a reader's own answers to a problem, as its page does.

    Each of the fields takes what ``check`` takes as a text, and gets the same verdicts.

    Parameters
    ----------
    problem
        The id of a problem.

    Raises
    ------
    ValueError
        If there is no such problem.
    """
    if problem not in PROBLEMS:
        raise ValueError(f"there is no problem {problem!r}; A1 is one")
    import ipywidgets

    return ipywidgets.VBox([_form(one) for one in of_problem(problem)])


def _form(one: Asked) -> ipywidgets.VBox:
    import ipywidgets as widgets

    fields, shown = _fields(one)
    button = widgets.Button(description="Check")
    said = widgets.HTML()
    ask, answer = _right_answer(one)

    def tell(_: Any) -> None:
        found = verdict_on(one.claim, [_text(field.value) for field in fields])
        said.value = f"{MARKS[found.verdict]} {escape(found.words)}"
        ask.layout.display = "none" if one.steps or found.verdict == "right" else None

    button.on_click(tell)
    known = ", ".join(f"`{name}`" for name in one.symbols)
    typed = f"in {known}" + (f"; {one.typed}" if one.typed else "") if known else ""
    lines = [widgets.HTMLMath(Page().markdown(text)) for text in (one.label, typed) if text]
    if isinstance(fields[0], widgets.Text):
        shown = widgets.VBox([shown, _echo(one, fields)])
    return widgets.VBox([*lines, shown, widgets.HBox([button, said]), ask, answer])


def _echo(one: Asked, fields: list[Any]) -> Any:
    """Return what shows how the texts of fields were understood, while they are typed."""
    import ipywidgets as widgets

    echo, shape = widgets.HTMLMath(), _shape(one)

    def set_again(_: Any) -> None:
        latex = understood(list(one.symbols), shape, [field.value for field in fields])
        echo.value = _formula(latex)

    for field in fields:
        field.observe(set_again, "value")
    return echo


def _right_answer(one: Asked) -> tuple[Any, Any]:
    """Return the button that shows the right answer, once an answer was judged, and its place."""
    import ipywidgets as widgets

    ask = widgets.Button(description="Show the answer", layout={"display": "none"})
    answer = widgets.HTMLMath()

    def tell(_: Any) -> None:
        answer.value = _formula(right_answer(key(one.claim)))

    ask.on_click(tell)
    return ask, answer


def _formula(latex: str) -> str:
    return f"$\\displaystyle {escape(latex, quote=False)}$" if latex else ""


def _fields(one: Asked) -> tuple[list[Any], Any]:
    """Return the fields of a form in reading order, and what shows them."""
    import ipywidgets as widgets

    if one.steps:
        ticks = [widgets.Checkbox(indent=False) for _ in one.steps]
        steps = [widgets.HTMLMath(Page().markdown(step)) for step in one.steps]
        rows = [widgets.HBox(pair) for pair in zip(ticks, steps, strict=True)]
        return ticks, widgets.VBox(rows)
    choices = one.choices or key(one.claim)["choices"]
    if choices:
        chosen = widgets.Dropdown(options=["", *choices])
        return [chosen], chosen
    shape = _shape(one)
    texts = [widgets.Text() for _ in range(int(np.prod(shape, dtype=int)))]
    rest = iter(texts)
    width = shape[-1] if shape else 1
    rows = [widgets.HBox(list(islice(rest, width))) for _ in range(len(texts) // width)]
    return texts, widgets.VBox(rows)


def _shape(one: Asked) -> list[int]:
    """Return the shape of the fields; a claim that need not run for that does not."""
    if one.right:
        return [len(one.right)] if len(one.right) > 1 else []
    return key(one.claim)["shape"]


def _text(value: str | bool) -> str:
    return value if isinstance(value, str) else "x" * value


def verdict_on(claim: str, texts: list[str]) -> Verdict:
    """Return what is said of the texts of a form."""
    return judge(key(claim), texts)


@cache
def key(claim: str) -> dict[str, Any]:
    """Return what answers to a claim are compared with; the claim is run for that."""
    one = asked()[claim]
    return data_of_steps(one) if one.steps else key_of(run(find(claim)[0], claim))
