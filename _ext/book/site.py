"""Keeps pages lean and self-contained, and links them to the book's repository."""

from __future__ import annotations

from book import inputs

# Scripts and styles that the theme or an extension puts on every page and no page of ours uses.
UNUSED_FILES = ("require.js", "html-manager", "thebe", "sphinx-thebe", "design-tabs.js")

# Sliders need the script; without it a reader sees the first frame and no dead control.
NO_SCRIPT = "<noscript><style>.book-controls { display: none }</style></noscript>"


def _link_repository(app, config) -> None:
    """Show launch and source buttons where the repository's address is known."""
    if url := inputs.repository():
        config.html_theme_options |= {
            "repository_url": url,
            "repository_branch": "main",
            "use_repository_button": True,
            "use_issues_button": True,
            "use_edit_page_button": True,
            "launch_buttons": {
                "binderhub_url": "https://mybinder.org",
                "notebook_interface": "jupyterlab",
            },
        }


def _trim_page(app, pagename, templatename, context, doctree) -> None:
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context.get(kind, [])
            if not any(word in (getattr(file, "filename", None) or "") for word in UNUSED_FILES)
        ]
    context["metatags"] = context.get("metatags", "") + NO_SCRIPT


def setup(app) -> None:
    # Jupyter Book sets this value even where the extension that knows it is not loaded.
    app.add_config_value("comments_config", {}, "html")
    app.connect("config-inited", _link_repository, priority=100)
    app.connect("html-page-context", _trim_page, priority=900)
