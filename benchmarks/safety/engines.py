"""Run every engine over a file of texts in its own environment; keep what it found until text or engine changes."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.venvs import installed
from benchmarks.safety.kinds import OURS, kinds_of
from benchmarks.safety.score import Found

HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parent / "peers" / "safety_detectors.py"
ENVIRONMENTS: Mapping[str, str] = {
    "presidio": "presidio",
    "scrubadub": "scrubadub",
    "datatrove": "datatrove-pii",
    "dolma": "dolma",
    "jionlp": "jionlp",
    "dolma-secrets": "dolma",
    "betterleaks": "betterleaks",
    "kingfisher": "kingfisher",
}
"""The environment (``benchmarks.peers.venvs``) that each peer runs in."""


@dataclass(frozen=True)
class Answer:
    """What an engine found, by the id of the text."""

    engine: str
    versions: Mapping[str, str]
    found: Mapping[str, tuple[Found, ...]]


def present() -> tuple[str, ...]:
    """The engines that can run here: ours, and peers whose environments exist."""
    return (OURS, *(name for name, environment in ENVIRONMENTS.items() if installed(environment)))


def ask(engine: str, documents: Path, digest: str, work: Path, texts: Mapping[str, str]) -> Answer:
    """What the engine finds in the documents, from the work folder if it was asked before.

    White space at the ends of a finding is taken off, for every engine alike.
    """
    command, versions, code = _command(engine)
    identity = json.dumps([engine, versions, digest, code])
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    target = work / f"{documents.stem}.{engine}.{key}.jsonl"
    report = target.with_suffix(".json")
    if not report.is_file():
        ran = subprocess.run([*command, str(documents), str(target)], capture_output=True, text=True)
        if ran.returncode:
            raise SystemExit(f"{engine} failed:\n{ran.stderr[-2000:]}")
        report.write_text(ran.stdout.strip().splitlines()[-1], encoding="utf-8")
    found: dict[str, tuple[Found, ...]] = {}
    with target.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            spans: list[Found] = []
            for start, end, label, *_ in record["found"]:
                start, end = _trimmed(texts[record["id"]], start, end)
                spans += [Found(record["id"], start, end, kind) for kind in kinds_of(engine, label)]
            if spans:
                found[record["id"]] = tuple(dict.fromkeys(spans))
    return Answer(engine, versions, found)


def rate(engine: str, documents: Path, work: Path) -> float:
    """Megabytes of text for each second of processor, measured now."""
    command, _, _ = _command(engine)
    ran = subprocess.run(
        [*command, str(documents), str(work / "speed.out")], check=True, capture_output=True, text=True
    )
    figures = json.loads(ran.stdout.strip().splitlines()[-1])
    return round(figures["bytes"] / 1e6 / max(figures["seconds"], 1e-3), 2)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    value = text[start:end]
    return start + len(value) - len(value.lstrip()), end - len(value) + len(value.rstrip())


def _command(engine: str) -> tuple[list[str], dict[str, str], str]:
    """The command, the versions shown, and a digest of the code that runs."""
    if engine == OURS:
        from importlib.metadata import version

        from gristmill.tasks.safety.registry import DETECTORS

        folder = HERE.parent.parent / "tasks" / "safety"
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in {".py", ".txt", ".json"})
        code = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
        labels = ",".join(sorted(entry.label for entry in DETECTORS))
        return [sys.executable, "-m", "benchmarks.safety.ours"], {"gristmill": version("gristmill")}, labels + code
    environment = installed(ENVIRONMENTS[engine])
    if environment is None:
        raise SystemExit(f"{engine} is not installed: python -m benchmarks.peers.venvs {ENVIRONMENTS[engine]}")
    code = hashlib.sha256(SCRIPT.read_bytes()).hexdigest()
    return [str(environment.python), str(SCRIPT), engine], environment.shown, code
