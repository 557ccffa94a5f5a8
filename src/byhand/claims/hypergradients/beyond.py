"""Claims beyond the sheets: forward mode, one step size for a run, truncation, the implicit way."""

from __future__ import annotations

from fractions import Fraction as Q

import mpmath
import numpy as np
import sympy as sp

from byhand import hypergradients as hg
from byhand.backpropagation import derivative, grad
from byhand.claims.hypergradients._plain import equal, steps, symbolic_quadratic, terrain
from byhand.claims.hypergradients.memory import diagonal
from byhand.evidence import by, case, claim, holds, prove, slip
from byhand.linear_algebra import implicit_vjp
from byhand.optimization import exact

# -- forward mode --------------------------------------------------------------------------------


@claim("beyond-4.forward", r"$dL(w(40))/d\eta$ of the network, $\eta = 0.2$")
def forward(eta=0.2, k=40):
    def dual_number():
        loss, start = terrain()

        def run(eta):
            w = start
            for _ in range(k):
                w = w - eta * grad(loss)(w)
            return loss(w)

        return derivative(run)(eta)

    def summed():
        return hg.hypergradients(*hg.terrain_network(), np.full(k, eta)).sum()

    rounding = {"rtol": 1e-11, "because": "sums of 132 samples, through forty steps"}
    yield by.recursion(
        "the tangent carried forward",
        lambda: hg.forward_hypergradient(*hg.terrain_network(), eta, k),
        **rounding,
    )
    yield by.autodiff("a dual number fed to the run", dual_number, **rounding)
    yield by.closed_form("the reverse sweep's derivatives added up", summed, **rounding)
    yield slip("this is the derivative in the last step size alone", lambda: last_alone(eta, k))


def last_alone(eta, k):
    return hg.hypergradients(*hg.terrain_network(), np.full(k, eta))[-1]


def forward_of(k, d):
    return diagonal(d), np.ones(d), 0.5, k


@claim("beyond-4.count", "gradients and HVPs of forward mode for 256 steps")
def count(k=256):
    def counted():
        loss, *run = forward_of(k, 64)
        counting, calls = hg.counted(loss)
        hg.forward_hypergradient(counting, *run)
        return [calls["gradient"], calls["hvp"]]

    yield by.experiment("counted", counted)
    yield by.hand("one of each a step, and a gradient at the end", lambda: [257, 256])


@claim("beyond-4.memory", "vectors that forward mode holds for 256 steps, over those for 16")
def memory(d=20_000):
    def measured():
        long, short = (
            hg.peak_bytes(hg.forward_hypergradient, *forward_of(k, d)) for k in (256, 16)
        )
        return round((long - short) / (8 * d))

    yield by.experiment("the allocator", measured)
    yield by.hand("none", lambda: 0)


# -- one step size for the whole run -------------------------------------------------------------

LOW, HIGH = 1.0, 6.0
PLACES = {"1": (20.0, 1.0), "2": (0.1, 1.0)}
HORIZONS = tuple(2**j for j in range(8))


def bowl():
    return hg.quadratic(np.diag([LOW, HIGH]), [0, 0])


@claim(
    "beyond-4.best-*",
    r"$\eta_k$ for $k = 1, 2, 4, \dots, 128$ steps, curvatures 1 and 6",
    cases=[
        case("1", "start mostly along the flat direction", place="1"),
        case("2", "start mostly along the steep one", place="2"),
    ],
)
def best_constant(place="1"):
    def bracketed():
        start = np.array(PLACES[place])
        return [hg.best_constant_step(bowl(), start, k, 1 / HIGH, 1 / LOW) for k in HORIZONS]

    def formula():
        first, second = PLACES[place]
        found = []
        for k in HORIZONS:
            r = (LOW * first / (HIGH * second)) ** (2 / (2 * k - 1))
            found.append((1 + r) / (HIGH + r * LOW))
        return found

    rounding = {"rtol": 1e-11, "because": "the slope is flat near its zero for long runs"}
    yield by.closed_form("the theorem", formula)
    yield by.algebra("the zero of the forward-mode derivative", bracketed, **rounding)


