"""Asks below each problem's hint for the reader's own answer, which is judged on the page.

What is asked for is in ``byhand.answers``; what an answer is compared with comes with the claims.
The forms are in the pages. What judges them, and the data of a problem, are files that a page
fetches when a reader comes near a field: scripts, because a page of a file system may read nothing
else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from docutils import nodes

from book import node
from book.maths import inline_html
from book.strictness import BookError, node_location
from byhand.answers.asking import Asked, asked, data_of_steps, of_problem
from byhand.evidence.opening import Page
from byhand.evidence.plain import plain
from byhand.problems import PROBLEMS

SCRIPT = Path(__file__).with_name("answers.mjs")
BUNDLE = Path(__file__).with_name("bundle.mjs")
FOLDER = "answers"
UNSHOWN = re.compile(r"[_^\\]|tilde|dot ")
"""What is left of a formula in plain text where no letters show it."""


# -- the data ------------------------------------------------------------------------------------


def _collect(app) -> None:
    """Take what answers are compared with from the claims, and bundle what does it."""
    keys = {claim["id"]: claim["key"] for claim in app.claims}
    app.answer_data = {
        one.claim: data_of_steps(one) if one.steps else keys.get(one.claim)
        for one in asked().values()
    }
    app.answer_files = {"judge.js": node.run(BUNDLE, str(SCRIPT))}
    for problem in PROBLEMS:
        if _is_claimed(app, problem):
            data = {one.claim: app.answer_data[one.claim] for one in of_problem(problem)}
            app.answer_files[f"{problem}.js"] = _script(data)


def _is_claimed(app, problem: str) -> bool:
    """Return whether the book has the claims that a problem's answers are compared with."""
    names = [one.claim for one in of_problem(problem) if not one.steps]
    lacking = [name for name in names if app.answer_data[name] is None]
    if names and 0 < len(lacking) < len(names):
        raise BookError(f"asked.toml asks for {', '.join(lacking)}, which no claim is called")
    return bool(names) and not lacking


def _script(keys: dict) -> str:
    text = json.dumps(keys, ensure_ascii=False, allow_nan=False)
    return f"Object.assign(globalThis.byhandKeys ??= {{}}, {text});\n"


