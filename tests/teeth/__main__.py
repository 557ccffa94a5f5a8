"""Plant every fault, or a sample, and store who noticed: ``python -m teeth [--every N] [NAME …]``.

A name is a chapter's package, ``linear_algebra``; without one, all of them.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import inspect
import json
import os
import re
import sys
from collections import Counter

from book import inputs
from byhand.evidence.declaring import Claim, load
from byhand.problems import CHAPTERS
from teeth.hunting import Finding, Known, as_json, hunt, known_results, share
from teeth.planting import Fault, faults_of, modules_of

BITES = 12
"""So many faults of its own are planted in a claim that nothing else makes fail."""

EQUATION = re.compile(r"\bch\d-[a-z]")
"""The label of an equation, as (ch3-square) or Equation ch4-run."""

STORED = inputs.ROOT / "benchmarks" / "teeth.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="teeth", description=__doc__)
    parser.add_argument("names", nargs="*", help="chapters' packages, as linear_algebra")
    parser.add_argument("--every", type=int, default=1, help="plant every Nth fault")
    parser.add_argument("--own", action="store_true", help="ask the chapter's own claims alone")
    parser.add_argument("--dry", action="store_true", help="do not store what was found")
    options = parser.parse_args()
    packages = {chapter.partition("_")[2]: chapter for chapter in CHAPTERS}
    names = options.names or list(packages)
    asked = [packages[name] for name in names] if options.own else CHAPTERS
    results = known_results(claim for chapter in asked for claim in load(chapter))
    for name in names:
        start = _minutes()
        report = bite(name, packages[name], results, options.every)
        report |= {"minutes": round(_minutes() - start, 1)}
        print(json.dumps(report["totals"]), f"{report['minutes']} min", sep=", ", flush=True)
        if not options.dry:
            _store(name, report)
    return 0


def _minutes() -> float:
    """Return the minutes that an idle machine would have taken for the work done so far.

    Counted is what this process and those that it started have had of the processor's cores.
    """
    return sum(os.times()[:4]) / 60 / (os.cpu_count() or 1)


def bite(name: str, chapter: str, results: list[Known], every: int = 1) -> dict:
    """Plant the faults of a chapter's package, and return which results and tests noticed them.

    A claim that none of them makes fail is then bitten itself: faults are planted in its own
    routes, spread over its lines.
    """
    package = [fault for module in modules_of(f"byhand.{name}") for fault in faults_of(module)]
    tests = [f"tests/test_{name}.py", f"src/byhand/{name}", "-m", "not browser and not slow"]
    faults = package[::every]
    asked, thinned = share(faults, results)
    found = hunt(faults, asked, tests, _progress)
    toothless = _toothless(chapter, {id for one in found for id in one.claims})
    bites = _own_faults(name, toothless)[::every]
    asked, _ = share(bites, [known for known in results if known.id in toothless])
    own = hunt(bites, asked, ["src/byhand/problems.py"])
    toothless = {id: None for id in toothless if id not in {id for one in own for id in one.claims}}
    equations = {fault.function for fault in package if _numbered(fault)}
    survivors = [
        as_json(one) | {"equation": one.function in equations} for one in found if not one.caught
    ]
    blind = sorted({id for one in found for id in one.blind})
    return {
        "taken": datetime.date.today().isoformat(),
        "every": every,
        "totals": _totals(found) | {"blind": len(blind), "toothless": len(toothless)},
        "modules": _by_module(found),
        "stopped": _stopped(chapter, found + own),
        "survivors": survivors,
        "blind": blind,
        "toothless": list(toothless),
        "thinned": thinned,
    }


def _own_faults(name: str, ids: dict[str, Claim]) -> list[Fault]:
    """Return some faults of the functions that make these claims."""
    functions = {f"{c.routes.__module__}.{c.routes.__qualname__}" for c in ids.values()}
    of_function: dict[str, list[Fault]] = {}
    for module in modules_of(f"byhand.claims.{name}"):
        for fault in faults_of(module):
            if fault.function in functions:
                of_function.setdefault(fault.function, []).append(fault)
    return [
        fault for faults in of_function.values() for fault in faults[:: -(-len(faults) // BITES)]
    ]


def _totals(found: list[Finding]) -> dict:
    return {
        "faults": len(found),
        "by claims": sum(bool(one.claims) for one in found),
        "by tests": sum(bool(one.tests) for one in found),
        "by either": sum(one.caught for one in found),
    }


def _by_module(found: list[Finding]) -> dict:
    modules = sorted({one.module for one in found})
    return {module: _totals([one for one in found if one.module == module]) for module in modules}


def _stopped(chapter: str, found: list[Finding]) -> dict[str, int]:
    """Return id → how many faults made it fail, for the chapter's results."""
    counts = Counter(id for one in found for id in one.claims)
    return {id: counts[id] for claim in load(chapter) for id in claim.ids}


def _toothless(chapter: str, failed: set[str]) -> dict[str, Claim]:
    """Return id → claim of the results that have not failed."""
    return {id: claim for claim in load(chapter) for id in claim.ids if id not in failed}


def _numbered(fault: Fault) -> bool:
    """Return whether the function implements a numbered equation: its docstring names it."""
    found = importlib.import_module(fault.module)
    for name in fault.function.removeprefix(f"{fault.module}.").split("."):
        found = inspect.getattr_static(found, name)
    return bool(EQUATION.search(getattr(found, "__doc__", None) or ""))


def _progress(done: int, of: int, finding: Finding) -> None:
    if not finding.caught:
        where = f"{finding.function}, line {finding.line}"
        print(f"survives: {where}: {finding.before} → {finding.after}", flush=True)
    if done % 50 == 0 or done == of:
        print(f"{done} of {of}", file=sys.stderr, flush=True)


def _store(name: str, report: dict) -> None:
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    stored[name] = report
    order = {chapter.partition("_")[2]: None for chapter in CHAPTERS}
    stored = {name: stored[name] for name in order if name in stored}
    text = json.dumps(stored, indent=1, ensure_ascii=False)
    STORED.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
