"""What the benchmarks share: peers that may be absent, times taken in turns, tables of them."""

from __future__ import annotations

import importlib
import importlib.util
import time
import timeit
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

PEERS = {
    "autograd": "HIPS autograd",
    "jax": "JAX",
    "micrograd": "micrograd",
    "optax": "optax",
    "torch": "PyTorch",
}


class Table(NamedTuple):
    """A table as it is stored: each column has a name and a kind, which says how to show it.

    The kinds are ``text``, ``count``, ``seconds``, ``bytes``, ``ratio`` and ``error``; an entry
    that does not apply is None.
    """

    title: str
    about: str
    columns: list[tuple[str, str]]
    rows: list[list]


def peer(module: str) -> ModuleType | None:
    """Return a module of a peer, or None where the peer is not installed."""
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        return None
    found = importlib.import_module(module)
    if module == "torch":
        found.set_num_threads(1)
    if module == "jax":
        found.config.update("jax_enable_x64", True)
    return found


def absent() -> list[str]:
    """Return the names of the peers that are not installed."""
    return [name for module, name in PEERS.items() if importlib.util.find_spec(module) is None]


def best(function: Callable, repeats: int = 7, seconds: float = 0.03) -> float:
    """Return the shortest time of a call in seconds, of several rounds of at least so long."""
    once = timeit.timeit(function, number=1)
    number = max(1, int(seconds / max(once, 1e-9)))
    return min(timeit.repeat(function, number=number, repeat=repeats)) / number


def in_turns(contestants: dict[str, Callable], rounds: int, seconds: float = 0.0) -> dict:
    """Return the shortest time of each contestant; a busy moment does not fall on one alone."""
    times = dict.fromkeys(contestants, np.inf)
    for _ in range(rounds):
        for name, run in contestants.items():
            start, calls = time.perf_counter(), 0
            while not calls or time.perf_counter() - start < seconds:
                once = time.perf_counter()
                run()
                times[name] = min(times[name], time.perf_counter() - once)
                calls += 1
    return times


def against(times: dict[str, float], ours: str) -> list[list]:
    """Return a row for each contestant: its name, its time, and how many times ours that is."""
    return [[name, seconds, seconds / times[ours]] for name, seconds in times.items()]
