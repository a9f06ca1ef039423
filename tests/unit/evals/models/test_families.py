"""Model families: texts and likelihoods of every one are those of its plain forward pass, without any memory."""

from typing import Any

import pytest
import tokenizers
import torch
import transformers

from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.huggingface import HuggingFaceConfig, HuggingFaceModel
from gristmill.evals.models.model import silent
from gristmill.evals.models.tokenizer import Specials, load_tokenizer
from tests.helpers.families import FAMILIES
from tests.helpers.tiny_checkpoint import make_tokenizer

VOCABULARY, NEW_TOKENS = 320, 8
LONG = "Question: What is 2 + 3?\nAnswer: 5\n\n" * 3  # more tokens than are read anew for nothing
PROMPTS = (LONG + "The file", LONG + "The items in", "def f(x):\n    return", "Hello")
PAIRS = ((LONG + "The list", " is"), (LONG + "The list", " is not"), ("The items of", " the file"), ("Hello", " you"))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> tokenizers.Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(folder / "tokenizer.json", VOCABULARY)
    return load_tokenizer(folder)


def build(name: str, seed: int = 0) -> Any:
    """A model with random weights, drawn wide enough that the next token is no tie."""
    torch.manual_seed(seed)
    ids = {"vocab_size": VOCABULARY, "eos_token_id": 0, "bos_token_id": None, "pad_token_id": None}
    config = transformers.AutoConfig.for_model(name.split()[0], **(ids | FAMILIES[name]))
    model: Any = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.15)
    return model


@torch.no_grad()
def plain(model: Any, ids: list[int]) -> torch.Tensor:
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()


def greedy(model: Any, ids: list[int]) -> list[int]:
    made: list[int] = []
    for _ in range(NEW_TOKENS):
        made.append(int(plain(model, ids + made)[-1].argmax()))
    return made


def until(ends: set[int], made: list[int]) -> list[int]:
    """The tokens up to and with the first of ``ends``."""
    return made[: next((at for at, token in enumerate(made, start=1) if token in ends), None)]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_answers_as_its_plain_forward_pass(name: str, tokenizer: tokenizers.Tokenizer) -> None:
    torch.set_num_threads(1)
    model = build(name)
    encoded = [tokenizer.encode(prompt, add_special_tokens=False).ids for prompt in PROMPTS]
    free = [greedy(model, ids) for ids in encoded]
    ends = {0, free[0][1], free[1][4]}  # rows end, and leave the batch, at different times
    wanted = [until(ends, made) for made in free]
    config = HuggingFaceConfig(threads=2)
    adapter = HuggingFaceModel(model, tokenizer, Specials(prefix=(), start=0, ends=frozenset(ends)), config)
    settings = Generation(max_new_tokens=NEW_TOKENS)
    outputs = adapter.generate(PROMPTS, [0] * len(PROMPTS), settings, silent)
    for output, ids, made in zip(outputs, encoded, wanted, strict=True):
        ended = made[-1] in ends
        whole, before = (tokenizer.decode(ids[-4:] + part) for part in (made[:-1] if ended else made, []))
        assert (output.text, output.tokens) == (whole[len(before) :], len(made))
        assert output.finish == ("end" if ended else "length")
    right = []
    for context, word in PAIRS:
        first = len(tokenizer.encode(context, add_special_tokens=False).ids)
        ids = tokenizer.encode(context + word, add_special_tokens=False).ids
        nats = plain(model, ids[:-1]).log_softmax(-1)
        right.append(sum(float(nats[at - 1, ids[at]]) for at in range(first, len(ids))))
    for near in ((), range(len(PAIRS))):
        found = adapter.loglikelihood(PAIRS, silent, near)
        assert [each.log_probability for each in found] == pytest.approx(right, rel=1e-5)


@pytest.mark.parametrize("name", ["llama", "mamba"])
def test_a_drawn_answer_depends_on_its_seed_alone(name: str, tokenizer: tokenizers.Tokenizer) -> None:
    adapter = HuggingFaceModel(
        build(name), tokenizer, Specials(prefix=(), start=0, ends=frozenset()), HuggingFaceConfig()
    )
    settings = Generation(max_new_tokens=NEW_TOKENS, temperature=1.0)
    together = adapter.generate([PROMPTS[0]] * 3, [5, 6, 5], settings, silent)
    (alone,) = adapter.generate([PROMPTS[0]], [6], settings, silent)
    assert together[0] == together[2]
    assert together[0] != together[1] == alone


def test_a_row_that_is_done_does_not_run_past_the_context(tokenizer: tokenizers.Tokenizer) -> None:
    """Positions of GPT-2 are a table: a row that went on beyond it while others finish would be an index error."""
    adapter = HuggingFaceModel(
        build("gpt2"), tokenizer, Specials(prefix=(), start=1, ends=frozenset()), HuggingFaceConfig()
    )
    prompts = [LONG * 9, "a", "b", "c"]
    outputs = adapter.generate(prompts, [0] * 4, Generation(max_new_tokens=256), silent)
    assert outputs[0].lost > 0
    assert [output.finish for output in outputs] == ["length"] * 4
    assert [output.tokens for output in outputs] == [64, 255, 255, 255]
