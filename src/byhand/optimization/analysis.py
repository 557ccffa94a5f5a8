"""Tools that say where an optimizer goes: smoothness, critical points, solutions, spectra."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import (
    as_float,
    decay_rate,
    exactly,
    floats,
    function,
    integer,
    non_negative,
    numbers,
    numbers_of,
    positive,
    samples,
    scaled,
    square,
    still_finite,
    symmetric,
    together,
)
from byhand.optimization.arithmetic import fitted

# -- smoothness --------------------------------------------------------------------------------


def linearization_error(value: Callable, gradient: Callable, x: Any, y: Any) -> Any:
    """Return f(x) − f(y) − ∇f(y)ᵀ(x − y), the left side of Equation ch2-smooth.

    Parameters
    ----------
    value, gradient
        f and ∇f, for points of shape (…, d).
    x, y
        Points of shape (…, d). The tangent plane is taken at y.

    Returns
    -------
    number or numpy.ndarray
        Of shape (…,).

    Raises
    ------
    ValueError
        If the points have different shapes or are not finite.

    Examples
    --------
    >>> linearization_error(lambda x: (x**2).sum(-1), lambda x: 2 * x, [3.0], [1.0]).item()
    4.0
    """
    x, y = _two_points(x, y)
    with np.errstate(over="ignore", invalid="ignore"):
        slope = _derivative("gradient", gradient(y.copy()), y.shape, "at y")
        error = value(x.copy()) - value(y.copy()) - (slope * (x - y)).sum(axis=-1)
    still_finite("the error", error, f"between x = {x} and y = {y}")
    return error


def gradient_variation(gradient: Callable, x: Any, y: Any) -> np.ndarray:
    """Return ‖∇f(x) − ∇f(y)‖/‖x − y‖, which is at most β for a β-smooth f.

    Parameters
    ----------
    gradient
        ∇f, for points of shape (…, d).
    x, y
        Points of shape (…, d), nowhere equal.

    Returns
    -------
    numpy.ndarray
        Of shape (…,): each entry is a lower bound of every β that fits.

    Raises
    ------
    ValueError
        If a point of x equals that of y, or the points have different shapes or are not finite.

    Examples
    --------
    >>> gradient_variation(lambda x: 3 * x, [1.0, 2.0], [0.0, 0.0]).round(12).item()
    3.0
    """
    x, y = _two_points(x, y)
    with np.errstate(over="ignore"):
        steps = floats("x − y", x - y)
    if (steps == 0).all(axis=-1).any():
        raise ValueError("x and y must be different points")
    with np.errstate(over="ignore", invalid="ignore"):
        slopes = (_derivative("gradient", gradient(p.copy()), p.shape, f"at {p}") for p in (x, y))
        changes = floats("∇f(x) − ∇f(y)", next(slopes) - next(slopes))
    (rise, up), (distance, along) = _scaled_norms(changes), _scaled_norms(steps)
    return np.ldexp(rise / distance, up - along)


def _two_points(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = together(x=numbers("x", x), y=numbers("y", y))
    if x.shape != y.shape or x.ndim == 0:
        raise ValueError(f"x and y must have one shape (…, d), got {x.shape} and {y.shape}")
    return x, y


def _scaled_norms(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return n and e with ‖x‖ = n·2ᵉ along the last axis: no square over- or underflows."""
    exponents = np.frexp(np.abs(x).max(axis=-1))[1]
    return np.linalg.norm(np.ldexp(x, -exponents[..., None]), axis=-1), exponents


# -- critical points ---------------------------------------------------------------------------


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
    ideal = sympy.groebner(slopes, *variables, order="grevlex") if slopes else None
    if ideal and ideal.exprs == [1]:
        return []
    if not (ideal and ideal.is_zero_dimensional):
        raise ValueError(f"the critical points of f must be finitely many, got {f}")
    axes = [_eliminated(ideal.exprs, variables, v) for v in variables]
    number, *coordinates = _parametrized([*ideal.exprs, *(p.as_expr() for p in axes)], variables)
    values = [p.real_roots() for p in axes]
    points = []
    for root in number.real_roots():
        at_root = [c.eval(root).evalf(50) for c in coordinates]
        points.append(tuple(map(_nearest, values, at_root)))
    return sorted(points, key=lambda point: [c.evalf(50) for c in point])


def _eliminated(ideal: list, variables: list, v: Any) -> Any:
    """Return the square-free polynomial whose roots are the values of v at the solutions."""
    import sympy

    others = [other for other in variables if other != v]
    last = sympy.groebner(ideal, *others, v, order="lex").exprs[-1]
    return sympy.Poly(last, v).sqf_part()


