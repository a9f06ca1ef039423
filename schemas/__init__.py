"""Contracts: Arrow schemas of every table, the lake's file protocol, config models, expectation suites."""
