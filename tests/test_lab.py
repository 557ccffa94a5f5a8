"""The notebooks in a real JupyterLab, run from first to last and looked at in a browser."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from playwright.sync_api import expect

from book import inputs

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTEBOOKS = sorted(inputs.ROOT.glob("chapters/*.ipynb"))
START, RUN = 60, 300  # seconds


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab that serves copies of the notebooks; takes a notebook's name."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(inputs.ROOT / "chapters", home / "chapters")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    options = {
        "ServerApp.port": port,
        "ServerApp.root_dir": home / "chapters",
        "ServerApp.allow_root": True,
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
    }
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | folders | {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings")}
    environment.pop("BYHAND_BUILD", None)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/api?token={token}")
            yield lambda name: f"http://127.0.0.1:{port}/doc/tree/{name}?token={token}"
        finally:
            server.terminate()


def wait_for(url):
    deadline = time.monotonic() + START
    while True:
        try:
            return urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def page(browser, lab, request):
    """A notebook in JupyterLab, after all of its cells have run."""
    with browser.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        page.goto(lab(request.param.name))
        page.wait_for_function(IS_IDLE, timeout=START * 1000)
        page.evaluate(RUN_ALL, RUN * 1000)
        page.wait_for_function(IS_IDLE)
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


def test_no_cell_fails_or_complains(page):
    code = [cell for cell in page.cells if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    outputs = [output for cell in code for output in cell["outputs"]]
    assert [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"] == []


def test_boxes_are_boxes(page):
    for selector, directives in [("aside", r"admonition|prf:\w+"), ("details", "dropdown")]:
        written = re.findall(rf"^:::+{{(?:{directives})}}", page.markdown, flags=re.MULTILINE)
        shown = page.locator(f".jp-MarkdownCell .myst {selector}")  # not what claims open to
        expect(shown).to_have_count(len(written))


def test_labelled_equations_and_references_are_numbered(page):
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


def test_formulas_and_directives_are_rendered(page):
    assert page.locator(".katex").count() > 100
    assert page.locator(".katex-error").count() == 0
    assert page.evaluate(NOT_RENDERED) == []


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


def test_a_button_moves_its_figure(page):
    for figure in page.locator(".widget-vbox:has(.widget-toggle-buttons)").all():
        picture = figure.locator("img")
        alt = picture.get_attribute("alt")
        figure.locator(".widget-toggle-button:not(.mod-active)").first.press("Enter")
        expect(picture).not_to_have_attribute("alt", alt, timeout=START * 1000)
