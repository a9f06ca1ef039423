"""Models behind a server that speaks the completions protocol: the same numbers as the adapter for folders, and no
number at all when anything is wrong. The server is a real one on loopback, over the same tiny checkpoint."""

import gzip
import json
import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
import transformers

from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.admission.checkpoint import Checkpoint, admit
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models import completions
from gristmill.evals.models.completions import ServerConfig
from gristmill.evals.models.huggingface import HuggingFaceModel, load
from gristmill.evals.models.model import LogLikelihood, Output, Unanswered, silent
from gristmill.evals.models.openai_server import ServedModel, connect
from gristmill.evals.models.tokenizer import load_tokenizer
from tests.helpers.completions_server import Faults, Network, completions_server
from tests.helpers.scripted_server import Script, scripted_server
from tests.helpers.tiny_checkpoint import make_checkpoint

pytestmark = pytest.mark.usefixtures("quick_admission")

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


def asking(checkpoint: Checkpoint, config: ServerConfig, key: str = "") -> AbstractContextManager[ServedModel]:
    """The model of a server whose identity is known already, so that nothing but the test's requests is asked."""
    return connect(checkpoint, config, key, "the test's server")


@pytest.mark.parametrize("prompts", ["tokens", "text"])
def test_likelihoods_are_those_of_the_folder(
    url: str, checkpoint: Checkpoint, plain: HuggingFaceModel, prompts: str
) -> None:
    pairs = PAIRS if prompts == "tokens" else [pair for pair in PAIRS if pair[0]]
    with asking(checkpoint, quick(url, prompts=prompts)) as model:
        found = model.loglikelihood(pairs, silent)
    for got, wanted in zip(found, plain.loglikelihood(pairs, silent), strict=True):
        assert got.log_probability == pytest.approx(wanted.log_probability, rel=1e-6)
        assert (got.tokens, got.bytes, got.greedy, got.lost) == (wanted.tokens, wanted.bytes, wanted.greedy, 0)


def test_greedy_is_said_of_what_would_be_generated(url: str, checkpoint: Checkpoint, plain: HuggingFaceModel) -> None:
    outputs = plain.generate(PROMPTS, range(5), Generation(max_new_tokens=1), silent)
    pairs = [(prompt, output.text) for prompt, output in zip(PROMPTS, outputs, strict=True) if output.text.strip()]
    wanted = [answer.greedy for answer in plain.loglikelihood(pairs, silent)]
    with asking(checkpoint, quick(url)) as model:
        assert [answer.greedy for answer in model.loglikelihood(pairs, silent)] == wanted
    assert any(wanted)


def test_long_texts_are_scored_in_windows(url: str, checkpoint: Checkpoint, plain: HuggingFaceModel) -> None:
    """The server of the test reads two tokens more than the model, so both read windows of the same length."""
    texts = ["The function returns a list of the items. " * 40, "x", ""]
    with asking(checkpoint, quick(url)) as model:
        found = model.text_bits(texts, silent)
    for got, wanted in zip(found, plain.text_bits(texts, silent), strict=True):
        assert got.bits == pytest.approx(wanted.bits, rel=1e-6)
        assert got.bytes == wanted.bytes


def test_generations_are_those_of_the_folder(
    url: str, checkpoint: Checkpoint, plain: HuggingFaceModel, faults: Faults
) -> None:
    settings = Generation(max_new_tokens=12, stop=("\n", "e"))
    seeds = [11, 12, 13, 14, 15]
    with asking(checkpoint, quick(url, concurrency=4), key="secret") as model:
        assert model.generate(PROMPTS, seeds, settings, silent) == plain.generate(PROMPTS, seeds, settings, silent)
        assert model.backend == "the test's server"
    assert sorted(body["seed"] for body in faults.asked) == seeds
    assert {body["authorization"] for body in faults.asked} == {"Bearer secret"}
    assert all(body["stop"] == ["\n", "e"] and body["model"] == "tiny" for body in faults.asked)


def test_samples_differ_by_their_seed_only(url: str, checkpoint: Checkpoint) -> None:
    settings = Generation(max_new_tokens=8, temperature=1.0)
    with asking(checkpoint, quick(url)) as model:
        first = model.generate(["The"] * 3, [1, 2, 1], settings, silent)
    assert first[0] == first[2] != first[1]


def test_a_long_prompt_loses_its_start(url: str, checkpoint: Checkpoint, plain: HuggingFaceModel) -> None:
    prompt = "list of the items " * 200
    with asking(checkpoint, quick(url)) as model:
        for tokens in (4, 1000):
            settings = Generation(max_new_tokens=tokens)
            (found,) = model.generate([prompt], [0], settings, silent)
            assert found == plain.generate([prompt], [0], settings, silent)[0]
            assert found.lost > 0
            assert found.tokens == min(tokens, 64)


