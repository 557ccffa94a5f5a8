"""The chapter's examples, twice: as the package makes them, and written out without it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction as Q
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from matplotlib.cbook import get_sample_data

from byhand import hypergradients as hg
from byhand.backpropagation import grad, hvp
from byhand.optimization import exact

W0, ETAS = (0, 2), (Q(1, 2), Q(1), Q(1, 3))
"""Start and step sizes of the two runs in fractions."""

NET_ETAS = (0.1, 0.3, 0.2, 0.05, 0.25, 0.15)
"""Step sizes of the network's run."""


def example(name: str) -> tuple[hg.Loss, np.ndarray, np.ndarray]:
    """Return a loss of the package, a start, and step sizes."""
    if name == "network":
        return *hg.terrain_network(), np.array(NET_ETAS)
    if name == "quadratic":
        loss = hg.quadratic(exact([[2, 1], [1, 3]]), exact([1, 0]))
    else:
        loss = hg.quartic(exact([[0, 1], [1, 2]]), exact([[1, 0]]))
    return loss, exact(W0), exact(ETAS)


class Plain(NamedTuple):
    """A loss that is written out: a polynomial that SymPy differentiates, or a traced network."""

    value: Callable
    gradient: Callable
    hvp: Callable
    start: np.ndarray
    etas: np.ndarray


def plain(name: str) -> Plain:
    """Return the example of that name without the package's losses and runs."""
    if name == "network":
        loss, start = terrain()
        etas = np.array(NET_ETAS)
        return Plain(loss, grad(loss), lambda w, v: hvp(loss, w, v), start, etas)
    x, y = sp.symbols("x y")
    value = {
        "quadratic": x**2 + x * y + sp.Rational(3, 2) * y**2 - x,
        "quartic": x * y + y**2 + x**4 / 4,
    }[name]
    return Plain(
        _function((x, y), value),
        _function((x, y), [sp.diff(value, s) for s in (x, y)]),
        lambda w, v: _function((x, y), sp.hessian(value, (x, y)).tolist())(w) @ v,
        np.array([sp.Rational(p) for p in W0], dtype=object),
        np.array([sp.Rational(eta) for eta in ETAS], dtype=object),
    )


def _function(symbols: tuple, expressions: Any) -> Callable:
    """Return the function of a point that puts exact numbers, or symbols, for the symbols."""

    def evaluate(w):
        at = dict(zip(symbols, map(sp.sympify, w), strict=True))
        return np.vectorize(lambda one: one.xreplace(at), otypes=[object])(expressions)[()]

    return evaluate


def points(loss: Plain, etas: Any = None) -> list:
    """Return w(0) … w(k) of a written-out run."""
    w = [loss.start]
    for eta in loss.etas if etas is None else etas:
        w.append(w[-1] - eta * loss.gradient(w[-1]))
    return w


def differentiated(name: str) -> list:
    """Return the derivatives of the last loss in all step sizes, by no formula of the chapter.

    Polynomials in the step sizes are differentiated by SymPy, the network's run by a reverse sweep
    over all of its operations.
    """
    loss = plain(name)
    if name == "network":
        return list(grad(lambda etas: loss.value(points(loss, etas)[-1]))(loss.etas))
    symbols = sp.symbols(f"eta1:{len(loss.etas) + 1}")
    last = loss.value(points(loss, symbols)[-1])
    at = dict(zip(symbols, loss.etas, strict=True))
    return [sp.diff(last, symbol).subs(at) for symbol in symbols]


def terrain(seed: int = 0, units: int = 12, spacing: int = 34) -> tuple[Callable, np.ndarray]:
    """Return the loss of the terrain network, written out from the map itself, and its start."""
    heights = get_sample_data("jacksboro_fault_dem.npz")["elevation"][::spacing, ::spacing]
    rows, columns = (np.linspace(-1, 1, size) for size in heights.shape)
    places = np.array([[r, c] for r in rows for c in columns])
    goals = (heights.ravel() - heights.mean()) / heights.std()
    start = np.zeros(4 * units + 1)
    start[: 3 * units] = 1.5 * np.random.default_rng(seed).standard_normal(3 * units)

    def loss(w):
        hidden = np.tanh(places @ w[: 2 * units].reshape((units, 2)).T + w[2 * units : 3 * units])
        return np.mean((hidden @ w[3 * units : -1] + w[-1] - goals) ** 2) / 2

    return loss, start


def symbolic_quadratic() -> tuple[hg.Loss, np.ndarray]:
    """Return ½wᵀAw in two variables, with symbols for the entries of A and for the start."""
    a, b, c, *start = sp.symbols("a b c w1 w2", real=True)
    return hg.quadratic(np.array([[a, b], [b, c]]), np.array([sp.S.Zero] * 2)), np.array(start)


def steps(k: int) -> np.ndarray:
    """Return symbols for k step sizes."""
    return np.array(sp.symbols(f"eta1:{k + 1}", real=True))


def unknown_loss(d: int = 2) -> hg.Loss:
    """Return a loss of which nothing is known: its derivatives at each new point are symbols."""
    visited: dict[tuple, int] = {}

    def gradient(w):
        s = visited.setdefault(tuple(w), len(visited))
        return np.array([sp.Symbol(f"g{s}_{i}", real=True) for i in range(d)])

    def times(w, v):
        s = visited[tuple(w)]
        H = [[sp.Symbol(f"h{s}_{min(i, j)}{max(i, j)}", real=True) for j in range(d)]
             for i in range(d)]  # fmt: skip
        return np.array(H) @ v

    return hg.Loss(lambda w: sp.Symbol("L"), gradient, times, d)


def equal(left: Any, right: Any) -> sp.Basic:
    """State that two numbers or arrays are equal, in each entry."""
    pairs = zip(np.ravel(left), np.ravel(right), strict=True)
    return sp.And(*(sp.Eq(a, b, evaluate=False) for a, b in pairs))
