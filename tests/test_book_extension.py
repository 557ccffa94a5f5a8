"""Small books, sound and unsound, built as a reader would build them."""

import ast
import base64
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from conftest import build_command

from book import (
    claims,
    closure,
    execution,
    inputs,
    maths,
    node,
    openings,
    progress,
    stacking,
    strictness,
)
from book.strictness import BookError
from byhand.evidence import MIME_TYPE, by
from byhand.evidence.declaring import Claim
from byhand.evidence.entry import entry_of
from byhand.evidence.running import run

pytestmark = pytest.mark.slow

CHAPTER = "chapters/02_optimization.ipynb"
PACKAGE = ["__init__.py", "explore.py", "problems.py", "book.mplstyle", "claims/__init__.py"]
PACKAGE += [f"evidence/{path.name}" for path in inputs.ROOT.glob("src/byhand/evidence/*.py")]
PACKAGE += [f"answers/{path.name}" for path in inputs.ROOT.glob("src/byhand/answers/*.*")]
CLAIM = """
from byhand.evidence import by, check, claim


@claim("A1.w", "the iterate $w$")
def iterate():
    yield by.recursion("solve", lambda: sum([1, 1]))
    yield by.closed_form("series", lambda: 4 // 2)


check("A1.w")
"""
SOUND = [
    "from byhand.answer import ANSWER\nprint(f'The answer is {ANSWER}.')",
    CLAIM,
    "import matplotlib.pyplot as plt\nfrom byhand.explore import drawing, explore\n\n\n"
    "@drawing(caption='Nothing.', alt='nothing at {eta}')\ndef draw(eta):\n"
    "    return plt.figure(figsize=(1, 1))\n\n\n"
    "explore(draw, eta=[1, 2])",
    # What a reader's settings would change.
    "import locale, os, sys, time\nimport numpy as np\n"
    "print(np.array([1 / 3]), {'a', 'b', 'c', 'd'}, time.tzname, locale.getlocale(), sys.flags)\n"
    "print(plt.rcParams, os.get_terminal_size if 'COLUMNS' in os.environ else None)\n"
    "print(*sorted(name for name in os.environ if not name.startswith('JPY_')))",
]


class Build(subprocess.Popen):
    """A build that a test has started, and that ends with the test if that fails."""

    def __exit__(self, error, *rest):
        if error and self.poll() is None:
            self.kill()
        super().__exit__(error, *rest)


class Book:
    """A book of one chapter with the extension, the styles and the package of the real one."""

    def __init__(self, root: Path) -> None:
        self.root, self.html = root, root / "_build" / "html"

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def write_chapter(self, *cells: str) -> None:
        """Write the chapter; a cell that starts like Markdown is text."""
        new = [nbformat.v4.new_markdown_cell("# Optimization", id="cell-1")]
        for number, source in enumerate(cells, start=2):
            is_text = source.startswith(("Text: ", ":::", "$"))
            cell = nbformat.v4.new_markdown_cell if is_text else nbformat.v4.new_code_cell
            new.append(cell(source, id=f"cell-{number}"))
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=new, metadata={"kernelspec": kernel})
        self.write(CHAPTER, nbformat.writes(notebook))

    def start(self, **variables: str) -> Build:
        return Build(
            build_command(self.root),
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def build(self, **variables: str) -> tuple[int, list[str]]:
        """Build the book; return the exit status and what the terminal shows."""
        with self.start(**variables) as process:
            text, _ = process.communicate(timeout=120)
        return process.returncode, text.strip().splitlines()

    def page(self) -> str:
        return (self.html / CHAPTER).with_suffix(".html").read_text(encoding="utf-8")

    def executed(self) -> list[str]:
        return [path.name for path in (self.root / "_build" / "executed").iterdir()]

    def read(self) -> dict[str, int]:
        """Page → when Sphinx read it."""
        folder = self.root / "_build" / ".doctrees"
        return {
            path.relative_to(folder).with_suffix("").as_posix(): path.stat().st_mtime_ns
            for path in folder.rglob("*.doctree")
        }

    def files(self) -> dict[str, str]:
        """Path → hash of each file of the built site.

        Without the ?v=… of a style's address, which only a style has that was there before.
        """
        return {
            path.relative_to(self.html).as_posix(): hashlib.sha256(
                re.sub(rb"\?v=\w+", b"", path.read_bytes())
            ).hexdigest()
            for path in self.html.rglob("*")
            if path.is_file()
        }


def new_book(root: Path) -> Book:
    book = Book(root)
    without_caches = shutil.ignore_patterns("__pycache__")
    for folder in ("_ext", "_static", "_templates"):
        shutil.copytree(inputs.ROOT / folder, root / folder, ignore=without_caches)
    for file in ("_config.yml", "package.json", "package-lock.json", "requirements.txt"):
        shutil.copy(inputs.ROOT / file, root)
    for file in inputs.ROOT.glob("reference/*.bib"):
        book.write(f"reference/{file.name}", "")
    for file in PACKAGE:
        book.write(f"src/byhand/{file}", (inputs.ROOT / "src/byhand" / file).read_text("utf-8"))
    if (inputs.ROOT / "node_modules").exists():
        (root / "node_modules").symlink_to(inputs.ROOT / "node_modules", target_is_directory=True)
    book.write("_toc.yml", f"format: jb-book\nroot: index\nchapters:\n- file: {CHAPTER[:-6]}\n")
    book.write("index.md", "# A book\n\n```{claim-totals}\n```\n")
    book.write("src/byhand/answer.py", "ANSWER = 41\n")
    book.write_chapter(*SOUND)
    return book


@pytest.fixture
def book(tmp_path):
    return new_book(tmp_path)


# -- unsound books

IMAGE = "from IPython.display import Image, display\nimport base64\ndisplay(Image(base64.b64decode("
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)

