"""Experiments on the training data: arms and a control, seed by seed, registered before the first job."""
