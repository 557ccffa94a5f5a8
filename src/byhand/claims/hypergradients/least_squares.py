"""Claims of E2.2: one gradient step on least squares, and the best one."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import hypergradients as hg
from byhand.backpropagation import grad
from byhand.claims.hypergradients._plain import equal
from byhand.evidence import by, claim, holds, prove, sheet, slip
from byhand.optimization import exact

X, T, START, ETA = ((1, 2), (0, 1), (2, -1)), (1, 3, 2), (1, -1), Q(1, 5)


def plain(X=X, t=T, w0=START):
    """Return SymPy's matrices of the example: X, a = Xw₀ − t, w₀, and n."""
    A, w = sp.Matrix(X), sp.Matrix(w0)
    return A, A * w - sp.Matrix(t), w, len(t)


def squares(X, t):
    """Return the loss written out in x and y, and these."""
    x, y = sp.symbols("x y")
    return sum((p * x + q * y - goal) ** 2 for (p, q), goal in zip(X, t, strict=True)) / sp.Integer(
        len(t)
    ), (x, y)


# -- E2.2.1: the step, and the loss after it -----------------------------------------------------


@claim("E2.2.1.w1", r"$w_1$ for $X$ of shape $3\times2$, $\eta = 1/5$", answer=True)
def after_one_step(X=X, t=T, w0=START, eta=ETA):
    def stepped():
        return hg.trajectory(hg.least_squares(exact(X), exact(t)), exact(w0), [eta])[1]

    def written_out():
        loss, (x, y) = squares(X, t)
        at = {x: w0[0], y: w0[1]}
        slopes = [sp.diff(loss, s).subs(at) for s in (x, y)]
        return [p - sp.Rational(eta) * slope for p, slope in zip(w0, slopes, strict=True)]

    def printed(factor=2):
        A, a, w, n = plain(X, t, w0)
        return list(w - sp.Rational(eta) * factor * A.T * a / n)

    yield by.recursion("the package's step", stepped)
    yield by.algebra("the squares differentiated", written_out)
    yield sheet("w₀ − 2η/n Xᵀ(Xw₀ − t)", printed)
    yield slip("the step goes up: a minus sign is missing", lambda: printed(-2))
    yield slip("the square's factor 2 is missing", lambda: printed(1))


@claim("E2.2.1.loss", "$L_1$, the loss after it", answer=True)
def loss_after(X=X, t=T, w0=START, eta=ETA):
    def in_terms_of_a():
        c0, c1, c2 = hg.one_step_parabola(exact(X), exact(t), exact(w0))
        return c0 + c1 * eta + c2 * eta**2

    def written_out():
        loss, names = squares(X, t)
        at = dict(zip(names, w0, strict=True))
        moved = [
            p - sp.Rational(eta) * sp.diff(loss, s).subs(at) for p, s in zip(w0, names, strict=True)
        ]
        return loss.subs(dict(zip(names, moved, strict=True)), simultaneous=True)

    def printed(mean=3):
        A, a, w, n = plain(X, t, w0)
        residual = A * (w - 2 * sp.Rational(eta) * A.T * a / n) - sp.Matrix(t)
        return residual.dot(residual) / mean

    yield by.closed_form("a parabola in η, in terms of a", in_terms_of_a)
    yield by.algebra("the squares at the point after the step", written_out)
    yield sheet("1/n ‖X(w₀ − 2η/n Xᵀa) − t‖²", printed)
    yield slip("the mean's factor 1/n is missing", lambda: printed(1))
    yield slip("this is the loss before the step", lambda: (lambda a: a.dot(a) / 3)(plain()[1]))


@claim("E2.2.1.first-line", r"$\nabla L(w_0)$, as the first line has it")
def first_line(X=X, t=T, w0=START):
    def by_the_package():
        return hg.least_squares(exact(X), exact(t)).gradient(exact(w0))

    def differentiated():
        loss, names = squares(X, t)
        return [sp.diff(loss, s).subs(dict(zip(names, w0, strict=True))) for s in names]

    def printed():
        x, y = sp.symbols("x y")
        return sp.Matrix([p * x + q * y for p, q in X]).jacobian((x, y)).tolist()

    yield by.closed_form("(2/n)Xᵀa", by_the_package)
    yield by.algebra("the squares differentiated", differentiated)
    yield sheet(
        "∇(Xw₀ − t)",
        printed,
        erratum="The first line takes the gradient of Xw₀ − t, not of (1/n)‖Xw₀ − t‖²; the next "
        "line has the right one.",
    )


