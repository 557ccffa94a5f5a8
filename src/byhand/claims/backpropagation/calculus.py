"""Claims of D4.1 to D4.3: one derivative by calculus, by the graph and by a reverse sweep."""

from __future__ import annotations

import numpy as np
import sympy as sp

from byhand.backpropagation import derivative, grad, jacobian, jvp, relu, vjp
from byhand.backpropagation.counting import count_operations
from byhand.backpropagation.graph import trace_graph
from byhand.backpropagation.sweeps import record
from byhand.claims.backpropagation._formula import formulas, same
from byhand.evidence import by, case, claim, holds, prove, sheet, slip
from byhand.linear_algebra import complex_step

# -- D4.1: a derivative by the rules of calculus -------------------------------------------------


def program(x):
    """Run the chapter's function line by line, as problem D4.2 writes it."""
    a = np.exp(x)
    b = a**2
    c = a + b
    return np.exp(c) + np.sin(c)


@claim(
    "D4.1.at*",
    "$f'(x)$",
    cases=[
        case("-1", "$x = -1$", x=-1.0),
        case("0", "$x = 0$", x=0.0),
        case("0.5", r"$x = \frac12$", x=0.5),
        case("1", "$x = 1$", x=1.0),
    ],
    answer=True,
)
def calculus(x=0.5):
    def by_sympy():
        t = sp.Symbol("t", real=True)
        c = sp.exp(t) + sp.exp(t) ** 2
        return float(sp.diff(sp.exp(c) + sp.sin(c), t).subs(t, sp.Rational(x)).evalf(30))

    def inner(x):
        return np.exp(x) + np.exp(x) ** 2

    yield by.algebra("SymPy, to thirty digits", by_sympy)
    yield by.autodiff("reverse mode", lambda: grad(program)(x))
    yield by.differences("complex step", lambda: complex_step(program, x))
    yield sheet(
        "(exp(x) + 2 exp(x)²)(cos(…) + exp(…))",
        lambda: (np.exp(x) + 2 * np.exp(x) ** 2) * (np.cos(inner(x)) + np.exp(inner(x))),
    )
    yield slip("the inner derivative is missing", lambda: np.cos(inner(x)) + np.exp(inner(x)))
    yield slip(
        "the derivative of sin is cos",
        lambda: (np.exp(x) + 2 * np.exp(x) ** 2) * (np.exp(inner(x)) - np.sin(inner(x))),
    )


def by_calculus(x):
    """The derivative as the rules of calculus give it."""
    inner = np.exp(x) + np.exp(x) ** 2
    return (np.exp(x) + 2 * np.exp(x) ** 2) * (np.exp(inner) + np.cos(inner))


@claim(
    "D4.1.all-x",
    r"$f'(x) = (e^x + 2(e^x)^2)\,(\exp(e^x + (e^x)^2) + \cos(e^x + (e^x)^2))$",
    for_all="$x$",
)
def calculus_for_all():
    def proved():
        """The numbers that exp, sin and cos have at any point may be any: the rules suffice."""
        (x,) = formulas("x")
        swept, by_hand = grad(program)(x), by_calculus(x)
        return prove(same(swept, by_hand), altered=[same(swept, by_hand + np.exp(x))])

    def differentiated():
        x = sp.Symbol("x", real=True)
        u = sp.exp(x)
        found = sp.diff(sp.exp(u + u**2) + sp.sin(u + u**2), x)
        by_hand = (u + 2 * u**2) * (sp.exp(u + u**2) + sp.cos(u + u**2))
        return holds(sp.expand(found - by_hand) == 0, "the difference is 0")

    yield by.prover("Z3, of the reverse sweep", proved)
    yield by.algebra("SymPy differentiates", differentiated)


