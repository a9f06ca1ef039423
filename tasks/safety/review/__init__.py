"""What people decided, as a step's input: a snapshot that depends on the decisions and on nothing else."""
