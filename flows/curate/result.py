"""Whether a curation that ran to the end did what was asked: it read every input, and it kept something.

Both errors are raised after everything else is done, with the counts of the run, so that its funnel can be shown.
"""

from typing import Any

from gristmill.core.errors import GateError, GristmillError
from gristmill.schemas.stages import StageName

SHOWN = 5
RULES_SHOWN = 3


class _EndedRunError(GristmillError):
    """A run that still ran to its end, so its counts can be shown."""

    def __init__(self, message: str, counts: dict[str, Any]) -> None:
        super().__init__(message, counts)
        self.message = message
        self.counts = counts

    def __str__(self) -> str:
        return self.message


class LostInputError(_EndedRunError):
    """Nothing could be read of a named input. The results of the others are committed."""


class NothingKeptError(_EndedRunError, GateError):
    """No record was kept. Nothing was committed, so the previous curation stays current."""


def lost_input(lost: tuple[str, ...], counts: dict[str, Any]) -> LostInputError:
    """The error for inputs of which nothing was read."""
    more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    rest = "The other inputs were curated and kept. " if counts.get("kept", 1) else ""
    return LostInputError(
        f"nothing could be read of {', '.join(lost[:SHOWN])}{more}; the reasons are listed above, and in the table "
        f"set_aside. {rest}Repair or leave out what cannot be read and run the same command again, or give "
        "--allow-damage (allow_damage in a file) to go on without it.",
        counts,
    )


def nothing_kept(source: str, counts: dict[str, Any]) -> NothingKeptError:
    """The error for a run that kept nothing, with the rules that removed most."""
    hint = (
        f"Nothing was published, and an earlier curation of {source} stays as it is. If this is meant, give "
        "--allow-empty (allow_empty in a file)."
    )
    if not counts["records"]:
        return NothingKeptError(f"the inputs have no records, so nothing was kept. {hint}", counts)
    removed = sorted(
        ((count, rule, stage["stage"]) for stage in counts["stages"] for rule, count in stage["rejected"].items()),
        key=lambda entry: (-entry[0], entry[1]),
    )
    most = ", ".join(f"{rule} removed {count:,} (stage {stage})" for count, rule, stage in removed[:RULES_SHOWN])
    return NothingKeptError(f"none of {counts['records']:,} records was kept: {most}. {hint}", counts)


def is_nothing_new(counts: dict[str, Any], against: tuple[str, ...]) -> bool:
    """Whether everything that passed the policy was removed because an earlier curation has it: not an error."""
    deduplicate = next(stage for stage in counts["stages"] if stage["stage"] == StageName.DEDUPLICATE)
    return bool(against) and deduplicate["in"] > 0 and deduplicate["out"] == 0
