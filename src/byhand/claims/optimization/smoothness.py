"""Claims of D1: a smooth function stays between two parabolas."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.evidence import by, claim, holds, once, prove, sheet

BETA, ETA, P, Q = sp.symbols("beta eta p q", real=True)
X, Y = (np.array(sp.symbols(f"{name}1:3", real=True)) for name in "xy")

CURVATURES = r"$\frac12(p\,x_1^2 + q\,x_2^2)$ with $|p|, |q| \le \beta$, and $x, y \in \mathbb R^2$"
BOUNDED = [sp.Abs(P) <= BETA, sp.Abs(Q) <= BETA]


def in_its_axes(p=P, q=Q) -> opt.Objective:
    """Return ½(p x₁² + q x₂²): no length or angle sees the axes that a quadratic is written in."""
    return opt.quadratic(np.array([[p, sp.S.Zero], [sp.S.Zero, q]]))


def squared(v):
    return (v**2).sum(axis=-1)


# -- experiments ---------------------------------------------------------------------------------


@once
def pairs():
    """Return 2000 random pairs of points, and the rows a of Σ log cosh(aᵀx)."""
    rng = np.random.default_rng(1)
    return rng.normal(0, 2, size=(2, 2000, 3)), rng.normal(size=(5, 3))


def log_cosh(A):
    """Return value, gradient, Hessian and β of Σ log cosh(aᵀx) over the rows a of A."""
    return (
        lambda x: np.logaddexp(x @ A.T, -x @ A.T).sum(axis=-1),
        lambda x: np.tanh(x @ A.T) @ A,
        lambda x: np.einsum("...n,ni,nj->...ij", 1 / np.cosh(x @ A.T) ** 2, A, A),
        np.linalg.eigvalsh(A.T @ A)[-1],
    )


def nodes():
    """Return the nodes and weights of Gauss and Legendre's quadrature over t in [0, 1]."""
    t, weights = np.polynomial.legendre.leggauss(60)
    return (t + 1) / 2, weights / 2


@claim("D1.share", r"the largest share of its bound that the error uses, of $\log\cosh$")
def share():
    def package():
        (x, y), A = pairs()
        value, gradient, _, beta = log_cosh(A)
        error = opt.linearization_error(value, gradient, x, y)
        return (np.abs(error) / (beta / 2 * squared(x - y))).max()

    def remainder():
        """Taylor's remainder is ∫ (1 − t) dᵀH(y + td)d dt."""
        (x, y), A = pairs()
        *_, hessian, beta = log_cosh(A)
        d = x - y
        t, weights = nodes()
        bends = [np.einsum("ni,nij,nj->n", d, hessian(y + one * d), d) for one in t]
        error = (weights * (1 - t)) @ np.array(bends)
        return (np.abs(error) / (beta / 2 * squared(d))).max()

    yield by.experiment("the package's error at 2000 random pairs", package)
    yield by.closed_form("the remainder's integral over the Hessian", remainder)


@claim("D1.variation", r"the gradient's largest turn over $\|x-y\|$ and $\beta$, of $\log\cosh$")
def variation():
    def package():
        (x, y), A = pairs()
        _, gradient, _, beta = log_cosh(A)
        return opt.gradient_variation(gradient, x, y).max() / beta

    def mean_hessian():
        """∇f(x) − ∇f(y) is the mean Hessian along the segment, times x − y."""
        (x, y), A = pairs()
        *_, hessian, beta = log_cosh(A)
        d = x - y
        t, weights = nodes()
        turns = [np.einsum("nij,nj->ni", hessian(y + one * d), d) for one in t]
        turn = np.tensordot(weights, np.array(turns), axes=1)
        return np.sqrt((squared(turn) / squared(d)).max()) / beta

    yield by.experiment("the package's quotient at 2000 random pairs", package)
    yield by.closed_form("the mean Hessian between them", mean_hessian)


# -- what is proved ------------------------------------------------------------------------------


@claim(
    "D1.bound", r"$|f(x) - f(y) - \nabla f(y)^T(x-y)| \le \frac\beta2\|x-y\|^2$", for_all=CURVATURES
)
def bound():
    def proved():
        f = in_its_axes()
        error = opt.linearization_error(f.value, f.gradient, X, Y)
        most = BETA * squared(X - Y)
        return prove(sp.And(2 * error <= most, -most <= 2 * error), given=BOUNDED)

    def random_quadratics():
        """Indefinite ones in five variables, written out."""
        rng = np.random.default_rng(2)
        shares = []
        for _ in range(200):
            S, (x, y) = rng.normal(size=(5, 5)), rng.normal(size=(2, 5))
            A = S + S.T
            error = x @ A @ x / 2 - y @ A @ y / 2 - (A @ y) @ (x - y)
            beta = np.abs(np.linalg.eigvalsh(A)).max()
            shares.append(abs(error) / (beta / 2 * squared(x - y)))
        return holds(max(shares) <= 1, f"at most {max(shares):.3f} of the bound")

    yield by.prover("Z3, of the package's error", proved)
    yield by.experiment("200 random quadratics in five variables", random_quadratics)
    yield sheet("≤ (β/2)‖x − y‖²", lambda: True)


