"""Convolution, cross-correlation, and the adjoint of each (chapter 6, *The operations*).

Two operations share the name "convolution". With a filter w of a × b taps and an image x,

* :func:`cross_correlate` lays the filter on the image as it is: yᵢⱼ = Σ w_ab x_{i+a, j+b};
* :func:`convolve` turns it by 180° first, so that yᵢⱼ = Σ w_ab x_{i−a, j−b} once the indices
  are counted from the filter's middle.

The layers called convolutions in PyTorch, TensorFlow and JAX are cross-correlations, and so are
the layers of :mod:`byhand.convolutional_networks.layers`.

=============================  ====================================  =========================
operation                      adjoint in the image                  adjoint in the filter
=============================  ====================================  =========================
:func:`cross_correlate` by w   :func:`transposed_cross_correlate`    :func:`filter_gradient`
:func:`convolve` by w          the same by :func:`flip` (w)          its :func:`flip`
=============================  ====================================  =========================

Where the filter lies is :func:`~byhand.convolutional_networks.geometry` for all of them, and how
the sums are computed is :mod:`byhand.convolutional_networks.products`.

Images have the shape (…, height, width) and filters (rows, columns); or, with channels, images
(…, channels, height, width) and filters (channels out, channels in, rows, columns). Integers and
truth values give exact integers, and fractions and integers in arrays of dtype object fractions.
float32 stays what it is, float16 becomes float64. The forward operations also run on the tape and
the dual numbers of chapter 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import _checks
from byhand._checks import together
from byhand.convolutional_networks.layout import Padding, geometry
from byhand.convolutional_networks.products import (
    by_fft,
    by_gemm,
    check_sums,
    chosen_method,
    finite_array,
    in_range,
    is_plain,
    matmul,
    operands,
    output_rows,
    overflow_unreported,
    patch_matrix,
    patch_view,
    row_blocks,
    scatter_patches,
    with_all_axes,
)

# -- cross-correlation and its adjoints ------------------------------------------------------------


def cross_correlate(
    x: Any,
    w: Any,
    *,
    padding: Padding = "valid",
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    method: str = "auto",
) -> Any:
    """Slide a filter over an image as it is, Equation ch6-cross-correlation.

    Parameters
    ----------
    x
        Images, shape (…, H, W), or (…, C, H, W) if w has channels.
    w
        Filter, shape (k, l); or filters, shape (O, C, k, l), whose results are added over C.
    padding, stride, dilation
        See :func:`geometry`.
    method
        "gemm": copy the patches into a matrix (im2col) and multiply once; a single small filter of
        floats slides along the rows instead. "fft": multiply spectra; floats only, and rounded
        relative to the largest output. "auto": the one that needs less arithmetic, the FFT only
        where the bound of its error allows it: √ε/16 of Σ |w||x| of every output's own pixels.

    Returns
    -------
    ndarray, shape (…, H', W') or (…, O, H', W')
        int64 for integers and truth values, fractions for fractions. On the tape, a traced value.

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit together, are empty or not finite, or would overflow int64
        or the range of floats.

    Notes
    -----
    K. Chellapilla, S. Puri, P. Simard, *High performance convolutional neural networks for
    document processing*, 2006 (im2col).

    Examples
    --------
    >>> cross_correlate([[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[1, 2], [3, 4]])
    array([[4, 3],
           [2, 1]])
    """
    x, w, batch, plain_filter = operands(x, w)
    layout = geometry(x.shape[2:], w.shape[2:], padding, stride, dilation)
    compute = {"gemm": by_gemm, "fft": by_fft}[chosen_method(method, x, w, layout)]
    with overflow_unreported():
        y = in_range(compute(x, w, layout))
    return np.reshape(y, batch + (() if plain_filter else y.shape[1:2]) + layout.output)


def transposed_cross_correlate(
    y: Any,
    w: Any,
    *,
    size: Sequence[int],
    padding: Padding = "valid",
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
) -> np.ndarray:
    """Apply the adjoint of ``x ↦ cross_correlate(x, w, …)``, Equation ch6-adjoint.

    Also called transposed convolution: each y is spread over the pixels that it was computed
    from, with the same weights. It is the gradient with respect to x if y is the gradient with
    respect to the output.

    Parameters
    ----------
    y
        Shape (…, H', W') or (…, O, H', W'): what ``cross_correlate`` returns.
    w, padding, stride, dilation
        As for ``cross_correlate``.
    size
        H and W. With a stride, several sizes of x lead to one size of y.

    Returns
    -------
    ndarray, shape (…, H, W) or (…, C, H, W)

    Raises
    ------
    TypeError, ValueError
        As for ``cross_correlate``.

    Examples
    --------
    >>> transposed_cross_correlate([[1, 10]], [[1, 2, 3]], size=(1, 5), stride=2)
    array([[ 1,  2, 13, 20, 30]])
    """
    w, y = together(w=finite_array("w", w), y=finite_array("y", y))
    plain_filter = is_plain(w)
    size = _checks.shape("size", size, 2)
    layout = geometry(size, w.shape[-2:], padding, stride, dilation)
    w = w[None, None] if plain_filter else w
    outputs, channels, *taps = w.shape
    rows, batch = output_rows(y, outputs, layout.output, plain_filter)
    weights = w.reshape(outputs, w[0].size).T
    check_sums(weights, rows, outputs * taps[0] * taps[1])
    (top, bottom), (left, right) = layout.pads
    padded = channels, rows.shape[1], size[0] + top + bottom, size[1] + left + right
    x = np.zeros(padded, dtype=np.result_type(w, y))
    for part in row_blocks(layout, len(weights) * rows.shape[1]):
        rows_of_part = rows[:, :, part]
        with overflow_unreported():
            columns = matmul(weights, rows_of_part.reshape(outputs, rows_of_part[0].size))
            columns = columns.reshape(channels, *taps, *rows_of_part.shape[1:])
            scatter_patches(columns, x[:, :, part.start * layout.stride[0] :], layout)
    x = np.moveaxis(in_range(x)[:, :, top : top + size[0], left : left + size[1]], 0, 1)
    return x.reshape(batch + (() if plain_filter else (channels,)) + size)


def filter_gradient(
    x: Any,
    y: Any,
    *,
    shape: Sequence[int],
    padding: Padding = "valid",
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
) -> np.ndarray:
    """Apply the adjoint of ``w ↦ cross_correlate(x, w, …)``, Equation ch6-filter-gradient.

    It is the gradient with respect to the filter if y is the gradient with respect to the
    output, summed over the batch.

    Parameters
    ----------
    x
        Images, as for ``cross_correlate``.
    y
        What ``cross_correlate`` returns.
    shape
        The filter's: (k, l) or (O, C, k, l).
    padding, stride, dilation
        As for ``cross_correlate``.

    Returns
    -------
    ndarray of the shape ``shape``

    Raises
    ------
    TypeError, ValueError
        As for ``cross_correlate``.

    Examples
    --------
    >>> filter_gradient([[1, 10, 100]], [[2, 3]], shape=(1, 2))
    array([[ 32, 320]])
    """
    w = np.zeros(_checks.shape("shape", shape, 2, 4), dtype=int)
    x, y = together(x=finite_array("x", x), y=finite_array("y", y))
    x, w, _, plain_filter = with_all_axes(x, w)
    layout = geometry(x.shape[2:], w.shape[2:], padding, stride, dilation)
    rows, _ = output_rows(y, len(w), layout.output, plain_filter)
    if len(x) != rows.shape[1]:
        raise ValueError(f"x holds {len(x)} images but y has shape {y.shape}")
    check_sums(rows, x, rows[0].size)
    patches = patch_view(x, w.shape[2:], layout)
    result = 0
    for part in row_blocks(layout, w[0].size * len(x), len(w) == 1):
        columns = patch_matrix(patches[:, :, part])
        with overflow_unreported():
            result = result + matmul(rows[:, :, part].reshape(len(w), columns.shape[1]), columns.T)
    return in_range(result).reshape(w.shape[2:] if plain_filter else w.shape)


# -- convolution -----------------------------------------------------------------------------------


def convolve(x: Any, w: Any, **options: Any) -> Any:
    """Slide a filter, turned by 180°, over an image, Equation ch6-convolution.

    Parameters, result and errors are those of :func:`cross_correlate`; channels are not turned.

    Examples
    --------
    >>> convolve([[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[1, 2], [3, 4]])
    array([[1, 2],
           [3, 4]])
    """
    return cross_correlate(x, flip(w), **options)


def flip(w: Any) -> Any:
    """Turn a filter by 180°, that is, reverse its last two axes, Equation ch6-flip.

    Examples
    --------
    >>> flip([[1, 2], [3, 4]])
    array([[4, 3],
           [2, 1]])
    """
    w = finite_array("w", w)
    if w.ndim < 2:
        raise ValueError(f"w: a filter needs at least two axes, got shape {w.shape}")
    return w[..., ::-1, ::-1].copy()


def circular_convolve(x: Any, w: Any, stride: int | Sequence[int] = 1) -> Any:
    """Convolve an image that goes on at its opposite side, Equation ch6-circular.

    Parameters
    ----------
    x, w
        As for :func:`convolve`; the filter's sides are odd and no longer than the image's.
    stride
        As for :func:`convolve`.

    Returns
    -------
    ndarray
        With stride 1 of the same height and width as x.

    Raises
    ------
    TypeError, ValueError
        If a side of the filter is even or longer than the image's, or as for ``convolve``.

    Examples
    --------
    >>> circular_convolve([[1, 0, 0, 0]], [[1, 2, 3]])
    array([[2, 3, 0, 1]])
    """
    x, w = finite_array("x", x), finite_array("w", w)
    is_plain(w)
    if x.ndim < 2:
        raise ValueError(f"x: images must have shape (…, H, W), got shape {x.shape}")
    sides = w.shape[-2:]
    if not all(k % 2 and k <= n for k, n in zip(sides, x.shape[-2:], strict=True)):
        raise ValueError(
            f"the filter's sides must be odd and at most those of the image {x.shape[-2:]}, "
            f"got {sides[0]}×{sides[1]}"
        )
    pads = [(0, 0)] * (x.ndim - 2) + [(k // 2, k // 2) for k in sides]
    return convolve(np.pad(x, pads, mode="wrap"), w, stride=stride)
