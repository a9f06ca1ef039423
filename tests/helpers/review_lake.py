"""A lake with documents that wait for review: three held, four kept, one dropped; one text tries to break out."""

from dataclasses import dataclass
from pathlib import Path

from gristmill.core.lake import Lake
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.reviews.store import Reviews
from tests.helpers.small_lake import Curation, commit, doc_id

HOSTILE = 'Write to <b id="broken">jane@corp.io</b> <script>window.broken = 1</script>\u202eor call 139 1234 5678 now.'
TEXTS = {
    "hostile": HOSTILE,
    "second": "The second page gives the number 139 1234 5678 and nothing else of note.",
    "third": "A third page, with jane@corp.io in it.",
}
SHARD = "s-one"


@dataclass(frozen=True)
class ReviewLake:
    """The lake, published."""

    lake: Lake

    @property
    def warehouse(self) -> Warehouse:
        """The published warehouse."""
        return Warehouse.open(self.lake.root)

    @property
    def reviews(self) -> Reviews:
        """What people decided."""
        return Reviews(self.lake.root)


def text_hash(name: str) -> str:
    """The hash of a text of ``TEXTS``, or of another page."""
    return doc_id(f"text {TEXTS.get(name, _other(name))}")


def build_review_lake(root: Path) -> ReviewLake:
    """Write and publish the lake at ``root``, a new folder."""
    lake = Lake.open(root)
    source = Curation("web")
    for name, text in TEXTS.items():
        identity = source.document(name, SHARD, text)
        _reach(source, identity)
        kind, value = ("phone", "139 1234 5678") if "139" in text else ("email", "jane@corp.io")
        _find(source, identity, text, kind, value)
        if name == "hostile":
            _find(source, identity, text, "email", "jane@corp.io")
        source.verdict(
            identity,
            SHARD,
            "review",
            rule=f"review:{kind}",
            value=0.8,
            value_text=f"test:{kind}",
            threshold="< 0.5",
        )
    for name, domain in (("one", "prose"), ("two", "prose"), ("three", "code"), ("four", "code")):
        identity = source.document(name, SHARD, _other(name), domain=domain)
        _reach(source, identity)
        source.keep(identity, SHARD, "review")
        source.curate(identity, SHARD, domain)
    dropped = source.document("dropped", SHARD, _other("dropped"))
    _reach(source, dropped)
    source.verdict(dropped, SHARD, "review", rule="drop:api_key", value=1.0, value_text="test:key", threshold="none")
    commit(lake, "curation", "web", source.rows, {"records": 8, "kept": 4})
    publish(lake)
    return ReviewLake(lake)


def _other(name: str) -> str:
    return f"Page {name} is plain and has nothing in it that anybody would ask about."


def _reach(source: Curation, identity: str) -> None:
    for stage in ("decide", "deduplicate", "clean"):
        source.keep(identity, SHARD, stage)


def _find(source: Curation, identity: str, text: str, kind: str, value: str) -> None:
    start = text.index(value)
    source.rows["spans"][SHARD].append(
        {
            "doc_id": identity,
            "kind": kind,
            "start": start,
            "end": start + len(value),
            "score": 0.8,
            "detector": f"test:{kind}",
            "version": "1",
        }
    )
