"""What somebody asks to be taken down: addresses, hosts, documents, or values that no document may hold."""

import re
from pathlib import Path

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import UsageError
from gristmill.core.urls import page_address, plain_host
from gristmill.flows.takedown.proof.needles import (
    SHORTEST_VALUE,
    Needle,
    address_needle,
    host_needle,
    value_needles,
)

DOC_ID = re.compile("[0-9a-f]{32}")


class Request(Config):
    """What is to go. Addresses and hosts are in their normal form, values as they stand in text (Unicode NFC)."""

    urls: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    values: tuple[str, ...] = Field(default=(), description="texts that no document may hold")
    duplicates: bool = Field(default=False, description="exact and near duplicates of what is found go too")

    @property
    def needles(self) -> list[Needle]:
        """What a search for the request itself looks for; passages of the documents come to it."""
        addresses = [address_needle(url, number) for number, url in enumerate(self.urls, 1)]
        values = [needle for number, value in enumerate(self.values, 1) for needle in value_needles(value, number)]
        return [*(needle for needle in addresses if needle), *map(host_needle, self.hosts), *values]


def request_of(
    urls: list[str], hosts: list[str], documents: list[str], match: Path | None, *, duplicates: bool
) -> Request:
    """The request in its normal form. Raises :class:`UsageError` for what asks for nothing, or cannot be looked for."""
    addresses = []
    for url in urls:
        address = page_address(url) or page_address(f"http://{url.strip().removeprefix('//')}")
        if address is None:
            raise UsageError(f"--url {url}: this is not an address. Write it as a browser shows it.")
        addresses.append(address)
    names = []
    for host in hosts:
        name = plain_host(host.strip().removeprefix("*").strip("."))
        if not name or re.search(r"[\s/:?#@]", name):
            raise UsageError(f"--host {host}: this is not the name of a host. Give a page with --url.")
        if "." not in name and name != "localhost":
            raise UsageError(f"--host {host}: this would take every host below .{name}. Name a host, such as a.{name}.")
        names.append(name)
    for doc_id in documents:
        if not DOC_ID.fullmatch(doc_id):
            raise UsageError(f"--document {doc_id}: a doc_id has 32 hexadecimal digits. Give an address with --url.")
    values = values_of(match) if match is not None else ()
    request = Request(
        urls=tuple(sorted(set(addresses))),
        hosts=tuple(sorted(set(names))),
        documents=tuple(sorted(set(documents))),
        values=values,
        duplicates=duplicates,
    )
    if not (request.urls or request.hosts or request.documents or request.values):
        raise UsageError("name what to take down: --url, --host, --document or --match FILE.")
    return request


def values_of(path: Path) -> tuple[str, ...]:
    """The values of a file, one a line, in Unicode NFC as documents are, without white space at their ends.

    Raises :class:`UsageError` for a file that cannot be read or names nothing, and for a value that is too short.
    """
    from unicodedata import normalize

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--match {path}: this cannot be read as text in UTF-8: {error}.") from error
    values = tuple(dict.fromkeys(value for line in lines if (value := normalize("NFC", line).strip())))
    if not values:
        raise UsageError(f"--match {path}: this file has no value. Write one a line.")
    for number, value in enumerate(values, 1):
        if len(value.encode()) < SHORTEST_VALUE:
            raise UsageError(
                f"--match {path}: value {number} is shorter than {SHORTEST_VALUE} bytes and would stand in documents "
                "that have nothing to do with it. Write more of it."
            )
    return values
