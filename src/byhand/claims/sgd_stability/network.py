"""Claims beyond the sheets: d dimensions, and the edge of stability on a small network."""

from __future__ import annotations

from fractions import Fraction as Q
from itertools import product

import numpy as np
import scipy.optimize
import sympy as sp

from byhand import sgd_stability as sgd
from byhand.backpropagation import jacobian
from byhand.backpropagation.networks import initial_parameters
from byhand.claims.sgd_stability._exact import same
from byhand.evidence import Estimate, by, case, claim, holds, once, prove, slip
from byhand.sgd_stability import edge

# -- d dimensions --------------------------------------------------------------------------------

TWO = np.array([[[2, 1], [1, 1]], [[1, 0], [0, 3]]])
"""Two samples' Hessians, which do not commute."""

AXES = np.array([np.diag([1, 4]), np.diag([3, 2])])
"""Two that do: the curvatures 1 and 3 along one axis, 4 and 2 along the other."""


@claim(
    "beyond-3.operator",
    r"$\mathbb E\,ww^T$ after three steps from $(1, 0)$, at $\eta=\frac12$",
)
def operator(H=TWO, eta=Q(1, 2), t=3):
    def by_the_operator():
        T = sgd.second_moment_operator(H, eta)
        M = np.array([Q(1), Q(0), Q(0), Q(0)])
        for _ in range(t):
            M = T @ M
        return M.reshape(2, 2)

    def every_run():
        total = np.zeros((2, 2), dtype=int)
        for matrices in product(H, repeat=t):
            w = np.array([Q(1), Q(0)])
            for each in matrices:
                w = w - eta * (each @ w)
            total = total + np.outer(w, w)
        return total / Q(len(H) ** t)

    yield by.recursion("the operator, three times", by_the_operator)
    yield by.enumeration("every sequence of draws", every_run)


@claim(
    "beyond-3.operator-end.*",
    r"the end of the range in mean square, in $d$ dimensions",
    cases=[
        case("line", "$d=1$, curvatures 1 and 3", H=np.array([[[1]], [[3]]])),
        case("axes", r"$\mathrm{diag}(1, 4)$ and $\mathrm{diag}(3, 2)$", H=AXES),
        case("two", "two matrices that do not commute", H=TWO),
    ],
    answer=True,
)  # fmt: skip
def operator_end(H=TWO):
    def by_the_spectral_radius():
        """Bisection on the largest modulus of an eigenvalue of M ↦ mean of A M Aᵀ."""

        def excess(eta):
            steps = [np.eye(len(H[0])) - eta * each for each in H]
            T = sum(np.einsum("ij,kl->ikjl", a, a) for a in steps) / len(H)
            size = len(H[0]) ** 2
            return np.abs(np.linalg.eigvals(T.reshape(size, size))).max() - 1

        return scipy.optimize.brentq(excess, 0.05, 2.0, xtol=1e-15)

    yield by.closed_form("a generalized eigenvalue", lambda: sgd.operator_threshold(H))
    yield by.algebra(
        "where the spectral radius is 1",
        by_the_spectral_radius,
        rtol=1e-11,
        because="the slope of the radius amplifies rounding in its eigenvalues",
    )
    yield slip(
        "this is the end in the mean, 2 over the largest eigenvalue of H",
        lambda: 2 / np.linalg.eigvalsh(np.mean(H, axis=0))[-1],
    )


