"""What the dashboards, the REST API and the command line ask of the warehouse: one function for each question, each
answer a model. With nothing published every answer is empty.
"""

from warehouse.answers.curation import (
    STAGES,
    Documents,
    Expectation,
    Facets,
    Fate,
    Found,
    Funnel,
    RuleCount,
    Stage,
    StageName,
    documents,
    facets,
    funnel,
    gates,
)
from warehouse.answers.models import Best, Checkpoint, Loss, Score, Share, checkpoints, losses, mixtures, scores
from warehouse.answers.pipeline import GateState, Overview, Ranked, Run, SourceTotals, Totals, overview

__all__ = [
    "STAGES",
    "Best",
    "Checkpoint",
    "Documents",
    "Expectation",
    "Facets",
    "Fate",
    "Found",
    "Funnel",
    "GateState",
    "Loss",
    "Overview",
    "Ranked",
    "RuleCount",
    "Run",
    "Score",
    "Share",
    "SourceTotals",
    "Stage",
    "StageName",
    "Totals",
    "checkpoints",
    "documents",
    "facets",
    "funnel",
    "gates",
    "losses",
    "mixtures",
    "overview",
    "scores",
]
