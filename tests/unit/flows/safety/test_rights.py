"""What opt-outs cost, from a small lake."""

from pathlib import Path
from typing import Any

import pytest

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.flows.safety.rights import rights_cost
from gristmill.schemas.tables import Curated, Documents, SignalsRights
from tests.helpers.ledger_rows import table_of
from tests.helpers.small_curated import document

TEXT = "one two three four five"


def statement(name: str, reserved: bool = False, allowed: bool = False, sources: str | None = None) -> dict[str, Any]:
    said = {"reserved": reserved, "allowed": allowed, "sources": sources}
    return {"doc_id": document(name, "prose", TEXT)["doc_id"], "images_reserved": False, "noindex": False, **said}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.open(tmp_path)
    documents = [document(name, "prose", TEXT) for name in "abcde"]
    rights = [
        statement("a", reserved=True, sources="meta:robots, robots.txt:ai-agents"),
        statement("b", reserved=True, sources="robots.txt:ai-agents"),
        statement("c", allowed=True, sources="header:content-usage"),
        statement("d"),
        statement("e"),
    ]
    tables = {
        table.name: (lake.write_table(table, "s", "k", table_of(table, rows)),)
        for table, rows in ((Documents, documents), (SignalsRights, rights), (Curated, documents[1:4]))
    }
    lake.commit(Dataset(kind="curation", name="news", config={}, counts={}, tables=tables))
    return lake


def test_each_opt_out_has_its_price(lake: Lake) -> None:
    cost = rights_cost(lake, lake.expect("curation", "news"))
    assert (cost.documents, cost.characters) == (5, 5 * len(TEXT))
    rows = {row.statement: (row.documents, row.only_this, row.kept, row.tokens) for row in cost.rows}
    assert rows == {
        "robots.txt:ai-agents": (2, 1, 1, 10),  # of the one that was not kept, estimated from its characters
        "meta:robots": (1, 0, 0, 5),
        "reserved, all together": (2, 1, 1, 10),
        "allowed": (1, 0, 1, 5),
        "nothing stated": (2, 0, 1, 10),
    }
    assert [row.share for row in cost.rows][:2] == [0.4, 0.2]


def test_a_curation_without_rights_says_how_to_get_them(lake: Lake) -> None:
    dataset = lake.expect("curation", "news")
    bare = dataset.model_copy(update={"tables": {Documents.name: dataset.tables[Documents.name]}})
    with pytest.raises(UsageError, match="has no signals of rights"):
        rights_cost(lake, bare)
