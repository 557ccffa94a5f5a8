import ast
import base64
import importlib
import io
import re
from types import SimpleNamespace

import ipywidgets
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

from book import inputs
from byhand import explore as module
from byhand.explore import MAX_FRAMES, MIME_TYPE, drawing, explore, ground, show


@pytest.fixture
def displayed(monkeypatch):
    """What the code under test displays, in order."""
    shown = []
    monkeypatch.setattr(module, "display", lambda output, raw=False: shown.append(output))
    yield shown
    left_open = plt.get_fignums()
    plt.close("all")
    assert not left_open


@pytest.fixture
def building(monkeypatch):
    monkeypatch.setenv("BYHAND_BUILD", "1")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("BYHAND_BUILD", raising=False)


ALT = "a path with step size {eta} and momentum {beta}"
CAPTION = "Below $\\eta = 1$ it *shrinks*."


def path(eta, beta=0.0):
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 1 - eta, beta])
    return figure


def draws(function=path, **words):
    """A drawing, with words that do not matter where the test gives none."""
    return drawing(**{"caption": CAPTION, "alt": ALT} | words)(function)


def picture(frame):
    return Image.open(io.BytesIO(base64.b64decode(frame["webp"])))


def on_paper(image, paper):
    image = image.convert("RGBA")
    sheet = Image.new("RGBA", image.size, paper)
    return np.asarray(Image.alpha_composite(sheet, image).convert("RGB"), dtype=float)


@pytest.mark.usefixtures("building")
class TestWhileBuilding:
    def test_there_is_a_frame_for_each_combination(self, displayed):
        explore(draws(), eta=[0.1, 0.5, 0.9], beta=[0.0, 0.5])
        frames = displayed[0][MIME_TYPE]["frames"]
        assert [frame["alt"] for frame in frames] == [
            ALT.format(eta=eta, beta=beta) for eta in ("0.1", "0.5", "0.9") for beta in ("0", "0.5")
        ]
        assert len({frame["webp"] for frame in frames}) == 6

    def test_sliders_carry_labels_values_and_starts(self, displayed):
        draw = draws(labels={"eta": "step size η"}, start={"eta": 0.5})
        explore(draw, eta=[0.1, 0.5], beta=[0.0, 0.5, 1])
        content = displayed[0][MIME_TYPE]
        assert content["controls"] == [
            {"name": "eta", "label": "step size η", "buttons": False}
            | {"values": ["0.1", "0.5"], "start": 1},
            {"name": "beta", "label": "beta", "buttons": False}
            | {"values": ["0", "0.5", "1"], "start": 0},
        ]
        assert content["name"] == "path"
        assert content["first"] == 3
        assert displayed[0]["text/plain"] == "a path with step size 0.5 and momentum 0"

    def test_words_are_buttons_and_one_number_among_them_makes_a_slider(self, displayed):
        explore(draws(lambda eta, beta: path(1)), eta=["Xavier", "He"], beta=["none", 1])
        controls = displayed[0][MIME_TYPE]["controls"]
        assert [control["buttons"] for control in controls] == [True, False]

    def test_frames_are_drawn_from_data_that_they_share(self, displayed):
        def curve(values, scale):
            return path(scale * values[0])

        draw = draws(curve, alt="{values[1]:.2f} times {scale}")
        explore(draw, [0.5, 1 / 3], scale=[1, 2])
        frames = displayed[0][MIME_TYPE]["frames"]
        assert [frame["alt"] for frame in frames] == ["0.33 times 1", "0.33 times 2"]
        show(draws()(0.5))
        assert displayed[1][MIME_TYPE]["frames"][0]["webp"] == frames[0]["webp"]

    def test_frames_are_transparent_and_twice_as_fine_as_shown(self, displayed):
        show(draws()(0.5))
        (frame,) = displayed[0][MIME_TYPE]["frames"]
        assert (frame["width"], frame["height"]) == (330, 220)
        assert picture(frame).size == (660, 440)
        assert picture(frame).convert("RGBA").getpixel((0, 0))[3] == 0
        assert displayed[0][MIME_TYPE]["caption"] == CAPTION

    def test_ink_is_packed_in_few_colors_near_its_own(self, displayed):
        figure = path(0.5, 0.9)
        exact = module._ink(figure)
        plt.close(figure)
        show(draws()(0.5, 0.9))
        (frame,) = displayed[0][MIME_TYPE]["frames"]
        packed = np.asarray(picture(frame).convert("RGBA"))
        assert len(np.unique(packed.reshape(-1, 4), axis=0)) <= 128
        np.testing.assert_array_equal(packed[..., 3] == 0, exact[..., 3] == 0)
        papers = [on_paper(Image.fromarray(pixels), "white") for pixels in (packed, exact)]
        assert np.abs(papers[0] - papers[1]).max() < 48

    def test_bare_paper_stays_bare(self, displayed):
        show(draws(lambda: plt.figure(figsize=(3, 2)), alt="nothing")())
        (frame,) = displayed[0][MIME_TYPE]["frames"]
        assert picture(frame).convert("RGBA").getextrema()[3] == (0, 0)

    @pytest.mark.parametrize("photograph", [False, True])
    def test_a_photograph_keeps_its_colors(self, displayed, photograph):
        show(draws(photograph=photograph)(0.5))
        assert displayed[0][MIME_TYPE]["photograph"] is photograph

    def test_few_colors_look_like_all(self, displayed):
        figure = draws()(0.5)
        figure.axes[0].axvspan(0, 1, color="C2", alpha=0.15)
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=220, transparent=True)
        show(figure)
        (frame,) = displayed[0][MIME_TYPE]["frames"]
        assert len(picture(frame).convert("RGBA").getcolors()) <= 128
        assert len(base64.b64decode(frame["webp"])) < buffer.getbuffer().nbytes / 2
        for paper in ("white", "black"):
            few, all_ = (on_paper(image, paper) for image in (picture(frame), Image.open(buffer)))
            assert np.abs(few - all_).mean() < 0.5
            assert np.quantile(np.abs(few - all_), 0.99) <= 8

    @pytest.mark.parametrize("width", [3, 5])
    def test_text_must_be_legible_on_a_phone(self, displayed, width):
        per_point = min(110, 350 / width) / 72

        def with_text(size):
            figure = plt.figure(figsize=(width, 2))
            figure.text(0, 0, "small print", fontsize=size / per_point)
            return figure

        draw = draws(with_text, alt="{size} pixels")
        show(draw(10.6))
        with pytest.raises(
            ValueError, match=r"'small print' is 10\.4 pixels high, less than 10\.5"
        ):
            show(draw(10.4))
        with pytest.raises(ValueError, match=r"'small print' is 10\.4 pixels"):
            explore(draw, size=[11, 10.4])
        plt.close("all")

    def test_blank_text_may_have_any_size(self, displayed):
        def blank():
            figure = plt.figure(figsize=(5, 2))
            figure.text(0, 0, " ", fontsize=1)
            return figure

        show(draws(blank, alt="nothing")())

    def test_drawing_twice_gives_the_same_bytes(self, displayed):
        show(draws()(0.5))
        show(draws()(0.5))
        assert displayed[0] == displayed[1]

    def test_alt_text_may_be_computed(self, displayed):
        explore(draws(alt=lambda eta: f"ends at {1 - eta:.1f}"), eta=[0.1, 0.5])
        frames = displayed[0][MIME_TYPE]["frames"]
        assert [frame["alt"] for frame in frames] == ["ends at 0.9", "ends at 0.5"]


def counted(monkeypatch, owner, name):
    """A list that grows by one whenever the method is called."""
    calls, original = [], getattr(owner, name)

    def count(self, *args, **kwargs):
        calls.append(self)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, count)
    return calls


@pytest.fixture
def curve():
    """Draws a curve on a ground that counts how often it was prepared."""
    prepared = []

    @ground
    def axes_with_a_line(height):
        prepared.append(height)
        figure, axes = plt.subplots(figsize=(3, 2))
        axes.plot([0, 1], [height, height], color="C1")
        axes.set(xlabel="x", ylim=(0, 4), title="before")
        axes.text(0.5, 3, "beside")
        return figure

    def curve(height, slope):
        figure = axes_with_a_line(height)
        (axes,) = figure.axes
        axes.plot([0, 1], [0, slope])
        axes.text(0.1, 1, f"slope {slope:g}")
        if slope > 1:
            axes.set_title(f"steep: {slope:g}", loc="left")
        return figure

    curve.prepared = prepared
    curve.ground = axes_with_a_line
    return curve


