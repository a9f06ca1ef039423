"""docs/contributing/new-suite.md, followed to the letter."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.cli import gristmill
from tests.helpers.house import PACKAGES
from tests.helpers.walk import Command, commands_of, files_of, shows, write_files

PROJECT = Path(__file__).resolve().parents[3]
PAGE = (PROJECT / "docs" / "contributing" / "new-suite.md").read_text(encoding="utf-8")
COPY = "in a copy of the project"
START = "import sys; from gristmill.flows.cli.app import main; sys.argv[0] = 'gristmill'; sys.exit(main())"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(PAGE, tmp_path)
    return tmp_path


def wanted(where: str) -> list[Command]:
    return [command for command in commands_of(PAGE) if command.where == where]


def test_the_page_has_the_files_and_commands_that_are_followed() -> None:
    assert sorted(files_of(PAGE)) == ["answers.jsonl", "units.jsonl", "units.yaml"]
    assert [command.words[0] for command in commands_of(PAGE)] == ["gristmill", "cp", "gristmill"]
    assert all(command.shows for command in commands_of(PAGE) if command.words[0] == "gristmill")


def test_the_suite_grades_what_the_page_says(folder: Path) -> None:
    (command,) = wanted("")
    ended = gristmill(*command.words[1:], cwd=folder)
    assert ended.code == 0, ended.err
    assert [line for line in command.shows if not shows(ended.out, line)] == []


def test_the_suite_becomes_one_of_gristmill_s(folder: Path) -> None:
    for package in ("src", *PACKAGES):
        shutil.copytree(
            PROJECT / package, folder / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    copy, grade = wanted(COPY)
    subprocess.run(copy.words, cwd=folder, check=True)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    shutil.move(folder / "answers.jsonl", elsewhere)
    ended = subprocess.run(
        [sys.executable, "-c", START, *grade.words[1:]],
        cwd=elsewhere,
        env={"PYTHONPATH": str(folder / "src"), "PATH": "", "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert [line for line in grade.shows if not shows(ended.stdout, line)] == []


def test_without_the_copy_the_name_is_unknown(folder: Path) -> None:
    ended = gristmill("grade", "--suite", "units", "--responses", "answers.jsonl", cwd=folder)
    assert (ended.code, "there is no suite 'units'" in ended.err) == (2, True)
