"""Answered items: prompt, output, program, gold answer, verdict and reason of every sample."""

from typing import Any

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.contamination import WORST, Examined, Seen, examined, suite_digest


class Suite(BaseModel):
    """A suite with the conventions it was graded by, the headline first."""

    suite: str
    area: str
    conventions: list[str]


class Answerer(BaseModel):
    """A checkpoint with stored answers to a suite."""

    checkpoint: str
    label: str
    mixture: str
    step: int


class Tally(BaseModel):
    """How often a verdict was given."""

    verdict: str
    samples: int


class SeenTally(BaseModel):
    """How many answers are to items with one label."""

    seen: Seen
    samples: int


class Option(BaseModel):
    """A scored option of a choice."""

    text: str
    log_probability: float | None = Field(description="nats")
    tokens: int


class OtherGrade(BaseModel):
    """The grade of the same output under another convention."""

    convention: str
    verdict: str
    value: float


class Graded(BaseModel):
    """One answer to one item under one convention."""

    item: str
    repeat: int
    subset: str
    cluster: str
    prompt: str | None = Field(description="null if the outputs are not kept")
    output: str | None = Field(description="what the model wrote; null for a choice by likelihood")
    options: list[Option] = Field(description="the options of a choice by likelihood")
    program: str = Field(description="what was run, after post-processing")
    expected: str = Field(description="the gold answer")
    verdict: str
    value: float
    weight: float
    detail: str = Field(description="why")
    finish: str | None = Field(description="stop, end or length: what ended the output")
    tokens: int | None
    others: list[OtherGrade]
    examined: list[Examined] = Field(
        description="which corpora contain the item, the worst first: named ones, and the checkpoint's training data"
    )


class GradedPage(BaseModel):
    """One page of answers."""

    total: int
    limit: int
    offset: int
    tallies: list[Tally] = Field(description="by verdict, of all answers of this checkpoint under this convention")
    seen: list[SeenTally] = Field(description="the same answers, by whether corpora contain their items")
    items: list[Graded]


def graded_suites(warehouse: Warehouse) -> list[Suite]:
    """Every suite with stored answers."""
    rows = warehouse.query(
        """
        SELECT sample.suite, coalesce(min(score.area), '') AS area, sample.convention,
            coalesce(bool_or(score.headline), false) AS headline
        FROM (SELECT DISTINCT suite, convention FROM samples) AS sample
        LEFT JOIN scores AS score USING (suite, convention)
        GROUP BY ALL ORDER BY sample.suite, headline DESC, sample.convention
        """
    )
    found: dict[str, Suite] = {}
    for row in rows:
        suite = found.setdefault(row["suite"], Suite(suite=row["suite"], area=row["area"], conventions=[]))
        suite.conventions.append(row["convention"])
    return list(found.values())


def answerers(warehouse: Warehouse, suite: str) -> list[Answerer]:
    """The checkpoints with stored answers to ``suite``, by label."""
    rows = warehouse.query(
        """
        SELECT checkpoint, label, mixture, step FROM eval_runs
        WHERE suite = $suite AND checkpoint IN (SELECT DISTINCT checkpoint FROM samples WHERE suite = $suite)
        ORDER BY mixture, step DESC, label, checkpoint
        """,
        {"suite": suite},
    )
    return [Answerer.model_validate(row) for row in rows]


