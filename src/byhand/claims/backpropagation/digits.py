"""Claims beyond the sheets: a network that reads digits."""

from __future__ import annotations

import numpy as np
from sklearn import datasets, neural_network

from byhand.backpropagation import grad, jvp, networks, value_and_grad
from byhand.evidence import by, claim, once
from byhand.linear_algebra import complex_step
from byhand.optimization import adam

LAYERS = (64, 32, 10)


@once
def data():
    """Return the digits, shuffled, as images and labels: 1297 to train on and 500 to test."""
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(55).permutation(len(images))
    X, y = images[order] / 16, labels[order]
    return X[:1297], y[:1297], X[1297:], y[1297:]


@once
def first():
    """Return the weights to start with."""
    return networks.initial_parameters(np.random.default_rng(57), LAYERS)


def drawn():
    """Return the same without the package.

    Layer by layer, with the variance 2/(inputs + outputs), and biases of 0.
    """
    rng = np.random.default_rng(57)
    W = np.sqrt(2 / 96) * rng.normal(size=64 * 32)
    V = np.sqrt(2 / 42) * rng.normal(size=32 * 10)
    return np.concatenate([W, np.zeros(32), V, np.zeros(10)])


def plain_scores(p, X):
    """Return the outputs of a network written out, of real or complex parameters."""
    W, b, V, c = (p[:2048].reshape(64, 32), p[2048:2080], p[2080:2400].reshape(32, 10), p[2400:])
    return np.tanh(X @ W + b) @ V + c


def plain_loss(p, X, y):
    """Return the mean cross-entropy of the same."""
    scores = plain_scores(p, X)
    return np.mean(np.log(np.sum(np.exp(scores), axis=1)) - scores[np.arange(len(X)), y])


def scikit_learns(p, **options):
    """Return scikit-learn's network with these parameters."""
    theirs = neural_network.MLPClassifier(LAYERS[1:-1], activation="tanh", **options)
    theirs.partial_fit(np.zeros((10, 64)), np.arange(10), classes=np.arange(10))
    theirs.coefs_ = [p[:2048].reshape(64, 32).copy(), p[2080:2400].reshape(32, 10).copy()]
    theirs.intercepts_ = [p[2048:2080].copy(), p[2400:].copy()]
    return theirs


def trained(step):
    """Return parameters and losses of 20 passes in mini-batches of 32, by Adam."""
    X, y, *_ = data()
    rng = np.random.default_rng(56)
    return networks.train(step, first(), X, y, adam(0.01), rng, epochs=20, batch=32)


@once
def taped():
    """Train on the gradients of the reverse sweep."""
    sweep = value_and_grad(networks.cross_entropy)
    return tuple(trained(lambda p, X, y: sweep(p, X, y, LAYERS)))


@once
def written():
    """Train the same with the backward pass, the passes and Adam written out."""

    X, y, *_ = data()
    rng, p, losses = np.random.default_rng(56), drawn(), []
    m, v = np.zeros(p.size), np.zeros(p.size)
    for _ in range(20):
        for chosen in rng.permutation(1297)[:1280].reshape(40, 32):
            losses.append(plain_loss(p, X[chosen], y[chosen]))
            g = networks.cross_entropy_gradient(p, X[chosen], y[chosen], LAYERS)
            m, v, t = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g, len(losses)
            p = p - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p, np.array(losses)


@claim("beyond-5.split", "how many of each digit, from 0 to 9, are kept for the test")
def split():
    def shuffled():
        return np.bincount(data()[3])

    def read():
        labels = datasets.load_digits().target
        return np.bincount(labels[np.random.default_rng(55).permutation(1797)[-500:]])

    yield by.enumeration("the test set", shuffled)
    yield by.recursion("the labels, in the order of the draw", read)


@claim("beyond-5.start", "the weights to start with")
def start():
    yield by.recursion("the package's", first)
    yield by.closed_form("drawn as the text says", drawn)


ROUNDED = {
    "rtol": 1e-9,
    "floor": 1e-14,
    "because": "means over 1297 samples, added in other orders",
}


STEPPED = ROUNDED | {"because": "what a step takes away is rounded with the weights"}


@claim("beyond-5.gradient", "the gradient of 2410 parameters on 1297 digits")
def gradient():
    def swept():
        X, y, *_ = data()
        return grad(lambda p: networks.cross_entropy(p, X, y, LAYERS))(first())

    def by_hand():
        X, y, *_ = data()
        return networks.cross_entropy_gradient(first(), X, y, LAYERS)

    def by_scikit_learn():
        """What a step of descent takes away, of size 1 and on all digits."""
        X, y, *_ = data()
        descent = {"solver": "sgd", "learning_rate_init": 1, "momentum": 0, "alpha": 0}
        theirs = scikit_learns(drawn(), **descent).set_params(batch_size=len(X))
        theirs.partial_fit(X, y)
        (W, V), (b, c) = theirs.coefs_, theirs.intercepts_
        return drawn() - np.concatenate([W.ravel(), b, V.ravel(), c])

    yield by.autodiff("reverse mode", swept, **ROUNDED)
    yield by.hand("the backward pass written out", by_hand, **ROUNDED)
    yield by.recursion("a step of scikit-learn's descent", by_scikit_learn, **STEPPED)


ALONG = np.random.default_rng(58).normal(size=2410)


@claim("beyond-5.direction", "its component in a random direction")
def direction():
    def swept():
        X, y, *_ = data()
        return grad(lambda p: networks.cross_entropy(p, X, y, LAYERS))(first()) @ ALONG

    def pushed():
        X, y, *_ = data()
        return jvp(lambda p: networks.cross_entropy(p, X, y, LAYERS), first(), ALONG)[1]

    def stepped():
        X, y, *_ = data()
        return complex_step(lambda s: plain_loss(drawn() + s * ALONG, X, y), 0.0)

    yield by.autodiff("reverse mode", swept)
    yield by.autodiff("forward mode", pushed)
    yield by.differences("complex step of the loss written out", stepped)


@claim("beyond-5.losses", "the loss of each of the 800 mini-batches")
def losses():
    drift = {"rtol": 1e-9, "because": "800 steps of Adam carry the rounding on"}
    yield by.autodiff("reverse mode", lambda: taped()[1], **drift)
    yield by.hand("the backward pass written out", lambda: written()[1], **drift)


@claim("beyond-5.accuracy", "digits read rightly, of 500 not seen in training")
def accuracy():
    def by_the_network():
        *_, X, y = data()
        return int((networks.multilayer(taped()[0], X, LAYERS).argmax(axis=1) == y).sum())

    def by_a_table():
        """The diagonal of the table of right and read digits, of the network trained by hand."""
        *_, X, y = data()
        guesses = plain_scores(written()[0], X).argmax(axis=1)
        table = np.zeros((10, 10), dtype=int)
        np.add.at(table, (y, guesses), 1)
        return int(np.trace(table))

    def by_scikit_learn():
        *_, X, y = data()
        return int((scikit_learns(taped()[0]).predict(X) == y).sum())

    yield by.experiment("trained by reverse mode", by_the_network)
    yield by.enumeration("trained by hand, from a table", by_a_table)
    yield by.experiment("the weights in scikit-learn's network", by_scikit_learn)
