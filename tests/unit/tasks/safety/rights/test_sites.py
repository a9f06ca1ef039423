"""Snapshots of what sites say: folders, WARC files, JSON Lines, ai.txt and tdmrep.json."""

import json
from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.tasks.safety.rights.sites import (
    ai_txt_statements,
    read_snapshot,
    snapshot_config,
    tdmrep_statements,
)

NO_GPT = "User-agent: GPTBot\nDisallow: /\n"


def warc(*files: tuple[str, str, str]) -> bytes:
    parts = []
    for url, status, body in files:
        block = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n\r\n{body}".encode()
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nContent-Type: application/http\r\n"
        parts.append(f"{head}Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n")
    return b"".join(parts)


def said(path: Path, url: str = "https://site.org/page", host: str = "site.org") -> list[tuple[str, bool]]:
    config = snapshot_config(path)
    site = read_snapshot(config.path, config.digest).get(host)
    return [(each.source.value, each.allows) for each in site.statements(url)] if site else []


def test_a_folder_of_hosts(tmp_path: Path) -> None:
    home = tmp_path / "site.org"
    (home / ".well-known").mkdir(parents=True)
    (home / "robots.txt").write_text(NO_GPT)
    (home / "ai.txt").write_text("User-Agent: *\nDisallow: *.txt\nDisallow: *.png\n")
    (home / ".well-known" / "tdmrep.json").write_text('[{"location": "/", "tdm-reservation": 1}]')
    assert said(tmp_path) == [("tdmrep.json", False), ("ai.txt", False), ("robots.txt:ai-agents", False)]
    assert said(tmp_path, host="other.org") == []


def test_a_warc_and_its_statuses(tmp_path: Path) -> None:
    path = tmp_path / "robots.warc"
    path.write_bytes(
        warc(
            ("https://Site.org:443/robots.txt", "200 OK", NO_GPT),
            ("https://gone.org/robots.txt", "404 Not Found", NO_GPT),
            ("https://page.org/about", "200 OK", NO_GPT),
        )
    )
    assert said(path) == [("robots.txt:ai-agents", False)]
    assert said(path, host="gone.org") == said(path, host="page.org") == []


def test_json_lines_and_that_a_newer_file_only_adds(tmp_path: Path) -> None:
    old = {"url": "https://site.org/robots.txt", "text": "User-agent: *\nAllow: /\n"}
    new = {"url": "https://site.org/robots.txt", "text": "User-agent: *\nContent-Usage: train-ai=n\n"}
    path = tmp_path / "snapshot.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in (new, old)))
    assert said(path) == [("robots.txt:content-usage", False)]


def test_the_digest_is_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.org").mkdir()
    file = tmp_path / "a.org" / "robots.txt"
    file.write_text(NO_GPT)
    before = snapshot_config(tmp_path)
    assert "path" not in before.model_dump()
    file.write_text("User-agent: *\n")
    assert snapshot_config(tmp_path).digest != before.digest
    with pytest.raises(UsageError, match="changed since the run began"):
        read_snapshot(before.path, before.digest)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing", None, "there is no robots.txt"),
        ("robots.txt", NO_GPT, "does not say which site"),
        ("rows.jsonl", '{"url": "https://a.org/robots.txt"}', "line 1 is not JSON with url and text"),
        ("rows.jsonl", "[" * 100_000, "line 1 is not JSON"),
    ],
)
def test_what_cannot_be_a_snapshot(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=message):
        said(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('[{"location": "/", "tdm-reservation": 1}]', [False]),
        ('[{"location": "/page*", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]', [True]),
        ('[{"location": "/other", "tdm-reservation": 1}]', []),
        ('[{"location": "*", "tdm-reservation": "1"}]', [False]),
        ('{"location": "/"}', []),
        ("[1, null]", []),
        ("[" * 100_000, []),
        ("not json", []),
    ],
)
def test_tdmrep(content: str, found: list[bool]) -> None:
    assert [each.allows for each in tdmrep_statements(content.encode(), "/page")] == found


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("User-Agent: *\nDisallow: /\n", [False]),
        ("User-Agent: *\nAllow: *.txt\nDisallow: /\n", []),
        ("User-Agent: *\nDisallow: *.png\nDisallow: *.mp3\n", []),
        ("User-Agent: *\nDisallow: \n", []),
        ("Spec-Version: 1.0\nTraining: deny\n", [False]),
        ("Training: allow\n", [True]),
        ("Training: conditional\n", []),
        ("Disallow-AI-Training: /\n", [False]),
        ("# 我们的网站\n训练: deny\n", []),
    ],
)
def test_ai_txt(content: str, found: list[bool]) -> None:
    assert [each.allows for each in ai_txt_statements(content.encode(), "/page")] == found
