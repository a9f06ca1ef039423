"""Every detector on every set of texts: what ``make bench-safety`` computes."""

from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.safety import corpora, engines, judgements
from benchmarks.safety.corpora import Text, group_of
from benchmarks.safety.engines import Answer
from benchmarks.safety.kinds import known
from benchmarks.safety.score import Found, Share, measured
from gristmill.schemas.findings import FindingGroup, FindingKind
from gristmill.tasks.demo_site.planted.plant import SEEDS, Planted, planted
from gristmill.tasks.safety.step import find_all, findings_config

HERE = Path(__file__).resolve().parent.parent
SHARED = HERE.parent.parent / "shared"
WORK = HERE / ".work" / "safety"
VERDICTS = judgements.stored()
LANGUAGES = ("zh", "en", "other")
REAL = ("zh", "en", "other", "code")


class Session:
    """Texts, and what each engine that is present found in them; read when they are asked for."""

    def __init__(self, shared: Path, work: Path) -> None:
        self.shared, self.work = shared, work

    @cached_property
    def labelled(self) -> list[Text]:
        """Texts with planted values."""
        return corpora.labelled(self.shared)

    @cached_property
    def real(self) -> list[Text]:
        """Real texts without labels."""
        return corpora.real(self.shared)

    @cached_property
    def on_labelled(self) -> dict[str, Answer]:
        """What each engine found in planted texts."""
        return self._asked("labelled", self.labelled)

    @cached_property
    def on_real(self) -> dict[str, Answer]:
        """What each engine found in real texts."""
        return self._asked("real", self.real)

    @cached_property
    def _texts(self) -> dict[str, Text]:
        return {text.key: text for text in [*self.labelled, *self.real]}

    def text(self, key: str) -> str:
        """The text that a finding stands in."""
        return self._texts[key].text

    def group(self, found: Found) -> str:
        """The group of languages of a finding."""
        return group_of(self._texts[found.text].lang)

    def group_of_text(self, text: Text) -> str:
        """The group of languages of a text."""
        return group_of(text.lang)

    def to_read(self) -> list[Found]:
        """The samples of findings in real texts, of all engines."""
        chosen = {
            one
            for engine, answer in self.on_real.items()
            for kind in known(engine)
            for group in REAL
            for one in self.sample(answer, kind, group)
        }
        return sorted(chosen, key=lambda one: (one.kind, self.group(one), judgements.digest(one)))

    def sample(self, answer: Answer, kind: str, group: str) -> list[Found]:
        """The findings of an engine in real texts that are read."""
        every = (one for found in answer.found.values() for one in found if one.kind == kind)
        return judgements.sample(one for one in every if self.group(one) == group)

    def _asked(self, name: str, texts: list[Text]) -> dict[str, Answer]:
        path = self.work / f"{name}.jsonl"
        digest = corpora.write(texts, path)
        by_key = {text.key: text.text for text in texts}
        return {engine: engines.ask(engine, path, digest, self.work, by_key) for engine in engines.present()}


def labelled_rows(session: Session) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each engine by source, group of languages and kind, where there are labels."""
    rows = []
    for source in sorted({text.source for text in session.labelled}):
        for group in LANGUAGES:
            texts = [text for text in session.labelled if text.source == source and group_of(text.lang) == group]
            kinds = sorted({label.kind for text in texts for label in text.labels if label.kind})
            for kind in kinds:
                for engine, answer in session.on_labelled.items():
                    if kind in known(engine):
                        scores = measured(texts, answer.found, kind)
                        place = {"source": source, "language": group, "kind": kind, "engine": engine}
                        rows.append({**place, **{way: asdict(score) for way, score in scores.items()}})
    return rows


def real_rows(session: Session) -> list[dict[str, Any]]:
    """Findings in real texts by engine, group of languages and kind, and the share that readers found true."""
    rows = []
    for engine, answer in session.on_real.items():
        for kind in sorted(known(engine)):
            for group in REAL:
                every = sum(
                    one.kind == kind and session.group(one) == group for found in answer.found.values() for one in found
                )
                if every:
                    chosen = session.sample(answer, kind, group)
                    true, false, unclear = judgements.tally(chosen, VERDICTS)
                    rows.append(
                        {
                            "language": group,
                            "kind": kind,
                            "engine": engine,
                            "findings": every,
                            "sampled": len(chosen),
                            "unclear": unclear,
                            "precision": asdict(Share.of(true, true + false)),
                        }
                    )
    return rows


def speeds(session: Session) -> dict[str, float]:
    """The rate of each engine on one text in eight of the real ones, one engine after the other."""
    path = session.work / "speed.jsonl"
    corpora.write(session.real[::8], path)
    return {engine: engines.rate(engine, path, session.work) for engine in session.on_real}


def demo_rows() -> list[dict[str, Any]]:
    """The demo's planted values: how many are found, as their group and as their very kind, and which kinds were not.

    What the page hides has no place in a text of its own and is left out.
    """
    values = [value for value in planted() if value.kind is not FindingKind.HIDDEN_TEXT]
    ids = [str(number) for number in range(len(values))]
    texts = pa.table({"doc_id": ids, "text": [value.sentence for value in values]})
    found: dict[str, list[dict[str, Any]]] = {}
    for row in find_all(texts, findings_config()).to_pylist():
        found.setdefault(row["doc_id"], []).append(row)
    rows = []
    for group in FindingGroup:
        for name in SEEDS:
            mine = [(number, value) for number, value in enumerate(values) if value.kind.group is group]
            mine = [(number, value) for number, value in mine if value.templates == name]
            kinds = [(value.kind, _kinds_at(value, found.get(str(number), []))) for number, value in mine]
            rows.append(
                {
                    "group": group.value,
                    "templates": name,
                    "planted": len(kinds),
                    "found": sum(any(FindingKind(each).group is group for each in at) for _, at in kinds),
                    "same_kind": sum(kind.value in at for kind, at in kinds),
                    "missed": sorted({kind.value for kind, at in kinds if kind.value not in at}),
                }
            )
    return rows


def _kinds_at(value: Planted, rows: list[dict[str, Any]]) -> set[str]:
    start = value.sentence.index(value.value)
    end = start + len(value.value)
    return {row["kind"] for row in rows if row["start"] < end and start < row["end"]}
