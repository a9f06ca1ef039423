"""How a field of a settings model is written on the command line.

The mark stands in the field's annotation, beside its type and its bounds, so that an option stands in one file. Only
the command line reads it; it is not part of a schema, a digest or a form.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """An option of the command line, such as ``Annotated[str, Flag("--policy")]``.

    Fields without a flag are set by ``--set`` and ``--config`` alone.
    """

    name: str
    help: str = ""
    """What ``--help`` says where the field's description does not fit a command line."""
    env: str = ""
    """An environment variable that stands in for the default."""
    required: bool = False
    """Whether the verb needs it although the model has a default. A field without a default is always required."""
