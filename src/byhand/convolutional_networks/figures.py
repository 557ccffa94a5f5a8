"""The figures of chapter 6. Each function returns a Matplotlib figure."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.datasets import load_sample_image

from byhand.backpropagation import grad, relu
from byhand.convolutional_networks.layers import (
    Conv,
    Layer,
    MaxPool,
    count,
    dense_twin,
    forward,
    shapes,
    spatial,
    total,
)
from byhand.convolutional_networks.layout import geometry
from byhand.convolutional_networks.operations import (
    circular_convolve,
    convolve,
    cross_correlate,
    flip,
    transposed_cross_correlate,
)
from byhand.convolutional_networks.pooling import average_pool, max_pool, max_pool_gradient
from byhand.convolutional_networks.receptive import (
    gradient_energy,
    reached,
    receptive_fields,
    spread,
)
from byhand.convolutional_networks.training import unpack
from byhand.explore import drawing, figure_size, ground


@functools.cache
def photograph() -> np.ndarray:
    """Return scikit-learn's photograph of a palace in gray, shape (426, 640), values 0 … 1."""
    gray = load_sample_image("china.jpg").mean(axis=2) / 255
    return gray[:426]


# -- the operations --------------------------------------------------------------------------------

SIDE, TAPS = 5, 3
"""Of the image and of the filter that show what padding, stride and dilation do."""


def lying_alt(padding: int, stride: int, dilation: int) -> str:
    """Describe a frame of :func:`filter_on_image`, with its numbers."""
    side = geometry((SIDE, SIDE), (TAPS, TAPS), padding, stride, dilation).output[0]
    padded = SIDE + 2 * padding
    onward = f"its next place is {stride} further right" if side > 1 else "it has no other place"
    return f"An image of {SIDE} by {SIDE} pixels with padding {padding}, {padded} by {padded} in all. The nine taps of a filter lie {dilation} apart; {onward}. The output has {side} by {side} pixels."


@drawing(
    caption="Filled: the nine pixels under the filter for the first output. Framed: for the next one, if there is one. Padding lets the filter start outside of the image, the stride moves it on, and dilation pulls its taps apart.",
    alt=lying_alt,
    start={"padding": 1, "stride": 2},
)
def filter_on_image(padding: int, stride: int, dilation: int) -> Figure:
    """Draw the first two places of a filter on a padded image, and the output."""
    layout = geometry((SIDE, SIDE), (TAPS, TAPS), padding, stride, dilation)
    figure, (left, right) = plt.subplots(1, 2, figsize=figure_size(3.0), width_ratios=[9, 7])
    _frame(left, (SIDE + 2 * padding,) * 2)
    _frame(right, layout.output)
    inner = Rectangle((padding - 0.5,) * 2, SIDE, SIDE, fill=False, ec="C6", lw=2.5)
    left.add_patch(inner)
    for a, b in np.ndindex(TAPS, TAPS):
        row, column = dilation * a, dilation * b
        _cell(left, row, column, fc="C0", alpha=0.6)
        if layout.output[1] > 1:
            _cell(left, row, column + stride, ec="C1", inset=0.12)
    _cell(right, 0, 0, fc="C0", alpha=0.6)
    if layout.output[1] > 1:
        _cell(right, 0, 1, ec="C1", inset=0.12)
    for axes, most in ((left, SIDE + 4), (right, SIDE + 2)):
        axes.set(xlim=(-0.6, most - 0.4), ylim=(most - 0.4, -0.6))
        axes.set_axis_off()
    for axes, shape in ((left, (SIDE + 2 * padding,) * 2), (right, layout.output)):
        for i, j in np.ndindex(*shape):
            _cell(axes, i, j, ec="0.6", lw=0.8)
    left.set_title(f"image, {SIDE}×{SIDE}, in its padding")
    right.set_title(f"output, {layout.output[0]}×{layout.output[1]}")
    return figure


