"""The table of derivative rules: one line per rule.

Names: ``y`` is the function's value, ``a``, ``b`` or ``x`` its arguments, ``g`` the adjoint of y
in the reverse sweep, ``t`` the perturbation of an argument in the forward sweep, and ``c`` either.
Rules hold for real numbers, and for complex ones where the function is holomorphic. They need not
mind broadcasting: the reverse sweep adds an adjoint up to the shape of its argument, the forward
sweep stretches a perturbation to the shape of the value.

Where a function has a kink, its rule returns one fixed subgradient:

* ``np.abs`` has derivative 0 at 0;
* ``np.maximum``, ``np.minimum``, ``np.max`` and ``np.min`` share the derivative equally among
  equal candidates, so ``np.maximum(z, 0)`` has derivative ½ at 0;
* :func:`relu` has derivative 0 at 0, as in the usual libraries.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from byhand.backpropagation.tracing import COMPOSITES, CONSTANTS, RULES, Rule, primitive

# -- elementwise functions -----------------------------------------------------------------------
# The Jacobian of an elementwise function is diagonal, so it is its own transpose: multiplying by
# the derivative is the rule of both sweeps.


def _share(c, wins, loses_not):
    """Return c where an argument wins, c/2 where it ties, 0 where it loses."""
    return c * (1 * wins + loses_not) / 2


def _power_base(c, y, a, b):
    less = b - 1 if isinstance(b, int | float) and b else np.where(b, b - 1, 1)
    return c * b * a**less


@primitive
def relu(x):
    """Return max(x, 0), with derivative 0 at 0.

    Examples
    --------
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    return np.maximum(x, 0)


@primitive
def sigmoid(x):
    """Return the logistic function 1/(1 + exp(−x)), without overflow for large \\|x\\|.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    if np.iscomplexobj(x) or np.asarray(x).dtype.kind == "O":
        return 1 / (1 + np.exp(-x))
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


# function: (how to compute it, the rule for each argument)
ELEMENTWISE = {
    np.add: (operator.add, lambda c, y, a, b: c, lambda c, y, a, b: c),
    np.subtract: (operator.sub, lambda c, y, a, b: c, lambda c, y, a, b: -c),
    np.multiply: (operator.mul, lambda c, y, a, b: c * b, lambda c, y, a, b: c * a),
    np.divide: (operator.truediv, lambda c, y, a, b: c / b, lambda c, y, a, b: -c * y / b),
    np.power: (operator.pow, _power_base, lambda c, y, a, b: c * y * np.log(np.where(a, a, 1))),
    np.negative: (operator.neg, lambda c, y, x: -c),
    np.positive: (operator.pos, lambda c, y, x: c),
    np.reciprocal: (np.reciprocal, lambda c, y, x: -c * y * y),
    np.square: (np.square, lambda c, y, x: c * 2 * x),
    np.sqrt: (np.sqrt, lambda c, y, x: c / 2 / y),
    np.exp: (np.exp, lambda c, y, x: c * y),
    np.expm1: (np.expm1, lambda c, y, x: c * (y + 1)),
    np.log: (np.log, lambda c, y, x: c / x),
    np.log1p: (np.log1p, lambda c, y, x: c / (1 + x)),
    np.log2: (np.log2, lambda c, y, x: c / x / np.log(2)),
    np.log10: (np.log10, lambda c, y, x: c / x / np.log(10)),
    np.sin: (np.sin, lambda c, y, x: c * np.cos(x)),
    np.cos: (np.cos, lambda c, y, x: -c * np.sin(x)),
    np.tan: (np.tan, lambda c, y, x: c * (1 + y * y)),
    np.arcsin: (np.arcsin, lambda c, y, x: c / np.sqrt(1 - x * x)),
    np.arccos: (np.arccos, lambda c, y, x: -c / np.sqrt(1 - x * x)),
    np.arctan: (np.arctan, lambda c, y, x: c / (1 + x * x)),
    np.sinh: (np.sinh, lambda c, y, x: c * np.cosh(x)),
    np.cosh: (np.cosh, lambda c, y, x: c * np.sinh(x)),
    np.tanh: (np.tanh, lambda c, y, x: c * (1 - y * y)),
    np.logaddexp: (
        np.logaddexp,
        lambda c, y, a, b: c * np.exp(a - y),
        lambda c, y, a, b: c * np.exp(b - y),
    ),
    np.abs: (abs, lambda c, y, x: c * np.sign(x)),
    np.maximum: (
        np.maximum,
        lambda c, y, a, b: _share(c, a > b, a >= b),
        lambda c, y, a, b: _share(c, b > a, b >= a),
    ),
    np.minimum: (
        np.minimum,
        lambda c, y, a, b: _share(c, a < b, a <= b),
        lambda c, y, a, b: _share(c, b < a, b <= a),
    ),
    np.where: (
        np.where,
        None,
        lambda c, y, chosen, a, b: np.where(chosen, c, 0),
        lambda c, y, chosen, a, b: np.where(chosen, 0, c),
    ),
    relu: (relu, lambda c, y, x: c * (x > 0)),
    sigmoid: (sigmoid, lambda c, y, x: c * y * (1 - y)),
}

# -- functions that move, add and multiply arrays --------------------------------------------------
# Pull and push are each other's transpose: ⟨g, push(t)⟩ = ⟨pull(g), t⟩, which the tests check.


def _axes(axis, ndim: int) -> tuple[int, ...]:
    """Return the axes that ``axis`` names, counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(i % ndim for i in (axis if isinstance(axis, tuple) else (axis,)))


