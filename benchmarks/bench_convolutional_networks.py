"""Time the convolutions of chapter 6 against their peers, and training steps against each other.

    OPENBLAS_NUM_THREADS=1 python benchmarks/bench_convolutional_networks.py

* one image, one filter of growing size: im2col and one matrix product, the FFT, the choice
  between them, SciPy's functions, and loops;
* a batch with channels;
* one training step of the three networks of section E3.2, fully connected, locally connected and
  convolutional: the last two do the same arithmetic with 11436 and with 27 parameters;
* the prices that the choice between the two methods is based on, fitted anew.
"""

import timeit

import numpy as np
import scipy.ndimage
import scipy.optimize
import scipy.signal

from byhand import convolutional_networks as cn
from byhand.convolutional_networks import Conv, Dense, MaxPool
from byhand.convolutional_networks.operations import _columns, _patches, geometry

SHAPE = (1, 32, 32)
NETWORK = [Conv(1, 3, 1), MaxPool(2), Conv(1, 3, 1), MaxPool(2), Conv(1, 3, 1)]


def best(function, repeats=7, seconds=0.03):
    """Return the shortest time of a call, in seconds, over several rounds."""
    once = timeit.timeit(function, number=1)
    number = max(1, int(seconds / max(once, 1e-9)))
    return min(timeit.repeat(function, number=number, repeat=repeats)) / number


def loops(x, w):
    rows, columns = w.shape
    y = np.empty((len(x) - rows + 1, x.shape[1] - columns + 1))
    for i, j in np.ndindex(y.shape):
        y[i, j] = (x[i : i + rows, j : j + columns] * w).sum()
    return y


def compare_filter_sizes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 256))
    print("256 × 256 image, one k × k filter, milliseconds")
    names = ["auto", "gemm", "fft", "correlate2d", "ndimage", "fftconvolve", "loops"]
    print("    k" + "".join(f"{name:>12}" for name in names))
    for k in (3, 5, 7, 11, 21, 31):
        w = rng.normal(size=(k, k))
        inside = slice(k // 2, 256 - k // 2)
        contestants = {
            **{m: lambda m=m, w=w: cn.cross_correlate(x, w, method=m) for m in names[:3]},
            "correlate2d": lambda w=w: scipy.signal.correlate2d(x, w, "valid"),
            "ndimage": lambda w=w, s=inside: scipy.ndimage.correlate(x, w)[s, s],
            "fftconvolve": lambda w=w: scipy.signal.fftconvolve(x, w[::-1, ::-1], "valid"),
            "loops": lambda w=w: loops(x, w),
        }
        for name, run in contestants.items():
            np.testing.assert_allclose(run(), loops(x, w), atol=1e-9, err_msg=name)
        times = [
            best(run, repeats=3 if name == "loops" else 7) for name, run in contestants.items()
        ]
        print(f"{k:5}" + "".join(f"{1e3 * t:12.3f}" for t in times))
    print()


def compare_batches():
    rng = np.random.default_rng(1)
    print("32 images, 16 → 32 channels, 32 × 32 pixels, k × k filters, milliseconds")
    x = rng.normal(size=(32, 16, 32, 32))
    for k in (3, 5):
        w = rng.normal(size=(32, 16, k, k))
        g = rng.normal(size=cn.cross_correlate(x, w).shape)
        for name, run in {
            "forward": lambda w=w: cn.cross_correlate(x, w),
            "image gradient": lambda w=w, g=g: cn.transposed_cross_correlate(g, w, size=(32, 32)),
            "filter gradient": lambda w=w, g=g: cn.filter_gradient(x, g, shape=w.shape),
        }.items():
            print(f"  k = {k}  {name:16} {1e3 * best(run, repeats=3):9.2f}")
    print()


# -- one training step of each network -------------------------------------------------------------


def shared(x, w):
    y = cn.cross_correlate(x, w, padding=1)

    def pull(g):
        back = cn.transposed_cross_correlate(g, w, size=x.shape[-2:], padding=1)
        return back, cn.filter_gradient(x, g, shape=w.shape, padding=1)

    return y, pull


def local(x, w):
    """Multiply each patch by weights of its own: w has the shape (9, pixels)."""
    layout = geometry(x.shape[-2:], (3, 3), 1)
    patches = _columns(_patches(x, (3, 3), layout)).reshape(9, len(x), -1)

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


def compare_networks():
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
    print("one training step, milliseconds")
    print(f"  {'':20}{'parameters':>12}{'batch 1':>10}{'batch 64':>10}")
    for name, (layer, weights) in kinds.items():
        times = []
        for batch in (1, 64):
            x = rng.normal(size=(batch, *SHAPE))
            times.append(best(lambda: training_step(layer, list(weights), x)))  # noqa: B023
        line = "".join(f"{1e3 * t:10.3f}" for t in times)
        print(f"  {name:20}{parameters[name]:12,}{line}")
    print()


def fit_prices():
    """Fit what a copied entry and a transformed pixel cost, in multiply–adds of a product."""
    rng = np.random.default_rng(3)
    products, transforms = [], []
    for batch, channels, outputs, n in [
        (1, 1, 1, 64),
        (1, 1, 1, 256),
        (8, 16, 16, 32),
        (1, 3, 8, 256),
        (1, 32, 32, 32),
    ]:
        for k in (3, 5, 9, 15):
            x = rng.normal(size=(batch, channels, n, n))
            w = rng.normal(size=(outputs, channels, k, k))
            entries = batch * channels * k**2 * (n - k + 1) ** 2
            if entries > 2e7:
                continue
            seconds = best(lambda: cn.cross_correlate(x, w, method="gemm"), repeats=3)  # noqa: B023
            products.append((entries * outputs, entries, 1, seconds))
            pixels = n * n * (batch * (channels + outputs) + channels * outputs)
            seconds = best(lambda: cn.cross_correlate(x, w, method="fft"), repeats=3)  # noqa: B023
            transforms.append((pixels, 1, seconds))

    def fit(rows):
        rows = np.array(rows)
        return scipy.optimize.nnls(rows[:, :-1] / rows[:, -1:], np.ones(len(rows)))[0]

    multiply_add, copy, start = fit(products)
    pixel, start_fft = fit(transforms)
    print(f"a multiply–add of a product takes {1e9 * multiply_add:.3f} ns; in this unit")
    print(f"  COPY_COST  {copy / multiply_add:12.1f}")
    print(f"  FFT_COST   {pixel / multiply_add:12.1f}")
    print(f"  FFT_START  {(start_fft - start) / multiply_add:12.3g}")


if __name__ == "__main__":
    compare_filter_sizes()
    compare_batches()
    compare_networks()
    fit_prices()
