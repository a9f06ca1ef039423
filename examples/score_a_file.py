"""Which documents of this file would a policy drop, and by which rules?

python examples/score_a_file.py pages.jsonl.gz fineweb@code
"""

import sys

import polars as pl

import gristmill as gm


def main(path: str, name: str = "fineweb@code") -> None:
    """Print how many documents each rule drops, with an example."""
    documents = gm.read(path)
    policy = gm.policy(name)
    verdicts = pl.DataFrame(gm.decide(documents, {}, policy))
    first = verdicts.filter(~pl.col("kept")).sort("rank", "doc_id").unique("doc_id", keep="first", maintain_order=True)
    print(f"{policy.name} keeps {documents.num_rows - first.height} of {documents.num_rows} documents of {path}")
    where = pl.DataFrame(documents).select("doc_id", "record_uri")
    for (rule,), rows in first.join(where, on="doc_id").group_by("rule", maintain_order=True):
        example = rows.row(0, named=True)
        found = example["value_text"] if example["value"] is None else round(example["value"], 3)
        print(f"  {rule}: {rows.height}, such as {example['record_uri']} ({found}, required {example['threshold']})")


if __name__ == "__main__":
    main(*sys.argv[1:])
