"""numba keeps compiled kernels beside their source and looks at that one file: callers name what else they use."""

import hashlib
import re
from pathlib import Path

import pytest

import gristmill.tasks.kernels

FOLDER = Path(gristmill.tasks.kernels.__file__).parent
CALLS = re.compile(r"^from tasks\.kernels\.(\w+) import ", re.MULTILINE)
NOT_COMPILED = {"compiled"}


def digest(module: str) -> str:
    return hashlib.sha256((FOLDER / f"{module}.py").read_bytes()).hexdigest()[:12]


KERNELS = sorted(
    path for path in FOLDER.glob("*.py") if "gristmill.tasks.kernels.common.compiled import" in path.read_text("utf-8")
)


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_a_kernel_names_the_digest_of_what_it_uses(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    used = sorted(set(CALLS.findall(source)) - NOT_COMPILED)
    expected = " ".join(f"{module}:{digest(module)}" for module in used)
    named = re.search(r'^USES = "(.*)"', source, re.MULTILINE)
    assert (named.group(1) if named else "") == expected, f'put USES = "{expected}" into {path.name}'
