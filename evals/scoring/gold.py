"""Bits per byte of gold answers: what the right answer costs after the prompt, a score that moves long before accuracy.

``bits = -log2 P(answer | prompt)`` over the UTF-8 bytes of what is scored, the white space before the answer among
them (Bhagia et al. 2024; "Signal and Noise", Heineman et al. 2025). A suite says with ``gold`` what is scored after
what; where the texts of options are scored anyway, the right one is the gold answer and nothing more is asked. The
sample of an item holds bits as value and bytes as weight, so scores pool bits over bytes. Cost: one likelihood an item.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config
from gristmill.evals.scoring.graders import Grade
from gristmill.evals.suites.items import ChoiceItem, Item

GOLD_BITS = "gold-bits"
"""The convention under which bits per byte of gold answers are kept."""
GOLD_PART = -1
"""Part of a response that is the likelihood of the gold answer."""


class Gold(Config):
    """What is scored as the gold answer of an item, and after which prompt."""

    target: Annotated[str, Field(min_length=1, description="template of what is scored")] = " {gold}"
    prompt: Annotated[str, Field(description="template of the prompt; that of the suite when left out")] = ""


def gold_rows(items: Mapping[str, Item], responses: pa.Table, texts_scored: bool) -> list[tuple[Item, dict[str, Any]]]:
    """Each item with the response that holds the likelihood of its gold answer, in the order of the responses.

    ``texts_scored`` says that options were scored by their texts.
    """
    found: list[tuple[Item, dict[str, Any]]] = []
    for row in responses.to_pylist():
        item = items[row["item"]]
        own = texts_scored and isinstance(item, ChoiceItem) and row["part"] == item.answer
        if row["part"] == GOLD_PART or own:
            found.append((item, row))
    return found


def bits(row: Mapping[str, Any]) -> tuple[Grade, float]:
    """The grade of a response, whose value is bits, and the bytes that are its weight."""
    cost = -row["log_probability"] / math.log(2)
    size = float(len(row["text"].encode()))
    return Grade("scored", cost, f"{cost:.1f} bits for {size:.0f} bytes"), size
