"""A takedown reaches everything that a lake holds of a page, survives a kill anywhere, and keeps the page away."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.audit import Act, AuditLog
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.flows.takedown.certificate import broken_seal, certificates
from gristmill.flows.takedown.journal import unfinished
from gristmill.flows.takedown.proof.needles import Finder, address_needle, value_needles
from gristmill.flows.takedown.proof.search import search
from gristmill.flows.takedown.request import Request, request_of
from gristmill.flows.takedown.run import Told, preview, take_down
from gristmill.flows.upkeep.lock import shared
from gristmill.flows.upkeep.verify import verify
from gristmill.schemas.tables import Curated, Documents, Records, Redactions, SetAside, Verdicts
from gristmill.tasks.lineage.seen import summarise
from gristmill.tasks.lineage.trained import all_trained
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.training.stale import stale_by
from tests.helpers.curated_lake import curate, page, write_pages
from tests.helpers.taken_lake import GONE, PLANTED, TakenLake, make_taken_lake

URL = f"https://pages.example/{GONE}/?utm_source=x"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("taken")
    make_taken_lake(root)
    return root


@pytest.fixture
def made(template: Path, tmp_path: Path) -> TakenLake:
    shutil.copytree(template, tmp_path / "copy", symlinks=True)
    return TakenLake(Lake.open(tmp_path / "copy" / "lake"), tmp_path / "copy" / "in")


def asked(url: str = URL, **others: bool) -> Request:
    return request_of([url], [], [], None, duplicates=others.get("duplicates", False))


def matching(folder: Path, *values: str) -> Request:
    path = folder / "values.txt"
    path.write_text("".join(f" {value} \n\n" for value in values), encoding="utf-8")
    return request_of([], [], [], path, duplicates=False)


def data(lake: Lake) -> dict[str, bytes]:
    """Every file that a lake's data consists of."""
    parts = [path for part in ("data", "catalog") for path in (lake.root / part).rglob("*") if path.is_file()]
    return {path.relative_to(lake.root).as_posix(): path.read_bytes() for path in parts}


def test_a_value_is_nowhere_after_it_was_everywhere(made: TakenLake, tmp_path: Path) -> None:
    lake, store = made.lake, made.lake.root
    finder = Finder([*value_needles(PLANTED, 1), address_needle(URL, 1) or value_needles("", 1)[0]])
    before = search(store, finder)
    parts = {hit.path.split("/")[0] for hit in before.remaining}
    assert {hit.path.split("/")[2] for hit in before.remaining if hit.path.startswith("data/files")} == {
        "heldout",
        "tokens",
    }
    assert parts == {"crawls", "damaged", "data", "downloads", "log", "prefect", "responses", "warehouse"}
    linked = tmp_path / "export.tok"
    tokens = next(Path(store, hit.path) for hit in before.hits if hit.path.endswith(".tok"))
    os.link(tokens, linked)

    (certificate,) = take_down(matching(tmp_path, PLANTED), lake, Told(), reason="asked by her", name="Ann")

    assert certificate["clean"], certificate["search"]
    after = search(store, finder)
    assert not after.remaining
    assert {hit.path for hit in after.hits} == {"crawls/c/c.warc.gz"}, "the link on another page is a mention"
    assert linked.read_bytes() == tokens.read_bytes(), "a linked export lost them too"
    assert not verify(lake, move=False).damaged
    assert PLANTED not in json.dumps(certificate, ensure_ascii=False)
    (line,) = AuditLog.of_lake(lake.root).lines()
    assert (line.what, line.who, line.about["takedown"]) == (Act.TAKEDOWN, "Ann", certificate["id"])
    assert len(list((store / "warehouse").glob("*.duckdb"))) == 1
    assert len(made.curated()) == 14


