"""MinHash deduplication by text-dedup 0.4 with its verification of false positives.

Run by the peer's Python: ``text_dedup_minhash.py INPUT_JSONL_FOLDER OUTPUT_FOLDER``. Its own shape: word 5-grams, 240
permutations at threshold 0.7, which its optimiser turns into 24 bands of 10 rows. One process.
"""

import json
import sys
from pathlib import Path

from text_dedup.config.base import load_config_from_toml
from text_dedup.minhash import main as run

SETTINGS = """
[input]
input_type = "local_files"
file_type = "json"
[input.read_arguments]
path = "json"
split = "train"
data_files = {files}
cache_dir = {cache}

[algorithm]
algorithm_name = "minhash"
text_column = "text"
num_perm = 240
threshold = 0.7
ngram_size = 5
check_false_positive = true
num_proc = 1

[output]
output_dir = {output}

[debug]
enable_profiling = false
"""


def main(source: Path, target: Path) -> None:
    """Write the dataset of the kept texts to ``target/output``."""
    target.mkdir(parents=True, exist_ok=True)
    settings = target / "settings.toml"
    settings.write_text(
        SETTINGS.format(
            files=json.dumps(sorted(map(str, source.glob("*.jsonl")))),
            cache=json.dumps(str(target / "cache")),
            output=json.dumps(str(target / "output")),
        ),
        encoding="utf-8",
    )
    run(load_config_from_toml(settings))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
