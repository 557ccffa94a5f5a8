"""Faults are planted where they should be, and noticed; the page shows what was stored."""

import json
import os
import subprocess
import sys
import textwrap
from fractions import Fraction

import numpy as np
import pytest
from bs4 import BeautifulSoup
from teeth.__main__ import _numbered
from teeth.hunting import ALLOWANCE, Known, has_moved, share
from teeth.planting import faults_of, modules_of

from book import inputs, teeth

EIGEN = "byhand.linear_algebra.eigen"
STORED = teeth.stored()


def python(*arguments, **variables):
    """Run Python in the book's folder, where the tests are found."""
    paths = os.pathsep.join(str(inputs.ROOT / name) for name in ("tests", "_ext"))
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=inputs.ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_chapters_modules_are_found_without_its_drawings():
    modules = modules_of("byhand.linear_algebra")
    assert EIGEN in modules
    assert not any(module.endswith((".figures", ".__init__")) for module in modules)
    assert modules_of("byhand._bisection") == ["byhand._bisection"]


def test_faults_are_changes_of_computations_alone():
    faults = faults_of(EIGEN)
    texts = [f"{fault.before} → {fault.after}" for fault in faults]
    assert "distances = [" in " ".join(texts)
    assert "if residual <= tolerance * length: → if residual < tolerance * length:" in texts
    for fault in faults:
        assert "raise " not in fault.before
        assert 'floats("P"' not in fault.before, "a converter"
        assert "must have entries" not in fault.before
    assert {fault.function for fault in faults} >= {
        f"{EIGEN}.power_iteration",
        f"{EIGEN}.contraction_coefficient",
    }


def test_functions_with_decorators_have_faults_too():
    faults = faults_of("byhand.claims.linear_algebra.stochastic")
    assert any(fault.function.endswith(".delta") for fault in faults)


def test_functions_of_numbered_equations_are_known_by_the_labels_in_their_words():
    marked = {}
    for name in ("sgd_stability.dynamics", "sgd_stability.law", "hypergradients.sweeps"):
        for fault in faults_of(f"byhand.{name}"):
            marked[fault.function.rpartition(".")[2]] = _numbered(fault)
    for name in ("square_factor", "moment_recursion", "exact_law", "simulate", "hypergradients"):
        assert marked[name], name
    for name in ("symbolic", "to_float", "sample_mean", "peak_bytes"):
        assert not marked[name], name


def test_each_fault_is_at_its_line():
    lines = (inputs.ROOT / "src/byhand/linear_algebra/eigen.py").read_text("utf-8").splitlines()
    for fault in faults_of(EIGEN):
        assert lines[fault.line - 1].strip() in fault.before or not fault.before


BLIND = """
from fractions import Fraction
from byhand import linear_algebra as la
from byhand.evidence import by, claim
from byhand.evidence.declaring import REGISTRY
from teeth.hunting import ask_claims, known_results
from teeth.planting import faults_of, plant
import numpy as np

P = np.array([[0.5, 0.5], [0.25, 0.75]])

@claim("B1.3.toy", "one function twice")
def toy():
    yield by.recursion("a step", lambda: la.contraction_coefficient(P))
    yield by.closed_form("twice half", lambda: 2 * la.contraction_coefficient(P) / 2)

@claim("B1.3.sound", "the function beside a number")
def sound():
    yield by.recursion("a step", lambda: la.contraction_coefficient(P))
    yield by.enumeration("the rows", lambda: print("once") or abs(Fraction(1, 2) - Fraction(1, 4)))

known = known_results([REGISTRY["B1.3.toy"], REGISTRY["B1.3.sound"]])
(fault,) = [f for f in faults_of("byhand.linear_algebra.eigen") if "max(distances) * 2" in f.after]
plant(fault)
print(ask_claims(fault, known))
"""


def test_a_claim_whose_routes_move_together_is_blind():
    run = python("-c", BLIND)
    assert run.stdout.splitlines() == [
        "once",  # the route that does not run the function
        "{'claims': ['B1.3.sound'], 'blind': ['B1.3.toy']}",
    ], run.stderr


ENDLESS = """
import dataclasses
from teeth.hunting import hunt
from teeth.planting import faults_of

fault = next(f for f in faults_of("byhand.linear_algebra.eigen") if "max(distances)" in f.after)
bodies = ["while True: pass", "import os; os._exit(0)", "return 1 / 4"]
sources = [f"def contraction_coefficient(P):\\n    {body}" for body in bodies]
faults = [dataclasses.replace(fault, source=source) for source in sources]
tests = ["src/byhand/linear_algebra/eigen.py", "-k", "contraction_coefficient"]
for finding in hunt(faults, [[]] * 3, tests):
    print(finding.tests)
"""