def test_requests_go_out_together(url: str, checkpoint: Checkpoint, faults: Faults) -> None:
    faults.hang = 0.2
    with asking(checkpoint, quick(url, concurrency=4)) as model:
        model.loglikelihood([("a", str(number)) for number in range(8)], silent)
    assert 2 <= faults.most_at_once <= 4


def test_what_may_pass_is_tried_again(
    url: str, checkpoint: Checkpoint, plain: HuggingFaceModel, faults: Faults
) -> None:
    wanted = plain.loglikelihood(PAIRS[:1], silent)[0].log_probability
    with asking(checkpoint, quick(url, attempts=4)) as model:
        faults.statuses, faults.drops = [429, 503], 1
        (found,) = model.loglikelihood(PAIRS[:1], silent)
    assert found.log_probability == pytest.approx(wanted, rel=1e-6)
    assert len(faults.asked) == 4


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Mon, 30 Nov 2026 10:00:09 GMT", "Date": "Mon, 30 Nov 2026 10:00:00 GMT"}, 9.0),
        ({"Retry-After": "Mon, 30 Nov 2026 09:00:00 GMT", "Date": "Mon, 30 Nov 2026 10:00:00 GMT"}, 0.5),
        ({"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}, 30.0),
        ({"Retry-After": "soon"}, 0.5),
        ({}, 0.5),
    ],
)
def test_a_server_says_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], seconds: float
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(completions.time, "sleep", slept.append)
    busy = httpx.MockTransport(lambda request: httpx.Response(503, headers=headers))
    with (
        httpx.Client(transport=busy, base_url="http://h/v1/") as http,
        pytest.raises(GristmillError, match="no answer after 2 attempts"),
    ):
        completions.Client(http, "m", ServerConfig(url="http://h/v1", attempts=2)).ask({"prompt": "a"})
    assert slept == [seconds]


def of_usage(**values: Any) -> Callable[[dict[str, Any]], None]:
    """Change the counts of an answer."""

    def change(answer: dict[str, Any]) -> None:
        answer["usage"] |= values

    return change


def without_usage(answer: dict[str, Any]) -> None:
    del answer["usage"]


def of_a_choice(**values: Any) -> Callable[[dict[str, Any]], None]:
    """Change the one choice of an answer."""

    def change(answer: dict[str, Any]) -> None:
        answer["choices"][0] |= values

    return change


JSON = "application/json"
BROKEN = b"\x1f\x8b\x08broken"
HALF = gzip.compress(b'{"choices": []}', mtime=0)[:-12]  # it names tests, and all workers must name them alike


@pytest.mark.parametrize(
    ("fault", "asked", "message"),
    [
        ({"statuses": [500] * 3}, 3, "no answer after 3 attempts .status 500.*earlier answers are kept"),
        ({"drops": 3}, 3, "no answer after 3 attempts .RemoteProtocolError"),
        ({"hang": 1.0}, 3, "no answer after 3 attempts .ReadTimeout"),
        ({"statuses": [400]}, 1, "refused a request, status 400.*not now"),
        (
            {"bodies": [(JSON, b'["no", "completion"]')] * 3},
            3,
            r"3 attempts \(its answer is not a completion: it is .\"no",
        ),
        ({"bodies": [("text/html", b"<html>log in</html>")] * 3}, 3, "its answer is not JSON: <html>log in</html>"),
        ({"bodies": [("gzip", BROKEN)] * 3}, 3, "the body of its answer cannot be read"),
        ({"bodies": [("gzip", HALF)] * 3}, 3, "its answer is not JSON"),
        ({"bodies": [("text/event-stream", b'data: {"choices": []}')] * 3}, 3, "it streams events, although a whole"),
        ({"bodies": [(JSON, b"data: {}")] * 3}, 3, "it streams events, although a whole"),
        ({"bodies": [(JSON, b'{"error": {"message": "busy"}}')] * 3}, 3, 'an error instead of an answer: .*"busy"'),
        ({"bodies": [(JSON, b"[" * 100_000)] * 3}, 3, "its answer is not JSON"),
        ({"change": without_usage}, 3, "its answer is not a completion: it has no usage"),
        ({"change": of_a_choice(text=5)}, 3, "its answer is not a completion: choices.0.text is 5"),
        ({"change": of_a_choice(logprobs=None)}, 1, "no log-probabilities for a prompt"),
        ({"change": of_usage(prompt_tokens=-1)}, 3, "its answer is not a completion: usage.prompt_tokens is -1"),
        (
            {"change": of_usage(completion_tokens=-7)},
            3,
            "not a completion: usage.completion_tokens is -7",
        ),
        ({"change": of_usage(completion_tokens=1 << 31)}, 3, "usage.completion_tokens is 2147483648"),
        ({"extra_tokens": 1}, 1, "read 13 tokens where the checkpoint's tokenizer makes 12"),
    ],
)
def test_a_fault_is_an_error_and_never_a_score(
    url: str, checkpoint: Checkpoint, faults: Faults, fault: dict[str, Any], asked: int, message: str
) -> None:
    with asking(checkpoint, quick(url, timeout=0.2 if "hang" in fault else 60)) as model:
        for name, value in fault.items():
            setattr(faults, name, list(value) if isinstance(value, list) else value)
        with pytest.raises(GristmillError, match=message) as told:
            model.loglikelihood(PAIRS[:1], silent)
    assert len(faults.asked) == asked
    assert "pydantic" not in str(told.value)
    assert "validation error" not in str(told.value)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("gzip", BROKEN),
        ("gzip", HALF),
        (JSON, b'{"error": {"message": "overloaded", "code": 503}}'),
        ("text/html", b"<html>one moment</html>"),
        ("text/event-stream", b"data: {}"),
        (JSON, b'{"choices": [{"text": null, "finish_reason": "stop"}], "usage": {"prompt_tokens": 2}}'),
        (JSON, b'{"choices": [], "usage": {"prompt_tokens": 2}}'),
    ],
)
def test_one_bad_body_is_asked_for_again(
    url: str, checkpoint: Checkpoint, plain: HuggingFaceModel, faults: Faults, kind: str, body: bytes
) -> None:
    settings = Generation(max_new_tokens=4)
    with asking(checkpoint, quick(url)) as model:
        faults.bodies = [(kind, body)]
        assert model.generate(PROMPTS[:1], [1], settings, silent) == plain.generate(PROMPTS[:1], [1], settings, silent)
    assert len(faults.asked) == 2


