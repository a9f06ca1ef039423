"""A small but complete lake, written from plain rows through the lake's own protocol: every fate a record can have, two
sources, two mixtures with losses, checkpoints and scores, gates that passed, warned and stopped, and text that tries
to break out of a page. Deterministic: the same rows give the same lake.
"""

import hashlib
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.schemas.tables import TABLES
from tests.helpers.ledger_rows import table_of
from tests.helpers.mixing_rows import report_rows, swarm_rows

NIGHT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
DOMAINS = ("documentation", "code", "mathematics", "prose")
ATTACK = (
    '<script>window.pwned=1</script><img src=x onerror="window.pwned=1"> '
    "{{ constructor.constructor('window.pwned=1')() }} [link](javascript:window.pwned=1) ${window.pwned=1}"
)
ATTACK_URL = 'https://evil.example/"><script>window.pwned=1</script><img src=x onerror=window.pwned=1>?q={{7*7}}'
LONG_URL = "https://long.example/" + "a-very-long-path-segment/" * 80 + "end.html"
CHINESE = (
    "磨坊把爬取的网页变成训练数据。每一条记录都有且只有一个归宿：保留、拒绝、重复或搁置。\n第二段说明阈值如何改变。"
)
PARAGRAPH = (
    "The miller weighs the grain before it is ground, and writes down what was taken out and why. "
    "A page that is kept has passed every rule of the policy; a page that is not has failed at least one of them.\n"
)

Rows = dict[str, dict[str, list[dict[str, Any]]]]


@dataclass(frozen=True)
class SmallLake:
    """The lake and the documents that tests look for."""

    lake: Lake
    kept: str
    rejected: str
    duplicate: str
    representative: str
    same_record: str
    set_aside_url: str
    unnamed_record: str
    attack: str
    long_url: str
    chinese: str
    checkpoint: Path


