"""The warehouse says what the lake says, is built from nothing else, and lets SQL do nothing but read."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from gristmill.core.errors import DamageError, GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.schemas.tables import TABLES
from gristmill.warehouse.build import publish as publishing
from gristmill.warehouse.build.load import FlowRun
from gristmill.warehouse.build.publish import publish, rebuild
from gristmill.warehouse.build.tables import WITH_FILE, loaded_columns, loaded_tables
from gristmill.warehouse.connection import Warehouse
from tests.helpers.small_lake import CHINESE, SmallLake, build_small_lake, commit


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    small = build_small_lake(tmp_path_factory.mktemp("small") / "lake")
    publish(small.lake)
    return small


@pytest.fixture(scope="module")
def warehouse(small: SmallLake) -> Warehouse:
    return Warehouse.open(small.lake.root)


def test_a_lake_may_have_a_name_that_looks_like_a_pattern(tmp_path: Path) -> None:
    small = build_small_lake(tmp_path / "lake [1] *")
    publish(small.lake)
    assert Warehouse.open(small.lake.root).query("SELECT DISTINCT shard FROM curated ORDER BY shard") == [
        {"shard": "s-one"},
        {"shard": "s-two"},
        {"shard": "s-zh"},
    ]


LOSS = {"run": "one", "step": 1, "tokens": 10, "loss": 1.5, "learning_rate": 0.1}


def tiny_lake(root: Path, run: str = "one") -> Lake:
    lake = Lake.open(root)
    commit(lake, "training", "tiny", {"losses": {"all": [{**LOSS, "run": run}]}})
    return lake


def another_run(lake: Lake, name: str) -> None:
    """One more run in the log, and nothing else."""
    began = datetime(2026, 11, 22, 12, tzinfo=UTC)
    run = FlowRun(run_id=name, flow="curate", name=name, status="succeeded", started_at=began, finished_at=began)
    path = lake.log_path("runs", f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(run.model_dump_json())


def everything(warehouse: Warehouse) -> dict[str, list[str]]:
    """The rows of every table and view but the one that says when it was built."""
    names = "SELECT table_name FROM information_schema.tables WHERE table_name <> 'build' ORDER BY table_name"
    tables = [row["table_name"] for row in warehouse.query(names)]
    return {name: sorted(map(repr, warehouse.query(f"SELECT * FROM {name}"))) for name in tables}  # noqa: S608


def test_every_column_is_typed_as_the_contract_types_it(warehouse: Warehouse) -> None:
    plain = duckdb.connect()
    for table in loaded_tables():
        plain.register("contract", table.schema.empty_table())
        kinds = {name: kind for name, kind, *_ in plain.execute("DESCRIBE contract").fetchall()}
        expected = [(name, kinds[name], table.schema.field(name).nullable) for name in loaded_columns(table)]
        expected.append(("shard", "VARCHAR", False))
        if table.name in WITH_FILE:
            expected.append(("file", "VARCHAR", False))
        rows = warehouse.query(
            "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE table_name = ? ORDER BY column_index",
            [table.sql_name],
        )
        assert [(row["column_name"], row["data_type"], row["is_nullable"]) for row in rows] == expected


def test_rows_are_those_of_the_lake_and_text_stays_there(small: SmallLake, warehouse: Warehouse) -> None:
    for kind in ("curation", "mix", "training", "evaluation", "gates"):
        for dataset in small.lake.datasets(kind):
            for refs in dataset.tables.values():
                for ref in refs:
                    stored = warehouse.query(
                        "SELECT rows FROM dataset_files WHERE file = ?",
                        [small.lake.path(ref).relative_to(small.lake.root).as_posix()],
                    )
                    assert stored == [{"rows": ref.rows}]
    assert warehouse.query("SELECT count(*) AS n FROM documents") == [{"n": 57}]
    assert "text" not in warehouse.query("SELECT * FROM documents LIMIT 1")[0]
    row = warehouse.query("SELECT file, shard FROM documents WHERE doc_id = ?", [small.chinese])[0]
    assert warehouse.document_text(row["file"], small.chinese) == CHINESE
    assert row["shard"] == "s-zh"


def test_text_is_read_from_the_data_folder_only(small: SmallLake, warehouse: Warehouse) -> None:
    assert warehouse.document_text("../checkpoint-outside/config.json", "x") is None
    assert warehouse.document_text("lake.json", "x") is None
    assert warehouse.document_text("data/tables/documents/s-zh/gone.parquet", "x") is None


def test_one_fate_for_every_record(warehouse: Warehouse) -> None:
    fates = {row["fate"]: row["n"] for row in warehouse.query("SELECT fate, count(*) AS n FROM fates GROUP BY fate")}
    assert fates == {"kept": 39, "rejected": 15, "duplicate": 3, "set_aside": 4, "damage": 1}
    stages = warehouse.query("SELECT * FROM funnel_stages WHERE source = 'handbook' ORDER BY position")
    assert [(row["stage"], row["records_in"], row["kept"], row["rejected"]) for row in stages] == [
        ("ingest", 59, 56, 3),
        ("extract", 56, 55, 1),
        ("decide", 55, 41, 14),
        ("deduplicate", 41, 38, 3),
        ("clean", 38, 38, 0),
        ("review", 38, 38, 0),
        ("curate", 38, 38, 0),
    ]
    assert stages[0]["damage"] == 1


def test_a_record_counts_under_the_first_rule_it_failed(small: SmallLake, warehouse: Warehouse) -> None:
    rules = {
        row["rule"]: (row["rejected_first"], row["rejected_any"])
        for row in warehouse.query("SELECT * FROM funnel_rules WHERE source = 'handbook' AND stage = 'decide'")
    }
    assert rules == {"min_words": (11, 11), "bullets": (3, 3), "punctuation": (0, 6)}
    fate = warehouse.query("SELECT rule, failed_rules, threshold FROM fates WHERE doc_id = ?", [small.rejected])
    assert fate == [{"rule": "min_words", "failed_rules": 2, "threshold": ">= 50"}]


def test_a_lost_record_shows_as_a_difference(tmp_path: Path) -> None:
    small = build_small_lake(tmp_path / "lake")
    rows = small.lake.dataset("curation", "news-zh")
    assert rows is not None
    left = rows.model_copy(update={"tables": {name: refs for name, refs in rows.tables.items() if name != "curated"}})
    small.lake.commit(left)
    publish(small.lake)
    wrong = Warehouse.open(small.lake.root).query("SELECT source, stage FROM funnel WHERE NOT adds_up")
    assert wrong == [{"source": "news-zh", "stage": "curate"}]


def test_best_checkpoint_follows_the_direction_of_the_metric(warehouse: Warehouse) -> None:
    best = warehouse.query("SELECT suite, subset, label, value FROM best_checkpoint")
    assert {row["label"] for row in best} == {"doremi 300"}
    scores = warehouse.query("SELECT min(value) AS low FROM scores WHERE suite = 'heldout' AND subset = 'code'")
    assert [row["value"] for row in best if row["subset"] == "code"] == [scores[0]["low"]]
    ranking = warehouse.query("SELECT label, mean_rank FROM checkpoint_ranking LIMIT 1")
    assert ranking == [{"label": "doremi 300", "mean_rank": 1.0}]


def test_nothing_is_built_when_nothing_changed(tmp_path: Path) -> None:
    lake = tiny_lake(tmp_path / "lake")
    first = publish(lake)
    again = publish(lake)
    assert first.built
    assert not again.built
    assert again.version == first.version
    assert again.path == first.path
    commit(lake, "training", "other", {"losses": {"all": []}})
    assert publish(lake).built
    lake.log_path("runs", "r.json").write_text("{}")
    published = publish(lake)
    assert published.built
    assert published.unreadable == ["log/runs/r.json"]


def test_a_rebuild_from_nothing_answers_the_same(tmp_path: Path) -> None:
    small = build_small_lake(tmp_path / "lake")
    publish(small.lake)
    warehouse = Warehouse.open(small.lake.root)
    before = everything(warehouse)
    for path in (small.lake.root / "warehouse").iterdir():
        path.unlink()
    assert not warehouse.published
    published = rebuild(small.lake)
    assert everything(warehouse) == before
    assert warehouse.version == published.version
    assert len(before) > 30


def test_where_only_the_log_has_changed_the_data_is_taken_over(tmp_path: Path) -> None:
    small = build_small_lake(tmp_path / "lake")
    publish(small.lake)
    warehouse = Warehouse.open(small.lake.root)
    before = everything(warehouse)
    another_run(small.lake, "later")
    curation = small.lake.dataset("curation", "handbook")
    assert curation is not None
    data = small.lake.path(curation.tables["documents"][0])
    away = data.rename(tmp_path / "away.parquet")  # so that reading it again would fail
    published = publish(small.lake)
    assert published.built
    after = everything(warehouse)
    assert {name for name in after if after[name] != before[name]} == {"flow_runs", "latest_runs"}
    assert len(after["flow_runs"]) == len(before["flow_runs"]) + 1
    assert warehouse.version == published.version
    assert not publish(small.lake).built
    away.rename(data)
    rebuild(small.lake)
    assert everything(warehouse) == after


def test_another_version_of_gristmill_takes_no_data_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = tiny_lake(tmp_path / "lake")
    publish(lake)
    training = lake.dataset("training", "tiny")
    assert training is not None
    lake.path(training.tables["losses"][0]).unlink()
    another_run(lake, "later")
    monkeypatch.setattr(publishing, "installed_version", {"gristmill": "99.0"}.__getitem__)
    with pytest.raises(GristmillError, match=r"of the lake is missing.* table losses of"):
        publish(lake)


def test_taking_data_over_again_and_again_does_not_grow_the_file(tmp_path: Path) -> None:
    small = build_small_lake(tmp_path / "lake")
    first = publish(small.lake).path.stat().st_size
    for number in range(15):
        another_run(small.lake, f"run-{number}")
        last = publish(small.lake).path.stat().st_size
    assert last < 1.3 * first


def test_changed_sql_or_data_is_no_change_of_the_log_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = tiny_lake(tmp_path / "lake")
    publish(lake)
    warehouse = Warehouse.open(lake.root)
    commit(lake, "training", "other", {"losses": {"all": [{**LOSS, "run": "two"}]}})
    another_run(lake, "later")
    publish(lake)
    assert warehouse.query("SELECT run FROM losses ORDER BY run") == [{"run": "one"}, {"run": "two"}]
    views = tmp_path / "views"
    views.mkdir()
    (views / "010_only.sql").write_text("CREATE VIEW only_this AS SELECT 1 AS one;\n")
    monkeypatch.setattr(publishing, "VIEWS", views)
    another_run(lake, "last")
    publish(lake)
    assert warehouse.query("SELECT one FROM only_this") == [{"one": 1}]


def test_a_file_named_twice_is_loaded_once_and_from_its_owner_only(tmp_path: Path) -> None:
    small = build_small_lake(tmp_path / "lake")
    curation = small.lake.dataset("curation", "handbook")
    assert curation is not None
    inputs = {"curated": curation.tables["curated"], "documents": curation.tables["documents"]}
    small.lake.commit(curation.model_copy(update={"kind": "mix", "name": "reads-curated", "tables": inputs}))
    training = small.lake.dataset("training", "small")
    assert training is not None
    small.lake.commit(training.model_copy(update={"name": "the-same-again"}))
    rows = publish(small.lake).rows
    assert (rows["documents"], rows["curated"], rows["checkpoints"]) == (57, 39, 6)


def test_old_versions_stay_for_the_grace_period(tmp_path: Path) -> None:
    lake = tiny_lake(tmp_path / "lake")
    folder = lake.root / "warehouse"
    for _ in range(4):
        rebuild(lake, keep=2, grace_seconds=3600)
    files = sorted(folder.glob("warehouse-*.duckdb"))
    assert len(files) == 4
    old = time.time() - 7200
    for path in files:
        os.utime(path, (old, old))
    rebuild(lake, keep=2, grace_seconds=3600)
    kept = sorted(path.name[10:16] for path in folder.glob("warehouse-*.duckdb"))
    assert kept == ["000004", "000005"]


def test_a_missing_file_stops_the_build_and_leaves_the_current_version(tmp_path: Path) -> None:
    lake = tiny_lake(tmp_path / "lake")
    before = publish(lake)
    commit(lake, "training", "broken", {"runs": {"all": []}})
    dataset = lake.dataset("training", "broken")
    assert dataset is not None
    lake.path(dataset.tables["runs"][0]).unlink()
    with pytest.raises(
        GristmillError, match=r"of the lake is missing.*table runs of shard .*`gristmill train --lake .* mix broken"
    ):
        publish(lake)
    warehouse = Warehouse.open(lake.root)
    assert warehouse.version == before.version
    assert warehouse.query("SELECT run FROM losses") == [{"run": "one"}]


def test_nothing_is_published_from_a_damaged_file(tmp_path: Path) -> None:
    lake = tiny_lake(tmp_path / "lake")
    before = publish(lake)
    dataset = lake.expect("training", "tiny")
    path = lake.path(dataset.tables["losses"][0])
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamageError, match="table losses of shard"):
        rebuild(lake)
    assert Warehouse.open(lake.root).version == before.version


def test_a_damaged_warehouse_is_told_and_built_anew(tmp_path: Path) -> None:
    """Wherever a bit flips or the file ends, a reader is told; publishing does without what it cannot read."""
    lake = tiny_lake(tmp_path / "lake")
    whole = publish(lake).path.read_bytes()
    harms = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in (1, 20, 4100, 8200, 12300)]
    for number, data in enumerate([*harms, whole[:100], whole[: len(whole) // 8], b""]):
        path = Path(os.path.realpath(Warehouse.open(lake.root).pointer))
        path.unlink()  # DuckDB keeps one instance for each file in a process, and this is another file
        path = path.with_name(f"warehouse-{number + 100:06d}-{'0' * 12}.duckdb")
        path.write_bytes(data)
        link = lake.root / "warehouse" / "CURRENT"
        link.unlink()
        link.symlink_to(path.name)
        with pytest.raises(DamageError, match=r"`gristmill warehouse rebuild --lake .*` *, which rebuilds it"):
            Warehouse.open(lake.root).ask("SELECT * FROM losses")
        assert publish(lake).built
        assert Warehouse.open(lake.root).query("SELECT run FROM losses") == [{"run": "one"}]


def test_what_a_dead_builder_left_is_removed(tmp_path: Path) -> None:
    lake = tiny_lake(tmp_path / "lake")
    publish(lake)
    folder = lake.root / "warehouse"
    (folder / "warehouse-000009-000000000000.duckdb.tmp").write_bytes(b"half")
    (folder / "warehouse-000009-000000000000.duckdb.tmp.wal").write_bytes(b"half")
    (folder / "warehouse-000009-000000000000.duckdb.spill.tmp").mkdir()
    (folder / "CURRENT.tmp").symlink_to("nowhere")
    rebuild(lake)
    assert not list(folder.glob("*.tmp*"))
    assert Warehouse.open(lake.root).query("SELECT run FROM losses") == [{"run": "one"}]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"001_a.sql": "", "003_c.sql": ""}, "without gaps"),
        ({"001_a.sql": "", "001_b.sql": ""}, "without gaps"),
        ({}, "without gaps"),
        ({"first.sql": ""}, "three digits"),
    ],
)
def test_migrations_are_numbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], message: str
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name, sql in files.items():
        (folder / name).write_text(sql)
    monkeypatch.setattr(publishing, "MIGRATIONS", folder)
    with pytest.raises(GristmillError, match=message):
        publish(tiny_lake(tmp_path / "lake"))


def test_a_published_migration_is_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = tiny_lake(tmp_path / "lake")
    publish(lake)
    folder = tmp_path / "migrations"
    folder.mkdir()
    for path in publishing.MIGRATIONS.glob("*.sql"):
        (folder / path.name).write_text(path.read_text() + "-- a later thought\n")
    monkeypatch.setattr(publishing, "MIGRATIONS", folder)
    with pytest.raises(GristmillError, match=r"001_provenance was changed.*warehouse rebuild"):
        publish(lake)
    assert rebuild(lake).built
    number = len(list(folder.glob("*.sql"))) + 1
    (folder / f"{number:03}_more.sql").write_text("CREATE TABLE more (x INTEGER);\n")
    assert publish(lake).built
    assert Warehouse.open(lake.root).query("SELECT count(*) AS n FROM migrations") == [{"n": number}]


def test_an_open_reader_sees_the_next_version(tmp_path: Path) -> None:
    lake = tiny_lake(tmp_path / "lake")
    reader = Warehouse.open(lake.root)
    assert reader.query("SELECT 1") == []
    assert reader.version is None
    publish(lake)
    assert reader.query("SELECT run FROM losses") == [{"run": "one"}]
    tiny_lake(lake.root, "two")
    publish(lake)
    assert reader.query("SELECT run FROM losses") == [{"run": "two"}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd.csv'",
        "SELECT * FROM glob('/etc/*')",
        "COPY losses TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.duckdb'",
        "EXPORT DATABASE '{folder}/out'",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "INSTALL httpfs",
        "CREATE TABLE mine (x INTEGER)",
        "DELETE FROM losses",
        "SELECT * FROM secret",
        "SELECT nonsense FROM losses",
    ],
)
def test_sql_reads_the_warehouse_and_nothing_else(warehouse: Warehouse, tmp_path: Path, sql: str) -> None:
    secret = pa.table({"x": [1]})  # a local variable that DuckDB would otherwise find by its name
    assert secret.num_rows == 1
    with pytest.raises(UsageError, match="cannot answer"):
        warehouse.ask(sql.format(folder=tmp_path))
    assert not list(tmp_path.iterdir())


def test_one_statement_at_a_time(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match="one statement at a time"):
        warehouse.ask("SELECT 1; SELECT 2")


@pytest.mark.parametrize("sql", ["", " \n", ";", "-- what was kept?"])
def test_an_empty_question_is_a_usage_error(warehouse: Warehouse, sql: str) -> None:
    with pytest.raises(UsageError, match="no SQL here"):
        warehouse.ask(sql)


def test_a_persons_question_is_answered(warehouse: Warehouse, tmp_path: Path) -> None:
    answer = warehouse.ask("SELECT step, loss FROM losses ORDER BY step", limit=5)
    assert answer.column_names == ["step", "loss"]
    assert answer.num_rows == 5
    assert "funnel" in warehouse.ask("SHOW TABLES", limit=100).column("name").to_pylist()
    assert warehouse.ask("DESCRIBE losses", limit=2).num_rows == 2
    assert warehouse.ask("SELECT range FROM range(1000000000000)", limit=3).num_rows == 3
    started = warehouse.query("SELECT started_at FROM flow_runs LIMIT 1")[0]["started_at"]
    assert started.utcoffset().total_seconds() == 0
    assert json.loads(warehouse.query("SELECT counts FROM flow_runs WHERE flow = 'mix'")[0]["counts"]) == {
        "mixtures": 2
    }
    with pytest.raises(UsageError, match="gristmill demo"):
        Warehouse.open(tmp_path).ask("SELECT 1")


def test_columns_carry_the_contracts_description(warehouse: Warehouse) -> None:
    about = warehouse.query("SELECT comment FROM duckdb_columns() WHERE table_name = 'scores' AND column_name = 'low'")
    assert about == [{"comment": TABLES["scores"].columns["low"].about}]


def test_what_is_no_lake_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        Warehouse.open(tmp_path / "missing")
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"no lake\.json"):
        Warehouse.open(tmp_path)
