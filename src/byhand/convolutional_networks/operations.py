"""Convolution, cross-correlation, pooling, and the adjoint of each (chapter 6, *The operations*).

Two operations share the name "convolution". With a filter w of a × b taps and an image x,

* :func:`cross_correlate` lays the filter on the image as it is: yᵢⱼ = Σ w_ab x_{i+a, j+b};
* :func:`convolve` turns it by 180° first, so that yᵢⱼ = Σ w_ab x_{i−a, j−b} once the indices
  are counted from the filter's middle.

The layers called convolutions in PyTorch, TensorFlow and JAX are cross-correlations, and so are
the layers of :mod:`byhand.convolutional_networks.layers`.

Images have the shape (…, height, width) and filters (rows, columns); or, with channels, images
(…, channels, height, width) and filters (channels out, channels in, rows, columns). Integers and
truth values give exact integers, and fractions and integers in arrays of dtype object fractions.
float32 stays what it is, float16 becomes float64. The forward operations also run on the tape and
the dual numbers of chapter 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from byhand import _checks
from byhand._checks import numbers, one_of, pair, still_finite, together, twice
from byhand.backpropagation.tracing import Traced

Padding = str | int | Sequence
METHODS = ("auto", "gemm", "fft")
MAX_COLUMN_ENTRIES = 2**25
"""A larger matrix of patches is built and multiplied block by block."""
CACHED_COLUMN_ENTRIES = 2**16
"""So is a matrix larger than this for a single output: each entry is used once, in the cache."""
# Prices in multiply–adds of a large matrix product, fitted to timings by the chapter's benchmark.
COPY_COST = 4.5
"""One entry of the matrix of patches."""
FFT_COST = 40.0
"""One pixel of one Fourier transform."""
FFT_START = 1.5e6
"""Setting the transforms up, beyond what setting the matrix product up takes."""


class Geometry(NamedTuple):
    """Where a filter lies on an image: a pair (vertical, horizontal) in each field."""

    pads: tuple[tuple[int, int], tuple[int, int]]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    output: tuple[int, int]


def geometry(
    size: Sequence[int],
    filter_size: Sequence[int],
    padding: Padding = "valid",
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
) -> Geometry:
    """Return padding, stride, dilation and output size, Equation ch6-output-size.

    Parameters
    ----------
    size, filter_size
        Height and width of the image; rows and columns of the filter.
    padding
        Rows and columns of zeros around the image. ``"valid"``: none. ``"full"``: as many as let
        the filter touch the image with one tap. ``"same"``: as few as give ⌈size/stride⌉ outputs;
        if their number is odd, the extra one goes below or to the right, as in TensorFlow. A
        number: that many on all four sides. A pair: (vertical, horizontal), each of them a number
        or a pair (before, after).
    stride
        Step between neighboring outputs, a number or a pair.
    dilation
        Step between neighboring taps, a number or a pair.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer, a size, stride or dilation is not positive, a padding is
        negative or unknown, the filter does not fit on the padded image, or a side of the filter
        is even for ``"same"``: such a filter has no middle tap.

    Examples
    --------
    >>> geometry((7, 7), (3, 3), "same", stride=2).pads
    ((1, 1), (1, 1))
    >>> geometry((8, 8), (3, 3), "same", stride=2).pads
    ((0, 1), (0, 1))
    >>> geometry((5, 5), (3, 3), 1).output
    (5, 5)
    """
    size, filter_size = pair("size", size), pair("the filter's size", filter_size)
    stride, dilation = pair("stride", stride), pair("dilation", dilation)
    extent = _extent(filter_size, dilation)
    pads = _pads(padding, size, filter_size, extent, stride)
    room = [n + sum(pad) - e for n, pad, e in zip(size, pads, extent, strict=True)]
    if min(room) < 0:
        raise ValueError(
            f"the filter covers {extent[0]}×{extent[1]} pixels (with its dilation) but the image "
            f"has {size[0]}×{size[1]} and the padding is {pads}"
        )
    output = tuple(r // s + 1 for r, s in zip(room, stride, strict=True))
    return Geometry(pads, stride, dilation, output)


# -- convolution and cross-correlation -----------------------------------------------------------


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
        "gemm": copy the patches into a matrix (im2col) and multiply once. "fft": multiply
        spectra; floats only, and rounded relative to the largest output. "auto": the one that
        needs less arithmetic, the FFT only where the bound of its error allows it: √ε/16 of
        Σ |w||x| of every output's own pixels.

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
    x, w, batch, plain_filter = _operands(x, w)
    layout = geometry(x.shape[-2:], w.shape[-2:], padding, stride, dilation)
    compute = {"gemm": _by_gemm, "fft": _by_fft}[_chosen(method, x, w, layout)]
    with _overflow():
        y = _in_range(compute(x, w, layout))
    return np.reshape(y, batch + (() if plain_filter else y.shape[1:2]) + layout.output)


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
    x, w = _array("x", x), _array("w", w)
    _is_plain(w)
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


def flip(w: Any) -> Any:
    """Turn a filter by 180°, that is, reverse its last two axes, Equation ch6-flip.

    Examples
    --------
    >>> flip([[1, 2], [3, 4]])
    array([[4, 3],
           [2, 1]])
    """
    w = _array("w", w)
    if w.ndim < 2:
        raise ValueError(f"w: a filter needs at least two axes, got shape {w.shape}")
    turned = w[..., ::-1, ::-1]
    return turned if isinstance(w, Traced) else turned.copy()


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
    w, y = together(w=_array("w", w), y=_array("y", y))
    plain_filter = _is_plain(w)
    size = _checks.shape("size", size, 2)
    layout = geometry(size, w.shape[-2:], padding, stride, dilation)
    w = w[None, None] if plain_filter else w
    outputs, channels, *taps = w.shape
    rows, batch = _rows(y, outputs, layout.output, plain_filter)
    weights = w.reshape(outputs, -1).T
    _check_sums(weights, rows, outputs * taps[0] * taps[1])
    (top, bottom), (left, right) = layout.pads
    padded = channels, rows.shape[1], size[0] + top + bottom, size[1] + left + right
    x = np.zeros(padded, dtype=np.result_type(w, y))
    for part in _blocks(layout, len(weights) * rows.shape[1]):
        rows_of_part = rows[:, :, part]
        with _overflow():
            columns = _matmul(weights, rows_of_part.reshape(outputs, -1))
            columns = columns.reshape(channels, *taps, *rows_of_part.shape[1:])
            _scatter(columns, x[:, :, part.start * layout.stride[0] :], layout)
    x = np.moveaxis(_in_range(x)[:, :, top : top + size[0], left : left + size[1]], 0, 1)
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
    x, y = together(x=_array("x", x), y=_array("y", y))
    x, w, _, plain_filter = _operands(x, w)
    layout = geometry(x.shape[-2:], w.shape[-2:], padding, stride, dilation)
    rows, _ = _rows(y, len(w), layout.output, plain_filter)
    if len(x) != rows.shape[1]:
        raise ValueError(f"x holds {len(x)} images but y has shape {y.shape}")
    _check_sums(rows, x, rows[0].size)
    patches = _patches(x, w.shape[-2:], layout)
    result = 0
    for part in _blocks(layout, w[0].size * len(x), len(w) == 1):
        columns = _columns(patches[:, :, part])
        with _overflow():
            result = result + _matmul(rows[:, :, part].reshape(len(w), -1), columns.T)
    return _in_range(result).reshape(w.shape[2:] if plain_filter else w.shape)


# -- pooling -------------------------------------------------------------------------------------


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
    x, size, layout = _pooled(x, size, stride, ordered=True)
    if isinstance(x, Traced):
        return np.max(_traced_taps(x, size, layout), axis=0)
    first, *others = _taps(x, size, layout)
    largest = first.copy()
    for tap in others:
        np.maximum(largest, tap, out=largest)
    return largest


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
    x, size, layout = _pooled(x, size, stride, ordered=True)
    x, g = together(x=x, g=_array("g", g))
    largest = max_pool(x, size, layout.stride)
    _check_same_shape("g", g, largest.shape)
    wins = sum((tap == largest).astype(int) for tap in _taps(x, size, layout))
    shares = g / (wins.astype(g.dtype) if g.dtype.kind in "fc" else wins)
    result = np.zeros(x.shape, dtype=shares.dtype)
    with _overflow():
        for tap, part in zip(_taps(x, size, layout), _taps(result, size, layout), strict=True):
            part += np.where(tap == largest, shares, 0)
    return _in_range(result)


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
        exact = _magnitude(x) * n < 2**63  # else Python's integers, which cannot wrap
        return (sum(_taps(x if exact else x.astype(object), size, layout)) / n).astype(float)
    with _overflow():
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
    g, shape = _array("g", g), _checks.shape("shape", shape)
    size, layout = _windows(shape, size, stride)
    _check_same_shape("g", g, shape[:-2] + layout.output)
    shares = g / (size[0] * size[1])
    result = np.zeros(shape, dtype=shares.dtype)
    with _overflow():
        for part in _taps(result, size, layout):
            part += shares
    return _in_range(result)


# -- how it is computed ----------------------------------------------------------------------------


def _extent(taps: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """Return how many pixels a filter covers along each axis."""
    return tuple((k - 1) * d + 1 for k, d in zip(taps, dilation, strict=True))


def _columns(patches: Any) -> Any:
    """Return the matrix of patches (im2col): a row for each weight, a column for each output."""
    _, channels, _, _, rows, columns = patches.shape
    ordered = np.transpose(patches, (1, 4, 5, 0, 2, 3))
    return np.reshape(ordered, (channels * rows * columns, -1))


def _rows(y: Any, outputs: int, size: tuple[int, int], plain_filter: bool) -> tuple:
    """Return an output as an array (O, B, H', W'), and the shape of its batch."""
    wanted = size if plain_filter else (outputs, *size)
    if y.ndim < len(wanted) or y.shape[y.ndim - len(wanted) :] != wanted or 0 in y.shape:
        raise ValueError(f"y must have shape (…, {', '.join(map(str, wanted))}), got {y.shape}")
    rows = np.moveaxis(y.reshape(-1, outputs, *size), 1, 0)
    return rows, tuple(y.shape[: y.ndim - len(wanted)])


def _patches(x: Any, taps: tuple[int, int], layout: Geometry) -> Any:
    """Return a view of shape (batch, channels, H', W', k, l) into the padded images."""
    if any(map(any, layout.pads)):
        x = np.pad(x, ((0, 0), (0, 0), *layout.pads))
    windows = sliding_window_view(x, _extent(taps, layout.dilation), axis=(-2, -1))
    down, right = layout.stride
    return windows[:, :, ::down, ::right, :: layout.dilation[0], :: layout.dilation[1]]


def _by_gemm(x: Any, w: Any, layout: Geometry) -> Any:
    """Multiply the matrices of weights and of patches; in blocks of rows if that is too large."""
    patches = _patches(x, w.shape[-2:], layout)
    weights = np.reshape(w, (w.shape[0], -1))
    parts = []
    single = len(weights) == 1 and not isinstance(patches, Traced) and not isinstance(w, Traced)
    for part in _blocks(layout, weights.shape[1] * x.shape[0], single):
        y = _matmul(weights, _columns(patches[:, :, part]))
        parts.append(np.reshape(y, (w.shape[0], x.shape[0], -1, layout.output[1])))
    y = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
    return np.transpose(y, (1, 0, 2, 3))


def _blocks(layout: Geometry, entries: int, cached: bool = False) -> Iterator[slice]:
    """Yield blocks of output rows whose matrix of patches, of so many entries an output, fits."""
    height, width = layout.output
    limit = min(MAX_COLUMN_ENTRIES, CACHED_COLUMN_ENTRIES if cached else MAX_COLUMN_ENTRIES)
    block = max(1, limit // (entries * width))
    for top in range(0, height, block):
        yield slice(top, top + block)


def _by_fft(x: np.ndarray, w: np.ndarray, layout: Geometry) -> np.ndarray:
    """Multiply spectra. Circular wrap-around reaches only outputs that "valid" leaves out."""
    kind = np.result_type(x, w)  # of both: a transform in less would be felt in the product
    x = np.pad(x.astype(kind, copy=False), ((0, 0), (0, 0), *layout.pads))
    dilated = np.zeros((*w.shape[:2], *_extent(w.shape[2:], layout.dilation)), dtype=kind)
    dilated[:, :, :: layout.dilation[0], :: layout.dilation[1]] = w
    real = not (np.iscomplexobj(x) or np.iscomplexobj(w))
    size = [scipy.fft.next_fast_len(n, real) for n in x.shape[-2:]]
    forward, back = (
        (scipy.fft.rfft2, scipy.fft.irfft2) if real else (scipy.fft.fft2, scipy.fft.ifft2)
    )
    spectrum_x = np.moveaxis(forward(x, size), (-2, -1), (0, 1))
    spectrum_w = np.moveaxis(forward(dilated.conj(), size).conj(), (-2, -1), (0, 1))
    product = spectrum_x @ np.swapaxes(spectrum_w, -2, -1)
    y = back(np.moveaxis(product, (0, 1), (-2, -1)), size)
    rows, columns = ((n - 1) * s + 1 for n, s in zip(layout.output, layout.stride, strict=True))
    return y[:, :, : rows : layout.stride[0], : columns : layout.stride[1]]


def _chosen(method: str, x: Any, w: Any, layout: Geometry) -> str:
    """Return the method to use: for "auto", the FFT where it needs less arithmetic."""
    one_of("method", method, METHODS)
    floats = not any(isinstance(a, Traced) or a.dtype.kind not in "fc" for a in (x, w))
    if method == "fft" and not floats:
        raise TypeError("the FFT rounds: it takes arrays of floats; use method='gemm'")
    if method != "auto" or not floats:
        return "gemm" if method == "auto" else method
    outputs, channels, *taps = w.shape
    entries = x.shape[0] * channels * np.prod([*taps, *layout.output], dtype=float)
    pixels = np.prod([n + sum(p) for n, p in zip(x.shape[-2:], layout.pads, strict=True)])
    transforms = x.shape[0] * (channels + outputs) + channels * outputs
    products = 2 * x.shape[0] * channels * outputs
    fft = FFT_START + pixels * (FFT_COST * transforms + products)
    cheaper = fft < entries * (outputs + COPY_COST)
    return "fft" if cheaper and _fft_is_accurate(x, w, layout) else "gemm"


def _fft_is_accurate(x: np.ndarray, w: np.ndarray, layout: Geometry) -> bool:
    """Return whether the FFT's error is surely small beside Σ |w||x| of every single output.

    The error is at most about ε log₂(N) ‖x‖‖w‖, wherever the output lies. Σ |w||x| is at least
    min |w| times the sum of |x| over any block of pixels that the filter covers, and of aligned
    blocks half as long as what lies on the image it always covers one.
    """
    size, taps = x.shape[-2:], w.shape[-2:]
    x, w = np.abs(x), np.abs(w)
    range_ = np.finfo(np.result_type(x, w))
    if not all(abs(np.frexp(a.max())[1]) < range_.maxexp // 4 for a in (x, w)):
        return False
    extents = zip(_extent(taps, layout.dilation), layout.pads, size, strict=True)
    covered = [min(e - max(pads), n) for e, pads, n in extents]
    if min(covered) < 1 or w.min() == 0:
        return False
    block = [(v + 1) // 2 if d == 1 else 1 for v, d in zip(covered, layout.dilation, strict=True)]
    counts = [n // b for n, b in zip(size, block, strict=True)]
    whole = x[:, :, : counts[0] * block[0], : counts[1] * block[1]]
    sums = whole.reshape(*x.shape[:2], counts[0], block[0], counts[1], block[1])
    least = sums.sum(axis=(1, 3, 5)).min(axis=(1, 2))
    if least.min() == 0:
        return False
    x_ratio = (np.sqrt((x**2).sum(axis=(1, 2, 3))) / least).max()
    w_ratio = (np.sqrt((w**2).sum(axis=(1, 2, 3))) / w.min(axis=(1, 2, 3))).max()
    return bool(range_.eps * np.log2(x[0, 0].size) * x_ratio * w_ratio <= range_.eps**0.5 / 16)


def _matmul(a: Any, b: Any) -> Any:
    """Multiply matrices; integers exactly, in floats as long as these hold every partial sum."""
    if isinstance(a, Traced) or isinstance(b, Traced) or a.dtype.kind != "i" or b.dtype.kind != "i":
        return a @ b
    bound = _check_sums(a, b, a.shape[1])
    if bound < 2**53:
        return (a.astype(float) @ b.astype(float)).astype(np.int64)
    return a @ b


def _check_sums(a: np.ndarray, b: np.ndarray, terms: int) -> int:
    """Return a bound of sums of so many products, which integers must be able to hold."""
    if a.dtype.kind != "i" or b.dtype.kind != "i":
        return 0
    bound = _magnitude(a) * _magnitude(b) * terms
    if bound >= 2**63:
        raise ValueError(
            f"sums of up to {bound:.3g} may overflow int64; convert the arrays to dtype object"
        )
    return bound


def _magnitude(a: np.ndarray) -> int:
    return max(int(a.max()), -int(a.min()))


def _scatter(columns: np.ndarray, x: np.ndarray, layout: Geometry) -> None:
    """Add patches (C, k, l, B, H', W') up into padded images (C, B, H, W): im2col's adjoint."""
    layout = layout._replace(output=columns.shape[-2:])
    for a in range(columns.shape[1]):
        for b in range(columns.shape[2]):
            _tap(x, a, b, layout)[...] += columns[:, a, b]


