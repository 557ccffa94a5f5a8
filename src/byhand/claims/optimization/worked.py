"""Claims of problem C: a pass through a tiny network, and two updates of four optimizers."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp
from mpmath import iv

from byhand import optimization as opt
from byhand.backpropagation import relu
from byhand.evidence import by, case, claim, holds, once, prove, sheet, slip

START = [Q(1, 2), Q(0), Q(3, 10), Q(0)]
"""w₁, b₁, w₂, b₂."""

G1, G2 = [Q(-6, 5), Q(-3, 5), Q(-2), Q(-1)], [Q(-4, 5), Q(-2, 5), Q(-3, 2), Q(-1, 2)]
"""The gradients of the two iterations."""

PARAMETERS = ["$w_1$", "$b_1$", "$w_2$", "$b_2$"]


def each(formula, *columns):
    """Return a formula of the numbers of each parameter."""
    return [formula(*numbers) for numbers in zip(*columns, strict=True)]


def replayed(optimizer, floats=True):
    """Return the package's run over the two gradients, in floats or in fractions."""
    gradients, start = np.array([G1, G2]), np.array(START)
    if floats:
        gradients, start = gradients.astype(float), start.astype(float)
    return opt.replay(optimizer, gradients, start)


# -- the network ---------------------------------------------------------------------------------


@claim("C-forward.h", "the hidden unit", answer=True)
def hidden(x=2):
    def half():
        """ReLU(z) = (z + |z|)/2."""
        z = START[0] * x + START[1]
        return (z + abs(z)) / 2

    yield by.enumeration("the larger one of 0 and z", lambda: max(0, START[0] * x + START[1]))
    yield by.closed_form("half of z and its modulus", half)
    yield sheet("1")


@claim("C-forward.y", r"the output $\hat y$", answer=True)
def output(x=2):
    def network():
        w1, b1, w2, b2 = map(float, START)
        return relu(w2 * relu(w1 * x + b1) + b2)

    def polynomial():
        """Both units are active, so near this point the network is a polynomial."""
        w1, b1, w2, b2 = START
        return w2 * w1 * x + w2 * b1 + b2

    yield by.recursion("unit by unit", network)
    yield by.algebra("multiplied out", polynomial)
    yield sheet("0.3")


@claim("C-loss", "the loss", answer=True)
def loss(target=5, output=Q(3, 10)):
    yield by.closed_form("half of a square", lambda: (target - output) ** 2 / 2)
    yield by.algebra(
        "the square multiplied out", lambda: Q(target**2, 2) - target * output + output**2 / 2
    )
    yield sheet("11.045")
    yield slip("the half is missing", lambda: (target - output) ** 2)


# -- gradient descent ----------------------------------------------------------------------------


@claim(
    "C-sgd.*",
    "gradient descent",
    cases=[
        case("theta-1", r"$\theta_1$", t=1, sheet="0.62 0.06 0.50 0.10"),
        case("theta-2", r"$\theta_2$", t=2, sheet="0.70 0.10 0.65 0.15"),
    ],
    answer="vector",
    components=PARAMETERS,
)
def gradient_descent(eta=Q(1, 10), t=2):
    def summed(sign=-1):
        """The parameters move by −η times the sum of the gradients."""
        return each(lambda w, *g: w + sign * eta * sum(g[:t]), START, G1, G2)

    yield by.recursion(
        "the package's, in fractions",
        lambda: replayed(opt.gradient_descent(eta), floats=False).params[t],
    )
    yield by.closed_form("the gradients added up", summed)
    yield slip("the step goes up the gradient", lambda: summed(1))


# -- momentum ------------------------------------------------------------------------------------


def momentum_run(rate="inside", velocity="subtracted", eta=Q(1, 10), beta=Q(9, 10)):
    return replayed(opt.heavy_ball(eta, beta, rate=rate, velocity=velocity), floats=False)


