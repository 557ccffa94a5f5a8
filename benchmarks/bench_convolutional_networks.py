"""The convolutions of chapter 6 against their peers, and training steps against each other."""

import numpy as np
import scipy.ndimage
import scipy.optimize
import scipy.signal
from measuring import Table, best, in_turns, peer

from byhand import convolutional_networks as cn
from byhand.convolutional_networks import Conv, Dense, MaxPool
from byhand.convolutional_networks.products import patch_matrix, patch_view

SHAPE = (1, 32, 32)
NETWORK = [Conv(1, 3, 1), MaxPool(2), Conv(1, 3, 1), MaxPool(2), Conv(1, 3, 1)]


def loops(x, w):
    rows, columns = w.shape
    y = np.empty((len(x) - rows + 1, x.shape[1] - columns + 1))
    for i, j in np.ndindex(y.shape):
        y[i, j] = (x[i : i + rows, j : j + columns] * w).sum()
    return y


def by_torch(x, w):
    """Return PyTorch's cross-correlation of batches, or None where PyTorch is absent."""
    if (torch := peer("torch")) is None:
        return None
    x, w = torch.tensor(x), torch.tensor(w)
    return lambda: torch.nn.functional.conv2d(x, w).numpy()


def by_jax(x, w):
    """Return JAX's compiled cross-correlation of batches, or None where JAX is absent."""
    if (jax := peer("jax")) is None:
        return None
    x, w = jax.numpy.asarray(x), jax.numpy.asarray(w)
    compiled = jax.jit(lambda x, w: jax.lax.conv_general_dilated(x, w, (1, 1), "VALID"))
    return lambda: np.asarray(compiled(x, w))


