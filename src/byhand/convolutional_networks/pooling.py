"""Pooling, and the adjoint of each (chapter 6, *Pooling*).

=======================  ===============================
operation                its adjoint
=======================  ===============================
:func:`max_pool`         :func:`max_pool_gradient`
:func:`average_pool`     :func:`average_pool_gradient`
=======================  ===============================

Windows lie as filters do, :func:`~byhand.convolutional_networks.geometry` with no padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from byhand import _checks
from byhand._checks import pair, together
from byhand.backpropagation.tracing import Traced
from byhand.convolutional_networks.layout import Geometry, geometry
from byhand.convolutional_networks.products import (
    check_same_shape,
    finite_array,
    in_range,
    magnitude,
    overflow_unreported,
    patch_view,
    pixels_of_tap,
)


def max_pool(x: Any, size: int | Sequence[int], stride: Any = None) -> Any:
    """Return the largest entry of each window, Equation ch6-max-pool.

    Parameters
    ----------
    x
        Images, shape (…, H, W).
    size
        Rows and columns of a window, a number or a pair.
    stride
        Step between windows, the window's size if not given. What no window covers is dropped.

    Returns
    -------
    ndarray, shape (…, H', W')

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit together, are empty or not finite.

    Examples
    --------
    >>> max_pool([[1, 2, 5], [3, 4, 6]], 2)
    array([[4]])
    """
    return _largest(*_pooled(x, size, stride))


def max_pool_gradient(x: Any, g: Any, size: int | Sequence[int], stride: Any = None) -> np.ndarray:
    """Apply the adjoint of the derivative of ``max_pool`` at x, Equation ch6-max-pool-gradient.

    A window's g goes to its largest entry, and in equal parts to equal ones, as in chapter 5
    (PyTorch gives it to the first).

    Parameters
    ----------
    x, size, stride
        As for :func:`max_pool`.
    g
        Shape (…, H', W'), the gradient with respect to the output.

    Returns
    -------
    ndarray of the shape of x

    Raises
    ------
    TypeError, ValueError
        If g has not the shape of the output, or as for ``max_pool``.

    Examples
    --------
    >>> max_pool_gradient([[1.0, 3.0], [3.0, 2.0]], [[1.0]], 2)
    array([[0. , 0.5],
           [0.5, 0. ]])
    """
    x, size, layout = _pooled(x, size, stride)
    x, g = together(x=x, g=finite_array("g", g))
    largest = _largest(x, size, layout)
    check_same_shape("g", g, largest.shape)
    wins = sum((tap == largest).astype(int) for tap in _taps(x, size, layout))
    shares = g / wins.astype(g.dtype)
    result = np.zeros(x.shape, dtype=shares.dtype)
    with overflow_unreported():
        for tap, part in zip(_taps(x, size, layout), _taps(result, size, layout), strict=True):
            part += np.where(tap == largest, shares, 0)
    return in_range(result)


def average_pool(x: Any, size: int | Sequence[int], stride: Any = None) -> Any:
    """Return the mean of each window; parameters and errors as for :func:`max_pool`.

    Examples
    --------
    >>> average_pool([[1, 2, 5], [3, 4, 6]], 2)
    array([[2.5]])
    """
    x, size, layout = _pooled(x, size, stride)
    n = size[0] * size[1]
    if isinstance(x, Traced):
        return np.sum(_traced_taps(x, size, layout), axis=0) / n
    if x.dtype.kind == "i":
        exact = magnitude(x) * n < 2**63  # else Python's integers, which cannot wrap
        return (sum(_taps(x if exact else x.astype(object), size, layout)) / n).astype(float)
    with overflow_unreported():
        mean = sum(_taps(x, size, layout)) / n
    if x.dtype.kind == "O" or np.isfinite(mean).all():
        return mean
    return sum(tap / n for tap in _taps(x, size, layout))


def average_pool_gradient(
    g: Any, shape: Sequence[int], size: int | Sequence[int], stride: Any = None
) -> np.ndarray:
    """Apply the adjoint of ``average_pool``: each window's g in equal parts to its entries.

    Parameters
    ----------
    g
        Shape (…, H', W'), the gradient with respect to the output.
    shape
        That of the images that were pooled, (…, H, W).
    size, stride
        As for :func:`average_pool`.

    Returns
    -------
    ndarray of that shape

    Raises
    ------
    TypeError, ValueError
        If g has not the shape of the output, or the windows do not fit.

    Examples
    --------
    >>> average_pool_gradient([[4.0]], (2, 3), 2)
    array([[1., 1., 0.],
           [1., 1., 0.]])
    """
    g, shape = finite_array("g", g), _checks.shape("shape", shape)
    size, layout = _windows(shape, size, stride)
    check_same_shape("g", g, shape[:-2] + layout.output)
    shares = g / (size[0] * size[1])
    result = np.zeros(shape, dtype=shares.dtype)
    with overflow_unreported():
        for part in _taps(result, size, layout):
            part += shares
    return in_range(result)


# -- windows ---------------------------------------------------------------------------------------


def _pooled(x: Any, size: Any, stride: Any) -> tuple[Any, tuple, Geometry]:
    """Return the images to pool, the size of a window and the geometry of all."""
    x = finite_array("x", x)
    return x, *_windows(x.shape, size, stride)


def _windows(shape: tuple, size: Any, stride: Any) -> tuple[tuple[int, int], Geometry]:
    """Return the size of a window, and the geometry of all, on images of a shape."""
    if len(shape) < 2:
        raise ValueError(f"pooling needs images x of shape (…, H, W), got shape {shape}")
    size = pair("size", size)
    return size, geometry(shape[-2:], size, "valid", size if stride is None else stride)


def _largest(x: Any, size: tuple[int, int], layout: Geometry) -> Any:
    """Return the largest entry of each window."""
    if x.dtype.kind == "c":
        raise TypeError("x must be real numbers, got complex ones: none of them is the largest")
    if isinstance(x, Traced):
        return np.max(_traced_taps(x, size, layout), axis=0)
    first, *others = _taps(x, size, layout)
    largest = first.copy()
    for tap in others:
        np.maximum(largest, tap, out=largest)
    return largest


def _taps(x: np.ndarray, size: tuple[int, int], layout: Geometry) -> Iterator[np.ndarray]:
    """Yield, for every place in a window, the view of the pixels there: one for each window."""
    for a in range(size[0]):
        for b in range(size[1]):
            yield pixels_of_tap(x, a, b, layout)


def _traced_taps(x: Traced, size: tuple[int, int], layout: Geometry) -> Any:
    """Return the entries of every window, shape (entries, …, H', W'), of traced images."""
    patches = patch_view(np.reshape(x, (1, -1, *x.shape[-2:])), size, layout)
    taps = np.transpose(patches, (4, 5, 0, 1, 2, 3))
    return np.reshape(taps, (size[0] * size[1], *x.shape[:-2], *layout.output))
