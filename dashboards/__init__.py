"""The dashboards and the REST API. Reads the warehouse and nothing else."""
