"""How convolutions are computed: patches in a matrix, or spectra; and what sums may hold.

The patches under the filter are copied side by side into a matrix (im2col), and one matrix product
does the rest. For a single filter only patches one row high are copied, for a small one nothing.
For large filters of floats spectra are multiplied instead, where that is cheaper and accurate.
Integers stay exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.lib.stride_tricks import sliding_window_view

from byhand._checks import ONE_THREAD, numbers, one_of, still_finite, together
from byhand.backpropagation.tracing import Traced
from byhand.convolutional_networks.layout import Geometry, extent_of

METHODS = ("auto", "gemm", "fft")
MAX_COLUMN_ENTRIES = 2**25
"""A larger matrix of patches is built and multiplied block by block."""
CACHED_COLUMN_ENTRIES = 2**16
"""So is a matrix for a single filter larger than this: its entries stay in the cache."""
CACHED_SUMS = ONE_THREAD
"""So many sums of a small filter are formed together: in the cache, and in one thread."""
SLIDING_TAPS = 7
"""A filter with rows of at most so many taps slides faster than patches are copied."""
# Prices in multiply–adds of a large matrix product, fitted to timings by the chapter's benchmark.
COPY_COST = 15.0
"""One entry of the matrix of patches."""
FILTER_ROW_COST = 4.0
"""One entry of the products with the rows of a single filter, with its share of a copy."""
FFT_COST = 85.0
"""One pixel of one Fourier transform."""
FFT_START = 8.0e5
"""Setting the transforms up, beyond what setting the matrix product up takes."""


# -- patches ---------------------------------------------------------------------------------------


def patch_view(x: Any, taps: tuple[int, int], layout: Geometry) -> Any:
    """Return a view of shape (batch, channels, H', W', k, l) into the padded images."""
    extent = extent_of(taps, layout.dilation)
    windows = sliding_window_view(padded(x, layout), extent, axis=(2, 3))
    down, right = layout.stride
    return windows[:, :, ::down, ::right, :: layout.dilation[0], :: layout.dilation[1]]


def padded(x: Any, layout: Geometry) -> Any:
    """Return images (batch, channels, H, W) with zeros around them, as many as the layout says."""
    if not any(map(any, layout.pads)):
        return x
    if isinstance(x, Traced):
        return np.pad(x, ((0, 0), (0, 0), *layout.pads))
    (height, width), ((top, bottom), (left, right)) = x.shape[2:], layout.pads
    room = np.zeros((*x.shape[:2], top + height + bottom, left + width + right), dtype=x.dtype)
    room[:, :, top : top + height, left : left + width] = x  # a small image waits long for np.pad
    return room


def patch_matrix(patches: Any) -> Any:
    """Return the matrix of patches (im2col): a row for each weight, a column for each output."""
    _, channels, _, _, rows, columns = patches.shape
    ordered = np.transpose(patches, (1, 4, 5, 0, 2, 3))
    return np.reshape(ordered, (channels * rows * columns, -1))


def row_blocks(layout: Geometry, entries: int, cached: bool = False) -> Iterator[slice]:
    """Yield blocks of output rows whose matrix of patches, of so many entries an output, fits."""
    height, width = layout.output
    limit = min(MAX_COLUMN_ENTRIES, CACHED_COLUMN_ENTRIES if cached else MAX_COLUMN_ENTRIES)
    block = max(1, limit // (entries * width))
    for top in range(0, height, block):
        yield slice(top, min(top + block, height))


def by_gemm(x: Any, w: Any, layout: Geometry) -> Any:
    """Multiply the matrices of weights and of patches; in blocks of rows if that is too large."""
    if takes_filter_rows(x, w, layout):
        return (by_sliding if slides(x, w, layout) else by_filter_rows)(x, w, layout)
    patches = patch_view(x, w.shape[2:], layout)
    weights = np.reshape(w, (w.shape[0], -1))
    parts = []
    for part in row_blocks(layout, weights.shape[1] * x.shape[0]):
        y = matmul(weights, patch_matrix(patches[:, :, part]))
        parts.append(np.reshape(y, (w.shape[0], x.shape[0], -1, layout.output[1])))
    y = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
    return np.transpose(y, (1, 0, 2, 3))


def takes_filter_rows(x: Any, w: Any, layout: Geometry) -> bool:
    """Return whether there is one filter of floats, which meets every row of the images."""
    return len(w) == 1 and layout.stride[0] == 1 and are_floats(x, w)


def are_floats(*arrays: Any) -> bool:
    return not any(isinstance(a, Traced) or a.dtype.kind not in "fc" for a in arrays)


def by_filter_rows(x: np.ndarray, w: np.ndarray, layout: Geometry) -> np.ndarray:
    """Convolve with one filter: patches one row high are copied, and serve each of its rows.

    A matrix of whole patches is used only once here, so that copying it would be most of the work.
    """
    _, channels, rows, columns = w.shape
    weights = np.reshape(np.moveaxis(w[0], 1, 0), (rows, -1))
    lines = np.transpose(patch_view(x, (1, columns), layout)[..., 0, :], (0, 1, 4, 2, 3))
    y = np.empty((x.shape[0], 1, *layout.output), dtype=np.result_type(x, w))
    width, dilation = layout.output[1], layout.dilation[0]
    for part in row_blocks(layout, channels * columns, cached=True):
        below = slice(part.start, part.stop + (rows - 1) * dilation)
        for image, result in zip(lines[:, :, :, below], y[:, 0, part], strict=True):
            strip = np.reshape(image, (channels * columns, -1))
            total = result.reshape(-1)
            np.matmul(weights[0], strip[:, : total.size], out=total)
            for a in range(1, rows):
                start = a * dilation * width
                total += weights[a] @ strip[:, start : start + total.size]
    return y


def slides(x: np.ndarray, w: np.ndarray, layout: Geometry) -> bool:
    """Return whether one small filter of one channel meets every pixel of the images."""
    adjacent = layout.stride == (1, 1) and layout.dilation[1] == 1
    small = w.shape[1] == 1 and w.shape[3] <= SLIDING_TAPS
    return adjacent and small and np.result_type(x, w).char in "fd"


def by_sliding(x: np.ndarray, w: np.ndarray, layout: Geometry) -> np.ndarray:
    """Convolve with one filter: each of its taps slides along the pixels as they lie.

    No patch is copied. The rows of all images lie end to end, and what taps find across an end is
    left out.
    """
    kind = np.result_type(x, w)
    x = padded(x.astype(kind, copy=False), layout)
    (height, width), (rows, columns) = x.shape[2:], w.shape[2:]
    pixels, line = x.reshape(-1), layout.dilation[0] * width
    taps = [(a * line + b, w[0, 0, a, b]) for a in range(rows) for b in range(columns)]
    y = np.empty((len(x) * height, layout.output[1]), dtype=kind)
    last = len(y) - (rows - 1) * layout.dilation[0]
    block = max(1, CACHED_SUMS // width)
    strip = np.empty((block, width), dtype=kind)
    sums = strip.reshape(-1)
    add_multiple = scipy.linalg.get_blas_funcs("axpy", dtype=kind)  # of pixels to sums, in place
    for top in range(0, last, block):
        part = y[top : min(top + block, last)]
        count = len(part) * width - columns + 1
        sums[:] = 0
        for start, tap in taps:
            add_multiple(pixels, sums, count, tap, top * width + start)
        part[:] = strip[: len(part), : part.shape[1]]
    return y.reshape(len(x), 1, height, -1)[:, :, : layout.output[0]]


def scatter_patches(columns: np.ndarray, x: np.ndarray, layout: Geometry) -> None:
    """Add patches (C, k, l, B, H', W') up into padded images (C, B, H, W): im2col's adjoint."""
    layout = layout._replace(output=columns.shape[-2:])
    for a in range(columns.shape[1]):
        for b in range(columns.shape[2]):
            pixels_of_tap(x, a, b, layout)[...] += columns[:, a, b]