@claim(
    "beyond-4.root",
    r"with $\eta_k$ of the theorem, $1 - \eta_k\lambda_2 = -r\,(1 - \eta_k\lambda_1)$",
    for_all=r"$\lambda_1, \lambda_2, r > 0$, and so for every $k$",
)
def root():
    """Its odd powers then balance: this is where r_k makes the two terms of the slope cancel."""

    def proved():
        low, high, r = sp.symbols("lambda1 lambda2 r", real=True)
        eta = (1 + r) / (high + r * low)
        given = [low > 0, high > 0, r > 0]
        altered = [equal(1 - eta * high, r * (1 - eta * low))]
        return prove(equal(1 - eta * high, -r * (1 - eta * low)), given=given, altered=altered)

    def slope_vanishes():
        """The derivative of L_k at η_k for k = 1 … 6, with r^(2k−1) for the ratio of the start."""
        low, high, r = sp.symbols("lambda1 lambda2 r", positive=True)
        eta = (1 + r) / (high + r * low)
        for k in range(1, 7):
            # λ₁²w₁² = r^(2k−1) and λ₂²w₂² = 1, up to a common factor
            total = r ** (2 * k - 1) * (1 - eta * low) ** (2 * k - 1) + (1 - eta * high) ** (
                2 * k - 1
            )
            if sp.simplify(total) != 0:
                return holds(False, f"not for k = {k}")
        return holds(True, "the slope vanishes for k = 1 to 6")

    yield by.prover("Z3", proved)
    yield by.algebra("the slope at the formula's step size", slope_vanishes)


@claim(
    "beyond-4.single",
    "for $k = 1$, started mostly along the flat direction: the best step of E2.2.3",
)
def single(place="1"):
    def one_step():
        X = np.diag(np.sqrt([LOW, HIGH]))
        return hg.best_step(X, np.zeros(2), np.array(PLACES[place]))

    def formula():
        first, second = PLACES[place]
        r = (LOW * first / (HIGH * second)) ** 2
        return (1 + r) / (HIGH + r * LOW)

    yield by.closed_form("the theorem", formula)
    yield by.recursion("the least-squares formula", one_step)


@claim("beyond-4.second", r"$L_k''$ for $k = 1, 2, 5$ at six $\eta$ each")
def second(place="1", lengths=(1, 2, 5)):
    grid, curvatures = np.linspace(0.05, 0.5, 6), np.array([LOW, HIGH])

    def formula():
        start = np.array(PLACES[place])

        def value(k, eta):
            powers = (1 - eta * curvatures) ** (2 * k - 2)
            return k * (2 * k - 1) * np.sum(curvatures**3 * start**2 * powers)

        return [[value(k, eta) for eta in grid] for k in lengths]

    def nested_duals():
        def after(k):
            return lambda eta: hg.final_loss(bowl(), np.array(PLACES[place]), [eta] * k)

        return [[derivative(derivative(after(k)))(eta) for eta in grid] for k in lengths]

    rounding = {"rtol": 1e-10, "because": "nested duals add terms of opposite sign"}
    yield by.closed_form("a sum of even powers", formula)
    yield by.autodiff("nested dual numbers", nested_duals, **rounding)


@claim(
    "beyond-4.convex",
    r"$L_3'' \ge 0$",
    for_all=r"$\lambda_1, \lambda_2 > 0$, $w(0)$ and $\eta$; three steps",
)
def convex(k=3):
    def proved():
        low, high, w1, w2, eta = sp.symbols("lambda1 lambda2 w1 w2 eta", real=True)
        loss = hg.quadratic(
            np.array([[low, sp.S.Zero], [sp.S.Zero, high]]), np.array([sp.S.Zero] * 2)
        )
        bent = sp.diff(hg.final_loss(loss, np.array([w1, w2]), np.array([eta] * k)), eta, 2)
        return prove(sp.Ge(bent, 0, evaluate=False), given=[low > 0, high > 0])

    def even_powers():
        low, w, eta = sp.symbols("lambda w eta")
        bent = sp.diff(low * w**2 * (1 - eta * low) ** (2 * k) / 2, eta, 2)
        square = k * (2 * k - 1) * low**3 * w**2 * (1 - eta * low) ** (2 * k - 2)
        return holds(sp.expand(bent - square) == 0, "each term is", square)

    yield by.prover("Z3, of the package's run", proved)
    yield by.algebra("a sum of even powers", even_powers)


