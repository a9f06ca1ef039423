"""Signatures: which corpora a person has signed, and which unsigned ones something was made from.

A corpus is the curated files of one source, named by one digest of theirs: the same content is signed whenever it was
made. What a mix was made from is written in the manifests of its tokens, so the mark "unsigned" follows mixtures, runs,
checkpoints and scores without being copied: it is read where it is shown. A signature given later takes it away, and
one that is withdrawn brings it back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel, Field

from gristmill.core.digests import digest_digests
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef
from gristmill.schemas.reviews.records import Signature
from gristmill.schemas.tables import Checkpoints, Curated, Runs
from gristmill.warehouse.reviews.store import Reviews

TOKENS_STEP = "tokens"
UNKNOWN = "a corpus that is no longer current"


def corpus_files(dataset: Dataset) -> tuple[str, ...]:
    """The digests of the curated files of a curation, sorted."""
    return tuple(sorted(ref.digest for ref in dataset.tables[Curated.name] if ref.rows))


def corpus_digest(dataset: Dataset) -> str:
    """One digest of the curated files of a curation, 32 hex digits."""
    return digest_digests(corpus_files(dataset))


@dataclass(frozen=True)
class SignedCorpora:
    """The signatures of a lake at one moment."""

    lake: Lake

    @cached_property
    def standing(self) -> dict[str, Signature]:
        """The signatures that hold, by corpus: the last of each, where it was not withdrawn."""
        last = {signature.corpus: signature for signature in Reviews(self.lake.root).signatures()}
        return {corpus: signature for corpus, signature in last.items() if not signature.withdrawn}

    @cached_property
    def files(self) -> frozenset[str]:
        """The digests of all curated files that are signed."""
        return frozenset(digest for signature in self.standing.values() for digest in signature.files)

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The source of each curated file of the current curations, by digest."""
        return {digest: dataset.name for dataset in self.lake.datasets("curation") for digest in corpus_files(dataset)}

    def signature(self, dataset: Dataset) -> Signature | None:
        """The signature under a curation, if it holds."""
        return self.standing.get(corpus_digest(dataset))

    def unsigned(self, digests: Iterable[str]) -> list[str]:
        """The sources of the curated files among ``digests`` that nobody signed, by name."""
        return sorted({self.sources.get(digest, UNKNOWN) for digest in digests if digest not in self.files})

    def unsigned_of_mix(self, mix: Dataset) -> list[str]:
        """The unsigned sources that a mix was made from."""
        return self.unsigned(digest for ref in mix.files.get("tokens", ()) for digest in self._curated(ref))

    def unsigned_of_training(self, training: Dataset) -> list[str]:
        """The unsigned sources of the mix that a training read; none where it read examples."""
        key = str(training.config.get("mix", ""))
        if not key:
            return []
        mix = self.lake.dataset("mix", training.name, key)
        return self.unsigned_of_mix(mix) if mix is not None else [UNKNOWN]

    def _curated(self, tokens: FilesRef) -> list[str]:
        manifest = self.lake.manifest(TOKENS_STEP, tokens.shard, tokens.key)
        if manifest is None:
            return [""]  # nobody signed what is not known
        return [entry.digest for entry in manifest.inputs if entry.table == Curated.name]


class UnsignedWork(BaseModel):
    """What was made from corpora that nobody signed, and from which sources."""

    mixes: dict[str, list[str]] = Field(description="by name of the mix")
    runs: dict[str, list[str]] = Field(description="by key of the training run")
    checkpoints: dict[str, list[str]] = Field(description="by digest; scores carry the digest of their checkpoint")


def unsigned_work(lake: Lake) -> UnsignedWork:
    """The marks of the current mixes and trainings. Cost: the manifests of their tokens, and two columns of runs."""
    signed = SignedCorpora(lake)
    mixes = {mix.name: signed.unsigned_of_mix(mix) for mix in lake.datasets("mix")}
    runs: dict[str, list[str]] = {}
    checkpoints: dict[str, list[str]] = {}
    for training in lake.datasets("training"):
        sources = signed.unsigned_of_training(training)
        for table, column, found in ((Runs, "run", runs), (Checkpoints, "checkpoint", checkpoints)):
            for ref in training.tables.get(table.name, ()) if sources else ():
                found.update(dict.fromkeys(lake.read(ref, [column]).column(column).to_pylist(), sources))
    return UnsignedWork(
        mixes={name: sources for name, sources in mixes.items() if sources}, runs=runs, checkpoints=checkpoints
    )
