"""Claims of D3.2's experiments: what a learned step size forgives."""

from __future__ import annotations

import numpy as np

from byhand import hypergradients as hg
from byhand.backpropagation import grad
from byhand.claims.hypergradients._plain import terrain
from byhand.evidence import by, case, claim, holds, once

STARTS = [case(f"start-{seed}", f"start {seed}", seed=seed) for seed in range(3)]

GUESSES = np.logspace(-6, 1, 15)
"""First guesses of a step size, or of α."""

STEPS, GOOD = 500, 1.25
"""The length of a run, and how many times the best loss of the constant guesses is still good."""


@claim("D3.2.gradient", "loss and gradient of the network at its start")
def network_gradient(seed=0, units=12, spacing=34):
    def by_the_package():
        loss, start = hg.terrain_network(units, spacing, seed)
        return [loss.value(start), *loss.gradient(start)]

    def by_the_tape():
        """The network from the map itself, with its loss written out and swept backwards."""
        loss, start = terrain(seed, units, spacing)
        return [loss(start), *grad(loss)(start)]

    rounding = {"rtol": 1e-10, "floor": 1e-14, "because": "sums of 132 samples, rounded"}
    yield by.closed_form("the package's", by_the_package, **rounding)
    yield by.autodiff("the reverse sweep of the loss written out", by_the_tape, **rounding)


# -- the runs ------------------------------------------------------------------------------------


@once
def last_losses(seed, alpha=0.0, gamma=0.0):
    """Return the losses after a run from each first guess of η; nan where a run did not end."""
    network = hg.terrain_network(seed=seed)
    runs = [hg.tuned_descent(*network, eta, alpha, gamma, STEPS) for eta in GUESSES]
    return np.array([each.losses[-1] for each in runs])


@once
def last_losses_by_alpha(seed, gamma=0.0):
    """Return the losses after a run from each first guess of α, with the first η = 0.001."""
    network = hg.terrain_network(seed=seed)
    runs = [hg.tuned_descent(*network, 1e-3, alpha, gamma, STEPS) for alpha in GUESSES]
    return np.array([each.losses[-1] for each in runs])


@np.errstate(all="ignore")
def end(seed, eta, alpha=0.0, gamma=0.0):
    """Return the loss after a run by the rules written out."""
    loss, w = hg.terrain_network(seed=seed)
    before = slope = None
    for _ in range(STEPS):
        g = loss.gradient(w)
        if before is not None:
            last, slope = slope, g @ before
            alpha = alpha if last is None else alpha + gamma * slope * last
            eta = eta + alpha * slope
        w, before = w - eta * g, g
    return loss.value(w)


@once
def best_written_out(seed):
    """Return the best loss of the constant guesses, by the rule written out."""
    return np.nanmin([end(seed, eta) for eta in GUESSES[8:13]])


def worst(losses, seed):
    """Say whether all of these are good, by the worst of them."""
    ratio = np.max(losses) / np.nanmin(last_losses(seed))
    return holds(ratio <= GOOD, f"{ratio:.3f} times the best")


def worst_written_out(seed, *runs):
    """Say the same of a few runs by the rules written out."""
    ratio = max(end(seed, *run) for run in runs) / best_written_out(seed)
    return holds(ratio <= GOOD, f"{ratio:.3f} times the best")


# -- what is forgiven ----------------------------------------------------------------------------


@claim(
    "D3.2.constant",
    r"at most 2 of the 15 first guesses are good for a constant $\eta$",
    cases=STARTS,
)
def constant(seed=0):
    def by_the_package():
        losses = last_losses(seed)
        good = int(np.sum(losses <= GOOD * np.nanmin(losses)))  # nan is not good
        return holds(good <= 2, f"{good} of {len(losses)}")

    def written_out():
        good = sum(end(seed, eta) <= GOOD * best_written_out(seed) for eta in GUESSES)
        return holds(good <= 2, f"{good} of {len(GUESSES)}")

    yield by.experiment("the package's runs", by_the_package)
    yield by.recursion("the rule written out", written_out)


@claim(
    "D3.2.learned",
    r"with $\eta$ learned, the worst loss from the 12 guesses $10^{-6}$ to $10^{-1/2}$ is within a "
    r"quarter of the best of 15 constant $\eta$",
    cases=STARTS,
)
def learned(seed=0, alpha=0.1):
    runs = [(eta, alpha) for eta in GUESSES[[0, 6, 11]]]
    yield by.experiment("the package's runs", lambda: worst(last_losses(seed, alpha)[:12], seed))
    yield by.recursion(
        "the rule written out, for three guesses", lambda: worst_written_out(seed, *runs)
    )


@claim(
    "D3.2.tower",
    r"with $\alpha$ learned too, from 0.01 and with $\gamma = 1$, the same 12 guesses are good",
    cases=STARTS,
)
def tower(seed=0, alpha=0.01, gamma=1):
    runs = [(eta, alpha, gamma) for eta in GUESSES[[0, 6, 11]]]
    yield by.experiment(
        "the package's runs", lambda: worst(last_losses(seed, alpha, gamma)[:12], seed)
    )
    yield by.recursion(
        "the rules written out, for three guesses", lambda: worst_written_out(seed, *runs)
    )


@claim("D3.2.zero", r"with $\eta$ learned, even a first step size of 0 is good", cases=STARTS)
def zero(seed=0, alpha=0.1):
    def by_the_package():
        run = hg.tuned_descent(*hg.terrain_network(seed=seed), 0, alpha, steps=STEPS)
        return worst(run.losses[-1], seed)

    yield by.experiment("the package's run", by_the_package)
    yield by.recursion("the rule written out", lambda: worst_written_out(seed, (0.0, alpha)))


