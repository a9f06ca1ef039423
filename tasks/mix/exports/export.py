"""Export a mixture for a trainer: check it, write it beside its place, and move it there in one rename.

``blend``: the files of each domain, with the weights; the trainer mixes. ``stream``: the rows in the plan's order.
Both refuse a run that would see a domain more often than its cap. Cost: a flat blend links files and writes indexes;
the rest writes the tokens once, about 10 microseconds a row; memory a block of rows, with packing 40 bytes a document.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import UsageError
from gristmill.core.files.atomic import fsync
from gristmill.tasks.mix.exports.accounts import Account, accounts, repacked
from gristmill.tasks.mix.exports.datatrove import Datatrove
from gristmill.tasks.mix.exports.format import Blend, Facts, Format, Piece, general_weights, tokenizer_name, write_json
from gristmill.tasks.mix.exports.jsonl import JsonLines
from gristmill.tasks.mix.exports.litdata import LitData
from gristmill.tasks.mix.exports.megatron import Megatron
from gristmill.tasks.mix.exports.nanogpt import NanoGpt
from gristmill.tasks.mix.exports.olmo import Olmo
from gristmill.tasks.mix.exports.packing import Overflow, PackedRows, pack
from gristmill.tasks.mix.exports.parquet import ParquetTokens
from gristmill.tasks.mix.exports.rows import RowBlock, blocks
from gristmill.tasks.mix.exports.shares import stage_shares
from gristmill.tasks.mix.orders.values import DocumentValues
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import TokenStore

FormatName = Literal["megatron", "datatrove", "olmo", "nanogpt", "litdata", "parquet", "jsonl"]
PACKED = ("parquet", "jsonl")
REPORT, WEIGHTS = "export.json", "weights.json"
TRAINER = "the trainer's own"


class ExportConfig(Config):
    """What to write. ``path_prefix``: what the paths in weight files begin with."""

    format: FormatName
    mode: Literal["blend", "stream"] = "blend"
    packing: Literal["none", "best-fit"] = "none"
    overflow: Overflow = "split"
    target_tokens: int = Field(0, ge=0, description="tokens of the run; 0: those of the plan")
    path_prefix: str


@dataclass(frozen=True)
class Export:
    """A finished export, as ``export.json`` has it."""

    format: str
    mode: str
    packing: str
    overflow: str
    tokens: int
    row_tokens: int
    rows: int
    dtype: str
    eos_id: int
    vocab_size: int
    tokenizer: str
    plan: str
    domains: Mapping[str, Account]
    weight_files: tuple[str, ...]
    files: int
    bytes: int
    linked_bytes: int
    opening: str


def export(
    plan: Plan,
    store: TokenStore,
    caps: Mapping[str, float],
    config: ExportConfig,
    tokenizer: Path,
    out: Path,
    told: Callable[[int], None],
    signals: Sequence[Path] = (),
) -> Export:
    """Write an export to ``out``, which must not exist or be empty.

    ``told`` is called with the rows (or parts) that are done. ``signals``: the folders of values that the plan's stages
    were sorted by; packed rows are sorted by them again.

    Raises :class:`UsageError` for what the format cannot do, and :class:`GristmillError` for a plan of other tokens and
    a domain above its cap.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder. Name another, or remove it.")
    plan.require(store)
    form, packed = _format(store, plan, config), _packed(store, plan, config)
    rows = (config.target_tokens or plan.tokens) // plan.row_tokens
    if rows < 1:
        raise UsageError(
            f"--target-tokens {config.target_tokens}: a run is one row of {plan.row_tokens:,} tokens or more. Name at "
            "least that many."
        )
    if config.mode == "stream" and rows > len(plan):
        raise UsageError(
            f"--target-tokens {config.target_tokens}: a stream holds at most the plan's {plan.tokens:,} tokens. For "
            "more, find a mixture for that many (gristmill mix --target-tokens)."
        )
    ordered = repacked(plan, packed, DocumentValues.open(store, signals))
    domains = accounts(ordered, store, packed, caps, rows, counted=config.mode == "stream")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / f".{out.name}.{os.getpid()}.partial"
    folder.mkdir()
    try:
        if config.mode == "stream":
            form.stream(_told(blocks(ordered, store, packed, rows), told), folder)
            weight_files: list[str] = []
        else:
            weight_files = _blend(form, store, ordered, caps, config, folder, told)
        # Copied, not linked: tools rewrite a tokenizer in place, and a link would change the lake's.
        shutil.copytree(tokenizer, folder / "tokenizer")
        files = [path for path in folder.rglob("*") if path.is_file()]
        done = Export(
            format=config.format,
            mode=config.mode,
            packing=config.packing,
            overflow=config.overflow if config.mode == "stream" else TRAINER,
            tokens=rows * plan.row_tokens,
            row_tokens=plan.row_tokens,
            rows=rows,
            dtype=store.dtype.str,
            eos_id=store.eos_id,
            vocab_size=store.vocab_size,
            tokenizer=store.tokenizer,
            plan=plan.digest,
            domains=domains,
            weight_files=tuple(weight_files),
            files=len(files),
            bytes=sum(path.stat().st_size for path in files),
            linked_bytes=sum(path.stat().st_size for path in files if path.stat().st_nlink > 1),
            opening=form.opening(config.mode),
        )
        return _publish(done, folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _format(store: TokenStore, plan: Plan, config: ExportConfig) -> Format:
    """The format with what it writes down. Raises :class:`UsageError` for what it cannot do."""
    if config.packing != "none" and (config.mode != "stream" or config.format not in PACKED):
        raise UsageError(
            f"--packing {config.packing}: packed rows are padded, and only {' and '.join(PACKED)} with --mode stream "
            "say where. Choose one of them, or no packing."
        )
    if config.packing == "none" and config.overflow != "split":
        raise UsageError(f"--overflow {config.overflow}: without --packing, a document runs on into the next row.")
    facts = Facts(store.dtype, store.eos_id, store.vocab_size, plan.row_tokens, tokenizer_name(store.tokenizer))
    match config.format:
        case "megatron":
            return Megatron(facts)
        case "datatrove":
            return Datatrove(facts)
        case "olmo":
            return Olmo(facts)
        case "litdata":
            return LitData(facts)
        case "parquet":
            return ParquetTokens(facts)
        case "jsonl":
            return JsonLines(facts)
        case "nanogpt":
            if config.mode == "blend":
                raise UsageError("nanogpt: it reads one train.bin and has no weights for domains. Give --mode stream.")
            heldout = [store.parts.get((entry.name, "heldout"), ()) for entry in plan.domains]
            return NanoGpt(facts, [part for parts in heldout for part in parts])


def _packed(store: TokenStore, plan: Plan, config: ExportConfig) -> dict[str, PackedRows]:
    """The packed rows of each domain; none where rows are windows of its tokens."""
    if config.packing == "none":
        return {}
    return {
        entry.name: pack(
            np.diff(store.ends(entry.name, 0, store.tokens(entry.name)), prepend=0), plan.row_tokens, config.overflow
        )
        for entry in plan.domains
    }


def _told(rows: Iterator[RowBlock], told: Callable[[int], None]) -> Iterator[RowBlock]:
    """The same blocks; each is reported when the next is asked for."""
    for block in rows:
        yield block
        told(len(block.domains))


def _blend(
    form: Format,
    store: TokenStore,
    plan: Plan,
    caps: Mapping[str, float],
    config: ExportConfig,
    folder: Path,
    told: Callable[[int], None],
) -> list[str]:
    """Write the parts of each domain and the weight files; the names of those."""
    pieces: dict[str, list[Piece]] = {}
    for entry in plan.domains:
        (folder / entry.name).mkdir()
        for number, part in enumerate(store.parts[entry.name, "train"]):
            path = "/".join(filter(None, [entry.name, form.part(part, folder / entry.name, number)]))
            pieces.setdefault(entry.name, []).append(Piece(path, len(part.tokens), len(part.ends)))
            told(1)
    blend = Blend(pieces, stage_shares(plan), caps, config.path_prefix)
    write_json(folder / WEIGHTS, general_weights(blend))
    return [*form.weights(blend, folder), WEIGHTS]


def _publish(done: Export, folder: Path, out: Path) -> Export:
    """Add the report and move the folder to its place."""
    write_json(folder / REPORT, asdict(done))
    for path in [*folder.rglob("*"), folder]:
        fsync(path)
    folder.replace(out)
    fsync(out.parent)
    return done
