"""docs/contributing/new-language.md, followed in a copy of the package: the words of the new language are found."""

import json
import re
from pathlib import Path

import pytest

from tests.helpers.walk import copy_package, files_of, python, write_files

PROJECT = Path(__file__).resolve().parents[3]
PAGE = (PROJECT / "docs" / "contributing" / "new-language.md").read_text(encoding="utf-8")
TABLE = "tasks/tokenization/languages.py"
TEST = "tests/unit/tasks/tokenization/test_czech.py"
INSERTED = re.compile(r"^```diff\n\+(.*\n) (.*\n)```$", re.MULTILINE)
JUDGE = """
import json, sys
from gristmill.tasks.filtering.policy import load_policy
from gristmill.tasks.filtering.splitters import refuse_missing_splitters
from gristmill.tasks.signals.fineweb2 import fineweb2_config

policy = load_policy(sys.argv[1])
refuse_missing_splitters(policy)
print(json.dumps([policy.name, fineweb2_config().splitters["ces_Latn"]]))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("walk")
    copy_package(PROJECT, folder, ("tasks",))
    write_files(PAGE, folder)
    [(added, before)] = INSERTED.findall(PAGE)
    table = folder / TABLE
    text = table.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{TABLE} does not have exactly once:\n{before}"
    table.write_text(text.replace(before, added + before), encoding="utf-8")
    return folder


def test_the_test_of_the_walk_passes(copy: Path) -> None:
    assert sorted(files_of(PAGE)) == ["czech.yaml", TEST]
    (copy / "tests" / "helpers").symlink_to(PROJECT / "tests" / "helpers")
    assert "1 passed" in python(copy, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "--rootdir", str(copy), TEST)


def test_a_policy_may_judge_by_its_words_once_the_row_is_there(copy: Path) -> None:
    assert json.loads(python(copy, "-c", JUDGE, "czech.yaml")) == ["czech", "spacy-cs"]


def test_the_code_of_the_walk_is_as_clean_as_ours(copy: Path) -> None:
    for check in (["check"], ["format", "--check"]):
        python(copy, "-m", "ruff", *check, "--no-cache", TEST, TABLE)
