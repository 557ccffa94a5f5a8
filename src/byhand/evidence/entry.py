"""What a claim hands on to whoever shows it: the entry of a result, as JSON.

``byhand.evidence.check`` puts a display bundle into a notebook. Under ``MIME_TYPE`` it holds
``{"caption": str or null, "claims": [entry, …]}``; several entries are the rows of one table. Every
entry has all fields of this list, in strict JSON (no nan, no infinity). nbformat sorts the keys of
objects, so whatever has an order is a list.

============== ==================================================================================
id             id of the result, such as ``A1.w3``; unique in the book
claim          id of the claim that it is a case of; the same as ``id`` where there are no cases
cases          ids of all cases of that claim, in the author's order; empty without cases
problem        the problem that the id starts with, or ``beyond-2`` and its like
chapter        name of the chapter, such as ``02_optimization``
statement      what is claimed, in Markdown; with cases, what they have in common
label          what this case is about, in Markdown, or null
components     names of the result's entries in Markdown, for the columns of a table; may be empty
evidence       one of ``proved exact enclosed computed measured sampled``
because        why a ``sampled`` claim is not proved and what was done instead, or null
for_all        the quantifier of a statement about all, in Markdown, or null
inputs         list of ``{"name", "given", "text", "latex", "shape", "entries"}``: what the claim
               was run with, whether a reader gave it, and as of a *value*
own_inputs     whether a reader gave inputs; such an entry is shown and is not in the ledger
result         a *value*: the first route's, to the digits on which the routes agree
routes         list, in the author's order, of ``{"name", "method", "value", "tolerance",
               "because", "source", "functions", "proof"}``: a *value*; in words the tolerance of
               its floats and the reason for it, or null; the source of what it computes; the names
               of byhand's functions that ran; a *proof* or null
source         source of the whole claim, with its set-up
setup_source   source of the set-up alone, which may be empty
setup          names of byhand's functions that ran outside the routes and count for each of them
pair           names of the two most independent routes. Null until the build has seen the whole
               book
shared         functions common to these two: list of ``{"function", "anchor"}``, where the anchor
               is the id of another claim, one route of which runs the function and another does
               not. Null as well until then
deviation      the largest between any two routes; finite
deviation_unit ``exact``, ``relative`` (to the entry), ``absolute`` (where a floor was needed) or
               ``standard errors``
tolerance      the tolerances in words, joined by "and"
chances        number of entries that were compared with a Monte Carlo estimate
sheet          what the sheet prints, or null
sheet_value    a *value*: what the sheet's formula or words amount to, or null
sheet_digits   ``rounded`` or ``cut off`` where the sheet's digits agree so, or null
sheet_entries  list of ``{"text", "agrees"}``: each number that the sheet prints for an entry of the
               result; empty if it prints a formula or words
erratum        what went wrong in the sheet, or null
verdict        ``verified`` (no sheet), ``confirmed`` or ``corrected``
answer         the form in which a problem asks for it, one of ``number vector matrix formula
               choice``, or null
choices        for a choice: the words to choose from
slips          list of ``{"words", "value"}``: usual wrong answers
key            what a reader's answer is compared with, as ``byhand.answers.asking`` describes it,
               or null where no problem asks for it
witness        null, or ``{"verdict", "words", "value"}`` of the value that the cell gave:
               ``right``, ``rounded``, ``wrong``, ``slip`` or ``unread``
============== ==================================================================================

A *value* is ``{"text", "latex", "truth", "effect", "shape", "entries"}``: short text; LaTeX without
dollars, or null for words and truth values; the truth value, or null, and the effect behind it in
Markdown; the shape; and the first entries in LaTeX, in reading order, for the cells of a table.

A *proof* is ``{"prover", "statement", "given", "trials", "latex", "decided", "markdown"}``, where a
trial is ``{"change", "counterexample", "markdown"}``, and the counterexample null where the
statement holds all the same; see ``byhand.evidence.proving``.
"""

from __future__ import annotations

import math
from typing import Any

from byhand.evidence import printed, setting, source
from byhand.evidence.comparing import TRUTH, Comparison, Estimate, Holds, as_array, shape
from byhand.evidence.declaring import ANSWERS
from byhand.evidence.keying import key_of
from byhand.evidence.running import Outcome, Ran

MIME_TYPE = "application/vnd.byhand.claims+json"

FIELDS = (
    *("id", "claim", "cases", "problem", "chapter", "statement", "label", "components"),
    *("evidence", "because", "for_all", "inputs", "own_inputs", "result", "routes", "source"),
    *("setup_source", "setup", "pair", "shared"),
    *("deviation", "deviation_unit", "tolerance", "chances"),
    *("sheet", "sheet_value", "sheet_digits", "sheet_entries", "erratum", "verdict"),
    *("answer", "choices", "slips", "key", "witness"),
)


