import json
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from byhand.evidence import MIME_TYPE, ClaimError, Estimate, by, holds
from byhand.evidence import sheet as quote
from byhand.evidence.comparing import STANDARD_ERRORS, Comparison, Tolerance, compare, normal
from byhand.evidence.declaring import RTOL, Claim
from byhand.evidence.entry import entry_of
from byhand.evidence.running import run
from byhand.evidence.showing import mime_bundle, show

law = settings(derandomize=True, deadline=None, max_examples=50)
x = sympy.Symbol("x")


def compared(first, second, rtol=RTOL, floor=0.0) -> Comparison:
    first, second = (normal("A1.w3", "a", value) for value in (first, second))
    return compare(first, second, Tolerance(rtol, floor))


def agree(first, second, sheet=None, sheet_value=None, erratum=None, read_as=None, **tolerance):
    """Return the entry of a claim with these values of its two routes."""

    def routes():
        yield by.recursion("first", lambda: itself(first), because="a test", **tolerance)
        yield by.closed_form("second", lambda: itself(second), because="a test", **tolerance)
        value = None if sheet_value is None else lambda: sheet_value
        yield quote(sheet, value, erratum=erratum, read_as=read_as)

    return entry_of(run(Claim("A1.w3", "the third iterate", routes)))


def itself(value):
    return value


def refuses(*words):
    return pytest.raises(ClaimError, match=".*".join(words))


# -- routes against routes


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (3, Fraction(3)),
        (np.int64(3), sympy.Integer(3)),
        (Fraction(13, 5), sympy.Rational(13, 5)),
        (Fraction(13, 5), 2.6),
        (0.1 + 0.2, 0.3),
        (1 + 2j, np.complex128(1 + 2j)),
        ("overshoots", "overshoots"),
        (True, np.True_),
        (sympy.true, True),
        (math.inf, np.inf),
        (sympy.sin(x) ** 2, 1 - sympy.cos(x) ** 2),
        (sympy.Matrix([[1, x], [0, 1]]), [[1, x], [0, 1]]),
        ([[1, 2, 3]], np.array([[1.0, 2.0, 3.0]])),
        (Estimate(1.0, 0.1), 1.3),
        (Estimate(1.0, 0.3), Estimate(3.0, 0.4)),
        (Estimate(np.array([1.0, 2.0]), np.array([0.1, 0.1])), [1.2, 2]),
    ],
)
def test_like_results_agree(first, second):
    assert compared(first, second).agree
    assert compared(second, first).agree


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (3, 4),
        (10**17, 10**17 + 1),
        (Fraction(1, 3), Fraction(1, 3) + Fraction(1, 10**20)),
        (Fraction(1, 3), Fraction(1, 3) + Fraction(1, 10**400)),
        (10**400, Fraction(1)),
        (sympy.sqrt(2), sympy.sqrt(2) + sympy.Rational(1, 10**30)),
        (Fraction(13, 5), 2.6 + 1e-9),
        ([0.0, 1.0], [1e-11, 1.0]),
        ([1, 1e-13], [1, 5e-13]),
        ([1e-30, 1.0], [0.0, 1.0]),
        (10**400, 1.0),
        (10**400, math.inf),
        (Fraction(1, 10**400), 0.0),
        (1.0, 1.0j),
        ("overshoots", "settles"),
        ("1", 1),
        (True, 1),
        (True, "True"),
        (True, [1]),
        (x**2, x**2 + 1),
        (x, sympy.Symbol("y")),
        ([1, 2], [1, 2, 3]),
        ([1, 2], [[1, 2]]),
        (np.ones((2, 3)), np.ones((3, 2))),
        (1.0, [1.0]),
        (math.inf, -math.inf),
        (Estimate(1.0, 0.1), 1.5),
        (Estimate(1.0, 0.3), Estimate(3.1, 0.4)),
        (Estimate(1.0, math.inf), 1.0),
        (Estimate(1.0, math.nan), 1.0),
        (Estimate(math.nan, 0.1), 1.0),
        (Estimate(np.array([1.0, 2.0]), np.array([0.1, 0.1])), [1.2, 3]),
    ],
)
def test_unlike_results_are_refused(first, second):
    assert not compared(first, second).agree
    assert not compared(second, first).agree


@pytest.mark.parametrize(
    "nan", [math.nan, [1.0, math.nan], np.array([math.nan]), complex(0, math.nan), sympy.nan]
)
def test_nan_never_agrees_even_with_itself(nan):
    with pytest.raises((ClaimError, ValueError)):
        agree(nan, nan)
    with pytest.raises(ClaimError):
        agree(nan, nan + nan if not isinstance(nan, list) else list(nan))


def test_a_wrong_route_is_named_with_chapter_claim_and_both_values():
    with refuses(
        "02_optimization: claim A1.w3: first gives 13/5 but second gives 12/5",
        r"difference 0\.2, allowed 0",
    ):
        agree(Fraction(13, 5), Fraction(12, 5))


@pytest.mark.parametrize("value", [np.ones(3), [1.0, 2.0]])
def test_one_object_is_not_two_routes(value):
    with refuses("first and second return the same object"):
        agree(value, value)


