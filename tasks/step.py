"""The step decorator: a pure function on Arrow tables becomes a cached, resumable, atomic Prefect task over a shard.

Running a step means: derive the key of the output from step name, version, config and the digests of what goes in;
return the stored manifest when there is one; else read, call, check against the declared schema, write atomically,
commit the manifest, and log what it cost. There are four kinds, by what the function is given:

``step``         one shard of each table it reads, as Arrow tables -> Arrow table(s)
``source_step``  one file or folder from outside the lake (and lake folders, if given) -> Arrow table(s)
``global_step``  every shard of each table it reads, as lists of Parquet paths, to be processed out of core -> table(s)
``files_step``   the same paths and an empty folder -> files in that folder, and facts worth recording

Only this module and ``flows`` import Prefect.
"""

import errno
import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from schemas.config import Config
from schemas.digests import digest_digests, digest_text
from schemas.errors import GristmillError
from schemas.lake import FilesRef, Input, Lake, Manifest, Ref, output_key, translate_os_errors
from schemas.table import Table

RETRIES = 2
RETRY_SECONDS = 2.0


@dataclass(frozen=True)
class SourceFile:
    """A file from outside the lake. ``name`` is what ``record_uri`` says: relative to the input that was given."""

    path: Path
    name: str
    digest: str

    @property
    def shard(self) -> str:
        """Named after content and name, never after a place in a list: adding an input renames nothing."""
        return digest_text(f"{self.name}\n{self.digest}")[:16]


@dataclass(frozen=True)
class Outcome:
    """What running a step gave: the manifest, and whether it was found done."""

    manifest: Manifest
    cached: bool


Function = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """A function with its contract. Call ``.function`` in unit tests, ``.run`` without Prefect, ``.task`` in flows."""

    name: str
    version: int
    kind: str
    reads: tuple[Table, ...]
    writes: tuple[Table, ...]
    function: Function

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
        if self.kind == "files":
            with lake.temporary() as folder:
                out = folder / "out"
                out.mkdir()
                facts = self.function(*inputs.paths(lake, self.reads), config, out)
                return (), (lake.publish_files(out, self.name, shard, key),), facts
        if self.kind == "source":
            result = self.function(inputs.source, *inputs.paths(lake, self.reads), config)
        elif self.kind == "global":
            with lake.temporary() as scratch:
                result = self.function(*inputs.paths(lake, self.reads), config, scratch)
        else:
            result = self.function(*inputs.tables(lake, self.reads), config)
        produced = result if isinstance(result, tuple) else (result,)
        if len(produced) != len(self.writes):
            raise GristmillError(f"step {self.name} gave {len(produced)} tables and declares {len(self.writes)}")
        refs = tuple(
            lake.write_table(table, shard, key, rows) for table, rows in zip(self.writes, produced, strict=True)
        )
        return refs, (), {}

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
    source: SourceFile | None = None

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
            pa.concat_tables([table.schema.empty_table(), *(lake.read(ref) for ref in self._of(table))])
            for table in reads
        ]

    def paths(self, lake: Lake, reads: Sequence[Table]) -> list[list[Path]]:
        """For each table of ``reads`` its Parquet files by shard name, then one list of folders if there are any."""
        lists = [[lake.path(ref) for ref in self._of(table)] for table in reads]
        return [*lists, [lake.files_path(ref) for ref in self.files]] if self.files else lists

    def _of(self, table: Table) -> list[Ref]:
        found = sorted((ref for ref in self.refs if ref.table == table.name), key=lambda ref: (ref.shard, ref.key))
        if not found and not table.optional:
            raise GristmillError(f"no shard of table {table.name} was given")
        return found


def step(name: str, *, version: int, reads: tuple[Table, ...], writes: tuple[Table, ...]) -> Callable[[Function], Step]:
    """A shard step: ``f(*tables, config) -> table or tuple of tables``, one for each of ``writes``."""
    return lambda function: Step(name, version, "shard", reads, writes, function)


def source_step(name: str, *, version: int, writes: tuple[Table, ...]) -> Callable[[Function], Step]:
    """A step over a file from outside: ``f(source_file[, list of folders], config) -> table or tuple of tables``."""
    return lambda function: Step(name, version, "source", (), writes, function)


def global_step(
    name: str, *, version: int, reads: tuple[Table, ...], writes: tuple[Table, ...]
) -> Callable[[Function], Step]:
    """A global step: ``f(*lists of Parquet paths, config, scratch folder) -> table or tuple of tables``."""
    return lambda function: Step(name, version, "global", reads, writes, function)


def files_step(name: str, *, version: int, reads: tuple[Table, ...]) -> Callable[[Function], Step]:
    """A step that writes files: ``f(*lists of paths[, list of folders], config, out) -> facts`` (a JSON object)."""
    return lambda function: Step(name, version, "files", reads, (), function)


def retry_io_errors(task: "Task[..., Any]", run: TaskRun, state: State[Any]) -> bool:
    """Retry what may pass by itself: I/O errors, but not a full disk, a wrong path or any fault of the data."""
    try:
        state.result()
    except OSError as error:
        permanent = (errno.ENOSPC, errno.EDQUOT, errno.ENOENT, errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR)
        return error.errno not in permanent
    except Exception:  # anything else would only fail again, so it is not worth a retry
        return False
    return False
