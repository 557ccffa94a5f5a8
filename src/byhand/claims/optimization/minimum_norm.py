"""Claims of E1.1: among all solutions, mini-batch SGD finds the one nearest to its start."""

from __future__ import annotations

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.backpropagation import grad
from byhand.evidence import by, case, claim, holds, once, prove, sheet


@once
def data():
    """Return three samples of seven features, targets, and a start that is not 0."""
    rng = np.random.default_rng(11)
    return rng.normal(size=(3, 7)), rng.normal(size=3), rng.normal(size=7)


def start_of(name):
    return np.zeros(7) if name == "zero" else data()[2]


def minibatch_sgd(name, steps=12000, size=2, eta=0.05):
    """Return where the package's SGD ends that sees two random samples at a time."""
    X, t, _ = data()
    rng = np.random.default_rng(7)

    def gradient(w):
        rows = rng.choice(len(X), size, replace=False)
        return opt.least_squares(X[rows], t[rows]).gradient(w)

    return opt.run(opt.gradient_descent(eta), gradient, start_of(name), steps).params[-1]


@claim("E1.1.gradient", r"$\nabla\|Xw-t\|^2$")
def gradient():
    def package():
        X, t, w = data()
        return len(X) * opt.least_squares(X, t).gradient(w)

    def swept():
        X, t, w = data()
        return grad(lambda w: ((X @ w - t) ** 2).sum())(w)

    def printed():
        X, t, w = data()
        return 2 * X.T @ (X @ w - t)

    yield by.closed_form("the package's gradient, as n = 3", package)
    yield by.autodiff("a reverse sweep", swept)
    yield sheet("2Xᵀ(Xw − t)", printed)


def symbols(name, *shape):
    names = [f"{name}{''.join(map(str, at))}" for at in np.ndindex(*shape)]
    return np.array([sp.Symbol(one, real=True) for one in names], dtype=object).reshape(shape)


@claim(
    "E1.1.row-space",
    "a gradient has no part along $n$",
    for_all=r"mini-batches of two samples in three variables, $w$, and $n$ with $Xn = 0$",
)
def row_space():
    X, t, w, n = symbols("x", 2, 3), symbols("t", 2), symbols("w", 3), symbols("n", 3)

    def proved():
        slope = opt.least_squares(X, t).gradient(w) @ n
        return prove(sp.Eq(slope, 0), given=[sp.Eq(row @ n, 0) for row in X])

    def factored():
        """∇L·n is the sum of 2/B times each error times its row's product with n."""
        loss = sum((row @ w - one) ** 2 for row, one in zip(X, t, strict=True)) / 2
        slope = sum(sp.diff(loss, a) * b for a, b in zip(w, n, strict=True))
        rest = sum((row @ w - one) * (row @ n) for row, one in zip(X, t, strict=True))
        return holds(sp.expand(slope - rest) == 0, "a sum of multiples of the products")

    yield by.prover("Z3, of the package's gradient", proved)
    yield by.algebra("factored", factored)


@claim(
    "E1.1.*",
    "where SGD on mini-batches ends",
    cases=[
        case("limit", "from 0", start="zero"),
        case("other-start", "from $w_0$", start="random"),
    ],
    answer="vector",
)
def limit(start="zero"):
    def pseudoinverse():
        X, t, w0 = data()
        w0 = w0 if start == "random" else 0 * w0
        return w0 + np.linalg.pinv(X) @ (t - X @ w0)

    def null_space():
        """The solution of least norm, and the part of the start that no gradient sees."""
        X, t, _ = data()
        null = np.linalg.svd(X)[2][3:]
        least = np.linalg.lstsq(X, t, rcond=None)[0]
        return least + null.T @ (null @ data()[2]) * (start == "random")

    def printed():
        X, t, _ = data()
        return X.T @ np.linalg.inv(X @ X.T) @ t

    def package():
        X, t, _ = data()
        return opt.minimum_norm_solution(X, t, start_of(start))

    yield by.experiment("12 000 mini-batches of two samples", lambda: minibatch_sgd(start))
    yield by.closed_form("the package's formula", package)
    yield by.algebra("singular vectors", null_space)
    yield by.closed_form("the pseudoinverse", pseudoinverse)
    if start == "zero":
        yield sheet("Xᵀ(XXᵀ)⁻¹t", printed)


# -- what is proved of the limit -----------------------------------------------------------------


def nearest(samples):
    """Return X, t, the package's solution nearest to w₀, w₀, and hypotheses of another one ŵ."""
    X, t, w0 = symbols("x", samples, 3), symbols("t", samples), symbols("v", 3)
    other = symbols("w", 3)
    found = opt.minimum_norm_solution(X, t, w0)
    full_rank = sp.Ne((sp.Matrix(X) * sp.Matrix(X).T).det(), 0)
    solves = [sp.Eq(row @ other, one) for row, one in zip(X, t, strict=True)]
    return X, t, found, w0, other, [full_rank, *solves]


@claim(
    "E1.1.least-norm",
    r"no solution $\hat w$ is nearer to $w_0$",
    for_all=r"one sample in three variables, $w_0$ and solutions $\hat w$",
)
def least_norm():
    def proved():
        *_, found, w0, other, given = nearest(1)
        return prove(((found - w0) ** 2).sum() <= ((other - w0) ** 2).sum(), given=given)

    def random_solutions():
        X, t, w0 = data()
        best = w0 + np.linalg.pinv(X) @ (t - X @ w0)
        null = np.linalg.svd(X)[2][3:]
        others = best + np.random.default_rng(12).normal(size=(1000, 4)) @ null
        least = (np.linalg.norm(others - w0, axis=1) / np.linalg.norm(best - w0)).min()
        return holds(least > 1, f"1000 others are at least {least:.3f} times as far")

    yield by.prover("Z3, of the package's solution", proved)
    yield by.experiment("three samples in seven variables", random_solutions)
    yield sheet("has minimum norm", lambda: True)


