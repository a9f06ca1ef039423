"""Measure every detector of ``spans`` beside its peers: ``make bench-safety``.

    python -m benchmarks.safety [--shared FOLDER] [--work FOLDER] [--page]

Writes ``benchmarks/results/safety.json`` and the section "How well it works" of ``docs/safety.md``. ``--page`` measures
nothing and writes the section from the stored figures. Peers that are not installed (``benchmarks.peers.venvs``) are
left out. Cost: 10 minutes for all peers, of which Presidio takes 3; an engine that did not change is not run again.
"""

import argparse
import datetime
import json
from pathlib import Path

from benchmarks.harness import machine
from benchmarks.safety import judgements, report
from benchmarks.safety.measure import HERE, REAL, SHARED, WORK, Session, demo_rows, labelled_rows, real_rows, speeds

STORED = HERE / "results" / "safety.json"


def main() -> None:
    """Measure, store, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    if not asked.page:
        record = measure(Session(asked.shared.resolve(), asked.work.resolve()))
        STORED.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    record = json.loads(STORED.read_text(encoding="utf-8"))
    page = report.page_with(report.PAGE.read_text(encoding="utf-8"), record)
    report.PAGE.write_text(page, encoding="utf-8")
    print(report.section(record))


def measure(session: Session) -> dict[str, object]:
    """The contents of the results file."""
    before = machine()
    rates = speeds(session)
    sizes = dict.fromkeys(REAL, 0)
    for text in session.real:
        sizes[session.group_of_text(text)] += len(text.text.encode())
    return {
        "taken": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": dict(before),
        "read": judgements.READ,
        "engines": [
            {"engine": engine, "versions": dict(answer.versions), "mb_per_s": rates[engine]}
            for engine, answer in session.on_real.items()
        ],
        "real_texts": [{"language": group, "megabytes": round(size / 1e6, 2)} for group, size in sizes.items()],
        "labelled": labelled_rows(session),
        "demo": demo_rows(),
        "real": real_rows(session),
    }


if __name__ == "__main__":
    main()
