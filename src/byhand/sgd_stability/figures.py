"""The figures of chapter 3. Each function returns a Matplotlib figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from byhand.explore import drawing, figure_size, ground
from byhand.sgd_stability.dynamics import (
    factors,
    growth_rates,
    lyapunov_exponent,
    square_factor,
)
from byhand.sgd_stability.edge import Reading
from byhand.sgd_stability.law import (
    log_law,
    log_moment,
    peak_probability,
    sample,
    sample_mean,
    sample_paths,
)
from byhand.sgd_stability.thresholds import (
    almost_sure_set,
    batch_curvatures,
    best_steps,
    mean_square_threshold,
    mean_threshold,
    tail_index,
)

MEAN = {"color": "C0", "linestyle": (0, (5, 2))}
SQUARE = {"color": "C1", "linestyle": (0, (6, 1.5, 1.5, 1.5))}
SURE = {"color": "C2", "linestyle": "-"}
_ROW = {"ncols": 3, "columnspacing": 1.2, "handlelength": 2.4, "borderaxespad": 0.2}
EXPLORER_MEAN = 2
"""The mean curvature of the explorer's two curvatures 2 − σ and 2 + σ."""
RATES = -1.5, 1.0
"""The growth rates that a picture has room for."""


@drawing(
    caption=r"Three notions, three thresholds: $4/5$, $1$ and $4/3$ for $h_n\in\{1,3\}$. In the shaded band the average loss diverges while almost every single run converges.",
    alt="Growth per step over the step size for curvatures 1 and 3. The mean square is stable up to 0.8 and fastest at 0.4, the mean up to 1 and fastest at 0.5, almost every path up to 4/3 and fastest at 1/3 and at 1. Between 0.8 and 4/3 a band is shaded.",
)
def thresholds_figure(h: Sequence) -> Figure:
    """Draw the three growth rates over η and, below them, where each is negative."""
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=figure_size(5.0), sharex=True, height_ratios=[3, 2]
    )
    right = 1.21 * max(almost_sure_set(h)[-1][1], float(mean_threshold(h)))
    _draw_rates(top, h, right)
    top.legend(loc="lower right", bbox_to_anchor=(1, 1), **_ROW)
    top.set_ylim(-1.5, 1.6)
    ends = float(mean_square_threshold(h)), float(mean_threshold(h)), almost_sure_set(h)
    best = best_steps(h)
    rows = [
        (2, "mean square", SQUARE, [(0, ends[0])], [best.mean_square]),
        (1, "mean", MEAN, [(0, ends[1])], [best.mean]),
        (0, "almost surely", SURE, ends[2], best.almost_sure),
    ]
    for y, _, style, intervals, stars in rows:
        for a, b in intervals:
            bottom.plot([a, b], [y, y], color=style["color"], lw=7, solid_capstyle="butt")
            bottom.text(b, y, f" {b:.3g}", va="center")
        for x in map(float, stars):
            bottom.plot(x, y, "*", ms=12, mfc="w", mec="C6", mew=1.2)
            bottom.text(x, y + 0.34, f"{x:.3g}", ha="center", va="center")
    for axes in (top, bottom):
        axes.axvspan(ends[0], ends[2][0][1], color="C2", alpha=0.15, lw=0)
    top.text(ends[0] * 1.02, 1.55, "E w² → ∞, yet\nalmost every\nw(t) → 0", va="top")
    bottom.set_yticks([row[0] for row in rows], [row[1] for row in rows])
    bottom.set(xlim=(0, right), ylim=(-0.6, 2.6), xlabel="step size η    (☆ = fastest)")
    bottom.grid(axis="y", visible=False)
    return figure


