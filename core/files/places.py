"""Names and places of files: what may be a name, and how to tell local folders from addresses of stores.

Addresses are only read as inputs, never written to.
"""

import re
from pathlib import Path

from gristmill.core.errors import UsageError

# "s3:" of s3://bucket/key, which pathlib keeps as s3:/bucket/key. A scheme has at least two letters (a drive has one).
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
NAME = re.compile(r"[\w][\w.@=+-]*")
NAME_BYTES, FILE_NAME_BYTES = 100, 200
"""The most bytes of UTF-8 in a name that somebody gives, and in one that is made of such names. File systems allow 255:
two given names fit into one file name, and a key and a suffix after one that was made."""


def local_path(path: Path | str, what: str) -> Path:
    """``path``, if it names a place on this machine.

    Raises :class:`UsageError` for an address such as ``s3://bucket/lake``: taken as a path, it would silently become a
    folder called ``s3:`` in the working directory.
    """
    found = SCHEME.match(str(path))
    if found is None:
        return Path(path)
    scheme, rest = found[1], str(path)[found.end() :]
    if scheme.lower() == "file":
        raise UsageError(f"{what} {scheme}:///{rest}: write the path alone: /{rest}")
    raise UsageError(
        f"{what} {scheme}://{rest}: this must be a place on this machine (or a mounted disk). Only inputs may be "
        f"addresses such as {scheme}://."
    )


def check_name(name: str, what: str, most: int = NAME_BYTES) -> str:
    """``name``, if it can be a file name on every system and has at most ``most`` bytes of UTF-8.

    Raises :class:`UsageError` otherwise.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{what} {name!r}: use letters, digits and the characters . _ @ = + - (no space or slash), starting with a "
            "letter or digit."
        )
    if (size := len(name.encode())) > most:
        raise UsageError(
            f"{what} {name[:20]!r}...: this name has {size} bytes of UTF-8, and {most} are the most, since it becomes "
            f"part of file names. Shorten it to {most} plain letters, or {most // 3} Chinese ones."
        )
    return name
