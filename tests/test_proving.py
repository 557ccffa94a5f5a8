"""Proofs: what is true is proved, what is not is refuted by an example, and no proof is empty."""

import sys

import pytest
import sympy as sp

from byhand.evidence import ClaimError, by, claim, declaring, exhaust, holds, prove
from byhand.evidence.comparing import Holds
from byhand.evidence.entry import entry_of
from byhand.evidence.proving import is_true
from byhand.evidence.running import run
from byhand.evidence.showing import line
from byhand.evidence.translating import Translator

x, y = sp.symbols("x y", real=True)
n, k = sp.symbols("n k", integer=True)


@pytest.mark.parametrize(
    ("statement", "given", "altered"),
    [
        (x + 1 / x >= 2, [x > 0], []),
        (sp.Ge(x**2 + y**2, 2 * x * y, evaluate=False), [], [x**2 + y**2 > 2 * x * y]),
        (sp.Abs(x + y) <= sp.Abs(x) + sp.Abs(y), [], [sp.Abs(x + y) < sp.Abs(x) + sp.Abs(y)]),
        (sp.sqrt(x) <= (x + 1) / 2, [x >= 0], [sp.sqrt(x) <= x / 2]),
        (sp.Max(x, y) + sp.Min(x, y) >= x + y, [], [sp.Max(x, y) > x]),
        (sp.Equivalent(x * (x - 1) < 0, (x > 0) & (x < 1)), [], [sp.Equivalent(x < 1, x < 0)]),
        (
            sp.Eq(sp.floor((n - 1) / sp.Integer(2)) + 1, sp.ceiling(n / sp.Integer(2))),
            [],
            [sp.Eq(sp.floor(n / sp.Integer(2)) + 1, sp.ceiling(n / sp.Integer(2)))],
        ),
        (sp.Implies(x > 1, x**2 > x), [], [sp.Implies(x >= 1, x**2 > x)]),
    ],
)
def test_what_is_true_is_proved_and_what_is_altered_is_not(statement, given, altered):
    proof = prove(statement, given, altered)
    assert proof
    assert "fails" in proof.effect


@pytest.mark.parametrize(
    ("statement", "given", "altered", "message"),
    [
        (x**2 > x, [x > 0], [], "is false at x = "),
        (sp.Eq(x**2, 1), [x > 0], [], "is false at x = "),
        (x > 1, [x > 0, x < 0], [], "x > 0, x < 0 contradict each other"),
        (1 / x > 0, [x < 1], [], "divides by x, which is 0 at x = 0"),
        (sp.sqrt(x) < x + 1, [x < 1], [], "root of x, which is negative at x = "),
        (x**2 >= 0, [], [], "nothing was seen to make"),
        (x**2 >= 0, [], [x**2 >= -1], "the altered statement .* holds as well"),
    ],
)
def test_what_is_no_proof_is_refused(statement, given, altered, message):
    statement = sp.Ge(x**2, 0, evaluate=False) if statement == sp.true else statement
    altered = [sp.Ge(x**2, -1, evaluate=False) if one == sp.true else one for one in altered]
    with pytest.raises(ClaimError, match=message):
        prove(statement, given, altered)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (sp.exp(x) > 0.5, "no prover here decides"),
        (sp.Symbol("p", positive=True) + x > 0, "is assumed to be positive: say so in given="),
    ],
)
def test_what_no_prover_decides_is_said(statement, message):
    with pytest.raises(ValueError, match=message):
        prove(statement, altered=[x > 0])


@pytest.mark.parametrize("statement", [sp.Eq(x - x, 0, evaluate=False), sp.Eq(2 * x, x + x)])
def test_what_sympy_has_simplified_to_nothing_is_no_proof(statement):
    with pytest.raises(ClaimError, match="nothing is left to decide: state both sides as they are"):
        prove(statement, altered=[x > 0])


def test_a_truth_of_python_is_no_statement():
    with pytest.raises(TypeError, match="== is Eq"):
        prove(x == y)


