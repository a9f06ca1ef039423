"""Fields that several settings models share, each a type with its option, bounds and description."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from gristmill.core.errors import UsageError
from gristmill.core.files.places import check_name
from gristmill.core.flag import Flag
from gristmill.tasks.ingest.names import storable
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap

T = TypeVar("T")

Workers = Annotated[int, Flag("--workers"), Field(ge=1, le=256, description="Shards worked on at the same time.")]
InputWord = Annotated[str, AfterValidator(storable)]
Inputs = Annotated[
    tuple[InputWord, ...],
    Flag("--input", "File, folder, glob or address (s3://, https://, cc://); repeatable."),
    Field(
        min_length=1,
        description="Files, folders, globs, s3:// and http(s):// addresses, or cc://CRAWL?paths=0-9 of Common Crawl.",
    ),
]
PolicyName = Annotated[str, Flag("--policy"), Field(description="A preset's name, or the path of a policy file.")]
FollowLinks = Annotated[
    bool, Flag("--follow-links"), Field(description="Also follow links that lead out of an input folder.")
]
AllowDamage = Annotated[
    bool, Flag("--allow-damage"), Field(description="Go on even if nothing could be read of a named input.")
]
Columns = Annotated[
    ColumnMap,
    Flag("--map", "Columns of JSONL, Parquet and CSV, such as text=content,id=key,url=link."),
    Field(description="Columns of JSONL, Parquet and CSV."),
]
Unquoted = Annotated[
    bool,
    Flag("--unquoted"),
    Field(description="Quotes of CSV and TSV are plain characters: every line is a row."),
]
LakePath = Annotated[str, Field(min_length=1, description="Folder of the lake. Created when it does not exist.")]


def as_value_error(value: str, what: str) -> str:
    return value_or_error(lambda: check_name(value, what))


def value_or_error(make: Callable[[], T]) -> T:
    """What ``make`` gives; a usage error becomes the ``ValueError`` that a validator has to raise."""
    try:
        return make()
    except UsageError as error:
        raise ValueError(str(error)) from error
