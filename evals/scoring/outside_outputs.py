"""Outputs from elsewhere, ready to grade: read, matched with their suite, and with a convention chosen.

The command line (``gristmill grade``) and the Python API (``gristmill.grade``) both start here, so they refuse the same
mistakes with the same messages.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gristmill.core.errors import UsageError
from gristmill.evals.exchange.outputs import read_outputs
from gristmill.evals.scoring.regrading import refuse_unfitting
from gristmill.evals.suites.suite import Suite

WHOLE_PROGRAMS = "code.program"
"""The convention of outputs that are whole programs."""


@dataclass(frozen=True)
class OutsideOutputs:
    """``responses`` as in the table of that name, the items without one, and the convention that grades them."""

    responses: pa.Table
    missing: tuple[str, ...]
    convention: str


def outside_outputs(
    path: Path, suite: Suite, *, convention: str = "", ks: Sequence[int] = (), partial: bool = False, cut: bool = False
) -> OutsideOutputs:
    """The outputs in a file, see :func:`gristmill.evals.exchange.outputs.read_outputs`; ``cut`` ends them at the
    suite's stop strings. Without a ``convention`` the suite's headline convention grades them, or ``code.program`` if
    they are whole programs.

    Raises :class:`UsageError` as ``read_outputs`` does, for a convention that does not grade the suite, and for a k of
    pass@k that is larger than the number of samples of some item.
    """
    refuse_unfitting(suite, [convention] if convention else [])
    outputs = read_outputs(path, suite, partial=partial, at_stops=cut)
    fewest = min(Counter(outputs.responses.column("item").to_pylist()).values())
    if ks and max(ks) > fewest:
        given = ",".join(map(str, ks))
        raise UsageError(f"--k {given}: pass@{max(ks)} needs that many samples of every item, and one has {fewest}")
    chosen = convention or (WHOLE_PROGRAMS if outputs.whole else suite.settings.conventions[0])
    return OutsideOutputs(outputs.responses, outputs.missing, chosen)
