"""Claims of B1.3: rows that add up, eigenvectors, Markov chains."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import sympy as sp

from byhand import linear_algebra as la
from byhand.backpropagation import hvp
from byhand.claims.linear_algebra._exact import psi, second_differences, symbols
from byhand.evidence import by, case, claim, holds, prove, sheet, slip
from byhand.linear_algebra.figures import CHAINS

A = np.array([[2, -1, 3], [0, 5, -1], [7, -4, 1]])
"""The example: rows that add up to 4."""

P = CHAINS["mixing"]
"""The chapter's chain."""

SLOW = CHAINS["slow"]
"""A chain whose first step may keep 0.9 of a difference; the factor tends to 0.6."""


def in_fractions(P):
    return [[Fraction(p).limit_denominator(1000) for p in row] for row in P.tolist()]


def tenths(chain):
    """Return a chain's probabilities as the fractions that were meant."""
    return sp.Matrix(in_fractions(chain))


# -- the eigenvector -----------------------------------------------------------------------------


@claim("B1.3.row-sums", r"$A\mathbf 1$", answer=True)
def row_sums(A=A):
    yield by.algebra("SymPy's product", lambda: list(sp.Matrix(A) * sp.ones(len(A), 1)))
    yield by.enumeration("each row added up", lambda: [sum(row) for row in A.tolist()])
    yield sheet(
        "‖a₁ᵀ‖₁², ‖a₂ᵀ‖₁², …",
        lambda: np.abs(A).sum(axis=1) ** 2,
        erratum="(13) prints squared 1-norms for the sums of the rows",
    )
    yield slip("the columns are added up", lambda: A.sum(axis=0))
    yield slip("the moduli are added up", lambda: np.abs(A).sum(axis=1))


def rows_that_add_up(n: int):
    """Return an n×n matrix of symbols whose rows add up to m, and m."""
    m = sp.Symbol("m", real=True)
    A = symbols("a", n, n)
    A[:, -1] = m - A[:, :-1].sum(axis=1)
    return A, m


@claim(
    "B1.3.rows",
    r"$A\mathbf 1 = m\mathbf 1$",
    for_all=r"$4\times4$ matrices $A$ whose rows add up to $m$",
)
def ones_is_an_eigenvector(n=4):
    def proved():
        A, m = rows_that_add_up(n)
        ones, others = np.ones(n, dtype=int), np.arange(1, n + 1)

        def eigenvector(v):
            return sp.And(*(sp.Eq(a, m * b, evaluate=False) for a, b in zip(A @ v, v, strict=True)))

        return prove(eigenvector(ones), altered=[eigenvector(others)])

    def columns_added():
        """A 1 is the sum of the columns; if all of its entries are m, that is m 1."""
        A = sp.Matrix(n, n, lambda i, j: sp.Symbol(f"a{i}{j}"))
        last = [sp.Symbol("m") - sum(A[i, j] for j in range(n - 1)) for i in range(n)]
        total = sum((A[:, j] for j in range(n - 1)), sp.Matrix(last))
        return holds(set(sp.expand(total)) == {sp.Symbol("m")}, "each entry of the sum is m")

    yield by.prover("Z3", proved)
    yield by.algebra("the columns added up", columns_added)
    yield sheet("(1, 1, …, 1)", lambda: True)


@claim(
    "B1.3.eigenvalue",
    r"$\det(A - mI) = 0$",
    for_all=r"$4\times4$ matrices $A$ whose rows add up to $m$",
)
def characteristic_root(n=4):
    def proved():
        A, m = rows_that_add_up(n)

        def determinant(value):
            return (sp.Matrix(A) - value * sp.eye(n)).det(method="berkowitz")

        return prove(
            sp.Eq(determinant(m), 0, evaluate=False),
            altered=[sp.Eq(determinant(m + 1), 0, evaluate=False)],
        )

    def columns_added():
        """Adding the other columns of A − mI to its last one leaves a column of zeros."""
        m = sp.Symbol("m")
        A = sp.Matrix(n, n, lambda i, j: sp.Symbol(f"a{i}{j}"))
        for i in range(n):
            A[i, n - 1] = m - sum(A[i, j] for j in range(n - 1))
        shifted = A - m * sp.eye(n)
        last = sp.expand(sum((shifted[:, j] for j in range(n - 1)), shifted[:, n - 1]))
        return holds(last.is_zero_matrix, "the sum of the columns is 0, so they are dependent")

    yield by.prover("Z3", proved)
    yield by.algebra("columns added to the last one", columns_added)
    yield sheet("eigenvalue m", lambda: True)


