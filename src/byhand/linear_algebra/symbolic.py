"""The Jacobian of a NumPy function by SymPy.

Derived in ``chapters/01_linear_algebra.ipynb``, section *How to check a derivative*.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp

from byhand._checks import NonFiniteError, function, numbers


def symbolic_jacobian(f: Callable, x) -> np.ndarray:
    """Return the Jacobian of ``f`` at ``x`` by SymPy.

    It calls ``f`` with an array of symbols, differentiates each entry of the result by the
    rules of calculus, and only then puts in the numbers of ``x``, or its symbols.

    Parameters
    ----------
    f
        A function of one array of the shape of ``x`` (one number, if ``x`` is a number), made
        of operations that NumPy performs on symbols: ``+ - * / ** @``, sums, indexing; or of
        SymPy's own functions, as ``sympy.exp`` for a number ``x``.
    x
        A number or array: where to differentiate. Integers and fractions stay exact. At symbols
        the derivative is the formula.

    Returns
    -------
    numpy.ndarray
        Shape ``f(x).shape + x.shape``; entry [i, j] is ∂fᵢ/∂xⱼ. Floats where ``x`` is an
        array of floats, else exact SymPy numbers or expressions.

    Raises
    ------
    ValueError
        If ``x`` is empty or not finite, or the derivative at ``x`` is not a finite real number.
    TypeError
        If ``x`` is not made of real numbers or symbols, or ``f`` does not return an expression.

    Notes
    -----
    A. Meurer et al., "SymPy: symbolic computing in Python", PeerJ Computer Science 3 (2017).

    Examples
    --------
    >>> symbolic_jacobian(lambda x: x[0] ** 2 / x[1], np.array([1, 3]))
    array([2/3, -1/9], dtype=object)
    >>> symbolic_jacobian(lambda x: x**3, sp.Symbol("u"))
    array(3*u**2, dtype=object)
    """
    function("f", f)
    x = numbers("x", x, exact=True)
    # Dummies, which no symbol of x or f is mistaken for, whatever its name.
    symbols = np.array([sp.Dummy(real=True) for _ in x.flat])
    values = dict(zip(symbols, (sp.sympify(entry) for entry in x.flat), strict=True))
    y = np.asarray(f(symbols.reshape(x.shape)[()]), dtype=object)
    entries = [
        _number(sp.diff(component, symbol).subs(values), x)
        for component in map(_expression, y.flat)
        for symbol in symbols
    ]
    jacobian = np.array(entries, dtype=object).reshape(y.shape + x.shape)
    if x.dtype == object:
        return jacobian
    jacobian = jacobian.astype(float)
    if not np.isfinite(jacobian).all():
        raise NonFiniteError(f"the derivative must fit floats at x = {x}, got {jacobian}")
    return jacobian


def _expression(component) -> sp.Expr:
    """Return one entry of f as an expression, or say what it is instead."""
    try:
        expression = sp.sympify(component, strict=True)
    except sp.SympifyError:
        expression = None
    if not isinstance(expression, sp.Expr):
        raise TypeError(f"f must return expressions or numbers, got {component!r}")
    return expression


def _number(derivative: sp.Expr, x: np.ndarray) -> sp.Expr:
    """Return a derivative at x, or say that it is none; a formula as it is."""
    if derivative.free_symbols:
        return derivative
    if derivative.is_number and derivative.is_finite and derivative.is_real:
        return derivative
    value = sp.N(derivative)
    if not (value.is_number and value.is_finite and value.is_real):
        raise NonFiniteError(f"f must have a finite real derivative at x = {x}, got {derivative}")
    return derivative
