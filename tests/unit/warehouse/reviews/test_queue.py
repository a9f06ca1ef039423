"""Decisions of people: the queue, who sees what, arbiters, storage that survives, samples and signatures."""

from multiprocessing import get_context
from pathlib import Path

import pytest

from gristmill.core.errors import DamageError, UsageError
from gristmill.core.lake import Lake
from gristmill.schemas.reviews.decision import Choice, Decision, SpanChoice, standing
from gristmill.tasks.safety.review.snapshot import settled
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.reviews.case import case
from gristmill.warehouse.reviews.corpus import SignedCorpora
from gristmill.warehouse.reviews.deciding import decide, subject
from gristmill.warehouse.reviews.figures import corpus_states, review_figures, signature_for
from gristmill.warehouse.reviews.queue import Waiting, backlog
from gristmill.warehouse.reviews.sampling import draw
from gristmill.warehouse.reviews.store import DECISIONS, Reviews, now
from tests.helpers.review_lake import HOSTILE, ReviewLake, build_review_lake, text_hash
from tests.helpers.small_lake import doc_id


@pytest.fixture
def web(tmp_path: Path) -> ReviewLake:
    return build_review_lake(tmp_path / "lake")


def choose(web: ReviewLake, name: str, person: str, choice: Choice, **told: object) -> Decision:
    about = subject(web.warehouse, text_hash(name))
    return decide(web.reviews, about, person, choice, **told)  # type: ignore[arg-type]


def waiting(web: ReviewLake, person: str, seat: str = "reader") -> list[Waiting]:
    return backlog(web.warehouse, web.reviews, person, seat).waiting  # type: ignore[arg-type]


def names(rows: list[Waiting]) -> set[str]:
    known = {text_hash(name): name for name in ("hostile", "second", "third", "one", "two", "three", "four", "dropped")}
    return {known[row.text_hash] for row in rows}


def test_held_documents_wait_with_what_the_policy_suggests(web: ReviewLake) -> None:
    rows = waiting(web, "ann")
    assert names(rows) == {"hostile", "second", "third"}
    assert [row.text_hash for row in rows] == sorted(row.text_hash for row in rows)
    third = next(row for row in rows if row.text_hash == text_hash("third"))
    assert (third.rule, third.score, third.detector, third.stratum) == ("review:email", 0.8, "test:email", "held")


def test_what_is_decided_leaves_the_queue_and_what_is_deferred_comes_last(web: ReviewLake) -> None:
    choose(web, "third", "ann", Choice.KEEP)
    first = waiting(web, "ann")[0].text_hash
    name = "hostile" if first == text_hash("hostile") else "second"
    choose(web, name, "ann", Choice.DEFER)
    rows = waiting(web, "ann")
    assert [row.deferred for row in rows] == [False, True]
    assert rows[-1].text_hash == first
    assert names(waiting(web, "bob")) == {"hostile", "second"}  # one reader is enough for the third


def test_a_second_reader_is_blind_and_an_arbiter_is_none_of_the_readers(web: ReviewLake) -> None:
    choose(web, "third", "ann", Choice.KEEP, reason="harmless")
    seen = case(web.warehouse, web.reviews, text_hash("third"), "bob")
    assert (seen.decisions, seen.hidden, seen.disputed) == ([], 1, False)
    with pytest.raises(UsageError, match="the readers of this document do not differ"):
        choose(web, "third", "cat", Choice.DROP, arbiter=True)
    choose(web, "third", "bob", Choice.DROP)
    seen = case(web.warehouse, web.reviews, text_hash("third"), "bob")
    assert ([decision.person for decision in seen.decisions], seen.hidden, seen.disputed) == (["ann", "bob"], 0, True)
    assert case(web.warehouse, web.reviews, text_hash("third"), "cat").hidden == 2
    assert names(waiting(web, "cat", "arbiter")) == {"third"}
    assert waiting(web, "ann", "arbiter") == []
    assert case(web.warehouse, web.reviews, text_hash("third"), "cat", "arbiter").hidden == 0
    assert settled(web.reviews.by_text(), 1).rows == ()
    with pytest.raises(UsageError, match="an arbiter is none of the readers"):
        choose(web, "third", "ann", Choice.KEEP, arbiter=True)
    choose(web, "third", "cat", Choice.REDACT, arbiter=True)
    assert settled(web.reviews.by_text(), 2).rows == ((text_hash("third"), 0, 0, "", "redact"),)
    assert waiting(web, "cat", "arbiter") == []


def test_as_many_readers_as_the_policy_asks_must_agree(web: ReviewLake) -> None:
    span = SpanChoice.parse({"start": 0, "end": 5, "kind": "email", "decision": "keep"}, "")
    first = choose(web, "third", "ann", Choice.REDACT, spans=[span])
    assert standing([first], 2).settled is None
    other = choose(web, "third", "bob", Choice.REDACT)
    assert standing([first, other], 2).disputed
    again = choose(web, "third", "bob", Choice.REDACT, spans=[span])
    assert standing([first, other, again], 2).settled == first
    rows = settled(web.reviews.by_text(), 2).rows
    assert rows == ((text_hash("third"), 0, 0, "", "redact"), (text_hash("third"), 0, 5, "email", "keep"))


def test_the_snapshot_depends_on_what_is_settled_and_on_nothing_else(web: ReviewLake) -> None:
    choose(web, "third", "ann", Choice.KEEP, reason="one reason")
    before = settled(web.reviews.by_text(), 1)
    choose(web, "third", "ann", Choice.KEEP, reason="another")
    choose(web, "second", "bob", Choice.DEFER)
    assert settled(web.reviews.by_text(), 1).digest == before.digest
    choose(web, "second", "bob", Choice.DROP)
    assert settled(web.reviews.by_text(), 1).digest != before.digest


