"""Every reader, by its name in suites."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gristmill.evals.suites.items import Item
from gristmill.evals.suites.readers.boards import agieval, agieval_cloze, ceval, cmmlu, gaokao_bench, mmlu
from gristmill.evals.suites.readers.choices import boolq, c3, race
from gristmill.evals.suites.readers.code import humaneval, mbpp
from gristmill.evals.suites.readers.lines import answer_items, choice_items, code_items
from gristmill.evals.suites.readers.mathematics import cmath, gsm8k, math, mgsm
from gristmill.evals.suites.readers.reading import cmrc2018, drop, squad, squad_olmes, squad_olmes_shots

Reader = Callable[[Sequence[Path]], Sequence[Item]]
READERS: Mapping[str, Reader] = {
    "agieval": agieval,
    "agieval-cloze": agieval_cloze,
    "answer-items": answer_items,
    "boolq": boolq,
    "c3": c3,
    "ceval": ceval,
    "choice-items": choice_items,
    "cmath": cmath,
    "cmmlu": cmmlu,
    "cmrc2018": cmrc2018,
    "code-items": code_items,
    "drop": drop,
    "gaokao-bench": gaokao_bench,
    "gsm8k": gsm8k,
    "humaneval": humaneval,
    "math": math,
    "mbpp": mbpp,
    "mgsm": mgsm,
    "mmlu": mmlu,
    "race": race,
    "squad": squad,
    "squad-olmes": squad_olmes,
    "squad-olmes-shots": squad_olmes_shots,
}
