"""The source of a route, as the reader finds it in the claim."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable


def source_of(function: Callable) -> str:
    """Return a function's source: of a lambda, the expression that it computes.

    Examples
    --------
    >>> def named():
    ...     return 1
    >>> source_of(functools.partial(max, 1, 2))
    'max(1, 2)'
    """
    if isinstance(function, functools.partial):
        options = [f"{name}={value!r}" for name, value in function.keywords.items()]
        return f"{function.func.__name__}({', '.join([*map(repr, function.args), *options])})"
    code = getattr(function, "__code__", None)
    if code is None:
        return getattr(function, "__name__", repr(function))
    node, lines = find_lambda(function) if code.co_name == "<lambda>" else (None, [])
    if node is not None:
        return _dedented(_cut(lines, node.body), node.body.col_offset)
    try:
        return textwrap.dedent(inspect.getsource(function)).strip()
    except (OSError, TypeError):  # typed into an interpreter that keeps nothing
        return code.co_name


def find_lambda(function: Callable) -> tuple[ast.Lambda | None, list[str]]:
    """Return the syntax tree of a lambda and the lines of the text that it stands in."""
    code = function.__code__
    try:
        lines, _ = inspect.findsource(function)
    except (OSError, TypeError):
        return None, []
    places = set(code.co_positions())  # of each instruction; one of them returns the body's value
    for node in _lambdas("".join(lines)):
        body = node.body
        if (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset) in places:
            return node, lines
    return None, lines


@functools.cache
def _lambdas(text: str) -> tuple[ast.Lambda, ...]:
    """Return all lambdas of a module, the innermost first."""
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Lambda)]
    return tuple(sorted(found, key=lambda node: (-node.lineno, -node.col_offset)))


def _cut(lines: list[str], node: ast.expr) -> str:
    """Return the source of a node, whose columns are counted in bytes.

    Python's own function for it splits the whole text into lines each time.
    """
    part = [line.encode() for line in lines[node.lineno - 1 : node.end_lineno]]
    part[-1] = part[-1][: node.end_col_offset]
    part[0] = part[0][node.col_offset :]
    return b"".join(part).decode()


def _dedented(body: str, column: int) -> str:
    """Take the margin off the lines after the first, which starts at the column."""
    first, *rest = body.splitlines()
    margins = [len(line) - len(line.lstrip()) for line in rest if line.strip()]
    margin = min([column, *margins])
    return "\n".join([first, *(line[margin:] for line in rest)])


def claim_source(function: Callable) -> str:
    """Return the body of a claim, without its decorator."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("def "))
    return "\n".join(lines[start:])


def setup_source(function: Callable, routes: Iterable[Callable]) -> str:
    """Return what a claim does outside its routes: symbols, data, helpers of several routes.

    Parameters
    ----------
    function
        The claim.
    routes
        What it yields, whose own source is shown elsewhere.
    """
    text = textwrap.dedent(inspect.getsource(function))
    body = ast.parse(text).body[0].body
    own = {getattr(getattr(route, "__code__", None), "co_name", "") for route in routes}
    lines = text.splitlines()
    kept = [
        "\n".join(lines[part.lineno - 1 : part.end_lineno])
        for part in body
        if not (isinstance(part, ast.FunctionDef) and part.name in own)
        and not _is_docstring(part)
        and not any(isinstance(inner, ast.Yield) for inner in ast.walk(part))
    ]
    return textwrap.dedent("\n".join(kept))


def _is_docstring(part: ast.stmt) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)


def is_literal(function: Callable) -> bool:
    """Return whether a lambda computes nothing: its body is made of constants."""
    node = find_lambda(function)[0] if _is_lambda(function) else None
    if node is None:
        return False
    harmless = ast.Constant | ast.List | ast.Tuple | ast.UnaryOp | ast.unaryop | ast.expr_context
    return all(isinstance(part, harmless) for part in ast.walk(node.body))


def is_bare_name(function: Callable) -> bool:
    """Return whether a lambda hands out what was made outside of it: a name, a part of one."""
    node = find_lambda(function)[0] if _is_lambda(function) else None
    parts = ast.Name | ast.Attribute | ast.Subscript | ast.Constant | ast.Slice
    parts = parts | ast.List | ast.Tuple | ast.UnaryOp | ast.unaryop | ast.expr_context
    if node is None or not all(isinstance(part, parts) for part in ast.walk(node.body)):
        return False
    return any(isinstance(part, ast.Name) for part in ast.walk(node.body))


def _is_lambda(function: Callable) -> bool:
    return getattr(getattr(function, "__code__", None), "co_name", "") == "<lambda>"
