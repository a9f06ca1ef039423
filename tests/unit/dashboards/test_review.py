"""The review in the API: who may, what is hidden, and what is refused; and texts cut where findings are."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dashboards.app import api_app
from gristmill.dashboards.pages.review.marked import pieces, spelled
from gristmill.dashboards.services import Services
from gristmill.schemas.reviews.decision import Choice
from gristmill.warehouse.reviews.case import CaseFinding
from gristmill.warehouse.reviews.deciding import decide, subject
from gristmill.warehouse.submissions import State
from tests.helpers.review_lake import ReviewLake, build_review_lake, text_hash


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> ReviewLake:
    return build_review_lake(tmp_path_factory.mktemp("review") / "lake")


@pytest.fixture(scope="module")
def client(web: ReviewLake) -> Iterator[TestClient]:
    with TestClient(api_app(Services(web.warehouse, State(web.lake.root)))) as client:
        yield client


def test_the_queue_a_document_and_a_decision(client: TestClient, web: ReviewLake) -> None:
    assert client.get("/api/review").json()["left"] == 3
    decide(web.reviews, subject(web.warehouse, text_hash("third")), "ann", Choice.DROP, reason="a secret reason")
    shown = client.get("/api/review/document", params={"document": text_hash("third")})
    assert (shown.json()["hidden"], "secret reason" in shown.text) == (1, False)
    assert client.get("/api/review/document", params={"document": "nothing"}).status_code == 404
    body = {"document": text_hash("third"), "decision": "keep", "reason": "harmless"}
    stored = client.post("/api/review/decisions", json=body)
    assert (stored.status_code, stored.json()["decision"]) == (201, "keep")
    after = client.get("/api/review/document", params={"document": text_hash("third")}).json()
    assert (after["hidden"], after["disputed"], len(after["decisions"])) == (0, True, 2)
    assert client.post("/api/review/decisions", json=body | {"decision": "burn"}).status_code == 422
    assert client.post("/api/review/decisions", json=body | {"arbiter": True}).status_code == 422
    span = {"start": 0, "end": 5000, "kind": "email", "decision": "keep"}
    assert client.post("/api/review/decisions", json=body | {"spans": [span]}).status_code == 422


def test_figures_and_marks(client: TestClient) -> None:
    assert client.get("/api/review/figures").json()["agreement"][0]["kind"] == "all"
    (corpus,) = client.get("/api/review/corpora").json()
    assert (corpus["source"], corpus["person"]) == ("web", None)
    assert client.get("/api/review/unsigned").json() == {"mixes": {}, "runs": {}, "checkpoints": {}}


SPAN = st.tuples(st.integers(0, 30), st.integers(1, 31)).filter(lambda pair: pair[0] < pair[1])


@given(text=st.text(max_size=31), spans=st.lists(SPAN, max_size=5))
def test_pieces_are_the_text_and_know_what_covers_them(text: str, spans: list[tuple[int, int]]) -> None:
    findings = [
        CaseFinding(kind="email", start=start, end=end, score=1, detector="d", version="1", suggestion="keep")
        for start, end in spans
        if end <= len(text)
    ]
    found = pieces(text, findings)
    assert "".join(piece.text for piece in found) == text
    place = 0
    for piece in found:
        inside = {number for number, each in enumerate(findings) if each.start <= place < each.end}
        assert set(piece.numbers) == inside
        place += len(piece.text)


def test_what_nobody_sees_is_spelled_out() -> None:
    assert spelled("a\u200bb\u202ec\nd 谷") == "a⟨U+200B⟩b⟨U+202E⟩c\nd 谷"