def test_a_question_without_an_answer_is_a_failure(monkeypatch):
    monkeypatch.setattr("byhand.evidence.proving.WORK", 1)
    with pytest.raises(ClaimError, match="Z3 does not decide"):
        prove(x**5 * y**7 + y**2 + x**8 >= -1, altered=[x > 0])


def test_a_finite_set_is_gone_through():
    assert (
        "fails as altered, as at 1"
        in exhaust(lambda m: m**2 % 4 in (0, 1), range(4), altered=lambda m: m**2 % 4 == 0).effect
    )
    for statement, cases, message in [
        (lambda m: m < 3, range(4), "it is false at 3"),
        (lambda m: True, range(1), "needs more than 1"),
        (lambda m: True, range(4), "the altered statement holds in all cases"),
    ]:
        with pytest.raises(ClaimError, match=message):
            exhaust(statement, cases, altered=lambda m: True)


@pytest.fixture
def planted(monkeypatch):
    monkeypatch.setattr(declaring, "REGISTRY", {})

    @claim("B1.1.planted", "squares are large", for_all="$x > 1$")
    def planted():
        yield by.prover("Z3", lambda: prove(x**2 > x, given=[x > 1]))
        yield by.algebra("SymPy", lambda: holds(sp.expand(x * (x - 1)) == x**2 - x, "x(x − 1)"))

    return declaring.REGISTRY["B1.1.planted"]


def test_a_proof_makes_a_claim_proved(planted):
    outcome = run(planted)
    assert outcome.evidence == "proved"
    assert "fails without x > 1" in outcome.result.effect


def test_a_reader_without_a_prover_is_told_so_and_a_build_is_not_let_through(planted, monkeypatch):
    monkeypatch.setitem(sys.modules, "z3", None)
    monkeypatch.delenv("BYHAND_BUILD", raising=False)
    outcome = run(planted)
    assert outcome.evidence == "proved"
    assert "proved when the book was built" in outcome.result.effect
    assert line(entry_of(outcome)).endswith("proved for all x > 1, when the book was built]")
    monkeypatch.setenv("BYHAND_BUILD", "1")
    with pytest.raises(ImportError, match="z3-solver is not installed"):
        run(planted)


def test_inputs_of_a_reader_are_not_said_to_be_proved(monkeypatch):
    monkeypatch.setattr(declaring, "REGISTRY", {})
    monkeypatch.setitem(sys.modules, "z3", None)
    monkeypatch.delenv("BYHAND_BUILD", raising=False)

    @claim("B1.1.planted", "squares are large", for_all="$x > c$")
    def planted(c=1):
        yield by.prover("Z3", lambda: prove(x**2 > x, given=[x > c]))
        yield by.algebra("SymPy", lambda: holds(sp.expand(x * (x - 1)) == x**2 - x, "x(x − 1)"))

    assert run(declaring.REGISTRY["B1.1.planted"]).evidence == "proved"
    with pytest.raises(
        ClaimError, match="your own inputs need a proof of their own, and z3-solver"
    ):
        run(declaring.REGISTRY["B1.1.planted"], inputs={"c": 2})


@pytest.mark.parametrize(
    ("statement", "for_all", "message"),
    [
        (lambda: prove(x**2 > x, given=[x > 1]), None, "the claim does not say of what: for_all="),
        (lambda: holds(2**2 > 2, 2), "$x > 1$", "is by.prover and made no proof"),
        (lambda: prove(x**2 > x, given=[x > 0]), "$x > 0$", "planted: route Z3: x.* is false at x"),
    ],
)
def test_a_route_by_a_prover_makes_a_proof(monkeypatch, statement, for_all, message):
    monkeypatch.setattr(declaring, "REGISTRY", {})

    @claim("B1.1.planted", "squares are large", for_all=for_all)
    def planted():
        yield by.prover("Z3", statement)
        yield by.algebra("SymPy", lambda: holds(sp.expand(x * (x - 1)) == x**2 - x, "x(x − 1)"))

    with pytest.raises(ClaimError, match=message):
        run(declaring.REGISTRY["B1.1.planted"])