def compare_filter_sizes() -> Table:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 256))
    times = {}
    for k in (3, 5, 7, 11, 21, 31):
        w = rng.normal(size=(k, k))
        inside = slice(k // 2, 256 - k // 2)
        contestants = {
            "byhand": lambda w=w: cn.cross_correlate(x, w),
            "its matrix product": lambda w=w: cn.cross_correlate(x, w, method="gemm"),
            "its FFT": lambda w=w: cn.cross_correlate(x, w, method="fft"),
            "scipy.signal.correlate2d": lambda w=w: scipy.signal.correlate2d(x, w, "valid"),
            "scipy.ndimage.correlate": lambda w=w, s=inside: scipy.ndimage.correlate(x, w)[s, s],
            "scipy.signal.fftconvolve": lambda w=w: scipy.signal.fftconvolve(
                x, w[::-1, ::-1], "valid"
            ),
            "PyTorch": by_torch(x[None, None], w[None, None]),
            "JAX, compiled": by_jax(x[None, None], w[None, None]),
            "loops": lambda w=w: loops(x, w),
        }
        contestants = {name: run for name, run in contestants.items() if run}
        for name, run in contestants.items():
            np.testing.assert_allclose(np.squeeze(run()), loops(x, w), atol=1e-9, err_msg=name)
        slow = {"loops": contestants.pop("loops")}
        times[k] = in_turns(contestants, rounds=7, seconds=0.02) | in_turns(slow, rounds=2)
    return Table(
        "One image, one filter",
        "A 256 × 256 image and a k × k filter, without padding. byhand takes the matrix product or "
        "the FFT, whichever it expects to be faster.",
        [("by", "text"), *((f"k = {k}", "seconds") for k in times)],
        [[name, *(times[k][name] for k in times)] for name in times[3]],
    )


def compare_batches() -> Table:
    rng = np.random.default_rng(1)
    x, rows = rng.normal(size=(32, 16, 32, 32)), []
    for k in (3, 5):
        w = rng.normal(size=(32, 16, k, k))
        g = rng.normal(size=cn.cross_correlate(x, w).shape)
        parts = {
            "forward": lambda w=w: cn.cross_correlate(x, w),
            "gradient of the images": lambda w=w, g=g: cn.transposed_cross_correlate(
                g, w, size=(32, 32)
            ),
            "gradient of the filters": lambda w=w, g=g: cn.filter_gradient(x, g, shape=w.shape),
            "forward, PyTorch": by_torch(x, w),
            "forward, JAX, compiled": by_jax(x, w),
        }
        times = in_turns({name: run for name, run in parts.items() if run}, rounds=5)
        rows += [[k, name, s, s / times["forward"]] for name, s in times.items()]
    return Table(
        "A batch with channels",
        "32 images of 32 × 32 pixels, from 16 to 32 channels by k × k filters.",
        [("k", "count"), ("what", "text"), ("time", "seconds"), ("relative to forward", "ratio")],
        rows,
    )


# -- one training step of each network -------------------------------------------------------------


def shared(x, w):
    y = cn.cross_correlate(x, w, padding=1)

    def pull(g):
        back = cn.transposed_cross_correlate(g, w, size=x.shape[-2:], padding=1)
        return back, cn.filter_gradient(x, g, shape=w.shape, padding=1)

    return y, pull


def local(x, w):
    """Multiply each patch by weights of its own: w has the shape (9, pixels)."""
    layout = cn.geometry(x.shape[-2:], (3, 3), 1)
    patches = patch_matrix(patch_view(x, (3, 3), layout)).reshape(9, len(x), -1)

    def pull(g):
        flat = g.reshape(len(g), -1)
        spread = (w[:, None] * flat).reshape(3, 3, *g.shape)
        back = np.zeros((*x.shape[:-2], x.shape[-2] + 2, x.shape[-1] + 2))
        for a, b in np.ndindex(3, 3):
            back[..., a : a + x.shape[-2], b : b + x.shape[-1]] += spread[a, b]
        return back[..., 1:-1, 1:-1], np.einsum("kbp,bp->kp", patches, flat)

    return np.einsum("kp,kbp->bp", w, patches).reshape(x.shape), pull


def dense(x, w):
    flat = x.reshape(len(x), -1)

    def pull(g):
        rows = g.reshape(len(g), -1)
        return (rows @ w).reshape(x.shape), rows.T @ flat

    return (flat @ w.T).reshape(x.shape), pull


def training_step(layer, weights, x):
    """Run conv–pool–conv–pool–conv, ½‖output‖² as loss, its gradients and the update."""
    pulls = []
    for k, w in enumerate(weights):
        x, pull = layer(x, w)
        pulls.append((pull, x))
        x = cn.max_pool(x, 2) if k < 2 else x
    g = x
    for k in (2, 1, 0):
        pull, before_pool = pulls[k]
        g = cn.max_pool_gradient(before_pool, g, 2) if k < 2 else g
        g, w_bar = pull(g)
        weights[k] = weights[k] - 1e-6 * w_bar
    return weights


def compare_networks() -> Table:
    rng = np.random.default_rng(2)
    sides = (32, 16, 8)
    kinds = {
        "convolutional": (shared, [rng.normal(size=(1, 1, 3, 3)) for _ in sides]),
        "locally connected": (local, [rng.normal(size=(9, n * n)) for n in sides]),
        "fully connected": (dense, [rng.normal(size=(n * n, n * n)) / n for n in sides]),
    }
    counts = cn.count(NETWORK, SHAPE)
    parameters = {
        "convolutional": cn.total(counts, "parameters"),
        "locally connected": cn.total(counts, "connections"),
        "fully connected": sum(
            c.parameters
            for c in cn.count(cn.dense_twin(NETWORK, SHAPE), SHAPE)
            if isinstance(c.layer, Dense)
        ),
    }
    # With equal weights at each position, the locally connected network is the convolutional one.
    for w, n in zip(kinds["convolutional"][1], sides, strict=True):
        x, tied = rng.normal(size=(3, 1, n, n)), np.repeat(w.reshape(9, 1), n * n, axis=1)
        (y, pull), (z, pull_local) = shared(x, w), local(x, tied)
        np.testing.assert_allclose(y, z, atol=1e-12)
        np.testing.assert_allclose(pull(y)[0], pull_local(z)[0], atol=1e-10)
        np.testing.assert_allclose(pull(y)[1].ravel(), pull_local(z)[1].sum(axis=1), rtol=1e-9)
    rows = []
    for name, (layer, weights) in kinds.items():
        images = [rng.normal(size=(batch, *SHAPE)) for batch in (1, 64)]
        times = [best(lambda: training_step(layer, list(weights), x)) for x in images]  # noqa: B023
        rows.append([name, parameters[name], *times])
    return Table(
        "A training step of three networks",
        "The networks of section E3.2: the second and the third do the same arithmetic.",
        [
            ("network", "text"),
            ("parameters", "count"),
            ("batch of 1", "seconds"),
            ("batch of 64", "seconds"),
        ],
        sorted(rows, key=lambda row: -row[1]),
    )


def fit_prices() -> Table:
    """Fit what the entries of both products and a pixel cost, in multiply–adds of a product."""
    rng = np.random.default_rng(3)
    products, filter_rows, transforms = [], [], []
    for batch, channels, outputs, n in [
        (1, 1, 1, 64),
        (1, 1, 1, 256),
        (8, 16, 16, 32),
        (1, 3, 8, 256),
        (1, 8, 4, 64),
        (1, 32, 32, 32),
    ]:
        for k in (3, 5, 9, 15):
            x = rng.normal(size=(batch, channels, n, n))
            w = rng.normal(size=(outputs, channels, k, k))
            entries = batch * channels * k**2 * (n - k + 1) ** 2
            if entries > 2e7:
                continue
            seconds = best(lambda: cn.cross_correlate(x, w, method="gemm"), repeats=3)  # noqa: B023
            if outputs == 1:
                filter_rows.append((entries, 1, seconds))
            else:
                products.append((entries * outputs, entries, 1, seconds))
            pixels = n * n * (batch * (channels + outputs) + channels * outputs)
            seconds = best(lambda: cn.cross_correlate(x, w, method="fft"), repeats=3)  # noqa: B023
            transforms.append((pixels, 1, seconds))

    def fit(rows):
        rows = np.array(rows)
        return scipy.optimize.nnls(rows[:, :-1] / rows[:, -1:], np.ones(len(rows)))[0]

    multiply_add, copy, start = fit(products)
    filter_row, _ = fit(filter_rows)
    pixel, start_fft = fit(transforms)
    return Table(
        "What the choice between product and FFT is based on",
        "Fitted anew, in multiply–adds of a matrix product. The package has rounded ones.",
        [("price of", "text"), ("name", "text"), ("multiply–adds", "ratio")],
        [
            ["a copied entry", "COPY_COST", copy / multiply_add],
            ["an entry under a single filter", "FILTER_ROW_COST", filter_row / multiply_add],
            ["a transformed pixel", "FFT_COST", pixel / multiply_add],
            ["starting a transform", "FFT_START", (start_fft - start) / multiply_add],
        ],
    )


TABLES = [compare_filter_sizes, compare_batches, compare_networks, fit_prices]
