"""The figures of the chapter *Optimization*; each function returns a Matplotlib figure."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from byhand.explore import drawing, figure_size, ground
from byhand.optimization.adaptive import adam
from byhand.optimization.comparison import final_losses, four_optimizers
from byhand.optimization.momentum import gradient_descent, heavy_ball, nesterov
from byhand.optimization.newton import newton_raphson
from byhand.optimization.objectives import Objective, least_squares, quadratic, ripples, two_wells
from byhand.optimization.optimizer import Optimizer, replay, run
from byhand.optimization.spectra import heavy_ball_factor
from byhand.optimization.tuning import tune_gradient_descent, tune_heavy_ball, tune_nesterov

STYLES = {
    "SGD": {"color": "C0", "marker": "o", "linestyle": "-"},
    "momentum": {"color": "C1", "marker": "s", "linestyle": "--"},
    "RMSProp": {"color": "C2", "marker": "^", "linestyle": "-."},
    "Adam": {"color": "C3", "marker": "D", "linestyle": ":"},
}
"""How each of the four optimizers is drawn in every figure."""

CURVATURES = np.array([5 * (3 + 5**0.5) / 2, 5 * (3 - 5**0.5) / 2])
"""The eigenvalues of the Hessian of problem A1."""

KINDS = {"minimum": "o", "saddle point": "X"}
"""Marker of each kind of critical point."""

REGIONS = ["#0072B2", "#7F7F7F", "#009E73", "#E69F00", "#D55E00", "#56B4E9", "#CC79A7"]
"""Colors of kinds, not of sizes; none is so light or dark that it is lost on paper, or inverted."""


@drawing(
    caption="A 1-smooth function between its two parabolas. The gradient step with $η = 1/β$ goes to the lowest point of the upper one.",
    alt="The curve log cosh x lies between two dashed parabolas that touch it at y = 1.4; an arrow marks the lowest point of the upper one, at y − ∇f(y)/β.",
)
def parabolas() -> Figure:
    """Draw log cosh between its two parabolas, and the gradient step with η = 1/β."""
    figure, axes = plt.subplots()
    x, y = np.linspace(-2.4, 3.6, 200), 1.4
    value, slope = np.log(np.cosh(y)), np.tanh(y)
    tangent, bend = value + slope * (x - y), (x - y) ** 2 / 2
    axes.fill_between(x, tangent - bend, tangent + bend, color="C4", alpha=0.15, linewidth=0)
    axes.plot(x, tangent + bend, "C1--", x, tangent - bend, "C1--", linewidth=1.5)
    axes.plot(x, np.log(np.cosh(x)), "C0")
    step = y - slope, value - slope**2 / 2
    axes.plot(y, value, "C0o", *step, "C2s", markersize=8)
    axes.annotate("y", (y, value), (9, -14), textcoords="offset points", fontsize=13)
    axes.annotate(
        "y − ∇f(y)/β",
        step,
        (-30, 42),
        textcoords="offset points",
        arrowprops={"arrowstyle": "->", "color": "C2"},
        color="C2",
    )
    axes.text(-1.0, 2.4, "tangent + ½β(x − y)²", color="C1")
    axes.text(0.15, -1.4, "tangent − ½β(x − y)²", color="C1")
    axes.text(-2.2, 0.95, "f", color="C0", fontsize=14)
    axes.set(xlim=(-2.4, 3.6), ylim=(-2.2, 3.2), xlabel="x")
    return figure


@drawing(
    caption="Three of the four starts lead to the deep well; with the smallest steps 80 are not enough to arrive. Above $η = 2/26.9 ≈ 0.074$ its minimum attracts no more: at 0.08 they go on jumping across it.",
    alt="Contours with a minimum at (0, 0), a saddle point at (−0.35, −0.27), a deeper minimum at (−2.65, −1.98), and four gradient descents with η = {learning_rate}.",
    labels={"learning_rate": "learning rate η"},
    start={"learning_rate": 0.02},
)
def two_wells_paths(learning_rate: float) -> Figure:
    """Draw the contours of :func:`two_wells`, its critical points, and four descents."""
    figure = _two_wells_contours()
    (axes,), f = figure.axes, two_wells()
    for i, start in enumerate([(-0.25, 1.9), (-3.2, 0.6), (0.9, -1.6), (-0.7, -1.5)]):
        path = run(gradient_descent(learning_rate), f.gradient, start, 80).params
        axes.plot(*path.T, color=f"C{i % 4}", marker=".", markersize=4, linewidth=1.2)
        axes.plot(*start, color=f"C{i % 4}", marker="s", markersize=7)
    r = 21**0.5
    for a, kind in [(0, "minimum"), ((r - 6) / 4, "saddle point"), (-(r + 6) / 4, "minimum")]:
        axes.plot(a, 3 * a / 4, KINDS[kind], color="C6", markersize=9)
        at = (8, -16) if kind == "minimum" else (-88, 9)
        axes.annotate(kind, (a, 3 * a / 4), at, textcoords="offset points")
    axes.set_title(f"80 gradient steps, η = {learning_rate:g}, from each square")
    return figure


@ground
def _two_wells_contours() -> Figure:
    figure, axes = plt.subplots()
    x, y = np.meshgrid(np.linspace(-4.3, 1.5, 200), np.linspace(-3.4, 2.1, 160))
    values = two_wells().value(np.stack([x, y], axis=-1))
    levels = [-11.5, -10, -8, -5, -2, -0.5, 0.3, 1, 3, 8, 20, 50]
    axes.contour(x, y, values, levels=levels, cmap="cividis", linewidths=0.9, alpha=0.8)
    axes.set(xlabel="x₁", ylabel="x₂", xlim=(-4.3, 1.5), ylim=(-3.4, 2.1))
    return figure


@drawing(
    caption="Which start leads to which critical point: circles are minima, crosses saddle points, and Newton's method is drawn to both. From the blank starts it has not arrived after 150 steps. The line is the path from the origin.",
    alt="Map of starting points between x = −16 and 12, colored by which of seven numbered critical points, four minima and three saddle points, Newton's method reaches; the regions interleave in thin bands, and at blank starts it reaches none. A path leads from the origin to minimum 5.",
)
def newton_map(points: np.ndarray, kinds: list[str], size: int = 210) -> Figure:
    """Color each start by the critical point of :func:`ripples` to which Newton takes it.

    ``points`` are the critical points, of shape (n, 2), and ``kinds`` what each of them is.
    """
    f = ripples()
    x, y = np.meshgrid(np.linspace(-16, 12, size), np.linspace(-9, 9, size * 9 // 14))
    which = _reached(f, np.stack([x, y], axis=-1), points, 150)
    figure, axes = plt.subplots(figsize=figure_size(3.6))
    axes.imshow(
        which,
        origin="lower",
        extent=(-16, 12, -9, 9),
        cmap=ListedColormap(REGIONS),
        vmin=-0.5,
        vmax=len(REGIONS) - 0.5,
        interpolation="nearest",
        aspect="auto",
    )
    for i, (point, kind) in enumerate(zip(points, kinds, strict=True)):
        marker = {"marker": KINDS[kind], "color": REGIONS[i], "markeredgecolor": "white"}
        axes.plot(*point, markersize=15, markeredgewidth=2, **marker)
        label = {"fontsize": 13, "color": "white", "fontweight": "bold"}
        box = {"facecolor": "0.15", "edgecolor": "none", "alpha": 0.85, "pad": 2}
        axes.annotate(str(i + 1), point, (11, 6), textcoords="offset points", bbox=box, **label)
    path = newton_raphson(f.gradient, f.hessian, [0.0, 0.0], 6)
    axes.plot(*path.T, color="white", linewidth=4)
    axes.plot(*path.T, color="C6", marker=".", markersize=8)
    axes.set(xlabel="x of the start", ylabel="y of the start", xlim=(-16, 12), ylim=(-9, 9))
    axes.grid(False)
    return figure


@drawing(
    caption="Two points from near. From the disc in white Newton's method is certain to arrive; the region from which it does, in the point's color, is wider, and has no simple shape.",
    alt="Two close-ups of the map of starts, around saddle point 4 and minimum 5, each with a white circle that lies well within the region of its point.",
)
def newton_discs(points: np.ndarray, kinds: list[str], radii: list[float]) -> Figure:
    """Draw the regions of two critical points with the discs that the theorem predicts.

    ``points``, of shape (n, 2), and ``kinds`` are as for :func:`newton_map`, ``radii`` of length n.
    """
    figure, panels = plt.subplots(1, 2, figsize=figure_size(3.4))
    f, angle = ripples(), np.linspace(0, 2 * np.pi, 100)
    for axes, i in zip(panels, (3, 4), strict=True):
        (a, b), reach = points[i], 2.0
        x, y = np.meshgrid(*[np.linspace(c - reach, c + reach, 121) for c in (a, b)])
        which = _reached(f, np.stack([x, y], axis=-1), points, 60)
        axes.imshow(
            which,
            origin="lower",
            extent=(a - reach, a + reach, b - reach, b + reach),
            cmap=ListedColormap(REGIONS),
            vmin=-0.5,
            vmax=len(REGIONS) - 0.5,
            interpolation="nearest",
        )
        circle = a + radii[i] * np.cos(angle), b + radii[i] * np.sin(angle)
        axes.plot(*circle, color="white", linewidth=2.5)
        axes.plot(a, b, KINDS[kinds[i]], color="white", markersize=8)
        axes.set(xlabel="x of the start", title=f"{kinds[i]} {i + 1}")
        axes.grid(False)
    panels[0].set_ylabel("y of the start")
    return figure


def _reached(f, starts: np.ndarray, points: np.ndarray, steps: int) -> np.ndarray:
    """Return which of the points each start leads to in so many Newton steps, or nan.

    Every ten steps those are left alone that have arrived.
    """
    end, which = starts.copy(), np.full(starts.shape[:-1], np.nan)
    for _ in range(0, steps, 10):
        away = np.isnan(which)
        end[away] = newton_raphson(f.gradient, f.hessian, end[away], 10)[-1]
        distance = np.linalg.norm(end[away][:, None] - points, axis=-1)
        which[away] = np.where(distance.min(axis=-1) < 1e-6, distance.argmin(axis=-1), np.nan)
        if not np.isnan(which).any():
            break
    return which


def _heavy_ball_words(learning_rate: float, momentum: float) -> str:
    factor = heavy_ball_factor(CURVATURES, learning_rate, momentum).max()
    which = "converge to" if factor < 1 else "move away from"
    return f"Above: contours of the error's factor per step over learning rate and momentum, with a dot where it is {factor:.2f}. Below: 30 updates from (1, 0) with α = {learning_rate} and β = {momentum}, which {which} (2, 1)."


@drawing(
    caption=r"Above: heavy ball converges left of the thick line $α = 2(1+β)/h_{\max}$. Below: its path from the square; the star is the solution (2, 1).",
    alt=_heavy_ball_words,
    labels={"learning_rate": "learning rate α", "momentum": "momentum β"},
    start={"learning_rate": 0.2, "momentum": 0.8},
)
def heavy_ball_explorer(learning_rate: float, momentum: float) -> Figure:
    """Draw where heavy ball converges on problem A1, and its first 30 iterates."""
    figure = _heavy_ball_contours()
    plane, axes = figure.axes
    plane.plot(learning_rate, momentum, "C1o", markersize=11, clip_on=False)
    optimizer = heavy_ball(learning_rate, momentum, rate="inside")
    path = run(optimizer, _two_samples().gradient, [1.0, 0.0], 30).params
    axes.plot(*path.T, "C1.-", linewidth=1.3, markersize=6)
    axes.plot(2, 1, "C6*", markersize=13)
    axes.plot(1, 0, "C0s", markersize=8)
    axes.set_title(f"30 updates, α = {learning_rate:g}, β = {momentum:g}")
    return figure


@ground
def _heavy_ball_contours() -> Figure:
    """Draw the error's factor over learning rate and momentum, and the loss of problem A1."""
    figure, (plane, axes) = plt.subplots(2, 1, figsize=figure_size(5.4))
    rate, beta = np.meshgrid(np.linspace(0.005, 0.33, 600), np.linspace(0, 0.99, 500))
    factor = np.maximum(*[heavy_ball_factor(h, rate, beta) for h in CURVATURES])
    plane.contourf(rate, beta, factor, levels=[0, 0.7, 0.8, 0.9, 1], cmap="cividis", alpha=0.6)
    lines = plane.contour(rate, beta, factor, levels=[0.7, 0.8, 0.9], colors="C6", linewidths=0.8)
    plane.clabel(lines, fontsize=11)
    plane.plot(2 * (1 + beta[:, 0]) / max(CURVATURES), beta[:, 0], "C6", linewidth=2.5)
    plane.set(xlabel="learning rate α", ylabel="momentum β", title="error’s factor per step")
    x, y = np.meshgrid(np.linspace(-1, 5, 90), np.linspace(-1, 3, 70))
    values = _two_samples().value(np.stack([x, y], axis=-1))
    axes.contour(x, y, values, levels=[0.1, 0.5, 2, 5, 12, 25], colors="C6", linewidths=0.4)
    axes.set(xlabel="w₁", ylabel="w₂", xlim=(-1, 5), ylim=(-1, 3))
    return figure


