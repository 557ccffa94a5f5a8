"""Conventions: ours, with the right argument, against what PyTorch and JAX/optax document.

Each recurrence is written out from a documentation page, which is named above it. Where the
libraries are installed, the same recurrences are compared with the libraries themselves. The
page reference/conventions.md names the test of each of its rows.
"""

import importlib
import math
import os
import re
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from byhand.backpropagation import grad, jacobian, relu
from byhand.convolutional_networks import (
    AveragePool,
    Conv,
    MaxPool,
    convolve,
    cross_correlate,
    max_pool_gradient,
    receptive_fields,
)
from byhand.optimization import (
    adam,
    adamw,
    exact,
    gradient_descent,
    heavy_ball,
    l2_penalty,
    least_squares,
    nesterov,
    replay,
    rmsprop,
    weight_decay,
)

PAGE = Path(__file__).parents[1] / "reference" / "conventions.md"
RNG = np.random.default_rng(0)
START = RNG.normal(size=3)
GRADIENTS = RNG.normal(size=(7, 3))
RATES = [0.1, 0.1, 0.1, 0.02, 0.02, 0.05, 0.05]
LARGE = 0.3  # an ε whose place shows


def path(optimizer):
    return replay(optimizer, GRADIENTS, START).params[1:]


def same(a, b):
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-12, atol=1e-14)


# -- recurrences as documented ------------------------------------------------------------------


def torch_sgd(lr, momentum, dampening=0.0, weight_decay=0.0, nesterov=False):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html: b₁ = g₁."""
    theta, b, points = START, None, []
    for t, g in enumerate(GRADIENTS, start=1):
        g = g + weight_decay * theta
        b = momentum * b + (1 - dampening) * g if t > 1 else g
        step = g + momentum * b if nesterov else b
        theta = theta - (lr[t - 1] if isinstance(lr, list) else lr) * step
        points.append(theta)
    return np.array(points)


def torch_rmsprop(lr, alpha=0.99, eps=1e-8):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html."""
    theta, v, points = START, 0, []
    for g in GRADIENTS:
        v = alpha * v + (1 - alpha) * g**2
        theta = theta - lr * g / (np.sqrt(v) + eps)
        points.append(theta)
    return np.array(points)


def torch_adam(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=0.0):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html, and AdamW.html.

    ``weight_decay`` is Adam's, ``decoupled`` is AdamW's: θ ← θ − γλθ before the step.
    """
    theta, m, v, points = START, 0, 0, []
    for t, g in enumerate(GRADIENTS, start=1):
        g = g + weight_decay * theta
        theta = theta - lr * decoupled * theta
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
        points.append(theta)
    return np.array(points)


def optax_sgd(learning_rate, momentum, nesterov=False):
    """https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.sgd: m₀ = 0."""
    theta, m, points = START, 0, []
    for t, g in enumerate(GRADIENTS):
        m = g + momentum * m
        alpha = learning_rate[t] if isinstance(learning_rate, list) else learning_rate
        theta = theta - alpha * (g + momentum * m if nesterov else m)
        points.append(theta)
    return np.array(points)


def optax_rmsprop(learning_rate, decay=0.9, eps=1e-8, initial_scale=0.0, eps_in_sqrt=True):
    """https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.rmsprop."""
    theta, nu, points = START, initial_scale, []
    for g in GRADIENTS:
        nu = decay * nu + (1 - decay) * g**2
        scale = np.sqrt(nu + eps) if eps_in_sqrt else np.sqrt(nu) + eps
        theta = theta - learning_rate * g / scale
        points.append(theta)
    return np.array(points)


def optax_adam(learning_rate, b1=0.9, b2=0.999, eps=1e-8, eps_root=0.0, weight_decay=0.0):
    """https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.adam, and #optax.adamw."""
    theta, m, v, points = START, 0, 0, []
    for t, g in enumerate(GRADIENTS, start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        step = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t) + eps_root) + eps)
        theta = theta - learning_rate * (step + weight_decay * theta)
        points.append(theta)
    return np.array(points)


# -- the rows of the page: optimizers -----------------------------------------------------------


def scheduled(**conventions):
    """Return the points of a heavy ball whose learning rate changes on the way."""
    params, state, points = START, None, []
    for rate, g in zip(RATES, GRADIENTS, strict=True):
        optimizer = heavy_ball(rate, 0.9, **conventions)
        state = optimizer.init(params) if state is None else state
        params, state = optimizer.update(g, state, params)
        points.append(params)
    return np.array(points)


