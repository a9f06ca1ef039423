"""Which lines C4 drops and why, and what it counts in each text, from facts about its lines.

Cost: about 5 ns a line.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import kernel

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LOREM_IPSUM, JAVASCRIPT, CURLY, POLICY = 1, 2, 4, 8  # bits of ``found``; policy phrases have POLICY and all above
KEPT, LONG_WORD, UNENDED, TOO_FEW_WORDS, ON_JAVASCRIPT, ON_POLICY = range(6)


class Limits(NamedTuple):
    """``min_words``, ``max_word_length``: of a line that stays. ``ended``: whether it must end in one of ``marks``.

    ``marks``: a truth value for each of the 256 bytes.
    """

    min_words: int
    max_word_length: int
    ended: bool
    marks: Mask


@kernel
def drop_reasons(words: Places, longest: Places, last: Bytes, dots: Mask, found: Words, limits: Limits) -> Bytes:
    """For each line why C4 drops it, ``KEPT`` when it does not; the first of the reasons in the order of their numbers.

    ``words``: of the line; ``longest``: characters of its longest word; ``last``: its last byte; ``dots``: whether it
    ends in three full stops; ``found``: what is in it.
    """
    reasons = np.empty(len(words), np.uint8)
    for line in range(len(words)):
        lorem, curly = found[line] & LOREM_IPSUM != 0, found[line] & CURLY != 0
        reason = KEPT
        if longest[line] > limits.max_word_length:
            reason = LONG_WORD
        elif limits.ended and (dots[line] or not limits.marks[last[line]]):
            reason = UNENDED
        elif words[line] < limits.min_words:
            reason = TOO_FEW_WORDS
        elif found[line] & JAVASCRIPT and not lorem:
            reason = ON_JAVASCRIPT
        elif found[line] >= POLICY and not lorem and not curly:
            reason = ON_POLICY
        reasons[line] = reason
    return reasons


@kernel
def sum_judged(reasons: Bytes, found: Words, sentences: Places, offsets: Positions) -> Positions:
    """What C4 counts in each text: an array of shape (texts, 5).

    Columns: sentences of lines that stay and hold neither lorem ipsum nor a curly bracket; lines with lorem ipsum; with
    a curly bracket; about JavaScript; with a policy phrase. Lines ``offsets[i]:offsets[i + 1]`` are those of text i.
    """
    result = np.zeros((len(offsets) - 1, 5), np.int64)
    for text in range(len(offsets) - 1):
        for line in range(offsets[text], offsets[text + 1]):
            if reasons[line] == KEPT:
                if found[line] & LOREM_IPSUM:
                    result[text, 1] += 1
                elif found[line] & CURLY:
                    result[text, 2] += 1
                else:
                    result[text, 0] += sentences[line]
            elif reasons[line] == ON_JAVASCRIPT:
                result[text, 3] += 1
            elif reasons[line] == ON_POLICY:
                result[text, 4] += 1
    return result
