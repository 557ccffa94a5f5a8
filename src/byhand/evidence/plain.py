"""Markdown with formulas as plain text, for a terminal."""

from __future__ import annotations

import re
import unicodedata

SIGNS = {
    name: sign
    for line in """
    le ≤  ge ≥  leq ≤  geq ≥  ne ≠  neq ≠  approx ≈  sim ~  in ∈  to →  mapsto ↦  cdot ·  times ×
    pm ±  mp ∓  circ ∘  infty ∞  nabla ∇  partial ∂  sum Σ  prod ∏  int ∫  dots …  ldots …  cdots ⋯
    ell ℓ  top ᵀ  Vert ‖  vert |  lVert ‖  rVert ‖  langle ⟨  rangle ⟩  lceil ⌈  rceil ⌉  lfloor ⌊
    rfloor ⌋  mid |  prime ′  wedge ∧  vee ∨  Leftrightarrow ⇔  forall ∀  odot ⊙  ast ∗
    """.splitlines()
    for name, sign in (pair.split() for pair in line.strip().split("  ") if pair)
}
UNSEEN = (
    *("left", "right", "big", "Big", "bigl", "bigr", "limits", "displaystyle"),
    *("mathbb", "mathrm", "mathcal", "mathbf", "text", "operatorname"),
)
RAISED = str.maketrans("0123456789+-()nitTk*", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱᵗᵀᵏ*")
LOWERED = str.maketrans("0123456789+-()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


def plain(text: str) -> str:
    r"""Return a line of Markdown without its marks, and its formulas as they are typed.

    Examples
    --------
    >>> plain(r"**$\mathbb E\,\hat w^2(4)$** for $\eta = \frac12$, $\eta < \frac{2h}{h^2 + \rho}$")
    'E ŵ²(4) for η = 1/2, η < 2h/(h² + ρ)'
    """
    text = re.sub(r"\*\*([^*]+)\*\*", r"\1", text)
    return re.sub(r"\$([^$]+)\$", lambda formula: _formula(formula[1]), text).replace("`", "")


def _formula(latex: str) -> str:
    shown = re.sub(r"\\[,;:! ]|~", " ", latex).replace(r"\|", "‖").replace(r"\{", "❴")
    shown = re.sub(r"\\hat ?\{?(\\?\w)\}?", "\\1\N{COMBINING CIRCUMFLEX ACCENT}", shown)
    shown = re.sub(r"\\([A-Za-z]+) ?", _command, shown.replace(r"\}", "❵"))
    for _ in range(4):  # formulas within formulas, the inner ones first
        shown = re.sub(r"\^(?:\{([^{}]*)\}|(.))", lambda m: _set(m, RAISED, "↑"), shown)
        shown = re.sub(r"_(?:\{([^{}]*)\}|(.))", lambda m: _set(m, LOWERED, "↓"), shown)
        shown = re.sub(r"√\{([^{}]*)\}", lambda m: f"√{_bracketed(m[1])}", shown)
        shown = re.sub(r"÷ ?(?:\{([^{}]*)\}|(\w))(?:\{([^{}]*)\}| ?(\w))", _quotient, shown)
        shown = re.sub(r"\{([^{}÷√]*)\}(?!\{)", r"\1", shown) if "÷" not in shown else shown
    shown = re.sub(r"[{}]", "", shown)
    shown = shown.translate(str.maketrans({"❴": "{", "❵": "}", "↑": "^", "↓": "_"}))
    shown = re.sub(r"(?<=[∂∇⌈⌊]) | (?=[⌉⌋])| +(?= )", "", shown).strip()
    return unicodedata.normalize("NFC", shown)


def _command(command: re.Match) -> str:
    name = command[1]
    if name in ("frac", "tfrac", "dfrac"):
        return "÷"
    if name == "sqrt":
        return "√"
    if name in UNSEEN or name in ("quad", "qquad"):
        return "" if name in UNSEEN else " "
    if name in SIGNS:
        return SIGNS[name] + (" " if command[0].endswith(" ") else "")
    size = "CAPITAL" if name[0].isupper() else "SMALL"
    try:
        spelt = name.removeprefix("var").upper().replace("LAMBDA", "LAMDA")
        letter = unicodedata.lookup(f"GREEK {size} LETTER {spelt}")
    except KeyError:
        return command[0][1:]  # log, max and their like
    return letter + (" " if command[0].endswith(" ") else "")


def _set(part: re.Match, letters: dict[int, int], mark: str) -> str:
    inner = part[1] if part[1] is not None else part[2]
    if all(ord(letter) in letters for letter in inner):
        return inner.translate(letters)
    return f"{mark}{_bracketed(inner)}"


def _quotient(parts: re.Match) -> str:
    above, below = parts[1] or parts[2], parts[3] or parts[4]
    return f"{_bracketed(above)}/{_bracketed(below, products=True)}"


def _bracketed(inner: str, products: bool = False) -> str:
    """Return a part in brackets if it is a sum, or a product below a stroke."""
    parts = r"[ +\-−·/]" if products else r"[ +\-−/]"
    return f"({inner})" if re.search(parts, inner.strip()) and len(inner) > 1 else inner
