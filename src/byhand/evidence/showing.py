"""Claims for the eye: a line in a terminal, Markdown in JupyterLab, data for the site."""

from __future__ import annotations

from typing import Any

from IPython import get_ipython
from IPython.display import display

from byhand.evidence.entry import MIME_TYPE
from byhand.evidence.setting import scientific


def show(entries: list[dict], caption: str | None = None) -> None:
    """Show entries: in a notebook as a display, in a terminal as text."""
    bundle = mime_bundle(entries, caption)
    if get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display(bundle, raw=True)


def mime_bundle(entries: list[dict], caption: str | None = None) -> dict[str, Any]:
    """Return entries as text, as Markdown and as data."""
    heading = [caption] if caption else []
    markdown = _table(entries, caption) if caption else _markdown(entries[0])
    return {
        "text/plain": "\n".join(heading + [line(entry) for entry in entries]),
        "text/markdown": markdown,
        MIME_TYPE: {"caption": caption, "claims": entries},
    }


# -- one line ------------------------------------------------------------------------------------


def line(entry: dict, strong: str = "", code: str = "") -> str:
    """Return an entry as one line; a wrong value is told so, and not what is right."""
    name, witness = f"{strong}{entry['id']}{strong}", entry["witness"]
    if is_wrong(entry):
        return f"✗ {name}: {witness['words']}"
    said = f"{witness['words']} " if witness and witness["verdict"] == "rounded" else ""
    return f"✓ {name}: {said}{_statement(entry)} [{agreement(entry)}{_sheet(entry, code)}]"


def is_wrong(entry: dict) -> bool:
    """Return whether the cell gave a value that is not the result."""
    witness = entry["witness"]
    return bool(witness) and witness["verdict"] not in ("right", "rounded")


def _statement(entry: dict) -> str:
    said = f"{entry['statement']}: {entry['label']}" if entry["label"] else entry["statement"]
    given = [f"{i['name']} = {i['text']}" for i in entry["inputs"] if i["given"]]
    return f"{said}, with {', '.join(given)}" if given else said


def agreement(entry: dict) -> str:
    """Return in words how the routes agree."""
    routes = f"{len(entry['routes'])} routes agree"
    if entry["evidence"] == "proved":
        return f"{routes}; proved for all {entry['for_all']}"
    if entry["deviation"] == 0:
        return f"{routes} exactly"
    if entry["deviation_unit"] == "standard errors":
        return f"{routes} within {entry['deviation']:.1f} standard errors"
    return f"{routes} to {scientific(entry['deviation'])}"


def _sheet(entry: dict, code: str) -> str:
    if entry["sheet"] is None:
        return ""
    said = f"; the sheet has {code}{entry['sheet']}{code}"
    if entry["erratum"]:
        return f"{said}: {entry['erratum']}"
    how = ", its digits cut off" if entry["sheet_digits"] == "cut off" else ""
    return f"{said}: confirmed{how}"


# -- Markdown ------------------------------------------------------------------------------------


def _markdown(entry: dict) -> str:
    """Return a line that opens, where HTML may stand in Markdown, to what each route gave."""
    summary = line(entry, "**", "`")
    if entry["evidence"] is None or is_wrong(entry):
        return summary
    rows = ["| route | by | value |", "| --- | --- | --- |"]
    for route in entry["routes"]:
        rows.append(_row([route["name"], route["method"], _set(route["value"])]))
    parts = ["\n".join(rows)]
    if entry["inputs"]:
        inputs = [f"`{given['name']} = {given['text']}`" for given in entry["inputs"]]
        parts.append(f"Inputs: {', '.join(inputs)}")
    parts.append(f"```python\n{entry['source']}\n```")
    body = "\n\n".join(parts)
    return f"{summary}\n\n<details><summary>{entry['evidence']}</summary>\n\n{body}\n\n</details>"


def _set(value: dict) -> str:
    return f"${value['latex']}$" if value["latex"] else value["text"]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _table(entries: list[dict], caption: str) -> str:
    rows = ["| | claim | result | routes | sheet |", "| --- | --- | --- | --- | --- |"]
    for entry in entries:
        mark = "✗" if entry["erratum"] else "✓"
        sheet = f"{mark} `{entry['sheet']}` {entry['erratum'] or ''}" if entry["sheet"] else ""
        result = entry["result"]
        shown = f"`{result['text']}`" if entry["evidence"] is None else _set(result)
        statement = entry["label"] or entry["statement"]
        rows.append(_row(["✓", statement, shown, agreement(entry), sheet]))
    return f"**{caption}**\n\n" + "\n".join(rows)