def _write(app, exception) -> None:
    if exception is None:
        folder = Path(app.outdir, "_static", FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in app.answer_files.items():
            (folder / name).write_text(text, encoding="utf-8")


# -- the forms -----------------------------------------------------------------------------------


class _Answers(nodes.Element):
    """The forms of a problem; made when the page is written."""


def _place_forms(app, doctree) -> None:
    """Put the forms below each problem's hint, or below the problem where it has none."""
    for section in list(doctree.findall(nodes.section)):
        problem = section[0].astext().partition(" · ")[0]
        if f"{problem}.js" in app.answer_files:
            section.insert(_after_the_hint(section), _Answers(problem=problem))


def _after_the_hint(section: nodes.section) -> int:
    places = [i for i, child in enumerate(section) if isinstance(child, nodes.admonition)]
    if not places:
        raise BookError(f"the section {section[0].astext()} states no problem")
    hint = places[0] + 1
    hinted = hint < len(section) and section[hint].astext().lstrip().startswith("Hint")
    return hint + 1 if hinted else hint


def _visit(translator, block: _Answers) -> None:
    builder, problem = translator.builder, block["problem"]
    app = builder.app

    def address(name: str) -> str:
        version = hashlib.sha256(app.answer_files[name].encode()).hexdigest()[:8]
        root = builder.get_relative_uri(builder.current_docname, "index").rpartition("index.html")[
            0
        ]
        return f"{root}_static/{FOLDER}/{name}?v={version}"

    page = Page(lambda latex: inline_html(latex, node_location(app, block)))
    components = {claim["id"]: claim["components"] for claim in app.claims}
    forms = "".join(
        _form(
            page, one, app.answer_data[one.claim], one.components or components.get(one.claim, ())
        )
        for one in of_problem(problem)
    )
    translator.body.append(
        f'<div class="answers" autocapitalize="off" spellcheck="false" '
        f'data-problem="{problem}" data-judge="{address("judge.js")}" '
        f'data-key="{address(f"{problem}.js")}" data-how="{escape(_in_the_notebook(problem))}">'
        f"<template>{forms}</template>"
        '<button type="button" class="answers-open">Show the solution</button></div>'
    )
    raise nodes.SkipNode


def _in_the_notebook(problem: str) -> str:
    """Return how to check an answer where no script runs."""
    first = next(one.claim for one in of_problem(problem) if not one.steps)
    return f'This page judges answers by a script. In the notebook check("{first}", …) does.'


# A page has many forms, so a field has few elements: names are attributes, which styles show. They
# wait in a template, because a browser lays out every section that has fields, however far away.


def _form(page: Page, one: Asked, data: dict, components: Sequence[str]) -> str:
    fields = {"choice": _choice, "steps": _steps}.get(data["kind"], _fields)
    return (
        f'<form class="answer" data-claim="{one.claim}" autocomplete="off">'
        f"{fields(page, one, data, components)}{_known(page, one, data)}"
        '<button type="submit">Check</button><p role="status"></p></form>'
    )


def _known(page: Page, one: Asked, data: dict) -> str:
    """Return which symbols a formula may have."""
    if not data["symbols"]:
        return ""
    names = f"in {', '.join(data['symbols'])}"
    said = _words(page, f"{names}; {one.typed}" if one.typed else names)
    return f"<small>{said}</small>"


def _words(page: Page, text: str) -> str:
    """Return a line of Markdown; a formula that letters can show is a few letters."""
    pieces = re.split(r"(\$[^$]+\$)", text)
    return "".join(
        page.markdown(piece)
        if UNSHOWN.search(_letters(piece))
        else escape(_letters(piece), quote=False)
        for piece in pieces
    )


def _letters(piece: str) -> str:
    """Return words, or a formula, in letters alone."""
    shown = plain(piece)
    return shown.replace("-", "−") if piece.startswith("$") else shown.replace("'", "’")


def _named(shown: str, text: str) -> str:
    """Return a name for a field; a formula that is set in its label is none for a screen reader."""
    return f' aria-label="{escape(plain(text))}"' if "<" in shown else ""


def _choice(page: Page, one: Asked, data: dict, components: Sequence[str]) -> str:
    options = "".join(f"<option>{escape(word)}</option>" for word in ["", *data["choices"]])
    label = _words(page, one.label)
    return f"<label>{label}<select{_named(label, one.label)}>{options}</select></label>"


def _steps(page: Page, one: Asked, data: dict, components: Sequence[str]) -> str:
    ticks = "".join(
        f'<label class="answer-step"><input type="checkbox"{_named(words, step)}/>'
        f"<span>{words}</span></label>"
        for step in one.steps
        for words in [_words(page, step)]
    )
    return f"<span>{_words(page, one.label)}</span>{ticks}"


def _fields(page: Page, one: Asked, data: dict, components: Sequence[str]) -> str:
    label, name, shape = _words(page, one.label), plain(one.label), data["shape"]
    if not shape:
        return f'<label>{label}<input type="text"{_named(label, one.label)}/></label>'
    if len(shape) == 2:
        inputs = "".join(
            f'<input type="text" aria-label="{escape(name)}, row {i + 1}, column {j + 1}"/>'
            for i in range(shape[0])
            for j in range(shape[1])
        )
        grid = f'<div class="answer-grid" style="--columns: {shape[1]}">{inputs}</div>'
        return f"<span>{label}</span>{grid}"
    names = [plain(_mathematical(each)) for each in components]
    if len(names) != shape[0]:
        names = [f"entry {i + 1}" for i in range(shape[0])]
    inputs = "".join(
        f'<label data-name="{escape(each)}">'
        f'<input type="text" aria-label="{escape(name)}, {escape(each)}"/></label>'
        for each in names
    )
    return f"<span>{label}</span>{inputs}"


def _mathematical(name: str) -> str:
    """Return the name of an entry; some claims have it without signs of mathematics."""
    return name if "$" in name or len(name) != 2 else f"${name[0]}_{name[1:]}$"


def setup(app) -> None:
    app.add_node(_Answers, html=(_visit, None))
    app.connect("builder-inited", _collect, priority=700)
    app.connect("doctree-read", _place_forms)
    app.connect("build-finished", _write, priority=910)  # no styles are for what it has in it
