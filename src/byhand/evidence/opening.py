"""Claims as HTML: a quiet line that opens to all that was done, or a table that does.

The site and JupyterLab show the same. They differ in how mathematics gets onto the page, and only
the site has links; both are given to a :class:`Page`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from itertools import starmap

from byhand.evidence.anchoring import common, most_independent
from byhand.evidence.plain import plain
from byhand.evidence.setting import MAX_ENTRIES, MAX_NARROW, MAX_SIDE, letters, scientific

MAX_COLUMNS = 4
"""A result with more entries, or one that is no vector, has one column in a table of cases."""

PLAIN = re.compile(
    r"-?\d+(?:\.\d+)?(?:\\cdot 10\^\{-?\d+\})?(?: \\pm [-\d.]+(?:\\cdot 10\^\{-?\d+\})?)?"
)
FRACTION = re.compile(r"(-?)\\tfrac\{(\d+)\}\{(\d+)\}")
"""Numbers that are set without a formula, which weighs a hundred times as much."""

OPENING, CLOSING = r"[(\[“‘]*", r"(?:-(?:th\b)?|[.,;:!?)\]’”…]*)"
"""Marks that stay with the formula behind or before them: a browser would break the line there."""

LONG = 200
"""A value with more HTML is not written twice."""


class Page:
    """Shows entries as HTML.

    Parameters
    ----------
    mathematics
        Returns the HTML of a formula in LaTeX.
    link
        Returns the HTML of a link to a claim in the ledger, of its id and of what is shown.
    """

    def __init__(
        self,
        mathematics: Callable[[str], str] = lambda latex: f"${escape(latex)}$",
        link: Callable[[str, str], str] = lambda id, shown: shown,
    ) -> None:
        self.mathematics = mathematics
        self.link = link

    # -- text and values -------------------------------------------------------------------------

    def markdown(self, text: str) -> str:
        """Return a line of Markdown: formulas, code, strong and emphasised words."""
        pieces = re.split(rf"({OPENING}\$[^$]+\${CLOSING}|`[^`]+`)", text)
        return "".join(map(self._piece, pieces))

    def _piece(self, piece: str) -> str:
        if found := re.fullmatch(r"([^$]*)\$([^$]+)\$([^$]*)", piece):
            return self._held(*found.groups())
        if piece.startswith("`") and len(piece) > 1:
            return f"<code>{escape(piece.strip('`'))}</code>"
        words = escape(piece, quote=False).replace("'", "’")
        words = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", words)
        return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", words)

    def _held(self, opening: str, latex: str, closing: str) -> str:
        """Return a formula with the marks around it, which stay on its first and last line."""
        formula = self.mathematics(latex)
        if not opening and not closing:
            return formula
        return f'<span class="held">{opening}{formula}{closing}</span>'

    def number(self, latex: str, mark: str = "") -> str:
        """Return one number or formula, a plain number as text, and the mark that follows it."""
        if fraction := FRACTION.fullmatch(latex):
            sign, p, q = fraction.groups()
            return f"{sign.replace('-', '−')}<sup>{p}</sup>⁄<sub>{q}</sub>{mark}"
        if PLAIN.fullmatch(latex):
            shown = re.sub(r"10\^\{(-?\d+)\}", r"10<sup>\1</sup>", latex)
            return shown.replace(r"\cdot ", "·").replace(r"\pm", "±").replace("-", "−") + mark
        if words := re.fullmatch(r"\\text\{([^{}]*)\}", latex):
            return escape(words[1]) + mark
        return self._held("", latex, mark)

    def value(self, value: dict) -> str:
        """Return a value: a number, a vector by its entries, a matrix, or the effect of a truth."""
        if value["truth"] is not None:
            return self.markdown(value["effect"] or "holds")
        if value["latex"] is None:
            return escape(value["text"])
        shape, entries = value["shape"], value["entries"]
        if not shape:
            return self.number(value["latex"])
        if len(shape) == 2 and max(shape) <= MAX_SIDE:
            return self._matrix(entries, shape[1])
        size = 1
        for length in shape:
            size *= length
        *first, last = entries[:MAX_ENTRIES]
        numbers = [self.number(entry, ",") for entry in first]
        if size > MAX_ENTRIES:
            return f"({' '.join([*numbers, self.number(last, ',')])} … ({size} in all))"
        return f"({' '.join([*numbers, self.number(last, ')')])}"

    def _matrix(self, entries: list[str], width: int) -> str:
        """Return a matrix as a table, which weighs less than a formula and can be made small."""
        rows = [entries[i : i + width] for i in range(0, len(entries), width)]
        columns = [max(map(letters, column)) for column in zip(*rows, strict=True)]
        wide = sum(columns) + 2 * width > MAX_NARROW
        cells = ["".join(f"<td>{self.number(x)}</td>" for x in row) for row in rows]
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f'<table class="matrix{" wide" if wide else ""}"><tbody>{body}</tbody></table>'

    # -- a claim ---------------------------------------------------------------------------------

    def line(self, entry: dict) -> str:
        """Return the quiet line: what is claimed, its value, how the routes agree, the sheet."""
        if is_short(entry["result"]):
            shown = f"{self.markdown(statement(entry) + ':')} {self.value(entry['result'])}"
        else:
            shown = self.markdown(statement(entry))
        quiet = f' <span class="claim-routes">· {self.markdown(agreement(entry))}</span>'
        return shown + quiet + self._of_the_sheet(entry)

    def _of_the_sheet(self, entry: dict) -> str:
        if not entry["sheet"]:
            return ""
        if not entry["erratum"]:
            said = f" · the sheet agrees: {escape(sheet(entry))}"
            return f'<span class="claim-sheet">{said}</span>'
        said = f"the sheet has {escape(sheet(entry))}. {self._erratum(entry)}"
        return f' <span class="claim-slip">✗</span> {said}'

    def _erratum(self, entry: dict) -> str:
        return self.markdown(sentence(entry["erratum"]))

    def claim(self, entry: dict, attributes: str = "", said: str = "") -> str:
        """Return the line that opens, with what is said of a reader's value in front."""
        return (
            f'<details class="claim {entry["verdict"]}"{attributes}><summary>'
            f'<span class="claim-mark">✓</span> {said} {self.line(entry)}</summary>'
            f"{self._open(self._all_of(entry))}</details>"
        )

    @staticmethod
    def _open(parts: list[str]) -> str:
        return f'<div class="claim-open">{"".join(parts)}</div>'

    def _all_of(self, entry: dict) -> list[str]:
        """Return the parts of what a claim opens to."""
        found = list(map(self._found, entry["routes"]))
        found[1:] = ["the same" if f == found[0] and len(f) > LONG else f for f in found[1:]]
        routes = list(map(self._route, entry["routes"], found))
        return self._setup(entry) + routes + self._facts([entry])

    def _setup(self, entry: dict) -> list[str]:
        return [_part("set-up", _code(entry["setup_source"]))] if entry["setup_source"] else []

    def _found(self, route: dict) -> str:
        """Return what a route found: a proof, or a value."""
        if not (proof := route["proof"]):
            return self.value(route["value"])
        proved = self.mathematics(proof["latex"]) if proof["latex"] else "proved"
        proved = proved if proof["decided"] else escape(proof["prover"])
        trials = "".join(f"<li>{self.markdown(one['markdown'])}</li>" for one in proof["trials"])
        return f"{proved}<ul>{trials}</ul>"

    def _route(self, route: dict, found: str) -> str:
        if route["because"]:
            reason = self.markdown(f"to {_powers(route['tolerance'])}, because: {route['because']}")
            found += f' <span class="claim-routes">{reason}</span>'
        code = _code(route["source"])
        return _part(escape(route["name"]), found + code, f"by {route['method']}")

    def _facts(self, entries: list[dict]) -> list[str]:
        """Return what is said of a claim, or of all cases of one, below its routes."""
        entry, alone = entries[0], len(entries) == 1
        amounts_to = entry["sheet_value"] if entry["sheet"] and alone else None
        facts = {
            "inputs": self._inputs(entries),
            "in common": self._common(entry),
            "deviation": deviation(entries) if entry["result"]["truth"] is None else "",
            "the sheet": f"{escape(entry['sheet'])} is {self.value(amounts_to)}"
            if amounts_to and amounts_to["truth"] is None
            else "",
            "not proved": self.markdown(entry["because"] or ""),
            "evidence": self._evidence(entry),
            "claim": self.link(entry["id"], f"<code>{escape(entry['id'])}</code>") if alone else "",
        }
        return [_part(name, shown) for name, shown in facts.items() if shown]

    def _evidence(self, entry: dict) -> str:
        quantifier = f" for all {self.markdown(entry['for_all'])}" if entry["for_all"] else ""
        return f"{entry['evidence']}{quantifier}"

    def _inputs(self, entries: list[dict]) -> str:
        shown = []
        for position, given in enumerate(entries[0]["inputs"]):
            values = [self._input(entry["inputs"][position]) for entry in entries]
            values = values[:1] if len(set(values)) == 1 else values
            shown.append(f"<code>{escape(given['name'])}</code> = {', '.join(values)}")
        return "; ".join(shown)

    def _input(self, given: dict) -> str:
        if given["latex"] is None:
            return escape(given["text"])
        return self.value(given | {"truth": None})

    def _common(self, entry: dict) -> str:
        """Say which of byhand's functions the two most independent routes share."""
        shared = entry["shared"]
        if shared is None:  # here the rest of the book is not known
            pair = most_independent(entry, {})
            shared = [{"function": name, "anchor": None} for name in sorted(common(entry, *pair))]
        else:
            pair = [r for name in entry["pair"] for r in entry["routes"] if r["name"] == name]
        both = " and ".join(escape(route["name"]) for route in pair)
        if not shared:
            return f"{both} share no function of byhand"
        anchored: dict[str | None, list[str]] = {}
        for part in shared:
            anchored.setdefault(part["anchor"], []).append(part["function"])
        return f"{both} share {'; '.join(starmap(self._anchored, anchored.items()))}"

    def _anchored(self, anchor: str | None, functions: list[str]) -> str:
        inner = {name for name in functions for other in functions if name.startswith(f"{other}.")}
        outer = [name.removeprefix("byhand.") for name in functions if name not in inner]
        names = [f"<code>{escape(name)}</code>" for name in outer]
        by = f", checked by {self.link(anchor, f'<code>{escape(anchor)}</code>')}" if anchor else ""
        return f"{', '.join(names)}{by}"

    # -- a table of cases ------------------------------------------------------------------------

    def _head(self, name: str) -> str:
        """Return a column's head. A formula alone would count as empty, so its letters are set."""
        if not name:
            return "<td></td>"
        shown = f"<i>{escape(plain(name))}</i>" if name.startswith("$") else self.markdown(name)
        return f'<th scope="col">{shown}</th>'

    def table(self, entries: list[dict], caption: str, attributes: Callable = lambda e: "") -> str:
        """Return a table: a row per quantity, a column per component, slips marked."""
        columns = _columns(entries)
        heads = entries[0]["components"] if columns > 1 else []
        heads = ["", *(heads or [""] * columns)]
        if any(entry["sheet"] for entry in entries):
            heads.append("sheet")
        row = "".join(map(self._head, heads))
        head = f"<thead><tr>{row}</tr></thead>" if any(heads) else ""
        formula = _same_formula(entries)
        is_long = any(_row_width(entry) > MAX_NARROW for entry in entries)
        body = "".join(
            self._row(entry, columns, len(heads), formula, attributes(entry)) for entry in entries
        )
        table = (
            f'<figure class="claims"><figcaption>{self.markdown(caption)}</figcaption>'
            f'<table class="claims-table{" long" if is_long else ""}">'
            f"{head}<tbody>{body}</tbody></table>"
        )
        if any(map(is_wrong, entries)):  # what is right is not given away
            return f"{table}</figure>"
        said = self.markdown(agreements(entries))
        if formula:
            said += f" · the sheet has {escape(formula)}"
        return (
            f'{table}<details class="claim"><summary class="claim-routes">{said}</summary>'
            f"{self._table_opened(entries)}</details></figure>"
        )

    def _row(
        self, entry: dict, columns: int, width: int, formula: str | None, attributes: str
    ) -> str:
        result = entry["result"]
        label = self.markdown(entry["label"] or entry["statement"])
        if is_wrong(entry):
            said = self.markdown(entry["witness"]["words"])
            return f'<tr><th scope="row">✗ {label}</th><td colspan="{width - 1}">{said}</td></tr>'
        mark = self.link(entry["id"], '<span class="claim-mark">✓</span>')
        cells = map(self.number, result["entries"]) if columns > 1 else [self.value(result)]
        cells = [*cells, *[self._sheet_cell(entry, formula)] * (width > columns + 1)]
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        row = f'<tr{attributes}><th scope="row">{mark} {label}</th>{row}</tr>'
        if not entry["erratum"]:
            return row
        printed = "" if entry["sheet_entries"] or formula else f"{escape(sheet(entry))} – "
        said = f'<span class="claim-slip">✗</span> {printed}{self._erratum(entry)}'
        return f'{row}<tr><td colspan="{width}">{said}</td></tr>'

    @staticmethod
    def _sheet_cell(entry: dict, formula: str | None) -> str:
        if not entry["sheet"]:
            return ""
        cut = ", cut off" if entry["sheet_digits"] == "cut off" else ""
        if not entry["sheet_entries"]:
            if entry["erratum"]:
                return '<strong class="claim-slip">✗</strong>'
            return f"{'' if formula else escape(entry['sheet'])}{cut} ✓"
        numbers = [
            escape(one["text"])
            if one["agrees"]
            else f'<strong class="claim-slip">{escape(one["text"])} ✗</strong>'
            for one in entry["sheet_entries"]
        ]
        return f"{', '.join(numbers)}{cut}{'' if entry['erratum'] else ' ✓'}"

    def _table_opened(self, entries: list[dict]) -> str:
        """Return what a table opens to: the routes, once where the cases share them."""
        first, *others = entries
        if any(_ways(one) != _ways(first) for one in others):
            return "".join(
                f'<p class="claim-case">{self.markdown(one["label"] or one["statement"])}</p>'
                f"{self._open(self._all_of(one))}"
                for one in entries
            )
        results = [self.value(one["result"]) for one in entries]
        parts = self._setup(first)
        for position, route in enumerate(first["routes"]):
            found = [self._found(one["routes"][position]) for one in entries]
            told = "as in the table" if found == results else "; ".join(found)
            parts.append(self._route(route, told))
        return self._open(parts + self._facts(entries))