@drawing(
    caption="Three channels in, two out. Filter $o$ has a slice for each channel of the image. Each slice filters its channel, and the three results are added up to one pixel of map $o$.",
    alt="Three rows, one for each channel of the image: a grid of four by four pixels with a patch of two by two marked, and beside it the slice of two by two weights that filter 0 has for this channel, and the one that filter 1 has. A plus sign stands between the rows. On the right two maps of three by three pixels, each with one pixel marked in the color of its filter.",
)
def channels_figure() -> Figure:
    """Draw three channels, the slices of two filters, and two feature maps."""
    figure, axes = plt.subplots(figsize=figure_size(3.9))
    axes.set(xlim=(-0.2, 16.4), ylim=(15.2, -1.8), aspect="equal")
    axes.set_axis_off()
    axes.grid(False)
    for c in range(3):
        top = 5 * c
        for i, j in np.ndindex(4, 4):
            _cell(axes, top + i + 0.5, j + 0.5, ec="0.55", lw=0.8)
        axes.add_patch(Rectangle((1, top + 1), 2, 2, fc="C2", alpha=0.45, lw=0))
        for o in range(2):
            for i, j in np.ndindex(2, 2):
                _cell(
                    axes,
                    top + i + 1.5,
                    6 + 3.2 * o + j,
                    fc=f"C{o}",
                    alpha=0.25 + 0.12 * (2 * i + j),
                )
        if c < 2:
            for o in range(2):
                axes.text(6.5 + 3.2 * o, top + 4.45, "+", ha="center", va="center", fontsize=15)
    for o in range(2):
        for i, j in np.ndindex(3, 3):
            _cell(axes, 2.5 + 6.5 * o + i, 13.5 + j, ec="0.55", lw=0.8)
        _cell(axes, 3.5 + 6.5 * o, 14.5, fc=f"C{o}", alpha=0.75)
        axes.text(14.5, 1.2 + 6.5 * o, f"map {o}", ha="center", va="center", fontsize=12)
        axes.text(6.5 + 3.2 * o, -1, f"filter {o}", ha="center", va="center", fontsize=12)
    axes.text(2, -1, "image", ha="center", va="center", fontsize=12)
    return figure


@drawing(
    caption="Transposed convolution with stride 2. Each number on the left is multiplied by the whole filter and laid down two pixels further on. Where the squares overlap, what they hold is added.",
    alt="On the left two by two numbers, 1, 2, 3 and 4, each in a color. On the right five by five pixels with four overlapping squares of three by three in the same colors. The corners of the result are 1, 2, 3 and 4, its middle is 10, to which all four contribute.",
)
def spread_figure(y: Sequence, w: Sequence) -> Figure:
    """Draw numbers, and what a transposed convolution with stride 2 makes of them."""
    y, w = np.array(y), np.array(w)
    figure, (left, right) = plt.subplots(1, 2, figsize=figure_size(2.9), width_ratios=[4, 9])
    rows, columns = (2 * (n - 1) + k for n, k in zip(y.shape, w.shape, strict=True))
    result = transposed_cross_correlate(y, w, size=(rows, columns), stride=2)
    _frame(left, y.shape)
    _frame(right, result.shape)
    for color, ((i, j), value) in enumerate(np.ndenumerate(y)):
        _cell(left, i, j, fc=f"C{color}", alpha=0.45)
        _number(left, i, j, value)
        corner = 2 * j - 0.5 + 0.06 * color, 2 * i - 0.5 + 0.06 * color
        size = w.shape[1] - 0.18, w.shape[0] - 0.18
        right.add_patch(Rectangle(corner, *size, fc=f"C{color}", alpha=0.22, lw=0))
        right.add_patch(Rectangle(corner, *size, fill=False, ec=f"C{color}", lw=2))
    for (i, j), value in np.ndenumerate(result):
        _number(right, i, j, value)
    left.set_title("y")
    right.set_title("$A^Ty$")
    return figure


