"""Which functions of byhand a computation runs.

:func:`tracing` records their names while its block runs: by ``sys.monitoring`` where Python has it
(3.12), which switches each place off after its first event, else by notes that the functions take
themselves (see ``byhand.evidence.noting``). :func:`once` keeps a costly result together with its
record, and hands on both.

Numbers have to be converted and looked at on every route, so the modules that do nothing else are
not recorded, and neither is this package.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, MappingProxyType
from typing import Any

import numpy as np

from byhand.evidence import noting

PACKAGE = Path(__file__).resolve().parents[1]
EXEMPT = ("evidence", "_checks.py", "problems.py", "explore.py")
"""Files and folders of the package that are not recorded: they compute no result."""


def name_of(code: CodeType) -> str | None:
    """Return the full name of a function of byhand, or None for any other code."""
    return name_at(code.co_filename, code.co_qualname, code.co_firstlineno)


@functools.cache
def name_at(path: str, qualified_name: str, line: int) -> str | None:
    """Return the full name of the function of byhand at a line of a file, or None for any other.

    What a function does inside a comprehension or a generator expression is its own doing. A
    lambda is told from others by its line.
    """
    try:
        parts = Path(path).resolve().relative_to(PACKAGE).with_suffix("").parts
    except ValueError:
        return None
    if parts[0] in EXEMPT or parts[0] + ".py" in EXEMPT:
        return None
    scopes = [scope for scope in qualified_name.split(".") if scope != "<locals>"]
    while scopes and scopes[-1] in ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"):
        scopes.pop()
    if not scopes or scopes == ["<module>"]:
        return None
    if scopes[-1] == "<lambda>":
        scopes[-1] = f"<lambda at line {line}>"
    module = [part for part in parts if part != "__init__"]
    return ".".join(["byhand", *module, *scopes])


# -- recording -----------------------------------------------------------------------------------


class _Recorder:
    """One record at a time; a record that is opened inside another adds to it at its end."""

    def __init__(self) -> None:
        self.open: list[set[str]] = []

    @contextmanager
    def recording(self) -> Iterator[set[str]]:
        if self.open:
            self._pause(self.open[-1])
        names: set[str] = set()
        self.open.append(names)
        self._resume(names)
        try:
            yield names
        finally:
            self._pause(names)
            self.open.pop()
            if self.open:
                self.open[-1] |= names
                self._resume(self.open[-1])

    def charge(self, names: frozenset[str]) -> None:
        if self.open:
            self.open[-1] |= names


class _Monitor(_Recorder):
    """By ``sys.monitoring``, from Python 3.12 on."""

    TOOL = 4  # the first number that no kind of tool has a claim to

    def _resume(self, names: set[str]) -> None:
        monitoring = sys.monitoring

        def note(code: CodeType, _offset: int) -> Any:
            if name := name_of(code):
                names.add(name)
            return monitoring.DISABLE

        if monitoring.get_tool(self.TOOL) is None:
            monitoring.use_tool_id(self.TOOL, "byhand.evidence")
        monitoring.register_callback(self.TOOL, monitoring.events.PY_START, note)
        monitoring.set_events(self.TOOL, monitoring.events.PY_START)
        monitoring.restart_events()

    def _pause(self, _names: set[str]) -> None:
        sys.monitoring.set_events(self.TOOL, 0)


class _Notes(_Recorder):
    """By notes that the functions themselves take."""

    def __init__(self) -> None:
        super().__init__()
        noting.install(name_at)

    def _resume(self, _names: set[str]) -> None:
        noting.ran.clear()

    def _pause(self, names: set[str]) -> None:
        names |= noting.ran
        noting.ran.clear()


_recorder = _Monitor() if sys.version_info >= (3, 12) else _Notes()


def tracing():
    """Record the functions of byhand that the block runs, as a set of their names.

    Examples
    --------
    >>> from byhand._bisection import last_where
    >>> with tracing() as names:
    ...     _ = last_where(lambda x: x < 1, 0, 2)
    >>> names
    {'byhand._bisection.last_where'}
    """
    return _recorder.recording()


# -- results that are kept -----------------------------------------------------------------------


_KEPT: list[dict] = []


def forget() -> None:
    """Let go of every result that a function under :func:`once` has kept."""
    for kept in _KEPT:
        kept.clear()


def once(function: Callable) -> Callable:
    """Make a function keep its results, read-only and together with the record of their making.

    A route that asks for a kept result is charged with every function that made it. Arguments may
    be anything that does not change: numbers, words, arrays, lists of them.

    Examples
    --------
    >>> @once
    ... def grid(n):
    ...     return np.linspace(0, 1, n)
    >>> grid(3) is grid(3), grid(3).flags.writeable
    (True, False)
    """
    kept: dict = {}
    _KEPT.append(kept)
    signature = inspect.signature(function)

    @functools.wraps(function)
    def kept_result(*arguments, **options):
        bound = signature.bind(*arguments, **options)
        bound.apply_defaults()
        key = tuple((name, _key(name, value)) for name, value in bound.arguments.items())
        if key not in kept:
            with tracing() as names:
                value = _read_only(function(*bound.args, **bound.kwargs))
            kept[key] = value, frozenset(names)
        value, names = kept[key]
        _recorder.charge(names)
        return value

    return kept_result


def _key(name: str, value: Any) -> Any:
    """Return what tells this argument from others: 1, 1.0 and Fraction(1) are three."""
    if isinstance(value, np.ndarray):
        content = value.tolist() if value.dtype == object else value.tobytes()
        return value.dtype.str, value.shape, _key(name, content)
    if isinstance(value, list | tuple):
        return type(value), tuple(_key(name, entry) for entry in value)
    if isinstance(value, dict):
        return dict, tuple((key, _key(name, entry)) for key, entry in value.items())
    if type(value).__hash__ in (None, object.__hash__) and not inspect.isfunction(value):
        raise TypeError(f"{name} of a function under @once must not change, got {value!r}")
    return type(value), value


def _read_only(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.copy()
        value.setflags(write=False)
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_read_only, value))
    if isinstance(value, list | tuple):
        return tuple(map(_read_only, value))
    if isinstance(value, dict):
        return MappingProxyType({key: _read_only(entry) for key, entry in value.items()})
    return frozenset(value) if isinstance(value, set) else value
