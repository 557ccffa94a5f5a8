"""Keeps what Sphinx has read of pages whose sources have not changed, and reads the others.

Sphinx judges by file times, which a copy of the folder or a branch of git changes; here a page is
known by a hash of its source and, if it is a notebook, of its results. Pages with docstrings are
read again whenever the package has changed, and pages that are made of others, as the ledger is,
always (``note_reread``). All pages are written every time: what one says of another, as a number
or a title, is looked up then. If anything else changes that pages depend on, the whole book is
made anew (see inputs.py).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sphinx.environment import CONFIG_OK

from book import inputs

PACKAGE = "src/byhand"


def _trust_settings(app) -> None:
    """Keep Sphinx from comparing its settings, some of which never equal what they were."""
    if not app.fresh_env_used:
        app.env.config_status = CONFIG_OK


def _find_changed(app, env, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    sources = {name: _source(app, name) for name in sorted(env.found_docs)}
    package = inputs.digest(f"{PACKAGE}/**/*")
    if not app.fresh_env_used:
        changed.clear()
        changed |= {name for name in sources if sources[name] != env.sources_read[name]}
        changed |= env.reread_always | {app.config.root_doc}  # with none, no page would be written
        if package != env.package_read:
            changed |= {name for name in sources if _shows_docstrings(env, name)}
    env.sources_read, env.package_read = sources, package
    return []


def _source(app, name: str) -> str:
    """Return a hash of what is read for a page."""
    if name in app.executed_notebooks:
        source = json.dumps(app.executed_notebooks[name]).encode()
    else:
        source = Path(app.env.doc2path(name)).read_bytes()
    return hashlib.sha256(source).hexdigest()


def _shows_docstrings(env, name: str) -> bool:
    return any(Path(path).as_posix().startswith(PACKAGE) for path in env.dependencies[name])


def setup(app) -> None:
    app.connect("builder-inited", _trust_settings)
    app.connect("env-get-outdated", _find_changed)
