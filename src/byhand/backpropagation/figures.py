"""The figures of chapter 5."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from byhand.backpropagation.graph import Graph, layout
from byhand.backpropagation.networks import Profile
from byhand.backpropagation.rules import sigmoid
from byhand.explore import drawing, figure_size, ground

_WIDTH, _HEIGHT, _GAP = 1.4, 0.62, (0.17, 0.42)  # of a box, and between boxes, in inches
_FORWARD, _REVERSE = "C0", "C1"


# -- computational graphs (D4, C-gradients) --------------------------------------------------------


def steps_of(graph: Graph) -> int:
    """Return the number of steps of both sweeps: one per operation, then one per adjoint."""
    n_inputs = len(graph.names) - len({edge.target for edge in graph.edges})
    return 2 * len(graph.names) - n_inputs


def step_text(graph: Graph, step: int) -> str:
    """Say what happens at a step of the sweeps: the value or the adjoint that is computed.

    Examples
    --------
    >>> from byhand.backpropagation.graph import trace_graph
    >>> graph = trace_graph(lambda x: x * np.exp(x), 1.0, ["x", "a", "f"])
    >>> [step_text(graph, step) for step in (0, 2, 5)]
    ['x = 1', 'f = x · a = 2.7183', 'x̄ = f̄·∂f/∂x + ā·∂a/∂x = 5.4366']
    """
    values, bars = _progress(graph, step)
    if not bars:
        inputs = [k for k in range(len(graph.names)) if graph.formulas[k] == graph.names[k]]
        shown = inputs if step == 0 else [max(values)]
        return ", ".join(_value_line(graph, k, full=True) for k in shown)
    k = min(bars)
    return f"{_bar(graph.names[k])} = {_adjoint_formula(graph, k)}{_text(graph.adjoints[k])}"


def _adjoint_formula(graph: Graph, k: int) -> str:
    parts = [
        f"{_bar(graph.names[e.target])}·∂{graph.names[e.target]}/∂{graph.names[k]}"
        for e in sorted(graph.edges, key=lambda edge: -edge.target)
        if e.source == k
    ]
    return " + ".join(parts) + " = " if parts else ""


def _progress(graph: Graph, step: int) -> tuple[range, range]:
    """Return the indices of the values, and of the adjoints, that are known after a step."""
    n = len(graph.names)
    forward = steps_of(graph) - n
    if not 0 <= step <= forward + n:
        raise ValueError(f"step must lie in 0 … {forward + n}, got {step}")
    return range(min(n - forward + step, n)), range(n - max(step - forward, 0), n)


def draw_graph(graph: Graph, step: int | None = None, *, sweeping: bool = True) -> Figure:
    """Draw a graph, or as much of it as some steps of the two sweeps have computed.

    Parameters
    ----------
    graph
        From :func:`~byhand.backpropagation.graph.trace_graph`.
    step
        From 0, when only the inputs are known, to :func:`steps_of` the graph, when every
        adjoint is. By default all values and adjoints are drawn.
    sweeping
        Whether to highlight what the step computes, and to say it in words.

    Raises
    ------
    ValueError
        If there is no such step.
    """
    values, bars = _progress(graph, steps_of(graph) if step is None else step)
    sweeping = sweeping and step is not None
    current = None if not sweeping else min(bars) if bars else max(values)
    place = layout(graph, _WIDTH, _HEIGHT, _GAP)
    x, y = np.transpose(place.centers)
    bends = np.concatenate([np.asarray(route) for route in place.routes])[:, 0]
    left, right = min(bends.min(), x.min() - _WIDTH / 2), max(bends.max(), x.max() + _WIDTH / 2)
    top, foot = y.min() - _HEIGHT / 2 - (0.7 if sweeping else 0.1), y.max() + _HEIGHT / 2 + 0.1
    size = figure_size(foot - top)
    squeeze = min(1, (size[0] - 0.2) / (right - left))
    routes = [np.array(route, dtype=float) * [squeeze, 1] for route in place.routes]
    middle = squeeze * (left + right) / 2
    figure = _blank(size, (middle - size[0] / 2, middle + size[0] / 2), (foot, top))
    (axes,) = figure.axes
    for edge, route in zip(graph.edges, routes, strict=True):
        used = bool(bars) and edge.source == current
        _draw_edge(axes, route, edge.partial if used else None)
    for k in range(len(graph.names)):
        known = k in values, k in bars, k == current
        _draw_box(axes, graph, k, (squeeze * x[k], y[k]), squeeze * _WIDTH, *known)
    if sweeping:
        _write_title(axes, graph, step, top, _REVERSE if bars else _FORWARD)
    return figure


@ground
def _blank(size: tuple[float, float], xlim: tuple, ylim: tuple) -> Figure:
    """Return a figure that is all one pair of axes, and nothing in it."""
    figure, axes = plt.subplots(figsize=size, layout="none")
    axes.set_position([0, 0, 1, 1])
    axes.set(xlim=xlim, ylim=ylim)
    axes.axis("off")
    return figure


@drawing(
    caption="The network's graph, with every value and, below it, every adjoint. The parameters' adjoints at the top are the gradient.",
    alt="The graph of network C from its four parameters down to the loss 11.045, each box with its value and its adjoint: w₁ −2.82, b₁ −1.41, w₂ −4.7, b₂ −4.7.",
)
def draw_network(graph: Graph) -> Figure:
    """Draw the graph of network C, with every value and every adjoint."""
    return draw_graph(graph)


@drawing(
    caption="Six operations; $a$ and $c$ are used twice. The layout is Sugiyama's, computed from the recorded operations.",
    alt="The computational graph at x = 0.5, from top to bottom: x; a = exp(x) = 1.6487; b = a² = 2.7183; c = a + b = 4.367, with edges from a and from b; d = exp(c) = 78.807 and e = sin(c) = −0.94094 side by side; f = d + e = 77.866.",
)
def draw_operations(graph: Graph) -> Figure:
    """Draw the graph of D4 with its values."""
    return draw_graph(graph, step=6, sweeping=False)


def _sweep_words(graphs: Mapping[float, Graph], step: int, x: float) -> str:
    sweep = "forward" if step < 7 else "reverse"
    return (
        f"The graph at x = {x:g}, step {step} of 13, {sweep} sweep: {step_text(graphs[x], step)}."
    )


@drawing(
    caption="Steps 1 to 6 compute the values from top to bottom, steps 7 to 13 the adjoints from bottom to top. The dashed edges carry the adjoints used in the step, each times the number beside it.",
    alt=_sweep_words,
    labels={"x": "at x ="},
    start={"step": 0, "x": 0.5},
)
def draw_sweeps(graphs: Mapping[float, Graph], step: int, x: float) -> Figure:
    """Draw as much of the graph of D4 at x as some steps of the two sweeps have computed."""
    return draw_graph(graphs[x], step)


def _write_title(axes, graph, step, top, color) -> None:
    x, y = sum(axes.get_xlim()) / 2, top
    sweep = "reverse sweep" if color == _REVERSE else "forward sweep"
    title = f"step {step} of {steps_of(graph)}: {sweep}"
    axes.text(x, y + 0.2, title, color=color, weight="bold", ha="center")
    words = unicodedata.normalize("NFD", step_text(graph, step))
    barred = re.sub("(.)\u0304", r"$\\bar{\1}$", words)  # a font's macron may sit badly
    axes.text(x, y + 0.46, barred, color=color, ha="center")


def _draw_box(axes, graph, k, center, width, valued, barred, current) -> None:
    x, y = center
    color = _REVERSE if barred else _FORWARD if valued else "0.6"
    axes.add_patch(
        FancyBboxPatch(
            *((x - width / 2, y - _HEIGHT / 2), width, _HEIGHT),
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=(*plt.matplotlib.colors.to_rgb(color), 0.16) if current else "none",
            edgecolor=color,
            linewidth=2.6 if current else 1.3,
        )
    )
    center = {"ha": "center", "va": "center"}
    axes.text(x, y - 0.19, _value_line(graph, k, full=False), weight="bold", **center)
    if valued:
        axes.text(x, y + 0.005, _text(graph.values[k]), color=_FORWARD, **center)
    if barred:
        text = rf"$\bar{{{graph.names[k][0]}}}${graph.names[k][1:]} = {_text(graph.adjoints[k])}"
        axes.text(x, y + 0.2, text, color=_REVERSE, **center)


def _draw_edge(axes, route, partial) -> None:
    """Draw a smooth arrow from the foot of one box to the head of another."""
    points = list(route)
    points[0] = points[0] + [0, _HEIGHT / 2]
    points[-1] = points[-1] - [0, _HEIGHT / 2]
    vertices, codes = [points[0]], [Path.MOVETO]
    for start, end in itertools.pairwise(points):
        half = np.array([0, (end[1] - start[1]) / 2])
        vertices += [start + half, end - half, end]
        codes += [Path.CURVE4] * 3
    arrow = FancyArrowPatch(
        path=Path(vertices, codes),
        arrowstyle="-|>" if partial is None else "<|-",  # adjoints flow back
        mutation_scale=13,
        color="0.45" if partial is None else _REVERSE,
        linewidth=1.3 if partial is None else 2.4,
        linestyle="-" if partial is None else "--",
    )
    axes.add_patch(arrow)
    if partial is not None:
        axes.text(*_beside(points), f"×{_text(partial)}", color=_REVERSE, va="center")


def _beside(points: list[np.ndarray]) -> tuple[float, float]:
    """Return where an edge's label has room: inside a bend, or above the middle of the curve."""
    if len(points) > 2:
        return points[1][0] - 0.62, points[1][1]
    (x0, y0), (x1, y1) = points
    x = (x0 + x1) / 2 + (0.12 if x0 == x1 else 0.1 if x1 > x0 else -0.66)
    return x, (y0 + y1) / 2 - (0 if x0 == x1 else 0.1)


