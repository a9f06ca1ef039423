"""The words of ``gristmill evaluate``: which suites are meant, and where their data is looked for."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.evals.suites.settings import own_suites
from gristmill.evals.suites.suite import load_suite
from gristmill.flows.checks import data_folders
from gristmill.flows.cli.app import app
from gristmill.flows.cli.models.submission import as_submission
from gristmill.flows.cli.service.dashboard import existing_folder, server_address
from gristmill.flows.evaluate.flow import settings_for
from gristmill.flows.evaluate.measuring import each_once
from gristmill.flows.evaluate.settings import CheckpointSettings
from gristmill.flows.settings import load_pipeline
from gristmill.schemas.evaluation import BackendSettings
from gristmill.schemas.submission import Submission
from gristmill.warehouse.submissions import State


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").touch()
    return tmp_path


def words_of(*suites: str, **more: object) -> CheckpointSettings:
    """The settings that the verbs make of their options."""
    return CheckpointSettings.parse({"suites": suites, **more}, "evaluate")


def refused(*words: str) -> str:
    """What ``gristmill submit`` with these words is refused with."""
    result = CliRunner().invoke(app, ["submit", *words])
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


def test_a_limit_becomes_part_of_the_name_of_each_suite(checkpoint: Path) -> None:
    assert as_submission(checkpoint, words_of("mmlu", "boolq@9", limit=50)).suites == ["mmlu@50", "boolq@50"]
    assert as_submission(checkpoint, words_of("mmlu", "boolq@9")).suites == ["mmlu", "boolq@9"]
    with pytest.raises(UsageError, match=r"there is no suite 'mlu@5' .did you mean"):
        as_submission(checkpoint, words_of("mlu@5"))


def test_a_name_that_cannot_be_shown_is_refused(checkpoint: Path) -> None:
    joined = "پرونده\u200cها 👩\u200d💻"
    assert as_submission(checkpoint, words_of("mmlu", label=joined)).label == joined
    with pytest.raises(UsageError, match=r"label: .* contains '\\x07', which cannot be shown"):
        words_of("mmlu", label="a\x07b")
    with pytest.raises(UsageError, match=r"model: .* contains '\\u202e'"):
        words_of("mmlu", backend={"name": "http://h/v1", "model": "a\u202eb"})


def test_a_suite_of_ones_own_is_a_file_as_seen_from_here(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "our suites").mkdir()
    mine = tmp_path / "our suites" / "mine.yaml"
    mine.write_text(
        "name: mine\narea: mathematics\nabout: Ours.\ndata: {reader: answer-items, files: {items: items.jsonl}}\n"
        'prompt: "{question} ="\ngeneration: {max_new_tokens: 4}\nconventions: [last-number]\nlicence: Ours\n'
        "non_commercial: true\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(mine.parent)
    asked = ("./mine.yaml", "boolq", "mine.yaml@7")
    accepted = words_of(*asked, accept_licences=["Ours"])
    assert as_submission(checkpoint, accepted).suites == [str(mine), "boolq", f"{mine}@7"]
    assert as_submission(checkpoint, words_of(*asked, accept_licences=["Ours"], limit=9)).suites == [
        f"{mine}@9",
        "boolq@9",
    ]
    with pytest.raises(UsageError, match="--accept-licence Ours"):
        as_submission(checkpoint, words_of("mine.yaml"))
    with pytest.raises(UsageError, match=r"none.yaml: there is no such file"):
        as_submission(checkpoint, words_of("none.yaml@3"))
    pipeline = tmp_path / "run.yaml"
    pipeline.write_text(
        "curate: {source: s, inputs: [a]}\n"
        "evaluate: {suites: [our suites/mine.yaml@7, boolq, ../other.yml], data: benchmarks}\n",
        encoding="utf-8",
    )
    loaded = load_pipeline(pipeline).evaluate
    assert loaded.suites == (f"{mine}@7", "boolq", str(tmp_path.parent / "other.yml"))
    assert loaded.data == str(tmp_path / "benchmarks")


def test_two_suites_of_one_name_are_refused_and_one_named_twice_is_one() -> None:
    suite = load_suite("gristmill-reading@3")
    assert each_once([suite, load_suite("gristmill-mathematics"), suite])[0] is suite
    assert len(each_once([suite, suite])) == 1
    other = suite.model_copy(update={"items": suite.items[:2]})
    with pytest.raises(UsageError, match="two suites are called gristmill-reading@3"):
        each_once([suite, other])


def test_what_an_evaluation_would_refuse_is_not_handed_in(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError) as told:
        load_suite("c3")
    lake = tmp_path / "lake"
    words = (str(checkpoint), "--suite", "gristmill-reading", "--lake", str(lake))
    assert refused(*words, "--suite", "c3@9") == str(told.value)
    monkeypatch.setenv("GRISTMILL_VLLM", str(tmp_path / "none"))
    vllm = refused(*words, "--backend", "vllm")
    assert "there is no vLLM environment at" in vllm
    assert "make vllm" in vllm
    assert "must have no user or password in it" in refused(*words, "--backend", "http://me:secret@models.example/v1")
    assert "there is no such folder" in refused(*words, "--data", str(tmp_path / "no data"))
    assert not lake.exists()


def test_what_is_handed_in_is_what_is_evaluated(checkpoint: Path, tmp_path: Path) -> None:
    """The flags, as a submission, as the parameters of a flow run, as the settings of the evaluation."""
    backend = {"name": "http://h/v1", "model": "m", "dtype": "bfloat16", "threads": 2}
    asked = words_of(
        "c3",
        "boolq",
        label="mine",
        limit=9,
        data=str(tmp_path),
        download=True,
        accept_licences=["LicenseRef-C3-non-commercial-research"],
        fresh=True,
        backend=backend,
    )
    submission = as_submission(checkpoint, asked)
    sent = Submission.model_validate(json.loads(submission.model_dump_json()))
    settings = settings_for(sent)
    assert settings.suites == ("c3@9", "boolq@9")
    assert (settings.data, settings.download, settings.fresh) == (str(tmp_path), True, True)
    assert settings.accept_licences == ("LicenseRef-C3-non-commercial-research",)
    assert settings.backend == BackendSettings(name="http://h/v1", model="m", dtype="bfloat16", threads=2)


def test_evaluate_and_submit_take_their_settings_from_a_file_and_from_set(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    file = tmp_path / "evaluate.yaml"
    filed = {"suites": ["gristmill-reading@3"], "data": "benchmarks", "backend": {"threads": 4}, "label": "filed"}
    file.write_text(yaml.safe_dump(filed), encoding="utf-8")
    lake = tmp_path / "lake"
    words = [str(checkpoint), "--config", str(file), "--lake", str(lake)]
    result = CliRunner().invoke(
        app, ["submit", *words, "--set", "backend.dtype=bfloat16", "--set", "label=set", "--label", "mine", "--json"]
    )
    assert result.exit_code == 0, result.output
    (stored,) = State(lake).submissions()
    assert (stored.label, stored.suites) == ("mine", ["gristmill-reading@3"])
    assert stored.data == str(tmp_path / "benchmarks")
    assert stored.backend == BackendSettings(dtype="bfloat16", threads=4)
    for verb in ("evaluate", "submit"):
        wrong = CliRunner().invoke(app, [verb, *words, "--set", "backend.thread=2"])
        assert isinstance(wrong.exception, UsageError)
        assert 'backend.thread: unknown key (did you mean "threads"?)' in str(wrong.exception)


def test_only_addresses_are_listed_as_servers_and_only_folders_as_roots(tmp_path: Path) -> None:
    assert existing_folder(tmp_path / "..") == tmp_path.parent
    with pytest.raises(UsageError, match=r"--root .* there is no such folder"):
        existing_folder(tmp_path / "none")
    assert server_address("https://models.example/v1/") == "https://models.example/v1"
    for word in ("vllm", "models.example", "http://", "http://models.example/v1?key=secret", "http://h:99999/v1"):
        with pytest.raises(UsageError, match="--server"):
            server_address(word)


def test_without_a_suite_those_that_need_no_data_are_run(checkpoint: Path) -> None:
    assert as_submission(checkpoint, CheckpointSettings()).suites == own_suites()


def test_data_is_looked_for_where_the_user_says_and_then_in_the_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.open(tmp_path / "lake")
    downloaded = lake.root / "benchmarks"
    monkeypatch.delenv("GRISTMILL_DATA", raising=False)
    assert data_folders("", lake) == [downloaded]
    monkeypatch.setenv("GRISTMILL_DATA", str(tmp_path / "all"))
    assert data_folders("", lake) == [tmp_path / "all", downloaded]
    assert data_folders(str(tmp_path / "named"), lake) == [tmp_path / "named", downloaded]
