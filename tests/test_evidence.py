"""Claims as code: what is declared, what is refused, and what a reader is told."""

import json
import math
import re
from fractions import Fraction as Q

import numpy as np
import pytest
import sympy
import sympy as sp
from mpmath import iv

from byhand import sgd_stability
from byhand._bisection import last_where
from byhand.evidence import (
    MIME_TYPE,
    ClaimError,
    Estimate,
    by,
    case,
    check,
    claim,
    declaring,
    holds,
    once,
    running,
    sheet,
    slip,
)
from byhand.evidence.__main__ import main
from byhand.evidence.anchoring import anchors, share
from byhand.evidence.entry import FIELDS, entry_of
from byhand.evidence.importing import refuse_work_at_import
from byhand.evidence.opening import Page
from byhand.evidence.running import run
from byhand.evidence.setting import expression, expression_latex
from byhand.evidence.showing import mime_bundle
from byhand.evidence.source import source_of
from byhand.evidence.tracing import name_of, tracing

FACTORS = (Q(1, 2), Q(1), Q(3))


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """Each test has the claims of the book and those that it declares."""
    declaring.load_all()
    monkeypatch.setattr(declaring, "REGISTRY", dict(declaring.REGISTRY))
    monkeypatch.delenv("BYHAND_BUILD", raising=False)


def declared(function, id="A1.new", **options):
    claim(id, "what is claimed", **options)(function)
    return declaring.find_loaded(id.replace("*", ""))


def ran(function, id="A1.new", case=None, inputs=None, **options):
    return run(declared(function, id, **options), case, inputs)


def refused(function, *messages, **options):
    with pytest.raises((ClaimError, ValueError, TypeError)) as refusal:
        ran(function, **options)
    for message in messages:
        assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def mean(eta, h=FACTORS, t=3):
    return (1 - eta * sum(h) / len(h)) ** t


# -- a sound claim -----------------------------------------------------------------------------


def sound(eta=Q(4, 5), t=3):
    yield by.recursion("steps", lambda: sgd_stability.moment_recursion(FACTORS, eta, 1, t)[-1])
    yield by.closed_form("power", lambda: mean(eta, t=t))
    yield sheet("(1 − ηh)^t", lambda: mean(eta, t=t))
    yield slip("The power is missing.", lambda: mean(eta, t=1))


def test_a_claim_shows_its_first_route_and_all_that_ran():
    entry = entry_of(ran(sound, answer=True))
    assert set(entry) == set(FIELDS)
    assert entry["result"]["text"] == "-1/125"
    assert [route["method"] for route in entry["routes"]] == ["recursion", "closed form"]
    assert entry["evidence"] == "exact"
    assert entry["verdict"] == "confirmed"
    assert entry["answer"] == "number"
    assert "byhand.sgd_stability.dynamics.moment_recursion" in entry["routes"][0]["functions"]
    assert entry["routes"][1]["functions"] == []
    assert entry["routes"][1]["source"] == "mean(eta, t=t)"
    assert entry["setup"] == []
    assert [given["text"] for given in entry["inputs"]] == ["4/5", "3"]


def test_inputs_of_a_reader_run_the_same_routes_and_leave_the_sheet_out():
    outcome = ran(sound, inputs={"eta": Q(1, 10)})
    assert outcome.result == mean(Q(1, 10))
    assert entry_of(outcome)["own_inputs"]
    assert outcome.quoted is None


def test_a_float_of_a_reader_is_the_decimal_it_prints_as_where_the_input_is_exact():
    assert ran(sound, inputs={"eta": 0.1}).result == mean(Q(1, 10))


def test_cases_have_ids_and_sheets_of_their_own():
    def powers(t=1):
        yield by.recursion("product", lambda: 2**t)
        yield by.enumeration("sum", lambda: sum([1] * 2**t))

    cases = [case("1", "$2$", t=1, sheet="2"), case("2", "$4$", t=2, sheet="5", erratum="Slip.")]
    new = declared(powers, "A1.two*", cases=cases)
    assert list(new.ids) == ["A1.two1", "A1.two2"]
    assert [run(new, id).verdict for id in new.ids] == ["confirmed", "corrected"]
    assert [run(new, id).result for id in new.ids] == [2, 4]


@pytest.mark.parametrize(
    ("values", "evidence"),
    [
        ((Q(1, 3), Q(1, 3)), "exact"),
        ((sp.sqrt(2), sp.sqrt(2)), "exact"),
        (("left", "left"), "exact"),
        ((0.5, Q(1, 2)), "computed"),
        ((holds(True, 0.5), holds(True, Q(1, 2))), "computed"),
        ((Estimate(0.5, 0.1), Q(1, 2)), "measured"),
    ],
)
def test_the_kind_of_evidence_is_found_from_what_ran(values, evidence):
    first, second = values

    def kinds():
        yield by.recursion("one", lambda: id_of(first))
        yield by.closed_form("other", lambda: id_of(second))

    assert ran(kinds).evidence == evidence
    if evidence != "exact":
        refused(kinds, "is declared exact, but", id="A1.other", evidence="exact")


