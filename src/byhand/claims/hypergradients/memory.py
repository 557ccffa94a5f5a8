"""Claims on what a run costs and holds: D3.4's routes, and E2.1."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import sympy as sp

from byhand import hypergradients as hg
from byhand.backpropagation import grad
from byhand.claims.hypergradients._plain import differentiated, equal, example, terrain
from byhand.evidence import by, case, claim, holds, once, prove
from byhand.linear_algebra import central_difference
from byhand.optimization import exact

LENGTHS = (4, 8, 16, 32, 64, 128)


def diagonal(d):
    """Return a quadratic whose Hessian is diagonal: it is never stored as a matrix."""
    h = np.linspace(0.1, 1, d)
    return hg.Loss(
        value=lambda w: w @ (h * w) / 2, gradient=lambda w: h * w, hvp=lambda w, v: h * v, size=d
    )


def differences(loss, w0, etas):
    """Return all derivatives by central differences of the run."""
    return central_difference(lambda e: hg.final_loss(loss, w0, e), etas)


ROUTES = {
    "forward": hg.final_loss,
    "sweep": hg.hypergradients,
    "gradients": hg.hypergradients_from_gradients,
    "checkpointed": hg.checkpointed_hypergradients,
    "matrices": hg.hypergradients_by_products,
    "differences": differences,
}


def evaluations(route, k, d=64):
    """Return how many gradients and Hessian-vector products a route evaluates for k steps."""
    counting, calls = hg.counted(diagonal(d))
    ROUTES[route](counting, np.ones(d), np.full(k, 0.5))
    return [calls["gradient"], calls["hvp"]]


def vectors_held(route, k, d=20_000):
    """Return the most memory that a route holds at a time, in vectors."""
    return hg.peak_bytes(ROUTES[route], diagonal(d), np.ones(d), np.full(k, 0.5)) / (8 * d)


# -- D3.4: evaluations and memory of its routes --------------------------------------------------


@claim(
    "D3.4.count-*",
    r"gradients and HVPs for all derivatives of $k = 4, 8, \dots, 128$ steps, $d = 64$",
    cases=[
        case("sweep", "reverse sweep: $k+1$ and $k-1$", route="sweep", per=(1, 1, 0, 1, -1)),
        case("matrices", "matrices: $2k+1$ and $d(k-1)$", route="matrices", per=(2, 1, 0, 64, -64)),
        case("differences", "differences: $2k^2$ and 0", route="differences", per=(0, 0, 2, 0, 0)),
        case("gradients", "gradients: $k+1$ and $k-1$", route="gradients", per=(1, 1, 0, 1, -1)),
    ],
)  # fmt: skip
def count(route="sweep", per=(1, 1, 0, 1, -1)):
    a, b, c, p, q = per
    yield by.experiment("counted", lambda: [evaluations(route, k) for k in LENGTHS])
    yield by.closed_form(
        "the formula", lambda: [[a * k + b + c * k**2, p * k + q] for k in LENGTHS]
    )


@claim(
    "D3.4.memory",
    r"vectors held for $k = 4, 8, 16, 32$ steps",
    cases=[
        case("sweep", "reverse sweep: $2k+3$", route="sweep", slope=2, more=3),
        case("gradients", "sweep over gradients alone: $k+6$", route="gradients", slope=1, more=6),
        case("differences", "differences: 3", route="differences", slope=0, more=3),
    ],
)
def memory(route="sweep", slope=2, more=3, lengths=LENGTHS[:4]):
    yield by.experiment("the allocator", lambda: [round(vectors_held(route, k)) for k in lengths])
    yield by.closed_form("the arrays counted", lambda: [slope * k + more for k in lengths])


@claim("D3.4.memory-matrices", r"vectors held by matrices over $4d + k + 1$, for $d = 256$")
def memory_of_matrices(d=256):
    def measured():
        held = np.array([vectors_held("matrices", k, d) for k in LENGTHS[:4]])
        return held / (4 * d + np.array(LENGTHS[:4]) + 1)

    yield by.closed_form("four matrices and the iterates", lambda: [1.0] * 4)
    yield by.experiment(
        "the allocator", measured, rtol=0.06, because="headers of the columns are held as well"
    )


# -- E2.1: how memory grows ----------------------------------------------------------------------

GROWTH = {0.0: "O(1)", 0.5: "O(√k)", 1.0: "O(k)"}

LONG = (64, 256, 1024)


def power(vectors):
    """Return in words with which power of k the vectors of longer and longer runs grow."""
    slope = np.polyfit(np.log(LONG), np.log(vectors), 1)[0]
    nearest = min(GROWTH, key=lambda exponent: abs(exponent - slope))
    return GROWTH[nearest] if abs(nearest - slope) < 0.06 else f"k to the power {slope:.2f}"


@claim(
    "E2.1.slope-*",
    "how the memory grows with the number of steps",
    cases=[
        case("forward", "forward pass", sheet="O(1)", route="forward", count=(3, 0, 0)),
        case("backward", "backward pass", sheet="O(k)", route="sweep", count=(3, 2, 0)),
        case("gradients", "backward from gradients alone", route="gradients", count=(6, 1, 0)),
        case("checkpointed", "backward with checkpoints", route="checkpointed", count=(3, 0, 3)),
    ],
    answer="choice",
    choices=tuple(GROWTH.values()),
)
def growth(route="forward", count=(3, 0, 0)):
    one, per_step, per_root = count
    yield by.experiment(
        "the allocator, 64 to 1024 steps",
        lambda: power([vectors_held(route, k, 4000) for k in LONG]),
    )
    yield by.closed_form("the arrays counted, long runs", lambda: power_of(one, per_step, per_root))


def power_of(one, per_step, per_root, k=10**12):
    """Return in words with which power of k a + bk + c√k grows in the end."""
    longer = one + per_step * 4 * k + per_root * 2 * k**0.5
    ratio = longer / (one + per_step * k + per_root * k**0.5)
    return GROWTH[round(np.log(ratio) / np.log(4), 3)]


@claim(
    "E2.1.held",
    r"vectors that 4 steps hold: forward $3$, backward $2k+3$, checkpointed $3\sqrt k+3$",
)
def held():
    def measured():
        return [round(vectors_held(route, 4)) for route in ("forward", "sweep", "checkpointed")]

    yield by.experiment("the allocator", measured)
    yield by.hand("the arrays counted", lambda: [3, 11, 9])


@claim(
    "E2.1.*",
    "vectors that 16, 36 and 64 steps hold over those of 4 steps",
    cases=[
        case("forward", "forward: none", route="forward"),
        case("backward", "backward: $2k$", route="sweep", per_step=2),
        case("gradients", "gradients alone: $k$", route="gradients", per_step=1),
        case("checkpointed", r"checkpoints: $3\sqrt k$", route="checkpointed", per_root=3),
    ],
)  # fmt: skip
def added(route="forward", per_step=0, per_root=0, lengths=(16, 36, 64)):
    def measured():
        first = vectors_held(route, 4)
        return [round(vectors_held(route, k) - first) for k in lengths]

    def counted():
        roots = [round(k**0.5) for k in lengths]
        pairs = zip(lengths, roots, strict=True)
        return [per_step * (k - 4) + per_root * (root - 2) for k, root in pairs]

    yield by.experiment("the allocator", measured)
    yield by.closed_form("the arrays counted", counted)


@claim("E2.1.price", "gradients and HVPs of checkpointing 256 steps")
def price(k=256):
    yield by.experiment("counted", lambda: evaluations("checkpointed", k))
    yield by.hand("each gradient once more", lambda: [2 * 256 + 1, 255])


@claim("E2.1.same", "all derivatives on the quartic, with checkpoints")
def same():
    yield by.recursion(
        "recomputed from checkpoints",
        lambda: hg.checkpointed_hypergradients(*example("quartic"), 2),
    )
    yield by.algebra("differentiated", lambda: differentiated("quartic"))


@claim("E2.1.step-back", "all derivatives on the quartic, from its gradients alone")
def step_back():
    yield by.recursion(
        "iterates stepped back to", lambda: hg.hypergradients_from_gradients(*example("quartic"))
    )
    yield by.algebra("differentiated", lambda: differentiated("quartic"))


GROWING = (4, 2), [Q(1, 2)] * 4
"""Start and step sizes of a run of the quartic that leaves every bound."""


@claim(
    "E2.1.step-back-growth",
    r"all derivatives of four steps of the quartic to $10^{35}$, from gradients in floats",
)
def step_back_of_growth():
    def in_floats():
        loss, (start, etas) = example("quartic")[0], GROWING
        return hg.hypergradients_from_gradients(loss, *(np.array(x, float) for x in (start, etas)))

    def expanded():
        x, y, *etas = w = sp.symbols("x y eta1:5")
        w = w[:2]
        for eta in etas:
            w = w[0] - eta * (w[1] + w[0] ** 3), w[1] - eta * (w[0] + 2 * w[1])
        last = w[0] * w[1] + w[1] ** 2 + w[0] ** 4 / 4
        at = dict(zip([x, y, *etas], [*GROWING[0], *GROWING[1]], strict=True))
        return [float(sp.diff(last, eta).subs(at)) for eta in etas]

    yield by.algebra("differentiated in fractions", expanded)
    yield by.recursion("stepped back, beside iterates that were kept", in_floats)


@claim("E2.1.step-back-lost", "that run in floats steps back to a $w(1)$ that is off by its size")
def step_back_lost():
    def slope(w):
        return np.array([w[1] + w[0] ** 3, w[0] + 2 * w[1]])

    def there_and_back():
        path = [np.array(GROWING[0], float)]
        for _ in range(4):
            path.append(path[-1] - 0.5 * slope(path[-1]))
        w = path[-1]
        for at in reversed(path[1:-1]):
            w = w + 0.5 * slope(at)
        gap = np.abs(w - path[1]).max() / np.abs(path[1]).max()
        return holds(gap >= 1, f"off by {gap:.0e} times its size")

    def resolution():
        """Neighbours of w(4) among the floats are further apart than w(1) is from 0."""
        start, etas = GROWING
        path = hg.trajectory(example("quartic")[0], exact(start), exact(etas))
        apart = np.spacing(float(max(map(abs, path[-1])))) / float(max(map(abs, path[1])))
        return holds(apart >= 1, f"floats there are {apart:.0e} times its size apart")

    yield by.experiment("there and back", there_and_back)
    yield by.closed_form("the floats around w(4)", resolution)


@claim(
    "E2.1.step-back-kept",
    "vectors held over gradients alone, for $k = 4, 8, 16, 32$ steps that grow up to a "
    "thousandfold each: $2k+4$",
)
def step_back_kept(d=20_000, lengths=LENGTHS[:4]):
    def measured():
        routes = ROUTES["gradients"], diagonal(d), np.ones(d)
        return [round(hg.peak_bytes(*routes, np.full(k, 1000.0)) / (8 * d)) for k in lengths]

    yield by.experiment("the allocator", measured)
    yield by.closed_form("iterates, gradients, four more", lambda: [2 * k + 4 for k in lengths])


@claim("E2.1.step-back-floats", "how far 400 steps of the network and back end from the start")
def step_back_in_floats(eta=0.1, k=400):
    def there_and_back():
        loss, w = start = hg.terrain_network()
        gradients = []
        for _ in range(k):
            gradients.append(loss.gradient(w))
            w = w - eta * gradients[-1]
        for g in reversed(gradients):
            w = w + eta * g
        gap = np.abs(w - start[1]).max()
        return holds(gap < 1e-12, f"{gap:.0e}")

    def bound():
        """Each entry is rounded by half its last place at most, on each step forth and back."""
        loss, start = hg.terrain_network()
        largest = np.abs(hg.trajectory(loss, start, np.full(k, eta))).max(axis=1)
        gap = 2 * np.sum(np.spacing(largest) / 2)
        return holds(gap < 1e-12, f"{gap:.0e} at most")

    yield by.experiment("there and back", there_and_back)
    yield by.enumeration("the last places of the iterates", bound)


# -- E2.1: reversible dynamics -------------------------------------------------------------------

BETA = Q(9, 10)


def bowl(w):
    """Return the gradient of a bowl with a quartic term."""
    return np.linspace(0.5, 4, len(w)) * (w - 0.3) + (w - 0.3) ** 3


@np.errstate(over="ignore", invalid="ignore")
def there_and_back(k, beta=0.9, eta=0.05):
    """Return how far heavy ball in floats misses its start after k steps forth and back."""
    w, v = np.ones(4), np.zeros(4)
    for _ in range(k):
        v = beta * v - eta * bowl(w)
        w = w + v
    for _ in range(k):
        w = w - v
        v = (v + eta * bowl(w)) / beta
    missed = np.abs(w - 1).max()
    return np.inf if np.isnan(missed) else missed


@once
def round_trip(k=1024, d=8):
    """Return the state of an exact run after k steps back, and its buffer's bits before them.

    The bits are those per parameter; the second number adds up those of all steps on the way.
    """
    state, work = hg.start_reversible(np.ones(d)), 0
    for _ in range(k):
        state = hg.heavy_ball_step(state, bowl, 0.05, BETA)
        work += state.buffer_bits()
    bits = state.buffer_bits() / d
    for _ in range(k):
        state = hg.undo_heavy_ball_step(state, bowl, 0.05, BETA)
    return [state.position().tolist(), list(state.v), list(state.buffer)], bits, work / d


@claim(
    "E2.1.determinant",
    r"the Jacobian of a heavy-ball step along an eigenvector has the determinant $\beta$",
    for_all=r"$\beta$, $\eta$, $h$ and all $(w, v)$",
)
def determinant():
    def proved():
        beta, eta, h, w, v = sp.symbols("beta eta h w v", real=True)
        slope = hg.quadratic(np.array([[h]]), np.array([sp.S.Zero])).gradient(np.array([w]))[0]
        after = beta * v - eta * slope
        J = [[sp.diff(part, by_what) for by_what in (w, v)] for part in (w + after, after)]
        determinant = J[0][0] * J[1][1] - J[0][1] * J[1][0]
        return prove(equal(determinant, beta), altered=[equal(determinant, beta * (1 - eta * h))])

    def two_shears():
        """v ← βv − ηhw scales and shears, w ← w + v shears: only the scaling counts."""
        beta, eta, h = sp.symbols("beta eta h")
        kick, drift = sp.Matrix([[1, 0], [-eta * h, beta]]), sp.Matrix([[1, 1], [0, 1]])
        return holds((drift * kick).det() == beta, "a scaling by β and two shears")

    yield by.prover("Z3", proved)
    yield by.algebra("two shears", two_shears)


@claim(
    "E2.1.reversible", "1024 exact steps there and back: $w$, $v$ and the buffer of each parameter"
)
def reversible(k=1024):
    yield by.experiment("after the round trip", lambda: round_trip(k)[0])
    yield by.hand("the start", lambda: [[1] * 8, [0] * 8, [0] * 8])


@claim("E2.1.bits", "bits of buffer per parameter and step, after 1024 steps")
def bits(k=1024):
    yield by.closed_form("log₂(1/β)", lambda: np.log2(float(1 / BETA)))
    yield by.experiment(
        "the buffer", lambda: round_trip(k)[1] / k, rtol=0.05, because="a buffer is whole bits"
    )


@claim("E2.1.work", "bits of buffer worked on in 1024 steps, per parameter")
def work(k=1024):
    yield by.closed_form("log₂(1/β) k²/2", lambda: np.log2(float(1 / BETA)) * k**2 / 2)
    yield by.experiment(
        "added up over the steps", lambda: round_trip(k)[2], rtol=0.05, because="whole bits"
    )


@claim("E2.1.floats-fail", "after 1500 steps floating point misses the start by more than 1")
def floats_fail(k=1500):
    def estimate():
        """Rounding is multiplied by 1/√β at each step of the way back, on average."""
        size = 0.9 ** (-k / 2) * 2.0**-52
        return holds(size > 1, f"{size:.0e}, by the estimate")

    def experiment():
        missed = there_and_back(k)
        return holds(missed > 1, f"off by {missed:.0e}")

    yield by.experiment("the run", experiment)
    yield by.closed_form("the growth of a rounding error", estimate)


# -- E2.1: hypergradients out of a reversed run --------------------------------------------------


def heavy_ball(loss, gradient, w, etas, beta=float(BETA)):
    """Return the loss after a heavy-ball run in floats."""
    v = 0 * w
    for eta in etas:
        v = beta * v - eta * gradient(w)
        w = w + v
    return loss(w)


@once
def reversed_hypergradients(k=100, eta=0.02):
    """Return the network's hypergradients out of an exact run that is reversed."""
    return hg.reversible_hypergradients(*hg.terrain_network(), np.full(k, eta), BETA)


