"""What to report about a damaged or missing file of the lake: what it contains, what wrote it, and how to rebuild it.

The path alone says much (``gristmill.core.lake`` has the layout); the step and the dataset that needs the file are
looked up in the manifests and datasets. These are read as plain JSON because they may be damaged too. Cost: nothing
while all is well; otherwise about 50 µs for each manifest of the lake.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gristmill.core.errors import GONE, DamageError
from gristmill.core.hints import on_lake

#: For each kind of dataset: the command that makes it, and what its name refers to.
MADE_BY = {
    "curation": ("gristmill curate", "source"),
    "mix": ("gristmill mix", "mix"),
    "trial_reuse": ("gristmill mix", "mix"),
    "training": ("gristmill train", "mix"),
    "evaluation": ("gristmill evaluate", "checkpoint"),
    "contamination": ("gristmill contamination", "corpus"),
    "speed": ("gristmill speed", "model"),
}
PIPELINE = "or `gristmill run` or `gristmill demo`, if that made it"
Named = tuple[str, str]


def damaged(path: Path, fault: str, moved: Path | None = None) -> DamageError:
    """The error for ``path``: what the file is and which command rebuilds it; ``moved``: where the file is now."""
    root = lake_of(path)
    if root is None:
        return DamageError(path, fault, "Rebuild it, or restore it from a backup.")
    holds, dataset = _about(root, path)
    if moved is not None:
        first = f"It was moved to {moved}. Run"
    elif fault == GONE:
        first = "Run"
    else:
        first = f"`{on_lake('gristmill verify', root)}` moves what is damaged aside; then run"
    command = "the same command" if dataset is None else command_for(root, *dataset)
    options = "" if dataset is None else f" with the same options ({PIPELINE})"
    return DamageError(path, fault, f"{holds}{first} {command} again{options}, which rebuilds it.")


def lake_of(path: Path) -> Path | None:
    """The lake that ``path`` is in."""
    return next((folder for folder in path.parents if (folder / "lake.json").exists()), None)


def _about(root: Path, path: Path) -> tuple[str, Named | None]:
    """A sentence saying what the file contains and what wrote it, and the dataset that needs it."""
    match path.relative_to(root).parts:
        case ("data", "tables", *table, shard, file):
            return _output(root, f"table {'/'.join(table)}", shard, Path(file).stem)
        case ("data", "files", name, shard, key, *_):
            return _output(root, f"files {name}", shard, key)
        case ("data", "manifests", step, shard, _):
            return f"It describes what step {step} wrote for shard {shard}. ", None
        case ("data", "datasets", kind, name, _):
            return f"It describes the {kind} {name}. ", (kind, name)
        case ("catalog", kind, file):
            return f"It says which {kind} {Path(file).stem} is current. ", (kind, Path(file).stem)
        case _:
            return "", None


def _output(root: Path, what: str, shard: str, key: str) -> tuple[str, Named | None]:
    manifests = list(_read(sorted((root / "data" / "manifests").rglob("*.json"))))
    maker = next((entry for entry in manifests if (shard, key) in _made(entry)), None)
    wrote = "no manifest says which step wrote it" if maker is None else f"step {maker.get('step')} wrote it"
    return f"It is {what} of shard {shard}; {wrote}. ", _needing(_current(root), manifests, shard, key)


def _needing(datasets: list[dict[str, Any]], manifests: list[dict[str, Any]], shard: str, key: str) -> Named | None:
    """Kind and name of the first dataset that names an output, or something made from it."""
    wanted = {(shard, key)}
    while wanted:
        for entry in datasets:
            if wanted & set(_made(entry)):
                return entry["kind"], entry["name"]
        digests = {made[place] for entry in manifests for made in (_made(entry),) for place in wanted & set(made)}
        after: list[dict[str, Any]] = []
        rest: list[dict[str, Any]] = []
        for entry in manifests:
            (after if digests & set(_inputs(entry)) else rest).append(entry)
        manifests = rest
        wanted = {place for entry in after for place in _made(entry)}
    return None


def _made(entry: dict[str, Any]) -> dict[tuple[str, str], str]:
    """The digests of the outputs that a manifest or dataset names, by shard and key; empty if it is damaged."""
    try:
        if "step" in entry:
            refs = [*entry["outputs"], *entry["files"]]
        else:
            refs = [ref for group in ("tables", "files") for found in entry[group].values() for ref in found]
        return {(ref["shard"], ref["key"]): ref["digest"] for ref in refs}
    except (KeyError, TypeError, AttributeError):
        return {}


def _inputs(entry: dict[str, Any]) -> list[str]:
    """The digests of the inputs of a manifest."""
    try:
        return [given["digest"] for given in entry["inputs"]]
    except (KeyError, TypeError):
        return []


def _current(root: Path) -> list[dict[str, Any]]:
    """The current datasets that can be read."""
    pointers = sorted((root / "catalog").rglob("*.json"))
    return [
        dataset
        for pointer in pointers
        for named in _read([pointer])
        for dataset in _read([root / "data/datasets" / pointer.parent.name / pointer.stem / f"{named.get('key')}.json"])
    ]


def _read(paths: list[Path]) -> Iterator[dict[str, Any]]:
    """JSON objects; unreadable ones are left out, since only sound ones can tell us anything."""
    for path in paths:
        try:
            entry = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(entry, dict):
            yield entry


def command_for(root: Path, kind: str, name: str) -> str:
    """The command that makes a dataset, as far as the lake knows it, and the dataset's name."""
    if kind == "gates":  # named after the verb that ran them, and what it ran them on
        verb, _, name = name.partition("-")
        if verb == "curate":
            return command_for(root, "curation", name)
        return f"`{on_lake(f'gristmill {verb}', root)} ...` for {name}"
    command, of = MADE_BY.get(kind, ("gristmill run", kind))
    return f"`{on_lake(command, root)} ...` for the {of} {name}"
