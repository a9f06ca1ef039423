"""Ask lm-eval's own ``hf`` model for the answers that Gristmill's adapter is tested against.

    python -m benchmarks.parity                  write tests/golden/lm_eval_tiny.json (needs the peer lm-eval, a minute)

The peer is made by ``python -m benchmarks.peers.venvs lm-eval``. Only answers are stored: log-likelihoods and texts.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.peers.venvs import Environment, ensure
from tests.helpers.parity import asked, make_parity_checkpoint

PEERS = Path(__file__).resolve().parent / "peers"
GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "lm_eval_tiny.json"


def lm_eval(environment: Environment, request: dict[str, Any], place: Path) -> dict[str, Any]:
    """lm-eval's answers to ``request``; see ``peers/lm_eval_answers.py``. Raises CalledProcessError."""
    question, answer = place / "asked.json", place / "answered.json"
    question.write_text(json.dumps(request), encoding="utf-8")
    words = [str(environment.python), str(PEERS / "lm_eval_answers.py"), str(question), str(answer)]
    subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Write the golden file."""
    environment, found = ensure("lm-eval"), {}
    for name, begins in (("plain", False), ("begins", True)):
        with tempfile.TemporaryDirectory() as place:
            folder = make_parity_checkpoint(Path(place) / "tiny", begins=begins)
            found[name] = lm_eval(environment, asked(folder), Path(place))
    GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