@claim("B1.3.eigenvector", "the eigenvector of $A$ for 4, first entry 1", answer="vector")
def eigenvector(A=A, m=4):
    def null_space():
        (kernel,) = (sp.Matrix(A) - m * sp.eye(len(A))).nullspace()
        return list(kernel / kernel[0])

    def inverse_iteration():
        """Three solves with a nearly singular matrix leave the eigenvector alone."""
        v = np.arange(1.0, len(A) + 1)
        for _ in range(3):
            v = np.linalg.solve(A - (m + 1e-9) * np.eye(len(A)), v)
        return v / v[0]

    yield by.algebra("the null space", null_space)
    yield by.recursion("inverse iteration", inverse_iteration)
    yield sheet("(1, 1, …, 1)", lambda: [1] * len(A))


# -- left eigenvectors, stochastic matrices ------------------------------------------------------


@claim("B1.3.left", r"the stationary distribution $\pi$ of the chain $P$", answer=True)
def stationary(P=P):
    def null_space():
        (kernel,) = (tenths(P).T - sp.eye(len(P))).nullspace()
        return list(kernel / sum(kernel))

    def iterated():
        pair = la.power_iteration(P.T)
        return pair.vector / pair.vector.sum()

    def tree_weights():
        """The Markov chain tree theorem: πᵢ is the weight of all trees that lead to i."""
        n, chain = len(P), tenths(P)
        weights = []
        for root in range(n):
            others = [i for i in range(n) if i != root]
            total = 0
            for targets in product(range(n), repeat=n - 1):
                step = dict(zip(others, targets, strict=True))
                if all(_reaches(step, i, root) for i in others):
                    total += sp.prod([chain[i, step[i]] for i in others])
            weights.append(total)
        return [w / sum(weights) for w in weights]

    yield by.algebra("the null space", null_space)
    yield by.enumeration("all trees that lead to a state", tree_weights)
    yield by.recursion(
        "power iteration",
        iterated,
        rtol=1e-11,
        because="it stops at a residual of 10⁻¹², and |λ₂| = 0.48 leaves as much again",
    )
    yield slip("this is the right eigenvector", lambda: [Fraction(1, len(P))] * len(P))


def _reaches(step, i, root):
    seen = set()
    while i != root and i not in seen:
        seen.add(i)
        i = step[i]
    return i == root


@claim("B1.3.columns", "the right eigenvector of $A^T$ for 4, first entry 1", answer=True)
def columns(A=A, m=4):
    def null_space():
        (kernel,) = (sp.Matrix(A.T) - m * sp.eye(len(A))).nullspace()
        return list(kernel / kernel[0])

    def cofactors():
        """The cofactors of any row of a singular matrix are in its null space."""
        singular = (sp.Matrix(A.T) - m * sp.eye(len(A))).tolist()
        n = len(A)
        found = []
        for j in range(n):
            rest = [[row[k] for k in range(n) if k != j] for row in singular[1:]]
            found.append((-1) ** j * (rest[0][0] * rest[1][1] - rest[0][1] * rest[1][0]))
        return [Fraction(int(c), int(found[0])) for c in found]

    yield by.algebra("the null space", null_space)
    yield by.enumeration("cofactors of its first row", cofactors)
    yield slip("that is its left eigenvector", lambda: [1] * len(A))


def turned_row(n: int):
    """Return |λ|, a row a, and what is known of them; for complex λ and v too.

    Let vᵢ be an entry of largest modulus r. Turned by a phase, row i of Av = λv reads
    |λ| r = Σ aⱼ tⱼ, where tⱼ is the real part of the turned vⱼ: |tⱼ| ≤ |vⱼ| ≤ r.
    """
    modulus, r, a, t = (
        sp.Symbol("|lambda|", real=True),
        sp.Symbol("r", real=True),
        symbols("a", n),
        symbols("t", n),
    )
    given = [sp.Eq(modulus * r, a @ t), r > 0, *(sp.Abs(one) <= r for one in t)]
    return modulus, a, given


def largest_shares(matrices):
    """Return |λ| over the largest row sum of moduli, of the largest eigenvalue of each matrix."""
    return [np.abs(np.linalg.eigvals(M)).max() / np.abs(M).sum(axis=1).max() for M in matrices]


