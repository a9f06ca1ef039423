"""Gates: Great Expectations suites run over DuckDB queries on the Parquet files that crossed an arrow of the pipeline.

A suite is a YAML file in ``schemas/expectations``. Its result is a table of the lake like any other: one row per
expectation, cached by the digests of the files and of the suite, so an unchanged crossing is not checked twice. The
flow decides what to do about a failure (:func:`failures` says which rows stop a run). Great Expectations costs 3 to 9
seconds and 300 MB to import; it is imported here, for the first expectation that plain counts do not show to hold
(``gristmill.tasks.gates.counts``), and nowhere else. Cost of a check: see there; one or two column scans by DuckDB for
each expectation that does not hold, out of core.
"""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.core.config import did_you_mean
from gristmill.core.errors import GateError, UsageError
from gristmill.core.steps.kinds import global_step
from gristmill.core.steps.step import Step
from gristmill.core.table import Table
from gristmill.schemas.tables import SIGNALS, Curated, Documents, GateResults, Samples, Scores
from gristmill.tasks.gates.counts import ROW_COUNT, ROWS, Countable, count_breaking
from gristmill.tasks.gates.suites import Expectation, GateConfig

EXAMPLES = 5
DIALECT = "duckdb+lake:///:memory:"

# GX keeps its context and its data sources in module state, so one gate of a process runs at a time.
_gx = threading.Lock()


def check(tables: Mapping[str, list[Path]], config: GateConfig, scratch: Path) -> pa.Table:
    """Run a suite over Parquet files, by table name: a row of :data:`GateResults` for each expectation.

    A table without files, an optional one that was left out, gives no rows.

    ``scratch``: a folder for what does not fit into memory.

    Raises :class:`UsageError` for an expectation on a table that does not cross this gate, or of an unknown type.
    """
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys(expectation.table for expectation in config.suite.expectations):
        if name not in tables:
            raise UsageError(
                f"gate {config.suite.name}: table {name!r} does not cross it" + did_you_mean(name, [*tables])
            )
        if not tables[name]:
            continue  # an optional table that this run left out
        wanted = [expectation for expectation in config.suite.expectations if expectation.table == name]
        count = sum(pq.read_metadata(path).num_rows for path in tables[name])
        for expectation, result in zip(wanted, _results(tables[name], wanted, count, scratch), strict=True):
            rows.append(_row(config, expectation, result, count))
    return pa.Table.from_pylist(rows, schema=GateResults.schema)


def failures(results: pa.Table) -> list[dict[str, Any]]:
    """The rows that stop a run: failed and critical."""
    rows: list[dict[str, Any]] = results.to_pylist()
    return [row for row in rows if not row["ok"] and row["severity"] == "critical"]


def raise_on_failure(results: pa.Table) -> None:
    """Raises :class:`GateError` that names each failed expectation, its shards and example rows."""
    failed = failures(results)
    if not failed:
        return
    lines = [f"gate {failed[0]['gate']} stopped the run; nothing after it was published."]
    for row in failed:
        place = f" on column {row['column']}" if row["column"] else ""
        lines.append(
            f"  {row['expectation']}{place} ({row['source']}): {row['unexpected_rows']} of {row['checked_rows']} rows, "
            f"found {row['observed']}, in shards {', '.join(row['shards']) or '(none named)'}"
        )
        lines.extend(
            f"    for example {json.dumps(example, ensure_ascii=False)}" for example in json.loads(row["examples"])
        )
    lines.append(
        "Look at these rows (gristmill why, or the Gates page). Fix the input or the step, or change the suite in "
        f"schemas/expectations/{failed[0]['gate']}.yaml if the rows are right; then run the same command again."
    )
    raise GateError("\n".join(lines))


def _gate(name: str, *reads: Table) -> Step[GateConfig]:
    """The gate step of a suite over these tables."""

    def run(tables: Mapping[str, list[Path]], config: GateConfig, scratch: Path) -> pa.Table:
        return check(tables, config, scratch)

    run.__doc__ = f"Great Expectations suite {name} over {', '.join(table.name for table in reads)}."
    return global_step(f"gate-{name}", version=3, reads=(reads,), writes=(GateResults,), texts=True)(run)


GATES: dict[str, Step[GateConfig]] = {
    "documents": _gate("documents", Documents),
    "signals": _gate("signals", *SIGNALS),
    "curated": _gate("curated", Curated),
    "scores": _gate("scores", Scores, Samples),
}


def _results(paths: list[Path], wanted: list[Expectation], count: int, scratch: Path) -> list[dict[str, Any]]:
    """The result of each expectation of one table, in order: by counts where it holds, else by Great Expectations."""
    breaking = count_breaking(
        [Countable(entry.type, entry.column, entry.arguments) for entry in wanted],
        _query(paths),
        pq.read_schema(paths[0]),
        scratch,
    )
    held = {position: _held(wanted[position], count) for position, broken in enumerate(breaking) if broken == 0}
    left = [position for position in range(len(wanted)) if position not in held]
    validated = _validate(paths, [wanted[position] for position in left]) if left else []
    return [result for _, result in sorted({**held, **dict(zip(left, validated, strict=True))}.items())]


def _held(expectation: Expectation, count: int) -> dict[str, Any]:
    """The result of an expectation that no row breaks, in GX's JSON form."""
    if expectation.type == ROWS:
        return {"success": True, "result": {"observed_value": 0}}
    if expectation.type == ROW_COUNT:
        return {"success": True, "result": {"observed_value": count}}
    found = {"element_count": count, "unexpected_count": 0, "partial_unexpected_list": []}
    return {"success": True, "result": found}


