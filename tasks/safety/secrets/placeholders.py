"""Values that stand where a secret would: placeholders, templates, sequences, and names of variables.

Cost: linear in the value, which its detector has bounded.
"""

import re
from itertools import pairwise

WORDS = re.compile(
    r"example|sample|dummy|fake|placeholder|changeme|change[-_]me|redacted|your|todo|foobar|testing|testtest|test[-_]|"
    r"[-_]test|x{4,}|\*{3,}|\.\.\.|…|insert|replace|undefined|removed|hidden|secret[-_]?(?:key|here)|"
    r"(?:pass|password|secret|token|key)[-_]?here|my[-_]?(?:pass|password|secret|token|key|super)|none|null|"
    r"super[-_]?secret|correct[-_ ]?horse|deadbeef|cafebabe|lorem|abcdef|123456|你的|您的|示例|占位",
    re.IGNORECASE,
)
TEMPLATE = re.compile(
    r"\$\{|\$\(|\{\{|#\{|%\{|%\(|\{\w*\}|^\$\w+$|^%\w+%$|^%[sdrv@]$|^<[^>]*>?$|^\[[^\]]*\]?$|^@[\w.]+@?$|"
    r"\w\(.*\)|^\(.*\)$|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|://|^\.{0,2}/|\\[ux]|&[a-z]+;"
)
CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[A-Za-z_]\w*::\w+|\w+->\w+")
RUN_SHARE = 0.5


def is_placeholder(value: str) -> bool:
    """Whether ``value`` names what would be there, is a template or a reference, or counts (``abcd1234``)."""
    return (
        WORDS.search(value) is not None
        or TEMPLATE.search(value) is not None
        or CODE.fullmatch(value) is not None
        or is_sequence(value)
    )


def is_sequence(value: str) -> bool:
    """Whether ``value`` repeats itself, has few characters, or mostly goes up or down by one."""
    if len(set(value)) <= min(max(3, len(value) // 6), 8) or value in (value + value)[1:-1]:
        return True
    steps = sum(abs(ord(left) - ord(right)) <= 1 for left, right in pairwise(value))
    return steps >= RUN_SHARE * (len(value) - 1)