def pixels_of_tap(x: np.ndarray, a: int, b: int, layout: Geometry) -> np.ndarray:
    """Return the view of the pixels that tap (a, b) meets, one for each output."""
    start = a * layout.dilation[0], b * layout.dilation[1]
    return x[
        ...,
        *(
            slice(i, i + (n - 1) * s + 1, s)
            for i, n, s in zip(start, layout.output, layout.stride, strict=True)
        ),
    ]


def output_rows(y: Any, outputs: int, size: tuple[int, int], plain_filter: bool) -> tuple:
    """Return an output as an array (O, B, H', W'), and the shape of its batch."""
    wanted = size if plain_filter else (outputs, *size)
    if y.ndim < len(wanted) or y.shape[y.ndim - len(wanted) :] != wanted or 0 in y.shape:
        raise ValueError(f"y must have shape (…, {', '.join(map(str, wanted))}), got {y.shape}")
    rows = np.moveaxis(y.reshape(-1, outputs, *size), 1, 0)
    return rows, tuple(y.shape[: y.ndim - len(wanted)])


# -- spectra ---------------------------------------------------------------------------------------


def by_fft(x: np.ndarray, w: np.ndarray, layout: Geometry) -> np.ndarray:
    """Multiply spectra. Circular wrap-around reaches only outputs that "valid" leaves out."""
    kind = np.result_type(x, w)  # of both: a transform in less would be felt in the product
    x = padded(x.astype(kind, copy=False), layout)
    dilated = np.zeros((*w.shape[:2], *extent_of(w.shape[2:], layout.dilation)), dtype=kind)
    dilated[:, :, :: layout.dilation[0], :: layout.dilation[1]] = w
    real = kind.kind != "c"
    size = [scipy.fft.next_fast_len(n, real) for n in x.shape[2:]]
    forward, back = (
        (scipy.fft.rfft2, scipy.fft.irfft2) if real else (scipy.fft.fft2, scipy.fft.ifft2)
    )
    spectrum_x, spectrum_w = forward(x, size), forward(dilated if real else dilated.conj(), size)
    y = back(over_channels(spectrum_x, np.conjugate(spectrum_w, out=spectrum_w)), size)
    rows, columns = ((n - 1) * s + 1 for n, s in zip(layout.output, layout.stride, strict=True))
    return y[:, :, : rows : layout.stride[0], : columns : layout.stride[1]]


