"""Recovering an image from its convolution: the linear map, and its binary solutions.

Chapter 6, section E3.1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from byhand import _checks
from byhand._checks import numbers

MAX_UNKNOWNS = 22
"""More unknowns than this in one part take too long to search."""


def matrix_of(operation: Callable, shape: Sequence[int]) -> np.ndarray:
    """Return the matrix of a linear map from images to images, both read row by row.

    Column k is the image of the k-th unit image, Equation ch6-matrix.

    Parameters
    ----------
    operation
        Takes a batch of images, shape ``(batch, *shape)``, and returns a batch of images.
    shape
        That of one image.

    Raises
    ------
    TypeError, ValueError
        If the shape is none, or the operation no function that returns a batch of as many images.

    Examples
    --------
    >>> matrix_of(lambda x: 2 * x[..., ::-1], (1, 2))
    array([[0, 2],
           [2, 0]])
    """
    shape = _checks.shape("shape", shape)
    pixels = math.prod(shape)
    units = np.eye(pixels, dtype=int).reshape(pixels, *shape)
    images = np.array(_checks.function("operation", operation)(units))
    if images.ndim == 0 or len(images) != pixels:
        raise ValueError(
            f"operation must return as many images as it takes, {pixels}, got shape {images.shape}"
        )
    return images.reshape(pixels, images[0].size).T


def binary_solutions(a: np.ndarray, b: Sequence) -> list[np.ndarray]:
    """Return every 0/1 vector x with A x = b, by exhaustive search in small parts.

    Unknowns that share no equation do not interact. So the unknowns and equations fall into
    connected parts; each part is searched by itself, and the solutions are combined.

    Parameters
    ----------
    a
        Integer matrix, shape (m, n).
    b
        Integer vector, shape (m,).

    Returns
    -------
    list of ndarray of int, shape (n,)
        In lexicographic order.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, an entry is no integer, a part has more than ``MAX_UNKNOWNS``
        unknowns, or there are more than 2^``MAX_UNKNOWNS`` solutions.

    Examples
    --------
    >>> [x.tolist() for x in binary_solutions(np.array([[1, 1, 0], [0, 0, 2]]), [1, 2])]
    [[0, 1, 1], [1, 0, 1]]
    """
    a, b = _integers("A", a), _integers("b", b)
    if a.ndim != 2 or b.shape != a.shape[:1]:
        raise ValueError(f"A must have shape (m, n) and b (m,), got {a.shape} and {b.shape}")
    solutions = [np.zeros(a.shape[1], dtype=int)]
    for rows, columns in parts(a):
        if len(columns) > MAX_UNKNOWNS:
            raise ValueError(
                f"a part of {len(columns)} unknowns is more than {MAX_UNKNOWNS} can be searched"
            )
        found = _search(a[np.ix_(rows, columns)], b[rows], len(columns))
        if len(solutions) * len(found) > 2**MAX_UNKNOWNS:
            raise ValueError(f"A x = b has more than 2^{MAX_UNKNOWNS} solutions: too many to list")
        solutions = [_filled(x, columns, part) for x, part in itertools.product(solutions, found)]
    return sorted(solutions, key=lambda x: x.tolist())


def parts(a: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows and columns of each connected part of a matrix.

    Raises
    ------
    TypeError, ValueError
        If it is no matrix of numbers.

    Examples
    --------
    >>> [(rows.tolist(), columns.tolist()) for rows, columns in parts(np.eye(2))]
    [([0], [0]), ([1], [1])]
    """
    a = numbers("A", a, allow_complex=True, integers=True, copy=None)
    if a.ndim != 2:
        raise ValueError(f"A must be a matrix, got shape {a.shape}")
    m, n = a.shape
    graph = np.zeros((m + n, m + n), dtype=bool)
    graph[:m, m:] = a != 0
    number, labels = connected_components(graph, directed=False)
    return [
        (np.flatnonzero(labels[:m] == k), np.flatnonzero(labels[m:] == k)) for k in range(number)
    ]


def _integers(name: str, values: Any) -> np.ndarray:
    """Return integers of Python, whose sums cannot wrap; sums of floats would not be equal to b."""
    values = numbers(name, values, exact=True)
    if any(x != int(x) for x in values.flat):
        raise ValueError(f"{name} must hold integers, got {values}")
    return np.array([int(x) for x in values.flat], dtype=object).reshape(values.shape)


def _search(a: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    """Return every 0/1 vector of length n with A x = b, as rows."""
    candidates = np.arange(2**n)[:, None] >> np.arange(n)[::-1] & 1
    if sum(abs(x) for x in [*a.flat, *b]) < 2**63:
        a, b = a.astype(np.int64), b.astype(np.int64)
    return candidates[(candidates @ a.T == b).all(axis=1)]


def _filled(x: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[places] = values
    return x
