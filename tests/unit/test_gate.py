"""Gates: Great Expectations over Parquet through DuckDB, told in rows and in words."""

from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import GateError, UsageError
from schemas.lake import Lake
from schemas.tables import GateResults, Redacted
from tasks.gate import GATES, Expectation, ExpectationSuite, GateConfig, check, failures, load_suite, raise_on_failure


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


def test_what_holds_and_what_does_not(paths: list[Path]) -> None:
    config = suite(
        expect("ExpectColumnValuesToNotBeNull", "doc_id"),
        expect("ExpectColumnValuesToBeBetween", "redactions", min_value=0, max_value=10),
        expect("ExpectColumnValuesToBeBetween", "redactions", "warning", min_value=1),
        expect(
            "UnexpectedRowsExpectation", "text", unexpected_rows_query="select * from {batch} where redactions > 50"
        ),
        expect("ExpectTableRowCountToBeBetween", min_value=1, max_value=4),
    )
    results = check({Redacted: paths}, config)
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


def test_a_failure_is_told_with_its_shard_and_an_example(paths: list[Path]) -> None:
    config = suite(expect("ExpectColumnValuesToBeBetween", "redactions", min_value=0, max_value=10))
    with pytest.raises(GateError) as error:
        raise_on_failure(check({Redacted: paths}, config))
    told = str(error.value)
    for words in ("gate made stopped the run", "1 of 4 rows", "in shards bad", "for example", "bad1", "made.yaml"):
        assert words in told


def test_warnings_stop_nothing(paths: list[Path]) -> None:
    config = suite(expect("ExpectColumnValuesToBeBetween", "redactions", "warning", max_value=1))
    raise_on_failure(check({Redacted: paths}, config))


def test_an_expectation_that_cannot_be_checked_is_a_failure_not_a_crash(paths: list[Path]) -> None:
    rows = check({Redacted: paths}, suite(expect("ExpectColumnValuesToNotBeNull", "no_such_column"))).to_pylist()
    assert not rows[0]["ok"]
    assert "no_such_column" in rows[0]["observed"]


def test_wrong_words_in_a_suite_are_refused(paths: list[Path]) -> None:
    with pytest.raises(UsageError, match="did you mean"):
        check({Redacted: paths}, suite(expect("ExpectColumnValuesToNotBeNul", "doc_id")))
    elsewhere = Expectation(table="redactd", type="ExpectColumnValuesToNotBeNull", column="doc_id")
    with pytest.raises(UsageError, match="does not cross it"):
        check({Redacted: paths}, suite(elsewhere))
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


@pytest.mark.parametrize("name", sorted(GATES))
def test_a_crawl_without_a_single_page_is_said_and_stops_only_what_needs_rows(name: str, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path)
    empty = {
        table: [lake.path(lake.write_table(table, "shard", "key", table.schema.empty_table()))]
        for table in GATES[name].reads
    }

    results = check(empty, GateConfig(suite=load_suite(name), source="web"))

    assert results.num_rows == len(load_suite(name).expectations)
    said = [row["severity"] for row in results.to_pylist() if not row["ok"]]
    assert said == {"documents": ["warning"], "curated": ["warning"], "scores": ["critical"]}.get(name, [])
    assert len(failures(results)) == said.count("critical")
