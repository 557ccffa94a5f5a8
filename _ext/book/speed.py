"""Shows the stored run of the benchmarks, ``benchmarks/speed.json``: its tables and its machine."""

from __future__ import annotations

import json
import math

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from book import inputs

STORED = inputs.ROOT / "benchmarks" / "speed.json"


def shown(value, kind: str) -> str:
    """Return an entry of a table as text; the kinds are those of ``benchmarks/measuring.py``."""
    if value is None:
        return "–"
    return {
        "text": str,
        "count": lambda x: _grouped(f"{x:,}"),
        "seconds": _seconds,
        "bytes": lambda x: f"{_three_digits(x / 1e3)} kB",
        "ratio": lambda x: f"{_three_digits(x)} ×",
        "error": "{:.1e}".format,
    }[kind](value)


def _seconds(x: float) -> str:
    scale, unit = next(
        ((s, u) for s, u in [(1, "s"), (1e-3, "ms"), (1e-6, "µs")] if x >= s), (1e-9, "ns")
    )
    return f"{_three_digits(x / scale)} {unit}"


def _three_digits(x: float) -> str:
    """Return three significant digits, without an exponent."""
    rounded = float(f"{x:.3g}")
    places = 2 - math.floor(math.log10(abs(rounded))) if rounded else 2
    return _grouped(f"{rounded:,.{max(0, places)}f}")


def _grouped(digits: str) -> str:
    return digits.replace(",", " ")


def markdown(run: dict) -> list[str]:
    """Return a run as lines of Markdown: where it was taken, then a section for each table."""
    machine, versions = run["machine"], run["versions"].items()
    lines = [
        f"Taken on {run['taken']}, on one thread of {machine['processor']} with {machine['cores']} "
        f"cores ({machine['system']}); {', '.join(' '.join(item) for item in versions)}."
    ]
    for table in run["tables"]:
        kinds = [kind for _, kind in table["columns"]]
        lines += ["", f"## {table['title']}", "", table["about"], ""]
        lines += ["| " + " | ".join(name for name, _ in table["columns"]) + " |"]
        lines += ["|" + "|".join(" --- " if k == "text" else " ---: " for k in kinds) + "|"]
        for row in table["rows"]:
            entries = (shown(value, kind) for value, kind in zip(row, kinds, strict=True))
            lines.append("| " + " | ".join(entries) + " |")
    return lines


class SpeedDirective(SphinxDirective):
    """The stored run."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(STORED))
        lines = markdown(json.loads(STORED.read_text(encoding="utf-8")))
        holder = nodes.Element()
        self.state.nested_parse(
            StringList(lines, source=""), self.content_offset, holder, match_titles=True
        )
        return holder.children


def setup(app) -> None:
    app.add_directive("speed", SpeedDirective)
