"""A check before a run that the word splitters its policy needs are installed."""

from gristmill.core.errors import UsageError
from gristmill.tasks.filtering.policy import Policy
from gristmill.tasks.signals.fineweb2 import fineweb2_config
from gristmill.tasks.tokenization.languages import fineweb2_code
from gristmill.tasks.tokenization.segment import HINT


def refuse_missing_splitters(policy: Policy) -> None:
    """Raise :class:`UsageError` when ``policy`` judges by words of a language without an installed splitter."""
    judged = [
        branch
        for branch in policy.branches()
        if any(rule.signal.startswith("fineweb2.") for rule in branch.policy.rules)
    ]
    installed = fineweb2_config().splitters if judged else {}
    for branch in judged:
        rules = branch.policy.rules
        named = [rule.one_of or (rule.equals,) for rule in rules if rule.signal == "language.language"]
        wanted = {code for names in named for name in names if (code := fineweb2_code(str(name)))}
        if missing := sorted(wanted - set(installed)):
            raise UsageError(
                f"policy {branch.policy.name} needs the words of {', '.join(missing)}, and no splitter for them is "
                f"installed. Run: {HINT}"
            )
