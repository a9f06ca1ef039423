"""What crosses the wire of the oracle, and in which form."""

import collections
import enum
import math

import pytest

from evals.oracle.codec import CodecError, TooLargeError, UnsupportedTypeError, decode, encode


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