def test_rate():
    for rate in ("inside", "outside"):
        assert same(path(heavy_ball(0.1, 0.9, rate=rate)), torch_sgd(0.1, 0.9))
        assert same(path(heavy_ball(0.1, 0.9, rate=rate)), optax_sgd(0.1, 0.9))
    # Only a learning rate that changes tells them apart.
    assert same(scheduled(rate="outside"), torch_sgd(RATES, 0.9))
    assert same(scheduled(rate="outside"), optax_sgd(RATES, 0.9))
    assert not same(scheduled(rate="inside"), torch_sgd(RATES, 0.9))


def test_sign():
    # Both libraries add the gradient to the velocity, as ``b`` and ``m`` above.
    b = [np.zeros(3)]
    for g in GRADIENTS:
        b.append(0.9 * b[-1] + g)
    down = replay(heavy_ball(0.1, 0.9, rate="outside", velocity="added"), GRADIENTS, START)
    up = replay(heavy_ball(0.1, 0.9, rate="outside", velocity="subtracted"), GRADIENTS, START)
    assert same([state.velocity for state in up.states], b)
    assert same([state.velocity for state in down.states], -np.array(b))
    assert same(up.params, down.params)
    assert same(up.params[1:], torch_sgd(0.1, 0.9))
    # Sheets A and C, with the learning rate inside: exactly opposite velocities.
    g, eta, beta = exact(["-6/5", "-4/5"]), Fraction(1, 10), Fraction(9, 10)
    for velocity, sign in (("subtracted", 1), ("added", -1)):
        optimizer = heavy_ball(eta, beta, rate="inside", velocity=velocity)
        last = replay(optimizer, g.reshape(2, 1), exact([0])).states[-1].velocity
        assert last[0] == sign * eta * (beta * g[0] + g[1])


def test_first_step():
    ours = heavy_ball(0.1, 0.9, rate="outside")
    assert same(path(ours), torch_sgd(0.1, 0.9))
    # PyTorch's dampening spares the first gradient, so it is no common factor.
    dampened = np.concatenate([GRADIENTS[:1], 0.6 * GRADIENTS[1:]])
    assert same(replay(ours, dampened, START).params[1:], torch_sgd(0.1, 0.9, dampening=0.4))
    scaled = replay(ours, 0.6 * GRADIENTS, START).params[1:]
    assert not same(scaled, torch_sgd(0.1, 0.9, dampening=0.4))


def test_nesterov():
    ours = replay(nesterov(0.1, 0.9), GRADIENTS, START)
    assert same(ours.params[1:], torch_sgd(0.1, 0.9, nesterov=True))
    assert same(ours.params[1:], optax_sgd(0.1, 0.9, nesterov=True))
    # The points that the gradient steps reach are another sequence.
    reached = [state.reached for state in ours.states[1:]]
    assert not same(reached, torch_sgd(0.1, 0.9, nesterov=True))
    assert same(reached[0], START - 0.1 * GRADIENTS[0])


def test_rmsprop_eps():
    inside = path(rmsprop(0.1, 0.9, LARGE, epsilon_inside=True))
    outside = path(rmsprop(0.1, 0.9, LARGE, epsilon_inside=False))
    assert same(outside, torch_rmsprop(0.1, 0.9, LARGE))
    assert same(inside, optax_rmsprop(0.1, 0.9, LARGE))
    assert same(outside, optax_rmsprop(0.1, 0.9, LARGE, eps_in_sqrt=False))
    assert not same(inside, outside)


def test_rmsprop_start():
    ours = path(rmsprop(0.1, 0.9, LARGE, epsilon_inside=True, initial=1))
    assert same(ours, optax_rmsprop(0.1, 0.9, LARGE, initial_scale=1.0))
    assert not same(ours, optax_rmsprop(0.1, 0.9, LARGE))
    # The defaults of decay and ε.
    assert same(path(rmsprop(0.1, epsilon_inside=True)), optax_rmsprop(0.1))
    assert same(path(rmsprop(0.1, 0.99, epsilon_inside=False)), torch_rmsprop(0.1))


def test_adam_eps():
    outside = path(adam(0.1, epsilon=LARGE))
    inside = path(adam(0.1, epsilon=LARGE, epsilon_inside=True))
    assert same(outside, torch_adam(0.1, eps=LARGE))
    assert same(outside, optax_adam(0.1, eps=LARGE))
    assert same(inside, optax_adam(0.1, eps=0.0, eps_root=LARGE))
    assert not same(inside, outside)