def _parametrized(radical: list, variables: list) -> list:
    """Return p and g₁ … g_d: the solutions are (g₁(u), …, g_d(u)) for the roots u of p.

    u = x₁ + s x₂ + s² x₃ + … for the first s = 0, 1, … that tells all solutions apart, which is
    the case when the lexicographic basis of a radical ideal has this shape (the shape lemma).
    """
    import sympy

    u = sympy.Dummy("u")
    for s in itertools.count():
        form = sum(s**k * v for k, v in enumerate(variables))
        basis = sympy.groebner([*radical, u - form], *variables, u, order="lex").exprs
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


def newton_raphson(
    gradient: Callable, hessian: Callable, start: Any, steps: int, damping: Any = 1
) -> np.ndarray:
    """Take Newton-Raphson steps x ← x − α H(x)⁻¹ ∇f(x), Equation ch2-newton.

    Parameters
    ----------
    gradient, hessian
        ∇f and H, for points of shape (…, d).
    start
        Of shape (…, d): one start, or many side by side.
    steps
        How many steps to take.
    damping
        α > 0; 1 is the full step.

    Returns
    -------
    numpy.ndarray
        Of shape (steps + 1, …, d), exact if the start and the derivatives are.

    Raises
    ------
    ValueError
        If α ≤ 0, steps is negative, a derivative has the wrong shape, or a Hessian on the way is
        singular.
    NonFiniteError
        If a gradient, a Hessian or a point on the way is not finite: the message names the step.

    Examples
    --------
    >>> points = newton_raphson(lambda x: x**2 - 2, lambda x: 2 * x[..., None], [1.0], 5)
    >>> points[-1].round(12).item()
    1.414213562373
    """
    damping = positive("damping", damping)
    function("gradient", gradient), function("hessian", hessian)
    points = [numbers("start", start)]
    if points[0].ndim == 0:
        raise ValueError("start must have shape (…, d), got shape ()")
    for step in range(1, integer("steps", steps, 0) + 1):
        x = points[-1]
        (alpha,) = fitted(x, damping)
        g = _derivative("gradient", gradient(x.copy()), x.shape, f"at step {step}")
        H = _derivative("hessian", hessian(x.copy()), (*x.shape, x.shape[-1]), f"at step {step}")
        with np.errstate(over="ignore", invalid="ignore"):
            points.append(x - alpha * _solve(H, g, "the Hessian"))
        still_finite("the point", points[-1], f"after step {step}")
    return np.stack(points)


def _derivative(name: str, values: Any, shape: tuple, when: str) -> np.ndarray:
    """Return a derivative that fits the point that it was taken at."""
    values = numbers_of(name, values, when)
    if values.shape != shape:
        raise ValueError(f"{name} must return shape {shape}, got {values.shape}")
    return values


def minimum_norm_solution(X: Any, t: Any, start: Any = None) -> np.ndarray:
    """Return the solution of Xw = t nearest to ``start``, Equation ch2-minimum-norm.

    w = w₀ + Xᵀ(XXᵀ)⁻¹(t − Xw₀); for w₀ = 0 it is the solution of least norm.

    Parameters
    ----------
    X
        Of shape (n, d), with n linearly independent rows.
    t
        Of shape (n,).
    start
        w₀, of shape (d,); zero if omitted.

    Returns
    -------
    numpy.ndarray
        Of shape (d,), exact if all arguments are.

    Raises
    ------
    ValueError
        If the shapes do not fit or the rows of X are linearly dependent.

    Examples
    --------
    >>> minimum_norm_solution([[2.0, 1.0]], [2.0]).round(12).tolist()
    [0.8, 0.4]
    """
    X, t = samples(X, t)
    w0 = np.zeros_like(X[0]) if start is None else numbers("start", start)
    if w0.shape != X.shape[1:]:
        raise ValueError(f"start must have shape {X.shape[1:]}, got {w0.shape}")
    X, t, w0 = together(X=X, t=t, start=w0)
    with np.errstate(over="ignore", invalid="ignore"):
        residual = t - X @ w0
    still_finite("t − X·start", residual, f"for start = {w0}")
    if X.dtype.kind == "f":  # a solution does not see by what power of two its equation is scaled
        exponents = np.frexp(np.abs(X).max(axis=1))[1]
        X, residual = np.ldexp(X, -exponents[:, None]), np.ldexp(residual, -exponents)
    return w0 + X.T @ _solve(X @ X.T, residual, "XXᵀ")


