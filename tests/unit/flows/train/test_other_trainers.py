"""Another trainer from its recipe to admitted checkpoints, with a script in the place of the trainer."""

import json
import shlex
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.cli.app import app
from gristmill.flows.cli.data.tokens import FormatName
from gristmill.flows.cli.models.train_scores import pairs
from gristmill.flows.mix.tokens import export_mixture
from gristmill.flows.reporter import Meter
from gristmill.flows.train.command_step import command_step, unconverted
from gristmill.flows.train.commands import CommandRun, named, prepare_commands
from gristmill.flows.train.planning import check_training, mix_for
from gristmill.flows.train.preview import preview
from gristmill.flows.train.settings import TrainSettings
from gristmill.flows.train.steps import TrainContext
from gristmill.schemas.tables import Checkpoints, Losses, Runs
from gristmill.tasks.launch.local import LocalLauncher
from gristmill.tasks.mix.exports.export import ExportConfig
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.train.commands import TrainerRecipe, load_recipe
from gristmill.tasks.train.recipe import RunSettings, run_key
from tests.helpers.pages import Mention, verbs_of, wrong_command
from tests.helpers.tiny_checkpoint import make_checkpoint
from tests.helpers.training_inputs import make_inputs, mix_in

RECIPE = """
kind: command
about: A trainer of this test.
source: this test
reads: chat
learning_rate: 0.01
options: {{steps: 4}}
files:
  train.json: '{{"data": "$data", "steps": $steps, "out": "$run_dir/checkpoints"}}'
argv: [{python}, {script}, train.json]
resume: [again]
log_pattern: '^(step (?P<step>\\d+) loss (?P<loss>\\S+))$'
checkpoint_glob: checkpoints/*/whole
"""
SCRIPT = """
import json, pathlib, shutil, sys
told = json.load(open(sys.argv[1]))
assert pathlib.Path(told["data"]).read_text() == "{{}}"
for step in range(1, told["steps"] + 1):
    print(f"step {{step}} loss {{5 - step}}", flush=True)
folder = pathlib.Path(told["out"]) / f"checkpoint-{{step}}"
shutil.copytree({model!r}, folder)
(folder / "optimizer.pt").write_bytes(b"state")
(folder / "whole").touch()
(folder.parent / "checkpoint-9").mkdir()
(folder.parent / "checkpoint-9" / "whole").touch()
"""


@pytest.fixture
def settings(tmp_path: Path) -> TrainSettings:
    """Settings with a recipe of one's own, whose trainer is a script."""
    model = make_checkpoint(tmp_path / "model")
    script, recipe, data = tmp_path / "trainer.py", tmp_path / "mine.yaml", tmp_path / "chat.jsonl"
    script.write_text(SCRIPT.format(model=str(model)), encoding="utf-8")
    recipe.write_text(RECIPE.format(python=sys.executable, script=script), encoding="utf-8")
    data.write_text("{}", encoding="utf-8")
    return TrainSettings(recipe=str(recipe), data=str(data), checkpoints=1)


def the_run(settings: TrainSettings, lake: Lake) -> CommandRun:
    name, recipe = load_recipe(settings.recipe)
    assert isinstance(recipe, TrainerRecipe)
    (work,) = prepare_commands(settings, name, recipe, None, lake)
    return work.config


