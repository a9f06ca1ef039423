"""Personal data, secrets and attacks in documents, as the step ``findings`` finds them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def scan(documents: "pa.Table", kinds: Sequence[str] | None = None) -> "pa.Table":
    """What the detectors find in ``documents``: the table ``spans``, a row for each finding, in document order.

    Offsets are code points in the column ``text``. Cost: some 30 MB of text a second.

    Args:
        documents: A table with the columns ``doc_id`` and ``text``, such as :func:`gristmill.read` gives.
        kinds: Kinds of findings (``bank_card``) or groups of them (``personal``, ``secret``, ``attack``); all, when
            left out.

    Raises:
        UsageError: For a kind that does not exist, or that no pattern finds.
    """
    from gristmill.schemas.findings import FindingKind
    from gristmill.tasks.safety.kinds import kinds_of
    from gristmill.tasks.safety.step import find_all, findings_config

    chosen = tuple(FindingKind) if kinds is None else kinds_of(kinds)
    found = find_all(documents, findings_config(chosen))
    wanted = [kind.value for kind in chosen]
    return found.filter(_among(found, wanted))


def _among(found: "pa.Table", kinds: list[str]) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(found.column("kind"), value_set=pa.array(kinds, pa.string()))
