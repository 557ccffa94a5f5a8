"""Makes pages light: styles and letters that are used, in one file each, and no script in the way.

The theme and the extensions bring 570 kB of styles and 1.7 MB of scripts and icon fonts, most of
which keep a page from being shown. The book needs a tenth of the styles and about a dozen icons.
Formulas that change their type after they are shown move the text, so that type is asked for first
of all, and is there when the styles are.

Nothing of this is within the pages: a host may forbid styles and scripts that are no files of its
own, as the pages themselves do. The styles of single elements, which formulas have by the thousand,
become classes. Their names follow from what they say, so that a page and styles of different
builds, which a browser may have kept, fit each other.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterable
from functools import cache
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.builders.html._assets import _JavaScript

from book import answers, inputs, node, openings, site
from book.heights import with_estimates
from book.stacking import with_stacked_tables
from book.strictness import BookError

THEME_STYLES = ["basic.css", "styles/pydata-sphinx-theme.css"]
THEME_SCRIPT = "scripts/pydata-sphinx-theme.js"
STYLES_HERE = "<!-- styles -->"
STYLES, BEFORE_PAINT, FORMULA_TYPE = "styles.css", "before-paint.js", "formula-type.js"
OWN_STYLES = "own-styles"  # of each page: those that its elements had, mostly its formulas
# Scripts and styles that the theme or an extension puts on every page and no page of ours uses
# there.
UNUSED = ("require.js", "html-manager", "thebe", "sphinx-thebe", "design-tabs.js")
UNUSED += (BEFORE_PAINT, "finding.js")  # are linked from where they are needed
# The type of nearly every formula; the rest of the fonts are fetched where they are used.
MAIN_FONTS = ("KaTeX_Main-Regular", "KaTeX_Math-Italic")
FACE = ("family", "style", "weight")  # what distinguishes one from others
ADD_TYPE = """
for (const [family, style, weight, data] of %s) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  document.fonts.add(new FontFace(family, bytes, { style, weight }));
}
"""
# What is in our files now, or was only there for the scripts that are left out.
KEPT = inputs.ROOT / "_build" / "light"  # fonts of the letters and styles that are used
SUPERSEDED = ["locales", "vendor", "styles", "scripts/bootstrap.js*", "scripts/fontawesome.js*"]

STYLED, STYLE = re.compile(r'<[a-z][^<>]*\sstyle="[^<>]*>'), re.compile(r'\sstyle="([^"]*)"')

# A block of code as Pygments and Sphinx write it.
BLOCK = re.compile(
    r'<div class="(highlight-[^"]*)"><div class="highlight">'
    r"<pre>(?:<span></span>)?(.*?)</pre></div>\s*</div>",
    re.DOTALL,
)

# What a line of text may not be broken in, and where: code, formulas and headings stay as they are,
# which the contents and the search name too.
AS_IT_IS = re.compile(r"""(<(pre|code|math|h\d)\b.*?</\2>|<(?:[^>"]|"[^"]*")*>)""", re.DOTALL)
HELD = re.compile(r"(?<=\d) (?=\d{3}(?!\d)|(?:%|×|[mµn]?s|kB|routes)(?!\w))|(?<=±) | (?=[±·])")
LONG_NAME = re.compile(r'(?<=<span class="pre">)[^<\s]{25,}(?=</span>)')


# -- each page


def _trim_page(app, pagename, templatename, context, doctree) -> None:
    context["body"] = _trim_body(context.get("body", ""))
    context["script_files"] = [
        file if pagename == "search" else _deferred(file)
        for file in context["script_files"]
        if file.filename and not _is_unused(file)
    ]
    files = [file for file in context["css_files"] if not _is_unused(file)]
    app.book_styles |= {_path(file): file.priority for file in files}
    context["css_files"] = []


def _trim_body(body: str) -> str:
    # MyST-NB names the summary of folded code by a label that differs from its visible words.
    body = body.replace(' aria-label="Toggle hidden content"', "")
    # Names, operators, punctuation and spaces of code have the color of the text around them.
    body = re.sub(r'<span class="(?:n|nn|o|p|w)">([^<]*)</span>', r"\1", body)
    body = re.sub(
        r'<span class="(\w+)">[^<]*</span>(?:\s*<span class="\1">[^<]*</span>)+', _joined, body
    )
    # A block of code is in one element, not two, and begins with no empty one.
    body = BLOCK.sub(r'<div class="\1 highlight"><pre>\2</pre></div>', body)
    # Every proof of a page has the same id.
    body = re.sub(' id="proof(?:-content)?"', "", body)
    return with_estimates(with_stacked_tables(_held(body)))


def _held(body: str) -> str:
    """Keep the groups of a number, it and its unit, and a dot and what is before it on one line."""
    texts = AS_IT_IS.split(body)
    texts[::3] = [HELD.sub("\N{NO-BREAK SPACE}", text) for text in texts[::3]]
    body = "".join(text for i, text in enumerate(texts) if i % 3 != 2)
    body = body.replace("✓</span>  ", "✓</span> ")
    return re.sub(' +(<span class="claim-routes">·)', "\N{NO-BREAK SPACE}\\1", body)


def _joined(pieces: re.Match) -> str:
    """Return pieces of code that have the same color as one."""
    text = re.sub(r"<[^>]*>", "", pieces[0])
    return f'<span class="{pieces[1]}">{text}</span>'


def _deferred(file: _JavaScript) -> _JavaScript:
    return _JavaScript(file.filename, priority=file.priority, defer="defer", **file.attributes)


def _is_unused(file) -> bool:
    return any(word in str(file.filename) for word in UNUSED)


def _path(file) -> str:
    return str(file.filename).partition("?")[0].removeprefix("_static/")


# -- all pages


def _finish(app, exception) -> None:
    if exception is None:
        static = Path(app.outdir, "_static")
        pages = {path: _breakable(path.read_text(encoding="utf-8")) for path in _pages(app)}
        _leave_out_parts(static / THEME_SCRIPT)
        _trim_fonts(static, pages)
        rules = _name_styles(pages)
        css, icons = _with_icons(_styles(app, static, pages), static)
        (static / STYLES).write_text(css, encoding="utf-8")
        before_paint = Path(app.srcdir, "_static", BEFORE_PAINT).read_text(encoding="utf-8")
        (static / BEFORE_PAINT).write_text(before_paint + icons, encoding="utf-8")
        (static / FORMULA_TYPE).write_text(_formula_type(css, static), encoding="utf-8")
        _link_from_pages(static, pages, rules)
        for pattern in SUPERSEDED:
            for path in static.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _pages(app) -> list[Path]:
    names = [*app.env.found_docs, "search"]
    if app.config.html_baseurl:
        names.append(site.NOT_FOUND)  # elsewhere it has no styles
    return [Path(app.outdir, app.builder.get_target_uri(name)) for name in names]


def _breakable(page: str) -> str:
    """Let a name that is longer than a narrow column is wide break behind its dots and dashes."""
    return LONG_NAME.sub(lambda name: re.sub(r"(?<=[./_])(?=\w)", "<wbr>", name[0]), page)


# What book.js does in the theme's place.
LEFT_OUT = {
    # lays out the whole page at once
    "look for what scrolls": r',"complete"===document\.readyState\?(\w)\(\):'
    r'window\.addEventListener\("load",\1\)',
    # sees headings alone, and none of a page that is jumped into
    "follow the reader in the contents": (
        r',e\(function\(\)\{const e=document\.querySelector\("#pst-page-toc-nav"\);.*?'
        r'window\.addEventListener\("resize",\w+\((\w+),300\)\),\1\(\)\}\)(?=,)'
    ),
}


def _leave_out_parts(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for part, pattern in LEFT_OUT.items():
        text, count = re.subn(pattern, "", text)
        if count != 1:
            raise BookError(f"{script.name} does not {part} as it used to")
    script.write_text(text, encoding="utf-8")


def _trim_fonts(static: Path, pages: dict[Path, str]) -> None:
    """Leave in the fonts of formulas the letters that the book has."""
    letters = {ord(letter) for text in pages.values() for letter in set(html.unescape(text))}
    for path in static.glob("katex/fonts/*.woff2"):
        if trimmed := _subset(path, letters):
            path.write_bytes(trimmed)


def _styles(app, static: Path, pages: dict[Path, str]) -> str:
    """Return those of the styles that a page or a script can use."""
    # By name among equals: book.css before print.css, whatever the order of the file system.
    added = sorted(app.book_styles, key=lambda name: (app.book_styles[name], name))
    files = [*THEME_STYLES, *added]
    css = "\n".join(_read_styles(static, name) for name in files)
    scripts = [
        path.read_text(encoding="utf-8")
        for path in static.glob("**/*.js")
        if not any(path.match(pattern) for pattern in SUPERSEDED)
    ]
    scripts.append(answers.SCRIPT.read_text(encoding="utf-8"))
    return _purged(css, _names(pages.values(), css), scripts)


def _names(pages: Iterable[str], css: str) -> list[str]:
    """Return what of pages a selector of the styles can match.

    That is tags, and the names and values of attributes. A word that is nowhere in the styles is
    left out, so that an edit seldom adds one.
    """
    known, compared = set(re.findall(r"[\w-]+", css)), set(re.findall(r"\[([\w-]+)\W?=", css))
    found = set()
    for text in pages:
        found.update(re.findall(r"<([a-z][a-z0-9-]*)", text))
        for name, value in set(re.findall(r'\s([a-z-]+)="([^"]*)"', text)):
            words = value.split() if name == "class" else [value]
            # A name with other signs is written in another way in the styles.
            may_match = name in compared or (name == "class" and re.search(r"[^\w\s-]", value))
            found.update([name, *words] if may_match else {name, *known.intersection(words)})
    return sorted(found)


def _purged(css: str, names: list[str], scripts: list[str]) -> str:
    """Return the styles without those that nothing can use; kept for later builds."""
    script = Path(__file__).with_name("purge.mjs")
    text = json.dumps({"css": css, "names": names, "scripts": sorted(scripts)})
    lock = (node.BUILD / "package-lock.json").read_bytes()
    asked = lock + script.read_bytes() + text.encode()
    return _kept(asked, lambda: node.run(script, text).encode()).decode()


def _read_styles(static: Path, name: str) -> str:
    """Return the styles of a file, with addresses seen from the folder of static files."""
    css = (static / name).read_text(encoding="utf-8")
    css = re.sub(r"/\*(?!!).*?\*/", "", css, flags=re.DOTALL)
    return re.sub(
        r"url\((?!['\"]?(?:data:|#))['\"]?([^'\")]+)['\"]?\)",
        lambda match: f"url({_seen_from(static, static / name, match[1])})",
        css,
    )


def _seen_from(static: Path, file: Path, address: str) -> str:
    return (file.parent / address).resolve().relative_to(static.resolve()).as_posix()


def _name_styles(pages: dict[Path, str]) -> dict[Path, str]:
    """Give elements a class in place of styles of their own; return the rules of each page's."""
    known: dict[str, str] = {}

    @cache
    def named(style: str) -> str:
        name, rule = _class_of(html.unescape(style))
        if known.setdefault(name, rule) != rule:
            raise BookError(f"{rule} and {known[name]} would both be the class {name}")
        return name

    def with_class(tag: str) -> str:
        style = STYLE.search(tag)
        name = named(style[1])
        used.add(name)
        tag = tag.replace(style[0], "", 1)
        if ' class="' in tag:
            return tag.replace(' class="', f' class="{name} ', 1)
        return re.sub(r"^<[a-z0-9]+", rf'\g<0> class="{name}"', tag)

    rules = {}
    for path, text in pages.items():
        used: set[str] = set()
        pages[path] = STYLED.sub(lambda match: with_class(match[0]), text)
        # As strong as what they stand for: no other rule of an article names an id.
        rules[path] = "".join(f".{name}:not(#_){{{known[name]}}}\n" for name in sorted(used))
    return rules


def _class_of(style: str) -> tuple[str, str]:
    """Return a class's name and its rule: several declarations are named by their hash.

    Examples
    --------
    >>> _class_of("vertical-align: -0.25em;")
    ('va-0_25em', 'vertical-align:-0.25em')
    """
    pairs = (declaration.split(":", 1) for declaration in style.split(";") if declaration.strip())
    declarations = [(name.strip(), value.strip()) for name, value in pairs]
    rule = ";".join(f"{name}:{value}" for name, value in declarations)
    if len(declarations) > 1:
        digest = base64.b32encode(hashlib.sha256(rule.encode()).digest()).decode()
        return f"y{digest[:6].lower()}", rule
    [(name, value)] = declarations
    initials = "".join(word[0] for word in name.strip("-").split("-"))
    return initials + re.sub(r"[^\w-]", "_", value), rule


def _with_icons(css: str, static: Path) -> tuple[str, str]:
    """Return the styles with fonts of the icons that they name, and a script that adds these."""
    letters = {int(code, 16) for code in re.findall(r'"\\(f[0-9a-f]{3})"', css)}
    faces = []

    def embed(match: re.Match) -> str:
        truetype = re.search(r"url\(([^)]+\.ttf)\)", match[0])
        if truetype is None:
            return match[0]
        font = _subset(static / truetype[1], letters)
        if not font:
            return ""
        path = static / f"{Path(truetype[1]).stem}.woff2"
        path.write_bytes(font)
        faces.append((match[0], font))
        return re.sub(r"src:[^}]+", f'src:url({path.name}) format("woff2")', match[0])

    css = re.sub(r"@font-face\s*\{[^}]*Font Awesome[^}]*\}", embed, css)
    return css, _adding(faces)


def _formula_type(css: str, static: Path) -> str:
    """Return a script that adds the type of nearly every formula."""
    faces = re.findall(r"@font-face\s*\{[^}]*\}", css)
    return _adding(
        (face, (static / f"katex/fonts/{name}.woff2").read_bytes())
        for name in MAIN_FONTS
        for face in faces
        if name in face
    )


def _adding(faces: Iterable[tuple[str, bytes]]) -> str:
    """Return a script that adds faces of the styles, each with its font.

    From a script they are there at once, also where a host lets no page fetch a font.
    """
    described = [[*_described(face), base64.b64encode(font).decode()] for face, font in faces]
    return ADD_TYPE % json.dumps(described)


def _described(face: str) -> list[str]:
    words = (re.search(rf"font-{word}:([^;}}]+)", face)[1] for word in FACE)
    return [word.replace("\\", "") for word in words]


def _subset(path: Path, letters: set[int]) -> bytes:
    """Return a font of these letters alone, or nothing if it has none of them.

    It is kept for later builds: an edit seldom brings a letter that the book has not had.
    """
    asked = f"{sorted(letters)}".encode() + path.read_bytes()
    return _kept(asked, lambda: _make_subset(path, letters))


def _kept(asked: bytes, make: Callable[[], bytes]) -> bytes:
    """Return what an earlier build has made of the same, or make it."""
    kept = KEPT / hashlib.sha256(asked).hexdigest()[:16]
    if not kept.is_file():
        made = make()
        KEPT.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_suffix(".tmp")
        temporary.write_bytes(made)
        temporary.replace(kept)
    return kept.read_bytes()


def _make_subset(path: Path, letters: set[int]) -> bytes:
    font = TTFont(path, recalcTimestamp=False)
    if not letters & font.getBestCmap().keys():
        return b""
    subsetter = subset.Subsetter(subset.Options(hinting=False, drop_tables=["FFTM"]))
    subsetter.populate(unicodes=letters)
    subsetter.subset(font)
    font.flavor = "woff2"
    stream = BytesIO()
    font.save(stream, reorderTables=False)
    return stream.getvalue()


def _link_from_pages(static: Path, pages: dict[Path, str], rules: dict[Path, str]) -> None:
    """Write the pages, with links to the files that each needs before it is shown."""
    (static / OWN_STYLES).mkdir(exist_ok=True)
    version = cache(lambda file: hashlib.sha256(file.read_bytes()).hexdigest()[:8])
    for path, text in pages.items():
        if STYLES_HERE not in text:
            raise BookError(f"{path.name} has no place for its styles")
        root = re.search(r'data-content_root="([^"]*)"', text)[1]

        def address(file: Path) -> str:
            name = file.relative_to(static).as_posix()
            return f"{root}_static/{name}?v={version(file)}"  # noqa: B023

        text, opened = openings.take_out(text)
        if opened:
            script = openings.write(opened, path, static)
            text = openings.lead_to(text, address(script), f"{root}reference/ledger.html")
        files = [static / STYLES]
        if rules[path]:
            files.append(static / OWN_STYLES / f"{path.stem}.css")
            files[1].write_text(rules[path], encoding="utf-8")
        links = [f'<link rel="stylesheet" href="{address(file)}"/>' for file in files]
        scripts = [static / BEFORE_PAINT]
        if 'class="katex' in text:
            scripts.append(static / FORMULA_TYPE)
            links.insert(0, f'<link rel="preload" as="script" href="{address(scripts[1])}"/>')
        links += [f'<script src="{address(script)}"></script>' for script in scripts]
        path.write_text(text.replace(STYLES_HERE, "\n  ".join(links), 1), encoding="utf-8")


def setup(app) -> None:
    # A style of Pygments turns on the messages of every library; this one has thousands.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    app.book_styles = {}
    app.add_js_file(THEME_SCRIPT, priority=700)
    app.connect("html-page-context", _trim_page, priority=950)
    app.connect("build-finished", _finish, priority=900)
