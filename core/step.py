"""The step decorator: a pure function on Arrow tables becomes a cached, resumable, atomic Prefect task over a shard.

Running a step means: derive the key of the output from step name, version, config and the digests of what goes in;
return the stored manifest when there is one; else read, call, check against the declared schema, write atomically,
commit the manifest, and log what it cost. There are six kinds, by what the function is given and gives:

``step``         one shard of each table it reads, as Arrow tables -> Arrow table(s)
``source_step``  one file or folder from outside the lake (and lake folders, if given) -> Arrow table(s)
``parts_step``   one source from outside, of any size -> Arrow table(s) part by part; every part is a shard
``global_step``  every shard of each table it reads, as lists of Parquet paths, to be processed out of core -> table(s)
``scatter_step`` the same, but it gives a table for every file of the first table it reads; each belongs to that shard
``files_step``   the same paths and an empty folder -> files in that folder, and facts worth recording

Only this module and ``flows`` import Prefect, and this one only when a task is asked for: the import takes 1.3 s, which
workers, graders and benchmarks that run steps directly do without.
"""

import errno
import json
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.digests import digest_digests, digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Input, Manifest, Ref, output_key
from gristmill.core.table import Table

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun

RETRIES = 2
RETRY_SECONDS = 2.0
DOWNLOADS = "downloads"
TEXTS = frozenset({"text", "payload"})


