"""Which files of the package some code depends on, from what it imports, without running it.

It errs on the side of more: a name that may be a module counts as one, and code that imports by
other means than the statement depends on the whole package. The claims alone are loaded by name:
those of a chapter where its cells have the id of one. Each run checks it: a notebook that has
loaded a module outside its closure is not kept (see execution.py).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from book import inputs
from byhand.evidence.declaring import module_of
from byhand.problems import chapter_of

PACKAGE = "byhand"
# Who uses one of these may import what no statement names.
DYNAMIC = {"__import__", "exec", "eval", "importlib", "pkgutil", "runpy"}
MAX_KEPT = 50  # notebooks, as they were in the last builds
# This one imports the claims of the chapter that it is given an id of.
LOADER = "byhand.evidence.declaring"
# This one takes part in the imports of others, and makes none.
OBSERVER = "byhand.evidence.noting"


def kept_files(cells: list[str]) -> list[Path]:
    """Return the same as :func:`files`, which takes a second for a book, from the last build."""
    state = inputs.digest(f"src/{PACKAGE}/**/*", "_ext/book/closure.py", extra=json.dumps(cells))
    store = inputs.ROOT / "_build" / "closures.json"
    try:
        kept = json.loads(store.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        kept = {}
    if state not in kept:
        kept[state] = [path.relative_to(inputs.ROOT).as_posix() for path in files(cells)]
        temporary = store.with_suffix(".tmp")
        temporary.write_text(json.dumps(dict(list(kept.items())[-MAX_KEPT:])), encoding="utf-8")
        temporary.replace(store)
    return [inputs.ROOT / path for path in kept[state]]


def files(cells: Iterable[str]) -> list[Path]:
    """Return the files of the package that the cells of a notebook depend on, sorted.

    Files that are no modules, as the style of the figures, count for every notebook.
    """
    source = inputs.ROOT / "src"
    everything = set(inputs.files(f"src/{PACKAGE}/**/*"))
    data = {path for path in everything if path.suffix != ".py"}
    found: set[str] = set()
    cells = list(cells)
    waiting = set(_cells_imports(cells))
    while waiting:
        name = waiting.pop()
        if name is None:
            return sorted(everything)
        if name in found or (path := _path(source, name)) is None:
            continue
        found.add(name)
        imports = set(_imports(path.read_text(encoding="utf-8"), name, path))
        waiting |= imports - {None} if name in (LOADER, OBSERVER) else imports
        if name == LOADER:
            waiting |= _claims(cells, everything)
    return sorted(data | {_path(source, name) for name in found})


def module_name(path: Path) -> str:
    """Return the name under which a file of the package is imported."""
    parts = path.relative_to(inputs.ROOT / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _path(source: Path, name: str) -> Path | None:
    """Return the file of a module, or None where the name is no module."""
    stem = source.joinpath(*name.split("."))
    return next((p for p in (stem / "__init__.py", stem.with_suffix(".py")) if p.is_file()), None)


def _cells_imports(cells: Iterable[str]) -> Iterator[str | None]:
    for cell in cells:
        try:
            yield from _imports(TransformerManager().transform_cell(cell), "", None)
        except SyntaxError:  # the run will tell
            yield None


def _claims(cells: list[str], everything: set[Path]) -> set[str]:
    """Return the modules with the claims of each chapter that an id in the cells is of."""
    packages = [module_of(chapter) for chapter in _chapters(cells)]
    inside = tuple(f"{package}." for package in packages)
    modules = {module_name(path) for path in everything if path.suffix == ".py"}
    loaded = [*packages, *(name for name in modules if name.startswith(inside))]
    return {name for each in loaded for name in _with_parents(each)}


def _chapters(cells: list[str]) -> Iterator[str]:
    for cell in cells:
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                with suppress(ValueError):  # no id
                    yield chapter_of(node.value)


@cache
def _imports(code: str, name: str, path: Path | None) -> tuple[str | None, ...]:
    """Return the modules that code may import; None among them stands for every module."""
    found: list[str | None] = []
    package = name if path is not None and path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found += _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            found += _imported_from(node, package)
        elif isinstance(node, ast.Name) and node.id in DYNAMIC:
            found.append(None)
    return tuple(found)


def _imported_from(node: ast.ImportFrom, package: str) -> list[str | None]:
    base = node.module or ""
    if node.level:
        parents = package.split(".")
        base = ".".join([*parents[: len(parents) + 1 - node.level], *filter(None, [base])])
    found = _with_parents(base)
    for alias in node.names:
        if alias.name == "*" and base.partition(".")[0] == PACKAGE:
            found.append(None)
        else:
            found += _with_parents(f"{base}.{alias.name}")
    return found


def _with_parents(name: str) -> list[str | None]:
    """Return a module of the package and those that are imported before it: a, a.b, a.b.c."""
    parts = name.split(".")
    if parts[0] in DYNAMIC:
        return [None]
    if parts[0] != PACKAGE:
        return []
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