def _part(name: str, shown: str, method: str = "") -> str:
    how = f" <em>{method}</em>" if method else ""
    return f"<div><b>{name}</b>{how}: {shown}</div>"


def _code(source: str) -> str:
    return f"<pre>{escape(source, quote=False)}</pre>"


def _columns(entries: list[dict]) -> int:
    shapes = {tuple(entry["result"]["shape"]) for entry in entries}
    shape = shapes.pop()
    few = len(shape) == 1 and shape[0] <= MAX_COLUMNS and not shapes
    return shape[0] if few and len(entries[0]["result"]["entries"]) == shape[0] else 1


def _row_width(entry: dict) -> int:
    """Return about how many letters a row needs: words stand below each other, numbers beside."""
    words = (entry["label"] or entry["statement"]).split(), (entry["sheet"] or "").split()
    label, printed = (max(map(letters, some), default=0) for some in words)
    return label + _width(entry["result"]) + printed


def _width(value: dict) -> int:
    """Return about how many letters wide a result is."""
    if len(value["shape"]) == 2:
        return 0  # a matrix is made small
    return sum(letters(entry) + 2 for entry in value["entries"] or [value["text"]])


def _same_formula(entries: list[dict]) -> str | None:
    """Return what the sheet has for all of them alike, if that is no numbers."""
    texts = {entry["sheet"] for entry in entries if entry["sheet"]}
    numbers = any(entry["sheet_entries"] for entry in entries)
    alike = len(texts) == 1 and len(entries) > 1 and not numbers
    return texts.pop() if alike else None


