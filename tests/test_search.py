"""What the search finds, and where in the book it leads."""

import gzip
import html
from urllib.parse import quote

import pytest
from test_site import opened

from book import finding

pytestmark = pytest.mark.browser

ONE, TWO, THREE, FOUR, FIVE, SIX = (
    f"chapters/{name}.html"
    for name in (
        "01_linear_algebra",
        "02_optimization",
        "03_sgd_stability",
        "04_hypergradients",
        "05_backpropagation",
        "06_convolutional_networks",
    )
)
LEDGER = "reference/ledger.html#ledger-"

NOTATION = "reference/notation.html"

LEADS = {
    # a claim: its row in the ledger
    "A1.w3": f"{LEDGER}A1.w3",
    "A1.square": f"{LEDGER}A1.square",
    "D2.2.closed-form": f"{LEDGER}D2.2.closed-form",
    "d3.1.quadratic": f"{LEDGER}D3.1.quadratic",
    "E1.1.other-start": f"{LEDGER}E1.1.other-start",
    "A1.w": f"{LEDGER}A1.w1",
    # a problem, a theorem, a numbered formula: itself
    "A1": f"{TWO}#A1",
    "E2.2.3": f"{FOUR}#E2.2.3",
    "B1.3": f"{ONE}#B1.3",
    "E3.3": f"{SIX}#E3.3",
    "D2.7": f"{THREE}#D2.7",
    "C-adam": f"{TWO}#C-adam",
    "Theorem 1.6": f"{ONE}#ch1-thm-implicit",
    "Clairaut": f"{ONE}#ch1-thm-schwarz",
    "(2.6)": f"{TWO}#equation-ch2-newton",
    # a number as it is printed: the claim that confirms it
    "1.04": f"{LEDGER}A1.w3",
    "2.6": f"{LEDGER}A1.w3",
    "w3 1.04": f"{LEDGER}A1.w3",
    "w^3 1.04": f"{LEDGER}A1.w3",
    # a symbol: the table that says what it means
    "∇": f"{NOTATION}#derivatives",
    "∂": f"{NOTATION}#derivatives",
    "η": f"{NOTATION}#optimizers",
    r"\nabla": f"{NOTATION}#derivatives",
    "nabla": f"{NOTATION}#derivatives",
    "⊙": f"{NOTATION}#matrices-and-data",
    # a formula, or its words: the section that is about it
    "XX^T": f"{TWO}#E1.1",
    "√(s+ε)": f"{TWO}#C-rmsprop",
    "f(x) = exp(e^x + (e^x)^2)": f"{FIVE}#D4.1",
    "13/5": f"{LEDGER}beyond-3.shuffled-example",
    # words: the problem or the section that is about it, and where none is, that defines it
    "heavy ball": f"{TWO}#A1",
    "Newton": f"{TWO}#B2.2.1",
    "Xavier": f"{FIVE}#small-is-not-enough-forward-and-backward-through-many-layers",
    "He initialization": f"{FIVE}#small-is-not-enough-forward-and-backward-through-many-layers",
    "pooling": f"{SIX}#pooling",
    "receptive field": f"{SIX}#E3.3",
    "effective receptive field": f"{SIX}#the-effective-receptive-field",
    "lost image": f"{SIX}#E3.1",
    "im2col": f"{SIX}#how-it-is-computed",
    "Jacobian": f"{ONE}#B1.1",
    "Hessian": f"{ONE}#the-matrix",
    "momentum": f"{TWO}#C-momentum",
    "Adam": f"{TWO}#B2.2.2",
    "RMSProp": f"{TWO}#C-rmsprop",
    "weight decay": f"{TWO}#E2.3.1",
    "softmax": f"{FIVE}#a-network-that-reads-digits",
    "dual numbers": f"{FIVE}#D5",
    "Z3": f"{ONE}#claims",
    "dilation": f"{SIX}#cross-correlation-and-convolution",
    "minimum norm": f"{TWO}#E1.1",
    "sigmoid": f"{FIVE}#B3.1",
    "checkpointing": f"{FOUR}#E2.1",
    "bias correction": f"{TWO}#B2.2.2",
    "stochastic matrix": f"{ONE}#stochastic-matrices",
    "almost surely": f"{THREE}#D2.9",
    "eigenvector": f"{ONE}#the-eigenvector",
    "finite differences": f"{ONE}#why-a-finite-difference-has-a-best-step",
    "binder": "reference/teaching.html#binder-for-a-handful",
    "critical points": f"{TWO}#B2.1",
    "where to start": "index.html#where-to-start",
    "errata": "reference/errata.html#errata",
}
SHOWN = """
() => [...document.querySelectorAll("ul.search > li > a")].map(link => link.getAttribute("href"))
"""


@pytest.fixture(scope="module")
def searching(browser, site):
    with opened(browser, site.as_uri(), "search.html") as page:
        yield page
        assert page.problems == []


@pytest.mark.parametrize("query", LEADS)
def test_a_search_leads_to_the_section_or_the_row(searching, site, query):
    searching.goto(f"{site.as_uri()}/search.html?q={quote(query)}")
    searching.get_by_text("Places found:").wait_for()
    assert searching.evaluate(SHOWN)[0] == LEADS[query]


@pytest.mark.parametrize(
    "text",
    [
        "Newton’s method’s values, eigenvalues and an eigenvalue",
        "E[w²] = ½(1 − ηh)ᵗ ≤ 1.04",
        "∇f ⊙ ∂g → 𝔼 × ρ₁ · 10⁻¹⁶",
        "Gürbüzbalaban & Dvořák: a < b",
        "byhand.evidence, C-adam.mhat-1, 13/5",
    ],
)
def test_a_query_is_cut_into_the_words_that_the_build_has_found(searching, text):
    cut = searching.evaluate("text => termsOf(text).filter(term => !common.includes(term))", text)
    assert cut != []
    assert set(cut) == set(finding.counts_of(html.escape(text)))


def test_what_a_search_loads_is_light(site):
    assert len(gzip.compress((site / finding.INDEX).read_bytes())) < 100_000


def test_what_is_nowhere_is_not_found(searching, site):
    searching.goto(f"{site.as_uri()}/search.html?q={quote('1.0417 ⊗⊗')}")
    searching.get_by_text("No place has all of these words").wait_for()
    assert searching.evaluate(SHOWN) == []


# Excerpts come one by one: what is looked at is taken in one step.
LINK_AND_EXCERPT = """
([found]) => [found.querySelector("a").href, found.querySelector("p.context").textContent]
"""
TEXT_OF_SECTION = """
async link => {
  const text = await (await fetch(link)).text();
  const page = new DOMParser().parseFromString(text, "text/html");
  page.querySelectorAll("math, pre, script, .headerlink").forEach(one => one.remove());
  const part = page.getElementById(decodeURIComponent(new URL(link).hash.slice(1)));
  return part.textContent.replace(/\\s+/g, " ");
}
"""


def test_an_excerpt_is_from_the_section_and_says_a_formula_once(browser, served_site):
    with opened(browser, served_site, f"search.html?q={quote('hypergradient')}") as page:
        found = page.locator("ul.search li:has(a[href*='#']):has(p.context)")
        found.first.wait_for()
        link, said = found.evaluate_all(LINK_AND_EXCERPT)
        said = " ".join(said.replace("...", "").split())
        assert said in page.evaluate(TEXT_OF_SECTION, link)
        assert page.problems == []
