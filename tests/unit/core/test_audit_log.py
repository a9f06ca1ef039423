"""The audit log: what was written stays, and every change, cut or insertion is noticed."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError
from gristmill.core.files.audit import Act, AuditLog


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    log = AuditLog(tmp_path / "state" / "audit.jsonl")
    for who in ("ann", "安娜", "ann"):
        log.append(Act.LOGIN, who, "10.0.0.7", {"role": "viewer"})
    return log


def rows(log: AuditLog) -> list[bytes]:
    return log.path.read_bytes().splitlines(keepends=True)


def test_lines_say_who_did_what_and_follow_each_other(log: AuditLog) -> None:
    lines = list(log.lines())
    assert [(line.number, line.who, line.where, line.what) for line in lines] == [
        (1, "ann", "10.0.0.7", "login"),
        (2, "安娜", "10.0.0.7", "login"),
        (3, "ann", "10.0.0.7", "login"),
    ]
    assert [line.before for line in lines[1:]] == [line.digest for line in lines[:-1]]
    assert log.verify().wrong is None
    assert (log.verify().lines, log.verify().digest) == (3, lines[-1].digest)
    assert log.path.stat().st_mode & 0o007 == 0, "not for everybody"


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    assert (log.verify().lines, log.verify().wrong, list(log.lines())) == (0, None, [])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: lines[:-1], "1 lines are missing at the end"),
        (lambda lines: [], "3 lines are missing at the end"),
        (lambda lines: lines[1:], "line 1 does not follow"),
        (lambda lines: [lines[0], lines[2]], "line 2 does not follow"),
        (lambda lines: [lines[1], lines[0], lines[2]], "line 1 does not follow"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "line 2 does not follow"),
        (lambda lines: [lines[0].replace(b"ann", b"bob"), *lines[1:]], "line 1 was changed"),
        (lambda lines: [lines[0].replace(b'"who"', b' "who"'), *lines[1:]], "line 1 was changed"),
        (lambda lines: [b"{}\n", *lines], "line 1 cannot be read"),
        (lambda lines: [b"\xff\n", *lines], "line 1 cannot be read"),
    ],
)
def test_a_change_is_noticed(log: AuditLog, change: "object", told: str) -> None:
    assert callable(change)
    log.path.write_bytes(b"".join(change(rows(log))))
    assert told in str(log.verify().wrong)
    log.append(Act.LOGIN, "eve", "10.0.0.9")
    assert log.verify().wrong is not None, "the log goes on, and the break stays visible"


def test_a_history_made_anew_does_not_have_the_digest_that_was_noted(log: AuditLog, tmp_path: Path) -> None:
    noted = log.verify().digest
    assert log.verify(noted[:16]).wrong is None
    for file in log.path.parent.iterdir():
        file.unlink()
    log.append(Act.LOGIN, "eve", "10.0.0.9")
    assert log.verify().wrong is None
    assert "no line has the digest" in str(log.verify(noted).wrong)


def test_without_its_head_a_log_is_not_known_to_be_whole(log: AuditLog) -> None:
    log.path.with_name("audit.jsonl.head").unlink()
    assert "may have been cut off" in str(log.verify().wrong)
    log.append(Act.LOGIN, "eve", "10.0.0.9")
    assert log.verify().wrong is not None


def test_a_crash_between_line_and_head_loses_nothing(log: AuditLog) -> None:
    head = log.path.with_name("audit.jsonl.head")
    earlier = head.read_text(encoding="ascii")
    log.append(Act.SIGN_OUT, "ann", "10.0.0.7")
    head.write_text(earlier, encoding="ascii")
    assert log.verify().wrong is None
    log.append(Act.LOGIN, "ann", "10.0.0.7")
    assert [line.number for line in log.lines()] == [1, 2, 3, 4, 5]
    assert log.verify().wrong is None


def test_half_a_line_of_a_crash_is_removed(log: AuditLog) -> None:
    with log.path.open("ab") as file:
        file.write(b'{"about":{"acc')
    log.append(Act.LOGIN, "ann", "10.0.0.7")
    assert [line.number for line in log.lines()] == [1, 2, 3, 4]
    assert log.verify().wrong is None


def test_what_cannot_be_written_must_not_happen(log: AuditLog) -> None:
    if os.geteuid() == 0:
        log.path.unlink()
        log.path.mkdir()
    else:
        log.path.chmod(0o400)
    with pytest.raises(GristmillError, match="Nothing is done that cannot be written down"):
        log.append(Act.SUBMISSION, "ann", "10.0.0.7")


def test_text_of_others_stays_in_its_field(log: AuditLog) -> None:
    hostile = 'x"}\n{"number":9,"who":"root"}\x1b[2J\u202e\ud800' + "y" * 9000
    log.append(Act.SUBMISSION, hostile, hostile, {"label": hostile})
    last = rows(log)[-1].decode()
    assert len(rows(log)) == 4
    assert json.loads(last)["number"] == 4
    assert not any(letter in last[:-1] for letter in "\n\x1b\u202e")
    assert len(last) < 2500
    assert log.verify().wrong is None


def test_many_writers_at_once_make_one_chain(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.append(Act.REVIEW, f"reader {number}", "here"), range(40)))
    assert (log.verify().lines, log.verify().wrong) == (40, None)
