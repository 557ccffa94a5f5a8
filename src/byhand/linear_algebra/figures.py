"""The figures of ``chapters/01_linear_algebra.ipynb``. Each function returns a new figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from byhand.explore import drawing, figure_size, ground
from byhand.linear_algebra.eigen import contraction_coefficient
from byhand.linear_algebra.numerical import EPSILON, central_difference, complex_step

CORNERS = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])
"""Where the triangle of probability vectors has its corners on paper."""

START = np.array([0.8, 0.15, 0.05])
"""The start whose path is drawn."""

CHAINS = {
    "periodic": np.roll(np.eye(3), 1, axis=1),
    "two classes": np.array([[1, 0, 0], [0, 0.4, 0.6], [0, 0.7, 0.3]]),
}
"""Chains that do not forget their start."""


def step_errors(f: Callable, x: float, derivative: float, steps: np.ndarray) -> np.ndarray:
    """Return the relative errors of central difference and complex step, shape (2, steps)."""
    routes = (central_difference, complex_step)
    estimates = [[route(f, x, h) for h in steps] for route in routes]
    return np.abs(np.array(estimates) - derivative) / abs(derivative)


@drawing(
    caption=r"The central difference has a best step; the complex step reaches rounding and stays. Dashed: $h^2|f'''|/6 + \varepsilon|f|/h$, relative to $|f'|$, which the next section derives. An error of zero is drawn at $3\cdot10^{-17}$.",
    alt="Relative error of two numerical derivatives against the step h, from 0.1 down to 1e-15, both axes logarithmic. Down to h = 1e-5 both fall along one line, two decades for each decade of h. Then the central difference turns and climbs, noisily, one decade per decade, to an error of some percent. The complex step falls on to 1e-16 and stays there.",
)
def error_against_step(
    f: Callable, x: float, derivative: float, third: float, steps: np.ndarray
) -> Figure:
    """Draw the relative error against h, beside what theory predicts.

    ``derivative`` and ``third`` are f′(x) and f‴(x), from elsewhere.
    """
    central, complex_ = step_errors(f, x, derivative, steps)
    truncation = steps**2 * abs(third) / 6 / abs(derivative)
    rounding = EPSILON * abs(f(x)) / steps / abs(derivative)
    floor = EPSILON / 8
    figure, axes = plt.subplots(figsize=figure_size(3.9))
    axes.loglog(steps, truncation + rounding, "--", color="C6", lw=1.5)
    axes.loglog(steps, np.maximum(central, floor), "o-", color="C0", ms=4, lw=1.2)
    axes.loglog(steps, np.maximum(complex_, floor), "s-", color="C1", ms=4, lw=1.2)
    axes.set(xlabel="step $h$", ylabel="relative error", ylim=(floor / 3, 30))
    axes.invert_xaxis()
    axes.text(6e-13, 4e-8, "central difference", color="C0", ha="center", va="top")
    axes.text(1e-11, 1.5e-15, "complex step", color="C1", ha="center", va="bottom")
    axes.text(2e-4, 3e-6, r"$h^2|f'''|/6$", color="C6", ha="left", va="bottom")
    axes.text(1e-11, 1.2e-4, r"$\varepsilon|f|/h$", color="C6", ha="right", va="bottom")
    return figure


def _window_words(f: Callable, x: float, derivative: float, exponent: float) -> str:
    error = abs(central_difference(f, x, 10.0**exponent) / derivative - 1)
    shape = {-1: " f is curved.", -15: " f is a staircase."}.get(exponent, "")
    return f"f near 3/2 in a window four steps wide, h = 1e{exponent}: the slope of the chord is off from the tangent's by {error:.1e} of it.{shape}"


@drawing(
    caption="A step can be too long for $f$ to be straight over it, or too short to be resolved.",
    alt=_window_words,
    labels={"exponent": "step: power of ten"},
)
def through_a_window(f: Callable, x: float, derivative: float, exponent: float) -> Figure:
    """Draw f on [x − 2h, x + 2h] as the computer sees it, its tangent, and the chord of step h.

    ``exponent`` is the decimal logarithm of h.
    """
    h = 10.0**exponent
    t = np.linspace(-2, 2, 401)
    with np.errstate(invalid="ignore"):
        seen = (f(x + t * h) - f(x)) / h
    slope = central_difference(f, x, h)
    ends = np.array([x - h, x + h])  # as rounded: off from ∓1 in the window where h is tiny
    where, heights = (ends - x) / h, np.array([f(end) - f(x) for end in ends]) / h
    figure = _window(3.2 * abs(derivative))
    (axes,) = figure.axes
    axes.plot(t, seen, color="C0", lw=2.5)
    axes.plot(t, derivative * t, ":", color="C6", lw=2)
    axes.plot(t, heights[0] + slope * (t - where[0]), "--", color="C1")
    axes.plot(where, heights, "o", color="C1", ms=8)
    axes.set_title(f"h = {h:g}: chord {slope:.6f}, tangent {derivative:.6f}")
    return figure


@ground
def _window(reach: float) -> Figure:
    figure, axes = plt.subplots(figsize=figure_size(3.9))
    axes.set(
        xlim=(-2, 2),
        xticks=range(-2, 3),
        ylim=(-reach, reach),
        xlabel="$(\\xi - x)/h$",
        ylabel="$(f(\\xi) - f(x))/h$",
    )
    axes.text(-1.9, reach * 0.9, "$f$ in floating point", color="C0", va="top")
    axes.text(-1.9, reach * 0.74, "tangent, dotted", color="C6", va="top")
    axes.text(-1.9, reach * 0.58, "chord of step $h$, dashed", color="C1", va="top")
    return figure


@drawing(
    caption=r"The mixed derivative is constant along each ray. All its values, from $-\sqrt2$ to $\sqrt2$, meet at the origin, so it is not continuous there.",
    alt="The mixed derivative of Peano's function as a map around the origin: straight sectors of constant color meet at the origin. Along the horizontal axis the value is plus one, along the vertical axis minus one.",
)
def mixed_derivative_map() -> Figure:
    """Draw ∂²g/∂x∂y of Peano's function g around the origin."""
    side = np.linspace(-1, 1, 401)
    x, y = np.meshgrid(side, side)
    c = (x * x - y * y) / np.where(x * x + y * y > 0, x * x + y * y, np.nan)
    figure, axes = plt.subplots(figsize=figure_size(3.8))
    levels = np.linspace(-1.5, 1.5, 13)
    filled = axes.contourf(x, y, c * (3 - 2 * c * c), levels=levels, cmap="cividis")
    dark, light = "0.1", "0.95"
    axes.plot([-1, 1], [0, 0], "-", color=dark)
    axes.plot([0, 0], [-1, 1], "--", color=light)
    axes.text(0.62, 0.05, "+1", color=dark, weight="bold", size=14)
    axes.text(0.05, 0.85, "−1", color=light, weight="bold", size=14)
    axes.set(xlabel="$x$", ylabel="$y$", aspect="equal")
    axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    axes.grid(visible=False)
    figure.colorbar(filled, label=r"$\partial^2 g/\partial x\,\partial y$", ticks=[-1, 0, 1])
    return figure