def graded(
    warehouse: Warehouse,
    suite: str,
    checkpoint: str,
    convention: str,
    *,
    verdict: str | None = None,
    subset: str | None = None,
    seen: Seen | None = None,
    query: str = "",
    limit: int = 20,
    offset: int = 0,
) -> GradedPage:
    """Answers of one checkpoint, by item and repeat, whose item, prompt, output, program, gold answer or reason
    contains ``query``, ignoring case. ``seen`` is the worst label that any corpus gave the item."""
    digest = suite_digest(warehouse, suite, checkpoint)
    labels = {"digest": digest, "checkpoints": [checkpoint]}
    chosen = {"suite": suite, "checkpoint": checkpoint, "convention": convention}
    tallies = warehouse.query(
        """
        SELECT verdict, count(*) AS samples FROM samples
        WHERE suite = $suite AND checkpoint = $checkpoint AND convention = $convention
        GROUP BY verdict ORDER BY samples DESC, verdict
        """,
        chosen,
    )
    by_label = warehouse.query(
        f"""
        SELECT coalesce(worst.seen, 'unexamined') AS seen, count(*) AS samples
        FROM samples AS sample LEFT JOIN ({WORST}) AS worst USING (item)
        WHERE sample.suite = $suite AND sample.checkpoint = $checkpoint AND sample.convention = $convention
        GROUP BY ALL ORDER BY samples DESC, seen
        """,  # noqa: S608 - a constant
        chosen | labels,
    )
    source = f"""
        FROM samples AS sample
        LEFT JOIN responses AS response ON response.checkpoint = sample.checkpoint AND response.suite = sample.suite
            AND response.item = sample.item AND response.repeat = sample.repeat AND response.part = 0
        LEFT JOIN ({WORST}) AS worst ON worst.item = sample.item
        WHERE sample.suite = $suite AND sample.checkpoint = $checkpoint AND sample.convention = $convention
            AND ($seen IS NULL OR coalesce(worst.seen, 'unexamined') = $seen)
            AND ($verdict IS NULL OR sample.verdict = $verdict) AND ($subset IS NULL OR sample.subset = $subset)
            AND ($query = '' OR contains(lower(concat_ws(chr(10), sample.item, sample.expected, sample.program,
                sample.detail, response.prompt, response.text)), lower($query)))
    """
    filters = chosen | labels | {"verdict": verdict, "subset": subset, "seen": seen, "query": query.strip()}
    total = warehouse.query(f"SELECT count(*) AS total {source}", filters)
    rows = warehouse.query(
        f"""
        SELECT sample.* EXCLUDE (checkpoint, suite, convention, shard), response.prompt, response.finish,
            response.tokens, CASE WHEN response.finish <> 'scored' THEN response.text END AS output
        {source}
        ORDER BY sample.item, sample.repeat LIMIT $limit OFFSET $offset
        """,
        filters | {"limit": limit, "offset": offset},
    )
    known = examined(warehouse, suite, digest, [checkpoint], [row["item"] for row in rows])
    options, others = _options(warehouse, chosen, rows), _others(warehouse, chosen, rows)
    return GradedPage(
        total=total[0]["total"] if total else 0,
        limit=limit,
        offset=offset,
        tallies=[Tally.model_validate(row) for row in tallies],
        seen=[SeenTally.model_validate(row) for row in by_label],
        items=[
            Graded.model_validate(
                row
                | {"options": options.get((row["item"], row["repeat"]), [])}
                | {"others": others.get((row["item"], row["repeat"]), [])}
                | {"examined": known.get(row["item"], [])}
            )
            for row in rows
        ],
    )


Answer = tuple[str, int]


def _options(
    warehouse: Warehouse, chosen: dict[str, str], rows: list[dict[str, Any]]
) -> dict[Answer, list[dict[str, Any]]]:
    """The scored options of each answer."""
    found = warehouse.query(
        """
        SELECT item, repeat, text, log_probability, tokens FROM responses
        WHERE suite = $suite AND checkpoint = $checkpoint AND finish = 'scored'
            AND item IN (SELECT unnest($items::VARCHAR[]))
        ORDER BY item, repeat, part
        """,
        {name: chosen[name] for name in ("suite", "checkpoint")} | {"items": [row["item"] for row in rows]},
    )
    return _by_answer(found)


def _others(
    warehouse: Warehouse, chosen: dict[str, str], rows: list[dict[str, Any]]
) -> dict[Answer, list[dict[str, Any]]]:
    """The grades of each answer under other conventions."""
    found = warehouse.query(
        """
        SELECT item, repeat, convention, verdict, value FROM samples
        WHERE suite = $suite AND checkpoint = $checkpoint AND convention <> $convention
            AND item IN (SELECT unnest($items::VARCHAR[]))
        ORDER BY item, repeat, convention
        """,
        chosen | {"items": [row["item"] for row in rows]},
    )
    return _by_answer(found)


def _by_answer(rows: list[dict[str, Any]]) -> dict[Answer, list[dict[str, Any]]]:
    found: dict[Answer, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["item"], row["repeat"]), []).append(row)
    return found
