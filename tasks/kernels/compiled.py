"""How the kernels of signals are compiled.

``kernel``: called from Python; holds no lock while it runs. ``helper``: called by kernels, allocates no array and
returns none. numba counts references to every array that is passed to a function, with atomic instructions that cost
more than a small function does; helpers are compiled without.

Both are kept on disk beside their source. numba notices a change of that file only: a kernel that calls functions of
another module names its digest in ``USES`` (see tests/unit/test_kernels.py).
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """``function``, compiled when it is first called."""
    return cast(Function, njit(cache=True, nogil=True)(function))


def helper(function: Function) -> Function:
    """``function``, compiled into the kernels that call it."""
    options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}
    return cast(Function, njit(**options)(function))
