"""Makes a notebook that a reader downloads run on its own: it installs the package if need be.

The package comes from the book's repository, so nothing is added where that is not known.
"""

from __future__ import annotations

from pathlib import Path

import nbformat

from book import inputs

INSTALL = """\
try:
    import byhand
except ModuleNotFoundError:
    %pip install --quiet "byhand @ git+{repository}@{branch}"\
"""


def add_installation(path: Path, repository: str, branch: str) -> None:
    """Put a cell that installs the book's package after the title of a notebook."""
    notebook = nbformat.read(path, as_version=4)
    source = INSTALL.format(repository=repository, branch=branch)
    notebook.cells.insert(1, nbformat.v4.new_code_cell(source, id="install-byhand"))
    nbformat.write(notebook, path)


def _finish(app, exception) -> None:
    if exception is None and (repository := inputs.repository()):
        for path in Path(app.outdir, "_sources").glob("**/*.ipynb"):
            add_installation(path, repository, inputs.branch())


def setup(app) -> None:
    app.connect("build-finished", _finish)
