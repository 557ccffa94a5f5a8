"""Functions of the package that note when they run, which traces rest on before Python 3.12."""

import inspect
import re
import shutil
import subprocess
import sys
from types import CodeType

import pytest

from byhand.evidence.noting import NOTE, noting
from byhand.evidence.tracing import PACKAGE, name_at, name_of

RECORDED = [path for path in sorted(PACKAGE.rglob("*.py")) if name_at(str(path), "any", 1)]


def code_inside(code):
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from code_inside(part)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_each_function_notes_the_name_that_its_code_has(path):
    source = path.read_bytes()
    plain = compile(source, str(path), "exec", dont_inherit=True)
    pairs = zip(code_inside(plain), code_inside(noting(source, str(path), name_at)), strict=True)
    for code, noted in pairs:
        is_function = code.co_flags & inspect.CO_NEWLOCALS and code.co_flags & inspect.CO_OPTIMIZED
        if is_function and not re.fullmatch("<(list|set|dict)comp>|<genexpr>", code.co_name):
            assert noted.co_names.count(NOTE) == 1
            assert name_of(code) in noted.co_consts
        else:
            assert NOTE not in noted.co_names
        assert (noted.co_name, noted.co_firstlineno) == (code.co_name, code.co_firstlineno)
        assert noted.co_freevars == code.co_freevars


NOTED = """
import byhand.early
import byhand.evidence.tracing
import byhand.late
from byhand.evidence.tracing import tracing

with tracing() as names:
    byhand.early.made(), byhand.late.made()
print(sorted(names))
"""


def test_functions_are_recorded_whenever_their_module_was_imported(tmp_path):
    package = tmp_path / "byhand"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text("")
    (package / "evidence" / "__init__.py").write_text("")
    for name in ("early", "late"):
        module = f"def maker():\n    def {name}(): return 1\n    return {name}\nmade = maker()\n"
        (package / f"{name}.py").write_text(module)

    def recorded():
        command = [sys.executable, "-c", NOTED]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    named = "['byhand.early.maker.early', 'byhand.late.maker.late']"
    assert recorded() == named
    assert recorded() == named  # by what was kept of the first time
    late = package / "late.py"
    late.write_text(late.read_text().replace("late", "other"))
    assert recorded() == named.replace("maker.late", "maker.other")
