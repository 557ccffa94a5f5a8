"""The Jacobian of a NumPy function by SymPy.

Derived in ``chapters/01_linear_algebra.ipynb``, section *The workshop*.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp


def symbolic_jacobian(f: Callable, x) -> np.ndarray:
    """Return the Jacobian of ``f`` at ``x`` by SymPy.

    It calls ``f`` with an array of symbols, differentiates each entry of the result by the
    rules of calculus, and only then puts in the numbers of ``x``.

    Parameters
    ----------
    f
        A function of one array of the shape of ``x`` (one number, if ``x`` is a number), made
        of operations that NumPy performs on symbols: ``+ - * / ** @``, sums, indexing; or of
        SymPy's own functions, as ``sympy.exp`` for a number ``x``.
    x
        A number or array: where to differentiate. Integers and fractions stay exact.

    Returns
    -------
    numpy.ndarray
        Shape ``f(x).shape + x.shape``; entry [i, j] is ∂fᵢ/∂xⱼ. Floats where ``x`` is an
        array of floats, else exact SymPy numbers.

    Raises
    ------
    ValueError
        If ``x`` is empty.

    Notes
    -----
    A. Meurer et al., "SymPy: symbolic computing in Python", PeerJ Computer Science 3 (2017).

    Examples
    --------
    >>> symbolic_jacobian(lambda x: x[0] ** 2 / x[1], np.array([1, 3]))
    array([2/3, -1/9], dtype=object)
    """
    x = np.asarray(x)
    if x.size == 0:
        raise ValueError(f"x must have at least one entry, got shape {x.shape}")
    symbols = np.array([sp.Symbol(f"x{k}", real=True) for k in range(x.size)], dtype=object)
    values = dict(zip(symbols, (sp.sympify(entry) for entry in x.flat), strict=True))
    y = np.asarray(f(symbols.reshape(x.shape)[()]), dtype=object)
    entries = [
        sp.diff(component, symbol).subs(values)
        for component in map(sp.sympify, y.flat)
        for symbol in symbols
    ]
    jacobian = np.array(entries, dtype=object).reshape(y.shape + x.shape)
    return jacobian.astype(float) if x.dtype.kind == "f" else jacobian
