"""The one door of numbers: what every argument becomes, and what is turned away."""

import math
from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand import _checks as door

F = Fraction
laws = settings(derandomize=True, deadline=None, max_examples=60)

NO_NUMBERS = [
    *(None, "1", b"1", True, np.True_, np.array(False), 1j, np.complex64(1), [1], (1, 2)),
    *(np.ones(2), np.ma.array(1.0), np.ma.masked, {}, object(), math.sin, 1 + sp.I),
]
SCALARS = [
    door.real,
    door.exactly,
    door.positive,
    door.non_negative,
    door.decay_rate,
    door.as_float,
]


# -- one value -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (3, 3),
        (np.int64(3), 3),
        (np.uint8(200), 200),
        (np.array(3), 3),
        (sp.Integer(3), 3),
        (F(1, 3), F(1, 3)),
        (sp.Rational(1, 3), F(1, 3)),
        (0.1, 0.1),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), 0.10000000149011612),
        (np.float16(0.1), 0.0999755859375),
        (np.longdouble(0.5), 0.5),
        (np.array(0.5, dtype=np.float32), 0.5),
        (np.array(F(1, 3), dtype=object), F(1, 3)),
        (10**400, 10**400),
        (Decimal("0.1"), Decimal("0.1")),
        (mpmath.mpf(2), mpmath.mpf(2)),
        (sp.Float(0.5), 0.5),
        (sp.sqrt(2), sp.sqrt(2)),
    ],
)
def test_a_number_becomes_pythons_own(given_, expected):
    found = door.real("x", given_)
    assert found == expected
    assert type(found) is type(expected)


def test_integers_become_fractions_where_they_are_divided():
    assert type(door.exactly("x", np.int32(3))) is F
    assert type(door.exactly("x", F(1, 3))) is F
    assert type(door.exactly("x", np.float32(3))) is float


@pytest.mark.parametrize("convert", SCALARS)
@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
def test_what_is_no_real_number_is_named(convert, value):
    with pytest.raises(TypeError, match=r"^eta must be a real number, got "):
        convert("eta", value)


@pytest.mark.parametrize("convert", SCALARS)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, np.float32("nan"), np.array(np.inf), sp.nan, sp.oo,
              Decimal("nan"), mpmath.inf], ids=repr,
)  # fmt: skip
def test_what_is_not_finite_is_named(convert, value):
    with pytest.raises(door.NonFiniteError, match=r"^eta must .*, got "):
        convert("eta", value)


@pytest.mark.parametrize(
    ("convert", "value", "message"),
    [
        (door.positive, 0, "x must be positive and finite, got 0"),
        (door.positive, -0.0, "x must be positive and finite, got -0.0"),
        (door.positive, np.int8(-128), "x must be positive and finite, got -128"),
        (door.non_negative, F(-1, 3), "x must be at least 0 and finite, got -1/3"),
        (door.decay_rate, 1, r"x must lie in \[0, 1\), got 1"),
        (door.decay_rate, np.float32(-0.5), r"x must lie in \[0, 1\), got -0.5"),
        (door.as_float, 10**400, "x must fit a float, got 1000"),
        (door.as_float, sp.Symbol("z"), "x must fit a float, got z"),
        (door.positive, -sp.sqrt(2), "x must be positive and finite, got -sqrt"),
    ],
)
def test_a_number_out_of_its_range_is_named(convert, value, message):
    with pytest.raises(ValueError, match=message):
        convert("x", value)


def test_symbols_pass_unless_they_are_known_not_to():
    free, negative = sp.Symbol("x", real=True), sp.Symbol("n", negative=True)
    for convert in (door.real, door.positive, door.non_negative, door.decay_rate):
        assert convert("x", free) is free
    for convert in (door.positive, door.non_negative, door.decay_rate):
        with pytest.raises(ValueError, match="got n"):
            convert("x", negative)


def test_the_value_checked_is_the_value_used():
    below = door.decay_rate("x", np.float32(1) - np.float32(2**-24))
    assert type(below) is float
    assert below == 1 - 2**-24
    with pytest.raises(ValueError, match=r"got 0.0"):
        door.positive("x", np.longdouble(2) ** -16000)  # positive, but no float is


@pytest.mark.parametrize("value", [1.0, "1", True, np.True_, None, np.float64(2), [1], 1j, F(1, 2)])
def test_integers(value):
    with pytest.raises(TypeError, match=r"^t must be an integer, got "):
        door.integer("t", value, 0)


def test_integers_within_their_bounds():
    assert type(door.integer("t", np.uint8(5), 0)) is int
    assert door.integer("t", -(10**30)) == -(10**30)
    with pytest.raises(ValueError, match="t must be at least 0, got -1"):
        door.integer("t", -1, 0)
    with pytest.raises(ValueError, match="t must be at most 3, got 4"):
        door.integer("t", np.int64(4), 0, 3)


