"""What readers said of findings in real text: the sample that they read, and the file that keeps their verdicts.

    python -m benchmarks.safety.judgements show [--limit N]     what is to be read, with context
    python -m benchmarks.safety.judgements add < VERDICTS                              lines of "digest verdict reason"

A verdict is ``true`` (the place holds a value of that kind, whoever it belongs to, with no more than punctuation beside
it), ``false`` (something else: a version number, an example that belongs to nobody, a part of a longer thing) or
``unclear``. The file holds no text: a finding is known by a digest of the text's id, its bounds and its kind, so the
same finding of two engines is read once. The sample of an engine, kind and group of languages is its first findings
in the order of that digest, which is a random draw that stays the same when a detector changes elsewhere.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.safety.score import Found

STORED = Path(__file__).resolve().parent / "judgements.jsonl"
VERDICTS = ("true", "false", "unclear")
READ = 10
"""Findings that are read for each engine, kind and group of languages."""


@dataclass(frozen=True)
class Judgement:
    """What a reader said."""

    finding: str
    kind: str
    verdict: str
    reason: str


def digest(found: Found) -> str:
    """The name of a finding in the file."""
    return hashlib.sha256(f"{found.text}|{found.start}|{found.end}|{found.kind}".encode()).hexdigest()[:16]


def stored(path: Path = STORED) -> dict[str, Judgement]:
    """All verdicts, by digest."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {judgement.finding: judgement for judgement in (Judgement(**json.loads(line)) for line in lines)}


def sample(found: Iterable[Found], n: int = READ) -> list[Found]:
    """The findings that are read: the first ``n`` of distinct ones by digest."""
    return sorted(set(found), key=digest)[:n]


def tally(chosen: Sequence[Found], verdicts: Mapping[str, Judgement]) -> tuple[int, int, int]:
    """Of the findings chosen: true, false, and read but unclear. The rest was not read."""
    said = [verdicts[name].verdict for found in chosen if (name := digest(found)) in verdicts]
    return said.count("true"), said.count("false"), said.count("unclear")


def add(lines: Iterable[str], kinds: Mapping[str, str], path: Path = STORED) -> int:
    """Store verdicts, sorted by digest. Raises SystemExit for a word that is no verdict, or an unknown finding."""
    known = stored(path)
    added = 0
    for line in lines:
        if not line.strip():
            continue
        name, verdict, *reason = line.rstrip("\n").split(None, 2)
        if verdict not in VERDICTS:
            raise SystemExit(f"{line!r}: a verdict is one of {', '.join(VERDICTS)}")
        if name not in kinds:
            raise SystemExit(f"{name} is not a finding of the sample")
        known[name] = Judgement(name, kinds[name], verdict, reason[0] if reason else "")
        added += 1
    ordered = sorted(known.values(), key=lambda judgement: judgement.finding)
    path.write_text("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in ordered), encoding="utf-8")
    return added


def main() -> None:
    """Show what is to be read, or store verdicts."""
    from benchmarks.safety.measure import SHARED, WORK, Session

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("show", "add"))
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--work", type=Path, default=WORK)
    asked = parser.parse_args()
    session = Session(asked.shared.resolve(), asked.work.resolve())
    if asked.verb == "add":
        wanted = {digest(one): one.kind for one in session.to_read()}
        print(f"{add(sys.stdin, wanted)} verdicts stored")
        return
    verdicts = stored()
    left = [one for one in session.to_read() if digest(one) not in verdicts]
    print(f"{len(left)} findings are to be read; the first {min(asked.limit, len(left))}:")
    for one in left[: asked.limit]:
        text = session.text(one.text)
        before, value, after = text[max(0, one.start - 60) : one.start], text[one.start : one.end], text[one.end :][:40]
        shown = f"{before}[[{value if len(value) < 160 else value[:120] + ' … ' + value[-30:]}]]{after}"
        print(digest(one), one.kind, one.text[:40], "|", shown.replace("\n", "⏎"))


if __name__ == "__main__":
    main()
