"""The matcher on made-up items: what counts as found, as answered, as neither; labels, scores and the curation step."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.core.table import empty
from gristmill.evals.contamination.labels import label_items
from gristmill.evals.contamination.texts import eval_items
from gristmill.evals.statistics.domain import domain_difference
from gristmill.evals.suites.items import ChoiceItem
from gristmill.evals.suites.suite import load_suite
from gristmill.flows.evaluate.contamination import checkpoint_digest, find_corpus
from gristmill.flows.evaluate.settings import ContaminationSettings
from gristmill.flows.reporter import Reporter
from gristmill.schemas.tables import Contamination, Curated, Documents, EvalItems
from gristmill.tasks.contamination.index import MatchConfig, build_index
from gristmill.tasks.contamination.matching import Found, find
from gristmill.tasks.contamination.steps import contamination_curated, decontaminate, index_config
from gristmill.tasks.contamination.words import words_of
from gristmill.tasks.lineage.trained import find_trained
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.contamination import CleanScore, clean_scores, has_error_bar
from tests.helpers.contaminated import FERRY, ITEMS, LANTERN, MILL, ORCHARD, items, page, row, write_suite
from tests.helpers.small_lake import commit

CONFIG = MatchConfig()


SUMS = items(*(row(name, question, [answer]) for name, (question, answer) in ITEMS.items()))


def search(text: str, table: pa.Table = SUMS, config: MatchConfig = CONFIG) -> list[Found]:
    return find(pa.array([text]), build_index(table, config), config)


def labels(text: str, table: pa.Table = SUMS) -> dict[str, str]:
    return {found.row.item: found.label for found in search(text, table)}


def tokens(text: str) -> list[str]:
    column = words_of(pa.array([text]))
    return [column.data[a:b].tobytes().decode() for a, b in zip(column.start, column.end, strict=True)]


def test_words_where_spaces_part_them_and_characters_elsewhere() -> None:
    assert tokens("Don't pay $12,000 for磨坊ＡＢ!") == ["Don", "t", "pay", "12", "000", "for", "磨", "坊", "ＡＢ"]
    assert tokens("สวัสดี") == list("สวัสดี")
    same = words_of(pa.array(["ＡＢ É x", "ab é X"]))
    assert same.of(0).tolist() == same.of(1).tolist()
    assert len(words_of(pa.array(["", " !? _", ""])).hashes) == 0


def test_a_planted_question_is_found_where_it_stands() -> None:
    text = page("host", MILL)
    (found,) = search(text)
    assert (found.row.item, found.label, found.score) == ("mill", "input", 1.0)
    assert text[found.start : found.end] == MILL.rstrip("?")


def test_case_punctuation_and_line_breaks_do_not_hide_it() -> None:
    assert labels(page("host", MILL.upper().replace(" ", "\n  ").replace(".", " --"))) == {"mill": "input"}


def test_the_answer_counts_only_near_the_question() -> None:
    assert labels(page("host", f"{MILL} The answer is 70 sacks.")) == {"mill": "answer"}
    assert labels(page("host", f"{MILL}\n{'word ' * 60} 70")) == {"mill": "input"}
    assert labels(page("host", f"70. {MILL}")) == {"mill": "input"}


def test_a_chinese_question_is_found_by_its_characters() -> None:
    assert labels(f"从前有一个镇子。{LANTERN}答案：25。后来呢？") == {"lantern": "answer"}
    assert labels(f"从前有一个镇子。{LANTERN.replace('掌柜', '老板')}后来呢？") == {"lantern": "input"}


def test_a_third_of_other_words_is_another_question() -> None:
    words = ORCHARD.split()
    for step, expected in ((12, {"orchard": "input"}), (3, {})):
        changed = " ".join("quartz" if place % step == 1 else word for place, word in enumerate(words))
        assert labels(page("host", changed)) == expected


def test_the_similarity_is_the_edit_distance_by_weight() -> None:
    one = items(row("one", " ".join(f"w{number}" for number in range(40)), []))
    text = " ".join("other" if number in (7, 23) else f"w{number}" for number in range(40))
    (found,) = search(f"before {text} after", one)
    assert found.similarity == pytest.approx(38 / 40)


def test_short_texts_must_stand_word_by_word() -> None:
    few = items(row("few", "name nine rivers that flow through seven northern towns", []))
    assert labels("He asked: name nine rivers that flow through seven northern towns.", few) == {"few": "input"}
    assert labels("He asked: name nine rivers that flow through seven southern towns.", few) == {}
    assert CONFIG.required([1, 10, 20, 30, 500]).tolist() == pytest.approx([1.0, 1.0, 0.9, 0.8, 0.8])


def test_a_question_of_a_few_words_needs_its_answer() -> None:
    capital = items(row("capital", "What is the capital of France?", ["Paris"]))
    assert labels("Pupils ask: what is the capital of France? Nobody tells.", capital) == {}
    assert labels("Pupils ask: what is the capital of France? It is Paris.", capital) == {"capital": "answer"}


def test_a_text_below_five_words_is_not_looked_for() -> None:
    index = build_index(items(row("tiny", "Evaluate 5 factorial", [])), CONFIG)
    assert [entry.item for entry in index.short] == ["tiny"]
    assert not index.rows


def test_a_passage_alone_is_no_input() -> None:
    asked = "Which of the two mills beside the northern river belongs to the younger brother of the miller?"
    both = items(row("one", ORCHARD, [], "passage"), row("one", asked, ["the old one"]))
    assert labels(page("host", ORCHARD), both) == {"one": "passage"}
    assert {(found.row.form, found.label) for found in search(f"{ORCHARD}\n{asked}", both)} == {
        ("passage", "passage"),
        ("question", "input"),
    }


def test_a_sentence_of_the_passage_that_the_question_repeats_is_no_question() -> None:
    both = items(row("one", ORCHARD, [], "passage"), row("one", " ".join(ORCHARD.split()[4:20]), ["six"]))
    assert labels(ORCHARD, both) == {"one": "passage"}


def test_options_that_stand_there_do_not_tell_the_answer_but_its_letter_does() -> None:
    told = {"options": ["granite", "limestone", "basalt", "slate"], "letter": "C"}
    stem = "Which of these four rocks is made when lava cools quickly at the surface of the sea?"
    choice = items(
        row("rock", stem, ["basalt"], **told),
        row("rock", f"{stem} {' '.join(told['options'])}", ["basalt"], "options", **told),
    )
    listed = f"{stem}\nA. granite\nB. limestone\nC. basalt\nD. slate\n"
    assert set(labels(page("host", listed), choice).values()) == {"input"}
    assert set(labels(page("host", f"{listed}Answer: C"), choice).values()) == {"answer"}
    assert set(labels(page("host", f"{listed}答案：C"), choice).values()) == {"answer"}
    assert set(labels(page("host", f"{listed}Answer: D"), choice).values()) == {"input"}
    assert set(labels(page("host", f"{stem} It is basalt."), choice).values()) == {"answer"}


def test_options_are_found_with_and_without_their_letters() -> None:
    suite = load_suite("gristmill-reading")
    index = build_index(eval_items(suite), CONFIG)
    asked = [item for item in suite.items if isinstance(item, ChoiceItem)]
    for marks in ("ABCD", ("", "", "", "")):
        texts = [
            "\n".join([item.question, *(f"{mark} {text}" for mark, text in zip(marks, item.options, strict=True))])
            for item in asked
        ]
        found = {
            (place.document, place.row.item) for place in find(pa.array(texts), index, CONFIG) if place.label == "input"
        }
        assert len(found & {(number, item.id) for number, item in enumerate(asked)}) >= 0.95 * len(asked)


def test_what_is_found_of_a_suite_does_not_depend_on_the_others() -> None:
    other = pa.concat_tables([SUMS, items(*({**row(f"x{n}", MILL, ["1"]), "suite": "other"} for n in range(3)))])
    text = page("host", MILL.replace("wheat", "rye"))
    alone = [(found.similarity, found.start) for found in search(text)]
    assert [(found.similarity, found.start) for found in search(text, other) if found.row.suite == "sums"] == alone


def test_items_of_every_kind_are_taken_apart(tmp_path: Path) -> None:
    reading = eval_items(load_suite("gristmill-reading")).to_pylist()
    assert {entry["form"] for entry in reading} == {"passage", "question", "options"}
    choice = next(entry for entry in reading if entry["form"] == "options")
    assert choice["answers"] == [choice["options"]["ABCD".index(choice["letter"])]]
    assert all(option in choice["text"] for option in choice["options"])
    code = eval_items(load_suite("gristmill-code")).to_pylist()
    assert all(entry["form"] == "question" and len(entry["answers"]) == 1 for entry in code)
    sums = eval_items(load_suite(str(write_suite(tmp_path)))).to_pylist()
    assert {entry["item"]: entry["text"] for entry in sums} == {name: text for name, (text, _) in ITEMS.items()}


def documents(table: Any, texts: dict[str, str]) -> pa.Table:
    kinds = {pa.string(): "", pa.int32(): 0, pa.float64(): 0.0}
    blank = {field.name: None if field.nullable else kinds[field.type] for field in table.schema}
    rows = [{**blank, "doc_id": name, "source": "pages", "text": text} for name, text in texts.items()]
    return pa.Table.from_pylist(rows, schema=table.schema)


def index_file(folder: Path) -> Path:
    pq.write_table(SUMS, folder / "index.parquet")
    return folder / "index.parquet"


def test_the_steps_give_evidence_and_signals(tmp_path: Path) -> None:
    config = index_config(index_file(tmp_path))
    texts = {"a": page("a", f"{MILL} 70"), "b": page("b"), "c": page("c", f"{FERRY}\n\n{ORCHARD}")}
    evidence = contamination_curated.function(documents(Curated, texts), config).to_pylist()
    assert [(found["doc_id"], found["item"], found["label"]) for found in evidence] == [
        ("a", "mill", "answer"),
        ("c", "ferry", "input"),
        ("c", "orchard", "input"),
    ]
    assert all(
        texts[found["doc_id"]][found["start"] : found["end"]][:8] in (MILL[:8], FERRY[:8], ORCHARD[:8])
        for found in evidence
    )
    signals = decontaminate.function(documents(Documents, texts), config).to_pylist()
    assert signals == [
        {"doc_id": "a", "items": 1, "answers": 1, "score": 1.0},
        {"doc_id": "b", "items": 0, "answers": 0, "score": 0.0},
        {"doc_id": "c", "items": 2, "answers": 0, "score": 1.0},
    ]


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such index"):
        index_config(tmp_path / "missing.parquet")
    (tmp_path / "text").write_text("text", encoding="utf-8")
    with pytest.raises(UsageError, match="not Parquet"):
        index_config(tmp_path / "text")
    pq.write_table(pa.table({"item": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(UsageError, match="it lacks answers"):
        index_config(tmp_path / "other.parquet")
    config = index_config(index_file(tmp_path))
    pq.write_table(SUMS.slice(1), config.path)
    with pytest.raises(UsageError, match="changed or is gone"):
        decontaminate.function(documents(Documents, {"a": "text"}), config)


def place(item: str, doc_id: str, label: str, score: float = 1.0) -> dict[str, Any]:
    base = {
        "suite": "sums",
        "item": item,
        "doc_id": doc_id,
        "source": "pages",
        "form": "question",
        "start": 0,
        "end": 9,
    }
    return base | {"similarity": score, "answer": None, "score": score, "label": label}


def test_an_item_has_the_label_of_its_worst_place() -> None:
    shards = [
        [place("mill", "a", "input"), place("mill", "b", "answer", 0.9), place("ferry", "a", "passage")],
        [place("mill", "c", "input"), place("orchard", "c", "input", 0.85)],
    ]
    tables = [pa.Table.from_pylist(rows, schema=Contamination.schema) for rows in shards]
    found, kept = label_items(SUMS, iter(tables), "pages", {("sums", "lantern")})
    rows = {entry["item"]: entry for entry in found.to_pylist()}
    assert {name: entry["label"] for name, entry in rows.items()} == {
        "mill": "answer",
        "ferry": "clean",
        "orchard": "input",
        "lantern": "short",
    }
    assert (rows["mill"]["documents"], rows["mill"]["doc_id"], rows["mill"]["score"]) == (3, "b", 0.9)
    assert (rows["ferry"]["passage"], rows["ferry"]["documents"], rows["ferry"]["doc_id"]) == (True, 0, None)
    assert kept.num_rows == 5


def test_twenty_places_of_an_item_are_kept_and_all_are_counted() -> None:
    shards = (
        pa.Table.from_pylist(
            [place("mill", f"{shard}-{n}", "input", 0.8 + n / 100) for n in range(10)], schema=Contamination.schema
        )
        for shard in range(5)
    )
    found, kept = label_items(SUMS, shards, "pages", set())
    assert next(entry for entry in found.to_pylist() if entry["item"] == "mill")["documents"] == 50
    assert kept.num_rows == 20
    assert min(kept.column("score").to_pylist()) == pytest.approx(0.86)


def test_the_difference_has_the_error_of_the_difference() -> None:
    values, chosen = np.array([1.0, 1.0, 0.0, 1.0, 0.0, 1.0]), np.array([True, True, True, True, False, False])
    found = domain_difference(values, chosen, [""] * 6)
    assert found.value == pytest.approx(4 / 6 - 3 / 4)
    shares = (values - 4 / 6) / 6 - np.where(chosen, (values - 0.75) / 4, 0)
    half = 2.5705818356 * np.sqrt((shares**2).sum() * 6 / 5)  # Student's t with 5 degrees of freedom
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))
    alike = domain_difference(np.tile(values, 2), np.tile(chosen, 2), [str(n) for n in (*range(6), *range(6))])
    assert alike.high - alike.low == pytest.approx(found.high - found.low)
    with pytest.raises(ValueError, match="no difference"):
        domain_difference(values, np.zeros(6, np.bool_), [""] * 6)


def answers(digest: str, suite_digest: str, backend: str, right: int) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """One checkpoint on a suite of 12 items, of which it has the first ``right``."""
    name = {"checkpoint": digest, "suite": "sums"}
    run = name | {"label": "mine", "run": "external", "suite_digest": suite_digest, "items": 12, "backend": backend}
    sample = name | {"convention": "last-number", "weight": 1.0}
    score = name | {"metric": "accuracy", "convention": "last-number", "headline": True, "subset": "all"}
    score |= {"value": right / 12, "low": 0.0, "high": 1.0, "n": 12, "higher_is_better": True}
    samples = [sample | {"item": f"i{number:02d}", "value": float(number < right)} for number in range(12)]
    return {"eval_runs": {digest: [run]}, "samples": {digest: samples}, "scores": {digest: [score]}}


def labelled(corpus: str, suite_digest: str, seen: int) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The labels of those items: the first ``seen`` with their answers, the others clean."""
    name = {"corpus": corpus, "suite": "sums", "suite_digest": suite_digest}
    rows = [name | {"item": f"i{number:02d}", "label": "answer" if number < seen else "clean"} for number in range(12)]
    return {"item_labels": {f"{corpus}@sums": rows}}


