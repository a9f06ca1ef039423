"""Open exports of a token store with the readers of the trainers, and print what they read as JSON.

Run by the peer's Python: ``token_readers.py FORMAT ROW_TOKENS EOS_ID VOCABULARY BYTES_A_TOKEN PATH``. PATH is a
prefix (megatron), a folder (datatrove, litdata) or a file (olmo, parquet; megatron-weights, olmo-weights: weight
files). Prints ``documents`` and ``rows``, where the reader has them, as lists of tokens, and the ``positions`` of the
tokens in their documents.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any


def megatron(path: Path) -> dict[str, Any]:
    """Megatron-core's ``IndexedDataset``."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    found = IndexedDataset(str(path))
    if found.document_indices.tolist() != list(range(len(found) + 1)):
        raise SystemExit("a document is not one sequence")
    return {"documents": [found[place].tolist() for place in range(len(found))]}


def datatrove(path: Path, row_tokens: int, size: int) -> dict[str, Any]:
    """datatrove's ``DatatroveFolderDataset``, with positions from the index."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    found = DatatroveFolderDataset(str(path), seq_len=row_tokens - 1, token_size=size, return_positions=True)
    each = [found[place] for place in range(len(found))]
    return {
        "rows": [row["input_ids"].tolist() for row in each],
        "positions": [row["positions"].tolist() for row in each],
    }


def olmo(path: Path, row_tokens: int, eos: int, vocabulary: int, size: int) -> dict[str, Any]:
    """OLMo-core's documents by the metadata file, and the rows of ``ConcatAndChunkInstanceSource``."""
    import numpy as np
    from olmo_core.data import TokenizerConfig
    from olmo_core.data.composable import ConcatAndChunkInstanceSource, NumpyDocumentSource
    from olmo_core.data.utils import iter_document_indices, load_array_slice

    kind = np.uint16 if size == 2 else np.uint32
    bounds = list(iter_document_indices(str(path), use_array_if_local=False, dtype=kind))
    documents = [load_array_slice(str(path), start, end, kind).tolist() for start, end in bounds]
    tokenizer = TokenizerConfig(vocab_size=vocabulary, eos_token_id=eos, pad_token_id=eos)
    with tempfile.TemporaryDirectory() as work:
        source = NumpyDocumentSource(source_paths=[str(path)], dtype=kind, work_dir=work, tokenizer=tokenizer)
        chunked = ConcatAndChunkInstanceSource(source, sequence_length=row_tokens, work_dir=work)
        rows = [np.asarray(chunked[place]["input_ids"]).tolist() for place in range(len(chunked))]
    return {"documents": documents, "rows": rows}


def litdata(path: Path, row_tokens: int) -> dict[str, Any]:
    """litdata's ``StreamingDataset`` with a ``TokensLoader``."""
    from litdata import StreamingDataset, TokensLoader

    found = StreamingDataset(str(path), item_loader=TokensLoader(block_size=row_tokens), shuffle=False)
    return {"rows": [found[place].tolist() for place in range(len(found))]}


def parquet(path: Path) -> dict[str, Any]:
    """Grain's ``ParquetIterDataset``."""
    import grain
    import numpy as np

    rows = [np.asarray(row["input_ids"]).tolist() for row in grain.experimental.ParquetIterDataset(str(path))]
    return {"rows": rows}


def megatron_weights(path: Path) -> dict[str, Any]:
    """The blend that Megatron makes of the words of ``--data-args-path``."""
    from megatron.core.datasets.utils import get_blend_from_list

    prefixes, weights = get_blend_from_list(path.read_text().split())
    return {"prefixes": prefixes, "weights": weights}


def olmo_weights(path: Path) -> dict[str, Any]:
    """The sources of OLMo-core's ``SourceMixtureList``."""
    import yaml
    from olmo_core.data.source_mixture import SourceMixtureList

    found = SourceMixtureList.from_dict(yaml.safe_load(path.read_text()))
    found.validate()
    return {"weights": [source.target_ratio for source in found.sources], "paths": [s.paths for s in found.sources]}


def main(words: list[str]) -> None:
    """Print what the reader of a format gives."""
    row_tokens, eos, vocabulary, size = map(int, words[1:5])
    path = Path(words[5])
    match words[0]:
        case "megatron":
            found = megatron(path)
        case "datatrove":
            found = datatrove(path, row_tokens, size)
        case "olmo":
            found = olmo(path, row_tokens, eos, vocabulary, size)
        case "litdata":
            found = litdata(path, row_tokens)
        case "megatron-weights":
            found = megatron_weights(path)
        case "olmo-weights":
            found = olmo_weights(path)
        case _:
            found = parquet(path)
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
