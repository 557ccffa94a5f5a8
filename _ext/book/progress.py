"""Says what a build is doing, and how long that will take, by how long it took the last time."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from book import inputs

TIMES = inputs.ROOT / "_build" / "seconds.json"
PAGES = "pages"
# For a first build: what took about how long on two cores. Only their order is relied upon.
FIRST = {
    "01_linear_algebra": 10,
    "02_optimization": 47,
    "03_sgd_stability": 24,
    "04_hypergradients": 26,
    "05_backpropagation": 20,
    "06_convolutional_networks": 26,
    PAGES: 12,
}


def expected(name: str) -> float:
    """Return how many seconds something took the last time, or should take if there was none."""
    return _times().get(name, FIRST.get(name, 10))


def note(name: str, seconds: float) -> None:
    """Remember how long something took."""
    times = _times() | {name: round(seconds, 1)}
    temporary = TIMES.with_suffix(".tmp")
    temporary.write_text(json.dumps(times, indent=1), encoding="utf-8")
    temporary.replace(TIMES)


def _times() -> dict[str, float]:
    try:
        return json.loads(TIMES.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def makespan(names: Iterable[str], cores: int) -> float:
    """Return how many seconds notebooks take side by side, the longest first."""
    free_at = [0.0] * cores
    for name in sorted(names, key=lambda name: -expected(name)):
        free_at.sort()
        free_at[0] += expected(name)
    return max(free_at)


class Shown:
    """The notebooks that run, as lines that move in a terminal and as plain ones in a log."""

    def __init__(self, bars: Progress) -> None:
        self.bars, self.tasks = bars, {}

    def start(self, name: str, cells: int) -> None:
        about = f"of about {expected(name):.0f} s"
        self.tasks[name] = self.bars.add_task(name, total=cells, about=about)
        if not self.bars.console.is_terminal:
            print(f"{name} runs, about {expected(name):.0f} s", flush=True)

    def advance(self, name: str) -> None:
        self.bars.advance(self.tasks[name])

    def finish(self, name: str) -> None:
        self.bars.stop_task(self.tasks[name])


@contextmanager
def of_notebooks(names: Iterable[str], cores: int) -> Iterator[Shown]:
    """Show notebooks while they run."""
    names = list(names)
    which = "1 chapter" if len(names) == 1 else f"{len(names)} chapters"
    print(f"Running {which}, about {makespan(names, cores):.0f} s, then the pages", flush=True)
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    columns += [TimeElapsedColumn(), TextColumn("{task.fields[about]}")]
    bars = Progress(*columns, disable=not sys.stdout.isatty())
    with bars:
        yield Shown(bars)


def _announce_pages(app) -> None:
    app.pages_begun = time.monotonic()
    print(f"Making the pages, about {expected(PAGES):.0f} s", flush=True)


def _note_pages(app, exception) -> None:
    if exception is None:
        note(PAGES, time.monotonic() - app.pages_begun)


def setup(app) -> None:
    app.connect("builder-inited", _announce_pages, priority=900)
    app.connect("build-finished", _note_pages, priority=1100)
