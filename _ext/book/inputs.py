"""Everything a build depends on, as one hash, and what follows from it.

A build is either complete for exactly these inputs or is made anew: Sphinx judges by file times
what is out of date, and a build that was killed half-way leaves files that look new. What a
complete build has run and read is kept as far as it depends on nothing that has changed (see
execution.py and reading.py). Two builds of one folder would write over each other: the second
waits.

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

PACKAGE = ["src/byhand/**/*", "requirements.txt"]
BOOK = [
    "_config.yml",
    "_toc.yml",
    "index.md",
    "chapters/*",
    "reference/*",
    "_ext/**/*.py",
    "_ext/**/*.mjs",
    "_static/**/*",
    "_templates/**/*",
    "benchmarks/speed.json",
    "benchmarks/teeth.json",
    "package-lock.json",
]
# What every page depends on, beside its own source (see reading.py).
FRAME = [
    "src/byhand/*",
    "src/byhand/answers/**/*",
    "src/byhand/evidence/**/*",
    "requirements.txt",
    *BOOK,
]
SOURCES = (".md", ".ipynb")


def files(*patterns: str, without: tuple[str, ...] = ()) -> list[Path]:
    """Return the files that match the patterns, sorted, without those that Python compiles."""
    paths = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(
        path
        for path in paths
        if "__pycache__" not in path.parts and path.suffix not in without and path.is_file()
    )


def digest(*patterns: str, without: tuple[str, ...] = (), extra: str = "") -> str:
    """Return a hash of the files that match the patterns, of Python's version and of extra."""
    state = hashlib.sha256(f"{sys.version}\0{extra}".encode())
    for path in files(*patterns, without=without):
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


def frame() -> str:
    """Return the hash of what every page depends on, beside its own source."""
    return digest(*FRAME, without=SOURCES, extra=f"{repository()} {branch()} {site_address()}")


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
    app.inputs_at_start, app.frame_at_start = current(), frame()
    read_for = Path(app.doctreedir, "frame")
    complete = STAMP.is_file() and read_for.is_file()
    can_keep = complete and read_for.read_text() == app.frame_at_start
    STAMP.unlink(missing_ok=True)
    for folder in [app.outdir] if can_keep else [app.outdir, app.doctreedir]:
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(parents=True)


def _finish(app, exception) -> None:
    if exception is None:
        Path(app.doctreedir, "frame").write_text(app.frame_at_start)
        STAMP.write_text(app.inputs_at_start)


def setup(app) -> None:
    app.connect("config-inited", _start, priority=1)
    app.connect("build-finished", _finish, priority=1000)


if __name__ == "__main__":
    if not is_up_to_date():
        sys.exit(1)
    print(UP_TO_DATE)
