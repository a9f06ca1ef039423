"""A tiny Llama with random weights and a byte-level tokenizer, saved as a trainer saves it. Cost: 0.3 s."""

import json
from pathlib import Path

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
WORDS = (
    "def add(a, b):\n    return a + b\n",
    "Question: What is 2 + 3?\nAnswer: 5\n",
    "The function returns a list of the items in the file, or None when there is no file.",
)


def make_tokenizer(path: Path, vocab_size: int = 512) -> tokenizers.Tokenizer:
    """A byte-level BPE of exactly ``vocab_size`` tokens, the last of them end-of-text."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    # Source of this file: enough pairs to fill a small vocabulary.
    tokenizer.train_from_iterator([*WORDS, Path(__file__).read_text(encoding="utf-8")], trainer)
    free = vocab_size - 1 - tokenizer.get_vocab_size()
    tokenizer.add_tokens([f"<filler-{number}>" for number in range(free)])
    tokenizer.add_special_tokens([END])
    tokenizer.save(str(path))
    return tokenizer


def make_checkpoint(
    folder: Path,
    *,
    vocab_size: int = 512,
    context: int = 256,
    width: int = 32,
    layers: int = 2,
    seed: int = 0,
    shard_size: str = "5GB",
) -> Path:
    """Write a checkpoint to ``folder`` and return it. ``shard_size`` (``"40KB"``) makes several files with an index."""
    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(folder / "tokenizer.json", vocab_size)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id(END),
        initializer_range=0.3,  # wide enough that the next token is no tie
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder, max_shard_size=shard_size)
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": END}), encoding="utf-8")
    return folder
