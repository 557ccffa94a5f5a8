"""Numerical derivatives of NumPy functions: central differences and the complex step.

Derived in ``chapters/01_linear_algebra.ipynb``, section *How to check a derivative*.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from byhand._checks import NonFiniteError, as_float, finite, floats, function, positive

EPSILON = float(np.finfo(float).eps)
"""The spacing of the floating-point numbers just above 1, 2⁻⁵²."""

SHORTEST = 1e-308
"""The shortest imaginary step by default; shorter ones have fewer digits themselves."""


def central_difference(f: Callable, x, h: float | None = None):
    """Return the Jacobian of ``f`` at ``x`` by central differences, Equation ch1-central.

    For each entry of ``x`` it evaluates ``f`` twice, at that entry plus and minus ``h``. The
    error is about h²|f‴|/6 from cutting Taylor's series off, plus about ε|f|/h from rounding;
    the default step balances the two, which leaves nine to eleven correct digits.

    Parameters
    ----------
    f
        A function of one real array of the shape of ``x`` (of one number, if ``x`` is a
        number), that returns a real number or a real array of fixed shape.
    x
        A real number or array: where to differentiate.
    h
        The step, the same for all entries. By default (3ε)^(1/3)·max(1, |xⱼ|) for entry j,
        about 9·10⁻⁶ for entries up to 1: Equation ch1-optimal-step for |f| = |f‴|. Give a
        shorter step where ``f`` varies over lengths much shorter than |xⱼ|.

    Returns
    -------
    numpy.ndarray or float
        Shape ``f(x).shape + x.shape``; entry [i, j] is ∂fᵢ/∂xⱼ.

    Raises
    ------
    ValueError
        If ``x`` is empty or not finite, ``h`` is not positive and finite or is lost in
        rounding beside an entry of ``x``, or ``f`` returns values that are not finite or
        whose shape varies.
    TypeError
        If ``x`` or a value of ``f`` is not real and numerical.

    Notes
    -----
    W. H. Press et al., *Numerical Recipes*, section 5.7, for the step.

    Examples
    --------
    >>> A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> central_difference(lambda x: A @ x, np.ones(3)).round(8)
    array([[1., 2., 3.],
           [4., 5., 6.]])
    >>> print(f"{central_difference(np.exp, 0.0):.8f}")
    1.00000000
    """
    function("f", f)
    x = _real_point(x)
    h = (3 * EPSILON) ** (1 / 3) * np.maximum(1, np.abs(x)) if h is None else _step(h)
    with np.errstate(over="ignore"):
        above, below = x + h, x - h
    if not np.all((above > x) & (x > below)):
        raise ValueError(f"step h = {h} is lost in rounding beside x = {_some(x)}")
    if not np.all(np.isfinite(above - below)):
        raise ValueError(f"x must stay in the range of floats by h = {h}, got {_some(x)}")

    def column(j):
        values = [_real_value(f, _replaced(x, j, end[j])) for end in (above, below)]
        # Dividing by the step as rounded leaves rounding in f as the only rounding error.
        return _quotient(*values, above[j] - below[j])

    return _jacobian(column, x.shape)


def complex_step(f: Callable, x, h: float | None = None):
    """Return the Jacobian of ``f`` at ``x`` by the complex step, Equation ch1-complex-step.

    For each entry of ``x`` it evaluates ``f`` once, at that entry plus ``ih``, and takes the
    imaginary part over ``h``. No two close numbers are subtracted, so ``h`` can be so small
    that the truncation error h²|f‴|/6 vanishes in rounding. A derivative more than a thousand
    times as large as ``f`` is evaluated again at ``2ih``: it must be the same.

    NumPy forms powers from the 100th on in polar coordinates, where the angle of a negative
    number plus ``ih`` rounds to π. The array that ``f`` is given forms them as products.

    Parameters
    ----------
    f
        A function that NumPy evaluates for complex arguments and that is analytic in each
        entry of ``x``: no ``abs``, ``conj``, ``norm`` or ``vdot`` of anything that depends on
        ``x`` (their values are wrong without notice where they are only a part of ``f``), no
        maximum or rounding. Write the transpose as ``A.T``, |x|² as ``x @ x``.
    x
        A real number or array: where to differentiate.
    h
        The imaginary step. By default 10⁻²⁰; beside an entry below 10⁻¹⁰ it is 10⁻¹⁰·|xⱼ|.
        Derivatives below 10⁻³⁰⁸/h lose digits.

    Returns
    -------
    numpy.ndarray or float
        Shape ``f(x).shape + x.shape``; entry [i, j] is ∂fᵢ/∂xⱼ.

    Raises
    ------
    ValueError
        If ``x`` is empty or not finite, ``h`` is not positive and finite, or ``f`` returns
        values that are not finite or whose shape varies, or whose imaginary part does not grow
        with the step: ``f`` has a branch cut at ``x``, as log and sqrt have at negative numbers.
    TypeError
        If ``x`` is not real and numerical, or ``f`` returns real values for complex arguments.

    Notes
    -----
    W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real
    functions", SIAM Review 40 (1998), 110–112.

    Examples
    --------
    >>> complex_step(lambda x: x[0] * np.exp(x[1]), np.array([2.0, 0.0]))
    array([1., 2.])
    >>> complex_step(np.abs, 1.0)
    Traceback (most recent call last):
    ...
    TypeError: f must return complex values for complex x, got float64: it drops the imaginary \
