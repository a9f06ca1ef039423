"""The journal of a takedown: what it does, in clear, until it is done; then only the certificate is left.

::

    takedowns/<id>/journal.json     the request, the documents, the needles: mode 0600, removed at the end
    takedowns/<id>/changes.jsonl    what stands for which file from now on, a line before the old file goes
    takedowns/<id>.json             the certificate

While a journal is there no run uses the lake (:mod:`gristmill.flows.upkeep.lock`), and the next ``gristmill takedown``
finishes it. Each step can be done twice, so a kill costs nothing but time.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.files.atomic import fsync
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Ref
from gristmill.core.supersede import Changes
from gristmill.flows.takedown.proof.needles import Needle, NeedleKind
from gristmill.flows.takedown.request import Request

FOLDER = "takedowns"
PLAN, CHANGES = "journal.json", "changes.jsonl"


class Plan(Config):
    """Everything that a takedown needs to go on after a kill. ``tombstones``: those of this takedown."""

    id: str
    request: Request
    reason: str = ""
    name: str = ""
    at: str
    documents: tuple[str, ...]
    asides: int = 0
    tombstones: tuple[tuple[str, str], ...]
    needles: tuple[tuple[str, str, str], ...] = Field(description="kind, name and text")
    encodings: tuple[str, ...] = ()
    stale: tuple[dict[str, Any], ...] = ()
    found: dict[str, Any] = Field(default_factory=dict, description="counts for the certificate")

    @property
    def looked_for(self) -> list[Needle]:
        """What the search has to find nowhere."""
        return [Needle(NeedleKind(kind), name, text) for kind, name, text in self.needles]


@dataclass
class Journal:
    """A takedown under way: its plan, and what has become of files so far."""

    lake: Lake
    plan: Plan
    changes: Changes = field(default_factory=Changes)
    datasets: dict[str, str] = field(default_factory=dict)
    """Keys of datasets, and those that stand for them."""
    begun: set[str] = field(default_factory=set)
    """Folders of files that were begun to be changed in place."""
    record: list[dict[str, str]] = field(default_factory=list)
    """Every change, for the certificate: file, digest before, digest after."""

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.lake.root / FOLDER / self.plan.id

    def begin(self) -> None:
        """Write the plan; from here on the takedown is finished by whoever comes next."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path, temporary = self.folder / PLAN, self.folder / f".{PLAN}"
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(self.plan.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        fsync(self.folder)

    def changed(self, old: Ref | FilesRef, new: Ref | FilesRef) -> None:
        """Note that ``new``, which is there, stands for ``old``."""
        if old != new:
            kind = "table" if isinstance(old, Ref) else "files"
            self._append({"kind": kind, "old": old.model_dump(mode="json"), "new": new.model_dump(mode="json")})

    def renamed(self, old: str, new: str) -> None:
        """Note that the dataset of key ``new`` stands for that of key ``old``."""
        self._append({"kind": "dataset", "old": old, "new": new})

    def begins(self, place: str) -> None:
        """Note that the files of a folder are about to be changed in place."""
        if place not in self.begun:
            self._append({"kind": "begun", "old": place, "new": ""})

    def _append(self, line: dict[str, Any]) -> None:
        with (self.folder / CHANGES).open("ab") as file:
            file.write(json.dumps(line, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(line)

    def _take(self, line: dict[str, Any]) -> None:
        kind, old, new = line["kind"], line["old"], line["new"]
        if kind == "dataset":
            self.datasets[old] = new
        elif kind == "begun":
            self.begun.add(old)
        else:
            model = Ref if kind == "table" else FilesRef
            before, after = model.model_validate(old), model.model_validate(new)
            self.changes.add(before, after)
            where = old["table"] if kind == "table" else f"files/{old['name']}"
            entry = {"what": where, "shard": old["shard"], "before": before.digest, "after": after.digest}
            self.record.append(entry)

    @classmethod
    def open(cls, lake: Lake, folder: Path) -> "Journal":
        """An unfinished takedown, as far as it came. A last line that a kill cut short did not count yet."""
        journal = cls(lake, Plan.model_validate_json((folder / PLAN).read_bytes()))
        path = folder / CHANGES
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
        if path.is_file():
            path.write_bytes(b"".join(line + b"\n" for line in lines))
        for line in lines:
            journal._take(json.loads(line))
        return journal

    def end(self) -> None:
        """Remove the journal: the plan, which makes it one, comes last."""
        (self.folder / CHANGES).unlink(missing_ok=True)
        (self.folder / PLAN).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def unfinished(lake: Lake) -> list[Path]:
    """The folders of takedowns that were begun and not finished, in order of their ids."""
    return sorted(path.parent for path in (lake.root / FOLDER).glob(f"*/{PLAN}"))