def test_the_ledger_adds_up_and_only_global_steps_run_again(made: TakenLake) -> None:
    lake = made.lake
    before = made.curation
    take_down(asked(), lake, Told())
    dataset = made.curation
    assert dataset.counts["kept"] == before.counts["kept"] - 1
    assert dataset.counts["records"] == before.counts["records"]
    ingest = dataset.counts["stages"][0]
    assert (ingest["stage"], ingest["rejected"]) == ("ingest", {"takedown": 1})
    rows = [row for ref in dataset.tables[SetAside.name] for row in lake.read(ref).to_pylist()]
    assert [(row["reason"], row["url"], row["detail"]) for row in rows] == [("takedown", None, "")]
    with duckdb.connect(os.path.realpath(lake.root / "warehouse" / "CURRENT"), read_only=True) as warehouse:
        assert warehouse.execute("SELECT bool_and(adds_up) FROM funnel WHERE rule IS NULL").fetchall() == [(True,)]
        stale = warehouse.execute("SELECT kind, label, documents FROM stale ORDER BY kind").fetchall()
    assert [entry[:2] for entry in stale] == [
        ("checkpoint", "even 5"),
        ("evaluation", "even 5 on gsm8k"),
        ("mix", "default"),
        ("mixture", "even"),
    ]
    manifests = set((lake.root / "data" / "manifests").rglob("*.json"))
    again, _ = curate(lake, made.inputs)
    new = set((lake.root / "data" / "manifests").rglob("*.json")) - manifests
    made_again = {path.parent.parent.name for path in new}
    assert made_again <= {"copies", "pairs", "clusters", "dedup-verdicts"}, "a page's own steps were cached"
    assert again.tables[Curated.name] == dataset.tables[Curated.name], "and give the same bytes"
    assert again.counts["stages"] == dataset.counts["stages"]


def test_redacted_text_is_in_clear_nowhere_below_curated(made: TakenLake) -> None:
    """What redaction replaced stands in the records and documents and nowhere else: not in tokens, not in the
    warehouse and its earlier versions, not in what a model answered."""
    lake, tables = made.lake, made.lake.root / "data" / "tables"
    spans = [row for ref in made.curation.tables[Redactions.name] for row in lake.read(ref).to_pylist()]
    refs = made.curation.tables[Documents.name]
    texts = {row["doc_id"]: row["text"] for ref in refs for row in lake.read(ref, ["doc_id", "text"]).to_pylist()}
    values = {row["kind"]: texts[row["doc_id"]][row["start"] : row["end"]] for row in spans}
    assert len(values) >= 5, values
    finder = Finder([needle for number, value in enumerate(values.values()) for needle in value_needles(value, number)])
    above = {tables / Records.name, tables / Documents.name}
    assert {hit.path.split("/")[0] for hit in search(lake.root, finder).hits} == {"data"}
    found = search(lake.root, finder, above)
    assert not found.hits
    assert {"tokens", "duckdb", "parquet", "sqlite"} <= found.read.keys()


def test_the_page_does_not_come_back(made: TakenLake, tmp_path: Path) -> None:
    take_down(asked(), made.lake, Told())
    again = page("another crawl") | {"url": f"http://PAGES.example:80/{GONE}#top"}
    write_pages(tmp_path / "next" / "c.jsonl", [again, page("new one")])
    dataset, _ = curate(made.lake, tmp_path / "next", "next")
    assert dataset.counts["stages"][0]["rejected"] == {"takedown": 1}
    assert dataset.counts["kept"] == 1
    words = str(page("another crawl")["text"]).splitlines()[6]
    assert not search(made.lake.root, Finder(value_needles(words, 1))).hits


def test_a_checkpoint_still_tells_what_it_read(made: TakenLake) -> None:
    (trained,) = all_trained(made.lake)
    before = summarise(trained, made.lake, 50, None)
    take_down(asked(), made.lake, Told())
    (trained,) = all_trained(made.lake)
    after = summarise(trained, made.lake, 50, None)
    assert after.whole == before.whole
    (entry,) = stale_by(Warehouse.open(made.lake.root), "checkpoint", trained.digest)
    assert entry.documents == 1
    assert stale_by(Warehouse.open(made.lake.root), "checkpoint", "f" * 32) == []
    assert after.unknown == before.unknown + 1, "only the page that went has no address"
    (mix,) = made.lake.datasets("mix")
    store = TokenStore.open([made.lake.files_path(ref) for ref in mix.files["tokens"]])
    blank = [part for parts in store.parts.values() for part in parts if np.any(np.diff(part.ends) > 9)]
    assert blank


class KillError(BaseException):
    """The process dies here."""


