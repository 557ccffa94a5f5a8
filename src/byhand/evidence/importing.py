"""What the modules of claims compute when they are imported: nothing, as the build requires.

It is no part of what a notebook imports: it loads modules by name, so that whatever imports it
depends on the whole package.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from byhand.evidence import declaring
from byhand.evidence.anchoring import some
from byhand.evidence.tracing import tracing


def made_at_import(module: str) -> list[str]:
    """Return the functions of byhand that a module of claims runs when it is imported.

    What is computed then is in no route's trace. The module is run once more, alone: what it
    imports has run.
    """
    kept = dict(declaring.REGISTRY)
    spec = importlib.util.find_spec(module)
    again = importlib.util.module_from_spec(spec)
    try:
        with tracing() as found:
            spec.loader.exec_module(again)
    finally:
        declaring.REGISTRY.clear()
        declaring.REGISTRY.update(kept)
    return sorted(found)


def refuse_work_at_import(modules: Iterable[str]) -> list[str]:
    """Return a line for each module of claims that computes something when it is imported."""
    return [
        f"{module} runs {some(found)} when it is imported, unseen by any route: "
        "move it into a route, or into a function under @once"
        for module in modules
        if (found := made_at_import(module))
    ]