def id_of(value):
    return value


def test_digits_are_shown_as_far_as_the_routes_agree():
    def rough():
        yield by.recursion("exact", lambda: float(np.sqrt(2)))
        yield by.differences("rough", lambda: round(2**0.5, 4), rtol=1e-4, because="h = 10⁻²")

    assert entry_of(ran(rough))["result"]["text"] == "1.414"


# -- what is refused -----------------------------------------------------------------------------


def no_route():
    yield sheet("3")


def one_route():
    yield by.recursion("only", lambda: sum([1]))


def one_method():
    yield by.recursion("up", lambda: sum([1, 2]))
    yield by.recursion("down", lambda: sum([2, 1]))


def one_name():
    yield by.recursion("sum", lambda: sum([1, 2]))
    yield by.enumeration("sum", lambda: sum([2, 1]))


def twice_the_same_function():
    for make in (by.recursion, by.enumeration):
        yield make(f"sum by {make.__name__}", lambda: sum([1, 2]))


def one_object(kept=[1.0, 2.0]):  # noqa: B006
    shared = list(kept)
    yield by.recursion("one", lambda: id_of(shared))
    yield by.enumeration("other", lambda: list.__iter__(shared) and shared)


def copied_by_hand(eta=Q(1, 2)):
    yield by.hand("the text", lambda: Q(1, 2) ** 3)
    yield by.closed_form("its formula", lambda: (1 - eta) ** 3)


def made_in_the_setup(eta=Q(1, 2)):
    value = sgd_stability.moment_recursion(FACTORS, eta, 1, 3)[-1]
    yield by.recursion("steps", lambda: value)
    yield by.closed_form("power", lambda: mean(eta))


def a_constant():
    yield by.recursion("steps", lambda: sum([1, 2]))
    yield by.closed_form("power", lambda: 3)


def bare_truth():
    yield by.recursion("steps", lambda: sum([1, 2]) == 3)
    yield by.closed_form("power", lambda: holds(True, 3))


def a_false_statement():
    yield by.recursion("steps", lambda: holds(2 < 1, 2))
    yield by.closed_form("power", lambda: holds(1 < 2, 1))


def disagreeing():
    yield by.recursion("steps", lambda: sum([1, 2]))
    yield by.closed_form("power", lambda: 2**2)


def a_third_route_off():
    yield by.recursion("steps", lambda: sum([1.0, 2]))
    yield by.closed_form("power", lambda: 2**2 - 1)
    yield by.differences("quotient", lambda: sum([3, 1e-9]))


def an_unfair_sheet():
    yield by.recursion("steps", lambda: sum([1, 2]))
    yield by.enumeration("loops", lambda: len([1, 2, 3]))
    yield sheet("4")


def an_erratum_too_many():
    yield by.recursion("steps", lambda: sum([1, 2]))
    yield by.enumeration("loops", lambda: len([1, 2, 3]))
    yield sheet("3", erratum="Miscounted.")


def a_slip_that_is_right():
    yield by.recursion("steps", lambda: sum([1, 2]))
    yield by.enumeration("loops", lambda: len([1, 2, 3]))
    yield slip("Counted from 0.", lambda: 3)


def a_value_among_the_routes():
    yield by.recursion("steps", lambda: sum([1, 2]))
    yield 3


@pytest.mark.parametrize(
    ("function", "messages"),
    [
        (no_route, ["A1.new needs at least two routes, got []"]),
        (one_route, ["A1.new needs at least two routes, got ['only']"]),
        (one_method, ["routes up and down all work by recursion", "add one that works by another"]),
        (one_name, ["two routes have one name"]),
        (twice_the_same_function, ["are one function, sum([1, 2]); write each of them out"]),
        (one_object, ["routes one and other return the same object"]),
        (copied_by_hand, ["the hand value of route the text has a closed form as its only"]),
        (
            made_in_the_setup,
            [
                "route steps is value, made in the set-up, which ran byhand.sgd_stability",
                "move the computation into the route's lambda",
            ],
        ),
        (a_constant, ["route power is the constant 3, which cannot fail"]),
        (bare_truth, ["route steps says True and nothing of how much: return holds(…, effect)"]),
        (a_false_statement, ["by steps, it does not hold that what is claimed (2)"]),
        (disagreeing, ["steps gives 3 but power gives 4 (difference 1, allowed 0)"]),
        (a_third_route_off, ["steps gives 3 but quotient gives 3.000000001"]),
        (an_unfair_sheet, ["the sheet has 4 but the routes give 3", "erratum=…"]),
        (an_erratum_too_many, ["the sheet's 3 agrees with 3; drop erratum"]),
        (a_slip_that_is_right, ["the slip 'Counted from 0.' leads to the right value, 3"]),
        (a_value_among_the_routes, ["yields 3; a claim yields by.…, sheet or slip"]),
    ],
)
def test_a_weak_claim_is_refused_in_one_line(function, messages):
    refused(function, *messages)


