"""Which files of this folder are nearly the same?

python examples/duplicates_in_a_folder.py texts/ 0.75
"""

import sys

import polars as pl

import gristmill as gm


def main(folder: str, threshold: str = "0.75") -> None:
    """Print the pairs of documents with at least that similarity, the most similar first."""
    documents = gm.read(folder)
    names = dict(pl.DataFrame(documents).select("doc_id", "record_uri").iter_rows())
    pairs = gm.near_duplicates(documents, threshold=float(threshold))
    print(f"{pairs.num_rows} pairs among {documents.num_rows} documents of {folder}")
    for pair in pairs.to_pylist():
        print(f"  {pair['similarity']:.3f}  {names[pair['doc_id']]}  {names[pair['other']]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
