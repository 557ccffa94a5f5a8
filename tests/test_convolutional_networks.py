"""Chapter 6: convolution, pooling and their adjoints, counts, receptive fields, recovery."""

import math
import warnings
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import scipy.signal
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand import convolutional_networks as cn
from byhand.backpropagation import derivative, grad, jacobian, networks, relu, value_and_grad
from byhand.convolutional_networks import (
    AveragePool,
    Conv,
    Dense,
    MaxPool,
    figures,
    layers,
    operations,
    products,
)
from byhand.hypergradients import peak_bytes

laws = settings(derandomize=True, deadline=None, max_examples=40)
J = np.array([[-1, -1, -1], [0, 0, 0], [1, 1, 1]])


# -- the reference: loops over every index, straight from the definition ------------------------


def loops(x, w, pads=((0, 0), (0, 0)), stride=(1, 1), dilation=(1, 1)):
    """Cross-correlate (B, C, H, W) with (O, C, k, l)."""
    (batch, channels, height, width), (outputs, _, rows, columns) = x.shape, w.shape
    (top, bottom), (left, right) = pads
    out_rows = (height + top + bottom - (rows - 1) * dilation[0] - 1) // stride[0] + 1
    out_columns = (width + left + right - (columns - 1) * dilation[1] - 1) // stride[1] + 1
    y = np.zeros((batch, outputs, out_rows, out_columns), dtype=np.result_type(x, w))
    for b, o, i, j in np.ndindex(y.shape):
        for c, a, d in np.ndindex(channels, rows, columns):
            m = i * stride[0] + a * dilation[0] - top
            n = j * stride[1] + d * dilation[1] - left
            if 0 <= m < height and 0 <= n < width:
                y[b, o, i, j] += x[b, c, m, n] * w[o, c, a, d]
    return y


