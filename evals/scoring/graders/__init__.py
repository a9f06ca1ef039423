"""Graders: pure functions from an item and what the model gave to a grade."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    """``verdict`` as in the table of samples, ``value`` from 0 to 1, the reason for a person, and what was run.

    A grade whose verdict is ``infra`` says that the machine failed: it is no answer and counts in no score.
    """

    verdict: str
    value: float
    detail: str
    program: str = ""


def judged(right: bool, detail: str) -> Grade:
    """The grade of an answer that is right or wrong."""
    return Grade("right" if right else "wrong", float(right), detail)
