"""Claims of C-compare on RMSProp: its steps, how fast it is, and its two-cycle."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import optimization as opt
from byhand.claims.optimization._symbolic import BETA, ETA, G1, G2, H, W, last_moves
from byhand.claims.optimization._written_out import whole
from byhand.evidence import by, claim, holds, prove, sheet


def rms_move(g, s, beta=BETA):
    """Return the package's move for a gradient g from a mean square s, with ε = 0."""
    optimizer = opt.rmsprop(ETA, beta, 0, epsilon_inside=True)
    state = opt.RMSPropState(np.array([s]), np.array([s]))
    return optimizer.update(np.array([g]), state, opt.exact([0]))[0][0]


SQUARE = sp.Symbol("s", real=True)
DECAY = [BETA >= 0, BETA < 1]


@claim(
    "C-compare.per-parameter",
    r"a parameter's steps do not depend on its gradients' scale $c$, for $\varepsilon = 0$",
    for_all=r"$c > 0$ and gradients that are not 0",
)
def per_parameter():
    c = sp.Symbol("c", real=True)

    def proved():
        plain = opt.rmsprop(Q(1, 10), Q(9, 10), 0, epsilon_inside=True)
        moves, scaled = last_moves(plain, (G1, G2)), last_moves(plain, (c * G1, c * G2))
        same = [sp.Eq(a, b, evaluate=False) for a, b in zip(moves, scaled, strict=True)]
        return prove(sp.And(*same), given=[c > 0, sp.Ne(G1, 0), sp.Ne(G2, 0)])

    def to_the_bit():
        gradients = np.random.default_rng(22).normal(size=(50, 2))
        plain = opt.rmsprop(0.1, 0.9, 0, epsilon_inside=True)
        one, other = (
            opt.replay(plain, gradients * scale, [0.0, 0.0]).params for scale in ([1, 1], [1, 1024])
        )
        return holds(np.array_equal(one, other), "not a bit changes for c = 1024")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.experiment("50 gradients", to_the_bit)
    yield sheet("scales learning rate per parameter", lambda: True)


@claim(
    "C-compare.larger-gradient",
    "a larger latest gradient lengthens the step and lowers the rate",
    for_all=r"$g' > g > 0$, $s > 0$, $\eta > 0$ and $\beta$ in $(0, 1)$",
)
def larger_gradient():
    def proved():
        g, more = G1, G2
        step, longer = -rms_move(g, SQUARE), -rms_move(more, SQUARE)
        lower = longer * g < step * more  # the rate is the step over the gradient
        return prove(
            sp.And(longer > step, lower),
            given=[g > 0, more > g, SQUARE > 0, ETA > 0, BETA > 0, BETA < 1],
        )

    def measured():
        sizes = np.array([0.5, 1, 2, 10, 100])
        plain = opt.rmsprop(0.1, 0.9, 0, epsilon_inside=True)
        steps = [-np.diff(opt.replay(plain, [1.0] * 20 + [x], 0.0).params)[-1] for x in sizes]
        rates = steps / sizes
        right = (np.diff(steps) > 0).all() and (np.diff(rates) < 0).all()
        return holds(right, f"steps from {steps[0]:.3f} to {steps[-1]:.3f}")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.experiment("gradients 0.5 to 100 after twenty ones", measured)
    yield sheet(
        "scales down steps if gradients are larger",
        lambda: False,
        erratum="Right if a step is the rate η/√s, which larger gradients scale down; the step "
        "taken, rate times gradient, does not shrink.",
    )


@claim(
    "C-compare.rmsprop-bound",
    r"RMSProp's step is at most $\eta/\sqrt{1-\beta}$",
    for_all=r"$g \ne 0$, $s \ge 0$, $\eta > 0$ and $0 \le \beta < 1$",
)
def rmsprop_bound():
    def proved():
        squared = rms_move(G1, SQUARE) ** 2
        return prove(
            squared * (1 - BETA) <= ETA**2,
            given=[sp.Ne(G1, 0), SQUARE >= 0, *DECAY],
            altered=[squared * (1 - BETA) <= ETA**2 / 2],
        )

    def measured():
        rng = np.random.default_rng(23)
        plain = opt.rmsprop(1.0, 0.9, 0, epsilon_inside=True)
        wild = rng.normal(size=(400, 50)) * 10.0 ** rng.integers(-6, 7, size=(400, 50))
        longest = np.abs(np.diff(opt.replay(plain, wild, np.zeros(50)).params, axis=0)).max()
        return holds(longest <= 10**0.5 * (1 + 1e-12), f"at most {longest:.3f} η for β = 0.9")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.experiment("20 000 gradients of very different size", measured)


