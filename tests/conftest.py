"""The built book, a server for it and a browser, for the tests that look at the site."""

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from book import chromium, inputs, node


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: needs a Chromium")
    config.addinivalue_line("markers", "slow: builds books, runs notebooks or starts a server")


def build_command(root: Path) -> list[str]:
    """What builds the book in a folder, as ``jupyter-book build`` does."""
    return [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", root]


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


@pytest.fixture(scope="session")
def served_site(site):
    """The address of a server for the built book."""
    with QuietServer(("127.0.0.1", 0), partial(QuietHandler, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """A Chromium; the tests that need one are skipped where there is none, except in CI."""
    path = chromium.find_chromium()
    if path is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent(chromium.ABSENT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> Path:
    """The script of axe-core, which only the tests need, so only they fetch it."""
    return node.install_packages(node.AUDIT) / "axe-core" / "axe.min.js"
