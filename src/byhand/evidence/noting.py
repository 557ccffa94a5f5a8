"""Functions of byhand that say when they run, for a Python that cannot be asked: before 3.12.

Its profiler stops at every call of every library, and the interpreter runs slower at every step
while it is on: claims took two thirds longer. Here each function of the package notes its own name
instead, before it does anything else. That is added when a module is imported, and afterwards to
those that were imported earlier. Lines, sources and results stay as they are.
"""

from __future__ import annotations

import ast
import gc
import importlib.util
import marshal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

PACKAGE = "byhand"
NOTE = "_note_that_it_runs"

NameOf = Callable[[str, str, int], str | None]
"""File, qualified name and line of a function → the name to note, or None for none."""

ran: set[str] = set()
"""The names that were noted since somebody cleared it."""


def install(name_of: NameOf) -> None:
    """Make the functions of the package note their names, of all its modules."""
    finder = _Finder(name_of)
    sys.meta_path.insert(0, finder)
    noted: dict[CodeType, CodeType] = {}
    for name, module in list(sys.modules.items()):
        loader = finder.loader_with_notes(name, getattr(module, "__loader__", None))
        if loader is not None:
            pair = module.__loader__.get_code(name), loader.get_code(name)
            noted |= zip(*map(_inside, pair), strict=True)
            vars(module)[NOTE] = ran.add
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__ in noted:
            one.__code__ = noted[one.__code__]


def _inside(code: CodeType) -> Iterator[CodeType]:
    """Return the code of everything that a module defines, in the order of its lines."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from _inside(part)


class _Finder(MetaPathFinder):
    def __init__(self, name_of: NameOf) -> None:
        self.name_of = name_of

    def find_spec(self, fullname, path=None, target=None) -> ModuleSpec | None:
        if fullname.partition(".")[0] != PACKAGE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = self.loader_with_notes(fullname, spec.loader) or spec.loader
        return spec

    def loader_with_notes(self, module: str, loader: Any) -> _Loader | None:
        """Return what loads a module of the package instead, if its functions are to be noted."""
        if module.partition(".")[0] != PACKAGE or type(loader) is not SourceFileLoader:
            return None
        noted = self.name_of(loader.path, "any", 1) is not None
        return _Loader(module, loader.path, self.name_of) if noted else None


class _Loader(SourceFileLoader):
    """Loads a module with notes, and keeps its code beside the code that Python keeps."""

    def __init__(self, fullname: str, path: str, name_of: NameOf) -> None:
        super().__init__(fullname, path)
        self.name_of = name_of

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path)
        kept = importlib.util.cache_from_source(self.path, optimization="noting")
        key = b"".join(map(importlib.util.source_hash, (source, self.path.encode(), _OWN_SOURCE)))
        with suppress(OSError):
            stored = Path(kept).read_bytes()
            if stored.startswith(key):
                return marshal.loads(stored[len(key) :])
        code = noting(source, self.path, self.name_of)
        self.set_data(kept, key + marshal.dumps(code))
        return code

    def exec_module(self, module: ModuleType) -> None:
        vars(module)[NOTE] = ran.add
        super().exec_module(module)


_OWN_SOURCE = Path(__file__).read_bytes()


def noting(source: bytes, path: str, name_of: NameOf) -> CodeType:
    """Compile a module so that each of its functions notes its name when it starts."""
    tree = ast.parse(source, path)
    _Noting(path, name_of).visit(tree)
    return compile(tree, path, "exec", dont_inherit=True)


class _Noting(ast.NodeVisitor):
    """Puts a note at the start of functions and lambdas.

    What a function does in a comprehension is its own doing, so these have none. Scopes are counted
    as in ``__qualname__``: decorators, defaults, bases and the first iterable of a comprehension
    belong to the one around.
    """

    def __init__(self, path: str, name_of: NameOf) -> None:
        self.path, self.name_of = path, name_of
        self.scopes: list[str] = []

    @contextmanager
    def _scope(self, name: str) -> Iterator[None]:
        self.scopes.append(name)
        yield
        self.scopes.pop()

    def _note(self, line: int, place: ast.AST) -> ast.expr | None:
        name = self.name_of(self.path, ".".join(self.scopes), line)
        if name is None:
            return None
        call = ast.Call(ast.Name(NOTE, ast.Load()), [ast.Constant(name)], [])
        for part in (call, call.func, *call.args):
            ast.copy_location(part, place)
        return call

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_all([*node.decorator_list, node.args])
        with self._scope(node.name):
            self._visit_all(node.body)
            if note := self._note(node.lineno, node.body[0]):
                after_docstring = int(ast.get_docstring(node, clean=False) is not None)
                node.body.insert(after_docstring, ast.copy_location(ast.Expr(note), note))

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        with self._scope("<lambda>"):
            self.visit(node.body)
            if note := self._note(node.lineno, node.body):  # which comes to None
                node.body = ast.copy_location(ast.BoolOp(ast.Or(), [note, node.body]), node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])
        with self._scope(node.name):
            self._visit_all(node.body)

    def _visit_comprehension(self, scope: str, node: ast.AST, *elements: ast.expr) -> None:
        first, *others = node.generators
        self.visit(first.iter)
        with self._scope(scope):
            self._visit_all([*elements, *first.ifs, *others])

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._visit_comprehension("<listcomp>", node, node.elt)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._visit_comprehension("<setcomp>", node, node.elt)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._visit_comprehension("<dictcomp>", node, node.key, node.value)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._visit_comprehension("<genexpr>", node, node.elt)
