"""The examiner of checkpoints (:mod:`gristmill.evals.admission.examiner`) in a process that has its imports behind it.

An examiner spends four seconds of processor on importing transformers and a tenth of one on its question. Here one
process imports and forks for each question. A fork sets its own limits and ends as the examiner does, so what is
refused, and by which limit, is the same. ``python -m tests.helpers.warm_examiner`` reads a line of JSON for each
question (its word, and the files of standard input, output and error) and answers with the exit code.
"""

import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill.evals.admission import examiner
from gristmill.evals.admission.examination import EXAMINER, QUIET

PROJECT = Path(__file__).parents[2]
IMPORTED = (
    "tokenizers",
    "torch",
    "transformers.modeling_utils",
    "transformers.conversion_mapping",
    "transformers.models.auto.auto_factory",
    "transformers.models.llama.modeling_llama",
)


class WarmExaminer:
    """Asks such a process one question after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, what: str, question: bytes) -> "subprocess.CompletedProcess[bytes]":
        """In place of :func:`gristmill.evals.admission.examination.run`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory(prefix="gristmill-examiner-") as name:
            files = [Path(name, stream) for stream in ("in", "out", "err")]
            for file, content in zip(files, (question, b"", b""), strict=True):
                file.write_bytes(content)
            print(json.dumps([what, *map(str, files)]), file=self._process.stdin, flush=True)
            code = int(self._process.stdout.readline())
            return subprocess.CompletedProcess([what], code, files[1].read_bytes(), files[2].read_bytes())


@contextmanager
def warm_examiner() -> Iterator[WarmExaminer]:
    """Such a process with the examiner's environment, ended with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | QUIET,
        cwd=PROJECT,
    ) as process:
        yield WarmExaminer(process)


def become(what: str, *files: str) -> None:
    """Be the examiner, to its end."""
    for standard, file in enumerate(files):
        descriptor = os.open(file, os.O_RDWR)
        os.dup2(descriptor, standard)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # not what the parent has read
    sys.argv = [str(EXAMINER), what]
    examiner.main()


if __name__ == "__main__":
    for module in IMPORTED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            become(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
