"""The pipeline flow: curate, mix, train, evaluate, each a flow of its own below it.

Run again it processes only what it has not seen: every step finds what is done by the digests of what goes in.
"""

from pathlib import Path
from typing import Any

from prefect import flow

from gristmill.core.files.places import check_name
from gristmill.core.lake import Lake
from gristmill.flows.curate.flow import curate
from gristmill.flows.evaluate.flow import evaluate
from gristmill.flows.fields import LakePath
from gristmill.flows.mix.flow import mix
from gristmill.flows.prefect.publish import published
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.settings import PipelineSettings
from gristmill.flows.train.flow import train


@flow(name="pipeline")
def pipeline(lake: LakePath, settings: PipelineSettings, name: str = "default") -> dict[str, Any]:
    """The whole way: crawl to curated text, mixtures, trained models, scores, published.

    Args:
        lake: Folder of the lake.
        settings: The settings of each of the four flows.
        name: What to call the mix, the training runs and the scores.
    """
    home = Lake.open(Path(lake))
    check_name(name, "name")
    with published(home), record_run(home, "pipeline", name) as record:
        curated = curate.with_options(flow_run_name=f"curate {settings.curate.source}")(lake, settings.curate)
        mixtures = mix.with_options(flow_run_name=f"mix {name}")(
            lake, settings.mix, name, settings.evaluate.heldout_bytes
        )
        trained = train.with_options(flow_run_name=f"train {name}")(lake, settings.train, name)
        scores = evaluate.with_options(flow_run_name=f"evaluate {name}")(lake, suites=settings.evaluate, mix=name)
        record.counts.update(kept=curated["kept"], records=curated["records"], **trained, scores=len(scores))
    return {"curate": curated, "mix": mixtures, "train": trained, "scores": scores}
