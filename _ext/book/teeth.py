"""Shows the stored run of ``make teeth``, ``benchmarks/teeth.json``: who noticed planted faults."""

from __future__ import annotations

import json

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from book import inputs
from byhand.problems import CHAPTERS

STORED = inputs.ROOT / "benchmarks" / "teeth.json"
HEAD = ["module", "faults", "stopped by claims", "by tests", "by either"]


def stored() -> dict:
    """Return the last run of each chapter's package; a book without one has none."""
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def stopped() -> dict[str, int]:
    """Return id of a result → how many planted faults made it fail."""
    return {id: count for run in stored().values() for id, count in run["stopped"].items()}


def markdown(runs: dict) -> list[str]:
    """Return the runs as lines of Markdown, a section for each chapter's package."""
    lines = []
    for chapter in CHAPTERS:
        name = chapter.partition("_")[2]
        if name in runs:
            lines += [f"## `byhand.{name}`", "", *_run(runs[name])]
    missing = [f"`{c.partition('_')[2]}`" for c in CHAPTERS if c.partition("_")[2] not in runs]
    if missing:
        lines += ["", f"Not taken yet: {', '.join(missing)}."]
    return lines


def _run(run: dict) -> list[str]:
    totals = run["totals"]
    sample = "" if run["every"] == 1 else f", every {run['every']}th fault"
    lines = [f"Taken on {run['taken']}{sample}, in {run['minutes']} minutes.", ""]
    lines += ["| " + " | ".join(HEAD) + " |", "| --- |" + " ---: |" * (len(HEAD) - 1)]
    for module, row in {**run["modules"], "all": totals}.items():
        entries = [_share(row[kind], row["faults"]) for kind in ("by claims", "by tests")]
        entries.append(_share(row["by either"], row["faults"]))
        lines.append(f"| {_code(module)} | {row['faults']} | {' | '.join(entries)} |")
    survivors = run["survivors"]
    in_equations = [one for one in survivors if one["equation"]]
    lines += ["", _sentence(len(in_equations), len(survivors)), ""]
    for one in survivors:
        where = f"{_code(one['function'])}, line {one['line']}"
        mark = " (a numbered equation)" if one["equation"] else ""
        lines.append(f"- {where}{mark}: `{one['before']}` → `{one['after']}`")
    lines += [
        "",
        *_claims("Blind claims", "all of whose routes moved and still agreed", run["blind"]),
    ]
    lines += _claims("Toothless claims", "which no planted fault made fail", run["toothless"])
    for id, step in run["thinned"].items():
        lines += [f"`{id}` takes long, and was asked about one in {step} of its faults.", ""]
    return lines


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.1f}\N{NO-BREAK SPACE}%)" if of else "–"


def _code(name: str) -> str:
    return name if name == "all" else f"`{name.removeprefix('byhand.')}`"


def _sentence(in_equations: int, survivors: int) -> str:
    if not survivors:
        return "None survives."
    many = "1 fault survives" if survivors == 1 else f"{survivors} faults survive"
    told = {0: "none of them", 1: "one of them"}.get(in_equations, f"{in_equations} of them")
    return f"{many}, {told} in a function that implements a numbered equation:"


def _claims(kind: str, what: str, ids: list[str]) -> list[str]:
    told = ", ".join(f"`{id}`" for id in ids) if ids else "none"
    return [f"{kind}, {what}: {told}.", ""]


class TeethDirective(SphinxDirective):
    """The stored run."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(STORED))
        holder = nodes.Element()
        lines = StringList(markdown(stored()), source="")
        self.state.nested_parse(lines, self.content_offset, holder, match_titles=True)
        return holder.children


def setup(app) -> None:
    app.add_directive("teeth", TeethDirective)
