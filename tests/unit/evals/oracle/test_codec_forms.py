"""What crosses the wire of the oracle, and in which form."""

import collections
import enum
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from gristmill.evals.oracle.codec import CodecError, TooLargeError, UnsupportedTypeError, decode, encode


class Colour(enum.IntEnum):
    RED = 1


class Sly(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "value", [object(), lambda: 1, range(3), iter([1]), Sly(3), Colour.RED, Point(1, 2), type, ...]
)
def test_only_plain_types_are_encoded(value: object) -> None:
    with pytest.raises(UnsupportedTypeError):
        encode(value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Sly(3), 3),
        (Colour.RED, 1),
        (Point(1, Point(2, 3)), (1, (2, 3))),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(b=1, a=[Sly(2)]), {"b": 1, "a": [2]}),
        (bytearray(b"ab"), b"ab"),
    ],
)
def test_lowering_keeps_the_value_and_drops_the_class(value: object, plain: object) -> None:
    lowered = decode(encode(value, lower=True))

    assert type(lowered) is type(plain)
    assert repr(lowered) == repr(plain)


@pytest.mark.parametrize(
    "value",
    [
        Fraction(1, 3),
        Fraction(-(10**50), 7),
        Decimal("0.10"),
        Decimal("-1E+40"),
        Decimal("Infinity"),
        [{Fraction(1, 2): (Decimal(3),)}, {Fraction(2)}],
    ],
)
def test_exact_numbers_cross_as_what_they_are(value: object) -> None:
    for lower in (False, True):
        back = decode(encode(value, lower=lower))
        assert (type(back), repr(back)) == (type(value), repr(value))


class Third(Fraction):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = Fraction.__hash__


class Price(Decimal):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = Decimal.__hash__


@pytest.mark.parametrize(("value", "plain"), [(Third(1, 3), Fraction(1, 3)), (Price("1.50"), Decimal("1.50"))])
def test_a_subclass_of_an_exact_number_becomes_that_number(value: object, plain: object) -> None:
    with pytest.raises(UnsupportedTypeError):
        encode(value)
    back = decode(encode([value], lower=True))
    assert repr(back) == repr([plain])


@pytest.mark.parametrize(
    ("scalar", "plain"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float16(2), 2.0),
        (np.int64(-3), -3),
        (np.uint8(255), 255),
        (np.bool_(True), True),
        (np.complex64(1 + 2j), 1 + 2j),
        (np.str_("a"), "a"),
        (np.bytes_(b"a"), b"a"),
    ],
)
def test_a_numpy_scalar_becomes_what_it_holds(scalar: object, plain: object) -> None:
    back = decode(encode([scalar, {"a": scalar}], lower=True))
    assert repr(back) == repr([plain, {"a": plain}])
    assert isinstance(back, list)
    assert type(back[0]) is type(plain)


@pytest.mark.parametrize("value", [np.longdouble(1), np.datetime64("2026-11-30"), np.zeros(3)])
def test_what_numpy_holds_beside_plain_values_has_no_form(value: object) -> None:
    with pytest.raises(CodecError):
        encode(value, lower=True)


@pytest.mark.parametrize(
    "body",
    [
        b"q" + encode(1) + encode(0),
        b"q" + encode(1) + encode(-2),
        b"q" + encode(1.0) + encode(2),
        b"q" + encode(True) + encode(2),
        b"q" + encode(1),
        b"m\x03\0\0\0abc",
        b"m\x01\0\0\0\xff",
        b"m\x09\0\0\0" + b"1",
    ],
)
def test_a_broken_exact_number_is_refused(body: bytes) -> None:
    with pytest.raises(CodecError):
        decode(body)


@pytest.mark.parametrize("value", [object(), range(3), {"a": [lambda: 1]}, collections.deque([1])])
def test_lowering_does_not_invent_a_form(value: object) -> None:
    with pytest.raises(UnsupportedTypeError):
        encode(value, lower=True)


def test_not_a_number_and_the_signs_of_zero_cross() -> None:
    back = decode(encode([math.nan, -0.0, math.inf, complex(-0.0, math.nan)]))

    assert isinstance(back, list)
    assert repr(back) == "[nan, -0.0, inf, (-0+nanj)]"


def test_a_cycle_is_too_deep() -> None:
    cycle: list[object] = []
    cycle.append(cycle)

    with pytest.raises(CodecError, match="deeper"):
        encode(cycle)


@pytest.mark.parametrize(
    "value",
    [1 << 100_000, "x" * 20_000, b"x" * 20_000, list(range(5_000)), {n: n for n in range(5_000)}],
    ids=["int", "str", "bytes", "list", "dict"],
)
def test_the_bound_on_bytes_holds_for_every_kind(value: object) -> None:
    with pytest.raises(TooLargeError):
        encode(value, max_bytes=10_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"?",
        b"NN",
        b"i\x05\x00\x00\x00\x01",
        b"l\xff\xff\xff\xff",
        b"u\x01\x00\x00\x00\xff",
        b"f\x00",
        b"d\x01\x00\x00\x00l\x00\x00\x00\x00N",
        b"s\x01\x00\x00\x00l\x00\x00\x00\x00",
        b"s\x02\x00\x00\x00TT",
        b"d\x02\x00\x00\x00TNTN",
    ],
    ids=[
        "nothing", "unknown-tag", "two-values", "short-int", "count-beyond-the-end", "not-utf-8", "short-float",
        "unhashable-key", "unhashable-element", "element-twice", "key-twice",
    ],
)  # fmt: skip
def test_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode(data)
