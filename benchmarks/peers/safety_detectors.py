"""One peer's detectors of personal data or secrets over a file of texts; run with that peer's own interpreter.

    python benchmarks/peers/safety_detectors.py ENGINE DOCUMENTS.jsonl FOUND.jsonl

A line of the input is ``{"id", "lang", "text"}``, a line of the output ``{"id", "found": [[start, end, label],
...]}`` in code points, with the peer's own labels. The last line that is printed is ``{"seconds", "bytes"}``:
processor time of detection alone, after imports and loading, on one core.

Each engine is used as its project documents it. Presidio: its default recognisers on a blank spaCy pipeline, scores
from 0.35, the threshold of its demo. scrubadub: its default detectors for the text's locale. datatrove: the
expressions and the validator of ``PIIFormatter``. Dolma: the taggers ``pii_regex_with_counts_fast_v2`` and
``code_secrets_v1``. jionlp: every rule of its extractor that names personal data, and its location and licence plate
rules. Scanners of secrets: their built-in rules, no validation over HTTP.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Found = tuple[int, int, str]
Detect = Callable[[str, str], Iterator[Found]]
PRESIDIO_THRESHOLD = 0.35
LOCALES = {"zh": "zh_CN", "de": "de_DE", "fr": "fr_FR"}


def presidio() -> Detect:
    """Presidio's predefined recognisers. English is the language of those that know no other."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    # Presidio checks the domains of addresses against the list of public suffixes: the one in the package, not a
    # newer one.
    tldextract.extract = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())

    class Blank(SpacyNlpEngine):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}
            self.nlp["en"].max_length = 50_000_000

    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    for name in ("SpacyRecognizer",):
        registry.remove_recognizer(name)
    analyzer = AnalyzerEngine(
        nlp_engine=Blank(),
        registry=registry,
        supported_languages=["en"],
        default_score_threshold=PRESIDIO_THRESHOLD,
    )

    def detect(text: str, _lang: str) -> Iterator[Found]:
        for found in analyzer.analyze(text=text, language="en"):
            yield found.start, found.end, found.entity_type

    return detect


def scrubadub() -> Detect:
    """scrubadub's default detectors, for the locale of the text."""
    from scrubadub import Scrubber

    scrubbers: dict[str, Any] = {}

    def detect(text: str, lang: str) -> Iterator[Found]:
        locale = LOCALES.get(lang, "en_US")
        if locale not in scrubbers:
            scrubbers[locale] = Scrubber(locale=locale)
        for filth in scrubbers[locale].iter_filth(text):
            for one in getattr(filth, "filths", None) or [filth]:
                yield one.beg, one.end, one.type

    return detect


def datatrove() -> Detect:
    """The two expressions of datatrove's formatter, with its validator of public addresses."""
    from datatrove.pipeline.formatters.pii import PIIFormatter

    formatter = PIIFormatter()
    replacers = {"email": formatter.emails_replacer, "ip": formatter.ip_replacer}

    def detect(text: str, _lang: str) -> Iterator[Found]:
        for label, replacer in replacers.items():
            for match in replacer.regex.finditer(text):
                if replacer.validator is None or replacer.validator(match.group()):
                    yield match.start(), match.end(), label

    return detect


def dolma() -> Detect:
    """Dolma's tagger of personal data, and its tagger of secrets in code."""
    from dolma.core.data_types import Document
    from dolma.taggers.pii import FastPiiRegex

    tagger = FastPiiRegex()

    def detect(text: str, _lang: str) -> Iterator[Found]:
        if text.strip():
            for span in tagger.predict(Document(source="", id="", text=text)).spans:
                if span.type in {tagger.EMAIL_KEY, tagger.PHONE_KEY, tagger.IP_KEY}:
                    yield span.start, span.end, span.type

    return detect


def dolma_secrets() -> Detect:
    """Dolma's ``code_secrets_v1``: detect-secrets' plugins over the lines of a text."""
    from dolma.core.data_types import Document
    from dolma.taggers.code.code_taggers import CodeSecretsTagger

    tagger = CodeSecretsTagger()

    def detect(text: str, _lang: str) -> Iterator[Found]:
        for span in tagger.predict(Document(source="", id="", text=text)).spans:
            if span.type.startswith("SECRET"):
                yield span.start, span.end, span.type

    return detect


def jionlp() -> Detect:
    """jionlp's extractors. Its offsets count a character put before the text, which it takes off again."""
    import jionlp as jio

    rules: dict[str, Callable[..., list[dict[str, Any]]]] = {
        "id_card": jio.extract_id_card,
        "ip_address": jio.extract_ip_address,
        "phone": jio.extract_phone_number,
        "qq": jio.extract_qq,
        "wechat": jio.extract_wechat_id,
        "licence_plate": jio.extract_motor_vehicle_licence_plate,
    }

    def detect(text: str, _lang: str) -> Iterator[Found]:
        start = 0
        for value in jio.extract_email(text):  # with detail=True it raises where a mail domain has no dot
            start = text.find(value, start)
            yield start, start + len(value), "email"
            start += len(value)
        for label, rule in rules.items():
            for found in rule(text, detail=True):
                start, end = found["offset"]
                inner = text.find(found["text"], max(0, start), end + 1)
                yield (inner, inner + len(found["text"]), label) if inner >= 0 else (start, end, label)

    return detect


def betterleaks() -> Detect:
    """betterleaks' built-in rules, text by text."""
    from betterleaks import scan_string

    def detect(text: str, _lang: str) -> Iterator[Found]:
        lines = [0]
        for line in text.split("\n"):
            lines.append(lines[-1] + len(line) + 1)
        for found in scan_string(text):
            line = max(0, min(found.location.start_line - 1, len(lines) - 1))
            start = text.find(found.match.value, lines[line])
            if start >= 0 and found.match.value:
                yield start, start + len(found.match.value), found.rule_id

    return detect


def kingfisher() -> Detect:
    """kingfisher's built-in rules as its scanner is by default."""
    from kingfisher_sdk import Scanner

    scanner = Scanner()

    def detect(text: str, _lang: str) -> Iterator[Found]:
        data = text.encode()
        for found in scanner.scan(data):
            if found.visible:
                start, end = (
                    len(data[: found.location[edge]].decode(errors="ignore")) for edge in ("start_offset", "end_offset")
                )
                yield start, end, found.rule_id

    return detect


ENGINES: dict[str, Callable[[], Detect]] = {
    "presidio": presidio,
    "scrubadub": scrubadub,
    "datatrove": datatrove,
    "dolma": dolma,
    "dolma-secrets": dolma_secrets,
    "jionlp": jionlp,
    "betterleaks": betterleaks,
    "kingfisher": kingfisher,
}


def main() -> None:
    """Detect, write, and print the time."""
    engine, source, target = sys.argv[1:4]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    warnings.simplefilter("ignore")
    with Path(source).open(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    detect = ENGINES[engine]()
    list(detect("Call 1 now.", "en"))  # what is loaded at the first call is no part of the rate
    began = time.process_time()
    found = [sorted(set(detect(document["text"], document["lang"]))) for document in documents]
    seconds = time.process_time() - began
    with Path(target).open("w", encoding="utf-8") as out:
        for document, spans in zip(documents, found, strict=True):
            out.write(json.dumps({"id": document["id"], "found": spans}) + "\n")
    size = sum(len(document["text"].encode()) for document in documents)
    print(json.dumps({"seconds": round(seconds, 3), "bytes": size}))


if __name__ == "__main__":
    main()
