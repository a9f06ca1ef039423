"""The Python API: what notebooks and scripts call, under the names that ``gristmill.__all__`` lists.

Every function calls what the command line and the flows call. Modules here import what they need when a function runs,
so ``import gristmill`` costs nothing.
"""

from gristmill.api.documents import decide, policy, read, score
from gristmill.api.duplicates import near_duplicates
from gristmill.api.evaluation import Graded, compare, grade
from gristmill.api.lake import CuratedSource, Lake

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
    "score",
]
