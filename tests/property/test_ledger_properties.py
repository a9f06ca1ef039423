"""Law 1 for any signals and any policy: every document has one fate, and the funnel adds up."""

import math
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.core.table import conform
from gristmill.schemas.tables import Curated, Documents, Records, SetAside, Verdicts
from gristmill.tasks.filtering.decide import DecideConfig, decide, kept_by
from gristmill.tasks.filtering.policy import Condition, Policy
from gristmill.tasks.filtering.signal_columns import signal_column, signal_names
from gristmill.tasks.ledger.funnel import LedgerFiles, funnel, summary
from tests.helpers.ledger_rows import all_kept, documents_of, signals_of, store, table_of

LANGUAGES = ["en", "de", "zh", "fr"]


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule that the policy accepts, on any signal."""
    signal = draw(st.sampled_from(signal_names()))
    kind = signal_column(signal).type
    if pa.types.is_boolean(kind):
        return {"signal": signal, "equals": draw(st.booleans())}
    if pa.types.is_string(kind):
        return {"signal": signal, "one_of": draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=3))}
    least = draw(st.floats(0.01, 0.5))
    bounds: dict[str, Any] = {"min": least, "max": draw(st.floats(least, 0.99))}
    dropped = draw(st.sampled_from(["min", "max", ""]))
    return {"signal": signal, **{name: value for name, value in bounds.items() if name != dropped}}


def values(signal: str) -> st.SearchStrategy[Any]:
    """Values of a signal that lie on both sides of what :func:`rules` demands."""
    kind = signal_column(signal).type
    if pa.types.is_boolean(kind):
        return st.booleans()
    if pa.types.is_string(kind):
        return st.sampled_from(LANGUAGES)
    return st.integers(0, 2) if pa.types.is_integer(kind) else st.floats(0, 1) | st.just(math.nan)


def fails(rule: Condition, value: Any) -> bool:
    """What a rule means, in plain Python."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    if rule.equals is not None:
        return bool(value != rule.equals)
    if rule.one_of is not None:
        return value not in rule.one_of
    return (rule.min is not None and value < rule.min) or (rule.max is not None and value > rule.max)


def first_judge(policy: Policy, values: dict[str, Any]) -> Policy:
    """What a switch means, in plain Python."""
    for case in policy.switch:
        if not fails(case, values[case.signal]):
            return first_judge(case.policy, values)
    return policy


@st.composite
def policies(draw: st.DrawFn, depth: int = 2, name: str = "any") -> dict[str, Any]:
    """A policy that may switch to others, and they to others again."""
    drawn = draw(st.lists(rules(), min_size=1, max_size=4))
    policy: dict[str, Any] = {
        "name": name,
        "lineage": "any@test",
        "quality": "gopher_quality.words",
        "rules": [{"name": f"rule{number}", **rule} for number, rule in enumerate(drawn)],
    }
    if depth:
        cases = draw(st.lists(rules(), max_size=2))
        inner = [draw(policies(depth - 1, f"{name}.{number}")) for number in range(len(cases))]
        policy["switch"] = [{**case, "policy": chosen} for case, chosen in zip(cases, inner, strict=True)]
    return policy


@settings(max_examples=25, deadline=None)
@given(policies(), st.integers(0, 8), st.data())
def test_every_document_has_one_fate(drawn: dict[str, Any], count: int, data: st.DataObject) -> None:
    policy = Policy.parse(drawn, "test")
    documents = documents_of({str(number): f"text {number}" for number in range(count)})
    columns = {
        signal: data.draw(st.lists(values(signal), min_size=count, max_size=count), label=signal)
        for signal in policy.signals()
    }
    present = data.draw(st.lists(st.booleans(), min_size=count, max_size=count), label="has signals")
    signals = {
        name: table.filter(pa.array(present, pa.bool_())) for name, table in signals_of(documents, columns).items()
    }
    verdicts = conform(Verdicts, decide.function(documents, signals, DecideConfig(policy=policy)))

    by_document: dict[str, list[dict[str, Any]]] = {doc_id: [] for doc_id in documents["doc_id"].to_pylist()}
    for row in verdicts.to_pylist():
        by_document[row["doc_id"]].append(row)
    kept = 0
    for place, rows in enumerate(by_document.values()):
        found = {signal: column[place] if present[place] else None for signal, column in columns.items()}
        judge = first_judge(policy, found)
        (branch,) = (branch for branch in policy.branches() if branch.policy.name == judge.name)
        expected: list[tuple[int, str | None]] = [
            (rank, name) for rank, name, rule in branch.ranked() if fails(rule, found[rule.signal])
        ]
        kept += not expected
        assert [(row["rank"], row["rule"]) for row in rows] == (expected or [(0, None)])
        assert [row["kept"] for row in rows] == [not expected] * len(rows)

    survivors = kept_by(verdicts, "decide", documents)
    assert survivors.num_rows == kept
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        curated = table_of(Curated, survivors.select(["doc_id", "source"]).to_pylist())
        found = summary(
            funnel(
                LedgerFiles(
                    records=[
                        store(folder, Records, table_of(Records, documents.select(["doc_id", "source"]).to_pylist()))
                    ],
                    documents=[store(folder, Documents, documents)],
                    set_aside=[store(folder, SetAside, table_of(SetAside, []))],
                    verdicts=[
                        store(folder / "1", Verdicts, verdicts),
                        store(folder / "2", Verdicts, all_kept(survivors, "deduplicate")),
                        store(folder / "3", Verdicts, all_kept(survivors, "clean")),
                        store(folder / "4", Verdicts, all_kept(survivors, "review")),
                    ],
                    curated=[store(folder, Curated, curated)],
                )
            )
        )
    assert (found["records"], found["kept"], found["rejected"]) == (count, kept, count - kept)
