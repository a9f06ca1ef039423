"""The adapter for folders against lm-eval's own ``hf`` model: the same requests, the same prompts.

With a tiny checkpoint against stored answers, always; with SmolLM2-135M-Instruct against lm-eval run on the spot, where
both are there. The model is looked for at ``GRISTMILL_TEST_MODEL`` or in ``benchmarks/.models/smollm2``.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from benchmarks.models import MODELS
from benchmarks.parity import GOLDEN, lm_eval
from benchmarks.peers.venvs import Environment, installed
from gristmill.evals.admission.checkpoint import admit
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.completions import ServerConfig
from gristmill.evals.models.huggingface import load
from gristmill.evals.models.model import LanguageModel, silent
from gristmill.evals.models.openai_server import connect
from gristmill.evals.models.tokenizer import load_tokenizer
from tests.helpers.completions_server import Faults, Network, completions_server
from tests.helpers.parity import CONTEXT, NEW_TOKENS, asked, make_parity_checkpoint

TOLERANCE = 1e-6
pytestmark = pytest.mark.timeout(1800)  # the real model takes minutes where other work goes on


@pytest.fixture(scope="module")
def real_model() -> Path:
    """The folder of the real model; skips with the command that makes it."""
    folder = Path(os.environ.get("GRISTMILL_TEST_MODEL", MODELS / "smollm2"))
    if not (folder / "model.safetensors").is_file():
        pytest.skip(f"needs the real model, and {folder} has none. Make it: python -m benchmarks.models smollm2")
    return folder


@pytest.fixture(scope="module")
def peer() -> Environment:
    """lm-eval in its own environment; skips with the command that makes it."""
    found = installed("lm-eval")
    if found is None:
        pytest.skip("needs lm-eval. Make its environment: python -m benchmarks.peers.venvs lm-eval")
    return found


def compare(model: LanguageModel, request: dict[str, Any], answered: dict[str, Any]) -> None:
    """Every log-likelihood within the tolerance of lm-eval's, the greedy marks and the generated texts equal."""
    pairs = [(item["query"], f" {option}") for item in request["choices"] for option in item["options"]]
    theirs = [answer for item in answered["likelihoods"] for answer in item]
    for pair, ours, (nats, greedy) in zip(pairs, model.loglikelihood(pairs, silent), theirs, strict=True):
        assert ours.log_probability == pytest.approx(nats, rel=TOLERANCE), pair
        assert ours.greedy == greedy, pair
    settings = Generation(max_new_tokens=request["new_tokens"], stop=tuple(request["until"]))
    prompts = request["prompts"]
    outputs = model.generate(prompts, range(len(prompts)), settings, silent)
    assert [output.text for output in outputs] == answered["generations"]


@pytest.mark.parametrize("name", ["plain", "begins"])
def test_a_tiny_checkpoint_scores_as_in_lm_eval(name: str, tmp_path: Path) -> None:
    """``begins``: a tokenizer that puts begin-of-text before every text. One context is too long for the model."""
    folder = make_parity_checkpoint(tmp_path / "tiny", begins=name == "begins")
    answered = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    request = asked(folder)
    assert len(answered["likelihoods"]) == len(request["choices"]) >= 20
    assert len(set(answered["generations"])) >= 10  # else equality would say little
    compare(load(admit(folder)), request, answered)


def test_lm_eval_and_the_adapter_get_the_same_from_one_server(peer: Environment, tmp_path: Path) -> None:
    """lm-eval's ``local-completions`` and the adapter for servers, asking the same server of the tiny checkpoint."""
    folder = make_parity_checkpoint(tmp_path / "tiny", begins=False)
    model: Any = transformers.LlamaForCausalLM
    network = Network(model.from_pretrained(folder, dtype=torch.float32).eval(), load_tokenizer(folder))
    request = asked(folder)
    request["choices"], request["prompts"] = request["choices"][:4], request["prompts"][:8]
    with completions_server(network, Faults()) as url:
        at_server = {"model": "local-completions", "url": url, "name": "tiny", "context": CONTEXT}
        answered = lm_eval(peer, request | at_server, tmp_path)
        with connect(admit(folder), ServerConfig(url=url)) as served:
            compare(served, request, answered)


def test_the_real_model_scores_as_in_lm_eval(real_model: Path, peer: Environment, tmp_path: Path) -> None:
    request = asked(real_model, count=20)
    request["choices"][5]["query"] = request["choices"][4]["query"]  # no use in a context of 8192 tokens
    compare(load(admit(real_model)), request, lm_eval(peer, request, tmp_path))


def test_the_real_model_knows_something(real_model: Path) -> None:
    settings = Generation(max_new_tokens=NEW_TOKENS, stop=("\n",))
    (output,) = load(admit(real_model)).generate(["The capital of France is"], [0], settings, silent)
    assert "Paris" in output.text
