"""Statements about all values: proved by a decision procedure, or by going through all of them.

A proof is shown to be one: its hypotheses can be met, and it fails, at a counterexample that is
told, when a hypothesis is dropped or the statement is altered. What is proved comes out of the
code, which is run on SymPy's symbols::

    h, rho, eta = sympy.symbols("h rho eta", real=True)
    stable = sympy.Equivalent(square_factor(h, rho, eta) < 1, (0 < eta) & (eta < 2 * h / (h**2 + rho)))
    yield by.prover("Z3", lambda: prove(stable, given=[h > 0, rho >= 0]))

Where no prover is installed, as on Binder, ``check`` says that the proof was made when the book
was built.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from byhand.evidence.comparing import Holds
from byhand.evidence.declaring import ClaimError
from byhand.evidence.translating import Translator

WORK, SECONDS = 10_000_000, 60
"""So much Z3 may do for one question, in its own unit, which is the same on every machine. Proofs
take a hundredth of it; the seconds are for those that never end."""


LONGEST, MOST = 80, 6
"""So long a statement, and so many numbers, are told in full."""


class ProverMissingError(ImportError):
    """The prover is not installed here."""


class Trial(NamedTuple):
    """What became of a proof when a hypothesis was dropped, or the statement altered."""

    change: str
    counterexample: str | None
    """Where the statement then fails; None if it holds all the same."""


class Proof(NamedTuple):
    """A proof that was made, in words and in LaTeX."""

    prover: str
    statement: str
    given: tuple[str, ...]
    trials: tuple[Trial, ...]

    @property
    def text(self) -> str:
        """What speaks for the proof, as one line."""
        return "; ".join([f"proved by {self.prover}", *map(_said, self.trials)])


def _said(trial: Trial) -> str:
    if trial.counterexample is None:
        return f"holds {trial.change}, too"
    return f"fails {trial.change}, as at {trial.counterexample}"


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
        If there is a counterexample, which is told; if Z3 cannot decide the statement within its
        ``WORK``; if the hypotheses contradict each other, a divisor may be 0, or nothing was seen
        to make the proof fail.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x", real=True)
    >>> prove(x + 1 / x >= 2, given=[x > 0]).effect
    'proved by Z3; fails without x > 0, as at x = -1'
    """
    question = _Question(list(given), [statement, *altered])
    question.require_sense(statement)
    if counterexample := question.counterexample(statement, given):
        raise ClaimError(f"{statement} is false at {counterexample}")
    trials = [_dropped(question, statement, given, number) for number in range(len(given))]
    for other in altered:
        counterexample = question.counterexample(other, given)
        if counterexample is None:
            raise ClaimError(f"the altered statement {other} holds as well: alter it otherwise")
        words = str(other)
        shown = f"as {words}" if len(words) <= LONGEST else "as altered"
        trials.append(Trial(shown, counterexample))
    if all(trial.counterexample is None for trial in trials):
        raise ClaimError(
            f"nothing was seen to make {statement} fail: give altered=…, a statement that does"
        )
    proof = Proof("Z3", str(statement), tuple(map(str, given)), tuple(trials))
    return Holds(True, proof.text, proof)


def _dropped(question: _Question, statement: Any, given: Sequence[Any], number: int) -> Trial:
    rest = [one for index, one in enumerate(given) if index != number]
    return Trial(f"without {given[number]}", question.counterexample(statement, rest))


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
        """Return where the hypotheses hold and the statement does not, in words, or None."""
        parts = [self.formulas[one] for one in given]
        denied = self.z3.Not(self.formulas[statement])
        return self._model([*parts, *self.translate.sides, *self.divisors, denied], statement)

    @staticmethod
    def _speaks_of(side: Any, root: Any) -> bool:
        return root.decl().name() in side.sexpr()

    def _model(self, parts: list[Any], statement: Any) -> str | None:
        solver = self.z3.Solver()
        solver.set(rlimit=WORK, timeout=1000 * SECONDS)
        solver.add(*parts)
        answer = solver.check()
        if answer == self.z3.unknown:
            raise ClaimError(f"Z3 does not decide {statement}: {solver.reason_unknown()}")
        if answer == self.z3.unsat:
            return None
        model = solver.model()
        values = {
            symbol.name: model.eval(variable, model_completion=True)
            for symbol, variable in self.translate.symbols.items()
        }
        shown = sorted(f"{name} = {self._number(value)}" for name, value in values.items())
        if len(shown) > MOST:
            shown = [one for one in shown if not one.endswith("= 0")][:MOST]
            shown.append("the others 0" if len(shown) < MOST else "…")
        return ", ".join(shown) or "every point"

    def _number(self, value: Any) -> str:
        if self.z3.is_algebraic_value(value):
            return f"{value.as_decimal(6).rstrip('?')}…"
        return str(value)


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
    trial = Trial("as altered", str(failing))
    proof = Proof(f"all {len(cases)} cases", "each case", (), (trial,))
    return Holds(True, proof.text, proof)