def test_clean_scores_follow_every_new_answer_and_label(tmp_path: Path) -> None:
    lake, mine, other = Lake.open(tmp_path / "lake"), "c" * 32, "d" * 32

    def found() -> dict[tuple[str, bool], CleanScore]:
        publish(lake)
        scores = clean_scores(Warehouse.open(lake.root), "sums", mine)
        return {(score.corpus, score.own): score for score in scores}

    commit(lake, "evaluation", mine, answers(mine, "first", "test", right=6))
    commit(lake, "evaluation", other, answers(other, "first", "test", right=12))
    commit(lake, "contamination", "pages@sums", labelled("pages", "first", seen=4))
    commit(lake, "contamination", f"{mine}@sums", labelled(mine, "first", seen=1))
    commit(lake, "contamination", f"{other}@sums", labelled(other, "first", seen=8))
    first = found()
    assert set(first) == {("pages", False), (mine, True)}, "what another checkpoint was trained on says nothing of it"
    pages = first["pages", False]
    assert (pages.whole.value, pages.clean.value, pages.items, pages.clean_items) == (0.5, 0.25, 12, 8)
    assert pages.difference.value == pytest.approx(0.25)
    assert pages.difference.low < 0.25 < pages.difference.high

    commit(lake, "evaluation", mine, answers(mine, "first", "another", right=8))
    commit(lake, "contamination", "pages@sums", labelled("pages", "first", seen=0))
    again = found()
    assert set(again) == {(mine, True)}, "all are clean in the other: there is nothing to compare"
    assert again[mine, True].clean.value == pytest.approx(7 / 11)
    commit(lake, "evaluation", mine, answers(mine, "second", "another", right=8))
    assert found() == {}, "the labels are of another version of the suite"


