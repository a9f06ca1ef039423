"""How a field of a settings model is written on the command line.

The mark is in the field's annotation, next to its type and bounds, so that one file defines an option. Only the command
line reads it; it is not part of a schema, a digest or a form.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """An option of the command line, such as ``Annotated[str, Flag("--policy")]``.

    Fields without a flag are set by ``--set`` and ``--config`` alone.
    """

    name: str
    help: str = ""
    """The ``--help`` text, where the field's description does not suit a command line."""
    env: str = ""
    """An environment variable that stands in for the default."""
    required: bool = False
    """Whether the verb needs it although the model has a default. A field without a default is always required."""
