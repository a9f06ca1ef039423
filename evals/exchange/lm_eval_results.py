"""Results that lm-eval wrote (``results_<date>.json``, ``samples_<task>_<date>.jsonl``) as tables of a lake.

Source: ``EvaluationTracker`` of lm-eval (``lm_eval/loggers/evaluation_tracker.py``), versions 0.4.3 to 0.4.13. A task
is the suite ``lm-eval.<task>``; a filter is the convention ``lm-eval:<filter>``, with ``.<metric>`` after it where the
filter has several metrics. Values are lm-eval's own; nothing is graded again. Gristmill's interval replaces lm-eval's
standard error if the samples exist and give the same mean; otherwise the interval is value +- 1.96 errors. A score with
neither is left out, as are groups, which have no items of their own.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import pyarrow as pa

from gristmill.core.digests import digest_json, digest_text
from gristmill.core.errors import UsageError
from gristmill.core.printable import require_printable
from gristmill.core.table import Table, conform
from gristmill.evals.statistics.means import mean
from gristmill.schemas.tables import EvalRuns, Responses, Samples, Scores

IMPORTED = "imported"
NORMAL = 1.959964
SAME = 1e-6

Row = dict[str, Any]


@dataclass(frozen=True)
class Imported:
    """The contents of one file of results. ``left_out`` says what has no error bar, or is a group."""

    checkpoint: str
    label: str
    tables: Mapping[Table, pa.Table]
    left_out: tuple[str, ...]


def read_results(path: Path, label: str = "") -> Imported:
    """Read a file of results, and the samples next to it with the same date.

    Raises :class:`UsageError` for a file that lm-eval did not write.
    """
    found = _json(path)
    results, settings = found.get("results"), found.get("config")
    if not isinstance(results, dict) or not isinstance(settings, dict):
        raise UsageError(f"{path}: this is not an lm-eval results file: it has no 'results' and 'config'.")
    strange = [task for task, result in results.items() if not isinstance(result, dict)]
    if strange:
        raise UsageError(f"{path}: this is not an lm-eval results file: {strange[0]!r} has no metrics by name.")
    model = _model(found)
    name = require_printable(label, "--label") or require_printable(model, f"{path}: the model's name (give --label)")
    version = found.get("lm_eval_version") or f"git {found.get('git_hash') or 'unknown'}"
    facts = {name: settings.get(name) for name in ("model", "model_args", "model_sha", "model_dtype", "batch_size")}
    stated = ", ".join(f"{name} {value}" for name, value in facts.items() if value not in (None, ""))
    # No weights were seen, so lm-eval's settings identify it; this is never the digest of an admitted checkpoint.
    checkpoint = digest_json([IMPORTED, "lm-eval", facts["model"], facts["model_args"], facts["model_sha"], model])[:32]
    groups = {name for name, members in (found.get("group_subtasks") or {}).items() if members}
    rows: dict[Table, list[Row]] = {EvalRuns: [], Responses: [], Samples: [], Scores: []}
    left_out = [f"{name}: a group; its tasks are there" for name in sorted(groups & results.keys())]
    for task in sorted(results.keys() - groups):
        conventions = _conventions(results[task])
        suite = f"lm-eval.{task}"
        lines = list(_samples(path, task))
        values: dict[str, list[float]] = {}
        for number, line in enumerate(lines):
            shared = {"checkpoint": checkpoint, "suite": suite, "item": _item(line, number)}
            for (metric, chosen), convention in conventions.items():
                value = line.get(metric)
                if line.get("filter", "none") != chosen or not _is_number(value):
                    continue
                values.setdefault(convention, []).append(float(value))
                rows[Samples].append(shared | _sample(line, convention, float(value)))
            if line.get("filter", "none") == lines[0].get("filter", "none"):  # each filter repeats the answers
                rows[Responses].extend(shared | row for row in _responses(line))
        for place, ((metric, chosen), convention) in enumerate(conventions.items()):
            if not _is_number(given := results[task][f"{metric},{chosen}"]):
                left_out.append(f"{task}, {metric},{chosen}: its value is {given}, which is not a score")
                continue
            score = _score(results[task], metric, chosen, values.get(convention, []))
            if score is None:
                left_out.append(f"{task}, {metric},{chosen}: no standard error, and no samples to compute one from")
                continue
            better = (found.get("higher_is_better") or {}).get(task, {}).get(metric)
            n = ((found.get("n-samples") or {}).get(task) or {}).get("effective") or len(values.get(convention, []))
            identity = {"checkpoint": checkpoint, "suite": suite, "area": IMPORTED, "metric": metric}
            rest = {"convention": convention, "headline": place == 0, "subset": "all", "n": n, "chance": None}
            rest |= {"above_chance": None, "higher_is_better": better is not False, "failures": 0, "jail_tier": ""}
            rows[Scores].append({**identity, **rest, **score})
        run = {"checkpoint": checkpoint, "label": name, "run": IMPORTED, "mixture": "", "step": 0}
        run |= {"tokens": 0, "suite": suite, "area": IMPORTED, "backend": f"lm-eval {version}: {stated}"}
        run["suite_digest"] = digest_json([(found.get(part) or {}).get(task) for part in ("configs", "versions")])
        run["items"] = len({row["item"] for row in rows[Samples] if row["suite"] == suite}) or _items(found, task)
        rows[EvalRuns].append(run)
    if not rows[Scores]:
        raise UsageError(f"{path}: no score in it can be imported. {'; '.join(left_out) or 'No metric has a number.'}")
    tables = {
        table: conform(table, pa.Table.from_pylist(entries, schema=table.schema)) for table, entries in rows.items()
    }
    return Imported(checkpoint, name, tables, tuple(left_out))


def _is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a finite number: lm-eval writes NaN and Infinity too."""
    return isinstance(value, int | float) and math.isfinite(value)