@pytest.mark.parametrize(
    ("tolerance", "message"),
    [
        ({"rtol": 1e-6}, "route a is looser than 1e-12 relative: say why in because=…"),
        ({"floor": 1e-6}, "say why in because=…"),
        ({"rtol": 1.0, "because": "rough"}, "0 ≤ rtol < 1"),
        ({"rtol": -1e-9, "because": "sharp"}, "0 ≤ rtol < 1"),
        ({"floor": float("inf"), "because": "rough"}, "a finite floor"),
    ],
)
def test_a_loose_route_gives_its_reason(tolerance, message):
    with pytest.raises(ValueError, match=message):
        by.differences("a", lambda: 1.0, **tolerance)


def test_a_route_is_no_value():
    with pytest.raises(TypeError, match="route a must be computed by a lambda, got 3"):
        by.recursion("a", 3)


def test_routes_are_as_loose_as_they_say_and_no_looser():
    def rough_and_two_sharp(off=0.0):
        yield by.recursion("exact", lambda: 1.0 + 0 * off)
        yield by.closed_form("sharp", lambda: 1.0 + off)
        yield by.differences("rough", lambda: 1.0 + 1e-7, rtol=1e-6, because="h = 10⁻³")

    assert ran(rough_and_two_sharp).evidence == "computed"
    refused(
        rough_and_two_sharp, "exact gives 1 but sharp gives", id="A1.other", inputs={"off": 1e-8}
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": "Z9.w"}, "must start with a problem's id"),
        ({"evidence": "believed"}, "evidence must be one of"),
        ({"evidence": "sampled"}, "give both or neither"),
        ({"evidence": "sampled", "because": "log"}, "sampled from what"),
        ({"answer": "essay"}, "answer must be one of"),
        ({"answer": "choice"}, "goes with choices"),
        ({"id": "A1.w*.x"}, "has a \\* but there are no cases"),
        ({"cases": [case("1"), case("1")]}, "two cases have one name"),
        ({"cases": [case("1", u=2)]}, "case 1 gives u"),
    ],
)
def test_a_declaration_must_make_sense(options, message):
    with pytest.raises(ValueError, match=message):
        claim(options.pop("id", "A1.new"), "what is claimed", **options)(sound)


def test_a_claim_is_a_generator_with_defaults():
    with pytest.raises(ValueError, match="must yield its routes"):
        claim("A1.new", "what is claimed")(lambda: 1)

    def no_default(eta):
        yield eta

    with pytest.raises(ValueError, match="inputs need defaults: eta"):
        claim("A1.new", "what is claimed")(no_default)


def test_an_id_is_taken_once():
    declared(sound)
    with pytest.raises(ValueError, match=r"claim id A1\.new is taken, by sound"):
        declared(one_route)


def test_a_statement_about_all_is_proved_or_says_why_not():
    refused(sound, "speaks of all $t$ and is exact: prove it, or say", for_all="$t$")
    sampled = {"for_all": "$t$", "evidence": "sampled", "because": "random products"}
    assert ran(sound, id="A1.other", **sampled).evidence == "sampled"


def test_a_build_refuses_a_claim_that_takes_long(monkeypatch):
    monkeypatch.setattr(running, "BUDGET", 0)
    assert ran(sound).result == mean(Q(4, 5))
    monkeypatch.setenv("BYHAND_BUILD", "1")
    refused(sound, "A1.other takes 0 s of the processor, 0 s are allowed", id="A1.other")


# -- enclosures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "agrees"),
    [
        (Q(3, 2), True),
        (1.5, True),
        (sp.sqrt(2), True),
        (iv.mpf([1.5, 1.7]), True),
        (iv.mpf([1.7, 1.8]), False),
        (1.7, False),
        (Q(17, 10), False),
        (sp.sqrt(3), False),
        ([1.5, 1.5], False),
    ],
)
def test_a_value_agrees_with_an_enclosure_that_holds_it(other, agrees):
    def enclosed():
        yield by.algebra("interval", lambda: id_of(iv.mpf([1.4, 1.6])))
        yield by.closed_form("value", lambda: id_of(other))

    if agrees:
        entry = entry_of(ran(enclosed))
        assert entry["evidence"] == "enclosed"
        assert entry["result"]["text"] == "1.5 ± 0.1"
        json.dumps(entry, allow_nan=False)
    else:
        refused(enclosed, "interval gives 1.5 ± 0.1 but value gives")


# -- tracing -------------------------------------------------------------------------------------


def test_tracing_names_the_functions_of_the_package_alone():
    with tracing() as names:
        last_where(lambda x: x < 1, 0, 2)
        np.linalg.inv(np.eye(2))
    assert names == {"byhand._bisection.last_where"}


