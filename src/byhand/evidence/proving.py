"""Statements about all values: proved by a decision procedure, or by going through all of them.

A proof is shown to be one: its hypotheses can be met, and it fails, at a counterexample that is
told, when a hypothesis is dropped or the statement is altered. A counterexample is put back into
SymPy's statement, which must be false there: a fault of the translation would not pass. What is
proved comes out of the code, which is run on SymPy's symbols::

    h, rho, eta = sympy.symbols("h rho eta", real=True)
    stable = sympy.Equivalent(square_factor(h, rho, eta) < 1, (0 < eta) & (eta < 2 * h / (h**2 + rho)))
    yield by.prover("Z3", lambda: prove(stable, given=[h > 0, rho >= 0]))

Where no prover is installed, as on Binder, ``check`` says that the proof was made when the book
was built.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import sympy

from byhand.evidence.comparing import Holds
from byhand.evidence.declaring import ClaimError
from byhand.evidence.setting import expression, expression_latex
from byhand.evidence.translating import Translator

WORK, SECONDS = 10_000_000, 60
"""So much Z3 may do for one question, in its own unit, which is the same on every machine. Proofs
take a hundredth of it; the seconds are for those that never end."""


LONGEST, MOST = 80, 6
"""So long a statement, and so many numbers, are told in full."""

PRECISION = 60
"""Digits of a counterexample that is no fraction, when it is put back into the statement."""


class ProverMissingError(ImportError):
    """The prover is not installed here."""


class Trial(NamedTuple):
    """What became of a proof when a hypothesis was dropped, or the statement altered."""

    change: str
    counterexample: str | None
    """Where the statement then fails; None if it holds all the same."""

    markdown: str
    """All of this in Markdown, with formulas as mathematics."""


class Proof(NamedTuple):
    """A proof that was made."""

    prover: str
    statement: str
    given: tuple[str, ...]
    trials: tuple[Trial, ...]
    latex: str | None = None
    """The statement, if it can be shown."""

    decided: bool = True
    """Whether a prover decided it; or all cases were gone through."""

    @property
    def text(self) -> str:
        """What speaks for the proof, as one line."""
        said = [_said(trial.change, trial.counterexample) for trial in self.trials]
        return "; ".join([f"proved by {self.prover}", *said])

    @property
    def markdown(self) -> str:
        """The same in Markdown."""
        return "; ".join([f"proved by {self.prover}", *(trial.markdown for trial in self.trials)])


def _said(change: str, counterexample: str | None) -> str:
    if counterexample is None:
        return f"holds {change}, too"
    return f"fails {change}, as at {counterexample}"


def _tried(change: str, markdown: str, counterexample: str | None) -> Trial:
    """Return a trial; its point stays text, which weighs little and reads as well."""
    told = counterexample and counterexample.replace("-", "−")
    return Trial(change, counterexample, _said(markdown, told))


def prove(statement: Any, given: Sequence[Any] = (), altered: Sequence[Any] = ()) -> Holds:
    """Prove a statement for all values of its symbols, by Z3.

    Parameters
    ----------
    statement
        A relation of SymPy, or several joined by ``And``, ``Or``, ``Not``, ``Implies`` and
        ``Equivalent``; an equation is ``Eq``. Its symbols are real, or ``integer=True``.
    given
        The hypotheses. Each is dropped in turn, and what then fails is told.
    altered
        Statements that are slightly wrong, each of which must have a counterexample. Needed where
        no hypothesis is.

    Raises
    ------
    ClaimError
        If there is a counterexample, which is told; if SymPy has left nothing of the statement
        for a prover to decide; if Z3 cannot decide the statement within its
        ``WORK``; if the hypotheses contradict each other, a divisor may be 0, or nothing was seen
        to make the proof fail.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x", real=True)
    >>> prove(x + 1 / x >= 2, given=[x > 0]).effect
    'proved by Z3; fails without x > 0, as at x = -1'
    """
    if not getattr(statement, "free_symbols", True):
        raise ClaimError(
            f"SymPy's own rules have made the statement {expression(statement)}, and nothing is "
            "left to decide: state both sides as they are, with Eq(…, evaluate=False)"
        )
    question = _Question(list(given), [statement, *altered])
    question.require_sense(statement)
    if counterexample := question.counterexample(statement, given):
        raise ClaimError(f"{expression(statement)} is false at {counterexample}")
    trials = [_dropped(question, statement, given, number) for number in range(len(given))]
    for other in altered:
        counterexample = question.counterexample(other, given)
        if counterexample is None:
            raise ClaimError(f"the altered statement {other} holds as well: alter it otherwise")
        words = expression(other)
        if len(words) <= LONGEST:
            change, markdown = f"as {words}", f"as ${expression_latex(other)}$"
        else:
            change = markdown = "as altered"
        trials.append(_tried(change, markdown, counterexample))
    if all(trial.counterexample is None for trial in trials):
        raise ClaimError(
            f"nothing was seen to make {statement} fail: give altered=…, a statement that does"
        )
    latex = expression_latex(statement)
    latex = None if latex.startswith(r"\text") else latex
    words = tuple(map(expression, given))
    proof = Proof("Z3", expression(statement), words, tuple(trials), latex)
    return Holds(True, proof.text, proof)


def _dropped(question: _Question, statement: Any, given: Sequence[Any], number: int) -> Trial:
    rest = [one for index, one in enumerate(given) if index != number]
    dropped = given[number]
    words = expression(dropped)
    if len(words) <= LONGEST:
        change, markdown = f"without {words}", f"without ${expression_latex(dropped)}$"
    else:
        change = markdown = f"without hypothesis {number + 1}"
    return _tried(change, markdown, question.counterexample(statement, rest))


class _Question:
    """Statements and hypotheses in Z3's language, over the same symbols."""

    def __init__(self, given: list[Any], statements: list[Any]) -> None:
        try:
            import z3  # 57 MB, and few claims are proved by it
        except ImportError:
            raise ProverMissingError("z3-solver is not installed") from None
        if plain := [one for one in [*given, *statements] if isinstance(one, bool)]:
            raise TypeError(f"a statement must be a relation of SymPy, got {plain[0]}; == is Eq")
        self.z3, self.translate = z3, Translator(z3)
        self.given = given
        self.formulas = {one: self.translate(one) for one in [*given, *statements]}
        self.divisors = [self.translate(one) != 0 for one in self.translate.divisors]

    def require_sense(self, statement: Any) -> None:
        """Require that the hypotheses can be met, and that nothing then divides by 0."""
        given = [self.formulas[one] for one in self.given]
        if self._model([*given, *self.translate.sides], statement) is None:
            raise ClaimError(
                f"the hypotheses {', '.join(map(str, self.given))} contradict each other"
            )
        for divisor, nonzero in zip(self.translate.divisors, self.divisors, strict=True):
            if model := self._model([*given, self.z3.Not(nonzero)], statement):
                raise ClaimError(f"{statement} divides by {divisor}, which is 0 at {model}")
        for base, root in self.translate.roots.items():
            negative = self.translate(base) < 0
            rest = [side for side in self.translate.sides if not self._speaks_of(side, root)]
            if model := self._model([*given, *rest, negative], statement):
                raise ClaimError(
                    f"{statement} has the root of {base}, which is negative at {model}"
                )

    def counterexample(self, statement: Any, given: Sequence[Any]) -> str | None:
        """Return where the hypotheses hold and the statement does not, or None.

        Raises
        ------
        ClaimError
            If it is none when it is put back: then the translation is wrong.
        """
        parts = [self.formulas[one] for one in given]
        denied = self.z3.Not(self.formulas[statement])
        conditions = [*parts, *self.translate.sides, *self.divisors, denied]
        model = self._solve(conditions, statement)
        if model is None:
            return None
        point = self._point(model)
        values = {symbol: self._exact(value) for symbol, value in self._values(model).items()}
        if not all(is_true(one, values) for one in given) or is_true(statement, values):
            raise ClaimError(
                f"Z3 gives {point} as a counterexample to {expression(statement)}, which is none: "
                "it was translated wrongly"
            )
        return point

    @staticmethod
    def _speaks_of(side: Any, root: Any) -> bool:
        return root.decl().name() in side.sexpr()

    def _model(self, parts: list[Any], statement: Any) -> str | None:
        model = self._solve(parts, statement)
        return None if model is None else self._point(model)

    def _solve(self, parts: list[Any], statement: Any) -> Any:
        """Return Z3's model of the parts, or None if they contradict each other."""
        solver = self.z3.Solver()
        solver.set(rlimit=WORK, timeout=1000 * SECONDS)
        solver.add(*parts)
        answer = solver.check()
        if answer == self.z3.unknown:
            raise ClaimError(f"Z3 does not decide {statement}: {solver.reason_unknown()}")
        return None if answer == self.z3.unsat else solver.model()

    def _values(self, model: Any) -> dict[Any, Any]:
        return {
            symbol: model.eval(variable, model_completion=True)
            for symbol, variable in self.translate.symbols.items()
        }

    def _exact(self, value: Any) -> Any:
        """Return one of Z3's numbers as SymPy's; an irrational one to ``PRECISION`` digits."""
        if self.z3.is_algebraic_value(value):
            nearby = value.approx(PRECISION)
            return sympy.Float(sympy.Rational(str(nearby)), PRECISION)
        return sympy.Rational(str(value))

    def _point(self, model: Any) -> str:
        values = {s: self._number(value) for s, value in self._values(model).items()}
        values = dict(sorted(values.items(), key=lambda pair: pair[0].name))
        more = []
        if len(values) > MOST:
            nonzero = {s: value for s, value in values.items() if value != "0"}
            more = ["…" if len(nonzero) > MOST else "the others 0" if nonzero else "all 0"]
            values = dict(list(nonzero.items())[:MOST])
        if not values and not more:
            return "every point"
        return ", ".join([f"{expression(s)} = {value}" for s, value in values.items()] + more)

    def _number(self, value: Any) -> str:
        if self.z3.is_algebraic_value(value):
            return f"{value.as_decimal(6).rstrip('?')}…"
        return str(value)


