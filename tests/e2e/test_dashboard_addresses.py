"""Every parameter of every page and every API route with values that it does not take, and every link of every page."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import MISSING, fields
from html import unescape
from random import Random
from typing import Any, get_args, get_type_hints
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest

from gristmill.core.lake import Lake
from gristmill.dashboards.page import Page
from gristmill.dashboards.pages import PAGES
from gristmill.warehouse.build.publish import publish
from tests.helpers.dashboard_server import running
from tests.helpers.small_evaluation import answer_all
from tests.helpers.small_lake import build_small_lake, doc_id

WRONG_TEXTS = (
    "no-such-value",
    "没有这个",
    "-1",
    "9" * 5000,
    "x" * 60_000,
    "<script>window.pwned=1</script>",
    "' OR 1=1 --",
    "%_",
    "\x00",
)
WRONG = (*WRONG_TEXTS, "NaN", "1.5", "1" + "0" * 30, "null")
A, B = doc_id("natural 300"), doc_id("doremi 300")
BESIDE = {("/compare", "a"): {"b": B}, ("/compare", "b"): {"a": A}, ("/compare", "suite"): {"a": A, "b": B}}
"""Parameters that only count beside others."""
SEARCHES = {("/documents", "query"), ("/items", "query"), ("/leaderboard", "checkpoint")}
"""Parts of a text are searched for: any value may be found."""
LINK = re.compile(r'"(?:href|[a-z_]+_href|lead)":"(/[^"]*)"')
NOT_PAGES = ("/static/", "/_nicegui", "/docs", "/openapi.json")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    small = build_small_lake(tmp_path_factory.mktemp("addresses") / "lake")
    answer_all(small.lake)
    publish(small.lake)
    return small.lake


@pytest.fixture(scope="module")
def client(lake: Lake) -> Iterator[httpx.Client]:
    with running(lake.root) as server, httpx.Client(base_url=server.base, timeout=240) as client:
        yield client


def drawn(answer: httpx.Response) -> str:
    """The elements of one of our pages."""
    found = re.search(r"parseElements\(String\.raw`(.*?)`\)", answer.text, re.DOTALL)
    assert found is not None, f"{answer.url} is no page: {answer.text[:200]}"
    assert '<html lang="en' in answer.text
    elements = unescape(found[1])
    assert "page-title" in elements or "story" in elements, f"{answer.url} is not a page of ours"
    return elements


def explained(elements: str) -> bool:
    return "empty-what" in elements


def parameters(page: Page[Any]) -> list[str]:
    return [field.name for field in fields(page.query)]


def numbers(page: Page[Any]) -> set[str]:
    """The parameters that are read as numbers; the rest are texts, to which one number is as good as another."""
    return {name for name, kind in get_type_hints(page.query).items() if int in (kind, *get_args(kind))}


def test_every_page_takes_what_the_test_thinks() -> None:
    assert sum(len(parameters(page)) for page in PAGES) >= 30
    assert sum(len(numbers(page)) for page in PAGES) >= 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_wrong_value_gives_a_page_that_says_so(client: httpx.Client, page: Page[Any]) -> None:
    for name in parameters(page):
        for value in WRONG if name in numbers(page) else WRONG_TEXTS:
            if f"{{{name}}}" in page.path:
                address = page.path.replace(f"{{{name}}}", quote(value, safe=""))
            else:
                address = page.path + "?" + urlencode({name: value, **BESIDE.get((page.path, name), {})})
            answer = client.get(address)
            allowed = (200, 422, 404) if "/" in value and "{" in page.path else (200, 422)
            assert answer.status_code in allowed, f"{address[:200]}: {answer.status_code}"
            elements = drawn(answer)
            assert explained(elements) or (page.path, name) in SEARCHES, (
                f"{address[:200]}: neither an answer nor a reason"
            )
            assert "<script>window.pwned" not in answer.text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_an_empty_value_counts_as_none(client: httpx.Client, page: Page[Any]) -> None:
    if any(field.default is MISSING for field in fields(page.query)):
        return
    plain = explained(drawn(client.get(page.path)))
    for name in parameters(page):
        answer = client.get(f"{page.path}?{name}=&utm_source=mail")
        assert (answer.status_code, explained(drawn(answer))) == (200, plain)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/documents?offset=abc&fate=kept", "offset=abc: give a whole number."),
        ("/documents?offset=-5", "offset=-5: give a whole number of at least 0."),
        ("/documents?fate=lost", "'kept', 'rejected'"),
        ("/documents?offset=5000", "This search has 62 records"),
        ("/documents?source=handbok", "There is no source “handbok” (did you mean"),
        ("/documents?fails=min_wrds", "There is no failed rule “min_wrds” (did you mean"),
        ("/funnel?source=handbok", "There is no source “handbok” (did you mean"),
        ("/items?suite=exam-z", "There is no suite “exam-z” (did you mean"),
        ("/items?suite=reading&checkpoint=nobody", "There is no checkpoint evaluated on reading"),
        ("/items?suite=reading&convention=nonsense", "There is no grading convention for reading"),
        (f"/items?suite=exam-zh&checkpoint={B}&offset=9000", "This search has"),
        (f"/compare?a={A}&b={B}&suite=nonsense", "There is no suite that both were evaluated on"),
        (f"/compare?a={A}&b={B}&suite=exam-zh&offset=900", "There are 23 such items"),
        ("/compare?a=nobody&b=nothing", "no evaluated checkpoint has the label"),
        ("/leaderboard?convention=nonsense", "There is no grading convention"),
        ("/leaderboard?suite=readin", "There is no suite “readin” (did you mean"),
        ("/trajectory?suite=nonsense", "“nonsense”"),
        ("/trajectory?along=time", "'step' or 'tokens'"),
        ("/mixtures?mixture=dorem", "There is no mixture in this mix called “dorem” (did you mean"),
        ("/mixtures?metric=prse", "There is no loss of trials called “prse” (did you mean"),
        ("/training?smooth=100", "smooth=100: give a whole number of at most 99."),
        ("/training?runs=nothing,else", "There is no run “nothing”"),
        ("/checkpoints/nothing", "There is not one checkpoint whose digest begins with nothing."),
        ("/speed?measurement=x", "measurement=x: give a whole number."),
        ("/why", "This page needs the parameter question."),
        ("/nothing/here", "There is nothing at /nothing/here."),
    ],
)
def test_the_reason_is_in_words(client: httpx.Client, address: str, said: str) -> None:
    assert said in drawn(client.get(address)).replace('\\"', '"')


def test_what_was_right_is_kept_in_the_way_back(client: httpx.Client) -> None:
    assert '"/documents?fate=kept"' in drawn(client.get("/documents?offset=abc&fate=kept"))


def kind(address: str) -> tuple[str, ...]:
    """What a link leads to, whatever the values: its page, the suite or source, and the other parameters it gives."""
    parts = urlsplit(address)
    given = dict(parse_qsl(parts.query))
    path = re.sub(r"[0-9a-f]{32}", "*", parts.path)
    return (path, given.get("suite", ""), given.get("source", ""), *sorted(given))


def test_every_link_leads_to_something(client: httpx.Client) -> None:
    """Of links that differ in their values alone, as hundreds of records and items do, ``OF_A_KIND`` are followed."""
    waiting = [page.path for page in PAGES if "{" not in page.path and page.path != "/why"]
    waiting += [f"/compare?a={A}&b={B}", "/documents?fails=min_words&offset=0", "/funnel?source=news-zh"]
    seen, kinds, chosen = set(waiting), Counter[tuple[str, ...]](), Random(0)
    while waiting:
        address = waiting.pop(chosen.randrange(len(waiting)))
        kinds[kind(address)] += 1
        if kinds[kind(address)] > OF_A_KIND:
            continue
        answer = client.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        elements = drawn(answer)
        assert not explained(elements) or "Only scores are kept here" in elements or rightly_empty(address), address
        found = [link for link in dict.fromkeys(LINK.findall(elements)) if not link.startswith(NOT_PAGES)]
        waiting += [link for link in found if link not in seen]
        seen.update(found)
    assert len(seen) > 300
    assert len(kinds) > 40


OF_A_KIND = 2
EXPLAINED = ("/compare", "/review", "/review/figures", "/speed", "/submit")
"""Pages that are rightly empty over this lake; nothing waits for a review in any seat."""


def rightly_empty(address: str) -> bool:
    path, _, query = address.partition("?")
    return address in EXPLAINED or (path.startswith("/review") and query.startswith("seat="))


def test_the_funnel_leads_to_as_many_records_as_it_says(client: httpx.Client) -> None:
    funnel = client.get("/api/funnel").json()

    def total(**search: str) -> int:
        return int(client.get("/api/documents", params=search).json()["total"])

    for stage in funnel["stages"]:
        named = {"source": stage["source"]}
        assert total(**named, stage=stage["stage"]) == stage["rejected"], stage
        assert total(**named, passed=stage["stage"]) == stage["kept"], stage
    for rule in funnel["rules"]:
        named = {"source": rule["source"]}
        assert total(**named, stage=rule["stage"], rule=rule["rule"]) == rule["rejected_first"], rule
        assert total(**named, fails=rule["rule"]) == rule["rejected_any"], rule
    assert any(rule["rejected_first"] == 0 < rule["rejected_any"] for rule in funnel["rules"]), "nothing was tested"


def operations(client: httpx.Client) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_api_answers_wrong_values_in_json(client: httpx.Client) -> None:
    needed = {"suite": "reading", "checkpoint": B, "convention": "x", "a": A, "b": B, "url": "x", "doc_id": doc_id("x")}
    needed |= {"mix": "small", "mixture": "doremi", "run": doc_id("run doremi"), "document": doc_id("x")}
    tried = 0
    for path, method, operation in operations(client):
        if method != "get":
            continue
        every = operation.get("parameters", [])
        for wrong in every:
            for value in (*WRONG, ""):
                given = {one["name"]: needed[one["name"]] for one in every if one.get("required")} | {
                    wrong["name"]: value
                }
                inside = {name: given.pop(name) for name in list(given) if f"{{{name}}}" in path}
                address = path
                for name, part in inside.items():
                    address = address.replace(f"{{{name}}}", quote(part, safe="") or "%20")
                answer = client.get(address, params=given)
                assert answer.status_code in (200, 404, 422), f"{address} {given}"[:300]
                body = answer.json()
                assert answer.status_code == 200 or body["detail"], address
                tried += 1
    assert tried > 300


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/", 404),
        ("POST", "/api/overview", 405),
        ("DELETE", "/api/submissions", 405),
        ("PUT", "/api/documents/" + "0" * 32, 405),
    ],
)
def test_the_api_answers_wrong_addresses_in_json(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert path in answer.json()["detail"]
    assert ("allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"checkpoint": NaN}']
)
def test_a_wrong_submission_is_answered_in_json(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/api/submissions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


def test_no_page_without_a_lake_is_an_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = Lake.open(tmp_path_factory.mktemp("nothing") / "lake").root
    with running(root) as server, httpx.Client(base_url=server.base, timeout=240) as empty:
        for page in PAGES:
            names = [name for name in parameters(page) if f"{{{name}}}" not in page.path]
            address = re.sub(r"\{\w+\}", "0" * 32, page.path)
            for query in ("", *(f"?{name}=x" for name in names)):
                answer = empty.get(address + query)
                assert answer.status_code in (200, 422), address + query
                assert explained(drawn(answer)) or page.path == "/submit", address + query
