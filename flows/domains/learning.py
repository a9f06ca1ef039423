"""Topic classifiers and clusters of a lake, by name: run the step unless it is cached, and make the result current.

Neither is a flow that somebody watches: a model is made once, and used by its name in the rules of mixes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Manifest
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.checks import curated_refs
from gristmill.flows.domains.resolve import CLUSTERS, TOPICS
from gristmill.flows.upkeep.lock import shared
from gristmill.tasks.classifier.texts import InputOptions
from gristmill.tasks.domains.clustering.clusters import ClustersCard
from gristmill.tasks.domains.clustering.clusters import read_card as read_clusters
from gristmill.tasks.domains.clustering.embeddings import digest_model
from gristmill.tasks.domains.clustering.fit import ClusteringConfig, ClusteringContext, clusters_step
from gristmill.tasks.domains.clustering.hashed import HashedConfig
from gristmill.tasks.domains.labelled import Labelled, curated_labelled, read_labelled
from gristmill.tasks.domains.topic_card import TopicCard
from gristmill.tasks.domains.topic_card import read_card as read_topics
from gristmill.tasks.domains.topic_fit import (
    TopicsConfig,
    TopicsContext,
    topics_step,
)
from gristmill.tasks.domains.topic_settings import TopicFitConfig


def labelled_texts(inputs: Sequence[str], label: str, reading: InputOptions, most: int, lake: Lake) -> Labelled:
    """Labelled texts of files and folders, and of the curated sources of the lake that ``inputs`` name.

    Raises :class:`gristmill.core.errors.UsageError` as the readers of both do.
    """
    known = lake.names("curation")
    sources = [entry for entry in inputs if entry in known]
    files = [entry for entry in inputs if entry not in known]
    if not sources:
        return read_labelled(files, label, reading)
    found = curated_labelled([lake.path(ref) for ref in curated_refs(sources, lake)], label, most)
    return found.beside(read_labelled(files, label, reading)) if files else found


def train_topics(labelled: Labelled, config: TopicFitConfig, name: str, lake: Lake) -> tuple[FilesRef, TopicCard]:
    """Train a topic classifier and make it the topics ``name`` of the lake.

    Raises :class:`gristmill.core.errors.UsageError` for labels that cannot be learnt.
    """
    step = topics_step(TopicsContext(labelled))
    with shared(lake):
        manifest = step.run(lake, name, Inputs(), TopicsConfig(fit=config, texts=labelled.digest)).manifest
        files = _commit(TOPICS, name, manifest, lake)
    return files, read_topics(lake.files_path(files))


def find_clusters(
    sources: Sequence[str],
    config: ClusteringConfig,
    model: Path | None,
    name: str,
    lake: Lake,
    told: Callable[[str], None],
) -> tuple[FilesRef, ClustersCard]:
    """Divide the curated documents of ``sources``, or of all, and make the clusters those called ``name``.

    ``model``: a folder of static embeddings; hashed words without one. ``told`` gets what is being done. Raises
    :class:`gristmill.core.errors.UsageError` for sources and models that are not there, and too few documents.
    """
    curated = curated_refs(sources, lake)
    changed: dict[str, HashedConfig | str | None] = {}
    if model is not None:
        changed = {"hashed": None, "embeddings": digest_model(model)}
    step = clusters_step(ClusteringContext(model, told))
    with shared(lake):
        config = config.model_copy(update=changed)
        manifest = step.run(lake, name, Inputs(refs=curated), config).manifest
        files = _commit(CLUSTERS, name, manifest, lake)
    return files, read_clusters(lake.files_path(files))


def _commit(kind: str, name: str, manifest: Manifest, lake: Lake) -> FilesRef:
    (files,) = manifest.files
    lake.commit(
        Dataset(
            kind=kind,
            name=name,
            config=manifest.config,
            counts={"texts": manifest.facts["texts"]},
            tables={},
            files={kind: (files,)},
        )
    )
    return files