@drawing(
    caption=r"Two curvatures $h\mp\sigma$. Mean square lies inside both others. Almost surely and in the mean overlap, but neither contains the other. Points a, b, c are the examples.",
    alt="Regions in the plane of relative spread and step size times mean curvature. The mean-square region at the bottom lies inside the almost-sure region, which reaches higher and splits at spread 0.71, and below the line at 2 that bounds the mean. Points a, b and c mark the examples.",
)
def map_figure() -> Figure:
    """Draw the three regions for two curvatures h − σ, h + σ in the plane of σ/h and ηh."""
    figure, axes = plt.subplots(figsize=figure_size(4.4))
    spread = np.linspace(0.001, 1.3, 521)
    etas = np.linspace(0.0, 4.5, 901)[1:]
    product = (1 - etas[:, None] * (1 - spread)) * (1 - etas[:, None] * (1 + spread))
    sure = np.abs(product) < 1
    axes.contourf(spread, etas, sure, levels=[0.5, 1.5], colors=["C2"], alpha=0.3)
    axes.contour(spread, etas, np.abs(product), levels=[1], colors=["C2"], linewidths=2)
    axes.fill_between(spread, 2 / (1 + spread**2), color="C1", alpha=0.45, lw=0)
    axes.plot(spread, 2 / (1 + spread**2), lw=2, **SQUARE)
    axes.axhline(2, lw=2, **MEAN)
    axes.text(0.9, 2.06, "below: in the mean", color="C0", va="bottom")
    axes.text(0.12, 0.9, "in mean square\n(and in the mean,\nand almost surely)", va="center")
    axes.text(0.37, 2.2, "almost surely", va="center")
    for x, y, name in [(0.5, 2.4, "a"), (0.5, 1.8, "b"), (0.8, 1.875, "c")]:
        axes.plot(x, y, "o", color="C6")
        axes.text(x + 0.03, y, name, weight="bold", va="center")
    axes.text(1.05, 3.0, "nowhere", va="center", ha="center")
    axes.text(0.9, 1.6, "in the mean only", va="center")
    axes.set(xlabel="spread of the curvatures σ/h", ylabel="step size × mean curvature ηh")
    axes.set(xlim=(0, 1.3), ylim=(0, 4.5))
    return figure


def paths_alt(eta: float, spread: float) -> str:
    """Describe a frame of :func:`paths_figure`, with its numbers."""
    h = [EXPLORER_MEAN - spread, EXPLORER_MEAN + spread]
    names = ["the mean", "the root mean square", "almost every path"]
    verdicts = map(_verdict, names, growth_rates(h, eta))
    return f"Six paths of log|w| over 100 steps for curvatures {h[0]:g} and {h[1]:g} at step size {eta:g}: {', '.join(verdicts)}."


def _verdict(name: str, rate: float) -> str:
    """Say in words whether something grows, and how fast."""
    if rate == -math.inf:
        return f"{name} becomes exactly zero"
    way = "shrinks" if rate < 0 else "grows" if rate > 0 else "keeps its size"
    return f"{name} {way} ({rate:+.2f} per step)"


@drawing(
    caption=r"Curvatures $2\mp\sigma$. Above, on a logarithmic scale, six paths of $|w|$ in gray, and $|\mathbb E\,w|$, $\sqrt{\mathbb E\,w^2}$ and $e^{q\,t}$ as straight lines. Below, the three growth rates at every step size; a hollow marker at the edge stands for a rate beyond it.",
    alt=paths_alt,
    labels={"eta": "step size η", "spread": "spread σ"},
    start={"eta": 1.2, "spread": 1.0},
)
def paths_figure(eta: float, spread: float) -> Figure:
    """Draw sample paths of log₁₀|w| for curvatures 2 ± σ, and the three rates beside them."""
    h = [EXPLORER_MEAN - spread, EXPLORER_MEAN + spread]
    figure, t = _rates_figure(spread), 100
    top, bottom = figure.axes
    w = sample_paths(h, eta, t, 6, np.random.default_rng(3))
    with np.errstate(invalid="ignore"):
        shown = np.where(w.sign == 0, np.nan, w.log_abs / math.log(10))
    top.plot(np.arange(t + 1), shown.T, color="0.45", lw=0.8)
    names = ["|E w|", "√(E w²)", "e^(q·t)"]
    styles = [MEAN, SQUARE, SURE]
    for rate, name, style in zip(growth_rates(h, eta), names, styles, strict=True):
        slope = rate / math.log(10)
        if math.isfinite(slope):
            top.plot([0, t], [0, slope * t], lw=3, label=name, **style)
        else:
            top.plot([], [], lw=3, label=f"{name} = 0", **style)
    top.legend(loc="lower left", bbox_to_anchor=(0, 1), **_ROW)
    bottom.axvline(eta, color="C6", lw=1.2, ls=":")
    for rate, style, marker in zip(growth_rates(h, eta), styles, "so^", strict=True):
        shown = min(max(rate, RATES[0]), RATES[1])
        fill = style["color"] if shown == rate else "w"
        bottom.plot(eta, shown, marker, color=style["color"], mfc=fill, ms=8, clip_on=False)
    return figure