def _keep(y, x, axis):
    """Return a reduced value with its reduced axes back, at length 1."""
    gone = _axes(axis, np.ndim(x))
    return np.reshape(y, tuple(1 if i in gone else n for i, n in enumerate(np.shape(x))))


def _unsum(g, y, x, axis=None, keepdims=False):
    if isinstance(g, float):  # np.float64 is one: the sum of a loss, on the innermost level
        return np.full(np.shape(x), g)
    return np.broadcast_to(_keep(g, x, axis), np.shape(x))


def _uncumsum(g, y, x, axis=None):
    along = 0 if axis is None else axis  # without an axis, y is flat
    return np.reshape(np.flip(np.cumsum(np.flip(g, along), axis=along), along), np.shape(x))


def _winners(x, y, axis):
    """Return the share of each entry in its maximum or minimum: 1/k for each of k equals."""
    wins = 1 * (x == _keep(y, x, axis))
    return wins / np.sum(wins, axis=axis, keepdims=True)


def _unmax(g, y, x, axis=None, keepdims=False):
    return _unsum(g, y, x, axis) * _winners(x, y, axis)


def _max_moves(t, y, x, axis=None, keepdims=False):
    return np.sum(t * _winners(x, y, axis), axis=axis, keepdims=keepdims)


def _untranspose(g, y, x, axes=None):
    return np.transpose(g, None if axes is None else np.argsort(np.mod(axes, np.ndim(x))))


def _turn(a):
    return a.T if a.ndim == 2 else a.swapaxes(-1, -2)


def _matmul_left(g, y, a, b):
    if a.ndim > 1 and b.ndim > 1:
        return g @ _turn(b)
    if a.ndim > 1:
        return g[..., None] * b
    return g * b if b.ndim == 1 else (b @ g[..., None])[..., 0]


def _matmul_right(g, y, a, b):
    if a.ndim > 1 and b.ndim > 1:
        return _turn(a) @ g
    if b.ndim > 1:
        return a[:, None] * g[..., None, :]
    return g * a if a.ndim == 1 else (_turn(a) @ g[..., None])[..., 0]


def _solve(a, b, vectors):
    """Solve a x = b for a stack of vectors, or of matrices: b's shape alone does not tell."""
    return np.linalg.solve(a, b[..., None])[..., 0] if vectors else np.linalg.solve(a, b)


def _times(a, b, vectors):
    return (a @ b[..., None])[..., 0] if vectors else a @ b


def _solve_left(g, y, a, b):
    adjoint = _solve(_turn(a), g, b.ndim == 1)
    if b.ndim == 1:
        return -adjoint[..., None] * y[..., None, :]
    return -adjoint @ _turn(y)


def _fit_broadcast(g, y, x, shape):
    return fit(g, np.shape(x))