part (abs, real, norm, a comparison?) or does not depend on x
    """
    function("f", f)
    x = _real_point(x)
    steps = _imaginary_steps(x) if h is None else np.full(x.shape, _step(h))

    def value(j, step):
        moved = _replaced(x.astype(complex), j, complex(x[j], step))
        return _complex_value(f, np.asarray(moved).view(_Analytic))

    def column(j):
        once = value(j, steps[j])
        _check_growth(once, lambda step: value(j, step), steps[j])
        with np.errstate(over="ignore"):
            derivative = once.imag / steps[j]
        if not np.all(np.isfinite(derivative)):
            raise NonFiniteError(f"the derivative must fit a float, got {_some(derivative)}")
        return derivative

    return _jacobian(column, x.shape)


def _imaginary_steps(x: np.ndarray) -> np.ndarray:
    """Return a step for each entry: 10⁻²⁰, and less beside an entry that is nearly 0."""
    relative = np.clip(1e-10 * np.abs(x), SHORTEST, 1e-20)
    return np.where(x == 0, 1e-20, relative)


def _complex_value(f: Callable, x: np.ndarray) -> np.ndarray:
    """Return f at complex numbers, or say that it has no imaginary part."""
    value = _finite_value(f, x)
    if not np.iscomplexobj(value):
        raise TypeError(
            f"f must return complex values for complex x, got {value.dtype}: it drops the "
            "imaginary part (abs, real, norm, a comparison?) or does not depend on x"
        )
    return value


def _check_growth(once: np.ndarray, value: Callable, h: float) -> None:
    """Refuse an imaginary part that is large and does not grow with the step: a branch cut."""
    if h >= 1e-8 or np.all(np.abs(once.imag) <= 1e3 * h * np.abs(once.real)):
        return
    twice = value(2 * h)
    off = np.abs(_difference(twice.imag, 2 * once.imag))
    if np.any(off > 1e-6 * np.abs(twice.imag)):
        raise ValueError(
            f"f must be analytic at x, and real for real x, got {_some(once)} at "
            f"x + {h}i and {_some(twice)} at x + {2 * h}i: a branch cut of log, sqrt or "
            "a power?"
        )


class _Analytic(np.ndarray):
    """Complex numbers whose high integer powers are products, as those below the 100th are."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        plain = [np.asarray(x) if isinstance(x, _Analytic) else x for x in inputs]
        if out is not None:
            options["out"] = tuple(np.asarray(x) if isinstance(x, _Analytic) else x for x in out)
        if ufunc is np.power and method == "__call__" and _high_power(plain[1]):
            result = np.positive(_power(plain[0], int(plain[1])), **options)
        else:
            result = getattr(ufunc, method)(*plain, **options)
        if out is not None:
            return out[0]
        return result if isinstance(result, tuple) else np.asarray(result).view(_Analytic)

    def __getitem__(self, key):
        return np.asarray(super().__getitem__(key)).view(_Analytic)