@drawing(
    caption="Max pooling copies the largest number of each window. On the way back each gradient goes to the pixel that was copied; in the last window two share it.",
    alt="Left: four by four numbers in four windows of two by two, the largest of each window filled. Middle: the four largest numbers. Right: the gradients 1, 1, 1 and 1 of the four outputs at the places of those largest numbers, in the last window two halves, zeros elsewhere.",
)
def pooling_figure(x: Sequence) -> Figure:
    """Draw an image in 2×2 windows, its pooled image, and the way of a gradient of ones."""
    x = np.array(x, dtype=float)
    pooled = max_pool(x, 2)
    back = max_pool_gradient(x, np.ones(pooled.shape), 2)
    figure, axes = plt.subplots(1, 3, figsize=figure_size(2.2), width_ratios=[4, 2.4, 4])
    titles = "image", "max pool", "its gradient"
    for ax, picture, name in zip(axes, (x, pooled, back), titles, strict=True):
        _frame(ax, picture.shape)
        for (i, j), value in np.ndenumerate(picture):
            window = 2 * (i // 2) + j // 2 if picture.size > 4 else 2 * i + j
            if picture.size == 4 or back[i, j]:
                _cell(ax, i, j, fc=f"C{window}", alpha=0.45)
            words = f"{value:g}" if value != 0.5 else "½"
            ax.text(j, i, words, ha="center", va="center", fontsize=12, color="C6", weight="bold")
        if picture.size > 4:
            for line in (ax.axhline, ax.axvline):
                line(1.5, color="C6", lw=2)
        ax.set_title(name)
    return figure


@drawing(
    caption="A difference of neighbors answers where brightness rises with one sign and where it falls with the other. Each ReLU keeps one of the two.",
    alt="Four rows of numbers. A row of pixels: 0, 0, 5, 5, 0, 0. Its differences z: 0, 5, 0, minus 5, 0. ReLU of z: 5 at the second place, where brightness rises. ReLU of minus z: 5 at the fourth place, where it falls.",
)
def activation_figure(row: np.ndarray, w: Sequence) -> Figure:
    """Draw a row of pixels, its response to a filter, and the ReLUs of both signs of it."""
    z = cross_correlate(row, w)
    rows = {"pixels": row, "z": z, "ReLU(z)": np.maximum(z, 0), "ReLU(−z)": np.maximum(-z, 0)}
    figure, axes = plt.subplots(figsize=figure_size(2.8))
    for y, (name, values) in enumerate(rows.items()):
        left = (row.shape[1] - values.shape[1]) / 2
        axes.text(-0.9, 1.3 * y, name, ha="right", va="center")
        for x, value in enumerate(values[0]):
            color = "C3" if value < 0 else "C0" if name == "pixels" else "C2"
            _cell(axes, 1.3 * y, left + x, fc=color if value else "none", alpha=0.5)
            _cell(axes, 1.3 * y, left + x, ec="0.55", lw=0.8)
            _number(axes, 1.3 * y, left + x, value)
    axes.set(xlim=(-3.2, row.shape[1] - 0.4), ylim=(1.3 * 3 + 0.6, -0.6), aspect="equal")
    axes.set_axis_off()
    return figure


# -- E3.1 ------------------------------------------------------------------------------------------


def slide_alt(image: np.ndarray, w: np.ndarray, step: int) -> str:
    """Describe a frame of :func:`slide_figure`, with its numbers."""
    row, column = divmod(step - 1, image.shape[1])
    patch = np.pad(image, 1)[row : row + 3, column : column + 3]
    value = convolve(image, w, padding=1)[row, column]
    return f"The flipped filter lies on the image around row {row + 1}, column {column + 1}: {patch[0].sum()} ones of the image lie under its top row and {patch[2].sum()} under its bottom row, so the output is {value}. {step} of {image.size} outputs are filled in."


@drawing(
    caption="The flipped filter slides over the padded image. Each output is the number of ones under its top row, minus that under its bottom row.",
    alt=slide_alt,
    labels={"step": "output"},
    start={"step": 13},
)
def slide_figure(image: np.ndarray, w: np.ndarray, step: int) -> Figure:
    """Draw the flipped filter on the padded image, and the output up to that step (from 1)."""
    figure = _image_and_output(image)
    left, right = figure.axes
    row, column = divmod(step - 1, image.shape[1])
    for (a, b), weight in np.ndenumerate(flip(w)):
        _number(left, row + a, column + b, weight)
    left.add_patch(
        Rectangle((column - 0.5, row - 0.5), *w.shape[::-1], fill=False, ec="C1", lw=3.5)
    )
    result = convolve(image, w, padding=1)
    done = np.arange(result.size).reshape(result.shape) < step
    _fill(right, np.where(done, result, 0), "C2", limit=4)
    for (i, j), value in np.ndenumerate(result):
        if done[i, j]:
            _number(right, i, j, value)
    right.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec="C1", lw=3.5))
    return figure


@ground
def _image_and_output(image: np.ndarray) -> Figure:
    """Draw an image with its padding, and an output of its size that is still empty."""
    figure, (left, right) = plt.subplots(1, 2, figsize=figure_size(3.1), width_ratios=[9, 7])
    _pixels(left, np.pad(image, 1), "C0", limit=1.5)
    left.add_patch(Rectangle((0.5, 0.5), *image.shape[::-1], fill=False, ec="C0", lw=2, ls="--"))
    _frame(right, image.shape)
    left.set_title("image, padding, flipped filter")
    right.set_title("output")
    return figure


