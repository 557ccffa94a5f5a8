"""The four optimizers of problem C in plain NumPy, beside the package's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

NAMES = ("SGD", "momentum", "RMSProp", "Adam")


def moves(name: str) -> Callable:
    """Return a function of memory, gradient and step that returns the move over −η, and memory."""

    def sgd(memory, g, t):
        return g, memory

    def momentum(u, g, t):
        u = 0.9 * u + g
        return u, u

    def rmsprop(s, g, t):
        s = 0.9 * s + 0.1 * g**2
        return g / np.sqrt(s + 1e-8), s

    def adam(memory, g, t):
        m, v = memory if t > 1 else (0.0, 0.0)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
        return m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8), (m, v)

    return dict(zip(NAMES, (sgd, momentum, rmsprop, adam), strict=True))[name]


def path(name: str, gradient: Callable, start, eta, steps: int, keep: Sequence[int] = ()) -> dict:
    """Return step → point, for the steps to keep, or for all of them.

    Points and learning rates have shapes that broadcast, so many runs are made side by side. A run
    that leaves the floats stays lost, as a NaN.
    """
    move, memory, w, kept = moves(name), 0.0, np.asarray(start, dtype=float), {}
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(1, steps + 1):
            step, memory = move(memory, gradient(w), t)
            w = w - eta * step
            if not keep or t in keep:
                kept[t] = w
    return kept


def whole(name: str, gradient: Callable, start, eta, steps: int) -> np.ndarray:
    """Return all points, the start first."""
    start = np.asarray(start, dtype=float)
    return np.array([start, *path(name, gradient, start, eta, steps).values()])
