"""What is known of a harm classifier: for each kind what it learnt from, how good it is, and on whom it errs.

``card.json`` is for programs, ``card.md`` for people. Neither holds a date, a machine or a path.
"""

from pathlib import Path
from typing import Literal

from gristmill.core.config import Config
from gristmill.core.errors import UsageError
from gristmill.tasks.classifier.card import CARD, File
from gristmill.tasks.classifier.metrics import Measure, Metrics
from gristmill.tasks.safety.harm.calibrate import Calibration, Reliability

PAGE_INTRODUCTION = (
    "fastText models, one a kind, whose scores are calibrated by isotonic regression on texts held out for that. Each "
    "contains numbers and words, not a pickle; reading it runs no code."
)


class IdentityErrors(Config):
    """Benign texts of a table that mention ``identity``, and the share of them that the model takes for the kind."""

    table: str
    identity: str
    texts: int
    false_positives: Measure


class Bound(Config):
    """The lowest ``threshold`` that takes at most ``wanted`` of the benign texts that mention a group for the kind, by
    the upper end of the 95 % interval on one half of them; ``false_positives`` on the other half, ``recall`` there."""

    wanted: float
    threshold: float
    false_positives: Measure
    recall: Measure


class TableResult(Config):
    """A table's test texts. ``metrics``: at the threshold, None where all are of one side; ``false_positives``: of the
    benign ones, ``recall`` of the others."""

    table: str
    texts: int
    positives: int
    test_only: bool
    metrics: Metrics | None
    recall: Measure
    false_positives: Measure


class KindCard(Config):
    """One kind. ``before``: how far the raw scores were from what comes true, ``after``: the calibrated ones."""

    kind: str
    file: str
    digest: str
    training: int
    training_positives: int
    calibration: int
    repeated: int
    contradictory: int
    scaled: Calibration
    before: Reliability
    after: Reliability
    tables: tuple[TableResult, ...]
    identities: tuple[IdentityErrors, ...]
    bound: Bound | None


class HarmCard(Config):
    """Everything known of a harm classifier."""

    format: Literal["harm-1"] = "harm-1"
    fasttext: str
    threshold: float
    settings: dict[str, float | int | str]
    files: tuple[File, ...]
    kinds: tuple[KindCard, ...]


def read_card(folder: Path) -> HarmCard:
    """The card in the folder of a model. Raises :class:`UsageError` when there is none, or it cannot be read."""
    try:
        return HarmCard.model_validate_json((folder / CARD).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder / CARD}: this is not the card of a harm classifier: {error}") from error


def page(card: HarmCard) -> str:
    """The card for people, as Markdown."""
    parts = ["# Harm classifier", PAGE_INTRODUCTION, "## Test texts", table_of_results(card), "## Calibration"]
    for kind in card.kinds:
        parts.append(
            f"{kind.kind}: learnt from {kind.training:,} texts, {kind.training_positives:,} of the kind; calibrated on "
            f"{kind.calibration:,}. Expected calibration error {kind.before.error:.3f} before and "
            f"{kind.after.error:.3f} after, Brier score {kind.before.brier:.3f} and {kind.after.brier:.3f}. "
            f"{kind.repeated:,} repeated texts and {kind.contradictory:,} with both labels were left out."
        )
        parts.append(f"![Calibration of {kind.kind}]({picture_name(kind.kind)})")
        if kind.bound is not None:
            parts.append(
                f"From {kind.bound.threshold:.3f} on, at most {kind.bound.wanted:g} of the benign texts that mention a "
                f"group are taken for {kind.kind}: {_told(kind.bound.false_positives)} of those that did not choose "
                f"the threshold, with a recall of {_told(kind.bound.recall)} on the same tables."
            )
    parts += ["## False positives by group mentioned", table_of_identities(card), "## Settings"]
    parts.append("\n".join(f"- {name}: {value}" for name, value in card.settings.items()))
    parts.append("\n".join(f"- {file.name}, xxh3-128 {file.digest}" for file in card.files))
    return "\n\n".join(parts) + "\n"


def picture_name(kind: str) -> str:
    """The file of the calibration plot of a kind."""
    return f"calibration-{kind}.svg"


def table_of_results(card: HarmCard) -> str:
    """A row for each kind and table."""
    lines = [
        f"| kind | table | texts | of the kind | average precision | recall | false positives at {card.threshold:g} |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in card.kinds:
        for table in kind.tables:
            name = f"{table.table} (never trained on)" if table.test_only else table.table
            average = _told(table.metrics.average_precision) if table.metrics else "–"
            lines.append(
                f"| {kind.kind} | {name} | {table.texts} | {table.positives} | {average} | {_told(table.recall)} "
                f"| {_told(table.false_positives)} |"
            )
    return "\n".join(lines)


def table_of_identities(card: HarmCard) -> str:
    """A row for each kind, table and group of people."""
    lines = ["| kind | table | mentions | benign texts | taken for the kind |", "|---|---|---|---|---|"]
    for kind in card.kinds:
        for entry in kind.identities:
            lines.append(
                f"| {kind.kind} | {entry.table} | {entry.identity} | {entry.texts} | {_told(entry.false_positives)} |"
            )
    return "\n".join(lines)


def _told(found: Measure) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "–"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
