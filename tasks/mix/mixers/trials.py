"""The folder protocol of trials: what a launcher needs to start one, and how to know that it is done.

``trial.json`` says what to train on what; ``outcome.json`` appears by rename when it is done and holds nothing that
depends on clock or machine; ``usage.json`` holds the seconds. Without torch, so that flows can import it.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from gristmill.core.config import Config
from gristmill.core.digests import canonical_json
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.atomic import write_whole
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.mixer import Outcome, Trial, trial

JOB = "trial.json"
OUTCOME = "outcome.json"
USAGE = "usage.json"
WEIGHTS = "model.safetensors"
TRAINER = "gristmill.tasks.train.trial"
"""The module that runs the trials of the folders that it is given, one after another."""


class TrialJob(Config):
    """A trial with the places it needs: token folders, and the folder of the trial it starts from."""

    trial: Trial
    store: tuple[str, ...]
    init: str | None = None

    @classmethod
    def read(cls, folder: Path) -> "TrialJob":
        """Read ``trial.json``. Raises :class:`UsageError` when it is missing or wrong."""
        path = folder / JOB
        if not path.is_file():
            raise UsageError(f"{folder} holds no {JOB}. Write one with gristmill.tasks.mix.mixers.trials.prepare.")
        try:
            values = json.loads(path.read_bytes())
        except json.JSONDecodeError as error:
            raise UsageError(f"{path}: this is not JSON: {error}") from error
        return cls.parse(values, str(path))

    def outcome(self, folder: Path) -> Outcome | None:
        """What the trial gave, with its seconds, or None when it is not done."""
        path = folder / OUTCOME
        if not path.is_file():
            return None
        outcome = TypeAdapter(Outcome).validate_json(path.read_bytes())
        usage = folder / USAGE
        if outcome.trial != self.trial.id or not (folder / WEIGHTS).is_file() or not usage.is_file():
            return None
        return replace(outcome, seconds=json.loads(usage.read_bytes())["seconds"])

    def require(self, domains: Sequence[Domain]) -> None:
        """Raise :class:`GristmillError` unless the trial was made for these tokens and can be run on them."""
        asked = self.trial
        same = trial(
            domains,
            asked.weights,
            asked.budget,
            loop=asked.loop,
            options=asked.options,
            init=asked.init,
            data_share=asked.data_share,
            seed=asked.seed,
        )
        if same.id != asked.id:
            raise GristmillError(f"trial {asked.id} was made for other tokens than these. Ask the mixer again.")
        if asked.loop != "sampled" and asked.budget.batch_rows < len(domains):
            raise GristmillError(
                f"trial {asked.id}: a batch of {asked.budget.batch_rows} rows cannot hold all {len(domains)} domains. "
                "Raise batch_rows."
            )


def prepare(folder: Path, asked: Trial, store: Sequence[Path], init: Path | None = None) -> None:
    """Write ``trial.json``. ``init`` is the folder of the trial ``asked.init``."""
    folder.mkdir(parents=True, exist_ok=True)
    job = TrialJob(trial=asked, store=tuple(str(path) for path in store), init=None if init is None else str(init))
    write_whole(folder / JOB, canonical_json(to_jsonable_python(job)) + b"\n")


def read_outcome(folder: Path) -> Outcome | None:
    """What the trial of a folder gave, or None when it is not done."""
    return TrialJob.read(folder).outcome(folder)


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write the seconds, then the outcome, which makes the trial done."""
    write_whole(folder / USAGE, canonical_json({"seconds": outcome.seconds}) + b"\n")
    value = to_jsonable_python(replace(outcome, seconds=None))
    write_whole(folder / OUTCOME, canonical_json(value) + b"\n")