@pytest.mark.parametrize(
    ("chosen", "clusters", "told"),
    [
        ([True, True, False], ["", "", ""], True),
        ([True, True, False], ["a passage"] * 3, False),
        ([True, True, False], ["one", "one", "another"], True),
        ([True, False, False], ["", "", ""], False),
        ([True, True, True], ["", "", ""], False),
    ],
)
def test_too_few_items_have_no_clean_score(chosen: list[bool], clusters: list[str], told: bool) -> None:
    """Questions of one passage alone ended the page with a traceback: their difference has no error bar."""
    assert has_error_bar(chosen, clusters) == told
    if told:
        found = domain_difference([0.0, 1.0, 1.0], np.array(chosen), clusters)
        assert found.low <= found.value <= found.high


def test_a_checkpoint_is_found_by_its_label_or_digest(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    lake.commit(Dataset(kind="evaluation", name="c" * 32, config={"label": "mine"}, counts={}, tables={}))
    assert checkpoint_digest("mine", lake) == checkpoint_digest("cccccc", lake) == "c" * 32
    with pytest.raises(UsageError, match="It has: mine"):
        checkpoint_digest("yours", lake)


def test_a_corpus_that_is_not_there_is_refused_with_the_hint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name a corpus to look through, or a checkpoint"):
        ContaminationSettings.parse({"suites": ["sums"]}, "contamination")
    settings = ContaminationSettings.parse({"suites": ["sums"], "corpus": ["newss"]}, "contamination")
    with pytest.raises(UsageError, match="Curated sources of this lake: none yet"), Reporter() as report:
        find_corpus(settings, "", Lake.open(tmp_path / "lake"), report)
    with pytest.raises(UsageError, match="was not trained in this lake"):
        find_trained("c" * 32, Lake.open(tmp_path / "lake"))


def test_nothing_is_found_in_no_text() -> None:
    assert search("") == []
    assert empty(Contamination).num_rows == len(find(pa.array([], pa.string()), build_index(SUMS, CONFIG), CONFIG))
    assert find(pa.array([MILL]), build_index(empty(EvalItems), CONFIG), CONFIG) == []