@claim(
    "beyond-4.not-convex",
    "two step sizes on $w^2/2$ from 1: the loss at $(1, 0)$, at $(0, 1)$ and halfway between",
)
def not_convex():
    def runs():
        loss, start = hg.quadratic(exact([[1]]), exact([0])), exact([1])
        plans = ([1, 0], [0, 1], ["1/2", "1/2"])
        return [hg.final_loss(loss, start, exact(plan)) for plan in plans]

    yield by.recursion("three runs", runs)
    yield by.hand("(1 − η₁)²(1 − η₂)²/2", lambda: [0, 0, Q(1, 32)])


# -- truncation ----------------------------------------------------------------------------------


@claim(
    "beyond-4.truncated",
    r"the last step's share of $dL(w(3))/d\eta$, one $\eta$ for three steps",
    for_all=r"$L = \frac12 w^TAw$ in two variables, $w(0)$ and $\eta$: a third",
)
def truncated(k=3):
    def proved():
        loss, start = symbolic_quadratic()
        (eta,) = steps(1)
        whole = hg.forward_hypergradient(loss, start, eta, k)
        last = hg.hypergradients(loss, start, np.array([eta] * k))[-1]
        return prove(equal(k * last, whole), altered=[equal((k - 1) * last, whole)])

    def along_an_eigenvector():
        lam, w, eta = sp.symbols("lambda w eta")
        whole = sp.diff(lam * w**2 * (1 - eta * lam) ** (2 * k) / 2, eta)
        before, after = ((1 - eta * lam) ** j * w for j in (k - 1, k))
        return holds(sp.expand(whole + k * lam * after * lam * before) == 0, "a third of the whole")

    yield by.prover("Z3, of the package's two modes", proved)
    yield by.algebra("along an eigenvector", along_an_eigenvector)


# -- the implicit way ----------------------------------------------------------------------------

RIDGE_X, RIDGE_T = ((1, -1), (1, 0), (1, 1), (1, 3)), (1, 3, 2, 6)
NEW, NEW_T, RHO, INNER = (1, 2), 4, 0.2, 0.2
"""Training points, a validation point, the regularization, and the inner step size."""


def ridge():
    """Return A, b of the gradient Aw − b + ρw, and the validation point, as arrays."""
    X, t = np.array(RIDGE_X, dtype=float), np.array(RIDGE_T, dtype=float)
    return X.T @ X / len(t), X.T @ t / len(t), np.array(NEW, dtype=float)


def inner(k, rho=RHO):
    """Return w(k) of k inner steps from 0, and its derivative in ρ, unrolled."""
    A, b, _ = ridge()
    w, z = np.zeros(2), np.zeros(2)
    for _ in range(k):
        z = z - INNER * (A @ z + rho * z + w)
        w = w - INNER * (A @ w + rho * w - b)
    return w, z


def two_ways(k):
    """Return the unrolled hypergradient after k inner steps, and the implicit one there."""
    A, _, new = ridge()
    w, z = inner(k)
    pull = 2 * (new @ w - NEW_T) * new
    return pull @ z, implicit_vjp(pull, w[:, None], A + RHO * np.eye(2))[0]


def at_convergence():
    """Return the hypergradient at the minimum, from the closed form of the weights."""
    X, t = sp.Matrix(RIDGE_X), sp.Matrix(RIDGE_T)
    rho = sp.Symbol("rho")
    w = (X.T * X / 4 + rho * sp.eye(2)).LUsolve(X.T * t / 4)
    loss = ((sp.Matrix([NEW]) * w)[0] - NEW_T) ** 2
    return float(sp.diff(loss, rho).subs(rho, sp.Rational(1, 5)))


@claim(
    "beyond-4.unrolled",
    "the unrolled hypergradient of ridge regression after 20 inner steps",
    answer=True,
)
def unrolled(k=20):
    def by_the_tape():
        A, b, new = ridge()

        def loss(rho):
            w = np.zeros(2)
            for _ in range(k):
                w = w - INNER * (A @ w + rho * w - b)
            return (new @ w - NEW_T) ** 2

        return grad(loss)(RHO)

    yield by.recursion("the tangent carried along", lambda: two_ways(k)[0])
    yield by.autodiff("a reverse sweep over the run", by_the_tape)
    yield slip("the dependence of earlier iterates is left out", lambda: one_step_back(k))


