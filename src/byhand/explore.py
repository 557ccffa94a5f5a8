"""Figures, still and interactive, each with words for those who cannot see it.

:func:`show` displays one figure, :func:`explore` a figure that answers to sliders. With a live
kernel the sliders call the drawing function anew. While the book is built there is no kernel to
come, so every frame is drawn beforehand and the page switches between them.
"""

from __future__ import annotations

import base64
import html
import io
import itertools
import os
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from IPython.display import HTML, display
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

MIME_TYPE = "application/vnd.byhand.figure+json"
MAX_FRAMES = 250
"""A page loads frames one by one, but they are all drawn and stored at build time."""

PIXELS_PER_INCH = 110
"""The scale at which a page with room shows a figure. A frame has twice as many pixels."""

PHONE_WIDTH = 350
"""A column on a phone, in CSS pixels: what is wider is shown at this width."""

SMALLEST_TEXT = 10.5
"""The least font size of a figure on a phone, in CSS pixels."""

AltText = str | Callable[..., str]


def figure_size(height: float) -> tuple[float, float]:
    """Return the size in inches of a figure of the style's width.

    Examples
    --------
    >>> plt.style.use("byhand.book")
    >>> figure, axes = plt.subplots(figsize=figure_size(4.2))
    >>> figure.get_size_inches().tolist()
    [5.0, 4.2]
    """
    return plt.rcParams["figure.figsize"][0], height


def show(figure: Figure, *, alt: str, caption: str = "", photograph: bool = False) -> None:
    """Display a figure.

    Parameters
    ----------
    figure
        A Matplotlib figure. It is closed.
    alt
        What the figure shows, for those who cannot see it. Must not be empty.
    caption
        The figure's point, in Markdown with ``$…$`` for maths.
    photograph
        Whether the figure keeps its colors, on white paper, where a dark page inverts others.

    Raises
    ------
    ValueError
        If ``alt`` is empty; while the book is built, also if a text of the figure would be
        smaller than ``SMALLEST_TEXT`` on a phone.
    """
    _require_alt(alt)
    if building():
        frame = _frame(figure, alt, photograph=photograph)
        _display_frames([], [frame], caption, first=0, photograph=photograph)
    else:
        display(HTML(_figure_html(figure, alt, caption)))
    plt.close(figure)


def explore(
    draw: Callable[..., Figure],
    *,
    alt: AltText,
    caption: str = "",
    labels: Mapping[str, str] | None = None,
    start: Mapping[str, Any] | None = None,
    **controls: Sequence[Any],
) -> None:
    """Display a figure with one slider for each keyword argument of ``draw``.

    Parameters
    ----------
    draw
        Called as ``draw(**values)``, with one value for each control; returns a new figure.
        All frames should have one size.
    alt
        What a frame shows: a format string with the controls' names, as in
        ``"a path of 20 steps with step size {eta}"``, or a function of the controls.
    caption
        The figure's point, in Markdown with ``$…$`` for maths.
    labels
        Control → what its slider is called, where that is not the control's name.
    start
        Control → the value it has at first, where that is not its first value.
    **controls
        Control → its values, in the order of the slider.

    Raises
    ------
    ValueError
        If a control has no values, a start value is not among them, an alternative text is
        empty or does not name a control, or there are more than ``MAX_FRAMES`` frames; while
        the book is built, also if a text would be smaller than ``SMALLEST_TEXT`` on a phone.

    Examples
    --------
    >>> def draw(eta):
    ...     figure, axes = plt.subplots()
    ...     axes.plot([1, 1 - eta])
    ...     return figure
    >>> explore(draw, eta=[], alt="one step of size {eta}")
    Traceback (most recent call last):
    ...
    ValueError: control eta needs at least one value
    """
    start = {name: values[0] for name, values in controls.items() if len(values)} | {
        **(start or {})
    }
    _check_controls(controls, start, labels or {}, alt)
    labels = {name: (labels or {}).get(name, name) for name in controls}
    if building():
        _prerender(draw, alt, caption, labels, start, controls)
    else:
        _interact(draw, alt, caption, labels, start, controls)


def building() -> bool:
    """Return whether the book is being built, rather than read with a live kernel."""
    return os.environ.get("BYHAND_BUILD") == "1"


def _check_controls(
    controls: Mapping[str, Sequence],
    start: Mapping[str, Any],
    labels: Mapping[str, str],
    alt: AltText,
) -> None:
    if not controls:
        raise ValueError("explore needs at least one control; show displays a still figure")
    frames = 1
    for name, values in controls.items():
        if not len(values):
            raise ValueError(f"control {name} needs at least one value")
        if start[name] not in list(values):
            raise ValueError(f"control {name} cannot start at {start[name]}: not in {values}")
        frames *= len(values)
    for argument, names in (("start", start), ("labels", labels)):
        if unknown := set(names) - set(controls):
            raise ValueError(f"{argument} names no control: {sorted(unknown)}")
    if not callable(alt):
        named = {field for _, field, _, _ in string.Formatter().parse(_require_alt(alt))}
        if silent := set(controls) - named:
            raise ValueError(f"alt must name {', '.join(sorted(silent))}, or frames sound alike")
    if frames > MAX_FRAMES:
        raise ValueError(f"{frames} frames are more than {MAX_FRAMES}; use fewer values")


