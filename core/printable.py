"""Text for people, free of characters that control a terminal, reverse a line or break it.

A name that a user gives is refused if it has such a character; other text, such as an error that quotes a file, is
shown with U+FFFD in its place. The joiners of Persian and Indic scripts and of emoji count as printable.
"""

from gristmill.core.errors import UsageError

JOINERS = "\u200c\u200d"


def printable(text: str, keep: str = "\n\t") -> str:
    """``text`` with U+FFFD for every character that cannot be shown, except those in ``keep``."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in keep or letter in JOINERS else "\ufffd" for letter in text
    )


def require_printable(text: str, what: str) -> str:
    """``text``. Raises :class:`UsageError` naming ``what`` if it contains a character that cannot be shown."""
    try:
        return checked_printable(text)
    except ValueError as error:
        raise UsageError(f"{what}: {error}") from error


def checked_printable(text: str) -> str:
    """``text``. Raises ``ValueError`` if it contains a character that cannot be shown."""
    wrong = next((letter for letter in text if not letter.isprintable() and letter not in JOINERS), None)
    if wrong is not None:
        raise ValueError(f"{text!r} contains {wrong!r}, which cannot be shown: remove it")
    return text