@claim(
    "E1.1.least-norm-two",
    r"no solution $\hat w = w^* + s\,x_1\times x_2$ is nearer to $w_0$",
    for_all=r"two samples $x_1, x_2$ in three variables with $\det XX^T \ne 0$, $t$, $w_0$ and $s$",
)
def least_norm_of_two():
    def proved():
        """What is orthogonal to both samples is a multiple of their cross product."""
        X, _, found, w0, _, (full_rank, *_) = nearest(2)
        other = found + sp.Symbol("s", real=True) * np.cross(*X)
        near, far = (((w - w0) ** 2).sum() for w in (found, other))
        return prove(near <= far, given=[full_rank], altered=[near < far])

    def by_projection():
        """Of random pairs: the distance from w₀ along the line of solutions, by its derivative."""
        rng, least = np.random.default_rng(15), np.inf
        for X in rng.normal(size=(50, 2, 3)):
            w0, t, along = rng.normal(size=3), rng.normal(size=2), np.linalg.svd(X)[2][2]
            foot = np.linalg.lstsq(X, t, rcond=None)[0]
            foot = foot - along * (along @ (foot - w0))
            far = np.linalg.norm(foot + along - w0)
            off = np.abs(opt.minimum_norm_solution(X, t, w0) - foot).max()
            least = min(least, far - np.linalg.norm(foot - w0), 1e-9 - off)
        return holds(least > 0, "in 50 planes")

    yield by.prover("Z3, of the package's solution", proved)
    yield by.experiment("the foot of the perpendicular from w₀", by_projection)


@claim(
    "E1.1.solves",
    "the formula solves $Xw = t$",
    for_all=r"two samples in three variables with $\det XX^T \ne 0$, and $w_0$",
)
def solves():
    def proved():
        X, t, found, *_, given = nearest(2)
        right = [sp.Eq(row @ found, one) for row, one in zip(X, t, strict=True)]
        wrong = sp.Eq(X[0] @ found, t[1])
        return prove(sp.And(*right), given=given, altered=[wrong])

    def by_matrices():
        X, t, w0 = data()
        found = w0 + X.T @ np.linalg.solve(X @ X.T, t - X @ w0)
        off = np.abs(X @ found - t).max()
        return holds(off < 1e-13, f"off by {off:.0e} in seven variables")

    yield by.prover("Z3, of the package's solution", proved)
    yield by.experiment("three samples in seven variables", by_matrices)


@claim(
    "E1.1.orthogonal",
    r"$(w^*-\hat w)^Tw^* = 0$",
    for_all=r"two samples in three variables with $\det XX^T \ne 0$ and solutions "
    r"$\hat w = w^* + s\,x_1\times x_2$",
)
def orthogonal():
    def proved():
        X, t, *_, (full_rank, *_) = nearest(2)
        found, s = opt.minimum_norm_solution(X, t), sp.Symbol("s", real=True)
        other = found + s * np.cross(*X)
        product = (found - other) @ found
        return prove(sp.Eq(product, 0), given=[full_rank], altered=[sp.Eq(product, s)])

    def random_solutions():
        X, t, _ = data()
        best, null = np.linalg.pinv(X) @ t, np.linalg.svd(X)[2][3:]
        others = best + np.random.default_rng(13).normal(size=(1000, 4)) @ null
        off = np.abs((best - others) @ best).max()
        return holds(off < 1e-12, f"at most {off:.0e} for 1000 solutions")

    yield by.prover("Z3, of the package's solution", proved)
    yield by.experiment("three samples in seven variables", random_solutions)
    yield sheet("(w − ŵ)ᵀw = 0", lambda: True)


@claim(
    "E1.1.perpendicular",
    r"$\hat w^Tw^* > 0$ unless $t = 0$",
    for_all=r"one sample in three variables and its solutions $\hat w$",
)
def perpendicular():
    def proved():
        X, t, _, _, other, given = nearest(1)
        found = opt.minimum_norm_solution(X, t)
        return prove(other @ found > 0, given=[*given, sp.Ne(t[0], 0)])

    def in_closed_form():
        """ŵᵀw* = ‖w*‖² = tᵀ(XXᵀ)⁻¹t, which is positive, for each of 1000 other solutions."""
        X, t, _ = data()
        product, null = t @ np.linalg.solve(X @ X.T, t), np.linalg.svd(X)[2][3:]
        others = np.linalg.pinv(X) @ t + np.random.default_rng(14).normal(size=(1000, 4)) @ null
        off = np.abs(others @ (np.linalg.pinv(X) @ t) - product).max()
        return holds(product > 0 and off < 1e-12, f"{product:.3f} for 1000 solutions")

    yield by.prover("Z3, of the package's solution", proved)
    yield by.closed_form("the product in seven variables", in_closed_form)
    yield sheet(
        "w and ŵ are perpendicular",
        lambda: False,
        erratum="Its equation says that w is perpendicular to w − ŵ; to ŵ itself it is not, unless "
        "t = 0.",
    )
