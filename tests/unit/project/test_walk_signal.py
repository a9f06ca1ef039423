"""docs/contributing/new-signal.md, followed in a copy of the package: a curation computes the new signal."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.helpers.walk import copy_package, files_of, python, write_files

PROJECT = Path(__file__).resolve().parents[3]
PAGE = (PROJECT / "docs" / "contributing" / "new-signal.md").read_text(encoding="utf-8")
CHANGED = re.compile(r"[Ii]n `([^`]+)`[^`]*?((?:```diff\n.*?^```\n\s*)+)", re.DOTALL | re.MULTILINE)
INSERTED = re.compile(r"^```diff\n((?: .*\n)+)((?:\+.*\n)+)((?: .*\n)*)```$", re.MULTILINE)
COPIED = ("schemas", "tasks", "tools", "docs")
COMPUTE = """
import json, sys
from pathlib import Path
import pyarrow as pa
from gristmill.flows.curate.annotations import annotations
from gristmill.flows.settings import CurateSettings
from gristmill.schemas.tables import TABLES
from gristmill.tasks.filtering.policy import load_policy

settings = CurateSettings(source="s", inputs=("pages.jsonl",), policy=sys.argv[1])
plain = CurateSettings(source="s", inputs=("pages.jsonl",))
chosen = {step.name: (step, config) for step, config in annotations(settings, load_policy(settings.policy))}
step, config = chosen["questions"]
documents = pa.table({"doc_id": ["a", "b"], "text": ["Who? \\nI.", "No."]})
print(json.dumps({
    "rows": step.function(documents, config).to_pylist(),
    "table": TABLES["signals/questions"].about,
    "without": "questions" in {step.name for step, _ in annotations(plain, load_policy(plain.policy))},
}))
"""


def followed(folder: Path) -> Path:
    """A copy of the package, with what the walk creates and changes."""
    copy_package(PROJECT, folder, COPIED)
    write_files(PAGE, folder)
    changes = [(name, change) for name, blocks in CHANGED.findall(PAGE) for change in INSERTED.findall(blocks)]
    assert [name.rsplit("/", 1)[-1] for name, _ in changes] == ["__init__.py"] * 4 + ["registry.py"] * 3
    for name, (before, added, after) in changes:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        old, new = (bare(before + part + after) for part in ("", added))
        assert text.count(old) == 1, f"{name} does not have exactly once:\n{old}"
        path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def bare(lines: str) -> str:
    """Lines of a diff without the mark in front of each."""
    return re.sub(r"^[ +]", "", lines, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return followed(tmp_path_factory.mktemp("walk"))


def test_a_curation_computes_the_signal_when_its_policy_looks_at_it(copy: Path) -> None:
    assert json.loads(python(copy, "-c", COMPUTE, "few-questions.yaml")) == {
        "rows": [{"doc_id": "a", "question_line_ratio": 0.5}, {"doc_id": "b", "question_line_ratio": 0.0}],
        "table": "How much a page asks.",
        "without": False,
    }


def test_the_tests_of_the_walk_and_of_the_registry_pass(copy: Path) -> None:
    (copy / "tests" / "helpers").symlink_to(PROJECT / "tests" / "helpers")
    registry = "tests/unit/tasks/signals/test_registry.py"
    shutil.copy(PROJECT / registry, copy / registry)
    python(copy, "tools/signal_sets.py")
    assert "| `questions` | `signals/questions` | How much a page asks |" in (copy / "docs" / "signals.md").read_text()
    tests = "tests/unit/tasks/signals"
    passed = python(copy, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "--rootdir", str(copy), tests)
    assert "passed" in passed
    assert "5 passed" in python(
        copy, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "--rootdir", str(copy), f"{tests}/test_questions.py"
    )


def test_the_code_of_the_walk_is_as_clean_as_ours(copy: Path) -> None:
    created = [name for name in files_of(PAGE) if name.endswith(".py")]
    changed = ["schemas/tables/__init__.py", "schemas/tables/signals/__init__.py", "tasks/signals/registry.py"]
    for check in (["check"], ["format", "--check"]):
        python(copy, "-m", "ruff", *check, "--no-cache", *created, *changed)