@claim(
    "beyond-3.direction",
    r"$\frac1N\sum_n\bigl(v^T(I-\eta H_n)v\bigr)^2$ is $g(\eta)$ for the curvatures $v^TH_nv$",
    for_all=r"two symmetric $2\times2$ matrices, unit vectors $v$ and $\eta$",
)
def direction():
    names = sp.symbols("a1 b1 c1 a2 b2 c2", real=True)
    v1, v2, eta = sp.symbols("v1 v2 eta", real=True)
    v = sp.Matrix([v1, v2])
    H = [sp.Matrix([[a, b], [b, c]]) for a, b, c in (names[:3], names[3:])]

    def proved():
        curvatures = [sp.expand((v.T * each * v)[0]) for each in H]
        g = sgd.square_factor(curvatures, eta)
        steps = [(v.T * (sp.eye(2) - eta * each) * v)[0] for each in H]
        mean = sum(step**2 for step in steps) / 2
        return prove(same(mean, g), given=[same(v1**2 + v2**2, 1)])

    def as_a_trace():
        """tr(vvᵀ T(vvᵀ)), on the circle: v = (cos, sin) by its rational parameter."""
        s = sp.Symbol("s")
        circle = {v1: (1 - s**2) / (1 + s**2), v2: 2 * s / (1 + s**2)}
        both, steps = v * v.T, [sp.eye(2) - eta * each for each in H]
        T = sum((step * both * step for step in steps), sp.zeros(2)) / 2
        curvatures = [(v.T * each * v)[0] for each in H]
        g = sum((1 - eta * x) ** 2 for x in curvatures) / 2
        off = ((both * T).trace() - g).subs(circle)
        return holds(sp.cancel(sp.together(off)) == 0, "the difference cancels to 0")

    yield by.prover("Z3, of the package's g", proved)
    yield by.algebra("a trace, with a rational point of the circle", as_a_trace)


def random_hessians(rng, n: int, d: int) -> np.ndarray:
    """Return n positive semidefinite matrices of rank 1 or 2."""
    return np.array([(A := rng.normal(size=(d, rng.integers(1, 3)))) @ A.T for _ in range(n)])


@claim(
    "beyond-3.every-direction",
    r"the end in $d$ dimensions is at most $2h_v/(h_v^2+\rho_v)$, with the curvatures $v^TH_nv$",
    for_all=r"symmetric $H_n$ with a positive definite mean and all directions $v$",
    evidence="sampled",
    because="an eigenvalue of a matrix of any size; 60 sets of matrices, 50 directions each.",
)
def every_direction():
    def eigenvalue():
        rng, shares = np.random.default_rng(17), []
        for d in (2, 3, 4) * 20:
            H = random_hessians(rng, d + 3, d)
            for v in rng.normal(size=(50, d)):
                v /= np.linalg.norm(v)
                curvatures = np.einsum("i,nij,j->n", v, H, v)
                shares.append(sgd.operator_threshold(H) / sgd.mean_square_threshold(curvatures))
        return holds(max(shares) <= 1 + 1e-12, f"it is at most {max(shares):.3f} of it")

    def growth():
        """At the end of a direction the mean square of runs no longer shrinks after 200 steps."""
        rng, growths = np.random.default_rng(18), []
        for d in (2, 3, 4) * 20:
            rows, v = rng.normal(size=(d + 3, d)), rng.normal(size=d)
            H, v = rows[:, :, None] * rows[:, None, :], v / np.linalg.norm(v)
            steps = np.eye(d) - sgd.mean_square_threshold(np.einsum("i,nij,j->n", v, H, v)) * H
            M = np.eye(d)
            for _ in range(200):
                M = np.mean(steps @ M @ steps, axis=0)
                size, M = np.trace(M), M / np.trace(M)
            growths.append(np.log(size))
        return holds(min(growths) > -1e-6, f"its logarithm changes by {min(growths):+.4f} or more")

    yield by.algebra("a generalized eigenvalue", eigenvalue)
    yield by.recursion("second moments, step by step", growth)


@claim(
    "beyond-3.lowest-direction",
    r"the smallest $2h_v/(h_v^2+\rho_v)$ of all directions $v$, for the two that do not commute",
)
def lowest_direction(H=TWO):
    def searched():
        """From the best of 400 angles."""

        def end(angle):
            v = np.array([np.cos(angle), np.sin(angle)])
            return sgd.mean_square_threshold([float(v @ each @ v) for each in H])

        best = min(np.linspace(0, np.pi, 400), key=end)
        around = (best - 0.01, best, best + 0.01)
        return scipy.optimize.minimize_scalar(end, bracket=around, tol=1e-10).fun

    def solved():
        """Where the derivative by the slope s of v = (1, s) is zero, and at s = ±∞."""
        s = sp.Symbol("s", real=True)
        v = sp.Matrix([1, s])
        curvatures = [sp.expand((v.T * sp.Matrix(each.tolist()) * v)[0]) for each in H]
        end = 2 * sum(curvatures) * (1 + s**2) / sum(x**2 for x in curvatures)
        places = sp.real_roots(sp.Poly(sp.numer(sp.together(sp.diff(end, s))), s))
        values = [sp.limit(end, s, sp.oo), *(end.subs(s, place) for place in places)]
        return min(float(value.evalf(30)) for value in values)

    yield by.recursion("a search over angles", searched)
    yield by.algebra("all critical points of a rational function", solved)
    yield slip("this is the end of the range", lambda: sgd.operator_threshold(H))


