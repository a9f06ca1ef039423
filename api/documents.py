"""From a file to verdicts, in memory: read documents, compute their signals, and apply a policy.

Each function calls the steps of a curation as pure functions on one Arrow table. Memory: the documents and their
signals; for more than fits, use ``gristmill curate``, which works shard by shard.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from gristmill.tasks.filtering.policy import Policy
    from gristmill.tasks.signals.registry import SignalSet

NOTEBOOK = "notebook"
PREFIX = "signals/"
GIVEN = {"classifier": "classifier", "contamination": "decontaminate", "harm": "harm"}
"""Signal sets that need a file from the user, and the argument of :func:`score` that takes it."""


def read(path: str | Path, *, source: str = NOTEBOOK, columns: Mapping[str, str] | None = None) -> "pa.Table":
    """The documents of a file, a folder, a glob or an address, with their text extracted as a curation does it.

    Returns the table ``documents``, sorted by ``doc_id``. Warns how many records gave no document, and why.

    Args:
        path: WARC, WET, ARC, WACZ, JSON Lines, Parquet, CSV, text, Markdown or HTML, also compressed.
        source: The name of the source, which is part of every ``doc_id``.
        columns: Names of the columns for ``text``, ``id``, ``url`` and ``date``, as in ``--map`` of the command line.

    Raises:
        UsageError: For a path that does not exist, has nothing to read, or lacks the columns.
        GristmillError: For an input of which nothing could be read.
    """
    from gristmill.flows.reading import read_documents

    return read_documents(path, source, columns or {})


def score(
    documents: "pa.Table",
    sets: Sequence[str],
    *,
    language_model: str | Path | None = None,
    classifier: str | Path | None = None,
    url_lists: str | Path | None = None,
    decontaminate: str | Path | None = None,
    harm: str | Path | None = None,
) -> "dict[str, pa.Table]":
    """Signals of documents: for each signal set a table with one row per document.

    Args:
        documents: The table ``documents``, as :func:`read` returns it.
        sets: Names of signal sets, such as ``gopher_quality``, ``fineweb`` or ``language``. A common prefix stands for
            several: ``gopher`` for ``gopher_quality`` and ``gopher_repetition``.
        language_model: A fastText model for the language; by default lid.176.
        classifier: The quality classifier that the set ``classifier`` needs: a folder or a fastText model.
        url_lists: A folder of blocklists for the set ``url``.
        decontaminate: The index of evaluation items that the set ``contamination`` needs.
        harm: The harm classifier that the set ``harm`` needs: a folder.

    Raises:
        UsageError: For an unknown set, documents that lack a column, or a model that does not exist.
    """
    from gristmill.core.errors import UsageError
    from gristmill.schemas.tables import Documents
    from gristmill.tasks.signals.registry import SETS, SignalSettings, steps_of

    wanted = set_names(sets)
    given = SignalSettings(
        language_model=_path(language_model),
        url_lists=_path(url_lists),
        classifier=_path(classifier),
        decontaminate=_path(decontaminate),
        harm=_path(harm),
    )
    asked = {PREFIX + name for name in wanted}
    needed: list[SignalSet] = []
    for entry in reversed(SETS):
        if entry.table.name in asked:
            if entry.default == "given" and entry.needs(given) is None:
                name = entry.table.name.removeprefix(PREFIX)
                raise UsageError(f"the signal set {name} needs a file from you: score(..., {GIVEN[name]}=PATH)")
            needed.insert(0, entry)
            asked |= {table.name for table in entry.step.reads}
    tables = {Documents.name: contract(documents)}
    for step, config in steps_of(needed, given):
        if missing := [table.name for table in step.reads if table.name not in tables]:
            raise UsageError(
                f"the signal set {step.name} reads {', '.join(missing)}, which these documents do not come with. "
                "Compute it with `gristmill curate`, whose lake keeps them."
            )
        result = step.function(*(tables[table.name] for table in step.reads), config)
        results = result if isinstance(result, tuple) else (result,)
        tables |= {table.name: rows for table, rows in zip(step.writes, results, strict=True)}
    return {name: tables[PREFIX + name] for name in wanted}


def policy(name_or_path: str | Path) -> "Policy":
    """A preset by its name, such as ``fineweb@code``, or a YAML file of your own by its path.

    Raises:
        UsageError: For an unknown name (with the nearest one), and for a rule that could never fire.
    """
    from gristmill.tasks.filtering.policy import load_policy

    return load_policy(str(name_or_path))


def decide(documents: "pa.Table", signals: "Mapping[str, pa.Table]", policy: "Policy | str | Path") -> "pa.Table":
    """Apply a policy: the table ``verdicts``, with a row for each rule that a document failed, or one row that keeps
    it.

    Args:
        documents: The table ``documents``.
        signals: The result of :func:`score`. Sets that the policy uses and that are missing here are computed.
        policy: The result of :func:`policy`, or its argument.

    Raises:
        UsageError: For an unknown signal set or policy, and for a policy that uses a set that needs a model.
    """
    from gristmill.core.table import conform, empty
    from gristmill.schemas.tables import Verdicts
    from gristmill.schemas.tables.signals import SIGNALS
    from gristmill.tasks.filtering.decide import DecideConfig
    from gristmill.tasks.filtering.decide import decide as decide_step
    from gristmill.tasks.filtering.policy import Policy, load_policy

    chosen = policy if isinstance(policy, Policy) else load_policy(str(policy))
    rows = contract(documents)
    found = {name: signals[name] for name in set_names(list(signals))}
    looked_at = dict.fromkeys(signal.partition(".")[0] for signal in chosen.signals())
    found |= score(rows, [name for name in looked_at if name not in found])
    tables = {table.name: found.get(table.name.removeprefix(PREFIX), empty(table)) for table in SIGNALS}
    return conform(Verdicts, decide_step.function(rows, tables, DecideConfig(policy=chosen)))


def contract(documents: "pa.Table") -> "pa.Table":
    """The columns of the table ``documents``, sorted by ``doc_id``; other columns are dropped.

    Raises :class:`gristmill.core.errors.UsageError` for a missing column, and for two documents with one ``doc_id``.
    """
    import pyarrow.compute as pc

    from gristmill.core.errors import UsageError
    from gristmill.core.table import conform
    from gristmill.schemas.tables import Documents

    names = Documents.schema.names
    if missing := [name for name in names if name not in documents.column_names]:
        raise UsageError(
            f"the documents lack the columns {', '.join(missing)}: pass a table like the one gristmill.read returns."
        )
    rows = conform(Documents, documents.select(names))
    if pc.count_distinct(rows.column("doc_id")).as_py() < rows.num_rows:
        raise UsageError("two of the documents have the same doc_id: pass each document once.")
    return rows


def set_names(asked: Sequence[str]) -> list[str]:
    """The signal sets that ``asked`` names, in full or by a common prefix, each once.

    Raises :class:`gristmill.core.errors.UsageError` for an unknown name.
    """
    from gristmill.core.config import did_you_mean
    from gristmill.core.errors import UsageError
    from gristmill.schemas.tables.signals import SIGNALS

    if isinstance(asked, str):
        raise UsageError(f"pass the signal sets as a list: [{asked!r}]")
    known = [table.name.removeprefix(PREFIX) for table in SIGNALS]
    found: list[str] = []
    for name in asked:
        family = [name] if name in known else [entry for entry in known if entry.startswith(f"{name}_")]
        if not family:
            raise UsageError(f"there is no signal set {name!r}{did_you_mean(name, known)}")
        found += family
    return list(dict.fromkeys(found))


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
