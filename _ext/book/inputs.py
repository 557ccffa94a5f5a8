"""Everything a build depends on, as one hash, and what follows from it.

A build is either complete for exactly these inputs or is made from scratch: Sphinx judges by file
times what is out of date, and a build that was killed half-way leaves files that look new.
Executed notebooks are kept, since each is stored under the hash of all that it depends on. Two
builds of one folder would write over each other: the second waits.

Run as a script, it exits with status 0 if the book in ``_build/html`` is up to date.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAMP = ROOT / "_build" / "complete"
LOCK = ROOT / "_build" / "lock"
FIRST_PAGE = ROOT / "_build" / "html" / "index.html"
UP_TO_DATE = "The book is up to date: _build/html/index.html"

# The variables that the build was started with; it soon has others (see environment.py).
reader = os.environ

PACKAGE = ["src/byhand/**/*.py", "src/byhand/**/*.mplstyle", "requirements.txt"]
BOOK = [
    "_config.yml",
    "_toc.yml",
    "index.md",
    "chapters/*",
    "_ext/**/*.py",
    "_ext/**/*.mjs",
    "_static/**/*",
    "_templates/**/*",
    "benchmarks/speed.json",
    "package-lock.json",
]


def digest(*patterns: str, extra: str = "") -> str:
    """Return a hash of the files that match the patterns, of Python's version and of extra."""
    state = hashlib.sha256(f"{sys.version}\0{extra}".encode())
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        if path.is_file():
            state.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
            state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def repository() -> str | None:
    """Return the address of the book's repository if that is on GitHub, else None."""
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return f"https://github.com/{name}"
    url = _git("remote", "get-url", "origin")
    for start in ("https://github.com/", "git@github.com:", "ssh://git@github.com/"):
        if url.startswith(start):
            return "https://github.com/" + url.removeprefix(start).rstrip("/").removesuffix(".git")
    return None


def branch() -> str:
    """Return the branch that readers are sent to: one that the repository is known to have.

    A pull request's own branch may be in another repository, and a local one nowhere else.
    """
    if os.environ.get("GITHUB_REPOSITORY") and os.environ.get("GITHUB_REF_TYPE") == "branch":
        return os.environ.get("GITHUB_BASE_REF") or os.environ["GITHUB_REF_NAME"]
    for name in ("@{upstream}", "origin/HEAD"):
        remote, _, found = _git("rev-parse", "--abbrev-ref", name).partition("/")
        if remote == "origin" and found != "HEAD":
            return found
    return "main"


def _git(*arguments: str) -> str:
    """Return what git says of the book's folder, or nothing where it cannot tell."""
    # A hook of git, which may build the book, names the hook's repository in the variables.
    variables = {k: v for k, v in reader.items() if k not in ("GIT_DIR", "GIT_WORK_TREE")}
    command = ["git", "-C", str(ROOT), *arguments]
    # Its complaints are in the reader's language and encoding, which need not be UTF-8.
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    try:
        run = subprocess.run(command, env=variables, **streams, check=False)
    except FileNotFoundError:
        return ""
    return run.stdout.decode("utf-8", "replace").strip() if run.returncode == 0 else ""


def site_address() -> str | None:
    """Return the address that the site is built for, which BYHAND_SITE_URL gives, else None."""
    address = os.environ.get("BYHAND_SITE_URL")
    return address and address.rstrip("/") + "/"


def current() -> str:
    """Return the hash of everything that a build depends on."""
    return digest(*PACKAGE, *BOOK, extra=f"{repository()} {branch()} {site_address()}")


def is_up_to_date() -> bool:
    """Return whether the last build was completed with the inputs as they are now."""
    return FIRST_PAGE.is_file() and STAMP.is_file() and STAMP.read_text() == current()


def wait_for_other_builds():
    """Return a lock that keeps other builds out of the folder until this process ends.

    The system lets go of it even if the process is killed.
    """
    from filelock import FileLock, Timeout  # the question whether all is up to date needs none

    LOCK.parent.mkdir(exist_ok=True)
    lock = FileLock(LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another build of this folder is running; this one waits for it.", flush=True)
        lock.acquire()
    return lock


def _start(app, config) -> None:
    app.lock = wait_for_other_builds()
    if is_up_to_date():
        print(UP_TO_DATE)
        sys.exit()
    for folder in (app.doctreedir, app.outdir):
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(parents=True)
    app.inputs_at_start = current()
    STAMP.unlink(missing_ok=True)


def _finish(app, exception) -> None:
    if exception is None:
        STAMP.write_text(app.inputs_at_start)


def setup(app) -> None:
    app.connect("config-inited", _start, priority=1)
    app.connect("build-finished", _finish, priority=1000)


if __name__ == "__main__":
    if not is_up_to_date():
        sys.exit(1)
    print(UP_TO_DATE)
