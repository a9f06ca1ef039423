"""Bits per byte of gold answers: the code length of the right answer, a score that moves long before accuracy.

``bits = -log2 P(answer | prompt)`` over the UTF-8 bytes of what is scored, including the white space before the answer
(Bhagia et al. 2024; "Signal and Noise", Heineman et al. 2025). A suite's ``gold`` gives the templates of answer and
prompt; if the texts of options are scored anyway, the right one is the gold answer and nothing more is asked. An item's
sample has bits as value and bytes as weight, so scores pool bits over bytes. Cost: one likelihood per item.
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
"""The convention of bits per byte of gold answers."""
GOLD_PART = -1
"""Part of a response that is the likelihood of the gold answer."""


class Gold(Config):
    """The templates of an item's gold answer and of the prompt before it."""

    target: Annotated[str, Field(min_length=1, description="template of the text that is scored")] = " {gold}"
    prompt: Annotated[str, Field(description="template of the prompt; by default the suite's")] = ""


def gold_rows(items: Mapping[str, Item], responses: pa.Table, texts_scored: bool) -> list[tuple[Item, dict[str, Any]]]:
    """Each item with the response that has the likelihood of its gold answer, in the order of the responses.

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
    """The grade of a response, with its bits as value, and the bytes that are its weight."""
    cost = -row["log_probability"] / math.log(2)
    size = float(len(row["text"].encode()))
    return Grade("scored", cost, f"{cost:.1f} bits for {size:.0f} bytes"), size
