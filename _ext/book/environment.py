"""What a build knows of the machine: where programs are and where to put files, no settings.

A reader's matplotlibrc, start-up files, locale, time zone or variables would change what the book
shows, and nobody would know. So a build and its kernels see a few variables, named here, and a
home of their own inside the book's folder. What downloads or looks into Git is the reader's, with
proxies and certificates, and gets the reader's own variables from :func:`of_reader`.
"""

from __future__ import annotations

import os
import site
import sys

from book import inputs

HOME = inputs.ROOT / "_build" / "home"
SOURCE = inputs.ROOT / "src"

# Where programs, libraries and temporary files are.
PLACES = (
    *("PATH", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("DYLD_FALLBACK_LIBRARY_PATH", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"),
)
# What the terminal is like, and what the pages say of the site (see inputs.py).
OF_BUILD = (
    *("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "CI"),
    *("BYHAND_SITE_URL", "GITHUB_REPOSITORY", "GITHUB_BASE_REF", "GITHUB_REF_NAME"),
    "GITHUB_REF_TYPE",
)
# Every program looks for its settings in one of these.
HOMES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
FIXED = {
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC0",
    "PYTHONUTF8": "1",
    "PYTHONHASHSEED": "0",  # a set of words has one order
    "MPLCONFIGDIR": str(HOME / "matplotlib"),
    "IPYTHONDIR": str(HOME / "ipython"),
    "JUPYTER_CONFIG_DIR": str(HOME / "jupyter"),
    "JUPYTER_DATA_DIR": str(HOME / "jupyter"),
    "JUPYTER_RUNTIME_DIR": str(HOME / "jupyter" / "runtime"),
    "DOCUTILSCONFIG": "",
    # Kernels that run side by side must not each take all cores, and a sum must not depend on how
    # many threads a machine has.
    **dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
        ),
        "1",
    ),
}


def of_reader() -> dict[str, str]:
    """Return the variables that the build was started with."""
    return dict(inputs.reader)


def of_kernels() -> dict[str, str]:
    """Return the variables of a notebook's kernel: it imports the package of this folder."""
    packages = [str(SOURCE)]
    if site.ENABLE_USER_SITE:  # what the book needs may have been installed there
        packages.append(site.getusersitepackages())
    return _common(PLACES) | {"BYHAND_BUILD": "1", "PYTHONPATH": os.pathsep.join(packages)}


def enter() -> None:
    """Leave the reader's settings: from here on this process has those of the book."""
    if inputs.reader is not os.environ:
        return
    inputs.reader = dict(os.environ)
    if not sys.flags.ignore_environment:
        added = of_reader().get("PYTHONPATH", "").split(os.pathsep)
        added = [os.path.abspath(path) for path in added if path]
        sys.path[:] = [path for path in sys.path if os.path.abspath(path) not in added]
    sys.path.insert(0, str(SOURCE))
    variables = _common(PLACES + OF_BUILD)
    os.environ.clear()
    os.environ.update(variables)


def _common(names: tuple[str, ...]) -> dict[str, str]:
    HOME.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in of_reader().items() if name.upper() in names}
    return kept | dict.fromkeys(HOMES, str(HOME)) | FIXED