def test_a_trace_inside_a_trace_adds_to_it():
    with tracing() as outer:
        with tracing() as inner:
            last_where(lambda x: x < 1, 0, 2)
        assert inner == {"byhand._bisection.last_where"}
    assert outer == inner


def test_a_trace_ends_where_a_route_raises():
    with pytest.raises(ZeroDivisionError), tracing():
        1 / 0  # noqa: B018
    with tracing() as names:
        last_where(lambda x: x < 1, 0, 2)
    assert names == {"byhand._bisection.last_where"}


def test_converters_and_validators_are_not_recorded():
    from byhand import _checks

    with tracing() as names:
        _checks.real("x", 1)
    assert names == set()


def test_what_runs_in_a_comprehension_is_its_functions_own_doing():
    code = compile("def f():\n    return [x for x in ()]", sgd_stability.__file__, "exec")
    functions = [constant for constant in code.co_consts if hasattr(constant, "co_name")]
    assert {name_of(function) for function in functions} == {"byhand.sgd_stability.f"}


def test_what_is_kept_once_brings_its_trace_to_every_route():
    runs = []

    @once
    def law(n):
        runs.append(n)
        last_where(lambda x: x < 1, 0, 2)
        return np.ones(n)

    for _ in range(2):
        with tracing() as names:
            value = law(3)
        assert names == {"byhand._bisection.last_where"}
    assert runs == [3]
    with pytest.raises(ValueError, match="read-only"):
        value[0] = 2
    assert len(law(4)) == 4


def test_what_is_kept_tells_arguments_apart_and_refuses_what_may_change():
    @once
    def kind(value):
        return type(value).__name__

    assert [kind(1), kind(1.0), kind(Q(1)), kind(True)] == ["int", "float", "Fraction", "bool"]
    with pytest.raises(TypeError, match="must not change"):
        kind(object())


# -- anchoring -----------------------------------------------------------------------------------


def entry(id, first, second, setup=()):
    routes = [
        {"name": "one", "method": "recursion", "functions": first},
        {"name": "other", "method": "closed form", "functions": second},
    ]
    known = {"id": id, "claim": id, "chapter": "02_optimization"}
    return known | {"routes": routes, "setup": list(setup)}


def test_a_common_function_must_be_checked_by_another_claim():
    common, checks = entry("A1.a", ["f", "g"], ["f"]), entry("A1.b", ["f"], [])
    (refusal,) = share([common])
    assert refusal == (
        "02_optimization: claim A1.a: routes one and other both run f, which no other claim "
        "checks: write one of them without it, or add a claim with one route through it and one "
        "without"
    )
    assert share([common, checks]) == []
    assert common["shared"] == [{"function": "f", "anchor": "A1.b"}]
    assert checks["shared"] == []


def test_a_claim_does_not_anchor_itself_nor_its_cases():
    first, second = entry("A1.a", ["f"], ["f"]), entry("A1.b", ["f"], [])
    second["claim"] = first["claim"] = "A1"
    assert len(share([first, second])) == 1


def test_what_the_setup_runs_is_common_to_all_routes():
    (refusal,) = share([entry("A1.a", ["g"], [], setup=["f"])])
    assert "are both given what the set-up made with f" in refusal
    assert "move it into the route that needs it" in refusal


def test_what_the_setup_runs_is_not_checked_by_it():
    assert anchors([entry("A1.a", ["f", "g"], [], setup=["f"])]) == {"g": ["A1.a"]}


def test_what_a_module_computes_when_it_is_imported_is_refused(tmp_path, monkeypatch):
    code = "from byhand._bisection import last_where\nEDGE = last_where(lambda x: x < 1, 0, 2)\n"
    (tmp_path / "hasty_claims.py").write_text(code)
    (tmp_path / "lazy_claims.py").write_text(code.replace("EDGE =", "edge = lambda:"))
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(declaring.REGISTRY)
    (refusal,) = refuse_work_at_import(["hasty_claims", "lazy_claims"])
    assert refusal == (
        "hasty_claims runs byhand._bisection.last_where when it is imported, unseen by any route: "
        "move it into a route, or into a function under @once"
    )
    assert before == declaring.REGISTRY


def test_no_claim_of_the_book_is_computed_when_it_is_imported():
    modules = {each.routes.__module__ for each in declaring.load_all()}
    assert {module.split(".")[2] for module in modules} == {
        chapter.partition("_")[2] for chapter in declaring.CHAPTERS
    }
    assert refuse_work_at_import(modules) == []


def test_a_fault_in_the_package_makes_a_claim_of_the_book_fail(monkeypatch):
    right = sgd_stability.moment_recursion
    monkeypatch.setattr(
        sgd_stability, "moment_recursion", lambda h, eta, power, t: right(h, eta, power, t + 1)
    )
    (closed_form,) = [c for c in declaring.load("03_sgd_stability") if c.id == "D2.2.closed-form"]
    with pytest.raises(ClaimError, match="recursion gives"):
        run(closed_form)


