"""``lineage`` and ``trace`` through the command line, over a lake with two shards, two mixtures and some answers."""

import json
import shlex
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gristmill.core.digests import digest_text
from gristmill.core.errors import UsageError
from gristmill.core.manifest import Dataset
from gristmill.flows.cli.app import app
from gristmill.schemas.tables import Checkpoints
from gristmill.tasks.lineage.trained import all_trained
from gristmill.warehouse.build.publish import publish
from tests.helpers.pages import mentions
from tests.helpers.small_lake import commit
from tests.helpers.trained_lake import TrainedLake, checkpoints, make_trained_lake


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TrainedLake:
    """A trained lake in which the first checkpoint answered two items, one of them in two suites, and one that was
    trained on examples answered one."""
    made = make_trained_lake(tmp_path_factory.mktemp("commands") / "lake")
    trained = all_trained(made.lake)[0]
    ending = next(iter(made.documents.values()))["text"].rpartition(" page ")[2]
    answers = [("sums", "1", f"page {ending}"), ("sums", "2", "none"), ("more", "1", "none")]
    asked = {"checkpoint": trained.digest, "label": trained.label}
    rows = {
        "eval_runs": {"a": [asked | {"suite": suite} for suite in ("sums", "more")]},
        "responses": {
            "a": [
                {"checkpoint": trained.digest, "suite": suite, "item": item, "text": text, "prompt": "水車?"}
                for suite, item, text in answers
            ]
        },
    }
    commit(made.lake, "evaluation", trained.digest, rows)
    tuned = digest_text("tuned")
    answer = {"checkpoint": tuned, "suite": "sums", "item": "1", "text": f"page {ending}", "prompt": "水車?"}
    asked = {"checkpoint": tuned, "label": "tuned 5", "suite": "sums"}
    commit(made.lake, "evaluation", tuned, {"eval_runs": {"b": [asked]}, "responses": {"b": [answer]}})
    row = checkpoints()[0] | {"run": tuned[:16], "mixture": "tuned", "step": 5, "checkpoint": tuned, "path": "tuned/5"}
    ref = made.lake.write_table(Checkpoints, "tuned", "0" * 16, pa.Table.from_pylist([row], Checkpoints.schema))
    made.lake.commit(
        Dataset(kind="training", name="tuned", config={"mix": ""}, counts={}, tables={Checkpoints.name: (ref,)})
    )
    publish(made.lake)
    return made


