"""What a loaded model remembers of its input, which decides how to ask it. Inspects torch models; no arithmetic."""

import inspect
from typing import Any

from transformers import DynamicCache
from transformers.cache_utils import CacheLayerMixin, DynamicLayer, LinearAttentionCacheLayerMixin


def is_alone(model: Any) -> bool:
    """Whether ``model`` must be continued one prompt at a time, because not every layer is attention."""
    if model._is_stateful or not model._supports_default_dynamic_cache():
        return True
    if "past_key_values" not in inspect.signature(model.forward).parameters:
        return True
    layers = DynamicCache(config=model.config.get_text_config(decoder=True)).layers
    return any(
        isinstance(layer, LinearAttentionCacheLayerMixin) or not isinstance(layer, DynamicLayer) for layer in layers
    )


def keeps_state(model: Any) -> bool:
    """Whether a pass of ``model`` leaves state in its modules that the next one reads, so that passes must not run in
    parallel: recurrent states, and rotary frequencies that depend on a text's length."""
    rotary = getattr(model.config.get_text_config(decoder=True), "rope_parameters", None) or {}
    kinds = [rotary, *(part for part in rotary.values() if isinstance(part, dict))]
    return bool(model._is_stateful) or any(part.get("rope_type") in ("dynamic", "longrope") for part in kinds)


def has_length(model: Any) -> bool:
    """Whether the memory of ``model`` has a length, which ``generate`` needs; false if all attention is linear."""
    layers = DynamicCache(config=model.config.get_text_config(decoder=True)).layers
    return (
        "past_key_values" not in inspect.signature(model.forward).parameters
        or not layers
        or any(isinstance(layer, CacheLayerMixin) for layer in layers)
    )