# -- the source of a route -----------------------------------------------------------------------


def test_the_source_of_a_lambda_is_its_expression():
    x, flag = Q(1), True
    routes = [lambda: 1 + 1, lambda: x + 2, lambda: x if flag else 3, lambda: [y for y in [x]]]  # noqa: C416
    routes += [lambda: x or flag, lambda: (lambda: x)(), lambda: x, lambda: not flag, lambda: x < 2]
    assert [source_of(route) for route in routes] == [
        *("1 + 1", "x + 2", "x if flag else 3", "[y for y in [x]]"),
        *("x or flag", "(lambda: x)()", "x", "not flag", "x < 2"),
    ]


def test_the_source_of_a_lambda_beside_letters_of_several_bytes():
    routes = ["η = β", lambda: "ηβ" + str(1), lambda: ("é",
                       "ü")]  # fmt: skip
    assert source_of(routes[1]) == '"ηβ" + str(1)'
    assert source_of(routes[2]).split() == ['("é",', '"ü")']


def test_the_source_of_a_named_route_is_all_of_it():
    def named():
        return 1

    assert source_of(named) == "def named():\n    return 1"


# -- check ---------------------------------------------------------------------------------------


def plain_vector(x=Q(1, 3)):
    yield by.recursion("steps", lambda: [sum([x, x]), sum([x, 1])])
    yield by.closed_form("power", lambda: [2 * x, x + 1])
    yield sheet("0.5 1.5", erratum="The half is no third.")
    yield slip("The first entry is doubled once more.", lambda: [4 * x, x + 1])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([Q(2, 3), Q(4, 3)], "✓ A1.new: right – what is claimed: [2/3, 4/3] [2 routes agree"),
        ([2 / 3, 4 / 3], "✓ A1.new: right – what is claimed"),
        ("0.67, 1.33", "✓ A1.new: right, to the digits you gave – what is claimed"),
        ([0.667, 1.333], "✓ A1.new: right, to the digits you gave – what is claimed"),
        ("0.67, 1.34", "✗ A1.new: the second entry differs."),
        ([1, 2], "✗ A1.new: no entry is right."),
        ([1, 2, 3], "✗ A1.new: a vector of 2 numbers is asked for, this is a vector of 3 numbers."),
        (1, "✗ A1.new: a vector of 2 numbers is asked for, this is a number."),
        ([Q(4, 3), Q(4, 3)], "✗ A1.new: The first entry is doubled once more."),
        ("0.71 1.3", "✗ A1.new: the first entry differs."),
        ("no idea", "✗ A1.new: not understood: there is no number in 'no idea'."),
    ],
)
def test_a_reader_is_told_what_the_value_is(capsys, value, said):
    claim("A1.new", "what is claimed")(plain_vector)
    check("A1.new", value)
    assert capsys.readouterr().out.startswith(said)


def test_a_reader_is_told_that_this_is_what_the_sheet_has(capsys):
    claim("A1.new", "what is claimed")(plain_vector)
    check("A1.new", [0.5, 1.5])
    assert capsys.readouterr().out == (
        "✗ A1.new: this is what the sheet has. The half is no third.\n"
    )


def test_a_wrong_value_is_not_told_what_is_right(capsys):
    claim("A1.new", "what is claimed")(plain_vector)
    check("A1.new", [1, 2])
    out = capsys.readouterr().out
    assert "2/3" not in out
    assert "4/3" not in out


def test_a_wrong_value_ends_a_build(monkeypatch):
    claim("A1.new", "what is claimed")(plain_vector)
    monkeypatch.setenv("BYHAND_BUILD", "1")
    with pytest.raises(ClaimError, match=r"claim A1.new: this cell gives \[1, 2\], but the routes"):
        check("A1.new", [1, 2])
    with pytest.raises(ClaimError, match="right, to the digits you gave"):
        check("A1.new", "0.67 1.33")


def test_a_claim_that_fails_ends_a_build_and_is_told_to_a_reader(monkeypatch, capsys):
    claim("A1.new", "what is claimed")(disagreeing)
    check("A1.new")
    assert capsys.readouterr().out.startswith("✗ A1.new: steps gives 3 but power")
    monkeypatch.setenv("BYHAND_BUILD", "1")
    with pytest.raises(ClaimError, match="steps gives 3 but power gives 4"):
        check("A1.new")


def test_inputs_of_a_reader_are_run_and_shown(capsys):
    claim("A1.new", "what is claimed")(sound)
    check("A1.new", mean(Q(1, 2)), eta=Q(1, 2))
    said = f"✓ A1.new: right – what is claimed, but with eta = 1/2: {mean(Q(1, 2))} [2 routes"
    assert capsys.readouterr().out.startswith(said)
    check("A1.new", mean(Q(1, 3)), eta=Q(1, 2))
    assert capsys.readouterr().out == "✗ A1.new: not this value.\n"


