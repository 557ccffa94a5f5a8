"""Claims of A1: heavy ball on a small regression, and how fast it converges on a quadratic."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.backpropagation import grad
from byhand.evidence import by, case, claim, holds, prove, sheet, slip

X, Y = [[2, -1], [-1, 3]], [3, 1]
"""Features, one column a sample, and targets."""

VELOCITY = ["$v_1$", "$v_2$"]
WEIGHTS = ["$w_1$", "$w_2$"]


def regression() -> opt.Objective:
    """Return the loss of the problem, in fractions."""
    return opt.least_squares(opt.exact(X).T, opt.exact(Y))


# -- the gradient --------------------------------------------------------------------------------


@claim("A1.square", "$XX^T$", answer=True)
def square():
    def halved_hessian():
        """∇L = (2/B)(XXᵀw − Xy), so XXᵀ is B/2 times the Hessian."""
        return regression().hessian(opt.exact([0, 0]))

    yield by.closed_form("the package's Hessian, as B = 2", halved_hessian)
    yield by.algebra("SymPy's product", lambda: sp.Matrix(X) * sp.Matrix(X).T)
    yield sheet("5 −5 −5 10")


@claim("A1.Xy", "$Xy$", answer=True)
def right_side():
    def at_zero():
        """∇L(0) = −(2/B) Xy."""
        return -regression().gradient(opt.exact([0, 0]))

    yield by.closed_form("minus the package's gradient at 0, as B = 2", at_zero)
    yield by.enumeration("written out", lambda: [2 * Y[0] + (-1) * Y[1], (-1) * Y[0] + 3 * Y[1]])
    yield sheet("5 0")


@claim("A1.gradient", r"$\nabla L$", answer="formula")
def gradient():
    w1, w2 = w = sp.symbols("w1 w2", real=True)

    def differentiated(mean=2):
        errors = [2 * w1 - w2 - 3, -w1 + 3 * w2 - 1]
        loss = sum(error**2 for error in errors) / mean
        return [sp.expand(loss.diff(one)) for one in w]

    def package():
        return [sp.expand(g) for g in regression().gradient(np.array(w))]

    yield by.algebra("SymPy differentiates the loss", differentiated)
    yield by.closed_form("the package's gradient, of symbols", package)
    yield sheet("5(wᵀM − [1 0])", lambda: [5 * (w1 - w2 - 1), 5 * (2 * w2 - w1)])
    yield slip("the mean over B = 2 samples is forgotten", lambda: differentiated(mean=1))


# Three features and two samples, so that a wrong index bound shows.
Z, T, W = [[1, -2], [3, 1], [-1, 2]], [2, -3], [2, 1, -1]


@claim("A1.output", r"$\hat y$ for 3 features and 2 samples")
def output():
    def summed(features):
        return [sum(W[m] * Z[m][i] for m in range(features)) for i in range(2)]

    yield by.enumeration("summed over the features", lambda: summed(3))
    yield by.algebra("a product of matrices", lambda: list(sp.Matrix([W]) * sp.Matrix(Z)))
    yield sheet(
        "ŷᵢ = Σⱼ wⱼ Xⱼᵢ, j = 1 … B",
        lambda: summed(2),
        erratum="The sum's upper limit is the number of samples B; it runs over the features "
        "(here both are 2).",
    )


@claim("A1.chain-rule", r"$\nabla L$ there")
def chain_rule():
    def loss(w):
        return ((w @ np.array(Z) - np.array(T)) ** 2).mean()

    def printed():
        errors = [sum(W[m] * Z[m][i] for m in range(3)) - T[i] for i in range(2)]
        return [sum(errors[i] * Z[m][i] for i in range(2)) for m in range(3)]

    yield by.closed_form(
        "the package's gradient", lambda: opt.least_squares(np.transpose(Z), T).gradient(W)
    )
    yield by.autodiff("a reverse sweep", lambda: grad(loss)(np.array(W, dtype=float)))
    yield sheet("(2/B) Σᵢ (ŷᵢ − yᵢ) Xₘᵢ", printed)


# -- three updates -------------------------------------------------------------------------------


def path(alpha=Q(1, 5), beta=Q(4, 5), steps=3):
    """Return the run of the package, in fractions."""
    ball = opt.heavy_ball(alpha, beta, rate="inside")
    return opt.run(ball, regression().gradient, opt.exact([1, 0]), steps)


def by_a_power(t, alpha=Q(1, 5), beta=Q(4, 5)):
    """Return wᵗ and vᵗ: the step is affine in (w, v), so t steps are a power of one matrix."""
    M, b = sp.Matrix(X) * sp.Matrix(X).T, sp.Matrix(X) * sp.Matrix(Y)
    alpha, beta = sp.Rational(alpha), sp.Rational(beta)
    v = sp.Matrix.hstack(-alpha * M, beta * sp.eye(2), alpha * b)
    w = sp.Matrix.hstack(sp.eye(2), sp.zeros(2), sp.zeros(2, 1)) + v
    step = sp.Matrix.vstack(w, v, sp.Matrix([[0, 0, 0, 0, 1]]))
    result = list(step**t * sp.Matrix([1, 0, 0, 0, 1]))
    return result[:2], result[2:4]


@claim(
    "A1.w*",
    r"the iterates, for $\alpha=0.2$, $\beta=0.8$",
    cases=[
        case("1", "$w^1$", t=1, sheet="1 1"),
        case("2", "$w^2$", t=2, sheet="2 0.8"),
        case("3", "$w^3$", t=3, sheet="2.6 1.04"),
    ],
    answer=True,
    components=WEIGHTS,
)
def iterates(alpha=Q(1, 5), beta=Q(4, 5), t=3):
    yield by.recursion(
        "the package's heavy ball, in fractions", lambda: path(alpha, beta, t).params[t]
    )
    yield by.algebra("a power of the update matrix", lambda: by_a_power(t, alpha, beta)[0])
    yield slip(
        "the loss is a mean: its gradient is divided by B",
        lambda: path(2 * alpha, beta, t).params[t],
    )


@claim(
    "A1.v*",
    r"the velocities",
    cases=[
        case("1", "$v^1$", t=1, sheet="0 1"),
        case("2", "$v^2$", t=2, sheet="1 −0.2"),
        case("3", "$v^3$", t=3, sheet="0.6 0.24"),
    ],
    answer=True,
    components=VELOCITY,
)
def velocities(alpha=Q(1, 5), beta=Q(4, 5), t=3):
    yield by.recursion(
        "the package's heavy ball, in fractions",
        lambda: path(alpha, beta, t).states[t].velocity,
    )
    yield by.algebra("a power of the update matrix", lambda: by_a_power(t, alpha, beta)[1])
    yield slip("the velocity points uphill", lambda: [-v for v in by_a_power(t, alpha, beta)[1]])


@claim(
    "A1.kept*",
    r"what is kept of the velocities",
    cases=[
        case("1", r"$0.8\,v^1$", t=1, sheet="0 0.8"),
        case("2", r"$0.8\,v^2$", t=2, sheet="0.8 −0.16"),
    ],
    components=VELOCITY,
)
def kept(t=1):
    yield by.recursion(
        "the package's heavy ball, in fractions", lambda: Q(4, 5) * path(steps=t).states[t].velocity
    )
    yield by.algebra(
        "the next velocity, without its gradient",
        lambda: list(
            sp.Matrix(by_a_power(t + 1)[1])
            + (sp.Matrix(X) * (sp.Matrix(X).T * sp.Matrix(by_a_power(t)[0]) - sp.Matrix(Y))) / 5
        ),
    )


# -- where they go, and how fast -----------------------------------------------------------------


@claim("A1.limit", "where the iterates go", answer="vector", components=WEIGHTS)
def limit():
    def heavy_ball():
        loss = opt.least_squares(np.array(X, dtype=float).T, np.array(Y, dtype=float))
        ball = opt.heavy_ball(0.2, 0.8, rate="inside")
        return opt.run(ball, loss.gradient, [1.0, 0.0], 400).params[-1]

    yield by.algebra(
        "the equation of zero loss", lambda: list(sp.Matrix(X).T.LUsolve(sp.Matrix(Y)))
    )
    yield by.recursion("400 updates", heavy_ball)


H, ALPHA, MOMENTUM = sp.symbols("h alpha beta", real=True)


def trace_and_determinant():
    """Return 1 + β − αh and β, out of the package's matrix of one update."""
    matrix = opt.heavy_ball_matrix(H, ALPHA, MOMENTUM)
    return matrix[0, 0] + matrix[1, 1], matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]


