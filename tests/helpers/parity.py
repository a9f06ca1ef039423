"""What Gristmill and lm-eval are both asked, and a tiny checkpoint whose numbers no library version changes.

The weights come from a plain integer generator and the tokenizer from a fixed text, so that answers that lm-eval gave
once (``tests/golden/lm_eval_tiny.json``, made by ``python -m benchmarks.parity``) can be compared with for good.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from safetensors.numpy import save_file
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

START, END = "<|start|>", "<|end|>"
VOCABULARY, WIDTH, LAYERS, CONTEXT = 320, 32, 2, 192
TEXT = (
    "Question: What is 2 + 3?\nAnswer: 5\n\n",
    "The function returns a list of the items in the file, or None when there is no file.\n",
    "def add(a, b):\n    return a + b\n",
)
THINGS = ("apples", "pears", "files", "lists", "naïve cafés", "猫", "numbers", "rows")
NEW_TOKENS = 12


def asked(folder: Path, count: int = 24) -> dict[str, Any]:
    """The request of ``benchmarks/peers/lm_eval_answers.py``: choices of all shapes, and prompts."""
    choices = []
    for number in range(count):
        thing = THINGS[number % len(THINGS)]
        query = f"Question: There are {number + 2} {thing} and {3 * number + 1} more. How many are there?\nAnswer:"
        if number % 6 == 1:
            query = query.replace("\nAnswer:", "\n  Answer: ")  # white space at the end belongs to the option
        if number == 5:
            query = query * 12  # longer than the context of the tiny checkpoint
        options = [str(4 * number + 3), f"{number} {thing}", "I do not\n  know", "A"][: 2 + number % 3]
        choices.append({"query": query, "options": options})
    letters = {"query": "Which is it?\nA. one\nB. two\nC. three\nD. four\nAnswer:", "options": ["A", "B", "C", "D"]}
    prompts = [f"The {THINGS[number % len(THINGS)]} in row {number * number} are" for number in range(count)]
    return {
        "checkpoint": str(folder),
        "model": "hf",
        "batch": 1,
        "choices": [*choices, letters],
        "prompts": prompts,
        "until": ["\n\n", "?"],
        "new_tokens": NEW_TOKENS,
    }


def make_parity_checkpoint(folder: Path, *, begins: bool) -> Path:
    """Write the checkpoint; ``begins`` makes its tokenizer put begin-of-text before every text."""
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer(begins).save(str(folder / "tokenizer.json"))
    start = {"bos_token": START} if begins else {}
    words = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, **start}
    (folder / "tokenizer_config.json").write_text(json.dumps(words), encoding="utf-8")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "bos_token_id": VOCABULARY - 2 if begins else None,
        "eos_token_id": VOCABULARY - 1,
        "dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(_weights(), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _weights() -> dict[str, np.ndarray]:
    shapes = {"model.embed_tokens": (VOCABULARY, WIDTH)}
    for layer in range(LAYERS):
        place = f"model.layers.{layer}"
        shapes |= {f"{place}.self_attn.{name}_proj": (WIDTH, WIDTH) for name in "qo"}
        shapes |= {f"{place}.self_attn.{name}_proj": (WIDTH // 2, WIDTH) for name in "kv"}
        shapes |= {f"{place}.mlp.{name}_proj": (2 * WIDTH, WIDTH) for name in ("gate", "up")}
        shapes[f"{place}.mlp.down_proj"] = (WIDTH, 2 * WIDTH)
    state, found = np.uint64(1), {}
    for name, shape in shapes.items():
        count = int(np.prod(shape))
        found[f"{name}.weight"] = (0.9 * _noise(state, count)).astype(np.float32).reshape(shape)
        state += np.uint64(count)
    norms = [f"model.layers.{at}.{name}_layernorm" for at in range(LAYERS) for name in ("input", "post_attention")]
    return found | {f"{name}.weight": np.ones(WIDTH, dtype=np.float32) for name in (*norms, "model.norm")}


def _noise(first: np.uint64, count: int) -> np.ndarray:
    """Numbers in [-0.5, 0.5): the finaliser of SplitMix64 over a counter."""
    value = (first + np.arange(count, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((value ^ (value >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / (1 << 53) - 0.5


def _tokenizer(begins: bool) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 2, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    free = VOCABULARY - 2 - tokenizer.get_vocab_size()
    tokenizer.add_tokens([f"<filler-{number}>" for number in range(free)])
    tokenizer.add_special_tokens([START, END])
    if begins:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{START} $A", special_tokens=[(START, tokenizer.token_to_id(START))]
        )
    return tokenizer