def rows_of_ones(n=2):
    yield by.recursion("one by one", lambda: [1 for _ in range(n)])
    yield by.closed_form("at once", lambda: np.ones(n, dtype=int))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([[1, 1], [1, 1, 1]], "✓ A1.new.2"),
        (([1, 1], np.ones((3,), dtype=int)), "✓ A1.new.2"),
        ([[1, 1], [[1], [1, 1]]], "✗ A1.new.3  not understood"),
        ([[1, 1], [1, 1]], "✗ A1.new.3  a vector of 3 numbers is asked for"),
    ],
)
def test_values_of_cases_may_differ_in_shape(values, said, capsys):
    cases = [case("2", "two", n=2), case("3", "three", n=3)]
    claim("A1.new.*", "what is claimed", cases=cases)(rows_of_ones)
    check("A1.new", values)
    assert said in capsys.readouterr().out


def test_a_problem_is_checked_with_all_its_claims(capsys):
    check("A1")
    out = capsys.readouterr().out
    assert "✓ A1.w1 " in out
    assert "✓ A1.w3 " in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("A1.nonsense",), "there is no claim A1.nonsense; A1 has A1.square, A1.Xy"),
        (("A1.w", [1, 2]), "A1.w has 3 cases, A1.w1, A1.w2, A1.w3: give a value for each"),
    ],
)
def test_a_check_that_means_nothing_raises_in_every_hand(arguments, message):
    with pytest.raises(ClaimError, match=message):
        check(*arguments)


# -- what is shown -------------------------------------------------------------------------------


def shared_and_anchored():
    common = entry_of(ran(sound))
    for route in common["routes"]:
        route["functions"] = ["byhand.sgd_stability.dynamics.moment_recursion"]
    common["shared"], common["pair"] = None, None
    assert share([common, entry("A1.b", common["routes"][0]["functions"], [])]) == []
    return common


def test_an_opened_claim_has_all_that_was_done():
    shown = Page().claim(shared_and_anchored())
    assert shown.startswith('<details class="claim confirmed"><summary>')
    summary, opened = shown.split("</summary>")
    assert "what is claimed: −<sup>1</sup>⁄<sub>125</sub>" in summary
    assert "· 2 routes agree exactly" in summary
    assert "the sheet agrees: (1 − ηh)^t" in summary
    for part in [
        "<b>steps</b> <em>by recursion</em>:",
        "<pre>sgd_stability.moment_recursion(FACTORS, eta, 1, t)[-1]</pre>",
        "<b>power</b> <em>by closed form</em>: −<sup>1</sup>⁄<sub>125</sub><pre>mean(eta, t=t)<",
        "<code>eta</code> = <sup>4</sup>⁄<sub>5</sub>; <code>t</code> = 3",
        "steps and power share <code>sgd_stability.dynamics.moment_recursion</code>, checked by "
        "<code>A1.b</code>",
        "<b>deviation</b>: none",
        "<b>the sheet</b>: (1 − ηh)^t is −<sup>1</sup>⁄<sub>125</sub>",
        "<b>evidence</b>: exact",
        "<code>A1.new</code>",
    ]:
        assert part in opened
    assert "style=" not in shown


def loosely():
    yield by.closed_form("formula", lambda: 1 / 3 + 1e-9)
    yield by.differences("steps", lambda: 1 / 3, rtol=1e-6, because="central, h = 10⁻⁵")


def test_a_deviation_says_relative_to_what_and_the_route_why_it_is_loose():
    shown = Page().claim(entry_of(ran(loosely)))
    off = "<b>deviation</b>: 3 × 10⁻⁹ of the entry; allowed: 10⁻⁶ relative"
    assert off in shown.replace("\N{NO-BREAK SPACE}", " ")
    assert "to 10⁻⁶ relative, because: central, h = 10⁻⁵" in shown
    assert "what is claimed: 0.33333333 <" in shown  # the digits on which the routes agree


def test_an_exact_route_may_be_loose_for_the_others_and_says_why():
    def loose():
        yield by.closed_form("formula", lambda: Q(2, 6), rtol=1e-6, because="of the steps")
        yield by.differences("steps", lambda: 1 / 3 + 1e-9)

    shown = Page().claim(entry_of(ran(loose)))
    assert "to 10⁻⁶ relative, because: of the steps" in shown


def set_up():
    root = sympy.Symbol("sqrt_rho")
    twice = 2

    def by_steps():
        """A route of its own."""
        return holds(True, "the zeros", root**2 / (1 + root**2), 0)

    def helper():
        return twice

    yield by.algebra("SymPy", by_steps)
    yield by.recursion("steps", lambda: holds(helper() == 2, "a half"))