def _two_samples() -> Objective:
    """Return the loss of problem A1."""
    return least_squares([[2.0, -1.0], [-1.0, 3.0]], [3.0, 1.0])


@drawing(
    caption="Forty steps from the square. SGD follows the gradient, steep first; momentum swings past the minimum; RMSProp and Adam set out along the diagonal, with steps of one length in both coordinates.",
    alt="Elliptic contours around the minimum at the origin, and the paths of SGD, momentum, RMSProp and Adam from (−1, 2) with learning rate {learning_rate}.",
    labels={"learning_rate": "learning rate η"},
    start={"learning_rate": 0.1},
)
def four_paths(learning_rate: float) -> Figure:
    """Draw forty steps of the four optimizers of problem C on one elongated bowl."""
    figure = _bowl_contours()
    (axes,) = figure.axes
    for name, optimizer in four_optimizers(learning_rate).items():
        path = run(optimizer, quadratic(BOWL).gradient, BOWL_START, 40).params
        axes.plot(*path.T, label=name, linewidth=1.4, **STYLES[name] | {"markersize": 4})
    axes.plot(*BOWL_START, "C6s", markersize=8)
    axes.set_title(f"40 steps, learning rate η = {learning_rate:g}")
    axes.legend(ncols=2, loc="lower right")
    return figure


