"""Claims of E3.1: the lost image."""

from __future__ import annotations

from itertools import product

import numpy as np
import scipy.signal
import sympy as sp

from byhand import convolutional_networks as cn
from byhand.claims.convolutional_networks import _plain as plain
from byhand.evidence import by, case, claim, holds, once, prove, sheet, slip

J = ((-1, -1, -1), (0, 0, 0), (1, 1, 1))
R = (
    (0, -1, -2, -3, -2),
    (-2, -3, -3, -2, -1),
    (-1, -1, -1, 1, 1),
    (2, 2, 2, 1, 1),
    (1, 2, 3, 2, 1),
)
COLUMN, ROW = (1, 0, 1, 0, 1), (1, -1, 0, 1, -1)
"""What D and T take to zero."""

# -- the flipped filter, and the size ------------------------------------------------------------


@claim("E3.1.flip", "the flipped filter", answer=True)
def flipped(w=J):
    def index_by_index():
        k, l = np.shape(w)  # noqa: E741 -- the text's name
        return [[w[k - 1 - a][l - 1 - b] for b in range(l)] for a in range(k)]

    yield by.closed_form("both axes reversed", lambda: cn.flip(w))
    yield by.enumeration("index by index", index_by_index)
    yield by.algebra("turned twice by 90°", lambda: np.rot90(w, 2))
    yield sheet("1 1 1, 0 0 0, −1 −1 −1")
    yield slip("this is the filter as it was", lambda: w)