def told(made: TrainedLake, *words: str) -> str:
    ended = CliRunner().invoke(app, [*words, "--lake", str(made.lake.root)], catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def refused(made: TrainedLake, *words: str) -> str:
    with pytest.raises(UsageError) as raised:
        get_command(app).main([*words, "--lake", str(made.lake.root)], prog_name="gristmill", standalone_mode=False)
    return str(raised.value)


def test_what_a_checkpoint_read_is_told_and_written(made: TrainedLake, tmp_path: Path) -> None:
    out = tmp_path / "read.parquet"
    found: dict[str, Any] = json.loads(told(made, "lineage", "prose 30", "--json", "--out", str(out), "--shown", "2"))
    rows = pl.read_parquet(out)
    assert found["read"]["documents"] == rows.height
    assert found["read"]["tokens_read"] == rows["tokens_read"].sum() == 30 * 4 * 33
    assert sum(total["documents"] for total in found["domains"].values()) == rows.height
    assert set(found["sources"]) == {"source-s1", "source-s2"}
    assert [row["epochs"] for row in found["documents"]] == rows["epochs"].sort(descending=True).head(2).to_list()

    shown = told(made, "lineage", found["checkpoint"][:10])
    assert "Read, by domain" in shown
    assert "source-s1" in shown
    assert found["documents"][0]["doc_id"] in "".join(shown.split())


def test_who_read_a_page_is_told(made: TrainedLake) -> None:
    read = json.loads(told(made, "lineage", "code 30", "--json"))["documents"][0]
    found = json.loads(told(made, "lineage", "--url", read["url"], "--json"))
    assert [(entry["label"], entry["doc_id"]) for entry in found] == [
        (label, read["doc_id"]) for label in ("code 12", "code 30", "prose 12", "prose 30")
    ]
    mine = found[1]
    assert (mine["tokens_read"], mine["first_step"]) == (read["tokens_read"], read["first_step"])
    assert "code 30" in told(made, "lineage", "--document", read["doc_id"])
    twice = ("--document", read["doc_id"], "--document", read["doc_id"], "--url", read["url"])
    assert json.loads(told(made, "lineage", *twice, "--json")) == found


def test_an_answer_is_traced_to_its_page(made: TrainedLake) -> None:
    page = next(iter(made.documents.values()))
    words = ("trace", "--run", "code 12", "--item", "1", "--suite", "sums", "--min-tokens", "8")
    found = json.loads(told(made, *words, "--json"))
    assert found["label"] == "overlap, not cause"
    assert found["checkpoint"] == all_trained(made.lake)[0].digest
    (holder,) = found["spans"][0]["holders"]
    assert (holder["doc_id"], holder["url"], holder["record_uri"]) == tuple(
        page[name] for name in ("doc_id", "url", "record_uri")
    )
    shown = told(made, *words)
    assert "overlap, not cause" in shown
    assert page["url"] in "".join(shown.split())
    assert "No 8 tokens in a row" in told(made, *words, "--prompt")


def test_an_answer_of_a_checkpoint_trained_on_examples_is_traced_in_the_only_mix(made: TrainedLake) -> None:
    words = ("trace", "--run", "tuned 5", "--item", "1", "--min-tokens", "8", "--json")
    for more in ((), ("--mix", "default")):
        found = json.loads(told(made, *words, *more))
        assert (found["mix"], found["checkpoint"]) == ("default", None)
        assert [holder["times_read"] for holder in found["spans"][0]["holders"]] == [None]


def test_a_text_is_traced_with_and_without_a_checkpoint(made: TrainedLake) -> None:
    text = " ends here with 0."
    plain = json.loads(told(made, "trace", text, "--min-tokens", "4", "--json"))
    assert plain["checkpoint"] is None
    assert {holder["times_read"] for holder in plain["spans"][0]["holders"]} == {None}
    found = json.loads(told(made, "trace", text, "--min-tokens", "4", "--checkpoint", "prose 12", "--json"))
    assert found["spans"][0]["occurrences"] == plain["spans"][0]["occurrences"] > 50
    assert found["spans"][0]["holders"][0]["times_read"] > 0


def test_every_command_of_the_page_runs(made: TrainedLake, tmp_path: Path) -> None:
    """With the names of this lake in place of the page's. `compare` and `why` are run by other tests."""
    page = (Path(__file__).resolve().parents[5] / "docs" / "lineage.md").read_text(encoding="utf-8")
    names = {
        "doremi 300": "code 12",
        "gsm8k": "sums",
        "17": "1",
        "read.parquet": str(tmp_path / "read.parquet"),
        "https://example.org/some/page": next(iter(made.documents.values()))["url"],
        "CHECKPOINT": "code 12",
        "DOC_ID": next(iter(made.documents)),
        "TEXT": "the mill grinds",
    }
    ran = [shlex.split(" ".join(found.words)) for found in mentions(page) if found.words[0] in ("lineage", "trace")]
    assert len(ran) >= 6
    for words in ran:
        told(made, *(names.get(word, word) for word in words))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("lineage",), "name a checkpoint, or a document"),
        (("lineage", "code 30", "--url", "http://a.example"), "name a checkpoint, or a document"),
        (("lineage", "--document", "0" * 32, "--out", "a.parquet"), "--out writes what a checkpoint read"),
        (("lineage", "code 30", "--out", "absent/a.parquet"), "there is no folder absent"),
        (("lineage", "code 30", "--out", "."), "--out .: this is a folder"),
        (("lineage", "tuned 5"), "was trained on examples, not on a mix"),
        (("lineage", "code 31"), 'did you mean "code 30"?'),
        (("trace",), "give a text, or the answer of a checkpoint"),
        (("trace", "--item", "1"), "--run and --item go together"),
        (("trace", "--run", "code 12", "--item", "1"), "is in more, sums: name one with --suite"),
        (("trace", "--run", "code 12", "--item", "9"), "code 12 has no answer 0 to an item '9' of any suite"),
        (("trace", "a", "--mix", "defautl"), 'did you mean "default"?'),
    ],
)
def test_what_cannot_be_answered_says_what_to_do(made: TrainedLake, words: tuple[str, ...], why: str) -> None:
    assert why in refused(made, *words)
