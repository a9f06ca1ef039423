"""What the lake knows about its files: references, the manifest of one output of a step, and the dataset of a flow.

All are JSON in the lake, so their fields are part of its format.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.damage import damaged
from gristmill.core.digests import digest_json
from gristmill.core.table import Table


class Ref(Config):
    """One Parquet file of the lake: rows of ``table`` for one shard. ``key``: that of the output it belongs to."""

    table: str
    shard: str
    key: str
    rows: int
    bytes: int
    digest: str


class FilesRef(Config):
    """One folder of the lake that a step wrote. ``bytes`` and ``digest`` are of all its files."""

    name: str
    shard: str
    key: str
    bytes: int
    digest: str


class Input(Config):
    """What a step read: a lake file, or an outside file known by its name and content."""

    table: str
    shard: str
    digest: str


class Manifest(Config):
    """One output of one step: cache key, resume mechanism and lineage in one.

    ``key`` is :func:`output_key` of step, version, config and inputs. ``rows_in``: rows read, by table. ``facts``: what
    the step counted beside its tables.
    """

    step: str
    version: int
    shard: str
    key: str
    config: dict[str, Any]
    inputs: tuple[Input, ...]
    rows_in: dict[str, int]
    outputs: tuple[Ref, ...] = ()
    files: tuple[FilesRef, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)

    def output(self, table: Table) -> Ref:
        """The file this step wrote for ``table``. Raises ``KeyError`` when it did not write that table."""
        for ref in self.outputs:
            if ref.table == table.name:
                return ref
        raise KeyError(f"step {self.step} does not write table {table.name}")


class Dataset(Config):
    """What a finished flow produced: its files by table, its settings and its counts."""

    kind: str
    name: str
    config: dict[str, Any]
    counts: dict[str, Any]
    tables: dict[str, tuple[Ref, ...]]
    files: dict[str, tuple[FilesRef, ...]] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """Digest of the whole dataset, 16 hex digits."""
        return digest_json(self.model_dump(mode="json"))[:16]


def output_key(step: str, version: int, config: dict[str, Any], inputs: tuple[Input, ...]) -> str:
    """The name of an output: a digest of everything it depends on, 16 hex digits."""
    parts = {
        "step": step,
        "version": version,
        "config": config,
        "inputs": [[entry.table, entry.shard, entry.digest] for entry in inputs],
    }
    return digest_json(parts)[:16]


def pointed_key(pointer: Path) -> str:
    """The key of the dataset that a file of the catalog names. Raises :class:`DamageError` when it names none."""
    try:
        key = json.loads(pointer.read_bytes())["key"]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(pointer, "it does not say which dataset is current") from error
    if not isinstance(key, str):
        raise damaged(pointer, "it does not say which dataset is current")
    return key
