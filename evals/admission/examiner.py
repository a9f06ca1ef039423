"""The process that opens a stranger's tokenizer or config first (:mod:`.examination`). Imports nothing of Gristmill.

Its argument is ``tokenizer`` or ``model``; it reads one JSON object from standard input and writes one to standard
output. Before it imports anything large it limits its own processor time, memory and file sizes. A file that exceeds
them kills it, and the other side refuses the checkpoint.

``tokenizer``: ``{"path", "cpu_seconds", "memory_bytes"}``. Loads tokenizer.json and encodes texts that make patterns
backtrack and normalisers grow: runs of every kind of character, and of every character in the file.
``model``: ``{"folder", "shapes", ...}``. Builds the architecture of ``folder/config.json`` without memory (torch's meta
device), puts tensors of the given shapes where transformers would put them, and says which are missing, left over or of
another shape by transformers' own rules. Cost: 4 s of processor time, mostly imports.
"""

import importlib.util
import json
import os
import resource
import string
import sys
import time
from typing import Any

LETTERS = (*string.printable, *"éßАあ中한ا\u0301\u200d\U0001f600")
RUN = 200
"""Length of a run of one character: exponential patterns never finish it, and others take milliseconds."""
LONG_RUNS = (400, 800, 1600, 3200)
"""Lengths of runs that a pattern does not end on in time which takes steps by the square of their length or more."""
LONG_SECONDS = 0.5
"""Processor time for one of them; sound tokenizers take a few milliseconds."""
GROWTH = 64
"""Characters or tokens that one character may become: NFKC makes at most 18."""
FILE_BYTES = 1 << 20
"""Bytes of a file: libraries test whether they can write temporary files."""
SAID = 300
"""Characters of transformers' message that an answer repeats."""
BUFFER_BYTES = 1 << 30
"""Bytes of the tables that a model computes from its config (positions, masks); no file has them."""


def main() -> None:
    """Answer one question."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with the answer
    asked = json.load(sys.stdin)
    limit(asked["cpu_seconds"], asked["memory_bytes"])
    try:
        found = examine_tokenizer(asked["path"]) if sys.argv[1] == "tokenizer" else examine_model(asked)
    except MemoryError:
        found = {"fault": f"examining it takes more than {asked['memory_bytes'] >> 30} GiB of memory"}
    json.dump(found, answer)
    answer.flush()
    os._exit(0)  # skip the exit handlers and threads that libraries leave behind


def limit(cpu_seconds: int, memory_bytes: int) -> None:
    """Limit this process, never above its present limits."""
    for kind, bound in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        lowest = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (lowest, lowest))


def examine_tokenizer(path: str) -> dict[str, Any]:
    """The number of tokens (largest id plus one), or what is wrong."""
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_file(path)
    except Exception as error:  # tokenizers raises plain Exception
        return {"fault": f"this is not a tokenizer: {error}"}
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    with open(path, encoding="utf-8") as file:  # noqa: PTH123  # nothing but what is needed
        stated = json.load(file)
    rules = json.dumps([stated.get(part) for part in ("normalizer", "pre_tokenizer", "decoder")], ensure_ascii=False)
    for text in texts(sorted({*rules})):
        if tokenizer.normalizer is not None and len(tokenizer.normalizer.normalize_str(text)) > GROWTH * len(text):
            return {"fault": f"its normaliser turns one character into more than {GROWTH}"}
        ids = tokenizer.encode(text).ids
        if len(ids) > GROWTH * len(text):
            return {"fault": f"it turns one character into more than {GROWTH} tokens"}
        if len(tokenizer.decode(ids)) > GROWTH * GROWTH * len(text):
            return {"fault": f"its decoder turns one token into more than {GROWTH} characters"}
    for length in LONG_RUNS:
        for character in sorted({*LETTERS, *rules}):
            begun = time.process_time()
            tokenizer.encode(character * length + "!")
            if time.process_time() - begun > LONG_SECONDS:
                return {"fault": f"it takes more than {LONG_SECONDS} s for {length} times {character!r}"}
    return {"tokens": max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1}


def texts(named: list[str]) -> list[str]:
    """Runs of characters that a pattern may have trouble with, each ended by one that breaks the run."""
    runs = [character * RUN for character in {*LETTERS, *named}]
    pairs = [(a + b) * (RUN // 2) for a in "a1 中" for b in "b2 \n.,=_'中"]
    words = ["one two three " * 15, "x = f(y)\n    " * 15, "1,000.50 " * 20, "don't we'll " * 15]
    return [run + end for run in sorted((*runs, *pairs, *words)) for end in ("", "!", "\x00a")]


def examine_model(asked: dict[str, Any]) -> dict[str, Any]:
    """The vocabulary size of a model and, if torch is installed, its misfits; or what is wrong."""
    from transformers import AutoConfig

    folder = asked["folder"]
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        found = {"vocab_size": getattr(config.get_text_config(decoder=True), "vocab_size", None)}
        if importlib.util.find_spec("torch") is not None:
            found |= misfits(config, asked["shapes"])
    except MemoryError:
        raise
    except Exception as error:  # whatever a stranger's config makes transformers raise
        said = " ".join(str(error).split())[:SAID]  # the reason is often on the second line
        return {"fault": f"transformers cannot build a model from it: {type(error).__name__}: {said}"}
    return found


def misfits(config: Any, shapes: dict[str, list[int]]) -> dict[str, Any]:
    """Names of parameters without a tensor, of tensors without a parameter, and of those of another shape.

    Follows ``from_pretrained`` of transformers 5.23, on the meta device: its conversions, its tied weights, and its
    lists of what may be missing or left over.
    """
    import torch
    from transformers import AutoModelForCausalLM, conversion_mapping, modeling_utils
    from transformers.models.auto import auto_factory

    auto: Any = AutoModelForCausalLM
    factory: Any = auto_factory  # without types
    try:
        kind = factory._get_model_class(config, auto._model_mapping)
    except KeyError:
        return {"fault": f"transformers has no causal language model of type {config.model_type}"}
    if getattr(kind, "config_class", None) == config.sub_configs.get("text_config"):
        config = config.get_text_config()
    meta = torch.device("meta")
    with meta:
        model = kind(config)
    buffers = sum(buffer.numel() * buffer.element_size() for buffer in model.buffers())
    if buffers > BUFFER_BYTES:
        return {"fault": f"its tables take {buffers / 2**30:.0f} GiB besides the weights"}
    tensors = {name: torch.empty(shape, dtype=torch.float32, device=meta) for name, shape in shapes.items()}
    mapping: Any = conversion_mapping.get_model_conversion_mapping(model)
    how = modeling_utils.LoadStateDictConfig(device_map={"": meta}, weight_mapping=mapping, dtype=torch.float32)
    report, _ = kind._load_pretrained_model(model, tensors, None, how)
    model.tie_weights(missing_keys=report.missing_keys, recompute_mapping=False)
    model._adjust_missing_and_unexpected_keys(report)
    return {
        "missing": sorted(map(str, report.missing_keys)),
        "unexpected": sorted(map(str, report.unexpected_keys)),
        "mismatched": sorted(str(name) for name, *_ in report.mismatched_keys),
        "unconverted": sorted(map(str, report.conversion_errors)),
    }


if __name__ == "__main__":
    main()