BOWL, BOWL_START = np.diag([1.0, 0.1]), np.array([-1.0, 2.0])
"""The Hessian of the bowl that the four optimizers are seen on, and where they start."""


@ground
def _bowl_contours() -> Figure:
    figure, axes = plt.subplots()
    x, y = np.meshgrid(np.linspace(-1.6, 1.6, 100), np.linspace(-2.2, 2.6, 100))
    values = quadratic(BOWL).value(np.stack([x, y], axis=-1))
    levels = [0.01, 0.05, 0.15, 0.35, 0.7, 1.2]
    axes.contour(x, y, values, levels=levels, cmap="cividis", linewidths=0.9, alpha=0.8)
    axes.set(xlabel="x₁", ylabel="x₂", xlim=(-1.6, 1.6), ylim=(-2.2, 2.6))
    return figure


@drawing(
    caption="SGD and momentum fall off a cliff at $η = 2$ and $3.8$; RMSProp and Adam never do, but RMSProp's loss rises like $η^2$. With noise the lowest points of the four curves lie within a factor of three.",
    alt="Loss after 300 steps against the learning rate for SGD, momentum, RMSProp and Adam; condition number {condition}, gradient noise {noise}.",
    labels={"condition": "condition number κ", "noise": "gradient noise σ"},
    start={"condition": 100, "noise": 0.0},
)
def usable_rates(condition: int, noise: float) -> Figure:
    """Draw the loss after 300 steps against the learning rate, for the four optimizers."""
    figure, axes = plt.subplots()
    f = quadratic(np.diag([1.0, 1 / condition]))
    rates = np.logspace(-3, 0.75, 16)
    start = np.ones((100, 2)) if noise else np.ones((1, 2))
    for name, losses in final_losses(f, start, 300, rates, noise).items():
        axes.plot(rates, np.clip(losses, 1e-12, 1e3), label=name, **STYLES[name])
    axes.set(xscale="log", yscale="log", ylim=(3e-13, 3e3), xlabel="learning rate η")
    axes.set_ylabel("loss after 300 steps")
    axes.set_title(f"condition number κ = {condition}, gradient noise σ = {noise:g}")
    axes.legend(ncols=2, loc="upper left")
    return figure


