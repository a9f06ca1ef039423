"""Batched decoding: prompts continued together, greedily or drawn, each until it ends by itself. torch, on CPU.

What all prompts begin with is read once. Prompts are padded on the left with explicit positions, keys and values are
kept, and rows that are done leave the batch when they are half of it. A row ends at an end-of-text token, before a stop
string, or at its limit. Cost: one pass of one token for every step of the longest answer; text is decoded again at
every token, which is linear in the answer.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import tokenizers
import torch

from evals.encoding import Prompt
from evals.generation import Generation, cut
from evals.model import Output
from evals.prefixes import WORTH, memory_of, shared

TAIL = 4
"""Prompt tokens decoded with the continuation: some tokenizers drop the first space of what they decode."""


@dataclass(frozen=True)
class Decoder:
    """A loaded model, its tokenizer and end-of-text tokens; ``keeps`` says that it can give the last logits alone."""

    model: Any
    tokenizer: tokenizers.Tokenizer
    ends: Collection[int]
    keeps: bool

    @torch.inference_mode()
    def run(self, prompts: Sequence[Prompt], drawn: Sequence[torch.Generator], settings: Generation) -> list[Output]:
        """Continue one batch of prompts, each at most by its own limit."""
        width = max(len(prompt.ids) for prompt in prompts)
        ids = torch.zeros((len(prompts), width), dtype=torch.long)
        mask = torch.zeros((len(prompts), width), dtype=torch.long)
        cache, common = self._read(prompts)
        mask[:, :common] = 1
        for line, prompt in enumerate(prompts):
            own = len(prompt.ids) - common
            ids[line, width - own :] = torch.tensor(prompt.ids[common:])
            mask[line, width - own :] = 1
        made: list[list[int]] = [[] for _ in prompts]
        finished: dict[int, Output] = {}
        lines = list(range(len(prompts)))
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, common:]
        ids = ids[:, common:]
        keep = {"logits_to_keep": 1} if self.keeps else {}
        while True:
            answer = self.model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                **keep,
            )
            cache = answer.past_key_values
            chosen = next_tokens(answer.logits[:, -1], [drawn[line] for line in lines], settings)
            for line, token in zip(lines, chosen.tolist(), strict=True):
                if line not in finished:
                    made[line].append(token)
                    end = self._ended(prompts[line], made[line], settings.stop)
                    if end is not None:
                        finished[line] = end
            if len(finished) == len(prompts):
                return [finished[line] for line in range(len(prompts))]
            active = [place for place, line in enumerate(lines) if line not in finished]
            mask = torch.cat([mask, mask.new_ones((len(lines), 1))], dim=1)
            ids, positions = chosen.unsqueeze(-1), positions[:, -1:] + 1
            if 2 * len(active) <= len(lines):  # half of the rows are done: go on with the others only
                keep_rows = torch.tensor(active)
                cache.batch_select_indices(keep_rows)
                ids, mask, positions = ids[keep_rows], mask[keep_rows], positions[keep_rows]
                lines = [lines[place] for place in active]

    def _read(self, prompts: Sequence[Prompt]) -> tuple[Any, int]:
        """A memory that holds what all prompts begin with, for each of them, and how many tokens that is.

        No memory where the model's cannot be filled like this; it makes its own then.
        """
        memory = memory_of(self.model)
        common = min(shared(prompts[0].ids, prompt.ids[:-1]) for prompt in prompts)
        if memory is None or common < WORTH or len(prompts) == 1:
            return memory, 0
        keep = {"logits_to_keep": 1} if self.keeps else {}
        start = torch.tensor([prompts[0].ids[:common]])
        self.model(input_ids=start, past_key_values=memory, use_cache=True, **keep)
        memory.batch_repeat_interleave(len(prompts))
        return memory, common

    def _ended(self, prompt: Prompt, made: list[int], stop: Sequence[str]) -> Output | None:
        """The output when generation of a row is over after the last token of ``made``, else None."""
        if made[-1] in self.ends:
            return Output(self._decode(prompt, made[:-1]), len(made), "end", prompt.lost)
        text, stopped = cut(self._decode(prompt, made), stop)
        if stopped:
            return Output(text, len(made), "stop", prompt.lost)
        return Output(text, len(made), "length", prompt.lost) if len(made) == prompt.limit else None

    def _decode(self, prompt: Prompt, made: list[int]) -> str:
        tail = prompt.ids[-TAIL:]
        before = self.tokenizer.decode(tail)
        whole = self.tokenizer.decode(tail + made)
        return whole[len(before) :] if whole.startswith(before) else self.tokenizer.decode(made)


def next_tokens(logits: torch.Tensor, drawn: Sequence[torch.Generator], settings: Generation) -> torch.Tensor:
    """The next token of every row of ``logits`` (rows x vocabulary): the likeliest, or one drawn with the row's own
    generator from the likeliest tokens that hold ``top_p`` of the probability (Holtzman 2020)."""
    if settings.temperature == 0:
        return logits.argmax(-1)
    ordered, tokens = (logits.float() / settings.temperature).softmax(-1).sort(-1, descending=True)
    ordered[ordered.cumsum(-1) - ordered >= settings.top_p] = 0
    places = [torch.multinomial(row, 1, generator=source) for row, source in zip(ordered, drawn, strict=True)]
    return tokens.gather(-1, torch.stack(places)).squeeze(-1)
