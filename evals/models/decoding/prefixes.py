"""Prefix caching: the keys and values of one text are kept, and the next text is read from where it differs.

Prompts of a suite share their worked examples, and the answers to an item share its prompt. Attention over kept keys
and values is the same sum in another order, so scores differ from those of a text read whole by float32's rounding
(by at most 3e-6 of the score, as measured). torch, on CPU. Cost: one pass over the new tokens, and the memory of one
text's keys and values.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from gristmill.evals.models.decoding.architectures import is_alone

WORTH = 32
"""Fewest shared tokens worth keeping: below that a pass costs the same anyway."""
ROOM = 64
"""Tokens by which a layer's memory grows, so that a new token rarely copies all earlier ones."""


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]  # transformers has no types
    """Keys and values of one layer with room for more: torch's concatenation copies all of them each time."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append to what is kept, and return all of it; (rows, heads, tokens, size) each."""
        if self.keys is None or self.values is None:
            self.lazy_initialization(key_states, value_states)
            rows, heads, _, size = key_states.shape
            self.keys = key_states.new_empty((rows, heads, 0, size))
            self.values = value_states.new_empty((rows, heads, 0, value_states.shape[-1]))
        self.keys = _appended(self.keys, key_states)
        self.values = _appended(self.values, value_states)
        return self.keys, self.values

    def put(self, line: int, rows: int, width: int, text: Any) -> None:
        """Copy another layer's memory of one text to ``line`` of a batch of ``rows``, so that it ends at ``width``."""
        if not self.is_initialized:
            self.lazy_initialization(text.keys, text.values)
            self.keys, self.values = (_blank(kept, rows, width) for kept in (text.keys, text.values))
        pairs: Any = ((self.keys, text.keys), (self.values, text.values))
        for own, other in pairs:
            own[line, :, width - other.shape[-2] :] = other[0]


def _blank(like: torch.Tensor, rows: int, width: int) -> torch.Tensor:
    """Zeros for a batch, with room for more tokens: masked values are multiplied by 0, so they must be numbers."""
    return like.new_zeros((rows, like.shape[1], width + ROOM, like.shape[-1]))[..., :width, :]


def _appended(kept: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    """``kept`` followed by ``new``, in the memory of ``kept`` if it has room after its last token."""
    rows, heads, before, size = kept.shape
    after = before + new.shape[-2]
    room = kept.untyped_storage().nbytes() // kept.element_size() // max(1, rows * heads * size)
    whole = kept.stride() == (heads * room * size, room * size, size, 1) and kept.storage_offset() == 0
    if not whole or room < after:
        room = after + ROOM
        memory = new.new_empty((rows, heads, room, size))
        memory[..., :before, :] = kept
    else:
        memory = kept.as_strided((rows, heads, room, size), kept.stride())
    memory[..., before:after, :] = new
    return memory[..., :after, :]


def memory_of(model: Any) -> DynamicCache | None:
    """An empty memory for ``model``; None for a model that keeps more or less than every key and value (sliding
    windows, recurrent states), whose memory cannot be cut back."""
    if is_alone(model):
        return None
    memory = DynamicCache(config=model.config.get_text_config(decoder=True))
    if not memory.layers or any(type(layer) is not DynamicLayer for layer in memory.layers):
        return None
    layer: Any = RoomyLayer
    memory.layers = [layer() for _ in memory.layers]
    return memory


def shared(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two texts have in common at their start."""
    for place, (left, right) in enumerate(zip(first, second, strict=False)):
        if left != right:
            return place
    return min(len(first), len(second))


def last_logits(keeps: bool, count: int) -> dict[str, int]:
    """The argument that asks a model for only its last ``count`` logits, if it can do that (``keeps``)."""
    return {"logits_to_keep": count} if keeps else {}


class Reader:
    """Reads one text after the other. ``keeps``: the model can return only the last logits."""

    def __init__(self, model: Any, keeps: bool) -> None:
        self._model, self._keeps = model, keeps
        self._tokens: Sequence[int] = []
        self._memory = memory_of(model)

    def logits(self, ids: Sequence[int], last: int) -> torch.Tensor:
        """Logits at the ``last`` positions of ``ids`` (last x vocabulary), as float32."""
        common = min(shared(self._tokens, ids), len(ids) - last)
        if self._memory is None or common < WORTH:
            common, self._memory = 0, memory_of(self._model)
        else:
            self._memory.crop(common - len(self._tokens))
        keep = last_logits(self._keeps, last)
        kept = (
            {"past_key_values": self._memory, "use_cache": True} if self._memory is not None else {"use_cache": False}
        )
        self._tokens = ids
        found: torch.Tensor = self._model(input_ids=torch.tensor([ids[common:]]), **kept, **keep).logits
        return found[0, -last:].float()

    def put(self, line: int, rows: int, width: int, batch: DynamicCache) -> None:
        """Copy the last text's memory to ``line`` of a batch of ``rows``, so that it ends at ``width``."""
        if self._memory is None:
            raise ValueError("this model's memory cannot be put into a batch")
        layers: list[Any] = batch.layers
        for layer, kept in zip(layers, self._memory.layers, strict=True):
            layer.put(line, rows, width, kept)
