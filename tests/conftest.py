"""The built book, a server for it and a browser, for the tests that look at the site."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import sync_playwright

from book import chromium, inputs, node
from byhand.problems import PROBLEMS


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: needs a Chromium or a Firefox")
    config.addinivalue_line("markers", "slow: builds books, runs notebooks or starts a server")
    # A shell that runs the tests in the background has them ignore Ctrl+C, as would what they start
    # and then interrupt.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def build_command(root: Path) -> list[str]:
    """What builds the book in a folder, as ``make book`` does."""
    return [sys.executable, "-I", str(root / "_ext" / "book" / "build.py")]


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built book; a book that is out of date is built."""
    if not inputs.is_up_to_date():
        subprocess.run(build_command(inputs.ROOT), stdin=subprocess.DEVNULL, check=True)
    return inputs.ROOT / "_build" / "html"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A browser that closes a page hangs up on what the page still loads."""


# What a host that allows nothing but a site's own files says.
STRICT = {"Content-Security-Policy": "default-src 'self'"}


class HostHandler(QuietHandler):
    """A static host: a site below a path, headers of the host's own, and 404.html for the rest."""

    below, own_headers = "/", {}

    def translate_path(self, path):
        inside = path.startswith(self.below)
        return super().translate_path(path[len(self.below) - 1 :] if inside else "/no/such/file")

    def end_headers(self):
        for name, value in self.own_headers.items():
            self.send_header(name, value)
        super().end_headers()

    def send_error(self, code, *_, **__):
        page = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


@contextmanager
def hosted(site: Path, below: str = "/", headers: dict[str, str] | None = None) -> Iterator[str]:
    """Serve a site below a path and yield its address, without the last slash."""
    handler = type("Handler", (HostHandler,), {"below": below, "own_headers": headers or {}})
    with QuietServer(("127.0.0.1", 0), partial(handler, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{below}".rstrip("/")
        server.shutdown()


@pytest.fixture(scope="session")
def served_site(site):
    """The address of a server for the built book."""
    with hosted(site) as address:
        yield address


def until(page, condition: str, seconds: float = 30):
    """Ask a page until a condition holds.

    Playwright's ``wait_for_function`` asks again by ``eval``, which a page's policy forbids: it
    only works where the condition holds at once.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"after {seconds} s it does not hold: {condition}"
        page.wait_for_timeout(50)


@pytest.fixture(scope="session")
def keys(site):
    """What the built pages compare answers with: claim → data."""
    found = {}
    for problem in PROBLEMS:
        text = (site / "_static" / "answers" / f"{problem}.js").read_text(encoding="utf-8")
        found |= json.loads(re.fullmatch(r"[^{]*\{\}, (.*)\);\n", text, re.DOTALL)[1])
    return found


@pytest.fixture(scope="session")
def browser():
    """A Chromium; the tests that need one are skipped where there is none, except in CI."""
    path = chromium.find_chromium()
    if path is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent(chromium.ABSENT)
    with sync_playwright() as playwright:
        browser = chromium.start(playwright.chromium, path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> Path:
    """The script of axe-core, which only the tests need, so only they fetch it."""
    with FileLock(inputs.ROOT / "_build" / "axe.lock"):
        return node.install_packages(node.AUDIT) / "axe-core" / "axe.min.js"
