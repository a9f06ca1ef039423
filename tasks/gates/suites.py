"""The suites of the gates: YAML files in ``schemas/expectations``, with missing bounds filled in from the schema."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config, did_you_mean, read_yaml
from gristmill.core.errors import UsageError
from gristmill.schemas.tables import TABLES

SUITES = Path(__file__).parents[2] / "schemas" / "expectations"
BETWEEN = "ExpectColumnValuesToBeBetween"
NOT_NULL = "ExpectColumnValuesToNotBeNull"
ROUNDING = 1e-4


class Expectation(Config):
    """One expectation on one table. ``arguments`` are those of the Great Expectations class ``type``; for a range
    without any, the bounds of the column in the schema are taken."""

    table: str
    type: str
    column: str = ""
    name: str = ""
    severity: Literal["critical", "warning"] = "critical"
    arguments: dict[str, Any] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """What people see: the given name, else the type."""
        return self.name or self.type


class ExpectationSuite(Config):
    """A named list of expectations over the tables that cross one arrow.

    ``bounds_of`` is how the names of tables begin that need no entry of their own: their keys are never null, and a
    column with a lowest and a highest value in the schema stays between them.
    """

    name: str
    about: str
    bounds_of: str = ""
    expectations: tuple[Expectation, ...]


class GateConfig(Config):
    """Which suite to run, and what the checked rows belong to (a source, or a checkpoint)."""

    suite: ExpectationSuite
    source: str


def load_suite(name: str) -> ExpectationSuite:
    """The suite of gate ``name``. Raises :class:`UsageError` for an unknown one or a fault in its file."""
    path = SUITES / f"{name}.yaml"
    if not path.is_file():
        known = [found.stem for found in SUITES.glob("*.yaml")]
        raise UsageError(f"there is no gate {name!r}" + did_you_mean(name, known))
    suite = ExpectationSuite.parse(read_yaml(path), path.name)
    wanted = (*_of_schema(suite.bounds_of), *suite.expectations)
    return suite.model_copy(update={"expectations": tuple(map(_with_bounds, wanted))})


def _of_schema(prefix: str) -> Iterator[Expectation]:
    """What the schema says of every table whose name begins with ``prefix``; nothing without one."""
    for name, table in TABLES.items() if prefix else ():
        if name.startswith(prefix):
            yield from (Expectation(table=name, type=NOT_NULL, column=key) for key in table.key)
            bounded = (name for name, column in table.columns.items() if None not in (column.low, column.high))
            yield from (Expectation(table=name, type=BETWEEN, column=column) for column in bounded)


def _with_bounds(expectation: Expectation) -> Expectation:
    """``expectation``; one of a range that states none is given the bounds of its column."""
    if expectation.type != BETWEEN or expectation.arguments:
        return expectation
    column = TABLES[expectation.table].columns[expectation.column]
    bounds: dict[str, Any] = {}
    if column.low is not None:
        bounds["min_value"] = column.low
    if column.high is not None:
        bounds["max_value"] = column.high + (ROUNDING if pa.types.is_floating(column.type) else 0)
    if not bounds:
        raise UsageError(
            f"{expectation.table}.{expectation.column} has no bounds in the schema; write them as arguments"
        )
    return expectation.model_copy(update={"arguments": bounds})