def test_adam_bias():
    ours = replay(adam(0.1, 0.9, 0.99), GRADIENTS, START)
    assert same(ours.params[1:], torch_adam(0.1, (0.9, 0.99)))
    assert same(ours.params[1:], optax_adam(0.1, 0.9, 0.99))
    # 1 − β₁ᵗ, not (1 − β₁)ᵗ: these agree in the first step only.
    by_power_of_beta = [s.m / (1 - 0.9**s.step) for s in ours.states[1:]]
    as_printed = [s.m / (1 - 0.9) ** s.step for s in ours.states[1:]]
    assert same([s.m_hat for s in ours.states[1:]], by_power_of_beta)
    assert same(as_printed[0], by_power_of_beta[0])
    assert not same(as_printed[1], by_power_of_beta[1])


def test_penalty():
    # Their λ is the factor of ½‖θ‖², ours of ‖θ‖².
    assert same(
        path(l2_penalty(heavy_ball(0.1, 0.9, rate="outside"), 0.05)),
        torch_sgd(0.1, 0.9, weight_decay=0.1),
    )
    assert same(path(l2_penalty(adam(0.1), 0.05)), torch_adam(0.1, weight_decay=0.1))
    assert not same(path(l2_penalty(adam(0.1), 0.1)), torch_adam(0.1, weight_decay=0.1))


def test_weight_decay():
    # Their λ is multiplied by the learning rate, ours is not.
    assert same(path(adamw(0.1, decay=0.1 * 0.2)), torch_adam(0.1, decoupled=0.2))
    assert same(path(adamw(0.1, decay=0.1 * 0.2)), optax_adam(0.1, weight_decay=0.2))
    assert not same(path(adamw(0.1, decay=0.2)), torch_adam(0.1, decoupled=0.2))
    # For gradient descent decay and penalty are one: λ̃ = λ/(2η).
    decayed = weight_decay(gradient_descent(0.1), 0.02)
    assert same(path(decayed), path(l2_penalty(gradient_descent(0.1), 0.1)))
    assert same(path(decayed), torch_sgd(0.1, 0.0, weight_decay=0.2))


# -- the rows of the page: losses, derivatives, convolutions ------------------------------------


def test_squared_loss():
    X, t, w = RNG.normal(size=(5, 3)), RNG.normal(size=5), RNG.normal(size=3)
    squares = [(sum(X[i, j] * w[j] for j in range(3)) - t[i]) ** 2 for i in range(5)]
    # https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html: the mean.
    assert math.isclose(least_squares(X, t).value(w), sum(squares) / 5)
    # https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.l2_loss: ½, no mean.
    l2_loss = [s / 2 for s in squares]
    assert math.isclose(least_squares(X, t).value(w), 2 * sum(l2_loss) / 5)


def test_layout():
    A, x, y = np.arange(6.0).reshape(2, 3), np.array([1.0, 5.0, 7.0]), np.array([2.0, -3.0])
    # https://docs.pytorch.org/docs/stable/generated/torch.func.jacrev.html and
    # https://docs.jax.dev/en/latest/_autosummary/jax.jacobian.html: rows follow the output.
    rows = [[A[i, j] for j in range(3)] for i in range(2)]
    assert same(jacobian(lambda x: A @ x)(x), rows)
    # https://docs.jax.dev/en/latest/_autosummary/jax.grad.html: a gradient has the shape of x,
    # the column ∇f. In numerator layout the same numbers are a row.
    assert same(
        grad(lambda x: y @ A @ x)(x), [sum(y[i] * A[i, j] for i in (0, 1)) for j in (0, 1, 2)]
    )
    assert jacobian(lambda x: (y @ A @ x)[None])(x).shape == (1, 3)
    assert jacobian(lambda X: X[0] * X)(np.ones((2, 3))).shape == (2, 3, 2, 3)


TIED = np.array([1.0, 3.0, 3.0])


def test_kinks():
    # https://docs.pytorch.org/docs/stable/notes/autograd.html (non-differentiable functions) and
    # https://docs.jax.dev/en/latest/_autosummary/jax.nn.relu.html: 0 at the kink.
    assert grad(relu)(0.0) == grad(abs)(0.0) == 0
    # https://docs.pytorch.org/docs/stable/generated/torch.amax.html: ties share the gradient.
    assert grad(np.max)(TIED).tolist() == [0, 0.5, 0.5]
    assert max_pool_gradient([[1, 3], [3, 0]], [[1.0]], 2).tolist() == [[0, 0.5], [0.5, 0]]


