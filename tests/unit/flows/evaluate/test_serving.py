"""A server that a run starts: it comes up, it goes with everything it started, and what fails says why.

The server here is a small one with a worker process of its own, as vLLM has; nvidia-smi is a script on the path.
"""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.admission.checkpoint import Checkpoint
from gristmill.flows.evaluate import serving
from gristmill.flows.evaluate.serving import served, vllm_command, vllm_python
from gristmill.flows.prefect.server import free_port
from gristmill.schemas.evaluation import BackendSettings

SERVER = """
import http.server, pathlib, subprocess, sys
port, place, group = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3] == "elsewhere"
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=group)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", port), Handler)
place.write_text(str(worker.pid))
server.serve_forever()
"""


def command(port: int, place: Path, group: str = "same") -> list[str]:
    return [sys.executable, "-c", SERVER, str(port), str(place), group]


def gone(pid: int, seconds: float = 15.0) -> bool:
    """Whether the process ends in time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("group", ["same", "elsewhere"])
def test_a_server_ends_with_the_block_and_its_workers_too(tmp_path: Path, group: str) -> None:
    """Also a worker that made itself a session of its own."""
    port, place = free_port(), tmp_path / "worker"
    with served(command(port, place, group), f"http://127.0.0.1:{port}/", os.environ):
        worker = int(place.read_text())
        assert psutil.pid_exists(worker)
    assert gone(worker)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1.0)


def test_a_server_does_not_outlive_a_killed_run(tmp_path: Path) -> None:
    port, place = free_port(), tmp_path / "worker"
    program = (
        "import os, sys, time\nfrom gristmill.flows.evaluate.serving import served\n"
        "with served(sys.argv[2:], sys.argv[1], os.environ):\n    print('up', flush=True)\n    time.sleep(600)\n"
    )
    words: Sequence[str] = [sys.executable, "-c", program, f"http://127.0.0.1:{port}/", *command(port, place)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "up\n"
        children = psutil.Process(run.pid).children(recursive=True)
        assert len(children) == 3  # guard, server, worker
        run.send_signal(signal.SIGKILL)
    assert all(gone(child.pid) for child in children)


def test_a_server_that_does_not_come_up_shows_its_log() -> None:
    program = "print('the model is too large for this GPU'); raise SystemExit(3)"
    with (
        pytest.raises(GristmillError, match=r"(?s)ended while it started.*too large for this GPU"),
        served([sys.executable, "-c", program], "http://127.0.0.1:9/", os.environ),
    ):
        pass


@pytest.mark.parametrize(("after", "free"), [("100", True), ("150", True), ("9000", False)])
def test_the_memory_of_the_gpu_must_be_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str, free: bool
) -> None:
    script, count = tmp_path / "nvidia-smi", tmp_path / "count"
    script.write_text(
        '#!/bin/sh\ncase "$1" in *compute-apps*) echo "4711, VLLM::EngineCore, 8900 MiB";; '
        f"*) [ -f {count} ] && echo {after} || {{ : > {count}; echo 100; }};; esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(serving, "FREE_SECONDS", 0.1)
    port = free_port()

    def serve() -> None:
        with served(command(port, tmp_path / "worker"), f"http://127.0.0.1:{port}/", os.environ):
            pass

    if free:
        serve()
        return
    with pytest.raises(GristmillError, match=r"(?s)not free: \[9000\] MiB in use, \[100\] before.*4711, VLLM"):
        serve()


def test_without_its_environment_the_hint_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_VLLM", str(tmp_path))
    with pytest.raises(UsageError, match="make vllm"):
        vllm_python()


def test_the_checkpoint_is_served_under_its_digest(tmp_path: Path) -> None:
    checkpoint = Checkpoint(digest="d" * 32, path=tmp_path, parameters=1, vocab_size=1, label="x")
    words = vllm_command(Path("python"), checkpoint, BackendSettings(name="vllm", dtype="bfloat16"), 8000)
    pairs = dict(itertools.pairwise(words))
    assert (pairs["--served-model-name"], pairs["--dtype"], pairs["--generation-config"]) == (
        "d" * 32,
        "bfloat16",
        "vllm",
    )
