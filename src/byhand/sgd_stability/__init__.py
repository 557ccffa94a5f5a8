"""SGD on a one-dimensional quadratic: moments, exact law, and three kinds of stability.

The average loss is f(w) = (1/N) Σ hₙw²/2. Every step draws one n uniformly, independently of all
other draws and of w(0), and moves to w(t) = (1 − ηhₙ)·w(t−1) (equation ch3-step). The curvatures
h₁ … h_N may have any sign, but their mean must be positive, so that f has its minimum at w = 0.

Throughout, ``h`` is a sequence of N such curvatures, ``eta`` a step size η ≥ 0, ``t`` a number of
steps, and w(0) = 1 unless a function takes another start.

Chapter 3, *SGD stability*, derives what is computed here. Fractions and integers go in and
fractions come out wherever no logarithm is taken; moments, factors and thresholds of the first
two kinds take SymPy symbols as well.
"""

from byhand.sgd_stability.directions import (
    operator_threshold,
    rank_one_hessians,
    second_moment_operator,
)
from byhand.sgd_stability.dynamics import (
    epoch_factor,
    factors,
    growth_rates,
    lyapunov_exponent,
    mean_and_variance,
    mean_factor,
    moment_recursion,
    run,
    square_factor,
)
from byhand.sgd_stability.law import (
    LogLaw,
    LogSample,
    draw_counts,
    exact_law,
    log_law,
    log_moment,
    peak_probability,
    sample,
    sample_mean,
    sample_paths,
    simulate,
)
from byhand.sgd_stability.thresholds import (
    almost_sure_set,
    batch_curvatures,
    batch_variance,
    best_steps,
    mean_square_threshold,
    mean_threshold,
    tail_index,
)

__all__ = [
    "LogLaw",
    "LogSample",
    "almost_sure_set",
    "batch_curvatures",
    "batch_variance",
    "best_steps",
    "draw_counts",
    "epoch_factor",
    "exact_law",
    "factors",
    "growth_rates",
    "log_law",
    "log_moment",
    "lyapunov_exponent",
    "mean_and_variance",
    "mean_factor",
    "mean_square_threshold",
    "mean_threshold",
    "moment_recursion",
    "operator_threshold",
    "peak_probability",
    "rank_one_hessians",
    "run",
    "sample",
    "sample_mean",
    "sample_paths",
    "second_moment_operator",
    "simulate",
    "square_factor",
    "tail_index",
]
