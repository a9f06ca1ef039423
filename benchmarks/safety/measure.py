"""Every detector on every set of texts: what ``make bench-safety`` computes."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.safety import corpora, engines, judgements
from benchmarks.safety.corpora import Text, group_of
from benchmarks.safety.engines import Answer
from benchmarks.safety.kinds import OURS, known
from benchmarks.safety.score import Found, Share, measured, overlap

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

    def to_read(self, group: str) -> list[Found]:
        """What is to be read: samples of findings in real texts, or what no label explains in planted ones."""
        chosen = self._samples() if group == "real" else self._unexplained()
        return sorted(set(chosen), key=lambda one: (one.kind, self.group(one), judgements.digest(one)))

    def sample(self, answer: Answer, kind: str, group: str) -> list[Found]:
        """The findings of an engine in real texts that are read."""
        every = (one for found in answer.found.values() for one in found if one.kind == kind)
        return judgements.sample(one for one in every if self.group(one) == group)

    def _samples(self) -> Iterable[Found]:
        for engine, answer in self.on_real.items():
            for kind in known(engine):
                for group in REAL:
                    yield from self.sample(answer, kind, group)

    def _unexplained(self) -> Iterable[Found]:
        for engine in (OURS,):
            for text in self.labelled:
                if group_of(text.lang) in ("zh", "en"):
                    for one in self.on_labelled[engine].found.get(text.key, ()):
                        marked = [*text.labels, *text.decoys]
                        if not any(overlap(label, one) for label in marked):
                            yield one

    def _asked(self, name: str, texts: list[Text]) -> dict[str, Answer]:
        path = self.work / f"{name}.jsonl"
        digest = corpora.write(texts, path)
        by_key = {text.key: text.text for text in texts}
        return {engine: engines.ask(engine, path, digest, self.work, by_key) for engine in engines.present()}


def labelled_rows(session: Session) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each engine by source, group of languages and kind, where there are labels."""
    true = frozenset(
        one
        for answer in session.on_labelled.values()
        for found in answer.found.values()
        for one in found
        if (said := VERDICTS.get(judgements.digest(one))) and said.verdict == "true"
    )
    rows = []
    for source in sorted({text.source for text in session.labelled}):
        for group in LANGUAGES:
            texts = [text for text in session.labelled if text.source == source and group_of(text.lang) == group]
            kinds = sorted({label.kind for text in texts for label in text.labels if label.kind})
            for kind in kinds:
                for engine, answer in session.on_labelled.items():
                    if kind in known(engine):
                        scores = measured(texts, answer.found, kind, true)
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


def rates(answers: Mapping[str, Answer]) -> dict[str, float]:
    """Megabytes of text for each second of processor, by engine."""
    return {engine: round(answer.bytes / 1e6 / max(answer.seconds, 1e-3), 2) for engine, answer in answers.items()}