@pytest.mark.parametrize("nothing", [[], np.empty((0, 3))])
def test_nothing_agrees_with_nothing(nothing):
    with pytest.raises(ValueError, match="route first is empty"):
        agree(nothing, nothing.copy())


@pytest.mark.parametrize("false", [False, np.False_, sympy.false])
def test_a_proposition_that_does_not_hold_is_refused(false):
    with refuses("by second, it does not hold that the third iterate"):
        agree(holds(True, 1), holds(false, 1))


def test_an_array_of_truth_values_is_no_proposition():
    with pytest.raises(ValueError, match=r"say whether all\(\) hold"):
        agree(np.array([True, False]), np.array([True, False]))


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e3), st.floats(0, 10))
@law
def test_estimates_agree_within_four_standard_errors(mean, error, distance):
    assume(abs(distance - STANDARD_ERRORS) > 1e-3)
    other = mean + distance * error
    assume(abs((other - mean) / error - distance) < 1e-4)
    if distance < STANDARD_ERRORS:
        found = compared(Estimate(mean, error), other)
        assert (found.agree, found.tolerance) == (True, f"{STANDARD_ERRORS} standard errors")
    else:
        assert not compared(Estimate(mean, error), other).agree


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.floats(-2e-6, 2e-6), st.floats(0, 1e-3))
@law
def test_agreement_does_not_depend_on_the_order_of_the_routes(values, relative, absolute):
    def outcome(first, second):
        found = compared(first, second, rtol=1e-6, floor=1e-4)
        return found.agree, found.deviation

    changed = [value * (1 + relative) + absolute for value in values]
    assert outcome(values, changed) == outcome(changed, values)


@given(st.fractions(), st.fractions().filter(bool))
@law
def test_fractions_agree_exactly_or_not_at_all(value, change):
    assert compared(value, +value).tolerance == "exact"
    assert not compared(value, value + change).agree


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "1e-12 relative"),
        ({"rtol": 1e-6, "floor": 1e-9}, "1e-06 relative plus 1e-09 absolute"),
        ({"rtol": 0.0}, "exact"),
    ],
)
def test_the_tolerance_is_told(options, words):
    assert agree(1.0, 1.0, **options)["tolerance"] == words


# -- routes against the sheet


@pytest.mark.parametrize(
    ("value", "printed", "digits"),
    [
        (Fraction(13, 5), "2.6", None),
        (Fraction(13, 5), "13/5", None),
        (Fraction(-13, 5), "−2.6", None),
        (Fraction(1, 2), ".5", None),
        (0.1, "1/10", None),
        (Fraction(2, 3), "0.67", "rounded"),
        (Fraction(2, 3), "0.66", "cut off"),
        (Fraction(-2, 3), "-0.66", "cut off"),
        (1234.4, "1234", "rounded"),
        (sympy.sqrt(2), "1.414", "rounded"),
        (6.674e-11, "6.67e-11", "rounded"),
        (np.float64(0.25), "0.3", "rounded"),
        ([Fraction(2, 3), Fraction(13, 5)], "(0.66, 2.6)", "cut off"),
        (Estimate(0.667, 0.001), "0.67", "rounded"),
        ("linear", "linear", None),
    ],
)
def test_a_sheet_is_compared_to_the_digits_it_printed(value, printed, digits):
    other = sympy.sympify(value) if isinstance(value, Fraction) else value
    claim = agree(value, list(other) if isinstance(other, list) else other, sheet=printed)
    assert (claim["verdict"], claim["sheet_digits"]) == ("confirmed", digits)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (Fraction(13, 5), "2.7"),
        (Fraction(13, 5), "-2.6"),
        (Fraction(13, 5), "12/5"),
        (Fraction(1, 3) + Fraction(1, 10**20), "1/3"),
        (0.1 + 1e-9, "1/10"),
        (Fraction(2, 3), "0.65"),
        (Fraction(2, 3), "0.68"),
        (Fraction(1, 2), ".6"),
        (Fraction(-2, 3), "0.66"),
        ([2, 1], "2, 1.1"),
        ("linear", "quadratic"),
    ],
)
def test_a_sheet_that_differs_needs_an_erratum(value, printed):
    other = list(value) if isinstance(value, list) else value
    with refuses("claim A1.w3: the sheet has", "say what went wrong in erratum"):
        agree(value, other, sheet=printed)
    claim = agree(value, other, sheet=printed, erratum="A digit is off.")
    assert (claim["verdict"], claim["erratum"]) == ("corrected", "A digit is off.")


def test_an_erratum_on_a_value_that_agrees_is_refused():
    with refuses("the sheet's 2.6 agrees with 13/5; drop erratum"):
        agree(Fraction(13, 5), 2.6, sheet="2.6", erratum="A slip.")


digits = st.integers(0, 6)


@given(st.fractions(-1000, 1000, max_denominator=10**9), digits)
@law
def test_rounded_and_cut_digits_agree(value, places):
    unit = Fraction(1, 10**places)
    for units in (round(value / unit), math.trunc(value / unit)):
        assert agree(value, +value, sheet=printed(units, places))["verdict"] == "confirmed"


