"""Evaluation items, and where they occur in a corpus."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

EvalItems = Table(
    "eval_items",
    ("suite", "item", "form", "text"),
    {
        "suite": Column(pa.string(), "name of the suite"),
        "suite_digest": Column(pa.string(), "digest of items, prompts and settings"),
        "item": Column(pa.string(), "id of the item"),
        "form": Column(pa.string(), "question, options (the question with all of them) or passage"),
        "text": Column(pa.string(), "what is looked for"),
        "answers": Column(
            pa.list_(pa.string()), "answers that are right, each as it may be written; none for a passage"
        ),
        "options": Column(pa.list_(pa.string()), "all options of a choice, in order; none for other items"),
        "letter": Column(pa.string(), "letter of the right option; empty for other items"),
    },
    "The texts of every item of a suite that a corpus is searched for.",
)

Contamination = Table(
    "contamination",
    ("suite", "item", "doc_id", "start", "form"),
    {
        "suite": Column(pa.string(), "name of the suite"),
        "item": Column(pa.string(), "id of the item"),
        "doc_id": DOC_ID,
        "source": Column(pa.string(), "name of the corpus the document belongs to"),
        "form": Column(pa.string(), "what was found: question, options (the question with all of them) or passage"),
        "start": Column(pa.int32(), "first code point of the place in the document's text", unit="code points", low=0),
        "end": Column(pa.int32(), "one past the last", unit="code points", low=0),
        "similarity": Column(
            pa.float64(), "share of the words that stand there, rare ones counting more", unit="ratio", low=0, high=1
        ),
        "answer": Column(
            pa.float64(),
            "share of a right answer that stands near; null where none is looked for",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "score": Column(
            pa.float64(),
            "similarity and answer in one number, as it was compared with the threshold",
            unit="ratio",
            low=0,
            high=1,
        ),
        "label": Column(pa.string(), "what the place shows: input, answer (input and answer) or passage"),
    },
    "A place in a corpus where an item of a suite occurs.",
)

ItemLabels = Table(
    "item_labels",
    ("corpus", "suite", "item"),
    {
        "corpus": Column(
            pa.string(), "name of what was looked through: sources, or the checkpoint whose training data it is"
        ),
        "suite": Column(pa.string(), "name of the suite"),
        "suite_digest": Column(pa.string(), "digest of items, prompts and settings"),
        "item": Column(pa.string(), "id of the item"),
        "label": Column(
            pa.string(), "clean, input, answer (input and answer), or short: too few words to be told apart"
        ),
        "passage": Column(pa.bool_(), "the passage of the item stands in the corpus, with or without its question"),
        "documents": Column(pa.int32(), "documents with the input (count)", unit="count", low=0),
        "score": Column(pa.float64(), "highest score of a place; 0 where there is none", unit="ratio", low=0, high=1),
        "doc_id": Column(pa.string(), "document of that place", nullable=True),
    },
    "Whether a corpus contains the input or the answer of an item.",
)