UNSOUND = {
    "a cell raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "a claim fails": (
        CLAIM.replace("4 // 2", "4 // 1"),
        "ClaimError: 02_optimization: claim A1.w: solve gives 2 but series gives 4",
    ),
    "a check has no claim": (
        "from byhand.evidence import check\ncheck('A1.nonsense')",
        "ClaimError: 02_optimization: there is no claim A1.nonsense",
    ),
    "a cell writes to stderr": ("import warnings\nwarnings.warn('slow')", "UserWarning: slow"),
    "a figure has no words": (
        f"{IMAGE}'{PIXEL}')))",
        "an image without alternative text; display it with byhand.explore.show",
    ),
    "a picture has no words": ("Text: ![](pixel.png)", "pixel.png has no alternative text"),
    "a reference is dead": ("Text: see {eq}`nowhere`", "equation not found: nowhere"),
    "a directive is unknown": (":::{nonesuch}\n:::", "Unknown directive type: 'nonesuch'"),
    "an import is hidden": (
        "import sys\nsys.modules['builtins'].__dict__['__imp' + 'ort__']('byhand.answer')",
        "loads byhand, byhand.answer, which no import statement names",
    ),
    "a formula is wrong": (r"Text: $\frac{1}$", r"KaTeX parse error: .* in $\frac{1}$"),
}