def _conventions(result: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """The convention of each (metric, filter) with a number, in lm-eval's order."""
    pairs = []
    for key, value in result.items():
        metric, comma, chosen = key.rpartition(",")
        if comma and isinstance(value, int | float) and not metric.endswith("_stderr"):
            pairs.append((metric, chosen))
    several = {chosen for _, chosen in pairs if sum(other == chosen for _, other in pairs) > 1}
    return {
        (metric, chosen): f"lm-eval:{chosen}.{metric}" if chosen in several else f"lm-eval:{chosen}"
        for metric, chosen in pairs
    }


def _score(result: Mapping[str, Any], metric: str, chosen: str, values: Sequence[float]) -> Row | None:
    """Value, interval and method; None if there is nothing to compute an interval from."""
    value, error = float(result[f"{metric},{chosen}"]), result.get(f"{metric}_stderr,{chosen}")
    if values and all(0 <= entry <= 1 for entry in values) and abs(sum(values) / len(values) - value) <= SAME:
        found = mean(values, [str(place) for place in range(len(values))])
        return {"value": value, "low": found.interval.low, "high": found.interval.high, "method": found.method}
    if isinstance(error, int | float) and math.isfinite(error) and error > 0:
        half = NORMAL * error
        return {"value": value, "low": value - half, "high": value + half, "method": "lm-eval's standard error, normal"}
    return None


def _item(line: Row, number: int) -> str:
    """The number of a document and a digest of its contents.

    The number counts documents after filters, so two files may give it to different documents, whose results must not
    be mistaken for those of one item.
    """
    name, doc = str(line.get("doc_id", number)), line.get("doc")
    return f"{name}-{digest_text(json.dumps(doc, sort_keys=True))[:8]}" if doc else name


def _sample(line: Row, convention: str, value: float) -> Row:
    right = {1.0: "right", 0.0: "wrong"}.get(value, "partly")
    blank = {"repeat": 0, "subset": "", "cluster": "", "program": ""}
    graded = {"verdict": right, "value": value, "weight": 1.0, "detail": ""}
    return {**blank, **graded, "convention": convention, "expected": _text(line.get("target", ""))}


def _responses(line: Row) -> Iterator[Row]:
    """Rows of ``responses``: one for each repeat of a written answer, or for each option of a scored one."""
    arguments = line.get("arguments")
    asked = list(arguments.values()) if isinstance(arguments, dict) else arguments
    given = line.get("resps")
    if not isinstance(asked, list) or not isinstance(given, list):
        return
    for place, (request, answers) in enumerate(zip(asked, given, strict=False)):
        parts = list(request.values()) if isinstance(request, dict) else request
        if not isinstance(parts, list) or not parts or not isinstance(answers, list):
            continue
        row = {"prompt": _text(parts[0]), "lost": 0, "tokens": 0, "seed": 0}
        if len(parts) > 1 and isinstance(parts[1], str):
            scored = _likelihood(answers)
            if scored is not None:
                nats, greedy = scored
                more = {"text": parts[1], "finish": "scored", "log_probability": nats, "greedy": greedy}
                yield row | more | {"repeat": 0, "part": place}
        elif place == 0:
            for repeat, text in enumerate(answers):
                more = {"text": _text(text), "finish": "end", "log_probability": None, "greedy": None}
                yield row | more | {"repeat": repeat, "part": 0}


def _likelihood(answers: Sequence[Any]) -> tuple[float, bool] | None:
    """lm-eval writes a pair of log-probability and greediness, in later versions as texts."""
    pair = answers[0] if answers and isinstance(answers[0], list) else answers
    if len(pair) != 2:
        return None
    try:
        nats = float(pair[0])
        return (nats, str(pair[1]) == "True") if math.isfinite(nats) else None
    except ValueError:
        return None


def _samples(path: Path, task: str) -> Iterator[Row]:
    """The lines of the samples of a task. Raises :class:`UsageError` for a line that is not a JSON object."""
    date = path.stem.removeprefix("results_")
    samples = path.with_name(f"samples_{task.replace('/', '__')}_{date}.jsonl")
    if not samples.is_file():
        return
    with samples.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _object(line, f"{samples}:{number}")


def _json(path: Path) -> Row:
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file. Give lm-eval's results_<date>.json.")
    return _object(path.read_text(encoding="utf-8", errors="replace"), str(path))


def _object(text: str, place: str) -> Row:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: this is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{place}: this is not a JSON object")
    return value


def _model(found: Row) -> str:
    """The model's name in the file, else the path that was loaded."""
    settings = found["config"]
    arguments = settings.get("model_args")
    if isinstance(arguments, str):
        arguments = dict(part.partition("=")[::2] for part in arguments.split(","))
    loaded = arguments.get("pretrained") or arguments.get("model") if isinstance(arguments, dict) else None
    return str(found.get("model_name") or loaded or settings.get("model") or "unknown")


def _items(found: Row, task: str) -> int:
    return int(((found.get("n-samples") or {}).get(task) or {}).get("effective") or 0)


def _text(value: object) -> str:
    """As text that can be stored: half of a surrogate pair, which is not a character, becomes U+FFFD."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
