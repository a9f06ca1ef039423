"""Hints that people can copy: commands with their lake, and where the text is that the warehouse does not hold."""

import re
import shlex
from pathlib import Path

import duckdb
import pytest

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake
from gristmill.flows.checks import curated_refs
from gristmill.flows.cli.data.whatif import curations
from gristmill.flows.evaluate.entries import trained
from gristmill.flows.upkeep.current import renew_current
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.compare import find_side
from gristmill.warehouse.queries.why import why
from tests.helpers.small_lake import SmallLake, build_small_lake


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    small = build_small_lake(tmp_path_factory.mktemp("hints") / "it's a lake")
    publish(small.lake)
    return small


@pytest.mark.parametrize("name", ["lake", "a lake", "湖", "it's"])
def test_a_command_names_its_lake(name: str) -> None:
    assert shlex.split(on_lake("gristmill demo", Path("/data") / name))[-2:] == ["--lake", f"/data/{name}"]


def test_all_advice_of_an_empty_lake_names_it(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "my lake").root
    warehouse = Warehouse.open(root)
    hints = [warehouse.empty_hint, why(warehouse, "https://example.org/").hint or ""]
    with pytest.raises(UsageError) as refused:
        warehouse.ask("SELECT 1")
    hints.append(str(refused.value))
    with pytest.raises(UsageError) as refused:
        find_side(warehouse, "a")
    hints.append(str(refused.value))
    for hint in hints:
        commands = re.findall(r"`(gristmill [^`]*)`", hint)
        assert len(commands) == 3
        for command in commands:
            assert shlex.split(command)[-2:] == ["--lake", str(root)], command


@pytest.mark.parametrize(
    "sql",
    [
        "select text from curated",
        'SELECT c."text" FROM curated c',
        "select documents.text from documents",
        "select url from documents where text like '%x%'",
    ],
)
def test_who_asks_for_text_is_told_where_it_lies(small: SmallLake, sql: str) -> None:
    with pytest.raises(UsageError) as refused:
        Warehouse.open(small.lake.root).ask(sql)
    told = str(refused.value)
    assert "gristmill why URL --lake" in told
    found = re.search(r"select text from read_parquet\('.*'\)", told)
    assert found is not None
    assert duckdb.sql(found[0]).fetchall(), "the query of the hint gives nothing"


def test_the_files_of_the_current_run_are_named_where_there_is_a_view_of_them(small: SmallLake) -> None:
    warehouse = Warehouse.open(small.lake.root)
    renew_current(small.lake)
    with pytest.raises(UsageError) as refused:
        warehouse.ask("select text from curated")
    found = re.search(r"select text from read_parquet\('.*/current/curated/\*/\*\.parquet'\)", str(refused.value))
    assert found is not None
    assert len(duckdb.sql(found[0]).fetchall()) == warehouse.query("select count(*) as n from curated")[0]["n"]


def test_who_asks_for_a_table_of_steps_is_told_where_it_lies(small: SmallLake) -> None:
    with pytest.raises(UsageError, match=re.escape("/data/tables/bands/*/*.parquet")):
        Warehouse.open(small.lake.root).ask("select * from bands")


def test_who_reads_a_file_is_told_how(small: SmallLake) -> None:
    with pytest.raises(UsageError) as refused:
        Warehouse.open(small.lake.root).ask("select * from read_parquet('/tmp/x.parquet')")
    found = re.search(r"ATTACH '(.*)' AS lake", str(refused.value))
    assert found is not None
    with duckdb.connect() as connection:
        connection.execute(found[0] + " (READ_ONLY)")
        assert connection.execute("select count(*) from lake.fates").fetchone()


@pytest.mark.parametrize(
    "sql", ["select txt from curated", "select text_hsh from curated", "select * from no", "selec"]
)
def test_other_mistakes_get_no_such_hint(small: SmallLake, sql: str) -> None:
    with pytest.raises(UsageError) as refused:
        Warehouse.open(small.lake.root).ask(sql)
    assert "Parquet" not in str(refused.value)


def test_what_needs_an_earlier_verb_names_the_lake_for_it(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "my lake")
    for ask in (
        lambda: curated_refs((), lake),
        lambda: curated_refs(("news",), lake),
        lambda: trained(lake, "it's"),
        lambda: curations(lake, None),
    ):
        with pytest.raises(UsageError) as refused:
            ask()
        command = re.search(r"gristmill (?:curate|train).*--lake '[^']*'", str(refused.value))
        assert command is not None, str(refused.value)
        assert shlex.split(command[0])[-2:] == ["--lake", str(lake.root)]