def test_wrong_subjects_and_spans_are_refused(web: ReviewLake) -> None:
    with pytest.raises(UsageError, match="there is no document nothing"):
        subject(web.warehouse, "nothing")
    span = SpanChoice.parse({"start": 0, "end": 500, "kind": "email", "decision": "keep"}, "")
    with pytest.raises(UsageError, match="the span 0-500 ends after the text"):
        choose(web, "third", "ann", Choice.KEEP, spans=[span])
    assert web.reviews.decisions() == []


def test_a_case_has_findings_with_suggestions_and_the_text_as_it_is(web: ReviewLake) -> None:
    found = case(web.warehouse, web.reviews, text_hash("hostile"), "ann")
    assert found.text == HOSTILE
    told = {finding.kind: (finding.suggestion, finding.detector, finding.score) for finding in found.findings}
    assert told == {"phone": ("review:phone", "test:phone", 0.8), "email": ("keep", "test:email", 0.8)}
    assert found.summary == "Held for review: phone found by test:phone, score 0.8."


def test_decisions_survive_a_rebuild_of_the_warehouse_and_hold_no_text(web: ReviewLake) -> None:
    choose(web, "third", "ann", Choice.KEEP)
    before = (web.reviews.folder / DECISIONS).read_bytes()
    assert b"corp.io" not in before
    publish(web.lake)
    assert (web.reviews.folder / DECISIONS).read_bytes() == before
    assert names(waiting(web, "ann")) == {"hostile", "second"}


def test_a_torn_line_was_never_stored_and_a_broken_one_is_named(web: ReviewLake) -> None:
    choose(web, "third", "ann", Choice.KEEP)
    path = web.reviews.folder / DECISIONS
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert len(web.reviews.decisions()) == 1
    choose(web, "second", "ann", Choice.DROP)
    assert [decision.decision for decision in web.reviews.decisions()] == ["keep", "drop"]
    path.write_bytes(b"{}\n" + path.read_bytes())
    with pytest.raises(DamageError, match=r"decisions\.jsonl.*line 1 cannot be read"):
        web.reviews.decisions()


def _append(root: str, person: str, count: int) -> None:
    reviews = Reviews(Path(root))
    for number in range(count):
        decision = {"person": person, "decision": "keep", "at": now(), "source": "web"}
        reviews.decide([Decision.parse({"text_hash": doc_id(str(number)), "doc_id": doc_id("x"), **decision}, "")])


def test_writers_do_not_mix_their_lines(tmp_path: Path) -> None:
    context = get_context("fork")
    writers = [context.Process(target=_append, args=(str(tmp_path), f"p{number}", 20)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = Reviews(tmp_path).decisions()
    assert sorted(decision.person for decision in found) == [f"p{number}" for number in range(3) for _ in range(20)]


def test_samples_are_mixed_in_and_estimate_the_errors_of_the_policy(web: ReviewLake) -> None:
    told = {"seed": 1, "readers": 1, "person": "ann", "at": now()}
    sample = draw(web.warehouse, "web", doc_id("corpus"), {"kept": 4, "dropped": 5}, **told)  # type: ignore[arg-type]
    assert [(entry.stratum, entry.domain, entry.documents, entry.drawn) for entry in sample.strata] == [
        ("kept", "code", 2, 2),
        ("kept", "prose", 2, 2),
        ("dropped", "prose", 1, 1),
    ]
    again = draw(web.warehouse, "web", doc_id("corpus"), {"kept": 4, "dropped": 5}, **told)  # type: ignore[arg-type]
    assert again == sample
    web.reviews.draw(sample)
    rows = waiting(web, "ann")
    assert names(rows) == {"hostile", "second", "third", "one", "two", "three", "four", "dropped"}
    assert [row.text_hash for row in rows] == sorted(row.text_hash for row in rows)
    for name, choice in (("one", Choice.KEEP), ("two", Choice.KEEP), ("three", Choice.DROP), ("dropped", Choice.KEEP)):
        choose(web, name, "ann", choice)
    kept, dropped = review_figures(web.warehouse, web.reviews).errors
    assert (kept.stratum, kept.documents, kept.drawn, kept.read, kept.wrong) == ("kept", 4, 4, 3, 1)
    assert kept.rate == pytest.approx(0.5)  # half of the corpus is code, and the code that was read is wrong
    assert kept.documents_wrong == pytest.approx(2)
    assert (dropped.rate, dropped.high) == (1, 1)
    with pytest.raises(UsageError, match="nothing to draw from"):
        draw(web.warehouse, "nowhere", doc_id("corpus"), {"kept": 1}, **told)  # type: ignore[arg-type]


def test_a_signature_names_content_and_can_be_withdrawn(web: ReviewLake) -> None:
    lake = Lake.open(web.lake.root)
    dataset = lake.expect("curation", "web")
    digests = [ref.digest for ref in dataset.tables["curated"]]
    assert SignedCorpora(lake).unsigned(digests) == ["web"]
    signature = signature_for(web.warehouse, web.reviews, dataset, "ann", "read it")
    assert signature.figures["counts"]["waiting_for_review"] == 3
    web.reviews.sign(signature)
    assert SignedCorpora(lake).unsigned(digests) == []
    (state,) = corpus_states(lake)
    assert (state.source, state.person, state.note) == ("web", "ann", "read it")
    web.reviews.sign(signature.model_copy(update={"withdrawn": True}))
    assert SignedCorpora(lake).unsigned([*digests, "something else"]) == ["a corpus that is no longer current", "web"]
