"""Settings of a verb: an option counts before ``--set``, that before ``--config``, and that before the default."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from gristmill.core.config import Config, Size
from gristmill.core.errors import UsageError
from gristmill.core.flag import Flag
from gristmill.core.lake import Lake
from gristmill.evals.exchange.settings import ExportSettings
from gristmill.evals.load_test.settings import LoadTestSettings
from gristmill.evals.scoring.settings import GradeSettings, RegradeSettings
from gristmill.flows.cli.app import app as gristmill
from gristmill.flows.cli.classifier.settings import (
    ClassifierScoreSettings,
    ClassifierTrainSettings,
    place_classifier,
)
from gristmill.flows.cli.flags import field_options, with_settings
from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.pipeline.settings import DemoSettings
from gristmill.flows.curate.preflight_settings import PreflightSettings
from gristmill.flows.curate.settings import CurateSettings, place_curation
from gristmill.flows.evaluate.settings import CheckpointSettings, ContaminationSettings, place_contamination
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.train.settings import TrainSettings
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap


class Sieve(Config):
    """The mesh of a mill; off by default."""

    mesh: Annotated[int, Flag("--mesh"), Field(ge=2, le=9, description="Holes an inch.")] = 5
    rim: str = "iron"


class Mill(Config):
    """A mill."""

    grain: Annotated[str, Flag("--grain"), Field(description="What is milled.")]
    sacks: Annotated[tuple[str, ...], Flag("--sack"), Field(description="Where it comes from.")] = ("first",)
    speed: Annotated[float, Flag("--speed"), Field(gt=0, description="Turns a minute.")] = 60.0
    stone: Annotated[Literal["granite", "basalt"], Flag("--stone", "granite or basalt.")] = "granite"
    hopper: Annotated[Size, Flag("--hopper"), Field(description="Size of the hopper.")] = 8 << 20
    dry: Annotated[bool, Flag("--dry"), Field(description="Without water.")] = False
    miller: Annotated[str, Flag("--miller", env="TEST_MILLER"), Field(description="Who mills.")] = "nobody"
    sieve: Sieve | None = None
    depth: int = 3


milled: list[Mill] = []
app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


def mill(context: typer.Context, label: Annotated[str, typer.Option(help="A name.")] = "ours") -> None:
    """Mill."""
    assert label == "ours"
    milled.append(settings_of(context, Mill))


app.command(cls=with_settings(lambda: Mill))(mill)


def run(*words: str, env: dict[str, str] | None = None) -> Mill:
    """The settings that these words give. Raises what the verb raises."""
    milled.clear()
    result = CliRunner().invoke(app, words, env=env)
    if isinstance(result.exception, UsageError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return milled[0]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "mill.yaml"
    path.write_text("grain: rye\nspeed: 10\nsieve: {mesh: 3, rim: brass}\ndepth: 4\n", encoding="utf-8")
    return str(path)


def test_what_is_not_given_has_the_default_of_the_model() -> None:
    assert run("--grain", "rye") == Mill(grain="rye")


def test_an_option_counts_before_set_before_the_file_before_the_default(config: str) -> None:
    assert run("--config", config) == Mill(grain="rye", speed=10, sieve=Sieve(mesh=3, rim="brass"), depth=4)
    found = run("--config", config, "--set", "speed=20", "--set", "depth=5", "--set", "sieve.mesh=4")
    assert found == Mill(grain="rye", speed=20, sieve=Sieve(mesh=4, rim="brass"), depth=5)
    found = run("--config", config, "--set", "speed=20", "--set", "sieve.mesh=4", "--speed", "30", "--mesh", "6")
    assert found == Mill(grain="rye", speed=30, sieve=Sieve(mesh=6, rim="brass"), depth=4)


def test_an_option_that_repeats_the_default_still_counts(config: str) -> None:
    assert run("--config", config, "--speed", "60").speed == 60


def test_the_environment_stands_in_for_the_default_alone(tmp_path: Path) -> None:
    named = tmp_path / "named.yaml"
    named.write_text("miller: filed\n", encoding="utf-8")
    outside = {"TEST_MILLER": "outside"}
    assert run("--grain", "rye", env=outside).miller == "outside"
    assert run("--grain", "rye", "--config", str(named), env=outside).miller == "filed"
    assert run("--grain", "rye", "--set", "miller=set", env=outside).miller == "set"
    assert run("--grain", "rye", "--miller", "flag", env=outside).miller == "flag"


def test_values_of_set_are_yaml() -> None:
    words = ("--set", "grain=rye", "--set", "sacks=[a, b]", "--set", "hopper=1MiB", "--set", "sieve={mesh: 7}")
    found = run(*words, "--set", "dry=true")
    assert found == Mill(grain="rye", sacks=("a", "b"), hopper=1 << 20, sieve=Sieve(mesh=7), dry=True)


def test_a_part_that_is_off_by_default_is_turned_on_by_its_option() -> None:
    assert run("--grain", "rye").sieve is None
    assert run("--grain", "rye", "--mesh", "4").sieve == Sieve(mesh=4)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "spede=3"), r'--set: spede: unknown key \(did you mean "speed"\?\)'),
        (("--set", "sieve.mehs=3"), r'--set: sieve.mehs: unknown key \(did you mean "mesh"\?\)'),
        (("--set", "sieve={mehs: 3}"), r'--set: sieve.mehs: unknown key \(did you mean "mesh"\?\)'),
        (("--set", "speed"), "write KEY=VALUE"),
        (("--set", "speed=[1"), "this is not YAML"),
        (("--set", "speed=-1"), "mill: speed: Input should be greater than 0"),
        (("--set", "speed.most=1"), "mill: speed: Input should be a valid number"),
        (("--set", "sacks={a: 8}"), r"mill: sacks: this must be a list, such as \[a, b\]"),
        (("--set", "sieve=7"), r"mill: sieve: this must be keys and values"),
        (("--stone", "chalk"), "mill: stone: Input should be 'granite' or 'basalt'"),
    ],
)
def test_wrong_settings_are_usage_errors_that_say_where(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        run("--grain", "rye", *words)


def test_a_wrong_file_is_named_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "mill.yaml"
    for text, told in (
        ("grain: rye\nsieve: {mehs: 3}\n", r'mill\.yaml: sieve\.mehs: unknown key \(did you mean "mesh"\?\)'),
        ("- grain\n", r"mill\.yaml: this file has no settings"),
        ("grain: [", r"mill\.yaml: this is not YAML"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=told):
            run("--config", str(path))
    with pytest.raises(UsageError, match="there is no such file"):
        run("--config", str(tmp_path / "none.yaml"))


def test_what_is_required_is_missed_where_nothing_gives_it(config: str) -> None:
    missing = CliRunner().invoke(app, [])
    assert missing.exit_code == 2
    assert "Missing option '--grain'" in missing.output
    assert run("--set", "grain=oats").grain == "oats"
    assert run("--config", config).grain == "rye"


def test_help_says_types_bounds_and_defaults_of_the_model() -> None:
    shown = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output.split())
    for told in (
        "--grain <str> What is milled. [required]",
        "--sack <list[str]> Where it comes from.",
        "--speed <float> Turns a minute. [default: 60.0]",
        "--stone <str> granite or basalt. [default: granite]",
        "--hopper <str> Size of the hopper. [default: 8MiB]",
        "--dry Without water.",
        "[env var: TEST_MILLER; default: nobody]",
        "--mesh <int range> Holes an inch. [2<=x<=9]",
        "--config <path>",
        "--set KEY=VALUE",
        "--label <str>",
        "--help",
    ):
        assert told in shown
    assert "rim" not in shown


def test_inputs_and_policies_of_a_file_are_relative_to_it() -> None:
    given: dict[str, Any] = {"inputs": ["a.warc.gz", "s3://b/c"], "policy": "mine.yaml", "source": "s"}
    placed = place_curation(given, Path("/runs"))
    assert placed == {"inputs": ("/runs/a.warc.gz", "s3://b/c"), "policy": "/runs/mine.yaml", "source": "s"}
    assert place_curation({"policy": "fineweb", "inputs": 3}, Path("/runs")) == {"policy": "fineweb", "inputs": 3}


def test_curate_refuses_a_wrong_key_and_takes_its_settings_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "curate.yaml"
    path.write_text("source: news\ninputs: [none.warc.gz]\n", encoding="utf-8")
    words = ["curate", "--lake", str(tmp_path / "lake"), "--config", str(path)]
    wrong = CliRunner().invoke(gristmill, [*words, "--set", "dedup.treshold=0.5"])
    assert isinstance(wrong.exception, UsageError)
    assert 'dedup.treshold: unknown key (did you mean "threshold"?)' in str(wrong.exception)
    found = CliRunner().invoke(gristmill, words)
    assert isinstance(found.exception, UsageError)
    assert f"{tmp_path / 'none.warc.gz'}: there is no" in str(found.exception)


def test_a_method_alone_is_a_mixture_and_one_named_twice_is_one() -> None:
    found = MixSettings.parse({"mixtures": ["uniform", "doremi", "uniform"]}, "mix").mixtures
    assert [(mixture.name, mixture.method) for mixture in found] == [("uniform", "uniform"), ("doremi", "doremi")]
    own = {"name": "ours", "method": "weights", "weights": {"news": 1.0}}
    mixed = MixSettings.parse({"mixtures": [own, "uniform"]}, "mix").mixtures
    assert [mixture.name for mixture in mixed] == ["ours", "uniform"]
    with pytest.raises(
        UsageError, match=r"""mix: mixtures\.0\.method: there is no 'doremy' \(did you mean "doremi"\?\)$"""
    ):
        MixSettings.parse({"mixtures": ["doremy"]}, "mix")


@pytest.mark.parametrize("verb", ["mix", "train"])
def test_mix_and_train_take_settings_that_have_no_option(verb: str, tmp_path: Path) -> None:
    Lake.open(tmp_path / "lake")
    words = [verb, "--lake", str(tmp_path / "lake"), "--set", "mixtures=[uniform]"][: 5 if verb == "mix" else 3]
    sound = CliRunner().invoke(gristmill, [*words, "--set", "seed=3"])
    assert isinstance(sound.exception, UsageError)
    assert "the lake" in str(sound.exception)
    wrong = CliRunner().invoke(gristmill, [*words, "--set", "sede=3"])
    assert isinstance(wrong.exception, UsageError)
    assert '--set: sede: unknown key (did you mean "seed"?)' in str(wrong.exception)


def test_a_method_is_a_mixture_of_the_settings_file_by_its_name(tmp_path: Path) -> None:
    Lake.open(tmp_path / "lake")
    path = tmp_path / "mix.yaml"
    path.write_text("mixtures: [{name: ours, method: swarm, options: {kl: -1}}, {name: x, method: uniform}]")
    words = ["mix", "--lake", str(tmp_path / "lake"), "--config", str(path), "--method"]

    def told(*more: str) -> str:
        return str(CliRunner().invoke(gristmill, [*words, *more]).exception)

    assert "mixtures.0.swarm.options.kl" in told("ours")
    assert "mixtures.1.swarm.options.kl" in told("x", "--method", "swarm")
    assert "the lake has no curated source" in told("x")
    assert "there is no 'theirs'" in told("theirs")


def test_mix_needs_a_method() -> None:
    missing = CliRunner().invoke(gristmill, ["mix"])
    assert missing.exit_code == 2
    assert "Missing option '--method'" in missing.output


def test_a_number_shows_its_bounds_where_an_option_can_say_them() -> None:
    shown = " ".join(CliRunner().invoke(gristmill, ["preflight", "--help"], env={"COLUMNS": "200"}).output.split())
    assert "--sample <float range> Share of the records to curate. [default: 0.01; 1e-06<=x<=1]" in shown
    refused = CliRunner().invoke(gristmill, ["preflight", "--input", "x", "--sample", "0"])
    assert refused.exit_code == 2
    assert "Invalid value for '--sample'" in refused.output


def test_a_corpus_with_a_slash_and_the_data_of_a_file_are_relative_to_it() -> None:
    given = {"suites": ["mine.yaml", "mmlu"], "data": "benchmarks", "corpus": ["news", "./a.jsonl", "s3://b/c"]}
    assert place_contamination(given, Path("/runs")) == {
        "suites": ("/runs/mine.yaml", "mmlu"),
        "data": "/runs/benchmarks",
        "corpus": ("news", "/runs/a.jsonl", "s3://b/c"),
    }


def test_contamination_takes_its_settings_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "contamination.yaml"
    path.write_text("suites: [gristmill-reading@3]\ncorpus: [./none.jsonl]\nthreshold: 0.9\n", encoding="utf-8")
    words = ["contamination", "--lake", str(tmp_path / "lake"), "--config", str(path)]
    missing = CliRunner().invoke(gristmill, words)
    assert isinstance(missing.exception, UsageError)
    assert f"{tmp_path / 'none.jsonl'}: there is no" in str(missing.exception)
    for more, told in (
        ("treshold=1", 'treshold: unknown key (did you mean "threshold"?)'),
        ("threshold=2", "equal to"),
    ):
        wrong = CliRunner().invoke(gristmill, [*words, "--set", more])
        assert isinstance(wrong.exception, UsageError)
        assert told in str(wrong.exception)


def test_preflight_looks_at_the_curation_that_its_settings_say(tmp_path: Path) -> None:
    path = tmp_path / "preflight.yaml"
    path.write_text("inputs: [none.jsonl]\npolicy: gopher\nmap: {text: body}\n", encoding="utf-8")
    missing = CliRunner().invoke(gristmill, ["preflight", "--config", str(path), "--set", "sample.files=3"])
    assert isinstance(missing.exception, UsageError)
    assert f"{tmp_path / 'none.jsonl'}: there is no" in str(missing.exception)
    asked = PreflightSettings.parse(
        {"inputs": ["a"], "policy": "gopher", "map": "text=body", "workers": 3}, "preflight"
    )
    wanted = CurateSettings(source="preflight", inputs=("a",), policy="gopher", map=ColumnMap(text="body"), workers=3)
    assert asked.curation() == wanted
    assert set(PreflightSettings.model_fields) - {"sample"} <= set(CurateSettings.model_fields)


@pytest.mark.parametrize(
    "model",
    [
        *(CurateSettings, MixSettings, TrainSettings, CheckpointSettings, ContaminationSettings, PreflightSettings),
        *(GradeSettings, RegradeSettings, LoadTestSettings, ExportSettings, DemoSettings),
        *(ClassifierTrainSettings, ClassifierScoreSettings),
    ],
)
def test_no_two_fields_of_a_model_share_an_option(model: type[Config]) -> None:
    names = [option.flag.name for option in field_options(model)]
    assert names
    assert len(set(names)) == len(names)


def test_a_classifier_is_trained_for_a_share_or_a_precision() -> None:
    texts = {"positive": ["good"], "negative": ["other"], "out": "model", "dim": 8}

    def config(**more: object) -> tuple[str, float, int]:
        found = ClassifierTrainSettings.parse(texts | more, "classifier train").config()
        return found.threshold_by, found.wanted, found.dim

    assert config() == ("keep_share", 0.1, 8)
    assert config(keep_share=0.3, pool=["crawl"]) == ("keep_share", 0.3, 8)
    assert config(precision=0.9) == ("precision", 0.9, 8)
    for more, told in (
        ({"precision": 0.9, "keep_share": 0.1}, "give one of them"),
        ({"precision": 0.9, "pool": ["crawl"]}, "a precision needs labelled texts"),
        ({"precision": 1.5}, "precision: Input should be less than 1"),
    ):
        with pytest.raises(UsageError, match=told):
            config(**more)
    given = {"positive": ["good", "s3://b/c"], "model": "m", "out": "/o", "map": "text=body"}
    placed = {"positive": ("/runs/good", "s3://b/c"), "model": "/runs/m", "out": "/o", "map": "text=body"}
    assert place_classifier(given, Path("/runs")) == placed


def test_fields_inside_a_part_have_options_too() -> None:
    names = [option.flag.name for option in field_options(CurateSettings)]
    assert {"--group-below", "--extractor", "--dedup-lines", "--threshold"} <= set(names)