CURVE = "{slope} over {height}"


class TestTheWorkOfAFrame:
    """Counted, not timed: a frame costs what it changes."""

    @pytest.mark.usefixtures("building")
    def test_no_picture_is_coded_twice(self, displayed, monkeypatch):
        monkeypatch.delattr(Figure, "savefig")
        saved = counted(monkeypatch, Image.Image, "save")
        explore(draws(), eta=[0.1, 0.5, 0.9], beta=[0.0, 0.5])
        assert len(saved) == 6

    @pytest.mark.usefixtures("building")
    def test_a_ground_is_laid_out_once(self, displayed, monkeypatch, curve):
        monkeypatch.setitem(plt.rcParams, "figure.constrained_layout.use", True)
        layouts = counted(monkeypatch, ConstrainedLayoutEngine, "execute")
        explore(draws(curve, alt=CURVE), height=[1, 2], slope=[0, 1, 2, 3])
        assert len(layouts) == 2

    @pytest.mark.usefixtures("building")
    def test_a_ground_is_prepared_and_drawn_once(self, displayed, monkeypatch, curve):
        texts = counted(monkeypatch, module._Renderer, "draw_text")
        explore(draws(curve, alt=CURVE), height=[1, 2], slope=[0, 1, 2, 3])
        assert curve.prepared == [1, 2]
        moving = 2 * (4 + 2 * 2)  # a slope in each frame, and both titles of the steep ones
        (axes,) = curve.ground(1).axes
        ticks = [*axes.get_xticklabels(), *axes.get_yticklabels()]
        assert moving < len(texts) <= moving + 2 * (len(ticks) + 4)

    @pytest.mark.usefixtures("building")
    def test_frames_on_a_ground_look_as_drawn_from_nothing(self, displayed, curve):
        explore(draws(curve, alt=CURVE), height=[1, 2], slope=[0, 3, 1])
        on_ground = [picture(frame) for frame in displayed[0][MIME_TYPE]["frames"]]
        values = [(height, slope) for height in (1, 2) for slope in (0, 3, 1)]
        for image, (height, slope) in zip(on_ground, values, strict=True):
            curve.ground(height)
            anew = draws(lambda h, s: curve(h, s), alt="{h} {s}")(height, slope)
            buffer = io.BytesIO()
            anew.savefig(buffer, dpi=220, transparent=True)
            plt.close(anew)
            for paper in ("white", "black"):
                few, all_ = (on_paper(x, paper) for x in (image, Image.open(buffer)))
                assert np.abs(few - all_).mean() < 0.5

    def test_a_ground_comes_back_as_it_was(self, curve):
        figure = curve(1, 3)
        (axes,) = figure.axes
        limits = axes.get_xlim(), axes.get_ylim()
        axes.plot([0, 100], [0, 100])
        assert (axes.get_xlim(), axes.get_ylim()) == limits
        assert curve.ground(1) is figure
        assert (len(axes.lines), len(axes.texts)) == (1, 1)
        assert [axes.get_title(side) for side in ("left", "center")] == ["", "before"]
        assert curve.ground(2) is not figure
        plt.close("all")

    @pytest.mark.usefixtures("live")
    def test_a_slider_redraws_on_a_ground(self, displayed, curve):
        explore(draws(curve, alt=CURVE), height=[1, 2], slope=[0, 3])
        height, slope, view = displayed[0].children
        seen = {view.value}
        for slider, value in ((slope, 3), (height, 2), (slope, 0)):
            slider.value = value
            seen.add(view.value)
        assert len({image_of(html) for html in seen}) == 4
        height.value = 1
        assert view.value in seen


def image_of(html):
    return html.split('src="')[1].split('"')[0]


def show_one():
    show(draws()(0.5))


def explore_one():
    explore(draws(), eta=[0.5], beta=[0])


