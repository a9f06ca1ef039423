"""JSON that somebody else wrote: whatever is wrong with it becomes a message, never a traceback.

Beside its own error ``json`` raises ``RecursionError`` for what is nested too deeply, and ``ValueError`` for an integer
of too many digits. Cost: that of ``json.loads``.
"""

import json
from typing import Any

from gristmill.core.errors import UsageError


def parse_json(text: str | bytes, place: str, what: str = "line") -> Any:
    """The value of ``text``, which stands at ``place``; ``what`` is what it is called there.

    Raises :class:`UsageError` for what is not JSON, nested too deeply, or holds a number of too many digits.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{place}: this {what} is not JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{place}: this {what} is not UTF-8 text: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{place}: this {what} is nested too deeply to be read. Take it out or flatten it.") from error
    except ValueError as error:
        raise UsageError(f"{place}: this {what} has a number that cannot be read: {error}") from error
