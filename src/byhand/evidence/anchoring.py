"""Whether the routes of a claim are two: a question about the whole book.

A function of byhand that two routes share may be wrong in both of them, and they still agree. So a
function common to a claim's two most independent routes must be *anchored*: some other claim
has one route that runs it and one that does not, and would fail if it were wrong. What the set-up
of a claim runs is common to all of its routes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

MAX_NAMES = 3
"""So many functions are named in a refusal."""


def anchors(entries: Iterable[dict]) -> dict[str, list[str]]:
    """Return function → ids of the claims that check it, in the order of the entries."""
    found: dict[str, dict[str, None]] = {}
    for entry in entries:
        runs = [set(route["functions"]) for route in entry["routes"]]
        for function in set.union(*runs) - set.intersection(*runs) - set(entry["setup"]):
            found.setdefault(function, {})[entry["claim"]] = None
    return {function: list(ids) for function, ids in found.items()}


def share(entries: list[dict]) -> list[str]:
    """Write into each entry which two routes are most independent, what they share, its anchors.

    Returns a line for each entry that shares a function which no other claim checks.
    """
    anchored = anchors(entries)
    refusals = []
    for entry in entries:
        first, second = most_independent(entry, anchored)
        both = common(entry, first, second)
        entry["pair"] = [first["name"], second["name"]]
        entry["shared"] = [
            {"function": function, "anchor": next(iter(_others(entry, function, anchored)), None)}
            for function in sorted(both)
        ]
        if loose := [part["function"] for part in entry["shared"] if part["anchor"] is None]:
            refusals.append(_refusal(entry, first, second, loose))
    return refusals


def most_independent(entry: dict, anchored: dict[str, list[str]]) -> tuple[dict, dict]:
    """Return the two routes, of different methods, that share the fewest unanchored functions."""
    pairs = [
        pair for pair in combinations(entry["routes"], 2) if pair[0]["method"] != pair[1]["method"]
    ]

    def dependence(pair: tuple[dict, dict]) -> tuple[int, int]:
        both = common(entry, *pair)
        loose = [function for function in both if not _others(entry, function, anchored)]
        return len(loose), len(both)

    return min(pairs, key=dependence)


def common(entry: dict, first: dict, second: dict) -> set[str]:
    """Return the functions that both routes run, with those of the set-up."""
    return set(first["functions"]) & set(second["functions"]) | set(entry["setup"])


def _others(entry: dict, function: str, anchored: dict[str, list[str]]) -> list[str]:
    return [id for id in anchored.get(function, []) if id != entry["claim"]]


def _refusal(entry: dict, first: dict, second: dict, loose: list[str]) -> str:
    in_setup = set(loose) <= set(entry["setup"])
    run = "are both given what the set-up made with" if in_setup else "both run"
    mend = "move it into the route that needs it" if in_setup else "write one of them without it"
    return (
        f"{entry['chapter']}: claim {entry['id']}: routes {first['name']} and {second['name']} "
        f"{run} {some(loose)}, which no other claim checks: {mend}, or add a claim "
        "with one route through it and one without"
    )


def some(names: list[str]) -> str:
    """Return the first of the names, and how many more there are."""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
