"""What ``domains show``, ``train`` and ``cluster`` print: assignments, topic classifiers and clusters."""

from collections.abc import Sequence
from typing import Any

from gristmill.core.config import did_you_mean
from gristmill.core.errors import UsageError
from gristmill.core.files.places import local_path
from gristmill.core.lake import Lake
from gristmill.core.manifest import Ref
from gristmill.flows.checks import curated_refs
from gristmill.flows.domains.assigning import assign, unused_rules
from gristmill.flows.domains.resolve import resolve
from gristmill.flows.reporter import Reporter
from gristmill.tasks.domains.rules import DomainRules, read_rules
from gristmill.tasks.domains.summary import CURATION, agreement, summarise

BUILT_IN = ("curation", "source", "language")


def named_rules(words: str, lake: Lake) -> DomainRules | None:
    """The rules that ``words`` name: a file, a mix of the lake, or source or language, each value of which is a domain;
    None for the domains of the curation. Raises :class:`UsageError` for anything else."""
    if words in ("", CURATION):
        return None
    path = local_path(words, "the rules")
    if path.is_file():
        return read_rules(path)
    if words in BUILT_IN:
        return DomainRules.parse({"rules": [{"each": words}]}, words)
    known = lake.names("mix")
    if words not in known:
        hint = did_you_mean(words, [*BUILT_IN, *known])
        raise UsageError(
            f"{words}: this is not a file of rules, not a mix of the lake, and not one of {', '.join(BUILT_IN)}{hint}"
        )
    given = lake.expect("mix", words).config.get("settings", {}).get("domains")
    return None if given is None else DomainRules.parse(given, f"the mix {words}")


def show_assignment(
    rules: DomainRules | None,
    against: DomainRules | None,
    compare: bool,
    sources: Sequence[str],
    examples: int,
    lake: Lake,
    report: Reporter,
) -> dict[str, Any]:
    """The domains of curated documents by ``rules``, beside those by ``against`` where ``compare`` is set.

    Raises :class:`UsageError` for sources and models that are not there.
    """
    curated = curated_refs(sources, lake)
    assigned: list[Ref] = []
    unused: list[str] = []
    if rules is not None:
        config = resolve(rules, lake)
        assigned = assign(config, curated, lake, report)
        unused = unused_rules(config, assigned, lake)
    other = [] if against is None else assign(resolve(against, lake), curated, lake, report)
    paths = [[lake.path(ref) for ref in refs] for refs in (curated, assigned, other)]
    found = summarise(paths[0], paths[1], examples, paths[2] if compare else None)
    total = found.sizes["documents"].sum()
    domains = []
    for (name,), part in found.sizes.group_by("domain", maintain_order=True):
        own = found.examples.filter(domain=name).drop("domain").to_dicts()
        counts = {what: int(part[what].sum()) for what in ("documents", "words", "bytes")}
        took = part.sort("documents", descending=True).drop("domain").to_dicts()
        domains.append({"domain": name, "share": counts["documents"] / total, **counts, "rules": took, "examples": own})
    told: dict[str, Any] = {"documents": int(total), "domains": domains, "unused": unused}
    if compare:
        told |= {"overlap": found.overlap.to_dicts(), "agreement": round(agreement(found.overlap), 6)}
    return told
