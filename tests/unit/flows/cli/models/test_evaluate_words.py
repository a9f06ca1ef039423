"""The words of ``gristmill evaluate``: which suites are meant, and where their data is looked for."""

import json
from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.evals.suites.settings import own_suites
from gristmill.evals.suites.suite import load_suite
from gristmill.flows.checks import data_folders
from gristmill.flows.cli.models.means import as_means, as_submission
from gristmill.flows.cli.models.submit import submit
from gristmill.flows.cli.service.dashboard import existing_folder, server_address
from gristmill.flows.evaluate.flow import settings_for
from gristmill.flows.evaluate.measuring import each_once
from gristmill.flows.settings import load_pipeline
from gristmill.schemas.evaluation import BackendSettings, EvaluationMeans
from gristmill.schemas.submission import Submission


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").touch()
    return tmp_path


def test_a_limit_becomes_part_of_the_name_of_each_suite(checkpoint: Path) -> None:
    assert as_submission(checkpoint, ["mmlu", "boolq@9"], "", 50).suites == ["mmlu@50", "boolq@50"]
    assert as_submission(checkpoint, ["mmlu", "boolq@9"], "").suites == ["mmlu", "boolq@9"]
    with pytest.raises(UsageError, match=r"there is no suite 'mlu@5' .did you mean"):
        as_submission(checkpoint, ["mlu@5"], "")


def test_a_name_that_cannot_be_shown_is_refused(checkpoint: Path) -> None:
    joined = "پرونده\u200cها 👩\u200d💻"
    assert as_submission(checkpoint, ["mmlu"], joined).label == joined
    with pytest.raises(UsageError, match=r"label: .* holds '\\x07', which cannot be shown"):
        as_submission(checkpoint, ["mmlu"], "a\x07b")
    with pytest.raises(UsageError, match=r"model: .* holds '\\u202e'"):
        as_means(None, False, None, "http://h/v1", "a\u202eb", "float32", 1)


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
    means = EvaluationMeans(accept_licences=("Ours",))
    asked = ["./mine.yaml", "boolq", "mine.yaml@7"]
    assert as_submission(checkpoint, asked, "", None, means).suites == [str(mine), "boolq", f"{mine}@7"]
    assert as_submission(checkpoint, asked, "", 9, means).suites == [f"{mine}@9", "boolq@9"]
    with pytest.raises(UsageError, match="--accept-licence Ours"):
        as_submission(checkpoint, ["mine.yaml"], "")
    with pytest.raises(UsageError, match=r"none.yaml: there is no such file"):
        as_submission(checkpoint, ["none.yaml@3"], "")
    pipeline = tmp_path / "run.yaml"
    pipeline.write_text(
        "curate: {source: s, inputs: [a]}\nevaluate: {suites: [our suites/mine.yaml@7, boolq, ../other.yml]}\n",
        encoding="utf-8",
    )
    assert load_pipeline(pipeline).evaluate.suites == (f"{mine}@7", "boolq", str(tmp_path.parent / "other.yml"))


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
    with pytest.raises(UsageError) as refused:
        submit(checkpoint, ["gristmill-reading", "c3@9"], lake=lake)
    assert str(refused.value) == str(told.value)
    monkeypatch.setenv("GRISTMILL_VLLM", str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"there is no vLLM environment at .*make vllm"):
        submit(checkpoint, ["gristmill-reading"], backend="vllm", lake=lake)
    with pytest.raises(UsageError, match="no user or password in the address"):
        submit(checkpoint, ["gristmill-reading"], backend="http://me:secret@models.example/v1", lake=lake)
    with pytest.raises(UsageError, match="there is no such folder"):
        submit(checkpoint, ["gristmill-reading"], data=tmp_path / "no data", lake=lake)
    assert not lake.exists()


def test_what_is_handed_in_is_what_is_evaluated(checkpoint: Path, tmp_path: Path) -> None:
    """The flags, as a submission, as the parameters of a flow run, as the settings of the evaluation."""
    means = as_means(
        tmp_path, True, ["LicenseRef-C3-non-commercial-research"], "http://h/v1", "m", "bfloat16", 2, fresh=True
    )
    submission = as_submission(checkpoint, ["c3", "boolq"], "mine", 9, means)
    sent = Submission.model_validate(json.loads(submission.model_dump_json()))
    settings = settings_for(sent)
    assert settings.suites == ("c3@9", "boolq@9")
    assert (settings.data, settings.download, settings.fresh) == (str(tmp_path), True, True)
    assert settings.accept_licences == ("LicenseRef-C3-non-commercial-research",)
    assert settings.backend == BackendSettings(name="http://h/v1", model="m", dtype="bfloat16", threads=2)


def test_only_addresses_are_listed_as_servers_and_only_folders_as_roots(tmp_path: Path) -> None:
    assert existing_folder(tmp_path / "..") == tmp_path.parent
    with pytest.raises(UsageError, match=r"--root .* there is no such folder"):
        existing_folder(tmp_path / "none")
    assert server_address("https://models.example/v1/") == "https://models.example/v1"
    for word in ("vllm", "models.example", "http://", "http://models.example/v1?key=secret", "http://h:99999/v1"):
        with pytest.raises(UsageError, match="--server"):
            server_address(word)


def test_without_a_suite_those_that_need_no_data_are_run(checkpoint: Path) -> None:
    assert as_submission(checkpoint, None, "").suites == own_suites()


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
