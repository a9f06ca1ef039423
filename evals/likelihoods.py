"""Log-probabilities of tokens, given those before them. torch, on CPU.

They are those of lm-eval's ``hf`` model at its batch size of 1, to the bit: every text is run alone, so a score does
not depend on what else is asked, and the logits go through the same ``log_softmax``. Texts that differ in their last
token only (the letters of a multiple choice) are run once. Where a score need not be exact, a text goes on from what it
shares with the one before (:mod:`evals.prefixes`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from evals.model import Progress
from evals.prefixes import Reader
from evals.windows import Window, batches, windows

KEPT = 8
"""Positions that are run, and whose logits are made, at least: for fewer than 4 rows the matrix product takes another
path, whose rounding is another one and depends on where the weights lie in memory."""

Place = tuple[int, Window]
"""A row, and a window of it."""
Group = list[Place]
"""Windows that read the same tokens, and so have the same logits."""


@dataclass(frozen=True)
class Scorer:
    """A loaded model; ``keeps`` says that it can give the last logits alone, ``logits`` how many are held at once."""

    model: Any
    keeps: bool
    context: int
    vocabulary: int
    batch_tokens: int
    overlap: float
    logits: int

    @torch.inference_mode()
    def score(
        self,
        rows: Sequence[Sequence[int]],
        firsts: Sequence[int],
        what: str,
        progress: Progress,
        near: Collection[int] = (),
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """For every row: log-probability in nats (float64) and whether greedy, of each token from its ``first`` on.

        Rows ``near`` may differ by rounding where they share a start with others.
        """
        stride = max(1, round(self.context * (1 - self.overlap)))
        same: dict[tuple[int, ...], Group] = {}
        for row, (ids, first) in enumerate(zip(rows, firsts, strict=True)):
            for window in windows(first, len(ids), self.context, stride):  # what is read decides, whatever comes last
                same.setdefault((window.first - window.begin, *ids[window.begin : window.end - 1]), []).append(
                    (row, window)
                )
        nats = [np.zeros(len(ids) - first) for ids, first in zip(rows, firsts, strict=True)]
        greedy = [np.zeros(len(ids) - first, dtype=bool) for ids, first in zip(rows, firsts, strict=True)]
        groups, done = list(same.values()), 0
        places = sum(map(len, groups))
        alone = near and self.batch_tokens == 1
        for group, logits in self._in_turn(rows, groups, set(near)) if alone else self._together(rows, groups):
            progress(what, done, places)
            scores, likeliest = logits.log_softmax(-1), logits.argmax(-1)
            for row, window in group:
                targets = torch.tensor(rows[row][window.first : window.end])
                inside = slice(window.first - firsts[row], window.end - firsts[row])
                nats[row][inside] = scores.gather(-1, targets.unsqueeze(-1)).squeeze(-1).double().numpy()
                greedy[row][inside] = (likeliest == targets).numpy()
            done += len(group)
        progress(what, done, places)
        return list(zip(nats, greedy, strict=True))

    def _in_turn(
        self, rows: Sequence[Sequence[int]], groups: list[Group], near: set[int]
    ) -> Iterator[tuple[Group, torch.Tensor]]:
        """Groups in the order of their tokens, each with the logits of what it predicts (tokens x vocabulary)."""
        reader = Reader(self.model, self.keeps)
        for ids, group in sorted((_read(rows, group), group) for group in groups):
            window = group[0][1]
            predicted = window.end - window.first
            padded = [*ids, *[0] * (KEPT - len(ids))]
            last = max(KEPT, predicted + len(padded) - len(ids))
            logits = reader.logits(padded, last, whole=any(row not in near for row, _ in group))
            after = len(padded) - len(ids)
            yield group, logits[last - after - predicted : last - after]

    def _together(self, rows: Sequence[Sequence[int]], groups: list[Group]) -> Iterator[tuple[Group, torch.Tensor]]:
        """Groups of like length in one pass, each with the logits of what it predicts (tokens x vocabulary)."""
        lengths = [len(_read(rows, group)) for group in groups]
        for batch in batches(lengths, self.batch_tokens):
            columns = max(KEPT, lengths[batch[0]])
            size = max(1, self.logits // (columns * self.vocabulary))
            for at in range(0, len(batch), size):
                part = [groups[place] for place in batch[at : at + size]]
                yield from zip(part, self._pass(rows, part), strict=True)

    def _pass(self, rows: Sequence[Sequence[int]], part: list[Group]) -> list[torch.Tensor]:
        """The logits of what each group predicts, padded on the right to the longest."""
        read = [_read(rows, group) for group in part]
        shown = [group[0][1] for group in part]
        columns = max(KEPT, *map(len, read))
        skipped = min(columns - KEPT, *(window.first - window.begin - 1 for window in shown))
        ids = torch.zeros((len(part), columns), dtype=torch.long)
        for line, tokens in enumerate(read):
            ids[line, : len(tokens)] = torch.tensor(tokens)
        keep = {"logits_to_keep": columns - skipped} if self.keeps else {}
        logits = self.model(input_ids=ids, use_cache=False, **keep).logits[:, -(columns - skipped) :].float()
        return [
            logits[line, window.first - window.begin - 1 - skipped : window.end - window.begin - 1 - skipped]
            for line, window in enumerate(shown)
        ]


def _read(rows: Sequence[Sequence[int]], group: Group) -> list[int]:
    """The tokens that every window of the group reads."""
    row, window = group[0]
    return list(rows[row][window.begin : window.end - 1])
