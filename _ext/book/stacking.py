"""Marks tables that are too wide for a phone, so that a row can become a list of its cells there.

Each cell says what its column is called; the styles show that where the head of the table is not.
"""

from __future__ import annotations

import re
from html import escape
from itertools import cycle

from book.text import plain

COLUMNS = 4
"""A table of fewer columns fits a phone: its cells are broken into lines."""

LETTERS = 40
"""So does one whose longest cells have so many letters together."""

TABLE = re.compile(r'<table class="((?:ledger problems )?table)">(.*?)</table>', re.DOTALL)
CELL = re.compile(r"(<t[hd]\b[^>]*)(>)(.*?)(?=</t[hd]>)", re.DOTALL)


def with_stacked_tables(body: str) -> str:
    """Return a page's body in which wide tables are marked, and their cells are named."""
    return TABLE.sub(_stacked, body)


def _stacked(found: re.Match) -> str:
    head, between, rows = found[2].partition("</thead>")
    names = [plain(content) for *_, content in CELL.findall(head)]
    if "<math" in head or len(names) < COLUMNS:
        return found[0]
    cells = names + [plain(content) for *_, content in CELL.findall(rows)]
    if sum(max(map(len, cells[k :: len(names)])) for k in range(len(names))) <= LETTERS:
        return found[0]
    name_of_cell = cycle(names)

    def named(cell: re.Match) -> str:
        return f'{cell[1]} data-name="{escape(next(name_of_cell))}"{cell[2]}{cell[3]}'

    return f'<table class="{found[1]} stacked">{head}{between}{CELL.sub(named, rows)}</table>'
