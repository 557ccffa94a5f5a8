"""Who notices a fault: the claims, the tests, or nobody.

Each fault is planted in a process of its own, forked from one that has imported the book and knows
which functions every claim and every test runs; only those that run the function are asked.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _pytest.runner import runtestprotocol

from byhand.evidence.comparing import Holds
from byhand.evidence.declaring import Claim
from byhand.evidence.running import run
from byhand.evidence.tracing import tracing
from teeth.planting import Fault, plant

PATIENCE = 20
"""So many times as long as without the fault, and ten seconds more, may a claim or a test take."""


@dataclass
class Finding:
    """What came of one fault."""

    module: str
    function: str
    line: int
    before: str
    after: str
    claims: list[str] = field(default_factory=list)
    """Results that were refused."""
    blind: list[str] = field(default_factory=list)
    """Results all of whose routes moved, and still agreed."""
    tests: list[str] = field(default_factory=list)
    """The first test that failed."""

    @property
    def caught(self) -> bool:
        return bool(self.claims or self.tests)


# -- claims --------------------------------------------------------------------------------------


@dataclass
class Known:
    """A result as it is without a fault."""

    claim: Claim
    id: str
    functions: frozenset[str]
    values: list[Any]
    seconds: float


def known_results(claims: Iterable[Claim]) -> list[Known]:
    """Run claims as they are."""
    results = []
    for claim in claims:
        for id in claim.ids:
            start = time.perf_counter()
            outcome = run(claim, id)
            own = f"{claim.routes.__module__}.{claim.routes.__qualname__}"
            functions = {own, *outcome.setup}.union(*(ran.functions for ran in outcome.routes))
            values = [ran.value for ran in outcome.routes]
            seconds = time.perf_counter() - start
            results.append(Known(claim, id, frozenset(functions), values, seconds))
    return results


def ask_claims(fault: Fault, results: Iterable[Known]) -> dict[str, list[str]]:
    """Return which results are refused, and which move as a whole, with the fault in place."""
    plant(fault)
    refused, blind = [], []
    for known in sorted(results, key=lambda known: known.seconds):
        try:
            with _patience(known.seconds):
                values = [ran.value for ran in run(known.claim, known.id).routes]
        except Exception:
            refused.append(known.id)
            continue
        if all(map(_moved, known.values, values)):
            blind.append(known.id)
    return {"claims": refused, "blind": blind}


def _moved(before: Any, after: Any) -> bool:
    """Return whether a route's value is another one, by more than rounding."""
    if isinstance(before, Holds):
        return False
    try:
        a, b = (np.asarray(value, dtype=float) for value in (before, after))
        return a.shape != b.shape or not np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
    except (TypeError, ValueError):
        return str(before) != str(after)


# -- tests ---------------------------------------------------------------------------------------


class Hunter:
    """A plugin of pytest that runs its tests once, to know them, and then for each fault."""

    def __init__(
        self, faults: list[Fault], claims: Iterable[Claim], report: Callable[[int, Finding], None]
    ) -> None:
        self.faults, self.report = faults, report
        self.results = known_results(claims)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        known = [each for item in session.items if (each := _known_test(item))]
        if len(known) < len(session.items):
            raise RuntimeError(
                f"only {len(known)} of {len(session.items)} tests pass by themselves"
            )
        jobs = os.cpu_count() or 1
        waiting, running = list(enumerate(self.faults)), {}
        while waiting or running:
            while waiting and len(running) < jobs:
                number, fault = waiting.pop(0)
                running |= {self._start(fault, known): (number, fault)}
            pid, _ = os.wait()
            for key in [key for key in running if key[0] == pid]:
                number, fault = running.pop(key)
                self.report(number, _finding(fault, Path(key[1])))
        return True

    def _start(self, fault: Fault, tests: list[tuple]) -> tuple[int, str]:
        """Plant and ask in another process; return its number and where it writes what it found."""
        handle, path = tempfile.mkstemp(suffix=".jsonl")
        os.close(handle)
        sys.stdout.flush()
        if pid := os.fork():
            return pid, path
        try:
            os.setpgid(0, 0)
            concerned = [known for known in self.results if _runs(known.functions, fault)]
            _write(path, ask_claims(fault, concerned))
            asked = [test for test in tests if _runs(test[1], fault)]
            _write(path, ask_tests(asked))
        except BaseException as failure:
            _write(path, {"failure": f"{fault.text}: {failure!r}"})
        finally:
            os._exit(0)


def _runs(functions: Iterable[str], fault: Fault) -> bool:
    return any(f"{name}.".startswith(f"{fault.function}.") for name in functions)


def _known_test(item: pytest.Item) -> tuple | None:
    """Run a test without a fault; return it with the functions that it runs and its time."""
    start = time.perf_counter()
    with tracing() as functions:
        passed = _passes(item)
    return (item, frozenset(functions), time.perf_counter() - start) if passed else None


def _passes(item: pytest.Item) -> bool:
    reports = runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)


def ask_tests(tests: list[tuple]) -> dict[str, list[str]]:
    """Return the first test that fails, the quickest asked first; what ends the process counts."""
    for item, _, seconds in sorted(tests, key=lambda test: test[2]):
        try:
            with _patience(seconds):
                passed = _passes(item)
        except BaseException:
            passed = False
        if not passed:
            return {"tests": [item.nodeid]}
    return {"tests": []}


# -- processes -----------------------------------------------------------------------------------


class _patience:  # noqa: N801
    """Raises where what runs inside takes too long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = 10 + PATIENCE * seconds

    def __enter__(self) -> None:
        def late(*_):
            raise TimeoutError("the fault makes it run on and on")

        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def __exit__(self, *_) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _write(path: str, found: dict) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")


def _finding(fault: Fault, path: Path) -> Finding:
    lines = path.read_text(encoding="utf-8").splitlines()
    path.unlink()
    found: dict[str, list[str]] = {}
    for line in lines:
        found |= json.loads(line)
    if failure := found.pop("failure", None):
        raise RuntimeError(failure)
    if len(lines) < 2:  # the fault has ended the process itself
        found.setdefault("claims", ["the process ended"])
    return Finding(fault.module, fault.function, fault.line, fault.before, fault.after, **found)


def hunt(
    faults: list[Fault],
    claims: Iterable[Claim],
    arguments: list[str],
    told: Callable = lambda *_: None,
) -> list[Finding]:
    """Plant each fault and ask claims, and the tests that pytest finds by its arguments."""
    findings: dict[int, Finding] = {}

    def report(number: int, finding: Finding) -> None:
        findings[number] = finding
        told(len(findings), len(faults), finding)

    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:terminalreporter", "--capture=sys"]
    if pytest.main([*quiet, *arguments], plugins=[Hunter(faults, claims, report)]):
        raise RuntimeError("the hunt was cut off: the reason is above")
    return [findings[number] for number in range(len(faults))]


def as_json(finding: Finding) -> dict:
    return asdict(finding)
