"""The rules of the house as functions over a tree of modules.

Each takes the root of a project, real or made up, and returns what breaks the rule; an empty result: it holds.

The import contracts stand in ``pyproject.toml`` and import-linter checks them; the rest is here.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGES = ("core", "schemas", "tasks", "flows", "evals", "warehouse", "dashboards")
"""The folders that are packages of gristmill."""

MODULES_A_FOLDER = 15
LINES_A_MODULE = 300


def modules(root: Path) -> Iterator[Path]:
    """Every module of the packages, relative to the root, in order."""
    for package in PACKAGES:
        yield from sorted(path.relative_to(root) for path in (root / package).rglob("*.py"))


def _text(root: Path, path: Path) -> str:
    return (root / path).read_text(encoding="utf-8")


def crowded_folders(root: Path) -> dict[str, int]:
    """Folders with more than 15 modules, ``__init__`` not counted."""
    counts: dict[str, int] = defaultdict(int)
    for path in modules(root):
        counts[path.parent.as_posix()] += path.name != "__init__.py"
    return {folder: count for folder, count in counts.items() if count > MODULES_A_FOLDER}


def long_modules(root: Path) -> dict[str, int]:
    """Modules with more than 300 lines."""
    lines = {path.as_posix(): _text(root, path).count("\n") for path in modules(root)}
    return {path: count for path, count in lines.items() if count > LINES_A_MODULE}


def repeated_classes(root: Path) -> dict[str, list[str]]:
    """Names that two classes of one package bear: ``package.Name`` and the modules that define it."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in modules(root):
        for node in ast.parse(_text(root, path)).body:
            if isinstance(node, ast.ClassDef):
                places[f"{path.parts[0]}.{node.name}"].append(path.as_posix())
    return {name: paths for name, paths in places.items() if len(paths) > 1}


def manifest_writers(root: Path) -> list[str]:
    """Modules outside core that write a manifest: they call ``write_manifest`` or make a ``Manifest``."""
    return [
        path.as_posix()
        for path in modules(root)
        if path.parts[0] != "core"
        and any(
            isinstance(node, ast.Call) and _name(node.func) in {"write_manifest", "Manifest"}
            for node in ast.walk(ast.parse(_text(root, path)))
        )
    ]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def homeless_tests(root: Path) -> list[str]:
    """Unit tests whose folder mirrors no package: ``tests/unit/tasks/mix`` needs ``tasks/mix``. ``project`` is free."""
    unit = root / "tests" / "unit"
    tests = sorted(path.relative_to(unit) for path in unit.rglob("test_*.py"))
    return [
        path.as_posix()
        for path in tests
        if path.parent != Path("project") and (path.parts[0] not in PACKAGES or not (root / path.parent).is_dir())
    ]


_OLD_IMPORT = re.compile(rf"^\s*(?:from|import)\s+(?:{'|'.join(PACKAGES)})\b(?=[\s.])(?! (?:of|from|to)\b).*", re.M)
_OLD_START = re.compile(rf"-m[\s\",']+(?:{'|'.join(PACKAGES)})\b")
_OLD_MODULE = re.compile(rf"`(?:{'|'.join(PACKAGES)})\.[a-z_]+(?:\.\w+)*`")
_PATH = re.compile(
    rf"(?<![\w./@-])(?:{'|'.join(PACKAGES)}|benchmarks|tests|docs|requirements|tools|src)"
    r"/[\w./@-]*\w\.(?:py|yaml|yml|sql|md|jsonl|sh|txt|svg|png|css)\b"
)
_PART = re.compile(r"(?<![\w./@-])([a-z_]+)/[\w/]*\w\.py\b")
_MODULE = re.compile(rf"(?<![\w./])gristmill\.(?:{'|'.join(PACKAGES)})(?:\.\w+)*")


def old_names(root: Path, files: Iterable[Path]) -> list[str]:
    """Names of modules from before there was one package, and modules and paths that do not exist, as ``file: name``.

    A path may begin at a room, such as ``mix/plan.py`` for ``tasks/mix/plan.py``. ``files`` are relative to the root.
    """
    found = []
    known = [f"/{path.as_posix()}" for path in modules(root)]
    rooms = {part for path in modules(root) for part in path.parts[1:-1]}
    for file in files:
        text = _text(root, file)
        names = [
            match[0].strip() for pattern in (_OLD_IMPORT, _OLD_START, _OLD_MODULE) for match in pattern.finditer(text)
        ]
        names += [match[0] for match in _PATH.finditer(text) if not (root / match[0]).exists()]
        parts = [match[0] for match in _PART.finditer(text) if match[1] in rooms]
        names += [part for part in parts if not any(path.endswith(f"/{part}") for path in known)]
        names += [match[0] for match in _MODULE.finditer(text) if not _resolves(root, match[0])]
        found += [f"{file.as_posix()}: {name}" for name in names]
    return found


def _resolves(root: Path, name: str) -> bool:
    """Whether a dotted name leads to a module or folder; what follows a module is a name inside it."""
    place = root
    for part in name.split(".")[1:]:
        if (place / f"{part}.py").is_file():
            return True
        if not (place / part).is_dir():
            return _inside(place / "__init__.py", part)
        place /= part
    return True


def _inside(module: Path, name: str) -> bool:
    return module.is_file() and re.search(rf"\b{name}\b", module.read_text(encoding="utf-8")) is not None
