"""Claims of E1.2: RMSProp's solution, its printed trace, and whether it converges."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction as Q

import mpmath
import numpy as np
import sympy as sp
from scipy.optimize import linprog

from byhand import optimization as opt
from byhand.evidence import by, case, claim, holds, once, prove, sheet, slip

X, T = [[2, 1]], [2]
"""The one sample, and its target."""

ETA, S0 = 0.01, 1e-10


def loss() -> opt.Objective:
    return opt.least_squares(np.array(X, dtype=float), np.array(T, dtype=float))


# -- the trace -----------------------------------------------------------------------------------


@once
def traced(s0=S0, decay=Q(9, 10), epsilon=0):
    """Return the package's run of 200 steps, with s starting at s0."""
    optimizer = opt.rmsprop(ETA, decay, epsilon, epsilon_inside=False, initial=s0)
    return opt.run(optimizer, loss().gradient, [0.0, 0.0], 200).params


def rate_last():
    """Return the same run with η (g/√s) for (η g)/√s."""

    def update(g, s, w):
        s = 0.9 * s + 0.1 * g**2
        return w - ETA * (g / np.sqrt(s)), s

    optimizer = opt.Optimizer(lambda w: np.full_like(w, S0), update)
    return opt.run(optimizer, loss().gradient, [0.0, 0.0], 200).params


def as_rows(path):
    return [str(point.tolist()) for point in path[1:]]


@once
def in_53_bits(s0=S0, weight=0.1, epsilon=0.0, rate_first=True):
    """Return the rows of the run, each operation rounded to 53 bits as IEEE arithmetic rounds."""
    with mpmath.workprec(53):
        eta, kept, new = map(mpmath.mpf, (ETA, 0.9, weight))
        w, s, rows = [mpmath.mpf(0)] * 2, [mpmath.mpf(s0)] * 2, []
        for _ in range(200):
            r = 2 * w[0] + w[1] - 2
            g = [4 * r, 2 * r]
            s = [kept * s[i] + new * (g[i] * g[i]) for i in (0, 1)]
            d = [mpmath.sqrt(s[i]) + mpmath.mpf(epsilon) for i in (0, 1)]
            moves = [eta * g[i] / d[i] if rate_first else eta * (g[i] / d[i]) for i in (0, 1)]
            w = [w[i] - moves[i] for i in (0, 1)]
            rows.append(str([float(a) for a in w]))
    return rows


PRINTED = {
    0: "[0.03162277660146144, 0.031622776600794406]",
    1: "[0.054029072356855196, 0.054029072355952886]",
    2: "[0.07251527044394393, 0.07251527044291373]",
    3: "[0.08873738067741722, 0.08873738067630438]",
    4: "[0.1034580687289188, 0.10345806872774721]",
    5: "[0.11710026805811825, 0.11710026805690235]",
    6: "[0.1299261296772628, 0.12992612967597558]",
    91: "[0.6653212782695349, 0.6653212782680443]",
    92: "[0.6656669649764252, 0.6656669649749346]",
    93: "[0.6659377148450333, 0.6659377148435426]",
    94: "[0.6661458119294372, 0.6661458119279465]",
    95: "[0.6663025437576482, 0.6663025437561575]",
    96: "[0.6664188390981754, 0.6664188390886847]",
    97: "[0.6665011662555964, 0.6665011662541057]",
    98: "[0.6665594934059184, 0.6665594934044277]",
    99: "[0.6665993074715474, 0.6665993074700567]",
    100: "[0.6666256844818009, 0.6666256844803102]",
    101: "[0.666642600668602, 0.6666426006671113]",
    189: "[0.66666666666671636, 0.66666666666656729]",
}
"""The rows that the sheet prints; rows 189 to 199 are one and the same."""

READ_AS = {
    1: "[0.054029072356855196, 0.054029072355952806]",
    6: "[0.12992612967722628, 0.12992612967597558]",
    96: "[0.6664180390901754, 0.6664180390886847]",
    189: "[0.6666666666671636, 0.6666666666656729]",
}
"""Rows in which the scan doubled, dropped or misread a digit."""

CLEAN = [i for i in PRINTED if i not in READ_AS]


@claim(
    "E1.2.row-*",
    "the printed trace",
    cases=[
        case(
            str(i),
            f"row {i}" + (" to 199" if i == 189 else ""),
            i=i,
            sheet=text,
            read_as=READ_AS.get(i),
        )
        for i, text in PRINTED.items()
    ],
)
def rows(i=0):
    yield by.recursion("the package's RMSProp, in floats", lambda: as_rows(traced())[i])
    yield by.algebra("mpmath, rounded to 53 bits", lambda: in_53_bits()[i])