@claim(
    "D4.1.d*",
    "the derivative of a term at 0.3",
    cases=[
        case("g", "the first term, with exp", outer="exp"),
        case("q", "the second term, with sin", outer="sin"),
    ],
    answer=True,
)
def one_term(outer="exp", x=0.3):
    function = {"exp": np.exp, "sin": np.sin}[outer]
    slope = {"exp": np.exp, "sin": np.cos}[outer]

    def term(x):
        return function(np.exp(x) + np.exp(x) ** 2)

    def inner():
        return np.exp(x) + np.exp(x) ** 2

    def by_sympy():
        t = sp.Symbol("t", real=True)
        c = sp.exp(t) + sp.exp(t) ** 2
        return float(sp.diff(getattr(sp, outer)(c), t).subs(t, sp.Rational(str(x))).evalf(30))

    yield by.autodiff("reverse mode", lambda: grad(term)(x))
    yield by.differences("complex step", lambda: complex_step(term, x))
    yield by.algebra("SymPy, to thirty digits", by_sympy)
    printed = {"exp": "exp(…)(exp(x) + 2 exp(x)²)", "sin": "cos(…)(exp(x) + 2 exp(x)²)"}
    yield sheet(printed[outer], lambda: slope(inner()) * (np.exp(x) + 2 * np.exp(x) ** 2))
    yield slip("the inner derivative is missing", lambda: slope(inner()))
    yield slip(
        "(exp x)² has the derivative 2 exp x · exp x",
        lambda: slope(inner()) * (np.exp(x) + 2 * np.exp(x)),
    )


# -- D4.2: the computational graph ---------------------------------------------------------------

NAMES = ("x", "a", "b", "c", "d", "e", "f")


def named(x):
    """Run the function with a name for each result, as the problem asks."""
    a = np.exp(x)
    b = a**2
    c = a + b
    d = np.exp(c)
    e = np.sin(c)
    return d + e


def as_printed(x):
    """Run the function as the formula is printed, without names."""
    return np.exp(np.exp(x) + np.exp(x) ** 2) + np.sin(np.exp(x) + np.exp(x) ** 2)


@claim("D4.2.value", "the graph's last value is $f(0.5)$")
def last_value(x=0.5):
    def by_sympy():
        u = sp.exp(sp.Rational(str(x)))
        return float((sp.exp(u + u**2) + sp.sin(u + u**2)).evalf(30))

    yield by.recursion("the graph", lambda: float(trace_graph(named, x, NAMES).values[-1]))
    yield by.algebra("SymPy, to thirty digits", by_sympy)


@claim("D4.2.edges", "the edges of the graph, as pairs of places in $x, a, b, c, d, e, f$")
def edges(x=0.5):
    def found():
        return sorted([e.source, e.target] for e in trace_graph(named, x, NAMES).edges)

    def read_off():
        """Which values change when one is changed, with all other earlier ones kept."""
        steps = [
            lambda v: np.exp(v[0]),
            lambda v: v[1] ** 2,
            lambda v: v[1] + v[2],
            lambda v: np.exp(v[3]),
            lambda v: np.sin(v[3]),
            lambda v: v[4] + v[5],
        ]
        v = [x]
        for step in steps:
            v.append(step(v))
        moved = [[*v[:i], v[i] + 0.1, *v[i + 1 :]] for i in range(7)]
        pairs = [(i, k + 1) for i in range(7) for k, step in enumerate(steps) if i <= k]
        return [[i, k] for i, k in pairs if steps[k - 1](moved[i]) != v[k]]

    yield by.recursion("the record of the run", found)
    yield by.experiment("each value varied, one step on", read_off)


@claim(
    "D4.2.*",
    "number of operations",
    cases=[
        case("operations", "with $a … e$", of="named"),
        case("as-printed", "of the formula as printed", of="printed"),
    ],
    answer=True,
)
def operations(of="named"):
    run = {"named": named, "printed": as_printed}[of]

    def of_the_source():
        """Calls and operators in the formula, counted as often as they are written."""
        texts = {
            "named": "exp(x) : a**2 : a + b : exp(c) : sin(c) : d + e",
            "printed": "exp(exp(x) + exp(x)**2) + sin(exp(x) + exp(x)**2)",
        }
        text = texts[of]
        return text.count("exp(") + text.count("sin(") + text.count("**") + text.count("+")

    yield by.recursion("the record of the run", lambda: len(record(run, 0.5)[0]) - 1)
    yield by.experiment(
        "numbers that count", lambda: sum(count_operations(run, np.array([0.5])).values())
    )
    yield by.enumeration("signs in the formula", of_the_source)


# -- D4.3: the reverse sweep ---------------------------------------------------------------------

