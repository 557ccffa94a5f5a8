"""Figures, still and interactive, each with words for those who cannot see it.

The words live with the code that draws: :func:`drawing` gives them to the function. :func:`show`
displays one figure, :func:`explore` a figure that answers to sliders and buttons. With a live
kernel these call the drawing function anew. While the book is built there is no kernel to come, so
every frame is drawn beforehand and the page switches between them.
"""

from __future__ import annotations

import base64
import functools
import html
import inspect
import io
import itertools
import os
import pickle
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from IPython.display import display
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from PIL import Image

MIME_TYPE = "application/vnd.byhand.figure+json"
MAX_FRAMES = 250
"""A page loads frames one by one, but they are all drawn and stored at build time."""

PIXELS_PER_INCH = 110
"""The scale at which a page with room shows a figure. A frame has twice as many pixels."""

PHONE_WIDTH = 350
"""A column on a phone, in CSS pixels; what is wider is shown at this width."""

SMALLEST_TEXT = 10.5
"""The least font size of a figure on a phone, in CSS pixels."""

_SIDES = ("left", "center", "right")


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


# -- words -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Words:
    """What a drawing says for itself; :func:`drawing` describes each part."""

    caption: str
    alt: str | Callable[..., str]
    labels: Mapping[str, str]
    start: Mapping[str, Any]
    photograph: bool
    name: str = ""

    def named(self) -> set[str]:
        """Return the arguments of the drawing that the alternative text depends on."""
        if callable(self.alt):
            return set(inspect.signature(self.alt).parameters)
        fields = [field for _, field, _, _ in string.Formatter().parse(self.alt)]
        return {re.split(r"[.\[]", field)[0] for field in fields if field is not None}

    def describe(self, arguments: Mapping[str, Any]) -> str:
        """Return the alternative text of what is drawn from these arguments."""
        if callable(self.alt):
            return _require("alt", self.alt(**{name: arguments[name] for name in self.named()}))
        return _Plain().vformat(self.alt, (), arguments)


class _Plain(string.Formatter):
    """Formats numbers as a reader would write them."""

    def format_field(self, value: Any, format_spec: str) -> str:
        return format(value, format_spec) if format_spec else _value_text(value)


_SHOWN: WeakKeyDictionary[Figure, tuple[str, Words]] = WeakKeyDictionary()
"""Figure → its alternative text, and the words of its drawing."""


def drawing(
    *,
    caption: str,
    alt: str | Callable[..., str],
    labels: Mapping[str, str] | None = None,
    start: Mapping[str, Any] | None = None,
    photograph: bool = False,
) -> Callable[[Callable[..., Figure]], Callable[..., Figure]]:
    """Give a function that draws a figure the words for it.

    Parameters
    ----------
    caption
        The figure's point, in Markdown with ``$…$`` for maths.
    alt
        What is drawn, for those who cannot see it: a format string with the function's
        parameters, as in ``"a path of 20 steps with step size {eta}"``, or a function of some
        of them, by name.
    labels
        Control → what the reader sees it called, where that is not the control's name.
    start
        Control → the value it has at first, where that is not its first value.
    photograph
        Whether the figure keeps its colors, on white paper, where a dark page inverts others.

    Raises
    ------
    ValueError
        If ``caption`` or ``alt`` is empty, or one of ``alt``, ``labels`` and ``start`` names
        something that is no parameter of the function.

    Examples
    --------
    >>> @drawing(caption="", alt="a parabola")
    ... def parabola():
    ...     return plt.figure()
    Traceback (most recent call last):
    ...
    ValueError: a figure needs words, got caption=''
    """
    words = Words(_require("caption", caption), alt, labels or {}, start or {}, photograph)
    if not callable(alt):
        _require("alt", alt)

    def decorate(draw: Callable[..., Figure]) -> Callable[..., Figure]:
        signature = inspect.signature(draw)
        for part, names in (("alt", words.named()), ("labels", labels), ("start", start)):
            if unknown := set(names or ()) - set(signature.parameters):
                raise ValueError(f"{part} of {draw.__name__} names no parameter: {sorted(unknown)}")

        named = replace(words, name=draw.__name__)

        @functools.wraps(draw)
        def drawn(*args: Any, **kwargs: Any) -> Figure:
            call = signature.bind(*args, **kwargs)
            call.apply_defaults()
            said = named.describe(call.arguments)
            figure = draw(*args, **kwargs)
            _SHOWN[figure] = said, named
            return figure

        drawn.words = named
        return drawn

    return decorate