def test_the_effect_behind_a_truth_is_mathematics_and_the_setup_is_shown():
    found = entry_of(ran(set_up))
    assert found["routes"][0]["value"]["text"] == "True (the zeros ρ/(ρ + 1), 0)"
    shown = Page().claim(found)
    zeros = r'the zeros <span class="held">$\frac{\rho}{\rho + 1}$,</span> $0$'
    assert zeros + "<pre>def by_steps():" in shown
    assert found["setup_source"].splitlines() == [
        'root = sympy.Symbol("sqrt_rho")',
        "twice = 2",
        "def helper():",
        "    return twice",
    ]


def test_a_formula_is_not_printed_into_words():
    with pytest.raises(TypeError, match="give the formula itself"):
        holds(True, f"zeros {sympy.Symbol('x') ** 2}")


def test_formulas_are_text_and_mathematics_and_long_ones_may_be_broken():
    x, star, slope = sympy.symbols("x h* b'alpha", real=True)
    assert expression(sympy.Eq(slope, x**2)) == "∂b/∂α = x²"
    assert expression(sympy.Ne(star, 0) & (x >= 1)) == "(x ≥ 1) and h∗ ≠ 0"
    assert expression_latex(slope + star) == r"\partial b / \partial \alpha + h^{*}"
    above = sympy.Add(*sympy.symbols("a:20"))
    assert expression_latex(above / x).endswith(") / (x)")
    assert expression_latex(1 / x) == r"\frac{1}{x}"
    assert expression_latex(above**2 * x + above).count(r"\left") == 0
    assert expression_latex(sympy.Add(*sympy.symbols("a:99"))) == (
        r"\text{an expression of 99 terms}"
    )


def in_a_matrix(x=Q(1, 3)):
    yield by.recursion("steps", lambda: [[x, 0.1234567890123], [0 * x, x]])
    yield by.closed_form("power", lambda: [[x, 0.1234567890123], [x - x, x]])


def many(n=50):
    yield by.recursion("steps", lambda: [1 / 3 + k for k in range(n)])
    yield by.closed_form("power", lambda: [(3 * k + 1) / 3 for k in range(n)])


def test_arrays_are_mathematics_and_no_lists_of_twelve_digits():
    shown = Page().claim(entry_of(ran(in_a_matrix)))
    third = "<sup>1</sup>⁄<sub>3</sub>"
    rows = f"<tr><td>{third}</td><td>0.123457</td></tr><tr><td>0</td><td>{third}</td></tr>"
    assert f'<table class="matrix"><tbody>{rows}</tbody></table>' in shown
    shown = Page().claim(entry_of(ran(many, "A1.many")))
    assert "(0.333333, 1.33333, 2.33333, 3.33333, 4.33333, 5.33333, … (50 in all))" in shown
    assert "333333333" not in shown


def in_cases(t=1):
    yield by.recursion("steps", lambda: [sum([t, 1]), sum([t, t])])
    yield by.closed_form("power", lambda: [t + 1, 2 * t])


CASES = {
    "components": ["$w_1$", "$w_2$"],
    "cases": [
        case("1", "$w^1$", t=1, sheet="2, 2"),
        case("2", "$w^2$", t=2, sheet="3, 5", erratum="one is added twice"),
    ],
}


def test_cases_are_rows_components_are_columns_and_slips_are_marked():
    new = declared(in_cases, "A1.new*", **CASES)
    found = [entry_of(run(new, id)) for id in new.ids]
    shown = Page().table(found, "the steps", lambda e: f' id="{e["id"]}"')
    rows = re.findall(r"<tr.*?</tr>", shown)
    assert "<figcaption>the steps</figcaption>" in shown
    assert re.findall(r"<th scope=\"col\">(.*?)</th>", rows[0]) == [
        *("<i>w₁</i>", "<i>w₂</i>", "sheet")
    ]
    assert re.findall(r"<td>(.*?)</td>", rows[1]) == ["2", "2", "2, 2 ✓"]
    slip = '3, <strong class="claim-slip">5 ✗</strong>'
    assert re.findall(r"<td>(.*?)</td>", rows[2]) == ["3", "4", slip]
    assert 'id="A1.new2"' in rows[2]
    assert rows[3].startswith('<tr><td colspan="4">')
    assert "One is added twice." in rows[3]
    assert shown.count("<pre>") == 2  # the routes once, for all cases
    assert shown.count("as in the table") == 2
    assert "<code>t</code> = 1, 2" in shown


def test_a_wrong_row_does_not_give_away_what_is_right(capsys):
    declared(in_cases, "A1.new*", **CASES)
    check("A1.new", [[2, 2], [5, 7]])
    out = capsys.readouterr().out
    assert "✗ A1.new2  no entry is right." in out
    assert "3, 4" not in out
    new = declaring.find_loaded("A1.new")
    wrong = entry_of(run(new, "A1.new2"))
    wrong["witness"] = {"verdict": "wrong", "words": "no entry is right.", "value": None}
    for shown in [Page().table([wrong], "c"), mime_bundle([wrong], None)["text/html"]]:
        assert "no entry is right." in shown
        assert "<td>4</td>" not in shown
        assert "steps" not in shown.split("</style>")[-1]


