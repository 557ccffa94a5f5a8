"""Every warning ends the build, with a line that names the file, the cell and the cause."""

from __future__ import annotations

import logging
from pathlib import Path


class BookError(SystemExit):
    """Something that the book must not be built with.

    It leaves through Sphinx and Jupyter Book without a traceback, so that the lines which name
    file, cell and cause are the last that a reader of the terminal sees.
    """

    def __init__(self, lines: str) -> None:
        super().__init__(f"\nThe book was not built.\n{lines}")


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
    while node is not None and node.source is None:
        node = node.parent
    if node is None:
        return app.env.docname, None
    path = Path(node.source)
    return (
        path.relative_to(app.srcdir).as_posix() if path.is_relative_to(app.srcdir) else str(path),
        node.line,
    )


class _Collector(logging.Handler):
    def __init__(self, app) -> None:
        super().__init__(logging.WARNING)
        self.app, self.lines = app, []

    def emit(self, record: logging.LogRecord) -> None:
        location = getattr(record, "location", None)
        if isinstance(location, str) and location:
            path, _, line = location.partition(":")
            path = Path(path)
            if path.is_relative_to(self.app.srcdir):
                path = path.relative_to(self.app.srcdir)
            number = int(line) if line.strip().isdigit() else None
            self.lines.append(located(path.as_posix(), number, record.getMessage()))
        else:
            self.lines.append(" ".join(record.getMessage().split()))


def _raise_on_warnings(app, exception) -> None:
    if exception is None and app.collected_warnings.lines:
        raise BookError("\n".join(app.collected_warnings.lines))


def setup(app) -> None:
    app.collected_warnings = _Collector(app)
    logging.getLogger("sphinx").addHandler(app.collected_warnings)
    app.connect("build-finished", _raise_on_warnings, priority=900)
