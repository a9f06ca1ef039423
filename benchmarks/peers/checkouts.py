"""Source trees of trainers whose parser is in no package: one folder each, at the commit that a recipe was written for.

    python -m benchmarks.peers.checkouts      fetch those that are not there, and list all

They lie beside the environments of the peers (:func:`benchmarks.peers.venvs.home`), in ``sources/NAME``. Where GitHub
is not reached, unpack the commit there by hand and write its digits to ``sources/NAME/COMMIT``. Cost: 100 MB in all.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.venvs import home

COMMIT = "COMMIT"


@dataclass(frozen=True)
class Checkout:
    """A commit of a repository on GitHub."""

    repository: str
    commit: str


CHECKOUTS = {
    "torchtitan": Checkout("pytorch/torchtitan", "b5bcd76c66d0acb1a08b176d9639425bc55e0b2a"),
    "megatron-lm": Checkout("NVIDIA/Megatron-LM", "d98e8a64ddf34856e74b24714e3bedb2f5a39553"),
    "nanotron": Checkout("huggingface/nanotron", "2411b022a75fb7f7561a1bb4166706da5e1b76de"),
    "olmo-core": Checkout("allenai/OLMo-core", "fa6c5014c9f6e9ee789da2d9c20d5126fee8df0d"),
}


def checked_out(name: str) -> Path | None:
    """The folder of a checkout, or None where it is not there or of another commit."""
    folder = home() / "sources" / name
    mark = folder / COMMIT
    there = mark.is_file() and mark.read_text(encoding="utf-8").strip() == CHECKOUTS[name].commit
    return folder if there else None


def fetch(name: str) -> None:
    """Fetch one commit, without history. Raises CalledProcessError when git fails."""
    wanted, folder = CHECKOUTS[name], home() / "sources" / name
    folder.mkdir(parents=True, exist_ok=True)
    address = f"https://github.com/{wanted.repository}"
    for words in (
        ("init", "--quiet"),
        ("fetch", "--quiet", "--depth", "1", address, wanted.commit),
        ("checkout", "--quiet", "--force", wanted.commit),
    ):
        subprocess.run(["git", *words], cwd=folder, check=True, timeout=600)  # noqa: S607 - whatever git there is
    (folder / COMMIT).write_text(wanted.commit, encoding="utf-8")


def main() -> None:
    """Fetch what is missing. What cannot be fetched is told, and its tests are skipped."""
    for name, wanted in CHECKOUTS.items():
        if checked_out(name) is None:
            try:
                fetch(name)
            except (OSError, subprocess.SubprocessError) as error:
                sys.stderr.write(f"{name}: {wanted.repository} was not fetched: {error}\n")
        sys.stdout.write(f"{name:12} {wanted.commit[:12] if checked_out(name) else 'not there'}\n")


if __name__ == "__main__":
    main()
