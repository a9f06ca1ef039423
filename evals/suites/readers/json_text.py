"""JSON from outside: whatever is wrong with it becomes a message, never a traceback.

Besides its own error ``json`` raises ``RecursionError`` for values nested too deeply, and ``ValueError`` for an integer
with too many digits. Cost: that of ``json.loads``.
"""

import json
from typing import Any

from gristmill.core.errors import UsageError


def parse_json(text: str | bytes, place: str, what: str = "line") -> Any:
    """The value of ``text``, which is at ``place``; messages call it ``what``.

    Raises :class:`UsageError` for text that is not JSON, is nested too deeply, or has a number with too many digits.
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
