"""The two sweeps: reverse mode along a tape, forward mode with dual numbers.

Chapter 5 derives the reverse sweep in D4.3 and the forward sweep in D5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from byhand._checks import one_of
from byhand.backpropagation.rules import fit
from byhand.backpropagation.tracing import Dual, Traced, Variable, new_level, plain


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
    ValueError
        When called, if the value of f is not a scalar.

    Examples
    --------
    >>> value_and_grad(lambda w, x: np.sum(w * x) ** 2)(np.array([1.0, 2.0]), 3.0)
    (np.float64(81.0), array([54., 54.]))
    """

    def wrapped(x, *args, **kwargs):
        tape, leaves, y = record(f, x, *args, **kwargs)
        if np.shape(y) != ():
            raise ValueError(
                f"the gradient needs a scalar value, got shape {np.shape(y)}; use vjp or jacobian"
            )
        return _value(y, tape), _pull_back(tape, leaves, y, None)

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
    tape, leaves, y = record(f, tree_map(_copy, x))

    def pullback(g):
        if np.shape(g) != np.shape(y):
            raise ValueError(f"the adjoint needs shape {np.shape(y)}, got {np.shape(g)}")
        return _pull_back(tape, leaves, y, _leaf(g))

    return _value(y, tape), pullback


def jvp(f: Callable, x: Any, v: Any) -> tuple[Any, Any]:
    """Return f(x) and its derivative in the direction v, the Jacobian–vector product J v.

    One forward sweep with the dual number x + vε (Equation ch5-dual-chain).

    Parameters
    ----------
    f
        A function of one argument.
    x, v
        Arrays of the same shape, or tuples, lists or dictionaries of such.

    Raises
    ------
    ValueError
        If v does not have the shape of x.

    Examples
    --------
    >>> jvp(lambda x: np.sum(x * x), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    (np.float64(5.0), np.float64(2.0))
    """
    level = new_level()
    y = f(tree_map(lambda a, t: _dual(_leaf(a), level, _leaf(t)), x, v))
    split = tree_map(lambda part: _split(part, level), y)
    return tree_map(lambda pair: pair.value, split), tree_map(lambda pair: pair.tangent, split)


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
    one_of("mode", mode, ("reverse", "forward"))

    def by_rows(x):
        y, pullback = vjp(f, x)
        rows = [pullback(unit) for unit in _units(np.shape(y))]
        return np.reshape(np.stack(rows), np.shape(y) + np.shape(x))

    def by_columns(x):
        columns = [jvp(f, x, unit)[1] for unit in _units(np.shape(x))]
        return np.reshape(np.stack(columns, axis=-1), np.shape(columns[0]) + np.shape(x))

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
    """Run f on variables; return the tape, the variables in the place of x, and the value."""
    level, tape = new_level(), []

    def variable(a):
        value = _leaf(a)
        tape.append((None, value, (), {}, ()))
        return Variable(value, level, tape, len(tape) - 1)

    leaves = tree_map(variable, x)
    return tape, leaves, f(leaves, *args, **kwargs)


def adjoints(tape: list, last: int, seed: Any) -> list:
    """Return the adjoint of every value on a tape, given that of the ``last``.

    A tape lists every operation after those that it needs, so running through it backwards is
    a reverse topological order: no search, no recursion. An adjoint collects a part from each
    use of its value (Equation ch5-reverse); ``None`` means that ``last`` does not depend on it.
    """
    bars: list[Any] = [None] * len(tape)
    bars[last] = seed
    for k in range(last, -1, -1):
        g = bars[k]
        if g is None:
            continue
        rule, y, args, kwargs, parents = tape[k]
        for i, parent in parents:
            pull = rule.pulls[i]
            if pull is None:
                continue
            part = pull(g, y, *args, **kwargs) if kwargs else pull(g, y, *args)
            shape = getattr(args[i], "shape", ())
            if getattr(part, "shape", ()) != shape:
                part = fit(part, shape)
            seen = bars[parent]
            bars[parent] = part if seen is None else seen + part
    return bars


def _pull_back(tape: list, leaves: Any, y: Any, seed: Any) -> Any:
    bars: list[Any] = [None] * len(tape)
    if _is_on(y, tape):
        bars = adjoints(tape, y.index, _one(y.value) if seed is None else seed)

    def bar(leaf):
        return 0 * leaf.value if bars[leaf.index] is None else bars[leaf.index]

    return tree_map(bar, leaves)


def _is_on(y: Any, tape: list) -> bool:
    return isinstance(y, Variable) and y.tape is tape


def _value(y: Any, tape: list) -> Any:
    return y.value if _is_on(y, tape) else y


def _one(y: Any) -> Any:
    dtype = getattr(y, "dtype", np.dtype(object))
    return y**0 if dtype.kind == "O" else dtype.type(1)  # y**0 is a Fraction if y is one


def _leaf(a: Any) -> Any:
    """Return a number or array as one that can be differentiated: integers become floats."""
    if isinstance(a, Traced) or (type(a) is np.ndarray and a.dtype == np.float64):
        return a
    a = np.asarray(a)
    if a.dtype.kind in "biu":
        a = a.astype(float)
    elif a.dtype.kind not in "fcO":
        raise TypeError(f"cannot differentiate with respect to {a.dtype} values")
    return a[()]


def _copy(a: Any) -> Any:
    return a if isinstance(a, Traced) else np.array(a)[()]


def _dual(value: Any, level: int, tangent: Any) -> Dual:
    if np.shape(value) != np.shape(tangent):
        raise ValueError(f"the direction needs shape {np.shape(value)}, got {np.shape(tangent)}")
    return Dual(value, level, tangent)


def _split(y: Any, level: int) -> Dual:
    """Return y as a dual number of this level: with perturbation 0 if it has none."""
    return y if isinstance(y, Dual) and y.level == level else Dual(y, level, 0 * y)


def _units(shape: tuple[int, ...]) -> np.ndarray:
    """Return the unit vectors of a space of arrays."""
    n = int(np.prod(shape))
    return np.eye(n).reshape(n, *shape)


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
            leaves = [tree_map(function, leaf) for leaf in tree]
        return type(tree)(*leaves) if hasattr(tree, "_fields") else type(tree)(leaves)
    if isinstance(tree, dict):
        return {k: tree_map(function, a, *(o[k] for o in others)) for k, a in tree.items()}
    return function(tree, *others)