@claim(
    "C-momentum.*",
    "momentum",
    cases=[
        case("theta-1", r"$\theta_1$", row="theta-1", sheet="0.62 0.06 0.50 0.10"),
        case("bracket-2", r"$v_2/\eta$", row="bracket-2", sheet="-1.88 -0.94 -3.30 -1.40"),
        case("v-2", "$v_2$", row="v-2", sheet="-0.188 -0.094 -0.33 -0.14"),
        case("theta-2", r"$\theta_2$", row="theta-2", sheet="0.808 0.154 0.83 0.24"),
    ],
    answer="vector",
    components=PARAMETERS,
)
def momentum(row="theta-2"):
    def package():
        run = momentum_run()
        return {
            "theta-1": run.params[1],
            "bracket-2": 10 * run.states[2].velocity,
            "v-2": run.states[2].velocity,
            "theta-2": run.params[2],
        }[row]

    def unrolled(beta=Q(9, 10), eta=Q(1, 10)):
        """v₂ = η(βg₁ + g₂), so g₁ moves the parameters 1 + β times."""
        return {
            "theta-1": each(lambda w, g: w - eta * g, START, G1),
            "bracket-2": each(lambda g, h: beta * g + h, G1, G2),
            "v-2": each(lambda g, h: eta * (beta * g + h), G1, G2),
            "theta-2": each(lambda w, g, h: w - eta * ((1 + beta) * g + h), START, G1, G2),
        }[row]

    yield by.recursion("the package's, in fractions", package)
    yield by.closed_form("unrolled", unrolled)
    if row == "v-2":
        yield slip(
            "the first gradient lacks the factor η",
            lambda: each(lambda g, h: Q(9, 10) * g + Q(1, 10) * h, G1, G2),
        )


@claim("C-momentum.expression", "$v_2$ as its lines begin", components=PARAMETERS)
def expression():
    def printed():
        return each(lambda g, h: Q(9, 10) * g + Q(1, 10) * h, G1, G2)

    yield by.recursion("the package's, in fractions", lambda: momentum_run().states[2].velocity)
    yield by.closed_form(
        "unrolled", lambda: each(lambda g, h: Q(1, 10) * (Q(9, 10) * g + h), G1, G2)
    )
    yield sheet(
        "0.9(−1.2) + 0.1(−0.8), 0.9(−0.6) + 0.1(−0.4), 0.9(−2) + 0.1(−1.5), 0.9(−1) + 0.1(−0.5)",
        printed,
        erratum="In all four lines the first gradient lacks the factor η = 0.1; the value printed "
        "after it is right.",
    )


ETA, BETA = sp.symbols("eta beta", real=True)
CONVENTIONS = [(rate, sign) for rate in ("inside", "outside") for sign in ("added", "subtracted")]


@claim(
    "C-momentum.conventions",
    "all four conventions visit the same points",
    for_all=r"$\eta$, $\beta$ and gradients, in three steps",
)
def conventions():
    theta, *g = sp.symbols("theta g1:4", real=True)

    def proved():
        ends = []
        for rate, velocity in CONVENTIONS:
            ball = opt.heavy_ball(ETA, BETA, rate=rate, velocity=velocity)
            ends.append(opt.replay(ball, [np.array([one]) for one in g], [theta]).params[-1][0])
        same = [sp.Eq(ends[0], end, evaluate=False) for end in ends[1:]]
        wrong = sp.Eq(ends[0], ends[-1] - ETA * g[0], evaluate=False)
        return prove(sp.And(*same, evaluate=False), altered=[wrong])

    def scaled():
        """v = ηu solves the recursion of v, for a velocity u of unknown past."""
        u, now = sp.symbols("u g")
        inside, outside = BETA * (ETA * u) + ETA * now, ETA * (BETA * u + now)
        return holds(sp.expand(inside - outside) == 0, "the difference is 0")

    yield by.prover("Z3, of the package's four", proved)
    yield by.algebra("by induction", scaled)