@pytest.mark.parametrize("reason", ["abort", "error", "content_filter", "tool_calls", "eos", "", None])
def test_only_stop_and_length_end_an_answer(
    url: str, checkpoint: Checkpoint, plain: HuggingFaceModel, faults: Faults, reason: str | None
) -> None:
    """A request that was ended otherwise is asked again, then stands as unanswered beside the others."""
    settings = Generation(max_new_tokens=4)
    wanted = plain.generate(PROMPTS[:2], [1, 2], settings, silent)
    with asking(checkpoint, quick(url, concurrency=1, attempts=6)) as model:
        faults.changes = [of_a_choice(finish_reason=reason)] * 2
        assert model.generate(PROMPTS[:2], [1, 2], settings, silent) == wanted
        faults.changes = [of_a_choice(finish_reason=reason)] * 3
        first, second = model.generate(PROMPTS[:2], [1, 2], settings, silent)
    said = reason or "missing"
    assert first == Unanswered(f"the finish reason is {said}, which is neither stop nor length")
    assert second == wanted[1]


def spoilt(value: float | None, *, tops: bool = False, everywhere: bool = False) -> Callable[[dict[str, Any]], None]:
    """Put ``value`` for the log-probability of the last prompt token, or of all."""

    def change(answer: dict[str, Any]) -> None:
        found = answer["choices"][0]["logprobs"]
        places = range(1, len(found["token_logprobs"])) if everywhere else [-2]
        for place in places:
            if tops:
                found["top_logprobs"][place] |= {"x": value}
            else:
                found["token_logprobs"][place] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        spoilt(None),
        spoilt(math.nan),
        spoilt(math.inf),
        spoilt(-math.inf),
        spoilt(0.5),
        spoilt(-9999.0),
        spoilt(math.nan, tops=True),
        spoilt(None, tops=True),
        spoilt(0.25, tops=True),
        spoilt(0.0, everywhere=True),
        spoilt(1.19e-07, everywhere=True),
        spoilt(None, everywhere=True),
        of_a_choice(finish_reason="abort"),
    ],
)
def test_what_is_no_log_probability_is_no_score(
    url: str, checkpoint: Checkpoint, faults: Faults, change: Callable[[dict[str, Any]], None]
) -> None:
    with asking(checkpoint, quick(url, concurrency=1)) as model:
        faults.changes = [change]
        assert all(isinstance(found, LogLikelihood) for found in model.loglikelihood(PAIRS[:2], silent))
        faults.changes = [change] * 3
        first, second = model.loglikelihood(PAIRS[:2], silent)
        assert isinstance(first, Unanswered)
        assert isinstance(second, LogLikelihood)
        faults.changes = [change] * 3
        with pytest.raises(GristmillError, match="a text has no bits per byte, because"):
            model.text_bits(["a text of several words"], silent)