@claim("E1.2.repeats", "number of different rows among 189 to 199")
def repeats():
    yield by.recursion(
        "the package's RMSProp, in floats", lambda: len(set(as_rows(traced())[189:]))
    )
    yield by.algebra("mpmath, rounded to 53 bits", lambda: len(set(in_53_bits()[189:])))
    yield sheet("rows 189 … 199", lambda: 1)


@claim(
    "E1.2.needed",
    "of the 15 clean rows, how many come out",
    components=["all four", "η (g/√s)", "weight 1 − 0.9", "ε = 10⁻⁸", "s from 10⁻⁹"],
)
def needed():
    def package():
        paths = [
            traced(),
            rate_last(),
            traced(decay=0.9),
            traced(epsilon=1e-8),
            traced(s0=1e-9),
        ]
        return [sum(as_rows(path)[i] == PRINTED[i] for i in CLEAN) for path in paths]

    def rounded():
        settings = [
            {},
            {"rate_first": False},
            {"weight": 1 - 0.9},
            {"epsilon": 1e-8},
            {"s0": 1e-9},
        ]
        found = [in_53_bits(**one) for one in settings]
        return [len(CLEAN) - len([i for i in CLEAN if rows[i] != PRINTED[i]]) for rows in found]

    yield by.recursion("the package's RMSProp, in floats", package)
    yield by.algebra("mpmath, rounded to 53 bits", rounded)


@claim("E1.2.initial", "the start of $s$ behind the printed trace")
def initial():
    def tried():
        starts = (1e-8, 1e-9, 1e-10, 1e-11, 0.0)
        matches = {s0: sum(as_rows(traced(s0))[i] == PRINTED[i] for i in CLEAN) for s0 in starts}
        return max(matches, key=matches.get)

    def solved():
        """The first row has w₂ = 0.04/√(0.9 s₀ + 1.6)."""
        with mpmath.workdps(30):
            w = mpmath.mpf("0.031622776600794406")
            s1 = (mpmath.mpf("0.04") / w) ** 2
            return float((s1 - mpmath.mpf("1.6")) / mpmath.mpf("0.9"))

    yield by.enumeration("powers of ten, on all clean rows", tried)
    yield by.algebra(
        "the first row solved for it",
        solved,
        rtol=1e-4,
        because="17 printed digits leave four of a number that is 10⁻¹⁰ of the others",
    )
    yield sheet("0.000000001", read_as="0.0000000001")


def first_order():
    """Return w₁ − w₂ at the end, to first order in s₀, from the residual's own recursion."""
    r, S, total = -2.0, 0.0, 0.0
    for k in range(1, 101):
        S = 0.9 * S + 0.1 * r * r
        total += 0.9**k * abs(r) / S**1.5
        r -= 3 * ETA * r / S**0.5
    return ETA * S0 / 8 * (1 - 1 / 4) * total


FIRST_ORDER = {
    "rtol": 1e-4,
    "because": "differences of 10⁻¹² of numbers near 1 keep four digits",
}


@claim("E1.2.gap", "$w_1 - w_2$ at the end of the trace")
def gap():
    def in_floats():
        w = traced()[-1]
        return w[0] - w[1]

    yield by.closed_form("to first order in the start of s", first_order)
    yield by.recursion("the package's trace", in_floats, **FIRST_ORDER)


@claim("E1.2.shifted-limit", "the end of the trace minus $2/3$", components=["$w_1$", "$w_2$"])
def shifted_limit():
    yield by.closed_form(
        "to first order in the start of s", lambda: [first_order() / 3, -2 * first_order() / 3]
    )
    yield by.recursion("the package's trace", lambda: traced()[-1] - 2 / 3, **FIRST_ORDER)


@claim("E1.2.stuck", "the step from which on the residual of the trace is exactly 0")
def stuck():
    def package():
        residuals = traced() @ [2, 1] - 2
        return int(np.flatnonzero(residuals)[-1]) + 1

    def rounded():
        """The rows stop changing one step later."""
        found = in_53_bits()
        return max(i for i in range(199) if found[i] != found[i + 1]) + 2

    yield by.recursion("the package's RMSProp, in floats", package)
    yield by.algebra("mpmath, rounded to 53 bits", rounded)


# -- its direction and its limit -----------------------------------------------------------------