@claim(
    "C-momentum.changing-rate",
    r"after steps with $\eta$ and $\alpha$, inside minus outside is $\beta(\alpha - \eta)\,g_1$",
    for_all=r"$\eta$, $\alpha$, $\beta$, gradients and $\theta_0$",
)
def changing_rate():
    theta, g1, g2, later = sp.symbols("theta g1 g2 alpha", real=True)

    def proved():
        ends = []
        for rate in ("inside", "outside"):
            at = np.array([theta])
            state = opt.heavy_ball(ETA, BETA, rate=rate).init(at)
            for eta, g in ((ETA, g1), (later, g2)):
                ball = opt.heavy_ball(eta, BETA, rate=rate)
                at, state = ball.update(np.array([g]), state, at)
            ends.append(at[0])
        apart = BETA * (later - ETA) * g1
        return prove(
            sp.Eq(ends[0] - ends[1], apart, evaluate=False),
            altered=[sp.Eq(ends[1] - ends[0], apart, evaluate=False)],
        )

    def on_the_sheets_gradients(eta=Q(1, 10), then=Q(1, 20), beta=Q(9, 10)):
        """The old velocity counts with the old rate inside, with the new one outside."""
        inside = each(lambda g, h: -beta * eta * g - then * h, G1, G2)
        outside = each(lambda g, h: -then * (beta * g + h), G1, G2)
        apart = each(lambda a, b, g: a - b == beta * (then - eta) * g, inside, outside, G1)
        return holds(all(apart), f"{inside[0] - outside[0]} for the first weight of problem C")

    yield by.prover("Z3, of the package's updates", proved)
    yield by.enumeration("the sheet's gradients, written out", on_the_sheets_gradients)


# -- RMSProp -------------------------------------------------------------------------------------


@once
def rmsprop_run():
    return replayed(opt.rmsprop(0.1, 0.9, 1e-8, epsilon_inside=True))


def mean_squares():
    """Return s₁ and s₂, exactly."""
    s1 = each(lambda g: g**2 / 10, G1)
    return s1, each(lambda s, g: (9 * s + g**2) / 10, s1, G2)


def root(s):
    return float(s + Q(1, 10**8)) ** 0.5


W1_B1 = (
    "In the line of w₁ the root is printed, 0.1296 + 0.064 = 0.1936 and √0.1936 = 0.44; in that of "
    "b₁ the decimal point slipped, 0.0324 + 0.016 = 0.0484."
)