def at_zero(x=2.0):
    yield by.closed_form("formula", lambda: math.log(x) - math.log(2))
    yield by.recursion("steps", lambda: math.log(x / 3) + math.log(3) - math.log(2))


def test_a_result_of_0_with_inputs_of_a_reader_is_no_disagreement(capsys):
    declared(at_zero)
    check("A1.new", 0, x=2.0)
    assert capsys.readouterr().out.startswith("✓ A1.new: right –")
    check("A1.new", 1e-9, x=2.0)
    assert capsys.readouterr().out == "✗ A1.new: not this value.\n"
    check("A1.new", 0, x="two")
    assert "it cannot be computed with these inputs: must be real" in capsys.readouterr().out


def without_spread(x=1 / 3):
    yield by.closed_form("formula", lambda: x * 3)
    yield by.sampling("draws", lambda: Estimate(x + x + x + 1e-15, 0.0))


def test_draws_that_are_all_alike_may_be_rounded(capsys):
    declared(without_spread)
    check("A1.new")
    assert capsys.readouterr().out.startswith("✓ A1.new: what is claimed")


def with_a_formula(n=3):
    yield by.recursion("steps", lambda: sum(range(n)))
    yield by.closed_form("formula", lambda: n * (n - 1) // 2)


def test_the_sheets_formula_is_known(capsys):
    def right(n=3):
        yield from with_a_formula(n)
        yield sheet("n(n − 1)/2", lambda: n * (n - 1) // 2)

    def wrong(n=3):
        yield from with_a_formula(n)
        yield sheet("n(n + 1)/2", lambda: n * (n + 1) // 2, erratum="n is counted.")

    declared(right)
    check("A1.new", "n(n − 1)/2")
    assert (
        "this is the sheet's formula, and it is right; give its value." in capsys.readouterr().out
    )
    declared(wrong, "A1.other")
    for value in ("n(n + 1)/2", 6):
        check("A1.other", value)
        out = capsys.readouterr().out
        assert out == "✗ A1.other: this is what the sheet has. n is counted.\n"


def test_inputs_of_a_reader_are_no_case_of_the_books(capsys):
    declared(in_cases, "A1.new*", **CASES)
    check("A1.new", [6, 10], t=5)
    assert capsys.readouterr().out.startswith("✓ A1.new: right – what is claimed, but with t = 5:")


def test_a_display_is_text_html_and_strict_data(monkeypatch):
    monkeypatch.delenv("VSCODE_PID", raising=False)
    bundle = mime_bundle([entry_of(ran(sound))])
    assert json.loads(json.dumps(bundle[MIME_TYPE], allow_nan=False)) == bundle[MIME_TYPE]
    assert list(bundle) == ["text/plain", "text/html", MIME_TYPE]
    assert "<b>power</b> <em>by closed form</em>" in bundle["text/html"]


def test_visual_studio_code_sets_formulas_in_markdown_alone(monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "1")
    found = entry_of(ran(sound))
    markdown = mime_bundle([found])["text/markdown"]
    assert r"**power**, by closed form: $-\tfrac{1}{125}$" in markdown
    assert "<details>" in markdown
    assert r"| what is claimed | $-\tfrac{1}{125}$ |" in mime_bundle([found], "c")["text/markdown"]
    assert "text/html" not in mime_bundle([found])


# -- without a notebook --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["A1.w3", "A1.w", "A1"])
def test_claims_run_without_a_notebook(capsys, name):
    assert main([name]) == 0
    out = capsys.readouterr().out
    assert "✓ A1.w3 " in out
    count = out.count("✓ A1.")
    assert re.fullmatch(rf"{count} hold \(.*\bexact\b.*\), 0 refused", out.splitlines()[-1]) or (
        name == "A1.w3"
    )


def test_a_claim_that_fails_is_told_and_is_the_exit_status(capsys):
    claim("A1.new", "what is claimed")(disagreeing)
    assert main(["A1.new"]) == 1
    out = capsys.readouterr().out
    assert "✗ A1.new" in out
    assert "steps gives 3 but power gives 4" in out
    assert out.splitlines()[-1] == "0 hold (none), 1 refused"


def test_an_unknown_name_is_told():
    with pytest.raises(ClaimError, match=r"there is no claim A1\.nonsense"):
        main(["A1.nonsense"])
    with pytest.raises(ValueError, match="must start with a problem's id"):
        main(["nonsense"])


def test_a_route_is_named_in_words():
    with pytest.raises(ValueError, match="must be named in words"):
        by.closed_form("$L/12$", lambda: 1)
