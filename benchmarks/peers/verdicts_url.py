"""The decisions of datatrove's URL filter with given lists: run by ``language_verdicts`` in datatrove's environment.

    PYTHON verdicts_url.py GIVEN.json OUT.json [--jobs N]

GIVEN has ``urls`` and the lists ``domains``, ``listed`` (URLs), ``hard``, ``soft`` and ``pieces``. OUT gets one row per
URL: the first 12 hex digits of its xxh3-128, and "" or the reason.
"""

import argparse
import json
from pathlib import Path

import xxhash
from datatrove.data import Document
from datatrove.pipeline.filters import URLFilter
from datatrove.pipeline.filters.base_filter import get_filter_result


def main() -> None:
    """Judge every URL."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("given", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    given = json.loads(arguments.given.read_text(encoding="utf-8"))
    judge = URLFilter(
        extra_domains=given["domains"],
        extra_urls=given["listed"],
        banned_words=given["hard"],
        banned_subwords=given["pieces"],
        soft_banned_words=given["soft"],
        use_integrated_lists=False,
    )
    rows = []
    for url in given["urls"]:
        kept, reason = get_filter_result(judge.filter(Document(text="", id="", metadata={"url": url})))
        rows.append([xxhash.xxh3_128_hexdigest(url.encode())[:12], "" if kept else reason])
    arguments.out.write_text(json.dumps({"columns": ("text", "reason"), "rows": rows}))


if __name__ == "__main__":
    main()
