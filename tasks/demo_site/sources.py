"""Which text is on this machine: the standard library, installed packages, their READMEs, licences and translations.

Listings, file sizes and package metadata cost about a second; the amount of docstrings in a file is estimated without
parsing it. Every list is in the order of names, so it is the same wherever the same packages are.
"""

import importlib.metadata
import importlib.util
import os
import re
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gristmill.tasks.demo_site.docstrings import language_reference, parts_with_text, prose_parts

#: Packages whose docstrings are mathematics.
MATHEMATICS = ("numpy", "scipy", "sympy", "mpmath", "networkx")
#: Packages with long docstrings about everything else. Those that are not installed are passed over.
DOCUMENTED = (
    "pandas",
    "sqlalchemy",
    "polars",
    "pyarrow",
    "duckdb",
    "prefect",
    "pydantic",
    "hypothesis",
    "huggingface_hub",
    "click",
    "rich",
    "aiohttp",
    "websockets",
    "fastapi",
    "starlette",
    "httpx",
    "nicegui",
    "typer",
    "jinja2",
    "urllib3",
    "requests",
    "docutils",
    "pyparsing",
    "datasketch",
    "great_expectations",
    "redis",
    "alembic",
    "narwhals",
    "setuptools",
)
#: Folders and files that are not documentation: tests, vendored copies, and files that name this machine.
SKIPPED = {
    "tests",
    "test",
    "testing",
    "_vendor",
    "vendored",
    "idle_test",
    "site-packages",
    "dist-packages",
    "__pycache__",
}
BUILD_FILES = re.compile(r"(_sysconfigdata.*|__config__|_build_config|config|version|_version)\.py$")
#: This project's own distribution is not part of the site.
OWN = "gristmill"


@dataclass(frozen=True)
class SourceFile:
    """A Python file: its dotted module name, where it is, and its size in bytes."""

    module: str
    path: Path
    size: int


@dataclass(frozen=True)
class Project:
    """An installed distribution: its README and the licence texts it ships, by file name."""

    name: str
    version: str
    readme: str
    content_type: str
    licences: tuple[tuple[str, str], ...]


def standard_library() -> list[SourceFile]:
    """Every Python file of the standard library outside its tests."""
    return _python_files(Path(sysconfig.get_path("stdlib")), "")


def package_files(name: str) -> list[SourceFile]:
    """Every Python file of an installed package outside its tests; none when it is not installed. Imports nothing."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return []
    return _python_files(Path(next(iter(spec.submodule_search_locations))), name + ".")


def _python_files(root: Path, prefix: str) -> list[SourceFile]:
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED and "-" not in name]
        package = os.path.relpath(folder, root).replace(os.sep, ".").strip(".")
        for name in names:
            if not name.endswith(".py") or "-" in name or BUILD_FILES.fullmatch(name):
                continue
            module = ".".join(part for part in (package, name[:-3] if name != "__init__.py" else "") if part)
            if module or prefix:
                path = Path(folder, name)
                found.append(SourceFile((prefix + module).strip("."), path, path.stat().st_size))
    return sorted(found, key=lambda file: file.module)


def documented_parts(file: SourceFile, size: int, least: int) -> list[int]:
    """The parts of ``file`` (``size`` bytes of source each) with at least ``least`` bytes of docstrings, some of them
    of public definitions."""
    if file.size < least:
        return []
    parts = [part for part, prose in sorted(prose_parts(file.path, size).items()) if prose >= least]
    return parts_with_text(file.path, size, parts)


def topics() -> dict[str, str]:
    """The Python language reference as ``pydoc`` carries it, by topic; empty where it is not installed."""
    path = Path(sysconfig.get_path("stdlib")) / "pydoc_data" / "topics.py"
    return dict(sorted(language_reference(path).items())) if path.is_file() else {}


def projects() -> tuple[Project, ...]:
    """Installed distributions in the order of their names, each once."""
    found: dict[str, Project] = {}
    for distribution in importlib.metadata.distributions():
        meta = distribution.metadata
        name = re.sub(r"[-_.]+", "-", meta["Name"] or "").lower()
        if not name or name == OWN or name in found:
            continue
        payload = meta.get_payload()  # type: ignore[attr-defined]  # an email.message.Message, typed as less
        readme = payload if isinstance(payload, str) and payload.strip() else meta["Description"] or ""
        licences = []
        for file in sorted(set(meta.get_all("License-File") or [])):
            text = distribution.read_text(f"licenses/{file}") or distribution.read_text(file)
            if text and "\x00" not in text:
                licences.append((file, text))
        kind = meta["Description-Content-Type"] or ""
        found[name] = Project(name, distribution.version, readme, kind.split(";")[0], tuple(licences))
    return tuple(found[name] for name in sorted(found))


def translations() -> dict[str, list[str]]:
    """Real sentences in other languages, by language tag: message catalogues of installed packages
    (``.po``), and the samples of East Asian prose in the standard library's tests, where those are installed."""
    spec = importlib.util.find_spec("humanize")
    if spec is None or not spec.submodule_search_locations:
        return {}
    out = {}
    for path in sorted(Path(next(iter(spec.submodule_search_locations))).glob("locale/*/LC_MESSAGES/*.po")):
        messages = _messages(path.read_text(encoding="utf-8", errors="replace"))
        if len(messages) >= 20:
            out[path.parts[-3].replace("_", "-")] = messages
    folder = Path(sysconfig.get_path("stdlib")) / "test" / "cjkencodings"
    for language, name in (("zh-Hans", "gb18030"), ("zh-Hant", "big5"), ("ja", "shift_jis"), ("ko", "euc_kr")):
        path = folder / f"{name}-utf8.txt"
        if path.is_file():
            out[language] = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return out


def _messages(text: str) -> list[str]:
    """The translated messages of a ``.po`` file, without its header, placeholders kept."""
    found = re.findall(r'^msgstr(?:\[\d\])? ((?:"(?:[^"\\]|\\.)*"\s*)+)', text, re.M)
    joined = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', part)) for part in found]
    messages = [message.replace(r"\"", '"').replace(r"\n", " ").strip() for message in joined]
    return [message for message in dict.fromkeys(messages) if message and "Content-Type:" not in message]


def scrub(text: str) -> str:
    """``text`` without the folders this interpreter is installed in; shared ones such as ``/usr`` name no machine."""
    for folder in _own_folders():
        text = text.replace(folder, "/opt/python")
    return text


@lru_cache(maxsize=1)
def _own_folders() -> tuple[str, ...]:
    named = {sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(sys.prefix).resolve())}
    return tuple(sorted(named - {"/", "/usr", "/usr/local"}, key=len, reverse=True))
