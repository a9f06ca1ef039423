"""The whole of datatrove's ``examples/fineweb.py`` on one machine: base processing, then MinHash, then PII.

``PYTHON datatrove_fineweb.py warc|jsonl INPUT_FOLDER OUTPUT_FOLDER WORKERS LID_MODEL``, by its own Python. Pipelines
and constants are the example's (URL filter with its lists, Trafilatura with favour_precision for WARC, English by
fastText, Gopher repetition and quality, C4, FineWeb; SHA-1 signatures of 64 bits, 14 x 8; PII) with local executors in
place of Slurm and without the exclusion writers. ``jsonl`` starts after extraction. The language model is Gristmill's,
lid.176.ftz, because the example would download lid.176.bin. One task per file.
"""

import sys
from pathlib import Path
from typing import Any

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
    URLFilter,
)
from datatrove.pipeline.formatters import PIIFormatter
from datatrove.pipeline.readers import JsonlReader, WarcReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.lid import FT176LID
from fasttext.FastText import _FastText


class LocalModel(FT176LID):
    """A language model from a file, loaded in the process that uses it."""

    def __init__(self, path: str) -> None:
        super().__init__(["en"])
        self._path = path

    @property
    def model(self) -> Any:
        """The loaded model."""
        if self._model is None:
            self._model = _FastText(self._path)
        return self._model


def main(kind: str, source: Path, target: Path, workers: int, lid: str) -> None:
    """Run base processing and the four stages of MinHash, one after the other."""
    language = LanguageFilter("en")
    language.model = LocalModel(lid)
    extraction: list[PipelineStep] = (
        [WarcReader(str(source), glob_pattern="*.warc.gz"), URLFilter(), Trafilatura(favour_precision=True)]
        if kind == "warc"
        else [JsonlReader(str(source), glob_pattern="*.jsonl"), URLFilter()]
    )
    files = len(list(source.glob("*.warc.gz" if kind == "warc" else "*.jsonl")))
    config = MinhashConfig(hash_config=HashConfig(hash_fc="sha1", precision=64), num_buckets=14, hashes_per_bucket=8)
    filtered = JsonlReader(str(target / "filtered"))
    stages: list[tuple[str, int, list[PipelineStep]]] = [
        (
            "filters",
            files,
            [
                *extraction,
                language,
                GopherRepetitionFilter(),
                GopherQualityFilter(),
                C4QualityFilter(filter_no_terminal_punct=False),
                FineWebQualityFilter(),
                JsonlWriter(str(target / "filtered")),
            ],
        ),
        ("signatures", files, [filtered, MinhashDedupSignature(str(target / "signatures"), config=config)]),
        (
            "buckets",
            config.num_buckets,
            [MinhashDedupBuckets(str(target / "signatures"), str(target / "buckets"), config=config)],
        ),
        ("clusters", 1, [MinhashDedupCluster(str(target / "buckets"), str(target / "remove"), config=config)]),
        (
            "output",
            files,
            [filtered, MinhashDedupFilter(str(target / "remove")), PIIFormatter(), JsonlWriter(str(target / "output"))],
        ),
    ]
    for name, tasks, pipeline in stages:
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=workers, logging_dir=str(target / "logs" / name)).run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
