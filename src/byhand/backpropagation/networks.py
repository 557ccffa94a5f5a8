"""The small networks of chapter 5, and the experiments on how to start them.

Sections B3.1 (one regularized neuron), B3.2 (initialization), C-gradients (the two-layer network
of sheet C) and *Beyond the sheets* (handwritten digits).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

from byhand._bisection import last_where as last_where  # chapter 5 takes it from here
from byhand._checks import generator, integer, one_of
from byhand.backpropagation.rules import relu, sigmoid
from byhand.backpropagation.sweeps import grad, jacobian, value_and_grad, vjp
from byhand.backpropagation.tracing import plain
from byhand.optimization import Optimizer

# -- one neuron with a penalty (B3.1) --------------------------------------------------------------


def neuron_loss(w, b, x, t, penalty=0):
    """Return ½(σ(wᵀx + b) − t)² + ½λ‖w‖², Equation ch5-neuron-loss.

    Parameters
    ----------
    w, x
        Weights and input, shape (n,).
    b, t
        Bias and target, numbers.
    penalty
        λ ≥ 0.

    Examples
    --------
    >>> neuron_loss(np.array([1.0, -1.0]), 0.0, np.array([2.0, 2.0]), 1.0, penalty=0.1)
    np.float64(0.225)
    """
    residual = sigmoid(w @ x + b) - t
    return residual**2 / 2 + penalty * (w @ w) / 2


def neuron_gradient(w, b, x, t, penalty=0):
    """Return ∂L/∂w of shape (n,) and ∂L/∂b by hand, Equation ch5-neuron-gradient.

    Parameters as for :func:`neuron_loss`.

    Examples
    --------
    >>> neuron_gradient(np.array([1.0, -1.0]), 0.0, np.array([2.0, 2.0]), 1.0, penalty=0.1)
    (array([-0.15, -0.35]), np.float64(-0.125))
    """
    z = w @ x + b
    y = sigmoid(z)
    delta = (y - t) * y * sigmoid(-z)  # 1 − y, also where y has rounded to 1
    return delta * x + penalty * w, delta


# -- the network of sheet C (C-gradients) ----------------------------------------------------------


def two_layer_loss(params, x, y):
    """Return ½(y − ŷ)² for ŷ = ReLU(w₂ ReLU(w₁x + b₁) + b₂), Equation ch5-network-c.

    Parameters
    ----------
    params
        (w₁, b₁, w₂, b₂): floats, fractions or traced values.
    x, y
        Input and target.

    Examples
    --------
    >>> from fractions import Fraction
    >>> two_layer_loss((Fraction(1, 2), 0, Fraction(3, 10), 0), 2, 5)
    Fraction(2209, 200)
    """
    w1, b1, w2, b2 = params
    h = relu(w1 * x + b1)
    error = y - relu(w2 * h + b2)
    return error**2 / 2


# -- layered networks ------------------------------------------------------------------------------


def unpack(params, sizes: Sequence[int]):
    """Cut a vector of parameters into [(W, b), …], W of shape (fan_in, fan_out).

    Raises
    ------
    ValueError
        If the vector has another length than the sizes need.

    Examples
    --------
    >>> [(W.shape, b.shape) for W, b in unpack(np.zeros(13), [2, 3, 1])]
    [((2, 3), (3,)), ((3, 1), (1,))]
    """
    needed = sum((m + 1) * n for m, n in itertools.pairwise(sizes))
    if np.shape(params) != (needed,):
        raise ValueError(
            f"layers of {list(sizes)} need {needed} parameters, got shape {np.shape(params)}"
        )
    layers, start = [], 0
    for m, n in itertools.pairwise(sizes):
        W = params[start : start + m * n].reshape((m, n))
        b = params[start + m * n : start + (m + 1) * n]
        layers.append((W, b))
        start += (m + 1) * n
    return layers


def multilayer(params, X, sizes: Sequence[int], activation: Callable = np.tanh):
    """Return the outputs, shape (samples, sizes[-1]), of a network whose last layer is linear.

    Examples
    --------
    >>> multilayer(np.ones(13), np.zeros((5, 2)), [2, 3, 1]).round(4)[0]
    array([3.2848])
    """
    *hidden, (W, b) = unpack(params, sizes)
    for V, c in hidden:
        X = activation(X @ V + c)
    return X @ W + b


# -- how to start (B3.2) ---------------------------------------------------------------------------

SCHEMES = ("zero", "constant", "too small", "Xavier", "He", "too large")
ACTIVATIONS = {"sigmoid": sigmoid, "tanh": np.tanh, "ReLU": relu, "linear": lambda z: z}


def initial_weights(rng: np.random.Generator, scheme: str, fan_in: int, fan_out: int):
    """Return initial weights of shape (fan_in, fan_out).

    "Xavier" draws from N(0, 2/(fan_in + fan_out)), "He" from N(0, 2/fan_in); "too small" has
    half of Xavier's standard deviation, "too large" twice that of He, and "constant" sets every
    weight to Xavier's standard deviation.

    Raises
    ------
    ValueError
        If the scheme is unknown.
    TypeError
        If ``rng`` is no generator.

    References
    ----------
    X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural
    networks, AISTATS 2010. K. He, X. Zhang, S. Ren and J. Sun, Delving deep into rectifiers,
    ICCV 2015.

    Examples
    --------
    >>> initial_weights(np.random.default_rng(0), "constant", 4, 4)[0]
    array([0.5, 0.5, 0.5, 0.5])
    """
    one_of("scheme", scheme, SCHEMES)
    generator("rng", rng)
    xavier = np.sqrt(2 / (fan_in + fan_out))
    he = np.sqrt(2 / fan_in)
    if scheme in ("zero", "constant"):
        return np.full((fan_in, fan_out), xavier if scheme == "constant" else 0.0)
    scales = {"too small": xavier / 2, "Xavier": xavier, "He": he, "too large": 2 * he}
    return scales[scheme] * rng.normal(size=(fan_in, fan_out))


class Profile(NamedTuple):
    """Mean squares by layer: of the activations, and of the loss's derivatives by the sums z."""

    forward: np.ndarray
    backward: np.ndarray


