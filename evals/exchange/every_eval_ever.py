"""Results in the schema of Every Eval Ever, version 0.3.0, for reading next to those of other evaluators.

Source: ``every_eval_ever/schemas`` of evaleval/every_eval_ever (MIT): one JSON document per model with a result for
each score, and JSON lines with a record for each graded answer. What the schema lacks (convention, chance, failures,
jail tier, tokens, seconds, cost) goes into its ``details``, whose values are strings. Answers on which the machine
failed are left out, because they have no score.
"""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from gristmill.evals.exchange.settings import Provenance
from gristmill.evals.generation.costs import per_correct
from gristmill.schemas.scores import ALL

SCHEMA_VERSION = "0.3.0"
LEVEL = 0.95

Row = Mapping[str, Any]


def aggregate(runs: Sequence[Row], scores: Sequence[Row], provenance: Provenance, retrieved: int) -> dict[str, Any]:
    """The document of one checkpoint: ``runs`` are its rows of ``eval_runs`` with ``seconds``, ``scores`` its scores.

    ``retrieved`` is in seconds since 1970.
    """
    first = runs[0]
    model_id = provenance.model_id or first["label"]
    by_suite = {run["suite"]: run for run in runs}
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"gristmill/{model_id}/{retrieved}",
        "retrieved_timestamp": str(retrieved),
        "source_metadata": {
            "source_name": "Gristmill",
            "source_type": "evaluation_run",
            "source_organization_name": provenance.organization,
            "evaluator_relationship": provenance.relationship,
        },
        "eval_library": {"name": "gristmill", "version": version("gristmill")},
        "model_info": {
            "name": first["label"],
            "id": model_id,
            "developer": provenance.developer,
            "inference_engine": {"name": first["backend"]},
            "additional_details": {
                "deployment_type": "unknown" if first["run"] == "imported" else "self_deployed",
                "model_availability": provenance.availability,
                **_texts(first, ("checkpoint", "run", "mixture", "step", "tokens")),
            },
        },
        "evaluation_results": [_result(score, by_suite[score["suite"]], provenance) for score in scores],
    }


def details_of(data: bytes, rows: int, evaluation_id: str, model_id: str, developer: str) -> dict[str, Any]:
    """The document's pointer to its records, under the file name that the schema's data store uses."""
    seed = hashlib.sha256(evaluation_id.encode()).digest()[:16]
    developer, model = (_folder(part) for part in (developer, model_id.rpartition("/")[2]))
    return {
        "format": "jsonl",
        "file_path": f"data/gristmill/{developer}/{model}/{uuid.UUID(bytes=seed, version=4)}_samples.jsonl",
        "hash_algorithm": "sha256",
        "checksum": hashlib.sha256(data).hexdigest(),
        "total_rows": rows,
    }


def instances(
    samples: Sequence[Row], responses: Sequence[Row], scores: Sequence[Row], evaluation_id: str, model_id: str
) -> Iterator[dict[str, Any]]:
    """A record for each graded answer. ``responses`` must come sorted by part."""
    answers: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in responses:
        answers[row["suite"], row["item"], row["repeat"]].append(row)
    results: dict[tuple[str, str], str] = {}
    for score in scores:
        if score["subset"] == ALL:
            results.setdefault((score["suite"], score["convention"]), _result_id(score))
    for sample in samples:
        parts = answers[sample["suite"], sample["item"], sample["repeat"]]
        if sample["weight"] == 0 or not parts:
            continue
        prompt, texts = parts[0]["prompt"], [part["text"] for part in parts]
        scored = parts[0]["finish"] == "scored"
        chosen = max(parts, key=lambda part: part["log_probability"])["text"] if scored else parts[0]["text"]
        result = results.get((sample["suite"], sample["convention"]))
        yield {
            "schema_version": SCHEMA_VERSION,
            "evaluation_id": evaluation_id,
            "model_id": model_id,
            "evaluation_name": sample["suite"],
            **({"evaluation_result_id": result} if result else {}),
            "sample_id": sample["item"],
            "sample_hash": hashlib.sha256((prompt + sample["expected"]).encode()).hexdigest(),
            "interaction_type": "single_turn",
            "input": {
                "raw": prompt,
                "reference": [sample["expected"]],
                **({"choices": texts} if scored else {}),
            },
            "output": {"raw": [chosen]},
            "answer_attribution": [
                {
                    "turn_idx": 0,
                    "source": "output.raw",
                    "extracted_value": sample["program"] or chosen,
                    "extraction_method": sample["convention"],
                    "is_terminal": True,
                }
            ],
            "evaluation": {"score": sample["value"], "is_correct": sample["value"] == 1},
            "metadata": _texts(sample, ("subset", "cluster", "repeat", "convention", "verdict", "detail")),
        }


def _result(score: Row, run: Row, provenance: Provenance) -> dict[str, Any]:
    metric: str = score["metric"]
    name, _, k = metric.partition("@")
    bounded = score["higher_is_better"]
    cost = None
    if score["headline"] and bounded:
        cost = per_correct(
            score["value"] * score["n"],
            run["seconds"],
            (run["generated"] or 0) + (run["scored"] or 0),
            hour=provenance.price_hour,
            million=provenance.price_million,
        )
    asked = _texts(run, ("requests", "generated", "scored", "lost", "truncated", "seed", "seconds"))
    return {
        "evaluation_result_id": _result_id(score),
        "evaluation_name": score["suite"] if score["subset"] == ALL else f"{score['suite']}/{score['subset']}",
        "source_data": {
            "dataset_name": score["suite"],
            "source_type": "other",
            "additional_details": {"suite_digest": run["suite_digest"], "items": str(run["items"])},
        },
        "metric_config": {
            "metric_id": "pass_at_k" if k else metric,
            "metric_name": metric,
            "metric_kind": "pass_rate" if name == "pass" else metric,
            "metric_unit": "proportion" if bounded else "bits per byte",
            **({"metric_parameters": {"k": int(k)}} if k else {}),
            "lower_is_better": not score["higher_is_better"],
            "score_type": "continuous",
            "min_score": 0,
            "max_score": 1 if bounded else "Infinity",
            "additional_details": _texts(score, ("convention", "headline", "subset", "area")),
        },
        "score_details": {
            "score": score["value"],
            "details": {
                **_texts(score, ("chance", "above_chance", "failures", "jail_tier")),
                **asked,
                **({} if cost is None else {"cost_per_correct": repr(cost)}),
            },
            "uncertainty": {
                "confidence_interval": {
                    "lower": score["low"],
                    "upper": score["high"],
                    "confidence_level": LEVEL,
                    "method": score["method"],
                },
                "num_samples": score["n"],
            },
        },
        "generation_config": {"additional_details": {"backend": run["backend"]}},
    }


def _result_id(score: Row) -> str:
    return "/".join(score[name] for name in ("suite", "convention", "metric", "subset"))


def _texts(row: Row, names: Sequence[str]) -> dict[str, str]:
    """The columns that have a value, as text."""
    return {name: str(row[name]) for name in names if row[name] not in (None, "")}


def _folder(name: str) -> str:
    return name.replace("/", "-").strip(". ") or "unknown"
