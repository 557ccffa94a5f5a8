"""A page in a frame that a course's page gives no rights but to run scripts."""

from contextlib import contextmanager

import pytest
from conftest import hosted

pytestmark = pytest.mark.browser

CHAPTER = "chapters/04_hypergradients.html"


@pytest.fixture(scope="module")
def host(site):
    """The site at a host that lets any page read its files, as GitHub does."""
    with hosted(site, headers={"Access-Control-Allow-Origin": "*"}) as address:
        yield address


@contextmanager
def framed(browser, host, name):
    """Open a page of the site in a sandboxed frame; ``frame.problems`` lists what goes wrong."""
    outer = f'<iframe sandbox="allow-scripts" width="1200" height="800" src="{host}/{name}">'
    with browser.new_context(
        color_scheme="light", viewport={"width": 1280, "height": 900}
    ) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        problems = []
        page.on("console", lambda m: m.type == "error" and problems.append(m.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.route(
            "**/course.html", lambda route: route.fulfill(body=outer, content_type="text/html")
        )
        page.goto(f"{host}/course.html")
        [frame] = page.main_frame.child_frames
        frame.wait_for_load_state()
        frame.problems = problems
        yield frame


@pytest.fixture
def frame(browser, host):
    with framed(browser, host, CHAPTER) as frame:
        yield frame
        assert frame.problems == []


READ = """
name => {
  const frame = document.body.appendChild(document.createElement("iframe"));
  try { return frame.contentWindow[name].length } catch (error) { return error.name }
}
"""


@pytest.mark.parametrize("name", ["localStorage", "sessionStorage"])
def test_the_frame_has_no_storage(frame, name):
    assert frame.evaluate("self.origin") == "null"
    assert frame.evaluate(READ, name) == "SecurityError"


def test_the_color_mode_is_switched(frame):
    frame.locator(".theme-switch-button").first.click()
    data = "(({mode, theme}) => [mode, theme])(document.documentElement.dataset)"
    assert frame.evaluate(data) == ["dark", "dark"]
    assert frame.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_the_search_opens_and_finds(frame):
    frame.locator(".search-button__button").first.click()
    field = frame.locator("#pst-search-dialog input")
    field.fill("hypergradient")
    field.press("Enter")
    found = frame.locator("ul.search a").first
    found.wait_for()
    assert "q=hypergradient" in frame.url
    found.click()
    frame.wait_for_url(lambda url: "search.html" not in url)


@pytest.mark.parametrize("by", ["button", "Enter"])
def test_an_answer_is_judged(frame, by):
    form = frame.locator("form.answer", has=frame.locator("input[type=text]")).first
    field = form.locator("input[type=text]").first
    field.fill("-g_2^T g_1")
    if by == "button":
        form.get_by_role("button").click()
    else:
        field.press("Enter")
    form.locator("[data-verdict=right]").wait_for()


def test_try_first_folds_the_solutions(frame):
    menu = frame.locator(".menu:has(.try-first)")
    menu.locator("summary").click()
    menu.locator(".try-first").click()
    assert frame.locator(".answers:not([data-open]) ~ *:visible").count() == 0
    menu.locator(".try-first").click()
    assert frame.locator(".answers ~ *:visible").count() > 10


def test_a_slider_moves_its_figure(frame):
    figure = frame.locator(".book-figure:has(input[type=range])").first
    before = figure.locator("img").get_attribute("src")
    figure.locator("input[type=range]").first.press("ArrowRight")
    assert figure.locator("img").get_attribute("src") != before
