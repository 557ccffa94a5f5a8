"""Time the reverse sweep of chapter 5 against its peers, in one run, and print a table.

    python benchmarks/bench_backpropagation.py

* a 2-16-16-1 tanh network on 100 samples, loss and all gradients: by the package, by NumPy
  written out by hand, by HIPS autograd, and on scalars: by micrograd, and by a tape that
  does nothing but the arithmetic it must (``pip install autograd micrograd``);
* a chain of up to 10⁶ operations: the time per operation should stay the same;
* products of ordinary and of subnormal numbers: what the magnitude of a weight can cost.
"""

import gc
import math
import timeit

import autograd
import autograd.numpy as anp
import numpy as np
from micrograd.engine import Value

from byhand.backpropagation import grad, value_and_grad

SAMPLES = 100
SHAPES = [(2, 16), (16,), (16, 16), (16,), (16, 1), (1,)]


def best(function, *args, repeats=15, seconds=0.05):
    """Return the shortest time of a call, in seconds, over several rounds."""
    once = timeit.timeit(lambda: function(*args), number=1)
    number = max(1, int(seconds / max(once, 1e-9)))
    return min(timeit.repeat(lambda: function(*args), number=number, repeat=repeats)) / number


def loss_written_with(numpy, X, t):
    def loss(params):
        W1, b1, W2, b2, W3, b3 = params
        h = numpy.tanh(X @ W1 + b1)
        k = numpy.tanh(h @ W2 + b2)
        r = k @ W3 + b3 - t
        return numpy.sum(r * r) / SAMPLES

    return loss


def by_hand(params, X, t):
    W1, b1, W2, b2, W3, b3 = params
    h = np.tanh(X @ W1 + b1)
    k = np.tanh(h @ W2 + b2)
    r = k @ W3 + b3 - t
    loss = np.sum(r * r) / SAMPLES
    d3 = r * (2 / SAMPLES)
    d2 = (d3 @ W3.T) * (1 - k * k)
    d1 = (d2 @ W2.T) * (1 - h * h)
    pairs = [(X, d1), (h, d2), (k, d3)]
    return loss, [part for a, d in pairs for part in (a.T @ d, d.sum(axis=0))]


def _tanh(self):
    y = math.tanh(self.data)
    out = Value(y, (self,), "tanh")

    def backward():
        self.grad += (1 - y * y) * out.grad

    out._backward = backward
    return out


Value.tanh = _tanh  # micrograd itself has only ReLU


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


def compare_networks():
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(SAMPLES, 2)), rng.normal(size=(SAMPLES, 1))
    params = [rng.normal(size=shape) for shape in SHAPES]
    ours = value_and_grad(loss_written_with(np, X, t))
    theirs = autograd.value_and_grad(loss_written_with(anp, X, t))
    contestants = {
        "byhand.backpropagation": lambda p: ours(p),
        "NumPy by hand": lambda p: by_hand(p, X, t),
        "HIPS autograd": lambda p: theirs(p),
        "micrograd": lambda p: by_scalars(Value, p, X, t),
        "lean tape of scalars": lambda p: by_scalars(LeanScalar, p, X, t),
    }
    reference = by_hand(params, X, t)
    for name, run in contestants.items():
        for a, b in zip(run(params)[1], reference[1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=name)
    # Short rounds take turns, so that a busy moment of the machine does not fall on one alone.
    rounds = [
        {name: best(run, params, repeats=2, seconds=0.002) for name, run in contestants.items()}
        for _ in range(20)
    ]
    times = {name: min(times[name] for times in rounds) for name in contestants}
    print("2-16-16-1 tanh network, 100 samples: loss and all gradients")
    for name, seconds in times.items():
        ratio = seconds / times["byhand.backpropagation"]
        print(f"  {name:24} {seconds * 1e6:12.1f} µs   {ratio:10.2f} × ours")
    ratio = times["byhand.backpropagation"] / times["NumPy by hand"]
    print(f"  ours is {ratio:.2f} × NumPy by hand\n")


def compare_chain_lengths():
    def chain(x, n):
        for _ in range(n):
            x = x * 1.0000001
        return x

    print("a chain of n products: gradient")
    for n in (10**3, 10**4, 10**5, 10**6):
        gc.collect()
        seconds = best(grad(chain), 1.0, n, repeats=3)
        print(f"  n = {n:<9,} {seconds:9.4f} s   {seconds / n * 1e6:6.2f} µs per operation")
    print()


def compare_magnitudes():
    print("10⁶ products of float64 numbers")
    for name, scale in [("near 10⁻³", 1e-3), ("near 10³", 1e3), ("subnormal", 1e-310)]:
        x = scale * np.linspace(1.0, 2.0, 10**6)
        out = np.empty_like(x)
        seconds = best(np.multiply, x, 0.999, out)
        print(f"  {name:12} {seconds * 1e6:9.1f} µs")


if __name__ == "__main__":
    compare_networks()
    compare_chain_lengths()
    compare_magnitudes()
