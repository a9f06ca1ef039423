"""What a command imports: a start takes as long as its imports, so what one verb or step needs comes when it does."""

import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.core.lake import Lake

HEAVY = {
    *("prefect", "great_expectations", "sqlalchemy", "polars", "pyarrow", "pandas", "numpy", "numba", "scipy"),
    *("duckdb", "nicegui", "fastapi", "transformers", "torch", "pydantic", "httpx"),
}
PROGRAM = """
import sys
from gristmill.flows.cli.app import main
sys.argv = ["gristmill", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code
print("code", code, "imported", *sorted(set(sys.modules)))
"""


def run(folder: Path, *words: str) -> tuple[int, str, set[str]]:
    """Exit code, what was said as an error, and the packages that were imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True, cwd=folder
    )
    told = done.stdout.split()
    place = len(told) - 1 - told[::-1].index("imported")
    return int(told[place - 1]), done.stderr, set(told[place + 1 :])


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code, _, imported = run(tmp_path, "--help")
    assert code == 0
    assert imported & HEAVY == set()


HELPS = """
import sys
from typer.main import get_command
from gristmill.flows.cli.app import app

def verbs(command, words=()):
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words
    for name, one in (inner or {}).items():
        yield from verbs(one, (*words, name))

for words in verbs(get_command(app)):
    get_command(app).main([*words, "--help"], prog_name="gristmill", standalone_mode=False)
print("imported", *sorted(set(sys.modules)))
"""
OF_SETTINGS = {"pydantic", "numpy"}
"""What settings models are made of: fields, and the constants of mixers."""


def test_the_help_of_no_verb_imports_anything_heavy() -> None:
    """The options are those of settings models, which stand apart from what they configure."""
    done = subprocess.run([sys.executable, "-c", HELPS], capture_output=True, text=True, check=True)
    assert done.stdout.count("Usage: gristmill ") >= 30
    imported = set(done.stdout.rpartition("\nimported ")[2].split())
    assert imported & (HEAVY - OF_SETTINGS) == set()


USAGE_ERRORS = {
    "mix": (["mix", "--method", "uniform"], "the lake has no curated source"),
    "train": (["train"], "the lake has no mix called 'default'"),
    "contamination": (["contamination", "--suite", "humanevall", "--corpus", "x"], "humanevall"),
    "contamination of a corpus": (["contamination", "--suite", "gristmill-code", "--corpus", "x"], "there is no 'x'"),
    "curate": (["curate", "--input", "nowhere", "--source", "x"], "there is no 'nowhere'"),
    "curate by a wrong column": (
        ["curate", "--input", "rows.jsonl", "--source", "x", "--map", "date=day"],
        "none of its 1 rows has column 'day'",
    ),
    "evaluate": (["evaluate", "nowhere"], "there is no such folder"),
    "submit": (["submit", "nowhere"], "there is no such folder"),
}


@pytest.mark.parametrize("words", USAGE_ERRORS)
def test_usage_errors_are_told_before_prefect_is_imported(tmp_path: Path, words: str) -> None:
    Lake.open(tmp_path / "lake")
    (tmp_path / "rows.jsonl").write_text('{"text": "x"}\n')
    given, said = USAGE_ERRORS[words]
    code, told, imported = run(tmp_path, *given)
    assert code == 2
    assert said in told
    assert imported & {"prefect", "great_expectations", "fastapi", "torch", "transformers", "nicegui"} == set()
