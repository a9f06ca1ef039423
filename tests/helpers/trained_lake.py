"""A small lake with a mix of two shards and checkpoints of two mixtures, made by the steps, with no model trained."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.core.digests import digest_text
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.schemas.tables import Checkpoints, Curated
from gristmill.tasks.mix.curated import SplitConfig
from gristmill.tasks.mix.mixers.mixer import Goal, one_stage
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokenizer import TokenizerConfig, train_tokenizer
from gristmill.tasks.mix.tokens import TokensConfig, write_tokens
from tests.helpers.small_curated import document

ROW, BATCH, STEPS = 33, 4, (12, 30)
HELDOUT = 0.1
SHARES = {"code": {"code": 0.8, "prose": 0.2}, "prose": {"code": 0.1, "prose": 0.9}}
WORDS = {
    "code": "def return for in if else lambda x y z ( ) [ ] : = + 0 1 2 print range len",
    "prose": "the mill grinds grain into flour and water turns a wheel while the miller sleeps",
}


@dataclass(frozen=True)
class TrainedLake:
    """The lake, the store and the plan of each mixture, and every document by doc_id."""

    lake: Lake
    store: TokenStore
    plans: dict[str, Plan]
    documents: dict[str, dict[str, Any]]


def make_trained_lake(root: Path) -> TrainedLake:
    """Two curated shards, their tokens, a plan for each of two mixtures, and two checkpoints each."""
    lake = Lake.open(root)
    shards = {name: documents(name) for name in ("s1", "s2")}
    curated = [
        lake.write_table(Curated, name, digest_text(name)[:16], pa.Table.from_pylist(rows, schema=Curated.schema))
        for name, rows in shards.items()
    ]
    lake.commit(Dataset(kind="curation", name="pages", config={}, counts={}, tables={Curated.name: tuple(curated)}))
    tokenizer, tokens = tokenise(lake, curated)
    store = TokenStore.open([lake.files_path(ref) for ref in tokens])
    plans = {name: plan_for(shares, store) for name, shares in SHARES.items()}
    refs = []
    for name, plan in plans.items():
        with lake.temporary() as folder:
            (folder / "out").mkdir()
            plan.write(folder / "out" / FILE)
            refs.append(lake.publish_files(folder / "out", "plan", name, plan.digest[:16]))
    files = {"tokenizer": (tokenizer,), "tokens": tuple(tokens), "plan": tuple(refs)}
    mix = Dataset(kind="mix", name="default", config={}, counts={}, tables={}, files=files)
    key = lake.commit(mix)
    ref = lake.write_table(Checkpoints, "default", "0" * 16, pa.Table.from_pylist(checkpoints(), Checkpoints.schema))
    lake.commit(
        Dataset(kind="training", name="default", config={"mix": key}, counts={}, tables={Checkpoints.name: (ref,)})
    )
    known = {row["doc_id"]: row for rows in shards.values() for row in rows}
    return TrainedLake(lake, store, plans, known)


def tokenise(lake: Lake, curated: list[Ref]) -> tuple[FilesRef, list[FilesRef]]:
    """A tokenizer, and a folder of tokens for each shard."""
    config = TokenizerConfig(vocab_size=400, split=SplitConfig(heldout_share=HELDOUT))
    (tokenizer,) = train_tokenizer.run(lake, "default", Inputs(refs=tuple(curated)), config).manifest.files
    tokens = []
    for ref in curated:
        inputs = Inputs(refs=(ref,), files=(tokenizer,))
        tokens += write_tokens.run(lake, ref.shard, inputs, TokensConfig(heldout_share=HELDOUT)).manifest.files
    return tokenizer, tokens


def plan_for(shares: dict[str, float], store: TokenStore) -> Plan:
    goal = Goal(target_tokens=STEPS[-1] * BATCH * ROW, max_epochs=64.0)
    mixture = one_stage(shares, "static", "inputs", goal, {})
    return make_plan(mixture, store.domains(ROW), row_tokens=ROW, block=16, seed=1, max_epochs=goal.max_epochs)


def checkpoints() -> list[dict[str, Any]]:
    return [
        {
            "run": digest_text(mixture)[:16],
            "mixture": mixture,
            "step": step,
            "tokens": step * BATCH * ROW,
            "first_row": 0,
            "end_row": step * BATCH,
            "checkpoint": digest_text(f"{mixture} {step}"),
            "path": f"data/files/checkpoints/{mixture}/{step}",
            "parameters": 1,
        }
        for mixture in SHARES
        for step in STEPS
    ]


def documents(shard: str) -> list[dict[str, Any]]:
    """Sixty documents of random words, each with a sentence of its own."""
    generator = random.Random(shard)
    rows = []
    for number in range(60):
        domain = generator.choice(sorted(WORDS))
        words = generator.choices(WORDS[domain].split(), k=generator.randint(5, 60))
        text = " ".join([*words, f"page {number} of {shard} ends here with {generator.random():.9f} words"])
        rows.append(
            document(f"{shard} {number}", domain, text)
            | {
                "source": f"source-{shard}",
                "url": f"http://pages.example/{shard}/{number}",
                "host": "pages.example",
                "record_uri": f"{shard}.warc.gz@{number * 1000}+900",
            }
        )
    return rows
