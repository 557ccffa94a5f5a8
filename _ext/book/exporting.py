"""Puts a notebook's MyST into Markdown that nbconvert knows: boxes, numbers and references.

``nbconvert_config.py`` names it to nbconvert, of which a reader asks for a page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

BOX = re.compile(
    r"^:::\{(?P<kind>[\w:]+)\} ?(?P<title>[^\n]*)\n"
    r"(?::label: (?P<label>[^\n]+)\n)?(?P<body>.*?)^:::$",
    re.DOTALL | re.MULTILINE,
)
FORMULA = re.compile(
    r"^\$\$\n(?P<body>.*?)\n\$\$(?: \((?P<label>[\w-]+)\))?$", re.DOTALL | re.MULTILINE
)
REFERENCE = re.compile(r"\{(?:eq|prf:ref)\}`([\w-]+)`")


class Markdown(Preprocessor):
    """Rewrites the cells of text; other chapters' theorems are found in the notebook's folder."""

    def preprocess(self, notebook: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        chapters = Path(resources["metadata"]["path"]).glob("[0-9][0-9]_*.ipynb")
        elsewhere = {}
        for path in chapters:
            elsewhere |= _numbers(path.stem, nbformat.read(path, as_version=4))
        here = _numbers(resources["metadata"]["name"], notebook)
        for cell in _texts(notebook):
            cell.source = plain(cell.source, here, elsewhere)
        return notebook, resources


def plain(text: str, here: dict[str, str], elsewhere: dict[str, str]) -> str:
    r"""Return MyST as Markdown, with HTML for its boxes and numbers for its labels.

    Parameters
    ----------
    text
        The source of a cell.
    here, elsewhere
        Label → number, of the notebook and of all chapters. A label of none stays as it is.

    Examples
    --------
    >>> print(plain(":::{admonition} Problem\nBy {eq}`sum`?\n:::", {"sum": "(1.2)"}, {}))
    <blockquote>
    <BLANKLINE>
    **Problem**
    <BLANKLINE>
    By [(1.2)](#sum)?
    <BLANKLINE>
    </blockquote>
    """
    text = BOX.sub(lambda box: _box(here, **box.groupdict()), text)
    text = FORMULA.sub(lambda formula: _formula(here, formula), text)
    return REFERENCE.sub(lambda role: _reference(here, elsewhere, role[1]), text)


def _box(here: dict[str, str], kind: str, title: str, label: str | None, body: str) -> str:
    if kind == "dropdown":
        return f"<details>\n<summary>{title}</summary>\n\n{body}\n</details>"
    if kind.startswith("prf:"):
        name = here.get(label) or kind.removeprefix("prf:").capitalize()
        title = f"{name} ({title})" if title else name
    anchor = f' id="{label}"' if label else ""
    return f"<blockquote{anchor}>\n\n**{title}**\n\n{body}\n</blockquote>"


def _formula(here: dict[str, str], formula: re.Match) -> str:
    label = formula["label"]
    if label is None:
        return formula[0]
    number = here[label].strip("()")
    return f'<a id="{label}"></a>\n\n$$\n{formula["body"]} \\tag{{{number}}}\n$$'


def _reference(here: dict[str, str], elsewhere: dict[str, str], label: str) -> str:
    if label in here:
        return f"[{here[label]}](#{label})"
    return elsewhere.get(label, label)


def _numbers(name: str, notebook: NotebookNode) -> dict[str, str]:
    """Return label → number of a chapter's formulas and theorems, as on the site."""
    chapter, last = name[:2].lstrip("0"), Counter()
    text = "\n\n".join(cell.source for cell in _texts(notebook))
    labels = [("({})", formula["label"]) for formula in FORMULA.finditer(text)]
    labels += [("Theorem {}", box["label"]) for box in BOX.finditer(text)]
    numbers = {}
    for form, label in labels:
        if label is not None:
            last[form] += 1
            numbers[label] = form.format(f"{chapter}.{last[form]}")
    return numbers


def _texts(notebook: NotebookNode) -> Iterator[NotebookNode]:
    return (cell for cell in notebook.cells if cell.cell_type == "markdown")
