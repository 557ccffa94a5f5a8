"""Claims of D3.1 to D3.4: the derivative in each step size of a run."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import hypergradients as hg
from byhand.backpropagation import grad
from byhand.claims.hypergradients._plain import (
    differentiated,
    equal,
    example,
    plain,
    points,
    steps,
    symbolic_quadratic,
    unknown_loss,
)
from byhand.evidence import by, case, claim, holds, prove, sheet, slip
from byhand.linear_algebra import central_difference, complex_step
from byhand.optimization import exact

LOSSES = [
    case("quadratic", "quadratic", on="quadratic"),
    case("quartic", "quartic", on="quartic"),
    case("network", "network", on="network"),
]

OVER_SIX_STEPS = {
    "rtol": 1e-11,
    "floor": 1e-15,
    "because": "sums of 132 samples, through six steps",
}


BY_FORCE = "the last loss expanded and differentiated"
SWEPT = "a reverse sweep over the whole run"


# -- the example ---------------------------------------------------------------------------------


@claim("D3.1.run", "the quartic's run, $w(0)$ to $w(3)$")
def run():
    def by_the_package():
        return np.array(hg.trajectory(*example("quartic")))

    yield by.recursion("the package's run", by_the_package)
    yield by.hand("worked on paper", lambda: [[0, 2], [-1, 0], [0, 1], [Q(-1, 3), Q(1, 3)]])


# -- D3.1: the derivative in the last step size --------------------------------------------------


@claim("D3.1.*", r"$\partial L(w(k))/\partial\eta_k$", cases=LOSSES, answer=True)
def last_step(on="quadratic"):
    def formula():
        loss, *run = example(on)
        *_, before, last = hg.trajectory(loss, *run)
        return -(loss.gradient(last) @ loss.gradient(before))

    def printed(sign=-1, back=2):
        loss = plain(on)
        gradients = [loss.gradient(w) for w in points(loss)]
        return sign * (gradients[-1] @ gradients[-back])

    yield by.closed_form("minus the product of two gradients", formula)
    if on == "network":
        yield by.autodiff(SWEPT, lambda: differentiated(on)[-1], **OVER_SIX_STEPS)
    else:
        yield by.algebra(BY_FORCE, lambda: differentiated(on)[-1])
    yield sheet("−∇L(w(t−1))·∇L(w(t−2))", printed)
    yield slip("the step goes against the gradient: a minus sign is missing", lambda: printed(1))
    yield slip("both gradients are taken at the end", lambda: printed(back=1))


@claim("D3.1.second-line", "the derivative as the second line has it, on the quartic")
def second_line():
    def formula():
        loss, *run = example("quartic")
        *_, before, last = hg.trajectory(loss, *run)
        return -(loss.gradient(last) @ loss.gradient(before))

    def printed():
        loss, eta = plain("quartic"), sp.Symbol("eta")
        *_, before, last = points(loss)
        moved = before - eta * loss.gradient(before)
        return -(loss.gradient(last) @ [sp.diff(entry, eta) for entry in moved])

    yield by.closed_form("minus the product of two gradients", formula)
    yield by.algebra("differentiated", lambda: differentiated("quartic")[-1])
    yield sheet(
        "−∇L(w(t−1)) · ∂/∂η(w(t−2) − η∇L(w(t−2)))",
        printed,
        erratum="The second line has one minus sign too many; the third line drops one, so the "
        "result is right.",
    )


@claim(
    "D3.1.all-quadratics",
    r"$\partial L(w(2))/\partial\eta_2 = -\nabla L(w(2)) \cdot \nabla L(w(1))$",
    for_all=r"$L = \frac12 w^TAw$ in two variables, $w(0)$, $\eta_1$ and $\eta_2$",
)
def last_step_on_quadratics():
    def proved():
        (loss, start), etas = symbolic_quadratic(), steps(2)
        *_, before, last = hg.trajectory(loss, start, etas)
        slope = sp.diff(loss.value(last), etas[-1])
        dot = loss.gradient(last) @ loss.gradient(before)
        return prove(equal(slope, -dot), altered=[equal(slope, dot)])

    def by_matrices():
        """L(w(2)) = ½ ‖…‖² written with matrices, and differentiated by the chain rule."""
        a, b, c, w1, w2, eta1, eta2 = sp.symbols("a b c w1 w2 eta1 eta2")
        A, w = sp.Matrix([[a, b], [b, c]]), sp.Matrix([w1, w2])
        before = (sp.eye(2) - eta1 * A) * w
        last = (sp.eye(2) - eta2 * A) * before
        slope = sp.diff((last.T * A * last)[0] / 2, eta2)
        return holds(sp.expand(slope + ((A * last).T * A * before)[0]) == 0, "the difference is 0")

    yield by.prover("Z3, of the package's descent", proved)
    yield by.algebra("with matrices", by_matrices)


# -- D3.2: the derivative in the step size of the step size --------------------------------------

TUNED = (2, -2), Q(1, 2), Q(1, 24)
"""Start, first step size and α of two steps."""

NET_TUNED = 0.1, 0.05
"""First step size and α of two steps of the network, from its own start."""


def two_steps(loss, start, eta, alpha):
    """Return w(2) where the second step size follows the rule, and the gradients at all points."""
    g0 = loss.gradient(start)
    w1 = start - eta * g0
    g1 = loss.gradient(w1)
    w2 = w1 - (eta + alpha * (g1 @ g0)) * g1
    return w2, (g0, g1, loss.gradient(w2))


def tuned(on):
    """Return start, first step size and α for a loss that is written out."""
    if on == "network":
        return plain(on).start, *NET_TUNED
    start, *rates = TUNED
    return np.array(start, dtype=object), *rates


@claim("D3.2.*", r"$\partial L(w(k))/\partial\alpha_k$, two steps", cases=LOSSES, answer=True)
def in_alpha(on="quadratic"):
    def formula():
        loss, w, _ = example(on)
        eta, alpha = NET_TUNED if on == "network" else TUNED[1:]
        w = w if on == "network" else exact(TUNED[0])
        g0 = loss.gradient(w)
        g1 = loss.gradient(w := w - eta * g0)
        g2 = loss.gradient(w - (eta + alpha * (g1 @ g0)) * g1)
        return -(g2 @ g1) * (g1 @ g0)

    def last_loss(alpha):
        """Return L(w(2)) by the rule, with the derivative of the loss in η left to a difference."""
        loss = plain(on)
        start, eta, _ = tuned(on)
        return loss.value(two_steps(loss, start, eta, alpha)[0])

    def derivative():
        alpha = tuned(on)[-1]
        if on == "network":
            return grad(last_loss)(alpha)
        symbol = sp.Symbol("alpha")
        return sp.diff(last_loss(symbol), symbol).subs(symbol, sp.Rational(alpha))

    def printed(sign=-1, order=(2, 1, 1, 0)):
        loss = plain(on)
        g = two_steps(loss, *tuned(on))[1]
        a, b, c, d = (g[s] for s in order)
        return sign * (a @ b) * (c @ d)

    yield by.closed_form("two products of gradients", formula)
    if on == "network":
        yield by.autodiff(SWEPT, derivative, **OVER_SIX_STEPS)
    else:
        yield by.algebra(BY_FORCE, derivative)
    yield sheet("−∇L(w(t−1))·∇L(w(t−2)) ∇L(w(t−2))·∇L(w(t−3))", printed)
    yield slip("the two minus signs are multiplied", lambda: printed(1))
    yield slip("the second product is taken a step too late", lambda: printed(order=(2, 1, 2, 1)))


@claim("D3.2.third-line", "the derivative in α as the third line has it, on the quartic")
def third_line():
    def printed():
        loss, eta = plain("quartic"), sp.Symbol("eta")
        start, first, alpha = tuned("quartic")
        _, (g0, g1, g2) = two_steps(loss, start, first, alpha)
        c = sp.diff(loss.value(start - eta * g0), eta).subs(eta, sp.Rational(first))
        return -(g2 @ g1) * c

    def differentiated_in_alpha():
        loss, symbol = plain("quartic"), sp.Symbol("alpha")
        start, eta, alpha = tuned("quartic")
        last = loss.value(two_steps(loss, start, eta, symbol)[0])
        return sp.diff(last, symbol).subs(symbol, sp.Rational(alpha))

    def formula():
        loss, _, _ = example("quartic")
        w, eta, alpha = exact(TUNED[0]), *TUNED[1:]
        g0 = loss.gradient(w)
        g1 = loss.gradient(w := w - eta * g0)
        g2 = loss.gradient(w - (eta + alpha * (g1 @ g0)) * g1)
        return -(g2 @ g1) * (g1 @ g0)

    yield by.closed_form("two products of gradients", formula)
    yield by.algebra("differentiated", differentiated_in_alpha)
    yield sheet(
        "−∇L(w(t−1))·∇L(w(t−2)) ∇L(w(t−2))/∂η",
        printed,
        erratum="The derivative of −αc in α is −c; the third line has +c.",
    )


@claim(
    "D3.2.fourth-line",
    r"$c = \partial L(w(k-1))/\partial\eta_{k-1}$, as the fourth line uses it, on the quartic",
)
def fourth_line():
    def formula():
        loss, _, _ = example("quartic")
        w, eta, _ = exact(TUNED[0]), *TUNED[1:]
        g0 = loss.gradient(w)
        return -(loss.gradient(w - eta * g0) @ g0)

    def differentiated_in_eta():
        loss, symbol = plain("quartic"), sp.Symbol("eta")
        start, eta, _ = tuned("quartic")
        after = loss.value(start - symbol * loss.gradient(start))
        return sp.diff(after, symbol).subs(symbol, sp.Rational(eta))

    def printed():
        loss = plain("quartic")
        g0, g1, _ = two_steps(loss, *tuned("quartic"))[1]
        return g1 @ g0

    yield by.closed_form("minus the product of two gradients", formula)
    yield by.algebra("differentiated", differentiated_in_eta)
    yield sheet(
        "∇L(w(t−2))·∇L(w(t−3))",
        printed,
        erratum="By D3.1 there is a minus sign; leaving it out makes up for the one that was lost "
        "a line above.",
    )


@claim(
    "D3.2.all-quadratics",
    r"$\partial L(w(2))/\partial\alpha = -(g(2)\cdot g(1))\,(g(1)\cdot g(0))$",
    for_all=r"$L = \frac12 w^TAw$ in two variables, $w(0)$, $\eta$ and $\alpha$",
)
def in_alpha_on_quadratics():
    def proved():
        loss, start = symbolic_quadratic()
        eta, alpha = sp.symbols("eta alpha", real=True)
        w, (g0, g1, g2) = two_steps(loss, start, eta, alpha)
        slope = sp.diff(loss.value(w), alpha)
        product = (g2 @ g1) * (g1 @ g0)
        return prove(equal(slope, -product), altered=[equal(slope, product)])

    def unknown_functions():
        """In one variable, with a gradient G of which nothing is known."""
        x, eta, alpha = sp.symbols("x eta alpha")
        G, L = sp.Function("G"), sp.Function("L")
        w1 = x - eta * G(x)
        w2 = w1 - (eta + alpha * G(w1) * G(x)) * G(w1)
        slope = sp.diff(L(w2), alpha)
        outer = sp.Subs(sp.Derivative(L(x), x), x, w2)  # L'(w2), which is G there
        return holds(
            sp.expand(slope + outer * G(w1) * G(w1) * G(x)) == 0,
            "also for an unknown loss of one variable",
        )

    yield by.prover("Z3, of the package's loss", proved)
    yield by.algebra("by SymPy's chain rule", unknown_functions)


@claim("D3.2.shared", r"one $\alpha$ for two updates, on the quadratic: $dL(w(3))/d\alpha$")
def shared_alpha():
    def swept():
        loss, _, _ = example("quadratic")

        def last(alpha):
            w, eta, before = exact(TUNED[0]), TUNED[1], None
            for _ in range(3):
                g = loss.gradient(w)
                eta = eta if before is None else eta + alpha * (g @ before)
                w, before = w - eta * g, g
            return loss.value(w)

        return grad(last)(TUNED[2])

    def partial_derivatives():
        loss, (first, second) = plain("quadratic"), sp.symbols("alpha2:4")
        start, eta1, alpha = tuned("quadratic")
        g0 = loss.gradient(start)
        g1 = loss.gradient(w1 := start - eta1 * g0)
        eta2 = eta1 + first * (g1 @ g0)
        g2 = loss.gradient(w2 := w1 - eta2 * g1)
        last = loss.value(w2 - (eta2 + second * (g2 @ g1)) * g2)
        at = dict.fromkeys((first, second), sp.Rational(alpha))
        return sum(sp.diff(last, symbol).subs(at) for symbol in (first, second))

    yield by.autodiff("a reverse sweep with one number in two places", swept)
    yield by.algebra("the sum of the partial derivatives", partial_derivatives)


# -- D3.3: the derivative in the step size before the last ---------------------------------------


def before_the_last(loss, start, etas):
    """Return the formula of D3.3, with what the package computes."""
    *_, w0, w1, w2 = hg.trajectory(loss, start, etas)
    g = loss.gradient(w0)
    return -(loss.gradient(w2) @ (g - etas[-1] * loss.hvp(w1, g)))


@claim("D3.3.*", r"$\partial L(w(k))/\partial\eta_{k-1}$", cases=LOSSES, answer=True)
def one_before(on="quadratic"):
    def printed(sign=-1, at=2, which=1):
        loss = plain(on)
        w = points(loss)
        g = loss.gradient(w[-3])
        carried = g - loss.etas[-which] * loss.hvp(w[-at], g)
        return sign * (loss.gradient(w[-1]) @ carried)

    yield by.closed_form("a matrix between two gradients", lambda: before_the_last(*example(on)))
    if on == "network":
        yield by.autodiff(SWEPT, lambda: differentiated(on)[-2], **OVER_SIX_STEPS)
    else:
        yield by.algebra(BY_FORCE, lambda: differentiated(on)[-2])
    yield sheet("−∇L(w(t−1)) (I − η_{t−1}∇²L(w(t−2))) ∇L(w(t−3))", printed)
    yield slip("a minus sign is missing", lambda: printed(1))
    yield slip("the matrix has the step size of the step itself", lambda: printed(which=2))
    if on != "quadratic":
        yield slip("the Hessian is taken a step too early", lambda: printed(at=3))


@claim("D3.3.second-line", "the derivative as the second line has it, on the quartic")
def second_line_again():
    def printed():
        loss, eta = plain("quartic"), sp.Symbol("eta")
        before, middle, last = points(loss)[-3:]
        x = np.array(sp.symbols("x y"))
        step = x - loss.etas[-1] * loss.gradient(x)
        at = dict(zip(x, middle, strict=True))
        bent = [[sp.diff(p, s).subs(at) for s in x] for p in step]
        moved = [sp.diff(p, eta) for p in before - eta * loss.gradient(before)]
        return -(loss.gradient(last) @ np.array(bent) @ moved)

    yield by.closed_form(
        "a matrix between two gradients", lambda: before_the_last(*example("quartic"))
    )
    yield by.algebra("differentiated", lambda: differentiated("quartic")[-2])
    yield sheet(
        "−∇L ∂(w(t−2) − η∇L)/∂w(t−2) ∂(w(t−3) − η∇L)/∂η",
        printed,
        erratum="The second line has one minus sign too many, its last factor contains it "
        "already; the third line drops one, so the result is right.",
    )


@claim(
    "D3.3.all-quadratics",
    r"$\partial L(w(2))/\partial\eta_1 = -g(2)^T(I - \eta_2H)\,g(0)$",
    for_all=r"$L = \frac12 w^TAw$ in two variables, $w(0)$, $\eta_1$ and $\eta_2$",
)
def one_before_on_quadratics():
    def proved():
        (loss, start), etas = symbolic_quadratic(), steps(2)
        slope = sp.diff(hg.final_loss(loss, start, etas), etas[0])
        formula = before_the_last(loss, start, etas)
        return prove(equal(slope, formula), altered=[equal(slope, -formula)])

    def by_matrices():
        a, b, c, w1, w2, eta1, eta2 = sp.symbols("a b c w1 w2 eta1 eta2")
        A, w = sp.Matrix([[a, b], [b, c]]), sp.Matrix([w1, w2])
        second = sp.eye(2) - eta2 * A
        last = second * (sp.eye(2) - eta1 * A) * w
        slope = sp.diff((last.T * A * last)[0] / 2, eta1)
        formula = -((A * last).T * second * A * w)[0]
        return holds(sp.expand(slope - formula) == 0, "the difference is 0")

    yield by.prover("Z3, of the package's descent", proved)
    yield by.algebra("with matrices", by_matrices)


@claim(
    "D3.3.chained",
    r"$dL(w(2))/d\eta_1$ where $\eta_2$ follows from $\eta_1$, on the quartic",
)
def chained():
    def formula():
        loss, _, _ = example("quartic")
        start, eta, alpha = exact(TUNED[0]), *TUNED[1:]
        g0 = loss.gradient(start)
        g1 = loss.gradient(w1 := start - eta * g0)
        second = eta + alpha * (g1 @ g0)
        g2, bent = loss.gradient(w1 - second * g1), loss.hvp(w1, g0)
        return -(g2 @ (g0 - second * bent)) - (g2 @ g1) * (1 - alpha * (g0 @ bent))

    def expanded():
        loss, symbol = plain("quartic"), sp.Symbol("eta")
        start, eta, alpha = tuned("quartic")
        last = loss.value(two_steps(loss, start, symbol, sp.Rational(alpha))[0])
        return sp.diff(last, symbol).subs(symbol, sp.Rational(eta))

    def direct_alone():
        loss, _, _ = example("quartic")
        start, eta, alpha = exact(TUNED[0]), *TUNED[1:]
        g0 = loss.gradient(start)
        second = eta + alpha * (loss.gradient(start - eta * g0) @ g0)
        return before_the_last(loss, start, np.array([eta, second]))

    yield by.closed_form("both paths", formula)
    yield by.algebra("expanded and differentiated", expanded)
    yield slip("the path through the second step size is missing", direct_alone)


# -- D3.4: the derivative in any step size -------------------------------------------------------


@claim("D3.4.*", r"$\partial L(w(k))/\partial\eta_s$ for all $s$", cases=LOSSES, answer=True)
def all_steps(on="quadratic"):
    def printed(sign=-1, own=0, order=1):
        loss = plain(on)
        w, k = points(loss), len(loss.etas)
        result = []
        for s in range(k):
            v = loss.gradient(w[s])
            for r in range(s + 1 - own, k)[::order]:
                v = v - loss.etas[r] * loss.hvp(w[r], v)
            result.append(sign * (loss.gradient(w[-1]) @ v))
        return result

    yield by.recursion("one reverse sweep", lambda: hg.hypergradients(*example(on)))
    if on == "network":
        yield by.autodiff(SWEPT, lambda: differentiated(on), **OVER_SIX_STEPS)
    else:
        yield by.algebra(BY_FORCE, lambda: differentiated(on))
    if on == "network":
        yield by.differences(
            "complex steps through the run", lambda: by_complex_steps(on), **OVER_SIX_STEPS
        )
    yield sheet("−∇L(w(t−1)) · [∏ I − η∇²L(w(t−t'−1))] ∇L(w(t−τ−1)), t' = 1 … τ−1", printed)
    yield slip("a minus sign is missing", lambda: printed(1))
    yield slip("the product has the factor of the step itself, too", lambda: printed(own=1))
    if on != "quadratic":
        yield slip("the factors stand in the opposite order", lambda: printed(order=-1))


def by_complex_steps(on):
    loss, start, etas = example(on)
    return complex_step(lambda etas: hg.final_loss(loss, start, etas), etas)


@claim("D3.4.products", "the same on the quartic, by explicit matrices")
def by_products():
    yield by.closed_form(
        "matrices multiplied", lambda: hg.hypergradients_by_products(*example("quartic"))
    )
    yield by.algebra("differentiated", lambda: differentiated("quartic"))


@claim("D3.4.differences", "the network's, by central differences")
def by_differences():
    def differences():
        loss, start, etas = example("network")
        return central_difference(lambda etas: hg.final_loss(loss, start, etas), etas)

    yield by.differences(
        "central differences", differences, rtol=1e-8, because="their error is near ε^(2/3)"
    )
    yield by.autodiff(
        "a reverse sweep over the whole run", lambda: differentiated("network"), **OVER_SIX_STEPS
    )


@claim(
    "D3.4.any-loss",
    r"$\partial L(w(4))/\partial\eta_s = -g(4)^T(I - \eta_4H(3))\cdots(I - \eta_{s+1}H(s))g(s-1)$",
    for_all=r"losses of two variables: the gradients and Hessians along the run are any numbers",
)
def any_loss(k=4):
    def proved():
        """The package's sweep against the tangent of each step size, carried to the end."""
        loss, start, etas = unknown_loss(), np.array(sp.symbols("w1:3", real=True)), steps(k)
        w = hg.trajectory(loss, start, etas)
        g = [loss.gradient(each) for each in w]
        tangents = []
        for s in range(k):
            z = -g[s]
            for r in range(s + 1, k):
                z = z - etas[r] * loss.hvp(w[r], z)
            tangents.append(g[k] @ z)
        swept = hg.hypergradients(loss, start, etas)
        return prove(equal(swept, tangents), altered=[equal(swept[::-1], tangents)])

    def unknown_functions():
        """In one variable, with a gradient G of which nothing is known, by SymPy's chain rule."""
        x, etas = sp.Symbol("x"), sp.symbols(f"eta1:{k + 1}")
        G = sp.Function("G")
        w = [x]
        for eta in etas:
            w.append(w[-1] - eta * G(w[-1]))
        for s in range(k):
            formula = -G(w[s])
            for r in range(s + 1, k):
                formula *= 1 - etas[r] * sp.Subs(sp.Derivative(G(x), x), x, w[r])
            if sp.expand(sp.diff(w[k], etas[s]) - formula) != 0:
                return holds(False, f"not for s = {s + 1}")
        return holds(True, f"for each of the {k} steps")

    yield by.prover("Z3, of the package's sweep", proved)
    yield by.algebra("an unknown gradient in one variable", unknown_functions)