@claim(
    "D3.2.between",
    r"a constant $\eta$ between two guesses ends lower than the best of the 15",
    cases=[
        case(f"start-{seed}", rf"start {seed}, $\eta = {eta}$", seed=seed, eta=eta)
        for seed, eta in enumerate((0.5, 0.35, 0.4))
    ],
)
def between(seed=0, eta=0.5):
    def by_the_package():
        run = hg.tuned_descent(*hg.terrain_network(seed=seed), eta, steps=STEPS)
        ratio = run.losses[-1] / np.nanmin(last_losses(seed))
        return holds(ratio < 0.98, f"{ratio:.2f} times the best")

    def written_out():
        ratio = end(seed, eta) / best_written_out(seed)
        return holds(ratio < 0.98, f"{ratio:.2f} times the best")

    yield by.experiment("the package's run", by_the_package)
    yield by.recursion("the rule written out", written_out)


@claim(
    "D3.2.too-large",
    r"no run survives a first step size of $10^{1/2}$ or 10, under any of three rules",
    cases=STARTS,
)
def too_large(seed=0):
    rules = (0.0, 0.0), (0.1, 0.0), (0.01, 1)

    def by_the_package():
        lost = np.isnan([last_losses(seed, *rule)[13:] for rule in rules])
        return holds(lost.all(), f"{lost.sum()} of {lost.size} diverge")

    def written_out():
        runs = [end(seed, eta, *rule) for rule in rules for eta in GUESSES[13:]]
        return holds(np.isnan(runs).all(), f"{np.isnan(runs).sum()} of {len(runs)} diverge")

    yield by.experiment("the package's runs", by_the_package)
    yield by.recursion("the rules written out", written_out)


# -- what is not ---------------------------------------------------------------------------------


@claim(
    "D3.2.small-alpha",
    r"with $\alpha = 0.001$ the run from $\eta = 10^{-6}$ is not good",
    cases=STARTS,
)
def small_alpha(seed=0, alpha=0.001):
    def by_the_package():
        ratio = last_losses(seed, alpha)[0] / np.nanmin(last_losses(seed))
        return holds(ratio > GOOD, f"{ratio:.2f} times the best")

    def written_out():
        ratio = end(seed, 1e-6, alpha) / best_written_out(seed)
        return holds(ratio > GOOD, f"{ratio:.2f} times the best")

    yield by.experiment("the package's run", by_the_package)
    yield by.recursion("the rule written out", written_out)


@claim(
    "D3.2.alpha-alone",
    r"at most 5 of 15 guesses are good for a constant $\alpha$, from $\eta = 10^{-3}$",
    cases=STARTS,
)
def alpha_alone(seed=0):
    def by_the_package():
        good = int(np.sum(last_losses_by_alpha(seed) <= GOOD * np.nanmin(last_losses(seed))))
        return holds(good <= 5, f"{good} of {len(GUESSES)}")

    def written_out():
        good = sum(end(seed, 1e-3, alpha) <= GOOD * best_written_out(seed) for alpha in GUESSES)
        return holds(good <= 5, f"{good} of {len(GUESSES)}")

    yield by.experiment("the package's runs", by_the_package)
    yield by.recursion("the rule written out", written_out)


@claim(
    "D3.2.alpha-range",
    r"constant $\alpha = 10^{-3/2}, 10^{-1}, 10^{-1/2}$: good from $\eta = 10^{-3}$ and $10^{-6}$",
    cases=STARTS,
)
def alpha_range(seed=0):
    runs = [(eta, alpha) for eta in (1e-3, 1e-6) for alpha in GUESSES[9:12]]

    def by_the_package():
        network = hg.terrain_network(seed=seed)
        found = [hg.tuned_descent(*network, *run, steps=STEPS).losses[-1] for run in runs]
        return worst(found, seed)

    yield by.experiment("the package's runs", by_the_package)
    yield by.recursion("the rule written out", lambda: worst_written_out(seed, *runs))


@claim(
    "D3.2.alpha",
    r"with $\alpha$ learned, $\gamma = 1$, its 12 guesses from $10^{-6}$ to $10^{-1/2}$ are good, "
    r"from $\eta = 10^{-3}$",
    cases=STARTS,
)
def alpha(seed=0, gamma=1):
    runs = [(1e-3, guess, gamma) for guess in GUESSES[[0, 6, 11]]]
    yield by.experiment(
        "the package's runs", lambda: worst(last_losses_by_alpha(seed, gamma)[:12], seed)
    )
    yield by.recursion(
        "the rules written out, for three guesses", lambda: worst_written_out(seed, *runs)
    )


@claim(
    "D3.2.small-gamma",
    r"with $\gamma = 0.001$ the run from $\eta = 10^{-3}$, $\alpha = 10^{-6}$ is not good",
    cases=STARTS,
)
def small_gamma(seed=0, gamma=0.001):
    def by_the_package():
        network = hg.terrain_network(seed=seed)
        ratio = hg.tuned_descent(*network, 1e-3, 1e-6, gamma, STEPS).losses[-1] / np.nanmin(
            last_losses(seed)
        )
        return holds(ratio > GOOD, f"{ratio:.2f} times the best")

    def written_out():
        ratio = end(seed, 1e-3, 1e-6, gamma) / best_written_out(seed)
        return holds(ratio > GOOD, f"{ratio:.2f} times the best")

    yield by.experiment("the package's run", by_the_package)
    yield by.recursion("the rules written out", written_out)
