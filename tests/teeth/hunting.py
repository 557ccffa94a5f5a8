"""Who notices a fault: the claims, the tests, or nobody.

Each fault is planted in a process of its own, forked from one that has imported the book and knows
which functions every claim and every test runs; only those that run the function are asked.
"""

from __future__ import annotations

import gc
import json
import math
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
from _pytest.doctest import DoctestItem

from byhand.evidence.comparing import Holds
from byhand.evidence.declaring import Claim
from byhand.evidence.running import Ran, run
from byhand.evidence.tracing import tracing
from teeth.planting import Fault, find_living, forget_results, plant

PATIENCE = 5
"""So many times as long as without the fault, and two seconds more, may a claim or a test take.

What counts is time of the processor, so that a busy machine changes nothing.
"""

ALLOWANCE = 20
"""Seconds of the processor for one result in a hunt: one that needs more misses some faults."""

END = 600
"""After so many seconds by the clock a process is ended that does nothing, or cannot be stopped."""


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
    setup: frozenset[str]
    """Functions that run outside the routes, the claim's own among them."""
    routes: list[Ran]
    seconds: float

    @property
    def functions(self) -> frozenset[str]:
        return self.setup.union(*(ran.functions for ran in self.routes))

    def untouched(self, fault: Fault) -> dict[str, Ran]:
        """Return the routes, by name, that do not run the function with the fault."""
        if _runs(self.setup, fault):
            return {}
        return {ran.route.name: ran for ran in self.routes if not _runs(ran.functions, fault)}


def known_results(claims: Iterable[Claim]) -> list[Known]:
    """Run claims as they are; what one has kept does not spare the next any function or time."""
    claims = list(claims)
    results, living = [], find_living()
    for claim in claims:
        for id in claim.ids:
            forget_results(living.caches)
            start = time.process_time()
            outcome = run(claim, id)
            seconds = time.process_time() - start
            own = f"{claim.routes.__module__}.{claim.routes.__qualname__}"
            setup = outcome.setup | {own}
            results.append(Known(claim, id, setup, outcome.routes, seconds))
    return results


def share(faults: list[Fault], results: Iterable[Known]) -> tuple[list[list[Known]], dict]:
    """Return for each fault the results that are asked about it, the quickest first.

    These are all that run the function, but one that would take too long is asked about every
    second fault of them, or every third. The other value is id → how many faults are one step.
    """
    asked: list[list[Known]] = [[] for _ in faults]
    thinned = {}
    for known in sorted(results, key=lambda known: known.seconds):
        met = [i for i, fault in enumerate(faults) if _runs(known.functions, fault)]
        spared = (ran.seconds for i in met for ran in known.untouched(faults[i]).values())
        step = max(1, math.ceil((known.seconds * len(met) - sum(spared)) / ALLOWANCE))
        if step > 1:
            thinned[known.id] = step
        for i in met[::step]:
            asked[i].append(known)
    return asked, thinned


def ask_claims(fault: Fault, results: Iterable[Known]) -> dict[str, list[str]]:
    """Return which results are refused, and which move as a whole, with the fault in place.

    Only the routes that run the function are gone again.
    """
    refused, blind = [], []
    for known in results:
        try:
            with _patience(known.seconds):
                routes = run(known.claim, known.id, ran=known.untouched(fault)).routes
        except Exception:
            refused.append(known.id)
            continue
        pairs = zip(known.routes, routes, strict=True)
        if all(has_moved(before.value, after.value) for before, after in pairs):
            blind.append(known.id)
    return {"claims": refused, "blind": blind}


def has_moved(before: Any, after: Any) -> bool:
    """Return whether a route's value is another one, by more than rounding."""
    if isinstance(before, Holds):
        return False
    try:
        a, b = (np.asarray(value, dtype=complex) for value in (before, after))
        return a.shape != b.shape or not np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
    except (TypeError, ValueError, OverflowError):
        return str(before) != str(after)


# -- tests ---------------------------------------------------------------------------------------


