"""Runs every benchmark and shows its tables; with all peers there, stores them for the book.

    PYTHONPATH=_ext python benchmarks/run.py [module …]

Absent peers are named and left out. A run of some modules, or without some peers, is shown but not
stored: the page *Speed* is drawn from the last complete one.
"""

# ruff: noqa: E402 -- the number of threads is read when NumPy and its peers are loaded

from __future__ import annotations

import os

ONE_THREAD = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
]
os.environ |= dict.fromkeys(ONE_THREAD, "1")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"

import importlib
import json
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import measuring
import numpy as np
from rich.console import Console
from rich.table import Column
from rich.table import Table as Shown

from book import speed

HERE = Path(__file__).parent
MODULES = sorted(path.stem for path in HERE.glob("bench_*.py"))


def processor() -> str:
    """Return the processor's name, as well as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> dict:
    """Return what a time depends on, beside the program."""
    system = f"{platform.system()}, {platform.machine()}"
    return {"processor": processor(), "cores": os.cpu_count(), "system": system}


def versions() -> dict[str, str]:
    """Return the versions of Python and of what is compared."""
    found = {
        "Python": platform.python_version(),
        "NumPy": version("numpy"),
        "SciPy": version("scipy"),
    }
    there = {m: n for m, n in measuring.PEERS.items() if n not in measuring.absent()}
    return found | {name: version(module) for module, name in there.items()}


def show(console: Console, table: measuring.Table) -> None:
    columns = [Column(n, justify="left" if k == "text" else "right") for n, k in table.columns]
    shown = Shown(*columns, title=table.title, caption=table.about, width=None)
    for row in table.rows:
        shown.add_row(*(speed.shown(v, k) for v, (_, k) in zip(row, table.columns, strict=True)))
    console.print(shown)


def settle_memory() -> None:
    """Let the C library keep memory that is let go, as it does once a large array was let go.

    Before, it asks the system for each array of some 100 kB anew: times would depend on what ran
    first.
    """
    np.empty(2**25 - 2**16, dtype=np.uint8)


def main(modules: list[str]) -> None:
    console, tables = Console(), []
    settle_memory()
    if absent := measuring.absent():
        print(f"Not installed and left out: {', '.join(absent)}; make peers brings them.\n")
    for name in modules or MODULES:
        for take in importlib.import_module(name).TABLES:
            tables.append(take())
            show(console, tables[-1])
    if absent or modules:
        print("This run is not stored: the book shows complete ones.")
        return
    run = {
        "taken": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "tables": [table._asdict() for table in tables],
    }
    text = json.dumps(run, indent=1, ensure_ascii=False, allow_nan=False)
    speed.STORED.write_text(text + "\n", encoding="utf-8")
    print(f"Stored for the page Speed: {speed.STORED.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