class Source(Protocol):
    """Something outside the lake. Its name and digest go into the key of what is made of it, its place does not."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def digest(self) -> str:
        """Digest of its content, or of what is stated about its content."""

    @property
    def shard(self) -> str:
        """See :func:`source_shard`."""


@dataclass(frozen=True)
class SourceFile:
    """A file or folder from outside the lake."""

    path: Path
    name: str
    digest: str

    @property
    def shard(self) -> str:
        """See :func:`source_shard`."""
        return source_shard(self.name, self.digest)


def source_shard(name: str, digest: str) -> str:
    """Named after content and name, never after a place in a list: adding an input renames nothing."""
    return digest_text(f"{name}\n{digest}")[:16]


@dataclass(frozen=True)
class Outcome:
    """What running a step gave: the manifest, and whether it was cached."""

    manifest: Manifest
    cached: bool


Function = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """A function with its contract. Call ``.function`` in unit tests, ``.run`` without Prefect, ``.task`` in flows.

    ``texts``: the function gives texts of files to a reader that looks at no checksum.
    """

    name: str
    version: int
    kind: str
    reads: tuple[Table, ...]
    writes: tuple[Table, ...]
    function: Function
    texts: bool = False

    def run(self, lake: Lake, shard: str, inputs: "Inputs", config: Config) -> Outcome:
        """Give the output for these inputs, computing it only when the lake does not hold it yet."""
        settings = config.model_dump(mode="json")
        entries = inputs.entries()
        key = output_key(self.name, self.version, settings, entries)
        known = lake.manifest(self.name, shard, key)
        if known is not None:
            return Outcome(known, cached=True)
        clock, processor = time.perf_counter(), time.process_time()
        tables, files, facts = self._call(lake, shard, key, inputs, config)
        manifest = Manifest(
            step=self.name,
            version=self.version,
            shard=shard,
            key=key,
            config=settings,
            inputs=entries,
            rows_in=inputs.rows(),
            outputs=tables,
            files=files,
            facts=facts,
        )
        lake.write_manifest(manifest)
        self._log(lake, manifest, time.perf_counter() - clock, time.process_time() - processor)
        return Outcome(manifest, cached=False)

    def _call(
        self, lake: Lake, shard: str, key: str, inputs: "Inputs", config: Config
    ) -> tuple[tuple[Ref, ...], tuple[FilesRef, ...], dict[str, Any]]:
        inputs.check(lake, self.reads, tables=self.kind in ("files", "global", "scatter"), texts=self.texts)
        if self.kind == "files":
            with lake.temporary() as folder:
                out = folder / "out"
                out.mkdir()
                facts = self.function(*inputs.paths(lake, self.reads), config, out)
                return (), (lake.publish_files(out, self.name, shard, key),), facts
        if self.kind == "parts":
            parts = self.function(inputs.source, config, lake.root / DOWNLOADS)
            return self._write_parts(lake, shard, key, parts), (), {}
        if self.kind == "source":
            result = self.function(inputs.source, *inputs.paths(lake, self.reads), config)
        elif self.kind == "global":
            with lake.temporary() as scratch:
                result = self.function(*inputs.paths(lake, self.reads), config, scratch)
        elif self.kind == "scatter":
            with lake.temporary() as scratch:
                parts = self.function(*inputs.paths(lake, self.reads), config, scratch)
                return self._scatter(lake, key, inputs.shards(self.reads[0]), parts), (), {}
        else:
            result = self.function(*inputs.tables(lake, self.reads), config)
        return self._write(lake, shard, key, result), (), {}

    def _write(self, lake: Lake, shard: str, key: str, result: pa.Table | tuple[pa.Table, ...]) -> tuple[Ref, ...]:
        produced = result if isinstance(result, tuple) else (result,)
        if len(produced) != len(self.writes):
            raise GristmillError(f"step {self.name} gave {len(produced)} tables and declares {len(self.writes)}")
        return tuple(
            lake.write_table(table, shard, key, rows) for table, rows in zip(self.writes, produced, strict=True)
        )

    def _write_parts(self, lake: Lake, shard: str, key: str, parts: Iterable[tuple[pa.Table, ...]]) -> tuple[Ref, ...]:
        """Write each part before the next one is made, so that one part is in memory, whatever their number."""
        return tuple(
            ref for number, part in enumerate(parts) for ref in self._write(lake, f"{shard}-{number:04d}", key, part)
        )

    def _scatter(
        self, lake: Lake, key: str, shards: Sequence[Ref], parts: Iterable[pa.Table | None]
    ) -> tuple[Ref, ...]:
        """Write part i under the shard of input file i; two files of one shard name (two sources) get two keys."""
        return tuple(
            ref
            for shard, part in zip(shards, parts, strict=True)
            if part is not None
            for ref in self._write(lake, shard.shard, scatter_key(key, shard), part)
        )

    def _log(self, lake: Lake, manifest: Manifest, seconds: float, processor: float) -> None:
        """Record the cost, apart from the data: seconds of wall and processor time, and peak memory of the process."""
        cost = {
            "step": self.name,
            "shard": manifest.shard,
            "key": manifest.key,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(processor, 3),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "rows_in": sum(manifest.rows_in.values()),
            "rows_out": sum(ref.rows for ref in manifest.outputs),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with translate_os_errors(lake.root):
            path = lake.log_path("costs", self.name, f"{manifest.shard}-{manifest.key}.json")
            path.write_text(json.dumps(cost), encoding="utf-8")

    @property
    def task(self) -> "Task[..., Outcome]":
        """This step as a Prefect task whose run is called after the step and the shard; I/O errors are retried."""
        from prefect import Task
        from prefect.cache_policies import NO_CACHE

        return Task(
            fn=self.run,
            name=self.name,
            description=self.function.__doc__,
            task_run_name=f"{self.name} {{shard}}",
            retries=RETRIES,
            retry_delay_seconds=RETRY_SECONDS,
            retry_condition_fn=retry_io_errors,
            cache_policy=NO_CACHE,
            persist_result=False,
        )


@dataclass(frozen=True)
class Inputs:
    """What one run of a step reads: lake files, folders of files, or a file from outside."""

    refs: tuple[Ref, ...] = ()
    files: tuple[FilesRef, ...] = ()
    source: Source | None = None

    def entries(self) -> tuple[Input, ...]:
        """Names and digests of everything read; what the output's key is made of."""
        entries = [Input(table=ref.table, shard=ref.shard, digest=ref.digest) for ref in self.refs]
        entries += [Input(table=f"files/{ref.name}", shard=ref.shard, digest=ref.digest) for ref in self.files]
        entries.sort(key=lambda entry: (entry.table, entry.shard, entry.digest))
        if self.source is not None:
            digest = digest_digests([self.source.name, self.source.digest])
            entries.append(Input(table="source", shard=self.source.shard, digest=digest))
        return tuple(entries)

    def rows(self) -> dict[str, int]:
        """Rows read by table."""
        counts: dict[str, int] = {}
        for ref in self.refs:
            counts[ref.table] = counts.get(ref.table, 0) + ref.rows
        return counts

    def tables(self, lake: Lake, reads: Sequence[Table]) -> list[pa.Table]:
        """One Arrow table for each table of ``reads``, in that order; empty for an optional one that was left out."""
        return [
            pa.concat_tables([table.schema.empty_table(), *(lake.read(ref) for ref in self.shards(table))])
            for table in reads
        ]

    def check(self, lake: Lake, reads: Sequence[Table], *, tables: bool, texts: bool) -> None:
        """Check what is handed out as paths: folders of files always, ``tables`` where DuckDB or polars may read them.

        Files are compared with their digests. Of tables with texts, which are most of the bytes, only the other columns
        are read, against the checksums of their pages, unless ``texts`` are given to DuckDB too; else they are read
        with ``gristmill.core.files.parquet``, which checks every page. Raises
        :class:`gristmill.core.errors.DamageError`. Cost: one read, 2 GB/s or the disk's speed.
        """
        for files in self.files:
            lake.check_files(files)
        columns = {table.name: table.schema.names for table in reads}
        for ref in self.refs if tables else ():
            names = columns.get(ref.table, ())
            if texts or not TEXTS & set(names):
                lake.check(ref)
            else:
                lake.check_columns(ref, [name for name in names if name not in TEXTS])

    def paths(self, lake: Lake, reads: Sequence[Table]) -> list[list[Path]]:
        """For each table of ``reads`` its Parquet files by shard name, then one list of folders if there are any."""
        lists = [[lake.path(ref) for ref in self.shards(table)] for table in reads]
        return [*lists, [lake.files_path(ref) for ref in self.files]] if self.files else lists

    def shards(self, table: Table) -> list[Ref]:
        """The files of ``table`` by shard name. Two files of one shard name stay in the order they were given in."""
        found = sorted((ref for ref in self.refs if ref.table == table.name), key=lambda ref: ref.shard)
        if not found and not table.optional:
            raise GristmillError(f"no shard of table {table.name} was given")
        return found


