"""Items found through the command line: in files, in a source of the lake, in what a checkpoint saw; and dropped."""

import json
import shutil
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.evals.suites.suite import load_suite
from gristmill.tasks.lineage.sightings import seen_among
from gristmill.tasks.lineage.trained import TrainedCheckpoint, curated_of, find_trained, trained_in
from tests.helpers.cli import Ended
from tests.helpers.contaminated import write_corpus, write_suite
from tests.helpers.small_lake import put

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

    rows = [" ".join(json.loads(line)["text"].split()) for line in Path(corpus).read_text("utf-8").splitlines()]
    (tmp_path / "pages.tsv").write_text("body\tn\n" + "".join(f'"{row}\t1\n' for row in rows), encoding="utf-8")
    assert labels(run(*words, "--corpus", str(tmp_path / "pages.tsv"), "--map", "text=body", "--unquoted")) == FOUND


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
    chosen = {doc_id: texts[doc_id] for doc_id in (*sorted(seen)[:3], *unseen[:6])}
    suite = suite_of(chosen, tmp_path)
    answer_right(first, seen, chosen, load_suite(str(suite)).digest, home)
    told = run("contamination", "--suite", str(suite), "--lake", str(home.root), "--json", "--checkpoint", first.label)
    found = labels(told)
    assert {doc_id for doc_id, label in found.items() if label != "clean"} >= set(sorted(seen)[:3])
    clean = {doc_id for doc_id, label in found.items() if label == "clean"}
    assert len(clean) > 1
    assert clean <= set(unseen)
    ((score,),) = (entry["scores"] for entry in told.json())
    assert (score["corpus"], score["own"], score["items"]) == (first.label, True, len(chosen))
    assert (score["clean_items"], score["clean"]["value"]) == (len(clean), 0.0)
    assert score["difference"]["value"] == pytest.approx(len(seen & set(chosen)) / len(chosen)), (
        "no clean item was answered right"
    )


def answer_right(
    checkpoint: TrainedCheckpoint, right: AbstractSet[str], items: Iterable[str], suite_digest: str, lake: Lake
) -> None:
    """Answers of the checkpoint to the suite ``sums``: those ``right``, and the others wrong."""
    name = {"checkpoint": checkpoint.digest, "suite": "sums"}
    graded = name | {"convention": "last-number"}
    values = {item: float(item in right) for item in items}
    score = {"value": sum(values.values()) / len(values), "metric": "accuracy", "subset": "all", "headline": True}
    rows = {
        "eval_runs": [name | {"label": checkpoint.label, "suite_digest": suite_digest}],
        "samples": [graded | {"item": item, "value": value, "weight": 1.0} for item, value in values.items()],
        "scores": [graded | score | {"higher_is_better": True}],
    }
    tables = {table: (put(lake, table, checkpoint.digest, part),) for table, part in rows.items()}
    config = {"label": checkpoint.label, "results": {}}
    lake.commit(Dataset(kind="evaluation", name=checkpoint.digest, config=config, counts={}, tables=tables))
