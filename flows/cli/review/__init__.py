"""``gristmill review``: the queue, decisions, samples, agreement, signatures, and exchange with other tools."""