# -- the order of the factors --------------------------------------------------------------------


def in_wrong_order(loss, start, etas):
    """Return the first derivative of three steps with the two factors exchanged."""
    w = hg.trajectory(loss, start, etas)
    v = loss.gradient(w[0])
    for r in (2, 1):
        v = v - etas[r] * loss.hvp(w[r], v)
    return -(loss.gradient(w[3]) @ v)


@claim("D3.4.order-quartic", r"right order minus wrong order on the quartic, first of three steps")
def order_matters():
    def commutator():
        """−η₃η₂ g(3)ᵀ(H(2)H(1) − H(1)H(2)) g(0), written out."""
        loss = plain("quartic")
        w = points(loss)
        H1, H2 = (np.stack([loss.hvp(p, e) for e in np.eye(2, dtype=int)]) for p in w[1:3])
        between = H2 @ H1 - H1 @ H2
        return -loss.etas[2] * loss.etas[1] * (loss.gradient(w[3]) @ between @ loss.gradient(w[0]))

    def difference():
        return hg.hypergradients(*example("quartic"))[0] - in_wrong_order(*example("quartic"))

    yield by.recursion("the sweep less the wrong order", difference)
    yield by.closed_form("the commutator", commutator)


@claim(
    "D3.4.order-quadratic",
    "the order of the factors makes no difference, three steps",
    for_all=r"$L = \frac12 w^TAw$ in two variables, $w(0)$ and $\eta_1, \eta_2, \eta_3$",
)
def order_on_quadratics():
    def proved():
        (loss, start), etas = symbolic_quadratic(), steps(3)
        right = hg.hypergradients(loss, start, etas)[0]
        wrong = in_wrong_order(loss, start, etas)
        return prove(equal(right, wrong), altered=[equal(right, 2 * wrong)])

    def by_matrices():
        a, b, c, eta2, eta3 = sp.symbols("a b c eta2 eta3")
        A, one = sp.Matrix([[a, b], [b, c]]), sp.eye(2)
        gap = (one - eta3 * A) * (one - eta2 * A) - (one - eta2 * A) * (one - eta3 * A)
        return holds(sp.expand(gap).is_zero_matrix, "the two factors commute")

    yield by.prover("Z3, of the package's sweep", proved)
    yield by.algebra("the two factors", by_matrices)