def _require(part: str, text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"a figure needs words, got {part}={text!r}")
    return text


def _value_text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# -- what frames share -------------------------------------------------------------------------

_GROUNDS: WeakKeyDictionary[Figure, _Ground] = WeakKeyDictionary()


def ground(prepare: Callable[..., Figure]) -> Callable[..., Figure]:
    """Let a function prepare what many frames of a figure share: once for the same arguments.

    Its figure comes back as it was prepared, without what the last frame added. A frame may add
    artists to its axes and set their titles, and they are all that is drawn anew; the limits of
    the axes stay.

    Parameters
    ----------
    prepare
        Its arguments can be pickled.

    Examples
    --------
    >>> @ground
    ... def axes_with_a_line():
    ...     figure, axes = plt.subplots()
    ...     axes.plot([0, 1])
    ...     return figure
    >>> figure = axes_with_a_line()
    >>> _ = figure.axes[0].plot([1, 0])
    >>> figure is axes_with_a_line(), len(figure.axes[0].lines)
    (True, 1)
    """
    figures: dict[bytes, Figure] = {}

    @functools.wraps(prepare)
    def prepared(*args: Any) -> Figure:
        key = pickle.dumps(args)
        if key not in figures:
            figures[key] = prepare(*args)
            _GROUNDS[figures[key]] = _Ground(figures[key])
        _GROUNDS[figures[key]].clear()
        return figures[key]

    return prepared


class _Ground:
    """What was on a figure before any frame, and its picture."""

    def __init__(self, figure: Figure) -> None:
        self.artists = {axes: axes.get_children() for axes in figure.axes}
        self.titles = [
            (axes.set_title(text, loc=side), text)
            for axes in figure.axes
            for side, text in [(side, axes.get_title(side)) for side in _SIDES]
        ]
        self.picture = None
        for axes in figure.axes:
            axes.autoscale(enable=False)

    def clear(self) -> None:
        """Take off what the last frame added."""
        for artist in self._added():
            artist.remove()
        for title, text in self.titles:
            title.set_text(text)
        for axes in self.artists:
            axes.set_prop_cycle(None)

    def draw(self, figure: Figure) -> None:
        """Draw what the frame added, on the picture of the rest."""
        moving = [*self._added(), *(title for title, _ in self.titles)]
        if self.picture is None:
            _lay_out(figure)
            for artist in moving:
                artist.set_animated(True)
            self.canvas = figure.canvas
            self.canvas.draw()
            self.picture = self.canvas.copy_from_bbox(figure.bbox)
        figure.set_canvas(self.canvas)  # it lost both when it was closed
        figure.set_dpi(2 * PIXELS_PER_INCH)
        self.canvas.restore_region(self.picture)
        for artist in sorted(moving, key=Artist.get_zorder):
            artist.draw(self.canvas.get_renderer())

    def _added(self) -> list[Artist]:
        return [
            artist
            for axes, before in self.artists.items()
            for artist in axes.get_children()
            if artist not in before
        ]


# -- in a notebook -----------------------------------------------------------------------------


def show(figure: Figure) -> None:
    """Display a figure, with its caption.

    Parameters
    ----------
    figure
        What a function under :func:`drawing` returned. It is closed.

    Raises
    ------
    ValueError
        If the figure has no words; while the book is built, also if a text of the figure would
        be smaller than ``SMALLEST_TEXT`` on a phone.
    """
    if figure not in _SHOWN:
        raise ValueError("the figure has no words: put @drawing(caption=…, alt=…) on its function")
    alt, words = _SHOWN[figure]
    if building():
        _display_frames([], _frames([figure], words.photograph), words, first=0)
    else:
        display(_picture(figure, alt), raw=True)
        display(_caption(words), raw=True)
        plt.close(figure)


