"""Takes out of the pages what their claims open to: a page that is read seldom needs all of it.

Routes, with their values and sources, are nearly half of a chapter's text. They are in a script
beside the page, which works from a file system too, and are put in place when a reader comes near
one (``book.js``). Where there are no scripts, claims lead to the ledger.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

OPENED = re.compile(r'(<details class="claim\b[^>]*>.*?</summary>)(.*?)(?=</details>)', re.DOTALL)
PLACE = '<div class="claim-open claim-place"></div>'
FILLED = re.compile(r'<div class="claim-open claim-place".*?</div>', re.DOTALL)
ASSIGNED = "globalThis.byhandOpenings = "


def take_out(text: str) -> tuple[str, list[str]]:
    """Return a page with a place for what each of its claims opens to, and that in its order.

    Examples
    --------
    >>> take_out('<details class="claim"><summary>2 = 2</summary><b>a route</b></details>')
    ... # doctest: +NORMALIZE_WHITESPACE
    ('<details class="claim"><summary>2 = 2</summary><div class="claim-open
    claim-place"></div></details>', ['<b>a route</b>'])
    """
    found = [opened for _, opened in OPENED.findall(text)]
    return OPENED.sub(rf"\1{PLACE}", text), found


def lead_to(text: str, address: str, ledger: str) -> str:
    """Return a page whose places say where it comes from, the first, and what to read instead."""
    instead = f'<noscript><a href="{ledger}">The ledger</a> names the routes.</noscript>'
    text = text.replace(PLACE, PLACE.replace("></div>", f">{instead}</div>"))
    return text.replace(' claim-place"', f' claim-place" data-from="{address}"', 1)


def write(found: list[str], page: Path, static: Path) -> Path:
    """Write the script that brings what was taken out of a page, and return where it is."""
    path = _script(page, static)
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(found, ensure_ascii=False)
    path.write_text(f"{ASSIGNED}{text};\n", encoding="utf-8")
    return path


def whole(page: Path, site: Path) -> str:
    """Return the text of a page of the built site as it is when its claims have been filled in."""
    text = page.read_text(encoding="utf-8")
    if not FILLED.search(text):
        return text
    script = _script(page, site / "_static").read_text(encoding="utf-8")
    found = iter(json.loads(script.removeprefix(ASSIGNED).rstrip(";\n")))
    return FILLED.sub(lambda _: next(found), text)


def _script(page: Path, static: Path) -> Path:
    return static / "openings" / f"{page.stem}.js"
