"""Made-up curated documents about three topics in two languages, and lakes that hold them."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.core.digests import digest_text
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.core.table import conform
from gristmill.schemas.tables import Curated
from tests.helpers.small_curated import document

WORDS = {
    "baking": "flour oven yeast dough butter sugar knead crust loaf bake recipe whisk",
    "sailing": "harbour sail anchor mast wind deck rudder tide knot crew vessel storm",
    "烹饪": "面粉 烤箱 酵母 面团 黄油 白糖 食谱 烹饪 厨房 炒锅 酱油 蔬菜",
}
FILLER = "the and of to in that it was for on with as".split()  # noqa: SIM905
LANGUAGES = {"baking": "en", "sailing": "en", "烹饪": "zh"}


def topic_text(topic: str, draw: random.Random, words: int = 60) -> str:
    """A text about a topic: two words of it for one that says nothing."""
    own = WORDS[topic].split()
    if LANGUAGES[topic] == "zh":
        return "".join(draw.choice(own) for _ in range(words)) + "。"
    return " ".join(draw.choice(own) if draw.random() < 0.67 else draw.choice(FILLER) for _ in range(words))


def topic_documents(each: int = 40, seed: int = 0, topics: Sequence[str] = tuple(WORDS)) -> list[dict[str, Any]]:
    """``each`` documents of every topic, on a host of its own below example.org, in a path of its number."""
    draw = random.Random(seed)
    rows = []
    for number, topic in enumerate(topics):
        for place in range(each):
            row = document(f"{topic} {seed} {place}", "prose", topic_text(topic, draw))
            host = f"site{number}.example.org"
            row |= {"language": LANGUAGES[topic], "host": host, "url": f"https://{host}/{topic}/part/{place}?q=1"}
            rows.append(row | {"source": f"source{number}"})
    return rows


def curated_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as the table ``curated``."""
    return conform(Curated, pa.Table.from_pylist(list(rows), schema=Curated.schema))


def topic_lake(root: Path, each: int = 40, shards: int = 2) -> Lake:
    """A lake with a curation for each source, in several shards."""
    lake = Lake.open(root)
    rows = topic_documents(each)
    for source in sorted({row["source"] for row in rows}):
        own = [row for row in rows if row["source"] == source]
        refs: list[Ref] = [
            lake.write_table(
                Curated, f"shard{part}", digest_text(f"{source} {part}")[:16], curated_table(own[part::shards])
            )
            for part in range(shards)
        ]
        tables = {Curated.name: tuple(refs)}
        lake.commit(Dataset(kind="curation", name=source, config={}, counts={}, tables=tables))
    return lake
