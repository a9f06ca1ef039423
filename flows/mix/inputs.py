"""What the steps before a mixture read: the work of domains, tokenizer, tokens and signals. No Prefect here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.step import Step
from gristmill.flows.domains.assigning import work_of
from gristmill.flows.engines.engine import Work
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.mix.signals import signal_tables
from gristmill.tasks.domains.assign import AssignConfig
from gristmill.tasks.mix.curated import SplitConfig
from gristmill.tasks.mix.orders.signals import SignalConfig
from gristmill.tasks.mix.tokenizer import TokenizerConfig, train_tokenizer
from gristmill.tasks.mix.tokenizer_files import find_tokenizer, take_tokenizer
from gristmill.tasks.mix.tokens import TokensConfig


def tokenizer_work(settings: MixSettings, name: str, curated: Inputs) -> tuple[Step[Any], Work[Any]]:
    """The step that gives the tokenizer that the settings name, or one learnt from the text, and its work.

    Raises ``UsageError`` for a path that holds none, and one whose end of text is not known.
    """
    if settings.tokenizer:
        config, context = find_tokenizer(Path(settings.tokenizer), settings.eos)
        return take_tokenizer(context), Work(name, Inputs(), name, config)
    learnt = TokenizerConfig(
        model=settings.tokenizer_model,
        vocab_size=settings.vocabulary,
        split=SplitConfig(heldout_share=settings.heldout_share),
    )
    return train_tokenizer, Work(name, curated, name, learnt)


def domain_work(settings: MixSettings, curated: Sequence[Ref], lake: Lake) -> list[Work[AssignConfig]]:
    """The work of the step ``assign_domains``, for each curated shard; nothing where no rules are given.

    Raises ``UsageError`` for a model that is not there, or lacks what a rule names.
    """
    if settings.domains is None:
        return []
    from gristmill.flows.domains.resolve import resolve  # imports numba and scipy

    return work_of(resolve(settings.domains, lake), curated)


def token_work(
    settings: MixSettings, curated: Sequence[Ref], assigned: Sequence[Ref], tokenizer: FilesRef
) -> list[Work[TokensConfig]]:
    """The work of the step ``write_tokens``, for each curated shard that has rows.

    ``assigned``: the domains of each shard by rules, or nothing.
    """
    config = TokensConfig(heldout_share=settings.heldout_share)
    refs = [(ref, own) for ref, own in zip(curated, assigned, strict=True)] if assigned else [(ref,) for ref in curated]
    return [
        Work(each[0].shard, Inputs(refs=each, files=(tokenizer,)), each[0].shard, config)
        for each in refs
        if each[0].rows
    ]


def signal_work(
    signal: str, settings: MixSettings, curated: Sequence[Ref], tokens: Sequence[FilesRef], lake: Lake
) -> list[Work[SignalConfig]]:
    """The work of the step that finds the values of a signal, for each folder of tokens, which are those of the curated
    shards that have rows, in their order.

    Raises ``UsageError`` for a signal that the curations did not compute.
    """
    tables = signal_tables(signal, settings.sources, lake)
    return [
        Work(ref.shard, Inputs(refs=(tables[ref],), files=(folder,)), ref.shard, SignalConfig(signal=signal))
        for ref, folder in zip((ref for ref in curated if ref.rows), tokens, strict=True)
    ]