def symbolic(n=2, d=2):
    """Return X, t and w₀ of symbols."""
    X = np.array([[sp.Symbol(f"x{i}{j}", real=True) for j in range(d)] for i in range(n)])
    t = np.array([sp.Symbol(f"t{i}", real=True) for i in range(n)])
    return X, t, np.array([sp.Symbol(f"w{j}", real=True) for j in range(d)])


@claim(
    "E2.2.1.all",
    r"$L_1 = \frac1n\lVert a\rVert^2 - \frac{4\eta}{n^2}\lVert X^Ta\rVert^2 "
    r"+ \frac{4\eta^2}{n^3}\lVert XX^Ta\rVert^2$",
    for_all=r"$X$ of shape $2\times2$, $t$, $w_0$ and $\eta$",
)
def all_parabolas():
    def proved():
        X, t, w0 = symbolic()
        eta = sp.Symbol("eta", real=True)
        ran = hg.final_loss(hg.least_squares(X, t), w0, np.array([eta]))
        c0, c1, c2 = hg.one_step_parabola(X, t, w0)
        return prove(
            equal(ran, c0 + c1 * eta + c2 * eta**2),
            altered=[equal(ran, c0 + c1 * eta / 2 + c2 * eta**2)],
        )

    def by_matrices():
        """‖(I − (2η/n)XXᵀ)a‖² multiplied out."""
        eta = sp.Symbol("eta")
        X = sp.Matrix(2, 2, sp.symbols("x:4"))
        a = sp.Matrix(sp.symbols("a:2"))
        after = a - 2 * eta / 2 * X * X.T * a
        pull = X.T * a
        both = (X * pull).dot(X * pull)
        formula = a.dot(a) / 2 - eta * pull.dot(pull) + eta**2 * both / 2
        return holds(sp.expand(after.dot(after) / 2 - formula) == 0, "the difference is 0")

    yield by.prover("Z3, of the package's run and parabola", proved)
    yield by.algebra("the residual after the step, squared", by_matrices)


# -- E2.2.3: the best single step ----------------------------------------------------------------


def last_loss(X, t, w0):
    """Return the package's L₁ as a function of η."""
    loss, start = hg.least_squares(exact(X), exact(t)), exact(w0)
    return lambda eta: hg.final_loss(loss, start, exact([eta]))


def polynomial(X=X, t=T, w0=START):
    """Return L₁ as SymPy's polynomial in η, and η."""
    A, a, _, n = plain(X, t, w0)
    eta = sp.Symbol("eta")
    after = a - 2 * eta * A * A.T * a / n
    return sp.expand(after.dot(after) / n), eta


def slope(eta):
    loss, symbol = polynomial()
    return sp.diff(loss, symbol).subs(symbol, sp.Rational(eta))


@claim("E2.2.3.slope", r"$\partial L_1/\partial\eta$ at $\eta = 1/5$", answer=True)
def derivative(eta=ETA):
    def dot_product():
        loss = hg.least_squares(exact(X), exact(T))
        start, after = hg.trajectory(loss, exact(START), [eta])
        return -(loss.gradient(after) @ loss.gradient(start))

    def printed(first=4, second=8):
        A, a, _, n = plain()
        r, Xr = A.T * a, A * A.T * a
        return (
            -first * r.dot(r) / sp.Integer(n) ** 2 + second * sp.Rational(eta) * Xr.dot(Xr) / n**3
        )

    yield by.closed_form("minus the product of two gradients", dot_product)
    yield by.algebra("the polynomial differentiated", lambda: slope(eta))
    yield sheet("−4/n² aᵀXXᵀa + 8η/n³ aᵀXXᵀXXᵀa", printed)
    yield slip("the square's factor 2 is missing in the second term", lambda: printed(second=4))
    yield slip("the sign of the first term is lost", lambda: printed(first=-4))


