"""Audits the built site with Lighthouse and axe-core, page by page, as a static host serves it.

Run as a script, it prints a table and exits with status 1 if a page is below a bar.
"""

from __future__ import annotations

import asyncio
import json
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
    "mobile performance": 0.95,
    "desktop performance": 0.99,
    "accessibility": 1.0,
    "best practices": 1.0,
    "SEO": 0.95,
}
AT_MOST = {
    "layout shift": 0.02,
    "kB": 400,
    "axe violations": 0,
    "other hosts": 0,
    "console errors": 0,
}
# As if a reader had come by everything: what is not laid out yet is not known to scroll. A page's
# policy allows no style that is written into it.
LAY_OUT_EVERYTHING = """
const styles = new CSSStyleSheet();
styles.replaceSync("* {content-visibility: visible !important}");
document.adoptedStyleSheets.push(styles);
document.querySelectorAll(".answers template").forEach(part => part.replaceWith(part.content));
"""
# Each as its rule, and the first element that breaks it.
VIOLATIONS = """
async () => (await axe.run()).violations.map(({id, nodes}) => `${id} at ${nodes[0].target}`)
"""
# Performance and layout shift are measurements: a page that misses a bar is measured again,
# and the median counts.
RUNS = 3


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


def measure(url: str, bar: float, *options: str) -> tuple[float, float, dict]:
    """Return performance and layout shift, of several runs if the first misses a bar, and it."""
    reports = [lighthouse(url, *options)]
    if _score(reports[0], "performance") < bar or _shift(reports[0]) > AT_MOST["layout shift"]:
        reports += [lighthouse(url, *options) for _ in range(RUNS - 1)]
    score = median(_score(report, "performance") for report in reports)
    return score, median(map(_shift, reports)), reports[0]


def _shift(report: dict) -> float:
    return report["audits"]["cumulative-layout-shift"]["numericValue"]


def _score(report: dict, category: str) -> float:
    return report["categories"][category]["score"]


def _transferred(report: dict) -> float:
    requests = report["audits"]["network-requests"]["details"]["items"]
    return sum(request.get("transferSize", 0) for request in requests) / 1000


def browse(browser: Browser, site: str, name: str) -> dict[str, float]:
    """Return what axe-core, the network and the console have to say of a page."""
    hosts, errors = set(), []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", lambda request: hosts.add(request.url.partition("://")[2].split("/")[0]))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(error))
        page.goto(f"{site}/{name}", wait_until="networkidle")
        page.evaluate(LAY_OUT_EVERYTHING)
        page.wait_for_timeout(500)
        page.evaluate((PACKAGES / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
        violations = page.evaluate(VIOLATIONS)
    for problem in (*violations, *errors):
        print(f"{name}: {problem}", file=sys.stderr)
    return {
        "axe violations": len(violations),
        "other hosts": len(hosts - {site.removeprefix("http://")}),
        "console errors": len(errors),
    }


def audit(browser: Browser, site: str, name: str) -> dict[str, float]:
    """Return the figures of a page."""
    url = f"{site}/{name}"
    mobile, mobile_shift, on_phone = measure(url, AT_LEAST["mobile performance"])
    desktop, desktop_shift, on_desk = measure(
        url, AT_LEAST["desktop performance"], "--preset=desktop"
    )
    reports = (on_phone, on_desk)
    return {
        "mobile performance": mobile,
        "desktop performance": desktop,
        "accessibility": min(_score(report, "accessibility") for report in reports),
        "best practices": min(_score(report, "best-practices") for report in reports),
        "SEO": min(_score(report, "seo") for report in reports),
        "layout shift": round(max(mobile_shift, desktop_shift), 3),
        "kB": round(max(map(_transferred, reports))),
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
    Console(width=160).print(table)
    print(f"{len(names) - failed} of {len(names)} pages keep every bar: {AT_LEAST | AT_MOST}")
    return failed


def main(names: list[str]) -> int:
    """Audit the built pages of these names, or all, and return the exit status."""
    node.install_packages(node.AUDIT)
    html = inputs.FIRST_PAGE.parent
    with launched() as browser:
        return int(report(browser, html, names or pages(html)) > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
