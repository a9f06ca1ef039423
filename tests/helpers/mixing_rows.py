"""Rows of the tables of mixing and training, made up: baselines, caps, checks, a swarm with its trials, and live runs.

The law is known, so tests can say what pages have to show. Deterministic.
"""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

Row = dict[str, Any]
NOISE = 0.004


def shares_rows(mixture: str, method: str, digest: str, domains: Sequence[str], shares: Sequence[float]) -> list[Row]:
    """Rows of ``mixtures`` for a mixture of one stage, whose first domain lost a little to its cap."""
    return [
        {
            "mixture": mixture,
            "method": method,
            "digest": digest,
            "stage": 0,
            "until_token": 600_000,
            "domain": domain,
            "weight_raw": share,
            "weight": share,
            "realised": share,
            "rows": round(share * 4000),
            "epochs": share * 5,
            "max_epochs": 4.0,
        }
        for domain, share in zip(domains, shares, strict=True)
    ]


def report_rows(mixture: str, domains: Sequence[str], shares: Sequence[float], sizes: Sequence[int]) -> dict[str, Any]:
    """Baselines, caps and the check of the proxies' size of a learned mixture."""
    total, each = sum(sizes), 1 / len(domains)
    baselines = [
        {
            "mixture": mixture,
            "baseline": name,
            "domain": domain,
            "raw": share,
            "capped": share,
            "low": max(0.0, share - 0.05) if name == mixture else None,
            "high": min(1.0, share + 0.05) if name == mixture else None,
            "epochs": 600_000 * share / size,
            "cap": 8.0 if domain == domains[0] else 4.0,
            "reason": "scarce and clean" if domain == domains[0] else "default",
        }
        for name, values in (
            (mixture, shares),
            ("proportional", [size / total for size in sizes]),
            ("uniform", [each] * len(domains)),
        )
        for domain, size, share in zip(domains, sizes, values, strict=True)
    ]
    caps = [
        {"mixture": mixture, "cap": cap, "domain": domain, "weight": share, "epochs": 600_000 * share / size}
        for cap in (4.0, 8.0, 16.0)
        for domain, share, size in zip(domains, shares, sizes, strict=True)
    ]
    small = "proxies of 250k parameters: below 15M the order of mixtures often changes with size."
    checks = [{"mixture": mixture, "name": "parameters", "value": 250_000.0, "detail": small, "warning": True}]
    return {"mixture_baselines": baselines, "mixture_caps": caps, "mixture_checks": checks}


def swarm_rows(mixture: str, domains: Sequence[str], trials: int, seed: int = 0) -> dict[str, list[Row]]:
    """Trials with losses that a law predicts well but for noise: eight anchors, deletions, a tenth held out."""
    draw = Random(seed)
    roles = ["anchor"] * 8 + ["deletion"] * len(domains) + ["adaptive"] * 2
    roles = roles[: max(0, trials - 4)] + ["design"] * max(4, trials - len(roles))
    roles = ["held-out" if role == "design" and place % 4 == 3 else role for place, role in enumerate(roles)][:trials]
    prior = _normal([1.0 + place % 3 for place in range(len(domains))])
    rows: dict[str, list[Row]] = {"trials": [], "trial_results": []}
    for place, role in enumerate(roles):
        if role in ("anchor", "adaptive"):
            weights = prior if role == "anchor" else _normal([2.0**-number for number in range(len(domains))])
        else:
            weights = _normal([draw.gammavariate(0.7, 1) + 1e-6 for _ in domains])
        if role == "deletion":
            gone = (place - 8) % len(domains)
            weights = _normal([0.0 if number == gone else value for number, value in enumerate(weights)])
        name = f"{seed:04x}{place:012x}"
        about = {"mixture": mixture, "trial": name, "role": role}
        rows["trials"] += [
            {
                **about,
                "domain": domain,
                "weight": weight,
                "seed": place if role == "anchor" else 0,
                "steps": 150,
                "tokens": 156_000,
                "learning_rate": 3e-3,
                "data_share": 0.05,
                "parameters": 250_000,
                "earlier": place % 10 == 9,
            }
            for domain, weight in zip(domains, weights, strict=True)
        ]
        for metric, weight in zip(domains, weights, strict=True):
            loss = 3.2 + 0.1 * domains.index(metric) % 1 + math.exp(-1 - 4 * weight)
            rows["trial_results"].append(
                {
                    **about,
                    "metric": metric,
                    "measured": loss + draw.gauss(0, NOISE),
                    "predicted": loss + draw.gauss(0, NOISE),
                }
            )
    rows["mixture_predictions"] = [
        {"mixture": mixture, "subject": subject, "metric": metric, "predicted": value, "low": value - 0.03}
        | {"high": value + 0.02}
        for subject, value in (("winner", 3.41), ("prior", 3.52))
        for metric in (*domains, "objective")
    ]
    rows["mixture_checks"] = [
        {"mixture": mixture, "name": name, "value": value, "detail": detail, "warning": warning}
        for name, value, detail, warning in (
            ("nothing_learnt", 0.0, "mixtures rank better than by chance", False),
            ("spearman", 0.93, f"out of fold, over {trials} mixtures", False),
            ("spearman_p", 0.001, "of that by permutation, one-sided", False),
            ("rmse", 0.006, "out of fold, nats a token", False),
            ("gain", 0.11, "predicted, over the prior, nats a token", False),
            ("optimism", 0.013, "the best predicted tenth of the trials came out worse by this, nats a token", False),
            ("gain_less_optimism", 0.097, "gain less optimism", False),
            ("rate_spearman", 0.4, "of 4 mixtures at two learning rates; 3 of 6 pairs change places", True),
            ("parameters", 250_000.0, "proxies of 250k parameters: below 15M their order often changes.", True),
        )
    ]
    return rows


def live_run(lake: Path, key: str, mixture: str, state: str, steps: int, **status: Any) -> Path:
    """The directory of a run that is at step ``steps`` of 1000, as the watcher and the embedded trainer leave it."""
    folder = lake / "log" / "training" / key
    (folder / "checkpoints" / "step-000100").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints" / "step-000100" / "checkpoint.json").write_text("{}", encoding="utf-8")
    told = {
        "settings": {"recipe": "tiny", "steps": 1000, "device": "cuda", "processes": 2},
        "plan": f"/lake/data/files/plan/{mixture}/0123/plan.json",
    }
    (folder / "train.json").write_text(json.dumps(told), encoding="utf-8")
    known = {"state": state, "attempt": 2, "step": steps, "steps": 1000, "loss": 4.2, "heartbeat": time.time()}
    known |= {"tokens": steps * 2048, "tokens_per_second": 51_200.0, "mfu": 0.31, "preemptions": 1}
    known |= {"gpu_seconds": 900.0, "wasted_seconds": 30.0, "wasted_gpu_seconds": 60.0}
    (folder / "status.json").write_text(json.dumps(known | status), encoding="utf-8")
    losses = [
        {"step": step, "tokens": step * 2048, "loss": 5 * math.exp(-step / 80) + 4, "learning_rate": 3e-3}
        for step in range(1, steps + 1)
    ]
    _lines(folder / "losses.jsonl", losses)
    with (folder / "losses.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 99999, "tok')  # a line half written
    _lines(folder / "speed.jsonl", [{"step": 10 * n, "tokens_per_second": 5e4 + n, "mfu": 0.3} for n in range(1, 20)])
    _lines(folder / "heldout.jsonl", [{"step": 100, "domain": "code", "loss": 4.5}])
    return folder


def _lines(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _normal(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values]
