"""Prints the whole book to one PDF, and links every page of the site to it.

The articles of the built pages are put together in the browser, which then prints them. The PDF
and the links to it are made in the built site, so they go when the next build clears it, and there
is no link without a PDF.
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from book import chromium, inputs

NAME = "deep-learning-by-hand.pdf"
SCRIPT, STYLES = (Path(__file__).with_suffix(suffix) for suffix in (".js", ".css"))
PLACE = "<!-- book.pdf -->"  # in the menu of each page
LINK = """\
<li><a class="btn btn-sm" href="{address}"><i class="fas fa-file-pdf" aria-hidden="true"></i>
The whole book as a PDF</a></li>"""

# The second printing has the page numbers that the first one found.
NUMBER = """
numbers => {
  for (const link of document.querySelectorAll(".book-contents a")) {
    link.lastChild.textContent = numbers[decodeURIComponent(link.hash.slice(1))];
  }
}
"""


def contents(site: Path) -> dict:
    """Return the book's title, what its title page notes, and its parts with their built pages."""
    config, toc = (
        yaml.safe_load((inputs.ROOT / name).read_text(encoding="utf-8"))
        for name in ("_config.yml", "_toc.yml")
    )

    def read(name: str, title: str = "") -> dict:
        html = (site / f"{name}.html").read_text(encoding="utf-8")
        return {"name": name, "title": title, "html": html}

    parts = [{"caption": "", "pages": [read(toc["root"], "About this book")]}]
    for part in toc["parts"]:
        pages = [read(chapter["file"]) for chapter in part["chapters"]]
        parts.append({"caption": part["caption"], "pages": pages})
    return {"title": config["title"], "note": config["copyright"], "parts": parts}


def assemble(page: Page, site: Path) -> None:
    """Turn the site's first page, which has its styles, into the whole book."""
    page.goto((site / "index.html").as_uri())
    page.emulate_media(media="print", color_scheme="light")
    page.add_style_tag(path=STYLES)
    page.evaluate(SCRIPT.read_text(encoding="utf-8"), contents(site))
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.evaluate("document.fonts.ready")


def print_page(page: Page, path: Path) -> None:
    page.pdf(
        path=path,
        format="A4",
        prefer_css_page_size=True,
        print_background=True,
        outline=True,
        tagged=True,
    )


def print_book(browser: Browser, site: Path) -> Path:
    """Print the book in the built site to a file in it, and return the file's path."""
    path = site / NAME
    unfinished = path.with_suffix(".tmp")
    # What puts the book together is not in its files, which is all that the pages' policy allows.
    with browser.new_context(offline=True, bypass_csp=True) as context:
        page = context.new_page()
        assemble(page, site)
        print_page(page, unfinished)
        page.evaluate(NUMBER, page_numbers(unfinished))
        print_page(page, unfinished)
    unfinished.replace(path)
    return path


def page_numbers(path: Path) -> dict[str, int]:
    """Return the page of every anchor in a PDF, counted from 1."""
    reader = PdfReader(path)
    return {
        name.removeprefix("/"): reader.get_destination_page_number(destination) + 1
        for name, destination in reader.named_destinations.items()
    }


def link_pages(site: Path) -> None:
    """Put a link to the PDF in its place on each page that has none yet."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if PLACE in text:
            address = Path(os.path.relpath(site / NAME, page.parent)).as_posix()
            unfinished = page.with_suffix(".tmp")
            unfinished.write_text(
                text.replace(PLACE, LINK.format(address=address)), encoding="utf-8"
            )
            unfinished.replace(page)


def main() -> None:
    site = inputs.FIRST_PAGE.parent
    with chromium.launched() as browser:
        printed = print_book(browser, site)
    link_pages(site)
    print(f"The book is printed: {printed.relative_to(inputs.ROOT).as_posix()}")


if __name__ == "__main__":
    main()
