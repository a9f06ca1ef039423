"""A lake with everything that may hold a page: curated, mixed, "trained", answered, logged, published twice."""

import gzip
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.evals.generation.responses import Response, ResponseStore
from gristmill.flows.upkeep.current import renew_current
from gristmill.schemas.tables import Checkpoints, Curated, EvalRuns
from gristmill.tasks.lineage.suffixes import SuffixConfig, write_suffixes
from gristmill.tasks.mix.curated import SplitConfig
from gristmill.tasks.mix.heldout import HeldoutConfig, write_heldout
from gristmill.tasks.mix.mixers.mixer import Goal, one_stage
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokenizer import TokenizerConfig, train_tokenizer
from gristmill.tasks.mix.tokens import TokensConfig, write_tokens
from gristmill.warehouse.build.publish import publish, rebuild
from tests.helpers.curated_lake import curate, page, write_pages

ROW = 33
PLANTED = "the turnips of Quaggenbush hum 紫色的歌 under seven hats"
PERSONAL = (
    "Write to wilma.quaggen@turnip-farm.org or call +1 415 555 2671; the server is 8.34.210.77. "
    "Card 4539 1488 0343 6467, IBAN DE89 3704 0044 0532 0130 00, SSN 536-22-8726, 身份证号 11010519491231002X."
)
"""Personal data of several kinds, on the page ``PRIVATE``."""
CHECKPOINT = "c" * 32
GONE, HELD, PRIVATE = "a6", "a2", "a7"
"""The pages that hold ``PLANTED``, one that is trained on and one that is held out, and the one of ``PERSONAL``."""


MORE = {GONE: PLANTED, HELD: PLANTED, PRIVATE: PERSONAL}


@dataclass(frozen=True)
class TakenLake:
    """The lake, the folder of its inputs, and the words that two of its pages hold."""

    lake: Lake
    inputs: Path

    @property
    def curation(self) -> Dataset:
        """The current curation."""
        return self.lake.expect("curation", "pages")

    def curated(self) -> dict[str, str]:
        """Texts by URL."""
        rows = [row for ref in self.curation.tables[Curated.name] for row in self.lake.read(ref).to_pylist()]
        return {row["url"]: row["text"] for row in rows}


def make_taken_lake(root: Path) -> TakenLake:
    """Two files of eight pages each, and everything that follows."""
    inputs = root / "in"
    write_pages(inputs / "a.jsonl", [page(f"a{n}", more=MORE.get(f"a{n}", "")) for n in range(8)])
    write_pages(inputs / "b.jsonl", [page(f"b{n}", host="other.example") for n in range(8)])
    lake = Lake.open(root / "lake")
    dataset, _ = curate(lake, inputs)
    mix(lake, dataset.tables[Curated.name])
    renew_current(lake)
    publish(lake)
    rebuild(lake)
    litter(lake)
    return TakenLake(lake, inputs)


