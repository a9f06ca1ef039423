"""The step ``domains``: the domain of every document of a curated shard, by the rules of a mix.

It reads the text only where a rule asks for a topic or a cluster. Memory: a batch of documents, the models, and some
100 bytes a document of the shard.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.digests import digest_json
from gristmill.core.steps.kinds import global_step
from gristmill.schemas.tables import Curated, Domains
from gristmill.tasks.domains.matching import Ask, Floats, Strings, Traits, decide
from gristmill.tasks.domains.models import ClustersModelConfig, TopicModelConfig
from gristmill.tasks.domains.rules import DomainRule
from gristmill.tasks.mix.curated import batches

Numbers = npt.NDArray[np.int32]

COLUMNS = ["doc_id", "source", "host", "url", "language", "domain"]


class AssignConfig(Config):
    """The rules with the models that they ask, by their digests."""

    rules: tuple[DomainRule, ...]
    rest: str
    topics: TopicModelConfig | None = None
    clusters: ClustersModelConfig | None = None

    @property
    def digest(self) -> str:
        """Names the assignment: 16 hex digits."""
        return digest_json(self.model_dump(mode="json"))[:16]


@global_step("domains", version=1, reads=(Curated,), writes=(Domains,))
def assign_domains(curated: list[Path], config: AssignConfig, scratch: Path) -> pa.Table:
    """One row of ``domains`` for each row of the curated shards, of which a run has one.

    Raises :class:`gristmill.core.errors.UsageError` when a model is missing or is not the one in the config.
    """
    models = models_of(config)
    columns = [*COLUMNS, "text"] if models else COLUMNS
    digest = config.digest
    parts = [Domains.schema.empty_table()]
    for batch in batches(curated, columns):
        rows = pl.DataFrame(batch)
        found = decide(Traits(rows, models), config.rules, config.rest)
        found = found.with_columns(doc_id=rows["doc_id"], rules=pl.lit(digest))
        parts.append(found.select(Domains.schema.names).to_arrow().cast(Domains.schema))
    return pa.concat_tables(parts)


def models_of(config: AssignConfig) -> dict[str, Ask]:
    """What answers for topics and clusters, where rules ask for them."""
    models: dict[str, Ask] = {}
    if config.topics is not None:
        from gristmill.tasks.domains.topics import Topics  # imports numba

        topics = Topics.load(config.topics)
        models["topic"] = _named(topics.labels, topics.of)
    if config.clusters is not None:
        from gristmill.tasks.domains.clustering.clusters import Clusters  # imports scipy and numba

        clusters = Clusters.load(config.clusters)
        models["cluster"] = _named(clusters.names, clusters.of)
    return models


def _named(names: Sequence[str], of: Callable[[pl.Series], tuple[Numbers, Floats]]) -> Ask:
    """A model that answers with names: None for the number -1."""
    labels = np.array([*names, None], object)

    def ask(texts: pl.Series) -> tuple[Strings, Floats]:
        numbers, scores = of(texts)
        return labels[numbers], scores

    return ask
