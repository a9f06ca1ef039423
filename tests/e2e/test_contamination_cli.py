"""Items found through the command line: in files, in a source of the lake, in what a checkpoint saw; and dropped."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.lineage import curated_of, find_trained, seen_among, trained_in
from schemas.lake import Lake
from tests.helpers.cli import Ended
from tests.helpers.contaminated import write_corpus, write_suite

Run = Callable[..., Ended]


def labels(ended: Ended) -> dict[str, str]:
    assert ended.code == 0, ended.err
    (entry,) = ended.json()
    return {row["item"]: row["label"] for row in entry["labels"]}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    write_suite(folder)
    write_corpus(folder / "pages.jsonl")
    return folder


FOUND = {"mill": "answer", "orchard": "input", "lantern": "input", "ferry": "clean"}


def test_items_in_files_are_found_then_dropped_by_a_curation(pages: Path, tmp_path: Path, run: Run) -> None:
    lake, index = tmp_path / "lake", tmp_path / "index.parquet"
    suite, corpus = str(pages / "sums.yaml"), str(pages / "pages.jsonl")
    words = ("contamination", "--suite", suite, "--lake", str(lake), "--json")
    assert labels(run(*words, "--corpus", corpus, "--write-index", str(index))) == FOUND

    policy = tmp_path / "clean.yaml"
    policy.write_text(
        "name: clean\nlineage: test\nquality: gopher_quality.words\n"
        "rules: [{name: decontaminate, signal: contamination.items, max: 0}]\n",
        encoding="utf-8",
    )
    curate = ("curate", "--input", corpus, "--policy", str(policy), "--lake", str(lake), "--json")
    curated = run(*curate, "--source", "pages", "--decontaminate", str(index))
    assert curated.code == 0, curated.err
    home = Lake.open(lake)
    kept = [
        row["url"] for ref in home.expect("curation", "pages").tables["curated"] for row in home.read(ref).to_pylist()
    ]
    assert sorted(url.rpartition("/")[2] for url in kept) == ["more", "prose"]

    query = "SELECT label, count(*) AS n FROM item_labels WHERE corpus = 'pages.jsonl' GROUP BY label ORDER BY label"
    asked = run("query", query, "--lake", str(lake), "--json")
    assert asked.json() == [{"label": "answer", "n": 1}, {"label": "clean", "n": 1}, {"label": "input", "n": 2}]


def suite_of(texts: dict[str, str], folder: Path) -> Path:
    """A suite whose questions are the first words of documents."""
    path = write_suite(folder)
    rows: list[dict[str, Any]] = [
        {"id": doc_id, "question": " ".join(text.split()[:60]), "answer": "1"} for doc_id, text in texts.items()
    ]
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_of_a_checkpoint_only_what_it_saw_counts(demo_lake: Path, tmp_path: Path, run: Run) -> None:
    shutil.copytree(demo_lake, tmp_path / "lake", ignore=shutil.ignore_patterns("prefect*", "warehouse*", "tmp"))
    home = Lake.open(tmp_path / "lake")
    (training,) = home.names("training")
    first = min(trained_in(training, home), key=lambda entry: (entry.end_row, entry.mixture))
    rows = [row for ref in curated_of(first, home) for row in home.read(ref, ["doc_id", "text"]).to_pylist()]
    texts = {row["doc_id"]: row["text"] for row in rows if len(row["text"].split()) > 80}
    seen = seen_among(find_trained(first.digest, home), set(texts), home)
    unseen = sorted(set(texts) - seen)
    assert seen
    assert unseen, "held-out documents at least"
    chosen = {doc_id: texts[doc_id] for doc_id in (*sorted(seen)[:3], *unseen[:3])}
    words = ("contamination", "--suite", str(suite_of(chosen, tmp_path)), "--lake", str(home.root), "--json")
    found = labels(run(*words, "--checkpoint", first.label))
    assert {doc_id for doc_id, label in found.items() if label != "clean"} >= set(sorted(seen)[:3])
    assert "clean" in {found[doc_id] for doc_id in unseen[:3]}
