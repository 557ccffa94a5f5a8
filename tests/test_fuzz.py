"""Public functions keep their word on generated arguments: see ``fuzzing``.

``BYHAND_FUZZ_CALLS=100000 python -m pytest tests/test_fuzz.py`` makes more calls, and
``BYHAND_FUZZ_SEED=7`` others.
"""

import os
import random
from collections import Counter

import pytest
from fuzzing import (
    GENERATORS,
    NOT_CALLED,
    backpropagation,
    convolutional_networks,
    hypergradients,
    linear_algebra,
    optimization,
    perform,
    public_names,
    sgd_stability,
)

import byhand

MODULES = [
    backpropagation,
    convolutional_networks,
    hypergradients,
    linear_algebra,
    optimization,
    sgd_stability,
]
CALLS = int(os.environ.get("BYHAND_FUZZ_CALLS", "20000"))
SEED = int(os.environ.get("BYHAND_FUZZ_SEED", "0"))
SLOW = {
    "linear_algebra.symbolic_jacobian",
    "optimization.critical_points",
}
EACH = -(-CALLS // (len(GENERATORS) - len(SLOW)))


@pytest.mark.parametrize("name", GENERATORS)
def test_calls_are_right_or_refused_by_name(name):
    package, short = name.split(".")
    function = getattr(getattr(byhand, package), short)
    outcomes = Counter()
    for k in range(EACH // 10 if name in SLOW else EACH):
        seed = f"{name} {SEED} {k}"
        rng = random.Random(seed)
        call = GENERATORS[name](rng)
        try:
            outcomes[perform(function, call, rng)] += 1
        except Exception as error:
            error.add_note(f"in the call of {name} with seed {seed!r}: {call.arguments}")
            raise
    total = sum(outcomes.values())
    assert outcomes["right"] > total / 5, outcomes  # the second route was taken
    assert outcomes["named"] > total / 10, outcomes


@pytest.mark.parametrize("name", [module.__name__.split(".")[-1] for module in MODULES])
def test_every_public_name_has_a_generator_or_a_reason(name):
    known = {known for known in [*GENERATORS, *NOT_CALLED] if known.startswith(f"{name}.")}
    assert known == public_names(getattr(byhand, name))
    assert not GENERATORS.keys() & NOT_CALLED.keys()
