"""The signals that mixtures sort by, and where a lake has them. No Prefect: the command line checks with it first."""

from collections.abc import Sequence

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Ref
from gristmill.flows.mix.settings import AnyMixture, MixSettings
from gristmill.tasks.mix.mixers.curriculum import Curriculum


def curriculum_of(mixture: AnyMixture, settings: MixSettings) -> Curriculum | None:
    """The stages of a mixture: its own, or else those of all mixtures."""
    return mixture.curriculum or settings.curriculum


def wanted_signals(settings: MixSettings) -> list[str]:
    """The signals that any mixture sorts by, beside the lengths."""
    curricula = (curriculum_of(mixture, settings) for mixture in settings.mixtures)
    return sorted({signal for each in curricula if each is not None for signal in each.signals})


def check_signals(settings: MixSettings, lake: Lake) -> None:
    """Raises :class:`UsageError` for a signal to sort by that the curations did not compute."""
    for signal in wanted_signals(settings):
        signal_tables(signal, settings.sources, lake)


def signal_tables(signal: str, sources: Sequence[str], lake: Lake) -> dict[Ref, Ref]:
    """For each curated file, the file of its shard that has the signal. Raises as :func:`check_signals` does."""
    from gristmill.schemas.tables import Curated  # a mixture without an order needs none of the tables
    from gristmill.tasks.mix.orders.signals import signal_source

    table, _ = signal_source(signal)
    found: dict[Ref, Ref] = {}
    for source in sources or lake.names("curation"):
        dataset = lake.expect("curation", source)
        shards = {ref.shard: ref for ref in dataset.tables.get(table.name, ())}
        for ref in dataset.tables[Curated.name]:
            if ref.rows and ref.shard not in shards:
                raise UsageError(
                    f"the curation {source} has no signal {signal}, so a mixture cannot be sorted by it. Curate again "
                    "with --signals all, or choose quality or length."
                )
            found[ref] = shards.get(ref.shard, ref)
    return found