@pytest.mark.parametrize("what", UNSOUND)
def test_the_last_line_of_an_unsound_build_names_file_cell_and_cause(book, what):
    cell, cause = UNSOUND[what]
    book.write_chapter(cell)
    (book.root / "chapters" / "pixel.png").write_bytes(base64.b64decode(PIXEL))
    status, lines = book.build()
    assert status != 0
    assert lines[-2] == "The book was not built."
    assert re.match(rf"{CHAPTER}(, cell 2)?: ", lines[-1])
    for part in cause.split(".*"):
        assert part in lines[-1]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["A1.w", "A1.w"], "claim ids stand for more than one claim: A1.w"),
        (["D5.x"], f"{CHAPTER}: claim D5.x belongs to 05_backpropagation"),
    ],
)
def test_a_claim_must_be_in_its_place_and_once(ids, message):
    def routes():
        yield by.recursion("solve", lambda: sum([1]))
        yield by.closed_form("series", lambda: 2**0)

    entries = [entry_of(run(Claim(id, "w", routes))) for id in ids]
    shown = {MIME_TYPE: {"claims": entries}}
    output = nbformat.v4.new_output("display_data", data=shown)
    cell = nbformat.v4.new_code_cell(outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    app = SimpleNamespace(executed_notebooks={CHAPTER.removesuffix(".ipynb"): notebook})
    with pytest.raises(BookError, match=message):
        claims._collect(app)


CLAIMS = r"""
from byhand.evidence import by, case, claim, sheet

SEVEN = case("3", "$n = 3$", n=3, sheet="7", erratum="one is twice in it")

@claim("A1.sum*", "the sum to $n$", cases=[case("2", n=2), SEVEN])
def total(n=3):
    yield by.recursion("step by step", lambda: sum(range(n + 1)))
    yield by.closed_form("Gauss", lambda: n * (n + 1) // 2)

@claim("A1.third", "a third of $n < 2$ & more")
def third(n=1):
    yield by.recursion("by a loop", lambda: sum([Q(n, 6)] * 2))
    yield by.closed_form("a fraction", lambda: Q(n, 3))
    yield sheet("n/3", lambda: Q(n, 3))

from fractions import Fraction as Q
"""


def test_a_claim_that_no_cell_checks_ends_the_build_and_one_that_is_checked_opens(book):
    book.write("src/byhand/claims/optimization.py", CLAIMS)
    checks = "from byhand.evidence import check\n"
    book.write_chapter(checks + "check('A1.third')")
    status, lines = book.build()
    assert status != 0
    assert lines[-1] == f"{CHAPTER}: no cell checks A1.sum2, A1.sum3 of byhand.claims.optimization"
    book.write("reference/ledger.md", "# Ledger\n\n```{ledger}\n```\n")
    toc = "format: jb-book\nroot: index\nchapters:\n"
    book.write("_toc.yml", f"{toc}- file: {CHAPTER[:-6]}\n- file: reference/ledger\n")
    book.write_chapter(checks + "check('A1.third')", "check('A1.sum')")
    status, lines = book.build()
    assert status == 0, lines
    page = openings.whole(book.html / f"{CHAPTER[:-6]}.html", book.html)
    assert re.search(r'<details class="claim confirmed" id="claim-A1.third"><summary>', page)
    assert "<pre>sum([Q(n, 6)] * 2)</pre>" in page
    assert "by a loop and a fraction share no function of byhand" in page
    assert 'href="../reference/ledger.html#ledger-A1.third"' in page
    assert '<tr id="claim-A1.sum3">' in page
    assert '<strong class="claim-slip">7 ✗</strong>' in page
    assert "One is twice in it." in page
    assert "style=" not in page[page.index('<figure class="claims"') :].partition("</figure>")[0]
    assert '"twice"' in (book.html / "searchindex.js").read_text("utf-8")


ONE_ROUTE = """
from byhand.evidence import by, claim

def twice(n):
    return 2 * n

@claim("A1.w", "twice three")
def six():
    yield by.recursion("as it is", lambda: twice(3))
    yield by.closed_form("and more", lambda: twice(2) + 2)
"""


def test_routes_that_share_what_no_other_claim_checks_end_the_build(book):
    book.write("src/byhand/claims/optimization.py", ONE_ROUTE)
    book.write_chapter("from byhand.evidence import check\ncheck('A1.w')")
    status, lines = book.build()
    assert status != 0
    shared = "both run byhand.claims.optimization.twice, which no other claim checks"
    assert lines[-1].startswith(
        f"02_optimization: claim A1.w: routes as it is and and more {shared}"
    )


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("chapters/index", ("chapters/index", None)),
        ("/book/index.md:12", ("index.md", 12)),
        ("/book/index.md:", ("index.md", None)),
        ("C:/book/index.md", ("C:/book/index.md", None)),
        ("C:/book/index.md:12", ("C:/book/index.md", 12)),
    ],
)
def test_a_place_is_a_file_and_a_line(location, place):
    assert strictness._place(SimpleNamespace(srcdir=Path("/book")), location) == place


# -- sound books


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    book = new_book(tmp_path_factory.mktemp("sound"))
    status, lines = book.build()
    assert status == 0, lines
    return book


