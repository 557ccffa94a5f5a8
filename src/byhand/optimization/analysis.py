"""Tools that say where an optimizer goes: smoothness, critical points, solutions, spectra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from byhand._checks import decay_rate, integer, numbers, positive, samples, square
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
    x, y = numbers("x", x), numbers("y", y)
    if x.shape != y.shape:
        raise ValueError(f"x and y must have one shape, got {x.shape} and {y.shape}")
    return value(x) - value(y) - (gradient(y) * (x - y)).sum(axis=-1)


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
        If a point of x equals that of y.

    Examples
    --------
    >>> gradient_variation(lambda x: 3 * x, [1.0, 2.0], [0.0, 0.0]).round(12).item()
    3.0
    """
    x, y = numbers("x", x), numbers("y", y)
    distance = np.linalg.norm(x - y, axis=-1)
    if (distance == 0).any():
        raise ValueError("x and y must be different points")
    return np.linalg.norm(gradient(x) - gradient(y), axis=-1) / distance


# -- critical points ---------------------------------------------------------------------------


def critical_points(f: Any, variables: Sequence[Any]) -> list[tuple]:
    """Return every real solution of ∇f = 0 for a polynomial f, exactly, with SymPy.

    Parameters
    ----------
    f
        A SymPy expression, polynomial in the variables, with finitely many critical points.
    variables
        The SymPy symbols to differentiate by.

    Returns
    -------
    list of tuple
        Exact coordinates, in ascending order.

    Raises
    ------
    ValueError
        If f is not a polynomial in the variables.

    Examples
    --------
    >>> import sympy
    >>> x, y = sympy.symbols("x y")
    >>> critical_points(x**3 - 3 * x + y**2, [x, y])
    [(-1, 0), (1, 0)]
    """
    import sympy  # here, because it takes a second to import

    if not f.is_polynomial(*variables):
        raise ValueError(f"f must be a polynomial in {list(variables)}, got {f}")
    equations = [sympy.diff(f, v) for v in variables]
    solutions = sympy.solve(equations, list(variables), dict=True)
    points = [tuple(s[v] for v in variables) for s in solutions]
    real = [point for point in points if all(c.is_real for c in point)]
    return sorted(real, key=lambda point: [float(c) for c in point])


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
    H = square("hessian", hessian).astype(float)
    if not np.allclose(H, H.T, rtol=1e-12):
        raise ValueError(f"hessian must be symmetric, got\n{H}")
    eigenvalues = np.linalg.eigvalsh(H)
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
        If α ≤ 0, steps is negative, or a Hessian on the way is singular.

    Examples
    --------
    >>> points = newton_raphson(lambda x: x**2 - 2, lambda x: 2 * x[..., None], [1.0], 5)
    >>> points[-1].round(12).item()
    1.414213562373
    """
    positive("damping", damping)
    points = [numbers("start", start)]
    for _ in range(integer("steps", steps, 0)):
        x = points[-1]
        (alpha,) = fitted(x, damping)
        points.append(x - alpha * _solve(hessian(x), gradient(x), "the Hessian"))
    return np.stack(points)


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
    return w0 + X.T @ _solve(X @ X.T, t - X @ w0, "XXᵀ")


def _solve(A: np.ndarray, b: np.ndarray, name: str) -> np.ndarray:
    """Solve Ax = b for A (…, d, d) and b (…, d), exactly if an entry is exact."""
    A, b = np.asarray(A), np.asarray(b)
    if "O" in (A.dtype.kind, b.dtype.kind):
        return _solve_exactly(A, b, name)
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
    positive("learning_rate", learning_rate)
    decay_rate("momentum", momentum)
    return np.array([[1 + momentum - learning_rate * curvature, -momentum], [1, 0]])


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
    positive("learning_rate", learning_rate)
    decay_rate("momentum", momentum)
    shrink = 1 - learning_rate * curvature
    return np.array([[(1 + momentum) * shrink, -momentum * shrink], [1, 0]])


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
    matrix = square("matrix", matrix).astype(float)
    return float(np.abs(np.linalg.eigvals(matrix)).max())


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

    Examples
    --------
    >>> heavy_ball_factor(1.0, 0.5, [0.25, 0.0]).tolist()
    [0.5, 0.5]
    """
    beta = np.asarray(momentum, dtype=float)
    trace = 1 + beta - np.multiply(learning_rate, curvature)
    discriminant = trace**2 - 4 * beta
    real = (np.abs(trace) + np.sqrt(np.maximum(discriminant, 0))) / 2
    return np.where(discriminant < 0, np.sqrt(beta), real)


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
    kappa = _condition(smallest, largest)
    return Tuning(2 / (largest + smallest), 0.0, (kappa - 1) / (kappa + 1))


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
    root = _condition(smallest, largest) ** 0.5
    factor = (root - 1) / (root + 1)
    return Tuning(4 / (largest**0.5 + smallest**0.5) ** 2, factor**2, factor)


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
    root = _condition(smallest, largest) ** 0.5
    return Tuning(1 / largest, (root - 1) / (root + 1), 1 - 1 / root)


def _condition(smallest: float, largest: float) -> float:
    if not 0 < smallest <= largest < np.inf:
        raise ValueError(f"curvatures must satisfy 0 < μ ≤ L, got {smallest} and {largest}")
    return largest / smallest
