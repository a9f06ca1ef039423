"""The questions that the dashboards, the REST API and the command line ask the warehouse: one function for each, which
returns a model. When nothing is published every answer is empty.
"""

from gristmill.warehouse.queries.curation import (
    Documents,
    Expectation,
    Facets,
    Fate,
    Found,
    Funnel,
    RuleCount,
    Stage,
    documents,
    facets,
    funnel,
    gates,
)
from gristmill.warehouse.queries.models import (
    Best,
    Checkpoint,
    Loss,
    Score,
    Share,
    checkpoints,
    losses,
    mixtures,
    scores,
)
from gristmill.warehouse.queries.pipeline import GateState, Overview, Ranked, Run, SourceTotals, Totals, overview

__all__ = [
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
