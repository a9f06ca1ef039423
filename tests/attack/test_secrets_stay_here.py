"""Secrets are found without a network: a process that dies when it opens a socket finds them all.

The package that finds them can also try keys at their providers and revoke them. What is imported of it is the scanner.
"""

import subprocess
import sys

import pytest

from tests.helpers.found import drawn

WITHOUT_SOCKETS = """
import sys
import pyseccomp
rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
for name in ("socket", "socketpair", "connect", "sendto", "sendmsg", "sendmmsg", "io_uring_setup"):
    rules.add_rule(pyseccomp.KILL_PROCESS, name)
rules.load()
"""
SCAN = """
from gristmill.tasks.safety.registry import DETECTORS
from tests.helpers.found import findings_in
text = sys.stdin.read()
print(sorted({one.detector for one in findings_in(text, DETECTORS) if one.kind.group == "secret"}))
print("kingfisher_sdk.validation" in sys.modules, "kingfisher_sdk.revocation" in sys.modules)
"""
CONNECT = """
import socket
socket.socket()
print("a socket was opened")
"""
KEYS = "\n".join(
    (
        f"push {'ghp_' + drawn(36)} now",
        f"xoxb-123456789012-1234567890123-{drawn(24)}",
        f"stripe sk_live_{drawn(24)}",
        f'api_key = "{drawn(32)}"',
        f"https://deploy:{drawn(12)}@git.acme.io/x.git",
    )
)


def _run(program: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_SOCKETS + program]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_nothing_is_sent() -> None:
    assert _run(CONNECT).returncode < 0  # the control: a socket is death
    result = _run(SCAN, KEYS)
    assert result.returncode == 0, result.stderr[-2000:]
    for detector in ("kingfisher/github-pat", "kingfisher/slack-bot-token", "secret:assigned", "secret:url_password"):
        assert detector in result.stdout
