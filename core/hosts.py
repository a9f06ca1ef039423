"""Host names and origins as browsers send them, in one normal form, so that equivalent ones compare equal.

The dashboards and a lake's Prefect server use them to decide who may talk to them: what cannot be parsed here is
refused. Names are in lower case, without a trailing dot; IP addresses are in their shortest form, and IPv4 inside IPv6
becomes IPv4 (such a literal is the same machine, and no name server can map it to another).

Source: RFC 9110 7.2 (Host), RFC 6454 (origins). Cost: one regular expression each.
"""

import re
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DEFAULT_PORTS = {"http": 80, "https": 443}
MOST_PORT = 65_535
_NETLOC = r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:@/?#\\\s]+))(?::(?P<port>[0-9]{1,5}))?"
_HOST = re.compile(_NETLOC)
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_NETLOC}")


class Address(NamedTuple):
    """A host name or IP address in its normal form, and the port if one is given."""

    name: str
    port: int | None


class Origin(NamedTuple):
    """Where a web page comes from; the port is the scheme's own where none is given."""

    scheme: str
    name: str
    port: int

    def __str__(self) -> str:
        """As browsers write it: without the scheme's own port."""
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{bracketed(self.name)}{port}"


def host_address(text: str) -> Address | None:
    """What a ``Host`` header names: ``[::1]:4200`` is ``::1`` and 4200. None if it is not a host name."""
    return _address(_HOST.fullmatch(text.lower()))


def origin_of(text: str) -> Origin | None:
    """What an ``Origin`` header names. None if it is not a page of a web server: ``null``, ``file://``."""
    found = _ORIGIN.fullmatch(text.lower())
    address = _address(found)
    if found is None or address is None:
        return None
    scheme = found["scheme"]
    return Origin(scheme, address.name, address.port or DEFAULT_PORTS[scheme])


def plain_name(name: str) -> str:
    """A host name or IP address (without brackets) in its normal form."""
    name = name.lower().removesuffix(".")
    try:
        address = ip_address(name)
    except ValueError:
        return name
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def is_loopback(name: str) -> bool:
    """Whether a host name or IP address reaches this machine only. No name is looked up: ``localhost`` alone counts."""
    plain = plain_name(name)
    if plain in LOOPBACK:
        return True
    try:
        return ip_address(plain).is_loopback
    except ValueError:
        return False


def bracketed(name: str) -> str:
    """A host name or IP address as it is written in a URL."""
    return f"[{name}]" if ":" in name else name


def _address(found: re.Match[str] | None) -> Address | None:
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 0 < port <= MOST_PORT:
        return None
    if found["v6"]:
        try:
            return Address(plain_name(str(IPv6Address(found["v6"]))), port)
        except ValueError:
            return None
    return Address(plain_name(found["name"]), port)