@claim(
    "E2.1.reversed",
    "hypergradients of 100 heavy-ball steps of the network, out of the reversed run",
)
def reversed_run(k=100, eta=0.02):
    def through_the_run():
        loss, start = terrain()
        return grad(lambda etas: heavy_ball(loss, grad(loss), start, etas))(np.full(k, eta))

    yield by.recursion(
        "nothing stored but the buffer", lambda: reversed_hypergradients(k, eta), rtol=1e-9,
        because="fixed point rounds each step by 2⁻⁴¹, which the run keeps within a factor of 1000",
    )  # fmt: skip
    yield by.autodiff("a reverse sweep over the run, all of it stored", through_the_run)


@claim("E2.1.reversed-count", "gradients and HVPs of 100 reversed steps")
def reversed_count(k=100):
    def counted():
        counting, calls = hg.counted(diagonal(4))
        hg.reversible_hypergradients(counting, np.ones(4), np.full(k, 0.1), BETA)
        return [calls["gradient"], calls["hvp"]]

    yield by.experiment("counted", counted)
    yield by.hand("each gradient once more on the way back", lambda: [201, 100])


@np.errstate(over="ignore", invalid="ignore")
def reversed_in_floats(k, eta, beta=float(BETA)):
    """Return hypergradients of a heavy-ball run that is reversed in floats."""
    loss, w = hg.terrain_network()
    v = 0 * w
    for _ in range(k):
        v = beta * v - eta * loss.gradient(w)
        w = w + v
    adjoint, velocity, result = loss.gradient(w), 0 * w, []
    for _ in range(k):
        velocity = velocity + adjoint
        w = w - v
        g = loss.gradient(w)
        v = (v + eta * g) / beta
        result.append(-(velocity @ g))
        adjoint = adjoint - eta * loss.hvp(w, velocity)
        velocity = beta * velocity
    return np.array(result[::-1])


