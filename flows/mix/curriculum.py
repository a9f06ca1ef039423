"""What the flow does for curricula: the signals that stages sort by, and the stages of the mixtures that were found."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from gristmill.core.digests import digest_digests
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Manifest, Ref
from gristmill.flows.mix.inputs import signal_work
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.mix.signals import wanted_signals
from gristmill.flows.mix.steps import WITHOUT_VALUE
from gristmill.flows.reporter import Reporter
from gristmill.flows.running import run_step
from gristmill.schemas.tables import MixtureStages
from gristmill.tasks.mix.orders.signals import signal_step
from gristmill.tasks.mix.plan import FILE, Plan


def find_signals(
    settings: MixSettings, curated: Sequence[Ref], tokens: Sequence[FilesRef], lake: Lake, report: Reporter
) -> dict[str, tuple[FilesRef, ...]]:
    """For each signal that a mixture sorts by, a folder of values for each folder of tokens.

    ``tokens`` are those of the ``curated`` files that have rows, in their order. Raises :class:`UsageError` for a
    signal that the curations did not compute.
    """
    found: dict[str, tuple[FilesRef, ...]] = {}
    for signal in wanted_signals(settings):
        work = signal_work(signal, settings, curated, tokens, lake)
        manifests = run_step(signal_step(signal), work, lake, report, what=f"signal {signal}")
        found[signal] = tuple(folder for manifest in manifests for folder in manifest.files)
    return found


def write_stages(mix: str, manifests: Sequence[Manifest], lake: Lake) -> Ref:
    """Write the table ``mixture_stages`` of the mixtures that were found."""
    rows: list[dict[str, Any]] = []
    for manifest in manifests:
        (folder,) = manifest.files
        plan = Plan.load(lake.files_path(folder) / FILE)
        rows += stage_rows(manifest.shard, plan, manifest.facts.get(WITHOUT_VALUE, {}))
    key = digest_digests([ref.digest for manifest in manifests for ref in manifest.files])[:16]
    return lake.write_table(MixtureStages, mix, key, pa.Table.from_pylist(rows, schema=MixtureStages.schema))


def stage_rows(mixture: str, plan: Plan, without: Mapping[str, float]) -> list[dict[str, Any]]:
    """Rows of the table ``mixture_stages``. ``without``: the share without a value, of sorted stages by number."""
    return [
        {
            "mixture": mixture,
            "stage": number,
            "first_token": first * plan.row_tokens,
            "until_token": end * plan.row_tokens,
            "rows": end - first,
            "signal": stage.order.signal if stage.order is not None else None,
            "descending": stage.order.descending if stage.order is not None else None,
            "without_value": without.get(str(number)),
        }
        for number, (stage, (first, end, _)) in enumerate(zip(plan.stages, plan.spans, strict=True))
    ]
