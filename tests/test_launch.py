"""The links from a page to the book's repository, and from a notebook to Binder and a hub."""

import os
import re
import subprocess
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from conftest import STRICT, hosted
from test_book_extension import CHAPTER, new_book

from book import inputs, site

NO_HUB, HUB = 'jupyterhub_url: ""', "jupyterhub_url: https://hub.example.edu/courses/"
CI = ("GITHUB_REPOSITORY", "GITHUB_REF_TYPE", "GITHUB_REF_NAME", "GITHUB_BASE_REF")


@pytest.fixture(autouse=True)
def _outside_of_ci(monkeypatch):
    for name in CI:
        monkeypatch.delenv(name, raising=False)


def git(root, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", root, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone whose branch ``draft`` is on its remote and whose branch ``mine`` is not."""
    remote, root = tmp_path / "remote", tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--initial-branch=trunk", remote)
    git(remote, "commit", "--allow-empty", "--message=first")
    git(remote, "branch", "draft")
    git(tmp_path, "clone", "--quiet", remote, root)
    git(root, "branch", "--no-track", "mine")
    monkeypatch.setattr(inputs, "ROOT", root)
    return root


# -- the repository and its branch


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ("https://github.com/author/by-hand", "https://github.com/author/by-hand"),
        ("https://github.com/author/by-hand.git", "https://github.com/author/by-hand"),
        ("https://github.com/author/by-hand/", "https://github.com/author/by-hand"),
        ("git@github.com:author/by.hand.git", "https://github.com/author/by.hand"),
        ("ssh://git@github.com/author/by-hand.git", "https://github.com/author/by-hand"),
        ("https://example.org/author/by-hand", None),
        ("https://github.com.example.org/author/by-hand", None),
        ("/home/author/github.com/by-hand", None),
    ],
)
def test_the_repository_is_where_the_clone_came_from(clone, origin, address):
    git(clone, "remote", "set-url", "origin", origin)
    assert inputs.repository() == address


def test_a_workflow_names_its_repository(clone, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "student/by-hand")
    assert inputs.repository() == "https://github.com/student/by-hand"


@pytest.mark.skipif(os.name == "nt", reason="the other git is a script of a shell")
def test_git_may_complain_in_the_readers_language_and_encoding(tmp_path, monkeypatch):
    (tmp_path / "git").write_text("#!/bin/sh\nprintf 'Kein Branch f\\374r mine' >&2\nexit 128\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setitem(inputs.reader, "PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    assert inputs.repository() is None
    assert inputs.branch() == "main"


def test_a_folder_without_git_has_no_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "ROOT", tmp_path)
    assert inputs.repository() is None
    assert inputs.branch() == "main"


@pytest.mark.parametrize(
    ("checked_out", "branch"), [("trunk", "trunk"), ("draft", "draft"), ("mine", "trunk")]
)
def test_the_branch_is_one_that_the_repository_has(clone, checked_out, branch):
    git(clone, "checkout", checked_out)
    assert inputs.branch() == branch


@pytest.mark.parametrize(
    ("variables", "branch"),
    [
        ({"REF_TYPE": "branch", "REF_NAME": "feature/x", "BASE_REF": ""}, "feature/x"),
        ({"REF_TYPE": "branch", "REF_NAME": "12/merge", "BASE_REF": "draft"}, "draft"),
        ({"REF_TYPE": "tag", "REF_NAME": "v1"}, "trunk"),
    ],
)
def test_a_workflow_names_its_branch(clone, monkeypatch, variables, branch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "author/by-hand")
    for name, value in variables.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert inputs.branch() == branch


# -- the links


def launch_links(book, page: str) -> dict[str, str]:
    """Text → address of the links in a page's menu of launch buttons."""
    soup = BeautifulSoup((book.html / page).read_text("utf-8"), "html.parser")
    summary = soup.find("summary", attrs={"aria-label": "Launch interactive content"})
    links = summary.parent.find_all("a") if summary else []
    return {a.get_text(strip=True): a["href"] for a in links}


