"""What the checkpoints of the small lake answered: five suites with items, outputs, grades, and the scores of them.

``reading`` has passages of four questions and two conventions, ``exam-zh`` is a board of three subjects, ``heldout``
bits per byte by domain. Checkpoints find the same items hard, so pairs say more than intervals do. On ``exam-zh``
``doremi 300`` is far ahead; on ``reading`` it leads by two items, which shows nothing. ``EXTERNAL`` has scores and no
answers, as an import from elsewhere may have. Item 001 of every suite holds text that tries to break out of a page.
The items of ``arithmetic`` were looked for in ``CRAWL`` and in what two checkpoints were trained on, those of
``exam-zh`` in an older version, and the others nowhere.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from gristmill.core.lake import Lake
from gristmill.evals.statistics.interval import Interval
from gristmill.evals.statistics.means import macro_mean, mean
from gristmill.evals.statistics.proportions import above_chance
from gristmill.evals.statistics.ratio import ratio
from tests.helpers.small_lake import ATTACK, DOMAINS, commit, doc_id

SUBJECTS = ("法学", "高等数学", "毛泽东思想和中国特色社会主义理论体系概论")
EXTERNAL = (
    "外部模型-an-external-checkpoint-with-a-very-long-name-that-no-column-was-made-for-v2.1-instruct-bf16-2026-11"
)
CRAWL = "crawl-2024"
SERVED = "served/模型-135M"
LETTERS = ("A", "B", "C", "D")

Row = dict[str, Any]
Tables = dict[str, list[Row]]


@dataclass(frozen=True)
class Asked:
    """A suite: how many items each subset has, and how well a checkpoint does at ``start``, each step and by gain."""

    suite: str
    area: str
    metric: str
    conventions: tuple[str, ...]
    items: int
    start: float
    growth: float
    lead: float
    chance: float | None = None
    subsets: tuple[str, ...] = ("",)
    passage: int = 0
    tier: str = ""

    def skill(self, step: int, ahead: bool) -> float:
        """Share of items it gets right."""
        return self.start + self.growth * step / 100 + (self.lead if ahead else 0.0)


SUITES = (
    Asked("reading", "reading", "accuracy", ("choice-bytes", "choice-sum"), 48, 0.30, 0.05, 0.05, 0.25, passage=4),
    Asked("exam-zh", "reading", "accuracy", ("choice-sum",), 40, 0.23, 0.05, 0.25, 0.25, subsets=SUBJECTS),
    Asked("arithmetic", "mathematics", "accuracy", ("last-number", "gsm8k.strict"), 40, 0.15, 0.06, 0.08),
    Asked("python-basics", "code", "pass@1", ("completion",), 40, 0.02, 0.06, 0.06, tier="bubblewrap"),
)


def answer_all(lake: Lake) -> None:
    """Put these answers and scores in the place of those that the small lake has."""
    tables: Tables = {"eval_runs": [], "scores": [], "samples": [], "responses": []}
    for mixture in ("natural", "doremi"):
        for step in (100, 200, 300):
            place = {"run": doc_id(f"run {mixture}"), "mixture": mixture, "step": step, "tokens": step * 2048}
            _evaluate(tables, place, doc_id(f"{mixture} {step}"), ahead=mixture == "doremi")
    _evaluate_external(tables, doc_id(EXTERNAL))
    commit(lake, "speed", "served", {"speed": {"served": list(_speeds())}})
    commit(lake, "evaluation", "small", {table: {"all": rows} for table, rows in tables.items()})
    _look_for_items(lake)


def _look_for_items(lake: Lake) -> None:
    """What a crawl and the training data of two checkpoints hold: items 001 to 010 but for the last, which is short."""
    here, hostile, elsewhere = doc_id("handbook/page-000"), doc_id("handbook/attack"), doc_id("a page of another lake")
    seen = {1: ("answer", hostile), **dict.fromkeys(range(2, 6), ("answer", here))}
    seen |= dict.fromkeys(range(6, 10), ("input", elsewhere))
    _label(lake, CRAWL, CRAWL, "arithmetic", doc_id("arithmetic"), seen)
    for name, items in (("doremi 300", range(2, 4)), ("natural 100", range(1, 31))):
        own = dict.fromkeys(items, ("input", here))
        _label(lake, doc_id(name), name, "arithmetic", doc_id("arithmetic"), own)
    _label(lake, CRAWL, CRAWL, "exam-zh", "an older version", seen)


def _label(lake: Lake, key: str, corpus: str, suite: str, digest: str, seen: dict[int, tuple[str, str]]) -> None:
    """Commit the labels of the 40 items of a suite: those in ``seen`` with label and document, item 10 short."""
    labels: list[Row] = []
    places: list[Row] = []
    for number in range(1, 41):
        label, document = seen.get(number, ("short" if number == 10 else "clean", None))
        item = {"suite": suite, "item": f"{suite}-{number:03}", "doc_id": document, "score": 0.97 if document else 0.0}
        labels.append(
            item | {"corpus": corpus, "suite_digest": digest, "label": label, "documents": int(bool(document))}
        )
        if document:
            found = {"source": corpus, "form": "question", "start": 1200, "end": 1260 + number, "label": label}
            places.append(item | found | {"similarity": 0.96, "answer": 1.0 if label == "answer" else None})
    name = f"{key}@{suite}"
    commit(lake, "contamination", name, {"item_labels": {name: labels}, "contamination": {name: places}})


def _evaluate(tables: Tables, place: Row, checkpoint: str, ahead: bool) -> None:
    """Add everything one checkpoint of a training run was asked."""
    for asked in SUITES:
        rows = list(_samples(asked, checkpoint, asked.skill(int(place["step"]), ahead)))
        tables["samples"].extend(rows)
        tables["scores"].extend(_scores(asked, rows))
        first = [row for row in rows if row["convention"] == asked.conventions[0]]
        tables["responses"].extend(answer for row in first for answer in _responses(asked, row))
        tables["eval_runs"].append(_run(asked.suite, asked.area, len(first), place, checkpoint))
    level = 3.1 - int(place["step"]) / 400 - (0.06 if ahead else 0.0)
    texts = list(_texts(checkpoint, level))
    tables["samples"].extend(texts)
    tables["scores"].extend(_bits(texts))
    tables["eval_runs"].append(_run("heldout", "perplexity", len(texts), place, checkpoint))


def _evaluate_external(tables: Tables, checkpoint: str) -> None:
    """Add the scores of a checkpoint from elsewhere: about as good as the last of natural, on two suites."""
    place = {"run": "external", "mixture": "", "label": EXTERNAL, "step": 0, "tokens": 0}
    for asked in SUITES[:2]:
        rows = list(_samples(asked, checkpoint, asked.skill(300, ahead=False) - 0.01))
        tables["scores"].extend(row for row in _scores(asked, rows) if row["headline"])
        tables["eval_runs"].append(_run(asked.suite, asked.area, len(rows), place, checkpoint))


def _run(suite: str, area: str, items: int, place: Row, checkpoint: str) -> Row:
    label = place.get("label", f"{place['mixture']} {place['step']}")
    own = {"checkpoint": checkpoint, "label": label, "suite": suite, "suite_digest": doc_id(suite)}
    return place | own | {"area": area, "items": items, "backend": "transformers 5.23 float32"}


def _samples(asked: Asked, checkpoint: str, skill: float) -> Iterator[Row]:
    for number, subset in enumerate(asked.subsets):
        names = [
            f"{asked.suite}-{f'{number + 1}-' if subset else ''}{place + 1:03}"
            for place in range(asked.items - 10 * number)
        ]
        own = Random(f"{checkpoint} {asked.suite} {subset}")
        hardness = {name: Random(name).random() + 0.25 * own.random() for name in names}
        ranked = sorted(names, key=hardness.__getitem__)
        for convention in asked.conventions:
            stricter = 4 * asked.conventions.index(convention)
            right = set(ranked[: max(0, round(skill * len(names)) - stricter)])
            for place, name in enumerate(names):
                yield {
                    "checkpoint": checkpoint,
                    "suite": asked.suite,
                    "item": name,
                    "repeat": 0,
                    "convention": convention,
                    "subset": subset,
                    "cluster": f"passage {place // asked.passage}" if asked.passage else "",
                    **_grade(asked, name, place, name in right, ATTACK if place == 0 else ""),
                    "value": float(name in right),
                    "weight": 1.0,
                }


def _grade(asked: Asked, name: str, place: int, right: bool, attack: str) -> Row:
    gold = _gold(asked, place)
    if asked.area == "code":
        verdict = "pass" if right else ("wrong", "exception", "timeout")[place % 3]
        program = attack + f"def f_{place}(x):\n    return x + {place if right else 1 - place}\n"
        detail = "" if right else f"f_{place}(1) gave {2 - place}, {1 + place} was expected"
        return {"verdict": verdict, "program": program, "expected": gold, "detail": detail or attack}
    said = gold if right else _wrong(asked, place)
    detail = f"chose {said!r}, right is {gold!r}" if asked.chance else f"read {said}"
    return {
        "verdict": "right" if right else "wrong",
        "program": "",
        "expected": gold + attack,
        "detail": detail + attack,
    }


def _gold(asked: Asked, place: int) -> str:
    if asked.area == "code":
        return f"    return x + {place}\n"
    return LETTERS[place % 4] if asked.chance else str(12 + 7 * place)


def _wrong(asked: Asked, place: int) -> str:
    return LETTERS[(place + 1) % 4] if asked.chance else str(11 + 7 * place)


def _responses(asked: Asked, sample: Row) -> Iterator[Row]:
    place = int(sample["item"][-3:]) - 1
    row = {name: sample[name] for name in ("checkpoint", "suite", "item", "repeat")} | {"lost": 0, "seed": 0}
    own = ATTACK if place == 0 else ""
    if asked.chance:
        chosen = place % 4 if sample["value"] else (place + 1) % 4
        question = (
            "下列说法中正确的是哪一项？" if asked.subsets != ("",) else "What did the miller write down, and why?"
        )
        prompt = f"{own}{question}\nA. one\nB. two\nC. three\nD. four\nAnswer:"
        for part, letter in enumerate(LETTERS):
            nats = -1.5 - 0.25 * ((part - chosen) % 4)
            scored = {"text": f" {letter}", "finish": "scored", "tokens": 1, "log_probability": nats}
            yield row | {"part": part, "prompt": prompt, **scored, "greedy": part == chosen}
        return
    if asked.area == "code":
        prompt = f'def f_{place}(x):\n    """Add {place} to x."""\n{own}'
        text = own + f"    return x + {place if sample['value'] else 1 - place}\n"
    else:
        prompt = f"Q: {place + 5} + {7 + 6 * place} =\nA:{own}"
        text = f"{own} The answer is {12 + 7 * place if sample['value'] else 11 + 7 * place}."
    yield row | {"part": 0, "prompt": prompt, "text": text, "finish": "stop", "tokens": 9}


def _scores(asked: Asked, samples: list[Row]) -> Iterator[Row]:
    for convention in asked.conventions:
        rows = [row for row in samples if row["convention"] == convention]
        named = [subset for subset in asked.subsets if subset]
        for subset in ("all", *(("macro", *named) if named else ())):
            inside = [row for row in rows if subset in ("all", "macro", row["subset"])]
            values, clusters = [row["value"] for row in inside], [row["cluster"] for row in inside]
            found = macro_mean(values, clusters, [row["subset"] for row in inside]) if subset == "macro" else None
            interval, method = found or mean(values, clusters)
            p = above_chance(round(sum(values)), len(values), asked.chance) if asked.chance and not found else None
            yield _score(asked, rows[0]["checkpoint"], convention, subset, interval, method, len(inside)) | {
                "headline": subset == "all" and convention == asked.conventions[0],
                "chance": asked.chance,
                "above_chance": p,
            }


def _score(asked: Asked, checkpoint: str, convention: str, subset: str, interval: Interval, method: str, n: int) -> Row:
    return {
        "checkpoint": checkpoint,
        "suite": asked.suite,
        "area": asked.area,
        "metric": asked.metric,
        "convention": convention,
        "subset": subset,
        **interval._asdict(),
        "n": n,
        "higher_is_better": asked.area != "perplexity",
        "method": method,
        "failures": 0,
        "jail_tier": asked.tier,
    }


def _speeds() -> Iterator[Row]:
    """One server measured at two loads: users at once, and requests that arrive at a rate, of which one failed."""
    load = {"model": SERVED, "server": f"llama.cpp b6000 {ATTACK}", "endpoint": "completions", "warmup": 4}
    load |= {"requests": 64, "isl": 128, "osl": 64, "ignore_eos": True, "limits": "itl=0.05,ttft=0.5"}
    for number, users in enumerate(({"concurrency": 4}, {"rate": 2.5, "failed": 1})):
        own = load | {"measurement": number + 1, "n": 64 - number} | users
        for metric, unit, value in (("ttft", "s", 0.25), ("itl", "s", 0.03), ("per_user", "tokens/s", 33.3)):
            spread = {"value": value, "p50": value * 0.9, "p90": value * 1.5, "p99": value * 2}
            yield own | {"metric": metric, "unit": unit} | spread
        yield own | {"metric": "output_token_throughput", "unit": "tokens/s", "value": 120.5 + number}
        yield own | {"metric": "goodput", "unit": "requests/s", "value": 1.75}
        share = {"value": 0.875, "low": 0.772, "high": 0.935}
        yield own | {"metric": "good_share", "unit": "share"} | share


def _texts(checkpoint: str, level: float) -> Iterator[Row]:
    own = Random(f"{checkpoint} heldout")
    for number, domain in enumerate(DOMAINS):
        for place in range(15):
            name, size = f"{domain}-{place + 1:03}", 400.0 + 10 * place
            bits = size * (level + 0.1 * number) * (1 + 0.04 * math.sin(place) + 0.002 * own.random())
            yield {
                "checkpoint": checkpoint,
                "suite": "heldout",
                "item": name,
                "repeat": 0,
                "convention": "bits_per_byte",
                "subset": domain,
                "verdict": "scored",
                "value": bits,
                "weight": size,
            }


def _bits(texts: list[Row]) -> Iterator[Row]:
    asked = Asked("heldout", "perplexity", "bits_per_byte", ("bits_per_byte",), 15, 0.0, 0.0, 0.0)
    for subset in ("all", *DOMAINS):
        inside = [row for row in texts if subset in ("all", row["subset"])]
        interval = ratio(
            np.array([row["value"] for row in inside]),
            np.array([row["weight"] for row in inside]),
            [row["subset"] for row in inside],
        )
        method = "ratio estimator, Student t"
        yield _score(asked, texts[0]["checkpoint"], "bits_per_byte", subset, interval, method, len(inside)) | {
            "headline": subset == "all"
        }
