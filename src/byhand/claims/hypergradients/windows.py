"""Claims of D3.5: updating the step size often or seldom, what it costs and what it holds."""

from __future__ import annotations

import numpy as np

from byhand import hypergradients as hg
from byhand.claims.hypergradients.learned import STARTS
from byhand.claims.hypergradients.memory import diagonal
from byhand.evidence import by, claim, holds, once, sheet

WINDOWS, ALPHAS = (1, 4, 16), np.logspace(-1.25, 0, 6)
COST, STEPS = 500, 256
"""Evaluations, or steps, that the runs which are compared have in common."""


BUDGETS = {
    "cost": dict.fromkeys(WINDOWS, COST),
    "steps": {window: (2 * window - 1) * (STEPS // window) for window in WINDOWS},
}
"""Evaluations of a run, by window, at equal cost and at equal steps."""


@once
def last_losses(seed, equal):
    """Return the last losses, shape (windows, alphas); nan where a run diverged."""
    network = hg.terrain_network(seed=seed)

    def last(window, alpha):
        return hg.windowed_descent(*network, 1e-3, alpha, window, BUDGETS[equal][window])[0]

    return np.array([[last(window, alpha) for alpha in ALPHAS] for window in WINDOWS])


@np.errstate(all="ignore")
def end(seed, alpha, window, equal):
    """Return the last loss by the rule written out, with the tangent of the window's shared η."""
    loss, w = hg.terrain_network(seed=seed)
    eta = 1e-3
    for _ in range(BUDGETS[equal][window] // (2 * window - 1)):
        tangent = 0 * w
        for _ in range(window):
            g = loss.gradient(w)
            tangent = tangent - g - eta * loss.hvp(w, tangent)
            w = w - eta * g
        eta = eta - alpha * (loss.gradient(w) @ tangent)
    value = loss.value(w)
    return value if np.isfinite(value) else np.nan


@once
def written_out(seed, equal):
    """Return what :func:`last_losses` returns, by tangents."""
    return np.array([[end(seed, alpha, tau, equal) for alpha in ALPHAS] for tau in WINDOWS])


# -- frequency and delay -------------------------------------------------------------------------


@claim("D3.5.frequency", r"updates of $\eta$ per 1000 evaluations, windows of 1, 4 and 16 steps")
def frequency(budget=1000):
    def counted():
        run = diagonal(3), np.ones(3), 0.1, 0
        return [hg.windowed_descent(*run, window, budget)[1] for window in WINDOWS]

    yield by.experiment("the package's windows", counted)
    yield by.hand("a window takes 2τ − 1 evaluations", lambda: [1000, 142, 32])


@claim("D3.5.frequent", "the shorter the window, the more updates at the same cost")
def frequent(budget=1000):
    def counted():
        """From what one window evaluates."""
        updates = []
        for window in WINDOWS:
            counting, calls = hg.counted(diagonal(3))
            hg.windowed_descent(counting, np.ones(3), 0.1, 0, window, 2 * window)
            updates.append(budget // (calls["gradient"] - 1 + calls["hvp"]))
        return holds(updates == sorted(updates, reverse=True), ", ".join(map(str, updates)))

    def by_hand():
        updates = [budget // (2 * window - 1) for window in WINDOWS]
        return holds(updates == sorted(updates, reverse=True), ", ".join(map(str, updates)))

    yield by.experiment("evaluations counted", counted)
    yield by.closed_form("from 2τ − 1 for each", by_hand)
    yield sheet("It updates the step size more frequently", lambda: True)


@claim("D3.5.budget", "window of 4, 1000 evaluations: gradients (one more at the start) and HVPs")
def budget():
    def counted():
        counting, calls = hg.counted(hg.terrain_network()[0])
        hg.windowed_descent(counting, hg.terrain_network()[1], 1e-3, 0.1, 4, 1000)
        return [calls["gradient"], calls["hvp"]]

    yield by.experiment("counted", counted)
    yield by.hand("142 windows of 4 gradients and 3 HVPs", lambda: [1 + 4 * 142, 3 * 142])


@claim("D3.5.equal-cost", "at equal cost the window of one step ends lowest", cases=STARTS)
def equal_cost(seed=0):
    def by_the_package():
        losses = last_losses(seed, "cost")
        one, *others = np.nanmin(losses, axis=1)
        return holds(one < min(others), f"{one:.3f} against {min(others):.3f}")

    def tangents():
        losses = written_out(seed, "cost")
        one, *others = np.nanmin(losses, axis=1)
        return holds(one < min(others), f"{one:.3f} against {min(others):.3f}")

    yield by.experiment("the package's windows", by_the_package)
    yield by.recursion("tangents written out", tangents)


@claim("D3.5.equal-steps", "at equal steps the best losses differ by less than 10 %", cases=STARTS)
def equal_steps(seed=0):
    def by_the_package():
        losses = last_losses(seed, "steps")
        best = np.nanmin(losses, axis=1)
        return holds(max(best) < 1.1 * min(best), f"{max(best) / min(best):.3f} times")

    def tangents():
        losses = written_out(seed, "steps")
        best = np.nanmin(losses, axis=1)
        return holds(max(best) < 1.1 * min(best), f"{max(best) / min(best):.3f} times")

    yield by.experiment("the package's windows", by_the_package)
    yield by.recursion("tangents written out", tangents)


@claim(
    "D3.5.delay",
    r"the window of 16 survives no $\alpha$ above half the largest that the window of one survives",
    cases=STARTS,
)
def delay(seed=0):
    def by_the_package():
        losses = last_losses(seed, "steps")
        one, _, sixteen = (ALPHAS[np.isfinite(row)].max() for row in losses)
        return holds(sixteen <= one / 2, f"{sixteen:.2f} against {one:.2f}")

    def tangents():
        losses = written_out(seed, "steps")
        one, _, sixteen = (ALPHAS[np.isfinite(row)].max() for row in losses)
        return holds(sixteen <= one / 2, f"{sixteen:.2f} against {one:.2f}")

    yield by.experiment("the package's windows", by_the_package)
    yield by.recursion("tangents written out", tangents)
    yield sheet("delayed updates can negatively affect performance", lambda: True)


# -- what an update costs ------------------------------------------------------------------------


@claim("D3.5.free", r"100 steps with $\eta$ updated at each: gradients, HVPs")
def free(steps=100):
    def counted():
        network, start = hg.terrain_network()
        counting, calls = hg.counted(network)
        hg.tuned_descent(counting, start, 0.1, 0.01, steps=steps)
        return [calls["gradient"], calls["hvp"]]

    yield by.experiment("counted", counted)
    yield by.hand("one gradient a step", lambda: [100, 0])
    yield sheet("it avoids explicit Hessian computations", lambda: [steps, 0])


def multiplied(loss):
    w = np.ones(loss.size)
    return [hg.multiplications(loss.gradient, w), hg.multiplications(loss.hvp, w, w)]


@claim("D3.5.multiplications", "network: multiplications in a gradient, in an HVP")
def multiplications(units=12, samples=132):
    def by_hand():
        d = 4 * units + 1
        return [11 * samples * units + d, 23 * samples * units + d]

    yield by.enumeration("numbers that count", lambda: multiplied(hg.terrain_network(units)[0]))
    yield by.closed_form("11 nu + d and 23 nu + d", by_hand)


@claim("D3.5.hvp-network", "network: an HVP costs two to three gradients")
def hvp_of_network(units=12, samples=132):
    def counted():
        gradient, hvp = multiplied(hg.terrain_network(units)[0])
        return holds(2 < hvp / gradient < 3, f"{hvp / gradient:.2f}")

    def by_hand():
        d, nu = 4 * units + 1, samples * units
        ratio = (23 * nu + d) / (11 * nu + d)
        return holds(2 < ratio < 3, f"{ratio:.2f}")

    yield by.enumeration("counted", counted)
    yield by.closed_form("11 nu + d and 23 nu + d", by_hand)
    yield sheet(
        "Hessian-vector products … more expensive than standard gradient calculations", lambda: True
    )


@claim(
    "D3.5.hvp-least-squares",
    "least squares, 12 samples of 3: multiplications in a gradient, in an HVP",
)
def hvp_of_least_squares(n=12, d=3):
    def counted():
        rng = np.random.default_rng(4)
        return multiplied(hg.least_squares(rng.standard_normal((n, d)), rng.standard_normal(n)))

    yield by.enumeration("numbers that count", counted)
    yield by.closed_form("2 nd + d, twice", lambda: [2 * n * d + d] * 2)


# -- what a window holds -------------------------------------------------------------------------


def held_by_window(window, d=8000):
    run = diagonal(d), np.ones(d), 0.5, 1e-9, window, 254
    return hg.peak_bytes(hg.windowed_descent, *run) / (8 * d)


@claim("D3.5.memory", "windows of 4, 8 and 16 steps: vectors held over those of a window of one")
def memory(lengths=(4, 8, 16)):
    def measured():
        return [round(held_by_window(window) - held_by_window(1)) for window in lengths]

    yield by.experiment("the allocator", measured)
    yield by.closed_form("2τ − 1", lambda: [2 * window - 1 for window in lengths])


@claim("D3.5.memory-64", "a window of 64 steps holds more than 100 vectors more")
def memory_of_64(window=64):
    def measured():
        more = held_by_window(window) - held_by_window(1)
        return holds(more > 100, f"{more:.0f}")

    yield by.experiment("the allocator", measured)
    yield by.closed_form("2τ − 1", lambda: holds(2 * window - 1 > 100, f"{2 * window - 1}"))
    yield sheet("memory-intensive (because the entire process must be stored)", lambda: True)
