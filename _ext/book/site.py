"""Keeps pages lean and self-contained."""

from __future__ import annotations

from docutils import nodes
from sphinx.writers.html5 import HTML5Translator

# Scripts and styles that the theme or an extension puts on every page and no page of ours uses.
UNUSED_FILES = ("require.js", "html-manager", "thebe", "sphinx-thebe", "design-tabs.js")


def _trim_page(app, pagename, templatename, context, doctree) -> None:
    # MyST-NB names the summary of folded code by a label that differs from its visible words.
    context["body"] = context.get("body", "").replace(' aria-label="Toggle hidden content"', "")
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context.get(kind, [])
            if not any(word in (getattr(file, "filename", None) or "") for word in UNUSED_FILES)
        ]


def _visit_entry(translator, node) -> None:
    """Make the empty corner of a table a data cell: a heading must have words."""
    start = len(translator.body)
    HTML5Translator.visit_entry(translator, node)
    if isinstance(node.parent.parent, nodes.thead) and not node.astext().strip():
        translator.body[start] = translator.body[start].replace("<th", "<td", 1)
        translator.context[-1] = "</td>\n"


def setup(app) -> None:
    # Jupyter Book sets this value even where the extension that knows it is not loaded.
    app.add_config_value("comments_config", {}, "html")
    app.add_node(nodes.entry, override=True, html=(_visit_entry, HTML5Translator.depart_entry))
    app.connect("html-page-context", _trim_page, priority=900)