def larger_modulus(trace, determinant):
    """Return ρ, Equation ch2-radius."""
    discriminant = trace**2 - 4 * determinant
    real = (sp.Abs(trace) + sp.sqrt(sp.Max(discriminant, 0))) / 2
    return sp.Piecewise((sp.sqrt(determinant), discriminant < 0), (real, True))


@claim(
    "A1.companion",
    r"one update takes $(w^t, w^{t-1})$ to $(w^{t+1}, w^t)$ by the matrix of the package",
    for_all=r"$h$, $\alpha$, $\beta$, $w^t$ and $w^{t-1}$",
)
def companion():
    now, before = sp.symbols("w_t w_s", real=True)

    def updated():
        """One update of the package on ½hw², from a velocity that is the last difference."""
        ball = opt.heavy_ball(ALPHA, MOMENTUM, rate="inside")
        slope = opt.quadratic(np.array([[H]])).gradient(np.array([now]))
        state = opt.HeavyBallState(np.array([now - before]))
        return ball.update(slope, state, np.array([now]))[0][0]

    def proved():
        matrix = opt.heavy_ball_matrix(H, ALPHA, MOMENTUM)
        product = matrix[0, 0] * now + matrix[0, 1] * before
        wrong = matrix[0, 0] * now - matrix[0, 1] * before
        return prove(
            sp.Eq(updated(), product, evaluate=False),
            altered=[sp.Eq(updated(), wrong, evaluate=False)],
        )

    def by_hand():
        difference = sp.expand(
            (1 + MOMENTUM - ALPHA * H) * now
            - MOMENTUM * before
            - (now + MOMENTUM * (now - before) - ALPHA * H * now)
        )
        return holds(difference == 0, "the difference is 0")

    yield by.prover("Z3, of the package's update and matrix", proved)
    yield by.algebra("multiplied out", by_hand)


