"""A lake that a curation made of rows of JSON, through the steps, without Prefect and gates."""

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.core.steps.kinds import DOWNLOADS, parts_of
from gristmill.core.table import Table
from gristmill.flows.curate.flow import curate_shards, ingest_config
from gristmill.flows.curate.settings import CurateSettings
from gristmill.flows.curate.state import Curation, Progress
from gristmill.flows.engines.direct import DirectEngine
from gristmill.flows.engines.engine import Work
from gristmill.flows.reporter import Reporter
from gristmill.flows.running import run_step
from gristmill.tasks.filtering.policy import load_policy
from gristmill.tasks.ingest.barred import reading
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.grouping import group_files
from gristmill.tasks.ingest.ingest import ingest
from tests.helpers.corpus import prose


class Ungated(Curation):
    """A curation whose gates are open."""

    def gate(self, name: str, *tables: Table) -> None:
        """Nothing is checked."""


def write_pages(path: Path, pages: Iterable[Mapping[str, str]]) -> Path:
    """Rows of JSON, a line each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(page, ensure_ascii=False) + "\n" for page in pages), encoding="utf-8")
    return path


def page(name: str, *, host: str = "pages.example", more: str = "") -> dict[str, str]:
    """A page of sentences of its own, which the policy ``demo`` keeps; ``more`` stands in the middle of it."""
    generator = random.Random(name)
    text = "\n\n".join([*prose(generator, 3), f"Here {name} says what nobody else says. {more}", *prose(generator, 3)])
    return {"id": name, "url": f"http://{host}/{name}", "text": text}


def curate(lake: Lake, inputs: Path, source: str = "pages", **settings: object) -> tuple[Dataset, DirectEngine]:
    """Curate files of rows as ``gristmill curate`` does. Returns the dataset, and the engine with what ran."""
    values = {"source": source, "inputs": [str(inputs)], "policy": "demo", "grouping": {"small_bytes": 0}, **settings}
    parsed = CurateSettings.parse(values, "curate")
    engine = DirectEngine(2)
    found = find_inputs(parsed.inputs, lake.root / DOWNLOADS)
    with Reporter() as report:
        state = Ungated(parsed, lake, report, [], engine=engine, artifacts=False)
        work = [
            Work(entry.shard, reading(entry, lake), entry.name, ingest_config(parsed))
            for entry in group_files(found.files, parsed.grouping)
        ]
        for entry, manifest in zip(work, run_step(ingest, work, lake, report, engine=engine), strict=True):
            for shard, refs in parts_of(manifest).items():
                made = {(ingest.name, ref.table): ref for ref in refs}
                state.shards.append(Progress(source, shard, entry.label, made))
        return curate_shards(state, load_policy(parsed.policy)), engine
