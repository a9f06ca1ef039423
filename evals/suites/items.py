"""The items of suites: one class for each kind of question. Only readers know which benchmark an item comes from.

``group`` names what several items share, such as a passage or an article: their answers are correlated, so error bars
use the group as the unit. ``subset`` is the subject of a board; it has its own score, and macro averages weigh subsets
equally.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from gristmill.core.config import Config

Name = Annotated[str, Field(pattern=r"^[\w][\w./:-]{0,119}$")]
Text = Annotated[str, Field(min_length=1)]
NUMBER_PATTERN = r"^-?[0-9][0-9,]*(\.[0-9]+)?(/[1-9][0-9]*)?%?$"
Number = Annotated[str, Field(pattern=NUMBER_PATTERN)]
Answer = Annotated[tuple[str, ...], Field(min_length=1)]


class _Item(Config):
    """What every item has."""

    id: Name
    group: str = Field(default="", description="what it shares with other items; empty if nothing")
    subset: str = Field(default="", description="subject of a board; empty if there are none")


class CodeItem(_Item):
    """Write a function. ``check`` and ``setup`` are trusted and run outside the jail.

    See ``gristmill.evals.oracle.verdicts.Program``.
    """

    question: str = Field(default="", description="the task in words, if it is not in the prompt")
    prompt: str = Field(default="", pattern=r"^$|\n$", description="whole lines that the completion continues")
    entry_point: str = Field(pattern=r"^[A-Za-z_]\w*$", description="name of the function that the check calls")
    solution: Text = Field(description="the gold completion: after the prompt, it passes the check")
    check: Text = Field(description="text that defines check(candidate), or statements that call the entry point")
    setup: str = Field(default="", description="helpers and imports of the check")
    live: bool = Field(
        default=False, description="the check needs objects that are not plain data, so it runs in the jail"
    )


class AnswerItem(_Item):
    """Answer in words or numbers.

    ``answers`` are the accepted answers, each of one or more parts (DROP asks for several spans; all others for one).
    """

    passage: str = ""
    question: Text
    answers: Annotated[tuple[Answer, ...], Field(min_length=1)]
    solution: str = Field(default="", description="the gold answer as its authors wrote it, including worked steps")
    tolerance: Number = Field(
        default="0", description="largest absolute difference that counts as right, an exact number"
    )

    @property
    def gold(self) -> str:
        """The gold answer in readable form, whose bits are counted."""
        return self.solution or ", ".join(self.answers[0])


class ChoiceItem(_Item):
    """Choose one of the options; ``answer`` is the index of the right one, from 0."""

    passage: str = ""
    question: Text
    options: Annotated[tuple[Text, ...], Field(min_length=2)]
    answer: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.answer >= len(self.options):
            raise ValueError(f"answer {self.answer} is not one of the {len(self.options)} options, counted from 0")
        return self

    @property
    def chance(self) -> float:
        """The score of guessing."""
        return 1 / len(self.options)


Item = CodeItem | AnswerItem | ChoiceItem
