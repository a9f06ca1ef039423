"""Grade answers made elsewhere, and ask a lake whether one checkpoint is better than another.

python examples/grade_and_compare.py gristmill-mathematics answers.jsonl lake base tuned
"""

import sys

import polars as pl

import gristmill as gm


def main(suite: str, responses: str, lake: str, a: str, b: str) -> None:
    """Print the scores with their intervals, the verdicts, and one sentence for each suite of the two checkpoints."""
    graded = gm.grade(suite, responses)
    for row in graded.scores.to_pylist():
        print(f"{suite} {row['metric']}: {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f}), n {row['n']}")
    for verdict, count in pl.DataFrame(graded.samples).group_by("verdict").len().sort("verdict").iter_rows():
        print(f"  {verdict}: {count}")
    comparison = gm.compare(a, b, lake=lake)
    for compared in comparison.suites:
        print(f"{compared.suite}: {compared.whole.sentence}")


if __name__ == "__main__":
    main(*sys.argv[1:])
