"""The wire format between the jail and the outside: tagged plain values, bounded in depth and bytes.

Only ``None``, ``bool``, ``int``, ``float``, ``complex``, ``Fraction``, ``Decimal``, ``str``, ``bytes``, ``list``,
``tuple``, ``set``, ``frozenset`` and ``dict`` cross, chosen by ``type(x) is``, so an object with a forged ``__eq__``
has no encoding, and what :func:`decode` returns consists only of those types. The format has no references, class names
or code.

A value is one tag byte and its body; lengths and counts are four bytes, little endian. A frame is a length and a value.
The module imports only ``struct`` (and ``sys``, which is always loaded): it runs in the worker inside the jail, and the
checker loads it first. ``fractions`` and ``decimal`` are imported when such a value arrives. Cost: about 1 us per
element.
"""

from __future__ import annotations

import struct
import sys

TYPE_CHECKING = False  # as in typing, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_DEPTH = 100
MAX_BYTES = 1 << 20

_LENGTH = struct.Struct("<I")
_DOUBLE = struct.Struct("<d")
_COMPLEX = struct.Struct("<dd")
_CONTAINERS: dict[type, bytes] = {list: b"l", tuple: b"t", set: b"s", frozenset: b"z"}
_MAKERS: dict[int, Callable[[list[Any]], Any]] = {108: list, 116: tuple, 115: set, 122: frozenset}
# The base value of an object of a subclass, bypassing anything the subclass overrides; bool has no subclasses.
_BASES: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (int, int.__pos__),
    (float, float.__pos__),
    (complex, complex.__pos__),
    (str, str.__str__),
    (bytes, lambda value: b"".join([value])),
    (bytearray, bytes),
    (list, lambda value: list(list.__iter__(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (dict, lambda value: dict(dict.items(value))),
)


class CodecError(Exception):
    """The value or the bytes are outside the format."""


class UnsupportedTypeError(CodecError):
    """The value contains an object that is not of a plain type."""


class TooLargeError(CodecError):
    """The encoded value has more bytes than allowed."""


def encode(value: object, max_bytes: int = MAX_BYTES, lower: bool = False) -> bytes:
    """The bytes of ``value``. With ``lower``, an object of a subclass (``Counter``, a named tuple) becomes its base.

    Raises :class:`UnsupportedTypeError`, :class:`TooLargeError`, or :class:`CodecError` when nested deeper than 100.
    """
    out = bytearray()
    _write(out, value, max_bytes, MAX_DEPTH, lower)
    return bytes(out)


def _write(out: bytearray, value: Any, max_bytes: int, depth: int, lower: bool) -> None:
    if depth == 0:
        raise CodecError(f"nested deeper than {MAX_DEPTH}")
    kind = type(value)
    if value is None:
        out += b"N"
    elif kind is bool:
        out += b"T" if value else b"F"
    elif kind is int:
        _write_bytes(out, b"i", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True), max_bytes)
    elif kind is float:
        out += b"f" + _DOUBLE.pack(value)
    elif kind is complex:
        out += b"c" + _COMPLEX.pack(value.real, value.imag)
    elif kind is str:
        _write_bytes(out, b"u", value.encode("utf-8", "surrogatepass"), max_bytes)
    elif kind is bytes:
        _write_bytes(out, b"b", value, max_bytes)
    elif kind is dict:
        out += b"d" + _LENGTH.pack(len(value))
        for key, item in value.items():
            _write(out, key, max_bytes, depth - 1, lower)
            _write(out, item, max_bytes, depth - 1, lower)
    elif kind in _CONTAINERS:
        out += _CONTAINERS[kind] + _LENGTH.pack(len(value))
        for item in value:
            _write(out, item, max_bytes, depth - 1, lower)
    elif kind is _class("fractions", "Fraction"):
        out += b"q"
        _write(out, value.numerator, max_bytes, depth - 1, lower)
        _write(out, value.denominator, max_bytes, depth - 1, lower)
    elif kind is _class("decimal", "Decimal"):
        _write_bytes(out, b"m", str(value).encode("ascii"), max_bytes)
    elif lower:
        _write(out, _lowered(value), max_bytes, depth - 1, lower)
    else:
        raise UnsupportedTypeError(f"a value of type {kind.__name__} is not plain data")
    if len(out) > max_bytes:
        raise TooLargeError(f"the value has more than {max_bytes} bytes")


def _class(module: str, name: str) -> Any:
    """A class of a module, if that is loaded: otherwise no value can be of the class."""
    return getattr(sys.modules.get(module), name, ())


def _lowered(value: Any) -> object:
    for base, plain in _BASES:
        if isinstance(value, base):
            return plain(value)
    fraction, decimal = _class("fractions", "Fraction"), _class("decimal", "Decimal")
    if isinstance(value, fraction):
        return fraction(value.numerator, value.denominator)
    if isinstance(value, decimal):
        return decimal(value)
    if isinstance(value, _class("numpy", "generic")):
        return value.item()  # the number, text or truth value of a scalar
    raise UnsupportedTypeError(f"a value of type {type(value).__name__} is not plain data")


def _write_bytes(out: bytearray, tag: bytes, body: bytes, max_bytes: int) -> None:
    if len(body) > max_bytes:
        raise TooLargeError(f"the value has more than {max_bytes} bytes")
    out += tag + _LENGTH.pack(len(body)) + body


def decode(data: bytes) -> object:
    """The value encoded by all of ``data``. Raises :class:`CodecError` for anything :func:`encode` never writes."""
    try:
        value, end = _read(data, 0, MAX_DEPTH)
    except (struct.error, IndexError, UnicodeDecodeError, TypeError) as error:
        raise CodecError(f"broken value: {error}") from error
    if end != len(data):
        raise CodecError("bytes after the value")
    return value


def _read(data: bytes, at: int, depth: int) -> tuple[object, int]:
    if depth == 0:
        raise CodecError(f"nested deeper than {MAX_DEPTH}")
    tag = data[at]
    at += 1
    if tag == 78:
        return None, at
    if tag == 84:
        return True, at
    if tag == 70:
        return False, at
    if tag == 102:
        return _DOUBLE.unpack_from(data, at)[0], at + 8
    if tag == 99:
        return complex(*_COMPLEX.unpack_from(data, at)), at + 16
    if tag == 113:
        return _read_fraction(data, at, depth)
    (length,) = _LENGTH.unpack_from(data, at)
    at += 4
    # Every element has at least one byte, so no count may exceed the bytes that are left.
    if length > len(data) - at:
        raise CodecError("a length beyond the end")
    if tag == 105:
        return int.from_bytes(data[at : at + length], "little", signed=True), at + length
    if tag == 117:
        return data[at : at + length].decode("utf-8", "surrogatepass"), at + length
    if tag == 98:
        return data[at : at + length], at + length
    if tag == 109:
        return _decimal(data[at : at + length]), at + length
    if tag == 100:
        mapping: dict[object, object] = {}
        for _ in range(length):
            key, at = _read(data, at, depth - 1)
            mapping[key], at = _read(data, at, depth - 1)
        if len(mapping) != length:
            raise CodecError("a key twice")
        return mapping, at
    if tag not in _MAKERS:
        raise CodecError(f"unknown tag {tag}")
    items = []
    for _ in range(length):
        item, at = _read(data, at, depth - 1)
        items.append(item)
    made = _MAKERS[tag](items)
    if len(made) != length:
        raise CodecError("an element twice")
    return made, at


def _read_fraction(data: bytes, at: int, depth: int) -> tuple[object, int]:
    from fractions import Fraction

    numerator, at = _read(data, at, depth - 1)
    denominator, at = _read(data, at, depth - 1)
    if type(numerator) is not int or type(denominator) is not int or denominator < 1:
        raise CodecError("a broken fraction")
    return Fraction(numerator, denominator), at


def _decimal(body: bytes) -> object:
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(body.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError):
        raise CodecError("a broken decimal number") from None


def frame(value: object, max_bytes: int = MAX_BYTES, lower: bool = False) -> bytes:
    """``value`` as a frame: four bytes of length and its encoding."""
    body = encode(value, max_bytes, lower)
    return _LENGTH.pack(len(body)) + body


def frame_length(header: bytes) -> int:
    """The number of bytes that follow a frame's four-byte ``header``."""
    (length,) = _LENGTH.unpack(header)
    return int(length)
