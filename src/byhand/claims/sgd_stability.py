"""Claims of chapter 3, SGD stability."""

from fractions import Fraction as Q

from byhand import sgd_stability as sgd
from byhand.evidence import by, claim, sheet, slip

H = (Q(1, 2), Q(1), Q(3), Q(-1, 4))
"""The chapter's four curvatures, one of them negative."""


# -- D2.2: closed form and fastest step ----------------------------------------------------------


@claim("D2.2.closed-form", r"$\mathbb E\,w(6)$ for $H$ and $\eta=4/5$", answer=True)
def closed_form(h=H, eta=Q(4, 5), t=6):
    yield by.recursion("recursion", lambda: sgd.moment_recursion(h, eta, 1, t)[-1])
    yield by.enumeration(
        "draw counts", lambda: sum(p * w for w, p in sgd.exact_law(h, eta, t).items())
    )
    yield by.closed_form("closed form", lambda: (1 - eta * sum(h) / len(h)) ** t)
    yield sheet("(1 − ηh)^t E[w(0)]", lambda: (1 - eta * sum(h) / len(h)) ** t)
    yield slip("η is missing from the factor", lambda: (1 - sum(h) / len(h)) ** t)
