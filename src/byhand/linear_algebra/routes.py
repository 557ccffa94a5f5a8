"""All routes to a derivative, side by side.

Derived in ``chapters/01_linear_algebra.ipynb``, section *The workshop*.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from byhand._checks import floats
from byhand.linear_algebra.numerical import central_difference, complex_step
from byhand.linear_algebra.symbolic import symbolic_jacobian


def derivative_routes(f: Callable, x) -> dict[str, np.ndarray]:
    """Return the Jacobian of ``f`` at ``x`` by SymPy, differences, complex step, reverse mode.

    A formula that was derived by hand is the fifth route: ``verify(…, by_hand=formula,
    **derivative_routes(f, x), rtol=1e-9)``.

    Parameters
    ----------
    f
        A function of one float array of the shape of ``x`` (one number, if ``x`` is a
        number), made of operations that NumPy performs on floats, complex numbers and symbols
        alike: ``+ - * / ** @``, sums, indexing, ``np.stack``.
    x
        A float array or number: where to differentiate.

    Returns
    -------
    dict
        Name of the route → array of shape ``f(x).shape + x.shape``.

    Raises
    ------
    ValueError, TypeError
        As :func:`central_difference`, :func:`complex_step` and :func:`symbolic_jacobian` do.

    Examples
    --------
    >>> for name, J in derivative_routes(lambda x: x[0] * x[1], np.array([2.0, 3.0])).items():
    ...     print(f"{name:18} {J.round(8)}")
    symbolic           [3. 2.]
    central_difference [3. 2.]
    complex_step       [3. 2.]
    reverse_mode       [3. 2.]
    """
    from byhand.backpropagation import jacobian  # here, so that either package may use the other

    x = floats("x", x)[()]
    return {
        "symbolic": symbolic_jacobian(f, x),
        "central_difference": central_difference(f, x),
        "complex_step": complex_step(f, x),
        "reverse_mode": jacobian(f)(x),
    }
