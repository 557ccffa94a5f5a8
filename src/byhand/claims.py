"""Claims: results that at least two independent routes must agree on.

:func:`verify` is what a chapter calls. It compares the routes with each other, compares what a
sheet printed with what the routes found, and shows one line. If anything disagrees it raises
:class:`ClaimError`, and the book does not build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from fractions import Fraction
from numbers import Rational
from typing import Any, NamedTuple

import numpy as np
from IPython import get_ipython
from IPython.display import display

from byhand.problems import chapter_of, problem_of

MIME_TYPE = "application/vnd.byhand.claims+json"
_TRUTH = bool | np.bool_
MAX_DIGITS = 24
"""A longer integer or fraction is shown as a decimal; it is compared exactly all the same."""

STANDARD_ERRORS = 4
"""How many standard errors a Monte Carlo estimate may lie from another route."""


class ClaimError(AssertionError):
    """Two routes disagree, or a sheet's value is not what the claim says of it."""


class Estimate(NamedTuple):
    """A Monte Carlo estimate: a mean and the standard error of that mean."""

    value: float
    standard_error: float


class Claim(NamedTuple):
    """A verified result. The fields are those of an entry of ``claims.json``."""

    id: str
    problem: str
    chapter: str
    statement: str
    routes: dict[str, str]
    deviation: float
    tolerance: str
    sheet: str | None
    sheet_digits: str | None
    erratum: str | None
    verdict: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, Any]:
        return _mime_bundle([self])


class ClaimTable(NamedTuple):
    """Several claims that are shown as one table."""

    caption: str
    claims: list[Claim]

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, Any]:
        return _mime_bundle(self.claims, self.caption)


_open_table: ContextVar[list[Claim] | None] = ContextVar("open_table", default=None)


def verify(claim_id: str, statement: str, **options: Any) -> None:
    """Check a claim, as :func:`check` does with the same arguments, and show it.

    In a notebook it shows as one line, in a terminal as text; inside :func:`claim_table` it
    becomes a row of that table.

    Raises
    ------
    ClaimError
        If two routes disagree, or the sheet's value is not what the claim says of it.

    Examples
    --------
    >>> verify("A1.limit", "where the iterates go", solve=[2, 1], normal_equations=[2, 1],
    ...        sheet="2, 1")
    ✓ A1.limit: where the iterates go [2 routes agree exactly; the sheet has 2, 1: confirmed]
    """
    claim = check(claim_id, statement, **options)
    table = _open_table.get()
    if table is None:
        _show(claim)
    else:
        table.append(claim)


@contextmanager
def claim_table(caption: str) -> Iterator[None]:
    """Show the claims that are verified inside the ``with`` block as one table."""
    rows: list[Claim] = []
    token = _open_table.set(rows)
    try:
        yield
    finally:
        _open_table.reset(token)
    _show(ClaimTable(caption, rows))