@claim(
    "C-rmsprop.*",
    "RMSProp",
    cases=[
        case("s-1", "$s_1$", row="s-1", sheet="0.144 0.036 0.4 0.1"),
        case(
            "root-1",
            r"$\sqrt{s_1 + \varepsilon}$",
            row="root-1",
            sheet="0.3795 0.1897 0.6324 0.3162",
        ),
        case(
            "step-1",
            r"$\theta_1 - \theta_0$",
            row="step-1",
            sheet="0.3162 0.3162 0.3162 0.3162",
        ),
        case("theta-1", r"$\theta_1$", row="theta-1", sheet="0.8162 0.3162 0.6162 0.3162"),
        case("kept-2", "$0.9\\,s_1$", row="kept-2", sheet="0.1296 0.0324 0.36 0.09"),
        case("new-2", "$0.1\\,g_2^2$", row="new-2", sheet="0.064 0.016 0.225 0.025"),
        case("s-2", "$s_2$", row="s-2", sheet="0.44 0.484 0.585 0.115", erratum=W1_B1),
        case(
            "radicand-2",
            "$s_2$ under the root",
            row="s-2",
            sheet="0.1936 0.484 0.585 0.115",
            erratum="In the line of b₁ 0.484 stands again for 0.0484; the 0.22 that follows is "
            "√0.0484.",
        ),
        case(
            "root-2",
            r"$\sqrt{s_2 + \varepsilon}$",
            row="root-2",
            sheet="0.44 0.22 0.7645 0.3391",
            erratum="In the line of w₂, √0.585 is 0.76485; neither rounding nor cutting off gives "
            "0.7645.",
        ),
        case(
            "step-2",
            r"$\theta_2 - \theta_1$",
            row="step-2",
            sheet="0.1818 0.1818 0.1961 0.1474",
        ),
        case("theta-2", r"$\theta_2$", row="theta-2", sheet="0.9980 0.4980 0.8123 0.4636"),
    ],
    answer="vector",
    components=PARAMETERS,
)
def rmsprop(row="theta-2"):
    def package():
        run = rmsprop_run()
        (_, one, two), moves = run.states, np.diff(run.params, axis=0)
        g1, g2 = np.array([G1, G2]).astype(float)
        return {
            "s-1": one.s,
            "root-1": -0.1 * g1 / moves[0],
            "step-1": moves[0],
            "theta-1": run.params[1],
            "kept-2": 0.9 * one.s,
            "new-2": two.s - 0.9 * one.s,
            "s-2": two.s,
            "root-2": -0.1 * g2 / moves[1],
            "step-2": moves[1],
            "theta-2": run.params[2],
        }[row]

    def by_hand():
        """The means as exact fractions, then a root and a quotient for each parameter."""
        s1, s2 = mean_squares()
        step1, step2 = (
            each(lambda g, s: -float(g) / 10 / root(s), *pair) for pair in ((G1, s1), (G2, s2))
        )
        theta1 = each(lambda w, d: float(w) + d, START, step1)
        return {
            "s-1": s1,
            "root-1": [root(s) for s in s1],
            "step-1": step1,
            "theta-1": theta1,
            "kept-2": each(lambda s: 9 * s / 10, s1),
            "new-2": each(lambda g: g**2 / 10, G2),
            "s-2": s2,
            "root-2": [root(s) for s in s2],
            "step-2": step2,
            "theta-2": each(lambda w, d: w + d, theta1, step2),
        }[row]

    yield by.recursion("the package's", package)
    yield by.closed_form("exact means, a root, a quotient", by_hand)
    if row == "s-2":
        yield slip(
            "the new square counts whole",
            lambda: each(lambda s, g: 9 * s / 10 + g**2, mean_squares()[0], G2),
        )


@claim(
    "C-rmsprop.survivors",
    r"$\theta_2$, had the misprinted $s_2$ been used",
    components=PARAMETERS,
)
def rmsprop_survivors(printed=(0.44, 0.484, 0.585, 0.115)):
    def package():
        """An update of the package from the s₁ that would have led there."""
        g2 = np.array(G2).astype(float)
        s1 = (np.array(printed) - 0.1 * g2**2) / 0.9
        update = opt.rmsprop(0.1, 0.9, 1e-8, epsilon_inside=True).update
        return update(g2, opt.RMSPropState(s1, s1), rmsprop_run().params[1])[0]

    def by_hand():
        s1, _ = mean_squares()
        theta1 = each(lambda w, g, s: float(w) - float(g) / 10 / root(s), START, G1, s1)
        return each(lambda w, g, s: w - float(g) / 10 / (s + 1e-8) ** 0.5, theta1, G2, printed)

    yield by.recursion("the package's update", package)
    yield by.closed_form("a root and a quotient", by_hand)


PRINTED_STEPS = {"w_1": "0.1818", "b_1": "0.1818", "w_2": "0.1961", "b_2": "0.1474"}
"""The second steps as the sheet prints them."""


@claim(
    "C-rmsprop.behind-*",
    "the root behind a printed second step",
    cases=[case(name, f"${name}$", i=i) for i, name in enumerate(PRINTED_STEPS)],
)
def behind(i=0):
    def from_the_digits():
        """The step is η|g|/root; its last digit leaves an interval."""
        step = iv.mpf(list(PRINTED_STEPS.values())[i]) + iv.mpf([-1, 1]) / 20000
        return iv.mpf(abs(G2[i].numerator)) / G2[i].denominator / 10 / step

    yield by.enumeration("interval arithmetic on the printed digits", from_the_digits)
    yield by.recursion("the package's root", lambda: (rmsprop_run().states[2].s[i] + 1e-8) ** 0.5)