def depth_profile(
    scheme: str, activation: str, rng: np.random.Generator, depth=20, width=100, samples=50
) -> Profile:
    """Send random inputs forward and random adjoints backward through a network at its start.

    For ReLU, Equation ch5-variance says what to expect.

    Parameters
    ----------
    scheme
        One of ``SCHEMES``.
    activation
        One of ``ACTIVATIONS``.
    rng
        Draws inputs from N(0, 1), weights, and signs as adjoints of the last activations.
    depth, width, samples
        Number of layers, units in each, and inputs.

    Returns
    -------
    Profile
        Two arrays of shape (depth,), from the first layer to the last.

    Raises
    ------
    ValueError
        If scheme or activation is unknown, or a size not positive.
    TypeError
        If ``rng`` is no generator, or a size no integer.

    Examples
    --------
    >>> profile = depth_profile("zero", "sigmoid", np.random.default_rng(0), depth=3)
    >>> profile.forward, profile.backward
    (array([0.25, 0.25, 0.25]), array([0.    , 0.    , 0.0625]))
    """
    one_of("activation", activation, tuple(ACTIVATIONS))
    generator("rng", rng)
    integer("depth", depth, 1), integer("width", width, 1), integer("samples", samples, 1)
    weights = [initial_weights(rng, scheme, width, width) for _ in range(depth)]
    X = rng.normal(size=(samples, width))
    signs = rng.choice([-1.0, 1.0], size=(samples, width))

    def run(probes):
        h, layers = X, []
        for W, probe in zip(weights, probes, strict=True):
            h = ACTIVATIONS[activation](probe + h @ W)
            layers.append(h)
        return np.stack(layers)

    # The adjoint of a zero that is added to the sums z of a layer is the adjoint of z.
    outputs, pullback = vjp(run, np.zeros((depth, samples, width)))
    seed = np.zeros_like(outputs)
    seed[-1] = signs
    mean_square = [np.mean(a**2, axis=(1, 2)) for a in (outputs, pullback(seed))]
    return Profile(*mean_square)


XOR = (
    np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
    np.array([[0.0], [1.0], [1.0], [0.0]]),
)
"""Inputs, shape (4, 2), and targets, shape (4, 1), of exclusive or."""


