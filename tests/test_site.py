"""The built book in a real browser: from the file system without a network, and over HTTP."""

import json
import re
import statistics
from contextlib import contextmanager
from html import unescape
from io import BytesIO
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from conftest import STRICT, hosted, until
from PIL import Image

from book import audit, inputs, maths, openings
from byhand.explore import PHONE_WIDTH

pytestmark = pytest.mark.browser


def documents(entry) -> list[str]:
    """Every file that a table of contents names, in its order."""
    if isinstance(entry, list):
        return [name for item in entry for name in documents(item)]
    inside = [entry[key] for key in ("parts", "chapters", "sections") if key in entry]
    return [entry[key] for key in ("root", "file") if key in entry] + documents(inside)


DOCUMENTS = documents(yaml.safe_load((inputs.ROOT / "_toc.yml").read_text(encoding="utf-8")))
CHAPTER = "chapters/02_optimization.html"  # the longest, with the most formulas
PAGES = [f"{name}.html" for name in (*DOCUMENTS, "search")]


@contextmanager
def opened(browser, base, name, **options):
    """Open a page in a context of its own; ``page.problems`` lists what goes wrong on it."""
    with browser.new_context(offline=base.startswith("file:"), **options) as context:
        page = context.new_page()
        page.problems = []
        page.on("console", lambda m: m.type == "error" and page.problems.append(m.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        # What is still on its way when a page is left is dropped, and no fault of the page.
        page.on(
            "requestfailed",
            lambda r: "ABORTED" in r.failure or page.problems.append(f"{r.failure}: {r.url}"),
        )
        page.on("response", lambda r: r.ok or page.problems.append(f"{r.status}: {r.url}"))
        ours = (base, "data:")
        page.on(
            "request", lambda r: r.url.startswith(ours) or page.problems.append(f"asks {r.url}")
        )
        page.goto(f"{base}/{name}")
        yield page


@pytest.fixture(scope="module")
def files(site):
    """The site's address on the file system."""
    return site.as_uri()


@pytest.fixture(scope="module", params=PAGES)
def page(browser, files, request):
    """Each page of the site in its turn, opened from the file system with the network cut off."""
    with opened(browser, files, request.param, reduced_motion="reduce") as page:
        yield page


LOAD_PICTURES = """
() => Promise.all([...document.images].map(image => new Promise(done => {
  image.onload = image.onerror = done;
  image.loading = "eager";
  if (image.complete) done();
})))
"""


def load_pictures(page):
    page.evaluate(LOAD_PICTURES)


# -- each page


def test_it_opens_without_a_network(page):
    load_pictures(page)
    assert page.problems == []
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)") == []


def test_there_is_one_way_to_search(page):
    outside = ":not(article *):visible"
    ways = page.locator(f"input[type=search]{outside}, .search-button__button{outside}")
    assert ways.count() == 1


def test_pictures_have_words(page):
    images = "[...document.querySelectorAll('article img')]"
    alts = page.evaluate(f"{images}.map(image => image.alt.trim())")
    assert all(alts)


NOT_RENDERED = r"""
() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const raw = [];
  while (walker.nextNode()) {
    const {data, parentElement} = walker.currentNode;
    if (parentElement.closest("pre, code, script, style, .katex")) continue;
    if (/\\[([]|\$[^$]+\$|\{(eq|prf:ref)\}|:::/.test(data)) raw.push(data.trim());
  }
  return raw;
}
"""


def test_formulas_and_references_are_set(page):
    assert page.locator(".katex-error").count() == 0
    assert page.evaluate(NOT_RENDERED) == []


def test_sliders_move_their_figures_by_keyboard(page):
    for figure in page.locator(".book-figure").all():
        for slider in figure.locator("input[type=range]").all():
            assert slider.evaluate("s => [...s.labels].map(l => l.textContent).join()").strip()
            before = state(figure, slider)
            at_end = slider.get_attribute("max") == slider.input_value()
            slider.press("ArrowLeft" if at_end else "ArrowRight")
            after = state(figure, slider)
            assert all(before[key] != after[key] for key in before), (before, after)
            assert after["value"] == after["spoken value"]
            assert after["alt"] == after["spoken words"]
            figure.locator("img").evaluate("image => image.decode()")
    assert page.problems == []


def test_buttons_choose_the_frames_of_their_figures_by_keyboard(page):
    for group in page.get_by_role("radiogroup").all():
        name = group.get_attribute("aria-labelledby")
        assert page.locator(f"#{name}").text_content().strip()
        figure = page.locator(".book-figure").filter(has=group)
        image, seen = figure.locator("img"), []
        for _ in group.get_by_role("radio").all():
            group.locator("input:checked").press("ArrowRight")
            words = image.get_attribute("alt")
            assert figure.locator("p[role=status]").text_content() == words
            seen.append((words, image.get_attribute("src")))
            image.evaluate("image => image.decode()")
        assert len(set(seen)) == len(seen) == group.get_by_role("radio").count()
    assert page.problems == []


def test_named_choices_are_buttons(browser, site):
    with opened(browser, site.as_uri(), "chapters/05_backpropagation.html") as page:
        schemes = page.get_by_role("radiogroup", name="first weights")
        assert schemes.get_by_role("radio", name="He", exact=True).is_checked()
        schemes.get_by_text("Xavier").click()
        words = page.locator(".book-figure").filter(has=schemes).locator("img")
        assert "Xavier weights, ReLU" in words.get_attribute("alt")
        boxes = [label.bounding_box() for label in schemes.locator("label").all()]
        assert all(box["height"] >= 24 and box["width"] >= 24 for box in boxes)


def state(figure, slider):
    image, slider_id = figure.locator("img"), slider.get_attribute("id")
    return {
        "picture": image.get_attribute("src"),
        "alt": image.get_attribute("alt"),
        "spoken words": figure.locator("p[role=status]").text_content(),
        "value": figure.locator(f"output[for={slider_id}]").text_content(),
        "spoken value": slider.get_attribute("aria-valuetext"),
    }


# axe takes long to find the colors below each letter of a formula, which has its line's color.
# A page from the file system may not read its own styles, so axe is not to fetch them.
AXE = """
async looksAt => {
  await new Promise(done => setTimeout(done, 500));
  const contrast = {runOnly: ["color-contrast"], preload: false};
  const rest = {rules: {"color-contrast": {enabled: false}}, preload: false};
  const runs = [];
  if (looksAt.includes("contrast")) runs.push(await axe.run({exclude: [".katex"]}, contrast));
  if (looksAt.includes("rest")) runs.push(await axe.run(rest));
  return runs.flatMap(run => run.violations);
}
"""


@pytest.mark.parametrize(
    ("scheme", "colors", "width", "looks_at"),
    [
        ("light", "none", 1280, ["contrast", "rest"]),
        ("dark", "none", 1280, ["contrast"]),
        ("light", "none", 320, ["rest"]),
        ("dark", "active", 320, ["rest"]),
    ],
    ids=["light", "dark", "narrow", "narrow, in forced colors"],
)
def test_axe_finds_no_violation(page, axe, scheme, colors, width, looks_at):
    page.emulate_media(color_scheme=scheme, forced_colors=colors)
    page.set_viewport_size({"width": width, "height": 720})
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    page.evaluate(audit.LAY_OUT_EVERYTHING)
    page.evaluate(axe.read_text("utf-8"))
    violations = page.evaluate(AXE, looks_at)
    page.emulate_media(forced_colors="none")
    found = [(v["id"], v["help"], [node["html"] for node in v["nodes"]]) for v in violations]
    assert found == []


WIDEST = """
() => [...document.body.querySelectorAll("*")]
  .map(element => [element.getBoundingClientRect().right, element.outerHTML.slice(0, 100)])
  .sort((one, other) => other[0] - one[0]).slice(0, 5)
"""


@pytest.mark.parametrize(
    ("width", "font_size"),
    [(320, "100%"), (360, "100%"), (640, "100%"), (1280, "200%")],
    ids=["small phone", "phone", "page enlarged twice", "text enlarged twice"],
)
def test_it_fits_the_screen(page, width, font_size):
    page.set_viewport_size({"width": width, "height": 740})
    page.evaluate(audit.LAY_OUT_EVERYTHING)
    page.evaluate("size => { document.documentElement.style.fontSize = size }", font_size)
    try:
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width, page.evaluate(
            WIDEST
        )
    finally:
        page.evaluate("document.documentElement.style.fontSize = null")


# What is laid out for the first time asks for its fonts, and is measured once they are there.
BESIDE_THE_SCREEN = """
async width => {
  await globalThis.byhandFillOpenings?.();
  document.querySelectorAll("details.claim").forEach(details => { details.open = true });
  const measure = () => [...document.querySelectorAll("details.claim *, figure.claims *")]
    .filter(part => !part.closest("svg, math") && part.checkVisibility())
    .filter(part => part.getBoundingClientRect().right > width || part.scrollWidth > width)
    .map(part => part.outerHTML.slice(0, 200));
  measure();
  await document.fonts.ready;
  return measure();
}
"""


def test_what_a_claim_opens_to_is_fetched_when_a_reader_comes_near(browser, served_site):
    with browser.new_context() as context:
        page, asked, is_cut = context.new_page(), [], True

        def answer(route):
            asked.append(route.request.url)
            route.abort() if is_cut else route.continue_()

        page.route("**/openings/*", answer)
        page.goto(f"{served_site}/{CHAPTERS[0]}", wait_until="networkidle")
        claim = page.locator("details.claim").first
        assert asked == []
        claim.locator("summary").click()
        claim.get_by_text("What is here could not be fetched.").wait_for()
        page.mouse.move(0, 0)
        is_cut = False
        claim.locator("summary").hover()
        claim.get_by_text("in common").wait_for()
        assert page.locator(".claim-place").count() == 0
        page.locator("details.claim > summary").nth(1).click()
        assert len(asked) == 2


def test_all_that_a_claim_opens_to_is_on_the_screen_of_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(BESIDE_THE_SCREEN, 390) == []


# The observers of the page have seen it after two frames.
WITHOUT_A_CUE = """
async () => {
  const frame = () => new Promise(done => requestAnimationFrame(done));
  await document.fonts.ready;
  await frame();
  await frame();
  document.querySelectorAll("details.claim").forEach(details => { details.open = true });
  await frame();
  await frame();
  return [...document.querySelectorAll("article *")]
    .filter(block => block.checkVisibility() && getComputedStyle(block).overflowX === "auto")
    .filter(block => block.scrollWidth > block.clientWidth + 1)
    .filter(block => getComputedStyle(block).maskImage === "none")
    .map(block => block.outerHTML.slice(0, 200));
}
"""


def test_what_scrolls_sideways_on_a_phone_fades_where_there_is_more(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(audit.LAY_OUT_EVERYTHING)
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    assert page.evaluate(WITHOUT_A_CUE) == []


CUT_FORMULAS = """
async () => {
  const shown = new CSSStyleSheet();
  shown.replaceSync("main * { content-visibility: visible !important }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, shown];
  const measure = () => [...document.querySelectorAll(".katex-display .katex-html")]
    .filter(formula => formula.checkVisibility() && formula.scrollWidth > formula.clientWidth)
    .map(formula => formula.parentElement.dataset.latex.trim());
  measure();
  await document.fonts.ready;
  return measure();
}
"""


def test_a_displayed_formula_fits_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(CUT_FORMULAS) == []


BROKEN_NUMBERS = r"""
() => [...document.querySelectorAll("table.claims-table td:not(:has(table, .math))")]
  .filter(cell => cell.checkVisibility() && /^[−\d./⁄·]+$/.test(cell.textContent))
  .filter(cell => {
    const content = document.createRange();
    content.selectNodeContents(cell);
    return content.getBoundingClientRect().height > 2 * parseFloat(getComputedStyle(cell).fontSize);
  })
  .map(cell => cell.textContent)
"""


def test_a_number_of_a_table_stands_in_one_line_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(BROKEN_NUMBERS) == []


PARTED_MARKS = r"""
() => {
  const textBeside = (formula, side) => {
    const beside = formula[side];
    return beside?.nodeType === Node.TEXT_NODE ? beside : { data: "" };
  };
  const place = (text, at) => {
    const mark = document.createRange();
    mark.setStart(text, at);
    mark.setEnd(text, at + 1);
    return mark.getBoundingClientRect();
  };
  const together = (left, right) =>
    Math.abs(left.right - right.left) < 4 && left.bottom > right.top && right.bottom > left.top;
  const isParted = (formula) => {
    const parts = formula.matches(".base") ? [formula] : [...formula.querySelectorAll(".base")];
    const [first, last] = [parts[0], parts.at(-1)].map(part => part.getBoundingClientRect());
    const before = textBeside(formula, "previousSibling");
    const after = textBeside(formula, "nextSibling");
    return /[([“‘]$/.test(before.data) && !together(place(before, before.length - 1), first)
      || /^[.,;:!?)\]’”…-]/.test(after.data) && !together(last, place(after, 0));
  };
  return [...document.querySelectorAll("main span.math.katex")]
    .filter(formula => formula.checkVisibility() && isParted(formula))
    .map(formula => formula.parentElement.textContent.slice(0, 200));
}
"""


@pytest.mark.parametrize("width", [320, 390, 1400])
def test_no_line_ends_between_a_formula_and_a_mark_beside_it(page, width):
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate(CUT_FORMULAS)  # lays all of the page out
    assert page.evaluate(PARTED_MARKS) == []


@pytest.mark.parametrize("width", [320, 390])
def test_the_names_of_the_pages_before_and_after_are_not_cut_off(page, width):
    page.set_viewport_size({"width": width, "height": 844})
    links = page.locator(".prev-next-area a").all()
    assert all(link.evaluate("link => link.scrollWidth <= link.clientWidth") for link in links)


@pytest.mark.parametrize("width", [320, 390])
def test_a_row_of_the_ledger_or_the_errata_fits_a_phone(browser, files, width):
    for name in ("ledger", "errata"):
        viewport = {"width": width, "height": 844}
        with opened(browser, files, f"reference/{name}.html", viewport=viewport) as page:
            page.evaluate(audit.LAY_OUT_EVERYTHING)
            page.evaluate("document.fonts.ready.then(() => 0)")
            scrolls = "tables => tables.filter(t => t.scrollWidth > t.clientWidth).length"
            assert page.locator(".pst-scrollable-table-container").evaluate_all(scrolls) == 0


def test_no_table_scrolls_sideways_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(audit.LAY_OUT_EVERYTHING)
    wide = "tables => tables.filter(t => t.scrollWidth > t.clientWidth + 1).map(t => t.innerText)"
    assert page.locator(".pst-scrollable-table-container").evaluate_all(wide) == []


# Between the groups of a number, it and its unit, and a dot and what is before it.
BROKEN = re.compile(r"\d \d{3}(?!\d)|\d (?:%|µs|ms)|± |\S [±·]")


def test_no_line_breaks_within_a_number_or_before_a_dot(page):
    text = """() => [...document.querySelectorAll("article :is(p, li, td, th, summary)")]
      .filter(part => !part.querySelector("p, li, td"))
      .map(part => {
        const copy = part.cloneNode(true);
        copy.querySelectorAll("pre, code, math, .katex, script").forEach(one => one.remove());
        return copy.textContent;
      })"""
    assert [words for words in page.evaluate(text) if BROKEN.search(words)] == []


def test_each_id_is_that_of_one_part(page):
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(part => part.id)")
    assert len(ids) == len(set(ids))


def test_figures_have_the_width_of_a_phone_that_their_text_is_measured_for(page):
    page.set_viewport_size({"width": 390, "height": 844})
    scheme = page.evaluate("document.documentElement.dataset.theme")
    for theme in ("light", "dark", scheme):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        for image in page.locator(".book-figure img").all():
            assert image.evaluate("image => image.width") >= PHONE_WIDTH


MOVING = """
() => ["", "::before", "::after"].flatMap(part => [...document.querySelectorAll("*")]
  .map(element => [element, getComputedStyle(element, part || null)])
  .filter(([, style]) => style.scrollBehavior == "smooth"
    || [style.transitionDuration, style.animationDuration].some(time => parseFloat(time) > 0))
  .map(([element]) => element.outerHTML.slice(0, 80)))
"""


def test_nothing_moves_where_no_motion_is_wanted(page):
    assert page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    assert page.evaluate(MOVING) == []


FOCUSED = """
() => {
  const element = document.activeElement;
  const box = element.getBoundingClientRect();
  const styles = [element, element.form ?? element].map(marked => getComputedStyle(marked));
  return {
    html: element.outerHTML.slice(0, 120),
    isMarked: element.matches(":focus-visible")
      && styles.some(style => style.outlineStyle != "none" || style.boxShadow != "none"),
    isOnScreen: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
  };
}
"""


FROM_THE_TOP = """
() => {
  const top = document.createElement("span");
  top.tabIndex = -1;
  document.body.prepend(top);
  top.focus();
}
"""


def test_the_header_is_walked_through_by_keyboard(page):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    page.evaluate(FROM_THE_TOP)  # wherever a page began
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to main content"
    seen = set()
    for _ in range(45):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["html"].startswith("<body"):  # the last link is behind us
            break
        assert focused["isMarked"], focused
        assert focused["isOnScreen"], focused
        seen.add(focused["html"])
    assert len(seen) > 20


def test_menus_open_and_close_by_keyboard(page):
    for menu in page.locator(".menu").all():
        menu.locator("summary").press("Enter")
        links = menu.locator("a, button")
        assert all(link.is_visible() for link in links.all())
        links.first.focus()
        page.keyboard.press("Escape")
        assert not links.first.is_visible()
        assert menu.locator("summary").evaluate("e => e === document.activeElement")


HIDDEN_FORMULAS = """
() => [...document.querySelectorAll("article .katex-html")].filter(
  formula => !formula.checkVisibility() && !formula.closest("details:not([open])")).length
"""


@pytest.mark.parametrize("name", PAGES)
def test_without_scripts_pictures_and_formulas_are_there_and_no_dead_control(browser, files, name):
    with opened(browser, files, name, java_script_enabled=False) as page:
        pictures = page.locator(".book-figure img")
        assert all(picture.is_visible() for picture in pictures.all())
        assert page.evaluate(HIDDEN_FORMULAS) == 0
        assert page.locator(".book-controls:visible, .search-button__button:visible").count() == 0
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.locator(".prev-next-footer a:visible").count() > 0 or name == "search.html"


# -- a host that allows nothing but a site's own files, with the book in a folder


@pytest.fixture(scope="module")
def strict_host(site):
    with hosted(site, below="/courses/by-hand/", headers=STRICT) as address:
        yield address


@pytest.mark.parametrize("name", PAGES)
def test_it_opens_at_a_strict_host(browser, strict_host, name):
    with opened(browser, strict_host, name) as page:
        load_pictures(page)
        assert page.problems == []
        assert page.evaluate("getComputedStyle(document.body).margin") == "0px"  # it has styles


def test_everything_works_at_a_strict_host(browser, strict_host):
    with opened(browser, strict_host, CHAPTER, color_scheme="light") as page:
        figure = page.locator(".book-figure:has(input)").first
        slider = figure.locator("input").first
        before = state(figure, slider)
        slider.press("ArrowRight")
        assert state(figure, slider) != before
        page.locator(".theme-switch-button").first.click()
        assert page.evaluate("document.documentElement.dataset.mode") == "dark"
        page.locator("button.copybtn").first.evaluate("button => button.click()")
        page.locator("button.copybtn.success").first.wait_for(state="attached")
        page.evaluate("window.print = () => { window.printed = true }")
        menu = page.locator(".menu:has([data-does])")
        menu.locator("summary").click()
        menu.locator("[data-does]").click()
        assert page.evaluate("window.printed")
        page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        page.keyboard.type("gradient\n")
        page.get_by_text("Places found:").wait_for()
        assert "gradient" in page.locator("ul.search p.context").first.inner_text().lower()
        assert page.problems == []


FORMULAS = """
() => [...document.querySelectorAll("article .katex")].map(formula =>
  [formula.dataset.latex, !!formula.closest(".katex-display")])
"""
# Beside the page's own styles, which have none of KaTeX's that no formula of the book needs.
AS_KATEX_WRITES_THEM = """
({texts, styles}) => {
  document.head.prepend(Object.assign(document.createElement("style"), {textContent: styles}));
  document.querySelectorAll("article .katex").forEach((formula, i) => {
    const written = document.createElement("template");
    written.innerHTML = texts[i];
    const katex = written.content.querySelector(".katex");
    if (!formula.matches(".math")) return formula.replaceWith(katex);
    const math = Object.assign(document.createElement("span"), {className: "math"});
    math.append(katex);
    formula.replaceWith(math);
  });
}
"""
# Each sign of each formula, and each line that is drawn; a zero-width space is none.
SIGNS = """
async () => {
  document.querySelectorAll("details").forEach(details => { details.open = true });
  document.body.getBoundingClientRect();
  await document.fonts.ready;
  const place = (name, box) => [name, box.x, box.y + scrollY, box.width, box.height];
  return [...document.querySelectorAll("article .katex-html")].map(formula => {
    const signs = [...formula.querySelectorAll("svg")].map(
      svg => place("line", svg.getBoundingClientRect()));
    const walker = document.createTreeWalker(formula, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const {currentNode} = walker;
      [...currentNode.data].forEach((sign, i) => {
        const range = document.createRange();
        range.setStart(currentNode, i);
        range.setEnd(currentNode, i + 1);
        if (sign != "\u200b") signs.push(place(sign, range.getBoundingClientRect()));
      });
    }
    return signs;
  });
}
"""
ASIDE, UP = 1 / 6, 1 / 16
"""So much of a pixel may a sign be moved, by room that is added up and cut off in another order."""

SHIFTED = 0.04
"""In so few formulas may that put a part onto another row of pixels."""


# Where a long formula is broken may hang on a hundredth of a pixel.
IN_ONE_LINE = """
const lines = new CSSStyleSheet();
lines.replaceSync(
  "article .katex.katex.katex {white-space: nowrap} article .katex wbr {display: none}");
document.adoptedStyleSheets.push(lines);
"""
HIDE_PICTURES = """
const styles = new CSSStyleSheet();
styles.replaceSync(".book-figure img {visibility: hidden}");
document.adoptedStyleSheets.push(styles);
"""


def rows_of_pixels(page):
    """Where a page is black, and where it is grey or is so a pixel to either side."""
    page.evaluate(HIDE_PICTURES)
    page.set_viewport_size({"width": 1280, "height": 3000})
    for top in range(0, page.evaluate("document.documentElement.scrollHeight"), 3000):
        page.evaluate(f"scrollTo(0, {top})")
        with Image.open(BytesIO(page.screenshot())) as picture:
            light = np.asarray(picture.convert("L"))
        grey = light < 200
        grey[:, 1:] |= light[:, :-1] < 200
        grey[:, :-1] |= light[:, 1:] < 200
        yield page.evaluate("scrollY"), light < 150, grey


def shifted(one, other, formulas):
    """The formulas that have black where another picture of the page has not even grey."""
    found = set()
    for (top, black, grey), (_, black_too, grey_too) in zip(one, other, strict=True):
        wrong = (black & ~grey_too) | (black_too & ~grey)
        for formula, (x, y, width, height) in formulas:
            place = slice(max(0, int(y - top)), max(0, int(y - top + height) + 1))
            if wrong[place, int(x) : int(x + width) + 1].any():
                found.add((formula, x, y))
    return found


PLACES = """
() => [...document.querySelectorAll("article .katex")].map(formula => {
  const {x, y, width, height} = formula.getBoundingClientRect();
  return [formula.dataset.latex, [x, y + scrollY, width, height]];
})
"""
CHAPTERS = [name for name in PAGES if name.startswith("chapters/")]


@pytest.mark.parametrize("name", CHAPTERS)
def test_formulas_look_at_a_strict_host_as_katex_means_them_to(browser, strict_host, name):
    looks, pictures, places = [], [], []
    styles = (maths.KATEX / "katex.min.css").read_text("utf-8")
    styles = re.sub(r"@font-face\{[^}]*\}", "", styles)
    for is_strict in (True, False):
        with opened(browser, strict_host, name, bypass_csp=not is_strict) as page:
            page.evaluate(audit.LAY_OUT_EVERYTHING)
            if not is_strict:
                formulas = page.evaluate(FORMULAS)
                texts = [maths._render(*formula, as_katex=True)["html"] for formula in formulas]
                assert sum(text.count(" style=") for text in texts) > 1000
                page.evaluate(AS_KATEX_WRITES_THEM, {"texts": texts, "styles": styles})
            page.evaluate(IN_ONE_LINE)
            looks.append(page.evaluate(SIGNS))
            if name == CHAPTER:
                pictures.append(list(rows_of_pixels(page)))
                places = places or page.evaluate(PLACES)
            assert page.problems == []
    assert sum(map(len, looks[0])) > 3000
    for latex, light, full in zip(formulas, *looks, strict=True):
        assert [sign[0] for sign in light] == [sign[0] for sign in full], latex
        for (_, x, y, *size), (_, x_too, y_too, *size_too) in zip(light, full, strict=True):
            assert abs(x - x_too) <= ASIDE, latex
            assert abs(y - y_too) <= UP, latex
            assert size == pytest.approx(size_too, abs=UP), latex
    if pictures:
        assert len(shifted(*pictures, places)) <= SHIFTED * len(places)


# Letters and numbers with signs between them are read as they stand.
PART = r"[−-]?(\d+(\.\d+)?|\w|[∞∇∂ℓ])"
PLAIN = rf"[(\[]?({PART}[=<>,+−≤≥≠→∈])*{PART}[)\]]?"
SAID = """
() => [...document.querySelectorAll("article .katex")].map(formula => [
  formula.dataset.latex,
  formula.textContent,
  formula.querySelectorAll(":scope > math:not(:empty)").length,
  formula.querySelectorAll(".katex-html[aria-hidden=true]").length,
])
"""


def test_each_formula_is_said_once(page):
    for latex, text, spoken, silent in page.evaluate(SAID):
        assert latex
        if spoken == silent == 0:
            assert re.fullmatch(PLAIN, text), latex
        else:
            assert (spoken, silent) == (1, 1), latex


PARTS = {"msub": 2, "msup": 2, "munder": 2, "mover": 2, "mfrac": 2, "mroot": 2}
PARTS |= {"msubsup": 3, "munderover": 3}


def test_what_is_said_of_a_formula_is_sound_mathml(site):
    unsound = []
    for path in html(site):
        for formula in re.findall("<math.*?</math>", openings.whole(path, site)):
            for part in ElementTree.fromstring(formula).iter():
                if len(part) != PARTS.get(part.tag, len(part)):
                    unsound.append((path.name, formula))
    assert unsound == []


COPIED = """
selector => {
  const formula = document.querySelector(selector);
  const range = document.createRange();
  range.selectNodeContents(formula.closest("p, .math"));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  const event = new ClipboardEvent(
    "copy", {clipboardData: new DataTransfer(), bubbles: true, cancelable: true});
  document.body.dispatchEvent(event);
  return [event.clipboardData.getData("text/plain"), formula.dataset.latex];
}
"""


@pytest.mark.parametrize(
    ("selector", "mark"), [("p .katex:has(math)", "$"), (".katex-display .katex", "$$")]
)
def test_a_formula_is_copied_as_its_latex(browser, files, selector, mark):
    with opened(browser, files, CHAPTER) as page:
        copied, latex = page.evaluate(COPIED, f"article {selector}")
        assert f"{mark}{' '.join(latex.split())}{mark}" in " ".join(copied.split())
        assert page.problems == []


def test_it_is_light(page, request, site):
    name = request.node.callspec.params["page"]
    page.evaluate(audit.LAY_OUT_EVERYTHING)
    elements = page.evaluate("document.querySelectorAll('*').length")
    assert elements <= audit.AT_MOST["elements"]
    assert (site / name).stat().st_size <= 1000 * audit.AT_MOST["kB of HTML"]


# By how much of the screen, and how far, parts of the page were moved by what came later.
WATCH_SHIFTS = """
globalThis.shifts = [];
new PerformanceObserver(list => shifts.push(...list.getEntries().map(entry => entry.value)))
  .observe({type: "layout-shift", buffered: true});
"""


@pytest.mark.parametrize(
    "name",
    ["chapters/02_optimization.html", "chapters/03_sgd_stability.html", "reference/ledger.html"],
)
def test_nothing_moves_while_a_page_arrives_on_a_slow_line(browser, served_site, name):
    with browser.new_context(viewport={"width": 1350, "height": 940}) as context:
        page = context.new_page()
        line = {
            "offline": False,
            "latency": 150,
            "downloadThroughput": 2e5,
            "uploadThroughput": 2e5,
        }
        context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)
        page.add_init_script(WATCH_SHIFTS)
        page.goto(f"{served_site}/{name}", wait_until="networkidle")
        assert sum(page.evaluate("shifts")) < 0.005  # a line of text that breaks anew: 0.02
        # The type of formulas is asked for with the styles, before any other script.
        asked = page.evaluate("performance.getEntriesByType('resource').map(({name}) => name)")
        assert "formula-type" in "".join(asked[:3])


def test_a_page_brings_the_styles_of_its_own_formulas_alone(site):
    for name in ("01_linear_algebra", "06_convolutional_networks"):
        text = openings.whole(site / f"chapters/{name}.html", site)
        rules = (site / f"_static/own-styles/{name}.css").read_text(encoding="utf-8")
        classes = {word for found in re.findall(r'class="([^"]*)"', text) for word in found.split()}
        assert set(re.findall(r"^\.([\w-]+):not", rules, flags=re.MULTILINE)) <= classes


def test_code_has_a_button_that_copies_it(browser, files):
    with opened(browser, files, CHAPTER) as page:
        block = page.locator("div.highlight:visible").first
        block.hover()
        button = block.get_by_role("button", name="Copy to clipboard")
        box, around = button.bounding_box(), block.bounding_box()
        assert min(box["width"], box["height"]) >= 24
        assert around["x"] < box["x"] < around["x"] + around["width"] - box["width"]
        icon = "button => getComputedStyle(button, '::before')"
        assert button.evaluate(f"{icon}.content") == '"\uf0c5"'
        assert "Font Awesome" in button.evaluate(f"{icon}.fontFamily")


@pytest.mark.parametrize(
    "planted",
    [
        "document.body.append(Object.assign(new Image(), {src: 'https://example.org/a.png'}))",
        "fetch('https://example.org/').catch(() => 0)",
        "document.head.append(Object.assign(document.createElement('script'), {text: '1'}))",
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"\" onerror=\"1\">')",
        "document.head.append(Object.assign(document.createElement('base'), {href: '//a.org/'}))",
    ],
    ids=["picture", "request", "script", "handler", "base"],
)
def test_a_page_lets_nothing_in_from_elsewhere(browser, served_site, planted):
    with opened(browser, served_site, PAGES[0]) as page:
        blocked = page.evaluate(
            f"""() => new Promise((resolve, reject) => {{
              addEventListener("securitypolicyviolation", event => resolve(event.disposition));
              setTimeout(reject, 5000);
              {planted};
            }})"""
        )
        assert blocked == "enforce"


# Styles, and scripts that are no data.
WITHIN = (
    r"""<style|<[a-z][^<>]*\s(?:style|on[a-z]+)=|<script(?![^>]*(?:\ssrc=|"application/json"))"""
)


def test_nothing_within_a_page_needs_leave(site):
    found = {
        path.relative_to(site).as_posix(): hits
        for path in html(site)
        if (hits := re.findall(WITHIN, path.read_text("utf-8")))
    }
    assert found == {}


# -- what a page says of itself


def test_it_has_a_name_a_description_and_its_place_in_the_book(page, request):
    name = request.node.callspec.params["page"].removesuffix(".html")
    title = page.title()
    assert title.count("Deep Learning by Hand") == 1
    description = page.locator("meta[name=description]").get_attribute("content")
    assert 20 < len(description) <= 155
    assert "\\" not in description
    if name == "search":
        return
    times = page.locator(".reading-time").all_text_contents()
    assert len(times) == name.startswith("chapters/")
    assert all(re.fullmatch(r"[1-9]\d* min to read", time) for time in times)
    place = DOCUMENTS.index(name)
    around = {"left": DOCUMENTS[place - 1 : place], "right": DOCUMENTS[place + 1 : place + 2]}
    for side, documents_there in around.items():
        links = page.locator(f".prev-next-footer a.{side}-{'prev' if side == 'left' else 'next'}")
        addresses = links.evaluate_all("links => links.map(link => link.href)")
        assert [a.partition("html/")[2].removesuffix(".html") for a in addresses] == documents_there


def test_its_contents_list_its_sections(page):
    listed = page.locator(".bd-toc-nav a, #pst-page-toc-nav a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    sections = page.locator("article h2").evaluate_all(
        "titles => titles.map(title => '#' + title.closest('section').id)"
    )
    assert set(sections) <= set(listed)


def test_it_can_be_downloaded_as_it_was_written(page, request, site):
    name = request.node.callspec.params["page"].removesuffix(".html")
    if name == "search":
        return
    [link] = page.locator(".menu a[href*='_sources/']").all()
    assert link.get_attribute("href").endswith(f"_sources/{name}{suffix(name)}")
    assert link.evaluate("link => new URL(link.href).pathname").endswith(suffix(name))
    downloaded, written = (
        (folder / f"{name}{suffix(name)}").read_text("utf-8")
        for folder in (site / "_sources", inputs.ROOT)
    )
    assert text_cells(downloaded) == text_cells(written)


def text_cells(text):
    """The text of a page, without the code, to which a notebook's installation may be added."""
    if not text.startswith("{"):
        return text
    return [cell["source"] for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]


def suffix(name):
    return next(s for s in (".ipynb", ".md") if (inputs.ROOT / f"{name}{s}").exists())


# -- the site


def html(site):
    """Every page of the site; what the theme keeps below _static is none."""
    return [path for path in site.rglob("*.html") if "_static" not in path.parts]


def test_the_pages_are_those_of_the_table_of_contents(site):
    assert {path.relative_to(site).as_posix() for path in html(site)} == {*PAGES, "404.html"}


def test_figures_are_light(site):
    sizes = [path.stat().st_size for path in (site / "_figures").iterdir()]
    assert statistics.median(sizes) < 25_000
    assert sum(size > 60_000 for size in sizes) <= 1  # the photograph
    assert max(sizes) < 100_000


DATA = '<script type="application/json">'


def linked(path, text):
    """Every address within a file of the site that a reader or a browser may follow from it."""
    if path.suffix == ".css":
        yield from re.findall(r"""url\(['"]?(?!data:)([^'")]+)""", text)
        return
    yield from map(unescape, re.findall(r'\s(?:href|src|action)="([^"]+)"', text))
    for data in re.findall(f"{DATA}(.*?)</script>", text):
        figure = json.loads(data)
        yield from (f"{figure['folder']}/{name}" for name, _ in figure["frames"])


def is_dead(site, path, link, ids):
    """Whether a link leads to nothing in the site, or to nothing outside of it."""
    address, _, fragment = link.partition("#")
    if re.match(r"https?:|mailto:", link):
        return False
    file = unquote(address.partition("?")[0])
    target = (path.parent / file).resolve() if file else path
    return (
        not target.is_relative_to(site)
        or not target.is_file()
        or (bool(fragment) and unquote(fragment) not in ids.get(target, ()))
    )


def dead_links(site, planted=("index.html", "")):
    site = site.resolve()
    files = [*html(site), *site.glob("_static/*.css")]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    texts[site / planted[0]] += planted[1]
    del texts[site / "404.html"]  # shown at every depth: tested as a host shows it
    ids = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in texts.items()}
    return [
        f"{path.relative_to(site).as_posix()}: {link}"
        for path, text in texts.items()
        for link in set(linked(path, text))
        if is_dead(site, path, link, ids)
    ]


