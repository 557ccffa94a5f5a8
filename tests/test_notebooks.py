"""The notebooks as files, and the claims that they make when they run."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from jupyter_client.manager import KernelManager
from nbconvert.exporters import ScriptExporter

from book import environment, execution, exporting, inputs
from byhand.evidence import MIME_TYPE
from byhand.problems import CHAPTERS, PROBLEMS

NOTEBOOKS = sorted(inputs.ROOT.glob("chapters/*.ipynb"))
SHORTEST = min(NOTEBOOKS, key=lambda path: path.stat().st_size)
LONGEST_CELL = 20  # lines

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def headings(path):
    texts = [cell.source for cell in cells(path, "markdown")]
    return re.findall(r"^(#+) (.+)$", "\n".join(texts), flags=re.MULTILINE)


def test_every_chapter_is_a_notebook_of_its_name():
    assert {path.stem for path in NOTEBOOKS} <= set(CHAPTERS)


@every_notebook
def test_it_is_a_valid_notebook(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


@every_notebook
def test_git_holds_no_outputs(path):
    assert [
        cell.source
        for cell in cells(path, "code")
        if cell.outputs or cell.execution_count is not None
    ] == []


@every_notebook
def test_it_starts_with_its_title_and_has_no_other(path):
    assert nbformat.read(path, as_version=4).cells[0].source.startswith("# ")
    assert [level for level, _ in headings(path)].count("#") == 1


@every_notebook
def test_each_problem_has_a_section(path):
    sections = {title.split(" · ")[0] for level, title in headings(path) if level in ("##", "###")}
    assert set(CHAPTERS[path.stem].split()) - sections == set()


@every_notebook
def test_it_ends_beyond_the_sheets_with_summary_and_references(path):
    titles = [title for level, title in headings(path) if level == "##"]
    assert titles[-3:] == ["Beyond the sheets", "Summary", "References"]


@every_notebook
def test_code_cells_are_short(path):
    assert [
        c.source for c in cells(path, "code") if len(c.source.splitlines()) > LONGEST_CELL
    ] == []


UNWELCOME = {
    "a tag that lets a cell fail": r"raises-exception|allow_errors",
    "an installation": r"pip install|^\s*[!%]",
    "an absolute path": r"""["'](/|~|[A-Z]:\\)\w|sys\.path""",
    "a wall time": r"\b(perf_counter|timeit|time\.time|datetime)\b",
    "unseeded randomness": r"default_rng\(\)|np\.random\.(?!default_rng|Generator)\w+\(",
    "raw HTML": r"<(div|span|br|img|a|p|b|i|sup|sub)[ >/]",
}


@every_notebook
@pytest.mark.parametrize("what", UNWELCOME)
def test_it_is_free_of(path, what):
    notebook = nbformat.read(path, as_version=4)
    kinds = ("markdown",) if what == "raw HTML" else ("code",)
    texts = [str(c.metadata) + "\n" + c.source for c in notebook.cells if c.cell_type in kinds]
    found = [re.search(UNWELCOME[what], text, flags=re.MULTILINE) for text in texts]
    assert [match.group() for match in found if match] == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a tag that lets a cell fail", "{'tags': ['raises-exception']}"),
        ("an installation", "!pip install numpy"),
        ("an installation", "x = 1\n%timeit x"),
        ("an absolute path", "open('/home/me/data.csv')"),
        ("a wall time", "start = time.perf_counter()"),
        ("unseeded randomness", "rng = np.random.default_rng()"),
        ("unseeded randomness", "np.random.normal()"),
        ("raw HTML", "H<sub>2</sub>O"),
    ],
)
def test_unwelcome_text_is_recognized(what, text):
    assert re.search(UNWELCOME[what], text, flags=re.MULTILINE)


# -- claims


@pytest.fixture(scope="module")
def claims(site):
    return json.loads((site / "claims.json").read_text(encoding="utf-8"))


def test_every_problem_is_covered_by_a_claim(claims):
    solved_here = {problem for problem, chapter in PROBLEMS.items() if chapter in stems()}
    assert solved_here - {claim["problem"] for claim in claims} == set()


def test_every_chapter_goes_beyond_the_sheets(claims):
    beyond = {claim["chapter"] for claim in claims if claim["id"].startswith("beyond-")}
    assert stems() - beyond == set()


def stems():
    return {path.stem for path in NOTEBOOKS}


