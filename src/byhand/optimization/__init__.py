"""Optimization: first-order methods, Newton's method, and what tells where they go.

Derived in the book's chapter *Optimization* (``chapters/02_optimization.ipynb``). The functions
name its equations; there is a module for each topic, in the order of the chapter:

==================================================  ==============================================
:mod:`~byhand.optimization.smoothness`              smooth functions: ch2-smooth
:mod:`~byhand.optimization.objectives`              functions to minimize: ch2-two-wells,
                                                    ch2-ripples, ch2-least-squares
:mod:`~byhand.optimization.critical`                critical points, exactly, and what they are
:mod:`~byhand.optimization.newton`                  Newton and Raphson's step: ch2-newton
:mod:`~byhand.optimization.optimizer`               what an optimizer is, and how it is run
:mod:`~byhand.optimization.momentum`                ch2-gd, ch2-heavy-ball, ch2-nesterov
:mod:`~byhand.optimization.spectra`                 momentum on a quadratic: ch2-companion,
                                                    ch2-radius
:mod:`~byhand.optimization.adaptive`                ch2-rmsprop, ch2-adam
:mod:`~byhand.optimization.comparison`              the experiments with four optimizers
:mod:`~byhand.optimization.minimum_norm`            the nearest solution: ch2-minimum-norm
:mod:`~byhand.optimization.decay`                   ch2-penalty, ch2-decay
:mod:`~byhand.optimization.tuning`                  the best constant steps: ch2-tuned
:mod:`~byhand.optimization.arithmetic`              what keeps exact numbers exact
:mod:`~byhand.optimization.figures`                 the pictures
==================================================  ==============================================
"""

from byhand._checks import NonFiniteError
from byhand.optimization.adaptive import (
    AdamState,
    RMSPropState,
    adam,
    rmsprop,
)
from byhand.optimization.arithmetic import (
    exact,
)
from byhand.optimization.comparison import (
    final_losses,
    four_optimizers,
    loss_rises,
    working_ranges,
)
from byhand.optimization.critical import (
    classify,
    critical_points,
)
from byhand.optimization.decay import (
    adamw,
    l2_penalty,
    weight_decay,
)
from byhand.optimization.minimum_norm import (
    minimum_norm_solution,
)
from byhand.optimization.momentum import (
    HeavyBallState,
    NesterovState,
    NoState,
    gradient_descent,
    heavy_ball,
    nesterov,
)
from byhand.optimization.newton import (
    newton_raphson,
)
from byhand.optimization.objectives import (
    Objective,
    least_squares,
    quadratic,
    ripples,
    rosenbrock,
    two_wells,
)
from byhand.optimization.optimizer import (
    Optimizer,
    Trajectory,
    replay,
    run,
)
from byhand.optimization.smoothness import (
    gradient_variation,
    linearization_error,
)
from byhand.optimization.spectra import (
    heavy_ball_factor,
    heavy_ball_matrix,
    nesterov_matrix,
    spectral_radius,
)
from byhand.optimization.tuning import (
    Tuning,
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov,
)

__all__ = [
    "AdamState",
    "HeavyBallState",
    "NesterovState",
    "NoState",
    "NonFiniteError",
    "Objective",
    "Optimizer",
    "RMSPropState",
    "Trajectory",
    "Tuning",
    "adam",
    "adamw",
    "classify",
    "critical_points",
    "exact",
    "final_losses",
    "four_optimizers",
    "gradient_descent",
    "gradient_variation",
    "heavy_ball",
    "heavy_ball_factor",
    "heavy_ball_matrix",
    "l2_penalty",
    "least_squares",
    "linearization_error",
    "loss_rises",
    "minimum_norm_solution",
    "nesterov",
    "nesterov_matrix",
    "newton_raphson",
    "quadratic",
    "replay",
    "ripples",
    "rmsprop",
    "rosenbrock",
    "run",
    "spectral_radius",
    "tune_gradient_descent",
    "tune_heavy_ball",
    "tune_nesterov",
    "two_wells",
    "weight_decay",
    "working_ranges",
]
