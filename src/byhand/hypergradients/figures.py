"""The figures of ``chapters/04_hypergradients.ipynb``. Each function returns a new figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from byhand.explore import figure_size
from byhand.hypergradients.descent import best_step, one_step_parabola
from byhand.hypergradients.losses import least_squares

_MARKERS = "osD^vP"
_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


def forgiveness(
    panels: Sequence[tuple[str, Sequence[float], Mapping[str, Sequence[float]]]],
) -> Figure:
    """Draw the last loss against a first guess; runs that diverge are crosses at the top.

    Parameters
    ----------
    panels
        For each panel the name of the guess, its values, and name → last losses (nan where
        the run diverged).
    """
    figure, axes = plt.subplots(len(panels), sharey=True, figsize=figure_size(3.1 * len(panels)))
    for ax, (guess, values, curves) in zip(np.atleast_1d(axes), panels, strict=True):
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
    return figure


def growth(
    panels: Sequence[tuple[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]]],
    xlabel: str,
) -> Figure:
    """Draw costs against the length of a run on logarithmic axes, each curve with its name.

    Parameters
    ----------
    panels
        For each panel the name of the cost, and name of the curve → lengths, costs.
    xlabel
        The name of the length.
    """
    size = figure_size(3.7 if len(panels) == 1 else 2.9 * len(panels))
    figure, axes = plt.subplots(len(panels), sharex=True, figsize=size)
    for ax, (ylabel, curves) in zip(np.atleast_1d(axes), panels, strict=True):
        for i, (name, (lengths, costs)) in enumerate(curves.items()):
            ax.loglog(lengths, costs, _STYLES[i], marker=_MARKERS[i], color=f"C{i}")
            _name_line(ax, lengths, costs, name, f"C{i}")
        ax.set(ylabel=ylabel, xlim=(None, max(lengths) * 8))
    np.atleast_1d(axes)[-1].set_xlabel(xlabel)
    return figure


def products(taus: Sequence[int], norms: Mapping[str, Sequence[float]]) -> Figure:
    """Draw ‖∏(I − η∇²L)‖ against the number of factors, one line for each η."""
    figure, ax = plt.subplots()
    for i, (name, values) in enumerate(norms.items()):
        ax.semilogy(taus, values, _STYLES[i], color=f"C{i}")
        _name_line(ax, taus, values, name, f"C{i}")
    ax.axhline(1, color="0.5", linewidth=1)
    ax.set(xlabel="number of factors, τ − 1", ylabel="norm of the product")
    ax.set_xlim(0, max(taus) * 1.5)
    return figure


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


def parabola(X: Any, t: Any, w0: Any, eta: float, eta_max: float) -> Figure:
    """Draw one gradient step of size η on a least-squares loss in the plane, and L₁(η).

    Left the contours of the loss with the step and the gradients at both ends, right the
    parabola with its tangent, whose slope is −∇L(w₁)·∇L(w₀).
    """
    X, t, w0 = (np.asarray(part, float) for part in (X, t, w0))
    loss = least_squares(X, t)
    w1 = w0 - eta * loss.gradient(w0)
    figure, (left, right) = plt.subplots(1, 2, figsize=figure_size(2.9))
    _draw_step(left, loss, np.linalg.lstsq(X, t)[0], w0, w1)
    c0, c1, c2 = one_step_parabola(X, t, w0)
    etas = np.linspace(0, eta_max, 200)
    right.plot(etas, c0 + c1 * etas + c2 * etas**2, color="C0")
    height, slope = loss.value(w1), c1 + 2 * c2 * eta
    reach = np.array([-0.14, 0.14]) * eta_max
    right.plot(eta + reach, height + slope * reach, "--", color="C1")
    right.plot(eta, height, "o", color="C1", markersize=8)
    with suppress(ValueError):  # every step size is best
        best = best_step(X, t, w0)
        right.axvline(best, color="C2", linestyle=":")
        right.annotate("η*", (best, 1.19 * c0), (4, 0), **_TEXT, color="C2", fontsize=13)
    right.set(xlabel="step size η", title="loss after it, $L_1(η)$")
    right.set(xlim=(0, eta_max), ylim=(0, 1.3 * c0 if c0 > 0 else 1))
    return figure


def best_constants(
    horizons: Sequence[int], curves: Mapping[str, Sequence[float]], levels: Mapping[str, float]
) -> Figure:
    """Draw the best constant step size against the length of the run it is best for."""
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


_TEXT = {"textcoords": "offset points"}


def _name_line(ax: Axes, x: Sequence[float], y: Sequence[float], name: str, color: str) -> None:
    """Write a line's name at its right end."""
    ax.annotate(name, (x[-1], y[-1]), (7, 0), **_TEXT, va="center", color=color)


def _draw_step(ax: Axes, loss: Any, minimum: np.ndarray, w0: np.ndarray, w1: np.ndarray) -> None:
    reach = 1.5 * max(1.0, np.abs(w0 - minimum).max())
    axes = [np.linspace(center - reach, center + reach, 41) for center in minimum]
    heights = [[loss.value(np.array([x, y])) for x in axes[0]] for y in axes[1]]
    ax.contour(*axes, heights, levels=10, colors="0.6", linewidths=0.8)
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
    ax.set(title="the step, with $-∇L$", aspect="equal")
    ax.tick_params(labelbottom=False, labelleft=False)
    ax.set(xlim=axes[0][[0, -1]], ylim=axes[1][[0, -1]])
