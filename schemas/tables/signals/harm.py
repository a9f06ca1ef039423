"""How harmful a document is, by kind."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table


def _probability(what: str) -> Column:
    about = f"calibrated probability that its most harmful passage is {what}; null if the model does not know the kind"
    return Column(pa.float64(), about, unit="probability", low=0, high=1, nullable=True)


SignalsHarm = Table(
    "signals/harm",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "toxicity": _probability("toxic: insulting, abusive, profane"),
        "hate": _probability("hateful: it attacks people for a group they belong to"),
        "sexual": _probability("sexually explicit"),
        "violence": _probability("a threat or praise of violence"),
        "self_harm": _probability("about doing harm to oneself"),
        "dual_use": Column(
            pa.float64(),
            "the same for knowledge of weapons and intrusion; null for documents without an entry of the blocklist",
            unit="probability",
            low=0,
            high=1,
            nullable=True,
        ),
        "dual_use_terms": Column(pa.int32(), "distinct entries of the dual-use blocklist (count)", unit="count", low=0),
    },
    "Calibrated probabilities of harm by kind, from a classifier given by path.",
    optional=True,
)