def doc_id(name: str) -> str:
    """32 hex digits for a readable name."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def put(lake: Lake, table: str, shard: str, rows: list[dict[str, Any]]) -> Ref:
    """Write rows as one shard of a table; columns that they do not give are blank."""
    arrow = table_of(TABLES[table], rows)
    key = hashlib.md5(repr(rows).encode(), usedforsecurity=False).hexdigest()[:16]
    return lake.write_table(TABLES[table], shard, key, arrow)


def commit(lake: Lake, kind: str, name: str, rows: Rows, counts: dict[str, Any] | None = None) -> Dataset:
    """Write ``rows`` (table -> shard -> rows) and make them the current dataset of ``kind`` and ``name``."""
    refs = {
        table: tuple(put(lake, table, shard, shard_rows) for shard, shard_rows in sorted(shards.items()))
        for table, shards in rows.items()
    }
    dataset = Dataset(kind=kind, name=name, config={"policy": "small"}, counts=counts or {}, tables=refs)
    lake.commit(dataset)
    return dataset


class Curation:
    """Collects the rows of one source."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.rows: Rows = defaultdict(lambda: defaultdict(list))
        self.count = 0

    def document(
        self,
        name: str,
        shard: str,
        text: str,
        *,
        url: str | None = None,
        words: int | None = None,
        domain: str = "prose",
        punctuation: float = 0.9,
        bullets: float = 0.05,
    ) -> str:
        """Add a document with its signals; the verdict is added by :meth:`keep`, :meth:`reject` or :meth:`copy_of`."""
        self.count += 1
        identity = doc_id(f"{self.source}/{name}")
        address = url or f"https://{self.source}.example/pages/{name}.html"
        self.rows["documents"][shard].append(
            {
                "doc_id": identity,
                "source": self.source,
                "url": address,
                "host": address.split("/")[2],
                "fetched_at": NIGHT - timedelta(days=3, minutes=self.count),
                "record_uri": f"{self.source}-{shard}.warc.gz@{self.count * 4096}+{1000 + self.count}",
                "record_digest": doc_id(f"payload {text}"),
                "text": text,
                "text_hash": doc_id(f"text {text}"),
                "chars": len(text),
                "extractor": "resiliparse",
                "encoding": "utf-8",
            }
        )
        count = len(text.split()) if words is None else words
        signals = {
            "signals/language": {
                "language": "zh" if text == CHINESE else "en",
                "language_score": 0.97,
                "language_second": "de",
                "language_second_score": 0.01,
            },
            "signals/gopher_quality": {
                "words": count,
                "mean_word_length": 4.6,
                "hash_word_ratio": 0.001,
                "ellipsis_word_ratio": 0.0,
                "bullet_line_ratio": bullets,
                "ellipsis_line_ratio": 0.0,
                "alpha_word_ratio": 0.98,
                "stop_words": 6,
            },
            "signals/fineweb": {
                "punct_line_ratio": punctuation,
                "short_line_ratio": 0.1,
                "dup_line_char_ratio": 0.0,
                "newline_word_ratio": 0.04,
            },
            "signals/domain": {
                "domain": domain,
                "code_line_ratio": 0.5 if domain == "code" else 0.0,
                "math_token_ratio": 0.3 if domain == "mathematics" else 0.0,
                "reference_line_ratio": 0.0,
            },
        }
        for table, values in signals.items():
            self.rows[table][shard].append({"doc_id": identity, **values})
        return identity

    def verdict(self, identity: str, shard: str, stage: str, **columns: Any) -> None:
        """Add one row to the ledger."""
        empty = {"rule": None, "signal": None, "value": None, "value_text": None, "threshold": None}
        row = {"doc_id": identity, "source": self.source, "stage": stage, "kept": False, "rank": 1, **empty, **columns}
        self.rows["verdicts"][shard].append(row)

    def keep(self, identity: str, shard: str, stage: str = "decide") -> None:
        """The document passed ``stage``."""
        self.verdict(identity, shard, stage, kept=True, rank=0)

    def reject(
        self, identity: str, shard: str, rank: int, rule: str, signal: str, value: float, threshold: str
    ) -> None:
        """The document failed a rule of the policy."""
        self.verdict(identity, shard, "decide", rank=rank, rule=rule, signal=signal, value=value, threshold=threshold)

    def curate(self, identity: str, shard: str, domain: str, redactions: int = 0) -> None:
        """The document passed everything: add its row to ``curated``."""
        row = next(row for row in self.rows["documents"][shard] if row["doc_id"] == identity)
        self.rows["curated"][shard].append(
            {
                **row,
                "domain": domain,
                "language": "en",
                "quality": 0.75,
                "tokens": len(row["text"].split()) + 12,
                "redactions": redactions,
            }
        )

    def cluster(self, members: list[tuple[str, str, str, float]]) -> None:
        """A cluster of (doc_id, shard, reason, similarity), the representative first."""
        for identity, shard, reason, similarity in members:
            row = next(row for row in self.rows["documents"][shard] if row["doc_id"] == identity)
            self.rows["clusters"]["all"].append(
                {
                    "doc_id": identity,
                    "record_uri": row["record_uri"],
                    "cluster_id": members[0][0],
                    "representative": reason == "kept",
                    "reason": reason,
                    "similarity": similarity,
                }
            )

    def aside(self, url: str | None, uri: str, stage: str, reason: str, detail: str, **columns: Any) -> None:
        """Add a set-aside record (or, with ``kind="damage"``, a damaged byte range)."""
        row = {"doc_id": None, "source": self.source, "url": url, "record_uri": uri, "stage": stage, "kind": "record"}
        self.rows["set_aside"]["s-one"].append({**row, "reason": reason, "detail": detail, **columns})


def build_small_lake(root: Path) -> SmallLake:
    """Write the lake at ``root``, an empty or new folder, and a checkpoint folder beside it."""
    lake = Lake.open(root)
    handbook = Curation("handbook")
    found = _handbook(handbook)
    news = Curation("news-zh")
    chinese = news.document("磨坊", "s-zh", CHINESE, url="https://新闻.example/文章/磨坊.html")
    news.keep(chinese, "s-zh")
    news.keep(chinese, "s-zh", "deduplicate")
    news.keep(chinese, "s-zh", "clean")
    news.keep(chinese, "s-zh", "review")
    news.curate(chinese, "s-zh", "prose")
    short = news.document("快讯", "s-zh", "快讯", url="https://新闻.example/快讯.html", words=1)
    news.reject(short, "s-zh", 1, "min_words", "gopher_quality.words", 1.0, ">= 50")
    commit(lake, "curation", "handbook", handbook.rows, {"records": 59, "kept": 38})
    commit(lake, "curation", "news-zh", news.rows, {"records": 2})
    _mixtures(lake)
    _training(lake)
    _gates(lake)
    _log(lake)
    checkpoint = root.parent / "checkpoint-outside"
    checkpoint.mkdir(exist_ok=True)
    (checkpoint / "model.safetensors").write_bytes(b"\0" * 16)
    (checkpoint / "config.json").write_text("{}", encoding="utf-8")
    return SmallLake(lake=lake, chinese=chinese, checkpoint=checkpoint, **found)


