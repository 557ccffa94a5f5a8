"""The workflows: safe by zizmor's rules, and true to what the project promises."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from book import inputs

GITHUB = inputs.ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
OLDEST_PYTHON, NEWEST_PYTHON = 11, 14  # the minor versions

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs(path):
    return load(path)["jobs"].values()


def commands(path):
    return [step["run"] for job in jobs(path) for step in job["steps"] if "run" in step]


def test_zizmor_finds_nothing():
    zizmor = shutil.which("zizmor", path=Path(sys.executable).parent)
    command = [zizmor, "--offline", "--persona=auditor", "--format=plain", GITHUB]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    audited = set(re.findall(r"completed .*?([\w.-]+\.yml)", run.stderr))
    assert audited >= {"dependabot.yml", *(path.name for path in WORKFLOWS)}


@every_workflow
def test_actions_are_pinned_by_hash_with_their_version_beside_it(path):
    uses = re.findall(r"uses: *(.+)", path.read_text(encoding="utf-8"))
    assert uses != []
    for action in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_an_action_has_one_version():
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    pins = dict(re.findall(r"uses: *([^@\s]+)@(.+)", text))
    assert set(pins.items()) == set(re.findall(r"uses: *([^@\s]+)@(.+)", text))


@every_workflow
def test_every_job_has_an_end(path):
    assert all(job["timeout-minutes"] <= 60 for job in jobs(path))


@every_workflow
def test_commands_are_those_of_the_makefile(path):
    makefile = (inputs.ROOT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    used = [line.split() for command in commands(path) for line in command.splitlines()]
    assert all(words[0] == "make" and set(words[1:]) <= known for words in used), used


def minors(versions):
    return {int(version.removeprefix("3.")) for version in versions}


def test_every_python_that_the_project_allows_is_tested():
    project = tomllib.loads((inputs.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    allowed = SpecifierSet(project["project"]["requires-python"])
    assert f"3.{OLDEST_PYTHON}" in allowed
    assert f"3.{OLDEST_PYTHON - 1}" not in allowed
    matrix = load(GITHUB / "workflows" / "test.yml")["jobs"]["test"]["strategy"]["matrix"]
    everywhere, more = minors(matrix["python"]), matrix["include"]
    assert matrix["os"] == [f"{name}-latest" for name in ("ubuntu", "macos", "windows")]
    assert everywhere == {OLDEST_PYTHON, NEWEST_PYTHON}
    on_linux = minors(entry["python"] for entry in more if entry["os"] == "ubuntu-latest")
    assert everywhere | on_linux == set(range(OLDEST_PYTHON, NEWEST_PYTHON + 1))