# -- a small network, on paper -------------------------------------------------------------------


def features(w: np.ndarray, n: np.ndarray):
    """Return hidden values and residuals of runs w, shape (R, 3m + 1), at samples n, (R, k)."""
    m = (w.shape[1] - 1) // 3
    x, y = edge.X[n, 0], edge.Y[n, 0]
    hidden = np.tanh(w[:, None, :m] * x[:, :, None] + w[:, None, m : 2 * m])
    outputs = (hidden * w[:, None, 2 * m : 3 * m]).sum(axis=2) + w[:, 3 * m :]
    return x, hidden, outputs - y


def gradients_of_outputs(w: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return ∂output/∂w by hand, shape (R, k, 3m + 1)."""
    x, hidden, residual = features(w, n)
    m = hidden.shape[2]
    back = w[:, None, 2 * m : 3 * m] * (1 - hidden**2)
    return np.concatenate(
        [back * x[:, :, None], back, hidden, np.ones((*residual.shape, 1))], axis=2
    )


def plain_gradient(w: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the gradient of the mean of ½ residual² by hand, for each run."""
    return (features(w, n)[2][:, :, None] * gradients_of_outputs(w, n)).mean(axis=1)


def after_single_samples(
    w: np.ndarray, eta: float, steps: int, rng: np.random.Generator
) -> np.ndarray:
    """Return where steps of SGD lead, with a sample drawn for each run and gradients by hand."""
    for _ in range(steps):
        w = w - eta * plain_gradient(w, rng.integers(len(edge.X), size=(len(w), 1)))
    return w


def plain_losses(w: np.ndarray) -> np.ndarray:
    return (features(w, every_sample(len(w)))[2] ** 2).mean(axis=1) / 2


def every_sample(runs: int) -> np.ndarray:
    return np.tile(np.arange(len(edge.X)), (runs, 1))


def plain_sharpness(w: np.ndarray, step: float = 1e-5) -> float:
    """Return the largest eigenvalue of central differences of the gradient."""
    shifted = np.concatenate([w + step * np.eye(len(w)), w - step * np.eye(len(w))])
    ahead, behind = np.split(plain_gradient(shifted, every_sample(len(shifted))), 2)
    hessian = (ahead - behind) / (2 * step)
    return float(np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1])


def plain_threshold(w: np.ndarray) -> float:
    """Return where residuals, which a step multiplies by I − ηK eₙeₙᵀ, lose their stability."""
    J = gradients_of_outputs(w[None], every_sample(1))[0]
    K, one = J @ J.T, np.eye(len(J))

    def excess(eta):
        steps = [one - eta * np.outer(K[:, n], one[n]) for n in range(len(K))]
        T = sum(np.kron(step, step) for step in steps) / len(K)
        return np.abs(np.linalg.eigvals(T)).max() - 1 - 1e-9

    return scipy.optimize.brentq(excess, 0.5 / K.diagonal().max(), 4 * len(K) / K.diagonal().max())


# -- the edge of stability -----------------------------------------------------------------------

CASES = {
    "a": {"width": 20, "seed": 1, "eta": 0.3, "steps": 1500},
    "b": {"width": 50, "seed": 2, "eta": 0.3, "steps": 1500},
    "c": {"width": 20, "seed": 2, "eta": 0.4, "steps": 1500},
    "d": {"width": 50, "seed": 1, "eta": 0.4, "steps": 3000},
}


LABELS = [
    case(name, r"width {width}, $\eta={eta}$, {steps} steps, start {seed}".format(**one), **one)
    for name, one in CASES.items()
]


