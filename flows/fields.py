"""Fields that several settings models share."""

from typing import Annotated

from pydantic import AfterValidator, Field

from gristmill.core.errors import UsageError
from gristmill.core.files.places import check_name
from gristmill.core.flag import Flag
from gristmill.tasks.ingest.names import storable

Workers = Annotated[int, Flag("--workers"), Field(ge=1, le=256, description="Shards worked on at the same time.")]
InputWord = Annotated[str, AfterValidator(storable)]
LakePath = Annotated[str, Field(min_length=1, description="Folder of the lake. Created when it does not exist.")]


def as_value_error(value: str, what: str) -> str:
    try:
        return check_name(value, what)
    except UsageError as error:
        raise ValueError(str(error)) from error
