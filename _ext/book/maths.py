"""Sets formulas with KaTeX while the book is built; one that it cannot parse ends the build."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.util.math import get_node_equation_number

from book import inputs, node
from book.strictness import BookError, located, node_location
from book.text import plain
from byhand.evidence.opening import CLOSING, OPENING

KEPT = inputs.ROOT / "_build" / "formulas.json"
KATEX = node.PACKAGES / "katex" / "dist"
STYLE = "katex/katex.min.css"
OPENED = '<span class="katex'
BETWEEN_BASES = re.compile(r'(?<=</span>)(?=<span class="[^"]*\bbase")')
SHORT = 16
"""A formula of so many signs stays on one line."""
OPTIONS = {
    "throwOnError": True,
    "strict": "error",
    "macros": {"‖": r"\Vert", "⊤": r"\top", "⊥": r"\bot"},  # it knows the claims' other symbols
}


@cache
def _renderer() -> subprocess.Popen:
    """Return a node that renders formulas until its input ends, at the latest with this process."""
    return subprocess.Popen(
        [node.executable(), str(Path(__file__).with_name("katex.mjs"))],
        cwd=node.PACKAGES.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


@cache
def _render(latex: str, display: bool, as_katex: bool = False) -> dict[str, str]:
    """Return the HTML of a formula, made light or as KaTeX writes it, or KaTeX's error."""
    options = OPTIONS | {"displayMode": display}
    request = {"latex": latex, "options": options, "asKatex": as_katex}
    renderer = _renderer()
    renderer.stdin.write(json.dumps(request) + "\n")
    renderer.stdin.flush()
    answer = renderer.stdout.readline()
    if not answer:
        raise BookError("KaTeX ended; its message is above")
    return json.loads(answer)


def _set(translator, formula: nodes.Element, *, display: bool) -> str:
    app, asked = translator.builder.app, f"{display} {formula.astext()}"
    if asked not in app.formulas_kept:
        result = _render(formula.astext(), display)
        if error := result.get("error"):
            place = node_location(app, formula)
            raise BookError(located(*place, f"{error} in ${formula.astext().strip()}$"))
        app.formulas_kept[asked] = result["html"]
    app.formulas_set[asked] = app.formulas_kept[asked]
    return app.formulas_set[asked]


def inline_html(latex: str, place: tuple[str, int | None]) -> str:
    """Return the HTML of a formula that stands in a line at a place: of a file, or a cell in it."""
    result = _render(latex, display=False)
    if error := result.get("error"):
        raise BookError(located(*place, f"{error} in ${latex.strip()}$"))
    return _in_line(result["html"])


def _in_line(formula: str) -> str:
    """Return a formula as a part of a line, which may be broken within it if it is long."""
    opened = formula.replace(OPENED, '<span class="math katex', 1)
    return BETWEEN_BASES.sub("<wbr>", opened) if len(plain(opened)) > SHORT else opened


def _visit_inline(translator, formula: nodes.math) -> None:
    translator.body.append(_in_line(_set(translator, formula, display=False)))
    raise nodes.SkipNode


def _hold_punctuation(app, doctree, docname: str) -> None:
    """Keep the marks around a formula on its first and its last line."""
    for formula in list(doctree.findall(nodes.math)):
        line = formula.parent
        opening = _taken(line, line.index(formula) - 1, rf"{OPENING}\Z")
        closing = _taken(line, line.index(formula) + 1, rf"\A{CLOSING}")
        if opening or closing:
            marked = [nodes.Text(opening), formula, nodes.Text(closing)]
            held = nodes.inline("", "", classes=["held"])
            line.replace(formula, held)
            held.extend(marked)


def _taken(line: nodes.Element, index: int, marks: str) -> str:
    """Return the marks at an end of the text at an index, if there is one, and take them away."""
    text = line[index] if 0 <= index < len(line) else None
    if not isinstance(text, nodes.Text):
        return ""
    found = re.search(marks, text)
    line.replace(text, nodes.Text(text[: found.start()] + text[found.end() :]))
    return found[0]


def _visit_displayed(translator, formula: nodes.math_block) -> None:
    translator.body.append(translator.starttag(formula, "div", CLASS="math"))
    if formula["number"]:
        number = get_node_equation_number(translator, formula)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(formula, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(_set(translator, formula, display=True) + "</div>\n")
    raise nodes.SkipNode


def _install(app, config) -> None:
    node.install_packages()
    app.formulas_kept, app.formulas_set = _kept(), {}


def _kept() -> dict[str, str]:
    """Return the formulas that the last build has set, if the same KaTeX set them."""
    try:
        stored = json.loads(KEPT.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return stored["formulas"] if stored["by"] == _renderer_hash() else {}


def _keep(app, exception) -> None:
    """Store the formulas of the book for the next build."""
    if exception is None:
        temporary = KEPT.with_suffix(".tmp")
        stored = {"by": _renderer_hash(), "formulas": app.formulas_set}
        temporary.write_text(json.dumps(stored), encoding="utf-8")
        temporary.replace(KEPT)


def _renderer_hash() -> str:
    lock = (node.BUILD / "package-lock.json").read_bytes()
    scripts = (Path(__file__).with_name(name) for name in ("katex.mjs", "lighten.mjs"))
    written = b"".join(script.read_bytes() for script in scripts)
    return hashlib.sha256(lock + written + json.dumps(OPTIONS).encode()).hexdigest()


def _copy_styles(app) -> list:
    """Copy KaTeX's styles and fonts, before the pages are written."""
    target = Path(app.outdir, "_static", STYLE)
    (target.parent / "fonts").mkdir(parents=True, exist_ok=True)
    css = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    # Every browser of the last decade reads woff2; the other formats would only be dead weight.
    css = re.sub(r",url\(fonts/[^)]+\.(?:woff|ttf)\) format\(\"\w+\"\)", "", css)
    target.write_text(css, encoding="utf-8")
    for font in (KATEX / "fonts").glob("*.woff2"):
        shutil.copy(font, target.parent / "fonts")
    return []


def setup(app) -> None:
    app.connect("doctree-resolved", _hold_punctuation)
    app.add_html_math_renderer(
        "katex",
        inline_renderers=(_visit_inline, None),
        block_renderers=(_visit_displayed, None),
    )
    app.add_css_file(STYLE)
    app.connect("config-inited", _install)
    app.connect("build-finished", _keep)
    app.connect("html-collect-pages", _copy_styles)
