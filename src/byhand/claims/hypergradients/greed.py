"""Claims of D3.5: schedules that look one step ahead, or to the end, among noise."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp
from scipy.optimize import minimize

from byhand import hypergradients as hg
from byhand.evidence import Estimate, by, claim, holds, once, prove, sheet
from byhand.linear_algebra import complex_step
from byhand.optimization import exact

NOISY = ((1.0, 0.05), (1.0, 0.05), (1.0, 100.0))
"""Curvatures, variances of the noise, and second moments at the start."""

STEPS = 50


@once
def schedule(kind):
    """Return the step sizes of a schedule of 50 steps."""
    if kind == "greedy":
        return hg.greedy_schedule(*NOISY, STEPS)
    if kind == "farsighted":
        return hg.farsighted_schedule(*NOISY, STEPS, ceiling=1.0)
    return np.full(STEPS, 0.6)


@once
def found_again(kind):
    """Return the step sizes of a schedule without the package.

    The greedy step is the vertex of a parabola; the farsighted ones are searched for with
    complex steps of the last expected loss.
    """
    if kind == "farsighted":
        aside = 1e-20j * np.eye(STEPS)
        return minimize(
            moments,
            np.full(STEPS, 0.3),
            jac=lambda etas: moments(etas[:, None] + aside).imag / 1e-20,
            bounds=[(0, 1)] * STEPS,
        ).x
    h, c, m = map(np.array, NOISY)
    etas = []
    for _ in range(STEPS):
        etas.append(h**2 @ m / (h**3 @ m + h @ c))
        m = (1 - etas[-1] * h) ** 2 * m + etas[-1] ** 2 * c
    return np.array(etas)


def moments(etas):
    """Return the expected loss after the steps, of shape (steps, …), by its recursion."""
    h, c, m = (np.array(each)[:, None] for each in NOISY)
    for eta in etas:
        m = (1 - eta * h) ** 2 * m + eta**2 * c
    return np.squeeze((h * m).sum(axis=0)) / 2


def simulated(etas, paths=20_000, seed=6):
    """Return an estimate of the expected loss after the steps, by runs among random noise."""
    rng = np.random.default_rng(seed)
    h, c, m = map(np.array, NOISY)
    w = np.sqrt(m) * rng.choice([-1, 1], (paths, 2))
    for eta in etas:
        w = w - eta * (h * w + np.sqrt(c) * rng.standard_normal(w.shape))
    losses = w**2 @ h / 2
    return Estimate(losses.mean(), losses.std() / np.sqrt(paths))


@claim("D3.5.greedy", "the last expected loss of the greedy schedule")
def greedy():
    yield by.recursion("moments", lambda: hg.last_expected_loss(*NOISY, schedule("greedy")))
    yield by.sampling("20 000 runs", lambda: simulated(found_again("greedy")))


@claim("D3.5.farsighted", "the last expected loss of the farsighted schedule")
def farsighted():
    yield by.recursion("moments", lambda: hg.last_expected_loss(*NOISY, schedule("farsighted")))
    yield by.sampling("20 000 runs", lambda: simulated(found_again("farsighted")))


@claim("D3.5.greedy-steps", "the first five greedy step sizes")
def greedy_steps(k=5):
    def minimized():
        """The vertex of the parabola through the expected loss at three step sizes."""
        h, c, m = map(np.array, NOISY)
        found = []
        for _ in range(k):
            low, middle, high = (h @ ((1 - eta * h) ** 2 * m + eta**2 * c) for eta in (0, 0.5, 1))
            eta = 0.5 - (high - low) / (4 * (low - 2 * middle + high))
            m = (1 - eta * h) ** 2 * m + eta**2 * c
            found.append(eta)
        return found

    yield by.closed_form("the package's", lambda: schedule("greedy")[:k])
    yield by.differences("a parabola through three points", minimized)


@claim("D3.5.noisy-sweep", "all hypergradients of the greedy schedule")
def noisy_sweep():
    rounding = {"floor": 1e-14, "because": "the last of them are 0, but for rounding"}
    yield by.recursion(
        "the reverse sweep",
        lambda: hg.schedule_hypergradients(*NOISY, schedule("greedy")),
        **rounding,
    )
    yield by.differences("complex steps", lambda: complex_step(moments, found_again("greedy")))


@claim("D3.5.greed-early", "after 3 steps the greedy schedule is ahead")
def greed_early(step=3):
    def by_moments():
        ratio = moments(schedule("greedy")[:step]) / moments(schedule("farsighted")[:step])
        return holds(ratio < 1, f"{ratio:.3f} times")

    def by_runs():
        first, second = (simulated(schedule(kind)[:step]) for kind in ("greedy", "farsighted"))
        ratio = first.value / second.value
        return holds(ratio < 1, f"{ratio:.3f} times")

    yield by.recursion("moments", by_moments)
    yield by.experiment("20 000 runs each", by_runs)


@claim(
    "D3.5.greed", "after 50 steps the greedy schedule's expected loss is more than 8 times as high"
)
def greed():
    def by_moments():
        ratio = moments(schedule("greedy")) / moments(schedule("farsighted"))
        return holds(ratio > 8, f"{ratio:.1f} times")

    def by_runs():
        first, second = (simulated(schedule(kind)) for kind in ("greedy", "farsighted"))
        ratio = first.value / second.value
        return holds(ratio > 8, f"{ratio:.1f} times")

    yield by.recursion("moments", by_moments)
    yield by.experiment("20 000 runs each", by_runs)
    yield sheet("the first approach is greedy", lambda: True)


@claim(
    "D3.5.constant-beats-greed",
    "even a constant step size of 0.6 ends at less than half of greedy's loss",
)
def constant_beats_greed():
    def by_moments():
        ratio = moments(schedule("constant")) / moments(schedule("greedy"))
        return holds(ratio < 0.5, f"{ratio:.2f} times")

    def by_runs():
        first, second = (simulated(schedule(kind)) for kind in ("constant", "greedy"))
        ratio = first.value / second.value
        return holds(ratio < 0.5, f"{ratio:.2f} times")

    yield by.recursion("moments", by_moments)
    yield by.experiment("20 000 runs each", by_runs)


# -- one dimension -------------------------------------------------------------------------------

ONE = ((2,), (3,), (5,))


@claim(
    "D3.5.precision",
    "$m(10)$ under the greedy schedule in one dimension, $h = 2$, $c = 3$, $m(0) = 5$",
)
def precision(k=10):
    def by_recursion():
        problem = [exact(part) for part in ONE]
        return hg.noisy_moments(*problem, hg.greedy_schedule(*problem, k))[-1, 0]

    yield by.recursion("the package's recursion", by_recursion)
    yield by.hand("1/(1/5 + 10 · 4/3)", lambda: Q(15, 203))


@claim(
    "D3.5.precision-step",
    r"after a greedy step $1/m(s) = 1/m(s-1) + h^2/c$",
    for_all="$h, c, m(s-1) > 0$",
)
def precision_step():
    def after(h, c, m, eta):
        return (1 - eta * h) ** 2 * m + eta**2 * c

    def proved():
        names = [sp.Symbol(name, positive=True) for name in "hcm"]
        eta = hg.greedy_schedule(*([name] for name in names), 1)
        later = hg.noisy_moments(*([name] for name in names), eta)[-1, 0]
        free = h, c, m = sp.symbols("h c m", real=True)
        later = later.xreplace(dict(zip(names, free, strict=True)))
        grown = sp.Eq(1 / later, 1 / m + h**2 / c, evaluate=False)
        given = [h > 0, c > 0, m > 0]
        return prove(grown, given=given, altered=[sp.Eq(1 / later, 1 / m + h / c, evaluate=False)])

    def completed_square():
        """m' as a square about the greedy step, plus what is left: mc/(h²m + c)."""
        h, c, m, eta = sp.symbols("h c m eta", positive=True)
        best = h * m / (h**2 * m + c)
        rest = m * c / (h**2 * m + c)
        square = (h**2 * m + c) * (eta - best) ** 2 + rest
        same = sp.simplify(square - after(h, c, m, eta)) == 0
        return holds(same and sp.simplify(1 / rest - 1 / m - h**2 / c) == 0, "left is", rest)

    yield by.prover("Z3, of the package's schedule", proved)
    yield by.algebra("the square completed", completed_square)