def test_no_link_is_dead(site):
    assert dead_links(site) == []


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        (CHAPTER, '<a href="gone.html">'),
        (CHAPTER, '<a href="../index.html#gone">'),
        (CHAPTER, '<img src="../_figures/gone.webp">'),
        (CHAPTER, '<link href="../_static/gone.css?v=1"/>'),
        (CHAPTER, '<a href="/index.html">'),
        (CHAPTER, f'{DATA}{{"folder": "../_figures", "frames": [["gone.webp", ""]]}}</script>'),
        ("_static/styles.css", ".gone { background: url(gone.png) }"),
    ],
    ids=["page", "place", "picture", "styles", "root", "frame", "in styles"],
)
def test_a_dead_link_is_found(site, name, planted):
    [dead] = dead_links(site, (name, planted))
    assert dead.startswith(f"{name}: ")


def test_dark_is_dark(browser, files):
    def brightness(color):
        return max(map(int, re.findall(r"\d+", color)[:3]))

    with opened(browser, files, PAGES[0], color_scheme="dark") as page:
        color, background = page.evaluate(
            "(style => [style.color, style.backgroundColor])(getComputedStyle(document.body))"
        )
    assert brightness(color) > 180
    assert brightness(background) < 60


def test_search_finds_pages_without_a_network(browser, files):
    with opened(browser, files, "search.html?q=gradient") as page:
        page.get_by_text("Places found:").wait_for()
        assert page.locator("ul.search li").count() > 0
        assert page.problems == []


