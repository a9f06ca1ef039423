"""Batched decoding: prompts continued together, greedily or sampled, each until it ends by itself. torch, on CPU.

A greedy answer is that of ``model.generate`` to the prompt alone, cut before the first stop string: the checkpoint's
generation config is applied (:mod:`gristmill.evals.models.decoding.logits`). Models with recurrent states go one by one
(:mod:`gristmill.evals.models.decoding.alone`).

Prompts are read one by one, each from where it differs from the one before, and aligned on the right; keys and values
are kept, and rows that are done leave the batch when they are half of it. A row ends at an end-of-text token, before a
stop string, or at its limit. Cost: one pass of one token for every step of the longest answer; text is decoded again at
every token, which is linear in the answer.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import tokenizers
import torch

from gristmill.core.errors import GristmillError
from gristmill.evals.generation.settings import Generation, cut
from gristmill.evals.models.decoding.alone import continued
from gristmill.evals.models.decoding.architectures import is_alone
from gristmill.evals.models.decoding.logits import check_numbers, next_tokens, rules_of
from gristmill.evals.models.decoding.prefixes import Reader, last_logits, memory_of
from gristmill.evals.models.encoding import Prompt
from gristmill.evals.models.model import Output

TAIL = 4
"""Prompt tokens decoded along with the continuation: some tokenizers drop the first space of what they decode."""


@dataclass(frozen=True)
class Decoder:
    """A loaded model, its tokenizer and end-of-text tokens; ``keeps`` says that it can return only the last logits."""

    model: Any
    tokenizer: tokenizers.Tokenizer
    ends: Collection[int]
    keeps: bool

    @torch.inference_mode()
    def run(self, prompts: Sequence[Prompt], drawn: Sequence[torch.Generator], settings: Generation) -> list[Output]:
        """Continue one batch of prompts, each by at most its own limit.

        Raises :class:`GristmillError` for logits that are not numbers.
        """
        if is_alone(self.model):
            return [self._alone(prompt, source, settings) for prompt, source in zip(prompts, drawn, strict=True)]
        rules = [rules_of(self.model, prompt.ids, prompt.limit) for prompt in prompts]
        mask, positions = _layout(prompts)
        cache, logits = self._read(prompts, mask, positions)
        positions = positions[:, -1:]
        made: list[list[int]] = [[] for _ in prompts]
        finished: dict[int, Output] = {}
        lines = list(range(len(prompts)))
        active = list(range(len(prompts)))
        for step in itertools.count(1):
            check_numbers(logits if len(active) == len(lines) else logits[active])
            for place in active:
                line = lines[place]
                rule = rules[line]
                if rule is not None:
                    logits[place] = rule([*prompts[line].ids, *made[line]], logits[place])
            chosen = next_tokens(logits, [drawn[line] for line in lines], settings)
            for place in active:
                line = lines[place]
                made[line].append(int(chosen[place]))
                end = self._ended(prompts[line], made[line], settings.stop)
                if end is not None:
                    finished[line] = end
            if len(finished) == len(prompts):
                break
            active = [place for place, line in enumerate(lines) if line not in finished]
            mask = torch.cat([mask, mask.new_ones((len(lines), 1))], dim=1)
            ids, positions = chosen.unsqueeze(-1), positions + 1
            full = any(prompts[line].limit <= step for line in lines)  # a finished row is at the context's end
            if (
                2 * len(active) <= len(lines) or full
            ):  # so it must leave; rows may also leave once half of them are finished
                keep_rows = torch.tensor(active)
                cache.batch_select_indices(keep_rows)
                ids, mask, positions = ids[keep_rows], mask[keep_rows], positions[keep_rows]
                lines = [lines[place] for place in active]
                active = list(range(len(lines)))
            answer = self.model(
                input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
            )
            cache, logits = answer.past_key_values, answer.logits[:, -1].float()
        return [finished[line] for line in range(len(prompts))]

    def _alone(self, prompt: Prompt, drawn: torch.Generator, settings: Generation) -> Output:
        """Continue one prompt of a model that cannot batch."""
        made = continued(
            self.model,
            prompt.ids,
            prompt.limit,
            drawn,
            settings,
            lambda made: self._ended(prompt, made, settings.stop) is not None,
        )
        end = self._ended(prompt, made, settings.stop)
        if end is None:
            raise GristmillError("transformers ended an answer before its limit and without an end-of-text token.")
        return end

    def _read(self, prompts: Sequence[Prompt], mask: torch.Tensor, positions: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """The model's memory of all prompts, aligned on the right, and the logits after each (rows x vocabulary).

        Prompts are read one after the other, which needs no padding, each from where it differs from the one before. A
        model whose memory cannot be assembled like this reads them padded, at once.
        """
        rows, width = mask.shape
        memory, reader = memory_of(self.model), Reader(self.model, self.keeps)
        if memory is None:
            ids = torch.zeros_like(mask)
            for line, prompt in enumerate(prompts):
                ids[line, width - len(prompt.ids) :] = torch.tensor(prompt.ids)
            keep = last_logits(self.keeps, 1)
            answer = self.model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, **keep)
            return answer.past_key_values, answer.logits[:, -1].float()
        found = []
        for line, prompt in enumerate(prompts):
            found.append(reader.logits(prompt.ids, 1)[-1])
            reader.put(line, rows, width, memory)
        return memory, torch.stack(found)

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


def _layout(prompts: Sequence[Prompt]) -> tuple[torch.Tensor, torch.Tensor]:
    """The mask of prompts aligned on the right, and the positions of their tokens (both rows x columns)."""
    width = max(len(prompt.ids) for prompt in prompts)
    mask = torch.zeros((len(prompts), width), dtype=torch.long)
    for line, prompt in enumerate(prompts):
        mask[line, width - len(prompt.ids) :] = 1
    return mask, (mask.cumsum(1) - 1).clamp(min=0)
