"""Text to the token ids that a model is asked with: the same for every adapter, so that backends can be compared.

A context and its continuation are encoded together and split at the length of the encoded context, white space at the
end of the context counting to the continuation (``_encode_pair`` of lm-eval), so that a token that spans the border is
scored as the model would meet it. Begin-of-text stands before a prompt when the tokenizer's own template puts it there.
No torch here. Cost: some MB/s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import tokenizers

from evals.tokenizer import Specials
from schemas.errors import GristmillError


@dataclass(frozen=True)
class Encoder:
    """A checkpoint's tokenizer and special tokens, and how many tokens the model reads at once."""

    tokenizer: tokenizers.Tokenizer
    specials: Specials
    context: int

    def encode(self, text: str) -> list[int]:
        """Tokens of ``text`` without any special ones."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def prompts(self, prompts: Sequence[str], new_tokens: int) -> list[tuple[list[int], int]]:
        """Tokens of every prompt, and how many were cut off its start to leave room for ``new_tokens``.

        Begin-of-text stays. Raises :class:`GristmillError` when there is no room at all.
        """
        room, prefix = self.context - new_tokens, list(self.specials.prefix)
        if room <= len(prefix):
            raise GristmillError(
                f"the model reads {self.context} tokens, but the suite asks for {new_tokens} new ones. "
                "Use a suite with a smaller generation.max_new_tokens."
            )
        encoded = [[*prefix, *self.encode(prompt)] or [self.start()] for prompt in prompts]
        return [
            (ids, 0) if len(ids) <= room else ([*prefix, *ids[len(ids) - room + len(prefix) :]], len(ids) - room)
            for ids in encoded
        ]

    def pair(self, context: str, continuation: str) -> tuple[list[int], int]:
        """Tokens of both, and where the continuation's begin (at least 1). Raises ``ValueError`` for an empty one."""
        if not continuation:
            raise ValueError("an empty continuation has no likelihood")
        bare = context.rstrip()
        continuation = context[len(bare) :] + continuation
        if not bare:
            return [self.start(), *self.encode(continuation)], 1
        before, whole = self.encode(bare), self.encode(bare + continuation)
        if len(whole) <= len(before):  # the border vanished inside one token: score the continuation by itself
            whole = before + self.encode(continuation)
        ids = [*self.specials.prefix, *whole]
        return ids, len(self.specials.prefix) + len(before)

    def text(self, text: str) -> list[int]:
        """Tokens of a text that is scored from its first one on: a start token stands before it."""
        return [self.start(), *self.encode(text)]

    def start(self) -> int:
        """What stands before the first token of a text. Raises :class:`GristmillError` where there is no such token."""
        if self.specials.start is None:
            raise GristmillError(
                "the checkpoint names no begin-of-text or end-of-text token, so the first token of a text has nothing "
                "before it. Set eos_token_id in config.json to the token that stood between training documents."
            )
        return self.specials.start
