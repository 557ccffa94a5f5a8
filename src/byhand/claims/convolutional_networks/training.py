"""Claims beyond the sheets: a convolutional network is trained."""

from __future__ import annotations

import numpy as np
import scipy.stats
from numpy.lib.stride_tricks import sliding_window_view
from sklearn import datasets

from byhand import convolutional_networks as cn
from byhand.backpropagation import grad, networks, value_and_grad
from byhand.convolutional_networks import Conv, Dense, MaxPool
from byhand.evidence import by, case, claim, holds, once
from byhand.optimization import adam

SHAPE = (1, 8, 8)
HEAD = Dense((10,), bias=True)
READERS = {
    "convolutional": (
        Conv(4, 3, padding=1, bias=True),
        MaxPool(2),
        Conv(8, 3, padding=1, bias=True),
        MaxPool(2),
        HEAD,
    ),
    "fully connected, 98 neurons": (Dense((98,), bias=True), HEAD),
    "fully connected, 9 neurons": (Dense((9,), bias=True), HEAD),
}
"""A convolutional network, one with as many multiply–adds, one with as many parameters."""
CONV, WORK, SMALL = READERS
BATCH, STEPS = 32, 160


@once
def digits(seed):
    """Return the digits in an order of the seed's: 1297 to train on and 500 to test."""
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    X, y = images[order].reshape(-1, *SHAPE) / 16, labels[order]
    return X[:1297], y[:1297], X[1297:], y[1297:]


def orders(samples, rng, steps=STEPS):
    """Yield the samples of each mini-batch: every pass in a new order."""
    done = 0
    while done < steps:
        order = rng.permutation(samples)
        for start in range(0, samples - BATCH + 1, BATCH):
            if done < steps:
                yield order[start : start + BATCH]
                done += 1


# -- without the package: layers, their backward pass and Adam, written out ----------------------


