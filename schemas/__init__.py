"""Contracts: the Arrow schema of every table, the models of evaluation and submission, the expectation suites."""
