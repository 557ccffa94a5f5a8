"""Claims of D5: dual numbers, nested derivatives, and what a sweep costs."""

from __future__ import annotations

from itertools import product

import numpy as np
import scipy
import sympy as sp

from byhand.backpropagation import derivative, grad, hvp, jacobian, jvp, value_and_grad, vjp
from byhand.backpropagation.counting import count_operations
from byhand.backpropagation.networks import initial_parameters, multilayer
from byhand.backpropagation.tracing import RULES
from byhand.claims.backpropagation._formula import Pair, formulas, same
from byhand.evidence import by, case, claim, holds, prove, sheet, slip
from byhand.linear_algebra import complex_step

# -- compositions --------------------------------------------------------------------------------


def composed(x):
    return np.sin(np.exp(np.tanh(x)))


@claim("D5.composition", r"the ε-coefficient of $\sin(\exp(\tanh(x + ε)))$ at 0.4", answer=True)
def composition(x=0.4):
    def through_matrices():
        """ε as a matrix whose square is 0: the coefficient stands in the corner."""
        value = np.array([[x, 1.0], [0.0, x]])
        for function in (scipy.linalg.tanhm, scipy.linalg.expm, scipy.linalg.sinm):
            value = function(value)
        return value[0, 1]

    def printed():
        h = np.tanh(x)
        return np.cos(np.exp(h)) * np.exp(h) * (1 - h**2)

    yield by.autodiff("dual numbers", lambda: derivative(composed)(x))
    yield by.algebra("matrices with square 0, in SciPy", through_matrices)
    yield by.differences("complex step", lambda: complex_step(composed, x))
    yield sheet("f′(g(h(x)))g′(h(x))h′(x)", printed)
    yield slip(
        "each derivative is taken at x, and not where its function is evaluated",
        lambda: np.cos(x) * np.exp(x) * (1 - np.tanh(x) ** 2),
    )
    yield slip(
        "the derivative of the innermost function is missing",
        lambda: np.cos(np.exp(np.tanh(x))) * np.exp(np.tanh(x)),
    )


def unknown(name, v):
    """Apply a function of which nothing is known to a pair."""
    u = sp.Symbol("u")
    function = sp.Function(name)
    return Pair(function(v.value), sp.diff(function(u), u).subs(u, v.value) * v.tangent)


@claim(
    "D5.symbolic",
    r"the ε-coefficient of $f(g(h(x + ε)))$ is $f'(g(h(x)))\,g'(h(x))\,h'(x)$",
    for_all="$x$, for $\\exp$, $\\sin$ and $\\cos$ as any functions with these derivatives",
)
def symbolic():
    def proved():
        (x,) = formulas("x")
        swept = derivative(lambda x: np.sin(np.exp(np.cos(x))))(x)
        inner, outer = np.cos(x), np.exp(np.cos(x))
        by_hand = np.cos(outer) * outer * -np.sin(x)
        return prove(same(swept, by_hand), altered=[same(swept, np.cos(outer) * inner)])

    def of_any_functions():
        x = sp.Symbol("x")
        found = unknown("f", unknown("g", unknown("h", Pair(x, 1)))).tangent
        f, g, h = sp.symbols("f g h", cls=sp.Function)
        chain = sp.diff(f(g(h(x))), x).doit()
        return holds(sp.simplify(found.doit() - chain) == 0, "the difference is 0")

    yield by.prover("Z3, of the forward sweep", proved)
    yield by.algebra("pairs, for unknown functions", of_any_functions)


@claim(
    "D5.fan-out",
    r"the ε-coefficient of $a(x)\,b(x) + a(x)$, where $a$ is used twice",
    for_all="$a$, $b$ and their tangents",
)
def fan_out():
    def proved():
        a, b, s, t = sp.symbols("a b s t", real=True)
        first, second = Pair(a, s), Pair(b, t)
        found = (first * second + first).tangent
        truth = sp.Eq(sp.expand(found), sp.expand(s * (b + 1) + a * t), evaluate=False)
        wrong = sp.Eq(sp.expand(found), sp.expand(s * b + a * t), evaluate=False)
        return prove(truth, altered=[wrong])

    def differentiated():
        x = sp.Symbol("x")
        a, b = sp.Function("a")(x), sp.Function("b")(x)
        expected = a.diff(x) * (b + 1) + a * b.diff(x)
        return holds(sp.expand((a * b + a).diff(x) - expected) == 0, "the difference is 0")

    def by_the_package():
        found = derivative(lambda x: np.sin(x) * np.exp(x) + np.sin(x))(0.4)
        s, c, e = np.sin(0.4), np.cos(0.4), np.exp(0.4)
        return holds(abs(found - (c * (e + 1) + s * e)) < 1e-14, found)

    yield by.prover("Z3, of polynomials in ε", proved)
    yield by.algebra("SymPy, of unknown functions", differentiated)
    yield by.autodiff("the forward sweep, at 0.4", by_the_package)