@claim(
    "E1.2.same-path",
    "both coordinates move alike",
    for_all=r"$\eta$, $0 \le \beta < 1$ and residuals that are not 0, in two steps from $s = 0$",
)
def same_path():
    eta, beta, r1, r2 = sp.symbols("eta beta r1 r2", real=True)

    def proved():
        gradients = [np.array([4 * r, 2 * r]) for r in (r1, r2)]
        optimizer = opt.rmsprop(eta, beta, 0, epsilon_inside=False)
        first, second = opt.replay(optimizer, gradients, opt.exact([0, 0])).params[1:]
        alike = sp.And(
            sp.Eq(first[0], first[1], evaluate=False), sp.Eq(second[0], second[1], evaluate=False)
        )
        nonzero = [sp.Ne(r1, 0), sp.Ne(r2, 0)]
        return prove(
            alike,
            given=[beta >= 0, beta < 1, *nonzero],
            altered=[sp.Eq(second[0], 2 * second[1], evaluate=False)],
        )

    def in_floats():
        path = traced(s0=0.0)
        return holds((path[:, 0] == path[:, 1]).all(), "equal to the last bit in 200 steps")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.experiment("the trace from s = 0", in_floats)


@once
def in_60_digits(steps=900):
    """Return the last hundred points of the package's run with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        exact = opt.least_squares([[Decimal(2), Decimal(1)]], [Decimal(2)])
        optimizer = opt.rmsprop(
            Decimal("0.01"),
            Decimal("0.9"),
            Decimal(0),
            epsilon_inside=False,
            initial=Decimal("1e-10"),
        )
        path = opt.run(optimizer, exact.gradient, [Decimal(0), Decimal(0)], steps).params
        residuals = (path @ [2, 1] - 2).astype(float)
        return path[-100:].astype(float), residuals


@once
def falling_rate(steps=2500):
    """Return where the package's RMSProp ends if its rate falls by a hundredth at each step."""
    w = np.zeros(2)
    state = opt.rmsprop(ETA, epsilon_inside=False).init(w)
    for k in range(steps):
        update = opt.rmsprop(ETA * 0.99**k, 0.9, 0, epsilon_inside=False).update
        w, state = update(loss().gradient(w), state, w)
    return w


@claim("E1.2.limit", "the zero-loss point on RMSProp's path", answer="vector")
def limit():
    c = sp.Symbol("c")
    yield by.algebra("the solution with equal coordinates", lambda: sp.solve(3 * c - 2, c) * 2)
    yield by.experiment(
        "a falling rate", falling_rate, rtol=1e-11, because="the rate ends at 10⁻¹³"
    )
    yield by.experiment(
        "the middle of the two-cycle in 60 digits",
        lambda: in_60_digits()[0][-2:].mean(axis=0),
        rtol=1e-11,
        because="the start of s has shifted it by 10⁻¹²",
    )
    yield sheet("[2/3, 2/3]", lambda: [Q(2, 3)] * 2)
    yield slip("that is the solution of least norm", lambda: [Q(4, 5), Q(2, 5)])


@claim("E1.2.minimum-norm", "the minimum-norm solution", answer="vector")
def minimum_norm():
    def descended():
        descent = opt.gradient_descent(0.05)
        return opt.run(descent, loss().gradient, [0.0, 0.0], 300).params[-1]

    def lagrange():
        """w = λ (2, 1) by Lagrange's rule, and 5λ = 2."""
        scale = sp.Symbol("lambda")
        (found,) = sp.solve(5 * scale - 2, scale)
        return [2 * found, found]

    yield by.closed_form(
        "the package's formula", lambda: opt.minimum_norm_solution(opt.exact(X), opt.exact(T))
    )
    yield by.experiment("gradient descent from 0", descended)
    yield by.algebra("Lagrange's rule", lagrange)
    yield sheet("4/5 2/5")
    yield slip("that is where RMSProp goes", lambda: [Q(2, 3), Q(2, 3)])


@claim("E1.2.counterexample", "RMSProp does not always converge to the minimum-norm solution")
def counterexample():
    def measured():
        least = np.linalg.norm(traced() - [0.8, 0.4], axis=1).min()
        return holds(least > 0.28, f"it never comes nearer than {least:.4f}")

    def from_the_line():
        """The solution of least norm is t x/‖x‖²; its coordinates' difference over √2."""
        (a, b), (t,) = X[0], T
        away = abs(t * (a - b) / (a**2 + b**2)) / 2**0.5
        return holds(away > 0.28, f"the line is {away:.4f} away")

    yield by.experiment("the trace", measured)
    yield by.closed_form("the line of its path", from_the_line)
    yield sheet("RMSProp doesn't always converge to it", lambda: True)


