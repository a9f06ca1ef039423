"""What the commands ``lineage`` and ``trace`` ask: checkpoints by name, what they read, and texts in training tokens.

The functions that answer are in :mod:`gristmill.tasks.lineage`. Suffix arrays are made by a step, outside Prefect (they
are an index that is made when it is first asked for, not a run that somebody watches), beside other runs of the lake.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from gristmill.core.config import did_you_mean
from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.reporter import Reporter
from gristmill.flows.upkeep.lock import shared
from gristmill.tasks.lineage.passages import Corpus
from gristmill.tasks.lineage.spans import open_blocks
from gristmill.tasks.lineage.suffixes import SuffixConfig, write_suffixes
from gristmill.tasks.lineage.trained import TrainedCheckpoint, all_trained, mix_of
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokenizer import TextTokenizer

LEAST_DIGITS = 6
MIX = "gristmill mix --method proportional"


def named_checkpoint(words: str, lake: Lake) -> TrainedCheckpoint:
    """The checkpoint of this lake that ``words`` name: its folder, a copy of it, its digest's start, or its label.

    Raises :class:`UsageError` when there is none, or when several are called so, and
    :class:`gristmill.evals.admission.weights.CheckpointError` for a folder that holds no checkpoint.
    """
    known = all_trained(lake)
    if not known:
        mixes = lake.names("mix")
        train = on_lake(f"gristmill train --mix {shlex.quote(mixes[0])}" if mixes else "gristmill train", lake.root)
        first = "" if mixes else f"{on_lake(MIX, lake.root)}, and then "
        raise UsageError(f"no checkpoint was trained on a mix of the lake {lake.root}. Run {first}{train}")
    found = [entry for entry in known if words == entry.label]
    if not found and len(words) >= LEAST_DIGITS:
        found = [entry for entry in known if entry.digest.startswith(words)]
    folder = Path(words)
    if not found and folder.is_dir():
        found = [entry for entry in known if (lake.root / entry.path).resolve() == folder.resolve()]
        if not found:
            from gristmill.evals.admission.checkpoint import admit

            digest = admit(folder).digest
            found = [entry for entry in known if entry.digest == digest]
            if not found:
                raise UsageError(f"{words}: this checkpoint was not trained in this lake, so what it read is unknown.")
    if len({entry.digest for entry in found}) > 1:
        several = ", ".join(f"{entry.digest[:12]} (mix {entry.mix})" for entry in found)
        raise UsageError(f"{words!r} names {len(found)} checkpoints: {several}. Give the start of a digest.")
    if not found:
        labels = [entry.label for entry in known]
        raise UsageError(f"no checkpoint of this lake is called {words!r}{did_you_mean(words, labels)}")
    return found[0]


def named_mix(name: str, lake: Lake) -> Dataset:
    """The mix of that name, or with an empty name the only one. Raises :class:`UsageError`."""
    if name:
        return lake.expect("mix", name)
    names = lake.names("mix")
    if len(names) != 1:
        have = (
            f"It has {', '.join(names)}: name one with --mix."
            if names
            else f"Make one first: {on_lake(MIX, lake.root)}"
        )
        raise UsageError(f"the lake {lake.root} has {len(names)} mixes. {have}")
    return lake.expect("mix", names[0])


def corpus_of(mix: Dataset, trained: TrainedCheckpoint | None, lake: Lake, report: Reporter) -> Corpus:
    """The training tokens of a mix with their suffix arrays, made where they are missing."""
    tokens = mix.files["tokens"]
    suffixes = suffixes_of(tokens, lake, report)
    folders = [lake.files_path(ref) for ref in tokens]
    store = TokenStore.open(folders)
    blocks = open_blocks(store, list(zip(folders, map(lake.files_path, suffixes), strict=True)))
    (tokenizer,) = mix.files["tokenizer"]
    return Corpus(mix, blocks, TextTokenizer.load(lake.files_path(tokenizer)), trained)


def suffixes_of(tokens: Sequence[FilesRef], lake: Lake, report: Reporter) -> list[FilesRef]:
    """The suffix arrays of folders of tokens, one folder each; nothing is shown when all are cached.

    One at a time, since each takes half a gigabyte.
    """
    config = SuffixConfig()
    inputs = [Inputs(files=(ref,)) for ref in tokens]
    cached = [
        lake.manifest(write_suffixes.name, ref.shard, write_suffixes.key(config, read))
        for ref, read in zip(tokens, inputs, strict=True)
    ]
    found = [manifest for manifest in cached if manifest is not None]
    if len(found) < len(tokens):
        found = []
        with shared(lake), report.track("sort tokens", sum(map(_megabytes, tokens)), "MB") as advance:
            for ref, read in zip(tokens, inputs, strict=True):
                found.append(write_suffixes.run(lake, ref.shard, read, config).manifest)
                advance(_megabytes(ref))
    return [ref for manifest in found for ref in manifest.files]


def _megabytes(ref: FilesRef) -> int:
    return max(1, ref.bytes // 1_000_000)


def mix_read(trained: TrainedCheckpoint | None, name: str, lake: Lake) -> Dataset:
    """The mix to look through: the checkpoint's, or else the one called ``name``, or else the only one."""
    return mix_of(trained, lake) if trained is not None and not name else named_mix(name, lake)