@claim("E2.2.3.curvature", r"$\partial^2 L_1/\partial\eta^2$")
def curvature():
    def formula():
        _, _, c2 = hg.one_step_parabola(exact(X), exact(T), exact(START))
        return 2 * c2

    def differentiated():
        loss, eta = polynomial()
        return sp.diff(loss, eta, 2)

    def second_difference():
        L = last_loss(X, T, START)
        return L(2) - 2 * L(1) + L(0)

    yield by.closed_form("from the parabola", formula)
    yield by.algebra("differentiated twice", differentiated)
    yield by.differences("a second difference, exact for a parabola", second_difference)


@claim(
    "E2.2.3.convex",
    r"$L_1$ is convex in $\eta$: $\partial^2L_1/\partial\eta^2 \ge 0$",
    for_all=r"$X$ of shape $2\times2$, $t$ and $w_0$",
)
def convex():
    def proved():
        X, t, w0 = symbolic()
        c2 = hg.one_step_parabola(X, t, w0)[2]
        return prove(sp.Ge(c2, 0, evaluate=False), altered=[sp.Gt(c2, 0, evaluate=False)])

    def a_square():
        X = sp.Matrix(2, 2, sp.symbols("x:4"))
        a = sp.Matrix(sp.symbols("a:2"))
        after = a - sp.Symbol("eta") * X * X.T * a
        bent = sp.diff(after.dot(after), sp.Symbol("eta"), 2)
        return holds(sp.expand(bent - 2 * sum(p**2 for p in X * X.T * a)) == 0, "a sum of squares")

    yield by.prover("Z3, of the package's parabola", proved)
    yield by.algebra("a sum of squares", a_square)


@claim("E2.2.3.orthogonal", r"$\nabla L(w_1)\cdot\nabla L(w_0)$ at $\eta^*$")
def orthogonal():
    def at_the_best():
        loss, start = hg.least_squares(exact(X), exact(T)), exact(START)
        best = hg.best_step(exact(X), exact(T), start)
        after = hg.trajectory(loss, start, [best])[1]
        return loss.gradient(after) @ loss.gradient(start)

    yield by.recursion("the package's step", at_the_best)
    yield by.algebra("minus the slope at its zero", lambda: -slope(zero_of_slope()))


def zero_of_slope():
    loss, eta = polynomial()
    return sp.solve(sp.diff(loss, eta), eta)[0]


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
        zero, one, two = map(last_loss(X, t, w0), (0, 1, 2))
        curvature = zero - 2 * one + two
        return Q(1) - (two - zero) / (2 * curvature)

    n = len(t)

    def printed(factor=Q(n, 2)):
        A, a, _, _ = plain(X, t, w0)
        r, Xr = A.T * a, A * A.T * a
        return sp.Rational(factor) * r.dot(r) / Xr.dot(Xr)

    yield by.closed_form("the formula", lambda: hg.best_step(exact(X), exact(t), exact(w0)))
    yield by.algebra("the zero of the derivative", differentiated)
    yield by.differences("the parabola through three points", through_three_points)
    yield sheet("n/2 (aᵀX)²/(aᵀXXᵀXXᵀa)", printed)
    yield slip("the mean's factor n/2 is missing", lambda: printed(Q(1)))
    yield slip("it is twice this: a factor 2 is counted once too often", lambda: printed(Q(n, 4)))


