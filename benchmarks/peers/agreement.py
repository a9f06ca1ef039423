"""How far Gristmill's verdicts agree with the upstream code, text by text, and how they differ.

    python -m benchmarks.peers.agreement ../shared/corpora/text [--write]

Computes the signals of every text of the folder, judges them by the presets, and compares with the golden files that
``benchmarks.peers.verdicts`` made by running upstream itself. Prints a table; ``--write`` records it in
``tests/golden/agreement.json``, which the tests enforce. Cost: about 10 seconds for 100 MB, plus compiling once.
"""

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from gristmill.core.digests import digest_text
from gristmill.schemas.tables import SIGNALS, Documents, SignalsLanguage
from gristmill.tasks.filtering.decide import DecideConfig, decide
from gristmill.tasks.filtering.policy import load_policy
from gristmill.tasks.signals.heuristics import WRITES, HeuristicsConfig, heuristics
from gristmill.tasks.signals.language import language, language_config

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden"
RECORD = GOLDEN / "agreement.json"
KEPT = "kept"
ALL, CODE, ENGLISH, OTHER = "all", "code", "English", "other languages"


@dataclass(frozen=True)
class Upstream:
    """The filters whose verdicts in a golden file correspond to a preset, in upstream's order."""

    file: str
    filters: tuple[str, ...]


PRESETS = {
    "gopher@datatrove-0.10": Upstream("datatrove", ("gopher_repetition", "gopher_quality")),
    "c4@paper": Upstream("datatrove", ("c4_paper",)),
    "c4@tfds": Upstream("c4", ("c4_tfds",)),
    "fineweb@code": Upstream(
        "datatrove", ("language", "gopher_repetition", "gopher_quality", "c4_fineweb", "fineweb_code")
    ),
    "fineweb@paper": Upstream(
        "datatrove", ("language", "gopher_repetition", "gopher_quality", "c4_fineweb", "fineweb_paper")
    ),
}

RULES = {
    "dropped": "language",
    "dup_para_frac": "gopher_dup_paragraph",
    "dup_para_char_frac": "gopher_dup_paragraph_char",
    "dup_line_frac": "gopher_dup_line",
    "dup_line_char_frac": "gopher_dup_line_char",
    **{f"top_{size}_gram": f"gopher_top_{size}_gram" for size in (2, 3, 4)},
    **{f"duplicated_{size}_n_grams": f"gopher_dup_{size}_gram" for size in range(5, 11)},
    "gopher_short_doc": "gopher_words",
    "gopher_long_doc": "gopher_words",
    "gopher_below_avg_threshold": "gopher_mean_word_length",
    "gopher_above_avg_threshold": "gopher_mean_word_length",
    "gopher_too_many_hashes": "gopher_hashes",
    "gopher_too_many_ellipsis": "gopher_ellipses",
    "gopher_too_many_bullets": "gopher_bullet_lines",
    "gopher_too_many_end_ellipsis": "gopher_ellipsis_lines",
    "gopher_below_alpha_threshold": "gopher_alpha_words",
    "gopher_enough_stop_words": "gopher_stop_words",
    "lorem_ipsum": "c4_lorem_ipsum",
    "loremipsum": "c4_lorem_ipsum",
    "curly_bracket": "c4_curly_bracket",
    "squigglybracket": "c4_curly_bracket",
    "too_few_sentences": "c4_sentences",
    "line_punct_ratio": "fineweb_punct_lines",
    "short_line_ratio": "fineweb_short_lines",
    "char_dup_ratio": "fineweb_dup_line_char",
    "list_ratio": "fineweb_newlines",
    "empty": "fineweb_punct_lines",
}
"""The names of our rules, by upstream's reasons."""


@dataclass(frozen=True)
class Agreement:
    """Of ``documents`` texts, those judged alike; differing fates as ``theirs -> ours``; and of the texts that both
    drop, those dropped by different rules, in the same form."""

    documents: int
    kept: int
    differing: Counter[str]
    other_rule: Counter[str]

    @property
    def share(self) -> float:
        """Texts with the same fate, as a share."""
        return 1 - self.differing.total() / self.documents if self.documents else 1.0


def corpus(folder: Path) -> pa.Table:
    """Every text of the folder once: ``doc_id`` is the key of the golden files, ``source`` the stated language."""
    found: dict[str, tuple[str, str, str]] = {}
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                found.setdefault(digest_text(entry["text"])[:12], (entry["lang"], path.name, entry["text"]))
    keys = sorted(found)
    rows = [found[key] for key in keys]
    columns = {"doc_id": keys}
    columns |= dict(zip(("source", "record_uri", "text"), map(list, zip(*rows, strict=True)), strict=True))
    blank = {field.name: pa.nulls(len(keys), field.type) for field in Documents.schema}
    return pa.table(blank | {name: pa.array(values, pa.string()) for name, values in columns.items()})


def group(language: str) -> str:
    """``code``, ``English`` or ``other languages``."""
    return CODE if language.startswith("code:") else ENGLISH if language == "en" else OTHER


