"""Lists what the search leads to within pages: sections, and rows of the ledger, by their words.

Sphinx's index knows pages, and of their text letters and digits alone. This one knows the numbers
and symbols too: ``_static/finding.js``, beside it, looks them up.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

INDEX = "sections.js"
LEDGER = "reference/ledger"
# What is said twice, is code, or belongs to a button.
SILENT = re.compile(
    r'<(math|pre|script|button|nav)\b.*?</\1>|<a class="headerlink".*?</a>', re.DOTALL
)
PART = re.compile(r'<section[^>]*?\sid="([^"]+)"[^>]*>|(</section>)')
ROW = re.compile(r'<tr[^>]*\sid="(ledger-[^"]+)">(.*?)</tr>', re.DOTALL)
# English words that nobody looks for.
COMMON = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "each", "for", "from", "has"}
    | {"have", "if", "in", "into", "is", "it", "its", "no", "not", "of", "on", "one", "or", "so"}
    | {"than", "that", "the", "their", "them", "there", "they", "this", "to", "was", "were"}
    | {"what", "where", "which", "with"}
)
HEADING = re.compile(r"<h[1-6]>(.*?)</h[1-6]>", re.DOTALL)


def _write_index(app, exception) -> None:
    if exception is not None:
        return
    found = [[name, *entry] for name in sorted(app.env.found_docs) for entry in _entries(app, name)]
    text = f"globalThis.byhandSections = {json.dumps(found, ensure_ascii=False)};\n"
    Path(app.outdir, INDEX).write_text(text, encoding="utf-8")


def _entries(app, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield of each part of a page its id, its title and its words."""
    page = Path(app.outdir, app.builder.get_target_uri(name)).read_text(encoding="utf-8")
    article = page.partition("<article")[2].partition("</article>")[0]
    if name == LEDGER:
        for row in ROW.finditer(article):
            text = SILENT.sub(" ", row[2])
            yield row[1], row[1].removeprefix("ledger-"), _words(text)
        return
    for id_, text in _own_texts(article):
        heading = HEADING.search(text)
        yield id_, _plain(heading[1]) if heading else id_, _words(text)


def _own_texts(article: str) -> Iterator[tuple[str, str]]:
    """Yield the id of each section, and its HTML without that of the sections within it."""
    opened, texts, end = [], {}, 0
    text = SILENT.sub(" ", article)
    for mark in PART.finditer(text):
        if opened:
            texts[opened[-1]] += text[end : mark.start()]
        if mark[2]:
            opened.pop()
        else:
            opened.append(mark[1])
            texts[mark[1]] = ""
        end = mark.end()
    yield from texts.items()


def _plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", text).split())


def _words(text: str) -> str:
    r"""Return the words, numbers, symbols and LaTeX commands of HTML, with how often each is there.

    Examples
    --------
    >>> _words('<p>The value, 1.04, of <b data-latex="\\nabla f">∇f</b>: the <i>value</i>.</p>')
    '1.04 \\nabla f value:2 ∇'
    """
    latex = " ".join(re.findall(r'data-latex="([^"]*)"', text))
    plain = html.unescape(re.sub(r"<(?!/?(?:span|i|b|em|strong|code|sub|sup)\b)[^>]*>", " ", text))
    plain = re.sub(r"<[^>]*>", "", plain).lower()
    found = Counter(re.findall(r"\w+(?:[.,/’-]\w+)*", plain))
    found.update(re.findall(r"[^\x00-\x7f\s\w]|[^\W\da-z_]", plain))
    found.update(re.findall(r"\\[A-Za-z]+", html.unescape(latex)))
    counts = sorted((word, n) for word, n in found.items() if word not in COMMON)
    return " ".join(word if n == 1 else f"{word}:{n}" for word, n in counts)


def setup(app) -> None:
    app.connect("build-finished", _write_index, priority=950)