def test_certain_tokens_may_round_above_zero(url: str, checkpoint: Checkpoint, faults: Faults) -> None:
    with asking(checkpoint, quick(url)) as model:
        faults.change = spoilt(1.19e-07)
        (found,) = model.loglikelihood([("a b c", " d")], silent)
    assert isinstance(found, LogLikelihood)
    assert found.log_probability <= 0


def test_a_server_gets_four_stop_strings_and_the_rest_is_cut_here(
    url: str, checkpoint: Checkpoint, plain: HuggingFaceModel, faults: Faults
) -> None:
    """The server refuses five. What is read is the same; which tokens were made before a cut is the server's count."""
    stops = ("\nclass", "\ndef", "\n#", "\nif", "e", "\ndef main", "\n#!")
    settings = Generation(max_new_tokens=12, stop=stops)
    with asking(checkpoint, quick(url)) as model:
        found = model.generate(PROMPTS, range(5), settings, silent)
    assert all(body["stop"] == ["\nclass", "\ndef", "\n#", "\nif"] for body in faults.asked)
    for got, wanted in zip(found, plain.generate(PROMPTS, range(5), settings, silent), strict=True):
        assert isinstance(got, Output)
        assert (got.text, got.finish) == (wanted.text, wanted.finish)
    assert any(output.finish == "stop" for output in found if isinstance(output, Output))


def test_a_body_is_not_unpacked_without_bound(
    url: str, checkpoint: Checkpoint, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gristmill.evals.models.completions.LARGEST", 1 << 20)
    with asking(checkpoint, quick(url)) as model:
        faults.bodies = [("gzip", gzip.compress(bytes(4 << 20)))] * 3
        with pytest.raises(GristmillError, match="cannot be read: it is larger than 1 MiB"):
            model.generate(PROMPTS[:1], [1], Generation(max_new_tokens=4), silent)


def test_half_of_a_character_is_no_traceback(url: str, checkpoint: Checkpoint, faults: Faults) -> None:
    count = len(load_tokenizer(checkpoint.path).encode(PROMPTS[0]).ids)
    body = {"choices": [{"text": " 5\ud83d", "finish_reason": "stop"}]}
    body |= {"usage": {"prompt_tokens": count, "completion_tokens": 3}}
    with asking(checkpoint, quick(url)) as model:
        faults.bodies = [(JSON, json.dumps(body).encode())]
        (found,) = model.generate(PROMPTS[:1], [1], Generation(max_new_tokens=4), silent)
    assert isinstance(found, Output)
    assert found.text == " 5\ufffd"


def test_a_model_that_is_not_there_is_a_usage_error(url: str, checkpoint: Checkpoint) -> None:
    with (
        pytest.raises(UsageError, match="name the model to ask with --model: the server has tiny"),
        asking(checkpoint, quick(url, model="other")),
    ):
        pass


@pytest.mark.parametrize("length", [True, -5, 0, "long", None, 1.5])
def test_a_length_that_is_none_is_not_believed(checkpoint: Checkpoint, length: object) -> None:
    script = Script(listed={"id": "m", "max_model_len": length})
    with scripted_server(script) as address, asking(checkpoint, quick(address)) as model:
        (found,) = model.generate(PROMPTS[:1], [1], Generation(max_new_tokens=4), silent)
    assert isinstance(found, Output)
    assert found.lost == 0


def test_no_server_is_an_error(checkpoint: Checkpoint) -> None:
    with (
        pytest.raises(GristmillError, match="no server answers there"),
        asking(checkpoint, quick("http://127.0.0.1:9/v1")),
    ):
        pass


def test_vllm_is_told_what_ends_an_answer(url: str, checkpoint: Checkpoint, tmp_path: Path, faults: Faults) -> None:
    """It is started without the checkpoint's generation config, whose end-of-text tokens may stand nowhere else."""
    folder = shutil.copytree(checkpoint.path, tmp_path / "model")
    config = folder / "generation_config.json"
    config.write_text(json.dumps({"eos_token_id": [5, 9]}), encoding="utf-8")
    moved = checkpoint.model_copy(update={"path": folder})
    settings = Generation(max_new_tokens=2)
    for plain, wanted in ((True, [5, 9, 511]), (False, None)):
        with asking(moved, quick(url, plain=plain)) as model:
            model.generate(PROMPTS[:1], [0], settings, silent)
        assert faults.asked[-1].get("stop_token_ids") == wanted
    config.write_text(json.dumps({"repetition_penalty": 1.2, "min_new_tokens": 0}), encoding="utf-8")
    with asking(moved, quick(url, plain=True)) as model:
        assert model.loglikelihood(PAIRS[:1], silent)
        with pytest.raises(GristmillError, match=r"asks for repetition_penalty, which vLLM cannot do"):
            model.generate(PROMPTS[:1], [0], settings, silent)
