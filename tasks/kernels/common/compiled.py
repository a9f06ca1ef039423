"""How kernels are compiled and where they are kept.

``kernel``: called from Python; holds no lock while it runs. ``helper``: called by kernels, allocates no array and
returns none. numba counts references to every array that is passed to a function, with atomic instructions that cost
more than a small function does; helpers are compiled without.

numba compiles a function again when its own file has changed, but not when one that it calls from another file has. So
all kernels are kept in one folder that is named after one digest of every file in ``tasks/kernels``.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache, InTreeCacheLocator, UserWideCacheLocator

KERNELS = Path(__file__).resolve().parents[1]
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """``function``, compiled when it is first called."""
    return _kept(njit(nogil=True)(function), function)


def helper(function: Function) -> Function:
    """``function``, compiled into the kernels that call it."""
    options: dict[str, Any] = {"nogil": True, "_nrt": False}
    return _kept(njit(**options)(function), function)


@cache
def sources_digest(folder: Path = KERNELS) -> str:
    """The name of the cache folder: 16 hexadecimal digits over the names and contents of all modules in ``folder``."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _kept(dispatcher: Any, function: Function) -> Function:
    dispatcher._cache = _KernelCache(function)  # type: ignore[no-untyped-call] # numba ships no types for it
    return cast(Function, dispatcher)


class _BesideSources(InTreeCacheLocator):
    """``tasks/kernels/__pycache__/<digest>``."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        super().__init__(function, file)  # type: ignore[no-untyped-call] # numba ships no types for it
        self._cache_path = str(KERNELS / "__pycache__" / sources_digest())

    def get_source_stamp(self) -> str:
        return sources_digest()

    def get_disambiguator(self) -> str:
        return f"{Path(self._py_file).parent.name}-{self._lineno}"


class _ForUser(UserWideCacheLocator):
    """The user's cache, where the sources cannot be written to."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        super().__init__(function, file)  # type: ignore[no-untyped-call] # numba ships no types for it
        self._cache_path = str(Path(self._cache_path).parent / f"gristmill-{sources_digest()}")

    def get_source_stamp(self) -> str:
        return sources_digest()

    def get_disambiguator(self) -> str:
        return f"{Path(self._py_file).parent.name}-{self._lineno}"


class _KernelCacheImpl(CompileResultCacheImpl):
    _locator_classes: list[type[object]] = [_BesideSources, _ForUser]  # noqa: RUF012 - as numba declares it


class _KernelCache(FunctionCache):
    _impl_class = _KernelCacheImpl
