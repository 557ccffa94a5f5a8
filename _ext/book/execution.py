"""Runs the notebooks before Sphinx reads them.

Each executed notebook is stored under a hash of its code, the package, the requirements and
Python's version, so a change in any of them runs it again and nothing else does. A file is
written under another name and then renamed: a build that is killed leaves no half notebook.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from book import inputs
from book.strictness import BookError, located

STORE = inputs.ROOT / "_build" / "executed"
CELL_TIMEOUT = 600  # seconds

# Kernels that run side by side must not each take all cores, and a sum must not depend on how
# many threads a machine has.
KERNEL_ENVIRONMENT = {"BYHAND_BUILD": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def stored_path(notebook: nbformat.NotebookNode, name: str) -> Path:
    """Return where the executed notebook is kept."""
    code = json.dumps([cell.source for cell in _code_cells(notebook)])
    package = inputs.digest(*inputs.PACKAGE, "_ext/book/execution.py")
    key = hashlib.sha256(f"{package}\0{code}".encode()).hexdigest()[:16]
    return STORE / f"{name}-{key}.ipynb"


def execute(paths: list[Path]) -> dict[str, nbformat.NotebookNode]:
    """Return document name → executed notebook; run those that are not in the store.

    Raises
    ------
    BookError
        If a cell raises, writes to its error stream or shows an image without words.
    """
    STORE.mkdir(parents=True, exist_ok=True)
    notebooks = {path: nbformat.read(path, as_version=4) for path in paths}
    stored = {path: stored_path(notebook, path.stem) for path, notebook in notebooks.items()}
    missing = [path for path in paths if not stored[path].exists()]
    if missing:
        copies = {path: copy.deepcopy(notebooks[path]) for path in missing}
        # The loop that ZeroMQ needs, which is not Windows' own.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            errors = runner.run(_run_all(copies, stored))
        if errors:
            raise BookError("\n".join(errors))
    for path, file in stored.items():
        _copy_outputs(nbformat.read(file, as_version=4), notebooks[path])
    return {
        path.relative_to(inputs.ROOT).with_suffix("").as_posix(): notebook
        for path, notebook in notebooks.items()
    }


def _code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _copy_outputs(executed: nbformat.NotebookNode, notebook: nbformat.NotebookNode) -> None:
    """Take over the outputs alone: the text around them may have been edited since."""
    for old, new in zip(_code_cells(executed), _code_cells(notebook), strict=True):
        new.outputs, new.execution_count = old.outputs, old.execution_count


async def _run_all(notebooks: dict, stored: dict[Path, Path]) -> list[str]:
    free_cores = asyncio.Semaphore(os.cpu_count() or 1)
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TimeElapsedColumn()) as progress:

        async def run(path: Path, notebook: nbformat.NotebookNode) -> str | None:
            task = progress.add_task(path.stem, total=len(notebook.cells), start=False)
            async with free_cores:
                progress.start_task(task)
                error = await _run(path, notebook, lambda: progress.advance(task))
            if error is None:
                _store(notebook, stored[path])
            return error

        outcomes = await asyncio.gather(*(run(*item) for item in notebooks.items()))
    return [error for error in outcomes if error]


async def _run(path: Path, notebook: nbformat.NotebookNode, advance) -> str | None:
    """Execute a notebook in place; return what is wrong with it, if anything is."""
    running = 0

    def note_start(cell, cell_index) -> None:
        nonlocal running
        running = cell_index
        advance()

    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=note_start,
    )
    name = path.relative_to(inputs.ROOT).as_posix()
    try:
        await client.async_execute(env=os.environ | KERNEL_ENVIRONMENT)
    except CellExecutionError as error:
        return located(name, (running + 1) * 10000, f"{error.ename}: {error.evalue}")
    except Exception as error:  # a kernel that died or took too long
        return located(name, (running + 1) * 10000, f"{type(error).__name__}: {error}")
    for index, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if problem := _objection(output):
                return located(name, index * 10000, problem)
    return None


def _objection(output: nbformat.NotebookNode) -> str | None:
    if output.get("name") == "stderr":
        return f"the cell writes to its error stream: {output.text.strip()}"
    if any(kind.startswith("image/") for kind in output.get("data", {})):
        return "an image without alternative text; display it with byhand.explore.show"
    return None


def _store(notebook: nbformat.NotebookNode, path: Path) -> None:
    for earlier in STORE.glob(f"{path.stem.rpartition('-')[0]}-*.ipynb"):
        earlier.unlink()
    temporary = path.with_suffix(".tmp")
    temporary.write_text(nbformat.writes(notebook), encoding="utf-8")
    temporary.replace(path)


def _execute_book(app) -> None:
    documents = app.config.external_site_map
    paths = [inputs.ROOT / f"{name}.ipynb" for name in documents]
    app.executed_notebooks = execute(sorted(path for path in paths if path.exists()))


def _replace_source(app, docname: str, source: list[str]) -> None:
    """Give Sphinx the executed notebook, its own kinds of output turned into directives."""
    if docname not in app.executed_notebooks:
        return
    notebook = copy.deepcopy(app.executed_notebooks[docname])
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind, directive in app.output_directives.items():
                if kind in output.get("data", {}):
                    output.data = {"text/markdown": directive(app, output.data[kind])}
    source[0] = nbformat.writes(notebook)


def setup(app) -> None:
    # MIME type → function of the application and the output that returns MyST Markdown
    app.output_directives = {}
    app.connect("builder-inited", _execute_book)
    app.connect("source-read", _replace_source)
