"""The figures of ``chapters/04_hypergradients.ipynb``. Each function returns a new figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from byhand.explore import drawing, figure_size, ground
from byhand.hypergradients.descent import best_step, one_step_parabola
from byhand.hypergradients.losses import least_squares
from byhand.hypergradients.sweeps import final_loss

_MARKERS = "osD^vP"
_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


@drawing(
    caption="Each level of the tower, with a good constant of its own, forgives guesses on the level below that are too small, and none that is far too large. Crosses: runs that diverged.",
    alt="Two panels, loss after 500 steps against a first guess from 1e-6 to 10. Above, against the first step size: the constant step size falls from 0.50 to 0.18 at 0.3 and diverges from 1 on; the two learned ones are flat at 0.19 and 0.18 from 1e-6 to 0.3 and diverge as the constant one does. Below, against the first alpha: a constant alpha falls from 0.45 to 0.17 between 0.3 and 3; a learned one is flat at 0.18 everywhere; both diverge at 10.",
)
def forgiveness(
    guesses: Sequence[float],
    constant: Sequence[float],
    learned: Sequence[float],
    tower: Sequence[float],
    alpha_alone: Sequence[float],
    alpha_tuned: Sequence[float],
) -> Figure:
    """Draw the last loss against a first guess; runs that diverge are crosses at the top.

    Parameters
    ----------
    guesses
        First values of η, or of α.
    constant, learned, tower
        Last losses, by first η, where η is constant, is learned, and α is learned too. A run
        that diverged has nan.
    alpha_alone, alpha_tuned
        Last losses, by first α, where α is constant and where it is learned.
    """
    figure, (top, bottom) = plt.subplots(2, sharey=True, figsize=figure_size(6.2))
    steps = {
        "constant η": constant,
        "η learned, α = 0.1": learned,
        "α learned too, from 0.01, γ = 1": tower,
    }
    alphas = {"constant α": alpha_alone, "α learned, γ = 1": alpha_tuned}
    _draw_last_losses(top, "first step size η₁", guesses, steps)
    _draw_last_losses(bottom, "first α, with η₁ = 0.001", guesses, alphas)
    return figure


def _draw_last_losses(
    ax: Axes, guess: str, values: Sequence[float], curves: Mapping[str, Sequence[float]]
) -> None:
    for i, (name, losses) in enumerate(curves.items()):
        losses = np.asarray(losses)
        style = {"color": f"C{i}", "marker": _MARKERS[i]}
        ax.semilogx(values, losses, _STYLES[i], label=name, **style)
        lost = np.isnan(losses)
        height = np.full(lost.sum(), 0.53 + 0.03 * i)
        ax.plot(np.asarray(values)[lost], height, "x", color=f"C{i}", markersize=8)
    if np.isnan(list(curves.values())).any():
        ax.annotate("diverged", (values[-1], 0.5), ha="right", va="top", color="0.35")
    ax.set(xlabel=guess, ylabel="loss after the run", ylim=(0.1, 0.62))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), labelspacing=0.2)


STEPS = 4
"""The steps of :func:`unrolled_run`."""


def _unrolled_words(tau: int) -> str:
    s = STEPS + 1 - tau
    boxes = ", ".join(f"w({i})" for i in range(STEPS + 1))
    below = f"minus η{STEPS} H({STEPS - 1})" if tau == 2 else "its own minus η H"
    later = {
        1: "",
        2: f" One step follows, with two arrows: a straight one, marked I, and one that bends down, marked {below}.",
    }
    more = later.get(
        tau,
        f" {tau - 1} steps follow, each with two arrows: a straight one, marked I, and one that bends down, marked {below}.",
    )
    return f"A row of circles {boxes} and L, each joined to the next, with a circle η above each step. Bold: the arrow from η{s} to w({s}), marked minus g({s - 1}).{more} A last arrow to L is marked g({STEPS}) transposed. Paths from η{s} to L: {2 ** (tau - 1)}."


@drawing(
    caption=r"A run of four steps. Bold: all ways in which $\eta_s$ acts on the loss, with $s = 5 - \tau$. Along a path the marks are multiplied, the last one leftmost; over all paths they are added. Each step that follows doubles their number.",
    alt=_unrolled_words,
    labels={"tau": "steps from the end, τ"},
    start={"tau": 2},
)
def unrolled_run(tau: int) -> Figure:
    """Draw the run as a graph, with the paths from the step size τ steps from the end."""
    figure, ax = plt.subplots(figsize=figure_size(2.5))
    first = STEPS + 1 - tau
    for i in range(STEPS + 1):
        _node(ax, i, 0, f"$w({i})$", bold=i >= first)
        if i:
            chosen = i == first
            _node(ax, i - 0.45, 1.1, rf"$\eta_{i}$", bold=chosen)
            _arrow(ax, (i - 0.45, 1.1), (i, 0), chosen, f"$-g({i - 1})$" * chosen, (-0.52, -0.02))
            after = i > first
            _arrow(ax, (i - 1, 0), (i, 0), after, "$I$" * after, (0, 0.17))
            mark = rf"$-\eta_{i}H({i - 1})$" * after
            _arrow(ax, (i - 1, 0), (i, 0), after, mark, (0, -0.66), bend=0.75)
    _node(ax, STEPS + 1, 0, "$L$", bold=True)
    _arrow(ax, (STEPS, 0), (STEPS + 1, 0), True, f"$g({STEPS})^T$", (0, 0.22))
    ax.set(xlim=(-0.35, STEPS + 1.3), ylim=(-0.95, 1.45))
    ax.axis("off")
    return figure


def _node(ax: Axes, x: float, y: float, name: str, bold: bool) -> None:
    color = "C0" if bold else "0.55"
    ax.plot(x, y, "o", markersize=27, markerfacecolor="none", color=color, markeredgewidth=1 + bold)
    ax.annotate(name, (x, y), ha="center", va="center", fontsize=11, color=color)


def _arrow(
    ax: Axes, start: tuple, end: tuple, bold: bool, mark: str, aside: tuple, bend: float = 0.0
) -> None:
    style = {"color": "C1" if bold else "0.7", "lw": 2 if bold else 1, "mutation_scale": 12}
    arc = f"arc3,rad={bend}"
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="->", shrinkA=14, shrinkB=14, connectionstyle=arc, **style
        )
    )
    if mark:
        middle = (np.array(start) + end) / 2 + aside
        ax.annotate(mark, middle, ha="center", va="center", fontsize=11, color="C1")


LENGTHS = 2 ** np.arange(2, 8)
LONG = 4 ** np.arange(1, 6)
"""Lengths of runs, as the claims count them."""

VECTORS_HELD = {
    "forward": lambda k: 3 + 0 * k,
    "backward": lambda k: 2 * k + 3,
    "checkpointed": lambda k: 3 * np.sqrt(k) + 3,
    "gradients kept": lambda k: k + 6,
}
"""What a run of k steps holds at its fullest, in vectors; a test measures it."""


@drawing(
    caption="The reverse sweep needs two evaluations per step, fewer than matrices or differences at every length. It pays in memory, which grows with the run. (Matrices: $d = 64$. The other routes do not depend on $d$.)",
    alt="Two panels with logarithmic axes against the number of steps, 4 to 128. Evaluations: the reverse sweep needs from 8 to 256, slope 1; explicit matrices 30 times as many, slope 1; differences start between and rise with slope 2 to 32768. Vectors held: differences stay at 3; the sweep rises with slope 1 from 11 to 259, with the gradients alone from 10 to 134; matrices start near 260 and rise to 385.",
)
def costs_of_routes() -> Figure:
    """Draw evaluations and vectors held against the length of a run, for each route."""
    k, d = LENGTHS, 64
    evaluations = {
        "reverse sweep": 2 * k,
        "matrices": 2 * k + 1 + d * (k - 1),
        "differences": 2 * k**2,
    }
    held = {
        "reverse sweep": VECTORS_HELD["backward"](k),
        "matrices": 4 * d + k + 1,
        "differences": VECTORS_HELD["forward"](k),
        "gradients kept": VECTORS_HELD["gradients kept"](k),
    }
    figure, (top, bottom) = plt.subplots(2, sharex=True, figsize=figure_size(5.8))
    _draw_growth(top, "gradients and HVPs", k, evaluations)
    _draw_growth(bottom, "vectors held", k, held)
    bottom.set_xlabel("steps k")
    return figure


@drawing(
    caption="Forward is constant, backward linear, with the gradients alone half of that, with checkpoints a square root. Reversed exactly it is linear too, but with 0.15 bits per step in place of 128.",
    alt="Bits held per parameter against the number of steps, 4 to 1024, both axes logarithmic. Forward: flat at 192. Backward: slope 1, to 131000. Gradients kept: slope 1, to 66000. Checkpointed: slope one half, to 6300. Reversed: flat at 450 at first, bending up to 604 at 1024 steps.",
)
def bits_held() -> Figure:
    """Draw the bits held per parameter against the length of a run.

    The reversed run holds w, v, its gradient, two adjoints and two arrays more on the way, and
    log₂(10/9) bits for each step; each other route some vectors of 64 bits.
    """
    k = LONG
    curves = {name: 64 * vectors(k) for name, vectors in VECTORS_HELD.items()}
    curves["reversed"] = 64 * 7 + np.log2(10 / 9) * k
    figure, ax = plt.subplots(figsize=figure_size(3.9))
    _draw_growth(ax, "bits held per parameter", k, curves)
    ax.set_xlabel("steps k")
    return figure


def _draw_growth(
    ax: Axes, cost: str, lengths: Sequence[int], curves: Mapping[str, Sequence[float]]
) -> None:
    """Draw costs against the length of a run on logarithmic axes, each curve with its name."""
    for i, (name, costs) in enumerate(curves.items()):
        ax.loglog(lengths, costs, linestyle=_STYLES[i], marker=_MARKERS[i], color=f"C{i}")
        _name_line(ax, lengths, costs, name, f"C{i}")
    ax.set(ylabel=cost, xlim=(None, max(lengths) * 8))


@drawing(
    caption="Sizes of the hypergradients of a run, by their distance from its end; mini-batches over 500 runs, the chaotic run over 200 starts. On a quadratic all are equal. So are they, on average, where mini-batches agree on the minimum; where they do not, distant ones vanish. On a curved loss with a step that is too long they explode.",
    alt="Size of the hypergradient, relative to that of the last step, against the distance from the end of the run, 0 to 39 steps, vertical axis logarithmic. Quadratic: flat at 1. Mini-batches that agree: flat, between 0.8 and 1.3. Mini-batches that disagree: a straight line down to 0.02. Chaotic: straight up, to 6600 within eight steps.",
)
def distances(sizes: Mapping[str, Sequence[float]]) -> Figure:
    """Draw sizes of hypergradients against the distance from the end, the last step's as 1."""
    figure, ax = plt.subplots(figsize=figure_size(3.9))
    longest = max(len(values) for values in sizes.values())
    for i, (name, values) in enumerate(sizes.items()):
        values = np.abs(values) / np.abs(values[0])
        ax.semilogy(range(len(values)), values, _STYLES[i], color=f"C{i}")
        _name_line(ax, range(len(values)), values, name, f"C{i}", lift=(-9, 9, 0, 0)[i % 4])
    ax.set(xlabel="steps from the end, τ − 1", ylabel="size, the last step's as 1")
    ax.set_xlim(-1, longest * 1.75)
    return figure


