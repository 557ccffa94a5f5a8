"""Where a filter lies on an image: padding, stride, dilation, and the sizes that follow.

Chapter 6, *Sizes*. Along one axis of n pixels a filter of k taps with dilation d covers e pixels,
:func:`extent`. It finds :func:`places` on the padded axis, as many as there are outputs, and
:func:`overhang` says how many zeros "same" padding takes. These three are formulas alone, and take
SymPy's symbols too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from byhand._checks import pair, twice

Padding = str | int | Sequence


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
        if their number is odd, the extra one goes below or to the right, as in TensorFlow, and
        the filter's places lie half a pixel off the image's middle. A number: that many on all
        four sides. A pair: (vertical, horizontal), each of them a number or a pair
        (before, after).
    stride
        Step between neighboring outputs, a number or a pair.
    dilation
        Step between neighboring taps, a number or a pair.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer, a size, stride or dilation is not positive, a padding is
        negative or unknown, or the filter does not fit on the padded image.

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
    covered = extent_of(filter_size, dilation)
    pads = _pads(padding, size, covered, stride)
    room = [n + sum(pad) - e for n, pad, e in zip(size, pads, covered, strict=True)]
    if min(room) < 0:
        raise ValueError(
            f"the filter covers {covered[0]}×{covered[1]} pixels (with its dilation) but the image "
            f"has {size[0]}×{size[1]} and the padding is {pads}"
        )
    output = tuple(places(r + e, e, s) for r, e, s in zip(room, covered, stride, strict=True))
    return Geometry(pads, stride, dilation, output)


# -- along one axis --------------------------------------------------------------------------------


def extent(k: Any, d: Any) -> Any:
    """Return e = (k − 1)d + 1, the pixels that k taps with dilation d cover.

    Examples
    --------
    >>> extent(3, 2)
    5
    """
    return (k - 1) * d + 1


def places(n: Any, e: Any, s: Any) -> Any:
    """Return the number of outputs, Equation ch6-output-size: places 0, s, 2s, … up to n − e.

    n counts the padding too.

    Examples
    --------
    >>> places(7, 3, 2)
    3
    """
    return (n - e) // s + 1


def overhang(n: Any, e: Any, s: Any) -> Any:
    """Return how far the last of ⌈n/s⌉ places reaches beyond n pixels, Equation ch6-same.

    So many zeros make room for it. If the number is negative there is room already, and pixels
    are left over.

    Examples
    --------
    >>> overhang(7, 3, 2), overhang(8, 3, 2), overhang(8, 1, 2)
    (2, 1, -1)
    """
    return (-(-n // s) - 1) * s + e - n


# -- both axes -------------------------------------------------------------------------------------


def extent_of(taps: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """Return how many pixels a filter covers along each axis."""
    return tuple(extent(k, d) for k, d in zip(taps, dilation, strict=True))


def _pads(padding: Padding, size, covered, stride) -> tuple:
    """Return the padding as ((top, bottom), (left, right))."""
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding == "full":
            return tuple((e - 1, e - 1) for e in covered)
        if padding != "same":
            raise ValueError(f"padding must be 'valid', 'same', 'full' or numbers, got {padding!r}")
        axes = zip(size, covered, stride, strict=True)
        totals = [max(overhang(n, e, s), 0) for n, e, s in axes]
        return tuple((total // 2, total - total // 2) for total in totals)
    return tuple(pair("padding", side, 0) for side in twice("padding", padding))