def patches(x):
    """Return the 3×3 patches around each pixel of images (B, C, H, W), as (B, H, W, 9C)."""
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(x, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(len(x), *windows.shape[2:4], -1)


def quarters(z):
    """Return 2×2 windows side by side, shape (B, C, H/2, W/2, 4)."""
    b, c, h, w = z.shape
    windows = z.reshape(b, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    return windows.reshape(b, c, h // 2, w // 2, 4)


def cut(p, *shapes):
    """Cut a vector into arrays."""
    ends = np.cumsum([int(np.prod(s)) for s in shapes])
    parts = np.split(p, ends[:-1])
    return [part.reshape(s) for part, s in zip(parts, shapes, strict=True)]


def convolve_by_hand(x, w, b):
    z = patches(x) @ w.reshape(len(w), -1).T + b
    return z.transpose(0, 3, 1, 2)


def pull_conv(g, x, w):
    """Return the adjoints of filter and bias."""
    flat = g.transpose(0, 2, 3, 1)
    w_bar = np.tensordot(flat, patches(x), axes=((0, 1, 2), (0, 1, 2))).reshape(w.shape)
    return w_bar, flat.sum(axis=(0, 1, 2))


def pull_image(g, w):
    """Return the adjoint of a convolution's image."""
    return convolve_by_hand(g, w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3), 0)


def pull_pool(g, z):
    """Send each gradient through 2×2 windows to the largest entries, in equal parts."""
    windows = quarters(z)
    wins = windows == windows.max(axis=-1, keepdims=True)
    back = wins * (g / wins.sum(axis=-1))[..., None]
    b, c, h, w, _ = back.shape
    return back.reshape(b, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(z.shape)


def conv_by_hand(p, X, y=None):
    """Return the scores of the convolutional network, or its loss and gradient."""
    w, b, v, c, U, d = cut(p, (4, 1, 3, 3), 4, (8, 4, 3, 3), 8, (10, 32), 10)
    z1 = convolve_by_hand(X, w, b)
    h1 = np.maximum(z1, 0)
    x2 = quarters(h1).max(axis=-1)
    z2 = convolve_by_hand(x2, v, c)
    h2 = np.maximum(z2, 0)
    x3 = quarters(h2).max(axis=-1)
    scores = x3.reshape(len(X), 32) @ U.T + d
    if y is None:
        return scores
    loss, delta = entropy_by_hand(scores, y)
    g = pull_pool((delta @ U).reshape(x3.shape), h2) * (z2 > 0)
    v_bar, c_bar = pull_conv(g, x2, v)
    w_bar, b_bar = pull_conv(pull_pool(pull_image(g, v), h1) * (z1 > 0), X, w)
    head = delta.T @ x3.reshape(len(X), 32), delta.sum(axis=0)
    return loss, np.concatenate([a.ravel() for a in (w_bar, b_bar, v_bar, c_bar, *head)])


def dense_by_hand(p, X, y=None):
    """Return the scores of a network with one hidden layer, or its loss and gradient."""
    X, neurons = X.reshape(len(X), 64), (len(p) - 10) // 75
    W, b, U, d = cut(p, (neurons, 64), neurons, (10, neurons), 10)
    z = X @ W.T + b
    h = np.maximum(z, 0)
    scores = h @ U.T + d
    if y is None:
        return scores
    loss, delta = entropy_by_hand(scores, y)
    g = (delta @ U) * (z > 0)
    parts = g.T @ X, g.sum(axis=0), delta.T @ h, delta.sum(axis=0)
    return loss, np.concatenate([a.ravel() for a in parts])


def entropy_by_hand(scores, y):
    """Return the loss and its gradient at the scores: (softmax − right answer)/N."""
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    right = np.arange(len(y)), y
    loss = -np.log(shares[right]).mean()
    shares[right] -= 1
    return loss, shares / len(y)


def written_out(kind):
    return conv_by_hand if kind == CONV else dense_by_hand


def first_by_hand(kind, rng):
    """Draw weights with variance 2/(inputs of a neuron), biases zero."""
    neurons = {WORK: 98, SMALL: 9}.get(kind)
    shapes = [(4, 9), (8, 36), (10, 32)] if kind == CONV else [(neurons, 64), (10, neurons)]
    parts = []
    for outputs, inputs in shapes:
        weights = rng.normal(size=(outputs, inputs)) * np.sqrt(2 / inputs)
        parts += [weights.ravel(), np.zeros(outputs)]
    return np.concatenate(parts)


@once
def trained_by_hand(kind, samples, seed):
    """Return parameters and losses: batches, backward pass and Adam written out."""
    X, y, *_ = digits(seed)
    p, losses = first_by_hand(kind, np.random.default_rng(100 + seed)), []
    m, v, step = np.zeros(p.size), np.zeros(p.size), written_out(kind)
    for chosen in orders(samples, np.random.default_rng(200 + seed)):
        loss, g = step(p, X[chosen], y[chosen])
        losses.append(loss)
        m, v, t = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g, len(losses)
        p = p - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p, np.array(losses)


# -- with the package: convolutions, the reverse sweep of chapter 5, Adam of chapter 2 -----------


def loss(p, layers, X, y):
    return networks.entropy_of_scores(cn.scores(p, layers, X), y)


@once
def trained(kind, samples, seed):
    """Return parameters and losses, on the gradients of the reverse sweep."""
    X, y, *_ = digits(seed)
    step, layers = value_and_grad(loss), READERS[kind]
    return tuple(
        networks.train(
            lambda p, X, y: step(p, layers, X, y),
            cn.pack(cn.initialize(layers, SHAPE, np.random.default_rng(100 + seed))),
            X[:samples],
            y[:samples],
            adam(0.01),
            np.random.default_rng(200 + seed),
            epochs=STEPS // (samples // BATCH),
            batch=BATCH,
        )
    )


def moved(X):
    """Return images moved by one pixel: right, left, down and up; darkness moves in."""
    wide = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return [wide[:, :, i : i + 8, j : j + 8] for i, j in ((1, 0), (1, 2), (0, 1), (2, 1))]


# -- the networks --------------------------------------------------------------------------------


@claim(
    "beyond-6.reader-*",
    "what three networks hold and do",
    cases=[
        case("conv", "convolutional", kind=CONV),
        case("twin", "fully connected, 98 neurons", kind=WORK),
        case("small", "fully connected, 9 neurons", kind=SMALL),
    ],
    components=("multiply–adds", "parameters"),
)
def reader(kind=CONV):
    def by_specification():
        counts = cn.count(list(READERS[kind]), SHAPE)
        return [cn.total(counts, field) for field in ("multiply_adds", "parameters")]

    def by_hand():
        """A filter is used for each pixel, a weight of a full layer once."""
        if kind == CONV:
            return [64 * 9 * 4 + 16 * 9 * 4 * 8 + 32 * 10, 9 * 4 + 4 + 9 * 4 * 8 + 8 + 330]
        neurons = {WORK: 98, SMALL: 9}[kind]
        return [64 * neurons + neurons * 10, (64 + 1) * neurons + (neurons + 1) * 10]

    def by_arrays():
        """Parameters as they are drawn; products of the matrices that run."""
        p = first_by_hand(kind, np.random.default_rng(0))
        if kind != CONV:
            return [len(p) - (len(p) - 10) // 75 - 10, len(p)]
        pixels = patches(np.zeros(SHAPE)[None]), patches(np.zeros((1, 4, 4, 4)))
        products = [rows.size * outputs for rows, outputs in zip(pixels, (4, 8), strict=True)]
        return [sum(products) + 32 * 10, len(p)]

    yield by.closed_form("the specification", by_specification)
    yield by.hand("layer by layer", by_hand)
    yield by.enumeration("the arrays of a network written out", by_arrays)


@claim("beyond-6.split", "how many of each digit, from 0 to 9, are kept for the test")
def split(seed=0):
    def read():
        labels = datasets.load_digits().target
        return np.bincount(labels[np.random.default_rng(seed).permutation(1797)[-500:]])

    yield by.enumeration("the test set", lambda: np.bincount(digits(seed)[3]))
    yield by.recursion("the labels, in the order of the draw", read)


@claim(
    "beyond-6.moved",
    "ink of the digits of the test, as they are and moved right, left, down and up",
    components=("as they are", "right", "left", "down", "up"),
)
def ink(seed=0):
    def moved_images():
        X = digits(seed)[2]
        return [int(16 * Z.sum()) for Z in [X, *moved(X)]]

    def without_an_edge():
        """What moves out is the column or row at that side."""
        order = np.random.default_rng(seed).permutation(1797)[-500:]
        X = datasets.load_digits().images[order].astype(int)
        edges = X[:, :, 7], X[:, :, 0], X[:, 7], X[:, 0]
        return [X.sum(), *(X.sum() - edge.sum() for edge in edges)]

    yield by.recursion("the images, moved", moved_images)
    yield by.enumeration("all ink less that of an edge", without_an_edge)


@claim("beyond-6.reader-gradient", "the gradient of 666 parameters on 64 digits")
def reader_gradient(seed=0):
    rounded = {"rtol": 1e-9, "floor": 1e-14, "because": "means over 64 digits, added in any order"}

    def swept():
        X, y, *_ = digits(seed)
        p = cn.pack(cn.initialize(READERS[CONV], SHAPE, np.random.default_rng(100 + seed)))
        return grad(loss)(p, READERS[CONV], X[:64], y[:64])

    def backwards():
        X, y, *_ = digits(seed)
        p = first_by_hand(CONV, np.random.default_rng(100 + seed))
        return conv_by_hand(p, X[:64], y[:64])[1]

    yield by.autodiff("reverse mode", swept, **rounded)
    yield by.hand("the backward pass written out", backwards, **rounded)


@claim("beyond-6.reader-losses", "the loss of each of the 160 mini-batches")
def reader_losses(samples=1280, seed=0):
    drift = {"rtol": 1e-6, "because": "160 steps of Adam carry the rounding on"}
    yield by.autodiff("reverse mode", lambda: trained(CONV, samples, seed)[1], **drift)
    yield by.hand("written out", lambda: trained_by_hand(CONV, samples, seed)[1], **drift)


@claim("beyond-6.reader-read", "digits read rightly, of 500 not seen in training")
def reader_read(samples=1280, seed=0):
    def package():
        p, (*_, X, y) = trained(CONV, samples, seed)[0], digits(seed)
        return int((cn.scores(p, READERS[CONV], X).argmax(axis=1) == y).sum())

    def from_a_table():
        """The diagonal of the table of right and read digits, without the package."""
        p, (*_, X, y) = trained_by_hand(CONV, samples, seed)[0], digits(seed)
        table = np.zeros((10, 10), dtype=int)
        np.add.at(table, (y, conv_by_hand(p, X).argmax(axis=1)), 1)
        return int(np.trace(table))

    yield by.experiment("trained by reverse mode", package)
    yield by.enumeration("written out, from a table", from_a_table)


# -- what they read ------------------------------------------------------------------------------

SAMPLES = (160, 1280)
SEEDS, OTHER_SEEDS = range(3), range(3, 10)


@once
def readings(kind, samples):
    """Return the shares of 500 digits read rightly, in place and moved; a row for each seed."""
    found = []
    for seed in SEEDS:
        p, (*_, X, y) = trained(kind, samples, seed)[0], digits(seed)
        right = [(cn.scores(p, READERS[kind], Z).argmax(axis=1) == y) for Z in [X, *moved(X)]]
        found.append([right[0].mean(), np.mean(right[1:])])
    return np.array(found)


@once
def readings_by_hand(kind, samples):
    """Return the same for other seeds, without the package."""
    found = []
    for seed in OTHER_SEEDS:
        p, (*_, X, y) = trained_by_hand(kind, samples, seed)[0], digits(seed)
        right = [(written_out(kind)(p, Z).argmax(axis=1) == y).mean() for Z in [X, *moved(X)]]
        found.append([right[0], sum(right[1:]) / 4])
    return np.array(found)


def ahead(better, worse):
    """Say by how many digits of 100, on average over seeds, one network is ahead of another.

    Twice the standard error of the differences is the least that counts.
    """
    gap = 100 * (better - worse)
    error = gap.std(ddof=1) / np.sqrt(len(gap))
    return holds(gap.mean() > 2 * error, "digits of 100:", f"{gap.mean():.1f} ± {error:.1f}")


def leads(better, worse):
    """Say the same as :func:`ahead`, with SciPy's standard error."""
    gap = 100 * np.subtract(better, worse)
    error = scipy.stats.sem(gap)
    words = f"{np.mean(gap):.1f} ± {error:.1f}"
    return holds(np.mean(gap) / error > 2, "digits of 100:", words)


@claim(
    "beyond-6.twin-reads",
    "with as many multiply–adds, the fully connected network reads more digits, on average over "
    "seeds, than the convolutional one",
    cases=[case(str(n), f"{n} digits to learn from", samples=n) for n in SAMPLES],
)
def twin_reads(samples=1280):
    def package():
        return ahead(readings(WORK, samples)[:, 0], readings(CONV, samples)[:, 0])

    def by_hand():
        return leads(readings_by_hand(WORK, samples)[:, 0], readings_by_hand(CONV, samples)[:, 0])

    yield by.experiment("three seeds, by reverse mode", package)
    yield by.sampling("seven other seeds, written out", by_hand)


@claim(
    "beyond-6.conv-reads",
    "moved by a pixel, more digits are read, on average over seeds, by the convolutional network "
    "than by a fully connected one",
    cases=[
        case(f"{name}-{n}", f"{words}, {n} digits", rival=rival, samples=n)
        for name, rival, words in (
            ("work", WORK, "as many multiply–adds"),
            ("small", SMALL, "as many parameters"),
        )
        for n in SAMPLES
    ],
)
def conv_reads(rival=WORK, samples=1280):
    def package():
        return ahead(readings(CONV, samples)[:, 1], readings(rival, samples)[:, 1])

    def by_hand():
        return leads(readings_by_hand(CONV, samples)[:, 1], readings_by_hand(rival, samples)[:, 1])

    yield by.experiment("three seeds, by reverse mode", package)
    yield by.sampling("seven other seeds, written out", by_hand)


# -- what a neuron of it sees --------------------------------------------------------------------


@claim(
    "beyond-6.reader-field",
    "the fields of neurons of the second convolution: their side, the jump, and where the first "
    "begins",
    components=("side", "jump", "first pixel"),
)
def reader_field():
    def recursion():
        field = cn.receptive_fields(list(READERS[CONV][:3]), SHAPE)[-1]
        return [field.size, field.jump, field.start]

    def by_reach():
        """On a larger image, away from its borders, for the neurons 5 and 6 of a row."""
        body, wide = list(READERS[CONV][:3]), (1, 24, 24)
        here, beside = (cn.reached(body, wide, (5, j))[0].any(axis=0) for j in (5, 6))
        first, second = np.flatnonzero(here), np.flatnonzero(beside)
        step = int(second[0] - first[0])
        return [len(first), step, int(first[0]) - 5 * step]

    yield by.recursion("the recursion", recursion)
    yield by.enumeration("pixels that reach the neuron", by_reach)
    yield by.hand(
        "3 + 1 + 2 · 2, after paddings of 1 and 2 · 1", lambda: [3 + 1 + 2 * 2, 2, -1 - 2]
    )