THIRTY = ("sin", "tanh", "exp", "arctan", "cos", "square") * 5


@claim("D5.thirty", "the derivative of a composition of thirty functions at 0.4")
def thirty(x=0.4):
    def run(x):
        for name in THIRTY:
            x = getattr(np, name)(x)
        return x

    def by_the_chain_rule():
        """The product of the thirty slopes, each at the value that its function is given."""
        slopes = {
            "sin": np.cos,
            "tanh": lambda v: 1 / np.cosh(v) ** 2,
            "exp": np.exp,
            "arctan": lambda v: 1 / (1 + v * v),
            "cos": lambda v: -np.sin(v),
            "square": lambda v: 2 * v,
        }
        value, total = x, 1.0
        for name in THIRTY:
            total *= slopes[name](value)
            value = getattr(np, name)(value)
        return total

    yield by.autodiff("dual numbers", lambda: derivative(run)(x))
    yield by.autodiff("reverse mode", lambda: grad(run)(x))
    yield by.recursion("the product of thirty slopes", by_the_chain_rule)
    yield by.differences("complex step", lambda: complex_step(run, x))


# -- nested derivatives --------------------------------------------------------------------------


@claim("D5.nesting", r"$\frac{d}{dx}[x \cdot \frac{d}{dy}(x + y)]$ at 1")
def nesting():
    def confusing(outer, inner):
        return outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0)

    def differentiated():
        x, y = sp.symbols("x y")
        return float(sp.diff(x * sp.diff(x + y, y).subs(y, 1), x).subs(x, 1))

    yield by.autodiff("forward in forward", lambda: confusing(derivative, derivative))
    yield by.autodiff("reverse in reverse", lambda: confusing(grad, grad))
    yield by.autodiff("forward in reverse", lambda: confusing(grad, derivative))
    yield by.autodiff("reverse in forward", lambda: confusing(derivative, grad))
    yield by.algebra("SymPy", differentiated)

    def confused():
        """One ε for both: the tangent of x is taken for one of y."""
        x, y = Pair(1.0, 1.0), Pair(1.0, 1.0)
        return (x * Pair((x + y).tangent, 0.0)).tangent

    yield slip("the two perturbations are confused", confused)


@claim("D5.third", "the third derivative of D4's $f$ at 0.1")
def third(x=0.1):
    def f(x):
        a = np.exp(x)
        c = a + a**2
        return np.exp(c) + np.sin(c)

    def differentiated():
        t = sp.Symbol("t", real=True)
        c = sp.exp(t) + sp.exp(t) ** 2
        return float((sp.exp(c) + sp.sin(c)).diff(t, 3).subs(t, sp.Rational(str(x))).evalf(30))

    yield by.autodiff("forward, three times", lambda: derivative(derivative(derivative(f)))(x))
    yield by.autodiff("reverse, three times", lambda: grad(grad(grad(f)))(x))
    yield by.algebra("SymPy, to thirty digits", differentiated)


@claim("D5.hvp", r"a Hessian-vector product of $\sum_i e^{\sin(x_i)\,x_{4-i}}$")
def hessian_times_vector(x=(0.3, -0.7, 1.1), v=(1.0, 2.0, -1.0)):
    def bowl(x):
        return np.sum(np.exp(np.sin(x) * x[::-1]))

    def by_sympy():
        p = sp.symbols("p:3")
        exact = sum(sp.exp(sp.sin(p[i]) * p[2 - i]) for i in range(3))
        at = dict(zip(p, map(sp.Rational, map(str, x)), strict=True))
        return np.array(sp.hessian(exact, p).subs(at).evalf(30), dtype=float) @ v

    def stepped():
        return complex_step(lambda s: grad(bowl)(np.array(x) + s * np.array(v)), 0.0)

    yield by.autodiff("forward over reverse", lambda: hvp(bowl, np.array(x), np.array(v)))
    yield by.algebra("SymPy's Hessian", by_sympy)
    yield by.differences("complex step of the gradient", stepped)


# -- the two sweeps ------------------------------------------------------------------------------


