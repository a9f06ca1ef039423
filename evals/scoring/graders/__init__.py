"""Graders: pure functions from an item and the model's answer to a grade."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    """``verdict`` as in the table of samples, ``value`` from 0 to 1, the reason in words, and the program that was run.

    The verdict ``infra`` says that the machine failed: there is no answer, and it counts in no score.
    """

    verdict: str
    value: float
    detail: str
    program: str = ""


def judged(right: bool, detail: str) -> Grade:
    """The grade of an answer that is right or wrong."""
    return Grade("right" if right else "wrong", float(right), detail)