@drawing(
    caption="Greed calms the noise first and then lacks the step size to move along the flat direction. Looking ahead moves first and calms the noise last.",
    alt="Two panels against the step, 0 to 50. Above, the expected loss: greedy falls at once to 2.6 and then slowly to 0.78; farsighted stays above it for three steps, levels off near 0.56 and drops to 0.09 after step 39. Below, the step sizes: greedy falls from 0.62 to 0.15; farsighted stays at its ceiling of 1 until step 39, then falls to 0.09.",
)
def horizons(
    losses: Mapping[str, Sequence[float]], schedules: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw expected losses and, below, the step sizes of the same schedules."""
    figure, (top, bottom) = plt.subplots(2, sharex=True, figsize=figure_size(5.4))
    for i, (name, values) in enumerate(losses.items()):
        top.semilogy(values, _STYLES[i], color=f"C{i}")
        _name_line(top, range(len(values)), values, name, f"C{i}")
        etas = schedules[name]
        bottom.semilogy(range(1, len(etas) + 1), etas, _STYLES[i], color=f"C{i}")
        _name_line(bottom, range(1, len(etas) + 1), etas, name, f"C{i}")
    top.set(ylabel="expected loss", xlim=(0, len(values) * 1.3))
    bottom.set(xlabel="step", ylabel="step size η")
    return figure


PLANE = np.array([[1.5, 0.3], [0.2, 1.0], [0.1, -0.4]]), np.array([1.0, 0.5, 0.8])
"""X and t of :func:`parabola`."""


@cache
def starts() -> dict[str, np.ndarray]:
    """Return places to start from: anywhere, along the flat axis, and at the minimum."""
    minimum = np.linalg.lstsq(*PLANE)[0]
    _, directions = np.linalg.eigh(PLANE[0].T @ PLANE[0])
    flat = directions[:, 0] * np.sign(directions[0, 0])
    return {
        "generic": minimum + np.array([1.2, 1.5]),
        "flat axis": minimum + 1.8 * flat,
        "minimum": minimum,
    }


ETAS = [0.0, 0.19, 0.39, 0.58, 0.77, 0.97, 1.16, 1.35, 1.55, 1.74, 1.93]
"""Step sizes of :func:`parabola`, up to a quarter beyond the best one along the flat axis."""


def _parabola_words(eta: float, place: str) -> str:
    loss = final_loss(least_squares(*PLANE), starts()[place], [eta])
    return f"Left, contours of the loss with the start, the point after one step, and an arrow of steepest descent at each. Right, the loss after the step against the step size, with its tangent at {eta:g}. Start: {place}. Loss after the step: {loss:.3f}."


@drawing(
    caption=r"The slope of $L_1$ is minus the dot product of the two gradients; at $\eta^*$ they are orthogonal. Along the flat axis $\eta^*$ is long, and at the minimum every step size is best.",
    alt=_parabola_words,
    labels={"eta": "step size η", "place": "start"},
    start={"eta": 0.58},
)
def parabola(eta: float, place: str) -> Figure:
    """Draw one gradient step of size η on a least-squares loss in the plane, and L₁(η).

    Left the contours of the loss with the step and the gradients at both ends, right the
    parabola with its tangent, whose slope is −∇L(w₁)·∇L(w₀).
    """
    (X, t), w0, eta_max = PLANE, starts()[place], ETAS[-1]
    loss = least_squares(X, t)
    w1 = w0 - eta * loss.gradient(w0)
    figure = _loss_and_parabola(X, t, w0, eta_max)
    left, right = figure.axes
    _draw_step(left, loss, np.linalg.lstsq(X, t)[0], w0, w1)
    _, c1, c2 = one_step_parabola(X, t, w0)
    height, slope = loss.value(w1), c1 + 2 * c2 * eta
    reach = np.array([-0.14, 0.14]) * eta_max
    right.plot(eta + reach, height + slope * reach, "--", color="C1")
    right.plot(eta, height, "o", color="C1", markersize=8)
    return figure


@ground
def _loss_and_parabola(X: np.ndarray, t: np.ndarray, w0: np.ndarray, eta_max: float) -> Figure:
    """Draw the contours of the loss about its minimum, and L₁(η) with the best step size."""
    loss, minimum = least_squares(X, t), np.linalg.lstsq(X, t)[0]
    figure, (left, right) = plt.subplots(1, 2, figsize=figure_size(2.9))
    reach = _reach(minimum, w0)
    sides = [np.linspace(center - reach, center + reach, 41) for center in minimum]
    heights = [[loss.value(np.array([x, y])) for x in sides[0]] for y in sides[1]]
    left.contour(*sides, heights, levels=10, colors="0.6", linewidths=0.8)
    left.set(title="the step, with $-∇L$", aspect="equal")
    left.tick_params(labelbottom=False, labelleft=False)
    left.set(xlim=sides[0][[0, -1]], ylim=sides[1][[0, -1]])
    c0, c1, c2 = one_step_parabola(X, t, w0)
    etas = np.linspace(0, eta_max, 200)
    right.plot(etas, c0 + c1 * etas + c2 * etas**2, color="C0")
    with suppress(ValueError):  # every step size is best
        best = best_step(X, t, w0)
        right.axvline(best, color="C2", linestyle=":")
        right.annotate("η*", (best, 1.19 * c0), (4, 0), **_TEXT, color="C2", fontsize=13)
    right.set(xlabel="step size η", title="loss after it, $L_1(η)$")
    right.set(xlim=(0, eta_max), ylim=(0, 1.3 * c0 if c0 > 0 else 1))
    return figure


@drawing(
    caption="The best step size depends on how many steps there are. A greedy choice is right for one step and wrong for the run.",
    alt="Best constant step size against the number of steps, 1 to 128, on a logarithmic axis. Started mostly along the flat direction it falls from 0.70 at one step to 0.29; started mostly along the steep direction it rises from 0.17. Both approach 2/7, between the horizontal lines at 1/6 and 1.",
)
def best_constants(
    horizons: Sequence[int], curves: Mapping[str, Sequence[float]], low: float, high: float
) -> Figure:
    """Draw the best constant step size against the length of the run it is best for.

    ``low`` and ``high`` are the curvatures of the loss.
    """
    levels = {"$1/λ_1$": 1 / low, "$2/(λ_1+λ_2)$": 2 / (low + high), "$1/λ_2$": 1 / high}
    figure, ax = plt.subplots()
    for i, (name, values) in enumerate(curves.items()):
        ax.semilogx(horizons, values, _STYLES[i], marker=_MARKERS[i], color=f"C{i}", base=2)
        place = (
            ((horizons[1], values[1]), (6, 12)) if i == 0 else ((horizons[0], values[0]), (8, -20))
        )
        ax.annotate(name, *place, **_TEXT, color=f"C{i}")
    for name, level in levels.items():
        ax.axhline(level, color="0.5", linewidth=1)
        ax.annotate(name, (max(horizons), level), (-4, 5), **_TEXT, ha="right", color="0.35")
    ax.set(xlabel="steps that the run has, k", ylabel="best constant step size")
    ax.set_ylim(0, 1.12 * max(levels.values()))
    return figure


@drawing(
    caption="Both hypergradients of ridge regression converge with the inner run. For the first six steps the unrolled one is nearer; from then on the implicit one is, and its lead grows: the unrolled one also differentiates a run that has not arrived.",
    alt="Error of the hypergradient against the number of inner steps, 1 to 130, vertical axis logarithmic. Two lines fall from about 1 to near a trillionth, nearly straight; the unrolled one starts below the implicit one, and from seven steps on runs above it, by a factor 1.6 at 40 steps and 2.1 at 80.",
)
def implicit_and_unrolled(
    lengths: Sequence[int], unrolled: Sequence[float], implicit: Sequence[float]
) -> Figure:
    """Draw the errors of both hypergradients against the number of inner steps."""
    figure, ax = plt.subplots(figsize=figure_size(3.2))
    for i, (name, errors) in enumerate({"unrolled": unrolled, "implicit": implicit}.items()):
        ax.semilogy(lengths, errors, _STYLES[i], color=f"C{i}")
        _name_line(ax, lengths, errors, name, f"C{i}", lift=(7, -9)[i])
    ax.set(xlabel="inner steps", ylabel="error", xlim=(0, 1.3 * max(lengths)))
    return figure


_TEXT = {"textcoords": "offset points"}


def _name_line(
    ax: Axes, x: Sequence[float], y: Sequence[float], name: str, color: str, lift: float = 0
) -> None:
    """Write a line's name at its right end, or ``lift`` points above it."""
    ax.annotate(name, (x[-1], y[-1]), (7, lift), **_TEXT, va="center", color=color)


def _reach(minimum: np.ndarray, w0: np.ndarray) -> float:
    """Return how far the picture of the loss goes to each side of its minimum."""
    return 1.5 * max(1.0, np.abs(w0 - minimum).max())


def _draw_step(ax: Axes, loss: Any, minimum: np.ndarray, w0: np.ndarray, w1: np.ndarray) -> None:
    reach = _reach(minimum, w0)
    middle = {"ha": "center", "va": "center", "fontsize": 13}
    right = np.array([0.02 * reach, 0])
    names = [  # each with the side on which it is least in the way
        (w0, "$w_0$", "C0", w0 - minimum + right),
        (w1, "$w_1$", "C1", w1 - w0 + 0.1 * (minimum - w0) - right),
    ]
    for w, name, color, aside in names:
        g = loss.gradient(w)
        size = np.linalg.norm(g)
        beside = aside / np.linalg.norm(aside)
        if size > 1e-9:
            tip = w - 0.45 * reach * g / size
            arrow = {"arrowstyle": "->", "mutation_scale": 15, "color": color, "lw": 2, "zorder": 3}
            ax.add_patch(FancyArrowPatch(w, tip, shrinkA=0, shrinkB=0, **arrow))
            beside = np.array([-g[1], g[0]]) / size
            beside *= math.copysign(1, beside @ aside)
        ax.plot(*w, "o", color=color)
        text = ax.annotate(name, w, 14 * beside, **_TEXT, **middle, color=color)
        text.set_in_layout(False)
    ax.plot([w0[0], w1[0]], [w0[1], w1[1]], ":", color="C1")
    ax.plot(*minimum, "+", color="C2", markersize=12, markeredgewidth=2)