def _chain_words(chains: Mapping[str, np.ndarray], chain: str, k: int) -> str:
    power = np.linalg.matrix_power(chains[chain], k)
    area = abs(np.linalg.det(chains[chain])) ** k
    return f"The {chain} chain after {k} steps: the triangle of all starts, its image, and the path of one start. delta(P^k) = {contraction_coefficient(power):.2g}; the image has {area:.2g} of the triangle's area."


@drawing(
    caption=r"All starts fill the triangle; after $k$ steps they fill its shaded image. Where it shrinks to a point, the chain forgets its start, in the long run by the factor $|\lambda_2|$ per step.",
    alt=_chain_words,
    labels={"k": "steps"},
    start={"k": 2},
)
def chain_on_the_triangle(chains: Mapping[str, np.ndarray], chain: str, k: int) -> Figure:
    """Draw where k steps of one of some chains of three states take ``START``, and all starts."""
    P, path = chains[chain], [START]
    for _ in range(k):
        path.append(path[-1] @ P)
    figure = _triangle_and_spread(P)
    top, bottom = figure.axes
    _draw_image(top, np.linalg.matrix_power(P, k), np.array(path))
    top.set_title(f"{chain}: {k} step{'' if k == 1 else 's'}")
    spread = contraction_coefficient(np.linalg.matrix_power(P, k))
    bottom.plot(k, spread, "o", color="C0", ms=9)
    return figure


@ground
def _triangle_and_spread(P: np.ndarray) -> Figure:
    figure, (top, bottom) = plt.subplots(2, 1, figsize=figure_size(5.4), height_ratios=[1.5, 1])
    _draw_triangle(top)
    _draw_spread(bottom, P)
    return figure


def _draw_image(axes, power: np.ndarray, path: np.ndarray) -> None:
    """Draw the triangle's image under k steps, and the path of one start."""
    ring = [0, 1, 2, 0]
    axes.fill(*(power @ CORNERS).T, color="C4", alpha=0.35)
    axes.plot(*(power @ CORNERS)[ring].T, color="C4", lw=1.5)
    axes.plot(*(path @ CORNERS).T, "o-", color="C1", ms=3.5, lw=1)
    axes.plot(*(path[-1] @ CORNERS), "o", color="C1", ms=9)


def _draw_triangle(axes) -> None:
    axes.plot(*CORNERS[[0, 1, 2, 0]].T, color="C6", lw=1.2)
    for state, (corner, sign) in enumerate(zip(CORNERS, (-1, -1, 1), strict=True)):
        axes.text(
            corner[0], corner[1] + 0.07 * sign, f"state {state + 1}", ha="center", va="center"
        )
    axes.set(aspect="equal", xlim=(-0.15, 1.15), ylim=(-0.15, 1.0))
    axes.axis("off")


def _draw_spread(axes, P: np.ndarray) -> None:
    """Draw how far apart two starts can still be, against the number of steps."""
    steps = np.arange(13)
    spread = [contraction_coefficient(np.linalg.matrix_power(P, s)) for s in steps]
    second = sorted(np.abs(np.linalg.eigvals(P)))[-2]
    axes.semilogy(steps, np.maximum(spread, 1e-12), "o", color="C0", mfc="none")
    axes.semilogy(steps, second**steps, "--", color="C6", lw=1.2)
    axes.set(
        xlabel="step $k$",
        title=r"largest distance $\delta(P^k)$ of two starts",
        ylim=(1e-6, 3),
        xticks=range(0, 13, 3),
    )
    axes.text(
        12, 2e-6, rf"dashed: $|\lambda_2|^k$, $|\lambda_2| = {second:.2f}$", ha="right", va="bottom"
    )
