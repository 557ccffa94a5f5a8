"""All 400 hypergradients of a least-squares run, d = 200, by every route at hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from measuring import Table, in_turns, peer

from byhand.hypergradients import (
    checkpointed_hypergradients,
    hypergradients,
    hypergradients_by_products,
    least_squares,
    peak_bytes,
)
from byhand.hypergradients.losses import _from_a_cache_line

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


def bare_products(X: np.ndarray) -> Callable:
    """Return the products that a sweep cannot do without, X v and Xᵀu, as a function.

    A gradient takes one of each, and so does a Hessian-vector product: the run takes STEPS
    gradients, and one at its end, the way back STEPS − 1 Hessian-vector products.
    """
    X, v = _from_a_cache_line(X), np.ones(X.shape[1])  # as the sweep has it

    def run():
        for _ in range(2 * STEPS):
            X.T @ (X @ v)

    return run


def jax_sweep(X: np.ndarray, t: np.ndarray, w0: np.ndarray, etas: np.ndarray) -> Callable | None:
    """Return the same derivatives as a jitted JAX function of no arguments, or None."""
    if (jax := peer("jax")) is None:
        return None
    jnp = jax.numpy
    n = len(t)

    def last_loss(etas, X, t, w0):
        def step(w, eta):
            return w - eta * 2 * (X.T @ (X @ w - t)) / n, None

        residual = X @ jax.lax.scan(step, w0, etas)[0] - t
        return residual @ residual / n

    compiled = jax.jit(jax.grad(last_loss))
    arguments = [jnp.asarray(part) for part in (etas, X, t, w0)]
    return lambda: np.asarray(compiled(*arguments).block_until_ready())


def torch_sweep(X: np.ndarray, t: np.ndarray, w0: np.ndarray, etas: np.ndarray) -> Callable | None:
    """Return the same derivatives by PyTorch's reverse sweep as a function, or None."""
    if (torch := peer("torch")) is None:
        return None
    X, t, w0 = map(torch.tensor, (X, t, w0))
    rates = torch.tensor(etas, requires_grad=True)

    def run():
        w = w0
        for rate in rates:
            w = w - rate * 2 * (X.T @ (X @ w - t)) / len(t)
        loss = ((X @ w - t) ** 2).mean()
        return torch.autograd.grad(loss, rates)[0].numpy()

    return run


def compare_routes() -> Table:
    X, t, w0, etas = problem()
    loss = least_squares(X, t)
    routes = {
        "reverse sweep": lambda: hypergradients(loss, w0, etas),
        "the same, checkpointed": lambda: checkpointed_hypergradients(loss, w0, etas),
        "products of matrices": lambda: products(X, t, w0, etas, shared=False),
        "the same, one Hessian for all steps": lambda: products(X, t, w0, etas, shared=True),
        "PyTorch, eager": torch_sweep(X, t, w0, etas),
        "JAX, compiled": jax_sweep(X, t, w0, etas),
    }
    routes = {name: route for name, route in routes.items() if route}
    reference = routes["reverse sweep"]()
    results = {name: route() for name, route in routes.items()}  # also compiles
    floor = {"bare products of the sweep, NumPy": bare_products(X)}
    times = in_turns(routes | floor, rounds=7)
    slow = {
        "products of Hessian-vector products": lambda: hypergradients_by_products(loss, w0, etas)
    }
    results |= {name: route() for name, route in slow.items()}
    times |= in_turns(slow, rounds=1)
    off = {
        name: float(np.abs(result - reference).max() / np.abs(reference).max())
        for name, result in results.items()
    }
    return Table(
        f"{STEPS} hypergradients of one run",
        f"Least squares with {SAMPLES} samples and {PARAMETERS} parameters: the derivatives of the "
        "last loss in the step size of each step. The products alone, two with X for each gradient "
        "and each Hessian-vector product, are what no sweep in NumPy can go below.",
        [
            ("route", "text"),
            ("time", "seconds"),
            ("relative to the sweep", "ratio"),
            ("difference", "error"),
        ],
        [[name, s, s / times["reverse sweep"], off.get(name)] for name, s in times.items()],
    )


def compare_memory() -> Table:
    X, t, w0, etas = problem()
    loss, rows = least_squares(X, t), []
    for k in (50, 100, 200, 400, 800):
        longer = np.resize(etas, k)
        held = peak_bytes(hypergradients, loss, w0, longer)
        rows.append([k, held, peak_bytes(checkpointed_hypergradients, loss, w0, longer)])
    return Table(
        "Memory of a sweep",
        "What is held at the most, against the length of the run.",
        [("steps", "count"), ("reverse sweep", "bytes"), ("checkpointed", "bytes")],
        rows,
    )


TABLES = [compare_routes, compare_memory]
