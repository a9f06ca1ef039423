"""A lake in which two checkpoints, called ``base`` and ``tuned``, answered the same suites; written from plain rows.

``reading`` has passages of four questions, ``board`` three subjects, ``python`` ten samples a problem, ``heldout`` bits
per byte. On ``digits`` the two answer alike. Four suites cannot be compared: another version, another jail, too few
items, and one that only ``tuned`` was asked. Deterministic.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gristmill.core.lake import Lake
from tests.helpers.small_lake import commit, doc_id

BASE, TUNED = doc_id("base"), doc_id("tuned")
SUBJECTS = ("anatomy", "law", "logic")

Row = dict[str, Any]


def build_compared_lake(root: Path) -> Lake:
    """Write the lake."""
    lake = Lake.open(root)
    for label, checkpoint, gain in (("base", BASE, 0.0), ("tuned", TUNED, 0.25)):
        rows: dict[str, list[Row]] = {"eval_runs": [], "samples": [], "scores": [], "responses": []}
        for suite in _suites(label, gain):
            same = {"checkpoint": checkpoint, "suite": suite["suite"]}
            if suite["headline"]:
                rows["eval_runs"].append(
                    same
                    | {
                        "label": label,
                        "run": doc_id(f"run {label}"),
                        "mixture": label,
                        "area": suite["area"],
                        "items": len(suite["samples"]),
                    }
                    | {"suite_digest": suite["digest"], "backend": suite["backend"]}
                )
            values = [row["value"] for row in suite["samples"]]
            weights = [row["weight"] for row in suite["samples"]]
            rows["scores"].append(
                same
                | {
                    "metric": suite["metric"],
                    "convention": suite["convention"],
                    "headline": suite["headline"],
                    "subset": "all",
                }
                | {"value": sum(values) / sum(weights), "low": 0.0, "high": 9.0, "n": len(values)}
                | {"area": suite["area"], "method": "written by a test", "jail_tier": suite["tier"]}
                | {"higher_is_better": suite["metric"] != "bits_per_byte"}
            )
            for sample in suite["samples"]:
                name = same | {"item": sample["item"], "repeat": sample.get("repeat", 0)}
                verdict = "right" if sample["value"] else "wrong"
                rows["samples"].append({"verdict": verdict} | name | {"convention": suite["convention"]} | sample)
                if suite["headline"]:
                    rows["responses"].append(
                        name | {"prompt": f"Q {sample['item']}", "text": f"{label} says {verdict}", "finish": "stop"}
                    )
        commit(lake, "evaluation", checkpoint, {table: {checkpoint: found} for table, found in rows.items()})
    shares = {"base": {"code": 1000, "prose": 3000}, "tuned": {"code": 2500, "prose": 1000, "mathematics": 500}}
    mixtures = [
        {"mixture": name, "domain": domain, "rows": rows}
        for name, plan in shares.items()
        for domain, rows in plan.items()
    ]
    commit(lake, "mix", "both", {"mixtures": {"both": mixtures}})
    return lake


def _suites(label: str, gain: float) -> Iterator[Row]:
    random = np.random.default_rng(7)  # the same draws for both: a higher gain is right wherever a lower one is
    plain = {
        "area": "reading",
        "metric": "accuracy",
        "convention": "letters",
        "backend": "hf",
        "tier": "",
        "headline": True,
    }

    def drawn(count: int, share: float, **columns: str) -> list[Row]:
        return [
            {"item": f"{place:04}", "value": float(draw < share), "weight": 1.0, "expected": "yes"} | columns
            for place, draw in enumerate(random.random(count))
        ]

    def suite(name: str, samples: list[Row], **changes: Any) -> Row:
        return plain | {"suite": name, "digest": doc_id(name), "samples": samples} | changes

    reading = drawn(200, 0.3 + gain)
    for place, row in enumerate(reading):
        row["cluster"] = f"passage {place // 4}"
    reading[0]["weight"] = float(label == "base")  # the machine failed on one item of the other
    yield suite("reading", reading, backend=f"hf, {label}")
    gold = [row | {"value": 9.0 - 4 * row["value"], "weight": 4.0} for row in reading]
    yield suite("reading", gold, metric="bits_per_byte", convention="gold-bits", headline=False)
    board = [
        row | {"subset": subject, "item": f"{subject}-{row['item']}"}
        for subject, lift in zip(SUBJECTS, (0.0, 0.0, 1.0), strict=True)
        for row in drawn(80, 0.4 + lift * gain)
    ]
    yield suite("board", board)
    problems = [
        row | {"item": f"problem-{place:02}", "repeat": repeat}
        for place, chance in enumerate(random.random(30))
        for repeat, row in enumerate(drawn(10, chance + gain / 10))
    ]
    yield suite("python", problems, area="code", metric="pass@1", convention="completion", tier="bubblewrap")
    yield suite("digits", drawn(50, 0.5))
    texts = [
        {"item": f"{domain}-{place}", "subset": domain, "value": 800 * (level - gain / 10 + wobble), "weight": 800.0}
        for domain, level in (("code", 1.5), ("prose", 2.5))
        for place, wobble in enumerate(random.normal(0, 0.1, 20))
    ]
    for row, noise in zip(texts, random.normal(0, 9, 40).tolist(), strict=True):
        row["value"] += noise if label == "tuned" else 0.0
    yield suite("heldout", texts, area="perplexity", metric="bits_per_byte", convention="bits_per_byte")
    yield suite("few", drawn(5, 0.1 + 3 * gain))
    yield suite("versioned", drawn(20, 0.5), digest=doc_id(f"versioned for {label}"))
    yield suite("jailed", drawn(20, 0.5), area="code", tier="bubblewrap" if label == "base" else "landlock")
    if label == "tuned":
        yield suite("alone", drawn(20, 0.5))
