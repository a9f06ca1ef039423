"""The wire of the oracle: plain values survive it exactly, anything else is refused, no bytes can crash it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.evals.oracle.codec import MAX_DEPTH, CodecError, TooLargeError, decode, encode, frame, frame_length

repeatable = settings(deadline=None, derandomize=True, max_examples=80)

hashable_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**200), max_value=10**200)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(alphabet=st.characters(exclude_categories=()), max_size=20)
    | st.binary(max_size=20)
    | st.fractions()
    | st.decimals(allow_nan=False)
)
hashables = st.recursive(
    hashable_leaves,
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=8,
)
values = st.recursive(
    hashables,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(hashables, max_size=4)
        | st.dictionaries(hashables, inner, max_size=4)
    ),
    max_leaves=12,
)


def same(left: object, right: object) -> bool:
    """Equal, and of the same types all the way down; ``True`` is not 1 and ``-0.0`` is not ``0.0``."""
    if type(left) is not type(right) or left != right:
        return False
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, (set, frozenset)) and isinstance(right, (set, frozenset)):
        partner = {item: item for item in right}
        return all(same(item, partner[item]) for item in left)
    return repr(left) == repr(right)


@repeatable
@given(values)
def test_a_plain_value_comes_back_as_it_was(value: object) -> None:
    assert same(decode(encode(value)), value)


@repeatable
@given(values)
def test_lowering_leaves_plain_values_alone(value: object) -> None:
    assert encode(value, lower=True) == encode(value)


@repeatable
@given(values)
def test_a_frame_says_how_long_it_is(value: object) -> None:
    framed = frame(value)

    assert frame_length(framed[:4]) == len(framed) - 4
    assert same(decode(framed[4:]), value)


@repeatable
@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_raise(data: bytes) -> None:
    try:
        value = decode(data)
    except CodecError:
        return
    encode(value)  # refuses everything but plain types


@repeatable
@given(values, st.data())
def test_a_cut_value_is_refused(value: object, data: st.DataObject) -> None:
    encoded = encode(value)
    end = data.draw(st.integers(0, len(encoded) - 1))

    with pytest.raises(CodecError):
        decode(encoded[:end])


@repeatable
@given(values, st.integers(0, 60))
def test_the_bound_on_bytes_is_kept(value: object, bound: int) -> None:
    try:
        encoded = encode(value, max_bytes=bound)
    except TooLargeError:
        assert len(encode(value)) > bound
    else:
        assert len(encoded) <= bound


@repeatable
@given(st.integers(1, 2 * MAX_DEPTH))
def test_the_bound_on_depth_is_kept_on_both_sides(depth: int) -> None:
    nested: object = 0
    data = b"N"
    for _ in range(depth):
        nested = [nested]
        data = b"l\x01\x00\x00\x00" + data

    if depth < MAX_DEPTH:
        assert decode(encode(nested)) == nested
        assert isinstance(decode(data), list)
    else:
        with pytest.raises(CodecError):
            encode(nested)
        with pytest.raises(CodecError):
            decode(data)
