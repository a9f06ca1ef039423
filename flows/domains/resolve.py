"""Rules as people write them, to the settings of the step ``domains``: models by name become files with digests."""

from pathlib import Path

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake
from gristmill.tasks.domains.assign import AssignConfig
from gristmill.tasks.domains.clustering.clusters import clusters_model, read_card
from gristmill.tasks.domains.rules import DomainRules, check_values
from gristmill.tasks.domains.topics import Topics, topic_model

TOPICS, CLUSTERS = "topics", "clusters"
"""Kinds of datasets: a model by name, in a folder of files of the same name."""
MAKE = {
    TOPICS: "gristmill domains train FILE --label COLUMN --name",
    CLUSTERS: "gristmill domains cluster --k 20 --name",
}


def resolve(rules: DomainRules, lake: Lake) -> AssignConfig:
    """Rules with their models. Raises :class:`UsageError` for a model that is not there, or lacks what a rule names."""
    topics = topic_model(_model(TOPICS, rules.topics, lake)) if rules.topics else None
    clusters = clusters_model(_model(CLUSTERS, rules.clusters, lake)) if rules.clusters else None
    if clusters is not None:
        names = [each.name for each in read_card(clusters.path).clusters]
        rules = _by_name(rules, names)
        _check(rules, "cluster", names)
    if topics is not None:
        _check(rules, "topic", list(Topics.load(topics).labels))
    return AssignConfig(rules=rules.rules, rest=rules.rest, topics=topics, clusters=clusters)


def _model(kind: str, name: str, lake: Lake) -> Path:
    """The folder of a model of this lake, or a path."""
    known = lake.names(kind)
    if name in known:
        (files,) = lake.expect(kind, name).files[kind]
        return lake.files_path(files)
    if Path(name).exists():
        return Path(name)
    have = f"it has {', '.join(known)}" if known else "it has none"
    raise UsageError(
        f"{kind}: {name!r} is no path, and the lake has no {kind} of that name ({have}). Make them: "
        f"{on_lake(f'{MAKE[kind]} {Path(name).name}', lake.root)}"
    )


def _check(rules: DomainRules, what: str, known: list[str]) -> None:
    try:
        check_values(rules, what, known, rules.topics if what == "topic" else rules.clusters)
    except ValueError as error:
        raise UsageError(f"domains: {error}") from error


def _by_name(rules: DomainRules, names: list[str]) -> DomainRules:
    """Clusters that rules call by their numbers, by their names."""
    numbered = {str(number): name for number, name in enumerate(names)}
    named = [
        rule.model_copy(update={"cluster": tuple(numbered.get(value, value) for value in rule.cluster)})
        for rule in rules.rules
    ]
    return rules.model_copy(update={"rules": tuple(named)})
