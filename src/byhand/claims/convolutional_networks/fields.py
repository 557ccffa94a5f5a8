"""Claims of E3.3: receptive fields, theoretical and effective."""

from collections import Counter
from fractions import Fraction as Q
from itertools import product

import numpy as np

from byhand import convolutional_networks as cn
from byhand.evidence import Estimate, by, case, claim, once, slip

# -- E3.3: the effective receptive field ---------------------------------------------------------


def variance(profile):
    middle = Q(len(profile) - 1, 2)
    return sum(p * (i - middle) ** 2 for i, p in enumerate(profile))


@claim(
    "E3.3.variance.*",
    r"$\sigma^2$ of the squared gradient, for filters of size 3",
    cases=[case(str(depth), f"depth {depth}", depth=depth) for depth in (2, 4, 8)],
    answer=True,
)
def effective_variance(depth=4, k=3):
    def every_path():
        """All choices of a tap in each layer."""
        ends = Counter(map(sum, product(range(k), repeat=depth)))
        paths = [Q(ends[i], k**depth) for i in range(depth * (k - 1) + 1)]
        return variance(paths)

    yield by.closed_form("the formula L(k² − 1)/12", lambda: Q(depth * (k**2 - 1), 12))
    yield by.recursion("path counts", lambda: variance(cn.energy_profile([k] * depth)))
    yield by.enumeration("every path", every_path)
    yield slip("this is the variance of one layer", lambda: Q(k**2 - 1, 12))


@once
def squared_gradients(depth=6, channels=8, draws=400, seed=3):
    """Return the squared gradients of random networks, by the tape: one field for each draw."""
    rng = np.random.default_rng(seed)
    return cn.gradient_energy(depth, rng, channels=channels, draws=draws)


@claim("E3.3.monte-carlo", r"$\sigma^2$ for $L = 6$, by 400 random networks")
def effective_monte_carlo(depth=6, k=3):
    def by_the_tape():
        energy = squared_gradients(depth)
        place = np.arange(depth * (k - 1) + 1) - depth * (k - 1) / 2
        moments = (energy * (place**2 + place[:, None] ** 2)).sum(axis=(1, 2)) / 2 / 2**depth
        return Estimate(moments.mean(), moments.std(ddof=1) / np.sqrt(len(moments)))

    yield by.closed_form("the formula L(k² − 1)/12", lambda: Q(depth * (k**2 - 1), 12))
    yield by.sampling("the tape's gradients of 400 networks", by_the_tape)
    yield slip("this is the width of the whole field", lambda: 1 + depth * (k - 1))