def _handbook(source: Curation) -> dict[str, str]:
    """Kept, rejected, duplicate and set-aside records in two shards."""
    kept = []
    for number in range(36):
        shard = "s-one" if number % 2 else "s-two"
        domain = DOMAINS[number % 4]
        identity = source.document(f"page-{number:03d}", shard, f"Page {number}.\n" + PARAGRAPH * 4, domain=domain)
        kept.append((identity, shard, domain))
    special = {
        "attack": source.document("attack", "s-one", ATTACK + "\n" + PARAGRAPH * 3, url=ATTACK_URL),
        "long_url": source.document("long", "s-one", PARAGRAPH * 5, url=LONG_URL),
    }
    kept += [(identity, "s-one", "prose") for identity in special.values()]
    near = source.document("page-000-print", "s-one", "Page 0, for print.\n" + PARAGRAPH * 4)
    exact = source.document("page-000-copy", "s-two", "Page 0.\n" + PARAGRAPH * 4)
    again = source.document("page-001", "s-two", "Page 1.\n" + PARAGRAPH * 4)  # the record of s-one, crawled again
    copies = [(near, "s-one", "near", 0.91), (exact, "s-two", "exact", 1.0), (again, "s-two", "same_record", 1.0)]
    for identity, shard, _ in kept:
        source.keep(identity, shard)
        source.keep(identity, shard, "deduplicate")
        source.keep(identity, shard, "clean")
        source.keep(identity, shard, "review")
        source.curate(identity, shard, _, redactions=1 if identity == kept[0][0] else 0)
    for identity, shard, reason, similarity in copies:
        source.keep(identity, shard)
        source.verdict(
            identity,
            shard,
            "deduplicate",
            rule=reason,
            signal="clusters.similarity",
            value=similarity,
            value_text="duplicate of " + (kept[1] if reason == "same_record" else kept[0])[0],
            threshold="< 0.75" if reason == "near" else "< 1",
        )
    source.cluster([(kept[0][0], "s-two", "kept", 1.0), *copies[:2]])
    source.cluster([(kept[1][0], "s-one", "kept", 1.0), copies[2]])
    source.rows["pairs"]["all"].append(
        {"doc_id": min(kept[0][0], near), "other": max(kept[0][0], near), "bands": 9, "jaccard": 0.91, "verified": True}
    )
    text = source.rows["documents"]["s-two"][0]["text"]
    source.rows["spans"]["s-two"].append(
        {
            "doc_id": kept[0][0],
            "kind": "email",
            "start": 2,
            "end": min(20, len(text)),
            "score": 0.99,
            "detector": "regex",
            "version": "1",
        }
    )
    rejected = ""
    for number in range(11):
        shard = "s-two" if number % 3 else "s-one"
        punctuation = 0.9 if number % 2 else 0.05
        text = "Menu. Home. Login."
        identity = source.document(f"stub-{number:02d}", shard, text, words=3, punctuation=punctuation)
        source.reject(identity, shard, 1, "min_words", "gopher_quality.words", 3.0, ">= 50")
        if number % 2 == 0:
            source.reject(identity, shard, 3, "punctuation", "fineweb.punct_line_ratio", punctuation, ">= 0.12")
        rejected = rejected or identity
    for number in range(3):
        identity = source.document(f"list-{number:02d}", "s-one", "- item\n" * 80, bullets=1.0)
        source.reject(identity, "s-one", 2, "bullets", "gopher_quality.bullet_line_ratio", 1.0, "<= 0.9")
    aside = "https://handbook.example/files/logo.png"
    source.aside(aside, "handbook-s-one.warc.gz@900000+812", "ingest", "not_text", "image/png", doc_id=doc_id("logo"))
    source.aside(
        "https://handbook.example/gone", "handbook-s-one.warc.gz@910000+300", "ingest", "http_error", "status 404"
    )
    source.aside(
        "https://handbook.example/empty", "handbook-s-one.warc.gz@920000+310", "extract", "empty_text", "0 characters"
    )
    source.aside(None, "handbook-s-two.warc.gz@930000+77", "ingest", "no_target", "no WARC-Target-URI")
    source.aside(
        None, "handbook-s-two.warc.gz@940000+51", "ingest", "truncated", "gzip member ends early", kind="damage"
    )
    return {
        **special,
        "kept": kept[2][0],
        "rejected": rejected,
        "duplicate": near,
        "representative": kept[0][0],
        "same_record": again,
        "set_aside_url": aside,
        "unnamed_record": "handbook-s-two.warc.gz@930000+77",
    }


