"""The figures of ``chapters/01_linear_algebra.ipynb``. Each function returns a new figure."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
from matplotlib.figure import Figure

from byhand.explore import drawing, figure_size, ground
from byhand.linear_algebra.eigen import contraction_coefficient
from byhand.linear_algebra.numerical import EPSILON, central_difference, complex_step

CORNERS = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])
"""Where the triangle of probability vectors has its corners on paper."""

START = np.array([0.8, 0.15, 0.05])
"""The start whose path is drawn."""

CHAINS = {
    "mixing": np.array([[0.6, 0.4, 0], [0, 0.5, 0.5], [0.7, 0, 0.3]]),
    "slow": np.array([[0.9, 0.1, 0], [0, 0.5, 0.5], [0.3, 0.1, 0.6]]),
    "periodic": np.roll(np.eye(3), 1, axis=1),
    "two classes": np.array([[1, 0, 0], [0, 0.4, 0.6], [0, 0.7, 0.3]]),
}
"""Two chains that forget their start, and two that do not."""


STEPS = 10.0 ** np.linspace(-1, -15, 57)
"""Steps of a numerical derivative."""


def demonstration(x, functions=np):
    """Return eˣ/√(sin³x + cos³x), the function of Martins, Sturdza and Alonso."""
    sine, cosine = functions.sin(x), functions.cos(x)
    return functions.exp(x) / functions.sqrt(sine**3 + cosine**3)


@cache
def slope(order: int, x: float) -> float:
    """Return a derivative of the demonstration function, by SymPy in thirty digits."""
    t = sp.Symbol("t")
    return float(sp.diff(demonstration(t, sp), t, order).subs(t, sp.Rational(x)).evalf(30))


@drawing(
    caption=r"The product $J\,h$ of shapes $(m \times n)(n \times 1) = m \times 1$, for $f(x) = (x_1x_2,\, x_2 + x_3^2)$ at $(1, 2, 3)$: a row of $J$ for each output, a column for each input.",
    alt="Three grids of numbers side by side. J has two rows, labeled f1 and f2, and three columns, labeled x1, x2 and x3: 2, 1, 0 and 0, 1, 6. It multiplies the column h with the entries 1, minus 1, 2, and gives the column J h with the entries 1 and 11.",
)
def shapes_of_a_derivative() -> Figure:
    """Draw the Jacobian of the chapter's first example, a step, and their product, as grids."""
    J, h = np.array([[2, 1, 0], [0, 1, 6]]), np.array([[1], [-1], [2]])
    figure, axes = plt.subplots(figsize=figure_size(2.2))
    _draw_grid(
        axes, J, left=0.0, color="C0", rows=["$f_1$", "$f_2$"], columns=["$x_1$", "$x_2$", "$x_3$"]
    )
    _draw_grid(axes, h, left=4.1, color="C1", rows=[], columns=["$h$"])
    _draw_grid(axes, J @ h, left=6.6, color="C2", rows=[], columns=["$J\\,h$"])
    axes.text(5.85, 0, "=", ha="center", va="center", size=16)
    axes.set(xlim=(-1, 8), ylim=(-2.1, 2.3), aspect="equal")
    axes.axis("off")
    return figure


def _draw_grid(
    axes, numbers: np.ndarray, left: float, color: str, rows: list, columns: list
) -> None:
    """Draw a matrix as a grid of squares, centered on the horizontal axis."""
    height = len(numbers)
    top = height / 2
    for (i, j), number in np.ndenumerate(numbers):
        corner = (left + j, top - i - 1)
        axes.add_patch(plt.Rectangle(corner, 1, 1, facecolor=color, alpha=0.25, edgecolor="0.3"))
        axes.text(
            left + j + 0.5, top - i - 0.5, f"{number}".replace("-", "−"), ha="center", va="center"
        )
    for i, name in enumerate(rows):
        axes.text(left - 0.15, top - i - 0.5, name, ha="right", va="center", size=14)
    for j, name in enumerate(columns):
        axes.text(left + j + 0.5, top + 0.15, name, ha="center", va="bottom", color=color, size=14)


CENTER = np.array([0.8, 0.6])
"""Where the square of :func:`square_under_a_map` has its center."""


def _bent(points: np.ndarray) -> np.ndarray:
    """Map points (u, v), along the last axis, to (u + v²/2, v + uv/2)."""
    u, v = np.moveaxis(points, -1, 0)
    return np.stack([u + v**2 / 2, v + u * v / 2], axis=-1)