def test_pairs():
    assert door.pair("size", 3) == door.pair("size", np.array([3, 3])) == (3, 3)
    assert door.pair("size", (2, np.int8(5))) == (2, 5)
    for wrong, error in [((1, 2, 3), ValueError), ((1, 2.0), TypeError), ((0, 1), ValueError),
                         ("33", TypeError), (None, TypeError), (True, TypeError), ((), ValueError),
                         (np.ones((2, 2)), TypeError)]:  # fmt: skip
        with pytest.raises(error, match=r"^size must be "):
            door.pair("size", wrong)


def test_words_generators_and_functions():
    assert door.one_of("mode", "a", ("a", "b")) == "a"
    for wrong in ("c", None, np.array(["a", "b"]), ["a"], 1):
        with pytest.raises(ValueError, match=r"^mode must be one of"):
            door.one_of("mode", wrong, ("a", "b"))
    rng = np.random.default_rng(0)
    assert door.generator("rng", rng) is rng
    for wrong in (0, None, np.random, np.random.RandomState(0)):
        with pytest.raises(TypeError, match=r"^rng must be a numpy.random.Generator"):
            door.generator("rng", wrong)
    assert door.function("f", math.sin) is math.sin
    with pytest.raises(TypeError, match=r"^f must be a function, got 3"):
        door.function("f", 3)


# -- arrays --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u8", "f2", "f4", "f8", "g"])
@pytest.mark.parametrize("layout", ["C", "F", "strided", "reversed", "read-only"])
def test_every_type_and_layout_becomes_new_floats(dtype, layout):
    base = np.arange(24).reshape(4, 6).astype(dtype)
    values = {
        "C": base,
        "F": np.asfortranarray(base),
        "strided": base[::2, 1::3],
        "reversed": base[::-1, ::-1],
        "read-only": np.broadcast_to(base[0], (3, 6)),
    }[layout]
    before = values.copy()
    found = door.numbers("x", values)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, before)
    found += 1
    np.testing.assert_array_equal(values, before)


def test_small_floats_stay_where_they_are_meant():
    for dtype in (np.float16, np.float32):
        assert door.numbers("x", np.ones(2, dtype), small=True).dtype == dtype
        assert door.numbers("x", np.ones(2, dtype)).dtype == float
    assert door.numbers("x", np.ones(2, np.longdouble), small=True).dtype == float
    assert door.numbers("x", np.ones(2, np.complex64), allow_complex=True).dtype == complex


def entries(array):
    return [(type(x), x) for x in array.flat]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], [1.0, 2.0]),
        ([2**70, 1], [2.0**70, 1.0]),
        ([F(1, 3), 2], [F(1, 3), F(2)]),
        ([F(1, 3), np.int64(2)], [F(1, 3), F(2)]),
        ([F(1, 2), 0.25], [0.5, 0.25]),
        ([F(1, 2), np.float32(0.25)], [0.5, 0.25]),
        (np.array([1, 2], dtype=object), [F(1), F(2)]),
        (np.array([1, 2.0], dtype=object), [1.0, 2.0]),
        ([sp.Rational(1, 3), 1], [F(1, 3), F(1)]),
        ([sp.sqrt(2), 1], [sp.sqrt(2), F(1)]),
        ([Decimal(1), Decimal(2)], [Decimal(1), Decimal(2)]),
    ],
)
def test_an_array_is_exact_throughout_or_floats_throughout(values, expected):
    found = door.numbers("x", values)
    assert [(type(x), x) for x in found.tolist()] == [(type(x), x) for x in expected]


@pytest.mark.parametrize(
    "values",
    [
        [2**62, 2**63 - 1],
        [2**63, 1],
        [2**64, -1],
        [2**70, -1],
        np.array([2**62, 2**63 - 1]),
        np.array([2**63, 1], dtype=np.uint64),
        np.array([[100, -128]], dtype=np.int8)[:, ::-1],
        (np.int64(2**62), 3),
    ],
)
def test_integers_stay_exact_where_asked_for(values):
    found = door.numbers("x", values, exact=True)
    assert [type(x) for x in found.flat] == [F] * found.size
    assert found.tolist() == np.array(values, dtype=object).tolist()


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (np.array([True, False]), TypeError, "x must be real numbers, got bool"),
        (np.array(True), TypeError, "x must be real numbers, got bool"),
        ([1, True, F(1)], TypeError, "x must be real numbers, got the entry True"),
        (["1"], TypeError, "x must be real numbers, got <U1"),
        (None, TypeError, "x must be real numbers, got the entry None"),
        ([1.0, None], TypeError, "x must be real numbers, got the entry None"),
        ([1j], TypeError, "x must be real numbers, got complex128"),
        ([F(1), 1j], TypeError, "got the entry 1j"),
        (np.array(["2020"], dtype="M8"), TypeError, "x must be real numbers, got datetime64"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), TypeError, "x must not be masked"),
        (np.ma.array([1.0, 2.0]), TypeError, "x must not be masked"),
        ([np.ma.array([1.0, 2.0], mask=[0, 1])], TypeError, "x must not be masked"),
        ([np.ma.masked, 1.0], TypeError, "x must not be masked"),
        ([[1, 2], [3]], ValueError, r"x must be an array of numbers, got \[\[1, 2\], \[3\]\]"),
        ([], ValueError, r"x must not be empty, got shape \(0,\)"),
        (np.zeros((3, 0)), ValueError, r"x must not be empty, got shape \(3, 0\)"),
        ([1, math.nan], ValueError, "x must be finite, got"),
        (np.array([F(1), math.inf], dtype=object), ValueError, "x must be finite"),
        (np.array([sp.oo, F(1)], dtype=object), ValueError, "x must be finite"),
        (np.array([np.longdouble("1e4000")]), ValueError, "x must be finite"),
        ([10**400, 1], ValueError, "x must hold numbers that fit a float"),
        ([F(10**400), 1.5], ValueError, "x must hold numbers that fit a float"),
    ],
)
def test_arrays_turned_away(values, error, message):
    with pytest.raises(error, match=message):
        door.numbers("x", values)