@drawing(
    caption="The two binary images with the printed result. Their difference is one of the ten patterns above, so the result cannot tell which of them was filtered.",
    alt="Two binary images of five by five pixels that differ in the last column only: the second has ones in rows 1, 3 and 5 where the first has zeros. Their difference is that pattern.",
)
def solutions_figure(images: Sequence[np.ndarray]) -> Figure:
    """Draw two images side by side, and their difference."""
    figure, axes = plt.subplots(1, 3, figsize=figure_size(2.1))
    first, second = images
    names = ["first image", "second image", "second − first"]
    for ax, picture, name in zip(axes, [first, second, second - first], names, strict=True):
        _pixels(ax, picture, "C0", limit=1.5)
        for (i, j), value in np.ndenumerate(picture):
            _number(ax, i, j, value)
        ax.set_title(name)
    return figure


@drawing(
    caption="What $J$ cannot see. Adding any multiple of these patterns to an image leaves the result as it is: rows that are alike at distance two, and triples that sum to zero.",
    alt="Ten patterns on five by five pixels. Upper row: plus signs in rows 1, 3 and 5 of one column, for each of the five columns. Lower row: plus, minus, nothing, plus, minus along one row, for each of the five rows.",
)
def null_space_figure(patterns: Sequence[np.ndarray]) -> Figure:
    """Draw patterns of −1, 0 and 1 in two rows; signs are printed on the pixels."""
    figure, axes = plt.subplots(2, len(patterns) // 2, figsize=figure_size(2.2))
    for ax, pattern in zip(axes.flat, patterns, strict=True):
        for sign, color in [(1, "C0"), (-1, "C1")]:
            for i, j in np.argwhere(pattern == sign):
                ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, color=color, alpha=0.75, lw=0))
                ax.text(j, i, "+" if sign > 0 else "−", ha="center", va="center", fontsize=12)
        _frame(ax, pattern.shape)
    return figure


@drawing(
    caption="A line gets zero and two answers beside it, an edge gets one answer. The last rows show a trap: zero padding is itself an edge wherever the image is not dark.",
    alt="Three test images and their responses. Horizontal line: minus 3 above, 0 on, plus 3 below it. Edge from dark to bright: minus 3 in the two rows beside it, plus 3 in the last row. Vertical line: zero except at the top and bottom row.",
)
def detection_figure(inputs: dict[str, np.ndarray], w: np.ndarray) -> Figure:
    """Draw test images and, beside each, the response to a filter."""
    figure, axes = plt.subplots(len(inputs), 2, figsize=figure_size(2.1 * len(inputs)))
    for (left, right), (name, image) in zip(axes, inputs.items(), strict=True):
        _pixels(left, image, "C0", limit=1.5)
        response = convolve(image, w, padding=1)
        _pixels(right, response, "C2", limit=4)
        for (i, j), value in np.ndenumerate(response):
            _number(right, i, j, value, size=11)
        left.set_ylabel(name)
    axes[0, 0].set_title("image")
    axes[0, 1].set_title("response")
    return figure


@drawing(
    caption="On a photograph (it comes with scikit-learn): $J$ draws what runs horizontally, $J^T$ what runs vertically. Dark is a large absolute response.",
    alt="A photograph of a tower with several roofs, and two drawings of its edges. The response to J shows the roofs' edges and the terraces, that to the transpose of J the columns and walls.",
    photograph=True,
)
def photo_figure(w: np.ndarray) -> Figure:
    """Draw the photograph, and the size of its response to a filter and to its transpose."""
    figure, axes = plt.subplot_mosaic("AA;BC", figsize=figure_size(4.9), height_ratios=[1.9, 1])
    image = average_pool(photograph(), 2)
    axes["A"].imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
    for key, filter_, name in [("B", w, "|response to J|"), ("C", w.T, "|response to Jᵀ|")]:
        axes[key].imshow(np.abs(convolve(image, filter_)), cmap="gray_r", vmin=0, vmax=1.2)
        axes[key].set_title(name)
    for ax in axes.values():
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    return figure


# -- E3.2 ------------------------------------------------------------------------------------------


