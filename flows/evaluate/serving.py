"""Models behind a server that the run starts itself: vLLM, in an environment of its own, for as long as it is needed.

Gristmill and vLLM cannot share an environment (requirements/vllm.txt says why), so the server runs from the one that
``make vllm`` builds and is reached over HTTP. A guard (:mod:`gristmill.flows.evaluate.serving_guard`) ends it with
every process it started, whatever happens to this one; afterwards the GPU's memory must be as free as before. Cost: a
minute to start on a CPU.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from gristmill.core.digests import digest_json
from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.admission.adapter import read_adapter
from gristmill.evals.admission.checkpoint import Checkpoint
from gristmill.evals.models.backends import identity, opened, watch
from gristmill.evals.models.model import LanguageModel
from gristmill.evals.models.server_identity import ASKING, Watch
from gristmill.flows.evaluate.serving_guard import GRACE_SECONDS, end_group
from gristmill.flows.prefect.server import free_port
from gristmill.schemas.evaluation import VLLM, BackendSettings

ENVIRONMENT = "GRISTMILL_VLLM"
KEPT = 2
START_SECONDS = 900.0
FREE_SECONDS = 60.0
SLACK = 64
"""MiB of GPU memory that may be in use more than before: other processes' buffers come and go."""
TAIL = 3000
"""Characters of a server's log that an error repeats."""
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
CPU_CACHE = {"VLLM_CPU_KVCACHE_SPACE": "4"}  # GiB, where the environment does not say


@contextmanager
def running(checkpoint: Checkpoint, settings: BackendSettings, identity: str) -> Iterator[LanguageModel]:
    """The model of ``checkpoint``, by whatever backend the settings name; a server started here ends with the block.

    ``identity`` is that of the backend; see :func:`identity_of`.
    """
    if settings.name != VLLM:
        with opened(checkpoint, settings, key=api_key(), described=identity) as model:
            yield model
        return
    # its name at the server is the digest, so that no other model can be mistaken for it
    asked = settings.model_copy(update={"model": checkpoint.digest})
    with (
        vllm_server(checkpoint, settings) as address,
        opened(checkpoint, asked, address, described=identity) as model,
    ):
        yield model


def identity_of(settings: BackendSettings) -> str:
    """What an answer depends on besides the checkpoint and the request.

    A server that is started here is known by its version, number format and device, and by the settings of vLLM in
    the environment: its weights are the checkpoint's, and its port differs each time. One that runs elsewhere
    is asked. Raises what :func:`gristmill.evals.models.backends.identity` does.
    """
    if settings.name != VLLM:
        return identity(settings, api_key())
    stated = {key: value for key, value in os.environ.items() if key.startswith("VLLM_") and "KEY" not in key}
    more = f", settings {digest_json(stated)[:16]}" if stated else ""
    version = vllm_version(vllm_python())
    return f"vllm {ASKING}: {version}, {settings.dtype}, {device()}, continuous batching{more}"


def api_key() -> str:
    """The bearer token of servers that run elsewhere."""
    return os.environ.get("OPENAI_API_KEY", "")


@contextmanager
def vllm_server(checkpoint: Checkpoint, settings: BackendSettings) -> Iterator[str]:
    """A vLLM server of ``checkpoint``: its address, with ``/v1``."""
    python, port = vllm_python(), free_port()
    command = vllm_command(python, checkpoint, settings, port)
    with served(command, f"http://127.0.0.1:{port}/health", CPU_CACHE | dict(os.environ) | QUIET):
        yield f"http://127.0.0.1:{port}/v1"


class Models:
    """The models of one evaluation. A model that was opened stays open for the next suite; close with ``with``.

    At most :data:`KEPT` idle ones stay. vLLM takes a GPU's whole memory, so of its servers there is one at a time.
    """

    def __init__(self, settings: BackendSettings) -> None:
        self.settings = settings
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._open: dict[str, tuple[LanguageModel, ExitStack]] = {}  # by digest, the one used last at the end
        self._used: Counter[str] = Counter()

    @cached_property
    def identity(self) -> str:
        """What the answers of these models depend on besides their weights; see :func:`identity_of`."""
        return identity_of(self.settings)

    @cached_property
    def _watch(self) -> Watch | None:
        return watch(self.settings, api_key(), self.identity)

    def still(self, whole: bool) -> None:
        """Raises :class:`GristmillError` when another server took the place of the one that was asked."""
        if self._watch is not None:
            self._watch.check(whole=whole)

    @contextmanager
    def of(self, checkpoint: Checkpoint) -> Iterator[LanguageModel]:
        """The model of ``checkpoint``; see :func:`running`."""
        digest, alone = checkpoint.digest, self.settings.name == VLLM
        with self._turn if alone else nullcontext():
            with self._lock:
                self._close_idle(0 if alone else KEPT - 1, but=digest)
                if digest not in self._open:
                    with ExitStack() as stack:
                        model = stack.enter_context(running(checkpoint, self.settings, self.identity))
                        self._open[digest] = (model, stack.pop_all())
                self._open[digest] = self._open.pop(digest)
                self._used[digest] += 1
            try:
                yield self._open[digest][0]
            finally:
                self._used[digest] -= 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_idle(0, but="")

    def _close_idle(self, keep: int, but: str) -> None:
        """Close models that nothing uses, those used longest ago first, until ``keep`` are left besides ``but``."""
        others = [digest for digest in self._open if digest != but]
        for digest in others[: len(others) - keep]:
            if not self._used[digest]:
                self._open.pop(digest)[1].close()


