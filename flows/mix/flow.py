"""The mix flow: curated text to a tokenizer, a token store, mixtures with their plans, and held-out text."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import flow

from gristmill.core.files.places import check_name
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Manifest, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.step import Step
from gristmill.flows.checks import curated_refs
from gristmill.flows.domains.assigning import domains_in, unused_rules
from gristmill.flows.engines.engine import Work
from gristmill.flows.engines.local import threads
from gristmill.flows.fields import LakePath
from gristmill.flows.mix.changes import change_since, fingerprints, keep_change, kept_change
from gristmill.flows.mix.curriculum import find_signals, write_stages
from gristmill.flows.mix.domain_checks import check_names, check_sizes
from gristmill.flows.mix.inputs import domain_work, token_work, tokenizer_work
from gristmill.flows.mix.methods import before_training, mixer_of
from gristmill.flows.mix.reuse import earlier_trials
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.mix.steps import MixtureConfig, mixture_config, mixture_step, report_step
from gristmill.flows.mix.trials import REPORT_FILES, MixtureContext
from gristmill.flows.prefect.publish import publish
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Meter, Reporter
from gristmill.flows.running import run_one, run_step
from gristmill.flows.train.launchers import launcher_of
from gristmill.schemas.tables import Domains, Mixtures, MixtureStages, MixtureTrace, TokenStats, TrialReuse, Trials
from gristmill.tasks.domains.assign import assign_domains
from gristmill.tasks.launch.job import Launcher
from gristmill.tasks.mix.curated import SplitConfig
from gristmill.tasks.mix.heldout import HeldoutConfig, write_heldout
from gristmill.tasks.mix.orders.signals import FOLDERS
from gristmill.tasks.mix.report import TABLES as REPORT
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokens import write_tokens

QUEUED = 128
"""Trials that are handed to a scheduler at a time, which decides how many of them run."""


def run_mix(settings: MixSettings, name: str, heldout_bytes: int, lake: Lake, report: Reporter) -> Dataset:
    """Everything the flow does, inside a flow run. Returns the committed dataset ``mix/<name>``.

    Raises ``UsageError`` for sources that are not curated or hold no text and for domains that are not there or too
    small for what is asked of them, ``GristmillError`` when the domains hold too few tokens for the goal, and when a
    method's answer cannot be used.
    """
    curated = curated_refs(settings.sources, lake)
    split = SplitConfig(heldout_share=settings.heldout_share)
    by_rules = domain_work(settings, curated, lake)
    placed = run_step(assign_domains, by_rules, lake, report, unit="documents") if by_rules else []
    assigned = tuple(manifest.output(Domains) for manifest in placed)
    for line in unused_rules(by_rules[0].config, assigned, lake) if by_rules else ():
        report.say(line)
    check_names(settings, domains_in(assigned or curated, lake), "the curated text")
    everything = Inputs(refs=(*curated, *assigned))
    made, work = tokenizer_work(settings, name, everything)
    tokenizer = run_one(made, work, lake, report).files[0]
    shards = token_work(settings, curated, assigned, tokenizer)
    tokens = tuple(ref for manifest in run_step(write_tokens, shards, lake, report) for ref in manifest.files)
    heldout_config = HeldoutConfig(split=split, max_bytes=heldout_bytes)
    heldout = run_one(write_heldout, Work(name, everything, name, heldout_config), lake, report).files

    store = TokenStore.open([lake.files_path(ref) for ref in tokens])
    change = change_since(
        lake.dataset("mix", name), [mixture.name for mixture in settings.mixtures], fingerprints(store), lake
    )
    for line in change.told():
        report.say(line)
    configs = [mixture_config(mixture, settings) for mixture in settings.mixtures]
    signals = find_signals(settings, curated, tokens, lake, report)
    launcher = launcher_of(settings, lake.root / "log" / "trials")
    check_sizes(settings, store, lambda mixture: mixer_of(mixture, settings.seed, launcher.root))
    found = [find_mixture(name, config, store, tokens, signals, launcher, lake, report) for config in configs]
    manifests, reports = [manifest for manifest, _ in found], [manifest for _, manifest in found]
    stats = lake.write_table(TokenStats, name, store.digest[:16], store.stats())
    tables: dict[str, tuple[Ref, ...]] = {TokenStats.name: (stats,)}
    tables[MixtureStages.name] = (write_stages(name, manifests, lake),)
    if assigned:
        tables[Domains.name] = assigned
    for table in (Mixtures, MixtureTrace):
        tables[table.name] = tuple(manifest.output(table) for manifest in manifests)
    for table in REPORT:
        tables[table.name] = tuple(manifest.output(table) for manifest in reports)
    dataset = Dataset(
        kind="mix",
        name=name,
        config={"settings": settings.lasting(), "heldout_bytes": heldout_bytes},
        counts={
            "tokens": sum(domain.tokens for domain in store.domains(settings.row_tokens)),
            "mixtures": len(manifests),
        },
        tables=tables,
        files=({FOLDERS: tuple(ref for refs in signals.values() for ref in refs)} if signals else {})
        | {
            "tokenizer": (tokenizer,),
            "tokens": tokens,
            "heldout": heldout,
            "plan": tuple(ref for manifest in manifests for ref in manifest.files),
            REPORT_FILES: tuple(ref for manifest in reports for ref in manifest.files),
        },
    )
    for line in dropped(lake.dataset("mix", name), [mixture.name for mixture in settings.mixtures]):
        report.say(line)
    used = {(row["mixture"], row["trial"]) for ref in tables[Trials.name] for row in lake.read(ref).to_pylist()}
    keep_change(change, name, store, used, lake)
    lake.commit(dataset)
    return dataset


def find_mixture(
    mix: str,
    config: MixtureConfig,
    store: TokenStore,
    tokens: tuple[FilesRef, ...],
    signals: Mapping[str, tuple[FilesRef, ...]],
    launcher: Launcher,
    lake: Lake,
    report: Reporter,
) -> tuple[Manifest, Manifest]:
    """Find one mixture of ``mix`` over these tokens and report on it, as runs of two steps with a display each.

    ``signals`` has the values of those that any mixture of ``mix`` sorts by.

    The manifest of the first holds what is promised of the mixture; trials of the mixture itself belong to the second.
    """
    name = config.mixture.name
    at_once = (os.cpu_count() or 1) if launcher.name == "local" else QUEUED
    plain = mixture_step(MixtureContext(launcher, at_once, Meter()))
    wanted = config.curriculum.signals if config.curriculum is not None else ()
    sorts_by = tuple(ref for signal in wanted for ref in signals[signal])
    earlier = earlier_trials(lake, mix, config, tokens, plain, sorts_by)

    def run(step: Callable[[MixtureContext], Step[MixtureConfig]], inputs: Inputs, ran: MixtureConfig) -> Manifest:
        mixer, meter = mixer_of(ran.mixture, ran.seed, launcher.root, earlier), Meter()
        work = Work(name, inputs, "", ran, units=max(1, mixer.steps(store.domains(ran.row_tokens))))
        made = step(MixtureContext(launcher, at_once, meter, earlier))
        what = f"{made.name.replace('_', ' ')} {name}"
        return run_step(made, [work], lake, report, what=what, unit="steps", meter=meter)[0]

    config = config.model_copy(update={"earlier": tuple(each.designed.trial.id for each in earlier)})
    first = config.model_copy(update={"mixture": before_training(config.mixture)})
    found = run(mixture_step, Inputs(files=(*tokens, *sorts_by)), first)
    return found, run(report_step, Inputs(files=(*found.files, *tokens)), config)


def dropped(before: Dataset | None, mixtures: Sequence[str]) -> list[str]:
    """What to say of the mixtures that a mix of the same name had ``before`` and has no longer."""
    had = {ref.shard for ref in before.files["plan"]} if before is not None else set()
    gone = sorted(had.difference(mixtures))
    if before is None or not gone:
        return []
    return [
        f"Careful: the mix {before.name} no longer holds {', '.join(gone)}. To keep them, name them again beside the "
        "others, or give this mix another name (--name)"
    ]


@flow(name="mix", task_runner=threads())
def mix(
    lake: LakePath, settings: MixSettings, name: str = "default", heldout_bytes: int = 60_000
) -> dict[str, list[dict[str, Any]]]:
    """Tokenise curated text, find domain weights, and plan the order of training.

    Args:
        lake: Folder of the lake.
        settings: Corpora, goal, tokenizer and the mixtures to find.
        name: What to call the mix.
        heldout_bytes: Held-out text kept for bits per byte, bytes a domain.
    """
    home = Lake.open(Path(lake))
    check_name(name, "mix")
    with Reporter() as report, record_run(home, "mix", name) as record:
        dataset = run_mix(settings, name, heldout_bytes, home, report)
        record.counts.update(dataset.counts)
    with Reporter() as report:
        publish(home, report)
    shown = (Mixtures, MixtureStages, *REPORT)
    rows = {
        table.name: [row for ref in dataset.tables[table.name] for row in home.read(ref).to_pylist()] for table in shown
    }
    return rows | {TrialReuse.name: kept_change(name, home)}