@pytest.fixture
def rebuilt(sound, tmp_path):
    """A copy of a built book, to change and build again."""
    shutil.copytree(sound.root, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Book(tmp_path)


def is_up_to_date(book) -> bool:
    script = [sys.executable, book.root / "_ext" / "book" / "inputs.py"]
    run = subprocess.run(script, capture_output=True, encoding="utf-8", check=False)
    return run.returncode == 0 and run.stdout.startswith("The book is up to date")


def test_an_unchanged_book_is_up_to_date_and_builds_to_the_same(sound, rebuilt):
    assert is_up_to_date(rebuilt)
    assert rebuilt.build()[1][-1].startswith("The book is up to date")
    (rebuilt.root / "_build" / "complete").unlink()
    assert rebuilt.build()[0] == 0
    assert rebuilt.files() == sound.files()
    assert rebuilt.executed() == sound.executed()


# -- what a notebook depends on

TREE = {
    "__init__.py": "",
    "a/__init__.py": "from byhand.a.one import f",
    "a/one.py": "from . import two\ndef f():\n    from ..b import g",
    "a/two.py": "",
    "a/three.py": "import byhand.b.hidden",
    "b/__init__.py": "import numpy",
    "b/hidden.py": "",
    "c.py": "from byhand.a import *",
    "d.py": "import importlib",
    "e.py": "exec('import byhand.c')",
    "style.mplstyle": "",
}
EVERYTHING = sorted(TREE)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("import numpy", ["style.mplstyle"]),
        ("import byhand", ["__init__.py", "style.mplstyle"]),
        ("from byhand import b as c", ["__init__.py", "b/__init__.py", "style.mplstyle"]),
        (
            "%matplotlib inline\nif True:\n    import byhand.a.three as t",
            sorted(set(TREE) - {"c.py", "d.py", "e.py"}),
        ),
        (
            "from byhand.a import one",
            [
                *("__init__.py", "a/__init__.py", "a/one.py", "a/two.py", "b/__init__.py"),
                "style.mplstyle",
            ],
        ),
        ("import byhand.c", EVERYTHING),
        ("from byhand import d", EVERYTHING),
        ("from byhand import e", EVERYTHING),
        ("from importlib import import_module", EVERYTHING),
        ("__import__('byhand')", EVERYTHING),
        ("this is no Python", EVERYTHING),
    ],
)
def test_a_notebook_depends_on_what_it_imports(tmp_path, monkeypatch, cell, expected):
    package = tmp_path / "src" / "byhand"
    for path, text in TREE.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
    monkeypatch.setattr(inputs, "ROOT", tmp_path)
    found = [path.relative_to(package).as_posix() for path in closure.files([cell])]
    assert found == expected