@claim(
    "D3.4.position",
    r"exchanging $\eta_1$ and $\eta_3$ exchanges the two derivatives and leaves the second alone",
    for_all=r"$L = \frac12 w^TAw$ in two variables, $w(0)$ and $\eta_1, \eta_2, \eta_3$",
)
def position():
    def proved():
        (loss, start), etas = symbolic_quadratic(), steps(3)
        forth = hg.hypergradients(loss, start, etas)
        back = hg.hypergradients(loss, start, etas[::-1])
        return prove(equal(forth[:2], back[:0:-1]), altered=[equal(forth[0], back[0])])

    def left_out():
        """Each derivative is −g(3)ᵀ times all factors but one times g(0); any order will do."""
        lam, w, etas = sp.Symbol("lambda"), sp.Symbol("w"), sp.symbols("eta1:4")
        last = lam * sp.prod([(1 - eta * lam) ** 2 for eta in etas]) * w**2 / 2

        def statement(s):
            rest = sp.prod([1 - eta * lam for i, eta in enumerate(etas) if i != s])
            everything = sp.prod([1 - eta * lam for eta in etas])
            formula = -(lam * everything * w) * rest * lam * w
            return sp.expand(sp.diff(last, etas[s]) - formula) == 0

        return holds(all(map(statement, range(3))), "in an eigenvector's coordinate")

    yield by.prover("Z3, of the package's sweep", proved)
    yield by.algebra("along an eigenvector", left_out)


