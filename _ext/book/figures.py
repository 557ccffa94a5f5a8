"""Turns the figures of executed notebooks into files, and gives interactive ones their controls.

A frame becomes a file named by its content, so pages stay small and load only the frames that a
reader asks for. The first frame is in the page, without any script.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from nbformat import NotebookNode
from sphinx.util.docutils import SphinxDirective

from book.strictness import BookError, located, node_location
from byhand.explore import MIME_TYPE

FOLDER = "_figures"


def _write_frames(app) -> None:
    """Write the frames of all figures to files, those of pages that are not read again too."""
    folder = Path(app.outdir, FOLDER)
    folder.mkdir(exist_ok=True)
    for notebook in app.executed_notebooks.values():
        for output in _figures(notebook.cells):
            for frame in output["frames"]:
                data = base64.b64decode(frame["webp"])
                (folder / _name(data)).write_bytes(data)


def _figures(cells: Iterable[NotebookNode]) -> Iterator[dict]:
    for cell in cells:
        for output in cell.get("outputs", []):
            if MIME_TYPE in output.get("data", {}):
                yield output.data[MIME_TYPE]


def _name(frame: bytes) -> str:
    return hashlib.sha256(frame).hexdigest()[:16] + ".webp"


def _with_names(output: dict) -> dict:
    """Return a figure with the names of its frames' files in place of these."""
    kept = ("alt", "width", "height")
    frames = [
        {"file": _name(base64.b64decode(frame["webp"]))} | {k: frame[k] for k in kept}
        for frame in output["frames"]
    ]
    return output | {"frames": frames}


def _as_directive(app, output: dict) -> str:
    return f"``````{{book-figure}}\n{json.dumps(_with_names(output))}\n``````"


class FigureDirective(SphinxDirective):
    """A figure from a notebook, with a slider or a row of buttons for each of its controls."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        return self.figure(json.loads("\n".join(self.content)))

    def figure(self, content: dict) -> list[nodes.Node]:
        opening, closing = _figure_html(content, self._path_to_figures())
        caption = nodes.Element()
        if content["caption"]:
            self.state.nested_parse(
                StringList([content["caption"]], source=""), self.content_offset, caption
            )
        return [_raw(opening), *caption.children, _raw(closing)]

    def _path_to_figures(self) -> str:
        return "../" * self.env.docname.count("/") + FOLDER


class ChapterFigureDirective(FigureDirective):
    """A figure of another page's notebook: of its cell with the tag ``landing-page``."""

    required_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        document = self.arguments[0]
        cells = self.env.app.executed_notebooks[document].cells
        tagged = [cell for cell in cells if "landing-page" in cell.metadata.get("tags", [])]
        for output in _figures(tagged):
            return self.figure(_with_names(output))
        raise self.error(f"{document} has no figure in a cell with the tag landing-page")


def _figure_html(content: dict, folder: str) -> tuple[str, str]:
    """Return the HTML before and after the caption."""
    figure_id = f"figure-{content['name']}"
    first = content["frames"][content["first"]]
    alt = html.escape(first["alt"], quote=True)
    classes = "book-figure photograph" if content["photograph"] else "book-figure"
    opening = (
        f'<figure class="{classes}" id="{figure_id}">'
        f'<img src="{folder}/{first["file"]}" alt="{alt}" width="{first["width"]}" '
        f'height="{first["height"]}" loading="lazy" decoding="async">'
    )
    if content["controls"]:
        opening += _controls_html(content, figure_id, folder)
    return opening + "<figcaption>", "</figcaption></figure>"


def _controls_html(content: dict, figure_id: str, folder: str) -> str:
    controls = "".join(
        (_buttons_html if control["buttons"] else _slider_html)(control, f"{figure_id}-{i}")
        for i, control in enumerate(content["controls"])
    )
    data = {
        "folder": folder,
        "names": [f"{content['name']}.{control['name']}" for control in content["controls"]],
        "values": [control["values"] for control in content["controls"]],
        "frames": [[frame["file"], frame["alt"]] for frame in content["frames"]],
    }
    text = json.dumps(data, ensure_ascii=False).replace("<", r"\u003c")
    return (
        f'<div class="book-controls pst-js-only">{controls}</div>'
        '<p class="visually-hidden" role="status"></p>'
        f'<script type="application/json">{text}</script>'
    )


def _slider_html(control: dict, control_id: str) -> str:
    values, start = list(map(html.escape, control["values"])), control["start"]
    return (
        f'<label for="{control_id}">{html.escape(control["label"])}</label>'
        f'<input type="range" id="{control_id}" min="0" max="{len(values) - 1}" '
        f'value="{start}" autocomplete="off" aria-valuetext="{values[start]}">'
        f'<output for="{control_id}" aria-live="off">{values[start]}</output>'
    )


def _buttons_html(control: dict, control_id: str) -> str:
    """Return radio buttons: the arrow keys choose, and a screen reader says which of how many."""
    buttons = "".join(
        f'<label><input type="radio" name="{control_id}" value="{position}" autocomplete="off"'
        f"{' checked' if position == control['start'] else ''}>{html.escape(value)}</label>"
        for position, value in enumerate(control["values"])
    )
    return (
        f'<span id="{control_id}-name">{html.escape(control["label"])}</span>'
        f'<div role="radiogroup" aria-labelledby="{control_id}-name">{buttons}</div>'
    )


def _raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def _require_alt(app, doctree) -> None:
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            place = node_location(app, image)
            raise BookError(located(*place, f"the image {image['uri']} has no alternative text"))


def setup(app) -> None:
    app.output_directives[MIME_TYPE] = _as_directive
    app.add_directive("book-figure", FigureDirective)
    app.add_directive("chapter-figure", ChapterFigureDirective)
    app.connect("builder-inited", _write_frames, priority=600)
    app.connect("doctree-read", _require_alt)