def _square(side: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a grid of a square's points, their images, and their images under the derivative.

    Shape (5, 41, 2) each, measured from the center and its image in units of the side.
    """
    across, along = np.meshgrid(
        np.linspace(-0.5, 0.5, 5), np.linspace(-0.5, 0.5, 41), indexing="ij"
    )
    steps = np.stack([across, along], axis=-1)
    images = (_bent(CENTER + side * steps) - _bent(CENTER)) / side
    return steps, images, steps @ central_difference(_bent, CENTER).T


def _square_words(side: float) -> str:
    _, images, linear = _square(side)
    gap = np.linalg.norm(images - linear, axis=-1).max()
    return f"On the left a square of side {side:g} with a grid. On the right its image under the map, a grid of bent solid lines, over the dashed parallelogram that the derivative makes of it. They are at most {gap:.1%} of the side apart."


@drawing(
    caption=r"A square around a point, and what the map $(u, v) \mapsto (u + v^2/2,\; v + uv/2)$ makes of it (solid). The derivative at the point $(0.8, 0.6)$, with the rows $(1, 0.6)$ and $(0.3, 1.4)$, makes a parallelogram of it (dashed). Both are drawn in units of the side: the smaller the square, the better they agree.",
    alt=_square_words,
    labels={"side": "side of the square"},
)
def square_under_a_map(side: float) -> Figure:
    """Draw a square, its image under a map that bends it, and its image under the derivative."""
    steps, images, linear = _square(side)
    figure, (left, right) = plt.subplots(1, 2, figsize=figure_size(2.7), width_ratios=[1, 1.6])
    for axes, grid, color, style in (
        (left, steps, "C0", "-"),
        (right, images, "C0", "-"),
        (right, linear, "C1", "--"),
    ):
        for lines in (grid, grid[:, ::10].swapaxes(0, 1)):
            axes.plot(*np.moveaxis(lines, -1, 0).swapaxes(1, 2), style, color=color, lw=1.3)
        axes.plot(0, 0, "o", color="C6", ms=4)
        axes.set(aspect="equal", xticks=[], yticks=[])
        axes.grid(visible=False)
    left.set(title="the square", xlim=(-0.7, 0.7), ylim=(-0.7, 0.7))
    right.set(title=f"its image, side {side:g}", xlim=(-1.0, 1.1), ylim=(-1.0, 1.1))
    return figure


TURNED = np.array([[2.0, 1.0], [0.5, 2.5]])
"""The matrix of :func:`vector_and_its_image`, whose rows add up to 3; its other eigenvalue is 1.5."""


def _turned_words(degrees: int) -> str:
    v = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    image = TURNED @ v
    turned = np.degrees(np.arctan2(v[0] * image[1] - v[1] * image[0], v @ image))
    return f"A vector v of length 1 at {degrees} degrees and its image A v, of length {np.linalg.norm(image):.2f}, turned by {turned:.0f} degrees. The ellipse holds the ends of all images. Two dashed lines mark the directions that are not turned: 45 degrees and 153 degrees."


@drawing(
    caption=r"$v$, of length 1, and $Av$. Circle: all $v$; ellipse: their images. Only along the two dashed lines is $v$ not turned: along $\mathbf 1$ it becomes three times as long, along $(2, -1)$ one and a half times.",
    alt=_turned_words,
    labels={"degrees": "direction of v, in degrees"},
    start={"degrees": 15},
)
def vector_and_its_image(degrees: int) -> Figure:
    """Draw a unit vector and what a matrix whose rows add up to 3 makes of it."""
    angles = np.linspace(0, 2 * np.pi, 181)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    v = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    figure, axes = plt.subplots(figsize=figure_size(4.0))
    for direction in ((1, 1), (2, -1)):
        axes.axline((0, 0), direction, ls="--", color="C6", lw=1)
    axes.plot(*circle, color="C0", lw=1)
    axes.plot(*(TURNED @ circle), color="C1", lw=1)
    for end, color, name in ((TURNED @ v, "C1", "$Av$"), (v, "C0", "$v$")):
        axes.annotate(
            "",
            end,
            (0, 0),
            arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.2, "shrinkA": 0, "shrinkB": 0},
        )
        axes.text(
            *(end * (1 + 0.28 / np.linalg.norm(end))),
            name,
            color=color,
            ha="center",
            va="center",
            size=13,
        )
    axes.set(
        aspect="equal", xlim=(-3.1, 3.1), ylim=(-2.6, 2.9), xticks=range(-3, 4), yticks=range(-2, 3)
    )
    axes.text(2.2, 2.62, r"along $\mathbf{1}$", color="C6", ha="right", va="center")
    return figure


def step_errors(f: Callable, x: float, derivative: float, steps: np.ndarray) -> np.ndarray:
    """Return the relative errors of central difference and complex step, shape (2, steps)."""
    routes = (central_difference, complex_step)
    estimates = [[route(f, x, h) for h in steps] for route in routes]
    return np.abs(np.array(estimates) - derivative) / abs(derivative)


@drawing(
    caption=r"The central difference has a best step; the complex step reaches rounding and stays. Dashed: $h^2|f'''|/6 + \varepsilon|f|/h$, relative to $|f'|$, derived below. An error of zero is drawn at $3\cdot10^{-17}$.",
    alt="Relative error of two numerical derivatives against the step h, from 0.1 down to 1e-15, both axes logarithmic. Down to h = 1e-5 both fall along one line, two decades for each decade of h. Then the central difference turns and climbs, noisily, one decade per decade, to an error of some percent. The complex step falls on to 1e-16 and stays there.",
)
def error_against_step(
    f: Callable = demonstration,
    x: float = 1.5,
    derivative: float | None = None,
    third: float | None = None,
    steps: np.ndarray = STEPS,
) -> Figure:
    """Draw the relative error against h, beside what theory predicts.

    ``derivative`` and ``third`` are f′(x) and f‴(x); by default those of the chapter's function.
    """
    derivative, third = derivative or slope(1, x), third or slope(3, x)
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


def _window_words(exponent: float) -> str:
    error = abs(central_difference(demonstration, 1.5, 10.0**exponent) / slope(1, 1.5) - 1)
    shape = {-1: " f is curved.", -15: " f is a staircase."}.get(exponent, "")
    return f"f near 3/2 in a window four steps wide, h = 1e{exponent}: the slope of the chord is off from the tangent's by {error:.1e} of it.{shape}"


@drawing(
    caption="A step can be too long for $f$ to be straight over it, or too short to be resolved.",
    alt=_window_words,
    labels={"exponent": "step: power of ten"},
)
def through_a_window(exponent: float) -> Figure:
    """Draw f on 3/2 ± 2h as the computer sees it, its tangent, and the chord of step h.

    ``exponent`` is the decimal logarithm of h.
    """
    f, x, derivative = demonstration, 1.5, slope(1, 1.5)
    h = 10.0**exponent
    t = np.linspace(-2, 2, 401)
    with np.errstate(invalid="ignore"):
        seen = (f(x + t * h) - f(x)) / h
    chord = central_difference(f, x, h)
    ends = np.array([x - h, x + h])  # as rounded: off from ∓1 in the window where h is tiny
    where, heights = (ends - x) / h, np.array([f(end) - f(x) for end in ends]) / h
    figure = _window(3.2 * abs(derivative))
    (axes,) = figure.axes
    axes.plot(t, seen, color="C0", lw=2.5)
    axes.plot(t, derivative * t, ":", color="C6", lw=2)
    axes.plot(t, heights[0] + chord * (t - where[0]), "--", color="C1")
    axes.plot(where, heights, "o", color="C1", ms=8)
    axes.set_title(f"h = {h:g}: chord {chord:.6f}, tangent {derivative:.6f}")
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


def _chain_words(chain: str, k: int) -> str:
    power = np.linalg.matrix_power(CHAINS[chain], k)
    area = abs(np.linalg.det(CHAINS[chain])) ** k
    return f"The {chain} chain after {k} steps: the triangle of all starts, its image, and the path of one start. delta(P^k) = {contraction_coefficient(power):.2g}; the image has {area:.2g} of the triangle's area."


@drawing(
    caption=r"All starts fill the triangle; after $k$ steps they fill its shaded image. Where it shrinks to a point, the chain forgets its start. Orange: the path of one start. Below: $\delta(P^k)$, which falls by the factor $|\lambda_2|$ per step on average.",
    alt=_chain_words,
    labels={"k": "steps"},
    start={"k": 2},
)
def chain_on_the_triangle(chain: str, k: int) -> Figure:
    """Draw where k steps of one of the ``CHAINS`` take ``START``, and all starts."""
    P, path = CHAINS[chain], [START]
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
