"""Audits the built site with Lighthouse and axe-core, page by page, as a static host serves it.

Run as a script, it prints a table and exits with status 1 if a page is below a bar.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser
from rich.console import Console
from rich.table import Column, Table
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, StaticFileHandler

from book import inputs, node
from book.chromium import find_chromium, launched

PACKAGES = node.AUDIT / "node_modules"
AT_LEAST = {
    "mobile performance": 0.97,
    "desktop performance": 1.0,
    "accessibility": 1.0,
    "best practices": 1.0,
    "SEO": 0.95,
}
AT_MOST = {
    "blocking ms": 150,
    "layout shift": 0.02,
    "kB sent": 400,
    "kB of HTML": 1200,
    "elements": 35_000,
    "axe violations": 0,
    "other hosts": 0,
    "console errors": 0,
}
# As if a reader had come by everything: what is not laid out yet is not known to scroll. A page's
# policy allows no style that is written into it.
LAY_OUT_EVERYTHING = """
async () => {
  const styles = new CSSStyleSheet();
  styles.replaceSync("* {content-visibility: visible !important}");
  document.adoptedStyleSheets.push(styles);
  document.querySelectorAll(".answers template").forEach(part => part.replaceWith(part.content));
  await globalThis.byhandFillOpenings?.();
}
"""
# Each as its rule, and the first element that breaks it.
VIOLATIONS = """
async () => (await axe.run()).violations.map(({id, nodes}) => `${id} at ${nodes[0].target}`)
"""
RUNS = 3
"""So often is a page measured on a phone, once of them beside a busy core; the median counts."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder compressed, as static hosts do, and yield its address."""
    [socket] = bind_sockets(0, "127.0.0.1")
    loop = asyncio.new_event_loop()

    async def listen() -> None:
        files = [(r"/(.*)", StaticFileHandler, {"path": str(folder)})]
        HTTPServer(
            Application(files, compress_response=True, log_function=lambda _: None)
        ).add_socket(socket)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def lighthouse(url: str, *options: str) -> dict:
    """Return Lighthouse's report on a page."""
    command = [
        node.executable(),
        str(PACKAGES / "lighthouse" / "cli" / "index.js"),
        url,
        "--output=json",
        "--quiet",
        "--only-categories=performance,accessibility,best-practices,seo",
        "--chrome-flags=--headless=new --no-sandbox",
        *options,
    ]
    environment = os.environ | {"CHROME_PATH": find_chromium()}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    return json.loads(done.stdout)


@contextmanager
def busy_core() -> Iterator[subprocess.Popen]:
    """Keep one core busy, as a reader's machine that does something else besides."""
    work = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield work
    finally:
        work.kill()
        work.wait()


def on_phone(url: str) -> list[dict]:
    """Return the reports of all runs on a phone."""
    quiet = [lighthouse(url) for _ in range(RUNS - 1)]
    with busy_core():
        return [*quiet, lighthouse(url)]


def on_desk(url: str) -> list[dict]:
    """Return the report of a run on a desk, and those of two more if it misses the bar."""
    reports = [lighthouse(url, "--preset=desktop")]
    if _score(reports[0], "performance") < AT_LEAST["desktop performance"]:
        reports += [lighthouse(url, "--preset=desktop") for _ in range(RUNS - 1)]
    return reports


def _value(report: dict, name: str) -> float:
    return report["audits"][name]["numericValue"]


def _score(report: dict, category: str) -> float:
    return report["categories"][category]["score"]


def _transferred(report: dict) -> float:
    requests = report["audits"]["network-requests"]["details"]["items"]
    return sum(request.get("transferSize", 0) for request in requests) / 1000


def browse(browser: Browser, site: str, name: str) -> dict[str, float]:
    """Return how large a page is, and what axe-core, the network and the console say of it."""
    hosts, errors = set(), []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", lambda request: hosts.add(request.url.partition("://")[2].split("/")[0]))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(error))
        text = page.goto(f"{site}/{name}", wait_until="networkidle").body()
        page.evaluate(LAY_OUT_EVERYTHING)
        page.wait_for_timeout(500)
        page.evaluate((PACKAGES / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
        elements = page.evaluate("document.querySelectorAll('*').length")
        violations = page.evaluate(VIOLATIONS)
    for problem in (*violations, *errors):
        print(f"{name}: {problem}", file=sys.stderr)
    return {
        "kB of HTML": math.ceil(len(text) / 1000),
        "elements": elements,
        "axe violations": len(violations),
        "other hosts": len(hosts - {site.removeprefix("http://")}),
        "console errors": len(errors),
    }


def audit(browser: Browser, site: str, name: str) -> dict[str, float]:
    """Return the figures of a page."""
    phone, desk = on_phone(f"{site}/{name}"), on_desk(f"{site}/{name}")

    def middle(reports: list[dict], figure: str) -> float:
        return median(_value(report, figure) for report in reports)

    def least(category: str) -> float:
        return min(_score(report, category) for report in (*phone, *desk))

    shifts = (middle(reports, "cumulative-layout-shift") for reports in (phone, desk))
    return {
        "mobile performance": median(_score(report, "performance") for report in phone),
        "desktop performance": median(_score(report, "performance") for report in desk),
        "accessibility": least("accessibility"),
        "best practices": least("best-practices"),
        "SEO": least("seo"),
        "blocking ms": math.ceil(middle(phone, "total-blocking-time")),
        "layout shift": round(max(shifts), 3),
        "kB sent": math.ceil(max(map(_transferred, (*phone, *desk)))),
    } | browse(browser, site, name)


def is_within(figure: str, value: float) -> bool:
    """Return whether a figure keeps its bar."""
    return value >= AT_LEAST[figure] if figure in AT_LEAST else value <= AT_MOST[figure]


def pages(html: Path) -> list[str]:
    """Return the pages of a site that are to be found: not what the theme keeps in _static."""
    paths = (path.relative_to(html) for path in sorted(html.rglob("*.html")))
    return [path.as_posix() for path in paths if path.parts[0] not in ("_static", "404.html")]


def report(browser: Browser, html: Path, names: list[str]) -> int:
    """Audit these pages of a site, print a table, and return how many are below a bar."""
    table = Table(Column("page", no_wrap=True), *AT_LEAST, *AT_MOST)
    failed = 0
    with served(html) as site:
        for name in names:
            figures = audit(browser, site, name)
            marks = {f: "" if is_within(f, value) else " ✗" for f, value in figures.items()}
            failed += any(marks.values())
            row = [f"{value:g}{marks[figure]}" for figure, value in figures.items()]
            table.add_row(name, *row)
            print(name, *row, flush=True)
    Console(width=200).print(table)
    print(f"{len(names) - failed} of {len(names)} pages keep every bar: {AT_LEAST | AT_MOST}")
    return failed


def main(names: list[str]) -> int:
    """Audit the built pages of these names, or all, and return the exit status."""
    html = inputs.FIRST_PAGE.parent
    if unknown := sorted(set(names) - set(pages(html))):
        sys.exit(f"there is no page {unknown[0]}; the pages are {', '.join(pages(html))}")
    node.install_packages(node.AUDIT)
    with launched() as browser:
        return int(report(browser, html, names or pages(html)) > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
