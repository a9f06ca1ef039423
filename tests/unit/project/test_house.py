"""The rules that keep the house: each holds on this tree, and each is seen to fail on a tiny made-up one."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.helpers import house

PROJECT = Path(__file__).resolve().parents[3]

# Exceptions that shrink: remove a line when its module is mended, never add one.
STILL_CROWDED: dict[str, int] = {}
STILL_LONG: dict[str, int] = {
    "tasks/fasttext/predict.py": 325,
}
STILL_REPEATED: set[str] = set()

HISTORY = {"CHANGELOG.md", "DECISIONS.md"}
"""Files that may tell of names that are gone."""
OF_OTHERS = {
    "tests/eval_common.py",
    "docs/examples/minhash-dedupe.md",
    "pipeline/code_filter_config.py",
    "src/examples/llm/train.py",
}
"""Paths in other projects that our pages and comments cite."""
WITH_MADE_UP_PATHS = (
    "docs/contributing/",  # what a walk names it also makes, and a test follows it
    "tests/e2e/test_wheel.py",
    "tests/unit/project/test_architecture.py",
    "tests/unit/project/test_docs.py",
    "tests/unit/project/test_house.py",
    "tests/unit/project/test_walk_",
    "tests/unit/project/test_words.py",
    "tests/unit/tasks/demo_site/test_site_markup.py",
)
READ = {".py", ".md", ".toml", ".yaml", ".yml", ".sh", ".cfg", ""}


def outgrown(found: dict[str, int], listed: dict[str, int]) -> dict[str, int]:
    """What is above the limit and not listed, or has grown beyond its entry."""
    return {path: count for path, count in found.items() if count > listed.get(path, 0)}


def tracked() -> list[Path]:
    command = ["git", "ls-files"]
    listing = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("this tree is not a git checkout")
    paths = [Path(line) for line in listing.stdout.splitlines()]
    return [path for path in paths if path.suffix in READ and (PROJECT / path).is_file() and path.name not in HISTORY]


def test_a_folder_holds_at_most_15_modules() -> None:
    assert outgrown(house.crowded_folders(PROJECT), STILL_CROWDED) == {}


def test_a_module_has_at_most_300_lines() -> None:
    assert outgrown(house.long_modules(PROJECT), STILL_LONG) == {}


def test_a_class_name_is_unique_within_its_package() -> None:
    repeated = house.repeated_classes(PROJECT)
    assert {name: paths for name, paths in repeated.items() if name not in STILL_REPEATED} == {}


def test_only_core_writes_manifests() -> None:
    assert house.manifest_writers(PROJECT) == []


def test_no_exception_outlives_its_reason() -> None:
    assert set(STILL_CROWDED) <= set(house.crowded_folders(PROJECT))
    assert set(STILL_LONG) <= set(house.long_modules(PROJECT))
    assert set(STILL_REPEATED) <= set(house.repeated_classes(PROJECT))


def test_tests_mirror_packages() -> None:
    assert house.homeless_tests(PROJECT) == []


def test_no_old_name_is_left() -> None:
    found = house.old_names(PROJECT, [path for path in tracked() if not path.as_posix().startswith(WITH_MADE_UP_PATHS)])
    assert {line for line in found if line.split(": ", 1)[1] not in OF_OTHERS} == set()


# -- each rule, broken on purpose ---------------------------------------------------------------------------------


def made_up(folder: Path, files: dict[str, str]) -> Path:
    for package in house.PACKAGES:
        (folder / package).mkdir(parents=True, exist_ok=True)
        (folder / package / "__init__.py").touch()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_sixteenth_module_is_seen(tmp_path: Path) -> None:
    fifteen = {f"tasks/mix/m{number}.py": "" for number in range(15)}
    assert house.crowded_folders(made_up(tmp_path, fifteen | {"tasks/mix/__init__.py": ""})) == {}
    assert house.crowded_folders(made_up(tmp_path, {"tasks/mix/m15.py": ""})) == {"tasks/mix": 16}


def test_a_301st_line_is_seen(tmp_path: Path) -> None:
    root = made_up(tmp_path, {"evals/long.py": "\n" * 300})
    assert house.long_modules(root) == {}
    assert house.long_modules(made_up(root, {"evals/long.py": "\n" * 301})) == {"evals/long.py": 301}


def test_growth_beyond_an_exception_is_seen() -> None:
    assert outgrown({"a.py": 310}, {"a.py": 310}) == {}
    assert outgrown({"a.py": 311, "b.py": 301}, {"a.py": 310}) == {"a.py": 311, "b.py": 301}


def test_a_second_class_of_one_name_is_seen(tmp_path: Path) -> None:
    root = made_up(tmp_path, {"tasks/a.py": "class Page: ...\n", "evals/a.py": "class Page: ...\n"})
    assert house.repeated_classes(root) == {}
    made_up(root, {"tasks/mix/b.py": "class Page: ...\n"})
    assert house.repeated_classes(root) == {"tasks.Page": ["tasks/a.py", "tasks/mix/b.py"]}


@pytest.mark.parametrize("call", ["lake.write_manifest(m)", "Manifest(step='mix')", "lake_module.Manifest(step='mix')"])
def test_a_manifest_written_outside_core_is_seen(tmp_path: Path, call: str) -> None:
    root = made_up(tmp_path, {"core/step.py": f"{call}\n", "flows/mix.py": "read_manifest(m)\n"})
    assert house.manifest_writers(root) == []
    assert house.manifest_writers(made_up(root, {"flows/mix.py": f"{call}\n"})) == ["flows/mix.py"]


def test_a_test_without_its_package_is_seen(tmp_path: Path) -> None:
    root = made_up(tmp_path, {"tasks/mix/plan.py": "", "tests/unit/tasks/mix/test_plan.py": ""})
    assert house.homeless_tests(made_up(root, {"tests/unit/project/test_x.py": ""})) == []
    made_up(root, {"tests/unit/tasks/mixing/test_plan.py": "", "tests/unit/test_x.py": ""})
    assert house.homeless_tests(root) == ["tasks/mixing/test_plan.py", "test_x.py"]


@pytest.mark.parametrize(
    "text",
    [
        "from tasks.mix import plan",
        "    import evals",
        "import schemas.lake as lake",
        "python -m flows.cli",
        '[sys.executable, "-m", "tasks.warm"]',
        "see `schemas.lake` for it",
        "tasks/step.py holds it",
        "see ``mix/chunks.py``",
        "gristmill.tasks.step is gone",
        "gristmill.core.plan.Missing.thing",
    ],
)
def test_an_old_name_is_seen(tmp_path: Path, text: str) -> None:
    root = made_up(tmp_path, {"core/lake.py": "", "tasks/mix/plan.py": "", "page.md": f"{text}\n"})
    assert len(house.old_names(root, [Path("page.md")])) == 1


@pytest.mark.parametrize(
    "text",
    [
        "from gristmill.tasks.mix import plan",
        "python -m gristmill.tasks.mix.plan",
        "core/lake.py and gristmill.core.lake.Lake",
        "lm_eval.tasks.drop",
        "see ``mix/plan.py`` and ``fineweb/filters.py``",
        "the tasks, evals of flows",
    ],
)
def test_a_new_name_is_none_of_the_old(tmp_path: Path, text: str) -> None:
    root = made_up(tmp_path, {"core/lake.py": "", "tasks/mix/plan.py": "", "page.md": f"{text}\n"})
    assert house.old_names(root, [Path("page.md")]) == []


# -- the import contracts of pyproject.toml, on a made-up package -------------------------------------------------

LAYERS = ("kernels", "fasttext", "text", "tokenization", "safety", "signals", "filtering", "cleaning")
BREAKS = {
    "core stands alone": ("core/a.py", "import gristmill.schemas"),
    "schemas know core only": ("schemas/a.py", "import gristmill.evals"),
    "tasks know core and schemas only": ("tasks/a.py", "import gristmill.flows"),
    "what is measured, from bytes to text that stays": ("tasks/kernels/a.py", "import gristmill.tasks.signals"),
    "deduplication and contamination know no signals": ("tasks/dedup/a.py", "import gristmill.tasks.signals"),
    "lineage reads plans and tokens, and no trainer": ("tasks/lineage/a.py", "import gristmill.tasks.train"),
    "nothing but the command line imports the Python API": ("flows/a.py", "import gristmill.api"),
    "numba only in kernels and fasttext": ("tasks/mix/a.py", "import numba"),
    "Typer only in the command line": ("flows/pipeline.py", "import typer"),
    "evals are usable without the rest": ("evals/a.py", "import gristmill.tasks"),
    "the warehouse knows schemas and the statistics": ("warehouse/a.py", "import gristmill.tasks"),
    "dashboards read the warehouse and nothing else": ("dashboards/a.py", "import gristmill.evals"),
    "only the step protocol and flows import Prefect": ("warehouse/b.py", "import prefect"),
    "torch only in the trainers and the model adapters": ("evals/b.py", "import torch"),
    "the client of Kubernetes only in its launcher": ("tasks/launch/a.py", "import kubernetes"),
    "Great Expectations only in the gate": ("tasks/b.py", "import great_expectations"),
}
"""For each contract a module and an import that break it."""
CONTRACTS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def shadow(folder: Path, extra: dict[str, str]) -> Path:
    """A made-up package ``gristmill`` beside the contracts of pyproject.toml, which may name modules that it lacks."""
    places = [f"tasks/{layer}" for layer in (*LAYERS, "dedup", "contamination", "mix", "train", "launch", "lineage")]
    places += ["flows/cli", "evals/statistics", "tasks/gates", "api"]
    files = {f"gristmill/{place}/__init__.py": "" for place in ["", *house.PACKAGES, *places]} | {
        f"gristmill/{name}": f"{text}\n" for name, text in extra.items()
    }
    lines = ['[tool.importlinter]\nroot_package = "gristmill"\ninclude_external_packages = true']
    for contract in CONTRACTS:
        settings = contract | {"unmatched_ignore_imports_alerting": "none"}
        if contract["type"] == "layers":
            del settings["unmatched_ignore_imports_alerting"]
        lines += [
            "[[tool.importlinter.contracts]]",
            *(f"{key} = {json.dumps(value)}" for key, value in settings.items()),
        ]
    for name, text in (files | {"pyproject.toml": "\n".join(lines)}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


LINT = """
import os, sys
from importlinter.cli import lint_imports
for folder in sys.argv[1:]:
    os.chdir(folder)
    sys.path[0] = folder
    print("folder:", os.path.basename(folder), flush=True)
    lint_imports(no_cache=True)
"""
"""One process for all made-up packages: import-linter reads them and imports none."""


def broken_contracts(folders: list[Path]) -> dict[str, set[str]]:
    run = subprocess.run([sys.executable, "-c", LINT, *map(str, folders)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    reports = {part.split("\n")[0]: part.splitlines() for part in run.stdout.split("folder: ")[1:]}
    return {
        name: {line.removesuffix(" BROKEN") for line in lines if line.endswith(" BROKEN")}
        for name, lines in reports.items()
    }


def test_every_contract_fails_when_it_is_broken(tmp_path: Path) -> None:
    assert {contract["name"] for contract in CONTRACTS} == set(BREAKS), "a new contract needs a line in BREAKS"
    folders = [shadow(tmp_path / "whole", {})]
    folders += [shadow(tmp_path / str(number), dict([extra])) for number, extra in enumerate(BREAKS.values())]
    broken = broken_contracts(folders)
    assert broken == {"whole": set()} | {str(number): {name} for number, name in enumerate(BREAKS)}
