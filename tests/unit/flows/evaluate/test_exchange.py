"""Results leave in a form that the schema of Every Eval Ever admits, and lm-eval's results come in with its values."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.evals.exchange.lm_eval_results import read_results
from gristmill.evals.exchange.settings import Provenance
from gristmill.evals.generation.costs import per_correct
from gristmill.flows.cli.app import app
from gristmill.flows.evaluate.exchange import export_every_eval_ever, import_lm_eval
from gristmill.schemas.tables import EvalRuns, Responses, Samples, Scores
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from tests.helpers.small_evaluation import EXTERNAL, answer_all
from tests.helpers.small_lake import doc_id

# The schemas at commit 9bce4136 of evaleval/every_eval_ever, version 0.3.0; their licence lies beside them.
SCHEMAS = Path(__file__).parents[3] / "golden" / "every_eval_ever"
DATE = "2026-01-21T03-44-18.458309"


def admits(name: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")))


def faults(validator: jsonschema.Draft7Validator, document: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def exported(lake: Lake, name: str, file: Path, suites: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """Export with the answers; both files are held against their schemas."""
    provenance = Provenance(developer="Ours", organization="Ours", **more)
    warehouse = Warehouse.open(lake.root)
    written = export_every_eval_ever(warehouse, name, file, provenance, suites, samples=True)
    assert written == [file, file.with_name(f"{file.stem}_samples.jsonl")]
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert faults(admits("eval"), document) == []
    records = [json.loads(line) for line in written[1].read_text(encoding="utf-8").splitlines()]
    one = admits("instance_level_eval")
    assert [fault for record in records for fault in faults(one, record)] == []
    assert document["detailed_evaluation_results"]["total_rows"] == len(records)
    return document | {"records": records}


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake.open(tmp_path_factory.mktemp("exchange") / "lake")
    answer_all(lake)
    publish(lake)
    return lake


def test_every_score_of_a_checkpoint_is_exported_with_its_error_bar(answered: Lake, tmp_path: Path) -> None:
    checkpoint = doc_id("doremi 300")
    found = exported(answered, checkpoint, tmp_path / "out.json", model_id="ours/model")
    sql = "SELECT suite, convention, metric, subset, value, low, high, n FROM scores WHERE checkpoint = ?"
    scores = {
        "/".join((row["suite"], row["convention"], row["metric"], row["subset"])): row
        for row in Warehouse.open(answered.root).query(sql, [checkpoint])
    }
    results = {result["evaluation_result_id"]: result for result in found["evaluation_results"]}
    assert len(results) == len(found["evaluation_results"])
    assert results.keys() == scores.keys()
    for id, result in results.items():
        details = result["score_details"]
        interval = details["uncertainty"]["confidence_interval"]
        wanted = scores[id]
        assert (details["score"], interval["lower"], interval["upper"]) == (
            wanted["value"],
            wanted["low"],
            wanted["high"],
        )
        assert details["uncertainty"]["num_samples"] == wanted["n"]
        assert result["metric_config"]["lower_is_better"] == (wanted["metric"] == "bits_per_byte")
    assert found["model_info"]["id"] == "ours/model"
    assert found["model_info"]["additional_details"]["checkpoint"] == checkpoint


def test_an_answer_is_a_record_of_the_score_it_belongs_to(answered: Lake, tmp_path: Path) -> None:
    """Joined by the id of the result, the records' mean is the score; machine failures are no records."""
    found = exported(answered, doc_id("natural 100"), tmp_path / "out.json", ["reading"])
    assert {result["source_data"]["dataset_name"] for result in found["evaluation_results"]} == {"reading"}
    for result in found["evaluation_results"]:
        records = [
            record for record in found["records"] if record["evaluation_result_id"] == result["evaluation_result_id"]
        ]
        values = [record["evaluation"]["score"] for record in records]
        if result["metric_config"]["additional_details"]["subset"] == "all" and values:
            assert sum(values) / len(values) == pytest.approx(result["score_details"]["score"])
    assert found["records"]
    with pytest.raises(UsageError, match=r"no results on 'mmlu'\. It has: exam-zh, reading"):
        exported(answered, EXTERNAL, tmp_path / "no.json", ["mmlu"])


def test_the_schema_would_refuse_what_is_wrong(answered: Lake, tmp_path: Path) -> None:
    """The control: the validator that admits our files is no rubber stamp."""
    document = exported(answered, EXTERNAL, tmp_path / "out.json")
    document.pop("records")
    del document["evaluation_results"][0]["metric_config"]["max_score"]
    document["detailed_evaluation_results"]["file_path"] = "/elsewhere"
    assert len(faults(admits("eval"), document)) == 2


def test_cost_of_a_correct_answer() -> None:
    assert per_correct(20, 1800.0, 50_000, hour=2.0) == pytest.approx(2.0 * 0.5 / 20)
    assert per_correct(20, 1800.0, 50_000, million=4.0) == pytest.approx(4.0 * 0.05 / 20)
    assert per_correct(0, 1800.0, 50_000, hour=2.0) is None
    assert per_correct(20, None, 50_000, hour=2.0) is None
    assert per_correct(20, 1800.0, 50_000) is None