def _value_line(graph: Graph, k: int, *, full: bool) -> str:
    name, formula = graph.names[k], graph.formulas[k]
    line = name if formula == name else f"{name} = {formula}"
    return f"{line} = {_text(graph.values[k])}" if full else line


def _bar(name: str) -> str:
    """Return a name with a macron over its first letter."""
    return unicodedata.normalize("NFC", f"{name[0]}\u0304{name[1:]}")


def _text(value) -> str:
    return f"{float(value):.5g}".replace("-", "−")


# -- the regularized neuron (B3.1) -----------------------------------------------------------------


@drawing(
    caption="A saturated neuron gets no gradient from the squared loss, right or wrong. Without the factor $σ'(z)$ it gets the more, the more wrong it is.",
    alt="The derivative of the squared loss by z against z from −8 to 8. For target 1 it dips to −0.15 near z = −0.7 and is zero at both ends; for target 0 it is the same turned by 180 degrees. The cross-entropy's derivative for target 1 falls to −1 on the left instead.",
)
def draw_saturation() -> Figure:
    """Draw the derivative of the loss by z, for both targets, with and without σ′."""
    z = np.linspace(-8, 8, 401)
    y = sigmoid(z)
    figure, axes = plt.subplots(figsize=figure_size(3.8))
    axes.plot(z, (y - 1) * y * (1 - y), color="C0")
    axes.plot(z, y * y * (1 - y), color="C1", linestyle="--")
    axes.plot(z, y - 1, color="C2", linestyle=":")
    labels = [
        (-7.8, -0.3, "target 1: wrong on\nthe left, yet no\ngradient there", "C0", "left"),
        (7.8, 0.3, "target 0: wrong on the right,\nyet no gradient there", "C1", "right"),
        (7.8, -0.7, "target 1, without\nthe factor σ′\n(cross-entropy)", "C2", "right"),
    ]
    for x, height, text, color, side in labels:
        axes.text(x, height, text, color=color, ha=side, va="center")
    axes.set(xlabel="z = wᵀx + b", ylabel="∂L/∂z", xlim=(-8, 8), ylim=(-1.05, 0.45))
    return figure


