"""The updates of chapter 2 against those of PyTorch and optax."""

import numpy as np
from measuring import Table, in_turns, peer

from byhand.optimization import adam

RATE, STEPS = 1e-3, 10
OURS = "byhand"


def by_byhand(start, gradients):
    optimizer = adam(RATE)

    def run():
        params, state = start, optimizer.init(start)
        for g in gradients:
            params, state = optimizer.update(g, state, params)
        return params

    return run


def by_torch(start, gradients):
    """Return PyTorch's Adam, or None where PyTorch is absent."""
    if (torch := peer("torch")) is None:
        return None
    gradients = [torch.tensor(g) for g in gradients]

    def run():
        params = torch.tensor(start, requires_grad=True)
        optimizer = torch.optim.Adam([params], lr=RATE)
        for g in gradients:
            params.grad = g
            optimizer.step()
        return params.detach().numpy()

    return run


def by_optax(start, gradients):
    """Return optax's Adam, each update compiled by JAX, or None where either is absent."""
    jax, optax = peer("jax"), peer("optax")
    if jax is None or optax is None:
        return None
    optimizer = optax.adam(RATE)
    first, gradients = jax.numpy.asarray(start), [jax.numpy.asarray(g) for g in gradients]

    @jax.jit
    def update(g, state, params):
        updates, state = optimizer.update(g, state, params)
        return optax.apply_updates(params, updates), state

    def run():
        params, state = first, optimizer.init(first)
        for g in gradients:
            params, state = update(g, state, params)
        return np.asarray(params)

    return run


def compare_updates() -> Table:
    rng = np.random.default_rng(0)
    rows = []
    for size in (10, 10**4, 10**6):
        start, gradients = rng.normal(size=size), rng.normal(size=(STEPS, size))
        makers = {OURS: by_byhand, "PyTorch": by_torch, "optax, compiled": by_optax}
        contestants = {name: make(start, gradients) for name, make in makers.items()}
        contestants = {name: run for name, run in contestants.items() if run}
        for name, run in contestants.items():
            np.testing.assert_allclose(run(), contestants[OURS](), rtol=1e-9, err_msg=name)
        times = in_turns(contestants, rounds=7, seconds=0.02)
        rows += [[size, n, s / STEPS, s / times[OURS]] for n, s in times.items()]
    return Table(
        "An update of Adam",
        "Of ten updates from the start, one, with gradients that are given.",
        [
            ("parameters", "count"),
            ("by", "text"),
            ("time", "seconds"),
            ("relative to ours", "ratio"),
        ],
        rows,
    )


TABLES = [compare_updates]