def test_a_fault_that_never_ends_or_ends_the_process_is_noticed_and_a_harmless_one_is_not():
    run = python("-c", ENDLESS)
    doctest = f"src/byhand/linear_algebra/eigen.py::{EIGEN}.contraction_coefficient"
    lines = [str([doctest]), str(["the process ended"]), "[]"]
    assert run.stdout.splitlines()[-3:] == lines, run.stderr


def test_values_of_any_kind_move_or_stay():
    thirds, large = Fraction(1, 3), 10**400  # larger than a float can be
    for before, after in [(1.0, 2.0), ([thirds], [2 * thirds]), (large, large + 1), ("a", "b")]:
        assert has_moved(before, after)
        assert not has_moved(before, before)
    waves = np.array([1 + 2j, 0.5j])
    assert has_moved(waves, waves.conj())
    assert has_moved(waves, waves[:1])
    assert not has_moved(waves, waves * (1 + 1e-12))


def test_what_takes_too_long_is_asked_about_some_faults_alone():
    faults = [f for f in faults_of(EIGEN) if f.function.endswith(".power_iteration")][:6]
    runs = frozenset({f"{EIGEN}.power_iteration.inside"})
    quick, slow = Known(None, "quick", runs, [], 1), Known(None, "slow", runs, [], ALLOWANCE / 3)
    other = Known(None, "other", frozenset({f"{EIGEN}.power_iteration_of_another"}), [], 1)
    asked, thinned = share(faults, [slow, other, quick])
    assert asked == [[quick, slow], [quick]] * 3
    assert thinned == {"slow": 2}


@pytest.mark.slow
def test_a_fixed_sample_of_faults_is_noticed():
    faults = [f for module in modules_of("byhand.linear_algebra") for f in faults_of(module)]
    every = len(faults) // 20
    run = python("-m", "teeth", "--dry", "--own", "--every", str(every), "linear_algebra")
    assert run.returncode == 0, run.stderr
    survivors = [line for line in run.stdout.splitlines() if line.startswith("survives: ")]
    known = {f"{one['before']} → {one['after']}" for one in STORED["linear_algebra"]["survivors"]}
    new = [line for line in survivors if not any(line.endswith(text) for text in known)]
    assert not new
    totals = json.loads(run.stdout.splitlines()[-1].rpartition("}")[0] + "}")
    assert totals["by either"] >= 0.9 * totals["faults"] >= 18


def test_the_page_shows_the_stored_run(site):
    page = BeautifulSoup((site / "reference/teeth.html").read_text("utf-8"), "html.parser")
    for name, run in STORED.items():
        section = page.find(id=f"byhand-{name.replace('_', '-')}")
        last = section.select("tbody tr")[-1]
        assert [cell.get_text() for cell in last.select("td")][:2] == [
            "all",
            str(run["totals"]["faults"]),
        ]
        items = [item.get_text().partition(", line ")[0] for item in section.select("li")]
        assert items == [one["function"].removeprefix("byhand.") for one in run["survivors"]]


def test_another_run_gives_another_page():
    lines = "\n".join(teeth.markdown(STORED))
    (name, run), *_ = STORED.items()
    changed = {"blind": ["B1.3.delta"], "survivors": [], "thinned": {"B1.3.steps": 3}}
    others = "\n".join(teeth.markdown({name: run | changed}))
    assert others != lines
    assert "`B1.3.steps` takes long, and was asked about one in 3" in others
    assert "None survives." in others
    assert "still agreed: `B1.3.delta`." in others


def test_a_fault_of_a_constant_function_can_be_planted():
    script = textwrap.dedent(
        """
        from byhand import linear_algebra as la
        from teeth.planting import faults_of, plant
        import numpy as np
        P = np.array([[0.5, 0.5], [0.25, 0.75]])
        faults = faults_of("byhand.linear_algebra.eigen")
        before = la.contraction_coefficient(P)
        plant(next(f for f in faults if "max(distances) / 3" in f.after))
        print(before, la.contraction_coefficient(P))
        """
    )
    run = python("-c", script)
    assert run.stdout.split() == ["0.25", str(0.5 / 3)], run.stderr


def test_what_a_function_has_made_has_its_fault_too():
    script = textwrap.dedent(
        """
        from byhand.backpropagation import grad
        from teeth.planting import faults_of, plant
        faults = faults_of("byhand.backpropagation.tracing")
        made = [f for f in faults if f.function.endswith("._on_tape")]
        print(grad(lambda x: x * 3.0)(2.0))
        plant(next(f for f in made if f.after == "y = None"))
        print(grad(lambda x: x * 3.0)(2.0))
        """
    )
    run = python("-c", script)
    assert run.stdout.split() == ["3.0"], run.stdout
    assert "NoneType" in run.stderr
