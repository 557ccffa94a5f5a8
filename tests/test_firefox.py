"""The served book in Firefox, walked through once by keyboard; firefox.mjs says how.

Puppeteer leads a Firefox as it comes; Playwright's takes one of its own making.
"""

import json
import os
import re
import shutil

import pytest
from pypdf import PdfReader
from test_answers import FOLDED, SOLVED
from test_site import CUT_FORMULAS

from book import audit, inputs, node
from byhand.answers import judging

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAMES = [
    "firefox",
    "firefox-esr",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
    r"C:\Program Files\Mozilla Firefox\firefox.exe",
]


@pytest.fixture(scope="module")
def report(served_site, axe, tmp_path_factory):
    """What was found on each walk, and the folder of what was printed."""
    chosen = os.environ.get("BYHAND_FIREFOX")
    path = next(filter(None, map(shutil.which, [chosen] if chosen else NAMES)), None)
    if path is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("no Firefox was found: apt-get install firefox-esr, or set BYHAND_FIREFOX")
    folder = tmp_path_factory.mktemp("firefox")
    scripts = {"folded": FOLDED, "cut": CUT_FORMULAS, "everything": audit.LAY_OUT_EVERYTHING}
    asked = {"firefox": path, "site": served_site, "solved": SOLVED, "scripts": scripts}
    said = node.run(
        inputs.ROOT / "tests" / "firefox.mjs", json.dumps(asked | {"folder": str(folder)})
    )
    return json.loads(said) | {"folder": folder}


def walk(report, name):
    """Return what was found on a walk on which nothing went wrong."""
    assert report[name]["problems"] == []
    found = report[name]["found"]
    assert "error" not in (found or {}), found
    return found


def test_pages_open_without_a_complaint(report):
    walk(report, "pages")


def test_an_address_leads_to_its_problem(report):
    place = walk(report, "place")
    assert place["heading"].startswith("A1 · ")
    assert 0 <= place["top"] < place["height"] / 4


def test_a_search_leads_to_what_it_found(report):
    found = walk(report, "search")
    assert found["isSeen"]
    assert "heavy" in found["text"].lower()


def test_a_slider_moves_its_figure(report):
    moved = walk(report, "slider")
    pairs = zip(moved["before"], moved["after"], strict=True)
    assert all(before != after for before, after in pairs), moved


def test_the_colours_are_switched_and_stay_so_on_the_next_page(report):
    before, *after = [one["theme"] for one in walk(report, "colours")]
    assert set(after) == {"light", "dark"} - {before}


def test_a_student_is_told_the_same(report, keys):
    said = walk(report, "answers")
    for (_, claim, texts, verdict), told in zip(SOLVED, said, strict=True):
        assert told == list(judging.judge(keys[claim], texts))
        assert told[0] == verdict


def test_a_fraction_that_is_typed_is_set_as_one(report):
    above, below = walk(report, "echo")
    assert above["bottom"] <= below["top"]
    assert min(above["width"], below["width"]) > 0


def test_try_first_folds_solutions_until_an_answer_is_right(report):
    assert walk(report, "tryFirst") == {
        "before": False,
        "switched": True,
        "elsewhere": True,
        "solved": False,
        "unsolved": True,
    }


def test_answers_are_kept_until_they_are_forgotten(report):
    found = walk(report, "keeping")
    assert found["answered"] == found["reloaded"]
    assert found["answered"]["typed"] == ["0.31"]
    assert found["answered"]["said"][0] == "wrong"
    assert found["forgotten"] == found["afterwards"] == {"typed": [""], "said": [None, ""]}


def test_an_address_opens_and_prints_a_page_without_its_solutions(report):
    assert walk(report, "sheet") == {"asked": True, "unasked": False}
    pages = PdfReader(report["folder"] / "try.pdf").pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert "E3.2" in text
    assert "Count the neurons" in text
    assert "1118208" not in re.sub(r"[ ,\u202f]", "", text)


def test_formulas_are_seen_and_what_is_read_aloud_is_not(report):
    formulas = walk(report, "formulas")
    assert len(formulas) > 1000
    assert [latex for latex, shown, _ in formulas if shown < 2] == []
    assert [latex for latex, _, aloud in formulas if aloud > 1] == []


def test_a_displayed_formula_fits_a_phone(report):
    assert walk(report, "phone") == {"cut": [], "width": 390}
