"""Claims for the eye: text in a terminal, HTML in JupyterLab, data for the site."""

from __future__ import annotations

import os
import textwrap
from html import escape
from typing import Any

from IPython import get_ipython
from IPython.display import display

from byhand.evidence.entry import MIME_TYPE
from byhand.evidence.opening import (
    Page,
    agreement,
    agreements,
    deviation,
    is_short,
    is_wrong,
    statement,
)
from byhand.evidence.plain import plain

STYLE = """<style>
.byhand summary { display: list-item; list-style: inside disclosure-closed; cursor: pointer }
.byhand details[open] > summary { list-style-type: disclosure-open }
.byhand :is(.claim-routes, .claim-sheet, .claim-open em) { opacity: 0.7 }
.byhand .claim-open { margin: 0.4em 0 0.8em 1.2em }
.byhand .claim-open pre { margin: 0.2em 0 0.6em; white-space: pre-wrap; word-break: normal;
  overflow-wrap: anywhere }
.byhand .claims-table { margin: 0 0 0.3em }
.byhand .claims-table :is(th, td) { text-align: left; font-weight: 400 }
.byhand .claims-table .claim-slip { font-weight: 700 }
.byhand .matrix { display: inline-table; margin: 0; border: solid; border-width: 0 1px;
  border-collapse: separate; border-spacing: 0; border-radius: 0.5em; vertical-align: middle }
.byhand .matrix td { padding: 0 0.35em; text-align: center; background: none }
.byhand figure { margin: 0 }
.byhand figcaption { font-weight: 600 }
</style>"""
"""What a front end of Jupyter lacks; the site has styles of its own."""


def show(entries: list[dict], caption: str | None = None) -> None:
    """Show entries: in a notebook as a display, in a terminal as text."""
    bundle = mime_bundle(entries, caption)
    if get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display(bundle, raw=True)


def mime_bundle(entries: list[dict], caption: str | None = None) -> dict[str, Any]:
    """Return entries as text, as HTML or Markdown, and as data.

    JupyterLab sets formulas in HTML; VS Code, which says so in the environment, in Markdown alone.
    """
    is_table = caption is not None
    if "VSCODE_PID" in os.environ:
        shown = {"text/markdown": _table(entries, caption) if is_table else _markdown(entries[0])}
    else:
        body = Page().table(entries, caption) if is_table else _html(entries[0])
        shown = {"text/html": f'{STYLE}<div class="byhand">{body}</div>'}
    return {
        "text/plain": _aligned(entries, caption) if is_table else line(entries[0]),
        **shown,
        MIME_TYPE: {"caption": caption, "claims": entries},
    }


def _html(entry: dict) -> str:
    if is_wrong(entry):
        words = Page().markdown(entry["witness"]["words"])
        return f"<div>✗ <strong>{escape(entry['id'])}</strong>: {words}</div>"
    return Page().claim(entry, said=_witness_words(entry))


# -- text ----------------------------------------------------------------------------------------


def line(entry: dict) -> str:
    """Return an entry as one line; a wrong value is told so, and not what is right."""
    name, witness = entry["id"], entry["witness"]
    if is_wrong(entry):
        return f"✗ {name}: {plain(witness['words'])}"
    said = " ".join(filter(None, [_witness_words(entry), plain(statement(entry))]))
    if is_short(entry["result"]):
        said += f": {entry['result']['text']}"
    return f"✓ {name}: {said} [{plain(agreement(entry))}{_sheet(entry)}]"


def _witness_words(entry: dict) -> str:
    witness = entry["witness"]
    return f"{witness['words'].rstrip('.')} –" if witness else ""


def _sheet(entry: dict) -> str:
    if entry["sheet"] is None:
        return ""
    said = f"; the sheet has {entry['sheet']}"
    if entry["erratum"]:
        return f"{said}: {plain(entry['erratum'])}"
    how = ", its digits cut off" if entry["sheet_digits"] == "cut off" else ""
    return f"{said}: confirmed{how}"


def _aligned(entries: list[dict], caption: str) -> str:
    """Return a table as text: a line for each entry, with its label and result."""
    rows = []
    for entry in entries:
        if is_wrong(entry):
            rows.append((f"✗ {entry['id']}", entry["witness"]["words"], "", ""))
            continue
        mark = f"✓ {entry['id']}"
        label = plain(entry["label"] or entry["statement"])
        rows.append((mark, label, entry["result"]["text"], _sheet(entry).removeprefix("; ")))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]
    return "\n".join([f"{plain(caption)} [{plain(agreements(entries))}]", *lines])


def opened(entry: dict) -> str:
    """Return all that was done for a result as text: routes, their source, inputs, deviation."""
    lines = []
    if entry["setup_source"]:
        lines += ["set-up", _indented(entry["setup_source"])]
    for route in entry["routes"]:
        value = route["value"]
        shown = value["text"]
        if value["truth"]:
            shown = shown.removeprefix("True (").removesuffix(")")
        because = f" (to {route['tolerance']}: {route['because']})" if route["because"] else ""
        lines.append(f"{route['name']}, by {route['method']}: {shown}{because}")
        lines.append(_indented(route["source"]))
    if entry["inputs"]:
        inputs = ", ".join(f"{i['name']} = {i['text']}" for i in entry["inputs"])
        lines.append(f"inputs: {inputs}")
    lines.append(f"deviation: {deviation([entry])}")
    return textwrap.indent("\n".join(lines), "  ")


def _indented(source: str) -> str:
    return textwrap.indent(source, "    ")


# -- Markdown ------------------------------------------------------------------------------------


def _markdown(entry: dict) -> str:
    """Return a line that opens, where HTML may stand in Markdown, to what each route gave."""
    if is_wrong(entry):
        return f"✗ **{entry['id']}**: {entry['witness']['words']}"
    said = " ".join(filter(None, [_witness_words(entry), statement(entry)]))
    if is_short(entry["result"]):
        said += f": {_set(entry['result'])}"
    summary = f"✓ {said} *{agreement(entry)}{_sheet(entry)}*"
    parts = []
    for route in entry["routes"]:
        value = route["value"]["effect"] or _set(route["value"])
        parts.append(f"**{route['name']}**, by {route['method']}: {value}")
        parts.append(f"```python\n{route['source']}\n```")
    if entry["inputs"]:
        inputs = [f"`{given['name']} = {given['text']}`" for given in entry["inputs"]]
        parts.append(f"Inputs: {', '.join(inputs)}")
    parts.append(f"Deviation: {deviation([entry])}")
    body = "\n\n".join(parts)
    return f"{summary}\n\n<details><summary>{entry['evidence']}</summary>\n\n{body}\n\n</details>"


def _set(value: dict) -> str:
    return f"${value['latex']}$" if value["latex"] else value["text"]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\vert ") for cell in cells) + " |"


def _table(entries: list[dict], caption: str) -> str:
    rows = ["| | claim | result | sheet |", "| --- | --- | --- | --- |"]
    for entry in entries:
        label = entry["label"] or entry["statement"]
        if is_wrong(entry):
            rows.append(_row(["✗", label, entry["witness"]["words"], ""]))
            continue
        mark = "✗" if entry["erratum"] else "✓"
        sheet = f"{mark} {entry['sheet']} {entry['erratum'] or ''}" if entry["sheet"] else ""
        result = entry["result"]["effect"] or _set(entry["result"])
        rows.append(_row(["✓", label, result, sheet]))
    return f"**{caption}** *{agreements(entries)}*\n\n" + "\n".join(rows)
