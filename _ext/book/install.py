"""Makes the environment in ``.venv``: make runs this with the reader's Python, which has nothing.

With the word ``peers`` it makes ``.venv-peers``, the same with the libraries that the benchmarks
compare the book with.

uv installs in a fifth of the time of pip, which fetches it, and does it all where uv cannot be had.
An installation that was interrupted is taken up again; an environment that was made in another
folder or with another Python is made anew, since it would run what is there.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
READY = VENV / "ready"  # names the folder that the environment was made for
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
REQUIREMENTS = ROOT / "requirements.txt"
PEERS = ROOT / ".venv-peers"
PEERS_REQUIREMENTS = ROOT / "benchmarks" / "peers.txt"
QUIET = ("--quiet", "--disable-pip-version-check")


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (whatever Python the reader has)
        sys.exit("Python 3.11 or later is needed; name one with make PYTHON=…")
    if sys.argv[1:] == ["peers"]:
        install_peers()
        return
    # The folder as make has it: Windows knows two ways to write it.
    here = os.environ.get("HERE", str(ROOT))
    with alone():
        if not is_ready(here):
            install(here)
            READY.write_text(here, encoding="utf-8")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other installation works in the folder."""
    (ROOT / "_build").mkdir(exist_ok=True)
    with (ROOT / "_build" / "installing").open("w") as file:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            with contextlib.suppress(OSError):  # some network file systems have no locks
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_ready(here: str) -> bool:
    newest = max(path.stat().st_mtime for path in (REQUIREMENTS, ROOT / "pyproject.toml"))
    return (
        READY.is_file()
        and READY.read_text(encoding="utf-8") == here
        and READY.stat().st_mtime >= newest
        and is_sound()
    )


def is_sound() -> bool:
    """Return whether the environment's Python runs and is the one that it was made for."""
    try:
        settings = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
        made_for = re.search(r"version(?:_info)? *= *(\d+\.\d+)", settings)
        ask = "import sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}')"
        run = subprocess.run([PYTHON, "-I", "-c", ask], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return made_for is not None and made_for[1] == run.stdout.strip()


def install(here: str) -> None:
    moved = READY.is_file() and READY.read_text(encoding="utf-8") not in ("", here)
    if moved or not is_sound():
        if READY.is_file():
            print("The environment was made elsewhere or by another Python; it is made anew.")
        READY.unlink(missing_ok=True)
        command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
        if subprocess.run(command, check=False).returncode:
            sys.exit("Python's module venv is needed; on Debian: apt install python3-venv")
    uv = find_uv()
    if uv and run([*uv, *uv_install(PYTHON, REQUIREMENTS)], uv_settings()):
        return
    print("uv cannot install what the book needs; pip does, which takes a minute.", flush=True)
    if not run([str(PYTHON), "-m", "pip", "install", *QUIET, "-r", str(REQUIREMENTS)]):
        sys.exit("What the book needs could not be installed; the reason is above.")


def install_peers() -> None:
    """Install the peers beside what the book needs.

    PyTorch for Linux comes with CUDA, 2 GB of it, unless uv may ask PyTorch's own index for the
    build for processors.
    """
    python = PEERS / PYTHON.relative_to(VENV)
    uv = [str(PYTHON), "-m", "uv"]
    install = uv_install(python, REQUIREMENTS, PEERS_REQUIREMENTS)
    if not run([*uv, "venv", "--quiet", "--clear", "--python", str(PYTHON), str(PEERS)]):
        sys.exit("The environment of the peers could not be made; the reason is above.")
    if run([*uv, *install, "--torch-backend=cpu"], uv_settings()):
        return
    print("PyTorch's build for processors cannot be had; any other will do.", flush=True)
    if not run([*uv, *install], uv_settings()):
        sys.exit("The peers could not be installed; the reason is above.")


def uv_install(python: Path, *requirements: Path) -> list[str]:
    files = [part for path in requirements for part in ("-r", str(path))]
    return ["pip", "install", "--quiet", "--python", str(python), *files]


def run(command: list[str], settings: dict[str, str] | None = None) -> bool:
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(command, env=variables | (settings or {}), cwd=ROOT, check=False)
    return done.returncode == 0


def find_uv() -> list[str] | None:
    """Return the command of the reader's uv, or of the locked one, which pip fetches."""
    if found := shutil.which("uv"):
        return [found]
    locked = re.search(r"^uv==\S+", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)
    pip = [str(PYTHON), "-m", "pip", "install", *QUIET, "--no-deps"]
    return [str(PYTHON), "-m", "uv"] if locked and run([*pip, locked[0]]) else None


def uv_settings() -> dict[str, str]:
    """Return how uv reaches packages where pip does: its index, and the machine's certificates."""
    settings = {"UV_SYSTEM_CERTS": os.environ.get("UV_SYSTEM_CERTS", "1")}
    if not is_writable(cache_folder()):
        settings["UV_NO_CACHE"] = "1"
    ask = [str(PYTHON), "-m", "pip", "config", "list"]
    listed = subprocess.run(ask, capture_output=True, text=True, check=False).stdout
    for option, variable in (
        ("index-url", "UV_DEFAULT_INDEX"),
        ("extra-index-url", "UV_INDEX"),
        ("find-links", "UV_FIND_LINKS"),
        ("cert", "SSL_CERT_FILE"),
    ):
        # A variable is listed before a file, and counts more.
        values = re.findall(rf"^\S+\.{option}='(.*)'$", listed, re.MULTILINE)
        if values and variable not in os.environ:
            settings[variable] = " ".join(values[0].split("\\n")).strip()
    if "UV_INDEX" in settings:  # several, which to pip are one
        settings.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return settings


def cache_folder() -> Path:
    if named := os.environ.get("UV_CACHE_DIR"):
        return Path(named)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"), "uv")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser(), "uv")


def is_writable(folder: Path) -> bool:
    """Return whether files can be made in a folder, which may not be there yet."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)
    except OSError:
        return False


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nThe installation was interrupted; the next make takes it up.")
