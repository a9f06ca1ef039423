"""The train flow: mixtures to checkpoints."""
