"""w(t) of a million paths: draw counts against step loops.

Run as ``python benchmarks/bench_sgd_stability.py``. All ways sample the same law, t = 1000 steps
from four curvatures; the last column is the Kolmogorov-Smirnov distance of log|w(t)| from the
plain loop, and the distance that two samples of this size exceed once in a thousand times is in
the heading.

The plain loop is what one writes first. The tuned loop draws bytes instead of 64-bit integers and
keeps a block of paths in the cache.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy.stats import ks_2samp

from byhand import sgd_stability as sgd

H = (1.0, 1.5, 4.0, 10.0)
ETA = 0.3
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--paths", type=int, default=10**6)
    arguments = parser.parse_args()
    t, paths = arguments.steps, arguments.paths
    ways = [(plain_loop, 3), (tuned_loop, 3), (counts_per_path, 5), (grouped_counts, 7)]
    critical = 1.95 * np.sqrt(2 / paths)
    print(f"{paths} paths, {t} steps, curvatures {H}, η = {ETA}, NumPy {np.__version__}")
    print(
        f"{'':18}{'seconds':>9}{'vs plain':>10}{'vs tuned':>10}{'KS (< ' + f'{critical:.5f})':>16}"
    )
    seconds: dict = {}
    reference = None
    for way, repeats in ways:
        seconds[way], log_abs = measure(way, t, paths, repeats)
        reference = log_abs if reference is None else reference
        distance = 0.0 if way is plain_loop else ks_2samp(log_abs, reference).statistic
        tuned = f"{seconds[tuned_loop] / seconds[way]:9.1f}×" if tuned_loop in seconds else ""
        print(
            f"{way.__name__:18}{seconds[way]:9.3f}{seconds[plain_loop] / seconds[way]:9.1f}×"
            f"{tuned:>10}{distance:16.5f}"
        )


if __name__ == "__main__":
    main()
