"""Says what each page is and where it stands: description, reading time, address.

Where the site's address is known, a sitemap lists its pages, and the page for addresses that do
not exist, which a host shows at any depth, is one of the book's; elsewhere it is a plain one.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes

from book import inputs

WORDS_PER_MINUTE = 200
NOT_FOUND = "404"  # hosts look for a page of this name
SITEMAP = """\
<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{entries}
</urlset>
"""


def _set_address(app, config) -> None:
    """Name the site's address in each page, as the one to be found and cited, where it is known."""
    config.html_baseurl = inputs.site_address() or ""


def _describe_page(app, pagename, templatename, context, doctree) -> None:
    """Give the page a description, for search engines, and a chapter the time that it takes."""
    if pagename == NOT_FOUND:
        context["pageurl"] = None  # no address is its own
    if doctree is None:
        context["description"] = context.get(
            "description", f"{pagename.capitalize()} in {app.config.html_title}"
        )
        return
    context["description"] = _description(doctree)
    if pagename.startswith("chapters/"):
        note = f'<p class="reading-time d-print-none">{minutes(doctree)} min to read</p>'
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{note}", 1)


def minutes(node: nodes.Element) -> int:
    """Return how long a page or a section of it takes to read."""
    return math.ceil(len(_prose(node).split()) / WORDS_PER_MINUTE)


def _description(doctree) -> str:
    """Return the whole sentences without formulas of the page's first paragraph, cut at a word."""
    paragraphs = doctree.findall(nodes.paragraph)
    text = next((p.astext() for p in paragraphs if isinstance(p.parent, nodes.section)), "")
    sentences = re.findall(r"[^.?!]+(?:[.?!](?=\S)[^.?!]*)*[.?!](?=\s|$)", text)
    plain = " ".join(s.strip() for s in sentences if "\\" not in s)
    return textwrap.shorten(plain, 155, placeholder=" …")


def _prose(node: nodes.Element) -> str:
    """Return the text of paragraphs, headings and formulas: what is read word by word."""
    read = (nodes.paragraph, nodes.title, nodes.math_block)
    return " ".join(part.astext() for kind in read for part in node.findall(kind))


# -- the page for addresses that do not exist


def _page_not_found(app) -> Iterator[tuple[str, dict, str]]:
    template = "404.html" if app.config.html_baseurl else "404-plain.html"
    title = "This page does not exist"
    yield NOT_FOUND, {"title": title, "description": f"{title}: {app.config.html_title}"}, template


def _root_addresses(app, exception) -> None:
    """Let the page's addresses start at the host's root: the page is shown at any depth."""
    if exception is None and (address := app.config.html_baseurl):
        path = Path(app.outdir, f"{NOT_FOUND}.html")
        root = urlsplit(address).path
        path.write_text(with_root(path.read_text(encoding="utf-8"), root), encoding="utf-8")


def with_root(page: str, root: str) -> str:
    """Return a page of the site's first folder whose relative addresses start with a root."""
    attributes = "href|src|action|data-content_root"
    return re.sub(
        rf'(\s(?:{attributes})=")(?!#|/|[a-z]+:)(?:\./)?', lambda m: m[1] + escape(root), page
    )


# -- what is there to be found


def _list_pages(app, exception) -> None:
    """Write a sitemap and, where the site has a host of its own, tell robots of it."""
    address = app.config.html_baseurl
    if exception is not None or not address:
        return
    pages = (address + app.builder.get_target_uri(name) for name in sorted(app.env.found_docs))
    entries = "\n".join(f"<url><loc>{escape(page)}</loc></url>" for page in pages)
    Path(app.outdir, "sitemap.xml").write_text(SITEMAP.format(entries=entries), encoding="utf-8")
    if urlsplit(address).path == "/":  # robots read no other
        robots = f"User-agent: *\nAllow: /\nSitemap: {address}sitemap.xml\n"
        Path(app.outdir, "robots.txt").write_text(robots, encoding="utf-8")


def setup(app) -> None:
    # Jupyter Book sets this value even where the extension that knows it is not loaded.
    app.add_config_value("comments_config", {}, "html")
    app.connect("config-inited", _set_address)
    app.connect("html-page-context", _describe_page, priority=900)
    app.connect("html-collect-pages", _page_not_found)
    app.connect("build-finished", _list_pages)
    app.connect("build-finished", _root_addresses, priority=950)  # once its styles are in it