def vllm_python() -> Path:
    """The interpreter of vLLM's environment: ``GRISTMILL_VLLM`` (its folder), else ``.venv-vllm`` beside this one's.

    Raises :class:`UsageError` with the command that builds it.
    """
    folder = Path(os.environ.get(ENVIRONMENT, Path(sys.prefix).parent / ".venv-vllm"))
    python = folder / "bin" / "python"
    if not python.is_file():
        raise UsageError(
            f"there is no vLLM environment at {folder}. Build it with: make vllm; or set {ENVIRONMENT} to the folder "
            "of one that you have; or use --backend hf."
        )
    return python


def vllm_command(python: Path, checkpoint: Checkpoint, settings: BackendSettings, port: int) -> list[str]:
    """How the server is started. Its sampling defaults are vLLM's own, not those of the checkpoint's files."""
    options = {
        "--model": str(checkpoint.model),
        "--served-model-name": checkpoint.digest if checkpoint.base is None else f"{checkpoint.digest}-base",
        "--host": "127.0.0.1",
        "--port": str(port),
        "--dtype": settings.dtype,
        "--seed": "0",
        "--generation-config": "vllm",
    }
    if checkpoint.base is not None:
        options["--lora-modules"] = f"{checkpoint.digest}={checkpoint.path.resolve()}"
        options["--max-lora-rank"] = str(max(8, 1 << (read_adapter(checkpoint.path).r - 1).bit_length()))
    flags = ["--enforce-eager", *(["--enable-lora"] if checkpoint.base is not None else [])]
    words = [word for option in options.items() for word in option]
    return [str(python), "-m", "vllm.entrypoints.openai.api_server", *words, *flags]


def vllm_version(python: Path) -> str:
    """The version in that environment; the distribution is called vllm-cpu where it is the build for CPUs."""
    program = (
        "from importlib.metadata import distributions as d; "
        "print(*(f'{x.name} {x.version}' for x in d() if x.name in ('vllm', 'vllm-cpu')))"
    )
    return subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def device() -> str:
    """The GPU's name, or cpu."""
    found = _nvidia("--query-gpu=name", "--format=csv,noheader")
    return found.splitlines()[0] if found else "cpu"


@contextmanager
def served(command: Sequence[str], health: str, environment: Mapping[str, str]) -> Iterator[None]:
    """A server process for the time of the block, answering at ``health``.

    Raises :class:`GristmillError` when it does not come up, with the end of its log, and when the memory of a GPU is
    not free again after it is gone.
    """
    before = gpu_memory()
    with tempfile.TemporaryDirectory(prefix="gristmill-serving-") as place:
        log = Path(place) / "server.log"
        with log.open("wb") as output:
            guard = subprocess.Popen(
                [sys.executable, "-P", "-m", "gristmill.flows.evaluate.serving_guard", *command],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )
        try:
            _await(guard, health, log)
            yield
        finally:
            _stop(guard)
    _check_free(before)


def _await(guard: subprocess.Popen[bytes], health: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if guard.poll() is not None:
            raise GristmillError(f"the model's server ended while it started. The end of its log:\n{_tail(log)}")
        try:
            if httpx.get(health, timeout=5.0).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise GristmillError(
        f"the model's server did not answer within {START_SECONDS:.0f} seconds. The end of its log:\n{_tail(log)}"
    )


def _stop(guard: subprocess.Popen[bytes]) -> None:
    """Let the guard end the server; where the guard was killed, end what it leaves."""
    if guard.stdin is None or guard.stdout is None:
        raise RuntimeError("the guard was started without its pipes")
    guard.stdin.close()
    try:
        guard.wait(2 * GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()
    first = guard.stdout.readline()
    guard.stdout.close()
    if guard.returncode == -signal.SIGKILL and first.strip().isdigit():
        end_group(int(first), signal.SIGKILL)


def gpu_memory() -> list[int]:
    """Memory in use on every GPU, MiB; empty where there is none."""
    found = _nvidia("--query-gpu=memory.used", "--format=csv,noheader,nounits")
    return [int(line) for line in found.splitlines() if line.strip().isdigit()]


def _check_free(before: Sequence[int]) -> None:
    deadline = time.monotonic() + FREE_SECONDS
    while any(now > then + SLACK for now, then in zip(gpu_memory(), before, strict=False)):
        if time.monotonic() > deadline:
            users = _nvidia("--query-compute-apps=pid,name,used_memory", "--format=csv,noheader")
            raise GristmillError(
                f"the model's server is gone, but {FREE_SECONDS:.0f} seconds later the GPU's memory is not free: "
                f"{json.dumps(gpu_memory())} MiB in use, {json.dumps(list(before))} before. End what holds it:\n{users}"
            )
        time.sleep(1.0)


def _nvidia(*words: str) -> str:
    """What nvidia-smi says; empty where there is none, or no GPU."""
    try:
        done = subprocess.run(["nvidia-smi", *words], capture_output=True, text=True, timeout=30)  # noqa: S607
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-TAIL:]
