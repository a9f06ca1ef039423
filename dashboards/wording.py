"""How pages, charts and tables write statuses, counts, durations and names."""

TONES = {
    "kept": "good",
    "succeeded": "good",
    "passed": "good",
    "pass": "good",
    "right": "good",
    "better": "good",
    "wrong": "bad",
    "worse": "bad",
    "exception": "bad",
    "timeout": "bad",
    "memory": "bad",
    "output_limit": "bad",
    "denied": "bad",
    "protocol": "bad",
    "infra": "warn",
    "stalled": "warn",
    "silent": "warn",
    "preempted": "warn",
    "lost": "bad",
    "not started": "warn",
    "cancelled": "plain",
    "running": "busy",
    "queued": "busy",
    "warned": "warn",
    "warning": "warn",
    "duplicate": "warn",
    "set_aside": "warn",
    "damage": "bad",
    "not_read": "bad",
    "undecided": "bad",
    "rejected": "bad",
    "failed": "bad",
    "stopped": "bad",
    "stopped_by_gate": "bad",
    "critical": "bad",
}


def tone(word: str) -> str:
    """The colour a status is shown in."""
    return TONES.get(word, "plain")


def words(code: str) -> str:
    """``stopped_by_gate`` as ``stopped by gate``."""
    return code.replace("_", " ")


def p_value(p: float) -> str:
    """A p-value with two digits, or the bound that it is below."""
    return f"p = {p:.2g}" if p >= 0.0001 else "p < 0.0001"


def count(number: int) -> str:
    """A count with thousands separators."""
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """A percentage with one decimal."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def seconds(value: float | None) -> str:
    """A duration in readable form."""
    if value is None:
        return "–"
    if value < 60:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def distinct(keys: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A name for each (name, digest): the name alone where it is the only one of that name."""
    names = [name for name, _ in keys]
    return {key: key[0] if key[0] and names.count(key[0]) == 1 else f"{key[0]} {key[1][:8]}".strip() for key in keys}