def step(name: str, *, version: int, reads: tuple[Table, ...], writes: tuple[Table, ...]) -> Callable[[Function], Step]:
    """A shard step: ``f(*tables, config) -> table or tuple of tables``, one for each of ``writes``."""
    return lambda function: Step(name, version, "shard", reads, writes, function)


def source_step(name: str, *, version: int, writes: tuple[Table, ...]) -> Callable[[Function], Step]:
    """A step over a file from outside: ``f(source_file[, list of folders], config) -> table or tuple of tables``."""
    return lambda function: Step(name, version, "source", (), writes, function)


def parts_step(name: str, *, version: int, writes: tuple[Table, ...]) -> Callable[[Function], Step]:
    """A step over a source of any size: ``f(source, config, folder for downloads) -> iterator of table(s)``.

    Part 3 of a source whose shard is ``s`` becomes shard ``s-0003``. One manifest, under the shard of the source, names
    the files of all parts, so they become visible together; :func:`parts_of` takes it apart. The folder for downloads
    may not exist yet; what is left in it is found again by the next attempt.
    """
    return lambda function: Step(name, version, "parts", (), writes, function)


def parts_of(manifest: Manifest) -> dict[str, tuple[Ref, ...]]:
    """The shards that a :func:`parts_step` wrote, in order: the files of each, one for every table it writes."""
    shards: dict[str, tuple[Ref, ...]] = {}
    for ref in manifest.outputs:
        shards[ref.shard] = (*shards.get(ref.shard, ()), ref)
    return shards


def global_step(
    name: str, *, version: int, reads: tuple[Table, ...], writes: tuple[Table, ...], texts: bool = False
) -> Callable[[Function], Step]:
    """A global step: ``f(*lists of Parquet paths, config, scratch folder) -> table or tuple of tables``.

    ``texts``: it reads columns of texts with DuckDB, so they are checked before.
    """
    return lambda function: Step(name, version, "global", reads, writes, function, texts)


def scatter_step(
    name: str, *, version: int, reads: tuple[Table, ...], writes: tuple[Table, ...]
) -> Callable[[Function], Step]:
    """A global step whose output is cut like its input: ``f(*lists of Parquet paths, config, scratch folder)``.

    The function is an iterator of tables, one for each file of the first table in ``reads``, in that order, so that one
    of them is in memory at a time and the shard steps after it read their own shard only. ``None`` stands for a shard
    that another run of the step is to give.
    """
    return lambda function: Step(name, version, "scatter", reads, writes, function)


def scatter_key(key: str, first: Ref) -> str:
    """The key of what a :func:`scatter_step` of key ``key`` writes for the file ``first`` of its first table.

    It is made of the content of that file, as ``key`` is: the same content under another key, which a new version of
    the step before may give, is cached.
    """
    return digest_text(f"{key}\n{first.digest}")[:16]


def files_step(name: str, *, version: int, reads: tuple[Table, ...]) -> Callable[[Function], Step]:
    """A step that writes files: ``f(*lists of paths[, list of folders], config, out) -> facts`` (a JSON object)."""
    return lambda function: Step(name, version, "files", reads, (), function)


def retry_io_errors(task: "Task[..., Any]", run: "TaskRun", state: "State[Any]") -> bool:
    """Retry what may pass by itself: I/O errors, but not a full disk, a wrong path or any fault of the data."""
    try:
        state.result()
    except OSError as error:
        return may_pass(error)
    except Exception:  # anything else would only fail again, so it is not worth a retry
        return False
    return False


def may_pass(error: OSError) -> bool:
    """Whether an I/O error may be gone at the next attempt: not a full disk, nor a path that is wrong or closed."""
    lasting = (errno.ENOSPC, errno.EDQUOT, errno.ENOENT, errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR)
    return error.errno not in lasting