@pytest.mark.parametrize("path", sorted(inputs.ROOT.glob("chapters/*.ipynb")), ids=lambda p: p.stem)
def test_what_a_chapter_imports_is_in_its_closure(path):
    """By running the imports: a build checks the same of the whole chapter."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    lines = [line for cell in cells for line in cell.splitlines()]
    imports = [line for line in lines if re.match(r"(from|import) ", line) and "(" not in line]
    code = "\n".join([*imports, f"print({execution.LOADED})"])
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(run.stdout))
    assert loaded
    assert loaded <= {closure.module_name(file) for file in closure.files(cells)}


def test_the_claims_of_a_chapter_are_loaded_by_an_id(tmp_path, monkeypatch):
    package = tmp_path / "src" / "byhand"
    claims = ["__init__.py", "claims/__init__.py", "claims/optimization/one.py"]
    for path in [*claims, "claims/linear_algebra.py", "evidence/declaring.py", "other.py"]:
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text("import importlib\n" * ("evidence" in path))
    monkeypatch.setattr(inputs, "ROOT", tmp_path)

    def found(cell):
        files = closure.files(["import byhand.evidence.declaring", cell])
        return sorted({path.relative_to(package).as_posix() for path in files})

    loader = ["__init__.py", "evidence/declaring.py"]
    assert found("check('no id')") == loader
    assert (
        found("check('A1.w3', 2)") == found("check(f'A1.w{t}', 2)") == sorted(loader + claims[1:])
    )


def test_the_longest_notebooks_come_first_and_fill_the_cores(monkeypatch):
    monkeypatch.setattr(progress, "FIRST", {"a": 3, "b": 5, "c": 4, "d": 2})
    monkeypatch.setattr(progress, "TIMES", Path("nowhere"))
    assert progress.makespan("abcd", cores=2) == 7
    assert progress.makespan("abcd", cores=8) == 5


def test_the_time_of_the_last_build_is_told(sound, rebuilt):
    (told,) = [line for line in rebuilt_lines(rebuilt) if line.startswith("Running 1")]
    times = json.loads((sound.root / "_build" / "seconds.json").read_text("utf-8"))
    assert told == f"Running 1 chapter, about {times['02_optimization']:.0f} s, then the pages"


def rebuilt_lines(book):
    book.write("src/byhand/answer.py", "ANSWER = 40 + 2\n")
    status, lines = book.build()
    assert status == 0
    return lines


def test_a_change_of_the_package_runs_the_notebooks_again(rebuilt):
    before = rebuilt.executed()
    rebuilt.write("src/byhand/answer.py", "ANSWER = 42\n")
    assert not is_up_to_date(rebuilt)
    assert rebuilt.build()[0] == 0
    assert rebuilt.executed() != before
    assert "The answer is 42." in rebuilt.page()


@pytest.mark.parametrize(
    ("path", "depends"),
    [
        ("src/byhand/answer.py", True),
        ("src/byhand/evidence/comparing.py", True),
        ("src/byhand/book.mplstyle", True),
        ("src/byhand/new.py", False),
        ("requirements.txt", True),
        ("_ext/book/kernel.py", True),
        ("_ext/book/light.py", False),
    ],
)
def test_a_stored_run_depends_on(rebuilt, monkeypatch, path, depends):
    monkeypatch.setattr(inputs, "ROOT", rebuilt.root)
    notebook = nbformat.read(rebuilt.root / CHAPTER, as_version=4)
    before = execution.stored_path(notebook, "chapter")
    with (rebuilt.root / path).open("a") as file:
        file.write("# changed\n")
    assert (execution.stored_path(notebook, "chapter") != before) == depends


def test_a_change_of_text_alone_renders_the_page_and_runs_nothing(rebuilt):
    before = rebuilt.executed()
    rebuilt.write_chapter("Text: a new sentence", *SOUND)
    assert not is_up_to_date(rebuilt)
    assert rebuilt.build()[0] == 0
    assert rebuilt.executed() == before
    assert "a new sentence" in rebuilt.page()
    assert "The answer is 41." in rebuilt.page()


# Pages that depend on one another: by title, number, citation, docstring, claim.
LINKED = {
    "_toc.yml": "format: jb-book\nroot: index\nchapters:\n"
    + "".join(f"- file: chapters/{name}\n" for name in ("00_linked", "02_optimization", "api"))
    + "- file: chapters/problems\n- file: chapters/references\n",
    "chapters/00_linked.md": "# Linked\n\nSee {eq}`ch2-gd`, {ref}`here`, {doc}`02_optimization`, "
    "{cite}`first`.\n\n$$ 1 $$ (ch0-one)\n\n(here)=\n## Here\n",
    "chapters/api.md": "# API\n\n```{eval-rst}\n.. automodule:: byhand.more\n   :members:\n```\n",
    "chapters/problems.md": "# Problems\n\n```{problems}\n```\n",
    "chapters/references.md": "# References\n\n```{bibliography}\n```\n",
    "reference/references.bib": "".join(
        f"@book{{{key}, title = {{{key}}}, author = {{{who}, A.}}, publisher = {{P}}, "
        "year = 1900}}\n"
        for key, who in [("first", "Zorn"), ("second", "Abel")]
    ),
    "src/byhand/more/__init__.py": 'def f():\n    """Equation ch2-gd."""\n',
}
TEXT = [
    "Text: $x^2$ is in\n\n$$ x = 2 $$ (ch2-gd)",
    "Text: {eq}`ch2-gd`\n\n## A1 · First\n\nWords.",
]
NEW_TEXT = [
    "Text: $x^3$ is in {ref}`here`\n\n$$ y = 1 $$ (ch2-new)\n\n$$ x = 2 $$ (ch2-gd)",
    "Text: {eq}`ch2-gd` {cite}`second`\n\n## New\n\n(anew)=\n## A1 · First, again\n\nÖdipus *ℵ*.",
]


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    book = new_book(tmp_path_factory.mktemp("linked"))
    for path, text in LINKED.items():
        book.write(path, text)
    book.write_chapter(*TEXT, *SOUND)
    status, lines = book.build()
    assert status == 0, lines
    return book


def edit(book):
    book.write_chapter(*NEW_TEXT, *SOUND)
    title = "# Optimization"
    book.write(CHAPTER, (book.root / CHAPTER).read_text("utf-8").replace(title, f"{title} anew"))


def edit_docstring(book):
    path = "src/byhand/more/__init__.py"
    book.write(path, LINKED[path].replace("Equation", "See Equation"))


def edit_other_pages(book):
    for path in ("chapters/00_linked.md", "index.md"):
        book.write(path, (book.root / path).read_text("utf-8") + "\n## More {eq}`ch2-gd`\n")


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (edit, {"chapters/00_linked", "chapters/api", "chapters/references"}),
        (edit_docstring, {"chapters/00_linked", CHAPTER[:-6], "chapters/references"}),
        (edit_other_pages, {CHAPTER[:-6], "chapters/api", "chapters/references"}),
    ],
)
def test_pages_after_an_edit_and_after_its_undoing_are_as_from_nothing(linked, change, kept):
    before = {p: (linked.root / p).read_text("utf-8") for p in [CHAPTER, "index.md", *LINKED]}
    read, files = linked.read(), linked.files()
    change(linked)
    assert linked.build()[0] == 0
    assert {page for page, when in linked.read().items() if when == read[page]} == kept
    edited = linked.files()
    assert edited != files
    for folder in (".doctrees", "executed"):
        shutil.rmtree(linked.root / "_build" / folder)
    (linked.root / "_build" / "complete").unlink()
    assert linked.build()[0] == 0
    assert linked.files() == edited
    for path, text in before.items():
        linked.write(path, text)
    assert linked.build()[0] == 0
    assert linked.files() == files


@pytest.mark.parametrize("path", ["index.md", "_static/book.css", "_toc.yml", "_config.yml"])
def test_every_source_counts(sound, rebuilt, path):
    rebuilt.write(path, (rebuilt.root / path).read_text("utf-8") + "\n")
    assert is_up_to_date(sound)
    assert not is_up_to_date(rebuilt)


def test_a_site_that_was_removed_is_not_up_to_date(rebuilt):
    shutil.rmtree(rebuilt.html)
    assert not is_up_to_date(rebuilt)


def test_claims_and_figures_are_on_the_site(sound):
    (claim,) = json.loads((sound.html / "claims.json").read_text("utf-8"))
    assert claim["routes"] == {"solve": "2", "series": "2"}
    assert 'id="claim-A1.w"' in sound.page()
    assert sound.page().count('type="range"') == 1
    assert len(list((sound.html / "_figures").iterdir())) == 1


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """The site of the changed book, built from nothing and without an interruption."""
    book = new_book(tmp_path_factory.mktemp("changed"))
    change(book)
    assert book.build()[0] == 0
    return book


def change(book):
    book.write("src/byhand/answer.py", "ANSWER = 42\n")
    book.write_chapter("Text: a new sentence", *SOUND)


def written_at(path):
    """Return when a file or folder was changed, or nothing while it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


