"""What readers may type into each form, right, wrong and unreadable: rows for both checkers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from byhand.answers import judging

DIGITS = 6

UNREAD = [
    *("", "2 3/5", "2,6", "1/0", "sqrt(-1)", "2*", "(1", "1)", "foo(2)", "sin 2", "x", "#", "1..2"),
    *(
        r"\frac{1}{",
        r"\foo",
        "e^1000",
        "9^9^9^9",
        "*2",
        "2**",
        "|3",
        "‖",
        "sqrt",
        "√",
        "1e999",
        "()",
    ),
    *(
        "__import__('os')",
        "2 if 1 else 3",
        "lambda: 1",
        "1e",
        "½½",
        "++1",
        "--1",
        "2^-1",
        "1,",
        "T",
        "05*1",
        "1e-7*1",
        "-1/2*3",
        "2*(-3)",
        "(1+2)^2*(1/2)",
    ),
]
"""Texts that are no number, most of them, for a field that asks for one."""


def row(data: dict[str, Any], texts: list[str], *expected: str, why: str = "") -> dict[str, Any]:
    """Return texts for a form and the verdicts that they may get."""
    return {"id": data["id"], "texts": texts, "expected": expected, "why": why}


def rows(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what is typed into one form."""
    yield from {"steps": steps, "choice": choice, "formula": formula}.get(data["kind"], numbers)(
        data
    )