def _ways(entry: dict) -> list[tuple]:
    return [(route["name"], route["method"], route["source"]) for route in entry["routes"]]


UNITS = ["exact", "relative", "absolute", "standard errors"]
"""In which routes may be apart, the loosest last."""


# -- words ---------------------------------------------------------------------------------------


def is_short(value: dict) -> bool:
    """Return whether a value has its place in a line."""
    size = 1
    for length in value["shape"]:
        size *= length
    return value["truth"] is None and size <= MAX_COLUMNS and len(value["latex"] or "") <= 80


def statement(entry: dict) -> str:
    """Return what is claimed, in Markdown, with the inputs that a reader gave."""
    said = f"{entry['statement']}: {entry['label']}" if entry["label"] else entry["statement"]
    given = [f"`{i['name']}` = {_in_markdown(i)}" for i in entry["inputs"] if i["given"]]
    return f"{said}, but with {', '.join(given)}" if given else said


def _in_markdown(value: dict) -> str:
    return value["text"] if value["latex"] is None else f"${value['latex']}$"


def is_wrong(entry: dict) -> bool:
    """Return whether the cell gave a value that is not the result."""
    witness = entry["witness"]
    return bool(witness) and witness["verdict"] not in ("right", "rounded")


def agreement(entry: dict) -> str:
    """Return in words how the routes agree."""
    routes = f"{len(entry['routes'])} routes agree"
    if entry["evidence"] == "proved":
        lacking = any(r["method"] == "prover" and not r["proof"] for r in entry["routes"])
        when = ", when the book was built" if lacking else ""
        return f"{routes}; proved for all {entry['for_all']}{when}"
    if entry["deviation"] == 0:
        return f"{routes} exactly"
    if entry["deviation_unit"] == "standard errors":
        return f"{routes} within {entry['deviation']:.1f} standard errors"
    return f"{routes} to {scientific(entry['deviation'])}"


