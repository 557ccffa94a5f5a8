"""Claims beyond the sheets: what commutes with shifts is a convolution, and what breaks it."""

from __future__ import annotations

from itertools import product
from math import gcd

import numpy as np
import sympy as sp

from byhand import convolutional_networks as cn
from byhand.claims.convolutional_networks import _plain as plain
from byhand.claims.convolutional_networks.image import J, filtered
from byhand.convolutional_networks import figures
from byhand.evidence import by, case, claim, exhaust, holds, once, prove, slip

# -- the theorem ---------------------------------------------------------------------------------


def shifted(images, p):
    return np.roll(images, p, axis=(-2, -1))


def wrapped(m, n, w=J):
    """Return the matrix of a circular convolution on m × n images."""
    return cn.matrix_of(lambda z: cn.circular_convolve(z, w), (m, n))


def shift_matrix(m, n, p):
    return cn.matrix_of(lambda z: shifted(z, p), (m, n))


def difference_to_itself(A, m, n, p):
    """Return AS − SA for the shift by p, entry by entry: its columns and rows are moved."""
    pixels = A.reshape(m, n, m, n)
    ahead = np.roll(pixels, (-p[0], -p[1]), axis=(2, 3))
    behind = np.roll(pixels, p, axis=(0, 1))
    return (ahead - behind).reshape(m * n, m * n)


@claim(
    "beyond-6.commutant",
    "the dimension of all matrices that commute with both shifts by one, on $m\\times n$ images",
    cases=[
        case("1x4", r"$1\times4$", m=1, n=4),
        case("2x3", r"$2\times3$", m=2, n=3),
        case("3x5", r"$3\times5$", m=3, n=5),
    ],
)
def commutant(m=3, n=5):
    """As many as there are filters: whatever commutes is a convolution, for these sizes."""
    unknowns = (m * n) ** 2

    def equations():
        """AS = SA says for each entry that it equals the one a shift further on."""
        entries = np.arange(unknowns).reshape(m, n, m, n)
        rows = []
        for p in ((1, 0), (0, 1)):
            ahead = np.roll(entries, (-p[0], -p[1]), axis=(2, 3)).ravel()
            behind = np.roll(entries, p, axis=(0, 1)).ravel()
            rows += [(a, b) for a, b in zip(ahead.tolist(), behind.tolist(), strict=True)]
        return rows

    def orbits():
        """Each equation says that two entries are equal: count what hangs together."""
        parent = list(range(unknowns))

        def root(i):
            while parent[i] != i:
                i = parent[i]
            return i

        for a, b in equations():
            parent[root(a)] = root(b)
        return sum(root(i) == i for i in range(unknowns))

    def kronecker():
        """Solve AS = SA as a linear system for the entries of A, by singular values."""
        one = np.eye(m * n, dtype=int)
        systems = [
            np.kron(one, S.T) - np.kron(S, one)
            for S in (shift_matrix(m, n, p) for p in ((1, 0), (0, 1)))
        ]
        return unknowns - int(np.linalg.matrix_rank(np.vstack(systems)))

    def convolutions():
        """Count the convolutions that the package makes, by their filters' single pixels."""
        units = np.eye(m * n, dtype=int).reshape(-1, m, n)
        matrices = [circulant(w) for w in units]
        rank = np.linalg.matrix_rank(np.array(matrices).reshape(m * n, -1))
        commuting = all(
            not difference_to_itself(A, m, n, p).any() for A in matrices for p in ((1, 0), (0, 1))
        )
        return int(rank) if commuting else -1

    yield by.enumeration("entries that must be equal", orbits)
    yield by.recursion("singular values of the system AS = SA", kronecker)
    yield by.closed_form("convolutions that are linearly independent", convolutions)
    yield slip("all matrices were counted", lambda: unknowns)