def two_steps_of_rmsprop(scale=1):
    """Return the two steps, of any gradients g and h, with ε = 0."""
    g, h = sp.symbols("g h", real=True)
    gradients = [[np.array([g * scale])[0]], [np.array([h * scale])[0]]]
    optimizer = opt.rmsprop(Q(1, 10), Q(9, 10), 0, epsilon_inside=True)
    points = opt.replay(optimizer, gradients, opt.exact([0])).params[:, 0]
    return g, h, points[1] - points[0], points[2] - points[1]


@claim(
    "C-rmsprop.scale",
    r"gradients that are $c$ times as large leave both steps as they are, for $\varepsilon = 0$",
    for_all=r"$c > 0$ and gradients $g, h$ that are not 0",
)
def rmsprop_scale():
    c = sp.Symbol("c", real=True)

    def proved():
        g, h, *steps = two_steps_of_rmsprop()
        *_, first, second = two_steps_of_rmsprop(c)
        same = sp.And(
            sp.Eq(steps[0], first, evaluate=False), sp.Eq(steps[1], second, evaluate=False)
        )
        return prove(same, given=[c > 0, sp.Ne(g, 0), sp.Ne(h, 0)])

    def quartered():
        """The squares g²/s of w₁'s steps over η, and of b₁'s, whose gradients are half of them."""
        s1, s2 = mean_squares()
        of_w1, of_b1 = ([G1[i] ** 2 / s1[i], G2[i] ** 2 / s2[i]] for i in (0, 1))
        halves = G1[0] == 2 * G1[1] and G2[0] == 2 * G2[1]
        words = f"b₁, with half of w₁'s gradients, has its g²/s: {of_w1[0]} and {of_w1[1]}"
        return holds(halves and of_w1 == of_b1, words)

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.enumeration("the problem's own gradients", quartered)


@claim(
    "C-rmsprop.epsilon",
    r"inside or outside the root, $\varepsilon$ moves no parameter by more than $10^{-7}$",
)
def rmsprop_epsilon():
    def package():
        outside = replayed(opt.rmsprop(0.1, 0.9, 1e-8, epsilon_inside=False)).params
        moved = np.abs(outside - rmsprop_run().params).max()
        return holds(moved < 1e-7, f"at most {moved:.1e}")

    def bounded():
        """Outside, ε adds ε; inside at most ε/(2√s). Two steps of at most 0.317."""
        least = min(float(s) for means in mean_squares() for s in means) ** 0.5
        bound = 2 * 0.317 * 1e-8 * max(1, 1 / (2 * least)) / least
        return holds(bound < 1e-7, f"at most {bound:.1e}")

    yield by.experiment("both of the package's", package)
    yield by.closed_form("a bound", bounded)


# -- Adam ----------------------------------------------------------------------------------------


@once
def adam_run():
    return replayed(opt.adam(0.1, 0.9, 0.99, 1e-18))


def weighted_means():
    """Return m̂₂ and v̂₂ exactly: weighted means, as 1 − β² = (1 − β)(1 + β)."""
    m_hat = each(lambda g, h: (9 * g + 10 * h) / 19, G1, G2)
    return m_hat, each(lambda g, h: (99 * g**2 + 100 * h**2) / 199, G1, G2)


SHIFTED = (
    "For b₁, w₂ and b₂ the quotients are 0.26, 3.12 and 0.62; the point is one place off, here and "
    "under the root."
)


