"""What the search finds, and where in the book it leads."""

from urllib.parse import quote

import pytest
from test_site import opened

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

LEADS = {
    # a claim, a problem
    "A1.w3": f"{LEDGER}A1.w3",
    "A1.square": f"{LEDGER}A1.square",
    "D2.2.closed-form": f"{LEDGER}D2.2.closed-form",
    "d3.1.quadratic": f"{LEDGER}D3.1.quadratic",
    "E1.1.other-start": f"{LEDGER}E1.1.other-start",
    "A1": f"{TWO}#A1",
    "E2.2.3": f"{FOUR}#E2.2.3",
    "B1.3": f"{ONE}#B1.3",
    "E3.3": f"{SIX}#E3.3",
    "D2.7": f"{THREE}#D2.7",
    # a number as it is printed
    "1.04": f"{LEDGER}A1.w3",
    "2.6": f"{TWO}#A1",
    "w3 1.04": f"{LEDGER}A1.w3",
    # a symbol
    "∇": f"{FOUR}#D3.2",
    "∂": f"{ONE}#B1.2ii",
    "η": f"{FOUR}#E2.2.3",
    r"\nabla": f"{TWO}#D1",
    "nabla": f"{TWO}#D1",
    # words
    "heavy ball": f"{TWO}#A1",
    "Newton": f"{TWO}#B2.2.1",
    "Xavier": f"{FIVE}#small-is-not-enough-forward-and-backward-through-many-layers",
    "pooling": f"{SIX}#pooling",
    "receptive field": f"{SIX}#E3.3",
    "effective receptive field": f"{SIX}#the-effective-receptive-field",
    "Jacobian": f"{ONE}#B1.1",
    "momentum": f"{TWO}#momentum",
    "Adam": f"{TWO}#B2.2.2",
    "RMSProp": f"{TWO}#rmsprop",
    "softmax": f"{FIVE}#a-network-that-reads-digits",
    "Z3": f"{THREE}#how-the-three-notions-are-related",
    "dilation": f"{SIX}#cross-correlation-and-convolution",
    "minimum norm": f"{TWO}#E1.1",
    "sigmoid": f"{FIVE}#B3.1",
    "checkpointing": f"{FOUR}#E2.1",
    "bias correction": f"{TWO}#B2.2.2",
    "stochastic matrix": f"{ONE}#stochastic-matrices",
    "eigenvector": f"{ONE}#the-eigenvector",
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
    searching.get_by_text("page(s) matching the search query").wait_for()
    assert LEADS[query] in searching.evaluate(SHOWN)[:3]


def test_there_are_forty():
    assert len(LEADS) >= 40


def test_what_is_nowhere_is_not_found(searching, site):
    searching.goto(f"{site.as_uri()}/search.html?q={quote('1.0417 ⊗⊗')}")
    searching.get_by_text("did not match").wait_for()
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