@claim(
    "D5.transposes",
    r"$\langle\bar y, J\dot x\rangle = \langle J^T\bar y, \dot x\rangle$, "
    "of a forward and of a reverse sweep",
    for_all=r"$x$, $\dot x$ and $\bar y$; by algebra, for Jacobians of any sizes",
)
def transposes():
    def proved():
        """A program from three numbers to two, in which all values are used twice."""

        def program(x):
            inner = np.sin(x[0]) * x[1]
            return np.stack([inner * x[2] + x[1], np.exp(x[2]) * inner])

        x, tangents, bars = formulas("x1:4"), formulas("v1:4"), formulas("y1:3")
        forward = sum(bars * jvp(program, x, tangents)[1])
        reverse = vjp(program, x)[1](bars)
        return prove(
            same(forward, sum(reverse * tangents)),
            altered=[same(forward, sum(reverse * tangents[::-1]))],
        )

    def of_any_sizes():
        """The chain of two Jacobians, of k values from n and of m from these."""
        m, k, n = sp.symbols("m k n", integer=True, positive=True)
        first, second = sp.MatrixSymbol("J1", k, n), sp.MatrixSymbol("J2", m, k)
        tangent, bar = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", m, 1)
        forward = bar.T * (second * (first * tangent))
        reverse = (first.T * (second.T * bar)).T * tangent
        return holds(forward.doit() == reverse.doit(), "yᵀJ₂J₁x both times")

    def measured():
        """A layer of any size up to 4, at random."""
        rng, off = np.random.default_rng(54), 0.0
        for m, k, n in product(range(1, 5), repeat=3):
            A, B, x, tangent = (rng.normal(size=s) for s in ((k, n), (m, k), n, n))
            bar = rng.normal(size=m)

            def layer(x, A=A, B=B):
                return B @ np.tanh(A @ x)

            both = bar @ jvp(layer, x, tangent)[1], vjp(layer, x)[1](bar) @ tangent
            off = max(off, abs(both[0] - both[1]))
        return holds(off < 1e-13, off)

    yield by.prover("Z3, of both sweeps", proved)
    yield by.algebra("matrices of symbolic sizes", of_any_sizes)
    yield by.autodiff("layers of 64 sizes", measured)


# -- what a sweep costs --------------------------------------------------------------------------


BINARY = {"sum": np.add, "difference": np.subtract, "product": np.multiply}
UNARY = {"exp": np.exp, "sin": np.sin, "cos": np.cos, "tanh": np.tanh}


def operations_with_sweep(name):
    """Count an operation, those in the formulas of its rules, and a sum for each of its uses."""
    pulls = RULES[{**BINARY, **UNARY}[name]].pulls
    bar, value, *arguments = formulas("g y a b")[: 2 + len(pulls)]
    parts = [pull(bar, value, *arguments).expression for pull in pulls]
    signless = [-part if part.could_extract_minus_sign() else part for part in parts]
    return 1 + sum(map(sp.count_ops, signless)) + len(pulls)


def operations(f, p, both=False):
    """Count the operations of a program of several numbers, or with those of its gradient."""
    return sum(count_operations(value_and_grad(f) if both else f, p).values())


def drawn_program(rng):
    """Return a program of two numbers, in up to twelve operations of any earlier values."""
    steps = [
        (str(rng.choice([*BINARY, *UNARY])), rng.integers(0, 2 + k, size=2))
        for k in range(rng.integers(1, 13))
    ]

    def program(p):
        values = list(p)
        for name, (i, j) in steps:
            unary = name in UNARY
            values.append(UNARY[name](values[i]) if unary else BINARY[name](values[i], values[j]))
        return values[-1]

    return program


@claim(
    "D5.cheap",
    "value and gradient take at most five times the operations of the value",
    for_all="programs of sums, differences, products, exp, sin, cos and tanh",
)
def cheap():
    def proved():
        """A program does each operation some number of times."""
        names = [*BINARY, *UNARY]
        times = sp.symbols(" ".join(f"n_{name}" for name in names), integer=True)
        total = sum(operations_with_sweep(name) * n for name, n in zip(names, times, strict=True))
        return prove(
            total <= 5 * sum(times),
            given=[n >= 0 for n in times],
            altered=[total <= 4 * sum(times)],
        )

    def counted():
        rng, worst, tried = np.random.default_rng(55), 0.0, 0
        while tried < 300:
            program, p = drawn_program(rng), tuple(rng.uniform(-1, 1, size=2))
            with np.errstate(over="ignore"):
                if not abs(program(p)) < 1e9:  # exp of exp of exp
                    continue
            tried += 1
            worst = max(worst, operations(program, p, both=True) / operations(program, p))
        networks = [network_price(both, kind=None) for both in (False, True)]
        worst = max(worst, networks[1] / networks[0])
        return holds(3 < worst <= 5, worst)

    yield by.prover("Z3, of the rules' operations", proved)
    yield by.experiment("300 programs at random and a network, counted", counted)


K = 12


