"""The reference pages against the chapters and the package that they refer to."""

import ast
import importlib
import json
import re
import unicodedata
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pybtex.database import parse_file
from pybtex.richtext import Text

from byhand.problems import CHAPTERS

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "reference"
BIBLIOGRAPHY = parse_file(str(PAGES / "references.bib")).entries
SOURCES = sorted((ROOT / "src" / "byhand").rglob("*.py"))


def markdown(chapter):
    cells = json.loads((ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def references(chapter):
    """Return the entries of the list that a chapter ends with."""
    section = markdown(chapter).partition("\n## References\n")[2]
    return [" ".join(entry.split()) for entry in re.split(r"^- ", section, flags=re.M)[1:]]


def plain(text):
    """Return letters and digits only, in lower case and without accents."""
    text = unicodedata.normalize("NFKD", text).replace("ı", "i")
    return re.sub(r"[^a-z0-9]", "", text.lower())


def cites(text, entry):
    """Return whether a text names the entry's first author, its year, and how its title starts."""
    title = str(Text.from_latex(entry.fields["title"]))
    author = str(entry.persons["author"][0].rich_last_names[-1])
    start = plain(title.partition(":")[0])
    if len(start) < 8:  # "Adam: A Method for …"
        start = plain(title)
    wanted = [plain(author), entry.fields["year"], start[:40]]
    return all(part in plain(text) for part in wanted)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_reference_of_a_chapter_is_in_the_bibliography(chapter):
    listed = references(chapter)
    assert listed
    for text in listed:
        assert any(cites(text, entry) for entry in BIBLIOGRAPHY.values()), text


def test_every_entry_of_the_bibliography_is_cited():
    cited = [text for chapter in CHAPTERS for text in references(chapter)]
    cited += [
        ast.get_docstring(node) or ""
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module)
    ]
    for key, entry in BIBLIOGRAPHY.items():
        assert any(cites(text, entry) for text in cited), key


def test_a_wrong_year_author_or_title_is_noticed():
    text = next(text for text in references("02_optimization") if "Kingma" in text)
    entry = BIBLIOGRAPHY["kingma2015"]
    assert cites(text, entry)
    assert not cites(text.replace("2015", "2014"), entry)
    assert not cites(text.replace("Kingma", "King"), entry)
    assert not cites(text.replace("stochastic", "convex"), entry)


def test_docstrings_name_equations_that_exist():
    labels = {
        label
        for chapter in CHAPTERS
        for label in re.findall(r"^\$\$ \((\S+)\)$", markdown(chapter), re.M)
    }
    named = {
        (path.name, label)
        for path in SOURCES
        for label in re.findall(r"[Ee]quation\s+(ch\d-[\w-]*\w)", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 50
    assert {(path, label) for path, label in named if label not in labels} == set()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_has_its_part_of_the_api(chapter):
    package = chapter.partition("_")[2]
    page = (PAGES / f"api_{package}.md").read_text(encoding="utf-8")
    assert f"](../chapters/{chapter}.ipynb)" in page
    documented = re.findall(r"automodule:: (\S+)", page)
    assert documented[0] == f"byhand.{package}"
    assert all(importlib.import_module(module).__doc__ for module in documented)
    assert importlib.import_module(documented[0]).__all__
    assert f"(api_{package}.md)" in (PAGES / "api.md").read_text(encoding="utf-8")


def test_every_public_name_is_described():
    for package in (chapter.partition("_")[2] for chapter in CHAPTERS):
        module = importlib.import_module(f"byhand.{package}")
        for name in module.__all__:
            assert (getattr(module, name).__doc__ or "").strip(), f"{package}.{name}"


def test_every_symbol_names_the_chapter_that_introduces_it():
    page = (PAGES / "notation.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    rows = [row for row in rows if not row.startswith("| symbol ")]
    named = [re.findall(r"\[(\d)\]\(\.\./chapters/(\d\d_\w+)\.ipynb\)", row) for row in rows]
    assert all(len(chapters) == 1 for chapters in named)
    assert all(f"{int(number):02}_" in chapter for [(number, chapter)] in named)
    assert {chapter for [(_, chapter)] in named} == set(CHAPTERS)


def test_the_modules_of_a_package_are_a_list(site):
    page = BeautifulSoup((site / "reference/api.html").read_text("utf-8"), "html.parser")
    names = [entry.code.get_text() for entry in page.select("article li:has(> p > code)")]
    assert {"declaring", "proving", "fields"} <= set(names)


def test_what_a_field_is_for_is_not_taken_for_its_type(site):
    """Of a first line with a colon Sphinx takes what is before it for a type."""
    for path in (site / "reference").glob("api*.html"):
        page = BeautifulSoup(path.read_text("utf-8"), "html.parser")
        names = [part.get_text(strip=True) for part in page.select("dl.field-list > dt")]
        assert names
        assert not any(name.startswith("Type") for name in names), path.name


def test_a_constant_is_described_and_not_written_out(site):
    page = BeautifulSoup((site / "reference/api.html").read_text("utf-8"), "html.parser")
    signatures = [part.get_text() for part in page.select("article dt.sig")]
    assert "PROBLEMS" in {signature.strip("#\n ") for signature in signatures}
    assert max(map(len, signatures)) < 400


def test_no_letter_of_a_docstring_is_taken_for_a_list(site):
    for path in (site / "reference").glob("api*.html"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r'<ol class="(?:upper|lower)\w+', text) == [], path.name