def test_what_sympy_alone_finds_is_no_proof(monkeypatch):
    monkeypatch.setattr(declaring, "REGISTRY", {})

    @claim("B1.1.planted", "squares are large", for_all="$x > 1$")
    def planted():
        yield by.algebra("expanded", lambda: holds(sp.expand(x * (x - 1)) == x**2 - x, "equal"))
        yield by.closed_form("factored", lambda: holds(sp.factor(x**2 - x) == x * (x - 1), "equal"))

    refusal = r"speaks of all \$x > 1\$ and is exact: prove it, or say evidence='sampled'"
    with pytest.raises(ClaimError, match=refusal):
        run(declaring.REGISTRY["B1.1.planted"])

    @claim("B1.1.declared", "squares are large", for_all="$x > 1$", evidence="proved")
    def declared():
        yield from planted()

    with pytest.raises(ClaimError, match="speaks of all"):
        run(declaring.REGISTRY["B1.1.declared"])


@pytest.mark.parametrize(
    ("route", "message"),
    [
        (
            by.algebra("SymPy", lambda: Holds(True, "it is clear", "a proof")),
            "route SymPy calls 'a proof' a proof: return prove",
        ),
        (
            by.algebra("SymPy", lambda: prove(x**2 > x, given=[x > 1])),
            "is a proof by Z3 and says that it works by computer algebra: make it by.prover",
        ),
    ],
)
def test_a_proof_is_made_by_a_prover_and_says_so(monkeypatch, route, message):
    monkeypatch.setattr(declaring, "REGISTRY", {})

    @claim("B1.1.planted", "squares are large", for_all="$x > 1$")
    def planted():
        yield route
        yield by.closed_form("factored", lambda: holds(sp.factor(x**2 - x) == x * (x - 1), "equal"))

    with pytest.raises(ClaimError, match=message):
        run(declaring.REGISTRY["B1.1.planted"])


# -- counterexamples -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "fault", "statement", "given"),
    [
        ("_Abs", lambda self, x: x, sp.Ge(sp.Abs(x), -x, evaluate=False), [x < 3]),
        ("_Max", lambda self, a, b: a, sp.Max(x, y) >= y, [x > 0]),
        ("_StrictLessThan", lambda self, a, b: a > b, x < 8, [x <= 7]),
    ],
)
def test_a_counterexample_of_a_wrong_translation_is_none(
    monkeypatch, rule, fault, statement, given
):
    monkeypatch.setattr(Translator, rule, fault)
    with pytest.raises(ClaimError, match=r"which is none: it was translated wrongly"):
        prove(statement, given=given, altered=[x < -5])


@pytest.mark.parametrize(
    ("statement", "point", "holds_there"),
    [
        (sp.Equivalent(x > 1, x**2 > 1), {x: sp.Integer(-2)}, False),
        (sp.sqrt(x) <= x / 2, {x: sp.Rational(1, 4)}, False),
        (sp.Ge(x**2, 2), {x: sp.sqrt(2).evalf(60)}, True),
        (sp.Gt(x**2, 2), {x: sp.sqrt(2).evalf(60)}, False),
        (sp.Eq(sp.floor(n / sp.Integer(2)), 3), {n: sp.Integer(7)}, True),
        (sp.Piecewise((x, x > 0), (-x, True)) < 1, {x: sp.Integer(-1)}, False),
        (sp.And(x > 0, sp.Not(sp.Eq(x, 2))), {x: sp.Integer(2)}, False),
    ],
)
def test_a_point_is_put_into_a_statement(statement, point, holds_there):
    assert is_true(statement, point) is holds_there


def test_an_irrational_counterexample_is_put_back_as_well():
    with pytest.raises(ClaimError, match=r"is false at x = 1\.41421"):
        prove(sp.Ne(x**2, 2), given=[x > 0], altered=[])


def test_a_long_hypothesis_is_told_by_its_number():
    x, y = sp.symbols("x y", real=True)
    long = sum((x + k) * (y - k) ** 3 for k in range(9)) > 1
    proof = prove(x * y > 0, given=[long, x > 0, y > 0])
    assert "holds without hypothesis 1, too; fails without x > 0" in proof.effect
