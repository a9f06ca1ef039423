"""Transformer classifiers by path, as harm models: safetensors only, no remote code, nothing fetched.

The labels of the model are matched with the kinds by name; ``toxic``, ``offensive`` and the like stand for toxicity. A
model with one label of a kind and softmax gives its probability, one with several labels at once (``multi_label``) the
sigmoid. The scores are the model's own: nothing is calibrated here. Cost: some documents a second on a processor.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gristmill.core.errors import UsageError
from gristmill.tasks.classifier.metrics import Scores

BATCH = 16
MOST_TOKENS = 512
LABELS = {
    "toxicity": ("toxicity", "toxic", "offensive", "abusive", "insult", "obscene", "冒犯", "有毒"),
    "hate": ("hate", "hateful", "hate_speech", "identity_attack", "identity_hate", "仇恨"),
    "sexual": ("sexual", "sexual_explicit", "nsfw", "porn", "色情"),
    "violence": ("violence", "violent", "threat", "暴力"),
    "self_harm": ("self_harm", "self-harm", "suicide", "自残"),
    "dual_use": ("dual_use", "hazardous"),
}


class TransformerHarm:
    """A loaded model. ``columns``: the number of the label of each kind."""

    def __init__(self, tokenizer: Any, model: Any, columns: dict[str, int]) -> None:
        self._tokenizer, self._model, self._columns = tokenizer, model, columns
        self.kinds = tuple(columns)

    def probabilities(self, passages: pl.Series, kinds: Sequence[str]) -> dict[str, Scores]:
        """For each of ``kinds`` the probability that each passage, cut to 512 tokens, is of it."""
        import torch

        found = []
        several = self._model.config.problem_type == "multi_label_classification" or self._model.config.num_labels == 1
        most = min(MOST_TOKENS, int(getattr(self._model.config, "max_position_embeddings", MOST_TOKENS)))
        with torch.inference_mode():
            for first in range(0, len(passages), BATCH):
                batch = self._tokenizer(
                    passages[first : first + BATCH].to_list(),
                    return_tensors="pt",
                    padding=True,
                    truncation=True,
                    max_length=most,
                )
                logits = self._model(**batch).logits.float()
                shares = logits.sigmoid() if several else logits.softmax(-1)
                found.append(shares.double().numpy())
        every = np.concatenate(found) if found else np.empty((0, self._model.config.num_labels))
        return {kind: every[:, self._columns[kind]] for kind in kinds}


@lru_cache(maxsize=2)
def load_transformer(folder: Path, digest: str) -> TransformerHarm:
    """The model in ``folder``, loaded once a process for each ``digest``.

    Raises :class:`UsageError` for a model that needs code of its own, has no label of a kind, or cannot be loaded.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    described = json.loads((folder / "config.json").read_bytes())
    if described.get("auto_map"):
        raise UsageError(f"{folder}: this model brings code of its own, which is never run. Name another.")
    names = {int(number): str(name) for number, name in described.get("id2label", {}).items()}
    columns = {
        kind: number
        for kind, words in LABELS.items()
        for number, name in names.items()
        if name.strip().lower().replace(" ", "_") in words
    }
    if not columns:
        raise UsageError(
            f"{folder}: none of its labels is a kind of harm: {', '.join(names.values()) or 'it names none'}. Name "
            f"them in id2label of its config.json: {', '.join(LABELS)}."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
        ).eval()
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise UsageError(f"{folder}: this transformer cannot be loaded: {error}") from error
    return TransformerHarm(tokenizer, model, columns)