def check(
    claim_id: str,
    statement: str,
    *,
    rtol: float = 1e-12,
    atol: float = 0.0,
    sheet: str | None = None,
    sheet_value: Any = None,
    read_as: str | None = None,
    erratum: str | None = None,
    **routes: Any,
) -> Claim:
    """Compare the routes to a result with each other and with what a sheet states.

    Parameters
    ----------
    claim_id
        A problem's id, a dot and a name: ``"A1.w3"``. Results beyond the sheets start with
        ``"beyond-2."`` in chapter 2, and so on.
    statement
        What is claimed, in a few words; Markdown with ``$…$`` for maths.
    rtol, atol
        Floating-point routes a and b agree if ``max|a − b| ≤ atol + rtol·max(|a|, |b|)``, both
        maxima over all entries. Integers, fractions, truth values, words and symbolic
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
    problem = problem_of(claim_id)
    where = f"{chapter_of(claim_id)}: claim {claim_id}"
    if len(routes) < 2:
        raise ValueError(f"{where} needs at least two routes, got {list(routes)}")
    if not (0 <= rtol < 1 and 0 <= atol < np.inf):
        raise ValueError(f"{where} needs 0 ≤ rtol < 1 and a finite atol ≥ 0, got {rtol}, {atol}")
    if sheet is None and not (sheet_value is None and erratum is None and read_as is None):
        raise ValueError(f"{where} speaks of the sheet without quoting it: sheet=… is missing")

    routes = {name: _checked(where, name, value) for name, value in routes.items()}
    for name, value in routes.items():
        if isinstance(value, _TRUTH) and not value:
            raise ClaimError(f"{where}: by {name}, it does not hold that {statement}")
    deviation, tolerance = _compare_routes(where, routes, rtol, atol)
    digits = None
    if sheet is not None:
        result = next(iter(routes.values()))
        digits = _compare_sheet(where, result, sheet, sheet_value, read_as, erratum, (rtol, atol))
    return Claim(
        id=claim_id,
        problem=problem,
        chapter=chapter_of(claim_id),
        statement=statement,
        routes={name.replace("_", " "): _text(value) for name, value in routes.items()},
        deviation=deviation,
        tolerance=tolerance,
        sheet=sheet if read_as is None else f"{sheet} (scan; read as {read_as})",
        sheet_digits=digits,
        erratum=erratum,
        verdict="verified" if sheet is None else "corrected" if erratum else "confirmed",
    )


# -- routes against routes ---------------------------------------------------------------------


def _checked(where: str, name: str, value: Any) -> Any:
    """Return a route's value, a truth value of SymPy's as one of Python's."""
    entries = _entries(value)
    if entries.size == 0:
        raise ValueError(f"{where}: route {name} is empty, so there is nothing to compare")
    if entries.ndim and any(isinstance(entry, _TRUTH) for entry in entries.flat):
        raise ValueError(f"{where}: route {name} is many truth values; say whether all() hold")
    return bool(value) if type(value).__name__ in ("BooleanTrue", "BooleanFalse") else value


def _compare_routes(where: str, routes: dict, rtol: float, atol: float) -> tuple[float, str]:
    """Return the largest deviation between any two routes, and the tolerance in words."""
    names = list(routes)
    deviation, tolerances = 0.0, set()
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            a, b = routes[first], routes[second]
            if a is b and isinstance(a, np.ndarray | list):
                raise ValueError(f"{where}: routes {first} and {second} are the same object")
            difference, allowed, tolerance = _difference(a, b, rtol, atol)
            if not difference <= allowed:
                raise ClaimError(
                    f"{where}: {first} gives {_text(a)} but {second} gives {_text(b)} "
                    f"(difference {difference:.3g}, allowed {allowed:.3g})"
                )
            deviation = max(deviation, difference)
            tolerances.add(tolerance)
    return deviation, " and ".join(sorted(tolerances))


def _difference(a: Any, b: Any, rtol: float, atol: float) -> tuple[float, float, str]:
    """Return |a − b|, the difference allowed, and that tolerance in words."""
    if isinstance(a, Estimate) or isinstance(b, Estimate):
        return _estimate_difference(a, b)
    for kind in (str, _TRUTH):
        if isinstance(a, kind) or isinstance(b, kind):
            same = isinstance(a, kind) and isinstance(b, kind) and a == b
            return (0.0 if same else np.inf), 0.0, "exact"
    x, y = _entries(a), _entries(b)
    if x.shape != y.shape:
        return np.inf, 0.0, "exact"
    if all(map(_is_exact, (*x.flat, *y.flat))):
        return max(map(_exact_distance, x.flat, y.flat)), 0.0, "exact"
    x, y = x.astype(complex), y.astype(complex)
    if np.array_equal(x, y):
        return 0.0, 0.0, _tolerance_text(rtol, atol)
    scale = max(np.abs(x).max(), np.abs(y).max())
    difference = float(np.abs(x - y).max())
    if not np.isfinite(difference):
        return np.inf, 0.0, _tolerance_text(rtol, atol)
    return difference, atol + rtol * float(scale), _tolerance_text(rtol, atol)


