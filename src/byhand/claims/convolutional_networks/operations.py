"""Claims on the operations of chapter 6, their sizes and their adjoints; their ids are E3.1's."""

from __future__ import annotations

from fractions import Fraction as Q
from itertools import pairwise, product

import numpy as np
import scipy.ndimage
import scipy.signal
import sympy as sp

from byhand import convolutional_networks as cn
from byhand.backpropagation import grad, relu
from byhand.claims.convolutional_networks import _plain as plain
from byhand.convolutional_networks import layout
from byhand.evidence import by, case, claim, exhaust, holds, once, prove, slip

# -- cross-correlation and convolution -----------------------------------------------------------


@claim(
    "E3.1.pixel.*",
    "a bright pixel in the middle of $3\\times3$, filtered by $w$ with the rows 1, 2 and 3, 4",
    cases=[
        case("convolution", "convolution", flipped=True),
        case("cross-correlation", "cross-correlation", flipped=False),
    ],
)
def pixel(flipped=True):
    w = np.array([[1, 2], [3, 4]])

    def by_the_package():
        operation = cn.convolve if flipped else cn.cross_correlate
        return operation([[0, 0, 0], [0, 1, 0], [0, 0, 0]], w)

    def by_indices():
        """Where the pixel (1, 1) meets tap (a, b), at place (1 − a, 1 − b), it shows its weight."""
        y = np.zeros((2, 2), dtype=int)
        for (a, b), weight in np.ndenumerate(w):
            y[(a, b) if flipped else (1 - a, 1 - b)] = weight
        return y

    yield by.closed_form("one matrix product of patches", by_the_package)
    yield by.enumeration("the pixel under each tap", by_indices)
    yield slip(
        "this is the other operation",
        lambda: (cn.cross_correlate if flipped else cn.convolve)(np.diag([0, 1, 0]), w),
    )


SETTINGS = {
    "plain": {},
    "stride": {"stride": (2, 3)},
    "dilation": {"dilation": (1, 2)},
    "padding": {"padding": ((1, 2), (0, 3))},
    "all": {"stride": (2, 3), "dilation": (2, 1), "padding": ((1, 2), (0, 3))},
}
"""What the equation's three numbers do, one by one and together; no two axes or sides are alike."""


def by_scipy(x, w, padding=plain.NO_PADS, stride=(1, 1), dilation=(1, 1)):
    """Put zeros around the image and between the taps, correlate, and keep some of the outputs."""
    thin = np.zeros([(k - 1) * d + 1 for k, d in zip(w.shape, dilation, strict=True)], dtype=int)
    thin[:: dilation[0], :: dilation[1]] = w
    y = scipy.signal.correlate2d(np.pad(x, padding), thin, "valid")
    return y[:: stride[0], :: stride[1]]


@claim(
    "E3.1.equation.*",
    r"cross-correlation of integers: an image of $5\times7$ pixels, a filter of $2\times3$ taps",
    cases=[
        case(name, name if options else "none of them", setting=name)
        for name, options in SETTINGS.items()
    ],
)
def equation(setting="all", seed=1):
    x, w = plain.random_integers(seed, (5, 7), (2, 3))
    options = SETTINGS[setting]
    yield by.closed_form(
        "one matrix product of patches", lambda: cn.cross_correlate(x, w, **options)
    )
    yield by.enumeration("plain loops", lambda: plain.cross_correlate(x, w, **options))
    yield by.recursion(
        "SciPy, zeros put in and outputs left out", lambda: by_scipy(x, w, **options)
    )
    yield slip("the filter was turned", lambda: by_scipy(x, w[::-1, ::-1], **options))


