"""Texts made to slow the detectors down: the time for each character does not grow with the text."""

import time

import pytest

from gristmill.tasks.safety.attacks import bidi, hidden_unicode, homoglyphs, injection, stuffing
from gristmill.tasks.safety.secrets import assignments, kingfisher, private_keys, providers, urls
from tests.helpers.found import findings_in

MODULES = (
    assignments, urls, private_keys, providers, kingfisher, hidden_unicode, bidi, homoglyphs, injection, stuffing
)  # fmt: skip
SMALL, FACTOR = 20_000, 8
SLACK = 3.0  # how much longer a character may take in the larger text, on a busy machine
LEAST_SECONDS = 0.02  # what a clock tick and a cold cache may add

ATTACKS = {
    "keys without values": 'password = "',
    "names": "token_secret_password_api_key.",
    "assignments": 'password="aB3dE5fG7h" ',
    "unclosed urls": "http://a:",
    "urls": "ftp://u:aB3dE5fG@h.org ",
    "pairs": "Server=a;Password=;",
    "marks": "-----BEGIN RSA PRIVATE KEY-----\n",
    "base64": "QUFB" * 20,
    "begun block": "-----BEGIN PRIVATE KEY-----" + "QUFCQUFB" * 50 + "\n",
    "selectors": "a\U000e0100",
    "tags": "\U000e0041",
    "spaces without width": "\u200b\u200c",
    "split words": "a\u200b",
    "openings": "\u202ea",
    "unclosed isolates": "\u2067a ",
    "mixed words": "pаypаl",
    "foreign word": "аa",
    "orders": "ignore all previous ",
    "whole orders": "ignore all previous instructions ",
    "chinese orders": "忽略以上",
    "small words": "if you are an ",
    "one line": "cheap shoes ",
    "items": "手机，",
    "commas": ",，、",
}


def _seconds(text: str, detectors: tuple[object, ...]) -> float:
    began = time.process_time()
    findings_in(text, detectors)  # type: ignore[arg-type]
    return time.process_time() - began


@pytest.mark.parametrize("piece", ATTACKS.values(), ids=ATTACKS)
def test_time_is_linear(piece: str) -> None:
    small = (piece * (SMALL // len(piece) + 1))[:SMALL]
    large = (piece * (FACTOR * SMALL // len(piece) + 1))[: FACTOR * SMALL]
    detectors = tuple(entry for module in MODULES for entry in module.DETECTORS)
    findings_in("x" * 40, detectors)  # compile
    best = min(_seconds(small, detectors) for _ in range(2))
    assert _seconds(large, detectors) <= FACTOR * SLACK * (best + LEAST_SECONDS)