def start(width: int, seed: int) -> np.ndarray:
    return initial_parameters(np.random.default_rng(seed), [1, width, 1])


def start_by_hand(width: int, seed: int) -> np.ndarray:
    """Return weights of variance 2/(1 + width) and biases 0."""
    first, second = np.random.default_rng(seed).normal(size=(2, width)) * np.sqrt(2 / (1 + width))
    return np.concatenate([first, np.zeros(width), second, [0.0]])


@once
def descended(width: int, seed: int, eta: float, steps: int):
    """Return where gradient descent ends, and what was read on the way."""
    return edge.descend(start(width, seed), eta, steps, every=100)


@once
def descended_by_hand(width: int, seed: int, eta: float, steps: int) -> np.ndarray:
    w, n = start_by_hand(width, seed)[None], every_sample(1)
    for _ in range(steps):
        w = w - eta * plain_gradient(w, n)
    return w[0]


@claim(
    "beyond-3.edge.*",
    r"at the end of gradient descent the sharpness is within a tenth of $2/\eta$",
    cases=LABELS,
)
def at_the_edge(width=20, seed=1, eta=0.3, steps=1500):
    def reading():
        _, readings = descended(width, seed, eta, steps)
        share = eta / 2 * np.median([one.sharpness for one in readings[-5:]])
        return holds(abs(share - 1) < 0.1, f"it is {share:.2f} of it")

    def by_hand():
        w = descended_by_hand(width, seed, eta, steps)
        share = eta / 2 * plain_sharpness(w)
        return holds(abs(share - 1) < 0.1, f"it is {share:.2f} of it")

    yield by.experiment("reverse sweeps, and power iteration", reading)
    yield by.differences("gradients by hand, and their differences", by_hand)


@claim("beyond-3.sharpens.*", r"at the start the sharpness is below $0.8\cdot2/\eta$", cases=LABELS)
def below_the_edge(width=20, seed=1, eta=0.3, steps=1500):
    def reading():
        share = eta / 2 * edge.read(start(width, seed)).sharpness
        return holds(share < 0.8, f"it is {share:.2f} of it")

    def by_hand():
        share = eta / 2 * plain_sharpness(start_by_hand(width, seed))
        return holds(share < 0.8, f"it is {share:.2f} of it")

    yield by.experiment("reverse sweeps, and power iteration", reading)
    yield by.differences("gradients by hand, and their differences", by_hand)


@claim(
    "beyond-3.too-sharp.*",
    r"there $\eta$ is over 1.5 times the end in mean square for single samples",
    cases=LABELS,
)
def too_sharp(width=20, seed=1, eta=0.3, steps=1500):
    def reading():
        _, readings = descended(width, seed, eta, steps)
        ratio = eta / readings[-1].threshold
        return holds(ratio > 1.5, f"it is {ratio:.2f} times that")

    def by_hand():
        ratio = eta / plain_threshold(descended_by_hand(width, seed, eta, steps))
        return holds(ratio > 1.5, f"it is {ratio:.2f} times that")

    yield by.experiment("reverse sweeps, and a generalized eigenvalue", reading)
    yield by.algebra("gradients by hand, and a spectral radius", by_hand)


@claim(
    "beyond-3.jumps.*",
    r"within 50 steps of SGD at the same $\eta$ the loss rises more than a thousandfold",
    cases=LABELS,
)
def jumps(width=20, seed=1, eta=0.3, steps=1500, then=50):
    def reading():
        w, _ = descended(width, seed, eta, steps)
        _, readings = edge.descend(w, eta, then, np.random.default_rng(0), every=1)
        rise = max(one.loss for one in readings) / readings[0].loss
        return holds(rise > 1000, f"by a factor of {rise:.0e}")

    def by_hand(runs=40):
        """The least of forty runs."""
        rng = np.random.default_rng(29)
        w = np.tile(descended_by_hand(width, seed, eta, steps), (runs, 1))
        before, highest = plain_losses(w)[0], np.zeros(runs)
        for _ in range(then):
            w = after_single_samples(w, eta, 1, rng)
            highest = np.maximum(highest, plain_losses(w))
        rise = highest.min() / before
        return holds(rise > 1000, f"by a factor of {rise:.0e} or more")

    yield by.autodiff("a run with reverse sweeps", reading)
    yield by.experiment("forty runs with gradients by hand", by_hand)