@claim(
    "D1.chain",
    r"$\int_0^1\|\nabla f(y+td) - \nabla f(y)\|\,\|d\|\,dt$ lies between both sides, $d = x - y$",
    for_all=CURVATURES,
)
def chain():
    def proved():
        """The gradient turns by t·∇f(d), so the integral is ½‖∇f(d)‖‖d‖; all sides are squared."""
        f, d = in_its_axes(), X - Y
        error = opt.linearization_error(f.value, f.gradient, X, Y)
        middle = squared(f.gradient(X) - f.gradient(Y)) * squared(d) / 4
        below, above = error**2 <= middle, middle <= BETA**2 / 4 * squared(d) ** 2
        return prove(sp.And(below, above), given=BOUNDED)

    def on_a_network_of_cosh():
        """Both inequalities for Σ log cosh, the integral by quadrature."""
        (x, y), A = pairs()
        value, gradient, _, beta = log_cosh(A)
        d = x - y
        t, weights = nodes()
        turns = [np.linalg.norm(gradient(y + one * d) - gradient(y), axis=-1) for one in t]
        middle = weights @ np.array(turns) * np.sqrt(squared(d))
        error = np.abs(value(x) - value(y) - (gradient(y) * d).sum(axis=-1))
        shares = (error / middle).max(), (middle / (beta / 2 * squared(d))).max()
        return holds(max(shares) <= 1, "at most {:.3f} and {:.3f} of the next side".format(*shares))

    yield by.prover("Z3, of the package's error", proved)
    yield by.experiment("2000 pairs on a sum of log cosh", on_a_network_of_cosh)
    yield sheet("Cauchy-Schwarz, then ∫ βt‖x − y‖² dt", lambda: True)


@claim(
    "D1.descent",
    r"a step gains at least $\eta(1-\frac{\beta\eta}2)\|\nabla f\|^2$",
    for_all=r"$\frac12(p\,x_1^2 + q\,x_2^2)$ with $p, q \le \beta$, and $\eta$, $y$",
)
def descent():
    def proved():
        f = in_its_axes()
        g = f.gradient(Y)
        gain = f.value(Y) - f.value(Y - ETA * g)
        promised = ETA * (1 - BETA * ETA / 2) * squared(g)
        return prove(gain >= promised, given=[P <= BETA, Q <= BETA])

    def on_log_cosh():
        (_, y), A = pairs()
        value, gradient, _, beta = log_cosh(A)
        g = gradient(y)
        over = []
        for eta in np.linspace(0.05, 1.95, 20) / beta:
            promised = eta * (1 - beta * eta / 2) * squared(g)
            over.append((value(y) - value(y - eta * g) - promised).min())
        return holds(min(over) >= -1e-12, "in 40 000 steps on a sum of log cosh")

    yield by.prover("Z3, of the package's quadratic", proved)
    yield by.experiment("20 step sizes on a sum of log cosh", on_log_cosh)


@claim("D1.attained", r"on $\frac\beta2\|x\|^2$ the error over $\|x-y\|^2$, $\beta = 7/3$")
def attained(beta=Fraction(7, 3)):
    def package():
        bowl, (x, y) = in_its_axes(*[sp.Rational(beta)] * 2), opt.exact([[3, -1], [1, 4]])
        return opt.linearization_error(bowl.value, bowl.gradient, x, y) / squared(x - y)

    def on_the_line():
        p, q = sp.symbols("p q")
        error = sp.Rational(beta) / 2 * (p**2 - q**2) - sp.Rational(beta) * q * (p - q)
        return sp.cancel(error / (p - q) ** 2)

    yield by.enumeration("at one pair of points", package)
    yield by.algebra("for all points of the line", on_the_line)


@claim(
    "D1.tight",
    r"on $\frac\beta2\|x\|^2$ a step from $y$ gains exactly "
    r"$\eta(1-\frac{\beta\eta}2)\|\nabla f(y)\|^2$",
    for_all=r"$\beta$, $\eta$ and $y \in \mathbb R^2$",
)
def tight():
    def formula(half=2):
        return ETA * (1 - BETA * ETA / half) * BETA**2 * squared(Y)

    def proved():
        bowl = in_its_axes(BETA, BETA)
        gain = bowl.value(Y) - bowl.value(Y - ETA * bowl.gradient(Y))
        return prove(sp.Eq(gain, formula()), altered=[sp.Eq(gain, formula(half=1))])

    def expanded():
        """Along the gradient f is multiplied by (1 − βη)²."""
        gain = BETA / 2 * squared(Y) * (1 - (1 - BETA * ETA) ** 2)
        claimed = (ETA - BETA * ETA**2 / 2) * BETA**2 * squared(Y)
        return holds(sp.expand(gain - claimed) == 0, "the difference is 0")

    yield by.prover("Z3, of the package's quadratic", proved)
    yield by.algebra("multiplied out", expanded)
