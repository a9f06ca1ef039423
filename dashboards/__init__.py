"""What people look at, and the REST API. Reads the warehouse and nothing else."""
