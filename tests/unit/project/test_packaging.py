"""What a stranger sees first: the licence, what the project says of itself, and an installation without noise."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from gristmill.flows.cli.app import app

PROJECT = Path(__file__).resolve().parents[3]
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
"""SHA-256 of https://www.apache.org/licenses/LICENSE-2.0.txt."""


def test_the_licence_is_there_whole() -> None:
    assert hashlib.sha256((PROJECT / "LICENSE").read_bytes()).hexdigest() == APACHE_2
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    for readme in ("README.md", "README.zh-CN.md"):
        assert "[Apache-2.0](LICENSE)" in (PROJECT / readme).read_text(encoding="utf-8")


def test_nobody_is_promised_which_data_moved_a_score() -> None:
    pages = [*PROJECT.glob("README*.md"), *(PROJECT / "docs").glob("*.md"), PROJECT / "pyproject.toml"]
    texts = [page.read_text(encoding="utf-8") for page in pages] + [str(app.info.help)]
    for text in texts:
        told = " ".join(text.split())
        assert not re.search(r"which data (moved|changed|made|caused)", told)
        assert "哪些数据影响" not in told
    english, chinese = (PROJECT / name for name in ("README.md", "README.zh-CN.md"))
    assert "one seed" in english.read_text(encoding="utf-8")
    assert "一个随机种子" in chinese.read_text(encoding="utf-8")


def tiny_wheel(folder: Path) -> Path:
    """A wheel that holds nothing."""
    info = "tiny-1.0.dist-info"
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def download(folder: Path, name: str, *command: str) -> "subprocess.CompletedProcess[str]":
    """pip over a folder of wheels and two indexes that are not there."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    environment |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": (folder / "no-index").as_uri(),
        "PIP_EXTRA_INDEX_URL": (folder / "no-other-index").as_uri(),
        "PIP_FIND_LINKS": str(folder),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    arguments = ["download", "--no-deps", "--no-cache-dir", "--dest", str(folder / "taken"), name]
    return subprocess.run(
        [sys.executable, *command, *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    tiny_wheel(folder)
    return folder


QUIET = str(PROJECT / "requirements" / "quiet_pip.py")


def test_pip_is_noisy_where_an_index_lacks_packages(wheels: Path) -> None:
    noisy = download(wheels, "tiny", "-m", "pip", "--quiet")
    assert noisy.returncode == 0
    assert noisy.stderr.count("is ignored: it is neither a file nor a directory") >= 2


def test_an_installation_that_works_prints_nothing(wheels: Path) -> None:
    quiet = download(wheels, "tiny", QUIET)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert (wheels / "taken" / "tiny-1.0-py3-none-any.whl").is_file()


def test_an_installation_that_fails_says_all_that_matters(wheels: Path) -> None:
    failed = download(wheels, "no-such-package", QUIET)
    assert failed.returncode != 0
    assert "No matching distribution found for no-such-package" in failed.stderr
    assert "places that pip was told to look in do not exist" in failed.stderr
    assert "no-such-package" in failed.stderr.splitlines()[-1]


def test_everything_that_calls_pip_does_so_quietly() -> None:
    scripts = [PROJECT / "Makefile", *(PROJECT / "requirements").glob("*.sh"), *(PROJECT / "benchmarks").rglob("*.py")]
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        assert not re.search(r'-m",? "?pip\b.*\b(install|download)\b', text), script


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_help_lists_every_target_that_says_what_it_does() -> None:
    words = ["make", "--no-print-directory", "help"]  # the suite itself may run under make, which then names folders
    found = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=True)
    told = re.findall(r"^([^\s:]+):.*## ", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [line.split()[0] for line in found.stdout.splitlines()] == told
    assert {"test", "test-unit", "test-e2e"} <= {*told}