def is_true(statement: Any, values: dict[Any, Any]) -> bool:
    """Return whether a statement of SymPy holds where its symbols have these values."""
    nearby = any(isinstance(value, sympy.Float) for value in values.values())

    def holds_here(relation: Any) -> Any:
        found = relation.subs(values)
        if nearby and isinstance(found, sympy.Rel | sympy.logic.boolalg.BooleanAtom):
            gap = sympy.Abs((relation.lhs - relation.rhs).subs(values).evalf(PRECISION))
            if gap < 10 ** (-PRECISION // 2):  # the irrational point is on the boundary
                found = sympy.sympify(relation.func in (sympy.Eq, sympy.Ge, sympy.Le))
        return found

    relations = statement.atoms(sympy.Rel)
    found = statement.xreplace({one: holds_here(one) for one in relations})
    if found not in (sympy.true, sympy.false):
        found = sympy.simplify(found)
    if found not in (sympy.true, sympy.false):
        raise ClaimError(f"{statement} is neither true nor false at {values}")
    return bool(found)


# -- a finite set --------------------------------------------------------------------------------


def exhaust(
    statement: Callable[..., Any], cases: Iterable[Any], altered: Callable[..., Any]
) -> Holds:
    """Prove a statement for each of finitely many cases, by going through all of them.

    Parameters
    ----------
    statement
        Whether it holds in a case.
    cases
        All of them.
    altered
        A statement that is slightly wrong: it must fail in some case, which is told.

    Raises
    ------
    ClaimError
        If the statement fails in a case, which is told, or the altered one in none.

    Examples
    --------
    >>> exhaust(lambda n: n**2 % 4 in (0, 1), range(4), altered=lambda n: n**2 % 4 == 0).effect
    'proved by all 4 cases; fails as altered, as at 1'
    """
    cases = list(cases)
    if len(cases) < 2:
        raise ClaimError(f"a statement about all needs more than {len(cases)} of them")
    if (failing := next((one for one in cases if not statement(one)), None)) is not None:
        raise ClaimError(f"it is false at {failing}")
    failing = next((one for one in cases if not altered(one)), None)
    if failing is None:
        raise ClaimError("the altered statement holds in all cases as well: alter it otherwise")
    trial = _tried("as altered", "as altered", str(failing))
    proof = Proof(f"all {len(cases)} cases", "each case", (), (trial,), decided=False)
    return Holds(True, proof.text, proof)