def test_claims_say_what_was_promised(claims):
    keys = ["id", "problem", "chapter", "statement", "routes", "deviation", "tolerance", "sheet"]
    more = ["erratum", "verdict", "evidence", "for_all", "cases", "shared", "teeth", "judged"]
    assert all(list(claim) == [*keys, *more] for claim in claims)
    assert all(len(claim["routes"]) >= 2 for claim in claims)
    assert len({claim["id"] for claim in claims}) == len(claims)


@pytest.mark.parametrize("verdict", ["verified", "confirmed", "corrected"])
def test_verdicts_fit_sheet_and_erratum(claims, verdict):
    expected = {"verified": (False, False), "confirmed": (True, False), "corrected": (True, True)}
    for claim in claims:
        if claim["verdict"] == verdict:
            assert (bool(claim["sheet"]), bool(claim["erratum"])) == expected[verdict], claim["id"]


# -- running


@pytest.mark.slow
def test_a_second_run_elsewhere_gives_the_same_outputs(site, tmp_path):
    """The stored run was made in the notebook's folder, by another kernel, at another time."""
    source = nbformat.read(SHORTEST, as_version=4)
    stored = nbformat.read(execution.stored_path(source, SHORTEST.stem), as_version=4)
    fresh = run(SHORTEST, tmp_path)
    assert outputs(fresh) == outputs(stored)
    assert any(MIME_TYPE in kind for kind in outputs(fresh))


RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
nbformat.write(notebook, "executed.ipynb")
"""


def run(path, folder):
    """Execute a notebook with another folder as its working directory."""
    variables = environment.of_kernels()
    subprocess.run([sys.executable, "-c", RUN, path], cwd=folder, env=variables, check=True)
    return nbformat.read(folder / "executed.ipynb", as_version=4)


def outputs(notebook):
    """What the code cells show, as text."""
    return [
        json.dumps(output.get("data", output.get("text")), sort_keys=True)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


def files(folder):
    """Every file below a folder, without the installed and the built ones of the book."""
    made = ["_build", ".venv", "node_modules", ".git", "__pycache__", ".pytest_cache"]
    made += [".hypothesis"]  # which tests write to beside this one
    return {p for p in folder.rglob("*") if not set(p.relative_to(folder).parts) & set(made)}


def nbconvert(*arguments, cwd):
    subprocess.run([sys.executable, "-m", "nbconvert", *arguments], cwd=cwd, check=True)


# The two that take the least time, against the order of the book.
@pytest.fixture(
    scope="module",
    params=[("06_convolutional_networks", "elsewhere"), ("01_linear_algebra", inputs.ROOT)],
    ids=["elsewhere", "in the book's folder"],
)
def executed(request, tmp_path_factory):
    """A chapter that nbconvert has run, its file, and the files that this left behind."""
    name, start = request.param
    folder = tmp_path_factory.mktemp("nbconvert")
    (folder / "elsewhere").mkdir()
    before = files(inputs.ROOT)
    notebook = inputs.ROOT / "chapters" / f"{name}.ipynb"
    to = ("--to=notebook", f"--output-dir={folder / 'executed'}")
    nbconvert("--execute", *to, notebook, cwd=folder / start)
    left = files(inputs.ROOT) - before | files(folder / "elsewhere")
    return notebook, folder / "executed" / notebook.name, left


@pytest.mark.slow
def test_nbconvert_runs_it_from_any_folder_and_leaves_nothing(claims, executed):
    notebook, path, left = executed
    verified = [
        claim["id"]
        for cell in cells(path, "code")
        for output in cell.outputs
        for claim in output.get("data", {}).get(MIME_TYPE, {"claims": []})["claims"]
    ]
    chapter = notebook.stem
    assert sorted(verified) == sorted(
        claim["id"] for claim in claims if claim["chapter"] == chapter
    )
    assert left == set()


def stripped(path):
    """Return a notebook's bytes after the hook that strips notebooks at each commit."""
    hooks = yaml.safe_load((inputs.ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    options = next(
        hook["args"] for repo in hooks["repos"] for hook in repo["hooks"] if "nbstrip" in hook["id"]
    )
    copy = path.with_name(f"stripped-{path.name}")
    shutil.copy(path, copy)
    subprocess.run([sys.executable, "-m", "nbstripout", *options, copy], check=True)
    return copy.read_bytes()


@pytest.mark.slow
def test_run_and_stripped_again_it_differs_in_nothing(executed):
    notebook, path, _ = executed
    assert path.read_bytes() != notebook.read_bytes()
    assert stripped(path) == notebook.read_bytes()


# -- what nbconvert makes of them

MYST = re.compile(r":::.*|\{[\w:]+\}`.*|\$\$ \(.*")


@pytest.mark.slow
def test_a_page_has_each_figure_as_a_picture_and_no_directive(executed, tmp_path):
    _, path, _ = executed
    config = f"--config={Path('_ext', 'book', 'nbconvert_config.py')}"
    nbconvert("--to=html", config, f"--output-dir={tmp_path}", path, cwd=inputs.ROOT)
    page = BeautifulSoup((tmp_path / f"{path.stem}.html").read_text("utf-8"), "html.parser")
    code = "\n".join(cell.source for cell in cells(path, "code"))
    pictures = page.select("img[alt]:not([alt=''])[src^='data:image/png']")
    assert len(pictures) == len(re.findall(r"^ *(?:show|explore)\(", code, re.MULTILINE)) > 0
    assert page.select("script[type*=widget]") == []
    assert MYST.findall(page.main.text) == []


NUMBERED = re.compile(
    r'id="(?:equation-)?([\w-]+)">\s*'
    r'<(?:span class="eqno">|p class="admonition-title"><span class="caption-number">)([^<]+?) *<'
)
TAGGED = re.compile(r'<a id="([\w-]+)"></a>\n\n\$\$\n[^$]*\\tag\{(.+?)\}\n\$\$')


@every_notebook
def test_a_page_has_the_boxes_and_the_numbers_of_the_site(site, path):
    notebook = nbformat.read(path, as_version=4)
    of = {"metadata": {"path": str(path.parent), "name": path.stem}}
    notebook, _ = exporting.Markdown().preprocess(notebook, of)
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert MYST.findall(text) == []
    page = (site / "chapters" / f"{path.stem}.html").read_text(encoding="utf-8")
    theirs = dict(NUMBERED.findall(page))
    formulas = TAGGED.findall(text)
    theorems = re.findall(r'<blockquote id="([\w-]+)">\n\n\*\*([\w.]+ [\d.]+)', text)
    assert {label: f"({number})" for label, number in formulas} | dict(theorems) == theirs
    links = re.findall(r"\[([^]]+)\]\(#([\w-]+)\)", text)
    assert links != []
    assert [link for link in links if theirs.get(link[1]) != link[0]] == []


@every_notebook
def test_a_script_is_a_program_of_python(path):
    text, resources = ScriptExporter().from_filename(str(path))
    assert resources["output_extension"] == ".py"
    compile(text, path.stem, "exec")


# -- the package that a notebook sees


@contextmanager
def kernel(python=None):
    """A kernel, of another Python if one is given, and a function that asks it for a value."""
    manager = KernelManager(kernel_name="python3")
    if python is not None:
        manager.kernel_spec.argv[0] = str(python)
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:

        def ask(statement, expression):
            client.wait_for_ready(timeout=60)
            expressions = {"value": expression}
            reply = client.execute(statement, user_expressions=expressions, reply=True, timeout=60)
            assert reply["content"]["status"] == "ok", reply["content"]
            return reply["content"]["user_expressions"]["value"]["data"]["text/plain"]

        yield manager, ask
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_a_notebook_sees_the_package_of_this_folder():
    with kernel() as (_, ask):
        package = Path(eval(ask("import byhand", "byhand.__file__"))).parent
    assert package == inputs.ROOT / "src" / "byhand"


@pytest.fixture
def installed(tmp_path):
    """A copy of the package, installed as ``make`` installs it; its folder and its Python."""
    root, environment = tmp_path / "project", tmp_path / "environment"
    without = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(inputs.ROOT / "src", root / "src", ignore=without)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(inputs.ROOT / file, root)
    venv.create(environment, symlinks=os.name != "nt")
    paths = sysconfig.get_paths("venv", vars={"base": str(environment)})
    # The other packages are borrowed, without the ``.pth`` file that would bring this folder's.
    Path(paths["purelib"], "borrowed.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    python = Path(paths["scripts"], "python")
    line = next(
        line
        for line in (inputs.ROOT / "requirements.txt").read_text("utf-8").splitlines()
        if line.startswith("-e ")
    )
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, *line.split()], cwd=root, check=True)
    return root / "src" / "byhand", python


@pytest.mark.slow
def test_a_changed_function_is_seen_by_a_restarted_kernel(installed):
    package, python = installed
    module = package / "problems.py"
    call = "from byhand.problems import problem_of", "problem_of('A1.w3')"
    with kernel(python) as (manager, ask):
        assert ask(*call) == "'A1'"
        text = module.read_text(encoding="utf-8")
        changed = re.sub(r"(def problem_of\(.+\n)", r"\1    return 'changed'\n", text)
        module.write_text(changed, encoding="utf-8")
        assert ask(*call) == "'A1'"
        manager.restart_kernel(now=True)
        assert ask(*call) == "'changed'"
