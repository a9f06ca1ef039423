"""Which adapter runs a model: the setting, what of it names an answer, and how long a model stays open."""

from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from gristmill.core.errors import UsageError
from gristmill.evals.admission.checkpoint import Checkpoint, admit
from gristmill.evals.models.model import silent
from gristmill.flows.evaluate.serving import Models, identity_of
from gristmill.schemas.evaluation import BackendSettings
from tests.helpers.parity import make_parity_checkpoint


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "hff"}, r"there is no backend 'hff' \(did you mean \"hf\"\?\)"),
        ({"name": "127.0.0.1:8000"}, "begins with http"),
        ({"dtype": "float8"}, "dtype"),
    ],
)
def test_a_wrong_backend_is_a_usage_error(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BackendSettings.parse(values, "backend")


def test_what_changes_an_answer_changes_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without loading a model or starting a server. Which server of others it is, its own test says."""
    monkeypatch.setattr("gristmill.flows.evaluate.serving.vllm_python", lambda: Path("python"))
    versions = {"vllm": "vllm 0.32"}
    monkeypatch.setattr("gristmill.flows.evaluate.serving.vllm_version", lambda _: versions["vllm"])
    found = [identity_of(BackendSettings()), identity_of(BackendSettings(dtype="bfloat16"))]
    monkeypatch.setattr("gristmill.evals.models.backends.version", lambda name: f"{name} of tomorrow")
    found.append(identity_of(BackendSettings()))
    found += [identity_of(BackendSettings(name="vllm", dtype=dtype)) for dtype in ("float32", "bfloat16")]
    versions["vllm"] = "vllm 0.33"
    found.append(identity_of(BackendSettings(name="vllm")))
    monkeypatch.setattr("gristmill.flows.evaluate.serving.device", lambda: "another device")
    found.append(identity_of(BackendSettings(name="vllm")))
    monkeypatch.setenv("VLLM_ATTENTION_BACKEND", "another")
    found.append(identity_of(BackendSettings(name="vllm")))
    assert len(set(found)) == len(found)
    for same in ({"threads": 2}, {"concurrency": 2}, {"timeout": 5.0}):
        assert identity_of(BackendSettings(**same)) == found[2]
        assert identity_of(BackendSettings(name="vllm", **same)) == found[-1]


def test_a_model_stays_open_for_the_next_suite(tmp_path: Path) -> None:
    def checkpoint(number: int) -> Checkpoint:
        folder = make_parity_checkpoint(tmp_path / str(number), begins=False)
        weights = load_file(folder / "model.safetensors")
        weights["model.norm.weight"] *= number + 1
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return admit(folder)  # equal configs: they are examined once

    first, second, third = (checkpoint(number) for number in range(3))
    with Models(BackendSettings()) as models:
        with models.of(first) as model:
            nats = model.loglikelihood([("The function", " returns")], silent)
        with models.of(first) as again, models.of(second) as other:
            assert again is model is not other
        with models.of(first) as again:
            assert again is model
        with models.of(third):
            pass
        with models.of(first) as again:  # used more lately than the second
            assert again is model
        with models.of(second) as again:
            assert again is not other
    with Models(BackendSettings(dtype="bfloat16")) as models, models.of(first) as model:
        (rounded,) = model.loglikelihood([("The function", " returns")], silent)
        assert "bfloat16" in model.backend
    assert rounded.log_probability != nats[0].log_probability
    assert rounded.log_probability == pytest.approx(nats[0].log_probability, rel=0.05)