@pytest.mark.parametrize(
    "moment",
    [
        "_build/executed",
        "_build/html/_figures",
        "_build/html/index.html",
    ],
)
def test_a_build_that_was_killed_is_made_good_by_the_next(changed, rebuilt, moment):
    change(rebuilt)
    sign = rebuilt.root / moment
    if moment == "_build/executed":
        shutil.rmtree(rebuilt.root / "_build")
    before = written_at(sign)
    with rebuilt.start() as process:
        while written_at(sign) in (None, before):
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.01)
        process.kill()
    assert not is_up_to_date(rebuilt)
    assert rebuilt.build()[0] == 0
    assert rebuilt.files() == changed.files()


# -- the reader's machine


def write_settings(home: Path) -> dict[str, str]:
    """Write all that programs read of a reader's settings; return the variables that say more."""
    poison = "raise SystemExit('a setting of the reader was read')"
    files = {
        "matplotlibrc": "savefig.bbox: tight\nfigure.figsize: 1, 1\n",
        ".config/matplotlib/matplotlibrc": "savefig.bbox: tight\n",
        ".matplotlib/matplotlibrc": "savefig.bbox: tight\n",
        ".ipython/profile_default/startup/0.py": "import numpy\nnumpy.set_printoptions(2)",
        ".ipython/profile_default/ipython_config.py": poison,
        ".ipython/profile_default/ipython_kernel_config.py": poison,
        ".jupyter/jupyter_config.py": poison,
        ".jupyter/jupyter_nbclient_config.py": poison,
        ".local/share/jupyter/kernels/python3/kernel.json": json.dumps(
            {"argv": ["false"], "display_name": "mine", "language": "python"}
        ),
        "docutils.conf": "[general]\nno_such_setting: 1\ntab_width: 1\ndoctitle_xform: 0\n",
        ".docutils": "[general]\ntab_width: 1\n",
        ".npmrc": "dry-run=true\n",
        "python/sitecustomize.py": poison,
        "python/usercustomize.py": poison,
        "python/numpy.py": poison,
        "python/sphinx.py": poison,
        "python/byhand.py": poison,
        "python/startup.py": poison,
        "poison.js": "process.exit(7)",
    }
    for path, text in files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    return {
        **dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(home)),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "MATPLOTLIBRC": str(home),
        "MPLCONFIGDIR": str(home),
        "MPLBACKEND": "nonsense",
        "IPYTHONDIR": str(home / ".ipython"),
        "JUPYTER_PATH": str(home / ".local" / "share" / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
        "JUPYTER_RUNTIME_DIR": os.devnull,
        "JUPYTER_DEFAULT_PROVISIONER_NAME": "nonsense",
        "DOCUTILSCONFIG": str(home / "docutils.conf"),
        "NODE_OPTIONS": f"--require={home / 'poison.js'}",
        "PYTHONPATH": str(home / "python"),
        "PYTHONUSERBASE": str(home / "python"),
        "PYTHONSTARTUP": str(home / "python" / "startup.py"),
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error",
        "PYTHONHASHSEED": "7",
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "latin-1",
        "PYTHONBREAKPOINT": "nonsense",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "tr_TR.ISO-8859-9",
        "LANG": "tr_TR",
        "LANGUAGE": "tr",
        "TZ": "Asia/Kathmandu",
        "COLUMNS": "20",
        "LINES": "5",
        "SOURCE_DATE_EPOCH": "0",
        "VIRTUAL_ENV": str(home / "python"),
        "OMP_NUM_THREADS": "7",
        "OPENBLAS_NUM_THREADS": "7",
        "NPY_PROMOTION_STATE": "weak",
        "BYHAND_BUILD": "0",
        "GIT_DIR": str(home),
    }


