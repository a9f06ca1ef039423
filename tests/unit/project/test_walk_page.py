"""docs/contributing/new-page.md, followed in a copy of the package: the page is served, and its test passes."""

import json
import re
from pathlib import Path

import pytest

from gristmill.warehouse.build.publish import publish
from tests.helpers.small_lake import build_small_lake
from tests.helpers.walk import copy_package, python

PROJECT = Path(__file__).resolve().parents[3]
WALK = PROJECT / "docs" / "contributing" / "new-page.md"
CREATED = re.compile(r"^Create `([^`]+)`:\n\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CHANGED = re.compile(r"^In `([^`]+)`,.*?(?=^#)", re.DOTALL | re.MULTILINE)
INSERTED = re.compile(r"^```diff\n (.*)\n\+(.*)\n```$", re.MULTILINE)
VISIT = """
import json, sys
from pathlib import Path
from fastapi.testclient import TestClient
from gristmill.dashboards.app import create_app
from gristmill.dashboards.guard import Names
from gristmill.dashboards.services import Intake

app = create_app(Path(sys.argv[1]), Intake(), Names(also=Names.parse("testserver", ["testserver"]).also))
with TestClient(app) as client:
    print(json.dumps({path: [(answer := client.get(path)).status_code, answer.text] for path in sys.argv[2:]}))
"""


def followed(folder: Path) -> Path:
    """A copy of the package, with what the walk creates and changes."""
    copy_package(PROJECT, folder, ("dashboards",))
    text = WALK.read_text(encoding="utf-8")
    created, changed = CREATED.findall(text), list(CHANGED.finditer(text))
    assert (len(created), len(changed)) == (2, 1)
    for name, code in created:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
    for change in changed:
        path = folder / change[1]
        lines = path.read_text(encoding="utf-8").splitlines()
        insertions = INSERTED.findall(change[0])
        assert len(insertions) == 2
        for before, line in insertions:
            assert lines.count(before) == 1, f"{change[1]} has no single line {before!r}"
            lines.insert(lines.index(before) + 1, line)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return followed(tmp_path_factory.mktemp("walk"))


def test_the_new_page_is_served_listed_and_in_the_api(copy: Path, tmp_path: Path) -> None:
    lake = build_small_lake(tmp_path / "lake").lake
    publish(lake)
    paths = ("/", "/hosts", "/hosts?source=news-zh", "/hosts?source=nobody", "/docs", "/api/hosts")
    answers = json.loads(python(copy, "-c", VISIT, str(lake.root), *paths))
    assert {path: status for path, (status, _) in answers.items()} == dict.fromkeys(paths, 200)
    texts = {path: text for path, (_, text) in answers.items()}
    assert "/hosts" in texts["/"]
    assert "handbook.example" in texts["/hosts"]
    assert "handbook.example" not in texts["/hosts?source=news-zh"]
    assert "has no records" in texts["/hosts?source=nobody"]
    assert "/api/hosts" in texts["/docs"]
    assert "handbook.example" in {row["host"] for row in json.loads(texts["/api/hosts"])}


def test_the_test_of_the_walk_passes(copy: Path) -> None:
    (copy / "tests" / "helpers").symlink_to(PROJECT / "tests" / "helpers")
    test = "tests/unit/dashboards/test_hosts.py"
    assert "1 passed" in python(copy, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "--rootdir", str(copy), test)


def test_the_code_of_the_walk_is_as_clean_as_ours(copy: Path) -> None:
    created = [name for name, _ in CREATED.findall(WALK.read_text(encoding="utf-8"))]
    for check in (["check"], ["format", "--check"]):
        python(copy, "-m", "ruff", *check, "--no-cache", *created)