@primitive
def scatter(x, *, index, shape):
    """Return zeros of a shape with x added at an index: the transpose of ``y[index]``."""
    y = np.zeros(shape, dtype=getattr(x, "dtype", object))
    parts = index if isinstance(index, tuple) else (index,)
    if all(isinstance(i, int | np.integer | slice) or i is None or i is ... for i in parts):
        y[index] = x
    else:
        np.add.at(y, index, x)
    return y


@primitive
def _join(*parts, axis):
    return np.concatenate(parts, axis=axis)


def _part(i, g, y, *parts, axis):
    start = sum(part.shape[axis] for part in parts[:i])
    return g[(slice(None),) * (axis % g.ndim) + (slice(start, start + parts[i].shape[axis]),)]


def _pad_part(i, t, y, *parts, axis):
    blank = [np.zeros(part.shape) for part in parts]
    return _join(*blank[:i], t, *blank[i + 1 :], axis=axis)


class _PerArgument:
    """The rules of a function of any number of arguments."""

    def __init__(self, rule: Callable):
        self.rule = rule

    def __getitem__(self, i: int) -> Callable:
        return functools.partial(self.rule, i)


# function: (how to compute it, the rules of the reverse sweep, the rules of the forward sweep)
STRUCTURAL = {
    np.matmul: (
        operator.matmul,
        (_matmul_left, _matmul_right),
        (lambda t, y, a, b: t @ b, lambda t, y, a, b: a @ t),
    ),
    np.sum: (np.sum, (_unsum,), (lambda t, y, x, *axis, **how: np.sum(t, *axis, **how),)),
    np.cumsum: (
        np.cumsum,
        (_uncumsum,),
        (lambda t, y, x, axis=None: np.cumsum(t, axis=axis),),
    ),
    np.max: (
        np.max,
        (_unmax,),
        (_max_moves,),
    ),
    np.min: (
        np.min,
        (_unmax,),
        (_max_moves,),
    ),
    np.reshape: (
        np.reshape,
        (lambda g, y, x, shape, **how: np.reshape(g, np.shape(x), **how),),
        (lambda t, y, x, shape, **how: np.reshape(t, shape, **how),),
    ),
    np.transpose: (
        np.transpose,
        (_untranspose,),
        (lambda t, y, x, axes=None: np.transpose(t, axes),),
    ),
    np.broadcast_to: (
        np.broadcast_to,
        (_fit_broadcast,),
        (lambda t, y, x, shape: np.broadcast_to(t, shape),),
    ),
    operator.getitem: (
        lambda x, index: x[index],
        (lambda g, y, x, index: scatter(g, index=index, shape=x.shape),),
        (lambda t, y, x, index: t[index],),
    ),
    scatter: (
        scatter,
        (lambda g, y, x, index, shape: g[index],),
        (lambda t, y, x, index, shape: scatter(t, index=index, shape=shape),),
    ),
    _join: (_join, _PerArgument(_part), _PerArgument(_pad_part)),
    np.linalg.inv: (
        np.linalg.inv,
        (lambda g, y, x: -_turn(y) @ g @ _turn(y),),
        (lambda t, y, x: -y @ t @ y,),
    ),
    np.linalg.det: (
        np.linalg.det,
        (lambda g, y, x: (g * y)[..., None, None] * _turn(np.linalg.inv(x)),),
        (lambda t, y, x: y * np.sum(_turn(np.linalg.inv(x)) * t, axis=(-2, -1)),),
    ),
    np.linalg.solve: (
        np.linalg.solve,
        (_solve_left, lambda g, y, a, b: _solve(_turn(a), g, b.ndim == 1)),
        (
            lambda t, y, a, b: -_solve(a, _times(t, y, b.ndim == 1), b.ndim == 1),
            lambda t, y, a, b: np.linalg.solve(a, t),
        ),
    ),
}

RULES.update({f: Rule(compute, pulls, pulls) for f, (compute, *pulls) in ELEMENTWISE.items()})
RULES.update({f: Rule(*rule) for f, rule in STRUCTURAL.items()})


def fit(adjoint, shape: tuple[int, ...]):
    """Add an adjoint up over the axes along which broadcasting had repeated its argument.

    Examples
    --------
    >>> fit(np.ones((4, 2, 3)), (2, 1))
    array([[12.],
           [12.]])
    """
    extra = np.ndim(adjoint) - len(shape)
    if extra:
        adjoint = np.add.reduce(adjoint, 0 if extra == 1 else tuple(range(extra)))
    if 1 in shape and adjoint.shape != shape:
        ones = tuple(i for i, n in enumerate(shape) if n == 1)
        adjoint = np.add.reduce(adjoint, ones, keepdims=True)
    return adjoint