IMAGE, FILTER = RNG.integers(-4, 5, size=(5, 7)), RNG.integers(-4, 5, size=(3, 2))


def test_flip():
    # https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html, and
    # https://docs.jax.dev/en/latest/_autosummary/jax.lax.conv_general_dilated.html.
    as_it_is, turned = np.zeros((2, 3, 6), dtype=int)
    for i in range(3):
        for j in range(6):
            for a in range(3):
                for b in range(2):
                    as_it_is[i, j] += FILTER[a, b] * IMAGE[i + a, j + b]
                    turned[i, j] += FILTER[2 - a, 1 - b] * IMAGE[i + a, j + b]
    assert np.array_equal(cross_correlate(IMAGE, FILTER), as_it_is)
    # https://docs.jax.dev/en/latest/_autosummary/jax.scipy.signal.convolve.html turns the filter.
    assert np.array_equal(convolve(IMAGE, FILTER), turned)
    assert not np.array_equal(as_it_is, turned)


@pytest.mark.parametrize(("size", "stride"), [(7, 1), (7, 2), (8, 2), (9, 3), (10, 3), (8, 4)])
def test_padding(size, stride):
    # https://docs.jax.dev/en/latest/_autosummary/jax.lax.conv_general_dilated.html: an odd zero
    # goes to the end; https://www.tensorflow.org/api_docs/python/tf/nn: ⌈n/s⌉ outputs.
    outputs = -(-size // stride)
    for w in ([2, 3], [2, 3, 5], [2, 3, 5, 7]):
        zeros = max((outputs - 1) * stride + len(w) - size, 0)
        x, taps = np.arange(1, size + 1), range(len(w))
        padded = [0] * (zeros // 2) + list(x) + [0] * (zeros - zeros // 2)
        expected = [sum(w[a] * padded[stride * i + a] for a in taps) for i in range(outputs)]
        image, bar = np.tile(x, (3, 1)), np.array([[0 * n for n in w], w, [0 * n for n in w]])
        ours = cross_correlate(image, bar, padding="same", stride=(1, stride))
        assert ours[1].tolist() == expected


NETWORKS = [
    ([Conv(1, 5), MaxPool(2), Conv(1, 5)], 14),
    ([Conv(1, 3, dilation=2), AveragePool(3, 2), Conv(1, 3, stride=2)], 11),
    ([Conv(1, 3, padding=1), Conv(1, 3, padding=1, stride=2), Conv(1, 3, padding=1)], 9),
]


@pytest.mark.parametrize(("layers", "size"), NETWORKS)
def test_field(layers, size):
    # https://distill.pub/2019/computing-receptive-fields/ counts as we do: all pixels from the
    # first to the last that the neuron depends on. Neuron 10 is far from the border.
    pixels = {10}
    for layer in reversed(layers):
        stride = layer.stride or layer.size
        dilation, padding = getattr(layer, "dilation", 1), getattr(layer, "padding", "valid")
        start = 0 if padding == "valid" else -padding
        pixels = {stride * i + dilation * a + start for i in pixels for a in range(layer.size)}
    assert max(pixels) - min(pixels) + 1 == size
    assert receptive_fields(layers, (1, 64, 64))[-1].size == size


# -- the libraries themselves -------------------------------------------------------------------


def peer(module):
    """Return a library that `make peers` brings; `make compare` does not do without."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if os.environ.get("BYHAND_PEERS") == "required":
            return importlib.import_module(module)
        return pytest.importorskip(module)


@pytest.fixture
def torch():
    return peer("torch")


@pytest.fixture
def optax():
    optax, jax = peer("optax"), peer("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield optax
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize(
    ("name", "options", "documented"),
    [
        ("SGD", {"momentum": 0.9}, lambda: torch_sgd(0.1, 0.9)),
        ("SGD", {"momentum": 0.9, "dampening": 0.4}, lambda: torch_sgd(0.1, 0.9, 0.4)),
        ("SGD", {"momentum": 0.9, "nesterov": True}, lambda: torch_sgd(0.1, 0.9, nesterov=True)),
        ("SGD", {"momentum": 0.9, "weight_decay": 0.1}, lambda: torch_sgd(0.1, 0.9, 0, 0.1)),
        ("RMSprop", {}, lambda: torch_rmsprop(0.1)),
        ("RMSprop", {"alpha": 0.9, "eps": LARGE}, lambda: torch_rmsprop(0.1, 0.9, LARGE)),
        ("Adam", {}, lambda: torch_adam(0.1)),
        ("Adam", {"eps": LARGE}, lambda: torch_adam(0.1, eps=LARGE)),
        ("Adam", {"weight_decay": 0.1}, lambda: torch_adam(0.1, weight_decay=0.1)),
        ("AdamW", {"weight_decay": 0.2}, lambda: torch_adam(0.1, decoupled=0.2)),
        ("AdamW", {}, lambda: torch_adam(0.1, decoupled=0.01)),
    ],
)
def test_pytorch_optimizes_as_documented(torch, name, options, documented):
    theta = torch.tensor(START, requires_grad=True)
    optimizer = getattr(torch.optim, name)([theta], lr=0.1, **options)
    points = []
    for g in GRADIENTS:
        theta.grad = torch.tensor(g)
        optimizer.step()
        points.append(theta.detach().numpy().copy())
    assert same(points, documented())


def test_pytorch_keeps_the_rate_outside(torch):
    theta = torch.tensor(START, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=0.1, momentum=0.9)
    for rate, g in zip(RATES, GRADIENTS, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        theta.grad = torch.tensor(g)
        optimizer.step()
    assert same(theta.detach().numpy(), torch_sgd(RATES, 0.9)[-1])


def test_pytorch_differentiates_as_documented(torch):
    A, x = torch.tensor(RNG.normal(size=(2, 3))), torch.zeros(3, dtype=torch.float64)
    assert torch.func.jacrev(lambda x: A @ x)(x).shape == (2, 3)
    assert torch.func.grad(lambda x: (A @ x).sum())(x).shape == (3,)
    for kink in (torch.relu, torch.abs):
        assert torch.func.grad(kink)(torch.tensor(0.0)) == 0
    for largest in (torch.amax, torch.max):
        assert torch.func.grad(largest)(torch.tensor(TIED)).tolist() == [0, 0.5, 0.5]
    loss = torch.nn.MSELoss()(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 5.0]))
    assert loss == (1 + 9) / 2


def test_pytorch_pools_to_the_first(torch):
    pool = torch.nn.MaxPool2d(2)
    x = torch.tensor([[[[1.0, 3.0], [3.0, 0.0]]]], requires_grad=True)
    pool(x).sum().backward()
    assert x.grad.tolist() == [[[[0, 1], [0, 0]]]]


def test_pytorch_convolves_as_documented(torch):
    x, w = (torch.tensor(a[None, None].astype(float)) for a in (IMAGE, FILTER))
    conv2d = torch.nn.functional.conv2d
    assert np.array_equal(conv2d(x, w)[0, 0].numpy(), cross_correlate(IMAGE, FILTER))
    bar = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    ours = cross_correlate(IMAGE, np.ones((3, 3), dtype=int), padding="same")
    assert np.array_equal(conv2d(x, bar, padding="same")[0, 0].numpy(), ours)
    with pytest.raises(RuntimeError, match="stride"):
        conv2d(x, bar, padding="same", stride=2)


def test_pytorch_sees_the_same_field(torch):
    nn = torch.nn
    network = nn.Sequential(nn.Conv2d(1, 1, 5), nn.AvgPool2d(2), nn.Conv2d(1, 1, 5))
    x = torch.zeros(1, 1, 64, 64, requires_grad=True)
    network(x)[0, 0, 10, 10].backward()
    seen = np.flatnonzero(x.grad[0, 0].abs().sum(axis=0).numpy())
    layers = [Conv(1, 5), AveragePool(2), Conv(1, 5)]
    assert seen[-1] - seen[0] + 1 == receptive_fields(layers, (1, 64, 64))[-1].size == 14


@pytest.mark.parametrize(
    ("name", "options", "documented"),
    [
        ("sgd", {"momentum": 0.9}, lambda: optax_sgd(0.1, 0.9)),
        ("sgd", {"momentum": 0.9, "nesterov": True}, lambda: optax_sgd(0.1, 0.9, True)),
        ("rmsprop", {}, lambda: optax_rmsprop(0.1)),
        ("rmsprop", {"eps": LARGE}, lambda: optax_rmsprop(0.1, eps=LARGE)),
        (
            "rmsprop",
            {"eps": LARGE, "eps_in_sqrt": False, "initial_scale": 1.0},
            lambda: optax_rmsprop(0.1, 0.9, LARGE, 1.0, False),
        ),
        ("adam", {}, lambda: optax_adam(0.1)),
        ("adam", {"eps": 0.1, "eps_root": LARGE}, lambda: optax_adam(0.1, eps=0.1, eps_root=LARGE)),
        ("adamw", {}, lambda: optax_adam(0.1, weight_decay=1e-4)),
        ("adamw", {"weight_decay": 0.2}, lambda: optax_adam(0.1, weight_decay=0.2)),
    ],
)
def test_optax_optimizes_as_documented(optax, name, options, documented):
    assert same(optax_path(optax, getattr(optax, name)(0.1, **options)), documented())


def optax_path(optax, optimizer):
    jnp = peer("jax.numpy")
    theta, points = jnp.asarray(START), []
    state = optimizer.init(theta)
    for g in GRADIENTS:
        updates, state = optimizer.update(jnp.asarray(g), state, theta)
        theta = optax.apply_updates(theta, updates)
        points.append(np.asarray(theta))
    return points


def test_optax_keeps_the_rate_outside(optax):
    jnp = peer("jax.numpy")
    optimizer = optax.sgd(lambda step: jnp.asarray(RATES)[step], momentum=0.9)
    assert same(optax_path(optax, optimizer), optax_sgd(RATES, 0.9))


def test_optax_adds_a_penalty_as_documented(optax):
    """https://optax.readthedocs.io/en/latest/api/transformations.html#optax.add_decayed_weights."""
    optimizer = optax.chain(optax.add_decayed_weights(0.1), optax.adam(0.1))
    assert same(optax_path(optax, optimizer), path(l2_penalty(adam(0.1), 0.05)))


def test_jax_differentiates_as_documented(optax):
    jax = peer("jax")
    A = RNG.normal(size=(2, 3))
    assert jax.jacobian(lambda x: A @ x)(np.zeros(3)).shape == (2, 3)
    assert jax.grad(lambda x: (A @ x).sum())(np.zeros(3)).shape == (3,)
    assert jax.grad(jax.nn.relu)(0.0) == 0
    assert jax.grad(jax.numpy.abs)(0.0) == 1
    assert jax.grad(jax.numpy.max)(TIED).tolist() == [0, 0.5, 0.5]
    losses = optax.l2_loss(np.array([1.0, 2.0]), np.array([0.0, 5.0]))
    assert losses.tolist() == [0.5, 4.5]


def test_jax_convolves_as_documented(optax):
    jax = peer("jax")
    x, w = IMAGE[None, None].astype(float), FILTER[None, None].astype(float)
    result = jax.lax.conv_general_dilated(x, w, (1, 1), "VALID")
    assert np.array_equal(result[0, 0], cross_correlate(IMAGE, FILTER))
    turned = jax.scipy.signal.convolve(x[0, 0], w[0, 0], mode="valid")
    assert np.array_equal(turned, convolve(IMAGE, FILTER))
    bar = np.ones((3, 3))
    for stride in (1, 2, 3):
        theirs = jax.lax.conv_general_dilated(x, bar[None, None], (stride, stride), "SAME")
        ours = cross_correlate(IMAGE.astype(float), bar, padding="same", stride=stride)
        assert same(theirs[0, 0], ours)


# -- the page -----------------------------------------------------------------------------------


def test_every_row_of_the_page_names_its_test():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| **")]
    named = [re.findall(r"`(test_\w+)`", row) for row in rows]
    assert all(len(names) == 1 for names in named), named
    tests = [names[0] for names in named]
    assert len(tests) == len(set(tests)) >= 14
    libraries = ("test_pytorch", "test_optax", "test_jax", "test_every")
    of_rows = {n for n in globals() if n.startswith("test_") and not n.startswith(libraries)}
    assert set(tests) == of_rows


def test_every_promise_names_a_test_that_is_there():
    text = PAGE.read_text(encoding="utf-8").split("## Numerical promises")[1]
    rows = [line for line in text.splitlines() if line.startswith("| *")]
    assert len(rows) >= 18
    for row in rows:
        [(file, test)] = re.findall(r"`tests/(test_\w+\.py)`, `(test_\w+)` \|$", row)
        source = (Path(__file__).parent / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", source, re.MULTILINE), f"{file} has no {test}"
