"""The wheel, installed where somebody else's packages are called like our folders, curates all the same.

The environment holds the wheel and a package called ``evals``, and borrows the dependencies of the one that runs the
tests. The working folder holds ``tasks/``, ``flows/`` and modules that break whoever imports them.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from gristmill.tasks.kernels.common.compiled import KERNELS, sources_digest
from tests.helpers.corpus import prose

PROJECT = Path(__file__).resolve().parents[2]
LINKED = sorted(path.name for path in (PROJECT / "src" / "gristmill").iterdir() if path.is_symlink())
NO_CACHE = shutil.ignore_patterns("__pycache__", "*.egg-info")
SHADOWS = ("tasks/__init__", "flows/__init__", "evals/__init__", "gristmill", "json", "polars", "uvicorn")
BREAKS = "raise ImportError('this is a file of the working folder')\n"


def done(*words: str, cwd: Path, environment: dict[str, str] | None = None) -> str:
    """What a command writes to standard output. It must end well."""
    ended = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{words}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the wheel is built from, because a build writes into it."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, tree)
    for name in ("src", *LINKED):
        shutil.copytree(PROJECT / name, tree / name, symlinks=True, ignore=NO_CACHE)
    return tree


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-index")
    done(*pip, "--no-build-isolation", "--wheel-dir", str(folder), ".", cwd=tree)
    (found,) = folder.glob("gristmill-*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the environment. The wheel comes first, so that pip sees no other gristmill."""
    folder = tmp_path_factory.mktemp("environment")
    done(sys.executable, "-m", "venv", "--without-pip", str(folder), cwd=folder)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python))
    done(*pip, "install", "--no-deps", "--no-index", "--no-compile", str(wheel), cwd=folder)
    site = Path(done(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    borrowed = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    (site / "evals").mkdir()
    (site / "evals" / "__init__.py").write_text("NAME = 'a package of somebody else'\n", encoding="utf-8")
    compiled = Path("__pycache__") / sources_digest()
    if (KERNELS / compiled).is_dir():  # compiling takes minutes, and is not what is tested here
        shutil.copytree(KERNELS / compiled, site / "gristmill" / "tasks" / "kernels" / compiled)
    return folder


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path, tree: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    assert {name.partition("/")[0] for name in names} == {
        "gristmill",
        wheel.name.replace("-py3-none-any.whl", ".dist-info"),
    }
    expected = {
        f"gristmill/{path.relative_to(tree).as_posix()}"
        for name in LINKED
        for path in (tree / name).rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    held = {name for name in names if name.startswith("gristmill/")}
    assert held == expected | {"gristmill/__init__.py", "gristmill/py.typed"}


def test_it_curates_in_a_folder_whose_files_are_called_like_ours(environment: Path, tmp_path: Path) -> None:
    for name in SHADOWS:
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(BREAKS, encoding="utf-8")
    rows = [{"id": number, "text": "\n\n".join(prose(random.Random(number), 8))} for number in range(8)]
    (tmp_path / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    kept_out = ("PYTHON", "PREFECT", "GRISTMILL")
    own = {name: value for name, value in os.environ.items() if not name.startswith(kept_out)}
    command = str(environment / "bin" / "gristmill")
    words = ("--input", "pages.jsonl", "--source", "own", "--policy", "demo", "--lake", "lake", "--json")
    try:
        counts = json.loads(done(command, "curate", *words, cwd=tmp_path, environment=own))
    finally:
        done(command, "serve", "--stop", "--lake", "lake", cwd=tmp_path, environment=own)
    assert counts["records"] == counts["kept"] == len(rows)
    program = """
import sys
import gristmill as gm
import evals
kept = gm.Lake("lake").curated("own").scan().collect()
print(evals.NAME, kept.height, gm.__file__)
"""
    told = done(str(environment / "bin" / "python"), "-P", "-c", program, cwd=tmp_path, environment=own)
    assert told.startswith(f"a package of somebody else {len(rows)} {environment}")


def test_children_do_not_look_into_the_working_folder() -> None:
    """Every start of one of our modules by its name says so, with ``-P`` or ``-I``."""
    starts = [
        (path, line.strip())
        for name in LINKED
        for path in (PROJECT / name).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if '"-m", "gristmill.' in line
    ]
    assert len(starts) >= 7
    for path, line in starts:
        assert '"-P"' in line or '"-I"' in line, f"{path}: {line}"