def upstream(preset: str) -> pl.DataFrame:
    """``doc_id`` and ``theirs``: the first reason of the preset's filters, by our rule's name, or ``kept``."""
    chosen = PRESETS[preset]
    table = pl.read_parquet(GOLDEN / f"verdicts_{chosen.file}.parquet")
    reasons = [pl.col(name).cast(pl.String) for name in chosen.filters]
    first = pl.coalesce(pl.when(reason != "").then(reason) for reason in reasons)
    return table.select(
        pl.col("text").bin.encode("hex").alias("doc_id"), first.replace_strict(RULES, default=KEPT).alias("theirs")
    )


def ours(documents: pa.Table, signals: dict[str, pa.Table], preset: str) -> pl.DataFrame:
    """``doc_id`` and ``ours``: the first rule that a text fails, or ``kept``."""
    tables = {table.name: signals.get(table.name, table.schema.empty_table()) for table in SIGNALS}
    verdicts = pl.DataFrame(decide.function(documents, tables, DecideConfig(policy=load_policy(preset))))
    first = verdicts.sort("rank").group_by("doc_id").agg(pl.col("rule").first())
    return first.select("doc_id", pl.col("rule").fill_null(KEPT).replace("language_score", "language").alias("ours"))


def compare(documents: pa.Table, signals: dict[str, pa.Table], preset: str) -> dict[str, Agreement]:
    """The agreement over all texts and over each group of them."""
    both = judged(documents, signals, preset)
    groups = pl.Series([group(language) for language in both["source"]], dtype=pl.String)
    parts = {ALL: both, **{name: both.filter(groups == name) for name in (ENGLISH, CODE, OTHER)}}
    return {name: _agreement(part) for name, part in parts.items()}


def judged(documents: pa.Table, signals: dict[str, pa.Table], preset: str) -> pl.DataFrame:
    """``doc_id``, ``source``, ``record_uri``, ``theirs`` and ``ours`` of every text that the golden file knows."""
    known = pl.DataFrame(documents.select(["doc_id", "source", "record_uri"]))
    return known.join(upstream(preset), on="doc_id").join(ours(documents, signals, preset), on="doc_id")


def _agreement(both: pl.DataFrame) -> Agreement:
    theirs_kept, ours_kept = pl.col("theirs") == KEPT, pl.col("ours") == KEPT
    differing = both.filter(theirs_kept != ours_kept)
    other = both.filter(~theirs_kept & ~ours_kept & (pl.col("theirs") != pl.col("ours")))
    return Agreement(both.height, both.filter(theirs_kept).height, _kinds(differing), _kinds(other))


def _kinds(rows: pl.DataFrame) -> Counter[str]:
    return Counter(f"{theirs} -> {our}" for theirs, our in rows.select("theirs", "ours").iter_rows())


def record(found: dict[str, dict[str, Agreement]]) -> dict[str, object]:
    """The figures that the tests enforce."""
    return {
        preset: {
            name: {
                "documents": part.documents,
                "kept": part.kept,
                "agreement": round(part.share, 5),
                "differing": dict(sorted(part.differing.items())),
                "other_rule": part.other_rule.total(),
            }
            for name, part in parts.items()
        }
        for preset, parts in found.items()
    }


def table(found: dict[str, dict[str, Agreement]]) -> Iterable[str]:
    """The agreement as a Markdown table."""
    yield "| preset | texts | documents | kept upstream | same fate | differing | dropped by another rule |"
    yield "|---|---|---|---|---|---|---|"
    for preset, parts in found.items():
        for name, part in parts.items():
            numbers = f"{part.documents:,} | {part.kept:,} | {part.share:.4%} | {part.differing.total()}"
            yield f"| `{preset}` | {name} | {numbers} | {part.other_rule.total()} |"


def signals(documents: pa.Table) -> dict[str, pa.Table]:
    """The signals that the presets use, for every text, by table."""
    written = heuristics.function(documents, HeuristicsConfig())
    named = {each.name: rows for each, rows in zip(WRITES, written, strict=True)}
    return named | {SignalsLanguage.name: language.function(documents, language_config())}


def main() -> None:
    """Compare, print, and record on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help="record the result for the tests")
    parser.add_argument("--texts", action="store_true", help="print the keys and files of texts that are judged apart")
    arguments = parser.parse_args()
    documents = corpus(arguments.folder)
    values = signals(documents)
    found = {preset: compare(documents, values, preset) for preset in PRESETS}
    print("\n".join(table(found)))
    for preset, parts in found.items():
        print(f"\n{preset}: fates that differ: {dict(parts[ALL].differing.most_common())}")
        print(f"{preset}: dropped by another rule: {dict(parts[ALL].other_rule.most_common(8))}")
        if arguments.texts:
            rows = judged(documents, values, preset).filter((pl.col("theirs") == KEPT) != (pl.col("ours") == KEPT))
            for row in rows.iter_rows(named=True):
                print("   ", *row.values())
    if arguments.write:
        RECORD.write_text(json.dumps(record(found), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
