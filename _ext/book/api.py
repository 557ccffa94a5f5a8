"""Fits docstrings to the API pages: links to equations, bars and initials, no plain fields."""

from __future__ import annotations

import re
import sys

from sphinx.pycode import ModuleAnalyzer

EQUATION = re.compile(r"\b([Ee]quation) (ch\d-[a-z0-9-]*[a-z0-9])")
INITIAL = re.compile(r"((?:^|:)\s*[A-Za-z])\.(?= [A-Z]|$)")
LITERAL = re.compile(r"(``.+?``)")
MODULE = re.compile(r"^([a-z_]+) {2,}(?=\S)")


def _adapt(app, what, name, obj, options, lines) -> None:
    """Link ``Equation ch2-gd`` to its chapter; |x| is a modulus, "A. Author" or "L." no list.

    The modules that a package names in columns are one.
    """
    if what == "module":
        lines[:] = [MODULE.sub(r"- ``\1``: ", line) for line in lines]
    in_example = False
    for i, line in enumerate(lines):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if not in_example:
            parts = LITERAL.split(INITIAL.sub(r"\1\.", line))
            parts[::2] = [
                EQUATION.sub(r"\1 :eq:`\2`", part.replace("|", r"\|")) for part in parts[::2]
            ]
            lines[i] = "".join(parts)


def _skip_plain_fields(app, what, name, obj, skip, options) -> bool | None:
    """Skip a NamedTuple's field that has no words of its own: the signature has it already."""
    if not (obj.__doc__ or "").startswith("Alias for field number"):
        return None
    data = app.env.temp_data
    owner = getattr(sys.modules[data["autodoc:module"]], data["autodoc:class"])
    described = ModuleAnalyzer.for_module(owner.__module__).find_attr_docs()
    return (owner.__name__, name) not in described or None


def setup(app) -> None:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _adapt, priority=600)  # after napoleon
    app.connect("autodoc-skip-member", _skip_plain_fields)