@claim("D3.5.no-bias", "in one dimension all ten hypergradients of the greedy schedule")
def no_bias(k=10):
    def swept():
        problem = [exact(part) for part in ONE]
        return hg.schedule_hypergradients(*problem, hg.greedy_schedule(*problem, k))

    def by_chain_rule():
        """The step's own derivative is 0 at each greedy step, whatever multiplies it later."""
        h, c, m = (sp.Integer(part[0]) for part in ONE)
        slopes = []
        for _ in range(k):
            eta = sp.Symbol("eta")
            after = (1 - eta * h) ** 2 * m + eta**2 * c
            (best,) = sp.solve(sp.diff(after, eta), eta)
            slopes.append(sp.diff(after, eta).subs(eta, best))
            m = after.subs(eta, best)
        return slopes

    yield by.recursion("the sweep, in fractions", swept)
    yield by.algebra("each step's own derivative", by_chain_rule)


@claim("D3.5.no-gain", "in one dimension, the last expected loss of the best schedule of ten steps")
def no_gain(k=10):
    def searched():
        problem = [np.array(part, dtype=float) for part in ONE]
        return hg.last_expected_loss(*problem, hg.farsighted_schedule(*problem, k))

    yield by.hand("greedy's, h m(10)/2", lambda: Q(15, 203))
    yield by.experiment(
        "a search for a better one", searched, rtol=1e-6, because="the search stops there"
    )