@claim("D3.4.equal", r"all four derivatives of four equal steps on the quadratic, $\eta = 1/4$")
def equal_steps(eta=Q(1, 4), k=4):
    def power():
        """−g(k)ᵀ(I − ηH)^(k−1) g(0), with the powers of a matrix."""
        one, H, b = sp.eye(2), sp.Matrix([[2, 1], [1, 3]]), sp.Matrix([1, 0])
        factor = one - sp.Rational(eta) * H
        first = H * sp.Matrix([0, 2]) - b
        return [-((factor**k * first).T * factor ** (k - 1) * first)[0]] * k

    def swept():
        loss, start, _ = example("quadratic")
        return hg.hypergradients(loss, start, [eta] * k)

    yield by.recursion("the reverse sweep", swept)
    yield by.closed_form("powers of one matrix", power)


@claim("D3.4.batches", "six steps on mini-batches of two, the loss on all twelve samples")
def batches(eta=0.05, seed=4):
    def swept():
        rng = np.random.default_rng(seed)
        X, t = rng.standard_normal((12, 3)), rng.standard_normal(12)
        parts = [hg.least_squares(X[part], t[part]) for part in rng.permutation(12).reshape(6, 2)]
        return hg.hypergradients(hg.least_squares(X, t), np.ones(3), np.full(6, eta), parts)

    def through_the_run():
        rng = np.random.default_rng(seed)
        X, t = rng.standard_normal((12, 3)), rng.standard_normal(12)
        rows = rng.permutation(12).reshape(6, 2)

        def last_loss(etas):
            w = np.ones(3)
            for s, part in enumerate(rows):
                w = w - etas[s] * (X[part].T @ (X[part] @ w - t[part]))
            return np.mean((X @ w - t) ** 2)

        return grad(last_loss)(np.full(6, eta))

    rounding = {"rtol": 1e-11, "floor": 1e-15, "because": "sums of twelve samples, rounded"}
    yield by.recursion("the reverse sweep", swept, **rounding)
    yield by.autodiff("a sweep over the run written out", through_the_run, **rounding)
