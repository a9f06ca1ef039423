"""Every benchmark side by side with its peers: ``make bench``, or ``python -m benchmarks.run [STAGE ...]``.

    --work FOLDER   where inputs and outputs go (benchmarks/.work)
    --megabytes N   text of each input (200); the peers take minutes for each 100
    --repeat N      runs of each side (3); the fastest counts, the median is recorded too
    --quick         a smoke test: 2 MB, one run, no stage that needs a flow, only ours if a peer is not installed
    --list          the stages and their goals
    --table         the table of the stored results, without measuring

Writes ``benchmarks/results/STAGE.json`` and prints a Markdown table. ``--quick`` writes nothing.
"""

import argparse
import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import corpus
from benchmarks.harness import CommandError, machine
from benchmarks.stages import HERE, STAGES, Bench, Result, Stage

RESULTS = HERE / "results"
HEAD = "| stage | side | cores | MB/s a core | documents/s a core | seconds | peak MB | ratio | goal |"


def main() -> None:
    """Measure the chosen stages, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE")
    parser.add_argument("--shared", type=Path, default=HERE.parent.parent / "shared")
    parser.add_argument("--work", type=Path, default=corpus.WORK)
    parser.add_argument("--megabytes", type=int)
    parser.add_argument("--repeat", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.stages if name not in STAGES]
    if unknown:
        parser.error(f"no stage is called {unknown[0]}; there are {', '.join(STAGES)}")
    if arguments.list:
        print("\n".join(f"{name:18} {stage.title}: {stage.goal}" for name, stage in STAGES.items()))
        return
    chosen = {name: STAGES[name] for name in arguments.stages or STAGES}
    print(HEAD + "\n" + "|---" * (HEAD.count("|") - 1) + "|", flush=True)
    if arguments.table:
        stored = [(stage, RESULTS / f"{name}.json") for name, stage in chosen.items()]
        found = [(stage, json.loads(path.read_text("utf-8"))) for stage, path in stored if path.is_file()]
        print("\n".join(table(stage, record) for stage, record in found))
        print(commands(record for _, record in found))
        return
    quick = arguments.quick
    bench = Bench(
        shared=arguments.shared.resolve(),
        work=arguments.work.resolve(),
        megabytes=arguments.megabytes or (2 if quick else 200),
        repeat=arguments.repeat or (1 if quick else 3),
        quick=quick,
    )
    failed, records = [], []
    for name, stage in chosen.items():
        if quick and not stage.in_quick and not arguments.stages:
            print(f"| {stage.title} | not measured: takes longer |", flush=True)
            continue
        if bench.lacks(stage.peer):
            print(f"| {stage.title} | {stage.peer} is not installed: ours alone |", flush=True)
        before = machine()
        try:
            result = stage.run(bench)
        except CommandError as error:
            failed.append(f"{name}: {error}")
            continue
        record = recorded(name, stage, result, before)
        records.append(record)
        print(table(stage, record), flush=True)
        if not quick:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(commands(records))
    if failed:
        raise SystemExit("\n".join(failed))


def recorded(name: str, stage: Stage, result: Result, before: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of a stage's results file."""
    return {
        "stage": name,
        "title": stage.title,
        "to_reach": stage.goal,
        "ratio": round(stage.reached(result), 3) if len(result.figures) == 2 else None,
        "taken": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": dict(before),
        "input": {"bytes": result.figures[0].bytes, "documents": result.figures[0].documents},
        "agreement": dict(result.agreement),
        "sides": [side.record() for side in result.figures],
    }


def table(stage: Stage, record: Mapping[str, Any]) -> str:
    """The table rows of a stage."""
    rows = []
    for place, side in enumerate(record["sides"]):
        shown = ", ".join(f"{name} {number}" for name, number in list(side["versions"].items())[:1])
        cells = [
            stage.title if not place else "",
            shown or side["name"],
            side["cores"],
            side["mb_per_s_core"],
            side["documents_per_s_core"],
            side["min_wall_s"],
            side["peak_mb"],
            f"{record['ratio']:.2f}" if record["ratio"] is not None and not place else "",
            stage.goal if not place else "",
        ]
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(rows)


def commands(records: Iterable[Mapping[str, Any]]) -> str:
    """A list of the commands of each stage, with versions."""
    rows = [""]
    for record in records:
        for side in record["sides"]:
            versions = ", ".join(f"{name} {number}" for name, number in side["versions"].items())
            rows.append(f"- {record['stage']}, {side['name']}: `{side['command']}` ({versions})")
    return "\n".join(dict.fromkeys(rows))


if __name__ == "__main__":
    main()
