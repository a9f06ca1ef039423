"""Boards rank where the difference is real; items, subjects and the chart of trajectories say what was stored."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from gristmill.core.lake import Lake
from gristmill.dashboards.app import api_app
from gristmill.dashboards.charts.trajectory import BAND, trajectory_chart
from gristmill.dashboards.services import Services
from gristmill.evals.statistics.paired import paired
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.boards import EVERY, Board, choices, leaderboard, subjects
from gristmill.warehouse.queries.compare import Comparisons, compare, differing
from gristmill.warehouse.queries.contamination import corpora
from gristmill.warehouse.queries.graded import answerers, graded, graded_suites
from gristmill.warehouse.queries.trajectory import Line, trajectories
from gristmill.warehouse.submissions import State
from tests.helpers.small_evaluation import CRAWL, EXTERNAL, SUBJECTS, answer_all
from tests.helpers.small_lake import ATTACK, ATTACK_URL, build_small_lake, commit, doc_id

BEST, SECOND = doc_id("doremi 300"), doc_id("doremi 200")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    lake = build_small_lake(tmp_path_factory.mktemp("evaluated") / "lake").lake
    answer_all(lake)
    publish(lake)
    return Warehouse.open(lake.root)


def ranks(board: Board) -> list[tuple[str, int, int]]:
    return [(standing.score.label, standing.first_rank, standing.last_rank) for standing in board.standings]


def test_a_rank_is_given_where_the_difference_is_real(warehouse: Warehouse) -> None:
    (board,) = leaderboard(warehouse, suite="exam-zh")
    assert ranks(board) == [
        ("doremi 300", 1, 3),
        ("doremi 200", 1, 3),
        ("doremi 100", 1, 3),
        ("natural 300", 4, 7),
        (EXTERNAL, 4, 7),
        ("natural 200", 4, 7),
        ("natural 100", 4, 7),
    ]
    gaps = [standing.gap for standing in board.standings]
    assert [gap and gap.shown for gap in gaps] == [False, False, True, False, False, False, None]
    assert [gap and gap.by for gap in gaps[2:5]] == ["paired test", "disjoint intervals", "disjoint intervals"]
    # of 90 items 14 differ and all in favour of one; by Holm it is the smallest of 4 paired tests
    assert gaps[2] is not None
    assert gaps[2].p == pytest.approx(4 * paired([1.0] * 14 + [0.0] * 76, [0.0] * 90, [""] * 90).p)
    # of all the rows of the small lake's bits per byte each is its own rank
    (bits,) = leaderboard(warehouse, suite="heldout")
    assert [standing.first_rank for standing in bits.standings] == [1, 2, 3, 4, 5, 6]
    assert all(standing.first_rank == standing.last_rank for standing in bits.standings)
    values = [standing.score.value for standing in bits.standings]
    assert values == sorted(values), "less is better for bits per byte"


def test_ranks_are_among_the_rows_that_are_left(warehouse: Warehouse) -> None:
    (board,) = leaderboard(warehouse, suite="exam-zh", checkpoint="NATURAL")
    assert [label for label, _, _ in ranks(board)] == ["natural 300", "natural 200", "natural 100"]
    (one,) = leaderboard(warehouse, suite="exam-zh", checkpoint=BEST[:9])
    assert ranks(one) == [("doremi 300", 1, 1)]
    assert one.standings[0].gap is None
    # the second row is compared with the third, which is not shown: the range of its rank says so
    (short,) = leaderboard(warehouse, suite="exam-zh", top=2)
    assert ranks(short) == [("doremi 300", 1, 7), ("doremi 200", 1, 7)]
    assert short.checkpoints == 7


def test_boards_are_filtered(warehouse: Warehouse) -> None:
    found = choices(warehouse)
    assert found.areas == ["code", "mathematics", "perplexity", "reading"]
    assert found.suites == ["arithmetic", "exam-zh", "heldout", "python-basics", "reading"]
    headlines = leaderboard(warehouse)
    assert [(board.suite, board.convention) for board in headlines] == [
        ("python-basics", "completion"),
        ("arithmetic", "last-number"),
        ("heldout", "bits_per_byte"),
        ("exam-zh", "choice-sum"),
        ("reading", "choice-bytes"),
    ]
    assert all(board.headline for board in headlines)
    mathematics = leaderboard(warehouse, area="mathematics", convention=EVERY)
    assert [(board.convention, board.headline) for board in mathematics] == [
        ("gsm8k.strict", False),
        ("last-number", True),
    ]
    assert [board.suite for board in leaderboard(warehouse, convention="choice-sum")] == ["exam-zh", "reading"]
    assert leaderboard(warehouse, checkpoint="nobody") == []


def test_versions_of_a_suite_stand_on_boards_of_their_own(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    for number, digest in enumerate(("old", "new")):
        name = {"checkpoint": doc_id(digest), "suite": "versioned", "area": "code"}
        run = name | {"suite_digest": digest, "label": f"under {digest}", "items": 10, "run": "external"}
        whole = {"metric": "pass@1", "convention": "completion", "headline": True, "subset": "all"}
        ends = {"value": 0.2 + number / 2, "low": 0.1, "high": 0.9, "n": 10, "higher_is_better": True}
        commit(lake, "evaluation", digest, {"eval_runs": {"all": [run]}, "scores": {"all": [name | whole | ends]}})
    publish(lake)
    boards = leaderboard(Warehouse.open(lake.root), suite="versioned")
    assert [(board.suite_digest, ranks(board)) for board in boards] == [
        ("new", [("under new", 1, 1)]),
        ("old", [("under old", 1, 1)]),
    ]


def test_subjects_are_rows_and_checkpoints_columns(warehouse: Warehouse) -> None:
    (board,) = leaderboard(warehouse, suite="exam-zh")
    found = subjects(warehouse, board, most=5)
    assert [row.subset for row in found.rows] == ["all", "macro", *sorted(SUBJECTS)]
    assert [score.label for score in found.checkpoints][-1] == EXTERNAL
    whole, macro, *parts = found.rows
    for place in range(4):
        values = [row.scores[place] for row in parts]
        assert all(values)
        sizes = [row.n for row in parts]
        shares = [score.value for score in values if score is not None]
        micro = sum(share * size for share, size in zip(shares, sizes, strict=True)) / sum(sizes)
        found_whole, found_macro = whole.scores[place], macro.scores[place]
        assert found_whole is not None
        assert found_macro is not None
        assert found_whole.value == pytest.approx(micro)
        assert found_macro.value == pytest.approx(sum(shares) / 3)
    assert [row.scores[4] is None for row in found.rows] == [False, True, True, True, True]
    (plain,) = leaderboard(warehouse, suite="reading")
    assert subjects(warehouse, plain).rows == []


def test_items_are_given_with_output_program_and_other_grades(warehouse: Warehouse) -> None:
    suites = {suite.suite: suite.conventions for suite in graded_suites(warehouse)}
    assert suites["arithmetic"] == ["last-number", "gsm8k.strict"], "the headline comes first"
    assert [answerer.label for answerer in answerers(warehouse, "exam-zh")][:2] == ["doremi 300", "doremi 200"]
    page = graded(warehouse, "python-basics", BEST, "completion", limit=3)
    assert page.total == 40
    assert sum(tally.samples for tally in page.tallies) == 40
    first, second, _ = page.items
    assert (first.item, second.item) == ("python-basics-001", "python-basics-002")
    for text in (first.prompt, first.output, first.program):
        assert text is not None
        assert ATTACK in text
    assert second.program.startswith("def f_1(x):")
    assert second.options == []
    strict = graded(warehouse, "arithmetic", BEST, "last-number").items
    assert {other.convention for answer in strict for other in answer.others} == {"gsm8k.strict"}
    assert any(answer.verdict != other.verdict for answer in strict for other in answer.others)


def test_items_are_filtered_searched_and_paged(warehouse: Warehouse) -> None:
    wrong = graded(warehouse, "reading", SECOND, "choice-bytes", verdict="wrong", limit=5, offset=5)
    assert {answer.verdict for answer in wrong.items} == {"wrong"}
    (tally,) = [tally for tally in wrong.tallies if tally.verdict == "wrong"]
    assert wrong.total == tally.samples
    before = graded(warehouse, "reading", SECOND, "choice-bytes", verdict="wrong", limit=5)
    assert [answer.item for answer in before.items] < [answer.item for answer in wrong.items]
    options = before.items[0].options
    assert [option.text for option in options] == [" A", " B", " C", " D"]
    assert before.items[0].output is None
    assert graded(warehouse, "arithmetic", SECOND, "last-number", query="ANSWER IS 19.").total == 1
    assert graded(warehouse, "exam-zh", SECOND, "choice-sum", query="下列说法", subset=SUBJECTS[1]).total == 30
    assert graded(warehouse, "arithmetic", SECOND, "last-number", query="%").total == 0, "nothing is a wildcard"


def test_items_say_where_they_were_seen_and_are_filtered_by_it(warehouse: Warehouse) -> None:
    page = graded(warehouse, "arithmetic", BEST, "last-number")
    assert {tally.seen: tally.samples for tally in page.seen} == {"answer": 5, "input": 4, "short": 1, "clean": 30}
    items = {answer.item[-3:]: answer.examined for answer in page.items}
    (hostile, _), (first, own), (elsewhere, _) = items["001"], items["002"], items["006"]
    assert (hostile.label, hostile.corpus, hostile.checkpoint, hostile.url) == ("answer", CRAWL, None, ATTACK_URL)
    assert (first.start, first.end, first.similarity, first.answer) == (1200, 1262, 0.96, 1.0)
    assert (own.label, own.corpus, own.checkpoint) == ("input", "doremi 300", BEST), "the worst comes first"
    assert (elsewhere.doc_id, elsewhere.url) == (doc_id("a page of another lake"), None)
    assert [found.label for found in items["010"]] == ["short", "short"]
    # the training data of another checkpoint says nothing of this one
    other = graded(warehouse, "arithmetic", SECOND, "last-number", seen="input")
    assert [answer.item[-3:] for answer in other.items] == ["006", "007", "008", "009"]
    assert {found.corpus for answer in other.items for found in answer.examined} == {CRAWL}
    assert other.total == 4
    assert graded(warehouse, "arithmetic", SECOND, "last-number", seen="unexamined").total == 0
    for suite, convention, total in (("reading", "choice-bytes", 48), ("exam-zh", "choice-sum", 90)):
        unknown = graded(warehouse, suite, BEST, convention, seen="unexamined", limit=1)
        assert unknown.total == total, "an older version of a suite tells nothing of this one"
        assert unknown.items[0].examined == []


def test_corpora_are_told_with_the_score_of_the_clean_items(warehouse: Warehouse) -> None:
    own, crawl = corpora(warehouse, "arithmetic", BEST, "last-number")
    assert (own.corpus, own.own, own.clean, own.input, own.answer, own.short) == ("doremi 300", True, 37, 2, 0, 1)
    assert (crawl.corpus, crawl.own, crawl.clean, crawl.input, crawl.answer, crawl.short) == (CRAWL, False, 30, 4, 5, 1)
    assert crawl.score is not None
    answers = graded(warehouse, "arithmetic", BEST, "last-number", limit=40).items
    clean = [answer.value for answer in answers if answer.examined[0].label == "clean"]
    assert crawl.score.clean.value == pytest.approx(sum(clean) / 30)
    assert crawl.score.whole.value == pytest.approx(sum(answer.value for answer in answers) / 40)
    assert crawl.score.difference.value == pytest.approx(crawl.score.whole.value - crawl.score.clean.value)
    assert corpora(warehouse, "reading", BEST, "choice-bytes") == []


def test_a_page_of_items_that_differ(warehouse: Warehouse) -> None:
    comparisons = Comparisons(warehouse)
    answer = comparisons.of("natural 100", "doremi 300")
    assert comparisons.of("natural 100", "doremi 300") is answer, "turning a page compares nothing again"
    assert answer == compare(warehouse, "natural 100", "doremi 300", examples=0)
    (whole,) = [suite.whole for suite in answer.suites if suite.suite == "arithmetic"]
    every = differing(warehouse, answer, "arithmetic", limit=100)
    assert every.total == every.differ == whole.more_a + whole.more_b == len(every.items)
    page = differing(warehouse, answer, "arithmetic", offset=2, limit=2)
    assert page.items == every.items[2:4]
    better = differing(warehouse, answer, "arithmetic", "b", limit=100)
    assert (better.total, better.differ) == (whole.more_b, every.differ)
    assert all(item.value_b > item.value_a for item in better.items)
    assert differing(warehouse, answer, "heldout").differ == 0
    labels = {item.item[-3:]: [(found.corpus, found.label) for found in item.examined] for item in every.items}
    assert labels["004"] == [(CRAWL, "answer"), ("natural 100", "input"), ("doremi 300", "clean")]
    assert labels["040"] == [(CRAWL, "clean"), ("doremi 300", "clean"), ("natural 100", "clean")]


def test_a_trajectory_has_points_a_smoothed_line_and_a_band(warehouse: Warehouse) -> None:
    scored = [line for line in trajectories(warehouse).lines if line.suite == "reading"]
    assert {line.noise for line in scored} == {None}, "three checkpoints have none"
    assert all(series["type"] != "custom" for series in trajectory_chart(scored, "tokens", dark=False)["series"]), (
        "and no band"
    )
    lines = [line.model_copy(update={"noise": 0.02}) for line in scored]
    options = trajectory_chart(lines, "tokens", dark=False)
    assert options["xAxis"]["name"] == "tokens seen"
    doremi = [series for series in options["series"] if series["name"] == "doremi"]
    assert [series["type"] for series in doremi] == ["line", "scatter", "custom"]
    smooth, points, band = (series["data"] for series in doremi)
    assert [x for x, _ in smooth] == [x for x, _ in points] == [204_800, 409_600, 614_400]
    noise = next(line.noise for line in lines if line.mixture == "doremi")
    assert noise is not None
    for left, right, (x, low, high, to, *_) in zip(smooth, smooth[1:], band, strict=False):
        assert (x, to) == (left[0], right[0])
        assert (high + low) / 2 == pytest.approx(left[1], abs=1e-4)
        assert (high - low) / 2 == pytest.approx(noise, abs=1e-4)
    assert doremi[0]["markLine"]["data"] == [{"yAxis": 0.25}]


def test_names_of_runs_never_reach_the_javascript_of_the_chart() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    point = {"step": 1, "tokens": 1, "checkpoint": "c", "value": 0.5, "low": 0.4, "high": 0.6, "smoothed": 0.5}
    line = Line.model_validate(
        {"run": hostile, "mixture": hostile, "suite": hostile, "metric": "m", "convention": "m", "chance": None}
        | {"higher_is_better": True, "noise": 0.1, "points": [point, point | {"step": 2}]}
    )
    options = trajectory_chart([line], "step", dark=True)
    scripts = [series[":renderItem"] for series in options["series"] if ":renderItem" in series]
    assert scripts == [BAND]
    assert options["tooltip"]["renderMode"] == "richText"
    assert hostile in json.dumps(options)


def test_nothing_published_is_nothing_to_show(tmp_path: Path) -> None:
    empty = Warehouse.open(Lake.open(tmp_path / "lake").root)
    assert leaderboard(empty) == []
    assert graded_suites(empty) == []
    assert answerers(empty, "reading") == []
    assert graded(empty, "reading", BEST, "choice-bytes").total == 0


def test_the_api_gives_boards_comparisons_items_and_trajectories(warehouse: Warehouse) -> None:
    with TestClient(api_app(Services(warehouse, State(warehouse.root)))) as client:
        boards = client.get("/api/leaderboard", params={"suite": "exam-zh", "limit": 1}).json()
        assert [standing["score"]["label"] for standing in boards[0]["standings"]] == ["doremi 300"]
        sides = {"a": "natural 300", "b": BEST[:10]}
        compared = client.get("/api/compare", params={**sides, "examples": 2}).json()
        verdicts = {suite["suite"]: suite["whole"]["verdict"] for suite in compared["suites"]}
        assert verdicts["exam-zh"] == "better"
        assert verdicts["reading"] == "not shown"
        assert {len(suite["discordant"]) for suite in compared["suites"]} == {0, 2}
        wrong = client.get("/api/compare", params={"a": "natural 300", "b": "doremi 30"})
        assert wrong.status_code == 422
        assert "did you mean" in wrong.json()["detail"]
        asked = {"suite": "reading", "checkpoint": BEST, "convention": "choice-bytes"}
        assert client.get("/api/items", params={**asked, "verdict": "right"}).json()["total"] == 24
        tallies = {row["seen"]: row["samples"] for row in client.get("/api/items", params=asked).json()["seen"]}
        for seen in ("clean", "input", "unexamined"):
            assert client.get("/api/items", params={**asked, "seen": seen}).json()["total"] == tallies.get(seen, 0)
        measured = client.get("/api/speed").json()
        assert [(one["measurement"], one["concurrency"], one["failed"]) for one in measured] == [
            (2, None, 1),
            (1, 4, 0),
        ]
        assert len(measured[0]["metrics"]) == 6
        assert client.get("/api/speed", params={"model": "nobody"}).json() == []
        assert client.get("/api/trajectories").json()["last"] == 5