ONWARD = {
    "d": lambda v, s: v + s["e"],
    "e": lambda v, s: s["d"] + v,
    "c": lambda v, s: np.exp(v) + np.sin(v),
    "b": lambda v, s: np.exp(s["a"] + v) + np.sin(s["a"] + v),
    "a": lambda v, s: np.exp(v + v**2) + np.sin(v + v**2),
    "x": lambda v, s: as_printed(v),
}
"""The rest of the program, from one value on, with the values before it as they were."""

PRINTED = {
    "d": "1",
    "e": "1",
    "c": "exp(c) + cos(c)",
    "b": "exp(c) + cos(c)",
    "a": "(exp(c) + cos(c))(1 + 2a)",
    "x": "(exp(…) + cos(…))(1 + 2 exp(x)) exp(x)",
}


def values_at(x):
    """Return the graph's values by name."""
    a = np.exp(x)
    c = a + a**2
    return {"x": x, "a": a, "b": a**2, "c": c, "d": np.exp(c), "e": np.sin(c)}


@claim(
    "D4.3.df-d*",
    "every adjoint at $x = 0.3$",
    cases=[case(name, f"$df/d{name}$", of=name) for name in PRINTED],
    answer=True,
)
def adjoint(of="a", x=0.3):
    def swept():
        return float(trace_graph(named, x, NAMES).adjoints[NAMES.index(of)])

    def varied():
        values = values_at(x)
        return complex_step(lambda v: ONWARD[of](v, values), values[of])

    def printed(paths=2):
        """The sheet's formula, which follows both uses of a."""
        values = values_at(x)
        if of in "de":
            return 1.0
        slope = np.exp(values["c"]) + np.cos(values["c"])
        inner = {1: 1, 2: 1 + 2 * values["a"]}[paths]
        return slope * {"c": 1, "b": 1, "a": inner, "x": inner * values["a"]}[of]

    yield by.autodiff("the reverse sweep", swept)
    yield by.differences("the value itself varied, by a complex step", varied)
    yield sheet(PRINTED[of], printed)
    if of in "ax":
        yield slip("a is used twice: the part through b is missing", lambda: printed(1))
    if of in "cb":
        yield slip(
            "c is used twice: the part through e is missing", lambda: np.exp(values_at(x)["c"])
        )


@claim(
    "D4.3.symbolic",
    r"$df/da = (\exp(a + a^2) + \cos(a + a^2))(1 + 2a)$",
    for_all="$a$",
)
def adjoint_for_all():
    def rest(a):
        c = a + a**2
        return np.exp(c) + np.sin(c)

    def proved():
        (a,) = formulas("a")
        by_hand = (np.exp(a + a**2) + np.cos(a + a**2)) * (1 + 2 * a)
        swept = grad(rest)(a)
        return prove(same(swept, by_hand), altered=[same(swept, by_hand / (1 + 2 * a))])

    def differentiated():
        a = sp.Symbol("a", real=True)
        found = sp.diff(sp.exp(a + a**2) + sp.sin(a + a**2), a)
        by_hand = (sp.exp(a + a**2) + sp.cos(a + a**2)) * (1 + 2 * a)
        return holds(sp.expand(found - by_hand) == 0, "the difference is 0")

    yield by.prover("Z3, of the reverse sweep", proved)
    yield by.algebra("SymPy differentiates", differentiated)


@claim("D4.3.square", r"$\frac{d}{dx}\,x \cdot x = 2x$", for_all="$x$")
def square():
    def proved():
        (x,) = formulas("x")
        swept = grad(lambda x: x * x)(x)
        return prove(same(swept, 2 * x), altered=[same(swept, x)])

    def by_differences():
        x, h = sp.symbols("x h", real=True)
        slope = sp.cancel(((x + h) ** 2 - x**2) / h)
        return holds(sp.expand(slope.subs(h, 0) - 2 * x) == 0, slope)

    yield by.prover("Z3, of the reverse sweep", proved)
    yield by.algebra("the difference quotient at h = 0", by_differences)


def doubling(a):
    """Use each value twice."""
    b = a + a
    return b + b