def _solve(A: np.ndarray, b: np.ndarray, name: str) -> np.ndarray:
    """Solve Ax = b for A (…, d, d) and b (…, d), exactly if the entries are exact."""
    if A.dtype.kind == b.dtype.kind == "O":
        systems = zip(A.reshape(-1, *A.shape[-2:]), b.reshape(-1, b.shape[-1]), strict=True)
        return np.stack([_solve_exactly(*system, name) for system in systems]).reshape(b.shape)
    A, b = floats(name, A), floats("the right side", b)
    if (np.linalg.cond(A) * np.finfo(float).eps >= 1).any():
        raise ValueError(f"{name} must not be singular, got\n{A}")
    return np.linalg.solve(A, b[..., None])[..., 0]


def _solve_exactly(A: np.ndarray, b: np.ndarray, name: str) -> np.ndarray:
    """Gauss and Jordan's elimination of one system of exact numbers."""
    rows = [[*row, right] for row, right in zip(A.tolist(), b.tolist(), strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k] != 0), None)
        if pivot is None:
            raise ValueError(f"{name} must not be singular, got\n{A}")
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(len(rows)):
            if i != k:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return np.array([row[-1] for row in rows], dtype=object)


# -- momentum on a quadratic -------------------------------------------------------------------


class Tuning(NamedTuple):
    """A constant learning rate and momentum, and the factor by which they shrink the error."""

    learning_rate: float
    momentum: float
    factor: float


def heavy_ball_matrix(curvature: Any, learning_rate: Any, momentum: Any) -> np.ndarray:
    """Return the matrix of one heavy-ball update, Equation ch2-companion.

    On f(w) = ½hw² the update takes (wᵗ, wᵗ⁻¹) to (wᵗ⁺¹, wᵗ).

    Parameters
    ----------
    curvature
        h, an eigenvalue of the Hessian.
    learning_rate
        η > 0.
    momentum
        β in [0, 1).

    Returns
    -------
    numpy.ndarray
        [[1 + β − ηh, −β], [1, 0]].

    Raises
    ------
    ValueError
        If η ≤ 0 or β ∉ [0, 1).

    Examples
    --------
    >>> heavy_ball_matrix(1.0, 0.5, 0.25).tolist()
    [[0.75, -0.25], [1.0, 0.0]]
    """
    h, eta, beta = _constants(curvature, learning_rate, momentum)
    with np.errstate(over="ignore"):
        return _matrix([[1 + beta - eta * h, -beta], [1, 0]])


def nesterov_matrix(curvature: Any, learning_rate: Any, momentum: Any) -> np.ndarray:
    """Return the matrix of one Nesterov update, which takes (yᵗ, yᵗ⁻¹) to (yᵗ⁺¹, yᵗ).

    Parameters and errors are those of :func:`heavy_ball_matrix`.

    Returns
    -------
    numpy.ndarray
        [[(1 + β)(1 − ηh), −β(1 − ηh)], [1, 0]].

    Examples
    --------
    >>> nesterov_matrix(1.0, 0.5, 0.25).tolist()
    [[0.625, -0.125], [1.0, 0.0]]
    """
    h, eta, beta = _constants(curvature, learning_rate, momentum)
    with np.errstate(over="ignore", invalid="ignore"):
        shrink = 1 - eta * h
        return _matrix([[(1 + beta) * shrink, -beta * shrink], [1, 0]])


def _constants(curvature: Any, learning_rate: Any, momentum: Any) -> list:
    """Return h, η and β, all exact or all floats."""
    positive("learning_rate", learning_rate), decay_rate("momentum", momentum)
    given = {"curvature": curvature, "learning_rate": learning_rate, "momentum": momentum}
    arrays = {name: numbers(name, exactly(name, x)) for name, x in given.items()}
    return [x[()] for x in together(**arrays)]


def _matrix(rows: list) -> np.ndarray:
    return numbers("the matrix", np.array(rows, dtype=object))


def spectral_radius(matrix: Any) -> float:
    """Return the largest modulus of an eigenvalue: the error's factor per step, in the long run.

    Parameters
    ----------
    matrix
        Of shape (d, d).

    Raises
    ------
    ValueError
        If the matrix is not square and finite.

    Examples
    --------
    >>> spectral_radius([[1.0, 5.0], [0.0, -3.0]])
    3.0
    """
    matrix = floats("matrix", square("matrix", matrix))
    with np.errstate(over="ignore"):
        return as_float("the spectral radius", np.abs(np.linalg.eigvals(matrix)).max())