def _tap(x: np.ndarray, a: int, b: int, layout: Geometry) -> np.ndarray:
    """Return the view of the pixels that tap (a, b) meets, one for each output."""
    start = a * layout.dilation[0], b * layout.dilation[1]
    return x[
        ...,
        *(
            slice(i, i + (n - 1) * s + 1, s)
            for i, n, s in zip(start, layout.output, layout.stride, strict=True)
        ),
    ]


def _pooled(x: Any, size: Any, stride: Any, ordered: bool = False) -> tuple[Any, tuple, Geometry]:
    """Return the images to pool, the size of a window and the geometry of all."""
    x = _array("x", x)
    if ordered and x.dtype.kind == "c":
        raise TypeError("x must be real numbers, got complex ones: none of them is the largest")
    return x, *_windows(x.shape, size, stride)


def _windows(shape: tuple, size: Any, stride: Any) -> tuple[tuple[int, int], Geometry]:
    """Return the size of a window, and the geometry of all, on images of a shape."""
    if len(shape) < 2:
        raise ValueError(f"pooling needs images x of shape (…, H, W), got shape {shape}")
    size = pair("size", size)
    return size, geometry(shape[-2:], size, "valid", size if stride is None else stride)


def _taps(x: np.ndarray, size: tuple[int, int], layout: Geometry) -> Iterator[np.ndarray]:
    """Yield, for every place in a window, the view of the pixels there: one for each window."""
    for a in range(size[0]):
        for b in range(size[1]):
            yield _tap(x, a, b, layout)