def links_out(book, page: str) -> list[str]:
    soup = BeautifulSoup((book.html / page).read_text("utf-8"), "html.parser")
    return [a["href"] for a in soup.find_all("a", href=True) if "://" in a["href"]]


ADDRESS = "https://author.github.io/by-hand"
SCHEMA = "http://www.sitemaps.org/schemas/sitemap/0.9"
BOOKS = {  # name → its repository, branch and address, and whether the configuration names a hub
    "original": ("author/by-hand", "main", ADDRESS, False),
    "fork": ("student/my.copy", "fix/typo", "", True),
    "without a repository": ("", "", "", True),
}
PAGE, INDEX = CHAPTER.replace(".ipynb", ".html"), "index.html"


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """The small books, each built as it is built in its repository."""
    return {name: build(tmp_path_factory.mktemp("book"), *BOOKS[name]) for name in BOOKS}


def build(root, repository, branch, address, hub):
    book = new_book(root)
    book.write_chapter("Text: no code.")
    config = (root / "_config.yml").read_text("utf-8")
    assert NO_HUB in config
    book.write("_config.yml", config.replace(NO_HUB, HUB) if hub else config)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(CI, (repository, "branch", branch, ""), strict=True):
            patch.setenv(name, value)
        patch.setenv("BYHAND_SITE_URL", address)
        status, lines = book.build()
    assert status == 0, lines
    return book


@pytest.mark.slow
@pytest.mark.parametrize("name", ["original", "fork"])
def test_binder_opens_the_notebook_of_this_repository(books, name):
    repository, branch, *_ = BOOKS[name]
    link = launch_links(books[name], PAGE)["Binder"]
    assert link == f"https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{CHAPTER}"


@pytest.mark.slow
def test_a_hub_pulls_this_repository_and_opens_the_notebook(books):
    link = urlsplit(launch_links(books["fork"], PAGE)["JupyterHub"])
    assert link[:3] == ("https", "hub.example.edu", "/courses/hub/user-redirect/git-pull")
    assert parse_qs(link.query, strict_parsing=True) == {
        "repo": ["https://github.com/student/my.copy"],
        "branch": ["fix/typo"],
        "urlpath": [f"lab/tree/my.copy/{CHAPTER}"],
    }


@pytest.mark.slow
def test_without_a_hub_there_is_no_link_to_one(books):
    assert list(launch_links(books["original"], PAGE)) == ["Binder"]


@pytest.mark.slow
def test_only_notebooks_are_launched_but_every_page_has_a_source(books):
    book = books["original"]
    assert launch_links(book, INDEX) == {}
    for page, source in [(INDEX, "index.md"), (PAGE, CHAPTER)]:
        links = links_out(book, page)
        assert f"https://github.com/author/by-hand/edit/main/{source}" in links
        assert any(a.startswith("https://github.com/author/by-hand/issues/new?") for a in links)


@pytest.mark.slow
def test_a_page_names_its_address_where_that_is_known(books):
    def canonical(name, page):
        text = (books[name].html / page).read_text("utf-8")
        return [
            link["href"] for link in BeautifulSoup(text, "html.parser")("link", rel="canonical")
        ]

    for page in (PAGE, INDEX):
        assert canonical("original", page) == [f"{ADDRESS}/{page}"]
        assert canonical("fork", page) == []


@pytest.mark.slow
def test_what_is_shown_where_a_page_is_linked(books):
    def cards(name, page):
        text = (books[name].html / page).read_text("utf-8")
        tags = BeautifulSoup(text, "html.parser")("meta", property=re.compile("^og:"))
        return {tag["property"].removeprefix("og:"): tag["content"] for tag in tags}

    title = "Deep Learning by Hand, Checked by Machine"
    assert cards("original", PAGE) == {
        "type": "article",
        "site_name": title,
        "title": "Optimization",
        "description": "Text: no code.",
        "url": f"{ADDRESS}/{PAGE}",
    }
    assert cards("original", INDEX).items() >= {"type": "website", "title": title}.items()
    for page in ("search.html", "404.html"):
        assert cards("original", page) == {}
    assert cards("fork", PAGE) == cards("fork", INDEX) == {}


