"""The page Training: the curves of runs, of those that still run too, and what they took."""

from gristmill.dashboards.pages.training.page import PAGE

__all__ = ["PAGE"]
