"""URLs of the corpora, and blocklists derived from them by rule, so that both sides of a comparison have the same.

Domains are the hosts of every ninth URL, and the parents of some; listed URLs are every thirteenth; words and pieces
are some of those that occur in a few URLs. Cost: a second.
"""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

WORD = re.compile(r"[^a-zA-Z0-9]+")


def urls_and_lists(corpora: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Every URL of the HTML sets, sorted, and lists ``domains``, ``listed``, ``hard``, ``soft``, ``pieces``."""
    found: set[str] = set()
    for path in sorted((corpora / "html_gold").glob("*/gold.jsonl*")):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found.update(url for line in content.splitlines() if (url := json.loads(line).get("url")))
    urls = sorted(found)
    hosts = [urlsplit(url).hostname or "" for url in urls]
    parents = (host.partition(".")[2] for host in hosts[::31] if host.count(".") > 1)
    domains = {host for host in hosts[::9] if host} | {parent for parent in parents if parent.find(".") > 3}
    seen = Counter(word for url in urls for word in set(WORD.split(url)))
    words = sorted(word for word, count in seen.items() if 2 <= count <= 40 and word.isalpha() and word.islower())
    return urls, {
        "domains": sorted(domains),
        "listed": urls[::13],
        "hard": [word for word in words[::23] if len(word) > 3],
        "soft": words[::3],
        "pieces": [word[1:7] for word in words[::37] if len(word) > 7],
    }