# -- the host


@pytest.mark.slow
@pytest.mark.parametrize("name", BOOKS)
def test_a_host_passes_on_every_folder(books, name):
    assert (books[name].html / ".nojekyll").is_file()


@pytest.mark.slow
def test_a_sitemap_lists_the_pages_where_their_address_is_known(books):
    sitemap = (books["original"].html / "sitemap.xml").read_text("utf-8")
    root = ElementTree.fromstring(sitemap)
    assert [element.text for element in root.iter(f"{{{SCHEMA}}}loc")] == [
        f"{ADDRESS}/{page}" for page in (PAGE, INDEX)
    ]
    assert not (books["fork"].html / "sitemap.xml").exists()


@pytest.mark.parametrize(
    ("address", "is_told"), [("https://example.org/", True), ("https://example.org/book/", False)]
)
def test_robots_are_told_of_it_where_they_ask(tmp_path, address, is_told):
    builder = SimpleNamespace(get_target_uri=lambda name: f"{name}.html")
    env, config = SimpleNamespace(found_docs={"index"}), SimpleNamespace(html_baseurl=address)
    site._list_pages(
        SimpleNamespace(builder=builder, env=env, config=config, outdir=tmp_path), None
    )
    robots = tmp_path / "robots.txt"
    assert robots.exists() == is_told
    if is_told:
        assert f"Sitemap: {address}sitemap.xml" in robots.read_text("utf-8").splitlines()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("missing", ["gone.html", "chapters/gone.html", "a/b/c/", "a%20b.html?q=1"])
def test_a_page_that_does_not_exist_leads_to_those_that_do(books, browser, missing):
    with (
        hosted(books["original"].html, below="/by-hand/", headers=STRICT) as address,
        browser.new_context() as context,
    ):
        page, answers, errors = context.new_page(), {}, []
        page.on("console", lambda m: m.type == "error" and errors.append(m.text))
        page.on("response", lambda r: answers.update({r.url: r.status}))
        page.goto(f"{address}/{missing}", wait_until="load")
        assert answers.pop(f"{address}/{missing}") == 404
        assert len(answers) > 5
        assert set(answers.values()) == {200}
        assert page.evaluate("getComputedStyle(document.body).margin") == "0px"  # it has styles
        links = page.locator("a:not([href^='#'])").evaluate_all("links => links.map(a => a.href)")
        inside = {link for link in links if link.startswith(address)}
        assert {context.request.get(link).status for link in inside} == {200}
        page.keyboard.press("Control+k")
        page.keyboard.type("text\n")
        page.get_by_text("Places found:").wait_for()
        assert page.url == f"{address}/search.html?q=text"
        assert [error for error in errors if "404" not in error] == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(("missing", "link"), [("gone.html", 0), ("chapters/gone.html", 1)])
def test_it_does_so_where_the_address_is_not_known(books, browser, missing, link):
    with (
        hosted(books["fork"].html, below="/some/where/", headers=STRICT) as address,
        browser.new_page() as page,
    ):
        requests = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{address}/{missing}")
        assert [url for url in requests if not url.endswith(("gone.html", "favicon.ico"))] == []
        page.locator("a").nth(link).click()
        assert page.url == f"{address}/"
        assert page.locator("h1").first.text_content().startswith("A book")


@pytest.mark.slow
def test_a_book_without_a_repository_links_nowhere(books):
    book = books["without a repository"]
    for page in (INDEX, PAGE):
        assert launch_links(book, page) == {}
        assert [link for link in links_out(book, page) if "git" in link or "binder" in link] == []
