"""The notebooks in JupyterLab, in Binder's environment: run from first to last, and looked at."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from playwright.sync_api import expect
from test_answers import SOLVED

from book import download, inputs
from byhand.answers import judging
from byhand.answers.asking import of_problem
from byhand.evidence import fields
from byhand.problems import problem_of

BINDER = inputs.ROOT / ".binder"
NOTEBOOKS = sorted(inputs.ROOT.glob("chapters/*.ipynb"))
VERSION = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
MEGABYTE = 1e6
START, RUN = 60, 300  # seconds
COMMIT = ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "first"]


def pins(text: str) -> dict[str, str]:
    """Name → version of the lines ``name==version``, whatever their markers."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


PINNED = pins((BINDER / "requirements.txt").read_text())


# -- the files of Binder


def test_every_line_is_a_pin_or_the_book_itself():
    lines = (BINDER / "requirements.txt").read_text().splitlines()
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    assert len(lines) == len(PINNED) + 1
    assert "-e ." in lines


def test_pins_are_those_of_the_book():
    assert PINNED.items() <= pins((inputs.ROOT / "requirements.txt").read_text()).items()


def test_it_has_what_a_chapter_needs_and_no_tools():
    project = tomllib.loads((inputs.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    assert {canonicalize_name(Requirement(text).name) for text in needed} <= PINNED.keys()
    unwanted = re.compile(r"sphinx|jupyter-book|myst|node|pytest|hypothesis|playwright|ruff|uv$")
    assert [name for name in PINNED if unwanted.match(name)] == []


# -- the environment, made as repo2docker makes it


def find_python(version: str) -> str | None:
    """The interpreter that runs the tests, or one on the path or of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    on_path = shutil.which(f"python{version}")
    for python in filter(
        None, [sys.executable, on_path, *pyenv.glob(f"versions/{version}*/bin/python")]
    ):
        command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.stdout.strip() == version:
            return str(python)
    return None


class Environment:
    """A copy of the repository, and an interpreter that runs there with settings of its own."""

    def __init__(self, home: Path, python: Path) -> None:
        generated = shutil.ignore_patterns(
            ".git", ".venv*", "_build", "node_modules", "__pycache__", "*.egg-info", ".*_cache"
        )
        self.home, self.repository, self.python = home, home / "repository", python
        shutil.copytree(inputs.ROOT, self.repository, ignore=generated)
        folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        settings = ("IPYTHONDIR", "MPLCONFIGDIR", "JUPYTERLAB_SETTINGS_DIR", *folders)
        self.variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "JUPYTER", "BYHAND", "VIRTUAL_ENV"))
        } | {name: str(home / name) for name in settings}

    def command(self, *arguments) -> dict:
        return {
            "args": [self.python, "-m", *arguments],
            "cwd": self.repository,
            "env": self.variables,
        }

    def run(self, *arguments) -> str:
        run = subprocess.run(**self.command(*arguments), stdout=subprocess.PIPE, check=True)
        return run.stdout.decode()


@pytest.fixture(scope="module")
def binder(tmp_path_factory):
    """An environment from ``.binder`` alone.

    repo2docker installs ``.binder/requirements.txt`` with pip in the repository's folder, into an
    environment of the version in ``.binder/runtime.txt``. Its server starts in the same folder.
    """
    if sys.platform != "linux":
        pytest.skip("Binder's environment is for Linux")
    if (python := find_python(VERSION)) is None:
        pytest.skip(f"no Python {VERSION} was found, which Binder would use")
    home = tmp_path_factory.mktemp("binder")
    start = time.monotonic()
    subprocess.run([python, "-m", "venv", home / "python"], check=True)
    environment = Environment(home, home / "python" / "bin" / "python")
    environment.run("pip", "install", "--quiet", "-r", ".binder/requirements.txt")
    environment.installed_in = time.monotonic() - start
    environment.size = sum(path.lstat().st_size for path in (home / "python").rglob("*"))
    return environment


@pytest.mark.slow
def test_nothing_is_installed_but_what_is_pinned(binder, capsys):
    binder.run("pip", "check")
    assert pins(binder.run("pip", "freeze", "--exclude-editable")) == PINNED
    assert binder.size < 800 * MEGABYTE
    with capsys.disabled():
        print(
            f"\nBinder: {binder.size / MEGABYTE:.0f} MB, installed in {binder.installed_in:.0f} s"
        )


# -- JupyterLab in that environment


class Lab:
    """A running JupyterLab."""

    def __init__(self, process, folder: Path, port: int, token: str) -> None:
        self.process, self.folder, self.port, self.token = process, folder, port, token
        self.started = time.monotonic()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}"

    def wait(self) -> None:
        while True:
            try:
                return urllib.request.urlopen(self.address("api"), timeout=5).close()
            except OSError:
                if time.monotonic() > self.started + START:
                    raise
                time.sleep(0.2)

    def used(self) -> str:
        """Say what the kernel that runs has used so far, and the server."""
        (kernel,) = psutil.Process(self.process.pid).children()
        seconds, memory = kernel.cpu_times(), kernel.memory_info().rss / MEGABYTE
        return (
            f"{seconds.user + seconds.system:.0f} s of a processor, {memory:.0f} MB of memory, "
            f"at most {peak_memory(kernel.pid):.0f}, the server {peak_memory(self.process.pid):.0f}"
        )


@pytest.fixture(scope="module")
def lab(request, tmp_path_factory):
    """A JupyterLab in Binder's environment; in that of the tests, where Binder's cannot be had."""
    try:
        environment = request.getfixturevalue("binder")
    except pytest.skip.Exception:
        environment = Environment(tmp_path_factory.mktemp("lab"), Path(sys.executable))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    options = {
        "ServerApp.port": port,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
    }
    command = environment.command(
        "jupyterlab", "--no-browser", *(f"--{name}={value}" for name, value in options.items())
    )
    with (
        (environment.home / "log").open("w") as log,
        subprocess.Popen(**command, stdout=log, stderr=log) as process,
    ):
        lab = Lab(process, environment.repository, port, token)
        try:
            lab.wait()
            yield lab
        finally:
            process.terminate()


def peak_memory(pid: int) -> float:
    """The most memory that a process has had so far, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / MEGABYTE


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def page(browser, lab, request):
    """A notebook in JupyterLab, after all of its cells have run."""
    with browser.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        page.goto(lab.address(f"doc/tree/chapters/{request.param.name}"))
        page.wait_for_function(IS_IDLE, timeout=START * 1000)
        page.evaluate(RUN_ALL, RUN * 1000)
        page.wait_for_function(IS_IDLE)
        page.used = lab.used()
        page.wait_for_function(IS_RENDERED, timeout=START * 1000)
        page.cells = page.evaluate(f"{PANEL}.content.widgets.map(cell => cell.model.toJSON())")
        page.markdown = "\n".join(c["source"] for c in page.cells if c["cell_type"] == "markdown")
        yield page
        page.evaluate(f"{PANEL}.sessionContext.shutdown()")


PANEL = "jupyterapp.shell.currentWidget"
IS_IDLE = f"window.jupyterapp && {PANEL}?.sessionContext?.session?.kernel?.status === 'idle'"
IS_RENDERED = f"""
{PANEL}.content.widgets.filter(cell => cell.model.type === "markdown")
  .every(cell => cell.node.querySelector(".myst")?.childElementCount > 0)
"""
RUN_ALL = """
limit => Promise.race([
  jupyterapp.commands.execute("notebook:run-all-cells"),
  new Promise((_, reject) => setTimeout(() => reject("the cells still run"), limit)),
])
"""


@pytest.mark.browser
@pytest.mark.slow
def test_no_cell_fails_or_complains(page, capsys):
    code = [cell for cell in page.cells if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    outputs = [output for cell in code for output in cell["outputs"]]
    assert [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"] == []
    with capsys.disabled():
        print(f"\n{page.used}")


@pytest.mark.browser
@pytest.mark.slow
def test_boxes_are_boxes(page):
    for selector, directives in [("aside", r"admonition|prf:\w+"), ("details", "dropdown")]:
        written = re.findall(rf"^:::+{{(?:{directives})}}", page.markdown, flags=re.MULTILINE)
        shown = page.locator(f".jp-MarkdownCell .myst {selector}")  # not what claims open to
        expect(shown).to_have_count(len(written))


@pytest.mark.browser
@pytest.mark.slow
def test_labeled_equations_and_references_are_numbered(page):
    for label in re.findall(r"^\$\$ \(([\w-]+)\)$", page.markdown, flags=re.MULTILINE):
        equation = page.locator(f"[id='{label}']")
        expect(equation).to_have_text(re.compile(r"\(\d+\)\s*$"), timeout=START * 1000)
    references = re.findall(r"{eq}`([\w-]+)`", page.markdown)
    assert len(references) > 0
    for label in set(references):
        links = page.locator(f".myst a[href='#{label}']:not([title])")
        expect(links.nth(references.count(label) - 1)).to_be_attached(timeout=START * 1000)
        numbers = [re.compile(r"^\(\d+\)$")] * links.count()
        expect(links).to_have_text(numbers, timeout=START * 1000)


NOT_RENDERED = r"""
() => [...document.querySelectorAll(".myst :is(p, li, td, th, h2, h3)")]
  .filter(element => !element.closest("aside aside"))
  .map(element => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("code, pre, .katex").forEach(part => part.remove());
    return copy.textContent;
  })
  .filter(text => /\$[^$]+\$|\{(eq|prf:ref)\}|:::/.test(text))
"""


@pytest.mark.browser
@pytest.mark.slow
def test_formulas_and_directives_are_rendered(page):
    assert page.locator(".katex").count() > 100
    assert page.locator(".katex-error").count() == 0
    assert page.evaluate(NOT_RENDERED) == []


@pytest.mark.browser
@pytest.mark.slow
def test_a_claim_opens_to_the_source_of_its_routes(page):
    claims = page.locator(".jp-OutputArea-output .byhand details.claim:has(pre)")
    assert claims.count() > 0
    claim = claims.first
    expect(claim.locator("pre").first).to_be_hidden()
    claim.locator("summary").click()
    expect(claim.locator("pre").first).to_be_visible()
    assert claim.locator("em").first.inner_text().startswith("by ")
    raw = ".byhand :not(pre, code, style, mjx-container *)"
    texts = page.locator(raw).evaluate_all(
        "parts => parts.map(part => [...part.childNodes]"
        ".filter(node => node.nodeType == 3).map(node => node.data).join(''))"
    )
    assert [text for text in texts if re.search(r"\$[^$]+\$", text)] == []


@pytest.mark.browser
@pytest.mark.slow
def test_a_slider_moves_its_figure(page):
    figures = page.locator(".widget-vbox:has([role=slider], .widget-toggle-buttons)")
    assert figures.count() == sum("explore(" in cell["source"] for cell in page.cells)
    for figure in figures.filter(has=page.locator("[role=slider]")).all():
        picture, slider = figure.locator("img"), figure.locator("[role=slider]").first
        src, alt = picture.get_attribute("src"), picture.get_attribute("alt")
        at_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
        slider.press("ArrowLeft" if at_end else "ArrowRight")
        expect(picture).not_to_have_attribute("src", src, timeout=START * 1000)
        expect(picture).not_to_have_attribute("alt", alt)


@pytest.mark.browser
@pytest.mark.slow
def test_a_button_moves_its_figure(page):
    for figure in page.locator(".widget-vbox:has(.widget-toggle-buttons)").all():
        picture = figure.locator("img")
        alt = picture.get_attribute("alt")
        figure.locator(".widget-toggle-button:not(.mod-active)").first.press("Enter")
        expect(picture).not_to_have_attribute("alt", alt, timeout=START * 1000)


@pytest.mark.slow
def test_the_address_that_a_button_opens_is_a_notebook_in_jupyterlab(lab):
    with urllib.request.urlopen(lab.address(f"lab/tree/chapters/{NOTEBOOKS[0].name}")) as answer:
        page = answer.read().decode()
    for extension in ("jupyterlab-myst", "@jupyter-widgets/jupyterlab-manager"):
        assert f'"name": "{extension}"' in page


# -- a notebook that was downloaded, where the package is not installed


@pytest.fixture
def without_the_package(binder):
    """The environment without byhand, for as long as a test takes."""
    binder.run("pip", "uninstall", "--quiet", "--yes", "byhand")
    yield binder
    binder.run("pip", "install", "--quiet", "--no-deps", "--editable", ".")


@pytest.mark.slow
def test_a_downloaded_notebook_installs_the_package_it_needs(without_the_package, tmp_path):
    binder, address = without_the_package, "https://github.com/author/by-hand"
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["add", "."], COMMIT):
        subprocess.run(["git", "-C", binder.repository, *arguments], check=True)
    # Git fetches from that folder what it is told to fetch from the address.
    binder.variables |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{binder.repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }
    notebook = tmp_path / "downloaded.ipynb"
    shutil.copy(NOTEBOOKS[0], notebook)
    download.add_installation(notebook, address, "main")
    binder.run("nbconvert", "--log-level=WARN", "--to=notebook", "--execute", str(notebook))
    executed = json.loads((tmp_path / "downloaded.nbconvert.ipynb").read_text("utf-8"))
    assert all(cell["execution_count"] for cell in executed["cells"] if cell["cell_type"] == "code")
    assert "byhand @ git+" in binder.run("pip", "freeze")


# -- a reader's answers, in a notebook of theirs

ASKED = list(dict.fromkeys(problem_of(claim) for _, claim, *_ in SOLVED))


@pytest.fixture(scope="module")
def answering(browser, lab):
    """A notebook with the fields of problems, and a check for each answer, run in JupyterLab."""
    cells = ["from byhand.evidence import answers, check"]
    cells += [f"answers({problem!r})" for problem in ASKED]
    given = [(claim, texts if len(texts) > 1 else texts[0]) for _, claim, texts, _ in SOLVED]
    cells += [f"check({claim!r}, {value!r})" for claim, value in given]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = new_notebook(cells=list(map(new_code_cell, cells)), metadata=kernel)
    path = lab.folder / "chapters" / "answers.ipynb"
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    with browser.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        page.goto(lab.address(f"doc/tree/chapters/{path.name}"))
        page.wait_for_function(IS_IDLE, timeout=START * 1000)
        page.evaluate(RUN_ALL, RUN * 1000)
        yield page
        page.evaluate(f"{PANEL}.sessionContext.shutdown()")


def output(page, cell):
    return page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")


def answer(form, texts):
    """Type an answer into a form and ask for the verdict."""
    for field, text in zip(form.locator("input, select").all(), texts, strict=True):
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=text)
        else:
            field.fill(text)
    form.get_by_role("button", name="Check").click()


@pytest.mark.browser
@pytest.mark.slow
def test_answers_are_judged_in_a_notebook_as_on_the_page(answering):
    for i, (_, claim, texts, verdict) in enumerate(SOLVED):
        found = judging.judge(fields.key(claim), texts)
        assert found.verdict == verdict
        told = output(answering, 1 + len(ASKED) + i)
        expect(told).to_contain_text(found.words.rstrip("."), timeout=START * 1000)
        problem = problem_of(claim)
        forms = output(answering, 1 + ASKED.index(problem)).locator("> .widget-vbox > .widget-vbox")
        asked = [one.claim for one in of_problem(problem)]
        expect(forms).to_have_count(len(asked), timeout=START * 1000)
        form = forms.nth(asked.index(claim))
        answer(form, texts)
        expect(form).to_contain_text(f"{fields.MARKS[verdict]} {found.words}")


@pytest.mark.browser
@pytest.mark.slow
def test_what_was_understood_and_the_right_answer_are_set_in_a_notebook(answering):
    forms = output(answering, 1 + ASKED.index("D2.5")).locator("> .widget-vbox > .widget-vbox")
    form = forms.first
    set_as = form.locator(".widget-htmlmath :is(mjx-container, .katex)")
    expect(form.locator("input")).to_be_visible(timeout=START * 1000)
    expect(form.get_by_role("button", name="Show the answer")).to_be_hidden()
    before = set_as.count()
    answer(form, ["(1 - eta*h)^(2*t)"])
    expect(set_as).to_have_count(before + 1)
    form.get_by_role("button", name="Show the answer").click()
    expect(set_as).to_have_count(before + 2)