def _mixtures(lake: Lake) -> None:
    weights = {"natural": (0.55, 0.2, 0.05, 0.2), "doremi": (0.3, 0.3, 0.2, 0.2)}
    stats = [
        {
            "domain": domain,
            "split": split,
            "documents": 9,
            "tokens": tokens,
            "bytes": tokens * 4,
            "fingerprint": doc_id(domain + split),
        }
        for domain in DOMAINS
        for split, tokens in (("train", 120_000), ("heldout", 8_000))
    ]
    mixtures = [
        {
            "mixture": name,
            "method": "doremi" if name == "doremi" else "static",
            "digest": doc_id(name),
            "stage": 0,
            "until_token": 600_000,
            "domain": domain,
            "weight_raw": share,
            "weight": share,
            "realised": share + (0.002 if domain == "prose" else 0.0),
            "rows": int(share * 4000),
            "epochs": round(share * 5, 2),
            "max_epochs": 4.0,
        }
        for name, shares in weights.items()
        for domain, share in zip(DOMAINS, shares, strict=True)
    ]
    trace = [
        {
            "mixture": "doremi",
            "step": step,
            "domain": domain,
            "weight": 0.25 + (share - 0.25) * step / 100,
            "excess_loss": 0.4 - step / 400,
        }
        for step in range(0, 101, 20)
        for domain, share in zip(DOMAINS, weights["doremi"], strict=True)
    ]
    rows: Rows = {"token_stats": {"all": stats}, "mixtures": {"all": mixtures}, "mixture_trace": {"all": trace}}
    found = report_rows("doremi", DOMAINS, weights["doremi"], [120_000] * 4)
    trials = swarm_rows("doremi", DOMAINS, 24)
    rows |= {table: {"all": each} for table, each in (found | trials).items()}
    commit(lake, "mix", "small", rows)


def _training(lake: Lake) -> None:
    runs, losses, checkpoints = [], [], []
    evaluations: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    responses: list[dict[str, Any]] = []
    for mixture, gain in (("natural", 0.0), ("doremi", 0.06)):
        run = doc_id(f"run {mixture}")
        runs.append(
            {
                "run": run,
                "mixture": mixture,
                "mixture_digest": doc_id(mixture),
                "recipe": "tiny",
                "launcher": "local",
                "parameters": 1_380_000,
                "steps": 300,
                "tokens": 614_400,
                "status": "succeeded",
            }
        )
        for step in range(1, 301, 3):
            loss = 8.3 * math.exp(-step / 90) + 3.9 - gain
            losses.append({"run": run, "step": step, "tokens": step * 2048, "loss": loss, "learning_rate": 3e-3})
        for step in (100, 200, 300):
            checkpoint = doc_id(f"{mixture} {step}")
            place = {"run": run, "mixture": mixture, "step": step, "tokens": step * 2048}
            checkpoints.append(
                {
                    **place,
                    "first_row": 0,
                    "end_row": step * 16,
                    "checkpoint": checkpoint,
                    "path": f"data/files/checkpoint/{mixture}/{step}",
                    "parameters": 1_380_000,
                }
            )
            _score(place, checkpoint, gain, evaluations, scores, samples, responses)
    commit(
        lake,
        "training",
        "small",
        {"runs": {"all": runs}, "losses": {"all": losses}, "checkpoints": {"all": checkpoints}},
    )
    tables = {
        "eval_runs": {"all": evaluations},
        "scores": {"all": scores},
        "samples": {"all": samples},
        "responses": {"all": responses},
    }
    commit(lake, "evaluation", "small", tables)


