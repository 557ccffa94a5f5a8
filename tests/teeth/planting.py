"""Faults of a module: what mutmut would change in it, one place at a time.

Apart from words, which no computation reads, and from looking at arguments: what raises an error,
``strict`` of a ``zip`` included, and the converters of ``byhand._checks``, have tests of their own.
"""

from __future__ import annotations

import ast
import functools
import gc
import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import libcst as cst
from mutmut.mutation.file_mutation import create_mutations

from byhand.evidence.tracing import PACKAGE, forget

CONVERTERS = "byhand._checks"

STRICT = re.compile(r"\bstrict=\w+")
"""What makes an error of sequences of different lengths, and changes no value."""


@dataclass(frozen=True)
class Fault:
    """One change of one function."""

    module: str
    function: str
    """The full name of the function or method that holds it, as the tracer would give it."""
    line: int
    before: str
    after: str
    source: str
    """The function with the fault in it, at its line."""

    @property
    def text(self) -> str:
        return f"{self.module}, line {self.line}: {self.before} → {self.after}"


def modules_of(name: str) -> list[str]:
    """Return the modules of a package or module of byhand, without its drawings."""
    path = PACKAGE.joinpath(*name.split(".")[1:])
    files = [path.with_suffix(".py")] if not path.is_dir() else sorted(path.rglob("*.py"))
    names = []
    for file in files:
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        if parts[-1] not in ("__init__", "figures"):
            names.append(".".join(parts))
    return names


def faults_of(module: str) -> list[Fault]:
    """Return the faults of a module, in the order of its lines.

    mutmut leaves functions with decorators alone, because it would plant beside them; what is
    planted here is the code of the function within, so it is shown the module without them. A
    method that calls ``super()`` has its class around it, and cannot be exchanged.
    """
    file = Path(importlib.import_module(module).__file__)
    code = file.read_text(encoding="utf-8")
    lines = _lines_of_functions(code)
    bare = cst.parse_module(code).visit(_WithoutDecorators()).code
    tree, mutations, *_ = create_mutations(str(file), bare)
    places = dict(zip(map(id, _functions(tree)), lines, strict=True))
    spared, faults = _spared(tree), []
    for mutation in mutations:
        holder = mutation.contained_by_top_level_function
        if id(holder) in places and id(mutation.original_node) not in spared:
            name, line = places[id(holder)]
            if _function(vars(importlib.import_module(module)), name.split(".")).__closure__:
                continue
            after = holder.deep_replace(mutation.original_node, mutation.mutated_node)
            texts = [_code(tree, function) for function in (holder, after)]
            if len({STRICT.sub("", text) for text in texts}) == 2:
                faults.append(_fault(module, name, line, *texts))
    return sorted(faults, key=lambda fault: (fault.line, fault.after))


def _fault(module: str, name: str, line: int, before: str, after: str) -> Fault:
    old, new = before.splitlines(), after.splitlines()
    first = next(i for i, (a, b) in enumerate(zip([*old, ""], [*new, ""], strict=False)) if a != b)
    end = 0
    while end < min(len(old), len(new)) - first and old[-1 - end] == new[-1 - end]:
        end += 1
    was, is_now = (
        " ".join(line.strip() for line in text[first : len(text) - end]) for text in (old, new)
    )
    source = "\n" * (line - 1) + after
    return Fault(module, f"{module}.{name}", line + first, was, is_now, source)


def _code(tree: cst.Module, function: cst.FunctionDef) -> str:
    return tree.code_for_node(function.with_changes(leading_lines=[], lines_after_decorators=[]))


def _functions(tree: cst.Module) -> list[cst.FunctionDef]:
    """Return a module's functions and methods, without those inside others."""
    found = []
    for statement in tree.body:
        if isinstance(statement, cst.FunctionDef):
            found.append(statement)
        elif isinstance(statement, cst.ClassDef):
            found += [part for part in statement.body.body if isinstance(part, cst.FunctionDef)]
    return found


def _lines_of_functions(code: str) -> list[tuple[str, int]]:
    """Return the name of each function and method and the line of its ``def``."""
    found = []
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.FunctionDef):
            found.append((statement.name, statement.lineno))
        elif isinstance(statement, ast.ClassDef):
            inside = [part for part in statement.body if isinstance(part, ast.FunctionDef)]
            found += [(f"{statement.name}.{part.name}", part.lineno) for part in inside]
    return found


