"""Prefect: the server of a lake, deployments, artifacts, and the record of runs."""
