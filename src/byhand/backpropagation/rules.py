"""The table of derivative rules: one line per rule.

Names: ``y`` is the function's value, ``a``, ``b`` or ``x`` its arguments, ``g`` the adjoint of y
in the reverse sweep, ``t`` the perturbation of an argument in the forward sweep, and ``c`` either.
Rules hold for real numbers, and for complex ones where the function is holomorphic. They need not
mind broadcasting: the reverse sweep adds an adjoint up to the shape of its argument, the forward
sweep stretches a perturbation to the shape of the value.

**Kinks.** Where a function has no derivative, its rule says what both sweeps take for it. Each
of these numbers lies between the slopes on the two sides, and no more is promised: what is
composed of kinks need not get a slope of its own (``relu(x) - relu(-x)`` is x, and gets 0 at 0),
and a program's branch, decided by a value, is not differentiated at all.

========================  ==================  ====================================================
function                  where               derivative
========================  ==================  ====================================================
relu                      0                   0
abs                       0                   0
maximum, minimum, clip    a tie               shared equally: maximum(x, 0) has 1/2 at 0
max, min                  a tie               shared equally among the k that are equal: 1/k
sort                      a tie               equal entries keep their order
norm                      0                   0
where                     everywhere          that of the branch taken; the other never counts
sign, floor, ceil, rint   everywhere          0, at the jumps as well
power                     a = 0               aᵇ by b: 0
power                     a < 0               aᵇ by b: none, so an error if it is asked for
any of these              not a number        not a number
========================  ==================  ====================================================

**Infinite slopes.** Where a slope is infinite, as that of sqrt at 0, so is the derivative. A
product 0·∞ of a slope and what comes along the chain is 0: what is multiplied by 0 is not passed
on. (So sqrt(x·x) gets 0 at 0, as abs(x) does. But sqrt(x)·sqrt(x), which is x, gets 0 there too.)
A difference ∞ − ∞ is an error.

**Cancellation.** No rule subtracts from 1 what may round to 1: the derivative of the logistic
function is σ(x)σ(−x), that of tanh 1/cosh². Slopes are formed before they meet the chain's
factor, so that they overflow only if they are out of range themselves.
"""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from byhand import _checks
from byhand.backpropagation.tracing import (
    COMPOSITES,
    CONSTANTS,
    DOUBLE,
    RULES,
    Rule,
    Traced,
    plain,
    primitive,
    zeros_like,
)

# -- elementwise functions -----------------------------------------------------------------------
# The Jacobian of an elementwise function is diagonal, so it is its own transpose: multiplying by
# the derivative is the rule of both sweeps.


def _computes_exactly(x) -> bool:
    return np.asarray(plain(x)).dtype.kind == "O"


def _is_complex(x) -> bool:
    return np.iscomplexobj(plain(x))


_as_floats = partial(_checks.elements, "x", exact=False)
"""Numbers, of which rational ones become floats."""


def _folded(x):
    """Return x or −x, whichever has a positive real part: |x|, if it is real."""
    if _is_complex(x):
        return np.where(np.signbit(np.real(x)), -x, x)
    return np.abs(x)


def _select(c, y, wins, ties, loses):
    """Return c where an argument wins, c/2 where it ties, 0 where it loses, and y where y is nan.

    Choosing, where one might multiply by 0, keeps an infinite c out of the places of losers.
    """
    return np.where(wins, c, np.where(ties, c / 2, np.where(loses, 0, y)))


def _power_base(c, y, a, b):
    if isinstance(b, int | float) and b:
        return c * (b * a ** (b - 1))
    if not _computes_exactly(a):
        b = 1.0 * b  # a float, before b − 1 or a change of its sign can wrap around
    return c * (b * a ** np.where(b, b - 1, 1))


