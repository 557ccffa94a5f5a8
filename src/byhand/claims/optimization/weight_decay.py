"""Claims of E2.3.1 and E2.3.2: a penalty and weight decay."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.backpropagation import grad
from byhand.evidence import by, case, claim, holds, prove, sheet, slip

X, T, W0 = [[1, 2, -1], [0, 1, 3]], [2, -1], [Q(1, 2), Q(-3), Q(2)]
"""Two samples of three features, targets, and a start."""

ETA, LAMBDA, STRENGTH, BETA = Q(1, 10), Q(1, 25), Q(1, 5), Q(9, 10)
"""λ̃ = 1/5 belongs to λ = 1/25: it is λ/(2η)."""


def loss() -> opt.Objective:
    return opt.least_squares(opt.exact(X), opt.exact(T))


def one_step(optimizer):
    start = np.array(W0)
    return optimizer.update(loss().gradient(start), optimizer.init(start), start)[0]


def swept_gradient(strength=0.0):
    """Return the gradient of the penalized loss by a reverse sweep over plain sums."""
    rows, targets = np.array(X, dtype=float), np.array(T, dtype=float)

    def penalized(w):
        return ((rows @ w - targets) ** 2).sum() / 2 + strength * (w**2).sum()

    return grad(penalized)(np.array(W0, dtype=float))


def in_matrices(share, penalty):
    """Return (1 − share) w₀ − η Xᵀ(Xw₀ − t) − penalty·w₀ by SymPy, as n = 2."""
    A, t, w = sp.Matrix(X), sp.Matrix(T), sp.Matrix(list(map(sp.Rational, W0)))
    step = (1 - sp.Rational(share)) * w - sp.Rational(1, 10) * A.T * (A * w - t)
    return list(step - sp.Rational(penalty) * w)


# -- E2.3.1: one step of each --------------------------------------------------------------------


@claim("E2.3.1.gradient", r"the penalized gradient for $λ̃ = 1/5$", answer=True)
def penalized_gradient(strength=STRENGTH):
    def by_the_package():
        """A step of length 1 from w₀ is minus the gradient that the optimizer sees."""
        step = one_step(opt.l2_penalty(opt.gradient_descent(1), strength))
        return np.array(W0) - step

    def printed():
        gradient = loss().gradient(np.array(W0))
        return gradient + strength * np.array(W0)

    yield by.autodiff("a reverse sweep", lambda: swept_gradient(float(strength)))
    yield by.closed_form("what the package's penalty adds", by_the_package)
    yield sheet(
        "(2/n)(Xw₀ − t)ᵀX + λ̃w₀",
        printed,
        erratum="The penalty's gradient is 2λ̃w₀; the factor 2 is back in the next line.",
    )


@claim("E2.3.1.penalty", r"$w_1$ with the penalty, $λ̃ = 1/5$", answer=True)
def penalty(strength=STRENGTH):
    yield by.recursion(
        "the package's penalty",
        lambda: one_step(opt.l2_penalty(opt.gradient_descent(ETA), strength)),
    )
    yield by.autodiff(
        "a reverse sweep over the penalized loss",
        lambda: np.array(W0, dtype=float) - 0.1 * swept_gradient(float(strength)),
    )
    yield sheet("w₀ − (2η/n)(XᵀXw₀ − Xᵀt) − 2λ̃w₀η", lambda: in_matrices(0, 2 * strength * ETA))
    yield slip("the penalty's gradient lacks its factor 2", lambda: in_matrices(0, strength * ETA))


@claim("E2.3.1.decay", r"$w_1$ with weight decay, $\lambda = 1/25$", answer=True)
def decay(lam=LAMBDA):
    yield by.recursion(
        "the package's decay", lambda: one_step(opt.weight_decay(opt.gradient_descent(ETA), lam))
    )
    yield by.autodiff(
        "a reverse sweep over the loss",
        lambda: float(1 - lam) * np.array(W0, dtype=float) - 0.1 * swept_gradient(),
    )
    yield sheet("(1 − λ)w₀ − η(2/n)(XᵀXw₀ − Xᵀt)", lambda: in_matrices(lam, 0))
    yield slip("the decay is multiplied by η", lambda: in_matrices(lam * ETA, 0))


# -- E2.3.2: when the two agree ------------------------------------------------------------------

H, L, TILDE, W, G1, G2 = sp.symbols("eta lambda t w g1 g2", real=True)


def twins(optimizer, gradients, strength=TILDE):
    """Return where a penalty and weight decay lead from w, over gradients of the loss alone."""
    pairs = opt.l2_penalty(optimizer, strength), opt.weight_decay(optimizer, L)
    columns = [np.array([g]) for g in gradients]
    return [opt.replay(one, columns, np.array([W])).params[-1][0] for one in pairs]


@claim("E2.3.2.lambda", r"the $λ̃$ for which both agree", answer="formula")
def strength():
    def solved():
        penalty, decay = twins(opt.gradient_descent(H), [G1])
        return sp.solve(sp.Eq(penalty, decay), TILDE)[0]

    yield by.algebra("the package's steps, set equal and solved", solved)
    yield by.hand("the coefficients of the start", lambda: L / (2 * H))
    yield sheet("λ̃ = λ/(zη)", lambda: L / (2 * H), read_as="λ̃ = λ/(2η)")
    yield slip("the penalty's gradient lacks its factor 2", lambda: L / H)


@claim(
    "E2.3.2.equivalent",
    r"the steps of gradient descent agree exactly if $λ̃ = \lambda/(2\eta)$",
    for_all=r"$\eta > 0$, $\lambda$, gradients $g$ and $w \ne 0$",
)
def equivalent():
    def proved():
        penalty, decay = twins(opt.gradient_descent(H), [G1])
        return prove(
            sp.Equivalent(sp.Eq(penalty, decay), sp.Eq(2 * H * TILDE, L)),
            given=[H > 0, sp.Ne(W, 0)],
            altered=[sp.Equivalent(sp.Eq(penalty, decay), sp.Eq(H * TILDE, L))],
        )

    def subtracted():
        difference = sp.factor((W - H * (G1 + 2 * TILDE * W)) - ((1 - L) * W - H * G1))
        return holds(
            sp.expand(difference - W * (L - 2 * H * TILDE)) == 0, "the difference", difference
        )

    yield by.prover("Z3, of the package's steps", proved)
    yield by.algebra("subtracted and factored", subtracted)


@claim("E2.3.2.equal", r"$w_{10}$ with either, for $\lambda = 1/25$ and $\eta = 1/10$")
def equal(steps=10):
    def run(optimizer):
        return opt.run(optimizer, loss().gradient, np.array(W0), steps).params[-1]

    def powers():
        """The step is affine: w ↦ ((1 − λ)I − ηXᵀX) w + ηXᵀt."""
        A, t = sp.Matrix(X), sp.Matrix(T)
        M = (1 - sp.Rational(LAMBDA)) * sp.eye(3) - A.T * A / 10
        w = sp.Matrix(list(map(sp.Rational, W0)))
        for _ in range(steps):
            w = M * w + A.T * t / 10
        return list(w)

    descent = opt.gradient_descent
    yield by.recursion("weight decay", lambda: run(opt.weight_decay(descent(ETA), LAMBDA)))
    yield by.recursion("the penalty", lambda: run(opt.l2_penalty(descent(ETA), LAMBDA / (2 * ETA))))
    yield by.algebra("ten affine maps", powers)


@claim("E2.3.2.coefficients", r"$1 - \lambda$ for $λ̃ = 1/5$, $\eta = 1/10$")
def coefficients():
    def package():
        """What the penalty's step makes of w₀, without the loss's gradient."""
        step = one_step(opt.l2_penalty(opt.gradient_descent(ETA), STRENGTH))
        return ((step + ETA * loss().gradient(np.array(W0))) / np.array(W0))[0]

    yield by.closed_form("of the decay that belongs to it", lambda: 1 - LAMBDA)
    yield by.recursion("the coefficient in the package's step", package)
    yield sheet(
        "1 − λ = −zλ̃η",
        lambda: -2 * STRENGTH * ETA,
        read_as="1 − λ = −2λ̃η",
        erratum="The line drops the 1 on the right, 1 − 2λ̃η; the result is right again.",
    )


@claim(
    "E2.3.2.momentum-*",
    "momentum: the penalty's iterate minus that of weight decay",
    cases=[case("1", "after one step", t=1), case("2", "after two", t=2)],
    answer="vector",
)
def momentum_difference(t=1):
    def package():
        ball = opt.heavy_ball(ETA, BETA, rate="inside")
        pairs = opt.l2_penalty(ball, STRENGTH), opt.weight_decay(ball, LAMBDA)
        first, second = (opt.run(one, loss().gradient, np.array(W0), t).params[-1] for one in pairs)
        return first - second

    yield by.recursion("the package's, in fractions", package)
    yield by.closed_form(
        "the decay that the velocity repeats",
        lambda: [-(BETA if t == 2 else 0) * LAMBDA * w for w in W0],
    )


@claim(
    "E2.3.2.repeated",
    r"after two steps of momentum the difference is $-\beta\lambda w_0$",
    for_all=r"$\eta$, $\lambda$, $\beta$, $w_0$ and gradients, with $2\etaλ̃ = \lambda$",
)
def momentum_for_all():
    beta = sp.Symbol("beta", real=True)

    def proved():
        """The first steps agree, so both meet the same second gradient of the loss."""
        ball = opt.heavy_ball(H, beta, rate="inside")
        penalty, decay = twins(ball, [G1, G2])
        return prove(sp.Eq(penalty - decay, -beta * L * W), given=[sp.Eq(2 * H * TILDE, L)])

    def unrolled():
        first = (1 - L) * W - H * G1
        penalty = first + beta * (-H * G1 - L * W) - H * G2 - L * first
        decay = (1 - L) * first - beta * H * G1 - H * G2
        return holds(sp.expand(penalty - decay + beta * L * W) == 0, "the two differ by it")

    yield by.prover("Z3, of the package's momentum", proved)
    yield by.algebra("unrolled", unrolled)


@claim("E2.3.2.adam", r"Adam: the difference after one step, $\lambda w_0$", answer="vector")
def adam_difference():
    def package():
        optimizer = opt.adam(ETA, BETA, Q(99, 100), 0)
        return one_step(opt.l2_penalty(optimizer, STRENGTH)) - one_step(
            opt.weight_decay(optimizer, LAMBDA)
        )

    def by_signs():
        """Both step by −η sign(g); the decay takes λw₀ away besides."""
        A, t, w = sp.Matrix(X), sp.Matrix(T), sp.Matrix(list(map(sp.Rational, W0)))
        g = A.T * (A * w - t)
        flips = (g + 2 * sp.Rational(STRENGTH) * w).applyfunc(sp.sign) - g.applyfunc(sp.sign)
        return list(sp.Rational(LAMBDA) * w - sp.Rational(ETA) * flips)

    yield by.recursion("the package's Adam, in fractions", package)
    yield by.closed_form("signs of the gradients", by_signs)


@claim(
    "E2.3.2.adam-blind",
    "Adam's first step ignores a penalty that flips no sign",
    for_all=r"$\eta$, $λ̃$, $w$ and $g$ with $g\,(g + 2λ̃ w) > 0$",
)
def adam_blind():
    def first(optimizer):
        return opt.replay(optimizer, [np.array([G1])], np.array([W])).params[1][0]

    def proved():
        plain = opt.adam(H, BETA, Q(99, 100), 0)
        penalized = first(opt.l2_penalty(plain, TILDE))
        return prove(
            sp.Eq(penalized, first(plain), evaluate=False),
            given=[G1 * (G1 + 2 * TILDE * W) > 0],
        )

    def three_strengths():
        plain = opt.adam(0.1, 0.9, 0.99, 0)
        g, w = loss().gradient(np.array(W0)).astype(float), np.array(W0, dtype=float)
        steps = [
            opt.l2_penalty(plain, s).update(g, plain.init(w), w)[0] for s in (0, 0.01, 0.2, 1 / 3)
        ]
        spread = np.ptp(steps, axis=0).max()
        return holds(spread < 1e-14, f"four strengths differ by {spread:.0e}")

    yield by.prover("Z3, of the package's Adam", proved)
    yield by.experiment("four strengths on the loss", three_strengths)


# -- the limits ----------------------------------------------------------------------------------


def late(optimizer, lam):
    """Return the last 500 of 4000 points of an optimizer with weight decay."""
    f = opt.least_squares(np.array(X, dtype=float), np.array(T, dtype=float))
    decayed = opt.weight_decay(optimizer, lam)
    return opt.run(decayed, f.gradient, np.array(W0, dtype=float), 4000).params[-500:]


def adam_written_out(lam):
    """Return 4000 points of Adam with weight decay, η = 0.01, in plain NumPy."""
    A, t = np.array(X, dtype=float), np.array(T, dtype=float)
    w, m, v, points = np.array(W0, dtype=float), 0.0, 0.0, []
    for k in range(1, 4001):
        g = A.T @ (A @ w - t)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        step = 0.01 * m / (1 - 0.9**k) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
        w = (1 - lam) * w - step
        points.append(w)
    return np.array(points)


def ridge(strength):
    """Return the minimum of the penalized loss, by its normal equations."""
    A, t = np.array(X, dtype=float), np.array(T, dtype=float)
    return np.linalg.solve(A.T @ A + 2 * strength * np.eye(3), A.T @ t)


@claim(
    "E2.3.2.limit-*",
    "where an optimizer with decay ends",
    cases=[
        case(
            "gd",
            r"gradient descent: the penalized minimum for $λ̃ = 0.2$",
            beta=0,
            weaker=1,
        ),
        case("momentum", r"momentum: that for $(1-\beta)λ̃$", beta=0.9, weaker=10),
    ],
)
def limits(beta=0, weaker=1):
    yield by.experiment(
        "4000 steps of the package's",
        lambda: late(opt.heavy_ball(0.05, beta, rate="inside"), 0.02)[-1],
    )
    yield by.algebra("normal equations", lambda: ridge(0.2 / weaker))


@claim(
    "E2.3.2.hovers",
    r"the last 500 of 4000 points of Adam with $\lambda = 0.004$ and $0.05$ lie within 0.01",
)
def hovers():
    def package():
        spread = max(np.ptp(late(opt.adam(0.01), lam), axis=0).max() for lam in (0.004, 0.05))
        return holds(spread < 0.01, f"spread over {spread:.4f} at most")

    def written_out():
        tails = [adam_written_out(lam)[-500:] for lam in (0.004, 0.05)]
        widest = max((tail.max(axis=0) - tail.min(axis=0)).max() for tail in tails)
        return holds(widest < 0.01, f"spread over {widest:.4f} at most")

    yield by.experiment("the package's", package)
    yield by.recursion("Adam written out", written_out)


@claim(
    "E2.3.2.limit-adam",
    r"with $\lambda = 0.004$ and $0.05$ Adam stays away from every penalized minimum",
)
def limit_of_adam():
    def to_minima(optimizer, lam):
        minima = np.array([ridge(s) for s in np.logspace(-8, 2, 400)])
        points = late(optimizer, lam)
        return np.linalg.norm(points[:, None] - minima, axis=-1).min()

    def package():
        least = min(to_minima(opt.adam(0.01), lam) for lam in (0.004, 0.05))
        return holds(least > 0.05, f"at least {least:.3f} away")

    def written_out():
        """Each penalized minimum as the least squares of the samples and a multiple of w."""
        A, t = np.array(X, dtype=float), np.array(T, dtype=float)
        minima = np.array(
            [
                np.linalg.pinv(np.vstack([A, np.sqrt(2 * s) * np.eye(3)])) @ np.r_[t, 0, 0, 0]
                for s in np.logspace(-9, 3, 1500)
            ]
        )
        ends = [adam_written_out(lam)[-1] for lam in (0.004, 0.05)]
        least = min(np.linalg.norm(w - minima, axis=1).min() for w in ends)
        return holds(least > 0.05, f"the last point is at least {least:.3f} away")

    yield by.experiment("the last 500 points of the package's", package)
    yield by.recursion("Adam written out, to its last point", written_out)
