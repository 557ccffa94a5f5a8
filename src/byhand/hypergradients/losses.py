"""Losses that know their gradient and their Hessian-vector product (chapter 4, section D3.1).

A loss does not look at its point, which may be complex or traced, so that a whole run can be
differentiated. The objectives of :mod:`byhand.optimization`, which have the formulas of quadratics
and least squares in common with it, look at each point, take grids and return Hessian matrices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from matplotlib.cbook import get_sample_data

from byhand._checks import floats, integer, numbers, rational, samples, symmetric, together, vector
from byhand.backpropagation import grad, hvp
from byhand.backpropagation.counting import count_operations
from byhand.backpropagation.tracing import Traced
from byhand.optimization.objectives import identity_like, of_least_squares, of_quadratic


class Loss(NamedTuple):
    """A twice differentiable function of a vector w, as the sweeps of this package need it.

    Its functions do not look at their arguments, and overflow as NumPy does: the sweeps look at
    what they are given, and at what a run ends in.
    """

    value: Callable[[Any], Any]
    """w ↦ L(w)."""
    gradient: Callable[[Any], Any]
    """w ↦ ∇L(w), of w's shape."""
    hvp: Callable[[Any, Any], Any]
    """(w, v) ↦ ∇²L(w) v, of w's shape, without the matrix."""
    size: int | None = None
    """The number of parameters, where it is fixed."""
    in_floats: bool = False
    """Whether it holds floats, beside which fractions are floats too."""


def quadratic(A: Any, b: Any) -> Loss:
    """Return L(w) = ½ wᵀA w − bᵀw. Fractions stay fractions.

    Parameters
    ----------
    A
        Symmetric, shape (d, d).
    b
        Shape (d,).

    Raises
    ------
    ValueError
        If the shapes do not fit, A is not symmetric, or an entry is not finite.

    Examples
    --------
    >>> loss = quadratic([[3, 1], [1, 2]], [1, 0])
    >>> loss.gradient(np.array([1, 1]))
    array([3., 3.])
    """
    A, b = together(A=symmetric("A", A), b=numbers("b", b))
    if b.shape != A[0].shape:
        raise ValueError(f"b must have shape {A[0].shape}, got {b.shape}")

    return _of_constants(lambda A, b: Loss(*of_quadratic(A, b), b.size), A=A, b=b)


def least_squares(X: Any, t: Any) -> Loss:
    """Return L(w) = (1/n)‖Xw − t‖². Fractions stay fractions.

    Its Hessian-vector product is (2/n) Xᵀ(Xv): two matrix-vector products, as many as the
    gradient needs.

    Parameters
    ----------
    X
        One sample per row, shape (n, d).
    t
        Targets, shape (n,).

    Raises
    ------
    ValueError
        If the shapes do not fit, there is no sample, or an entry is not finite.

    Examples
    --------
    >>> loss = least_squares([[1, 0], [1, 2]], [1, 3])
    >>> loss.gradient(np.array([0, 0])).tolist()
    [-4.0, -6.0]
    """
    X, t = samples(X, t)
    return _of_constants(lambda X, t: Loss(*of_least_squares(X, t), X.shape[1]), X=X, t=t)


def quartic(A: Any, B: Any) -> Loss:
    """Return L(w) = ½ wᵀA w + ¼ Σᵢ (Bw)ᵢ⁴, whose Hessian A + 3 Bᵀdiag(Bw)²B depends on w.

    Hessians at different points do not commute in general. Fractions stay fractions.

    Parameters
    ----------
    A
        Symmetric, shape (d, d).
    B
        Shape (m, d).

    Raises
    ------
    ValueError
        If the shapes do not fit, A is not symmetric, or an entry is not finite.

    Examples
    --------
    >>> loss = quartic([[2, 0], [0, 1]], [[1, 1]])
    >>> loss.gradient(np.array([1, 1])).tolist()
    [10.0, 9.0]
    """
    A, B = together(A=symmetric("A", A), B=numbers("B", B))
    if B.ndim != 2 or B.shape[1] != len(A):
        raise ValueError(f"B must have shape (m, {len(A)}), got {B.shape}")

    def formulas(A, B):
        return Loss(
            value=lambda w: w @ (A @ w) / 2 + np.sum((B @ w) ** 4) / 4,
            gradient=lambda w: A @ w + B.T @ (B @ w) ** 3,
            hvp=lambda w, v: A @ v + B.T @ (3 * (B @ w) ** 2 * (B @ v)),
            size=len(A),
        )

    return _of_constants(formulas, A=A, B=B)


