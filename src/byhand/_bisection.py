"""Bisection down to neighboring floats."""

from __future__ import annotations

from collections.abc import Callable


def last_where(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return the last float, on the way from one number to another, for which ``holds`` is true.

    ``holds`` must be true at ``inside`` and change to false once. The way may lead up or down.

    Examples
    --------
    >>> last_where(lambda x: x * x <= 2, 0, 2)
    1.414213562373095
    >>> last_where(lambda x: x * x >= 2, 2, 0)
    1.4142135623730951
    """
    while (middle := (inside + outside) / 2) not in (inside, outside):
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return float(inside)