@claim(
    "E3.1.taps",
    "the package's tap $(a, b)$ meets pixel $(si + da - p,\\; sj + db - p)$ for output $(i, j)$",
    for_all=r"the 324 settings with $k, s\le3$, $d\le2$, $p\le2$ before and after along one axis",
)
def taps():
    """The weights are powers of 100 and the pixels have numbers: a sum's digits are pixels."""
    across = 2, 2, 1, (1, 0)  # the other axis: k, s, d, padding

    def settings():
        along = product((1, 2, 3), (1, 2, 3), (1, 2), product((0, 1, 2), repeat=2))
        for (k, s, d, pads), turned in product(along, (False, True)):
            pair = ((k, across[0]), (s, across[1]), (d, across[2]), (pads, across[3]))
            yield tuple(both[::-1] for both in pair) if turned else pair

    def outputs(setting, correlate):
        kernel, stride, dilation, padding = setting
        x = 1 + np.arange(6 * 7).reshape(6, 7)
        w = 100 ** np.arange(kernel[0] * kernel[1]).reshape(kernel)
        return correlate(x, w, padding=padding, stride=stride, dilation=dilation)

    def met(setting, one_more=0):
        """Write down, in digits of 100, the pixels that Equation ch6-cross-correlation names."""
        kernel, stride, dilation, padding = setting
        places = [
            [
                [s * i + d * a - pads[0] + one_more for a in range(k)]
                for i in range((n + sum(pads) - (k - 1) * d - 1) // s + 1)
            ]
            for n, k, s, d, pads in zip((6, 7), kernel, stride, dilation, padding, strict=True)
        ]

        def digits(rows, columns):
            pixels = enumerate(product(rows, columns))
            return sum(
                100**power * (1 + 7 * m + n)
                for power, (m, n) in pixels
                if 0 <= m < 6 and 0 <= n < 7
            )

        return [[digits(rows, columns) for columns in places[1]] for rows in places[0]]

    def read_off():
        def as_named(setting):
            return outputs(setting, cn.cross_correlate).tolist() == met(setting)

        def one_off(setting):
            return outputs(setting, cn.cross_correlate).tolist() == met(setting, one_more=1)

        return exhaust(as_named, settings(), altered=one_off)

    def with_scipy():
        x, agree, tried = 1 + np.arange(42).reshape(6, 7), 0, 0
        for k, s, d, before, after in product((1, 2, 3), (1, 2, 3), (1, 2), (0, 1, 2), (0, 1, 2)):
            pairs = ((k, 2), (s, 2), (d, 1), ((before, after), (1, 0)))
            for kernel, stride, dilation, padding in (pairs, [one[::-1] for one in pairs]):
                w = 100 ** np.arange(2 * k).reshape(kernel)
                options = {"padding": padding, "stride": stride, "dilation": dilation}
                same = by_scipy(x, w, **options) == cn.cross_correlate(x, w, **options)
                agree, tried = agree + bool(np.all(same)), tried + 1
        return holds(agree == tried, "settings in which SciPy meets the same pixels", agree)

    yield by.enumeration("every setting, pixel by pixel", read_off)
    yield by.recursion("SciPy, zeros put in and outputs left out", with_scipy)


@claim("E3.1.channels", "two images of three channels, five filters: stride, dilation and padding")
def channels(seed=2):
    x, w = plain.random_integers(seed, (2, 3, 5, 7), (5, 3, 2, 3))
    options = SETTINGS["all"]
    yield by.closed_form(
        "one matrix product of patches", lambda: cn.cross_correlate(x, w, **options)
    )
    yield by.enumeration(
        "plain loops, channel by channel",
        lambda: plain.with_channels(plain.cross_correlate, x, w, **options),
    )
    yield slip(
        "the channels of each filter are in the opposite order",
        lambda: plain.with_channels(by_scipy, x, w[:, ::-1], **options),
    )


@claim("E3.1.cross-correlation", "cross-correlation, full padding")
def full_cross_correlation(seed=3):
    x, w = plain.random_integers(seed, (5, 7), (2, 3))
    pads = ((1, 1), (2, 2))
    yield by.closed_form(
        "one matrix product of patches", lambda: cn.cross_correlate(x, w, padding="full")
    )
    yield by.recursion("SciPy", lambda: scipy.signal.correlate2d(x, w, "full"))
    yield by.enumeration("plain loops", lambda: plain.cross_correlate(x, w, padding=pads))
    yield slip("the filter was turned", lambda: scipy.signal.convolve2d(x, w, "full"))


@claim("E3.1.convolution", "convolution, full padding")
def full_convolution(seed=3):
    def by_the_package():
        x, w = plain.random_integers(seed, (5, 7), (2, 3))
        return cn.convolve(x, w, padding="full")

    def by_scipys():
        rng = np.random.default_rng(seed)
        x, w = rng.integers(-9, 10, (5, 7)), rng.integers(-9, 10, (2, 3))
        return scipy.signal.convolve2d(x, w, "full")

    def by_loops():
        x, w = plain.random_integers(seed, (5, 7), (2, 3))
        return plain.cross_correlate(x, w[::-1, ::-1], padding=((1, 1), (2, 2)))

    def unturned():
        return scipy.signal.correlate2d(*plain.random_integers(seed, (5, 7), (2, 3)), "full")

    yield by.closed_form("one matrix product of patches", by_the_package)
    yield by.recursion("SciPy", by_scipys)
    yield by.enumeration("plain loops", by_loops)
    yield slip("the filter was not turned", unturned)


@claim("E3.1.strided", r"every second row and third column of the convolution $w*x$")
def strided_convolution(seed=3):
    x, w = plain.random_integers(seed, (5, 7), (2, 3))

    def coefficients():
        s, t = sp.symbols("s t")
        xw = sp.Poly(plain.polynomial(x, s, t) * plain.polynomial(w, s, t), s, t)
        return [[xw.coeff_monomial(s**i * t**j) for j in range(0, 9, 3)] for i in range(0, 6, 2)]

    yield by.closed_form(
        "with the stride", lambda: cn.convolve(x, w, padding="full", stride=(2, 3))
    )
    yield by.algebra("coefficients of the product of polynomials", coefficients)
    yield slip(
        "the filter was not turned",
        lambda: scipy.signal.correlate2d(x, w, "full")[::2, ::3],
    )


def symbolic_images():
    return plain.symbols("x", 2, 3), plain.symbols("u", 2, 2), plain.symbols("v", 1, 2)


@claim(
    "E3.1.commutative",
    "$u * x = x * u$ with full padding",
    for_all=r"$x$ of $2\times3$ and $u$ of $2\times2$ numbers",
)
def commutative():
    def proved():
        x, u, _ = symbolic_images()
        one, other = cn.convolve(x, u, padding="full"), cn.convolve(u, x, padding="full")
        altered = cn.cross_correlate(u, x, padding="full")
        return prove(plain.equal(one, other), altered=[plain.equal(one, altered)])

    def polynomials():
        x, u = plain.symbols("x", 2, 3), plain.symbols("u", 2, 2)
        s, t = sp.symbols("s t")
        product_ = sp.expand(plain.polynomial(u, s, t) * plain.polynomial(x, s, t))
        found = sp.expand(plain.polynomial(cn.convolve(x, u, padding="full"), s, t))
        return holds(found == product_, "monomials of the product", len(product_.args))

    yield by.prover("Z3, of what the package computes", proved)
    yield by.algebra("the product of the polynomials", polynomials)


@claim(
    "E3.1.associative",
    "$(x * u) * v = x * (u * v)$ with full padding",
    for_all=r"$x$ of $2\times3$, $u$ of $2\times2$, $v$ of $1\times2$ numbers",
)
def associative():
    x, u, v = symbolic_images()
    full = {"padding": "full"}

    def proved():
        left = cn.convolve(cn.convolve(x, u, **full), v, **full)
        right = cn.convolve(x, cn.convolve(u, v, **full), **full)
        altered = cn.convolve(x, cn.cross_correlate(u, v, **full), **full)
        return prove(plain.equal(left, right), altered=[plain.equal(left, altered)])

    def polynomials():
        s, t = sp.symbols("s t")
        product_ = sp.expand(sp.Mul(*(plain.polynomial(a, s, t) for a in (x, u, v))))
        left = cn.convolve(cn.convolve(x, u, **full), v, **full)
        found = sp.expand(plain.polynomial(left, s, t))
        return holds(found == product_, "monomials of the product", len(product_.args))

    yield by.prover("Z3, of what the package computes", proved)
    yield by.algebra("the product of the three polynomials", polynomials)


@claim(
    "E3.1.turned",
    "exchanging image and filter turns the cross-correlation by 180°",
    for_all=r"$x$ of $2\times3$ and $u$ of $2\times2$ numbers, full padding",
)
def turned():
    x, u, _ = symbolic_images()

    def proved():
        xu, ux = (cn.cross_correlate(*pair, padding="full") for pair in ((x, u), (u, x)))
        return prove(plain.equal(xu, ux[::-1, ::-1]), altered=[plain.equal(xu, ux)])

    def index_by_index():
        xu = plain.cross_correlate(x, u, ((1, 1), (1, 1)))
        ux = plain.cross_correlate(u, x, ((1, 1), (2, 2)))
        gaps = [sp.expand(a - b) for a, b in zip(xu.flat, ux[::-1, ::-1].flat, strict=True)]
        return holds(not any(gaps), "entries that agree", gaps.count(0))

    yield by.prover("Z3, of what the package computes", proved)
    yield by.algebra("plain loops over symbols", index_by_index)


@claim("E3.1.neither", "cross-correlation is not associative")
def not_associative(x=((1, 0, 2),), u=((1, 2),), v=((3, 1),)):
    def by_the_package():
        full = {"padding": "full"}
        left = cn.cross_correlate(cn.cross_correlate(x, u, **full), v, **full)
        right = cn.cross_correlate(x, cn.cross_correlate(u, v, **full), **full)
        return holds((left != right).any(), str(left.tolist()), str(right.tolist()))

    def by_scipys():
        left = scipy.signal.correlate2d(scipy.signal.correlate2d(x, u), v)
        right = scipy.signal.correlate2d(x, scipy.signal.correlate2d(u, v))
        return holds((left != right).any(), str(left.tolist()), str(right.tolist()))

    yield by.closed_form("one matrix product of patches", by_the_package)
    yield by.recursion("SciPy", by_scipys)


# -- sizes ---------------------------------------------------------------------------------------


@claim(
    "E3.1.output-size",
    r"the places $0, s, 2s, \dots$ on $N$ pixels are $n' = \lfloor(N - e)/s\rfloor + 1$: "
    r"$si + e\le N$ exactly for $i < n'$",
    for_all=r"integers $N = n + p_1 + p_2$, $e$, $i$ and $s\ge1$",
)
def output_size():
    def proved():
        n, e, s, i = sp.symbols("N e s i", integer=True)
        fits = s * i + e <= n
        return prove(
            sp.Equivalent(fits, i < layout.places(n, e, s)),
            given=[s >= 1],
            altered=[sp.Equivalent(fits, i < layout.places(n, e, s) - 1)],
        )

    def counted():
        """The package's sizes, and the filter's places on the padded row one by one."""

        def is_right(one, extra=0):
            n, k, s, d, padding = one
            found = cn.geometry((n, n), (k, k), padding, s, d)
            return found.output[0] == len(plain.starts(n, k, s, d, *found.pads[0])) + extra

        cases = list(product((6, 7, 8, 11), (1, 2, 3, 5), (1, 2, 3), (1, 2), ("same", "full", 2)))
        fitting = [(n, k, s, d, p) for n, k, s, d, p in cases if p != 2 or (k - 1) * d < n + 4]
        return exhaust(is_right, fitting, altered=lambda one: is_right(one, extra=1))

    yield by.prover("Z3, in integers", proved)
    yield by.enumeration("the package's sizes, place by place", counted)


@claim(
    "E3.1.extent",
    r"with $e = (k-1)d + 1$ the last of $k$ taps stands on the last of $e$ pixels",
    for_all=r"$k, d\ge1$ up to 12",
)
def extent():
    def is_right(one, extra=0):
        k, d = one
        pixels = {d * a for a in range(k)}
        return layout.extent(k, d) == max(pixels) - min(pixels) + 1 + extra

    def by_scipys_dilation():
        """The width of a row of k ones with d − 1 zeros between."""
        wrong = [
            (k, d)
            for k, d in product(range(1, 13), repeat=2)
            if len(np.trim_zeros(np.kron(np.ones(k), np.eye(1, d)[0]))) != layout.extent(k, d)
        ]
        return holds(not wrong, "of 144 pairs wrong", len(wrong))

    cases = list(product(range(1, 13), repeat=2))
    yield by.enumeration(
        "tap by tap", lambda: exhaust(is_right, cases, altered=lambda one: is_right(one, extra=1))
    )
    yield by.recursion("rows of ones and zeros", by_scipys_dilation)


@claim(
    "E3.1.same",
    r"with $\max(q, 0)$ zeros there are $\lceil n/s\rceil$ outputs, "
    r"$q = (\lceil n/s\rceil - 1)s + e - n$",
    for_all=r"integers $n$ and $e, s\ge1$",
)
def same():
    n, e, s = sp.symbols("n e s", integer=True)

    def proved():
        padded = n + sp.Max(layout.overhang(n, e, s), 0)
        outputs = layout.places(padded, e, s)
        return prove(
            sp.Eq(outputs, sp.ceiling(n / s)),
            given=[e >= 1, s >= 1],
            altered=[sp.Eq(outputs, sp.floor(n / s) + 1)],
        )

    def counted():
        """The package's padding, and the filter's places on the padded row one by one."""

        def is_right(one, ceiling=True):
            n, k, s, d = one
            pads = cn.geometry((n, n), (k, k), "same", s, d).pads[0]
            outputs = len(plain.starts(n, k, s, d, *pads))
            return outputs == (-(-n // s) if ceiling else n // s + 1)

        cases = list(product(range(1, 13), range(1, 6), (1, 2, 3, 4), (1, 2, 3)))
        return exhaust(is_right, cases, altered=lambda one: is_right(one, ceiling=False))

    yield by.prover("Z3, in integers", proved)
    yield by.enumeration("the package's padding, place by place", counted)


@claim(
    "E3.1.same-least",
    r"with $q - 1$ zeros there are fewer than $\lceil n/s\rceil$ outputs",
    for_all=r"integers $n$, $e$ and $s\ge1$",
)
def same_least():
    def proved():
        n, e, s = sp.symbols("n e s", integer=True)
        zeros = layout.overhang(n, e, s)
        outputs = layout.places(n + zeros - 1, e, s)
        return prove(
            outputs < sp.ceiling(n / s),
            given=[s >= 1],
            altered=[layout.places(n + zeros, e, s) < sp.ceiling(n / s)],
        )

    def counted():
        def loses(one, zeros_less=1):
            n, k, s, d = one
            before, after = cn.geometry((n, n), (k, k), "same", s, d).pads[0]
            return len(plain.starts(n, k, s, d, before, after - zeros_less)) < -(-n // s)

        cases = [
            (n, k, s, d)
            for n, k, s, d in product(range(1, 13), range(1, 6), (1, 2, 3, 4), (1, 2, 3))
            if any(cn.geometry((n, n), (k, k), "same", s, d).pads[0])
        ]
        return exhaust(loses, cases, altered=lambda one: loses(one, zeros_less=0))

    yield by.prover("Z3, in integers", proved)
    yield by.enumeration("the package's padding, place by place", counted)


@claim(
    "E3.1.named.*",
    "outputs on 7 pixels, with 3 taps, stride 1 and dilation 2",
    cases=[
        case("valid", "valid", padding="valid"),
        case("same", "same", padding="same"),
        case("full", "full", padding="full"),
    ],
)
def named_paddings(padding="valid", n=7, k=3, d=2):
    def formula():
        e = (k - 1) * d + 1
        return {"valid": n - e + 1, "same": n, "full": n + e - 1}[padding]

    def counted():
        pads = cn.geometry((n, n), (k, k), padding, 1, d).pads[0]
        return len(plain.starts(n, k, 1, d, *pads))

    yield by.closed_form("the table's formula", formula)
    yield by.enumeration("place by place, with the package's zeros", counted)


@claim(
    "E3.1.shift.*",
    'how many pixels behind the image\'s middle the middle of all places lies, with "same" padding',
    cases=[
        case("3", "3 taps on 8 pixels", k=3),
        case("2", "2 taps", k=2),
        case("2-dilated", "2 taps, dilation 2", k=2, d=2),
        case("3-stride-2", "3 taps, stride 2", k=3, s=2),
        case("3-stride-2-on-7", "3 taps, stride 2, on 7 pixels", k=3, s=2, n=7),
        case("1-stride-2", "1 tap, stride 2: the last pixel is left over", k=1, s=2),
    ],
)
def shift(n=8, k=3, s=1, d=1):
    def measured():
        pads = cn.geometry((n, n), (k, k), "same", s, d).pads[0]
        middles = [start + Q((k - 1) * d, 2) for start in plain.starts(n, k, s, d, *pads)]
        return sum(middles) / len(middles) - Q(n - 1, 2)

    def by_parity():
        """Half of the zeros go before; of q < 0 all is left over behind."""
        zeros = (-(-n // s) - 1) * s + (k - 1) * d + 1 - n
        return Q(zeros % 2, 2) if zeros >= 0 else Q(zeros, 2)

    yield by.enumeration("the mean of all places", measured)
    yield by.closed_form("half of q modulo 2", by_parity)


# -- adjoints ------------------------------------------------------------------------------------


@once
def adjoint_problem(seed=4):
    """Return images, filters and outputs with a batch, channels, stride, dilation and padding."""
    return plain.random_integers(seed, (2, 3, 7, 11), (5, 3, 2, 3), (2, 5, 4, 4))


@claim("E3.1.adjoint", r"$\langle Ax, y\rangle$ with a batch, channels, stride, dilation, padding")
def adjoint():
    options = SETTINGS["all"]

    def forward():
        rng = np.random.default_rng(4)
        x, w, y = (rng.integers(-9, 10, s) for s in ((2, 3, 7, 11), (5, 3, 2, 3), (2, 5, 4, 4)))
        return int((plain.with_channels(plain.cross_correlate, x, w, **options) * y).sum())

    def transposed():
        x, w, y = adjoint_problem()
        return int((x * cn.transposed_cross_correlate(y, w, size=(7, 11), **options)).sum())

    def filter_gradient():
        x, w, y = adjoint_problem()
        return int((w * cn.filter_gradient(x, y, shape=w.shape, **options)).sum())

    yield by.enumeration("forward, by plain loops", forward)
    yield by.closed_form("the image beside the transposed convolution", transposed)
    yield by.recursion("the filter beside its gradient", filter_gradient)


@claim(
    "E3.1.adjoint-identity",
    r"$\langle Ax, y\rangle = \langle x, A^Ty\rangle = \langle w, X^Ty\rangle$, stride (2, 1), "
    "dilation (1, 2), padding before the rows and behind the columns",
    for_all=r"$x$ of $3\times4$, $w$ of $2\times2$, $y$ of $2\times3$ numbers",
)
def adjoint_identity():
    x, w, y = plain.symbols("x", 3, 4), plain.symbols("w", 2, 2), plain.symbols("y", 2, 3)
    options = {"stride": (2, 1), "dilation": (1, 2), "padding": ((1, 0), (0, 1))}

    def both_adjoints(y):
        x_bar = cn.transposed_cross_correlate(y, w, size=x.shape, **options)
        w_bar = cn.filter_gradient(x, y, shape=w.shape, **options)
        return (x * x_bar).sum(), (w * w_bar).sum()

    def proved():
        forward = (cn.cross_correlate(x, w, **options) * y).sum()
        statement = plain.equal([forward, forward], both_adjoints(y))
        return prove(statement, altered=[plain.equal([forward] * 2, both_adjoints(y[::-1]))])

    def expanded():
        forward = sp.expand((plain.cross_correlate(x, w, **options) * y).sum())
        x_bar = cn.transposed_cross_correlate(y, w, size=x.shape, **options)
        w_bar = cn.filter_gradient(x, y, shape=w.shape, **options)
        same = [sp.expand((a * b).sum()) == forward for a, b in ((x, x_bar), (w, w_bar))]
        return holds(all(same), "products in the sum", len(forward.args))

    yield by.prover("Z3, of what the package computes", proved)
    yield by.algebra("plain loops, and the sums multiplied out", expanded)


@claim(
    "E3.1.transposed",
    "the matrix of the transposed convolution is the transposed matrix of the convolution",
    for_all=r"filters of $2\times3$ taps on $4\times5$ images, in 48 settings",
)
def transposed():
    def settings():
        pads = (plain.NO_PADS, ((1, 0), (0, 2)), ((0, 1), (1, 1)))
        for padding, s, t, d, e in product(pads, (1, 2), (1, 3), (1, 2), (1, 2)):
            yield {"padding": padding, "stride": (s, t), "dilation": (d, e)}

    units = np.eye(6, dtype=int).reshape(6, 2, 3)

    def matrices(options, w, other=None):
        """Both maps are linear in the filter too: its six unit filters stand for all."""
        size = cn.geometry((4, 5), (2, 3), **options).output
        forward = cn.matrix_of(lambda x: cn.cross_correlate(x, w, **options), (4, 5))
        v = w if other is None else other
        back = cn.matrix_of(
            lambda y: cn.transposed_cross_correlate(y, v, size=(4, 5), **options), size
        )
        return forward, back

    def every_setting():
        def is_transposed(options, turn=False):
            pairs = (matrices(options, w, w[::-1, ::-1] if turn else None) for w in units)
            return all((back == forward.T).all() for forward, back in pairs)

        return exhaust(
            is_transposed, settings(), altered=lambda options: is_transposed(options, turn=True)
        )

    def by_loops():
        """The rows of A from plain loops, for symbolic weights; its columns from the package."""
        w, options = plain.symbols("w", 2, 3), {"stride": (2, 1), "dilation": (1, 2)}
        ones = np.eye(20, dtype=int).reshape(20, 4, 5)
        rows = np.array([plain.cross_correlate(x, w, **options).ravel() for x in ones])
        size = plain.cross_correlate(ones[0], w, **options).shape
        outputs = np.eye(rows.shape[1], dtype=int).reshape(-1, *size)
        columns = [
            cn.transposed_cross_correlate(y.astype(object), w, size=(4, 5), **options).ravel()
            for y in outputs
        ]
        return holds(bool((rows == np.array(columns).T).all()), "entries compared", rows.size)

    yield by.enumeration("every setting, every tap", every_setting)
    yield by.algebra("plain loops over symbols, in one setting", by_loops)


@claim("E3.1.adjoint-full", "with stride 1 and no padding: $A^Ty=w*y$ (full)")
def adjoint_full(seed=5):
    y, w = plain.random_integers(seed, (4, 6), (2, 3))
    yield by.closed_form(
        "the transposed convolution", lambda: cn.transposed_cross_correlate(y, w, size=(5, 8))
    )
    yield by.recursion("SciPy's convolution", lambda: scipy.signal.convolve2d(y, w, "full"))
    yield slip(
        "the filter was turned once too often", lambda: scipy.signal.correlate2d(y, w, "full")
    )


@claim("E3.1.spread", "$A^Ty$ for the $y$ and $w$ of the picture, stride 2")
def spread_out(y=((1, 2), (3, 4)), w=((1, 2, 1), (2, 4, 2), (1, 2, 1))):
    def transposed_matrix():
        forward = cn.matrix_of(lambda x: cn.cross_correlate(x, w, stride=2), (5, 5))
        return (forward.T @ np.ravel(y)).reshape(5, 5)

    yield by.closed_form(
        "the transposed convolution",
        lambda: cn.transposed_cross_correlate(y, w, size=(5, 5), stride=2),
    )
    yield by.enumeration(
        "output by output", lambda: plain.spread(np.array(y), np.array(w), (5, 5), stride=(2, 2))
    )
    yield by.algebra("the transposed matrix", transposed_matrix)
    yield slip(
        "outputs overwrite each other where they should add up",
        lambda: overwritten(y, w),
    )


def overwritten(y, w):
    x = np.zeros((5, 5), dtype=int)
    for (i, j), value in np.ndenumerate(y):
        x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] = value * np.array(w)
    return x


@claim("E3.1.not-inverse", r"$A^TA$ for the filter $(1, 2)$ on three pixels")
def not_inverse(w=((1, 2),)):
    def by_the_package():
        def there_and_back(x):
            return cn.transposed_cross_correlate(cn.cross_correlate(x, w), w, size=(1, 3))

        return cn.matrix_of(there_and_back, (1, 3))

    def product_of_matrices():
        (a, b), *_ = w
        A = sp.Matrix([[a, b, 0], [0, a, b]])
        return (A.T * A).tolist()

    yield by.closed_form("there and back", by_the_package)
    yield by.algebra("the product of the matrices", product_of_matrices)


@once
def loss_problem(seed=6):
    """Return images and filters in floats."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, 3, 7, 11)), rng.normal(size=(5, 3, 2, 3))


def loss(x, w):
    return np.sum(np.sin(cn.cross_correlate(x, w, **SETTINGS["all"])))


ROUNDED = {"rtol": 1e-11, "floor": 1e-13, "because": "sums of 100 floats, rounded"}


@claim("E3.1.image-gradient", r"$\partial L/\partial x$ for $L=\sum\sin(Ax)$")
def image_gradient():
    def by_the_adjoint():
        x, w = loss_problem()
        g = np.cos(cn.cross_correlate(x, w, **SETTINGS["all"]))
        return cn.transposed_cross_correlate(g, w, size=(7, 11), **SETTINGS["all"])

    yield by.closed_form("the transposed convolution", by_the_adjoint, **ROUNDED)

    def by_the_tape():
        rng = np.random.default_rng(6)
        return grad(loss)(rng.normal(size=(2, 3, 7, 11)), rng.normal(size=(5, 3, 2, 3)))

    yield by.autodiff("the tape", by_the_tape, **ROUNDED)


@claim("E3.1.filter-gradient", r"$\partial L/\partial w$")
def filter_gradient():
    def by_the_adjoint():
        x, w = loss_problem()
        g = np.cos(cn.cross_correlate(x, w, **SETTINGS["all"]))
        return cn.filter_gradient(x, g, shape=w.shape, **SETTINGS["all"])

    def by_the_tape():
        x, w = loss_problem()
        return grad(lambda w: loss(x, w))(w)

    def weight_by_weight():
        """Each output's slope times what a filter with this weight alone, a 1, gives there."""
        x, w = loss_problem()
        outputs = plain.with_channels(plain.cross_correlate, x, w, **SETTINGS["all"])
        g = np.cos(outputs.astype(float))
        alone = np.eye(6).reshape(6, 1, 1, 2, 3)
        seen = [
            plain.with_channels(plain.cross_correlate, x[:, [c]], one, **SETTINGS["all"])[:, 0]
            for c, one in product(range(3), alone)
        ]
        found = [[(g[:, o] * one).sum() for one in seen] for o in range(5)]
        return np.array(found, dtype=float).reshape(w.shape)

    yield by.closed_form("the adjoint", by_the_adjoint, **ROUNDED)
    yield by.autodiff("the tape", by_the_tape, **ROUNDED)
    yield by.enumeration("plain loops, weight by weight", weight_by_weight, **ROUNDED)


# -- pooling -------------------------------------------------------------------------------------


@claim(
    "E3.1.pooled.*",
    r"windows of $3\times2$, stride (2, 3)",
    cases=[
        case("max", "max pooling", kind="max"),
        case("average", "average pooling", kind="average"),
    ],
)
def pooled(kind="max", seed=7):
    (x,) = plain.random_integers(seed, (6, 8))
    ours = {"max": cn.max_pool, "average": cn.average_pool}[kind]

    def window_by_window():
        reduce = {"max": max, "average": lambda entries: Q(sum(entries), 6)}[kind]
        return [
            [reduce([int(v) for v in x[i : i + 3, j : j + 2].flat]) for j in range(0, 7, 3)]
            for i in range(0, 4, 2)
        ]

    yield by.closed_form("tap by tap", lambda: ours(x, (3, 2), (2, 3)))
    yield by.enumeration("window by window", window_by_window)


@once
def pooling_problem(seed=8):
    """Return images with many ties, and gradients of the pooled images."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, (2, 3, 7, 11)).astype(float), rng.normal(size=(2, 3, 3, 5))


@claim("E3.1.max-pool", "gradient of max pooling, size 3, stride 2, many ties")
def max_pool_gradient():
    def by_the_formula():
        x, g = pooling_problem()
        return cn.max_pool_gradient(x, g, 3, 2)

    def window_by_window():
        """Equation ch6-max-pool-gradient, a window at a time."""
        rng = np.random.default_rng(8)
        x = rng.integers(0, 4, (2, 3, 7, 11)).astype(float)
        g = rng.normal(size=(2, 3, 3, 5))
        x_bar = np.zeros(x.shape)
        for b, c, i, j in np.ndindex(g.shape):
            window = x[b, c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            largest = window == window.max()
            part = x_bar[b, c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            part += largest * g[b, c, i, j] / largest.sum()
        return x_bar

    def by_the_tape():
        x, g = pooling_problem()
        return grad(lambda x: np.sum(g * cn.max_pool(x, 3, 2)))(x)

    yield by.closed_form("the formula", by_the_formula, **ROUNDED)
    yield by.enumeration("window by window", window_by_window, **ROUNDED)
    yield by.autodiff("the tape", by_the_tape, **ROUNDED)


@claim("E3.1.average-pool", "gradient of average pooling")
def average_pool_gradient():
    def by_the_adjoint():
        x, g = pooling_problem()
        return cn.average_pool_gradient(g, x.shape, 3, 2)

    def by_the_tape():
        x, g = pooling_problem()
        return grad(lambda x: np.sum(g * cn.average_pool(x, 3, 2)))(x)

    def as_a_convolution():
        x, g = pooling_problem()
        ninth = np.full((3, 3), 1 / 9)
        parts = [plain.spread(one, ninth, (7, 11), stride=(2, 2)) for one in g.reshape(-1, 3, 5)]
        return np.array(parts, dtype=float).reshape(x.shape)

    yield by.closed_form("equal parts to all entries", by_the_adjoint, **ROUNDED)
    yield by.autodiff("the tape", by_the_tape, **ROUNDED)
    yield by.enumeration(
        "as the adjoint of equal weights, by plain loops", as_a_convolution, **ROUNDED
    )


# -- activations ---------------------------------------------------------------------------------


@claim(
    "E3.1.stack",
    "cross-correlating with $u$ and then with $v$ is cross-correlating once, with $u*v$ (full)",
    for_all=r"$x$ of $3\times4$, $u$ of $2\times2$, $v$ of $1\times2$ numbers",
)
def stack():
    x = plain.symbols("x", 3, 4)
    u, v = plain.symbols("u", 2, 2), plain.symbols("v", 1, 2)

    def proved():
        twice = cn.cross_correlate(cn.cross_correlate(x, u), v)
        once_, wrong = (
            cn.cross_correlate(x, combine(u, v, padding="full"))
            for combine in (cn.convolve, cn.cross_correlate)
        )
        return prove(plain.equal(twice, once_), altered=[plain.equal(twice, wrong)])

    def index_by_index():
        twice = plain.cross_correlate(plain.cross_correlate(x, u), v)
        s, t = sp.symbols("s t")
        uv = sp.Poly(plain.polynomial(u, s, t) * plain.polynomial(v, s, t), s, t)
        w = np.array([[uv.coeff_monomial(s**i * t**j) for j in range(3)] for i in range(2)])
        gaps = [sp.expand(gap) for gap in (twice - plain.cross_correlate(x, w)).flat]
        return holds(not any(gaps), "outputs that agree", gaps.count(0))

    yield by.prover("Z3, of what the package computes", proved)
    yield by.algebra("plain loops, and the product of the polynomials", index_by_index)


@claim(
    "E3.1.edges.*",
    "the row 0, 0, 5, 5, 0, 0, cross-correlated with $(-1, 1)$",
    cases=[
        case("rising", r"$\mathrm{ReLU}(z)$", sign=1),
        case("falling", r"$\mathrm{ReLU}(-z)$", sign=-1),
    ],
)
def edges(sign=1, row=(0, 0, 5, 5, 0, 0)):
    def rectified():
        return relu(sign * cn.cross_correlate([row], [[-1, 1]]))[0]

    def counted():
        """Compare neighbors, and keep the steps that go the right way."""
        steps = [b - a for a, b in pairwise(row)]
        return [abs(step) if sign * step > 0 else 0 for step in steps]

    yield by.closed_form("the ReLU of a matrix product", rectified)
    yield by.enumeration("pixel beside pixel", counted)
    yield slip(
        "this is the other sign", lambda: relu(-sign * cn.cross_correlate([row], [[-1, 1]]))[0]
    )


@claim(
    "E3.1.both-signs",
    r"$\mathrm{ReLU}(z) + \mathrm{ReLU}(-z) = |z|$",
    for_all="real $z$",
)
def both_signs():
    def proved():
        z = sp.Symbol("z", real=True)
        both = sp.Max(z, 0) + sp.Max(-z, 0)
        right, wrong = (sp.Eq(both, side, evaluate=False) for side in (sp.Abs(z), z))
        return prove(right, altered=[wrong])

    def measured():
        z = plain.random_integers(20, (9, 9))[0].astype(float)
        gap = abs(relu(z) + relu(-z) - np.sqrt(z * z)).max()
        return holds(gap == 0, "largest gap of the package's ReLU:", gap)

    yield by.prover("Z3", proved)
    yield by.experiment("81 numbers of both signs", measured)


@claim(
    "E3.1.relu-pool",
    "ReLU before max pooling and ReLU behind it give the same",
    for_all=r"windows of four numbers",
)
def relu_and_pooling():
    def proved():
        """With the mean it does not hold: a negative number counts behind, and not before."""
        window = plain.symbols("x", 4)

        def most(*numbers):
            return sp.Max(*numbers, evaluate=False)

        before, behind = most(*(most(x, 0) for x in window)), most(most(*window), 0)
        means = sum(most(x, 0) for x in window) / 4, most(sum(window) / 4, 0)
        right, wrong = (sp.Eq(*pair, evaluate=False) for pair in ((before, behind), means))
        return prove(right, altered=[wrong])

    def measured():
        (x,) = plain.random_integers(21, (2, 3, 8, 8))
        same = cn.max_pool(relu(x), 2) == relu(cn.max_pool(x, 2))
        return holds(same.all(), "windows of the package's pooling that agree", int(same.sum()))

    yield by.prover("Z3", proved)
    yield by.experiment("random windows", measured)


# -- how it is computed ----------------------------------------------------------------------------


@claim(
    "E3.1.fft",
    r"a filter of $21\times15$ taps on $60\times50$ pixels, dilation, stride and padding",
)
def by_spectra(seed=9):
    x, w = plain.random_integers(seed, (60, 50), (21, 15))
    options = {"stride": (3, 2), "dilation": (2, 1), "padding": ((4, 1), (0, 5))}

    def spectra():
        return cn.cross_correlate(x.astype(float), w.astype(float), method="fft", **options)

    yield by.recursion("integers, with SciPy's sums", lambda: by_scipy(x, w, **options))
    yield by.closed_form(
        "products of spectra",
        spectra,
        floor=1e-9,
        because="the FFT rounds relative to the largest sums, here about 10⁴",
    )
