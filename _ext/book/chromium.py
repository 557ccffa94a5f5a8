"""Finds the Chromium that looks at the site and prints it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

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
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path) as browser,
    ):
        yield browser
