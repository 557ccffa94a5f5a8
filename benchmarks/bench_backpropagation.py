"""The reverse sweep of chapter 5 against its peers."""

import gc
import math

import autograd
import autograd.numpy as anp
import numpy as np
from measuring import Table, against, best, in_turns, peer

from book.speed import shown
from byhand.backpropagation import grad, value_and_grad

SAMPLES = 100
MORE_SAMPLES = (1_000, 10_000)
SHAPES = [(2, 16), (16,), (16, 16), (16,), (16, 1), (1,)]
OURS = "byhand"


def loss_written_with(numpy, X, t):
    def loss(params):
        W1, b1, W2, b2, W3, b3 = params
        h = numpy.tanh(X @ W1 + b1)
        k = numpy.tanh(h @ W2 + b2)
        r = k @ W3 + b3 - t
        return numpy.sum(r * r) / len(t)

    return loss


def by_hand(params, X, t):
    W1, b1, W2, b2, W3, b3 = params
    h = np.tanh(X @ W1 + b1)
    k = np.tanh(h @ W2 + b2)
    r = k @ W3 + b3 - t
    loss = np.sum(r * r) / len(t)
    d3 = r * (2 / len(t))
    d2 = (d3 @ W3.T) * (1 - k * k)
    d1 = (d2 @ W2.T) * (1 - h * h)
    pairs = [(X, d1), (h, d2), (k, d3)]
    return loss, [part for a, d in pairs for part in (a.T @ d, d.sum(axis=0))]


# -- peers


def by_torch(params, X, t):
    """Return the eager reverse sweep of PyTorch, or None where it is absent."""
    if (torch := peer("torch")) is None:
        return None
    X, t = torch.tensor(X), torch.tensor(t)
    weights = [torch.tensor(p, requires_grad=True) for p in params]

    def run():
        loss = loss_written_with(torch, X, t)(weights)
        return loss.item(), [g.numpy() for g in torch.autograd.grad(loss, weights)]

    return run


def by_jax(params, X, t):
    """Return the compiled reverse sweep of JAX, or None where it is absent."""
    if (jax := peer("jax")) is None:
        return None
    loss = loss_written_with(jax.numpy, jax.numpy.asarray(X), jax.numpy.asarray(t))
    compiled = jax.jit(jax.value_and_grad(loss))
    weights = [jax.numpy.asarray(p) for p in params]
    return lambda: jax.block_until_ready(compiled(weights))


def micrograd_scalar():
    """Return micrograd's number, with a tanh beside its ReLU, or None where it is absent."""
    if (engine := peer("micrograd.engine")) is None:
        return None

    def tanh(self):
        y = math.tanh(self.data)
        out = engine.Value(y, (self,), "tanh")

        def backward():
            self.grad += (1 - y * y) * out.grad

        out._backward = backward
        return out

    engine.Value.tanh = tanh
    return engine.Value


class LeanScalar:
    """A tape of single numbers at its barest: partial derivatives, no closures, no search."""

    __slots__ = ("data", "grad", "parents")
    tape: list = []  # noqa: RUF012 -- one tape for the whole run

    def __init__(self, data, parents=()):
        self.data, self.parents, self.grad = data, parents, 0.0
        LeanScalar.tape.append(self)

    def __add__(self, other):
        return LeanScalar(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return LeanScalar(self.data * other.data, ((self, other.data), (other, self.data)))

    def tanh(self):
        y = math.tanh(self.data)
        return LeanScalar(y, ((self, 1 - y * y),))

    def backward(self):
        self.grad = 1.0
        for node in reversed(LeanScalar.tape):
            for parent, partial in node.parents:
                parent.grad += node.grad * partial


def by_scalars(scalar, params, X, t):
    LeanScalar.tape = []
    wrap = np.vectorize(lambda number: scalar(float(number)), otypes=[object])
    W1, b1, W2, b2, W3, b3 = wrapped = [wrap(p) for p in params]
    h = np.tanh(wrap(X) @ W1 + b1)
    k = np.tanh(h @ W2 + b2)
    r = k @ W3 + b3 + wrap(-t)
    loss = np.sum(r * r) * scalar(1 / SAMPLES)
    loss.backward()
    return loss.data, [np.vectorize(lambda s: s.grad, otypes=[float])(p) for p in wrapped]


# -- tables


def network(samples):
    """Return parameters, inputs and targets."""
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(samples, 2)), rng.normal(size=(samples, 1))
    return [rng.normal(size=shape) for shape in SHAPES], X, t