@claim(
    "E2.2.3.all",
    r"$L_1(\eta) \ge L_1(\eta^*)$, with equality at $\eta^*$ only",
    for_all=r"$X$ of shape $2\times2$, $t$, $w_0$ with $X^Ta \ne 0$, and all $\eta$",
)
def best_of_all():
    def proved():
        """η* is the vertex of the parabola, and this opens upwards: in a and X alone.

        w₀ = 0 and t = −a make any residual.
        """
        X, a, _ = symbolic()
        nowhere = np.array([sp.S.Zero] * 2)
        _, c1, c2 = hg.one_step_parabola(X, -a, nowhere)
        num, den = sp.fraction(sp.together(hg.best_step(X, -a, nowhere)))
        opens = sp.Gt(c2, 0, evaluate=False)
        return prove(
            equal(-c1 * den, 2 * c2 * num) & opens,
            given=[sp.Or(*(sp.Ne(pull, 0) for pull in X.T @ a))],
            altered=[equal(-c1 * den, c2 * num) & opens],
        )

    def completed_square():
        """What L₁ has more than at η* is a square times ‖XXᵀa‖²/2, and aᵀXXᵀa = ‖Xᵀa‖²."""
        X, eta = sp.Matrix(2, 2, sp.symbols("x:4")), sp.Symbol("eta")
        a = sp.Matrix(sp.symbols("a:2"))
        pull, pushed = X.T * a, X * X.T * a
        best = pull.dot(pull) / pushed.dot(pushed)
        loss = (a - eta * pushed).dot(a - eta * pushed) / 2
        gap = loss - loss.subs(eta, best) - pushed.dot(pushed) * (eta - best) ** 2 / 2
        only_there = sp.expand(a.dot(pushed) - pull.dot(pull)) == 0  # XXᵀa = 0 only if Xᵀa = 0
        return holds(sp.cancel(gap) == 0 and only_there, "both are identities")

    yield by.prover("Z3, of the package's formulas", proved)
    yield by.algebra("the square completed", completed_square)


@claim("E2.2.3.line-1", r"$\partial L_1/\partial\eta$ at $\eta = 1/5$, as the first line has it")
def line_1(eta=ETA):
    def printed():
        A, a, w, n = plain()
        residual = A * (w - 2 * sp.Rational(eta) * A.T * a / n) - sp.Matrix(T)
        return sp.Rational(2, n) * residual.dot(residual)

    yield by.autodiff("a reverse sweep", lambda: swept(eta))
    yield by.algebra("the polynomial differentiated", lambda: slope(eta))
    yield sheet(
        "2/n (X(w₀ − 2η/n Xᵀa) − t)²",
        printed,
        erratum="This is twice the loss (its square read as a squared norm), not a derivative: "
        "the factor 2 belongs to the next line.",
    )


def swept(eta):
    loss, start = hg.least_squares(exact(X), exact(T)), exact(START)
    return grad(lambda etas: hg.final_loss(loss, start, etas))([eta])[0]


@claim("E2.2.3.line-3", r"$\partial L_1/\partial\eta$ at $\eta = 1/5$, as the third line has it")
def line_3(eta=ETA):
    def printed():
        A, a, _, n = plain()
        step = sp.Rational(2, n) * sp.Rational(eta) * A * A.T * a
        return sp.Rational(2, n) * (a - step).dot(-step)

    yield by.autodiff("a reverse sweep", lambda: swept(eta))
    yield by.algebra("the polynomial differentiated", lambda: slope(eta))
    yield sheet(
        "2/n (a − 2η/n XXᵀa)(−2η/n XXᵀa)",
        printed,
        erratum="The derivative of −(2η/n)XXᵀa in η is −(2/n)XXᵀa; the third line keeps the η.",
    )


@claim("E2.2.3.line-4", r"$\partial L_1/\partial\eta$ at $\eta = 0$")
def line_4():
    def printed():
        A, a, _, n = plain()
        eta = sp.Symbol("eta")
        step = sp.Rational(2, n) * eta * A * A.T * a
        line = sp.Rational(2, n) * (a - step).dot(-step)
        return line.subs(eta, 0)

    yield by.autodiff("a reverse sweep", lambda: swept(Q(0)))
    yield by.algebra("the polynomial differentiated", lambda: slope(0))
    yield sheet(
        "2/n aᵀ(I − 2η/n XXᵀ)(−2η/n XXᵀ)a = 0",
        printed,
        erratum="With the η of the third line the fourth also holds at η = 0, where L₁ falls; the "
        "fifth line drops that η without a word.",
    )


# -- the range of the best step ------------------------------------------------------------------