@pytest.mark.usefixtures("live")
class TestWithALiveKernel:
    def test_a_slider_draws_anew(self, displayed):
        explore(draws(labels={"eta": "step size η"}), eta=[0.1, 0.5], beta=[0, 0.5])
        eta, beta, view = displayed[0].children
        assert [eta.description, beta.description] == ["step size η", "beta"]
        before = view.value
        assert ALT.format(eta="0.1", beta="0") in before
        eta.value = 0.5
        assert ALT.format(eta="0.5", beta="0") in view.value
        assert image_of(view.value) != image_of(before)
        beta.value = 0.5
        assert ALT.format(eta="0.5", beta="0.5") in view.value

    def test_a_button_draws_anew(self, displayed):
        draw = draws(lambda eta, beta: path(len(eta)), labels={"eta": "first weights"})
        explore(draw, eta=["Xavier", "He"], beta=[0])
        eta, beta, view = displayed[0].children
        assert isinstance(eta, ipywidgets.ToggleButtons)
        assert isinstance(beta, ipywidgets.SelectionSlider)
        assert (eta.description, eta.value) == ("first weights", "Xavier")
        before = view.value
        eta.value = "He"
        assert ALT.format(eta="He", beta="0") in view.value
        assert image_of(view.value) != image_of(before)

    def test_it_starts_where_it_is_told(self, displayed):
        explore(draws(start={"beta": 0.5}), eta=[0.1, 0.5], beta=[0.0, 0.5])
        eta, beta, view = displayed[0].children
        assert (eta.value, beta.value) == (0.1, 0.5)
        assert ALT.format(eta="0.1", beta="0.5") in view.value

    def test_the_view_is_a_widget(self, displayed):
        explore(draws(), eta=[0.1], beta=[0])
        assert isinstance(displayed[0], ipywidgets.VBox)

    def test_it_stands_still_where_nobody_can_move_it(self, displayed, monkeypatch):
        request = {"content": {"allow_stdin": False}}  # as nbconvert runs a cell
        kernel = SimpleNamespace(get_parent=lambda: request)
        monkeypatch.setattr(module, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
        explore(draws(start={"eta": 0.5}), eta=[0.1, 0.5], beta=[0])
        picture, caption = displayed
        assert ALT.format(eta="0.5", beta="0") in picture["text/html"]
        assert caption["text/markdown"] == CAPTION
        request["content"]["allow_stdin"] = True
        explore(draws(), eta=[0.1, 0.5], beta=[0])
        assert isinstance(displayed[2], ipywidgets.VBox)

    @pytest.mark.parametrize("in_a_notebook", [show_one, explore_one])
    def test_the_caption_is_markdown_with_its_maths(self, displayed, in_a_notebook):
        in_a_notebook()
        assert displayed[-1] == {"text/markdown": CAPTION, "text/plain": CAPTION}

    def test_a_still_figure_is_html_with_escaped_words(self, displayed):
        show(draws(alt='the "end" < 1')(0.5))
        assert 'alt="the &quot;end&quot; &lt; 1"' in displayed[0]["text/html"]
        assert displayed[0]["text/plain"] == 'the "end" < 1'


@pytest.mark.usefixtures("displayed")
@pytest.mark.parametrize("rendering", ["building", "live"])
class TestWhatIsRequired:
    @pytest.fixture(autouse=True)
    def _rendering(self, rendering, request):
        request.getfixturevalue(rendering)

    @pytest.mark.parametrize(
        ("words", "controls", "message"),
        [
            ({}, {}, "at least one control"),
            ({}, {"eta": []}, "control eta needs at least one value"),
            ({"alt": lambda eta: ""}, {"eta": [1]}, "needs words, got alt=''"),
            ({"alt": "always the same"}, {"eta": [1, 2]}, "alt must name eta, or frames"),
            ({"alt": "step {eta}"}, {"eta": [1], "beta": [1]}, "alt must name beta, or frames"),
            ({"alt": lambda eta: "x"}, {"eta": [1], "beta": [1]}, "alt must name beta"),
            ({"start": {"eta": 2}}, {"eta": [1], "beta": [0]}, "eta cannot start at 2"),
            ({}, {"eta": [0], "beta": range(MAX_FRAMES + 1)}, "251 frames are more than 250"),
        ],
    )
    def test_explore_refuses(self, words, controls, message):
        with pytest.raises(ValueError, match=message):
            explore(draws(**words), **controls)

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ({"alt": ""}, "needs words, got alt=''"),
            ({"alt": " "}, "needs words, got alt=' '"),
            ({"alt": None}, "needs words, got alt=None"),
            ({"caption": ""}, "needs words, got caption=''"),
            ({"alt": "step {alpha}"}, r"alt of path names no parameter: \['alpha'\]"),
            ({"alt": lambda alpha: "x"}, r"alt of path names no parameter: \['alpha'\]"),
            ({"alt": "step {}"}, r"alt of path names no parameter: \[''\]"),
            ({"labels": {"alpha": "α"}}, r"labels of path names no parameter: \['alpha'\]"),
            ({"start": {"alpha": 1}}, r"start of path names no parameter: \['alpha'\]"),
        ],
    )
    def test_a_drawing_is_refused_where_it_is_defined(self, words, message):
        with pytest.raises(ValueError, match=message):
            draws(**words)

    @pytest.mark.parametrize("part", ["alt", "caption"])
    def test_a_drawing_has_both_words(self, part):
        words = {"alt": ALT, "caption": CAPTION}
        del words[part]
        with pytest.raises(TypeError, match=part):
            drawing(**words)

    def test_a_figure_without_words_is_refused(self):
        figure = path(0.5)
        with pytest.raises(ValueError, match=r"no words: put @drawing\(caption=…, alt=…\) on"):
            show(figure)
        plt.close(figure)
        with pytest.raises(ValueError, match="path has no words: put @drawing"):
            explore(path, eta=[1])

    def test_a_figure_whose_words_come_out_empty_is_refused_before_it_is_drawn(self):
        with pytest.raises(ValueError, match="needs words, got alt=''"):
            draws(alt=lambda eta: "")(0.5)


