"""What a checkpoint read, against a walk over every token of its plan."""

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gristmill.core.errors import UsageError
from gristmill.tasks.lineage import seen as module
from gristmill.tasks.lineage.reads import find_documents
from gristmill.tasks.lineage.seen import SCHEMA, Seen, documents_of, summarise
from gristmill.tasks.lineage.sightings import documents_of_url, seen_among, sightings
from gristmill.tasks.lineage.trained import TrainedCheckpoint, all_trained
from gristmill.tasks.mix.token_store import Part, TokenStore
from tests.helpers.trained_lake import BATCH, HELDOUT, ROW, STEPS, TrainedLake, make_trained_lake


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TrainedLake:
    return make_trained_lake(tmp_path_factory.mktemp("trained") / "lake")


def walked(trained: TrainedCheckpoint, made: TrainedLake) -> tuple[Counter[str], dict[str, int]]:
    """Tokens read of each document, and the step that read it first, token by token."""
    owners = {
        domain: [
            identity.tobytes().hex()
            for part in parts
            for start, end, identity in zip([0, *part.ends.tolist()], part.ends.tolist(), part.doc_ids, strict=False)
            for _ in range(start, end)
        ]
        for (domain, split), parts in made.store.parts.items()
        if split == "train"
    }
    tokens: Counter[str] = Counter()
    first: dict[str, int] = {}
    plan = made.plans[trained.mixture]
    rows = plan.rows(trained.first_row, trained.end_row)
    for row, (domain, position) in enumerate(zip(rows.domain.tolist(), rows.position.tolist(), strict=True)):
        for doc_id in owners[plan.domains[domain].name][position * ROW : (position + 1) * ROW]:
            tokens[doc_id] += 1
            first.setdefault(doc_id, row // BATCH + 1)
    return tokens, first


def read_all(trained: TrainedCheckpoint, made: TrainedLake, out: Path) -> tuple[Seen, pl.DataFrame]:
    seen = summarise(trained, made.lake, 3, out)
    return seen, pl.read_parquet(out)


@pytest.mark.parametrize("blocks", [(1 << 16, 1 << 16), (7, 1 << 16), (1 << 16, 3)])
def test_the_documents_of_a_checkpoint_are_those_a_walk_meets(
    made: TrainedLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: tuple[int, int]
) -> None:
    monkeypatch.setattr(module, "BLOCK_DOCUMENTS", blocks[0])
    monkeypatch.setattr(module, "BLOCK_ROWS", blocks[1])
    for number, trained in enumerate(all_trained(made.lake)):
        tokens, first = walked(trained, made)
        seen, rows = read_all(trained, made, tmp_path / f"{number}.parquet")
        assert dict(rows.select("doc_id", "tokens_read").iter_rows()) == dict(tokens)
        assert dict(rows.select("doc_id", "first_step").iter_rows()) == first
        assert seen.whole.tokens_read == trained.end_row * ROW
        assert seen.whole.documents == sum(total.documents for total in seen.domains.values()) == len(tokens)
        assert sum(total.tokens_read for total in seen.sources.values()) == seen.whole.tokens_read
        assert rows.schema == SCHEMA
        for row in rows.head(20).iter_rows(named=True):
            known = made.documents[row["doc_id"]]
            assert {name: row[name] for name in ("source", "url", "record_uri", "domain")} == {
                name: known[name] for name in ("source", "url", "record_uri", "domain")
            }
        assert seen.documents["epochs"].to_list() == rows["epochs"].sort(descending=True).head(3).to_list()
    assert documents_of(trained, made.lake) == sum(seen.held.values()) < len(made.documents)


def test_a_document_is_read_by_the_checkpoints_that_the_walk_says(made: TrainedLake) -> None:
    wanted = sorted(made.documents)[:12]
    found = sightings(wanted, made.lake)
    assert len(found) == len(wanted) * 2 * len(STEPS)
    for trained in all_trained(made.lake):
        tokens, first = walked(trained, made)
        mine = {entry.doc_id: entry for entry in found if entry.checkpoint == trained.digest}
        assert {name: entry.tokens_read for name, entry in mine.items()} == {name: tokens[name] for name in wanted}
        assert {name: entry.first_step for name, entry in mine.items()} == {name: first.get(name) for name in wanted}
        assert seen_among(trained, set(made.documents), made.lake) == set(tokens)


def test_held_out_documents_are_found_and_never_read(made: TrainedLake) -> None:
    places = find_documents(made.store, made.documents)
    assert {place.doc_id for place in places} == set(made.documents)
    heldout = [place.doc_id for place in places if place.split == "heldout"]
    assert 0 < len(heldout) < 3 * HELDOUT * len(made.documents)
    found = sightings(heldout, made.lake)
    assert {(entry.split, entry.tokens_read, entry.first_step, entry.epochs) for entry in found} == {
        ("heldout", 0, None, 0.0)
    }


def test_a_page_is_found_by_any_spelling_of_its_address(made: TrainedLake) -> None:
    doc_id = next(row["doc_id"] for row in made.documents.values() if row["url"].endswith("/s1/7"))
    for url in ("http://pages.example/s1/7", "https://Pages.example:443/s1/7/?utm_source=a", "pages.example/s1/7"):
        assert documents_of_url(url, made.lake) == [doc_id]
    with pytest.raises(UsageError, match="no document of this page was trained on"):
        documents_of_url("http://pages.example/absent", made.lake)
    with pytest.raises(UsageError, match="not an address"):
        documents_of_url("?", made.lake)


def test_unknown_documents_are_refused(made: TrainedLake) -> None:
    with pytest.raises(UsageError, match="no mix that a checkpoint"):
        sightings(["0" * 32], made.lake)
    with pytest.raises(UsageError, match="not a doc_id"):
        sightings(["mill"], made.lake)


def test_nothing_stays_behind_where_documents_cannot_be_written(made: TrainedLake, tmp_path: Path) -> None:
    (tmp_path / "read").mkdir()
    with pytest.raises(OSError, match="read"):
        summarise(all_trained(made.lake)[0], made.lake, 3, tmp_path / "read")
    assert [path.name for path in tmp_path.iterdir()] == ["read"]


def test_without_the_curated_file_only_identity_and_domain_are_known(tmp_path: Path) -> None:
    made = make_trained_lake(tmp_path / "lake")
    for path in (made.lake.root / "data" / "tables" / "curated" / "s1").iterdir():
        path.unlink()
    seen, rows = read_all(all_trained(made.lake)[-1], made, tmp_path / "all.parquet")
    assert seen.unknown == rows["url"].null_count() > 0
    assert rows["doc_id"].null_count() == rows["domain"].null_count() == 0


def test_documents_whose_id_ends_in_zeros_are_found() -> None:
    names = ["00" * 16, "00" * 15 + "01", "ab" + "00" * 15, "ab" * 15 + "00", "ab" * 16, "ff" * 16]
    identities = np.frombuffer(bytes.fromhex("".join(names)), dtype="V16")
    part = Part(Path(), np.zeros(12, np.uint16), np.arange(2, 14, 2).astype("u8"), identities, 0, "")
    store = TokenStore("t", 0, 9, np.dtype("<u2"), {("web", "train"): (part, part)})
    found = find_documents(store, [*names[::2], "ab" + "00" * 14 + "01"])
    assert [(place.doc_id, place.start, place.stop) for place in found] == [
        (names[number], base + 2 * number, base + 2 * number + 2) for base in (0, 12) for number in (0, 2, 4)
    ]
