import base64
import io

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.formatters import format_display_data
from PIL import Image

from byhand import explore as module
from byhand.explore import MAX_FRAMES, MIME_TYPE, explore, show


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


def draw(eta, beta=0.0):
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 1 - eta, beta])
    return figure


def picture(frame):
    return Image.open(io.BytesIO(base64.b64decode(frame["webp"])))


def on_paper(image, paper):
    image = image.convert("RGBA")
    sheet = Image.new("RGBA", image.size, paper)
    return np.asarray(Image.alpha_composite(sheet, image).convert("RGB"), dtype=float)


ALT = "a path with step size {eta} and momentum {beta}"


@pytest.mark.usefixtures("building")
class TestWhileBuilding:
    def test_there_is_a_frame_for_each_combination(self, displayed):
        explore(draw, alt=ALT, eta=[0.1, 0.5, 0.9], beta=[0.0, 0.5])
        frames = displayed[0][MIME_TYPE]["frames"]
        assert [frame["alt"] for frame in frames] == [
            ALT.format(eta=eta, beta=beta) for eta in ("0.1", "0.5", "0.9") for beta in ("0", "0.5")
        ]
        assert len({frame["webp"] for frame in frames}) == 6

    def test_sliders_carry_labels_values_and_starts(self, displayed):
        labels, start = {"eta": "step size η"}, {"eta": 0.5}
        explore(draw, alt=ALT, labels=labels, start=start, eta=[0.1, 0.5], beta=[0.0, 0.5, 1])
        content = displayed[0][MIME_TYPE]
        assert content["controls"] == [
            {"label": "step size η", "values": ["0.1", "0.5"], "start": 1},
            {"label": "beta", "values": ["0", "0.5", "1"], "start": 0},
        ]
        assert content["first"] == 3
        assert displayed[0]["text/plain"] == "a path with step size 0.5 and momentum 0"

    def test_frames_are_transparent_and_twice_as_fine_as_shown(self, displayed):
        show(draw(0.5), alt="a path", caption="The point.")
        (frame,) = displayed[0][MIME_TYPE]["frames"]
        assert (frame["width"], frame["height"]) == (330, 220)
        assert picture(frame).size == (660, 440)
        assert picture(frame).convert("RGBA").getpixel((0, 0))[3] == 0
        assert displayed[0][MIME_TYPE]["caption"] == "The point."

    def test_few_colors_look_like_all(self, displayed):
        figure = draw(0.5)
        figure.axes[0].axvspan(0, 1, color="C2", alpha=0.15)
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=220, transparent=True)
        show(figure, alt="a path")
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
            figure.text(0, 0, "small print", fontsize=size)
            return figure

        show(with_text(10.6 / per_point), alt="legible")
        small = with_text(10.4 / per_point)
        with pytest.raises(
            ValueError, match=r"'small print' is 10\.4 pixels high, less than 10\.5"
        ):
            show(small, alt="too small")
        plt.close(small)
        with pytest.raises(ValueError, match=r"'small print' is 10\.4 pixels"):
            explore(lambda size: with_text(size / per_point), size=[11, 10.4], alt="{size}")
        plt.close("all")

    def test_blank_text_may_have_any_size(self, displayed):
        figure = plt.figure(figsize=(5, 2))
        figure.text(0, 0, " ", fontsize=1)
        show(figure, alt="nothing")

    def test_drawing_twice_gives_the_same_bytes(self, displayed):
        show(draw(0.5), alt="a path")
        show(draw(0.5), alt="a path")
        assert displayed[0] == displayed[1]

    def test_alt_text_may_be_computed(self, displayed):
        explore(draw, alt=lambda eta: f"ends at {1 - eta:.1f}", eta=[0.1, 0.5])
        frames = displayed[0][MIME_TYPE]["frames"]
        assert [frame["alt"] for frame in frames] == ["ends at 0.9", "ends at 0.5"]


@pytest.mark.usefixtures("live")
class TestWithALiveKernel:
    def test_a_slider_draws_anew(self, displayed):
        labels = {"eta": "step size η"}
        explore(draw, alt=ALT, labels=labels, caption="$\\eta < 1$", eta=[0.1, 0.5], beta=[0, 0.5])
        eta, beta, view, caption = displayed[0].children
        assert caption.value == "$\\eta &lt; 1$"
        assert [eta.description, beta.description] == ["step size η", "beta"]
        before = view.value
        assert ALT.format(eta="0.1", beta="0") in before
        eta.value = 0.5
        assert ALT.format(eta="0.5", beta="0") in view.value
        assert image_of(view.value) != image_of(before)
        beta.value = 0.5
        assert ALT.format(eta="0.5", beta="0.5") in view.value

    def test_it_starts_where_it_is_told(self, displayed):
        explore(draw, alt=ALT, start={"beta": 0.5}, eta=[0.1, 0.5], beta=[0.0, 0.5])
        eta, beta, view, _ = displayed[0].children
        assert (eta.value, beta.value) == (0.1, 0.5)
        assert ALT.format(eta="0.1", beta="0.5") in view.value

    def test_the_view_is_a_widget(self, displayed):
        explore(draw, alt="step {eta}", eta=[0.1])
        assert isinstance(displayed[0], ipywidgets.VBox)

    def test_a_still_figure_is_html_with_escaped_words(self, displayed):
        show(draw(0.5), alt='the "end" < 1', caption="$a < b$")
        data, _ = format_display_data(displayed[0])
        assert 'alt="the &quot;end&quot; &lt; 1"' in data["text/html"]
        assert "$a &lt; b$" in data["text/html"]


def image_of(html):
    return html.split('src="')[1].split('"')[0]


@pytest.mark.usefixtures("displayed")
@pytest.mark.parametrize("rendering", ["building", "live"])
class TestWhatIsRequired:
    @pytest.fixture(autouse=True)
    def _rendering(self, rendering, request):
        request.getfixturevalue(rendering)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"alt": "x"}, "at least one control"),
            ({"alt": "x", "eta": []}, "control eta needs at least one value"),
            ({"alt": "", "eta": [1]}, "needs an alternative text"),
            ({"alt": "  ", "eta": [1]}, "needs an alternative text"),
            ({"alt": lambda eta: "", "eta": [1]}, "needs an alternative text"),
            ({"alt": "always the same", "eta": [1, 2]}, "alt must name eta"),
            ({"alt": "step {eta}", "eta": [1], "start": {"eta": 2}}, "cannot start at 2"),
            ({"alt": "step {eta}", "eta": [1], "start": {"beta": 2}}, "start names no control"),
            ({"alt": "step {eta}", "eta": [1], "labels": {"beta": "β"}}, "labels names no control"),
            ({"alt": "step {eta}", "eta": range(MAX_FRAMES + 1)}, "251 frames are more than 250"),
        ],
    )
    def test_explore_refuses(self, options, message):
        with pytest.raises(ValueError, match=message):
            explore(draw, **options)

    @pytest.mark.parametrize("alt", ["", " ", None])
    def test_a_figure_without_words_is_refused(self, alt):
        figure = draw(0.5)
        with pytest.raises(ValueError, match="needs an alternative text"):
            show(figure, alt=alt)
        plt.close(figure)

    def test_alt_is_no_option(self):
        with pytest.raises(TypeError, match="alt"):
            explore(draw, eta=[1])