# -- the book's figures

SHOWN = re.compile(r"\b(?:show|explore)\((?:figures\.(\w+))?")

CELLS = [
    pytest.param(path.stem, cell, id=f"{path.stem}-{cell.id}")
    for path in sorted((inputs.ROOT / "chapters").glob("*.ipynb"))
    for cell in nbformat.read(path, as_version=4).cells
    if cell.cell_type == "code" and SHOWN.search(cell.source)
]


def drawings(chapter):
    """Name → function with words, of a chapter."""
    functions = vars(importlib.import_module(f"byhand.{chapter[3:]}.figures"))
    return {name: f for name, f in functions.items() if hasattr(f, "words")}


@pytest.mark.parametrize(("chapter", "cell"), CELLS)
class TestEachFigureOfTheBook:
    def test_is_a_line_after_what_it_is_drawn_from(self, chapter, cell):
        assert len(cell.source.splitlines()) <= 3
        assert "hide-input" not in cell.metadata.get("tags", [])

    def test_is_drawn_by_a_function_with_words(self, chapter, cell):
        assert set(SHOWN.findall(cell.source)) <= set(drawings(chapter))


@pytest.mark.parametrize("chapter", sorted({cell.values[0] for cell in CELLS}))
def test_every_drawing_with_words_is_in_its_chapter_once(chapter):
    cells = [cell.source for name, cell in (c.values for c in CELLS) if name == chapter]
    shown = [name for source in cells for name in SHOWN.findall(source)]
    assert sorted(shown) == sorted(drawings(chapter))  # its name is the figure's address


def explorers():
    for chapter, cell in (c.values for c in CELLS):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "explore":
                name = node.args[0].attr
                controls = {keyword.arg for keyword in node.keywords}
                yield pytest.param(chapter, name, controls, id=name)


@pytest.mark.parametrize(("chapter", "name", "controls"), list(explorers()))
def test_an_explorer_says_what_its_sliders_change(chapter, name, controls):
    words = drawings(chapter)[name].words
    assert words.named() >= controls
    assert controls >= {*words.labels, *words.start}


@pytest.mark.parametrize("chapter", sorted({cell.values[0] for cell in CELLS}))
def test_captions_and_words_are_sentences(chapter):
    for name, draw in drawings(chapter).items():
        assert draw.words.caption.endswith((".", ".)", "!")), name
        assert len(draw.words.caption.split()) > 5, name
        if isinstance(draw.words.alt, str):
            assert draw.words.alt.endswith("."), name
            assert len(draw.words.alt.split()) > 9, name