class Hunter:
    """A plugin of pytest that runs its tests once, to know them, and then for each fault."""

    def __init__(
        self,
        faults: list[Fault],
        asked: list[list[Known]],
        report: Callable[[int, Finding], None],
    ) -> None:
        self.faults, self.asked, self.report = faults, asked, report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        known = [each for item in session.items if (each := _known_test(item))]
        if len(known) < len(session.items):
            raise RuntimeError(
                f"only {len(known)} of {len(session.items)} tests pass by themselves"
            )
        self.tests = sorted(known, key=lambda test: test[2])
        if failed := ask_tests(self.tests)["tests"]:
            raise RuntimeError(f"without a fault, {failed} fails when it is run again")
        self.living = find_living()
        gc.collect()
        gc.freeze()  # or each process would copy what it only looks through
        jobs = os.cpu_count() or 1
        waiting, running = list(range(len(self.faults)))[::-1], {}
        while waiting or running:
            while waiting and len(running) < jobs:
                number = waiting.pop()
                running |= {self._start(number): number}
            pid, _ = os.wait()
            for key in [key for key in running if key[0] == pid]:
                number = running.pop(key)
                self.report(number, _finding(self.faults[number], Path(key[1])))
        gc.unfreeze()
        return True

    def _start(self, number: int) -> tuple[int, str]:
        """Plant and ask in another process; return its number and where it writes what it found."""
        handle, path = tempfile.mkstemp(suffix=".jsonl")
        os.close(handle)
        sys.stdout.flush()
        if pid := os.fork():
            return pid, path
        fault = self.faults[number]
        try:
            os.setpgid(0, 0)
            signal.alarm(END)
            plant(fault, self.living)
            _write(path, ask_claims(fault, self.asked[number]))
            _write(path, ask_tests([test for test in self.tests if _runs(test[1], fault)]))
        except BaseException as failure:
            _write(path, {"failure": f"{fault.text}: {failure!r}"})
        finally:
            os._exit(0)


def _runs(functions: Iterable[str], fault: Fault) -> bool:
    inside = f"{fault.function}."
    return any(name == fault.function or name.startswith(inside) for name in functions)


def _known_test(item: pytest.Item) -> tuple | None:
    """Run a test without a fault; return it with the functions that it runs and its time."""
    start = time.process_time()
    with tracing() as functions:
        passed = _passes(item)
    return (item, frozenset(functions), time.process_time() - start) if passed else None


def _passes(item: pytest.Item) -> bool:
    """Return whether a test passes; a doctest clears its names when it ends, and gets them back."""
    names = item.dtest.globs if isinstance(item, DoctestItem) else {}
    before, failed = dict(names), item.session.testsfailed
    item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
    names |= before
    return item.session.testsfailed == failed


def ask_tests(tests: list[tuple]) -> dict[str, list[str]]:
    """Return the first test that fails."""
    for item, _, seconds in tests:
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
        self.seconds = 2 + PATIENCE * seconds

    def __enter__(self) -> None:
        def late(*_):
            raise TimeoutError("the fault makes it run on and on")

        signal.signal(signal.SIGPROF, late)
        signal.setitimer(signal.ITIMER_PROF, self.seconds, 1)

    def __exit__(self, *_) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)


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
    if "tests" not in found:  # the fault has ended the process itself
        found["tests" if "claims" in found else "claims"] = ["the process ended"]
    return Finding(fault.module, fault.function, fault.line, fault.before, fault.after, **found)


def hunt(
    faults: list[Fault],
    asked: list[list[Known]],
    arguments: list[str],
    told: Callable = lambda *_: None,
) -> list[Finding]:
    """Plant each fault and ask its results, and the tests that pytest finds by its arguments."""
    findings: dict[int, Finding] = {}

    def report(number: int, finding: Finding) -> None:
        findings[number] = finding
        told(len(findings), len(faults), finding)

    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:terminalreporter", "--capture=sys"]
    unexplained = ["--tb=no", "--assert=plain"]  # nobody reads why a test fails
    if pytest.main([*quiet, *unexplained, *arguments], plugins=[Hunter(faults, asked, report)]):
        raise RuntimeError("the hunt was cut off: the reason is above")
    return [findings[number] for number in range(len(faults))]


def as_json(finding: Finding) -> dict:
    return asdict(finding)