@drawing(
    caption="Who works at the most learning rates, and by how many decades more than the next? Adam if little accuracy is asked of an ill-conditioned problem, momentum if much is and there is time.",
    alt="A table of nine settings by three targets, each field in the color of the optimizer with the widest range of learning rates: at the target 1/100 it is Adam everywhere; at the target 1/1000000 it is Adam in 300 steps and momentum in more, but for one field in which they are equal; in between it turns.",
)
def widest_ranges(decades: dict[tuple, dict[str, float]]) -> Figure:
    """Draw which optimizer has the widest range of rates, for κ, steps and target.

    ``decades`` maps (κ, steps, target) to name → decades of rates that work.
    """
    rows = list(dict.fromkeys((kappa, steps) for kappa, steps, _ in decades))
    columns = list(dict.fromkeys(target for *_, target in decades))
    figure, axes = plt.subplots(figsize=figure_size(4.4))
    for (kappa, steps, target), found in decades.items():
        (most, name), (next_most, _) = sorted(((v, k) for k, v in found.items()), reverse=True)[:2]
        x, y = columns.index(target), rows.index((kappa, steps))
        color = STYLES[name]["color"] if most > next_most else "0.6"
        axes.add_patch(plt.Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=color, alpha=0.45))
        words = f"{name[0].upper()} +{most - next_most:.2f}" if most > next_most else "equal"
        axes.text(x, y, words, ha="center", va="center", fontsize=11)
    axes.set_xticks(range(len(columns)), [rf"$10^{{{np.log10(t):.0f}}}$" for t in columns])
    axes.set_yticks(range(len(rows)), [f"κ = {kappa}, t = {steps}" for kappa, steps in rows])
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set(xlabel="share of the loss to reach, in t steps", title="A: Adam, M: momentum")
    axes.grid(False)
    return figure