@claim(
    "E2.2.3.range",
    r"$1/\eta^*$ lies between the two eigenvalues of $M = \frac2nX^TX$",
    for_all=r"$X$ of shape $2\times2$, $t$ and $w_0$ with $X^Ta \ne 0$",
)
def step_range():
    def proved():
        """μ lies between the roots of M's characteristic polynomial where that is at most 0."""
        X, a, _ = symbolic()
        nowhere = np.array([sp.S.Zero] * 2)
        best = hg.best_step(X, -a, nowhere)
        num, den = sp.fraction(sp.together(best))
        M = X.T @ X
        trace, determinant = M[0, 0] + M[1, 1], M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0]
        return prove(
            den**2 - trace * den * num + determinant * num**2 <= 0,
            altered=[den**2 - trace * den * num + 2 * determinant * num**2 <= 0],
        )

    def in_eigenvectors():
        """Along eigenvectors it is a mean of the eigenvalues with weights that are squares."""
        p, q = sp.symbols("p q", positive=True)
        r, s = sp.symbols("r s", real=True)
        curvature = (p * r**2 + q * s**2) / (r**2 + s**2)
        product = sp.factor((curvature - p) * (curvature - q))
        return holds(
            sp.simplify(product + (r * s * (p - q) / (r**2 + s**2)) ** 2) == 0,
            "the product of its distances is", product,
        )  # fmt: skip

    yield by.prover("Z3, of the package's formula", proved)
    yield by.algebra("along eigenvectors", in_eigenvectors)


@claim(
    "E2.2.3.singular",
    r"best steps of 48 starts lie in $[1/9, 1]$ where the curvatures are 9, 1 and 0",
)
def singular():
    """Curvatures 9, 1, 0: X = diag(3, 1) with a column of zeros."""

    def through(residual):
        X, w = exact([[3, 0, 0], [0, 1, 0]]), exact([1, -1, 2])
        return hg.best_step(X, X @ w - exact(residual) + 3, w)

    def enumerated():
        steps = [through(each) for each in np.ndindex(7, 7) if each != (3, 3)]
        return holds(
            all(Q(1, 9) <= step <= 1 for step in steps), f"from {min(steps)} to {max(steps)}"
        )

    def weighted():
        steps = []
        for p, q in np.ndindex(7, 7):
            r, s = 3 * (p - 3), q - 3
            if (r, s) != (0, 0):
                steps.append(Q(r * r + s * s, 9 * r * r + s * s))
        return holds(
            all(Q(1, 9) <= step <= 1 for step in steps), f"from {min(steps)} to {max(steps)}"
        )

    yield by.enumeration("residuals on a grid of 7 × 7", enumerated)
    yield by.closed_form("weighted means of 9 and 1", weighted)


@claim("E2.2.3.ends", "the best steps along the eigenvectors of the curvatures 9 and 1")
def ends():
    def best_steps():
        nine_and_one = exact([[3, 0], [0, 1]]), exact([0, 0])
        return [hg.best_step(*nine_and_one, exact(w)) for w in ([1, 0], [0, 1])]

    def by_search():
        """The vertices of the parabolas through three losses."""
        found = []
        for w in ((1, 0), (0, 1)):
            zero, one, two = map(last_loss(((3, 0), (0, 1)), (0, 0), w), (0, 1, 2))
            found.append(Q(1) - (two - zero) / (2 * (zero - 2 * one + two)))
        return found

    yield by.closed_form("the formula", best_steps)
    yield by.differences("parabolas through three losses", by_search)


@claim(
    "E2.2.3.long-step",
    r"nine steps of $\eta^* = 1$, beyond $2/\lambda_{\max} = 2/9$: the loss from $(1, 1)$",
)
def long_step():
    def run():
        loss = hg.least_squares(exact([[3, 0], [0, 1]]), exact([0, 0]))
        return hg.final_loss(loss, exact([1, 1]), exact([1] * 9))

    yield by.recursion("the run", run)
    yield by.closed_form("9 · 8¹⁸/2, with a factor 1 − 9 for each step", lambda: 9 * 8**18 / Q(2))


@claim("E2.2.3.stationary", r"$X^Ta = 0$: $L_1$ at $\eta = 0, 1, 7$")
def stationary(X=((1, 0), (0, 1), (0, 0)), t=(1, 1, 1), w0=(1, 1)):
    yield by.recursion("three runs", lambda: [last_loss(X, t, w0)(eta) for eta in (0, 1, 7)])
    yield by.hand("the residual (0, 0, −1) stays", lambda: [Q(1, 3)] * 3)
