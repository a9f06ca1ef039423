"""The page Mixtures: what each mixture asks of each domain, where that comes from, and how far to believe it."""

from gristmill.dashboards.pages.mixtures.page import PAGE

__all__ = ["PAGE"]