def _require_alt(alt: str) -> str:
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"a figure needs an alternative text, got alt={alt!r}")
    return alt


def _alt_text(alt: AltText, values: Mapping[str, Any]) -> str:
    if callable(alt):
        return _require_alt(alt(**values))
    return alt.format(**{name: _value_text(v) for name, v in values.items()})


def _value_text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# -- with a live kernel ------------------------------------------------------------------------


def _interact(draw, alt, caption, labels, start, controls) -> None:
    import ipywidgets as widgets  # a book that is being built needs no widgets

    sliders = {
        name: widgets.SelectionSlider(
            options=[(_value_text(value), value) for value in values],
            value=start[name],
            description=labels[name],
            style={"description_width": "initial"},
            layout={"width": "28em"},
        )
        for name, values in controls.items()
    }
    view = widgets.HTML()

    def redraw(_change=None) -> None:
        values = {name: slider.value for name, slider in sliders.items()}
        words = _alt_text(alt, values)
        figure = draw(**values)
        view.value = _figure_html(figure, words)
        plt.close(figure)

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    redraw()
    display(widgets.VBox([*sliders.values(), view, widgets.HTMLMath(html.escape(caption))]))


def _figure_html(figure: Figure, alt: str, caption: str = "") -> str:
    """Return a figure as HTML on white paper, which any theme of a notebook can show."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=140, facecolor="white")
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(figure.get_figwidth() * PIXELS_PER_INCH)
    words = html.escape(alt, quote=True)
    return (
        f'<figure style="margin:0"><img alt="{words}" src="data:image/png;base64,{data}" '
        f'style="width:{width}px;max-width:100%"><figcaption>{html.escape(caption)}'
        "</figcaption></figure>"
    )


# -- while the book is built -------------------------------------------------------------------


def _prerender(draw, alt, caption, labels, start, controls) -> None:
    frames, first = [], 0
    for combination in itertools.product(*controls.values()):
        values = dict(zip(controls, combination, strict=True))
        if values == start:
            first = len(frames)
        words = _alt_text(alt, values)
        figure = draw(**values)
        frames.append(_frame(figure, words))
        plt.close(figure)
    sliders = [
        {
            "label": labels[name],
            "values": [_value_text(value) for value in values],
            "start": list(values).index(start[name]),
        }
        for name, values in controls.items()
    ]
    _display_frames(sliders, frames, caption, first)


def _frame(figure: Figure, alt: str, photograph: bool = False) -> dict[str, Any]:
    """Draw a figure on transparent paper at twice the resolution at which a page shows it."""
    _require_legible(figure)
    drawn = io.BytesIO()
    figure.savefig(
        drawn,
        dpi=2 * PIXELS_PER_INCH,
        transparent=True,
        pil_kwargs={"compress_level": 1},
    )
    buffer = io.BytesIO()
    picture = Image.open(drawn)
    if photograph:
        picture.save(buffer, "webp", quality=75)
    else:  # ink has few colors: a palette takes a third of the bytes, and draws no halos
        palette = picture.quantize(128, method=Image.Quantize.FASTOCTREE)
        palette.convert("RGBA").save(buffer, "webp", lossless=True, quality=60, method=2)
    width, height = figure.get_size_inches() * PIXELS_PER_INCH
    return {
        "webp": base64.b64encode(buffer.getvalue()).decode(),
        "alt": alt,
        "width": round(width),
        "height": round(height),
    }


def _require_legible(figure: Figure) -> None:
    scale = min(PIXELS_PER_INCH, PHONE_WIDTH / figure.get_figwidth()) / 72  # pixels per point
    for text in figure.findobj(Text):
        size = text.get_fontsize() * scale
        if text.get_text().strip() and size < SMALLEST_TEXT:
            raise ValueError(
                f"on a phone the figure's text {text.get_text()!r} is {size:.1f} pixels high, "
                f"less than {SMALLEST_TEXT}; draw a narrower figure or larger text"
            )


def _display_frames(
    sliders: list, frames: list, caption: str, first: int, photograph: bool = False
) -> None:
    content = {"controls": sliders, "frames": frames, "first": first, "caption": caption}
    content["photograph"] = photograph
    display({MIME_TYPE: content, "text/plain": frames[first]["alt"]}, raw=True)
