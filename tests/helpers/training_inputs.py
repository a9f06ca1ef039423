"""What a training run reads, made small by the steps that make it in a flow: tokenizer, token store and plan."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.core.digests import digest_text
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef
from gristmill.core.table import conform
from gristmill.schemas.tables import Curated, Mixtures
from gristmill.tasks.mix.curated import SplitConfig
from gristmill.tasks.mix.heldout import HeldoutConfig, write_heldout
from gristmill.tasks.mix.mixers.mixer import Goal, one_stage
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokenizer import TokenizerConfig, train_tokenizer
from gristmill.tasks.mix.tokens import TokensConfig, write_tokens
from gristmill.tasks.train.recipe import RunSettings, TrainingRun, checkpoint_steps
from tests.helpers.ledger_rows import table_of
from tests.helpers.small_curated import document

ROW, BATCH, STEPS = 65, 8, 30
HELDOUT = 0.05
WORDS = {
    "code": "def return for in if else lambda x y z ( ) [ ] : = + 0 1 2 print range len",
    "prose": "the mill grinds grain into flour and water turns a wheel while the miller sleeps",
}


@dataclass(frozen=True)
class Inputs:
    """A plan of two domains, the folder of its tokens, and that of the tokenizer."""

    plan: Path
    tokens: Path
    tokenizer: Path

    def write_run(self, run_dir: Path, **settings: Any) -> Path:
        """Make ``run_dir`` with its ``train.json``."""
        given = {"recipe": "tiny", "steps": STEPS, "batch_rows": BATCH, "learning_rate": 3e-3, "seed": 7} | settings
        run = TrainingRun(
            settings=RunSettings.parse({"checkpoint_steps": checkpoint_steps(given["steps"], 3)} | given, "train.json"),
            plan=str(self.plan),
            stores=(str(self.tokens),),
            tokenizer=str(self.tokenizer),
        )
        run_dir.mkdir(parents=True)
        (run_dir / "train.json").write_text(run.model_dump_json(), encoding="utf-8")
        return run_dir


def make_inputs(base: Path) -> Inputs:
    """Tokens of two domains and a plan over them, below ``base``."""
    curated = base / "curated.parquet"
    pq.write_table(curated_documents(), curated)
    for name in ("tokenizer", "tokens"):
        (base / name).mkdir()
    tokenizer_config = TokenizerConfig(vocab_size=400, split=SplitConfig(heldout_share=HELDOUT))
    train_tokenizer.function([curated], [], tokenizer_config, base / "tokenizer")
    write_tokens.function([curated], [], [base / "tokenizer"], TokensConfig(heldout_share=HELDOUT), base / "tokens")
    domains = TokenStore.open([base / "tokens"]).domains(ROW)
    goal = Goal(target_tokens=STEPS * BATCH * ROW, max_epochs=16.0)
    mixture = one_stage({"code": 0.5, "prose": 0.5}, "static", "inputs", goal, {})
    plan = make_plan(mixture, domains, row_tokens=ROW, block=64, seed=1, max_epochs=goal.max_epochs)
    plan.write(base / "plan.json")
    return Inputs(base / "plan.json", base / "tokens", base / "tokenizer")


def curated_documents() -> pa.Table:
    """Two hundred documents of random words, in two domains."""
    generator = random.Random(3)
    rows = []
    for number in range(200):
        domain = generator.choice(sorted(WORDS))
        text = " ".join(generator.choices(WORDS[domain].split(), k=generator.randint(40, 160)))
        rows.append(document(f"document {number}", domain, text))
    return conform(Curated, pa.Table.from_pylist(rows, schema=Curated.schema))


def mix_in(lake: Lake, inputs: Inputs, mixtures: tuple[str, ...] = ("even",)) -> Dataset:
    """The mix ``default`` of ``lake`` with those inputs and with held-out text; each mixture has its own order."""
    base, plan = inputs.plan.parent, Plan.load(inputs.plan)

    def published(folder: Path, name: str, shard: str) -> FilesRef:
        copy = shutil.copytree(folder, base / "copies" / f"{name}-{shard}")
        return lake.publish_files(copy, name, shard, digest_text(f"{name} {shard}"))

    plans = []
    for seed, mixture in enumerate(mixtures, start=plan.seed):
        (base / f"plan-{mixture}").mkdir()
        Plan.model_validate(plan.model_dump() | {"seed": seed}).write(base / f"plan-{mixture}" / FILE)
        plans.append(published(base / f"plan-{mixture}", "plan", mixture))
    (base / "heldout").mkdir()
    config = HeldoutConfig(split=SplitConfig(heldout_share=HELDOUT))
    write_heldout.function([base / "curated.parquet"], [], config, base / "heldout")
    places = {"tokenizer": inputs.tokenizer, "tokens": inputs.tokens, "heldout": base / "heldout"}
    files = {name: (published(folder, name, "all"),) for name, folder in places.items()}
    told = [
        {"mixture": mixture, "domain": domain, "max_epochs": 16.0} for mixture in mixtures for domain in sorted(WORDS)
    ]
    rows = table_of(Mixtures, told)
    tables = {Mixtures.name: (lake.write_table(Mixtures, "all", digest_text("mixtures"), rows),)}
    files |= {"plan": tuple(plans)}
    dataset = Dataset(kind="mix", name="default", config={}, counts={}, tables=tables, files=files)
    lake.commit(dataset)
    return dataset
