"""Decoding for models whose memory is not a list of keys and values: one prompt at a time, by ``model.generate``.

Recurrent models (Mamba, RWKV, RecurrentGemma, hybrids) keep a state that cannot be cut back to a shared start, padded
or put into a batch, and old architectures keep nothing at all. transformers knows how to continue each of them.
Cost: one pass over a prompt and one per token, without batching.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.decoding.architectures import has_length
from gristmill.evals.models.decoding.logits import check_numbers, next_tokens, settings_of

Over = Callable[[list[int]], bool]
"""Whether an answer is over with the last of these tokens."""


def continued(
    model: Any, prompt: Sequence[int], limit: int, drawn: torch.Generator, settings: Generation, over: Over
) -> list[int]:
    """The tokens that follow ``prompt``: at most ``limit``, up to and including the one that ends the answer."""
    ids = torch.tensor([list(prompt)])
    end = _End(len(prompt), over)
    found = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        generation_config=settings_of(model, prompt, limit),
        logits_processor=LogitsProcessorList([_GivenChoice(drawn, settings)]),
        stopping_criteria=StoppingCriteriaList([end]),
        use_cache=has_length(model),
    )
    made: list[int] = found[0, len(prompt) :].tolist()
    return made


class _GivenChoice(LogitsProcessor):
    """Leaves only the token that the suite's sampling chooses, so that ``generate`` must choose it too."""

    def __init__(self, drawn: torch.Generator, settings: Generation) -> None:
        self._drawn, self._settings = drawn, settings

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        check_numbers(scores)
        chosen = next_tokens(scores, [self._drawn], self._settings)
        return torch.full_like(scores, -torch.inf).scatter(-1, chosen.unsqueeze(-1), 0.0)


class _End(StoppingCriteria):
    """Ends an answer where the caller says so."""

    def __init__(self, begin: int, over: Over) -> None:
        self._begin, self._over = begin, over

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        return torch.tensor([self._over(input_ids[0, self._begin :].tolist())])
