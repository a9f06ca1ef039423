"""Log-probabilities of tokens, given those before them. torch, on CPU.

They equal those of lm-eval's ``hf`` model at a batch size of 1, to the bit: every text runs alone, so a score does not
depend on what else is asked, and the logits go through the same ``log_softmax``. Texts that differ only in their last
token (the letters of a multiple choice) run once. If a score need not be exact, a text continues from what it shares
with the one before (:mod:`gristmill.evals.models.decoding.prefixes`).
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from gristmill.evals.models.decoding.logits import check_numbers
from gristmill.evals.models.decoding.prefixes import Reader, last_logits
from gristmill.evals.models.decoding.windows import Window, batches, windows
from gristmill.evals.models.model import Progress

KEPT = 8
"""Fewest positions to run and to compute logits for: with fewer than 4 rows the matrix product takes another path,
whose rounding differs and depends on where the weights are in memory."""

Place = tuple[int, Window]
"""A row, and a window of it."""
Group = list[Place]
"""Windows that read the same tokens, and so have the same logits."""
Unit = Callable[[], Iterator[tuple[Group, torch.Tensor]]]
"""Independent work: groups, each with the logits of what it predicts (tokens x vocabulary)."""


@dataclass(frozen=True)
class Scorer:
    """A loaded model; ``keeps`` says that it can return only the last logits, ``logits`` how many a pass may compute,
    and ``threads`` how many passes run in parallel."""

    model: Any
    keeps: bool
    context: int
    vocabulary: int
    threads: int
    batch_tokens: int
    overlap: float
    logits: int

    def score(
        self,
        rows: Sequence[Sequence[int]],
        firsts: Sequence[int],
        what: str,
        progress: Progress,
        near: Collection[int] = (),
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """For every row, of each token from its ``first`` on: log-probability in nats (float64), whether greedy.

        Rows ``near`` may differ by rounding where they share a start with others. Raises :class:`GristmillError` for
        logits that are not numbers.
        """
        stride = max(1, round(self.context * (1 - self.overlap)))
        same: dict[tuple[int, ...], Group] = {}
        for row, (ids, first) in enumerate(zip(rows, firsts, strict=True)):
            for window in windows(
                first, len(ids), self.context, stride
            ):  # only what is read counts, not the last token
                same.setdefault((window.first - window.begin, *ids[window.begin : window.end - 1]), []).append(
                    (row, window)
                )
        nats = [np.zeros(len(ids) - first) for ids, first in zip(rows, firsts, strict=True)]
        greedy = [np.zeros(len(ids) - first, dtype=bool) for ids, first in zip(rows, firsts, strict=True)]
        places = sum(map(len, same.values()))
        done, lock = 0, threading.Lock()

        @torch.inference_mode()
        def enter(unit: Unit) -> None:
            nonlocal done
            for group, logits in unit():
                check_numbers(logits)
                scores, likeliest = logits.log_softmax(-1), logits.argmax(-1)
                for row, window in group:
                    targets = torch.tensor(rows[row][window.first : window.end])
                    inside = slice(window.first - firsts[row], window.end - firsts[row])
                    nats[row][inside] = scores.gather(-1, targets.unsqueeze(-1)).squeeze(-1).double().numpy()
                    greedy[row][inside] = (likeliest == targets).numpy()
                with lock:
                    done += len(group)
                    progress(what, done, places)

        progress(what, 0, places)
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(enter, self._units(rows, list(same.values()), set(near))):
                pass  # raises what a pass raised
        return list(zip(nats, greedy, strict=True))

    def _units(self, rows: Sequence[Sequence[int]], groups: list[Group], near: set[int]) -> list[Unit]:
        """Work that can run in parallel: passes over groups of similar length, and runs of near groups in the order of
        their tokens. A group is near when all of its rows are."""
        after: list[Group] = []
        together: list[Group] = []
        for group in groups:
            alone = self.batch_tokens == 1 and all(row in near for row, _ in group)
            (after if alone else together).append(group)
        after.sort(key=lambda group: _read(rows, group))
        size = max(1, -(-len(after) // self.threads))
        units: list[Unit] = [partial(self._in_turn, rows, after[at : at + size]) for at in range(0, len(after), size)]
        lengths = [window.end - window.begin - 1 for ((_, window), *_) in together]
        for batch in batches(lengths, self.batch_tokens):
            columns = max(KEPT, lengths[batch[0]])
            size = max(1, self.logits // (columns * self.vocabulary))
            for at in range(0, len(batch), size):
                units.append(partial(self._pass, rows, [together[place] for place in batch[at : at + size]]))
        return units

    def _in_turn(self, rows: Sequence[Sequence[int]], groups: list[Group]) -> Iterator[tuple[Group, torch.Tensor]]:
        """Each group with the logits of what it predicts (tokens x vocabulary), continuing from the one before."""
        reader = Reader(self.model, self.keeps)
        for group in groups:
            ids, (_, window) = _read(rows, group), group[0]
            padding = max(0, KEPT - len(ids))
            predicted = window.end - window.first
            last = max(KEPT, predicted + padding)
            logits = reader.logits([*ids, *[0] * padding], last)
            yield group, logits[last - padding - predicted : last - padding]

    def _pass(self, rows: Sequence[Sequence[int]], part: list[Group]) -> Iterator[tuple[Group, torch.Tensor]]:
        """Groups in one pass, padded on the right, each with the logits of what it predicts (tokens x vocabulary)."""
        read = [_read(rows, group) for group in part]
        shown = [group[0][1] for group in part]
        columns = max(KEPT, *map(len, read))
        skipped = min(columns - KEPT, *(window.first - window.begin - 1 for window in shown))
        ids = torch.zeros((len(part), columns), dtype=torch.long)
        for line, tokens in enumerate(read):
            ids[line, : len(tokens)] = torch.tensor(tokens)
        keep = last_logits(self.keeps, columns - skipped)
        logits = self.model(input_ids=ids, use_cache=False, **keep).logits[:, -(columns - skipped) :].float()
        for line, (group, window) in enumerate(zip(part, shown, strict=True)):
            begin = window.begin + 1 + skipped
            yield group, logits[line, window.first - begin : window.end - begin]


def _read(rows: Sequence[Sequence[int]], group: Group) -> list[int]:
    """The tokens that every window of the group reads."""
    row, window = group[0]
    return list(rows[row][window.begin : window.end - 1])