def explore(draw: Callable[..., Figure], *data: Any, **controls: Sequence[Any]) -> None:
    """Display a figure with a control for each keyword argument.

    A control whose values are words, which have no order, is a row of buttons; others are sliders.
    Where a program runs the notebook, and nobody can move them, the figure stands still.

    Parameters
    ----------
    draw
        A function under :func:`drawing`. It is called as ``draw(*data, **values)``, with one
        value for each control. All frames should have one size.
    *data
        What all frames are drawn from.
    **controls
        Control → its values, in the order of the slider or the buttons.

    Raises
    ------
    ValueError
        If the function has no words or its alternative text does not depend on a control, a
        control has no values, a start value is not among them, or there are more than
        ``MAX_FRAMES`` frames; while the book is built, also if a text would be smaller than
        ``SMALLEST_TEXT`` on a phone.

    Examples
    --------
    >>> @drawing(caption="One step.", alt="one step of size {eta}")
    ... def step(eta):
    ...     figure, axes = plt.subplots()
    ...     axes.plot([1, 1 - eta])
    ...     return figure
    >>> explore(step, eta=[])
    Traceback (most recent call last):
    ...
    ValueError: control eta needs at least one value
    """
    if not hasattr(draw, "words"):
        raise ValueError(f"{draw.__name__} has no words: put @drawing(caption=…, alt=…) on it")
    _check_controls(draw.words, controls)
    first = {name: draw.words.start.get(name, values[0]) for name, values in controls.items()}
    frame = functools.partial(draw, *data)
    if building():
        _prerender(frame, draw.words, first, controls)
    elif _is_attended():
        _interact(frame, draw.words, first, controls)
    else:
        show(frame(**first))


def building() -> bool:
    """Return whether the book is being built, rather than read with a live kernel."""
    return os.environ.get("BYHAND_BUILD") == "1"


def _is_attended() -> bool:
    """Return whether somebody may move a slider: nbconvert says that nobody can be asked."""
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is None or kernel.get_parent()["content"].get("allow_stdin", True)


def _check_controls(words: Words, controls: Mapping[str, Sequence]) -> None:
    if not controls:
        raise ValueError("explore needs at least one control; show displays a still figure")
    frames = 1
    for name, values in controls.items():
        if not len(values):
            raise ValueError(f"control {name} needs at least one value")
        if name in words.start and words.start[name] not in list(values):
            raise ValueError(f"control {name} cannot start at {words.start[name]}: not in {values}")
        frames *= len(values)
    if silent := set(controls) - words.named():
        raise ValueError(f"alt must name {', '.join(sorted(silent))}, or frames sound alike")
    if frames > MAX_FRAMES:
        raise ValueError(f"{frames} frames are more than {MAX_FRAMES}; use fewer values")


# -- with a live kernel ------------------------------------------------------------------------


def _interact(draw, words, first, controls) -> None:
    import ipywidgets  # a book that is being built needs no widgets

    widgets = {
        name: _widget(words.labels.get(name, name), values, first[name])
        for name, values in controls.items()
    }
    view = ipywidgets.HTML()

    def redraw(_change=None) -> None:
        figure = draw(**{name: widget.value for name, widget in widgets.items()})
        view.value = _picture(figure, _SHOWN[figure][0])["text/html"]
        plt.close(figure)

    for widget in widgets.values():
        widget.observe(redraw, names="value")
    redraw()
    display(ipywidgets.VBox([*widgets.values(), view]))
    display(_caption(words), raw=True)


def _widget(label: str, values: Sequence[Any], start: Any):
    """Return a row of buttons for words, a slider for all else."""
    import ipywidgets

    common = {"options": [(_value_text(value), value) for value in values], "value": start}
    common["description"] = label
    if _are_words(values):
        style = {"description_width": "initial", "button_width": "auto"}
        return ipywidgets.ToggleButtons(**common, style=style)
    style, layout = {"description_width": "initial"}, {"width": "28em"}
    return ipywidgets.SelectionSlider(**common, style=style, layout=layout)


