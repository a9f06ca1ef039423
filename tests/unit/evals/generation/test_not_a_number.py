"""Numbers that are none: an error where they arrive, whatever is asked, and never a score."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gristmill.core.errors import GristmillError
from gristmill.evals.admission.checkpoint import admit
from gristmill.evals.generation.responses import Response, ResponseStore
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.huggingface import HuggingFaceModel, load
from gristmill.evals.models.model import LogLikelihood, TextBits, silent
from gristmill.evals.scoring.perplexity import evaluate_perplexity
from tests.helpers.parity import make_parity_checkpoint

pytestmark = pytest.mark.usefixtures("quick_admission")

PROMPTS = ["The function", "def add(a, b):"]
PAIRS = [("The function", " returns"), ("The function", " lists")]


@pytest.fixture(params=["NaN", "infinity"])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> HuggingFaceModel:
    """A checkpoint whose weights are all finite and whose logits are not: they overflow on the way."""
    folder = make_parity_checkpoint(tmp_path / request.param, begins=False)
    weights = load_file(folder / "model.safetensors")
    if request.param == "NaN":
        weights["model.layers.0.mlp.down_proj.weight"][:] = 3e38
        weights["model.layers.1.mlp.up_proj.weight"][:] = 3e38
    else:
        weights["model.norm.weight"][:] = 3e38
        weights["model.embed_tokens.weight"] = np.abs(weights["model.embed_tokens.weight"]) * 1e3
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return load(admit(folder))


def test_logits_that_are_not_numbers_are_an_error_at_asking(broken: HuggingFaceModel) -> None:
    message = r"logits are not numbers \(NaN or infinite\) in float32"
    for temperature in (0.0, 1.0):
        with pytest.raises(GristmillError, match=message):
            broken.generate(PROMPTS, [0, 1], Generation(max_new_tokens=4, temperature=temperature), silent)
    for near in ((), (0, 1)):
        with pytest.raises(GristmillError, match=message):
            broken.loglikelihood(PAIRS, silent, near)
    with pytest.raises(GristmillError, match=message):
        broken.text_bits(PROMPTS, silent)


def test_bits_per_byte_of_such_a_model_are_no_score(broken: HuggingFaceModel, tmp_path: Path) -> None:
    checkpoint = admit(next(tmp_path.iterdir()))
    with pytest.raises(GristmillError, match="not numbers"):
        evaluate_perplexity(broken, checkpoint, {"prose": [("one", "a b"), ("two", "c d")]})


def test_a_config_that_hides_them_does_not_help(tmp_path: Path) -> None:
    """``remove_invalid_values`` makes NaN 0, and so the first token the answer."""
    folder = make_parity_checkpoint(tmp_path / "model", begins=False)
    weights = load_file(folder / "model.safetensors")
    for name in ("model.layers.0.mlp.down_proj.weight", "model.layers.1.mlp.up_proj.weight"):
        weights[name][:] = 3e38
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "generation_config.json").write_text(json.dumps({"remove_invalid_values": True}), encoding="utf-8")
    with pytest.raises(GristmillError, match="not numbers"):
        load(admit(folder)).generate(PROMPTS, [0, 1], Generation(max_new_tokens=4), silent)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_adapter_can_hand_on_what_is_no_number(value: float) -> None:
    likelihood: dict[str, Any] = {"tokens": 1, "bytes": 1, "greedy": True}
    with pytest.raises(GristmillError, match="not a number"):
        LogLikelihood(log_probability=value, **likelihood)
    with pytest.raises(GristmillError, match="not a number"):
        TextBits(bits=value, bytes=1)


def test_an_answer_that_older_versions_stored_is_asked_again(tmp_path: Path) -> None:
    answer = Response(text=" A", tokens=1, log_probability=-1.0, greedy=True)
    with ResponseStore(tmp_path, "checkpoint", "backend") as store:
        store.add({"sound": answer, "broken": answer.model_copy(update={"log_probability": math.nan})})
    with ResponseStore(tmp_path, "checkpoint", "backend") as store:
        assert ("sound" in store, "broken" in store) == (True, False)
