"""Where a reader is, and how they come from one problem to another, in a real browser."""

import re

import pytest
from test_site import CHAPTERS, PAGES, html, opened

from book import audit
from byhand.problems import BEYOND, PROBLEMS
from byhand.problems import CHAPTERS as SOLVED

pytestmark = pytest.mark.browser

LAPTOP, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
ORDER = list(PROBLEMS)


@pytest.fixture(scope="module")
def files(site):
    """The site's address on the file system."""
    return site.as_uri()


@pytest.fixture(scope="module")
def pages(site):
    """Name of a chapter → the HTML of its page."""
    return {name: (site / "chapters" / f"{name}.html").read_text("utf-8") for name in SOLVED}


# -- addresses


@pytest.mark.parametrize("problem", [*PROBLEMS, *BEYOND])
def test_a_problem_has_its_id_for_an_address_and_keeps_that_of_its_title(pages, problem):
    text = pages[(PROBLEMS | BEYOND)[problem]]
    [(slug, heading)] = re.findall(
        rf'<section [^>]*id="{re.escape(problem)}">\s*<span id="([^"]+)"></span>\s*<h2>(.*?)<a',
        text,
    )
    words = problem if problem in PROBLEMS else "beyond the sheets"
    assert heading.lower().startswith(words.lower())
    assert slug.startswith(re.sub(r"\W", "-", words.lower()))


@pytest.mark.parametrize("name", ["problems", "notation", "teaching"])
def test_pages_name_problems_by_their_addresses(site, name):
    text = (site / "reference" / f"{name}.html").read_text("utf-8")
    linked = re.findall(r'<a [^>]*href="\.\./chapters/(\w+)\.html#([^"]+)"[^>]*>([^<]*)<', text)
    named = [(chapter, problem) for chapter, problem, shown in linked if problem == shown]
    assert named
    assert all(PROBLEMS[problem] == chapter for chapter, problem in named)
    if name == "problems":
        assert [problem for _, problem in named] == ORDER


def test_no_link_leads_to_the_title_of_a_problem(site):
    ids = "|".join(re.escape(re.sub(r"\W", "-", problem.lower())) for problem in PROBLEMS)
    for path in html(site):
        assert re.findall(rf'href="[^"]*#(?:{ids})-[^"]*"', path.read_text("utf-8")) == []


def test_a_problem_that_is_named_elsewhere_in_a_chapter_is_linked(pages):
    assert re.search(r'href="#C-compare">C-compare</a>\)', pages["02_optimization"])
    assert re.search(
        r'of <a [^>]*href="02_optimization.html#D1">D1</a> in', pages["03_sgd_stability"]
    )


# -- below a heading


@pytest.mark.parametrize("problem", ORDER)
def test_a_heading_says_how_long_the_problem_takes_and_leads_to_its_neighbors(pages, problem):
    chapter = PROBLEMS[problem]
    [line] = re.findall(
        rf'id="{re.escape(problem)}">.*?</h2>\s*<p class="problem-line[^>]*>(.*?)</p>',
        pages[chapter].replace("\n", " "),
    )
    assert 1 <= int(re.match(r"(\d+) min to read", line)[1]) <= 30
    place = ORDER.index(problem)
    around = {"prev": ORDER[max(0, place - 1) : place], "next": ORDER[place + 1 : place + 2]}
    for kind, expected in around.items():
        found = re.findall(rf'rel="{kind}" href="([^"]*)" title="[^"]+">[← ]*([^ <]+)', line)
        assert [name for _, name in found] == expected
        for address, name in found:
            page = "" if PROBLEMS[name] == chapter else f"{PROBLEMS[name]}.html"
            assert address == f"{page}#{name}"


# -- the contents of a page

MARKED = """
() => {
  const marked = [...document.querySelectorAll("#pst-page-toc-nav [aria-current]")];
  const list = document.querySelector("#pst-page-toc-nav").closest(".bd-sidebar-secondary");
  const seen = list.getBoundingClientRect();
  return {
    links: marked.map(link => decodeURIComponent(link.hash.slice(1))),
    isSeen: marked.every(link => {
      const {top, bottom} = link.getBoundingClientRect();
      return top >= Math.max(0, seen.top) && bottom <= Math.min(innerHeight, seen.bottom);
    }),
  };
}
"""
LISTED = """
() => [...document.querySelectorAll("#pst-page-toc-nav a")]
  .map(link => decodeURIComponent(link.hash.slice(1)))
"""