def _score(
    place: dict[str, Any],
    checkpoint: str,
    gain: float,
    evaluations: list[dict[str, Any]],
    scores: list[dict[str, Any]],
    samples: list[dict[str, Any]],
    responses: list[dict[str, Any]],
) -> None:
    step = int(place["step"])
    suites = (
        ("reading", "reading", "accuracy", "all", 0.25, True, 48),
        ("arithmetic", "mathematics", "accuracy", "all", None, True, 40),
        ("python-basics", "code", "pass@1", "all", None, True, 40),
        *(("heldout", "perplexity", "bits_per_byte", domain, None, False, 60) for domain in DOMAINS),
    )
    for suite, area, metric, subset, chance, better, items in suites:
        if better:
            value = (chance or 0.02) + step / 3000 + gain
            margin = 1.96 * math.sqrt(value * (1 - value) / items)
        else:
            value, margin = 3.1 - step / 400 - gain + 0.1 * DOMAINS.index(subset), 0.05
        scores.append(
            {
                "checkpoint": checkpoint,
                "suite": suite,
                "area": area,
                "metric": metric,
                "convention": metric,
                "headline": subset in ("all", DOMAINS[0]),
                "subset": subset,
                "value": value,
                "low": max(0.0, value - margin),
                "high": value + margin,
                "n": items,
                "chance": chance,
                "above_chance": None if chance is None else 0.01,
                "higher_is_better": better,
                "method": "wilson" if better else "bootstrap by text",
                "failures": 0,
                "jail_tier": "bubblewrap" if area == "code" else "",
            }
        )
        if subset in ("all", DOMAINS[0]):
            evaluations.append(
                {
                    **place,
                    "checkpoint": checkpoint,
                    "label": f"{place['mixture']} {step}",
                    "suite": suite,
                    "suite_digest": doc_id(suite),
                    "area": area,
                    "items": items,
                    "backend": "transformers 5.23 float32",
                }
            )
            name = {"checkpoint": checkpoint, "suite": suite, "item": f"{suite}-001", "repeat": 0}
            answer = {"text": ATTACK, "finish": "stop", "tokens": 9, "lost": 0, "log_probability": None, "greedy": None}
            responses.append({**name, "part": 0, "prompt": "2 + 2 =", **answer, "seed": 0})
            samples.append(
                {
                    **name,
                    "convention": metric,
                    "subset": "",
                    "cluster": "",
                    "expected": "4",
                    "verdict": "wrong",
                    "value": 0.0,
                    "weight": 1.0,
                    "detail": "not a number",
                }
            )


def _gates(lake: Lake) -> None:
    def result(
        gate: str, source: str, name: str, column: str, severity: str, bad: int, examples: list[Any]
    ) -> dict[str, Any]:
        return {
            "gate": gate,
            "source": source,
            "expectation": name,
            "column": column,
            "severity": severity,
            "ok": bad == 0,
            "observed": f"{bad} of 52 rows" if bad else "52 rows",
            "checked_rows": 52,
            "unexpected_rows": bad,
            "shards": ["s-one"] if bad else [],
            "examples": json.dumps(examples, ensure_ascii=False),
        }

    rows = [
        result("documents", "handbook", "expect_column_values_to_be_unique", "doc_id", "critical", 0, []),
        result("documents", "handbook", "expect_column_values_to_not_be_null", "text", "critical", 0, []),
        result(
            "signals", "handbook", "expect_column_values_to_be_between", "mean_word_length", "warning", 2, [41.5, 77]
        ),
        result("curated", "handbook", "no_personal_data_left", "text", "critical", 0, []),
    ]
    stopped = [
        result("documents", "news-zh", "text_holds_no_markup", "text", "critical", 1, [ATTACK]),
        result("documents", "news-zh", "expect_column_values_to_not_be_null", "text", "critical", 0, []),
    ]
    commit(lake, "gates", "handbook", {"gate_results": {"handbook": rows}})
    commit(lake, "gates", "news-zh", {"gate_results": {"news-zh": stopped}})


def _log(lake: Lake) -> None:
    runs = (
        ("curate", "handbook", "succeeded", 0, 190, None, {"records": 59, "kept": 38}),
        (
            "curate",
            "news-zh",
            "stopped_by_gate",
            4,
            31,
            "gate documents: text_holds_no_markup failed in shard s-zh",
            {},
        ),
        ("mix", "small", "succeeded", 6, 20, None, {"mixtures": 2}),
        ("train", "small", "succeeded", 8, 140, None, {"checkpoints": 6}),
        ("evaluate", "small", "failed", 14, 12, "the model adapter is missing: install gristmill[train]", {}),
        ("evaluate", "small", "succeeded", 20, 65, None, {"scores": 42}),
        ("pipeline", "nightly", "running", 30, None, None, {}),
    )
    for number, (flow, name, status, minute, seconds, error, counts) in enumerate(runs):
        started = NIGHT + timedelta(minutes=minute)
        run = {
            "run_id": doc_id(f"run {number}"),
            "flow": flow,
            "name": name,
            "status": status,
            "started_at": started.isoformat(),
            "finished_at": None if seconds is None else (started + timedelta(seconds=seconds)).isoformat(),
            "error": error,
            "counts": counts,
        }
        lake.log_path("runs", f"{run['run_id']}.json").write_text(json.dumps(run), encoding="utf-8")
    cost = {
        "step": "extract",
        "shard": "s-one",
        "key": "0123456789abcdef",
        "seconds": 4.2,
        "cpu_seconds": 4.0,
        "peak_rss_bytes": 400_000_000,
        "rows_in": 30,
        "rows_out": 28,
        "finished_at": NIGHT.isoformat(),
    }
    lake.log_path("costs", "extract", "s-one-0123456789abcdef.json").write_text(json.dumps(cost), encoding="utf-8")
