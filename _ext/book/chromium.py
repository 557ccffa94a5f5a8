"""Finds the Chromium that looks at the site and prints it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib
from playwright.sync_api import Browser, BrowserType, sync_playwright

from book import inputs

NAMES = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "msedge",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
]
ABSENT = (
    "no Chromium was found: apt-get install chromium, or set BYHAND_CHROMIUM to the path of one"
)


def find_chromium() -> str | None:
    """Return the path of the Chromium that BYHAND_CHROMIUM names, else of any that is installed."""
    chosen = os.environ.get("BYHAND_CHROMIUM")
    return next(filter(None, map(shutil.which, [chosen] if chosen else NAMES)), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Launch Chromium for a program, which ends with a word where there is none."""
    path = find_chromium() or sys.exit(ABSENT)
    with sync_playwright() as playwright, start(playwright.chromium, path) as browser:
        yield browser


def start(kind: BrowserType, path: str) -> Browser:
    """Launch the Chromium at a path; on a machine without a font it has Matplotlib's."""
    browser = kind.launch(executable_path=path, env=dict(os.environ))
    if not has_letters(browser):
        browser.close()
        os.environ["FONTCONFIG_FILE"] = str(borrowed_fonts())  # for the one of Lighthouse too
        browser = kind.launch(executable_path=path, env=dict(os.environ))
    return browser


def has_letters(browser: Browser) -> bool:
    """Return whether words have a width: without a font Chromium draws and prints none."""
    with browser.new_page() as page:
        page.set_content("<span>words</span>")
        return page.locator("span").evaluate("words => words.offsetWidth") > 0


FONTS = """\
<?xml version="1.0"?>
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <selectfont>
    <acceptfont><glob>*/DejaVu*</glob></acceptfont>
    <rejectfont><glob>*</glob></rejectfont>
  </selectfont>
  {aliases}
</fontconfig>
"""
ALIAS = "<alias><family>{}</family><prefer><family>{}</family></prefer></alias>"
DEJAVU = {"serif": "DejaVu Serif", "sans-serif": "DejaVu Sans", "monospace": "DejaVu Sans Mono"}


def borrowed_fonts() -> Path:
    """Return fontconfig's settings for DejaVu, which Matplotlib brings, and for no other font."""
    folder = inputs.ROOT / "_build" / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    settings = FONTS.format(
        fonts=escape(str(Path(matplotlib.get_data_path(), "fonts", "ttf"))),
        cache=escape(str(folder / "cache")),
        aliases="\n  ".join(ALIAS.format(*names) for names in DEJAVU.items()),
    )
    (folder / "fonts.conf").write_text(settings, encoding="utf-8")
    return folder / "fonts.conf"