def _estimate_difference(a: Any, b: Any) -> tuple[float, float, str]:
    pairs = [x if isinstance(x, Estimate) else Estimate(float(x), 0.0) for x in (a, b)]
    allowed = STANDARD_ERRORS * float(np.hypot(*(pair.standard_error for pair in pairs)))
    difference = abs(float(pairs[0].value) - float(pairs[1].value))
    if not np.isfinite(allowed):
        difference, allowed = np.inf, 0.0
    return difference, allowed, f"{STANDARD_ERRORS} standard errors"


def _entries(value: Any) -> np.ndarray:
    """Return a number or nested list of numbers as an array that keeps exact entries exact."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "tolist"):  # SymPy matrices and NumPy scalars
        value = value.tolist()
    return np.array(value, dtype=object)


def _is_exact(x: Any) -> bool:
    if isinstance(x, Rational):
        return True
    return hasattr(x, "free_symbols") and not x.atoms(_sympy().Float)


def _exact_distance(x: Any, y: Any) -> float:
    """Return |x − y|: 0 only for equals, infinity where a float cannot hold the difference."""
    if isinstance(x, Rational) and isinstance(y, Rational):
        difference = _fraction(x) - _fraction(y)
    else:
        difference = _sympy().simplify(_sympy().sympify(x) - _sympy().sympify(y))
    if difference == 0:
        return 0.0
    try:
        distance = abs(complex(difference))
    except (TypeError, OverflowError):
        distance = np.inf
    return distance if distance > 0 else np.inf


def _sympy():
    import sympy  # a second to import, and few claims are symbolic

    return sympy


def _tolerance_text(rtol: float, atol: float) -> str:
    parts = [f"{rtol:.0e} relative"] * (rtol > 0) + [f"{atol:.0e} absolute"] * (atol > 0)
    return " plus ".join(parts) or "exact"


# -- routes against the sheet ------------------------------------------------------------------


def _compare_sheet(
    where: str,
    result: Any,
    sheet: str,
    sheet_value: Any,
    read_as: str | None,
    erratum: str | None,
    tolerances: tuple[float, float],
) -> str | None:
    """Hold the sheet to its word; return how its digits agree, if it printed digits."""

    def agreement(printed: str) -> str | None:
        if sheet_value is not None:
            difference, allowed, _ = _difference(result, sheet_value, *tolerances)
            return "value" if difference <= allowed else None
        return _printed_agreement(where, result, printed)

    garbled = len(_NUMBER.findall(sheet)) != len(_NUMBER.findall(read_as or sheet))
    if read_as is not None and sheet_value is None and not garbled and agreement(sheet):
        raise ClaimError(f"{where}: the sheet's {sheet} agrees as it stands; drop read_as")
    as_printed = agreement(sheet if read_as is None else read_as)
    if as_printed and erratum:
        raise ClaimError(f"{where}: the sheet's {sheet} agrees with {_text(result)}; drop erratum")
    if not as_printed and not erratum:
        raise ClaimError(
            f"{where}: the sheet has {read_as or sheet} but the routes give {_text(result)}; "
            "say what went wrong in erratum=…"
        )
    return as_printed if as_printed in ("rounded", "cut off") else None


_DECIMAL = r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBER = re.compile(rf"(?<![\w.])[-+]?(?:\d+/\d+|{_DECIMAL})(?!\.?\w)")


def _printed_agreement(where: str, result: Any, printed: str) -> str | None:
    """Return "exact", "rounded" or "cut off" as the digits agree, or None if they do not."""
    if isinstance(result, str):
        return "exact" if result == printed else None
    if isinstance(result, _TRUTH):
        raise ValueError(f"{where}: say in sheet_value=… whether the sheet holds it true")
    if isinstance(result, Estimate):
        result = result.value
    numbers = _NUMBER.findall(printed.replace("−", "-"))
    values = list(_entries(result).flat)
    if len(numbers) != len(values):
        raise ValueError(f"{where}: sheet={printed!r} must hold {len(values)} numbers")
    ways = [_digits_agree(*pair) for pair in zip(values, numbers, strict=True)]
    if None in ways:
        return None
    return max(ways, key=["exact", "rounded", "cut off"].index)


def _digits_agree(value: Any, printed: str) -> str | None:
    exact = _fraction(value)
    shown = Fraction(printed)
    if exact == shown:
        return "exact"
    if "/" in printed:
        noise = 0 if _is_exact(value) else abs(shown) * Fraction(1, 10**12)
        return "exact" if abs(exact - shown) <= noise else None
    unit = Fraction(10) ** int(Decimal(printed).as_tuple().exponent)
    if abs(exact - shown) <= unit / 2:
        return "rounded"
    if shown * exact >= 0 and 0 <= abs(exact) - abs(shown) < unit:
        return "cut off"
    return None


def _fraction(value: Any) -> Fraction:
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    return Fraction(str(value.evalf(40))) if hasattr(value, "evalf") else Fraction(float(value))


# -- showing -----------------------------------------------------------------------------------


def _text(value: Any) -> str:
    """Return a value as short text: up to six entries, floats to twelve digits."""
    if isinstance(value, Estimate):
        return f"{value.value:.6g} ± {value.standard_error:.2g}"
    if isinstance(value, str | _TRUTH):
        return str(value)
    entries = _entries(value)
    if entries.ndim == 0:
        return _number_text(entries.item())
    shown = [_number_text(x) for x in entries.flat[:6]]
    if entries.size > 6:
        shown.append(f"… ({entries.size} in all)")
    return "[" + ", ".join(shown) + "]"


def _number_text(x: Any) -> str:
    if isinstance(x, float | complex | np.inexact):
        return f"{x:.12g}"
    text = str(x)
    if len(text) > MAX_DIGITS and isinstance(x, Rational):
        decimal = Decimal(x.numerator) / Decimal(x.denominator)  # a float may overflow
        return f"{decimal:.12g} (exactly, {len(text)} characters)"
    return text


def _agreement_text(claim: Claim) -> str:
    if claim.deviation == 0:
        return f"{len(claim.routes)} routes agree exactly"
    return f"{len(claim.routes)} routes agree to {claim.deviation:.1e}"


def _sheet_text(claim: Claim, code: str) -> str:
    if claim.sheet is None:
        return ""
    said = f"; the sheet has {code}{claim.sheet}{code}"
    if claim.erratum:
        return f"{said}: {claim.erratum}"
    how = ", its digits cut off" if claim.sheet_digits == "cut off" else ""
    return f"{said}: confirmed{how}"


def _line(claim: Claim, strong: str = "", code: str = "") -> str:
    return (
        f"✓ {strong}{claim.id}{strong}: {claim.statement} "
        f"[{_agreement_text(claim)}{_sheet_text(claim, code)}]"
    )


def _show(shown: Claim | ClaimTable) -> None:
    bundle = shown._repr_mimebundle_()
    if get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display(bundle, raw=True)


def _mime_bundle(claims: list[Claim], caption: str | None = None) -> dict[str, Any]:
    heading = [caption] if caption else []
    markdown = _markdown_table(claims, caption) if caption else _line(claims[0], "**", "`")
    return {
        "text/plain": "\n".join(heading + [_line(claim) for claim in claims]),
        "text/markdown": markdown,
        MIME_TYPE: {"caption": caption, "claims": [claim._asdict() for claim in claims]},
    }


def _markdown_table(claims: list[Claim], caption: str) -> str:
    rows = ["| | claim | result | routes | sheet |", "| --- | --- | --- | --- | --- |"]
    for claim in claims:
        mark = "✗" if claim.erratum else "✓"
        sheet = f"{mark} `{claim.sheet}` {claim.erratum or ''}" if claim.sheet else ""
        result = f"`{next(iter(claim.routes.values()))}`"
        cells = ("✓", claim.statement, result, _agreement_text(claim), sheet)
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return f"**{caption}**\n\n" + "\n".join(rows)
