"""Texts to tokens by datatrove's ``DocumentTokenizer``, one task and one worker, nothing shuffled.

Run by the peer's Python: ``datatrove_tokens.py INPUT_JSONL_FOLDER TOKENIZER_FILE OUTPUT_FOLDER``.
"""

import sys
from pathlib import Path

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.tokens import DocumentTokenizer

EOS = "<|endoftext|>"


def main(source: Path, tokenizer: Path, target: Path) -> None:
    """Write ``.ds`` files to ``target/output``."""
    LocalPipelineExecutor(
        [
            JsonlReader(str(source), glob_pattern="*.jsonl"),
            DocumentTokenizer(
                str(target / "output"),
                tokenizer_name_or_path=str(tokenizer),
                eos_token=EOS,
                shuffle_documents=False,
            ),
        ],
        tasks=1,
        workers=1,
        logging_dir=str(target / "logs"),
    ).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