@claim(
    "B1.3.bound",
    r"$|\lambda| \le \max_i\sum_j|a_{ij}|$",
    for_all=r"$3\times3$ matrices, by the row of the largest entry of an eigenvector",
)
def row_bound():
    def proved():
        modulus, a, given = turned_row(3)
        moduli = sum(sp.Abs(one) for one in a)
        return prove(modulus <= moduli, given=given, altered=[modulus <= sp.Abs(sum(a))])

    def random_matrices():
        """Full, triangular and signed ones, with complex eigenvalues among them."""
        rng = np.random.default_rng(4)
        full = [rng.normal(size=(n, n)) for n in (2, 3, 5, 7) for _ in range(50)]
        shares = largest_shares([*full, *map(np.triu, full), *map(np.abs, full)])
        return holds(
            max(shares) <= 1 + 1e-12, f"at most {max(shares):.3f} of the bound in 600 matrices"
        )

    yield by.prover("Z3", proved)
    yield by.experiment(
        "LAPACK's eigenvalues of random matrices, complex ones too", random_matrices
    )


@claim(
    "B1.3.stochastic",
    r"$|\lambda| \le 1$ for a stochastic matrix",
    for_all=r"$3\times3$ matrices, by the row of the largest entry of an eigenvector",
)
def stochastic_bound():
    def proved():
        modulus, a, given = turned_row(3)
        probabilities = [one >= 0 for one in a] + [sp.Eq(sum(a), 1)]
        return prove(modulus <= 1, given=given + probabilities)

    def random_chains():
        rng = np.random.default_rng(5)
        chains = [rng.dirichlet(np.ones(n), size=n) for n in (2, 3, 5, 7) for _ in range(50)]
        cycle = np.roll(np.eye(6), 1, axis=0)
        moduli = [np.abs(np.linalg.eigvals(P)).max() for P in [*chains, cycle]]
        return holds(max(moduli) <= 1 + 1e-12, f"at most 1 + {max(moduli) - 1:.0e} in 201 chains")

    yield by.prover("Z3", proved)
    yield by.experiment("LAPACK's eigenvalues of random chains and a cycle", random_chains)


@claim("B1.3.signed", "the larger eigenvalue for rows $(2, -1)$, $(-1, 2)$", answer=True)
def signed(a=2, b=-1):
    def characteristic():
        x = sp.Symbol("x")
        return max(sp.roots((a - x) ** 2 - b**2, x))

    yield by.algebra("the characteristic polynomial", characteristic)
    yield by.recursion(
        "power iteration", lambda: la.power_iteration(np.array([[a, b], [b, a]])).value
    )
    yield slip("this is the row sum", lambda: a + b)


@claim("B1.3.curvature", r"the eigenvalue of largest modulus of $\psi$'s Hessian at $(1, 2, -1)$")
def curvature(p=(1, 2, -1)):
    def times(v):
        return hvp(lambda q: psi(*q), np.array(p, dtype=float), v)

    yield by.recursion(
        "power iteration on Hessian-vector products",
        lambda: la.power_iteration(times, np.ones(3)).value,
    )
    yield by.algebra(
        "the characteristic polynomial of exact second differences",
        lambda: float(
            max(
                sp.Matrix(second_differences(lambda u, v, z: v * (u * u + z * z * z), p))
                .charpoly()
                .nroots(n=30),
                key=abs,
            )
        ),
    )


# -- how fast a chain forgets --------------------------------------------------------------------


@claim("B1.3.delta", r"$\delta(P)$", answer=True)
def delta(P=P):
    def over_signs():
        """‖d‖₁ is the largest sᵀd over signs s, so δ is half the largest max − min of Ps."""
        spreads = []
        for signs in product((1, -1), repeat=len(P)):
            image = [sum(p * s for p, s in zip(row, signs, strict=True)) for row in in_fractions(P)]
            spreads.append(max(image) - min(image))
        return max(spreads) / 2

    def least_overlap():
        return min(sum(map(min, a, b)) for a, b in combinations(in_fractions(P), 2))

    yield by.enumeration("all signs", over_signs)
    yield by.closed_form("half the largest distance of rows", lambda: la.contraction_coefficient(P))
    yield by.enumeration("one minus the least overlap of rows", lambda: 1 - least_overlap())
    yield slip("this is the least overlap, what two rows share", least_overlap)
    yield slip("the half before the sum of moduli is missing", lambda: 2 * (1 - least_overlap()))


SIGNS = [np.array(signs) for signs in product((1, -1), repeat=3)]


def spread(u):
    return sp.Max(*u, evaluate=False) - sp.Min(*u, evaluate=False)