def bowl_gradient(kappa):
    return lambda w: w * np.array([1, 1 / kappa])


def arrivals(outside):
    """Return how many steps each run needs to stay inside, for masks of shape (steps + 1, runs)."""
    last = outside.shape[0] - 1 - np.argmax(outside[::-1], axis=0)
    return np.where(outside.any(axis=0), last + 1, 0)


def fewest_by_the_package(name, kappa, distance):
    """Return the least number of steps, over 16 rates, to stay near 0.

    They run side by side: with w = ηφ, φ takes steps of rate 1 where w takes steps of rate η.
    """
    rates = np.logspace(-3.5, 0.25, 16)[:, None]
    gradient = opt.quadratic(np.diag([1, 1 / kappa])).gradient
    method = opt.four_optimizers(1.0)[name]
    scaled = opt.run(method, lambda phi: gradient(rates * phi), 1 / rates + [0, 0], 1500).params
    outside = np.abs(rates * scaled).max(axis=-1) >= distance
    return min(int(np.flatnonzero(one)[-1]) + 1 for one in outside.T)  # 1501 if not arrived


def fewest_written_out(name, kappa, distance, steps=2000):
    """Return the same over three finer grids of rates, for longer."""
    found = []
    for count in (16, 23, 40):
        rates = np.logspace(-3.5, 0.25, count)[:, None]
        points = whole(name, bowl_gradient(kappa), np.ones((count, 2)), rates, steps)
        outside = ~(np.abs(points).max(axis=-1) < distance)
        found.append(int(arrivals(outside).min()))
    return found


@claim(
    "C-compare.fast",
    r"to 0.1 for $\kappa = 1000$ RMSProp needs under a tenth of SGD's steps",
)
def fast():
    def measured():
        few, many = (fewest_by_the_package(name, 1000, 0.1) for name in ("RMSProp", "SGD"))
        return holds(10 * few < many, f"{few} against {many}")

    def bounded():
        """SGD's factor in the flat direction is at least 1 − 2/κ for every rate that converges."""
        few = max(fewest_written_out("RMSProp", 1000, 0.1))
        many = np.log(0.1) / np.log(1 - 2 / 1000)
        return holds(10 * few < many, f"{few} on the worst of three grids, against {many:.0f}")

    yield by.experiment("the best of 16 rates, by the package", measured)
    yield by.closed_form("a bound for SGD, RMSProp written out", bounded)
    yield sheet("it is fast", lambda: True)


@claim(
    "C-compare.not-fast",
    r"to 0.001 for $\kappa = 10$ it needs over four times SGD's steps",
)
def not_fast():
    def measured():
        many, few = (fewest_by_the_package(name, 10, 0.001) for name in ("RMSProp", "SGD"))
        return holds(many > 4 * few, f"{many} against {few}")

    def bounded():
        """Within 0.001 it stays for η < 0.002 only, and a step is at most η/√(1 − β)."""
        few, many = max(fewest_written_out("SGD", 10, 0.001)), 0.999 / (0.002 * 10**0.5)
        return holds(many > 4 * few, f"at least {many:.0f} against {few}")

    yield by.experiment("the best of 16 rates, by the package", measured)
    yield by.closed_form("a bound for RMSProp, SGD written out", bounded)


@claim(
    "C-compare.overshoot-rmsprop",
    "RMSProp's first step passes the minimum",
    for_all=r"$\frac12hw^2$ with $h > 0$ and $0 < |w| < \eta/\sqrt{1-\beta}$",
)
def overshoot_rmsprop():
    def proved():
        after = W + rms_move(H * W, sp.S.Zero)
        return prove(
            W * after < 0,
            given=[H > 0, *DECAY, ETA > 0, sp.Ne(W, 0), W**2 * (1 - BETA) < ETA**2],
        )

    def run():
        plain = opt.four_optimizers(0.1)["RMSProp"]
        after = opt.run(plain, opt.quadratic([[1.0]]).gradient, [0.1], 1).params[-1, 0]
        return holds(after < 0, f"from 0.1 to {after:.3f}")

    yield by.prover("Z3, of the package's RMSProp", proved)
    yield by.experiment("one step from 0.1", run)
    yield sheet(
        "no chance of overshooting",
        lambda: False,
        erratum="The first step is η/√(1 − β) whatever the gradient, and in the long run every "
        "step overshoots.",
    )