def multiplications(m, n, k, mode=None):
    """Count the multiplications for B sin(Ax), or for its Jacobian."""

    def work(A, B, x):
        def sandwich(x):
            return B @ np.sin(A @ x)

        return sandwich(x) if mode is None else jacobian(sandwich, mode)(x)

    rng = np.random.default_rng(52)
    arrays = rng.normal(size=(k, n)), rng.normal(size=(m, k)), rng.normal(size=n)
    return count_operations(work, *arrays)["multiplications"]


def by_hand(m, n, k, mode):
    """Return the numbers of multiplications that the text derives."""
    value = k * n + m * k
    return n * (2 * value + k) if mode == "forward" else value + m * (value + k)


SHAPES = [(1, 16), (4, 4), (16, 1)]


@claim(
    "D5.*",
    r"multiplications for the Jacobian of $B\sin(Ax)$ with $k = 12$",
    cases=[
        case(
            f"{mode}-{m}x{n}",
            f"{m}×{n}, {mode}, number of sweeps: {n if mode == 'forward' else m}",
            m=m,
            n=n,
            mode=mode,
        )
        for m, n in SHAPES
        for mode in ("forward", "reverse")
    ],
    answer=True,
)
def price(m=1, n=16, k=K, mode="forward"):
    yield by.experiment("numbers that count", lambda: multiplications(m, n, k, mode))
    yield by.closed_form("by hand", lambda: by_hand(m, n, k, mode))
    if mode == "reverse" and m > 1:
        yield slip(
            "the value is recorded once, not for each output", lambda: m * (2 * (k * n + m * k) + k)
        )
    if mode == "forward":
        yield slip("each sweep computes the value as well", lambda: n * (k * n + m * k + k))


@claim(
    "D5.price-for-all",
    "forward $n(2(kn + mk) + k)$ and reverse $kn + mk + m(kn + mk + k)$ multiplications",
    for_all="sizes $m$, $k$, $n$",
)
def price_for_all():
    def proved():
        """One multiplication for each turn of each loop of the products, summed up."""
        m, k, n = sp.symbols("m k n", integer=True)
        i, j, a = sp.symbols("i j a", integer=True)

        def turns(*sizes):
            loops = [(index, 1, size) for index, size in zip((i, j, a), sizes, strict=False)]
            return sp.summation(1, *loops)

        record = turns(k, n) + turns(m, k)
        tangent = turns(k, n) + turns(k) + turns(m, k)
        adjoint = turns(m, k) + turns(k) + turns(k, n)
        forward = sp.summation(record + tangent, (a, 1, n))
        reverse = record + sp.summation(adjoint, (a, 1, m))

        def equal(extra):
            return sp.And(
                sp.Eq(sp.expand(forward), sp.expand(by_hand(m, n, k, "forward")), evaluate=False),
                sp.Eq(
                    sp.expand(reverse) + extra,
                    sp.expand(by_hand(m, n, k, "reverse")),
                    evaluate=False,
                ),
            )

        return prove(equal(0), altered=[equal(m * k)])

    def counted():
        sizes = list(product(range(1, 4), repeat=3))
        off = sum(
            multiplications(m, n, k, mode) != by_hand(m, n, k, mode)
            for m, n, k in sizes
            for mode in ("forward", "reverse")
        )
        return holds(off == 0, f"{off} of {2 * len(sizes)} counts differ")

    yield by.prover("Z3, of the loops summed", proved)
    yield by.experiment("numbers that count, for all sizes up to 3", counted)


SIZES, ROWS = (2, 16, 16, 1), 10


def network_price(both, kind="multiplications"):
    """Count operations of a kind, or all, for a tanh network's loss on ten samples.

    Both: with those of its gradient.
    """
    rng = np.random.default_rng(52)
    X, t = rng.normal(size=(ROWS, 2)), rng.normal(size=(ROWS, 1))

    def loss(p):
        return np.sum((multilayer(p, X, SIZES) - t) ** 2)

    program = value_and_grad(loss) if both else loss
    counts = count_operations(program, initial_parameters(rng, SIZES))
    return counts.total() if kind is None else counts[kind]


@claim(
    "D5.*-price",
    "multiplications of a 2-16-16-1 tanh network on ten samples",
    cases=[
        case("loss", "the loss", both=False),
        case("gradient", "loss and gradient", both=True),
    ],
    answer=True,
)
def prices(both=False):
    def formula():
        first, others, units = ROWS * 2 * 16, ROWS * (16 * 16 + 16), ROWS * (16 + 16)
        if both:
            return 2 * first + 3 * others + 2 * units + 3 * ROWS
        return first + others + ROWS

    yield by.experiment("numbers that count", lambda: network_price(both))
    yield by.closed_form("by hand, layer by layer", formula)