@ground
def _rates_figure(spread: float) -> Figure:
    """Draw the three rates for curvatures 2 ± σ below axes that are still empty."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=figure_size(5.2), height_ratios=[3, 2])
    top.set(xlim=(0, 100), ylim=(-30, 30), xlabel="step t", ylabel="log₁₀ |w|")
    _draw_rates(bottom, [EXPLORER_MEAN - spread, EXPLORER_MEAN + spread], 1.55)
    bottom.set(xlabel="step size η")
    return figure


@drawing(
    caption=r"The almost-sure set need not be an interval: $h_n\in\{1,8,64,512\}$ has four. Around $\eta=1/h_n$ the draws of $n$ shrink $w$ by more than all others enlarge it.",
    alt="q over a logarithmic step size axis for curvatures 1, 8, 64 and 512. It is negative up to 0.0049, from 0.0123 to 0.0179, and in two very narrow intervals about 1/8 and about 1.",
)
def exponent_figure(h: Sequence, low: float, high: float) -> Figure:
    """Draw q(η) on a logarithmic η axis, with the intervals where it is negative shaded."""
    figure, axes = plt.subplots()
    etas = np.unique(np.concatenate([np.geomspace(low, high, 3000), _near_poles(h)]))
    q = np.array([lyapunov_exponent(h, eta) for eta in etas])
    axes.axhline(0, color="C6", lw=1)
    axes.plot(etas, np.maximum(q, -3), **SURE)
    for a, b in almost_sure_set(h):
        axes.axvspan(max(a, low), b, color="C2", alpha=0.3)
        axes.text(math.sqrt(max(a, low) * b), 3.2, "stable", ha="right", rotation=90)
    axes.set(xscale="log", xlim=(low, high), ylim=(-2, 5))
    axes.set(xlabel="step size η (logarithmic)", ylabel="growth per step q(η)")
    return figure


@drawing(
    caption="At $q=0$ a path neither converges nor diverges. It comes arbitrarily close to the minimum and goes arbitrarily far from it, infinitely often.",
    alt="Five paths of log w over 2000 steps at step size 4/3. They wander up and down across zero, by tens of powers of ten, within and beyond a dashed envelope that grows as the square root of time.",
)
def critical_figure(h: Sequence, eta: float, t: int) -> Figure:
    """Draw paths of log₁₀|w| at an η with q(η) = 0, and one standard deviation about them."""
    figure, axes = plt.subplots()
    w = sample_paths(h, eta, t, 5, np.random.default_rng(8))
    axes.plot(np.arange(t + 1), w.log_abs.T / math.log(10), lw=1.1)
    deviation = np.std(np.log10(np.abs(factors(h, eta))))
    envelope = deviation * np.sqrt(np.arange(t + 1))
    axes.plot(envelope, color="C6", ls="--", lw=1.5)
    axes.plot(-envelope, color="C6", ls="--", lw=1.5)
    axes.set_title("dashed: ± one standard deviation, which grows as √t")
    axes.set(xlim=(0, t), xlabel="step t", ylabel="log₁₀ |w|")
    return figure


@drawing(
    caption=r"The runs that make $\mathbb E\,w^2(100)$ lie more than 50 orders of magnitude away from the runs that happen. Each hump is scaled to height 1.",
    alt="Two humps over the logarithm of w(100). Paths lie around 10 to the minus 14; the contributions to the expectation of w squared lie above 10 to the 38. The largest of a million paths is expected near 10 to the 11.",
)
def law_figure(h: Sequence, eta: float, t: int, paths: int) -> Figure:
    """Draw where the probability of w(t) lies, and where E w² comes from."""
    figure, axes = plt.subplots()
    law = log_law(h, eta, t)
    order = np.argsort(law.log_abs)
    place = law.log_abs[order] / math.log(10)
    probability = np.exp(law.log_probability[order])
    share = np.exp(law.log_probability + 2 * law.log_abs - log_moment(law, 2))[order]
    axes.fill_between(place, probability / probability.max(), color="C2", alpha=0.4)
    axes.plot(place, probability / probability.max(), **SURE)
    axes.fill_between(place, share / share.max(), color="C1", alpha=0.4)
    axes.plot(place, share / share.max(), **SQUARE)
    seen = place[np.cumsum(probability[::-1])[::-1] * paths >= 1].max()
    axes.axvline(seen, color="C6", ls=":", lw=1.5)
    axes.text(place[probability.argmax()], 1.04, "where paths are", color="C2", ha="center")
    axes.text(place[share.argmax()], 1.04, "what makes E w²", color="C1", ha="center")
    axes.text(seen, 0.5, f" largest |w|\n of {_power_of_ten(paths)} paths", va="center")
    axes.set(xlabel=f"log₁₀ |w({t})|", xlim=(place[0], place[-1] + 14), ylim=(0, 1.15), yticks=[])
    return figure


@drawing(
    caption=r"The mean of $w^2$ over $10^6$ paths leaves the exact $\mathbb E\,w^2=3.4^t$ after some twenty steps, and in the end goes to zero while $\mathbb E\,w^2$ goes to infinity.",
    alt="Logarithm of w squared over 400 steps. The exact expectation rises in a straight line and leaves the picture at 10 to the 100. The mean of a million sampled paths follows it for twenty steps, stays below 10 to the 23, and after 160 steps falls towards zero.",
)
def monte_carlo_figure(h: Sequence, eta: float, times: Sequence[int], paths: int) -> Figure:
    """Draw the exact E w² over t, and the mean of w² over very many sampled paths."""
    figure, axes = plt.subplots(figsize=figure_size(3.8))
    rng = np.random.default_rng(5)
    means = [sample_mean(sample(h, eta, t, paths, rng), 2)[0] for t in times]
    growth = math.log10(float(square_factor(h, eta)))
    axes.plot([0, times[-1]], [0, growth * times[-1]], lw=2.5, **SQUARE)
    axes.plot(times, np.log10(means), "o", color="C0")
    typical = 2 * lyapunov_exponent(h, eta) / math.log(10)
    axes.plot([0, times[-1]], [0, typical * times[-1]], lw=2.5, **SURE)
    axes.text(90, growth * 90, "exact E w²  ", color="C1", ha="right", va="center")
    axes.text(150, 27, f"mean of w² over {_power_of_ten(paths)} paths", color="C0")
    axes.text(130, typical * 130, "  a typical path, e^(2qt)", color="C2", va="bottom")
    axes.set(xlabel="step t", ylabel="log₁₀ of w²", xlim=(0, 1.02 * times[-1]), ylim=(-60, 100))
    return figure


@drawing(
    caption=r"Spikes follow a power law with exponent $\kappa\approx0.42$: one run in 21 exceeds a thousand times its start, and one in 144 a hundred thousand times, before converging.",
    alt="Chance that a run ever reaches x times its start, for x from 1.5 to 100000, on two logarithmic axes. The points fall in a straight band from 0.7 to 0.007, between two lines of slope minus 0.42.",
)
def peak_figure(h: Sequence, eta: float, t: int) -> Figure:
    """Draw the chance that a run ever reaches x times its start, between its two bounds."""
    figure, axes = plt.subplots()
    levels = np.geomspace(1.5, 1e5, 40)
    kappa, top = tail_index(h, eta), max(abs(1 - eta * x) for x in h)
    axes.plot(levels, [peak_probability(h, eta, x, t) for x in levels], "o", ms=4, color="C2")
    axes.plot(levels, levels**-kappa, color="C6", ls="--")
    axes.plot(levels, (levels * top) ** -kappa, color="C6", ls=":")
    axes.text(levels[22], levels[22] ** -kappa * 1.15, f"$x^{{-{kappa:.2f}}}$", va="bottom")
    axes.text(
        levels[22],
        (levels[22] * top) ** -kappa / 1.2,
        f"$({top:.1f}\\,x)^{{-{kappa:.2f}}}$",
        va="top",
        ha="right",
    )
    axes.set(xscale="log", yscale="log", ylabel="chance of a run")
    axes.set(xlabel="ever reaching x times the start")
    return figure


@drawing(
    caption=r"Batches of $B$ draws, with replacement. On the left, for $h_n\in\{1,3\}$, larger batches close the gap from both sides. On the right, for $h_n\in\{1,9\}$, the first almost-sure interval ends below $2/h$ at $B=1,2$, above it from $B=3$ on, and turns back to it at $B=8$.",
    alt="Largest stable step size over batch sizes 1 to 8, in two panels. Curvatures 1 and 3: mean square rises from 0.8 to 0.97, the mean stays at 1, almost surely falls from 1.33 to 1.04. Curvatures 1 and 9: mean square rises from 0.24 to 0.37, the mean stays at 0.4, the end of the first almost-sure interval is at 0.26, 0.37, 0.42, 0.44, 0.45, 0.46, 0.47, 0.44.",
)
def batch_figure(sets: Sequence[Sequence], sizes: Sequence[int]) -> Figure:
    """Draw the three ends over the batch size, batches drawn with replacement, for two sets."""
    figure, panels = plt.subplots(1, 2, figsize=figure_size(3.6))
    for axes, h in zip(panels, sets, strict=True):
        batches = [batch_curvatures(h, b, replacement=True) for b in sizes]
        square = [float(mean_square_threshold(c)) for c in batches]
        sure = [almost_sure_set(c)[0][1] for c in batches]
        axes.plot(sizes, sure, marker="^", ms=7, label="almost surely", **SURE)
        axes.plot(sizes, [float(mean_threshold(h))] * len(sizes), label="mean", **MEAN)
        axes.plot(sizes, square, marker="o", ms=6, label="mean square", **SQUARE)
        axes.set(xlabel="batch size B", xticks=list(sizes)[1::2], ylim=(0, 1.15 * max(sure)))
        axes.set_title(f"curvatures {h[0]} and {h[1]}")
    panels[0].set_ylabel("first stable range ends at η")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", **_ROW)
    return figure


@drawing(
    caption=r"A network of one hidden layer. Gradient descent makes the minimum sharper until $\eta$ is at the end of the range in the mean, $2/\lambda_{\max}$, beyond what SGD with single samples tolerates in mean square. Handed over to SGD at the same $\eta$, the run leaves.",
    alt="Two panels over 2500 steps. Above, step size over threshold: the ratio to 2 over the sharpness climbs from 0.5 to 1 and stays there for gradient descent; the ratio to the end in mean square climbs to 1.8. After the hand-over to SGD at step 1500 both fall, the second to 0.8. Below, the loss falls for gradient descent, jumps up by a factor of ten or more at the hand-over, and falls again.",
)
def edge_figure(before: Sequence[Reading], after: Sequence[Reading], eta: float) -> Figure:
    """Draw a step size over two thresholds and the loss, for gradient descent and then SGD."""
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=figure_size(4.6), sharex=True, height_ratios=[3, 2]
    )
    handed = before[-1].step
    steps = [one.step for one in before] + [handed + one.step for one in after]
    readings = [*before, *after]
    shares = [eta * one.sharpness / 2 for one in readings]
    top.plot(steps, shares, label="mean: η λ/2", **MEAN)
    square = [eta / one.threshold for one in readings]
    top.plot(steps, square, label="mean square", **SQUARE)
    top.axhline(1, color="C6", lw=1)
    bottom.plot(steps, [one.loss for one in readings], color="C5")
    for axes in (top, bottom):
        axes.axvline(handed, color="C6", lw=1.2, ls=":")
    top.set_ylim(0, 1.25 * max(square))
    top.text(handed, 1.2 * max(square), "gradient descent  ", ha="right", va="top")
    top.text(handed, 1.2 * max(square), "  SGD", va="top")
    top.legend(loc="lower left", bbox_to_anchor=(0, 1), **_ROW)
    top.set_ylabel("step size over threshold")
    bottom.set(yscale="log", ylabel="loss", xlabel="step", xlim=(0, steps[-1]))
    return figure


@drawing(
    caption=r"Paths of $|w|^\kappa$ at $\eta=\frac65$, each stopped where $|w|$ first reaches 100 times its start, and $|w|^\kappa$ the dotted level 6.8 or more. The mean over all runs is 1 at every time, so no more than one run in 6.8 can be stopped.",
    alt="Twenty-four paths of the kappa-th power of w over 60 steps, on a logarithmic axis. Most fall below one thousandth. Three reach the dotted level of 6.8, are stopped there, and go on as level lines. A dashed line marks the mean, 1.",
)
def stopped_figure(h: Sequence, eta: float, level: float, t: int, seed: int) -> Figure:
    """Draw paths of |w|^κ, stopped when |w| first reaches a level, and their mean, 1."""
    figure, axes = plt.subplots()
    kappa = tail_index(h, eta)
    w = sample_paths(h, eta, t, 24, np.random.default_rng(seed))
    for path in kappa * w.log_abs:
        hits = np.flatnonzero(path >= kappa * math.log(level))
        stop = int(hits[0]) if len(hits) else t
        color, width = ("C2", 1.8) if len(hits) else ("0.6", 0.9)
        axes.plot(np.exp(path[: stop + 1]), color=color, lw=width)
        if len(hits):
            axes.plot([stop, t], [math.exp(path[stop])] * 2, color="C2", lw=2.5)
            axes.plot(stop, math.exp(path[stop]), "o", color="C2")
    axes.axhline(level**kappa, color="C6", ls=":", lw=1.5)
    axes.axhline(1, color="C6", ls="--", lw=1.5)
    axes.set_title("dashed: the mean of all runs, at every time")
    axes.set(yscale="log", xlim=(0, t), ylim=(1e-3, 30), xlabel="step t", ylabel="|w|^κ, stopped")
    return figure


def _power_of_ten(n: int) -> str:
    """Return 10⁶ for a million."""
    return "10" + f"{math.log10(n):.0f}".translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _draw_rates(axes, h: Sequence, right: float) -> None:
    """Draw the three growth rates over η from 0 to ``right``."""
    etas = np.linspace(0, right, 801)
    etas = np.unique(np.concatenate([etas, [x for x in _near_poles(h) if x < right]]))
    rates = np.maximum([growth_rates(h, eta) for eta in etas], -5)
    names = ["log |1 − ηh|", "½ log g(η)", "q(η)"]
    for rate, style, name in zip(rates.T, [MEAN, SQUARE, SURE], names, strict=True):
        axes.plot(etas, rate, label=name, **style)
    axes.axhline(0, color="C6", lw=1)
    axes.set(xlim=(0, right), ylim=RATES, ylabel="growth per step")


def _near_poles(h: Sequence) -> np.ndarray:
    """Return step sizes that crowd about the poles 1/hₙ, where q falls to −∞."""
    poles = np.array([float(pole) for pole in best_steps(h).almost_sure])
    offsets = np.geomspace(1e-6, 0.1, 40)
    return np.sort(
        np.concatenate([poles, *np.outer(1 + offsets, poles), *np.outer(1 - offsets, poles)])
    )