def test_a_build_depends_on_no_setting_of_its_reader(sound, tmp_path):
    variables = write_settings(tmp_path / "home")
    if not sys.prefix.isascii():  # there Python needs what the Makefile sets, or does not start
        variables["LC_ALL"] = "C.UTF-8"
    book = new_book(tmp_path / "a book of an é\u0301t\u00e9")
    status, lines = book.build(**variables)
    assert status == 0, lines
    assert book.files() == sound.files()
    assert is_up_to_date(book)


def test_a_page_does_not_know_the_day_it_was_made(sound):
    days = [time.strftime(form) for form in ("%Y-%m-%d", "%b %d, %Y", "%d %b %Y", "%d.%m.%Y")]
    pages = [page.read_text("utf-8") for page in sound.html.rglob("*.html")]
    assert not [day for day in days if any(day in page for page in pages)]


def test_a_build_needs_no_home(sound, book):
    nowhere = os.path.join(os.devnull, "nowhere")
    status, lines = book.build(HOME=nowhere, USERPROFILE=nowhere, XDG_CACHE_HOME=nowhere)
    assert status == 0, lines
    assert book.files() == sound.files()


SLEEPING = "import os, time\nfrom pathlib import Path\nPath('pid').write_text(f'{os.getpid()}\\n')"
KEEPS_ON = """
while True:
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        pass
"""


def wait_for(process, condition):
    while not condition():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


posix = pytest.mark.skipif(os.name == "nt", reason="sends signals as a terminal does")