def agreements(entries: list[dict]) -> str:
    """Return in words how the routes to several results agree: as those that agree least do."""
    said = list(dict.fromkeys(map(agreement, entries)))
    if len(said) == 1:
        return said[0]
    least = agreement(_worst(entries)).partition("agree ")[2]
    return f"all routes agree; those that agree least, {least}"


def deviation(entries: list[dict]) -> str:
    """Return how far routes are apart at most, relative to what, and what is allowed."""
    worst = _worst(entries)
    if worst["deviation"] == 0:
        return "none"
    allowed = f"; allowed: {_powers(worst['tolerance'])}"
    if worst["deviation_unit"] == "standard errors":
        return f"{worst['deviation']:.1f} standard errors{allowed}"
    of = "of the entry" if worst["deviation_unit"] == "relative" else "absolute"
    return f"{scientific(worst['deviation'])} {of}{allowed}"


def _powers(tolerance: str) -> str:
    """Return a tolerance with its powers of ten as they are written by hand."""
    return re.sub(r"\de-\d+", lambda number: scientific(float(number[0])), tolerance)


def _worst(entries: list[dict]) -> dict:
    return max(entries, key=lambda e: (UNITS.index(e["deviation_unit"]), e["deviation"]))


def sheet(entry: dict) -> str:
    """Return what the sheet has, and how its digits agree if they are not rounded."""
    return f"{entry['sheet']}{', cut off' if entry['sheet_digits'] == 'cut off' else ''}"


def sentence(text: str) -> str:
    """Return text as a sentence: a capital, unless it starts with a symbol, and a full stop."""
    if re.match(r"(?!log\b)[a-z]{2}", text):
        text = text[0].upper() + text[1:]
    return text if text.endswith(".") else text + "."
