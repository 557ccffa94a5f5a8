"""Builds the book, as ``jupyter-book build`` does: ``make book`` runs this, by Python's ``-I``.

The flag keeps the reader's ``PYTHON*`` variables out of this process too.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path


def main() -> None:
    # Going through a million nodes of pages again and again, in which it finds nothing, takes the
    # collector a third of the time of a build.
    gc.disable()
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    # It checks international addresses in JSON, which a build has none of, and takes 2 s to import.
    sys.modules.setdefault("rfc3987_syntax", None)
    try:
        from jupyter_book.cli.main import main as jupyter_book
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed: run make clean, then make book")
    from book import environment, inputs, strictness

    environment.enter()
    try:
        jupyter_book(["build", str(inputs.ROOT)], standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        strictness.end_kindly(error)
        raise


if __name__ == "__main__":
    main()