def squared_error(params, X, targets, sizes: Sequence[int], penalty=0.0):
    """Return the mean squared error of a tanh network, plus penalty·‖params‖².

    Raises
    ------
    ValueError
        If the targets do not have the shape of the outputs: they are not repeated.

    Examples
    --------
    >>> squared_error(np.zeros(9), *XOR, [2, 2, 1])
    np.float64(0.5)
    """
    outputs = multilayer(params, X, sizes)
    if np.shape(targets) != np.shape(outputs):
        needed, got = np.shape(outputs), np.shape(targets)
        raise ValueError(f"targets must have the outputs' shape {needed}, got {got}")
    residual = outputs - targets
    error = np.mean(residual * residual)
    if isinstance(penalty, int | float) and penalty == 0:
        return error
    return error + penalty * np.sum(params * params)


def make_units_identical(params, sizes: Sequence[int]):
    """Return the parameters of a network in which every hidden unit is a copy of the first.

    Examples
    --------
    >>> make_units_identical(np.arange(9.0), [2, 2, 1])
    array([0., 0., 2., 2., 4., 4., 6., 6., 8.])
    """
    if len(sizes) != 3:
        raise ValueError(f"one hidden layer is needed, got sizes {list(sizes)}")
    (W, b), (V, c) = unpack(np.asarray(params), sizes)
    first = [0] * sizes[1]
    return np.concatenate([part.ravel() for part in (W[:, first], b[first], V[first], c)])


def critical_point_of_identical_units(start, X, targets, sizes: Sequence[int], penalty: float):
    """Return a point where the gradient of :func:`squared_error` is 0 and all units are equal.

    Minimizes over networks whose hidden units are copies of one another, then takes Newton
    steps in all parameters; the gradient shares the units' symmetry, and so do the steps.

    Parameters
    ----------
    start
        Where to start: parameters of which the first hidden unit is used.
    X, targets, sizes, penalty
        As for :func:`squared_error`.

    Examples
    --------
    >>> point = critical_point_of_identical_units(np.arange(9.0), *XOR, [2, 2, 1], 1e-3)
    >>> bool(np.abs(grad(squared_error)(point, *XOR, [2, 2, 1], 1e-3)).max() < 1e-12)
    True
    """
    tie = np.array([make_units_identical(unit, sizes) for unit in np.eye(len(start))])

    def loss(params):
        return squared_error(params, X, targets, sizes, penalty)

    def tied(params):
        value, gradient = value_and_grad(loss)(params @ tie)
        return value, tie @ gradient

    point = scipy.optimize.minimize(tied, start, jac=True).x @ tie
    for _ in range(10):
        hessian = jacobian(grad(loss))(point)
        point = point - np.linalg.solve(hessian, grad(loss)(point))
    return point


# -- a classifier (beyond the sheets) --------------------------------------------------------------


def cross_entropy(params, X, labels, sizes: Sequence[int]):
    """Return the mean of −log softmax(outputs)[label], Equation ch5-cross-entropy.

    The largest output of each sample is subtracted first, so that nothing overflows; it is a
    constant to the derivative, which it does not change.

    Raises
    ------
    TypeError
        If the labels are no integers.
    ValueError
        If there is not one for each sample, or one is no class: they do not count from the end.

    Examples
    --------
    >>> float(cross_entropy(np.zeros(13 * 3), np.ones((4, 12)), [0, 1, 2, 0], [12, 3]).round(12))
    1.098612288668
    """
    return entropy_of_scores(multilayer(params, X, sizes), labels)


def entropy_of_scores(scores, labels):
    """Return the mean of −log softmax(scores)[label], for scores of shape (samples, classes).

    Raises
    ------
    TypeError, ValueError
        As :func:`cross_entropy`.

    Examples
    --------
    >>> float(entropy_of_scores(np.zeros((4, 3)), [0, 1, 2, 0]).round(12))
    1.098612288668
    """
    labels = _classes(labels, *np.shape(plain(scores)))
    scores = scores - np.max(np.real(plain(scores)), axis=1, keepdims=True)
    log_total = np.log(np.sum(np.exp(scores), axis=1))
    return np.mean(log_total - scores[np.arange(len(labels)), labels])