def _traced_taps(x: Traced, size: tuple[int, int], layout: Geometry) -> Any:
    """Return the entries of every window, shape (entries, …, H', W'), of traced images."""
    patches = _patches(np.reshape(x, (1, -1, *x.shape[-2:])), size, layout)
    taps = np.reshape(np.transpose(patches, (4, 5, 0, 1, 2, 3)), (size[0] * size[1], -1))
    return np.reshape(taps, (size[0] * size[1], *x.shape[:-2], *layout.output))


# -- checks ----------------------------------------------------------------------------------------


def _array(name: str, a: Any) -> Any:
    """Return a finite array that stays the caller's; traced values as they are."""
    if isinstance(a, Traced):
        return a
    a = numbers(name, a, integers=True, small=True, allow_complex=True, copy=None)
    return a.astype(float) if a.dtype == np.float16 else a


def _in_range(y: Any) -> Any:
    """Return a result whose sums have not overflowed; where they may, warnings are turned off."""
    if not isinstance(y, Traced) and y.dtype.kind in "fcO":
        still_finite("the result", y, "by an overflow of its sums")
    return y


def _overflow() -> np.errstate:
    """Leave it to ``_in_range`` to report infinite sums, and ∞ − ∞."""
    return np.errstate(over="ignore", invalid="ignore")


