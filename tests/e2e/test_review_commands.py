"""Review through the command line: held, decided, applied by the next run; signed before its tokens go out."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.helpers.cli import Ended, data_files

Run = Callable[..., Ended]
POLICY = """
name: mine
lineage: a test's own
quality: gopher_quality.words
rules:
  - {name: words, signal: gopher_quality.words, min: 5}
safety:
  rules:
    - {kinds: [ip_address], action: review}
    - {kinds: [email], action: redact, as: fake}
"""
SENTENCE = "Mill {0} stands by river {0} and grinds {1} for the town, as it did when the miller {2} kept it well."
GRAINS = ("wheat", "rye", "oats", "barley", "maize", "spelt")
ADDRESS, MAIL = "81.2.69.160", "ann.miller@corp.io"


def crawl(folder: Path) -> Path:
    """Six pages: two with an IP address, one with a mail address."""
    path = folder / "pages.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, grain in enumerate(GRAINS):
            text = SENTENCE.format(number, grain, grain[::-1]) + f" {grain}" * 900
            text += f" Ask {MAIL}." if number == 0 else ""
            text += f" Server {ADDRESS}." if number in (1, 2) else ""
            row = {"id": str(number), "url": f"https://mill.example.org/{number}", "text": text}
            file.write(json.dumps(row) + "\n")
    return path


def test_from_held_to_signed(run: Run, tmp_path: Path) -> None:
    policy, lake = tmp_path / "mine.yaml", tmp_path / "lake"
    policy.write_text(POLICY, encoding="utf-8")
    words = ("curate", "--input", str(crawl(tmp_path)), "--source", "mill", "--policy", str(policy))
    words += ("--lake", str(lake), "--json")

    def done(*words: str) -> Ended:
        ended = run(*words)
        assert ended.code == 0, ended.err
        return ended

    first = done(*words).json()
    assert (first["kept"], first["safety"]["removed"]) == (4, {"review:ip_address": {"prose": 2}})
    assert first["safety"]["redacted"] == {"email": 1}

    strict = tmp_path / "strict.yaml"
    strict.write_text(POLICY.replace("redact, as: fake", "drop"), encoding="utf-8")
    (foretold,) = done("whatif", "--policy", str(strict), "--lake", str(lake), "--json").json()
    assert foretold["safety"] == [
        {"rule": "review:ip_address", "before": 2, "after": 2},
        {"rule": "drop:email", "before": 0, "after": 1},
    ]

    def review(*words: str) -> Ended:
        return done("review", *words, "--lake", str(lake))

    waiting = review("list", "--as", "ann", "--json").json()
    assert waiting["left"] == 2
    kept, dropped = (row["doc_id"] for row in waiting["waiting"])
    review("decide", kept, "redact", "--as", "ann", "--reason", "a server of theirs")
    review("decide", dropped, "drop", "--as", "ann")
    second = done(*words).json()
    assert (second["kept"], second["safety"]["removed"]) == (5, {"person:drop": {"prose": 1}})
    assert second["safety"]["redacted"] == {"email": 1, "ip_address": 1}
    before = data_files(lake)
    assert done(*words).json() == second
    assert data_files(lake) == before
    done("warehouse", "rebuild", "--lake", str(lake))
    assert review("list", "--as", "bob", "--json").json()["left"] == 0

    columns = "SELECT source, rule, domain, rejected_first FROM funnel_domains"
    asked = done("query", columns, "--lake", str(lake), "--json").json()
    assert asked == [{"source": "mill", "rule": "person:drop", "domain": "prose", "rejected_first": 1}]
    texts = "".join(path.read_text(encoding="utf-8", errors="replace") for path in (lake / "reviews").glob("*.jsonl"))
    assert ADDRESS not in texts
    assert MAIL not in texts

    goal = (
        "--target-tokens",
        "10000",
        "--set",
        "vocabulary=300",
        "--set",
        "row_tokens=16",
        "--set",
        "heldout_share=0.2",
    )
    done("mix", "--method", "proportional", *goal, "--set", "max_epochs=4", "--lake", str(lake))
    export = ("tokens", "export", "--format", "jsonl", "--mode", "stream", "--lake", str(lake), "--out")
    refused = run(*export, str(tmp_path / "no"))
    assert (refused.code, "nobody signed off the corpus this is made from (mill)" in refused.err) == (2, True)
    marked = done(*export, str(tmp_path / "marked"), "--unsigned", "--json").json()
    assert marked["unsigned"] == ["mill"]
    refused = run("train", "--lake", str(lake))
    assert (refused.code, "gristmill review sign-off mill" in refused.err) == (2, True)
    signature = review("sign-off", "mill", "--as", "ann", "--note", "read", "--json").json()
    assert signature["figures"]["counts"]["decisions"] == 2
    assert done(*export, str(tmp_path / "signed"), "--json").json()["unsigned"] == []