@claim(
    "B1.3.signs",
    r"$\delta(P) = \frac12\max_s(\max Ps - \min Ps)$ over all signs $s$",
    for_all=r"$3\times3$ matrices $P$",
)
def delta_by_signs():
    def proved():
        P = symbols("p", 3, 3)
        distances = [sum(map(sp.Abs, P[i] - P[j])) for i, j in combinations(range(3), 2)]
        distance = sp.Max(*distances, evaluate=False)
        over_all = sp.Max(*(spread(P @ s) for s in SIGNS), evaluate=False)
        over_two = sp.Max(*(spread(P @ s) for s in SIGNS[1:3]), evaluate=False)
        return prove(
            sp.Eq(distance, over_all, evaluate=False),
            altered=[sp.Eq(distance, over_two, evaluate=False)],
        )

    def random_chains():
        rng = np.random.default_rng(6)
        worst = 0.0
        for P in (rng.dirichlet(np.ones(3), size=3) for _ in range(200)):
            over_all = max(np.ptp(P @ s) for s in SIGNS) / 2
            worst = max(worst, abs(over_all - la.contraction_coefficient(P)))
        return holds(worst < 1e-14, f"200 chains agree to {worst:.0e}")

    yield by.prover("Z3", proved)
    yield by.experiment("the package's coefficient of random chains", random_chains)


@claim(
    "B1.3.contraction",
    r"$d^Tu \le \frac12(\max u - \min u)\,\lVert d\rVert_1$, for $u = Ps$ as for any $u$",
    for_all="$u$ and $d$ of three entries where $d$ adds up to 0",
)
def contraction():
    def proved():
        u, d = symbols("u", 3), symbols("d", 3)
        bound = spread(u) * sum(map(sp.Abs, d))
        return prove(2 * (d @ u) <= bound, given=[sp.Eq(sum(d), 0)], altered=[4 * (d @ u) <= bound])

    def random_steps():
        """‖dᵀP‖₁ against δ‖d‖₁, for larger chains too."""
        rng = np.random.default_rng(7)
        excess = []
        for n in (2, 3, 5, 8):
            for _ in range(60):
                P = rng.dirichlet(np.full(n, 0.3), size=n)
                d = rng.normal(size=(50, n))
                d -= d.mean(axis=1, keepdims=True)
                steps = np.abs(d @ P).sum(axis=1) / np.abs(d).sum(axis=1)
                excess.append(steps.max() - la.contraction_coefficient(P))
        return holds(max(excess) < 1e-12, "12,000 steps of up to 8 states stay below δ")

    yield by.prover("Z3", proved)
    yield by.experiment("random steps of random chains", random_steps)


@claim(
    "B1.3.sharp", r"the largest $\lVert(p - q)^TP\rVert_1/\lVert p - q\rVert_1$ for the chain $P$"
)
def sharp(P=P):
    def corners():
        """‖dᵀP‖₁ is convex in d, so it is largest where d = ½(eᵢ − eⱼ), up to scale."""
        rows = in_fractions(P)
        return max(
            sum(abs(a - b) for a, b in zip(one, other, strict=True)) / 2
            for one, other in combinations(rows, 2)
        )

    def grid(parts=10):
        """All pairs of distributions in tenths."""
        whole = [
            np.array([i, j, parts - i - j]) for i in range(parts + 1) for j in range(parts + 1 - i)
        ]
        ratios = [
            np.abs((p - q) @ P).sum() / np.abs(p - q).sum() for p, q in combinations(whole, 2)
        ]
        return max(ratios)

    yield by.enumeration("pairs of unit vectors, the corners of all differences", corners)
    yield by.experiment("all pairs of distributions in tenths", grid)
    yield slip(
        "this is its second eigenvalue's modulus", lambda: np.sort(np.abs(np.linalg.eigvals(P)))[-2]
    )


@claim("B1.3.rate", "the slow chain's factor in the long run", answer=True)
def rate(P=SLOW, k=60):
    def second_eigenvalue():
        values = [abs(v) for v, times in tenths(P).eigenvals().items() for _ in range(times)]
        return sorted(values)[-2]

    def ratio():
        """δ(Pᵏ⁺¹)/δ(Pᵏ), in fractions."""
        rows, coefficients = np.array(in_fractions(P)), []
        power = rows
        for step in range(1, k + 2):
            if step >= k:
                distances = [np.abs(a - b).sum() for a, b in combinations(power, 2)]
                coefficients.append(max(distances))
            power = power @ rows
        return coefficients[1] / coefficients[0]

    yield by.algebra("the second eigenvalue", second_eigenvalue)
    yield by.recursion(
        "the ratio of two powers' coefficients",
        lambda: float(ratio()),
        rtol=1e-9,
        because="the third eigenvalue's part is (0.4/0.6)⁶⁰ = 3·10⁻¹¹",
    )
    yield slip("this is the factor of one step", lambda: la.contraction_coefficient(P))


