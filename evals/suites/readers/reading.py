"""Reading with a written answer: SQuAD, CMRC2018 and DROP as their authors publish them.

Questions about one passage are correlated, so the passage is their group; in SQuAD it is the article, whose paragraphs
are correlated too and whose title the prompts of OLMES show.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gristmill.core.errors import UsageError
from gristmill.evals.suites.items import AnswerItem
from gristmill.evals.suites.readers.rows import Row, json_of, need, rows_of


def squad(paths: Sequence[Path]) -> list[AnswerItem]:
    """SQuAD v1.1 (Rajpurkar et al. 2016), ``dev-v1.1.json``; the group is the title of the article."""
    return [
        _answer(question, place, passage=paragraph["context"], group=article["title"])
        for place, article, paragraph in _paragraphs(paths, "title", "paragraphs")
        for question in paragraph["qas"]
    ]


def cmrc2018(paths: Sequence[Path]) -> list[AnswerItem]:
    """CMRC2018 (Cui et al. 2019), ``cmrc2018_dev.json``; the group is the paragraph."""
    return [
        _answer(question, place, passage=paragraph["context"], group=paragraph["id"])
        for place, _, paragraph in _paragraphs(paths, "paragraphs")
        for question in paragraph["qas"]
    ]


def squad_olmes(paths: Sequence[Path]) -> list[AnswerItem]:
    """The requests of OLMES for SQuAD (allenai/OLMo-in-loop-evals): 1,000 questions of its development set.

    A query is ``Title: T\\nBackground: B\\nQuestion: Q\\nAnswer:``.
    """
    return [_olmes(row, place) for place, row in rows_of(paths)]


def squad_olmes_shots(paths: Sequence[Path]) -> list[AnswerItem]:
    """The worked examples before every query of the same file."""
    place, row = next(rows_of(paths))
    doc, request = need(row, place, "doc", "request")
    before = request["context"].removesuffix(doc["query"])
    items: list[AnswerItem] = []
    for block in before.split("\n\nTitle: ")[1:]:
        query, mark, answer = block.strip().rpartition("\nAnswer: ")
        title, background, question = _parts(f"Title: {query}", f"{place}: shot {len(items)}")
        if not mark:
            raise UsageError(f"{place}: shot {len(items)} has no answer")
        values = {"id": f"shot-{len(items)}", "passage": background, "question": question, "answers": [[answer]]}
        items.append(AnswerItem.parse({**values, "group": title}, place))
    return items


def drop(paths: Sequence[Path]) -> list[AnswerItem]:
    """DROP (Dua et al. 2019), ``drop_dataset_dev.json``; the group is the passage.

    An answer is a number, a date or one or several spans; ``validated_answers`` are alternatives. They are read in
    the order and with the rules of lm-eval's ``drop/utils.py``.
    """
    items: list[AnswerItem] = []
    for path in paths:
        for name, passage in json_of(path).items():
            place = f"{path.name}: {name}"
            text, pairs = need(passage, place, "passage", "qa_pairs")
            for pair in pairs:
                (answer,) = need(pair, place, "answer")
                found = [_drop_answer(given) for given in (answer, *pair.get("validated_answers", ()))]
                alternatives = [list(parts) for parts in dict.fromkeys(found) if all(parts)]
                values = {"id": pair["query_id"], "question": pair["question"], "answers": alternatives}
                items.append(AnswerItem.parse({**values, "passage": text, "group": name}, place))
    return items


def _drop_answer(given: Row) -> tuple[str, ...]:
    if str(given.get("number", "")) != "":
        return (str(given["number"]),)
    if given.get("spans"):
        return tuple(given["spans"])
    date = given.get("date", {})
    return (" ".join(date.get(part, "") for part in ("day", "month", "year")).strip(),)


def _paragraphs(paths: Sequence[Path], *fields: str) -> Iterator[tuple[str, Row, Row]]:
    """The file, article and paragraph of everything in files of SQuAD's form."""
    for path in paths:
        articles: Iterable[Any] = need(json_of(path), path.name, "data")[0]
        for number, article in enumerate(articles):
            place = f"{path.name}: article {number}"
            need(article, place, *fields)
            for paragraph in article["paragraphs"]:
                need(paragraph, place, "context", "qas")
                yield place, article, paragraph


def _answer(question: Row, place: str, *, passage: str, group: str) -> AnswerItem:
    name, words, answers = need(question, place, "id", "question", "answers")
    # Annotators often gave the same answer: keep each text once, in the order of the file.
    texts = dict.fromkeys(answer["text"] for answer in answers)
    values = {"id": name, "question": words, "answers": [[text] for text in texts]}
    return AnswerItem.parse({**values, "passage": passage, "group": group}, place)


def _olmes(row: Row, place: str) -> AnswerItem:
    (doc,) = need(row, place, "doc")
    name, query, answers = need(doc, place, "id", "query", "answers_text")
    title, background, question = _parts(query.removesuffix("\nAnswer:"), place)
    values = {"id": name, "question": question, "answers": [[text] for text in dict.fromkeys(answers)]}
    return AnswerItem.parse({**values, "passage": background, "group": title}, place)


def _parts(query: str, place: str) -> tuple[str, str, str]:
    title, first, rest = query.removeprefix("Title: ").partition("\nBackground: ")
    background, second, question = rest.rpartition("\nQuestion: ")
    if not first or not second:
        raise UsageError(f"{place}: this is not a query of title, background and question")
    return title, background, question
