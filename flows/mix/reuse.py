"""Trials of a swarm that a change of the data left valid: they are fitted again and spare others.

They come from the report of the mixture of the same name in the mix that is current. A trial counts while all domains
that it read are as they were; it has to be of the same size, and to repeat its data alike. Another seed or another
design takes no trial of the old one, so that it is a replication. A mixture that is stored as found without earlier
trials is that mixture: going back to its data and settings gives it again.
"""

from pathlib import Path

from pydantic import TypeAdapter

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.step import Step
from gristmill.flows.mix.methods import before_training
from gristmill.flows.mix.settings import SwarmSettings
from gristmill.flows.mix.steps import MixtureConfig
from gristmill.flows.mix.trials import REPORT_FILES, TRIALS, DoneTrial, domains_of
from gristmill.tasks.mix.mixers.mixer import trial_id
from gristmill.tasks.mix.token_store import TokenStore


def earlier_trials(
    lake: Lake,
    mix: str,
    config: MixtureConfig,
    tokens: tuple[FilesRef, ...],
    step: Step[MixtureConfig],
    signals: tuple[FilesRef, ...] = (),
) -> tuple[DoneTrial, ...]:
    """Trials of ``mix`` as it is now that count for the mixture over these tokens, by their ids; none unless it is a
    swarm. ``step`` finds the mixture, from the tokens and the signals that it sorts by.

    Raises :class:`gristmill.core.errors.GristmillError` as the method's ``ask`` does.
    """
    mixture = config.mixture
    dataset = lake.dataset("mix", mix)
    if dataset is None or not isinstance(mixture, SwarmSettings) or not _same_design(dataset, mixture):
        return ()
    first = config.model_copy(update={"mixture": before_training(mixture)})
    if lake.manifest(step.name, mixture.name, step.key(first, Inputs(files=(*tokens, *signals)))) is not None:
        return ()
    from gristmill.tasks.mix.mixers.swarm.mixer import Swarm  # imports scipy, which other methods do without

    folders = [lake.files_path(ref) for ref in dataset.files.get(REPORT_FILES, ()) if ref.shard == mixture.name]
    stored = [each for folder in folders for each in read_trials(folder)]
    # Losses of another version of the trial trainer are those of another model.
    done = {each.designed.trial.id: each for each in stored if each.designed.trial.id == trial_id(each.designed.trial)}
    known = tuple(each.designed for each in done.values() if each.designed.role != "adaptive")
    store = TokenStore.open([lake.files_path(ref) for ref in tokens])
    domains = domains_of(mixture.options.budget, store, config.row_tokens)
    design = Swarm(mixture.options, known).design(domains, config.goal)
    shares = {each.trial.data_share for each in design if not each.earlier}
    valid = [each.trial.id for each in design if each.earlier and each.trial.data_share in shares]
    return tuple(done[name] for name in sorted(valid))


def read_trials(folder: Path) -> list[DoneTrial]:
    """The trials in the folder of a report."""
    return TypeAdapter(list[DoneTrial]).validate_json((folder / TRIALS).read_bytes())


def _same_design(dataset: Dataset, mixture: SwarmSettings) -> bool:
    """Whether the mixture of this name in ``dataset`` is a swarm of the same seed and design."""
    mixtures = dataset.config.get("settings", {}).get("mixtures", ())
    before = next((each for each in mixtures if each["name"] == mixture.name), None)
    if before is None or before["method"] != mixture.method:
        return False
    options = mixture.options.model_dump(mode="json")
    return all(before["options"].get(name) == options[name] for name in ("seed", "design"))