def settle(page):
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_contents_follow_the_reader_and_show_the_place(browser, served_site, name):
    options = {"viewport": LAPTOP, "reduced_motion": "reduce"}
    with opened(browser, served_site, name, **options) as page:
        assert page.evaluate(MARKED)["links"] == []
        for problem in page.evaluate(LISTED):
            page.evaluate("id => { location.hash = id }", problem)
            settle(page)
            page.wait_for_timeout(100)
            # The last sections may be too short to come to the top.
            is_end = page.evaluate(
                "innerHeight + scrollY > document.documentElement.scrollHeight - 2"
            )
            marked = page.evaluate(MARKED)
            assert marked["isSeen"], problem
            assert len(marked["links"]) == 1
            assert marked["links"] == [problem] or is_end
        page.evaluate("scrollTo(0, 0)")
        settle(page)
        assert page.evaluate(MARKED)["links"] == []
        assert page.problems == []


def test_the_contents_show_the_place_in_the_middle_of_a_long_section(browser, served_site):
    with opened(browser, served_site, CHAPTERS[1], viewport=LAPTOP) as page:
        page.evaluate("document.getElementById('E1.1').scrollIntoView({behavior: 'instant'})")
        page.wait_for_timeout(200)
        page.evaluate("scrollBy({top: innerHeight * 1.5, behavior: 'instant'})")
        settle(page)
        page.wait_for_timeout(100)
        marked = page.evaluate(MARKED)
        within = "(id) => !!document.getElementById(id).closest('[id=\"E1.1\"]')"
        assert marked["isSeen"]
        assert page.evaluate(within, marked["links"][0])


def test_on_a_phone_the_contents_open_where_the_reader_is(browser, served_site):
    with opened(browser, served_site, CHAPTERS[1] + "#E2.3.1", viewport=PHONE) as page:
        page.wait_for_timeout(300)
        before = page.evaluate("scrollY")
        box = page.locator(".secondary-toggle").first.bounding_box()
        page.mouse.click(box["x"] + 9, box["y"] + 9)
        page.wait_for_timeout(500)
        marked = page.locator("#pst-page-toc-nav [aria-current]")
        assert page.evaluate("scrollY") == before
        assert marked.count() == 1
        assert marked.get_attribute("href") == "#E2.3.1"
        box = marked.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= PHONE["height"]


# -- the room that a page takes


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_high_as_it_will_be_before_it_is_laid_out(browser, files, name, viewport):
    high = "document.documentElement.scrollHeight"
    with opened(browser, files, name, viewport=viewport) as page:
        page.wait_for_timeout(500)  # by then what is near the screen is laid out
        announced = page.evaluate(high)
        page.evaluate(audit.LAY_OUT_EVERYTHING)
        page.evaluate("document.fonts.ready.then(() => 0)")
        assert announced == pytest.approx(page.evaluate(high), rel=0.15, abs=0)


LINES = """
() => [...document.querySelectorAll("article :is(p, li)")]
  .filter(part => part.checkVisibility() && !part.closest("td, details, .prev-next-area"))
  .filter(part => !part.querySelector("ul, ol, p, div, pre, .katex"))
  .map(part => {
    const {height} = part.getBoundingClientRect();
    const lines = Math.round(height / parseFloat(getComputedStyle(part).lineHeight));
    return [lines, part.textContent.trim().length];
  })
  .filter(([lines]) => lines >= 4)
  .map(([lines, letters]) => letters / lines)
"""


def test_a_line_of_text_has_some_seventy_characters(browser, files):
    measured = []
    for name in [*CHAPTERS, "reference/teaching.html"]:
        with opened(browser, files, name, viewport=LAPTOP) as page:
            page.evaluate(audit.LAY_OUT_EVERYTHING)
            measured += page.evaluate(LINES)
            article = "document.querySelector('.bd-article').clientWidth"
            code = "[...document.querySelectorAll('article pre')].map(e => e.offsetWidth)"
            text = "document.querySelector('article section > p:not([class])').offsetWidth"
            assert page.evaluate(text) < 0.9 * page.evaluate(article)
            if name in CHAPTERS:
                assert max(page.evaluate(code)) > 1.1 * page.evaluate(text)
    assert len(measured) > 20
    assert 60 <= sorted(measured)[len(measured) // 2] <= 75
    assert max(measured) <= 80
