"""Lines that many documents share are cut from all but the first, and what is left too short is removed."""

from pathlib import Path
from typing import Any

import pytest

from gristmill.core.digests import digest_text
from gristmill.tasks.dedup.config import DedupConfig
from tests.helpers.dedup_run import Result, Shard, deduplicate
from tests.helpers.ledger_rows import all_kept, documents_of

NOTICE = "All rights reserved. No part of this page may be reproduced."


def settings(**changes: Any) -> DedupConfig:
    return DedupConfig.parse({"lines": {"min_chars": 20, "min_documents": 3, **changes}}, "test")


def shard(texts: dict[str, str], source: str = "s", file: str = "a") -> Shard:
    documents = documents_of(texts, source=source, file=file)
    return Shard(documents, all_kept(documents), [0.5] * documents.num_rows)


def cut_texts(result: Result, shards: list[Shard]) -> dict[str, str]:
    """By doc_id the text without what was cut."""
    found = {}
    for part, cuts in zip(shards, result.tables["cuts"], strict=True):
        for row in part.documents.to_pylist():
            text = row["text"]
            for cut in reversed([cut for cut in cuts.to_pylist() if cut["doc_id"] == row["doc_id"]]):
                text = text[: cut["start"]] + text[cut["end"] :]
            found[row["doc_id"]] = text
    return found


def own(name: str) -> str:
    return f"What only page {name} says, é and 漢字 included, at some length."


def test_a_shared_line_stays_in_the_first_document_only(tmp_path: Path) -> None:
    texts = {name: f"{own(name)}\n  {NOTICE} \nEnd of {name}." for name in "abcd"}
    shards = [shard({name: texts[name] for name in part}, file=part) for part in ("ab", "cd")]
    result = deduplicate(shards, tmp_path, settings())
    first = min(map(digest_text, texts))
    for name, text in texts.items():
        expected = text if digest_text(name) == first else f"{own(name)}\nEnd of {name}."
        assert cut_texts(result, shards)[digest_text(name)] == expected
    cuts = [row for table in result.tables["cuts"] for row in table.to_pylist()]
    assert {(row["reason"], row["lines"]) for row in cuts} == {("repeated_line", 1)}
    assert result.kept() == set(map(digest_text, texts))


def test_the_last_line_and_repeats_inside_the_first_document_are_cut(tmp_path: Path) -> None:
    texts = {name: f"{NOTICE}\n{own(name)}\n{NOTICE}" for name in "abc"}
    shards = [shard(texts)]
    found = cut_texts(deduplicate(shards, tmp_path, settings()), shards)
    first = min(texts, key=digest_text)
    for name in texts:
        assert found[digest_text(name)] == (f"{NOTICE}\n{own(name)}\n" if name == first else f"{own(name)}\n")


def test_short_lines_and_lines_of_few_documents_stay(tmp_path: Path) -> None:
    texts = {name: f"{own(name)}\nshort line\n{NOTICE if name in 'ab' else ''}" for name in "abcd"}
    shards = [shard(texts)]
    assert deduplicate(shards, tmp_path, settings()).tables["cuts"][0].num_rows == 0


def test_exact_copies_count_once(tmp_path: Path) -> None:
    texts = {"a": f"{own('a')}\n{NOTICE}", "b": f"{own('b')}\n{NOTICE}", "a2": f"{own('a')}\n{NOTICE}"}
    assert deduplicate([shard(texts)], tmp_path, settings()).tables["cuts"][0].num_rows == 0


def test_lines_are_counted_within_each_source_or_in_the_whole_corpus(tmp_path: Path) -> None:
    shards = [
        shard({name: f"{own(name)}\n{NOTICE}" for name in names}, source=source, file=source)
        for source, names in (("one", "ab"), ("two", "cd"))
    ]
    within = deduplicate(shards, tmp_path / "source", settings())
    across = deduplicate(shards, tmp_path / "corpus", settings(scope="corpus"))
    assert sum(table.num_rows for table in within.tables["cuts"]) == 0
    assert sum(table.num_rows for table in across.tables["cuts"]) == 3


def test_paragraphs_are_runs_of_lines_that_are_not_blank(tmp_path: Path) -> None:
    licence = "Permission is hereby granted,\nfree of charge, to any person."
    texts = {name: f"{own(name)}\n\n{licence}\n \n\nEnd of {name}.\nfree of charge, to any person." for name in "abc"}
    shards = [shard(texts)]
    result = deduplicate(shards, tmp_path, settings(unit="paragraph"))
    first = min(texts, key=digest_text)
    for name, text in texts.items():
        expected = text if name == first else f"{own(name)}\n\nEnd of {name}.\nfree of charge, to any person."
        assert cut_texts(result, shards)[digest_text(name)] == expected
    assert {(row["reason"], row["lines"]) for row in result.tables["cuts"][0].to_pylist()} == {
        ("repeated_paragraph", 2)
    }


def test_a_document_of_which_too_little_is_left_is_removed_and_says_how_much(tmp_path: Path) -> None:
    lines = [f"{NOTICE} Number {number}." for number in range(5)]
    texts = {name: "\n".join([*lines, name * 30]) for name in "abcd"}
    part = shard(texts)
    result = deduplicate([part], tmp_path, settings(min_left=0.3))
    first = min(texts, key=digest_text)
    cut = sum(len(line) + 1 for line in lines)
    for name in texts:
        if name == first:
            assert result.fate(0, name)[0]
        else:
            left = 30 / (cut + 30)
            assert result.fate(0, name) == (False, "lines", pytest.approx(left), None, ">= 0.3")
    assert deduplicate([part], tmp_path / "lenient", settings(min_left=0.05)).fate(0, first)[0]


def test_what_lines_leave_too_short_takes_no_part_in_near_duplicates(tmp_path: Path) -> None:
    """The three would be near-duplicates of the first; each is judged once, by the earlier rule."""
    lines = [f"{NOTICE} Number {number}." for number in range(40)]
    texts = {name: "\n".join([*lines, name * 30]) for name in "abcd"}
    result = deduplicate([shard(texts)], tmp_path, settings(min_left=0.3))
    assert result.pairs.num_rows == 0
    rules = sorted(str(result.fate(0, name)[1]) for name in texts)
    assert rules == ["None", "lines", "lines", "lines"]
    without = deduplicate([shard(texts)], tmp_path / "without", DedupConfig())
    assert sorted(str(without.fate(0, name)[1]) for name in texts) == ["None", "near", "near", "near"]
