"""w(t) of a million paths of chapter 3: draw counts against step loops.

The plain loop is what one writes first. The tuned loop draws bytes instead of 64-bit integers and
keeps a block of paths in the cache.
"""

from __future__ import annotations

import time

import numpy as np
from measuring import Table
from scipy.stats import ks_2samp

from book.speed import shown
from byhand import sgd_stability as sgd

H = (1.0, 1.5, 4.0, 10.0)
ETA = 0.3
STEPS, PATHS = 1000, 10**6
BLOCK = 20_000


def plain_loop(t: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Walk all paths at once, a step at a time."""
    return np.log(np.abs(sgd.simulate(H, ETA, t, paths, rng)))


def tuned_loop(t: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Walk a block of paths at a time, with one byte for each draw."""
    m = np.array(sgd.factors(H, ETA))
    w = np.ones(paths)
    for start in range(0, paths, BLOCK):
        block = w[start : start + BLOCK]
        for _ in range(t):
            draws = rng.integers(len(m), size=len(block), dtype=np.uint8)
            block *= np.take(m, draws, mode="clip")
    return np.log(np.abs(w))


def counts_per_path(t: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one multinomial count vector for each path."""
    counts = rng.multinomial(t, [1 / len(H)] * len(H), size=paths)
    return counts @ np.log(np.abs(sgd.factors(H, ETA)))


def grouped_counts(t: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Draw how many paths have which counts: ``byhand.sgd_stability.sample``."""
    return sgd.sample(H, ETA, t, paths, rng).log_abs


def measure(way, t: int, paths: int, repeats: int) -> tuple[float, np.ndarray]:
    """Return the best of a few run times, and the last sample."""
    rng = np.random.default_rng(0 if way is plain_loop else 1)
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        log_abs = way(t, paths, rng)
        best = min(best, time.perf_counter() - start)
    return best, log_abs


def compare_ways() -> Table:
    ways = {
        "plain loop": (plain_loop, 3),
        "tuned loop": (tuned_loop, 3),
        "counts of each path": (counts_per_path, 5),
        "byhand: counts of all paths at once": (grouped_counts, 7),
    }
    measured = {n: measure(way, STEPS, PATHS, repeats) for n, (way, repeats) in ways.items()}
    reference, ours = measured["plain loop"][1], measured["byhand: counts of all paths at once"][0]
    rows = [
        [name, seconds, seconds / ours, float(ks_2samp(sample, reference).statistic)]
        for name, (seconds, sample) in measured.items()
    ]
    rows[0][-1] = None
    paths = shown(PATHS, "count")
    return Table(
        "The last point of a million paths",
        f"{STEPS} steps of {paths} paths, curvatures 1, 1.5, 4 and 10, step size {ETA}. All ways "
        "sample the same law. The last column is the Kolmogorov–Smirnov distance of log |w| "
        "from the plain loop's, which two samples exceed once in a thousand times at "
        f"{1.95 * np.sqrt(2 / PATHS):.4f}.",
        [
            ("way", "text"),
            ("time", "seconds"),
            ("relative to ours", "ratio"),
            ("distance", "error"),
        ],
        rows,
    )


TABLES = [compare_ways]