@given(st.fractions(-1000, 1000, max_denominator=10**9), digits)
@law
def test_one_digit_off_disagrees(value, places):
    cut = math.trunc(value * 10**places)
    away = 1 if value > 0 else -1
    for units in (cut - away, cut + 2 * away):
        with pytest.raises(ClaimError):
            agree(value, +value, sheet=printed(units, places))


@given(st.floats(-1e6, 1e6), digits)
@law
def test_what_a_float_prints_as_agrees_with_it(value, places):
    assert agree(value, value + 0.0, sheet=f"{value:.{places}f}")["verdict"] == "confirmed"


def printed(units, places):
    sign, whole = "-" * (units < 0), str(abs(units)).rjust(places + 1, "0")
    return sign + (f"{whole[:-places]}.{whole[-places:]}" if places else whole)


@pytest.mark.parametrize("right", [True, False])
def test_a_sheet_may_hold_a_proposition_true_or_false(right):
    options = {"sheet": "never", "sheet_value": right} | ({} if right else {"erratum": "It may."})
    found = agree(holds(True, 1), holds(True, 1), **options)
    assert found["verdict"] == ("confirmed" if right else "corrected")


def test_a_sheets_formula_is_compared_by_its_value():
    gradient = np.array([1.0, 2.0])
    agree(gradient, [1.0, 2.0], sheet="2Xᵀ(Xw − y)", sheet_value=gradient + 1e-13)
    with refuses("the sheet has 2Xᵀ"):
        agree(gradient, [1.0, 2.0], sheet="2Xᵀ(Xw − y)", sheet_value=2 * gradient)


@pytest.mark.parametrize("scan", ["2.G", "2.b9 ?", "2.8"])
def test_a_garbled_digit_may_be_read(scan):
    claim = agree(Fraction(13, 5), 2.6, sheet=scan, read_as="2.6")
    assert claim["verdict"] == "confirmed"
    assert claim["sheet"] == f"{scan} (scan; read as 2.6)"


def test_a_reading_must_be_needed_and_must_agree():
    with refuses("agrees as it stands; drop read_as"):
        agree(Fraction(13, 5), 2.6, sheet="2.6", read_as="2.60")
    with refuses("the sheet has 2.7 but the routes give 13/5"):
        agree(Fraction(13, 5), 2.6, sheet="2.G", read_as="2.7")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"erratum": "A slip."}, "speaks of the sheet without quoting it"),
        ({"read_as": "1"}, "speaks of the sheet without quoting it"),
        ({"sheet": "2, 1"}, "must hold 1 numbers"),
        ({"sheet": "about one"}, "must hold 1 numbers"),
    ],
)
def test_what_is_said_of_the_sheet_must_make_sense(options, message):
    with pytest.raises(ValueError, match=message):
        agree(1.0, 1.0, **options)


def test_a_proposition_needs_the_sheets_verdict():
    with pytest.raises(ValueError, match="whether the sheet holds it true"):
        agree(holds(True, 1), holds(True, 1), sheet="never overshoots")


# -- showing


def test_a_terminal_shows_a_line(capsys):
    show([agree(Fraction(13, 5), Fraction(26, 10))])
    assert capsys.readouterr().out == "✓ A1.w3: the third iterate: 13/5 [2 routes agree exactly]\n"


def test_a_table_shows_a_row_for_each_claim(capsys):
    slip = agree(20, 20, sheet="3", erratum="A slip.")
    show([agree(1, 1) | {"label": "first"}, slip | {"label": "second"}], "The iterates")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "The iterates [2 routes agree exactly]",
        "✓ A1.w3  first   1",
        "✓ A1.w3  second  20  the sheet has 3: A slip.",
    ]


def test_html_escapes_what_is_no_markup_and_markdown_bars(monkeypatch):
    claim = agree(
        x * x.diff(x) * sympy.Abs(x), sympy.Abs(x) * x, sheet="x<|x|", sheet_value=x * abs(x)
    )
    shown = mime_bundle([claim], "a < b & `c<d`")["text/html"]
    assert "a &lt; b &amp; <code>c&lt;d</code>" in shown
    assert "x&lt;|x|" in shown
    monkeypatch.setenv("VSCODE_PID", "1")
    row = mime_bundle([claim], "c")["text/markdown"].splitlines()[-1]
    assert row.count("|") == 5


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Estimate(1.0, 0.1), 1.1),
        (np.arange(9.0), list(range(9))),
        (math.inf, np.inf),
        (1e-300, 1e-300),
        (holds(True, 1.5), holds(np.True_, x)),
        (sympy.sqrt(x), sympy.sqrt(x)),
        (np.float32(0.5), np.int64(1) / 2),
    ],
)
def test_what_a_claim_stores_is_strict_json(first, second):
    stored = mime_bundle([agree(first, second)])[MIME_TYPE]
    assert json.loads(json.dumps(stored, allow_nan=False)) == stored


def test_long_arrays_are_shortened():
    claim = agree(np.arange(9), list(range(9)))
    assert claim["result"]["text"] == "[0, 1, 2, 3, 4, 5, … (9 in all)]"
