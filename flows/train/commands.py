"""Runs of other trainers: what each is told, which export it needs, and how it is started. No Prefect here."""

import json
import shlex
import sys
from pathlib import Path

import numpy as np

from gristmill.core.config import Config
from gristmill.core.digests import digest_file, digest_folder
from gristmill.core.errors import UsageError
from gristmill.core.files.atomic import write_whole
from gristmill.core.files.places import check_name
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.engines.engine import Work
from gristmill.flows.train.settings import TrainSettings
from gristmill.tasks.launch.job import Job
from gristmill.tasks.mix.exports.export import REPORT
from gristmill.tasks.mix.exports.format import tokenizer_name
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.mix.token_store import MANIFEST
from gristmill.tasks.train.commands import (
    EXAMPLES,
    Rendered,
    TrainerRecipe,
    Value,
    chosen_options,
    command_key,
    render,
)
from gristmill.tasks.train.start import FILE as COMMAND

WARMUP_SHARE, LEAST_SHARE = 0.05, 0.1


class CommandRun(Config):
    """One run of another trainer. The key has neither ``name`` nor where the inputs are."""

    name: str
    recipe: TrainerRecipe
    values: dict[str, Value]
    """What the recipe's templates may use, without paths."""
    places: dict[str, str]
    digests: dict[str, str]
    """Of the content of the places; of a model that is named and not here, its name."""
    arguments: tuple[str, ...]
    gpus: int
    steps: int
    batch_rows: int
    row_tokens: int
    keep_last: int
    keep_every: int

    def rendered(self, run_dir: Path) -> Rendered:
        """The command line and the files. Raises as :func:`gristmill.tasks.train.commands.render` does."""
        own = {"run_dir": str(run_dir), "name": self.name}
        done = render(self.recipe, self.values | self.places | own)
        return Rendered((*done.argv, *self.arguments), done.resume, done.environment, done.files)


def named(run: CommandRun, inputs: tuple[str, ...]) -> str:
    """The key of a run, of content alone: not of which checkpoints are kept."""
    words = {"arguments": json.dumps([*run.arguments, *sorted(inputs)])}
    return command_key(run.recipe, run.values, run.digests, words)


def prepare_commands(
    settings: TrainSettings, name: str, recipe: TrainerRecipe, mix: Dataset | None, lake: Lake, *, look: bool = True
) -> list[Work[CommandRun]]:
    """The runs of a recipe called ``name``: one for each mixture, or one over the examples that ``--data`` names.

    ``look`` False reads no data, for a dry run: what is not there yet has no digest. Raises :class:`UsageError` for
    settings that do not fit the recipe, and for data that is not there, with the command that makes it.
    """
    values = chosen_options(recipe, settings.options, "train") | _numbers(settings)
    peak = settings.learning_rate or recipe.learning_rate
    values |= {"learning_rate": peak, "least_learning_rate": float(f"{peak * LEAST_SHARE:.6g}")}
    places = _base(settings, recipe)
    if not recipe.pretrains:
        if not settings.data:
            raise UsageError(f"the recipe {name} reads {EXAMPLES[recipe.reads]}: name it with --data PATH")
        check_name(name, "recipe")  # it names the dataset that is committed once everything is trained
        values |= _steps(int(values.get("steps", 0)), int(values.get("row_tokens", 0)), settings)
        run = _run(name, recipe, values, places | {"data": str(Path(settings.data).absolute())}, settings, look)
        return [Work(name, Inputs(), name, run, units=run.steps)]
    if mix is None:
        raise UsageError(f"the recipe {name} trains on a mix: name it with --mix")
    (tokenizer,) = mix.files["tokenizer"]
    store = json.loads((lake.files_path(mix.files["tokens"][0]) / MANIFEST).read_bytes())
    bits = 8 * np.dtype(store["dtype"]).itemsize
    values |= {
        "vocab_size": store["vocab_size"],
        "tokenizer_name": tokenizer_name(store["tokenizer"]),
        "eos_id": store["eos_id"],
        "token_bits": bits,
        "token_bytes": bits // 8,
    }
    work = []
    for plan in mix.files["plan"]:
        loaded = Plan.load(lake.files_path(plan) / FILE)
        steps = len(loaded) // settings.batch_rows
        own = values | _steps(steps, loaded.row_tokens, settings)
        data = export_place(settings, recipe, mix, plan, lake)
        fault = export_fault(data, recipe, loaded, steps * settings.batch_rows) if look else ""
        if fault:
            raise UsageError(f"{data}: {fault}: {export_command(recipe, mix, plan, data, lake)}")
        found = places | {"data": str(data), "tokenizer": str(lake.files_path(tokenizer))}
        run = _run(plan.shard, recipe, own, found, settings, look)
        work.append(Work(plan.shard, Inputs(files=(plan, tokenizer)), plan.shard, run, units=steps))
    return work


def export_place(settings: TrainSettings, recipe: TrainerRecipe, mix: Dataset, plan: FilesRef, lake: Lake) -> Path:
    """Where the export of a mixture is: as ``--data`` says, with ``{mixture}`` for its name, or below the lake."""
    if settings.data:
        return Path(settings.data.replace("{mixture}", plan.shard)).absolute()
    return lake.root.absolute() / "exports" / f"{mix.name}-{plan.shard}-{recipe.reads}"