def _log_of_base(a):
    """Return log a, and 0 for 0; one of Python's numbers leaves float32 what it is."""
    if type(a) is int or type(a) is float:
        return math.log(a) if a > 0 else 0.0 if a == 0 else math.nan
    return np.log(np.where(a, a, 1))


def _slope_of_abs(c, y, x):
    if _is_complex(x):
        raise TypeError("np.abs has no derivative at complex numbers")
    return np.where(x > 0, c, np.where(x < 0, -c, y))


def _over_one_plus_square(c, x):
    """Return c/(1 + x²), where x² may be out of range: both are divided by |x| there."""
    far = np.maximum(np.abs(plain(x)), 1)
    return c / far / (1 / far + x * (x / far))


def _through_tanh(c, y, x):
    if type(x) is np.ndarray and x.dtype is DOUBLE:  # as _sech2, without a question, in place
        root = np.cosh(x)
        np.divide(1, root, root)
        root *= root
        return c * root
    return c * (1 - y * y if _computes_exactly(x) else _sech2(x))


def _sigmoid_slope(y, x):
    return y * (1 - y) if _computes_exactly(y) else _sech2(x / 2) / 4  # = σ(x)σ(−x)


@primitive
def _sech2(x):
    """Return 1/cosh²(x), the derivative of tanh; fractions become floats, as in σ."""
    x = _as_floats(x)
    if _is_complex(x):  # whose hyperbolic cosine may overflow to nan
        small = np.exp(-2 * _folded(x))
        return 4 * small / (1 + small) ** 2
    root = 1 / np.cosh(x)
    return root * root


@primitive
def _tanh(x):
    """Return tanh(x), of fractions as well."""
    return np.tanh(_as_floats(x))


@primitive
def relu(x):
    """Return max(x, 0), with derivative 0 at 0. Fractions stay exact.

    Raises
    ------
    TypeError
        If x is no number and no array of numbers.

    Examples
    --------
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    x = _checks.elements("x", x)
    return max(x, 0) if type(x) in (int, Fraction) else np.maximum(x, 0)


@primitive
def sigmoid(x):
    """Return the logistic function 1/(1 + exp(−x)), without overflow for large \\|x\\|.

    Raises
    ------
    TypeError
        If x is no number and no array of numbers.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    x = _as_floats(x)
    if _computes_exactly(x):
        return 1 / (1 + np.exp(-x))
    small = np.exp(-_folded(x))
    return np.where(np.signbit(np.real(x)), small, 1) / (1 + small)


@primitive
def softplus(x):
    """Return log(1 + exp(x)), without overflow and without losing small values to the 1.

    It is −log(1 − σ(x)), and softplus(−x) is −log σ(x); neither may be computed like that, since
    σ(x) rounds to 1 from 36.7 on.

    Raises
    ------
    TypeError
        If x is no number and no array of numbers.

    Examples
    --------
    >>> softplus(np.array([-1000.0, -40.0, 0.0, 1000.0]))
    array([0.00000000e+00, 4.24835426e-18, 6.93147181e-01, 1.00000000e+03])
    """
    x = _as_floats(x)
    return np.where(np.signbit(np.real(x)), 0, x) + np.log1p(np.exp(-_folded(x)))


_LOG2, _LOG10 = math.log(2), math.log(10)  # Python's numbers leave float32 what it is

