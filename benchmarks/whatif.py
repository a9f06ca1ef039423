"""How long a what-if takes: ``python -m benchmarks.whatif [--documents 1000000] [--shards 8] [--lake DIR]``.

Makes a lake of random signals (in realistic ranges, so that a fifth of the documents pass), decided by
``fineweb@code``, and asks it what a changed threshold and another preset would give. Prints seconds, and the peak
memory of the process so far. The lake is made once in ``--lake`` and reused if it exists (1.2 GB per million).
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from gristmill.core.digests import digest_text
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.core.table import Table
from gristmill.schemas.tables import SIGNALS, Documents, Verdicts
from gristmill.tasks.filtering.decide import DecideConfig, decide
from gristmill.tasks.filtering.policy import Policy, load_policy
from gristmill.tasks.filtering.what_if import what_if

LANGUAGES, DOMAINS = ["en", "en", "en", "de", "zh"], ["prose", "prose", "documentation", "code", "mathematics"]


def shard(table: Table, ids: pa.Array, policy: Policy, random: np.random.Generator) -> pa.Table:
    """Random rows of a table: numbers that satisfy the policy's rules about 24 times in 25."""
    rules = {rule.signal: rule for rule in policy.rules}
    size = len(ids)
    columns: list[pa.Array] = []
    for field in table.schema:
        rule = rules.get(f"{table.name.removeprefix('signals/')}.{field.name}")
        if field.name == "doc_id":
            columns.append(ids)
        elif pa.types.is_string(field.type):
            values = {"language": LANGUAGES, "domain": DOMAINS}.get(field.name, ["corpus"])
            columns.append(pa.array(values).take(pa.array(random.integers(0, len(values), size))))
        elif pa.types.is_boolean(field.type):
            columns.append(pa.array(random.random(size) < 0.04))
        elif pa.types.is_floating(field.type) or pa.types.is_integer(field.type):
            low = (rule.min or 0.0) if rule else 0.0
            high = (rule.max or low * 20 + 1) if rule else 1.0
            drawn = low + (high - low) * (random.random(size) * 1.04 - (0.04 if low else 0.0))
            columns.append(pa.array(drawn).cast(field.type, safe=False))
        else:
            columns.append(pa.nulls(size, field.type))
    return pa.table(columns, schema=table.schema)


def make(lake: Lake, documents: int, shards: int) -> None:
    """Fill the lake with a curation of that many documents."""
    policy = load_policy("fineweb@code")
    random = np.random.default_rng(0)
    refs: dict[str, list[Ref]] = {}
    for number in range(shards):
        size = documents // shards
        ids = pa.array(sorted(digest_text(f"{number} {place}") for place in range(size)))
        rows = {table.name: shard(table, ids, policy, random) for table in (Documents, *SIGNALS)}
        urls = pa.array([f"https://example.org/{doc_id}" for doc_id in ids.to_pylist()])
        known = rows[Documents.name]
        rows[Documents.name] = known.set_column(
            known.schema.get_field_index("url"), Documents.schema.field("url"), urls
        )
        signals = {table.name: rows[table.name] for table in SIGNALS}
        rows[Verdicts.name] = decide.function(rows[Documents.name], signals, DecideConfig(policy=policy))
        for table in (Documents, *SIGNALS, Verdicts):
            refs.setdefault(table.name, []).append(lake.write_table(table, f"{number:04}", "0" * 16, rows[table.name]))
    kept = {"kept": 0, "records": documents}
    tables = {name: tuple(written) for name, written in refs.items()}
    config = {"policy": policy.model_dump(mode="json")}
    lake.commit(Dataset(kind="curation", name="random", config=config, counts=kept, tables=tables))


def changed(policy: Policy) -> Policy:
    """The policy with one other threshold."""
    rules = [
        rule.model_copy(update={"max": 0.1}) if rule.signal == "fineweb.dup_line_char_ratio" else rule
        for rule in policy.rules
    ]
    return policy.model_copy(update={"name": "changed", "rules": tuple(rules)})


def main() -> None:
    """Make the lake, then ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--lake", type=Path, default=Path(tempfile.gettempdir()) / "gristmill-whatif")
    arguments = parser.parse_args()
    home = Lake.open(arguments.lake)
    if home.dataset("curation", "random") is None:
        started = time.perf_counter()
        make(home, arguments.documents, arguments.shards)
        print(f"made in {time.perf_counter() - started:.0f} s")
    (dataset,) = home.datasets("curation")
    for policy in (changed(load_policy("fineweb@code")), load_policy("gopher"), load_policy("demo")):
        started, processor = time.perf_counter(), time.process_time()
        answer = what_if(home, dataset, policy)
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"{policy.name:24} {answer.documents:,} documents, {answer.before:,} pass, {answer.after:,} would: "
            f"{seconds:.2f} s, {processor:.2f} s of processor, peak {peak} MB"
        )
    command = [str(Path(sys.executable).with_name("gristmill")), "whatif", "--policy", "gopher", "--lake"]
    started = time.perf_counter()
    subprocess.run([*command, str(arguments.lake), "--json"], check=True, stdout=subprocess.DEVNULL)
    print(f"gristmill whatif         {time.perf_counter() - started:.2f} s as a command")


if __name__ == "__main__":
    main()
