"""The model of training runs and of trials: a Llama-shaped causal language model with tied embeddings, in plain torch.

Norm before attention and before the gated feed-forward (Touvron et al. 2023), rotary positions in the layout that
transformers uses (Su et al. 2021; halves of a head are turned, not neighbours), fewer heads of keys than of queries
where asked for. Weights have the names of ``LlamaForCausalLM``, so a checkpoint opens there with equal logits; torch
alone is imported, which saves each process the 3 s of processor that importing transformers takes.

Cost: 6 floating-point operations a parameter and token of training; most of a small model's time goes to the logits.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ROTARY_BASE = 10_000.0
NORM_EPSILON = 1e-6


@dataclass(frozen=True)
class LlamaShape:
    """Sizes of a model. ``spread``: the standard deviation that its matrices begin with."""

    vocabulary: int
    context: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    spread: float = 0.02

    def config(self, end_of_text: int) -> dict[str, Any]:
        """What transformers needs in ``config.json``."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": None,
            "dtype": "float32",
            "eos_token_id": end_of_text,
            "head_dim": self.hidden // self.heads,
            "hidden_act": "silu",
            "hidden_size": self.hidden,
            "initializer_range": self.spread,
            "intermediate_size": self.feed_forward,
            "max_position_embeddings": self.context,
            "mlp_bias": False,
            "model_type": "llama",
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "num_key_value_heads": self.kv_heads,
            "pad_token_id": None,
            "rms_norm_eps": NORM_EPSILON,
            "rope_parameters": {"rope_theta": ROTARY_BASE, "rope_type": "default"},
            "tie_word_embeddings": True,
            "use_cache": True,
            "vocab_size": self.vocabulary,
        }


class Llama(nn.Module):
    """``forward`` gives the logits of the next token at every place. torch's seed decides the first weights."""

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.shape = shape
        self.model = LlamaBody(shape)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=shape.spread)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens, shape (rows, length) -> logits, shape (rows, length, vocabulary)."""
        return functional.linear(self.model(tokens), self.model.embed_tokens.weight)


class LlamaBody(nn.Module):
    """All but the logits."""

    cosines: Tensor
    sines: Tensor

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.hidden)
        self.layers = nn.ModuleList(LlamaLayer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden, NORM_EPSILON)
        size = shape.hidden // shape.heads
        rates = ROTARY_BASE ** -(torch.arange(0, size, 2, dtype=torch.float32) / size)
        angles = torch.outer(torch.arange(shape.context, dtype=torch.float32), rates)
        self.register_buffer("cosines", angles.cos(), persistent=False)
        self.register_buffer("sines", angles.sin(), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens, shape (rows, length) -> hidden states, shape (rows, length, hidden)."""
        hidden: Tensor = self.embed_tokens(tokens)
        length = tokens.shape[1]
        for layer in self.layers:
            hidden = layer(hidden, self.cosines[:length], self.sines[:length])
        out: Tensor = self.norm(hidden)
        return out


class LlamaLayer(nn.Module):
    """Attention and feed-forward, each after a norm and added to its input."""

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.hidden, NORM_EPSILON)
        self.self_attn = LlamaAttention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.hidden, NORM_EPSILON)
        self.mlp = LlamaFeedForward(shape)

    def forward(self, hidden: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        """Shape (rows, length, hidden) in and out."""
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), cosines, sines)
        out: Tensor = hidden + self.mlp(self.post_attention_layernorm(hidden))
        return out


class LlamaAttention(nn.Module):
    """Causal attention with rotary positions."""

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = shape.heads, shape.kv_heads, shape.hidden // shape.heads
        self.q_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.kv_heads * self.size, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.kv_heads * self.size, bias=False)
        self.o_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(self, hidden: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        """Shape (rows, length, hidden) in and out."""
        rows, length, width = hidden.shape
        query = _turned(self.q_proj(hidden).view(rows, length, self.heads, -1).transpose(1, 2), cosines, sines)
        keys = _turned(self.k_proj(hidden).view(rows, length, self.kv_heads, -1).transpose(1, 2), cosines, sines)
        values = self.v_proj(hidden).view(rows, length, self.kv_heads, -1).transpose(1, 2)
        if self.kv_heads != self.heads:
            keys, values = (part.repeat_interleave(self.heads // self.kv_heads, dim=1) for part in (keys, values))
        mixed = functional.scaled_dot_product_attention(query, keys, values, is_causal=True)
        out: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(rows, length, width))
        return out


class LlamaFeedForward(nn.Module):
    """Two matrices up, one of them through SiLU as the other's gate, and one down (SwiGLU, Shazeer 2020)."""

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.down_proj = nn.Linear(shape.feed_forward, shape.hidden, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Shape (rows, length, hidden) in and out."""
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden))
        return out


def mean_loss(model: nn.Module, rows: Tensor) -> Tensor:
    """Mean loss in nats a token, for rows of L+1 tokens, int64, shape (rows, L+1)."""
    return functional.cross_entropy(model(rows[:, :-1]).flatten(0, 1).float(), rows[:, 1:].flatten())


def token_losses(model: nn.Module, rows: Tensor) -> Tensor:
    """The loss of each token in nats, float32: rows of L+1 tokens, shape (rows, L+1) -> (rows, L)."""
    labels = rows[:, 1:]
    logits = model(rows[:, :-1]).flatten(0, 1).float()
    return functional.cross_entropy(logits, labels.flatten(), reduction="none").view(labels.shape)


def _turned(heads: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Queries or keys, shape (rows, heads, length, size), turned by the angles of their places, (length, size / 2)."""
    first, second = heads.chunk(2, dim=-1)
    return torch.cat((first * cosines - second * sines, second * cosines + first * sines), dim=-1)