# function: (how to compute it, the rule for each argument)
ELEMENTWISE = {
    np.add: (operator.add, lambda c, y, a, b: c, lambda c, y, a, b: c),
    np.subtract: (operator.sub, lambda c, y, a, b: c, lambda c, y, a, b: -c),
    np.multiply: (operator.mul, lambda c, y, a, b: c * b, lambda c, y, a, b: c * a),
    np.divide: (operator.truediv, lambda c, y, a, b: c / b, lambda c, y, a, b: -c * (y / b)),
    np.power: (operator.pow, _power_base, lambda c, y, a, b: c * (y * _log_of_base(a))),
    np.negative: (operator.neg, lambda c, y, x: -c),
    np.positive: (operator.pos, lambda c, y, x: c),
    np.reciprocal: (np.reciprocal, lambda c, y, x: -c * (y * y)),
    np.square: (np.square, lambda c, y, x: c * (2 * x)),
    np.sqrt: (np.sqrt, lambda c, y, x: c / 2 / y),
    np.exp: (np.exp, lambda c, y, x: c * y),
    np.expm1: (np.expm1, lambda c, y, x: c * np.exp(x)),
    np.log: (np.log, lambda c, y, x: c / x),
    np.log1p: (np.log1p, lambda c, y, x: c / (1 + x)),
    np.log2: (np.log2, lambda c, y, x: c / x / _LOG2),
    np.log10: (np.log10, lambda c, y, x: c / x / _LOG10),
    np.sin: (np.sin, lambda c, y, x: c * np.cos(x)),
    np.cos: (np.cos, lambda c, y, x: -c * np.sin(x)),
    np.tan: (np.tan, lambda c, y, x: c * (1 + y * y)),
    np.arcsin: (np.arcsin, lambda c, y, x: c / np.sqrt((1 - x) * (1 + x))),
    np.arccos: (np.arccos, lambda c, y, x: -c / np.sqrt((1 - x) * (1 + x))),
    np.arctan: (np.arctan, lambda c, y, x: _over_one_plus_square(c, x)),
    np.sinh: (np.sinh, lambda c, y, x: c * np.cosh(x)),
    np.cosh: (np.cosh, lambda c, y, x: c * np.sinh(x)),
    np.tanh: (np.tanh, _through_tanh),
    _tanh: (_tanh, lambda c, y, x: c * _sech2(x)),
    _sech2: (_sech2, lambda c, y, x: c * (-2 * _tanh(x) * y)),
    np.logaddexp: (
        np.logaddexp,
        lambda c, y, a, b: c * sigmoid(a - b),
        lambda c, y, a, b: c * sigmoid(b - a),
    ),
    np.abs: (abs, _slope_of_abs),
    np.maximum: (
        np.maximum,
        lambda c, y, a, b: _select(c, y, a > b, a == b, a < b),
        lambda c, y, a, b: _select(c, y, b > a, a == b, b < a),
    ),
    np.minimum: (
        np.minimum,
        lambda c, y, a, b: _select(c, y, a < b, a == b, a > b),
        lambda c, y, a, b: _select(c, y, b < a, a == b, b > a),
    ),
    np.where: (
        np.where,
        None,
        lambda c, y, chosen, a, b: np.where(chosen, c, 0),
        lambda c, y, chosen, a, b: np.where(chosen, 0, c),
    ),
    relu: (relu, lambda c, y, x: np.where(x > 0, c, y)),  # elsewhere y is 0, or not a number
    sigmoid: (sigmoid, lambda c, y, x: c * _sigmoid_slope(y, x)),
    softplus: (softplus, lambda c, y, x: c * sigmoid(x)),
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


def _sum(x, axis=None, keepdims=False):
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


def _spread(g, x, axis):
    """Return an adjoint of a sum once for each entry of x."""
    if isinstance(g, np.generic):  # the sum of a loss, on the innermost level
        spread = np.empty(np.shape(x), g.dtype)
        spread.fill(g)
        return spread
    return np.broadcast_to(_keep(g, x, axis), np.shape(x))


def _uncumsum(g, y, x, axis=None):
    return np.reshape(np.flip(np.cumsum(np.flip(g, axis), axis=axis), axis), np.shape(x))


def _winners(x, y, axis):
    """Say which entries equal their maximum or minimum, and how many do."""
    x, y = plain(x), plain(y)
    wins = np.equal(x, _keep(y, x, axis)).astype(bool)
    count = np.sum(wins, axis=axis, keepdims=True)
    return wins, count.astype(np.asarray(x).dtype)


def _unmax(g, y, x, axis=None, keepdims=False):
    wins, count = _winners(x, y, axis)  # a count of 0: the maximum is not a number
    share = np.where(count, _keep(g, x, axis) / np.maximum(count, 1), _keep(y, x, axis))
    return np.where(wins | (count == 0), share, 0)


def _max_moves(t, y, x, axis=None, keepdims=False):
    wins, count = _winners(x, y, axis)
    total = np.sum(np.where(wins, t, 0), axis=axis, keepdims=keepdims)
    count = np.reshape(count, np.shape(total))
    return np.where(count, total / np.maximum(count, 1), y)


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


def _cofactors(y, x):
    """Return the derivative of det x = y, which a singular matrix has as well."""
    if isinstance(x, Traced):
        return y[..., None, None] * _turn(np.linalg.inv(x))
    u, s, v = np.linalg.svd(x)
    others = np.where(np.eye(s.shape[-1]), 1, s[..., None, :]).prod(axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(v)
    return sign[..., None, None] * (u.conj() * others[..., None, :]) @ v.conj()


def _fit_broadcast(g, y, x, shape):
    return fit(g, np.shape(x))


@primitive
def _average(x, *, axis, keepdims):
    if _computes_exactly(x):
        return np.sum(x, axis=axis, keepdims=keepdims) / _count(x, axis)
    return np.mean(x, axis=axis, keepdims=keepdims)


def _count(x, axis) -> int:
    """Return how many entries a reduction along some axes takes together."""
    return math.prod(np.shape(x)[i] for i in _axes(axis, np.ndim(x)))


@primitive
def _euclidean(x, *, axis, keepdims):
    """Return √Σx², also where the squares are out of range."""
    if _is_complex(x):
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    exponent = np.frexp(np.max(np.abs(x), axis=axis, keepdims=True, initial=0))[1]
    scaled = np.ldexp(x, -exponent)
    squares = np.sum(scaled * scaled, axis=axis, keepdims=keepdims)
    return np.ldexp(np.sqrt(squares), np.reshape(exponent, np.shape(squares)))


def _directions(y, x, axis):
    """Return x/‖x‖, and 0 for a zero."""
    length = _keep(y, x, axis)
    zero = plain(length) == 0
    return np.where(zero, 0, x / length)


def _euclidean_moves(t, y, x, axis, keepdims):
    return np.sum(t * _directions(y, x, axis), axis=axis, keepdims=keepdims)


# Several parts of one array, picked at different places, are put back in one go: an array of n
# entries that a loop reads one by one costs n, where an array of zeros for each would cost n².


@primitive
def scatter(*parts, indices, shape):
    """Return zeros of a shape with each part added at its index: the transpose of ``y[index]``."""
    y = np.zeros(shape, dtype=np.result_type(*(np.asarray(part).dtype for part in parts)))
    for part, index in zip(parts, indices, strict=True):
        entries = index if isinstance(index, tuple) else (index,)
        if all(isinstance(i, int | np.integer | slice) or i is None or i is ... for i in entries):
            y[index] += part
        elif y.ndim == 1 and isinstance(index, np.ndarray) and index.dtype.kind == "i":
            np.add.at(y, index.ravel(), np.ravel(part))  # NumPy is quick along one axis
        else:
            np.add.at(y, index, part)
    return y


def _gather(g, y, parts, indices, shape):
    return [g[index] for index in indices]


def _scatter_moves(tangents, y, parts, indices, shape):
    moved = [i for i, t in enumerate(tangents) if t is not None]
    places = [indices[i] for i in moved]
    return scatter(*(tangents[i] for i in moved), indices=places, shape=shape)


@primitive
def _join(*parts, axis):
    return np.concatenate(parts, axis=axis)


def _cut(g, y, parts, axis):
    before = (slice(None),) * (axis % np.ndim(g))
    ends = itertools.accumulate((np.shape(part)[axis] for part in parts), initial=0)
    return [g[(*before, slice(*between))] for between in itertools.pairwise(ends)]


def _join_moves(tangents, y, parts, axis):
    both = zip(tangents, parts, strict=True)
    return _join(*(zeros_like(part) if t is None else t for t, part in both), axis=axis)


# function: (how to compute it, the rules of the reverse sweep, the rules of the forward sweep)
STRUCTURAL = {
    np.matmul: (
        operator.matmul,
        (_matmul_left, _matmul_right),
        (lambda t, y, a, b: t @ b, lambda t, y, a, b: a @ t),
    ),
    np.sum: (
        _sum,
        (lambda g, y, x, axis=None, keepdims=False: _spread(g, x, axis),),
        (lambda t, y, x, axis=None, keepdims=False: np.sum(t, axis=axis, keepdims=keepdims),),
    ),
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
        (lambda g, y, x, shape, order="C": np.reshape(g, np.shape(x), order=order),),
        (lambda t, y, x, shape, order="C": np.reshape(t, shape, order=order),),
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
        (None,),  # the sweep puts all parts that were picked from x back together, by scatter
        (lambda t, y, x, index: t[index],),
    ),
    _average: (
        _average,
        (lambda g, y, x, axis, keepdims: _spread(g / _count(x, axis), x, axis),),
        (lambda t, y, x, axis, keepdims: _average(t, axis=axis, keepdims=keepdims),),
    ),
    _euclidean: (
        _euclidean,
        (lambda g, y, x, axis, keepdims: _keep(g, x, axis) * _directions(y, x, axis),),
        (_euclidean_moves,),
    ),
    np.linalg.inv: (
        np.linalg.inv,
        (lambda g, y, x: -_turn(y) @ g @ _turn(y),),
        (lambda t, y, x: -y @ t @ y,),
    ),
    np.linalg.det: (
        np.linalg.det,
        (lambda g, y, x: g[..., None, None] * _cofactors(y, x),),
        (lambda t, y, x: np.sum(_cofactors(y, x) * t, axis=(-2, -1)),),
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

# function: (how to compute it, the rule of the reverse sweep, the rule of the forward sweep)
JOINT = {scatter: (scatter, _gather, _scatter_moves), _join: (_join, _cut, _join_moves)}


def _keywords(pull: Callable) -> frozenset[str]:
    """Return the names of what a rule takes beside adjoint, value and arrays."""
    return frozenset([*inspect.signature(pull).parameters][3:])


for _function, (_compute, *_pulls) in ELEMENTWISE.items():
    RULES[_function] = Rule(_compute, _pulls, _pulls, elementwise=True)
for _function, (_compute, _pulls, _pushes) in STRUCTURAL.items():
    RULES[_function] = Rule(_compute, _pulls, _pushes, keywords=_keywords(_pushes[0]))
for _function, (_compute, _pull, _push) in JOINT.items():
    RULES[_function] = Rule(_compute, _pull, _push, joint=True, keywords=_keywords(_pull))


_ONES = np.ones(1024)


def fit(adjoint, shape: tuple[int, ...]):
    """Add an adjoint up over the axes along which broadcasting had repeated its argument.

    Examples
    --------
    >>> fit(np.ones((4, 2, 3)), (2, 1))
    array([[12.],
           [12.]])
    """
    if type(adjoint) is np.ndarray and adjoint.dtype is DOUBLE and adjoint.ndim == 2:
        rows, columns = adjoint.shape
        if shape == (columns,) and rows <= 1024:
            return _ONES[:rows] @ adjoint  # BLAS adds up short rows faster
    extra = np.ndim(adjoint) - len(shape)
    if extra:
        adjoint = np.add.reduce(adjoint, tuple(range(extra)))
    if 1 in shape and adjoint.shape != shape:
        ones = tuple(i for i, n in enumerate(shape) if n == 1)
        adjoint = np.add.reduce(adjoint, ones, keepdims=True)
    return adjoint


# -- functions made of others ----------------------------------------------------------------------


def _rearrange(function: Callable, x, *args, **kwargs):
    """Move entries as ``function`` does: it shows where each goes when it is given their places."""
    places = np.arange(x.size).reshape(x.shape)
    return np.ravel(x)[function(places, *args, **kwargs)]


def _rearrange_with_zeros(function: Callable, x, *args, **kwargs):
    """The same for functions that also fill in zeros: place 0 holds one."""
    places = 1 + np.arange(x.size).reshape(x.shape)
    entries = np.concatenate([np.zeros(1, x.dtype), np.ravel(x)])
    return entries[function(places, *args, **kwargs)]


def _reshape_as(function: Callable, x, *args, **kwargs):
    """Change the shape as ``function`` does."""
    return np.reshape(x, function(plain(x), *args, **kwargs).shape)


def _permute_as(function: Callable, x, *args, **kwargs):
    """Permute the axes as ``function`` does: axis i of the dummy is recognized by its length i."""
    dummy = np.empty(range(x.ndim))
    return np.transpose(x, function(dummy, *args, **kwargs).shape)


def _mean(x, axis=None, keepdims=False):
    return _average(x, axis=axis, keepdims=keepdims)


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
    return _euclidean(x, axis=axis, keepdims=keepdims)


def _clip(x, a_min=None, a_max=None, *, min=None, max=None):
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _sort(x, axis=-1):
    order = np.argsort(plain(x), axis=axis, kind="stable")
    return _rearrange(lambda places: np.take_along_axis(places, order, axis), x)


def _concatenate(parts, axis=0):
    if axis is None:
        parts, axis = [np.ravel(part) for part in parts], 0
    return _join(*parts, axis=axis)


def _pad(x, pad_width, mode="constant"):
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise TypeError(f"np.pad of traced arrays fills in zeros or copies entries, got {mode!r}")
    return _rearrange_with_zeros(np.pad, x, pad_width, mode=mode)


def _stack(parts, axis=0):
    return np.concatenate([np.expand_dims(part, axis) for part in parts], axis=axis)


COMPOSITES.update(
    {
        np.mean: _mean,
        np.dot: _dot,
        np.linalg.norm: _norm,
        np.stack: _stack,
        np.concatenate: _concatenate,
        np.outer: lambda a, b: np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1)),
        np.ravel: lambda x: np.reshape(x, (-1,)),
        np.trace: lambda x, offset=0: np.sum(np.diagonal(x, offset), axis=-1),
        np.pad: _pad,
        np.clip: _clip,
        np.sort: _sort,
        np.copy: lambda x: x,
    }
)
COMPOSITES.update({f: partial(_reshape_as, f) for f in (np.squeeze, np.expand_dims)})
COMPOSITES.update({f: partial(_permute_as, f) for f in (np.swapaxes, np.moveaxis)})
_REARRANGING = (np.flip, np.roll, np.rot90, np.tile, np.repeat, np.take, np.diagonal)
COMPOSITES.update({f: partial(_rearrange, f) for f in (*_REARRANGING, sliding_window_view)})
COMPOSITES.update({f: partial(_rearrange_with_zeros, f) for f in (np.diag, np.triu, np.tril)})

CONSTANTS.update(
    {
        *(np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal),
        *(np.sign, np.floor, np.ceil, np.rint, np.isnan, np.isfinite, np.isinf),
        *(np.argmax, np.argmin, np.argsort, np.shape, np.ndim, np.size),
        *(np.zeros_like, np.ones_like, np.iscomplexobj, np.array_equal, np.allclose),
        *(np.any, np.all, np.count_nonzero, np.nonzero, np.isclose, np.trunc, np.signbit),
        *(np.logical_and, np.logical_or, np.logical_not),
    }
)
