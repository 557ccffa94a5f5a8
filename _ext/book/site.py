"""Says what each page is and where it stands: description, reading time, address."""

from __future__ import annotations

import math
import re
import textwrap

from docutils import nodes

from book import inputs

WORDS_PER_MINUTE = 200


def _set_address(app, config) -> None:
    """Name the site's address in each page, as the one to be found and cited, where it is known."""
    config.html_baseurl = inputs.site_address() or ""


def _describe_page(app, pagename, templatename, context, doctree) -> None:
    """Give the page a description, for search engines, and the time that it takes to read."""
    if doctree is None:
        context["description"] = f"{pagename.capitalize()} in {app.config.html_title}"
        return
    context["description"] = _description(doctree)
    minutes = math.ceil(len(_prose(doctree).split()) / WORDS_PER_MINUTE)
    note = f'<p class="reading-time d-print-none">{minutes} min to read</p>'
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{note}", 1)


def _description(doctree) -> str:
    """Return the whole sentences without formulas of the page's first paragraph, cut at a word."""
    paragraphs = doctree.findall(nodes.paragraph)
    text = next((p.astext() for p in paragraphs if isinstance(p.parent, nodes.section)), "")
    sentences = re.findall(r"[^.?!]+(?:[.?!](?=\S)[^.?!]*)*[.?!](?=\s|$)", text)
    plain = " ".join(s.strip() for s in sentences if "\\" not in s)
    return textwrap.shorten(plain, 155, placeholder=" …")


def _prose(doctree) -> str:
    """Return the text of paragraphs, headings and formulas: what is read word by word."""
    read = (nodes.paragraph, nodes.title, nodes.math_block)
    return " ".join(node.astext() for kind in read for node in doctree.findall(kind))


def setup(app) -> None:
    # Jupyter Book sets this value even where the extension that knows it is not loaded.
    app.add_config_value("comments_config", {}, "html")
    app.connect("config-inited", _set_address)
    app.connect("html-page-context", _describe_page, priority=900)
