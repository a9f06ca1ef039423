"""The pages of the dashboards: one module each, listed here once, in the order of the navigation bar.

The application, the navigation bar, the REST API and the tests all read :data:`PAGES`.
"""

from typing import Any

from gristmill.dashboards.page import Page
from gristmill.dashboards.pages import (
    checkpoint,
    checkpoints,
    compare,
    document,
    documents,
    funnel,
    gates,
    items,
    leaderboard,
    mixtures,
    overview,
    speed,
    submit,
    training,
    trajectory,
    why,
)
from gristmill.dashboards.pages.review import figures, queue

PAGES: tuple[Page[Any], ...] = (
    overview.PAGE,
    funnel.PAGE,
    documents.PAGE,
    document.PAGE,
    why.PAGE,
    queue.PAGE,
    figures.PAGE,
    mixtures.PAGE,
    training.PAGE,
    checkpoints.PAGE,
    checkpoint.PAGE,
    leaderboard.PAGE,
    compare.PAGE,
    items.PAGE,
    trajectory.PAGE,
    speed.PAGE,
    gates.PAGE,
    submit.PAGE,
)
