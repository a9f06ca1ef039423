"""Personal data as FineWeb treats it: e-mail addresses and public IP addresses, found as spans and replaced late.

Source: datatrove 0.10 ``formatters/pii.py``. The e-mail expression is the one there, the IPv4 expression too, checked
by ``ipaddress``; only public addresses count. What is stricter here, because replacing harmless text costs as well:

* the last label of a mail domain begins with a letter (``lodash@4.17.21`` is a version), and the names that RFC 2606
  reserves for examples (``example.com``, ``.test`` ...) are ignored;
* a word ends where ASCII ends, so that an address between Chinese characters is found;
* an IPv4 address is not part of a longer number or name (``1.2.3.4.5``, ``v1.2.3.4``);
* IPv6, which upstream leaves out: eight groups of which one has three digits or more (else it is a hardware address),
  or the short form with ``::`` inside 2000::/3, where all addresses in use lie (else it is a name such as ``a::b``).

Cost: a few linear scans over the column in Rust to find the texts that may hold something, then work for each match;
no expression can blow up, because the ones with repetitions look at a window of 256 characters.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Documents, Spans
from gristmill.tasks.text.slices import map_slices, one_chunk

EMAIL, IP_ADDRESS = "email", "ip_address"
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

# Which texts are worth a closer look; Rust's expressions, whose time is linear.
MAY_HOLD_EMAIL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]@[A-Za-z0-9\[]"
MAY_HOLD_IPV4 = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
MAY_HOLD_IPV6 = r"(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]|[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{1,4}:){0,6}:"

# FineWeb's replacements: names and numbers that belong to nobody.
REPLACEMENTS: Mapping[str, tuple[str, ...]] = {
    EMAIL: ("email@example.com", "firstname.lastname@example.org"),
    IP_ADDRESS: (
        "22.214.171.124",
        "126.96.36.199",
        "188.8.131.52",
        "184.108.40.206",
        "220.127.116.11",
        "18.104.22.168",
    ),
}


class PiiConfig(Config):
    """Which kinds are looked for."""

    emails: bool = True
    ip_addresses: bool = True


@dataclass(frozen=True)
class Match:
    """A finding in a joined text: bounds in code points, what it is, what found it."""

    start: int
    end: int
    kind: str
    detector: str


@shard_step("pii", version=1, reads=(Documents,), writes=(Spans,))
def pii(documents: pa.Table, config: PiiConfig) -> pa.Table:
    """One row of ``spans`` for each finding, none for documents without; a rule finds or does not: score is 1."""
    return map_slices(lambda part: _spans(part, config), documents)


def _spans(documents: pa.Table, config: PiiConfig) -> pa.Table:
    texts = pl.DataFrame({"text": pl.Series(one_chunk(documents.column("text")), dtype=pl.String)})
    may_hold = texts.select(
        *(
            (pl.col("text").str.contains(expression) if wanted else pl.lit(False)).alias(name)
            for name, expression, wanted in (
                ("email", MAY_HOLD_EMAIL, config.emails),
                ("ipv6", MAY_HOLD_IPV6, config.ip_addresses),
                ("ipv4", MAY_HOLD_IPV4, config.ip_addresses),
            )
        )
    )
    places = may_hold.select(pl.any_horizontal(pl.all())).to_series().arg_true().to_numpy()
    chosen = texts["text"].gather(places)
    ends = np.cumsum(chosen.str.len_chars().to_numpy().astype(np.int64) + 1)
    begins = np.concatenate(([0], ends))
    found = list(_without_overlaps(_matches("\n".join(chosen.to_list()), begins.tolist(), may_hold[places])))
    start = np.array([match.start for match in found], np.int64)
    row = np.searchsorted(ends, start, side="right")
    shift = begins[row]
    end = np.array([match.end for match in found], np.int64)
    return pa.table(
        {
            "doc_id": documents.column("doc_id").take(pa.array(places[row], pa.int64())),
            "kind": pa.array([match.kind for match in found], pa.string()),
            "start": (start - shift).astype(np.int32),
            "end": (end - shift).astype(np.int32),
            "score": np.ones(len(found)),
            "detector": pa.array([match.detector for match in found], pa.string()),
        },
        schema=Spans.schema,
    )


def _matches(text: str, begins: Sequence[int], may_hold: pl.DataFrame) -> Iterator[Match]:
    """All findings in ``text``, in which text i of those that may hold something begins at ``begins[i]``.

    Each expression sees the texts that may hold what it looks for: a search for addresses costs 100 ns a character.
    """
    for row in may_hold["email"].arg_true():
        yield from _emails(text, begins[row], begins[row + 1])
    for row in may_hold["ipv6"].arg_true():
        for match in IPV6.finditer(text, begins[row], begins[row + 1]):
            if _is_public_ipv6(match.group()):
                yield Match(match.start(), match.end(), IP_ADDRESS, "regex:ipv6")
    for row in may_hold["ipv4"].arg_true():
        for match in IPV4.finditer(text, begins[row], begins[row + 1]):
            if _is_public(match.group()):
                yield Match(match.start(), match.end(), IP_ADDRESS, "regex:ipv4")


def _emails(text: str, begin: int, end: int) -> Iterator[Match]:
    free = begin
    at = text.find("@", begin, end)
    while at >= 0:
        domain = MAIL_DOMAIN.match(text, at + 1, at + 1 + WINDOW)
        if domain is not None and RESERVED_DOMAIN.fullmatch(domain.group()) is None:
            local = LOCAL_PART.search(text, max(free, at - WINDOW, text.rfind("@", begin, at) + 1), at + 1)
            if local is not None:
                yield Match(local.start(), domain.end(), EMAIL, "regex:email")
                free = domain.end()
        at = text.find("@", max(at + 1, free), end)


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


def _without_overlaps(matches: Iterator[Match]) -> list[Match]:
    """The matches in order of place, without those that overlap one found before them."""
    kept: list[Match] = []
    end = 0
    for match in sorted(matches, key=lambda match: (match.start, match.kind != EMAIL, -match.end)):
        if match.start >= end:
            kept.append(match)
            end = match.end
    return kept