@claim("D4.3.fan-out", "$dc/da$ for $b = a + a$, $c = b + b$", answer=True)
def fan_out():
    def paths(value):
        """Each path from a to c has the slope 1, and each edge of the record is a use."""
        graph = trace_graph(doubling, 1.0, ["a", "b", "c"])
        if value == 2:
            return 1
        return sum(paths(edge.target) for edge in graph.edges if edge.source == value)

    yield by.autodiff("reverse mode", lambda: grad(lambda a: (a + a) + (a + a))(1.0))
    yield by.autodiff("forward mode", lambda: derivative(doubling)(1.0))
    yield by.enumeration("paths from a to c, one by one", lambda: float(paths(0)))
    yield slip("adjoints overwrite one another, and must add", lambda: 1.0)


@claim("D4.3.repeated", "the adjoint of $x$ in $x·x$ at 3, from a record that was swept before")
def repeated():
    def second():
        _, pullback = vjp(lambda x: x * x, 3.0)
        pullback(1.0)
        return pullback(1.0)

    yield by.autodiff("a second sweep", second)
    yield by.differences("complex step", lambda: complex_step(lambda x: x * x, 3.0))


@claim("D4.3.deep", "the slope of a chain of 100 000 steps")
def deep(n=100_000):
    def chain(x):
        for _ in range(n):
            x = x + x / n
        return x

    rounding = {"rtol": 1e-10, "because": "each of 100 000 sums rounds"}
    yield by.autodiff("the reverse sweep", lambda: grad(chain)(1.0), **rounding)
    yield by.closed_form("(1 + 1/n)ⁿ", lambda: (1 + 1 / n) ** n, **rounding)


@claim(
    "D4.3.kinks",
    "slopes at the kinks of ReLU and |x|, and the two of a tied maximum",
    components=("ReLU", "|x|", "max by the first", "max by the second"),
)
def kinks():
    def between():
        """The mean of the slopes on the two sides; ReLU's slope is that of its flat side."""
        h = 0.5
        return [
            (max(0, 0) - max(-h, 0)) / h,
            (abs(h) - abs(-h)) / (2 * h),
            (max(1 + h, 1) - max(1 - h, 1)) / (2 * h),
            (max(1, 1 + h) - max(1, 1 - h)) / (2 * h),
        ]

    def reverse():
        return [grad(relu)(0.0), grad(np.abs)(0.0), *grad(np.max)(np.ones(2))]

    def forward():
        maximum = jacobian(np.max, "forward")(np.ones(2))
        return [jvp(relu, 0.0, 1.0)[1], jvp(np.abs, 0.0, 1.0)[1], *maximum]

    yield by.autodiff("reverse mode", reverse)
    yield by.autodiff("forward mode", forward)
    yield by.differences("differences, from the left for ReLU and from both sides else", between)


@claim(
    "D4.3.through-a-kink",
    r"what the chain rule makes of $\mathrm{ReLU}(x) - \mathrm{ReLU}(-x) = x$ at 0",
)
def through_a_kink():
    def by_the_convention():
        slope = 0.0  # of ReLU, at 0
        return slope - slope * -1

    yield by.autodiff("reverse mode", lambda: grad(lambda x: relu(x) - relu(-x))(0.0))
    yield by.autodiff("forward mode", lambda: derivative(lambda x: relu(x) - relu(-x))(0.0))
    yield by.hand("the chain rule with the convention", by_the_convention)
    yield slip("ReLU(x) − ReLU(−x) is x, but no sweep looks at the sum", lambda: 1.0)


M = ((1.0, 2.0, 0.0, -1.0, 0.5), (0.5, -1.0, 3.0, 1.0, 0.0), (2.0, 0.0, 1.0, -0.5, 1.5))


@claim("D4.3.determinant", r"the gradient of $\det MM^T$ for a 3×5 matrix")
def determinant(M=M):
    def gram(M):
        return np.linalg.det(M @ M.T)

    def formula():
        A = np.array(M)
        return 2 * np.linalg.det(A @ A.T) * np.linalg.solve(A @ A.T, A)

    floor = {"floor": 1e-11, "because": "entries of 0 beside others of the order of 100"}
    yield by.autodiff("reverse mode", lambda: grad(gram)(np.array(M)), **floor)
    yield by.differences("complex step", lambda: complex_step(gram, np.array(M)), **floor)
    yield by.closed_form("2 det(MMᵀ)(MMᵀ)⁻¹M", formula, **floor)
