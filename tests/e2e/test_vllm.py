"""The real 135M model through vLLM: a server that the run starts, asked over HTTP, and gone afterwards.

Needs the second environment (``make test-vllm`` builds it and runs this). The scores are compared with lm-eval asking
the same server, and with the adapter for folders, whose arithmetic is another one.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from benchmarks.parity import lm_eval
from benchmarks.peers.venvs import Environment
from gristmill.core.errors import UsageError
from gristmill.evals.admission.checkpoint import Checkpoint, admit
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.backends import opened
from gristmill.evals.models.huggingface import load
from gristmill.evals.models.model import LanguageModel, silent
from gristmill.flows.evaluate.serving import identity_of, vllm_python, vllm_server
from gristmill.schemas.evaluation import BackendSettings
from tests.e2e.test_real_model import peer, real_model
from tests.helpers.parity import NEW_TOKENS, asked

__all__ = ["peer", "real_model"]  # fixtures
pytestmark = pytest.mark.timeout(1800)
VLLM = BackendSettings(name="vllm", dtype="float32", concurrency=4)
SAME_SERVER, OTHER_ARITHMETIC = 1e-6, 2e-4
ROUNDING = 1e-5
"""Batches differ from one asking to the next, so what is almost zero may differ by that much."""


@pytest.fixture(scope="module")
def checkpoint(real_model: Path) -> Checkpoint:
    try:
        vllm_python()
    except UsageError as error:
        pytest.skip(str(error))
    return admit(real_model)


@pytest.fixture(scope="module")
def address(checkpoint: Checkpoint) -> Iterator[str]:
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    with vllm_server(checkpoint, VLLM) as url:
        described = identity_of(VLLM)
        assert "vllm" in described
        assert "float32" in described
        yield url
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/models", timeout=2.0)
    deadline = time.monotonic() + 10
    while (left := {child.pid for child in psutil.Process().children(recursive=True)} - children) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert not left


@pytest.fixture(scope="module")
def model(address: str, checkpoint: Checkpoint) -> Iterator[LanguageModel]:
    with opened(checkpoint, VLLM.model_copy(update={"model": checkpoint.digest}), address) as served:
        yield served


@pytest.fixture(scope="module")
def request_(real_model: Path) -> dict[str, Any]:
    request = asked(real_model, count=20)
    request["choices"][5]["query"] = request["choices"][4]["query"]
    return request


def pairs(request: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["query"], f" {option}") for item in request["choices"] for option in item["options"]]


def test_vllm_scores_as_the_folder_does(model: LanguageModel, checkpoint: Checkpoint, request_: dict[str, Any]) -> None:
    plain = load(checkpoint)
    asked_pairs, prompts = pairs(request_), request_["prompts"]
    for pair, got, wanted in zip(
        asked_pairs, model.loglikelihood(asked_pairs, silent), plain.loglikelihood(asked_pairs, silent), strict=True
    ):
        assert got.log_probability == pytest.approx(wanted.log_probability, rel=OTHER_ARITHMETIC), pair
        assert (got.tokens, got.bytes, got.greedy) == (wanted.tokens, wanted.bytes, wanted.greedy), pair
    settings = Generation(max_new_tokens=NEW_TOKENS, stop=tuple(request_["until"]))
    seeds = range(len(prompts))
    assert model.generate(prompts, seeds, settings, silent) == plain.generate(prompts, seeds, settings, silent)


def test_lm_eval_gets_the_same_from_the_same_server(
    model: LanguageModel,
    address: str,
    checkpoint: Checkpoint,
    request_: dict[str, Any],
    peer: Environment,
    tmp_path: Path,
) -> None:
    at_server = {"model": "local-completions", "url": address, "name": checkpoint.digest, "context": 1024}
    answered = lm_eval(peer, request_ | at_server, tmp_path)
    theirs = [answer for item in answered["likelihoods"] for answer in item]
    asked_pairs, prompts = pairs(request_), request_["prompts"]
    for pair, got, (nats, _) in zip(asked_pairs, model.loglikelihood(asked_pairs, silent), theirs, strict=True):
        assert got.log_probability == pytest.approx(nats, rel=SAME_SERVER, abs=ROUNDING), pair
    settings = Generation(max_new_tokens=NEW_TOKENS, stop=tuple(request_["until"]))
    outputs = model.generate(prompts, [1234] * len(prompts), settings, silent)
    assert [output.text for output in outputs] == answered["generations"]


def test_samples_have_their_own_seeds(model: LanguageModel) -> None:
    settings = Generation(max_new_tokens=NEW_TOKENS, temperature=1.0)
    first, second, again = model.generate(["The capital of"] * 3, [1, 2, 1], settings, silent)
    assert first.text == again.text != second.text
