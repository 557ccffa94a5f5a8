"""Linear algebra: derivatives by hand, and the means to check them.

Chapter 1 (``chapters/01_linear_algebra.ipynb``) derives what is here. The numerical derivatives
of :mod:`~byhand.linear_algebra.numerical` are what all chapters check their formulas with.

Layout: the *numerator layout* throughout. The derivative of f with respect to x has the shape
``f(x).shape + x.shape``, so that entry [i, j] is ∂fᵢ/∂xⱼ.
"""

from byhand.linear_algebra.eigen import Eigenpair, contraction_coefficient, power_iteration
from byhand.linear_algebra.implicit import implicit_jacobian, implicit_vjp, inverse_derivative
from byhand.linear_algebra.numerical import central_difference, complex_step
from byhand.linear_algebra.symbolic import symbolic_jacobian

__all__ = [
    "Eigenpair",
    "central_difference",
    "complex_step",
    "contraction_coefficient",
    "implicit_jacobian",
    "implicit_vjp",
    "inverse_derivative",
    "power_iteration",
    "symbolic_jacobian",
]
