"""Answers about the tokens of a mix: the report on its tokenizer, and exports for trainers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gristmill.core.errors import GristmillError
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef
from gristmill.flows.reporter import Reporter
from gristmill.schemas.tables import Mixtures
from gristmill.tasks.mix.exports.export import Export, ExportConfig
from gristmill.tasks.mix.exports.export import export as write_export
from gristmill.tasks.mix.orders.signals import FOLDERS
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokens import COUNTS, write_tokens


def token_report(dataset: Dataset, lake: Lake) -> dict[str, Any]:
    """Vocabulary, type, and for each language and each domain documents, tokens, bytes, words and their ratios.

    Tokens leave out the one end of text a document. Held-out text counts too. Raises :class:`GristmillError` for a mix
    that was made before these were counted.
    """
    store = open_store(dataset, lake)
    languages: dict[str, dict[str, dict[str, int]]] = {}
    for ref in dataset.files["tokens"]:
        manifest = lake.manifest(write_tokens.name, ref.shard, ref.key)
        if manifest is None or "languages" not in manifest.facts:
            again = on_lake(f"gristmill mix --name {dataset.name}", lake.root)
            raise GristmillError(
                f"the mix {dataset.name!r} was made before languages were counted. Make it again, with the --method "
                f"and --config that it was made with: {again}"
            )
        for language, domains in manifest.facts["languages"].items():
            for domain, counts in domains.items():
                held = languages.setdefault(language, {}).setdefault(domain, dict.fromkeys(COUNTS, 0))
                for name in COUNTS:
                    held[name] += counts[name]
    names = sorted({domain for domains in languages.values() for domain in domains})
    by_domain = {name: [domains[name] for domains in languages.values() if name in domains] for name in names}
    return {
        "mix": dataset.name,
        "tokenizer": store.tokenizer,
        "vocab_size": store.vocab_size,
        "eos_id": store.eos_id,
        "dtype": store.dtype.name,
        "languages": [_row(language, domains.values()) for language, domains in sorted(languages.items())],
        "domains": [_row(name, counts) for name, counts in by_domain.items()],
        "all": _row("all", [counts for domains in languages.values() for counts in domains.values()]),
    }


def _row(name: str, counts: Iterable[dict[str, int]]) -> dict[str, Any]:
    """Sums and ratios; a ratio is null where there is nothing to divide by."""
    each = list(counts)
    total = {column: sum(one[column] for one in each) for column in COUNTS}
    tokens, words = total["tokens"], total["words"]
    ratios = {
        "bytes_per_token": total["bytes"] / tokens if tokens else None,
        "tokens_per_word": tokens / words if words else None,
    }
    return {"name": name} | total | ratios


def export_mixture(dataset: Dataset, plan: FilesRef, config: ExportConfig, out: Path, lake: Lake) -> Export:
    """Export one mixture of a mix, with a display. Raises as :func:`gristmill.tasks.mix.exports.export.export` does."""
    caps = {
        row["domain"]: row["max_epochs"]
        for ref in dataset.tables[Mixtures.name]
        for row in lake.read(ref, ["mixture", "domain", "max_epochs"]).to_pylist()
        if row["mixture"] == plan.shard
    }
    order, store = Plan.load(lake.files_path(plan) / FILE), open_store(dataset, lake)
    (tokenizer,) = dataset.files["tokenizer"]
    if config.mode == "stream":
        units, unit = (config.target_tokens or order.tokens) // order.row_tokens, "rows"
    else:
        units, unit = sum(len(store.parts[entry.name, "train"]) for entry in order.domains), "files"
    signals = [lake.files_path(ref) for ref in dataset.files.get(FOLDERS, ())]
    with Reporter() as report, report.track(f"export {plan.shard}", units, unit) as advance:
        if order.sorted_rows and config.mode == "blend":
            report.say(
                f"Careful: {plan.shard} has a stage in the order of a signal, and a blend leaves the order to the "
                "trainer. With --mode stream the rows come in it."
            )
        folder = lake.files_path(tokenizer)
        return write_export(order, store, caps, config, folder, out, lambda done: advance(done, ""), signals)


def open_store(dataset: Dataset, lake: Lake) -> TokenStore:
    """The token store of a mix."""
    return TokenStore.open([lake.files_path(ref) for ref in dataset.files["tokens"]])
