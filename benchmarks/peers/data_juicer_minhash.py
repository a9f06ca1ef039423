"""MinHash deduplication by Data-Juicer 1.6, its Python executor ``default`` and the operator
``document_minhash_deduplicator`` with its own defaults: word 5-grams split at spaces, 256 permutations at threshold
0.7, which its optimiser turns into 25 bands of 10 rows. It verifies nothing. One process.

Run by the peer's Python: ``data_juicer_minhash.py INPUT_JSONL_FOLDER OUTPUT_FOLDER``.
"""

import sys
from pathlib import Path

from data_juicer.config import init_configs
from data_juicer.core import DefaultExecutor

SETTINGS = """
project_name: bench
dataset_path: {source}
export_path: {target}/output/kept.jsonl
np: 1
use_cache: false
open_tracer: false
open_monitor: false
process:
  - document_minhash_deduplicator:
      tokenization: space
      window_size: 5
      lowercase: true
      num_permutations: 256
      jaccard_threshold: 0.7
"""


def main(source: Path, target: Path) -> None:
    """Write the kept texts to ``target/output/kept.jsonl``."""
    target.mkdir(parents=True, exist_ok=True)
    settings = target / "settings.yaml"
    settings.write_text(SETTINGS.format(source=source, target=target), encoding="utf-8")
    DefaultExecutor(init_configs(["--config", str(settings)])).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
