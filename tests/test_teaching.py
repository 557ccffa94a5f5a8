"""What the teacher's page says is tried: its programs, its addresses, the claim that fails."""

import re
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
from nbclient import NotebookClient

from book import inputs
from byhand.problems import CHAPTERS

PAGE = (inputs.ROOT / "reference" / "teaching.md").read_text("utf-8")
CHAPTER = "chapters/02_optimization.ipynb"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def section(title: str, cells: int):
    """A notebook of the chapter's imports and of a section's first cells of code."""
    notebook = nbformat.read(inputs.ROOT / CHAPTER, as_version=4)
    start = next(i for i, cell in enumerate(notebook.cells) if f"## {title} " in cell.source)
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    kept = [code[0], *[i for i in code if i > start][:cells]]
    notebook.cells = [notebook.cells[i] for i in kept]
    return notebook


def run(notebook) -> None:
    folder = {"metadata": {"path": inputs.ROOT / "chapters"}}
    NotebookClient(notebook, resources=folder, timeout=120).execute()


def test_the_addresses_open_a_chapter():
    binder, hub, _, trying = blocks("text")
    link = urlsplit(trying.strip())
    assert link.path == f"/REPOSITORY/{CHAPTER.removesuffix('.ipynb')}.html"
    assert (link.query, link.fragment) == ("try", "A1")
    link = urlsplit(binder.strip())
    assert link[:3] == ("https", "mybinder.org", "/v2/gh/OWNER/REPOSITORY/main")
    assert parse_qs(link.query) == {"urlpath": [f"lab/tree/{CHAPTER}"]}
    link = urlsplit(hub.strip())
    assert link[:3] == ("https", "HUB", "/hub/user-redirect/git-pull")
    assert parse_qs(link.query) == {
        "repo": ["https://github.com/OWNER/REPOSITORY"],
        "branch": ["main"],
        "urlpath": [f"lab/tree/REPOSITORY/{CHAPTER}"],
    }


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_homework_has_every_problem_and_no_solution(tmp_path, chapter):
    program = blocks("python")[0].replace(CHAPTER, f"chapters/{chapter}.ipynb")
    program = program.replace("homework.ipynb", (tmp_path / "homework.ipynb").as_posix())
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=inputs.ROOT, check=True)
    homework = nbformat.read(tmp_path / "homework.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in homework.cells)
    source = nbformat.read(inputs.ROOT / "chapters" / f"{chapter}.ipynb", as_version=4)
    written = "\n".join(cell.source for cell in source.cells if cell.cell_type == "markdown")
    for start in (*(f"## {problem} " for problem in CHAPTERS[chapter].split()), "} Hint\n"):
        assert text.count(start) == written.count(start)
    assert "} Problem\n" in text
    assert {cell.cell_type for cell in homework.cells} == {"markdown"}
    assert "**The sheet.**" in written
    assert "**The sheet.**" not in text


def shown(cell) -> str:
    return "\n".join(output.get("text") or output.data["text/plain"] for output in cell.outputs)


@pytest.mark.slow
def test_the_claim_fails_as_the_page_says():
    notebook = section("A1", cells=3)
    first = notebook.cells[1]
    assert first.source.count("Fraction(4, 5)") == 1
    first.source = first.source.replace("Fraction(4, 5)", "Fraction(9, 10)")
    run(notebook)
    said = [" ".join(line.split()) for line in shown(notebook.cells[3]).splitlines()]
    assert " ".join(blocks("text")[2].split()) in said
    assert any(line.startswith("✓ A1.kept1 ") for line in said)
    assert "✓ A1.gradient: right" in shown(notebook.cells[2])


@pytest.mark.slow
def test_a_student_can_check_an_answer():
    notebook = section("A1", cells=1)
    answer = blocks("python")[1]
    wrong, other = answer.replace("2.6", "2.5"), "check('A1.w3', beta=Fraction(9, 10))"
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in (answer, wrong, other)]
    assert other.replace("'", '"') in PAGE
    run(notebook)
    right, wrong, other = map(shown, notebook.cells[-3:])
    assert right.startswith("✓ A1.w3: right")
    assert wrong == "✗ A1.w3: the first entry differs."
    assert "13/5" not in wrong
    assert "with beta = 9/10" in other
