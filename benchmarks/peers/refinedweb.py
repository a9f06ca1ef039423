"""Verdicts of DCLM's own mappers on real text, as a golden file: run by hand, checked by a golden test.

    git clone https://github.com/mlfoundations/dclm && git -C dclm checkout 361714b
    python -m benchmarks.peers.refinedweb ../shared/corpora/text dclm [--jobs N]

Makes the peer's environment if it does not exist and runs ``verdicts_refinedweb.py`` in it. The golden file has a row
per text: its key, the step that drops it, and the key of the text that remains; no text. Cost: about 8 minutes on one
core, mostly in uniseg.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.peers.venvs import Peer, ensure
from benchmarks.peers.verdicts import GOLDEN, run, write_rows

COMMIT = "361714b"


def main() -> None:
    """Make the golden file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("dclm", type=Path, help=f"a checkout of DCLM at {COMMIT}")
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    environment = ensure("dclm")
    found = run(environment, "verdicts_refinedweb.py", [str(arguments.folder), str(arguments.dclm)], arguments.jobs, {})
    peer: Peer = replace(environment.peer, shows=(*environment.peer.shows, "dclm"))
    shown = replace(environment, peer=peer, versions=environment.versions | {"dclm": COMMIT})
    write_rows(found, shown, GOLDEN / "verdicts_refinedweb.parquet")


if __name__ == "__main__":
    main()
