"""Derivatives in step sizes: of one step, of a whole run, and what they are good for.

Derived in ``chapters/04_hypergradients.ipynb``.

Conventions: step s is w(s) = w(s−1) − η_s ∇L(w(s−1)), so η_s makes w(s), and an array ``etas``
holds η₁ … η_k at indices 0 … k − 1. Least squares is (1/n)‖Xw − t‖², without a factor ½. Every
derivative ∂/∂η_s holds the other step sizes fixed.
"""

from byhand.hypergradients.descent import (
    Run,
    best_step,
    one_step_parabola,
    tuned_descent,
    windowed_descent,
)
from byhand.hypergradients.horizon import (
    best_constant_step,
    farsighted_schedule,
    greedy_schedule,
    last_expected_loss,
    noisy_moments,
    schedule_hypergradients,
)
from byhand.hypergradients.losses import (
    Loss,
    counted,
    from_function,
    hessian,
    least_squares,
    multiplications,
    quadratic,
    quartic,
    terrain_network,
)
from byhand.hypergradients.reversible import (
    Reversible,
    heavy_ball_step,
    multiply_exactly,
    reversible_hypergradients,
    start_reversible,
    undo_heavy_ball_step,
)
from byhand.hypergradients.sweeps import (
    checkpointed_hypergradients,
    final_loss,
    forward_hypergradient,
    hypergradients,
    hypergradients_by_products,
    hypergradients_from_gradients,
    peak_bytes,
    trajectory,
)

__all__ = [
    "Loss",
    "Reversible",
    "Run",
    "best_constant_step",
    "best_step",
    "checkpointed_hypergradients",
    "counted",
    "farsighted_schedule",
    "final_loss",
    "forward_hypergradient",
    "from_function",
    "greedy_schedule",
    "heavy_ball_step",
    "hessian",
    "hypergradients",
    "hypergradients_by_products",
    "hypergradients_from_gradients",
    "last_expected_loss",
    "least_squares",
    "multiplications",
    "multiply_exactly",
    "noisy_moments",
    "one_step_parabola",
    "peak_bytes",
    "quadratic",
    "quartic",
    "reversible_hypergradients",
    "schedule_hypergradients",
    "start_reversible",
    "terrain_network",
    "trajectory",
    "tuned_descent",
    "undo_heavy_ball_step",
    "windowed_descent",
]
