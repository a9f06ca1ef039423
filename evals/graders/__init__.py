"""Graders: pure functions from an item and what the model gave to a grade."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    """``verdict`` as in the table of samples, ``value`` 1 or 0, and the reason for a person.

    A grade whose verdict is ``infra`` says that the machine failed: it is no answer and counts in no score.
    """

    verdict: str
    value: float
    detail: str