def one_step_back(k):
    """Return the hypergradient through the last inner step alone."""
    w, last = inner(k)[0], inner(k - 1)[0]
    new = np.array(NEW, dtype=float)
    return 2 * (new @ w - NEW_T) * (new @ (-INNER * last))


@claim("beyond-4.implicit", "both at convergence", answer=True)
def implicit():
    yield by.closed_form("one linear solve at the minimum", lambda: two_ways(400)[1])
    yield by.algebra("the weights as functions of ρ", at_convergence)
    yield by.recursion("unrolled over 400 steps", lambda: two_ways(400)[0])


def ratio(p, q):
    return mpmath.mpf(p) / q


def precise_errors(k):
    """Return the errors after k inner steps, unrolled and implicit, in 60 digits."""
    with mpmath.workdps(60):
        A = mpmath.matrix([[1, ratio(3, 4)], [ratio(3, 4), ratio(11, 4)]])
        b, new = mpmath.matrix([3, ratio(19, 4)]), mpmath.matrix(NEW)
        rho, eta, one = ratio(1, 5), ratio(1, 5), mpmath.eye(2)
        w, z = mpmath.matrix(2, 1), mpmath.matrix(2, 1)
        for _ in range(k):
            z, w = z - eta * (A * z + rho * z + w), w - eta * (A * w + rho * w - b)
        F = A + rho * one

        def pull(w):
            return 2 * ((new.T * w)[0] - NEW_T) * new

        def solved(w):
            return -(pull(w).T * mpmath.lu_solve(F, w))[0]

        exact_value = solved(mpmath.lu_solve(F, b))
        return abs((pull(w).T * z)[0] - exact_value), abs(solved(w) - exact_value)


@claim(
    "beyond-4.decay",
    "what 10 more inner steps leave of the implicit hypergradient's error, after 100",
)
def decay(k=100, more=10):
    def factor():
        """The error is a multiple of qᵏ, with the largest factor q of a step."""
        A, _, _ = ridge()
        return (1 - INNER * (np.linalg.eigvalsh(A).min() + RHO)) ** more

    def measured():
        return float(precise_errors(k + more)[1] / precise_errors(k)[1])

    small = {"rtol": 1e-6, "because": "the other factor of a step is smaller, but not 0"}
    yield by.closed_form("the largest factor of a step, to the power 10", factor)
    yield by.experiment("errors in 60 digits", measured, **small)


@claim("beyond-4.ahead", "the number of inner steps up to which unrolled is the nearer one")
def ahead(most=20):
    def in_60_digits():
        errors = map(precise_errors, range(1, most + 1))
        return sum(unrolled < implicit for unrolled, implicit in errors)

    def in_floats():
        errors = (np.abs(np.array(two_ways(k)) - at_convergence()) for k in range(1, most + 1))
        return sum(unrolled < implicit for unrolled, implicit in errors)

    yield by.experiment("errors in 60 digits", in_60_digits)
    yield by.recursion("in floats", in_floats)


@claim(
    "beyond-4.behind",
    "unrolled is further off than implicit, and increasingly so: 20, 40 and 80 steps",
)
def behind(lengths=(20, 40, 80)):
    def in_60_digits():
        first, second, third = (
            unrolled / implicit for unrolled, implicit in map(precise_errors, lengths)
        )
        told = f"{float(first):.2f}, {float(second):.2f} and {float(third):.2f} times"
        return holds(1 < first < second < third, told)

    def in_floats():
        right = at_convergence()
        pairs = (np.abs(np.array(two_ways(k)) - right) for k in lengths)
        first, second, third = (unrolled / implicit for unrolled, implicit in pairs)
        return holds(1 < first < second < third, f"{first:.2f}, {second:.2f} and {third:.2f} times")

    yield by.experiment("errors in 60 digits", in_60_digits)
    yield by.recursion("in floats", in_floats)