@claim(
    "beyond-3.leaves.*",
    r"1000 steps of SGD at the same $\eta$ lead to where $\eta$ is below the end, or to infinity",
    cases=LABELS,
)
def leaves(width=20, seed=1, eta=0.3, steps=1500, then=1000):
    """A run that is lost counts as gone; of the others the end must have risen above η."""

    def reading():
        w, _ = descended(width, seed, eta, steps)
        w, readings = edge.descend(w, eta, then, np.random.default_rng(0), every=100)
        if readings[-1].step < then:
            return holds(True, "the run is lost")
        ratio = eta / readings[-1].threshold
        return holds(ratio < 1, f"η is {ratio:.2f} of the end where it is then")

    def by_hand(runs=6):
        rng = np.random.default_rng(30)
        w = np.tile(descended_by_hand(width, seed, eta, steps), (runs, 1))
        with np.errstate(over="ignore", invalid="ignore"):
            w = after_single_samples(w, eta, then, rng)
            w = w[plain_losses(w) < edge.LOST]
        ratios = [eta / plain_threshold(one) for one in w]
        where = f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "no share"
        return holds(
            all(ratio < 1 for ratio in ratios),
            f"{runs - len(w)} of {runs} runs are lost, the others at {where} of it",
        )

    yield by.autodiff("a run with reverse sweeps", reading)
    yield by.experiment("six runs with gradients by hand", by_hand)


@claim(
    "beyond-3.stays.*",
    r"at 0.7 times its end in mean square, 1000 steps of SGD change the sharpness by less than 5 %",
    cases=LABELS,
)
def stays(width=20, seed=1, eta=0.3, steps=1500, then=1000):
    def reading():
        w, readings = descended(width, seed, eta, steps)
        _, after = edge.descend(
            w, 0.7 * readings[-1].threshold, then, np.random.default_rng(0), every=500
        )
        change = after[-1].sharpness / after[0].sharpness - 1
        return holds(abs(change) < 0.05, f"by {change:+.1%}")

    def by_hand(runs=6):
        rng, before = np.random.default_rng(31), descended_by_hand(width, seed, eta, steps)
        w, step = np.tile(before, (runs, 1)), 0.7 * plain_threshold(before)
        w = after_single_samples(w, step, then, rng)
        changes = [plain_sharpness(one) / plain_sharpness(before) - 1 for one in w]
        return holds(max(np.abs(changes)) < 0.05, f"by {min(changes):+.1%} to {max(changes):+.1%}")

    yield by.autodiff("a run with reverse sweeps", reading)
    yield by.experiment("six runs with gradients by hand", by_hand)


# -- the linear theory holds close to a minimum --------------------------------------------------


@once
def minimum(width: int, seed: int) -> np.ndarray:
    """Return a minimum with loss 0 to rounding: gradient descent, then Gauss–Newton steps."""
    w, _ = edge.descend(start(width, seed), 0.2, 800, every=800)
    for _ in range(12):
        J, residual = jacobian(edge.outputs)(w)[:, 0], (edge.outputs(w) - edge.Y)[:, 0]
        w = w - np.linalg.pinv(J, rcond=1e-10) @ residual
    return w


@once
def minimum_by_hand(width: int, seed: int) -> np.ndarray:
    w, n = descended_by_hand(width, seed, 0.2, 800)[None], every_sample(1)
    for _ in range(12):
        J, residual = gradients_of_outputs(w, n)[0], features(w, n)[2][0]
        w = w - np.linalg.lstsq(J, residual, rcond=1e-10)[0]
    return w[0]


def hessians(width: int, seed: int) -> np.ndarray:
    return sgd.rank_one_hessians(jacobian(edge.outputs)(minimum(width, seed))[:, 0])