def circulant(w):
    """Return the matrix of the circular convolution with w, index by index."""
    m, n = w.shape
    A = np.zeros((m, n, m, n), dtype=w.dtype)
    for i, j, p, q in np.ndindex(m, n, m, n):
        A[i, j, p, q] = w[(i - p) % m, (j - q) % n]
    return A.reshape(m * n, m * n)


@claim(
    "beyond-6.equivariant",
    r"a matrix $A$ commutes with all shifts if and only if $Ax = w\circledast x$ for $w = A\delta$",
    for_all=r"matrices $A$ for $2\times3$ images",
)
def equivariant(m=2, n=3):
    def proved():
        A = plain.symbols("a", m * n, m * n)
        commutes = sp.And(
            *(
                sp.Eq(entry, 0, evaluate=False)
                for p in ((1, 0), (0, 1))
                for entry in difference_to_itself(A, m, n, p).ravel()
                if entry != 0
            )
        )
        w = A[:, 0].reshape(m, n)
        convolves = plain.equal(A, circulant(w))
        wrong = plain.equal(A, circulant(w[:, ::-1]))
        return prove(sp.Equivalent(commutes, convolves), altered=[sp.Equivalent(commutes, wrong)])

    def solved():
        """Solve the equations of all shifts for the entries, and compare with the convolution."""
        A = plain.symbols("a", m * n, m * n)
        shifts = product(range(m), range(n))
        equations = [e for p in shifts for e in difference_to_itself(A, m, n, p).ravel() if e != 0]
        first = list(A[:, 0])
        (solution,) = sp.linsolve(equations, [a for a in A.ravel() if a not in first] + first)
        names = [a for a in A.ravel() if a not in first] + first
        found = sp.Matrix(A).subs(dict(zip(names, solution, strict=True)))
        same = found == sp.Matrix(circulant(A[:, 0].reshape(m, n)))
        free = len(found.free_symbols)
        return holds(same and free == m * n, "entries that stay free", free)

    yield by.prover("Z3", proved)
    yield by.algebra("the equations solved", solved)


@claim(
    "beyond-6.package",
    "the package's circular convolution is $w\\circledast x$, the filter's middle at the origin",
    for_all=r"$3\times3$ filters on $4\times5$ images",
)
def package():
    def by_entries():
        """Both sides are linear in w: compare the matrices for symbolic weights."""
        w = plain.symbols("w", 3, 3)
        units = np.eye(20, dtype=int).reshape(20, 4, 5).astype(object)
        found = np.array([cn.circular_convolve(x, w).ravel() for x in units]).T
        return found, circulant(around_origin(w, 4, 5))

    def proved():
        found, wanted = by_entries()
        turned = circulant(around_origin(plain.symbols("w", 3, 3)[::-1, ::-1], 4, 5))
        return prove(plain.equal(found, wanted), altered=[plain.equal(found, turned)])

    def spectra():
        w = np.arange(1, 10).reshape(3, 3)
        x = np.arange(20).reshape(4, 5) ** 2 % 7
        centered = np.roll(np.pad(w, ((0, 1), (0, 2))), (-1, -1), axis=(0, 1))
        by_fft = np.fft.ifft2(np.fft.fft2(centered) * np.fft.fft2(x)).real
        gap = np.abs(by_fft - cn.circular_convolve(x, w)).max()
        return holds(gap < 1e-9, "largest gap to products of spectra below", "10⁻⁹")

    yield by.prover("Z3", proved)
    yield by.experiment("NumPy's spectra, for one image", spectra)


