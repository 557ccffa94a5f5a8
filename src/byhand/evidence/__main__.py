"""Run claims without a notebook: ``python -m byhand.evidence [id, problem or chapter …]``.

A single result is told with all that was done for it. Without a name all claims of the book are
run, and whether their routes are two. The status is 1 if anything is refused.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from byhand.evidence.anchoring import share
from byhand.evidence.declaring import ClaimError, find, load, load_all
from byhand.evidence.entry import entry_of
from byhand.evidence.importing import refuse_work_at_import
from byhand.evidence.opening import agreement
from byhand.evidence.plain import plain
from byhand.evidence.running import run
from byhand.evidence.showing import opened
from byhand.problems import BEYOND, CHAPTERS, PROBLEMS


def main(names: list[str]) -> int:
    """Run the claims that are named, a line for each, and return the exit status."""
    entries, refusals = [], []
    for claim, id in _results(names):
        try:
            outcome = run(claim, id)
            entries.append(entry_of(outcome))
            seconds = sum(ran.seconds for ran in outcome.routes)
            told = plain(agreement(entries[-1]))
            print(f"✓ {id:32}{outcome.evidence:10}{seconds:6.2f} s  {told}")
        except Exception as refusal:
            refusals.append(id)
            print(f"✗ {id:32}{refusal}", flush=True)
        sys.stdout.flush()
    if len(entries) == 1:
        print(opened(entries[0]))
    if not names:
        modules = sorted({claim.routes.__module__ for claim in load_all()})
        lines = share(entries) + refuse_work_at_import(modules)
        refusals += lines
        print(*lines, sep="\n" if lines else "", end="")
    kinds = Counter(entry["evidence"] for entry in entries)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    print(f"{len(entries)} hold ({told or 'none'}), {len(refusals)} refused")
    return 1 if refusals else 0


def _results(names: list[str]) -> Iterable:
    """Return claim and id of each result that is named."""
    for name in names or CHAPTERS:
        if name in CHAPTERS:
            yield from ((claim, id) for claim in load(name) for id in claim.ids)
        elif name in PROBLEMS | BEYOND:
            chapter = (PROBLEMS | BEYOND)[name]
            of_problem = [claim for claim in load(chapter) if claim.problem == name]
            if not of_problem:
                raise SystemExit(f"{chapter}: {name} has no claims that are code")
            yield from ((claim, id) for claim in of_problem for id in claim.ids)
        else:
            claim, ids = find(name)
            yield from ((claim, id) for id in ids)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ClaimError, ValueError) as unknown:
        sys.exit(str(unknown))
