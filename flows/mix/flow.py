"""The mix flow: curated text to a tokenizer, a token store, mixtures with their plans, and held-out text.

A mixture is found by asking its method for trials until it needs none (``gristmill.tasks.mix.mixers.mixer``); every
trial is a job of its own, found before it is started. The weights are bound to the token bytes they were found on: the
key of a mixture is a digest of both.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from gristmill.core.digests import canonical_json
from gristmill.core.errors import UsageError
from gristmill.core.files.places import check_name
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Input, Manifest, Ref, output_key
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.checks import curated_refs
from gristmill.flows.engines.engine import Work
from gristmill.flows.engines.local import threads
from gristmill.flows.fields import LakePath
from gristmill.flows.mix.settings import MixSettings, MixtureSettings
from gristmill.flows.prefect.publish import publish
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Advance, Reporter
from gristmill.flows.running import run_one, run_step
from gristmill.flows.train.jobs import ENVIRONMENT, follow, steps_done
from gristmill.schemas.tables import Mixtures, MixtureTrace, TokenStats
from gristmill.tasks.launch.job import Job
from gristmill.tasks.launch.local import LocalLauncher
from gristmill.tasks.mix.audit import mixture_digest, mixture_rows, trace_rows
from gristmill.tasks.mix.curated import SplitConfig
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.heldout import HeldoutConfig, write_heldout
from gristmill.tasks.mix.mixers.doremi import DoReMi, DoReMiConfig
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Mixer, Mixture, Outcome, Trial, cap
from gristmill.tasks.mix.mixers.rules import Static, StaticConfig
from gristmill.tasks.mix.mixers.trials import prepare, read_outcome
from gristmill.tasks.mix.plan import make_plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokenizer import TokenizerConfig, train_tokenizer
from gristmill.tasks.mix.tokens import TokensConfig, write_tokens

VERSION = 1
BLOCK_ROWS = 1024


@dataclass(frozen=True)
class Made:
    """The token store of a mix, opened, and the lake files it is made of."""

    store: TokenStore
    tokens: tuple[FilesRef, ...]
    domains: tuple[Domain, ...]
    goal: Goal


def run_mix(settings: MixSettings, name: str, heldout_bytes: int, lake: Lake, report: Reporter) -> Dataset:
    """Everything the flow does, inside a flow run. Returns the committed dataset ``mix/<name>``.

    Raises ``UsageError`` for sources that are not curated or hold no text, ``GristmillError`` when the domains hold too
    few tokens for the goal, and when a method's answer cannot be used.
    """
    curated = curated_refs(settings.sources, lake)
    split = SplitConfig(heldout_share=settings.heldout_share)
    everything = Inputs(refs=curated)
    tokenizer_config = TokenizerConfig(vocab_size=settings.vocabulary, split=split)
    (tokenizer,) = run_one(train_tokenizer, Work(name, everything, name, tokenizer_config), lake, report).files
    store_config = TokensConfig(heldout_share=settings.heldout_share)
    shards = [
        Work(ref.shard, Inputs(refs=(ref,), files=(tokenizer,)), ref.shard, store_config) for ref in curated if ref.rows
    ]
    tokens = tuple(ref for manifest in run_step(write_tokens, shards, lake, report) for ref in manifest.files)
    heldout_config = HeldoutConfig(split=split, max_bytes=heldout_bytes)
    heldout = run_one(write_heldout, Work(name, everything, name, heldout_config), lake, report).files

    store = TokenStore.open([lake.files_path(ref) for ref in tokens])
    goal = Goal(target_tokens=settings.target_tokens, max_epochs=settings.max_epochs)
    made = Made(store, tokens, store.domains(settings.row_tokens), goal)
    manifests = []
    for mixture in settings.mixtures:
        steps = 2 * mixture.steps if mixture.method == "doremi" else 1
        with report.track(f"mixture {mixture.name}", steps, "steps") as advance:
            named = make_mixture.with_options(task_run_name=f"mixture {mixture.name}")
            manifests.append(named(mixture, settings, made, lake, advance))
    stats = lake.write_table(TokenStats, name, store.digest[:16], store.stats())
    tables: dict[str, tuple[Ref, ...]] = {TokenStats.name: (stats,)}
    for table in (Mixtures, MixtureTrace):
        tables[table.name] = tuple(manifest.output(table) for manifest in manifests)
    dataset = Dataset(
        kind="mix",
        name=name,
        config={"settings": settings.model_dump(mode="json"), "heldout_bytes": heldout_bytes},
        counts={"tokens": sum(domain.tokens for domain in made.domains), "mixtures": len(manifests)},
        tables=tables,
        files={
            "tokenizer": (tokenizer,),
            "tokens": tokens,
            "heldout": heldout,
            "plan": tuple(ref for manifest in manifests for ref in manifest.files),
        },
    )
    lake.commit(dataset)
    return dataset


@task(name="mixture", cache_policy=NO_CACHE, persist_result=False)
def make_mixture(settings: MixtureSettings, mix: MixSettings, made: Made, lake: Lake, advance: Advance) -> Manifest:
    """Find the weights of one mixture, cap them, plan the order of rows, and commit all of it."""
    config = {
        "mixture": settings.model_dump(mode="json"),
        "row_tokens": mix.row_tokens,
        "seed": mix.seed,
        "goal": asdict(made.goal),
        "block_rows": BLOCK_ROWS,
    }
    inputs = tuple(
        sorted(
            (Input(table=f"files/{ref.name}", shard=ref.shard, digest=ref.digest) for ref in made.tokens),
            key=lambda entry: (entry.shard, entry.digest),
        )
    )
    key = output_key("mixture", VERSION, config, inputs)
    known = lake.manifest("mixture", settings.name, key)
    if known is not None:
        advance(2 * settings.steps if settings.method == "doremi" else 1, "cached")
        return known
    for ref in made.tokens:
        lake.check_files(ref)
    # A trial has shorter rows than the run, so its domains hold another number of whole rows.
    budget = Budget(steps=settings.steps)
    domains = made.store.domains(budget.row_tokens) if settings.method == "doremi" else made.domains
    mixture, last = find_weights(mixer_of(settings, mix, budget), domains, made, lake, advance)
    mixture = cap(mixture, made.domains, made.goal)
    plan = make_plan(
        mixture,
        made.domains,
        row_tokens=mix.row_tokens,
        block=BLOCK_ROWS,
        seed=mix.seed,
        max_epochs=made.goal.max_epochs,
    )
    with lake.temporary() as folder:
        out = folder / "out"
        out.mkdir()
        plan.write(out / "plan.json")
        (out / "mixture.json").write_bytes(canonical_json(asdict(mixture)) + b"\n")
        files = lake.publish_files(out, "plan", settings.name, key)
    trace = trace_rows(settings.name, last) if last is not None else MixtureTrace.schema.empty_table()
    outputs = (
        lake.write_table(
            Mixtures, settings.name, key, mixture_rows(settings.name, mixture, plan, made.store, made.goal)
        ),
        lake.write_table(MixtureTrace, settings.name, key, trace),
    )
    manifest = Manifest(
        step="mixture",
        version=VERSION,
        shard=settings.name,
        key=key,
        config=json.loads(json.dumps(config)),
        inputs=inputs,
        rows_in={},
        outputs=outputs,
        files=(files,),
        facts={"digest": mixture_digest(mixture, plan, made.store), "diagnostics": dict(mixture.diagnostics)},
    )
    lake.write_manifest(manifest)
    return manifest


def mixer_of(settings: MixtureSettings, mix: MixSettings, budget: Budget) -> Mixer:
    """The method of a mixture with its settings; ``budget`` is that of its trials, where it needs any."""
    if settings.method == "doremi":
        return DoReMi(DoReMiConfig(budget=budget, seed=mix.seed))
    if settings.method == "weights":
        return Static(StaticConfig(weights=settings.weights))
    return Static(StaticConfig(weights=settings.method))


def find_weights(
    mixer: Mixer, domains: Sequence[Domain], made: Made, lake: Lake, advance: Advance
) -> tuple[Mixture, Outcome | None]:
    """Run the trials that the method asks for until it asks for none. Returns the mixture and the last outcome."""
    seen: list[Outcome] = []
    while asked := mixer.ask(domains, made.goal, seen):
        seen.extend(run_trial(trial, made, lake, advance) for trial in asked)
    if not seen:
        advance(1)
    return mixer.tell(domains, made.goal, seen), seen[-1] if seen else None


def run_trial(trial: Trial, made: Made, lake: Lake, advance: Advance) -> Outcome:
    """Run one trial as a job below ``log/trials``, or read what it gave before."""
    root = lake.root / "log" / "trials"
    folder = root / trial.id
    init = root / trial.init if trial.init else None
    argv = prepare(folder, trial, [lake.files_path(ref) for ref in made.tokens], init)
    shown = 0

    def tell(progress: str) -> None:
        nonlocal shown
        done = steps_done(progress)
        advance(max(0, done - shown), f"{trial.loop} trial")
        shown = max(shown, done)

    outcome = read_outcome(folder)
    if outcome is None:
        follow(
            LocalLauncher(root), Job(key=trial.id, argv=tuple(argv), environment=ENVIRONMENT), f"trial {trial.id}", tell
        )
        outcome = read_outcome(folder)
    if outcome is None:
        raise UsageError(f"trial {trial.id} ended without an outcome; remove {folder} and run the same command again")
    advance(max(0, trial.budget.steps - shown))
    return outcome


@flow(name="mix", task_runner=threads())
def mix(
    lake: LakePath, settings: MixSettings, name: str = "default", heldout_bytes: int = 60_000
) -> list[dict[str, Any]]:
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
    return [row for ref in dataset.tables[Mixtures.name] for row in home.read(ref).to_pylist()]
