"""Prints the whole book to one PDF, and links every page of the site to it.

The articles of the built pages are put together in the browser, which then prints them. The PDF
and the links to it are made in the built site, so they go when the next build clears it, and there
is no link without a PDF.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pikepdf
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from book import chromium, inputs

NAME = "deep-learning-by-hand.pdf"
PLACE = "<!-- book.pdf -->"  # in the menu of each page
LINK = """\
<li><a class="btn btn-sm" href="{address}"><i class="fas fa-file-pdf" aria-hidden="true"></i>
The whole book as a PDF</a></li>"""

# Ids are only unique within a page, so each gets its page's name in front. Links to other pages
# of the book become links within the document; those to files beside the pages become plain words.
ASSEMBLE = """
({title, note, parts}) => {
  const home = new URL(".", location.href);
  const id = (name, fragment) => `${name.replaceAll("/", "-")}--${fragment}`;
  const names = new Map(
    parts.flatMap(part => part.pages)
      .map(({name}) => [new URL(`${name}.html`, home).pathname, name])
  );
  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children);
    return element;
  };

  const take = ({name, html}) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const article = document.adoptNode(page.querySelector("article.bd-article"));
    const address = new URL(`${name}.html`, home);
    for (const element of article.querySelectorAll("script, .book-controls, .headerlink")) {
      element.remove();
    }
    for (const element of article.querySelectorAll("[id]")) element.id = id(name, element.id);
    for (const image of article.querySelectorAll("img")) {
      image.src = new URL(image.getAttribute("src"), address);
      image.loading = "eager";
    }
    for (const link of article.querySelectorAll("a[href]")) {
      const url = new URL(link.getAttribute("href"), address);
      const target = names.get(url.pathname);
      if (target) link.href = "#" + (url.hash ? id(target, url.hash.slice(1)) : id(target, ""));
      else if (url.protocol === "file:") link.replaceWith(...link.childNodes);
    }
    article.id = id(name, "");
    return article;
  };

  const entry = heading => {
    const title = heading.cloneNode(true);
    const link = make("a", "", make("span", "", ...title.childNodes), make("i", ""), make("b", ""));
    link.href = "#" + heading.closest("section[id], article[id]").id;
    return make("li", heading.localName === "h1" ? "chapter" : "section", link);
  };

  const contents = make("ul", "");
  const body = [];
  const styles = [];
  for (const {caption, pages} of parts) {
    if (caption) contents.append(make("li", "part", caption));
    for (const page of pages) {
      const article = take(page);
      const heading = article.querySelector("h1");
      if (page.title) heading.textContent = page.title;
      contents.append(...Array.from(article.querySelectorAll("h1, h2"), entry));
      styles.push(
        `#${CSS.escape(article.id)} { page: p${body.length} }`,
        `@page p${body.length} { @top-center { content: ${JSON.stringify(heading.innerText)} } }`,
      );
      body.push(article);
    }
  }
  const front = make("header", "book-title", make("h1", "", title), make("p", "", note));
  const nav = make("nav", "book-contents", make("h1", "", "Contents"), contents);
  const main = make("main", "bd-main", make("div", "bd-content", front, nav, ...body));
  document.title = title;
  document.body.replaceChildren(main);
  document.head.append(make("style", "", styles.join("")));
}
"""

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
    page.add_style_tag(path=Path(__file__).with_suffix(".css"))
    page.evaluate(ASSEMBLE, contents(site))
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
    draft, unfinished = path.with_suffix(".draft"), path.with_suffix(".tmp")
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        assemble(page, site)
        print_page(page, draft)
        page.evaluate(NUMBER, page_numbers(draft))
        print_page(page, draft)
    with pikepdf.open(draft) as document:  # Chromium packs only half of what it writes
        document.save(unfinished, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    draft.unlink()
    unfinished.replace(path)
    return path


def page_numbers(path: Path) -> dict[str, int]:
    """Return the page of every anchor in a PDF, counted from 1."""
    with pikepdf.open(path) as document:
        numbers = {page.objgen: number for number, page in enumerate(document.pages, 1)}
        places = document.Root.Dests.items()
        return {name.removeprefix("/"): numbers[place[0].objgen] for name, place in places}


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
    path = chromium.find_chromium() or sys.exit(chromium.ABSENT)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path) as browser,
    ):
        print_book(browser, site)
    link_pages(site)


if __name__ == "__main__":
    main()