def steps(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    count = data["shape"][0]
    yield row(data, ["x"] * count, "right")
    yield row(data, ["x"] * (count - 1) + [""], "unread")


def choice(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    slips = {text: slip for slip in data["slips"] for text in slip["texts"]}
    for word in data["choices"]:
        verdict = "right" if word in data["right"][0] else "slip" if word in slips else "wrong"
        yield row(data, [word], verdict)
        yield row(data, [f" {word.upper()} "], verdict)
    yield row(data, [""], "unread")
    yield row(data, ["none of them"], "unread")


# -- numbers -------------------------------------------------------------------------------------


def numbers(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for right in data["right"]:
        yield row(data, right, "right")
        yield row(data, [f" {text} " for text in right], "right")
        yield row(data, [text.replace("-", "−") for text in right], "right")
        yield row(data, [latex(text) for text in right], "right", why="LaTeX")
        yield row(data, [f"({text})*1" for text in right], "right", why="expression")
        yield row(data, [decimal(text) for text in right], "right", "rounded", why="decimals")
        yield row(data, [scientific(text) for text in right], "right", "rounded", why="1e-3")
        yield from perturbed(data, right)
    for slip in data["slips"]:
        if not is_right(data, slip["texts"]):
            yield row(data, slip["texts"], "slip", why=slip["words"])
    for text in UNREAD:
        yield row(data, [text, *data["right"][0][1:]], why="reading")


def is_right(data: dict[str, Any], texts: list[str]) -> bool:
    return judging.judge(data, texts).verdict in ("right", "rounded")


def perturbed(data: dict[str, Any], right: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the five perturbations, where they make a difference."""
    values = [judging.number(text).value for text in right]
    refused = ("wrong", "slip")
    if any(values):
        yield row(data, [last_digit(text) for text in right], *refused, why="last digit")
        yield row(data, [f"-({text})" for text in right], *refused, why="sign")
        yield row(data, [f"2*({text})" for text in right], *refused, why="factor 2")
        yield row(data, ["0" for _ in right], *refused, why="nothing")
    swapped = [*right[1:], right[0]]
    changed = [values[1:] + values[:1] != values]
    if len(right) > 1 and any(changed) and swapped not in data["right"]:
        yield row(data, swapped, *refused, why="swapped entries")
    if len(right) > 1:
        yield row(data, [f"{right[0]}+1", *right[1:]], *refused, why="an entry")
    yield row(data, [f"{text}+1" for text in right], *refused, why="another term")


def latex(text: str) -> str:
    text = re.sub(r"(?<![\d.])(\d+)/(\d+)$", r"\\frac{\1}{\2}", text)
    return re.sub(r"sqrt\((\w+)\)", r"\\sqrt{\1}", text).replace("*", r"\cdot ")


def decimal(text: str) -> str:
    value = judging.number(text).value
    return (
        f"{float(value):.{DIGITS}g}" if value.denominator > 1 or abs(value) < 10**DIGITS else text
    )


def scientific(text: str) -> str:
    value = judging.number(text).value
    return f"{float(value):.{DIGITS}e}" if value else "0"


def last_digit(text: str) -> str:
    """Return a number to six digits, the last of which is off by two."""
    value = judging.number(text).value
    if not value:
        return text
    mantissa, exponent = f"{float(value):.{DIGITS - 1}e}".split("e")
    off = Fraction(mantissa) + Fraction(2, 10 ** (DIGITS - 1)) * (1 if value > 0 else -1)
    return f"{float(off):.{DIGITS - 1}f}e{exponent}"


# -- formulas ------------------------------------------------------------------------------------


def formula(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    (right,) = data["right"]
    yield row(data, right, "right")
    for why, spell in SPELLINGS.items():
        yield row(data, [spell(text) for text in right], "right", why=why)
    refused = ("wrong", "slip", "unread")
    yield row(data, [f"-({text})" for text in right], *refused, why="sign")
    yield row(data, [f"2*({text})" for text in right], *refused, why="factor 2")
    yield row(data, [f"1.000002*({text})" for text in right], *refused, why="last digit")
    for i, text in enumerate(right):
        for shorter in dropped(text):
            yield row(data, [*right[:i], shorter, *right[i + 1 :]], *refused, why="dropped term")
    if len(set(right)) > 1:
        yield row(data, [*right[1:], right[0]], *refused, why="swapped entries")
    for slip in data["slips"]:
        yield row(data, slip["texts"], "slip", why=slip["words"])
    for text in (*UNREAD, "q7", data["symbols"][0] + "(", "^2", "T", "x^T x^T"):
        yield row(data, [text, *right[1:]], why="reading")


def dropped(text: str) -> Iterator[str]:
    """Yield a sum without each of its terms, at the outermost level."""
    depth, cuts = 0, [0]
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter in "+-" and not depth and i and text[:i].rstrip()[-1:] not in "*^/(":
            cuts.append(i)
    terms = [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    for i in range(len(terms)):
        rest = "".join(terms[:i] + terms[i + 1 :]).strip().removeprefix("+").strip()
        if rest:
            yield rest


GREEK = {"alpha": "α", "beta": "β", "eta": "η", "rho": "ρ", "lambda": "λ", "sigma": "σ"}
FUNCTION = r"\b(exp|sin|cos|tanh|log)\b"


def with_letters(text: str) -> str:
    text = text.replace("lambda_tilde", "λ̃")
    for name, letter in GREEK.items():
        text = re.sub(rf"\b{name}(?=\b|_)", letter, text)
    return text.replace("^T", "ᵀ").replace("^2", "²").replace("^-1", "⁻¹").replace("*", " · ")


def as_latex(text: str) -> str:
    text = text.replace("lambda_tilde", r"\tilde{\lambda}")
    for name in GREEK:
        text = re.sub(rf"(?<!\\)\b{name}(?=\b|_)", rf"\\{name}", text)
    text = re.sub(FUNCTION, r"\\\1", text)
    text = re.sub(r"norm\(((?:[^()]|\([^()]*\))*)\)", r"\\lVert \1\\rVert", text)
    text = re.sub(r"abs\(([^()]*)\)", r"\\left|\1\\right|", text)
    text = re.sub(r"\^T", r"^{\\top}", text)
    text = re.sub(r"\^(-?\d+)", r"^{\1}", text)
    return text.replace("**", "^").replace("*", r"\cdot ")


SPELLINGS = {
    "spaces": lambda text: f" {text} ".replace("*", " * "),
    "powers": lambda text: re.sub(r"\^(?=[\d(a-z])", "**", text),
    "no signs": lambda text: re.sub(r"(?<!\*)\*(?!\*)", " ", text),
    "letters": with_letters,
    "LaTeX": as_latex,
    "parentheses": lambda text: f"(({text}))",
}
