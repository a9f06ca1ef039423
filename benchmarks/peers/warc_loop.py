"""WARC to text by a bare loop over FastWARC and Resiliparse: the minimum, one page after the other.

Run by the peer's Python: ``warc_loop.py WARC_FILE_OR_FOLDER OUTPUT_FILE``. No time limits, no other process, no record
of pages without text; the encoding is the one that Resiliparse detects, as in its own examples.
"""

import json
import sys
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding


def main(source: Path, target: Path) -> None:
    """Write one JSON line with ``url`` and ``text`` for every page with text."""
    files = sorted(source.glob("*.warc.gz")) if source.is_dir() else [source]
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as output:
        for path in files:
            with path.open("rb") as file:
                for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True):
                    page = record.reader.read()
                    html = bytes_to_str(page, detect_encoding(page))
                    text = extract_plain_text(html, main_content=True, alt_texts=False)
                    if text:
                        row = {"url": record.headers["WARC-Target-URI"], "text": text}
                        output.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
