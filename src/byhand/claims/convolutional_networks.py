"""Claims of chapter 6, Convolutional networks."""

from collections import Counter
from fractions import Fraction as Q
from itertools import product

import numpy as np
import sympy as sp

from byhand import convolutional_networks as cn
from byhand.evidence import Estimate, by, case, claim, exhaust, once, prove, slip

# -- E3.1: sizes ---------------------------------------------------------------------------------


@claim(
    "E3.1.same",
    r"with the padding $\max((\lceil n/s\rceil - 1)s + e - n,\, 0)$ a filter of $e$ pixels leaves "
    r"$\lceil n/s\rceil$ outputs",
    for_all=r"$n, e \ge 1$ at the stride $s$, which is 1, 2, 3 or 4",
)
def same():
    n, e = sp.symbols("n e", integer=True)
    strides = (1, 2, 3, 4)

    def outputs(n, e, s):
        """The number n′ = ⌊(n + p − e)/s⌋ + 1 of Equation ch6-output-size."""
        padding = sp.Max((sp.ceiling(n / sp.Integer(s)) - 1) * s + e - n, 0)
        return sp.floor((n + padding - e) / sp.Integer(s)) + 1

    def proved():
        def at_all_strides(offset):
            return sp.And(
                *(
                    sp.Eq(outputs(n, e + offset, s), sp.ceiling(n / sp.Integer(s)))
                    if not offset
                    else sp.Eq(outputs(n, e, s), sp.floor(n / sp.Integer(s)) + 1)
                    for s in strides
                )
            )

        return prove(at_all_strides(0), given=[n >= 1, e >= 1], altered=[at_all_strides(1)])

    def counted():
        """The package's padding, and the filter's places on the padded row one by one."""

        def is_right(case, ceiling=True):
            n, k, s, d = case
            (before, after), _ = cn.geometry((n, n), (k, k), "same", s, d).pads
            row = range(-before, n + after)
            places = sum(1 for i in range(0, len(row), s) if i + (k - 1) * d < len(row))
            return places == (-(-n // s) if ceiling else n // s + 1)

        cases = list(product(range(1, 13), (1, 3, 5), strides, (1, 2, 3)))
        return exhaust(is_right, cases, altered=lambda case: is_right(case, ceiling=False))

    yield by.prover("Z3, in integers", proved)
    yield by.enumeration("the package's padding, place by place", counted)


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