@claim(
    "A1.roots",
    r"the larger modulus of the two roots is $\rho$",
    for_all=r"roots $a + bi$ of $z^2 - (1 + \beta - \alpha h)z + \beta$ and $0 \le \beta$",
)
def roots():
    def proved():
        a, b = sp.symbols("a b", real=True)
        trace, determinant = trace_and_determinant()
        rho = larger_modulus(trace, determinant)
        root = [
            sp.Eq(a**2 - b**2 - trace * a + determinant, 0),
            sp.Eq(2 * a * b - trace * b, 0),
        ]
        other = sp.Eq(determinant**2, rho**2 * (a**2 + b**2))  # the product of the roots is β
        attained = sp.Or(sp.Eq(a**2 + b**2, rho**2), other)
        return prove(sp.And(a**2 + b**2 <= rho**2, attained), given=[*root, determinant >= 0])

    def numerically():
        """The package's closed form against LAPACK's eigenvalues."""
        rng = np.random.default_rng(3)
        gaps = []
        for h, alpha, beta in rng.uniform(0, [10, 1, 1], size=(500, 3)):
            trace = 1 + beta - alpha * h
            found = np.abs(np.linalg.eigvals([[trace, -beta], [1, 0]])).max()
            gaps.append(abs(opt.heavy_ball_factor(h, alpha, beta) - found))
        return holds(max(gaps) < 1e-7, f"off by at most {max(gaps):.0e} in 500 cases")

    yield by.prover("Z3, of the package's matrix", proved)
    yield by.recursion("LAPACK's eigenvalues and the package's closed form", numerically)


