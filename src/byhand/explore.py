"""Figures, still and interactive, each with words for those who cannot see it.

The words live with the code that draws: :func:`drawing` gives them to the function. :func:`show`
displays one figure, :func:`explore` a figure that answers to sliders. With a live kernel the
sliders call the drawing function anew. While the book is built there is no kernel to come, so
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
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
from IPython.display import display
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
        Control → what its slider is called, where that is not the control's name.
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

        @functools.wraps(draw)
        def drawn(*args: Any, **kwargs: Any) -> Figure:
            call = signature.bind(*args, **kwargs)
            call.apply_defaults()
            said = words.describe(call.arguments)
            figure = draw(*args, **kwargs)
            _SHOWN[figure] = said, words
            return figure

        drawn.words = words
        return drawn

    return decorate


def _require(part: str, text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"a figure needs words, got {part}={text!r}")
    return text


def _value_text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


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
        _display_frames([], [_frame(figure, alt, words.photograph)], words, first=0)
    else:
        display(_picture(figure, alt), raw=True)
        display(_caption(words), raw=True)
    plt.close(figure)


def explore(draw: Callable[..., Figure], *data: Any, **controls: Sequence[Any]) -> None:
    """Display a figure with a slider for each keyword argument.

    Parameters
    ----------
    draw
        A function under :func:`drawing`. It is called as ``draw(*data, **values)``, with one
        value for each control. All frames should have one size.
    *data
        What all frames are drawn from.
    **controls
        Control → its values, in the order of the slider.

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
    (_prerender if building() else _interact)(frame, draw.words, first, controls)


def building() -> bool:
    """Return whether the book is being built, rather than read with a live kernel."""
    return os.environ.get("BYHAND_BUILD") == "1"


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
    import ipywidgets as widgets  # a book that is being built needs no widgets

    sliders = {
        name: widgets.SelectionSlider(
            options=[(_value_text(value), value) for value in values],
            value=first[name],
            description=words.labels.get(name, name),
            style={"description_width": "initial"},
            layout={"width": "28em"},
        )
        for name, values in controls.items()
    }
    view = widgets.HTML()

    def redraw(_change=None) -> None:
        figure = draw(**{name: slider.value for name, slider in sliders.items()})
        view.value = _picture(figure, _SHOWN[figure][0])["text/html"]
        plt.close(figure)

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    redraw()
    display(widgets.VBox([*sliders.values(), view]))
    display(_caption(words), raw=True)


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
    frames = []
    for values in combinations:
        figure = draw(**values)
        frames.append(_frame(figure, _SHOWN[figure][0], words.photograph))
        plt.close(figure)
    sliders = [
        {
            "label": words.labels.get(name, name),
            "values": [_value_text(value) for value in values],
            "start": list(values).index(first[name]),
        }
        for name, values in controls.items()
    ]
    _display_frames(sliders, frames, words, combinations.index(first))


def _frame(figure: Figure, alt: str, photograph: bool) -> dict[str, Any]:
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


def _display_frames(sliders: list, frames: list, words: Words, first: int) -> None:
    content = {"controls": sliders, "frames": frames, "first": first, "caption": words.caption}
    content["photograph"] = words.photograph
    display({MIME_TYPE: content, "text/plain": frames[first]["alt"]}, raw=True)