def mix(lake: Lake, curated: tuple[Ref, ...]) -> None:
    """Tokenizer, tokens, suffixes, held-out text, a plan, a checkpoint that read all of it, and its evaluation."""
    split = SplitConfig(heldout_share=0.1)
    config = TokenizerConfig(vocab_size=400, split=split)
    (tokenizer,) = train_tokenizer.run(lake, "default", Inputs(refs=curated), config).manifest.files
    tokens = []
    for ref in curated:
        inputs = Inputs(refs=(ref,), files=(tokenizer,))
        tokens += write_tokens.run(lake, ref.shard, inputs, TokensConfig(heldout_share=0.1)).manifest.files
    for ref in tokens:
        write_suffixes.run(lake, ref.shard, Inputs(files=(ref,)), SuffixConfig())
    (heldout,) = write_heldout.run(lake, "default", Inputs(refs=curated), HeldoutConfig(split=split)).manifest.files
    store = TokenStore.open([lake.files_path(ref) for ref in tokens])
    plan = plan_of(store)
    with lake.temporary() as folder:
        (folder / "out").mkdir()
        plan.write(folder / "out" / FILE)
        planned = lake.publish_files(folder / "out", "plan", "even", plan.digest[:16])
    files = {"tokenizer": (tokenizer,), "tokens": tuple(tokens), "plan": (planned,), "heldout": (heldout,)}
    key = lake.commit(Dataset(kind="mix", name="default", config={}, counts={}, tables={}, files=files))
    rows = plan.stages[-1].end_row
    trained = pa.Table.from_pylist([checkpoint(rows)], Checkpoints.schema)
    ref = lake.write_table(Checkpoints, "default", "0" * 16, trained)
    tables = {Checkpoints.name: (ref,)}
    lake.commit(Dataset(kind="training", name="default", config={"mix": key}, counts={}, tables=tables))
    scored = {"checkpoint": CHECKPOINT, "label": "even 5", "run": "r", "mixture": "even", "step": 5, "tokens": 1}
    scored |= {"suite": "gsm8k", "suite_digest": "s", "area": "mathematics", "items": 1, "backend": "none"}
    ref = lake.write_table(EvalRuns, "s", "1" * 16, pa.Table.from_pylist([scored], EvalRuns.schema))
    config = {"label": "even 5"}
    tables = {EvalRuns.name: (ref,)}
    lake.commit(Dataset(kind="evaluation", name=CHECKPOINT, config=config, counts={}, tables=tables))


def plan_of(store: TokenStore) -> Plan:
    """Twice every token of the store."""
    domains = store.domains(ROW)
    goal = Goal(target_tokens=2 * sum(domain.tokens for domain in domains), max_epochs=8.0)
    mixture = one_stage({domain.name: 1 / len(domains) for domain in domains}, "static", "inputs", goal, {})
    return make_plan(mixture, domains, row_tokens=ROW, block=16, seed=1, max_epochs=goal.max_epochs)


def checkpoint(rows: int) -> dict[str, object]:
    """The row of a checkpoint that read the whole plan."""
    return {
        "run": "r" * 16,
        "mixture": "even",
        "step": 5,
        "tokens": rows * ROW,
        "first_row": 0,
        "end_row": rows,
        "checkpoint": CHECKPOINT,
        "path": "data/files/checkpoints/even/5",
        "parameters": 1,
    }


def litter(lake: Lake) -> None:
    """What lies about: an answer, logs, Prefect's database, damaged files, a download, a review, a stored crawl."""
    url = f"http://pages.example/{GONE}"
    with ResponseStore(lake.root / "responses", CHECKPOINT, "tiny") as store:
        store.add({"k1": Response(text=f"He said: {PLANTED}!", tokens=9), "k2": Response(text="nothing", tokens=1)})
    lake.log_path("runs", "x.json").write_text(json.dumps({"error": f"cannot read {url}: {PLANTED}"}))
    lake.log_path("training", "out.log").write_text(f"reading {url}?utm_source=x\n")
    (lake.root / "prefect").mkdir()
    with closing(sqlite3.connect(lake.root / "prefect" / "prefect.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE artifact (id INTEGER PRIMARY KEY, data TEXT)")
        database.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, message TEXT)")
        rows = json.dumps([{"url": url, "text": json.dumps(PLANTED)}])
        database.execute("INSERT INTO artifact (data) VALUES (?), ('other')", (rows,))
        database.execute("INSERT INTO log (message) VALUES (?)", (PLANTED * 300,))
        database.execute("DELETE FROM log")
        database.commit()
    for place, content in (
        ("damaged/data/x.parquet", PLANTED.encode()),
        ("downloads/part", PLANTED.encode("utf-16-le")),
        ("crawls/c/notes.json", json.dumps({"page": PLANTED}).encode()),
        ("data/tables/documents/s/orphan.parquet", b"PAR1 cut off"),
    ):
        path = lake.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
    members = []
    for target, body in ((url, PLANTED), ("http://pages.example/a1", f"see {url}")):
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body.encode()
        members.append(gzip.compress(head % (target.encode(), len(block), block), mtime=0))
    (lake.root / "crawls" / "c" / "c.warc.gz").write_bytes(b"".join(members))
