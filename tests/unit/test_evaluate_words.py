"""The words of ``gristmill evaluate``: which suites are meant, and where their data is looked for."""

from pathlib import Path

import pytest

from evals.suite import own_suites
from flows.commands.evaluation import as_submission
from flows.evaluate import data_folders
from schemas.errors import UsageError
from schemas.lake import Lake


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").touch()
    return tmp_path


def test_a_limit_becomes_part_of_the_name_of_each_suite(checkpoint: Path) -> None:
    assert as_submission(checkpoint, ["mmlu", "boolq@9"], "", 50).suites == ["mmlu@50", "boolq@50"]
    assert as_submission(checkpoint, ["mmlu", "boolq@9"], "").suites == ["mmlu", "boolq@9"]
    with pytest.raises(UsageError, match=r"there is no suite 'mlu@5' .did you mean"):
        as_submission(checkpoint, ["mlu@5"], "")


def test_without_a_suite_those_that_need_no_data_are_run(checkpoint: Path) -> None:
    assert as_submission(checkpoint, None, "").suites == own_suites()


def test_data_is_looked_for_where_the_user_says_and_then_in_the_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.open(tmp_path / "lake")
    downloaded = lake.root / "benchmarks"
    monkeypatch.delenv("GRISTMILL_DATA", raising=False)
    assert data_folders("", lake) == [downloaded]
    monkeypatch.setenv("GRISTMILL_DATA", str(tmp_path / "all"))
    assert data_folders("", lake) == [tmp_path / "all", downloaded]
    assert data_folders(str(tmp_path / "named"), lake) == [tmp_path / "named", downloaded]
