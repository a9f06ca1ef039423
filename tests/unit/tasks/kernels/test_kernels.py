"""Compiled kernels are kept in one folder, named after everything that they could have been compiled from."""

from pathlib import Path
from typing import Any, cast

from gristmill.tasks.kernels.common.compiled import KERNELS, sources_digest
from gristmill.tasks.kernels.common.sorted_sets import shared


def test_the_name_changes_with_any_source(tmp_path: Path) -> None:
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "split.py").write_text("A = 1\n")
    before = sources_digest(tmp_path)
    sources_digest.cache_clear()
    assert sources_digest(tmp_path) == before
    (tmp_path / "tokens" / "split.py").write_text("A = 2\n")
    sources_digest.cache_clear()
    changed = sources_digest(tmp_path)
    (tmp_path / "tokens" / "split.py").rename(tmp_path / "split.py")
    sources_digest.cache_clear()
    assert len({before, changed, sources_digest(tmp_path)}) == 3


def test_every_kernel_is_kept_in_that_folder() -> None:
    kept = Path(cast(Any, shared)._cache.cache_path)
    assert kept.name.endswith(sources_digest())
    assert kept.parent == KERNELS / "__pycache__" or not KERNELS.stat().st_mode & 0o200
