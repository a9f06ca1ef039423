"""A tokenizer made elsewhere: a ``tokenizers`` file, or a folder that transformers saved.

What is written is the tokenizer of the file without truncation and padding (both would change token files silently) and
with its end of text as a special token. Nothing else of a folder is taken: its settings may name code to run.
Cost: one read of the file.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from gristmill.core.config import Config
from gristmill.core.digests import digest_file
from gristmill.core.errors import UsageError
from gristmill.core.steps.files import FilesStep, Written, files_step
from gristmill.core.steps.step import StepContext
from gristmill.tasks.mix.tokenizer import EOS, FILE, SETTINGS, write_tokenizer

SPECIAL = "special_tokens_map.json"
KNOWN = (EOS, "</s>", "<|end_of_text|>", "<eos>", "<|eos|>", "[EOS]", "<|im_end|>")


class TokenizerFileConfig(Config):
    """Which tokenizer: the digest of its file, and the token that ends a text."""

    digest: str
    eos: str


@dataclass(frozen=True)
class TokenizerFileContext(StepContext):
    """Where the file is."""

    path: Path


def find_tokenizer(path: Path, eos: str = "") -> tuple[TokenizerFileConfig, TokenizerFileContext]:
    """The tokenizer at ``path``, a file or a folder, with the token that ends a text: ``eos``, or the one its settings
    name, or the only well-known one it has.

    Raises :class:`UsageError` when there is no such file, when it is not one, and when it has no such token.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"tokenizer {path}: {_missing(path)}")
    entries = open_tokenizer(file).get_vocab()
    found = eos or _configured(file.parent)
    if found and found not in entries:
        raise UsageError(f"tokenizer {path}: it has no token {found!r}. Name the one that ends a text: --set eos=TOKEN")
    known = [found] if found else [name for name in KNOWN if name in entries]
    if len(known) != 1:
        names = f"{' and '.join(known)} both could" if known else "none of the usual names is in it"
        raise UsageError(f"tokenizer {path}: which token ends a text? {names}. Name it: --set eos=TOKEN")
    return TokenizerFileConfig(digest=digest_file(file), eos=known[0]), TokenizerFileContext(file)


def take_tokenizer(context: TokenizerFileContext) -> FilesStep[TokenizerFileConfig]:
    """The step that copies a tokenizer into the lake."""

    @files_step("tokenizer_file", version=1, files="tokenizer")
    def tokenizer_file(config: TokenizerFileConfig, out: Path) -> Written:
        """Write ``tokenizer.json`` and ``tokenizer_config.json``. Facts: vocabulary and end of text."""
        tokenizer = open_tokenizer(context.path)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.add_special_tokens([AddedToken(config.eos, special=True, normalized=False)])
        write_tokenizer(tokenizer, config.eos, out)
        return Written({"vocab_size": tokenizer.get_vocab_size(), "eos": config.eos})

    return tokenizer_file


def open_tokenizer(file: Path) -> Tokenizer:
    """The tokenizer of a file. Raises :class:`UsageError` when it is not one."""
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the binding raises bare exceptions
        raise UsageError(f"tokenizer {file}: not a file of the library tokenizers ({error})") from error


def _configured(folder: Path) -> str:
    """The end of text that the settings beside a tokenizer name, or nothing."""
    for name in (SETTINGS, SPECIAL):
        path = folder / name
        if path.is_file():
            try:
                entry: Any = json.loads(path.read_bytes()).get("eos_token")
            except (ValueError, AttributeError) as error:
                raise UsageError(f"{path} is not a JSON object: {error}") from error
            found = entry.get("content") if isinstance(entry, dict) else entry
            if isinstance(found, str) and found:
                return found
    return ""


def _missing(path: Path) -> str:
    if not path.is_dir():
        return "there is no such file or folder."
    if any(path.glob("*.model")) or any(path.glob("vocab.*")):
        return (
            f"the folder has no {FILE}, only the files of a slow tokenizer. Open it once with transformers, "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(OTHER), and name the other."
        )
    return f"the folder has no {FILE}."
