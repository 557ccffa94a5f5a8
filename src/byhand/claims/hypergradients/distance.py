"""Claims of D3.5: what becomes of a hypergradient with its distance from the end of the run."""

from __future__ import annotations

from fractions import Fraction as Q
from itertools import combinations

import numpy as np
import sympy as sp

from byhand import hypergradients as hg
from byhand.backpropagation import grad
from byhand.claims.hypergradients._plain import equal, terrain
from byhand.evidence import by, case, claim, holds, once, prove, sheet
from byhand.optimization import exact

UNSTABLE = "potentially unstable due to vanishing or exploding gradients"

# -- the factor, and what the gradients at its ends make of it -----------------------------------

CURVATURES = {"convex": (0.2, 0.4, 0.6, 0.8, 1.0), "saddle": (-0.05, 0.25, 0.5, 0.75, 1.0)}

QUADRATICS = [
    case("1", r"$\eta = 1.9/\lambda_{\max}$", kind="convex", eta=1.9),
    case("2", r"$\eta = 2.1/\lambda_{\max}$", kind="convex", eta=2.1),
    case("3", r"$\eta = 1/\lambda_{\max}$, a saddle", kind="saddle", eta=1.0),
]


def hessian(kind):
    """Return a full matrix with the curvatures of this kind."""
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((5, 5)))[0]
    return turn @ np.diag(CURVATURES[kind]) @ turn.T, turn


@claim("D3.5.rate-*", r"growth of $\log\lVert\prod(I - \eta H)\rVert$ per factor", cases=QUADRATICS)
def rate(kind="convex", eta=1.9, factors=60):
    def measured():
        factor = np.eye(5) - eta * hessian(kind)[0]
        powers = [np.linalg.matrix_power(factor, j) for j in range(factors + 1)]
        norms = [np.linalg.norm(power, 2) for power in powers]
        return np.polyfit(range(factors + 1), np.log(norms), 1)[0]

    def by_eigenvalues():
        return np.log(max(abs(1 - eta * curvature) for curvature in CURVATURES[kind]))

    rounding = {"rtol": 1e-9, "because": "a line through 61 logarithms of powers of a matrix"}
    yield by.closed_form("the largest modulus of an eigenvalue", by_eigenvalues)
    yield by.experiment("61 powers of the matrix", measured, **rounding)


@claim("D3.5.even-*", "all 61 hypergradients of 61 such steps", cases=QUADRATICS)
def even(kind="convex", eta=1.9, k=61):
    start = (3, 1, -2, 1, 2)

    def swept():
        A, turn = hessian(kind)
        loss = hg.quadratic((A + A.T) / 2, np.zeros(5))
        return hg.hypergradients(loss, turn @ np.array(start, dtype=float), np.full(k, eta))

    def along_eigenvectors():
        curvatures = np.array(CURVATURES[kind])
        terms = curvatures**2 * np.array(start) ** 2 * (1 - eta * curvatures) ** (2 * k - 1)
        return [-terms.sum()] * k

    rounding = {"rtol": 1e-10, "because": "61 factors of up to 1.1, each rounded"}
    yield by.recursion("the reverse sweep", swept, **rounding)
    yield by.closed_form("one number for all, along the eigenvectors", along_eigenvectors)


@claim("D3.5.network-even", "60 steps of the network: the hypergradients differ by less than 2 %")
def network_even(eta=0.1, k=60):
    def through_the_run():
        loss, start = terrain()

        def last(etas):
            w = start
            for eta in etas:
                w = w - eta * grad(loss)(w)
            return loss(w)

        found = grad(last)(np.full(k, eta))
        spread = np.ptp(found) / np.abs(found).min()
        return holds(spread < 0.02, f"{spread:.1%}")

    def swept():
        found = hg.hypergradients(*hg.terrain_network(), np.full(k, eta))
        spread = np.ptp(found) / np.abs(found).min()
        return holds(spread < 0.02, f"{spread:.1%}")

    yield by.experiment("the reverse sweep", swept)
    yield by.autodiff("a sweep over the run written out", through_the_run)