@claim("E2.1.reversed-short", "reversed in floats, the hypergradients of 20 steps are still right")
def reversed_short(k=20, eta=0.02):
    def through_the_run():
        loss, start = terrain()
        return grad(lambda etas: heavy_ball(loss, grad(loss), start, etas))(np.full(k, eta))

    yield by.recursion(
        "reversed in floats",
        lambda: reversed_in_floats(k, eta),
        rtol=1e-11,
        because="the way back multiplies rounding by a factor of ten",
    )
    yield by.autodiff("a reverse sweep over the stored run", through_the_run)


@claim(
    "E2.1.reversed-floats", "reversed in floats, those of 400 steps are off by more than their size"
)
def reversed_floats(k=400, eta=0.02):
    def beside_the_exact():
        right, found = reversed_hypergradients(k, eta), reversed_in_floats(k, eta)
        gap = np.abs(found - right).max() / np.abs(right).max()
        return holds(not gap <= 1, f"{gap:.0f} times their size")

    def beside_the_stored():
        loss, start = terrain()
        right = grad(lambda etas: heavy_ball(loss, grad(loss), start, etas))(np.full(k, eta))
        gap = np.abs(reversed_in_floats(k, eta) - right).max() / np.abs(right).max()
        return holds(not gap <= 1, f"{gap:.0f} times their size")

    yield by.experiment("beside the exact reversal", beside_the_exact)
    yield by.autodiff("beside a sweep over the stored run", beside_the_stored)
