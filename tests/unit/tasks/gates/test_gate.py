"""Gates: Great Expectations over Parquet through DuckDB, told in rows and in words."""

import math
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import GateError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.table import Column, Table
from gristmill.schemas.tables import TABLES, GateResults, Redacted
from gristmill.tasks.gates.counts import Countable, count_breaking
from gristmill.tasks.gates.gate import GATES, check, failures, raise_on_failure
from gristmill.tasks.gates.suites import ROUNDING, Expectation, ExpectationSuite, GateConfig, load_suite


def suite(*expectations: Expectation) -> GateConfig:
    return GateConfig(suite=ExpectationSuite(name="made", about="a test", expectations=expectations), source="web")


def expect(kind: str, column: str = "", severity: str = "critical", **arguments: object) -> Expectation:
    values = {"table": "redacted", "type": kind, "column": column, "severity": severity, "arguments": arguments}
    return Expectation.model_validate(values)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Two shards; the second holds a row with more redactions than it should."""
    lake = Lake.open(tmp_path / "a lake's folder")
    shards = {"good": [0, 1], "bad": [2, 99]}
    refs = [
        lake.write_table(
            Redacted,
            shard,
            "key",
            pa.table(
                {
                    "doc_id": [f"{shard}{n}".ljust(32, "0") for n in range(2)],
                    "text": ["谷物 <b>", "x"],
                    "redactions": counts,
                    "lines_removed": [0, 0],
                }
            ),
        )
        for shard, counts in shards.items()
    ]
    return [lake.path(ref) for ref in refs]


def test_what_holds_and_what_does_not(paths: list[Path], tmp_path: Path) -> None:
    config = suite(
        expect("ExpectColumnValuesToNotBeNull", "doc_id"),
        expect("ExpectColumnValuesToBeBetween", "redactions", min_value=0, max_value=10),
        expect("ExpectColumnValuesToBeBetween", "redactions", "warning", min_value=1),
        expect(
            "UnexpectedRowsExpectation", "text", unexpected_rows_query="select * from {batch} where redactions > 50"
        ),
        expect("ExpectTableRowCountToBeBetween", min_value=1, max_value=4),
    )
    results = check({Redacted.name: paths}, config, tmp_path)
    assert results.schema.equals(GateResults.schema)
    rows = results.to_pylist()
    assert [row["ok"] for row in rows] == [True, False, False, False, True]
    between = rows[1]
    assert (between["unexpected_rows"], between["checked_rows"], between["shards"]) == (1, 4, ["bad"])
    assert "bad1" in between["examples"]
    assert rows[3]["shards"] == ["bad"]
    assert [row["expectation"] for row in failures(results)] == [
        "ExpectColumnValuesToBeBetween",
        "UnexpectedRowsExpectation",
    ]
    assert not any(str(paths[0].parent) in str(row) for row in rows), "no path of the machine enters the data"


def test_a_failure_is_told_with_its_shard_and_an_example(paths: list[Path], tmp_path: Path) -> None:
    config = suite(expect("ExpectColumnValuesToBeBetween", "redactions", min_value=0, max_value=10))
    with pytest.raises(GateError) as error:
        raise_on_failure(check({Redacted.name: paths}, config, tmp_path))
    told = str(error.value)
    for words in ("gate made stopped the run", "1 of 4 rows", "in shards bad", "for example", "bad1", "made.yaml"):
        assert words in told


def test_warnings_stop_nothing(paths: list[Path], tmp_path: Path) -> None:
    config = suite(expect("ExpectColumnValuesToBeBetween", "redactions", "warning", max_value=1))
    raise_on_failure(check({Redacted.name: paths}, config, tmp_path))


def test_an_expectation_that_cannot_be_checked_is_a_failure_not_a_crash(paths: list[Path], tmp_path: Path) -> None:
    rows = check(
        {Redacted.name: paths}, suite(expect("ExpectColumnValuesToNotBeNull", "no_such_column")), tmp_path
    ).to_pylist()
    assert not rows[0]["ok"]
    assert "no_such_column" in rows[0]["observed"]


def test_wrong_words_in_a_suite_are_refused(paths: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean"):
        check({Redacted.name: paths}, suite(expect("ExpectColumnValuesToNotBeNul", "doc_id")), tmp_path)
    elsewhere = Expectation(table="redactd", type="ExpectColumnValuesToNotBeNull", column="doc_id")
    with pytest.raises(UsageError, match="does not cross it"):
        check({Redacted.name: paths}, suite(elsewhere), tmp_path)
    with pytest.raises(UsageError, match="did you mean"):
        load_suite("curatd")


@pytest.mark.parametrize("name", sorted(GATES))
def test_every_suite_speaks_of_columns_that_its_tables_have(name: str) -> None:
    reads = {table.name: table for table in GATES[name].reads}
    found = load_suite(name)
    assert found.name == name
    for expectation in found.expectations:
        assert expectation.table in reads
        if expectation.column:
            assert expectation.column in reads[expectation.table].schema.names


def test_a_signal_is_held_to_its_bounds_without_an_entry_in_the_suite() -> None:
    expected = {(entry.table, entry.column): entry for entry in load_suite("signals").expectations}
    for signals in (name for name in TABLES if name.startswith("signals/")):
        assert expected[signals, "doc_id"].type == "ExpectColumnValuesToNotBeNull"
    assert expected["signals/chinese", "han_ratio"].arguments == {"min_value": 0, "max_value": 1 + ROUNDING}
    assert ("signals/chinese", "words") not in expected  # a count has no upper bound
    assert {entry.table for entry in load_suite("curated").expectations} <= {
        table.name for table in GATES["curated"].reads
    }


@pytest.mark.parametrize("name", sorted(GATES))
def test_a_crawl_without_a_single_page_is_said_and_stops_only_what_needs_rows(name: str, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path)
    empty = {
        table.name: [lake.path(lake.write_table(table, "shard", "key", table.schema.empty_table()))]
        for table in GATES[name].reads
    }

    results = check(empty, GateConfig(suite=load_suite(name), source="web"), tmp_path)

    assert results.num_rows == len(load_suite(name).expectations)
    said = [row["severity"] for row in results.to_pylist() if not row["ok"]]
    assert said == {"documents": ["warning"], "curated": ["warning"], "scores": ["critical"]}.get(name, [])
    assert len(failures(results)) == said.count("critical")


FACTS = pa.table(
    {
        "key": ["a", "b", "c", "d"],
        "whole": pa.array([1, 2, None, 4], pa.int64()),
        "share": pa.array([0.0, math.nan, None, 1.0], pa.float64()),
        "word": ["prose", "code", None, "it's"],
        "again": ["one", "one", None, None],
        "seen": [True, False, None, True],
        "moment": pa.array([0, 1, 2, None], pa.timestamp("us", "UTC")),
    }
)


@pytest.mark.parametrize(
    "rows", [FACTS, FACTS.slice(0, 1), FACTS.slice(2, 1), FACTS.slice(0, 0)], ids=["all", "one", "nulls", "none"]
)
def test_counts_say_what_great_expectations_says(
    rows: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shard" / "rows.parquet"
    path.parent.mkdir()
    pq.write_table(rows, path)
    columns = {field.name: Column(field.type, "", nullable=field.nullable) for field in rows.schema}
    facts = Table("redacted", ("key",), columns, "a test")
    config = suite(
        *(expect("ExpectColumnValuesToNotBeNull", column) for column in FACTS.schema.names),
        *(expect("ExpectColumnValuesToBeUnique", column) for column in FACTS.schema.names),
        *(
            expect("ExpectColumnValuesToBeBetween", column, **bounds)
            for column in ("whole", "share", "word", "seen", "moment")
            for bounds in ({"min_value": 0}, {"max_value": 4}, {"min_value": 0, "max_value": 1.0001}, {"min_value": 2})
        ),
        expect("ExpectColumnValuesToBeBetween", "whole", min_value=0, strict_min=True),
        expect("ExpectColumnValuesToBeInSet", "word", value_set=["prose", "code", "it's"]),
        expect("ExpectColumnValuesToBeInSet", "word", value_set=["prose"]),
        expect("ExpectColumnValuesToBeInSet", "whole", value_set=[1, 2, 4]),
        expect("ExpectColumnValueLengthsToEqual", "key", value=1),
        expect("ExpectColumnValueLengthsToEqual", "word", value=4),
        expect("ExpectColumnValuesToNotBeNull", "word", mostly=0.5),
        expect("ExpectTableRowCountToBeBetween", min_value=1),
        expect("ExpectTableRowCountToBeBetween", max_value=1),
        expect("UnexpectedRowsExpectation", unexpected_rows_query="select shard, key from {batch} where whole > 3;"),
        expect("UnexpectedRowsExpectation", unexpected_rows_query="select key from {batch} where word ~ 'z{{2}}'"),
        expect("ExpectColumnMaxToBeBetween", "whole", max_value=4),
    )
    # Great Expectations decides what rows break and what cannot be counted, so only what holds can differ. Where one
    # expectation raises, such as a bound of a word, it measures all the others again, three times.
    wanted = [Countable(entry.type, entry.column, entry.arguments) for entry in config.suite.expectations]
    query = f"select *, 'shard' as shard from '{path}'"  # noqa: S608
    counts = count_breaking(wanted, query, rows.schema, tmp_path)
    found = list(zip(config.suite.expectations, counts, strict=True))
    assert {entry.column for entry, broken in found if broken is None} >= {"word", "seen", "moment"}
    holding = [entry for entry, broken in found if broken == 0]
    assert holding

    counted = check({facts.name: [path]}, suite(*holding), tmp_path).to_pylist()
    monkeypatch.setattr("gristmill.tasks.gates.gate.count_breaking", lambda wanted, *_: [None] * len(wanted))

    assert counted == check({facts.name: [path]}, suite(*holding), tmp_path).to_pylist()


@pytest.mark.parametrize("name", sorted(GATES))
def test_all_that_our_suites_expect_can_be_counted(name: str, tmp_path: Path) -> None:
    suite_of = load_suite(name)
    for table in GATES[name].reads:
        path = tmp_path / table.name / "rows.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(table.schema.empty_table(), path)
        wanted = [
            Countable(entry.type, entry.column, entry.arguments)
            for entry in suite_of.expectations
            if entry.table == table.name
        ]
        query = f"select *, 'shard' as shard from '{path}'"  # noqa: S608
        assert None not in count_breaking(wanted, query, table.schema, tmp_path), table.name


def test_a_gate_that_holds_does_without_great_expectations(paths: list[Path], tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from gristmill.schemas.tables import Redacted\n"
        "from gristmill.tasks.gates.gate import check\n"
        "from gristmill.tasks.gates.suites import ROUNDING, Expectation, ExpectationSuite, GateConfig\n"
        "kind = dict(table='redacted', type='ExpectColumnValuesToNotBeNull', column='doc_id')\n"
        "suite = ExpectationSuite(name='made', about='', expectations=(Expectation(**kind),))\n"
        "paths = [pathlib.Path(path) for path in sys.argv[2:]]\n"
        "found = check({Redacted.name: paths}, GateConfig(suite=suite, source='web'), pathlib.Path(sys.argv[1]))\n"
        "assert found.column('ok').to_pylist() == [True]\n"
        "print(*sorted({'great_expectations', 'sqlalchemy', 'altair', 'scipy'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), *map(str, paths)], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []
