"""Binder's environment: its files, and the notebooks run in it by a Jupyter server."""

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
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from jupyter_client.session import Session
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from websocket import create_connection

from book import download, inputs

BINDER = inputs.ROOT / ".binder"
NOTEBOOKS = [f"chapters/{path.name}" for path in sorted(inputs.ROOT.glob("chapters/*.ipynb"))]
VERSION = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
MEGABYTE = 1e6
START, RUN = 60, 300  # seconds
COMMIT = ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "first"]


def pins(text: str) -> dict[str, str]:
    """Name → version of the lines ``name==version``, whatever their markers."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


PINNED = pins((BINDER / "requirements.txt").read_text())


# -- the files


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


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A copy of the repository, and an environment from its ``.binder`` alone.

    repo2docker installs ``.binder/requirements.txt`` with pip in the repository's folder, into an
    environment of the version in ``.binder/runtime.txt``. Its server starts in the same folder.
    """
    if sys.platform != "linux":
        pytest.skip("Binder's environment is for Linux")
    if (python := find_python(VERSION)) is None:
        pytest.skip(f"no Python {VERSION} was found, which Binder would use")
    home = tmp_path_factory.mktemp("binder")
    generated = shutil.ignore_patterns(
        ".git", ".venv", "_build", "node_modules", "__pycache__", "*.egg-info", ".*_cache"
    )
    shutil.copytree(inputs.ROOT, home / "repository", ignore=generated)
    start = time.monotonic()
    subprocess.run([python, "-m", "venv", home / "python"], check=True)
    environment = Environment(home)
    environment.run("pip", "install", "--quiet", "-r", ".binder/requirements.txt")
    environment.installed_in = time.monotonic() - start
    return environment


class Environment:
    def __init__(self, home: Path) -> None:
        self.home, self.repository, self.python = home, home / "repository", home / "python"
        folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        self.variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "JUPYTER", "BYHAND", "VIRTUAL_ENV"))
        } | {name: str(home / name) for name in ("IPYTHONDIR", "MPLCONFIGDIR", *folders)}

    def command(self, *arguments) -> dict:
        return {
            "args": [self.python / "bin" / "python", "-m", *arguments],
            "cwd": self.repository,
            "env": self.variables,
        }

    def run(self, *arguments) -> str:
        run = subprocess.run(**self.command(*arguments), stdout=subprocess.PIPE, check=True)
        return run.stdout.decode()

    @property
    def size(self) -> int:
        return sum(path.lstat().st_size for path in self.python.rglob("*"))


@pytest.mark.slow
def test_nothing_is_installed_but_what_is_pinned(environment):
    environment.run("pip", "check")
    assert pins(environment.run("pip", "freeze", "--exclude-editable")) == PINNED
    assert environment.size < 800 * MEGABYTE


# -- a server in that environment


class Server:
    """A Jupyter server, spoken to as JupyterLab speaks to it."""

    def __init__(self, process, port: int, token: str) -> None:
        self.process, self.port, self.token = process, port, token

    def ask(self, path: str, method: str = "GET", data: dict | None = None) -> str:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}",
            method=method,
            data=json.dumps(data).encode() if data else None,
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=START) as response:
            return response.read().decode()

    @contextmanager
    def open(self, path: str):
        """Open a notebook: its cells of code, and a function that runs one in its kernel."""
        notebook = json.loads(self.ask(f"api/contents/{path}"))["content"]
        cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        kernel = {"name": notebook["metadata"]["kernelspec"]["name"]}
        session = {"path": path, "name": path, "type": "notebook", "kernel": kernel}
        session = json.loads(self.ask("api/sessions", "POST", session))
        address = f"ws://127.0.0.1:{self.port}/api/kernels/{session['kernel']['id']}/channels"
        header = [f"Authorization: token {self.token}"]
        with closing(create_connection(address, timeout=RUN, header=header)) as channels:
            yield cells, lambda source: execute(channels, source)
        self.ask(f"api/sessions/{session['id']}", "DELETE")

    def kernel(self) -> psutil.Process:
        (kernel,) = psutil.Process(self.process.pid).children()
        return kernel


