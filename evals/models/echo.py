"""The log-probabilities of a prompt's own tokens, as a server of OpenAI's completions protocol echoes them.

What is not a log-probability is refused with a reason, never repaired: null, NaN, a value above zero, or zeros from a
server that computes none.
"""

import math

from gristmill.evals.models.completion import Completion

ROUNDING = 1e-6
"""How far above zero, in nats, rounding in the server's number format may put a log-probability."""
IMPOSSIBLE = -9999.0
"""What vLLM writes for minus infinity and NaN, which JSON does not have."""

Scores = tuple[list[float], bool]
"""Log-probabilities of some tokens in nats, and whether each token was the likeliest."""


def refusal(found: Completion, first: int, end: int) -> str | None:
    """What is wrong with the log-probabilities of tokens ``first .. end - 1``; None if they are plausible.

    A server that computes none for a prompt may write zeros. No prompt is certain from its beginning.
    """
    logprobs = found.choices[0].logprobs
    if logprobs is None:
        return "there are no log-probabilities"
    tops = [value for top in (logprobs.top_logprobs or [])[first:end] for value in (top or {}).values()]
    wrong = [value for value in (*logprobs.token_logprobs[first:end], *tops) if not _is_log_probability(value)]
    if wrong:
        return f"a log-probability is {'null' if wrong[0] is None else wrong[0]}, which is not a number up to zero"
    whole = [value for value in logprobs.token_logprobs[1:end] if value is not None]
    if len(whole) > 1 and all(abs(value) <= ROUNDING for value in whole):
        return "all log-probabilities of a prompt are zero, so the server computes none"
    return None


def _is_log_probability(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and IMPOSSIBLE < value <= ROUNDING


def likelihoods(found: Completion, first: int, end: int) -> Scores:
    """Of tokens ``first .. end - 1``: the log-probabilities, and whether no other token was likelier."""
    logprobs = found.choices[0].logprobs
    if logprobs is None:
        raise ValueError("this completion has no log-probabilities")
    values = [min(value, 0.0) for value in logprobs.token_logprobs[first:end] if value is not None]
    tops = [[top for top in (tops or {}).values() if top is not None] for tops in logprobs.top_logprobs or []]
    greedy = all(bool(top) and value >= min(max(top), 0.0) for value, top in zip(values, tops[first:end], strict=False))
    return values, greedy and len(tops[first:end]) == len(values)