def _high_power(n) -> bool:
    """Return whether an exponent is an integer that NumPy does not multiply out."""
    return np.ndim(n) == 0 and np.isrealobj(n) and abs(n) >= 100 and n % 1 == 0


def _power(z: np.ndarray, n: int) -> np.ndarray:
    """Return zⁿ by powers below the 100th, which NumPy multiplies out."""
    if abs(n) < 100:
        return np.power(z, n)
    many = int(n / 99)  # towards 0, so that what is left has the sign of n
    return _power(np.power(z, 99), many) * np.power(z, n - 99 * many)


def _real_point(x) -> np.ndarray:
    """Return x as a float array, or say why it cannot be differentiated at."""
    given = np.asarray(x)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"x must be a real number or array, got {given.dtype}: {_some(given)}")
    if given.size == 0:
        raise ValueError(f"x must have at least one entry, got shape {given.shape}")
    return floats("x", x)


def _step(h) -> float:
    """Return h, or say why it is no step."""
    return as_float("step h", positive("step h", h))


def _replaced(x: np.ndarray, j: tuple, entry):
    """Return a copy of x in which entry j is another; a number if x has no axes."""
    x = x.copy()
    x[j] = entry
    return x[()]


def _finite_value(f: Callable, x) -> np.ndarray:
    """Return f(x) as an array of finite numbers, or say what it is instead."""
    value = f(x)
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"f must return numbers, got a masked array at x = {_some(x)}")
    value = np.asarray(value)
    if value.dtype.kind not in "iufc":
        raise TypeError(f"f must return numbers, got {value.dtype} at x = {_some(x)}")
    if not np.all(np.isfinite(value)):
        raise ValueError(f"f must be finite near x, got {_some(value)} at x = {_some(x)}")
    return value


def _real_value(f: Callable, x) -> np.ndarray:
    """Return f(x) as an array of finite real numbers, or say what it is instead."""
    value = _finite_value(f, x)
    if np.iscomplexobj(value):
        raise TypeError(f"f must return real values, got {value.dtype} at x = {_some(x)}")
    return value.astype(float)


def _difference(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return above − below, which must have one shape: broadcasting would hide a fault of f."""
    if above.shape != below.shape:
        raise ValueError(f"f must keep its shape near x, got {above.shape} and {below.shape}")
    return above - below


def _quotient(above: np.ndarray, below: np.ndarray, width: float) -> np.ndarray:
    """Return (above − below)/width, or say that it is out of range."""
    with np.errstate(over="ignore"):
        quotient = _difference(above, below) / width
        if not np.all(np.isfinite(quotient)):
            quotient = above / width - below / width
    finite("the difference quotient of f", quotient)
    return quotient


def _jacobian(column: Callable, shape: tuple):
    """Return the array of shape f.shape + shape whose [..., j] is column(j)."""
    columns = [np.asarray(column(j)) for j in np.ndindex(shape)]
    shapes = {c.shape for c in columns}
    if len(shapes) > 1:
        raise ValueError(f"f must keep its shape near x, got {sorted(shapes)}")
    return np.stack(columns, axis=-1).reshape(columns[0].shape + shape)[()]


def _some(x) -> str:
    """Return an array as short text."""
    return np.array2string(np.asarray(x), threshold=6, edgeitems=2).replace("\n", "")