def around_origin(w, m, n):
    """Return the m × n image with the middle of a filter at the origin, wrapped around."""
    image = np.zeros((m, n), dtype=object)
    image[: w.shape[0], : w.shape[1]] = w
    return shifted(image, [-(k // 2) for k in w.shape])


# -- the spectrum --------------------------------------------------------------------------------


def angles(m, n):
    return 2 * np.pi * np.arange(m)[:, None] / m, 2 * np.pi * np.arange(n) / n


def eigenvalues(m, n):
    down, right = angles(m, n)
    return -2j * np.sin(down) * (1 + 2 * np.cos(right))


def waves(m, n):
    """Return the matrix whose columns are the images e_θ."""
    return np.fft.ifft2(np.eye(m * n).reshape(-1, m, n)).reshape(m * n, m * n).T * m * n


ROUNDED = {"floor": 1e-13, "because": "sums of 48 floats, rounded; some results are 0"}


@claim("beyond-6.spectrum", r"eigenvalues of $J$ on a $6\times8$ image")
def spectrum(m=6, n=8):
    def by_waves():
        """How much longer each wave gets, at the pixel where it is 1."""
        F = waves(m, n)
        return (wrapped(m, n) @ F)[0].reshape(m, n) / F[0].reshape(m, n)

    yield by.closed_form("the formula", lambda: eigenvalues(m, n), **ROUNDED)
    yield by.recursion(
        "the FFT of the filter", lambda: np.fft.fft2(wrapped(m, n)[:, 0].reshape(m, n)), **ROUNDED
    )
    yield by.experiment("what it does to waves", by_waves, **ROUNDED)
    yield slip("this is the spectrum of the cross-correlation", lambda: -eigenvalues(m, n))


@claim("beyond-6.diagonal", r"$CF$ for the matrix $C$ of $J$, and $F$ whose columns are waves")
def diagonal(m=6, n=8):
    yield by.recursion("the product", lambda: wrapped(m, n) @ waves(m, n), **ROUNDED)
    yield by.closed_form(
        "each wave times its eigenvalue",
        lambda: waves(m, n) * eigenvalues(m, n).ravel(),
        **ROUNDED,
    )


@claim("beyond-6.rank", r"the rank of $J$ on $6\times6$ images without borders")
def rank(m=6, n=6):
    def nonzero():
        """sin θ₁ = 0 at θ₁ = 0 and π, cos θ₂ = −½ at a third of a turn, either way."""
        return (m - gcd(m, 2)) * (n - (gcd(n, 3) == 3) * 2)

    yield by.closed_form("eigenvalues that are not zero", nonzero)
    yield by.algebra("elimination in whole numbers", lambda: sp.Matrix(wrapped(m, n)).rank())
    yield slip("the zeros of both factors overlap", lambda: m * n - 2 * n - 2 * m)


# -- averaging over shifts -----------------------------------------------------------------------


@once
def any_matrix(m=3, n=5, seed=14):
    (B,) = plain.random_integers(seed, (m * n, m * n))
    return B


@claim(
    "beyond-6.average", r"a matrix of random integers for $3\times5$ images, summed over all shifts"
)
def average(m=3, n=5):
    def conjugated():
        shifts = (shift_matrix(m, n, p) for p in np.ndindex(m, n))
        return sum(S.T @ any_matrix() @ S for S in shifts)

    def filter_found():
        """Weight i adds up every entry whose row is i pixels after its column."""
        entries = np.random.default_rng(14).integers(-9, 10, (m, n, m, n))
        w = np.zeros((m, n), dtype=int)
        for (i, j, p, q), entry in np.ndenumerate(entries):
            w[(i - p) % m, (j - q) % n] += entry
        kernel = shifted(w, (m // 2, n // 2))
        return wrapped(m, n, kernel)

    yield by.recursion("conjugated with each shift", conjugated)
    yield by.closed_form("the convolution with the filter that is left", filter_found)
    yield slip("nothing was averaged", lambda: 15 * any_matrix())


@claim("beyond-6.commutes", "shifts that the matrix commutes with, before and after the sum")
def commutes(m=3, n=5):
    def total():
        places = list(np.ndindex(m, n))
        return sum(shift_matrix(m, n, p).T @ any_matrix() @ shift_matrix(m, n, p) for p in places)

    def by_products():
        shifts = [shift_matrix(m, n, p) for p in np.ndindex(m, n)]
        return [sum((A @ S == S @ A).all() for S in shifts) for A in (any_matrix(), total())]

    def by_columns():
        """A column is the image of a pixel; that of the shifted pixel must be shifted alike."""

        def follow(A):
            images = A.T.reshape(m, n, m, n)
            return sum(
                all(
                    (images[(i + p) % m, (j + q) % n] == shifted(images[i, j], (p, q))).all()
                    for i, j in np.ndindex(m, n)
                )
                for p, q in np.ndindex(m, n)
            )

        B = np.random.default_rng(14).integers(-9, 10, (m, n, m, n))
        along = (0, 1, 2, 3)
        summed = sum(np.roll(B, (-p, -q, -p, -q), axis=along) for p, q in np.ndindex(m, n))
        return [follow(A.reshape(m * n, m * n)) for A in (B, summed)]

    yield by.recursion("products of matrices", by_products)
    yield by.enumeration("columns, pixel by pixel", by_columns)


# -- where padding and strides break it ----------------------------------------------------------


@claim("beyond-6.border", "rows where zero padding breaks a shift down by one, 8 rows")
def border(n=8, seed=15):
    def commutator():
        zero = cn.matrix_of(filtered, (n, n))
        down = shift_matrix(n, n, (1, 0))
        broken = (zero @ down - down @ zero).reshape(n, n, -1).any(axis=(1, 2))
        return (np.flatnonzero(broken) + 1).tolist()

    def one_image():
        x = np.random.default_rng(seed).integers(1, 10, (n, n))
        moved = filtered(shifted(x, (1, 0))) - shifted(filtered(x), (1, 0))
        return (np.flatnonzero(moved.any(axis=1)) + 1).tolist()

    yield by.algebra("the commutator", commutator)
    yield by.experiment("an image of random integers", one_image)
    yield by.hand("rows that lack a term", lambda: [1, 2, n])


# -- what is left of it, for which filters and windows -------------------------------------------


def strided_matrix(w, s, n):
    """Return the matrix of the package's circular convolution of n pixels in a row, stride s."""
    units = np.eye(n, dtype=int).reshape(n, 1, n).astype(w.dtype)
    return np.array([cn.circular_convolve(x, w, stride=(1, s))[0] for x in units]).T


def follows(A, p, same=lambda one, other: bool((one == other).all())):
    """Return, for each shift of the output, whether it is what a shift by p of the input does."""
    moved = np.roll(A, -p, axis=1)
    return [same(np.roll(A, q, axis=0), moved) for q in range(len(A))]


@claim(
    "beyond-6.stride-periods",
    "with stride $s$ the output follows the shift by $p$ if and only if $w$ has a period $t$ for "
    "which $s$ divides $t - p$",
    for_all=r"filters $w$ as long as the image and shifts $p$",
    cases=[
        case("9-3", "9 pixels, stride 3", n=9, s=3),
        case("15-3", "15 pixels, stride 3", n=15, s=3),
        case("15-5", "15 pixels, stride 5", n=15, s=5),
    ],
)
def stride_periods(n=9, s=3):
    def proved():
        """A period t makes gcd(t, n) one: the filter repeats what it starts with."""
        w = plain.symbols("w", 1, n)
        A = strided_matrix(w, s, n)

        def repeats(p):
            lengths = {gcd(t, n) for t in range(p % s, n, s)}
            return sp.Or(*(plain.equal(w, np.resize(w[0, :g], n)) for g in lengths))

        def statement(off=0):
            followed = {p: sp.Or(*follows(A, p, plain.equal)) for p in range(1, s)}
            return sp.And(*(sp.Equivalent(one, repeats(p + off)) for p, one in followed.items()))

        return prove(statement(), altered=[statement(off=1)])

    def tried():
        """Filters of zeros and ones with every period, and others; all shifts; index by index."""
        rng, agree, tried = np.random.default_rng(22), 0, 0
        lengths = [g for g in range(1, n + 1) if n % g == 0]
        for g, _ in product(lengths, range(12)):
            w = np.tile(rng.integers(0, 2, g), n // g)
            periods = {t for t in range(n) if (w == np.roll(w, t)).all()}
            rows = np.array([[w[(s * j - i) % n] for i in range(n)] for j in range(n // s)])
            for p in range(n):
                right = any((t - p) % s == 0 for t in periods)
                agree, tried = agree + (any(follows(rows, p)) == right), tried + 1
        return holds(agree == tried, "pairs of a filter and a shift that agree", agree)

    yield by.prover("Z3, of what the package computes", proved)
    yield by.enumeration("filters with all periods, index by index", tried)


@claim(
    "beyond-6.no-period",
    "a filter of at most half of the image's length has no period, unless it is zero",
    for_all=r"filters of 6 numbers on 12 pixels",
)
def no_period(n=12):
    def proved():
        """With one tap more there is one: the two ends, half of the image apart."""

        def statement(taps):
            w = np.array([*plain.symbols("w", taps), *[sp.Integer(0)] * (n - taps)])
            zero = plain.equal(w[:taps], [0] * taps)
            return sp.And(*(sp.Implies(plain.equal(w, np.roll(w, t)), zero) for t in range(1, n)))

        return prove(statement(n // 2), altered=[statement(n // 2 + 1)])

    def solved():
        """The filters with period t are the kernel of S_t − 1, cut to the first six columns."""
        one = np.eye(n, dtype=int)
        equations = [(np.roll(one, t, axis=0) - one)[:, : n // 2] for t in range(1, n)]
        lost = [n // 2 - sp.Matrix(each).rank() for each in equations]
        return holds(not any(lost), "dimensions of filters with a period:", sum(lost))

    yield by.prover("Z3", proved)
    yield by.algebra("ranks of the equations, for each period", solved)


@claim(
    "beyond-6.sharp",
    "shifts of 12 pixels that the taps 1, 0, 0, 0, 0, 0, 1 follow with stride 4",
)
def sharp(n=12, s=4):
    def by_matrices():
        A = strided_matrix(np.array([[1, 0, 0, 0, 0, 0, 1]]), s, n)
        return [p for p in range(n) if any(follows(A, p))]

    def one_image():
        """Add what is six pixels apart, keep every fourth sum, and compare."""
        x = np.random.default_rng(24).permutation(n)
        kept = [[x[(i - p) % n] + x[(i - p + 6) % n] for i in range(0, n, s)] for p in range(n)]
        turned = [kept[0][q:] + kept[0][:q] for q in range(n // s)]
        return [p for p in range(n) if kept[p] in turned]

    yield by.algebra("matrices of the package's convolution", by_matrices)
    yield by.enumeration("sums of pixels of one image", one_image)
    yield by.hand("6 is 2 more than a multiple of 4", lambda: list(range(0, 12, 2)))
    yield slip("the filter has a period of its own", lambda: list(range(0, 12, 4)))


@claim(
    "beyond-6.pool-follows",
    "max pooling of $k$ of $n$ pixels with stride $s$, without borders, follows the shift by $p$ "
    "if and only if $s$ divides $p$ or $k = n$",
    for_all=r"$n\le12$, $k\le n$, divisors $s$ of $n$, and $p < n$",
)
def pool_follows():
    def pooled(x, k, s):
        wrapped = np.pad(x, (0, k - 1), mode="wrap")
        return cn.max_pool(wrapped[None], (1, k), (1, s))[0]

    def settings():
        for n, k in product(range(1, 13), range(1, 13)):
            if k <= n:
                yield from ((n, k, s, p) for s in range(1, n + 1) if n % s == 0 for p in range(n))

    def by_single_pixels():
        """Which windows a pixel lies in is seen on the image of this pixel."""

        def is_right(one, everywhere=True):
            n, k, s, p = one
            A = np.array([pooled(x, k, s) for x in np.eye(n, dtype=int)]).T
            return any(follows(A, p)) == (p % s == 0 or (everywhere and k == n))

        return exhaust(is_right, settings(), altered=lambda one: is_right(one, everywhere=False))

    def one_image(n=12, seed=23):
        """A row of different numbers, moved by each p: is the output a moved one?"""
        x, agree, tried = np.random.default_rng(seed).permutation(n), 0, 0
        for k, s, p in product(range(1, n + 1), (1, 2, 3, 4, 6, 12), range(n)):
            windows = [[x[(s * j + a) % n] for a in range(k)] for j in range(n // s)]
            moved = [[x[(s * j + a - p) % n] for a in range(k)] for j in range(n // s)]
            here, there = np.array([list(map(max, each)) for each in (windows, moved)])
            found = any((np.roll(here, q) == there).all() for q in range(n // s))
            agree, tried = agree + (found >= (p % s == 0 or k == n)), tried + 1
        return holds(agree == tried, "settings in which the shift is followed as it must be", agree)

    yield by.enumeration("single pixels, in every setting", by_single_pixels)
    yield by.experiment("a row of different numbers", one_image)


SHIFTS = range(9)


def survives(operation, x):
    """Return the shifts to the right that some shift of the output follows exactly."""
    outputs = [np.roll(operation(x), u, axis=-1) for u in range(operation(x).shape[-1])]
    moved = [operation(np.roll(x, t, axis=-1)) for t in SHIFTS]
    return [t for t in SHIFTS if any((moved[t] == y).all() for y in outputs)]


def noise(seed=16):
    return np.random.default_rng(seed).integers(-99, 100, (16, 16))


@claim(
    "beyond-6.stride-*",
    "shifts from 0 to 8 that the output follows exactly, one convolution with $J$",
    cases=[case("1", "stride 1", stride=1), case("2", "stride 2", stride=2)],
)
def strides(stride=1):
    def operation(x):
        return cn.circular_convolve(x, J, stride=stride)

    def by_matrices():
        """AS = S′A for a shift S of the input and some shift S′ of the output."""
        A = cn.matrix_of(operation, (4, 16)).reshape(-1, 16 // stride, 4, 16)
        outputs = [np.roll(A, u, axis=1) for u in range(16 // stride)]
        inputs = [np.roll(A, -t, axis=3) for t in SHIFTS]
        return [t for t in SHIFTS if any((inputs[t] == one).all() for one in outputs)]

    yield by.experiment("an image of random integers", lambda: survives(operation, noise()))
    yield by.algebra("matrices, for all images at once", by_matrices)
    yield by.hand("multiples of the stride", lambda: list(range(0, 9, stride)))


@claim("beyond-6.poolings", "shifts that it follows through two poolings")
def poolings():
    def by_loops(x):
        """Convolution, ReLU and pooling twice, index by index."""
        for _ in range(2):
            m, n = x.shape
            y = np.zeros((m, n), dtype=int)
            for i, j, a, b in np.ndindex(m, n, 3, 3):
                y[i, j] += J[a][b] * x[(i + 1 - a) % m, (j + 1 - b) % n]
            y = np.maximum(y, 0)
            places = product(range(0, m, 2), range(0, n, 2))
            x = np.array([y[i : i + 2, j : j + 2].max() for i, j in places]).reshape(m // 2, -1)
        return x

    def photograph():
        part = np.rint(255 * figures.photograph()[100:116, 200:216]).astype(int)
        return survives(by_loops, part)

    yield by.experiment(
        "an image of random integers",
        lambda: survives(lambda x: figures.pooled_twice(x, J), noise()),
    )
    yield by.enumeration("a part of the photograph, by plain loops", photograph)
    yield by.hand("multiples of four", lambda: [0, 4, 8])
