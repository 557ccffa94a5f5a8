"""Times all 400 hypergradients of a least-squares run, d = 200, by every route at hand.

    python benchmarks/bench_hypergradients.py

Prints a table: milliseconds (the best of several rounds, all routes in turn in each round), the
ratio to the reverse sweep, and the largest relative difference from it. Where JAX is installed, a
jitted reverse sweep in double precision joins; JAX is not a dependency of the book. A second
table shows the bytes that the sweep holds against the length of the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from byhand.hypergradients import (
    checkpointed_hypergradients,
    hypergradients,
    hypergradients_by_products,
    least_squares,
    peak_bytes,
)

STEPS, SAMPLES, PARAMETERS = 400, 200, 200


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return X, t, w0 and the step sizes, below 1/λ_max of the Hessian (2/n)XᵀX."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((SAMPLES, PARAMETERS))
    t = X @ rng.standard_normal(PARAMETERS) + rng.standard_normal(SAMPLES)
    stiffest = np.linalg.eigvalsh(2 * X.T @ X / SAMPLES)[-1]
    return X, t, np.zeros(PARAMETERS), rng.uniform(0.2, 1.0, STEPS) / stiffest


def products(
    X: np.ndarray, t: np.ndarray, w0: np.ndarray, etas: np.ndarray, shared: bool
) -> np.ndarray:
    """Return all hypergradients by explicit matrices, written for least squares.

    The Hessian is one matrix product, not d Hessian-vector products as in
    hypergradients_by_products. With ``shared`` it is formed once for all factors, which only a
    quadratic loss allows, and then the two runs differ in the products alone.
    """
    n, d = X.shape
    w, gradients = w0, []
    for eta in etas:
        gradients.append(2 * (X.T @ (X @ w - t)) / n)
        w = w - eta * gradients[-1]
    last, product, result = 2 * (X.T @ (X @ w - t)) / n, np.eye(d), []
    hessian = 2 * X.T @ X / n
    for eta, g in zip(etas[::-1], gradients[::-1], strict=True):
        result.append(-(last @ (product @ g)))
        if not shared:
            hessian = 2 * X.T @ X / n
        product = product @ (np.eye(d) - eta * hessian)
    return np.array(result[::-1])


def jax_sweep(X: np.ndarray, t: np.ndarray, w0: np.ndarray, etas: np.ndarray) -> Callable | None:
    """Return the same derivatives as a jitted JAX function of no arguments, or None."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    n = len(t)

    def last_loss(etas, X, t, w0):
        def step(w, eta):
            return w - eta * 2 * (X.T @ (X @ w - t)) / n, None

        residual = X @ jax.lax.scan(step, w0, etas)[0] - t
        return residual @ residual / n

    compiled = jax.jit(jax.grad(last_loss))
    arguments = [jnp.asarray(part) for part in (etas, X, t, w0)]
    return lambda: np.asarray(compiled(*arguments).block_until_ready())


def best_times(routes: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Return the shortest time of each route in seconds; every round calls each route once."""
    best = dict.fromkeys(routes, np.inf)
    for _ in range(rounds):
        for name, route in routes.items():
            start = time.perf_counter()
            route()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main() -> None:
    X, t, w0, etas = problem()
    loss = least_squares(X, t)
    routes = {
        "reverse sweep": lambda: hypergradients(loss, w0, etas),
        "checkpointed": lambda: checkpointed_hypergradients(loss, w0, etas),
        "matrices": lambda: products(X, t, w0, etas, shared=False),
        "matrices, one shared Hessian": lambda: products(X, t, w0, etas, shared=True),
        "JAX, jitted": jax_sweep(X, t, w0, etas),
    }
    routes = {name: route for name, route in routes.items() if route}
    reference = routes["reverse sweep"]()
    results = {name: route() for name, route in routes.items()}  # also compiles
    times = best_times(routes, rounds=7)
    slow = {"matrices, from HVPs": lambda: hypergradients_by_products(loss, w0, etas)}
    results |= {name: route() for name, route in slow.items()}
    times |= best_times(slow, rounds=1)

    print(f"{STEPS} hypergradients, least squares, n = {SAMPLES}, d = {PARAMETERS}")
    print(f"{'route':30} {'ms':>9} {'× sweep':>8} {'difference':>11}")
    for name, seconds in times.items():
        off = np.abs(results[name] - reference).max() / np.abs(reference).max()
        print(f"{name:30} {1e3 * seconds:9.2f} {seconds / times['reverse sweep']:8.1f} {off:11.1e}")
    if "JAX, jitted" not in times:
        print("JAX is not installed: its row is left out")

    print(f"\n{'steps':>6} {'sweep kB':>9} {'per step':>9} {'checkpointed kB':>16}")
    for k in (50, 100, 200, 400, 800):
        longer = np.resize(etas, k)
        held = peak_bytes(hypergradients, loss, w0, longer)
        checkpointed = peak_bytes(checkpointed_hypergradients, loss, w0, longer)
        print(f"{k:6d} {held / 1e3:9.0f} {held / k:9.0f} {checkpointed / 1e3:16.0f}")


if __name__ == "__main__":
    main()
