"""Calls of :mod:`byhand.linear_algebra`; the second routes are exact."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np

from byhand import linear_algebra as la
from fuzzing import (
    Call,
    all_close,
    close,
    generates,
    identity,
    matrix,
    not_called,
    number,
    power_of_two,
    product,
    solved,
    times,
    vector,
)

EPS = float(np.finfo(float).eps)

not_called(la, "a record, which computes nothing", "Eigenpair")


def largest(A: list) -> Fraction:
    return max(abs(x) for row in A for x in row)


def system(rng: random.Random):
    """Draw a square matrix of some scale, its inverse or None, and its condition."""
    n, scale = rng.randint(1, 4), power_of_two(rng)
    A = matrix(rng, n, n)
    inverse = solved(A, identity(n))
    condition = float(n * n * largest(A) * largest(inverse)) if inverse else np.inf
    return n, scale, A, inverse, condition


REFUSAL = r"must be invertible, got condition number|must fit floats"


@generates(la)
def inverse_derivative(rng):
    n, scale, A, inverse, condition = system(rng)
    dA, other = matrix(rng, n, n), power_of_two(rng)

    def check(found, exact):
        factor = other / scale**2
        left = times(factor, product(product(inverse, dA), inverse))
        size = factor * n * n * largest(inverse) ** 2 * max(largest(dA), Fraction(1, 4))
        all_close(found, times(Fraction(-1), left), 16 * n * condition * EPS, size)

    arguments = {"A": times(scale, A), "dA": times(other, dA)}
    return Call(arguments, check, REFUSAL)


@generates(la)
def implicit_jacobian(rng):
    n, scale, F_y, inverse, condition = system(rng)
    F_x, other = matrix(rng, n, rng.randint(1, 3)), power_of_two(rng)

    def check(found, exact):
        right = times(-other / scale, product(inverse, F_x))
        size = other / scale * n * largest(inverse) * max(largest(F_x), Fraction(1, 4))
        all_close(found, right, 16 * n * condition * EPS, size)

    arguments = {"F_x": times(other, F_x), "F_y": times(scale, F_y)}
    return Call(arguments, check, REFUSAL)


@generates(la)
def implicit_vjp(rng):
    n, scale, F_y, inverse, condition = system(rng)
    F_x, other = matrix(rng, n, rng.randint(1, 3)), power_of_two(rng)
    v = vector(rng, n)

    def check(found, exact):
        right = times(-other / scale, product([v], product(inverse, F_x)))[0]
        size = other / scale * 16 * n * n * largest(inverse) * max(largest(F_x), Fraction(1, 4))
        all_close(found, right, 16 * n * condition * EPS, size)

    arguments = {"v": v, "F_x": times(other, F_x), "F_y": times(scale, F_y)}
    return Call(arguments, check, REFUSAL)


@generates(la)
def power_iteration(rng):
    n, scale = rng.randint(1, 4), power_of_two(rng)
    half = matrix(rng, n, n)
    A = [[half[i][j] + half[j][i] for j in range(n)] for i in range(n)]

    def check(pair, exact):
        assert all(type(x) is float for x in (pair.value, pair.residual))
        assert pair.vector.shape == (n,)
        assert abs(np.linalg.norm(pair.vector) - 1) < 1e-12
        v = [[Fraction(float(x))] for x in pair.vector]
        image = product(times(scale, A), v)
        size = scale * n * max(largest(A), Fraction(1, 4))
        for (left,), (x,) in zip(image, v, strict=True):
            assert abs(left - Fraction(pair.value) * x) <= Fraction(1e-7) * size + 2**-1070

    arguments = {"A": times(scale, A), "tolerance": Fraction(1, 2**30), "max_steps": 2000}
    if rng.random() < 0.5:
        arguments["start"] = vector(rng, n)
    return Call(
        arguments,
        check,
        r"no eigenpair after|start must be a vector of .* not all zero|A @ v",
        also={"start": lambda start: start is None},
    )


@generates(la)
def contraction_coefficient(rng):
    n = rng.randint(1, 4)
    P = []
    for _ in range(n):
        cuts = sorted(rng.randint(0, 8) for _ in range(n - 1))
        P.append([Fraction(b - a, 8) for a, b in zip([0, *cuts], [*cuts, 8], strict=True)])
    expected = max(sum(abs(x - y) for x, y in zip(a, b, strict=True)) for a in P for b in P) / 2

    def check(found, exact):
        close(found, expected, 0.0)

    return Call({"P": P}, check)


def polynomial(rng: random.Random):
    """Draw a vector or number x, and a polynomial f with its exact Jacobian at x."""
    c, d, n = rng.randint(-3, 3), rng.randint(1, 4), rng.randint(0, 3)
    if n == 0:
        x = number(rng)
        return x, lambda x: c * x**d + x, c * d * x ** (d - 1) + 1
    x = vector(rng, n)
    gradient = [c * d * x[0] ** (d - 1) * (k == 0) + 2 * x[k] for k in range(n)]
    return x, lambda x: c * x[0] ** d + x @ x, gradient


def derivative_call(rng, digits: float, exact: bool, **more):
    x, f, gradient = polynomial(rng)

    def check(found, was_exact):
        expected = np.array(gradient, dtype=object)
        assert np.shape(found) == expected.shape
        for a, b in zip(np.ravel(found), expected.flat, strict=True):
            close(float(a), b, digits, max(abs(b), 1000))

    return Call({"f": f, "x": x, **more}, check, exact=exact, any_shape=frozenset({"x"}))


@generates(la)
def central_difference(rng):
    return derivative_call(rng, 1e-8, exact=False)


@generates(la)
def complex_step(rng):
    return derivative_call(rng, 1e-15, exact=False)


@generates(la)
def symbolic_jacobian(rng):
    return derivative_call(rng, 1e-15, exact=True)