@drawing(
    caption="Bias correction mends the start exactly when the gradient's mean is constant; it does not mend the lag behind a drift.",
    alt="Left, a constant gradient: m rises slowly from 0.1 towards 1, m̂ is 1 from the first step. Right, a drifting gradient: m̂ and m both run below it.",
)
def moments() -> Figure:
    """Draw Adam's m and m̂, β₁ = 0.9, for a constant gradient and for one that drifts."""
    figure, panels = plt.subplots(1, 2, figsize=figure_size(2.9), sharey=True)
    t = np.arange(1, 41)
    for axes, gradient, title in zip(
        panels, [np.ones(40), t / 40], ["constant gradient", "drifting gradient"], strict=True
    ):
        states = replay(adam(0.1), gradient[:, None], [0.0]).states[1:]
        axes.plot(t, gradient, "C6", linewidth=1.2)
        axes.plot(t, [s.m_hat[0] for s in states], "C0o", markersize=4)
        axes.plot(t, [s.m[0] for s in states], "C1--")
        axes.set(xlabel="step t", title=title, ylim=(-0.05, 1.12))
    panels[0].text(30, 1.04, "g = m̂", color="C0")
    panels[0].text(9, 0.28, "m", color="C1")
    panels[1].text(17, 0.58, "g", color="C6")
    panels[1].text(26, 0.3, "m̂ and m lag", color="C0")
    return figure


@drawing(
    caption="Same start, same loss, two solutions. Gradient descent meets the line at a right angle, RMSProp where both coordinates are equal.",
    alt="Two straight paths from the origin to the line of zero loss: gradient descent along (2, 1) to (4/5, 2/5), RMSProp along (1, 1) to (2/3, 2/3).",
)
def two_limits(gd_path: np.ndarray, rmsprop_path: np.ndarray) -> Figure:
    """Draw the solutions of 2w₁ + w₂ = 2, both paths from 0, and their two limits."""
    figure, axes = plt.subplots(figsize=figure_size(4.6))
    w1 = np.array([-0.1, 1.1])
    axes.plot(w1, 2 - 2 * w1, "C6", linewidth=1.5)
    axes.annotate("zero loss: 2w₁ + w₂ = 2", (0.52, 0.97), (8, 0), textcoords="offset points")
    for path, style, end in [
        (gd_path, "C0o-", "(4/5, 2/5)"),
        (rmsprop_path, "C1^-", "(2/3, 2/3)"),
    ]:
        axes.plot(*path.T, style, markersize=4, linewidth=1)
        axes.plot(*path[-1], style[:3], markersize=11)
        axes.annotate(end, path[-1], (12, 2), textcoords="offset points", color=style[:2])
    axes.text(0.4, 0.06, "gradient descent,\nalong (2, 1)", color="C0")
    axes.text(0.02, 0.4, "RMSProp,\nalong (1, 1)", color="C1")
    axes.set(xlim=(-0.05, 1.15), ylim=(-0.05, 1.1), xlabel="w₁", ylabel="w₂", aspect="equal")
    return figure


