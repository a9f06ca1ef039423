"""What the step ``findings`` finds in a text of personal data."""

from gristmill.schemas.findings import GROUPS, FindingGroup, FindingKind
from gristmill.tasks.safety.step import find_all, findings_config
from tests.helpers.plain_signals import documents_of

ALL = findings_config(GROUPS[FindingGroup.PERSONAL])


def rows_of(text: str) -> list[dict[str, object]]:
    """The rows of ``spans`` for one text."""
    return find_all(documents_of([text]), ALL).to_pylist()


def found(text: str, kind: FindingKind) -> list[str]:
    """The parts of ``text`` that are a ``kind``, in order."""
    return [text[row["start"] : row["end"]] for row in rows_of(text) if row["kind"] == kind]  # type: ignore[misc]


def scores(text: str, kind: FindingKind) -> list[float]:
    """The scores of the same."""
    return [float(str(row["score"])) for row in rows_of(text) if row["kind"] == kind]
