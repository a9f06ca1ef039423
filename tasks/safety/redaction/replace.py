"""What is written for the spans of a text that the policy or a person redacts.

* ``placeholder``: the kind in capitals, in brackets: ``[EMAIL]``, ``[NATIONAL_ID]``, in every language alike;
* ``fake``: see :mod:`gristmill.tasks.safety.redaction.fakes`. Within a document one value has one fake and two values
  have two: the first value of a kind gets a number that depends on the document and the kind, the next one the next
  number. Spaces, hyphens, letter case and width are not part of a value;
* ``fineweb``: FineWeb's lists for e-mail and IP addresses.

Cost: a row of Python for each replacement.
"""

import re
import unicodedata
from collections.abc import Iterable

import polars as pl
import xxhash

from gristmill.core.errors import GristmillError
from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.personal.internet import REPLACEMENTS
from gristmill.tasks.safety.redaction.fakes import fake
from gristmill.tasks.text.editing import listed_choice

SIGNS = re.compile(r"[\W_]+")


def placeholder(kind: str) -> str:
    """``[EMAIL]`` for ``email``."""
    return f"[{kind.upper()}]"


def replacements(runs: pl.DataFrame) -> list[bytes]:
    """The replacement of each run (see :data:`gristmill.tasks.text.editing.Replacements`).

    Raises :class:`GristmillError` for a way or a kind that is not known.
    """
    return [text.encode() for text in _replaced(runs.select("doc_id", "start", "kind", "how", "value").iter_rows())]


def _replaced(rows: Iterable[tuple[str, int, str, str, str]]) -> Iterable[str]:
    numbers: dict[str, dict[tuple[str, str], int]] = {}
    counted: dict[tuple[str, str], int] = {}
    for doc_id, start, kind, how, value in rows:
        if how == "placeholder":
            yield placeholder(kind)
        elif how == "fineweb" and kind in REPLACEMENTS:
            yield listed_choice(REPLACEMENTS[kind], doc_id, start)
        elif how == "fake":
            known = numbers.setdefault(doc_id, {})
            name = (kind, _plain(value))
            if name not in known:
                known[name] = counted.get((doc_id, kind), 0)
                counted[doc_id, kind] = known[name] + 1
            first = xxhash.xxh3_64_intdigest(f"{doc_id}:{kind}".encode())
            yield fake(FindingKind(kind), value, first + known[name])
        else:
            raise GristmillError(f"no replacement {how} for spans of kind {kind}")


def _plain(value: str) -> str:
    return SIGNS.sub("", unicodedata.normalize("NFKC", value)).casefold()
