"""The process that compares answers by algebra, for :mod:`.symbolic`. Imports nothing of Gristmill.

Its arguments are its limits (``{"cpu_seconds", "memory_bytes"}``) and the methods to serve. It reads one comparison per
line (``{"method", "gold", "found"}``) and answers with one line (``{"verdict", "detail"}``), after a first line that
says it is ready. Before it reads anything it limits itself: address space, no new files, no core dump. Each comparison
has its own processor time: a timer raises in Python, and two seconds later the kernel kills the process, in case it is
in C code. SymPy's output is discarded.

``minerva``: ``simplify(left - right) == 0`` on what SymPy's own LaTeX grammar parses, as in lm-eval 0.4.13. The grammar
is called directly, because ``parse_latex`` demands ANTLR 4.11 while its tables also run on 4.13, which math_verify
needs. ``math-verify``: ``verify(parse(gold), parse(found))`` of math_verify 0.9.0 without its own
timeouts, equal strings first, since the first equality that holds decides and strings cost nothing.
"""

import importlib
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

GRACE_SECONDS = 2
OPEN_FILES = 32

Verdict = tuple[str, str]


class OutOfTimeError(BaseException):
    """Not an ``Exception``, because SymPy catches those while it tries one rule after another."""


def main() -> None:
    """Serve comparisons until the other side hangs up."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    logging.disable(logging.CRITICAL)
    limits = json.loads(sys.argv[1])
    methods = {name: METHODS[name]() for name in sys.argv[2:]}
    clear_cache: Callable[[], None] = importlib.import_module("sympy.core.cache").clear_cache
    limit(limits["memory_bytes"])
    signal.signal(signal.SIGPROF, out_of_time)
    answer(replies, ("ready", ""))
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        answer(replies, timed(methods[asked["method"]], asked["gold"], asked["found"], limits["cpu_seconds"]))
        clear_cache()  # earlier comparisons must not affect the next one


def limit(memory_bytes: int) -> None:
    """Set the limits of the process; those of one comparison are in :func:`timed`."""
    for name, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(name)[1]
        lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (lowest, lowest))


def timed(compare: Callable[[str, str], Verdict], gold: str, found: str, cpu_seconds: int) -> Verdict:
    """The verdict of one comparison within its processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu_seconds + GRACE_SECONDS, hard))
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds, 0.2)
    try:
        verdict = compare(gold, found)
        signal.setitimer(signal.ITIMER_PROF, 0)
    except OutOfTimeError:
        signal.setitimer(signal.ITIMER_PROF, 0)
        return "timeout", f"undecided after {cpu_seconds} s of processor time"
    except MemoryError:
        signal.setitimer(signal.ITIMER_PROF, 0)
        return "memory", "undecided within its memory"
    return verdict


def out_of_time(*_: object) -> None:
    """Handler of the timer, which fires again in case something swallows the exception."""
    raise OutOfTimeError


def answer(replies: Any, verdict: Verdict) -> None:
    """Write one reply."""
    replies.write(json.dumps({"verdict": verdict[0], "detail": verdict[1]}) + "\n")
    replies.flush()


def minerva() -> Callable[[str, str], Verdict]:
    """The comparison of lm-eval's ``minerva_math``."""
    sympy = importlib.import_module("sympy")
    antlr = importlib.import_module("antlr4")
    latex = importlib.import_module("sympy.parsing.latex._parse_latex_antlr")

    def read(text: str) -> Any:
        text = text.strip()
        errors = latex.MathErrorListener(text)
        lexer = latex.LaTeXLexer(antlr.InputStream(text))
        parser = latex.LaTeXParser(antlr.CommonTokenStream(lexer))
        for part in (lexer, parser):
            part.removeErrorListeners()
            part.addErrorListener(errors)
        return latex.convert_relation(parser.math().relation())

    def compare(gold: str, found: str) -> Verdict:
        try:
            left, right = read(found), read(gold)
        except MemoryError:
            raise
        except Exception as error:  # what the grammar or SymPy cannot read is not an equal answer
            return "wrong", f"read {found[:80]!r}, expected {gold[:80]!r}: no formula that can be read ({_name(error)})"
        try:
            same = bool(sympy.simplify(left - right) == 0)
        except MemoryError:
            raise
        except Exception as error:  # intervals, relations, sets: these cannot be subtracted
            return "wrong", f"read {found[:80]!r}, expected {gold[:80]!r}: no difference ({_name(error)})"
        return ("right" if same else "wrong"), f"read {found[:80]!r}, expected {gold[:80]!r}"

    return compare


def math_verify() -> Callable[[str, str], Verdict]:
    """The comparison of math_verify."""
    library = importlib.import_module("math_verify")

    def compare(gold: str, found: str) -> Verdict:
        left, right = (library.parse(text, parsing_timeout=None) for text in (gold, found))
        texts = [[part for part in parts if isinstance(part, str)] for parts in (left, right)]
        same = any(one.strip() and one.strip() == other.strip() for one in texts[0] for other in texts[1])
        same = same or library.verify(left, right, timeout_seconds=None)
        shown = [next(iter(parts), "nothing")[:80] for parts in texts]
        return ("right" if same else "wrong"), f"read {shown[1]!r}, expected {shown[0]!r}"

    return compare


def _name(error: Exception) -> str:
    return type(error).__name__


METHODS: dict[str, Callable[[], Callable[[str, str], Verdict]]] = {"minerva": minerva, "math-verify": math_verify}

if __name__ == "__main__":
    main()
