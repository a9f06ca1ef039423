"""What people do in the lake is in its audit log: who, from where, about what."""

from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError
from gristmill.core.files.audit import AuditLog
from gristmill.core.lake import Lake
from gristmill.dashboards.accounts.people import Person, Role
from gristmill.dashboards.services import Services
from gristmill.schemas.reviews.decision import Decision
from gristmill.schemas.reviews.records import Signature
from gristmill.schemas.submission import Submission
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.reviews.store import Reviews, now
from gristmill.warehouse.submissions import State

ANN = Person("安娜", Role.ADMIN)


def decision(person: str, text: str) -> Decision:
    fields = {"text_hash": text * 32, "doc_id": "d" * 32, "source": "news", "person": person, "at": now()}
    return Decision.parse({**fields, "decision": "drop", "reason": "her address"}, "decision")


def test_what_is_decided_signed_and_submitted_is_written_down(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "lake").root
    Reviews(root).decide([decision("安娜", "a")], "10.0.0.7")
    Reviews(root).decide([decision("安娜", "a"), decision("vera", "b")])
    signature = {"source": "news", "corpus": "c1", "dataset": "x", "files": ("f",), "person": "安娜", "at": now()}
    Reviews(root).sign(Signature.parse(signature, "signature"))
    services = Services(Warehouse.open(root), State(root))
    services.submit(Submission(checkpoint="/data/mine", suites=["reading"]), "form", ANN, "10.0.0.7")
    lines = [(line.what, line.who, line.where, line.about) for line in AuditLog.of_lake(root).lines()]
    assert lines == [
        ("review decision", "安娜", "10.0.0.7", {"decision": "drop", "text": "a" * 32, "document": "d" * 32}),
        ("review decision", "vera, 安娜", "command line", {"decisions": "2"}),
        ("sign-off", "安娜", "command line", {"source": "news", "corpus": "c1"}),
        ("submission", "安娜", "10.0.0.7", {"checkpoint": "/data/mine", "suites": "reading"}),
    ]
    assert AuditLog.of_lake(root).verify().wrong is None


def test_nothing_is_decided_or_submitted_that_cannot_be_written_down(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "lake").root
    AuditLog.of_lake(root).path.mkdir(parents=True)
    services = Services(Warehouse.open(root), State(root))
    with pytest.raises(GristmillError, match="cannot be written down"):
        services.submit(Submission(checkpoint="/data/mine", suites=["reading"]), "form", ANN, "10.0.0.7")
    with pytest.raises(GristmillError, match="cannot be written down"):
        Reviews(root).decide([decision("ann", "a")])
    assert State(root).submissions() == []
    assert Reviews(root).decisions() == []
