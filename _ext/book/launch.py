"""Links pages to the book's repository, and notebooks to the servers that run them.

The theme writes the links: to the source of each page, and from each notebook to Binder and to a
JupyterHub, as ``launch_buttons`` in ``_config.yml`` asks. All of them need the address of the
repository. It is looked up rather than configured, so that a fork links to itself, and that a copy
without an address has no link that leads nowhere.
"""

from __future__ import annotations

from book import inputs


def _link(app, config) -> None:
    options = config.html_theme_options
    if url := inputs.repository():
        options["repository_url"] = url
        options["repository_branch"] = inputs.branch()
        for button in ("repository", "issues", "edit_page"):
            options[f"use_{button}_button"] = True
    else:
        options.pop("launch_buttons", None)


def setup(app) -> None:
    app.connect("config-inited", _link, priority=100)
