"""Figures with controls in a real browser: their state in the address, and on a slow line."""

from urllib.parse import parse_qs, urlsplit

import pytest
from test_site import CHAPTERS, opened

pytestmark = pytest.mark.browser

STARTS = """
() => [...document.querySelectorAll(".book-figure script")].map(script => {
  const figure = script.closest("figure");
  return [figure.id, JSON.parse(script.textContent)];
})
"""
SHOWN = """
id => {
  const figure = document.getElementById(id);
  const image = figure.querySelector("img");
  const controls = [...figure.querySelectorAll("input[type=range], [role=radiogroup]")];
  return {
    file: image.src.split("/").pop(),
    alt: image.alt,
    positions: controls.map(one => Number((one.querySelector(":checked") ?? one).value)),
    said: [...figure.querySelectorAll("output")].map(one => one.textContent),
  };
}
"""


@pytest.fixture(scope="module")
def files(site):
    """The site's address on the file system."""
    return site.as_uri()


@pytest.fixture(params=["files", "served_site"])
def base(request):
    return request.getfixturevalue(request.param)


def last_frame(data):
    """The query for the last value of each control, and the frame that it has."""
    asked = zip(data["names"], data["values"], strict=True)
    return "&".join(f"{name}={values[-1]}" for name, values in asked), data["frames"][-1]


@pytest.mark.parametrize("name", [*CHAPTERS, "index.html"])
def test_an_address_shows_each_explorer_as_it_says(browser, files, name):
    with opened(browser, files, name) as page:
        explorers = page.evaluate(STARTS)
    asked, frames = zip(*[last_frame(data) for _, data in explorers], strict=True)
    with opened(browser, files, f"{name}?{'&'.join(asked)}#main-content") as page:
        for (figure, data), (file, alt) in zip(explorers, frames, strict=True):
            shown = page.evaluate(SHOWN, figure)
            assert (shown["file"], shown["alt"]) == (file, alt)
            assert shown["positions"] == [len(values) - 1 for values in data["values"]]
            assert set(shown["said"]) <= {values[-1] for values in data["values"]}
        assert page.problems == []


@pytest.mark.parametrize("name", [*CHAPTERS, "index.html"])
def test_what_a_control_shows_is_in_the_address_and_comes_back(browser, files, name):
    with opened(browser, files, f"{name}?kept=1") as page:
        explorers = page.evaluate(STARTS)
        before = page.evaluate("history.length")
        for figure, data in explorers:
            for i, values in enumerate(data["values"]):
                control = page.locator(f"#{figure} :is(input[type=range], [role=radiogroup])").nth(
                    i
                )
                move(control, len(values))
        shown = {figure: page.evaluate(SHOWN, figure) for figure, _ in explorers}
        address = urlsplit(page.evaluate("location.href"))
        asked = parse_qs(address.query, keep_blank_values=True)
        assert address.fragment == explorers[-1][0]
        assert asked.pop("kept") == ["1"]
        assert set(asked) == {name for _, data in explorers for name in data["names"]}
        assert page.evaluate("history.length") == before
    with opened(browser, files, address.geturl().removeprefix(f"{files}/")) as page:
        assert {figure: page.evaluate(SHOWN, figure) for figure, _ in explorers} == shown
        assert page.problems == []


def move(control, count):
    """Choose another of a control's values by keyboard."""
    if control.get_attribute("role") == "radiogroup":
        control.locator("input:checked").press("ArrowRight", timeout=5000)
    else:
        at_end = control.input_value() == str(count - 1)
        control.press("ArrowLeft" if at_end else "ArrowRight", timeout=5000)


def test_an_address_that_a_figure_wrote_leads_to_the_figure(browser, base):
    with opened(browser, base, CHAPTERS[3], viewport={"width": 1280, "height": 800}) as page:
        page.locator("#figure-parabola input").first.press("ArrowRight")
        address = page.evaluate("location.href").removeprefix(f"{base}/")
    with opened(browser, base, address, viewport={"width": 1280, "height": 800}) as page:
        page.wait_for_timeout(500)
        box = page.locator("#figure-parabola").bounding_box()
        assert -5 <= box["y"] < 800


@pytest.mark.parametrize("query", ["?parabola.eta=17", "?parabola.eta=", "?none.eta=0.2", "?%"])
def test_an_address_that_says_nothing_leaves_the_figures(browser, base, query):
    with opened(browser, base, CHAPTERS[3]) as page:
        explorers = page.evaluate(STARTS)
        before = [page.evaluate(SHOWN, figure) for figure, _ in explorers]
    with opened(browser, base, f"{CHAPTERS[3]}{query}#D3.2") as page:
        assert [page.evaluate(SHOWN, figure) for figure, _ in explorers] == before
        assert page.problems == []


def test_on_a_slow_line_a_figure_says_that_its_picture_is_to_come(browser, served_site):
    with opened(browser, served_site, CHAPTERS[3]) as page:
        held, is_slow = [], True
        figure = page.locator("#figure-parabola")
        figure.scroll_into_view_if_needed()
        figure.locator("img").evaluate("image => image.decode()")
        page.route(
            "**/_figures/*",
            lambda route: held.append(route) if is_slow else route.continue_(),
        )
        figure.locator("input").first.press("End")
        page.wait_for_selector("#figure-parabola[aria-busy=true]")
        sign = figure.evaluate("figure => getComputedStyle(figure, '::before').content")
        assert "loading" in sign
        assert figure.locator("img").evaluate("i => Number(getComputedStyle(i).opacity)") < 0.5
        is_slow = False
        for route in held:
            route.continue_()
        page.wait_for_selector("#figure-parabola:not([aria-busy])")
        assert figure.locator("img").evaluate("i => i.complete && i.currentSrc === i.src")
        assert page.problems == []


def test_a_picture_that_is_there_is_not_waited_for(browser, served_site):
    with opened(browser, served_site, CHAPTERS[3]) as page:
        page.evaluate("""() => {
          window.marks = 0;
          const watch = new MutationObserver(found => { window.marks += found.length });
          watch.observe(document.body, {subtree: true, attributeFilter: ["aria-busy"]});
        }""")
        page.clock.install(time=0)
        page.clock.pause_at(10_000)  # however busy the machine is, no time passes by itself
        slider = page.locator("#figure-parabola input").first
        for key in ("ArrowRight", "ArrowLeft", "ArrowRight"):
            slider.press(key)
            page.locator("#figure-parabola img").evaluate("image => image.decode()")
            page.clock.run_for(1000)
        assert page.evaluate("window.marks") == 0
