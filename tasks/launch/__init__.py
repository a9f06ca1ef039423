"""Start, follow and stop training jobs. A job is a command and a run directory; no callables, no pickle."""
