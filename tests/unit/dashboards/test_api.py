"""The REST API: documented, validated, and empty rather than broken when nothing is published."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.dashboards.app import api_app
from gristmill.dashboards.pages import PAGES
from gristmill.dashboards.services import Intake, Services
from gristmill.schemas.submission import StoredSubmission, Submission
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.submissions import State
from tests.helpers.small_lake import ATTACK, CHINESE, SmallLake, build_small_lake

LISTS = ("/api/checkpoints", "/api/scores", "/api/gates", "/api/submissions")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    small = build_small_lake(tmp_path_factory.mktemp("api") / "lake")
    publish(small.lake)
    return small


@pytest.fixture
def client(small: SmallLake) -> Iterator[TestClient]:
    root = small.lake.root
    services = Services(Warehouse.open(root), State(root), Intake(suites=("reading", "arithmetic")))
    with TestClient(api_app(services)) as client:
        yield client


def services_of(root: Path, intake: Intake | None = None) -> Services:
    return Services(Warehouse.open(root), State(root), intake or Intake())


def test_the_overview_and_the_funnel_agree(client: TestClient) -> None:
    totals = client.get("/api/overview").json()["totals"]
    assert totals["records"] == totals["kept"] + totals["rejected"] + totals["duplicates"] + totals["set_aside"]
    funnel = client.get("/api/funnel").json()
    assert funnel["sources"] == ["handbook", "news-zh"]
    assert sum(stage["records_in"] for stage in funnel["stages"] if stage["stage"] == "ingest") == totals["records"]
    for stage in funnel["stages"]:
        assert stage["records_in"] == stage["kept"] + stage["rejected"]
        removed = [
            rule["rejected_first"]
            for rule in funnel["rules"]
            if (rule["source"], rule["stage"]) == (stage["source"], stage["stage"])
        ]
        assert sum(removed) == stage["rejected"]
    one = client.get("/api/funnel", params={"source": "news-zh"}).json()
    assert {stage["source"] for stage in one["stages"]} == {"news-zh"}


def test_documents_are_searched_and_paged(client: TestClient, small: SmallLake) -> None:
    first = client.get("/api/documents", params={"limit": 40}).json()
    second = client.get("/api/documents", params={"limit": 40, "offset": 40}).json()
    assert first["total"] == second["total"] == 62
    assert len(first["documents"] + second["documents"]) == 62
    uris = [(row["source"], row["record_uri"]) for row in first["documents"] + second["documents"]]
    assert len(set(uris)) == 62
    found = client.get("/api/documents", params={"fate": "duplicate", "rule": "near"}).json()
    assert [row["doc_id"] for row in found["documents"]] == [small.duplicate]
    assert client.get("/api/documents", params={"query": "%"}).json()["total"] == 0
    assert client.get("/api/documents", params={"query": "' OR 1=1 --"}).json()["total"] == 0
    assert client.get("/api/documents", params={"query": "磨坊"}).json()["total"] == 1


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/api/documents", {"fate": "lost"}),
        ("/api/documents", {"limit": 0}),
        ("/api/documents", {"limit": 100000}),
        ("/api/documents", {"offset": -1}),
        ("/api/documents/not-an-id", {}),
        ("/api/why", {}),
    ],
)
def test_wrong_parameters_are_refused(client: TestClient, path: str, params: dict[str, str | int]) -> None:
    assert client.get(path, params=params).status_code == 422


def test_why_tells_every_fate(client: TestClient, small: SmallLake) -> None:
    rejected = client.get(f"/api/documents/{small.rejected}").json()["records"][0]
    assert rejected["fate"] == "rejected"
    assert rejected["summary"] == "Rejected at decide by the rule min_words: found 3, the policy demands >= 50."
    assert [verdict["rule"] for verdict in rejected["verdicts"]] == ["min_words", "punctuation"]
    failed = {f"{signal['table']}.{signal['name']}" for signal in rejected["signals"] if signal["failed"]}
    assert failed == {"gopher_quality.words", "fineweb.punct_line_ratio"}

    kept = client.get("/api/why", params={"url": "https://handbook.example/pages/page-000.html"}).json()["records"][0]
    assert (kept["fate"], kept["doc_id"]) == ("kept", small.representative)
    demands = {signal["name"]: signal["demands"] for signal in kept["signals"]}
    assert demands["words"] == [{"rule": "min_words", "threshold": ">= 50"}]
    assert demands["mean_word_length"] == []
    assert [finding["kind"] for finding in kept["findings"]] == ["email"]
    assert kept["redactions"] == 1

    duplicate = client.get(f"/api/documents/{small.duplicate}").json()["records"][0]
    assert duplicate["fate"] == "duplicate"
    assert [member["doc_id"] for member in duplicate["cluster"] if member["representative"]] == [small.representative]
    assert [member["similarity"] for member in duplicate["cluster"] if member["itself"]] == [0.91]
    assert duplicate["candidates"][0]["doc_id"] == small.representative

    aside = client.get("/api/why", params={"url": small.set_aside_url}).json()["records"][0]
    assert (aside["fate"], aside["rule"], aside["text"]) == ("set_aside", "not_text", None)
    unnamed = client.get("/api/why", params={"url": small.unnamed_record}).json()["records"][0]
    assert (unnamed["doc_id"], unnamed["rule"]) == (None, "no_target")


def test_one_doc_id_may_be_two_records_of_different_fate(client: TestClient, small: SmallLake) -> None:
    records = client.get(f"/api/documents/{small.same_record}").json()["records"]
    assert sorted((record["fate"], record["rule"]) for record in records) == [
        ("duplicate", "same_record"),
        ("kept", None),
    ]
    assert len({record["record_uri"] for record in records}) == 2
    assert {len(record["verdicts"]) for record in records} == {2, 4}, (
        "decide and deduplicate, and clean and review for the one that stays"
    )


def test_text_comes_as_it_is(client: TestClient, small: SmallLake) -> None:
    assert client.get(f"/api/documents/{small.chinese}").json()["records"][0]["text"] == CHINESE
    answer = client.get(f"/api/documents/{small.attack}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["records"][0]["text"].startswith(ATTACK)


def test_an_unknown_page_is_404_with_a_hint(client: TestClient) -> None:
    answer = client.get("/api/why", params={"url": "https://handbook.example/pages/page-00"})
    assert answer.status_code == 404
    assert "Similar: https://handbook.example/pages/page-000" in answer.json()["detail"]
    assert client.get("/api/documents/" + "0" * 32).status_code == 404
    for path, listed in (("/api/mixtures", "no mix 'nope'"), ("/api/training", "no mix or recipe 'nope'")):
        wrong = client.get(path, params={"mix": "nope"})
        assert (wrong.status_code, listed in wrong.json()["detail"], path in wrong.json()["detail"]) == (
            404,
            True,
            True,
        )


def test_scores_carry_their_interval_and_origin(client: TestClient) -> None:
    scores = client.get("/api/scores").json()
    assert len(scores) == 42
    for score in scores:
        assert score["low"] <= score["value"] <= score["high"]
        assert score["n"] > 0
        assert score["mixture"] in ("natural", "doremi")
    checkpoints = {row["checkpoint"] for row in client.get("/api/checkpoints").json()}
    assert {score["checkpoint"] for score in scores} == checkpoints
    one = client.get("/api/scores", params={"suite": "reading", "checkpoint": scores[0]["checkpoint"][:10]}).json()
    assert len(one) == 1


def test_failed_expectations_come_first_with_examples(client: TestClient) -> None:
    gates = client.get("/api/gates").json()
    assert [gate["ok"] for gate in gates] == sorted(gate["ok"] for gate in gates)
    assert gates[0]["examples"] == [ATTACK]


def test_nothing_published_is_empty_and_says_so(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "lake").root
    with TestClient(api_app(services_of(root))) as client:
        assert client.get("/api/overview").json()["totals"]["records"] == 0
        empty = {"sources": [], "stages": [], "rules": [], "domains": [], "redactions": []}
        assert client.get("/api/funnel").json() == empty
        assert client.get("/api/documents").json()["total"] == 0
        for path in LISTS:
            assert client.get(path).json() == []
        assert client.get("/api/why", params={"url": "x"}).json() == {"detail": Warehouse.open(root).empty_hint}
    assert sorted(path.name for path in root.iterdir()) == ["lake.json", "tmp"], "looking writes nothing"


def test_a_submission_is_stored_and_started(small: SmallLake, tmp_path: Path) -> None:
    started: list[StoredSubmission] = []

    def start(stored: StoredSubmission) -> str:
        started.append(stored)
        return "flow-run-1"

    services = services_of(Lake.open(tmp_path / "lake").root, Intake(on_submit=start))
    body = {"checkpoint": str(small.checkpoint), "suites": ["reading"], "label": "磨坊"}
    with TestClient(api_app(services)) as client:
        answer = client.post("/api/submissions", json=body)
        assert answer.status_code == 201
        assert answer.json()["flow_run"] == "flow-run-1"
        assert answer.json()["status"] == "queued"
        assert [row["label"] for row in client.get("/api/submissions").json()] == ["磨坊"]
    assert [stored.id for stored in started] == [answer.json()["id"]]


def test_a_submission_that_cannot_be_started_stays_queued_with_the_reason(small: SmallLake, tmp_path: Path) -> None:
    def refuse(stored: StoredSubmission) -> str:
        raise GristmillError("the deployment is not served: gristmill serve")

    services = services_of(Lake.open(tmp_path / "lake").root, Intake(on_submit=refuse))
    with TestClient(api_app(services)) as client:
        answer = client.post("/api/submissions", json={"checkpoint": str(small.checkpoint), "suites": ["reading"]})
    assert (answer.json()["status"], answer.json()["error"]) == (
        "queued",
        "the deployment is not served: gristmill serve",
    )


@pytest.mark.parametrize(
    ("body", "place", "message"),
    [
        ({"checkpoint": "relative", "suites": ["reading"]}, "checkpoint", "absolute"),
        ({"checkpoint": "/there/is/none", "suites": ["reading"]}, "checkpoint", "no such folder"),
        ({"checkpoint": "CHECKPOINT", "suites": ["raeding"]}, "suites", 'did you mean "reading"'),
        ({"checkpoint": "CHECKPOINT", "suites": []}, "suites", "at least 1"),
        ({"checkpoint": "CHECKPOINT", "suites": ["reading"], "extra": 1}, "extra", "not permitted"),
        ({"suites": ["reading"]}, "checkpoint", "required"),
        (
            {"checkpoint": "CHECKPOINT", "suites": ["reading"], "label": "a\x1b[31mb"},
            "label",
            "'\\x1b', which cannot be",
        ),
        ({"checkpoint": "CHECKPOINT", "suites": ["reading"], "label": "a\u202eb"}, "label", "'\\u202e', which cannot"),
        (
            {"checkpoint": "CHECKPOINT", "suites": ["reading"], "backend": {"name": "http://h/v1", "model": "a\nb"}},
            "model",
            "'\\n', which cannot be shown",
        ),
        (
            {"checkpoint": "CHECKPOINT", "suites": ["reading"], "data": "data"},
            "data",
            "absolute",
        ),
        (
            {"checkpoint": "CHECKPOINT", "suites": ["reading"], "backend": {"name": "http://169.254.169.254/latest"}},
            "backend",
            "this page and its API take no server",
        ),
        (
            {"checkpoint": "CHECKPOINT", "suites": ["reading"], "backend": {"name": "file:///etc/passwd"}},
            "name",
            "begins with http",
        ),
    ],
)
def test_a_wrong_submission_says_which_field(
    client: TestClient, small: SmallLake, body: dict[str, object], place: str, message: str
) -> None:
    if body.get("checkpoint") == "CHECKPOINT":
        body = {**body, "checkpoint": str(small.checkpoint)}
    answer = client.post("/api/submissions", json=body)
    assert answer.status_code == 422
    faults = {fault["loc"][-1]: fault["msg"] for fault in answer.json()["detail"]}
    assert message in faults[place]
    assert client.get("/api/submissions").json() == []


def test_checkpoints_and_data_are_taken_from_the_allowed_folders(small: SmallLake, tmp_path: Path) -> None:
    body = {"checkpoint": str(small.checkpoint), "suites": ["reading"], "data": "/etc"}
    services = services_of(small.lake.root, Intake(roots=(tmp_path,)))
    with TestClient(api_app(services)) as client:
        answer = client.post("/api/submissions", json=body)
    assert answer.status_code == 422
    faults = {fault["loc"][-1]: fault["msg"] for fault in answer.json()["detail"]}
    assert set(faults) == {"checkpoint", "data"}
    assert all("these folders only" in fault for fault in faults.values())


def test_a_listed_server_and_all_that_an_evaluation_needs_are_taken(small: SmallLake, tmp_path: Path) -> None:
    def check(submission: Submission) -> dict[str, str]:
        return {} if submission.accept_licences else {"accept_licences": "say so"}

    said = {
        "data": str(tmp_path),
        "download": True,
        "backend": {"name": "http://models.example:8000/v1/", "model": "mine"},
    }
    body = {"checkpoint": str(small.checkpoint), "suites": ["reading@9"], **said}
    intake = Intake(servers=("http://models.example:8000/v1",), check=check)
    with TestClient(api_app(services_of(Lake.open(tmp_path / "lake").root, intake))) as client:
        refused = client.post("/api/submissions", json=body)
        assert [fault["loc"] for fault in refused.json()["detail"]] == [["body", "accept_licences"]]
        near = {"backend": {"name": "http://models.example:8000/v1/../admin"}}
        beside = client.post("/api/submissions", json=body | near | {"accept_licences": ["NC"]})
        assert "these servers only: http://models.example:8000/v1." in beside.json()["detail"][0]["msg"]
        assert client.get("/api/submissions").json() == []
        assert client.post("/api/submissions", json=body | {"accept_licences": ["NC"]}).status_code == 201
        (stored,) = client.get("/api/submissions").json()
    assert (stored["data"], stored["download"], stored["accept_licences"]) == (str(tmp_path), True, ["NC"])
    assert (stored["backend"]["name"], stored["backend"]["model"]) == ("http://models.example:8000/v1", "mine")


@pytest.mark.parametrize("limit", ["", "@5"])
def test_a_suite_of_ones_own_is_not_taken_from_a_page(small: SmallLake, tmp_path: Path, limit: str) -> None:
    """Its file says which others are read and holds code that is trusted; here it is not even opened."""

    def check(submission: Submission) -> dict[str, str]:
        raise AssertionError("the suite was looked at")

    suite = tmp_path / "mine.yaml"
    suite.touch()
    body = {"checkpoint": str(small.checkpoint), "suites": ["reading", f"{suite}{limit}"]}
    for intake in (Intake(check=check), Intake(suites=("reading",), roots=(tmp_path,), check=check)):
        with TestClient(api_app(services_of(small.lake.root, intake))) as client:
            answer = client.post("/api/submissions", json=body)
        faults = {fault["loc"][-1]: fault["msg"] for fault in answer.json()["detail"]}
        assert answer.status_code == 422
        assert "take suites by name" in faults["suites"]
        assert "gristmill submit" in faults["suites"]


def test_a_form_of_another_site_cannot_submit(client: TestClient, small: SmallLake) -> None:
    body = f'{{"checkpoint": "{small.checkpoint}", "suites": ["reading"]}}'
    answer = client.post("/api/submissions", content=body, headers={"content-type": "text/plain"})
    assert answer.status_code == 422


def test_every_endpoint_is_described(client: TestClient, small: SmallLake) -> None:
    openapi = client.get("/openapi.json").json()
    declared = APIRouter(prefix="/api")
    for page in PAGES:
        page.routes(declared, services_of(small.lake.root))
    assert list(openapi["paths"]) == list(dict.fromkeys(route.path for route in declared.routes))
    assert len(openapi["paths"]) >= 14
    for methods in openapi["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), parameter
    page = client.get("/docs").text
    for path in openapi["paths"]:
        assert f"<code>{path}</code>" in page
    assert "<script" not in page
    assert "http://testserver/api/overview" in page
    assert "https://" not in page
