"""A checkpoint's tokenizer and the meaning of its special tokens, read without transformers.

The tokenizer is ``tokenizer.json`` as ``tokenizers`` reads it: transformers 5 would rebuild it from the model type and
may change its pre-tokenisation. Begin-of-text precedes a prompt if the tokenizer's own template puts it there; a text
scored from its first token on follows begin-of-text, or end-of-text if there is none (as in lm-eval). An answer
ends where ``generate`` of transformers ends it (generation_config.json, else config.json) and at the tokenizer's own
end-of-text, as in lm-eval and vLLM. Words of a text that look like special tokens are encoded as text: nothing in a
crawl or a prompt steers the model.
"""

import json
from pathlib import Path

import tokenizers

from gristmill.core.config import Config
from gristmill.evals.admission.generation_config import generation_rules, text_settings


class Specials(Config):
    """Token ids with a meaning: ``prefix`` before a prompt, ``start`` before the first token of a text, ``ends``."""

    prefix: tuple[int, ...]
    start: int | None
    ends: frozenset[int]


def load_tokenizer(folder: Path) -> tokenizers.Tokenizer:
    """The tokenizer without the truncation and padding that a trainer may have left in its file."""
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def load_specials(folder: Path, tokenizer: tokenizers.Tokenizer) -> Specials:
    """From the template in tokenizer.json, the generation config, config.json, and names in tokenizer_config.json."""
    config = json.loads((folder / "config.json").read_bytes())
    settings, rules = text_settings(config), generation_rules(folder, config)
    named_path = folder / "tokenizer_config.json"
    named = json.loads(named_path.read_bytes()) if named_path.is_file() else {}

    def stated(kind: str) -> list[int]:
        value = settings.get(f"{kind}_token_id")
        found = value if isinstance(value, list) else [value]
        return [token for token in found if isinstance(token, int)]

    def spoken(kind: str) -> list[int]:
        word = named.get(f"{kind}_token")
        token = tokenizer.token_to_id(word["content"] if isinstance(word, dict) else word) if word else None
        return [] if token is None else [token]

    plain = tokenizer.encode("a", add_special_tokens=False).ids
    framed = tokenizer.encode("a", add_special_tokens=True).ids
    at = next((at for at in range(len(framed)) if framed[at : at + len(plain)] == plain), 0)
    prefix, begin = tuple(framed[:at]), [] if rules.bos_token_id is None else [rules.bos_token_id]
    starts = (*prefix[-1:], *begin, *stated("bos"), *spoken("bos"), *stated("eos"), *rules.ends, *spoken("eos"))
    return Specials(prefix=prefix, start=next(iter(starts), None), ends=frozenset((*rules.ends, *spoken("eos"))))