@claim(
    "C-adam.*",
    "Adam",
    cases=[
        case(
            "m-1",
            "$m_1$",
            row="m-1",
            sheet="-0.12 -0.066 -0.2 -0.1",
            erratum="The gradient of b₁ is −0.6, not −0.66; later lines use the right −0.06.",
        ),
        case("v-1", "$v_1$", row="v-1", sheet="0.0144 0.0036 0.04 0.01"),
        case("mhat-1", r"$\hat m_1$", row="mhat-1", sheet="-1.2 -0.6 -2 -1"),
        case("vhat-1", r"$\hat v_1$", row="vhat-1", sheet="1.44 0.36 4 1"),
        case("step-1", r"$\theta_1 - \theta_0$", row="step-1", sheet="0.1 0.1 0.1 0.1"),
        case("theta-1", r"$\theta_1$", row="theta-1", sheet="0.6 0.1 0.4 0.1"),
        case("m-2", "$m_2$", row="m-2", sheet="-0.188 -0.094 -0.33 -0.14"),
        case("v-2", "$v_2$", row="v-2", sheet="0.0206 0.0051 0.0621 0.0124"),
        case("mhat-2", r"$\hat m_2$", row="mhat-2", sheet="-0.989 -0.494 -1.73 -0.73"),
        case("vhat-2", r"$\hat v_2$", row="vhat-2", sheet="1.03 0.02 0.31 0.06", erratum=SHIFTED),
        case(
            "mhat-used-2",
            r"$\hat m_2$ in the update",
            row="mhat-2",
            sheet="-0.98 -0.49 -0.73 -0.73",
            erratum="The update of w₂ quotes −0.73, as for b₂; its own is −1.73.",
        ),
        case("theta-2", r"$\theta_2$", row="theta-2", sheet="0.6971 0.1971 0.4983 0.1933"),
    ],
    answer="vector",
    components=PARAMETERS,
)
def adam(row="theta-2"):
    def package():
        run = adam_run()
        _, one, two = run.states
        return {
            "m-1": one.m,
            "v-1": one.v,
            "mhat-1": one.m_hat,
            "vhat-1": one.v_hat,
            "step-1": run.params[1] - run.params[0],
            "theta-1": run.params[1],
            "m-2": two.m,
            "v-2": two.v,
            "mhat-2": two.m_hat,
            "vhat-2": two.v_hat,
            "theta-2": run.params[2],
        }[row]

    def by_hand():
        """After one step m̂ = g and v̂ = g², so every parameter moves by η."""
        m_hat, v_hat = weighted_means()
        theta1 = each(lambda w: w + Q(1, 10), START)
        return {
            "m-1": each(lambda g: g / 10, G1),
            "v-1": each(lambda g: g**2 / 100, G1),
            "mhat-1": G1,
            "vhat-1": each(lambda g: g**2, G1),
            "step-1": [Q(1, 10)] * 4,
            "theta-1": theta1,
            "m-2": each(lambda m: m * Q(19, 100), m_hat),
            "v-2": each(lambda v: v * Q(199, 10000), v_hat),
            "mhat-2": m_hat,
            "vhat-2": v_hat,
            "theta-2": each(
                lambda w, m, v: float(w) - float(m) / 10 / float(v) ** 0.5, theta1, m_hat, v_hat
            ),
        }[row]

    def uncorrected():
        m_hat, v_hat = weighted_means()
        steps = each(
            lambda m, v: -float(m * 19 / 100) / 10 / float(v * 199 / 10000) ** 0.5, m_hat, v_hat
        )
        return each(lambda w, d: float(w) + 0.1 + d, START, steps)

    yield by.recursion("the package's", package)
    yield by.closed_form("weighted means, in fractions", by_hand)
    if row == "theta-2":
        yield slip("the second step is taken with m and v uncorrected", uncorrected)


@claim("C-adam.correction", r"$\hat m_2$ for $w_1$", answer=True)
def correction(t=2):
    yield by.recursion("the package's", lambda: adam_run().states[2].m_hat[0])
    yield by.closed_form("a weighted mean", lambda: weighted_means()[0][0])
    yield sheet(
        "m̂ = m/(1 − β₁)ᵗ",
        lambda: -0.188 / (1 - 0.9) ** t,
        erratum="The exponent belongs to β₁ alone, 1 − β₁ᵗ, as the sheet's own numbers have it.",
    )