def export_fault(data: Path, recipe: TrainerRecipe, plan: Plan, rows: int) -> str:
    """Why the folder ``data`` is not an export of ``plan`` for ``recipe`` with ``rows`` rows or more, and what to do.

    A command follows the words; empty for such an export. Cost: one small file is read.
    """
    if not data.exists():
        return "there is no such export. Make it first"
    try:
        told = json.loads((data / REPORT).read_bytes())
        had, mode, form, count = told["plan"], told["mode"], told["format"], int(told["rows"])
    except (OSError, ValueError, TypeError, KeyError):
        fault = f"it has no {REPORT} that can be read, so what it holds is not known"
    else:
        if form != recipe.reads:
            fault = f"it is an export as {form}, and the recipe reads {recipe.reads}"
        elif mode != "stream":
            fault = f"it is an export with --mode {mode}, and the recipe reads a stream"
        elif had != plan.digest:
            fault = "it was made from another plan: the mix has changed since, or it is of another mixture"
        elif count < rows:
            fault = f"it has {count:,} rows, and the run reads {rows:,}"
        else:
            return ""
    return f"{fault}. Remove it or name another with --data, and make the export"


def export_command(recipe: TrainerRecipe, mix: Dataset, plan: FilesRef, data: Path, lake: Lake) -> str:
    """The command that makes the export."""
    words = ["gristmill", "tokens", "export", "--mix", mix.name, "--mixture", plan.shard, "--format", recipe.reads]
    return on_lake(shlex.join([*words, "--mode", "stream", "--out", str(data)]), lake.root)


def command_job(key: str, run: CommandRun, run_dir: Path) -> Job:
    """Write the files of a run, and give the job that starts it."""
    done = run.rendered(run_dir)
    for name, text in done.files.items():
        path = run_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    write_whole(run_dir / COMMAND, command_file(run, done))
    return Job(
        key=key,
        argv=(sys.executable, "-P", "-m", "gristmill.tasks.train.start", str(run_dir)),
        environment=done.environment,
        progress_pattern=run.recipe.log_pattern,
        checkpoint_glob=run.recipe.checkpoint_glob,
        gpus=run.gpus,
    )


def command_file(run: CommandRun, done: Rendered) -> str:
    """``command.json``."""
    size = run.batch_rows * run.row_tokens
    told = {
        "name": run.name,
        "tokens_per_step": size,
        "argv": done.argv,
        "resume": done.resume,
        "checkpoint_glob": run.recipe.checkpoint_glob,
    }
    return json.dumps(told, indent=1)


def _run(
    name: str,
    recipe: TrainerRecipe,
    values: dict[str, Value],
    places: dict[str, str],
    settings: TrainSettings,
    look: bool,
) -> CommandRun:
    run = CommandRun(
        name=name,
        recipe=recipe,
        values=values,
        places=places,
        digests={key: _digest(key, place, look) for key, place in places.items()},
        arguments=settings.arguments,
        gpus=settings.processes,
        steps=int(values["steps"]),
        batch_rows=settings.batch_rows,
        row_tokens=int(values.get("row_tokens", 0)),
        keep_last=settings.keep_last,
        keep_every=settings.keep_every,
    )
    run.rendered(Path("run"))  # a template that names nothing is told before anything starts
    return run


def _digest(key: str, place: str, look: bool) -> str:
    path = Path(place)
    if path.is_dir() and look:
        return digest_folder(path)
    if path.is_file() and look:
        return digest_file(path)
    if look and key == "data":
        raise UsageError(f"{place}: there is no such file or folder. Name one with --data.")
    return place


def _base(settings: TrainSettings, recipe: TrainerRecipe) -> dict[str, str]:
    """The model that is trained on: a folder, or a name that the trainer finds elsewhere."""
    if recipe.base and not settings.base:
        raise UsageError(
            "this recipe starts from an existing model: name it with --base FOLDER, or its name on the hub"
        )
    if settings.base and not recipe.base:
        raise UsageError("this recipe starts from nothing: leave --base out")
    if not recipe.base:
        return {}
    folder = Path(settings.base)
    return {"base": str(folder.absolute()) if folder.exists() else settings.base}


def _numbers(settings: TrainSettings) -> dict[str, Value]:
    rows = settings.processes * settings.accumulate
    if settings.batch_rows % rows:
        raise UsageError(
            f"train: batch_rows ({settings.batch_rows}) must be a multiple of accumulate ({settings.accumulate}) times "
            f"processes ({settings.processes})"
        )
    return {
        "batch_rows": settings.batch_rows,
        "rows_per_gpu": settings.batch_rows // rows,
        "accumulate": settings.accumulate,
        "processes": settings.processes,
        "nodes": settings.nodes,
        "gpus": settings.processes // settings.nodes,
        "seed": settings.seed,
    }


def _steps(steps: int, row_tokens: int, settings: TrainSettings) -> dict[str, Value]:
    """What follows from the length of the run and of its rows."""
    if steps < settings.checkpoints:
        raise UsageError(
            f"a run of {steps} steps cannot save {settings.checkpoints} checkpoints: lower train.checkpoints"
        )
    context = max(row_tokens - 1, 0)
    warmup = max(1, round(WARMUP_SHARE * steps))
    rows = settings.batch_rows // (settings.processes * settings.accumulate)
    return {
        "steps": steps,
        "row_tokens": row_tokens,
        "context": context,
        "batch_tokens": settings.batch_rows * context,
        "micro_tokens": rows * context,
        "warmup_steps": warmup,
        "decay_steps": max(1, steps - warmup),
        "save_every": -(-steps // settings.checkpoints),
    }