def _validate(paths: list[Path], wanted: list[Expectation]) -> list[dict[str, Any]]:
    """Run the expectations of one table; results in the order of ``wanted``, in GX's JSON form."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with _gx:
        import great_expectations as gx
        from great_expectations import expectations
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )
        from sqlalchemy.dialects import registry

        registry.register("duckdb.lake", "gristmill.tasks.gates.dialect", "LakeDialect")
        # No temporary Data Docs folder (they fetch from CDNs; results are rows of the lake) and no progress bars.
        stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
        context = gx.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(
                store_backend_defaults=stores, progress_bars=ProgressBarsConfig(globally=False), analytics_enabled=False
            ),
        )
        source = context.data_sources.add_sql("lake", connection_string=DIALECT, create_temp_table=False)
        batch = source.add_query_asset("rows", query=_query(paths)).add_batch_definition_whole_table("all")
        results: list[dict[str, Any]] = []
        # Queries for rows name examples in the format COMPLETE only (GX itself stops at 200 of them); there the other
        # kinds would list every unexpected value, so they run apart.
        for level in ("SUMMARY", "COMPLETE"):
            chosen = [(n, entry) for n, entry in enumerate(wanted) if (entry.type == ROWS) == (level == "COMPLETE")]
            if not chosen:
                continue
            suite = gx.ExpectationSuite(name=level, expectations=[_build(expectations, e, n) for n, e in chosen])
            context.suites.add(suite)
            definition = gx.ValidationDefinition(name=level, data=batch, suite=suite)
            outcome = context.validation_definitions.add(definition).run(
                result_format={
                    "result_format": level,
                    "unexpected_index_column_names": ["shard", _key_column(paths)],
                    "partial_unexpected_count": 20,
                }
            )
            results += [result.to_json_dict() for result in outcome.results]
        source.get_execution_engine().engine.dispose()
    return sorted(results, key=lambda result: int(result["expectation_config"]["meta"]["order"]))


def _query(paths: list[Path]) -> str:
    """All rows of the files, with the shard each comes from in place of the machine's path."""
    files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    rows = f"read_parquet([{files}], filename = true)"
    return f"select * exclude (filename), split_part(filename, '/', -2) as shard from {rows}"  # noqa: S608 - quoted above


def _key_column(paths: list[Path]) -> str:
    """The first column: what names a row to a person."""
    return str(pq.read_schema(paths[0]).names[0])


def _build(expectations: Any, entry: Expectation, order: int) -> Any:
    """The Great Expectations object for ``entry``. Raises :class:`UsageError` for an unknown type."""
    kind = getattr(expectations, entry.type, None)
    if not (isinstance(kind, type) and issubclass(kind, expectations.Expectation)):
        known = [name for name in dir(expectations) if name.endswith("Expectation") or name.startswith("Expect")]
        raise UsageError(f"{entry.type}: Great Expectations has no such expectation" + did_you_mean(entry.type, known))
    model: Any = kind
    column = {"column": entry.column} if entry.column and "column" in model.__fields__ else {}
    return model(**column, **entry.arguments, severity=entry.severity, meta={"order": order})


def _row(config: GateConfig, expectation: Expectation, result: dict[str, Any], count: int) -> dict[str, Any]:
    """One row of gate results from GX's JSON form, with only what does not depend on the machine.

    ``count``: rows of the table, all of which an expectation looks at unless it says otherwise.
    """
    found = result.get("result") or {}
    details = found.get("details") or {}
    examples = details.get("unexpected_rows") or found.get("partial_unexpected_index_list") or []
    raised = _raised(result.get("exception_info") or {})
    observed = raised or found.get("observed_value", found.get("partial_unexpected_list", ""))
    unexpected = found.get("unexpected_count", observed if expectation.type == ROWS and not raised else len(examples))
    none_at_all = unexpected is None  # GX sums the unexpected rows, and the sum over a table without rows is null
    return {
        "gate": config.suite.name,
        "source": config.source,
        "expectation": expectation.label,
        "column": _place(expectation),
        "severity": expectation.severity,
        "ok": bool(result["success"]),
        "observed": _short(observed),
        "checked_rows": int(found.get("element_count", count)),
        "unexpected_rows": 0 if none_at_all else int(unexpected),
        "shards": sorted({str(example["shard"]) for example in examples if example.get("shard")}),
        "examples": json.dumps([_clip(example) for example in examples[:EXAMPLES]], ensure_ascii=False, sort_keys=True),
    }


def _place(expectation: Expectation) -> str:
    """The column, as a policy names a signal (``language.language_score``) where many tables have one of its name."""
    if not expectation.column:
        return f"({expectation.table})"
    signals = "signals/"
    prefix = expectation.table.removeprefix(signals) + "." if expectation.table.startswith(signals) else ""
    return prefix + expectation.column


def _raised(info: dict[str, Any]) -> str | None:
    """What went wrong while an expectation was checked: GX reports it flat, or once for each metric that failed."""
    told = [info, *(entry for entry in info.values() if isinstance(entry, dict))]
    return next((str(entry["exception_message"]) for entry in told if entry.get("exception_message")), None)


def _short(value: object, limit: int = 200) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _clip(example: dict[str, Any]) -> dict[str, Any]:
    return {key: _short(value, 120) if isinstance(value, str) else value for key, value in example.items()}
