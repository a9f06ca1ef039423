"""From text to token ids, in the same way for every adapter, so that backends can be compared.

A context and its continuation are encoded together and split at the length of the encoded context; white space at the
end of the context belongs to the continuation (``_encode_pair`` of lm-eval), so that a token that spans the border is
scored as the model would meet it. Begin-of-text precedes a prompt if the tokenizer's own template puts it there. No
torch here. Cost: a few MB/s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tokenizers

from gristmill.core.errors import GristmillError
from gristmill.evals.models.tokenizer import Specials

PANIC = "PanicException"
"""The class that tokenizers raises when its Rust code panics; it cannot be imported, and is not an Exception."""
SHOWN = 80


class Prompt(NamedTuple):
    """A prompt's tokens, how many were cut off its start, and how many new ones may follow."""

    ids: list[int]
    lost: int
    limit: int


@dataclass(frozen=True)
class Encoder:
    """A checkpoint's tokenizer and special tokens, and how many tokens the model reads at once."""

    tokenizer: tokenizers.Tokenizer
    specials: Specials
    context: int

    def encode(self, text: str) -> list[int]:
        """Tokens of ``text`` without any special ones.

        Raises :class:`GristmillError` for a text on which a pattern of the tokenizer explodes: Oniguruma gives up after
        ten million backtracking steps at one place, about 0.2 s, and tokenizers turns that into a panic.
        """
        try:
            return list(self.tokenizer.encode(text, add_special_tokens=False).ids)
        except BaseException as error:
            if type(error).__name__ != PANIC:
                raise
            raise GristmillError(
                f"the checkpoint's tokenizer cannot split the text that begins {text[:SHOWN]!r}: {error}. A pattern in "
                "its tokenizer.json backtracks without end there. Replace that pattern with one without "
                "nested repetition."
            ) from error

    def prompts(self, prompts: Sequence[str], new_tokens: int) -> list[Prompt]:
        """Every prompt with room for ``new_tokens`` after it; a prompt that is too long loses its start.

        Begin-of-text stays. If the context is no longer than ``new_tokens`` (lm-eval refuses that), answers are
        shortened instead: they get what the prompt leaves, and at least a quarter of the context. Raises
        :class:`GristmillError` for a context without room for any answer.
        """
        prefix = list(self.specials.prefix)
        room = self.context - new_tokens
        if room <= len(prefix):
            room = self.context - max(1, self.context // 4)
        if room <= len(prefix):
            raise GristmillError(f"the model reads {self.context} tokens at once, which leaves no room for an answer.")
        found = []
        for prompt in prompts:
            ids = [*prefix, *self.encode(prompt)] or [self.start()]
            lost = max(0, len(ids) - room)
            kept = [*prefix, *ids[len(prefix) + lost :]] if lost else ids
            found.append(Prompt(kept, lost, min(new_tokens, self.context - len(kept))))
        return found

    def pair(self, context: str, continuation: str) -> tuple[list[int], int]:
        """Tokens of both, and where the continuation begins (at least 1). Raises ``ValueError`` for an empty one."""
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
        """Tokens of a text that is scored from its first token on, after a start token."""
        return [self.start(), *self.encode(text)]

    def start(self) -> int:
        """The token before the first token of a text. Raises :class:`GristmillError` if there is none."""
        if self.specials.start is None:
            raise GristmillError(
                "the checkpoint names no begin-of-text or end-of-text token, so the first token of a text has nothing "
                "before it. Set eos_token_id in config.json to the token that separated training documents."
            )
        return self.specials.start