class _WithoutDecorators(cst.CSTTransformer):
    def leave_FunctionDef(self, original_node, updated_node):  # noqa: N802
        return updated_node.with_changes(decorators=[])


class _Sparing(cst.CSTVisitor):
    """Collects nodes in which no fault is planted."""

    def __init__(self, converters: set[str]) -> None:
        self.converters = converters
        self.spared: set[int] = set()

    def _spare(self, node: cst.CSTNode) -> None:
        self.spared |= {id(part) for part in _parts(node)}

    def visit_SimpleString(self, node):  # noqa: N802
        self._spare(node)

    def visit_FormattedString(self, node):  # noqa: N802
        self._spare(node)

    def visit_Raise(self, node):  # noqa: N802
        self._spare(node)

    def visit_If(self, node):  # noqa: N802
        body = node.body.body if isinstance(node.body, cst.IndentedBlock) else []
        last = body[-1] if body else None
        if isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Raise):
            self._spare(node.test)
            for statement in body:
                self._spare(statement)

    def visit_Assign(self, node):  # noqa: N802
        if self._converts(node.value):
            self._spare(node)

    def visit_Call(self, node):  # noqa: N802
        if self._converts(node):
            self._spare(node)

    def _converts(self, node: cst.CSTNode) -> bool:
        called = isinstance(node, cst.Call) and isinstance(node.func, cst.Name)
        return called and node.func.value in self.converters


def _parts(node: cst.CSTNode):
    yield node
    for child in node.children:
        yield from _parts(child)


def _spared(tree: cst.Module) -> set[int]:
    converters = set()
    for statement in tree.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            continue
        for part in statement.body:
            if isinstance(part, cst.ImportFrom) and tree.code_for_node(part.module) == CONVERTERS:
                converters |= {alias.name.value for alias in part.names}
    visitor = _Sparing(converters)
    tree.visit(visitor)
    return visitor.spared


# -- planting ------------------------------------------------------------------------------------


def plant(fault: Fault, living: Living | None = None) -> None:
    """Put the fault into the running program, for good: call it in a process that ends soon.

    The function keeps its identity, so whoever has imported it runs the fault, and so do the
    functions that it has made: operators, wrappers. (Apart from faults that drop a name of the
    outer function from an inner one: the two cannot be exchanged.) What the package keeps is
    forgotten.
    """
    living = living or find_living()
    module = importlib.import_module(fault.module)
    namespace = dict(vars(module))
    exec(compile(fault.source, module.__file__, "exec"), namespace)
    path = fault.function.removeprefix(f"{fault.module}.").split(".")
    old, new = _function(vars(module), path), namespace[path[-1]]
    for was, now in _pairs(old.__code__, new.__code__):
        for made in living.made.get(was, []):
            if was.co_freevars == now.co_freevars:
                made.__code__ = now
    old.__code__ = new.__code__
    old.__defaults__, old.__kwdefaults__ = new.__defaults__, new.__kwdefaults__
    forget_results(living.caches)


def _pairs(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Return the code of the functions inside two functions, side by side."""
    inside = [
        [part for part in code.co_consts if isinstance(part, CodeType)] for code in (old, new)
    ]
    if len(inside[0]) == len(inside[1]):
        for was, now in zip(*inside, strict=True):
            yield was, now
            yield from _pairs(was, now)


def _function(names: dict[str, Any], path: list[str]) -> FunctionType:
    found: Any = names[path[0]]
    for name in path[1:]:
        found = vars(found)[name]
    if isinstance(found, property):
        found = found.fget
    if isinstance(found, functools.cached_property):
        found = found.func
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    return inspect.unwrap(found)


@dataclass(frozen=True)
class Living:
    """What lives in memory before a fault is planted, and would not meet it by itself."""

    caches: list[Callable]
    """Functions of the package that keep their results."""
    made: dict[CodeType, list[FunctionType]]
    """Code → functions of the package; of what a function makes there may be many."""


def find_living() -> Living:
    """Look through memory."""
    caches, made = [], {}
    for one in gc.get_objects():
        if isinstance(one, functools._lru_cache_wrapper):
            if (one.__module__ or "").startswith("byhand"):
                caches.append(one)
        elif isinstance(one, FunctionType) and one.__code__.co_filename.startswith(str(PACKAGE)):
            made.setdefault(one.__code__, []).append(one)
    return Living(caches, made)


def forget_results(caches: Iterable[Callable]) -> None:
    """Let nothing that the package keeps hide a fault."""
    forget()
    for kept in caches:
        kept.cache_clear()
