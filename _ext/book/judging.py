"""What a person thinks of a claim's routes: are they different mathematics?

Tracing cannot see a formula that was typed twice. So somebody reads the sources of a claim's
routes, without their values, and says. A judgement holds for the source that was read: it is kept
with a hash of it, so a claim that changes is asked about again. ``python _ext/book/judging.py
B1.3`` shows what is not judged yet and keeps the answers.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

STORED = Path(__file__).parents[2] / "reference" / "judgements.json"
ANSWERS = {"d": "different", "s": "same"}


def judgements() -> dict[str, dict[str, str]]:
    """Return id of a claim → ``{"source": hash, "routes": "different" or "same"}``."""
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def judged(entry: dict, known: dict[str, dict[str, str]]) -> str | None:
    """Return what was judged of a claim's routes as they are now, or None."""
    judgement = known.get(entry["claim"])
    is_of_this = judgement and judgement["source"] == fingerprint(entry["source"])
    return judgement["routes"] if is_of_this else None


def fingerprint(source: str) -> str:
    """Return a hash of a claim's source that white space does not change."""
    return hashlib.sha256(" ".join(source.split()).encode()).hexdigest()[:16]


def main(names: list[str]) -> None:
    """Ask about each claim of some problems or chapters whose source has not been judged."""
    from byhand.evidence.declaring import load_all
    from byhand.evidence.entry import entry_of
    from byhand.evidence.running import run

    known = judgements()
    for claim in load_all():
        if names and not {claim.id, claim.problem, claim.chapter} & set(names):
            continue
        entry = entry_of(run(claim))
        if judged(entry, known) is not None:
            continue
        print(f"\n{claim.id}: {claim.statement}\n\n{entry['source']}\n")
        answer = input("Are the routes different mathematics? [d]ifferent, [s]ame, else skip: ")
        if answer in ANSWERS:
            judgement = {"source": fingerprint(entry["source"]), "routes": ANSWERS[answer]}
            known[claim.id] = judgement
            text = json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False)
            STORED.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
