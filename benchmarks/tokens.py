"""The tokens step and the plan as commands of their own, without Prefect.

    python -m benchmarks.tokens prepare INPUT_JSONL_FOLDER FOLDER       curated shards in order, and a tokenizer
    python -m benchmarks.tokens write FOLDER OUTPUT_FOLDER              token files from them (the step ``tokens``)
    python -m benchmarks.tokens plan ROWS                               rows of a plan a second, as JSON

The tokenizer is byte-level BPE with 32,000 entries. All documents are one domain with none held out, so that both sides
write the same tokens in the same order.
"""

import argparse
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.core.digests import digest_text
from gristmill.schemas.tables import Curated
from gristmill.tasks.mix.curated import SplitConfig
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.mixer import Mixture, Stage
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.tokenizer import TokenizerConfig, train_tokenizer
from gristmill.tasks.mix.tokens import TokensConfig, write_tokens

VOCABULARY, DOMAINS, ROW_TOKENS, STEP = 32_000, 20, 2049, 1 << 16


def main() -> None:
    """Do what the first word says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "write", "plan"])
    parser.add_argument("words", nargs="+")
    arguments = parser.parse_args()
    if arguments.what == "prepare":
        source, folder = map(Path, arguments.words)
        prepare(source, folder)
    elif arguments.what == "write":
        folder, out = map(Path, arguments.words)
        for path in sorted(folder.glob("*.parquet")):
            (out / path.stem).mkdir(parents=True)
            config = TokensConfig(heldout_share=0)
            write_tokens.function([path], [], [folder / "tokenizer"], config, out / path.stem)
    else:
        (rows,) = map(int, arguments.words)
        print(json.dumps(walk(rows)))


def prepare(source: Path, folder: Path) -> None:
    """Write a curated shard for each file of JSON lines, and learn the tokenizer from them."""
    folder.mkdir(parents=True)
    paths = []
    for path in sorted(source.glob("*.jsonl")):
        table = pa.Table.from_pylist(list(documents(path)), schema=Curated.schema)
        paths.append(folder / f"{path.stem}.parquet")
        pq.write_table(table, paths[-1], compression="zstd", row_group_size=2048)
    (folder / "tokenizer").mkdir()
    config = TokenizerConfig(vocab_size=VOCABULARY, split=SplitConfig(heldout_share=0))
    train_tokenizer.function(paths, [], config, folder / "tokenizer")


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of the curated table, in the order of the file."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            text = json.loads(line)["text"]
            yield {
                "doc_id": digest_text(f"{path.name}@{number}"),
                "source": "bench",
                "fetched_at": datetime(2026, 1, 1, tzinfo=UTC),
                "record_uri": f"{path.name}@{number}",
                "record_digest": digest_text(text),
                "text": text,
                "text_hash": digest_text(text),
                "chars": len(text),
                "extractor": "row",
                "encoding": "utf-8",
                "domain": "bench",
                "language": "en",
                "quality": 1.0,
                "tokens": text.count(" ") + 1,
                "redactions": 0,
            }


def walk(rows: int) -> dict[str, float]:
    """Walk a plan of 20 domains once, 65,536 rows at a time; wall and processor seconds, and rows."""
    domains = [Domain(f"domain-{n}", (n + 1) * rows * ROW_TOKENS // DOMAINS, 1, f"f{n}") for n in range(DOMAINS)]
    weights = {domain.name: 1 / DOMAINS for domain in domains}
    mixture = Mixture((Stage(rows * ROW_TOKENS, weights, weights),), "static", "", {})
    plan = make_plan(mixture, domains, row_tokens=ROW_TOKENS, block=1024, seed=0, max_epochs=4)
    wall, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(plan), STEP):
        plan.rows(start, min(start + STEP, len(plan)))
    return {"rows": len(plan), "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


if __name__ == "__main__":
    main()
