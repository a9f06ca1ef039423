"""The warning that small proxies carry wherever their weights or scores are shown."""

from gristmill.tasks.mix.mixers.mixer import Budget, Outcome

ENOUGH = 15_000_000
"""Proxies from this size on rank 1B models at a rank correlation above .89; at 1M it is .73 (Olmix, 2602.12237)."""


def feed_forward(width: int) -> int:
    """Width of the feed-forward of a trial model: 8/3 of the model's, so that its three matrices are 8 width²."""
    return round(width * 8 / 3)


def parameters(budget: Budget, vocab_size: int) -> int:
    """Parameters of the trial model of a budget: embeddings, blocks of about 12 width², and norms."""
    block = 4 * budget.width**2 + 3 * budget.width * feed_forward(budget.width) + 2 * budget.width
    return vocab_size * budget.width + budget.layers * block + budget.width


def size_of(outcome: Outcome, budget: Budget) -> int:
    """Parameters of the model of a finished trial: as told, else from its compute (6 FLOPs a parameter and token)."""
    return outcome.parameters or round(outcome.flops / (6 * budget.tokens))


def size_warning(count: int) -> str | None:
    """What to say beside weights or scores from proxies of ``count`` parameters; None for large ones."""
    if count >= ENOUGH:
        return None
    size = f"{count / 1e6:.2g}M" if count >= 1_000_000 else f"{count / 1e3:.0f}k"
    return (
        f"proxies of {size} parameters: below 15M the order of mixtures often changes with size (rank correlation with "
        "1B models .73 at 1M, above .89 from 15M on; arXiv 2602.12237). Check the winner at one larger size."
    )