@drawing(
    caption="Locality turns slope 4 into slope 2, weight sharing turns slope 2 into a constant.",
    alt="Parameters over the image's side from 8 to 512, on logarithmic axes. Fully connected rises with slope 4 to 73 billion, locally connected with slope 2 to 3 million, convolutional stays at 27. At side 32 arrows mark the savings: locality 98, sharing 424.",
)
def parameters_figure(layers: Sequence[Layer], sides: Sequence[int], marked: int) -> Figure:
    """Draw the parameters of the three kinds of network over the side of the image."""
    figure, axes = plt.subplots(figsize=figure_size(3.9))
    kinds = [
        ("fully connected", "C1", "s", "-", _dense_parameters),
        ("locally connected", "C2", "^", (0, (6, 2)), _local_parameters),
        ("convolutional", "C0", "o", (0, (1, 1)), _shared_parameters),
    ]
    for name, color, marker, style, parameters in kinds:
        values = [parameters(layers, side) for side in sides]
        axes.plot(sides, values, color=color, marker=marker, ls=style)
        axes.text(sides[-1], values[-1] * 2, name, color=color, ha="right", va="bottom")
    dense, local, shared = (kind[-1](layers, marked) for kind in kinds)
    for high, low, name in [(dense, local, "locality"), (local, shared, "sharing")]:
        arrow = {"arrowstyle": "->", "lw": 1.5, "shrinkA": 4, "shrinkB": 4}
        axes.annotate("", (marked, low), (marked, high), arrowprops=arrow)
        text = f"  {name} ÷ {high / low:.0f}"
        axes.text(marked, high**0.7 * low**0.3, text, va="center")
    axes.set(xscale="log", yscale="log", ylim=(8, None), xlabel="side n of the image")
    axes.set(ylabel="parameters", xticks=list(sides), xticklabels=list(map(str, sides)))
    axes.minorticks_off()
    return figure


def _dense_parameters(layers, side):
    shape = (1, side, side)
    return total(count(dense_twin(layers, shape), shape), "parameters")


def _local_parameters(layers, side):
    return total(count(layers, (1, side, side)), "connections")


def _shared_parameters(layers, side):
    return total(count(layers, (1, side, side)), "parameters")


# -- E3.3 ------------------------------------------------------------------------------------------


def stack(depth: int, size: int, pool: int, dilation: int) -> list[Layer]:
    """Return a convolution, a pooling unless ``pool`` is 1, and further convolutions."""
    convolution = Conv(1, size, dilation=dilation)
    return [convolution, *[MaxPool(pool)] * (pool > 1), *[convolution] * (depth - 1)]


def field_alt(depth: int, size: int, pool: int, dilation: int) -> str:
    """Describe a frame of :func:`field_figure`, with its numbers."""
    layers = stack(depth, size, pool, dilation)
    sizes = [f.size for f in receptive_fields(layers, _roomy(layers))]
    seen = reached(layers, (1, sizes[-1], sizes[-1]), (0, 0))[0].any(axis=1).sum()
    names = ["input", *(f"{type(layer).__name__} {layer.size}" for layer in layers)]
    steps = ", ".join(f"{name}: {n}" for name, n in zip(names, sizes, strict=True))
    return f"A section through the stack, dilation {dilation}. Receptive field in pixels after each layer: {steps}. The top neuron sees {seen} of the {sizes[-1]} pixels."


