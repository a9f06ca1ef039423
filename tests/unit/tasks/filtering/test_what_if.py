"""What-if: the same numbers as deciding again with the other policy, and examples that can be checked."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.errors import DamageError, GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.core.table import conform, empty
from gristmill.schemas.tables import SIGNALS, Documents, SignalsRefinedWeb, Verdicts
from gristmill.tasks.filtering.decide import DecideConfig, decide
from gristmill.tasks.filtering.policy import Policy, Rule, load_policy
from gristmill.tasks.filtering.what_if import WhatIf, what_if
from tests.helpers.ledger_rows import documents_of, signals_of

SHARDS, SIZE = 3, 120
KEY = "0" * 16


def policy_of(name: str, *, words: int = 50, score: float = 0.6, **more: Any) -> Policy:
    """A policy of three rules."""
    rules = [
        {"name": "length", "signal": "gopher_quality.words", "min": words},
        {"name": "score", "signal": "language.language_score", "min": score},
        {"name": "lorem", "signal": "c4.lorem_ipsum", "equals": False},
    ]
    given = {"name": name, "lineage": "test", "quality": "gopher_quality.words", "rules": rules}
    return Policy.parse({**given, **more}, "test")


BEFORE = policy_of("before")


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Dataset]:
    """A lake with a curation of random signals, decided by BEFORE; optional signals were left out."""
    lake = Lake.open(tmp_path_factory.mktemp("whatif") / "lake")
    refs: dict[str, list[Ref]] = {}
    for number in range(SHARDS):
        source = random.Random(number)
        documents = documents_of({f"{number}-{place}": "text" for place in range(SIZE)})
        values: dict[str, list[Any]] = {
            "gopher_quality.words": [source.choice([10, 40, 60, 90]) for _ in range(SIZE)],
            "language.language": [source.choice(["en", "de", "zh"]) for _ in range(SIZE)],
            "language.language_score": [source.random() for _ in range(SIZE)],
            "domain.domain": [source.choice(["prose", "code"]) for _ in range(SIZE)],
            "c4.lorem_ipsum": [source.random() < 0.1 for _ in range(SIZE)],
            "c4.sentences": [source.randrange(9) for _ in range(SIZE)],
        }
        signals = signals_of(documents, values)
        written = [(Documents, documents), *((table, signals[table.name]) for table in SIGNALS if not table.optional)]
        written.append((Verdicts, decide.function(documents, signals, DecideConfig(policy=BEFORE))))
        for table, found in written:
            refs.setdefault(table.name, []).append(lake.write_table(table, f"{number:03}", KEY, found))
    dataset = Dataset(
        kind="curation",
        name="corpus",
        config={"policy": BEFORE.model_dump(mode="json")},
        counts={"kept": 7},
        tables={name: tuple(found) for name, found in refs.items()},
    )
    lake.commit(dataset)
    return lake, dataset


def decided(lake: Lake, dataset: Dataset, policy: Policy) -> list[dict[str, Any]]:
    """The ledger that deciding again with ``policy`` gives."""
    rows: list[dict[str, Any]] = []
    for ref in dataset.tables[Documents.name]:
        tables = {
            table.name: next(
                (lake.read(r) for r in dataset.tables.get(table.name, ()) if r.shard == ref.shard), empty(table)
            )
            for table in SIGNALS
        }
        verdicts = decide.function(lake.read(ref), tables, DecideConfig(policy=policy))
        rows += conform(Verdicts, verdicts).to_pylist()
    return rows


def counts(rows: list[dict[str, Any]]) -> tuple[int, dict[str, int], dict[str, int]]:
    """Documents kept, by the first rule that failed, and by any."""
    first: dict[str, str] = {}
    for row in rows:
        if not row["kept"]:
            first.setdefault(row["doc_id"], row["rule"])
    kept = sum(row["kept"] for row in rows)
    return kept, Counter(first.values()), Counter(row["rule"] for row in rows if not row["kept"])


INNER = {
    "name": "inner",
    "lineage": "test",
    "quality": "gopher_quality.words",
    "rules": [{"name": "length", "signal": "c4.sentences", "min": 4}],
}
OTHERS = {
    "looser": policy_of("looser", words=20, score=0.3),
    "stricter": policy_of("stricter", words=80),
    "another rule": policy_of("another", rules=[{"name": "sentences", "signal": "c4.sentences", "min": 5}]),
    "switching": policy_of(
        "switching", switch=[{"signal": "language.language", "equals": "zh", "policy": INNER}], words=80
    ),
    "the same": BEFORE,
}


@pytest.mark.parametrize("policy", OTHERS.values(), ids=OTHERS)
def test_it_gives_what_deciding_again_gives(curated: tuple[Lake, Dataset], policy: Policy) -> None:
    lake, dataset = curated
    answer = what_if(lake, dataset, policy)
    rules = {rule.rule: rule for rule in answer.rules}
    for side, ledger in (("before", decided(lake, dataset, BEFORE)), ("after", decided(lake, dataset, policy))):
        kept, first, whole = counts(ledger)
        assert getattr(answer, side) == kept
        assert {name: n for name, rule in rules.items() if (n := getattr(rule, f"first_{side}"))} == first
        assert {name: n for name, rule in rules.items() if (n := getattr(rule, f"any_{side}"))} == whole
    assert answer.documents == SHARDS * SIZE
    assert answer.after == answer.before + answer.gained - answer.lost
    for groups in (answer.by_language, answer.by_domain):
        for total in ("documents", "before", "after", "gained", "lost"):
            assert sum(getattr(group, total) for group in groups) == getattr(answer, total)
    assert {group.name for group in answer.by_language} == {"en", "de", "zh"}


def test_demands_of_both_policies_stand_side_by_side(curated: tuple[Lake, Dataset]) -> None:
    rules = {rule.rule: rule for rule in what_if(*curated, OTHERS["switching"]).rules}
    assert (rules["length"].demand_before, rules["length"].demand_after) == (">= 50", ">= 80")
    assert (rules["inner/length"].demand_before, rules["inner/length"].demand_after) == (None, ">= 4")
    assert list(rules) == ["length", "score", "lorem", "inner/length"]


@pytest.mark.parametrize("policy", [OTHERS["looser"], OTHERS["switching"]], ids=["looser", "switching"])
def test_examples_are_documents_that_change(curated: tuple[Lake, Dataset], policy: Policy) -> None:
    lake, dataset = curated
    answer = what_if(lake, dataset, policy, examples=2)
    ledgers = {"gained": decided(lake, dataset, BEFORE), "lost": decided(lake, dataset, policy)}
    kept = {change: {row["doc_id"] for row in rows if row["kept"]} for change, rows in ledgers.items()}
    assert answer.examples
    for example in answer.examples:
        rows = [row for row in ledgers[example.change] if row["doc_id"] == example.doc_id]
        assert (example.rule, example.value, example.value_text, example.threshold) == tuple(
            rows[0][name] for name in ("rule", "value", "value_text", "threshold")
        )
        assert example.doc_id in kept["lost" if example.change == "gained" else "gained"]
        assert example.url is not None
        assert example.url.startswith("https://example.org/")
    per_rule = Counter((example.change, example.rule) for example in answer.examples)
    assert max(per_rule.values()) == 2
    assert [*per_rule] == sorted(per_rule)
    assert what_if(lake, dataset, policy, examples=0).examples == ()


def test_signals_that_were_not_computed_are_asked_for(curated: tuple[Lake, Dataset]) -> None:
    rule = Rule(name="edits", signal=f"{SignalsRefinedWeb.name.removeprefix('signals/')}.removed_word_ratio", max=0.05)
    with pytest.raises(UsageError, match="the rules edits look at signals/refinedweb"):
        what_if(*curated, BEFORE.model_copy(update={"rules": (*BEFORE.rules, rule)}))


def test_a_ledger_with_a_gap_is_refused(curated: tuple[Lake, Dataset], tmp_path: Path) -> None:
    lake, dataset = curated
    first = dataset.tables[Verdicts.name][0]
    cut = lake.write_table(Verdicts, first.shard, "1" * 16, lake.read(first).slice(9))
    tables = dataset.tables | {Verdicts.name: (cut, *dataset.tables[Verdicts.name][1:])}
    with pytest.raises(GristmillError, match="run the curation again"):
        what_if(lake, dataset.model_copy(update={"tables": tables}), BEFORE)


def test_no_documents_give_no_numbers(tmp_path: Path) -> None:
    config = {"policy": BEFORE.model_dump(mode="json")}
    tables: dict[str, tuple[Ref, ...]] = {Documents.name: ()}
    dataset = Dataset(kind="curation", name="none", config=config, counts={"kept": 0}, tables=tables)
    with pytest.raises(UsageError, match="does not compute"):
        what_if(Lake.open(tmp_path / "lake"), dataset, load_policy("gopher"))


def test_the_answer_is_json(curated: tuple[Lake, Dataset]) -> None:
    answer = what_if(*curated, OTHERS["looser"])
    assert WhatIf.model_validate_json(answer.model_dump_json()) == answer
    assert "Deduplication is not done again" in answer.note


@pytest.mark.parametrize("name", ["documents", "verdicts", "signals/gopher_quality"])
def test_no_answer_comes_from_a_damaged_file(curated: tuple[Lake, Dataset], name: str) -> None:
    """A bit flipped anywhere in the pages gives the message on damage or the same answer, and never other numbers."""
    lake, dataset = curated
    path = lake.path(dataset.tables[name][0])
    whole, sound = path.read_bytes(), what_if(lake, dataset, policy_of("other", words=70))
    draw, told = random.Random(5), 0
    for _ in range(12):
        data = bytearray(whole)
        data[draw.randrange(4, len(data) // 2)] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        try:
            assert what_if(lake, dataset, policy_of("other", words=70)) == sound
        except DamageError as error:
            assert f"table {name} of shard 000" in str(error)  # noqa: PT017 - either may come
            told += 1
        path.write_bytes(whole)
    assert told
