"""The evaluate flow: checkpoints to scores."""
