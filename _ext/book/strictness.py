"""Every warning ends the build, with a line that names the file, the cell and the cause.

So does a disk that is full, or a reader who presses Ctrl+C: a line, and no traceback.
"""

from __future__ import annotations

import errno
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from jupyter_book import sphinx as runner

# What the machine refuses, and a reader can mend.
REFUSED = {
    errno.ENOSPC,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EMFILE,
    errno.ENFILE,
    *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else []),
}
INTERRUPTED = 130  # the exit status of what Ctrl+C has ended, as shells have it


class BookError(SystemExit):
    """Something that the book must not be built with.

    It leaves through Sphinx and Jupyter Book without a traceback, so that the lines which name
    file, cell and cause are the last that a reader of the terminal sees.
    """

    def __init__(self, lines: str) -> None:
        super().__init__(f"\nThe book was not built.\n{lines}")


def end_kindly(error: BaseException) -> None:
    """End the build with a line if the reader interrupted it or the machine refused something."""
    for cause in _causes(error):
        if isinstance(cause, KeyboardInterrupt):
            print("\nThe build was interrupted; the next one takes it up.", file=sys.stderr)
            raise SystemExit(INTERRUPTED) from None
        if isinstance(cause, OSError) and cause.errno in REFUSED:
            place = f"{cause.filename}: " if cause.filename else ""
            raise BookError(f"{place}{cause.strerror}") from None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "orig_exc", None) or error.__cause__ or error.__context__


def _ending_kindly(handle):
    """Return what Jupyter Book calls with an exception, ending the build with a line first."""

    def handle_kindly(app, arguments, error, stream) -> None:
        end_kindly(error)
        handle(app, arguments, error, stream)

    return handle_kindly


def located(path: str | Path, line: int | None, message: str) -> str:
    """Return a message with its place in front: file and cell, or file and line.

    MyST-NB numbers the lines of a notebook so that cell 12 starts at line 120000.
    """
    place = str(path)
    if line is not None and line >= 10000:
        place += f", cell {line // 10000}"
    elif line is not None:
        place += f", line {line}"
    return f"{place}: {' '.join(message.split())}"


def node_location(app, node) -> tuple[str, int | None]:
    """Return the source file, relative to the book, and the line of a document's node."""
    while node.parent is not None and not (node.source and node.line):
        node = node.parent
    return _relative(app, node.source or app.env.docname), node.line


def _relative(app, path: str) -> str:
    inside = Path(path).is_relative_to(app.srcdir)
    return Path(path).relative_to(app.srcdir).as_posix() if inside else path


class _Collector(logging.Handler):
    def __init__(self, app) -> None:
        super().__init__(logging.WARNING)
        self.app, self.lines = app, []

    def emit(self, record: logging.LogRecord) -> None:
        place = _place(self.app, getattr(record, "location", None))
        message = record.getMessage()
        self.lines.append(located(*place, message) if place else " ".join(message.split()))


def _place(app, location) -> tuple[str, int | None] | None:
    """Return file and line of a log record's location, which Sphinx gives in four forms."""
    if isinstance(location, nodes.Node):
        return node_location(app, location)
    if isinstance(location, tuple):
        document, line = location
        return document or "", line
    if not location:
        return None
    # A path may start with the colon of a Windows drive.
    path, line = re.fullmatch(r"(.+?)(?::(\d*))?", location, re.DOTALL).groups()
    return _relative(app, path), int(line) if line else None


def _raise_on_warnings(app, exception) -> None:
    if exception is None and app.collected_warnings.lines:
        raise BookError("\n".join(dict.fromkeys(app.collected_warnings.lines)))


def setup(app) -> None:
    runner.handle_exception = _ending_kindly(runner.handle_exception)
    app.collected_warnings = _Collector(app)
    logging.getLogger("sphinx").addHandler(app.collected_warnings)
    app.connect("build-finished", _raise_on_warnings, priority=900)
