"""The global steps of deduplication in a curation: exact duplicates, repeated lines, pairs, clusters, and verdicts.

Each global step is one run, but the join that proposes pairs and the measuring of pairs can be split into ``parts``
runs, each for a part of the bands or a group of shards, so that several machines can share them. Clusters need only the
pairs.
"""

from gristmill.core.manifest import Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.curate.state import Curation
from gristmill.flows.engines.engine import C, Work
from gristmill.schemas.tables import SIGNALS, Bands, Copies, Cuts, Documents, Lines, Pairs, Verdicts
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.earlier_runs import frozen_name, known
from gristmill.tasks.dedup.exact_duplicates import copies
from gristmill.tasks.dedup.near.clusters import clusters
from gristmill.tasks.dedup.near.pairs import pairs
from gristmill.tasks.dedup.near.propose import candidates
from gristmill.tasks.dedup.repeated_lines import lines, repeated_lines
from gristmill.tasks.dedup.verdicts import dedup_verdicts
from gristmill.tasks.filtering.policy import Policy


def hash_lines(state: Curation, config: DedupConfig) -> None:
    """Hashes of the long lines of every shard, where cuts of repeated lines are asked for."""
    if config.lines is not None:
        state.each(lines, config.lines.lines(), state.shards)


def deduplicate(state: Curation, policy: Policy) -> None:
    """Give every open shard its verdicts of stage ``deduplicate``, and its cuts of repeated lines."""
    config, frozen = state.settings.dedup.config(), state.frozen
    judged = _judged(state)
    documents = state.all_of(Documents)

    def work(name: str, refs: tuple[Ref, ...], own: C) -> Work[C]:
        return Work(name, Inputs(refs=documents + judged + refs), name, own)

    source = state.settings.source
    earlier = known(state.lake, copies, documents, config.copies(frozen))
    state.per_shard(copies, [work(source, earlier, config.copies(frozen))])
    if config.lines is not None:
        state.per_shard(repeated_lines, [work(source, state.all_of(Copies, Lines), config.repeats(frozen))])
    found = state.all_of(Copies, Cuts)
    earlier = known(state.lake, pairs, documents, config.pairs(frozen))
    spread = state.settings.dedup.parts
    if spread == 1:
        state.per_shard(pairs, [work(source, found + state.all_of(Bands) + earlier, config.pairs(frozen))])
    else:
        parts = [
            work(f"{source}-{part:03d}", found + state.all_of(Bands), config.candidates(part, spread, frozen))
            for part in range(spread)
        ]
        proposed = state.per_shard(candidates, parts)
        groups = [group for group in (state.shards[first::spread] for first in range(spread)) if group]
        measured = [
            work(
                f"{source}-{number:03d}",
                found + proposed + earlier,
                config.pairs(frozen, only=tuple(sorted(frozen_name(entry.documents) for entry in group))),
            )
            for number, group in enumerate(groups)
        ]
        state.per_shard(pairs, measured)
    quality = config.clusters(policy.quality, frozen)
    state.per_shard(clusters, [work(source, found + state.all_of(Pairs, *SIGNALS), quality)])
    state.each(dedup_verdicts, config.verdicts(), state.open)


def _judged(state: Curation) -> tuple[Ref, ...]:
    """The verdicts that decide which documents take part: the policy's, or the final ones of a frozen shard."""
    return tuple(entry.standing or entry.of(Verdicts)[0] for entry in state.shards)
