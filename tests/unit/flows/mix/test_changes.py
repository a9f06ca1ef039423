"""What a change of the data does to the trials of a mix: as ``mix --dry-run`` tells it, and as it is kept."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from typer.testing import CliRunner

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.table import conform
from gristmill.flows.cli.app import app
from gristmill.flows.mix.changes import Change, change_since, fingerprints, keep_change, kept_change
from gristmill.flows.mix.inputs import token_work, tokenizer_work
from gristmill.flows.mix.settings import MixSettings
from gristmill.schemas.tables import Curated, TokenStats, Trials
from gristmill.tasks.mix.mixers.swarm.mixer import Swarm
from gristmill.tasks.mix.mixers.swarm.settings import SwarmConfig
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokens import write_tokens
from tests.helpers.small_curated import document

WORDS = ["grain", "flour", "mill", "wheel"]
SWARM = {"name": "ours", "method": "swarm", "options": {"budget": {"steps": 10, "row_tokens": 17}}}


def shard(lake: Lake, name: str, domain: str) -> Ref:
    generator = random.Random(name)
    rows = [document(f"{name} {n}", domain, " ".join(generator.choices(WORDS, k=20))) for n in range(400)]
    table = conform(Curated, pa.Table.from_pylist(rows, schema=Curated.schema))
    return lake.write_table(Curated, name, "key", table)


def curate(lake: Lake, *refs: Ref) -> None:
    lake.commit(Dataset(kind="curation", name="news", config={}, counts={}, tables={Curated.name: refs}))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with two shards of text, a domain each."""
    tokenizer = Tokenizer(WordLevel({"?": 0, "</s>": 1} | {word: 2 + n for n, word in enumerate(WORDS)}, "?"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(tmp_path / "words.json"))
    home = Lake.open(tmp_path / "lake")
    curate(home, shard(home, "a", "code"), shard(home, "b", "prose"))
    return home


def settings_of(lake: Lake, **more: object) -> MixSettings:
    told = {"mixtures": [SWARM], "target_tokens": 10_000, "tokenizer": str(lake.root.parent / "words.json"), **more}
    return MixSettings.parse(told, "test")


def tokenise(lake: Lake, asked: MixSettings | None = None) -> TokenStore:
    """The tokens of what is curated now, as the flow makes them."""
    settings = asked or settings_of(lake)
    dataset = lake.expect("curation", "news")
    curated = dataset.tables[Curated.name]
    step, work = tokenizer_work(settings, "default", Inputs(refs=curated))
    (tokenizer,) = step.run(lake, work.shard, work.inputs, work.config).manifest.files
    made = [
        write_tokens.run(lake, each.shard, each.inputs, each.config).manifest.files[0]
        for each in token_work(settings, curated, (), tokenizer)
    ]
    return TokenStore.open([lake.files_path(ref) for ref in made])


def commit_mix(lake: Lake, store: TokenStore) -> Dataset:
    """The mix ``default`` with the trials of its swarm, and a pair of another method that read every domain."""
    options = SwarmConfig.parse(SWARM["options"], "test")
    design = Swarm(options).design(store.domains(17), settings_of(lake).goal)
    told = {each.trial.id: (each.role, each.trial.weights) for each in design}
    told |= {"r" * 16: ("reference", {"code": 1.0, "prose": 0.0})}
    plain = {"mixture": "ours", "seed": 0, "steps": 10, "tokens": 1, "learning_rate": 0.1, "data_share": 1.0}
    rows = [
        {**plain, "trial": trial, "role": role, "domain": domain, "weight": weight, "parameters": 1, "earlier": False}
        for trial, (role, weights) in told.items()
        for domain, weight in weights.items()
    ]
    trials = conform(Trials, pa.Table.from_pylist(rows, schema=Trials.schema))
    tables = {
        Trials.name: (lake.write_table(Trials, "ours", "key", trials),),
        TokenStats.name: (lake.write_table(TokenStats, "default", store.digest[:16], store.stats()),),
    }
    dataset = Dataset(kind="mix", name="default", config={}, counts={}, tables=tables)
    lake.commit(dataset)
    return dataset


@pytest.fixture
def dry_run(lake: Lake) -> Callable[..., Any]:
    (lake.root.parent / "mix.yaml").write_text(json.dumps({"mixtures": [SWARM], "target_tokens": 10_000}))

    def run(*more: str) -> Any:
        home = lake.root
        words = ["mix", "--method", "swarm", "--config", str(home.parent / "mix.yaml"), "--lake", str(home)]
        words += ["--tokenizer", str(home.parent / "words.json")] if "--learn" not in more else []
        result = CliRunner().invoke(app, [*words, "--dry-run", *(word for word in more if word != "--learn")])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if "--json" in more else result.stdout

    return run


def test_a_dry_run_tells_what_is_cached_and_what_would_run(lake: Lake, dry_run: Callable[..., Any]) -> None:
    before = sorted(lake.root.rglob("*"))
    told = dry_run("--json")
    assert (told["tokenizer"], told["shards"], told["cached"], told["trials"]) == ("to be made", 2, 0, [])
    (planned,) = told["mixtures"]
    assert planned == {
        "mixture": "ours", "method": "swarm", "cached": None, "run": None, "reused": None, "stages": []
    }  # fmt: skip
    assert "is known when the tokens are there" in dry_run()
    assert sorted(lake.root.rglob("*")) == before, "a dry run wrote something"
    design = Swarm(SwarmConfig.parse(SWARM["options"], "test")).design(
        tokenise(lake).domains(17), settings_of(lake).goal
    )
    told = dry_run("--json")
    assert (told["tokenizer"], told["cached"]) == ("cached", 2)
    assert told["mixtures"][0] == {
        "mixture": "ours", "method": "swarm", "cached": False, "run": len(design), "reused": 0, "stages": []
    }  # fmt: skip


def test_a_dry_run_finds_a_learnt_tokenizer_although_a_shard_has_no_documents(
    lake: Lake, dry_run: Callable[..., Any]
) -> None:
    refs = lake.expect("curation", "news").tables[Curated.name]
    curate(lake, *refs, lake.write_table(Curated, "empty", "key", Curated.schema.empty_table()))
    tokenise(lake, settings_of(lake, tokenizer=""))
    told = dry_run("--json", "--learn")
    assert (told["tokenizer"], told["shards"], told["cached"]) == ("cached", 2, 2)
    assert told["mixtures"][0]["run"]


def test_a_dry_run_tells_the_stages(lake: Lake) -> None:
    words = ["mix", "--lake", str(lake.root), "--tokenizer", str(lake.root.parent / "words.json"), "--dry-run"]
    words += ["--method", "uniform", "--target-tokens", "10000", "--curriculum", "annealing"]
    words += ["--set", "curriculum.boost.code=3"]

    def stages(*more: str) -> list[dict[str, Any]]:
        result = CliRunner().invoke(app, [*words, *more, "--json"])
        assert result.exit_code == 0, result.output
        found: list[dict[str, Any]] = json.loads(result.stdout)["mixtures"][0]["stages"]
        return found

    unknown = {"order": "shuffled", "shares": None, "epochs": None}
    assert stages() == [{"until_token": 9_000} | unknown, {"until_token": 10_000} | unknown]
    store = tokenise(lake)
    (first, last) = stages()
    assert first["shares"] == pytest.approx({"code": 0.5, "prose": 0.5})
    assert last["shares"] == pytest.approx({"code": 0.75, "prose": 0.25})
    held = {domain.name: domain.tokens for domain in store.domains(256)}
    assert last["epochs"] == pytest.approx({"code": 750 / held["code"], "prose": 250 / held["prose"]})
    shown = CliRunner().invoke(app, words).stdout
    assert "9,000 to 10,000" in shown
    wrong = CliRunner().invoke(app, [*words, "--set", "curriculum.boost.cod=3"])
    assert "there is no domain 'cod' (did you mean" in str(wrong.exception)
    missing = CliRunner().invoke(app, [*words[:-4], "--set", "curriculum.stages=[{order: gopher_quality.words}]"])
    assert "the curation news has no signal gopher_quality.words" in str(missing.exception)


def test_a_dry_run_refuses_what_the_run_would_refuse(lake: Lake) -> None:
    tokenise(lake)
    words = ["mix", "--lake", str(lake.root), "--tokenizer", str(lake.root.parent / "words.json"), "--dry-run"]
    words += ["--target-tokens", "10000"]
    static = "mixtures=[{name: mine, method: static, weights: {code: 0.5, poetry: 0.5}}]"
    for more, told in (
        (["--method", "uniform", "--name", "a/b"], "mix 'a/b': use letters"),
        (["--method", "uniform", "--name", "n" * 300], "this name has 300 bytes"),
        (["--method", "uniform", "--set", "minimums.poetry=0.1"], "minimums: there is no domain 'poetry'"),
        (["--method", "uniform", "--set", "minimums={code: 0.6, prose: 0.6}"], "minimums sum to 1.2"),
        (["--set", static], "there is no domain 'poetry'"),
    ):
        assert told in str(CliRunner().invoke(app, [*words, *more]).exception)


def test_a_dry_run_tells_which_trials_a_change_strands(lake: Lake, dry_run: Callable[..., Any]) -> None:
    commit_mix(lake, tokenise(lake))
    assert dry_run("--json")["trials"] == []
    old = lake.expect("curation", "news").tables[Curated.name]
    curate(lake, *old, shard(lake, "c", "prose"))
    told = dry_run("--json")
    assert (told["shards"], told["cached"]) == (3, 2)
    by_trial = {row["trial"]: row for row in told["trials"]}
    assert by_trial["r" * 16]["stranded"], "it reads all domains, those without weight too"
    kept = [row for row in told["trials"] if not row["stranded"]]
    lost = [row for row in told["trials"] if row["stranded"]]
    assert kept
    assert lost
    assert {tuple(row["changed"]) for row in lost} == {("prose",)}
    text = " ".join(dry_run().split())
    assert "prose changed" in text
    assert f"ours {len(told['trials'])} {len(lost)}" in text
    # A tokenizer that is learnt changes with the text, and all tokens with it.
    learnt = dry_run("--json", "--learn")
    assert all(row["stranded"] for row in learnt["trials"])
    assert "Name one with --tokenizer" in dry_run("--learn")


def test_what_became_of_trials_is_kept(lake: Lake) -> None:
    store = tokenise(lake)
    mix = commit_mix(lake, store)
    assert change_since(mix, ["ours"], fingerprints(store), lake) == Change()
    keep_change(Change(), "default", store, set(), lake)
    assert kept_change("default", lake) == []
    curate(lake, lake.expect("curation", "news").tables[Curated.name][0], shard(lake, "w", "web"))
    now = tokenise(lake)
    assert change_since(mix, ["another"], fingerprints(now), lake).trials == ()
    change = change_since(mix, ["ours"], fingerprints(now), lake)
    (line,) = change.told()
    assert "are stranded (prose gone)" in line
    used = {("ours", each.trial) for each in change.trials if not each.lost}
    assert used
    keep_change(change, "default", now, used, lake)
    rows = kept_change("default", lake)
    assert len(rows) == len(change.trials)
    assert {row["trial"] for row in rows if row["reused"]} == {trial for _, trial in used}
    assert all(row["stranded"] != row["reused"] for row in rows)
    assert {tuple(row["gone"]) for row in rows if row["stranded"]} == {("prose",)}
