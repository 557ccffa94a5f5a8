r"""Lists what the search leads to within pages: sections, theorems, numbered formulas and claims.

Sphinx's index knows pages, and of their text letters and digits alone. This one knows numbers and
symbols too, and of formulas what was typed. ``_static/finding.js``, beside it, looks words up.
"""

from __future__ import annotations

import functools
import html
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import snowballstemmer
from pylatexenc.latex2text import get_default_latex_context_db

from book import openings
from book.text import plain

INDEX = "sections.js"
# What is code, belongs to a button or waits to be filled in.
SILENT = re.compile(
    r'<(pre|script|button|nav|template|form)\b.*?</\1>|<a class="headerlink".*?</a>', re.DOTALL
)
SPAN = re.compile(r'<span\b((?:[^>"]|"[^"]*")*)>|</span>')
COMMAND = re.compile(r"\\[A-Za-z]+")
LATEX = re.compile(r'data-latex="([^"]*)"')
ROW = re.compile(r'<tr[^>]*\sid="(ledger-[^"]+)">(.*?)</tr>', re.DOTALL)
AGREEMENT = re.compile(r" agree [^<]*(?=</td>)")  # said of every row, with the names of methods
THEOREM = re.compile(
    r'<div class="proof theorem[^"]*" id="([^"]+)">\s*<p class="admonition-title">(.*?)</p>'
    r'\s*<section class="theorem-content">',
    re.DOTALL,
)
NUMBER = re.compile(r'id="(equation-[^"]+)">\s*<span class="eqno">(.*?)</span>', re.DOTALL)
PART = re.compile(r'<section[^>]*?\sid="([^"]+)"[^>]*>|(</section>)')
HEADING = re.compile(r"<h[1-6]>(.*?)</h[1-6]>", re.DOTALL)
DEFINED = re.compile(r"<em>(?!by )([^<]+)</em>")
SYMBOLS = re.compile(r"<tr[^>]*>\s*<td\b[^>]*>(.*?)</td>", re.DOTALL)  # of a row of the notation
# A number, a word, or a symbol.
TOKEN = re.compile(r"[a-z0-9\u00df-\u024f]+(?:[./][a-z0-9]+)*|[^\x00-\x7f\s]")
WORD = re.compile(r"[a-z\u00df-\u024f]{3,}")
# English words that nobody looks for.
COMMON = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "each", "for", "from", "has"}
    | {"have", "if", "in", "into", "is", "it", "its", "no", "not", "of", "on", "one", "or", "so"}
    | {"than", "that", "the", "their", "them", "there", "they", "this", "to", "was", "were"}
    | {"what", "where", "which", "with"}
)
AS_DEFINED = 64  # how many mentions it counts for that a word is set in italics

stem = snowballstemmer.stemmer("porter").stemWord
known_commands = get_default_latex_context_db()


def _write_index(app, exception) -> None:
    if exception is not None:
        return
    pages, commands, words, number = [], set(), defaultdict(list), 0
    for name in sorted(app.env.found_docs):
        path = Path(app.outdir, app.builder.get_target_uri(name))
        page = openings.whole(path, Path(app.outdir))
        article = page.partition("<article")[2].partition("</article>")[0]
        commands.update(COMMAND.findall(article))
        parts = list(parts_of(article))
        pages.append([name, [[id_, title] for id_, title, _ in parts]])
        for _, _, counts in parts:
            for word, count in counts.items():
                words[word].append((number, count))
            number += 1
    named = {name[1:].lower(): _symbol(name).lower() for name in sorted(commands)}
    symbols = {name: symbol for name, symbol in named.items() if symbol}
    found = {"pages": pages, "common": sorted(COMMON), "symbols": symbols, "words": _packed(words)}
    text = f"globalThis.byhandFound = {json.dumps(found, ensure_ascii=False)};\n"
    Path(app.outdir, INDEX).write_text(text, encoding="utf-8")


def parts_of(article: str) -> Iterator[tuple[str, str, Counter]]:
    """Yield of each part of a page its id, its title and how often it has which word.

    A row of the ledger and a numbered formula are parts, beside sections and theorems.
    """
    text = _with_plain_maths(SILENT.sub(" ", article))
    for row in ROW.finditer(text):
        yield row[1], row[1].removeprefix("ledger-"), counts_of(AGREEMENT.sub("", row[2]))
    for equation in NUMBER.finditer(text):
        yield equation[1], plain(equation[2]), Counter()
    text = NUMBER.sub("", ROW.sub("", text))
    text = THEOREM.sub(r'<section id="\1"><h6>\2</h6>', text)
    for id_, own in _own_texts(text):
        heading = HEADING.search(own)
        yield id_, plain(heading[1]) if heading else id_, counts_of(own)


