"""The Python API for notebooks and scripts, under the names in ``gristmill.__all__``.

Every function calls what the command line and the flows call. Modules import their dependencies inside functions, so
``import gristmill`` is nearly free.
"""

from gristmill.api.documents import decide, policy, read, score
from gristmill.api.duplicates import near_duplicates
from gristmill.api.evaluation import Graded, compare, grade
from gristmill.api.lake import CuratedSource, Lake
from gristmill.api.safety import scan

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
