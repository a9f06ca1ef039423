"""The DAGs (curate, mix, train, evaluate, pipeline), the command line and the deployments."""
