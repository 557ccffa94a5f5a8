"""Convolutional networks: the operations, their adjoints, and what follows from a specification.

:mod:`~byhand.convolutional_networks.layout` says where a filter lies;
:mod:`~byhand.convolutional_networks.operations` convolves and cross-correlates,
:mod:`~byhand.convolutional_networks.pooling` pools, beside their adjoints, exactly on integers;
:mod:`~byhand.convolutional_networks.layers` counts neurons, parameters and arithmetic;
:mod:`~byhand.convolutional_networks.training` makes of them a function that can be trained;
:mod:`~byhand.convolutional_networks.receptive` finds what a neuron sees;
:mod:`~byhand.convolutional_networks.recovery` undoes a convolution as far as it can be undone.

Chapter 6, *Convolutional networks*, derives what is computed here.
"""

from byhand.convolutional_networks.layers import (
    AveragePool,
    Conv,
    Count,
    Dense,
    MaxPool,
    StepCount,
    count,
    dense_twin,
    forward,
    initialize,
    output_shape,
    shapes,
    spatial,
    step_multiply_adds,
    total,
)
from byhand.convolutional_networks.layout import Geometry, geometry
from byhand.convolutional_networks.operations import (
    circular_convolve,
    convolve,
    cross_correlate,
    filter_gradient,
    flip,
    transposed_cross_correlate,
)
from byhand.convolutional_networks.pooling import (
    average_pool,
    average_pool_gradient,
    max_pool,
    max_pool_gradient,
)
from byhand.convolutional_networks.receptive import (
    Field,
    energy_profile,
    gradient_energy,
    input_gradient,
    reached,
    receptive_fields,
    spread,
)
from byhand.convolutional_networks.recovery import binary_solutions, matrix_of, parts
from byhand.convolutional_networks.training import pack, scores, unpack

__all__ = [
    "AveragePool",
    "Conv",
    "Count",
    "Dense",
    "Field",
    "Geometry",
    "MaxPool",
    "StepCount",
    "average_pool",
    "average_pool_gradient",
    "binary_solutions",
    "circular_convolve",
    "convolve",
    "count",
    "cross_correlate",
    "dense_twin",
    "energy_profile",
    "filter_gradient",
    "flip",
    "forward",
    "geometry",
    "gradient_energy",
    "initialize",
    "input_gradient",
    "matrix_of",
    "max_pool",
    "max_pool_gradient",
    "output_shape",
    "pack",
    "parts",
    "reached",
    "receptive_fields",
    "scores",
    "shapes",
    "spatial",
    "spread",
    "step_multiply_adds",
    "total",
    "transposed_cross_correlate",
    "unpack",
]
