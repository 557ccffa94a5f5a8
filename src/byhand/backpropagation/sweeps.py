"""The two sweeps: reverse mode along a tape, forward mode with dual numbers.

Chapter 5 derives the reverse sweep in D4.3 and the forward sweep in D5.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from byhand import _checks
from byhand.backpropagation.rules import fit, scatter
from byhand.backpropagation.tracing import (
    DOUBLE,
    RULES,
    Dual,
    Sweep,
    Traced,
    Variable,
    exact,
    has_nan,
    plain,
    require_open,
    silent,
    without_undetermined,
    zeros_like,
)


def value_and_grad(f: Callable) -> Callable:
    """Return a function that gives f and its gradient with respect to the first argument.

    Parameters
    ----------
    f
        A function whose value is a scalar. Its first argument is a number, an array of any
        shape, or a tuple, list or dictionary of such; further arguments are constants.

    Returns
    -------
    Callable
        ``(x, *args, **kwargs) → (f(x, …), gradient)``; the gradient is built like x.

    Raises
    ------
    TypeError
        When called, if x is not made of numbers, or f returns none.
    ValueError
        When called, if x is empty or not finite, if the value of f is not a scalar, or if the
        derivative is not determined: a difference ∞ − ∞ of slopes.

    Notes
    -----
    The gradient has the type of x: float32 for float32, fractions for fractions; integers become
    floats. Its parts are new arrays, which share nothing with x or each other. What f computes
    with is recorded as it is at that time, whatever becomes of it later. The rules at kinks and
    for infinite slopes are in :mod:`byhand.backpropagation.rules`.

    Examples
    --------
    >>> value_and_grad(lambda w, x: np.sum(w * x) ** 2)(np.array([1.0, 2.0]), 3.0)
    (np.float64(81.0), array([54., 54.]))
    """

    def wrapped(x, *args, **kwargs):
        tape, leaves, y = record(f, x, *args, **kwargs)
        if shape := np.shape(plain(y)):
            raise ValueError(
                f"the gradient needs a scalar value, got shape {shape}; use vjp or jacobian"
            )
        return _value(y, _is_on(y, tape)), _pull_back(tape, leaves, y, plain(y) ** 0)

    return wrapped


def grad(f: Callable) -> Callable:
    """Return the gradient of a scalar function with respect to its first argument.

    One reverse sweep (Equation ch5-reverse); for the parameters see :func:`value_and_grad`. As
    rules are themselves written with NumPy, gradients can be differentiated again.

    Examples
    --------
    >>> grad(lambda x: x * x)(3.0)
    np.float64(6.0)
    >>> grad(grad(lambda x: x**3))(2.0)
    np.float64(12.0)
    """
    with_value = value_and_grad(f)
    return lambda x, *args, **kwargs: with_value(x, *args, **kwargs)[1]


def vjp(f: Callable, x: Any) -> tuple[Any, Callable]:
    """Return f(x) and its pullback g ↦ gᵀJ, the vector–Jacobian product.

    The pullback may be called as often as one likes: each call is a sweep of its own.

    Raises
    ------
    ValueError
        From the pullback, if g does not have the shape of f(x).

    Examples
    --------
    >>> y, pullback = vjp(np.sin, np.array([0.0, np.pi]))
    >>> pullback(np.array([1.0, 10.0]))
    array([  1., -10.])
    """
    tape, leaves, y = record(f, x)
    shape = np.shape(plain(y))

    def pullback(g):
        g = g if 0 in shape else _leaf(g, "the adjoint")
        if np.shape(g) != shape:
            raise ValueError(f"the adjoint needs shape {shape}, got {np.shape(g)}")
        return _pull_back(tape, leaves, y, _as_type_of(plain(y), g, set()))

    return _value(y, _is_on(y, tape)), pullback


def jvp(f: Callable, x: Any, v: Any) -> tuple[Any, Any]:
    """Return f(x) and its derivative in the direction v, the Jacobian-vector product J v.

    One forward sweep with the dual number x + vε (Equation ch5-dual-chain).

    Parameters
    ----------
    f
        A function of one argument.
    x, v
        Arrays of the same shape, or tuples, lists or dictionaries of such.

    Raises
    ------
    TypeError, ValueError
        If x or v is not made of finite numbers, or v is not built like x.

    Examples
    --------
    >>> jvp(lambda x: np.sum(x * x), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    (np.float64(5.0), np.float64(2.0))
    """
    _checks.function("f", f)
    _require_alike(x, v)
    with Sweep() as level:
        y = f(tree_map(lambda a, t: _dual(_leaf(a), level, _leaf(t, "v")), x, v))
        y = tree_map(_result, y)
    value = tree_map(lambda part: _value(part, _moves(part, level)), y)
    return value, tree_map(lambda part: _tangent(part, level), y)


def derivative(f: Callable) -> Callable:
    """Return the derivative of a function of one number, by a dual number (Equation ch5-dual).

    Given an array, f must act on each entry by itself; the result is the derivative at each.

    Examples
    --------
    >>> derivative(np.exp)(0.0)
    np.float64(1.0)
    >>> derivative(lambda x: x * derivative(lambda y: x + y)(1.0))(1.0)
    np.float64(1.0)
    """

    def wrapped(x):
        return jvp(f, x, tree_map(lambda a: plain(_leaf(a)) ** 0, x))[1]

    return wrapped


def jacobian(f: Callable, mode: str = "reverse") -> Callable:
    """Return the Jacobian of a function of arrays, of shape ``(*f(x).shape, *x.shape)``.

    Parameters
    ----------
    f
        A function of one array.
    mode
        "reverse": one sweep for each output, which yields a row; "forward": one sweep for
        each input, which yields a column.

    Raises
    ------
    ValueError
        If ``mode`` is neither.

    Examples
    --------
    >>> jacobian(lambda x: x[:1] * x)(np.array([2.0, 3.0]))
    array([[4., 0.],
           [3., 2.]])
    """
    _checks.one_of("mode", mode, ("reverse", "forward"))

    def by_rows(x):
        y, pullback = vjp(f, _one_array(x))
        rows = [pullback(unit) for unit in _units(y)]
        return _stacked(rows, 0, np.shape(y) + np.shape(x))

    def by_columns(x):
        _checks.function("f", f)
        units = _units(_leaf(_one_array(x)))
        columns = [jvp(lambda x: _result(f(x)), x, unit)[1] for unit in units]
        return _stacked(columns, -1, np.shape(columns[0]) + np.shape(x))

    return by_rows if mode == "reverse" else by_columns


def hvp(f: Callable, x: Any, v: Any) -> Any:
    """Return the Hessian of a scalar function times a vector, forward over reverse.

    The derivative of the gradient in the direction v (Equation ch5-hvp): about the price of two
    gradients, whatever the number of variables.

    Examples
    --------
    >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([3.0, 5.0]), np.array([1.0, 0.0]))
    array([10.,  6.])
    """
    return jvp(grad(f), x, v)[1]


# -- the tape --------------------------------------------------------------------------------------


def record(f: Callable, x: Any, *args: Any, **kwargs: Any) -> tuple[list, Any, Any]:
    """Run f on variables; return the tape, the variables in the place of x, and the value.

    The variables are the first entries of the tape, in order.

    Raises
    ------
    TypeError
        If x is not made of numbers, or f does not return a number or an array of numbers.
    """
    _checks.function("f", f)
    tape: list = []
    with Sweep() as level:

        def variable(a):
            value = _leaf(a)
            tape.append((None, value, (), {}, ()))
            return Variable(value, level, tape, len(tape) - 1)

        leaves = tree_map(variable, x)
        if not tape:
            raise ValueError(f"x must not be empty, got {x!r}")
        y = f(leaves, *args, **kwargs)
        return tape, leaves, _result(y)


def adjoints(
    tape: list, last: int, seed: Any, *, keep: bool = False, careful: bool = False
) -> list:
    """Return the adjoint of every value on a tape, given that of the ``last``.

    A tape lists every operation after those that it needs, so running through it backwards is
    a reverse topological order: no search, no recursion. An adjoint collects a part from each
    use of its value (Equation ch5-reverse); ``None`` means that ``last`` does not depend on it.
    The parts that come from ``x[index]`` wait until x is reached: a loop over the entries of x
    would otherwise add as many arrays of its size, all but one entry 0.
    An adjoint that has been passed on is let go, so that its memory serves the next, unless all are
    to be kept; those of the inputs remain. A ``careful`` sweep looks for products 0·∞ and
    makes them 0.
    """
    bars: list[Any] = [None] * len(tape)
    bars[last] = seed
    picked: dict[int, tuple[list, list]] = {}
    picking = RULES[operator.getitem]
    for k in range(last, -1, -1):
        if picked and k in picked:
            bars[k] = _with_picked(bars[k], tape[k][1], *picked.pop(k))
        g, (rule, y, args, kwargs, parents) = bars[k], tape[k]
        if g is None or rule is None:  # without influence, or an input
            continue
        if rule is picking:
            parts, indices = picked.setdefault(parents[0][1], ([], []))
            parts.append(g)
            indices.append(kwargs["index"])
            continue
        pulls = rule.pulls
        of_all = pulls(g, y, args, **kwargs) if rule.joint else None
        for i, parent in parents:
            if of_all is not None:
                part = of_all[i]
            elif (pull := pulls[i]) is None:
                continue
            else:
                part = pull(g, y, *args, **kwargs)
            if type(part) is not np.ndarray or part.dtype is not DOUBLE:
                part = exact(part)
            if careful and rule.elementwise:
                part = without_undetermined(part, g, y)
            shape = getattr(args[i], "shape", ())
            if getattr(part, "shape", ()) != shape:
                part = fit(part, shape)
            bars[parent] = part if bars[parent] is None else bars[parent] + part
        if not keep:
            bars[k] = None
    return bars


def _with_picked(bar: Any, x: Any, parts: list, indices: list) -> Any:
    """Return an adjoint with the parts that came from ``x[index]``, put into one array together."""
    whole = exact(scatter(*parts, indices=indices, shape=np.shape(x)))
    return whole if bar is None else bar + whole


def _pull_back(tape: list, leaves: Any, y: Any, seed: Any) -> Any:
    """Return the adjoints of the variables in the place of x, as arrays of their own."""
    if not _is_on(y, tape):
        return tree_map(lambda leaf: zeros_like(leaf.value), leaves)
    inputs = []
    for rule, value, *_ in tape:
        if rule is not None:
            break
        inputs.append(value)
    with silent():
        bars = adjoints(tape, y.index, seed)[: len(inputs)]
        if any(map(has_nan, bars)):
            bars = adjoints(tape, y.index, seed, careful=True)[: len(inputs)]
            _require_determined(y.value, bars)
    found, seen = [], set()
    for value, bar in zip(inputs, bars, strict=True):
        alike = type(bar) is type(value) is np.ndarray and bar.dtype is value.dtype is DOUBLE
        if alike and bar.base is None and id(bar) not in seen:
            seen.add(id(bar))
            found.append(bar)
        else:
            found.append(zeros_like(value) if bar is None else _as_type_of(value, bar, seen))
    return tree_map(lambda leaf: found[leaf.index], leaves)


def _require_determined(y: Any, derivatives: list) -> None:
    """Refuse a derivative that is not a number where f is one.

    Raises
    ------
    ValueError
        If there is one.
    """
    if any(map(has_nan, derivatives)) and _checks.all_finite(np.asarray(plain(y))):
        raise ValueError(
            "the derivative is not determined: where f is evaluated, slopes are infinite and "
            "their difference ∞ − ∞ has no value"
        )


def _as_type_of(x: Any, derivative: Any, seen: set[int] | None = None) -> Any:
    """Return a derivative in the type of x where both are floats, in an array of its own.

    What may belong to others is copied: a part of a larger array, what has been ``seen`` before,
    and everything where nobody keeps a list of that.
    """
    if isinstance(derivative, Traced):
        return derivative
    dtype = getattr(x, "dtype", np.dtype(object))
    if dtype.kind == "O" and np.asarray(derivative).dtype in (np.float16, np.float32):
        dtype = DOUBLE  # small floats beside exact numbers
    if type(derivative) is np.ndarray:
        derivative = _floats_beside_floats(dtype, derivative)
        if derivative.dtype != dtype and derivative.dtype.kind == dtype.kind == "f":
            derivative = derivative.astype(dtype)
        elif derivative.base is not None or seen is None or id(derivative) in seen:
            derivative = derivative.copy()
        else:
            seen.add(id(derivative))
        return derivative if derivative.ndim else derivative[()]
    new = np.asarray(derivative)
    return (new.astype(dtype) if new.dtype.kind == dtype.kind == "f" else new)[()]


def _floats_beside_floats(dtype: np.dtype, derivative: np.ndarray) -> np.ndarray:
    """Return rational numbers as floats if x or one of them is a float."""
    if derivative.dtype.char != "O":
        return derivative
    exact = dtype.kind == "O" and not any(isinstance(d, float) for d in derivative.flat)
    try:
        return derivative if exact else np.asarray(derivative, float)
    except (TypeError, OverflowError):  # a symbol, or out of range
        return derivative


def _is_on(y: Any, tape: list) -> bool:
    return isinstance(y, Variable) and y.tape is tape


def _moves(y: Any, level: int) -> bool:
    return isinstance(y, Dual) and y.level == level


def _value(y: Any, of_this_sweep: bool) -> Any:
    """Return the value of a result, as an array that nothing else refers to."""
    y = y.value if of_this_sweep else y
    return y.copy() if isinstance(y, np.ndarray) else y


def _result(y: Any) -> Any:
    """Return what a function to be differentiated has returned, if that is numbers.

    Raises
    ------
    TypeError
        If it is not.
    """
    if isinstance(y, Traced):
        require_open(y)
        return y
    if y is None:
        raise TypeError("f must return a number or an array, got None: is its return missing?")
    if isinstance(y, (tuple, list, dict, set)):
        kind = type(y).__name__
        raise TypeError(f"f must return a number or one array, got a {kind}; use np.stack")
    kind = np.asarray(y).dtype.kind
    if kind not in "iufcO" or isinstance(y, np.ma.MaskedArray):
        raise TypeError(f"f must return numbers, got {y!r}")
    return y


def _leaf(a: Any, name: str = "x") -> Any:
    """Return a number or array to differentiate by: a copy, in which integers became floats."""
    if type(a) is np.ndarray and a.dtype is DOUBLE and a.ndim and a.size and _checks.all_finite(a):
        return a.copy()  # as below, of nearly all arrays
    if isinstance(a, Traced):
        require_open(a)
        return a
    array = _checks.numbers(name, a, small=True, allow_complex=True)
    return array if array.ndim else array[()]


def _dual(value: Any, level: int, tangent: Any) -> Dual:
    if np.shape(value) != np.shape(tangent):
        raise ValueError(
            f"v, the direction, needs shape {np.shape(value)}, got {np.shape(tangent)}"
        )
    return Dual(value, level, _as_type_of(value, tangent))


def _require_alike(x: Any, v: Any) -> None:
    """Require of a direction that it is built like the point."""
    if isinstance(x, dict):
        alike, parts = isinstance(v, dict) and v.keys() == x.keys(), x
    elif isinstance(x, (tuple, list)):
        listed = isinstance(v, (tuple, list)) or (type(v) is np.ndarray and v.ndim)
        alike, parts = listed and len(v) == len(x), range(len(x))
    else:
        return
    if not x:
        raise ValueError(f"x must not be empty, got {x!r}")
    if not alike:
        raise ValueError(f"v must be built like x, {x!r}, got {v!r}")
    for k in parts:
        _require_alike(x[k], v[k])


def _tangent(y: Any, level: int) -> Any:
    """Return the perturbation of a result: 0 if it has none of this level."""
    if not _moves(y, level):
        return zeros_like(y)
    _require_determined(y.value, [y.tangent])
    return _as_type_of(y.value, y.tangent)


def _one_array(x: Any) -> Any:
    if isinstance(x, (tuple, list, dict)):
        raise TypeError(f"x must be one array, got a {type(x).__name__}")
    return x


def _units(a: Any) -> Iterator[np.ndarray]:
    """Yield the unit vectors of the space of a, in its type; all at once may be too much."""
    a = np.asarray(plain(a))
    for k in range(a.size):
        unit = np.zeros(a.size, a.dtype)
        unit[k] = 1
        yield unit.reshape(a.shape)


def _stacked(parts: list, axis: int, shape: tuple[int, ...]) -> Any:
    """Return the rows or columns of a Jacobian as one array."""
    return np.reshape(np.stack(parts, axis=axis), shape) if parts else np.zeros(shape)


def tree_map(function: Callable, tree: Any, *others: Any) -> Any:
    """Apply a function to every leaf of nested tuples, lists and dictionaries.

    Examples
    --------
    >>> tree_map(lambda a, b: a + b, (1, {"w": 2}), (10, {"w": 20}))
    (11, {'w': 22})
    """
    if isinstance(tree, (tuple, list)):
        if others:
            leaves = [tree_map(function, *group) for group in zip(tree, *others, strict=True)]
        else:
            leaves = [
                tree_map(function, leaf) if isinstance(leaf, _BRANCHING) else function(leaf)
                for leaf in tree
            ]
        return type(tree)(*leaves) if hasattr(tree, "_fields") else type(tree)(leaves)
    if isinstance(tree, dict):
        return {k: tree_map(function, a, *(o[k] for o in others)) for k, a in tree.items()}
    return function(tree, *others)


_BRANCHING = (tuple, list, dict)
