"""Training runs: those that ended and those that still run, their curves, and their checkpoints."""
