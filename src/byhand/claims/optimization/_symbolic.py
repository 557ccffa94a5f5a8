"""The symbols of C-compare, and the moves that the package's optimizers make of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import sympy as sp

from byhand import optimization as opt

ETA, BETA, H, W, G1, G2 = sp.symbols("eta beta h w g1 g2", real=True)


def last_moves(optimizer, gradients):
    """Return the moves of the package over symbols for the gradients of one parameter."""
    columns = [np.array([g]) for g in gradients]
    points = opt.replay(optimizer, columns, opt.exact([0])).params[:, 0]
    return [b - a for a, b in pairwise(points)]
