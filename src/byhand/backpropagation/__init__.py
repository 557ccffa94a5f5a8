"""Chapter 5: derivatives of programs, by a reverse sweep over a tape and by dual numbers.

The same function, written with NumPy, runs on floats, complex numbers, fractions, dual numbers
and tape variables::

    def f(x):
        a = np.exp(x)
        return np.sin(a + a**2)

    grad(f)(0.5)        # reverse mode
    derivative(f)(0.5)  # forward mode

:mod:`~byhand.backpropagation.rules` is the table of derivative rules,
:mod:`~byhand.backpropagation.tracing` records, :mod:`~byhand.backpropagation.sweeps` sweeps.
"""

from byhand.backpropagation.rules import relu, sigmoid, softplus
from byhand.backpropagation.sweeps import (
    derivative,
    grad,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)

__all__ = [
    "derivative",
    "grad",
    "hvp",
    "jacobian",
    "jvp",
    "relu",
    "sigmoid",
    "softplus",
    "value_and_grad",
    "vjp",
]