# -- initialization (B3.2) -------------------------------------------------------------------------

_FLOOR = 1e-20


def _profile_words(profile: Callable[[str, str], Profile], scheme: str, activation: str) -> str:
    p = profile(scheme, activation)
    return f"Mean squares in {len(p.forward)} layers, {scheme} weights, {activation}. From first to last: activations {p.forward[0]:.1g} to {p.forward[-1]:.1g}, adjoints {p.backward[0]:.1g} to {p.backward[-1]:.1g}."


@drawing(
    caption="Twenty layers of 100 units at the start. In the gray band signals keep their size. Xavier's weights do that without an activation, He's for ReLU; for tanh He's stay in the band as well, where Xavier's leave it, slowly, both ways. None of the six keeps the adjoints of sigmoids, whose slope is at most 1/4. Values beyond $10^{±20}$, zero included, are drawn at the edge.",
    alt=_profile_words,
    labels={"scheme": "first weights"},
    start={"scheme": "He", "activation": "ReLU"},
)
def draw_depth_profile(
    profile: Callable[[str, str], Profile], scheme: str, activation: str
) -> Figure:
    """Draw the mean squares of activations and adjoints, layer by layer.

    ``profile`` returns them for a scheme of first weights and an activation.
    """
    forward, backward = profile(scheme, activation)
    figure = _layers_axes(len(forward))
    (axes,), layers = figure.axes, np.arange(1, len(forward) + 1)
    lines = [
        (forward, "C0", "o", "-", "activations →"),
        (backward, "C1", "s", "--", "← adjoints"),
    ]
    for values, color, marker, style, label in lines:
        shown = np.clip(values, _FLOOR, 1 / _FLOOR)
        axes.plot(layers, shown, color=color, marker=marker, linestyle=style, label=label)
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0}
    axes.legend(title=f"{scheme}, {activation}", alignment="left", ncols=2, **place)
    return figure


