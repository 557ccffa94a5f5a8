"""Claims made of values in a notebook: the older form, which ``check`` replaces.

:func:`verify` compares the values of two or more routes, and with what a sheet printed, as a claim
does; but it sees values alone, and not the code that made them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import combinations
from typing import Any

import numpy as np

from byhand.evidence import setting
from byhand.evidence.comparing import TRUTH, Comparison, Tolerance, compare, normal
from byhand.evidence.declaring import RTOL, ClaimError, Sheet
from byhand.evidence.entry import deviations, plain_entry, sheet_text
from byhand.evidence.printed import hold_to_word
from byhand.evidence.showing import show
from byhand.problems import chapter_of

_open_table: ContextVar[list[dict] | None] = ContextVar("open_table", default=None)


def verify(claim_id: str, statement: str, **options: Any) -> None:
    """Check a claim, as :func:`verified` does with the same arguments, and show it.

    In a notebook it shows as one line, in a terminal as text; inside :func:`claim_table` it
    becomes a row of that table.

    Raises
    ------
    ClaimError
        If two routes disagree, or the sheet's value is not what the claim says of it.

    Examples
    --------
    >>> verify("A1.limit", "the limit", solve=[2, 1], normal_equations=[2, 1], sheet="2, 1")
    ✓ A1.limit: the limit: [2, 1] [2 routes agree exactly; the sheet has 2, 1: confirmed]
    """
    entry = verified(claim_id, statement, **options)
    table = _open_table.get()
    if table is None:
        show([entry])
    else:
        table.append(entry)


@contextmanager
def claim_table(caption: str) -> Iterator[None]:
    """Show the claims that are verified inside the ``with`` block as one table."""
    rows: list[dict] = []
    token = _open_table.set(rows)
    try:
        yield
    finally:
        _open_table.reset(token)
    show(rows, caption)


def verified(
    claim_id: str,
    statement: str,
    *,
    rtol: float = RTOL,
    atol: float = 0.0,
    sheet: str | None = None,
    sheet_value: Any = None,
    read_as: str | None = None,
    erratum: str | None = None,
    **routes: Any,
) -> dict[str, Any]:
    """Compare the routes to a result with each other and with what a sheet states.

    Returns the entry of the ledger: ``byhand.evidence.entry``.

    Parameters
    ----------
    claim_id
        A problem's id, a dot and a name: ``"A1.w3"``. Results beyond the sheets start with
        ``"beyond-2."`` in chapter 2, and so on.
    statement
        What is claimed, in a few words; Markdown with ``$…$`` for maths.
    rtol, atol
        Floating-point routes a and b agree if ``|a − b| ≤ atol + rtol·max(|a|, |b|)`` in each
        entry. Integers, fractions, truth values, words and symbolic
        expressions must agree exactly with their like; Monte Carlo estimates to
        ``STANDARD_ERRORS`` standard errors.
    sheet
        What the sheet prints, as a string, so that the number of digits is known. A number
        agrees with the result if each printed digit is right, rounded or cut off.
    sheet_value
        What the sheet's words or formula amount to, where ``sheet`` is not a number: the
        formula's value, or whether the sheet holds the statement to be true.
    read_as
        Where the scan garbled a character of ``sheet``: the reading that the result supports.
    erratum
        What went wrong in the sheet, in one sentence. Required if the sheet's value differs
        from the result, forbidden if it agrees.
    **routes
        Name of the route → its result: a number, a fraction, a word, a SymPy expression, an
        :class:`Estimate`, or an array or nested list of numbers. For a claim in words each
        route is an experiment or an argument that returns whether the statement holds, and
        all must return True.

    Raises
    ------
    ClaimError
        If two routes disagree, or the sheet's value is not what the claim says of it.
    ValueError
        If there are fewer than two routes, or the arguments contradict each other.
    """
    where = f"{chapter_of(claim_id)}: claim {claim_id}"
    if len(routes) < 2:
        raise ValueError(f"{where} needs at least two routes, got {list(routes)}")
    if not (0 <= rtol < 1 and 0 <= atol < np.inf):
        raise ValueError(f"{where} needs 0 ≤ rtol < 1 and a finite atol ≥ 0, got {rtol}, {atol}")
    if sheet is None and not (sheet_value is None and erratum is None and read_as is None):
        raise ValueError(f"{where} speaks of the sheet without quoting it: sheet=… is missing")

    routes = {name: normal(where, name, value) for name, value in routes.items()}
    for name, value in routes.items():
        if isinstance(value, TRUTH) and not value:
            raise ClaimError(f"{where}: by {name}, it does not hold that {statement}")
    tolerance = Tolerance(rtol, atol)
    comparisons = [_compared(where, *pair, tolerance) for pair in combinations(routes.items(), 2)]
    digits = None
    if sheet is not None:
        result, quoted = next(iter(routes.values())), Sheet(sheet, None, erratum, read_as)
        value = None if sheet_value is None else normal(where, "of the sheet", sheet_value)
        digits = hold_to_word(where, result, quoted, value, tolerance)
    return plain_entry(
        claim_id,
        statement,
        {name.replace("_", " "): value for name, value in routes.items()},
        **deviations(comparisons),
        sheet=None if sheet is None else sheet_text(sheet, read_as),
        sheet_digits=digits,
        erratum=erratum,
        verdict="verified" if sheet is None else "corrected" if erratum else "confirmed",
    )


def _compared(where: str, first: tuple, second: tuple, tolerance: Tolerance) -> Comparison:
    """Compare two routes, each a name and a value."""
    (name, a), (other, b) = first, second
    if a is b and isinstance(a, np.ndarray | list):
        raise ValueError(f"{where}: routes {name} and {other} are the same object")
    found = compare(a, b, tolerance)
    if not found.agree:
        raise ClaimError(
            f"{where}: {name} gives {setting.text(a)} but {other} gives {setting.text(b)} "
            f"({found.why})"
        )
    return found