@claim("C-adam.correction-v", r"$\hat v_2$ for $w_1$", answer=True)
def correction_of_v(t=2):
    yield by.recursion("the package's", lambda: adam_run().states[2].v_hat[0])
    yield by.closed_form("a weighted mean", lambda: weighted_means()[1][0])
    yield sheet("v̂ = v/(1 − β₂ᵗ)", lambda: 0.020656 / (1 - 0.99**t))


@claim("C-adam.divisors", r"$1-\beta_1^2$ and $1-\beta_2^2$")
def divisors():
    def package():
        two = adam_run().states[2]
        return [two.m[0] / two.m_hat[0], two.v[0] / two.v_hat[0]]

    yield by.recursion("moments over corrected moments", package)
    yield by.closed_form("factored", lambda: [Q(1, 10) * Q(19, 10), Q(1, 100) * Q(199, 100)])
    yield sheet("0.19, 0.0199")


@claim(
    "C-adam.survivors",
    r"$\theta_2$, had the misprinted factors been used",
    components=PARAMETERS,
)
def adam_survivors(m_printed=(-0.98, -0.49, -0.73, -0.73), v_printed=(1.03, 0.02, 0.31, 0.06)):
    def package():
        """An update of the package from the moments that would have led there."""
        g2 = np.array(G2).astype(float)
        m = (np.array(m_printed) * 0.19 - 0.1 * g2) / 0.9
        v = (np.array(v_printed) * 0.0199 - 0.01 * g2**2) / 0.99
        state = opt.AdamState(1, m, v, m, v, (m, v))
        return opt.adam(0.1, 0.9, 0.99, 1e-18).update(g2, state, adam_run().params[1])[0]

    def by_hand():
        return each(lambda w, m, v: float(w) + 0.1 - 0.1 * m / v**0.5, START, m_printed, v_printed)

    yield by.recursion("the package's update", package)
    yield by.closed_form("a root and a quotient", by_hand)


@claim(
    "C-adam.epsilon",
    r"neither the size nor the position of $\varepsilon$ moves a parameter by more than $10^{-8}$",
)
def adam_epsilon():
    def package():
        runs = [
            replayed(opt.adam(0.1, 0.9, 0.99, e, epsilon_inside=i)).params
            for e in (1e-8, 1e-18)
            for i in (False, True)
        ]
        moved = max(np.abs(run - adam_run().params).max() for run in runs)
        return holds(moved < 1e-8, f"at most {moved:.1e}")

    def bounded():
        """Every root is above ½, so inside it ε adds at most ε, too; two steps of 0.1."""
        bound = 2 * 0.1 * 1e-8 / float(min(weighted_means()[1])) ** 0.5
        return holds(bound < 1e-8, f"at most {bound:.1e}")

    yield by.experiment("four of the package's", package)
    yield by.closed_form("a bound", bounded)


@claim(
    "C-adam.first-step",
    r"with $\varepsilon = 0$ the first step has length $\eta$",
    for_all=r"$\eta > 0$, $g \ne 0$ and $\beta_1, \beta_2$ in $[0, 1)$",
)
def first_step():
    def proved():
        g, beta1, beta2 = sp.symbols("g beta_1 beta_2", real=True)
        optimizer = opt.adam(ETA, beta1, beta2, 0)
        step = opt.replay(optimizer, [np.array([g])], opt.exact([0])).params[1][0]
        return prove(sp.Eq(sp.Abs(step), ETA), given=[ETA > 0, sp.Ne(g, 0)])

    def in_floats():
        """Gradients of very different size, and decay rates far apart."""
        lengths = [
            np.abs(opt.replay(opt.adam(0.1, b1, b2, 0), [[1e-3, -1e3]], [0, 0]).params[1])
            for b1, b2 in [(0.0, 0.0), (0.9, 0.999), (0.5, 0.1)]
        ]
        off = np.abs(np.array(lengths) - 0.1).max()
        return holds(off < 1e-15, f"0.1 up to {off:.0e}")

    yield by.prover("Z3, of the package's Adam", proved)
    yield by.recursion("floats", in_floats)