@claim("E3.1.padding", r"the padding that keeps $5\times5$", answer=True)
def padding(n=5, k=3):
    def search():
        (found,) = (p for p in range(k) if cn.geometry((n, n), (k, k), p).output == (n, n))
        return found

    yield by.enumeration("all that are less than the filter", search)
    yield by.closed_form("half of what the filter sticks out", lambda: (k - 1) // 2)
    yield sheet("1")
    yield slip("with so much padding the filter touches the image with one tap", lambda: k - 1)


# -- the linear map ------------------------------------------------------------------------------


def filtered(images, w=J):
    return cn.convolve(images, w, padding=1)


def difference(m):
    """Return D for m rows."""
    return np.eye(m, k=-1, dtype=int) - np.eye(m, k=1, dtype=int)


def neighbors(n):
    """Return T for n columns."""
    return sum(np.eye(n, k=k, dtype=int) for k in (-1, 0, 1))


@claim("E3.1.matrix", "the matrix $A$ of the map")
def matrix(m=5, n=5):
    yield by.enumeration("the 25 images with a single 1", lambda: cn.matrix_of(filtered, (m, n)))
    yield by.closed_form("the Kronecker product", lambda: np.kron(difference(m), neighbors(n)))
    yield slip("the two factors are exchanged", lambda: np.kron(neighbors(m), difference(n)))


@claim("E3.1.rank", r"the rank of the map on $5\times5$ images")
def rank(m=5, n=5):
    def of_the_factors():
        """One dimension is lost where m is odd, and one where n + 1 is a multiple of three."""
        return (m - m % 2) * (n - (n % 3 == 2))

    yield by.closed_form("the ranks of both factors", of_the_factors)
    yield by.algebra(
        "elimination in whole numbers", lambda: sp.Matrix(cn.matrix_of(filtered, (m, n))).rank()
    )
    yield by.recursion(
        "singular values",
        lambda: int(np.linalg.matrix_rank(np.kron(difference(m), neighbors(n)))),
    )


@claim(
    "E3.1.kernels.*",
    "a vector that the factor takes to zero, with 1 in front",
    cases=[case("D", "$D$", letter="D"), case("T", "$T$", letter="T")],
)
def kernels(letter="D", n=5):
    def by_steps():
        """From z₀ = 0 and z₁ = 1, each equation gives the next entry."""
        z = [0, 1]
        for _ in range(n - 1):
            z.append(z[-2] if letter == "D" else -z[-1] - z[-2])
        return z[1:]

    def null_space():
        M = {"D": difference, "T": neighbors}[letter](n)
        (z,) = sp.Matrix(M).nullspace()
        return list(z / z[0])

    yield by.recursion("entry by entry", by_steps)
    yield by.algebra("the null space", null_space)


# -- which images can be recovered ---------------------------------------------------------------


@claim(
    "E3.1.recurrence",
    r"$\Delta_n = \alpha\Delta_{n-1} - \beta\gamma\,\Delta_{n-2}$ for the determinants of matrices "
    r"with $\alpha$ on the diagonal, $\beta$ above it and $\gamma$ below",
    for_all=r"$\alpha$, $\beta$ and $\gamma$; $n = 2, \dots, 7$",
)
def recurrence(largest=7):
    a, b, c = sp.symbols("alpha beta gamma", real=True)

    def tridiagonal(n):
        entries = {0: a, 1: b, -1: c}
        return sp.Matrix(n, n, lambda i, j: entries.get(j - i, 0))

    def determinants():
        return [sp.Integer(1), *(tridiagonal(n).det() for n in range(1, largest + 1))]

    def proved():
        found = determinants()
        by_two = [a * found[n - 1] - b * c * found[n - 2] for n in range(2, largest + 1)]
        wrong = [a * found[n - 1] + b * c * found[n - 2] for n in range(2, largest + 1)]
        return prove(plain.equal(found[2:], by_two), altered=[plain.equal(found[2:], wrong)])

    def by_permutations():
        """A permutation that moves i by one place at most exchanges neighbors: dominoes."""

        def of(n):
            return sp.Add(
                *(
                    sp.binomial(n - k, k) * a ** (n - 2 * k) * (-b * c) ** k
                    for k in range(n // 2 + 1)
                )
            )

        gaps = [sp.expand(of(n) - a * of(n - 1) + b * c * of(n - 2)) for n in range(2, largest + 1)]
        return holds(not any(gaps), "recurrences that hold", gaps.count(0))

    yield by.prover("Z3, of the expanded determinants", proved)
    yield by.algebra("permutations counted", by_permutations)


@claim(
    "E3.1.determinants.*",
    "the determinants for 1 to 12 rows or columns",
    cases=[case("D", r"$\det D$", letter="D"), case("T", r"$\det T$", letter="T")],
)
def determinants(letter="T", largest=12):
    def measured():
        """Of the matrix of a filter with one column or one row."""
        w = {"D": [[-1], [0], [1]], "T": [[1, 1, 1]]}[letter]
        pads = {"D": (1, 0), "T": (0, 1)}[letter]

        def of(n):
            shape = {"D": (n, 1), "T": (1, n)}[letter]
            M = cn.matrix_of(lambda z: cn.convolve(z, w, padding=pads), shape)
            return sp.Matrix(M).det()

        return [of(n) for n in range(1, largest + 1)]

    def recurred():
        alpha, product_ = {"D": (0, -1), "T": (1, 1)}[letter]
        found = [1, alpha]
        while len(found) <= largest:
            found.append(alpha * found[-1] - product_ * found[-2])
        return found[1:]

    yield by.algebra("determinants of the package's matrices", measured)
    yield by.recursion("the recurrence", recurred)


@claim(
    "E3.1.period",
    r"from $\tau_n = \tau_{n-1} - \tau_{n-2}$ follows $\tau_{n+3} = -\tau_n$, and from "
    r"$\delta_m = \delta_{m-2}$ the period 2",
    for_all="pairs of first numbers",
)
def period():
    def proved():
        first, second, one, other = sp.symbols("tau_0 tau_1 delta_0 delta_1", real=True)
        tau, delta = [first, second], [one, other]
        for _ in range(3):
            tau.append(tau[-1] - tau[-2])
            delta.append(delta[-2])
        statement = plain.equal([tau[3], tau[4], delta[2], delta[3]], [-first, -second, one, other])
        altered = plain.equal([tau[2], tau[3]], [-first, -second])
        return prove(statement, altered=[altered])

    def powers():
        """Of the matrices that make a step."""
        T, D = sp.Matrix([[1, -1], [1, 0]]), sp.Matrix([[0, 1], [1, 0]])
        left = T**3 + sp.eye(2), D**2 - sp.eye(2)
        return holds(
            all(one.is_zero_matrix for one in left), "powers of the steps", str((T**3).tolist())
        )

    yield by.prover("Z3", proved)
    yield by.algebra("powers of the matrix of a step", powers)


@claim("E3.1.recoverable", r"sizes up to $7\times7$ that can be recovered")
def recoverable(largest=7):
    sizes = list(product(range(1, largest + 1), repeat=2))

    def of_full_rank():
        matrices = ((m, n, cn.matrix_of(filtered, (m, n))) for m, n in sizes)
        return [[m, n] for m, n, A in matrices if np.linalg.matrix_rank(A) == m * n]

    yield by.closed_form(
        "the rule", lambda: [[m, n] for m, n in sizes if m % 2 == 0 and n % 3 != 2]
    )
    yield by.recursion("the rank, size by size", of_full_rank)


# -- the null space ------------------------------------------------------------------------------


def patterns(unit=5):
    """Return the ten images that J does not see."""
    units = np.eye(unit, dtype=int)
    return np.array([np.outer(COLUMN, e) for e in units] + [np.outer(e, ROW) for e in units])


@claim("E3.1.null-space", "the dimension of the null space")
def null_space():
    yield by.closed_form("five and five, with one dependency", lambda: len(COLUMN) + len(ROW) - 1)
    yield by.recursion(
        "the ten patterns' rank",
        lambda: int(np.linalg.matrix_rank(patterns().reshape(10, 25))),
    )
    yield by.algebra(
        "the null space of the matrix",
        lambda: len(sp.Matrix(np.kron(difference(5), neighbors(5))).nullspace()),
    )
    yield slip("one pattern is of both kinds, and was counted twice", lambda: 10)


@claim("E3.1.invisible", "the result for each of the ten patterns")
def invisible():
    yield by.closed_form("the convolution", lambda: filtered(patterns()))
    yield by.algebra(
        "the product of the three matrices",
        lambda: difference(5) @ patterns() @ neighbors(5),
    )


# -- whether the printed result is possible ------------------------------------------------------


@claim("E3.1.possible", "the printed result is the result of some real image")
def possible(R=R):
    def ten_checks():
        sums = [*(np.array(R) @ ROW), *(np.array(COLUMN) @ R)]
        return holds(not any(sums), "checks that fail", sum(map(bool, sums)))

    def ranks():
        A = sp.Matrix(cn.matrix_of(filtered, (5, 5)))
        beside = A.row_join(sp.Matrix(np.ravel(R)))
        return holds(beside.rank() == A.rank(), "rank beside the matrix", beside.rank())

    yield by.closed_form("the ten checks", ten_checks)
    yield by.algebra("the rank with the result beside the matrix", ranks)


@claim("E3.1.unseen", "entries of $R$ that no check looks at")
def unseen():
    def by_the_checks():
        places = np.ndindex(5, 5)
        return [[i + 1, j + 1] for i, j in places if COLUMN[i] == 0 and ROW[j] == 0]

    def by_rank():
        A = cn.matrix_of(filtered, (5, 5))
        beside = (np.column_stack([A, e]) for e in np.eye(25, dtype=int))
        free = [np.linalg.matrix_rank(M) == 16 for M in beside]
        return [[k // 5 + 1, k % 5 + 1] for k in np.flatnonzero(free)]

    yield by.closed_form("where both vectors are zero", by_the_checks)
    yield by.recursion("where a unit image leaves the rank as it is", by_rank)


# -- all binary images ---------------------------------------------------------------------------


def derived(a):
    """Return the image that the text derives row by row, with a in its last column."""
    return np.array(
        [[0, 0, 0, 0, a], [0, 0, 1, 1, 1], [1, 1, 1, 1, a], [0, 1, 1, 1, 0], [0, 0, 1, 0, a]]
    )


@once
def by_two_parts(R=R):
    """Return the binary images with the result R, by the package's search."""
    A = cn.matrix_of(filtered, (5, 5))
    return np.array([z.reshape(5, 5) for z in cn.binary_solutions(A, np.ravel(R))])


@once
def by_nine_free_pixels(R=R):
    """Return them by letting the pixels run that exact elimination leaves free."""
    beside = sp.Matrix(np.column_stack([np.kron(difference(5), neighbors(5)), np.ravel(R)]))
    reduced, pivots = beside.rref()
    reduced = np.array(reduced[: len(pivots), :].tolist(), dtype=object)
    free = [k for k in range(25) if k not in pivots]
    found = []
    for choice in product([0, 1], repeat=len(free)):
        z = np.zeros(25, dtype=object)
        z[free] = choice
        z[list(pivots)] = reduced[:, 25] - reduced[:, free] @ z[free]
        if set(z) <= {0, 1}:
            found.append(z.astype(int).reshape(5, 5))
    return np.array(sorted(found, key=lambda z: z.ravel().tolist()))


@claim("E3.1.binary", "all binary images with the printed result", answer=True)
def binary(R=R):
    yield by.enumeration("two parts of 10 and 15 pixels", lambda: by_two_parts(R))
    yield by.algebra("nine pixels that are free", lambda: by_nine_free_pixels(R))
    yield by.hand("row by row", lambda: [derived(0), derived(1)])


@claim("E3.1.stray-row", "row 2 of every binary image with the printed result")
def stray_row():
    def of_all():
        (row,) = {tuple(map(int, image[1])) for image in by_two_parts()}
        return list(row)

    yield by.enumeration("two parts of 10 and 15 pixels", of_all)
    yield by.algebra(
        "nine pixels that are free",
        lambda: np.unique(by_nine_free_pixels()[:, 1], axis=0).ravel(),
    )
    yield sheet("0 0 1 1 1")


@claim("E3.1.parts", "pixels in the parts that do not interact")
def parts():
    def by_parity():
        rows = range(5)
        return sorted(5 * sum(i % 2 == parity for i in rows) for parity in (0, 1))

    def by_the_graph():
        return sorted(len(columns) for _, columns in cn.parts(cn.matrix_of(filtered, (5, 5))))

    yield by.closed_form("rows of either parity", by_parity)
    yield by.recursion("a search in the graph of the matrix", by_the_graph)


@claim(
    "E3.1.row-*",
    "the result, row by row, from the recovered images",
    cases=[
        case("1", "row 1", i=0, sheet="0 −1 −2 −3 −2"),
        case("2", "row 2", i=1, sheet="−2 −3 −3 −2 −1"),
        case("3", "row 3", i=2, sheet="−1 −1 −1 1 1"),
        case("4", "row 4", i=3, sheet="2 2 2 1 1"),
        case("5", "row 5", i=4, sheet="1 2 3 2 1"),
    ],
    answer=True,
)
def result_rows(i=0):
    def row_sums():
        """Three neighbors in each row, then the row above minus the row below."""
        S = np.pad(derived(1) @ neighbors(5), ((1, 1), (0, 0)))
        return S[i] - S[i + 2]

    yield by.closed_form("the convolution of the first image", lambda: filtered(derived(0))[i])
    yield by.recursion("sums of neighbors in the second", row_sums)
    yield by.algebra(
        "SciPy, the first image", lambda: scipy.signal.convolve2d(derived(0), J, "same")[i]
    )
    yield slip(
        "the filter was not turned",
        lambda: scipy.signal.correlate2d(derived(0), J, "same")[i],
    )


@claim("E3.1.real", "the result for an image with other entries")
def real_image(multiples=(2, -3, 5, 0, 1, -4, 3, 3, -1, 2)):
    def image():
        return derived(0) + np.tensordot(multiples, patterns(), 1)

    yield by.closed_form("the convolution", lambda: filtered(image()))
    yield by.algebra(
        "the product of the three matrices", lambda: difference(5) @ image() @ neighbors(5)
    )
    yield by.hand("the printed result", lambda: R)


@claim(
    "E3.1.full-padding",
    "with full padding the image comes back, pixel by pixel from the corner",
    for_all=r"$5\times5$ images of real numbers",
)
def full_padding():
    def back(y):
        """Solve y = J * x for x, from the top left, where only the corner of J lies on x."""
        x = np.zeros((5, 5), dtype=object)
        for i, j in np.ndindex(5, 5):
            taps = product(range(min(3, i + 1)), range(min(3, j + 1)))
            known = sum(J[a][b] * x[i - a, j - b] for a, b in taps if (a, b) != (0, 0))
            x[i, j] = (y[i, j] - known) / sp.Integer(J[0][0])
        return x

    def proved():
        image = plain.symbols("x", 5, 5)
        found = back(cn.convolve(image, J, padding="full"))
        return prove(plain.equal(found, image), altered=[plain.equal(found, image.T)])

    def rank():
        A = cn.matrix_of(lambda z: cn.convolve(z, J, padding="full"), (5, 5))
        return holds(sp.Matrix(A).rank() == 25, "rank", sp.Matrix(A).rank())

    yield by.prover("Z3, of the image that comes back", proved)
    yield by.algebra("the rank with full padding", rank)


# -- how sure the printed digits are -------------------------------------------------------------


@claim("E3.1.checksum", "changes with a binary image: row, column, value")
def checksum(R=R):
    def solve_each():
        A, result = cn.matrix_of(filtered, (5, 5)), np.ravel(R)
        changes = [(k, v) for k, v in product(range(25), range(-3, 4)) if v != result[k]]
        return [
            [k // 5 + 1, k % 5 + 1, v]
            for k, v in changes
            if cn.binary_solutions(A, np.where(np.arange(25) == k, v, result))
        ]

    def all_results():
        """Go through the results of all binary rows 2 and 4, and of all rows 1, 3 and 5."""
        near = set()
        for outputs, inputs in [([1, 3], [0, 2, 4]), ([0, 2, 4], [1, 3])]:
            pixels = 5 * len(inputs)
            images = np.zeros((2**pixels, 5, 5), dtype=int)
            bits = np.arange(2**pixels)[:, None] >> np.arange(pixels) & 1
            images[:, inputs] = bits.reshape(-1, len(inputs), 5)
            results = (difference(5) @ images @ neighbors(5))[:, outputs]
            wrong = results != np.array(R)[outputs]
            for n in np.flatnonzero(wrong.sum(axis=(1, 2)) == 1):
                i, j = np.argwhere(wrong[n])[0]
                near.add((outputs[i] + 1, int(j) + 1, int(results[n, i, j])))
        return sorted(map(list, near))

    yield by.recursion("each of the 150 solved", solve_each)
    yield by.enumeration("the results of all binary images", all_results)
    yield by.hand("steps 3 and 4 with a letter", lambda: [[2, 3, -2], [4, 3, 1]])


@claim("E3.1.flipped", "no binary image has $R$ as its cross-correlation with $J$")
def flipped_result(R=R):
    def search():
        A = cn.matrix_of(lambda z: cn.cross_correlate(z, J, padding=1), (5, 5))
        found = cn.binary_solutions(A, np.ravel(R))
        return holds(not found, "binary images", len(found))

    def by_sign():
        """Row 1 would be T times row 2 of the image, and sums of pixels are not negative."""
        return holds(min(R[0]) < 0, "the least entry of row 1", min(R[0]))

    yield by.enumeration("two parts of 10 and 15 pixels", search)
    yield by.hand("the sign of row 1", by_sign)
    yield sheet("flip & filter", lambda: True)


# -- what J detects ------------------------------------------------------------------------------

LINE = (0, 0, 0, 1, 0, 0, 0)
EDGE = (0, 0, 0, 0, 1, 1, 1)
SECOND = ((-1, -1, -1), (2, 2, 2), (-1, -1, -1))
"""A second difference, smoothed along the row."""


def row_by_row(image, weights):
    """Add three neighbors in each row, then rows with weights from the top."""
    S = np.pad(image @ neighbors(7), ((1, 1), (0, 0)))
    return sum(weight * S[i : i + 7] for i, weight in enumerate(weights))


def picture(profile, across=False):
    """Return an image of 7 × 7 pixels whose rows, or columns, are those of a profile."""
    rows = np.repeat(np.array(profile)[:, None], 7, axis=1)
    return rows.T if across else rows


@claim(
    "E3.1.response.*",
    "responses in the middle column, rows 1 to 7",
    cases=[
        case("line", "$J$ on a line in row 4", profile=LINE),
        case("edge", "$J$ on an edge, rows 5 to 7 bright", profile=EDGE),
        case("vertical-line", "$J$ on a vertical line", profile=LINE, across=True),
        case("second-difference", "second difference on the line", profile=LINE, w=SECOND),
    ],
)
def responses(profile=LINE, across=False, w=J):
    def by_rows():
        turned = [row[0] for row in w[::-1]]
        return row_by_row(picture(profile, across), turned)[:, 3]

    yield by.closed_form(
        "the convolution",
        lambda: cn.convolve(picture(profile, across), w, padding=1)[:, 3],
    )
    yield by.recursion("sums of neighbors, row by row", by_rows)


@claim(
    "E3.1.ramp",
    r"the response to $\alpha i+\beta j$ is $-6\alpha$",
    for_all=r"$\alpha$, $\beta$, $i$, $j$",
)
def ramp():
    a, b, i, j = sp.symbols("alpha beta i j", real=True)

    def proved():
        """Of the package's convolution, on the nine pixels around (i, j)."""
        around = [[a * (i + p) + b * (j + q) for q in (-1, 0, 1)] for p in (-1, 0, 1)]
        ((response,),) = cn.convolve(np.array(around, dtype=object), J)
        return prove(sp.Eq(response, -6 * a, evaluate=False), altered=[sp.Eq(response, -6 * b)])

    def sum_of_nine():
        places = product((-1, 0, 1), repeat=2)  # row p of J holds p
        found = sp.expand(sum(p * (a * (i - p) + b * (j - q)) for p, q in places))
        return holds(found == -6 * a, "the sum of nine", found)

    yield by.prover("Z3, of what the package computes", proved)
    yield by.algebra("nine products expanded", sum_of_nine)


CHOICES = ("horizontal edges", "vertical edges", "horizontal lines", "vertical lines")


@claim("E3.1.detects", "where the response of $J$ is largest", answer="choice", choices=CHOICES)
def detects():
    def largest():
        """Look at the response on the feature itself: beside the edge, on the line."""
        on = {
            "horizontal edges": (picture(EDGE), 3),
            "vertical edges": (picture(EDGE, across=True), 3),
            "horizontal lines": (picture(LINE), 3),
            "vertical lines": (picture(LINE, across=True), 3),
        }
        sizes = {
            name: abs(int(cn.convolve(image, J, padding=1)[i, i]))
            for name, (image, i) in on.items()
        }
        return max(sizes, key=sizes.get)

    yield by.closed_form("the convolution", largest)

    def by_rows():
        """Three neighbors above minus three below; along a row all outputs are alike."""
        above_and_below = {
            "horizontal edges": (EDGE[2], EDGE[4]),
            "vertical edges": (EDGE[3], EDGE[3]),
            "horizontal lines": (LINE[2], LINE[4]),
            "vertical lines": (LINE[3], LINE[3]),
        }
        sizes = {name: abs(3 * up - 3 * down) for name, (up, down) in above_and_below.items()}
        return max(sizes, key=sizes.get)

    yield by.recursion("the row above and the row below", by_rows)
    yield sheet(
        "horizontal line detector",
        lambda: "horizontal lines",
        erratum="the last line of 3.1 says line for edge: on a one-pixel horizontal line the "
        "response is 0, and its two edges answer with opposite signs",
    )