def over_channels(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Add up products of spectra (B, C, K, L) and (O, C, K, L) over the channels: (B, O, K, L)."""
    if x.shape[1] == 1:
        return x * w[:, 0]
    of_waves = np.moveaxis(x, (2, 3), (0, 1)) @ np.transpose(w, (2, 3, 1, 0))
    return np.moveaxis(of_waves, (0, 1), (2, 3))


def chosen_method(method: str, x: Any, w: Any, layout: Geometry) -> str:
    """Return the method to use: for "auto", the FFT where it needs less arithmetic."""
    one_of("method", method, METHODS)
    floats = are_floats(x, w)
    if method == "fft" and not floats:
        raise TypeError("the FFT rounds: it takes arrays of floats; use method='gemm'")
    if method != "auto" or not floats:
        return "gemm" if method == "auto" else method
    cheaper = fft_price(x, w, layout) < gemm_price(x, w, layout)
    return "fft" if cheaper and fft_is_accurate(x, w, layout) else "gemm"


def gemm_price(x: np.ndarray, w: np.ndarray, layout: Geometry) -> float:
    """Return the price of a matrix product: its multiply–adds, and copying the patches."""
    entries = x.shape[0] * math.prod(w.shape[1:]) * math.prod(layout.output)
    return entries * (FILTER_ROW_COST if takes_filter_rows(x, w, layout) else len(w) + COPY_COST)


def fft_price(x: np.ndarray, w: np.ndarray, layout: Geometry) -> float:
    """Return the price of all transforms, and of products of half spectra, in four parts."""
    pixels = math.prod([n + sum(p) for n, p in zip(x.shape[2:], layout.pads, strict=True)])
    images, (outputs, channels) = len(x), w.shape[:2]
    transforms = images * (channels + outputs) + channels * outputs
    products = 2 * images * channels * outputs
    return FFT_START + pixels * (FFT_COST * transforms + products)


def fft_is_accurate(x: np.ndarray, w: np.ndarray, layout: Geometry) -> bool:
    """Return whether the FFT's error is surely small beside Σ |w||x| of every single output.

    The error is at most about ε log₂(N) ‖x‖‖w‖, wherever the output lies. Of the sum, a channel's
    part is at least its min |w| times the sum of |x| over any block of pixels that the filter
    covers, and of aligned blocks half as long as what lies on the image it always covers one.
    """
    size, taps = x.shape[2:], w.shape[2:]
    x, w = np.abs(x), np.abs(w)
    range_ = np.finfo(np.result_type(x, w))
    if not all(abs(np.frexp(a.max())[1]) < range_.maxexp // 4 for a in (x, w)):
        return False
    extents = zip(extent_of(taps, layout.dilation), layout.pads, size, strict=True)
    covered = [min(e - max(pads), n) for e, pads, n in extents]
    if min(covered) < 1:
        return False
    block = [(v + 1) // 2 if d == 1 else 1 for v, d in zip(covered, layout.dilation, strict=True)]
    counts = [n // b for n, b in zip(size, block, strict=True)]
    whole = x[:, :, : counts[0] * block[0], : counts[1] * block[1]]
    lines = whole.reshape(*whole.shape[:2], counts[0], block[0], -1).sum(axis=3)
    sums = sum(lines[..., b :: block[1]] for b in range(block[1]))
    least = (w.min(axis=(2, 3)) @ sums.reshape(*x.shape[:2], -1)).min(axis=2)
    norms = np.outer(*(np.sqrt(np.einsum("icjk,icjk->i", a, a)) for a in (x, w)))
    error = range_.eps * np.log2(x[0, 0].size) * norms
    return bool((error <= range_.eps**0.5 / 16 * least).all() and least.min() > 0)


# -- sums ------------------------------------------------------------------------------------------


def matmul(a: Any, b: Any) -> Any:
    """Multiply matrices; integers exactly, in floats as long as these hold every partial sum."""
    if a.dtype.kind != "i" or b.dtype.kind != "i":
        return a @ b
    bound = check_sums(a, b, a.shape[1])
    if bound < 2**53:
        return (a.astype(float) @ b.astype(float)).astype(np.int64)
    return a @ b


def check_sums(a: np.ndarray, b: np.ndarray, terms: int) -> int:
    """Return a bound of sums of so many products, which integers must be able to hold."""
    if a.dtype.kind != "i" or b.dtype.kind != "i":
        return 0
    bound = magnitude(a) * magnitude(b) * terms
    if bound >= 2**63:
        raise ValueError(
            f"sums of up to {bound:.3g} may overflow int64; convert the arrays to dtype object"
        )
    return bound


def magnitude(a: np.ndarray) -> int:
    return max(int(a.max()), -int(a.min()))


def in_range(y: Any) -> Any:
    """Return a result whose sums have not overflowed; where they may, warnings are turned off."""
    if not isinstance(y, Traced) and y.dtype.kind in "fcO":
        still_finite("the result", y, "by an overflow of its sums")
    return y


def overflow_unreported() -> np.errstate:
    """Leave it to ``in_range`` to report infinite sums, and ∞ − ∞."""
    return np.errstate(over="ignore", invalid="ignore")


# -- operands --------------------------------------------------------------------------------------


def finite_array(name: str, a: Any) -> Any:
    """Return a finite array that stays the caller's; traced values as they are."""
    if isinstance(a, Traced):
        return a
    a = numbers(name, a, integers=True, small=True, allow_complex=True, copy=None)
    return a.astype(float) if a.dtype == np.float16 else a


def operands(x: Any, w: Any) -> tuple[Any, Any, tuple[int, ...], bool]:
    """Return x as (B, C, H, W), w as (O, C, k, l), the batch's shape, and whether w was plain."""
    return with_all_axes(*together(x=finite_array("x", x), w=finite_array("w", w)))


def with_all_axes(x: Any, w: Any) -> tuple[Any, Any, tuple[int, ...], bool]:
    """Return what ``operands`` does, of arrays that have been looked at."""
    plain_filter = is_plain(w)
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


def is_plain(w: Any) -> bool:
    """Return whether a filter has two axes rather than four."""
    if w.ndim not in (2, 4) or 0 in w.shape:
        raise ValueError(
            f"w: a filter must have shape (k, l) or (O, C, k, l), not empty, got shape {w.shape}"
        )
    return w.ndim == 2


def check_same_shape(name: str, a: np.ndarray, shape: tuple) -> None:
    if a.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {a.shape}")