# -- noise ---------------------------------------------------------------------------------------


@claim(
    "D3.5.noise-rate",
    "at rest among noise, the hypergradients of the last six steps, the last first",
)
def noise_rate(h=Q(1), c=Q(1), eta=Q(1, 2), k=6):
    """The second moment at rest solves m = (1 − ηh)² m + η²c."""

    def rest():
        return eta**2 * c / (1 - (1 - eta * h) ** 2)

    def swept():
        problem = [np.array([part], dtype=object) for part in (h, c, rest())]
        return hg.schedule_hypergradients(*problem, exact([eta] * k))[::-1]

    def geometric():
        m = eta**2 * c / (1 - (1 - eta * h) ** 2)
        last = h / 2 * (2 * eta * c - 2 * h * (1 - eta * h) * m)
        return [last * (1 - eta * h) ** (2 * j) for j in range(k)]

    yield by.recursion("the sweep over moments", swept)
    yield by.closed_form("a geometric sequence of ratio (1 − ηh)²", geometric)


@claim(
    "D3.5.vanishes",
    r"at rest among noise, $h=c=1$ and $\eta=\frac1{10}$, a derivative 60 steps before the end is "
    "below a thousandth of the last",
)
def vanishes(h=Q(1), c=Q(1), eta=Q(1, 10), k=61):
    def swept():
        m = eta**2 * c / (1 - (1 - eta * h) ** 2)
        found = hg.schedule_hypergradients(*map(exact, ([h], [c], [m], [eta] * k)))
        ratio = abs(found[0] / found[-1])
        return holds(ratio < Q(1, 1000), f"{float(ratio):.0e}")

    def geometric():
        ratio = (1 - eta * h) ** (2 * (k - 1))
        return holds(ratio < Q(1, 1000), f"{float(ratio):.0e}")

    yield by.recursion("the sweep over moments", swept)
    yield by.closed_form("the ratio (1 − ηh)² for each step", geometric)
    yield sheet(UNSTABLE, lambda: True)


# -- mini-batches --------------------------------------------------------------------------------

SAMPLES, BATCH, ETA, K = 12, 3, 0.05, 40


def data(noisy, seed=0):
    """Return least squares in the plane whose curvature is 2 in every direction, and a start.

    Without noise each sample can be fitted, and the start is off by 1; with noise it is the
    minimum, where the mini-batches pull in different directions.
    """
    rng = np.random.default_rng(seed)
    X = np.linalg.qr(rng.standard_normal((SAMPLES, 2)))[0] * np.sqrt(SAMPLES)
    t = X @ np.ones(2) + noisy * rng.standard_normal(SAMPLES)
    return X, t, np.linalg.lstsq(X, t)[0] + (not noisy)


@claim(
    "D3.5.samples",
    "noisy samples: the loss's Hessian, and its gradient at the start, in three rows",
)
def samples():
    def by_the_data():
        X, t, start = data(noisy=True)
        gradient = 2 / SAMPLES * X.T @ (X @ start - t)
        return [*(2 / SAMPLES * X.T @ X), gradient]

    rounding = {"floor": 1e-14, "because": "sums of twelve products, rounded"}
    yield by.hand("curvature 2 in every direction, and a minimum", lambda: [[2, 0], [0, 2], [0, 0]])
    yield by.experiment("from the samples", by_the_data, **rounding)


@once
def sizes(noisy, seed=1, runs=500):
    """Return the root mean square of ∂L/∂η_s over runs with random batches, the last step first."""
    X, t, start = data(noisy)
    every = [
        hg.least_squares(X[list(rows)], t[list(rows)])
        for rows in combinations(range(SAMPLES), BATCH)
    ]
    rng, whole = np.random.default_rng(seed), hg.least_squares(X, t)
    etas, squares = np.full(K, ETA), np.zeros(K)
    for _ in range(runs):
        batches = [every[i] for i in rng.integers(len(every), size=K)]
        squares += hg.hypergradients(whole, start, etas, batches) ** 2
    return np.sqrt(squares / runs)[::-1]


