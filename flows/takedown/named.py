"""Which outputs of a lake its manifests and datasets name: what is not named is of a run that was killed."""

from pathlib import Path

from pydantic import ValidationError

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Manifest


def read_manifest(path: Path) -> Manifest | None:
    """A manifest; None for one that is cut off or damaged."""
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError:
        return None


def named_outputs(lake: Lake) -> set[Path]:
    """Every file and folder that a manifest or a dataset names, current or earlier."""
    named: set[Path] = set()
    for path in (lake.root / "data" / "manifests").rglob("*.json"):
        manifest = read_manifest(path)
        if manifest is not None:
            named |= {lake.path(ref) for ref in manifest.outputs} | {lake.files_path(ref) for ref in manifest.files}
    for path in (lake.root / "data" / "datasets").rglob("*.json"):
        dataset = Dataset.model_validate_json(path.read_bytes())
        named |= {lake.path(ref) for refs in dataset.tables.values() for ref in refs}
        named |= {lake.files_path(ref) for refs in dataset.files.values() for ref in refs}
    return named
