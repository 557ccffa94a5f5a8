"""The book on paper: a chapter as the browser prints it, and a small book as one PDF."""

import os
import re
import subprocess
import sys
import unicodedata

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader
from test_book_extension import CHAPTER, SOUND, new_book

from book import chromium, pdf

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAVIGATION = ["Skip to main content", "Edit this page", "Search this book", "min to read", "Next"]


def words(text: str) -> str:
    """Without spaces, which a PDF need not have between its words, and with its ligatures undone.

    Whether "fi" is one letter, and where a word is broken, is the business of the page's font.
    """
    return re.sub(r"[\s\u00ad]", "", unicodedata.normalize("NFKC", text))


# -- a chapter, printed from the page


@pytest.fixture(scope="module")
def chapter(browser, site):
    """The chapter with the most sliders, seen in the dark."""
    with browser.new_context(color_scheme="dark", offline=True) as context:
        page = context.new_page()
        page.goto((site / CHAPTER).with_suffix(".html").as_uri())
        yield page


@pytest.fixture(scope="module")
def printed(chapter, tmp_path_factory):
    path = tmp_path_factory.mktemp("print") / "chapter.pdf"
    chapter.pdf(path=path, prefer_css_page_size=True)
    return PdfReader(path)


def test_a_chapter_prints_from_its_title_to_its_references(chapter, printed):
    text = words("".join(page.extract_text() for page in printed.pages))
    titles = chapter.locator("article :is(h1, h2, h3)").evaluate_all(
        "titles => titles.map(title => title.firstChild.textContent)"
    )
    assert len(titles) > 20
    places = [text.find(words(title)) for title in titles]
    assert -1 not in places
    assert places[0] < 100
    last = chapter.locator("article p").last.text_content()
    end = printed.pages[-1].extract_text(extraction_mode="layout")  # as it is read, not painted
    assert words(end).endswith(f"{words(last)[-40:]}{len(printed.pages)}")


def test_navigation_is_left_on_the_screen(printed):
    text = words("".join(page.extract_text() for page in printed.pages))
    assert [phrase for phrase in NAVIGATION if words(phrase) in text] == []


def test_every_figure_prints_as_its_first_frame(chapter, printed):
    figures = chapter.locator(".book-figure img")
    assert figures.count() > 5
    assert sum(len(page.images) for page in printed.pages) >= figures.count()
    chapter.emulate_media(media="print")
    assert chapter.locator(".book-figure img:visible").count() == figures.count()
    assert chapter.locator(".book-controls:visible, .book-figure input:visible").count() == 0
    chapter.emulate_media(media="screen")


def test_no_formula_or_line_of_code_is_cut_off(chapter):
    paper = {"width": 640, "height": 900}  # A4 without its margins, in CSS pixels
    chapter.emulate_media(media="print")
    chapter.set_viewport_size(paper)
    widest = chapter.evaluate(
        "Math.max(...[...document.querySelectorAll('article *')]"
        ".filter(e => e.checkVisibility() && !e.closest('math, svg'))"
        ".map(e => e.getBoundingClientRect().right))"
    )
    chapter.emulate_media(media="screen")
    assert widest <= paper["width"] + 1


def test_a_dark_page_prints_light_and_stays_dark_on_screen(chapter):
    theme = "document.documentElement.dataset.theme"
    assert chapter.evaluate(theme) == "dark"
    chapter.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {theme} }})")
    chapter.pdf()
    assert chapter.evaluate("window.printed") == "light"
    assert chapter.evaluate(theme) == "dark"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have fonts of their own")
def test_words_are_printed_on_a_machine_without_a_font(browser, tmp_path, monkeypatch):
    settings, path = tmp_path / "fonts.conf", chromium.find_chromium()
    settings.write_text("<fontconfig></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(settings))
    launch = browser.browser_type.launch
    with launch(executable_path=path, env=dict(os.environ)) as without:
        assert not chromium.has_letters(without)
    with chromium.start(browser.browser_type, path) as started, started.new_page() as page:
        page.set_content("<p>Some <b>words</b> and <code>code</code></p>")
        page.pdf(path=tmp_path / "words.pdf")
    [printed] = PdfReader(tmp_path / "words.pdf").pages
    assert words(printed.extract_text()) == "Somewordsandcode"


# -- the whole book as a PDF


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    book = new_book(tmp_path_factory.mktemp("book"))
    toc = "root: index\nparts:\n- caption: Chapters\n  chapters:\n"
    book.write("_toc.yml", f"format: jb-book\n{toc}  - file: {CHAPTER[:-6]}\n")
    book.write_chapter(
        "Text: see the [section](#a-section).\n\n## A section\n\n" + "A paragraph.\n\n" * 80,
        r"$$\int_0^1 x^2\,dx = \tfrac13$$",
        *SOUND,
    )
    status, lines = book.build()
    assert status == 0, lines
    assert pdf.PLACE in book.page()
    assert "as a PDF" not in book.page()
    command = [sys.executable, "_ext/book/pdf.py"]
    environment = {"PYTHONPATH": str(book.root / "_ext")}
    subprocess.run(command, cwd=book.root, env=os.environ | environment, check=True)
    return book


@pytest.fixture(scope="module")
def document(book):
    return PdfReader(book.html / pdf.NAME)


def test_the_book_has_a_title_contents_and_its_pages_in_order(document):
    assert document.metadata.title == "Deep Learning by Hand, Checked by Machine"
    pages = [words(page.extract_text()) for page in document.pages]
    assert pages[0].startswith(words(document.metadata.title))
    assert "Contents" in pages[1]
    starts = [
        next(i for i, text in enumerate(pages[2:], 2) if words(first) in text)
        for first in ("About this book", "see the section")
    ]
    assert starts == sorted(starts)


def test_the_contents_give_the_page_that_a_section_is_on(document):
    pages = [words(page.extract_text()) for page in document.pages]
    entries = dict(re.findall(r"(Optimization|Asection)(\d+)", pages[1]))
    assert entries.keys() == {"Optimization", "Asection"}
    for title, number in entries.items():
        assert title in pages[int(number) - 1]
        assert pages[int(number) - 1].startswith(f"Optimization{number}")  # its margins


def test_formulas_have_their_fonts(document):
    fonts = {
        str(font.get_object().get("/BaseFont"))
        for page in document.pages
        for font in page["/Resources"].get("/Font", {}).values()
    }
    assert any("KaTeX_Math" in font for font in fonts)
    assert any("KaTeX_Size2" in font for font in fonts)


def test_links_within_the_book_stay_in_it(document):
    targets = [
        annotation.get_object().get("/A", {}).get("/URI", "")
        for page in document.pages
        for annotation in page.get("/Annots", [])
    ]
    assert len(targets) > 2
    assert [target for target in targets if target.startswith("file:")] == []
    assert document.outline != []


def test_every_page_of_the_site_links_to_it(book):
    for page in book.html.rglob("*.html"):
        if "_static" not in page.parts and page.name not in ("search.html", "404.html"):
            soup = BeautifulSoup(page.read_text("utf-8"), "html.parser")
            [link] = [a for a in soup.select(".menu a") if "as a PDF" in a.get_text()]
            assert (page.parent / link["href"]).resolve() == (book.html / pdf.NAME).resolve()
