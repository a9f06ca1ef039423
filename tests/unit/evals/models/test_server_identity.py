"""Which server gave an answer: whatever may change an answer makes another identity, and nothing else does."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.models import completions
from gristmill.evals.models.completions import ServerConfig
from gristmill.evals.models.server_identity import PROMPTS, TOKENS, Watch, identify
from gristmill.flows.evaluate.serving import Models
from gristmill.schemas.evaluation import BackendSettings
from tests.helpers.scripted_server import Script, scripted_server

LLAMA = {
    "build_info": "b8681",
    "model_path": "/models/q8.gguf",
    "chat_template": "{{ messages }}",
    "default_generation_settings": {"id": 0, "is_processing": False, "params": {"min_p": 0.05}},
    "total_slots": 4,
}
SGLANG = {"version": "0.5", "dtype": "bfloat16", "quantization": "fp8", "internal_states": [{"load": 1}]}


@contextmanager
def running(script: Script) -> Iterator[ServerConfig]:
    """How to ask a running server."""
    with scripted_server(script) as url:
        yield ServerConfig(url=url, pause=0.01, attempts=3)


def test_whatever_may_change_an_answer_changes_the_identity() -> None:
    script = Script()
    with running(script) as config:

        def now(**pages: Any) -> str:
            script.pages = {f"/{page}": found for page, found in pages.items()}
            return identify(config)

        found = [now(version={"version": "1.2"})]
        found.append(now(version={"version": "1.3"}))
        found.append(now())
        found.append(now(props=LLAMA))
        found += [now(props={**LLAMA, name: "other"}) for name in ("build_info", "model_path", "chat_template")]
        settings = {"default_generation_settings": {"params": {"min_p": 0.1}}}
        found.append(now(props=LLAMA | settings))
        found.append(now(get_server_info=SGLANG))
        found += [now(get_server_info={**SGLANG, name: "other"}) for name in ("version", "dtype", "quantization")]
        found += [now(get_model_info={"model_path": "a", "weight_version": version}) for version in ("1", "2")]
        for field_, value in {"root": "/weights", "max_model_len": 9, "meta": {"n_params": 5}}.items():
            script.listed[field_] = value
            found.append(now())
        script.answers = {PROMPTS[-1]: " else"}
        found.append(now())
    assert len(set(found)) == len(found)


def test_the_answers_tell_two_servers_apart_that_say_the_same_of_themselves() -> None:
    """And the address does, where even those are the same."""
    script = Script()
    with running(script) as config:
        first = identify(config)
        script.answers = {PROMPTS[0]: " another model"}
        assert identify(config) != first
        script.answers = {}
        assert identify(config) == first
        asked = {body["prompt"] for body in script.asked}
        with running(Script()) as other:
            assert identify(other) != first
    assert asked == set(PROMPTS)
    assert all((body["temperature"], body["max_tokens"]) == (0, TOKENS) for body in script.asked)


def replaced(watch: Watch) -> bool:
    try:
        watch.check()
    except GristmillError:
        return True
    return False


def test_a_server_that_another_replaces_is_noticed() -> None:
    script = Script()
    with running(script) as config:
        watch = Watch(config, "", identify(config))
        for _ in range(2 * len(PROMPTS)):
            watch.check()
        before = len(script.asked)
        watch.check()
        assert len(script.asked) == before + 1, "one prompt, not the whole identity"

        script.answers = {PROMPTS[-1]: " another model"}
        with pytest.raises(GristmillError, match=r"server took its place \(it was testers 1\.2, model m"):
            watch.check(whole=True)
        noticed = [turn for turn in PROMPTS if replaced(watch)]
        assert len(noticed) == 1, "whichever prompt tells them apart, its turn comes"
        script.answers = {}
        watch.check(whole=True)
        script.listed["root"] = "/other/weights"
        with pytest.raises(GristmillError, match="took its place"):
            watch.check(whole=True)


def test_a_chat_server_is_told_from_one_that_is_silent() -> None:
    for script in (Script(choice={"text": None}), Script(choice={"text": None, "message": {"content": "hi"}})):
        with running(script) as config, pytest.raises(GristmillError, match=r"text is null.*only chat.*--backend hf"):
            identify(config)
    with running(Script(status=404)) as config, pytest.raises(GristmillError, match=r"status 404.*llama-server"):
        identify(config)


def test_what_a_server_counts_while_it_runs_is_no_part_of_its_identity() -> None:
    script = Script(pages={"/props": LLAMA, "/get_server_info": SGLANG})
    with running(script) as config:
        first = identify(config)
        script.listed["created"] = 2
        busy = LLAMA | {"total_slots": 5, "default_generation_settings": {"is_processing": True} | {"id": 7}}
        busy["default_generation_settings"] |= {"params": {"min_p": 0.05}}
        script.pages = {"/props": busy, "/get_server_info": SGLANG | {"internal_states": [{"load": 2}]}}
        assert identify(config) == first
        assert identify(config.model_copy(update={"url": config.url + "/", "concurrency": 2})) == first


def test_an_identity_reads_as_what_it_is() -> None:
    with running(Script(pages={"/get_server_info": SGLANG})) as config:
        found = identify(config)
    assert found.startswith("testers 0.5, model m, bfloat16, fp8, identity ")
    assert "127.0.0.1" not in found


@pytest.mark.parametrize(("status", "words"), [(401, "set OPENAI_API_KEY"), (503, "the server is not ready")])
def test_a_server_that_lists_nothing_yet_is_no_server_without_models(status: int, words: str) -> None:
    with running(Script(lists=status)) as config, pytest.raises(GristmillError, match=words):
        identify(config)
    with running(Script(lists=404)) as config:
        assert ", model named, " in identify(config.model_copy(update={"model": "named"}))


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[1, 2]", b'{"data": null}', b"<html>", b"\xff"])
def test_a_list_of_models_that_says_nothing_is_no_traceback(body: bytes) -> None:
    with running(Script(list_body=body)) as config:
        with pytest.raises(UsageError, match="name the model to ask with --model"):
            identify(config)
        assert ", model named, " in identify(config.model_copy(update={"model": "named"}))


@pytest.mark.parametrize("body", [b"\x1f\x8bdamaged", gzip.compress(bytes(1 << 20))], ids=["damaged", "of a megabyte"])
def test_a_list_of_models_that_cannot_be_unpacked_is_said(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completions, "LARGEST", 1 << 16)
    script = Script(list_body=body, list_headers={"Content-Encoding": "gzip"})
    with running(script) as config, pytest.raises(GristmillError, match="its list of models cannot be read"):
        identify(config)


def test_nothing_that_a_server_says_steers_a_terminal() -> None:
    script = Script(listed={"id": "\x1b[2Jm\n", "owned_by": "\x1b[31mevil\n" * 100}, finish="\x1b[1mabort")
    with running(script) as config:
        with pytest.raises(GristmillError) as told:
            identify(config)
        assert str(told.value).isprintable()
        with pytest.raises(UsageError) as told_too:
            identify(config.model_copy(update={"model": "other"}))
        assert str(told_too.value).isprintable()
        script.finish = "stop"
        found = identify(config)
    assert found.isprintable()
    assert len(found) < 700


def test_a_server_that_does_not_answer_the_fixed_prompts_is_asked_nothing_else() -> None:
    with running(Script(finish="abort")) as config, pytest.raises(GristmillError, match="the finish reason is abort"):
        identify(config)


def test_the_models_of_a_run_notice_it_too() -> None:
    script = Script()
    with running(script) as config, Models(BackendSettings(name=config.url)) as models:
        models.still(whole=False)
        script.text = " of another model"
        with pytest.raises(GristmillError, match="server took its place"):
            models.still(whole=False)
    Models(BackendSettings()).still(whole=True)  # what runs here cannot be replaced