# -- whether it converges ------------------------------------------------------------------------


@claim(
    "E1.2.grows",
    r"$|r_{t+1}| > |r_t|$ exactly if $\sqrt{S_t} < \frac32\eta$",
    for_all=r"$\eta > 0$, $S_t > 0$ and $r_t \ne 0$",
)
def grows():
    eta, r, root = sp.symbols("eta r q", real=True)

    def proved():
        """One update of the package from a state that leads to S = q²: s is 16 and 4 times it."""
        w = np.array([sp.S.Zero, r + 2])
        beta = Q(9, 10)
        s = np.array([(16 * root**2 - 16 * r**2 / 10) / beta, (4 * root**2 - 4 * r**2 / 10) / beta])
        g = opt.least_squares(opt.exact(X), opt.exact(T)).gradient(w)
        update = opt.rmsprop(eta, beta, 0, epsilon_inside=False).update
        after = update(g, opt.RMSPropState(s, s), w)[0] @ np.array([2, 1]) - 2
        larger = sp.Abs(sp.expand(after)) > sp.Abs(r)
        return prove(
            sp.Equivalent(larger, 2 * root < 3 * eta),
            given=[eta > 0, root > 0, sp.Ne(r, 0)],
        )

    def solved():
        q = sp.Symbol("q", positive=True)
        found = sp.solveset(1 - sp.Rational(3, 100) / q < -1, q, sp.Interval.open(0, sp.oo))
        right = found == sp.Interval.open(0, sp.Rational(3, 200))
        return holds(right, "for η = 1/100 below 3/200")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.algebra("the inequality solved", solved)


def residual_alone(steps=900, digits=60):
    """Return |r| of the last two steps, from the recursion of r alone, without the start of s."""
    with mpmath.workdps(digits):
        r, S, eta = mpmath.mpf(-2), mpmath.mpf(0), mpmath.mpf(1) / 100
        sizes = []
        for _ in range(steps):
            S = 9 * S / 10 + r * r / 10
            r -= 3 * eta * r / mpmath.sqrt(S)
            sizes.append(float(abs(r)))
        return sizes


@claim("E1.2.cycle", r"$|r|$ in the final two-cycle, $\frac32\eta$", answer=True)
def cycle():
    def balanced():
        """r → −r needs 3η/√S = 2 with S = r²."""
        r = sp.Symbol("r", positive=True)
        return sp.solve(sp.Eq(3 * sp.Rational(1, 100) / r, 2), r)[0]

    yield by.algebra("the balance of a step", balanced)
    yield by.experiment("60 digits of the package's run", lambda: abs(in_60_digits()[1][-1]))
    yield by.recursion("60 digits of the residual alone", lambda: residual_alone()[-1])
    yield slip("half of a step, as on a parabola", lambda: Q(1, 200))


@claim("E1.2.convergence", "with a constant rate RMSProp does not converge here")
def convergence():
    def package():
        least = np.abs(in_60_digits()[1][-100:]).min()
        return holds(least > 0.0149, f"|r| is at least {least:.6f} in the last 100 of 900 steps")

    def alone():
        least = min(residual_alone(steps=1500, digits=80)[-600:])
        return holds(least > 0.0149, f"|r| is at least {least:.6f} in the last 600 of 1500 steps")

    yield by.experiment("60 digits of the package's run", package)
    yield by.recursion("80 digits of the residual alone, for longer", alone)
    yield sheet(
        "the weight converges",
        lambda: False,
        erratum="With a constant rate it ends in a two-cycle around (2/3, 2/3); the trace stands "
        "still only because its residual rounds to 0.",
    )


@claim("E1.2.max-norm", r"the least possible $\|w\|_\infty$ of a solution", answer=True)
def max_norm():
    def program():
        rows = [[1, 0, -1], [-1, 0, -1], [0, 1, -1], [0, -1, -1]]
        free = [(None, None)] * 3
        return linprog(
            [0, 0, 1], A_eq=[[2, 1, 0]], b_eq=[2], A_ub=rows, b_ub=[0] * 4, bounds=free
        ).fun

    yield by.closed_form("the target over the sum of moduli", lambda: Q(2, 2 + 1))
    yield by.algebra("a linear program", program)