def cross_entropy_gradient(params, X, labels, sizes: Sequence[int]):
    """Return the gradient of :func:`cross_entropy`, its backward pass written out by hand.

    The slope of tanh is 1 − h² here, as on paper: where h rounds to ±1 it is 0, and only the
    derivative rule of the two sweeps still knows how small it is.

    Raises
    ------
    TypeError, ValueError
        As :func:`cross_entropy`.

    Examples
    --------
    >>> cross_entropy_gradient(np.zeros(6), np.ones((2, 2)), [0, 1], [2, 2])
    array([0., 0., 0., 0., 0., 0.])
    """
    labels = _classes(labels, len(X), sizes[-1])
    layers = unpack(params, sizes)
    inputs = [X]
    for W, b in layers[:-1]:
        inputs.append(np.tanh(inputs[-1] @ W + b))
    scores = inputs[-1] @ layers[-1][0] + layers[-1][1]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    delta = shares / shares.sum(axis=1, keepdims=True)
    delta[np.arange(len(X)), labels] -= 1
    delta /= len(X)
    parts = []
    for h, (W, _) in zip(inputs[::-1], layers[::-1], strict=True):
        parts = [(h.T @ delta).ravel(), delta.sum(axis=0), *parts]
        delta = (delta @ W.T) * (1 - h * h)
    return np.concatenate(parts)


def _classes(labels, samples: int, classes: int) -> np.ndarray:
    """Return a vector of class numbers, one for each sample."""
    found = np.asarray(labels)
    if found.dtype.kind not in "iu" or isinstance(labels, np.ma.MaskedArray):
        raise TypeError(f"labels must be integers, got {labels!r}")
    if found.shape != (samples,):
        raise ValueError(f"labels must have shape {(samples,)}, got {found.shape}")
    if samples and not 0 <= found.min() <= found.max() < classes:
        wrong = found[(found < 0) | (found >= classes)][0]
        raise ValueError(f"labels must lie in 0 … {classes - 1}, got {wrong}")
    return found


class Training(NamedTuple):
    """The final parameters and the loss of each mini-batch on the way."""

    params: np.ndarray
    losses: np.ndarray


def train(
    value_and_gradient: Callable,
    params,
    X,
    labels,
    optimizer: Optimizer,
    rng: np.random.Generator,
    *,
    epochs: int,
    batch: int,
) -> Training:
    """Minimize a loss over mini-batches, each epoch in a new random order.

    Parameters
    ----------
    value_and_gradient
        ``(params, X, labels) → (loss, gradient)``.
    params
        Where to start.
    X, labels
        The training set, samples first.
    optimizer
        From :mod:`byhand.optimization`.
    rng
        Draws the orders.
    epochs, batch
        Number of passes, and samples in a mini-batch; a last incomplete one is left out.

    Raises
    ------
    ValueError
        If the batch is larger than the training set, or sizes are not positive.
    TypeError
        If sizes are no integers, or ``rng`` is no generator.

    Examples
    --------
    >>> from byhand.optimization import gradient_descent
    >>> step = value_and_grad(lambda w, X, t: np.mean((X @ w - t) ** 2))
    >>> X, t = np.eye(2), np.array([1.0, 2.0])
    >>> rng = np.random.default_rng(0)
    >>> train(step, np.zeros(2), X, t, gradient_descent(0.5), rng, epochs=9, batch=2).losses[:3]
    array([2.5    , 0.625  , 0.15625])
    """
    epochs, batch = integer("epochs", epochs), integer("batch", batch)
    if not 1 <= batch <= len(X) or epochs < 1:
        raise ValueError(
            f"need 1 ≤ batch ≤ {len(X)} samples and epochs ≥ 1, got {batch} and {epochs}"
        )
    generator("rng", rng)
    state, losses = optimizer.init(params), []
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for start in range(0, len(X) - batch + 1, batch):
            chosen = order[start : start + batch]
            loss, gradient = value_and_gradient(params, X[chosen], labels[chosen])
            params, state = optimizer.update(gradient, state, params)
            losses.append(loss)
    return Training(params, np.array(losses))


def initial_parameters(rng: np.random.Generator, sizes: Sequence[int]) -> np.ndarray:
    """Return Xavier weights and zero biases of a layered network, as one vector.

    Examples
    --------
    >>> initial_parameters(np.random.default_rng(0), [2, 3, 1]).shape
    (13,)
    """
    parts: list[Any] = []
    for m, n in itertools.pairwise(sizes):
        parts += [initial_weights(rng, "Xavier", m, n).ravel(), np.zeros(n)]
    return np.concatenate(parts)
