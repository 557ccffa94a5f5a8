"""Claims beyond the sheets: the fast Fourier transform, and convolution by spectra."""

from __future__ import annotations

import numpy as np
import sympy as sp

from byhand import convolutional_networks as cn
from byhand.claims.convolutional_networks.image import J
from byhand.convolutional_networks import figures
from byhand.evidence import by, case, claim, slip

ROUNDED = {"floor": 1e-12, "because": "sums of floats, rounded; some results are 0"}


@claim("beyond-6.fft", "the spectrum of eight numbers")
def spectrum_of_eight(row=(3, 1, 4, 1, 5, 9, 2, 6)):
    def sums():
        """The definition: each number times a power of the root of one."""
        root = np.exp(-2j * np.pi / len(row))
        return [sum(x * root ** (i * k) for i, x in enumerate(row)) for k in range(len(row))]

    yield by.recursion("NumPy's", lambda: np.fft.fft(row), **ROUNDED)
    yield by.enumeration("sums of eight products", sums, **ROUNDED)
    yield slip("the waves turn the other way", lambda: np.fft.ifft(row) * len(row))


@claim(
    "beyond-6.fft-powers",
    r"the powers of $\omega$ in the matrix of $N = 16$ numbers, put together from halves",
)
def powers(N=16):
    def halves(n):
        """Even columns: those of half the length, twice; odd ones: k more; a sign is n/2 more."""
        if n == 1:
            return np.zeros((1, 1), dtype=int)
        half, k = 2 * halves(n // 2), np.arange(n // 2)[:, None]
        table = np.zeros((n, n), dtype=int)
        table[: n // 2, ::2] = table[n // 2 :, ::2] = half
        table[: n // 2, 1::2] = k + half
        table[n // 2 :, 1::2] = k + half + n // 2
        return table % n

    yield by.recursion("from halves", lambda: halves(N))
    yield by.closed_form("row times column", lambda: np.outer(np.arange(N), np.arange(N)) % N)


@claim(
    "beyond-6.fft-product.*",
    "$(1 + 2t)(3 + t + 4t^2)$ by spectra",
    cases=[
        case("4", "of length 4", N=4),
        case("3", "of length 3, which is too short", N=3),
    ],
)
def product_of_polynomials(N=4, u=(1, 2), v=(3, 1, 4)):
    def folded():
        """Multiply out, and set t to the power N equal to 1."""
        t = sp.Symbol("t")
        powers = [sp.Add(*(a * t**i for i, a in enumerate(each))) for each in (u, v)]
        rest = sp.Poly(sp.rem(sp.expand(powers[0] * powers[1]), t**N - 1, t), t)
        return [int(rest.coeff_monomial(t**i)) for i in range(N)]

    yield by.algebra("the rest modulo a power of t minus 1", folded)
    yield by.recursion(
        "NumPy's spectra", lambda: np.fft.ifft(np.fft.fft(u, N) * np.fft.fft(v, N)).real, **ROUNDED
    )
    yield slip(
        "the spectra were added", lambda: np.add(np.pad(u, (0, N - 2)), np.pad(v, (0, N - 3)))
    )


@claim(
    "beyond-6.fft-cost",
    "products for $N = 1024$ numbers",
    components=("FFT", "by definition"),
)
def cost(N=1024):
    def run():
        """Run it, and count the factors that odd halves are multiplied by."""
        factors = 0

        def transform(x):
            nonlocal factors
            if len(x) == 1:
                return x
            turn = np.exp(-2j * np.pi * np.arange(len(x) // 2) / len(x))
            factors += turn.size
            even, odd = transform(x[::2]), turn * transform(x[1::2])
            return np.concatenate([even + odd, even - odd])

        transform(np.zeros(N))
        return [factors, np.outer(np.arange(N), np.arange(N)).size]

    yield by.closed_form("½N log₂N, and N²", lambda: [N * (N.bit_length() - 1) // 2, N**2])
    yield by.experiment("a run", run)
    yield slip("one of two halves is multiplied", lambda: [N * (N.bit_length() - 1), N**2])


@claim("beyond-6.fft-image", r"$J$ on $64\times64$ pixels of the photograph, without borders")
def image_by_spectra():
    def part():
        return np.rint(255 * figures.photograph()[100:164, 200:264]).astype(int)

    def spectra():
        kernel = np.zeros((64, 64))
        kernel[:3, :3] = J
        kernel = np.roll(kernel, (-1, -1), axis=(0, 1))
        return np.rint(np.fft.ifft2(np.fft.fft2(kernel) * np.fft.fft2(part())).real)

    def rows_and_sums():
        """Sums of three neighbors, and their differences over two rows."""
        x = (255 * figures.photograph()).round().astype(int)[100:164, 200:264]
        s = np.roll(x, 1, axis=1) + x + np.roll(x, -1, axis=1)
        return np.roll(s, 1, axis=0) - np.roll(s, -1, axis=0)

    yield by.closed_form("the package", lambda: cn.circular_convolve(part(), J))
    yield by.recursion("NumPy's spectra, rounded to integers", spectra)
    yield by.algebra("sums of neighbors, and differences of rows", rows_and_sums)