@drawing(
    caption="A section through a stack: a convolution, a pooling (size 1: none), further convolutions. Filled: what the top neuron depends on. With dilation 2 and no pooling it sees every second pixel only.",
    alt=field_alt,
    labels={"depth": "convolutions", "size": "filter size", "pool": "pooling"},
    start={"depth": 2, "size": 5, "pool": 2, "dilation": 1},
)
def field_figure(depth: int, size: int, pool: int, dilation: int) -> Figure:
    """Draw a section through a stack of layers, and what one neuron at its top depends on."""
    layers = stack(depth, size, pool, dilation)
    field = receptive_fields(layers, _roomy(layers))[-1]
    shape = (1, field.size, field.size)
    masks = [mask.any(axis=1) for mask in reached(layers, shape, (0, 0))]
    fields = receptive_fields(layers, shape)
    centers = [
        f.start + f.jump * np.arange(len(m)) + (f.size - 1) / 2
        for f, m in zip(fields, masks, strict=True)
    ]
    lines = []
    for k, (layer, before) in enumerate(zip(layers, shapes(layers, shape), strict=False)):
        layout = spatial(layer, before)
        lines += [
            [
                (centers[k + 1][i], k + 1),
                (centers[k][i * layout.stride[0] + a * layout.dilation[0]], k),
            ]
            for i in np.flatnonzero(masks[k + 1])
            for a in range(layer.size)
        ]
    figure = _blank_section(pool > 1)
    (axes,) = figure.axes
    axes.add_collection(LineCollection(lines, colors="0.6", lw=0.8, zorder=1))
    dot = 30 * 12 / max(field.size, 12)
    x, mask = np.concatenate(centers), np.concatenate(masks)
    y = np.repeat(np.arange(len(masks)), list(map(len, masks)))
    axes.scatter(x[~mask], y[~mask], s=dot, fc="none", ec="0.5", lw=0.8, zorder=2)
    for used, color in [(mask & (y == 0), "C1"), (mask & (y > 0), "C0")]:
        axes.scatter(x[used], y[used], s=2 * dot, color=color, zorder=3)
    names = ["input", *(f"{type(layer).__name__} {layer.size}" for layer in layers)]
    beside = {"ha": "right", "va": "center_baseline", "textcoords": "offset points"}
    for k, (name, f) in enumerate(zip(names, fields, strict=True)):
        place = {"xycoords": axes.get_yaxis_transform(), "annotation_clip": False}
        axes.annotate(f"{name}\n{f.size} px", (0, k), (-7, 0), **beside, **place)
    seen = int(masks[0].sum())
    axes.set_title(f"{field.size} pixels wide" + f", {seen} of them seen" * (seen < field.size))
    middle, half = (field.size - 1) / 2, max(field.size, 12) / 2 + 0.5
    axes.set(xlim=(middle - half, middle + half), ylim=(-0.4, len(layers) + 0.3))
    return figure


@ground
def _blank_section(pooled: bool) -> Figure:
    """Return axes with nothing in them; a pooling's name needs more room beside them."""
    figure, axes = plt.subplots(figsize=figure_size(3.6))
    axes.set(xticks=[], yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


def _roomy(layers: Sequence[Layer]) -> tuple[int, int, int]:
    """Return the shape of an image that is large enough for a stack without padding."""
    side = 1
    for layer in reversed(layers):
        stride = layer.stride or layer.size
        side = (side - 1) * stride + (layer.size - 1) * getattr(layer, "dilation", 1) + 1
    return 1, side, side


@drawing(
    caption=r"A deep stack sees a large square and uses a blurred disc in its middle. The blue line is $4\sigma$ of the path count, the marks on it are means over 30 random networks.",
    alt="Left: the root mean square gradient of a neuron through 16 layers, a blurred disc in the middle of its field. Right: widths over depth on logarithmic axes; the theoretical one rises from 3 to 33 pixels, the effective one from 3.3 to 13, and the measured linear and ReLU networks lie on it.",
)
def effective_figure(depths: Sequence[int], draws: int) -> Figure:
    """Draw the root mean square gradient of the deepest stack, and widths over depth."""
    figure, (left, right) = plt.subplots(1, 2, figsize=figure_size(2.9), width_ratios=[1, 1.25])
    rng = np.random.default_rng(12)
    means = {}
    for activation in (None, relu):
        options = {} if activation is None else {"activation": activation}
        means[activation] = [
            gradient_energy(depth, rng, channels=8, draws=draws, **options).mean(axis=0)
            for depth in depths
        ]
    picture = means[relu][-1]
    left.imshow(np.sqrt(picture / picture.max()), cmap="Blues")
    left.set(xticks=[], yticks=[], title=f"depth {depths[-1]}")
    left.grid(False)
    right.plot(depths, [2 * d + 1 for d in depths], "s-", color="C1")
    exact = [4 * np.sqrt(2 * d / 3) for d in depths]
    right.plot(depths, exact, color="C0")
    right.plot(depths, [4 * spread(m) for m in means[None]], "o", color="C0", ms=8, mfc="none")
    right.plot(depths, [4 * spread(m) for m in means[relu]], "^", color="C2", ms=7)
    right.text(depths[-2], 2 * depths[-2] + 6, "theoretical ", color="C1", ha="right")
    right.text(depths[-1], 8, "effective:\n○ linear\n▲ ReLU", ha="right", va="top")
    right.set(xscale="log", yscale="log", xlabel="depth", ylabel="width in pixels")
    right.set_xticks(depths, list(map(str, depths)))
    right.set_yticks([3, 10, 30], ["3", "10", "30"])
    right.minorticks_off()
    return figure


# -- beyond the sheets -----------------------------------------------------------------------------


def equivariance_errors(operation, x: np.ndarray, shifts: Sequence[int]) -> list[float]:
    """Return how far the output for a shifted image is from every shift of the output.

    For each shift to the right: the smallest relative distance, over all circular shifts of
    the output to the right.
    """
    reference = operation(x)
    outputs = [np.roll(reference, s, axis=-1) for s in range(reference.shape[-1])]
    errors = []
    for shift in shifts:
        moved = operation(np.roll(x, shift, axis=-1))
        errors.append(min(np.linalg.norm(moved - y) for y in outputs) / np.linalg.norm(reference))
    return errors


@drawing(
    caption="Without borders and strides the output moves with the image. Stride 2 lets it follow even shifts only, two poolings multiples of four.",
    alt="Relative change of the output, up to its best shift, over shifts of a photograph by 0 to 8 pixels. Stride 1: always zero. Stride 2: zero for even shifts, 0.53 for odd ones. Two poolings: zero for 0, 4 and 8, up to 0.3 between.",
)
def equivariance_figure(w: np.ndarray, shifts: Sequence[int]) -> Figure:
    """Draw by how much strides break equivariance, for shifts of a part of the photograph."""
    figure, axes = plt.subplots()
    x = np.rint(255 * photograph()[100:228, 200:328]).astype(int)  # no rounding in any sum
    operations = [
        ("stride 1", "C0", "o", lambda x: circular_convolve(x, w)),
        ("stride 2", "C1", "s", lambda x: circular_convolve(x, w, stride=2)),
        ("two poolings", "C2", "^", lambda x: pooled_twice(x, w)),
    ]
    for name, color, marker, operation in operations:
        errors = equivariance_errors(operation, x, shifts)
        axes.plot(shifts, errors, color=color, marker=marker, ms=7, ls="--", lw=1, label=name)
    axes.set(xlabel="shift of the image in pixels", ylabel="relative change", ylim=(-0.02, None))
    axes.set_xticks(list(shifts))
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1), columnspacing=1.2)
    return figure