@once
def sizes_written_out(noisy, seed=2, runs=4000):
    """Return the same from runs side by side: the tangent of each step, carried to the end."""
    X, t, start = data(noisy)
    rng = np.random.default_rng(seed)
    rows = np.argsort(rng.random((runs, K, SAMPLES)), axis=-1)[..., :BATCH]
    w, tangents = np.tile(start, (runs, 1)), np.zeros((K, runs, 2))
    for s in range(K):
        A, b = X[rows[:, s]], t[rows[:, s]]
        residual = np.einsum("rbi,ri->rb", A, w) - b
        g = 2 / BATCH * np.einsum("rbi,rb->ri", A, residual)
        moved = np.einsum("rbi,rbj,krj->kri", A, A, tangents[:s], optimize=True)
        tangents[:s] -= ETA * 2 / BATCH * moved
        tangents[s] = -g
        w = w - ETA * g
    last = 2 / SAMPLES * (w @ X.T - t) @ X
    found = np.einsum("ri,kri->kr", last, tangents)
    return np.sqrt(np.mean(found**2, axis=1))[::-1]


def slope(sizes):
    """Return the growth of the logarithm per step, from 3 to 25 steps before the end."""
    return np.polyfit(np.arange(3, 25), np.log(sizes[3:25]), 1)[0]


@claim(
    "D3.5.mini-batch-rate", "decay per step of the hypergradient's root mean square, mini-batches"
)
def mini_batch_rate():
    def by_theory():
        """Half the logarithm of the largest eigenvalue of the mean of F ⊗ F over all batches."""
        X, _, _ = data(noisy=True)
        total, count = np.zeros((4, 4)), 0
        for rows in combinations(range(SAMPLES), BATCH):
            part = X[list(rows)]
            F = np.eye(2) - ETA * 2 / BATCH * part.T @ part
            total, count = total + np.kron(F, F), count + 1
        return np.log(np.abs(np.linalg.eigvals(total / count)).max()) / 2

    noise = {"rtol": 0.12, "because": "4000 runs, and 25 steps are not yet the limit"}
    yield by.closed_form("the mean of the factors' squares", by_theory)
    yield by.experiment("runs side by side", lambda: slope(sizes_written_out(noisy=True)), **noise)


@claim(
    "D3.5.mini-batches", "with noise the first of 40 steps counts less than a twentieth of the last"
)
def mini_batches():
    def swept():
        ratio = sizes(noisy=True)[-1] / sizes(noisy=True)[0]
        return holds(ratio < 1 / 20, f"{ratio:.3f}")

    def tangents():
        ratio = sizes_written_out(noisy=True)[-1] / sizes_written_out(noisy=True)[0]
        return holds(ratio < 1 / 20, f"{ratio:.3f}")

    yield by.experiment("the package's sweeps", swept)
    yield by.recursion("tangents written out", tangents)


@claim(
    "D3.5.interpolation",
    "where all samples can be fitted, the first of 40 steps counts as the last, within a third",
)
def interpolation():
    def swept():
        ratio = sizes(noisy=False)[-1] / sizes(noisy=False)[0]
        return holds(2 / 3 < ratio < 3 / 2, f"{ratio:.2f} times")

    def tangents():
        ratio = sizes_written_out(noisy=False)[-1] / sizes_written_out(noisy=False)[0]
        return holds(2 / 3 < ratio < 3 / 2, f"{ratio:.2f} times")

    yield by.experiment("the package's sweeps", swept)
    yield by.recursion("tangents written out", tangents)


# -- curvature that changes ----------------------------------------------------------------------


