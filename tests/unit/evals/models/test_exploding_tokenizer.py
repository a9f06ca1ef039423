"""A pattern that explodes on some words alone passes admission; where it meets them, the run says so and ends."""

import pytest
import tokenizers
from tokenizers import Regex, models, pre_tokenizers

from gristmill.core.errors import GristmillError
from gristmill.evals.models.encoding import Encoder
from gristmill.evals.models.tokenizer import Specials


def test_a_text_on_which_a_pattern_explodes_is_named() -> None:
    tokenizer = tokenizers.Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))  # noqa: S106 - a word
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("b(?:o|o|oo)+q"), "isolated")
    encoder = Encoder(tokenizer, Specials(prefix=(), start=None, ends=frozenset()), 64)
    assert encoder.encode("a") == [0]

    with pytest.raises(
        GristmillError, match=r"cannot split the text that begins 'booo.*retry-limit.*Replace that pattern"
    ):
        encoder.encode("b" + "o" * 40 + "!q")