def _are_words(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _picture(figure: Figure, alt: str) -> dict[str, str]:
    """Return a figure as HTML on white paper, which any theme of a notebook can show."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=140, facecolor="white")
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(figure.get_figwidth() * PIXELS_PER_INCH)
    image = (
        f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{data}" '
        f'style="width:{width}px;max-width:100%">'
    )
    return {"text/html": image, "text/plain": alt}


def _caption(words: Words) -> dict[str, str]:
    """Return a caption as Markdown, in which every notebook typesets maths."""
    return {"text/markdown": words.caption, "text/plain": words.caption}


# -- while the book is built -------------------------------------------------------------------


def _prerender(draw, words, first, controls) -> None:
    combinations = [
        dict(zip(controls, combination, strict=True))
        for combination in itertools.product(*controls.values())
    ]
    frames = _frames((draw(**values) for values in combinations), words.photograph)
    shown = [
        {
            "name": name,
            "label": words.labels.get(name, name),
            "buttons": _are_words(values),
            "values": [_value_text(value) for value in values],
            "start": list(values).index(first[name]),
        }
        for name, values in controls.items()
    ]
    _display_frames(shown, frames, words, combinations.index(first))


def _frames(figures: Iterable[Figure], photograph: bool) -> list[dict[str, Any]]:
    """Draw figures on transparent paper at twice the resolution at which a page shows them.

    They are closed. While one is packed the next is drawn: Pillow leaves the interpreter free.
    """
    frames, packed = [], []
    with ThreadPoolExecutor(max_workers=1) as packer:
        for figure in figures:
            try:
                packed.append(packer.submit(_pack, _ink(figure), photograph))
                width, height = figure.get_size_inches() * PIXELS_PER_INCH
                size = {"width": round(width), "height": round(height)}
                frames.append({"alt": _SHOWN[figure][0]} | size)
            finally:
                plt.close(figure)
    return [frame | {"webp": job.result()} for frame, job in zip(frames, packed, strict=True)]


def _ink(figure: Figure) -> np.ndarray:
    """Draw a figure without its paper: an array of shape (height, width, 4)."""
    if (ground := _GROUNDS.get(figure)) is not None:
        ground.draw(figure)
    else:
        _lay_out(figure)
        figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())


def _lay_out(figure: Figure) -> None:
    """Take a figure's paper away, and find room for its axes."""
    for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
        patch.set(facecolor="none", edgecolor="none")
    figure.set_dpi(2 * PIXELS_PER_INCH)
    _Canvas(figure)
    if figure.get_layout_engine() is not None:
        figure.get_layout_engine().execute(figure)
        figure.set_layout_engine("none")


class _Canvas(FigureCanvasAgg):
    """A canvas that refuses text which is too small to read on a phone."""

    def get_renderer(self) -> RendererAgg:
        if getattr(self, "renderer", None) is None:
            size, width = self.get_width_height(physical=True), self.figure.get_figwidth()
            self.renderer = _Renderer(*size, self.figure.dpi)
            self.renderer.scale = min(PIXELS_PER_INCH, PHONE_WIDTH / width) / 72
        return self.renderer


class _Renderer(RendererAgg):
    scale: float
    """Pixels per point on a phone."""

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None) -> None:
        size = prop.get_size_in_points() * self.scale
        if size < SMALLEST_TEXT and s.strip():
            raise ValueError(
                f"on a phone the figure's text {s!r} is {size:.1f} pixels high, "
                f"less than {SMALLEST_TEXT}; draw a narrower figure or larger text"
            )
        super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)


def _pack(ink: np.ndarray, photograph: bool) -> str:
    """Return a picture in the format WebP, as text in base 64."""
    buffer = io.BytesIO()
    if photograph:
        Image.fromarray(ink).save(buffer, "webp", quality=75)
    else:  # ink has few colors: a palette takes a third of the bytes, and draws no halos
        picture = Image.fromarray(_in_few_colors(ink))
        picture.save(buffer, "webp", lossless=True, quality=25, method=2)
    return base64.b64encode(buffer.getvalue()).decode()


def _in_few_colors(ink: np.ndarray) -> np.ndarray:
    """Return a picture in 128 colors, chosen for what is inked: most of the paper is bare."""
    pixels = ink.view(np.uint32).ravel()
    few, inked = np.zeros_like(pixels), np.flatnonzero(ink[..., 3])
    if inked.size:
        row = Image.fromarray(pixels[inked].view(np.uint8).reshape(1, -1, 4))
        palette = row.quantize(127, method=Image.Quantize.FASTOCTREE)
        few[inked] = np.asarray(palette.convert("RGBA")).view(np.uint32).ravel()
    return few.view(np.uint8).reshape(ink.shape)


def _display_frames(controls: list, frames: list, words: Words, first: int) -> None:
    content = {"controls": controls, "frames": frames, "first": first, "caption": words.caption}
    content |= {"name": words.name, "photograph": words.photograph}
    display({MIME_TYPE: content, "text/plain": frames[first]["alt"]}, raw=True)
