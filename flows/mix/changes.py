"""What a change of the data does to the trials of a mix: told before any is run, and kept as the table ``trial_reuse``.

A trial is bound to the tokens that it read. Which those were is told by the mix as it was: its trials with their
weights, and the fingerprint of each domain. The rows stand in a dataset of their own, since they tell of two mixes and
change neither. Cost: two small tables are read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from gristmill.core.digests import digest_json
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.schemas.tables import TokenStats, TrialReuse, Trials
from gristmill.tasks.mix.mixers.swarm.reuse import Lost, stranded
from gristmill.tasks.mix.report import ROLES
from gristmill.tasks.mix.token_store import TokenStore

KIND = "trial_reuse"
READ_ALL = (ROLES["static"], ROLES["doremi"])
"""Roles of trials that read every domain, whatever its weight."""


@dataclass(frozen=True)
class TrialBefore:
    """A trial of the mix as it was, and what is lost of the domains that it read."""

    mixture: str
    trial: str
    role: str
    lost: Lost

    def row(self, reused: bool) -> dict[str, Any]:
        """Its row of the table ``trial_reuse``."""
        return {
            "mixture": self.mixture,
            "trial": self.trial,
            "role": self.role,
            "stranded": bool(self.lost),
            "reused": reused,
            "changed": list(self.lost.changed),
            "gone": list(self.lost.gone),
        }


@dataclass(frozen=True)
class Change:
    """A change of the tokens of a mix. ``before`` is the key of the mix as it was; without a change it is empty."""

    before: str = ""
    trials: tuple[TrialBefore, ...] = field(default=())

    def told(self) -> list[str]:
        """A line for each mixture that has trials: how many are stranded, by what, and how many still count."""
        lines = []
        for name in sorted({each.mixture for each in self.trials}):
            lost = [each.lost for each in self.trials if each.mixture == name]
            gone = sum(map(bool, lost))
            lines.append(
                f"{name}: {gone} of {len(lost)} trials of the mix before are stranded{because(lost)}, "
                f"{len(lost) - gone} still count"
            )
        return lines


def because(lost: Iterable[Lost]) -> str:
    """Why trials are stranded, in brackets; empty when none is."""
    each = list(lost)
    changed = sorted({name for one in each for name in one.changed})
    gone = sorted({name for one in each for name in one.gone})
    said = [f"{', '.join(names)} {what}" for names, what in ((changed, "changed"), (gone, "gone")) if names]
    return f" ({'; '.join(said)})" if said else ""


def fingerprints(store: TokenStore) -> dict[str, str]:
    """The training tokens of each domain, as the table ``token_stats`` has them."""
    return {domain: store.fingerprint(domain) for domain, split in store.parts if split == "train"}


def change_since(dataset: Dataset | None, mixtures: Iterable[str], now: Mapping[str, str], lake: Lake) -> Change:
    """What became of the trials of ``mixtures`` in the mix ``dataset``, given the fingerprints of domains ``now``.

    An empty fingerprint stands for tokens that are not made yet, and differs from all others.
    """
    if dataset is None:
        return Change()
    stats = [row for ref in dataset.tables.get(TokenStats.name, ()) for row in lake.read(ref).to_pylist()]
    had = {row["domain"]: row["fingerprint"] for row in stats if row["split"] == "train"}
    if had == now:
        return Change()
    asked = set(mixtures)
    found: dict[tuple[str, str], str] = {}
    read: dict[tuple[str, str], dict[str, str]] = {}
    columns = ["mixture", "trial", "role", "domain", "weight"]
    for ref in dataset.tables.get(Trials.name, ()):
        for row in lake.read(ref, columns).to_pylist():
            place = (row["mixture"], row["trial"])
            found[place] = row["role"]
            if row["domain"] in had and (row["weight"] > 0 or row["role"] in READ_ALL):
                read.setdefault(place, {})[row["domain"]] = had[row["domain"]]
    trials = [
        TrialBefore(mixture, trial, role, stranded(read.get((mixture, trial), {}), now))
        for (mixture, trial), role in sorted(found.items())
        if mixture in asked
    ]
    return Change(dataset.key, tuple(trials))


def keep_change(change: Change, mix: str, store: TokenStore, used: set[tuple[str, str]], lake: Lake) -> None:
    """Store what became of the trials; ``used`` are the mixtures and trials of the mix as it is now.

    Nothing is stored where no tokens changed: what the last change did stands.
    """
    if not change.before or not (change.trials or lake.dataset(KIND, mix)):
        return
    rows = [each.row((each.mixture, each.trial) in used) for each in change.trials]
    table = pa.Table.from_pylist(rows, schema=TrialReuse.schema)
    key = digest_json([change.before, store.digest, rows])[:16]
    ref = lake.write_table(TrialReuse, mix, key, table)
    config = {"before": change.before, "tokens": store.digest}
    counts = {"stranded": sum(row["stranded"] for row in rows), "reused": sum(row["reused"] for row in rows)}
    lake.commit(Dataset(kind=KIND, name=mix, config=config, counts=counts, tables={TrialReuse.name: (ref,)}))


def kept_change(mix: str, lake: Lake) -> list[dict[str, Any]]:
    """The rows of ``trial_reuse`` of the last change of the tokens of a mix; none where they never changed."""
    dataset = lake.dataset(KIND, mix)
    refs = dataset.tables[TrialReuse.name] if dataset is not None else ()
    return [row for ref in refs for row in lake.read(ref).to_pylist()]
