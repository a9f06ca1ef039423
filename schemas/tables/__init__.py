"""The Arrow schema of every table in the lake: the contract between steps, gates, warehouse and dashboards.

Import every table from here; the modules of this package define them by stage. A table is Parquet, zstd, sorted by
``key``. ``doc_id`` is 32 hexadecimal digits (xxh3-128 of the source name, the record's native identity and its payload)
and depends on neither a path nor a position in a shard. Descriptions of columns are written into the Parquet files, so
a new wording changes the bytes of the lake.
"""

from gristmill.core.table import Table
from gristmill.schemas.tables.cleaning import Curated, Cuts, HiddenSpans, Redacted, Spans, TriggerSpans
from gristmill.schemas.tables.contamination import Contamination, EvalItems, ItemLabels
from gristmill.schemas.tables.dedup import Bands, Candidates, Clusters, Copies, Lines, Pairs
from gristmill.schemas.tables.evaluate import EvalRuns, Responses, Samples, Scores, Unanswered
from gristmill.schemas.tables.experiment import Effects, SeedEffects
from gristmill.schemas.tables.gates import GateResults
from gristmill.schemas.tables.ingest import Documents, Records, SetAside
from gristmill.schemas.tables.ledger import Verdicts
from gristmill.schemas.tables.mix import (
    Domains,
    MixtureBaselines,
    MixtureCaps,
    MixtureChecks,
    MixturePredictions,
    Mixtures,
    MixtureStages,
    MixtureTrace,
    TokenStats,
    TrialResults,
    TrialReuse,
    Trials,
)
from gristmill.schemas.tables.review import Redactions, Reviews
from gristmill.schemas.tables.signals import SIGNALS
from gristmill.schemas.tables.signals.chinese import SignalsChinese
from gristmill.schemas.tables.signals.code import SignalsCode
from gristmill.schemas.tables.signals.english import (
    SignalsC4,
    SignalsC4Paper,
    SignalsC4Tfds,
    SignalsFineWeb,
    SignalsGopherQuality,
    SignalsGopherRepetition,
    SignalsRefinedWeb,
)
from gristmill.schemas.tables.signals.harm import SignalsHarm
from gristmill.schemas.tables.signals.language import SignalsFineWeb2, SignalsLanguage
from gristmill.schemas.tables.signals.page import SignalsClassifier, SignalsContamination, SignalsDomain, SignalsUrl
from gristmill.schemas.tables.signals.rights import SignalsRights
from gristmill.schemas.tables.speed import Speed
from gristmill.schemas.tables.takedowns import Stale, Takedowns
from gristmill.schemas.tables.train import Checkpoints, HeldoutLosses, Losses, Runs, RunStages

__all__ = [
    "SIGNALS",
    "TABLES",
    "Bands",
    "Candidates",
    "Checkpoints",
    "Clusters",
    "Contamination",
    "Copies",
    "Curated",
    "Cuts",
    "Documents",
    "Domains",
    "Effects",
    "EvalItems",
    "EvalRuns",
    "GateResults",
    "HeldoutLosses",
    "HiddenSpans",
    "ItemLabels",
    "Lines",
    "Losses",
    "MixtureBaselines",
    "MixtureCaps",
    "MixtureChecks",
    "MixturePredictions",
    "MixtureStages",
    "MixtureTrace",
    "Mixtures",
    "Pairs",
    "Records",
    "Redacted",
    "Redactions",
    "Responses",
    "Reviews",
    "RunStages",
    "Runs",
    "Samples",
    "Scores",
    "SeedEffects",
    "SetAside",
    "SignalsC4",
    "SignalsC4Paper",
    "SignalsC4Tfds",
    "SignalsChinese",
    "SignalsClassifier",
    "SignalsCode",
    "SignalsContamination",
    "SignalsDomain",
    "SignalsFineWeb",
    "SignalsFineWeb2",
    "SignalsGopherQuality",
    "SignalsGopherRepetition",
    "SignalsHarm",
    "SignalsLanguage",
    "SignalsRefinedWeb",
    "SignalsRights",
    "SignalsUrl",
    "Spans",
    "Speed",
    "Stale",
    "Takedowns",
    "TokenStats",
    "TrialResults",
    "TrialReuse",
    "Trials",
    "TriggerSpans",
    "Unanswered",
    "Verdicts",
]

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Records,
        Documents,
        SetAside,
        *SIGNALS,
        Spans,
        HiddenSpans,
        TriggerSpans,
        Cuts,
        Verdicts,
        Bands,
        Copies,
        Lines,
        Candidates,
        Pairs,
        Clusters,
        Reviews,
        Redactions,
        Redacted,
        Curated,
        GateResults,
        Domains,
        TokenStats,
        Mixtures,
        MixtureStages,
        MixtureTrace,
        Trials,
        TrialResults,
        TrialReuse,
        MixturePredictions,
        MixtureChecks,
        MixtureCaps,
        MixtureBaselines,
        Losses,
        HeldoutLosses,
        Runs,
        Checkpoints,
        RunStages,
        EvalRuns,
        Responses,
        Samples,
        Scores,
        Unanswered,
        EvalItems,
        Contamination,
        ItemLabels,
        Speed,
        Takedowns,
        Stale,
        Effects,
        SeedEffects,
    )
}
