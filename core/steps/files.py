"""The kinds of steps that write files into a folder of the lake, a class and a decorator each.

``FilesStep``   every shard of each table it reads, as lists of Parquet paths (and folders), and an empty folder
                -> files in that folder, facts, table(s)
``JobStep``     folders, an empty folder, and the name of a job that does the work wherever jobs run -> the same
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVarTuple, cast

import pyarrow as pa

from gristmill.core.lake import files_place
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.kinds import Takes
from gristmill.core.steps.step import C, Output, Run, Step, require_arguments
from gristmill.core.table import Table

Ts = TypeVarTuple("Ts")


@dataclass(frozen=True)
class Written:
    """What is given beside the files in the folder: ``facts``, a JSON object, and the ``tables`` of ``writes``."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[pa.Table, ...] = ()


@dataclass(frozen=True)
class FilesStep(Step[C], Generic[C, *Ts]):
    """``f(*lists of paths[, folders], config, out) -> Written``: files are written to the empty folder ``out``.

    ``folders``: it is given a list of folders of the lake. ``files``: what the folder is called in the lake; when left
    out, as the step.
    """

    function: Callable[[*Ts, C, Path], Written]
    folders: bool = False
    files: str = ""

    def __post_init__(self) -> None:
        require_arguments(self, len(self.takes) + self.folders + 2)

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        run.inputs.check(run.lake, self.reads, tables=True, texts=False)
        folders = (run.inputs.folders(run.lake),) if self.folders else ()
        given = cast("tuple[*Ts]", (*run.inputs.paths(run.lake, self.takes), *folders))
        return _published(self, run, self.files or self.name, lambda out: self.function(*given, run.config, out))


@dataclass(frozen=True)
class JobName:
    """What a :class:`JobStep` calls its job: ``key`` wherever it runs, ``shard`` in what people read.

    ``place``: where its folder is going to be, relative to the root of the lake.
    """

    shard: str
    key: str
    place: PurePosixPath


@dataclass(frozen=True)
class JobStep(Step[C], Generic[C]):
    """``f(name, folders, config, out) -> Written``: the work is a job of its own, which outlives this process.

    ``named`` makes the key, of the config and the digests of the folders alone: it names the output in the lake and the
    job where it runs, so that equal work is found there too. ``files``: what the folder is called in the lake.
    """

    function: Callable[[JobName, list[Path], C, Path], Written]
    named: Callable[[C, tuple[str, ...]], str]
    files: str

    def __post_init__(self) -> None:
        require_arguments(self, 4)

    def key(self, config: C, inputs: Inputs) -> str:
        """See :class:`Step`."""
        return self.named(config, tuple(entry.digest for entry in inputs.entries()))

    def call(self, run: Run[C]) -> Output:
        """See :class:`Step`."""
        run.inputs.check(run.lake, (), tables=False, texts=False)
        name = JobName(run.shard, run.key, files_place(self.files, run.shard, run.key))
        folders = run.inputs.folders(run.lake)
        return _published(self, run, self.files, lambda out: self.function(name, folders, run.config, out))


def _published(step: Step[C], run: Run[C], name: str, function: Callable[[Path], Written]) -> Output:
    """Call ``function`` with an empty folder, and publish the folder and the tables."""
    with run.lake.temporary() as folder:
        out = folder / "out"
        out.mkdir()
        written = function(out)
        files = run.lake.publish_files(out, name, run.shard, run.key)
    return Output(step.write(run, run.shard, run.key, written.tables), (files,), written.facts)


def files_step(
    name: str,
    *,
    version: int,
    reads: Takes = (),
    writes: tuple[Table, ...] = (),
    folders: bool = False,
    files: str = "",
) -> Callable[[Callable[[*Ts, C, Path], Written]], FilesStep[C, *Ts]]:
    """Declare a :class:`FilesStep`."""
    return lambda function: FilesStep(name, version, reads, writes, function, folders, files)


def job_step(
    name: str, *, version: int, writes: tuple[Table, ...], files: str, named: Callable[[C, tuple[str, ...]], str]
) -> Callable[[Callable[[JobName, list[Path], C, Path], Written]], JobStep[C]]:
    """Declare a :class:`JobStep`."""
    return lambda function: JobStep(name, version, (), writes, function, named, files)
