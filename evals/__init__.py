"""Evaluation: suites, prompts, generation, graders, the code jail, statistics. Usable without ``tasks``."""
