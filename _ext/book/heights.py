"""Estimates how high each section of a page will be, from what is in it.

A browser lays a section out when it comes near the screen; until then the page is as high as its
estimates say. They follow from counts and from lengths that a fit to the book's own pages gave, at
1400 and at 390 pixels: of its 123 sections nine of ten are within a tenth of what they become.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from book.text import plain


class Lengths(NamedTuple):
    """What each thing adds to the height of a section, in pixels."""

    heading: float
    letter: float
    paragraph: float
    code_block: float
    code_line: float
    formula: float
    figure: float  # as a share of the picture's own height
    column: int  # the width that a picture has at most
    slider: float
    closed: float
    cell_letter: float
    ledger_letter: float  # its columns have widths of their own
    box: float
    signature: float


WIDE = Lengths(97, 0.356, 8.2, 41, 17.2, 136, 1.17, 784, 79, 33, 0.75, 0.53, 82, 86)
NARROW = Lengths(66, 0.693, 9.5, 32, 18.7, 115, 1.25, 358, 53, 14, 1.0, 0.72, 130, 87)
ROW = 36
"""A row of a table is at least so high."""
CELL, LINE = 25, 40
"""A line of a row that is a list of its cells is so high, and has so many letters."""
CODE = 0.25
"""A letter of code in a line of text takes so much more room."""


def with_estimates(body: str) -> str:
    """Return a page's body whose sections say how high they will be."""
    pieces = re.split(r"(<section\b|</section>)", body)
    depth = start = 0
    for i, piece in enumerate(pieces):
        if piece == "<section":
            depth += 1
            start = i if depth == 2 else start
        elif piece == "</section>":
            if depth == 2:
                shown = _shown("".join(pieces[start + 1 : i]))
                wide, narrow = (_height(shown, lengths) for lengths in (WIDE, NARROW))
                pieces[start] = f'<section style="--wide: {wide}px; --narrow: {narrow}px"'
            depth -= 1
    return "".join(pieces)


def _shown(section: str) -> str:
    """Return a section without what is read aloud alone, and what is closed at first."""
    section = re.sub(r'<div class="claim-open">.*?(?=</details>)', "", section, flags=re.DOTALL)
    section = re.sub(r"<(script|math)\b.*?</\1>", "", section, flags=re.DOTALL)
    return re.sub(r"</summary>.*?(?=</details>)", "</summary>", section, flags=re.DOTALL)


def _height(section: str, lengths: Lengths) -> int:
    blocks, rest = _taken_out(r"<pre\b.*?</pre>", section)
    formulas, rest = _taken_out(r'<span class="katex-display">.*?</div>', rest)
    tables, rest = _taken_out(r"<table\b.*?</table>", rest)
    codes = re.findall(r"<code\b.*?</code>", rest)
    pictures = re.findall(r'<img [^>]*width="(\d+)" height="(\d+)"', section)
    shown = sum(int(high) * min(1, lengths.column / int(wide)) for wide, high in pictures)
    return round(
        lengths.heading
        + lengths.letter * (_letters(rest) + CODE * sum(map(_letters, codes)))
        + lengths.paragraph * len(re.findall(r"<(?:p|li|figcaption)\b", rest))
        + lengths.code_block * len(blocks)
        + lengths.code_line * sum(block.count("\n") for block in blocks)
        + lengths.formula * len(formulas)
        + lengths.figure * shown
        + lengths.slider * section.count('type="range"')
        + lengths.closed * rest.count("<summary")
        + sum(_table_height(table, lengths) for table in tables)
        + lengths.box * len(re.findall(r'class="[^"]*\badmonition(?=[ "])', rest))
        + lengths.signature * rest.count("<dt")
    )


def _table_height(table: str, lengths: Lengths) -> float:
    if lengths is NARROW and ' stacked">' in table:
        return sum(map(_stacked_height, re.split(r"<tr\b", table)[2:]))
    letter = lengths.ledger_letter if "claims-ledger" in table else lengths.cell_letter
    return sum(max(ROW, letter * _letters(row)) for row in re.split(r"<tr\b", table)[1:])


def _stacked_height(row: str) -> float:
    """Return the height of a row whose cells stand one below the other."""
    cells = re.findall(r'data-name="([^"]*)">(.*?)</td>', row, re.DOTALL)
    return CELL + sum(CELL * max(1, _letters(name + text) / LINE) for name, text in cells)


def _taken_out(pattern: str, text: str) -> tuple[list[str], str]:
    found = re.compile(pattern, re.DOTALL)
    return found.findall(text), found.sub("", text)


def _letters(text: str) -> int:
    return len(plain(text))