def _of_constants(formulas: Callable, **constants: np.ndarray) -> Loss:
    """Return the loss of constants, which are floats where the points are.

    A loss that holds floats is given points of floats by the sweeps, and needs no look at them.
    """
    loss = formulas(**{name: _from_a_cache_line(array) for name, array in constants.items()})
    if not all(rational(array) for array in constants.values()):
        return loss._replace(in_floats=all(array.dtype == float for array in constants.values()))

    @cache
    def in_floats():
        return formulas(
            **{name: _from_a_cache_line(floats(name, array)) for name, array in constants.items()}
        )

    def beside(name: str) -> Callable:
        def evaluate(w, *v):
            in_numbers = isinstance(w, np.ndarray) and w.dtype.kind in "fc"
            return getattr(in_floats() if in_numbers else loss, name)(w, *v)

        return evaluate

    return Loss(beside("value"), beside("gradient"), beside("hvp"), loss.size)


def _from_a_cache_line(array: np.ndarray) -> np.ndarray:
    """Return an array that begins where 64 bytes of memory do, if it is one of floats.

    Of products with vectors, which are all that a run computes, that saves up to a third.
    """
    if array.dtype != float:
        return array
    memory = np.empty(array.size + 7)
    start = -(memory.ctypes.data // 8) % 8
    new = memory[start : start + array.size].reshape(array.shape)
    new[...] = array
    return new


def from_function(f: Callable) -> Loss:
    """Return the loss f with gradient and Hessian-vector product by automatic differentiation.

    Parameters
    ----------
    f
        A NumPy function of one vector that :mod:`byhand.backpropagation` can trace.

    Examples
    --------
    >>> loss = from_function(lambda w: np.sum(np.exp(w)))
    >>> loss.hvp(np.zeros(2), np.array([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """
    return Loss(value=f, gradient=grad(f), hvp=lambda w, v: hvp(f, w, v))


def terrain_network(units: int = 12, spacing: int = 34, seed: int = 0) -> tuple[Loss, np.ndarray]:
    """Return the loss of a small network that learns a real landscape, and a starting point.

    The network ŷ = cᵀ tanh(U x + b) + e maps a place x to its height ŷ; the loss is the mean of
    ½(ŷ − y)². The heights are those of the Jacksboro fault in Tennessee, which Matplotlib
    carries as sample data, taken every ``spacing`` points and scaled to mean 0 and variance 1.
    All parameters are one vector, in the order U (units × 2), b, c, e. The slope of tanh is 1 − h²
    as on paper, and as cheap: it is 0 where h rounds to ±1.

    Parameters
    ----------
    units
        Hidden units.
    spacing
        Distance of the samples in grid points of the map, which has 344 × 403 points.
    seed
        Of the starting point.

    Raises
    ------
    ValueError
        If ``units`` or ``spacing`` is below 1, the seed below 0, or the spacing so wide that one
        sample is left.

    Examples
    --------
    >>> loss, w0 = terrain_network()
    >>> w0.size, round(float(loss.value(w0)), 2)
    (49, 0.5)
    """
    units, spacing = integer("units", units, 1), integer("spacing", spacing, 1)
    heights = get_sample_data("jacksboro_fault_dem.npz")["elevation"][::spacing, ::spacing]
    if heights.size < 2:
        raise ValueError(f"the map has 344 × 403 points: spacing {spacing} leaves one sample")
    y = (heights - heights.mean()).ravel() / heights.std()
    grid = np.meshgrid(*(np.linspace(-1, 1, size) for size in heights.shape), indexing="ij")
    x = np.stack([axis.ravel() for axis in grid], axis=1)
    rng = np.random.default_rng(integer("seed", seed, 0))
    first = rng.standard_normal(3 * units) * 1.5
    return _network_loss(x, y, units), np.concatenate([first, np.zeros(units + 1)])


def _network_loss(x: np.ndarray, y: np.ndarray, units: int) -> Loss:
    """Return the mean of ½(cᵀ tanh(Ux + b) + e − y)² with hand-written derivatives."""
    inputs = np.column_stack([x, np.ones(len(x))])
    n = len(y)

    def split(w):
        weights = w[: 2 * units].reshape((units, 2)).T
        biases = w[2 * units : 3 * units].reshape((1, units))
        return np.concatenate([weights, biases]), w[3 * units : 4 * units], w[-1]

    def join(matrix, c, e):
        return np.concatenate([matrix[:2].T.ravel(), matrix[2], c, [e]])

    # A run asks for the loss, the gradient and a product at one point in turn.
    @lru_cache(maxsize=1)
    def at_floats(w):
        return at(np.frombuffer(w))

    def forward(w):
        is_plain = type(w) is np.ndarray and w.dtype == float
        return at_floats(w.tobytes()) if is_plain else at(w)

    def at(w):
        matrix, c, e = split(w)
        hidden = np.tanh(inputs @ matrix)
        return hidden, 1 - hidden**2, c, hidden @ c + e - y

    def value(w):
        return np.mean(forward(w)[3] ** 2) / 2

    def gradient(w):
        hidden, slope, c, error = forward(w)
        delta = error[:, None] * c * slope
        return join(inputs.T @ delta, error @ hidden, error.sum()) / n

    def hvp(w, v):  # the gradient's derivative in direction v, product rule by product rule
        hidden, slope, c, error = forward(w)
        matrix_v, c_v, e_v = split(v)
        hidden_v = slope * (inputs @ matrix_v)
        error_v = hidden_v @ c + hidden @ c_v + e_v
        delta_v = (error_v[:, None] * c + error[:, None] * c_v) * slope
        delta_v -= 2 * (error[:, None] * c) * hidden * hidden_v
        c_part = error_v @ hidden + error @ hidden_v
        return join(inputs.T @ delta_v, c_part, error_v.sum()) / n

    return Loss(value, gradient, hvp, size=4 * units + 1)


def counted(loss: Loss) -> tuple[Loss, Counter]:
    """Return the same loss and a counter of how often each of its functions has been called.

    Examples
    --------
    >>> loss, calls = counted(quadratic([[2]], [0]))
    >>> _ = loss.gradient(loss.gradient(np.array([1.0])))
    >>> calls["gradient"], calls["hvp"]
    (2, 0)
    """
    calls: Counter = Counter()

    def tally(name: str) -> Callable:
        def call(*arguments):
            calls[name] += 1
            return getattr(loss, name)(*arguments)

        return call

    return loss._replace(**{name: tally(name) for name in ("value", "gradient", "hvp")}), calls


def multiplications(function: Callable, *arrays: Any) -> int:
    """Return how many multiplications and divisions of numbers a call makes.

    The arrays are filled with numbers that count; powers count one less than their exponent,
    and multiplying by constants of the function counts as well.

    Examples
    --------
    >>> multiplications(np.matmul, np.ones((3, 5)), np.ones(5))
    15
    """
    return count_operations(function, *arrays)["multiplications"]


def hessian(loss: Loss, w: Any) -> np.ndarray:
    """Return ∇²L(w), shape (d, d) and symmetric: one Hessian-vector product per row.

    Examples
    --------
    >>> hessian(quadratic([[3, 1], [1, 2]], [0, 0]), np.zeros(2)).tolist()
    [[3.0, 1.0], [1.0, 2.0]]
    """
    w = starting_point(loss, w, "w")
    return np.stack([loss.hvp(w, column) for column in identity_like(w)])


def traceable(name: str, values: Any) -> Any:
    """Return a vector of finite numbers; complex ones and traced values pass, for derivatives.

    An array is not copied: the memory of a run should be what its method needs.
    """
    if isinstance(values, Traced):
        return values
    return vector(name, values, allow_complex=True, copy=None)


def starting_point(loss: Loss, w0: Any, name: str = "w0") -> np.ndarray:
    """Return w0 as a vector of as many numbers as the loss has parameters."""
    w0 = traceable(name, w0)
    if loss.size not in (None, w0.size):
        raise ValueError(
            f"the loss has {loss.size} parameters, so {name} needs as many, got {w0.size}"
        )
    return floats(name, w0) if loss.in_floats and rational(w0) else w0


def step_sizes(etas: Any) -> Sequence:
    """Return step sizes as an array, each finite and at least 0; traced ones as they are."""
    if isinstance(etas, Traced) or (
        np.iterable(etas) and any(isinstance(eta, Traced) for eta in etas)
    ):
        return etas
    etas = traceable("etas", etas)
    if negative := [eta for eta in etas.real if isinstance(eta, Real) and eta < 0]:
        raise ValueError(f"step sizes must be at least 0, got {negative[0]}")
    return etas
