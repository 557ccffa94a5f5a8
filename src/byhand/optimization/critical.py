"""Critical points of polynomials, found exactly, and what they are by their Hessians."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand._checks import floats, non_negative, scaled, symmetric


def critical_points(f: Any, variables: Sequence[Any]) -> list[tuple]:
    """Return every real solution of ∇f = 0 for a polynomial f, exactly, with SymPy.

    The solutions are isolated, not approximated: a Gröbner basis makes each coordinate a rational
    polynomial of one number, whose real values are the real roots of one rational polynomial.

    Parameters
    ----------
    f
        A SymPy expression, polynomial in the variables with rational coefficients, with finitely
        many critical points, complex ones included.
    variables
        The SymPy symbols to differentiate by.

    Returns
    -------
    list of tuple
        Exact coordinates, in ascending order: rational numbers, square roots, or a polynomial's
        roots as such (SymPy's ``CRootOf``).

    Raises
    ------
    ValueError
        If f is not a polynomial in the variables, its coefficients are not rational, or the set
        of its critical points is not finite.

    References
    ----------
    D. A. Cox, J. Little and D. O'Shea, Using Algebraic Geometry, 2nd edition, 2005, Sections 2.2
    and 2.4.

    Examples
    --------
    >>> import sympy
    >>> x, y = sympy.symbols("x y")
    >>> critical_points(x**3 - 3 * x + y**2, [x, y])
    [(-1, 0), (1, 0)]
    """
    import sympy  # here, because it takes a second to import

    if not isinstance(f, sympy.Expr):
        raise TypeError(f"f must be an expression of SymPy, got {f!r}")
    variables = list(variables)
    if not variables or not f.is_polynomial(*variables):
        raise ValueError(f"f must be a polynomial in {variables}, got {f}")
    if sympy.Poly(f, *variables).domain not in (sympy.ZZ, sympy.QQ):
        raise ValueError(f"f must have rational coefficients, got {f}")
    slopes = [slope for v in variables if (slope := sympy.diff(f, v)) != 0]
    ideal = sympy.groebner(slopes or [0], *variables, order="grevlex")
    if ideal.exprs == [1]:
        return []
    if not ideal.is_zero_dimensional:
        raise ValueError(f"the critical points of f must be finitely many, got {f}")
    axes = [_eliminated(ideal.exprs, variables, v) for v in variables]
    number, *coordinates = _parametrized([*ideal.exprs, *(p.as_expr() for p in axes)], variables)
    values = [p.real_roots() for p in axes]
    points = []
    for root in number.real_roots():
        at_root = [c.eval(root).evalf(50) for c in coordinates]
        points.append(tuple(map(_nearest, values, at_root)))
    return sorted(points)


def _eliminated(ideal: list, variables: list, v: Any) -> Any:
    """Return the square-free polynomial whose roots are the values of v at the solutions."""
    import sympy

    others = [other for other in variables if other != v]
    last = sympy.groebner(ideal, *others, v).exprs[-1]  # lexicographic
    return sympy.Poly(last).sqf_part()


def _parametrized(radical: list, variables: list) -> list:
    """Return p and g₁ … g_d: the solutions are (g₁(u), …, g_d(u)) for the roots u of p.

    u = x₁ + s x₂ + s² x₃ + … for the first s = 0, 1, … that tells all solutions apart, which is
    the case when the lexicographic basis of a radical ideal has this shape (the shape lemma).
    """
    import sympy

    u = sympy.Dummy()
    for s in itertools.count():
        form = sum(s**k * v for k, v in enumerate(variables))
        basis = sympy.groebner([*radical, u - form], *variables, u).exprs
        solved = [
            sympy.expand(v - b / sympy.Poly(b, v).LC())
            for v, b in zip(variables, basis, strict=False)
        ]
        if len(basis) == len(variables) + 1 and not any(g.has(*variables) for g in solved):
            break
    return [sympy.Poly(g, u) for g in (basis[-1], *solved)]


def _nearest(values: list, number: Any) -> Any:
    return min(values, key=lambda value: abs(value.evalf(50) - number))


def classify(hessian: Any, tolerance: float = 1e-9) -> str:
    """Say what a critical point is by the signs of its Hessian's eigenvalues.

    Parameters
    ----------
    hessian
        Symmetric, of shape (d, d).
    tolerance
        An eigenvalue below this share of the largest one counts as zero.

    Returns
    -------
    str
        ``"minimum"``, ``"maximum"``, ``"saddle point"``, or ``"undecided"`` if the second
        derivatives do not suffice.

    Raises
    ------
    ValueError
        If the Hessian is not square, symmetric and finite.

    Examples
    --------
    >>> classify([[6, -3], [-3, 4]]), classify([[1, 0], [0, -1]]), classify([[1, 0], [0, 0]])
    ('minimum', 'saddle point', 'undecided')
    """
    H = floats("hessian", symmetric("hessian", hessian))
    tolerance = non_negative("tolerance", tolerance)
    eigenvalues = np.linalg.eigvalsh(scaled(H)[0])
    zero = tolerance * np.abs(eigenvalues).max()
    if (eigenvalues > zero).any() and (eigenvalues < -zero).any():
        return "saddle point"
    if (np.abs(eigenvalues) <= zero).any():
        return "undecided"
    return "minimum" if eigenvalues[0] > 0 else "maximum"
