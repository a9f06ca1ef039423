"""A lake in Python: the curated sources as lazy frames, and the warehouse through SQL."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from gristmill.core.lake import Lake as StoredLake
    from gristmill.core.manifest import Dataset

CURATION = "curation"


@dataclass(frozen=True)
class CuratedSource:
    """The current curation of one source."""

    name: str
    counts: dict[str, Any]
    """The funnel: ``records``, ``kept``, and ``stages`` with how many documents each rule removed."""
    paths: tuple[Path, ...]
    """The Parquet files, one for each shard."""

    def scan(self) -> "pl.LazyFrame":
        """The curated documents as a lazy frame: the columns of the table ``curated``.

        A later run writes new files, so a frame keeps showing the run it was made from until ``gristmill gc``.
        """
        import polars as pl

        from gristmill.schemas.tables import Curated

        if not self.paths:
            return pl.DataFrame(Curated.schema.empty_table()).lazy()
        return pl.scan_parquet(list(self.paths), glob=False)


class Lake:
    """An existing lake. Raises :class:`gristmill.core.errors.UsageError` when there is none at ``path``."""

    def __init__(self, path: str | Path) -> None:
        from gristmill.flows.existing_lake import existing

        self._lake: StoredLake = existing(Path(path))

    @property
    def path(self) -> Path:
        """The folder of the lake."""
        return self._lake.root

    def __repr__(self) -> str:
        return f"Lake({str(self.path)!r})"

    def names(self) -> list[str]:
        """The sources that have a current curation, sorted."""
        return self._lake.names(CURATION)

    def curated(self, name: str) -> CuratedSource:
        """The current curation of a source, after checking its files against their digests (about 2 GB/s).

        Raises :class:`gristmill.core.errors.UsageError` for a source that the lake does not have, and
        :class:`gristmill.core.errors.DamageError` for a damaged file.
        """
        from gristmill.schemas.tables import Curated

        dataset: Dataset = self._lake.expect(CURATION, name)
        refs = dataset.tables.get(Curated.name, ())
        for ref in refs:
            self._lake.check(ref)
        return CuratedSource(name, dict(dataset.counts), tuple(self._lake.path(ref) for ref in refs))

    def query(self, sql: str) -> "pa.Table":
        """The result of one ``SELECT`` on the warehouse, as ``gristmill query`` gives it.

        Raises :class:`gristmill.core.errors.UsageError` for wrong SQL, and when nothing has been published.
        """
        from gristmill.warehouse.connection import Warehouse

        return Warehouse.open(self.path).ask(sql)