def test_search_shows_excerpts_over_http(browser, served_site):
    with opened(browser, served_site, "search.html?q=gradient") as page:
        assert "gradient" in page.locator("ul.search p.context").first.inner_text().lower()
        assert page.problems == []


def test_a_table_fades_on_the_side_where_there_is_more_of_it(browser, site):
    with browser.new_context(viewport={"width": 320, "height": 844}, offline=True) as context:
        page = context.new_page()
        page.goto((site / "chapters" / "02_optimization.html").as_uri())
        page.evaluate(audit.LAY_OUT_EVERYTHING)
        table = "document.querySelector('.admonition .pst-scrollable-table-container')"
        for left, sides in [(0, [False, True]), (20, [True, True]), (1e4, [True, False])]:
            page.evaluate(f"{table}.scrollLeft = {left}")
            before, after = (f"{table}.hasAttribute('data-more-{x}')" for x in ("before", "after"))
            until(
                page, f"{before} === {str(sides[0]).lower()} && {after} === {str(sides[1]).lower()}"
            )


def test_a_table_that_is_wider_than_the_text_is_not_cut_off(browser, site):
    with browser.new_context(viewport={"width": 1300, "height": 900}, offline=True) as context:
        page = context.new_page()
        page.goto((site / "reference" / "conventions.html").as_uri())
        cell = page.locator("table").first.locator("tr:first-child > :last-child").first
        cell.scroll_into_view_if_needed()
        assert cell.evaluate(
            "cell => { const {left, right, top, bottom} = cell.getBoundingClientRect();"
            " const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);"
            " return cell.contains(seen); }"
        )
