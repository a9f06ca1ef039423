"""The picture of the architecture is what the script draws from the code, and it shows every import."""

from pathlib import Path

import pytest

from tools import architecture


def tree(folder: Path, modules: dict[str, str]) -> Path:
    for package in architecture.PACKAGES:
        (folder / package).mkdir()
    for name, text in modules.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_the_committed_picture_is_what_the_script_draws() -> None:
    drawn = architecture.PICTURE.read_text(encoding="utf-8")
    assert drawn == architecture.draw(), "run: python tools/architecture.py"


def test_imports_are_read_from_anywhere_in_a_module(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "flows/a.py": "import gristmill.evals.suites\nimport os.path",
            "tasks/b.py": "def f():\n    from gristmill import core\n    from gristmill.schemas.tables import T\n",
        },
    )
    graph = architecture.imports(root, list(architecture.PACKAGES), ())
    assert (graph["flows"], graph["tasks"], graph["core"]) == ({"evals"}, {"core", "schemas"}, set())


def test_arrows_that_follow_from_others_are_left_out() -> None:
    graph = {"c": {"a", "b"}, "b": {"a"}, "a": set(), "d": {"a"}}
    assert architecture.reduced(graph) == {"c": {"b"}, "b": {"a"}, "a": set(), "d": {"a"}}
    assert architecture.rows(graph) == [["a"], ["b", "d"], ["c"]]


def test_a_circle_is_named() -> None:
    with pytest.raises(ValueError, match=r"an import cycle: a -> b -> a"):
        architecture.rows({"a": {"b"}, "b": {"a"}})


def test_another_import_gives_another_picture(tmp_path: Path) -> None:
    root = tree(tmp_path, {"tasks/mix/__init__.py": "", "tasks/text/__init__.py": ""})
    before = architecture.draw(root)
    (root / "tasks" / "mix" / "plan.py").write_text("import gristmill.tasks.text.lines\n", encoding="utf-8")
    after = architecture.draw(root)
    assert (before.count('marker-end="'), after.count('marker-end="')) == (0, 1)
