"""Derivatives without byhand's: exact differences, symbols and unknown functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp


def first_differences(f: Callable, x) -> np.ndarray:
    """Return the Jacobian of polynomials of degree 4 at exact numbers.

    The error of the central difference of step h is a multiple of h² alone; the steps 1 and 2
    cancel it.
    """
    x = np.array(x, dtype=object)
    units = np.eye(x.size, dtype=int).reshape(x.size, *x.shape)

    def difference(e):
        return (np.asarray(f(x + e)) - np.asarray(f(x - e))) * sp.Rational(1, 2)

    columns = [(4 * difference(e) - difference(2 * e) / sp.Integer(2)) / 3 for e in units]
    jacobian = np.stack(columns, axis=-1)
    return jacobian.reshape(*np.shape(columns[0]), *x.shape)


def second_differences(f: Callable, x) -> np.ndarray:
    """Return the Hessian of a polynomial of degree 4 in separate arguments, at exact numbers."""
    x = np.array(x, dtype=object)
    units = np.eye(x.size, dtype=int)

    def difference(e, d):
        return f(*(x + e + d)) - f(*(x + e - d)) - f(*(x - e + d)) + f(*(x - e - d))

    def extrapolated(e, d):
        return (difference(e, d) - difference(2 * e, 2 * d) * sp.Rational(1, 16)) / 3

    return np.array([[extrapolated(e, d) for d in units] for e in units], dtype=object)


def psi(u, v, z):
    """Return the chapter's ψ = u²v + vz³."""
    return u**2 * v + v * z**3


def symbols(name: str, *shape: int) -> np.ndarray:
    """Return an array of real symbols: ``symbols("a", 2, 3)`` holds a00 to a12."""
    named = [sp.Symbol(name + "".join(map(str, at)), real=True) for at in np.ndindex(*shape)]
    return np.array(named, dtype=object).reshape(shape)


def unknown(name: str, shape: tuple[int, ...], z: Sequence[sp.Symbol]) -> np.ndarray:
    """Return an array of functions of z of which nothing is known."""
    named = [sp.Function(name + "".join(map(str, at)))(*z) for at in np.ndindex(*shape)]
    return np.array(named, dtype=object).reshape(shape)


def derivatives(array: np.ndarray, z: Sequence[sp.Symbol]) -> np.ndarray:
    """Return SymPy's derivatives of each entry by each z, along a new last axis."""
    entries = [[sp.diff(entry, one) for one in z] for entry in array.flat]
    return np.array(entries, dtype=object).reshape(*array.shape, len(z))


def freed(array: np.ndarray) -> np.ndarray:
    """Put a symbol for each unknown function and each derivative of one: they are any numbers."""
    found = {a for entry in array.flat for a in sp.sympify(entry).atoms(sp.Derivative)}
    if higher := [a for a in found if len(a.variables) > 1]:
        raise ValueError(f"only first derivatives have a symbol, got {higher[0]}")
    functions = {
        a for entry in array.flat for a in sp.sympify(entry).atoms(sp.core.function.AppliedUndef)
    }
    names = {
        **{a: sp.Symbol(f"{a.expr.func}'{a.variables[0]}", real=True) for a in found},
        **{a: sp.Symbol(f"{a.func}", real=True) for a in functions},
    }
    entries = [sp.sympify(entry).xreplace(names) for entry in array.flat]
    return np.array(entries, dtype=object).reshape(array.shape)


def equal(left, right) -> sp.Basic:
    """State that two arrays are equal in each entry.

    Both sides are multiplied by what they divide by, the determinants of inverses, which are not 0.
    """
    pairs = zip(np.ravel(left), np.ravel(right), strict=True)
    fractions = [[*sp.fraction(sp.together(a)), *sp.fraction(sp.together(b))] for a, b in pairs]
    return sp.And(*(sp.Eq(p * s, r * q, evaluate=False) for p, q, r, s in fractions))


def vanishes(array) -> bool:
    """Return whether each entry is 0 once it is multiplied out."""
    return all(sp.expand(entry) == 0 for entry in np.ravel(array))


def adjugate(A: np.ndarray) -> tuple[np.ndarray, sp.Expr]:
    """Return the adjugate of a 2×2 matrix and its determinant: A⁻¹ is their quotient."""
    (a, b), (c, d) = A
    return np.array([[d, -b], [-c, a]], dtype=object), a * d - b * c
