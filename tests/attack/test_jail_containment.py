"""Attacks on the machine: each program reports how far it got, and trusted tests outside judge the report.

A program that is stopped on the way must be stopped for the reason given.
"""

import os
import platform
import socket
import threading
from pathlib import Path

import pytest

from gristmill.evals.jail.limits import Limits
from gristmill.evals.jail.sandbox import plan
from tests.attack.programs import RunAttack, cases, tools

SHORT = Limits(cpu_seconds=1, wall_seconds=1.5, memory_bytes=256 << 20)
needs_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="the system call numbers are those of x86-64")
TOOLS = tools("reports.txt")


def holds(condition: str) -> str:
    """Tests that call the program once and require ``condition`` of its report."""
    return f"report = answer()\nassert {condition}, report\n"


@pytest.mark.parametrize(("verdicts", "code"), cases("runaways.txt"))
def test_a_runaway_is_stopped(attack: RunAttack, verdicts: str, code: str) -> None:
    outcome = attack(code, "answer()\n", limits=SHORT)

    assert outcome.verdict in verdicts.split(), outcome


@pytest.mark.parametrize(("condition", "code"), cases("reports.txt"))
def test_the_report_shows_no_way_out(attack: RunAttack, condition: str, code: str) -> None:
    outcome = attack(code, holds(condition))

    assert outcome.verdict == "pass", outcome


@needs_x86
@pytest.mark.parametrize(("condition", "code"), cases("system_calls_x86_64.txt"))
def test_the_kernel_refuses(attack: RunAttack, condition: str, code: str) -> None:
    outcome = attack(code, holds(condition))

    assert outcome.verdict == "pass", outcome


@needs_x86
def test_a_call_of_a_foreign_architecture_ends_the_program(attack: RunAttack) -> None:
    outcome = attack(TOOLS + "def answer(): call(0x40000000 + 39)", "answer()\n")

    assert outcome.verdict == "denied", outcome


def test_many_processes_share_one_memory_limit(attack: RunAttack) -> None:
    if plan().memory is None:
        pytest.skip("no memory control group may be made here, so only each process is limited")
    code = (
        "import os, time\ndef answer():\n    for _ in range(20):\n        if os.fork() == 0:\n"
        "            held = bytearray(os.urandom(1 << 20) * 100)\n            time.sleep(60)\n    time.sleep(60)"
    )

    assert attack(code, "answer()\n").verdict in {"memory", "timeout"}


def test_a_listener_on_the_host_is_never_reached(attack: RunAttack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        reached: list[object] = []

        def accept() -> None:
            try:
                reached.append(server.accept())
            except TimeoutError:
                return

        waiting = threading.Thread(target=accept)
        waiting.start()
        port = server.getsockname()[1]
        code = TOOLS + f"def answer(): return attempt(socket.create_connection, ('127.0.0.1', {port}), 1)"
        outcome = attack(code, holds("report == 'PermissionError'"))
        waiting.join()

    assert outcome.verdict == "pass", outcome
    assert reached == []


def test_this_process_cannot_be_signalled(attack: RunAttack) -> None:
    code = TOOLS + f"def answer(): return [attempt(os.kill, pid, 9) for pid in ({os.getpid()}, {os.getppid()})]"

    assert attack(code, holds("report == ['ProcessLookupError'] * 2")).verdict == "pass"


def test_a_hundred_thousand_files_end_with_the_jail(attack: RunAttack) -> None:
    code = "def answer():\n    for n in range(100_000): open(f'/box/{n}', 'w').close()\n    return n"

    outcome = attack(code, "assert answer() == 99_999\n", limits=Limits(cpu_seconds=2, wall_seconds=4.0))

    assert outcome.verdict in {"pass", "timeout", "exception", "memory"}, outcome


def test_files_of_the_project_are_not_in_the_jail(attack: RunAttack) -> None:
    project = str(Path(__file__).resolve().parents[2])
    code = TOOLS + f"def answer(): return os.path.exists({project!r}), sorted(os.listdir('/jail/gristmill/evals'))"

    assert attack(code, holds("report == (False, ['jail', 'oracle'])")).verdict == "pass"