def pool_loops(x, size, stride, reduce):
    (height, width), (down, right) = x.shape[-2:], stride
    rows = (height - size[0]) // down + 1
    columns = (width - size[1]) // right + 1
    y = np.zeros((*x.shape[:-2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        window = x[..., i * down : i * down + size[0], j * right : j * right + size[1]]
        y[..., i, j] = reduce(window, axis=(-2, -1))
    return y


@st.composite
def problems(draw):
    """Return x, w and options, with all sizes different so that no transposition passes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batch, channels, outputs = draw(st.permutations([1, 2, 3]))
    taps = draw(st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from([1, 2, 3, 4])))
    dilation = draw(st.tuples(st.sampled_from([1, 2]), st.sampled_from([1, 3])))
    stride = draw(st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from([1, 2, 4])))
    pads = draw(st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 2))] * 2))
    size = [(k - 1) * d + 1 + draw(st.integers(0, 5)) for k, d in zip(taps, dilation, strict=True)]
    x = rng.integers(-9, 10, (batch, channels, *size))
    w = rng.integers(-9, 10, (outputs, channels, *taps))
    return x, w, {"padding": pads, "stride": stride, "dilation": dilation}


def as_loops(x, w, options):
    return loops(x, w, options["padding"], options["stride"], options["dilation"])


# -- convolution and cross-correlation -----------------------------------------------------------


@laws
@given(problems())
def test_cross_correlation_against_loops(problem):
    x, w, options = problem
    expected = as_loops(x, w, options)
    exact = cn.cross_correlate(x, w, **options)
    assert exact.dtype == np.int64
    np.testing.assert_array_equal(exact, expected)
    for method in ("gemm", "fft"):
        y = cn.cross_correlate(x.astype(float), w.astype(float), method=method, **options)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-11)
    np.testing.assert_array_equal(
        cn.convolve(x, w, **options), as_loops(x, w[:, :, ::-1, ::-1], options)
    )


def faults():
    """Operations that differ from cross-correlation by one slip each."""

    def stride_off_by_one(x, w, options):
        down, right = options["stride"]
        return as_loops(x, w, options | {"stride": (down + 1, right + 1)})

    return {
        "flipped": lambda x, w, options: as_loops(x, w[:, :, ::-1, ::-1], options),
        "flipped in one axis": lambda x, w, options: as_loops(x, w[:, :, ::-1], options),
        "channels swapped": lambda x, w, options: as_loops(x[:, ::-1], w, options),
        "dilation ignored": lambda x, w, options: as_loops(x, w, options | {"dilation": (1, 1)}),
        "padding at the wrong end": lambda x, w, options: as_loops(
            x, w, options | {"padding": tuple(pad[::-1] for pad in options["padding"])}
        ),
        "stride off by one": stride_off_by_one,
    }


@pytest.mark.parametrize("fault", faults())
def test_the_comparison_catches(fault):
    rng = np.random.default_rng(0)
    x, w = rng.integers(-9, 10, (2, 3, 7, 11)), rng.integers(-9, 10, (5, 3, 2, 3))
    options = {"padding": ((1, 2), (3, 0)), "stride": (1, 2), "dilation": (2, 1)}
    np.testing.assert_array_equal(cn.cross_correlate(x, w, **options), as_loops(x, w, options))
    wrong = faults()[fault](x, w, options)
    assert not np.array_equal(wrong, cn.cross_correlate(x, w, **options))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (3, 5), (5, 7)])
def test_against_scipy(mode, shape):
    rng = np.random.default_rng(1)
    x, w = rng.integers(-9, 10, (7, 11)), rng.integers(-9, 10, shape)
    np.testing.assert_array_equal(
        cn.convolve(x, w, padding=mode), scipy.signal.convolve2d(x, w, mode)
    )
    np.testing.assert_array_equal(
        cn.cross_correlate(x, w, padding=mode), scipy.signal.correlate2d(x, w, mode)
    )
    if mode == "same":
        expected = scipy.ndimage.correlate(x, w, mode="constant")
        np.testing.assert_array_equal(cn.cross_correlate(x, w, padding="same"), expected)
        expected = scipy.ndimage.convolve(x, w, mode="wrap")
        np.testing.assert_array_equal(cn.circular_convolve(x, w), expected)


def test_a_circular_image_has_channels():
    rng = np.random.default_rng(3)
    x, w = rng.integers(-9, 10, (2, 3, 5, 7)), rng.integers(-9, 10, (4, 3, 3, 5))
    parts = [[cn.circular_convolve(x[:, c], w[o, c]) for c in range(3)] for o in range(4)]
    np.testing.assert_array_equal(cn.circular_convolve(x, w), np.sum(parts, axis=1).swapaxes(0, 1))


def test_batches_and_channels_are_what_their_parts_are():
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(2, 4, 3, 7, 11)), rng.normal(size=(5, 3, 2, 3))
    y = cn.cross_correlate(x, w)
    assert y.shape == (2, 4, 5, 6, 9)
    expected = sum(cn.cross_correlate(x[1, 2, c], w[4, c]) for c in range(3))
    np.testing.assert_allclose(y[1, 2, 4], expected, rtol=1e-12)
    plain = cn.cross_correlate(x[0, 0], w[0, 0])
    np.testing.assert_allclose(plain[1], cn.cross_correlate(x[0, 0, 1], w[0, 0]), rtol=1e-13)


def test_integers_are_exact_up_to_the_end_of_int64():
    big = 2**30 + 1
    for scale in (1, 2**30, 2**32 - 5):
        x, w = np.array([[scale, -scale, 7]]), np.array([[big, 3]])
        expected = [[scale * big - 3 * scale, -scale * big + 21]]
        assert cn.cross_correlate(x, w).tolist() == expected
    with pytest.raises(ValueError, match="overflow"):
        cn.cross_correlate([[2**40]], [[2**40]])
    exact = cn.cross_correlate(np.array([[2**40]], dtype=object), np.array([[2**40]], dtype=object))
    assert exact.tolist() == [[2**80]]


def test_a_padding_may_mix_numbers_and_pairs():
    layout = cn.geometry((5, 5), (3, 3), ((1, 2), 3))
    assert layout.pads == ((1, 2), (3, 3))
    assert layout.output == (6, 9)


def test_small_integer_types_do_not_wrap_around():
    x = np.full((3, 3), 255, dtype=np.uint8)
    w = np.full((3, 3), -128, dtype=np.int8)
    assert cn.cross_correlate(x, w).tolist() == [[-9 * 255 * 128]]
    assert cn.cross_correlate(x > 0, np.ones((2, 2), dtype=bool)).tolist() == [[4, 4], [4, 4]]


def test_fractions_stay_fractions():
    exact = np.vectorize(Fraction, otypes=[object])
    rng = np.random.default_rng(3)
    x, w = exact(rng.integers(1, 9, (4, 5))) / 7, exact(rng.integers(1, 9, (2, 3))) / 3
    y = cn.convolve(x, w, padding=1, stride=2)
    assert all(isinstance(v, Fraction) for v in y.flat)
    expected = cn.convolve(x.astype(float), w.astype(float), padding=1, stride=2)
    np.testing.assert_allclose(y.astype(float), expected, rtol=1e-13)
    pooled = cn.average_pool(x, 2)
    assert pooled[0, 0] == sum(x[:2, :2].flat) / 4
    assert isinstance(cn.max_pool_gradient(x, cn.max_pool(x, 2), 2)[0, 0], Fraction | int)


def test_complex_numbers_by_both_methods():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(6, 7)) + 1j * rng.normal(size=(6, 7))
    w = rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))
    by = [cn.cross_correlate(x, w, method=method) for method in ("gemm", "fft")]
    np.testing.assert_allclose(by[0], by[1], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(by[0], scipy.signal.correlate2d(x, w.conj(), "valid"), rtol=1e-12)


@pytest.mark.parametrize("method", ["gemm", "fft"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_type_of_a_result_is_that_of_both_together(method, outputs):
    x, w = np.ones((1, 1, 5, 6)), np.full((outputs, 1, 2, 2), 1 / 3)
    kinds = ["f4", "f8", "c16"]
    for one, other in [("f4", "f4"), ("f8", "f8"), ("f4", "f8"), ("f8", "f4"), ("f8", "c16")]:
        a, b = x.astype(one), w.astype(other)
        for x_given, w_given in [(a, b), (x.astype(other), w.astype(one))]:
            y = cn.cross_correlate(x_given, w_given, method=method)
            assert y.dtype == kinds[max(kinds.index(one), kinds.index(other))]
            np.testing.assert_allclose(y, 4 / 3, rtol=1e-6)
    mixed = cn.cross_correlate((1 + 2j) * x, w, method=method)
    np.testing.assert_allclose(mixed, (1 + 2j) * 4 / 3, rtol=1e-12)
    mixed = cn.cross_correlate(x, (1 + 2j) * w, method=method)
    np.testing.assert_allclose(mixed, (1 + 2j) * 4 / 3, rtol=1e-12)


def test_auto_takes_the_fft_for_large_filters_of_floats_only():
    x = np.ones((256, 256))
    layout = cn.geometry((256, 256), (31, 31))

    def chosen(x, w):
        layout = cn.geometry(x.shape, w.shape)
        return products.chosen_method("auto", x[None, None], w[None, None], layout)

    assert chosen(x, np.ones((31, 31))) == "fft"
    assert chosen(x, np.ones((3, 3))) == "gemm"
    assert chosen(x.astype(int), np.ones((31, 31), dtype=int)) == "gemm"
    assert layout.output == (226, 226)


def test_a_method_that_is_asked_for_is_taken():
    x, w = np.ones((1, 1, 9, 9)), np.ones((1, 1, 2, 2))
    for method in ("gemm", "fft"):
        assert products.chosen_method(method, x, w, cn.geometry((9, 9), (2, 2))) == method
    for loss in (
        lambda a: np.sum(cn.cross_correlate(a, w, method="fft")),
        lambda a: np.sum(cn.cross_correlate(x, a[:, :, :2, :2], method="fft")),
    ):
        with pytest.raises(TypeError, match="takes arrays of floats"):
            grad(loss)(x)


@pytest.mark.parametrize("outputs", [1, 5])
@pytest.mark.parametrize("padding", [0, ((1, 2), (3, 4))])
def test_prices_are_of_what_is_done(monkeypatch, outputs, padding):
    rng = np.random.default_rng(14)
    x, w = rng.normal(size=(2, 3, 16, 18)), rng.normal(size=(outputs, 3, 4, 2))
    layout, copied, transformed = cn.geometry((16, 18), (4, 2), padding), [], []

    def counting(function, seen):
        def counted(a, *arguments):
            seen.append(a.shape)
            return function(a, *arguments)

        return counted

    monkeypatch.setattr(products, "patch_matrix", counting(products.patch_matrix, copied))
    for name in ("rfft2", "irfft2"):
        function = getattr(scipy.fft, name)
        monkeypatch.setattr(products.scipy.fft, name, counting(function, transformed))
    products.by_fft(x, w, layout)
    images = sum(math.prod(shape[:2]) for shape in transformed)
    pixels = 16 * 18 if padding == 0 else 19 * 25
    monkeypatch.setattr(products, "FFT_START", 7.0)
    monkeypatch.setattr(products, "FFT_COST", 0.0)
    spectra = products.fft_price(x, w, layout) - 7
    assert spectra == pixels / 2 * (2 * 3 * outputs) * 4
    monkeypatch.setattr(products, "FFT_COST", 1.0)
    assert products.fft_price(x, w, layout) - spectra - 7 == pixels * images
    products.by_gemm(x, w, layout)
    if outputs == 1:
        expected = products.FILTER_ROW_COST * math.prod((2, 3, 4, 2, *layout.output))
    else:
        expected = sum(map(math.prod, copied)) * (outputs + products.COPY_COST)
    assert products.gemm_price(x, w, layout) == expected


@pytest.mark.parametrize(
    ("batch", "channels", "outputs", "padding", "taps"),
    [
        (1, 1, 1, 0, 11),
        (4, 1, 1, 0, 9),
        (1, 4, 1, 0, 9),
        (1, 1, 4, 0, 8),
        (2, 3, 4, 0, 5),
        (4, 3, 2, 0, 4),
        (1, 1, 1, 9, 10),
        (2, 3, 4, 9, 10),
        (8, 1, 8, 0, 7),
    ],
)
def test_the_smallest_filter_for_the_fft(batch, channels, outputs, padding, taps):
    """Where the timings say so to which the prices are fitted, on images of 96 × 80 pixels."""

    def chosen(k):
        x, w = np.ones((batch, channels, 96, 80)), np.ones((outputs, channels, k, k))
        return products.chosen_method("auto", x, w, cn.geometry((96, 80), (k, k), padding))

    assert next(k for k in range(2, 60) if chosen(k) == "fft") == taps


def test_blocks_of_rows_change_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    x, w = rng.integers(-9, 10, (2, 3, 9, 8)), rng.integers(-9, 10, (4, 3, 3, 2))
    whole = cn.cross_correlate(x, w, stride=(2, 1))
    single = cn.cross_correlate(x, w[:1], dilation=(2, 1))
    floats = x.astype(float), w[:1].astype(float)
    np.testing.assert_array_equal(cn.cross_correlate(*floats, dilation=(2, 1)), single)
    ones = np.ones((2, 1, 7, 7), dtype=int)
    gradient = cn.filter_gradient(x, ones, shape=w[:1].shape)
    blocks = list(products.row_blocks(cn.geometry(x.shape[-2:], w.shape[-2:]), 36, True))
    assert len(blocks) == 1
    monkeypatch.setattr(products, "CACHED_COLUMN_ENTRIES", 600)
    blocks = list(products.row_blocks(cn.geometry(x.shape[-2:], w.shape[-2:]), 36, True))
    assert len(blocks) == 4
    np.testing.assert_array_equal(cn.cross_correlate(*floats, dilation=(2, 1)), single)
    np.testing.assert_array_equal(cn.filter_gradient(x, ones, shape=w[:1].shape), gradient)
    monkeypatch.setattr(products, "MAX_COLUMN_ENTRIES", 600)
    np.testing.assert_array_equal(cn.cross_correlate(x, w, stride=(2, 1)), whole)


def test_no_matrix_of_patches_is_larger_than_allowed(monkeypatch):
    """Where a row fits: with many images of few channels and the other way round."""
    sizes = []

    def recorded(patches):
        sizes.append(patches.size)
        return patch_matrix(patches)

    def recorded_columns(columns, *rest):
        sizes.append(columns.size)
        scatter_patches(columns, *rest)

    patch_matrix, scatter_patches = products.patch_matrix, products.scatter_patches
    for module in (products, operations):
        monkeypatch.setattr(module, "patch_matrix", recorded)
    monkeypatch.setattr(operations, "scatter_patches", recorded_columns)
    monkeypatch.setattr(products, "MAX_COLUMN_ENTRIES", 6 * 6 * 8 * 2)
    monkeypatch.setattr(products, "CACHED_COLUMN_ENTRIES", 6 * 6 * 8)
    for images, channels in [(6, 1), (1, 6)]:
        x, w = np.ones((images, channels, 9, 9)), np.ones((2, channels, 3, 2))
        y = cn.cross_correlate(x, w)
        assert sizes == [576] * 3 + [288]
        sizes.clear()
        cn.filter_gradient(x, y, shape=w.shape)
        assert sizes == [576] * 3 + [288]
        sizes.clear()
        cn.filter_gradient(x, y[:, :1], shape=w[:1].shape)
        assert sizes == [288] * 7
        sizes.clear()
        cn.transposed_cross_correlate(y, w, size=(9, 9))
        assert sizes == [576] * 3 + [288]
        sizes.clear()


def test_a_row_that_does_not_fit_is_a_block_of_its_own():
    layout = cn.geometry((5, 4), (2, 2))
    assert list(products.row_blocks(layout, 10**9)) == [slice(k, k + 1) for k in range(4)]
    whole, blocks = (list(products.row_blocks(layout, 2**14, cached)) for cached in (False, True))
    assert (len(whole), len(blocks)) == (1, 4)
    assert list(products.row_blocks(layout, 2**14)) == whole


def test_the_rows_of_one_filter_come_in_blocks_that_stay_in_the_cache(monkeypatch):
    blocks = []

    def recorded(*arguments, **options):
        blocks.append(list(row_blocks(*arguments, **options)))
        return iter(blocks[-1])

    row_blocks = products.row_blocks
    monkeypatch.setattr(products, "row_blocks", recorded)
    cn.cross_correlate(np.ones((200, 200)), np.ones((9, 9)), method="gemm")
    assert len(blocks[0]) == 6
    assert 192 * 9 * blocks[0][0].stop <= products.CACHED_COLUMN_ENTRIES


@pytest.mark.parametrize("sums", [1, 60, 2**13])
@pytest.mark.parametrize("dtypes", ["dd", "ff", "fd", "df"])
def test_a_small_filter_slides_to_what_patches_give(monkeypatch, dtypes, sums):
    """Over the ends of rows and of images, in blocks that end anywhere."""
    rng = np.random.default_rng(15)
    monkeypatch.setattr(products, "CACHED_SUMS", sums)
    for shape, taps, padding, dilation in [
        ((1, 6, 7), (3, 3), 0, 1),
        ((5, 9, 8), (4, 7), 0, 1),
        ((3, 6, 11), (2, 3), ((2, 1), (0, 3)), (3, 1)),
        ((2, 4, 5), (4, 5), 0, 1),
        ((2, 1, 9), (1, 1), 1, (5, 1)),
        ((3, 7, 1), (3, 1), "same", (2, 1)),
    ]:
        x = rng.integers(-9, 10, (shape[0], 1, *shape[1:]))
        w = rng.integers(-9, 10, (1, 1, *taps))
        layout = cn.geometry(x.shape[2:], taps, padding, 1, dilation)
        floats = [a.astype(kind) for a, kind in zip((x, w), dtypes, strict=True)]
        assert products.slides(*floats, layout)
        y = products.by_gemm(*floats, layout)
        assert y.dtype == np.result_type(*dtypes)
        np.testing.assert_array_equal(y, products.by_gemm(x, w, layout))


@pytest.mark.parametrize(
    ("shape", "kernel", "options", "kind"),
    [
        ((1, 1, 9, 9), (1, 1, 3, products.SLIDING_TAPS + 1), {}, float),
        ((1, 2, 9, 9), (1, 2, 3, 3), {}, float),
        ((1, 1, 9, 9), (2, 1, 3, 3), {}, float),
        ((1, 1, 9, 9), (1, 1, 3, 3), {"stride": (1, 2)}, float),
        ((1, 1, 9, 9), (1, 1, 3, 3), {"stride": (2, 1)}, float),
        ((1, 1, 9, 9), (1, 1, 3, 3), {"dilation": (1, 2)}, float),
        ((1, 1, 9, 9), (1, 1, 3, 3), {}, complex),
    ],
)
def test_no_other_filter_slides(monkeypatch, shape, kernel, options, kind):
    monkeypatch.setattr(products, "by_sliding", None)
    x, w = np.ones(shape, dtype=kind), np.ones(kernel, dtype=kind)
    y = cn.cross_correlate(x, w, method="gemm", **options)
    np.testing.assert_array_equal(y, np.full(y.shape, math.prod(kernel[1:])))


def test_what_lies_between_two_images_does_not_overflow_aloud():
    """The sums across an end are never shown: they may be infinite, and must not warn."""
    x = np.zeros((2, 1, 4, 4))
    x[0, 0, -1, -1] = x[1, 0, 0, 0] = 1.7e308
    w = np.ones((1, 1, 2, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = cn.cross_correlate(x, w)
    assert y.max() == 1.7e308
    assert np.isfinite(y).all()


def test_the_adjoint_in_blocks_minds_both_strides(monkeypatch):
    rng = np.random.default_rng(9)
    w, y = rng.integers(-9, 10, (2, 1, 3, 2)), rng.integers(-9, 10, (3, 2, 5, 7))
    options = {"size": (11, 8), "stride": (2, 1)}
    whole = cn.transposed_cross_correlate(y, w, **options)
    monkeypatch.setattr(products, "MAX_COLUMN_ENTRIES", 1)
    np.testing.assert_array_equal(cn.transposed_cross_correlate(y, w, **options), whole)


# -- sizes -----------------------------------------------------------------------------------------


@laws
@given(
    n=st.integers(1, 23),
    k=st.integers(1, 5),
    s=st.integers(1, 4),
    d=st.integers(1, 2),
)
def test_same_padding_minds_the_stride(n, k, s, d):
    layout = cn.geometry((n, n), (k, k), "same", s, d)
    before, after = layout.pads[0]
    assert layout.output[0] == math.ceil(n / s)
    assert after - before in (0, 1)
    if before + after:  # one zero less would lose an output
        assert (n + before + after - 1 - ((k - 1) * d + 1)) // s + 1 < math.ceil(n / s)


def test_same_padding_that_ignores_the_stride_is_caught():
    assert cn.geometry((8, 8), (3, 3), "same", 2).pads[0] == (0, 1)
    x, w = np.arange(8)[None], np.array([[1, 10, 100]])
    y = cn.cross_correlate(x, w, padding="same", stride=(1, 2))
    assert y.tolist() == [[210, 432, 654, 76]]
    ignoring = cn.cross_correlate(x, w, padding=((0, 0), (1, 1)), stride=(1, 2))
    assert ignoring.shape == y.shape
    assert ignoring.tolist() != y.tolist()


@pytest.mark.parametrize(
    ("k", "stride", "dilation", "pads"),
    [(2, 1, 1, (0, 1)), (2, 1, 2, (1, 1)), (2, 2, 1, (0, 0)), (3, 2, 1, (0, 1)), (4, 1, 1, (1, 2))],
)
def test_same_takes_even_filters_and_puts_an_odd_zero_behind(k, stride, dilation, pads):
    layout = cn.geometry((8, 8), (k, k), "same", stride, dilation)
    assert layout.pads == (pads, pads)
    assert layout.output == (8 // stride, 8 // stride)


# -- adjoints and gradients ------------------------------------------------------------------------


@laws
@given(problems(), st.integers(0, 2**32 - 1))
def test_adjoints_on_integers(problem, seed):
    x, w, options = problem
    y = np.random.default_rng(seed).integers(-9, 10, as_loops(x, w, options).shape)
    inner = int((as_loops(x, w, options) * y).sum())
    back = cn.transposed_cross_correlate(y, w, size=x.shape[-2:], **options)
    assert back.shape == x.shape
    assert int((back * x).sum()) == inner
    w_bar = cn.filter_gradient(x, y, shape=w.shape, **options)
    assert int((w_bar * w).sum()) == inner


def test_the_adjoint_test_catches_an_unflipped_filter():
    rng = np.random.default_rng(6)
    x, w, y = (rng.integers(-9, 10, shape) for shape in [(5, 7), (2, 3), (4, 5)])
    inner = (cn.cross_correlate(x, w) * y).sum()
    assert (x * cn.transposed_cross_correlate(y, w, size=(5, 7))).sum() == inner
    assert (x * cn.cross_correlate(y, w, padding="full")).sum() != inner


def test_transposed_is_the_transposed_matrix():
    w = np.array([[1, 2, 3], [4, 5, 6]])
    options = {"padding": (1, 0), "stride": (2, 1), "dilation": (1, 2)}
    forward = cn.matrix_of(lambda x: cn.cross_correlate(x, w, **options), (5, 7))
    shape = cn.geometry((5, 7), (2, 3), **options).output
    back = cn.matrix_of(
        lambda y: cn.transposed_cross_correlate(y, w, size=(5, 7), **options), shape
    )
    np.testing.assert_array_equal(back, forward.T)


def test_gradients_against_the_tape_and_the_dual_numbers():
    rng = np.random.default_rng(7)
    x, w = rng.normal(size=(2, 3, 7, 8)), rng.normal(size=(4, 3, 3, 2))
    options = {"padding": 1, "stride": 2, "dilation": (1, 2)}

    def loss(x, w):
        return np.sum(np.tanh(cn.convolve(x, w, **options)))

    g = 1 - np.tanh(cn.convolve(x, w, **options)) ** 2
    x_bar = cn.transposed_cross_correlate(g, cn.flip(w), size=(7, 8), **options)
    w_bar = cn.flip(cn.filter_gradient(x, g, shape=w.shape, **options))
    np.testing.assert_allclose(grad(loss)(x, w), x_bar, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(grad(lambda w: loss(x, w))(w), w_bar, rtol=1e-11, atol=1e-13)
    direction = rng.normal(size=x.shape)
    slope = derivative(lambda t: loss(x + t * direction, w))(0.0)
    assert slope == pytest.approx((x_bar * direction).sum(), rel=1e-11, abs=0)


def test_a_single_traced_filter_meets_plain_images():
    rng = np.random.default_rng(10)
    x, w, g = rng.normal(size=(6, 7)), rng.normal(size=(3, 2)), rng.normal(size=(4, 6))
    found = grad(lambda w: np.sum(g * cn.cross_correlate(x, w)))(w)
    np.testing.assert_allclose(found, cn.filter_gradient(x, g, shape=(3, 2)), rtol=1e-12)


def test_the_adjoints_type_is_that_of_both_together():
    small, y = np.full((2, 2), 1 / 3, np.float32), np.full((3, 3), 1 / 3)
    for w, g in [(small, y), (small.astype(float), y.astype(np.float32))]:
        assert cn.transposed_cross_correlate(g, w, size=(4, 4)).dtype == np.float64
    exact = cn.filter_gradient(np.full((2, 2), 2**53 + 1), np.ones((2, 2), int), shape=(1, 1))
    assert exact.dtype == np.int64
    assert exact.tolist() == [[4 * (2**53 + 1)]]
    thirds = np.full((2, 2), Fraction(1, 3))
    assert cn.filter_gradient(thirds, thirds, shape=(1, 1)).tolist() == [[Fraction(4, 9)]]


@pytest.mark.parametrize("taps", [(3, 1), (1, 3)])
def test_the_adjoints_sums_are_bounded_by_the_taps_of_a_filter(taps):
    """Each pixel meets at most so many outputs: 3 · 2⁶¹ fits, and 3 · 2⁶² does not."""
    w, y = np.full(taps, 2**30), np.full((1, 1), 2**31)
    assert cn.transposed_cross_correlate(y, w, size=taps).max() == 2**61
    with pytest.raises(ValueError, match="may overflow int64"):
        cn.transposed_cross_correlate(2 * y, w, size=taps)


# -- pooling ---------------------------------------------------------------------------------------


@laws
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    stride=st.one_of(st.none(), st.tuples(st.integers(1, 3), st.integers(1, 4))),
)
def test_pooling_and_its_gradients(seed, size, stride):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, (2, 3, 5, 7)).astype(float)
    steps = size if stride is None else stride
    largest, mean = cn.max_pool(x, size, stride), cn.average_pool(x, size, stride)
    np.testing.assert_array_equal(largest, pool_loops(x, size, steps, np.max))
    np.testing.assert_allclose(mean, pool_loops(x, size, steps, np.mean), rtol=1e-14)
    g = rng.normal(size=largest.shape)
    by_tape = grad(lambda x: np.sum(g * cn.max_pool(x, size, stride)))(x)
    np.testing.assert_allclose(
        cn.max_pool_gradient(x, g, size, stride), by_tape, rtol=1e-12, atol=1e-14
    )
    by_tape = grad(lambda x: np.sum(g * cn.average_pool(x, size, stride)))(x)
    np.testing.assert_allclose(
        cn.average_pool_gradient(g, x.shape, size, stride), by_tape, rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("shape", [(5, 6), (2, 5, 6), (2, 1, 3, 5, 6)])
def test_traced_images_of_any_number_of_axes_are_pooled(shape):
    x = np.random.default_rng(11).normal(size=shape)
    for pool in (cn.max_pool, cn.average_pool):
        g = np.random.default_rng(12).normal(size=pool(x, (2, 3)).shape)
        value, slope = value_and_grad(lambda x: np.sum(g * pool(x, (2, 3))))(x)  # noqa: B023
        assert value == pytest.approx((g * pool(x, (2, 3))).sum(), rel=1e-12, abs=0)
        assert slope.shape == shape
        step = 1e-3 * np.random.default_rng(13).normal(size=shape)
        change = (g * pool(x + 1e-5 * step, (2, 3))).sum() - value
        assert change == pytest.approx(1e-5 * (slope * step).sum(), rel=1e-3, abs=0)


def test_max_pool_of_negative_numbers_and_integers():
    assert cn.max_pool([[-5, -3], [-4, -9]], 2).tolist() == [[-3]]
    assert cn.max_pool(np.arange(12).reshape(3, 4), 2).dtype == np.int64


# -- bad input -------------------------------------------------------------------------------------

ONES = np.ones((5, 5))
BAD = [
    (lambda: cn.cross_correlate(np.ones(5), ONES), ValueError, "images must have shape"),
    (lambda: cn.cross_correlate(np.ones((0, 5)), ONES), ValueError, "x must not be empty"),
    (lambda: cn.cross_correlate(ONES, np.ones(3)), ValueError, "a filter must have shape"),
    (lambda: cn.cross_correlate(ONES, np.ones((0, 3))), ValueError, "w must not be empty"),
    (lambda: cn.cross_correlate(ONES, np.ones((2, 3, 1, 1))), ValueError, "images must have"),
    (
        lambda: cn.cross_correlate(np.ones((2, 5, 5)), np.ones((2, 3, 1, 1))),
        ValueError,
        "take 3 channels",
    ),
    (lambda: cn.cross_correlate(ONES, np.ones((7, 3))), ValueError, "covers 7×3 pixels"),
    (lambda: cn.cross_correlate(ONES, np.ones((3, 3)), dilation=3), ValueError, "covers 7×7"),
    (lambda: cn.cross_correlate(ONES * np.nan, ONES), ValueError, "x must be finite"),
    (lambda: cn.cross_correlate(ONES, ONES * np.inf), ValueError, "w must be finite"),
    (lambda: cn.cross_correlate(ONES, [["a"]]), TypeError, "w must be numbers"),
    (lambda: cn.cross_correlate(ONES, ONES, stride=0), ValueError, "stride must be at least 1"),
    (lambda: cn.cross_correlate(ONES, ONES, stride=1.5), TypeError, "stride must be an integer"),
    (lambda: cn.cross_correlate(ONES, ONES, stride=(1, 2, 3)), ValueError, "stride must be a"),
    (lambda: cn.cross_correlate(ONES, ONES, dilation=True), TypeError, "dilation must be"),
    (lambda: cn.cross_correlate(ONES, ONES, padding=-1), ValueError, "padding must be at least"),
    (lambda: cn.cross_correlate(ONES, ONES, padding="half"), ValueError, "'valid', 'same', 'full'"),
    (lambda: cn.cross_correlate(ONES, ONES, padding=(1, 2, 3)), ValueError, "padding must be a"),
    (
        lambda: cn.cross_correlate(ONES, ONES, padding=((1, 2, 3), 1)),
        ValueError,
        "padding must be a",
    ),
    (lambda: cn.cross_correlate(ONES, ONES, method="loops"), ValueError, "method must be one"),
    (lambda: cn.cross_correlate([[1]], [[1]], method="fft"), TypeError, "the FFT rounds"),
    (lambda: cn.flip([1, 2]), ValueError, "at least two axes"),
    (lambda: cn.circular_convolve(ONES, np.ones((2, 3))), ValueError, "must be odd"),
    (lambda: cn.circular_convolve(ONES, np.ones((7, 3))), ValueError, "must be odd and at most"),
    (
        lambda: cn.transposed_cross_correlate(ONES, np.ones((3, 3)), size=(5, 5)),
        ValueError,
        r"y must have shape \(…, 3, 3\)",
    ),
    (lambda: cn.filter_gradient(ONES, ONES, shape=(3, 3)), ValueError, "y must have shape"),
    (
        lambda: cn.filter_gradient(np.ones((2, 5, 5)), np.ones((3, 3, 3)), shape=(3, 3)),
        ValueError,
        "x holds 2 images",
    ),
    (lambda: cn.max_pool(np.ones(3), 2), ValueError, "pooling needs images"),
    (lambda: cn.max_pool(ONES, 6), ValueError, "covers 6×6"),
    (lambda: cn.max_pool(ONES * np.nan, 2), ValueError, "finite"),
    (lambda: cn.max_pool_gradient(ONES, ONES, 2), ValueError, "g must have shape"),
    (lambda: cn.average_pool_gradient(ONES, (5, 5), 2), ValueError, "g must have shape"),
    (lambda: cn.count([Conv(1, 3)], (32, 32)), ValueError, "channels, height, width"),
    (lambda: cn.count([Conv(1, 3)], (1, 0, 32)), ValueError, "number in shape"),
    (lambda: cn.count([Conv(0, 3)], (1, 8, 8)), ValueError, "layer's channels must be at"),
    (lambda: cn.count(["Conv"], (1, 8, 8)), TypeError, "layer must be Conv"),
    (lambda: cn.count([Dense((3,)), Conv(1, 3)], (1, 8, 8)), ValueError, "needs an input"),
    (lambda: cn.receptive_fields([Dense((3,))], (1, 8, 8)), TypeError, "layer must be Conv"),
    (lambda: cn.reached([Conv(1, 3)], (1, 8, 8), (6, 0)), ValueError, "not one at"),
    (lambda: cn.spread(np.zeros((3, 3))), ValueError, "not zero"),
    (lambda: cn.spread(np.ones((3, 4))), ValueError, "square"),
    (lambda: cn.energy_profile([3, 0]), ValueError, "number in sizes"),
    (lambda: cn.binary_solutions(np.eye(2), [1]), ValueError, "A must have shape"),
    (lambda: cn.binary_solutions(np.ones((1, 23)), [1]), ValueError, "23 unknowns"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


# -- any numbers ----------------------------------------------------------------------------------


def test_a_mean_of_integers_does_not_wrap():
    assert cn.average_pool(np.full((2, 2), 2**62), 2).tolist() == [[2**62]]
    assert cn.average_pool(np.full((2, 2), 1e308), 2).tolist() == [[1e308]]
    assert cn.average_pool(np.full((3, 3), 6e4, dtype=np.float16), 3).tolist() == [[6e4]]
    exact = cn.average_pool(np.array([[1, 2], [2**70, 0]], dtype=object), 2)
    assert exact.tolist() == [[Fraction(2**70 + 3, 4)]]
    shares = cn.average_pool_gradient(np.array([[1]], dtype=object), (1, 3), (1, 3))
    assert shares.tolist() == [[Fraction(1, 3)] * 3]


def test_a_mean_of_large_integers_is_rounded_once():
    assert cn.average_pool(np.full((1, 2), 2**62), (1, 2)).tolist() == [[2.0**62]]
    assert cn.average_pool(np.full((1, 3), 2**62), (1, 3)).tolist() == [[2.0**62]]
    parts = [[2**62 + 400, 2**62 + 400], [2**62 + 400, 2**62 + 1000]]
    assert cn.average_pool(parts, 2).tolist() == [[2.0**62 + 1024]]


def test_integers_are_added_in_floats_only_where_these_hold_the_sum():
    assert cn.cross_correlate([[2**52, 2**52, 1]], [[1, 1, 1]]).tolist() == [[2**53 + 1]]
    assert cn.average_pool(np.full((1, 3), -(2**62)), (1, 3)).tolist() == [[-(2.0**62)]]
    assert cn.cross_correlate([[1, 2]], [[0.5, 0.25]]).tolist() == [[1.0]]
    assert cn.cross_correlate([[0.5, 0.25]], [[1, 2]]).tolist() == [[1.0]]


def test_a_mean_of_small_integers_takes_the_memory_of_integers():
    x = np.full((300, 300), 10**6)
    assert _peak(cn.average_pool, x, 2) < 3 * x.nbytes


def test_sums_of_the_adjoints_are_bounded_too():
    big = np.full((3, 3), 2**31)
    with pytest.raises(ValueError, match="may overflow int64"):
        cn.transposed_cross_correlate(big, big - 1, size=(5, 5))
    with pytest.raises(ValueError, match="may overflow int64"):
        cn.filter_gradient(big, big, shape=(1, 1))
    exact = cn.transposed_cross_correlate(big.astype(object), (big - 1).astype(object), size=(5, 5))
    assert exact[2, 2] == 9 * 2**31 * (2**31 - 1)
    wrapping = np.array([[np.int64(2**40)]], dtype=object)
    assert cn.cross_correlate(wrapping, wrapping).tolist() == [[2**80]]


def test_the_fft_is_chosen_only_where_every_output_is_accurate():
    x = np.ones((64, 64))
    x[0, 0] = 1e18
    assert cn.cross_correlate(x, np.ones((31, 31)))[-1, -1] == 961
    far = cn.cross_correlate(np.full((128, 128), 1e305), np.full((31, 31), 1e-3))
    np.testing.assert_allclose(far, 9.61e304, rtol=1e-13)
    with pytest.raises(ValueError, match="the result must stay finite"):
        cn.cross_correlate(np.full((64, 64), 1e305), np.ones((64, 64)), method="fft")
    with pytest.raises(ValueError, match="the result must stay finite"):
        cn.cross_correlate([[1e200, -1e200]], [[1e200, 1e200]])


def is_accurate(row, k, *, dilation=1, weight=1.0, kind=float):
    """Ask for an image whose rows are all the same, and a filter of k × k equal weights."""
    x = np.tile(np.asarray(row, dtype=kind), (24, 1))[None, None]
    w = np.full((1, 1, k, k), weight)
    layout = cn.geometry(x.shape[2:], (k, k), dilation=dilation)
    return products.fft_is_accurate(x, w.astype(kind), layout)


def test_every_place_of_a_filter_covers_a_block_half_as_long():
    assert is_accurate(np.arange(24) % 4 == 0, 7)
    assert is_accurate(np.arange(24) % 3 == 0, 6)
    assert not is_accurate(np.arange(24) % 4 == 0, 6)
    assert not is_accurate(np.isin(np.arange(24), [0, 7, 8, 12, 16, 20]), 6), "meets nothing at 1"
    assert not is_accurate(np.arange(24) % 2, 4, dilation=2), "meets nothing at 0"
    assert is_accurate(np.ones(24), 4, dilation=2)


def test_the_bound_minds_each_image_and_no_scale():
    x = np.ones((2, 1, 24, 24))
    x[0] *= 1e-10
    w = np.stack([np.ones((1, 6, 6)), np.full((1, 6, 6), 1e-9)])
    assert products.fft_is_accurate(x, w, cn.geometry((24, 24), (6, 6)))
    assert is_accurate(np.full(24, 1e-3), 6, weight=1e-3)
    assert not is_accurate(np.zeros(24), 6)
    for scale in (2.0**254, 2.0**-254):
        assert is_accurate(np.full(24, scale), 6)
        assert is_accurate(np.ones(24), 6, weight=scale)
    assert not is_accurate(np.full(24, 2.0**255), 6)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_bound_is_a_share_of_the_root_of_the_rounding(kind):
    """The FFT's ε log₂(N) ‖x‖‖w‖ may reach √ε/16 of the least block under a filter."""
    epsilon, row = float(np.finfo(kind).eps), np.ones(24)
    largest = epsilon**-0.5 / 16 / np.log2(24 * 24) * 9 / np.sqrt(36)  # ‖x‖, with 3 × 3 ones
    for share, expected in [(0.99, True), (1.01, False)]:
        row[-1] = np.sqrt(((share * largest) ** 2 - 24 * 23) / 24)
        assert row[-1] > 1
        assert is_accurate(row, 6, kind=kind) is expected


def test_the_bound_is_that_of_the_wider_type():
    x = np.ones((1, 1, 24, 24))
    x[..., -1] = 1e4
    w, layout = np.ones((1, 1, 6, 6)), cn.geometry((24, 24), (6, 6))
    small = [a.astype(np.float32) for a in (x, w)]
    assert products.fft_is_accurate(x, small[1], layout)
    assert products.fft_is_accurate(small[0], w, layout)
    assert not products.fft_is_accurate(*small, layout)


@pytest.mark.parametrize("padding", ["valid", "same", ((20, 3), (0, 14))])
def test_the_error_bound_holds(padding):
    rng = np.random.default_rng(8)
    options = {"padding": padding}
    for _ in range(20):
        x = np.exp(rng.uniform(0, 30) * rng.random((2, 2, 40, 45)))
        w = rng.uniform(0.5, 2, (2, 2, 21, 15))
        layout = cn.geometry(x.shape[-2:], w.shape[-2:], padding)
        if products.fft_is_accurate(x, w, layout):
            exact = cn.cross_correlate(x, w, method="gemm", **options)
            fast = cn.cross_correlate(x, w, method="fft", **options)
            assert (abs(fast - exact) / exact).max() < np.finfo(float).eps ** 0.5 / 16


def _peak(function, *arguments, **options):
    return peak_bytes(lambda: function(*arguments, **options))


def test_memory_is_bounded_in_both_directions(monkeypatch):
    monkeypatch.setattr(products, "MAX_COLUMN_ENTRIES", 2**17)
    x, w = np.random.default_rng(3).normal(size=(250, 250)), np.ones((7, 7))
    y = cn.cross_correlate(x, w)
    limit = 3 * 8 * 2**17 + 4 * x.nbytes
    assert _peak(cn.filter_gradient, x, y, shape=(7, 7)) < limit
    assert _peak(cn.transposed_cross_correlate, y, w, size=(250, 250)) < limit
    np.testing.assert_allclose(
        np.vdot(cn.filter_gradient(x, y, shape=(7, 7)), w), np.vdot(y, y), rtol=1e-12
    )
    back = cn.transposed_cross_correlate(y, w, size=(250, 250))
    np.testing.assert_allclose(np.vdot(back, x), np.vdot(y, y), rtol=1e-12)


def test_pooling_takes_a_few_images_of_memory():
    x = np.random.default_rng(3).normal(size=(120, 120))
    pooled = cn.max_pool(x, 16, 1)
    assert _peak(cn.max_pool, x, 16, 1) < 4 * x.nbytes
    assert _peak(cn.max_pool_gradient, x, pooled, 16, 1) < 9 * x.nbytes
    assert _peak(cn.average_pool, x, 16, 1) < 5 * x.nbytes
    assert _peak(cn.average_pool_gradient, pooled, x.shape, 16, 1) < 5 * x.nbytes


def test_a_flipped_filter_is_a_new_array():
    w = np.ones((2, 2))
    cn.flip(w)[:] = 0
    assert w.all()


MASKED = np.ma.masked_array(np.ones((4, 4)), np.eye(4))
BAD_NUMBERS = [
    (lambda: cn.max_pool(MASKED, 2), TypeError, "x must not be masked"),
    (lambda: cn.average_pool(MASKED, 2), TypeError, "x must not be masked"),
    (lambda: cn.cross_correlate(np.ones((2, 2)), MASKED), TypeError, "w must not be masked"),
    (lambda: cn.flip(MASKED), TypeError, "w must not be masked"),
    (lambda: cn.max_pool(np.array([[3.0, np.nan]], dtype=object), 1), ValueError, "x must be fin"),
    (lambda: cn.max_pool(np.array([[3.0, None]], dtype=object), 1), TypeError, "entry None"),
    (lambda: cn.max_pool([[1, 2], [3]], 1), ValueError, "x must be an array"),
    (lambda: cn.max_pool_gradient([[1.0]], [[np.inf]], 1), ValueError, "g must be finite"),
    (lambda: cn.average_pool_gradient([[np.nan]], (1, 1), 1), ValueError, "g must be finite"),
    (lambda: cn.average_pool_gradient([[1.0]], 2, 2), TypeError, "shape must be a tuple"),
    (lambda: cn.average_pool_gradient([[1.0]], (2.0, 2), 2), TypeError, "number in shape"),
    (
        lambda: cn.transposed_cross_correlate([[1.0]], np.ones((3, 3)), size=3),
        TypeError,
        "size must be a tuple",
    ),
    (
        lambda: cn.transposed_cross_correlate([[1.0]], [[1.0]], size=(1, 1, 1)),
        ValueError,
        "^size must hold 2 integers",
    ),
    (lambda: cn.filter_gradient([[1.0]], [[1.0]], shape=1), TypeError, "shape must be a tuple"),
    (lambda: cn.filter_gradient([[1.0]], [[1.0]], shape=(1,)), ValueError, "2 or 4 integers"),
    (lambda: cn.circular_convolve([1.0], [[1.0]]), ValueError, "images must have"),
    (lambda: cn.circular_convolve([[np.nan]], [[1.0]]), ValueError, "^x must be finite"),
    (lambda: cn.circular_convolve([[1.0]], [[np.nan]]), ValueError, "^w must be finite"),
    (lambda: cn.output_shape(MaxPool(1), (1, 2.5, 2)), TypeError, "in shape must"),
    (lambda: cn.spatial(MaxPool(1), (1, 2.5, 2)), TypeError, "in shape must"),
    (lambda: cn.output_shape(MaxPool(2, 0), (1, 4, 4)), ValueError, "the layer's stride"),
    (lambda: cn.output_shape(MaxPool(0), (1, 4, 4)), ValueError, "the layer's size"),
    (lambda: cn.output_shape(Dense((1.5,)), (1, 4, 4)), TypeError, "in the layer's shape"),
    (lambda: cn.forward([MaxPool(1)], [()], [[[[np.nan]]]]), ValueError, "^x must be finite"),
    (lambda: cn.forward([Dense((1,))], [([[np.nan]],)], [[1]]), ValueError, "^params must be fin"),
    (lambda: cn.matrix_of(np.sin, 3), TypeError, "^shape must be a tuple"),
    (lambda: cn.pack([([np.nan],)]), ValueError, "^params must be finite"),
    (lambda: cn.scores([1.0], [Dense((1,))], [[np.nan]]), ValueError, "^x must be finite"),
    (lambda: cn.matrix_of(None, (1, 2)), TypeError, "^operation must be a function"),
    (lambda: cn.binary_solutions([[0.1, 0.2]], [0.3]), ValueError, "A must hold integers"),
    (lambda: cn.binary_solutions([[1, 2]], [0.5]), ValueError, "b must hold integers"),
    (lambda: cn.spread([[1.0, np.inf], [1.0, 1.0]]), ValueError, "energy must be finite"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD_NUMBERS)
def test_numbers_that_will_not_do_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


FAR = np.full((4, 4), 1e200)
MADE_FOR = cn.initialize([Conv(1, 3, bias=True)], (1, 5, 5), np.random.default_rng(0))
BAD_USE = [
    (lambda: cn.transposed_cross_correlate(FAR, FAR, size=(7, 7)), ValueError, "result must stay"),
    (lambda: cn.filter_gradient(FAR, FAR, shape=(1, 1)), ValueError, "result must stay finite"),
    (lambda: cn.max_pool_gradient([[1, 9, 1]], [[1e308] * 2], (1, 2), 1), ValueError, "must stay"),
    (lambda: cn.max_pool([[1j, 2]], 1), TypeError, "x must be real numbers"),
    (lambda: cn.max_pool_gradient([[1j, 2]], [[1, 2]], 1), TypeError, "x must be real numbers"),
    (lambda: cn.geometry(np.array(5), 3, np.ones(())), TypeError, "size must be an integer"),
    (lambda: cn.geometry(5, 3, np.ones(())), TypeError, "padding must be an integer"),
    (lambda: cn.flip([[cn.flip, 1]]), TypeError, "w must be numbers, got the entry"),
    (lambda: cn.shapes(Conv(1, 3), (1, 5, 5)), TypeError, "layers must be a list"),
    (lambda: cn.shapes(None, (1, 5, 5)), TypeError, "layers must be a list"),
    (lambda: cn.shapes([Conv(1, 3)], None), TypeError, "shape must be a tuple"),
    (lambda: cn.shapes([Conv(1, 3)], (True, 5, 5)), TypeError, "number in shape"),
    (lambda: cn.count([Conv(1, 3, bias="no")], (1, 5, 5)), TypeError, "layer's bias"),
    (lambda: cn.total(cn.count([Conv(1, 3)], (1, 5, 5)), "shape"), ValueError, "field must be one"),
    (lambda: cn.total([1], "neurons"), TypeError, "counts must be"),
    (lambda: cn.initialize([Conv(1, 3)], (1, 5, 5), 0), TypeError, "rng must be"),
    (lambda: cn.forward([Conv(1, 3)], [], ONES[None, None]), ValueError, "params must be a list"),
    (lambda: cn.forward([Conv(1, 3)], MADE_FOR, ONES[None, None]), ValueError, "params must have"),
    (lambda: cn.forward([MaxPool(1)], [[1.0]], ONES[None, None]), ValueError, "must have no"),
    (lambda: cn.forward([MaxPool(1)], [()], ONES), ValueError, "x must be a batch"),
    (lambda: cn.forward([Dense((1,))], [(FAR[:1],)], FAR), ValueError, "result must stay finite"),
    (lambda: cn.forward([], [], ONES, "relu"), TypeError, "activation must be a function"),
    (lambda: cn.reached([Conv(1, 3)], (1, 5, 5), (0, -1)), ValueError, "index in neuron"),
    (lambda: cn.reached([Conv(1, 3)], (1, 5, 5), (0,)), ValueError, "neuron must be a place"),
    (
        lambda: cn.input_gradient([Conv(1, 3)], (1, 5, 5), (0, -1), np.random.default_rng(0)),
        ValueError,
        "index in neuron",
    ),
    (lambda: cn.gradient_energy(0, np.random.default_rng(0)), ValueError, "depth must be at"),
    (lambda: cn.matrix_of(lambda x: 3, (2, 2)), ValueError, "operation must return"),
    (lambda: cn.binary_solutions(np.zeros((1, 30)), [0]), ValueError, "too many to list"),
    (lambda: cn.parts([1, 2]), ValueError, "A must be a matrix"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD_USE)
def test_what_will_not_do_is_named_before_it_is_used(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_fractions_beside_floats_and_integers():
    half = np.array([[Fraction(1, 2)]])
    beside_float = cn.cross_correlate(half, [[0.5]])
    assert beside_float.dtype == float
    beside_integer = cn.cross_correlate(half, [[2**62]])
    assert type(beside_integer[0, 0]) is Fraction
    assert beside_integer[0, 0] == 2**61
    assert cn.filter_gradient(half, [[2**62]], shape=(1, 1)) == 2**61
    assert cn.cross_correlate([[2**70, 1]], [[1]]).tolist() == [[2**70, 1]]
    assert cn.cross_correlate(np.array([[2**64 - 1]], np.uint64), [[2]]).tolist() == [[2**65 - 2]]


def test_the_fft_computes_in_the_wider_type():
    rng = np.random.default_rng(4)
    x, w = rng.normal(size=(40, 40)).astype(np.float32), rng.normal(size=(9, 9))
    for image, taps in [(x, w), (w, x[:5, :5])]:
        exact = cn.cross_correlate(image, taps, method="gemm")
        fast = cn.cross_correlate(image, taps, method="fft")
        assert abs(fast - exact).max() < 1e-13 * abs(exact).max()


def test_a_gradient_of_small_floats_is_one():
    x, g = np.ones((4, 4), np.float32), np.ones((2, 2), np.float32)
    assert cn.max_pool_gradient(x, g, 2).dtype == np.float32
    assert cn.average_pool_gradient(g, (4, 4), 2).dtype == np.float32


def test_integers_in_a_network_become_floats_and_do_not_wrap():
    layers = [Dense((1,), bias=True)]
    params = [(np.array([[2**62, 2**62]]), np.array([2**62]))]
    (y,) = cn.forward(layers, params, np.array([[1, 1]]))
    assert y.tolist() == [[3 * 2.0**62]]


def test_sums_of_large_unknowns_do_not_wrap():
    assert cn.binary_solutions([[2**62, 2**62, 2**62]], [-(2**62)]) == []
    assert cn.binary_solutions([[1]], [2**63]) == []
    assert [x.tolist() for x in cn.binary_solutions([[2**53, 1]], [2**53 + 1])] == [[1, 1]]
    assert cn.binary_solutions([[2**53, 1]], [2**53 + 2]) == []


def test_large_numbers_in_recovery_and_spread():
    assert [x.tolist() for x in cn.binary_solutions([[2**62, 2**62]], [2**63])] == [[1, 1]]
    wide = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    assert cn.spread(wide * 1e308) == cn.spread(wide)


def test_small_integers_in_a_specification_do_not_wrap():
    layers = [Conv(1, np.int8(100)), Conv(1, np.int8(100))]
    assert cn.count(layers, (1, 300, 300))[0].parameters == 10_000
    assert cn.receptive_fields(layers, (1, 300, 300))[-1].size == 199
    assert cn.energy_profile([np.int8(100)] * 2) == cn.energy_profile([100] * 2)


# -- counting --------------------------------------------------------------------------------------

NETWORKS = {
    "sheet": ([Conv(1, 3, 1), MaxPool(2), Conv(1, 3, 1), MaxPool(2), Conv(1, 3, 1)], (1, 16, 16)),
    "mixed": (
        [Conv(3, 3, "same", stride=2, bias=True), AveragePool(2, 1), Conv(2, 2, dilation=2)],
        (2, 11, 11),
    ),
    "head": ([Conv(2, 3, bias=True), MaxPool(3), Dense((7,), bias=True), Dense((5,))], (1, 8, 8)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_counts_against_arrays_and_matrices(name):
    layers, shape = NETWORKS[name]
    params = cn.initialize(layers, shape, np.random.default_rng(0))
    outputs = cn.forward(layers, params, np.random.default_rng(1).normal(size=(1, *shape)))
    before = shape
    for c, layer_params, y in zip(cn.count(layers, shape), params, outputs, strict=True):
        assert c.shape == y.shape[1:]
        assert c.neurons == y.size
        assert c.parameters == sum(p.size for p in layer_params)
        if layer_params:
            weights = [layer_params[0], *(0 * bias for bias in layer_params[1:])]
            matrix = jacobian(lambda x: cn.forward([c.layer], [weights], x[None])[0])(  # noqa: B023
                np.ones(before)
            )
            assert c.connections == np.count_nonzero(matrix)
        before = c.shape


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_connections_with_uneven_padding(stride, dilation):
    layer = Conv(2, 3, ((3, 0), (0, 2)), stride, dilation)
    x, w = np.ones((1, 1, 8, 9)), np.ones((2, 1, 3, 3))
    reached = loops(x, w, layer.padding, (stride, stride), (dilation, dilation))
    [count] = cn.count([layer], (1, 8, 9))
    assert count.connections == reached.sum()


def test_a_step_without_weights_costs_nothing():
    assert cn.step_multiply_adds([MaxPool(2)], (1, 4, 4)) == (0, 0, 0, 0)


def test_the_activation_comes_behind_weights_alone_and_pooling_has_its_stride():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    for layer, pool in [(MaxPool(2, 1), cn.max_pool), (AveragePool(2, 1), cn.average_pool)]:
        [y] = cn.forward([layer], [()], x, lambda z: z + 1)
        np.testing.assert_array_equal(y, pool(x, 2, 1))


def test_a_bias_that_overflows_is_named_whatever_numpy_is_told():
    params = [(np.full((1, 1), 1e308), np.full(1, 1e308))]
    with np.errstate(over="raise"), pytest.raises(ValueError, match="when the bias was added"):
        cn.forward([Dense((1,), bias=True)], params, [[1.0]])


def test_a_layer_holds_integers_of_python_after_it_was_checked():
    for layer in (
        MaxPool(np.int8(2)),
        AveragePool(np.int8(2), np.int8(1)),
        Conv(*[np.int8(2)] * 2),
    ):
        [checked] = layers.checked_layers([layer])
        numbers = [value for value in checked if value is not None and not isinstance(value, str)]
        assert {type(value) for value in numbers} <= {int, bool}


def test_lenet_has_the_known_number_of_parameters():
    lenet = [
        *(Conv(6, 5, 2, bias=True), AveragePool(2), Conv(16, 5, bias=True), AveragePool(2)),
        *(Dense((units,), bias=True) for units in (120, 84, 10)),
    ]
    assert cn.total(cn.count(lenet, (1, 28, 28)), "parameters") == 61_706


def test_networks_run_on_the_tape():
    layers, shape = NETWORKS["head"]
    params = cn.initialize(layers, shape, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(2, *shape))

    def loss(w):
        return np.sum(cn.forward(layers, [(w, params[0][1]), *params[1:]], x, relu)[-1] ** 2)

    w, step = params[0][0], np.zeros(params[0][0].shape)
    step[1, 0, 2, 1] = 1e-6
    numeric = (loss(w + step) - loss(w - step)) / 2e-6
    assert grad(loss)(w)[1, 0, 2, 1] == pytest.approx(numeric, rel=1e-6, abs=0)


# -- a network that is trained ---------------------------------------------------------------------

READER = [Conv(2, 3, 1, bias=True), MaxPool(2), Conv(3, 2), Dense((5,), bias=True)]


def test_a_vector_of_parameters_is_cut_where_it_was_joined():
    params = cn.initialize(READER, (1, 6, 6), np.random.default_rng(0))
    params = [tuple(array + k for array in layer) for k, layer in enumerate(params)]
    vector = cn.pack(params)
    assert vector.shape == (cn.total(cn.count(READER, (1, 6, 6)), "parameters"),)
    np.testing.assert_array_equal(vector[:18].reshape(2, 1, 3, 3), params[0][0])
    back = cn.unpack(vector, READER, (1, 6, 6))
    assert [len(layer) for layer in back] == [2, 0, 1, 2]
    for layer, same in zip(params, back, strict=True):
        for one, other in zip(layer, same, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("length", [70, 99])
def test_a_vector_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match=r"the 109 parameters that the layers need, got shape"):
        cn.unpack(np.zeros(length), READER, (1, 6, 6))


def test_a_network_without_weights_has_a_vector_of_none():
    assert cn.pack([(), ()]).shape == (0,)
    assert cn.unpack([], [MaxPool(2)], (1, 6, 6)) == [()]
    with pytest.raises(ValueError, match=r"vector must hold the 0 parameters"):
        cn.unpack([1.0], [MaxPool(2)], (1, 6, 6))


@pytest.mark.parametrize("layers", [[], [Dense((1,)), MaxPool(1)]])
def test_scores_come_out_of_weights(layers):
    with pytest.raises(ValueError, match=r"layers must end with one that has weights"):
        cn.scores([1.0], layers, np.ones((1, 1)))


def test_scores_have_a_relu_behind_every_layer_with_weights_but_the_last():
    rng = np.random.default_rng(1)
    vector, x = rng.normal(size=109), rng.normal(size=(4, 1, 6, 6))
    (w, b), _, (v,), (U, c) = cn.unpack(vector, READER, (1, 6, 6))
    h = np.maximum(loops(x, w, ((1, 1), (1, 1))) + b[:, None, None], 0)
    h = np.maximum(loops(pool_loops(h, (2, 2), (2, 2), np.max), v), 0)
    expected = h.reshape(4, -1) @ U.T + c
    assert expected.min() < 0
    np.testing.assert_allclose(cn.scores(vector, READER, x), expected, rtol=1e-12)


def test_the_gradient_of_scores_by_differences():
    rng = np.random.default_rng(2)
    vector, direction, x = rng.normal(size=109), rng.normal(size=109), rng.normal(size=(4, 1, 6, 6))

    def loss(p):
        return networks.entropy_of_scores(cn.scores(p, READER, x), [0, 4, 2, 2])

    numeric = (loss(vector + 1e-6 * direction) - loss(vector - 1e-6 * direction)) / 2e-6
    assert grad(loss)(vector) @ direction == pytest.approx(numeric, rel=1e-6, abs=0)


def test_a_network_of_one_layer_has_no_activation():
    np.testing.assert_array_equal(cn.scores(np.array([-1.0]), [Dense((1,))], [[2.0]]), [[-2.0]])


# -- receptive fields ------------------------------------------------------------------------------


@laws
@given(
    specs=st.lists(
        st.one_of(
            st.builds(
                Conv,
                st.just(1),
                st.integers(1, 3),
                st.just("valid"),
                st.integers(1, 2),
                st.integers(1, 2),
            ),
            st.builds(AveragePool, st.integers(1, 3), st.one_of(st.none(), st.integers(1, 2))),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_three_ways_to_the_receptive_field(specs):
    shape = (1, 50, 50)
    field = cn.receptive_fields(specs, shape)[-1]
    mask = cn.reached(specs, shape, (0, 1))[0]
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    assert rows[[0, -1]].tolist() == [0, field.size - 1]
    assert columns[[0, -1]].tolist() == [field.jump, field.jump + field.size - 1]
    g = cn.input_gradient(specs, shape, (0, 1), np.random.default_rng(0))[0]
    np.testing.assert_array_equal(g != 0, mask)


def test_padding_moves_the_field_but_does_not_widen_it():
    layers = [Conv(1, 5, 2), MaxPool(2), Conv(1, 5, 2)]
    fields = cn.receptive_fields(layers, (1, 32, 32))
    assert fields[-1] == (14, 2, -6)
    corner = cn.reached(layers, (1, 32, 32), (0, 0))[0]
    assert np.flatnonzero(corner.any(axis=0)).tolist() == list(range(8))


def test_a_field_starts_where_the_padding_above_does():
    layers = [Conv(1, 3, ((1, 0), (2, 3))), Conv(1, 3, ((2, 1), (0, 0)))]
    assert cn.receptive_fields(layers, (1, 9, 9))[1:] == [(3, 1, -1), (5, 1, -3)]


def test_a_neuron_is_one_of_the_last_layer():
    specs, rng = [Conv(1, 3), Conv(1, 3)], np.random.default_rng(0)
    for call in (cn.reached, lambda *where: cn.input_gradient(*where, rng)):
        with pytest.raises(ValueError, match=r"the last layer has \(3, 3\) neurons"):
            call(specs, (1, 7, 7), (0, 3))
    assert {mask.dtype for mask in cn.reached(specs, (1, 7, 7), (2, 2))} == {np.dtype(bool)}
    specs.append(MaxPool(2, 1))
    with pytest.raises(ValueError, match=r"the last layer has \(2, 2\) neurons"):
        cn.input_gradient(specs, (1, 7, 7), (0, 2), rng)


def test_gradients_run_through_the_activation():
    def tripled(z):
        return 3 * z

    specs, shape = [Conv(1, 3), Conv(1, 2)], (1, 6, 6)
    plain, other = (
        cn.input_gradient(specs, shape, (1, 1), np.random.default_rng(0), *given)
        for given in [(), (tripled,)]
    )
    np.testing.assert_allclose(other, 9 * plain, rtol=1e-12)
    plain, other = (
        cn.gradient_energy(2, np.random.default_rng(0), **given)
        for given in ({}, {"activation": tripled})
    )
    assert plain.shape == (1, 5, 5)
    np.testing.assert_allclose(other, 81 * plain, rtol=1e-12)


def test_the_spread_is_that_of_both_axes():
    row = np.array([[0, 0, 0], [1, 0, 1], [0, 0, 0]])
    for energy in (row, row.T):
        assert cn.spread(energy) == pytest.approx(math.sqrt(0.5), rel=1e-15, abs=0)


def test_energy_profiles_are_laws_of_sums():
    t = sp.symbols("t")
    power = sp.Poly((1 + t + t**2) ** 2 * (1 + t) ** 3, t).all_coeffs()
    profile = cn.energy_profile([3, 2, 3, 2, 2])
    assert profile == [Fraction(int(c), 72) for c in power]
    assert sum(profile) == 1


def test_gradient_energy_of_one_layer_is_its_filters_square():
    energy = cn.gradient_energy(1, np.random.default_rng(3), draws=2)
    rng = np.random.default_rng(3)
    for draw in energy:
        w = cn.initialize([Conv(1, 3)], (1, 3, 3), rng)[0][0]
        rng.normal(size=(1, 1, 3, 3))
        np.testing.assert_allclose(draw, w[0, 0] ** 2, rtol=1e-13)


# -- recovery --------------------------------------------------------------------------------------


@laws
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(1, 5), n=st.integers(1, 8))
def test_binary_solutions_against_plain_search(seed, m, n):
    rng = np.random.default_rng(seed)
    a = rng.integers(-1, 2, (m, n)) * (rng.random((m, n)) < 0.4)
    b = a @ rng.integers(0, 2, n)
    every = np.array(np.meshgrid(*[[0, 1]] * n, indexing="ij")).reshape(n, -1).T
    expected = [x.tolist() for x in every if (a @ x == b).all()]
    assert [x.tolist() for x in cn.binary_solutions(a, b)] == expected


def test_no_solution_where_an_equation_without_unknowns_fails():
    assert cn.binary_solutions(np.array([[0, 0], [1, 0]]), [1, 1]) == []
    assert len(cn.binary_solutions(np.array([[0, 0], [1, 0]]), [0, 1])) == 2


def test_the_lost_image():
    printed = "0 -1 -2 -3 -2 -2 -3 -3 -2 -1 -1 -1 -1 1 1 2 2 2 1 1 1 2 3 2 1"
    result = np.array(printed.split(), dtype=int).reshape(5, 5)
    matrix = cn.matrix_of(lambda x: cn.convolve(x, J, padding=1), (5, 5))
    images = [x.reshape(5, 5) for x in cn.binary_solutions(matrix, result.ravel())]
    assert len(images) == 2
    for image in images:
        np.testing.assert_array_equal(scipy.signal.convolve2d(image, J, "same"), result)
        assert not np.array_equal(scipy.signal.correlate2d(image, J, "same"), result)


# -- figures ---------------------------------------------------------------------------------------


def test_figures_draw():
    image = np.eye(5, dtype=int)
    network = NETWORKS["sheet"][0]
    reader = [Conv(2, 3, 1, bias=True), MaxPool(2), Conv(3, 2), Dense((2,))]
    vector, shares = np.linspace(-1, 1, 50), np.array([[0.9, 0.4], [0.8, 0.5]])
    drawn = [
        figures.slide_figure(image, J, 25),
        figures.solutions_figure([image, 1 - image]),
        figures.null_space_figure([image, -image]),
        figures.detection_figure({"a": image, "b": image.T}, J),
        figures.photo_figure(J),
        figures.parameters_figure(network, [8, 16, 32], 16),
        figures.field_figure(2, 3, 2, 2),
        figures.effective_figure([1, 2, 3], 12),
        figures.equivariance_figure(J, range(4)),
        figures.activation_figure(np.array([[0, 3, 3, 0]]), [[-1, 1]]),
        figures.reader_figure(reader, vector, image),
        figures.readings_figure({"one, 9 neurons": {1: shares, 2: shares}, "other": {1: shares}}),
    ]
    for figure in drawn:
        assert figure.axes
        plt.close(figure)
    assert "output is -1." in figures.slide_alt(image, J, 9)
    assert "14 of the 14 pixels" in figures.field_alt(2, 5, 2, 1)


def test_equivariance_errors_find_the_stride():
    x = np.random.default_rng(0).integers(-99, 100, (12, 12))  # sums without rounding
    errors = figures.equivariance_errors(lambda x: cn.circular_convolve(x, J, 3), x, range(7))
    assert [shift for shift, error in enumerate(errors) if error == 0] == [0, 3, 6]