def heavy_ball_factor(curvature: Any, learning_rate: Any, momentum: Any) -> np.ndarray:
    """Return the spectral radius of :func:`heavy_ball_matrix` in closed form.

    Equation ch2-radius: √β where (1 + β − ηh)² < 4β, else (|1 + β − ηh| + √(…² − 4β))/2.

    Parameters
    ----------
    curvature, learning_rate, momentum
        h, η and β: numbers or arrays that broadcast.

    Returns
    -------
    numpy.ndarray
        Below 1 exactly where heavy ball converges.

    Raises
    ------
    ValueError
        If an entry is not finite, η ≤ 0 or β ∉ [0, 1).

    Examples
    --------
    >>> heavy_ball_factor(1.0, 0.5, [0.25, 0.0]).tolist()
    [0.5, 0.5]
    """
    h, eta = floats("curvature", curvature), floats("learning_rate", learning_rate)
    beta = floats("momentum", momentum)
    if (eta <= 0).any() or not ((beta >= 0) & (beta < 1)).all():
        raise ValueError("learning_rate must be positive and momentum lie in [0, 1)")
    shapes = h.shape, eta.shape, beta.shape
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        names = "curvature, learning_rate and momentum"
        raise ValueError(f"{names} must have shapes that broadcast, got {shapes}") from None
    root = np.sqrt(beta)
    with np.errstate(over="ignore"):
        trace = np.abs(1 + beta - eta * h)
    still_finite("1 + β − ηh", trace, f"for h = {h} and η = {eta}")
    below, above = trace - 2 * root, trace + 2 * root  # their product is the discriminant
    real_root = trace / 2 + np.sqrt(np.maximum(below, 0)) * np.sqrt(above) / 2
    return np.where(below < 0, root, real_root)


def tune_gradient_descent(smallest: float, largest: float) -> Tuning:
    """Return the best constant learning rate for curvatures in [μ, L]: η = 2/(L + μ).

    Equation ch2-tuned; the error's factor is (κ − 1)/(κ + 1) with κ = L/μ.

    Raises
    ------
    ValueError
        Unless 0 < μ ≤ L.

    Examples
    --------
    >>> tune_gradient_descent(1.0, 9.0)
    Tuning(learning_rate=0.2, momentum=0.0, factor=0.8)
    """
    mu, L = _curvatures(smallest, largest)
    half = mu + (L - mu) / 2
    return _tuning(1 / half, 0.0, (L - mu) / 2 / half)


def tune_heavy_ball(smallest: float, largest: float) -> Tuning:
    """Return Polyak's learning rate 4/(√L + √μ)² and momentum for curvatures in [μ, L].

    Equation ch2-tuned; the error's factor is √β = (√κ − 1)/(√κ + 1).

    Raises
    ------
    ValueError
        Unless 0 < μ ≤ L.

    Examples
    --------
    >>> tune_heavy_ball(1.0, 9.0)
    Tuning(learning_rate=0.25, momentum=0.25, factor=0.5)
    """
    mu, L = _curvatures(smallest, largest)
    roots = L**0.5 + mu**0.5
    factor = (L - mu) / roots / roots  # √L − √μ = (L − μ)/(√L + √μ), without cancellation
    return _tuning((2 / roots) * (2 / roots), factor**2, factor)


def tune_nesterov(smallest: float, largest: float) -> Tuning:
    """Return Nesterov's learning rate 1/L and momentum (√κ − 1)/(√κ + 1).

    Equation ch2-tuned; the error's factor on a quadratic is 1 − 1/√κ.

    Raises
    ------
    ValueError
        Unless 0 < μ ≤ L.

    Examples
    --------
    >>> tune_nesterov(1.0, 4.0)
    Tuning(learning_rate=0.25, momentum=0.3333333333333333, factor=0.5)
    """
    mu, L = _curvatures(smallest, largest)
    roots = L**0.5 + mu**0.5
    return _tuning(1 / L, (L - mu) / roots / roots, (L - mu) / roots / L**0.5)


def _tuning(*values: float) -> Tuning:
    """Return a tuning whose numbers are finite: of the smallest curvatures, 1/L is not."""
    names = Tuning._fields
    return Tuning(*(as_float(f"the {name}", x) for name, x in zip(names, values, strict=True)))


def _curvatures(smallest: Any, largest: Any) -> tuple[float, float]:
    smallest, largest = as_float("smallest", smallest), as_float("largest", largest)
    if not 0 < smallest <= largest:
        raise ValueError(f"curvatures must satisfy 0 < μ ≤ L, got {smallest} and {largest}")
    return smallest, largest
