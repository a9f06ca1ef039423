"""Trials of a swarm that a change of the data or of the design left valid: they are fitted again and spare others.

They come from the report of the mixture of the same name in the mix that is current. A trial counts while all domains
that it read are as they were; it has to be of the same size, and to repeat its data alike. The same settings over the
same data take no earlier trial, so their key stays.
"""

from pathlib import Path

from pydantic import TypeAdapter

from gristmill.core.lake import Lake
from gristmill.flows.mix.settings import AnyMixture, SwarmSettings
from gristmill.flows.mix.trials import DoneTrial
from gristmill.tasks.mix.mixers.mixer import Goal
from gristmill.tasks.mix.token_store import TokenStore

TRIALS = "trials.json"
REPORT_FILES = "mixture-report"


def earlier_trials(lake: Lake, mix: str, mixture: AnyMixture, store: TokenStore, goal: Goal) -> tuple[DoneTrial, ...]:
    """Trials of ``mix`` as it is now that count for ``mixture`` over these tokens, by their ids; none unless it is a
    swarm."""
    dataset = lake.dataset("mix", mix)
    if dataset is None or not isinstance(mixture, SwarmSettings):
        return ()
    from gristmill.tasks.mix.mixers.swarm.mixer import Swarm  # imports scipy, which other methods do without

    folders = [lake.files_path(ref) for ref in dataset.files.get(REPORT_FILES, ()) if ref.shard == mixture.name]
    done = {each.designed.trial.id: each for folder in folders for each in read_trials(folder)}
    known = tuple(each.designed for each in done.values() if each.designed.role != "adaptive")
    design = Swarm(mixture.options, known).design(store.domains(mixture.options.budget.row_tokens), goal)
    shares = {each.trial.data_share for each in design if not each.earlier}
    valid = [each.trial.id for each in design if each.earlier and each.trial.data_share in shares]
    return tuple(done[name] for name in sorted(valid))


def read_trials(folder: Path) -> list[DoneTrial]:
    """The trials in the folder of a report."""
    return TypeAdapter(list[DoneTrial]).validate_json((folder / TRIALS).read_bytes())
