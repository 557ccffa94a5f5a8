"""The ledger: what it says of each claim, and how its rows are chosen."""

import json
import re
from collections import Counter

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect

from book import inputs, judging
from book.claims import EVIDENCE_WORDS


@pytest.fixture(scope="module")
def claims(site):
    return json.loads((site / "claims.json").read_text("utf-8"))


@pytest.fixture
def ledger(site, browser):
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    yield page, (site / "reference/ledger.html").as_uri()
    context.close()


def visible(page):
    return page.locator("table.claims-ledger tbody tr:visible").count()


def test_each_row_has_evidence_and_quantifier(site, claims):
    page = BeautifulSoup((site / "reference/ledger.html").read_text("utf-8"), "html.parser")
    rows = {row.get("id"): row for row in page.select("table.claims-ledger tr")}
    for claim in claims:
        row = rows[f"ledger-{claim['id']}"]
        cells = [cell.get_text(" ") for cell in row.select("td")]
        assert cells[2].strip() == claim["evidence"]
        assert cells[-1].split()[-1] == claim["verdict"]
        assert ("for all" in cells[1]) or not claim["for_all"]


def test_the_landing_page_counts_each_kind_of_evidence(site, claims):
    page = BeautifulSoup((site / "index.html").read_text("utf-8"), "html.parser")
    totals = {
        item.dt.get_text(): int(item.dd.get_text()) for item in page.select("dl.totals > div")
    }
    for kind, words in EVIDENCE_WORDS.items():
        count = sum(claim["evidence"] == kind for claim in claims)
        assert totals.get(words, 0) == count
    assert totals["claims, each by two routes or more"] == len(claims)


def test_the_readme_counts_them_too(claims):
    text = " ".join((inputs.ROOT / "README.md").read_text("utf-8").split())
    text = text[text.index("says of each of the") : text.index("| chapter |")]
    counts = Counter(claim["evidence"] for claim in claims)
    wanted = [len(claims), *(counts[kind] for kind in EVIDENCE_WORDS if counts[kind])]
    assert [int(number) for number in re.findall(r"\d+", text)] == wanted
    for kind, words in EVIDENCE_WORDS.items():
        assert (words in text.replace("are ", "")) == bool(counts[kind])


@pytest.mark.browser
def test_rows_are_chosen_by_keyboard_and_by_address(ledger, claims):
    page, address = ledger
    page.goto(address)
    assert visible(page) == len(claims)
    page.get_by_label("evidence").select_option("proved")
    proved = [claim["id"] for claim in claims if claim["evidence"] == "proved"]
    expect(page.locator("form.ledger-filter output")).to_have_text(
        f"{len(proved)} of {len(claims)} claims"
    )
    page.get_by_label("problem").focus()
    page.keyboard.type("B1.3")
    page.keyboard.press("Tab")
    of_problem = [claim for claim in claims if claim["problem"] == "B1.3"]
    both = [claim["id"] for claim in of_problem if claim["evidence"] == "proved"]
    assert visible(page) == len(both) > 0
    page.get_by_role("button", name="all claims").click()
    expect(page.locator("form.ledger-filter output")).to_have_text(
        f"{len(claims)} of {len(claims)} claims"
    )
    page.get_by_label("words").fill("delta")
    assert 0 < visible(page) < len(claims)
    page.goto(address + "?verdict=corrected")
    assert visible(page) == sum(claim["verdict"] == "corrected" for claim in claims)


@pytest.mark.browser
def test_without_a_script_the_ledger_is_whole(site, browser, claims):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "reference/ledger.html").as_uri())
    assert visible(page) == len(claims)
    assert page.locator("form.ledger-filter").is_hidden()
    context.close()


def test_a_judgement_holds_for_the_source_that_was_read():
    entry = {"claim": "B1.3.delta", "source": "yield  a\nyield b"}
    known = {
        "B1.3.delta": {"source": judging.fingerprint("yield a yield b"), "routes": "different"}
    }
    assert judging.judged(entry, known) == "different"
    assert judging.judged(entry | {"source": "yield a\nyield c"}, known) is None
    assert judging.judged(entry | {"claim": "B1.3.rate"}, known) is None


def test_every_judgement_is_of_a_claim_of_the_book(claims):
    ids = {claim["id"] for claim in claims} | {claim["id"].rpartition(".")[0] for claim in claims}
    assert set(judging.judgements()) <= ids
