"""Evaluation items, and where a corpus holds them."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Table, columns

EvalItems = Table(
    "eval_items",
    ("suite", "item", "form", "text"),
    columns(
        suite=(pa.string(), "name of the suite"),
        suite_digest=(pa.string(), "digest of items, prompts and settings"),
        item=(pa.string(), "id of the item"),
        form=(pa.string(), "question, options (the question with all of them) or passage"),
        text=(pa.string(), "what is looked for"),
        answers=(pa.list_(pa.string()), "answers that are right, each as it may be written; none for a passage"),
        options=(pa.list_(pa.string()), "all options of a choice, in order; none for other items"),
        letter=(pa.string(), "letter of the right option; empty for other items"),
    ),
    "What is looked for of every item of a suite when a corpus is compared with it.",
)

Contamination = Table(
    "contamination",
    ("suite", "item", "doc_id", "start", "form"),
    columns(
        suite=(pa.string(), "name of the suite"),
        item=(pa.string(), "id of the item"),
        doc_id=DOC_ID,
        source=(pa.string(), "name of the corpus the document belongs to"),
        form=(pa.string(), "what was found: question, options (the question with all of them) or passage"),
        start=(pa.int32(), "first code point of the place in the document's text"),
        end=(pa.int32(), "one past the last"),
        similarity=(pa.float64(), "share of the words that stand there, rare ones counting more"),
        answer=(pa.float64(), "share of a right answer that stands near; null where none is looked for?"),
        score=(pa.float64(), "similarity and answer in one number, as it was compared with the threshold"),
        label=(pa.string(), "what the place shows: input, answer (input and answer) or passage"),
    ),
    "A place in a corpus where an item of a suite stands.",
)

ItemLabels = Table(
    "item_labels",
    ("corpus", "suite", "item"),
    columns(
        corpus=(pa.string(), "name of what was looked through: sources, or the checkpoint whose training data it is"),
        suite=(pa.string(), "name of the suite"),
        suite_digest=(pa.string(), "digest of items, prompts and settings"),
        item=(pa.string(), "id of the item"),
        label=(pa.string(), "clean, input, answer (input and answer), or short: too few words to be told apart"),
        passage=(pa.bool_(), "the passage of the item stands in the corpus, with or without its question"),
        documents=(pa.int32(), "documents with the input (count)"),
        score=(pa.float64(), "highest score of a place; 0 where there is none"),
        doc_id=(pa.string(), "document of that place?"),
    ),
    "Whether a corpus holds the input or the answer of an item.",
)
