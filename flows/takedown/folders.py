"""Folders of files without what was taken down: tokens, held-out text, and whatever else a step wrote.

Tokens are overwritten with ends of text where they stand, in the same file, so that rows of plans and lineage keep
their places, and files that an export linked to lose them too. Lines of held-out text go. In other files of text the
needles are blanked; a tokenizer and weights are left as they are, since they would not work any more.

Each change can be made twice. Cost: a look at the doc_ids; a read of the files of text.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gristmill.core.damage import lake_of
from gristmill.core.files.atomic import publish
from gristmill.core.files.scratch import temporary_folder
from gristmill.flows.takedown.contents import blanked_bytes
from gristmill.flows.takedown.proof.needles import Finder
from gristmill.tasks.ingest.barred import Barred
from gristmill.tasks.mix.token_store import ID_BYTES, MANIFEST

TOKENS, HELDOUT = "tokens", "heldout"
LEFT = frozenset({"tokenizer.json", "tokenizer_config.json"})
WORDS = frozenset({".json", ".jsonl", ".txt", ".md", ".out", ".log", ".csv", ".tsv", ".err", ".html", ".yaml", ".toml"})


def change_folder(folder: Path, name: str, barred: Barred, finder: Finder, begin: Callable[[], None]) -> bool:
    """Change the files of a folder; ``begin`` is called before the first change. Returns whether there was any."""
    if name == TOKENS and (folder / MANIFEST).is_file():
        return blank_tokens(folder, barred, begin)
    changed = False
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in WORDS):
        if path.name in LEFT:
            continue
        changed |= change_lines(path, barred, begin) if path.suffix == ".jsonl" else False
        changed |= blank_file(path, finder, begin)
    return changed


def blank_tokens(folder: Path, barred: Barred, begin: Callable[[], None]) -> bool:
    """Overwrite the tokens of documents with ends of text."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    dtype = np.dtype(manifest["dtype"])
    wanted = {bytes.fromhex(doc_id) for doc_id in barred.documents}
    changed = False
    for path in sorted(folder.glob("*.docs")):
        doc_ids = path.read_bytes()
        rows = [
            row for row in range(len(doc_ids) // ID_BYTES) if doc_ids[row * ID_BYTES : (row + 1) * ID_BYTES] in wanted
        ]
        if not rows:
            continue
        ends = np.fromfile(path.with_suffix(".ends"), dtype="<u8").astype(np.int64)
        with path.with_suffix(".tok").open("r+b") as file:
            for row in rows:
                start, stop = int(ends[row - 1]) if row else 0, int(ends[row])
                file.seek(start * dtype.itemsize)
                blank = np.full(stop - start, manifest["eos_id"], dtype).tobytes()
                if file.read(len(blank)) != blank:
                    begin()
                    file.seek(start * dtype.itemsize)
                    file.write(blank)
                    changed = True
            file.flush()
            os.fsync(file.fileno())
    return changed


def change_lines(path: Path, barred: Barred, begin: Callable[[], None]) -> bool:
    """Remove the lines of JSON that name a document in ``doc_id``."""
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if _document_of(line) not in barred.documents]
    if len(kept) == len(lines):
        return False
    begin()
    replace_file(path, b"".join(kept))
    return True


def blank_file(path: Path, finder: Finder, begin: Callable[[], None] = lambda: None) -> bool:
    """Blank the needles in a file of text. Memory: the file."""
    data = path.read_bytes()
    if not finder(data):
        return False
    begin()
    replace_file(path, blanked_bytes(data, finder))
    return True


def replace_file(path: Path, content: bytes) -> None:
    """Write a file of a lake in one rename, with the permissions that it has."""
    root = lake_of(path)
    mode = path.stat().st_mode
    with temporary_folder(root or path.parent) as folder:
        part = folder / "part"
        part.write_bytes(content)
        part.chmod(mode & 0o7777)
        publish(part, path)


def _document_of(line: bytes) -> str | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    doc_id = found.get("doc_id") if isinstance(found, dict) else None
    return doc_id if isinstance(doc_id, str) else None
