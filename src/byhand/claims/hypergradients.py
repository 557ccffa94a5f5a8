"""Claims of chapter 4, Hypergradients."""

from fractions import Fraction as Q

import numpy as np
import sympy as sp
from matplotlib.cbook import get_sample_data

from byhand import hypergradients as hg
from byhand.backpropagation import grad
from byhand.evidence import by, case, claim, holds, once, prove, sheet, slip
from byhand.optimization import exact

# -- D3.1: the derivative in the last step size --------------------------------------------------


@claim(
    "D3.1.all-quadratics",
    r"$\partial L(w(2))/\partial\eta_2 = -\nabla L(w(2)) \cdot \nabla L(w(1))$",
    for_all=r"$L = \frac12 w^TAw$ in two variables, $w(0)$, $\eta_1$ and $\eta_2$",
)
def last_step():
    a, b, c, w1, w2, eta1, eta2 = sp.symbols("a b c w1 w2 eta1 eta2", real=True)

    def by_the_package():
        return hg.quadratic(np.array([[a, b], [b, c]]), np.array([sp.S.Zero, sp.S.Zero]))

    def proved():
        loss, start = by_the_package(), np.array([w1, w2])
        *_, before, last = hg.trajectory(loss, start, np.array([eta1, eta2]))
        slope = sp.diff(loss.value(last), eta2)
        dot = loss.gradient(last) @ loss.gradient(before)
        return prove(sp.Eq(slope, -dot), altered=[sp.Eq(slope, dot)])

    def by_matrices():
        """L(w(2)) = ½ ‖…‖² written with matrices, and differentiated by the chain rule."""
        A, w = sp.Matrix([[a, b], [b, c]]), sp.Matrix([w1, w2])
        before = (sp.eye(2) - eta1 * A) * w
        last = (sp.eye(2) - eta2 * A) * before
        slope = sp.diff((last.T * A * last)[0] / 2, eta2)
        return holds(sp.expand(slope + ((A * last).T * A * before)[0]) == 0, "the difference is 0")

    yield by.prover("Z3, of the package's descent", proved)
    yield by.algebra("with matrices", by_matrices)


# -- D3.2: what a learned step size forgives -----------------------------------------------------


@claim("D3.2.gradient", "loss and gradient of the network at its start")
def network_gradient(seed=0, units=12, spacing=34):
    def by_the_package():
        loss, start = hg.terrain_network(seed=seed)
        return [loss.value(start), *loss.gradient(start)]

    def by_the_tape():
        """The network from the map itself, with its loss written out and swept backwards."""
        heights = get_sample_data("jacksboro_fault_dem.npz")["elevation"][::spacing, ::spacing]
        rows, columns = (np.linspace(-1, 1, size) for size in heights.shape)
        places = np.array([[r, c] for r in rows for c in columns])
        goals = (heights.ravel() - heights.mean()) / heights.std()
        start = np.zeros(4 * units + 1)
        start[: 3 * units] = 1.5 * np.random.default_rng(seed).standard_normal(3 * units)

        def loss(w):
            hidden = np.tanh(
                places @ w[: 2 * units].reshape((units, 2)).T + w[2 * units : 3 * units]
            )
            return np.mean((hidden @ w[3 * units : -1] + w[-1] - goals) ** 2) / 2

        return [loss(start), *grad(loss)(start)]

    rounding = {"rtol": 1e-10, "floor": 1e-14, "because": "sums of 120 samples, rounded"}
    yield by.closed_form("the package's", by_the_package, **rounding)
    yield by.autodiff("the reverse sweep of the loss written out", by_the_tape, **rounding)


GUESSES = np.logspace(-6, 1, 15)
"""First guesses of a step size."""


@once
def last_losses(seed, alpha=0.0):
    """Return the losses after 500 steps from each first guess; nan where a run did not end."""
    network = hg.terrain_network(seed=seed)
    runs = [hg.tuned_descent(*network, guess, alpha, steps=500) for guess in GUESSES]
    return np.array([each.losses[-1] for each in runs])


@claim(
    "D3.2.learned",
    r"with $\eta$ learned, the worst loss from the 12 guesses $10^{-6}$ to $10^{-1/2}$ is within a "
    r"quarter of the best that any constant $\eta$ reaches",
    cases=[case(f"start-{seed}", f"start {seed}", seed=seed) for seed in range(3)],
)
def forgives(seed=0, alpha=0.1):
    def best_constant():
        return np.nanmin(last_losses(seed))

    def by_the_package():
        ratio = last_losses(seed, alpha)[:12].max() / best_constant()
        return holds(ratio <= 1.25, f"{ratio:.3f} times the best")

    def written_out():
        """The rule written out for three of the guesses, against every constant step size."""
        loss, start = hg.terrain_network(seed=seed)

        def end(eta, alpha):
            w, before = start, None
            for _ in range(500):
                g = loss.gradient(w)
                if before is not None:
                    eta = eta + alpha * (g @ before)
                w, before = w - eta * g, g
            return loss.value(w)

        with np.errstate(all="ignore"):
            best = np.nanmin([end(guess, 0.0) for guess in GUESSES[8:13]])
        ratio = max(end(guess, alpha) for guess in GUESSES[[0, 6, 11]]) / best
        return holds(ratio <= 1.25, f"{ratio:.3f} times the best")

    yield by.experiment("the package's runs", by_the_package)
    yield by.recursion("the rule written out, for three guesses", written_out)


# -- E2.2.3: the best single step ----------------------------------------------------------------

X, T, START = ((1, 2), (0, 1), (2, -1)), (1, 3, 2), (1, -1)


@claim("E2.2.3.best", r"$\eta^*$", answer=True)
def best_step(X=X, t=T, w0=START):
    def differentiated():
        eta = sp.Symbol("eta")
        A, w = sp.Matrix(X), sp.Matrix(w0)
        r = A.T * (A * w - sp.Matrix(t))
        after = A * (w - eta * sp.Rational(2, len(t)) * r) - sp.Matrix(t)
        return sp.solve(sp.diff(after.dot(after), eta), eta)[0]

    def through_three_points():
        """The vertex of the parabola through L₁ at η = 0, 1, 2, in fractions."""
        line, start = hg.least_squares(exact(X), exact(t)), exact(w0)
        zero, one, two = (hg.final_loss(line, start, exact([eta])) for eta in (0, 1, 2))
        curvature = zero - 2 * one + two
        return Q(1) - (two - zero) / (2 * curvature)

    n = len(t)

    def printed(factor=Q(n, 2)):
        a = exact(X) @ exact(w0) - exact(t)
        r = exact(X).T @ a
        Xr = exact(X) @ r
        return factor * (r @ r) / (Xr @ Xr)

    yield by.closed_form("the formula", lambda: hg.best_step(exact(X), exact(t), exact(w0)))
    yield by.algebra("the zero of the derivative", differentiated)
    yield by.differences("the parabola through three points", through_three_points)
    yield sheet("n/2 (aᵀX)²/(aᵀXXᵀXXᵀa)", printed)
    yield slip("the mean's factor n/2 is missing", lambda: printed(Q(1)))
    yield slip("it is twice this: a factor 2 is counted once too often", lambda: printed(Q(n, 4)))