# -- functions made of others ----------------------------------------------------------------------


def _rearrange(function: Callable) -> Callable:
    """Move entries as ``function`` does: it shows where each goes when it is given their places."""

    def composite(x, *args, **kwargs):
        places = np.arange(x.size).reshape(x.shape)
        return np.reshape(x, (-1,))[function(places, *args, **kwargs)]

    return composite


def _rearrange_with_zeros(function: Callable) -> Callable:
    """The same for functions that also fill in zeros: place 0 holds one."""

    def composite(x, *args, **kwargs):
        places = 1 + np.arange(x.size).reshape(x.shape)
        entries = np.concatenate([np.zeros(1), np.reshape(x, (-1,))])
        return entries[function(places, *args, **kwargs)]

    return composite


def _reshape_as(function: Callable) -> Callable:
    """Change the shape as ``function`` does."""

    def composite(x, *args, **kwargs):
        return np.reshape(x, function(np.broadcast_to(0, x.shape), *args, **kwargs).shape)

    return composite


def _permute_as(function: Callable) -> Callable:
    """Permute the axes as ``function`` does: axis i of the dummy is recognized by its length i."""

    def composite(x, *args, **kwargs):
        dummy = np.broadcast_to(0, tuple(range(x.ndim)))
        return np.transpose(x, function(dummy, *args, **kwargs).shape)

    return composite


def _mean(x, axis=None, keepdims=False):
    count = np.prod([np.shape(x)[i] for i in _axes(axis, np.ndim(x))], dtype=int)
    return np.sum(x, axis=axis, keepdims=keepdims) / count


def _dot(a, b):
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if np.ndim(b) > 2:
        raise TypeError("np.dot of traced arrays needs ndim ≤ 2 on the right; use @")
    return a @ b


def _norm(x, ord=None, axis=None, keepdims=False):
    vectors = isinstance(axis, int) or (axis is None and np.ndim(x) == 1)
    if ord is not None and not (ord == 2 and vectors):
        raise TypeError(f"only the Euclidean norm has a derivative rule, got ord={ord!r}")
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def _pad(x, pad_width, mode="constant"):
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise TypeError(f"np.pad of traced arrays fills in zeros or copies entries, got {mode!r}")
    return _rearrange_with_zeros(np.pad)(x, pad_width, mode=mode)


def _stack(parts, axis=0):
    return np.concatenate([np.expand_dims(part, axis) for part in parts], axis=axis)


COMPOSITES.update(
    {
        np.mean: _mean,
        np.dot: _dot,
        np.linalg.norm: _norm,
        np.stack: _stack,
        np.concatenate: lambda parts, axis=0: _join(*parts, axis=axis),
        np.outer: lambda a, b: np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1)),
        np.ravel: lambda x: np.reshape(x, (-1,)),
        np.trace: lambda x, offset=0: np.sum(np.diagonal(x, offset), axis=-1),
        np.pad: _pad,
        np.clip: lambda x, low, high: np.minimum(np.maximum(x, low), high),
    }
)
COMPOSITES.update({f: _reshape_as(f) for f in (np.squeeze, np.expand_dims)})
COMPOSITES.update({f: _permute_as(f) for f in (np.swapaxes, np.moveaxis)})
_REARRANGING = (np.flip, np.roll, np.rot90, np.tile, np.repeat, np.take, np.diagonal)
COMPOSITES.update({f: _rearrange(f) for f in (*_REARRANGING, sliding_window_view)})
COMPOSITES.update({f: _rearrange_with_zeros(f) for f in (np.diag, np.triu, np.tril)})

CONSTANTS.update(
    {
        *(np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal),
        *(np.sign, np.floor, np.ceil, np.rint, np.isnan, np.isfinite, np.isinf),
        *(np.argmax, np.argmin, np.argsort, np.shape, np.ndim, np.size),
        *(np.zeros_like, np.ones_like, np.iscomplexobj, np.array_equal, np.allclose),
    }
)