@drawing(
    caption="Rounding is what makes the trace converge. With 60 digits the residual returns and ends in a two-cycle.",
    alt="The residual on a logarithmic scale: in floats it falls to exactly zero at step 120; with 60 digits it falls below 1e−20 and grows again to 0.015.",
)
def residuals(floats: np.ndarray, exact: np.ndarray) -> Figure:
    """Draw |2w₁ + w₂ − 2| along the run in floats and along the run in 60 digits."""
    figure, axes = plt.subplots()
    floats, exact = np.abs(floats), np.abs(exact)
    axes.plot(np.where(floats > 0, floats, np.nan), "C1")
    axes.plot(exact, "C0--", linewidth=1.5)
    zero = int(np.argmax(floats == 0))
    axes.axvline(zero, color="C1", linestyle=":", linewidth=1.5)
    axes.text(190, 1e-19, f"floats: exactly 0\nfrom step {zero} on", color="C1")
    axes.text(190, 1e-3, "60 digits: ends in a\ntwo-cycle, |r| = 3η/2", color="C0", va="top")
    axes.set(yscale="log", ylim=(1e-22, 5), xlabel="step", ylabel="|2w₁ + w₂ − 2|")
    return figure


def _measured_steps() -> dict[str, list[tuple[float, float]]]:
    """Return points (κ, steps per digit) by method, from runs on nine curvatures to ten digits."""
    found = {}
    for name, (tune, make) in {
        "gradient descent": (tune_gradient_descent, _descent),
        "Nesterov": (tune_nesterov, nesterov),
        "heavy ball": (tune_heavy_ball, _descent),
    }.items():
        found[name] = []
        for kappa in (4, 25, 100, 400):
            eta, beta, _ = tune(1.0, kappa)
            f = quadratic(np.diag(np.geomspace(1.0, kappa, 9)))
            path = run(make(eta, beta), f.gradient, np.ones(9), 13 * kappa + 300).params
            error = np.linalg.norm(path, axis=1)
            found[name].append((kappa, np.argmax(error < 1e-10 * error[0]) / 10))
    return found


def _descent(learning_rate: float, momentum: float) -> Optimizer:
    """Return heavy ball, which for momentum 0 is gradient descent."""
    return heavy_ball(learning_rate, momentum, rate="inside")


@drawing(
    caption=r"Momentum turns $κ$ into $\sqrt{κ}$. Lines: the formulas; points: measured over ten digits.",
    alt="Steps per decimal digit against the condition number, from 1 to 10000: gradient descent rises in proportion to κ, Nesterov and heavy ball to its square root; measured points lie near the lines.",
)
def steps_per_digit() -> Figure:
    """Draw how many steps gain one decimal digit, against the condition number."""
    measured = _measured_steps()
    figure, axes = plt.subplots()
    kappa = np.logspace(0.2, 4, 100)
    tunings = {
        "gradient descent": (tune_gradient_descent, "C0", "o", 60),
        "Nesterov": (tune_nesterov, "C1", "s", 1000),
        "heavy ball": (tune_heavy_ball, "C2", "^", 1000),
    }
    for name, (tune, color, marker, at) in tunings.items():
        steps = [-1 / np.log10(tune(1.0, k).factor) for k in kappa]
        axes.plot(kappa, steps, color=color)
        axes.plot(*zip(*measured[name], strict=True), marker, color=color, markersize=8)
        where = at, -1 / np.log10(tune(1.0, at).factor)
        shift = (8, -18) if name == "heavy ball" else (-12, 10)
        side = "left" if name == "heavy ball" else "right"
        axes.annotate(name, where, shift, textcoords="offset points", color=color, ha=side)
    axes.set(xscale="log", yscale="log", xlabel="condition number κ = L/μ")
    axes.set_ylabel("steps for one more digit")
    return figure