def _operands(x: Any, w: Any) -> tuple[Any, Any, tuple[int, ...], bool]:
    """Return x as (B, C, H, W), w as (O, C, k, l), the batch's shape, and whether w was plain."""
    x, w = together(x=_array("x", x), w=_array("w", w))
    plain_filter = _is_plain(w)
    axes = 2 if plain_filter else 3
    if x.ndim < axes or 0 in x.shape:
        wanted = "(…, H, W)" if plain_filter else "(…, C, H, W)"
        raise ValueError(f"x: images must have shape {wanted}, not empty, got shape {x.shape}")
    if not plain_filter and x.shape[-3] != w.shape[1]:
        raise ValueError(
            f"the filters of shape {w.shape} take {w.shape[1]} channels "
            f"but the images of shape {x.shape} have {x.shape[-3]}"
        )
    batch = tuple(x.shape[:-axes])
    channels = (1,) if plain_filter else (x.shape[-3],)
    x = np.reshape(x, (-1, *channels, *x.shape[-2:]))
    return x, w[None, None] if plain_filter else w, batch, plain_filter


def _is_plain(w: Any) -> bool:
    """Return whether a filter has two axes rather than four."""
    if w.ndim not in (2, 4) or 0 in w.shape:
        raise ValueError(
            f"w: a filter must have shape (k, l) or (O, C, k, l), not empty, got shape {w.shape}"
        )
    return w.ndim == 2


def _check_same_shape(name: str, a: np.ndarray, shape: tuple) -> None:
    if a.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {a.shape}")


def _pads(padding: Padding, size, filter_size, extent, stride) -> tuple:
    """Return the padding as ((top, bottom), (left, right))."""
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding == "full":
            return tuple((e - 1, e - 1) for e in extent)
        if padding != "same":
            raise ValueError(f"padding must be 'valid', 'same', 'full' or numbers, got {padding!r}")
        if not all(k % 2 for k in filter_size):
            raise ValueError(
                "padding 'same' needs odd filters, which have a middle tap, "
                f"got {filter_size[0]}×{filter_size[1]}; give the padding as numbers"
            )
        totals = [
            max((-(-n // s) - 1) * s + e - n, 0)
            for n, e, s in zip(size, extent, stride, strict=True)
        ]
        return tuple((total // 2, total - total // 2) for total in totals)
    return tuple(pair("padding", side, 0) for side in twice("padding", padding))