@ground
def _layers_axes(n_layers: int) -> Figure:
    figure, axes = plt.subplots()
    axes.axhspan(0.1, 10, color="0.5", alpha=0.12, linewidth=0)
    axes.set(
        xlabel="layer",
        ylabel="mean square",
        yscale="log",
        xlim=(1 - 0.05 * (n_layers - 1), n_layers + 0.05 * (n_layers - 1)),
        ylim=(_FLOOR / 30, 30 / _FLOOR),
        xticks=[1, 5, 10, 15, 20],
        yticks=[1e-20, 1e-10, 1, 1e10, 1e20],
    )
    axes.set_yticklabels(["≤10⁻²⁰", "10⁻¹⁰", "1", "10¹⁰", "≥10²⁰"])
    axes.minorticks_off()
    return figure


def _xor_words(error: Callable, random: Sequence[np.ndarray]) -> str:
    low = sum(error(path[-1]) < 1e-3 for path in random)
    return f"Error on exclusive or against the step of gradient descent, both logarithmic. The curve from identical units flattens out just above 1/6. Of eight curves from random units, {low} fall below 0.001, after lingering near that level for between ten and a thousand steps."


@drawing(
    caption="Twins slide down to the level $1/6$ and stay. Units that differ pass the same level and leave it.",
    alt=_xor_words,
)
def draw_xor_losses(error: Callable, identical: np.ndarray, random: Sequence[np.ndarray]) -> Figure:
    """Draw the error along paths of training, from identical and from random hidden units."""
    steps = np.unique(np.geomspace(1, len(identical) - 1, 150).astype(int))
    figure, axes = plt.subplots()
    for path in random:
        axes.loglog(steps, [error(p) for p in path[steps]], color="C0", linewidth=1.2)
    axes.loglog(
        steps, [error(p) for p in identical[steps]], color="C1", linestyle="--", linewidth=2.6
    )
    axes.axhline(1 / 6, color="0.4", linewidth=1)
    axes.text(1.1, 0.13, "1/6", color="0.35", va="top")
    axes.text(1.1, 1e-3, "from random units", color="C0")
    axes.text(steps[-1], 0.5, "from identical units", color="C1", ha="right")
    axes.set(xlabel="step of gradient descent", ylabel="mean squared error", ylim=(1e-6, 3))
    return figure


