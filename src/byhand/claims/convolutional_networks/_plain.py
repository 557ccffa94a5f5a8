"""Convolution without byhand's: index by index, as its equations read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import sympy as sp

NO_PADS = ((0, 0), (0, 0))


def starts(n: int, k: int, s: int, d: int, before: int, after: int) -> list[int]:
    """Return the pixel under the first tap at each place of a filter, counted one by one."""
    row = list(range(-before, n + after))
    return [row[i] for i in range(0, len(row), s) if i + (k - 1) * d < len(row)]


def cross_correlate(x, w, padding=NO_PADS, stride=(1, 1), dilation=(1, 1)) -> np.ndarray:
    """Return the sums of Equation ch6-cross-correlation of a plain image, of any numbers."""
    rows, columns = places_of(x.shape, w.shape, padding, stride, dilation)
    y = np.zeros((len(rows), len(columns)), dtype=object)
    for (i, top), (j, left) in product(enumerate(rows), enumerate(columns)):
        for (a, b), weight in np.ndenumerate(w):
            m, n = top + dilation[0] * a, left + dilation[1] * b
            if 0 <= m < x.shape[0] and 0 <= n < x.shape[1]:
                y[i, j] += weight * x[m, n]
    return y


def spread(y, w, size, padding=NO_PADS, stride=(1, 1), dilation=(1, 1)) -> np.ndarray:
    """Add each output to the pixels that it came from, with the same weights: the adjoint."""
    rows, columns = places_of(size, w.shape, padding, stride, dilation)
    x = np.zeros(size, dtype=object)
    for (i, top), (j, left) in product(enumerate(rows), enumerate(columns)):
        for (a, b), weight in np.ndenumerate(w):
            m, n = top + dilation[0] * a, left + dilation[1] * b
            if 0 <= m < size[0] and 0 <= n < size[1]:
                x[m, n] += weight * y[i, j]
    return x


def places_of(size, taps, padding, stride, dilation) -> list[list[int]]:
    """Return the places along both axes."""
    axes = zip(size, taps, stride, dilation, padding, strict=True)
    return [starts(n, k, s, d, *pads) for n, k, s, d, pads in axes]


def with_channels(correlate, x, w, **options) -> np.ndarray:
    """Correlate images (B, C, H, W) with filters (O, C, k, l), a channel at a time."""
    outputs = [
        [
            sum(correlate(x[b, c], w[o, c], **options) for c in range(x.shape[1]))
            for o in range(len(w))
        ]
        for b in range(len(x))
    ]
    return np.array(outputs)


def random_integers(seed: int, *shapes: Sequence[int]) -> list[np.ndarray]:
    """Return arrays of integers from −9 to 9."""
    rng = np.random.default_rng(seed)
    return [rng.integers(-9, 10, shape) for shape in shapes]


def symbols(name: str, *shape: int) -> np.ndarray:
    """Return an array of real symbols: ``symbols("x", 2, 3)`` holds x00 to x12."""
    named = [sp.Symbol(name + "".join(map(str, at)), real=True) for at in np.ndindex(*shape)]
    return np.array(named, dtype=object).reshape(shape)


def equal(left, right) -> sp.Basic:
    """State that two arrays are equal in each entry."""
    pairs = zip(np.ravel(left), np.ravel(right), strict=True)
    return sp.And(*(sp.Eq(a, b, evaluate=False) for a, b in pairs))


def polynomial(a, s, t):
    """Return the polynomial whose coefficients are the entries."""
    return sp.Add(*(value * s**i * t**j for (i, j), value in np.ndenumerate(a)))
