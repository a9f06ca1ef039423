"""The results of datatrove's ``simplify_text`` on real texts: digests for ``tests/golden/test_minhash_normalise.py``.

    PEER_PYTHON benchmarks/peers/normalised_datatrove.py ../shared/corpora/text tests/golden/datatrove_normalised.json

Every 20th text of every other file, its first 20,000 characters. Records the first 16 hex digits of the SHA-256 of the
text, and of its normalised words joined by spaces, and datatrove's version. No text is recorded.
"""

import gzip
import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

from datatrove.utils.text import simplify_text

SKIP, EVERY, MOST = 2, 20, 20_000


def digest(text: str) -> str:
    """16 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def main(folder: Path, target: Path) -> None:
    """Write the digests."""
    rows = {}
    for path in sorted(folder.glob("*.jsonl.gz"))[::SKIP]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in list(lines)[::EVERY]:
                text = json.loads(line)["text"][:MOST]
                rows[digest(text)] = digest(" ".join(simplify_text(text).split()))
    golden = {"datatrove": version("datatrove"), "skip": SKIP, "every": EVERY, "most": MOST, "normalised": rows}
    target.write_text(json.dumps(golden, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