def test_floats_of_exact_numbers():
    found = door.floats("x", [[F(1, 3), 2], [sp.sqrt(2), 1]])
    assert found.dtype == float
    assert found.tolist() == [[1 / 3, 2], [math.sqrt(2), 1]]
    for wrong in ([F(10**400), F(1)], [sp.Symbol("a"), F(1)]):
        with pytest.raises(ValueError, match="x must hold numbers that fit a float"):
            door.floats("x", wrong)


@pytest.mark.parametrize("values", [np.ones(3), np.full(3, F(1, 2)), np.ones(3, np.float32)])
def test_what_is_not_copied_is_read_only(values):
    view = door.numbers("x", values, copy=None)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 2
    values[0] = 2  # and the caller's own array is not locked


def test_complex_numbers():
    assert door.numbers("x", [F(1, 2), 1j], allow_complex=True).tolist() == [0.5, 1j]
    with pytest.raises(TypeError, match="x must be numbers, got bool"):
        door.numbers("x", [True], allow_complex=True)


def test_shapes():
    for convert, wrong in [(door.vector, np.ones((2, 1))), (door.vector, 1.0),
                           (door.square, np.ones((2, 3))), (door.square, [1.0])]:  # fmt: skip
        with pytest.raises(ValueError, match=r"^x must be a .*, got shape \("):
            convert("x", wrong)
    with pytest.raises(ValueError, match=r"got \(2, 1\) and \(1,\)"):
        door.samples(np.ones((2, 1)), np.ones(1))


def test_symmetric_to_rounding_and_no_further():
    rng = np.random.default_rng(0)
    for n in (2, 3, 30, 200):
        for scale in (1e-300, 1.0, 1e300):
            Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
            A = Q @ np.diag(scale * np.linspace(1, 3, n)) @ Q.T
            found = door.symmetric("A", A)
            assert (found == found.T).all()
            np.testing.assert_allclose(found, A, rtol=0, atol=n * 1e-15 * scale)
            A[0, 1] += 1e-9 * scale
            with pytest.raises(ValueError, match="A must be symmetric, got"):
                door.symmetric("A", A)
    small = np.array([[1, 0.1], [np.nextafter(np.float32(0.1), np.float32(1)), 2]], np.float32)
    assert door.symmetric("A", small).dtype == float
    with pytest.raises(ValueError, match="symmetric"):
        door.symmetric("A", small.astype(float))
    with pytest.raises(ValueError, match="symmetric"):
        door.symmetric("A", [[0, 1e308], [-1e308, 0]])
    with pytest.raises(ValueError, match="symmetric"):
        door.symmetric("A", [[F(1), F(1)], [F(1) + F(1, 10**30), F(1)]])


# -- arithmetic in range -------------------------------------------------------------------------


@laws
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6),
)
def test_norms_against_exact_arithmetic(values):
    with mpmath.workprec(4000):
        expected = mpmath.sqrt(sum(mpmath.mpf(x) ** 2 for x in values))
        expected = float(expected) if expected < mpmath.mpf(2) ** 1024 else math.inf
    assert door.norm(np.array(values)) == pytest.approx(expected, rel=1e-15, abs=5e-324)


@laws
@given(st.lists(st.floats(-1e308, 1e308), max_size=4))
def test_scaling_loses_nothing(values):
    y, exponent = door.scaled(np.array(values))
    assert np.abs(y).max(initial=0.5) < 1
    back = [F(v) * F(2) ** exponent for v in y.tolist()]
    largest = max(map(abs, map(F, values)), default=0)
    assert all(abs(a - F(b)) <= largest / 2**1020 for a, b in zip(back, values, strict=True))


def test_numbers_that_stop_being_finite():
    for fine in (1.0, np.ones(2), F(1), np.array([F(1)]), 10**400, np.arange(2)):
        door.still_finite("the loss", fine, "after step 3")
    for wrong in (math.nan, np.array([1, -np.inf]), np.array([F(1), math.nan], dtype=object)):
        with pytest.raises(
            door.NonFiniteError, match=r"^the loss must stay finite, got .* step 3$"
        ):
            door.still_finite("the loss", wrong, "after step 3")
