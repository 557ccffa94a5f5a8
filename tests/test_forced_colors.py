"""Pages whose colors a reader's system sets: the focus is seen, and figures have paper."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from test_site import FROM_THE_TOP, load_pictures, opened

pytestmark = pytest.mark.browser

KINDS = [
    "index.html",
    "chapters/04_hypergradients.html",
    "chapters/06_convolutional_networks.html",
    "reference/problems.html",
    "reference/ledger.html",
    "reference/teaching.html",
    "reference/api_optimization.html",
    "search.html",
]
"""A page of each kind."""

STOPS = 250
"""So many stops of a page are looked at: the rest are rows and claims like those before."""

# Of a button of a choice the label is marked, of the search its form.
FOCUSED = """
() => {
  const element = document.activeElement;
  const parts = [element, element.closest("[role=radiogroup] > label, form.bd-search") ?? element];
  return {
    html: element.outerHTML.slice(0, 120),
    isOnScreen: element.getBoundingClientRect().bottom > 0,
    isMarked: parts.map(part => getComputedStyle(part)).some(
      ({outlineStyle, outlineWidth}) => outlineStyle == "solid" && parseFloat(outlineWidth) >= 2),
  };
}
"""


@pytest.mark.parametrize("name", KINDS)
def test_every_stop_of_the_keyboard_is_marked(browser, site, name):
    options = {"forced_colors": "active", "reduced_motion": "reduce"}
    with opened(browser, site.as_uri(), name, **options) as page:
        page.evaluate(FROM_THE_TOP)
        stops = 0
        for _ in range(STOPS):
            page.keyboard.press("Tab")
            focused = page.evaluate(FOCUSED)
            if focused["html"].startswith("<body"):  # the last stop is behind us
                break
            assert focused["isMarked"], focused
            assert focused["isOnScreen"], focused
            stops += 1
        assert stops > 20
        assert page.problems == []


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_black_on_white(browser, site, scheme, mode):
    options = {"forced_colors": "active", "color_scheme": scheme}
    with opened(browser, site.as_uri(), "chapters/04_hypergradients.html", **options) as page:
        page.evaluate("mode => localStorage.setItem('mode', mode)", mode)
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == mode
        load_pictures(page)
        for image in page.locator(".book-figure img").all()[:3]:
            image.scroll_into_view_if_needed()
            image.evaluate("image => image.decode()")
            with Image.open(BytesIO(image.screenshot())) as picture:
                light = np.asarray(picture.convert("L"))
            assert np.median(light) == 255
            middle = slice(len(light) // 4, len(light) // 2)
            assert (light[middle, 2] == 255).all()  # the edge of the paper
            assert (light < 100).mean() > 0.001


# Of a formula in a line: those with something above a letter.
ACCENTED = "article section > p .katex:has(.accent)"


def test_an_accent_leaves_the_letter_below_it_to_be_seen(browser, site):
    def inks(colors):
        name = "chapters/05_backpropagation.html"
        with opened(browser, site.as_uri(), name, forced_colors=colors) as page:
            formulas = page.locator(ACCENTED).all()[:12]
            for formula in formulas:
                formula.scroll_into_view_if_needed()
                page.evaluate("document.fonts.ready.then(() => 0)")
                with Image.open(BytesIO(formula.screenshot())) as picture:
                    light = np.asarray(picture.convert("L"), float)
                yield (light.max() - light).sum() / np.ptp(light)

    usual, forced = list(inks("none")), list(inks("active"))
    assert len(usual) == 12
    np.testing.assert_allclose(forced, usual, rtol=0.1)
