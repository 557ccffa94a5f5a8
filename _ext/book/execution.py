"""Runs the notebooks before Sphinx reads them.

Each executed notebook is stored under a hash of its code, the files of the package that it imports,
the requirements and Python's version, so a change in any of them runs it again and nothing else
does. A file is written under another name and then renamed: a build that is killed leaves no half
notebook. The kernels know nothing of their reader's settings (see environment.py), and none of them
outlives the build.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import hashlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from book import closure, environment, inputs, progress
from book.strictness import BookError, located

STORE = inputs.ROOT / "_build" / "executed"
CELL_TIMEOUT = 600  # seconds
MAKERS = [f"_ext/book/{name}.py" for name in ("execution", "environment", "kernel")]
LOADED = "[m for m in __import__('sys').modules if m.partition('.')[0] == 'byhand']"


def stored_path(notebook: nbformat.NotebookNode, name: str) -> Path:
    """Return where the executed notebook is kept."""
    code = [cell.source for cell in _code_cells(notebook)]
    package = (path.relative_to(inputs.ROOT).as_posix() for path in closure.kept_files(code))
    state = inputs.digest("requirements.txt", *MAKERS, *package)
    key = hashlib.sha256(f"{state}\0{json.dumps(code)}".encode()).hexdigest()[:16]
    return STORE / f"{name}-{key}.ipynb"


def execute(paths: list[Path]) -> dict[str, nbformat.NotebookNode]:
    """Return document name → executed notebook; run those that are not in the store.

    Raises
    ------
    BookError
        If a cell raises, writes to its error stream or shows an image without words, or if the
        reader interrupts the build: then all kernels are stopped first.
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
    """Run notebooks side by side, the longest first; return what is wrong with them."""
    free_cores = asyncio.Semaphore(_cores())
    names = {path: path.stem for path in notebooks}
    with progress.of_notebooks(names.values(), _cores()) as shown:

        async def run(path: Path) -> str | None:
            async with free_cores:
                shown.start(path.stem, len(notebooks[path].cells))
                began = time.monotonic()
                error = await _run(path, notebooks[path], lambda: shown.advance(path.stem))
                shown.finish(path.stem)
            if error is None:
                progress.note(path.stem, time.monotonic() - began)
                _store(notebooks[path], stored[path])
            return error

        longest_first = sorted(notebooks, key=lambda path: -progress.expected(path.stem))
        outcomes = await asyncio.gather(*(run(path) for path in longest_first))
    errors = dict(zip(longest_first, outcomes, strict=True))
    return [errors[path] for path in notebooks if errors[path]]


def _cores() -> int:
    """Return how many cores this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _OwnKernel(KernelSpecManager):
    """Knows one kernel, whatever kernels the reader has installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        script = str(Path(__file__).with_name("kernel.py"))
        # Without the folder of the script, and without the reader's own packages.
        command = [sys.executable, "-P", "-s", script, "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")


@asynccontextmanager
async def _kernel(client: NotebookClient) -> AsyncIterator[None]:
    """Start a kernel for a client, and kill it however the block ends.

    NotebookClient's own way is to take over Ctrl+C, wait for the kernel and go on.
    """
    try:
        await client.async_start_new_kernel(env=environment.of_kernels())
        await client.async_start_new_kernel_client()
        yield
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        if client.km.has_kernel:
            await client.km.shutdown_kernel(now=True)


async def _run(path: Path, notebook: nbformat.NotebookNode, advance: Callable) -> str | None:
    """Execute a notebook in place; return what is wrong with it, if anything is."""
    running = 0

    def note_start(cell, cell_index) -> None:
        nonlocal running
        running = cell_index
        advance()

    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=_OwnKernel()),
        timeout=CELL_TIMEOUT,
        coalesce_streams=True,  # however the stream was cut on its way
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=note_start,
    )
    name = path.relative_to(inputs.ROOT).as_posix()
    try:
        async with _kernel(client):
            for index, cell in enumerate(notebook.cells):
                await client.async_execute_cell(cell, index)
            loaded = await _loaded_modules(client)
    except CellExecutionError as error:
        return located(name, (running + 1) * 10000, f"{error.ename}: {error.evalue}")
    except Exception as error:  # a kernel that died or took too long
        return located(name, (running + 1) * 10000, f"{type(error).__name__}: {error}")
    for index, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if problem := _objection(output):
                return located(name, index * 10000, problem)
    code = [cell.source for cell in _code_cells(notebook)]
    if hidden := loaded - {closure.module_name(file) for file in closure.files(code)}:
        return f"{name}: loads {', '.join(sorted(hidden))}, which no import statement names"
    return None


async def _loaded_modules(client: NotebookClient) -> set[str]:
    """Return the modules of the package that a kernel has loaded."""
    reply = await client.kc.execute(
        "", silent=True, user_expressions={"loaded": LOADED}, reply=True, timeout=CELL_TIMEOUT
    )
    loaded = reply["content"]["user_expressions"]["loaded"]
    return set(ast.literal_eval(loaded["data"]["text/plain"]))


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
