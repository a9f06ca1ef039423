"""Where the runs of a step happen: on this machine, or on a Ray cluster."""