def on_more_samples(samples) -> list[list]:
    """Return rows of the same network on more samples: recording an operation counts less there."""
    params, X, t = network(samples)
    ours = value_and_grad(loss_written_with(np, X, t))
    count = shown(samples, "count")
    run = f"{OURS}, on {count} samples"
    by_numpy = f"NumPy, derived by hand, on {count} samples"
    both = {run: lambda: ours(params), by_numpy: lambda: by_hand(params, X, t)}
    return against(in_turns(both, rounds=20, seconds=0.004), run)


def compare_networks() -> Table:
    params, X, t = network(SAMPLES)
    ours = value_and_grad(loss_written_with(np, X, t))
    theirs = autograd.value_and_grad(loss_written_with(anp, X, t))
    scalar = micrograd_scalar()
    contestants = {
        OURS: lambda: ours(params),
        "NumPy, derived by hand": lambda: by_hand(params, X, t),
        "HIPS autograd": lambda: theirs(params),
        "PyTorch, eager": by_torch(params, X, t),
        "JAX, compiled": by_jax(params, X, t),
        "micrograd": scalar and (lambda: by_scalars(scalar, params, X, t)),
        "lean tape of scalars": lambda: by_scalars(LeanScalar, params, X, t),
    }
    contestants = {name: run for name, run in contestants.items() if run}
    reference = by_hand(params, X, t)
    for name, run in contestants.items():
        for a, b in zip(run()[1], reference[1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=name)
    times = in_turns(contestants, rounds=20, seconds=0.004)
    return Table(
        "Loss and all gradients of a network",
        "A 2-16-16-1 tanh network on 100 samples: one evaluation and one reverse sweep. The last "
        "rows are the same on more samples, relative to ours on as many.",
        [("by", "text"), ("time", "seconds"), ("relative to ours", "ratio")],
        against(times, OURS) + [row for n in MORE_SAMPLES for row in on_more_samples(n)],
    )


def compare_chain_lengths() -> Table:
    def chain(x, n):
        for _ in range(n):
            x = x * 1.0000001
        return x

    rows = []
    for n in (10**3, 10**4, 10**5, 10**6):
        gc.collect()
        seconds = best(lambda: grad(chain)(1.0, n), repeats=3)  # noqa: B023
        rows.append([n, seconds, seconds / n])
    return Table(
        "The gradient of a chain of products",
        "The time of one operation should not depend on how many there are.",
        [("operations", "count"), ("time", "seconds"), ("one operation", "seconds")],
        rows,
    )


def compare_magnitudes() -> Table:
    rows = []
    for name, scale in [("near 10⁻³", 1e-3), ("near 10³", 1e3), ("subnormal", 1e-310)]:
        x = scale * np.linspace(1.0, 2.0, 10**6)
        out = np.empty_like(x)
        rows.append([name, best(lambda: np.multiply(x, 0.999, out))])  # noqa: B023
    rows = [[name, seconds, seconds / rows[0][1]] for name, seconds in rows]
    return Table(
        "A million products of numbers",
        "What the magnitude of a weight can cost: subnormal numbers may be slow to multiply.",
        [("numbers", "text"), ("time", "seconds"), ("relative to the first", "ratio")],
        rows,
    )


TABLES = [compare_networks, compare_chain_lengths, compare_magnitudes]