@claim(
    "B1.3.overlap",
    r"$\frac12\lVert p - q\rVert_1 = 1 - \sum_l\min(p_l, q_l)$",
    for_all="$p$ and $q$ of three entries that add up to 1",
)
def overlap():
    def proved():
        p, q = symbols("p", 3), symbols("q", 3)
        apart = sum(map(sp.Abs, p - q)) / 2
        shared = sum(sp.Min(a, b) for a, b in zip(p, q, strict=True))
        return prove(
            sp.Eq(apart, 1 - shared, evaluate=False),
            given=[sp.Eq(sum(p), 1), sp.Eq(sum(q), 1)],
        )

    def counted(parts=6):
        """All pairs of distributions in sixths, in whole numbers."""
        whole = [p for p in product(range(parts + 1), repeat=3) if sum(p) == parts]
        agree = [
            sum(abs(a - b) for a, b in zip(p, q, strict=True)) == 2 * (parts - sum(map(min, p, q)))
            for p, q in product(whole, repeat=2)
        ]
        return holds(all(agree), f"{len(agree)} pairs in sixths")

    yield by.prover("Z3", proved)
    yield by.enumeration("all pairs in sixths", counted)


@claim("B1.3.steps", r"the largest $\delta(P^k)/0.7^k$ for $2 \le k \le 20$")
def steps(P=P, k=20):
    def rows_apart():
        rows = np.array(in_fractions(P))
        power, shares = rows @ rows, []
        for step in range(2, k + 1):
            apart = max(np.abs(a - b).sum() for a, b in combinations(power, 2)) / 2
            shares.append(apart / Fraction(7, 10) ** step)
            power = power @ rows
        return max(shares)

    def over_signs():
        """δ(Pᵏ) is half the largest spread of Pᵏs over vectors s of signs."""
        rows, shares = np.array(in_fractions(P)), []
        images = [np.array(signs) for signs in product((1, -1), repeat=len(P))]
        for step in range(1, k + 1):
            images = [rows @ image for image in images]
            shares.append(max(max(u) - min(u) for u in images) / 2 / Fraction(7, 10) ** step)
        return max(shares[1:])

    yield by.recursion("distances of rows of the powers", rows_apart)
    yield by.enumeration("all signs, multiplied step by step", over_signs)


@claim(
    "B1.3.changing",
    r"the least and the largest $\delta(P^{k+1})/\delta(P^k)$ for $20 \le k < 60$",
)
def changing(P=P, first=20, last=60):
    def of_the_powers():
        rows = np.array(in_fractions(P))
        power, apart = rows, []
        for _ in range(last):
            apart.append(max(np.abs(a - b).sum() for a, b in combinations(power, 2)))
            power = power @ rows
        factors = [float(apart[k] / apart[k - 1]) for k in range(first, last)]
        return [min(factors), max(factors)]

    def of_the_pair():
        """Rows of Pᵏ differ as those of 2 Re(λᵏ u vᵀ) do, for the complex λ and its vectors."""
        values, vectors = np.linalg.eig(P)
        (one,) = np.flatnonzero(values.imag > 1e-9)
        part = np.outer(vectors[:, one], np.linalg.inv(vectors)[one])
        turned = [part * (values[one] / abs(values[one])) ** k for k in range(first, last + 1)]
        apart = [max(np.abs(a - b).sum() for a, b in combinations(t.real, 2)) for t in turned]
        factors = abs(values[one]) * np.array(apart[1:]) / apart[:-1]
        return [factors.min(), factors.max()]

    yield by.recursion("distances of rows of the powers", of_the_powers)
    yield by.closed_form("the complex pair of eigenvalues alone", of_the_pair)
    yield slip("this is the factor in the long run, on average", lambda: [np.sqrt(0.23)] * 2)


@claim(
    "B1.3.moduli",
    r"the moduli of a chain's eigenvalues, the largest first",
    cases=[
        case("mixing", "the chain $P$", P=P),
        case("slow", "the slow chain", P=SLOW),
        case("periodic", "the periodic chain", P=CHAINS["periodic"]),
        case("classes", "two classes", P=CHAINS["two classes"]),
    ],
)
def moduli(P=P):
    def by_sympy():
        values = [abs(v) for v, times in tenths(P).eigenvals().items() for _ in range(times)]
        return sorted((float(sp.N(v, 30)) for v in values), reverse=True)

    def by_lapack():
        return np.sort(np.abs(np.linalg.eigvals(P)))[::-1]

    yield by.algebra("the characteristic polynomial", by_sympy)
    yield by.recursion("LAPACK", by_lapack)
