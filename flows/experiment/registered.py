"""What an experiment set out to find, written before its first job and never changed: ``LAKE/experiments/NAME.json``.

The file holds the digest of the design, the outcomes that are primary, and the predictions. A later run of the same
name may have more seeds, arms or outcomes; what was not there at first is exploratory forever. No entry is changed:
each change of the design adds one, and the first decides.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, ValidationError

from gristmill.core.config import Config
from gristmill.core.damage import damaged
from gristmill.core.files.atomic import write_whole
from gristmill.core.lake import Lake
from gristmill.flows.experiment.settings import ExperimentSettings

FOLDER = "experiments"


class Registration(Config):
    """One design of an experiment, with the time (UTC) at which it was written down."""

    digest: str
    at: str
    seeds: int
    arms: tuple[str, ...]
    primary: tuple[str, ...]
    smallest: dict[str, float] = Field(default_factory=dict)
    predicted: dict[str, dict[str, str]] = Field(default_factory=dict)


class Register(Config):
    """Every design that an experiment had, the first first."""

    name: str
    designs: tuple[Registration, ...] = Field(min_length=1)

    def is_primary(self, arm: str, outcome: str) -> bool:
        """Whether a cell was primary from the beginning."""
        first = self.designs[0]
        return arm in first.arms and outcome in first.primary

    def smallest(self, outcome: str) -> float | None:
        """The smallest effect of interest as it stood at first."""
        return self.designs[0].smallest.get(outcome)

    def predicted(self, arm: str, outcome: str) -> str:
        """What was predicted at first; empty where nothing was."""
        return self.designs[0].predicted.get(outcome, {}).get(arm, "")


def path_of(name: str, lake: Lake) -> Path:
    """Where an experiment is registered."""
    return lake.root / FOLDER / f"{name}.json"


def read_register(name: str, lake: Lake) -> Register | None:
    """The register of an experiment; None before it is registered. Raises :class:`DamageError` for a damaged file."""
    path = path_of(name, lake)
    if not path.is_file():
        return None
    try:
        return Register.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise damaged(path, "it cannot be read") from error


def register(name: str, settings: ExperimentSettings, lake: Lake) -> Register:
    """Write the design down, unless it is the last one that was."""
    found = read_register(name, lake)
    if found is not None and found.designs[-1].digest == settings.digest:
        return found
    design = Registration(
        digest=settings.digest,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        seeds=settings.seeds,
        arms=tuple(settings.arms),
        primary=tuple(outcome.name for outcome in settings.outcomes if outcome.primary),
        smallest={outcome.name: outcome.smallest for outcome in settings.outcomes if outcome.smallest is not None},
        predicted={outcome.name: dict(outcome.predicted) for outcome in settings.outcomes if outcome.predicted},
    )
    made = Register(name=name, designs=(*(found.designs if found else ()), design))
    path = path_of(name, lake)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, json.dumps(made.model_dump(mode="json"), indent=1, ensure_ascii=False))
    return made