def alternating(h, steps=3000):
    plain = opt.rmsprop(0.1, 0.9, 0, epsilon_inside=True)
    return opt.run(plain, opt.quadratic([[float(h)]]).gradient, [1.0], steps).params[:, 0]


@claim(
    "C-compare.two-cycle",
    r"the two-cycle's half-width $\eta/2$ for curvatures 0.3, 1 and 20",
    components=["$h = 0.3$", "$h = 1$", "$h = 20$"],
)
def two_cycle():
    def balanced():
        """From a to −a the step is η, as s = h²a²."""
        a = sp.Symbol("a", positive=True)
        return [sp.solve(sp.Eq(2 * a, sp.Rational(1, 10)), a)[0]] * 3

    yield by.experiment(
        "3000 steps of the package's", lambda: [abs(alternating(h)[-1]) for h in (0.3, 1, 20)]
    )
    yield by.algebra("the balance of a step", balanced)


@claim("C-compare.every-step", "in these runs every one of the last 1000 steps overshoots")
def every_step():
    def package():
        ends = [alternating(h)[-1001:] for h in (0.3, 1, 20)]
        flips = [int((e[1:] * e[:-1] < 0).sum()) for e in ends]
        return holds(flips == [1000] * 3, f"{min(flips)} of 1000")

    def written_out():
        h, eta = np.array([0.3, 1, 20]), 0.1
        w, s, flips = np.ones(3), np.zeros(3), np.zeros(3, dtype=int)
        for t in range(6000):
            s = 0.9 * s + 0.1 * (h * w) ** 2
            after = w - eta * h * w / np.sqrt(s)
            flips += (after * w < 0) & (t >= 5000)
            w = after
        return holds((flips == 1000).all(), f"{flips.min()} of 1000, after 5000 others")

    yield by.experiment("3000 steps of the package's", package)
    yield by.recursion("6000 steps written out", written_out)


@claim(
    "C-compare.two-cycle-attracts",
    r"the two-cycle attracts nearby runs: both multipliers are below 1 in modulus",
    for_all=r"$0 < \beta < 1$",
)
def two_cycle_attracts():
    def linearized():
        """Trace and determinant of the package's update, mirrored, at w = η/2 and s = h²η²/4."""
        state = opt.RMSPropState(np.array([SQUARE]), np.array([SQUARE]))
        optimizer = opt.rmsprop(ETA, BETA, 0, epsilon_inside=True)
        after, new = optimizer.update(np.array([H * W]), state, np.array([W]))
        both = sp.Matrix([-after[0], new.s[0]])
        eta, h = sp.symbols("eta h", positive=True)
        at = {W: ETA / 2, SQUARE: H**2 * ETA**2 / 4}
        jacobian = both.jacobian([W, SQUARE]).subs(at).subs({ETA: eta, H: h})
        return sp.simplify(jacobian.trace()), sp.simplify(jacobian.det())

    def proved():
        """Their product is β < 1; real ones are below 1 if |τ| + √(τ² − 4β) < 2."""
        trace, determinant = linearized()
        root = sp.sqrt(sp.Max(trace**2 - 4 * determinant, 0))
        return prove(sp.And(sp.Abs(trace) + root < 2, determinant < 1), given=[BETA > 0, BETA < 1])

    def measured():
        """A run from 1 % beside the cycle, for five decay rates: how far after 4000 steps?"""
        off = []
        for beta in (0.1, 0.5, 0.9, 0.95, 0.99):
            w, s = 0.0505, 0.0025 * 1.01
            for _ in range(4000):
                s = beta * s + (1 - beta) * w * w
                w -= 0.1 * w / s**0.5
            off.append(abs(abs(w) - 0.05))
        return holds(max(off) < 1e-9, f"within {max(off):.0e} after 4000 steps")

    yield by.prover("Z3, of the package's update linearized", proved)
    yield by.recursion("five decay rates", measured)