def written_answer(number: int, chosen: str, right: float) -> dict[str, Any]:
    return {
        "doc_id": number,
        "doc": {"question": f"Q{number}"},
        "target": str(number),
        "arguments": {"gen_args_0": {"arg_0": f"Question {number}\nAnswer:", "arg_1": {"until": ["\n"]}}},
        "resps": [[f" it is {number}", f" {number}"]],
        "filtered_resps": [str(number)],
        "filter": chosen,
        "metrics": ["exact_match"],
        "exact_match": right,
    }


def choice(number: int, right: float, normalised: float) -> dict[str, Any]:
    options = {f"gen_args_{place}": {"arg_0": f"Q{number}:", "arg_1": f" {text}"} for place, text in enumerate("ab")}
    resps = [[["-1.5", "True"]], [["-2.25", "False"]]]
    metrics = {"acc": right, "acc_norm": normalised}
    return {"doc_id": number, "target": 0, "arguments": options, "resps": resps, "filter": "none", **metrics}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Files as lm-eval 0.4 writes them."""
    written = [
        written_answer(n, chosen, float(n % (2 if chosen == "strict-match" else 1) == 0))
        for n in range(8)
        for chosen in ("strict-match", "flexible-extract")
    ]
    choices = [choice(n, float(n < 3), float(n < 6)) for n in range(10)]
    for task, lines in (("gsm8k", written), ("race", choices)):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / f"samples_{task}_{DATE}.jsonl").write_text(text, encoding="utf-8")
    values = {
        "gsm8k": {
            "alias": "gsm8k",
            "exact_match,strict-match": 0.5,
            "exact_match_stderr,strict-match": 0.19,
            "exact_match,flexible-extract": 1.0,
            "exact_match_stderr,flexible-extract": 0.0,
        },
        "race": {"acc,none": 0.3, "acc_stderr,none": 0.15, "acc_norm,none": 0.6, "acc_norm_stderr,none": 0.16},
        "wikitext": {"word_perplexity,none": 12.5, "word_perplexity_stderr,none": "N/A"},
        "boolq": {"acc,none": 0.7, "acc_stderr,none": 0.02},
        "board": {"acc,none": 0.5, "acc_stderr,none": 0.01},
    }
    better = {"gsm8k": {"exact_match": True}, "race": {"acc": True, "acc_norm": True}}
    file = {
        "results": values,
        "group_subtasks": {"board": ["race"], "gsm8k": []},
        "configs": {"gsm8k": {"num_fewshot": 5}},
        "versions": {"gsm8k": 3.0},
        "higher_is_better": better,
        "n-samples": {"boolq": {"original": 3270, "effective": 500}},
        "config": {"model": "hf", "model_args": "pretrained=ours/tiny,dtype=float32", "batch_size": "16"},
        "git_hash": "1f84a09f",
    }
    path = tmp_path / f"results_{DATE}.json"
    path.write_text(json.dumps(file), encoding="utf-8")
    return path


def test_lm_evals_results_become_tables(results: Path) -> None:
    found = read_results(results)
    scores = {(row["suite"], row["convention"]): row for row in found.tables[Scores].to_pylist()}
    assert {key: row["value"] for key, row in scores.items()} == {
        ("lm-eval.gsm8k", "lm-eval:strict-match"): 0.5,
        ("lm-eval.gsm8k", "lm-eval:flexible-extract"): 1.0,
        ("lm-eval.race", "lm-eval:none.acc"): 0.3,
        ("lm-eval.race", "lm-eval:none.acc_norm"): 0.6,
        ("lm-eval.boolq", "lm-eval:none"): 0.7,
    }
    perfect = scores["lm-eval.gsm8k", "lm-eval:flexible-extract"]
    assert (perfect["low"] < 1.0, perfect["high"], perfect["method"]) == (True, 1.0, "Wilson score interval")
    boolq = scores["lm-eval.boolq", "lm-eval:none"]
    assert (boolq["low"], boolq["high"]) == pytest.approx((0.7 - 1.96 * 0.02, 0.7 + 1.96 * 0.02), abs=1e-6)
    assert (boolq["n"], boolq["method"]) == (500, "lm-eval's standard error, normal")
    assert [row["convention"] for row in scores.values() if row["headline"]] == [
        "lm-eval:none",
        "lm-eval:strict-match",
        "lm-eval:none.acc",
    ]
    assert [line.partition(":")[0] for line in found.left_out] == ["board", "wikitext, word_perplexity,none"]
    assert found.tables[Samples].num_rows == 8 * 2 + 10 * 2

    answers = found.tables[Responses].to_pylist()
    first = [row for row in answers if row["suite"] == "lm-eval.gsm8k" and row["item"].startswith("3-")]
    assert [(row["repeat"], row["text"], row["finish"]) for row in first] == [(0, " it is 3", "end"), (1, " 3", "end")]
    options = [row for row in answers if (row["suite"], row["item"]) == ("lm-eval.race", "3")]
    assert [(row["part"], row["text"], row["log_probability"], row["greedy"]) for row in options] == [
        (0, " a", -1.5, True),
        (1, " b", -2.25, False),
    ]
    runs = found.tables[EvalRuns].to_pylist()
    assert {(row["label"], row["run"]) for row in runs} == {("ours/tiny", "imported")}
    assert runs[0]["backend"].startswith("lm-eval git 1f84a09f: model hf, model_args pretrained=ours/tiny")


def test_imported_results_are_kept_published_and_can_be_exported(results: Path, tmp_path: Path) -> None:
    """Imported again, nothing doubles; another file of the same model adds its suites."""
    lake = Lake.open(tmp_path / "lake")
    import_lm_eval([results], "mine", lake)
    more = json.loads(results.read_text(encoding="utf-8"))
    more["results"] = {"piqa": {"acc,none": 0.6, "acc_stderr,none": 0.05}}
    other = results.with_name("results_later.json")
    other.write_text(json.dumps(more), encoding="utf-8")
    import_lm_eval([results, other], "mine", lake)
    rows = Warehouse.open(lake.root).query("SELECT suite, count(*) AS n FROM scores GROUP BY suite ORDER BY suite")
    assert {row["suite"]: row["n"] for row in rows} == {
        "lm-eval.boolq": 1,
        "lm-eval.gsm8k": 2,
        "lm-eval.piqa": 1,
        "lm-eval.race": 2,
    }
    found = exported(lake, "mine", tmp_path / "out.json")
    assert found["model_info"]["additional_details"]["deployment_type"] == "unknown"
    assert len(found["records"]) == 8 * 2 + 10 * 2


def test_the_command_line_takes_in_and_gives_out(results: Path, tmp_path: Path) -> None:
    lake, out = str(tmp_path / "lake"), tmp_path / "out.json"
    taken = CliRunner().invoke(app, ["import-results", str(results), "--label", "theirs", "--lake", lake, "--json"])
    assert taken.exit_code == 0, taken.output
    found = json.loads(taken.stdout)
    assert (len(found["scores"]), len(found["left_out"])) == (5, 2)
    words = ["export", "theirs", str(out), "--suite", "lm-eval.race", "--price-million", "2", "--lake", lake, "--json"]
    given = CliRunner().invoke(app, words)
    assert given.exit_code == 0, given.output
    assert json.loads(given.stdout) == {"files": [str(out)]}
    document = json.loads(out.read_text(encoding="utf-8"))
    assert (faults(admits("eval"), document), len(document["evaluation_results"])) == ([], 2)
    wrong = CliRunner().invoke(app, ["export", "theirs", str(out), "--format", "every-eval", "--lake", lake])
    assert isinstance(wrong.exception, UsageError)
    assert "export: format: Input should be 'every-eval-ever'" in str(wrong.exception)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
        ("{}", "not an lm-eval results file"),
        ('{"results": {}, "config": {}}', "no score.*No metric has a number"),
        ('{"results": {"boolq": [1]}, "config": {}}', "'boolq' has no metrics by name"),
        ('{"results": {"boolq": {"acc,none": NaN}}, "config": {}}', "boolq, acc,none: its value is nan, which is no"),
    ],
)
def test_other_files_are_refused(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "results_x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=reason):
        read_results(path)
    with pytest.raises(UsageError, match="no such file"):
        read_results(tmp_path / "none.json")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_left_out_and_said(results: Path, value: float) -> None:
    """lm-eval writes NaN and Infinity, for scores, samples and log-likelihoods."""
    file = json.loads(results.read_text(encoding="utf-8"))
    file["results"]["boolq"]["acc,none"] = value
    results.write_text(json.dumps(file), encoding="utf-8")
    samples = results.with_name(f"samples_race_{DATE}.jsonl")
    lines = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    lines[0] |= {"acc": value, "resps": [[[str(value), "False"]], [["-2.25", "False"]]]}
    samples.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    found = read_results(results)

    assert f"boolq, acc,none: its value is {value}, which is not a score" in found.left_out
    assert "lm-eval.boolq" not in found.tables[Scores]["suite"].to_pylist()
    numbers = [*found.tables[Samples]["value"].to_pylist(), *found.tables[Responses]["log_probability"].to_pylist()]
    assert all(number is None or math.isfinite(number) for number in numbers)


def test_one_number_of_two_documents_is_two_items(results: Path) -> None:
    """A filter, or a shuffle, gives the numbers of a task to other documents."""
    whole = set(read_results(results).tables[Samples]["item"].to_pylist())
    samples = results.with_name(f"samples_gsm8k_{DATE}.jsonl")
    lines = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line["doc"] = {"question": f"Q{(line['doc_id'] + 1) % 8}"} if line["doc_id"] else line["doc"]
    samples.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    moved = {item for item in read_results(results).tables[Samples]["item"].to_pylist() if "-" in item}
    assert len(moved) == 8
    assert [item for item in moved & whole if "-" in item] == [next(item for item in whole if item.startswith("0-"))]
