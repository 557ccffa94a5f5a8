"""Small books, sound and unsound, built as a reader would build them."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from conftest import build_command

from book import claims, execution, inputs, strictness
from book.strictness import BookError
from byhand.claims import MIME_TYPE, check

pytestmark = pytest.mark.slow

CHAPTER = "chapters/02_optimization.ipynb"
PACKAGE = ["__init__.py", "claims.py", "explore.py", "problems.py", "book.mplstyle"]
SOUND = [
    "from byhand.answer import ANSWER\nprint(f'The answer is {ANSWER}.')",
    "from byhand.claims import verify\nverify('A1.w', 'the iterate $w$', solve=2, series=2)",
    "import matplotlib.pyplot as plt\nfrom byhand.explore import explore\n\n\n"
    "def draw(eta):\n    return plt.figure(figsize=(1, 1))\n\n\n"
    "explore(draw, alt='nothing at {eta}', eta=[1, 2])",
]


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

    def start(self) -> subprocess.Popen:
        return subprocess.Popen(
            build_command(self.root),
            env=os.environ | {"PYTHONPATH": str(self.root / "src")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def build(self) -> tuple[int, list[str]]:
        """Build the book; return the exit status and what the terminal shows."""
        with self.start() as process:
            text, _ = process.communicate(timeout=120)
        return process.returncode, text.strip().splitlines()

    def page(self) -> str:
        return (self.html / CHAPTER).with_suffix(".html").read_text(encoding="utf-8")

    def executed(self) -> list[str]:
        return [path.name for path in (self.root / "_build" / "executed").iterdir()]

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
    for file in inputs.ROOT.glob("chapters/*.bib"):
        book.write(f"chapters/{file.name}", "")
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
VERIFY = "from byhand.claims import verify\n"

UNSOUND = {
    "a cell raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "a claim fails": (
        VERIFY + "verify('A1.w', 'w', solve=1, series=2)",
        "ClaimError: 02_optimization: claim A1.w: solve gives 1 but series gives 2",
    ),
    "a cell writes to stderr": ("import warnings\nwarnings.warn('slow')", "UserWarning: slow"),
    "a figure has no words": (
        f"{IMAGE}'{PIXEL}')))",
        "an image without alternative text; display it with byhand.explore.show",
    ),
    "a picture has no words": ("Text: ![](pixel.png)", "pixel.png has no alternative text"),
    "a reference is dead": ("Text: see {eq}`nowhere`", "equation not found: nowhere"),
    "a directive is unknown": (":::{nonesuch}\n:::", "Unknown directive type: 'nonesuch'"),
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
    assert lines[-1].startswith(f"{CHAPTER}, cell 2: ")
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
    shown = {MIME_TYPE: {"claims": [check(i, "w", solve=1, series=1)._asdict() for i in ids]}}
    output = nbformat.v4.new_output("display_data", data=shown)
    cell = nbformat.v4.new_code_cell(outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    app = SimpleNamespace(executed_notebooks={CHAPTER.removesuffix(".ipynb"): notebook})
    with pytest.raises(BookError, match=message):
        claims._collect(app)


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
    assert rebuilt.build()[0] == 0
    assert rebuilt.files() == sound.files()
    assert rebuilt.executed() == sound.executed()


def test_a_change_of_the_package_runs_the_notebooks_again(rebuilt):
    before = rebuilt.executed()
    rebuilt.write("src/byhand/answer.py", "ANSWER = 42\n")
    assert not is_up_to_date(rebuilt)
    assert rebuilt.build()[0] == 0
    assert rebuilt.executed() != before
    assert "The answer is 42." in rebuilt.page()


@pytest.mark.parametrize("path", ["src/byhand/answer.py", "src/byhand/new.py", "requirements.txt"])
def test_a_stored_run_depends_on(rebuilt, monkeypatch, path):
    monkeypatch.setattr(inputs, "ROOT", rebuilt.root)
    notebook = nbformat.read(rebuilt.root / CHAPTER, as_version=4)
    before = execution.stored_path(notebook, "chapter")
    rebuilt.write(path, "# changed\n")
    assert execution.stored_path(notebook, "chapter") != before


def test_a_change_of_text_alone_renders_the_page_and_runs_nothing(rebuilt):
    before = rebuilt.executed()
    rebuilt.write_chapter("Text: a new sentence", *SOUND)
    assert not is_up_to_date(rebuilt)
    assert rebuilt.build()[0] == 0
    assert rebuilt.executed() == before
    assert "a new sentence" in rebuilt.page()
    assert "The answer is 41." in rebuilt.page()


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
    before = sign.stat().st_mtime_ns if sign.exists() else None
    with rebuilt.start() as process:
        while not sign.exists() or sign.stat().st_mtime_ns == before:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.01)
        process.kill()
    assert not is_up_to_date(rebuilt)
    assert rebuilt.build()[0] == 0
    assert rebuilt.files() == changed.files()


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
