"""The decisions of DCLM's own mappers on every text: run by ``benchmarks.peers.verdicts`` inside its environment.

    PYTHON verdicts_refinedweb.py FOLDER DCLM OUT.json [--jobs N]

DCLM is a checkout of github.com/mlfoundations/dclm. The steps of ``dclm_baseline_refinedweb.yaml`` run unchanged and in
order, except for the URL filters (our texts have no URLs) and the language filter. An empty module replaces packages
that DCLM imports only for other filters, object stores and models (``REPLACED``). It judges half of the English texts
and of the source code, and one in twenty of the others (uniseg finds word boundaries at 0.06 MB/s). OUT gets one row
per text: the first 12 hex digits of the xxh3-128 of the text, then "" or the
name of the step that drops it, then the xxh3-128, again 12 digits, of the text that remains.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import xxhash
import yaml

COLUMNS = ("refinedweb", "left")
SKIPPED = ("move_url_modifier", "url_substring_filter", "detect_lang_whole_page_enricher", "language_filter")
CONFIG = "baselines/baselines_configs/dclm_baseline_refinedweb.yaml"
REPLACED = ("transformers", "boto3", "botocore", "kenlm", "pandas", "langdetect", "simdjson", "sentencepiece", "ray")
STEPS: list[tuple[str, Callable[[dict[str, Any]], list[dict[str, Any]]]]] = []


class StandIn(ModuleType):
    """A module from which any name can be imported, but nothing can be used."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return object()


def texts(folder: Path) -> Iterator[str]:
    """The texts that are judged, each once."""
    seen = set()
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                name = key(row["text"])
                common = row["lang"] == "en" or row["lang"].startswith("code:")
                if int(name, 16) % (2 if common else 20) == 0 and name not in seen:
                    seen.add(name)
                    yield row["text"]


def key(text: str) -> str:
    """The key of a text."""
    return str(xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))[:12])


def start(dclm: str) -> None:
    """Import DCLM's mappers and make the steps of its configuration."""
    os.chdir(dclm)  # one of its lists is read from a path relative to the checkout
    sys.path[:0] = [dclm, f"{dclm}/baselines"]
    for name in REPLACED:
        sys.modules[name] = StandIn(name)
    from baselines.core.factory_utils import initialize_mapper
    from baselines.mappers import modifiers
    from baselines.mappers.enrichers import enrichers
    from baselines.mappers.filters import content_filters

    (source,) = yaml.safe_load(Path(CONFIG).read_text(encoding="utf-8"))
    for entry in source["steps"]:
        name = entry.pop("func")
        if name in SKIPPED:
            continue
        function = next(getattr(m, name) for m in (content_filters, modifiers, enrichers) if hasattr(m, name))
        STEPS.append((name, made(function, entry, initialize_mapper)))


def made(function: Any, words: dict[str, Any], initialize: Any) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    """One step with its settings: factories take them when made, other functions when called."""
    if hasattr(function, "_is_factory"):
        return initialize(function, **words)  # type: ignore[no-any-return]
    return lambda page: function(page, **words)


def row(text: str) -> list[str]:
    """The text's key, the step that drops it, and the key of the remaining text."""
    page = {"text": text}
    for name, step in STEPS:
        pages = step(page)
        if not pages:
            return [key(text), name, ""]
        (page,) = pages
    return [key(text), "", key(page["text"])]


def main() -> None:
    """Judge the texts of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("dclm", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    rows = []
    out = arguments.out.resolve()
    folder = arguments.folder.resolve()
    with multiprocessing.get_context("spawn").Pool(arguments.jobs, start, (str(arguments.dclm.resolve()),)) as pool:
        for place, judged in enumerate(pool.imap(row, texts(folder), chunksize=16), start=1):
            rows.append(judged)
            if place % 2000 == 0:
                print(place, flush=True)
    out.write_text(json.dumps({"columns": ["text", *COLUMNS], "rows": rows}), encoding="utf-8")


if __name__ == "__main__":
    main()
