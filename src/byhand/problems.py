"""The problems of the five sheets, and the chapter that solves each.

An id is permanent: a section of a chapter, a claim and a test name a problem by it.
"""

import functools

CHAPTERS = {
    "01_linear_algebra": "B1.1 B1.2i B1.2ii B1.2iii B1.2iv B1.2v B1.3",
    "02_optimization": (
        "D1 B2.1 B2.2.1 A1 C-forward C-loss C-sgd C-momentum C-rmsprop C-adam C-compare"
        " A2 B2.2.2 E1.1 E1.2 E2.3.1 E2.3.2"
    ),
    "03_sgd_stability": "D2.1 D2.2 D2.3 D2.4 D2.5 D2.6 D2.7 D2.8 D2.9",
    "04_hypergradients": "D3.1 D3.2 D3.3 D3.4 D3.5 E2.1 E2.2.1 E2.2.3",
    "05_backpropagation": "D4.1 D4.2 D4.3 D5 B3.1 B3.2 C-gradients",
    "06_convolutional_networks": "E3.1 E3.2 E3.3",
}

PROBLEMS = {
    problem: chapter for chapter, problems in CHAPTERS.items() for problem in problems.split()
}
"""Problem id → name of the chapter that solves it, in the order of the book."""

BEYOND = {f"beyond-{int(chapter[:2])}": chapter for chapter in CHAPTERS}
"""Ids for results that go beyond the sheets, one per chapter → name of the chapter."""


@functools.cache
def problem_of(claim_id: str) -> str:
    """Return the problem that a claim id starts with.

    A claim id is a problem's id, alone or followed by a dot and a name of the claim's own.

    Raises
    ------
    ValueError
        If the id starts with no problem's id.

    Examples
    --------
    >>> problem_of("C-adam.vhat-b1.2"), problem_of("B2.2.1")
    ('C-adam', 'B2.2.1')
    """
    candidates = [
        problem
        for problem in (*PROBLEMS, *BEYOND)
        if claim_id == problem or claim_id.startswith(problem + ".")
    ]
    if not candidates:
        raise ValueError(
            f"claim id {claim_id!r} must start with a problem's id followed by a dot, "
            "such as 'A1.w3' or 'beyond-2.adamw'"
        )
    return max(candidates, key=len)


def chapter_of(claim_id: str) -> str:
    """Return the name of the chapter that a claim id belongs to.

    Examples
    --------
    >>> chapter_of("A1.w3")
    '02_optimization'
    """
    return (PROBLEMS | BEYOND)[problem_of(claim_id)]
