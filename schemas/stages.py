"""The stages of a curation: the one list of their names, for the ledger, the warehouse, the API and the charts."""

from enum import StrEnum


class StageName(StrEnum):
    """A stage that drops records or passes them on, in the order in which a record meets them."""

    INGEST = "ingest"
    EXTRACT = "extract"
    DECIDE = "decide"
    DEDUPLICATE = "deduplicate"
    CLEAN = "clean"
    CURATE = "curate"
