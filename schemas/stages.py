"""The stages of a curation: the only list of their names, for the ledger, the warehouse, the API and the charts."""

from enum import StrEnum


class StageName(StrEnum):
    """The stages that drop records or pass them on, in the order in which a record meets them."""

    INGEST = "ingest"
    EXTRACT = "extract"
    DECIDE = "decide"
    DEDUPLICATE = "deduplicate"
    CLEAN = "clean"
    REVIEW = "review"
    CURATE = "curate"
