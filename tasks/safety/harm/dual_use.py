"""Dual use: a blocklist of terms that a text about weapons or intrusion has, and that most texts do not.

Source: "Deep Ignorance" (arXiv 2508.06601): a list sends a document to a classifier, so that under a tenth of the
documents cost one. Our list is short and by topic (``lists/dual_use.txt``). Terms are matched in folded text, each once
a document. Cost: folding, and 100 MB/s for the search.
"""

from functools import lru_cache

import ahocorasick
import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.tasks.safety.harm.fold import fold
from gristmill.tasks.safety.harm.prepare import folded_lines
from gristmill.tasks.safety.harm.variants import ENDINGS
from gristmill.tasks.safety.harm.words import LISTS


@lru_cache(maxsize=1)
def blocklist() -> ahocorasick.Automaton:
    """Every term with its endings; the value is the term."""
    automaton = ahocorasick.Automaton()
    for line in (LISTS / "dual_use.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word = line.split("\t")[2]
            plain = fold(word.rstrip("+")).text
            for ending in ENDINGS if word.endswith("+") else ("",):
                automaton.add_word(plain + ending, plain)
    automaton.make_automaton()
    return automaton


def distinct_terms(texts: pl.Series) -> npt.NDArray[np.int32]:
    """How many terms of the blocklist stand in each text."""
    automaton = blocklist()
    return np.array([len({term for _, term in automaton.iter(text)}) for text in folded_lines(texts)], np.int32)