@claim(
    "beyond-3.close.*",
    r"$\mathbb E\,f(w(3))/\sigma^2$ from $w(0) = w^* + \sigma z$, at twice the end in mean square",
    cases=[
        case("20", "width 20", width=20, seed=0),
        case("50", "width 50", width=50, seed=1),
    ],
)
def close_to_a_minimum(width=20, seed=0, t=3, sigma=1e-5, runs=40_000):
    def by_the_operator():
        """½ tr(H M), where M is what the operator makes of I."""
        H = hessians(width, seed)
        T = sgd.second_moment_operator(H, 2 * sgd.operator_threshold(H))
        M = np.linalg.matrix_power(T, t) @ np.eye(H.shape[1]).ravel()
        return float(np.mean(H, axis=0).ravel() @ M / 2)

    def on_the_network():
        w = minimum_by_hand(width, seed)
        rng, eta = np.random.default_rng(40), 2 * plain_threshold(w)
        many = w + sigma * rng.normal(size=(runs, len(w)))
        many = after_single_samples(many, eta, t, rng)
        losses = plain_losses(many) / sigma**2
        return Estimate(losses.mean(), losses.std(ddof=1) / np.sqrt(runs))

    yield by.recursion("powers of the operator", by_the_operator)
    yield by.sampling("40,000 runs of the network", on_the_network)


@claim(
    "beyond-3.typical.*",
    r"6 % above the end in mean square, 300 steps divide the median loss of runs by more than ten",
    cases=[
        case("20", "width 20", width=20, seed=0),
        case("50", "width 50", width=50, seed=1),
    ],
)
def typical(width=20, seed=0, t=300, sigma=1e-9, excess=1.06):
    def on_the_network(runs=400):
        w = minimum_by_hand(width, seed)
        rng, eta = np.random.default_rng(41), excess * plain_threshold(w)
        many = w + sigma * rng.normal(size=(runs, len(w)))
        before = np.median(plain_losses(many))
        many = after_single_samples(many, eta, t, rng)
        share = np.median(plain_losses(many)) / before
        return holds(share < 0.1, f"it is {share:.2g} of what it was")

    def of_products(runs=400):
        """Products of random matrices, in the space of the gradients."""
        H = hessians(width, seed)
        rng, eta = np.random.default_rng(42), excess * sgd.operator_threshold(H)
        z = rng.normal(size=(runs, H.shape[1]))
        mean = H.mean(axis=0)
        before = np.median(np.einsum("ri,ij,rj->r", z, mean, z))
        for _ in range(t):
            z = z - eta * np.einsum("rij,rj->ri", H[rng.integers(len(H), size=runs)], z)
        share = np.median(np.einsum("ri,ij,rj->r", z, mean, z)) / before
        return holds(share < 0.1, f"it is {share:.2g} of what it was")

    yield by.experiment("400 runs of the network", on_the_network)
    yield by.sampling("400 products of random matrices", of_products)


@claim(
    "beyond-3.on-average.*",
    r"there the mean square is multiplied, per step and in the long run, by",
    cases=[
        case("20", "width 20", width=20, seed=0),
        case("50", "width 50", width=50, seed=1),
    ],
)
def on_average(width=20, seed=0, excess=1.06):
    def by_eigenvalue():
        H = hessians(width, seed)
        T = sgd.second_moment_operator(H, excess * sgd.operator_threshold(H))
        return float(np.linalg.eigvalsh(T)[-1])

    def by_repetition(steps=3000):
        """The growth of tr(M) per step, after many steps of M ← mean of A M Aᵀ."""
        w = minimum_by_hand(width, seed)
        J = gradients_of_outputs(w[None], every_sample(1))[0]
        K, one, eta = J @ J.T, np.eye(len(J)), excess * plain_threshold(w)
        A = np.array([one - eta * np.outer(K[:, n], one[n]) for n in range(len(K))])
        M, size = one, 1.0
        for _ in range(steps):
            M = np.mean(A @ M @ np.swapaxes(A, 1, 2), axis=0)
            size, M = float(np.trace(M)), M / np.trace(M)
        return size

    yield by.algebra("the largest eigenvalue of the operator", by_eigenvalue)
    yield by.recursion(
        "second moments of the residuals, step by step",
        by_repetition,
        rtol=1e-6,
        because="the two ends are found to nine digits",
    )
