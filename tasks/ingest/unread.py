"""Input files that were found and not read, as rows of ``set_aside`` of kind ``file``: nothing disappears.

Their record_uri is the file's name. A file that ingest opened and could make nothing of has such a row from ingest;
here are those that were never opened, such as a PDF, a hidden file or a link that leads elsewhere. Cost: a row a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_digests
from gristmill.core.steps.inputs import source_shard
from gristmill.core.steps.kinds import source_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import SetAside
from gristmill.tasks.ingest.folders import Skipped

NAME = "files that were not read"


class UnreadConfig(Config):
    """Settings of :func:`unread`."""

    source: str = Field(min_length=1, description="name of the corpus")


@dataclass(frozen=True)
class SkippedFiles:
    """What was not taken, as a source of the step :func:`unread`; in order of name."""

    skipped: tuple[Skipped, ...]

    @property
    def name(self) -> str:
        """What people call it."""
        return NAME

    @property
    def digest(self) -> str:
        """Names and reasons."""
        return digest_digests([f"{file.name}\n{file.reason}\n{file.detail}" for file in self.skipped])

    @property
    def shard(self) -> str:
        """The shard that names them."""
        return source_shard(self.name, self.digest)


@source_step("unread", version=1, writes=(SetAside,))
def unread(source: SkippedFiles, config: UnreadConfig) -> pa.Table:
    """A row for every file that was not taken."""
    return rows_of(source.skipped, config.source)


def rows_of(skipped: Sequence[Skipped], source: str) -> pa.Table:
    """Rows of ``set_aside`` for files that were not taken, as ingest would write them."""
    rows = [
        {
            "source": source,
            "record_uri": file.name,
            "stage": StageName.INGEST,
            "kind": "file",
            "reason": file.reason.value,
            "detail": file.detail,
        }
        for file in skipped
    ]
    return pa.Table.from_pylist(rows, SetAside.schema)
