"""Models behind a server that speaks the completions protocol: the same numbers as the adapter for folders, and no
number at all when anything is wrong. The server is a real one on loopback, over the same tiny checkpoint."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import transformers

from evals.checkpoint import Checkpoint, admit
from evals.completions import ServerConfig
from evals.generation import Generation
from evals.huggingface import HuggingFaceModel, load
from evals.model import silent
from evals.openai_server import connect
from evals.tokenizer import load_tokenizer
from schemas.errors import GristmillError, UsageError
from tests.helpers.completions_server import Faults, Network, completions_server
from tests.helpers.tiny_checkpoint import make_checkpoint

PAIRS = [
    ("What is 2 + 3?\nAnswer:", " 5"),
    ("def add(a, b):\n    ", "return a + b"),
    ("The function ", "returns a list"),
    ("", "hello"),
    ("é猫 ", "猫é"),
    ("The items in", " the file"),
]
PROMPTS = ["def add(a, b):\n", "The", "Question: What is 2 + 3?\nAnswer:", "a b c d e f g", ""]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return admit(make_checkpoint(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def plain(checkpoint: Checkpoint) -> HuggingFaceModel:
    return load(checkpoint)


@pytest.fixture(scope="module")
def network(checkpoint: Checkpoint) -> Network:
    model: Any = transformers.LlamaForCausalLM
    weights = model.from_pretrained(checkpoint.path, dtype=torch.float32).eval()
    return Network(weights, load_tokenizer(checkpoint.path))


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def url(network: Network, faults: Faults) -> Iterator[str]:
    with completions_server(network, faults) as address:
        yield address


def quick(url: str, **changes: Any) -> ServerConfig:
    return ServerConfig(url=url, **{"pause": 0.01, "attempts": 3, **changes})


@pytest.mark.parametrize("prompts", ["tokens", "text"])
def test_likelihoods_are_those_of_the_folder(
    url: str, checkpoint: Checkpoint, plain: HuggingFaceModel, prompts: str
) -> None:
    pairs = PAIRS if prompts == "tokens" else [pair for pair in PAIRS if pair[0]]
    with connect(checkpoint, quick(url, prompts=prompts)) as model:
        found = model.loglikelihood(pairs, silent)
    for got, wanted in zip(found, plain.loglikelihood(pairs, silent), strict=True):
        assert got.log_probability == pytest.approx(wanted.log_probability, rel=1e-6)
        assert (got.tokens, got.bytes, got.greedy, got.lost) == (wanted.tokens, wanted.bytes, wanted.greedy, 0)


def test_greedy_is_said_of_what_would_be_generated(url: str, checkpoint: Checkpoint, plain: HuggingFaceModel) -> None:
    outputs = plain.generate(PROMPTS, range(5), Generation(max_new_tokens=1), silent)
    pairs = [(prompt, output.text) for prompt, output in zip(PROMPTS, outputs, strict=True) if output.text.strip()]
    wanted = [answer.greedy for answer in plain.loglikelihood(pairs, silent)]
    with connect(checkpoint, quick(url)) as model:
        assert [answer.greedy for answer in model.loglikelihood(pairs, silent)] == wanted
    assert any(wanted)


def test_long_texts_are_scored_in_windows(url: str, checkpoint: Checkpoint, plain: HuggingFaceModel) -> None:
    """The server of the test reads two tokens more than the model, so both read windows of the same length."""
    texts = ["The function returns a list of the items. " * 40, "x", ""]
    with connect(checkpoint, quick(url)) as model:
        found = model.text_bits(texts, silent)
    for got, wanted in zip(found, plain.text_bits(texts, silent), strict=True):
        assert got.bits == pytest.approx(wanted.bits, rel=1e-6)
        assert got.bytes == wanted.bytes


def test_generations_are_those_of_the_folder(
    url: str, checkpoint: Checkpoint, plain: HuggingFaceModel, faults: Faults
) -> None:
    settings = Generation(max_new_tokens=12, stop=("\n", "e"))
    seeds = [11, 12, 13, 14, 15]
    with connect(checkpoint, quick(url, concurrency=4), key="secret") as model:
        assert model.generate(PROMPTS, seeds, settings, silent) == plain.generate(PROMPTS, seeds, settings, silent)
        assert model.backend == "testers 1.2.3, model tiny, dtype and batches as the server has them"
    assert sorted(body["seed"] for body in faults.asked) == seeds
    assert {body["authorization"] for body in faults.asked} == {"Bearer secret"}
    assert all(body["stop"] == ["\n", "e"] and body["model"] == "tiny" for body in faults.asked)


def test_samples_differ_by_their_seed_only(url: str, checkpoint: Checkpoint) -> None:
    settings = Generation(max_new_tokens=8, temperature=1.0)
    with connect(checkpoint, quick(url)) as model:
        first = model.generate(["The"] * 3, [1, 2, 1], settings, silent)
    assert first[0] == first[2] != first[1]


def test_a_long_prompt_loses_its_start(url: str, checkpoint: Checkpoint, plain: HuggingFaceModel) -> None:
    prompt = "list of the items " * 200
    with connect(checkpoint, quick(url)) as model:
        for tokens in (4, 1000):
            settings = Generation(max_new_tokens=tokens)
            (found,) = model.generate([prompt], [0], settings, silent)
            assert found == plain.generate([prompt], [0], settings, silent)[0]
            assert found.lost > 0
            assert found.tokens == min(tokens, 64)


def test_requests_go_out_together(url: str, checkpoint: Checkpoint, faults: Faults) -> None:
    faults.hang = 0.2
    with connect(checkpoint, quick(url, concurrency=4)) as model:
        model.loglikelihood([("a", str(number)) for number in range(8)], silent)
    assert 2 <= faults.most_at_once <= 4


def test_what_may_pass_is_tried_again(
    url: str, checkpoint: Checkpoint, plain: HuggingFaceModel, faults: Faults
) -> None:
    wanted = plain.loglikelihood(PAIRS[:1], silent)[0].log_probability
    with connect(checkpoint, quick(url, attempts=4)) as model:
        faults.statuses, faults.drops = [429, 503], 1
        (found,) = model.loglikelihood(PAIRS[:1], silent)
    assert found.log_probability == pytest.approx(wanted, rel=1e-6)
    assert len(faults.asked) == 4


@pytest.mark.parametrize(
    ("fault", "asked", "message"),
    [
        ({"statuses": [500] * 3}, 3, "no answer after 3 attempts .status 500.*what was answered is kept"),
        ({"drops": 3}, 3, "no answer after 3 attempts .RemoteProtocolError"),
        ({"hang": 1.0}, 3, "no answer after 3 attempts .ReadTimeout"),
        ({"statuses": [400]}, 1, "refused a request, status 400.*not now"),
        ({"garbage": True}, 1, "answer is no completion"),
        ({"no_usage": True}, 1, "answer is no completion"),
        ({"no_echo": True}, 1, "no log-probabilities of a prompt"),
        ({"extra_tokens": 1}, 1, "read 13 tokens where the checkpoint's tokenizer makes 12"),
    ],
)
def test_a_fault_is_an_error_and_never_a_score(
    url: str, checkpoint: Checkpoint, faults: Faults, fault: dict[str, Any], asked: int, message: str
) -> None:
    with connect(checkpoint, quick(url, timeout=0.2)) as model:
        for name, value in fault.items():
            setattr(faults, name, value)
        with pytest.raises(GristmillError, match=message):
            model.loglikelihood(PAIRS[:1], silent)
    assert len(faults.asked) == asked


def test_a_model_that_is_not_there_is_a_usage_error(url: str, checkpoint: Checkpoint) -> None:
    with (
        pytest.raises(UsageError, match="name the model to ask with --model: the server has tiny"),
        connect(checkpoint, quick(url, model="other")),
    ):
        pass


def test_no_server_is_an_error(checkpoint: Checkpoint) -> None:
    with (
        pytest.raises(GristmillError, match="no server answers there"),
        connect(checkpoint, quick("http://127.0.0.1:9/v1")),
    ):
        pass
