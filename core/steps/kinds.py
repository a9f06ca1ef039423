"""The kinds of steps, a class and a decorator each, by what the function is given and gives.

``ShardStep``              one shard of each table it reads, as Arrow tables -> Arrow table(s)
``SourceStep``             one source from outside the lake (and folders of the lake) -> Arrow table(s)
``PartitionedSourceStep``  one source from outside, of any size -> Arrow table(s) part by part; every part is a shard
``GlobalStep``             every shard of each table it reads, as lists of Parquet paths, out of core -> Arrow table(s)
``GlobalPerShardStep``     the same, but it gives a table for every file of the first table; each belongs to that shard
``FilesStep``              the same paths (and folders) and an empty folder -> files in that folder, and facts

Each is generic over its config and what the function is called with, so that mypy checks calls of ``.function`` and
``.run``. That the function takes as many arguments as the step has inputs is checked where the step is declared.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, TypeVarTuple, cast

import pyarrow as pa

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.manifest import Manifest, Ref
from gristmill.core.steps.inputs import Group, Inputs, Source
from gristmill.core.steps.step import C, Output, Run, Step
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
        _require_arguments(self, len(self.takes) + 1)

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        run.inputs.check(run.lake, self.reads, tables=False, texts=False)
        given = cast("tuple[*Ts]", tuple(run.inputs.tables(run.lake, self.takes)))
        return Output(self.write(run, run.shard, run.key, self.function(*given, run.config)))


@dataclass(frozen=True)
class SourceStep(Step[C], Generic[C, S, R, *Ts]):
    """``f(source[, folders], config) -> table or tuple of tables``; ``folders`` of the lake where it asks for them."""

    function: Callable[[S, *Ts, C], R]
    folders: bool = False

    def __post_init__(self) -> None:
        _require_arguments(self, 2 + self.folders)

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
    the files of all parts, so they become visible together; :func:`parts_of` takes it apart. Each part is written
    before the next one is made, so that one part is in memory, whatever their number. The folder for downloads may not
    exist yet; what is left in it is found again by the next attempt.
    """

    function: Callable[[S, C, Path], Iterable[R]]

    def __post_init__(self) -> None:
        _require_arguments(self, 3)

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

    ``texts``: it reads columns of texts with DuckDB, which looks at no checksum, so they are checked before.
    """

    function: Callable[[*Ts, C, Path], R]
    texts: bool = False

    def __post_init__(self) -> None:
        _require_arguments(self, len(self.takes) + 2)

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        run.inputs.check(run.lake, self.reads, tables=True, texts=self.texts)
        given = cast("tuple[*Ts]", tuple(run.inputs.paths(run.lake, self.takes)))
        with run.lake.temporary() as scratch:
            return Output(self.write(run, run.shard, run.key, self.function(*given, run.config, scratch)))


@dataclass(frozen=True)
class GlobalPerShardStep(Step[C], Generic[C, R, *Ts]):
    """A global step whose output is cut like its input: ``f(*lists of Parquet paths, config, scratch folder)``.

    The function is an iterator of tables, one for each file of the first table it takes, in that order, so that one of
    them is in memory at a time and the shard steps after it read their own shard only. ``None`` stands for a shard that
    another run of the step is to give. Two files of one shard name (two sources) get two keys.
    """

    function: Callable[[*Ts, C, Path], Iterable[R | None]]

    def __post_init__(self) -> None:
        _require_arguments(self, len(self.takes) + 2)

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

    It is made of the content of that file, as ``key`` is: the same content under another key, which a new version of
    the step before may give, is cached. Shard names alone do not tell: two sources may hold the same input file.
    """
    return digest_text(f"{key}\n{first.digest}")[:16]


@dataclass(frozen=True)
class Written:
    """What a :class:`FilesStep` gives beside the files in its folder: ``facts``, a JSON object."""

    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FilesStep(Step[C], Generic[C, *Ts]):
    """``f(*lists of paths[, folders], config, out) -> Written``: files are written to the empty folder ``out``.

    ``folders``: it is given a list of folders of the lake.
    """

    function: Callable[[*Ts, C, Path], Written]
    folders: bool = False

    def __post_init__(self) -> None:
        _require_arguments(self, len(self.takes) + self.folders + 2)

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        run.inputs.check(run.lake, self.reads, tables=True, texts=False)
        folders = (run.inputs.folders(run.lake),) if self.folders else ()
        given = cast("tuple[*Ts]", (*run.inputs.paths(run.lake, self.takes), *folders))
        with run.lake.temporary() as folder:
            out = folder / "out"
            out.mkdir()
            written = self.function(*given, run.config, out)
            files = run.lake.publish_files(out, self.name, run.shard, run.key)
        return Output(files=(files,), facts=written.facts)


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


def files_step(
    name: str, *, version: int, reads: Takes, folders: bool = False
) -> Callable[[Callable[[*Ts, C, Path], Written]], FilesStep[C, *Ts]]:
    """Declare a :class:`FilesStep`."""
    return lambda function: FilesStep(name, version, reads, (), function, folders)


def _source(step: Step[Any], inputs: Inputs) -> Source:
    if inputs.source is None:
        raise GristmillError(f"step {step.name} reads a source from outside the lake, and none was given")
    return inputs.source


def _require_arguments(step: Step[Any], count: int) -> None:
    """Raises ``TypeError`` when the function of ``step`` cannot be called with ``count`` arguments."""
    try:
        inspect.signature(step.function).bind(*[None] * count)
    except TypeError as error:
        raise TypeError(f"step {step.name} calls its function with {count} arguments: {error}") from error