def test_killed_after_many_steps_it_ends_as_if_it_had_not_been(template: Path, made: TakenLake) -> None:
    """Each attempt dies at a later thing that it does, so that it dies in every part."""
    shutil.copytree(template, template.parent / "whole", symlinks=True)
    whole = Lake.open(template.parent / "whole" / "lake")
    steps: list[str] = []
    take_down(asked(), whole, Told(done=steps.append))
    deaths: list[str] = []
    request: Request | None = asked()
    for most in range(len(steps)):
        left = iter(range(most))

        def done(what: str, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                deaths.append(what)
                raise KillError

        try:
            take_down(request, made.lake, Told(done=done))
            break
        except KillError:
            assert unfinished(made.lake), deaths[-1]
            request = None
            with pytest.raises(GristmillError, match="--resume"), shared(made.lake):
                pass
    assert len(deaths) > 8
    (entry,) = certificates(made.lake)
    assert entry["clean"]
    assert not unfinished(made.lake)
    assert not verify(made.lake, move=False).damaged
    expected = whole.expect("curation", "pages")
    assert made.curation.counts == expected.counts
    assert digests(made.curation) == digests(expected)


def digests(dataset: Dataset) -> set[str]:
    return {ref.digest for refs in dataset.tables.values() for ref in refs}


def test_a_lake_of_a_version_with_other_stages_is_taken_down_too(made: TakenLake) -> None:
    dataset = made.curation
    stages = [stage for stage in dataset.counts["stages"] if stage["stage"] != "review"]
    for ref in dataset.tables[Verdicts.name]:
        rows = made.lake.read(ref)
        if "review" in rows["stage"].to_pylist():
            made.lake.path(ref).unlink()
    kept = tuple(ref for ref in dataset.tables[Verdicts.name] if made.lake.path(ref).is_file())
    earlier = {"counts": dataset.counts | {"stages": stages}, "tables": dataset.tables | {Verdicts.name: kept}}
    made.lake.commit(dataset.model_copy(update=earlier))
    (certificate,) = take_down(asked(), made.lake, Told())
    assert certificate["clean"]
    assert made.curation.counts["stages"] == stages


def test_hosts_below_and_documents_and_duplicates(made: TakenLake, tmp_path: Path) -> None:
    copy = page("a5") | {"id": "copy", "url": "http://mirror.test/copied"}
    write_pages(tmp_path / "in" / "m.jsonl", [copy, page("one", host="deep.mirror.test"), page("two", host="mir.test")])
    curate(made.lake, tmp_path / "in", "mirror")
    found, _ = preview(asked("http://pages.example/a5"), made.lake, Told())
    assert (len(found.documents), len(found.exact)) == (1, 1)
    everything, _ = preview(asked("http://pages.example/a5", duplicates=True), made.lake, Told())
    assert {known.url for known in everything.documents.values()} == {copy["url"], "http://pages.example/a5"}
    (certificate,) = take_down(request_of([], ["*.MIRROR.test."], [], None, duplicates=False), made.lake, Told())
    assert certificate["found"]["documents"] == 2
    assert certificate["request"]["hosts"] == ["mirror.test"]
    (doc_id,) = found.documents
    (second,) = take_down(request_of([], [], [doc_id], None, duplicates=False), made.lake, Told())
    assert second["clean"]
    assert second["previous"] == certificate["seal"]
    assert not broken_seal(certificates(made.lake))
    assert "http://pages.example/a5" not in made.curated()
    path = made.lake.root / "takedowns" / f"{certificate['id']}.json"
    path.write_text(json.dumps(certificate | {"by": "somebody else"}))
    assert broken_seal(certificates(made.lake)) == certificate["id"]


def test_what_cannot_be_done_says_what_to_do(made: TakenLake, tmp_path: Path) -> None:
    content = data(made.lake)
    with pytest.raises(UsageError, match=r'did you mean "pages\.example"'):
        take_down(request_of([], ["pages.exampel"], [], None, duplicates=False), made.lake, Told())
    with pytest.raises(UsageError, match="leave out"):
        take_down(matching(tmp_path, PLANTED), made.lake, Told(), reason=f"about {PLANTED}")
    with shared(made.lake), pytest.raises(GristmillError, match="in use"):
        take_down(asked(), made.lake, Told())
    with pytest.raises(UsageError, match="shorter than 4"):
        matching(tmp_path, "abc")
    with pytest.raises(UsageError, match="every host below"):
        request_of([], ["com"], [], None, duplicates=False)
    with pytest.raises(UsageError, match="32 hexadecimal"):
        request_of([], [], ["x"], None, duplicates=False)
    assert data(made.lake) == content
