"""MinHash deduplication by datatrove 0.10 in four stages, following its ``examples/minhash_deduplication.py``.

Run by the peer's Python: ``datatrove_minhash.py INPUT_JSONL_FOLDER OUTPUT_FOLDER``. FineWeb's shape, 5-grams of words,
14 bands of 8 rows; 64-bit xxHash, the default, which is faster than the SHA-1 of FineWeb. One task and one worker per
stage, so that a stage is one process; the buckets' stage has the fewest tasks possible, one per band.
"""

import sys
from pathlib import Path

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.hashing import HashConfig


def main(source: Path, target: Path) -> None:
    """Run the stages one after the other."""
    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5)
    reader = JsonlReader(str(source), glob_pattern="*.jsonl")
    stages: list[tuple[str, int, list[PipelineStep]]] = [
        ("signatures", 1, [reader, MinhashDedupSignature(str(target / "signatures"), config=config)]),
        (
            "buckets",
            config.num_buckets,
            [MinhashDedupBuckets(str(target / "signatures"), str(target / "buckets"), config=config)],
        ),
        (
            "clusters",
            1,
            [MinhashDedupCluster(str(target / "buckets"), str(target / "remove"), config=config)],
        ),
        (
            "filter",
            1,
            [
                reader,
                MinhashDedupFilter(str(target / "remove")),
                JsonlWriter(str(target / "output"), output_filename="${rank}.jsonl", compression=None),
            ],
        ),
    ]
    for name, tasks, pipeline in stages:
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(target / "logs" / name)).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