# -- the price of a Jacobian (D5) ------------------------------------------------------------------


@drawing(
    caption="Forward mode pays per input, reverse mode per output. A loss has one output and many inputs: here its gradient costs two evaluations, its own value included.",
    alt="Price of a Jacobian in evaluations of f. One output and 16 inputs: forward {prices[forward][0]:.3g}, reverse {prices[reverse][0]:.3g}. Four by four: {prices[forward][1]:.3g} and {prices[reverse][1]:.3g}. 16 outputs and one input: {prices[forward][2]:.3g} and {prices[reverse][2]:.3g}.",
)
def draw_prices(prices: Mapping[str, Sequence[int]], shapes: Sequence[tuple[int, int]]) -> Figure:
    """Draw the operations that Jacobians of several shapes cost, as multiples of one value."""
    figure, axes = plt.subplots()
    places = np.arange(len(shapes))
    for k, (mode, heights) in enumerate(prices.items()):
        bars = axes.bar(
            places + 0.38 * (k - 0.5),
            heights,
            width=0.36,
            color=f"C{k}",
            hatch=["", "//"][k],
            alpha=0.85,
            label=mode,
        )
        axes.bar_label(bars, [f"{height:.3g}×" for height in heights], padding=2)
    axes.set_xticks(places, [f"{m} × {n}" for m, n in shapes])
    axes.set(xlabel="shape of the Jacobian: outputs × inputs", ylabel="price ÷ price of f(x)")
    axes.legend()
    axes.grid(axis="x", visible=False)
    return figure


# -- handwritten digits (beyond the sheets) --------------------------------------------------------


def _training_words(losses: np.ndarray, per_epoch: int) -> str:
    first, last = losses[:per_epoch].mean(), losses[-per_epoch:].mean()
    return f"Cross-entropy over {len(losses) // per_epoch} epochs, logarithmic. Mini-batches start at {losses[0]:.2f} and scatter ever lower; the mean of an epoch falls from {first:.2f} to {last:.3f}."


@drawing(
    caption="Training with the reverse sweep of this chapter and Adam: twenty passes lower the loss about a hundredfold.",
    alt=_training_words,
)
def draw_training(losses: np.ndarray, per_epoch: int) -> Figure:
    """Draw the loss of every mini-batch, and its mean over each epoch."""
    figure, axes = plt.subplots()
    epochs = np.arange(len(losses)) / per_epoch
    means = losses[: len(losses) // per_epoch * per_epoch].reshape(-1, per_epoch).mean(axis=1)
    axes.semilogy(epochs, losses, color="C0", linewidth=0.8, alpha=0.6)
    axes.semilogy(np.arange(len(means)) + 0.5, means, color="C1", marker="o")
    axes.text(epochs[-1] * 0.42, losses[0] * 0.5, "each mini-batch", color="C0")
    axes.text(epochs[-1] * 0.42, losses[0] * 0.28, "mean of an epoch", color="C1")
    axes.set(xlabel="epoch", ylabel="cross-entropy", xticks=np.arange(0, len(means) + 1, 5))
    return figure


def _mistakes_words(labels: np.ndarray, guesses: np.ndarray) -> str:
    pairs = zip(labels[:8], guesses[:8], strict=True)
    mistakes = ", ".join(f"{label} read as {guess}" for label, guess in pairs)
    return f"Eight misread digits, 8 by 8 pixels each: {mistakes}."


@drawing(
    caption="Some of the digits that the network misreads.",
    alt=_mistakes_words,
)
def draw_mistakes(images: np.ndarray, labels: np.ndarray, guesses: np.ndarray) -> Figure:
    """Draw up to eight images, entries in [0, 1], with their labels and what they were read as."""
    figure, grid = plt.subplots(2, 4, figsize=figure_size(3.1))
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, label, guess in zip(grid.flat, images, labels, guesses, strict=False):
        axes.imshow(np.zeros_like(image), cmap="Greys_r", alpha=image)  # ink on no paper
        axes.set_title(f"{label}, read as {guess}", loc="center")
    return figure
