"""The normalisation ``datatrove`` gives the words that datatrove 0.10 itself gives, on real texts in 25 languages."""

import gzip
import hashlib
import json
from pathlib import Path

import pyarrow as pa

from gristmill.tasks.dedup.presets import ShingleConfig
from gristmill.tasks.dedup.shingles import tokenize
from tests.helpers.folded import spelled

GOLDEN = json.loads(Path(__file__).with_name("datatrove_normalised.json").read_text(encoding="utf-8"))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_words_are_upstreams(shared: Path) -> None:
    texts = []
    for path in sorted((shared / "corpora" / "text").glob("*.jsonl.gz"))[:: GOLDEN["skip"]]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts += [json.loads(line)["text"][: GOLDEN["most"]] for line in list(lines)[:: GOLDEN["every"]]]
    found = spelled(tokenize(pa.array(texts), ShingleConfig(normalise="datatrove")))
    ours = {digest(text): digest(" ".join(words)) for text, words in zip(texts, found, strict=True)}
    assert GOLDEN["datatrove"] == "0.10.0"
    assert len(ours) > 500
    assert ours == GOLDEN["normalised"]
