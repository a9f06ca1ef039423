"""Gristmill: crawled text to training data, models trained on it, and their scores.

``__all__`` lists what notebooks and scripts call; ``docs/python.md`` shows it in one page. It is imported when it is
first asked for, because the checker in the jail and ``gristmill --help`` import this package and need none of it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gristmill.api import (
        CuratedSource,
        Graded,
        Lake,
        compare,
        decide,
        grade,
        near_duplicates,
        policy,
        read,
        scan,
        score,
    )

__all__ = [
    "CuratedSource",
    "Graded",
    "Lake",
    "compare",
    "decide",
    "grade",
    "near_duplicates",
    "policy",
    "read",
    "scan",
    "score",
]

if not TYPE_CHECKING:  # to a type checker every name would be there

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from gristmill import api

        return getattr(api, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