def _own_texts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the id of each section, and its HTML without that of the sections within it."""
    opened, texts, end = [], {}, 0
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


# -- words ---------------------------------------------------------------------------------------


def counts_of(text: str) -> Counter:
    r"""Return how often HTML has which word, number and symbol; a word stands for all its forms.

    Examples
    --------
    >>> sorted(counts_of("<p>The values, 1.04 of <b>∇f</b>: a value, w<sup>3</sup>.</p>").items())
    [('1.04', 1), ('f', 1), ('valu', 2), ('w3', 1), ('∇', 1)]
    """
    counts = Counter(_tokens(text))
    defined = [_tokens(term) for term in DEFINED.findall(text)]
    listed = [_tokens(symbol) for cell in SYMBOLS.findall(text) for symbol in cell.split(",")]
    for words in [*defined, *(words for words in listed if len(words) == 1)]:
        counts.update(dict.fromkeys(words, AS_DEFINED))
    return counts


def _tokens(text: str) -> list[str]:
    within = re.sub(r"</?(?:span|i|b|em|strong|code|sub|sup|a)\b[^>]*>", "", text)
    shown = html.unescape(re.sub(r"<[^>]*>", " ", within))
    shown = unicodedata.normalize("NFKC", shown).lower().replace("\N{FRACTION SLASH}", "/")
    found = TOKEN.findall(re.sub("[’']s\\b", "", shown))
    return [stem(word) if WORD.fullmatch(word) else word for word in found if _says_much(word)]


def _says_much(word: str) -> bool:
    if word.isascii() or len(word) > 1:
        return word not in COMMON
    kind = unicodedata.category(word)
    return kind[0] == "L" or (kind == "Sm" and word not in "−×")


def _packed(words: dict[str, list[tuple[int, int]]]) -> str:
    """Return a line for each word: of each part the distance to the one before, and how often.

    The distance is in base 26, its last digit small, those before it capital. A digit after it is
    1 if the part has the word four times or more, 2 for 16 times or more, 3 for 64 or more.
    """
    lines = []
    for word, places in sorted(words.items()):
        before, line = -1, f"{word} "
        for number, count in places:
            often = (count.bit_length() - 1) // 2
            line += _in_base_26(number - before) + (str(often) if often else "")
            before = number
        lines.append(line)
    return "\n".join(lines)


def _in_base_26(number: int) -> str:
    before, last = divmod(number, 26)
    return (_in_base_26(before).upper() if before else "") + chr(ord("a") + last)


# -- formulas ------------------------------------------------------------------------------------


def _with_plain_maths(text: str) -> str:
    """Return HTML in which each formula that KaTeX has set is what was typed, as plain text."""
    parts, end, depth = [], 0, 0
    for tag in SPAN.finditer(text):
        if depth:
            depth += 1 if tag[1] is not None else -1
            end = tag.end()
        elif tag[1] is not None and (latex := LATEX.search(tag[1])):
            parts += [text[end : tag.start()], html.escape(plain_maths(html.unescape(latex[1])))]
            depth = 1
    return "".join([*parts, text[end:]])


def plain_maths(latex: str) -> str:
    r"""Return LaTeX as words that can be looked for.

    Examples
    --------
    >>> " ".join(plain_maths(r"\nabla f(w^3) = \tfrac{13}{5}\mathbb E\,X_{ij} + x^{t-1}").split())
    '∇ f(w3) = 13/5 E Xij + x t-1'
    """
    text = re.sub(r"\\[dt]?frac *\{?(\d+)\}? *\{?(\d+)\}?", r" \1/\2 ", latex)
    text = re.sub(r"\\(?:begin|end)\{[a-z]+\}", " ", text)
    text = COMMAND.sub(lambda command: f" {_symbol(command[0])} ", text)
    text = re.sub(r"[_^](?:\{(\w+)\}|(\w))", r"\1\2", text)
    return re.sub(r"[_^{}&]|\\.", " ", text)


@functools.cache
def _symbol(command: str) -> str:
    """Return the character that a command stands for, if it stands for one, else nothing."""
    symbol = getattr(known_commands.get_macro_spec(command[1:]), "simplify_repl", None)
    return symbol if isinstance(symbol, str) and len(symbol) == 1 and not symbol.isascii() else ""


def setup(app) -> None:
    app.connect("build-finished", _write_index, priority=950)