@posix
def test_an_interrupted_run_stops_its_kernels_says_so_and_is_made_good(changed, rebuilt):
    rebuilt.write_chapter(SLEEPING + KEEPS_ON)
    pid = rebuilt.root / "chapters" / "pid"
    with rebuilt.start() as process:
        wait_for(process, lambda: pid.exists() and pid.read_text().endswith("\n"))
        os.killpg(process.pid, signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    assert process.returncode == strictness.INTERRUPTED
    assert "The build was interrupted" in text.strip().splitlines()[-1]
    assert "Traceback" not in text
    assert not alive(int(pid.read_text()))
    assert not is_up_to_date(rebuilt)
    pid.unlink()
    change(rebuilt)
    assert rebuilt.build()[0] == 0
    assert rebuilt.files() == changed.files()


@posix
def test_interrupted_pages_are_made_good(changed, rebuilt):
    change(rebuilt)
    read = rebuilt.read()
    with rebuilt.start() as process:
        wait_for(process, lambda: rebuilt.read() != read)
        os.killpg(process.pid, signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    assert process.returncode == strictness.INTERRUPTED
    assert "The build was interrupted" in text.strip().splitlines()[-1]
    assert rebuilt.build()[0] == 0
    assert rebuilt.files() == changed.files()


def test_of_two_builds_at_once_one_waits(changed, rebuilt):
    change(rebuilt)
    with rebuilt.start() as one, rebuilt.start() as other:
        texts = [process.communicate(timeout=240)[0] for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], texts
    assert sum("this one waits for it" in text for text in texts) == 1
    assert rebuilt.files() == changed.files()


FULL = """
import errno
from pathlib import Path

def refuse(app, *_):
    Path(app.outdir, "_static").mkdir(parents=True, exist_ok=True)
    raise OSError(errno.ENOSPC, "No space left on device", "index.html")

def setup(app):
    app.connect("EVENT", refuse)
"""


@pytest.mark.parametrize("event", ["builder-inited", "doctree-read", "html-collect-pages"])
def test_a_full_disk_is_told_in_a_line(rebuilt, event):
    rebuilt.write("index.md", "# Another\n")
    rebuilt.write("_ext/full.py", FULL.replace("EVENT", event))
    config = (rebuilt.root / "_config.yml").read_text("utf-8")
    config = config.replace("    book: _ext\n", "    book: _ext\n    full: _ext\n")
    rebuilt.write("_config.yml", config.replace("      - book\n", "      - book\n      - full\n"))
    status, lines = rebuilt.build()
    assert status != 0
    assert lines[-2:] == ["The book was not built.", "index.html: No space left on device"]
    assert not any("Traceback" in line for line in lines)
    assert not is_up_to_date(rebuilt)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="mounts a small disk")
@pytest.mark.parametrize("kilobytes", [300, 2000, 4000])
def test_a_disk_that_fills_is_told_in_a_line(book, kilobytes):
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs _build"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    (book.root / "_build").mkdir()
    trial = subprocess.run([*command, mount], cwd=book.root, capture_output=True, check=False)
    if trial.returncode:
        pytest.skip("may not mount a small disk")
    build = " ".join(f"'{part}'" for part in build_command(book.root))
    run = subprocess.run(
        [*command, f"{mount} && exec {build}"],
        cwd=book.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode not in (0, None)
    assert "The book was not built." in run.stdout
    assert "No space left on device" in run.stdout.strip().splitlines()[-1]
    assert "Traceback" not in run.stdout


def test_a_line_tells_what_the_machine_refused():
    refused = OSError(errno.EROFS, "Read-only file system", "_build")
    wrapped = RuntimeError("a handler threw an exception")
    wrapped.__cause__ = refused
    with pytest.raises(BookError, match="_build: Read-only file system"):
        strictness.end_kindly(wrapped)
    strictness.end_kindly(OSError(errno.ENOENT, "No such file", "index.md"))  # ours to mend


RENDERING = """
import time
from book import maths, node
node.install_packages()
print(maths._render("x", False), flush=True)
time.sleep(600)
"""


def test_node_ends_with_a_build_that_was_killed():
    build = subprocess.Popen(
        [sys.executable, "-c", RENDERING],
        env=os.environ | {"PYTHONPATH": str(inputs.ROOT / "_ext")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with build:
        assert "katex" in build.stdout.readline()
        build.kill()
        build.communicate(timeout=60)  # both share the error stream, so this waits for both


def table(*rows):
    head, *others = ("".join(f"<{tag}>{cell}</{tag}>" for cell in row) for tag, row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in others)
    return f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def test_cells_of_a_table_too_wide_for_a_phone_are_named():
    long = "as long as a line of a phone"
    words = ("th", ["a", "b &amp; c", "d", "e"]), ("td", [1, long, long, 4]), ("td", [5, 6, 7, 8])
    stacked = stacking.with_stacked_tables("before" + table(*words) + "behind")
    names = re.findall(r'<td data-name="([^"]*)">(\d)', stacked)
    assert names == [("a", "1"), ("e", "4"), ("a", "5"), ("b &amp; c", "6"), ("d", "7"), ("e", "8")]
    assert 'class="table stacked"' in stacked
    assert re.sub(r' data-name="[^"]*"| stacked', "", stacked) == f"before{table(*words)}behind"


@pytest.mark.parametrize(
    ("head", "cells"),
    [
        (["a", "b", "c"], ["long " * 20] * 3),
        (["a", "b", "c", "d"], ["nine, ten"] * 4),
        (["a", "<math>b</math>", "c", "d"], ["long " * 20] * 4),
    ],
)
def test_other_tables_stay_tables_on_a_phone(head, cells):
    narrow = table(("th", head), ("td", cells))
    assert stacking.with_stacked_tables(narrow) == narrow


def test_a_long_formula_in_a_line_may_be_broken_and_a_short_one_not():
    node.install_packages()
    latex = "abcdefgh(x) + c = d + y"
    short, long = (maths.inline_html(formula, ("here", 1)) for formula in ("a + b = c", latex))
    assert "<wbr>" not in short
    assert long.count("<wbr>") == long.count('class="base"') - 1 == 3
    whole = long.replace("<wbr>", "").replace("math katex", "katex")
    assert whole == maths._render(latex, False)["html"]
