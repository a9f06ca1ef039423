"""What people are shown holds no character that steers a terminal, turns a line around or breaks it.

Names that somebody gives are refused with the character; text that comes from elsewhere, such as an error that quotes a
file, is shown with U+FFFD in its place. The joiners of Persian and Indic scripts and of emoji are printable here.
"""

from gristmill.core.errors import UsageError

JOINERS = "\u200c\u200d"


def printable(text: str, keep: str = "\n\t") -> str:
    """``text`` with U+FFFD for every character that cannot be shown, but for those in ``keep``."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in keep or letter in JOINERS else "\ufffd" for letter in text
    )


def require_printable(text: str, what: str) -> str:
    """``text``. Raises :class:`UsageError` naming ``what`` where it holds a character that cannot be shown."""
    try:
        return checked_printable(text)
    except ValueError as error:
        raise UsageError(f"{what}: {error}") from error


def checked_printable(text: str) -> str:
    """``text``. Raises ``ValueError`` where it holds a character that cannot be shown."""
    wrong = next((letter for letter in text if not letter.isprintable() and letter not in JOINERS), None)
    if wrong is not None:
        raise ValueError(f"{text!r} holds {wrong!r}, which cannot be shown: take it out")
    return text
