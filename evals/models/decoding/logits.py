"""From logits to the next token, like ``model.generate`` of transformers: the checkpoint's generation config first.

A ``generation_config.json`` changes greedy answers: suppressed or forced tokens, penalties on repetition, minimum
lengths. transformers turns it into logits processors; the same ones are used here, created for each prompt as
``generate`` creates them for that prompt alone. Sampling is the suite's: temperature and top-p come from there, and the
config's are ignored. Cost: none if the config asks for nothing, else one pass over a row's logits per token.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch

from gristmill.core.errors import GristmillError
from gristmill.evals.generation.settings import Generation

Rules = Callable[[Sequence[int], torch.Tensor], torch.Tensor]
"""From the tokens of a text so far and the logits after them (vocabulary) to the final logits."""


def settings_of(model: Any, prompt: Sequence[int], limit: int) -> Any:
    """The generation config of a loaded ``model`` for one prompt, with the suite's decoding and the suite's limit."""
    settings = copy.deepcopy(model.generation_config)
    settings.do_sample, settings.num_return_sequences = False, 1
    settings.max_new_tokens, settings.max_length = (
        limit,
        len(prompt) + limit,
    )  # `generate` uses the first, we the second
    settings.remove_invalid_values = False  # it would turn NaN into a number
    if settings.min_new_tokens is not None:
        settings.min_length = len(prompt) + settings.min_new_tokens
    return settings


def rules_of(model: Any, prompt: Sequence[int], limit: int) -> Rules | None:
    """What the checkpoint's generation config does to logits after ``prompt``; None if it does nothing."""
    settings, _ = model._prepare_generation_config(settings_of(model, prompt, limit))
    model._prepare_special_tokens(settings, device="cpu")
    ids = torch.tensor([list(prompt)])
    processors = model._get_logits_processor(
        generation_config=settings,
        input_ids_seq_length=len(prompt),
        encoder_input_ids=ids,
        device="cpu",
        model_kwargs={"attention_mask": torch.ones_like(ids)},
    )
    if not processors:
        return None

    def applied(tokens: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = processors(torch.tensor([list(tokens)]), logits.float().unsqueeze(0))
        return changed[0]

    return applied


def next_tokens(logits: torch.Tensor, drawn: Sequence[torch.Generator], settings: Generation) -> torch.Tensor:
    """The next token of every row of ``logits`` (rows x vocabulary): the likeliest, or one sampled with the row's own
    generator from the likeliest tokens that have ``top_p`` of the probability (Holtzman 2020)."""
    likeliest = logits.argmax(-1)
    if settings.temperature == 0:
        return likeliest
    ordered, tokens = (logits.float() / settings.temperature).softmax(-1).sort(-1, descending=True)
    ordered[ordered.cumsum(-1) - ordered >= settings.top_p] = 0
    places = [torch.multinomial(row, 1, generator=source) for row, source in zip(ordered, drawn, strict=True)]
    return tokens.gather(-1, torch.stack(places)).squeeze(-1)


def check_numbers(logits: torch.Tensor) -> None:
    """Raise :class:`GristmillError` unless the largest logit of every row is a number (rows x vocabulary).

    NaN counts as the largest, so checking the largest finds NaN, infinity, and a row of minus infinity; single tokens
    at minus infinity are merely impossible, which some models need. Without this check the first option would win.
    """
    best = logits.gather(-1, logits.argmax(-1, keepdim=True))
    if not bool(torch.isfinite(best).all()):
        raise GristmillError(
            f"the model's logits are not numbers (NaN or infinite) in {str(logits.dtype).removeprefix('torch.')}, so "
            "nothing it was asked has an answer. If its weights overflow that format, choose another with --dtype; "
            "otherwise training diverged: submit an earlier checkpoint."
        )