def entry_of(outcome: Outcome) -> dict[str, Any]:
    """Return the entry of a claim that has been run."""
    claim, quoted = outcome.claim, outcome.quoted
    result = setting.as_data(outcome.result, outcome.digits)
    entry = {
        "id": outcome.id,
        "claim": claim.id,
        "problem": claim.problem,
        "chapter": claim.chapter,
        "cases": [claim.id_of(case) for case in claim.cases],
        "statement": claim.statement,
        "label": outcome.label,
        "components": list(claim.components),
        "evidence": outcome.evidence,
        "because": claim.because,
        "for_all": claim.for_all,
        "inputs": [_input(name, x, name in outcome.given) for name, x in outcome.inputs.items()],
        "own_inputs": bool(outcome.given),
        "result": result,
        "routes": [_route(ran) for ran in outcome.routes],
        "source": source.claim_source(claim.routes),
        "setup_source": source.setup_source(
            claim.routes, [ran.route.thunk for ran in outcome.routes]
        ),
        "setup": sorted(outcome.setup),
        **_deviations(outcome.comparisons),
        "sheet": _sheet_text(quoted.text, quoted.read_as) if quoted else None,
        "sheet_value": _value(outcome.sheet_value),
        "sheet_digits": outcome.sheet_digits,
        "sheet_entries": _sheet_entries(outcome),
        "erratum": quoted.erratum if quoted else None,
        "verdict": outcome.verdict,
        "answer": answer_form(outcome),
        "choices": list(claim.choices),
        "slips": [{"words": words, "value": _value(value)} for words, value in outcome.slips],
        "key": key_of(outcome),
    }
    return {field: entry.get(field) for field in FIELDS}  # what is not known yet is null


def _deviations(comparisons: list[Comparison]) -> dict[str, Any]:
    """Return the largest deviation, in its unit, and all tolerances in words."""
    order = ["exact", "relative", "absolute", "standard errors"]
    unit = max((c.unit for c in comparisons), key=order.index)
    deviation = max(c.deviation for c in comparisons if c.unit == unit)
    return {
        "deviation": deviation if math.isfinite(deviation) else 0.0,
        "deviation_unit": unit,
        "tolerance": " and ".join(sorted({c.tolerance for c in comparisons})),
        "chances": sum(c.chances for c in comparisons),
    }


def _sheet_text(text: str, read_as: str | None) -> str:
    """Return what the sheet has, and how a garbled scan was read."""
    return text if read_as is None else f"{text} (scan; read as {read_as})"


def answer_form(outcome: Outcome) -> str | None:
    """Return the form in which a reader is asked for the result."""
    answer, result = outcome.claim.answer, outcome.result
    if answer is not True:
        return answer or None
    if isinstance(result, str | TRUTH | Holds):
        raise ValueError(f"{outcome.where}: its answer is words; say answer='choice', choices=…")
    if getattr(result, "free_symbols", None):
        return "formula"
    return ANSWERS[min(len(shape(result)), 2)]


def _input(name: str, value: Any, given: bool) -> dict[str, Any]:
    try:
        data = setting.as_data(value)
    except (TypeError, ValueError):  # an input need not be a number
        data = {"text": str(value), "latex": None, "shape": [], "entries": []}
    return {"name": name, "given": given} | {
        field: data[field] for field in ("text", "latex", "shape", "entries")
    }


def _route(ran: Ran) -> dict[str, Any]:
    told = setting.has_floats(ran.value) or ran.route.because
    return {
        "name": ran.route.name,
        "method": ran.route.method,
        "value": setting.as_data(ran.value),
        "tolerance": str(ran.tolerance) if told else None,
        "because": ran.route.because,
        "source": source.source_of(ran.route.thunk),
        "functions": sorted(ran.functions),
        "proof": _proof(ran.value),
    }


def _proof(value: Any) -> dict[str, Any] | None:
    proof = getattr(value, "proof", None)
    if not proof:  # none, or one that was made when the book was built
        return None
    trials = [trial._asdict() for trial in proof.trials]
    lists = {"given": list(proof.given), "trials": trials}
    return proof._asdict() | lists | {"markdown": proof.markdown}


def _sheet_entries(outcome: Outcome) -> list[dict[str, Any]]:
    quoted, result = outcome.quoted, outcome.result
    if quoted is None or outcome.sheet_value is not None or isinstance(result, str | TRUTH | Holds):
        return []
    if isinstance(result, Estimate):
        result = result.value
    pairs = zip(as_array(result).flat, printed.read(quoted.read_as or quoted.text), strict=True)
    return [{"text": text, "agrees": bool(printed.digits_agree(x, text))} for x, text in pairs]


def _value(value: Any) -> dict[str, Any] | None:
    return None if value is None else setting.as_data(value)