def two_valleys():
    """Return ½(w⁴ − w²), on which the step of size 2 is w ↦ 3w − 4w³."""
    return hg.quartic(exact([[-1]]), exact([[1], [1]]))


@claim(
    "D3.5.factor",
    r"$\bigl(1 - 2H(w)\bigr)^2(1 - w^2) = 9\,(1 - w_1^2)$ for a step from $w$ to $w_1$",
    for_all="$w$",
)
def factor():
    w = sp.Symbol("w", real=True)

    def proved():
        loss, at = two_valleys(), np.array([w])
        after = hg.trajectory(loss, at, exact([2]))[1][0]
        bent = 1 - 2 * loss.hvp(at, np.array([sp.S.One]))[0]
        left = bent**2 * (1 - w**2)
        return prove(equal(left, 9 * (1 - after**2)), altered=[equal(left, 9 * (1 - after))])

    def by_angles():
        """With w = cos θ the step is cos θ ↦ −cos 3θ, and its slope −3 sin 3θ / sin θ."""
        t = sp.Symbol("theta")
        step = 3 * sp.cos(t) - 4 * sp.cos(t) ** 3
        slope = -sp.diff(step, t) / sp.sin(t)
        gap = slope**2 * sp.sin(t) ** 2 - 9 * (1 - step**2)
        return holds(sp.expand(gap.rewrite(sp.exp)) == 0, "as an angle that is tripled")

    yield by.prover("Z3, of the package's loss", proved)
    yield by.algebra("with an angle", by_angles)


@claim("D3.5.chaos", "the square of the product of five factors on the run from 1/3")
def chaos(start=Q(1, 3), factors=5):
    def multiplied():
        w = hg.trajectory(two_valleys(), exact([start]), exact([2] * factors))
        slopes = [1 - 2 * two_valleys().hvp(at, exact([1]))[0] for at in w[:-1]]
        return np.prod(np.array(slopes, dtype=object)) ** 2

    def telescoped():
        w = start
        for _ in range(factors):
            w = 3 * w - 4 * w**3
        return 9**factors * (1 - w**2) / (1 - start**2)

    yield by.recursion("the factors multiplied, in fractions", multiplied)
    yield by.closed_form("all sines but the first and the last cancel", telescoped)


@claim(
    "D3.5.chaos-rate", "growth of the logarithm of a hypergradient per step, the mean of 200 starts"
)
def chaos_rate(starts=200, k=14):
    def swept():
        slopes = []
        for w in np.cos(np.pi * (np.arange(starts) + 0.5) / starts):
            found = np.abs(hg.hypergradients(two_valleys(), [w], np.full(k, 2.0))[::-1])
            slopes.append(np.polyfit(range(k), np.log(found), 1)[0])
        return np.mean(slopes)

    yield by.closed_form("log 3", lambda: np.log(3))
    yield by.experiment(
        "200 runs", swept, rtol=1e-8, because="a rounding error is tripled at each of 14 steps"
    )


@claim(
    "D3.5.explodes",
    r"in the bounded run from $\frac13$ a derivative seven steps before the end is over 500 times "
    "the last",
)
def explodes(start=Q(1, 3), k=8):
    def swept():
        found = hg.hypergradients(two_valleys(), exact([start]), exact([2] * k))
        ratio = float(abs(found[0] / found[-1]))
        return holds(ratio > 500, f"{ratio:.0f}")

    def by_sines():
        w = [float(start)]
        for _ in range(k):
            w.append(3 * w[-1] - 4 * w[-1] ** 3)
        g = [2 * x**3 - x for x in w]
        product = 3 ** (k - 1) * np.sqrt((1 - w[k] ** 2) / (1 - w[1] ** 2))
        ratio = abs(product * g[0] / g[k - 1])
        return holds(ratio > 500, f"{ratio:.0f}")

    yield by.recursion("the sweep, in fractions", swept)
    yield by.closed_form("the telescoped product", by_sines)
    yield sheet(UNSTABLE, lambda: True)
