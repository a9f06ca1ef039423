"""E-mail addresses and public IP addresses, as FineWeb treats them.

Source: datatrove 0.10 ``formatters/pii.py``. The e-mail expression is the one there, the IPv4 expression too, checked
by ``ipaddress``; only public addresses count. What is stricter here, because replacing harmless text costs as well:

* the last label of a mail domain begins with a letter (``lodash@4.17.21`` is a version), and the names that RFC 2606
  reserves for examples (``example.com``, ``.test`` ...) are ignored;
* a word ends where ASCII ends, so that an address between Chinese characters is found;
* an IPv4 address is not part of a longer number or name (``1.2.3.4.5``, ``v1.2.3.4``);
* IPv6, which upstream leaves out: eight groups of which one has three digits or more (else it is a hardware address),
  or the short form with ``::`` inside 2000::/3, where all addresses in use lie (else it is a name such as ``a::b``).

A rule finds or does not: the score is 1. No expression can blow up, because the ones with repetitions look at a window
of 256 characters.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding

WINDOW = 256  # characters of a mail address before and after the @; mail systems allow 64 and 255

ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
FOUR = rf"(?:{OCTET}\.){{3}}{OCTET}"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
LOCAL_PART = re.compile(rf"\b{ATOM}(?:\.{ATOM})*@", re.ASCII)
MAIL_DOMAIN = re.compile(rf"(?:{LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])|\[{FOUR}\]")
RESERVED_DOMAIN = re.compile(r"(?:.*\.)?(?:example\.(?:com|net|org)|example|test|invalid|localhost)", re.IGNORECASE)
IPV4 = re.compile(rf"(?<![\w.]){FOUR}(?!\w|\.\d)", re.ASCII)
IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])", re.ASCII)
IN_USE = ipaddress.IPv6Network("2000::/3")

# FineWeb's replacements: names and numbers that belong to nobody.
REPLACEMENTS: Mapping[str, tuple[str, ...]] = {
    FindingKind.EMAIL: ("email@example.com", "firstname.lastname@example.org"),
    FindingKind.IP_ADDRESS: (
        "22.214.171.124",
        "126.96.36.199",
        "188.8.131.52",
        "184.108.40.206",
        "220.127.116.11",
        "18.104.22.168",
    ),
}


def emails(text: str, start: int, end: int) -> Iterator[Finding]:
    """E-mail addresses."""
    free = start
    at = text.find("@", start, end)
    while at >= 0:
        domain = MAIL_DOMAIN.match(text, at + 1, at + 1 + WINDOW)
        if domain is not None and RESERVED_DOMAIN.fullmatch(domain.group()) is None:
            local = LOCAL_PART.search(text, max(free, at - WINDOW, text.rfind("@", start, at) + 1), at + 1)
            if local is not None:
                yield Finding(local.start(), domain.end(), FindingKind.EMAIL, 1.0, EMAIL.name)
                free = domain.end()
        at = text.find("@", max(at + 1, free), end)


def ipv4_addresses(text: str, start: int, end: int) -> Iterator[Finding]:
    """Public addresses of four octets."""
    for match in IPV4.finditer(text, start, end):
        if _is_public(match.group()):
            yield Finding(match.start(), match.end(), FindingKind.IP_ADDRESS, 1.0, IPV4_ADDRESS.name)


def ipv6_addresses(text: str, start: int, end: int) -> Iterator[Finding]:
    """Public addresses of eight groups, or shortened ones in the range that is in use."""
    for match in IPV6.finditer(text, start, end):
        if _is_public_ipv6(match.group()):
            yield Finding(match.start(), match.end(), FindingKind.IP_ADDRESS, 1.0, IPV6_ADDRESS.name)


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:  # such as 01.02.03.04, or too few groups: not an address, so nobody's
        return False


def _is_public_ipv6(address: str) -> bool:
    if not _is_public(address):
        return False
    if "::" in address:
        return ipaddress.IPv6Address(address) in IN_USE
    return any(len(group) > 2 for group in address.split(":"))


EMAIL = Detector("regex:email", 1, (FindingKind.EMAIL,), (r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]@[A-Za-z0-9\[]",), emails)
IPV4_ADDRESS = Detector(
    "regex:ipv4",
    1,
    (FindingKind.IP_ADDRESS,),
    (r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",),
    ipv4_addresses,
    reach=(32, 32),
)
IPV6_ADDRESS = Detector(
    "regex:ipv6",
    1,
    (FindingKind.IP_ADDRESS,),
    (r"(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]", r"[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{1,4}:){0,6}:"),
    ipv6_addresses,
    reach=(64, 64),
)
DETECTORS = (EMAIL, IPV4_ADDRESS, IPV6_ADDRESS)
