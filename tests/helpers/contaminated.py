"""A small suite and documents that hold some of its items: whole, with the answer, edited, and not at all."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.schemas.tables import EvalItems
from tests.helpers.corpus import prose

MILL = (
    "A miller grinds 35 sacks of wheat on Monday and twice as many on Tuesday. He sells a third of all the flour to "
    "the baker and keeps the rest in the barn beside the river. How many sacks of flour does he keep?"
)
ORCHARD = (
    "Hanna picks 48 pears in the orchard behind the school and shares them equally among her six cousins, who each "
    "give two pears back to her mother before supper. How many pears does every cousin have in the end?"
)
FERRY = (
    "A ferry crosses the strait nine times a day with eighty passengers, except on Sundays, when it rests in the "
    "harbour of the northern island. How many passengers does it carry in a week without a storm?"
)
LANTERN = "灯笼铺里有红灯笼三十六只，黄灯笼比红灯笼的两倍少八只，掌柜把所有灯笼平均挂在四条街上，每条街挂多少只灯笼？"
ITEMS = {"mill": (MILL, "70"), "orchard": (ORCHARD, "6"), "ferry": (FERRY, "4320"), "lantern": (LANTERN, "25")}


def write_suite(folder: Path) -> Path:
    """The suite ``sums`` as a YAML file with its items beside it."""
    lines = [
        json.dumps({"id": name, "question": question, "answer": answer}, ensure_ascii=False)
        for name, (question, answer) in ITEMS.items()
    ]
    (folder / "sums.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder / "sums.yaml"
    path.write_text(
        "name: sums\narea: mathematics\nabout: Sums.\ndata: {reader: answer-items, files: {items: sums.jsonl}}\n"
        'prompt: "Q: {question}\\nA:"\ngeneration: {max_new_tokens: 8, stop: ["\\n"]}\nconventions: [last-number]\n'
        "licence: CC0-1.0\n",
        encoding="utf-8",
    )
    return path


def page(seed: str, planted: str = "") -> str:
    """Some paragraphs of prose, with ``planted`` between two of them."""
    paragraphs = prose(random.Random(seed), 6)
    return "\n\n".join([*paragraphs[:3], *([planted] if planted else []), *paragraphs[3:]])


def write_corpus(path: Path) -> Path:
    """Five documents: the mill with its answer, the orchard without, the lantern in Chinese, and two of prose alone."""
    texts = {
        "mill": page("one", f"{MILL}\nAnswer: 70"),
        "orchard": page("two", ORCHARD.replace("48 pears", "48 plums")),
        "lantern": page("three", LANTERN),
        "prose": page("four"),
        "more": page("five"),
    }
    rows = [{"id": name, "text": text, "url": f"http://pages.example/{name}"} for name, text in texts.items()]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def row(item: str, text: str, answers: list[str], form: str = "question", **more: Any) -> dict[str, Any]:
    """A row of ``eval_items`` of the suite ``sums``."""
    base = {"suite": "sums", "suite_digest": "d", "item": item, "form": form, "text": text, "answers": answers}
    return base | {"options": [], "letter": ""} | more


def items(*rows: dict[str, Any]) -> pa.Table:
    """The table of these rows."""
    return pa.Table.from_pylist(list(rows), schema=EvalItems.schema)