def peak_memory(pid: int) -> float:
    """The most memory that a process has had so far, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / MEGABYTE


def execute(channels, source: str) -> list[dict]:
    """Run a cell; return the messages that the kernel published meanwhile."""
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
    request = Session().msg("execute_request", content) | {"channel": "shell"}
    channels.send(json.dumps(request, default=str))
    published = []
    while not published or published[-1]["content"].get("execution_state") != "idle":
        message = json.loads(channels.recv())
        answers = message["parent_header"].get("msg_id") == request["header"]["msg_id"]
        if answers and message["channel"] == "iopub":
            published.append(message)
    return published


@pytest.fixture(scope="module")
def server(environment):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    options = [f"--ServerApp.port={port}", "--ServerApp.allow_root=True", "--no-browser"]
    command = environment.command("jupyterlab", *options, f"--IdentityProvider.token={token}")
    with (
        (environment.home / "log").open("w") as log,
        subprocess.Popen(**command, stdout=log, stderr=log) as process,
    ):
        server = Server(process, port, token)
        server.started = time.monotonic()
        try:
            while True:
                try:
                    server.ask("api/status")
                    break
                except OSError:
                    if time.monotonic() > server.started + START:
                        raise
                    time.sleep(0.1)
            yield server
        finally:
            process.terminate()


@pytest.mark.slow
def test_the_notebooks_run_in_it(environment, server, capsys):
    first_cell, used = None, []
    for path in NOTEBOOKS:
        with server.open(path) as (cells, execute):
            for number, source in enumerate(cells, start=1):
                published = execute(source)
                first_cell = first_cell or time.monotonic() - server.started
                faults = [
                    message["content"]
                    for message in published
                    if message["msg_type"] == "error" or message["content"].get("name") == "stderr"
                ]
                assert faults == [], f"{path}, code cell {number}"
            kernel = server.kernel()
            seconds, memory = kernel.cpu_times(), kernel.memory_info().rss / MEGABYTE
            used.append(
                f"{path}: {seconds.user + seconds.system:.0f} s of a processor, "
                f"{memory:.0f} MB of memory, at most {peak_memory(kernel.pid):.0f} MB"
            )
    with capsys.disabled():
        print(f"\nBinder's environment: {environment.size / MEGABYTE:.0f} MB")
        print(f"  installed in {environment.installed_in:.0f} s")
        print(f"  first cell {first_cell:.1f} s after the server's start")
        print(f"  server: at most {peak_memory(server.process.pid):.0f} MB of memory")
        print(*(f"  {line}" for line in used), sep="\n")


@pytest.mark.slow
def test_the_address_that_a_button_opens_is_a_notebook_in_jupyterlab(server):
    page = server.ask(f"lab/tree/{NOTEBOOKS[0]}")
    for extension in ("jupyterlab-myst", "@jupyter-widgets/jupyterlab-manager"):
        assert f'"name": "{extension}"' in page


# -- a notebook that was downloaded, where the package is not installed


@pytest.fixture
def without_the_package(environment):
    """The environment without byhand, for as long as a test takes."""
    environment.run("pip", "uninstall", "--quiet", "--yes", "byhand")
    yield environment
    environment.run("pip", "install", "--quiet", "--no-deps", "--editable", ".")


@pytest.mark.slow
def test_a_downloaded_notebook_installs_the_package_it_needs(without_the_package, tmp_path):
    environment, address = without_the_package, "https://github.com/author/by-hand"
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["add", "."], COMMIT):
        subprocess.run(["git", "-C", environment.repository, *arguments], check=True)
    # Git fetches from that folder what it is told to fetch from the address.
    environment.variables |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{environment.repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }
    notebook = tmp_path / "downloaded.ipynb"
    shutil.copy(inputs.ROOT / NOTEBOOKS[0], notebook)
    download.add_installation(notebook, address, "main")
    environment.run("nbconvert", "--log-level=WARN", "--to=notebook", "--execute", str(notebook))
    executed = json.loads((tmp_path / "downloaded.nbconvert.ipynb").read_text("utf-8"))
    assert all(cell["execution_count"] for cell in executed["cells"] if cell["cell_type"] == "code")
    assert "byhand @ git+" in environment.run("pip", "freeze")