def test_its_checkpoints_are_admitted_and_its_losses_read(settings: TrainSettings, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    run = the_run(settings, lake)
    context = TrainContext(lake, LocalLauncher(lake.root / "log" / "training"), 1, Meter())
    step = command_step(context)
    manifest = step.run(lake, "mine", Inputs(), run).manifest
    losses = lake.read(manifest.output(Losses)).to_pylist()
    assert [(row["step"], row["loss"], row["learning_rate"]) for row in losses] == [
        (number, 5.0 - number, None) for number in (1, 2, 3, 4)
    ]
    (checkpoint,) = lake.read(manifest.output(Checkpoints)).to_pylist()  # checkpoint-9 is no Hugging Face folder
    assert (checkpoint["step"], checkpoint["mixture"]) == (4, "mine")
    folder = lake.root / checkpoint["path"]
    assert (folder / "model.safetensors").is_file()
    assert not (folder / "optimizer.pt").exists()
    assert lake.read(manifest.output(Runs)).to_pylist()[0]["recipe"] == "mine"
    assert step.run(lake, "mine", Inputs(), run).cached

    cost = json.loads((lake.root / "log" / "training_costs" / f"{manifest.key}.json").read_text(encoding="utf-8"))
    assert (cost["attempts"], cost["failures"]) == (1, 0)


def test_a_trainer_with_checkpoints_of_its_own_format_leaves_its_losses_and_a_warning(
    settings: TrainSettings, tmp_path: Path
) -> None:
    lake, script = Lake.open(tmp_path / "lake"), tmp_path / "trainer.py"
    words = script.read_text(encoding="utf-8")
    script.write_text(words + '(folder / "config.json").unlink()\n', encoding="utf-8")
    run = the_run(settings, lake)
    launcher = LocalLauncher(lake.root / "log" / "training")
    manifest = command_step(TrainContext(lake, launcher, 1, Meter())).run(lake, "mine", Inputs(), run).manifest
    assert len(lake.read(manifest.output(Losses))) == 4
    assert lake.read(manifest.output(Checkpoints)).num_rows == 0
    (ran,) = lake.read(manifest.output(Runs)).to_pylist()
    assert (ran["status"], ran["steps"]) == ("succeeded", 4)
    assert "Convert those in" in unconverted(manifest, launcher.root)

    other = run.recipe.model_copy(update={"checkpoint_glob": "none/*"})
    nothing = run.model_copy(update={"recipe": other, "arguments": ("--other",)})
    with pytest.raises(GristmillError, match=r"saved nothing that is called none/\*"):
        command_step(TrainContext(lake, launcher, 1, Meter())).run(lake, "mine", Inputs(), nothing)


def test_a_trainer_that_is_not_installed_is_named(settings: TrainSettings, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    run = the_run(settings, lake)
    gone = run.model_copy(update={"recipe": run.recipe.model_copy(update={"argv": ("no-such-trainer",)})})
    context = TrainContext(lake, LocalLauncher(lake.root / "log" / "training"), 1, Meter())
    with pytest.raises(GristmillError, match="no-such-trainer is not on the PATH: install the trainer"):
        command_step(context).run(lake, "mine", Inputs(), gone)


def test_the_same_examples_elsewhere_are_the_same_run(settings: TrainSettings, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    moved, other = tmp_path / "moved.jsonl", tmp_path / "other.jsonl"
    moved.write_text("{}", encoding="utf-8")
    other.write_text("{} ", encoding="utf-8")
    keys = [
        named(the_run(settings.model_copy(update=change), lake), ())
        for change in (
            {},
            {"data": str(moved)},
            {"data": str(other)},
            {"arguments": ("--more",)},
            {"options": {"steps": 5}},
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_a_dry_run_shows_command_and_files_and_writes_nothing(settings: TrainSettings, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    before = sorted(lake.root.rglob("*"))
    (shown,) = preview(settings, None, lake)
    assert shown.argv[-1] == "train.json"
    assert json.loads(shown.files["train.json"])["out"] == "RUN_DIR/checkpoints"
    assert json.loads(shown.files["command.json"])["resume"] == ["again"]
    assert shown.needs.startswith(f"{settings.data}: JSONL with")
    assert sorted(lake.root.rglob("*")) == before


def test_what_a_recipe_lacks_is_told_before_anything_starts(settings: TrainSettings, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    assert mix_for(settings, "default", lake) is None  # examples need no mix
    for change, told in (
        ({"data": ""}, "name it with --data PATH"),
        ({"recipe": "trl-sft"}, "name it with --base FOLDER"),
        ({"base": "model"}, "leave --base out"),
        ({"batch_rows": 3, "processes": 2}, "must be a multiple of"),
        ({"options": {"setps": 1}}, 'did you mean "steps"'),
    ):
        with pytest.raises(UsageError, match=told):
            check_training(settings.model_copy(update=change), None, lake)
    spaced = tmp_path / "my recipe.yaml"
    spaced.write_bytes(Path(settings.recipe).read_bytes())
    with pytest.raises(UsageError, match="recipe 'my recipe': use letters"):
        check_training(settings.model_copy(update={"recipe": str(spaced)}), None, lake)
    with pytest.raises(UsageError, match=r"gone.jsonl: there is no such file or folder. Name one with --data"):
        the_run(settings.model_copy(update={"data": "gone.jsonl"}), lake)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Dataset]:
    """A lake with a mix of one mixture."""
    base = tmp_path_factory.mktemp("mixed")
    lake = Lake.open(base / "lake")
    return lake, mix_in(lake, make_inputs(base))


def test_a_dry_run_refuses_suites_that_the_run_would_refuse(mixed: tuple[Lake, Dataset]) -> None:
    words = ["train", "--lake", str(mixed[0].root), "--dry-run", "--evaluate", "--suite"]
    refused = CliRunner().invoke(app, [*words, "gristmill-readin"])
    assert isinstance(refused.exception, UsageError)
    assert "gristmill-reading" in str(refused.exception)
    assert CliRunner().invoke(app, [*words, "gristmill-reading"]).exit_code == 0


@pytest.mark.parametrize(
    ("recipe", "form", "read"),
    [
        ("torchtitan", "parquet", "train.parquet"),
        ("nanotron", "datatrove", "train.ds"),
        ("megatron-lm", "megatron", "train.idx"),
        ("olmo-core", "olmo", "train.npy"),
    ],
)
def test_the_export_that_a_trainer_needs_is_made_by_the_command_it_names(
    mixed: tuple[Lake, Dataset], recipe: str, form: FormatName, read: str
) -> None:
    lake, mix = mixed
    settings = TrainSettings(recipe=recipe, processes=2, accumulate=2)
    (shown,) = preview(settings, mix, lake)
    place, _, command = shown.needs.partition(f", an export as {form}: ")
    words = shlex.split(command)
    assert words[:3] == ["gristmill", "tokens", "export"]
    assert words[words.index("--out") + 1] == place
    assert wrong_command(Mention(tuple(words[1:])), verbs_of(app)) is None
    rendered = " ".join([*shown.argv, *shown.files.values()])
    assert place in rendered
    assert "0.0003" in rendered or recipe == "olmo-core"

    name, other = load_recipe(recipe)
    assert isinstance(other, TrainerRecipe)
    with pytest.raises(UsageError, match=r"there is no such export\. Make it first: gristmill tokens export"):
        prepare_commands(settings, name, other, mix, lake)
    config = ExportConfig(format=form, mode="stream", path_prefix=place)
    export_mixture(mix, mix.files["plan"][0], config, Path(place), lake)
    assert (Path(place) / read).is_file()
    (work,) = prepare_commands(settings, name, other, mix, lake)
    assert work.config.values["steps"] == len(Plan.load(lake.files_path(mix.files["plan"][0]) / FILE)) // 16
    assert preview(settings, mix, lake)[0].needs.endswith("it is there")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"plan": "of before"}, "it was made from another plan"),
        ({"mode": "blend"}, "it is an export with --mode blend, and the recipe reads a stream"),
        ({"format": "olmo"}, "it is an export as olmo, and the recipe reads megatron"),
        ({"rows": 1}, "it has 1 rows, and the run reads"),
        (None, "it has no export.json that can be read"),
    ],
)
def test_an_export_of_something_else_is_refused(
    mixed: tuple[Lake, Dataset], tmp_path: Path, change: dict[str, object] | None, told: str
) -> None:
    lake, mix = mixed
    plan = Plan.load(lake.files_path(mix.files["plan"][0]) / FILE)
    fits = {"plan": plan.digest, "mode": "stream", "format": "megatron", "rows": len(plan)}
    report = tmp_path / "export.json"
    settings = TrainSettings(recipe="megatron-lm", data=str(tmp_path))
    name, recipe = load_recipe(settings.recipe)
    assert isinstance(recipe, TrainerRecipe)
    report.write_text(json.dumps(fits), encoding="utf-8")
    prepare_commands(settings, name, recipe, mix, lake)
    report.write_text("" if change is None else json.dumps(fits | change), encoding="utf-8")
    with pytest.raises(UsageError, match=rf"{told}.*: gristmill tokens export"):
        prepare_commands(settings, name, recipe, mix, lake)
    assert told in preview(settings, mix, lake)[0].needs


def test_a_dry_run_of_the_embedded_trainer_names_the_run(mixed: tuple[Lake, Dataset]) -> None:
    lake, mix = mixed
    (shown,) = preview(TrainSettings(schedule="wsd"), mix, lake)
    told = RunSettings.model_validate_json(shown.files["train.json"])
    digests = tuple(
        entry.digest
        for entry in Inputs(files=(*mix.files["plan"], *mix.files["tokenizer"], *mix.files["tokens"])).entries()
    )
    assert shown.folder.endswith(run_key(told, digests))
    assert (told.schedule, told.learning_rate) == ("wsd", 3e-3)
    with pytest.raises(UsageError, match=r"train\.base is for recipes of other trainers"):
        preview(TrainSettings(base="model"), mix, lake)


def test_the_last_checkpoint_of_every_mixture_is_compared_with_that_of_proportional() -> None:
    rows = [
        {"mixture": mixture, "step": step, "checkpoint": f"{mixture}{step}"}
        for mixture in ("doremi", "proportional", "uniform")
        for step in (5, 10)
    ]
    assert pairs(rows) == [("proportional10", "doremi10"), ("proportional10", "uniform10")]
    assert pairs(rows[:2]) == pairs([]) == []
