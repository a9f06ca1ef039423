"""What experiments on the training data found."""

import pyarrow as pa

from gristmill.core.table import Column, Table

Effects = Table(
    "effects",
    ("experiment", "arm", "outcome"),
    {
        "experiment": Column(pa.string(), "name of the experiment"),
        "arm": Column(pa.string(), "name of the arm, which is compared with the control"),
        "outcome": Column(pa.string(), "suite and subset, such as heldout/code"),
        "higher_is_better": Column(pa.bool_(), "whether more of the outcome is better"),
        "primary": Column(pa.bool_(), "whether it counted from the beginning; else it is exploratory"),
        "control_value": Column(pa.float64(), "the outcome of the control, mean over seeds"),
        "arm_value": Column(pa.float64(), "the outcome of the arm, mean over seeds"),
        "effect": Column(pa.float64(), "arm less control, in units of the outcome"),
        "low": Column(pa.float64(), "lower end of its 95 % interval"),
        "high": Column(pa.float64(), "upper end of its 95 % interval"),
        "seed_error": Column(pa.float64(), "standard error from the runs alone", low=0),
        "item_error": Column(pa.float64(), "standard error from the items alone", low=0),
        "p": Column(pa.float64(), "two-sided p of no difference", low=0, high=1),
        "p_holm": Column(pa.float64(), "the same, by Holm over the primary cells", low=0, high=1),
        "verdict": Column(pa.string(), "moved, no effect or cannot tell"),
        "bound": Column(
            pa.float64(),
            "with no effect, what it is smaller than; with cannot tell, what could have been shown; null with moved",
            low=0,
            nullable=True,
        ),
        "predicted": Column(pa.string(), "up, down or none, as written before the first job; empty where nothing was"),
        "seeds": Column(pa.int32(), "pairs of runs (count)", unit="count", low=0),
        "items": Column(pa.int32(), "items or texts (count)", unit="count", low=0),
    },
    "What an arm of an experiment did to an outcome.",
    optional=True,
)

SeedEffects = Table(
    "seed_effects",
    ("experiment", "arm", "outcome", "seed"),
    {
        "experiment": Column(pa.string(), "name of the experiment"),
        "arm": Column(pa.string(), "name of the arm"),
        "outcome": Column(pa.string(), "suite and subset"),
        "seed": Column(pa.int32(), "seed that arm and control share", low=0),
        "control_value": Column(pa.float64(), "the outcome of the control"),
        "arm_value": Column(pa.float64(), "the outcome of the arm"),
    },
    "The outcomes of an arm and its control that share a seed.",
    optional=True,
)
