"""Dictionaries of structured fields (RFC 9651, section 4.2.2), as far as usage preferences need them: the tokens.

A member that is not a token (a string, a number, a list) is there without a value, because draft-ietf-aipref-vocab
says that only the tokens ``y`` and ``n`` mean something. Cost: linear; every expression is anchored and unambiguous.
"""

import re

KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
OTHER = re.compile(
    r'"(?:[ !#-\[\]-~]|\\["\\])*+"'  # string
    r"|-?[0-9]{1,15}(?:\.[0-9]{1,3})?"  # integer, decimal
    r"|:[A-Za-z0-9+/=]*+:"  # bytes
    r"|\?[01]"  # boolean
    r"|@-?[0-9]{1,15}"  # date
    r'|%"(?:[ !#$&-~]|%[0-9a-f]{2})*+"'  # display string
)
COMMA = re.compile(r"[ \t]*,[ \t]*")


def dictionary(value: str) -> dict[str, str | None] | None:
    """The tokens of a dictionary by key, None for members of another type; None if ``value`` is not a dictionary.

    Of a key that is there twice the last one counts, and it has the place of the first.
    """
    text = value.strip(" ")
    members: dict[str, str | None] = {}
    place = 0
    while place < len(text):
        key = KEY.match(text, place)
        if key is None:
            return None
        place = key.end()
        token: str | None = None
        if text.startswith("=", place):
            read = _inner_list(text, place + 1) if text.startswith("(", place + 1) else _item(text, place + 1)
            if read is None:
                return None
            token, place = read
        after = _parameters(text, place)
        if after is None:
            return None
        place = after
        members[key.group()] = token
        if place == len(text):
            return members
        comma = COMMA.match(text, place)
        if comma is None or comma.end() == len(text):
            return None
        place = comma.end()
    return members


def _item(text: str, place: int) -> tuple[str | None, int] | None:
    if token := TOKEN.match(text, place):
        return token.group(), token.end()
    if other := OTHER.match(text, place):
        return None, other.end()
    return None


def _inner_list(text: str, place: int) -> tuple[None, int] | None:
    place += 1
    while place < len(text):
        while text.startswith(" ", place):
            place += 1
        if text.startswith(")", place):
            return None, place + 1
        read = _item(text, place)
        after = None if read is None else _parameters(text, read[1])
        if after is None or text[after : after + 1] not in (" ", ")"):
            return None
        place = after
    return None


def _parameters(text: str, place: int) -> int | None:
    while text.startswith(";", place):
        place += 1
        while text.startswith(" ", place):
            place += 1
        key = KEY.match(text, place)
        if key is None:
            return None
        place = key.end()
        if text.startswith("=", place):
            read = _item(text, place + 1)
            if read is None:
                return None
            place = read[1]
    return place
