"""The kinds of steps that give tables, each with a class and a decorator, by what the function takes and returns.

``ShardStep``              one shard of each table it reads, as Arrow tables -> Arrow table(s)
``SourceStep``             one source from outside the lake (and folders of the lake) -> Arrow table(s)
``PartitionedSourceStep``  one source from outside, of any size -> Arrow table(s) part by part; every part is a shard
``GlobalStep``             every shard of each table it reads, as lists of Parquet paths, out of core -> Arrow table(s)
``GlobalPerShardStep``     the same, but it returns a table for each file of the first table, for the same shard

Those that write files, ``FilesStep`` and ``JobStep``, are in :mod:`gristmill.core.steps.files`.

Each is generic over its config and its function's arguments, so that mypy checks calls of ``.function`` and ``.run``.
A declaration raises ``TypeError`` if the function does not take as many arguments as the step has inputs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, TypeVarTuple, cast

import pyarrow as pa

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.manifest import Manifest, Ref
from gristmill.core.steps.inputs import Group, Inputs, Source
from gristmill.core.steps.step import C, Output, Run, Step, require_arguments
from gristmill.core.table import Table

DOWNLOADS = "downloads"

Takes = tuple[Table | Group, ...]
S = TypeVar("S", bound=Source)
R = TypeVar("R", bound=pa.Table | tuple[pa.Table, ...])
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True)
class ShardStep(Step[C], Generic[C, R, *Ts]):
    """``f(*tables, config) -> table or tuple of tables``, one for each of ``writes``."""

    function: Callable[[*Ts, C], R]

    def __post_init__(self) -> None:
        require_arguments(self, len(self.takes) + 1)

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        run.inputs.check(run.lake, self.reads, tables=False, texts=False)
        given = cast("tuple[*Ts]", tuple(run.inputs.tables(run.lake, self.takes)))
        return Output(self.write(run, run.shard, run.key, self.function(*given, run.config)))


@dataclass(frozen=True)
class SourceStep(Step[C], Generic[C, S, R, *Ts]):
    """``f(source[, folders], config) -> table or tuple of tables``; ``folders`` of the lake if it declares them."""

    function: Callable[[S, *Ts, C], R]
    folders: bool = False

    def __post_init__(self) -> None:
        require_arguments(self, 2 + self.folders)

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        run.inputs.check(run.lake, (), tables=False, texts=False)
        given = cast("tuple[*Ts]", (run.inputs.folders(run.lake),) if self.folders else ())
        source = cast("S", _source(self, run.inputs))
        return Output(self.write(run, run.shard, run.key, self.function(source, *given, run.config)))


@dataclass(frozen=True)
class PartitionedSourceStep(Step[C], Generic[C, S, R]):
    """``f(source, config, folder for downloads) -> iterator of table(s)``.

    Part 3 of a source whose shard is ``s`` becomes shard ``s-0003``. One manifest, under the shard of the source, names
    the files of all parts, so they become visible together; :func:`parts_of` splits it. Each part is written before the
    next one is made, so only one part is in memory at a time. The folder for downloads may not exist yet; the next
    attempt finds what is left in it.
    """

    function: Callable[[S, C, Path], Iterable[R]]

    def __post_init__(self) -> None:
        require_arguments(self, 3)

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        source = cast("S", _source(self, run.inputs))
        parts = self.function(source, run.config, run.lake.root / DOWNLOADS)
        return Output(
            tuple(
                ref
                for number, part in enumerate(parts)
                for ref in self.write(run, f"{run.shard}-{number:04d}", run.key, part)
            )
        )


def parts_of(manifest: Manifest) -> dict[str, tuple[Ref, ...]]:
    """The shards that a :class:`PartitionedSourceStep` wrote, in order: the files of each, one for every table."""
    shards: dict[str, tuple[Ref, ...]] = {}
    for ref in manifest.outputs:
        shards[ref.shard] = (*shards.get(ref.shard, ()), ref)
    return shards


@dataclass(frozen=True)
class GlobalStep(Step[C], Generic[C, R, *Ts]):
    """``f(*lists of Parquet paths, config, scratch folder) -> table or tuple of tables``.

    ``texts``: it reads text columns with DuckDB, which does not verify checksums, so they are checked first.
    """

    function: Callable[[*Ts, C, Path], R]
    texts: bool = False

    def __post_init__(self) -> None:
        require_arguments(self, len(self.takes) + 2)

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        run.inputs.check(run.lake, self.reads, tables=True, texts=self.texts)
        given = cast("tuple[*Ts]", tuple(run.inputs.paths(run.lake, self.takes)))
        with run.lake.temporary() as scratch:
            return Output(self.write(run, run.shard, run.key, self.function(*given, run.config, scratch)))


@dataclass(frozen=True)
class GlobalPerShardStep(Step[C], Generic[C, R, *Ts]):
    """A global step whose output has the shards of its input: ``f(*lists of Parquet paths, config, scratch folder)``.

    The function yields tables, one for each file of the first table it takes, in that order, so that only one is in
    memory at a time and later shard steps read only their own shard. ``None`` stands for a shard that another run of
    the step produces. Two files of one shard name (two sources) get two keys.
    """

    function: Callable[[*Ts, C, Path], Iterable[R | None]]

    def __post_init__(self) -> None:
        require_arguments(self, len(self.takes) + 2)

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        run.inputs.check(run.lake, self.reads, tables=True, texts=False)
        given = cast("tuple[*Ts]", tuple(run.inputs.paths(run.lake, self.takes)))
        shards = run.inputs.shards(self.reads[0])
        with run.lake.temporary() as scratch:
            parts = self.function(*given, run.config, scratch)
            return Output(
                tuple(
                    ref
                    for first, part in zip(shards, parts, strict=True)
                    if part is not None
                    for ref in self.write(run, first.shard, shard_key(run.key, first), part)
                )
            )


def shard_key(key: str, first: Ref) -> str:
    """The key of what a :class:`GlobalPerShardStep` of key ``key`` writes for the file ``first`` of its first table.

    Like ``key``, it depends on the content of that file: if a new version of an earlier step writes the same content
    under another key, the output is still cached. Shard names are not enough: two sources may have the same input file.
    """
    return digest_text(f"{key}\n{first.digest}")[:16]


def shard_step(
    name: str, *, version: int, reads: Takes, writes: tuple[Table, ...]
) -> Callable[[Callable[[*Ts, C], R]], ShardStep[C, R, *Ts]]:
    """Declare a :class:`ShardStep`."""
    return lambda function: ShardStep(name, version, reads, writes, function)


def source_step(
    name: str, *, version: int, writes: tuple[Table, ...], folders: bool = False
) -> Callable[[Callable[[S, *Ts, C], R]], SourceStep[C, S, R, *Ts]]:
    """Declare a :class:`SourceStep`."""
    return lambda function: SourceStep(name, version, (), writes, function, folders)


def partitioned_source_step(
    name: str, *, version: int, writes: tuple[Table, ...]
) -> Callable[[Callable[[S, C, Path], Iterable[R]]], PartitionedSourceStep[C, S, R]]:
    """Declare a :class:`PartitionedSourceStep`."""
    return lambda function: PartitionedSourceStep(name, version, (), writes, function)


def global_step(
    name: str, *, version: int, reads: Takes, writes: tuple[Table, ...], texts: bool = False
) -> Callable[[Callable[[*Ts, C, Path], R]], GlobalStep[C, R, *Ts]]:
    """Declare a :class:`GlobalStep`."""
    return lambda function: GlobalStep(name, version, reads, writes, function, texts)


def global_per_shard_step(
    name: str, *, version: int, reads: Takes, writes: tuple[Table, ...]
) -> Callable[[Callable[[*Ts, C, Path], Iterable[R | None]]], GlobalPerShardStep[C, R, *Ts]]:
    """Declare a :class:`GlobalPerShardStep`."""
    return lambda function: GlobalPerShardStep(name, version, reads, writes, function)


def _source(step: Step[Any], inputs: Inputs) -> Source:
    if inputs.source is None:
        raise GristmillError(f"step {step.name} reads a source from outside the lake, and none was given")
    return inputs.source