def pooled_twice(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Apply convolution, ReLU and 2×2 max pooling twice, on an image without borders."""
    for _ in range(2):
        x = max_pool(relu(circular_convolve(x, w)), 2)
    return x


# -- a network that is trained ---------------------------------------------------------------------


def reader_alt(layers: Sequence[Layer], p: np.ndarray, image: np.ndarray) -> str:
    """Describe :func:`reader_figure`, with its numbers."""
    filters = len(_parts(layers, p, image)[0])
    (_, i, j), _ = _strongest(layers, p, image)
    return f"Above: a handwritten digit of 8 by 8 pixels, and the {filters} filters of 3 by 3 weights of both signs. Below: the feature map of the digit behind the ReLU of each filter. On the left the gradient of the strongest neuron of the second convolution, in row {i + 1} and column {j + 1} of its map, over the pixels of its field, which covers most of the digit."


@drawing(
    caption="What the network has learned: its four filters, what the ReLU lets through of each response to a digit, and, lower left, what the most excited neuron of the second convolution looks at. Framed: its receptive field. Color: the gradient, blue where more ink would excite it more.",
    alt=reader_alt,
)
def reader_figure(layers: Sequence[Layer], p: np.ndarray, image: np.ndarray) -> Figure:
    """Draw first filters, feature maps, and the strongest neuron's gradient, of one image."""
    w, maps = _parts(layers, p, image)
    (_, *place), gradient = _strongest(layers, p, image)
    figure, grid = plt.subplots(2, 1 + len(w), figsize=figure_size(2.4))
    grid[0, 0].imshow(np.zeros_like(image), cmap="Greys_r", alpha=image)
    grid[0, 0].set_title("digit")
    _fill(grid[1, 0], gradient, "C0", limit=abs(gradient).max())
    field = receptive_fields(layers[:3], (1, *image.shape))[-1]
    corner = [field.start + field.jump * at - 0.5 for at in reversed(place)]
    grid[1, 0].add_patch(Rectangle(corner, field.size, field.size, fill=False, ec="C1", lw=2))
    ends = [(min(c, -0.5) - 0.3, max(c + field.size, 7.5) + 0.3) for c in corner]
    grid[1, 0].set(xlim=ends[0], ylim=ends[1][::-1], aspect="equal", title="field")
    grid[1, 0].add_patch(Rectangle((-0.5, -0.5), *image.shape, fill=False, ec="0.5", lw=1))
    for channel, (above, below) in enumerate(grid.T[1:]):
        _pixels(above, w[channel], "C0", limit=abs(w).max())
        above.set_title(f"filter {channel}")
        below.imshow(np.zeros(maps[channel].shape), cmap="Greys_r", alpha=maps[channel])
        below.set_title(f"map {channel}")
    for ax in grid.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


def _parts(layers, p, image):
    """Return the first filters, and the maps behind their ReLU, scaled to [0, 1]."""
    params = unpack(p, layers, (1, *image.shape))
    maps = forward(layers[:1], params[:1], image[None, None], relu)[0][0]
    return params[0][0][:, 0], maps / max(maps.max(), 1e-300)


def _strongest(layers, p, image):
    """Return the neuron of the second convolution that an image excites most, its gradient."""
    params = unpack(p, layers, (1, *image.shape))

    def outputs(x):
        return forward(layers[:3], params[:3], x[None, None], relu)[-1][0]

    y = outputs(image)
    neuron = tuple(map(int, np.unravel_index(y.argmax(), y.shape)))
    return neuron, grad(lambda x: outputs(x)[neuron])(image)


@drawing(
    caption="Of 500 digits that took no part in the training: how many are read, one mark for each seed, a bar for their mean. Upper marks of a kind: 1280 digits to learn from; lower: 160.",
    alt="Two panels with the share of digits read by three networks. As in the training: fully connected with 98 neurons reads most, the convolutional network a few percent less, fully connected with 9 neurons least and with the widest scatter. Moved by one pixel: about half and less, the convolutional network most.",
)
def readings_figure(readings: dict[str, dict[int, np.ndarray]]) -> Figure:
    """Draw shares read, in place and moved, by network and number of digits learned from."""
    figure, panels = plt.subplots(1, 2, figsize=figure_size(3.2), sharey=True)
    titles = "as in the training", "moved by a pixel"
    for column, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        for row, by_samples in enumerate(readings.values()):
            for k, shares in enumerate(by_samples.values()):
                height = -row + 0.22 * (2 * k - 1)
                percent = 100 * shares[:, column]
                axes.plot(percent, [height] * len(percent), "os"[k], color=f"C{row}", mfc="none")
                axes.plot([percent.mean()] * 2, [height - 0.15, height + 0.15], color=f"C{row}")
        axes.set(title=title, xlabel="% read", yticks=-np.arange(len(readings)))
        axes.grid(axis="y", visible=False)
    names = [
        name.replace(", ", ",\n").replace("fully connected", "fully conn.") for name in readings
    ]
    panels[0].set_yticklabels(names)
    return figure


# -- helpers ---------------------------------------------------------------------------------------


def _pixels(axes, picture: np.ndarray, color: str, limit: float) -> None:
    """Draw a grid of pixels, filled the more the larger |value|."""
    _fill(axes, picture, color, limit)
    _frame(axes, picture.shape)


def _fill(axes, picture: np.ndarray, color: str, limit: float) -> None:
    for (i, j), value in np.ndenumerate(picture):
        if value:
            fill = color if value > 0 else "C3"
            strength = min(abs(value) / limit, 1) * 0.75
            axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, color=fill, alpha=strength, lw=0))


def _frame(axes, shape: tuple[int, int]) -> None:
    rows, columns = shape
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal")
    axes.set_xticks(np.arange(columns + 1) - 0.5, [])
    axes.set_yticks(np.arange(rows + 1) - 0.5, [])
    axes.tick_params(length=0)
    axes.grid(True, color="0.5", alpha=0.6)
    axes.spines[["top", "right"]].set_visible(True)


def _cell(axes, row: float, column: float, inset: float = 0.0, **style) -> None:
    """Draw one pixel: filled with ``fc``, or framed with ``ec``."""
    kind = {"lw": 0} if "fc" in style else {"fill": False, "lw": 2}
    corner, side = (column - 0.5 + inset, row - 0.5 + inset), 1 - 2 * inset
    axes.add_patch(Rectangle(corner, side, side, **(kind | style)))


def _number(axes, row: int, column: int, value: int, size: int = 12) -> None:
    text = f"{value}".replace("-", "−")
    axes.text(column, row, text, color="C6", ha="center", va="center", fontsize=size, weight="bold")