@claim(
    "A1.converges",
    r"$\rho < 1$ exactly if $0 < \alpha h < 2(1+\beta)$",
    for_all=r"$h$, $\alpha$ and $0 \le \beta < 1$",
)
def converges():
    def proved():
        """Complex roots have |τ| < 2√β < 2, so they are on the left side, and √β < 1."""
        trace, determinant = trace_and_determinant()
        root = sp.sqrt(sp.Max(trace**2 - 4 * determinant, 0))
        region = sp.And(ALPHA * H > 0, ALPHA * H < 2 * (1 + MOMENTUM))
        return prove(
            sp.Equivalent(sp.Abs(trace) + root < 2, region), given=[MOMENTUM >= 0, MOMENTUM < 1]
        )

    def eigenvalues():
        rng = np.random.default_rng(4)
        wrong = 0
        for h, alpha, beta in rng.uniform([-2, 0, 0], [10, 1, 1], size=(2000, 3)):
            factor = opt.spectral_radius([[1 + beta - alpha * h, -beta], [1, 0]])
            wrong += (factor < 1) != (0 < alpha * h < 2 * (1 + beta))
        return holds(wrong == 0, f"{wrong} of 2000 cases differ")

    yield by.prover("Z3, of the package's matrix", proved)
    yield by.recursion("eigenvalues in 2000 cases", eigenvalues)


@claim("A1.radius", r"the error's factor per step, $\sqrt{4/5}$", answer=True)
def radius():
    def eigenvalues():
        """The matrix that takes (eᵗ, eᵗ⁻¹) to (eᵗ⁺¹, eᵗ) for both coordinates at once."""
        hessian, one = np.array(X) @ np.transpose(X), np.eye(2)
        return np.abs(
            np.linalg.eigvals(np.block([[1.8 * one - 0.2 * hessian, -0.8 * one], [one, 0 * one]]))
        ).max()

    def package():
        curvatures = np.linalg.eigvalsh(regression().hessian(opt.exact([0, 0])).astype(float))
        return opt.heavy_ball_factor(curvatures, 0.2, 0.8).max()

    yield by.closed_form("the package's formula for the larger curvature", package)
    yield by.recursion("LAPACK's eigenvalues of the 4 × 4 matrix", eigenvalues)
    yield slip("the product of both roots is β, not each of them", lambda: 0.8)


@claim("A1.divergence", "the error's factor per step without momentum")
def divergence():
    def descended():
        loss = opt.least_squares(np.array(X, dtype=float).T, np.array(Y, dtype=float))
        descent = opt.run(opt.gradient_descent(0.2), loss.gradient, [1.0, 0.0], 60).params
        errors = np.linalg.norm(descent - [2, 1], axis=1)
        return errors[-1] / errors[-2]

    yield by.closed_form("the golden ratio", lambda: (1 + 5**0.5) / 2)
    yield by.experiment("60 steps of gradient descent", descended)


@claim(
    "A1.effective-rate",
    r"steps under a constant gradient over $g$: they tend to $\alpha/(1-\beta)$",
    cases=[
        case("1", "step 1", t=1),
        case("5", "step 5", t=5),
        case("20", "step 20", t=20),
        case("80", "step 80", t=80),
    ],
)
def effective_rate(alpha=Q(1, 5), beta=Q(4, 5), t=5):
    def replayed():
        ball = opt.heavy_ball(alpha, beta, rate="inside")
        points = opt.replay(ball, [opt.exact([3])] * t, opt.exact([0])).params
        return (points[-2] - points[-1])[0] / 3

    yield by.recursion("the package's heavy ball, in fractions", replayed)
    yield by.closed_form("a geometric sum", lambda: alpha * (1 - beta**t) / (1 - beta))
